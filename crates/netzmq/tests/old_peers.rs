//! Peers of ZMTP 1.0 and 2.0, by hand: what they send is understood, what they are sent they understand.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{WAIT, expect, socket};
use netzmq::{Context, EventKind, SocketType};

fn dial(endpoint: &str) -> TcpStream {
    let stream = TcpStream::connect(endpoint.trim_start_matches("tcp://")).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream
}

#[track_caller]
fn hears(stream: &mut TcpStream, wanted: &[u8]) {
    let mut heard = vec![0; wanted.len()];
    stream.read_exact(&mut heard).unwrap();
    assert_eq!(heard, wanted);
}

/// Goal: a libzmq 2.x REQ (frames with the length before the flags) gets its answer from a ROUTER; long bodies too.
/// Method: its bytes one at a time; heartbeats are on, which such a peer must never see.
#[test]
fn a_zmtp_1_request() {
    let context = Context::new();
    let router = socket(&context, SocketType::Router);
    router.set_routing_id(b"server".to_vec()).unwrap();
    router.set_heartbeat_interval(Duration::from_millis(5)).unwrap();
    let endpoint = router.bind("tcp://127.0.0.1:*").unwrap();
    let mut peer = dial(&endpoint);
    hears(&mut peer, b"\xff\0\0\0\0\0\0\0\x07\x7f");
    let question = [b"\x03\0me\x01\x01\xff\0\0\0\0\0\0\x01\x2d\0".to_vec(), vec![b'q'; 300]].concat();
    for byte in question {
        peer.write_all(&[byte]).unwrap();
    }
    hears(&mut peer, b"server");
    assert_eq!(router.recv().unwrap(), "me");
    assert_eq!(router.recv().unwrap(), "");
    assert_eq!(router.recv().unwrap().len(), 300);
    router.send_more("me").unwrap();
    router.send_more("").unwrap();
    router.send(vec![b'a'; 254]).unwrap();
    hears(&mut peer, b"\x01\x01\xff\0\0\0\0\0\0\0\xff\0");
    hears(&mut peer, &[b'a'; 254]);
}

/// Goal: a ZMTP 1.0 SUB never says what it wants, and gets everything.
#[test]
fn a_zmtp_1_subscriber_gets_everything() {
    let context = Context::new();
    let publisher = socket(&context, SocketType::XPub);
    let endpoint = publisher.bind("tcp://127.0.0.1:*").unwrap();
    let mut peer = dial(&endpoint);
    peer.write_all(b"\x01\0").unwrap();
    hears(&mut peer, b"\xff\0\0\0\0\0\0\0\x01\x7f");
    assert_eq!(publisher.recv().unwrap(), b"\x01");
    publisher.send("news").unwrap();
    hears(&mut peer, b"\x05\0news");
}

/// Goal: a libzmq 3.2 SUB, whose subscriptions are messages, and a PUSH to such a PULL.
#[test]
fn zmtp_2_peers() {
    let context = Context::new();
    let publisher = socket(&context, SocketType::XPub);
    let mut peer = dial(&publisher.bind("tcp://127.0.0.1:*").unwrap());
    peer.write_all(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x02\0\0").unwrap();
    hears(&mut peer, b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x09\0\0");
    peer.write_all(b"\0\x02\x01a").unwrap();
    assert_eq!(publisher.recv().unwrap(), b"\x01a");
    publisher.send("b").unwrap();
    publisher.send("ab").unwrap();
    hears(&mut peer, b"\0\x02ab");

    let push = socket(&context, SocketType::Push);
    let mut peer = dial(&push.bind("tcp://127.0.0.1:*").unwrap());
    push.set_heartbeat_interval(Duration::from_millis(5)).unwrap();
    peer.write_all(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x07\0\0").unwrap();
    hears(&mut peer, b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x08\0\0");
    push.send("work").unwrap();
    hears(&mut peer, b"\0\x04work");
}

/// Goal: who asks for credentials lets none of them in.
#[test]
fn refused_where_security_is_on() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    pull.set_zap_domain("global".into()).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    for old in [&b"\x01\0"[..], b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0"] {
        let mut peer = dial(&endpoint);
        peer.write_all(old).unwrap();
        expect(&monitor, "failure", |kind| matches!(kind, EventKind::HandshakeFailedProtocol { .. }));
        let mut rest = Vec::new();
        // The end, by whichever way it comes.
        let _ = peer.read_to_end(&mut rest);
    }
}
