//! The wire's side of a pipe: messages to bytes, bytes to messages.
//!
//! [`outbound`] encodes into segments that one write empties; [`inbound`] reads chunks and hands messages out of them
//! lazily. Both are plain data that the socket's lock protects: no I/O happens here, no thread is known here. A
//! system call is made between `take`/`begin_read` and `put_back`/`finish_read`, without the lock, by whoever holds
//! the pipe's writing or reading token.

pub(crate) mod buffers;
pub(crate) mod inbound;
pub(crate) mod outbound;
#[cfg(test)]
mod testing;
