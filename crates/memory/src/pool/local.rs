//! `Local`: one thread's magazines of one pool, the tier that makes a rent cost a few nanoseconds.
//!
//! For each class two chains of blocks: `loaded`, which is pushed to and popped from without any atomic
//! operation, and `spare`, a full magazine in reserve so that a thread on the edge between full and empty
//! does not bother the shared tier each time. Whole magazines move between here and the shared tier.
//!
//! It is used by its own thread only, and never frees or allocates on the fast path.
//!
//! Invariants:
//! * **L1** Blocks in `loaded` and `spare` belong to this `Local` alone.
//! * **L2** For each class `loaded.len + spare.len <= licence`, and `licence` is part of the core's
//!   `reserved` (C1). `room` is a bound for `loaded.len` that respects both the magazine size and the licence.
//! * **L3** While attached, `core` is alive (one reference, C2) and knows where the counters are.

use std::cell::Cell;
use std::ptr::{self, NonNull};

use super::pool_core::{Core, LocalCounters};
use super::shared::Magazine;
use super::size_class::{Class, LOCAL};
use super::threads;
use crate::block::Header;
use crate::sync::Counter;

/// A clock is read once in this many magazines given to the shared tier.
const SPILLS_PER_TICK: u32 = 16;

pub(crate) struct Local {
    core: Cell<*const Core>,
    generation: Cell<usize>,
    spills: Cell<u32>,
    classes: [LocalClass; LOCAL],
    counters: Counters,
}

struct LocalClass {
    loaded: Chain,
    spare: Chain,
    room: Cell<u32>,
    licence: Cell<u32>,
}

struct Chain {
    head: Cell<*mut Header>,
    len: Cell<u32>,
}

/// What this thread did, raised without locked instructions and read by whoever asks for statistics.
pub(crate) struct Counters {
    pub(crate) rents: [Counter; LOCAL],
    pub(crate) returns: [Counter; LOCAL],
}

impl Chain {
    const fn new() -> Chain {
        Chain { head: Cell::new(ptr::null_mut()), len: Cell::new(0) }
    }

    /// # Safety
    /// The chain owns its blocks (L1).
    #[inline(always)]
    unsafe fn pop(&self) -> Option<NonNull<Header>> {
        let head = NonNull::new(self.head.get())?;
        // SAFETY: owned by the contract.
        self.head.set(unsafe { head.as_ref().link() }.next);
        self.len.set(self.len.get() - 1);
        Some(head)
    }

    /// # Safety
    /// The caller owns `block` and gives it to the chain.
    #[inline(always)]
    unsafe fn push(&self, block: NonNull<Header>) {
        // SAFETY: owned by the contract.
        unsafe { block.as_ref().set_next(self.head.get()) };
        self.head.set(block.as_ptr());
        self.len.set(self.len.get() + 1);
    }

    fn take(&self) -> (Option<NonNull<Header>>, u32) {
        (NonNull::new(self.head.replace(ptr::null_mut())), self.len.replace(0))
    }

    fn set(&self, head: NonNull<Header>, len: u32) {
        self.head.set(head.as_ptr());
        self.len.set(len);
    }
}

impl Local {
    /// A detached one; usable as the initial value of a thread-local.
    pub(crate) const fn new() -> Local {
        Local {
            core: Cell::new(ptr::null()),
            generation: Cell::new(0),
            spills: Cell::new(0),
            classes: [const {
                LocalClass {
                    loaded: Chain::new(),
                    spare: Chain::new(),
                    room: Cell::new(0),
                    licence: Cell::new(0),
                }
            }; LOCAL],
            counters: Counters {
                rents: [const { Counter::new() }; LOCAL],
                returns: [const { Counter::new() }; LOCAL],
            },
        }
    }

    #[inline(always)]
    pub(crate) fn core(&self) -> *const Core {
        self.core.get()
    }

    pub(crate) fn is_attached(&self) -> bool {
        !self.core.get().is_null()
    }

    /// A cached block of `class`, counted as rented (also when there is none, in which case the caller makes
    /// one).
    ///
    /// # Safety
    /// This `Local` is the thread's place for `core` and no other, attached or not yet. `class` is a local one.
    #[inline]
    pub(crate) unsafe fn rent(&self, core: &Core, class: Class) -> Option<NonNull<Header>> {
        let local = &self.classes[class.index()];
        // SAFETY: L1.
        match unsafe { local.loaded.pop() } {
            None => self.rent_slowly(core, class),
            found => {
                self.counters.rents[class.index()].bump_owned();
                found
            }
        }
    }

    /// Takes a block back.
    ///
    /// # Safety
    /// As for [`Local::rent`]; the caller owns `block`, which belongs to `core` and is of class `class`.
    #[inline]
    pub(crate) unsafe fn give(&self, core: &Core, class: Class, block: NonNull<Header>) {
        let local = &self.classes[class.index()];
        // Relaxed: the generation only says that something is worth looking at.
        let current = core.generation() == self.generation.get();
        if current && local.loaded.len.get() < local.room.get() {
            self.counters.returns[class.index()].bump_owned();
            // SAFETY: ours by the contract.
            unsafe { local.loaded.push(block) };
        } else {
            // SAFETY: as above.
            unsafe { self.give_slowly(core, class, block) };
        }
    }

    #[cold]
    #[inline(never)]
    fn rent_slowly(&self, core: &Core, class: Class) -> Option<NonNull<Header>> {
        if !self.attach(core) {
            return threads::take_directly(core, class);
        }
        self.counters.rents[class.index()].bump_owned();
        self.follow_generation(core);
        let local = &self.classes[class.index()];
        let magazine = core.class_magazine(class);
        if let (Some(head), len) = local.spare.take() {
            local.loaded.set(head, len);
        } else if let Some(taken) = core.take(class, self.hint()) {
            let (head, len) = taken.into_chain();
            local.loaded.set(head, len);
            // The reservations came with the blocks. A thread that only rents would pile them up: what goes
            // beyond its own magazines goes back.
            let licence = local.licence.get() + len;
            let keep = licence.min((class.magazines_per_thread() as u32 * magazine).max(len));
            core.unreserve(class, (licence - keep) as usize);
            local.licence.set(keep);
        }
        self.set_room(class, magazine);
        // SAFETY: L1.
        unsafe { local.loaded.pop() }
    }

    /// # Safety
    /// As for [`Local::give`].
    #[cold]
    #[inline(never)]
    unsafe fn give_slowly(&self, core: &Core, class: Class, block: NonNull<Header>) {
        if !self.attach(core) {
            // SAFETY: by the contract.
            return unsafe { threads::give_directly(core, class, block) };
        }
        self.counters.returns[class.index()].bump_owned();
        self.follow_generation(core);
        let local = &self.classes[class.index()];
        let magazine = core.class_magazine(class);
        if local.loaded.len.get() >= magazine {
            // A full magazine moves aside; the one that is there already goes to the shared tier. Classes
            // without a spare give the loaded one.
            let spare = class.magazines_per_thread() > 1;
            self.spill(core, class, if spare { &local.spare } else { &local.loaded });
            if let (true, (Some(head), len)) = (spare, local.loaded.take()) {
                local.spare.set(head, len);
            }
        }
        let held = local.loaded.len.get() + local.spare.len.get();
        if local.licence.get() <= held && !core.is_closed() {
            let want = magazine - local.loaded.len.get().min(magazine - 1);
            let granted = core.reserve(class, want as usize) as u32;
            local.licence.set(local.licence.get() + granted);
        }
        self.set_room(class, magazine);
        if local.loaded.len.get() < local.room.get() {
            // SAFETY: ours by the contract.
            unsafe { local.loaded.push(block) };
        } else {
            core.tally(class).rejects.add(1);
            // SAFETY: ours by the contract; the attachment keeps the core alive (L3).
            unsafe { core.destroy(block) };
        }
    }

    /// Gives a chain of blocks to the shared tier, and their reservations with them.
    fn spill(&self, core: &Core, class: Class, chain: &Chain) {
        if let (Some(head), len) = chain.take() {
            let licence = &self.classes[class.index()].licence;
            licence.set(licence.get() - len);
            // SAFETY: L1, the chain has exactly `len` blocks.
            core.put(class, unsafe { Magazine::from_chain(head, len, core.stamp()) }, self.hint());
            self.spills.set(self.spills.get().wrapping_add(1));
            if self.spills.get().is_multiple_of(SPILLS_PER_TICK) {
                core.tick();
            }
        }
    }

    fn set_room(&self, class: Class, magazine: u32) {
        let local = &self.classes[class.index()];
        local.room.set(magazine.min(local.licence.get().saturating_sub(local.spare.len.get())));
    }

    fn hint(&self) -> usize {
        // Threads' storage lies far apart; these bits differ between threads and stay the same within one.
        ptr::from_ref(self).addr() >> 12
    }

    // ---- attaching ----------------------------------------------------------------------------------

    /// Makes the counters known to `core` and keeps it alive. Says whether it is attached now: it is not when
    /// the thread is ending and nobody would detach it again.
    pub(crate) fn attach(&self, core: &Core) -> bool {
        if self.core.get().is_null() {
            if !threads::will_detach() {
                return false;
            }
            core.add_ref();
            self.core.set(core);
            self.generation.set(core.generation());
            core.locals().push(LocalCounters(NonNull::from(&self.counters)));
        }
        true
    }

    /// Gives everything back and forgets the core. Magazines go to the shared tier.
    pub(crate) fn detach(&self) {
        let Some(core) = NonNull::new(self.core.get().cast_mut()) else { return };
        // SAFETY: L3, until the reference is given up in the last line.
        let shared = unsafe { core.as_ref() };
        self.follow_generation(shared);
        self.flush(shared);
        {
            let mut locals = shared.locals();
            // Under the lock, so that no snapshot counts these twice or not at all.
            for class in Class::local() {
                let tally = shared.tally(class);
                tally.rents.add(self.counters.rents[class.index()].take_owned());
                tally.returns.add(self.counters.returns[class.index()].take_owned());
            }
            let here = NonNull::from(&self.counters);
            locals.retain(|counters| counters.0 != here);
        }
        self.core.set(ptr::null());
        // SAFETY: the reference that `attach` took.
        unsafe { Core::release_ref(core) };
    }

    /// Moves all blocks to the shared tier and gives up all licences.
    pub(crate) fn flush(&self, core: &Core) {
        for class in Class::local() {
            let local = &self.classes[class.index()];
            self.spill(core, class, &local.spare);
            self.spill(core, class, &local.loaded);
            core.unreserve(class, local.licence.replace(0) as usize);
            local.room.set(0);
        }
    }

    /// Frees all blocks and gives up all licences, if the core asked for it since the last time.
    fn follow_generation(&self, core: &Core) {
        let generation = core.generation();
        if generation != self.generation.get() {
            self.discard(core);
            self.generation.set(generation);
        }
    }

    /// Frees all blocks and gives up all licences. Returns the bytes freed.
    pub(crate) fn discard(&self, core: &Core) -> usize {
        let mut bytes = 0;
        for class in Class::local() {
            let local = &self.classes[class.index()];
            for chain in [&local.loaded, &local.spare] {
                // SAFETY: L1; the attachment keeps the core alive (L3).
                let freed = unsafe { core.destroy_chain(chain.take().0) };
                core.tally(class).released.add(freed as u64);
                bytes += freed * class.size();
            }
            core.unreserve(class, local.licence.replace(0) as usize);
            local.room.set(0);
        }
        bytes
    }

    /// Marks the present generation as followed; for the thread that raised it and flushed before.
    pub(crate) fn mark_followed(&self, core: &Core) {
        self.generation.set(core.generation());
    }
}

impl Core {
    /// How many blocks of a class travel together: less than the table says when the maximum is small, so
    /// that one thread cannot hold all of it.
    fn class_magazine(&self, class: Class) -> u32 {
        (self.max(class) / 4).clamp(1, class.magazine()) as u32
    }
}

#[cfg(test)]
#[cfg(not(netzmq_loom))]
mod tests {
    use super::*;

    #[test]
    fn a_thread_hands_full_magazines_over_and_takes_them_back() {
        // Goal: blocks beyond two magazines reach the shared tier, and come back from it before new ones
        // are made. Method: one Local by hand, three magazines of blocks.
        let core = NonNull::from(Box::leak(Box::new(Core::new(false))));
        // SAFETY: the handle that Core::new counts is held until the end of the test.
        let shared = unsafe { core.as_ref() };
        let local = Local::new();
        let class = Class::for_len(1024);
        let n = 3 * class.magazine();
        // SAFETY: `local` serves only this core; blocks are given back once.
        unsafe {
            let blocks: Vec<_> = (0..n)
                .map(|_| {
                    assert!(local.rent(shared, class).is_none());
                    shared.create(class, 1024, crate::block::Fill::Zeroed).unwrap()
                })
                .collect();
            for block in blocks {
                local.give(shared, class, block);
            }
            let taken: Vec<_> = (0..n).map(|_| local.rent(shared, class).unwrap()).collect();
            assert!(local.rent(shared, class).is_none());
            for block in taken {
                local.give(shared, class, block);
            }
            local.detach();
            assert_eq!(shared.drain_all(), n * 1024);
            assert_eq!(shared.reserve(class, usize::MAX), class.default_max());
            Core::drop_handle(core);
        }
    }
}
