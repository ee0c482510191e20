//! The roles for an engine with blocking sockets, written once.
//!
//! An engine implements [`Engine`] and [`Socket`] in its own idiom; everything is generic and inlined, so that the
//! loops compile to what one would write by hand for that engine. Kinds that would lose messages at a high-water mark
//! (PUB, SUB, the seed's ROUTERs) are asked to have none; everything else keeps the library's defaults.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Barrier, mpsc};
use std::time::{Duration, Instant};

use crate::idle::{self, Resting};
use crate::measure::{self, Side};
use crate::{
    Args, Arrivals, Check, Failure, Gate, Load, Outcome, Pace, Role, RoundTrips, Rounds, fail, is_probe,
    probe, ready, synced, wait_for_stop,
};

/// A socket type, as far as the cells need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Push,
    Pull,
    Req,
    Rep,
    Pub,
    Sub,
    Router,
    Dealer,
}

/// Secret keys of the encrypted cells: the binder's, and everybody else's.
pub const SERVER_KEY: [u8; 32] = [7; 32];
/// See [`SERVER_KEY`].
pub const CLIENT_KEY: [u8; 32] = [8; 32];

/// The public key that belongs to [`SERVER_KEY`], so that no engine has to look for it.
#[rustfmt::skip]
pub const SERVER_PUBLIC_KEY: [u8; 32] = [19, 190, 79, 234, 234, 242, 4, 199, 253, 51, 88, 252, 156, 0, 114, 24, 129, 209, 116, 39, 129, 40, 34, 126, 198, 116, 243, 127, 127, 233, 123, 109];
/// The one that belongs to [`CLIENT_KEY`].
#[rustfmt::skip]
pub const CLIENT_PUBLIC_KEY: [u8; 32] = [49, 212, 171, 106, 206, 236, 150, 17, 55, 145, 112, 55, 147, 110, 96, 113, 111, 172, 87, 58, 254, 148, 217, 218, 132, 168, 2, 4, 72, 223, 193, 18];

/// A side of CURVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Curve {
    /// The binder: its secret key is [`SERVER_KEY`]. Lets everybody in.
    Server,
    /// Its secret key is [`CLIENT_KEY`].
    Client,
}

/// How a socket is to be made.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// Its type.
    pub kind: Kind,
    /// No high-water mark in either direction.
    pub unlimited: bool,
    /// Its routing id, empty for none.
    pub routing_id: &'static [u8],
    /// Encrypted, on this side.
    pub curve: Option<Curve>,
}

impl Setup {
    /// The usual socket of a kind.
    pub fn of(kind: Kind) -> Setup {
        Setup { kind, unlimited: matches!(kind, Kind::Pub | Kind::Sub), routing_id: b"", curve: None }
    }

    /// The same, encrypted.
    pub fn with_curve(self, curve: Curve) -> Setup {
        Setup { curve: Some(curve), ..self }
    }

    /// One of the seed's two ROUTERs.
    pub fn seed_router(routing_id: &'static [u8]) -> Setup {
        Setup { kind: Kind::Router, unlimited: true, routing_id, curve: None }
    }
}

/// A library with blocking sockets: its context.
pub trait Engine: Sync {
    /// Its socket.
    type Socket: Socket;
    /// Makes a socket. A SUB subscribes to everything.
    fn socket(&self, setup: Setup) -> Result<Self::Socket, Failure>;
}

/// One socket. `recv` keeps what it received until the next call.
pub trait Socket: Send {
    /// Binds.
    fn bind(&mut self, endpoint: &str) -> Result<(), Failure>;
    /// Connects.
    fn connect(&mut self, endpoint: &str) -> Result<(), Failure>;
    /// Sends a copy of `body`.
    fn send(&mut self, body: &[u8]) -> Result<(), Failure>;
    /// Receives; the body of one part.
    fn recv(&mut self) -> Result<&[u8], Failure>;
    /// Sends back what `recv` or `recv_routed` returned last, as cheaply as the library can.
    fn send_back(&mut self) -> Result<(), Failure>;
    /// ROUTER: sends a copy of `body` to a peer.
    fn send_routed(&mut self, to: &[u8], body: &[u8]) -> Result<(), Failure>;
    /// ROUTER: receives; the body after the routing id.
    fn recv_routed(&mut self) -> Result<&[u8], Failure>;
}

/// Runs the role that the command line names.
pub fn run<E: Engine>(engine: &E, args: &Args) -> Outcome {
    match args.role {
        Role::Push | Role::CurvePush => {
            let mut socket = connected(engine, Kind::Push, args)?;
            let load = send_all(&mut socket, args)?;
            wait_for_stop();
            Ok(load.report())
        }
        Role::Pull | Role::CurvePull => {
            Ok(receive_all(&mut bound(engine, Kind::Pull, args)?, args)?.report())
        }
        Role::Req => ask_all(&mut connected(engine, Kind::Req, args)?, args),
        Role::Rep => {
            let mut socket = bound(engine, Kind::Rep, args)?;
            let check = answer_all(&mut socket, args)?;
            wait_for_stop();
            Ok(check.report())
        }
        Role::Pub => publish(engine, args),
        Role::Sub => subscribe(engine, args),
        Role::Router | Role::CurveRouter => route(engine, args),
        Role::Dealers => deal(engine, args),
        Role::InprocPush | Role::InprocReq => inproc(engine, args),
        Role::RouterRouter => router_router(engine, args),
        Role::CurveHandshakes => shake_hands(engine, args),
        Role::PacedPush => {
            let mut socket = connected(engine, Kind::Push, args)?;
            let mut pace = Pace::new(args.size, args.warmup, args.count, args.gap_ns);
            while let Some(body) = pace.next_body() {
                socket.send(body)?;
            }
            wait_for_stop();
            Ok(pace.into_load().report())
        }
        Role::PacedPull => {
            let mut socket = bound(engine, Kind::Pull, args)?;
            let mut arrivals = Arrivals::new(args.size, args.warmup, args.count);
            while arrivals.more() {
                arrivals.take(socket.recv()?)?;
            }
            arrivals.report()
        }
        Role::IdleRouter => idle_router(engine, args),
        Role::IdleDealers => idle_dealers(engine, args),
        Role::RestedReq | Role::LoadedReq => ask_beside(engine, args),
    }
}

fn bound<E: Engine>(engine: &E, kind: Kind, args: &Args) -> Result<E::Socket, Failure> {
    let mut setup = Setup::of(kind);
    if matches!(args.role, Role::CurvePull | Role::CurveRouter) {
        setup = setup.with_curve(Curve::Server);
    }
    let mut socket = engine.socket(setup)?;
    socket.bind(&args.endpoint)?;
    ready();
    Ok(socket)
}

fn connected<E: Engine>(engine: &E, kind: Kind, args: &Args) -> Result<E::Socket, Failure> {
    let mut setup = Setup::of(kind);
    if matches!(args.role, Role::CurvePush | Role::CurveHandshakes) {
        setup = setup.with_curve(Curve::Client);
    }
    let mut socket = engine.socket(setup)?;
    socket.connect(&args.endpoint)?;
    Ok(socket)
}

fn send_all<S: Socket>(socket: &mut S, args: &Args) -> Result<Load, Failure> {
    let mut load = Load::new(args.size, args.warmup, args.count);
    while let Some(body) = load.next_body() {
        socket.send(body)?;
    }
    Ok(load)
}

fn receive_all<S: Socket>(socket: &mut S, args: &Args) -> Result<Check, Failure> {
    let mut check = Check::new(args.size, args.warmup, args.count);
    while check.more() {
        check.take(socket.recv()?)?;
    }
    Ok(check)
}

fn ask_all<S: Socket>(socket: &mut S, args: &Args) -> Outcome {
    let mut trips = RoundTrips::new(args.size, args.warmup, args.count);
    while let Some(body) = trips.question() {
        socket.send(body)?;
        trips.answer(socket.recv()?)?;
    }
    trips.report()
}

fn answer_all<S: Socket>(socket: &mut S, args: &Args) -> Result<Check, Failure> {
    let mut check = Check::new(args.size, args.warmup, args.count);
    while check.more() {
        check.take(socket.recv()?)?;
        socket.send_back()?;
    }
    Ok(check)
}

fn publish<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut socket = bound(engine, Kind::Pub, args)?;
    let gate = Gate::new();
    while !gate.is_open() {
        socket.send(&probe())?;
        std::thread::sleep(Duration::from_millis(1));
    }
    let load = send_all(&mut socket, args)?;
    wait_for_stop();
    Ok(load.report())
}

fn subscribe<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let meeting = Barrier::new(args.peers);
    let one = || -> Result<(Check, Instant), Failure> {
        let mut socket = connected(engine, Kind::Sub, args)?;
        if !is_probe(socket.recv()?) {
            return Err(fail("a message before the first probe"));
        }
        if meeting.wait().is_leader() {
            synced();
        }
        Ok((receive_all(&mut socket, args)?, Instant::now()))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.peers).map(|_| scope.spawn(one)).collect();
        measure::all_of(
            threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err(fail("a panic")))),
        )
    })
}

/// Echoes every message of `--peers` DEALERs.
fn route<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut socket = bound(engine, Kind::Router, args)?;
    let (warmup, count) = (args.warmup * args.peers as u64, args.count * args.peers as u64);
    let mut side = Side::start();
    for number in 0..warmup + count {
        if number == warmup {
            side = Side::start();
        }
        socket.recv_routed()?;
        socket.send_back()?;
    }
    wait_for_stop();
    Ok(side.report(count, count * args.size as u64))
}

fn deal<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut dealers = Vec::new();
    for _ in 0..args.peers {
        let load = Load::new(args.size, args.warmup, args.count);
        dealers.push((
            connected(engine, Kind::Dealer, args)?,
            load,
            Check::new(args.size, args.warmup, args.count),
        ));
    }
    while dealers.iter().any(|(_, _, check)| check.more()) {
        for (socket, load, _) in &mut dealers {
            for _ in 0..measure::DEALER_BURST {
                let Some(body) = load.next_body() else { break };
                socket.send(body)?;
            }
        }
        for (socket, _, check) in &mut dealers {
            for _ in 0..measure::DEALER_BURST {
                if check.more() {
                    check.take(socket.recv()?)?;
                }
            }
        }
    }
    let ended = Instant::now();
    measure::all_of(dealers.into_iter().map(|(_, _, check)| Ok((check, ended))))
}

/// Echoes one message of each DEALER, and looks at its memory when all rest.
fn idle_router<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut socket = bound(engine, Kind::Router, args)?;
    let mut echo = |connections: usize| -> Result<(), Failure> {
        for _ in 0..connections {
            socket.recv_routed()?;
            socket.send_back()?;
        }
        Ok(())
    };
    echo(idle::FIRST)?;
    let resting = Resting::start()?;
    echo(args.peers)?;
    std::thread::sleep(idle::REST);
    resting.report(args.peers)
}

/// `--peers` DEALERs, each with one echo behind it, which then rest.
fn idle_dealers<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut dealers = Vec::with_capacity(idle::FIRST + args.peers);
    let mut more = |connections: usize| -> Result<(), Failure> {
        for _ in 0..connections {
            let (mut load, mut check) = (Load::new(args.size, 0, 1), Check::new(args.size, 0, 1));
            let mut socket = connected(engine, Kind::Dealer, args)?;
            let Some(body) = load.next_body() else { break };
            socket.send(body)?;
            check.take(socket.recv()?)?;
            dealers.push(socket);
        }
        Ok(())
    };
    more(idle::FIRST)?;
    let resting = Resting::start()?;
    more(args.peers)?;
    std::thread::sleep(idle::REST);
    let report = resting.report(args.peers);
    // The other side looks at about the same time: nobody leaves before.
    std::thread::sleep(idle::REST);
    report
}

/// `--peers` connections at a time, each for one echo: what is measured is their handshakes.
fn shake_hands<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let (warmup, count) = (args.warmup * args.peers as u64, args.count * args.peers as u64);
    let (mut load, mut check) = (Load::new(args.size, warmup, count), Check::new(args.size, warmup, count));
    while check.more() {
        let mut dealers = Vec::new();
        for _ in 0..args.peers {
            let mut socket = connected(engine, Kind::Dealer, args)?;
            let Some(body) = load.next_body() else { break };
            socket.send(body)?;
            dealers.push(socket);
        }
        for socket in &mut dealers {
            check.take(socket.recv()?)?;
        }
    }
    Ok(check.report())
}

/// Both sides of a PUSH/PULL or REQ/REP in one process and one context.
fn inproc<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let streaming = args.role == Role::InprocPush;
    let (bind, connect) = if streaming { (Kind::Pull, Kind::Push) } else { (Kind::Rep, Kind::Req) };
    let mut here = bound(engine, bind, args)?;
    std::thread::scope(|scope| {
        let there = scope.spawn(|| -> Outcome {
            let mut socket = connected(engine, connect, args)?;
            if streaming { Ok(send_all(&mut socket, args)?.report()) } else { ask_all(&mut socket, args) }
        });
        let check = if streaming { receive_all(&mut here, args)? } else { answer_all(&mut here, args)? };
        let received = check.report();
        let asked = there.join().unwrap_or_else(|_| Err(fail("a panic")))?;
        Ok(if streaming { received } else { asked })
    })
}

/// Round trips in one process; `loaded`: while a PUSH of the same context streams to a PULL as fast as it goes.
fn ask_beside<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut rep = bound(engine, Kind::Rep, args)?;
    let mut pull = engine.socket(Setup::of(Kind::Pull))?;
    let beside = measure::endpoint_beside(&args.endpoint)?;
    pull.bind(&beside)?;
    let is_over = AtomicBool::new(args.role == Role::RestedReq);
    std::thread::scope(|scope| {
        let answers = scope.spawn(move || answer_all(&mut rep, args).map(drop));
        let takes = scope.spawn(move || -> Result<(), Failure> {
            while !pull.recv()?.is_empty() {}
            Ok(())
        });
        let sends = scope.spawn(|| -> Result<(), Failure> {
            let mut push = engine.socket(Setup::of(Kind::Push))?;
            push.connect(&beside)?;
            while !is_over.load(Ordering::Relaxed) {
                push.send(&measure::BULK)?;
            }
            push.send(&[])
        });
        let asked = connected(engine, Kind::Req, args).and_then(|mut req| ask_all(&mut req, args));
        is_over.store(true, Ordering::Relaxed);
        for thread in [answers, takes, sends] {
            thread.join().unwrap_or_else(|_| Err(fail("a panic")))?;
        }
        asked
    })
}

/// The seed's benchmark: two ROUTERs over tcp, one sends (routing id, body), a thread on the other receives all.
fn router_router<E: Engine>(engine: &E, args: &Args) -> Outcome {
    let mut sender = engine.socket(Setup::seed_router(b"sender"))?;
    let mut receiver = engine.socket(Setup::seed_router(b"receiver"))?;
    sender.bind(&args.endpoint)?;
    receiver.connect(&args.endpoint)?;
    std::thread::sleep(measure::SETTLE);
    let (done, wait) = mpsc::channel();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || -> Result<(), Failure> {
            for _ in 0..args.rounds {
                let mut check = Check::new(args.size, 1, args.count - 1);
                while check.more() {
                    check.take(receiver.recv_routed()?)?;
                }
                // The other side has failed if nobody listens, and says so itself.
                let _ = done.send(());
            }
            Ok(())
        });
        let mut rounds = Rounds::new();
        for _ in 0..args.rounds {
            let mut load = Load::new(args.size, 1, args.count - 1);
            rounds.begin();
            while let Some(body) = load.next_body() {
                sender.send_routed(b"receiver", body)?;
            }
            if wait.recv().is_err() {
                break;
            }
            rounds.end();
        }
        thread.join().unwrap_or_else(|_| Err(fail("a panic")))?;
        rounds.report(args.count, args.count * args.size as u64)
    })
}
