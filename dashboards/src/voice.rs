//! How one page speaks: its language, its time zone, its moment.
//!
//! Numbers have fixed decimals and units, and never flatter: shares are rounded down, so that
//! 99.99 % of the time is not written as "100 %", and a short outage is not written as "0 s".
//! Times carry their exact moment in `datetime`; the zone's name stands once on the page.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maud::{Markup, html};
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;
use model::vm::VmState;

use crate::view::{Health, Overview, Reader};
use crate::words::{self, Word};

/// Stands where there is no number.
pub(crate) const NOTHING: &str = "–";

/// The reader's language and zone, and the moment of the page.
#[derive(Debug)]
pub(crate) struct Voice {
    pub(crate) lang: Lang,
    pub(crate) zone: TimeZone,
    pub(crate) now: Time,
    /// The page is a file that somebody was sent: there is no server that its ways could lead to.
    pub(crate) is_file: bool,
}

impl Voice {
    /// A zone that is unknown here is taken as UTC, and called so.
    pub(crate) fn new(lang: Lang, zone: &str, now: Time) -> Self {
        let zone = TimeZone::get(zone).unwrap_or(TimeZone::UTC);
        Self { lang, zone, now, is_file: false }
    }

    pub(crate) fn of_file(self) -> Self {
        Self { is_file: true, ..self }
    }

    pub(crate) fn of(overview: &Overview) -> Self {
        Self::new(overview.lang, &overview.zone, overview.now)
    }

    pub(crate) fn of_reader(reader: &Reader) -> Self {
        Self::new(reader.lang, &reader.zone, reader.now)
    }

    pub(crate) fn say(&self, word: Word) -> &'static str {
        self.lang.pick(word.en, word.zh)
    }

    /// Where a link to another page leads; nowhere from a file.
    pub(crate) fn way(&self, path: String) -> Option<String> {
        (!self.is_file).then_some(path)
    }

    /// Fills the places `{0}`, `{1}` in; what is filled in is never read for places again.
    pub(crate) fn fill(&self, word: Word, values: &[&str]) -> String {
        let mut parts = self.say(word).split('{');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (place, rest) = part.split_once('}').unwrap_or(("", part));
            let value = place.parse::<usize>().ok().and_then(|place| values.get(place));
            text += value.copied().unwrap_or_default();
            text += rest;
        }
        text
    }

    pub(crate) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// `10:02:31`, or `2026-03-02 10:02:31` if that was not today.
    pub(crate) fn clock(&self, at: Time) -> String {
        let (then, now) = (zoned(at, &self.zone), zoned(self.now, &self.zone));
        let form = if then.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
        then.strftime(form).to_string()
    }

    /// With its date, whatever day it is read: for texts that are carried elsewhere.
    pub(crate) fn dated(&self, at: Time) -> String {
        zoned(at, &self.zone).strftime("%Y-%m-%d %H:%M:%S").to_string()
    }

    pub(crate) fn time(&self, at: Time) -> Markup {
        html! { time datetime=(at) { (self.clock(at)) } }
    }

    /// `4 s ago`, with the moment in the title.
    pub(crate) fn ago(&self, at: Time) -> Markup {
        let age = self.lasting(self.now.since(at).as_secs() as f64);
        html! { time datetime=(at) title=(self.clock(at)) { (self.fill(words::AGO, &[&age])) } }
    }

    /// The two largest units: `4 s`, `5 min 30 s`, `1 h 5 min`; below ten seconds with a tenth.
    pub(crate) fn lasting(&self, seconds: f64) -> String {
        let seconds = seconds.max(0.0);
        if seconds < 9.95 {
            let tenths = (seconds * 10.0).ceil() / 10.0;
            return format!("{tenths} {}", self.say(words::SECONDS));
        }
        let whole = seconds.round() as u64;
        let units = [
            (whole / 86_400, words::DAYS),
            (whole / 3_600 % 24, words::HOURS),
            (whole / 60 % 60, words::MINUTES),
            (whole % 60, words::SECONDS),
        ];
        let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(units.len() - 1);
        let told = units[first..].iter().take(2).filter(|(count, _)| *count > 0);
        let told = told.map(|(count, unit)| format!("{count} {}", self.say(*unit)));
        told.collect::<Vec<_>>().join(" ")
    }

    /// All units, for what is added up and compared: `1 d 2 h 5 min 30 s`; `0 s` is nothing at all.
    pub(crate) fn exactly(&self, seconds: u64) -> String {
        let units = [
            (seconds / 86_400, words::DAYS),
            (seconds / 3_600 % 24, words::HOURS),
            (seconds / 60 % 60, words::MINUTES),
            (seconds % 60, words::SECONDS),
        ];
        let told = units.iter().filter(|(count, _)| *count > 0);
        let told: Vec<String> =
            told.map(|(count, unit)| format!("{count} {}", self.say(*unit))).collect();
        if told.is_empty() { format!("0 {}", self.say(words::SECONDS)) } else { told.join(" ") }
    }

    /// `1 VM`, `2 VMs`.
    pub(crate) fn vms(&self, count: usize) -> String {
        match count {
            1 => self.say(words::ONE_VM).to_owned(),
            _ => self.fill(words::MANY_VMS, &[&count.to_string()]),
        }
    }

    pub(crate) fn data_age(&self, seconds: Option<f64>) -> String {
        match seconds {
            Some(seconds) => self.fill(words::DATA_OLD, &[&self.lasting(seconds)]),
            None => self.say(words::NO_DATA).to_owned(),
        }
    }

    pub(crate) fn health(&self, health: Health) -> &'static str {
        self.say(match health {
            Health::Down => words::DOWN,
            Health::Unknown => words::UNKNOWN,
            Health::Starting => words::STARTING,
            Health::Leaving => words::LEAVING,
            Health::Up => words::UP,
        })
    }

    pub(crate) fn vm_state(&self, state: VmState) -> &'static str {
        self.say(match state {
            VmState::Wanted => words::WANTED,
            VmState::Creating => words::CREATING,
            VmState::Booting => words::BOOTING,
            VmState::Pool => words::IN_POOL,
            VmState::Reserved => words::RESERVED,
            VmState::Deploying => words::DEPLOYING,
            VmState::Ready => words::READY,
            VmState::Serving => words::SERVING,
            VmState::Isolated => words::ISOLATED,
            VmState::Draining => words::DRAINING,
            VmState::Stopped => words::STOPPED,
            VmState::Destroying => words::DESTROYING,
            VmState::Gone => words::GONE,
            VmState::Quarantine => words::QUARANTINE,
        })
    }

    pub(crate) fn severity(&self, severity: Severity) -> &'static str {
        self.say(match severity {
            Severity::Info => words::INFO,
            Severity::Warning => words::WARNING,
            Severity::Average => words::AVERAGE,
            Severity::High => words::HIGH,
            Severity::Disaster => words::DISASTER,
        })
    }

    /// What is the matter with a root; a word that is not known here is shown as given.
    pub(crate) fn root_state<'a>(&self, state: &'a str) -> &'a str {
        match state {
            "down" => self.say(words::DOWN),
            "degraded" => self.say(words::STATE_DEGRADED),
            "nodata" => self.say(words::STATE_NODATA),
            "blind" => self.say(words::STATE_BLIND),
            "flapping" => self.say(words::STATE_FLAPPING),
            other => other,
        }
    }

    /// The kind of a message; a word that is not known here is shown as given.
    pub(crate) fn message_kind<'a>(&self, kind: &'a str) -> &'a str {
        match kind {
            "problem" => self.say(words::PROBLEM),
            "update" => self.say(words::UPDATE),
            "resolved" => self.say(words::RESOLVED),
            other => other,
        }
    }
}

/// A load per core with its two decimals.
pub(crate) fn load(load: Option<f64>) -> String {
    match load.filter(|load| load.is_finite()) {
        Some(load) => format!("{load:.2}"),
        None => NOTHING.to_owned(),
    }
}

/// A share of 0 to 1 in per cent with one decimal, rounded down.
pub(crate) fn percent(share: f64) -> String {
    // The little extra keeps 0.977, which binary numbers cannot hold, from reading 97.6 %.
    let tenths = (share * 1000.0 + 1e-6).floor();
    if tenths >= 1000.0 { "100 %".to_owned() } else { format!("{:.1} %", tenths / 10.0) }
}

/// A moment on the clocks of a zone; one outside the calendar becomes its nearest end.
pub(crate) fn zoned(at: Time, zone: &TimeZone) -> jiff::Zoned {
    let end = if at.millis() < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(at.millis()).unwrap_or(end).to_zoned(zone.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time::from_millis(1_772_445_751_000);

    fn english() -> Voice {
        Voice::new(Lang::En, "UTC", NOW)
    }

    #[test]
    fn times_are_short_today_and_dated_on_other_days() {
        let yesterday = Time::from_millis(NOW.millis() - 86_400_000);
        assert_eq!(english().clock(NOW), "10:02:31");
        assert_eq!(english().clock(yesterday), "2026-03-01 10:02:31");
        assert_eq!(Voice::new(Lang::Zh, "Asia/Shanghai", NOW).clock(NOW), "18:02:31");
    }

    #[test]
    fn an_unknown_zone_is_utc_and_called_so() {
        let voice = Voice::new(Lang::En, "Mars/Olympus", NOW);
        assert_eq!((voice.zone_name(), voice.clock(NOW).as_str()), ("UTC", "10:02:31"));
    }

    #[test]
    fn durations_have_two_units_and_an_outage_is_never_nothing() {
        let told = [0.0, 0.04, 4.0, 9.96, 59.6, 171.0, 600.0, 3_900.0, 90_000.0];
        let told = told.map(|seconds| english().lasting(seconds));
        let expected = [
            "0 s",
            "0.1 s",
            "4 s",
            "10 s",
            "1 min",
            "2 min 51 s",
            "10 min",
            "1 h 5 min",
            "1 d 1 h",
        ];
        assert_eq!(told, expected);
        assert_eq!(Voice::new(Lang::Zh, "UTC", NOW).lasting(171.0), "2 分钟 51 秒");
    }

    #[test]
    fn an_exact_duration_leaves_nothing_out() {
        let told = [0, 59, 3_600, 93_785].map(|seconds| english().exactly(seconds));
        assert_eq!(told, ["0 s", "59 s", "1 h", "1 d 2 h 3 min 5 s"]);
    }

    #[test]
    fn shares_are_rounded_down() {
        let told = [0.0, 0.977, 0.9999, 1.0].map(percent);
        assert_eq!(told, ["0.0 %", "97.7 %", "99.9 %", "100 %"]);
    }

    #[test]
    fn what_is_filled_in_is_not_read_for_places_again() {
        let told = english().fill(words::POOL_READY_OF, &["{1}", "2"]);
        assert_eq!(told, "{1} of 2");
    }
}
