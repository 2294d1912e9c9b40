//! What the metrics explorer shows, as plain data, and what a reader can ask of it.
//!
//! The reader's wishes come as the fields of a form. [`Wish::of`] reads them, [`Wish::times`] and
//! [`Wish::step`] say what to evaluate; whoever has the samples does so and hands back the
//! [`Outcome`]. There is no serde here: programs ask `/api/v1/query`.

use std::time::Duration;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use model::series::Labels;
use model::time::Time;

use crate::promql::outline;

/// A chart has about so many steps; more would not be seen.
const MOST_STEPS: i64 = 360;
/// No form field is longer than this, in bytes; what is, is cut.
const MAX_FIELD_BYTES: usize = 4096;

/// Steps that people can count in, in seconds.
const STEPS_S: [i64; 15] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600];

/// What the reader asked for.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Wish {
    /// The expression, as typed; empty if nothing was asked.
    pub query: String,
    pub range: Range,
    pub show: Show,
    /// Only metrics whose name contains this are listed.
    pub filter: String,
}

/// The time to look at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Range {
    /// Until now, as are those down to the week.
    Quarter,
    #[default]
    Hour,
    SixHours,
    Day,
    Week,
    /// As typed: `2026-03-02T10:00` on the clocks of the page's zone, or with an offset of its own.
    Between {
        from: String,
        until: String,
    },
}

/// Lines over the time, or the values at its end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    #[default]
    Lines,
    Values,
}

/// The times of a form cannot be read, or do not follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadTimes;

/// What stands on the page.
#[derive(Clone, Debug, PartialEq)]
pub struct ExploreView {
    pub wish: Wish,
    pub outcome: Outcome,
    /// Names of metrics that contain [`Wish::filter`], in order; the page lists the first of them.
    pub metrics: Vec<String>,
    /// How many there are.
    pub metric_count: usize,
    /// The metric the expression is about: its labels lead to narrower expressions.
    pub chosen: Option<Chosen>,
}

/// What became of an expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    NotAsked,
    /// All series that were found, over the times that [`Wish::times`] gives.
    Lines {
        from: Time,
        until: Time,
        step: Duration,
        series: Vec<Line>,
    },
    /// All values that were found, in the order of the expression. A scalar has no labels.
    Values {
        at: Time,
        rows: Vec<(Labels, f64)>,
    },
    /// A string.
    Text(String),
    Fault(Fault),
}

/// One series over time.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    pub labels: Labels,
    /// Oldest first. A point that is missing where a step would have one is a gap.
    pub points: Vec<(Time, f64)>,
}

/// Why an expression has no outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    pub what: String,
}

/// What the reader can do about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Correct the text at this place; both count from 1, the column in characters.
    Unreadable { line: usize, column: usize },
    /// Correct the times.
    Times,
    /// Ask for less.
    TooMuch,
    /// Ask for less, or again later.
    TimedOut,
    /// Change the expression: it cannot be evaluated on these data or times.
    Refused,
    /// See whether the monitor is healthy: its samples cannot be read.
    Unavailable,
}

/// A metric and the labels of its series.
#[derive(Clone, Debug, PartialEq)]
pub struct Chosen {
    pub name: String,
    /// What it measures, in a few words; empty if nobody says.
    pub help: String,
    /// Without the name of the metric.
    pub labels: Vec<LabelValues>,
}

/// A label and the values it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelValues {
    pub name: String,
    /// The first of them, in order.
    pub values: Vec<String>,
    pub count: usize,
}

impl Wish {
    /// Reads the decoded fields of the form; what is missing or unknown is as if left alone.
    pub fn of<N: AsRef<str>, V: Into<String>>(fields: impl IntoIterator<Item = (N, V)>) -> Self {
        let (mut wish, mut range) = (Self::default(), String::new());
        let (mut from, mut until) = (String::new(), String::new());
        for (name, value) in fields {
            let value = cut(value.into());
            match name.as_ref() {
                "q" => value.trim().clone_into(&mut wish.query),
                "range" => range = value,
                "from" => from = value,
                "to" => until = value,
                "show" if value == "values" => wish.show = Show::Values,
                "filter" => value.trim().clone_into(&mut wish.filter),
                _ => (),
            }
        }
        wish.range = match range.as_str() {
            "15m" => Range::Quarter,
            "6h" => Range::SixHours,
            "24h" => Range::Day,
            "7d" => Range::Week,
            "between" => Range::Between { from, until },
            _ => Range::Hour,
        };
        wish
    }

    /// The metric that the expression is about: the first that it names.
    pub fn metric(&self) -> Option<&str> {
        outline(&self.query).metrics.first().copied()
    }

    /// The first and the last moment to evaluate at. `zone` is an IANA name; an unknown one is UTC.
    pub fn times(&self, now: Time, zone: &str) -> Result<(Time, Time), BadTimes> {
        if let Some(span) = self.range.span() {
            return Ok((now - span, now));
        }
        let Range::Between { from, until } = &self.range else { return Err(BadTimes) };
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        let (from, until) = (moment(from, &zone)?, moment(until, &zone)?);
        if from < until { Ok((from, until)) } else { Err(BadTimes) }
    }

    /// How far apart to evaluate between two moments, so that a chart has enough points and no more.
    pub fn step(from: Time, until: Time) -> Duration {
        let least = until.since(from).as_secs().cast_signed() / MOST_STEPS;
        let whole_days = (least / 86_400 + 1) * 86_400;
        let step = STEPS_S.into_iter().find(|step| *step >= least.max(1)).unwrap_or(whole_days);
        Duration::from_secs(step.unsigned_abs())
    }
}

impl Range {
    /// Those that end now.
    pub(crate) const FIXED: [Self; 5] =
        [Self::Quarter, Self::Hour, Self::SixHours, Self::Day, Self::Week];

    /// As the form and the links spell it.
    pub(crate) fn as_str(&self) -> &'static str {
        match self {
            Self::Quarter => "15m",
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Between { .. } => "between",
        }
    }

    /// None if it does not end now.
    fn span(&self) -> Option<Duration> {
        let minutes = match self {
            Self::Quarter => 15,
            Self::Hour => 60,
            Self::SixHours => 6 * 60,
            Self::Day => 24 * 60,
            Self::Week => 7 * 24 * 60,
            Self::Between { .. } => return None,
        };
        Some(Duration::from_secs(minutes * 60))
    }
}

impl Show {
    /// As the form and the links spell it.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Lines => "lines",
            Self::Values => "values",
        }
    }
}

fn cut(mut text: String) -> String {
    let ends = (0..=MAX_FIELD_BYTES.min(text.len())).rev();
    let end = ends.into_iter().find(|end| text.is_char_boundary(*end));
    text.truncate(end.unwrap_or(0));
    text
}

fn moment(text: &str, zone: &TimeZone) -> Result<Time, BadTimes> {
    let text = text.trim();
    let stamp = text.parse::<jiff::Timestamp>().or_else(|_| {
        let civil: DateTime = text.parse()?;
        civil.to_zoned(zone.clone()).map(|zoned| zoned.timestamp())
    });
    stamp.map(|stamp| Time::from_millis(stamp.as_millisecond())).map_err(|_| BadTimes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_772_445_751_000);

    fn wish(fields: &[(&str, &str)]) -> Wish {
        Wish::of(fields.iter().copied())
    }

    fn between(from: &str, until: &str, zone: &str) -> Result<String, BadTimes> {
        let wish = wish(&[("range", "between"), ("from", from), ("to", until)]);
        wish.times(NOW, zone).map(|(from, until)| format!("{from} {until}"))
    }

    #[test]
    fn a_form_that_was_left_alone_asks_for_lines_over_the_last_hour() {
        assert_eq!(wish(&[]), Wish::default());
        assert_eq!(wish(&[("range", "5y"), ("show", "pie"), ("x", "y")]), Wish::default());
        let (from, until) = wish(&[]).times(NOW, "UTC").unwrap();
        assert_eq!((until, until.since(from)), (NOW, Duration::from_secs(3_600)));
    }

    #[test]
    fn each_field_is_read() {
        let read = wish(&[("q", " up\n"), ("range", "7d"), ("show", "values"), ("filter", "cpu ")]);
        let (query, filter) = ("up".to_owned(), "cpu".to_owned());
        assert_eq!(read, Wish { query, range: Range::Week, show: Show::Values, filter });
        let long = "ü".repeat(MAX_FIELD_BYTES);
        assert_eq!(wish(&[("q", &long)]).query.len(), MAX_FIELD_BYTES);
    }

    #[test]
    fn times_are_read_on_the_clocks_of_the_page() {
        let told = between("2026-03-02T10:00", "2026-03-02T12:30", "Asia/Shanghai");
        assert_eq!(told.as_deref(), Ok("2026-03-02T02:00:00Z 2026-03-02T04:30:00Z"));
        let told = between("2026-03-02T10:00:00Z", "2026-03-02T12:30+01:00", "Asia/Shanghai");
        assert_eq!(told.as_deref(), Ok("2026-03-02T10:00:00Z 2026-03-02T11:30:00Z"));
    }

    #[test]
    fn times_that_mean_nothing_are_told() {
        for (from, until) in [
            ("", ""),
            ("2026-03-02T10:00", ""),
            ("yesterday", "today"),
            ("2026-03-02T10:00", "2026-03-02T10:00"),
            ("2026-03-02T10:00", "2026-03-01T10:00"),
            ("99999-03-02T10:00", "2026-03-01T10:00"),
        ] {
            assert_eq!(between(from, until, "UTC"), Err(BadTimes), "{from} {until}");
        }
    }

    #[test]
    fn a_step_is_round_and_gives_no_more_points_than_are_seen() {
        let told = [60, 3_600, 6 * 3_600, 86_400, 7 * 86_400, 400 * 86_400, 9_000 * 86_400]
            .map(|span| Wish::step(NOW - Duration::from_secs(span), NOW).as_secs());
        assert_eq!(told, [1, 10, 60, 300, 1_800, 172_800, 2_246_400]);
    }
}
