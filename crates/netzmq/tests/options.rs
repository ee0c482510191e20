//! Options act, or are refused with an error that says what would do; so do endpoints, and calls out of turn.

mod common;

use std::io::Read;
use std::time::{Duration, Instant};

use common::{WAIT, expect, expect_lost, expect_ready, join, raw_peer, socket};
use netzmq::{
    Context, EndpointError, EventKind, Multipart, OptionError, RecvError, Security, SendFailure, Socket,
    SocketType,
};

/// Sets each option to a value that is not its default, and reads it back.
macro_rules! read_back {
    ($socket:expr; $($set:ident, $get:ident: $value:expr;)*) => {
        $(
            assert_ne!($socket.$get(), $value, "{}: the default will not do for a test", stringify!($get));
            $socket.$set($value).unwrap();
            assert_eq!($socket.$get(), $value, stringify!($get));
        )*
    };
}

/// Goal: what was set is what is read, and no combination of plain settings is in the way of a message. Method: every
/// option that changes no pattern, on both ends of a connection.
#[test]
fn options_are_read_back() {
    let context = Context::new();
    let sockets = [socket(&context, SocketType::Pull), socket(&context, SocketType::Push)];
    let (ms, seconds) = (Duration::from_millis, Duration::from_secs);
    for s in &sockets {
        read_back! { s;
            set_send_hwm, send_hwm: 17;
            set_recv_hwm, recv_hwm: 18;
            set_send_timeout, send_timeout: Some(seconds(29));
            set_recv_timeout, recv_timeout: Some(seconds(28));
            set_linger, linger: Some(ms(20));
            set_immediate, immediate: true;
            set_routing_id, routing_id: b"name".to_vec();
            set_reconnect_interval, reconnect_interval: Some(ms(21));
            set_reconnect_interval_max, reconnect_interval_max: ms(300);
            set_connect_timeout, connect_timeout: seconds(22);
            set_handshake_timeout, handshake_timeout: seconds(23);
            set_heartbeat_interval, heartbeat_interval: seconds(24);
            set_heartbeat_ttl, heartbeat_ttl: ms(6_553_500);
            set_heartbeat_timeout, heartbeat_timeout: Some(seconds(25));
            set_max_message_size, max_message_size: Some(1 << 20);
            set_zap_domain, zap_domain: "domain".to_owned();
            set_backlog, backlog: 5;
            set_ipv6, ipv6: true;
            set_send_buffer, send_buffer: Some(100_000);
            set_recv_buffer, recv_buffer: Some(100_000);
            set_type_of_service, type_of_service: Some(0x20);
            set_tcp_keepalive, tcp_keepalive: Some(true);
            set_tcp_keepalive_idle, tcp_keepalive_idle: Some(seconds(60));
            set_tcp_keepalive_interval, tcp_keepalive_interval: Some(seconds(5));
            set_tcp_keepalive_count, tcp_keepalive_count: Some(3);
            set_tcp_max_retransmit, tcp_max_retransmit: Some(seconds(30));
        }
    }
    let [pull, push] = sockets;
    push.connect(&pull.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    push.send("through all of it").unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"through all of it");
}

/// Goal: values that make no sense are refused, change nothing, and the error names the option and what would do.
/// Method: one of each.
#[test]
fn senseless_values_are_refused() {
    let context = Context::new();
    let s = socket(&context, SocketType::Router);
    let long = || vec![b'x'; 256];
    let refused = [
        (s.set_routing_id(long()), "255"),
        (s.set_routing_id(vec![0, 1]), "zero"),
        (s.set_connect_routing_id(Some(Vec::new())), "at least one"),
        (s.set_connect_routing_id(Some(long())), "255"),
        (s.set_heartbeat_ttl(Duration::from_secs(6554)), "6553.5"),
        (s.set_zap_domain("x".repeat(256)), "255"),
        (s.set_security(Security::PlainClient { username: "x".repeat(256), password: "".into() }), "255"),
    ];
    for (result, hint) in refused {
        let error = result.unwrap_err();
        assert!(matches!(error, OptionError::Invalid { .. }) && error.to_string().contains(hint), "{error}");
    }
    assert_eq!((s.routing_id(), s.connect_routing_id(), s.zap_domain()), (Vec::new(), None, String::new()));
    assert_eq!(s.heartbeat_ttl(), Duration::ZERO);
    for (result, verb) in [(s.subscribe("x"), "subscribe"), (s.unsubscribe("x"), "subscribe")] {
        let error = result.unwrap_err();
        assert!(matches!(error, OptionError::NotSupported(_)) && error.to_string().contains(verb), "{error}");
    }
    let dish = socket(&context, SocketType::Dish);
    assert!(matches!(dish.subscribe("x".repeat(256)), Err(OptionError::Invalid { .. })));
}

/// Goal: an endpoint that is taken is refused by name, whoever has it, and free again after an unbind or a drop. Method:
/// all transports, the same socket and another one.
#[test]
fn an_endpoint_in_use_is_refused() {
    let context = Context::new();
    for transport in common::TRANSPORTS {
        let (first, second) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Pull));
        let endpoint = first.bind(transport).unwrap();
        for s in [&first, &second] {
            let error = s.bind(&endpoint).unwrap_err();
            assert!(matches!(&error, EndpointError::InUse(name) if *name == endpoint), "{error}");
            assert!(error.to_string().contains(&endpoint));
        }
        // The refusals did no harm.
        let push = socket(&context, SocketType::Push);
        push.connect(&endpoint).unwrap();
        push.send("x").unwrap();
        assert_eq!(&first.recv().unwrap()[..], b"x");
        drop(push);
        if !transport.starts_with("ipc://*") {
            first.unbind(&endpoint).unwrap();
            second.bind(&endpoint).unwrap();
            drop(second);
            first.bind(&endpoint).unwrap();
        }
    }
}

/// Goal: endpoints that this socket or this build can't use are refused with the reason. Method: one of each kind, that
/// `lifecycle` does not have.
#[test]
fn unusable_endpoints_are_refused() {
    let context = Context::new();
    let (pull, stream) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Stream));
    for text in ["udp://127.0.0.1:5555", "pgm://eth0;239.0.0.1:5555", "vmci://1:2", "tipc://{1,2,0}"] {
        for error in [pull.bind(text).unwrap_err(), pull.connect(text).unwrap_err()] {
            assert!(error.to_string().contains(text), "{error}");
        }
    }
    for text in ["inproc://x", "ipc://@netzmq-never"] {
        assert!(matches!(stream.bind(text), Err(EndpointError::Unsupported { .. })));
        assert!(matches!(stream.connect(text), Err(EndpointError::Unsupported { .. })));
    }
    assert!(pull.bind(&format!("ipc:///tmp/{}", "x".repeat(200))).is_err(), "longer than a path may be");
    assert!(pull.bind(&format!("inproc://{}", "x".repeat(300))).is_err(), "longer than a name may be");
    assert!(pull.bind("tcp://[::1]:*").is_err(), "IPv6 is off");
    assert!(pull.bind("tcp://nosuchinterface0:*").is_err());
    pull.set_bind_to_device(Some("nosuchdevice0".to_owned())).unwrap();
    assert!(matches!(pull.bind("tcp://127.0.0.1:*"), Err(EndpointError::Io { .. })));
    pull.set_bind_to_device(None).unwrap();
    pull.bind("tcp://127.0.0.1:*").unwrap();

    let bare = Context::builder().io_threads(0).build();
    let alone = socket(&bare, SocketType::Pull);
    assert!(alone.bind("tcp://127.0.0.1:*").unwrap_err().to_string().contains("I/O threads"));
    alone.bind("inproc://works").unwrap();
}

/// Goal: a call out of turn is refused at once, says so, and breaks nothing. Method: each socket type's illegal verbs, and
/// REQ and REP at the wrong moments; then the legal turn works.
#[test]
fn calls_out_of_turn_are_refused() {
    let context = Context::new();
    for socket_type in [SocketType::Pull, SocketType::Sub] {
        let error = socket(&context, socket_type).send("x").unwrap_err();
        assert_eq!((error.reason, &error.message[..]), (SendFailure::NotSupported, &b"x"[..]));
        assert!(error.to_string().contains("cannot send"));
    }
    for socket_type in [SocketType::Push, SocketType::Pub] {
        let error = socket(&context, socket_type).recv().unwrap_err();
        assert_eq!(error, RecvError::NotSupported);
        assert!(error.to_string().contains("cannot receive"));
    }
    let (rep, req) = join(&context, "inproc://turns", SocketType::Rep, SocketType::Req);
    for _ in 0..3 {
        assert_eq!(req.recv().unwrap_err(), RecvError::WrongState);
        assert_eq!(rep.send("x").unwrap_err().reason, SendFailure::WrongState);
        req.send("question").unwrap();
        assert_eq!(req.send("again").unwrap_err().reason, SendFailure::WrongState);
        assert_eq!(&rep.recv().unwrap()[..], b"question");
        assert_eq!(rep.recv().unwrap_err(), RecvError::WrongState);
        rep.send("answer").unwrap();
        assert_eq!(&req.recv().unwrap()[..], b"answer");
    }
}

fn parts(message: &Multipart) -> Vec<&[u8]> {
    message.iter().map(|part| &part[..]).collect()
}

/// Goal: ROUTER's and REQ's options act. Method: one after the other, seen from the other end.
#[test]
fn routing_options_act() {
    let context = Context::new();
    let router = socket(&context, SocketType::Router);
    router.try_send_multipart(["nobody", "x"]).unwrap();
    router.set_router_mandatory(true).unwrap();
    assert_eq!(router.try_send_multipart(["nobody", "x"]).unwrap_err().reason, SendFailure::Unroutable);
    let endpoint = router.bind("tcp://127.0.0.1:*").unwrap();

    let prober = socket(&context, SocketType::Dealer);
    prober.set_probe_router(true).unwrap();
    prober.set_routing_id(b"prober".to_vec()).unwrap();
    prober.connect(&endpoint).unwrap();
    assert_eq!(parts(&router.recv_multipart().unwrap()), [&b"prober"[..], b""]);

    // A name that is in use: the newcomer is left out, or takes over.
    for handover in [false, true] {
        router.set_router_handover(handover).unwrap();
        let namesake = socket(&context, SocketType::Dealer);
        namesake.set_routing_id(b"prober".to_vec()).unwrap();
        namesake.set_reconnect_interval(None).unwrap();
        let monitor = namesake.monitor();
        namesake.connect(&endpoint).unwrap();
        if handover {
            namesake.send("mine now").unwrap();
            assert_eq!(parts(&router.recv_multipart().unwrap()), [&b"prober"[..], b"mine now"]);
            router.send_multipart(["prober", "yours"]).unwrap();
            assert_eq!(&namesake.recv().unwrap()[..], b"yours");
        } else {
            expect_lost(&monitor);
            router.send_multipart(["prober", "still yours"]).unwrap();
            assert_eq!(&prober.recv().unwrap()[..], b"still yours");
        }
    }

    let dealer = socket(&context, SocketType::Dealer);
    router.set_connect_routing_id(Some(b"chosen".to_vec())).unwrap();
    router.connect(&dealer.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    router.send_multipart(["chosen", "by you"]).unwrap();
    assert_eq!(&dealer.recv().unwrap()[..], b"by you");

    let req = socket(&context, SocketType::Req);
    req.set_req_correlate(true).unwrap();
    req.set_req_relaxed(true).unwrap();
    req.connect(&endpoint).unwrap();
    req.send("first").unwrap();
    let first = router.recv_multipart().unwrap();
    assert_eq!(parts(&first)[2..], [&b""[..], b"first"]);
    req.send("second").unwrap();
    let second = router.recv_multipart().unwrap();
    assert!(parts(&first)[1].len() == 4 && parts(&first)[1] != parts(&second)[1]);
    // Relaxed: the reply to the first request is late, and not taken for the second one's.
    let _ = router.send_multipart(first);
    router.send_multipart(second).unwrap();
    assert_eq!(&req.recv().unwrap()[..], b"second");
}

/// Goal: the publishers' options act. Method: what an XPUB shows and what its subscribers get.
#[test]
fn publishers_options_act() {
    let context = Context::new();
    let shown = |set: &dyn Fn(&Socket), wanted: &[&[u8]]| {
        let publisher = socket(&context, SocketType::XPub);
        set(&publisher);
        publisher.bind("inproc://shown").unwrap();
        let subscribers: [Socket; 2] = std::array::from_fn(|_| {
            let subscriber = socket(&context, SocketType::Sub);
            subscriber.connect("inproc://shown").unwrap();
            subscriber
        });
        // Each step is seen before the next: who sends looks at what has come.
        for subscriber in &subscribers {
            subscriber.subscribe("a").unwrap();
            publisher.send("a").unwrap();
            assert_eq!(&subscriber.recv().unwrap()[..], b"a");
        }
        for subscriber in &subscribers {
            subscriber.unsubscribe("a").unwrap();
            publisher.send("a").unwrap();
        }
        for request in wanted {
            assert_eq!(&publisher.recv().unwrap()[..], *request);
        }
        assert!(publisher.try_recv().is_err());
    };
    shown(&|_| {}, &[b"\x01a", b"\x00a"]);
    shown(&|s| s.set_xpub_verbose(true).unwrap(), &[b"\x01a", b"\x01a", b"\x00a"]);
    shown(&|s| s.set_xpub_verboser(true).unwrap(), &[b"\x01a", b"\x01a", b"\x00a", b"\x00a"]);

    let (publisher, subscriber) = (socket(&context, SocketType::XPub), socket(&context, SocketType::Sub));
    publisher.set_xpub_manual(true).unwrap();
    publisher.set_xpub_welcome(Some(b"welcome".to_vec())).unwrap();
    subscriber.subscribe("welcome").unwrap();
    subscriber.connect(&publisher.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    assert_eq!(&subscriber.recv().unwrap()[..], b"welcome");
    assert_eq!(&publisher.recv().unwrap()[..], b"\x01welcome");
    publisher.subscribe("w").unwrap();
    publisher.send("x is not for it").unwrap();
    publisher.send("welcome back").unwrap();
    assert_eq!(&subscriber.recv().unwrap()[..], b"welcome back");

    let (publisher, subscriber) = (socket(&context, SocketType::XPub), socket(&context, SocketType::Sub));
    publisher.set_invert_matching(true).unwrap();
    subscriber.set_invert_matching(true).unwrap();
    subscriber.subscribe("not this").unwrap();
    subscriber.connect(&publisher.bind("inproc://inverted").unwrap()).unwrap();
    assert_eq!(&publisher.recv().unwrap()[..], b"\x01not this");
    publisher.send("not this one").unwrap();
    publisher.send("but this").unwrap();
    assert_eq!(&subscriber.recv().unwrap()[..], b"but this");
}

/// Goal: heartbeats go out as often as set, say the time to live, and an answer that does not come ends the connection.
/// Method: a bare peer that answers once and then keeps silent.
#[test]
fn heartbeats_act() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    pull.set_heartbeat_interval(Duration::from_millis(100)).unwrap();
    pull.set_heartbeat_timeout(Some(Duration::from_millis(300))).unwrap();
    pull.set_heartbeat_ttl(Duration::from_millis(12_345)).unwrap();
    let monitor = pull.monitor();
    let mut peer = raw_peer(&pull.bind("tcp://127.0.0.1:*").unwrap(), "PUSH");
    expect_ready(&monitor);
    let begun = Instant::now();
    let ping = common::read_frame(&mut peer);
    assert_eq!(ping, (4, b"\x04PING\x00\x7b".to_vec()), "123 tenths of a second");
    std::io::Write::write_all(&mut peer, &common::frame(4, b"\x04PONG")).unwrap();
    expect_lost(&monitor);
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(300) && took < WAIT, "{took:?}");
    let mut rest = Vec::new();
    // Reset or closed: either is the end.
    let _ = peer.read_to_end(&mut rest);
    assert!(rest.starts_with(b"\x04\x07\x04PING"), "a second PING, unanswered: {rest:?}");
}

/// Goal: IPv6 where it is wanted. Method: bind and connect by number, where the machine has it.
#[test]
fn ipv6_acts() {
    let context = Context::new();
    let (pull, push) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Push));
    pull.set_ipv6(true).unwrap();
    push.set_ipv6(true).unwrap();
    if std::net::TcpListener::bind("[::1]:0").is_err() {
        return;
    }
    let endpoint = pull.bind("tcp://[::1]:*").unwrap();
    assert!(endpoint.starts_with("tcp://[::1]:"), "{endpoint}");
    push.connect(&endpoint).unwrap();
    push.send("six").unwrap();
    assert_eq!(&pull.recv().unwrap()[..], b"six");
}

/// Goal: STREAM tells of coming and going, or not. Method: a bare client that says a word and leaves.
#[test]
fn stream_notify_acts() {
    for notify in [true, false] {
        let context = Context::new();
        let stream = socket(&context, SocketType::Stream);
        stream.set_stream_notify(notify).unwrap();
        let monitor = stream.monitor();
        let endpoint = stream.bind("tcp://127.0.0.1:*").unwrap();
        let mut client = common::raw(&endpoint);
        std::io::Write::write_all(&mut client, b"word").unwrap();
        let mut bodies = Vec::new();
        while bodies.concat() != b"word" {
            bodies.push(stream.recv_multipart().unwrap().into_parts()[1].to_vec());
        }
        assert_eq!(bodies[0].is_empty(), notify);
        drop(client);
        expect(&monitor, "Disconnected", |kind| matches!(kind, EventKind::Disconnected(_)));
        if notify {
            assert!(stream.recv_multipart().unwrap().into_parts()[1].is_empty());
        }
        assert!(stream.try_recv().is_err());
    }
}
