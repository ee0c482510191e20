//! `Core`: what all handles of one pool, all its blocks and all threads' magazines share.
//!
//! It makes and frees blocks, keeps the shared tier (the room in it is dealt out by `reservation`), and
//! remembers what has to be counted by more than one thread. It never touches a thread's
//! magazines (`local` does) and never blocks on the way of a rent or a return.
//!
//! Invariants:
//! * **C1** A block is cached only inside a reservation: for each class, blocks in the shared tier plus the
//!   licences that threads hold is `reserved`, at most the class's maximum when reserved; the bytes of all
//!   are `reserved_bytes`, at most the budget when reserved. So both bounds hold with magazines included.
//! * **C2** `refs` counts the handles together (one), each block in existence, and each thread's attachment.
//!   Whoever brings it to zero frees the core. The shared pool's core is a static and is never freed.
//! * **C3** After `closed` is set nothing stays in the shared tier: the closer drains it, and whoever puts
//!   something there looks again afterwards. Both have a SeqCst fence in between, so one sees the other.

use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::local::Counters;
use super::shared::{Depot, Magazine};
use super::size_class::{CACHED, COUNTED, Class};
use super::{system, threads};
use crate::block::{self, Fill, Header};
use crate::sync::{AtomicBool, AtomicUsize, Counter, Ordering, array_of, const_fn, fence};

/// Bytes a pool keeps unless told otherwise.
pub(crate) const DEFAULT_BUDGET: usize = 64 * 1024 * 1024;
/// How long a cached magazine may lie unused unless told otherwise.
pub(crate) const DEFAULT_TRIM_AFTER_MS: u32 = 5_000;

pub(crate) struct Core {
    pub(super) settings: Settings,
    pub(super) contended: Contended,
    classes: [SharedClass; CACHED],
    /// Counters that any thread may raise.
    pub(super) tallies: [Tally; COUNTED],
    /// Counters that one thread each raises. They are removed before their thread ends.
    locals: Mutex<Vec<LocalCounters>>,
}

/// Read on every return, written rarely; in cache lines of their own.
#[repr(align(128))]
pub(super) struct Settings {
    /// Raised when threads must drop their magazines: a maximum or the budget fell, `clear`, close.
    generation: AtomicUsize,
    permanent: bool,
    closed: AtomicBool,
    pub(super) budget: AtomicUsize,
    trim_after_ms: AtomicU32,
    /// Pool time of the last trimming pass.
    passed_at_ms: AtomicU32,
    /// Bytes freed by trimming that the allocator has not been told to give back yet.
    freed_bytes: AtomicUsize,
}

/// Written by any thread once in a magazine, so kept away from what every return reads.
#[repr(align(128))]
pub(super) struct Contended {
    pub(super) reserved_bytes: AtomicUsize,
    refs: AtomicUsize,
    handles: AtomicUsize,
}

pub(super) struct SharedClass {
    depot: Depot,
    pub(super) reserved: AtomicUsize,
    /// 0 stands for the class's default.
    pub(super) max: AtomicUsize,
}

/// What is counted per class off the fast path (and, for threads that are ending, on it).
pub(super) struct Tally {
    pub(super) rents: Counter,
    pub(super) returns: Counter,
    pub(super) misses: Counter,
    pub(super) rejects: Counter,
    pub(super) prewarmed: Counter,
    pub(super) released: Counter,
}

/// A pointer to a thread's counters.
pub(super) struct LocalCounters(pub(super) NonNull<Counters>);

// SAFETY: the counters are atomics; the pointer is removed from the list, under its lock, before they go.
unsafe impl Send for LocalCounters {}

impl SharedClass {
    const_fn! {
        fn new() -> SharedClass {
            SharedClass { depot: Depot::new(), reserved: AtomicUsize::new(0), max: AtomicUsize::new(0) }
        }
    }
}

impl Tally {
    const fn new() -> Tally {
        Tally {
            rents: Counter::new(),
            returns: Counter::new(),
            misses: Counter::new(),
            rejects: Counter::new(),
            prewarmed: Counter::new(),
            released: Counter::new(),
        }
    }
}

/// Milliseconds since the first use of any pool; wraps after 49 days, which only differences ever see.
fn millis(now: Instant) -> u32 {
    static BASE: OnceLock<Instant> = OnceLock::new();
    now.saturating_duration_since(*BASE.get_or_init(Instant::now)).as_millis() as u32
}

impl Core {
    const_fn! {
        /// A core with one handle. A permanent one is never freed.
        pub(super) fn new(permanent: bool) -> Core {
            Core {
                settings: Settings {
                    generation: AtomicUsize::new(0),
                    permanent,
                    closed: AtomicBool::new(false),
                    budget: AtomicUsize::new(DEFAULT_BUDGET),
                    trim_after_ms: AtomicU32::new(DEFAULT_TRIM_AFTER_MS),
                    passed_at_ms: AtomicU32::new(0),
                    freed_bytes: AtomicUsize::new(0),
                },
                contended: Contended {
                    reserved_bytes: AtomicUsize::new(0),
                    refs: AtomicUsize::new(1),
                    handles: AtomicUsize::new(1),
                },
                classes: array_of![SharedClass::new(); CACHED],
                tallies: [const { Tally::new() }; COUNTED],
                locals: Mutex::new(Vec::new()),
            }
        }
    }

    pub(super) fn class(&self, class: Class) -> &SharedClass {
        &self.classes[class.index()]
    }

    pub(super) fn tally(&self, class: Class) -> &Tally {
        &self.tallies[class.index()]
    }

    // ---- blocks -------------------------------------------------------------------------------------

    /// Makes a block that the cache did not have.
    #[cold]
    #[inline(never)]
    pub(super) fn create(&self, class: Class, len: usize, fill: Fill<'_>) -> Option<NonNull<Header>> {
        let capacity = match class {
            Class::ONE_OFF => len.checked_next_multiple_of(16),
            _ => Some(class.size()),
        };
        let made = capacity.and_then(|capacity| self.create_counted(class, capacity, fill));
        match made {
            Some(_) => self.tally(class).misses.add(1),
            // Nothing was handed out after all.
            None => self.tally(class).rents.add(u64::MAX),
        }
        made
    }

    /// Makes a block ahead of any rent.
    pub(super) fn create_prewarmed(&self, class: Class) -> Option<NonNull<Header>> {
        let made = self.create_counted(class, class.size(), Fill::Zeroed);
        self.tally(class).prewarmed.add(u64::from(made.is_some()));
        made
    }

    fn create_counted(&self, class: Class, capacity: usize, fill: Fill<'_>) -> Option<NonNull<Header>> {
        self.add_ref();
        let made = block::create(self, class, capacity, fill);
        if made.is_none() && !self.settings.permanent {
            // The caller (a handle or an attachment) holds the core as well, so this is not the last.
            self.contended.refs.fetch_sub(1, Ordering::Relaxed);
        }
        made
    }

    /// Frees one block that the caller owns.
    ///
    /// # Safety
    /// `block` is exclusively owned by the caller and belongs to this pool, and the caller keeps the core
    /// alive by something else than this block.
    pub(super) unsafe fn destroy(&self, block: NonNull<Header>) {
        // SAFETY: by the contract; owner records have been dropped before a block gets to the pool.
        unsafe { block::destroy(block) };
        if !self.settings.permanent {
            // Release: pairs with the Acquire in `release_ref`. Not the last one by the contract.
            self.contended.refs.fetch_sub(1, Ordering::Release);
        }
    }

    /// Frees `len` chained blocks.
    ///
    /// # Safety
    /// As for [`Core::destroy`], for each block of the chain.
    pub(super) unsafe fn destroy_chain(&self, mut head: Option<NonNull<Header>>) -> usize {
        let mut count = 0;
        while let Some(block) = head {
            // SAFETY: ours by the contract; the link is read before the block goes.
            unsafe {
                head = NonNull::new(block.as_ref().link().next);
                self.destroy(block);
            }
            count += 1;
        }
        count
    }

    /// A block straight from the shared tier, for callers without magazines.
    pub(super) fn take_direct(&self, class: Class, hint: usize) -> Option<NonNull<Header>> {
        if class == Class::ONE_OFF {
            return None;
        }
        let (head, len) = self.take(class, hint)?.into_chain();
        self.unreserve(class, 1);
        // SAFETY: the magazine's blocks are ours; all but the first go back as a smaller one.
        unsafe {
            if let Some(rest) = NonNull::new(head.as_ref().link().next) {
                head.as_ref().set_next(std::ptr::null_mut());
                self.put(class, Magazine::from_chain(rest, len - 1, self.stamp()), hint);
            }
        }
        Some(head)
    }

    /// Takes a block back without magazines: into the shared tier if there is room, else frees it.
    ///
    /// # Safety
    /// As for [`Core::destroy`].
    pub(super) unsafe fn give_direct(&self, class: Class, block: NonNull<Header>, hint: usize) {
        if class != Class::ONE_OFF && !self.is_closed() && self.reserve(class, 1) == 1 {
            // SAFETY: ours; a chain of one.
            let magazine = unsafe {
                block.as_ref().set_next(std::ptr::null_mut());
                Magazine::from_chain(block, 1, self.stamp())
            };
            self.put(class, magazine, hint);
        } else {
            if class != Class::ONE_OFF {
                self.tally(class).rejects.add(1);
            }
            // SAFETY: by the contract.
            unsafe { self.destroy(block) };
        }
    }

    // ---- shared tier --------------------------------------------------------------------------------

    /// Puts a magazine whose blocks are reserved (C1) into the shared tier.
    pub(super) fn put(&self, class: Class, magazine: Magazine, hint: usize) {
        self.class(class).depot.put(magazine, hint);
        self.settle();
    }

    /// Whoever put something into the shared tier, or put something back, looks whether the pool was closed
    /// meanwhile (C3).
    pub(super) fn settle(&self) {
        if !self.settings.permanent {
            // SeqCst: pairs with the fence in `drop_handle`.
            fence(Ordering::SeqCst);
            if self.is_closed() {
                self.drain_all();
            }
        }
    }

    /// Takes a magazine; its reservations come with it.
    pub(super) fn take(&self, class: Class, hint: usize) -> Option<Magazine> {
        self.class(class).depot.take(hint)
    }

    /// Frees the magazines of a class for whose stamp `keep` gives no new one. Returns the bytes freed.
    fn drain_class(&self, class: Class, keep: impl Fn(u32) -> Option<u32>) -> usize {
        let mut count = 0;
        self.class(class).depot.drain(keep, |magazine| {
            // SAFETY: the depot gave us the magazine; the caller holds the core alive.
            count += unsafe { self.destroy_chain(Some(magazine.into_chain().0)) };
        });
        self.unreserve(class, count);
        self.tally(class).released.add(count as u64);
        count * class.size()
    }

    /// Frees everything in the shared tier. Returns the bytes freed.
    pub(super) fn drain_all(&self) -> usize {
        Class::cached().map(|class| self.drain_class(class, |_| None)).sum()
    }

    /// Frees what has lain in the shared tier for `trim_after`. Cheap to call often: a pass is made at most
    /// four times per `trim_after`.
    ///
    /// A clock would cost more than putting a magazine away does, so a magazine is stamped with the time of
    /// the last pass. The next pass knows no more than that it came since then, and dates it to now: memory
    /// is freed late by up to one pass, never early.
    pub(super) fn trim_idle(&self, now: Instant) -> usize {
        let now = millis(now);
        let after = self.settings.trim_after_ms.load(Relaxed);
        let last = self.settings.passed_at_ms.load(Relaxed);
        let since = now.wrapping_sub(last);
        // A time before the last pass (somebody read the clock earlier than another) wraps to a huge span.
        if since < (after / 4).clamp(2, 1000) || since > u32::MAX / 2 {
            return 0;
        }
        if self.settings.passed_at_ms.compare_exchange(last, now, Relaxed, Relaxed).is_err() {
            return 0;
        }
        let keep = |stamp: u32| {
            // One less than this pass, so that the next does not take it for a fresh one again.
            let stamp = if stamp == last { now.wrapping_sub(1) } else { stamp };
            let age = now.wrapping_sub(stamp);
            // One put just now, with the new stamp or by somebody whose clock is ahead, wraps to a huge age.
            let old = age >= after.max(2) && age < u32::MAX / 2;
            if old { None } else { Some(stamp) }
        };
        let freed: usize = Class::cached().map(|class| self.drain_class(class, keep)).sum();
        self.settle();
        if freed > 0 {
            self.settings.freed_bytes.fetch_add(freed, Ordering::Relaxed);
        }
        freed
    }

    /// After trimming: has the allocator give what was freed back to the system, if it is worth it. Takes the
    /// allocator's locks for milliseconds, so it is not for threads that are returning blocks.
    pub(super) fn give_back_to_system(&self) {
        if self.settings.freed_bytes.load(Ordering::Relaxed) >= system::WORTHWHILE {
            self.settings.freed_bytes.store(0, Ordering::Relaxed);
            system::give_back();
        }
    }

    /// The time to write on a magazine.
    pub(super) fn stamp(&self) -> u32 {
        self.settings.passed_at_ms.load(Relaxed)
    }

    /// Looks at the clock on behalf of a thread that returns blocks, so that pools without an engine also
    /// trim. Costs a clock read; call it once in many returns.
    pub(super) fn tick(&self) {
        // A model must run the same way each time, so no clocks there.
        if cfg!(not(netzmq_loom)) {
            self.trim_idle(Instant::now());
        }
    }

    // ---- settings -----------------------------------------------------------------------------------

    pub(super) fn set_trim_after(&self, after: Duration) {
        let ms = after.as_millis().min(u128::from(u32::MAX / 4)) as u32;
        self.settings.trim_after_ms.store(ms, Relaxed);
    }

    #[inline(always)]
    pub(super) fn generation(&self) -> usize {
        // Relaxed: it only says that something is worth looking at.
        self.settings.generation.load(Ordering::Relaxed)
    }

    pub(super) fn raise_generation(&self) {
        self.settings.generation.fetch_add(1, Ordering::Relaxed);
    }

    // ---- lifetime -----------------------------------------------------------------------------------

    pub(super) fn is_closed(&self) -> bool {
        self.settings.closed.load(Ordering::Relaxed)
    }

    pub(super) fn add_handle(&self) {
        if !self.settings.permanent {
            self.contended.handles.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// # Safety
    /// `this` is alive, and the caller gives up one handle.
    pub(super) unsafe fn drop_handle(this: NonNull<Core>) {
        // SAFETY: alive by the contract until the last line.
        let core = unsafe { this.as_ref() };
        // AcqRel: what other handles did is over before the last one closes.
        if !core.settings.permanent && core.contended.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            core.settings.closed.store(true, Ordering::Relaxed);
            core.raise_generation();
            // SeqCst: pairs with the fence in `settle` (C3).
            fence(Ordering::SeqCst);
            core.drain_all();
            threads::forget_pool(this.as_ptr());
            // SAFETY: the handles' common reference.
            unsafe { Core::release_ref(this) };
        }
    }

    pub(super) fn add_ref(&self) {
        if !self.settings.permanent {
            // Relaxed: derived from a reference that the caller has.
            self.contended.refs.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// # Safety
    /// `this` is alive, and the caller gives up one reference (C2).
    pub(super) unsafe fn release_ref(this: NonNull<Core>) {
        // SAFETY: alive by the contract. A raw access, no borrow, since another thread may free the core as
        // soon as the count is lowered.
        unsafe {
            if (*this.as_ptr()).settings.permanent {
                return;
            }
            // Release and Acquire: all other users are over before the core goes.
            if (*this.as_ptr()).contended.refs.fetch_sub(1, Ordering::Release) == 1 {
                fence(Ordering::Acquire);
                drop(Box::from_raw(this.as_ptr()));
            }
        }
    }

    // ---- counters of threads ------------------------------------------------------------------------

    pub(super) fn locals(&self) -> MutexGuard<'_, Vec<LocalCounters>> {
        // The list is only pushed to and removed from; a panic elsewhere cannot leave it half done.
        self.locals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// SAFETY: all fields are atomics, a lock, or constant; blocks in the depots are owned by them (D1).
unsafe impl Sync for Core {}
// SAFETY: as above.
unsafe impl Send for Core {}

#[cfg(all(test, netzmq_loom))]
impl Core {
    pub(crate) fn create_for_model(&self, class: Class) -> NonNull<Header> {
        self.create(class, class.size(), Fill::Zeroed).unwrap()
    }

    pub(crate) fn reserved_for_model(&self, class: Class) -> usize {
        self.class(class).reserved.load(Ordering::Relaxed)
    }
}

#[cfg(all(test, netzmq_loom))]
impl Drop for Core {
    fn drop(&mut self) {
        crate::loom_models::ALIVE.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
    }
}
