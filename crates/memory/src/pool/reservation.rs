//! Room in the cache: how many blocks of a class, and how many bytes in all, may be cached.
//!
//! A block is cached only inside a reservation (C1 of `pool_core`), and reservations are made before the
//! block is put anywhere, so the bounds hold at every moment and not only on average. Threads hold
//! reservations as licences, a magazine's worth at a time, so that this is no part of the fast path.
//!
//! Nothing here touches a thread's magazines. The counters bound memory and order nothing, so all of them
//! are Relaxed.

use std::ptr::NonNull;

use super::pool_core::Core;
use super::shared::Magazine;
use super::size_class::Class;
use crate::sync::Ordering;

impl Core {
    pub(super) fn max(&self, class: Class) -> usize {
        match self.class(class).max.load(Ordering::Relaxed) {
            0 => class.default_max(),
            max => max,
        }
    }

    /// Reserves room for up to `want` cached blocks; returns for how many.
    pub(super) fn reserve(&self, class: Class, want: usize) -> usize {
        let granted = self.reserve_count(class, want);
        if granted == 0 {
            return 0;
        }
        let mut within = self.reserve_bytes(class, granted);
        if within == 0 && self.evict_larger_than(class) {
            within = self.reserve_bytes(class, granted);
        }
        if within < granted {
            // Relaxed throughout: the counters bound memory, they order nothing.
            self.class(class).reserved.fetch_sub(granted - within, Ordering::Relaxed);
        }
        within
    }

    fn reserve_count(&self, class: Class, want: usize) -> usize {
        let max = self.max(class);
        let reserved = &self.class(class).reserved;
        let mut now = reserved.load(Ordering::Relaxed);
        loop {
            let granted = want.min(max.saturating_sub(now));
            if granted == 0 {
                return 0;
            }
            match reserved.compare_exchange_weak(now, now + granted, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => return granted,
                Err(seen) => now = seen,
            }
        }
    }

    fn reserve_bytes(&self, class: Class, want: usize) -> usize {
        let budget = self.settings.budget.load(Ordering::Relaxed);
        let mut now = self.contended.reserved_bytes.load(Ordering::Relaxed);
        loop {
            let granted = want.min(budget.saturating_sub(now) / class.size());
            if granted == 0 {
                return 0;
            }
            let then = now + granted * class.size();
            match self.contended.reserved_bytes.compare_exchange_weak(
                now,
                then,
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => return granted,
                Err(seen) => now = seen,
            }
        }
    }

    pub(super) fn unreserve(&self, class: Class, count: usize) {
        if count > 0 {
            self.class(class).reserved.fetch_sub(count, Ordering::Relaxed);
            self.contended.reserved_bytes.fetch_sub(count * class.size(), Ordering::Relaxed);
        }
    }

    /// The budget is full: lets a small class push one magazine of the largest cached class out, so that a
    /// burst of large messages does not switch the pool off for small ones until it is trimmed.
    fn evict_larger_than(&self, class: Class) -> bool {
        for larger in Class::cached().rev() {
            if larger.size() <= class.size() {
                continue;
            }
            if let Some(magazine) = self.take(larger, 0) {
                // SAFETY: taken, so ours; the caller holds the core alive.
                let count = unsafe { self.destroy_chain(Some(magazine.into_chain().0)) };
                self.unreserve(larger, count);
                self.tally(larger).released.add(count as u64);
                self.settle();
                return true;
            }
        }
        false
    }

    /// Sets a maximum (not 0) and applies it to the shared tier. Returns whether it fell.
    pub(super) fn set_max(&self, class: Class, max: usize) -> bool {
        let before = self.max(class);
        self.class(class).max.store(max, Ordering::Relaxed);
        if max < before {
            self.raise_generation();
        }
        max < before
    }

    /// Frees cached blocks of the shared tier until the class is within its maximum and the pool within its
    /// budget, as far as the shared tier can do that.
    pub(super) fn enforce(&self, class: Class) {
        let count = &self.class(class).reserved;
        loop {
            let over = count.load(Ordering::Relaxed).saturating_sub(self.max(class));
            let bytes = self
                .contended
                .reserved_bytes
                .load(Ordering::Relaxed)
                .saturating_sub(self.settings.budget.load(Ordering::Relaxed));
            let surplus = over.max(bytes.div_ceil(class.size()));
            if surplus == 0 {
                return;
            }
            let Some(magazine) = self.take(class, 0) else { return };
            let (head, len) = magazine.into_chain();
            let drop_now = surplus.min(len as usize);
            let (mut rest, mut left) = (Some(head), drop_now);
            while let (Some(block), 1..) = (rest, left) {
                // SAFETY: ours; the link is read before the block goes.
                unsafe {
                    rest = NonNull::new(block.as_ref().link().next);
                    self.destroy(block);
                }
                left -= 1;
            }
            self.unreserve(class, drop_now);
            self.tally(class).released.add(drop_now as u64);
            if let Some(rest) = rest {
                // SAFETY: the tail of our chain, of the remaining length.
                let magazine = unsafe { Magazine::from_chain(rest, len - drop_now as u32, self.stamp()) };
                self.put(class, magazine, 0);
            }
        }
    }

    pub(super) fn set_budget(&self, bytes: usize) {
        self.settings.budget.store(bytes, Ordering::Relaxed);
        self.raise_generation();
    }

    pub(super) fn budget(&self) -> usize {
        self.settings.budget.load(Ordering::Relaxed)
    }
}
