//! Which channels lead to a person, the best first.
//!
//! A person's own, in the order of the files. Somebody who is not in the files is told on the first
//! channel: never nobody. That a channel does not deliver is never told on that channel; whoever
//! has no other is told of it on any that leads to him.

use alerter::message::Message;
use model::id::{Object, PersonId};

use crate::config::Config;

/// By name. `about` is what is told of.
fn ways(config: &Config, person: &PersonId, about: &Object) -> Vec<String> {
    let known = config.raw.people.get(person);
    let mut own: Vec<&str> = known.map(|person| person.ways()).unwrap_or_default();
    let all = || config.channels.iter().map(|channel| channel.name());
    if own.is_empty() {
        own.extend(all().next());
    }
    let Object::Channel(failed) = about else { return owned(own) };
    let failed = failed.as_str();
    let reached = config
        .channels
        .iter()
        .filter(|channel| channel.reaches(address(config, person, channel.name())).is_ok());
    let others = reached.map(|channel| channel.name());
    let mut ways: Vec<&str> = Vec::new();
    for way in own.iter().copied().chain(others).filter(|way| *way != failed) {
        if !ways.contains(&way) {
            ways.push(way);
        }
    }
    // Better the failed channel than none: it may work again one day.
    owned(if ways.is_empty() { own } else { ways })
}

/// Those on which a report is read; none if nobody could be told there.
pub(super) fn ways_of_reports(config: &Config, person: &PersonId) -> Vec<String> {
    let own = config.raw.people.get(person).map(|person| person.ways()).unwrap_or_default();
    let takes = |way: &&str| {
        let mut channels = config.channels.iter().filter(|channel| channel.name() == *way);
        channels.any(|channel| {
            channel.takes_reports() && channel.reaches(address(config, person, way)).is_ok()
        })
    };
    owned(own.into_iter().filter(takes).collect())
}

/// For this message.
pub(super) fn ways_for(config: &Config, message: &Message) -> Vec<String> {
    match message.is_report {
        true => ways_of_reports(config, &message.to),
        false => ways(config, &message.to, &message.root),
    }
}

/// Where a person is reached on a channel, if the files say so.
pub(super) fn address<'a>(config: &'a Config, person: &PersonId, channel: &str) -> Option<&'a str> {
    Some(config.raw.people.get(person)?.addresses.get(channel)?.as_str())
}

fn owned(ways: Vec<&str>) -> Vec<String> {
    ways.into_iter().map(str::to_owned).collect()
}
