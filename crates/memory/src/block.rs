//! `Block`: a reference-counted region of memory, its header and its bytes in one allocation.
//!
//! What it does: allocate, count references, and hand the block back to its pool exactly once, from
//! whichever thread drops the last reference. What it never does: decide where a block goes (the pool
//! does), or look at its bytes.
//!
//! Invariants:
//! * **I1** A block's `capacity` bytes are initialised from creation to destruction (zeroed or copied into
//!   when made, stale afterwards), so a `&mut [u8]` over them is always sound.
//! * **I2** While `refs > 0` the block is *out*: only holders of a counted reference touch it, and its bytes
//!   are written only by a holder that has seen `refs == 1`. While it is *cached*, exactly one owner (a
//!   magazine or the thread moving it) touches it, and only its [`Link`].
//! * **I3** `refs` reaches 0 once per trip: whoever brings it there owns the block alone and gives it back.
//! * **I4** Each block in existence keeps its pool's `Core` alive; `core` is valid as long as the block is.

use std::alloc::{Layout, alloc, alloc_zeroed, dealloc};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;

use crate::external;
use crate::pool::pool_core::Core;
use crate::pool::size_class::Class;
use crate::pool::threads;
use crate::sync::{AtomicUsize, Ordering, UnsafeCell, fence};

/// What precedes a block's bytes. 48 bytes; the bytes that follow are aligned to 16.
#[repr(C, align(64))]
pub(crate) struct Header {
    /// Counted references; 0 while cached.
    refs: AtomicUsize,
    core: *const Core,
    /// Class number in the top byte, capacity in the rest.
    shape: u64,
    link: UnsafeCell<Link>,
}

/// How a cached block hangs in a magazine, and a magazine in the shared tier.
#[derive(Clone, Copy)]
pub(crate) struct Link {
    /// The next block of the same magazine.
    pub(crate) next: *mut Header,
    /// In the first block of a magazine: the magazine below it in the same slot.
    pub(crate) next_magazine: *mut Header,
    /// In the first block of a magazine: when it was put into the shared tier, in pool milliseconds.
    pub(crate) stamp: u32,
    /// In the first block of a magazine: how many blocks it has.
    pub(crate) len: u32,
}

const NO_LINK: Link =
    Link { next: std::ptr::null_mut(), next_magazine: std::ptr::null_mut(), stamp: 0, len: 0 };

const HEADER_SIZE: usize = size_of::<Header>();
const CAPACITY_BITS: u32 = 56;
/// More references than this is a leak of references; going on would let the count wrap.
const MAX_REFS: usize = isize::MAX as usize;

#[cfg(all(target_pointer_width = "64", not(netzmq_loom)))]
const _: () = assert!(HEADER_SIZE == 64);
const _: () = assert!(HEADER_SIZE.is_multiple_of(16) && true);

/// One counted reference to a block that is out. Cloning adds one; dropping the last gives the block back.
pub(crate) struct Block(NonNull<Header>);

// SAFETY: the count is atomic, and by I2 the bytes are written only while a single reference exists.
unsafe impl Send for Block {}
// SAFETY: as above; `&Block` gives no way to write the bytes without `&mut` or a check for uniqueness.
unsafe impl Sync for Block {}

// A panic cannot leave a block half changed: all steps of its life are single stores.
impl UnwindSafe for Block {}
impl RefUnwindSafe for Block {}

impl Block {
    /// Wraps a block that the caller owns alone (fresh or from the cache) as its first reference.
    ///
    /// # Safety
    /// The caller owns `header` exclusively; its reference count is 0 and nothing links to it.
    #[inline(always)]
    pub(crate) unsafe fn first_reference(header: NonNull<Header>) -> Block {
        // SAFETY: exclusively owned, see above. Relaxed: the block reaches other threads only through
        // whatever the caller publishes it with.
        unsafe { header.as_ref() }.refs.store(1, Ordering::Relaxed);
        Block(header)
    }

    /// Gives up the handle but not the reference; [`Block::from_raw`] takes it up again.
    #[inline(always)]
    pub(crate) fn into_raw(self) -> NonNull<Header> {
        let header = self.0;
        std::mem::forget(self);
        header
    }

    /// # Safety
    /// `header` came from [`Block::into_raw`], and each call is matched by one counted reference.
    #[inline(always)]
    pub(crate) unsafe fn from_raw(header: NonNull<Header>) -> Block {
        Block(header)
    }

    #[inline(always)]
    fn header(&self) -> &Header {
        // SAFETY: a counted reference keeps the header alive.
        unsafe { self.0.as_ref() }
    }

    /// The first of the block's `capacity` bytes.
    #[inline(always)]
    pub(crate) fn data(&self) -> *mut u8 {
        data(self.0)
    }

    #[inline(always)]
    pub(crate) fn capacity(&self) -> usize {
        self.header().capacity()
    }

    #[inline(always)]
    pub(crate) fn class(&self) -> Class {
        self.header().class()
    }

    /// Whether this is the only reference. When it is, nobody else can make another, and everything former
    /// holders did to the bytes has happened.
    #[inline(always)]
    pub(crate) fn is_unique(&self) -> bool {
        // Acquire: pairs with the Release decrement in `drop`, so that former holders' reads and writes are
        // over before this holder writes.
        self.header().refs.load(Ordering::Acquire) == 1
    }
}

impl Clone for Block {
    #[inline]
    fn clone(&self) -> Block {
        // Relaxed: the new reference is derived from one we hold, and is handed to another thread only by
        // something that synchronises.
        let before = self.header().refs.fetch_add(1, Ordering::Relaxed);
        if before > MAX_REFS {
            // Only leaking references without end gets here; a wrapped count would free memory in use.
            std::process::abort();
        }
        Block(self.0)
    }
}

impl Drop for Block {
    #[inline]
    fn drop(&mut self) {
        let refs = &self.header().refs;
        // The sole holder needs no locked instruction: nobody else can change the count (Acquire: see
        // `is_unique`). This is what most messages meet, and saves a third of a rent and return.
        if refs.load(Ordering::Acquire) != 1 {
            // Release: what we did with the bytes happens before the last holder's Acquire below.
            if refs.fetch_sub(1, Ordering::Release) != 1 {
                return;
            }
            // Acquire: pairs with the Release decrements of all earlier holders.
            fence(Ordering::Acquire);
        }
        // SAFETY: by I3 the block is now ours alone.
        unsafe { give_back(self.0) }
    }
}

/// Returns a block whose last reference is gone to its pool, after dropping the owner it may hold.
///
/// # Safety
/// The caller brought the count to zero (or holds the only reference and gives it up).
#[inline]
unsafe fn give_back(header: NonNull<Header>) {
    // SAFETY: exclusively ours by the contract.
    let class = unsafe { header.as_ref() }.class();
    if class == Class::OWNER {
        // SAFETY: blocks of this class are referenced only once they hold a record (see `external`).
        unsafe { external::drop_owner_and_give(header) }
    } else {
        // SAFETY: exclusively ours by the contract.
        unsafe { threads::give(header) }
    }
}

impl Header {
    #[inline(always)]
    pub(crate) fn class(&self) -> Class {
        Class::from_number((self.shape >> CAPACITY_BITS) as u8)
    }

    #[inline(always)]
    pub(crate) fn capacity(&self) -> usize {
        (self.shape & ((1 << CAPACITY_BITS) - 1)) as usize
    }

    #[inline(always)]
    pub(crate) fn core(&self) -> *const Core {
        self.core
    }

    /// # Safety
    /// The caller owns the block exclusively (I2).
    #[inline(always)]
    pub(crate) unsafe fn link(&self) -> Link {
        // SAFETY: exclusive by the contract, so nobody writes meanwhile.
        self.link.with(|link| unsafe { *link })
    }

    /// # Safety
    /// The caller owns the block exclusively (I2).
    #[inline(always)]
    pub(crate) unsafe fn set_link(&self, value: Link) {
        // SAFETY: exclusive by the contract.
        self.link.with_mut(|link| unsafe { *link = value });
    }

    /// Sets only the link to the next block; the common step of pushing.
    ///
    /// # Safety
    /// The caller owns the block exclusively (I2).
    #[inline(always)]
    pub(crate) unsafe fn set_next(&self, next: *mut Header) {
        // SAFETY: exclusive by the contract.
        self.link.with_mut(|link| unsafe { (*link).next = next });
    }
}

/// The bytes of a block, wherever it is.
#[inline(always)]
pub(crate) fn data(header: NonNull<Header>) -> *mut u8 {
    // Stays inside the allocation (or one past its end for an empty block), so plain offsetting is right.
    header.as_ptr().cast::<u8>().wrapping_add(HEADER_SIZE)
}

fn layout(capacity: usize) -> Option<Layout> {
    let size = HEADER_SIZE.checked_add(capacity)?;
    Layout::from_size_align(size, align_of::<Header>()).ok()
}

/// How a fresh block gets its bytes.
pub(crate) enum Fill<'a> {
    Zeroed,
    /// Starts with these bytes (at most the capacity); only the rest is zeroed.
    Copy(&'a [u8]),
}

/// Makes a block with count 0, owned by the caller. `None` when the memory cannot be had. The caller has
/// already counted the block in `core` (I4).
pub(crate) fn create(core: &Core, class: Class, capacity: usize, fill: Fill<'_>) -> Option<NonNull<Header>> {
    if (capacity as u64) >> CAPACITY_BITS != 0 {
        return None;
    }
    let layout = layout(capacity)?;
    let raw = match fill {
        // SAFETY: the layout has the header's size at least, so is not empty.
        Fill::Zeroed => unsafe { alloc_zeroed(layout) },
        // SAFETY: as above.
        Fill::Copy(_) => unsafe { alloc(layout) },
    };
    let header = NonNull::new(raw.cast::<Header>())?;
    let shape = (u64::from(class.number()) << CAPACITY_BITS) | capacity as u64;
    let value = Header { refs: AtomicUsize::new(0), core, shape, link: UnsafeCell::new(NO_LINK) };
    // SAFETY: fresh, large enough and aligned memory.
    unsafe { header.write(value) };
    if let Fill::Copy(bytes) = fill {
        let len = bytes.len().min(capacity);
        // SAFETY: `data` has `capacity` bytes, which no slice can overlap yet; I1 holds once the rest is
        // zeroed too.
        unsafe {
            std::ptr::copy_nonoverlapping(bytes.as_ptr(), data(header), len);
            data(header).add(len).write_bytes(0, capacity - len);
        }
    }
    #[cfg(all(test, netzmq_loom))]
    crate::loom_models::ALIVE.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    Some(header)
}

/// Frees a block for good. The caller then releases its count in the pool's core.
///
/// # Safety
/// The caller owns the block exclusively, and nothing in its bytes needs dropping.
pub(crate) unsafe fn destroy(header: NonNull<Header>) {
    #[cfg(all(test, netzmq_loom))]
    crate::loom_models::ALIVE.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    // SAFETY: exclusive, so the header may be read and dropped; the layout is the one it was made with.
    unsafe {
        if let Some(layout) = layout(header.as_ref().capacity()) {
            header.drop_in_place();
            dealloc(header.as_ptr().cast(), layout);
        }
    }
}
