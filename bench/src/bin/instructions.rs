//! What the instruction gate counts: one cell of the hot path, over and over, on the main thread.
//!
//! `instructions CELL ROUNDS`. The driver (`cargo xtask bench instructions`) runs it under callgrind, which counts only
//! inside functions called `counted_…`, and takes the difference of two runs, so that setting up counts for nothing.
//!
//! The peer is a bare TCP stream in this process whose bytes are made by hand: it writes before `counted_recv`, and
//! never reads during `counted_send`, so that neither timing nor another engine has a part in the figures.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use netzmq::{Context, Message, MessagePool, Socket, SocketType};
use netzmq_bench::Failure;

/// Bytes that a stream takes without being read, on any system.
const BATCH_BYTES: usize = 32 * 1024;
/// Messages that are sent into a stream which takes no more.
const SENDS: usize = 1000;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [cell, rounds] = args.as_slice() else {
        eprintln!("usage: instructions CELL ROUNDS");
        return ExitCode::from(2);
    };
    match rounds.parse().map_err(Failure::from).and_then(|rounds| run(cell, rounds)) {
        Ok(count) => {
            println!("{count}");
            ExitCode::SUCCESS
        }
        Err(Failure::Error(why)) => {
            eprintln!("instructions: {why}");
            ExitCode::FAILURE
        }
        Err(Failure::Unsupported) => {
            eprintln!("instructions: no such cell: {cell}");
            ExitCode::from(2)
        }
    }
}

/// Returns how many operations were counted.
fn run(cell: &str, rounds: usize) -> Result<usize, Failure> {
    let (what, number) = cell.rsplit_once('-').ok_or(Failure::Unsupported)?;
    let number: usize = number.parse()?;
    match what {
        "send" => send(number, rounds),
        "router" => router(number, rounds),
        "recv" => recv(Receiver { kind: SocketType::Pull, peer: "PUSH", parts: 1 }, number, rounds),
        "sub" => recv(Receiver { kind: SocketType::Sub, peer: "PUB", parts: 1 }, number, rounds),
        "routed" => recv(Receiver { kind: SocketType::Router, peer: "DEALER", parts: 2 }, number, rounds),
        "fan-out" => fan_out(number, rounds),
        "rent" => Ok(rent(number, rounds)),
        "match" => subscribed(number, rounds),
        _ => Err(Failure::Unsupported),
    }
}

// ---- the cells ----

fn send(size: usize, rounds: usize) -> Result<usize, Failure> {
    let context = Context::new();
    let socket = context.socket(SocketType::Push)?;
    socket.set_send_hwm(0)?;
    let _peer = peer_of(&socket, "PULL")?;
    let body = vec![7; size];
    fill(&socket, b"", &body)?;
    for _ in 0..rounds {
        counted_send(&socket, &body)?;
    }
    // The peer is gone before the socket: nothing lingers.
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(rounds * SENDS)
}

/// Makes the stream behind a socket full (`to`: whom to address).
fn fill(socket: &Socket, to: &[u8], body: &[u8]) -> Result<(), Failure> {
    let send = |body: &[u8]| -> Result<(), Failure> {
        if !to.is_empty() {
            socket.send_more(to)?;
        }
        Ok(socket.send(body)?)
    };
    // The stream is full, and stays it: from here on nothing is written, whatever the clock says.
    for _ in 0..(16 << 20) / body.len() {
        send(body)?;
    }
    // The I/O thread has tried, too, and waits for room.
    std::thread::sleep(Duration::from_millis(300));
    (0..10_000).try_for_each(|_| send(&body[..64.min(body.len())]))
}

/// A ROUTER's message: whom to, and the body.
fn router(size: usize, rounds: usize) -> Result<usize, Failure> {
    let context = Context::new();
    let socket = context.socket(SocketType::Router)?;
    socket.set_send_hwm(0)?;
    let mut peer = peer_of(&socket, "DEALER")?;
    peer.write_all(&[0, 1, 7])?;
    let to = socket.recv()?;
    socket.recv()?;
    let body = vec![7; size];
    fill(&socket, &to, &body)?;
    for _ in 0..rounds {
        counted_route(&socket, &to, &body)?;
    }
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(rounds * SENDS)
}

#[inline(never)]
fn counted_route(socket: &Socket, to: &[u8], body: &[u8]) -> Result<(), Failure> {
    for _ in 0..SENDS {
        socket.send_more(to)?;
        socket.send(body)?;
    }
    Ok(())
}

/// A message of 64 bytes to so many subscribers who want everything; what is counted is one delivery.
fn fan_out(peers: usize, rounds: usize) -> Result<usize, Failure> {
    let context = Context::new();
    let socket = context.socket(SocketType::XPub)?;
    socket.set_send_hwm(0)?;
    let mut streams = Vec::new();
    for number in 0..peers {
        let mut peer = peer_of(&socket, "SUB")?;
        // Everything, and something that only this one wants, so that the socket tells when it has heard of both.
        let own = [1, 0, number as u8];
        let mut batch = Vec::new();
        frame(&mut batch, &[1]);
        frame(&mut batch, &own);
        peer.write_all(&batch)?;
        while socket.recv()?[..] != own {}
        streams.push(peer);
    }
    fill(&socket, b"", &vec![7; 64 * 1024])?;
    let body = [7; 64];
    for _ in 0..rounds {
        counted_send(&socket, &body)?;
    }
    socket.set_linger(Some(Duration::ZERO))?;
    Ok(rounds * SENDS * peers)
}

#[inline(never)]
fn counted_send(socket: &Socket, body: &[u8]) -> Result<(), Failure> {
    for _ in 0..SENDS {
        socket.send(body)?;
    }
    Ok(())
}

/// Who receives, from whom, and how many parts each message has when it is received.
struct Receiver {
    kind: SocketType,
    peer: &'static str,
    parts: usize,
}

fn recv(receiver: Receiver, size: usize, rounds: usize) -> Result<usize, Failure> {
    let context = Context::new();
    let socket = context.socket(receiver.kind)?;
    if receiver.kind == SocketType::Sub {
        socket.subscribe("")?;
    }
    let parts = receiver.parts;
    let mut peer = peer_of(&socket, receiver.peer)?;
    let mut batch = Vec::new();
    // Two large ones are on this side when the write returns: loopback delivers what the window holds.
    let count = (BATCH_BYTES / (size + 9)).max(2);
    for _ in 0..count {
        frame(&mut batch, &vec![7; size]);
    }
    let mut message = Message::new();
    for round in 0..rounds + 8 {
        peer.write_all(&batch)?;
        // The first one waits until something is there; the others find it, or read on.
        (0..parts).try_for_each(|_| socket.recv_to(&mut message))?;
        if round < 8 {
            (parts..count * parts).try_for_each(|_| socket.recv_to(&mut message))?;
        } else {
            counted_recv(&socket, &mut message, (count - 1, parts), size)?;
        }
    }
    Ok(rounds * (count - 1))
}

#[inline(never)]
fn counted_recv(
    socket: &Socket,
    message: &mut Message,
    (count, parts): (usize, usize),
    size: usize,
) -> Result<(), Failure> {
    for _ in 0..count {
        for _ in 0..parts {
            socket.recv_to(message)?;
        }
        if message.len() != size {
            return Err(Failure::Error(format!("{} bytes came, not {size}", message.len())));
        }
    }
    Ok(())
}

fn rent(size: usize, rounds: usize) -> usize {
    let pool = MessagePool::new();
    for _ in 0..rounds {
        counted_rent(&pool, size);
    }
    rounds * SENDS
}

#[inline(never)]
fn counted_rent(pool: &MessagePool, size: usize) {
    for _ in 0..SENDS {
        std::hint::black_box(pool.rent(size));
    }
}

/// A PUB whose one subscriber wants so many topics, none of which is sent.
fn subscribed(topics: usize, rounds: usize) -> Result<usize, Failure> {
    let context = Context::new();
    let socket = context.socket(SocketType::XPub)?;
    let mut peer = peer_of(&socket, "SUB")?;
    let mut batch = Vec::new();
    for topic in 0..topics {
        frame(&mut batch, format!("\u{1}topic/{topic:07}/x").as_bytes());
    }
    let writer = std::thread::spawn(move || peer.write_all(&batch).map(|()| peer));
    for _ in 0..topics {
        socket.recv()?;
    }
    let _peer = writer.join().map_err(|_| Failure::Error("the writer panicked".into()))??;
    for _ in 0..rounds {
        counted_match(&socket)?;
    }
    Ok(rounds * SENDS)
}

#[inline(never)]
fn counted_match(socket: &Socket) -> Result<(), Failure> {
    for topic in 0..SENDS {
        let topic = [b"topic/", topic.to_be_bytes().as_slice()].concat();
        socket.send(&topic)?;
    }
    Ok(())
}

// ---- the peer ----

/// Connects the socket to a stream that has shaken hands as a `socket_type`.
fn peer_of(socket: &Socket, socket_type: &str) -> Result<TcpStream, Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    socket.connect(&format!("tcp://{}", listener.local_addr()?))?;
    let (mut stream, _) = listener.accept()?;
    // RFC 37: signature, version 3.0, the mechanism's name, as-server, filler; then READY with the socket type.
    let mut hello = vec![0; 64];
    (hello[0], hello[9], hello[10], hello[11]) = (0xFF, 0x7F, 3, 0);
    hello[12..16].copy_from_slice(b"NULL");
    let mut ready = b"\x05READY\x0bSocket-Type".to_vec();
    ready.extend((socket_type.len() as u32).to_be_bytes());
    ready.extend(socket_type.as_bytes());
    hello.extend([4, ready.len() as u8]);
    hello.extend(&ready);
    stream.write_all(&hello)?;
    // What it says of itself: 64 bytes, and a command of the length in its second byte.
    let mut greeting = [0; 66];
    stream.read_exact(&mut greeting)?;
    let mut rest = vec![0; greeting[65] as usize];
    stream.read_exact(&mut rest)?;
    Ok(stream)
}

fn frame(to: &mut Vec<u8>, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(length) => to.extend([0, length]),
        Err(_) => {
            to.push(2);
            to.extend((body.len() as u64).to_be_bytes());
        }
    }
    to.extend(body);
}
