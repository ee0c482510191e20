//! Who is where: each thread's note of the one thing that it uses at the moment, which costs two plain stores.
//!
//! For things that many threads may use and one takes away. Who uses one *enters* its place (any address) and then looks
//! whether it is still there; who takes it away says so and then asks whether the place [is visited](is_visited). As
//! with the lock, the barrier between the two steps is the second one's: a `membarrier`.
//!
//! Invariants:
//! - A thread writes its own note only (it is on its [seat](crate::seat)), and there is one: who is somewhere already
//!   does not enter.
//! - What a visitor did comes before the answer "nobody is there".
//! - Every seat is in the list from its making to the end of its thread, so nobody visits unseen.

use std::sync::{Arc, PoisonError};

use crate::barrier;
use crate::seat::Seat;
use crate::sync::{Mutex, Ordering};

impl Seat {
    /// Notes where this thread is. `false`: it is somewhere already.
    #[inline(always)]
    fn visit(&self, place: usize) -> bool {
        if self.at.load(Ordering::Relaxed) != 0 {
            return false;
        }
        self.at.store(place, Ordering::Relaxed);
        // Pairs with `Visitors::is_visited`: it sees the note, or the visitor sees that the thing is being taken away.
        barrier::light();
        true
    }

    #[inline(always)]
    fn end_visit(&self) {
        // Release: pairs with the Acquire in `is_visited`.
        self.at.store(0, Ordering::Release);
        // Pairs with `Visitors::is_visited`: it sees that the visitor has left, or the visitor sees what was said before.
        barrier::light();
    }
}

/// Everybody's seats. No more than threads that ever needed one and have not ended.
#[derive(Debug)]
struct Visitors(Mutex<Vec<Arc<Seat>>>);

impl Visitors {
    fn is_visited(&self, place: usize) -> bool {
        barrier::heavy();
        let seats = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Acquire: what a visitor did who has left, comes before this.
        seats.iter().any(|seat| seat.at.load(Ordering::Acquire) == place)
    }

    fn add(&self, seat: &Arc<Seat>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(seat.clone());
    }

    #[cfg(not(netzmq_loom))]
    fn forget(&self, seat: &Arc<Seat>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| !Arc::ptr_eq(known, seat));
    }
}

#[cfg(not(netzmq_loom))]
mod global {
    use std::ptr;

    use super::*;
    use crate::seat;

    static VISITORS: Visitors = Visitors(Mutex::new(Vec::new()));

    /// The place of those who can't visit: where there is no `membarrier`, every thread is there from the start.
    const NOWHERE: usize = usize::MAX;

    /// A seat was made.
    pub(crate) fn add(seat: &Arc<Seat>) {
        if !barrier::is_available() {
            seat.at.store(NOWHERE, Ordering::Relaxed);
        }
        VISITORS.add(seat);
    }

    /// Its thread ends.
    pub(crate) fn forget(seat: &Arc<Seat>) {
        VISITORS.forget(seat);
    }

    /// A thread's stay at a place. Ends when dropped.
    #[derive(Debug)]
    #[must_use]
    pub struct Visit(*const Seat);

    impl Visit {
        /// Enters a place, which is any number but 0 and the largest one. `None` if this thread is somewhere already, is
        /// about to end, or the system has no `membarrier`: then the thing has to be held in another way.
        #[inline]
        pub fn enter(place: usize) -> Option<Visit> {
            let mut mine = seat::current();
            if ptr::eq(mine, seat::NONE) {
                mine = take()?;
            }
            // SAFETY: not none, so this thread's own, which lives until the thread ends and `current` forgets it.
            let seat = unsafe { &*mine };
            // Not `then_some`: a visit that never began would end another.
            if seat.visit(place) { Some(Visit(mine)) } else { None }
        }

        /// The seat of the thread that visits, which is the one that has this.
        #[inline(always)]
        pub(crate) fn seat(&self) -> *const Seat {
            self.0
        }
    }

    impl Drop for Visit {
        #[inline(always)]
        fn drop(&mut self) {
            // SAFETY: the seat of the thread that entered (a visit does not leave its thread), which has not ended: its
            // thread-locals go after everything on its stack, and a visit is kept nowhere else.
            unsafe { &*self.0 }.end_visit();
        }
    }

    #[cold]
    #[inline(never)]
    fn take() -> Option<*const Seat> {
        // The list has it, and this thread: it stays when this reference goes.
        seat::take().map(|seat| Arc::as_ptr(&seat))
    }

    /// Whether any thread is at this place, which had been told before that nobody shall come in any more. Costs a system
    /// call.
    #[must_use]
    pub fn is_visited(place: usize) -> bool {
        VISITORS.is_visited(place)
    }

    #[cfg(test)]
    mod tests {
        use super::*;
        use crate::BiasedMutex;

        /// Goal: a thread is at one place at a time, is seen there, and only there. Method: all of it.
        #[test]
        fn visits_are_seen() {
            let (here, there) = (0x1001, 0x1002);
            assert!(!is_visited(here));
            let Some(visit) = Visit::enter(here) else {
                assert!(!barrier::is_available());
                return;
            };
            assert!(is_visited(here) && !is_visited(there));
            assert!(Visit::enter(there).is_none() && Visit::enter(here).is_none());
            std::thread::scope(|s| {
                s.spawn(|| {
                    assert!(is_visited(here));
                    let other = Visit::enter(there);
                    assert!(other.is_some() && is_visited(there));
                });
            });
            assert!(!is_visited(there), "its thread has ended");
            drop(visit);
            assert!(!is_visited(here) && Visit::enter(there).is_some());
        }

        /// Goal: a lock taken by a visitor is the same lock. Method: in turns with others, biased and not.
        #[test]
        fn visitors_lock() {
            let lock = BiasedMutex::new(0);
            let Some(visit) = Visit::enter(0x1003) else { return };
            for _ in 0..1000 {
                *lock.lock_in(&visit) += 1;
            }
            std::thread::scope(|s| s.spawn(|| *lock.lock() += 1).join().unwrap());
            *lock.lock_in(&visit) += 1;
            assert_eq!(*lock.lock(), 1002);
        }
    }
}

#[cfg(not(netzmq_loom))]
pub use global::{Visit, is_visited};
#[cfg(not(netzmq_loom))]
pub(crate) use global::{add, forget};

/// The list as it ships, with a fence on both sides for `membarrier`, around a thing that is taken away.
#[cfg(all(test, netzmq_loom))]
mod loom_tests {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc as LoomArc;
    use loom::thread;

    use super::*;
    use crate::sync::AtomicUsize;

    const PLACE: usize = 64;

    struct Thing {
        visitors: Visitors,
        closing: AtomicUsize,
        freed: Mutex<bool>,
        value: UnsafeCell<u32>,
    }

    impl Thing {
        /// As `handles::get`, a use, and the leaving.
        fn visit(&self, seat: &Seat) {
            assert!(seat.visit(PLACE));
            if self.closing.load(Ordering::Acquire) == 0 {
                self.value.with(|value| assert_eq!(unsafe { *value }, 7, "used after it was freed"));
            }
            seat.end_visit();
            if self.closing.load(Ordering::Relaxed) != 0 {
                self.end();
            }
        }

        fn end(&self) {
            let mut freed = self.freed.lock().unwrap();
            if !*freed && !self.visitors.is_visited(PLACE) {
                *freed = true;
                self.value.with_mut(|value| unsafe { *value = 0 });
            }
        }
    }

    fn model(preemptions: usize, visitors: usize, visits: usize) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.check(move || {
            let thing = LoomArc::new(Thing {
                visitors: Visitors(Mutex::new(Vec::new())),
                closing: AtomicUsize::new(0),
                freed: Mutex::new(false),
                value: UnsafeCell::new(7),
            });
            let threads: Vec<_> = (0..visitors)
                .map(|_| {
                    let (thing, seat) = (thing.clone(), Arc::new(Seat::new()));
                    thing.visitors.add(&seat);
                    thread::spawn(move || (0..visits).for_each(|_| thing.visit(&seat)))
                })
                .collect();
            thing.closing.store(1, Ordering::Release);
            thing.end();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert!(*thing.freed.lock().unwrap(), "nobody has freed it");
        });
    }

    /// Goal: what is taken away is freed once, by whoever is the last, and never under a visitor. Method: a visitor who
    /// comes twice, and who takes it away.
    #[test]
    fn loom_one_visitor() {
        model(3, 1, 2);
    }

    /// The same, with two visitors, each of whom may be the last.
    #[test]
    fn loom_two_visitors() {
        model(3, 2, 1);
    }
}
