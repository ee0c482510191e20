//! A peer's PING is answered at once, also by a socket whose application waits in `recv`: there the waiting caller is the
//! one who reads, and it once went back to sleep with the PONG still queued. Method: a peer made of `netzmq::proto` on a
//! plain TCP stream sends PINGs in quick succession, so that some of them are met by a spinning reader.

mod common;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use common::{assert_closed, expect_lost, frame, raw_peer, read_frame, socket};
use netzmq::Context;
use netzmq::proto::{
    Command, FrameHeader, Handshake, HandshakeConfig, HandshakeStatus, MechanismConfig, SocketType, command,
};

/// More than any heartbeat takes, also on a busy machine.
const PATIENCE: Duration = Duration::from_secs(10);

fn shake_hands(stream: &mut TcpStream, input: &mut Vec<u8>) {
    let mut handshake = Handshake::new(HandshakeConfig::new(SocketType::Req, MechanismConfig::Null));
    loop {
        stream.write_all(&std::mem::take(handshake.output())).unwrap();
        if handshake.status() == HandshakeStatus::Done {
            return;
        }
        if input.is_empty() {
            read(stream, input);
        }
        let taken = handshake.handle_input(input).unwrap();
        input.drain(..taken);
    }
}

fn read(stream: &mut TcpStream, input: &mut Vec<u8>) {
    let mut chunk = [0; 4096];
    let count = stream.read(&mut chunk).unwrap();
    assert!(count > 0, "the connection was closed");
    input.extend_from_slice(&chunk[..count]);
}

#[test]
fn a_waiting_receiver_answers_pings() {
    let context = Context::new();
    let rep = context.socket(SocketType::Rep).unwrap();
    // Ends the waiting thread if this test fails.
    rep.set_recv_timeout(Some(3 * PATIENCE)).unwrap();
    let endpoint = rep.bind("tcp://127.0.0.1:*").unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| rep.recv().unwrap_err());
        for _ in 0..10 {
            let mut stream = TcpStream::connect(endpoint.trim_start_matches("tcp://")).unwrap();
            stream.set_read_timeout(Some(PATIENCE)).unwrap();
            stream.set_nodelay(true).unwrap();
            let mut input = Vec::new();
            shake_hands(&mut stream, &mut input);
            for number in 0..50_u16 {
                let mut ping = Vec::new();
                command::encode_ping(0, &number.to_be_bytes(), &mut ping);
                stream.write_all(&ping).unwrap();
                let header = loop {
                    match FrameHeader::parse(&input).unwrap() {
                        Some(header)
                            if input.len() as u64 >= u64::from(header.header_len) + header.body_len =>
                        {
                            break header;
                        }
                        _ => read(&mut stream, &mut input),
                    }
                };
                let start = usize::from(header.header_len);
                let end = start + header.body_len as usize;
                let pong = Command::parse(&input[start..end]).unwrap();
                assert_eq!(pong, Command::Pong { context: &number.to_be_bytes() });
                input.drain(..end);
            }
        }
        context.shutdown();
    });
}

/// Goal: a PING gets its PONG with its context, and a peer that stops answering ours is dropped. Method: by hand.
#[test]
fn heartbeats_by_hand() {
    let context = Context::new();
    let pull = socket(&context, SocketType::Pull);
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let mut stream = raw_peer(&endpoint, "PUSH");
    stream.write_all(&frame(4, b"\x04PING\0\x00context")).unwrap();
    assert_eq!(read_frame(&mut stream), (4, b"\x04PONGcontext".to_vec()));
    // With a time to live of 0.2 s, silence is the end.
    let monitor = pull.monitor();
    stream.write_all(&frame(4, b"\x04PING\0\x02")).unwrap();
    assert_eq!(read_frame(&mut stream).1, b"\x04PONG");
    expect_lost(&monitor);
    assert_closed(&mut stream);

    pull.set_heartbeat_interval(Duration::from_millis(30)).unwrap();
    pull.set_heartbeat_ttl(Duration::from_millis(500)).unwrap();
    let endpoint = pull.bind("tcp://127.0.0.1:*").unwrap();
    let mut stream = raw_peer(&endpoint, "PUSH");
    assert_eq!(read_frame(&mut stream), (4, b"\x04PING\0\x05".to_vec()));
    stream.write_all(&frame(4, b"\x04PONG")).unwrap();
    assert_eq!(read_frame(&mut stream).1, b"\x04PING\0\x05");
    expect_lost(&monitor);
    assert_closed(&mut stream);
}
