//! Peers that are none, stop in the middle, or break the rules: each loses its own connection, the monitor hears of it, and an
//! honest pair goes on.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use netzmq::{Context, EventKind, Monitor, Socket, SocketType};

use crate::common::{assert_closed, expect, expect_lost, expect_ready, socket, web_frame};
use crate::{ANY, dial, sealed, tls_client, web_client};

/// A PULL with a monitor, and an honest PUSH connected to it.
struct Scene {
    endpoint: String,
    monitor: Monitor,
    pull: Socket,
    push: Socket,
    _context: Context,
}

impl Scene {
    fn with(options: impl Fn(&Socket)) -> Scene {
        let context = Context::new();
        let (pull, push) = (sealed(&context, SocketType::Pull), sealed(&context, SocketType::Push));
        options(&pull);
        let monitor = pull.monitor();
        let endpoint = pull.bind(ANY).unwrap();
        push.connect(&endpoint).unwrap();
        expect_ready(&monitor);
        Scene { endpoint, monitor, pull, push, _context: context }
    }

    #[track_caller]
    fn honest_pair_goes_on(&self) {
        for _ in 0..10 {
            self.push.send("honest").unwrap();
            assert_eq!(self.pull.recv().unwrap(), "honest");
        }
    }

    /// What the monitor hears of the handshake that failed.
    #[track_caller]
    fn failure(&self) -> String {
        let failed = |kind: &EventKind| {
            matches!(kind, EventKind::HandshakeFailed(_) | EventKind::HandshakeFailedProtocol { .. })
        };
        format!("{:?}", expect(&self.monitor, "a failed handshake", failed).kind)
    }
}

/// The first message of a TLS client's handshake.
fn client_hello() -> Vec<u8> {
    let mut hello = Vec::new();
    tls_client().write_tls(&mut hello).unwrap();
    hello
}

/// Goal: who speaks no TLS is turned away at once, whatever it says. Method: HTTP, ZMTP, a record that is none, one that is too
/// long, and a handshake of nonsense.
#[test]
fn peers_without_tls() {
    let scene = Scene::with(|_| {});
    let mut zmtp = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1];
    zmtp.resize(64, 0);
    let mut wrong_hello = client_hello();
    wrong_hello[5] = 99;
    for said in [
        b"GET /path HTTP/1.1\r\nHost: here\r\n\r\n".to_vec(),
        zmtp,
        vec![0; 1000],
        b"\x16\x03\x01\xff\xff".to_vec(),
        b"\x17\x03\x03\0\x05hello".to_vec(),
        b"\x16\x03\x01\0\x05hello".to_vec(),
        wrong_hello,
    ] {
        let mut stream = dial(&scene.endpoint);
        stream.write_all(&said).unwrap();
        scene.failure();
        assert_closed(&mut stream);
    }
    scene.honest_pair_goes_on();
}

/// Goal: who speaks TLS but asks for no WebSocket is told so, and that nothing more will come. Method: a client by hand.
#[test]
fn peers_without_websockets() {
    let scene = Scene::with(|_| {});
    let mut client = rustls::StreamOwned::new(tls_client(), dial(&scene.endpoint));
    client.write_all(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n").unwrap();
    let mut said = String::new();
    client.read_to_string(&mut said).unwrap();
    assert!(said.starts_with("HTTP/1.1 400 "), "{said}");
    scene.failure();
    scene.honest_pair_goes_on();
}

/// Goal: `ws` and `wss` don't mix, and nobody hangs. Method: each as the client of the other; both ends hear of it.
#[test]
fn ws_and_wss() {
    let context = Context::new();
    for (binds, connects) in [("wss", "ws"), ("ws", "wss")] {
        let (pull, push) = (sealed(&context, SocketType::Pull), sealed(&context, SocketType::Push));
        push.set_reconnect_interval(None).unwrap();
        let monitors = [pull.monitor(), push.monitor()];
        let endpoint = pull.bind(&format!("{binds}://127.0.0.1:*/")).unwrap();
        push.connect(&endpoint.replacen(binds, connects, 1)).unwrap();
        for monitor in monitors {
            expect(&monitor, "a failed handshake", |kind| {
                assert!(*kind != EventKind::HandshakeSucceeded);
                matches!(kind, EventKind::HandshakeFailed(_) | EventKind::HandshakeFailedProtocol { .. })
            });
        }
    }
}

/// Goal: a handshake has its time, however far it got, and no more. Method: nothing, half of the client's first message, all of
/// it, and all of TLS without a WebSocket.
#[test]
fn peers_that_never_finish() {
    let scene = Scene::with(|pull| pull.set_handshake_timeout(Duration::from_millis(300)).unwrap());
    let hello = client_hello();
    for said in [&hello[..0], &hello[..hello.len() / 2], &hello[..]] {
        let mut stream = dial(&scene.endpoint);
        stream.write_all(said).unwrap();
        assert!(scene.failure().contains("timed out"));
        assert_closed(&mut stream);
    }
    let (mut tls, mut stream) = (tls_client(), dial(&scene.endpoint));
    while tls.is_handshaking() {
        tls.complete_io(&mut stream).unwrap();
    }
    assert!(scene.failure().contains("timed out"));
    scene.honest_pair_goes_on();
}

/// Goal: a peer may leave in the middle of anything. Method: at each step of the handshake, by closing its side.
#[test]
fn peers_that_leave_in_between() {
    let scene = Scene::with(|_| {});
    let hello = client_hello();
    for length in [0, 1, 5, 6, hello.len() / 2, hello.len() - 1, hello.len()] {
        let mut stream = dial(&scene.endpoint);
        stream.write_all(&hello[..length]).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert!(scene.failure().contains("closed"), "{length}");
        assert_closed(&mut stream);
    }
    scene.honest_pair_goes_on();
}

/// Goal: what TLS takes counts as bytes of the handshake, by itself and with what follows. Method: less than a first message has;
/// then a little more than that, and more of a head than fits.
#[test]
fn bytes_of_tls_are_bytes_of_the_handshake() {
    let context = Context::new();
    let pull = sealed(&context, SocketType::Pull);
    let hello = client_hello();
    for (max, goes_on) in [(hello.len() - 1, false), (hello.len() + 500, true)] {
        pull.set_max_handshake_size(max).unwrap();
        let monitor = pull.monitor();
        let endpoint = pull.bind(ANY).unwrap();
        let mut stream = dial(&endpoint);
        if goes_on {
            let mut client = rustls::StreamOwned::new(tls_client(), stream);
            client.write_all(format!("GET /path HTTP/1.1\r\nx: {}", "x".repeat(1000)).as_bytes()).unwrap();
        } else {
            stream.write_all(&hello).unwrap();
        }
        let failed = expect(&monitor, "a failed handshake", |kind| {
            matches!(kind, EventKind::HandshakeFailedProtocol { .. })
        });
        let told = format!("{:?}", failed.kind);
        assert!(told.contains(&format!("a handshake of more than {max} bytes")), "{told}");
    }
}

/// Goal: half a record, and then silence, disturbs nobody, and is the end if somebody listens for life. Method: an established
/// client sends a record but for its last byte; heartbeats drop it, and what it said before has arrived.
#[test]
fn half_a_record_and_silence() {
    let scene = Scene::with(|pull| {
        pull.set_heartbeat_interval(Duration::from_millis(50)).unwrap();
        pull.set_heartbeat_timeout(Some(Duration::from_millis(500))).unwrap();
    });
    let mut client = web_client(&scene.endpoint);
    expect_ready(&scene.monitor);
    client.write_all(&web_frame(0x82, b"\0before")).unwrap();
    let mut sealed = Vec::new();
    client.conn.writer().write_all(&web_frame(0x82, b"\0never")).unwrap();
    client.conn.write_tls(&mut sealed).unwrap();
    client.sock.write_all(&sealed[..sealed.len() - 1]).unwrap();
    assert_eq!(scene.pull.recv().unwrap(), "before");
    assert!(expect_lost(&scene.monitor).contains("nothing was heard"));
    scene.honest_pair_goes_on();
}

/// Goal: a stream that was cut, or changed on its way, is the end of the connection; what came before it counts, and nothing of
/// what comes after. Method: an established client; its record is cut, or one bit of it is another.
#[test]
fn records_that_were_cut_or_changed() {
    let scene = Scene::with(|_| {});
    for (cut, why) in [(true, "without TLS's farewell"), (false, "cannot decrypt")] {
        let mut client = web_client(&scene.endpoint);
        expect_ready(&scene.monitor);
        client.conn.writer().write_all(&web_frame(0x82, b"\0before")).unwrap();
        let mut sealed = Vec::new();
        client.conn.write_tls(&mut sealed).unwrap();
        let mut second = Vec::new();
        client.conn.writer().write_all(&web_frame(0x82, b"\0changed")).unwrap();
        client.conn.write_tls(&mut second).unwrap();
        if cut {
            second.pop();
        } else {
            *second.last_mut().unwrap() ^= 1;
        }
        sealed.append(&mut second);
        client.sock.write_all(&sealed).unwrap();
        if cut {
            client.sock.shutdown(Shutdown::Write).unwrap();
        }
        assert_eq!(scene.pull.recv().unwrap(), "before");
        let told = expect_lost(&scene.monitor);
        assert!(told.contains(why), "{told}");
        assert_closed(&mut client.sock);
    }
    scene.honest_pair_goes_on();
}

/// Goal: a peer that ends as TLS has it has ended, and no more is told than that.
#[test]
fn a_peer_says_farewell() {
    let scene = Scene::with(|_| {});
    let mut client = web_client(&scene.endpoint);
    expect_ready(&scene.monitor);
    client.write_all(&web_frame(0x82, b"\0last")).unwrap();
    client.conn.send_close_notify();
    client.flush().unwrap();
    assert_eq!(scene.pull.recv().unwrap(), "last");
    assert_eq!(expect_lost(&scene.monitor), "the peer closed the connection");
    scene.honest_pair_goes_on();
}

/// Goal: a client is as careful. Method: servers that say nothing, nonsense, half of a record, or leave, one after the other; then an
/// honest one.
#[test]
fn servers_that_are_none() {
    let context = Context::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("wss://{}/", listener.local_addr().unwrap());
    let push = sealed(&context, SocketType::Push);
    push.set_reconnect_interval(Some(Duration::from_millis(10))).unwrap();
    push.set_handshake_timeout(Duration::from_millis(300)).unwrap();
    let monitor = push.monitor();
    push.connect(&endpoint).unwrap();
    for said in [
        &b""[..],
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0xFF; 200],
        b"\x16\x03\x03\x01\0half",
        b"\x15\x03\x03\0\x02\x02\x28",
    ] {
        let (mut stream, _) = listener.accept().unwrap();
        let mut first = [0];
        stream.read_exact(&mut first).unwrap();
        assert_eq!(first, [0x16], "a record of the handshake");
        stream.write_all(said).unwrap();
        expect(&monitor, "a failed handshake", |kind| matches!(kind, EventKind::HandshakeFailed(_)));
    }
    drop(listener);
    let pull = sealed(&context, SocketType::Pull);
    pull.bind(&endpoint).unwrap();
    push.send("at last").unwrap();
    assert_eq!(pull.recv().unwrap(), "at last");
}

/// Goal: what is taken from a peer before it has shown anything is bounded. Method: many that are silent; the oldest makes room.
#[test]
fn too_many_at_once() {
    let context = Context::new();
    let pull = sealed(&context, SocketType::Pull);
    pull.set_max_handshakes(3).unwrap();
    let monitor = pull.monitor();
    let endpoint = pull.bind(ANY).unwrap();
    let mut streams: Vec<_> = (0..4).map(|_| dial(&endpoint)).collect();
    let failed = |kind: &EventKind| matches!(kind, EventKind::HandshakeFailed(_));
    let why = format!("{:?}", expect(&monitor, "a failed handshake", failed).kind);
    assert!(why.contains("more handshakes at once"), "{why}");
    assert_closed(&mut streams[0]);
    let push = socket(&context, SocketType::Push);
    push.set_wss_trust_pem(crate::AUTHORITY.into()).unwrap();
    push.connect(&endpoint).unwrap();
    push.send("hello").unwrap();
    assert_eq!(pull.recv().unwrap(), "hello");
}
