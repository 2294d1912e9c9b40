//! The chart of a module: load against its thresholds, decisions, and the count, on one time axis.
//!
//! The reader must see why the count changed without a click, so all three share the axis. It is
//! drawn on the server as SVG: no script is needed, colours come from the page's style, and a
//! series of any length is cut down to the lowest and highest value of each pixel column, so that
//! a peak is never lost and the picture stays small. What was not measured is a gap.

use std::fmt::Write as _;
use std::time::Duration;

use maud::{Markup, html};
use model::time::Time;

use crate::view::ModuleView;
use crate::when::Zone;

const LEFT: f64 = 38.0;
const RIGHT: f64 = 8.0;
const LOAD_TOP: f64 = 8.0;
const LOAD_HEIGHT: f64 = 140.0;
const MARKS_HEIGHT: f64 = 26.0;
const COUNT_HEIGHT: f64 = 56.0;
const AXIS_HEIGHT: f64 = 20.0;
const HEIGHT: f64 = LOAD_TOP + LOAD_HEIGHT + MARKS_HEIGHT + COUNT_HEIGHT + AXIS_HEIGHT;
/// A younger series is drawn as if it were this long, so that it does not begin as one point.
const SHORTEST: Duration = Duration::from_secs(120);

/// Turns times and values into places.
struct Scale {
    from: i64,
    until: i64,
    width: f64,
}

impl Scale {
    fn x(&self, at: Time) -> f64 {
        let share = (at.millis() - self.from) as f64 / (self.until - self.from).max(1) as f64;
        LEFT + share.clamp(0.0, 1.0) * (self.width - LEFT - RIGHT)
    }
}

/// A height for a value, with zero at the bottom.
fn y(value: f64, top: f64, height: f64, highest: f64) -> f64 {
    top + height * (1.0 - (value / highest).clamp(0.0, 1.0))
}

/// Draws a module. `width` is in pixels; `class` tells the style for which screens it is.
pub(crate) fn chart(
    module: &ModuleView,
    now: Time,
    zone: &Zone,
    width: f64,
    class: &str,
) -> Markup {
    let first = module.load_series.first().map_or(now, |(at, _)| *at).min(now - SHORTEST);
    let scale = Scale { from: first.millis(), until: now.millis(), width };
    let above = module.thresholds.map_or(1.0, |(_, above)| above);
    let peak = module.load_series.iter().filter_map(|(_, load)| *load).fold(0.0, f64::max);
    let highest = nice_above(peak.max(above * 1.25));
    let count_top = LOAD_TOP + LOAD_HEIGHT + MARKS_HEIGHT;
    let most = module.count_series.iter().map(|(_, count)| *count).max().unwrap_or(0);
    let most = f64::from(most.max(module.desired).max(2));
    html! {
        svg class=(class) viewBox=(format!("0 0 {width} {HEIGHT}")) role="img" aria-hidden="true" {
            @if let Some((below, above)) = module.thresholds {
                (band(below, above, highest, &scale))
            }
            (y_axis(&[0.0, highest / 2.0, highest], LOAD_TOP, LOAD_HEIGHT, highest, width))
            @for path in load_paths(&module.load_series, &scale, highest) {
                path class="load" d=(path) {}
            }
            (y_axis(&[0.0, most], count_top, COUNT_HEIGHT, most, width))
            path class="count" d=(count_path(&module.count_series, &scale, count_top, most)) {}
            (marks(module, &scale))
            (time_axis(&scale, zone))
        }
    }
}

fn band(below: f64, above: f64, highest: f64, scale: &Scale) -> Markup {
    let (top, bottom) =
        (y(above, LOAD_TOP, LOAD_HEIGHT, highest), y(below, LOAD_TOP, LOAD_HEIGHT, highest));
    let right = scale.width - RIGHT;
    html! {
        rect class="band" x=(px(LEFT)) y=(px(top)) width=(px(right - LEFT)) height=(px(bottom - top)) {}
        @for (value, at) in [(above, top), (below, bottom)] {
            line class="threshold" x1=(px(LEFT)) x2=(px(right)) y1=(px(at)) y2=(px(at)) {}
            text class="threshold-word" x=(px(right)) y=(px(at - 3.0)) text-anchor="end" {
                (format!("{value:.2}"))
            }
        }
    }
}

fn y_axis(values: &[f64], top: f64, height: f64, highest: f64, width: f64) -> Markup {
    html! {
        @for value in values {
            @let at = y(*value, top, height, highest);
            line class="grid" x1=(px(LEFT)) x2=(px(width - RIGHT)) y1=(px(at)) y2=(px(at)) {}
            text class="tick" x=(px(LEFT - 6.0)) y=(px(at + 4.0)) text-anchor="end" {
                (number(*value))
            }
        }
    }
}

/// One path per stretch without a gap.
fn load_paths(series: &[(Time, Option<f64>)], scale: &Scale, highest: f64) -> Vec<String> {
    let stretches = series.split(|(_, load)| load.is_none());
    let paths = stretches.filter(|stretch| !stretch.is_empty()).map(|stretch| {
        let places = stretch.iter().filter_map(|(at, load)| {
            Some((scale.x(*at), y((*load)?, LOAD_TOP, LOAD_HEIGHT, highest)))
        });
        path_of(&thin(places))
    });
    paths.collect()
}

/// At most four places in each pixel column: the first, the highest, the lowest, the last.
fn thin(places: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut thinned = Vec::new();
    let mut column: Vec<(f64, f64)> = Vec::new();
    for place in places {
        if column.first().is_some_and(|first| first.0.floor() != place.0.floor()) {
            flush(&mut column, &mut thinned);
        }
        column.push(place);
    }
    flush(&mut column, &mut thinned);
    thinned
}

fn flush(column: &mut Vec<(f64, f64)>, thinned: &mut Vec<(f64, f64)>) {
    if column.len() <= 2 {
        thinned.append(column);
        return;
    }
    let x = column[0].0;
    let low = column.iter().map(|place| place.1).fold(f64::INFINITY, f64::min);
    let high = column.iter().map(|place| place.1).fold(f64::NEG_INFINITY, f64::max);
    thinned.extend([(x, low), (x, high)]);
    column.clear();
}

fn path_of(places: &[(f64, f64)]) -> String {
    let mut path = String::new();
    for (index, (x, y)) in places.iter().enumerate() {
        let word = if index == 0 { 'M' } else { 'L' };
        let _ = write!(path, "{word}{} {}", px(*x), px(*y));
    }
    if places.len() == 1 {
        path.push_str("h0.1"); // A single point would not be seen.
    }
    path
}

/// Steps, filled down to zero.
fn count_path(series: &[(Time, u32)], scale: &Scale, top: f64, most: f64) -> String {
    let bottom = top + COUNT_HEIGHT;
    let Some((first, _)) = series.first() else { return String::new() };
    let mut path = format!("M{} {}", px(scale.x(*first)), px(bottom));
    let mut last = None;
    for (at, count) in series {
        if last != Some(count) {
            let height = y(f64::from(*count), top, COUNT_HEIGHT, most);
            let _ = write!(path, "H{}V{}", px(scale.x(*at)), px(height));
            last = Some(count);
        }
    }
    let end = series.last().map_or(scale.until, |(at, _)| at.millis());
    let _ = write!(path, "H{}V{}Z", px(scale.x(Time::from_millis(end))), px(bottom));
    path
}

/// Decisions that changed the count bear the number that the table gives them, and lie on top.
fn marks(module: &ModuleView, scale: &Scale) -> Markup {
    let middle = LOAD_TOP + LOAD_HEIGHT + MARKS_HEIGHT / 2.0 + 2.0;
    let seen = module.decisions.iter().filter(|mark| mark.at.millis() >= scale.from);
    let numbered = module.changes().filter(|(_, mark)| mark.at.millis() >= scale.from);
    let bottom = LOAD_TOP + LOAD_HEIGHT + MARKS_HEIGHT + COUNT_HEIGHT;
    html! {
        @for mark in seen.filter(|mark| mark.held) {
            circle class="mark held" cx=(px(scale.x(mark.at))) cy=(px(middle)) r="3" {}
        }
        @for (number, mark) in numbered {
            @let x = px(scale.x(mark.at));
            line class="mark-line" x1=(x) x2=(x) y1=(px(LOAD_TOP)) y2=(px(bottom)) {}
            circle class="mark" cx=(x) cy=(px(middle)) r="9" {}
            text class="mark-word" x=(x) y=(px(middle + 3.5)) text-anchor="middle" { (number) }
        }
    }
}

fn time_axis(scale: &Scale, zone: &Zone) -> Markup {
    let span_s = (scale.until - scale.from) / 1000;
    let room = ((scale.width - LEFT - RIGHT) / 70.0).floor().max(2.0) as i64;
    let step_s = nice_step(span_s, room);
    let first = (scale.from / 1000 / step_s + 1) * step_s;
    let ticks = (first..=scale.until / 1000).step_by(step_s as usize);
    html! {
        @for second in ticks {
            @let at = Time::from_millis(second * 1000);
            @let x = scale.x(at);
            @if x > LEFT + 18.0 && x < scale.width - 24.0 {
                text class="tick" x=(px(x)) y=(px(HEIGHT - 4.0)) text-anchor="middle" {
                    (zone.clock(at, step_s < 60))
                }
            }
        }
    }
}

/// The smallest usual step that makes at most `room` ticks.
fn nice_step(span_s: i64, room: i64) -> i64 {
    const STEPS: [i64; 14] =
        [5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400];
    let fits = |step: &&i64| span_s / **step <= room;
    STEPS.iter().find(fits).copied().unwrap_or(604_800)
}

/// The next of 1, 1.5, 2, 3, 5 times a power of ten.
fn nice_above(value: f64) -> f64 {
    let power = 10.0_f64.powf(value.max(0.01).log10().floor());
    let steps = [1.0, 1.5, 2.0, 3.0, 5.0, 10.0];
    steps.into_iter().map(|step| step * power).find(|nice| *nice >= value).unwrap_or(value)
}

fn number(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

/// A tenth of a pixel is as fine as anybody sees.
fn px(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn scale() -> Scale {
        Scale { from: 0, until: 100_000, width: 146.0 }
    }

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1000)
    }

    #[test]
    fn a_gap_is_a_gap() {
        let series = [(at(0), Some(0.5)), (at(10), Some(1.0)), (at(20), None), (at(50), Some(0.0))];
        let paths = load_paths(&series, &scale(), 1.0).join("\n");
        expect![[r#"
            M38 78L48 8
            M88 148h0.1"#]]
        .assert_eq(&paths);
    }

    #[test]
    fn a_long_series_stays_small_and_keeps_its_peak() {
        let series: Vec<_> = (0..20_160)
            .map(|i| (Time::from_millis(i * 5), Some(if i == 9_999 { 1.0 } else { 0.2 })))
            .collect();
        let scale = Scale { from: 0, until: 100_800, width: 800.0 };
        let path = load_paths(&series, &scale, 1.0).concat();
        assert!(path.len() < 16_000, "{} bytes", path.len());
        assert!(path.contains(&format!(" {}", px(LOAD_TOP))), "the peak is at the top");
    }

    #[test]
    fn the_count_is_drawn_in_steps() {
        let series = [(at(0), 2), (at(10), 2), (at(20), 5), (at(40), 5)];
        expect!["M38 100H38V77.6H58V44H78V100Z"].assert_eq(&count_path(
            &series,
            &scale(),
            44.0,
            5.0,
        ));
    }

    #[test]
    fn ticks_are_usual_ones() {
        assert_eq!(nice_step(180, 10), 30);
        assert_eq!(nice_step(3600, 10), 600);
        assert!((nice_above(1.32) - 1.5).abs() < 1e-9);
        assert!((nice_above(0.9) - 1.0).abs() < 1e-9);
    }
}
