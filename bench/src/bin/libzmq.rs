//! libzmq through the crate `zmq` (its vendored source). The yardstick: ratios in the tables are to this program.
//!
//! Default options, except where a cell would lose messages: PUB, SUB and the seed's ROUTERs have no high-water mark.

use std::process::ExitCode;
use std::time::{Duration, Instant};

use netzmq_bench::{
    Args, Check, Failure, Gate, Load, Outcome, Role, RoundTrips, Rounds, fail, is_probe, measure, probe,
    ready, synced, wait_for_stop,
};
use zmq::{Context, Message, SNDMORE, Socket};

fn bound(context: &Context, kind: zmq::SocketType, args: &Args) -> Result<Socket, Failure> {
    let socket = context.socket(kind)?;
    unlimited_if_lossy(&socket, kind)?;
    socket.bind(&args.endpoint)?;
    ready();
    Ok(socket)
}

fn connected(context: &Context, kind: zmq::SocketType, args: &Args) -> Result<Socket, Failure> {
    let socket = context.socket(kind)?;
    unlimited_if_lossy(&socket, kind)?;
    socket.connect(&args.endpoint)?;
    Ok(socket)
}

fn unlimited_if_lossy(socket: &Socket, kind: zmq::SocketType) -> Result<(), Failure> {
    if matches!(kind, zmq::PUB | zmq::SUB) {
        socket.set_sndhwm(0)?;
        socket.set_rcvhwm(0)?;
    }
    Ok(())
}

fn send_all(socket: &Socket, args: &Args) -> Result<Load, Failure> {
    let mut load = Load::new(args.size, args.warmup, args.count);
    while let Some(body) = load.next_body() {
        socket.send(body, 0)?;
    }
    Ok(load)
}

fn receive_all(socket: &Socket, args: &Args) -> Result<Check, Failure> {
    let (mut check, mut message) = (Check::new(args.size, args.warmup, args.count), Message::new());
    while check.more() {
        socket.recv(&mut message, 0)?;
        check.take(&message)?;
    }
    Ok(check)
}

fn ask_all(socket: &Socket, args: &Args) -> Outcome {
    let (mut trips, mut answer) = (RoundTrips::new(args.size, args.warmup, args.count), Message::new());
    while let Some(body) = trips.question() {
        socket.send(body, 0)?;
        socket.recv(&mut answer, 0)?;
        trips.answer(&answer)?;
    }
    trips.report()
}

fn answer_all(socket: &Socket, args: &Args) -> Result<Check, Failure> {
    let (mut check, mut question) = (Check::new(args.size, args.warmup, args.count), Message::new());
    while check.more() {
        socket.recv(&mut question, 0)?;
        check.take(&question)?;
        socket.send(&question[..], 0)?;
    }
    Ok(check)
}

fn publish(args: &Args) -> Outcome {
    let context = Context::new();
    let socket = bound(&context, zmq::PUB, args)?;
    let gate = Gate::new();
    while !gate.is_open() {
        socket.send(&probe()[..], 0)?;
        std::thread::sleep(Duration::from_millis(1));
    }
    let load = send_all(&socket, args)?;
    wait_for_stop();
    Ok(load.report())
}

fn subscribe(args: &Args) -> Outcome {
    let context = Context::new();
    let meeting = std::sync::Barrier::new(args.peers);
    let one = || -> Result<(Check, Instant), Failure> {
        let socket = connected(&context, zmq::SUB, args)?;
        socket.set_subscribe(b"")?;
        if !is_probe(&socket.recv_msg(0)?) {
            return Err(fail("a message before the first probe"));
        }
        if meeting.wait().is_leader() {
            synced();
        }
        Ok((receive_all(&socket, args)?, Instant::now()))
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..args.peers).map(|_| scope.spawn(one)).collect();
        measure::all_of(threads.into_iter().map(|t| t.join().unwrap_or_else(|_| Err(fail("a panic")))))
    })
}

/// Echoes every message of `args.peers` DEALERs.
fn route(args: &Args) -> Outcome {
    let context = Context::new();
    let socket = bound(&context, zmq::ROUTER, args)?;
    let (mut id, mut body) = (Message::new(), Message::new());
    let warmup = args.warmup * args.peers as u64;
    let count = args.count * args.peers as u64;
    let mut side = measure::Side::start();
    for number in 0..warmup + count {
        if number == warmup {
            side = measure::Side::start();
        }
        socket.recv(&mut id, 0)?;
        socket.recv(&mut body, 0)?;
        socket.send(&id[..], SNDMORE)?;
        socket.send(&body[..], 0)?;
    }
    wait_for_stop();
    Ok(side.report(count, count * args.size as u64))
}

fn deal(args: &Args) -> Outcome {
    let context = Context::new();
    let mut dealers = Vec::new();
    for _ in 0..args.peers {
        let socket = connected(&context, zmq::DEALER, args)?;
        dealers.push((
            socket,
            Load::new(args.size, args.warmup, args.count),
            Check::new(args.size, args.warmup, args.count),
        ));
    }
    let mut answer = Message::new();
    while dealers.iter().any(|(_, _, check)| check.more()) {
        for (socket, load, _) in &mut dealers {
            for _ in 0..measure::DEALER_BURST {
                let Some(body) = load.next_body() else { break };
                socket.send(body, 0)?;
            }
        }
        for (socket, _, check) in &mut dealers {
            for _ in 0..measure::DEALER_BURST {
                if check.more() {
                    socket.recv(&mut answer, 0)?;
                    check.take(&answer)?;
                }
            }
        }
    }
    let ended = Instant::now();
    measure::all_of(dealers.into_iter().map(|(_, _, check)| Ok((check, ended))))
}

/// Both sides of a PUSH/PULL or REQ/REP in one process and one context.
fn inproc(args: &Args) -> Outcome {
    let context = Context::new();
    let streaming = args.role == Role::InprocPush;
    let (bind, connect) = if streaming { (zmq::PULL, zmq::PUSH) } else { (zmq::REP, zmq::REQ) };
    let here = bound(&context, bind, args)?;
    std::thread::scope(|scope| {
        let there = scope.spawn(|| -> Outcome {
            let socket = connected(&context, connect, args)?;
            if streaming { Ok(send_all(&socket, args)?.report()) } else { ask_all(&socket, args) }
        });
        let check = if streaming { receive_all(&here, args)? } else { answer_all(&here, args)? };
        let received = check.report();
        let asked = there.join().unwrap_or_else(|_| Err(fail("a panic")))?;
        Ok(if streaming { received } else { asked })
    })
}

/// The seed's benchmark: two ROUTERs over tcp, one sends (routing id, body), a thread on the other receives all.
fn router_router(args: &Args) -> Outcome {
    let context = Context::new();
    let router = |name: &[u8]| -> Result<Socket, Failure> {
        let socket = context.socket(zmq::ROUTER)?;
        socket.set_identity(name)?;
        socket.set_sndhwm(0)?;
        socket.set_rcvhwm(0)?;
        Ok(socket)
    };
    let (sender, receiver) = (router(b"sender")?, router(b"receiver")?);
    sender.bind(&args.endpoint)?;
    receiver.connect(&args.endpoint)?;
    std::thread::sleep(measure::SETTLE);
    let (done, wait) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        let thread = scope.spawn(move || -> Result<(), Failure> {
            let (mut id, mut body) = (Message::new(), Message::new());
            for _ in 0..args.rounds {
                let mut check = Check::new(args.size, 1, args.count - 1);
                while check.more() {
                    receiver.recv(&mut id, 0)?;
                    receiver.recv(&mut body, 0)?;
                    check.take(&body)?;
                }
                let _ = done.send(());
            }
            Ok(())
        });
        let mut rounds = Rounds::new();
        for _ in 0..args.rounds {
            let mut load = Load::new(args.size, 1, args.count - 1);
            rounds.begin();
            while let Some(body) = load.next_body() {
                sender.send(&b"receiver"[..], SNDMORE)?;
                sender.send(body, 0)?;
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

fn run(args: &Args) -> Outcome {
    let context = Context::new();
    match args.role {
        Role::Push => {
            let socket = connected(&context, zmq::PUSH, args)?;
            let load = send_all(&socket, args)?;
            wait_for_stop();
            Ok(load.report())
        }
        Role::Pull => Ok(receive_all(&bound(&context, zmq::PULL, args)?, args)?.report()),
        Role::Req => ask_all(&connected(&context, zmq::REQ, args)?, args),
        Role::Rep => {
            let socket = bound(&context, zmq::REP, args)?;
            let check = answer_all(&socket, args)?;
            wait_for_stop();
            Ok(check.report())
        }
        Role::Pub => publish(args),
        Role::Sub => subscribe(args),
        Role::Router => route(args),
        Role::Dealers => deal(args),
        Role::InprocPush | Role::InprocReq => inproc(args),
        Role::RouterRouter => router_router(args),
    }
}

fn main() -> ExitCode {
    netzmq_bench::main("libzmq", run)
}
