//! The memory of messages: what a message part is, and where its bytes come from and go back to.
//!
//! ```text
//!   Message (64 bytes: one part)
//!     ├─ inline      up to 50 bytes in the message itself
//!     ├─ static      bytes that live forever
//!     ├─ block       a range of a reference-counted block ──► back to its MessagePool, by itself
//!     └─ external    somebody's memory and its owner       ──► owner dropped once, free function called once
//! ```
//! Which to use: `Message::from(...)` with whatever you have is right; small bytes are copied, owned memory
//! moves in without a copy. To fill memory yourself, [`MessagePool::rent`] a buffer and
//! [`freeze`](PooledBuffer::freeze) it. Cloning and slicing share the memory; the last one to go returns it,
//! on whichever thread, and nobody has to say so.
//!
//! This crate never does input or output, never starts a thread, and never blocks on the way of a rent, a
//! clone or a drop. It is the one place of the library whose data is built on `unsafe`; the invariants are
//! numbered at the top of each file, and the shared tier, the return path and the counts are model-checked
//! (`loom_models`).
//!
//! ```
//! use netzmq_memory::{Message, MessagePool};
//!
//! let mut buffer = MessagePool::shared().rent(64 * 1024);      // writable, uniquely owned
//! buffer.fill(b'x');
//! let message = buffer.freeze();                               // no copy
//! let (head, tail) = (message.slice(..1024), message.slice(1024..));
//! assert_eq!(head.len() + tail.len(), message.len());
//! assert_eq!(Message::from("short"), b"short");
//! ```

mod block;
mod external;
#[cfg(all(test, netzmq_loom))]
mod loom_models;
mod message;
mod pool;
mod sync;

pub use crate::message::{Annotations, Message, MessageKind, Properties};
pub use crate::pool::{ClassStats, MessagePool, MessagePoolBuilder, PoolError, PoolStats, PooledBuffer};
