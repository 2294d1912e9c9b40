//! The date, in UTC, that a value in seconds since the epoch means.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::expression::functions::DatePart;

/// NaN where there is no such date: outside the years -9999 to 9999, or of NaN.
pub(super) fn part(part: DatePart, seconds: f64) -> f64 {
    let whole = if seconds.is_nan() { None } else { Timestamp::from_second(seconds as i64).ok() };
    let Some(at) = whole else {
        return f64::NAN;
    };
    let at = TimeZone::UTC.to_datetime(at);
    f64::from(match part {
        DatePart::DayOfMonth => i16::from(at.day()),
        DatePart::DayOfWeek => i16::from(at.weekday().to_sunday_zero_offset()),
        DatePart::DayOfYear => at.day_of_year(),
        DatePart::DaysInMonth => i16::from(at.days_in_month()),
        DatePart::Hour => i16::from(at.hour()),
        DatePart::Minute => i16::from(at.minute()),
        DatePart::Month => i16::from(at.month()),
        DatePart::Year => at.year(),
    })
}
