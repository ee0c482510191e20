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
//! | want | types |
//! |---|---|
//! | ask and answer, by turns | [`Req`], [`Rep`]; [`Requester`] asks again |
//! | ask and answer freely; address peers by name | [`Dealer`], [`Router`] |
//! | tell everyone who subscribed | [`Pub`], [`Sub`] |
//! | see or forward subscriptions | [`XPub`], [`XSub`] |
//! | spread work, collect results | [`Push`], [`Pull`] |
//! | two threads, both ways | [`Pair`] |
//! | peers that speak plain TCP | [`Stream`] |
//! | libzmq's drafts | [`Client`], [`Server`], [`Radio`], [`Dish`], [`Scatter`], [`Gather`], [`Channel`], [`Peer`] |
//! | a type that is known at run time | [`Socket`] |
//!
//! A type has the verbs and options of its kind: a [`Push`] cannot receive. Calls block as long as the socket's time-outs say
//! (for ever by default); those that begin with `try_` never do; those that end in `_async` are awaited, under any
//! executor, and may be dropped at any point. Errors are one small enum an operation, those of sends hold the message, and
//! [`Error`] takes them all. Peers' faults are never among them.
//!
//! # A sample for each
//!
//! ## Spread work, collect results
//!
//! Each message goes to one peer, in turn. With nobody there, or all queues full, the sender waits.
//!
//! ```
//! # let context = netzmq::Context::new();
//! let sink = context.pull().bind("inproc://results")?;
//! let tasks = context.push().send_hwm(100).bind("inproc://tasks")?;
//! let worker = || -> Result<(), netzmq::Error> {
//!     let (input, output) = (context.pull().connect("inproc://tasks")?, context.push().connect("inproc://results")?);
//!     Ok(output.send(format!("{} is done", String::from_utf8_lossy(&input.recv()?)))?)
//! };
//! std::thread::scope(|scope| {
//!     scope.spawn(worker);
//!     tasks.send("the washing up")?;
//!     assert_eq!(sink.recv()?, "the washing up is done");
//!     Ok::<(), netzmq::Error>(())
//! })?;
//! # Ok::<(), netzmq::Error>(())
//! ```
//!
//! ## Publish and subscribe
//!
//! ```
//! # let context = netzmq::Context::new();
//! let publisher = context.xpub().bind("tcp://127.0.0.1:*")?; // a Pub that sees who comes
//! let subscriber = context.subscriber().subscribe("weather.").connect(publisher.endpoint())?;
//! assert_eq!(publisher.recv()?, "\x01weather."); // what is sent before this is for nobody
//! publisher.send_multipart(["sports.oslo", "skiing"])?; // not even sent
//! publisher.send_multipart(["weather.oslo", "snow"])?;
//! let message = subscriber.recv_multipart()?;
//! let [topic, text] = &message[..] else { panic!("two parts were sent") };
//! assert!(*topic == "weather.oslo" && *text == "snow");
//! # Ok::<(), netzmq::Error>(())
//! ```
//!
//! ## A service with many clients
//!
//! ```
//! # let context = netzmq::Context::new();
//! let service = context.router().bind("tcp://127.0.0.1:*")?;
//! let client = context.dealer().routing_id("ada").connect(service.endpoint())?;
//! client.send_multipart(["question 1", "why?"])?;
//! client.send_multipart(["question 2", "how?"])?; // without waiting for the first answer
//! let (first, _) = service.recv_request()?;
//! let (second, question) = service.recv_request()?;
//! assert!(*second.routing_id() == "ada" && question[0] == "question 2");
//! service.reply_to(&second, ["answer 2", "so"])?; // in any order
//! service.reply_to(&first, ["answer 1", "because"])?;
//! assert_eq!(client.recv_multipart()?, ["answer 2", "so"]);
//! # Ok::<(), netzmq::Error>(())
//! ```
//!
//! ## Two threads
//!
//! ```
//! # let context = netzmq::Context::new();
//! let (ours, theirs) = (context.pair().bind("inproc://talk")?, context.pair().connect("inproc://talk")?);
//! let other = std::thread::spawn(move || theirs.send(theirs.recv()?).map_err(netzmq::Error::from));
//! ours.send("ping")?;
//! assert_eq!(ours.recv()?, "ping");
//! # other.join().expect("no panic")?;
//! # Ok::<(), netzmq::Error>(())
//! ```
//!
//! ## Awaited
//!
//! ```
//! # futures_lite::future::block_on(async { // tokio and smol do as well
//! # let context = netzmq::Context::new();
//! let pull = context.pull().bind("tcp://127.0.0.1:*")?;
//! let push = context.push().connect(pull.endpoint())?;
//! push.send_async("hello").await?;
//! assert_eq!(pull.recv_async().await?, "hello");
//! # Ok::<(), netzmq::Error>(()) }).unwrap();
//! ```
//!
//! ## Memory
//!
//! ```
//! # let context = netzmq::Context::new();
//! # let pull = context.pull().bind("inproc://memory")?;
//! # let push = context.push().connect("inproc://memory")?;
//! let mut buffer = netzmq::MessagePool::shared().rent(64 * 1024); // pooled, writable, returns by itself
//! buffer.fill(7);
//! push.send(buffer)?; // not copied
//! push.send(vec![8; 100_000])?; // neither
//! assert_eq!(pull.recv()?.len(), 64 * 1024);
//! # Ok::<(), netzmq::Error>(())
//! ```
//!
//! ## Peers that speak plain TCP
//!
//! ```
//! # use std::io::{Read, Write};
//! # let context = netzmq::Context::new();
//! let server = context.stream().bind("tcp://127.0.0.1:*")?;
//! let address = server.endpoint().replace("tcp://", "");
//! let mut browser = std::net::TcpStream::connect(address).unwrap(); // anything that is not ZeroMQ
//! let hello = server.recv_multipart()?; // who, and an empty part: somebody came
//! browser.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
//! let request = server.recv_multipart()?; // who, and bytes as they came
//! assert!(hello[0] == request[0] && request[1].starts_with(b"GET /"));
//! server.send_multipart([&request[0][..], b"HTTP/1.0 204 No Content\r\n\r\n"])?;
//! server.send_multipart([&request[0][..], b""])?; // an empty part hangs up
//! let mut answer = String::new();
//! browser.read_to_string(&mut answer).unwrap();
//! assert!(answer.starts_with("HTTP/1.0 204"));
//! # Ok::<(), netzmq::Error>(())
//! ```
//!
//! ## libzmq's drafts
//!
//! Messages of one part, and numbers or groups where the older types have parts for that.
//!
//! ```
//! use netzmq::Dish;
//! # let context = netzmq::Context::new();
//! let server = context.server().bind("tcp://127.0.0.1:*")?;
//! let client = context.client().connect(server.endpoint())?;
//! client.send("question")?;
//! let question = server.recv()?;
//! server.send_to(question.routing_id(), "answer")?;
//! assert_eq!(client.recv()?, "answer");
//!
//! let dish = context.dish().join("weather").bind("tcp://127.0.0.1:*")?;
//! let radio = context.radio().connect(dish.endpoint())?;
//! while !dish.can_recv() {
//!     radio.send_to("weather", "snow")?; // for nobody until the join has arrived
//! }
//! let news = dish.recv()?;
//! assert!(news == "snow" && Dish::group(&news) == "weather");
//!
//! let gather = context.gather().bind("inproc://work")?; // PULL and PUSH without parts
//! context.scatter().connect("inproc://work")?.send("a task")?;
//! assert_eq!(gather.recv()?, "a task");
//! # Ok::<(), netzmq::Error>(())
//! ```
//!
//! # Where to go next
//!
//! [`SocketBuilder`] has the options, [`Multipart`] messages of several parts, [`MessagePool`] the memory, [`Poller`]
//! waits for many sockets, [`Monitor`] tells of connections, [`SocketStats`] and [`ContextStats`] count, [`Proxy`] joins two
//! sockets, [`Security`] keeps strangers out.
//!
//! # Features
//!
//! None is on by default; none changes what is there without it.
//!
//! | feature | adds |
//! |---|---|
//! | `futures` | sockets as `Stream` and `Sink`: `Incoming`, `Outgoing` |
//! | `tracing` | an event (debug level, target `netzmq`) for all that monitors are told, in spans of its context, socket and connection |
//! | `metrics` | `ContextStats::record`, for the `metrics` facade |
//! | `wss` | the transport `wss` (WebSockets over TLS) and its options |
//! | `bytes` | `bytes::Bytes` to and from messages, without a copy |
//!
//! The repository has guides (`docs/`: patterns, memory strategies, tuning, security, migrating from libzmq), runnable
//! examples (`crates/netzmq/examples`) and the map of the inside (`ARCHITECTURE.md`).

// One room may: `transport/sys.rs` says why.
#![deny(unsafe_code)]
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
mod gathering;
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
mod spans;
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
