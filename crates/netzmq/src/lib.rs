//! ZeroMQ in Rust, with message memory inside the engine.
//!
//! ```
//! use netzmq::Context;
//!
//! let context = Context::new();
//! let mut rep = context.rep().bind("tcp://127.0.0.1:*")?; // options are methods before `bind`
//! let req = context.req().connect(rep.endpoint())?;
//! req.send("hello")?; // &str, &[u8], Vec<u8>, Message, …; an error gives it back
//! let question = rep.recv()?; // reads as a Message: &question[..]
//! question.reply("world")?; // only a question can be answered, and only once
//! assert_eq!(req.recv()?, "world");
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
#![deny(missing_docs)]

mod allow_list;
mod connection;
mod context;
mod deadline;
mod endpoint;
mod engine;
mod error;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod inproc;
mod monitor;
mod multipart;
mod options;
mod patterns;
mod pipe;
mod poller;
mod proxy;
#[doc(hidden)]
pub mod raw;
mod socket;
mod stats;
#[cfg(feature = "futures")]
mod streams;
mod sync;
mod transport;
mod typed;
mod zap;

pub use allow_list::AllowList;
pub use context::{Context, ContextBuilder};
pub use endpoint::ToEndpoint;
pub use error::{
    EndpointError, Error, OpenError, OptionError, RecvError, SendError, SendFailure, SendMultipartError,
    SocketError,
};
pub use monitor::{EventKind, Monitor, MonitorEvent};
pub use multipart::{IntoParts, Multipart};
pub use netzmq_memory as memory;
pub use netzmq_memory::{Message, MessagePool, PooledBuffer};
pub use netzmq_proto as proto;
pub use netzmq_proto::{Endpoint, SocketType, ZapReply, ZapRequest};
pub use options::{ReceiveMemory, Security};
pub use poller::{Interest, Poller, Readiness};
pub use proxy::{Proxy, ProxyStatistics};
pub use socket::{Payload, Received, Socket};
pub use stats::{Blocker, Connections, ContextStats, Drops, PeerStats, SocketStats, Traffic};
#[cfg(feature = "futures")]
pub use streams::{Incoming, Outgoing};
pub use typed::{
    Channel, Client, Dealer, Dish, DuplexSocket, Envelope, Gather, Pair, Peer, Pub, Pull, Push, Radio,
    RecvHalf, RecvSocket, Rep, Req, Request, RequestError, Requester, RequesterBuilder, Router, Scatter,
    SendHalf, SendSocket, Server, SocketBuilder, Stream, Sub, TypedSocket, XPub, XSub,
};

/// The futures of a socket's awaited operations.
pub mod futures {
    pub use crate::socket::futures::{Recv, RecvMultipart, Send, SendMultipart};
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
