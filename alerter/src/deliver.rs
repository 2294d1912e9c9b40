//! What becomes of a message that could not be delivered: when it is tried again, what overtakes
//! it, and what it says by then.
//!
//! A channel may be shut for an hour while the outage grows. Whoever is reached at last wants to
//! know how things are, and not how they were; and nobody wants to hear of the end of what he was
//! never told of.

use std::time::Duration;

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

/// What is to be delivered once `newer` comes while `older` waits: both are on the same incident,
/// to the same person. None if neither is: what was never told of needs no end. `may_be_known`
/// says that an attempt at `older` ended without an answer, so that it may have arrived.
pub fn overtake(older: &Message, may_be_known: bool, newer: Message) -> Option<Message> {
    let is_unheard = older.kind == MessageKind::Problem && !may_be_known;
    match newer.kind {
        MessageKind::Resolved if is_unheard => None,
        MessageKind::Update if is_unheard => {
            Some(Message { kind: MessageKind::Problem, key: older.key.clone(), ..newer })
        }
        MessageKind::Problem | MessageKind::Update | MessageKind::Resolved => Some(newer),
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
    if message.kind == MessageKind::Resolved {
        return None;
    }
    let by_id = |incident: &&Incident| incident.id() == message.incident;
    let incident = state.incidents.values().find(by_id)?;
    let number = incident.number;
    let told = incident.told.get(&message.to).filter(|told| !told.ended)?;
    let mut before = incident.clone();
    if message.kind == MessageKind::Problem {
        before.told.remove(&message.to); // Nothing was heard of it yet.
    }
    let count = told.messages;
    let (call, parties) = (told.call.clone(), told.parties.clone());
    let shares = tell::shares(settings, topology, &before);
    let share = shares.get(&message.to)?;
    let word = Word { kind: message.kind, call, parties, members: tell::tells_of(share) };
    let to = (&message.to, share);
    let renewed = settle::message(settings, topology, state, &before, to, &word, now);
    let incident = state.incidents.get_mut(&number)?;
    tell::note(incident, &message.to, word, now);
    incident.told.get_mut(&message.to)?.messages = count;
    Some(Message { key: message.key.clone(), ..renewed })
}
