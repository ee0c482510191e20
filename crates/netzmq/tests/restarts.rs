//! Peers that are killed and come back: nothing that was only queued is lost, nothing is doubled, nothing is torn, and
//! the monitor tells each step.

mod common;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use common::{WAIT, expect, expect_lost, expect_ready, frame, free_endpoint, shake, socket};
use netzmq::{Context, EventKind, Socket, SocketType};

const MS: Duration = Duration::from_millis(1);

/// A socket that tries again at once.
fn eager(context: &Context, socket_type: SocketType) -> Socket {
    let socket = socket(context, socket_type);
    socket.set_reconnect_interval(Some(5 * MS)).unwrap();
    socket
}

/// The two wire transports, at places that can be bound again.
fn places() -> [String; 2] {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let path = std::env::temp_dir().join(format!("netzmq-restarts-{}-{count}", std::process::id()));
    [free_endpoint(&Context::new()), format!("ipc://{}", path.display())]
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream
}

/// Goal: what was queued while nobody was there arrives, in order and once. Method: the binder is killed five times;
/// each time the connecter notices, queues, and goes on when it is back.
#[test]
fn queued_messages_survive_the_binder() {
    for place in places() {
        let (context, other) = (Context::new(), Context::new());
        let push = eager(&context, SocketType::Push);
        let monitor = push.monitor();
        push.connect(&place).unwrap();
        for _ in 0..5 {
            for i in 0..500u32 {
                push.send(&i.to_le_bytes()).unwrap();
            }
            let pull = socket(&other, SocketType::Pull);
            pull.bind(&place).unwrap();
            for i in 0..500u32 {
                assert_eq!(pull.recv().unwrap()[..], i.to_le_bytes(), "{place}");
            }
            assert!(pull.try_recv().is_err(), "{place}: nothing twice");
            drop(pull);
            expect_lost(&monitor);
        }
    }
}

/// Goal: a receiver that connects finds a binder that was restarted, although the old one's end came together with its
/// last bytes, again and again.
#[test]
fn a_receiver_finds_the_restarted_binder() {
    for place in places() {
        let (context, other) = (Context::new(), Context::new());
        let pull = eager(&context, SocketType::Pull);
        pull.connect(&place).unwrap();
        for round in 0..20u8 {
            let push = socket(&other, SocketType::Push);
            push.set_linger(None).unwrap();
            push.bind(&place).unwrap();
            push.send(&[round]).unwrap();
            drop(push);
            assert_eq!(pull.recv().unwrap()[..], [round], "{place}");
        }
    }
}

/// Goal: subscriptions are made again with every new connection, those made meanwhile too. Method: an XPUB that shows
/// them is restarted.
#[test]
fn subscriptions_are_renewed() {
    for place in places() {
        let (context, other) = (Context::new(), Context::new());
        let sub = eager(&context, SocketType::Sub);
        sub.subscribe("a").unwrap();
        sub.connect(&place).unwrap();
        let mut topics = vec![b"\x01a".to_vec()];
        for round in 0..3u8 {
            let xpub = socket(&other, SocketType::XPub);
            xpub.bind(&place).unwrap();
            let mut seen: Vec<_> = topics.iter().map(|_| xpub.recv().unwrap().to_vec()).collect();
            seen.sort();
            assert_eq!(seen, topics, "{place}");
            xpub.send("all of it").unwrap();
            assert_eq!(&sub.recv().unwrap()[..], b"all of it");
            drop(xpub);
            let topic = [b'b' + round];
            sub.subscribe(topic).unwrap();
            topics.push([1, topic[0]].to_vec());
        }
    }
}

/// Goal: a message of which the first parts were sent when the connection was lost arrives whole over the next one.
///
/// A regression: the first parts were forgotten, and the rest travelled alone.
#[test]
fn a_message_being_composed_survives() {
    for place in places() {
        let (context, other) = (Context::new(), Context::new());
        let push = eager(&context, SocketType::Push);
        let monitor = push.monitor();
        push.connect(&place).unwrap();
        let pull = socket(&other, SocketType::Pull);
        pull.bind(&place).unwrap();
        expect_ready(&monitor);
        push.send_more("head").unwrap();
        push.send_more(vec![7; 10_000]).unwrap();
        drop(pull);
        expect_lost(&monitor);
        push.send_more("neck").unwrap();
        push.send("tail").unwrap();
        push.send("next").unwrap();
        let pull = socket(&other, SocketType::Pull);
        pull.bind(&place).unwrap();
        let message = pull.recv_multipart().unwrap();
        assert_eq!(message.iter().map(|part| part.len()).collect::<Vec<_>>(), [4, 10_000, 4, 4], "{place}");
        assert_eq!(&pull.recv().unwrap()[..], b"next");
    }
}

/// Goal: what a lost connection left of a message is not seen, least of all in front of the next connection's. Method:
/// a binder by hand that breaks off after a whole message and a first part, and then sends something else.
#[test]
fn a_torn_message_is_never_seen() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let context = Context::new();
    let pull = eager(&context, SocketType::Pull);
    let monitor = pull.monitor();
    pull.connect(&format!("tcp://{}", listener.local_addr().unwrap())).unwrap();
    for tear in [frame(1, b"torn"), [frame(1, b"torn"), vec![0, 9, b'c']].concat(), vec![0; 1]] {
        let mut stream = accept(&listener);
        shake(&mut stream, "PUSH");
        stream.write_all(&[frame(1, b"a"), frame(0, b"b"), frame(0, b"c"), tear].concat()).unwrap();
        drop(stream);
        expect_lost(&monitor);
        let mut stream = accept(&listener);
        shake(&mut stream, "PUSH");
        stream.write_all(&frame(0, b"d")).unwrap();
        let expected: [&[&[u8]]; 3] = [&[b"a", b"b"], &[b"c"], &[b"d"]];
        for parts in expected {
            let message = pull.recv_multipart().unwrap();
            assert!(message.iter().map(|part| &part[..]).eq(parts.iter().copied()), "{message:?}");
        }
        drop(stream);
        expect_lost(&monitor);
    }
}

/// Goal: attempts are told, their pauses grow to the maximum and start over after a success. Method: nobody is there,
/// then somebody, then nobody.
#[test]
fn pauses_grow_and_start_over() {
    let (context, other) = (Context::new(), Context::new());
    let place = free_endpoint(&other);
    let push = socket(&context, SocketType::Push);
    push.set_reconnect_interval(Some(4 * MS)).unwrap();
    push.set_reconnect_interval_max(32 * MS).unwrap();
    let monitor = push.monitor();
    push.connect(&place).unwrap();
    let pause =
        || match expect(&monitor, "ConnectRetried", |k| matches!(k, EventKind::ConnectRetried(_))).kind {
            EventKind::ConnectRetried(pause) => pause,
            _ => unreachable!(),
        };
    let pauses: Vec<_> = (0..6).map(|_| pause()).collect();
    assert!(pauses[0] >= 4 * MS && pauses[0] < 9 * MS, "{pauses:?}");
    assert!(pauses.windows(2).all(|two| two[0] <= two[1] + 4 * MS), "{pauses:?}");
    assert_eq!(pauses[5], 32 * MS);
    let pull = socket(&other, SocketType::Pull);
    pull.bind(&place).unwrap();
    expect_ready(&monitor);
    drop(pull);
    assert!(pause() < 9 * MS);
}

/// Goal: `reconnect_interval` of `None` means never again, and the pipe goes. Method: the binder goes once.
#[test]
fn never_again_means_never() {
    let (context, other) = (Context::new(), Context::new());
    let pull = socket(&other, SocketType::Pull);
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let push = socket(&context, SocketType::Push);
    push.set_reconnect_interval(None).unwrap();
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    push.send("x").unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"x");
    drop(pull);
    expect_lost(&monitor);
    let pull = socket(&other, SocketType::Pull);
    pull.bind(&endpoint).unwrap();
    let again = monitor.wait_for(200 * MS, |event| event.kind == EventKind::Connected);
    assert_eq!(again, None);
    assert!(push.try_send("to nobody").is_err());
}

/// Goal: an accepted peer that is killed takes only its own messages with it, and its place is free. Method: a DEALER
/// with a name comes again and again; the ROUTER finds the living one each time.
#[test]
fn a_router_finds_who_came_back() {
    for place in places() {
        let (context, other) = (Context::new(), Context::new());
        let router = socket(&context, SocketType::Router);
        router.bind(&place).unwrap();
        let monitor = router.monitor();
        for round in 0..20u8 {
            let dealer = socket(&other, SocketType::Dealer);
            dealer.set_routing_id(b"same".to_vec()).unwrap();
            dealer.connect(&place).unwrap();
            dealer.send(&[round]).unwrap();
            let message = router.recv_multipart().unwrap();
            assert_eq!((&message[0][..], &message[1][..]), (&b"same"[..], &[round][..]), "{place}");
            router.send_multipart(message).unwrap();
            assert_eq!(dealer.recv().unwrap()[..], [round]);
            drop(dealer);
            expect_lost(&monitor);
        }
    }
}

/// Goal: a REQ whose server dies with its question can be used again when relaxed, and finds the new server.
#[test]
fn a_relaxed_req_asks_again() {
    let (context, other) = (Context::new(), Context::new());
    let place = free_endpoint(&other);
    let req = eager(&context, SocketType::Req);
    req.set_req_relaxed(true).unwrap();
    req.set_req_correlate(true).unwrap();
    let monitor = req.monitor();
    req.connect(&place).unwrap();
    let rep = socket(&other, SocketType::Rep);
    rep.bind(&place).unwrap();
    req.send("lost").unwrap();
    assert_eq!(&rep.recv().unwrap()[..], b"lost");
    drop(rep);
    expect_lost(&monitor);
    let rep = socket(&other, SocketType::Rep);
    rep.bind(&place).unwrap();
    req.send("again").unwrap();
    assert_eq!(&rep.recv().unwrap()[..], b"again");
    rep.send("here").unwrap();
    assert_eq!(&req.recv().unwrap()[..], b"here");
}
