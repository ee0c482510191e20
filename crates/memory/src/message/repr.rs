//! The first 50 bytes of a [`Message`](super::Message), and the byte that tells what they are.
//!
//! ```text
//!   0                                     50   51   52           56       64
//!   | inline bytes, or pointer + length + block |tag |more | routing id | annot. |
//! ```
//! The body is in front, where it ends two bytes behind a multiple of 16: compilers move it as three times 16 bytes and 2. With
//! ten bytes left they would take 16 that overlap with the others, which the next move has to wait for.
//!
//! Nothing here counts references; `message.rs` does. Invariant **R1**: the tag says which member of
//! [`Body`] is initialised; for `Tag::inline(n)` it is the first `n` bytes of `inline`.

use std::mem::MaybeUninit;
use std::ptr::NonNull;

use crate::block::{Block, Header};

/// Bytes that fit without any other memory.
pub(super) const INLINE_MAX: usize = 50;

/// Packed to 2, so that 50 bytes are 50 bytes; members are read and written whole, never borrowed (except
/// `inline`, whose alignment is 1).
#[derive(Clone, Copy)]
#[repr(C, packed(2))]
pub(super) union Body {
    pub(super) inline: [MaybeUninit<u8>; INLINE_MAX],
    pub(super) heap: Heap,
}

/// A body that lies elsewhere: static memory (no block), a block, or external memory whose owner a block
/// keeps.
#[derive(Clone, Copy)]
pub(super) struct Heap {
    pub(super) ptr: NonNull<u8>,
    pub(super) len: usize,
    pub(super) block: Option<NonNull<Header>>,
}

impl Heap {
    /// `len` bytes at `ptr`, kept by `block`, whose reference goes into the result.
    #[inline(always)]
    pub(super) fn of_block(ptr: *mut u8, len: usize, block: Block) -> Heap {
        // A null pointer only ever comes with no bytes.
        let ptr = NonNull::new(ptr).unwrap_or(NonNull::dangling());
        Heap { ptr, len, block: Some(block.into_raw()) }
    }
}

/// What the body is: 0 to 50 for that many inline bytes, else one of the kinds below.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Tag(u8);

impl Tag {
    pub(super) const STATIC: Tag = Tag(0xFC);
    pub(super) const BLOCK: Tag = Tag(0xFD);
    /// External memory that must not be written, even by a sole holder.
    pub(super) const EXTERNAL: Tag = Tag(0xFE);
    /// External memory that a sole holder may write.
    pub(super) const EXTERNAL_WRITABLE: Tag = Tag(0xFF);

    /// `len` is at most [`INLINE_MAX`].
    #[inline(always)]
    pub(super) const fn inline(len: usize) -> Tag {
        debug_assert!(len <= INLINE_MAX);
        Tag(len as u8)
    }

    /// The length, if the body is inline.
    #[inline(always)]
    pub(super) const fn inline_len(self) -> Option<usize> {
        if self.0 as usize <= INLINE_MAX { Some(self.0 as usize) } else { None }
    }
}

impl Body {
    /// No bytes at all, initialised or otherwise.
    pub(super) const EMPTY: Body = Body { inline: [MaybeUninit::uninit(); INLINE_MAX] };

    /// Overwrites the first bytes; at most 50.
    #[inline(always)]
    pub(super) fn copy_from(&mut self, bytes: &[u8]) {
        let to = (&raw mut self.inline).cast::<u8>();
        let (from, len) = (bytes.as_ptr(), bytes.len());
        debug_assert!(len <= INLINE_MAX);
        // Two fixed-size copies that overlap beat a call to memcpy with an unknown length; this is on the
        // way of every small message.
        //
        // SAFETY: each branch copies only within the first `len <= 50` bytes of both.
        unsafe {
            match len {
                32.. => ends::<32>(from, to, len),
                16.. => ends::<16>(from, to, len),
                8.. => ends::<8>(from, to, len),
                4.. => ends::<4>(from, to, len),
                2.. => ends::<2>(from, to, len),
                1 => *to = *from,
                0 => {}
            }
        }
    }
}

/// Copies the first and the last `N` of `len` bytes, which together are all of them.
///
/// # Safety
/// `N <= len <= 2 * N`, both ranges valid for `len` bytes and apart.
#[inline(always)]
unsafe fn ends<const N: usize>(from: *const u8, to: *mut u8, len: usize) {
    // SAFETY: by the contract.
    unsafe {
        let head = from.cast::<[u8; N]>().read_unaligned();
        let tail = from.add(len - N).cast::<[u8; N]>().read_unaligned();
        to.cast::<[u8; N]>().write_unaligned(head);
        to.add(len - N).cast::<[u8; N]>().write_unaligned(tail);
    }
}

const _: () = assert!(size_of::<Body>() == INLINE_MAX);
const _: () = assert!(size_of::<Heap>() <= INLINE_MAX);
