//! The command line of `bench peers`: which engines at which points, how often, how long.

use super::cell::{self, CELLS, Cell, Point};
use super::engine::{self, ENGINES, Engine};
use crate::shell::Result;

/// Fewer runs than this show only that things work.
pub(crate) const RUNS_TO_QUOTE: usize = 5;

/// What to measure.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) engines: Vec<&'static Engine>,
    cells: Vec<&'static Cell>,
    sizes: Vec<usize>,
    transports: Vec<String>,
    pub(crate) runs: usize,
    /// Wall time that a run is made to fill.
    pub(crate) seconds: f64,
    pub(crate) record: bool,
    pub(crate) system_calls: bool,
    /// The options as they were given.
    pub(crate) words: String,
}

impl Plan {
    /// Reads the options; what is not named is everything.
    pub(crate) fn parse(words: &[&str]) -> Result<Plan> {
        let mut plan = Plan {
            engines: ENGINES.iter().collect(),
            cells: CELLS.iter().collect(),
            sizes: Vec::new(),
            transports: Vec::new(),
            runs: RUNS_TO_QUOTE,
            seconds: 0.7,
            record: false,
            system_calls: false,
            words: words.join(" "),
        };
        let mut words = words.iter();
        while let Some(option) = words.next() {
            let mut value = || words.next().copied().ok_or_else(|| format!("{option} needs a value"));
            match *option {
                "--engines" => plan.engines = each(value()?, "engine", engine::by_name)?,
                "--cells" => plan.cells = cells(value()?)?,
                "--sizes" => plan.sizes = each(value()?, "size", |word| word.parse().ok())?,
                "--transports" => {
                    plan.transports = each(value()?, "transport", |word| {
                        ["tcp", "ipc", "inproc"].contains(&word).then(|| word.to_owned())
                    })?;
                }
                "--runs" => plan.runs = value()?.parse().map_err(|_| "--runs needs a whole number")?,
                "--quick" => plan.seconds = 0.2,
                "--record" => plan.record = true,
                "--syscalls" => plan.system_calls = true,
                other => return Err(format!("bench peers: no such option: {other}")),
            }
        }
        if plan.runs == 0 || plan.points().is_empty() {
            return Err("bench peers: nothing to measure".into());
        }
        Ok(plan)
    }

    /// Every point, in the order of the tables. A named size is measured in every cell; otherwise each has its own.
    pub(crate) fn points(&self) -> Vec<Point> {
        let mut points = Vec::new();
        for cell in &self.cells {
            let transports = cell.transports.iter();
            for transport in
                transports.filter(|t| self.transports.is_empty() || self.transports.iter().any(|w| w == *t))
            {
                let sizes = if self.sizes.is_empty() { cell.sizes } else { &self.sizes };
                points.extend(sizes.iter().map(|size| Point { cell, transport, size: *size }));
            }
        }
        points
    }
}

/// A name of the table, or `pub-sub` and `dealers` for all cells that begin with it.
fn cells(list: &str) -> Result<Vec<&'static Cell>> {
    let mut found = Vec::new();
    for word in list.split(',') {
        match cell::by_name(word) {
            Some(cell) => found.push(cell),
            None => {
                let before = found.len();
                found.extend(CELLS.iter().filter(|cell| !word.is_empty() && cell.name.starts_with(word)));
                if found.len() == before {
                    let names: Vec<_> = CELLS.iter().map(|cell| cell.name).collect();
                    return Err(format!("no such cell: {word}; there are {}", names.join(", ")));
                }
            }
        }
    }
    Ok(found)
}

fn each<T>(list: &str, what: &str, read: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    list.split(',').map(|word| read(word).ok_or_else(|| format!("no such {what}: {word}"))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Plan> {
        Plan::parse(&line.split_whitespace().collect::<Vec<_>>())
    }

    #[test]
    fn names_choose() {
        let plan =
            parse("--engines raw --cells push-pull,pub-sub --sizes 64 --transports tcp --runs 2 --quick")
                .unwrap();
        assert_eq!(plan.engines.len(), 1);
        let cells: Vec<_> = plan.points().iter().map(|point| point.cell.name).collect();
        assert_eq!(cells, ["push-pull", "pub-sub-8", "pub-sub-32"]);
        assert_eq!(plan.runs, 2);
    }

    #[test]
    fn everything_by_default() {
        let points = parse("").unwrap().points();
        assert_eq!(points.iter().filter(|point| point.cell.name == "push-pull").count(), 18);
        assert!(points.iter().any(|point| point.transport == "inproc"));
    }

    #[test]
    fn bad_words_are_named() {
        for line in
            ["--engines zmq", "--cells nope", "--sizes a", "--runs", "--runs 0", "--fast", "--transports pgm"]
        {
            assert!(parse(line).is_err(), "{line}");
        }
        assert!(parse("--cells nope").unwrap_err().contains("push-pull"));
    }
}
