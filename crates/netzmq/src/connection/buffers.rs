//! The memory in which connections move bytes: blocks of the message pool, of a size that follows the traffic.
//!
//! A connection that says little gets by with small blocks; one that streams works up to the size of a batch. An idle
//! connection holds none. Blocks are always initialised memory, stale from their last use, and never shown to anyone
//! beyond what was written into them.

use netzmq_memory::{MessagePool, PooledBuffer};

/// Outgoing bytes are gathered in pieces of at most this size: one write moves one or two.
pub(crate) const SEGMENT_BYTES: usize = 64 * 1024;
/// Incoming bytes are read in pieces of at most this size. More falls out of the caches.
pub(crate) const CHUNK_BYTES: usize = 128 * 1024;

pub(crate) const SEGMENT_BYTES_MIN: usize = 4 * 1024;
const CHUNK_BYTES_MIN: usize = 8 * 1024;

/// Where one socket's connections get their memory.
#[derive(Debug)]
pub(crate) struct Buffers {
    pool: MessagePool,
}

impl Buffers {
    pub(crate) fn new(pool: MessagePool) -> Buffers {
        Buffers { pool }
    }

    #[inline]
    pub(crate) fn rent(&self, size: usize) -> PooledBuffer {
        self.pool.rent(size)
    }
}

/// How much one direction of one connection takes at a time: four times as much whenever that was too little, a
/// quarter whenever most of it was left over.
#[derive(Debug, Copy, Clone)]
pub(crate) struct Appetite {
    size: usize,
    min: usize,
    max: usize,
}

impl Appetite {
    pub(crate) const fn of_segments() -> Appetite {
        Appetite { size: SEGMENT_BYTES_MIN, min: SEGMENT_BYTES_MIN, max: SEGMENT_BYTES }
    }

    pub(crate) const fn of_chunks() -> Appetite {
        Appetite { size: CHUNK_BYTES_MIN, min: CHUNK_BYTES_MIN, max: CHUNK_BYTES }
    }

    #[inline]
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// So much was used of a piece.
    #[inline]
    pub(crate) fn used(&mut self, bytes: usize) {
        if bytes >= self.size - self.size / 8 {
            self.size = (self.size * 4).min(self.max);
        } else {
            self.spared(bytes);
        }
    }

    /// No more than so much was used of a piece, for once.
    #[inline]
    pub(crate) fn spared(&mut self, bytes: usize) {
        if bytes < self.size / 16 {
            self.size = (self.size / 4).max(self.min);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appetite_grows_with_full_pieces_and_shrinks_with_empty_ones() {
        let mut appetite = Appetite::of_chunks();
        for _ in 0..5 {
            appetite.used(appetite.size());
        }
        assert_eq!(appetite.size(), CHUNK_BYTES);
        appetite.used(CHUNK_BYTES / 2);
        assert_eq!(appetite.size(), CHUNK_BYTES);
        for _ in 0..5 {
            appetite.used(100);
        }
        assert_eq!(appetite.size(), CHUNK_BYTES_MIN);
    }
}
