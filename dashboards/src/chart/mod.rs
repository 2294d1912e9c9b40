//! The figure of a module: load over the band between its thresholds, the count of VMs below it,
//! decisions on the axis, all over one axis of time.
//!
//! It is SVG made on the server: it needs no script, speaks in the style sheet's colours and so
//! serves light and dark alike. Places along the time axis are percentages and only the paths are
//! stretched, so one figure fits a phone and a desk while its letters keep their size. The numbers
//! of the value axis hang out to the left, those of the thresholds to the right; the style sheet
//! leaves the margins for them.
//!
//! Invariant: the figure stays below 16 kB, however many points it is given.

pub(crate) mod budget;
pub(crate) mod lanes;
pub(crate) mod lines;
mod path;
mod scale;
mod time_axis;

use maud::{Markup, html};
use model::time::Time;

use crate::view::ModuleView;
use crate::voice::{self, Voice};
use crate::words;
use scale::Scale;
use time_axis::TimeAxis;

/// Along the time axis; more points than this share columns.
const COLUMNS: f64 = 400.0;
/// The rings of decisions that kept the count stand in so many places at most.
const RINGS: f64 = 50.0;
const LOAD_UNITS: i32 = 200;
const COUNT_UNITS: i32 = 100;
/// Marks nearer to each other than this share of the width would cover each other on a phone.
const MARK_APART: f64 = 0.06;
/// The same for a mark that names a range, `3–12`.
const RANGE_APART: f64 = 0.12;
/// What a series that is one moment long is drawn over.
const SHORTEST_MS: i64 = 10_000;

/// How large a figure is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Size {
    /// One of many on a page.
    Small,
    /// Alone on its page.
    Large,
}

/// Where the parts of a figure lie, in pixels from the top.
#[derive(Clone, Copy, Debug)]
struct Layout {
    load_top: i32,
    load_height: i32,
    count_top: i32,
    count_height: i32,
    time_ticks: u32,
}

/// Decisions too near to each other for a mark of their own, by their numbers.
#[derive(Clone, Copy, Debug)]
struct Cluster {
    share: f64,
    first: usize,
    last: usize,
}

/// Draws a module's series; None if nothing was measured yet.
pub(crate) fn figure(module: &ModuleView, voice: &Voice, size: Size) -> Option<Markup> {
    let axis = axis(module, voice.now)?;
    let caption = caption(module, axis, voice);
    let layout = Layout::of(size);
    Some(html! {
        figure {
            svg.chart.large[size == Size::Large] width="100%" height=(layout.height()) role="img"
                aria-label=(caption) {
                (time_grid(axis, voice, layout))
                (load_panel(module, axis, voice, layout))
                (count_panel(module, axis, voice, layout))
                (held(module, axis, layout))
                (marks(module, axis, layout))
            }
            figcaption { (caption) }
        }
    })
}

impl Layout {
    fn of(size: Size) -> Self {
        let (load_height, count_height, time_ticks) = match size {
            Size::Small => (104, 36, 6),
            Size::Large => (220, 64, 10),
        };
        let load_top = 20;
        let count_top = load_top + load_height + 24;
        Self { load_top, load_height, count_top, count_height, time_ticks }
    }

    fn floor(self) -> i32 {
        self.count_top + self.count_height
    }

    /// Where the decisions stand.
    fn marks(self) -> i32 {
        self.floor() + 14
    }

    fn height(self) -> i32 {
        self.floor() + 46
    }
}

/// From the first point of any series to now.
fn axis(module: &ModuleView, now: Time) -> Option<TimeAxis> {
    let loads = module.load_series.iter().map(|(at, _)| *at);
    let moments = || loads.clone().chain(module.count_series.iter().map(|(at, _)| *at));
    let until = moments().max()?.max(now);
    let latest_start = Time::from_millis(until.millis() - SHORTEST_MS);
    Some(TimeAxis { from: moments().min()?.min(latest_start), until })
}

/// What the figure says, for those who cannot see it, and what its band means.
fn caption(module: &ModuleView, axis: TimeAxis, voice: &Voice) -> String {
    let (name, span) = (module.id.short(), voice.lasting(axis.seconds()));
    let vms = voice.vms(module.serving as usize);
    let story = match highest(module) {
        None => voice.fill(words::CAPTION_BLIND, &[name, &span, &vms]),
        Some((at, load)) => {
            let (max, now) = (voice::load(Some(load)), voice::load(module.load));
            voice.fill(words::CAPTION, &[name, &span, &max, &voice.clock(at), &now, &vms])
        }
    };
    let Some((below, above)) = module.thresholds else { return story };
    let (below, above) = (voice::load(Some(below)), voice::load(Some(above)));
    story + voice.lang.pick("; ", "；") + &voice.fill(words::SCALES, &[&below, &above])
}

fn highest(module: &ModuleView) -> Option<(Time, f64)> {
    let loads = module.load_series.iter().filter_map(|(at, load)| Some((*at, (*load)?)));
    loads.filter(|(_, load)| load.is_finite()).max_by(|one, other| one.1.total_cmp(&other.1))
}

fn time_grid(axis: TimeAxis, voice: &Voice, layout: Layout) -> Markup {
    let ticks = axis.ticks(&voice.zone, layout.time_ticks);
    let places = ticks.iter().filter_map(|(at, label)| Some((percent(axis.share(*at)?), label)));
    html! {
        @for (x, label) in places {
            line x1=(x) x2=(x) y1=(layout.load_top) y2=(layout.floor()) {}
            text.tick x=(x) y=(layout.height() - 6) { (label) }
        }
        line.axis x2="100%" y1=(layout.marks()) y2=(layout.marks()) {}
    }
}

fn load_panel(module: &ModuleView, axis: TimeAxis, voice: &Voice, layout: Layout) -> Markup {
    let above = module.thresholds.map_or(0.0, |(_, above)| above * 1.15);
    let ticks = scale::ticks(highest(module).map_or(0.0, |(_, load)| load).max(above), 4);
    let top = ticks.last().copied().unwrap_or(1.0);
    let pixels = Scale { bottom: 0.0, top, extent: layout.load_height };
    html! {
        text.title y=(layout.load_top - 8) { (voice.say(words::AXIS_LOAD)) }
        @if let Some((below, above)) = module.thresholds { (band(pixels, below, above, layout)) }
        @for tick in &ticks {
            (value_tick(layout.load_top + pixels.at(*tick), &scale::label(*tick, &ticks)))
        }
        (load_line(module, axis, top, layout))
        @if let Some((below, above)) = module.thresholds {
            (threshold(layout.load_top + pixels.at(above), above))
            (threshold(layout.load_top + pixels.at(below), below))
        }
    }
}

fn load_line(module: &ModuleView, axis: TimeAxis, top: f64, layout: Layout) -> Markup {
    let units = Scale { bottom: 0.0, top, extent: LOAD_UNITS };
    let points = module.load_series.iter().filter_map(|(at, load)| {
        let load = load.filter(|load| load.is_finite());
        Some((column(axis.share(*at)?), load.map(|load| units.at(load))))
    });
    stretched(layout.load_top, layout.load_height, LOAD_UNITS, "load", &path::line(points))
}

fn count_panel(module: &ModuleView, axis: TimeAxis, voice: &Voice, layout: Layout) -> Markup {
    let highest = module.count_series.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let ticks = scale::ticks(f64::from(highest.max(1)), 1);
    let top = ticks.last().copied().unwrap_or(1.0);
    let units = Scale { bottom: 0.0, top, extent: COUNT_UNITS };
    let points = module
        .count_series
        .iter()
        .filter_map(|(at, count)| Some((column(axis.share(*at)?), units.at(f64::from(*count)))));
    let area = path::steps(points, COUNT_UNITS);
    html! {
        text.title y=(layout.count_top - 8) { (voice.say(words::AXIS_COUNT)) }
        (stretched(layout.count_top, layout.count_height, COUNT_UNITS, "steps", &area))
        (value_tick(layout.count_top, &scale::label(top, &ticks)))
        (value_tick(layout.floor(), "0"))
    }
}

/// What lies between the thresholds is as it should be.
fn band(pixels: Scale, below: f64, above: f64, layout: Layout) -> Markup {
    let (high, low) = (pixels.at(above), pixels.at(below));
    html! {
        rect.band width="100%" y=(layout.load_top + high) height=((low - high).max(0)) {}
        @for y in [high, low] {
            line.edge x2="100%" y1=(layout.load_top + y) y2=(layout.load_top + y) {}
        }
    }
}

/// Its number, in the right margin: that of the scale hangs out to the left.
fn threshold(y: i32, at: f64) -> Markup {
    html! { text.edge x="100%" dx="6" y=(y + 4) { (voice::load(Some(at))) } }
}

fn value_tick(y: i32, label: &str) -> Markup {
    html! {
        line x2="100%" y1=(y) y2=(y) {}
        text.value x="-6" y=(y + 4) { (label) }
    }
}

/// A path in units of its own, stretched over the width.
fn stretched(top: i32, height: i32, units: i32, class: &str, path: &str) -> Markup {
    let view_box = format!("0 0 {COLUMNS} {units}");
    html! {
        svg y=(top) width="100%" height=(height) viewBox=(view_box) preserveAspectRatio="none" {
            path class=(class) d=(path) {}
        }
    }
}

/// The decisions that kept the count: small rings, since there are many and they tell little.
fn held(module: &ModuleView, axis: TimeAxis, layout: Layout) -> Markup {
    let moments = module.decisions.iter().filter(|decision| decision.held);
    let shares = moments.filter_map(|decision| axis.share(decision.at));
    let mut places: Vec<String> =
        shares.map(|share| percent((share * RINGS).round() / RINGS)).collect();
    places.dedup();
    html! {
        @for x in places { circle.held cx=(x) cy=(layout.marks()) r="3" {} }
    }
}

/// The decisions that changed the count: a line through both panels, and their number.
fn marks(module: &ModuleView, axis: TimeAxis, layout: Layout) -> Markup {
    html! {
        @for cluster in clusters(module, axis) {
            @let (x, label) = (percent(cluster.share), cluster.label());
            @let width = 10 + 7 * label.chars().count();
            @let left = format!("-{}", width as f64 / 2.0);
            line.mark x1=(x) x2=(x) y1=(layout.load_top) y2=(layout.marks()) {}
            svg x=(x) y=(layout.marks()) {
                rect.mark x=(left) y="-8.5" width=(width) height="17" rx="8.5" {}
                text.mark y="4" { (label) }
            }
        }
    }
}

fn clusters(module: &ModuleView, axis: TimeAxis) -> Vec<Cluster> {
    let mut clusters: Vec<Cluster> = Vec::new();
    for (number, decision) in module.numbered() {
        let (Some(number), Some(share)) = (number, axis.share(decision.at)) else { continue };
        match clusters.last_mut().filter(|last| share - last.share < last.width()) {
            Some(last) => last.last = number,
            None => clusters.push(Cluster { share, first: number, last: number }),
        }
    }
    clusters
}

impl Cluster {
    fn width(self) -> f64 {
        if self.first == self.last { MARK_APART } else { RANGE_APART }
    }

    fn label(self) -> String {
        let Self { first, last, .. } = self;
        if first == last { first.to_string() } else { format!("{first}–{last}") }
    }
}

fn column(share: f64) -> i32 {
    (share * COLUMNS).round() as i32
}

fn percent(share: f64) -> String {
    format!("{:.1}%", share * 100.0)
}

#[cfg(test)]
mod tests;
