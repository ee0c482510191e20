//! Two threads and a clock: the caller sends, a thread of the link receives.
//!
//! Invariant: when [`Link::run`] returns `Ok`, all that was sent has been received and checked, and nothing is under
//! way. After an error the link is of no more use.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::courier::{self, Sender};
use super::strategy::Strategy;
use crate::Result;
use crate::error::Failure;

/// The sender, and the thread that receives from it.
#[derive(Debug)]
pub(crate) struct Link {
    sender: Sender,
    /// `None` only while it is dropped, which ends the thread.
    orders: Option<SyncSender<Order>>,
    reports: Receiver<Report>,
    thread: Option<JoinHandle<()>>,
}

/// Receive so many, in this way.
#[derive(Debug)]
struct Order {
    strategy: Strategy,
    count: u64,
}

#[derive(Debug)]
enum Report {
    /// The receiver begins: the clock may start.
    Ready,
    /// When all were received, or why not.
    Done(Result<Instant>),
}

impl Link {
    /// For bodies of `size` bytes.
    pub(crate) fn new(size: usize) -> Result<Link> {
        let (sender, mut receiver) = courier::connect(size)?;
        let (orders, orders_in) = sync_channel::<Order>(1);
        let (reports_out, reports) = sync_channel(2);
        let thread = std::thread::Builder::new().name("receiver".to_owned()).spawn(move || {
            for Order { strategy, count } in orders_in {
                // Nobody listens any more: then nobody orders any more either.
                let _ = reports_out.send(Report::Ready);
                let result = receiver.receive_all(strategy, count);
                let _ = reports_out.send(Report::Done(result.map(|()| Instant::now())));
            }
        });
        let thread = thread.map_err(|source| Failure::Io { what: "a thread".to_owned(), source })?;
        Ok(Link { sender, orders: Some(orders), reports, thread: Some(thread) })
    }

    /// Sends `count` messages; returns how long it took until the last one was received.
    pub(crate) fn run(&mut self, strategy: Strategy, count: u64) -> Result<Duration> {
        let callbacks = Sender::callbacks();
        let ordered =
            self.orders.as_ref().is_some_and(|orders| orders.send(Order { strategy, count }).is_ok());
        if !ordered || !matches!(self.reports.recv(), Ok(Report::Ready)) {
            return Err(gone());
        }
        let start = Instant::now();
        self.sender.send_all(strategy, count)?;
        let Ok(Report::Done(end)) = self.reports.recv() else { return Err(gone()) };
        let time = end?.saturating_duration_since(start);
        if strategy == Strategy::MessageZeroCopy {
            courier::callbacks_came(callbacks, count)?;
        }
        Ok(time)
    }
}

fn gone() -> Failure {
    Failure::Wrong("the receiving thread is gone".to_owned())
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(thread) = self.thread.take() {
            // It has nothing to tell that was not reported.
            let _ = thread.join();
        }
    }
}
