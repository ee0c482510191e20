//! Bytes on their way into the kernel, owned by whoever writes them.
//!
//! The one place of sending that makes system calls; it knows no lock and no message.

use std::collections::VecDeque;
use std::io::{self, IoSlice};

use super::WRITE_BYTES;
use super::item::Item;
use crate::transport::stream::{Moved, Stream};

/// Buffers handed to one vectored write.
const SLICES: usize = 64;
/// So little of an item is not left for a write of its own, but goes beyond [`WRITE_BYTES`]: a body of 128 KiB goes with its
/// header.
const REST_BYTES: usize = 4 * 1024;

/// Bytes being written, owned by the writer.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(super) items: VecDeque<Item>,
    pub(super) written: u64,
}

/// How a write of a batch ended.
#[derive(Debug)]
pub(crate) enum Wrote {
    /// All of it.
    All,
    /// The kernel has no room: wait until the stream is writable.
    Blocked,
    /// The connection is dead.
    Failed(io::Error),
}

impl Batch {
    /// Bytes that the kernel has taken.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Writes until nothing is left or the kernel has no room.
    pub(crate) fn write(&mut self, stream: &Stream) -> Wrote {
        loop {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let (count, bytes) = self.gather(&mut slices);
            if count == 0 {
                return Wrote::All;
            }
            match stream.write_vectored(&slices[..count]) {
                Ok(Moved::Bytes(n)) => {
                    self.advance(n);
                    if n < bytes {
                        return Wrote::Blocked;
                    }
                }
                Ok(Moved::WouldBlock | Moved::End) => return Wrote::Blocked,
                Err(error) => return Wrote::Failed(error),
            }
        }
    }

    /// Fills `slices` with what one write moves; says how many there are, and of how many bytes.
    #[inline]
    fn gather<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES]) -> (usize, usize) {
        let (mut count, mut bytes) = (0, 0);
        for item in &self.items {
            let rest = item.bytes();
            if rest.is_empty() {
                continue;
            }
            let room = WRITE_BYTES - bytes;
            let step = if rest.len() <= room + REST_BYTES { rest.len() } else { room };
            slices[count] = IoSlice::new(&rest[..step]);
            count += 1;
            bytes += step;
            if count == SLICES || bytes >= WRITE_BYTES {
                break;
            }
        }
        (count, bytes)
    }

    pub(super) fn advance(&mut self, mut n: usize) {
        self.written += n as u64;
        for item in &mut self.items {
            let step = item.len().min(n);
            item.consume(step);
            n -= step;
            if n == 0 {
                break;
            }
        }
    }

    /// The same into memory: as much as fits until `out` holds `most` bytes.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn write_to(&mut self, out: &mut Vec<u8>, most: usize) {
        let before = out.len();
        for item in &self.items {
            let bytes = item.bytes();
            out.extend_from_slice(&bytes[..bytes.len().min(most - out.len())]);
        }
        self.advance(out.len() - before);
    }

    /// Forgets the items of which every byte was written: their memory goes back to where it came from.
    pub(crate) fn drop_done(&mut self) {
        while self.items.front().is_some_and(|item| item.len() == 0) {
            self.items.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use netzmq_memory::{Message, MessagePool};

    use super::super::{Body, Framing, Outbound};
    use super::*;
    use crate::connection::buffers::Buffers;

    /// Goal: a large body never leaves some bytes behind for a write of their own, because its header went before it; each
    /// such write is a packet, and a waking of whoever reads. Method: bodies about the size of one write and of two, and the
    /// sizes of the writes that they would go in.
    #[test]
    fn a_body_goes_with_its_header_and_leaves_no_crumbs() {
        let writes = |length: usize| {
            let (mut out, mut buffers) = (Outbound::new(Framing::Zmtp), Buffers::new(MessagePool::new()));
            out.push(&mut buffers, &mut Body::Owned(Message::zeroed(length)), false);
            let mut batch = out.take(&mut buffers).unwrap();
            let mut writes = Vec::new();
            loop {
                let mut slices = [IoSlice::new(&[]); SLICES];
                let (_, bytes) = batch.gather(&mut slices);
                if bytes == 0 {
                    return writes;
                }
                writes.push(bytes);
                batch.advance(bytes);
            }
        };
        let header = 9;
        assert_eq!(writes(WRITE_BYTES), [WRITE_BYTES + header]);
        assert_eq!(writes(2 * WRITE_BYTES), [WRITE_BYTES, WRITE_BYTES + header]);
        assert_eq!(writes(WRITE_BYTES + REST_BYTES - header), [WRITE_BYTES + REST_BYTES]);
        assert_eq!(writes(WRITE_BYTES + REST_BYTES), [WRITE_BYTES, REST_BYTES + header]);
    }
}
