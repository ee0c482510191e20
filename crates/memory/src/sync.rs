//! The switch between the real atomics and loom's.
//!
//! Everything in this crate that synchronises threads takes its atomics and cells from here, so that
//! `--cfg netzmq_loom` model-checks the very code that ships. Statistics do not synchronise anything; they
//! use [`Counter`], which stays a plain atomic under loom and costs the model no states.
//!
//! Never here: any logic of the pool.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

#[cfg(not(netzmq_loom))]
mod imp {
    pub(crate) use std::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, fence};

    /// `std::cell::UnsafeCell` behind loom's closure-shaped interface.
    #[derive(Debug)]
    pub(crate) struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        pub(crate) const fn new(value: T) -> Self {
            UnsafeCell(std::cell::UnsafeCell::new(value))
        }

        #[inline(always)]
        pub(crate) fn with<R>(&self, f: impl FnOnce(*const T) -> R) -> R {
            f(self.0.get())
        }

        #[inline(always)]
        pub(crate) fn with_mut<R>(&self, f: impl FnOnce(*mut T) -> R) -> R {
            f(self.0.get())
        }
    }

    /// An array of a value that is not `Copy`, usable in a constant.
    macro_rules! array_of {
        ($value:expr; $len:expr) => {
            [const { $value }; $len]
        };
    }

    /// A `const fn`, except under loom, whose atomics cannot be made in constants.
    macro_rules! const_fn {
        ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block) => {
            $(#[$meta])* $vis const fn $name($($arg: $ty),*) -> $ret $body
        };
    }

    pub(crate) use {array_of, const_fn};
}

#[cfg(netzmq_loom)]
mod imp {
    pub(crate) use loom::cell::UnsafeCell;
    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering, fence};

    macro_rules! array_of {
        ($value:expr; $len:expr) => {
            ::std::array::from_fn::<_, { $len }, _>(|_| $value)
        };
    }

    macro_rules! const_fn {
        ($(#[$meta:meta])* $vis:vis fn $name:ident($($arg:ident: $ty:ty),*) -> $ret:ty $body:block) => {
            $(#[$meta])* $vis fn $name($($arg: $ty),*) -> $ret $body
        };
    }

    pub(crate) use {array_of, const_fn};
}

pub(crate) use imp::*;

/// A statistic. It orders nothing, and is exact once the threads that wrote it are at rest.
#[derive(Debug)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) const fn new() -> Counter {
        Counter(AtomicU64::new(0))
    }

    /// Adds one without a locked instruction. Correct only where a single thread writes this counter.
    #[inline(always)]
    pub(crate) fn bump_owned(&self) {
        self.0.store(self.0.load(Relaxed).wrapping_add(1), Relaxed);
    }

    /// Reads and resets. Correct only where a single thread writes this counter.
    pub(crate) fn take_owned(&self) -> u64 {
        let value = self.0.load(Relaxed);
        self.0.store(0, Relaxed);
        value
    }

    /// Adds `n`; any thread may do so at any time.
    #[inline]
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }
}
