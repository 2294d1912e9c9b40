//! The calendar of a module: where in the period the minutes lie.
//!
//! It is a table with the minutes down written into its cells, so that it can be read without its
//! colours, aloud, and by keyboard. A month has a row for each week; what is longer has a row for each
//! month, and what is longer than a year and a bit a row for each year, a cell for each month: so a
//! decade is no larger than a month.
//!
//! Minutes are rounded up: an outage of ten seconds is not written as none.

use std::collections::BTreeMap;

use jiff::civil::Date;
use maud::{Markup, html};

use crate::view::report::{DayView, TallyView};
use crate::voice::{NOTHING, Voice};
use crate::words::{self, Word};

/// Up to so many days have a row for each week.
const MOST_IN_WEEKS: usize = 62;
/// Up to so many days have a cell each.
const MOST_DAYS: usize = 400;
/// Up to how many minutes down a day is of the first, second and third step; beyond is the fourth.
const DAY_STEPS: [u64; 3] = [5, 30, 120];
/// The same of a month.
const MONTH_STEPS: [u64; 3] = [30, 120, 480];

/// How the time is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Weeks { from_sunday: bool },
    Months,
    Years,
}

/// A day, or a month.
#[derive(Clone, Debug)]
struct Cell {
    /// `2026-10-03`, or `2026-10`.
    name: String,
    /// What a cell of a week bears in its corner: the day of the month.
    corner: Option<i8>,
    tally: TallyView,
}

/// By its name, a row; None stands where the period has no such day.
type Rows = BTreeMap<String, Vec<Option<Cell>>>;

pub(super) fn calendar(days: &[DayView], from_sunday: bool, voice: &Voice) -> Markup {
    if days.len() < 2 {
        return html! {};
    }
    let layout = Layout::of(days.len(), from_sunday);
    html! {
        figure.calendar {
            figcaption { (voice.say(layout.caption())) }
            table.heat.(layout.class()) {
                thead {
                    tr {
                        th scope="col" { (voice.say(layout.row_head())) }
                        @for column in layout.columns(voice) { th scope="col" { (column) } }
                        th.number scope="col" { (voice.say(words::MINUTES_DOWN)) }
                    }
                }
                tbody { @for (name, cells) in rows(layout, days) { (row(layout, &name, &cells, voice)) } }
            }
            (legend(layout, voice))
        }
    }
}

impl Layout {
    fn of(days: usize, from_sunday: bool) -> Self {
        if days <= MOST_IN_WEEKS {
            Self::Weeks { from_sunday }
        } else if days <= MOST_DAYS {
            Self::Months
        } else {
            Self::Years
        }
    }

    fn class(self) -> &'static str {
        match self {
            Self::Weeks { .. } => "weeks",
            Self::Months => "months",
            Self::Years => "years",
        }
    }

    fn caption(self) -> Word {
        match self {
            Self::Weeks { .. } | Self::Months => words::DOWN_EACH_DAY,
            Self::Years => words::DOWN_EACH_MONTH,
        }
    }

    fn row_head(self) -> Word {
        match self {
            Self::Weeks { .. } => words::WEEK_FROM,
            Self::Months => words::MONTH,
            Self::Years => words::YEAR,
        }
    }

    /// The years of weeks stand in the head of the report.
    fn row_name(self, name: &str) -> &str {
        match self {
            Self::Weeks { .. } => name.split_once('-').map_or(name, |(_, day)| day),
            Self::Months | Self::Years => name,
        }
    }

    fn columns(self, voice: &Voice) -> Vec<String> {
        match self {
            Self::Weeks { from_sunday } => {
                let mut days = words::WEEKDAYS.map(|day| voice.say(day).to_owned());
                days.rotate_right(usize::from(from_sunday));
                days.to_vec()
            }
            Self::Months => (1..=31).map(|day| day.to_string()).collect(),
            Self::Years => (1..=12).map(|month| month.to_string()).collect(),
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Weeks { .. } => 7,
            Self::Months => 31,
            Self::Years => 12,
        }
    }

    fn steps(self) -> [u64; 3] {
        match self {
            Self::Weeks { .. } | Self::Months => DAY_STEPS,
            Self::Years => MONTH_STEPS,
        }
    }

    /// The row and the column of a day, and the empty cell that it is counted in.
    fn place(self, date: Date) -> (String, i8, Cell) {
        let month = date.strftime("%Y-%m").to_string();
        let cell = |name, corner| Cell { name, corner, tally: TallyView::default() };
        match self {
            Self::Weeks { from_sunday } => {
                let column = match from_sunday {
                    true => date.weekday().to_sunday_zero_offset(),
                    false => date.weekday().to_monday_zero_offset(),
                };
                let first = date.saturating_sub(jiff::Span::new().days(column));
                (first.to_string(), column, cell(date.to_string(), Some(date.day())))
            }
            Self::Months => (month, date.day() - 1, cell(date.to_string(), None)),
            Self::Years => (date.year().to_string(), date.month() - 1, cell(month, None)),
        }
    }
}

/// A day whose date cannot be read has no place; the lists still tell of it.
fn rows(layout: Layout, days: &[DayView]) -> Rows {
    let mut rows = Rows::new();
    for day in days {
        let Ok(date) = day.date.parse::<Date>() else { continue };
        let (name, column, empty) = layout.place(date);
        let row = rows.entry(name).or_insert_with(|| vec![None; layout.width()]);
        let place = usize::try_from(column).ok().and_then(|column| row.get_mut(column));
        if let Some(place) = place {
            add(&mut place.get_or_insert(empty).tally, &day.tally);
        }
    }
    rows
}

fn add(sum: &mut TallyView, day: &TallyView) {
    sum.up_s += day.up_s;
    sum.down_s += day.down_s;
    sum.unknown_s += day.unknown_s;
    sum.maintenance_s += day.maintenance_s;
    sum.not_applicable_s += day.not_applicable_s;
}

fn row(layout: Layout, name: &str, cells: &[Option<Cell>], voice: &Voice) -> Markup {
    let mut sum = TallyView::default();
    cells.iter().flatten().for_each(|cell| add(&mut sum, &cell.tally));
    html! {
        tr {
            th scope="row" { (layout.row_name(name)) }
            @for cell in cells {
                @match cell {
                    Some(cell) => { (shown(cell, layout.steps(), voice)) }
                    None => { td {} }
                }
            }
            td.number { (sign(&sum)) }
        }
    }
}

fn shown(cell: &Cell, steps: [u64; 3], voice: &Voice) -> Markup {
    let tally = &cell.tally;
    html! {
        td class=(class(tally, steps)) title=(format!("{}: {}", cell.name, told(tally, voice))) {
            @if let Some(corner) = cell.corner { small { (corner) } " " }
            (sign(tally))
        }
    }
}

/// Down minutes; with a sign, if some of the time is not known; nothing but the sign, if none is.
fn sign(tally: &TallyView) -> String {
    let minutes = tally.down_s.div_ceil(60);
    match (tally.up_s + tally.down_s, tally.unknown_s) {
        (0, 0) => NOTHING.to_owned(),
        (0, _) => "?".to_owned(),
        (_, 0) => minutes.to_string(),
        (_, _) => format!("{minutes}?"),
    }
}

/// From 0, not down, to 4, of a day.
pub(in crate::page) fn step(down_s: u64) -> usize {
    step_of(down_s.div_ceil(60), DAY_STEPS)
}

fn step_of(minutes: u64, steps: [u64; 3]) -> usize {
    steps.iter().filter(|most| minutes > **most).count() + usize::from(minutes > 0)
}

/// Grey only if more is unknown than is known: else each restart of the monitor would cost a day.
fn class(tally: &TallyView, steps: [u64; 3]) -> String {
    let known_s = tally.up_s + tally.down_s;
    let step = step_of(tally.down_s.div_ceil(60), steps);
    let color = match (known_s, tally.unknown_s) {
        (_, unknown_s) if tally.down_s == 0 && unknown_s > known_s => "unseen-time".to_owned(),
        (0, _) => "outside".to_owned(),
        (_, _) => format!("step-{step}"),
    };
    if tally.maintenance_s > 0 { format!("{color} hatched") } else { color }
}

/// In words, exactly.
fn told(tally: &TallyView, voice: &Voice) -> String {
    let parts = [
        (words::TIME_DOWN, tally.down_s),
        (words::UNKNOWN, tally.unknown_s),
        (words::MAINTENANCE, tally.maintenance_s),
        (words::NOT_COUNTED, tally.not_applicable_s),
        (words::UP, tally.up_s),
    ];
    let parts = parts.into_iter().filter(|(_, seconds)| *seconds > 0);
    let parts =
        parts.map(|(word, seconds)| format!("{} {}", voice.say(word), voice.exactly(seconds)));
    parts.collect::<Vec<_>>().join(voice.lang.pick(", ", "，"))
}

/// What the colours and signs stand for.
fn legend(layout: Layout, voice: &Voice) -> Markup {
    let [first, second, third] = layout.steps().map(|most| format!("≤ {most}"));
    let steps = ["0".to_owned(), first, second, third, format!("> {}", layout.steps()[2])];
    html! {
        p.legend {
            @for (step, meaning) in steps.iter().enumerate() {
                span { b class=(format!("step-{step}")) {} " " (meaning) }
            }
            span { b.unseen-time { "?" } " " (voice.say(words::UNKNOWN)) }
            span { b.step-0.hatched {} " " (voice.say(words::MAINTENANCE)) }
            span { b.outside { (NOTHING) } " " (voice.say(words::NOT_COUNTED)) }
        }
    }
}
