//! The lock itself; the crate's page says how it works.
//!
//! Invariants:
//! - `owner` changes only under `turns`. It is null, or the seat in `turns.seat`, whose thread alone made it so.
//! - A thread is inside by the bias while its seat names this lock and `owner` has named it *after* that was written.
//! - Whoever else is inside holds `turns`, has found or made `owner` null, and has after that seen that the former
//!   owner's seat does not name this lock.
//! - `turn` is used only by who holds `turns`; it is written on the way in, and taken on the way out.

use std::fmt;
use std::marker::PhantomData;
use std::mem::{ManuallyDrop, MaybeUninit};
use std::ops::{Deref, DerefMut};
use std::ptr;
use std::sync::{Arc, PoisonError};

use crate::barrier;
use crate::seat::{self, Seat};
use crate::sync::{AtomicPtr, Condvar, Mutex, MutexGuard, Ordering, UnsafeCell, spin_loop};

/// So many times in a row one thread alone took the lock: it is going to stay. Revoking costs about as much as a hundred
/// ordinary locks, so the bias must not come and go with every other visitor.
const BIAS_AFTER: u32 = if cfg!(netzmq_loom) { 2 } else { 128 };

/// The owner stays inside for tens of nanoseconds; one that was interrupted there is slept for.
const SPINS: u32 = if cfg!(netzmq_loom) { 0 } else { 200 };

/// Mutual exclusion, cheapest for a thread that has it to itself. See the crate's page.
pub struct BiasedMutex<T> {
    owner: AtomicPtr<Seat>,
    turns: Mutex<Turns>,
    /// The former owner, found inside, has left.
    left: Condvar,
    /// What whoever is inside by a turn gives back. Here and not in the guard, which then is two words and stays in
    /// registers: as an enum it went through memory, written as a byte and read as a word, and the wait for that took
    /// longer than all the rest of the lock.
    turn: UnsafeCell<MaybeUninit<MutexGuard<'static, Turns>>>,
    value: UnsafeCell<T>,
}

#[derive(Default)]
struct Turns {
    /// The owner's seat; or, while `owner` is null, the former owner's if that may still be inside.
    seat: Option<Arc<Seat>>,
    /// Who took the lock last (the address tells threads apart, no more), and how often in a row.
    last: usize,
    streak: u32,
}

// SAFETY: as for std's Mutex: the lock hands out the value to one thread at a time (the invariants above), so the value
// moves between threads but is never shared by them.
unsafe impl<T: Send> Send for BiasedMutex<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for BiasedMutex<T> {}

/// The right to use the value, until it is dropped.
#[must_use]
pub struct Guard<'a, T> {
    lock: &'a BiasedMutex<T>,
    way: Way,
    /// Does not leave its thread.
    _thread: PhantomData<*const T>,
}

/// How a thread came in: by the bias, on this seat, which is its own; or one of the following, which are no seats.
type Way = *const Seat;

/// Not inside at the moment (`Guard::unlocked`), when nobody can use the guard.
const OUT: Way = ptr::null();
/// As with any lock: the thread holds `turns`.
const TURN: Way = ptr::without_provenance(1);

impl<T> BiasedMutex<T> {
    /// A free lock.
    pub fn new(value: T) -> BiasedMutex<T> {
        BiasedMutex {
            owner: AtomicPtr::new(ptr::null_mut()),
            turns: Mutex::new(Turns::default()),
            left: Condvar::new(),
            turn: UnsafeCell::new(MaybeUninit::uninit()),
            value: UnsafeCell::new(value),
        }
    }

    /// Takes the lock; waits for whoever has it.
    ///
    /// # Panics
    /// May panic or wait for ever, as with std's, if this thread holds it already.
    #[inline]
    pub fn lock(&self) -> Guard<'_, T> {
        self.lock_on(seat::current())
    }

    /// [`lock`](BiasedMutex::lock) by a thread that has found its seat already.
    ///
    /// # Panics
    /// As `lock`.
    #[cfg(not(netzmq_loom))]
    #[inline]
    pub fn lock_in(&self, visit: &crate::Visit) -> Guard<'_, T> {
        self.lock_on(visit.seat())
    }

    /// Never called: nobody visits in the models.
    #[cfg(netzmq_loom)]
    pub fn lock_in(&self, visit: &crate::Visit) -> Guard<'_, T> {
        match *visit {}
    }

    /// `mine`: what `seat::current` says.
    #[inline(always)]
    fn lock_on(&self, mine: *const Seat) -> Guard<'_, T> {
        // Relaxed: a thread that finds itself here wrote it, and nobody else can write that.
        if ptr::eq(self.owner.load(Ordering::Relaxed), mine) {
            // SAFETY: `owner` is only ever null, which `current` never returns, or a seat that its own thread got from
            // `seat::take`; that thread is this one, and it keeps its seat until it ends.
            let seat = unsafe { &*mine };
            if self.enter(seat) {
                return Guard::new(self, mine);
            }
        }
        self.lock_slow(seat::take())
    }

    fn address(&self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// Tries to go in by the bias.
    #[inline]
    fn enter(&self, seat: &Seat) -> bool {
        let inside = seat.inside.load(Ordering::Relaxed);
        if inside != 0 {
            assert_ne!(inside, self.address(), "the thread holds this lock already");
            // Inside another one, and there is one seat: this lock's bias is of no use now.
            return false;
        }
        seat.inside.store(self.address(), Ordering::Relaxed);
        // Pairs with the revoker's: it sees where we sit, or we see that we are no longer the owner.
        barrier::light();
        if ptr::eq(self.owner.load(Ordering::Relaxed), seat) {
            return true;
        }
        self.leave(seat);
        false
    }

    #[inline]
    fn leave(&self, seat: &Seat) {
        // Pairs with the Acquire of whoever waits for this.
        seat.inside.store(0, Ordering::Release);
        // Pairs with the revoker's: it sees that we have left, or we see that it may be waiting.
        barrier::light();
        if !ptr::eq(self.owner.load(Ordering::Relaxed), seat) {
            self.tell_revoker();
        }
    }

    #[cold]
    #[inline(never)]
    fn tell_revoker(&self) {
        // Under the lock: the revoker looks and falls asleep in one step.
        let _turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        self.left.notify_all();
    }

    #[cold]
    #[inline(never)]
    fn lock_slow(&self, mine: Option<Arc<Seat>>) -> Guard<'_, T> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            // Again after a wait: meanwhile another visitor may have found the owner gone, and become the owner itself.
            if !self.owner.load(Ordering::Relaxed).is_null() {
                self.owner.store(ptr::null_mut(), Ordering::Relaxed);
                barrier::heavy();
                turns.last = 0;
                for _ in 0..SPINS {
                    if !self.is_inside(&turns) {
                        break;
                    }
                    spin_loop();
                }
            }
            if !self.is_inside(&turns) {
                break;
            }
            turns = self.left.wait(turns).unwrap_or_else(PoisonError::into_inner);
        }
        turns.seat = None;
        let Some(mine) = mine else { return self.inside_by_turn(turns) };
        let address = Arc::as_ptr(&mine).addr();
        if turns.last != address {
            (turns.last, turns.streak) = (address, 0);
        }
        turns.streak += 1;
        if turns.streak < BIAS_AFTER || mine.inside.load(Ordering::Relaxed) != 0 || !barrier::is_available() {
            return self.inside_by_turn(turns);
        }
        turns.streak = 0;
        // Others see all of this when they have `turns`, and do nothing before that.
        mine.inside.store(self.address(), Ordering::Relaxed);
        let seat = Arc::as_ptr(&mine);
        self.owner.store(seat.cast_mut(), Ordering::Relaxed);
        turns.seat = Some(mine);
        Guard::new(self, seat)
    }

    fn inside_by_turn<'a>(&'a self, turns: MutexGuard<'a, Turns>) -> Guard<'a, T> {
        // SAFETY: only the lifetime changes. `end_turn` takes it back out while the guard made here borrows this lock; if
        // that guard is forgotten, nobody gets at `turn` again, and it has no destructor here.
        let turns: MutexGuard<'static, Turns> = unsafe { std::mem::transmute(turns) };
        // SAFETY: this thread holds `turns`, so nobody else uses `turn`.
        self.turn.with_mut(|turn| unsafe { (*turn).write(turns) });
        Guard::new(self, TURN)
    }

    /// The other end of `inside_by_turn`.
    #[cold]
    #[inline(never)]
    fn end_turn(&self) {
        // SAFETY: this thread holds `turns`, and wrote this when it came in.
        let turns = self.turn.with_mut(|turn| unsafe { (*turn).assume_init_read() });
        drop(turns);
    }

    /// Whether the thread that `turns` remembers is inside by a bias that it had.
    fn is_inside(&self, turns: &Turns) -> bool {
        // Acquire pairs with the Release in `leave`: what was done inside is done.
        turns.seat.as_ref().is_some_and(|seat| seat.inside.load(Ordering::Acquire) == self.address())
    }

    /// Whether some thread has the bias now.
    #[cfg(all(test, not(netzmq_loom)))]
    fn is_biased(&self) -> bool {
        !self.owner.load(Ordering::Relaxed).is_null()
    }
}

impl<'a, T> Guard<'a, T> {
    #[inline(always)]
    fn new(lock: &'a BiasedMutex<T>, way: Way) -> Guard<'a, T> {
        Guard { lock, way, _thread: PhantomData }
    }

    /// Gives up the lock for as long as `f` takes.
    #[inline]
    pub fn unlocked<R>(&mut self, f: impl FnOnce() -> R) -> R {
        /// Takes the lock again also if `f` panics: nobody must come by this guard without it.
        struct Back<'g, 'a, T>(&'g mut Guard<'a, T>);
        impl<T> Drop for Back<'_, '_, T> {
            #[inline]
            fn drop(&mut self) {
                self.0.way = std::mem::replace(&mut self.0.lock.lock().way, OUT);
            }
        }
        self.leave();
        let _back = Back(self);
        f()
    }

    /// What dropping it does, here and now: on hot paths a call less.
    #[inline(always)]
    pub fn unlock(self) {
        ManuallyDrop::new(self).leave();
    }

    #[inline(always)]
    fn leave(&mut self) {
        let way = std::mem::replace(&mut self.way, OUT);
        if way.addr() > TURN.addr() {
            // SAFETY: this thread's own seat (a guard does not leave its thread), which lives as long as the thread.
            self.lock.leave(unsafe { &*way });
        } else if way == TURN {
            self.lock.end_turn();
        }
    }
}

impl<T> Drop for Guard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.leave();
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: this thread is inside (a guard is made only there, and does not leave its thread), so nobody else uses
        // the value; `&self` allows no `&mut` at the same time.
        self.lock.value.with(|value| unsafe { &*value })
    }
}

impl<T> DerefMut for Guard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as in `deref`, and `&mut self` allows no other borrow.
        self.lock.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T> fmt::Debug for BiasedMutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BiasedMutex").finish_non_exhaustive()
    }
}

impl<T: fmt::Debug> fmt::Debug for Guard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

#[cfg(all(test, not(netzmq_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_bias_comes_with_use_and_goes_with_visitors() {
        let lock = BiasedMutex::new(0u32);
        for _ in 1..BIAS_AFTER {
            *lock.lock() += 1;
        }
        assert!(!lock.is_biased());
        *lock.lock() += 1;
        assert_eq!(lock.is_biased(), barrier::is_available());
        *lock.lock() += 1;
        std::thread::scope(|s| s.spawn(|| *lock.lock() += 1).join().unwrap());
        assert!(!lock.is_biased());
        assert_eq!(*lock.lock(), BIAS_AFTER + 2);
    }

    #[test]
    fn one_seat_serves_one_lock_at_a_time() {
        let (first, second) = (BiasedMutex::new(()), BiasedMutex::new(()));
        for lock in [&first, &second] {
            (0..BIAS_AFTER).for_each(|_| drop(lock.lock()));
        }
        let _outer = first.lock();
        let _inner = second.lock();
        assert_eq!(first.is_biased(), barrier::is_available());
        assert!(!second.is_biased());
    }

    #[test]
    #[should_panic(expected = "already")]
    fn taking_a_biased_lock_twice_is_told() {
        let lock = BiasedMutex::new(());
        (0..BIAS_AFTER).for_each(|_| drop(lock.lock()));
        assert!(lock.is_biased(), "already so, where biases are not to be had");
        let _once = lock.lock();
        let _twice = lock.lock();
    }

    #[test]
    fn a_guard_lets_others_in_for_a_while() {
        for uses in [1, BIAS_AFTER] {
            let lock = BiasedMutex::new(0);
            (1..uses).for_each(|_| drop(lock.lock()));
            let mut guard = lock.lock();
            guard.unlocked(|| std::thread::scope(|s| s.spawn(|| *lock.lock() = 1).join().unwrap()));
            assert_eq!(*guard, 1);
            let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                guard.unlocked(|| panic!("on purpose"));
            }));
            assert!(panicked.is_err());
            *guard = 2;
            drop(guard);
            assert_eq!(*lock.lock(), 2);
        }
    }

    #[test]
    fn an_owner_that_has_ended_is_no_obstacle() {
        let lock = BiasedMutex::new(0);
        std::thread::scope(|s| s.spawn(|| (0..BIAS_AFTER).for_each(|_| *lock.lock() += 1)).join().unwrap());
        assert_eq!(*lock.lock(), BIAS_AFTER);
    }

    /// Goal: nothing is lost while the bias changes hands. Method: threads that count in turns of different lengths, so
    /// that each has the bias again and again.
    #[test]
    fn threads_count_together() {
        let lock = BiasedMutex::new(0u64);
        std::thread::scope(|s| {
            for thread in 0..4u64 {
                let lock = &lock;
                s.spawn(move || {
                    for turn in 0..200 {
                        for _ in 0..(turn * (thread + 1)) % 700 {
                            *lock.lock() += 1;
                        }
                        std::thread::yield_now();
                    }
                });
            }
        });
        let sum: u64 = (0..4).flat_map(|thread| (0..200).map(move |turn| turn * (thread + 1) % 700)).sum();
        assert_eq!(*lock.lock(), sum);
    }
}

/// The lock as it ships, with a fence on both sides for `membarrier`. loom's cell finds two threads inside.
#[cfg(all(test, netzmq_loom))]
mod loom_tests {
    use loom::sync::Arc as LoomArc;
    use loom::thread;

    use super::*;

    /// As `lock`, for a thread whose seat is at hand (loom's threads have no thread-locals of ours).
    fn add<T: std::ops::AddAssign<u32>>(lock: &BiasedMutex<T>, seat: &Arc<Seat>) {
        let way_in = ptr::eq(lock.owner.load(Ordering::Relaxed), Arc::as_ptr(seat)) && lock.enter(seat);
        let mut guard =
            if way_in { Guard::new(lock, Arc::as_ptr(seat)) } else { lock.lock_slow(Some(seat.clone())) };
        *guard += 1;
    }

    fn model(preemptions: usize, turns: &'static [usize]) {
        let mut builder = loom::model::Builder::new();
        builder.preemption_bound = Some(preemptions);
        builder.check(move || {
            let lock = LoomArc::new(BiasedMutex::new(0));
            let threads: Vec<_> = turns
                .iter()
                .map(|&turns| {
                    let lock = lock.clone();
                    thread::spawn(move || {
                        let seat = Arc::new(Seat::new());
                        (0..turns).for_each(|_| add(&lock, &seat));
                    })
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(*lock.lock_slow(None), turns.iter().sum::<usize>() as u32);
        });
    }

    /// Goal: an owner and a visitor are never inside together, and neither waits for ever. Method: one thread that
    /// becomes the owner and stays it for a while, one that comes once.
    #[test]
    fn loom_owner_and_visitor() {
        model(4, &[4, 1]);
    }

    /// The same, with two that become owners.
    #[test]
    fn loom_two_owners() {
        model(3, &[3, 3]);
    }

    /// The same, with a visitor who finds that another has just become the owner.
    #[test]
    fn loom_three() {
        model(2, &[3, 2, 1]);
    }
}
