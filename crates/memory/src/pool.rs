//! `MessagePool`: blocks by size class, rented and returned in nanoseconds, given back to the system when
//! idle.
//!
//! ```text
//!   rent ──► this thread's magazines ──(a magazine at a time)──► shared tier ──► allocator
//!   last reference dropped, any thread ──► that thread's magazines ──► shared tier ──► freed if full
//! ```
//! * `size_class`: the table of sizes. `local`: a thread's magazines. `shared`: the lock-free tier.
//!   `pool_core`: what ties them together. `threads`: where a thread finds its magazines. `buffer`: what is
//!   rented. `reservation`: the bounds. `stats`: the snapshot. `system`: memory back to the system.
//!
//! A pool never blocks a rent or a return, never starts a thread, and caches no more than its budget, the
//! magazines of threads included.

pub(crate) mod buffer;
// Under loom only the models use magazines, and not all of them.
#[cfg_attr(netzmq_loom, allow(dead_code))]
pub(crate) mod local;
pub(crate) mod pool_core;
mod reservation;
pub(crate) mod shared;
pub(crate) mod size_class;
pub(crate) mod stats;
mod system;
pub(crate) mod threads;

use std::alloc::{Layout, handle_alloc_error};
use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::{self, NonNull};
use std::time::{Duration, Instant};

use self::pool_core::Core;
use self::shared::Magazine;
use self::size_class::Class;
use crate::block::{Block, Fill};

pub use self::buffer::PooledBuffer;
pub use self::stats::{ClassStats, PoolStats};

/// What a pool refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PoolError {
    /// A maximum of 0 was given. A class that must cache nothing is not offered; use a byte budget of 0 to
    /// cache nothing at all.
    #[error("a class's maximum must be at least 1")]
    ZeroMaximum,
    /// No size class holds this length.
    #[error("{len} bytes are more than the largest size class ({max} bytes)")]
    NoSuchClass {
        /// The length asked for, in bytes.
        len: usize,
        /// The largest class, in bytes.
        max: usize,
    },
    /// A buffer's length was set beyond its capacity.
    #[error("length {len} is beyond the buffer's capacity of {capacity} bytes")]
    BeyondCapacity {
        /// The length asked for, in bytes.
        len: usize,
        /// The buffer's capacity, in bytes.
        capacity: usize,
    },
}

/// A pool of message memory in nineteen size classes from 16 B to 4 MiB; a handle, cheap to clone.
///
/// [`rent`](MessagePool::rent) gives a writable [`PooledBuffer`]; memory returns **by itself**, exactly
/// once, when the buffer or the last clone of the [`Message`](crate::Message) made from it is dropped, on
/// whichever thread. There is no return method, so there is no double return. Requests above 4 MiB get a
/// block of their own, freed on return.
///
/// [`MessagePool::shared`] is what messages use by default. A pool of one's own has its own budget, maxima
/// and statistics; dropping its last handle frees what it caches, and blocks still out are freed as they
/// come back.
///
/// # What is cached, and for how long
/// At most [`byte_budget`](MessagePoolBuilder::byte_budget) bytes (default 64 MiB), and per class at most
/// its maximum (default 32 MiB worth, at least 8 and at most 16384 blocks), in both cases including what
/// threads keep in their magazines. A thread keeps at most two magazines a class, of 64 KiB or 4 blocks each,
/// one block of each class above 64 KiB, and none above 1 MiB: less than 4 MiB in all. What has lain unused in the shared tier for
/// [`trim_after`](MessagePoolBuilder::trim_after) (default 5 s) is freed by [`trim_idle`](MessagePool::trim_idle),
/// which an engine calls about once a second, and now and then by returns.
///
/// ```
/// use netzmq_memory::{Message, MessagePool};
///
/// let pool = MessagePool::builder().byte_budget(8 << 20).max_for_class(64 * 1024, 16).build()?;
/// let message: Message = pool.rent_copy(b"sixty-four bytes, or any number of them").freeze();
/// let clone = message.clone();                       // no copy
/// drop(message);
/// assert_eq!(pool.stats().outstanding, 1);
/// drop(clone);                                       // the block is back in the pool
/// assert_eq!(pool.stats().outstanding, 0);
/// # Ok::<(), netzmq_memory::PoolError>(())
/// ```
///
/// What was given back is nobody's any more, so it cannot be given back again:
/// ```compile_fail,E0382
/// let buffer = netzmq_memory::MessagePool::shared().rent(64);
/// drop(buffer);
/// drop(buffer);
/// ```
pub struct MessagePool {
    core: NonNull<Core>,
}

// SAFETY: a handle is a counted pointer to a `Core`, which is Send and Sync.
unsafe impl Send for MessagePool {}
// SAFETY: as above.
unsafe impl Sync for MessagePool {}

// Nothing of a pool's state spans an unwinding call: no caller's code runs inside it.
impl UnwindSafe for MessagePool {}
impl RefUnwindSafe for MessagePool {}

#[cfg(not(netzmq_loom))]
static SHARED_CORE: Core = Core::new(true);
#[cfg(not(netzmq_loom))]
static SHARED: MessagePool = MessagePool {
    // SAFETY: the address of a static is not null. Nothing ever writes through it but the core's atomics.
    core: unsafe { NonNull::new_unchecked((&raw const SHARED_CORE).cast_mut()) },
};

impl MessagePool {
    /// Block sizes of the classes in bytes, ascending.
    pub const CLASS_SIZES: [usize; size_class::PUBLIC] = size_class::SIZES;

    /// A pool of its own with the default limits.
    #[must_use]
    pub fn new() -> MessagePool {
        #[cfg(all(test, netzmq_loom))]
        crate::loom_models::ALIVE.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let core = Box::new(Core::new(false));
        MessagePool { core: NonNull::from(Box::leak(core)) }
    }

    /// A pool of its own with other limits.
    pub fn builder() -> MessagePoolBuilder {
        MessagePoolBuilder::default()
    }

    /// The pool that messages use by default; one per process.
    #[cfg(not(netzmq_loom))]
    #[inline]
    #[must_use]
    pub fn shared() -> &'static MessagePool {
        &SHARED
    }

    /// The pool that messages use by default; one per model execution.
    #[cfg(netzmq_loom)]
    #[must_use]
    pub fn shared() -> &'static MessagePool {
        loom::lazy_static! {
            static ref SHARED: MessagePool = MessagePool::new();
        }
        &SHARED
    }

    #[cfg(not(netzmq_loom))]
    #[inline(always)]
    fn shared_core() -> *const Core {
        &raw const SHARED_CORE
    }

    #[inline(always)]
    pub(crate) fn core(&self) -> &Core {
        // SAFETY: a handle keeps the core alive.
        unsafe { self.core.as_ref() }
    }

    /// A writable buffer of `len` bytes, whose contents are unspecified (left over from earlier messages)
    /// but initialised.
    ///
    /// Never blocks. Aborts the process when memory cannot be had, like `Vec`; a length that comes from
    /// outside goes to [`try_rent`](MessagePool::try_rent).
    #[inline]
    #[must_use]
    pub fn rent(&self, len: usize) -> PooledBuffer {
        match self.try_rent(len) {
            Some(buffer) => buffer,
            None => out_of_memory(len),
        }
    }

    /// Like [`rent`](MessagePool::rent), but `None` when memory cannot be had.
    #[inline]
    #[must_use]
    pub fn try_rent(&self, len: usize) -> Option<PooledBuffer> {
        self.rent_filled(len, Fill::Zeroed)
    }

    /// A writable buffer with a copy of `bytes`.
    ///
    /// Never blocks. Aborts the process when memory cannot be had, like `Vec`.
    #[inline]
    #[must_use]
    pub fn rent_copy(&self, bytes: &[u8]) -> PooledBuffer {
        match self.rent_filled(bytes.len(), Fill::Copy(bytes)) {
            Some(buffer) => buffer,
            None => out_of_memory(bytes.len()),
        }
    }

    #[inline]
    fn rent_filled(&self, len: usize, fill: Fill<'_>) -> Option<PooledBuffer> {
        let header = threads::rent(self.core(), len, fill)?;
        // SAFETY: freshly rented, so ours alone.
        Some(PooledBuffer::new(unsafe { Block::first_reference(header) }, len))
    }

    /// Makes up to `count` blocks of the class that holds `class_len` bytes and caches them, touching their
    /// pages so that first use does not fault. Returns how many were made: fewer when the class's maximum,
    /// the budget or memory runs out, none above the largest class.
    pub fn prewarm(&self, class_len: usize, count: usize) -> usize {
        let Some(class) = Class::public_for_len(class_len) else { return 0 };
        let core = self.core();
        // What this thread holds counts as cached either way; flushed, its unused licences count for us.
        threads::flush_this_thread(core);
        let mut made = 0;
        while made < count {
            let granted = core.reserve(class, (count - made).min(class.magazine()));
            if granted == 0 {
                break;
            }
            let (len, magazine) = core.make_magazine(class, granted);
            core.unreserve(class, granted - len);
            made += len;
            match magazine {
                Some(magazine) => core.put(class, magazine, made),
                None => break,
            }
        }
        made
    }

    /// Sets how many blocks the class that holds `class_len` bytes may keep, magazines included. Takes
    /// effect at once: surplus in the shared tier and in this thread's magazines is freed now, other
    /// threads drop their magazines at their next use of the pool.
    ///
    /// # Errors
    /// [`PoolError::ZeroMaximum`] for 0, [`PoolError::NoSuchClass`] above the largest class.
    pub fn set_max(&self, class_len: usize, max: usize) -> Result<(), PoolError> {
        let class = class_of(class_len)?;
        if max == 0 {
            return Err(PoolError::ZeroMaximum);
        }
        let core = self.core();
        if core.set_max(class, max) {
            threads::flush_this_thread(core);
            core.enforce(class);
        }
        Ok(())
    }

    /// Sets how many bytes the pool may cache, magazines included; 0 caches nothing. Takes effect as
    /// [`set_max`](MessagePool::set_max) does.
    pub fn set_byte_budget(&self, bytes: usize) {
        let core = self.core();
        core.set_budget(bytes);
        threads::flush_this_thread(core);
        for class in Class::cached().rev() {
            core.enforce(class);
        }
    }

    /// Sets how long memory may lie unused in the shared tier before [`trim_idle`](MessagePool::trim_idle)
    /// frees it.
    pub fn set_trim_after(&self, after: Duration) {
        self.core().set_trim_after(after);
    }

    /// Frees everything cached: the shared tier and this thread's magazines now, other threads' magazines
    /// at their next use of the pool. Blocks that are out stay valid and return as ever.
    pub fn clear(&self) {
        let core = self.core();
        core.raise_generation();
        threads::flush_this_thread(core);
        core.drain_all();
    }

    /// Frees everything in the shared tier and in this thread's magazines, but leaves other threads'
    /// magazines alone; has glibc give its free pages back to the system if that is more than 4 MiB. Returns
    /// the bytes given back.
    pub fn trim(&self) -> usize {
        let core = self.core();
        threads::flush_this_thread(core);
        let freed = core.drain_all();
        if freed >= system::WORTHWHILE {
            system::give_back();
        }
        freed
    }

    /// Frees what has lain unused in the shared tier for `trim_after`. Returns the bytes given back.
    ///
    /// What was put away since the last call counts as put away at this one, so memory is given back late by
    /// up to the time between two calls, never early.
    ///
    /// Meant to be called about once a second by whoever has a clock at hand, with the time it read anyway;
    /// calls that come too soon do nothing. When more than 4 MiB were freed, glibc is asked to give its free
    /// pages back to the system, which can take some milliseconds.
    pub fn trim_idle(&self, now: Instant) -> usize {
        let freed = self.core().trim_idle(now);
        self.core().give_back_to_system();
        freed
    }

    /// A snapshot of the statistics; exact when the threads that use the pool are at rest.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        PoolStats::of(self.core())
    }
}

fn class_of(len: usize) -> Result<Class, PoolError> {
    Class::public_for_len(len).ok_or(PoolError::NoSuchClass { len, max: size_class::MAX_SIZE })
}

impl Core {
    /// Makes up to `want` blocks with touched pages, as one magazine.
    fn make_magazine(&self, class: Class, want: usize) -> (usize, Option<Magazine>) {
        const PAGE: usize = 4096;
        let mut head = ptr::null_mut();
        let mut len = 0;
        while len < want {
            let Some(block) = self.create_prewarmed(class) else { break };
            // SAFETY: fresh, so ours alone; a page's first byte lies within the capacity.
            unsafe {
                for offset in (0..class.size()).step_by(PAGE) {
                    crate::block::data(block).add(offset).write_volatile(0);
                }
                block.as_ref().set_next(head);
            }
            head = block.as_ptr();
            len += 1;
        }
        // SAFETY: a chain of `len` blocks that are ours.
        let magazine =
            NonNull::new(head).map(|head| unsafe { Magazine::from_chain(head, len as u32, self.stamp()) });
        (len, magazine)
    }
}

/// Reports that `len` bytes cannot be had, as the standard collections do.
#[cold]
#[inline(never)]
pub(crate) fn out_of_memory(len: usize) -> ! {
    let size = len.min(isize::MAX as usize - 15);
    match Layout::from_size_align(size, 16) {
        Ok(layout) => handle_alloc_error(layout),
        Err(_) => std::process::abort(),
    }
}

impl Clone for MessagePool {
    #[inline]
    fn clone(&self) -> MessagePool {
        self.core().add_handle();
        MessagePool { core: self.core }
    }
}

impl Drop for MessagePool {
    fn drop(&mut self) {
        // SAFETY: gives up this handle.
        unsafe { Core::drop_handle(self.core) }
    }
}

impl Default for MessagePool {
    fn default() -> MessagePool {
        MessagePool::new()
    }
}

impl fmt::Debug for MessagePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("MessagePool")
            .field("outstanding", &stats.outstanding)
            .field("bytes_cached", &stats.bytes_cached)
            .field("byte_budget", &stats.byte_budget)
            .finish_non_exhaustive()
    }
}

/// Sets the limits of a new [`MessagePool`]; wrong values are reported by [`build`](MessagePoolBuilder::build).
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct MessagePoolBuilder {
    max_per_class: Option<usize>,
    max_for_class: Vec<(usize, usize)>,
    byte_budget: Option<usize>,
    trim_after: Option<Duration>,
}

impl MessagePoolBuilder {
    /// How many blocks each class may keep, unless [`max_for_class`](MessagePoolBuilder::max_for_class) says
    /// otherwise.
    pub fn max_per_class(mut self, max: usize) -> Self {
        self.max_per_class = Some(max);
        self
    }

    /// How many blocks the class that holds `class_len` bytes may keep.
    pub fn max_for_class(mut self, class_len: usize, max: usize) -> Self {
        self.max_for_class.push((class_len, max));
        self
    }

    /// How many bytes the pool may cache in all; 0 caches nothing.
    pub fn byte_budget(mut self, bytes: usize) -> Self {
        self.byte_budget = Some(bytes);
        self
    }

    /// How long memory may lie unused in the shared tier before it is freed.
    pub fn trim_after(mut self, after: Duration) -> Self {
        self.trim_after = Some(after);
        self
    }

    /// Makes the pool.
    ///
    /// # Errors
    /// [`PoolError::ZeroMaximum`] for a maximum of 0, [`PoolError::NoSuchClass`] for a class above the
    /// largest.
    pub fn build(self) -> Result<MessagePool, PoolError> {
        let pool = MessagePool::new();
        if let Some(max) = self.max_per_class {
            for size in MessagePool::CLASS_SIZES {
                pool.set_max(size, max)?;
            }
        }
        for (class_len, max) in self.max_for_class {
            pool.set_max(class_len, max)?;
        }
        if let Some(bytes) = self.byte_budget {
            pool.set_byte_budget(bytes);
        }
        if let Some(after) = self.trim_after {
            pool.set_trim_after(after);
        }
        Ok(pool)
    }
}
