//! A condition variable whose wait ends when a signal handler has run, which std's hides.
//!
//! libzmq's callers rely on it: a blocked call returns EINTR, and the interpreter or event loop above it looks at what
//! the signal meant. A counter is slept on with the system's futex: whoever notifies moves the counter on, so that who
//! has let go of the lock but does not sleep yet, won't.
//!
//! The system starts a wait without a time-out again after a handler that was installed with `SA_RESTART`, as most are
//! (signal(7)); one with a time-out it does not. So there always is one.

use std::time::Duration;

use super::{AtomicU32, Mutex, MutexGuard, Ordering, lock};

/// What ended a wait.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Somebody notified, or the time is up, or nothing at all: look.
    Maybe,
    /// A signal handler has run in this thread.
    Signal,
}

/// The longest sleep: only a bound, so that there is one.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// See the module's text.
#[derive(Debug)]
pub(crate) struct SleepQueue {
    /// Relaxed throughout: the futex orders it with the sleep, the lock orders everything else.
    notified: AtomicU32,
    #[cfg(netzmq_loom)]
    model: Model,
}

impl Default for SleepQueue {
    fn default() -> SleepQueue {
        SleepQueue::new()
    }
}

impl SleepQueue {
    pub(crate) fn new() -> SleepQueue {
        SleepQueue {
            notified: AtomicU32::new(0),
            #[cfg(netzmq_loom)]
            model: Model::default(),
        }
    }

    /// Wakes all who wait.
    pub(crate) fn notify_all(&self) {
        self.notified.fetch_add(1, Ordering::Relaxed);
        self.wake();
    }

    /// Lets go of the lock, sleeps, takes it again. May end for no reason.
    pub(crate) fn wait<'a, T>(
        &self,
        mutex: &'a Mutex<T>,
        guard: MutexGuard<'a, T>,
        timeout: Option<Duration>,
    ) -> (MutexGuard<'a, T>, Wake) {
        let seen = self.notified.load(Ordering::Relaxed);
        drop(guard);
        let wake = self.sleep(seen, timeout.unwrap_or(FOR_EVER).min(FOR_EVER));
        (lock(mutex), wake)
    }
}

#[cfg(not(netzmq_loom))]
impl SleepQueue {
    fn wake(&self) {
        // Fails only for words that are no memory.
        let _ = rustix::thread::futex::wake(
            &self.notified,
            rustix::thread::futex::Flags::PRIVATE,
            i32::MAX as u32,
        );
    }

    fn sleep(&self, seen: u32, timeout: Duration) -> Wake {
        use rustix::thread::futex::{Flags, wait};
        let timeout = rustix::event::Timespec {
            tv_sec: i64::try_from(timeout.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: timeout.subsec_nanos().into(),
        };
        match wait(&self.notified, Flags::PRIVATE, seen, Some(&timeout)) {
            Err(rustix::io::Errno::INTR) => Wake::Signal,
            _ => Wake::Maybe,
        }
    }
}

/// The futex's promise, for models: to compare and to fall asleep is one step.
#[cfg(netzmq_loom)]
#[derive(Debug, Default)]
struct Model {
    lock: Mutex<()>,
    condvar: loom::sync::Condvar,
}

#[cfg(netzmq_loom)]
impl SleepQueue {
    fn wake(&self) {
        let _lock = lock(&self.model.lock);
        self.model.condvar.notify_all();
    }

    fn sleep(&self, seen: u32, _: Duration) -> Wake {
        let guard = lock(&self.model.lock);
        if self.notified.load(Ordering::Relaxed) == seen {
            drop(self.model.condvar.wait(guard));
        }
        Wake::Maybe
    }
}

#[cfg(all(test, not(netzmq_loom)))]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::sync::Arc;

    /// Goal: a sleeper wakes when it is notified, whatever came first. Method: one thread changes and notifies, the other
    /// waits for the change, many times.
    #[test]
    fn the_notified_wake() {
        let shared = Arc::new((Mutex::new(0), SleepQueue::new()));
        let other = shared.clone();
        let changer = std::thread::spawn(move || {
            for _ in 0..1000 {
                *lock(&other.0) += 1;
                other.1.notify_all();
            }
        });
        let mut guard = lock(&shared.0);
        while *guard < 1000 {
            guard = shared.1.wait(&shared.0, guard, None).0;
        }
        drop(guard);
        changer.join().unwrap();
    }

    #[test]
    fn the_time_ends() {
        let (mutex, queue) = (Mutex::new(()), SleepQueue::new());
        let (begun, time) = (Instant::now(), Duration::from_millis(3));
        let mut guard = lock(&mutex);
        while begun.elapsed() < time {
            guard = queue.wait(&mutex, guard, Some(time)).0;
        }
    }
}
