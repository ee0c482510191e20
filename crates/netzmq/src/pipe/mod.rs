//! A pipe is a socket's side of one connection: messages out, messages in, both counted.
//!
//! Over a wire, the pipe holds the connection's encoded output and its unread input, and the two *tokens* that say who
//! is in a system call for it right now: `writing` and `reading`. Everything here is protected by the socket's lock;
//! only the bytes of a batch or a read target leave it, by ownership, while a token is held.
//!
//! Invariants:
//! - While `writing` (`reading`) is set, exactly one thread holds the batch (read target) and will come back for it.
//! - A connection's stream is taken away from its wire only when neither token is out.

pub(crate) mod inproc;
pub(crate) mod mailbox;
pub(crate) mod pace;
pub(crate) mod table;
pub(crate) mod tally;
pub(crate) mod tokens;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use netzmq_memory::{Annotations, Message};
use netzmq_proto::Cipher;
use std::sync::Arc;

use crate::connection::buffers::Buffers;
use crate::connection::inbound::{Deliver, Inbound, Taken};
use crate::connection::outbound::{Body, Framing, Outbound, WRITE_NOW_BYTES, near};
use crate::patterns::PipeId;
use crate::stats::Traffic;
use crate::transport::stream::Stream;

use self::pace::Pace;
use self::tally::Tally;
use self::tokens::{ReadToken, WriteToken};

/// Which I/O thread looks after a connection, and under which name it knows it.
#[derive(Debug, Copy, Clone, PartialEq, Eq, Hash)]
pub(crate) struct SessionId {
    pub(crate) thread: usize,
    pub(crate) token: u64,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Pipe {
    pub(crate) id: PipeId,
    pub(crate) link: Link,
    /// At most so many messages wait to go out (0: no limit).
    pub(crate) send_hwm: usize,
    /// Reading ahead for an idle application stops at so many (0: no limit).
    pub(crate) recv_hwm: usize,
    /// The high-water mark was reached; room is reported again when a step more has left (see `credited`).
    pub(crate) full: bool,
    /// How many of the messages sent so far had left the queue when that was counted last, in whole steps of half the
    /// high-water mark. Counted only when the mark seems to be reached, so that a send compares two numbers and no more;
    /// in steps, as libzmq does, so that a full pipe to a reader who is full holds both their marks and neither more nor
    /// less.
    pub(crate) credited: u64,
    /// Nothing can be written any more; the pipe goes when it has been read empty.
    pub(crate) ended: bool,
    /// Only the newest message counts, both ways.
    pub(crate) conflate: bool,
    /// The listener that accepted it.
    pub(crate) via: Option<SessionId>,
    /// Inproc: to be received as the peer's last message.
    pub(crate) farewell: Option<Message>,
    /// What the peer said of itself, for message metadata.
    pub(crate) properties: Option<Arc<Annotations>>,
    /// The peer's endpoint, for those who look at statistics.
    pub(crate) address: Arc<str>,
    pub(crate) stats: PipeStats,
}

/// Counters of one pipe. Messages are counted one by one, bytes on a wire with each system call.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct PipeStats {
    /// No [`Tally`]: high-water marks are reckoned by it.
    pub(crate) messages_out: u64,
    pub(crate) messages_in: Tally,
    pub(crate) bytes_out: Tally,
    pub(crate) bytes_in: Tally,
    /// The longest queue that a writer met: it only grows between two writers.
    pub(crate) queued_max: u64,
    pub(crate) times_full: u64,
    /// How often it was connected.
    pub(crate) connected: u64,
}

/// What carries the messages.
#[derive(Debug)]
pub(crate) enum Link {
    Wire(Box<Wire>),
    Inproc(Box<inproc::End>),
}

/// A pipe over a byte stream, connected or waiting to be.
#[derive(Debug)]
pub(crate) struct Wire {
    pub(crate) session: SessionId,
    /// Present while the connection is established.
    pub(crate) stream: Option<Arc<Stream>>,
    pub(crate) out: Outbound,
    pub(crate) inbound: Inbound,
    /// Parts sent while there is no connection, each with its more-flag.
    waiting: VecDeque<Message>,
    /// Whole messages among them.
    waiting_messages: usize,
    /// Parts of `waiting` behind its last whole message.
    composing: usize,
    pub(crate) writing: WriteToken,
    pub(crate) reading: ReadToken,
    pub(crate) pace: Pace,
    /// In the socket's list of pipes to read.
    pub(crate) listed: bool,
    /// Reading ahead has stopped at the high-water mark.
    pub(crate) stopped: bool,
    /// A read or write failed, or the peer ended: the I/O thread will take the connection down.
    pub(crate) broken: bool,
    /// Committed bytes wait for a writer, and the pipe is in the socket's list of those.
    pub(crate) dirty: bool,
    /// Subscriptions go as commands (ZMTP 3.1) rather than as messages (3.0).
    pub(crate) commands: bool,
    /// The session is over: what is left to be taken is all that keeps the pipe.
    pub(crate) orphan: bool,
    /// Messages that made way for newer ones, both ways.
    pub(crate) conflated: u64,
    /// Since when commands are counted, and how many there were.
    command_window: Option<(Instant, usize)>,
}

impl Wire {
    pub(crate) fn new(
        session: SessionId,
        framing: Framing,
        max_message_size: Option<u64>,
        deliver: Deliver,
    ) -> Wire {
        Wire {
            session,
            stream: None,
            out: Outbound::new(framing),
            inbound: Inbound::new(max_message_size, framing == Framing::Raw, deliver),
            waiting: VecDeque::new(),
            waiting_messages: 0,
            composing: 0,
            writing: WriteToken::default(),
            reading: ReadToken::default(),
            pace: Pace::default(),
            listed: false,
            stopped: false,
            broken: false,
            dirty: false,
            commands: true,
            orphan: false,
            conflated: 0,
            command_window: None,
        }
    }

    /// Counts so many more commands of the peer; how many there were in the second that is running.
    pub(crate) fn commands_within_second(&mut self, commands: usize, now: Instant) -> usize {
        let window = self.command_window.get_or_insert((now, 0));
        if now.saturating_duration_since(window.0) >= Duration::from_secs(1) {
            *window = (now, 0);
        }
        window.1 = window.1.saturating_add(commands);
        window.1
    }

    /// Messages that count against the high-water mark.
    #[inline]
    pub(crate) fn queued(&self) -> usize {
        self.out.messages() + self.waiting_messages
    }

    /// Appends one part. `newest_only`: a whole message that has not been encoded yet makes way for this one.
    #[inline]
    pub(crate) fn push(&mut self, buffers: &mut Buffers, body: &mut Body<'_>, more: bool, newest_only: bool) {
        if self.stream.is_some() && !newest_only {
            self.out.push(buffers, body, more);
        } else {
            self.push_waiting(body, more, newest_only);
        }
    }

    #[cold]
    fn push_waiting(&mut self, body: &mut Body<'_>, more: bool, newest_only: bool) {
        if newest_only && self.composing == 0 {
            self.conflated += self.waiting_messages as u64;
            self.waiting.clear();
            self.waiting_messages = 0;
        }
        let mut message = body.take();
        message.set_more(more);
        self.waiting.push_back(message);
        self.composing += 1;
        if !more {
            self.waiting_messages += 1;
            self.composing = 0;
        }
    }

    /// Encodes what waits, if it may go out now: where only the newest message counts, it waits until it can be
    /// written.
    pub(crate) fn encode_newest(&mut self, buffers: &mut Buffers) {
        if self.waiting_messages > 0 && self.composing == 0 && self.out.waiting_bytes() == 0 {
            self.encode_waiting(buffers);
        }
    }

    fn encode_waiting(&mut self, buffers: &mut Buffers) {
        for message in std::mem::take(&mut self.waiting) {
            let more = message.has_more();
            self.out.push(buffers, &mut Body::Owned(message), more);
        }
        self.waiting_messages = 0;
        self.composing = 0;
    }

    /// Somebody should write.
    pub(crate) fn has_output(&self) -> bool {
        self.out.waiting_bytes() > 0 || (self.stream.is_some() && self.waiting_messages > 0)
    }

    pub(crate) fn rollback(&mut self, buffers: &mut Buffers) {
        if self.stream.is_some() {
            self.out.rollback(buffers);
        }
        for _ in 0..std::mem::take(&mut self.composing) {
            self.waiting.pop_back();
        }
    }

    /// The handshake is done: what waited is encoded and everything goes over `stream` from now on.
    pub(crate) fn open(&mut self, buffers: &mut Buffers, stream: Arc<Stream>) {
        self.stream = Some(stream);
        self.encode_waiting(buffers);
        self.writing.renew();
        self.reading.renew();
        self.pace = Pace::default();
        self.broken = false;
    }

    /// A new connection begins to be read: what the last one left complete stays before it.
    pub(crate) fn renew_inbound(&mut self, max_message_size: Option<u64>, deliver: Deliver) {
        self.inbound.renew(max_message_size, deliver);
    }

    /// From now on both directions are as the mechanism wants it.
    pub(crate) fn set_cipher(&mut self, cipher: Cipher) {
        if let Cipher::Curve(curve) = cipher {
            let (sealer, opener) = curve.split();
            self.out.sealer = Some(sealer);
            self.inbound.set_opener(opener);
        }
    }

    /// The connection is lost. What was not sent waits for the next one; what was received stays to be taken.
    pub(crate) fn lose(&mut self) {
        self.stream = None;
        for message in self.out.reclaim() {
            self.composing += 1;
            if !message.has_more() {
                self.waiting_messages += 1;
                self.composing = 0;
            }
            self.waiting.push_back(message);
        }
        self.inbound.end();
        self.writing.renew();
        self.reading.renew();
        self.stopped = false;
    }

    /// Everything sent has been handed to the kernel (or can't be any more).
    pub(crate) fn is_drained(&self) -> bool {
        self.waiting_messages == 0 && self.out.is_drained()
    }
}

impl Pipe {
    pub(crate) fn wire(&mut self) -> Option<&mut Wire> {
        match &mut self.link {
            Link::Wire(wire) => Some(wire),
            Link::Inproc(_) => None,
        }
    }

    /// So much is queued that this sender should write at once, whoever else may be about to: a batch is full, or the
    /// high-water mark is near.
    #[inline]
    pub(crate) fn wants_write(&self) -> bool {
        let Link::Wire(wire) = &self.link else { return false };
        (wire.out.waiting_bytes() >= WRITE_NOW_BYTES
            || (self.send_hwm > 0 && wire.out.messages() >= near(self.send_hwm)))
            && wire.stream.is_some()
            && wire.writing.is_free()
    }

    #[inline]
    pub(crate) fn has_message(&mut self) -> bool {
        match &mut self.link {
            Link::Wire(wire) => wire.inbound.messages() > 0,
            Link::Inproc(end) => end.has_message(),
        }
    }

    /// Room for one more message, by the high-water mark.
    #[inline]
    pub(crate) fn has_room(&mut self) -> bool {
        self.has_credit() || self.has_space()
    }

    /// The same by what was counted last: a message that has left since gives no room yet.
    pub(crate) fn has_counted_room(&mut self) -> bool {
        let counts = matches!(self.link, Link::Wire(_)) && self.send_hwm > 0 && !self.conflate;
        if !counts || self.ended {
            return self.has_room();
        }
        if !self.full && !self.has_credit() {
            self.full = true;
            self.stats.times_full += 1;
        }
        !self.full
    }

    /// Messages that made way for newer ones.
    pub(crate) fn conflated(&self) -> u64 {
        match &self.link {
            Link::Wire(wire) => wire.conflated,
            Link::Inproc(end) => end.conflated,
        }
    }

    /// So many messages more go without counting anew what has left.
    pub(crate) fn credit(&self) -> usize {
        match self.send_hwm {
            0 => usize::MAX,
            hwm => hwm.saturating_sub(self.stats.messages_out.wrapping_sub(self.credited) as usize),
        }
    }

    #[inline]
    pub(crate) fn has_credit(&self) -> bool {
        let below = self.stats.messages_out.wrapping_sub(self.credited) < self.send_hwm as u64;
        below && !self.full && !self.ended && matches!(self.link, Link::Wire(_))
    }

    /// Counts anew.
    fn has_space(&mut self) -> bool {
        if self.ended {
            return false;
        }
        match &mut self.link {
            Link::Wire(wire) => {
                if self.send_hwm == 0 || self.conflate {
                    return true;
                }
                let queued = wire.queued();
                // What goes out by itself (a greeting of the application's) is queued and was never sent by anybody.
                let left = self.stats.messages_out.saturating_sub(queued as u64);
                self.credited = left - left % self.send_hwm.div_ceil(2) as u64;
                let full = self.stats.messages_out - self.credited >= self.send_hwm as u64;
                self.stats.times_full += u64::from(full && !self.full);
                self.full = full;
                !full
            }
            Link::Inproc(end) => {
                let room = end.has_room();
                self.stats.times_full += u64::from(!room && !self.full);
                self.full = !room;
                room
            }
        }
    }

    /// Remembers how long the queue of what is to be written is, before a writer shortens it.
    #[inline]
    pub(crate) fn note_queue(&mut self) {
        if let Link::Wire(wire) = &self.link {
            self.stats.queued_max = self.stats.queued_max.max(wire.queued() as u64);
        }
    }

    /// Messages that wait to be written: now, and at most so far.
    fn queued_out(&mut self) -> (u64, u64) {
        self.note_queue();
        match &self.link {
            Link::Wire(wire) => (wire.queued() as u64, self.stats.queued_max),
            Link::Inproc(end) => end.queued_out(),
        }
    }

    /// Messages that wait to be written, as the high-water mark counts them.
    pub(crate) fn uncredited(&mut self) -> u64 {
        let counted = self.send_hwm > 0 && !self.conflate && !self.ended;
        self.has_space();
        match self.link {
            Link::Wire(_) if counted => self.stats.messages_out - self.credited,
            _ => self.queued_out().0,
        }
    }

    /// Messages that were read and wait to be taken.
    pub(crate) fn queued_in(&self) -> u64 {
        match &self.link {
            Link::Wire(wire) => wire.inbound.messages() as u64,
            Link::Inproc(end) => end.queued_in(),
        }
    }

    /// What went through it so far, and what is in it.
    pub(crate) fn traffic(&mut self) -> Traffic {
        let (queued_out, queued_out_max) = self.queued_out();
        Traffic {
            messages_in: tally::seen(self.stats.messages_in),
            messages_out: self.stats.messages_out,
            bytes_in: tally::seen(self.stats.bytes_in),
            bytes_out: tally::seen(self.stats.bytes_out),
            queued_out,
            queued_out_max,
            queued_in: self.queued_in(),
            times_full: self.stats.times_full,
        }
    }

    /// Hands the next part to `f`.
    #[inline]
    pub(crate) fn take_with<R>(&mut self, f: impl FnOnce(Taken<'_>) -> R) -> Option<(R, bool)> {
        let taken = match &mut self.link {
            Link::Wire(wire) => wire.inbound.take_with(f),
            Link::Inproc(end) => end.take_with(&mut self.stats.bytes_in, f),
        };
        if let Some((_, false)) = taken {
            self.stats.messages_in += 1;
        }
        taken
    }
}
