//! What a socket and a context have done and hold: counters that are always on.
//!
//! They are plain fields under the socket's lock, moved where the lock is held anyway: messages with each message, bytes
//! with each system call, everything else when it happens. A snapshot takes that lock once.

use std::fmt;
use std::time::Duration;

use netzmq_memory::PoolStats;
use netzmq_proto::SocketType;

/// What went through a socket, or through the pipe to one of its peers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Traffic {
    /// Whole messages that the application (or, for envelopes and subscriptions, the pattern) has taken.
    pub messages_in: u64,
    /// Whole messages that were accepted for sending: written, or still queued.
    pub messages_out: u64,
    /// Bytes read from the wire, with framing, commands and encryption; over `inproc` the bodies' bytes.
    pub bytes_in: u64,
    /// Bytes that the system has taken to send; over `inproc` the bodies' bytes.
    pub bytes_out: u64,
    /// Messages that wait to be written now; over `inproc`, to be fetched by the peer.
    pub queued_out: u64,
    /// Messages that waited to be written at most, at any time. For a socket: the largest of its peers'.
    pub queued_out_max: u64,
    /// Messages that were read and wait to be taken now. (Over `inproc` those that this side has fetched.)
    pub queued_in: u64,
    /// How often the queue of messages to be written reached its high-water mark.
    pub times_full: u64,
}

impl Traffic {
    /// Adds another pipe's.
    pub(crate) fn add(&mut self, other: &Traffic) {
        self.messages_in += other.messages_in;
        self.messages_out += other.messages_out;
        self.bytes_in += other.bytes_in;
        self.bytes_out += other.bytes_out;
        self.queued_out += other.queued_out;
        self.queued_out_max = self.queued_out_max.max(other.queued_out_max);
        self.queued_in += other.queued_in;
        self.times_full += other.times_full;
    }
}

/// Messages that went nowhere, by reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Drops {
    /// Sent, and nobody was to have it: no subscriber; ROUTER: an unknown or full peer; REP: the asker has gone.
    pub no_receiver: u64,
    /// PUB, XPUB, RADIO: copies for subscribers that were at their high-water mark.
    pub full: u64,
    /// Queued, when the connection ended for good: `linger` was over, or an accepted peer had gone.
    pub unsent: u64,
    /// Received, but not taken when their pipe ended.
    pub unread: u64,
    /// Replaced by a newer one that came before they were written, or taken (`conflate`).
    pub conflated: u64,
}

impl Drops {
    pub(crate) fn add(&mut self, other: &Drops) {
        self.no_receiver += other.no_receiver;
        self.full += other.full;
        self.unsent += other.unsent;
        self.unread += other.unread;
        self.conflated += other.conflated;
    }
}

/// What happened to connections. `inproc` has none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Connections {
    /// Handshakes that succeeded.
    pub established: u64,
    /// Those among them that brought back a connection that had been lost.
    pub reconnects: u64,
    /// Established connections that were lost or closed.
    pub lost: u64,
    /// Attempts to connect that were put off because one failed, or a connection was lost.
    pub retries: u64,
    /// Handshakes that failed: another protocol, a type that does not fit, refused credentials, too slow.
    pub handshakes_failed: u64,
}

impl Connections {
    pub(crate) fn add(&mut self, other: &Connections) {
        self.established += other.established;
        self.reconnects += other.reconnects;
        self.lost += other.lost;
        self.retries += other.retries;
        self.handshakes_failed += other.handshakes_failed;
    }
}

/// One peer's share.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerStats {
    /// The peer's endpoint: what was connected to, or where it connects from. `inproc` for peers in this process.
    pub address: String,
    /// Its routing id: as a ROUTER addresses it, else as the peer named itself. Empty: none.
    pub routing_id: Vec<u8>,
    /// Messages can be written to it and read from it now.
    pub connected: bool,
    /// What went through its pipe.
    pub traffic: Traffic,
}

/// A snapshot of one socket. From [`Socket::stats`](crate::Socket::stats).
///
/// ```
/// let context = netzmq::Context::new();
/// let pull = context.pull().bind("tcp://127.0.0.1:*")?;
/// let push = context.push().connect(pull.endpoint())?;
/// push.send("hello")?;
/// pull.recv()?;
/// let stats = pull.stats();
/// assert_eq!((stats.total.messages_in, stats.connections.established), (1, 1));
/// println!("{stats}"); // a table, a line for each peer
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SocketStats {
    /// The socket's type.
    pub socket_type: SocketType,
    /// All peers together, those that have gone included.
    pub total: Traffic,
    /// Each peer that is there, or is being connected to.
    pub peers: Vec<PeerStats>,
    /// What went nowhere.
    pub drops: Drops,
    /// What happened to connections.
    pub connections: Connections,
}

/// A snapshot of a context. From [`Context::stats`](crate::Context::stats).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ContextStats {
    /// Sockets that are open, or closed and still sending.
    pub sockets_open: usize,
    /// All sockets together, closed ones included.
    pub total: Traffic,
    /// What went nowhere.
    pub drops: Drops,
    /// What happened to connections.
    pub connections: Connections,
    /// The shared message pool (of the process, not of this context alone): its occupancy, hits and misses.
    pub pool: PoolStats,
}

#[cfg(feature = "metrics")]
impl ContextStats {
    /// Gives all numbers to the recorder of the `metrics` facade, as `netzmq_…` counters and gauges with the label
    /// `context`. Call it as often as they are collected: between two calls nothing is recorded, and nothing costs.
    pub fn record(&self, context: &'static str) {
        let counters = [
            ("netzmq_messages_in", self.total.messages_in),
            ("netzmq_messages_out", self.total.messages_out),
            ("netzmq_bytes_in", self.total.bytes_in),
            ("netzmq_bytes_out", self.total.bytes_out),
            ("netzmq_times_full", self.total.times_full),
            ("netzmq_dropped_no_receiver", self.drops.no_receiver),
            ("netzmq_dropped_full", self.drops.full),
            ("netzmq_dropped_unsent", self.drops.unsent),
            ("netzmq_dropped_unread", self.drops.unread),
            ("netzmq_dropped_conflated", self.drops.conflated),
            ("netzmq_connections_established", self.connections.established),
            ("netzmq_connections_reconnects", self.connections.reconnects),
            ("netzmq_connections_lost", self.connections.lost),
            ("netzmq_connections_retries", self.connections.retries),
            ("netzmq_handshakes_failed", self.connections.handshakes_failed),
        ];
        for (name, value) in counters {
            metrics::counter!(name, "context" => context).absolute(value);
        }
        let gauges = [
            ("netzmq_sockets_open", self.sockets_open as f64),
            ("netzmq_queued_out", self.total.queued_out as f64),
            ("netzmq_queued_in", self.total.queued_in as f64),
            ("netzmq_pool_outstanding", self.pool.outstanding as f64),
            ("netzmq_pool_cached", self.pool.cached as f64),
        ];
        for (name, value) in gauges {
            metrics::gauge!(name, "context" => context).set(value);
        }
    }
}

/// What a context waits for. From [`Context::who_blocks_termination`](crate::Context::who_blocks_termination).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Blocker {
    /// The socket's type.
    pub socket_type: SocketType,
    /// The application still has it. Else it is closed, and has something to send.
    pub open: bool,
    /// Messages that wait to be written.
    pub unsent: u64,
    /// For how long after it was closed they may; `None`: for ever.
    pub linger: Option<Duration>,
    /// Where they are to go; for an open socket, all its peers.
    pub peers: Vec<String>,
}

impl fmt::Display for Traffic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "in {} ({} B, {} waiting)  out {} ({} B, {} waiting, {} at most, {} times full)",
            self.messages_in,
            self.bytes_in,
            self.queued_in,
            self.messages_out,
            self.bytes_out,
            self.queued_out,
            self.queued_out_max,
            self.times_full,
        )
    }
}

impl fmt::Display for SocketStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}", self.socket_type, self.total)?;
        for peer in &self.peers {
            let state = if peer.connected { "" } else { " (not connected)" };
            let name = peer.routing_id.escape_ascii();
            writeln!(f, "  {} \"{name}\"{state}: {}", peer.address, peer.traffic)?;
        }
        write!(f, "  {}\n  {}", self.drops, self.connections)
    }
}

impl fmt::Display for Drops {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "dropped: {} for nobody, {} at full peers, {} unsent, {} unread, {} conflated",
            self.no_receiver, self.full, self.unsent, self.unread, self.conflated
        )
    }
}

impl fmt::Display for Connections {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "connections: {} made, {} of them again, {} lost, {} retries, {} failed handshakes",
            self.established, self.reconnects, self.lost, self.retries, self.handshakes_failed
        )
    }
}

impl fmt::Display for Blocker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = if self.open { "open" } else { "closed" };
        write!(f, "{} ({state}): {} unsent for {}", self.socket_type, self.unsent, self.peers.join(", "))?;
        match self.linger {
            None => f.write_str(", waits for ever"),
            Some(linger) => write!(f, ", waits {linger:?}"),
        }
    }
}
