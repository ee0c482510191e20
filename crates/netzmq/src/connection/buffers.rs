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

/// Large bodies that are still read into a `Vec` after the last one was received as one, beyond those that wait: soon used
/// up when callers turn to something else. Being wrong costs one allocation, or one copy.
const VECS_EXPECTED: u32 = 16;

/// Where one socket's connections get their memory.
#[derive(Debug)]
pub(crate) struct Buffers {
    pool: MessagePool,
    /// Large bodies begun since a caller received into a `Vec`.
    since_vec: u32,
}

impl Buffers {
    pub(crate) fn new(pool: MessagePool) -> Buffers {
        Buffers { pool, since_vec: u32::MAX }
    }

    /// A caller receives into a `Vec`, and will probably do so again.
    #[inline]
    pub(crate) fn expect_vecs(&mut self) {
        self.since_vec = 0;
    }

    /// Whether the large body that begins now had better be a `Vec` from the start. Asked once for each; `waiting` are here
    /// already and were not taken.
    pub(crate) fn wants_vec(&mut self, waiting: usize) -> bool {
        let since = self.since_vec;
        self.since_vec = since.saturating_add(1);
        (since as usize) < waiting.saturating_add(VECS_EXPECTED as usize)
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

    /// The same with a lower bound above, unless that is 0.
    pub(crate) fn at_most(self, bytes: usize) -> Appetite {
        let max = if bytes == 0 { self.max } else { bytes.clamp(self.min, self.max) };
        Appetite { size: self.size.min(max), max, ..self }
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
    fn vecs_are_expected_while_they_are_taken_however_many_wait() {
        let mut buffers = Buffers::new(MessagePool::new());
        assert!(!buffers.wants_vec(1000), "nobody has ever asked for one");
        buffers.expect_vecs();
        assert!((0..500).all(|waiting| buffers.wants_vec(waiting)));
        assert!(!buffers.wants_vec(0), "500 went to callers who asked for something else");
        buffers.expect_vecs();
        assert!((0..VECS_EXPECTED).all(|_| buffers.wants_vec(0)));
        assert!(!buffers.wants_vec(0));
    }

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
