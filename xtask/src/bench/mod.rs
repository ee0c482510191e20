//! `cargo xtask bench`: netzmq beside others, in separate processes, interleaved.
//!
//! The driver builds one program per engine (package `bench`), runs every engine once to learn how many messages fill a
//! run, then runs them in turn, rotating who begins, and prints medians with their spread. A run in which a message was
//! lost or wrong gives no figure, and the table says so. `bench/BIAS.md` says why to doubt what it prints.

mod cell;
mod engine;
mod guide;
mod instructions;
mod json;
mod page;
mod peer;
mod plan;
mod record;
mod run;
mod table;

use std::collections::HashMap;

use cell::Point;
use engine::Engine;
pub(crate) use guide::guide;
use peer::Lost;
use plan::Plan;
use record::Row;

use crate::shell::{self, Result};

pub(crate) use instructions::instructions;
pub(crate) use page::page;

/// `bench peers`: builds, measures, prints.
pub(crate) fn peers(words: &[&str]) -> Result<()> {
    let plan = Plan::parse(words)?;
    for engine in &plan.engines {
        build(engine)?;
    }
    let started = record::now();
    let load = load_average();
    let before = CpuTimes::now();
    let rows = measure(&plan, &started);
    println!("\n{}", caption(&plan, &started, before, CpuTimes::now(), load.as_deref()));
    println!("{}", table::tables(&rows));
    if plan.system_calls {
        if shell::has_program("strace") {
            println!("{}", table::system_calls(&count_system_calls(&plan)));
        } else {
            eprintln!("no strace here: system calls are not counted");
        }
    }
    if plan.record {
        println!("recorded in {}", record::append(&rows)?.display());
    }
    if rows.iter().all(|row| row.sample.is_none()) {
        return Err("not one run succeeded".into());
    }
    Ok(())
}

/// `bench report FILE`: the tables of a record.
pub(crate) fn report(file: &str) -> Result<()> {
    print!("{}", table::tables(&record::read(file)?));
    Ok(())
}

fn build(engine: &Engine) -> Result<()> {
    eprintln!("building peer-{}", engine.name);
    let target = run::target_dir();
    let mut command = shell::cargo(&["build", "--quiet", "--release", "--manifest-path", "bench/Cargo.toml"]);
    command.args(["--features", engine.name, "--bin", &format!("peer-{}", engine.name)]);
    command.env_remove("CARGO_TARGET_DIR").arg("--target-dir").arg(target);
    shell::run(&mut command)
}

fn measure(plan: &Plan, started: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    for point in plan.points() {
        let mut counts: HashMap<&str, u64> = HashMap::new();
        for engine in &plan.engines {
            match run::run(engine, point, point.first_count()) {
                Ok(sample) => {
                    let speed = sample.messages / sample.elapsed_s;
                    counts.insert(engine.name, point.count(engine, speed, plan.seconds));
                }
                Err(lost) => tell(engine, point, &lost),
            }
        }
        for turn in 0..plan.runs {
            for which in 0..plan.engines.len() {
                let engine = plan.engines[(which + turn) % plan.engines.len()];
                let result = counts.get(engine.name).map(|count| run::run(engine, point, *count));
                if let Some(Err(lost)) = &result {
                    tell(engine, point, lost);
                }
                rows.push(Row {
                    started: started.into(),
                    cell: point.cell.name.into(),
                    transport: point.transport.into(),
                    size: point.size,
                    engine: engine.name.into(),
                    run: turn,
                    sample: result.and_then(std::result::Result::ok),
                });
            }
        }
        eprintln!("{} {} {} B: done", point.cell.name, point.transport, point.size);
    }
    rows
}

fn count_system_calls(plan: &Plan) -> table::CallCounts {
    let mut counts = Vec::new();
    for point in plan.points() {
        for engine in &plan.engines {
            match run::system_calls(engine, point, point.first_count()) {
                Ok(calls) => counts.push((point.cell.name, point.transport, point.size, engine.name, calls)),
                Err(lost) => tell(engine, point, &lost),
            }
        }
    }
    counts
}

fn tell(engine: &Engine, point: Point, lost: &Lost) {
    match lost {
        Lost::Unsupported => {}
        Lost::Failed(why) => {
            eprintln!("{} {} {} {} B: {why}", engine.name, point.cell.name, point.transport, point.size);
        }
    }
}

/// The machine's CPU time, to tell how much of it others took.
#[derive(Clone, Copy)]
struct CpuTimes {
    all: f64,
    stolen: f64,
}

impl CpuTimes {
    fn now() -> Option<CpuTimes> {
        let text = std::fs::read_to_string("/proc/stat").ok()?;
        let line = text.lines().find(|line| line.starts_with("cpu "))?;
        let fields: Vec<f64> = line.split_whitespace().skip(1).map_while(|word| word.parse().ok()).collect();
        // user, nice, system, idle, iowait, irq, softirq, steal; the guest columns are contained in the first two.
        Some(CpuTimes { all: fields.iter().take(8).sum(), stolen: *fields.get(7)? })
    }
}

/// Runnable threads over the last minute, as the kernel tells it.
fn load_average() -> Option<String> {
    let text = std::fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next().map(str::to_owned)
}

fn caption(
    plan: &Plan,
    started: &str,
    before: Option<CpuTimes>,
    after: Option<CpuTimes>,
    load: Option<&str>,
) -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let mut text = format!(
        "{started}, {} {}, {cores} cores; medians of {} interleaved runs of about {} s; command: `cargo xtask bench peers {}`.",
        std::env::consts::OS,
        std::env::consts::ARCH,
        plan.runs,
        plan.seconds,
        plan.words
    );
    if let Some((before, after)) = before.zip(after) {
        let share = 100.0 * (after.stolen - before.stolen) / (after.all - before.all).max(1.0);
        text += &format!(" The hypervisor took {share:.0} % of the CPU time meanwhile.");
    }
    if let Some(load) = load {
        text += &format!(" Load average before: {load}.");
    }
    if plan.runs < plan::RUNS_TO_QUOTE {
        text += " Too few runs to quote.";
    }
    text + " See bench/BIAS.md.\n"
}
