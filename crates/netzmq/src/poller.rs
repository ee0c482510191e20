//! Waiting for many sockets at once, at a cost that grows with the ready ones only.
//!
//! Every socket rings when something changes at it, and only those that rang (or were ready the last time) are looked
//! at. Readiness is level: a socket is reported as long as it is ready.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::deadline;
use crate::pipe::mailbox::Alarm;
use crate::socket::Socket;
use crate::socket::core::Shared;
use crate::socket::stay::Ask;
use crate::socket::watch::WatchKey;
use crate::sync::{Mutex, MutexGuard, SleepQueue, Wake, lock};

/// What to wait for.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Default)]
pub struct Interest {
    /// A message can be received.
    pub readable: bool,
    /// A message can be sent.
    pub writable: bool,
}

impl Interest {
    /// Only receiving.
    pub const READABLE: Interest = Interest { readable: true, writable: false };
    /// Only sending.
    pub const WRITABLE: Interest = Interest { readable: false, writable: true };
    /// Both.
    pub const BOTH: Interest = Interest { readable: true, writable: true };

    /// Something that is wanted can be done: `ready` says whether there is something to receive, and room to send.
    pub(crate) fn is_met_by(self, ready: (bool, bool)) -> bool {
        self.readable && ready.0 || self.writable && ready.1
    }
}

/// A socket that is ready.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub struct Readiness {
    /// The key under which the socket was added.
    pub key: usize,
    /// A message can be received without waiting.
    pub readable: bool,
    /// A message can be sent without waiting.
    pub writable: bool,
}

/// Waits for many sockets.
///
/// ```
/// use netzmq::{Context, Interest, Poller};
/// let context = Context::new();
/// let (a, b) = (context.pull().bind("inproc://a")?, context.pull().bind("inproc://b")?);
/// let push = context.push().connect("inproc://b")?;
/// let mut poller = Poller::new();
/// poller.add(&a, 0, Interest::READABLE);
/// poller.add(&b, 1, Interest::READABLE);
/// push.send("hello")?;
/// let ready = poller.wait(None);
/// assert_eq!(ready[0].key, 1);
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct Poller {
    bell: Arc<Bell>,
    watched: HashMap<usize, Watched>,
    /// Keys that were ready at the last look, to be looked at again.
    hot: Vec<usize>,
    ready: Vec<Readiness>,
}

#[derive(Debug)]
struct Watched {
    shared: Arc<Shared>,
    watch: WatchKey,
    interest: Interest,
}

/// Where sockets ring.
#[derive(Debug, Default)]
pub(crate) struct Bell {
    rung: Mutex<Vec<usize>>,
    queue: SleepQueue,
}

/// One socket's bell-pull.
struct Pull {
    bell: Arc<Bell>,
    key: usize,
}

impl Bell {
    fn lock(&self) -> MutexGuard<'_, Vec<usize>> {
        lock(&self.rung)
    }

    pub(crate) fn ring(&self, key: usize) {
        {
            let mut rung = self.lock();
            if !rung.contains(&key) {
                rung.push(key);
            }
        }
        self.queue.notify_all();
    }

    /// Waits until somebody has rung, or a signal handler has run; takes who has rung.
    pub(crate) fn wait(&self, deadline: Option<Instant>, into: &mut Vec<usize>) -> Wake {
        let mut rung = self.lock();
        let mut wake = Wake::Maybe;
        while rung.is_empty() && wake == Wake::Maybe {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            (rung, wake) = self.queue.wait(&self.rung, rung, left);
        }
        into.append(&mut rung);
        wake
    }
}

impl Alarm for Pull {
    fn ring(&self) {
        self.bell.ring(self.key);
    }
}

/// Lets `shared` ring `bell` under `key`.
pub(crate) fn hang(bell: &Arc<Bell>, shared: &Shared, key: usize) -> WatchKey {
    shared.watch(Arc::new(Pull { bell: bell.clone(), key }))
}

impl Poller {
    /// A poller of nothing yet.
    #[must_use]
    pub fn new() -> Poller {
        Poller::default()
    }

    /// Watches `socket` under `key`, which replaces what was watched under it before. The socket may be closed while it
    /// is watched; it is never ready then. When its context is terminated it is always ready, and the next call on it
    /// says so.
    pub fn add(&mut self, socket: &impl AsRef<Socket>, key: usize, interest: Interest) {
        self.remove(key);
        let shared = socket.as_ref().shared().clone();
        let watch = hang(&self.bell, &shared, key);
        self.watched.insert(key, Watched { shared, watch, interest });
        self.hot.push(key);
    }

    /// Changes what is waited for. Returns whether something is watched under `key`.
    pub fn modify(&mut self, key: usize, interest: Interest) -> bool {
        match self.watched.get_mut(&key) {
            Some(watched) => {
                watched.interest = interest;
                self.hot.push(key);
                true
            }
            None => false,
        }
    }

    /// Ends a watch. Returns whether there was one.
    pub fn remove(&mut self, key: usize) -> bool {
        match self.watched.remove(&key) {
            Some(watched) => {
                watched.shared.unwatch(watched.watch);
                true
            }
            None => false,
        }
    }

    /// Sockets watched.
    #[must_use]
    pub fn len(&self) -> usize {
        self.watched.len()
    }

    /// Nothing is watched.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.watched.is_empty()
    }

    /// Waits until a socket is ready, and tells which are; empty when `timeout` is over (`None`: waits for ever).
    pub fn wait(&mut self, timeout: Option<Duration>) -> &[Readiness] {
        let deadline = timeout.map(deadline::after);
        self.ready.clear();
        let mut look = std::mem::take(&mut self.hot);
        // What has rung since, without waiting.
        look.append(&mut self.bell.lock());
        loop {
            look.sort_unstable();
            look.dedup();
            for key in look.drain(..) {
                let Some(watched) = self.watched.get(&key) else { continue };
                let (readable, writable) = watched.shared.events(watched.interest, Ask::Yes);
                let over = watched.shared.is_terminated();
                let readable = (readable || over) && watched.interest.readable;
                let writable = (writable || over) && watched.interest.writable;
                if readable || writable {
                    self.ready.push(Readiness { key, readable, writable });
                    self.hot.push(key);
                }
            }
            if !self.ready.is_empty() || deadline.is_some_and(|d| Instant::now() >= d) {
                return &self.ready;
            }
            self.bell.wait(deadline, &mut look);
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        for (_, watched) in self.watched.drain() {
            watched.shared.unwatch(watched.watch);
        }
    }
}
