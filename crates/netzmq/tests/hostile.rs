//! Peers that break the rules, by malice or by accident: each loses its own connection and nothing else.
//!
//! The method is the same throughout: a bare TCP client does one thing wrong to a PULL that an honest PUSH talks to.
//! Then the client must find its connection closed, the monitor must have an event with the client's address, the
//! honest pair must go on, and the process must not have grown. Tests take turns, so that memory can be told apart.

mod common;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use common::{WAIT, assert_closed, frame, greeting, raw, raw_peer, ready, resident_kib, socket};
use netzmq::{Context, EventKind, Monitor, MonitorEvent, Socket, SocketType};

static TURN: Mutex<()> = Mutex::new(());

/// A PULL with a monitor, and an honest PUSH connected to it.
struct Scene {
    endpoint: String,
    monitor: Monitor,
    pull: Socket,
    push: Socket,
    context: Context,
    _turn: MutexGuard<'static, ()>,
}

impl Scene {
    fn new() -> Scene {
        Scene::with(|_| {})
    }

    fn with(options: impl Fn(&Socket)) -> Scene {
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let context = Context::new();
        let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
        options(&pull);
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        push.connect(&endpoint).unwrap();
        let scene = Scene { endpoint, monitor: pull.monitor(), pull, push, context, _turn: turn };
        scene.honest_pair_goes_on();
        scene
    }

    #[track_caller]
    fn honest_pair_goes_on(&self) {
        for _ in 0..10 {
            self.push.send("honest").unwrap();
        }
        for _ in 0..10 {
            assert_eq!(&self.pull.recv().unwrap()[..], b"honest");
        }
    }

    /// The first event about `peer` of one of the kinds that `wanted` lets through.
    #[track_caller]
    fn event(&self, peer: &str, what: &str, wanted: impl Fn(&EventKind) -> bool) -> MonitorEvent {
        let mut seen = Vec::new();
        let found = self.monitor.wait_for(WAIT, |event| {
            seen.push((event.remote.clone(), event.kind.clone()));
            event.remote == peer && wanted(&event.kind)
        });
        found.unwrap_or_else(|| panic!("no {what} of {peer}; seen: {seen:?}"))
    }

    /// The client did something that costs it its connection before the handshake was over.
    #[track_caller]
    fn refuses(&self, what: &str, client: &mut TcpStream) -> EventKind {
        let peer = name(client);
        assert_closed(client);
        let why = self.event(&peer, what, |kind| {
            matches!(kind, EventKind::HandshakeFailedProtocol { .. } | EventKind::HandshakeFailed(_))
        });
        self.event(&peer, what, |kind| matches!(kind, EventKind::Disconnected(_)));
        self.honest_pair_goes_on();
        why.kind
    }

    /// The same after the handshake. Why it was thrown out.
    #[track_caller]
    fn throws_out(&self, what: &str, client: &mut TcpStream) -> String {
        let peer = name(client);
        assert_closed(client);
        let event = self.event(&peer, what, |kind| matches!(kind, EventKind::Disconnected(_)));
        self.honest_pair_goes_on();
        match event.kind {
            EventKind::Disconnected(why) => why,
            _ => unreachable!(),
        }
    }
}

/// How the monitor calls this client.
fn name(client: &TcpStream) -> String {
    format!("tcp://{}", client.local_addr().unwrap())
}

/// The process must not have grown by more than so many MiB since `before`: other threads' stacks and arenas move too.
#[track_caller]
fn assert_grown_less(before: usize, mib: usize) {
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < mib * 1024, "grown by {grown} KiB");
}

/// A frame header with an eight-byte length.
fn claim(flags: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![flags | 2];
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes
}

/// Goal: what is no handshake is refused, with its reason. Method: each kind of wrong beginning.
#[test]
fn wrong_beginnings() {
    let scene = Scene::new();
    let before = resident_kib();
    let mut x = 1u32;
    let noise: Vec<u8> = (0..4096)
        .map(|_| {
            x = x.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (x >> 24) as u8 | 1
        })
        .collect();
    let after_greeting = |bytes: &[u8]| [&greeting("NULL")[..], bytes].concat();
    let wrong = [
        ("zeros", vec![0; 200]),
        ("much of nothing", (0..=255).cycle().take(100_000).collect()),
        ("a web browser", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3)),
        ("noise", noise.clone()),
        ("noise after a greeting", after_greeting(&noise)),
        ("an unknown mechanism", greeting("MAGIC")),
        ("another mechanism", greeting("PLAIN")),
        ("a second greeting", after_greeting(&greeting("NULL"))),
        ("a message before READY", after_greeting(&frame(0, b"hello"))),
        ("PING before READY", after_greeting(&frame(4, b"\x04PING\x00\x0a"))),
        ("an unknown command before READY", after_greeting(&frame(4, b"\x04WHAT"))),
        ("a wrong socket type", after_greeting(&ready("SUB"))),
        ("the same socket type", after_greeting(&ready("PULL"))),
        ("an unknown socket type", after_greeting(&ready("CROWD"))),
        ("an empty socket type", after_greeting(&ready(""))),
        ("no socket type", after_greeting(&frame(4, b"\x05READY"))),
        (
            "a property that claims much",
            after_greeting(&frame(4, b"\x05READY\x0bSocket-Type\x7f\xff\xff\xffPUSH")),
        ),
        ("a command of 2^63 bytes", after_greeting(&claim(4, 1 << 63))),
        ("a command of 2^62 bytes", after_greeting(&claim(4, 1 << 62))),
        ("a command that is too long", after_greeting(&claim(4, 64 * 1024 + 1))),
        ("a long command that begins", after_greeting(&[claim(4, 1 << 30), vec![0; 4096]].concat())),
        ("a property that is cut off", after_greeting(&frame(4, b"\x05READY\x0bSocket-Type\0\0\0\x09PUSH"))),
    ];
    for (what, bytes) in wrong {
        let mut client = raw(&scene.endpoint);
        // It may be thrown out while it is still talking.
        let _ = client.write_all(&bytes);
        let why = scene.refuses(what, &mut client);
        assert!(
            matches!(&why, EventKind::HandshakeFailedProtocol { reason, .. } if !reason.is_empty()),
            "{what}: {why:?}"
        );
    }
    // The peer says that it wants no more: no fault of the protocol.
    let mut client = raw(&scene.endpoint);
    client.write_all(&after_greeting(&frame(4, b"\x05ERROR\x05sorry"))).unwrap();
    scene.refuses("an ERROR", &mut client);
    assert_grown_less(before, 4);
}

/// Goal: a broken rule after the handshake ends the connection, with a reason, and takes no memory for what was only
/// claimed. Method: each kind, to a socket without a limit.
#[test]
fn wrong_goings_on() {
    let scene = Scene::new();
    let before = resident_kib();
    let wrong = [
        ("a reserved flag", frame(8, b"x")),
        ("a command with more to come", frame(5, b"\x04PING\0\0")),
        ("a message of 2^63 bytes", claim(0, 1 << 63)),
        ("a message of 2^64 bytes", claim(0, u64::MAX)),
        ("a command of 2^63 bytes", claim(4, 1 << 63)),
        ("a command of 2^62 bytes", claim(4, 1 << 62)),
        ("a command that is too long", claim(4, 64 * 1024 + 1)),
        ("a long command, all of it", [claim(4, 200_000), vec![4; 200_000]].concat()),
        ("a second greeting", greeting("NULL")),
        ("a second READY", ready("PUSH")),
        ("a late ERROR", frame(4, b"\x05ERROR\x05sorry")),
        ("a name longer than its command", frame(4, b"\xffPING")),
        ("PING that is too short", frame(4, b"\x04PING\x00")),
        ("a command inside a message", [frame(1, b"begun"), frame(4, b"\x04PING\x00\x0a")].concat()),
        ("a command without a name", frame(4, b"")),
    ];
    for (what, bytes) in wrong {
        let mut client = raw_peer(&scene.endpoint, "PUSH");
        // It may be thrown out while it is still talking.
        let _ = client.write_all(&bytes);
        let why = scene.throws_out(what, &mut client);
        assert!(!why.is_empty(), "{what}");
    }
    assert_grown_less(before, 4);
}

/// Goal: memory follows what was received, not what was claimed; a limit refuses a claim at once. Method: 50 peers that
/// claim 2^62 bytes and stay, then one with a limit in the way.
#[test]
fn claimed_lengths_cost_nothing() {
    let scene = Scene::new();
    let before = resident_kib();
    let mut clients: Vec<_> = (0..50).map(|_| raw_peer(&scene.endpoint, "PUSH")).collect();
    for client in &mut clients {
        client.write_all(&claim(0, 1 << 62)).unwrap();
        client.write_all(&[7; 1000]).unwrap();
    }
    for _ in 0..20 {
        scene.honest_pair_goes_on();
    }
    assert_grown_less(before, 16);
    for client in clients {
        let peer = name(&client);
        drop(client);
        scene.event(&peer, "Disconnected", |kind| matches!(kind, EventKind::Disconnected(_)));
    }
    assert!(scene.pull.try_recv().is_err(), "half a message is no message");
    drop(scene);

    let scene = Scene::with(|pull| pull.set_max_message_size(Some(1000)).unwrap());
    for length in [1001, 1 << 20, 1 << 40, 1 << 62] {
        let mut client = raw_peer(&scene.endpoint, "PUSH");
        client.write_all(&claim(0, length)).unwrap();
        scene.throws_out("a message that is too long", &mut client);
    }
    let mut client = raw_peer(&scene.endpoint, "PUSH");
    client.write_all(&[&claim(0, 1000)[..], &[7; 1000]].concat()).unwrap();
    assert_eq!(&scene.pull.recv().unwrap()[..], [7; 1000]);
}

/// Goal: half of something holds up nobody, and is never delivered. Method: half a greeting, or half a frame, comes, and nothing after
/// it; then its peer leaves, or says the rest.
#[test]
fn half_a_frame_and_then_nothing() {
    let scene = Scene::new();
    let _silent: Vec<_> = [0, 1, 9, 10, 11, 12, 63, 64]
        .into_iter()
        .map(|length| {
            let mut client = raw(&scene.endpoint);
            client.write_all(&greeting("NULL")[..length]).unwrap();
            scene.honest_pair_goes_on();
            client
        })
        .collect();
    for half in [&b"\x00"[..], &b"\x00\x09"[..], &b"\x00\x09half"[..], &b"\x02\x00\x00\x00"[..]] {
        let mut client = raw_peer(&scene.endpoint, "PUSH");
        client.write_all(half).unwrap();
        scene.honest_pair_goes_on();
        client.shutdown(Shutdown::Write).unwrap();
        scene.throws_out("half a frame", &mut client);
        assert!(scene.pull.try_recv().is_err());
    }
    let mut slow = raw_peer(&scene.endpoint, "PUSH");
    for byte in &frame(0, b"slow")[..5] {
        slow.write_all(&[*byte]).unwrap();
        scene.honest_pair_goes_on();
    }
    slow.write_all(b"w").unwrap();
    assert_eq!(&scene.pull.recv().unwrap()[..], b"slow");
}

/// Goal: a peer may leave at any moment. Method: after each byte of a handshake and a message, by a clean end and by a reset.
#[test]
fn leaving_at_every_byte() {
    let scene = Scene::new();
    let whole = [greeting("NULL"), ready("PUSH"), frame(1, b"two"), frame(0, b"parts")].concat();
    let before = resident_kib();
    for length in 0..whole.len() {
        for reset in [false, true] {
            let mut client = raw(&scene.endpoint);
            client.write_all(&whole[..length]).unwrap();
            if reset {
                // What was sent to a client and not read makes its close a reset; a greeting always comes.
                client.read_exact(&mut [0]).unwrap();
            }
            let peer = name(&client);
            drop(client);
            scene.event(&peer, "Disconnected", |kind| matches!(kind, EventKind::Disconnected(_)));
        }
        scene.honest_pair_goes_on();
    }
    assert!(scene.pull.try_recv().is_err(), "half a message is no message");
    assert_grown_less(before, 4);
}

/// Goal: what a lost connection left of a message is never seen. Method: a whole one, first parts, and then the end.
#[test]
fn part_of_a_message_is_never_seen() {
    let scene = Scene::new();
    for _ in 0..20 {
        let mut client = raw_peer(&scene.endpoint, "PUSH");
        client.write_all(&[frame(0, b"whole"), frame(1, b"half"), frame(1, b"and half")].concat()).unwrap();
        drop(client);
        assert_eq!(&scene.pull.recv().unwrap()[..], b"whole");
        scene.honest_pair_goes_on();
    }
}

/// Goal: who says nothing, or not enough, is thrown out when the time is over, and nobody waits for him. Method: 200
/// connections, every other one with half a greeting; each must get its own event.
#[test]
fn two_hundred_silent_connections() {
    const TIMEOUT: Duration = Duration::from_millis(700);
    let scene = Scene::with(|pull| pull.set_handshake_timeout(TIMEOUT).unwrap());
    let before = resident_kib();
    let begun = Instant::now();
    let mut clients: Vec<_> = (0..200)
        .map(|i| {
            let mut client = raw(&scene.endpoint);
            if i % 2 == 0 {
                client.write_all(&greeting("NULL")[..32]).unwrap();
            }
            client
        })
        .collect();
    scene.honest_pair_goes_on();
    let mut names: Vec<_> = clients.iter().map(name).collect();
    names.sort();
    clients.iter_mut().for_each(assert_closed);
    assert!(begun.elapsed() >= TIMEOUT);
    let mut failed = Vec::new();
    while failed.len() < clients.len() {
        let event = scene.monitor.wait_for(WAIT, |e| matches!(e.kind, EventKind::HandshakeFailed(_)));
        failed.push(event.expect("an event for each").remote);
    }
    failed.sort();
    assert_eq!(failed, names);
    scene.honest_pair_goes_on();
    assert_grown_less(before, 6);
}

/// Goal: a handshake that always goes on, but never ends, ends with its time (slow loris). Method: a READY of 60,000 bytes that
/// breaks no rule, a byte for each ten messages of the honest pair.
#[test]
fn a_handshake_byte_by_byte() {
    let scene = Scene::with(|pull| pull.set_handshake_timeout(Duration::from_millis(200)).unwrap());
    let mut body = b"\x05READY\x0bSocket-Type\0\0\0\x04PUSH\x03X-A".to_vec();
    body.extend_from_slice(&60_000u32.to_be_bytes());
    body.resize(body.len() + 60_000, b'x');
    let whole = [greeting("NULL"), claim(4, body.len() as u64), body].concat();
    let mut client = raw(&scene.endpoint);
    let begun = Instant::now();
    let said = whole.iter().take_while(|byte| {
        scene.honest_pair_goes_on();
        client.write_all(&[**byte]).is_ok()
    });
    assert!(said.count() < whole.len(), "the handshake was never cut off");
    assert!(begun.elapsed() < WAIT);
    let why = scene.refuses("a slow handshake", &mut client);
    assert!(matches!(why, EventKind::HandshakeFailed(_)), "{why:?}");
}

/// Goal: who sends to a socket that never receives is bounded. Method: up to 200 MB to a PUSH; either it is read and dropped, or the
/// flood stands still, but memory does not follow, and another peer is served.
#[test]
fn floods_at_sockets_that_do_not_receive() {
    let scene = Scene::new();
    let push = socket(&scene.context, SocketType::Push);
    let endpoint = push.bind("tcp://127.0.0.1:*").unwrap();
    let mut flooder = raw_peer(&endpoint, "PULL");
    flooder.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let before = resident_kib();
    let batch = frame(0, &[7; 200]).repeat(1000);
    let taken = (0..1000).take_while(|_| flooder.write_all(&batch).is_ok()).count();
    println!("{taken} of 1000 batches were taken");
    assert_grown_less(before, 32);
    let mut other = raw_peer(&endpoint, "PULL");
    other.set_read_timeout(Some(Duration::from_millis(10))).unwrap();
    drop(flooder);
    // Whatever goes to the flooder is lost with it.
    let begun = Instant::now();
    while other.read(&mut [0]).is_err() {
        assert!(begun.elapsed() < WAIT, "the other peer got nothing");
        push.send("for you").unwrap();
    }
    scene.honest_pair_goes_on();
}

/// Goal: as many subscriptions as a peer may have cost what they take, and one more costs it its connection. Method: a million
/// topics by hand to a PUB, whose honest subscriber gets its own among them; then one more.
#[test]
fn a_million_subscriptions() {
    const TOPICS: u32 = 1_000_000;
    let scene = Scene::new();
    let publisher = socket(&scene.context, SocketType::Pub);
    let monitor = publisher.monitor();
    let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
    let subscribe = |topic: &[u8]| frame(4, &[b"\x09SUBSCRIBE", topic].concat());
    let mut honest = raw_peer(&endpoint, "SUB");
    honest.write_all(&[subscribe(b"honest"), frame(4, b"\x04PING\0\0")].concat()).unwrap();
    assert_eq!(common::read_frame(&mut honest).1, b"\x04PONG", "everything before it was read");
    let before = resident_kib();
    let mut client = raw_peer(&endpoint, "SUB");
    let peer = name(&client);
    for begin in (0..TOPICS).step_by(1000) {
        let topics = (begin..begin + 1000).flat_map(|i| subscribe(&i.to_be_bytes()));
        client.write_all(&topics.collect::<Vec<u8>>()).unwrap();
        if begin % 100_000 == 0 {
            publisher.send("honest").unwrap();
            assert_eq!(common::read_frame(&mut honest).1, b"honest");
        }
    }
    client.write_all(&frame(4, b"\x04PING\0\0")).unwrap();
    assert_eq!(common::read_frame(&mut client).1, b"\x04PONG", "a million are allowed");
    publisher.send(&999_999u32.to_be_bytes()).unwrap();
    assert_eq!(common::read_frame(&mut client).1, 999_999u32.to_be_bytes());
    let grown = resident_kib().saturating_sub(before);
    println!("{grown} KiB for a million topics");
    assert!(grown < 256 * 1024, "{grown} KiB");
    client.write_all(&subscribe(b"one more")).unwrap();
    assert_closed(&mut client);
    let gone = monitor
        .wait_for(WAIT, |event| event.remote == peer && matches!(event.kind, EventKind::Disconnected(_)));
    assert!(gone.is_some());
    publisher.send("honest").unwrap();
    assert_eq!(common::read_frame(&mut honest).1, b"honest");
    scene.honest_pair_goes_on();
}

/// Goal: subscriptions cost the publisher what they take and end with their peer. Method: 100,000 topics by hand, in both
/// forms; an honest subscriber gets what is its own throughout; later rounds use the memory of the first.
#[test]
fn a_subscriber_of_a_hundred_thousand_topics() {
    const TOPICS: u32 = 100_000;
    let scene = Scene::new();
    let (publisher, subscriber) =
        (socket(&scene.context, SocketType::XPub), socket(&scene.context, SocketType::Sub));
    let monitor = publisher.monitor();
    let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
    subscriber.subscribe("honest").unwrap();
    subscriber.connect(&endpoint).unwrap();
    assert_eq!(&publisher.recv().unwrap()[..], b"\x01honest");
    let honest_goes_on = || {
        publisher.send("honest").unwrap();
        assert_eq!(&subscriber.recv().unwrap()[..], b"honest");
    };
    let topic = |i: u32| [&b"topic/"[..], &i.to_le_bytes()].concat();
    let messages: Vec<u8> = (0..TOPICS).flat_map(|i| frame(0, &[&[1], &topic(i)[..]].concat())).collect();
    let commands: Vec<u8> =
        (0..TOPICS).flat_map(|i| frame(4, &[b"\x09SUBSCRIBE", &topic(i)[..]].concat())).collect();
    let mut grown = Vec::new();
    let before = resident_kib();
    for round in 0..3 {
        let mut client = raw_peer(&endpoint, "SUB");
        let peer = name(&client);
        let topics = if round % 2 == 0 { &messages } else { &commands };
        std::thread::scope(|scope| {
            scope.spawn(|| client.write_all(topics).unwrap());
            for i in 0..TOPICS {
                let request = publisher.recv().unwrap();
                assert_eq!(&request[1..], &topic(i)[..]);
            }
        });
        honest_goes_on();
        publisher.send([&topic(7)[..], b" news"].concat()).unwrap();
        let (flags, news) = common::read_frame(&mut client);
        assert!(flags == 0 && news.ends_with(b" news"));
        drop(client);
        let gone = monitor
            .wait_for(WAIT, |event| event.remote == peer && matches!(event.kind, EventKind::Disconnected(_)));
        assert!(gone.is_some());
        // The application hears of each topic that nobody wants any more.
        for _ in 0..TOPICS {
            assert_eq!(publisher.recv().unwrap().first(), Some(&0));
        }
        honest_goes_on();
        grown.push(resident_kib().saturating_sub(before));
    }
    scene.honest_pair_goes_on();
    assert!(grown[0] < 64 * 1024, "{grown:?} KiB");
    // What one round leaves behind, the next one uses: allocators keep some, but three rounds' topics would be three times
    // as much.
    assert!(grown[2] < grown[0] + 24 * 1024, "{grown:?} KiB");
}
