//! `PooledBuffer`: a uniquely owned, writable block on its way to becoming a message.
//!
//! It is a length and a block. It never shares, and never grows beyond its block: the pool decides the
//! capacity once. Invariant: `len <= capacity`, and the block has exactly this one reference.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::PoolError;
use crate::block::Block;
use crate::message::Message;

/// A writable buffer from a [`MessagePool`](crate::MessagePool). It returns to its pool when dropped;
/// [`freeze`](PooledBuffer::freeze) turns it into a [`Message`] without a copy, and then the memory returns
/// when the last clone of that message goes, on whichever thread.
///
/// ```
/// use netzmq_memory::MessagePool;
///
/// let mut buffer = MessagePool::shared().rent(1000);
/// let used = 5;
/// buffer[..used].copy_from_slice(b"hello");
/// buffer.set_len(used)?;
/// let message = buffer.freeze();
/// assert_eq!(message, b"hello");
/// # Ok::<(), netzmq_memory::PoolError>(())
/// ```
pub struct PooledBuffer {
    block: Block,
    len: usize,
}

impl PooledBuffer {
    /// `block` is referenced only here, and `len` is at most its capacity.
    #[inline]
    pub(crate) fn new(block: Block, len: usize) -> PooledBuffer {
        debug_assert!(len <= block.capacity() && block.is_unique());
        PooledBuffer { block, len }
    }

    /// The length in bytes: what was asked for, or what [`set_len`](PooledBuffer::set_len) said since.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the length is 0.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes fit without another block.
    #[inline]
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.block.capacity()
    }

    /// Sets the length; bytes that appear by this are unspecified (left over from an earlier message).
    ///
    /// # Errors
    /// [`PoolError::BeyondCapacity`] when `len` is more than the capacity; the buffer is then unchanged.
    #[inline]
    pub fn set_len(&mut self, len: usize) -> Result<(), PoolError> {
        if len > self.capacity() {
            return Err(PoolError::BeyondCapacity { len, capacity: self.capacity() });
        }
        self.len = len;
        Ok(())
    }

    #[inline]
    pub(crate) fn into_parts(self) -> (Block, usize) {
        (self.block, self.len)
    }

    /// Turns the buffer into a message of its present length, without a copy.
    #[inline]
    #[must_use]
    pub fn freeze(self) -> Message {
        Message::from_block(self.block, self.len)
    }
}

impl Deref for PooledBuffer {
    type Target = [u8];

    #[inline]
    fn deref(&self) -> &[u8] {
        // SAFETY: `len <= capacity` bytes are initialised (block I1), and written only through `&mut self`.
        unsafe { std::slice::from_raw_parts(self.block.data(), self.len) }
    }
}

impl DerefMut for PooledBuffer {
    #[inline]
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `deref`; the block has this one reference, borrowed mutably.
        unsafe { std::slice::from_raw_parts_mut(self.block.data(), self.len) }
    }
}

impl AsRef<[u8]> for PooledBuffer {
    #[inline]
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl AsMut<[u8]> for PooledBuffer {
    #[inline]
    fn as_mut(&mut self) -> &mut [u8] {
        self
    }
}

impl From<PooledBuffer> for Message {
    #[inline]
    fn from(buffer: PooledBuffer) -> Message {
        buffer.freeze()
    }
}

impl fmt::Debug for PooledBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PooledBuffer").field("len", &self.len).field("capacity", &self.capacity()).finish()
    }
}
