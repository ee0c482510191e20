//! WebSockets as a transport: the same behaviour as over tcp, and peers that are none, or break their rules.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{
    WAIT, expect, expect_lost, expect_ready, mechanisms, socket, web_frame as frame, web_request as request,
};
use netzmq::{Context, EventKind, SocketType};

const ANY: &str = "ws://127.0.0.1:*/path";

/// A client that speaks by hand; the upgrade's answer is read.
fn raw_client(endpoint: &str, request: &str) -> (TcpStream, String) {
    let address = endpoint.trim_start_matches("ws://").trim_end_matches("/path");
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        answer.push(byte[0]);
    }
    (stream, String::from_utf8(answer).unwrap())
}

/// Goal: bodies of every size class arrive whole, both ways, more of them than the kernel holds, and the endpoints are
/// named. Method: two DEALERs; the sender is far ahead.
#[test]
fn bodies_of_all_sizes_both_ways() {
    let context = Context::new();
    let (a, b) = (socket(&context, SocketType::Dealer), socket(&context, SocketType::Dealer));
    let endpoint = a.bind(ANY).unwrap();
    assert!(endpoint.starts_with("ws://127.0.0.1:") && endpoint.ends_with("/path"), "{endpoint}");
    assert_eq!(a.last_endpoint(), endpoint);
    let monitor = b.monitor();
    b.connect(&endpoint).unwrap();
    assert_eq!(expect_ready(&monitor).remote, endpoint);
    let sizes =
        [0, 1, 124, 125, 126, 254, 255, 256, 4095, 32_768, 65_534, 65_535, 65_536, 200_000, 1_000_000];
    for (from, to) in [(&a, &b), (&b, &a)] {
        for size in sizes {
            let body: Vec<u8> = (0..size).map(|i| (i % 251) as u8).collect();
            from.send_more(&body[..]).unwrap();
            from.send(body).unwrap();
        }
        for size in sizes {
            for more in [true, false] {
                let body = to.recv().unwrap();
                assert_eq!((body.len(), body.has_more()), (size, more));
                assert!(body.iter().enumerate().all(|(i, byte)| *byte == (i % 251) as u8), "{size}");
            }
        }
    }
}

/// Goal: nothing that was sent is lost at the end, however much of it waits. Method: send more than the kernel holds,
/// close at once, then receive.
#[test]
fn everything_arrives_before_the_end() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let push = socket(&context, SocketType::Push);
    push.set_linger(None).unwrap();
    push.connect(&pull.bind(ANY).unwrap()).unwrap();
    let body = vec![7; 100_000];
    for _ in 0..100 {
        push.send(&body).unwrap();
    }
    drop(push);
    for _ in 0..100 {
        assert_eq!(pull.recv().unwrap(), &body[..]);
    }
}

#[test]
fn curve_and_plain() {
    for (server, client) in mechanisms() {
        let context = Context::new();
        context.set_authenticator(Some(|_: &netzmq::ZapRequest| netzmq::ZapReply::accept("ada")));
        let (publisher, subscriber) = (socket(&context, SocketType::XPub), socket(&context, SocketType::Sub));
        publisher.set_security(server).unwrap();
        subscriber.set_security(client).unwrap();
        subscriber.set_heartbeat_interval(Duration::from_millis(5)).unwrap();
        subscriber.set_heartbeat_timeout(Some(WAIT)).unwrap();
        subscriber.subscribe("b").unwrap();
        subscriber.subscribe("a").unwrap();
        subscriber.connect(&publisher.bind(ANY).unwrap()).unwrap();
        assert_eq!(publisher.recv().unwrap(), b"\x01a");
        assert_eq!(publisher.recv().unwrap(), b"\x01b");
        publisher.send("a message").unwrap();
        assert_eq!(subscriber.recv().unwrap(), "a message");
    }
}

/// Goal: what comes before the WebSocket counts against the bytes of a handshake, by itself and together with what comes
/// behind it. Method: a head that is longer than all that may be; then one that leaves too little for a greeting.
#[test]
fn bytes_of_an_upgrade_are_bytes_of_the_handshake() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let whole = request("ZWS2.0/NULL");
    for (max, more) in [(whole.len() - 1, false), (whole.len() + 20, true)] {
        pull.set_max_handshake_size(max).unwrap();
        let monitor = pull.monitor();
        let endpoint = pull.bind(ANY).unwrap();
        let (mut stream, _answer) = raw_client(&endpoint, &whole);
        if more {
            stream.write_all(&frame(0x82, b"\x02\x05READY\x0bSocket-Type\0\0\0\x04PUSH")).unwrap();
        }
        let failed = expect(&monitor, "a failed handshake", |kind| {
            matches!(kind, EventKind::HandshakeFailedProtocol { .. })
        });
        let told = format!("{:?}", failed.kind);
        assert!(told.contains(&format!("a handshake of more than {max} bytes")), "{told}");
    }
}

/// Goal: pings keep a connection alive that says nothing else, and are answered. Method: a time-out of a few pings; a
/// client by hand that never answers is dropped.
#[test]
fn heartbeats() {
    let context = Context::new();
    let (rep, req) = (socket(&context, SocketType::Rep), socket(&context, SocketType::Req));
    rep.set_heartbeat_interval(Duration::from_millis(20)).unwrap();
    rep.set_heartbeat_timeout(Some(Duration::from_millis(500))).unwrap();
    req.set_reconnect_interval(None).unwrap();
    let monitor = rep.monitor();
    let endpoint = rep.bind(ANY).unwrap();
    let (silent, _) = raw_client(&endpoint, &request("ZWS2.0"));
    let mut silent = silent;
    silent.write_all(&frame(0x82, b"\0")).unwrap();
    expect_ready(&monitor);
    req.connect(&endpoint).unwrap();
    expect_ready(&monitor);
    // The other one has answered all the while.
    assert!(expect_lost(&monitor).contains("nothing was heard"));
    req.send("still there?").unwrap();
    assert_eq!(rep.recv().unwrap(), "still there?");
}

/// Goal: the sub-protocol without a mechanism, and control frames: a ping is answered with its payload, between and inside
/// of fragments; a close ends the connection and what came before it arrives. Method: a client by hand.
#[test]
fn a_plain_client() {
    let context = Context::new();
    let router = socket(&context, SocketType::Router);
    let monitor = router.monitor();
    let endpoint = router.bind(ANY).unwrap();
    let (mut client, answer) = raw_client(&endpoint, &request("chat, ZWS2.0"));
    assert!(answer.contains("Sec-WebSocket-Protocol: ZWS2.0\r\n"), "{answer}");
    let bytes = [
        frame(0x82, b"\0me"),
        frame(0x02, b"\0hel"),
        frame(0x89, b"ping"),
        frame(0x80, b"lo"),
        frame(0x88, b""),
    ]
    .concat();
    for byte in bytes {
        client.write_all(&[byte]).unwrap();
    }
    assert_eq!(router.recv().unwrap(), "me");
    assert_eq!(router.recv().unwrap(), "hello");
    let mut said = Vec::new();
    client.read_to_end(&mut said).unwrap();
    // Its routing id (none), and the pong.
    assert_eq!(said, b"\x82\x01\0\x8a\x04ping");
    expect_lost(&monitor);
}

/// Goal: what is no upgrade, or breaks the rules after it, ends that connection, is told to the monitor, and disturbs
/// nobody else.
#[test]
fn peers_that_are_none() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    pull.set_max_message_size(Some(1000)).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(ANY).unwrap();
    for wrong in
        [request("NOSUCH"), "\r\n\r\n".into(), "x".repeat(10_000), request("ZWS2.0").replace("GET", "PUT")]
    {
        let (_, answer) = raw_client(&endpoint, &wrong);
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
        let event =
            expect(&monitor, "failure", |kind| matches!(kind, EventKind::HandshakeFailedProtocol { .. }));
        assert!(matches!(event.kind, EventKind::HandshakeFailedProtocol { code: 0x3000_0000, .. }));
    }
    for wrong in [
        &b"\x82\x01\0"[..],
        &frame(0x81, b"text"),
        &frame(0x82, b""),
        b"\x82\xff\x7f\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0",
        b"\x02\xfe\xff\xff\0\0\0\0",
    ] {
        let (mut client, _) = raw_client(&endpoint, &request("ZWS2.0"));
        client.write_all(&frame(0x82, b"\0")).unwrap();
        expect_ready(&monitor);
        client.write_all(wrong).unwrap();
        expect_lost(&monitor);
    }
    let push = socket(&context, SocketType::Push);
    push.connect(&endpoint).unwrap();
    push.send("still here").unwrap();
    assert_eq!(pull.recv().unwrap(), "still here");
}

/// Goal: what breaks the rules right behind a message is found, although the kernel has told everything before, and nobody
/// receives any more. Method: both in one write, while an I/O thread reads ahead or a caller waits, as it comes.
/// (A caller that read for a socket led by the I/O thread left the fault where no poller saw it.)
#[test]
fn a_fault_behind_a_message() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let monitor = pull.monitor();
    let endpoint = pull.bind(ANY).unwrap();
    for _ in 0..50 {
        let (mut client, _) = raw_client(&endpoint, &request("ZWS2.0"));
        client.write_all(&frame(0x82, b"\0")).unwrap();
        expect_ready(&monitor);
        client.write_all(&[frame(0x82, b"\0before"), frame(0x81, b"text")].concat()).unwrap();
        assert_eq!(pull.recv().unwrap(), "before");
        expect_lost(&monitor);
    }
}

/// Goal: an upgrade has the time that a handshake has, and no more.
#[test]
fn a_client_that_never_asks() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    pull.set_handshake_timeout(Duration::from_millis(50)).unwrap();
    let endpoint = pull.bind(ANY).unwrap();
    let (_, answer) = raw_client(&endpoint, "GET /path HTTP/1.1\r\nHost: ");
    assert_eq!(answer, "", "the connection was closed");
}

/// Goal: a connecting socket refuses servers that are none, and comes back until there is one.
#[test]
fn servers_that_are_none() {
    let context = Context::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("ws://{}/", listener.local_addr().unwrap());
    let push = socket(&context, SocketType::Push);
    push.set_reconnect_interval(Some(Duration::from_millis(10))).unwrap();
    push.connect(&endpoint).unwrap();
    for answer in [
        "HTTP/1.1 200 OK\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: wrong\r\nSec-WebSocket-Protocol: ZWS2.0\r\n\r\n",
    ] {
        let (mut stream, _) = listener.accept().unwrap();
        stream.set_read_timeout(Some(WAIT)).unwrap();
        stream.write_all(answer.as_bytes()).unwrap();
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).unwrap();
        assert!(rest.starts_with(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:"));
    }
    drop(listener);
    let pull = socket(&context, SocketType::Pull);
    pull.bind(&endpoint).unwrap();
    push.send("at last").unwrap();
    assert_eq!(pull.recv().unwrap(), "at last");
}
