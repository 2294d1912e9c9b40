//! Who stands for each schedule just now, and who said that somebody stands in.
//!
//! The alerter knows people and names that stand for people; this says which stand for which. The
//! overrides of the files and those that were said meanwhile count alike, and the later said wins;
//! so those of the files are remembered with the moment from which they were in force.
//!
//! Nobody is ever told to nobody: where a schedule has nobody and no `otherwise`, operations stand
//! for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alerter::OnDuty;
use model::id::PersonId;
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::oncall::{self, LOOK_BACK, Override, Roster, Shift};

/// The room of the store.
pub const ROOM: &str = "oncall";
/// More are refused; those that are over are forgotten by themselves.
pub const MAX_OVERRIDES: usize = 1_000;

/// What was said, and until when it stands.
#[derive(Debug, Default)]
pub struct Duty {
    said: Vec<Said>,
    /// When somebody is relieved next.
    next: Option<Time>,
}

/// An override, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    pub schedule: PersonId,
    #[serde(flatten)]
    pub word: Override,
    /// None: the files.
    pub by: Option<PersonId>,
    pub at: Time,
}

impl Duty {
    /// As it was stored. What cannot be read is as good as not said.
    pub fn restore(memory: &BTreeMap<String, String>) -> Self {
        let said = memory.get(ROOM).and_then(|json| serde_json::from_str(json).ok());
        Self { said: said.unwrap_or_default(), next: None }
    }

    /// For the store.
    pub fn said(&self) -> &[Said] {
        &self.said
    }

    pub fn say(&mut self, said: Said) {
        self.said.push(said);
        self.next = None;
    }

    /// Takes in the overrides of new files, and forgets what is over or no longer there.
    pub fn follow(&mut self, config: &Config, now: Time) {
        let of_files = |said: &Said| {
            let schedule = config.schedules.get(&said.schedule);
            schedule.is_some_and(|s| said.by.is_some() || s.overrides.contains(&said.word))
        };
        self.said.retain(|said| of_files(said) && said.word.until + LOOK_BACK > now);
        for (name, schedule) in &config.schedules {
            for word in &schedule.overrides {
                let (schedule, word) = (name.clone(), word.clone());
                let said = Said { schedule, word, by: None, at: now };
                let is_old = said.word.until + LOOK_BACK <= now;
                if !is_old && !self.said.iter().any(|known| is_same(known, &said)) {
                    self.said.push(said);
                }
            }
        }
        self.next = None;
    }

    /// Whether somebody may have been relieved since [`Self::on_duty`] was asked.
    pub fn is_due(&self, now: Time) -> bool {
        self.next.is_none_or(|next| next <= now)
    }

    /// When the next handover is.
    pub fn next(&self) -> Option<Time> {
        self.next
    }

    /// Who stands for each schedule; `before` says who did until now. Whoever was put on duty by a
    /// word with a beginning in the past is on duty since now all the same.
    pub fn on_duty(
        &mut self,
        config: &Config,
        before: &BTreeMap<PersonId, OnDuty>,
        now: Time,
    ) -> BTreeMap<PersonId, OnDuty> {
        let shift = |name: &PersonId| Some((name.clone(), self.shift(config, name, now)?));
        let shifts: BTreeMap<PersonId, Shift> = config.schedules.keys().filter_map(shift).collect();
        self.next = shifts.values().map(|shift| shift.until).min().or(Some(FAR));
        let operations = config.raw.operations.iter();
        let operations = operations.filter_map(|name| match shifts.get(name) {
            None => Some(name.clone()),
            Some(shift) => shift.person.clone(),
        });
        let operations: BTreeSet<PersonId> = operations.collect();
        let of_shift = |(name, shift): (PersonId, Shift)| {
            let people = shift.person.map_or_else(|| operations.clone(), |p| BTreeSet::from([p]));
            let since = match before.get(&name) {
                None => shift.from,
                Some(before) if before.people == people => before.since,
                Some(_) => now,
            };
            (name, OnDuty { people, since })
        };
        shifts.into_iter().map(of_shift).collect()
    }

    /// Each schedule as people read it.
    pub fn rosters(&self, config: &Config, at: Time, ahead: Duration) -> Vec<Roster> {
        let schedules = config.schedules.iter();
        let roster =
            |(name, schedule)| oncall::roster(name, schedule, &self.overrides(name), at, ahead);
        schedules.map(roster).collect()
    }

    /// The overrides of one schedule, in the order in which they were said.
    pub fn overrides(&self, name: &PersonId) -> Vec<Override> {
        let said = self.said.iter().filter(|said| said.schedule == *name);
        said.map(|said| said.word.clone()).collect()
    }

    fn shift(&self, config: &Config, name: &PersonId, now: Time) -> Option<Shift> {
        let schedule = config.schedules.get(name)?;
        Some(oncall::shift_at(schedule, &self.overrides(name), now, now + HORIZON))
    }
}

/// Looked ahead so far for the next handover; one that is later is looked for again by then.
const HORIZON: Duration = Duration::from_secs(86_400);
const FAR: Time = Time::from_millis(i64::MAX);

fn is_same(one: &Said, other: &Said) -> bool {
    (&one.schedule, &one.word, &one.by) == (&other.schedule, &other.word, &other.by)
}
