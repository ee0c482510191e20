//! Sockets whose types say what they can do: `Push` has no `recv`.
//!
//! Each is a [`Socket`] of one type behind the verbs that this type has, and nothing else: no second way of sending or
//! receiving, no state of its own. What is the same for all is written once, in [`verbs`]; options before the first
//! bind or connect are the [`builder`]'s.
//!
//! Why no `Deref` to [`Socket`]: it would bring back the verbs that are left out. `AsRef<Socket>` is there for pollers,
//! proxies and whatever is set rarely; a verb of another type called through it is an error at run time.

mod builder;
mod dialogue;
mod groups;
mod numbered;
mod requester;
mod routed;
mod split;
mod verbs;

use netzmq_proto::SocketType;

pub use builder::SocketBuilder;
pub use dialogue::Request;
pub use requester::{RequestError, Requester, RequesterBuilder};
pub use routed::Envelope;
pub use split::{RecvHalf, SendHalf};

use self::verbs::{verbs, wrapper};
use crate::context::Context;
use crate::socket::Socket;

pub(crate) mod sealed {
    use crate::socket::Socket;

    /// Made by the context, and nobody else.
    pub trait Wrap {
        #[doc(hidden)]
        fn wrap(socket: Socket) -> Self;
    }
}

/// A socket with a type of its own, such as [`Push`]. For code that is generic over them; nothing else implements it.
pub trait TypedSocket: AsRef<Socket> + Into<Socket> + sealed::Wrap {
    /// Which one it is.
    const TYPE: SocketType;
}

/// Types that send whole messages of their own choosing (REP, which answers, is none of them).
pub trait SendSocket: TypedSocket {}

/// Types that receive.
pub trait RecvSocket: TypedSocket {}

/// Types that do both, each whenever it likes, and can therefore be [split](SendHalf).
pub trait DuplexSocket: SendSocket + RecvSocket {}

macro_rules! sockets {
    ($($(#[$doc:meta])* $name:ident, $(#[$make:meta])* $maker:ident: $($verb:ident)*;)*) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name {
                pub(super) socket: Socket,
            }

            wrapper!($name);
            verbs!(common $name);
            $( verbs!($verb $name); )*
        )*

        /// Sockets by type, to be given options and then bound or connected.
        impl Context {
            $(
                $(#[$make])*
                pub fn $maker(&self) -> SocketBuilder<$name> {
                    SocketBuilder::new(self)
                }
            )*
        }
    };
}

sockets! {
    /// Hands out work: each message goes to one of its peers, in turn, among those that have room. Waits when none has.
    ///
    /// ```
    /// let context = netzmq::Context::new();
    /// let pull = context.pull().bind("tcp://127.0.0.1:*")?;
    /// let push = context.push().connect(pull.endpoint())?;
    /// push.send("a task")?;
    /// assert_eq!(pull.recv()?, "a task");
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    ///
    /// It cannot receive:
    /// ```compile_fail,E0599
    /// let push = netzmq::Context::new().push().open()?;
    /// push.recv()?;
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    Push,
    /// Hands out work. See [`Push`].
    push: send parts;

    /// Takes work: from all its peers in fair turn.
    Pull,
    /// Takes work. See [`Pull`].
    pull: recv;

    /// Tells everyone who subscribed. Passes over those that are at their high-water mark; never waits.
    ///
    /// ```
    /// # let context = netzmq::Context::new();
    /// let publisher = context.publisher().bind("inproc://weather")?;
    /// let subscriber = context.subscriber().subscribe("oslo").connect("inproc://weather")?;
    /// while publisher.topics() == 0 {
    ///     std::thread::yield_now(); // what is sent before a subscription has arrived is for nobody
    /// }
    /// publisher.send_multipart(["oslo", "snow"])?;
    /// assert_eq!(subscriber.recv_multipart()?, ["oslo", "snow"]);
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    Pub,
    /// Tells everyone who subscribed. See [`Pub`].
    publisher: send parts topics;

    /// Receives what it subscribed to.
    Sub,
    /// Receives what it subscribed to. See [`Sub`].
    subscriber: recv subscribe topics;

    /// A [`Pub`] that receives its subscriptions as messages: a byte 1 (or 0, a cancellation), then the topic.
    XPub,
    /// A publisher that sees its subscriptions. See [`XPub`].
    xpub: send recv parts duplex subscribe topics;

    /// A [`Sub`] whose subscriptions are messages, and which filters nothing.
    XSub,
    /// A subscriber whose subscriptions are messages. See [`XSub`].
    xsub: send recv parts duplex topics;

    /// Asks, then waits for the reply, by turns: sending twice, or receiving first, is `WrongState`. [`Requester`] adds
    /// time-outs and retries.
    ///
    /// [`Requester`]: crate::Requester
    Req,
    /// Asks, and waits for the reply. See [`Req`].
    req: send recv parts;

    /// Answers. What it receives is a [`Request`], which is the only way to answer: a reply before a request, or a
    /// second one, does not compile.
    ///
    /// ```
    /// # let context = netzmq::Context::new();
    /// let mut rep = context.rep().bind("inproc://echo")?;
    /// let req = context.req().connect("inproc://echo")?;
    /// req.send("hello")?;
    /// let request = rep.recv()?;
    /// assert_eq!(*request, "hello");
    /// request.reply("hi")?;
    /// assert_eq!(req.recv()?, "hi");
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    ///
    /// ```compile_fail,E0599
    /// # let context = netzmq::Context::new();
    /// let rep = context.rep().bind("inproc://echo")?;
    /// rep.send("nobody has asked")?;
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    ///
    /// ```compile_fail,E0499
    /// # let context = netzmq::Context::new();
    /// let mut rep = context.rep().bind("inproc://echo")?;
    /// let first = rep.recv()?;
    /// let second = rep.recv()?; // not before the first is answered, or dropped
    /// first.reply("late")?;
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    Rep,
    /// Answers. See [`Rep`].
    rep: ;

    /// Sends to its peers in turn, receives from all in fair turn, without taking turns between the two.
    Dealer,
    /// Asks and answers without taking turns. See [`Dealer`].
    dealer: send recv parts duplex;

    /// Addresses each peer by its routing id: the first part of what it receives, and of what it sends.
    /// [`recv_request`](Router::recv_request) and [`reply_to`](Router::reply_to) take care of envelopes.
    Router,
    /// Addresses each peer by its routing id. See [`Router`].
    router: send recv parts duplex;

    /// One peer, both ways. Meant for two threads, over `inproc`.
    Pair,
    /// One peer, both ways. See [`Pair`].
    pair: send recv parts duplex;

    /// Talks to peers that do not speak ZeroMQ, over TCP: messages are a routing id and bytes as they come.
    Stream,
    /// Talks to peers that do not speak ZeroMQ. See [`Stream`].
    stream: send recv parts duplex;

    /// Draft: asks a [`Server`] without taking turns. One part a message.
    Client,
    /// Draft. See [`Client`].
    client: send recv duplex;

    /// Draft: answers [`Client`]s, by their numbers. One part a message.
    ///
    /// ```
    /// # let context = netzmq::Context::new();
    /// let server = context.server().bind("inproc://numbers")?;
    /// let client = context.client().connect("inproc://numbers")?;
    /// client.send("hello")?;
    /// let question = server.recv()?;
    /// server.send_to(question.routing_id(), "hi")?;
    /// assert_eq!(client.recv()?, "hi");
    /// # Ok::<(), netzmq::Error>(())
    /// ```
    Server,
    /// Draft. See [`Server`].
    server: recv;

    /// Draft: a [`Server`] that also connects.
    Peer,
    /// Draft. See [`Peer`].
    peer: recv;

    /// Draft: publishes to groups. One part a message.
    Radio,
    /// Draft. See [`Radio`].
    radio: ;

    /// Draft: receives what is published to the groups that it joined.
    Dish,
    /// Draft. See [`Dish`].
    dish: recv;

    /// Draft: a [`Push`] of one part a message.
    Scatter,
    /// Draft. See [`Scatter`].
    scatter: send;

    /// Draft: a [`Pull`] of one part a message.
    Gather,
    /// Draft. See [`Gather`].
    gather: recv;

    /// Draft: a [`Pair`] of one part a message.
    Channel,
    /// Draft. See [`Channel`].
    channel: send recv duplex;
}
