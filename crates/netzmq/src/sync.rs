//! Locks and atomics: std's, or loom's when the wake-up protocols are model-checked (`--cfg netzmq_loom`).
//!
//! `Arc` is std's in any case: who drops what last is no part of what is modelled here, and loom's holds no trait
//! objects.

pub(crate) use std::sync::Arc;

#[cfg(all(test, netzmq_loom))]
pub(crate) use loom::sync::Condvar;
#[cfg(netzmq_loom)]
pub(crate) use loom::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};
#[cfg(not(netzmq_loom))]
pub(crate) use std::sync::{
    Mutex, MutexGuard,
    atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
};

mod sleep_queue;
pub(crate) use sleep_queue::{SleepQueue, Wake};

/// Locks. A thread that panicked while it held the lock was ours and broke an invariant; going on with what it left is
/// still better than taking the host process down, and every user of this restores its state before it can panic.
#[inline]
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Runs `f` under every interleaving with so many preemptions at most, and every value that the memory model lets a
/// load see. A thread that sleeps for ever is a deadlock, which fails the model.
#[cfg(all(test, netzmq_loom))]
pub(crate) fn model(preemptions: usize, f: impl Fn() + Sync + Send + 'static) {
    let executions = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = executions.clone();
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 50_000;
    builder.check(move || {
        count.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        f();
    });
    let executions = executions.load(std::sync::atomic::Ordering::Relaxed);
    println!("{executions} executions");
    assert!(executions > 1, "a model without choices checks nothing");
}

/// Stands for an eventfd in a poller: rung once, it wakes whoever waits, until it is drained.
#[cfg(all(test, netzmq_loom))]
#[derive(Default)]
pub(crate) struct Bell {
    rung: Mutex<bool>,
    condvar: Condvar,
}

#[cfg(all(test, netzmq_loom))]
impl Bell {
    pub(crate) fn ring(&self) {
        *lock(&self.rung) = true;
        self.condvar.notify_all();
    }

    pub(crate) fn drain(&self) {
        *lock(&self.rung) = false;
    }

    /// Like a level-triggered wait: leaves the bell rung.
    pub(crate) fn wait(&self) {
        let mut rung = lock(&self.rung);
        while !*rung {
            rung = self.condvar.wait(rung).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }
}
