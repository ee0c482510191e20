//! The few words between a program and whoever started it; see the crate's front page.

use std::io::{BufRead, Write, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn say(word: &str) {
    let mut out = stdout().lock();
    // A driver that has gone away is not this side's failure: the run ends when standard input does.
    let _ = writeln!(out, "{word}").and_then(|()| out.flush());
}

/// Says that the endpoint is bound.
pub fn ready() {
    say("ready");
}

/// Says that every socket has received something.
pub fn synced() {
    say("synced");
}

fn wait_for(word: &str) {
    for line in stdin().lock().lines() {
        if line.is_ok_and(|line| line.trim() == word) {
            return;
        }
    }
}

/// Waits until the other side has measured (or standard input ends).
pub fn wait_for_stop() {
    wait_for("stop");
}

/// Opens when `go` is read from standard input. Afterwards standard input is free for [`wait_for_stop`].
#[derive(Debug)]
pub struct Gate {
    open: Arc<AtomicBool>,
}

impl Gate {
    /// Starts to listen for `go`.
    pub fn new() -> Gate {
        let open = Arc::new(AtomicBool::new(false));
        let writer = open.clone();
        std::thread::spawn(move || {
            wait_for("go");
            // Relaxed: a flag alone; nothing is published with it.
            writer.store(true, Ordering::Relaxed);
        });
        Gate { open }
    }

    /// Whether `go` has been said.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Relaxed)
    }
}

impl Default for Gate {
    fn default() -> Self {
        Self::new()
    }
}
