//! Where a thread keeps its magazines, and the two ways every block takes: [`rent`] and [`give`].
//!
//! A `thread_local!` holds the magazines of the shared pool in place and those of a few other pools boxed.
//! When it is gone (a thread that is ending still drops messages), or for classes that have no magazines,
//! blocks go straight to and from the shared tier.
//!
//! Under loom there are no thread-locals: everything goes straight to the shared tier, and the models use
//! `Local` by hand.

use std::ptr::NonNull;

use super::pool_core::Core;
use super::size_class::Class;
use crate::block::{Fill, Header};

/// A block with room for `len` bytes, owned by the caller, count 0. `None` when memory cannot be had.
#[inline]
pub(crate) fn rent(core: &Core, len: usize, fill: Fill<'_>) -> Option<NonNull<Header>> {
    let class = Class::for_len(len);
    match take(core, class) {
        Some(header) => {
            if let Fill::Copy(bytes) = fill {
                // SAFETY: `len` is the slice's length for copies, and the class has room for it; the block
                // is ours, so no slice of it exists.
                unsafe {
                    std::ptr::copy_nonoverlapping(bytes.as_ptr(), crate::block::data(header), bytes.len());
                }
            }
            Some(header)
        }
        None => core.create(class, len, fill),
    }
}

/// A block for an owner record.
pub(crate) fn rent_owner_block(core: &Core) -> NonNull<Header> {
    let class = Class::OWNER;
    match take(core, class).or_else(|| core.create(class, class.size(), Fill::Zeroed)) {
        Some(header) => header,
        None => super::out_of_memory(class.size()),
    }
}

pub(super) use imp::{flush_this_thread, forget_pool, will_detach};
use imp::{give_local, take_local};

#[inline]
fn take(core: &Core, class: Class) -> Option<NonNull<Header>> {
    if class.is_local() { take_local(core, class) } else { take_directly(core, class) }
}

/// Gives a block whose count is 0 to the pool it came from.
///
/// # Safety
/// The caller owns the block exclusively and does not use it afterwards.
#[inline]
pub(crate) unsafe fn give(header: NonNull<Header>) {
    // SAFETY: exclusively owned; I4 keeps the core alive as long as the block exists.
    let (core, class) = unsafe { (&*header.as_ref().core(), header.as_ref().class()) };
    // SAFETY: by the contract.
    unsafe {
        if class.is_local() {
            give_local(core, class, header);
        } else {
            give_directly(core, class, header);
        }
    }
}

/// A block from the shared tier, counted for the pool instead of for a thread.
#[cold]
#[inline(never)]
pub(super) fn take_directly(core: &Core, class: Class) -> Option<NonNull<Header>> {
    core.tally(class).rents.add(1);
    core.take_direct(class, 0)
}

/// Takes a block to the shared tier, counted for the pool instead of for a thread.
///
/// # Safety
/// The caller owns the block, which is of class `class` and belongs to `core`.
#[cold]
#[inline(never)]
pub(super) unsafe fn give_directly(core: &Core, class: Class, header: NonNull<Header>) {
    let core = NonNull::from(core);
    // SAFETY: alive, by the block (I4). The reference keeps it alive beyond the block's end.
    unsafe {
        core.as_ref().add_ref();
        core.as_ref().tally(class).returns.add(1);
        core.as_ref().give_direct(class, header, 0);
        if class != Class::ONE_OFF {
            core.as_ref().tick();
        }
        Core::release_ref(core);
    }
}

#[cfg(not(netzmq_loom))]
mod imp {
    use std::cell::Cell;
    use std::ptr;

    use super::*;
    use crate::pool::MessagePool;
    use crate::pool::local::Local;

    /// How many pools besides the shared one a thread keeps magazines for. A thread that uses more of them
    /// in turn is still right, only slower.
    const OTHERS: usize = 4;

    /// The magazines of other pools, and by its drop the end of all magazines of the thread.
    struct Others {
        /// Boxes turned into pointers, each attached to its pool; null when empty.
        slots: [Cell<*mut Local>; OTHERS],
        /// Which to replace next.
        victim: Cell<usize>,
    }

    thread_local! {
        /// Has no drop, so that using it costs no look at whether it is still there: it always is. It is
        /// detached by the drop of `OTHERS`, and stays empty after that.
        static SHARED: Local = const { Local::new() };

        static OTHERS_OF_THREAD: Others = const {
            Others { slots: [const { Cell::new(ptr::null_mut()) }; OTHERS], victim: Cell::new(0) }
        };
    }

    const _: () = assert!(!std::mem::needs_drop::<Local>());

    impl Drop for Others {
        fn drop(&mut self) {
            SHARED.with(Local::detach);
            for slot in &self.slots {
                self.release(slot);
            }
        }
    }

    impl Others {
        /// This thread's magazines for `core`, made on first use. `None` for a pool that is closed.
        fn local(&self, core: &Core) -> Option<&Local> {
            for slot in &self.slots {
                // SAFETY: non-null entries are live boxes; they are only freed by `release`, which nothing
                // calls while a reference from here is in use.
                match unsafe { slot.get().as_ref() } {
                    Some(local) if ptr::eq(local.core(), core) => return Some(local),
                    _ => {}
                }
            }
            self.attach(core)
        }

        #[cold]
        #[inline(never)]
        fn attach(&self, core: &Core) -> Option<&Local> {
            if core.is_closed() {
                return None;
            }
            let free = self.slots.iter().position(|slot| slot.get().is_null());
            let index = free.unwrap_or_else(|| {
                let next = self.victim.get();
                self.victim.set((next + 1) % OTHERS);
                next
            });
            let slot = self.slots.get(index)?;
            self.release(slot);
            let local = Box::new(Local::new());
            local.attach(core);
            slot.set(Box::into_raw(local));
            // SAFETY: just made from a box.
            unsafe { slot.get().as_ref() }
        }

        fn release(&self, slot: &Cell<*mut Local>) {
            let local = slot.replace(ptr::null_mut());
            if !local.is_null() {
                // SAFETY: entries come from `Box::into_raw`, and this one has just left the table.
                unsafe { Box::from_raw(local) }.detach();
            }
        }
    }

    /// Sees to it that this thread's magazines are emptied when it ends. False when that has happened.
    pub(in crate::pool) fn will_detach() -> bool {
        OTHERS_OF_THREAD.try_with(|_| ()).is_ok()
    }

    #[inline]
    pub(super) fn take_local(core: &Core, class: Class) -> Option<NonNull<Header>> {
        if ptr::eq(core, MessagePool::shared_core()) {
            // SAFETY: `SHARED` is this thread's place for the shared pool.
            SHARED.with(|local| unsafe { local.rent(core, class) })
        } else {
            take_other(core, class)
        }
    }

    #[inline(never)]
    fn take_other(core: &Core, class: Class) -> Option<NonNull<Header>> {
        let found = OTHERS_OF_THREAD.try_with(|others| {
            let local = others.local(core)?;
            // SAFETY: `local` is this thread's place for `core`.
            Some(unsafe { local.rent(core, class) })
        });
        match found {
            Ok(Some(found)) => found,
            _ => take_directly(core, class),
        }
    }

    /// # Safety
    /// The caller owns the block, which is of the local class `class` and belongs to `core`.
    #[inline]
    pub(super) unsafe fn give_local(core: &Core, class: Class, header: NonNull<Header>) {
        if ptr::eq(core, MessagePool::shared_core()) {
            // SAFETY: `SHARED` is this thread's place for the shared pool; the rest is the caller's promise.
            SHARED.with(|local| unsafe { local.give(core, class, header) });
        } else {
            // SAFETY: by the contract.
            unsafe { give_other(core, class, header) };
        }
    }

    /// # Safety
    /// As for [`give_local`].
    #[inline(never)]
    unsafe fn give_other(core: &Core, class: Class, header: NonNull<Header>) {
        let given = OTHERS_OF_THREAD.try_with(|others| {
            let local = others.local(core)?;
            // SAFETY: `local` is this thread's place for `core`, which it keeps alive; the rest is the
            // caller's promise.
            unsafe { local.give(core, class, header) };
            Some(())
        });
        if !matches!(given, Ok(Some(()))) {
            // SAFETY: by the contract; nobody has taken the block.
            unsafe { give_directly(core, class, header) };
        }
    }

    /// Moves what this thread has cached of `core` to the shared tier.
    pub(in crate::pool) fn flush_this_thread(core: &Core) {
        let flush = |local: &Local| {
            if local.is_attached() {
                local.flush(core);
                local.mark_followed(core);
            }
        };
        if ptr::eq(core, MessagePool::shared_core()) {
            SHARED.with(flush);
        } else {
            let _ = OTHERS_OF_THREAD.try_with(|others| {
                for slot in &others.slots {
                    // SAFETY: non-null entries are live boxes.
                    match unsafe { slot.get().as_ref() } {
                        Some(local) if ptr::eq(local.core(), core) => flush(local),
                        _ => {}
                    }
                }
            });
        }
    }

    /// Drops this thread's magazines of a pool that is going away.
    pub(in crate::pool) fn forget_pool(core: *const Core) {
        let _ = OTHERS_OF_THREAD.try_with(|others| {
            for slot in &others.slots {
                // SAFETY: non-null entries are live boxes.
                if unsafe { slot.get().as_ref() }.is_some_and(|local| ptr::eq(local.core(), core)) {
                    others.release(slot);
                }
            }
        });
    }
}

#[cfg(netzmq_loom)]
mod imp {
    use super::*;

    pub(super) fn take_local(core: &Core, class: Class) -> Option<NonNull<Header>> {
        take_directly(core, class)
    }

    /// # Safety
    /// The caller owns the block, which is of class `class` and belongs to `core`.
    pub(super) unsafe fn give_local(core: &Core, class: Class, header: NonNull<Header>) {
        // SAFETY: by the contract.
        unsafe { give_directly(core, class, header) }
    }

    pub(in crate::pool) fn will_detach() -> bool {
        // The models detach by hand.
        true
    }

    pub(in crate::pool) fn flush_this_thread(_: &Core) {}

    pub(in crate::pool) fn forget_pool(_: *const Core) {}
}
