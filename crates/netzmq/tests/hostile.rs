//! Peers that break the rules, by malice or by accident: each loses its own connection and nothing else.
//!
//! The method is the same throughout: a bare TCP client does one thing wrong to a PULL that an honest PUSH talks to.
//! Then the client must find its connection closed, the monitor must have an event with the client's address, the
//! honest pair must go on, and the process must not have grown. Tests take turns, so that memory can be told apart.

mod common;

use std::io::Write;
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
    let wrong: [(&str, Vec<u8>); 14] = [
        ("a web browser", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(3)),
        ("noise", noise.clone()),
        ("noise after a greeting", after_greeting(&noise)),
        ("an unknown mechanism", greeting("MAGIC")),
        ("another mechanism", greeting("PLAIN")),
        ("a second greeting", after_greeting(&greeting("NULL"))),
        ("a message before READY", after_greeting(&frame(0, b"hello"))),
        ("PING before READY", after_greeting(&frame(4, b"\x04PING\x00\x0a"))),
        ("a wrong socket type", after_greeting(&ready("SUB"))),
        ("an unknown socket type", after_greeting(&ready("CROWD"))),
        ("a command of 2^63 bytes", after_greeting(&claim(4, 1 << 63))),
        ("a command of 2^62 bytes", after_greeting(&claim(4, 1 << 62))),
        ("a command that is too long", after_greeting(&claim(4, 64 * 1024 + 1))),
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
    assert_grown_less(before, 4);
}

/// Goal: a broken rule after the handshake ends the connection, with a reason, and takes no memory for what was only
/// claimed. Method: each kind, to a socket without a limit.
#[test]
fn wrong_goings_on() {
    let scene = Scene::new();
    let before = resident_kib();
    let wrong: [(&str, Vec<u8>); 9] = [
        ("a message of 2^63 bytes", claim(0, 1 << 63)),
        ("a command of 2^63 bytes", claim(4, 1 << 63)),
        ("a command of 2^62 bytes", claim(4, 1 << 62)),
        ("a command that is too long", claim(4, 64 * 1024 + 1)),
        ("a second greeting", greeting("NULL")),
        ("a second READY", ready("PUSH")),
        ("PING that is too short", frame(4, b"\x04PING\x00")),
        ("a command inside a message", [frame(1, b"begun"), frame(4, b"\x04PING\x00\x0a")].concat()),
        ("a command without a name", frame(4, b"")),
    ];
    for (what, bytes) in wrong {
        let mut client = raw_peer(&scene.endpoint, "PUSH");
        client.write_all(&bytes).unwrap();
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

/// Goal: half a frame holds up nobody, and is never delivered. Method: it comes, and nothing after it; then its peer
/// leaves, or says the rest.
#[test]
fn half_a_frame_and_then_nothing() {
    let scene = Scene::new();
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

/// Goal: a peer may leave at any moment. Method: after each byte of a handshake and a message.
#[test]
fn leaving_at_every_byte() {
    let scene = Scene::new();
    let whole = [greeting("NULL"), ready("PUSH"), frame(1, b"two"), frame(0, b"parts")].concat();
    let before = resident_kib();
    for length in 0..whole.len() {
        let mut client = raw(&scene.endpoint);
        client.write_all(&whole[..length]).unwrap();
        let peer = name(&client);
        drop(client);
        scene.event(&peer, "Disconnected", |kind| matches!(kind, EventKind::Disconnected(_)));
        scene.honest_pair_goes_on();
    }
    assert!(scene.pull.try_recv().is_err(), "half a message is no message");
    assert_grown_less(before, 4);
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
