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
            let mut count = 0;
            let mut bytes = 0;
            for item in &self.items {
                let rest = item.bytes();
                if rest.is_empty() {
                    continue;
                }
                let rest = &rest[..rest.len().min(WRITE_BYTES - bytes)];
                slices[count] = IoSlice::new(rest);
                count += 1;
                bytes += rest.len();
                if count == SLICES || bytes == WRITE_BYTES {
                    break;
                }
            }
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
