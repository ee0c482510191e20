//! Messages on their way in from one connection: read in chunks, handed out lazily.
//!
//! Each chunk that was read is *scanned* once: frame headers are checked and counted, commands are found. Bodies stay
//! where they are until the application takes them: a small one is copied out (so nothing ever pins a chunk), a large
//! one is read by the kernel straight into memory of its own.
//!
//! Invariants:
//! - `messages` whole messages can be taken; a message of which a part is missing is not among them.
//! - Bytes before `scanned` are whole, valid frames; taking never meets an error.
//! - Memory follows the bytes that arrived, never a length that the peer claims.
//! - Order of taking: `ready` from the front, then the current chunk.

mod chunk;
mod loan;
mod taken;
mod taking;
mod target;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use netzmq_memory::{Message, MessagePool};
use netzmq_proto::{Command, CurveOpener, CurveSealer, FrameHeader, ProtocolError, limits};

use self::chunk::{COMMAND_FLAG, Chunk, MORE_FLAG, layout, mark};
use self::target::{Large, Memory};
use super::buffers::{Appetite, Buffers, CHUNK_BYTES};
use crate::options::ReceiveMemory;

pub(crate) use self::loan::Loan;
pub(crate) use self::taken::Taken;
pub(crate) use self::target::{Read, ReadTarget};

/// A body from this size on is read into memory of its own.
const LARGE_FROM: usize = 32 * 1024;
/// In a stream of large bodies, what is read beyond the current one: enough for the next header, little to copy.
const SMALL_READ: usize = 8 * 1024;
/// A claimed length up to this is believed at once; beyond, once a fair share of it has come on this connection.
const BELIEVED: usize = 256 * 1024;
/// A sealed command of the largest size.
const SEALED_COMMAND_MAX: u64 = (limits::COMMAND_BYTES_MAX + CurveSealer::OVERHEAD) as u64;

#[derive(Debug)]
enum Ready {
    Chunk(Chunk),
    Whole { body: Message, more: bool, command: bool },
}

/// What a scan found besides messages.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// The peer wants a PONG with this context.
    Ping {
        ttl_tenths: u16,
        context: Vec<u8>,
    },
    Pong,
}

/// Which commands are messages to the socket: a publisher wants subscriptions, RADIO wants joins.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Deliver {
    MessagesOnly,
    Subscriptions,
    Groups,
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Inbound {
    ready: VecDeque<Ready>,
    chunk: Option<Chunk>,
    large: Option<Large>,
    messages: usize,
    /// The scan is in the middle of a multi-part message.
    scan_more: bool,
    /// Parts of that message so far.
    parts: usize,
    max_parts: usize,
    /// Commands since somebody asked.
    commands: usize,
    expect_large: bool,
    /// The size of the next chunk.
    appetite: Appetite,
    bytes_received: u64,
    max_message_size: u64,
    raw: bool,
    deliver: Deliver,
    opener: Option<CurveOpener>,
    memory: ReceiveMemory,
}

impl Inbound {
    pub(crate) fn new(max_message_size: Option<u64>, raw: bool, deliver: Deliver) -> Inbound {
        Inbound {
            ready: VecDeque::new(),
            chunk: None,
            large: None,
            messages: 0,
            scan_more: false,
            parts: 0,
            max_parts: usize::MAX,
            commands: 0,
            expect_large: false,
            appetite: Appetite::of_chunks(),
            bytes_received: 0,
            max_message_size: max_message_size.unwrap_or(u64::MAX),
            raw,
            deliver,
            opener: None,
            memory: ReceiveMemory::Shared,
        }
    }

    pub(crate) fn set_opener(&mut self, opener: CurveOpener) {
        self.opener = Some(opener);
    }

    /// Made ready for another connection. What the last one left stays to be taken first.
    pub(crate) fn renew(&mut self, max_message_size: Option<u64>, deliver: Deliver) {
        self.max_message_size = max_message_size.unwrap_or(u64::MAX);
        self.deliver = deliver;
        self.scan_more = false;
        self.parts = 0;
        self.expect_large = false;
        self.bytes_received = 0;
    }

    /// At most so many bytes are read at a time (0: as many as are worth while), but not fewer than a chunk has at least.
    pub(crate) fn limit_reads(&mut self, bytes: usize) {
        self.appetite = Appetite::of_chunks().at_most(bytes);
    }

    /// How many parts a message may have.
    pub(crate) fn set_max_parts(&mut self, max_parts: usize) {
        self.max_parts = max_parts;
    }

    /// Commands that came since the last call, without those that are messages to the socket.
    #[inline]
    pub(crate) fn take_commands(&mut self) -> usize {
        std::mem::take(&mut self.commands)
    }

    /// Bytes in memory for what waits to be taken.
    pub(crate) fn waiting_bytes(&self) -> usize {
        let ready = self.ready.iter().map(|ready| match ready {
            Ready::Chunk(chunk) => chunk.buffer.len(),
            Ready::Whole { body, .. } => body.len(),
        });
        ready.sum::<usize>() + self.chunk.as_ref().map_or(0, |chunk| chunk.len - chunk.off)
    }

    /// Where messages that are handed out get their memory from now on.
    pub(crate) fn set_memory(&mut self, memory: ReceiveMemory) {
        self.memory = memory;
    }

    /// Whole messages that can be taken.
    #[inline]
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    pub(crate) fn bytes_received(&self) -> u64 {
        self.bytes_received
    }

    /// The connection is over: what is incomplete will never be whole. Whole messages stay.
    pub(crate) fn end(&mut self) {
        self.large = None;
        self.scan_more = false;
        self.opener = None;
        match self.chunk.take() {
            Some(mut chunk) if chunk.off < chunk.scanned => {
                chunk.len = chunk.scanned;
                self.ready.push_back(Ready::Chunk(chunk));
            }
            _ => {}
        }
        self.drop_partial_message();
    }

    /// Parts of a message that was cut off after whole frames: nobody may ever see them, least of all in front of what
    /// the next connection brings.
    fn drop_partial_message(&mut self) {
        let mut left = self.messages;
        let mut keep = 0;
        for ready in &mut self.ready {
            if left == 0 {
                break;
            }
            keep += 1;
            match ready {
                Ready::Whole { body, more, command } => {
                    left -= usize::from(layout(body, *more, *command).is_some_and(|part| !part.more));
                }
                Ready::Chunk(chunk) => {
                    let (off, end) = (chunk.off, chunk.scanned);
                    while left > 0 && chunk.off < end {
                        let Some(next) = chunk.frame_end(self.raw) else { break };
                        left -= usize::from(chunk.part(self.raw).is_some_and(|part| !part.more));
                        chunk.off = next;
                    }
                    if left == 0 {
                        (chunk.scanned, chunk.len) = (chunk.off, chunk.off);
                    }
                    chunk.off = off;
                }
            }
        }
        self.ready.truncate(keep);
    }

    /// A message of this side's own making, behind all that came. Only when the connection is over.
    pub(crate) fn append(&mut self, body: Message) {
        self.ready.push_back(Ready::Whole { body, more: false, command: false });
        self.messages += 1;
    }

    /// Forgets all whole messages but the last.
    /// Says how many whole messages made way.
    pub(crate) fn keep_newest(&mut self) -> u64 {
        let before = self.messages;
        while self.messages > 1 && self.take_with(|_| ()).is_some() {}
        (before - self.messages) as u64
    }

    // ---- reading ----

    /// Memory for one read. Between this and `finish_read` nobody else may read; taking goes on.
    pub(crate) fn begin_read(&mut self, buffers: &mut Buffers) -> ReadTarget {
        let mut chunk = self.chunk.take().unwrap_or_else(|| Chunk::new(buffers.rent(self.appetite.size())));
        let rest = &chunk.buffer[chunk.scanned..chunk.len];
        // A cut frame is read to its end in one piece.
        let frame = FrameHeader::parse(rest)
            .ok()
            .flatten()
            .map_or(0, |h| (h.body_len.min(LARGE_FROM as u64) + u64::from(h.header_len)) as usize);
        let wanted = self.appetite.size().max(frame);
        if chunk.off < chunk.scanned || chunk.buffer.len() < wanted {
            let mut fresh = Chunk::new(buffers.rent(wanted));
            fresh.buffer[..rest.len()].copy_from_slice(rest);
            fresh.len = rest.len();
            chunk.len = chunk.scanned;
            if chunk.off < chunk.scanned {
                // The application has not taken these yet: they go on waiting, and the cut frame has moved over.
                self.ready.push_back(Ready::Chunk(chunk));
            }
            chunk = fresh;
        } else {
            chunk.buffer.copy_within(chunk.scanned..chunk.len, 0);
            chunk.len -= chunk.scanned;
            chunk.off = 0;
            chunk.scanned = 0;
            chunk.has_parts = false;
        }
        let limit = if self.expect_large { chunk.len + SMALL_READ } else { CHUNK_BYTES };
        ReadTarget { limit: limit.min(chunk.buffer.len()), chunk, large: self.large.take() }
    }

    /// Takes the memory back, and makes of `count` more bytes what they are. On an error the connection must go.
    pub(crate) fn finish_read(
        &mut self,
        buffers: &mut Buffers,
        target: ReadTarget,
        count: usize,
        controls: &mut Vec<Control>,
    ) -> Result<(), ProtocolError> {
        let ReadTarget { mut chunk, large, .. } = target;
        self.bytes_received += count as u64;
        let mut count = count;
        if let Some(mut large) = large {
            let into_large = count.min(large.length - large.filled);
            large.filled += into_large;
            count -= into_large;
            if large.filled < large.length {
                self.large = Some(large);
                self.chunk = self.keep(chunk);
                return Ok(());
            }
            self.finish_large(large, controls)?;
        }
        if chunk.len + count == chunk.buffer.len() {
            self.appetite.used(chunk.buffer.len());
        } else {
            self.appetite.spared(count);
        }
        chunk.len += count;
        let mut result = Ok(());
        if self.raw {
            chunk.scanned = chunk.len;
            chunk.has_parts = count > 0;
            self.messages += usize::from(count > 0);
        } else {
            result = self.scan(&mut chunk, controls);
            if !chunk.has_parts {
                // Commands have been seen to; they are not kept until somebody takes a message.
                chunk.off = chunk.scanned;
            }
        }
        match result {
            Ok(()) => result = self.start_large(buffers, &mut chunk),
            // What came before the fault can be taken.
            Err(_) => chunk.len = chunk.scanned,
        }
        self.chunk = self.keep(chunk);
        result
    }

    /// Bytes that came with the handshake.
    pub(crate) fn preload(
        &mut self,
        buffers: &mut Buffers,
        mut bytes: &[u8],
        controls: &mut Vec<Control>,
    ) -> Result<(), ProtocolError> {
        while !bytes.is_empty() {
            let mut target = self.begin_read(buffers);
            let n = target.fill_from(bytes);
            bytes = &bytes[n..];
            self.finish_read(buffers, target, n, controls)?;
        }
        Ok(())
    }

    /// An empty chunk goes back at once, so that an idle connection holds no memory.
    fn keep(&self, chunk: Chunk) -> Option<Chunk> {
        if chunk.off == chunk.len {
            return None;
        }
        Some(chunk)
    }

    fn scan(&mut self, chunk: &mut Chunk, controls: &mut Vec<Control>) -> Result<(), ProtocolError> {
        if self.opener.is_none() && self.max_message_size >= u64::from(u8::MAX) {
            self.scan_short(chunk)?;
        }
        while let Some(header) = FrameHeader::parse(&chunk.buffer[chunk.scanned..chunk.len])? {
            self.check(&header)?;
            let start = chunk.scanned + header.header_len as usize;
            if header.body_len > (chunk.len - start) as u64 {
                break;
            }
            let end = start + header.body_len as usize;
            if header.command || self.opener.is_some() {
                chunk.has_parts |= self.scan_command(&mut chunk.buffer[start..end], controls)?;
                // From here on it is a command to `take`, whatever it was on the wire.
                let flags = &mut chunk.buffer[chunk.scanned];
                *flags = (*flags | COMMAND_FLAG) & !MORE_FLAG;
            } else {
                chunk.has_parts = true;
                self.count_part(header.more)?;
            }
            chunk.scanned = end;
        }
        Ok(())
    }

    /// The usual case of many short message frames, in a loop of its own: up to the first frame that is anything else.
    fn scan_short(&mut self, chunk: &mut Chunk) -> Result<(), ProtocolError> {
        let bytes = &chunk.buffer[..chunk.len];
        let (mut at, mut messages, mut more) = (chunk.scanned, 0, self.scan_more);
        let mut parts = self.parts;
        // Where the next frame begins is guessed, not computed: the loop would wait for each length to be read.
        let (mut usual, mut usual_step) = (0u8, 2);
        while let Some(&[flags @ (0 | MORE_FLAG), length]) = bytes.get(at..at + 2) {
            if length != usual {
                usual = length;
                // Hidden from the compiler, which would otherwise compute it each time.
                usual_step = std::hint::black_box(2 + length as usize);
            }
            let end = at + usual_step;
            if end > bytes.len() {
                break;
            }
            more = flags == MORE_FLAG;
            messages += usize::from(!more);
            at = end;
            parts = if more { parts + 1 } else { 0 };
            if parts >= self.max_parts {
                break;
            }
        }
        chunk.has_parts |= at > chunk.scanned;
        chunk.scanned = at;
        self.messages += messages;
        self.scan_more = more;
        self.parts = parts;
        if parts >= self.max_parts { Err(ProtocolError::too_many_parts(self.max_parts)) } else { Ok(()) }
    }

    /// One more part of a message is whole.
    #[inline]
    fn count_part(&mut self, more: bool) -> Result<(), ProtocolError> {
        self.scan_more = more;
        self.messages += usize::from(!more);
        self.parts = if more { self.parts + 1 } else { 0 };
        if self.parts >= self.max_parts { Err(ProtocolError::too_many_parts(self.max_parts)) } else { Ok(()) }
    }

    fn check(&self, header: &FrameHeader) -> Result<(), ProtocolError> {
        let limit = match self.opener {
            // A sealed command is bounded like a message here, and as a command when it is open.
            Some(_) => {
                self.max_message_size.saturating_add(CurveSealer::OVERHEAD as u64).max(SEALED_COMMAND_MAX)
            }
            None if header.command => limits::COMMAND_BYTES_MAX as u64,
            None => self.max_message_size,
        };
        if header.body_len <= limit {
            Ok(())
        } else if header.command {
            Err(ProtocolError::command_too_long(header.body_len, limit))
        } else {
            Err(ProtocolError::message_too_long(header.body_len, limit))
        }
    }

    fn finish_large(&mut self, large: Large, controls: &mut Vec<Control>) -> Result<(), ProtocolError> {
        let Large { more, command, memory, .. } = large;
        let mut body = match memory {
            Memory::Block(block) => block.freeze(),
            Memory::Growing(vec) => Message::from(vec),
        };
        let command = command || self.opener.is_some();
        if command {
            let Some(bytes) = body.as_mut_slice() else { return Ok(()) };
            if !self.scan_command(bytes, controls)? {
                return Ok(());
            }
        } else {
            self.count_part(more)?;
        }
        self.ready.push_back(Ready::Whole { body, more, command });
        Ok(())
    }

    /// A frame that begins behind the whole ones and is large: its memory is got now, and what has come of it moves.
    fn start_large(&mut self, buffers: &mut Buffers, chunk: &mut Chunk) -> Result<(), ProtocolError> {
        let Some(header) = FrameHeader::parse(&chunk.buffer[chunk.scanned..chunk.len]).unwrap_or(None) else {
            self.expect_large = self.expect_large && chunk.scanned == chunk.off;
            return Ok(());
        };
        if self.raw || header.body_len < LARGE_FROM as u64 {
            self.expect_large = false;
            return Ok(());
        }
        let length = usize::try_from(header.body_len)
            .map_err(|_| ProtocolError::message_too_long(header.body_len, usize::MAX as u64))?;
        let start = chunk.scanned + header.header_len as usize;
        let came = &chunk.buffer[start..chunk.len];
        let believed = length <= BELIEVED
            || (length <= MessagePool::CLASS_SIZES[18] && self.bytes_received >= length as u64 / 4);
        let pool = match &self.memory {
            ReceiveMemory::Shared => Some(MessagePool::shared()),
            ReceiveMemory::Pool(pool) => Some(pool),
            ReceiveMemory::Heap => None,
        };
        let wants_vec = buffers.wants_vec(self.ready.len());
        let memory = match pool.filter(|_| believed && !wants_vec) {
            Some(pool) => {
                let mut block = pool.rent(length);
                block[..came.len()].copy_from_slice(came);
                Memory::Block(block)
            }
            None => {
                let room = if believed { length } else { length.min(BELIEVED.max(came.len())) };
                let mut vec = Vec::with_capacity(room);
                vec.extend_from_slice(came);
                Memory::Growing(vec)
            }
        };
        self.large =
            Some(Large { more: header.more, command: header.command, length, filled: came.len(), memory });
        self.expect_large = true;
        chunk.len = chunk.scanned;
        if chunk.off < chunk.scanned {
            // Whole frames before it keep their place in the order.
            let fresh = Chunk::new(buffers.rent(self.appetite.size()));
            self.ready.push_back(Ready::Chunk(std::mem::replace(chunk, fresh)));
        } else {
            (chunk.off, chunk.scanned, chunk.len) = (0, 0, 0);
        }
        Ok(())
    }

    /// Looks into a command or an encrypted frame, and marks it for `take`: byte 0 says whether it is delivered as a
    /// message part (as does the result), byte 1 where the part's bytes begin, byte 2 whether more follow. What those
    /// bytes held, the command's name, is not needed any more.
    #[cold]
    fn scan_command(&mut self, body: &mut [u8], controls: &mut Vec<Control>) -> Result<bool, ProtocolError> {
        let mut start = 0;
        if let Some(opener) = &mut self.opener {
            let opened = opener.open_in_place(body)?;
            start = opened.start;
            if !opened.command {
                let length = (body.len() - start) as u64;
                if length > self.max_message_size {
                    return Err(ProtocolError::message_too_long(length, self.max_message_size));
                }
                self.count_part(opened.more)?;
                mark(body, Some(start), opened.more);
                return Ok(true);
            }
        }
        if self.scan_more {
            return Err(ProtocolError::command_inside_message());
        }
        // Where the part begins: the last letter of the name becomes the 1 or 0 of the message form.
        let mut part = None;
        match Command::parse(body.get(start..).unwrap_or_default())? {
            Command::Ping { ttl_tenths, context } => {
                controls.push(Control::Ping { ttl_tenths, context: context.to_vec() });
            }
            Command::Pong { .. } => controls.push(Control::Pong),
            Command::Subscribe(t) if self.deliver == Deliver::Subscriptions => part = Some((t.len() + 1, 1)),
            Command::Cancel(t) if self.deliver == Deliver::Subscriptions => part = Some((t.len() + 1, 0)),
            Command::Join(g) if self.deliver == Deliver::Groups => part = Some((g.len() + 1, 1)),
            Command::Leave(g) if self.deliver == Deliver::Groups => part = Some((g.len() + 1, 0)),
            Command::Error(reason) => return Err(ProtocolError::peer_error(reason)),
            Command::Ready(_) => return Err(ProtocolError::unexpected_command()),
            _ => {}
        }
        match part {
            Some((length, byte)) => {
                let at = body.len() - length;
                body[at] = byte;
                mark(body, Some(at), false);
                self.messages += 1;
            }
            None => {
                self.commands += 1;
                mark(body, None, false);
            }
        }
        Ok(part.is_some())
    }
}
