//! The report's pictures: what was measured, as charts.

use std::fmt::Write;

use super::chart::{self, Axis, Chart, escape};
use super::seed;
use crate::bench::copy;
use crate::bench::memory::strategy::Strategy;
use crate::bench::record::Record;
use crate::bench::resident::Sample;
use crate::bench::units;

/// A picture and its words.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) title: &'static str,
    pub(crate) text: String,
    /// HTML.
    pub(crate) legend: String,
    pub(crate) svg: String,
}

/// A strategy's place in tables, which is its colour and shape too.
fn place(strategy: &str) -> usize {
    Strategy::ALL.iter().position(|known| known.name() == strategy).unwrap_or(0)
}

fn class(strategy: &str) -> String {
    format!("s{}", place(strategy))
}

fn key(class: &str, shape: usize, name: &str) -> String {
    format!(
        r#"<span class="key"><svg viewBox="0 0 14 14" aria-hidden="true"><path class="point {class}" d="{}"/></svg>{}</span>"#,
        chart::shape_path(shape, 7.0, 7.0, 5.0),
        escape(name)
    )
}

fn legend<'a>(strategies: impl IntoIterator<Item = &'a str>) -> String {
    strategies.into_iter().map(|name| key(&class(name), place(name), name)).collect()
}

fn names() -> impl Iterator<Item = &'static str> {
    Strategy::ALL.iter().map(|strategy| strategy.name())
}

fn sizes(records: &[Record]) -> Vec<usize> {
    let mut sizes: Vec<usize> = records.iter().map(|record| record.size).collect();
    sizes.dedup();
    sizes
}

/// A size where there is little room.
fn short(size: usize) -> String {
    units::size(size).replace(" KiB", "K").replace(" MiB", "M").replace(" B", "")
}

fn most(values: impl IntoIterator<Item = f64>) -> f64 {
    values.into_iter().fold(0.0, f64::max)
}

/// A record's place among the sizes, and how far its strategy is moved aside from there (`step` each).
fn spot(record: &Record, sizes: &[usize], step: f64) -> (f64, f64) {
    let at = sizes.iter().position(|&size| size == record.size).unwrap_or(0);
    let middle = (Strategy::ALL.len() as f64 - 1.0) / 2.0;
    (at as f64, (place(record.strategy) as f64 - middle) * step)
}

/// Room for one size on the horizontal axis, shared by six strategies and a gap.
fn step(sizes: &[usize]) -> f64 {
    (400.0 / sizes.len().max(1) as f64 / 7.5).min(14.0)
}

/// The same as a number on the horizontal axis.
fn aside(record: &Record, sizes: &[usize]) -> f64 {
    let (at, shift) = spot(record, sizes, step(sizes));
    at + shift * sizes.len() as f64 / 414.0
}

/// Time of a message by size.
pub(crate) fn time(records: &[Record]) -> Figure {
    let sizes = sizes(records);
    let us = |record: &Record| record.ns_each() / 1e3;
    let least = records.iter().map(us).fold(f64::INFINITY, f64::min);
    let axis = Axis::decades(least, most(records.iter().map(us)), |at| format!("{at}"));
    let mut chart = Chart::new(Axis::places(sizes.iter().map(|&size| short(size))), axis, "µs per message");
    for name in names() {
        let of_one: Vec<&Record> = records.iter().filter(|record| record.strategy == name).collect();
        let points: Vec<(f64, f64)> = of_one.iter().map(|r| (aside(r, &sizes), us(r))).collect();
        chart.line(&class(name), &points);
        for (record, point) in of_one.iter().zip(points) {
            let tip = format!("{name}, {}: {}", units::size(record.size), units::ns(record.ns_each()));
            chart.point(&class(name), place(name), point, 0.0, &tip);
        }
    }
    Figure {
        title: "Time by size",
        text: "Median time of a message from the first send to the last receive, divided by their number."
            .to_owned(),
        legend: legend(names()),
        svg: chart.svg("Time per message by body size, one line per strategy"),
    }
}

/// Time relative to the byte array, with the seed's beside.
pub(crate) fn ratio(records: &[Record]) -> Figure {
    let sizes = sizes(records);
    let base_ms = |record: &Record| record.median_ms / record.ratio_to_baseline;
    let seeds = records.iter().filter_map(|record| seed::ratio(record.strategy, record.size));
    let ours = records.iter().map(|record| record.upper_quartile_ms / base_ms(record));
    // A few wild runs on a busy machine must not flatten the rest.
    let top = most(seeds.chain(ours)).clamp(1.5, 3.0);
    let axis = Axis::linear(top, |at| format!("{at:.1}"));
    let mut chart = Chart::new(Axis::places(sizes.iter().map(|&size| short(size))), axis, "× ByteArray");
    chart.level(1.0);
    for record in records {
        let (at, shift) = spot(record, &sizes, step(&sizes));
        let class = class(record.strategy);
        if let Some(seed) = seed::ratio(record.strategy, record.size) {
            let tip = format!("the seed's {}, {}: {seed:.2}", record.strategy, units::size(record.size));
            chart.point(&format!("hollow {class}"), place(record.strategy), (at, seed), shift, &tip);
        }
        let base = base_ms(record);
        chart.whisker(&class, at, (record.lower_quartile_ms / base, record.upper_quartile_ms / base), shift);
        let tip =
            format!("{}, {}: {:.2}", record.strategy, units::size(record.size), record.ratio_to_baseline);
        chart.point(&class, place(record.strategy), (at, record.ratio_to_baseline), shift, &tip);
    }
    Figure {
        title: "Ratio to ByteArray",
        text: "Below the line is faster than the plain byte array. Lines through the points span the middle half of the \
               runs. Hollow: what the seed measured in C# over libzmq."
            .to_owned(),
        legend: legend(names()),
        svg: chart.svg("Time relative to ByteArray by body size, with the seed's ratios"),
    }
}

fn bars(
    records: &[Record],
    axis: Axis,
    unit: &str,
    label: &str,
    value: impl Fn(&Record) -> Option<(f64, String)>,
) -> String {
    let sizes = sizes(records);
    let mut chart = Chart::new(Axis::places(sizes.iter().map(|&size| short(size))), axis, unit);
    let step = step(&sizes);
    for record in records {
        let Some((value, shown)) = value(record) else { continue };
        let (at, shift) = spot(record, &sizes, step);
        let tip = format!("{}, {}: {shown}", record.strategy, units::size(record.size));
        chart.bar(&class(record.strategy), (at, value), (shift, step * 0.86), &tip);
    }
    chart.svg(label)
}

/// Heap allocations of a message, both sides.
pub(crate) fn allocations(records: &[Record]) -> Figure {
    let top = most(records.iter().filter_map(|record| record.allocations_per_message)).max(1.0);
    Figure {
        title: "Heap allocations per message",
        text: "Of the whole process, sending and receiving; counted in a run of its own. Where no bar rises, memory is \
               used again."
            .to_owned(),
        legend: legend(names()),
        svg: bars(
            records,
            Axis::linear(top, |at| format!("{at:.1}")),
            "allocations",
            "Heap allocations per message by size and strategy",
            |record| record.allocations_per_message.map(|mean| (mean, units::mean(mean))),
        ),
    }
}

/// How often the pool had what was asked for.
pub(crate) fn hit_rate(records: &[Record]) -> Figure {
    Figure {
        title: "Pool hit rate",
        text: "Part of the rents that the shared pool served from its cache, receiving included. No bar: nothing was \
               rented."
            .to_owned(),
        legend: legend(names()),
        svg: bars(
            records,
            Axis::linear_to(100.0, |at| format!("{at:.0}")),
            "% of rents",
            "Pool hit rate by size and strategy",
            |record| record.pool_hit_rate.map(|rate| (rate * 100.0, units::percent(rate))),
        ),
    }
}

/// Resident memory; `starts` says when which size began, the last entry when all were done.
pub(crate) fn resident(samples: &[Sample], starts: &[(f64, String)]) -> Figure {
    const MIB: f64 = (1 << 20) as f64;
    let points: Vec<(f64, f64)> = samples.iter().map(|(at, bytes)| (*at, bytes / MIB)).collect();
    let end = points.last().map_or(1.0, |point| point.0);
    let axis = Axis::linear(most(points.iter().map(|point| point.1)).max(1.0), |at| format!("{at:.0}"));
    let mut chart = Chart::new(Axis::linear_to(end, |at| format!("{at} s")), axis, "MiB resident");
    for (at, (start, name)) in starts.iter().enumerate() {
        let next = starts.get(at + 1).map_or(end, |next| next.0);
        chart.band(*start, next, name, at % 2 == 0);
    }
    chart.area("s1", &points);
    chart.line("s1", &points);
    let text = match (points.first(), points.last()) {
        (Some(first), Some(last)) => format!(
            "{:.0} MiB before, at most {:.0}, {:.0} at the end. Without high-water marks, what the receiver has not taken \
             waits in memory.",
            first.1,
            most(points.iter().map(|point| point.1)),
            last.1
        ),
        _ => "This system does not tell.".to_owned(),
    };
    Figure {
        title: "Resident memory over time",
        text,
        legend: String::new(),
        svg: chart.svg("Resident memory over time"),
    }
}

/// How many times faster than the same strategy over libzmq in the same rounds.
pub(crate) fn libzmq(records: &[Record]) -> Figure {
    let sizes = sizes(records);
    let faster = |record: &Record| record.ratio_to_libzmq.map(|ratio| 1.0 / ratio);
    let top = most(records.iter().filter_map(faster)).max(1.5);
    let axis = Axis::linear(top, |at| format!("{at}"));
    let mut chart = Chart::new(Axis::places(sizes.iter().map(|&size| short(size))), axis, "times as fast");
    chart.level(1.0);
    for (record, faster) in records.iter().filter_map(|record| Some((record, faster(record)?))) {
        let (at, shift) = spot(record, &sizes, step(&sizes));
        let tip = format!("{}, {}: {faster:.2} times libzmq", record.strategy, units::size(record.size));
        chart.point(&class(record.strategy), place(record.strategy), (at, faster), shift, &tip);
    }
    Figure {
        title: "Against libzmq",
        text: "How many times as fast as the same strategy over libzmq, measured in the same rounds. Above the line is \
               faster."
            .to_owned(),
        legend: legend(names()),
        svg: chart.svg("Speed relative to libzmq by size and strategy"),
    }
}

/// Copying against handing over.
pub(crate) fn crossing(records: &[Record]) -> Figure {
    let sizes = sizes(records);
    let (from, to) =
        (sizes.first().copied().unwrap_or(1) as f64, sizes.last().copied().unwrap_or(2).max(2) as f64);
    let every_second = sizes.iter().enumerate().filter(|(at, _)| sizes.len() < 7 || at % 2 == 0);
    let ticks = every_second.map(|(_, &size)| (size as f64, short(size))).collect();
    let ns: Vec<f64> = records.iter().map(Record::ns_each).collect();
    let axis = Axis::decades(ns.iter().copied().fold(f64::INFINITY, f64::min), most(ns), |at| match at {
        at if at >= 1e6 => format!("{} ms", at / 1e6),
        at if at >= 1e3 => format!("{} µs", at / 1e3),
        at => format!("{at} ns"),
    });
    let mut chart = Chart::new(Axis::log(from, to, ticks), axis, "each");
    let mut legend = String::new();
    for (at, name) in copy::NAMES.iter().enumerate() {
        let is_copy = copy::COPIES.contains(name);
        let class = format!("{}c{at}", if is_copy { "strong " } else { "" });
        let of_one: Vec<&Record> = records.iter().filter(|record| record.strategy == *name).collect();
        let points: Vec<(f64, f64)> = of_one.iter().map(|r| (r.size as f64, r.ns_each())).collect();
        chart.line(&class, &points);
        for (record, point) in of_one.iter().zip(points) {
            let tip = format!("{name}, {}: {}", units::size(record.size), units::ns(record.ns_each()));
            chart.point(&class, at, point, 0.0, &tip);
        }
        let _ = write!(legend, "{}", key(&class, at, name));
    }
    let example = copy::crossing(records, "CopyCached", "FromOwner").map_or_else(String::new, |at| {
        format!(" Lending memory (FromOwner) pays from {at} on, if it is cached.")
    });
    Figure {
        title: "Copying against handing over",
        text: format!("Rising lines copy the body, level ones hand it over.{example}"),
        legend,
        svg: chart.svg("Cost of copying and of handing over by body size"),
    }
}
