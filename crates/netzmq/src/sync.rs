//! Locks and atomics: std's, or loom's when the wake-up protocols are model-checked (`--cfg netzmq_loom`).
//!
//! `Arc` is std's in any case: who drops what last is no part of what is modelled here, and loom's holds no trait
//! objects.

pub(crate) use std::sync::Arc;

#[cfg(netzmq_loom)]
pub(crate) use loom::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};
#[cfg(not(netzmq_loom))]
pub(crate) use std::sync::{
    Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

/// Locks. A thread that panicked while it held the lock was ours and broke an invariant; going on with what it left is
/// still better than taking the host process down, and every user of this restores its state before it can panic.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
