//! What happens to a socket's connections, told as it happens.
//!
//! Events are told to one sink a socket, on the thread on which they happen and never under the socket's lock. A sink
//! must not block. [`Monitor`] is the ready-made one: a bounded queue to receive from.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use crate::deadline;

/// Receives events.
pub(crate) type MonitorSink = Arc<dyn Fn(MonitorEvent) + Send + Sync>;

/// Why a connection that this side ended on its own was disconnected.
pub(crate) const CLOSED_BY_THIS_SIDE: &str = "closed by this side";

/// One happening.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MonitorEvent {
    /// What happened.
    pub kind: EventKind,
    /// This side's endpoint: where it listens, or is connected from. Empty when there is none yet.
    pub local: String,
    /// The peer's endpoint: where it connects from, or what was connected to. Empty for listeners' events.
    pub remote: String,
    /// The peer's routing id, from the handshake on. Empty if it did not name itself.
    pub routing_id: Vec<u8>,
    /// The descriptor of the connection or listener, -1 where there is none. A number to report, not to use.
    pub fd: i32,
    /// The system's error number behind a failed handshake; 0: none.
    pub errno: i32,
    /// It is about a listener, or a connection that was accepted; else about one that this side makes.
    pub incoming: bool,
}

/// Kinds of happenings. Names follow libzmq's `ZMQ_EVENT_*`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventKind {
    /// A connection was made; its handshake follows.
    Connected,
    /// A connection is being made.
    ConnectDelayed,
    /// An attempt failed; the next one comes after this pause.
    ConnectRetried(Duration),
    /// A bound endpoint accepts connections.
    Listening,
    /// An endpoint could not be bound. The system's error number.
    BindFailed(i32),
    /// A peer's connection was accepted; its handshake follows.
    Accepted,
    /// Accepting failed. The system's error number.
    AcceptFailed(i32),
    /// A listener, or an unsuccessful attempt to connect, was closed.
    Closed,
    /// An established connection was lost or closed. Why, in words.
    Disconnected(String),
    /// The handshake is complete: messages may flow.
    HandshakeSucceeded,
    /// The peer broke the protocol during the handshake. Why, and libzmq's `ZMQ_PROTOCOL_ERROR_*` number (0: none).
    HandshakeFailedProtocol {
        /// In words.
        reason: String,
        /// libzmq's number.
        code: u32,
    },
    /// Authentication refused the peer, with this status (300, 400 or 500).
    HandshakeFailedAuth(u16),
    /// The handshake failed otherwise: the connection broke, or it took too long. Why, in words.
    HandshakeFailed(String),
    /// The socket is closed, or another monitor took over: nothing more will come.
    Stopped,
}

impl MonitorEvent {
    pub(crate) fn new(kind: EventKind, local: &str, remote: &str) -> MonitorEvent {
        MonitorEvent {
            kind,
            local: local.to_owned(),
            remote: remote.to_owned(),
            routing_id: Vec::new(),
            fd: -1,
            errno: 0,
            incoming: false,
        }
    }

    pub(crate) fn with_fd(mut self, fd: &impl std::os::fd::AsFd) -> MonitorEvent {
        use std::os::fd::AsRawFd;
        self.fd = fd.as_fd().as_raw_fd();
        self
    }

    pub(crate) fn incoming(mut self, incoming: bool) -> MonitorEvent {
        self.incoming = incoming;
        self
    }

    /// The event that ends a monitor.
    #[doc(hidden)]
    #[must_use]
    pub fn stopped() -> MonitorEvent {
        MonitorEvent::new(EventKind::Stopped, "", "")
    }
}

/// More events than this waiting mean that nobody reads them: the oldest are dropped, and counted.
const EVENTS_MAX: usize = 10_000;

/// Receives a socket's events, from the moment it was made. See [`Socket::monitor`](crate::Socket::monitor).
///
/// ```
/// use std::time::Duration;
/// use netzmq::{Context, EventKind};
/// let context = Context::new();
/// let pull = context.pull().open()?;
/// let monitor = pull.monitor(); // before `bind`, to miss nothing
/// let push = context.push().connect(pull.bind("tcp://127.0.0.1:*")?)?;
/// let ready = monitor.wait_for(Duration::from_secs(10), |event| event.kind == EventKind::HandshakeSucceeded);
/// println!("{} is here", ready.expect("it connects").remote);
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Monitor {
    queue: Arc<Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    state: Mutex<State>,
    condvar: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<MonitorEvent>,
    dropped: u64,
}

impl Monitor {
    pub(crate) fn new() -> (Monitor, MonitorSink) {
        let queue = Arc::new(Queue::default());
        let source = Source(queue.clone());
        (Monitor { queue }, Arc::new(move |event| source.0.push(event)))
    }

    /// The next event; waits for it. `None` when `timeout` is over.
    #[must_use]
    pub fn recv_timeout(&self, timeout: Duration) -> Option<MonitorEvent> {
        let deadline = deadline::after(timeout);
        let mut state = self.queue.lock();
        loop {
            if let Some(event) = state.events.pop_front() {
                return Some(event);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.queue.condvar.wait_timeout(state, left);
            state = waited.unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// The next event, if one is here.
    #[must_use]
    pub fn try_recv(&self) -> Option<MonitorEvent> {
        self.queue.lock().events.pop_front()
    }

    /// Waits for an event that `wanted` accepts, dropping the others. `None` when `timeout` is over.
    #[must_use]
    pub fn wait_for(
        &self,
        timeout: Duration,
        mut wanted: impl FnMut(&MonitorEvent) -> bool,
    ) -> Option<MonitorEvent> {
        let deadline = deadline::after(timeout);
        loop {
            let event = self.recv_timeout(deadline.saturating_duration_since(Instant::now()))?;
            if wanted(&event) {
                return Some(event);
            }
        }
    }

    /// Events dropped because nobody took them.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.lock().dropped
    }
}

/// The socket's end of a queue. It goes when no event can come any more.
#[derive(Debug)]
struct Source(Arc<Queue>);

impl Drop for Source {
    fn drop(&mut self) {
        self.0.push(MonitorEvent::stopped());
    }
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    fn push(&self, event: MonitorEvent) {
        let mut state = self.lock();
        if state.events.len() == EVENTS_MAX {
            state.events.pop_front();
            state.dropped += 1;
        }
        state.events.push_back(event);
        self.condvar.notify_all();
    }
}
