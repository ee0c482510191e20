//! What is measured: the table of cells, and how many messages a run takes.

use super::engine::Engine;

/// What a cell's main figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Metric {
    /// Messages (deliveries, for PUB/SUB) per second; higher is better.
    Rate,
    /// Median round trip, or time from sending to arrival, in microseconds; lower is better.
    Latency,
    /// Wall time of a fixed number of messages in milliseconds; lower is better.
    Time,
    /// Resident memory per idle connection in KiB; lower is better.
    Memory,
}

/// Which process's report holds the main figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Measures {
    Binder,
    Connecter,
}

/// One kind of measurement.
#[derive(Debug)]
pub(crate) struct Cell {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) binder: &'static str,
    pub(crate) connecter: &'static str,
    pub(crate) measures: Measures,
    /// The role that runs both sides in one process, for `inproc` or where the cell is defined so.
    pub(crate) alone: Option<&'static str>,
    pub(crate) metric: Metric,
    pub(crate) transports: &'static [&'static str],
    pub(crate) sizes: &'static [usize],
    pub(crate) peers: usize,
    /// From one message to the next; 0 where the sender does not wait.
    pub(crate) gap_ns: u64,
}

/// Every cell, in the order of the tables.
pub(crate) const CELLS: [Cell; 18] = [
    Cell {
        name: "push-pull",
        title: "PUSH→PULL, messages/s",
        binder: "pull",
        connecter: "push",
        measures: Measures::Binder,
        alone: Some("inproc-push"),
        metric: Metric::Rate,
        transports: &["tcp", "ipc", "inproc"],
        sizes: &[16, 64, 512, 1024, 65_536, 1_048_576],
        peers: 1,
        gap_ns: 0,
    },
    Cell {
        name: "req-rep",
        title: "REQ/REP, round trip p50",
        binder: "rep",
        connecter: "req",
        measures: Measures::Connecter,
        alone: Some("inproc-req"),
        metric: Metric::Latency,
        transports: &["tcp", "ipc", "inproc"],
        sizes: &[64, 1024, 65_536],
        peers: 1,
        gap_ns: 0,
    },
    Cell {
        name: "pub-sub-8",
        title: "PUB→8 SUB, deliveries/s",
        binder: "pub",
        connecter: "sub",
        measures: Measures::Connecter,
        alone: None,
        metric: Metric::Rate,
        transports: &["tcp"],
        sizes: &[64, 1024],
        peers: 8,
        gap_ns: 0,
    },
    Cell {
        name: "pub-sub-32",
        title: "PUB→32 SUB, deliveries/s",
        binder: "pub",
        connecter: "sub",
        measures: Measures::Connecter,
        alone: None,
        metric: Metric::Rate,
        transports: &["tcp"],
        sizes: &[64, 1024],
        peers: 32,
        gap_ns: 0,
    },
    Cell {
        name: "router-router",
        title: "ROUTER→ROUTER, 10,000 messages in one process (the seed's benchmark), time",
        binder: "router-router",
        connecter: "router-router",
        measures: Measures::Binder,
        alone: Some("router-router"),
        metric: Metric::Time,
        transports: &["tcp"],
        sizes: &[64, 512, 1024, 65_536],
        peers: 1,
        gap_ns: 0,
    },
    Cell {
        name: "dealers-100",
        title: "ROUTER↔100 DEALER connections, echoes/s",
        binder: "router",
        connecter: "dealers",
        measures: Measures::Connecter,
        alone: None,
        metric: Metric::Rate,
        transports: &["tcp"],
        sizes: &[64],
        peers: 100,
        gap_ns: 0,
    },
    Cell {
        name: "curve-push-pull",
        title: "PUSH→PULL encrypted with CURVE, messages/s",
        binder: "curve-pull",
        connecter: "curve-push",
        measures: Measures::Binder,
        alone: None,
        metric: Metric::Rate,
        transports: &["tcp"],
        sizes: &[64, 1024, 65_536],
        peers: 1,
        gap_ns: 0,
    },
    Cell {
        name: "curve-handshakes",
        title: "CURVE connections made, used for one echo and closed, 16 at a time, connections/s",
        binder: "curve-router",
        connecter: "curve-handshakes",
        measures: Measures::Connecter,
        alone: None,
        metric: Metric::Rate,
        transports: &["tcp"],
        sizes: &[64],
        peers: 16,
        gap_ns: 0,
    },
    paced("paced-0.5us", "PUSH→PULL, one message every 0.5 µs: from sending to arrival, p50", 500),
    paced("paced-2us", "PUSH→PULL, one message every 2 µs: from sending to arrival, p50", 2_000),
    paced("paced-5us", "PUSH→PULL, one message every 5 µs: from sending to arrival, p50", 5_000),
    paced("paced-20us", "PUSH→PULL, one message every 20 µs: from sending to arrival, p50", 20_000),
    paced("paced-100us", "PUSH→PULL, one message every 100 µs: from sending to arrival, p50", 100_000),
    paced("paced-1ms", "PUSH→PULL, one message every 1 ms: from sending to arrival, p50", 1_000_000),
    beside("rested-req-rep", "rested-req", "REQ/REP in one process, nothing beside it, round trip p50"),
    beside(
        "loaded-req-rep",
        "loaded-req",
        "REQ/REP while a PUSH of the same context streams 1 KiB messages, round trip p50",
    ),
    idle("idle-router", "Resident memory of a ROUTER per idle connection", Measures::Binder),
    idle("idle-dealer", "Resident memory of a DEALER with its one idle connection", Measures::Connecter),
];

const fn paced(name: &'static str, title: &'static str, gap_ns: u64) -> Cell {
    Cell {
        name,
        title,
        binder: "paced-pull",
        connecter: "paced-push",
        measures: Measures::Binder,
        alone: None,
        metric: Metric::Latency,
        transports: &["tcp"],
        sizes: &[64],
        peers: 1,
        gap_ns,
    }
}

const fn beside(name: &'static str, role: &'static str, title: &'static str) -> Cell {
    Cell {
        name,
        title,
        binder: role,
        connecter: role,
        measures: Measures::Binder,
        alone: Some(role),
        metric: Metric::Latency,
        transports: &["tcp"],
        sizes: &[64],
        peers: 1,
        gap_ns: 0,
    }
}

const fn idle(name: &'static str, title: &'static str, measures: Measures) -> Cell {
    Cell {
        name,
        title,
        binder: "idle-router",
        connecter: "idle-dealers",
        measures,
        alone: None,
        metric: Metric::Memory,
        transports: &["tcp"],
        sizes: &[64],
        // Below the usual limit of 1,024 file descriptors, for libraries that take two of them for a socket.
        peers: 400,
        gap_ns: 0,
    }
}

/// The cell of this name, if there is one.
pub(crate) fn by_name(name: &str) -> Option<&'static Cell> {
    CELLS.iter().find(|cell| cell.name == name)
}

/// One point to measure.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Point {
    pub(crate) cell: &'static Cell,
    pub(crate) transport: &'static str,
    pub(crate) size: usize,
}

impl Point {
    /// Whether both sides run in one process.
    pub(crate) fn is_alone(&self) -> bool {
        self.transport == "inproc" || self.cell.binder == self.cell.connecter
    }

    /// Messages of the first, uncounted run, which tells how many fill the time.
    pub(crate) fn first_count(&self) -> u64 {
        match self.cell.metric {
            Metric::Time => 10_000,
            Metric::Latency => 300,
            // Each connection carries one, whatever is asked for.
            Metric::Memory => 1,
            // Some thousand a second.
            Metric::Rate if self.cell.name == "curve-handshakes" => 480,
            Metric::Rate => {
                const FIRST_BYTES: usize = 16 << 20;
                (FIRST_BYTES / self.size.max(1)).clamp(200, 50_000) as u64
            }
        }
        .div_ceil(self.shared_by())
    }

    /// Messages (per socket) that fill `seconds` at the speed that the first run found, within bounds: enough to
    /// mean something, and no more than memory holds where a sender has no high-water mark.
    pub(crate) fn count(&self, engine: &Engine, messages_per_s: f64, seconds: f64) -> u64 {
        match self.cell.metric {
            Metric::Time => return 10_000,
            Metric::Memory => return 1,
            Metric::Rate | Metric::Latency => {}
        }
        // The first run of a paced cell is over before it has found its pace, which is known anyway.
        let messages_per_s =
            if self.cell.gap_ns > 0 { 1e9 / self.cell.gap_ns as f64 } else { messages_per_s };
        let fitting = (messages_per_s * seconds) as u64 / self.cell.peers as u64;
        let mut most = 100_000_000;
        if self.cell.binder == "pub" {
            const QUEUED_BYTES_MAX: u64 = 512 << 20;
            most = QUEUED_BYTES_MAX / (self.size * self.cell.peers) as u64;
            most = most.min(engine.publish_max);
        }
        fitting.clamp(100.min(most), most)
    }

    /// Echo cells divide the first run's messages among their sockets; a published message goes to all.
    fn shared_by(&self) -> u64 {
        if self.cell.binder.ends_with("router") { self.cell.peers as u64 } else { 1 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::engine::ENGINES;

    #[test]
    fn counts_fill_the_time_within_bounds() {
        let push = Point { cell: &CELLS[0], transport: "tcp", size: 64 };
        assert_eq!(push.count(&ENGINES[0], 2e6, 0.5), 1_000_000);
        assert_eq!(push.count(&ENGINES[0], 1.0, 0.5), 100, "never fewer than this");
        let paced = Point { cell: by_name("paced-100us").unwrap(), transport: "tcp", size: 64 };
        assert_eq!(paced.count(&ENGINES[0], 1.0, 0.5), 5_000, "its own pace");
        let publish = Point { cell: by_name("pub-sub-8").unwrap(), transport: "tcp", size: 1024 };
        assert_eq!(publish.count(&ENGINES[0], 1e12, 0.5), 65_536, "what fits in memory");
        let seed = Point { cell: by_name("router-router").unwrap(), transport: "tcp", size: 64 };
        assert_eq!(seed.count(&ENGINES[0], 1e6, 9.0), 10_000, "the seed's number");
        assert!(seed.is_alone() && !push.is_alone());
    }
}
