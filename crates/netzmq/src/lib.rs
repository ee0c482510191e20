//! ZeroMQ in Rust, with message memory inside the engine.
//!
//! ```
//! use netzmq::Context;
//!
//! let context = Context::new();
//! let rep = context.rep()?;
//! let endpoint = rep.bind("tcp://127.0.0.1:*")?;
//! let req = context.req()?;
//! req.connect(&endpoint)?;
//! req.send("hello")?;
//! let question = rep.recv()?; // a Message: &question[..]
//! rep.send(question)?; // no copy; an error gives the message back
//! assert_eq!(&req.recv()?[..], b"hello");
//! # Ok::<(), netzmq::Error>(())
//! ```
//!
//! # Which socket
//!
//! | want | make with |
//! |---|---|
//! | ask and answer, by turns | [`Context::req`], [`Context::rep`] |
//! | ask and answer freely; address peers by name | [`Context::dealer`], [`Context::router`] |
//! | tell everyone who subscribed | [`Context::publisher`], [`Context::subscriber`] |
//! | see or forward subscriptions | [`Context::xpub`], [`Context::xsub`] |
//! | spread work, collect results | [`Context::push`], [`Context::pull`] |
//! | two threads, both ways | [`Context::pair`] |
//! | peers that speak plain TCP | [`Context::stream`] |
//! | libzmq's drafts | [`Context::socket`] with a [`SocketType`] |
//!
//! # Where to go next
//!
//! [`Socket`] has the verbs and the options, [`Message`] and [`MessagePool`] the memory, [`Poller`] waits for many
//! sockets, [`Monitor`] tells of connections, [`Proxy`] joins two sockets, [`Security`] keeps strangers out. Calls block
//! as long as the socket's time-outs say (for ever by default); those that begin with `try_` never do. Errors are one small
//! enum an operation; [`Error`] takes them all. Peers' faults are never among them.
//!
//! The repository has guides (`docs/`: patterns, memory strategies, tuning, security, migrating from libzmq), runnable
//! examples (`crates/netzmq/examples`) and the map of the inside (`ARCHITECTURE.md`).

#![forbid(unsafe_code)]

mod connection;
mod context;
mod deadline;
mod engine;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod inproc;
mod monitor;
mod options;
mod patterns;
mod pipe;
mod poller;
mod proxy;
#[doc(hidden)]
pub mod raw;
mod socket;
mod sync;
mod transport;
mod zap;

pub use context::{Context, ContextBuilder};
pub use error::{EndpointError, Error, OptionError, RecvError, SendError, SendFailure, SocketError};
pub use monitor::{EventKind, Monitor, MonitorEvent};
pub use netzmq_memory as memory;
pub use netzmq_memory::{Message, MessagePool, PooledBuffer};
pub use netzmq_proto as proto;
pub use netzmq_proto::{SocketType, ZapReply, ZapRequest};
pub use options::{ReceiveMemory, Security};
pub use poller::{Interest, Poller, Readiness};
pub use proxy::{Proxy, ProxyStatistics};
pub use socket::{Multipart, Payload, Received, Socket};

/// The futures of a socket's awaited operations.
pub mod futures {
    pub use crate::socket::futures::{Recv, RecvMultipart, Send};
}

/// The code in the README and the guides compiles and runs, too.
#[cfg(doctest)]
mod guides {
    #[doc = include_str!("../../../README.md")]
    struct Readme;
    #[doc = include_str!("../../../docs/memory-strategies.md")]
    struct MemoryStrategies;
    #[doc = include_str!("../../../docs/migrating.md")]
    struct Migrating;
    #[doc = include_str!("../../../docs/patterns.md")]
    struct Patterns;
    #[doc = include_str!("../../../docs/security.md")]
    struct Security;
    #[doc = include_str!("../../../docs/tuning.md")]
    struct Tuning;
}
