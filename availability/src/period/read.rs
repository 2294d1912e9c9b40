//! Reads what people write for a period.

use jiff::Span;
use jiff::civil::{Date, DateTime, ISOWeekDate, Weekday};

use super::local::Local;
use super::{FIRST_YEAR, LAST_YEAR, PeriodError, Shape, WeekStart};

/// No more of a text than this many characters is repeated in an error.
const MAX_ECHO: usize = 60;
/// Ten years, with their leap days.
const MAX_DAYS: i64 = 3_653;
const MAX_LAST_DAYS: i32 = 366;

/// `today` is asked for only if the text is relative to it; None if it lies too far away.
pub(super) fn read(
    text: &str,
    week_start: WeekStart,
    today: impl FnOnce() -> Option<Date>,
) -> Result<Local, PeriodError> {
    if let Some((first, last)) = text.split_once("..") {
        return range(text, first, last);
    }
    if let Some(relative) = Relative::read(text) {
        let today = today().ok_or_else(|| PeriodError::FarAway(brief(text)))?;
        return Ok(relative.to(today, week_start));
    }
    single(text, week_start)
}

/// What an error repeats of a text.
pub(super) fn brief(text: &str) -> String {
    text.chars().take(MAX_ECHO).collect()
}

/// A period that is said by how far it lies from today.
enum Relative {
    This(Shape),
    Last(Shape),
    /// As many whole days before today.
    LastDays(i32),
}

impl Relative {
    fn read(text: &str) -> Option<Self> {
        match text {
            "today" => return Some(Self::This(Shape::Day)),
            "yesterday" => return Some(Self::Last(Shape::Day)),
            _ => (),
        }
        if let Some(unit) = text.strip_prefix("this-") {
            return shape(unit).map(Self::This);
        }
        let last = text.strip_prefix("last-")?;
        match last.strip_suffix("-days") {
            Some(days) => {
                let days = days.parse().ok().filter(|days| (1..=MAX_LAST_DAYS).contains(days));
                days.map(Self::LastDays)
            }
            None => shape(last).map(Self::Last),
        }
    }

    fn to(&self, today: Date, week_start: WeekStart) -> Local {
        match self {
            Self::This(shape) => Local::around(*shape, today, week_start),
            Self::Last(shape) => Local::around(*shape, today, week_start).before(),
            Self::LastDays(days) => {
                let first = today.saturating_sub(Span::new().days(*days));
                Local::days(Shape::Days, first, today)
            }
        }
    }
}

fn shape(unit: &str) -> Option<Shape> {
    Some(match unit {
        "week" => Shape::Week,
        "month" => Shape::Month,
        "quarter" => Shape::Quarter,
        "year" => Shape::Year,
        _ => return None,
    })
}

fn single(text: &str, week_start: WeekStart) -> Result<Local, PeriodError> {
    let unreadable = || PeriodError::Unreadable(brief(text));
    let (year, rest) = text.split_once('-').unwrap_or((text, ""));
    let year = number(year, 4).ok_or_else(unreadable)?;
    if !(FIRST_YEAR..=LAST_YEAR).contains(&year) {
        return Err(PeriodError::FarAway(brief(text)));
    }
    if let Some(week) = rest.strip_prefix(['W', 'w']) {
        return week_of(text, year, small(week, 2).ok_or_else(unreadable)?, week_start);
    }
    let (shape, month) = match rest.strip_prefix(['Q', 'q']) {
        Some(quarter) => {
            let quarter = small(quarter, 1).ok_or_else(unreadable)?;
            (Shape::Quarter, quarter * 3 - 2)
        }
        None if text.len() == 4 => (Shape::Year, 1),
        None if rest.len() == 2 => (Shape::Month, small(rest, 2).ok_or_else(unreadable)?),
        None => {
            return Ok(Local::around(Shape::Day, date(text, text)?, week_start));
        }
    };
    let first = Date::new(year, month, 1).map_err(|_| PeriodError::NoSuchMonth(brief(text)))?;
    Ok(Local::around(shape, first, week_start))
}

fn week_of(text: &str, year: i16, week: i8, starts: WeekStart) -> Result<Local, PeriodError> {
    if starts == WeekStart::Sunday {
        return Err(PeriodError::MondayWeek(brief(text)));
    }
    let monday = ISOWeekDate::new(year, week, Weekday::Monday).map_err(|_| {
        let has_53 = ISOWeekDate::new(year, 53, Weekday::Monday).is_ok();
        PeriodError::NoSuchWeek { written: brief(text), year, weeks: if has_53 { 53 } else { 52 } }
    })?;
    Ok(Local::around(Shape::Week, monday.date(), starts))
}

fn range(text: &str, first: &str, last: &str) -> Result<Local, PeriodError> {
    let local = match (first.split_once('T'), last.split_once('T')) {
        (None, None) => {
            let (first, last) = (date(text, first)?, date(text, last)?);
            Local::days(Shape::Days, first, last.saturating_add(Span::new().days(1)))
        }
        (Some(first), Some(last)) => {
            let (first, after) = (time(text, first)?, time(text, last)?);
            Local { shape: Shape::Times, first, after }
        }
        _ => return Err(PeriodError::Unreadable(brief(text))),
    };
    if local.after <= local.first {
        return Err(PeriodError::Backwards(brief(text)));
    }
    if local.whole_days() > MAX_DAYS {
        return Err(PeriodError::TooLong(brief(text)));
    }
    Ok(local)
}

fn time(text: &str, (day, clock): (&str, &str)) -> Result<DateTime, PeriodError> {
    let date = date(text, day)?;
    let fields: Option<Vec<i8>> = clock.splitn(3, ':').map(|field| small(field, 2)).collect();
    let (hour, minute, second) = match fields.as_deref() {
        Some([hour, minute]) => (*hour, *minute, 0),
        Some([hour, minute, second]) => (*hour, *minute, *second),
        _ => return Err(PeriodError::Unreadable(brief(text))),
    };
    let clock = jiff::civil::Time::new(hour, minute, second, 0);
    Ok(date.to_datetime(clock.map_err(|_| PeriodError::NoSuchTime(brief(text)))?))
}

/// The date that is `part` of a text.
fn date(text: &str, part: &str) -> Result<Date, PeriodError> {
    let fields: Vec<&str> = part.splitn(4, '-').collect();
    let numbers = match fields[..] {
        [year, month, day] => number(year, 4).zip(small(month, 2)).zip(small(day, 2)),
        _ => None,
    };
    let ((year, month), day) = numbers.ok_or_else(|| PeriodError::Unreadable(brief(text)))?;
    if !(FIRST_YEAR..=LAST_YEAR).contains(&year) {
        return Err(PeriodError::FarAway(brief(text)));
    }
    let first = Date::new(year, month, 1).map_err(|_| PeriodError::NoSuchMonth(brief(text)))?;
    Date::new(year, month, day).map_err(|_| {
        let days = first.days_in_month();
        PeriodError::NoSuchDay { written: brief(text), year, month, day, days }
    })
}

/// Of exactly so many digits, and nothing else.
fn number(text: &str, digits: usize) -> Option<i16> {
    let is_number = text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}

fn small(text: &str, digits: usize) -> Option<i8> {
    number(text, digits).and_then(|number| i8::try_from(number).ok())
}
