//! The process's resident memory while a benchmark runs, sampled by a thread of its own.
//!
//! A sample is one read from an open file and allocates nothing, so it shows neither in the counts nor (at fifty a
//! second) in the times. Memory is bounded: when the samples are full, every second one is dropped and sampling goes on at
//! half the pace.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const INTERVAL: Duration = Duration::from_millis(20);
const SAMPLES_MAX: usize = 4096;

/// Seconds since the start, and bytes.
pub(crate) type Sample = (f64, f64);

/// Samples until it is stopped.
#[derive(Debug)]
pub(crate) struct Watch {
    started: Instant,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Vec<Sample>>>,
}

impl Watch {
    /// Starts sampling. Where the system does not tell, there will be no samples.
    pub(crate) fn start() -> Watch {
        let started = Instant::now();
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let thread = std::thread::Builder::new().name("resident".to_owned());
        // Without a thread there are no samples, as without a file.
        let thread = thread.spawn(move || sample(started, &stopped)).ok();
        Watch { started, stop, thread }
    }

    /// Seconds since the start.
    pub(crate) fn seconds(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Ends it.
    pub(crate) fn stop(mut self) -> Vec<Sample> {
        // Relaxed: the thread sees it soon, and the join orders the rest.
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn sample(started: Instant, stop: &AtomicBool) -> Vec<Sample> {
    let mut samples = Vec::with_capacity(SAMPLES_MAX);
    let Ok(file) = File::open("/proc/self/statm") else { return samples };
    let mut interval = INTERVAL;
    while !stop.load(Ordering::Relaxed) {
        if let Some(bytes) = resident(&file) {
            samples.push((started.elapsed().as_secs_f64(), bytes));
        }
        if samples.len() == SAMPLES_MAX {
            let mut keep = false;
            samples.retain(|_| {
                keep = !keep;
                keep
            });
            interval *= 2;
        }
        std::thread::sleep(interval);
    }
    samples
}

/// The second number of `statm`, in pages.
fn resident(file: &File) -> Option<f64> {
    const PAGE: f64 = 4096.0;
    let mut text = [0; 128];
    let len = file.read_at(&mut text, 0).ok()?;
    let text = std::str::from_utf8(text.get(..len)?).ok()?;
    Some(text.split(' ').nth(1)?.parse::<f64>().ok()? * PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_process_has_memory() {
        let file = File::open("/proc/self/statm").unwrap();
        assert!(resident(&file).unwrap() > 65_536.0);
        let watch = Watch::start();
        while watch.seconds() < 0.01 {
            std::thread::yield_now();
        }
        assert!(watch.seconds() > 0.0);
        let samples = watch.stop();
        assert!(samples.iter().all(|(seconds, bytes)| *seconds >= 0.0 && *bytes > 0.0));
    }
}
