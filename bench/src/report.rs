//! What a run found, as one line of JSON.

use crate::Args;

/// One side's figures.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Measured messages: round trips for REQ and DEALER, deliveries for SUB.
    pub messages: u64,
    /// Bytes of their bodies, one way.
    pub bytes: u64,
    /// Wall time.
    pub elapsed_s: f64,
    /// User and system time of the process in that time.
    pub cpu_s: f64,
    /// Peak resident memory of the process in its whole life, KiB.
    pub rss_kib: i64,
    /// Median round trip, or time from sending to arrival.
    pub p50_us: Option<f64>,
    /// 99th percentile.
    pub p99_us: Option<f64>,
    /// Resident memory that one idle connection holds, KiB.
    pub held_kib: Option<f64>,
}

impl Report {
    /// A flat object; `engine` must not need escaping.
    pub fn to_json(&self, engine: &str, args: &Args) -> String {
        let mut line = format!(
            "{{\"engine\":\"{engine}\",\"role\":\"{}\",\"size\":{},\"messages\":{},\"bytes\":{},\"elapsed_s\":{:.9},\
             \"cpu_s\":{:.6},\"rss_kib\":{}",
            args.role.name(),
            args.size,
            self.messages,
            self.bytes,
            self.elapsed_s,
            self.cpu_s,
            self.rss_kib
        );
        for (name, value) in [("p50_us", self.p50_us), ("p99_us", self.p99_us), ("held_kib", self.held_kib)] {
            if let Some(value) = value {
                line += &format!(",\"{name}\":{value:.3}");
            }
        }
        line.push('}');
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line() {
        let args = Args::parse(["req".into(), "x".into()]).unwrap();
        let mut report = Report {
            messages: 1,
            bytes: 64,
            elapsed_s: 0.5,
            cpu_s: 0.25,
            rss_kib: 7,
            p50_us: Some(1.5),
            p99_us: None,
            held_kib: None,
        };
        let json = report.to_json("raw", &args);
        assert!(
            json.starts_with("{\"engine\":\"raw\",\"role\":\"req\",\"size\":64,\"messages\":1,"),
            "{json}"
        );
        assert!(json.ends_with(",\"rss_kib\":7,\"p50_us\":1.500}"), "{json}");
        report.p50_us = None;
        assert!(report.to_json("raw", &args).ends_with("\"rss_kib\":7}"));
    }
}
