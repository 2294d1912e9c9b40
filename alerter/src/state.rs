//! Everything the alerter remembers.
//!
//! Two kinds of memory, kept apart: *words*, what each check last said of each object that is
//! unwell or near something unwell; and *incidents*, what was made of them and who was told.
//! Roots are never stored as facts: they are found anew from the words each time, so that the
//! order of arrival cannot matter.
//!
//! It serialises whole; read back after a restart it goes on as if nothing had happened. It holds
//! nothing for what is well, so its size follows what is wrong and not the fleet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{
    CheckId, CollectorId, IncidentId, ModuleId, Object, PersonId, SilenceId, SourceId, VmId,
};
use model::lang::Lang;
use model::signal::{Severity, SignalState};
use model::time::Time;
use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use crate::acknowledge::TakenOn;
use crate::act::{Acts, Snooze};
use crate::beside::Beside;
use crate::escalate::{Climb, Party};
use crate::event::{Acknowledgement, BrokenAcknowledgement, Repair};
use crate::kept::Kept;
use crate::latest::Latest;
use crate::message::{RootState, View};
use crate::objects::Objects;
use crate::rule::Words;
use crate::trail::Budget;

/// Everything needed to go on after a restart.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(crate) words: Kept<Object, Vec<Word>>,
    /// The open ones, by number; `i7` is number 7.
    pub(crate) incidents: Kept<u64, Incident>,
    /// How many incidents there ever were.
    pub(crate) last_number: u64,
    pub(crate) repairs: BTreeMap<VmId, Repair>,
    /// How many VMs a module had when its trouble began, the failed ones among them.
    pub(crate) module_sizes: BTreeMap<ModuleId, usize>,
    /// VMs that are gone, and since when: a late word about one is no news of an unknown VM.
    pub(crate) gone: BTreeMap<VmId, Time>,
    pub(crate) windows: Vec<Window>,
    #[serde(default)]
    pub(crate) acts: Acts,
    /// How many signals the trail has taken of this minute.
    #[serde(default)]
    pub(crate) heard: Budget,
    /// What other rooms know of the open incidents.
    #[serde(default)]
    pub(crate) beside: Beside,
    #[serde(skip)]
    pub(crate) latest: Latest,
    /// Something was heard since the incidents were last settled.
    pub(crate) unsettled: bool,
    pub(crate) settled_at: Option<Time>,
    pub(crate) wake_at: Option<Time>,
}

/// What one check last said, for those who ask.
#[derive(Clone, Copy, Debug)]
pub struct LastWord<'a> {
    /// Since when it says good, bad or nothing, by our clock.
    pub since: Time,
    /// When it said so last.
    pub heard: Time,
    /// In its own words, bounded.
    pub text: &'a str,
}

/// What one check of one source last said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Word {
    pub(crate) check: CheckId,
    pub(crate) source: SourceId,
    pub(crate) said: SignalState,
    /// How bad it was when it was last bad.
    pub(crate) last_severity: Severity,
    /// The source's own stamp: compared with those of the same check and source only.
    pub(crate) at: Time,
    /// Arrival of the first word since which it says good, bad or nothing; while it flaps, of the first
    /// of the changes that made it so.
    pub(crate) since: Time,
    /// Arrival of the latest word.
    pub(crate) heard: Time,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) via: Option<CollectorId>,
    /// From a monitored system; bounded when it was heard.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub(crate) text: Box<str>,
    /// What a rule says instead of the text, by language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) words: Option<Box<Words>>,
    /// When it changed between good and bad, within the flap window; once, for nearly all.
    #[serde(default, skip_serializing_if = "SmallVec::is_empty")]
    pub(crate) changes: SmallVec<[Time; 1]>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) flapping: bool,
}

impl Word {
    /// What it says, in a language if it can.
    pub(crate) fn text(&self, lang: Lang) -> &str {
        let words = self.words.as_ref().map(|words| &words.text);
        words.map_or(&self.text, |text| lang.pick(&text.en, &text.zh))
    }

    /// What to do about it, if it says so.
    pub(crate) fn runbook(&self, lang: Lang) -> Option<&str> {
        let runbook = self.words.as_ref()?.runbook.as_ref()?;
        Some(lang.pick(&runbook.en, &runbook.zh))
    }

    pub(crate) fn is_good(&self) -> bool {
        self.said == SignalState::Ok
    }

    /// It is bad, or was a moment ago and may be in the next.
    pub(crate) fn is_trouble(&self) -> bool {
        !self.is_good() || self.flapping
    }

    /// Since when it says what it says now.
    pub(crate) fn unchanged_since(&self) -> Time {
        self.changes.last().filter(|_| self.flapping).copied().unwrap_or(self.since)
    }
}

/// A maintenance window that nobody has named, and that is not over yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Window {
    pub(crate) on: Object,
    pub(crate) from: Time,
    pub(crate) until: Time,
}

#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub(crate) struct Incident {
    pub(crate) number: u64,
    pub(crate) opened: Time,
    /// When its first message is due.
    pub(crate) due: Time,
    /// Never empty. Several only for VMs that failed at the same time, each on its own.
    pub(crate) roots: BTreeMap<Object, Root>,
    #[serde(with = "crate::roll")]
    pub(crate) members: BTreeMap<Object, Member>,
    pub(crate) told: BTreeMap<PersonId, Told>,
    pub(crate) acknowledged: Option<Acknowledgement>,
    #[serde(default)]
    pub(crate) snoozes: BTreeMap<PersonId, Snooze>,
    /// Roots and members that are silenced, and by what.
    #[serde(default)]
    pub(crate) silenced: BTreeMap<Object, SilenceId>,
    /// What it was when it was acknowledged.
    #[serde(default)]
    pub(crate) taken_on: Option<TakenOn>,
    /// The acknowledgement that no longer counts, until there is another.
    #[serde(default)]
    pub(crate) broken: Option<BrokenAcknowledgement>,
    /// How far it was escalated, for each party that was told.
    #[serde(default)]
    pub(crate) climbs: BTreeMap<Party, Climb>,
    /// Changed since the journal last heard of it.
    pub(crate) changed: bool,
    /// When the first sign of it was heard.
    #[serde(default)]
    pub(crate) began: Option<Time>,
    /// How many comings and goings the trail was offered.
    #[serde(default)]
    pub(crate) notes: u32,
    /// How many of them it did not take.
    #[serde(default)]
    pub(crate) unnoted: u32,
}

#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub(crate) struct Root {
    pub(crate) since: Time,
    pub(crate) state: RootState,
    pub(crate) severity: Severity,
    pub(crate) basis: Basis,
    /// How many of the VMs it carries have answered although it is bad.
    #[serde(default)]
    pub(crate) answering: usize,
    /// Since when it is good again.
    pub(crate) back: Option<Time>,
}

/// Why something is held to be a root.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Basis {
    Reported,
    /// So many of the children it carries failed together.
    Suspected {
        failing: usize,
        of: usize,
    },
}

/// What suffers, or suffered, under an incident.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub(crate) struct Member {
    /// Since when it suffers.
    pub(crate) since: Time,
    /// Since when it is well again, or gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) well: Option<Time>,
    /// Its module when it joined; the topology forgets a VM that is gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) module: Option<ModuleId>,
    /// It was in no inventory when it joined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_unknown: bool,
    /// A check of its own was bad; else it suffers by deduction alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) reported: bool,
    /// Nothing explains it any more, but it keeps its place until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) held_until: Option<Time>,
    /// It has become another incident's, and is told of there.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) elsewhere: bool,
    /// How long it suffered before `since`, in milliseconds: it was well in between.
    #[serde(default, skip_serializing_if = "is_none")]
    pub(crate) suffered_ms: u64,
}

/// What one recipient was told of one incident.
#[derive(Clone, Debug, PartialEq, Hash, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The incident as the recipient knows it: one that was merged keeps its number for those
    /// who have not heard of the other yet.
    pub(crate) known_as: u64,
    /// All numbers under which the recipient had a problem message.
    pub(crate) heard_of: BTreeSet<u64>,
    /// How many messages.
    pub(crate) messages: u32,
    pub(crate) last_at: Time,
    pub(crate) roots: BTreeSet<Object>,
    pub(crate) state: RootState,
    /// The highest that was told.
    pub(crate) severity: Severity,
    pub(crate) members: Objects,
    /// The end was told and it has not begun again.
    pub(crate) ended: bool,
    /// For whom the recipient was told: it is theirs of which the end is owed, also to those who
    /// are no longer on duty by then.
    #[serde(default)]
    pub(crate) parties: BTreeSet<Party>,
    /// Why the last message came, if not for what happened.
    #[serde(default)]
    pub(crate) call: Option<Call>,
}

/// Why somebody is told beside those who were told already.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Call {
    /// This schedule has put the recipient on duty.
    OnDuty(PersonId),
    /// Nobody has acknowledged for so long.
    Escalated(Duration),
}

fn is_none(milliseconds: &u64) -> bool {
    *milliseconds == 0
}

impl Basis {
    pub(crate) fn is_suspicion(self) -> bool {
        matches!(self, Self::Suspected { .. })
    }
}

impl State {
    /// All but words and incidents: small, whatever is wrong.
    pub(crate) fn rest(&self) -> Self {
        Self {
            words: Kept::default(),
            incidents: Kept::default(),
            last_number: self.last_number,
            repairs: self.repairs.clone(),
            module_sizes: self.module_sizes.clone(),
            gone: self.gone.clone(),
            windows: self.windows.clone(),
            acts: self.acts.rest(),
            heard: self.heard.clone(),
            beside: self.beside.clone(),
            latest: Latest::default(),
            unsettled: self.unsettled,
            settled_at: self.settled_at,
            wake_at: self.wake_at,
        }
    }

    /// What a check last said of an object, if it is remembered.
    pub fn last_word(&self, object: &Object, check: &CheckId) -> Option<LastWord<'_>> {
        let word = self.words.get(object)?.iter().find(|word| word.check == *check)?;
        Some(LastWord { since: word.since, heard: word.heard, text: &word.text })
    }

    /// The objects of open incidents from `first` to `last` that a silence keeps quiet, and which.
    pub fn silenced(&self, first: &Object, last: &Object) -> BTreeMap<&Object, &SilenceId> {
        let incidents = self.incidents.values();
        incidents.flat_map(|incident| incident.silenced.range(first..=last)).collect()
    }

    /// Whether an open incident has to do with the object, be it well again by now.
    pub fn is_part(&self, object: &Object) -> bool {
        self.incidents.values().any(|incident| {
            incident.members.contains_key(object) || incident.roots.contains_key(object)
        })
    }

    /// What a source has said is bad and not taken back, by object and check, and what it said. Who
    /// speaks for that source after a restart must take back what it will not ask again.
    pub fn bad_by(
        &self,
        source: &SourceId,
    ) -> impl Iterator<Item = (&Object, &CheckId, SignalState)> {
        let words = self.words.iter().flat_map(|(o, words)| words.iter().map(move |w| (o, w)));
        let bad = words.filter(move |(_, word)| word.source == *source && !word.is_good());
        bad.map(|(object, word)| (object, &word.check, word.said))
    }

    /// Adds to a word that was just heard what it says in each language.
    pub(crate) fn translate(&mut self, object: &Object, check: &CheckId, words: Words) {
        let known = self.words.get_mut(object).into_iter().flatten();
        if let Some(word) = known.into_iter().find(|word| word.check == *check) {
            word.words = Some(Box::new(words));
        }
    }

    /// The open incident that an object suffers under, if any.
    pub(crate) fn incident_of(&self, object: &Object) -> Option<&Incident> {
        self.incidents.values().find(|incident| incident.holds(object))
    }
}

impl Incident {
    pub(crate) fn id(&self) -> IncidentId {
        id(self.number)
    }

    /// Whether the object is a root or suffers now.
    pub(crate) fn holds(&self, object: &Object) -> bool {
        let suffers = self.members.get(object).is_some_and(|member| member.well.is_none());
        suffers || self.roots.get(object).is_some_and(|root| root.back.is_none())
    }

    /// Who took it on as somebody knows it: one that broke holds for whoever was told since.
    pub(crate) fn taken_by(&self, told: &Told) -> Option<&PersonId> {
        let now = self.acknowledged.as_ref().map(|taken| &taken.by);
        let broken = self.broken.as_ref().filter(|broken| told.last_at >= broken.at);
        now.or(broken.map(|broken| &broken.by))
    }

    pub(crate) fn was_told(&self) -> bool {
        !self.told.is_empty()
    }

    pub(crate) fn suffering(&self) -> impl Iterator<Item = (&Object, &Member)> {
        self.members.iter().filter(|(_, member)| member.well.is_none())
    }

    /// When its last root came back; None while one is still bad.
    pub(crate) fn back(&self) -> Option<Time> {
        self.roots.values().map(|root| root.back).max_by_key(|back| back.unwrap_or(NEVER))?
    }

    /// The state of the roots that are still bad, the worst of them; once all are back, what it was.
    pub(crate) fn root_state(&self) -> RootState {
        self.bad_roots().map(|root| root.state).min().unwrap_or(RootState::Down)
    }

    pub(crate) fn severity(&self) -> Severity {
        self.bad_roots().map(|root| root.severity).max().unwrap_or(Severity::Info)
    }

    /// Whether this person hears of an object: it is not silenced, or he was told of it before.
    /// Operations read all that a root took, if that is not silenced.
    pub(crate) fn is_heard(&self, object: &Object, person: &PersonId, view: View) -> bool {
        let was_told = || self.told.get(person).is_some_and(|told| told.members.contains(object));
        let is_taken = || {
            let has_audible_root = self.audible_roots().next().is_some();
            view == View::Operations && has_audible_root && !self.roots.contains_key(object)
        };
        !self.silenced.contains_key(object) || is_taken() || was_told()
    }

    /// The roots that are not silenced.
    pub(crate) fn audible_roots(&self) -> impl Iterator<Item = (&Object, &Root)> {
        self.roots.iter().filter(|(object, _)| !self.silenced.contains_key(object))
    }

    /// Those of them that are bad.
    pub(crate) fn audible_bad_roots(&self) -> impl Iterator<Item = (&Object, &Root)> {
        self.audible_roots().filter(|(_, root)| root.back.is_none())
    }

    fn bad_roots(&self) -> impl Iterator<Item = &Root> {
        let all_back = self.back().is_some();
        self.roots.values().filter(move |root| all_back || root.back.is_none())
    }
}

pub(crate) fn id(number: u64) -> IncidentId {
    IncidentId::parse(&format!("i{number}")).expect("a letter and digits")
}

const NEVER: Time = Time::from_millis(i64::MAX);
