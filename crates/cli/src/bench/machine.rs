//! Where and with what a measurement was made: a number without this is a rumour.

use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

/// Load per core from which on a measurement is disturbed.
const BUSY: f64 = 0.5;

/// The host and the build.
#[derive(Debug, Clone)]
pub(crate) struct Machine {
    /// The processor's name as the system gives it.
    pub(crate) cpu: String,
    /// Processors that this process may use.
    pub(crate) cores: usize,
    /// The machine's memory in bytes; 0 if the system does not tell.
    pub(crate) memory: u64,
    /// The system and its release.
    pub(crate) system: String,
    /// Processes that ran or wanted to in the last minute, on average; `None` if the system does not tell.
    pub(crate) load: Option<f64>,
    /// This program's version.
    pub(crate) version: &'static str,
    /// The commit it was built from; empty outside a checkout.
    pub(crate) commit: &'static str,
    /// Without optimisation, numbers mean nothing.
    pub(crate) optimised: bool,
}

impl Machine {
    /// This one.
    pub(crate) fn here() -> Machine {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let field = |text: &str, name: &str| {
            let line = text.lines().find(|line| line.starts_with(name))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let kib = field(&read("/proc/meminfo"), "MemTotal")
            .and_then(|value| value.split(' ').next()?.parse::<u64>().ok())
            .unwrap_or(0);
        Machine {
            cpu: field(&read("/proc/cpuinfo"), "model name")
                .unwrap_or_else(|| format!("{} processor", std::env::consts::ARCH)),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: kib * 1024,
            system: format!("{} {}", system_name(), read("/proc/sys/kernel/osrelease").trim())
                .trim()
                .to_owned(),
            load: read("/proc/loadavg").split(' ').next().and_then(|load| load.parse().ok()),
            version: env!("CARGO_PKG_VERSION"),
            commit: env!("NETZMQ_COMMIT"),
            optimised: !cfg!(debug_assertions),
        }
    }

    /// One line.
    pub(crate) fn line(&self) -> String {
        let cores = if self.cores == 1 { "core" } else { "cores" };
        let mut line = format!("{} · {} {cores}", self.cpu, self.cores);
        if self.memory > 0 {
            line += &format!(" · {:.0} GiB", self.memory as f64 / (1 << 30) as f64);
        }
        line += &format!(" · {} · {}", self.system, self.build());
        line
    }

    /// A complaint, if others use the machine: then only large differences mean anything.
    pub(crate) fn busy(&self) -> Option<String> {
        let load = self.load.filter(|load| *load > self.cores as f64 * BUSY)?;
        Some(format!("the machine is busy: load {load:.1} on {} cores, so runs will differ", self.cores))
    }

    /// The program and where it comes from.
    pub(crate) fn build(&self) -> String {
        let mut text = format!("netzmq {}", self.version);
        if !self.commit.is_empty() {
            text += &format!(" ({})", self.commit);
        }
        if !self.optimised {
            text += ", NOT OPTIMISED: build with --release";
        }
        text
    }
}

fn system_name() -> String {
    let mut name = std::env::consts::OS.to_owned();
    if let Some(first) = name.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    name
}

/// Today's date and the time in UTC, as `2026-01-31 12:00 UTC`.
pub(crate) fn utc_now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    utc(seconds)
}

fn utc(seconds: u64) -> String {
    let (mut days, rest) = (seconds / 86_400, seconds % 86_400);
    let is_leap = |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    let mut year = 1970;
    while days >= 365 + u64::from(is_leap(year)) {
        days -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for (at, len) in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].into_iter().enumerate() {
        let len = len + u64::from(at == 1 && is_leap(year));
        if days < len {
            break;
        }
        days -= len;
        month += 1;
    }
    format!("{year}-{month:02}-{:02} {:02}:{:02} UTC", days + 1, rest / 3600, rest % 3600 / 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_something() {
        let machine = Machine::here();
        assert!(machine.cores >= 1 && !machine.cpu.is_empty());
        assert!(machine.line().contains("netzmq "));
    }

    #[test]
    fn dates() {
        assert_eq!(utc(0), "1970-01-01 00:00 UTC");
        assert_eq!(utc(951_782_400 + 3661), "2000-02-29 01:01 UTC");
        assert_eq!(utc(1_798_761_599), "2026-12-31 23:59 UTC");
    }
}
