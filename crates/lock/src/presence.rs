//! Who is where: a note of each thread, of the one thing it uses at the moment, that costs two plain stores.
//!
//! For things that many threads may use and one takes away. Who uses one *enters* its place (any address) and then looks
//! whether it is still there; who takes it away says so and then asks whether the place [is visited](is_visited). As
//! with the lock, the barrier between the two steps is the second one's: a `membarrier`.
//!
//! Invariants:
//! - A thread writes its own note only, and there is one: who is somewhere already does not enter.
//! - What a visitor did comes before the answer "nobody is there".

use std::sync::{Arc, PoisonError};

use crate::barrier;
use crate::sync::{AtomicUsize, Mutex, Ordering};

/// One thread's note. On a cache line of its own.
#[derive(Debug)]
#[repr(align(64))]
struct Note {
    /// The place where the thread is; 0: nowhere.
    at: AtomicUsize,
}

impl Note {
    fn new() -> Note {
        Note { at: AtomicUsize::new(0) }
    }

    #[inline(always)]
    fn enter(&self, place: usize) -> bool {
        if self.at.load(Ordering::Relaxed) != 0 {
            return false;
        }
        self.at.store(place, Ordering::Relaxed);
        // Pairs with `Notes::is_visited`: it sees the note, or the visitor sees that the thing is being taken away.
        barrier::light();
        true
    }

    #[inline(always)]
    fn leave(&self) {
        // Release: pairs with the Acquire in `is_visited`.
        self.at.store(0, Ordering::Release);
        // Pairs with `Notes::is_visited`: it sees that the visitor has left, or the visitor sees what was said before.
        barrier::light();
    }
}

/// Everybody's notes. No more than threads that ever entered and have not ended.
#[derive(Debug)]
struct Notes(Mutex<Vec<Arc<Note>>>);

impl Notes {
    fn is_visited(&self, place: usize) -> bool {
        barrier::heavy();
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Acquire: what a visitor did who has left, comes before this.
        notes.iter().any(|note| note.at.load(Ordering::Acquire) == place)
    }

    fn add(&self, note: &Arc<Note>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(note.clone());
    }

    #[cfg(not(netzmq_loom))]
    fn forget(&self, note: &Arc<Note>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|known| !Arc::ptr_eq(known, note));
    }
}

#[cfg(not(netzmq_loom))]
mod global {
    use std::cell::{Cell, RefCell};
    use std::ptr;

    use super::*;

    static NOTES: Notes = Notes(Mutex::new(Vec::new()));

    /// No note: never the address of one.
    const NONE: *const Note = ptr::null();

    thread_local! {
        // Constant and without a destructor: reading it is one instruction, at any time of the thread's life.
        static CURRENT: Cell<*const Note> = const { Cell::new(NONE) };
        // Keeps the note, and takes it away at the end.
        static KEEPER: RefCell<Keeper> = const { RefCell::new(Keeper(None)) };
    }

    struct Keeper(Option<Arc<Note>>);

    impl Drop for Keeper {
        fn drop(&mut self) {
            CURRENT.set(NONE);
            if let Some(note) = self.0.take() {
                NOTES.forget(&note);
            }
        }
    }

    /// A thread's stay at a place. Ends when dropped.
    #[derive(Debug)]
    #[must_use]
    pub struct Visit(*const Note);

    impl Visit {
        /// Enters a place, which is any number but 0. `None` if this thread is somewhere already, is about to end, or the
        /// system has no `membarrier`: then the thing has to be held in another way.
        #[inline]
        pub fn enter(place: usize) -> Option<Visit> {
            let mut mine = CURRENT.get();
            if mine.is_null() {
                mine = take()?;
            }
            // SAFETY: not null, so this thread's own, which lives until the thread ends and nulls it.
            let note = unsafe { &*mine };
            // Not `then_some`: a visit that never began would end another.
            if note.enter(place) { Some(Visit(mine)) } else { None }
        }
    }

    impl Drop for Visit {
        #[inline]
        fn drop(&mut self) {
            // SAFETY: the note of the thread that entered (a visit does not leave its thread), which has not ended: its
            // thread-locals go after everything on its stack, and a visit is kept nowhere else.
            unsafe { &*self.0 }.leave();
        }
    }

    #[cold]
    #[inline(never)]
    fn take() -> Option<*const Note> {
        if !barrier::is_available() {
            return None;
        }
        let taken = KEEPER.try_with(|keeper| {
            let mut keeper = keeper.borrow_mut();
            let note = keeper.0.get_or_insert_with(|| {
                let note = Arc::new(Note::new());
                NOTES.add(&note);
                note
            });
            CURRENT.set(Arc::as_ptr(note));
            CURRENT.get()
        });
        taken.ok()
    }

    /// Whether any thread is at this place, which had been told before that nobody shall come in any more. Costs a system
    /// call.
    #[must_use]
    pub fn is_visited(place: usize) -> bool {
        NOTES.is_visited(place)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

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
    }
}

#[cfg(not(netzmq_loom))]
pub use global::{Visit, is_visited};

/// The notes as they ship, with a fence on both sides for `membarrier`, around a thing that is taken away.
#[cfg(all(test, netzmq_loom))]
mod loom_tests {
    use loom::cell::UnsafeCell;
    use loom::sync::Arc as LoomArc;
    use loom::thread;

    use super::*;

    const PLACE: usize = 64;

    struct Thing {
        notes: Notes,
        closing: AtomicUsize,
        freed: Mutex<bool>,
        value: UnsafeCell<u32>,
    }

    impl Thing {
        /// As `handles::get`, a use, and the leaving.
        fn visit(&self, note: &Note) {
            assert!(note.enter(PLACE));
            if self.closing.load(Ordering::Acquire) == 0 {
                self.value.with(|value| assert_eq!(unsafe { *value }, 7, "used after it was freed"));
            }
            note.leave();
            if self.closing.load(Ordering::Relaxed) != 0 {
                self.end();
            }
        }

        fn end(&self) {
            let mut freed = self.freed.lock().unwrap();
            if !*freed && !self.notes.is_visited(PLACE) {
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
                notes: Notes(Mutex::new(Vec::new())),
                closing: AtomicUsize::new(0),
                freed: Mutex::new(false),
                value: UnsafeCell::new(7),
            });
            let threads: Vec<_> = (0..visitors)
                .map(|_| {
                    let (thing, note) = (thing.clone(), Arc::new(Note::new()));
                    thing.notes.add(&note);
                    thread::spawn(move || (0..visits).for_each(|_| thing.visit(&note)))
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
