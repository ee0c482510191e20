//! How far a benchmark is: a bar on a terminal, a line now and then elsewhere. Standard error only.

use std::io::IsTerminal;
use std::time::Instant;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Shows progress until dropped.
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    started: Instant,
}

impl Progress {
    /// Of so many steps in all.
    pub(crate) fn new(steps: u64) -> Progress {
        let bar = std::io::stderr().is_terminal().then(|| {
            // Four draws a second: drawing must not take the processor from what is measured.
            let bar = ProgressBar::with_draw_target(Some(steps), ProgressDrawTarget::stderr_with_hz(4));
            let look = "{bar:32.green/dim} {percent:>3} %  {msg}  {elapsed} gone, {eta} to go";
            bar.set_style(
                ProgressStyle::with_template(look).unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
            bar
        });
        Progress { bar, started: Instant::now() }
    }

    /// Shows nothing.
    #[cfg(test)]
    pub(crate) fn none() -> Progress {
        Progress { bar: None, started: Instant::now() }
    }

    /// A new section begins: a line of its own where there is no bar.
    pub(crate) fn section(&self, name: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(name.to_owned()),
            None => eprintln!("[{:7.1} s] {name}", self.started.elapsed().as_secs_f64()),
        }
    }

    /// Does something that writes to the terminal, with the bar out of the way.
    pub(crate) fn aside<R>(&self, write: impl FnOnce() -> R) -> R {
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// One step done.
    pub(crate) fn step(&self) {
        if let Some(bar) = &self.bar {
            bar.inc(1);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
