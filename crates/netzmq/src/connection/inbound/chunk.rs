//! A piece of the incoming stream as it was read, and where the parts lie in it.
//!
//! A frame that is a command, or was encrypted, is *marked* once when it is scanned; after that `layout` tells without
//! parsing whether it is a part of a message and where that begins.

use netzmq_memory::PooledBuffer;
use netzmq_proto::FrameHeader;

#[derive(Debug)]
pub(super) struct Chunk {
    pub(super) buffer: PooledBuffer,
    /// Next byte to hand out.
    pub(super) off: usize,
    /// End of the whole frames.
    pub(super) scanned: usize,
    /// End of what was read.
    pub(super) len: usize,
    /// Parts of messages were found in it, not only commands.
    pub(super) has_parts: bool,
}

/// Where a part lies.
pub(super) struct Part {
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) more: bool,
}

impl Chunk {
    pub(super) fn new(buffer: PooledBuffer) -> Chunk {
        Chunk { buffer, off: 0, scanned: 0, len: 0, has_parts: false }
    }

    /// The part at `off`, if its frame is a plain one, neither a command nor marked: the usual case of [`part`](Chunk::part),
    /// and quicker. Not for raw streams.
    #[inline]
    pub(super) fn plain_part(&self) -> Option<Part> {
        let bytes = self.buffer.get(self.off..self.scanned)?;
        let (flags, header, length) = match *bytes {
            [flags @ 0..=1, length, ..] => (flags, 2, u64::from(length)),
            [flags @ 2..=3, a, b, c, d, e, f, g, h, ..] => {
                (flags, 9, u64::from_be_bytes([a, b, c, d, e, f, g, h]))
            }
            _ => return None,
        };
        let start = self.off + header;
        // Whole, so that it fits.
        let end = start.checked_add(length as usize).filter(|end| *end <= self.scanned)?;
        Some(Part { start, end, more: flags & MORE_FLAG != 0 })
    }

    /// The part at `off`; `None` for a command that is nobody's message.
    pub(super) fn part(&self, raw: bool) -> Option<Part> {
        if raw {
            return Some(Part { start: self.off, end: self.scanned, more: false });
        }
        let header = FrameHeader::parse(self.buffer.get(self.off..self.scanned)?).ok()??;
        let start = self.off + header.header_len as usize;
        let end = start + header.body_len as usize;
        let inner = layout(self.buffer.get(start..end)?, header.more, header.command)?;
        Some(Part { start: start + inner.start, end, more: inner.more })
    }

    pub(super) fn peek(&self, raw: bool) -> Option<(&[u8], bool)> {
        let part = self.part(raw)?;
        Some((self.buffer.get(part.start..part.end)?, part.more))
    }

    pub(super) fn frame_end(&self, raw: bool) -> Option<usize> {
        if raw {
            return Some(self.scanned);
        }
        let header = FrameHeader::parse(self.buffer.get(self.off..self.scanned)?).ok()??;
        Some(self.off + header.header_len as usize + header.body_len as usize)
    }
}

const DELIVERED: u8 = 0xFF;
/// The bit of a frame's flags that makes it a command.
pub(super) const COMMAND_FLAG: u8 = 4;
/// The bit that says that another part follows.
pub(super) const MORE_FLAG: u8 = 1;

pub(super) fn mark(body: &mut [u8], start: Option<usize>, more: bool) {
    match (body, start) {
        ([first, second, third, ..], Some(start)) => {
            (*first, *second, *third) = (DELIVERED, start as u8, u8::from(more));
        }
        ([first, ..], _) => *first = 0,
        _ => {}
    }
}

/// Finds the part in a scanned frame's body.
pub(super) fn layout(body: &[u8], more: bool, command: bool) -> Option<Part> {
    if !command {
        return Some(Part { start: 0, end: body.len(), more });
    }
    match body {
        [DELIVERED, start, more, ..] => {
            Some(Part { start: *start as usize, end: body.len(), more: *more == 1 })
        }
        _ => None,
    }
}
