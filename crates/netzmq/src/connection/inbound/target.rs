//! Memory that a read goes into, owned by whoever reads: a chunk, or the rest of a large body.
//!
//! The one place of receiving that makes system calls; it knows no lock and no frame.

use std::io::{self, IoSliceMut};

use netzmq_memory::PooledBuffer;

use super::SMALL_READ;
use super::chunk::Chunk;
use crate::connection::buffers::CHUNK_BYTES;
use crate::transport::stream::{Moved, Stream};

/// A large body while it is being read.
#[derive(Debug)]
pub(super) struct Large {
    pub(super) more: bool,
    pub(super) command: bool,
    pub(super) length: usize,
    pub(super) filled: usize,
    pub(super) memory: Memory,
}

#[derive(Debug)]
pub(super) enum Memory {
    Block(PooledBuffer),
    /// Grows as bytes come.
    Growing(Vec<u8>),
}

/// Memory that a read goes into, owned by the reader while the lock is not held.
#[derive(Debug)]
pub(crate) struct ReadTarget {
    pub(super) chunk: Chunk,
    pub(super) limit: usize,
    pub(super) large: Option<Large>,
}

/// How a read ended.
#[derive(Debug)]
pub(crate) enum Read {
    /// So many bytes, and whether the kernel has none left (it gave less than there was room for).
    Bytes {
        count: usize,
        drained: bool,
    },
    Empty,
    End,
    Failed(io::Error),
}

impl ReadTarget {
    /// Reads once.
    pub(crate) fn read(&mut self, stream: &Stream) -> Read {
        let tail = &mut self.chunk.buffer[self.chunk.len..self.limit];
        let (room, moved) = match &mut self.large {
            None => (tail.len(), stream.read(tail)),
            Some(large) => {
                // Memory that still grows is not the rest of the body: nothing may be read beyond it.
                let (left, rest) = (large.length - large.filled, large.tail());
                let most = rest.len().min(CHUNK_BYTES);
                if most < left {
                    (most, stream.read(&mut rest[..most]))
                } else {
                    let beyond = tail.len().min(SMALL_READ);
                    let room = most + beyond;
                    let mut targets = [IoSliceMut::new(rest), IoSliceMut::new(&mut tail[..beyond])];
                    (room, stream.read_vectored(&mut targets))
                }
            }
        };
        match moved {
            Ok(Moved::Bytes(count)) => Read::Bytes { count, drained: count < room },
            Ok(Moved::WouldBlock) => Read::Empty,
            Ok(Moved::End) => Read::End,
            Err(error) => Read::Failed(error),
        }
    }

    /// The same from bytes at hand; returns how many were used.
    pub(super) fn fill_from(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        if let Some(large) = &mut self.large {
            let rest = large.tail();
            used = rest.len().min(bytes.len());
            rest[..used].copy_from_slice(&bytes[..used]);
            if large.filled + used < large.length {
                // As in `read`: what follows is the large body's, not the chunk's.
                return used;
            }
        }
        let tail = &mut self.chunk.buffer[self.chunk.len..self.limit];
        let n = tail.len().min(bytes.len() - used);
        tail[..n].copy_from_slice(&bytes[used..used + n]);
        used + n
    }
}

impl Memory {
    pub(super) fn bytes(&mut self) -> &mut [u8] {
        match self {
            Memory::Block(block) => block,
            Memory::Growing(vec) => vec,
        }
    }
}

impl Large {
    /// Where the next bytes go. Growing memory doubles with what has come.
    fn tail(&mut self) -> &mut [u8] {
        match &mut self.memory {
            Memory::Block(block) => &mut block[self.filled..],
            Memory::Growing(vec) => {
                if self.filled == vec.len() {
                    vec.resize(self.length.min(vec.len().saturating_mul(2)), 0);
                }
                &mut vec[self.filled..]
            }
        }
    }
}
