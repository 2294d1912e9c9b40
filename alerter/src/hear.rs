//! Takes in one word of one check: repeated, stale and needless words end here.
//!
//! A word is kept if it is bad, or if it is good and something near it is bad: only then can it
//! contradict or clear anything. So a fleet that is well costs nothing, but for the stamps of what it
//! said of late (`latest`).
//!
//! Deadlines count from arrival; the source's own stamp only orders its own words, since the
//! clocks of two machines differ.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{HostId, Object, SwitchId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::topology::Topology;

use crate::clock;
use crate::settings::Settings;
use crate::state::{State, Word};

/// The longest text kept of a monitored system's own words, in characters.
const MAX_WORD_CHARS: usize = 200;

/// A name is never given out twice, so a late word about a VM that went is no stranger's.
const GONE_IS_KNOWN: Duration = Duration::from_secs(86_400);

/// What a word was worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hearing {
    /// It says something else than before.
    News,
    /// Good once more: it may clear what began after the last one.
    Again,
    /// Bad as before.
    Repeated,
    /// Good, and nothing near it is bad.
    Needless,
    /// The same check has said something later than this.
    Stale { last: Time },
    /// Its VM is being taken away on purpose.
    Leaving,
    /// Its VM is gone.
    Gone,
}

impl Hearing {
    /// Whether what is known has changed by it.
    pub(crate) fn may_matter(self) -> bool {
        matches!(self, Self::News | Self::Again)
    }
}

pub(crate) fn hear(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    signal: &Signal,
    now: Time,
) -> Hearing {
    let said = weigh(signal.state);
    if said != SignalState::Ok
        && let Some(expected) = expected(topology, state, &signal.object)
    {
        return expected;
    }
    let words = state.words.get_mut(&signal.object);
    let known = words.and_then(|words| words.iter_mut().find(|word| is_of(word, signal)));
    if let Some(word) = known {
        return update(settings, word, signal, said, now);
    }
    if let Some(last) = state.latest.of(signal)
        && is_stale(signal, last, now)
    {
        return Hearing::Stale { last };
    }
    if said == SignalState::Ok && !is_near_trouble(topology, &state.words, &signal.object) {
        state.latest.note(signal, now);
        return Hearing::Needless;
    }
    let words = state.words.or_default(signal.object.clone());
    if words.is_empty() {
        words.reserve_exact(1); // Most objects never have a second.
    }
    words.push(first(signal, said, now));
    Hearing::News
}

/// Forgets what can no longer matter: good words far from any trouble, once they are too old to
/// tell flapping or to recognise a stale word.
pub(crate) fn forget(settings: &Settings, topology: &Topology, state: &mut State, now: Time) {
    let expired = |word: &Word| word.is_good() && word.heard + settings.flap_window <= now;
    let old: Vec<Object> = state
        .words
        .iter()
        .filter(|(_, words)| words.iter().all(expired))
        .filter(|(object, _)| !is_near_trouble(topology, &state.words, object))
        .map(|(object, _)| object.clone())
        .collect();
    for object in old {
        if let Some(words) = state.words.remove(&object) {
            state.latest.take_over(&object, &words);
        }
    }
    state.latest.forget(now);
    state.gone.retain(|_, since| *since + GONE_IS_KNOWN > now);
    state.windows.retain(|window| window.until > now);
    state.acts.forget(now);
}

/// Drops what no longer flaps, and the changes that are too old to count.
pub(crate) fn calm(settings: &Settings, state: &mut State, now: Time) {
    let is_old = |change: &Time| *change + settings.flap_window <= now;
    let stale = state
        .words
        .iter()
        .filter(|(_, words)| words.iter().any(|word| word.changes.first().is_some_and(is_old)));
    let stale: Vec<Object> = stale.map(|(object, _)| object.clone()).collect();
    for object in stale {
        for word in state.words.get_mut(&object).into_iter().flatten() {
            let last = word.changes.last().copied();
            word.changes.retain(|change| !is_old(change));
            if word.flapping && word.changes.is_empty() {
                word.flapping = false;
                word.since = last.unwrap_or(word.since); // It has said so ever since.
            }
        }
    }
}

/// "Info" is never told, so it is as good as good.
fn weigh(said: SignalState) -> SignalState {
    if said == SignalState::Problem(Severity::Info) { SignalState::Ok } else { said }
}

/// Whether a bad word about it is no news: it is gone, or being taken away on purpose. One that
/// failed before its removal began stays in its incident and is listened to.
fn expected(topology: &Topology, state: &State, object: &Object) -> Option<Hearing> {
    let Object::Vm(vm) = object else { return None };
    match topology.vms.get(vm) {
        Some(place) => {
            (place.leaving && state.incident_of(object).is_none()).then_some(Hearing::Leaving)
        }
        None => state.gone.contains_key(vm).then_some(Hearing::Gone),
    }
}

fn is_of(word: &Word, signal: &Signal) -> bool {
    word.check == signal.check && word.source == signal.source
}

fn first(signal: &Signal, said: SignalState, now: Time) -> Word {
    let changes = (said != SignalState::Ok).then_some(now).into_iter().collect();
    Word {
        check: signal.check.clone(),
        source: signal.source.clone(),
        said,
        last_severity: severity(said).unwrap_or(Severity::Info),
        at: signal.at,
        since: now,
        heard: now,
        via: signal.via.clone(),
        text: bounded(&signal.text).into(),
        words: None,
        changes,
        flapping: false,
    }
}

fn update(
    settings: &Settings,
    word: &mut Word,
    signal: &Signal,
    said: SignalState,
    now: Time,
) -> Hearing {
    if is_stale(signal, word.at, now) {
        return Hearing::Stale { last: word.at };
    }
    let is_same = word.said == said && word.via == signal.via;
    word.at = signal.at;
    word.heard = now;
    word.via.clone_from(&signal.via);
    word.text = bounded(&signal.text).into();
    word.words = None;
    if is_same {
        return if word.is_good() { Hearing::Again } else { Hearing::Repeated };
    }
    if kind(word.said) != kind(said) && !word.flapping {
        word.since = now;
    }
    if word.is_good() != (said == SignalState::Ok) {
        note_change(settings, word, now);
    }
    word.said = said;
    word.last_severity = severity(said).unwrap_or(word.last_severity);
    Hearing::News
}

/// Whether the same check of the same source said something later.
fn is_stale(signal: &Signal, last: Time, now: Time) -> bool {
    signal.at < last && !clock::is_set_right(last, signal.at, now)
}

fn severity(said: SignalState) -> Option<Severity> {
    match said {
        SignalState::Problem(severity) => Some(severity),
        SignalState::Silent => Some(Severity::Warning),
        SignalState::Ok => None,
    }
}

fn note_change(settings: &Settings, word: &mut Word, now: Time) {
    word.changes.retain(|change| *change + settings.flap_window > now);
    if word.changes.len() >= settings.flap_changes.max(1) {
        word.changes.remove(0); // More than enough of them say nothing new.
    }
    word.changes.push(now);
    if !word.flapping && word.changes.len() >= settings.flap_changes {
        word.flapping = true;
        word.since = word.since.min(word.changes[0]); // It began with the first of them.
    }
}

/// "Silent" and "down" begin anew from each other; a change of severity does not.
fn kind(said: SignalState) -> u8 {
    match said {
        SignalState::Ok => 0,
        SignalState::Silent => 1,
        SignalState::Problem(_) => 2,
    }
}

/// A monitored system's own words, as much of them as is kept.
pub(crate) fn bounded(text: &str) -> String {
    if text.len() <= MAX_WORD_CHARS && text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return text.to_owned();
    }
    let printable = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(MAX_WORD_CHARS).collect()
}

/// Whether anything bad is known of the object, of what carries it, or of what it carries.
fn is_near_trouble(
    topology: &Topology,
    words: &BTreeMap<Object, Vec<Word>>,
    object: &Object,
) -> bool {
    let is_bad =
        |object: &Object| words.get(object).is_some_and(|words| words.iter().any(Word::is_trouble));
    let switch_is_bad = |switch: &SwitchId| is_bad(&Object::Switch(switch.clone()));
    let host_is_bad = |host: &HostId| {
        let switch = topology.hosts.get(host).and_then(|host| host.switch.as_ref());
        is_bad(&Object::Host(host.clone())) || switch.is_some_and(switch_is_bad)
    };
    is_bad(object)
        || match object {
            Object::Vm(vm) => {
                topology.vms.get(vm).and_then(|vm| vm.host.as_ref()).is_some_and(host_is_bad)
            }
            Object::Host(host) => host_is_bad(host) || carries_trouble(topology, words, object),
            Object::Switch(_) => carries_trouble(topology, words, object),
            Object::Module(_)
            | Object::Project(_)
            | Object::DataSource(_)
            | Object::Collector(_)
            | Object::Channel(_)
            | Object::Pool(_)
            | Object::Vantage(_) => false,
        }
}

fn carries_trouble(
    topology: &Topology,
    words: &BTreeMap<Object, Vec<Word>>,
    carrier: &Object,
) -> bool {
    let bad = words.iter().filter(|(_, words)| words.iter().any(Word::is_trouble));
    bad.map(|(object, _)| object).any(|object| match (object, carrier) {
        (Object::Vm(vm), Object::Host(host)) => {
            topology.vms.get(vm).is_some_and(|vm| vm.host.as_ref() == Some(host))
        }
        (Object::Host(host), Object::Switch(switch)) => {
            topology.hosts.get(host).is_some_and(|host| host.switch.as_ref() == Some(switch))
        }
        _ => false,
    })
}
