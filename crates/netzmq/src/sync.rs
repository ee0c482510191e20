//! Locks and atomics: std's, or loom's when the wake-up protocols are model-checked (`--cfg netzmq_loom`).

#[cfg(netzmq_loom)]
pub(crate) use loom::sync::{
    Arc, Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};
#[cfg(not(netzmq_loom))]
pub(crate) use std::sync::{
    Arc, Condvar, Mutex, MutexGuard,
    atomic::{AtomicBool, Ordering},
};

/// Locks. A thread that panicked while it held the lock was ours and broke an invariant; going on with what it left is
/// still better than taking the host process down, and every user of this restores its state before it can panic.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
