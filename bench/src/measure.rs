//! Clocks: wall time, CPU time of the process, peak memory, round trips.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;

use crate::{Check, Failure, Load, Report, fail};

/// Messages that a DEALER sends before it takes as many answers: below every library's default high-water mark.
pub const DEALER_BURST: usize = 8;
/// What streams beside the round trips of the loaded cell.
pub const BULK: [u8; 1024] = [0xB0; 1024];

/// Another endpoint of the same kind as the one given, free at the moment. (The port next to it may be taken: by an
/// earlier run's connection, say.)
pub fn endpoint_beside(endpoint: &str) -> Result<String, Failure> {
    let (host, _) = endpoint.rsplit_once(':').ok_or_else(|| fail("an endpoint without a port"))?;
    let address = host.strip_prefix("tcp://").ok_or_else(|| fail("an endpoint that is not tcp"))?;
    let port = TcpListener::bind((address, 0)).and_then(|listener| listener.local_addr())?.port();
    Ok(format!("{host}:{port}"))
}

/// How long the two ROUTERs of one process are given to shake hands; a message sent before would be dropped.
pub const SETTLE: Duration = Duration::from_millis(200);

/// The measured part of one side, from its start until it is reported.
#[derive(Debug, Clone)]
pub struct Side {
    start: Instant,
    cpu_start: f64,
}

fn usage() -> Option<Usage> {
    getrusage(UsageWho::RUSAGE_SELF).ok()
}

fn cpu_seconds() -> f64 {
    usage().map_or(f64::NAN, |u| (u.user_time() + u.system_time()).num_microseconds() as f64 / 1e6)
}

impl Side {
    /// Starts now. CPU time is that of the whole process (all threads, user and system).
    #[cold]
    pub fn start() -> Side {
        let cpu_start = cpu_seconds();
        Side { start: Instant::now(), cpu_start }
    }

    /// When it started.
    pub fn started(&self) -> Instant {
        self.start
    }

    /// Stops now.
    pub fn report(&self, messages: u64, bytes: u64) -> Report {
        self.report_for(self.start.elapsed(), messages, bytes)
    }

    /// Stops now, but for a wall time measured elsewhere.
    pub fn report_for(&self, elapsed: Duration, messages: u64, bytes: u64) -> Report {
        Report {
            messages,
            bytes,
            elapsed_s: elapsed.as_secs_f64(),
            cpu_s: cpu_seconds() - self.cpu_start,
            rss_kib: usage().map_or(0, |u| u.max_rss()),
            p50_us: None,
            p99_us: None,
            held_kib: None,
        }
    }
}

/// Several receivers as one: from the first one's start to the last one's end, messages added up.
pub fn all_of(each: impl IntoIterator<Item = Result<(Check, Instant), Failure>>) -> Result<Report, Failure> {
    let (mut messages, mut bytes) = (0, 0);
    let (mut first, mut last): (Option<Side>, Option<Instant>) = (None, None);
    for one in each {
        let (check, ended) = one?;
        let side = check.side().cloned().ok_or_else(|| fail("a receiver never started"))?;
        first = first.into_iter().chain([side]).min_by_key(Side::started);
        last = last.max(Some(ended));
        let part = check.report();
        messages += part.messages;
        bytes += part.bytes;
    }
    let (Some(first), Some(last)) = (first, last) else { return Err(fail("no receiver")) };
    Ok(first.report_for(last.saturating_duration_since(first.started()), messages, bytes))
}

/// A requester's questions and the time until each answer. The answer must be the question.
#[derive(Debug)]
pub struct RoundTrips {
    load: Load,
    check: Check,
    asked: Instant,
    warmup: u64,
    nanoseconds: Vec<u64>,
}

impl RoundTrips {
    /// `warmup` unmeasured and `count` measured round trips of `size` bytes each way.
    pub fn new(size: usize, warmup: u64, count: u64) -> RoundTrips {
        RoundTrips {
            load: Load::new(size, warmup, count),
            check: Check::new(size, warmup, count),
            asked: Instant::now(),
            warmup,
            nanoseconds: Vec::with_capacity(usize::try_from(warmup + count).unwrap_or_default()),
        }
    }

    /// The next question, or `None` at the end. The clock starts here.
    #[inline]
    pub fn question(&mut self) -> Option<&[u8]> {
        let body = self.load.next_body()?;
        self.asked = Instant::now();
        Some(body)
    }

    /// The answer has come.
    #[inline]
    pub fn answer(&mut self, body: &[u8]) -> Result<(), Failure> {
        self.nanoseconds.push(u64::try_from(self.asked.elapsed().as_nanos()).unwrap_or(u64::MAX));
        self.check.take(body)
    }

    /// The report, with percentiles.
    pub fn report(self) -> Result<Report, Failure> {
        with_percentiles(self.check.report(), &self.nanoseconds, self.warmup)
    }
}

/// The report with the percentiles of what was measured after the first `warmup` times.
pub fn with_percentiles(report: Report, nanoseconds: &[u64], warmup: u64) -> Result<Report, Failure> {
    let warmup = usize::try_from(warmup).unwrap_or(usize::MAX);
    let mut measured = nanoseconds.get(warmup..).unwrap_or_default().to_vec();
    measured.sort_unstable();
    let percentile = |p: usize| {
        let rank = (measured.len() * p).div_ceil(100).saturating_sub(1);
        measured.get(rank).map(|ns| *ns as f64 / 1e3)
    };
    let (p50_us, p99_us) = (percentile(50), percentile(99));
    if p50_us.is_none() {
        return Err(fail("no time was measured"));
    }
    Ok(Report { p50_us, p99_us, ..report })
}

/// The seed's rounds: the same number of messages again and again, of which the first round is not counted.
#[derive(Debug)]
pub struct Rounds {
    side: Option<Side>,
    begun: Instant,
    seconds: Vec<f64>,
}

impl Rounds {
    /// No round yet.
    pub fn new() -> Rounds {
        Rounds { side: None, begun: Instant::now(), seconds: Vec::new() }
    }

    /// A round begins.
    pub fn begin(&mut self) {
        if self.seconds.len() == 1 {
            self.side = Some(Side::start());
        }
        self.begun = Instant::now();
    }

    /// The round's last message has arrived.
    pub fn end(&mut self) {
        self.seconds.push(self.begun.elapsed().as_secs_f64());
    }

    /// The report of *one* round: the median of the counted ones, and the mean of their CPU time.
    pub fn report(mut self, messages: u64, bytes: u64) -> Result<Report, Failure> {
        let Some(side) = self.side.take().filter(|_| self.seconds.len() > 1) else {
            return Err(fail("router-router needs two rounds"));
        };
        self.seconds.remove(0);
        let rounds = self.seconds.len();
        self.seconds.sort_unstable_by(f64::total_cmp);
        let mut report = side.report(messages, bytes);
        report.elapsed_s = self.seconds[rounds / 2];
        report.cpu_s /= rounds as f64;
        Ok(report)
    }
}

impl Default for Rounds {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_leave_out_the_warm_up() {
        let mut trips = RoundTrips::new(16, 1, 4);
        while let Some(body) = trips.question() {
            let body = body.to_vec();
            trips.answer(&body).unwrap();
        }
        trips.nanoseconds = vec![1_000_000, 4000, 2000, 3000, 1000];
        let report = trips.report().unwrap();
        assert_eq!((report.p50_us, report.p99_us), (Some(2.0), Some(4.0)));
        assert_eq!(report.messages, 4);
    }

    #[test]
    fn one_round_is_too_few() {
        let mut rounds = Rounds::new();
        rounds.begin();
        rounds.end();
        assert!(rounds.report(1, 1).is_err());
    }

    #[test]
    fn cpu_time_is_counted() {
        let side = Side::start();
        let mut x = 0u64;
        while side.started().elapsed() < Duration::from_millis(20) {
            x = std::hint::black_box(x + 1);
        }
        let report = side.report(x, 0);
        assert!(report.cpu_s > 0.0 && report.rss_kib > 0, "{report:?}");
    }
}
