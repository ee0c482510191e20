//! Every bound on what peers may do, reached: who goes beyond loses its connection, the monitor says why, and an honest peer is
//! served before and after. The table of the bounds is in docs/security.md.
//!
//! The method is the same throughout: a bare TCP client does as much as is allowed, and then one more.

mod common;

use std::io::Write;
use std::time::Duration;

use common::{
    WAIT, assert_closed, expect, expect_lost, frame, greeting, raw, raw_peer, read_frame, ready, shake,
    socket,
};
use netzmq::{Context, EventKind, Monitor, Socket, SocketType};

/// A socket that listens, and its monitor.
fn listening(socket_type: SocketType, options: impl Fn(&Socket)) -> (Context, Socket, Monitor, String) {
    let context = Context::new();
    let socket = socket(&context, socket_type);
    options(&socket);
    let monitor = socket.monitor();
    let endpoint = socket.bind("tcp://127.0.0.1:*").unwrap();
    (context, socket, monitor, endpoint)
}

/// A peer of the right kind still gets a message through.
#[track_caller]
fn serves(pull: &Socket, endpoint: &str) {
    let mut honest = raw_peer(endpoint, "PUSH");
    honest.write_all(&frame(0, b"honest")).unwrap();
    assert_eq!(pull.recv().unwrap(), "honest");
}

#[test]
fn message_size_of_the_whole_context() {
    let context = Context::builder().max_message_size(Some(1000)).build();
    let (strict, lax) = (socket(&context, SocketType::Pull), socket(&context, SocketType::Pull));
    assert_eq!(strict.max_message_size(), Some(1000));
    lax.set_max_message_size(None).unwrap();
    let claim = |length: u64| [&[2][..], &length.to_be_bytes()].concat();
    for (pull, fits) in [(&strict, false), (&lax, true)] {
        let monitor = pull.monitor();
        let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
        let mut peer = raw_peer(&endpoint, "PUSH");
        peer.write_all(&[claim(1000), vec![7; 1000]].concat()).unwrap();
        assert_eq!(pull.recv().unwrap().len(), 1000);
        peer.write_all(&claim(1001)).unwrap();
        if fits {
            peer.write_all(&[7; 1001]).unwrap();
            assert_eq!(pull.recv().unwrap().len(), 1001);
        } else {
            assert!(expect_lost(&monitor).contains("1001 bytes"));
            assert_closed(&mut peer);
        }
        serves(pull, &endpoint);
    }
}

#[test]
fn parts_of_a_message() {
    let (_context, pull, monitor, endpoint) =
        listening(SocketType::Pull, |pull| pull.set_max_message_parts(3).unwrap());
    let large = |flags: u8| [&[flags | 2][..], &40_000u64.to_be_bytes(), &[1; 40_000]].concat();
    // Short frames, frames with long heads, and bodies that get memory of their own are counted at different places.
    for more in [frame(1, b"a"), [&[3][..], &1u64.to_be_bytes(), b"a"].concat(), large(1)] {
        let mut peer = raw_peer(&endpoint, "PUSH");
        peer.write_all(&[more.repeat(2), frame(0, b"b")].concat()).unwrap();
        assert_eq!(pull.recv_multipart().unwrap().len(), 3);
        // It may be gone before all is said.
        let _ = peer.write_all(&[more.repeat(3), frame(0, b"b")].concat());
        assert!(expect_lost(&monitor).contains("a message of more than 3 parts"));
        assert_closed(&mut peer);
        serves(&pull, &endpoint);
        expect_lost(&monitor);
    }
}

#[test]
fn bytes_of_a_handshake() {
    let (_context, pull, monitor, endpoint) =
        listening(SocketType::Pull, |pull| pull.set_max_handshake_size(200).unwrap());
    serves(&pull, &endpoint);
    let mut peer = raw(&endpoint);
    let mut body = b"\x05READY\x0bSocket-Type\0\0\0\x04PUSH\x03X-A\0\0\0\x78".to_vec();
    body.extend_from_slice(&[b'x'; 120]);
    peer.write_all(&[greeting("NULL"), frame(4, &body)].concat()).unwrap();
    let failed = expect(&monitor, "a failed handshake", |kind| {
        matches!(kind, EventKind::HandshakeFailedProtocol { .. })
    });
    assert!(format!("{:?}", failed.kind).contains("more than 200 bytes"), "{:?}", failed.kind);
    assert_closed(&mut peer);
    serves(&pull, &endpoint);
}

#[test]
fn time_of_a_handshake() {
    let (_context, pull, monitor, endpoint) = listening(SocketType::Pull, |pull| {
        pull.set_handshake_timeout(Duration::from_millis(50)).unwrap();
    });
    let mut peer = raw(&endpoint);
    peer.write_all(&greeting("NULL")).unwrap();
    expect(&monitor, "HandshakeFailed", |kind| matches!(kind, EventKind::HandshakeFailed(_)));
    assert_closed(&mut peer);
    pull.set_handshake_timeout(WAIT).unwrap();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    serves(&pull, &endpoint);
}

/// The oldest makes room, so that silent ones keep nobody out.
#[test]
fn handshakes_at_once() {
    let (_context, pull, monitor, endpoint) =
        listening(SocketType::Pull, |pull| pull.set_max_handshakes(3).unwrap());
    let mut silent: Vec<_> = (0..3).map(|_| raw(&endpoint)).collect();
    for _ in 0..3 {
        expect(&monitor, "Accepted", |kind| *kind == EventKind::Accepted);
    }
    serves(&pull, &endpoint);
    let event = expect(&monitor, "HandshakeFailed", |kind| matches!(kind, EventKind::HandshakeFailed(_)));
    let oldest = silent.remove(0);
    assert_eq!(event.remote, format!("tcp://{}", oldest.local_addr().unwrap()));
    assert!(format!("{:?}", event.kind).contains("more handshakes"), "{:?}", event.kind);
    // The others may still shake hands.
    for peer in &mut silent {
        shake(peer, "PUSH");
        peer.write_all(&frame(0, b"late")).unwrap();
        assert_eq!(pull.recv().unwrap(), "late");
    }
}

#[test]
fn connections_at_once() {
    let (_context, pull, monitor, endpoint) =
        listening(SocketType::Pull, |pull| pull.set_max_connections(2).unwrap());
    let (first, mut second) = (raw_peer(&endpoint, "PUSH"), raw_peer(&endpoint, "PUSH"));
    let mut third = raw(&endpoint);
    expect(&monitor, "AcceptFailed", |kind| *kind == EventKind::AcceptFailed(87));
    assert_closed(&mut third);
    second.write_all(&frame(0, b"inside")).unwrap();
    assert_eq!(pull.recv().unwrap(), "inside");
    drop(first);
    expect_lost(&monitor);
    // Its place is free when the last of it is gone, a moment after the monitor has heard.
    let mut fourth = std::iter::repeat_with(|| {
        let mut peer = raw(&endpoint);
        let said = peer.write_all(&[greeting("NULL"), ready("PUSH"), frame(0, b"next")].concat());
        said.map(|()| peer)
    });
    while fourth.next().is_some_and(|peer| {
        let peer = peer.ok();
        pull.set_recv_timeout(Some(Duration::from_millis(50))).unwrap();
        let came = pull.recv();
        drop(peer);
        came.is_err()
    }) {}
}

#[test]
fn subscriptions_and_topics_of_a_peer() {
    let (_context, publisher, monitor, endpoint) = listening(SocketType::XPub, |publisher| {
        publisher.set_max_subscriptions(3).unwrap();
        publisher.set_max_topic_size(10).unwrap();
    });
    let subscribe = |topic: &[u8]| frame(4, &[b"\x09SUBSCRIBE", topic].concat());
    let mut peer = raw_peer(&endpoint, "SUB");
    let mut other = raw_peer(&endpoint, "SUB");
    other.write_all(&subscribe(b"")).unwrap();
    assert_eq!(publisher.recv().unwrap(), "\x01");
    for topic in [&b"a"[..], b"b", b"0123456789"] {
        peer.write_all(&subscribe(topic)).unwrap();
        assert_eq!(publisher.recv().unwrap()[1..], *topic);
    }
    peer.write_all(&subscribe(b"c")).unwrap();
    expect_lost(&monitor);
    assert_closed(&mut peer);
    let mut peer = raw_peer(&endpoint, "SUB");
    peer.write_all(&subscribe(b"01234567890")).unwrap();
    expect_lost(&monitor);
    assert_closed(&mut peer);
    publisher.send("a message").unwrap();
    assert_eq!(read_frame(&mut other).1, b"a message");
}

#[test]
fn commands_within_a_second() {
    let (_context, pull, monitor, endpoint) =
        listening(SocketType::Pull, |pull| pull.set_max_command_rate(100).unwrap());
    let mut peer = raw_peer(&endpoint, "PUSH");
    // Two seconds can't be told from one here: twice as many as allowed are too many in any case.
    let _ = peer.write_all(&frame(4, b"\x04PING\0\0").repeat(202));
    assert!(expect_lost(&monitor).contains("more than 100 commands within a second"));
    assert_closed(&mut peer);
    serves(&pull, &endpoint);
}

/// Goal: a peer that fills memory while nobody receives is stopped. Method: it writes until it can't.
#[test]
fn bytes_read_ahead() {
    let (_context, pull, _monitor, endpoint) = listening(SocketType::Pull, |pull| {
        pull.set_recv_hwm(0).unwrap();
        pull.set_max_read_ahead(1 << 20).unwrap();
    });
    let mut peer = raw_peer(&endpoint, "PUSH");
    peer.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let message = [&[2][..], &100_000u64.to_be_bytes(), &[7; 100_000]].concat();
    let mut written = 0;
    while peer.write_all(&message).is_ok() {
        written += 1;
        assert!(written < 1000, "100 MB were read for nobody");
    }
    for _ in 0..written {
        assert_eq!(pull.recv().unwrap().len(), 100_000);
    }
}
