//! External bodies: somebody else's memory, kept alive by an *owner record* in a small pooled block.
//!
//! The record is the owner value itself (a `Vec`, an `Arc`, a C free function with its arguments, anything)
//! behind a small table of functions, written into a block of the pool's hidden owner class; so handing over
//! memory allocates nothing in the steady state. The owner is dropped exactly once: when the last reference
//! to the block goes, on that thread, right there.
//!
//! Invariants:
//! * **I1** A block of class `OWNER` that has been published as a `Block` holds an initialised `Record<T>`
//!   matching its `OwnerTable`; it is dropped exactly once, before the block goes back to the pool.
//! * **I2** The owner never moves while the record lives, and nothing calls its methods after `as_ref` has
//!   been called once, so the slice it gave stays valid and unchanged.

use std::any::TypeId;
use std::ffi::c_void;
use std::ptr::NonNull;

use crate::block::{self, Block, Header};
use crate::pool::MessagePool;
use crate::pool::size_class::{Class, OWNER_SIZE};
use crate::pool::threads;

/// What the memory of an owner block looks like. The table comes first, whatever `T` is.
#[repr(C)]
struct Record<T> {
    table: &'static OwnerTable,
    owner: T,
}

struct OwnerTable {
    drop: unsafe fn(*mut u8),
    type_id: fn() -> TypeId,
}

struct TableOf<T>(T);

impl<T: 'static> TableOf<T> {
    const TABLE: &'static OwnerTable = &OwnerTable { drop: drop_record::<T>, type_id: TypeId::of::<T> };
    /// Whether the owner lies in the block itself; otherwise it is boxed first.
    const FITS: bool = size_of::<Record<T>>() <= OWNER_SIZE && align_of::<Record<T>>() <= 16;
}

/// # Safety
/// `data` points to an initialised `Record<T>` that nobody uses afterwards.
unsafe fn drop_record<T>(data: *mut u8) {
    // SAFETY: by the contract.
    unsafe { (&raw mut (*data.cast::<Record<T>>()).owner).drop_in_place() }
}

/// The bytes of an external body.
#[derive(Clone, Copy)]
pub(crate) struct Bytes {
    pub(crate) ptr: *mut u8,
    pub(crate) len: usize,
}

/// Moves `owner` to its final place and asks it there for its bytes with `bytes`. Returns the block that now
/// owns it.
pub(crate) fn adopt<T: Send + 'static>(owner: T, bytes: impl FnOnce(&mut T) -> Bytes) -> (Block, Bytes) {
    adopt_in(MessagePool::shared(), owner, bytes)
}

/// Like [`adopt`], with the record from a pool of the caller's choice.
pub(crate) fn adopt_in<T: Send + 'static>(
    pool: &MessagePool,
    owner: T,
    bytes: impl FnOnce(&mut T) -> Bytes,
) -> (Block, Bytes) {
    if TableOf::<T>::FITS {
        adopt_in_place(pool, owner, bytes)
    } else {
        adopt_in_place(pool, Box::new(owner), |owner| bytes(owner))
    }
}

fn adopt_in_place<T: Send + 'static>(
    pool: &MessagePool,
    owner: T,
    bytes: impl FnOnce(&mut T) -> Bytes,
) -> (Block, Bytes) {
    let header = threads::rent_owner_block(pool.core());
    let record = block::data(header).cast::<Record<T>>();
    // SAFETY: the block is ours alone, holds OWNER_SIZE bytes aligned to 16, and `T` fits (checked at the
    // only two call sites: directly, or a `Box`). Once written, I1 holds, so it may become a `Block`, whose
    // drop also covers a panic in `bytes`.
    let block = unsafe {
        record.write(Record { table: TableOf::<T>::TABLE, owner });
        Block::first_reference(header)
    };
    // SAFETY: the record is initialised, and the block is ours alone, so a unique borrow is right.
    let bytes = bytes(unsafe { &mut (*record).owner });
    (block, bytes)
}

/// Drops the owner in `header`'s record, then returns the block to its pool, also if the owner's drop
/// panics.
///
/// # Safety
/// `header` is an owner block whose last reference is gone (I1).
#[cold]
#[inline(never)]
pub(crate) unsafe fn drop_owner_and_give(header: NonNull<Header>) {
    struct GiveOnExit(NonNull<Header>);
    impl Drop for GiveOnExit {
        fn drop(&mut self) {
            // SAFETY: the record has been dropped or taken; the block is ours alone.
            unsafe { threads::give(self.0) }
        }
    }
    let block = GiveOnExit(header);
    let data = block::data(block.0);
    // SAFETY: I1; the table is the first field of every record.
    unsafe { (table(data).drop)(data) }
}

/// # Safety
/// `data` points to an initialised record.
unsafe fn table(data: *mut u8) -> &'static OwnerTable {
    // SAFETY: `Record` is `repr(C)` with the table first, for every `T`.
    unsafe { data.cast::<&'static OwnerTable>().read() }
}

/// Takes the owner out of `block` when it is a `T` and this is the only reference; otherwise gives the block
/// back unchanged.
pub(crate) fn take_owner<T: Send + 'static>(block: Block) -> Result<T, Block> {
    let data = block.data();
    if block.class() != Class::OWNER || !TableOf::<T>::FITS || !block.is_unique() {
        return Err(block);
    }
    // SAFETY: an owner block holds a record (I1).
    if (unsafe { table(data) }.type_id)() != TypeId::of::<T>() {
        return Err(block);
    }
    // SAFETY: the record is a `Record<T>`, and ours alone; the block is then returned without dropping it.
    unsafe {
        let owner = (&raw const (*data.cast::<Record<T>>()).owner).read();
        threads::give(block.into_raw());
        Ok(owner)
    }
}

/// A C-style free function: called with the memory and the caller's hint.
pub(crate) type FreeFn = unsafe extern "C" fn(*mut c_void, *mut c_void);

/// Memory that came with a C-style free function, called when this is dropped.
pub(crate) struct ForeignMemory {
    data: *mut c_void,
    hint: *mut c_void,
    free: FreeFn,
}

// SAFETY: whoever makes one promises (see `Message::from_raw_parts`) that the memory may be read and freed
// from any thread.
unsafe impl Send for ForeignMemory {}

impl ForeignMemory {
    /// # Safety
    /// `free(data, hint)` may be called once, later, from any thread.
    pub(crate) unsafe fn new(data: *mut u8, hint: *mut c_void, free: FreeFn) -> ForeignMemory {
        ForeignMemory { data: data.cast(), hint, free }
    }
}

impl Drop for ForeignMemory {
    fn drop(&mut self) {
        // SAFETY: promised at construction; a value is dropped once.
        unsafe { (self.free)(self.data, self.hint) }
    }
}

/// The writable bytes of a `Vec`, without a reborrow that would end at the owner's next move.
pub(crate) fn bytes_of_vec(vec: &mut Vec<u8>) -> Bytes {
    Bytes { ptr: vec.as_mut_ptr(), len: vec.len() }
}

/// The bytes of any owner, for reading only.
pub(crate) fn bytes_of<T: AsRef<[u8]>>(owner: &T) -> Bytes {
    let slice = owner.as_ref();
    Bytes { ptr: slice.as_ptr().cast_mut(), len: slice.len() }
}
