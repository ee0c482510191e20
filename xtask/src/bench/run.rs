//! One run of one engine at one point: starts the processes in the right order and collects both reports.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use super::cell::{Measures, Metric, Point};
use super::engine::Engine;
use super::json;
use super::peer::{Lost, Peer};
use crate::shell;

/// The figures of one run.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) messages: f64,
    pub(crate) elapsed_s: f64,
    pub(crate) p50_us: Option<f64>,
    pub(crate) p99_us: Option<f64>,
    /// CPU seconds: the side that binds, the side that connects (none where both are one process).
    pub(crate) cpu_s: [Option<f64>; 2],
    /// Peak resident KiB, the same order.
    pub(crate) rss_kib: [Option<f64>; 2],
    /// Resident KiB that one idle connection holds on the side that measures.
    pub(crate) held_kib: Option<f64>,
}

impl Sample {
    /// The main figure in the cell's unit: messages/s, µs, ms or KiB.
    pub(crate) fn value(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Rate => self.messages / self.elapsed_s,
            Metric::Latency => self.p50_us.unwrap_or(f64::NAN),
            Metric::Time => self.elapsed_s * 1e3,
            Metric::Memory => self.held_kib.unwrap_or(f64::NAN),
        }
    }
}

/// Where cargo puts the peer programs.
pub(crate) fn target_dir() -> PathBuf {
    shell::root().join("bench/target")
}

fn program(engine: &Engine) -> PathBuf {
    target_dir().join("release").join(format!("peer-{}", engine.name))
}

/// A name that no other run of this machine has.
fn unique() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// An endpoint for one run, and the file to remove after it.
fn endpoint(transport: &str) -> Result<(String, Option<PathBuf>), Lost> {
    match transport {
        "inproc" => Ok((format!("inproc://{}", unique()), None)),
        "ipc" => {
            let path = std::env::temp_dir().join(format!("netzmq-bench-{}", unique()));
            Ok((format!("ipc://{}", path.display()), Some(path)))
        }
        // Not every engine tells the port it chose, so a free one is found for all of them. Another process could
        // take it in between; then the run fails and says so.
        _ => {
            let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
            free.map(|address| (format!("tcp://{address}"), None)).map_err(|e| Lost::Failed(e.to_string()))
        }
    }
}

/// Runs `count` messages (per socket) and returns what both sides found.
pub(crate) fn run(engine: &Engine, point: Point, count: u64) -> Result<Sample, Lost> {
    let (sample, _) = run_traced(engine, point, count, false)?;
    Ok(sample)
}

/// System calls per 1,000 messages of both sides, without those of starting up: the difference of two runs.
pub(crate) fn system_calls(engine: &Engine, point: Point, count: u64) -> Result<[Option<f64>; 2], Lost> {
    let (less, few) = run_traced(engine, point, count, true)?;
    let (more, many) = run_traced(engine, point, count * 3, true)?;
    let messages = (more.messages - less.messages) * runs_per_message(point);
    Ok([0, 1].map(|side| Some((many[side]? - few[side]?) * 1e3 / messages)))
}

/// The seed's rounds: one uncounted and five counted ones.
const ROUNDS: u64 = 6;

/// The warm-up before `count` messages.
fn warmup(count: u64) -> u64 {
    (count / 10).max(1)
}

/// How often each reported message really ran: a tenth more as warm-up, or all rounds.
fn runs_per_message(point: Point) -> f64 {
    if point.cell.metric == Metric::Time { ROUNDS as f64 } else { 1.1 }
}

type Calls = [Option<f64>; 2];

fn run_traced(engine: &Engine, point: Point, count: u64, trace: bool) -> Result<(Sample, Calls), Lost> {
    let (endpoint, file) = endpoint(point.transport)?;
    let result = run_at(engine, point, count, trace, &endpoint);
    if let Some(file) = file {
        // The engine may have removed it itself.
        let _ = std::fs::remove_file(file);
    }
    result
}

fn run_at(
    engine: &Engine,
    point: Point,
    count: u64,
    trace: bool,
    endpoint: &str,
) -> Result<(Sample, Calls), Lost> {
    let start = |role: &str| {
        let file = trace.then(|| std::env::temp_dir().join(format!("netzmq-strace-{}", unique())));
        Peer::start(&program(engine), &words(role, endpoint, point, count), file)
    };
    if point.is_alone() {
        let mut peer = start(point.cell.alone.ok_or(Lost::Unsupported)?)?;
        let line = peer.wait_for("{")?;
        let calls = if trace { Some(peer.system_calls()? as f64) } else { None };
        return Ok((sample(&line, &[Some(&line), None])?, [calls, None]));
    }
    let mut binder = start(point.cell.binder)?;
    binder.wait_for("ready")?;
    let mut connecter = start(point.cell.connecter)?;
    if point.cell.binder == "pub" {
        connecter.wait_for("synced")?;
        binder.say("go");
    }
    let (first, second) = match point.cell.measures {
        Measures::Binder => (&mut binder, &mut connecter),
        Measures::Connecter => (&mut connecter, &mut binder),
    };
    let main = first.wait_for("{")?;
    second.say("stop");
    let other = second.wait_for("{")?;
    let sides = match point.cell.measures {
        Measures::Binder => [Some(main.as_str()), Some(other.as_str())],
        Measures::Connecter => [Some(other.as_str()), Some(main.as_str())],
    };
    let sample = sample(&main, &sides)?;
    let calls = if trace {
        [Some(binder.system_calls()? as f64), Some(connecter.system_calls()? as f64)]
    } else {
        [None, None]
    };
    Ok((sample, calls))
}

fn words(role: &str, endpoint: &str, point: Point, count: u64) -> Vec<String> {
    let mut words = vec![role.to_owned(), endpoint.to_owned()];
    for (name, value) in [
        ("--size", point.size as u64),
        ("--count", count),
        ("--warmup", warmup(count)),
        ("--peers", point.cell.peers as u64),
        ("--rounds", ROUNDS),
        ("--gap", point.cell.gap_ns),
    ] {
        words.extend([name.to_owned(), value.to_string()]);
    }
    words
}

/// The main report's figures, with CPU time and memory of both sides.
fn sample(main: &str, sides: &[Option<&str>; 2]) -> Result<Sample, Lost> {
    let need = |name: &str| {
        json::number(main, name).ok_or_else(|| Lost::Failed(format!("no {name} in the report: {main}")))
    };
    let each = |name: &str| sides.map(|line| line.and_then(|line| json::number(line, name)));
    Ok(Sample {
        messages: need("messages")?,
        elapsed_s: need("elapsed_s")?,
        p50_us: json::number(main, "p50_us"),
        p99_us: json::number(main, "p99_us"),
        cpu_s: each("cpu_s"),
        rss_kib: each("rss_kib"),
        held_kib: json::number(main, "held_kib"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_reports() {
        let main = r#"{"messages":100,"bytes":6400,"elapsed_s":0.5,"cpu_s":0.25,"rss_kib":2000}"#;
        let other = r#"{"messages":100,"bytes":6400,"elapsed_s":9,"cpu_s":0.125,"rss_kib":3000}"#;
        let got = sample(main, &[Some(main), Some(other)]).unwrap();
        assert_eq!(got.value(Metric::Rate), 200.0);
        assert_eq!(got.value(Metric::Time), 500.0);
        assert_eq!(got.cpu_s, [Some(0.25), Some(0.125)]);
        assert!(got.value(Metric::Latency).is_nan());
        assert!(sample("{}", &[None, None]).is_err());
    }

    #[test]
    fn endpoints_are_never_the_same() {
        assert_ne!(endpoint("ipc").unwrap().0, endpoint("ipc").unwrap().0);
        assert!(!endpoint("tcp").unwrap().0.ends_with(":0"));
    }
}
