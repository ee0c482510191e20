//! Messages on their way out of one connection: encoded as they are sent, written in batches.
//!
//! A small body is copied behind its header into the current 64 KiB segment: no object, no allocation. A large owned
//! body is queued by reference and leaves through a vectored write. Whoever writes *takes* a batch (ownership moves,
//! so the sender goes on in a fresh segment and nothing is shared), writes it without the socket's lock, and brings
//! the rest back.
//!
//! Invariants:
//! - A batch holds committed bytes only: whole messages, never part of one that is still being composed.
//! - `written <= taken <= committed <= appended`, all counted from the connection's first byte.
//! - `ends` holds the end offset of each message that is not wholly written; those that no writer has taken are what
//!   the high-water mark counts (as in libzmq, where a message leaves the pipe when the engine pulls it).
//! - Commands never fall between the parts of a message.

mod batch;
mod ends;
mod item;
mod reader;
mod tail;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use netzmq_memory::Message;
use netzmq_proto::{CurveSealer, FrameHeader};

use self::item::{HEAD_BYTES, Head, Item, Segment, put, split};
use self::reader::Reader;
use super::buffers::{Appetite, Buffers, SEGMENT_BYTES};

pub(crate) use self::batch::{Batch, Wrote};
pub(crate) use self::ends::Ends;
pub(crate) use self::item::append_frame;
pub(crate) use self::tail::Tail;

/// One write moves at most so many bytes: more only falls out of the caches before the peer reads it.
pub(crate) const WRITE_BYTES: usize = 128 * 1024;
/// So much waits to be written that its sender should write at once.
pub(crate) const WRITE_NOW_BYTES: u64 = 64 * 1024;

/// So many messages are near the high-water mark: who sends them writes at once, too.
#[inline]
pub(crate) fn near(hwm: usize) -> usize {
    hwm - hwm / 8
}

/// From this size an owned body is referenced instead of copied (measured crossing: 2 KiB hot, 4 KiB cold).
pub(crate) const REFERENCE_FROM: usize = 4 * 1024;
/// From this size a borrowed body that must be kept is copied into a block of its own instead of a segment.
const BLOCK_FROM: usize = 32 * 1024;

/// A body to send: still the caller's, or ours.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    Borrowed(&'a [u8]),
    Owned(Message),
    /// Given away, and a message only if it is kept: a small one is copied and dropped.
    Given(Vec<u8>),
}

impl Body<'_> {
    #[inline]
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Body::Borrowed(bytes) => bytes,
            Body::Owned(message) => message,
            Body::Given(bytes) => bytes,
        }
    }

    /// The body as a message, leaving nothing behind.
    pub(crate) fn take(&mut self) -> Message {
        std::mem::replace(self, Body::Borrowed(&[])).into_message()
    }

    /// The body as a message, copying only what was borrowed.
    pub(crate) fn into_message(self) -> Message {
        match self {
            Body::Borrowed(bytes) => Message::copy_from_slice(bytes),
            Body::Owned(message) => message,
            Body::Given(bytes) => Message::from(bytes),
        }
    }
}

/// How messages become frames on this connection.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Framing {
    /// ZMTP 3 frames.
    Zmtp,
    /// A STREAM socket's peer: the bytes alone.
    Raw,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Outbound {
    items: VecDeque<Item>,
    /// The emptied deque of the last batch, to be used again.
    spare: VecDeque<Item>,
    ends: Ends,
    /// Empty: what the last tail came back with, to be used again.
    spare_ends: Ends,
    /// How many of `ends` lie wholly in taken batches.
    ends_taken: usize,
    appended: u64,
    committed: u64,
    taken: u64,
    written: u64,
    /// The end of the last message or command that was wholly written.
    boundary: u64,
    /// Ends of the commands that are not wholly written.
    command_ends: VecDeque<u64>,
    /// The end of what was left of the handshake.
    preamble: u64,
    /// The size of the next segment.
    appetite: Appetite,
    /// Command frames waiting for the message being composed to be whole.
    late: Vec<u8>,
    /// A batch is at most about so large.
    batch_bytes: u64,
    framing: Framing,
    /// Seals every frame when the connection is encrypted.
    pub(crate) sealer: Option<CurveSealer>,
}

impl Outbound {
    pub(crate) fn new(framing: Framing) -> Outbound {
        Outbound {
            items: VecDeque::new(),
            spare: VecDeque::new(),
            ends: Ends::new(),
            spare_ends: Ends::new(),
            ends_taken: 0,
            appended: 0,
            committed: 0,
            taken: 0,
            written: 0,
            boundary: 0,
            command_ends: VecDeque::new(),
            preamble: 0,
            appetite: Appetite::of_segments(),
            late: Vec::new(),
            batch_bytes: WRITE_BYTES as u64,
            framing,
            sealer: None,
        }
    }

    /// Messages that no writer has wholly taken yet.
    #[inline]
    pub(crate) fn messages(&self) -> usize {
        self.ends.len() - self.ends_taken
    }

    /// Committed bytes that nobody has taken to write.
    #[inline]
    pub(crate) fn waiting_bytes(&self) -> u64 {
        self.committed - self.taken
    }

    /// Commands that are not wholly written.
    pub(crate) fn commands_waiting(&self) -> usize {
        self.command_ends.len()
    }

    /// Everything committed has been handed to the kernel.
    #[inline]
    pub(crate) fn is_drained(&self) -> bool {
        self.committed == self.written
    }

    /// Nothing is queued, composed or encrypted: bytes may be written past the queue.
    pub(crate) fn takes_write_through(&self) -> bool {
        self.appended == self.written && self.sealer.is_none() && self.framing == Framing::Zmtp
    }

    /// Appends one part; with `more` false the message is whole and may be written.
    #[inline]
    pub(crate) fn push(&mut self, buffers: &mut Buffers, body: &mut Body<'_>, more: bool) {
        if self.sealer.is_none() && self.framing == Framing::Zmtp {
            let bytes = body.bytes();
            if bytes.len() < REFERENCE_FROM
                && let Some(Item::Bytes(segment)) = self.items.back_mut()
                && segment.buffer.len() - segment.end >= bytes.len() + FrameHeader::MAX_LEN
            {
                let added = append_frame(&mut segment.buffer[segment.end..], bytes, more);
                segment.end += added;
                self.appended += added as u64;
            } else {
                self.push_slow(buffers, body, more);
            }
        } else {
            self.push_slow(buffers, body, more);
        }
        if !more {
            self.commit(buffers);
        }
    }

    /// What `append_at_once` may be called for, as long as nothing else happens to this: so many bytes, and so many
    /// messages, until so many of either wait. `None`: messages are not plain frames, or one is being composed.
    #[inline]
    pub(crate) fn room_at_once(&self, bytes: u64, messages: usize) -> Option<(u64, usize)> {
        let is_plain = self.sealer.is_none() && self.framing == Framing::Zmtp;
        // A message that is being composed, and what waits for its end.
        let is_between = self.appended == self.committed && self.late.is_empty();
        let room = (bytes.saturating_sub(self.waiting_bytes()), messages.saturating_sub(self.messages() + 1));
        (is_plain && is_between && room.1 > 0).then_some(room)
    }

    /// Appends a whole message of one part of less than `bytes`, where that needs no memory: the segment has room. Returns
    /// its bytes with all that belongs to it. `None`: nothing has happened.
    ///
    /// Only after `room_at_once`.
    #[inline]
    pub(crate) fn append_at_once(&mut self, body: &[u8], bytes: u64) -> Option<u64> {
        let longest = body.len() + FrameHeader::MAX_LEN;
        if longest as u64 >= bytes || body.len() >= REFERENCE_FROM {
            return None;
        }
        let Some(Item::Bytes(segment)) = self.items.back_mut() else { return None };
        let room = segment.buffer.get_mut(segment.end..).filter(|room| room.len() >= longest)?;
        let added = append_frame(room, body, false);
        segment.end += added;
        self.appended += added as u64;
        self.committed = self.appended;
        self.ends.push(self.appended);
        Some(added as u64)
    }

    /// Both in one: false if nothing has happened.
    #[inline]
    pub(crate) fn push_at_once(&mut self, body: &[u8], bytes: u64, messages: usize) -> bool {
        let room = self.room_at_once(bytes, messages);
        room.is_some_and(|(bytes, _)| self.append_at_once(body, bytes).is_some())
    }

    /// Appends whole messages that were encoded for several connections at once, `ends` being where they end. Only after
    /// `room_at_once`.
    pub(crate) fn append_encoded(&mut self, buffers: &mut Buffers, messages: &Message, ends: &Ends) {
        self.ends.append(self.appended, ends);
        if messages.len() < REFERENCE_FROM {
            self.copy(buffers, messages, &[]);
        } else {
            self.appended += messages.len() as u64;
            self.items.push_back(Item::Body(messages.clone(), 0));
        }
        self.committed = self.appended;
    }

    #[inline]
    fn commit(&mut self, buffers: &mut Buffers) {
        self.committed = self.appended;
        self.ends.push(self.appended);
        if !self.late.is_empty() {
            let late = std::mem::take(&mut self.late);
            self.push_command(buffers, &late);
        }
    }

    #[cold]
    fn push_slow(&mut self, buffers: &mut Buffers, body: &mut Body<'_>, more: bool) {
        if self.sealer.is_some() {
            return self.push_sealed(buffers, body.bytes(), more, false);
        }
        let length = body.bytes().len();
        if self.framing == Framing::Zmtp {
            let mut header = [0; FrameHeader::MAX_LEN];
            let n = FrameHeader::encode(more, false, length as u64, &mut header);
            let inline = length < REFERENCE_FROM || matches!(body, Body::Borrowed(b) if b.len() < BLOCK_FROM);
            if inline {
                self.copy(buffers, &header[..n], body.bytes());
                return;
            }
            self.copy(buffers, &header[..n], &[]);
        } else if length < REFERENCE_FROM {
            return self.copy(buffers, &[], body.bytes());
        }
        self.appended += length as u64;
        self.items.push_back(Item::Body(body.take(), 0));
    }

    /// Appends `first` and `second` together in one buffer.
    fn copy(&mut self, buffers: &mut Buffers, first: &[u8], second: &[u8]) {
        let length = first.len() + second.len();
        self.appended += length as u64;
        match self.items.back_mut() {
            Some(Item::Bytes(s)) if s.buffer.len() - s.end >= length => {
                let end = put(&mut s.buffer, s.end, first);
                s.end = put(&mut s.buffer, end, second);
            }
            Some(Item::Head(h)) if HEAD_BYTES - h.end as usize >= length => {
                let end = put(&mut h.buffer, h.end as usize, first);
                h.end = put(&mut h.buffer, end, second) as u8;
            }
            Some(Item::Body(..)) if length <= HEAD_BYTES => {
                let mut head = Head { buffer: [0; HEAD_BYTES], start: 0, end: length as u8 };
                let end = put(&mut head.buffer, 0, first);
                put(&mut head.buffer, end, second);
                self.items.push_back(Item::Head(head));
            }
            _ => {
                let mut segment = self.new_segment(buffers, length);
                let end = put(&mut segment.buffer, 0, first);
                segment.end = put(&mut segment.buffer, end, second);
                self.items.push_back(Item::Bytes(segment));
            }
        }
    }

    /// A fresh segment with room for `length` bytes at least.
    fn new_segment(&mut self, buffers: &Buffers, length: usize) -> Segment {
        if let Some(Item::Bytes(full)) = self.items.back() {
            self.appetite.used(full.buffer.len());
        }
        Segment { buffer: buffers.rent(self.appetite.size().max(length)), start: 0, end: 0 }
    }

    /// Appends one encrypted frame. `command` marks a sealed command (PING, SUBSCRIBE) rather than a message part.
    fn push_sealed(&mut self, buffers: &mut Buffers, body: &[u8], more: bool, command: bool) {
        let Some(sealer) = &mut self.sealer else { return };
        let length = sealer.sealed_len(body.len());
        if length <= BLOCK_FROM + 256 {
            let has_room =
                matches!(self.items.back(), Some(Item::Bytes(s)) if s.buffer.len() - s.end >= length);
            if !has_room {
                let segment = self.new_segment(buffers, length);
                self.items.push_back(Item::Bytes(segment));
            }
            if let (Some(Item::Bytes(segment)), Some(sealer)) = (self.items.back_mut(), &mut self.sealer) {
                let end = segment.end + length;
                sealer.seal(body, more, command, &mut segment.buffer[segment.end..end]);
                segment.end = end;
            }
        } else {
            let mut block = netzmq_memory::MessagePool::shared().rent(length);
            sealer.seal(body, more, command, &mut block);
            self.items.push_back(Item::Body(block.freeze(), 0));
        }
        self.appended += length as u64;
    }

    /// Appends a command: `frame` is a whole encoded command frame. Not counted as a message.
    pub(crate) fn push_command(&mut self, buffers: &mut Buffers, frame: &[u8]) {
        if self.appended != self.committed {
            self.late.extend_from_slice(frame);
            return;
        }
        let mut rest = frame;
        while let Ok(Some(header)) = FrameHeader::parse(rest) {
            let start = header.header_len as usize;
            let end = start + header.body_len as usize;
            let (Some(whole), Some(body)) = (rest.get(..end), rest.get(start..end)) else { break };
            if self.sealer.is_some() {
                self.push_sealed(buffers, body, false, true);
            } else {
                // A header is never cut: whoever takes messages out again walks over commands by theirs.
                for piece in whole.chunks(SEGMENT_BYTES) {
                    self.copy(buffers, piece, &[]);
                }
            }
            self.command_ends.push_back(self.appended);
            rest = &rest[end..];
        }
        self.committed = self.appended;
    }

    /// Bytes of the handshake that the kernel had no room for: they go before everything else, as they are.
    pub(crate) fn push_unsent(&mut self, buffers: &mut Buffers, bytes: &[u8]) {
        for piece in bytes.chunks(SEGMENT_BYTES) {
            self.copy(buffers, piece, &[]);
        }
        self.preamble = self.appended;
        self.committed = self.appended;
    }

    /// Forgets the parts pushed since the last whole message.
    pub(crate) fn rollback(&mut self, buffers: &mut Buffers) {
        let mut excess = (self.appended - self.committed) as usize;
        while excess > 0 {
            let Some(mut item) = self.items.pop_back() else { break };
            let drop_now = item.len().min(excess);
            excess -= drop_now;
            match &mut item {
                Item::Bytes(s) => s.end -= drop_now,
                Item::Head(h) => h.end -= drop_now as u8,
                Item::Body(..) => {}
            }
            if item.len() > 0 && !matches!(item, Item::Body(..)) {
                self.items.push_back(item);
            }
        }
        self.appended = self.committed;
        let late = std::mem::take(&mut self.late);
        if !late.is_empty() {
            self.push_command(buffers, &late);
        }
    }

    /// Batches of at most about so many bytes (0: as many as are worth while), and of one item at least.
    pub(crate) fn limit_batches(&mut self, bytes: usize) {
        self.batch_bytes = if bytes == 0 { WRITE_BYTES } else { bytes.min(WRITE_BYTES) } as u64;
        self.appetite = Appetite::of_segments().at_most(bytes);
    }

    /// Takes about `batch_bytes` of what is committed (a large body goes whole), to be written without the lock.
    pub(crate) fn take(&mut self, buffers: &mut Buffers) -> Option<Batch> {
        if self.committed == self.taken {
            return None;
        }
        let waiting = self.committed - self.taken;
        if self.appended == self.committed && waiting <= self.batch_bytes {
            // All of it: swap the deques instead of moving items one by one.
            self.appetite.spared(waiting as usize);
            self.taken = self.committed;
            self.ends_taken = self.ends.len();
            let items = std::mem::replace(&mut self.items, std::mem::take(&mut self.spare));
            return Some(Batch { items, written: 0 });
        }
        let mut items = std::mem::take(&mut self.spare);
        let mut taken = 0u64;
        while taken < waiting && taken < self.batch_bytes {
            let Some(item) = self.items.pop_front() else { break };
            let length = item.len() as u64;
            if taken + length <= waiting {
                taken += length;
                items.push_back(item);
                continue;
            }
            // The rest of this buffer belongs to a message that is still being composed.
            let keep = (waiting - taken) as usize;
            let (ours, theirs) = split(buffers, item, keep);
            items.push_back(ours);
            self.items.push_front(theirs);
            taken = waiting;
        }
        self.taken += taken;
        self.ends_taken = self.ends.up_to(self.taken);
        Some(Batch { items, written: 0 })
    }

    /// Takes back what a batch did not get rid of, and counts what it did.
    pub(crate) fn put_back(&mut self, mut batch: Batch) {
        self.written += batch.written;
        batch.drop_done();
        let left: u64 = batch.items.iter().map(|i| i.len() as u64).sum();
        self.taken -= left;
        while let Some(item) = batch.items.pop_back() {
            self.items.push_front(item);
        }
        if self.spare.capacity() == 0 {
            self.spare = batch.items;
        }
        if let Some(end) = self.ends.pop_up_to(self.written) {
            self.boundary = self.boundary.max(end);
        }
        self.ends_taken = self.ends.up_to(self.taken);
        while let Some(&end) = self.command_ends.front()
            && end <= self.written
        {
            self.boundary = self.boundary.max(end);
            self.command_ends.pop_front();
        }
        if self.preamble <= self.written {
            self.boundary = self.boundary.max(self.preamble);
        }
    }

    /// Counts a message that a sender is about to write straight from the caller's memory, past the queue (which is
    /// empty): its place is before whatever is pushed from now on.
    pub(crate) fn begin_write_through(&mut self, length: u64) {
        self.appended += length;
        self.committed = self.appended;
        self.taken = self.appended;
        self.ends.push(self.appended);
        self.ends_taken = self.ends.len();
    }

    /// Queues what could not be written of such a message: of the header, then of the body.
    pub(crate) fn wrote_through(&mut self, header: &[u8], body: &[u8], written: usize) {
        let mut items = std::mem::take(&mut self.spare);
        if let Some(rest) = header.get(written..)
            && !rest.is_empty()
        {
            let mut head = Head { buffer: [0; HEAD_BYTES], start: 0, end: rest.len() as u8 };
            put(&mut head.buffer, 0, rest);
            items.push_back(Item::Head(head));
        }
        let gone = written.saturating_sub(header.len()).min(body.len());
        if gone < body.len() {
            // In a block of the whole body's size, wherever it was cut: a stream's blocks are all of one class, and come
            // back to be used again.
            let mut block = netzmq_memory::MessagePool::shared().rent(body.len());
            block[gone..].copy_from_slice(&body[gone..]);
            items.push_back(Item::Body(block.freeze(), gone));
        }
        self.put_back(Batch { items, written: written as u64 });
    }

    /// What is left when the connection is lost: every message of which not one byte went out, part by part, for the
    /// next connection. Last come the parts of a message that is still being composed. Commands are forgotten.
    pub(crate) fn reclaim(&mut self) -> VecDeque<Message> {
        let framing = self.framing;
        let mut lost = std::mem::replace(self, Outbound::new(framing));
        let cut = if lost.written < lost.preamble {
            lost.preamble - lost.written
        } else if lost.written != lost.boundary {
            // Somewhere in a message or a command: in whichever ends first.
            let ends = [lost.ends.first(), lost.command_ends.front().copied()];
            ends.into_iter().flatten().min().map_or(0, |end| end - lost.written)
        } else {
            0
        };
        let mut parts = VecDeque::new();
        let mut reader = Reader { items: &mut lost.items };
        reader.skip(cut as usize);
        while let Some(part) = reader.next_part(lost.framing, lost.sealer.as_ref()) {
            parts.extend(part);
        }
        parts
    }
}
