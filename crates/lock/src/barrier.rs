//! The two halves of an asymmetric barrier: nothing but a word to the compiler on the side that is in a hurry, a system
//! call on the other.

#[cfg(not(netzmq_loom))]
mod imp {
    use std::sync::OnceLock;
    use std::sync::atomic::{Ordering, compiler_fence};
    use std::time::Duration;

    use rustix::thread::{MembarrierCommand, MembarrierQuery, membarrier, membarrier_query};

    /// Between a store and a load of the hurried side. Pairs with [`heavy`].
    #[inline(always)]
    pub(crate) fn light() {
        // The processor may still swap them; `heavy` then makes every running thread execute a barrier, and one that
        // does not run has executed one when it was taken off.
        compiler_fence(Ordering::SeqCst);
    }

    /// Whether [`heavy`] works in this process.
    pub(crate) fn is_available() -> bool {
        static AVAILABLE: OnceLock<bool> = OnceLock::new();
        *AVAILABLE.get_or_init(|| {
            membarrier_query().contains(MembarrierQuery::PRIVATE_EXPEDITED)
                && membarrier(MembarrierCommand::RegisterPrivateExpedited).is_ok()
        })
    }

    /// Between a store and a load of the other side: every thread of this process has gone through a barrier when it
    /// returns.
    pub(crate) fn heavy() {
        if membarrier(MembarrierCommand::PrivateExpedited).is_ok() {
            return;
        }
        // A child of `fork` has to register anew.
        let registered = membarrier(MembarrierCommand::RegisterPrivateExpedited);
        if registered.and_then(|()| membarrier(MembarrierCommand::PrivateExpedited)).is_err() {
            // The program has forbidden itself the call after it began to use it. A store leaves its processor within
            // microseconds whatever comes behind it; this is a thousand times as long.
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// loom has no `membarrier`: a fence on both sides, which is what it amounts to.
#[cfg(netzmq_loom)]
mod imp {
    use loom::sync::atomic::{Ordering, fence};

    pub(crate) fn light() {
        fence(Ordering::SeqCst);
    }

    pub(crate) fn is_available() -> bool {
        true
    }

    pub(crate) fn heavy() {
        fence(Ordering::SeqCst);
    }
}

pub(crate) use imp::*;
