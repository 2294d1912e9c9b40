//! Why somebody is told of something just now, or is not.
//!
//! Nothing is remembered for this: each answer comes from the functions that decide, asked at the
//! same state (`cause::find` for what explains what, `tell::occasion` for who hears when). A
//! wait is read off the timer that the decision itself asked. So what is explained and what is
//! done cannot differ. What was in the past is in the trail ([`crate::note`]).

mod say;

use model::id::{CheckId, IncidentId, Object, PersonId, SourceId};
use model::signal::SignalState;
use model::time::Time;
use model::topology::Topology;
use serde::{Deserialize, Serialize};

use crate::aside::aside;
use crate::cause::{self, Findings};
use crate::health::health;
use crate::link;
use crate::message::{RootState, View};
use crate::note::{Fate, Rule};
use crate::settings::Settings;
use crate::state::{Incident, State, Word};
use crate::tell::{self, Share};
use crate::timer::Timer;
use crate::trail;

/// So many members of an incident are explained one by one.
const MAX_MEMBERS: usize = 200;

/// How one incident stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct IncidentWhy {
    /// Roots, and what suffers; at most 200.
    pub members: Vec<MemberWhy>,
    /// How many more there are.
    pub more: usize,
    pub people: Vec<PersonWhy>,
}

/// Why an object is part of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MemberWhy {
    pub object: Object,
    pub since: Time,
    pub rule: Rule,
}

/// How one person stands to an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PersonWhy {
    pub person: PersonId,
    pub view: View,
    /// How often they were told.
    pub messages: u32,
    pub standing: Standing,
}

/// Why somebody is told now, or is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Standing {
    /// The next look tells them.
    Due,
    /// They are told then, if it lasts.
    Waits { until: Time },
    /// They know all there is.
    Told { last: Time },
    /// There is something new for them, and it is told then.
    NextAt { at: Time },
    /// More suffers by now, but somebody works on it.
    HeldByAcknowledgement { by: PersonId },
    /// They were told that it is over for them.
    Ended { at: Time },
    /// Operations cannot repair software: its owners are told.
    SoftwareFault,
    /// Owners are not told that nothing is heard, or that the monitor is blind.
    NothingKnown,
    /// What concerned them was well again before they were due to be told.
    OverInTime,
    /// Nothing of theirs suffers.
    NothingOfTheirs,
}

/// What is known of one object, and what is made of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ObjectWhy {
    pub object: Object,
    pub place: Place,
    /// What each check of each source said last.
    pub words: Vec<WordWhy>,
}

/// Where an object stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Place {
    /// Nothing bad is known of it.
    Well,
    /// It is in no inventory, and no check of it is remembered.
    Unknown,
    /// What is bad of it is not believed: see its words.
    NotBelieved,
    /// It does not count just now.
    Aside {
        fate: Fate,
    },
    /// Something is wrong, and it may yet be explained by something above it until then.
    Waits {
        root: Object,
        until: Time,
        rule: Rule,
    },
    Part {
        incident: IncidentId,
        rule: Rule,
    },
}

/// What one check said last.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WordWhy {
    pub check: CheckId,
    pub source: SourceId,
    pub said: SignalState,
    /// When it began to say so.
    pub since: Time,
    /// When it said so last.
    pub heard: Time,
    pub text: String,
    pub fate: Fate,
}

/// How an open incident stands; None if none of that id is open.
pub fn incident(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    id: &IncidentId,
    now: Time,
) -> Option<IncidentWhy> {
    let incident = state.incidents.values().find(|incident| incident.id() == *id)?;
    let findings = cause::find(settings, topology, state, &mut Timer::at(now));
    let roots = incident.roots.iter().filter(|(_, root)| root.back.is_none());
    let roots: Vec<(&Object, Time)> = roots.map(|(object, root)| (object, root.since)).collect();
    let suffering = incident.suffering().map(|(object, member)| (object, member.since));
    let others = suffering.filter(|(object, _)| !incident.roots.contains_key(*object));
    let all: Vec<(&Object, Time)> = roots.into_iter().chain(others).collect();
    let members = all.iter().take(MAX_MEMBERS).filter_map(|(object, since)| {
        let rule = trail::rule(topology, &findings, incident, object)?;
        Some(MemberWhy { object: (*object).clone(), since: *since, rule })
    });
    Some(IncidentWhy {
        members: members.collect(),
        more: all.len().saturating_sub(MAX_MEMBERS),
        people: people(settings, topology, state, incident, now),
    })
}

/// What is known of an object, and why somebody is told of it or not.
pub fn object(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    object: &Object,
    now: Time,
) -> ObjectWhy {
    let known = state.words.get(object).map_or(&[][..], Vec::as_slice);
    let word = |word: &Word| WordWhy {
        check: word.check.clone(),
        source: word.source.clone(),
        said: word.said,
        since: word.unchanged_since(),
        heard: word.heard,
        text: word.text.to_string(),
        fate: trail::fate_of_word(settings, topology, state, object, word, now),
    };
    ObjectWhy {
        object: object.clone(),
        place: place(settings, topology, state, object, now),
        words: known.iter().map(word).collect(),
    }
}

fn place(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    object: &Object,
    now: Time,
) -> Place {
    let findings = cause::find(settings, topology, state, &mut Timer::at(now));
    if let Some(incident) = state.incident_of(object)
        && let Some(rule) = trail::rule(topology, &findings, incident, object)
    {
        return Place::Part { incident: incident.id(), rule };
    }
    if let Some(waits) = waits(topology, &findings, object) {
        return waits;
    }
    let known = state.words.get(object).map_or(&[][..], Vec::as_slice);
    let is_bad = known.iter().any(|word| !word.is_good());
    if let Some(fate) = aside(settings, topology, state, object, now)
        && (is_bad || fate == Fate::Leaving)
    {
        return Place::Aside { fate };
    }
    match (is_bad, health(object, known)) {
        (true, None) => Place::NotBelieved,
        (false, _) if known.is_empty() && !is_known(topology, object) => Place::Unknown,
        _ => Place::Well,
    }
}

/// What is certain enough to be unwell, and not enough to be told.
fn waits(topology: &Topology, findings: &Findings, object: &Object) -> Option<Place> {
    let takes = |cause: &&cause::Cause| cause.root == *object || cause.members.contains_key(object);
    let cause = findings.causes.values().find(takes)?;
    let rule = link::rule(topology, cause, object);
    Some(Place::Waits { root: cause.root.clone(), until: cause.due, rule })
}

fn is_known(topology: &Topology, object: &Object) -> bool {
    match object {
        Object::Switch(id) => topology.switches.contains(id),
        Object::Host(id) => topology.hosts.contains_key(id),
        Object::Vm(id) => topology.vms.contains_key(id),
        Object::Module(id) => topology.modules.contains_key(id),
        Object::Project(id) => topology.projects.contains_key(id),
        Object::DataSource(id) => topology.data_sources.contains_key(id),
        Object::Collector(_) | Object::Channel(_) | Object::Pool(_) | Object::Vantage(_) => true,
    }
}

/// Whom an incident concerned and who was never told of it, with the reason.
pub(crate) fn untold(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    now: Time,
) -> Vec<PersonWhy> {
    let people = people(settings, topology, state, incident, now).into_iter();
    people.filter(|person| person.messages == 0).collect()
}

fn people(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    now: Time,
) -> Vec<PersonWhy> {
    let shares = tell::shares(settings, topology, incident);
    let people = shares.iter().map(|(person, share)| PersonWhy {
        person: person.clone(),
        view: share.view,
        messages: incident.told.get(person).map_or(0, |told| told.messages),
        standing: standing(settings, topology, state, incident, (person, share), now),
    });
    people.collect()
}

fn standing(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    (person, share): (&PersonId, &Share),
    now: Time,
) -> Standing {
    let mut timer = Timer::at(now);
    let kind = tell::occasion(settings, topology, state, incident, person, share, &mut timer);
    if kind.is_some() {
        return Standing::Due;
    }
    match (incident.told.get(person), timer.next()) {
        (None, Some(until)) => Standing::Waits { until },
        (None, None) => unconcerned(topology, incident, share),
        (Some(_), Some(at)) => Standing::NextAt { at },
        (Some(told), None) if told.ended => Standing::Ended { at: told.last_at },
        (Some(told), None) => match incident.taken_by(told) {
            Some(by)
                if share.view == View::Operations && tell::has_grown(incident, share, told) =>
            {
                Standing::HeldByAcknowledgement { by: by.clone() }
            }
            _ => Standing::Told { last: told.last_at },
        },
    }
}

fn unconcerned(topology: &Topology, incident: &Incident, share: &Share) -> Standing {
    let is_theirs = tell::concerns_operations(topology, incident, share);
    match (share.view, incident.root_state()) {
        (View::Operations, _) if !is_theirs => Standing::SoftwareFault,
        (View::Owner, RootState::Nodata | RootState::Blind) => Standing::NothingKnown,
        (View::Owner, _) if share.members.is_empty() => Standing::NothingOfTheirs,
        (View::Owner | View::Operations, _) => Standing::OverInTime,
    }
}
