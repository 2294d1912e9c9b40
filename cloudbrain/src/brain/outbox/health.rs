//! Which channels do not deliver, and since when: a failed channel is itself a thing to be told of,
//! on another one.
//!
//! A channel is at fault from the moment it refuses somebody for good, until it has delivered to
//! that person again; and when it has failed again and again for [`FAILED_AFTER`], without a
//! success in between. A failure here and there is what retries are for.
//!
//! It sends no signal by itself: whoever asks [`Health::signals`] gets what has changed since.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{ChannelId, CheckId, Object, PersonId, SourceId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use serde::{Deserialize, Serialize};

/// A channel that only fails for so long is told of.
const FAILED_AFTER: Duration = Duration::from_secs(300);
/// One that was hardly tried meanwhile is not known to fail.
const FAILURES: u32 = 3;

/// How all channels do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Health {
    channels: BTreeMap<String, Record>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Record {
    /// Since the last success.
    failing: Option<Failing>,
    /// Whom it refuses, and why.
    refused: BTreeMap<PersonId, String>,
    /// A signal said that it is at fault.
    is_told: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Failing {
    since: Time,
    count: u32,
    /// What was said first.
    why: String,
}

impl Health {
    pub(super) fn delivered(&mut self, channel: &str, to: &PersonId) {
        if let Some(record) = self.channels.get_mut(channel) {
            record.failing = None;
            record.refused.remove(to);
        }
    }

    pub(super) fn failed(&mut self, channel: &str, why: &str, now: Time) {
        let record = self.channels.entry(channel.to_owned()).or_default();
        let first = || Failing { since: now, count: 0, why: why.to_owned() };
        record.failing.get_or_insert_with(first).count += 1;
    }

    pub(super) fn refused(&mut self, channel: &str, to: &PersonId, why: &str) {
        let record = self.channels.entry(channel.to_owned()).or_default();
        record.refused.insert(to.clone(), why.to_owned());
    }

    /// Since when each channel that fails does so, for whoever looks for another way.
    pub(super) fn failing_since(&self, channel: &str) -> Option<Time> {
        Some(self.channels.get(channel)?.failing.as_ref()?.since)
    }

    /// When the next failure becomes old enough to be told of.
    pub(super) fn wake_at(&self) -> Option<Time> {
        let waiting = self.channels.values().filter(|record| !record.is_told);
        let failing = waiting.filter_map(|record| record.failing.as_ref());
        let often = failing.filter(|failing| failing.count >= FAILURES);
        often.map(|failing| failing.since + FAILED_AFTER).min()
    }

    /// What has changed. A channel that is no longer in the files is at fault no more.
    pub(super) fn signals(&mut self, known: &BTreeSet<&str>, now: Time) -> Vec<Signal> {
        let mut signals = Vec::new();
        for (name, record) in &mut self.channels {
            let fault = record.fault(now).filter(|_| known.contains(name.as_str()));
            if fault.is_some() != record.is_told {
                record.is_told = fault.is_some();
                signals.extend(signal(name, fault, now));
            }
        }
        let is_clear = |record: &Record| record == &Record::default();
        self.channels.retain(|name, record| known.contains(name.as_str()) && !is_clear(record));
        signals
    }
}

impl Record {
    fn fault(&self, now: Time) -> Option<String> {
        if let Some((person, why)) = self.refused.first_key_value() {
            let more = match self.refused.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            return Some(format!("to {person}{more}: {why}"));
        }
        let failing = self.failing.as_ref()?;
        let is_long = now.since(failing.since) >= FAILED_AFTER && failing.count >= FAILURES;
        is_long.then(|| failing.why.clone())
    }
}

/// None if the channel's name is no name of an object; the page tells of it all the same.
fn signal(channel: &str, fault: Option<String>, at: Time) -> Option<Signal> {
    let state = match fault {
        Some(_) => SignalState::Problem(Severity::High),
        None => SignalState::Ok,
    };
    Some(Signal {
        source: SourceId::parse("outbox").expect("it is a name"),
        check: CheckId::parse("channel.delivery").expect("it is a name"),
        object: Object::Channel(ChannelId::parse(channel).ok()?),
        state,
        at,
        via: None,
        text: fault.unwrap_or_else(|| "it delivers again".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(health: &mut Health, at_s: i64) -> Vec<String> {
        let known = BTreeSet::from(["wecom", "mail"]);
        let signals = health.signals(&known, at(at_s));
        signals.iter().map(|s| format!("{} {:?} {}", s.object, s.state, s.text)).collect()
    }

    fn at(seconds: i64) -> Time {
        Time::from_millis(seconds * 1000)
    }

    #[test]
    fn a_channel_that_fails_is_told_of_when_it_has_failed_for_long() {
        let mut health = Health::default();
        health.failed("wecom", "no answer", at(0));
        health.failed("wecom", "still none", at(200));
        assert!(told(&mut health, 999).is_empty(), "two failures are few");
        assert_eq!(health.wake_at(), None);
        health.failed("wecom", "still none", at(250));
        assert!(told(&mut health, 299).is_empty());
        assert_eq!(health.wake_at(), Some(at(300)));
        assert_eq!(told(&mut health, 300), ["channel/wecom Problem(High) no answer"]);
        assert!(told(&mut health, 400).is_empty());
        health.delivered("wecom", &PersonId::parse("ann").unwrap());
        assert_eq!(told(&mut health, 500), ["channel/wecom Ok it delivers again"]);
        assert_eq!(health, Health::default());
    }

    #[test]
    fn who_is_refused_is_told_of_at_once_and_until_that_very_person_is_reached() {
        let (ann, bob) = (PersonId::parse("ann").unwrap(), PersonId::parse("bob").unwrap());
        let mut health = Health::default();
        health.refused("mail", &bob, "550 no such user");
        assert_eq!(told(&mut health, 1), ["channel/mail Problem(High) to bob: 550 no such user"]);
        health.delivered("mail", &ann);
        assert!(told(&mut health, 2).is_empty());
        health.delivered("mail", &bob);
        assert_eq!(told(&mut health, 3), ["channel/mail Ok it delivers again"]);
    }

    #[test]
    fn a_channel_that_was_taken_away_is_at_fault_no_more() {
        let mut health = Health::default();
        health.refused("gone", &PersonId::parse("ann").unwrap(), "no");
        health.channels.get_mut("gone").unwrap().is_told = true;
        assert_eq!(told(&mut health, 1), ["channel/gone Ok it delivers again"]);
        assert_eq!(health, Health::default());
    }
}
