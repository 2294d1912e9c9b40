//! What people do about incidents, beside repairing them: they put one off, keep a thing quiet, or
//! announce that it will be worked on.
//!
//! Three acts, which differ in what they hold back. A *snooze* is one person's: of this incident he
//! hears only what makes it worse, until an hour he names. A *silence* is everybody's: what fails
//! on its objects makes no message, but is an incident that the pages show as silenced. A
//! *maintenance window* is announced beforehand: what fails on its objects then is no incident.
//! Acknowledging is older and stands in `step`.
//!
//! Each has an end. What is still wrong by then is told then, once. None of them holds back an end:
//! whoever was told of a problem is told when it is over.

mod cover;
mod silence;
mod snooze;

use std::collections::{BTreeMap, BTreeSet};

use model::id::{CheckId, IncidentId, Object, PersonId, SilenceId, WindowId};
use model::time::Time;
use model::topology::Topology;
use serde::{Deserialize, Serialize};

use crate::settings::Settings;
use crate::state::State;
use crate::tell;

pub(crate) use cover::lineage;
pub(crate) use silence::hush;
pub use snooze::Snooze;
pub(crate) use snooze::{forget, note_over};

/// One act of a person, or what follows from the files and the clock.
#[derive(Clone, Debug, PartialEq)]
pub enum Act {
    /// Somebody wants to hear of an incident again at `until`, and till then only what makes it
    /// worse, and its end.
    Snoozed { incident: IncidentId, by: PersonId, until: Time },
    /// A silence begins, or is changed. If it is by label, `covers` names the posted alerts that
    /// it covers by now.
    Silenced { silence: Silence, covers: Vec<(Object, CheckId)> },
    /// A silence is over before its end.
    Expired(SilenceId),
    /// Which of the silences by label cover what a posted alert says.
    Labelled { object: Object, check: CheckId, silences: BTreeSet<SilenceId> },
    /// A window that somebody opened by hand.
    Opened(Window),
    /// A window that somebody opened by hand is over before its end.
    Ended(WindowId),
    /// All windows that the files have from now on, and no others.
    Planned(Vec<Window>),
}

/// What fails on its objects is told to nobody until it is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Silence {
    pub id: SilenceId,
    pub scope: Scope,
    pub from: Time,
    pub until: Time,
    pub by: PersonId,
    /// Why.
    pub comment: String,
}

/// What a silence covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// An object and what stands on it or belongs to it; of one check only, if one is named.
    Object { on: Object, check: Option<CheckId> },
    /// Posted alerts with labels that match all of these. Whoever knows the labels says which
    /// alerts those are, by [`Act::Labelled`].
    Labels(Vec<LabelMatcher>),
}

impl Scope {
    /// The object, if it is not by label.
    pub fn object(&self) -> Option<&Object> {
        match self {
            Self::Object { on, .. } => Some(on),
            Self::Labels(_) => None,
        }
    }
}

/// What the value of one label must be, as Alertmanager's silences have it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LabelMatcher {
    pub name: String,
    pub value: String,
    /// A regular expression that must match the whole value.
    pub is_regex: bool,
    /// False if it must not be so.
    #[serde(default = "yes")]
    pub is_equal: bool,
}

/// What fails on its objects, or on what those carry, is expected and no incident meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    pub id: WindowId,
    pub on: BTreeSet<Object>,
    pub from: Time,
    pub until: Time,
    /// Who opened it by hand; None if it stands in a file.
    pub by: Option<PersonId>,
    pub comment: String,
}

impl Window {
    /// Each occurrence of a window of the files is one of its own.
    fn key(&self) -> String {
        match &self.by {
            Some(_) => self.id.to_string(),
            None => format!("{}@{}", self.id, self.from.millis()),
        }
    }
}

/// How many of each there ever were.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Numbers {
    silences: u64,
    windows: u64,
}

/// Acts and what tells them apart; a part of [`State`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Acts {
    pub(crate) silences: BTreeMap<SilenceId, Silence>,
    /// For what posted alerts say: the silences by label that cover it.
    pub(crate) labelled: BTreeMap<Object, BTreeMap<CheckId, BTreeSet<SilenceId>>>,
    pub(crate) windows: BTreeMap<String, Window>,
    pub(crate) numbers: Numbers,
}

impl State {
    /// The silences that are not over, by id.
    pub fn silences(&self) -> impl Iterator<Item = &Silence> {
        self.acts.silences.values()
    }

    pub fn silence(&self, id: &SilenceId) -> Option<&Silence> {
        self.acts.silences.get(id)
    }

    /// The silences by label that cover what a posted alert says, by our last word.
    pub fn silences_by_label(
        &self,
        object: &Object,
        check: &CheckId,
    ) -> Option<&BTreeSet<SilenceId>> {
        self.acts.labelled.get(object)?.get(check)
    }

    /// Who is told of an open incident, or will be if it lasts; None if it is not open.
    pub fn recipients(
        &self,
        settings: &Settings,
        topology: &Topology,
        incident: &IncidentId,
    ) -> Option<BTreeSet<PersonId>> {
        let open = self.incidents.values().find(|open| open.id() == *incident)?;
        Some(tell::shares(settings, topology, open).into_keys().collect())
    }

    /// The maintenance windows that are not over, opened by hand or handed over from the files.
    pub fn windows(&self) -> impl Iterator<Item = &Window> {
        self.acts.windows.values()
    }

    /// The name of the next silence: `s1` is the first.
    pub fn next_silence(&self) -> SilenceId {
        let number = self.acts.numbers.silences + 1;
        SilenceId::parse(&format!("s{number}")).expect("a letter and digits")
    }

    /// The name of the next window that is opened by hand: `m1` is the first.
    pub fn next_window(&self) -> WindowId {
        let number = self.acts.numbers.windows + 1;
        WindowId::parse(&format!("m{number}")).expect("a letter and digits")
    }
}

/// Whether anything may follow from it.
pub(crate) fn take_in(state: &mut State, act: Act, now: Time) -> bool {
    let acts = &mut state.acts;
    match act {
        Act::Snoozed { incident, by, until } => snooze::begin(state, &incident, by, until, now),
        Act::Silenced { silence, covers } => {
            acts.silence(silence, covers);
            true
        }
        Act::Expired(id) => acts.silences.remove(&id).is_some(),
        Act::Labelled { object, check, silences } => acts.label(&object, check, silences),
        Act::Opened(window) => {
            acts.numbers.windows += 1;
            acts.windows.insert(window.key(), window);
            true
        }
        Act::Ended(id) => acts.windows.remove(id.as_str()).is_some(),
        Act::Planned(windows) => acts.plan(windows),
    }
}

impl Acts {
    /// All but the maps, which are stored apart.
    pub(crate) fn rest(&self) -> Self {
        Self { numbers: self.numbers.clone(), ..Self::default() }
    }

    fn silence(&mut self, silence: Silence, covers: Vec<(Object, CheckId)>) {
        let id = silence.id.clone();
        if self.silences.insert(id.clone(), silence).is_none() {
            self.numbers.silences += 1;
        }
        for by in self.labelled.values_mut().flat_map(BTreeMap::values_mut) {
            by.remove(&id); // What it covered before may not be what it covers now.
        }
        for (object, check) in covers {
            let of_object = self.labelled.entry(object).or_default();
            of_object.entry(check).or_default().insert(id.clone());
        }
    }

    fn label(&mut self, object: &Object, check: CheckId, silences: BTreeSet<SilenceId>) -> bool {
        let of_object = self.labelled.entry(object.clone()).or_default();
        let changed = match silences.is_empty() {
            true => of_object.remove(&check).is_some(),
            false => of_object.insert(check, silences.clone()) != Some(silences),
        };
        if of_object.is_empty() {
            self.labelled.remove(object);
        }
        changed
    }

    fn plan(&mut self, windows: Vec<Window>) -> bool {
        let planned: BTreeMap<String, Window> =
            windows.into_iter().map(|window| (window.key(), window)).collect();
        let before = self.windows.len();
        self.windows.retain(|key, window| window.by.is_some() || planned.contains_key(key));
        let mut changed = self.windows.len() != before;
        for (key, window) in planned {
            changed |= self.windows.get(&key) != Some(&window);
            self.windows.insert(key, window);
        }
        changed
    }

    /// Drops what is over.
    pub(crate) fn forget(&mut self, now: Time) {
        self.windows.retain(|_, window| window.until > now);
        self.silences.retain(|_, silence| silence.until > now);
        let silences = &self.silences;
        for checks in self.labelled.values_mut() {
            for by in checks.values_mut() {
                by.retain(|id| silences.contains_key(id));
            }
            checks.retain(|_, by| !by.is_empty());
        }
        self.labelled.retain(|_, checks| !checks.is_empty());
    }
}

fn yes() -> bool {
    true
}
