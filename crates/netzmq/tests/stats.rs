//! What sockets and contexts tell of themselves.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use netzmq::{Context, EventKind, SocketStats, TypedSocket};

mod common;

use common::{WAIT, finishes};

/// Waits for a state that another thread brings about: looks again after each event of a monitor, or a moment.
fn until<S: TypedSocket>(socket: &S, wanted: impl Fn(&SocketStats) -> bool) -> SocketStats {
    let deadline = std::time::Instant::now() + WAIT;
    loop {
        let stats = socket.as_ref().stats();
        if wanted(&stats) {
            return stats;
        }
        assert!(std::time::Instant::now() < deadline, "{stats}");
        std::thread::yield_now();
    }
}

/// Goal: messages and bytes are counted on both sides, for each peer and in all, over every transport; also those that
/// went by other ways (written through, several parts, pooled). Method: known traffic; the wire adds its framing.
#[test]
fn traffic_is_counted() {
    for endpoint in common::TRANSPORTS {
        finishes("traffic", move || {
            let context = Context::new();
            let pull = context.pull().recv_timeout(WAIT).bind(endpoint).unwrap();
            let push = context.push().connect(pull.endpoint()).unwrap();
            let large = vec![7; 100_000];
            let mut bytes = 0;
            for _ in 0..50 {
                push.send("hello").unwrap();
                push.send(&large[..]).unwrap();
                push.send_multipart(["two", "parts"]).unwrap();
                bytes += 5 + large.len() as u64 + 8;
            }
            for _ in 0..150 {
                pull.recv_multipart().unwrap();
            }
            let (sent, got) = (until(&push, |stats| stats.total.bytes_out >= bytes), pull.stats());
            for stats in [&sent, &got] {
                let [peer] = &stats.peers[..] else { panic!("one peer: {stats}") };
                assert_eq!(peer.traffic, stats.total, "{stats}");
                assert!(peer.connected && !peer.address.is_empty(), "{stats}");
                assert_eq!((stats.total.queued_in, stats.total.queued_out), (0, 0), "{stats}");
            }
            assert_eq!((sent.total.messages_out, sent.total.messages_in), (150, 0));
            assert_eq!((got.total.messages_out, got.total.messages_in), (0, 150));
            assert_eq!(sent.total.bytes_out, got.total.bytes_in, "every byte that was sent was read");
            // Between two and nine bytes a frame, and a handshake is not counted.
            let framing = if endpoint.starts_with("inproc") { 0 } else { 50 * (2 + 9 + 2 + 2) };
            assert_eq!(got.total.bytes_in, bytes + framing);
            assert_eq!(got.connections.established, u64::from(framing > 0));
            assert!(got.to_string().contains("PULL: in 150"), "{got}");
        });
    }
}

/// Goal: queues are told with their longest, how often they were full, and what was lost in them. Method: a PUSH whose
/// peer is not there, filled to the mark, then dropped without linger.
#[test]
fn queues_are_told() {
    let context = Context::new();
    let endpoint = common::free_endpoint(&context);
    let push = context.push().send_hwm(10).linger(Duration::ZERO).connect(&endpoint).unwrap();
    while push.try_send("x").is_ok() {}
    let stats = push.stats();
    assert_eq!((stats.total.queued_out, stats.total.queued_out_max, stats.total.times_full), (10, 10, 1));
    assert!(!stats.peers[0].connected && stats.peers[0].address == endpoint, "{stats}");

    let blockers = context.who_blocks_termination();
    assert_eq!((blockers.len(), blockers[0].open, blockers[0].unsent), (1, true, 10));
    assert_eq!((&blockers[0].peers[..], blockers[0].linger), (&[endpoint][..], Some(Duration::ZERO)));
    drop(push);
    assert!(context.terminate(Some(WAIT)));
    assert!(context.who_blocks_termination().is_empty());
    let all = context.stats();
    assert_eq!(
        (all.drops.unsent, all.total.messages_out, all.sockets_open),
        (10, 10, 0),
        "closed ones count"
    );
    assert_eq!((all.total.queued_out, all.total.queued_out_max), (0, 10));
}

/// Goal: what goes nowhere is counted by its reason. Method: a PUB that nobody listens to, then one whose subscriber is
/// full; a ROUTER that writes to a stranger; a REP whose asker is gone.
#[test]
fn drops_have_reasons() {
    let context = Context::new();
    let publisher = context.publisher().send_hwm(5).bind("inproc://drops").unwrap();
    (0..3).for_each(|_| publisher.send("nobody listens").unwrap());
    assert_eq!(publisher.stats().drops.no_receiver, 3);

    let subscriber = context.subscriber().recv_hwm(5).subscribe("").connect("inproc://drops").unwrap();
    while publisher.topics() == 0 {
        std::thread::yield_now();
    }
    (0..100).for_each(|_| publisher.send_multipart(["two", "parts"]).unwrap());
    let stats = publisher.stats();
    assert_eq!(stats.total.messages_out + stats.drops.full, 100, "{stats}");
    assert!(stats.drops.full >= 90, "{stats}");
    assert_eq!(subscriber.recv_multipart().unwrap().len(), 2);

    let router = context.router().open().unwrap();
    router.send_to("stranger", "hello").unwrap();
    assert_eq!(router.stats().drops.no_receiver, 1);
}

/// Goal: what made way for something newer is counted, within the process and for a peer that is not there yet. Method:
/// nobody receives, so all but the last of 100 messages make way; and again after the pipe has gone.
#[test]
fn conflated_messages_are_counted() {
    let context = Context::new();
    let pull = context.pull().conflate(true).bind("inproc://newest").unwrap();
    let push = context.push().conflate(true).connect(pull.endpoint()).unwrap();
    (0..100u8).for_each(|i| push.send(&[i]).unwrap());
    assert_eq!(push.stats().drops.conflated, 99, "{}", push.stats());
    assert_eq!(pull.recv().unwrap()[..], [99]);
    push.disconnect("inproc://newest").unwrap();
    assert_eq!(push.stats().drops.conflated, 99, "{}", push.stats());

    let early = context.push().conflate(true).linger(Duration::ZERO).connect("tcp://127.0.0.1:1").unwrap();
    (0..10u8).for_each(|i| early.send(&[i]).unwrap());
    assert_eq!(early.stats().drops.conflated, 9, "{}", early.stats());
}

/// Goal: connections are told: made, lost, made again, and handshakes that failed. Method: a server that is closed and
/// bound again, and a peer that speaks another protocol.
#[test]
fn connections_are_told() {
    finishes("connections", || {
        let context = Context::new();
        let pull = context.pull().recv_timeout(WAIT).bind("tcp://127.0.0.1:*").unwrap();
        let endpoint = pull.endpoint();
        let push = context.push().reconnect_interval(Duration::from_millis(1)).connect(&endpoint).unwrap();
        push.send("first").unwrap();
        pull.recv().unwrap();
        drop(pull);
        let stats = until(&push, |stats| stats.connections.lost == 1 && stats.connections.retries > 0);
        assert!(!stats.peers[0].connected, "{stats}");
        let pull = context.pull().recv_timeout(WAIT).bind(&endpoint).unwrap();
        push.send("second").unwrap();
        pull.recv().unwrap();
        let stats = until(&push, |stats| stats.connections.reconnects == 1);
        assert_eq!(stats.connections.established, 2, "{stats}");
        assert_eq!(stats.total.messages_out, 2, "{stats}");

        let monitor = pull.monitor();
        let mut stranger = TcpStream::connect(endpoint.trim_start_matches("tcp://")).unwrap();
        stranger
            .write_all(b"GET / HTTP/1.1\r\nHost: here\r\nUser-Agent: somebody who is lost\r\n\r\n")
            .unwrap();
        let _ = stranger.read_to_end(&mut Vec::new());
        let failed = |kind: &EventKind| {
            matches!(kind, EventKind::HandshakeFailedProtocol { .. } | EventKind::HandshakeFailed(_))
        };
        assert!(monitor.wait_for(WAIT, |event| failed(&event.kind)).is_some());
        let stats = until(&pull, |stats| stats.connections.handshakes_failed == 1);
        assert_eq!((stats.connections.lost, stats.connections.established), (0, 1), "{stats}");
    });
}

/// Goal: peers are told by the names that they are addressed by.
#[test]
fn peers_have_names() {
    finishes("names", || {
        let context = Context::new();
        let router = context.router().recv_timeout(WAIT).bind("tcp://127.0.0.1:*").unwrap();
        let dealers = ["ada", "grace"].map(|name| {
            let dealer = context.dealer().routing_id(name).connect(router.endpoint()).unwrap();
            dealer.send("hello").unwrap();
            router.recv_multipart().unwrap();
            dealer
        });
        let stats = router.stats();
        let mut names: Vec<_> = stats.peers.iter().map(|peer| &peer.routing_id[..]).collect();
        names.sort_unstable();
        assert_eq!(names, [&b"ada"[..], b"grace"]);
        assert!(stats.peers.iter().all(|peer| peer.traffic.messages_in == 1), "{stats}");
        drop(dealers);
    });
}
