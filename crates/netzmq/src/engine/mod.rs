//! The I/O threads: they make connections, keep them, and look after every socket that its callers do not drive.
//!
//! An I/O thread owns its sessions outright; callers reach it only by posting a [`job`]. It locks a socket to change
//! what the socket sees (a pipe opens, a message arrives), never two at once, and never waits for a caller.

pub(crate) mod admission;
pub(crate) mod backoff;
mod connecting;
pub(crate) mod handshaking;
pub(crate) mod heartbeat;
pub(crate) mod io_thread;
pub(crate) mod job;
mod job_queue;
pub(crate) mod listening;
pub(crate) mod session;
pub(crate) mod target;
pub(crate) mod timers;
mod upgrading;
