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
