//! The program's allocator: the system's, with a count of allocations and bytes of all threads while somebody counts.
//!
//! Counting is off while time is measured, so that it costs there no more than one load of a flag that nobody
//! writes; a benchmark repeats a run with counting on to learn how often it allocates. Frees are not counted.
//!
//! Invariants:
//! * **I1** Every call goes to the system's allocator with the arguments as they came, and its answer comes back as it
//!   is; counting touches nothing but three atomics and never allocates.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

static ON: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
static BYTES: AtomicU64 = AtomicU64::new(0);

/// The system's allocator, counting on request.
#[derive(Debug)]
pub(crate) struct Counting;

/// What was allocated, by all threads.
#[derive(Debug, Copy, Clone, Default, PartialEq, Eq)]
pub(crate) struct Count {
    /// Calls that gave memory; one that changes a block's size is one.
    pub(crate) allocations: u64,
    /// Bytes asked for by them.
    pub(crate) bytes: u64,
}

/// Counts what `work` and everybody else allocates meanwhile.
pub(crate) fn counted<R>(work: impl FnOnce() -> R) -> (R, Count) {
    let before = total();
    // Relaxed: the counts are read when the threads that allocate are at rest and have told so, and only their
    // sums matter.
    ON.store(true, Ordering::Relaxed);
    let result = work();
    ON.store(false, Ordering::Relaxed);
    let after = total();
    let count =
        Count { allocations: after.allocations - before.allocations, bytes: after.bytes - before.bytes };
    (result, count)
}

fn total() -> Count {
    Count { allocations: ALLOCATIONS.load(Ordering::Relaxed), bytes: BYTES.load(Ordering::Relaxed) }
}

#[inline(always)]
fn note(bytes: usize) {
    if ON.load(Ordering::Relaxed) {
        ALLOCATIONS.fetch_add(1, Ordering::Relaxed);
        BYTES.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

// SAFETY: I1; the system's allocator keeps the contract, and `note` neither allocates nor unwinds.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: I1, the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        note(layout.size());
        // SAFETY: I1.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        note(new_size);
        // SAFETY: I1.
        unsafe { System.realloc(ptr, layout, new_size) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: I1.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Other tests allocate at the same time, so only lower bounds are certain.
    #[test]
    fn allocations_are_counted_only_on_request() {
        let (vec, count) = counted(|| vec![1_u8; 12_345]);
        assert!(count.allocations >= 1 && count.bytes >= 12_345, "{count:?}");
        drop(vec);
    }
}
