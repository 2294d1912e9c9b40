//! Moments and spans as people read them, in the page's time zone.

use std::time::Duration;

use jiff::tz::TimeZone;
use maud::{Markup, html};
use model::lang::Lang;
use model::time::Time;

/// Writes moments in one time zone.
#[derive(Clone, Debug)]
pub(crate) struct Zone(TimeZone);

impl Zone {
    /// By its IANA name; UTC if there is none of that name.
    pub(crate) fn named(name: &str) -> Self {
        Self(TimeZone::get(name).unwrap_or(TimeZone::UTC))
    }

    /// `10:02`, or `10:02:11` where minutes are too coarse.
    pub(crate) fn clock(&self, at: Time, seconds: bool) -> String {
        let format = if seconds { "%H:%M:%S" } else { "%H:%M" };
        self.strftime(at, format)
    }

    fn strftime(&self, at: Time, format: &str) -> String {
        match jiff::Timestamp::from_millisecond(at.millis()) {
            Ok(stamp) => stamp.to_zoned(self.0.clone()).strftime(format).to_string(),
            Err(_) => at.to_string(),
        }
    }

    /// `10:02:11`, with the whole moment for machines and for those who look closer.
    pub(crate) fn time(&self, at: Time) -> Markup {
        let whole = self.strftime(at, "%Y-%m-%d %H:%M:%S %Z");
        html! { time datetime=(at.to_string()) title=(whole) { (self.clock(at, true)) } }
    }
}

/// `4 s`, `3 min 5 s`, `2 h 4 min`.
pub(crate) fn span(lang: Lang, span: Duration) -> String {
    let seconds = span.as_secs();
    let (second, minute, hour, day) =
        lang.pick((" s", " min", " h", " d"), (" 秒", " 分", " 小时", " 天"));
    let join = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big}{big_unit}"),
        small => format!("{big}{big_unit} {small}{small_unit}"),
    };
    match seconds {
        0..60 => format!("{seconds}{second}"),
        60..3600 => join(seconds / 60, minute, seconds % 60, second),
        3600..86_400 => join(seconds / 3600, hour, seconds % 3600 / 60, minute),
        _ => join(seconds / 86_400, day, seconds % 86_400 / 3600, hour),
    }
}

/// A share as a percentage, rounded down: 99.999 % is not 100 %.
pub(crate) fn percent(share: f64) -> String {
    let hundredths = (share * 10_000.0 + 1e-9).floor() / 100.0;
    if hundredths >= 100.0 { "100 %".to_owned() } else { format!("{hundredths:.2} %") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_written_in_two_units_at_most() {
        let written = |seconds| span(Lang::En, Duration::from_secs(seconds));
        assert_eq!(written(4), "4 s");
        assert_eq!(written(185), "3 min 5 s");
        assert_eq!(written(7200), "2 h");
        assert_eq!(written(90_000), "1 d 1 h");
        assert_eq!(span(Lang::Zh, Duration::from_secs(61)), "1 分 1 秒");
    }

    #[test]
    fn a_percentage_is_never_rounded_up() {
        assert_eq!(percent(1.0), "100 %");
        assert_eq!(percent(0.99999), "99.99 %");
        assert_eq!(percent(0.9999), "99.99 %");
        assert_eq!(percent(0.0), "0.00 %");
    }

    #[test]
    fn a_moment_is_written_in_the_zone() {
        let at = Time::from_millis(1_772_445_600_000);
        assert_eq!(Zone::named("Asia/Shanghai").clock(at, false), "18:00");
        assert_eq!(Zone::named("nowhere").clock(at, true), "10:00:00");
    }
}
