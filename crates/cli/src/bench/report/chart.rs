//! Charts as SVG text: two axes, and marks placed by their values.
//!
//! A chart knows scales, ticks and shapes, and nothing of benchmarks. Colours come from the page's style sheet by class
//! (`s0`, `s1` …), so that a chart follows the page into dark mode. Numbers beyond an axis are drawn at its end. All text
//! is escaped here.

use std::fmt::Write;

/// The whole picture, in its own units; the page scales it.
const WIDTH: f64 = 480.0;
const HEIGHT: f64 = 310.0;
/// Of the area that is drawn into.
const LEFT: f64 = 56.0;
const RIGHT: f64 = 470.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 276.0;

/// One direction: what lies at its ends, and what is written beside it.
#[derive(Debug, Clone)]
pub(crate) struct Axis {
    log: bool,
    from: f64,
    to: f64,
    ticks: Vec<(f64, String)>,
}

impl Axis {
    /// Places 0, 1, 2 … with a name each, and half a place of room at both ends.
    pub(crate) fn places(names: impl IntoIterator<Item = String>) -> Axis {
        let ticks: Vec<_> = names.into_iter().enumerate().map(|(at, name)| (at as f64, name)).collect();
        Axis { log: false, from: -0.5, to: ticks.len() as f64 - 0.5, ticks }
    }

    /// From 0 to at least `to`, with round numbers beside it.
    pub(crate) fn linear(to: f64, label: impl Fn(f64) -> String) -> Axis {
        let step = round_step(to / 5.0);
        let steps = (to / step - 1e-9).ceil().max(1.0);
        let ticks = (0..=steps as usize).map(|at| at as f64 * step).map(|at| (at, label(at))).collect();
        Axis { log: false, from: 0.0, to: steps * step, ticks }
    }

    /// From 0 to exactly `to`.
    pub(crate) fn linear_to(to: f64, label: impl Fn(f64) -> String) -> Axis {
        let mut axis = Axis::linear(to, label);
        axis.to = to.max(f64::MIN_POSITIVE);
        axis.ticks.retain(|(at, _)| *at <= to);
        axis
    }

    /// Logarithmic, over whole powers of ten that hold `from` and `to`.
    pub(crate) fn decades(from: f64, to: f64, label: impl Fn(f64) -> String) -> Axis {
        let low = from.max(1e-9).log10().floor();
        let high = to.max(1e-9).log10().ceil().max(low + 1.0);
        let ticks = (low as i32..=high as i32).map(|power| 10_f64.powi(power)).map(|at| (at, label(at)));
        Axis { log: true, from: 10_f64.powf(low), to: 10_f64.powf(high), ticks: ticks.collect() }
    }

    /// Logarithmic, with the given numbers beside it.
    pub(crate) fn log(from: f64, to: f64, ticks: Vec<(f64, String)>) -> Axis {
        Axis { log: true, from, to, ticks }
    }

    /// 0 at one end, 1 at the other.
    fn place(&self, value: f64) -> f64 {
        let scale = |value: f64| if self.log { value.max(1e-12).log10() } else { value };
        let (from, to) = (scale(self.from), scale(self.to));
        let place = (scale(value) - from) / (to - from);
        if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 }
    }
}

/// A round number near `step`: 1, 2 or 5 times a power of ten.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.max(1e-9).log10().floor());
    match step / power {
        m if m <= 1.0 => power,
        m if m <= 2.0 => 2.0 * power,
        m if m <= 5.0 => 5.0 * power,
        _ => 10.0 * power,
    }
}

/// A chart that is being drawn.
#[derive(Debug)]
pub(crate) struct Chart {
    x: Axis,
    y: Axis,
    marks: String,
}

impl Chart {
    /// Axes and their lines; `unit` stands above the vertical one.
    pub(crate) fn new(x: Axis, y: Axis, unit: &str) -> Chart {
        let mut marks = String::new();
        for (at, label) in &y.ticks {
            let y = BOTTOM - y.place(*at) * (BOTTOM - TOP);
            let _ = write!(
                marks,
                r#"<line class="grid" x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}"/><text class="tick" x="{:.1}" y="{:.1}" text-anchor="end">{}</text>"#,
                LEFT - 7.0,
                y + 4.0,
                escape(label)
            );
        }
        for (at, label) in &x.ticks {
            let place = x.place(*at);
            // In the corner, the other axis has a number as well.
            let anchor = if place < 0.02 { "start" } else { "middle" };
            let _ = write!(
                marks,
                r#"<text class="tick" x="{:.1}" y="{:.1}" text-anchor="{anchor}">{}</text>"#,
                LEFT + place * (RIGHT - LEFT),
                BOTTOM + 18.0,
                escape(label)
            );
        }
        let _ = write!(
            marks,
            r#"<line class="axis" x1="{LEFT}" y1="{BOTTOM}" x2="{RIGHT}" y2="{BOTTOM}"/><text class="unit" x="4" y="14">{}</text>"#,
            escape(unit)
        );
        Chart { x, y, marks }
    }

    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (LEFT + self.x.place(x) * (RIGHT - LEFT), BOTTOM - self.y.place(y) * (BOTTOM - TOP))
    }

    /// A line through points.
    pub(crate) fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let places: Vec<String> =
            points.iter().map(|&(x, y)| self.at(x, y)).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        let _ = write!(self.marks, r#"<polyline class="line {class}" points="{}"/>"#, places.join(" "));
    }

    /// The area under a line.
    pub(crate) fn area(&mut self, class: &str, points: &[(f64, f64)]) {
        let (Some(first), Some(last)) = (points.first(), points.last()) else { return };
        let mut path = format!("M{:.1},{BOTTOM}", self.at(first.0, 0.0).0);
        for &(x, y) in points {
            let (x, y) = self.at(x, y);
            let _ = write!(path, "L{x:.1},{y:.1}");
        }
        let _ = write!(path, "L{:.1},{BOTTOM}Z", self.at(last.0, 0.0).0);
        let _ = write!(self.marks, r#"<path class="area {class}" d="{path}"/>"#);
    }

    /// A point; its shape follows `shape`, so that lines can be told apart without colour. `tip` shows under the mouse.
    pub(crate) fn point(&mut self, class: &str, shape: usize, at: (f64, f64), shift: f64, tip: &str) {
        let (x, y) = self.at(at.0, at.1);
        let path = shape_path(shape, x + shift, y, 4.5);
        let _ = write!(
            self.marks,
            r#"<path class="point {class}" d="{path}"><title>{}</title></path>"#,
            escape(tip)
        );
    }

    /// A line from `low` to `high` at `x`, moved aside by `shift`.
    pub(crate) fn whisker(&mut self, class: &str, x: f64, (low, high): (f64, f64), shift: f64) {
        let ((x, low), (_, high)) = (self.at(x, low), self.at(x, high));
        let x = x + shift;
        let _ = write!(
            self.marks,
            r#"<line class="whisker {class}" x1="{x:.1}" y1="{low:.1}" x2="{x:.1}" y2="{high:.1}"/>"#
        );
    }

    /// A bar from the bottom, `width` wide and moved aside by `shift`. A bar of nothing is still seen.
    pub(crate) fn bar(&mut self, class: &str, at: (f64, f64), (shift, width): (f64, f64), tip: &str) {
        let (x, y) = self.at(at.0, at.1);
        let top = y.min(BOTTOM - 1.5);
        let _ = write!(
            self.marks,
            r#"<rect class="bar {class}" x="{:.1}" y="{top:.1}" width="{width:.1}" height="{:.1}"><title>{}</title></rect>"#,
            x + shift - width / 2.0,
            BOTTOM - top,
            escape(tip)
        );
    }

    /// A level line.
    pub(crate) fn level(&mut self, y: f64) {
        let (_, y) = self.at(0.0, y);
        let _ =
            write!(self.marks, r#"<line class="level" x1="{LEFT}" y1="{y:.1}" x2="{RIGHT}" y2="{y:.1}"/>"#);
    }

    /// A shaded stretch from `from` to `to` with a name on top.
    pub(crate) fn band(&mut self, from: f64, to: f64, name: &str, shaded: bool) {
        let ((x, _), (end, _)) = (self.at(from, 0.0), self.at(to, 0.0));
        if shaded {
            let _ = write!(
                self.marks,
                r#"<rect class="band" x="{x:.1}" y="{TOP}" width="{:.1}" height="{:.1}"/>"#,
                (end - x).max(0.0),
                BOTTOM - TOP
            );
        }
        // A name that has no room is left out: the page says what the stretches are.
        if end - x > name.chars().count() as f64 * 6.6 {
            let _ = write!(
                self.marks,
                r#"<text class="name" x="{:.1}" y="{:.1}" text-anchor="middle">{}</text>"#,
                (x + end) / 2.0,
                TOP + 13.0,
                escape(name)
            );
        }
    }

    /// Done; `label` says in words what it shows.
    pub(crate) fn svg(self, label: &str) -> String {
        format!(
            r#"<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{}">{}</svg>"#,
            escape(label),
            self.marks
        )
    }
}

/// A closed path around a point: circle, square, diamond, triangle up, triangle down, hexagon, and round again.
pub(crate) fn shape_path(shape: usize, x: f64, y: f64, r: f64) -> String {
    let corners: &[(f64, f64)] = match shape % 6 {
        0 => {
            return format!(
                "M{:.1},{y:.1}a{r},{r} 0 1,0 {:.1},0a{r},{r} 0 1,0 -{:.1},0Z",
                x - r,
                2.0 * r,
                2.0 * r
            );
        }
        1 => &[(-0.9, -0.9), (0.9, -0.9), (0.9, 0.9), (-0.9, 0.9)],
        2 => &[(0.0, -1.25), (1.25, 0.0), (0.0, 1.25), (-1.25, 0.0)],
        3 => &[(0.0, -1.2), (1.15, 0.85), (-1.15, 0.85)],
        4 => &[(0.0, 1.2), (1.15, -0.85), (-1.15, -0.85)],
        _ => &[(-0.55, -1.0), (0.55, -1.0), (1.1, 0.0), (0.55, 1.0), (-0.55, 1.0), (-1.1, 0.0)],
    };
    let places: Vec<String> =
        corners.iter().map(|(dx, dy)| format!("{:.1},{:.1}", x + dx * r, y + dy * r)).collect();
    format!("M{}Z", places.join("L"))
}

/// Text that may stand in HTML and SVG, also within quotes.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_hold_their_values() {
        let linear = Axis::linear(2.2, |at| format!("{at}"));
        assert_eq!((linear.to, linear.ticks.len()), (2.5, 6));
        assert_eq!((linear.place(0.0), linear.place(2.5), linear.place(99.0)), (0.0, 1.0, 1.0));
        let decades = Axis::decades(3.0, 200.0, |at| format!("{at}"));
        assert_eq!((decades.from, decades.to), (1.0, 1000.0));
        assert!((decades.place(10.0) - 1.0 / 3.0).abs() < 1e-9);
        assert_eq!(Axis::linear(0.0, |at| format!("{at}")).place(f64::NAN), 0.0);
        assert_eq!(Axis::places(["a".to_owned(), "b".to_owned()]).place(0.5), 0.5);
    }

    #[test]
    fn text_is_escaped() {
        let mut chart =
            Chart::new(Axis::linear(1.0, |_| "<".into()), Axis::linear(1.0, |_| String::new()), "&");
        chart.point("s0", 0, (0.5, 0.5), 0.0, "\"tip\"");
        let svg = chart.svg("a<b");
        assert!(
            svg.contains("&lt;")
                && svg.contains("&amp;")
                && svg.contains("&quot;tip")
                && svg.contains("a&lt;b")
        );
    }
}
