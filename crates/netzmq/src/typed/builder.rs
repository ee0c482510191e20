//! A typed socket before its first endpoint: options, then `bind`, `connect` or `open`.
//!
//! The options that all types have come from the one table in `options.rs`; those of some types are listed here, and only
//! those types have them. A value that makes no sense is told of at the end, by whoever makes the socket.

use std::marker::PhantomData;
use std::time::Duration;

use super::{
    Channel, Client, Dealer, Dish, Gather, Pair, Peer, Pub, Pull, Push, Radio, Rep, Req, Router, Scatter,
    Server, Stream, Sub, TypedSocket, XPub, XSub,
};
use crate::ToEndpoint;
use crate::context::Context;
use crate::error::{OpenError, OptionError};
use crate::options::{SocketOptions, check_routing_id};

/// Makes a typed socket. From [`Context::push`] and its like.
///
/// ```
/// use std::time::Duration;
/// use netzmq::{Context, RecvError};
/// let context = Context::new();
/// let pull = context
///     .pull()
///     .recv_hwm(10)
///     .recv_timeout(Duration::from_millis(1)) // and `None` is for ever
///     .bind("tcp://127.0.0.1:*")?;
/// assert_eq!(pull.recv().unwrap_err(), RecvError::WouldBlock);
/// # Ok::<(), netzmq::Error>(())
/// ```
///
/// Options of other types are not there:
/// ```compile_fail,E0599
/// netzmq::Context::new().push().recv_hwm(10);
/// ```
#[derive(Debug)]
#[must_use = "no socket is made before `bind`, `connect` or `open`"]
pub struct SocketBuilder<S> {
    context: Context,
    options: SocketOptions,
    topics: Vec<Vec<u8>>,
    /// The first value that made no sense.
    error: Option<OptionError>,
    made: PhantomData<fn() -> S>,
}

impl<S> Clone for SocketBuilder<S> {
    fn clone(&self) -> SocketBuilder<S> {
        SocketBuilder {
            context: self.context.clone(),
            options: self.options.clone(),
            topics: self.topics.clone(),
            error: self.error.clone(),
            made: PhantomData,
        }
    }
}

impl<S: TypedSocket> SocketBuilder<S> {
    pub(super) fn new(context: &Context) -> SocketBuilder<S> {
        SocketBuilder {
            context: context.clone(),
            options: SocketOptions::clone(&context.handle.inner.default_options),
            topics: Vec::new(),
            error: None,
            made: PhantomData,
        }
    }

    /// Makes the socket, with no endpoint yet.
    ///
    /// # Errors
    /// An option has a value that makes no sense, there are too many sockets, or the context was terminated.
    pub fn open(self) -> Result<S, OpenError> {
        if let Some(error) = self.error {
            return Err(error.into());
        }
        check_routing_id(&self.options.routing_id, true)?;
        let socket = self.context.socket(S::TYPE)?;
        let options = self.options;
        socket.change_options(|current| *current = options)?;
        for topic in self.topics {
            socket.subscribe(topic)?;
        }
        Ok(S::wrap(socket))
    }

    /// Makes the socket and binds it; [`endpoint`](Push::endpoint) tells where, wildcards resolved.
    ///
    /// # Errors
    /// As [`open`](SocketBuilder::open); or not an endpoint, in use, refused by the system.
    pub fn bind(self, endpoint: impl ToEndpoint) -> Result<S, OpenError> {
        let socket = self.open()?;
        socket.as_ref().bind(&endpoint.to_endpoint())?;
        Ok(socket)
    }

    /// Makes the socket and connects it, now or as soon as somebody is there. Returns at once.
    ///
    /// # Errors
    /// As [`open`](SocketBuilder::open); or not an endpoint that one can connect to.
    pub fn connect(self, endpoint: impl ToEndpoint) -> Result<S, OpenError> {
        let socket = self.open()?;
        socket.as_ref().connect(&endpoint.to_endpoint())?;
        Ok(socket)
    }
}

impl<S> SocketBuilder<S> {
    pub(crate) fn with(
        mut self,
        check: Result<(), OptionError>,
        change: impl FnOnce(&mut SocketOptions),
    ) -> SocketBuilder<S> {
        match check {
            Ok(()) => change(&mut self.options),
            Err(error) => self.error = self.error.or(Some(error)),
        }
        self
    }
}

/// Options of some types: which types, then the method, its argument and the field.
macro_rules! options_of {
    ($(
        [$($socket:ident)*]
        $(#[$doc:meta])*
        $method:ident: $type:ty = $($field:ident).+;
    )*) => {
        $( options_of!(@each [$(#[$doc])*] $method [$type] [$($field).+] $($socket)*); )*
    };
    (@each $doc:tt $method:ident $type:tt $field:tt $($socket:ident)*) => {
        $( options_of!(@one $doc $method $type $field $socket); )*
    };
    (@one [$(#[$doc:meta])*] $method:ident [$type:ty] [$($field:ident).+] $socket:ident) => {
        impl SocketBuilder<$socket> {
            $(#[$doc])*
            pub fn $method(mut self, value: $type) -> Self {
                self.options.$($field).+ = value.into();
                self
            }
        }
    };
}

options_of! {
    [Push Pub XPub XSub Req Rep Dealer Router Pair Stream Client Server Peer Radio Scatter Channel]
    /// At most so many messages wait to be sent, for each peer. 0: no limit. Default 1000.
    send_hwm: usize = send_hwm;
    [Push Pub XPub XSub Req Dealer Router Pair Stream Client Server Peer Radio Scatter Channel]
    /// How long a blocking send waits for room. `None`: for ever (the default). Zero: not at all.
    send_timeout: impl Into<Option<Duration>> = send_timeout;
    [Pull Sub XPub XSub Req Rep Dealer Router Pair Stream Client Server Peer Dish Gather Channel]
    /// At most so many received messages wait to be taken, for each peer, while the application is not receiving.
    /// 0: no limit. Default 1000.
    recv_hwm: usize = recv_hwm;
    [Pull Sub XPub XSub Req Rep Dealer Router Pair Stream Client Server Peer Dish Gather Channel]
    /// How long a blocking receive waits. `None`: for ever (the default). Zero: not at all.
    recv_timeout: impl Into<Option<Duration>> = recv_timeout;
    [Push Pull Pub Sub Dealer]
    /// Keep only the newest message of each peer. Single-part messages only. Default off.
    conflate: bool = conflate;
    [Req Dealer Router]
    /// The name under which ROUTER peers know this socket, at most 255 bytes, not beginning with a zero byte. Empty:
    /// they give it one (the default).
    routing_id: impl Into<Vec<u8>> = routing_id;
    [Req Dealer Router]
    /// Greet every new connection with an empty message, so that a ROUTER there learns of this socket. Default off.
    probe_router: bool = pattern.probe_router;
    [Req]
    /// Requests carry a number, and only the reply with the same number is taken. Default off.
    correlate: bool = pattern.req_correlate;
    [Req]
    /// A new request may be sent before the reply to the last one, which is then no longer wanted. Default off.
    relaxed: bool = pattern.req_relaxed;
    [Router]
    /// Sending to an unknown peer is an error instead of a silent drop, and sending to a full one waits. Default off.
    mandatory: bool = pattern.router_mandatory;
    [Router]
    /// A newcomer with a routing id in use takes it over. Default off: the newcomer is refused.
    handover: bool = pattern.router_handover;
    [XPub]
    /// Show every subscription, not just the first of a topic. Default off.
    verbose: bool = pattern.xpub_verbose;
    [XPub]
    /// Show every subscription and every cancellation. Default off.
    verboser: bool = pattern.xpub_verboser;
    [XPub]
    /// The application decides what is subscribed, by `subscribe` and `unsubscribe` on this socket. Default off.
    manual: bool = pattern.xpub_manual;
    [Pub XPub]
    /// Wait for (or report) full subscribers instead of passing over them. Default off.
    nodrop: bool = pattern.xpub_nodrop;
    [Pub XPub]
    /// Sent to every new subscriber.
    welcome: impl Into<Option<Vec<u8>>> = pattern.xpub_welcome;
    [Pub XPub Sub]
    /// A message goes to those who did *not* subscribe to it. Both ends must agree. Default off.
    invert_matching: bool = pattern.invert_matching;
    [Stream]
    /// An empty message tells of each connect and disconnect. Default on.
    notify: bool = pattern.stream_notify;
}

impl SocketBuilder<Sub> {
    /// Receives messages that begin with `topic`, which may be empty. May be given more than once.
    pub fn subscribe(mut self, topic: impl Into<Vec<u8>>) -> Self {
        self.topics.push(topic.into());
        self
    }
}

impl SocketBuilder<Dish> {
    /// Joins a group of 1 to 255 bytes. May be given more than once.
    pub fn join(mut self, group: impl Into<Vec<u8>>) -> Self {
        self.topics.push(group.into());
        self
    }
}
