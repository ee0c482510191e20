//! The crate `monocoque-rs` on its default runtime (compio, io_uring), as a user has it who never calls `flush`.
//!
//! Eager, its default: one write per message. (Coalescing, its opt-in, needs a flush by hand after each burst; what
//! was not flushed is not sent.) A bound socket takes one peer, so the ROUTER cells are not here; nor is inproc.

use std::process::ExitCode;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use monocoque::Bytes;
use monocoque::rt::{LocalRuntime, TcpListener, UnixListener, UnixStream};
use monocoque::zmq::{PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket, SocketOptions, SubSocket};
use netzmq_bench::{
    Args, Check, Failure, Gate, Load, Outcome, Role, RoundTrips, fail, is_probe, measure, probe, ready,
    synced, wait_for_stop,
};

fn address(args: &Args) -> Result<(&str, &str), Failure> {
    match args.endpoint.split_once("://") {
        Some((transport @ ("tcp" | "ipc"), address)) => Ok((transport, address)),
        _ => Err(Failure::Unsupported),
    }
}

/// Runs `$with` on a socket made from the first connection to the endpoint.
macro_rules! accepted {
    ($args:expr, $socket:ident, $with:ident) => {
        match address($args)? {
            ("tcp", address) => {
                let listener = TcpListener::bind(address).await?;
                ready();
                $with!($socket::from_tcp(listener.accept().await?.0).await?, $args)
            }
            (_, path) => {
                let listener = UnixListener::bind(path).await?;
                ready();
                $with!($socket::<UnixStream>::from_unix_stream(listener.accept().await?.0).await?, $args)
            }
        }
    };
}

macro_rules! pull {
    ($socket:expr, $args:expr) => {{
        let (mut socket, mut check) = ($socket, Check::new($args.size, $args.warmup, $args.count));
        while check.more() {
            check.take(body(&socket.recv().await?)?)?;
        }
        Ok(check.report())
    }};
}

macro_rules! rep {
    ($socket:expr, $args:expr) => {{
        let (mut socket, mut check) = ($socket, Check::new($args.size, $args.warmup, $args.count));
        while check.more() {
            let question = socket.recv().await?;
            check.take(body(&question)?)?;
            socket.send(question.unwrap_or_default()).await?;
        }
        wait_for_stop();
        Ok(check.report())
    }};
}

macro_rules! push {
    ($socket:expr, $args:expr) => {{
        let (mut socket, mut load) = ($socket, Load::new($args.size, $args.warmup, $args.count));
        while let Some(body) = load.next_body() {
            socket.send_one(Bytes::copy_from_slice(body)).await?;
        }
        wait_for_stop();
        Ok(load.report())
    }};
}

macro_rules! req {
    ($socket:expr, $args:expr) => {{
        let (mut socket, mut trips) = ($socket, RoundTrips::new($args.size, $args.warmup, $args.count));
        while let Some(question) = trips.question() {
            socket.send_one(Bytes::copy_from_slice(question)).await?;
            trips.answer(body(&socket.recv().await?)?)?;
        }
        trips.report()
    }};
}

fn body(message: &Option<Vec<Bytes>>) -> Result<&[u8], Failure> {
    let parts = message.as_deref().ok_or_else(|| fail("the other side closed the connection"))?;
    parts.first().map(|part| &part[..]).ok_or_else(|| fail("a message without parts"))
}

async fn publish(args: &Args) -> Outcome {
    let ("tcp", address) = address(args)? else { return Err(Failure::Unsupported) };
    let options = SocketOptions::default().with_send_hwm(NO_HIGH_WATER_MARK);
    let mut socket = PubSocket::bind_with_options(address, options).await?;
    ready();
    for _ in 0..args.peers {
        socket.accept_subscriber().await?;
    }
    let gate = Gate::new();
    while !gate.is_open() {
        socket.send(vec![Bytes::copy_from_slice(&probe())]).await?;
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut load = Load::new(args.size, args.warmup, args.count);
    while let Some(body) = load.next_body() {
        socket.send(vec![Bytes::copy_from_slice(body)]).await?;
    }
    wait_for_stop();
    Ok(load.report())
}

const NO_HIGH_WATER_MARK: usize = 4_000_000;

fn subscribe(args: &Args) -> Outcome {
    let ("tcp", address) = address(args)? else { return Err(Failure::Unsupported) };
    let meeting = Barrier::new(args.peers);
    let one = async || -> Result<(Check, Instant), Failure> {
        let mut socket = SubSocket::connect(address).await?;
        socket.subscribe(b"").await?;
        if !is_probe(body(&socket.recv().await?)?) {
            return Err(fail("a message before the first probe"));
        }
        if meeting.wait().is_leader() {
            synced();
        }
        let mut check = Check::new(args.size, args.warmup, args.count);
        while check.more() {
            check.take(body(&socket.recv().await?)?)?;
        }
        Ok((check, Instant::now()))
    };
    std::thread::scope(|scope| {
        let thread = || scope.spawn(|| LocalRuntime::new()?.block_on(one()));
        let threads: Vec<_> = (0..args.peers).map(|_| thread()).collect();
        measure::all_of(
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(fail("a panic")))),
        )
    })
}

async fn role(args: &Args) -> Outcome {
    match args.role {
        Role::Pull => accepted!(args, PullSocket, pull),
        Role::Rep => accepted!(args, RepSocket, rep),
        Role::Push => match address(args)? {
            ("tcp", address) => push!(PushSocket::connect(address).await?, args),
            (_, path) => push!(PushSocket::from_unix_stream(UnixStream::connect(path).await?).await?, args),
        },
        Role::Req => match address(args)? {
            ("tcp", _) => req!(ReqSocket::connect(&args.endpoint).await?, args),
            (_, path) => req!(ReqSocket::connect_ipc(path).await?, args),
        },
        Role::Pub => publish(args).await,
        _ => Err(Failure::Unsupported),
    }
}

fn run(args: &Args) -> Outcome {
    if args.role == Role::Sub { subscribe(args) } else { LocalRuntime::new()?.block_on(role(args)) }
}

fn main() -> ExitCode {
    netzmq_bench::main("monocoque", run)
}
