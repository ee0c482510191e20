//! A lock that costs its usual thread next to nothing.
//!
//! A socket is used by one thread, nearly always, and its lock is there for the rest of the time: for the I/O thread,
//! and for programs that share the socket. Two locked instructions a message (about 20 ns) are then paid for nobody.
//! [`BiasedMutex`] notices that one thread alone takes it, and becomes *biased* to that thread: from then on the thread
//! goes in and out with plain loads and stores, without a locked instruction or a fence. Another thread that wants in
//! *revokes* the bias, which costs it a system call (`membarrier`, 1 to 5 µs), and the lock is an ordinary one until
//! one thread has had it to itself for a while again.
//!
//! This is the asymmetric half of Dekker's algorithm: the owner says that it is inside and then looks whether it is
//! still the owner; the revoker says that nobody is and then looks whether the owner is inside. Between the two steps
//! each needs a barrier; the revoker's `membarrier` executes one on every thread of the process, so that the owner can
//! do without.
//!
//! Where the kernel has no `membarrier` (before Linux 4.14, or forbidden by a filter), the lock never becomes biased.
//!
//! The same barrier serves [`Visit`]: a thread's note of what it uses, so that nobody frees that meanwhile.
//!
//! Never here: fairness, poisoning (a panic inside leaves the lock free), reading without locking.
//!
//! ```
//! let counter = netzmq_lock::BiasedMutex::new(0);
//! for _ in 0..1000 {
//!     *counter.lock() += 1;
//! }
//! std::thread::scope(|s| {
//!     s.spawn(|| *counter.lock() += 1);
//! });
//! assert_eq!(*counter.lock(), 1001);
//! ```

mod barrier;
mod biased;
mod presence;
mod seat;
mod sync;

pub use biased::{BiasedMutex, Guard};
#[cfg(not(netzmq_loom))]
pub use presence::{Visit, is_visited};

/// The models have no list of everybody: nobody visits. (Those of [`presence`] have lists of their own.)
#[cfg(netzmq_loom)]
#[derive(Debug)]
pub enum Visit {}
