//! One face for both engines, so that a conversation is written once and held in every constellation: who is ours, who
//! binds, over which transport, under which mechanism.
//!
//! Nothing here waits for time: every call has a time-out that is reached only when something hangs.

pub mod ported;

use std::cell::RefCell;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use netzmq::proto::{CurveSecretKey, ZapStatus};
use netzmq::{Context, Multipart, Security, Socket, SocketType, ZapReply};

/// Longer than anything takes on a busy machine; reached only when something hangs.
pub const WAIT: Duration = Duration::from_secs(60);
/// [`WAIT`] for libzmq.
pub const WAIT_MS: i32 = 60_000;

const ZAP: &str = "inproc://zeromq.zap.01";
const USER: &str = "admin";
const PASSWORD: &str = "secret";
/// Whoever wants into a socket of this domain is let in by NULL.
const OPEN_DOMAIN: &str = "open";
const SERVER_KEY: u8 = 1;
const CLIENT_KEY: u8 = 2;

/// A key that these tests know.
fn key(number: u8) -> CurveSecretKey {
    CurveSecretKey::from_bytes([number; 32])
}

/// What a ZAP handler is shown, beginning with the mechanism, is one of those that these tests let in.
fn is_known(domain: &[u8], shown: &[&[u8]]) -> bool {
    match shown {
        // With NULL there is only the domain to tell by, and that is the server's: see `End::guard`.
        [b"NULL"] => domain == OPEN_DOMAIN.as_bytes(),
        [b"PLAIN", username, password] => [*username, *password] == [USER.as_bytes(), PASSWORD.as_bytes()],
        [b"CURVE", public_key] => *public_key == key(CLIENT_KEY).public_key().as_bytes(),
        _ => false,
    }
}

/// The transports that cross engines.
pub const TRANSPORTS: [&str; 2] = ["tcp://127.0.0.1:*", "ipc://*"];

/// A context of each engine. Both accept the one user of these tests.
pub struct World {
    /// Our engine's.
    pub ours: Context,
    /// libzmq's.
    pub theirs: zmq::Context,
}

impl Drop for World {
    /// The ZAP handler holds libzmq's context, so it has to be told.
    fn drop(&mut self) {
        if let Ok(socket) = self.theirs.socket(zmq::REQ) {
            let _ = socket.connect(ZAP).and_then(|()| socket.send("stop", 0));
            // The handler answers before it goes: nothing lingers then.
            let _ = socket.recv_bytes(0);
        }
    }
}

impl Default for World {
    fn default() -> World {
        World::new()
    }
}

impl World {
    /// Fresh contexts. libzmq's asks a ZAP handler of its own, which ends with the context.
    #[must_use]
    pub fn new() -> World {
        let (ours, theirs) = (Context::new(), zmq::Context::new());
        ours.set_authenticator(Some(|request: &netzmq::ZapRequest| {
            let frames = request.frames();
            if is_known(frames[2], &frames[5..]) {
                ZapReply::accept(USER)
            } else {
                ZapReply::refuse(ZapStatus::Denied, "who are you?")
            }
        }));
        let handler = theirs.socket(zmq::REP).unwrap();
        handler.bind(ZAP).unwrap();
        std::thread::spawn(move || {
            while let Ok(request) = handler.recv_multipart(0) {
                if request == [b"stop"] {
                    let _ = handler.send("stopped", 0);
                    break;
                }
                let shown: Vec<_> = request[5..].iter().map(Vec::as_slice).collect();
                let known = is_known(&request[2], &shown);
                let (status, text) = if known { ("200", "OK") } else { ("400", "who are you?") };
                // No user id: a REQ of libzmq 4.3.4 takes the note of it for a broken reply, and hangs up.
                let reply: [&[u8]; 6] = [b"1.0", &request[1], status.as_bytes(), text.as_bytes(), b"", b""];
                if handler.send_multipart(reply, 0).is_err() {
                    break;
                }
            }
        });
        World { ours, theirs }
    }

    /// A socket of either engine.
    #[must_use]
    pub fn end(&self, engine: Engine, socket_type: SocketType) -> End {
        match engine {
            Engine::Ours => End::Ours(self.our(socket_type)),
            Engine::Theirs => End::Theirs(self.their(socket_type)),
        }
    }

    /// A socket of ours: patient, and gone at once when it is dropped.
    #[must_use]
    pub fn our(&self, socket_type: SocketType) -> Socket {
        let socket = self.ours.socket(socket_type).unwrap();
        socket.set_recv_timeout(Some(WAIT)).unwrap();
        socket.set_send_timeout(Some(WAIT)).unwrap();
        socket.set_linger(Some(Duration::ZERO)).unwrap();
        socket.set_reconnect_interval(Some(Duration::from_millis(10))).unwrap();
        socket
    }

    /// The same of libzmq's.
    #[must_use]
    pub fn their(&self, socket_type: SocketType) -> zmq::Socket {
        let socket = self.theirs.socket(their_type(socket_type)).unwrap();
        socket.set_rcvtimeo(WAIT_MS).unwrap();
        socket.set_sndtimeo(WAIT_MS).unwrap();
        socket.set_linger(0).unwrap();
        socket.set_reconnect_ivl(10).unwrap();
        socket
    }
}

fn their_type(socket_type: SocketType) -> zmq::SocketType {
    match socket_type {
        SocketType::Pair => zmq::PAIR,
        SocketType::Pub => zmq::PUB,
        SocketType::Sub => zmq::SUB,
        SocketType::Req => zmq::REQ,
        SocketType::Rep => zmq::REP,
        SocketType::Dealer => zmq::DEALER,
        SocketType::Router => zmq::ROUTER,
        SocketType::Pull => zmq::PULL,
        SocketType::Push => zmq::PUSH,
        SocketType::XPub => zmq::XPUB,
        SocketType::XSub => zmq::XSUB,
        SocketType::Stream => zmq::STREAM,
        other => panic!("libzmq as released has no {other:?}"),
    }
}

/// Whose socket it is.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Engine {
    /// netzmq's.
    Ours,
    /// libzmq's.
    Theirs,
}

/// Under which mechanism the peers meet.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub enum Mechanism {
    /// NULL.
    Null,
    /// PLAIN.
    Plain,
    /// CURVE.
    Curve,
}

/// One constellation of a pair of sockets: (first, second).
#[derive(Debug, Copy, Clone)]
pub struct Way {
    /// Whose the first socket is; the second is the other's.
    pub first: Engine,
    /// The first binds; else the second does.
    pub first_binds: bool,
    /// The first is the mechanism's server, else the second; which has nothing to do with who binds.
    pub first_serves: bool,
    /// What is bound.
    pub transport: &'static str,
    /// How they meet.
    pub mechanism: Mechanism,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Way { first, first_binds, first_serves, transport, mechanism } = self;
        let (binds, serves) = (place(*first_binds), place(*first_serves));
        write!(f, "first is {first:?}, {binds} binds, {transport}, {mechanism:?} with the {serves} as server")
    }
}

fn place(first: bool) -> &'static str {
    if first { "first" } else { "second" }
}

/// Every constellation: four of NULL and eight of PLAIN and of CURVE for each transport.
pub fn ways() -> impl Iterator<Item = Way> {
    let mechanisms = [Mechanism::Null, Mechanism::Plain, Mechanism::Curve];
    mechanisms.into_iter().flat_map(|mechanism| {
        TRANSPORTS.into_iter().flat_map(move |transport| {
            [Engine::Ours, Engine::Theirs].into_iter().flat_map(move |first| {
                // NULL has no server.
                let roles = if mechanism == Mechanism::Null { &[true][..] } else { &[true, false] };
                [true, false].into_iter().flat_map(move |first_binds| {
                    roles.iter().map(move |first_serves| Way {
                        first,
                        first_binds,
                        first_serves: *first_serves,
                        transport,
                        mechanism,
                    })
                })
            })
        })
    })
}

/// Holds a conversation between a `first` and a `second` in every constellation. `prepare` sets options and subscribes,
/// before they meet.
pub fn in_every_way(
    first: SocketType,
    second: SocketType,
    prepare: impl Fn(&End, &End),
    talk: impl Fn(End, End, Way),
) {
    for way in ways() {
        println!("{first:?} and {second:?}: {way}");
        let world = World::new();
        let other = if way.first == Engine::Ours { Engine::Theirs } else { Engine::Ours };
        let (a, b) = (world.end(way.first, first), world.end(other, second));
        let (binder, connecter) = if way.first_binds { (&a, &b) } else { (&b, &a) };
        let (server, client) = if way.first_serves { (&a, &b) } else { (&b, &a) };
        server.guard(way.mechanism);
        client.identify(way.mechanism);
        prepare(&a, &b);
        connecter.connect(&binder.bind(way.transport));
        talk(a, b, way);
    }
}

/// A socket of either engine. Everything panics on errors: these are tests.
pub enum End {
    /// Our engine's.
    Ours(Socket),
    /// libzmq's.
    Theirs(zmq::Socket),
}

impl End {
    /// Binds; returns where.
    #[must_use]
    pub fn bind(&self, endpoint: &str) -> String {
        match self {
            End::Ours(socket) => socket.bind(endpoint).unwrap(),
            End::Theirs(socket) => {
                // libzmq's own wildcard leaves folders behind where it runs.
                let endpoint = if endpoint == "ipc://*" { fresh_path() } else { endpoint.to_owned() };
                socket.bind(&endpoint).unwrap();
                socket.get_last_endpoint().unwrap().unwrap()
            }
        }
    }

    /// Connects.
    pub fn connect(&self, endpoint: &str) {
        match self {
            End::Ours(socket) => socket.connect(endpoint).unwrap(),
            End::Theirs(socket) => socket.connect(endpoint).unwrap(),
        }
    }

    /// A domain, which makes a socket with NULL ask the ZAP handler: it lets in whoever wants into the open one.
    pub fn domain(&self, open: bool) {
        let domain = if open { OPEN_DOMAIN } else { "closed" };
        match self {
            End::Ours(socket) => socket.set_zap_domain(domain.to_owned()).unwrap(),
            End::Theirs(socket) => socket.set_zap_domain(domain).unwrap(),
        }
    }

    /// Lets in only whom the ZAP handler knows.
    pub fn guard(&self, mechanism: Mechanism) {
        match (self, mechanism) {
            (_, Mechanism::Null) => {}
            (End::Ours(socket), Mechanism::Plain) => socket.set_security(Security::PlainServer).unwrap(),
            (End::Theirs(socket), Mechanism::Plain) => socket.set_plain_server(true).unwrap(),
            (End::Ours(socket), Mechanism::Curve) => {
                socket.set_security(Security::CurveServer { secret_key: key(SERVER_KEY) }).unwrap();
            }
            (End::Theirs(socket), Mechanism::Curve) => {
                socket.set_curve_server(true).unwrap();
                socket.set_curve_secretkey(key(SERVER_KEY).as_bytes()).unwrap();
            }
        }
    }

    /// Shows what the ZAP handler knows.
    pub fn identify(&self, mechanism: Mechanism) {
        self.claim(mechanism, PASSWORD, CLIENT_KEY);
    }

    /// Shows what it does not know.
    pub fn pretend(&self, mechanism: Mechanism) {
        self.claim(mechanism, "guessed", 99);
    }

    fn claim(&self, mechanism: Mechanism, password: &str, client: u8) {
        let (server_key, client) = (key(SERVER_KEY).public_key(), key(client));
        match (self, mechanism) {
            (_, Mechanism::Null) => {}
            (End::Ours(socket), Mechanism::Plain) => {
                let (username, password) = (USER.into(), password.into());
                socket.set_security(Security::PlainClient { username, password }).unwrap();
            }
            (End::Theirs(socket), Mechanism::Plain) => {
                socket.set_plain_username(Some(USER)).unwrap();
                socket.set_plain_password(Some(password)).unwrap();
            }
            (End::Ours(socket), Mechanism::Curve) => {
                let public_key = client.public_key();
                socket
                    .set_security(Security::CurveClient { server_key, public_key, secret_key: client })
                    .unwrap();
            }
            (End::Theirs(socket), Mechanism::Curve) => {
                socket.set_curve_serverkey(server_key.as_bytes()).unwrap();
                socket.set_curve_publickey(client.public_key().as_bytes()).unwrap();
                socket.set_curve_secretkey(client.as_bytes()).unwrap();
            }
        }
    }

    /// No high-water marks.
    pub fn unlimited(&self) {
        match self {
            End::Ours(socket) => {
                socket.set_send_hwm(0).unwrap();
                socket.set_recv_hwm(0).unwrap();
            }
            End::Theirs(socket) => {
                socket.set_sndhwm(0).unwrap();
                socket.set_rcvhwm(0).unwrap();
            }
        }
    }

    /// A name for ROUTERs.
    pub fn name(&self, id: &[u8]) {
        match self {
            End::Ours(socket) => socket.set_routing_id(id.to_vec()).unwrap(),
            End::Theirs(socket) => socket.set_identity(id).unwrap(),
        }
    }

    /// ROUTER: unknown peers are errors.
    pub fn mandatory(&self) {
        match self {
            End::Ours(socket) => socket.set_router_mandatory(true).unwrap(),
            End::Theirs(socket) => socket.set_router_mandatory(true).unwrap(),
        }
    }

    /// Subscribes, whatever the type's way of doing so.
    pub fn subscribe(&self, topic: &str) {
        self.request(1, topic);
    }

    /// Takes a subscription back.
    pub fn unsubscribe(&self, topic: &str) {
        self.request(0, topic);
    }

    fn request(&self, flag: u8, topic: &str) {
        let message = [&[flag], topic.as_bytes()].concat();
        match self {
            End::Ours(socket) => match (socket.socket_type(), flag) {
                (SocketType::Sub, 1) => socket.subscribe(topic).unwrap(),
                (SocketType::Sub, _) => socket.unsubscribe(topic).unwrap(),
                _ => socket.send(message).unwrap(),
            },
            End::Theirs(socket) => match (socket.get_socket_type().unwrap(), flag) {
                (zmq::SUB, 1) => socket.set_subscribe(topic.as_bytes()).unwrap(),
                (zmq::SUB, _) => socket.set_unsubscribe(topic.as_bytes()).unwrap(),
                _ => socket.send(message, 0).unwrap(),
            },
        }
    }

    /// Sends one part.
    pub fn send(&self, body: &[u8]) {
        match self {
            End::Ours(socket) => socket.send(body).unwrap(),
            End::Theirs(socket) => socket.send(body, 0).unwrap(),
        }
    }

    /// Sends a message of several parts.
    pub fn send_parts(&self, parts: &[Vec<u8>]) {
        match self {
            End::Ours(socket) => {
                socket.send_multipart(parts.iter().cloned().collect::<Multipart>()).unwrap();
            }
            End::Theirs(socket) => socket.send_multipart(parts, 0).unwrap(),
        }
    }

    /// Sends to a peer by its name; whether there was one. For a mandatory ROUTER.
    #[must_use]
    pub fn try_send_to(&self, id: &[u8], body: &[u8]) -> bool {
        match self {
            End::Ours(socket) => socket.send_more(id).and_then(|()| socket.send(body)).is_ok(),
            End::Theirs(socket) => socket.send(id, zmq::SNDMORE).and_then(|()| socket.send(body, 0)).is_ok(),
        }
    }

    /// Receives a message of one part.
    #[must_use]
    pub fn recv(&self) -> Vec<u8> {
        let mut parts = self.recv_parts();
        assert_eq!(parts.len(), 1, "one part");
        parts.remove(0)
    }

    /// Receives a message.
    #[must_use]
    pub fn recv_parts(&self) -> Vec<Vec<u8>> {
        match self {
            End::Ours(socket) => {
                socket.recv_multipart().unwrap().into_iter().map(|part| part.to_vec()).collect()
            }
            End::Theirs(socket) => socket.recv_multipart(0).unwrap(),
        }
    }

    /// Receives into `buffer`; the length.
    #[must_use]
    pub fn recv_into(&self, buffer: &mut [u8]) -> usize {
        match self {
            End::Ours(socket) => socket.recv_into(buffer).unwrap().len,
            End::Theirs(socket) => socket.recv_into(buffer, 0).unwrap(),
        }
    }

    /// Waits for a message for at most so long.
    #[must_use]
    pub fn arrives_within(&self, time: Duration) -> bool {
        match self {
            End::Ours(socket) => {
                let mut poller = netzmq::Poller::new();
                poller.add(socket, 0, netzmq::Interest::READABLE);
                !poller.wait(Some(time)).is_empty()
            }
            End::Theirs(socket) => socket.poll(zmq::POLLIN, time.as_millis() as i64).unwrap() > 0,
        }
    }
}

/// Socket files, which libzmq leaves behind. Removed when the test ends, which has a thread of its own.
#[derive(Default)]
struct Places(RefCell<Vec<PathBuf>>);

impl Drop for Places {
    fn drop(&mut self) {
        // It may be gone, or never have been made.
        self.0.borrow().iter().for_each(|path| drop(std::fs::remove_file(path)));
    }
}

thread_local!(static PLACES: Places = Places::default());

/// A place of one's own for ipc, free to be bound again and again while the calling thread runs.
#[must_use]
pub fn fresh_path() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    // Relaxed: only uniqueness matters.
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("netzmq-interop-{}-{count}", std::process::id()));
    let endpoint = format!("ipc://{}", path.display());
    PLACES.with(|places| places.0.borrow_mut().push(path));
    endpoint
}

/// The body of message number `index`: eight bytes that tell it.
#[must_use]
pub fn numbered(index: u64) -> [u8; 8] {
    index.to_le_bytes()
}

/// Bodies around every size at which either engine changes its ways, and some of several MiB.
#[must_use]
pub fn bodies() -> Vec<Vec<u8>> {
    let sizes = [0, 1, 32, 33, 34, 254, 255, 256, 257, 8_191, 8_192, 8_193, 32_768, 65_535, 65_536, 131_073];
    let sizes = sizes.into_iter().chain([1 << 20, (3 << 20) + 7, 5 << 20]);
    sizes.map(|size| (0..size).map(|i| (i ^ (i >> 8) ^ size) as u8).collect()).collect()
}

/// Messages of several parts, empty and large ones among them.
#[must_use]
pub fn multiparts() -> Vec<Vec<Vec<u8>>> {
    let large = vec![7; 2 << 20];
    vec![
        vec![b"a".to_vec(), b"b".to_vec()],
        vec![vec![], vec![]],
        vec![vec![], large.clone(), vec![], large],
        (0..300).map(|i| vec![i as u8; i]).collect(),
    ]
}
