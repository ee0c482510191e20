//! `cargo xtask conform perf`: libzmq's classic measures, as C programs of our own, on any library.
//!
//! The same binary runs on our library and on another one (`--library`, such as a libzmq), by the loader's path; the same
//! loops in Rust stand beside them. All take turns, and the median of the runs counts.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{folder, make, our_library, source};
use crate::shell::{self, Result};

/// One measure: the program that prints it, the one beside it, messages (a tenth of it for the largest bodies).
struct Measure {
    prints: &'static str,
    beside: Option<&'static str>,
    count: u32,
}

const MEASURES: [Measure; 4] = [
    Measure { prints: "local_thr", beside: Some("remote_thr"), count: 1_000_000 },
    Measure { prints: "remote_lat", beside: Some("local_lat"), count: 20_000 },
    Measure { prints: "inproc_thr", beside: None, count: 1_000_000 },
    Measure { prints: "inproc_lat", beside: None, count: 20_000 },
];
/// Built with the others, to be run by hand: round trips through `zmq_poll`.
const POLL: &str = "remote_poll";
const SIZES: [u32; 3] = [64, 1024, 65_536];

/// Who runs the programs.
enum Runner {
    /// The Rust program, which takes the name as its first word.
    Native(PathBuf),
    /// The C programs in the first folder, on the library in the second.
    C(PathBuf, PathBuf),
}

impl Runner {
    fn command(&self, program: &str, words: &[String]) -> Command {
        let mut command = match self {
            Runner::Native(path) => {
                let mut command = Command::new(path);
                command.arg(program);
                command
            }
            Runner::C(folder, library) => {
                let mut command = Command::new(folder.join(program));
                command.env("LD_LIBRARY_PATH", library);
                command
            }
        };
        command.args(words);
        command
    }

    /// The first number that the measure prints.
    fn measure(&self, measure: &Measure, words: &[String]) -> Result<f64> {
        let other = measure.beside.map(|name| {
            self.command(name, words)
                .stdout(Stdio::null())
                .spawn()
                .map_err(|error| format!("{name}: {error}"))
        });
        let mut other = other.transpose()?;
        let printed = shell::output(&mut self.command(measure.prints, words));
        if let Some(other) = &mut other {
            if printed.is_err() {
                // It would wait for ever; that it has gone by itself is as good.
                let _ = other.kill();
            }
            other.wait().map_err(|error| error.to_string())?;
        }
        let printed = printed?;
        let number = printed.split_whitespace().next().and_then(|word| word.parse().ok());
        number.ok_or_else(|| format!("{} printed no number: {printed}", measure.prints))
    }
}

/// `conform perf [--library FOLDER] [--runs N]`
pub(super) fn perf(words: &[&str]) -> Result<()> {
    let (mut other, mut runs) = (None, 5);
    let mut words = words.iter();
    while let Some(&word) = words.next() {
        let value = words.next().ok_or_else(|| format!("{word} wants a value"))?;
        match word {
            "--library" => other = Some(PathBuf::from(value)),
            "--runs" => runs = value.parse().map_err(|_| format!("{value}: not a number"))?,
            _ => return Err(format!("{word}: --library or --runs")),
        }
    }
    let out = folder().join("perf");
    build_programs(&out)?;
    let mut native = shell::cargo(&["build", "--release", "--manifest-path", "conformance/perf/Cargo.toml"]);
    shell::run(native.env("CARGO_TARGET_DIR", folder().join("native")))?;
    let mut runners =
        vec![Runner::Native(folder().join("native/release/native")), Runner::C(out.clone(), our_library()?)];
    runners.extend(other.map(|library| Runner::C(out.clone(), library)));
    println!("| measure | bytes | way | Rust | C | C / Rust | other |\n|---|---|---|---|---|---|---|");
    for measure in &MEASURES {
        for size in SIZES {
            for way in ["message", "buffer"] {
                let count = if size > 10_000 { measure.count / 10 } else { measure.count };
                let endpoint = if measure.beside.is_some() {
                    format!("ipc://{}", out.join("socket").display())
                } else {
                    "inproc://perf".into()
                };
                let words = [endpoint, size.to_string(), count.to_string(), way.into()];
                let mut results = vec![Vec::new(); runners.len()];
                for _ in 0..runs.max(1) {
                    for (runner, results) in runners.iter().zip(&mut results) {
                        results.push(runner.measure(measure, &words)?);
                    }
                }
                let medians: Vec<f64> = results.into_iter().map(median).collect();
                let [rust, c, rest @ ..] = medians.as_slice() else { continue };
                let other = rest.first().map_or("-".into(), |number| format!("{number:.1}"));
                let name = measure.prints;
                println!("| {name} | {size} | {way} | {rust:.1} | {c:.1} | {:.2} | {other} |", c / rust);
            }
        }
    }
    Ok(())
}

fn build_programs(out: &Path) -> Result<()> {
    make(out)?;
    let here = shell::root().join("conformance/perf");
    let stub = source::stub()?;
    let names = MEASURES.iter().flat_map(|measure| [Some(measure.prints), measure.beside]).flatten();
    for name in names.chain([POLL]) {
        let mut compile = Command::new("cc");
        compile.current_dir(&here).args(["-O2", "-Wall", "-Wextra", "-Werror", "-D_GNU_SOURCE"]);
        compile.arg("-I").arg(shell::root().join("crates/capi/include")).arg("-o").arg(out.join(name));
        shell::run(compile.arg(format!("{name}.c")).arg("-L").arg(&stub).args(["-lzmq", "-lpthread"]))?;
    }
    Ok(())
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_counts() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
        assert!(median(Vec::new()).is_nan());
    }
}
