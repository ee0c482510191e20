//! The pieces that outgoing bytes lie in: shared segments, small heads, bodies by reference.
//!
//! Never here: what the bytes mean, but for a frame's header in front of its body.

use netzmq_memory::{Message, PooledBuffer};
use netzmq_proto::FrameHeader;

use crate::connection::buffers::{Buffers, SEGMENT_BYTES_MIN};

#[derive(Debug)]
pub(super) enum Item {
    Bytes(Segment),
    /// Headers (and tiny bodies) before a referenced body, where a whole segment would be wasted.
    Head(Head),
    /// One body; or whole frames, encoded for several connections.
    Body(Message, usize),
}

#[derive(Debug)]
pub(super) struct Segment {
    pub(super) buffer: PooledBuffer,
    pub(super) start: usize,
    pub(super) end: usize,
}

pub(super) const HEAD_BYTES: usize = 40;

#[derive(Debug)]
pub(super) struct Head {
    pub(super) buffer: [u8; HEAD_BYTES],
    pub(super) start: u8,
    pub(super) end: u8,
}

impl Item {
    pub(super) fn len(&self) -> usize {
        self.bytes().len()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Item::Bytes(s) => &s.buffer[s.start..s.end],
            Item::Head(h) => &h.buffer[h.start as usize..h.end as usize],
            Item::Body(message, start) => &message[*start..],
        }
    }

    pub(super) fn consume(&mut self, n: usize) {
        match self {
            Item::Bytes(s) => s.start += n,
            Item::Head(h) => h.start += n as u8,
            Item::Body(_, start) => *start += n,
        }
    }
}

/// Header and body into `target`, which has room for them. Returns the bytes used.
#[inline]
pub(crate) fn append_frame(target: &mut [u8], body: &[u8], more: bool) -> usize {
    let length = body.len();
    if length <= 255 {
        // One bounds check for the whole frame.
        let target = &mut target[..length + 2];
        target[0] = more as u8;
        target[1] = length as u8;
        target[2..].copy_from_slice(body);
        length + 2
    } else {
        let mut header = [0; FrameHeader::MAX_LEN];
        let n = FrameHeader::encode(more, false, length as u64, &mut header);
        let target = &mut target[..length + n];
        target[..n].copy_from_slice(&header[..n]);
        target[n..].copy_from_slice(body);
        length + n
    }
}

#[inline]
pub(super) fn put(buffer: &mut [u8], at: usize, bytes: &[u8]) -> usize {
    buffer[at..at + bytes.len()].copy_from_slice(bytes);
    at + bytes.len()
}

pub(super) fn split(buffers: &Buffers, item: Item, keep: usize) -> (Item, Item) {
    let tail_of = |buffers: &Buffers, bytes: &[u8]| {
        let mut buffer = buffers.rent(bytes.len().max(SEGMENT_BYTES_MIN));
        let end = put(&mut buffer, 0, bytes);
        Item::Bytes(Segment { buffer, start: 0, end })
    };
    match item {
        Item::Bytes(mut s) => {
            let tail = tail_of(buffers, &s.buffer[s.start + keep..s.end]);
            s.end = s.start + keep;
            (Item::Bytes(s), tail)
        }
        Item::Head(mut h) => {
            let tail = tail_of(buffers, &h.buffer[h.start as usize + keep..h.end as usize]);
            h.end = h.start + keep as u8;
            (Item::Head(h), tail)
        }
        // A body belongs to one message wholly, and encoded frames are whole: no boundary that matters is inside.
        body @ Item::Body(..) => (body, Item::Head(Head { buffer: [0; HEAD_BYTES], start: 0, end: 0 })),
    }
}
