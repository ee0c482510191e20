//! Peers that break the rules lose their own connection and nothing else: a monitor event tells of it, the socket's
//! other peers notice nothing, memory follows what was sent and not what was claimed, and nothing panics.

mod common;

use std::io::{Read, Write};
use std::time::{Duration, Instant};

use common::{WAIT, assert_closed, expect, frame, greeting, raw, raw_peer, ready, socket};
use netzmq::{Context, EventKind, Monitor, Socket, SocketType};

/// A PULL with a well-behaved peer, and a look at what happens to the others.
struct Scene {
    pull: Socket,
    good: Socket,
    monitor: Monitor,
    endpoint: String,
    // Last: it waits for the sockets.
    _context: Context,
}

impl Scene {
    fn new() -> Scene {
        let context = Context::new();
        let pull = socket(&context, SocketType::Pull);
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        let good = socket(&context, SocketType::Push);
        good.connect(&endpoint).unwrap();
        let scene = Scene { monitor: pull.monitor(), pull, good, endpoint, _context: context };
        scene.undisturbed();
        scene
    }

    /// The good peer's messages still arrive, in order, and nothing of anybody else's is among them.
    fn undisturbed(&self) {
        for i in 0..10u8 {
            self.good.send(&[i]).unwrap();
        }
        for i in 0..10u8 {
            assert_eq!(self.pull.recv().unwrap()[..], [i]);
        }
    }

    /// Sends `bytes` after a good handshake, and expects to be thrown out.
    #[track_caller]
    fn after_handshake(&self, bytes: &[u8]) {
        let mut stream = raw_peer(&self.endpoint, "PUSH");
        // The rest may find the connection closed already.
        let _ = stream.write_all(bytes);
        expect(&self.monitor, "Disconnected", |kind| matches!(kind, EventKind::Disconnected(_)));
        assert_closed(&mut stream);
        self.undisturbed();
    }

    /// Sends `bytes` from the first byte on, and expects to be thrown out before the handshake is done.
    #[track_caller]
    fn instead_of_handshake(&self, bytes: &[u8]) {
        let mut stream = raw(&self.endpoint);
        let _ = stream.write_all(bytes);
        expect(&self.monitor, "a failed handshake", |kind| {
            matches!(kind, EventKind::HandshakeFailedProtocol { .. } | EventKind::HandshakeFailed(_))
        });
        assert_closed(&mut stream);
        self.undisturbed();
    }
}

/// A frame's head with an eight-byte length.
fn long_head(flags: u8, length: u64) -> Vec<u8> {
    [&[flags | 2][..], &length.to_be_bytes()].concat()
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn garbage_instead_of_a_greeting() {
    let scene = Scene::new();
    scene.instead_of_handshake(b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n");
    scene.instead_of_handshake(&[0; 200]);
    scene.instead_of_handshake(&(0..=255).cycle().take(100_000).collect::<Vec<u8>>());
}

#[test]
fn broken_handshakes() {
    let scene = Scene::new();
    let hello = greeting("NULL");
    // A mechanism that nobody has, and one that this side does not want.
    scene.instead_of_handshake(&greeting("WHATEVER"));
    scene.instead_of_handshake(&greeting("PLAIN"));
    // A second greeting, a message, an unknown command, a PING instead of READY.
    scene.instead_of_handshake(&[&hello[..], &hello].concat());
    scene.instead_of_handshake(&[&hello[..], &frame(0, b"hello")].concat());
    scene.instead_of_handshake(&[&hello[..], &frame(4, b"\x04WHAT")].concat());
    scene.instead_of_handshake(&[&hello[..], &frame(4, b"\x04PING\0\0")].concat());
    // Metadata that claims more than there is; no socket type at all; a socket type that does not go with PULL.
    scene.instead_of_handshake(
        &[&hello[..], &frame(4, b"\x05READY\x0bSocket-Type\x7f\xff\xff\xffPUSH")].concat(),
    );
    scene.instead_of_handshake(&[&hello[..], &frame(4, b"\x05READY")].concat());
    for wrong in ["PULL", "SUB", "REQ", "NOTHING", ""] {
        scene.instead_of_handshake(&[&hello[..], &ready(wrong)].concat());
    }
    // The peer says that it wants no more.
    scene.instead_of_handshake(&[&hello[..], &frame(4, b"\x05ERROR\x05sorry")].concat());
    // Commands beyond any bound.
    scene.instead_of_handshake(&[&hello[..], &long_head(4, 1 << 63)].concat());
    scene.instead_of_handshake(&[&hello[..], &long_head(4, 1 << 30), &[0; 4096]].concat());
}

#[test]
fn broken_traffic() {
    let scene = Scene::new();
    // Reserved flags, a command with "more", a length beyond 63 bits.
    scene.after_handshake(&frame(8, b"x"));
    scene.after_handshake(&frame(5, b"\x04PING\0\0"));
    scene.after_handshake(&long_head(0, 1 << 63));
    scene.after_handshake(&long_head(0, u64::MAX));
    // Over-long commands, by claim and by deed.
    scene.after_handshake(&long_head(4, 1 << 40));
    scene.after_handshake(&[long_head(4, 200_000), vec![4; 200_000]].concat());
    // A command inside a message, a PING too short, a command whose name is longer than itself, an empty one.
    scene.after_handshake(&[frame(1, b"part"), frame(4, b"\x04PING\0\0")].concat());
    scene.after_handshake(&frame(4, b"\x04PING\0"));
    scene.after_handshake(&frame(4, b"\xffPING"));
    scene.after_handshake(&frame(4, b""));
    // A second greeting, a second READY, an ERROR.
    scene.after_handshake(&greeting("NULL"));
    scene.after_handshake(&ready("PUSH"));
    scene.after_handshake(&frame(4, b"\x05ERROR\x05sorry"));
}

/// Goal: half of something and then nothing disturbs nobody. Method: many such peers at once, each stopping elsewhere,
/// while the good one goes on.
#[test]
fn half_a_frame_and_then_nothing() {
    let scene = Scene::new();
    let mut streams = Vec::new();
    for cut in [0, 1, 9, 10, 11, 12, 63, 64] {
        let mut stream = raw(&scene.endpoint);
        stream.write_all(&greeting("NULL")[..cut]).unwrap();
        streams.push(stream);
        scene.undisturbed();
    }
    for half in [&frame(1, b"first part")[..], &frame(0, b"whole but cut")[..7], &long_head(0, 1 << 40)[..5]]
    {
        let mut stream = raw_peer(&scene.endpoint, "PUSH");
        stream.write_all(half).unwrap();
        streams.push(stream);
        scene.undisturbed();
    }
    drop(streams);
    scene.undisturbed();
}

/// Goal: a connection cut at any byte of handshake and first message leaves nothing behind. Method: all of them, by a
/// clean end and by a reset.
#[test]
fn cut_at_every_byte() {
    let scene = Scene::new();
    let script = [greeting("NULL"), ready("PUSH"), frame(1, b"a"), frame(1, b"b")].concat();
    for cut in 0..script.len() {
        for reset in [false, true] {
            let mut stream = raw(&scene.endpoint);
            stream.write_all(&script[..cut]).unwrap();
            if reset {
                // Unread input makes the close a reset; the greeting's beginning is always there to be left unread.
                let mut one = [0];
                stream.read_exact(&mut one).unwrap();
            }
            drop(stream);
        }
        if cut % 16 == 0 {
            scene.undisturbed();
        }
    }
    scene.undisturbed();
}

/// Goal: what a cut connection left of a message is never seen. Method: first parts, then the end, then a whole one.
#[test]
fn part_of_a_message_is_never_seen() {
    let scene = Scene::new();
    for _ in 0..20 {
        let mut stream = raw_peer(&scene.endpoint, "PUSH");
        stream.write_all(&[frame(0, b"whole"), frame(1, b"half"), frame(1, b"and half")].concat()).unwrap();
        drop(stream);
        assert_eq!(&scene.pull.recv().unwrap()[..], b"whole");
        scene.undisturbed();
    }
}

/// Goal: claims cost nothing. Method: many peers announce bodies of up to 2^62 bytes and send a few; what is resident
/// grows by what came, about.
#[test]
fn claims_take_no_memory() {
    let scene = Scene::new();
    let before = resident();
    let streams: Vec<_> = (0..50)
        .map(|i| {
            let mut stream = raw_peer(&scene.endpoint, "PUSH");
            stream.write_all(&long_head(0, 1 << (31 + i % 32))).unwrap();
            stream.write_all(&[1; 1000]).unwrap();
            stream
        })
        .collect();
    scene.undisturbed();
    let grown = resident().saturating_sub(before);
    assert!(grown < 100 << 20, "{grown} bytes for 50 claims");
    drop(streams);
    scene.undisturbed();
}

/// Goal: the limit on message sizes acts on the claim, before the body. Method: one byte too many.
#[test]
fn too_large_is_refused_by_its_head() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    pull.set_max_message_size(Some(1000)).unwrap();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut stream = raw_peer(&endpoint, "PUSH");
    stream.write_all(&long_head(0, 1000)).unwrap();
    stream.write_all(&[7; 1000]).unwrap();
    assert_eq!(pull.recv().unwrap().len(), 1000);
    stream.write_all(&long_head(0, 1001)).unwrap();
    assert!(common::expect_lost(&monitor).contains("1001"), "the reason names the size");
    assert_closed(&mut stream);
}

/// Goal: a peer that sends to a socket which never receives is bounded. Method: a PULL floods a PUSH with far more than
/// any buffer holds; either it is read and dropped, or the flood stands still, but memory does not follow.
#[test]
fn floods_at_sockets_that_do_not_receive() {
    let context = Context::new();
    let push = socket(&context, SocketType::Push);
    let endpoint = push.bind("tcp://127.0.0.1:*").unwrap();
    let mut stream = raw_peer(&endpoint, "PULL");
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let before = resident();
    let batch = frame(0, &[7; 200]).repeat(1000);
    for _ in 0..1000 {
        if stream.write_all(&batch).is_err() {
            break;
        }
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 80 << 20, "{grown} bytes of what nobody will ever take");
    let mut other = raw_peer(&endpoint, "PULL");
    drop(stream);
    // Whatever went to the flooder is lost with it; the other one is served.
    let begun = Instant::now();
    while begun.elapsed() < WAIT {
        push.send("for you").unwrap();
        other.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
        let mut byte = [0; 1];
        if other.read(&mut byte).is_ok() {
            return;
        }
    }
    panic!("the other peer got nothing");
}

/// Goal: a slow handshake is cut off in time, and one that never ends does not keep others out. Method: a short limit.
#[test]
fn handshakes_have_an_end() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    pull.set_handshake_timeout(Duration::from_millis(50)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let mut stream = raw(&endpoint);
    stream.write_all(&greeting("NULL")).unwrap();
    expect(&monitor, "HandshakeFailed", |kind| matches!(kind, EventKind::HandshakeFailed(_)));
    assert_closed(&mut stream);
}

/// Goal: a PING gets its PONG with its context, and a peer that stops answering ours is dropped. Method: by hand.
#[test]
fn heartbeats_by_hand() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let mut stream = raw_peer(&endpoint, "PUSH");
    stream.write_all(&frame(4, b"\x04PING\0\x00context")).unwrap();
    assert_eq!(common::read_frame(&mut stream), (4, b"\x04PONGcontext".to_vec()));
    // With a time to live of 0.2 s, silence is the end.
    let monitor = pull.monitor();
    stream.write_all(&frame(4, b"\x04PING\0\x02")).unwrap();
    assert_eq!(common::read_frame(&mut stream).1, b"\x04PONG");
    common::expect_lost(&monitor);
    assert_closed(&mut stream);

    pull.set_heartbeat_interval(Duration::from_millis(30)).unwrap();
    pull.set_heartbeat_ttl(Duration::from_millis(500)).unwrap();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let mut stream = raw_peer(&endpoint, "PUSH");
    assert_eq!(common::read_frame(&mut stream), (4, b"\x04PING\0\x05".to_vec()));
    stream.write_all(&frame(4, b"\x04PONG")).unwrap();
    assert_eq!(common::read_frame(&mut stream).1, b"\x04PING\0\x05");
    common::expect_lost(&monitor);
    assert_closed(&mut stream);
}
