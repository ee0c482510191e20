//! STREAM: against libzmq's STREAM, and against a bare TCP socket.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use netzmq::{EventKind, SocketType};
use netzmq_interop::{End, Engine, WAIT, World};

/// The next message of a STREAM: who, and what ("" tells of a connect or disconnect).
fn next(stream: &End) -> (Vec<u8>, Vec<u8>) {
    let mut parts = stream.recv_parts();
    assert_eq!(parts.len(), 2);
    (parts.remove(0), parts.remove(0))
}

/// Bytes of one peer until there are so many: TCP keeps no boundaries.
fn gather(stream: &End, peer: &[u8], len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < len {
        let (id, more) = next(stream);
        assert_eq!(id, peer);
        bytes.extend_from_slice(&more);
    }
    bytes
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 31 + i / 1000) as u8).collect()
}

/// Goal: two STREAMs see each other come, talk in both directions and see each other go. Method: each engine as the
/// binder; small and large bodies.
#[test]
fn against_stream() {
    for binder in [Engine::Ours, Engine::Theirs] {
        let world = World::new();
        let other = if binder == Engine::Ours { Engine::Theirs } else { Engine::Ours };
        let (server, client) = (world.end(binder, SocketType::Stream), world.end(other, SocketType::Stream));
        client.connect(&server.bind("tcp://127.0.0.1:*"));
        let (at_server, hello) = next(&server);
        assert!(hello.is_empty() && at_server.len() == 5 && at_server[0] == 0);
        let (at_client, hello) = next(&client);
        assert!(hello.is_empty() && at_client.len() == 5);
        for len in [1, 100, 8_192, 100_000, 2 << 20] {
            let body = pattern(len);
            client.send_parts(&[at_client.clone(), body.clone()]);
            assert!(gather(&server, &at_server, len) == body);
            server.send_parts(&[at_server.clone(), body.clone()]);
            assert!(gather(&client, &at_client, len) == body);
        }
        // An empty body closes the connection.
        server.send_parts(&[at_server, vec![]]);
        // libzmq does the rest of it only while it is called.
        while !client.arrives_within(Duration::from_millis(1)) {
            let _ = server.arrives_within(Duration::ZERO);
        }
        assert_eq!(next(&client), (at_client, vec![]));
    }
}

/// Goal: our STREAM serves somebody who has never heard of ZeroMQ. Method: many bare clients at once, each echoed.
#[test]
fn serves_bare_clients() {
    let world = World::new();
    let server = world.end(Engine::Ours, SocketType::Stream);
    let endpoint = server.bind("tcp://127.0.0.1:*");
    let address = endpoint.trim_start_matches("tcp://").to_owned();
    let clients: Vec<_> = (0..5u8)
        .map(|i| {
            let address = address.clone();
            std::thread::spawn(move || {
                let mut stream = TcpStream::connect(address).unwrap();
                stream.set_read_timeout(Some(WAIT)).unwrap();
                let body = vec![i + 1; 10_000];
                stream.write_all(&body).unwrap();
                let mut echo = vec![0; body.len()];
                stream.read_exact(&mut echo).unwrap();
                assert!(echo == body);
            })
        })
        .collect();
    let (mut came, mut left, mut bytes) = (0, 0, 0);
    let mut known = std::collections::HashSet::new();
    while left < 5 {
        let (id, body) = next(&server);
        if body.is_empty() {
            if known.insert(id) {
                came += 1
            } else {
                left += 1
            }
            continue;
        }
        bytes += body.len();
        server.send_parts(&[id, body]);
    }
    assert_eq!((came, bytes), (5, 50_000));
    clients.into_iter().for_each(|client| client.join().unwrap());
}

/// Goal: our STREAM is a client of a bare server, and tells when that is gone. Method: one request, one answer, the end.
#[test]
fn asks_a_bare_server() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut line = [0; 5];
        stream.read_exact(&mut line).unwrap();
        assert_eq!(&line, b"time?");
        stream.write_all(b"noon").unwrap();
    });
    let world = World::new();
    let client = world.our(SocketType::Stream);
    client.set_reconnect_interval(None).unwrap();
    let monitor = client.monitor();
    let client = End::Ours(client);
    client.connect(&format!("tcp://{address}"));
    let (id, hello) = next(&client);
    assert!(hello.is_empty());
    client.send_parts(&[id.clone(), b"time?".to_vec()]);
    assert_eq!(gather(&client, &id, 4), b"noon");
    assert_eq!(next(&client), (id, vec![]));
    assert!(monitor.wait_for(WAIT, |event| matches!(event.kind, EventKind::Disconnected(_))).is_some());
    server.join().unwrap();
}
