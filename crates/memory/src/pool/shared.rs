//! `Depot`: the lock-free shared tier of one size class.
//!
//! A handful of slots, each a pointer to a stack of magazines (chains of blocks), null when empty. Whoever
//! wants something swaps a whole slot against null and so owns all that was in it; what it does not need, it
//! puts back. Nobody ever compares a pointer that it does not own with anything but null, so there is no ABA
//! problem, nothing to reclaim, and no thread waits for another.
//!
//! It never counts (the pool's reservations do), never frees, and never looks into a block's bytes.
//!
//! Invariant **D1**: the blocks reachable from a slot are owned by the slot; swapping it to null (Acquire)
//! takes the ownership, a compare-exchange from null (Release) gives it.

use std::ptr::{self, NonNull};

use crate::block::Header;
use crate::sync::{AtomicPtr, Ordering, array_of, const_fn};

/// Slots per class: enough that two threads rarely meet in one, few enough that scanning empty ones (two
/// cache lines) costs less than the allocation that follows.
#[cfg(not(netzmq_loom))]
const SLOTS: usize = 16;
#[cfg(netzmq_loom)]
const SLOTS: usize = 2;

/// A non-empty chain of blocks that moves as one. The length is kept in the first block's link.
pub(crate) struct Magazine {
    head: NonNull<Header>,
}

// SAFETY: a magazine owns its blocks alone (D1), and whoever has it may be any thread.
unsafe impl Send for Magazine {}

impl Magazine {
    /// # Safety
    /// `head` is the first of exactly `len` blocks chained by `next`, all owned by the caller, who gives
    /// that ownership to the magazine.
    pub(crate) unsafe fn from_chain(head: NonNull<Header>, len: u32, stamp: u32) -> Magazine {
        // SAFETY: owned by the caller.
        unsafe {
            let next = head.as_ref().link().next;
            let link = crate::block::Link { next, next_magazine: ptr::null_mut(), stamp, len };
            head.as_ref().set_link(link);
        }
        Magazine { head }
    }

    /// The chain and its length; the caller owns the blocks.
    pub(crate) fn into_chain(self) -> (NonNull<Header>, u32) {
        // SAFETY: the magazine owns its blocks.
        let len = unsafe { self.head.as_ref().link() }.len;
        (self.head, len)
    }
}

#[repr(align(128))]
pub(crate) struct Depot {
    slots: [AtomicPtr<Header>; SLOTS],
}

impl Depot {
    const_fn! {
        pub(crate) fn new() -> Depot {
            Depot { slots: array_of![AtomicPtr::new(ptr::null_mut()); SLOTS] }
        }
    }

    /// Puts a magazine in; `hint` spreads threads over the slots.
    pub(crate) fn put(&self, magazine: Magazine, hint: usize) {
        self.put_stack(magazine.head, hint);
    }

    /// Takes the topmost magazine of the first slot that has one.
    pub(crate) fn take(&self, hint: usize) -> Option<Magazine> {
        for i in 0..SLOTS {
            let at = hint.wrapping_add(i);
            if let Some(head) = self.take_stack(at) {
                // SAFETY: D1, the stack is ours now; its first block heads its topmost magazine.
                unsafe {
                    let mut link = head.as_ref().link();
                    if let Some(rest) = NonNull::new(link.next_magazine) {
                        link.next_magazine = ptr::null_mut();
                        head.as_ref().set_link(link);
                        self.put_stack(rest, at);
                    }
                }
                return Some(Magazine { head });
            }
        }
        None
    }

    /// Takes every magazine for whose stamp `keep` gives none, and leaves the others with the stamp it gives.
    pub(crate) fn drain(&self, keep: impl Fn(u32) -> Option<u32>, mut each: impl FnMut(Magazine)) {
        for at in 0..SLOTS {
            let mut kept: *mut Header = ptr::null_mut();
            let mut rest = self.take_stack(at);
            while let Some(head) = rest {
                // SAFETY: D1, the stack is ours; each `next_magazine` heads another magazine of it.
                unsafe {
                    let mut link = head.as_ref().link();
                    rest = NonNull::new(link.next_magazine);
                    if let Some(stamp) = keep(link.stamp) {
                        link.stamp = stamp;
                        link.next_magazine = kept;
                        head.as_ref().set_link(link);
                        kept = head.as_ptr();
                    } else {
                        link.next_magazine = ptr::null_mut();
                        head.as_ref().set_link(link);
                        each(Magazine { head });
                    }
                }
            }
            if let Some(kept) = NonNull::new(kept) {
                self.put_stack(kept, at);
            }
        }
    }

    fn slot(&self, at: usize) -> &AtomicPtr<Header> {
        &self.slots[at % SLOTS]
    }

    fn take_stack(&self, at: usize) -> Option<NonNull<Header>> {
        let slot = self.slot(at);
        // The load keeps empty slots shared in every cache; only a hit pays for the exclusive line.
        if slot.load(Ordering::Relaxed).is_null() {
            return None;
        }
        // Acquire: pairs with the Release in `put_stack`, so the links read next are those written there.
        NonNull::new(slot.swap(ptr::null_mut(), Ordering::Acquire))
    }

    /// Gives a stack of magazines to a slot: an empty one if there is one, else on top of another stack.
    fn put_stack(&self, head: NonNull<Header>, hint: usize) {
        for i in 0..SLOTS {
            if self.try_publish(head, hint.wrapping_add(i)) {
                return;
            }
        }
        // All taken: lift a slot's stack out and put ours on top of it. If somebody fills the slot in
        // between, that thread has got on; we go on to the next with what we hold.
        let mut at = hint;
        loop {
            if let Some(below) = self.take_stack(at) {
                // SAFETY: D1, both stacks are ours.
                unsafe { append(head, below) };
            }
            if self.try_publish(head, at) {
                return;
            }
            at = at.wrapping_add(1);
        }
    }

    fn try_publish(&self, head: NonNull<Header>, at: usize) -> bool {
        let slot = self.slot(at);
        // Release: pairs with the Acquire in `take_stack`. Relaxed on failure: nothing was learnt from it.
        slot.load(Ordering::Relaxed).is_null()
            && slot
                .compare_exchange(ptr::null_mut(), head.as_ptr(), Ordering::Release, Ordering::Relaxed)
                .is_ok()
    }
}

/// Hangs the stack `below` under the last magazine of the stack `head`.
///
/// # Safety
/// The caller owns both stacks.
unsafe fn append(head: NonNull<Header>, below: NonNull<Header>) {
    let mut last = head;
    loop {
        // SAFETY: owned by the caller.
        let mut link = unsafe { last.as_ref().link() };
        match NonNull::new(link.next_magazine) {
            Some(next) => last = next,
            None => {
                link.next_magazine = below.as_ptr();
                // SAFETY: owned by the caller.
                unsafe { last.as_ref().set_link(link) };
                return;
            }
        }
    }
}
