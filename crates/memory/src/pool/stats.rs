//! `PoolStats`: a snapshot of what a pool did and holds. It prints as a table.
//!
//! Each counter is exact once the threads that used the pool are at rest. While they run, a snapshot adds
//! up counters read one after the other, so sums may be off by the operations in flight.

use std::fmt;

use super::pool_core::Core;
use super::size_class::{CACHED, COUNTED, Class, PUBLIC};

/// What one size class did and holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClassStats {
    /// Bytes per block; 0 for the one-off blocks, which differ.
    pub size: usize,
    /// Blocks handed out.
    pub rents: u64,
    /// Blocks that came back.
    pub returns: u64,
    /// Rents served from the cache.
    pub hits: u64,
    /// Rents for which memory was allocated.
    pub misses: u64,
    /// Returned blocks that were freed because the class or the pool was full (or closed).
    pub rejects: u64,
    /// Blocks made in advance by [`prewarm`](crate::MessagePool::prewarm).
    pub prewarmed: u64,
    /// Cached blocks that were freed: trimmed, cleared, or pushed out by a smaller class.
    pub released: u64,
    /// Blocks handed out and not yet back.
    pub outstanding: u64,
    /// Blocks lying in the cache, magazines of threads included.
    pub cached: u64,
    /// How many blocks of this class the pool keeps at most; 0 for the one-off blocks.
    pub max: usize,
}

/// A snapshot of a pool's statistics: totals over the nineteen classes and the one-off blocks, and each
/// class by itself.
///
/// ```
/// use netzmq_memory::MessagePool;
///
/// let pool = MessagePool::new();
/// drop(pool.rent(1000));
/// drop(pool.rent(1000));
/// let stats = pool.stats();
/// assert_eq!((stats.rents, stats.hits, stats.outstanding), (2, 1, 0));
/// assert_eq!(stats.class(1024).map(|class| class.cached), Some(1));
/// assert_eq!(stats.hit_rate(), 0.5);
/// println!("{stats}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStats {
    /// Blocks handed out.
    pub rents: u64,
    /// Blocks that came back.
    pub returns: u64,
    /// Rents served from the cache.
    pub hits: u64,
    /// Rents for which memory was allocated.
    pub misses: u64,
    /// Returned blocks that were freed because their class or the pool was full (or closed).
    pub rejects: u64,
    /// Blocks handed out and not yet back.
    pub outstanding: u64,
    /// Blocks lying in the cache, magazines of threads included.
    pub cached: u64,
    /// Bytes lying in the cache (without the blocks' headers).
    pub bytes_cached: u64,
    /// Bytes the pool may cache.
    pub byte_budget: usize,
    /// Each size class, smallest first.
    pub classes: [ClassStats; PUBLIC],
    /// Requests above the largest class. Nothing of these is ever cached.
    pub one_off: ClassStats,
    /// Records that keep external bodies' owners alive; not part of the totals. They come from the shared
    /// pool, so other pools have none.
    pub owner_records: ClassStats,
}

impl PoolStats {
    /// The part of all rents that were served from the cache, 0 to 1; 0 before the first.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        rate(self.hits, self.rents)
    }

    /// The class that serves requests of `len` bytes; `None` above the largest.
    #[must_use]
    pub fn class(&self, len: usize) -> Option<&ClassStats> {
        self.classes.get(Class::public_for_len(len)?.index() - 1)
    }

    pub(super) fn of(core: &Core) -> PoolStats {
        let rows = rows(core);
        let [owner_records, classes @ .., one_off]: [ClassStats; COUNTED] = rows;
        let sum = |field: fn(&ClassStats) -> u64| {
            classes.iter().chain([&one_off]).map(field).fold(0, u64::wrapping_add)
        };
        PoolStats {
            rents: sum(|c| c.rents),
            returns: sum(|c| c.returns),
            hits: sum(|c| c.hits),
            misses: sum(|c| c.misses),
            rejects: sum(|c| c.rejects),
            outstanding: sum(|c| c.outstanding),
            cached: sum(|c| c.cached),
            bytes_cached: sum(|c| c.cached * c.size as u64),
            byte_budget: core.budget(),
            classes,
            one_off,
            owner_records,
        }
    }
}

impl ClassStats {
    /// The part of this class's rents that were served from the cache, 0 to 1; 0 before the first.
    #[must_use]
    pub fn hit_rate(&self) -> f64 {
        rate(self.hits, self.rents)
    }
}

fn rate(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

fn rows(core: &Core) -> [ClassStats; COUNTED] {
    // Held throughout: a thread that ends meanwhile moves its counts only before or after.
    let locals = core.locals();
    std::array::from_fn(|i| {
        let tally = &core.tallies[i];
        let class = Class::from_number(i as u8);
        // Returns before rents: what is in flight then shows as outstanding and never as less than nothing.
        let mut returns = tally.returns.get();
        let mut rents = tally.rents.get();
        // SAFETY: entries of the list point to live counters; they are removed under this lock.
        let each = locals.iter().map(|local| unsafe { local.0.as_ref() });
        for counter in each.clone().filter_map(|counters| counters.returns.get(i)) {
            returns = returns.wrapping_add(counter.get());
        }
        for counter in each.filter_map(|counters| counters.rents.get(i)) {
            rents = rents.wrapping_add(counter.get());
        }
        let (misses, rejects) = (tally.misses.get(), tally.rejects.get());
        let (prewarmed, released) = (tally.prewarmed.get(), tally.released.get());
        let outstanding = rents.saturating_sub(returns);
        let made = misses + prewarmed;
        let cacheable = i < CACHED;
        ClassStats {
            size: class.size(),
            rents,
            returns,
            hits: rents.saturating_sub(misses),
            misses,
            rejects,
            prewarmed,
            released,
            outstanding,
            cached: if cacheable { made.saturating_sub(rejects + released + outstanding) } else { 0 },
            max: if cacheable { core.max(class) } else { 0 },
        }
    })
}

impl fmt::Display for PoolStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:>8} {:>12} {:>12} {:>7} {:>10} {:>9} {:>11} {:>8} {:>10}",
            "block", "rents", "returns", "hit %", "misses", "rejects", "outstanding", "cached", "cached B"
        )?;
        let named = self.classes.iter().map(|class| (Size(class.size as u64).to_string(), class));
        let rest = [("> 4 MiB".to_owned(), &self.one_off), ("owners".to_owned(), &self.owner_records)];
        for (name, class) in named.chain(rest) {
            if class.rents == 0 && class.prewarmed == 0 {
                continue;
            }
            row(f, &name, class, class.cached * class.size as u64)?;
        }
        let total = ClassStats {
            rents: self.rents,
            returns: self.returns,
            hits: self.hits,
            misses: self.misses,
            rejects: self.rejects,
            outstanding: self.outstanding,
            cached: self.cached,
            ..ClassStats::default()
        };
        row(f, "total", &total, self.bytes_cached)?;
        write!(f, "budget {}", Size(self.byte_budget as u64))
    }
}

fn row(f: &mut fmt::Formatter<'_>, name: &str, class: &ClassStats, bytes: u64) -> fmt::Result {
    writeln!(
        f,
        "{:>8} {:>12} {:>12} {:>7.2} {:>10} {:>9} {:>11} {:>8} {:>10}",
        name,
        class.rents,
        class.returns,
        class.hit_rate() * 100.0,
        class.misses,
        class.rejects,
        class.outstanding,
        class.cached,
        Size(bytes).to_string()
    )
}

/// Bytes in the largest unit that keeps them readable.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        match UNITS.iter().find(|(unit, _)| self.0 >= *unit) {
            Some((unit, name)) if self.0.is_multiple_of(*unit) => write!(f, "{} {name}", self.0 / unit),
            Some((unit, name)) => write!(f, "{:.1} {name}", self.0 as f64 / *unit as f64),
            None => write!(f, "{} B", self.0),
        }
    }
}
