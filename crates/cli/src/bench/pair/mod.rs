//! Two sockets, two threads and a clock: the caller sends, a thread of the pair receives.
//!
//! * [`body`]: what is sent and how it is known again. [`routers`]: our two sockets, and what sending and receiving have
//!   in common. How bodies are made and taken is the benchmark's business, which gives [`Pair::run`] two functions.
//!
//! Invariant: when [`Pair::run`] returns `Ok`, both functions have returned, so all that was sent has been received and
//! checked. After an error the pair is of no more use.

pub(crate) mod body;
pub(crate) mod routers;

use std::sync::mpsc::{self, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::Result;
use crate::error::Failure;

/// The sender, and the thread that receives from it.
pub(crate) struct Pair<S, R> {
    sender: S,
    /// `None` only while the pair is dropped, which ends the thread.
    jobs: Option<SyncSender<Job<R>>>,
    reports: mpsc::Receiver<Report>,
    thread: Option<JoinHandle<()>>,
}

type Job<R> = Box<dyn FnOnce(&mut R) -> Result<()> + Send>;

#[derive(Debug)]
enum Report {
    /// The receiver begins: the clock may start.
    Ready,
    /// When all were received, or why not.
    Done(Result<Instant>),
}

impl<S, R: Send + 'static> Pair<S, R> {
    /// Of two ends that are connected.
    pub(crate) fn new((sender, mut receiver): (S, R)) -> Result<Pair<S, R>> {
        let (jobs, jobs_in) = sync_channel::<Job<R>>(1);
        let (reports_out, reports) = sync_channel(2);
        let thread = std::thread::Builder::new().name("receiver".to_owned()).spawn(move || {
            for job in jobs_in {
                // Nobody listens any more: then nobody gives jobs any more either.
                let _ = reports_out.send(Report::Ready);
                let result = job(&mut receiver);
                let _ = reports_out.send(Report::Done(result.map(|()| Instant::now())));
            }
        });
        let thread = thread.map_err(|source| Failure::Io { what: "a thread".to_owned(), source })?;
        Ok(Pair { sender, jobs: Some(jobs), reports, thread: Some(thread) })
    }

    /// Sends while the other thread receives; returns how long it took until `receive` was done.
    pub(crate) fn run(
        &mut self,
        send: impl FnOnce(&mut S) -> Result<()>,
        receive: impl FnOnce(&mut R) -> Result<()> + Send + 'static,
    ) -> Result<Duration> {
        let ordered = self.jobs.as_ref().is_some_and(|jobs| jobs.send(Box::new(receive)).is_ok());
        if !ordered || !matches!(self.reports.recv(), Ok(Report::Ready)) {
            return Err(gone());
        }
        let start = Instant::now();
        send(&mut self.sender)?;
        let Ok(Report::Done(end)) = self.reports.recv() else { return Err(gone()) };
        Ok(end?.saturating_duration_since(start))
    }
}

fn gone() -> Failure {
    Failure::Wrong("the receiving thread is gone".to_owned())
}

impl<S, R> Drop for Pair<S, R> {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell that was not reported.
            let _ = thread.join();
        }
    }
}
