//! One benchmark from its first line to its JSON file: all sizes in turn, a table as soon as a size is done.

use super::machine::Machine;
use super::progress::Progress;
use super::record::{self, Record};
use super::rounds::{self, Tally};
use super::table::Table;
use super::units;
use crate::Result;
use crate::args::Common;
use crate::output::{self, Style};

/// What is compared: whose code, what it does, and which of the same engine's it is compared with.
#[derive(Debug, Copy, Clone, PartialEq, Eq)]
pub(crate) struct Contender {
    pub(crate) engine: &'static str,
    pub(crate) name: &'static str,
    pub(crate) baseline: &'static str,
}

impl Contender {
    /// Of this library.
    pub(crate) const fn ours(name: &'static str, baseline: &'static str) -> Contender {
        Contender { engine: OURS, name, baseline }
    }
}

/// This library, as in the JSON.
pub(crate) const OURS: &str = "netzmq";

/// A benchmark that is about to run.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    /// As in the JSON.
    pub(crate) bench: &'static str,
    /// One line that says what is measured.
    pub(crate) title: &'a str,
    pub(crate) sizes: Vec<usize>,
    pub(crate) contenders: Vec<Contender>,
    pub(crate) common: &'a Common,
}

impl Session<'_> {
    /// Measures every size: `messages` says how many a run has, `measure` makes all runs of a size, `tables` shows them
    /// (no tables where they come later).
    pub(crate) fn run(
        &self,
        messages: impl Fn(usize) -> u64,
        mut measure: impl FnMut(usize, u64, &Progress) -> Result<Vec<Tally>>,
        tables: impl Fn(usize, &[Record]) -> Vec<Table>,
    ) -> Result<Vec<Record>> {
        if let Some(path) = &self.common.json {
            record::check_json(path)?;
        }
        let style = Style::detect();
        let rounds = self.common.rounds();
        let machine = Machine::here();
        let mut about = format!("{}\nmedians of {rounds} rounds", machine.line());
        if let Some(busy) = machine.busy() {
            about += &format!("; {busy}");
        }
        output::print(&format!("{}\n{}\n\n", style.bold(self.title), style.dim(&about)))?;
        let progress = Progress::new(rounds::runs(self.contenders.len(), rounds) * self.sizes.len() as u64);
        let mut records = Vec::new();
        for &size in &self.sizes {
            let messages = messages(size);
            progress.section(&format!(
                "{}: {}, {} a run",
                self.bench,
                units::size(size),
                units::grouped(messages)
            ));
            let tallies = measure(size, messages, &progress)?;
            let measured = self.records(size, messages, &tallies);
            for table in tables(size, &measured) {
                progress.aside(|| output::print(&format!("{}\n", table.text(style))))?;
            }
            records.extend(measured);
        }
        Ok(records)
    }

    /// Writes the JSON file, if one was asked for.
    pub(crate) fn save(&self, records: &[Record]) -> Result<()> {
        self.common.json.as_ref().map_or(Ok(()), |path| record::write_json(path, records))
    }

    fn records(&self, size: usize, messages: u64, tallies: &[Tally]) -> Vec<Record> {
        let contenders = self.contenders.iter().zip(tallies);
        let records = contenders
            .filter_map(|(contender, tally)| Record::new(self.bench, *contender, size, messages, tally));
        record::compared(records.collect())
    }
}
