//! Where a thread keeps its magazines, and the two ways every block takes: [`rent`] and [`give`].
//!
//! A `thread_local!` holds the magazines of the shared pool in place and those of a few other pools boxed.
//! When it is gone (a thread that is ending still drops messages), or for classes that have no magazines,
//! blocks go straight to and from the shared tier.
//!
//! Under loom there are no thread-locals: everything goes straight to the shared tier, and the models use
//! `Local` by hand.

use std::ptr::NonNull;

use super::MessagePool;
use super::core::Core;
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

/// A block for an owner record, from the shared pool.
pub(crate) fn rent_owner_block() -> NonNull<Header> {
    let core = MessagePool::shared().core();
    let class = Class::OWNER;
    match take(core, class).or_else(|| core.create(class, class.size(), Fill::Zeroed)) {
        Some(header) => header,
        None => super::out_of_memory(class.size()),
    }
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
    unsafe { imp::give(core, class, header) }
}

#[inline]
fn take(core: &Core, class: Class) -> Option<NonNull<Header>> {
    imp::take(core, class)
}

pub(super) use imp::{flush_this_thread, forget_pool};

#[cold]
#[inline(never)]
fn take_directly(core: &Core, class: Class) -> Option<NonNull<Header>> {
    core.tally(class).rents.add(1);
    core.take_direct(class, 0)
}

/// # Safety
/// The caller owns the block, which is of class `class` and belongs to `core`.
#[cold]
#[inline(never)]
unsafe fn give_directly(core: &Core, class: Class, header: NonNull<Header>) {
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
    use crate::pool::local::Local;

    /// How many pools besides the shared one a thread keeps magazines for. A thread that uses more of them
    /// in turn is still right, only slower.
    const OTHERS: usize = 4;

    struct Caches {
        shared: Local,
        /// Boxes turned into pointers, each attached to its pool; null when empty.
        others: [Cell<*mut Local>; OTHERS],
        /// Which of the others to replace next.
        victim: Cell<usize>,
    }

    thread_local! {
        static CACHES: Caches = const {
            Caches {
                shared: Local::new(),
                others: [const { Cell::new(ptr::null_mut()) }; OTHERS],
                victim: Cell::new(0),
            }
        };
    }

    impl Drop for Caches {
        fn drop(&mut self) {
            self.shared.detach();
            for slot in &self.others {
                self.release(slot);
            }
        }
    }

    impl Caches {
        /// This thread's magazines for `core`, made on first use. `None` for a pool that is closed.
        #[inline]
        fn local(&self, core: &Core) -> Option<&Local> {
            if ptr::eq(core, MessagePool::shared_core()) {
                return Some(&self.shared);
            }
            for slot in &self.others {
                // SAFETY: non-null entries are live boxes; they are only freed by `release`, which nothing
                // calls while a reference from here is in use.
                match unsafe { slot.get().as_ref() } {
                    Some(local) if ptr::eq(local.core(), core) => return Some(local),
                    _ => {}
                }
            }
            self.attach_other(core)
        }

        #[cold]
        #[inline(never)]
        fn attach_other(&self, core: &Core) -> Option<&Local> {
            if core.is_closed() {
                return None;
            }
            let free = self.others.iter().position(|slot| slot.get().is_null());
            let index = free.unwrap_or_else(|| {
                let next = self.victim.get();
                self.victim.set((next + 1) % OTHERS);
                next
            });
            let slot = self.others.get(index)?;
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

    #[inline]
    pub(super) fn take(core: &Core, class: Class) -> Option<NonNull<Header>> {
        if class.is_local() {
            let found = CACHES.try_with(|caches| {
                let local = caches.local(core)?;
                // SAFETY: `local` is this thread's slot for `core`.
                Some(unsafe { local.rent(core, class) })
            });
            if let Ok(Some(found)) = found {
                return found;
            }
        }
        take_directly(core, class)
    }

    /// # Safety
    /// The caller owns the block, which is of class `class` and belongs to `core`.
    #[inline]
    pub(super) unsafe fn give(core: &Core, class: Class, header: NonNull<Header>) {
        if class.is_local() {
            let given = CACHES.try_with(|caches| {
                let local = caches.local(core)?;
                // SAFETY: `local` is this thread's slot for `core`, which it keeps alive; the rest is the
                // caller's promise.
                unsafe { local.give(core, class, header) };
                Some(())
            });
            if let Ok(Some(())) = given {
                return;
            }
        }
        // SAFETY: by the contract.
        unsafe { give_directly(core, class, header) }
    }

    /// Moves what this thread has cached of `core` to the shared tier.
    pub(in crate::pool) fn flush_this_thread(core: &Core) {
        let _ = CACHES.try_with(|caches| {
            if let Some(local) = caches.local(core) {
                local.attach(core);
                local.flush(core);
                local.mark_followed(core);
            }
        });
    }

    /// Drops this thread's magazines of a pool that is going away.
    pub(in crate::pool) fn forget_pool(core: *const Core) {
        let _ = CACHES.try_with(|caches| {
            for slot in &caches.others {
                // SAFETY: non-null entries are live boxes.
                if unsafe { slot.get().as_ref() }.is_some_and(|local| ptr::eq(local.core(), core)) {
                    caches.release(slot);
                }
            }
        });
    }
}

#[cfg(netzmq_loom)]
mod imp {
    use super::*;

    pub(super) fn take(core: &Core, class: Class) -> Option<NonNull<Header>> {
        take_directly(core, class)
    }

    /// # Safety
    /// The caller owns the block, which is of class `class` and belongs to `core`.
    pub(super) unsafe fn give(core: &Core, class: Class, header: NonNull<Header>) {
        // SAFETY: by the contract.
        unsafe { give_directly(core, class, header) }
    }

    pub(in crate::pool) fn flush_this_thread(_: &Core) {}

    pub(in crate::pool) fn forget_pool(_: *const Core) {}
}
