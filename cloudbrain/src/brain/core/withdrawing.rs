//! Modules that stand in no file any more. What was of them stays in the reports of that time; from then on
//! nothing is promised, while their ledgers, which hear nothing, would call it unknown.
//!
//! Since when is on record, so that a restart, or a module that comes back, changes no report of before.

use std::collections::{BTreeMap, BTreeSet};

use availability::{Kind, Overlay, State};
use model::id::{ModuleId, ProjectId};
use model::time::Time;
use serde::{Deserialize, Serialize};

use super::Core;

pub(in crate::brain) const ROOM: &str = "withdrawn";
pub(in crate::brain) const ROOM_NOT_BY_DOMAIN: &str = "not_by_domain";
/// Of one module; the oldest are forgotten, and are unknown again.
const MOST_ABSENCES: usize = 100;

/// When each module that has a ledger was in no file; oldest first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Withdrawn(BTreeMap<ModuleId, Vec<Absence>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Absence {
    from: Time,
    /// None until it comes back.
    until: Option<Time>,
}

impl Core {
    /// The files are new, or the brain is: some modules may be in them no more, or again.
    pub(super) fn follow_files(&mut self, now: Time) {
        for module in self.ledgers.keys() {
            let is_there = self.config.modules.contains_key(module);
            self.withdrawn.follow(module, is_there, now);
        }
        self.follow_indicators(now);
    }
}

impl Withdrawn {
    pub(super) fn follow(&mut self, module: &ModuleId, is_there: bool, now: Time) {
        match (self.since(module).is_some(), is_there) {
            (false, false) => {
                let absences = self.0.entry(module.clone()).or_default();
                absences.push(Absence { from: now, until: None });
                absences.drain(..absences.len().saturating_sub(MOST_ABSENCES));
            }
            (true, true) => {
                let absences = self.0.get_mut(module);
                let last = absences.and_then(|absences| absences.last_mut());
                last.into_iter().for_each(|last| last.until = Some(now));
            }
            (false, true) | (true, false) => (),
        }
    }

    /// The projects that modules were in which were ever in no file.
    pub fn projects(&self) -> BTreeSet<ProjectId> {
        let names = self.0.keys().filter_map(|module| module.as_str().split_once('/'));
        names.filter_map(|(project, _)| ProjectId::parse(project).ok()).collect()
    }

    /// Since when a module is in no file; None if it is in one.
    pub fn since(&self, module: &ModuleId) -> Option<Time> {
        self.0.get(module)?.last().filter(|last| last.until.is_none()).map(|last| last.from)
    }

    /// What that makes of its time.
    pub fn overlays(&self, module: &ModuleId) -> Vec<Overlay> {
        self.not_applicable(module, "it stood in no file")
    }

    /// Likewise, for another reason.
    pub fn not_applicable(&self, module: &ModuleId, why: &str) -> Vec<Overlay> {
        let overlay = |absence: &Absence| Overlay {
            from: absence.from,
            until: absence.until.unwrap_or(Time::from_millis(i64::MAX)),
            kind: Kind::NotApplicable,
            state: State::NotApplicable,
            why: why.to_owned(),
            said: absence.from,
        };
        self.0.get(module).into_iter().flatten().map(overlay).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1_000)
    }

    fn after(story: &[(i64, bool)]) -> Withdrawn {
        let mut withdrawn = Withdrawn::default();
        let web = "shop/web".parse().unwrap();
        story.iter().for_each(|(second, is_there)| withdrawn.follow(&web, *is_there, at(*second)));
        withdrawn
    }

    fn spans(withdrawn: &Withdrawn) -> Vec<(Time, Time)> {
        let overlays = withdrawn.overlays(&"shop/web".parse().unwrap());
        overlays.iter().map(|one| (one.from, one.until)).collect()
    }

    #[test]
    fn a_module_is_away_from_the_first_files_without_it_to_the_first_with_it() {
        let story = [(1, true), (2, false), (3, false), (5, true), (6, true), (9, false)];
        let end = Time::from_millis(i64::MAX);
        assert_eq!(spans(&after(&story)), [(at(2), at(5)), (at(9), end)]);
        let web = "shop/web".parse().unwrap();
        assert_eq!(
            [3, 5, 6].map(|said| after(&story[..said]).since(&web)),
            [Some(at(2)), None, Some(at(9))]
        );
        let json = serde_json::to_string(&after(&story)).unwrap();
        assert_eq!(
            serde_json::from_str::<Withdrawn>(&json).unwrap(),
            after(&story),
            "over a restart"
        );
    }

    #[test]
    fn who_comes_and_goes_all_day_is_remembered_for_the_last_of_it() {
        let story: Vec<(i64, bool)> = (0..1_000).map(|second| (second, second % 2 == 1)).collect();
        let spans = spans(&after(&story));
        assert_eq!((spans.len(), spans[MOST_ABSENCES - 1]), (MOST_ABSENCES, (at(998), at(999))));
    }
}
