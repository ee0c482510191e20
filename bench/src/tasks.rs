//! The roles for an engine whose sockets are asynchronous and run on tokio: the same as in [`crate::blocking`], with a
//! task where that has a thread. The runtime is the one that `#[tokio::main]` makes: a worker thread per core.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::task::{JoinHandle, spawn_blocking};

use crate::blocking::{Kind, Setup};
use crate::idle::{self, Resting};
use crate::measure::{self, Side};
use crate::{
    Args, Check, Failure, Gate, Load, Outcome, Role, RoundTrips, Rounds, fail, is_probe, probe, ready,
    synced, wait_for_stop,
};

/// A library with asynchronous sockets: its context.
pub trait Engine: Clone + Send + Sync + 'static {
    /// Its socket.
    type Socket: Socket;
    /// Makes a socket. A SUB subscribes to everything when it connects.
    fn socket(&self, setup: Setup) -> impl Future<Output = Result<Self::Socket, Failure>> + Send;
}

/// One socket; see [`crate::blocking::Socket`].
#[allow(missing_docs)]
pub trait Socket: Send + 'static {
    fn bind(&mut self, endpoint: &str) -> impl Future<Output = Result<(), Failure>> + Send;
    fn connect(&mut self, endpoint: &str) -> impl Future<Output = Result<(), Failure>> + Send;
    fn send(&mut self, body: &[u8]) -> impl Future<Output = Result<(), Failure>> + Send;
    fn recv(&mut self) -> impl Future<Output = Result<&[u8], Failure>> + Send;
    fn send_back(&mut self) -> impl Future<Output = Result<(), Failure>> + Send;
    fn send_routed(
        &mut self,
        to: &'static [u8],
        body: &[u8],
    ) -> impl Future<Output = Result<(), Failure>> + Send;
    fn recv_routed(&mut self) -> impl Future<Output = Result<&[u8], Failure>> + Send;
}

/// Runs the role that the command line names, on a runtime of its own.
pub fn run<E: Engine>(engine: impl FnOnce() -> Result<E, Failure>, args: &Args) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let args = args.clone();
    let outcome = runtime.block_on(async move {
        let engine = engine()?;
        // In a worker thread, where tasks are at home; `block_on` itself would be one more thread.
        let task: JoinHandle<Outcome> = tokio::spawn(async move { role(engine, args).await });
        joined(task).await
    });
    runtime.shutdown_background();
    outcome
}

async fn joined<T>(task: JoinHandle<Result<T, Failure>>) -> Result<T, Failure> {
    task.await.unwrap_or_else(|error| Err(fail(error.to_string())))
}

async fn role<E: Engine>(engine: E, args: Args) -> Outcome {
    match args.role {
        Role::Push => {
            let mut socket = connected(&engine, Kind::Push, &args).await?;
            let load = send_all(&mut socket, &args).await?;
            stopped().await;
            Ok(load.report())
        }
        Role::Pull => Ok(receive_all(&mut bound(&engine, Kind::Pull, &args).await?, &args).await?.report()),
        Role::Req => ask_all(&mut connected(&engine, Kind::Req, &args).await?, &args).await,
        Role::Rep => {
            let mut socket = bound(&engine, Kind::Rep, &args).await?;
            let check = answer_all(&mut socket, &args).await?;
            stopped().await;
            Ok(check.report())
        }
        Role::Pub => publish(&engine, &args).await,
        Role::Sub => subscribe(&engine, &args).await,
        Role::Router => route(&engine, &args).await,
        Role::Dealers => deal(&engine, &args).await,
        Role::InprocPush | Role::InprocReq => inproc(&engine, &args).await,
        Role::RouterRouter => router_router(&engine, &args).await,
        Role::IdleRouter => idle_router(&engine, &args).await,
        Role::IdleDealers => idle_dealers(&engine, &args).await,
        // A sender that turns while it waits would keep a worker from the library's own tasks.
        Role::PacedPush | Role::PacedPull | Role::RestedReq | Role::LoadedReq => Err(Failure::Unsupported),
        Role::CurvePush | Role::CurvePull | Role::CurveRouter | Role::CurveHandshakes => {
            Err(Failure::Unsupported)
        }
    }
}

/// Waits for `stop` without taking a worker from the library's own tasks.
async fn stopped() {
    // A panic in there can only come from standard input; the driver then gets no report.
    let _ = spawn_blocking(wait_for_stop).await;
}

async fn bound<E: Engine>(engine: &E, kind: Kind, args: &Args) -> Result<E::Socket, Failure> {
    let mut socket = engine.socket(Setup::of(kind)).await?;
    socket.bind(&args.endpoint).await?;
    ready();
    Ok(socket)
}

async fn connected<E: Engine>(engine: &E, kind: Kind, args: &Args) -> Result<E::Socket, Failure> {
    let mut socket = engine.socket(Setup::of(kind)).await?;
    socket.connect(&args.endpoint).await?;
    Ok(socket)
}

async fn send_all<S: Socket>(socket: &mut S, args: &Args) -> Result<Load, Failure> {
    let mut load = Load::new(args.size, args.warmup, args.count);
    while let Some(body) = load.next_body() {
        socket.send(body).await?;
    }
    Ok(load)
}

async fn receive_all<S: Socket>(socket: &mut S, args: &Args) -> Result<Check, Failure> {
    let mut check = Check::new(args.size, args.warmup, args.count);
    while check.more() {
        check.take(socket.recv().await?)?;
    }
    Ok(check)
}

async fn ask_all<S: Socket>(socket: &mut S, args: &Args) -> Outcome {
    let mut trips = RoundTrips::new(args.size, args.warmup, args.count);
    while let Some(body) = trips.question() {
        socket.send(body).await?;
        trips.answer(socket.recv().await?)?;
    }
    trips.report()
}

async fn answer_all<S: Socket>(socket: &mut S, args: &Args) -> Result<Check, Failure> {
    let mut check = Check::new(args.size, args.warmup, args.count);
    while check.more() {
        check.take(socket.recv().await?)?;
        socket.send_back().await?;
    }
    Ok(check)
}

async fn publish<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut socket = bound(engine, Kind::Pub, args).await?;
    let gate = Gate::new();
    while !gate.is_open() {
        socket.send(&probe()).await?;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let load = send_all(&mut socket, args).await?;
    stopped().await;
    Ok(load.report())
}

async fn subscribe<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let met = Arc::new(AtomicUsize::new(0));
    let mut tasks = Vec::new();
    for _ in 0..args.peers {
        let (engine, args, met) = (engine.clone(), args.clone(), met.clone());
        tasks.push(tokio::spawn(async move {
            let mut socket = connected(&engine, Kind::Sub, &args).await?;
            if !is_probe(socket.recv().await?) {
                return Err(fail("a message before the first probe"));
            }
            // Relaxed: a count alone. Nobody has to wait: until all are there, only probes are sent.
            if met.fetch_add(1, Ordering::Relaxed) + 1 == args.peers {
                synced();
            }
            Ok((receive_all(&mut socket, &args).await?, Instant::now()))
        }));
    }
    let mut checks = Vec::new();
    for task in tasks {
        checks.push(joined(task).await);
    }
    measure::all_of(checks)
}

/// Echoes every message of `--peers` DEALERs.
async fn route<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut socket = bound(engine, Kind::Router, args).await?;
    let (warmup, count) = (args.warmup * args.peers as u64, args.count * args.peers as u64);
    let mut side = Side::start();
    for number in 0..warmup + count {
        if number == warmup {
            side = Side::start();
        }
        socket.recv_routed().await?;
        socket.send_back().await?;
    }
    stopped().await;
    Ok(side.report(count, count * args.size as u64))
}

async fn deal<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut dealers = Vec::new();
    for _ in 0..args.peers {
        let socket = connected(engine, Kind::Dealer, args).await?;
        let load = Load::new(args.size, args.warmup, args.count);
        dealers.push((socket, load, Check::new(args.size, args.warmup, args.count)));
    }
    while dealers.iter().any(|(_, _, check)| check.more()) {
        for (socket, load, _) in &mut dealers {
            for _ in 0..measure::DEALER_BURST {
                let Some(body) = load.next_body() else { break };
                socket.send(body).await?;
            }
        }
        for (socket, _, check) in &mut dealers {
            for _ in 0..measure::DEALER_BURST {
                if check.more() {
                    check.take(socket.recv().await?)?;
                }
            }
        }
    }
    let ended = Instant::now();
    measure::all_of(dealers.into_iter().map(|(_, _, check)| Ok((check, ended))))
}

/// Echoes one message of each DEALER, and looks at its memory when all rest.
async fn idle_router<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut socket = bound(engine, Kind::Router, args).await?;
    let mut resting = None;
    for number in 0..idle::FIRST + args.peers {
        if number == idle::FIRST {
            resting = Some(Resting::start()?);
        }
        socket.recv_routed().await?;
        socket.send_back().await?;
    }
    tokio::time::sleep(idle::REST).await;
    resting.ok_or_else(|| fail("no connection"))?.report(args.peers)
}

/// `--peers` DEALERs, each with one echo behind it, which then rest.
async fn idle_dealers<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut dealers = Vec::with_capacity(idle::FIRST + args.peers);
    let mut resting = None;
    for number in 0..idle::FIRST + args.peers {
        if number == idle::FIRST {
            resting = Some(Resting::start()?);
        }
        let (mut load, mut check) = (Load::new(args.size, 0, 1), Check::new(args.size, 0, 1));
        let mut socket = connected(engine, Kind::Dealer, args).await?;
        let Some(body) = load.next_body() else { break };
        socket.send(body).await?;
        check.take(socket.recv().await?)?;
        dealers.push(socket);
    }
    tokio::time::sleep(idle::REST).await;
    let report = resting.ok_or_else(|| fail("no connection"))?.report(args.peers);
    // The other side looks at about the same time: nobody leaves before.
    tokio::time::sleep(idle::REST).await;
    report
}

/// Both sides of a PUSH/PULL or REQ/REP in one process and one context.
async fn inproc<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let streaming = args.role == Role::InprocPush;
    let (bind, connect) = if streaming { (Kind::Pull, Kind::Push) } else { (Kind::Rep, Kind::Req) };
    let mut here = bound(engine, bind, args).await?;
    let there: JoinHandle<Outcome> = {
        let (engine, args) = (engine.clone(), args.clone());
        tokio::spawn(async move {
            let mut socket = connected(&engine, connect, &args).await?;
            if streaming {
                let load = send_all(&mut socket, &args).await?;
                keep(socket).await;
                Ok(load.report())
            } else {
                ask_all(&mut socket, &args).await
            }
        })
    };
    if streaming {
        return Ok(receive_all(&mut here, args).await?.report());
    }
    answer_all(&mut here, args).await?;
    joined(there).await
}

/// Keeps a socket until the process ends: some libraries drop what is queued when the socket goes.
async fn keep<S: Socket>(socket: S) {
    let _kept = socket;
    std::future::pending::<()>().await;
}

/// The seed's benchmark: two ROUTERs over tcp, one sends (routing id, body), a task on the other receives all.
async fn router_router<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut sender = engine.socket(Setup::seed_router(b"sender")).await?;
    let mut receiver = engine.socket(Setup::seed_router(b"receiver")).await?;
    sender.bind(&args.endpoint).await?;
    receiver.connect(&args.endpoint).await?;
    tokio::time::sleep(measure::SETTLE).await;
    let (done, mut wait) = tokio::sync::mpsc::unbounded_channel();
    let receiving: JoinHandle<Result<(), Failure>> = {
        let args = args.clone();
        tokio::spawn(async move {
            for _ in 0..args.rounds {
                let mut check = Check::new(args.size, 1, args.count - 1);
                while check.more() {
                    check.take(receiver.recv_routed().await?)?;
                }
                // The other side has failed if nobody listens, and says so itself.
                let _ = done.send(());
            }
            Ok(())
        })
    };
    let mut rounds = Rounds::new();
    for _ in 0..args.rounds {
        let mut load = Load::new(args.size, 1, args.count - 1);
        rounds.begin();
        while let Some(body) = load.next_body() {
            sender.send_routed(b"receiver", body).await?;
        }
        if wait.recv().await.is_none() {
            break;
        }
        rounds.end();
    }
    joined(receiving).await?;
    rounds.report(args.count, args.count * args.size as u64)
}
