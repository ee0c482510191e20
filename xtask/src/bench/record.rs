//! The record: one line of CSV per run, so that every table can be made again from it.

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use super::run::Sample;
use crate::shell::{self, Result};

/// The first line of a record.
pub(crate) const HEADER: &str = "started_utc,cell,transport,size,engine,run,messages,elapsed_s,p50_us,p99_us,\
                                 cpu_binder_s,cpu_connecter_s,rss_binder_kib,rss_connecter_kib,held_kib";

/// One run, or the fact that there is none (`sample` is `None`: lost or failed).
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    pub(crate) started: String,
    pub(crate) cell: String,
    pub(crate) transport: String,
    pub(crate) size: usize,
    pub(crate) engine: String,
    pub(crate) run: usize,
    pub(crate) sample: Option<Sample>,
}

impl Row {
    /// One line, without its end.
    pub(crate) fn to_csv(&self) -> String {
        let mut cells = vec![
            self.started.clone(),
            self.cell.clone(),
            self.transport.clone(),
            self.size.to_string(),
            self.engine.clone(),
            self.run.to_string(),
        ];
        let number = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
        match &self.sample {
            None => cells.extend(std::iter::repeat_n(String::new(), 9)),
            Some(s) => cells.extend(
                [
                    Some(s.messages),
                    Some(s.elapsed_s),
                    s.p50_us,
                    s.p99_us,
                    s.cpu_s[0],
                    s.cpu_s[1],
                    s.rss_kib[0],
                    s.rss_kib[1],
                    s.held_kib,
                ]
                .map(number),
            ),
        }
        cells.join(",")
    }

    /// Reads a line back.
    fn from_csv(line: &str) -> Option<Row> {
        let cells: Vec<&str> = line.split(',').collect();
        let [started, cell, transport, size, engine, run, rest @ ..] = cells.as_slice() else { return None };
        let [messages, elapsed, p50, p99, cpu0, cpu1, rss0, rss1, held] = rest else { return None };
        let number = |text: &str| text.parse::<f64>().ok();
        let sample = number(messages).zip(number(elapsed)).map(|(messages, elapsed_s)| Sample {
            messages,
            elapsed_s,
            p50_us: number(p50),
            p99_us: number(p99),
            cpu_s: [number(cpu0), number(cpu1)],
            rss_kib: [number(rss0), number(rss1)],
            held_kib: number(held),
        });
        Some(Row {
            started: (*started).into(),
            cell: (*cell).into(),
            transport: (*transport).into(),
            size: size.parse().ok()?,
            engine: (*engine).into(),
            run: run.parse().ok()?,
            sample,
        })
    }
}

/// Reads a record.
pub(crate) fn read(file: &str) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && *line != HEADER);
    lines
        .map(|(at, line)| {
            Row::from_csv(line).ok_or_else(|| format!("{file}:{}: not a record's line", at + 1))
        })
        .collect()
}

/// Appends to today's record, and returns its path.
pub(crate) fn append(rows: &[Row]) -> Result<PathBuf> {
    let folder = shell::root().join("bench/record");
    let file = folder.join(format!("{}.csv", &now()[..10]));
    let mut text = std::fs::read_to_string(&file).unwrap_or_else(|_| format!("{HEADER}\n"));
    for row in rows {
        text.push_str(&row.to_csv());
        text.push('\n');
    }
    let written = std::fs::create_dir_all(&folder).and_then(|()| std::fs::write(&file, text));
    written.map_err(|error| format!("{}: {error}", file.display()))?;
    Ok(file)
}

/// The time now, as `2026-11-22T15:43:25Z`.
pub(crate) fn now() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    timestamp(seconds)
}

/// Seconds since 1970 as a UTC date and time. Counts whole 400-year cycles from 1 March of the year 0, where leap days
/// come last in a year.
fn timestamp(seconds: u64) -> String {
    const DAYS_FROM_YEAR_0_TO_1970: u64 = 719_468;
    const DAYS_PER_CYCLE: u64 = 146_097;
    let days = seconds / 86_400 + DAYS_FROM_YEAR_0_TO_1970;
    let day_of_cycle = days % DAYS_PER_CYCLE;
    let year_of_cycle =
        (day_of_cycle - day_of_cycle / 1_460 + day_of_cycle / 36_524 - day_of_cycle / 146_096) / 365;
    let day_of_year = day_of_cycle - (365 * year_of_cycle + year_of_cycle / 4 - year_of_cycle / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = days / DAYS_PER_CYCLE * 400 + year_of_cycle + u64::from(month <= 2);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_survive_the_file() {
        let sample = Sample {
            messages: 10.0,
            elapsed_s: 0.25,
            p50_us: None,
            p99_us: Some(1.5),
            cpu_s: [Some(0.5), None],
            rss_kib: [Some(7.0), None],
            held_kib: Some(3.5),
        };
        let mut row = Row {
            started: now(),
            cell: "push-pull".into(),
            transport: "tcp".into(),
            size: 64,
            engine: "raw".into(),
            run: 3,
            sample: Some(sample),
        };
        assert_eq!(Row::from_csv(&row.to_csv()), Some(row.clone()));
        row.sample = None;
        assert_eq!(Row::from_csv(&row.to_csv()), Some(row.clone()));
        assert_eq!(row.to_csv().split(',').count(), HEADER.split(',').count());
        assert_eq!(Row::from_csv("a,b"), None);
    }

    #[test]
    fn known_dates() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(timestamp(1_798_761_599), "2026-12-31T23:59:59Z");
    }
}
