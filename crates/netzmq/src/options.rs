//! What a socket can be told: one table of settings, with types, units and defaults.
//!
//! A connection is made with the settings of the moment of its `bind` or `connect`, as in libzmq; high-water marks,
//! time-outs and the rules of the patterns act at once. Every option acts or is refused: none is accepted and ignored.

mod peer_limits;

use std::sync::Arc;
use std::time::Duration;

use netzmq_memory::{Message, MessagePool};
use netzmq_proto::{CurvePublicKey, CurveSecretKey, Password, SocketType};

use self::peer_limits::PeerLimits;
use crate::error::OptionError;
use crate::patterns::PatternOptions;
use crate::socket::Socket;
use crate::transport::socks::Proxy;
use crate::transport::tcp::TcpOptions;
use crate::transport::tls::TlsOptions;
use crate::typed::SocketBuilder;

/// How the two ends of a connection assure each other who they are.
///
/// ```
/// use netzmq::{Context, Security, ZapReply, ZapRequest};
/// use netzmq::proto::{ZapCredentials, ZapStatus};
/// let context = Context::new();
/// context.set_authenticator(Some(|request: &ZapRequest| match &request.credentials {
///     ZapCredentials::Plain { username, password } if username == b"ada" && password == "secret" => {
///         ZapReply::accept("ada")
///     }
///     _ => ZapReply::refuse(ZapStatus::Denied, "no"),
/// }));
/// let pull = context.pull().security(Security::PlainServer).bind("tcp://127.0.0.1:*")?;
/// let ada = Security::PlainClient { username: "ada".into(), password: "secret".into() };
/// let push = context.push().security(ada).connect(pull.endpoint())?;
/// push.send("let in")?;
/// assert_eq!(pull.recv()?, "let in");
/// # Ok::<(), netzmq::Error>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Security {
    /// No authentication (the mechanism NULL).
    #[default]
    Null,
    /// This side checks names and passwords (RFC 24).
    PlainServer,
    /// This side shows a name and a password. At most 255 bytes each; they travel in clear text.
    PlainClient {
        /// The name.
        username: String,
        /// The password.
        password: Password,
    },
    /// This side proves to own a key, encrypts, and learns the client's key (RFC 26).
    CurveServer {
        /// The key whose public half the clients know.
        secret_key: CurveSecretKey,
    },
    /// This side insists on a server's key, proves to own its own, and encrypts.
    CurveClient {
        /// The server's public key.
        server_key: CurvePublicKey,
        /// This side's public key.
        public_key: CurvePublicKey,
        /// The secret key that belongs to it.
        secret_key: CurveSecretKey,
    },
}

impl Security {
    pub(crate) fn is_curve(&self) -> bool {
        matches!(self, Security::CurveServer { .. } | Security::CurveClient { .. })
    }
}

/// Where the bodies of received messages get their memory, beyond what fits into a [`Message`](crate::Message) itself.
///
/// Nothing that is received ever pins the chunk that it was read in: a body of less than 32 KiB is copied out of it,
/// into memory of its own size class, a larger one is read by the kernel straight into memory of its own. A message that
/// is kept therefore holds at most twice its size (rounded up to a power of two, and no less than 64 bytes), and exactly
/// its size from 4 MiB up or with [`ReceiveMemory::Heap`].
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum ReceiveMemory {
    /// [`MessagePool::shared`](crate::MessagePool::shared): no allocation once it is warm (the default).
    #[default]
    Shared,
    /// A pool of one's own, with its own bounds: its byte budget, its maximum of each class, its statistics.
    Pool(MessagePool),
    /// A fresh `Vec` for each body.
    Heap,
}

impl ReceiveMemory {
    /// A message of these bytes.
    pub(crate) fn copy(&self, bytes: &[u8]) -> Message {
        match self {
            ReceiveMemory::Pool(pool) if bytes.len() > Message::INLINE_MAX => pool.rent_copy(bytes).freeze(),
            ReceiveMemory::Heap if bytes.len() > Message::INLINE_MAX => Message::from(bytes.to_vec()),
            _ => Message::copy_from_slice(bytes),
        }
    }
}

/// Never shows a secret.
impl std::fmt::Debug for Security {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Security::Null => "Null",
            Security::PlainServer => "PlainServer",
            Security::PlainClient { .. } => "PlainClient { .. }",
            Security::CurveServer { .. } => "CurveServer { .. }",
            Security::CurveClient { .. } => "CurveClient { .. }",
        })
    }
}

/// All settings of a socket.
#[derive(Debug, Clone)]
pub(crate) struct SocketOptions {
    pub(crate) send_hwm: usize,
    pub(crate) recv_hwm: usize,
    pub(crate) send_timeout: Option<Duration>,
    pub(crate) recv_timeout: Option<Duration>,
    pub(crate) linger: Option<Duration>,
    pub(crate) immediate: bool,
    pub(crate) conflate: bool,
    pub(crate) routing_id: Vec<u8>,
    pub(crate) connect_routing_id: Option<Vec<u8>>,
    pub(crate) reconnect_interval: Option<Duration>,
    pub(crate) reconnect_interval_max: Duration,
    pub(crate) connect_timeout: Duration,
    pub(crate) handshake_timeout: Duration,
    pub(crate) heartbeat_interval: Duration,
    pub(crate) heartbeat_ttl: Duration,
    pub(crate) heartbeat_timeout: Option<Duration>,
    pub(crate) max_message_size: Option<u64>,
    pub(crate) limits: PeerLimits,
    /// The I/O threads that connections may go to, a bit each; 0: any.
    pub(crate) affinity: u64,
    /// At most so many bytes are read, and written, at a time; 0: as many as are worth while.
    pub(crate) in_batch: usize,
    pub(crate) out_batch: usize,
    pub(crate) security: Security,
    pub(crate) socks: Proxy,
    /// Which failures end the attempts to connect: see `STOP_*` in `engine::session`.
    pub(crate) reconnect_stop: u8,
    /// Sent to every new peer; empty: nothing.
    pub(crate) hello: Vec<u8>,
    /// Received as the last message of a peer that connected here and left; empty: nothing.
    pub(crate) farewell: Vec<u8>,
    /// Received when a connection that this side made is lost; empty: nothing.
    pub(crate) hiccup: Vec<u8>,
    pub(crate) zap_domain: String,
    pub(crate) zap_enforce_domain: bool,
    pub(crate) metadata: Vec<(String, Vec<u8>)>,
    pub(crate) receive_memory: ReceiveMemory,
    pub(crate) tcp: TcpOptions,
    pub(crate) tls: TlsOptions,
    pub(crate) pattern: PatternOptions,
}

impl Default for SocketOptions {
    fn default() -> SocketOptions {
        SocketOptions {
            send_hwm: 1000,
            recv_hwm: 1000,
            send_timeout: None,
            recv_timeout: None,
            linger: None,
            immediate: false,
            conflate: false,
            routing_id: Vec::new(),
            connect_routing_id: None,
            reconnect_interval: Some(Duration::from_millis(100)),
            reconnect_interval_max: Duration::ZERO,
            connect_timeout: Duration::ZERO,
            handshake_timeout: Duration::from_secs(30),
            heartbeat_interval: Duration::ZERO,
            heartbeat_ttl: Duration::ZERO,
            heartbeat_timeout: None,
            max_message_size: None,
            limits: PeerLimits::default(),
            affinity: 0,
            in_batch: 0,
            out_batch: 0,
            security: Security::Null,
            socks: Proxy::default(),
            reconnect_stop: 0,
            hello: Vec::new(),
            farewell: Vec::new(),
            hiccup: Vec::new(),
            zap_domain: String::new(),
            zap_enforce_domain: false,
            metadata: Vec::new(),
            receive_memory: ReceiveMemory::Shared,
            tls: TlsOptions::default(),
            tcp: TcpOptions {
                backlog: 100,
                multicast_hops: 1,
                multicast_loop: true,
                ..TcpOptions::default()
            },
            pattern: PatternOptions::default(),
        }
    }
}

impl SocketOptions {
    /// The name for the next connection's peer, which only that one has. Others who share the options keep theirs.
    pub(crate) fn take_connect_id(this: &mut Arc<SocketOptions>) -> Option<Vec<u8>> {
        this.connect_routing_id.as_ref()?;
        Arc::make_mut(this).connect_routing_id.take()
    }

    /// `farewell`, for the types that have a use for it (libzmq's list).
    pub(crate) fn farewell_for(&self, socket_type: SocketType) -> Option<Message> {
        use SocketType::{Peer, Router, Server};
        let wanted = matches!(socket_type, Router | Server | Peer) && !self.farewell.is_empty();
        wanted.then(|| Message::copy_from_slice(&self.farewell))
    }

    /// `hiccup`, likewise.
    pub(crate) fn hiccup_for(&self, socket_type: SocketType) -> Option<Message> {
        use SocketType::{Client, Dealer, Peer};
        let wanted = matches!(socket_type, Client | Dealer | Peer) && !self.hiccup.is_empty();
        wanted.then(|| Message::copy_from_slice(&self.hiccup))
    }

    /// `conflate`, for the types that have a use for it (libzmq's list).
    pub(crate) fn conflates(&self, socket_type: SocketType) -> bool {
        use SocketType::{Dealer, Pub, Pull, Push, Sub};
        self.conflate && matches!(socket_type, Dealer | Pub | Pull | Push | Sub)
    }
}

/// Longest heartbeat time to live that ZMTP can say: 6553.5 s.
const TTL_MAX: Duration = Duration::from_millis(6_553_500);

macro_rules! options {
    ($(
        $(#[$doc:meta])*
        $name:ident, $set:ident: $type:ty = $($field:ident).+ $(, check $check:expr)?;
    )*) => {
        /// Options. A setter returns an error if the value makes no sense; the message says what would.
        impl Socket {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                /// The value is out of range, or the socket is closed.
                pub fn $set(&self, value: $type) -> Result<(), OptionError> {
                    $( { let check: fn(&$type) -> Result<(), OptionError> = $check; check(&value)?; } )?
                    self.change_options(|options| options.$($field).+ = value)
                }

                #[doc = concat!("What [`Socket::", stringify!($set), "`] sets.")]
                #[must_use]
                pub fn $name(&self) -> $type {
                    self.read_options(|options| options.$($field).+.clone())
                }
            )*
        }
    };
}

/// The same entries once more, for those that every type has: by value, before the socket is made.
macro_rules! builder_options {
    ($(
        $(#[$doc:meta])*
        $name:ident, $set:ident: $type:ty = $($field:ident).+ $(, check $check:expr)?;
    )*) => {
        /// Options that every type has.
        impl<S> SocketBuilder<S> {
            $(
                $(#[$doc])*
                pub fn $name(self, value: impl Into<$type>) -> SocketBuilder<S> {
                    let value = value.into();
                    let checks: &[fn(&$type) -> Result<(), OptionError>] = &[$($check)?];
                    let outcome = checks.iter().try_for_each(|check| check(&value));
                    self.with(outcome, |options| options.$($field).+ = value)
                }
            )*
        }
    };
}

macro_rules! options_of_all {
    ($($entries:tt)*) => {
        options! { $($entries)* }
        builder_options! { $($entries)* }
    };
}

options_of_all! {
    /// How long unsent messages are kept after the socket is closed. `None`: until they are sent, for ever if need be
    /// (the default, as in libzmq). Zero: they are dropped at once. (`ZMQ_LINGER`)
    linger, set_linger: Option<Duration> = linger;
    /// Queue messages only for connections that stand, not for those that are still being made. Default off.
    /// (`ZMQ_IMMEDIATE`)
    immediate, set_immediate: bool = immediate;
    /// Pause before a lost or refused connection is tried again; a random part of it is added. `None`: never again.
    /// Default 100 ms. (`ZMQ_RECONNECT_IVL`)
    reconnect_interval, set_reconnect_interval: Option<Duration> = reconnect_interval;
    /// The pause doubles with each failure up to this. Zero: it does not grow (the default).
    /// (`ZMQ_RECONNECT_IVL_MAX`)
    reconnect_interval_max, set_reconnect_interval_max: Duration = reconnect_interval_max;
    /// How long one attempt to connect may take. Zero: as long as the system lets it (the default).
    /// (`ZMQ_CONNECT_TIMEOUT`)
    connect_timeout, set_connect_timeout: Duration = connect_timeout;
    /// How long a handshake may take. Zero: for ever. Default 30 s. (`ZMQ_HANDSHAKE_IVL`)
    handshake_timeout, set_handshake_timeout: Duration = handshake_timeout;
    /// A PING goes out so often. Zero: never (the default). (`ZMQ_HEARTBEAT_IVL`)
    heartbeat_interval, set_heartbeat_interval: Duration = heartbeat_interval;
    /// What PINGs ask of the peer: to drop the connection when it hears nothing for so long. Rounded down to tenths of
    /// a second, at most 6553.5 s. Zero: nothing (the default). (`ZMQ_HEARTBEAT_TTL`)
    heartbeat_ttl, set_heartbeat_ttl: Duration = heartbeat_ttl, check |ttl| {
        if *ttl > TTL_MAX { Err(OptionError::invalid("heartbeat_ttl", "at most 6553.5 s")) } else { Ok(()) }
    };
    /// The connection is dropped when nothing is heard for so long after a PING. `None`: the interval (the default).
    /// (`ZMQ_HEARTBEAT_TIMEOUT`)
    heartbeat_timeout, set_heartbeat_timeout: Option<Duration> = heartbeat_timeout;
    /// A peer that sends a larger message part is dropped, before memory is spent on it. Bytes. `None`: no limit (the
    /// default). (`ZMQ_MAXMSGSIZE`)
    max_message_size, set_max_message_size: Option<u64> = max_message_size;
    /// A peer that sends a message of more parts is dropped. 0: no limit. Default 65,536.
    max_message_parts, set_max_message_parts: usize = limits.message_parts;
    /// A peer that says more than so many bytes before its handshake is done is dropped. 0: no limit but that of each
    /// command, 64 KiB. Default 192 KiB and a little.
    max_handshake_size, set_max_handshake_size: usize = limits.handshake_bytes;
    /// So many accepted connections of each `bind` may be in their handshake at once. With one more the oldest of them is
    /// dropped, so that the slow ones keep nobody out. 0: no limit. Default 1000.
    max_handshakes, set_max_handshakes: usize = limits.handshakes;
    /// So many connections each `bind` keeps at once; further ones are closed when they come, which the monitor hears of as
    /// `AcceptFailed(87)` (`EUSERS`). 0: no limit but the system's descriptors (the default).
    max_connections, set_max_connections: usize = limits.connections;
    /// A peer that sends more commands within a second is dropped. Subscriptions don't count here: they are messages to a
    /// publisher. 0: no limit. Default 10,000.
    max_command_rate, set_max_command_rate: usize = limits.commands_per_second;
    /// While the application takes nothing, reading from a peer stops at about so many bytes that wait, if whole messages
    /// are among them; the high-water mark stops it too. 0: no limit (the default).
    max_read_ahead, set_max_read_ahead: usize = limits.read_ahead;
    /// PUB, XPUB, RADIO: a peer that subscribes to (joins) more topics at once is dropped. 0: no limit. Default 1,000,000.
    max_subscriptions, set_max_subscriptions: usize = pattern.subscriptions_per_peer_max;
    /// PUB, XPUB: a peer that subscribes to a longer topic is dropped. Bytes. 0: no limit but that of a command, 64 KiB.
    /// Default 4096.
    max_topic_size, set_max_topic_size: usize = pattern.topic_bytes_max;
    /// Where received bodies get their memory, for connections made after this call. Default: the shared pool.
    receive_memory, set_receive_memory: ReceiveMemory = receive_memory;
    /// The security mechanism and its credentials, for connections made after this call. Default NULL.
    security, set_security: Security = security, check |security| {
        match security {
            Security::PlainClient { username, password } if username.len() > 255 || password.len() > 255 => {
                Err(OptionError::invalid("security", "a PLAIN name and password of at most 255 bytes each"))
            }
            _ => Ok(()),
        }
    };
    /// The domain that a ZAP handler is asked about, at most 255 bytes. NULL asks only if there is one. Default empty.
    /// (`ZMQ_ZAP_DOMAIN`)
    zap_domain, set_zap_domain: String = zap_domain, check |domain| {
        if domain.len() > 255 { Err(OptionError::invalid("zap_domain", "at most 255 bytes")) } else { Ok(()) }
    };
    /// A socket with a domain lets nobody in when there is no ZAP handler; one without asks none. Default off.
    /// (`ZMQ_ZAP_ENFORCE_DOMAIN`)
    zap_enforce_domain, set_zap_enforce_domain: bool = zap_enforce_domain;
    /// TCP connections are made through the SOCKS5 proxy at this `host:port`. Empty: directly (the default).
    /// (`ZMQ_SOCKS_PROXY`)
    socks_proxy, set_socks_proxy: String = socks.address;
    /// The name for the proxy, at most 255 bytes. Empty: no authentication (the default). (`ZMQ_SOCKS_USERNAME`)
    socks_username, set_socks_username: String = socks.username;
    /// The password for the proxy, at most 255 bytes. (`ZMQ_SOCKS_PASSWORD`)
    socks_password, set_socks_password: Password = socks.password;
    /// Connections that wait to be accepted, at most. Default 100. (`ZMQ_BACKLOG`)
    backlog, set_backlog: i32 = tcp.backlog;
    /// Use IPv6 as well as IPv4. Default off. (`ZMQ_IPV6`)
    ipv6, set_ipv6: bool = tcp.ipv6;
    /// The kernel's send buffer in bytes. `None`: the system's default. (`ZMQ_SNDBUF`)
    send_buffer, set_send_buffer: Option<usize> = tcp.send_buffer;
    /// The kernel's receive buffer in bytes. `None`: the system's default. (`ZMQ_RCVBUF`)
    recv_buffer, set_recv_buffer: Option<usize> = tcp.recv_buffer;
    /// The IP type-of-service byte. (`ZMQ_TOS`)
    type_of_service, set_type_of_service: Option<u32> = tcp.type_of_service;
    /// TCP keep-alive. `None`: the system's default. (`ZMQ_TCP_KEEPALIVE`)
    tcp_keepalive, set_tcp_keepalive: Option<bool> = tcp.keepalive;
    /// Idle time before the first TCP keep-alive probe. (`ZMQ_TCP_KEEPALIVE_IDLE`)
    tcp_keepalive_idle, set_tcp_keepalive_idle: Option<Duration> = tcp.keepalive_idle;
    /// Time between TCP keep-alive probes. (`ZMQ_TCP_KEEPALIVE_INTVL`)
    tcp_keepalive_interval, set_tcp_keepalive_interval: Option<Duration> = tcp.keepalive_interval;
    /// TCP keep-alive probes before the connection counts as dead. (`ZMQ_TCP_KEEPALIVE_CNT`)
    tcp_keepalive_count, set_tcp_keepalive_count: Option<u32> = tcp.keepalive_count;
    /// How long sent bytes may stay unacknowledged. (`ZMQ_TCP_MAXRT`)
    tcp_max_retransmit, set_tcp_max_retransmit: Option<Duration> = tcp.max_retransmit;
    /// Bind sockets to this network interface. (`ZMQ_BINDTODEVICE`)
    bind_to_device, set_bind_to_device: Option<String> = tcp.bind_device;
}

#[cfg(feature = "wss")]
options_of_all! {
    /// The secret key of a server of `wss`, as PEM text, not encrypted; for endpoints bound after this call. Needs the
    /// feature `wss`, as do its siblings. (`ZMQ_WSS_KEY_PEM`)
    wss_key_pem, set_wss_key_pem: Password = tls.key;
    /// The certificate of a server of `wss`, and behind it those that lead to one that clients trust, as PEM text; for
    /// endpoints bound after this call. (`ZMQ_WSS_CERT_PEM`)
    wss_cert_pem, set_wss_cert_pem: String = tls.certificate;
    /// Whom a client of `wss` trusts: certificates of authorities, or of servers themselves, as PEM text; for endpoints
    /// connected after this call. (`ZMQ_WSS_TRUST_PEM`)
    wss_trust_pem, set_wss_trust_pem: String = tls.trust;
    /// The name that the certificate of a server of `wss` must be for, and which the server is told. Empty: the endpoint's
    /// host (the default). (`ZMQ_WSS_HOSTNAME`)
    wss_hostname, set_wss_hostname: String = tls.hostname;
    /// A client of `wss` trusts the authorities that the system trusts. Default off. (`ZMQ_WSS_TRUST_SYSTEM`)
    wss_trust_system, set_wss_trust_system: bool = tls.trust_system;
}

// Options of some types: the builder's are in `typed/builder.rs`, each for the types that have it.
options! {
    /// At most so many messages wait to be sent, for each peer. 0: no limit. Default 1000. (`ZMQ_SNDHWM`)
    send_hwm, set_send_hwm: usize = send_hwm;
    /// At most so many received messages wait to be taken, for each peer, while the application is not receiving.
    /// 0: no limit. Default 1000. (`ZMQ_RCVHWM`)
    recv_hwm, set_recv_hwm: usize = recv_hwm;
    /// How long a blocking send waits for room. `None`: for ever (the default). Zero: not at all. (`ZMQ_SNDTIMEO`)
    send_timeout, set_send_timeout: Option<Duration> = send_timeout;
    /// How long a blocking receive waits. `None`: for ever (the default). Zero: not at all. (`ZMQ_RCVTIMEO`)
    recv_timeout, set_recv_timeout: Option<Duration> = recv_timeout;
    /// PUSH, PULL, PUB, SUB, DEALER: keep only the newest message of each peer, both ways. Single-part messages only.
    /// Default off; for connections made after this call.
    /// (`ZMQ_CONFLATE`)
    conflate, set_conflate: bool = conflate;
    /// The name under which ROUTER peers know this socket, at most 255 bytes, not beginning with a zero byte. Empty:
    /// peers give it one (the default). For connections made after this call. (`ZMQ_ROUTING_ID`)
    routing_id, set_routing_id: Vec<u8> = routing_id, check |id| check_routing_id(id, true);
    /// ROUTER, STREAM: the name of the peer that the *next* `connect` reaches. (`ZMQ_CONNECT_ROUTING_ID`)
    connect_routing_id, set_connect_routing_id: Option<Vec<u8>> = connect_routing_id, check |id| {
        id.as_ref().map_or(Ok(()), |id| check_routing_id(id, false))
    };
    /// ROUTER: sending to an unknown peer is an error instead of a silent drop, and sending to a full one waits.
    /// Default off. (`ZMQ_ROUTER_MANDATORY`)
    router_mandatory, set_router_mandatory: bool = pattern.router_mandatory;
    /// ROUTER: a newcomer with a routing id in use takes it over. Default off: the newcomer is refused.
    /// (`ZMQ_ROUTER_HANDOVER`)
    router_handover, set_router_handover: bool = pattern.router_handover;
    /// ROUTER, DEALER, REQ: greet every new connection with an empty message. Default off. (`ZMQ_PROBE_ROUTER`)
    probe_router, set_probe_router: bool = pattern.probe_router;
    /// REQ: requests carry an id, and only the reply with the same id is taken. Default off. (`ZMQ_REQ_CORRELATE`)
    req_correlate, set_req_correlate: bool = pattern.req_correlate;
    /// REQ: a new request may be sent before the reply to the last one. Default off. (`ZMQ_REQ_RELAXED`)
    req_relaxed, set_req_relaxed: bool = pattern.req_relaxed;
    /// XPUB: show every subscription, not just the first of a topic. Default off. (`ZMQ_XPUB_VERBOSE`)
    xpub_verbose, set_xpub_verbose: bool = pattern.xpub_verbose;
    /// XPUB: show every subscription and every cancellation. Default off. (`ZMQ_XPUB_VERBOSER`)
    xpub_verboser, set_xpub_verboser: bool = pattern.xpub_verboser;
    /// XPUB: the application decides what is subscribed, by `subscribe` and `unsubscribe` on this socket. Default
    /// off. (`ZMQ_XPUB_MANUAL`)
    xpub_manual, set_xpub_manual: bool = pattern.xpub_manual;
    /// XPUB, PUB: wait for (or report) full subscribers instead of passing over them. Default off.
    /// (`ZMQ_XPUB_NODROP`)
    xpub_nodrop, set_xpub_nodrop: bool = pattern.xpub_nodrop;
    /// XPUB, PUB: sent to every new subscriber. (`ZMQ_XPUB_WELCOME_MSG`)
    xpub_welcome, set_xpub_welcome: Option<Vec<u8>> = pattern.xpub_welcome;
    /// PUB, XPUB, SUB: a message goes to those who did *not* subscribe to it. Both ends must agree. Default off.
    /// (`ZMQ_INVERT_MATCHING`)
    invert_matching, set_invert_matching: bool = pattern.invert_matching;
    /// STREAM: an empty message tells of each connect and disconnect. Default on. (`ZMQ_STREAM_NOTIFY`)
    stream_notify, set_stream_notify: bool = pattern.stream_notify;
}

pub(crate) fn check_routing_id(id: &[u8], may_be_empty: bool) -> Result<(), OptionError> {
    match id {
        [] if may_be_empty => Ok(()),
        [] => Err(OptionError::invalid("connect_routing_id", "at least one byte")),
        [0, ..] => Err(OptionError::invalid(
            "routing_id",
            "a first byte other than zero (those are given by ROUTER)",
        )),
        id if id.len() > 255 => Err(OptionError::invalid("routing_id", "at most 255 bytes")),
        _ => Ok(()),
    }
}
