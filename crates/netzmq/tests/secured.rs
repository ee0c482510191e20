//! Peers that want into an encrypted socket, or to do harm inside of it: downgrades, wrong keys, replays, forgeries, storms.
//!
//! The method: a peer made of a bare TCP stream and the protocol crate, so that it holds the keys and can do wrong with them,
//! beside an honest encrypted pair that must go on.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;

use common::{
    assert_closed, expect, frame, greeting, raw, raw_peer, read_frame, ready, resident_kib, socket,
};
use netzmq::proto::{
    Cipher, CurveSealer, CurveSecretKey, Handshake, HandshakeConfig, HandshakeStatus, MechanismConfig,
    ZapCredentials, ZapStatus,
};
use netzmq::{Context, EventKind, Monitor, RecvError, Security, Socket, SocketType, ZapReply, ZapRequest};

fn key(number: u8) -> CurveSecretKey {
    CurveSecretKey::from_bytes([number; 32])
}

const SERVER: u8 = 1;
const HONEST: u8 = 2;
const STRANGER: u8 = 3;

/// An encrypted PULL that knows one client, and that client.
struct Scene {
    endpoint: String,
    monitor: Monitor,
    pull: Socket,
    push: Socket,
    _context: Context,
}

impl Scene {
    fn new() -> Scene {
        let context = Context::new();
        context.set_authenticator(Some(|request: &ZapRequest| match &request.credentials {
            ZapCredentials::Curve { public_key } if *public_key == key(HONEST).public_key() => {
                ZapReply::accept("honest")
            }
            _ => ZapReply::refuse(ZapStatus::Denied, "a stranger"),
        }));
        let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
        pull.set_security(Security::CurveServer { secret_key: key(SERVER) }).unwrap();
        push.set_security(Security::CurveClient {
            server_key: key(SERVER).public_key(),
            public_key: key(HONEST).public_key(),
            secret_key: key(HONEST),
        })
        .unwrap();
        let monitor = pull.monitor();
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        push.connect(&endpoint).unwrap();
        let scene = Scene { endpoint, monitor, pull, push, _context: context };
        scene.honest_pair_goes_on();
        scene
    }

    /// And nothing but its messages arrives.
    #[track_caller]
    fn honest_pair_goes_on(&self) {
        self.push.send("honest").unwrap();
        assert_eq!(self.pull.recv().unwrap(), "honest");
        assert_eq!(self.pull.try_recv().unwrap_err(), RecvError::WouldBlock);
    }

    /// The handshake of a client with this key, who takes that key for the server's.
    fn client(&self, own: u8, server: u8) -> (TcpStream, Handshake) {
        let mut stream = raw(&self.endpoint);
        let (secret_key, public_key) = (key(own), key(own).public_key());
        let mechanism =
            MechanismConfig::CurveClient { server_key: key(server).public_key(), public_key, secret_key };
        let mut config = HandshakeConfig::new(SocketType::Push, mechanism);
        config.seed = [own ^ 0x55; 32].into();
        let mut handshake = Handshake::new(config);
        let mut buffer = [0; 1024];
        loop {
            let said = std::mem::take(handshake.output());
            if stream.write_all(&said).is_err() || handshake.status() == HandshakeStatus::Done {
                break;
            }
            match stream.read(&mut buffer) {
                Ok(count @ 1..) if handshake.handle_input(&buffer[..count]).is_ok() => {}
                _ => break,
            }
        }
        (stream, handshake)
    }

    /// A client that was let in, and what seals its messages.
    fn insider(&self) -> (TcpStream, CurveSealer) {
        let (stream, handshake) = self.client(HONEST, SERVER);
        let Ok(established) = handshake.finish() else { panic!("not let in") };
        let Cipher::Curve(cipher) = established.cipher else { panic!("not encrypted") };
        (stream, cipher.split().0)
    }

    #[track_caller]
    fn refuses(&self, stream: &mut TcpStream) -> EventKind {
        let event = expect(&self.monitor, "a failed handshake", |kind| {
            matches!(
                kind,
                EventKind::HandshakeFailedProtocol { .. }
                    | EventKind::HandshakeFailed(_)
                    | EventKind::HandshakeFailedAuth(_)
            )
        });
        assert_closed(stream);
        self.honest_pair_goes_on();
        event.kind
    }

    #[track_caller]
    fn throws_out(&self, stream: &mut TcpStream) -> String {
        let why = common::expect_lost(&self.monitor);
        assert_closed(stream);
        self.honest_pair_goes_on();
        why
    }
}

fn sealed(sealer: &mut CurveSealer, body: &[u8]) -> Vec<u8> {
    let mut frame = vec![0; sealer.sealed_len(body.len())];
    sealer.seal(body, false, false, &mut frame);
    frame
}

/// Goal: nobody talks an encrypted socket into less (CVE-2014-7202, CVE-2014-9721). Method: the greetings of other mechanisms
/// and of older protocols, each followed by a message in clear.
#[test]
fn no_downgrade() {
    let scene = Scene::new();
    let message = frame(0, b"in clear");
    let mut version_2 = greeting("NULL")[..10].to_vec();
    // ZMTP 2.0: revision 1, a socket type, an identity without a name.
    version_2.extend_from_slice(&[1, 8, 0, 0]);
    let attempts = [
        [greeting("NULL"), ready("PUSH"), message.clone()].concat(),
        [greeting("PLAIN"), frame(4, b"\x05HELLO\x03joe\x06secret"), message.clone()].concat(),
        [greeting("CURVE"), ready("PUSH"), message.clone()].concat(),
        [greeting("CURVE"), message.clone()].concat(),
        [version_2, message].concat(),
        // ZMTP 1.0: an identity without a name, and a message, each with a length byte that counts the flags.
        b"\x01\x00\x09\x00in clear".to_vec(),
    ];
    for attempt in attempts {
        let mut stream = raw(&scene.endpoint);
        // It may be gone before all is said.
        let _ = stream.write_all(&attempt);
        let kind = scene.refuses(&mut stream);
        assert!(matches!(kind, EventKind::HandshakeFailedProtocol { .. }), "{kind:?}");
    }
}

/// Goal: only the right keys open the door, and the monitor tells a stranger from an impostor.
#[test]
fn wrong_keys() {
    let scene = Scene::new();
    let (mut stream, _) = scene.client(HONEST, STRANGER);
    let kind = scene.refuses(&mut stream);
    assert!(matches!(kind, EventKind::HandshakeFailedProtocol { .. }), "{kind:?}");
    let (mut stream, handshake) = scene.client(STRANGER, SERVER);
    assert_ne!(handshake.status(), HandshakeStatus::Done);
    assert_eq!(scene.refuses(&mut stream), EventKind::HandshakeFailedAuth(400));
}

/// Goal: a message counts once (CVE-2014-7203). Method: the same bytes again, on their own connection and on another.
#[test]
fn replays() {
    let scene = Scene::new();
    let (mut stream, mut sealer) = scene.insider();
    let frame = sealed(&mut sealer, b"pay 100");
    stream.write_all(&[&frame[..], &frame].concat()).unwrap();
    assert_eq!(scene.pull.recv().unwrap(), "pay 100");
    let why = scene.throws_out(&mut stream);
    assert!(why.contains("nonce"), "{why}");
    let (mut other, _) = scene.insider();
    other.write_all(&frame).unwrap();
    scene.throws_out(&mut other);
}

/// Goal: what is not sealed by the peer is not taken. Method: a bit changed, a frame in clear, a frame too short.
#[test]
fn forgeries() {
    let scene = Scene::new();
    let (mut stream, mut sealer) = scene.insider();
    let mut forged = sealed(&mut sealer, b"pay 100");
    *forged.last_mut().unwrap() ^= 1;
    stream.write_all(&forged).unwrap();
    scene.throws_out(&mut stream);
    for bytes in [frame(0, b"in clear"), frame(4, b"\x04PING\0\0"), frame(0, b"\x07MESSAGE"), frame(0, b"")] {
        let (mut stream, _) = scene.insider();
        stream.write_all(&bytes).unwrap();
        scene.throws_out(&mut stream);
    }
}

/// Goal: over-long words of a handshake cost nothing (CVE-2019-13132). Method: HELLO and INITIATE of 60 KB.
#[test]
fn long_words() {
    let scene = Scene::new();
    for name in [&b"\x05HELLO"[..], b"\x08INITIATE"] {
        let body = [name, &vec![7; 60_000]].concat();
        let head = [&[6][..], &(body.len() as u64).to_be_bytes()].concat();
        let mut stream = raw(&scene.endpoint);
        let _ = stream.write_all(&[greeting("CURVE"), head, body].concat());
        scene.refuses(&mut stream);
    }
}

/// Goal: a storm of PINGs is answered as far as it is listened to, and memory stays. Method: 5000 of them, of 60 KB each, from a
/// peer that reads nothing; then it reads, and finds no more answers than are kept, none longer than it should be.
#[test]
fn a_storm_of_pings() {
    let context = Context::new();
    let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    push.connect(&endpoint).unwrap();
    let mut peer = raw_peer(&endpoint, "PUSH");
    let before = resident_kib();
    let body = [&b"\x04PING\0\x64"[..], &vec![9; 60_000]].concat();
    let ping = [&[6][..], &(body.len() as u64).to_be_bytes(), &body].concat();
    for _ in 0..5000 {
        peer.write_all(&ping).unwrap();
    }
    peer.write_all(&frame(0, b"end")).unwrap();
    assert_eq!(pull.recv().unwrap(), "end");
    push.send("honest").unwrap();
    assert_eq!(pull.recv().unwrap(), "honest");
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 32 * 1024, "grown by {grown} KiB");
    assert_eq!(read_frame(&mut peer), (4, [&b"\x04PONG"[..], &[9; 16]].concat()));
}

/// Goal: no depth of topics fills the stack, and none of them is left behind (CVE-2021-20236, CVE-2021-20237). Method: topics of
/// 60 KB that share all but their ends, again and again from peers that come and go.
#[test]
fn deep_topics() {
    let context = Context::new();
    let publisher = socket(&context, SocketType::Pub);
    publisher.set_max_topic_size(0).unwrap();
    let monitor = publisher.monitor();
    let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
    let mut grown = Vec::new();
    let before = resident_kib();
    for _ in 0..10 {
        let mut peer = raw_peer(&endpoint, "SUB");
        for end in 0..20u8 {
            let body = [&b"\x09SUBSCRIBE"[..], &vec![b'x'; 60_000], &[end]].concat();
            peer.write_all(&[&[6][..], &(body.len() as u64).to_be_bytes(), &body].concat()).unwrap();
        }
        peer.write_all(&frame(4, b"\x04PING\0\0")).unwrap();
        assert_eq!(read_frame(&mut peer).1, b"\x04PONG", "everything before it was read");
        drop(peer);
        common::expect_lost(&monitor);
        grown.push(resident_kib().saturating_sub(before));
    }
    // The first one shows what is needed; the others must do with what it gave back.
    assert!(grown[9] < grown[0] + 16 * 1024, "{grown:?} KiB");
}

/// Goal: peers that never shake hands take nothing away from those that did (CVE-2020-15166). Method: fifty of them beside a
/// subscriber, which gets every message.
#[test]
fn silent_peers_of_a_publisher() {
    let context = Context::new();
    let (publisher, subscriber) = (socket(&context, SocketType::XPub), socket(&context, SocketType::Sub));
    publisher.set_send_hwm(10).unwrap();
    publisher.set_xpub_nodrop(true).unwrap();
    let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
    let silent: Vec<_> = (0..50).map(|_| raw(&endpoint)).collect();
    subscriber.subscribe("").unwrap();
    subscriber.connect(&endpoint).unwrap();
    assert_eq!(publisher.recv().unwrap(), "\x01");
    let sender = std::thread::spawn(move || (0..500u16).try_for_each(|i| publisher.send(&i.to_be_bytes())));
    for i in 0..500u16 {
        assert_eq!(subscriber.recv().unwrap()[..], i.to_be_bytes());
    }
    sender.join().unwrap().unwrap();
    drop(silent);
}
