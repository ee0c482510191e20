//! What a connection holds when it rests: the growth of resident memory over many of them.

use std::time::Duration;

use crate::{Failure, Report, Side, fail};

/// Connections before the first look, so that what a process pays once is not counted.
pub const FIRST: usize = 16;
/// How long connections rest before the second look: buffers that are given back when idle have gone by then.
pub const REST: Duration = Duration::from_millis(500);

/// Resident memory of this process, KiB.
fn resident_kib() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.ok_or_else(|| fail("the system does not tell the resident memory"))
}

/// A look at the memory, to be compared with a later one.
#[derive(Debug)]
pub struct Resting {
    side: Side,
    before_kib: u64,
}

impl Resting {
    /// The first look.
    pub fn start() -> Result<Resting, Failure> {
        Ok(Resting { side: Side::start(), before_kib: resident_kib()? })
    }

    /// The second look, when `connections` more are there and have rested.
    pub fn report(self, connections: usize) -> Result<Report, Failure> {
        let grown = resident_kib()?.saturating_sub(self.before_kib);
        let report = self.side.report(connections as u64, 0);
        Ok(Report { held_kib: Some(grown as f64 / connections.max(1) as f64), ..report })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_seen() {
        let resting = Resting::start().unwrap();
        let held: Vec<Vec<u8>> = (0..16).map(|_| vec![1; 1 << 20]).collect();
        let report = resting.report(16).unwrap();
        assert_eq!(held.len(), 16);
        assert!(report.held_kib.is_some_and(|kib| kib > 900.0), "{report:?}");
    }
}
