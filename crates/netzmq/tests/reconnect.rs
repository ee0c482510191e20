//! What was connected stays connected: through listeners that go and come back, with what was queued and subscribed.

mod common;

use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use common::{WAIT, expect, expect_lost, expect_ready, frame, free_endpoint, raw_peer, shake, socket};
use netzmq::{Context, EventKind, Monitor, SendFailure, Socket, SocketType};

/// An endpoint of each wire transport that can be bound again and again.
fn endpoints(context: &Context, name: &str) -> [String; 2] {
    [free_endpoint(context), format!("ipc://@netzmq-{name}-{}", std::process::id())]
}

fn quick(context: &Context, socket_type: SocketType) -> Socket {
    let socket = socket(context, socket_type);
    socket.set_reconnect_interval(Some(Duration::from_millis(5))).unwrap();
    socket
}

fn accept(listener: &TcpListener) -> TcpStream {
    let (stream, _) = listener.accept().unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream
}

/// The pause of the next failed attempt.
#[track_caller]
fn next_pause(monitor: &Monitor) -> Duration {
    match expect(monitor, "ConnectRetried", |kind| matches!(kind, EventKind::ConnectRetried(_))).kind {
        EventKind::ConnectRetried(pause) => pause,
        _ => unreachable!(),
    }
}

/// Goal: what is sent while the peer is away arrives when it is back, in order. Method: twenty times, a receiver goes
/// and another one comes at the same endpoint.
#[test]
fn messages_wait_for_a_listener_to_come_back() {
    let context = Context::new();
    for endpoint in endpoints(&context, "back") {
        let push = quick(&context, SocketType::Push);
        let monitor = push.monitor();
        push.connect(&endpoint).unwrap();
        let mut next = 0u32;
        for round in 0..20u32 {
            // The first ones before anybody was ever there.
            for i in 0..500 {
                push.send(&(next + i).to_le_bytes()).unwrap();
            }
            let pull = socket(&context, SocketType::Pull);
            pull.bind(&endpoint).unwrap();
            for i in 0..500 {
                assert_eq!(pull.recv().unwrap()[..], (next + i).to_le_bytes(), "{endpoint}, round {round}");
            }
            assert!(pull.try_recv().is_err());
            next += 500;
            expect_ready(&monitor);
            drop(pull);
            expect_lost(&monitor);
        }
    }
}

/// Goal: replies to who is gone are lost quietly, and both sides go on: a ROUTER's peer is the same again after its
/// return. Method: a DEALER with a name, whose ROUTER is replaced.
#[test]
fn a_named_peer_is_known_again() {
    let context = Context::new();
    for endpoint in endpoints(&context, "named") {
        let dealer = quick(&context, SocketType::Dealer);
        dealer.set_routing_id(b"me".to_vec()).unwrap();
        let monitor = dealer.monitor();
        dealer.connect(&endpoint).unwrap();
        for _ in 0..3 {
            let router = socket(&context, SocketType::Router);
            router.set_router_mandatory(true).unwrap();
            router.bind(&endpoint).unwrap();
            dealer.send("hello").unwrap();
            let question = router.recv_multipart().unwrap();
            assert!(question.iter().map(|part| &part[..]).eq([&b"me"[..], b"hello"]));
            router.send_multipart(question).unwrap();
            assert_eq!(&dealer.recv().unwrap()[..], b"hello");
            drop(router);
            expect_lost(&monitor);
        }
    }
}

/// Goal: a subscriber tells a new publisher what it wants now. Method: subscriptions change while nobody is there; an
/// XPUB at the same endpoint shows what it hears.
#[test]
fn subscriptions_are_told_again() {
    let context = Context::new();
    for endpoint in endpoints(&context, "again") {
        let subscriber = quick(&context, SocketType::Sub);
        let monitor = subscriber.monitor();
        for topic in ["kept", "dropped", "twice", "twice"] {
            subscriber.subscribe(topic).unwrap();
        }
        let first = socket(&context, SocketType::XPub);
        first.bind(&endpoint).unwrap();
        subscriber.connect(&endpoint).unwrap();
        for _ in 0..3 {
            assert_eq!(first.recv().unwrap().first(), Some(&1));
        }
        first.send("kept 1").unwrap();
        assert_eq!(&subscriber.recv().unwrap()[..], b"kept 1");
        drop(first);
        expect_lost(&monitor);
        subscriber.unsubscribe("dropped").unwrap();
        subscriber.unsubscribe("twice").unwrap();
        subscriber.subscribe("new").unwrap();
        let second = socket(&context, SocketType::XPub);
        second.bind(&endpoint).unwrap();
        let mut heard: Vec<_> = (0..3).map(|_| second.recv().unwrap().to_vec()).collect();
        heard.sort();
        assert_eq!(heard, [&b"\x01kept"[..], b"\x01new", b"\x01twice"]);
        assert!(second.try_recv().is_err());
        for news in ["dropped 2", "kept 2", "new 2", "twice 2"] {
            second.send(news).unwrap();
        }
        for news in ["kept 2", "new 2", "twice 2"] {
            assert_eq!(&subscriber.recv().unwrap()[..], news.as_bytes());
        }
    }
}

/// Goal: pauses double up to the limit with a random part, begin anew after a success, and are told. Method: the
/// monitor's account of failing attempts.
#[test]
fn pauses_grow_and_begin_anew() {
    let ms = Duration::from_millis;
    let context = Context::new();
    let endpoint = free_endpoint(&context);
    let push = socket(&context, SocketType::Push);
    push.set_reconnect_interval(Some(ms(4))).unwrap();
    push.set_reconnect_interval_max(ms(40)).unwrap();
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    let growing = |monitor: &Monitor| {
        for base in [4, 8, 16, 32, 40, 40] {
            let pause = next_pause(monitor);
            assert!(
                pause >= ms(base) && pause <= ms((base + 4).min(40)),
                "{pause:?} where {base} ms are due"
            );
        }
    };
    growing(&monitor);
    let pull = socket(&context, SocketType::Pull);
    pull.bind(&endpoint).unwrap();
    expect_ready(&monitor);
    drop(pull);
    expect_lost(&monitor);
    growing(&monitor);

    // Without a limit, the pause stays.
    let steady = socket(&context, SocketType::Push);
    steady.set_reconnect_interval(Some(ms(6))).unwrap();
    let monitor = steady.monitor();
    steady.connect(&endpoint).unwrap();
    for _ in 0..6 {
        let pause = next_pause(&monitor);
        assert!(pause >= ms(6) && pause < ms(12), "{pause:?}");
    }
}

/// Goal: `None` tries once. Method: a refused attempt, and a connection that is lost: the monitor falls silent, and what
/// comes later at the endpoint is left alone.
#[test]
fn no_interval_means_no_second_attempt() {
    let context = Context::new();
    let silent = |monitor: &Monitor| {
        let more = monitor.recv_timeout(Duration::from_millis(250));
        assert!(more.is_none(), "{more:?}");
    };
    for endpoint in endpoints(&context, "once") {
        let push = socket(&context, SocketType::Push);
        push.set_reconnect_interval(None).unwrap();
        let monitor = push.monitor();
        push.connect(&endpoint).unwrap();
        expect(&monitor, "Closed", |kind| *kind == EventKind::Closed);
        let pull = socket(&context, SocketType::Pull);
        pull.bind(&endpoint).unwrap();
        silent(&monitor);
        assert_eq!(push.try_send("nobody").unwrap_err().reason, SendFailure::WouldBlock);

        push.connect(&endpoint).unwrap();
        push.send("somebody").unwrap();
        assert_eq!(&pull.recv().unwrap()[..], b"somebody");
        expect_ready(&monitor);
        drop(pull);
        expect_lost(&monitor);
        let pull = socket(&context, SocketType::Pull);
        pull.bind(&endpoint).unwrap();
        silent(&monitor);
        assert_eq!(push.try_send("nobody").unwrap_err().reason, SendFailure::WouldBlock);
        // By hand it can be done.
        push.connect(&endpoint).unwrap();
        push.send("again").unwrap();
        assert_eq!(&pull.recv().unwrap()[..], b"again");
    }
}

/// Goal: `immediate` queues for nobody who is not there: sends wait, and go to whoever comes. Method: one peer leaves,
/// the other one gets everything; then neither is there.
#[test]
fn immediate_queues_only_for_who_is_there() {
    let context = Context::new();
    let [first, second] = [free_endpoint(&context), format!("ipc://@netzmq-now-{}", std::process::id())];
    let push = quick(&context, SocketType::Push);
    push.set_immediate(true).unwrap();
    let monitor = push.monitor();
    push.connect(&first).unwrap();
    assert_eq!(push.try_send("nobody").unwrap_err().reason, SendFailure::WouldBlock);
    let (one, other) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Pull));
    one.bind(&first).unwrap();
    push.send("one").unwrap();
    assert_eq!(&one.recv().unwrap()[..], b"one");
    push.connect(&second).unwrap();
    other.bind(&second).unwrap();
    for _ in 0..2 {
        expect_ready(&monitor);
    }
    drop(one);
    expect_lost(&monitor);
    // The event comes a moment before the pipe goes: what is sent in this moment may go with it.
    other.set_recv_timeout(Some(Duration::from_millis(200))).unwrap();
    let (mut in_a_row, mut lost) = (0, 0);
    while in_a_row < 50 {
        push.send("other").unwrap();
        match other.recv() {
            Ok(_) => in_a_row += 1,
            Err(_) => (in_a_row, lost) = (0, lost + 1),
        }
        assert!(lost < 10, "they still go to who has left");
    }
    drop(other);
    expect_lost(&monitor);
    let one = socket(&context, SocketType::Pull);
    one.bind(&first).unwrap();
    expect_ready(&monitor);
    push.send("back").unwrap();
    assert_eq!(&one.recv().unwrap()[..], b"back");
}

/// Goal: `disconnect` ends the attempts. Method: in the pause, and in a connection.
#[test]
fn disconnecting_ends_the_attempts() {
    let context = Context::new();
    let endpoint = free_endpoint(&context);
    let push = quick(&context, SocketType::Push);
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    next_pause(&monitor);
    push.disconnect(&endpoint).unwrap();
    assert!(push.disconnect(&endpoint).is_err());
    while monitor.recv_timeout(Duration::from_millis(250)).is_some() {}
    let pull = socket(&context, SocketType::Pull);
    pull.bind(&endpoint).unwrap();
    assert!(monitor.recv_timeout(Duration::from_millis(250)).is_none());
    assert_eq!(push.try_send("nobody").unwrap_err().reason, SendFailure::WouldBlock);
}

/// Goal: a receiver that connects finds a binder that was restarted, although the old one's end came together with its
/// last bytes, again and again.
#[test]
fn a_receiver_finds_the_restarted_binder() {
    let (context, other) = (Context::new(), Context::new());
    for place in endpoints(&context, "restarted") {
        let pull = quick(&context, SocketType::Pull);
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

/// Goal: a message of which the first parts were sent when the connection was lost arrives whole over the next one.
///
/// A regression: the first parts were forgotten, and the rest travelled alone.
#[test]
fn a_message_being_composed_survives() {
    let (context, other) = (Context::new(), Context::new());
    for place in endpoints(&context, "composed") {
        let push = quick(&context, SocketType::Push);
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
    let pull = quick(&context, SocketType::Pull);
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

/// Goal: an accepted peer that is killed takes only its own messages with it, and its place is free. Method: a DEALER
/// with a name comes again and again; the ROUTER finds the living one each time.
#[test]
fn a_router_finds_who_came_back() {
    let (context, other) = (Context::new(), Context::new());
    for place in endpoints(&context, "came-back") {
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
    let req = quick(&context, SocketType::Req);
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

/// Goal: a listener that bare peers come to and leave serves the next one as well. Method: two hundred, one after the
/// other, each with a message.
#[test]
fn peers_come_and_go() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    for i in 0..200u8 {
        let mut peer = raw_peer(&endpoint, "PUSH");
        peer.write_all(&frame(0, &[i])).unwrap();
        drop(peer);
        assert_eq!(pull.recv().unwrap()[..], [i]);
    }
}
