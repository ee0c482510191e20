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
    /// Holds what has come (`filled` bytes), and grows when that fills it: nothing is zeroed to be read over.
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
            Some(Large { memory: Memory::Growing(vec), length, .. }) => {
                grow(vec, *length);
                read_growing(stream, vec, *length)
            }
            Some(Large { memory: Memory::Block(block), length, filled, .. }) => {
                let (left, rest) = (*length - *filled, &mut block[*filled..]);
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
            // What a codec keeps is reported by no poller: it is asked until there is nothing.
            Ok(Moved::Bytes(count)) => Read::Bytes { count, drained: count < room && !stream.is_coded() },
            Ok(Moved::WouldBlock) => Read::Empty,
            Ok(Moved::End) => Read::End,
            Err(error) => Read::Failed(error),
        }
    }

    /// The same from bytes at hand; returns how many were used.
    pub(super) fn fill_from(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        if let Some(large) = &mut self.large {
            used = (large.length - large.filled).min(bytes.len());
            match &mut large.memory {
                Memory::Block(block) => block[large.filled..][..used].copy_from_slice(&bytes[..used]),
                Memory::Growing(vec) => vec.extend_from_slice(&bytes[..used]),
            }
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

/// Reads behind what a `Vec` holds, no further than the end of the body: what follows takes a read of its own.
fn read_growing(stream: &Stream, vec: &mut Vec<u8>, length: usize) -> (usize, io::Result<Moved>) {
    let (had, left) = (vec.len(), length - vec.len());
    let spare = vec.capacity() - had;
    if spare <= left {
        return (spare, stream.read_spare(vec));
    }
    // An allocator may give more than was asked for.
    vec.resize(length, 0);
    let moved = stream.read(&mut vec[had..]);
    vec.truncate(had + if let Ok(Moved::Bytes(n)) = moved { n } else { 0 });
    (left, moved)
}

/// Room for more of a body of `length` bytes: what came may come once again, and no more is believed.
fn grow(vec: &mut Vec<u8>, length: usize) {
    if vec.len() == vec.capacity() {
        vec.reserve_exact((length - vec.len()).min(vec.len().max(SMALL_READ)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn streams() -> (Stream, Stream) {
        let (a, b) = std::os::unix::net::UnixStream::pair().unwrap();
        let stream = |end: std::os::unix::net::UnixStream| {
            end.set_nonblocking(true).unwrap();
            Stream::new(end.into(), String::new(), String::new(), String::new())
        };
        (stream(a), stream(b))
    }

    /// Goal: what lies behind a body never gets into it, however much memory the allocator gave. Method: bodies in `Vec`s
    /// of exactly their length, of more and of less, with four bytes behind them.
    #[test]
    fn a_growing_body_ends_where_it_ends() {
        for capacity in [8, 100, 5000, 10_000, 30_000] {
            let (ours, theirs) = streams();
            let sent: Vec<u8> = (0..10_004_u32).map(|i| i as u8).collect();
            assert_eq!(theirs.write(&sent).unwrap(), Moved::Bytes(10_004));
            let mut vec = Vec::with_capacity(capacity);
            while vec.len() < 10_000 {
                grow(&mut vec, 10_000);
                let (room, moved) = read_growing(&ours, &mut vec, 10_000);
                assert_eq!(moved.unwrap(), Moved::Bytes(room));
            }
            assert_eq!(vec, sent[..10_000]);
            let mut rest = [0; 10];
            assert_eq!(ours.read(&mut rest).unwrap(), Moved::Bytes(4));
        }
    }
}
