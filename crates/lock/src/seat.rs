//! A thread's seat: where it writes down which lock it is inside of by a bias, and what it [visits](crate::presence).
//!
//! Each thread has its own, so that a thread which comes too late, and takes back what it wrote, disturbs nobody.
//! A seat lives as long as its thread, or a lock that knows of it. One for both purposes, because finding it costs more
//! than writing on it: in a shared library a thread-local is found by a call.

use std::cell::{Cell, RefCell};
use std::ptr;
use std::sync::Arc;

use crate::sync::AtomicUsize;

/// See the module's text. On a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
pub(crate) struct Seat {
    /// The address of the lock that this thread is inside of by a bias; 0: none. Only its own thread writes it.
    pub(crate) inside: AtomicUsize,
    /// The place that this thread visits; 0: none. Only its own thread writes it.
    pub(crate) at: AtomicUsize,
}

impl Seat {
    pub(crate) fn new() -> Seat {
        Seat { inside: AtomicUsize::new(0), at: AtomicUsize::new(0) }
    }
}

/// No seat: never the address of one, nor null (which means "nobody").
pub(crate) const NONE: *const Seat = ptr::without_provenance(1);

thread_local! {
    // Constant and without a destructor: reading it is one instruction, at any time of the thread's life.
    static CURRENT: Cell<*const Seat> = const { Cell::new(NONE) };
    // Keeps the seat, and takes it away at the end.
    static KEEPER: RefCell<Keeper> = const { RefCell::new(Keeper(None)) };
}

struct Keeper(Option<Arc<Seat>>);

impl Drop for Keeper {
    fn drop(&mut self) {
        CURRENT.set(NONE);
        #[cfg(not(netzmq_loom))]
        if let Some(seat) = self.0.take() {
            crate::presence::forget(&seat);
        }
    }
}

/// The address of this thread's seat, or of none. It points to a `Seat` for as long as the thread does not end, if
/// some lock's owner was ever equal to it.
#[inline(always)]
pub(crate) fn current() -> *const Seat {
    CURRENT.get()
}

fn make() -> Arc<Seat> {
    let seat = Arc::new(Seat::new());
    #[cfg(not(netzmq_loom))]
    crate::presence::add(&seat);
    seat
}

/// This thread's seat, made now if need be. `None` while the thread ends.
pub(crate) fn take() -> Option<Arc<Seat>> {
    let taken = KEEPER.try_with(|keeper| {
        let mut keeper = keeper.borrow_mut();
        let seat = keeper.0.get_or_insert_with(make).clone();
        CURRENT.set(Arc::as_ptr(&seat));
        seat
    });
    taken.ok()
}

#[cfg(all(test, not(netzmq_loom)))]
mod tests {
    use super::*;

    #[test]
    fn threads_have_different_seats_and_keep_them() {
        assert!(std::thread::spawn(|| current() == NONE).join().unwrap());
        let mine = take().unwrap();
        assert_eq!(current(), Arc::as_ptr(&mine));
        assert!(Arc::ptr_eq(&mine, &take().unwrap()));
        let other = std::thread::spawn(|| take().unwrap()).join().unwrap();
        assert!(!Arc::ptr_eq(&mine, &other));
        assert_eq!(
            Arc::strong_count(&other),
            1,
            "its thread has let go of it, and so has the list of visitors"
        );
    }
}
