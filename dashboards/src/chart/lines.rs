//! The figure of an expression: one line for each of its series over one axis of time.
//!
//! A line ends where points are missing, and begins again where there are points again. Each has a
//! colour, a pattern and a number, so that none is told by its colour alone; the number stands at
//! its right end and in the legend. More than [`MOST_LINES`] lines nobody can follow: then those
//! with the highest peaks are drawn, and the others counted.

use std::time::Duration;

use maud::{Markup, html};
use model::series::Labels;
use model::time::Time;

use super::scale::{self, Scale};
use super::time_axis::TimeAxis;
use super::{column, path, percent, stretched, value_tick};
use crate::unit::{Form, Unit};
use crate::view::explore::Line;
use crate::voice::Voice;
use crate::words;

/// More lines than these are not drawn.
pub(crate) const MOST_LINES: usize = 20;
/// Colours of the style sheet; then they begin again with another pattern.
const COLORS: usize = 8;
/// In units of the paths, from the top of the value axis to its foot.
const UNITS: i32 = 400;
/// In pixels.
const TOP: i32 = 22;
const HEIGHT: i32 = 264;
/// Numbers at the ends of lines nearer than this, in pixels, would cover each other.
const ENDS_APART: i32 = 13;
/// Where all values are nearer to each other than this share of the largest, zero is left out.
const ZERO_IS_FAR: f64 = 0.5;

/// What is drawn, and in which form its numbers are written.
#[derive(Debug)]
pub(crate) struct Drawing<'a> {
    pub(crate) axis: TimeAxis,
    pub(crate) step: Duration,
    pub(crate) form: Form,
    /// What all drawn series have in common; empty if there is one.
    pub(crate) common: Labels,
    /// The highest peak first.
    pub(crate) lines: Vec<Drawn<'a>>,
    /// Series that are not drawn.
    pub(crate) left_out: usize,
}

/// One line, and what it comes to. All figures are those of its finite points.
#[derive(Debug)]
pub(crate) struct Drawn<'a> {
    pub(crate) line: &'a Line,
    /// When and how high it was highest.
    pub(crate) highest: Option<(Time, f64)>,
    pub(crate) lowest: Option<f64>,
    pub(crate) mean: Option<f64>,
}

impl<'a> Drawing<'a> {
    pub(crate) fn new(
        from: Time,
        until: Time,
        step: Duration,
        series: &'a [Line],
        unit: Unit,
    ) -> Self {
        let mut lines: Vec<Drawn<'a>> = series.iter().map(Drawn::of).collect();
        lines.sort_by(|one, other| other.peak().total_cmp(&one.peak()));
        lines.truncate(MOST_LINES);
        let values = lines.iter().flat_map(|drawn| drawn.line.points.iter().map(|(_, v)| *v));
        let labels: Vec<&Labels> = lines.iter().map(|drawn| &drawn.line.labels).collect();
        let (form, common) = (unit.form(values), common(&labels));
        let until = until.max(from + Duration::from_secs(1));
        let axis = TimeAxis { from, until };
        Self { axis, step, form, common, left_out: series.len() - lines.len(), lines }
    }

    /// The least and the greatest of all values, as they are written.
    fn bounds(&self) -> (f64, f64) {
        let lowest = self.lines.iter().filter_map(|drawn| drawn.lowest).reduce(f64::min);
        let highest = self.lines.iter().map(Drawn::peak).filter(|peak| peak.is_finite());
        let (lowest, highest) = (lowest.unwrap_or(0.0), highest.reduce(f64::max).unwrap_or(0.0));
        (lowest / self.form.divisor, highest / self.form.divisor)
    }

    /// Zero is on the axis unless all values are far from it.
    fn ticks(&self) -> Vec<f64> {
        let (lowest, highest) = self.bounds();
        let span = highest - lowest;
        let is_far = span < ZERO_IS_FAR * lowest.abs().max(highest.abs());
        match is_far && span > 0.0 {
            true => scale::ticks_between(lowest, highest, 5),
            false => scale::ticks_between(lowest.min(0.0), highest.max(0.0), 5),
        }
    }

    /// What one point tells of the time around it; None where there is no point.
    pub(crate) fn value_at(&self, drawn: &Drawn<'_>, at: Time) -> Option<f64> {
        let half = self.step / 2;
        let points = &drawn.line.points;
        let next = points.partition_point(|(time, _)| *time + half < at);
        points.get(next).filter(|(time, _)| *time <= at + half).map(|(_, value)| *value)
    }
}

impl<'a> Drawn<'a> {
    fn of(line: &'a Line) -> Self {
        let finite = || line.points.iter().copied().filter(|(_, value)| value.is_finite());
        let values = || finite().map(|(_, value)| value);
        let count = values().count();
        // Each is divided before they are added, so that the sum of large ones stays finite.
        let mean = values().map(|value| value / count as f64).sum();
        Self {
            line,
            highest: finite().max_by(|one, other| one.1.total_cmp(&other.1)),
            lowest: values().reduce(f64::min),
            mean: (count > 0).then_some(mean),
        }
    }

    fn peak(&self) -> f64 {
        self.highest.map_or(f64::NEG_INFINITY, |(_, value)| value)
    }

    /// The newest point, finite or not.
    pub(crate) fn last(&self) -> Option<(Time, f64)> {
        self.line.points.last().copied()
    }
}

/// The labels that all have in common; none if there are not two of them.
pub(crate) fn common(all: &[&Labels]) -> Labels {
    let [first, others @ ..] = all else { return Labels::default() };
    if others.is_empty() {
        return Labels::default();
    }
    let shared = |name: &str, value: &str| others.iter().all(|labels| labels.get(name) == value);
    Labels::of(first.iter().filter(|(name, value)| shared(name, value)))
}

/// What a series has of its own.
pub(crate) fn own(labels: &Labels, common: &Labels) -> String {
    let own = labels.iter().filter(|(name, _)| common.get(name).is_empty());
    Labels::of(own).to_string()
}

/// Draws the lines over their caption; the legend is a table below.
pub(crate) fn figure(drawing: &Drawing<'_>, voice: &Voice) -> Markup {
    let caption = caption(drawing, voice);
    html! {
        figure {
            svg.chart.lines width="100%" height=(TOP + HEIGHT + 24) role="img" aria-label=(caption) {
                (time_grid(drawing, voice))
                (plot(drawing))
            }
            figcaption { (caption) }
        }
    }
}

/// The classes of the colour and pattern of a line.
pub(crate) fn class(index: usize) -> String {
    format!("s{} p{}", index % COLORS + 1, index / COLORS)
}

fn caption(drawing: &Drawing<'_>, voice: &Voice) -> String {
    let count = drawing.lines.len() + drawing.left_out;
    let (span, step) = (drawing.axis.seconds(), drawing.step.as_secs_f64());
    let (span, step) = (voice.lasting(span), voice.lasting(step));
    let story = voice.fill(words::CAPTION_LINES, &[&count.to_string(), &span, &step]);
    let highest = drawing.lines.first();
    let Some((drawn, (at, value))) = highest.and_then(|d| Some((d, d.highest?))) else {
        return story;
    };
    let (value, at) = (drawing.form.with_suffix(value), voice.clock(at));
    let name = own(&drawn.line.labels, &drawing.common);
    story + &voice.fill(words::CAPTION_HIGHEST, &[&value, &at, &name])
}

fn time_grid(drawing: &Drawing<'_>, voice: &Voice) -> Markup {
    let axis = drawing.axis;
    let ticks = axis.ticks(&voice.zone, 10);
    let places = ticks.iter().filter_map(|(at, label)| Some((percent(axis.share(*at)?), label)));
    html! {
        @for (x, label) in places {
            line x1=(x) x2=(x) y1=(TOP) y2=(TOP + HEIGHT) {}
            text.tick x=(x) y=(TOP + HEIGHT + 18) { (label) }
        }
    }
}

fn plot(drawing: &Drawing<'_>) -> Markup {
    let ticks = drawing.ticks();
    let (bottom, top) = (ticks[0], ticks[ticks.len() - 1]);
    let pixels = Scale { bottom, top, extent: HEIGHT };
    let units = Scale { extent: UNITS, ..pixels };
    html! {
        @if !drawing.form.suffix.is_empty() {
            text.title x="-6" y=(TOP - 9) { (drawing.form.suffix) }
        }
        @for tick in &ticks { (value_tick(TOP + pixels.at(*tick), &scale::label(*tick, &ticks))) }
        // The highest is drawn last, above the others.
        @for (index, drawn) in drawing.lines.iter().enumerate().rev() {
            (stretched(TOP, HEIGHT, UNITS, &class(index), &path_of(drawing, drawn, units)))
        }
        @for (index, y) in ends(drawing, pixels) {
            text.end.(format!("s{}", index % COLORS + 1)) x="100%" dx="6" y=(y + 4) { (index + 1) }
        }
    }
}

fn path_of(drawing: &Drawing<'_>, drawn: &Drawn<'_>, units: Scale) -> String {
    let longest = drawing.step + drawing.step / 2;
    let mut last = None;
    let mut points = Vec::new();
    for (at, value) in &drawn.line.points {
        let Some(share) = drawing.axis.share(*at) else { continue };
        if last.is_some_and(|last| at.since(last) > longest) {
            points.push((column(share), None));
        }
        let height = value.is_finite().then(|| units.at(value / drawing.form.divisor));
        points.push((column(share), height));
        last = Some(*at);
    }
    path::line(points.into_iter())
}

/// Where the numbers of the lines stand, each as near to the end of its line as there is room.
fn ends(drawing: &Drawing<'_>, pixels: Scale) -> Vec<(usize, i32)> {
    let last = |drawn: &Drawn<'_>| drawn.last().filter(|(_, value)| value.is_finite());
    let lines = drawing.lines.iter().enumerate();
    let mut ends: Vec<(usize, i32)> = lines
        .filter_map(|(index, drawn)| {
            Some((index, TOP + pixels.at(last(drawn)?.1 / drawing.form.divisor)))
        })
        .collect();
    ends.sort_by_key(|(index, y)| (*y, *index));
    let mut free = TOP;
    for (_, y) in &mut ends {
        *y = (*y).max(free);
        free = *y + ENDS_APART;
    }
    let mut floor = TOP + HEIGHT;
    for (_, y) in ends.iter_mut().rev() {
        *y = (*y).min(floor);
        floor = *y - ENDS_APART;
    }
    ends
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::lang::Lang;

    use super::*;

    const FROM: Time = Time::from_millis(1_772_445_600_000);
    const STEP: Duration = Duration::from_secs(10);

    fn after(seconds: u64) -> Time {
        FROM + Duration::from_secs(seconds)
    }

    fn line(vm: &str, points: &[(u64, f64)]) -> Line {
        let labels = Labels::of([("__name__", "load"), ("vm", vm)]);
        Line { labels, points: points.iter().map(|(at, value)| (after(*at), *value)).collect() }
    }

    fn check(series: &[Line], unit: Unit, of: &[&str], expected: &Expect) {
        let drawing = Drawing::new(FROM, after(100), STEP, series, unit);
        let svg = figure(&drawing, &Voice::new(Lang::En, "UTC", after(100))).into_string();
        let lines = svg.replace("><", ">\n<");
        let lines = lines.lines().filter(|line| of.iter().any(|word| line.contains(word)));
        expected.assert_eq(&lines.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_line_breaks_where_points_are_missing() {
        let series = [
            line("a", &[(0, 1.0), (10, 2.0), (40, 2.0), (50, f64::NAN), (60, 4.0), (100, 3.0)]),
            line("b", &[(0, 0.5), (10, 0.5), (20, f64::INFINITY)]),
        ];
        check(
            &series,
            Unit::Number,
            &["<path", "<figcaption", "class=\"end", "class=\"value"],
            &expect![[r#"
                <text class="value" x="-6" y="290">0</text>
                <text class="value" x="-6" y="224">1</text>
                <text class="value" x="-6" y="158">2</text>
                <text class="value" x="-6" y="92">3</text>
                <text class="value" x="-6" y="26">4</text>
                <path class="s2 p0" d="M0 350l40 0">
                <path class="s1 p0" d="M0 300l40-100M160 200h0M240 0h0M400 100h0">
                <text class="end s1" x="100%" dx="6" y="92">1</text>
                <figcaption>2 series over 1 min 40 s, a point each 10 s; highest 4.00 at 10:01:00: {vm=&quot;a&quot;}</figcaption>"#]],
        );
    }

    #[test]
    fn values_far_from_zero_and_below_it_have_an_axis_that_fits() {
        let far = [line("a", &[(50, 16.2e9), (60, 17.1e9)])];
        check(
            &far,
            Unit::Bytes,
            &["class=\"value", "class=\"title", "<path"],
            &expect![[r#"
            <text class="title" x="-6" y="13">GiB</text>
            <text class="value" x="-6" y="290">15.0</text>
            <text class="value" x="-6" y="237">15.2</text>
            <text class="value" x="-6" y="184">15.4</text>
            <text class="value" x="-6" y="132">15.6</text>
            <text class="value" x="-6" y="79">15.8</text>
            <text class="value" x="-6" y="26">16.0</text>
            <path class="s1 p0" d="M200 365l40-335">"#]],
        );
        let below = [line("a", &[(50, -5.0), (60, 3.0)])];
        check(
            &below,
            Unit::Number,
            &["class=\"value", "<path"],
            &expect![[r#"
            <text class="value" x="-6" y="290">-6</text>
            <text class="value" x="-6" y="237">-4</text>
            <text class="value" x="-6" y="184">-2</text>
            <text class="value" x="-6" y="132">0</text>
            <text class="value" x="-6" y="79">2</text>
            <text class="value" x="-6" y="26">4</text>
            <path class="s1 p0" d="M200 360l40-320">"#]],
        );
        let flat = [line("a", &[(50, 5.0), (60, 5.0)])];
        check(
            &flat,
            Unit::Number,
            &["class=\"value", "<path"],
            &expect![[r#"
            <text class="value" x="-6" y="290">0</text>
            <text class="value" x="-6" y="237">1</text>
            <text class="value" x="-6" y="184">2</text>
            <text class="value" x="-6" y="132">3</text>
            <text class="value" x="-6" y="79">4</text>
            <text class="value" x="-6" y="26">5</text>
            <path class="s1 p0" d="M200 0l40 0">"#]],
        );
    }

    #[test]
    fn only_the_highest_are_drawn_and_their_numbers_do_not_cover_each_other() {
        let series: Vec<Line> =
            (0..30).map(|vm| line(&format!("vm-{vm}"), &[(0, f64::from(vm))])).collect();
        let drawing = Drawing::new(FROM, after(100), STEP, &series, Unit::Number);
        assert_eq!((drawing.lines.len(), drawing.left_out), (20, 10));
        assert_eq!(drawing.lines[0].line.labels.get("vm"), "vm-29");
        let ends = ends(&drawing, Scale { bottom: 0.0, top: 1e9, extent: HEIGHT });
        assert!(ends.windows(2).all(|pair| pair[1].1 - pair[0].1 >= ENDS_APART), "{ends:?}");
        assert!(ends.iter().all(|(_, y)| (TOP..=TOP + HEIGHT).contains(y)), "{ends:?}");
    }

    #[test]
    fn a_series_of_nothing_and_numbers_beyond_all_bounds_are_drawn() {
        let odd = [
            line("a", &[]),
            line("b", &[(0, f64::NAN)]),
            line("c", &[(0, f64::MAX), (10, f64::MIN), (20, 5e-324)]),
        ];
        for unit in [Unit::Number, Unit::Share, Unit::Bytes, Unit::Seconds] {
            let drawing = Drawing::new(FROM, FROM, Duration::ZERO, &odd, unit);
            figure(&drawing, &Voice::new(Lang::En, "UTC", FROM));
        }
        assert_eq!(Drawn::of(&odd[1]).mean, None);
        assert!(Drawn::of(&odd[2]).mean.unwrap().is_finite());
    }

    #[test]
    fn what_all_series_have_in_common_is_told_apart() {
        let series = [line("a", &[]), line("b", &[])];
        let common = common(&[&series[0].labels, &series[1].labels]);
        assert_eq!(common.to_string(), "load");
        assert_eq!(own(&series[0].labels, &common), r#"{vm="a"}"#);
        let alone = super::common(&[&series[0].labels]);
        assert_eq!(own(&series[0].labels, &alone), r#"load{vm="a"}"#);
    }
}
