//! ZAP handlers within the process, and who may connect.

use std::time::Duration;

use netzmq::proto::CurveSecretKey;
use netzmq::{Context, RecvError, Security, SocketType};

const PATIENCE: Option<Duration> = Some(Duration::from_secs(10));

/// Goal: a PLAIN server lets in whom the handler at `inproc://zeromq.zap.01` lets in, and tells the user id with each
/// message. Method: a handler in a thread that knows one password.
#[test]
fn a_handler_decides() {
    let context = Context::new();
    let handler = context.socket(SocketType::Rep).unwrap();
    handler.bind("inproc://zeromq.zap.01").unwrap();
    std::thread::spawn(move || {
        while let Ok(request) = handler.recv_multipart() {
            let frames: Vec<&[u8]> = request.iter().map(|part| &part[..]).collect();
            let good = frames.last() == Some(&&b"right"[..]);
            let status: &[u8] = if good { b"200" } else { b"400" };
            let reply: netzmq::Multipart =
                [&b"1.0"[..], frames[1], status, b"", b"joe", b""].into_iter().collect();
            if handler.send_multipart(reply).is_err() {
                return;
            }
        }
    });
    let server = context.socket(SocketType::Pull).unwrap();
    server.set_security(Security::PlainServer).unwrap();
    server.set_recv_timeout(PATIENCE).unwrap();
    let endpoint = server.bind("tcp://127.0.0.1:*").unwrap();
    let client = |password: &str| {
        let client = context.socket(SocketType::Push).unwrap();
        let security = Security::PlainClient { username: "joe".into(), password: password.into() };
        client.set_security(security).unwrap();
        client.set_linger(Some(Duration::ZERO)).unwrap();
        client.connect(&endpoint).unwrap();
        client
    };
    let wrong = client("wrong");
    wrong.send("from the wrong one").unwrap();
    let right = client("right");
    right.send("from the right one").unwrap();
    assert_eq!(&server.recv().unwrap()[..], b"from the right one");
    assert_eq!(server.try_recv().unwrap_err(), RecvError::WouldBlock);
    context.shutdown();
}

/// Goal: CURVE needs no handler, PLAIN does. Method: both without one.
#[test]
fn without_a_handler() {
    let context = Context::new();
    let key = CurveSecretKey::from_bytes([7; 32]);
    let (server, client) =
        (context.socket(SocketType::Pull).unwrap(), context.socket(SocketType::Push).unwrap());
    server.set_recv_timeout(PATIENCE).unwrap();
    server.set_security(Security::CurveServer { secret_key: key.clone() }).unwrap();
    let own = CurveSecretKey::from_bytes([8; 32]);
    let security =
        Security::CurveClient { server_key: key.public_key(), public_key: own.public_key(), secret_key: own };
    client.set_security(security).unwrap();
    client.connect(&server.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    client.send("sealed").unwrap();
    assert_eq!(&server.recv().unwrap()[..], b"sealed");

    let plain = context.socket(SocketType::Pull).unwrap();
    plain.set_security(Security::PlainServer).unwrap();
    let monitor = plain.monitor();
    let client = context.socket(SocketType::Push).unwrap();
    let security = Security::PlainClient { username: "joe".into(), password: "any".into() };
    client.set_security(security).unwrap();
    client.set_linger(Some(Duration::ZERO)).unwrap();
    client.connect(&plain.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    let refused = monitor.wait_for(Duration::from_secs(10), |event| {
        matches!(event.kind, netzmq::EventKind::HandshakeFailed(_))
    });
    assert!(refused.is_some());
}

/// Goal: every way in which a handler can say no, or nonsense, keeps the peer out, and the monitor hears what libzmq's would
/// tell, in its numbers. Method: a handler that gives each of these answers, to PLAIN and to CURVE.
#[test]
fn every_way_of_refusing() {
    use netzmq::EventKind::{HandshakeFailedAuth, HandshakeFailedProtocol};
    const LONG: &[u8] = b"\x03X-A\xff\xff\xff\xff";
    /// A reply's frames, and the status or the number that a monitor hears of.
    type Case = (&'static [&'static [u8]], Result<u16, u32>);
    let answers: [Case; 9] = [
        (&[b"1.0", b"1", b"400", b"no", b"", b""], Ok(400)),
        (&[b"1.0", b"1", b"300", b"later", b"", b""], Ok(300)),
        (&[b"1.0", b"1", b"500", b"broken", b"", b""], Ok(500)),
        (&[b"1.0", b"1"], Err(0x2000_0001)),
        (&[b"1.0", b"1", b"200", b"OK", b"", b"", b"more"], Err(0x2000_0001)),
        (&[b"2.0", b"1", b"200", b"OK", b"", b""], Err(0x2000_0003)),
        (&[b"1.0", b"2", b"200", b"OK", b"", b""], Err(0x2000_0002)),
        (&[b"1.0", b"1", b"201", b"OK", b"", b""], Err(0x2000_0004)),
        (&[b"1.0", b"1", b"200", b"OK", b"", LONG], Err(0x2000_0005)),
    ];
    let key = |number| CurveSecretKey::from_bytes([number; 32]);
    for (answer, expected) in answers {
        for curve in [false, true] {
            let context = Context::new();
            let handler = context.socket(SocketType::Router).unwrap();
            handler.bind("inproc://zeromq.zap.01").unwrap();
            let asked = std::thread::spawn(move || {
                while let Ok(request) = handler.recv_multipart() {
                    let envelope = [&request[0][..], b""];
                    let reply: netzmq::Multipart = envelope.iter().chain(answer).copied().collect();
                    if handler.send_multipart(reply).is_err() {
                        return;
                    }
                }
            });
            let (server, client) =
                (context.socket(SocketType::Pull).unwrap(), context.socket(SocketType::Push).unwrap());
            client.set_linger(Some(Duration::ZERO)).unwrap();
            if curve {
                let (server_key, public_key) = (key(1).public_key(), key(2).public_key());
                server.set_security(Security::CurveServer { secret_key: key(1) }).unwrap();
                let security = Security::CurveClient { server_key, public_key, secret_key: key(2) };
                client.set_security(security).unwrap();
            } else {
                server.set_security(Security::PlainServer).unwrap();
                let security = Security::PlainClient { username: "joe".into(), password: "any".into() };
                client.set_security(security).unwrap();
            }
            let monitor = server.monitor();
            client.connect(&server.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
            let mut seen = Vec::new();
            let found = monitor.wait_for(Duration::from_secs(10), |event| {
                seen.push(event.kind.clone());
                match (&event.kind, expected) {
                    (HandshakeFailedAuth(status), Ok(expected)) => *status == expected,
                    (HandshakeFailedProtocol { code, .. }, Err(expected)) => *code == expected,
                    _ => false,
                }
            });
            assert!(found.is_some(), "{expected:?}, CURVE {curve}: {:?}", &seen[..seen.len().min(5)]);
            drop((server, client));
            context.shutdown();
            asked.join().unwrap();
        }
    }
}

/// Goal: with nobody to ask, PLAIN lets nobody in, and CURVE with an enforced domain neither, told as libzmq tells it.
#[test]
fn nobody_to_ask() {
    let context = Context::new();
    let (server, client) =
        (context.socket(SocketType::Pull).unwrap(), context.socket(SocketType::Push).unwrap());
    let key = CurveSecretKey::from_bytes([1; 32]);
    client.set_linger(Some(Duration::ZERO)).unwrap();
    server.set_zap_domain("guarded".into()).unwrap();
    server.set_zap_enforce_domain(true).unwrap();
    server.set_security(Security::CurveServer { secret_key: key.clone() }).unwrap();
    let public_key = key.public_key();
    client
        .set_security(Security::CurveClient { server_key: public_key, public_key, secret_key: key })
        .unwrap();
    let monitor = server.monitor();
    client.connect(&server.bind("tcp://127.0.0.1:*").unwrap()).unwrap();
    let refused = monitor.wait_for(Duration::from_secs(10), |event| {
        matches!(event.kind, netzmq::EventKind::HandshakeFailed(_)) && event.errno == 14
    });
    assert!(refused.is_some());
}
