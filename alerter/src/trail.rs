//! Writes the trail: decides what is worth a line, and how many.
//!
//! A storm of ten thousand signals must not become ten thousand rows. Of each minute at most
//! [`MAX_A_MINUTE`] signals are noted one by one and [`MAX_MOVES_A_MINUTE`] comings and goings,
//! [`MAX_AN_INCIDENT`] of each incident; the rest is counted, and the count is told.
//! What is not counted at all, since it comes again and again, has the smaller share
//! [`MAX_IGNORED_A_MINUTE`], so that it cannot crowd out what counts.

use std::time::Duration;

use model::id::{IncidentId, Object};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::topology::Topology;
use serde::{Deserialize, Serialize};

use crate::aside::aside;
use crate::cause::Findings;
use crate::gather::Gathered;
use crate::health::contradictor;
use crate::hear::{Hearing, bounded};
use crate::link;
use crate::note::{Fate, Note, Rule, What};
use crate::settings::Settings;
use crate::state::{Incident, Root, State, Word, id};
use crate::timer::Timer;
use crate::why;

/// Signals that are noted one by one, of one minute.
pub const MAX_A_MINUTE: u32 = 500;
/// Those among them that do not count.
pub const MAX_IGNORED_A_MINUTE: u32 = 100;
/// Comings and goings of one incident.
pub const MAX_AN_INCIDENT: u32 = 500;
/// Comings and goings of all incidents within a minute.
pub const MAX_MOVES_A_MINUTE: u32 = 1_000;

const MINUTE: Duration = Duration::from_secs(60);

/// How many signals were noted of the present minute.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Budget {
    since: Time,
    noted: u32,
    ignored: u32,
    /// Comings and goings of incidents.
    moves: u32,
    left_out: u32,
}

/// The line about a signal that was heard just now, if it is worth one.
pub(crate) fn heard(
    settings: &Settings,
    topology: &Topology,
    state: &mut State,
    signal: &Signal,
    hearing: Hearing,
    now: Time,
) -> Option<Note> {
    let is_info = signal.state == SignalState::Problem(Severity::Info);
    let is_worth_it = match hearing {
        Hearing::Repeated | Hearing::Again => false,
        Hearing::Needless => is_info,
        Hearing::News | Hearing::Stale { .. } | Hearing::Leaving | Hearing::Gone => true,
    };
    let is_ignored = is_info || hearing != Hearing::News;
    if !is_worth_it || !state.heard.take(is_ignored, now) {
        return None;
    }
    let fate =
        if is_info { Fate::Info } else { fate(settings, topology, state, signal, hearing, now)? };
    let what = What::Heard {
        check: signal.check.clone(),
        source: signal.source.clone(),
        said: signal.state,
        text: bounded(&signal.text),
        fate,
    };
    Some(Note { at: now, incident: None, object: Some(signal.object.clone()), what })
}

/// What was left out of a minute that is over.
pub(crate) fn left_out(state: &mut State, timer: &mut Timer) -> Option<Note> {
    let budget = &mut state.heard;
    if budget.left_out == 0 || !timer.reached(budget.since + MINUTE) {
        return None;
    }
    let what = What::LeftOut { count: std::mem::take(&mut budget.left_out) };
    Some(Note { at: timer.now, incident: None, object: None, what })
}

/// What one look has changed in the incidents that are open.
pub(crate) fn gathered(
    topology: &Topology,
    state: &mut State,
    findings: &Findings,
    gathered: &Gathered,
    now: Time,
) -> Vec<Note> {
    let mut notes = Vec::new();
    let State { incidents, heard: budget, .. } = state;
    for number in &gathered.opened {
        if let Some(incident) = incidents.get_mut(number) {
            notes.extend(opened(incident, budget, now));
        }
    }
    for (number, object) in &gathered.rooted {
        let Some(incident) = incidents.get_mut(number) else { continue };
        let Some(root) = incident.roots.get(object) else { continue };
        let what = What::Root { suspected: root.basis.is_suspicion() };
        notes.extend(
            incident.may_note(budget, now).then(|| of_incident(*number, Some(object), what, now)),
        );
    }
    for (number, object) in &gathered.joined {
        let Some(incident) = incidents.get_mut(number) else { continue };
        notes.extend(joined(topology, findings, incident, object, (budget, now)));
    }
    for (number, object, because) in &gathered.left {
        let Some(incident) = incidents.get_mut(number) else { continue };
        let what = What::Left { because: *because };
        notes.extend(
            incident.may_note(budget, now).then(|| of_incident(*number, Some(object), what, now)),
        );
    }
    notes
}

/// The last line of an incident.
pub(crate) fn ended(incident: &Incident, merged_into: Option<IncidentId>, now: Time) -> Note {
    let what = match merged_into {
        Some(into) => What::Merged { into },
        None => What::Closed { told: incident.told.len() },
    };
    of_incident(incident.number, None, what, now)
}

/// Who was never told of an incident that is over, while others were.
pub(crate) fn untold(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    now: Time,
) -> Vec<Note> {
    if !incident.was_told() {
        return Vec::new(); // The last line says so.
    }
    let people = why::untold(settings, topology, state, incident, now).into_iter();
    let what = people.map(|why| What::Untold { person: why.person, why: why.standing });
    what.map(|what| of_incident(incident.number, None, what, now)).collect()
}

/// By which rule an object is part of an open incident; None if it is not any more.
pub(crate) fn rule(
    topology: &Topology,
    findings: &Findings,
    incident: &Incident,
    object: &Object,
) -> Option<Rule> {
    if incident.roots.contains_key(object)
        && let Some(cause) = findings.causes.get(object)
    {
        return Some(link::rule(topology, cause, object));
    }
    let mut causes = incident.roots.keys().filter_map(|root| findings.causes.get(root));
    let takes =
        |cause: &&crate::cause::Cause| cause.root == *object || cause.members.contains_key(object);
    if let Some(cause) = causes.find(takes) {
        return Some(link::rule(topology, cause, object));
    }
    let member = incident.members.get(object).filter(|member| member.well.is_none())?;
    member.held_until.map(|until| Rule::Held { until })
}

/// What a word that is kept is worth now.
pub(crate) fn fate_of_word(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    object: &Object,
    word: &Word,
    now: Time,
) -> Fate {
    let words = state.words.get(object).map_or(&[][..], Vec::as_slice);
    if word.is_good() && !word.flapping {
        return Fate::Counts;
    }
    if let Some(other) = contradictor(word, words) {
        return Fate::Contradicted { by: other.source.clone(), at: other.heard };
    }
    let counts = if word.flapping { Fate::Flapping } else { Fate::Counts };
    aside(settings, topology, state, object, now).unwrap_or(counts)
}

fn fate(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    signal: &Signal,
    hearing: Hearing,
    now: Time,
) -> Option<Fate> {
    match hearing {
        Hearing::Repeated | Hearing::Again | Hearing::Needless => None,
        Hearing::Stale { last } => Some(Fate::Stale { last }),
        Hearing::Leaving => Some(Fate::Leaving),
        Hearing::Gone => Some(Fate::Gone),
        Hearing::News => {
            let mut words = state.words.get(&signal.object)?.iter();
            let word = words.find(|w| w.check == signal.check && w.source == signal.source)?;
            Some(fate_of_word(settings, topology, state, &signal.object, word, now))
        }
    }
}

/// A line for each root; the first says that the incident is opened.
fn opened(incident: &mut Incident, budget: &mut Budget, now: Time) -> Vec<Note> {
    let roots: Vec<(Object, bool)> = incident.roots.iter().map(root_of).collect();
    let mut notes = Vec::new();
    for (object, suspected) in roots {
        let is_first = notes.is_empty();
        let what = if is_first { What::Opened { suspected } } else { What::Root { suspected } };
        if is_first || incident.may_note(budget, now) {
            notes.push(of_incident(incident.number, Some(&object), what, now));
        }
    }
    notes
}

/// A root has a line as such.
fn joined(
    topology: &Topology,
    findings: &Findings,
    incident: &mut Incident,
    object: &Object,
    (budget, now): (&mut Budget, Time),
) -> Option<Note> {
    if incident.roots.contains_key(object) || !incident.may_note(budget, now) {
        return None;
    }
    let rule = rule(topology, findings, incident, object)?;
    Some(of_incident(incident.number, Some(object), What::Joined { rule }, now))
}

fn root_of((object, root): (&Object, &Root)) -> (Object, bool) {
    (object.clone(), root.basis.is_suspicion())
}

fn of_incident(number: u64, object: Option<&Object>, what: What, now: Time) -> Note {
    Note { at: now, incident: Some(id(number)), object: object.cloned(), what }
}

impl Budget {
    fn turn_over(&mut self, now: Time) {
        if now.since(self.since) >= MINUTE || now < self.since {
            *self = Self { since: now, left_out: self.left_out, ..Self::default() };
        }
    }

    /// Whether one more may be noted.
    fn take(&mut self, is_ignored: bool, now: Time) -> bool {
        self.turn_over(now);
        let has_room =
            self.noted < MAX_A_MINUTE && (!is_ignored || self.ignored < MAX_IGNORED_A_MINUTE);
        if has_room {
            self.noted += 1;
            self.ignored += u32::from(is_ignored);
        } else {
            self.left_out += 1;
        }
        has_room
    }
}

impl Incident {
    /// Whether one more coming or going may be noted; counts it either way.
    fn may_note(&mut self, budget: &mut Budget, now: Time) -> bool {
        self.notes += 1;
        budget.turn_over(now);
        let has_room =
            self.notes - self.unnoted <= MAX_AN_INCIDENT && budget.moves < MAX_MOVES_A_MINUTE;
        budget.moves += u32::from(has_room);
        self.unnoted += u32::from(!has_room);
        has_room
    }
}
