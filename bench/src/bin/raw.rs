//! The limit: bare std sockets that do ZMTP's framing work and nothing else.
//!
//! Frames have a 2-byte header (9 bytes above 255 bytes), as on ZMTP's wire; there is no greeting, no queue, no other
//! thread and no spinning. Small bodies are gathered in 64 KiB batches and read in chunks of 128 KiB, large ones go
//! by vectored write and are read into their own buffer. A library that must also keep high-water marks, fairness and
//! reconnects can come near these figures where the work per message is hidden by the kernel's, and not elsewhere.
//!
//! Not here: ROUTER cells and inproc. They have no bare equivalent.

use std::io::{IoSlice, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use netzmq_bench::{
    Args, Check, Failure, Gate, Load, Outcome, Role, RoundTrips, fail, is_probe, probe, ready, synced,
    wait_for_stop,
};

const BATCH: usize = 64 * 1024;
const CHUNK: usize = 128 * 1024;
/// Bodies from here on are not copied into the batch.
const LARGE: usize = 16 * 1024;
/// More than any cell sends; a length above it is not ours.
const BODY_MAX: usize = 64 * 1024 * 1024;

const LONG: u8 = 2;
const MORE: u8 = 1;

trait Wire: Read + Write + Send {}
impl<T: Read + Write + Send> Wire for T {}

enum Listener {
    Tcp(TcpListener),
    Ipc(UnixListener),
}

fn listen(endpoint: &str) -> Result<Listener, Failure> {
    let listener = match endpoint.split_once("://") {
        Some(("tcp", address)) => Listener::Tcp(TcpListener::bind(address)?),
        Some(("ipc", path)) => Listener::Ipc(UnixListener::bind(path)?),
        _ => return Err(Failure::Unsupported),
    };
    ready();
    Ok(listener)
}

/// Runs a role with a stream type known at compile time, so that no call goes through a table.
macro_rules! accepted {
    ($args:expr, $with:expr) => {
        match listen(&$args.endpoint)? {
            Listener::Tcp(listener) => {
                let streams: Result<Vec<TcpStream>, Failure> =
                    (0..$args.peers).map(|_| nodelay(listener.accept()?.0)).collect();
                $with(streams?, $args)
            }
            Listener::Ipc(listener) => {
                let streams: Result<Vec<UnixStream>, std::io::Error> =
                    (0..$args.peers).map(|_| Ok(listener.accept()?.0)).collect();
                $with(streams?, $args)
            }
        }
    };
}

macro_rules! connected {
    ($args:expr, $with:expr) => {
        match $args.endpoint.split_once("://") {
            Some(("tcp", address)) => {
                let streams: Result<Vec<TcpStream>, Failure> =
                    (0..$args.peers).map(|_| nodelay(TcpStream::connect(address)?)).collect();
                $with(streams?, $args)
            }
            Some(("ipc", path)) => {
                let streams: Result<Vec<UnixStream>, std::io::Error> =
                    (0..$args.peers).map(|_| UnixStream::connect(path)).collect();
                $with(streams?, $args)
            }
            _ => Err(Failure::Unsupported),
        }
    };
}

fn nodelay(stream: TcpStream) -> Result<TcpStream, Failure> {
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn put_header(out: &mut Vec<u8>, flags: u8, len: usize) {
    match u8::try_from(len) {
        Ok(short) => out.extend_from_slice(&[flags, short]),
        Err(_) => {
            out.push(flags | LONG);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Appends a frame to the batch and writes the batch when it is full, or with a large body at once.
fn put<S: Write>(streams: &mut [S], batch: &mut Vec<u8>, body: &[u8]) -> Result<(), Failure> {
    put_header(batch, 0, body.len());
    if body.len() < LARGE {
        batch.extend_from_slice(body);
        if batch.len() >= BATCH {
            flush(streams, batch)?;
        }
        return Ok(());
    }
    for stream in streams {
        let written = stream.write_vectored(&[IoSlice::new(batch), IoSlice::new(body)])?;
        match written.checked_sub(batch.len()) {
            Some(of_body) => stream.write_all(&body[of_body..])?,
            None => {
                stream.write_all(&batch[written..])?;
                stream.write_all(body)?;
            }
        }
    }
    batch.clear();
    Ok(())
}

fn flush<S: Write>(streams: &mut [S], batch: &mut Vec<u8>) -> Result<(), Failure> {
    for stream in streams {
        stream.write_all(batch)?;
    }
    batch.clear();
    Ok(())
}

/// Reads frames from one stream.
struct Frames<S> {
    stream: S,
    chunk: Vec<u8>,
    at: usize,
    end: usize,
    large: Vec<u8>,
}

impl<S: Read> Frames<S> {
    fn new(stream: S) -> Self {
        Frames { stream, chunk: vec![0; CHUNK], at: 0, end: 0, large: Vec::new() }
    }

    /// Header size and body length of the frame at hand, if its header is here.
    fn header(&self) -> Option<(usize, usize)> {
        let seen = &self.chunk[self.at..self.end];
        let flags = *seen.first()?;
        if flags & LONG == 0 {
            return Some((2, usize::from(*seen.get(1)?)));
        }
        let long = u64::from_be_bytes(*seen.get(1..)?.first_chunk::<8>()?);
        Some((9, usize::try_from(long).unwrap_or(usize::MAX)))
    }

    fn fill(&mut self) -> Result<(), Failure> {
        if self.at > 0 {
            self.chunk.copy_within(self.at..self.end, 0);
            self.end -= self.at;
            self.at = 0;
        }
        match self.stream.read(&mut self.chunk[self.end..])? {
            0 => Err(fail("the other side closed the connection")),
            read => {
                self.end += read;
                Ok(())
            }
        }
    }

    /// The next body.
    fn next_body(&mut self) -> Result<&[u8], Failure> {
        loop {
            let Some((header, len)) = self.header() else {
                self.fill()?;
                continue;
            };
            if len > BODY_MAX {
                return Err(fail(format!("a frame of {len} bytes")));
            }
            if self.end - self.at >= header + len {
                let body = self.at + header;
                self.at = body + len;
                return Ok(&self.chunk[body..body + len]);
            }
            if len >= LARGE {
                return self.next_large(header, len);
            }
            self.fill()?;
        }
    }

    fn next_large(&mut self, header: usize, len: usize) -> Result<&[u8], Failure> {
        let here = &self.chunk[self.at + header..self.end];
        let have = here.len();
        self.large.resize(len, 0);
        self.large[..have].copy_from_slice(here);
        self.stream.read_exact(&mut self.large[have..])?;
        (self.at, self.end) = (0, 0);
        Ok(&self.large)
    }
}

fn push<S: Wire>(mut streams: Vec<S>, args: &Args) -> Outcome {
    let mut load = Load::new(args.size, args.warmup, args.count);
    let mut batch = Vec::with_capacity(BATCH + args.size.min(LARGE) + 9);
    while let Some(body) = load.next_body() {
        put(&mut streams, &mut batch, body)?;
    }
    flush(&mut streams, &mut batch)?;
    wait_for_stop();
    Ok(load.report())
}

fn pull<S: Wire>(streams: Vec<S>, args: &Args) -> Outcome {
    let mut check = Check::new(args.size, args.warmup, args.count);
    let stream = streams.into_iter().next().ok_or_else(|| fail("no connection"))?;
    let mut frames = Frames::new(stream);
    while check.more() {
        check.take(frames.next_body()?)?;
    }
    Ok(check.report())
}

/// An empty delimiter frame and the body, in one write: what REQ and REP put on the wire.
fn write_envelope<S: Write>(stream: &mut S, batch: &mut Vec<u8>, body: &[u8]) -> Result<(), Failure> {
    put_header(batch, MORE, 0);
    put(std::slice::from_mut(stream), batch, body)?;
    if !batch.is_empty() {
        flush(std::slice::from_mut(stream), batch)?;
    }
    Ok(())
}

fn read_envelope<S: Read>(frames: &mut Frames<S>) -> Result<&[u8], Failure> {
    if !frames.next_body()?.is_empty() {
        return Err(fail("no delimiter"));
    }
    frames.next_body()
}

fn req<S: Wire>(streams: Vec<S>, args: &Args) -> Outcome {
    let stream = streams.into_iter().next().ok_or_else(|| fail("no connection"))?;
    let (mut frames, mut batch) = (Frames::new(stream), Vec::with_capacity(BATCH));
    let mut trips = RoundTrips::new(args.size, args.warmup, args.count);
    while let Some(body) = trips.question() {
        write_envelope(&mut frames.stream, &mut batch, body)?;
        trips.answer(read_envelope(&mut frames)?)?;
    }
    trips.report()
}

fn rep<S: Wire>(streams: Vec<S>, args: &Args) -> Outcome {
    let stream = streams.into_iter().next().ok_or_else(|| fail("no connection"))?;
    let (mut frames, mut batch) = (Frames::new(stream), Vec::with_capacity(BATCH));
    let (mut check, mut reply) = (Check::new(args.size, args.warmup, args.count), vec![0; args.size]);
    while check.more() {
        let body = read_envelope(&mut frames)?;
        check.take(body)?;
        reply.copy_from_slice(body);
        write_envelope(&mut frames.stream, &mut batch, &reply)?;
    }
    wait_for_stop();
    Ok(check.report())
}

fn publish<S: Wire>(mut streams: Vec<S>, args: &Args) -> Outcome {
    let (gate, mut batch) = (Gate::new(), Vec::with_capacity(BATCH + LARGE));
    while !gate.is_open() {
        put(&mut streams, &mut batch, &probe())?;
        flush(&mut streams, &mut batch)?;
        std::thread::sleep(Duration::from_millis(1));
    }
    push(streams, args)
}

fn subscribe<S: Wire>(streams: Vec<S>, args: &Args) -> Outcome {
    let meeting = std::sync::Barrier::new(streams.len());
    let one = |stream: S| -> Result<(Check, Instant), Failure> {
        let (mut frames, mut check) = (Frames::new(stream), Check::new(args.size, args.warmup, args.count));
        if !is_probe(frames.next_body()?) {
            return Err(fail("a message before the first probe"));
        }
        if meeting.wait().is_leader() {
            synced();
        }
        while check.more() {
            check.take(frames.next_body()?)?;
        }
        Ok((check, Instant::now()))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = streams.into_iter().map(|stream| scope.spawn(|| one(stream))).collect();
        netzmq_bench::measure::all_of(
            threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(fail("a panic")))),
        )
    })
}

fn run(args: &Args) -> Outcome {
    match args.role {
        Role::Push => connected!(args, push),
        Role::Pull => accepted!(args, pull),
        Role::Req => connected!(args, req),
        Role::Rep => accepted!(args, rep),
        Role::Pub => accepted!(args, publish),
        Role::Sub => connected!(args, subscribe),
        _ => Err(Failure::Unsupported),
    }
}

fn main() -> ExitCode {
    netzmq_bench::main("raw", run)
}
