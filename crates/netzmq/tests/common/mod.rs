//! What the behaviour tests share: sockets that never wait for ever, a watchdog, and a peer that speaks ZMTP by hand.

// Each test program uses its own part of this.
#![allow(dead_code)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::time::Duration;

use netzmq::proto::CurveSecretKey;
use netzmq::{Context, EventKind, Monitor, MonitorEvent, Security, Socket, SocketType};

/// Longer than anything takes on a busy machine; reached only when something hangs.
pub(crate) const WAIT: Duration = Duration::from_secs(30);

/// The transports, in a form that `bind` takes.
pub(crate) const TRANSPORTS: [&str; 3] = ["tcp://127.0.0.1:*", "ipc://*", "inproc://here"];

/// A socket whose calls give up after `WAIT`, and which leaves nothing behind.
pub(crate) fn socket(context: &Context, socket_type: SocketType) -> Socket {
    let socket = context.socket(socket_type).unwrap();
    socket.set_recv_timeout(Some(WAIT)).unwrap();
    socket.set_send_timeout(Some(WAIT)).unwrap();
    socket.set_linger(Some(Duration::ZERO)).unwrap();
    socket
}

/// Both ends, joined; the first one binds.
pub(crate) fn join(
    context: &Context,
    transport: &str,
    binder: SocketType,
    connecter: SocketType,
) -> (Socket, Socket) {
    let (binder, connecter) = (socket(context, binder), socket(context, connecter));
    connecter.connect(&binder.bind(transport).unwrap()).unwrap();
    (binder, connecter)
}

/// An endpoint of this machine where nobody listens (any more).
pub(crate) fn free_endpoint(context: &Context) -> String {
    let probe = socket(context, SocketType::Pull);
    let endpoint = probe.bind("tcp://127.0.0.1:*").unwrap();
    probe.unbind(&endpoint).unwrap();
    endpoint
}

/// Does `work` on a thread of its own, and fails if that takes too long: a hang becomes a failure that says where.
#[track_caller]
pub(crate) fn finishes<R: Send + 'static>(what: &str, work: impl FnOnce() -> R + Send + 'static) -> R {
    let (done, wait) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let _ = done.send(work());
    });
    match wait.recv_timeout(WAIT) {
        Ok(result) => result,
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("{what}: still not done after {WAIT:?}"),
        Err(mpsc::RecvTimeoutError::Disconnected) => match worker.join() {
            Err(panic) => std::panic::resume_unwind(panic),
            Ok(()) => panic!("{what}: no result"),
        },
    }
}

/// Waits for an event of this kind.
#[track_caller]
pub(crate) fn expect(monitor: &Monitor, what: &str, wanted: impl Fn(&EventKind) -> bool) -> MonitorEvent {
    let mut seen = Vec::new();
    let found = monitor.wait_for(WAIT, |event| {
        seen.push(event.kind.clone());
        wanted(&event.kind)
    });
    found.unwrap_or_else(|| panic!("no {what}; seen: {seen:?}"))
}

/// Waits until a connection is ready for messages.
#[track_caller]
pub(crate) fn expect_ready(monitor: &Monitor) -> MonitorEvent {
    expect(monitor, "HandshakeSucceeded", |kind| *kind == EventKind::HandshakeSucceeded)
}

/// Waits until a connection is lost.
#[track_caller]
pub(crate) fn expect_lost(monitor: &Monitor) -> String {
    match expect(monitor, "Disconnected", |kind| matches!(kind, EventKind::Disconnected(_))).kind {
        EventKind::Disconnected(why) => why,
        _ => unreachable!(),
    }
}

/// The greeting of a ZMTP 3.1 peer (RFC 37, "greeting"): 64 bytes.
pub(crate) fn greeting(mechanism: &str) -> Vec<u8> {
    let mut bytes = vec![0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 1];
    bytes.extend_from_slice(mechanism.as_bytes());
    bytes.resize(64, 0);
    bytes
}

/// A short frame: flags (1 more, 4 command), length, body.
pub(crate) fn frame(flags: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flags, u8::try_from(body.len()).unwrap()];
    bytes.extend_from_slice(body);
    bytes
}

/// The READY command of a peer of this type.
pub(crate) fn ready(socket_type: &str) -> Vec<u8> {
    let mut body = b"\x05READY\x0bSocket-Type".to_vec();
    body.extend_from_slice(&u32::try_from(socket_type.len()).unwrap().to_be_bytes());
    body.extend_from_slice(socket_type.as_bytes());
    frame(4, &body)
}

/// The head with which a client asks for a WebSocket of this sub-protocol.
pub(crate) fn web_request(protocol: &str) -> String {
    format!(
        "GET /path HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: {protocol}\r\n\
         Sec-WebSocket-Version: 13\r\n\r\n"
    )
}

/// A short frame of a WebSocket client, with a mask.
pub(crate) fn web_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [1, 2, 3, 4];
    let mut frame = vec![first, 0x80 | payload.len() as u8];
    frame.extend_from_slice(&mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

/// A bare connection to a bound endpoint of ours.
pub(crate) fn raw(endpoint: &str) -> TcpStream {
    let stream = TcpStream::connect(endpoint.trim_start_matches("tcp://")).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    stream.set_write_timeout(Some(WAIT)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Shakes hands over `stream` as a peer of this type; the next bytes are messages.
pub(crate) fn shake(stream: &mut TcpStream, socket_type: &str) {
    stream.write_all(&greeting("NULL")).unwrap();
    stream.write_all(&ready(socket_type)).unwrap();
    let mut theirs = [0; 64];
    stream.read_exact(&mut theirs).unwrap();
    let (flags, body) = read_frame(stream);
    assert!(flags == 4 && body.starts_with(b"\x05READY"), "{flags} {body:?}");
}

/// A bare connection to `endpoint` whose handshake is done.
pub(crate) fn raw_peer(endpoint: &str, socket_type: &str) -> TcpStream {
    let mut stream = raw(endpoint);
    shake(&mut stream, socket_type);
    stream
}

/// The next frame: its flags (without the size bit) and its body.
pub(crate) fn read_frame(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let mut head = [0; 2];
    stream.read_exact(&mut head).unwrap();
    let length = if head[0] & 2 == 0 {
        u64::from(head[1])
    } else {
        let mut long = [0; 8];
        long[0] = head[1];
        stream.read_exact(&mut long[1..]).unwrap();
        u64::from_be_bytes(long)
    };
    let mut body = vec![0; usize::try_from(length).unwrap()];
    stream.read_exact(&mut body).unwrap();
    (head[0] & !2, body)
}

/// The other side has closed this connection (in whichever way); what it had still to say is dropped.
#[track_caller]
pub(crate) fn assert_closed(stream: &mut TcpStream) {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                panic!("the connection is still open")
            }
            Err(_) => return,
        }
    }
}

/// Resident memory of this process in KiB, as the kernel counts it.
pub(crate) fn resident_kib() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").trim().parse().unwrap()
}

/// A server's and a client's side of each mechanism that needs to know something; CURVE first.
pub(crate) fn mechanisms() -> [(Security, Security); 2] {
    let secret = CurveSecretKey::from_bytes([42; 32]);
    let own = CurveSecretKey::from_bytes([43; 32]);
    let (server_key, public_key) = (secret.public_key(), own.public_key());
    [
        (
            Security::CurveServer { secret_key: secret },
            Security::CurveClient { server_key, public_key, secret_key: own },
        ),
        (Security::PlainServer, Security::PlainClient { username: "ada".into(), password: "secret".into() }),
    ]
}
