//! What becomes of a message that could not be delivered: when it is tried again, what overtakes
//! it, and what it says by then.
//!
//! A channel may be shut for an hour while the outage grows. Whoever is reached at last wants to
//! know how things are, and not how they were; and nobody wants to hear of the end of what he was
//! never told of.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::IncidentId;
use model::time::Time;
use model::topology::Topology;

use crate::message::{Message, MessageKind};
use crate::settings::Settings;
use crate::settle;
use crate::state::{Incident, State};
use crate::tell::{self, Word};

/// The first pause after a failed delivery; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
/// A way that is open again is found within this time.
const LONGEST_PAUSE: Duration = Duration::from_secs(45);

/// How long to wait after so many failed attempts, if the channel itself does not say.
pub fn pause(attempts: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.pow(attempts.saturating_sub(1).min(8))).min(LONGEST_PAUSE)
}

/// One word on a matter (one incident, one person) that is not surely delivered yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Undelivered {
    pub kind: MessageKind,
    pub progress: Progress,
}

/// How far an undelivered word has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The person does not know it.
    Waits,
    /// It is with a channel just now.
    UnderWay,
    /// A channel had it once and did not say what became of it; it waits again.
    Unclear,
}

/// What becomes of an undelivered word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is still to be told, as a word of this kind.
    Stays(MessageKind),
    /// A newer word says all it would have said.
    Overtaken,
    /// The end of what the person never heard of.
    Needless,
}

/// What becomes of the words on one matter, given oldest first. Of those that are with no channel
/// only the newest is of use. What it is to the person follows from what he may know: the first he
/// hears is the problem; what he never heard of needs no end; and a problem that begins again
/// before its end was told goes on, for him. `is_untold`: its problem was refused by all channels.
pub fn overtake(words: &[Undelivered], is_untold: bool) -> Vec<Fate> {
    let Some((newest, older)) = words.split_last() else { return Vec::new() };
    let is_stale = |word: &&Undelivered| word.progress != Progress::UnderWay;
    let lost = |kind| older.iter().filter(is_stale).any(|word| word.kind == kind);
    // By the last word that he may have heard, does it go on?
    let known = older.iter().rev().find(|word| word.may_be_known());
    let goes_on = known.is_some_and(|word| word.kind != MessageKind::Resolved);
    let lacks_problem = (is_untold || lost(MessageKind::Problem)) && !goes_on;
    let is_end = newest.kind == MessageKind::Resolved;
    let last = match (is_end, lacks_problem) {
        (true, true) if !newest.may_be_known() => Fate::Needless,
        (false, true) => Fate::Stays(MessageKind::Problem),
        (false, false) if lost(MessageKind::Resolved) => Fate::Stays(MessageKind::Update),
        (true | false, _) => Fate::Stays(newest.kind),
    };
    let fate = |word: &Undelivered| match word.progress {
        Progress::UnderWay => Fate::Stays(word.kind),
        Progress::Waits | Progress::Unclear => Fate::Overtaken,
    };
    older.iter().map(fate).chain([last]).collect()
}

impl Undelivered {
    /// The person may have heard of the incident by it.
    fn may_be_known(&self) -> bool {
        self.progress != Progress::Waits
    }
}

/// The same word, about the state as it is at `now`, and noted as told. Key and kind stay. None if
/// there is nothing newer to say: it is an end, or its incident is over or became another's.
pub fn renew(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    message: &Message,
    now: Time,
) -> Option<Message> {
    renew_all(settings, topology, state, std::slice::from_ref(message), now).pop()?
}

/// Each of them likewise, in their order; at the cost of one where many are on one incident.
pub fn renew_all(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    messages: &[Message],
    now: Time,
) -> Vec<Option<Message>> {
    let mut of_incident: BTreeMap<&IncidentId, Vec<&Message>> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.kind != MessageKind::Resolved) {
        of_incident.entry(&message.incident).or_default().push(message);
    }
    let mut renewed: BTreeMap<String, Message> = BTreeMap::new();
    for (incident, messages) in of_incident {
        let words = renew_on(settings, topology, state, incident, &messages, now);
        renewed.extend(words.into_iter().map(|word| (word.key.clone(), word)));
    }
    messages.iter().map(|message| renewed.remove(&message.key)).collect()
}

fn renew_on(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    incident: &IncidentId,
    messages: &[&Message],
    now: Time,
) -> Vec<Message> {
    let by_id = |known: &&Incident| known.id() == *incident;
    let Some(incident) = state.incidents.values().find(by_id) else { return Vec::new() };
    let number = incident.number;
    let shares = tell::shares(settings, topology, incident);
    let mut before = incident.clone();
    for message in messages.iter().filter(|message| message.kind == MessageKind::Problem) {
        before.told.remove(&message.to); // Nothing was heard of it yet.
    }
    let renewed = messages.iter().filter_map(|message| {
        let told = incident.told.get(&message.to).filter(|told| !told.ended)?;
        let share = shares.get(&message.to)?;
        let (call, parties) = (told.call.clone(), told.parties.clone());
        let word = Word { kind: message.kind, call, parties, members: tell::tells_of(share) };
        let to = (&message.to, share);
        let renewed = settle::message(settings, topology, state, &before, to, &word, now);
        Some((Message { key: message.key.clone(), ..renewed }, word, told.messages))
    });
    let renewed: Vec<(Message, Word, u32)> = renewed.collect();
    let Some(incident) = state.incidents.get_mut(&number) else { return Vec::new() };
    for (message, word, count) in &renewed {
        tell::note(incident, &message.to, word.clone(), now);
        if let Some(told) = incident.told.get_mut(&message.to) {
            told.messages = *count; // It is the same word.
        }
    }
    renewed.into_iter().map(|(message, ..)| message).collect()
}
