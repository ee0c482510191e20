//! A descriptor that tells foreign event loops of changes, once for any number of them.
//!
//! Invariant: the descriptor is readable exactly while `raised` is set, but for the moment in which one thread moves
//! both, which it does under the latch's own lock (a leaf). A look *lowers first*: a change that the look misses
//! raises anew.

use std::os::fd::{AsFd, BorrowedFd};

use crate::pipe::mailbox::Alarm;
use crate::sync::{AtomicBool, Mutex, Ordering, lock};
use crate::transport::kick::Kick;

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Signal {
    kick: Kick,
    latch: Latch,
}

impl Signal {
    pub(crate) fn new(kick: Kick) -> Signal {
        Signal { kick, latch: Latch::new() }
    }

    /// Called before a look at the socket, under its lock.
    #[inline]
    pub(crate) fn lower(&self) {
        self.latch.lower(|| self.kick.drain());
    }
}

impl Alarm for Signal {
    fn ring(&self) {
        self.latch.raise(|| self.kick.kick());
    }
}

impl AsFd for Signal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.kick.as_fd()
    }
}

/// Whether the descriptor is readable.
#[derive(Debug)]
struct Latch {
    /// A hint that spares a look the lock: Release in `raise` pairs with Acquire in `lower`. Who misses it has looked
    /// before it was raised.
    hint: AtomicBool,
    raised: Mutex<bool>,
}

impl Latch {
    fn new() -> Latch {
        Latch { hint: AtomicBool::new(false), raised: Mutex::new(false) }
    }

    fn raise(&self, kick: impl FnOnce()) {
        let mut raised = lock(&self.raised);
        if !std::mem::replace(&mut *raised, true) {
            // Before the kick: whoever that wakes is to find it.
            self.hint.store(true, Ordering::Release);
            kick();
        }
    }

    #[inline]
    fn lower(&self, drain: impl FnOnce()) {
        if self.hint.load(Ordering::Acquire) {
            self.lower_now(drain);
        }
    }

    #[cold]
    fn lower_now(&self, drain: impl FnOnce()) {
        let mut raised = lock(&self.raised);
        if std::mem::replace(&mut *raised, false) {
            self.hint.store(false, Ordering::Release);
            drain();
        }
    }
}

#[cfg(all(test, netzmq_loom))]
mod loom_tests {
    use loom::thread;

    use super::*;
    use crate::sync::{Arc, Bell, model};

    /// Goal: whoever waits for the descriptor and then looks under the lock sees every change. Method: two threads that
    /// change and ring; the bell stands for the descriptor. Regression: with two bare atomic swaps,
    /// mark and descriptor could be left at odds, which lost a wake-up or made the event loop spin.
    #[test]
    fn loom_no_change_is_missed() {
        model(3, || {
            let shared = Arc::new((Mutex::new(0), Latch::new(), Bell::default()));
            let threads: Vec<_> = (0..2)
                .map(|_| {
                    let shared = shared.clone();
                    thread::spawn(move || {
                        let (state, latch, bell) = &*shared;
                        *lock(state) += 1;
                        latch.raise(|| bell.ring());
                    })
                })
                .collect();
            let (state, latch, bell) = &*shared;
            loop {
                let core = lock(state);
                latch.lower(|| bell.drain());
                if *core == 2 {
                    break;
                }
                drop(core);
                bell.wait();
            }
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
    }
}
