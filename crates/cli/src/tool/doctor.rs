//! `netzmq doctor`: what this build and this host support, and whether it works: small exchanges over every transport.

use std::fmt::Write;
use std::fs;
use std::time::{Duration, Instant};

use netzmq::{Context, Security, Socket, SocketType};

use super::keygen;
use crate::Result;
use crate::bench::machine::Machine;
use crate::bench::units;
use crate::error::Failure;
use crate::output::{self, Style};

/// Its arguments.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct DoctorArgs {}

/// A step that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// Fewer descriptors than this are soon used up: every connection takes one.
const FILES_FEW: u64 = 4096;
/// Kernel queues shorter than this refuse bursts of connections.
const QUEUE_SHORT: u64 = 128;

/// Reports; fails if something that should work does not.
pub(crate) fn run(_args: &DoctorArgs) -> Result<()> {
    let style = Style::detect();
    let machine = Machine::here();
    let mut text = String::new();
    let _ = writeln!(text, "{}", style.bold("Build"));
    fact(&mut text, "version", &machine.build());
    fact(&mut text, "protocol", "ZMTP 3.1 and 3.0");
    fact(&mut text, "mechanisms", "NULL, PLAIN, CURVE");
    fact(&mut text, "sockets", &socket_types());
    let _ = writeln!(text, "{}", style.bold("Host"));
    let hardware = format!(
        "{}, {} cores, {:.0} GiB",
        machine.cpu,
        machine.cores,
        machine.memory as f64 / (1 << 30) as f64
    );
    fact(&mut text, "machine", &hardware);
    fact(&mut text, "system", &machine.system);
    if let Some(files) = open_files() {
        let hint = if files < FILES_FEW { "  (few: every connection takes one; see ulimit -n)" } else { "" };
        fact(&mut text, "open files", &format!("at most {}{hint}", units::grouped(files)));
    }
    if let Some(queue) = number("/proc/sys/net/core/somaxconn") {
        let hint = if queue < QUEUE_SHORT { "  (short: bursts of connections will be refused)" } else { "" };
        fact(&mut text, "listen queue", &format!("at most {}{hint}", units::grouped(queue)));
    }
    for (name, file) in
        [("send buffer", "/proc/sys/net/core/wmem_max"), ("receive buffer", "/proc/sys/net/core/rmem_max")]
    {
        if let Some(bytes) = number(file) {
            fact(&mut text, name, &format!("at most {} bytes by option", units::grouped(bytes)));
        }
    }
    let _ = writeln!(text, "{}", style.bold("Does it work"));
    output::print(&text)?;
    let mut failures = 0;
    for (name, required, check) in CHECKS {
        let line = match check() {
            Ok(time) => format!("{} {}", style.green("ok"), style.dim(&units::ns(time.as_nanos() as f64))),
            Err(error) if required => {
                failures += 1;
                style.red(&format!("FAILED: {error}"))
            }
            Err(error) => style.dim(&format!("not here: {error}")),
        };
        output::print(&format!("  {name:<18}{line}\n"))?;
    }
    if failures > 0 { Err(Failure::Wrong(format!("{failures} checks failed"))) } else { Ok(()) }
}

fn fact(text: &mut String, name: &str, value: &str) {
    let _ = writeln!(text, "  {name:<18}{value}");
}

fn socket_types() -> String {
    let context = Context::builder().io_threads(0).build();
    let names: Vec<&str> = SocketType::ALL
        .into_iter()
        .filter(|socket_type| context.socket(*socket_type).is_ok())
        .map(SocketType::as_str)
        .collect();
    names.join(" ")
}

fn number(path: &str) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// The limit that holds now, not the one that it could be raised to.
fn open_files() -> Option<u64> {
    let limits = fs::read_to_string("/proc/self/limits").ok()?;
    let line = limits.lines().find(|line| line.starts_with("Max open files"))?;
    line.split_whitespace().nth(3)?.parse().ok()
}

type Check = fn() -> Result<Duration>;

/// Name, whether it must work everywhere, and what to do; each tells the time of a round trip.
const CHECKS: [(&str, bool, Check); 7] = [
    ("inproc", true, || round_trip("inproc://doctor", false, b"hello")),
    ("tcp", true, || round_trip("tcp://127.0.0.1:*", false, b"hello")),
    ("tcp, IPv6", false, || round_trip("tcp://[::1]:*", false, b"hello")),
    ("ipc", true, || round_trip("ipc://*", false, b"hello")),
    ("ipc, abstract", false, || {
        round_trip(&format!("ipc://@netzmq-doctor-{}", std::process::id()), false, b"hello")
    }),
    ("tcp with CURVE", true, || round_trip("tcp://127.0.0.1:*", true, b"hello")),
    ("tcp, 16 MiB", true, || round_trip("tcp://127.0.0.1:*", false, &vec![7; 16 << 20])),
];

/// A question and its answer, after one to warm up.
fn round_trip(endpoint: &str, curve: bool, body: &[u8]) -> Result<Duration> {
    let context = Context::new();
    let (rep, req) = (context.socket(SocketType::Rep)?, context.socket(SocketType::Req)?);
    for socket in [&rep, &req] {
        socket.set_ipv6(endpoint.contains("[::"))?;
        socket.set_recv_timeout(Some(PATIENCE))?;
        socket.set_send_timeout(Some(PATIENCE))?;
        socket.set_linger(Some(Duration::ZERO))?;
    }
    if curve {
        let (server, client) = (keygen::fresh()?, keygen::fresh()?);
        req.set_security(Security::CurveClient {
            server_key: server.public_key(),
            public_key: client.public_key(),
            secret_key: client,
        })?;
        rep.set_security(Security::CurveServer { secret_key: server })?;
    }
    req.connect(&rep.bind(endpoint)?)?;
    exchange(&req, &rep, b"warm")?;
    let started = Instant::now();
    exchange(&req, &rep, body)?;
    Ok(started.elapsed())
}

fn exchange(req: &Socket, rep: &Socket, body: &[u8]) -> Result<()> {
    std::thread::scope(|scope| {
        let answering = scope.spawn(|| -> Result<()> {
            let question = rep.recv()?;
            Ok(rep.send(question)?)
        });
        req.send(body)?;
        let answer = req.recv();
        let answered = answering
            .join()
            .unwrap_or_else(|_| Err(Failure::Wrong("the answering thread is gone".to_owned())));
        let answer = answer?;
        answered?;
        if answer[..] == *body { Ok(()) } else { Err(Failure::Wrong("something else came back".to_owned())) }
    })
}
