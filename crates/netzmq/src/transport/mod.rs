//! The kernel: byte streams, listeners, readiness.
//!
//! Thin movers. This room opens, reads, writes and waits; it never looks into the bytes, knows nothing of patterns,
//! pipes or sockets, and never blocks except in [`Poller::wait`](poller::Poller::wait) and the name resolver's own
//! thread. All platform knowledge is here: a port to another system replaces `poller`, `kick` and the address parts
//! of `tcp` and `ipc`, nothing else.

pub(crate) mod accept_filter;
pub(crate) mod codec;
pub(crate) mod ipc;
pub(crate) mod kick;
pub(crate) mod listener;
pub(crate) mod poller;
pub(crate) mod services;
pub(crate) mod socks;
pub(crate) mod stream;
#[allow(unsafe_code)]
mod sys;
pub(crate) mod tcp;
pub(crate) mod tls;
pub(crate) mod udp;
