//! Keeps the alerter's people up to date: who is on duty, and who was said to stand in.

use std::collections::BTreeMap;

use alerter::OnDuty;
use model::id::PersonId;
use model::time::Time;
use serde::{Deserialize, Serialize};
use store::{Change, JournalRow};

use crate::brain::duty::{MAX_OVERRIDES, Said};
use crate::oncall::{Override, local, local_moment};

use super::Core;

/// Somebody stands in for whoever would be on duty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandIn {
    pub schedule: PersonId,
    pub person: PersonId,
    /// Local to the schedule: `2026-12-24 09:00`; or with an offset from UTC.
    pub from: String,
    pub until: String,
    /// Who says so.
    pub by: PersonId,
}

impl Core {
    /// Whether it can be so: the schedule and the people of the files, and a span that is not over.
    pub fn stands_in(&self, word: &StandIn, now: Time) -> Result<Said, String> {
        let schedules = &self.config.schedules;
        let Some(schedule) = schedules.get(&word.schedule) else {
            let known: Vec<&str> = schedules.keys().map(PersonId::as_str).collect();
            let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
            return Err(format!(
                "no schedule is called {:?}; known: {known}",
                word.schedule.as_str()
            ));
        };
        for person in [&word.person, &word.by] {
            if !self.config.raw.people.contains_key(person) {
                let known: Vec<&str> =
                    self.config.raw.people.keys().map(PersonId::as_str).collect();
                let known = known.join(", ");
                return Err(format!("nobody is called {:?}; known: {known}", person.as_str()));
            }
        }
        let from = local_moment(&schedule.zone, &word.from)?;
        let until = local_moment(&schedule.zone, &word.until)?;
        if until <= from {
            return Err(format!("{} is not after {}", word.until, word.from));
        }
        if until <= now {
            return Err(format!("{} is over already", word.until));
        }
        if self.duty.said().len() >= MAX_OVERRIDES {
            return Err(format!("{MAX_OVERRIDES} overrides are known; wait until some are over"));
        }
        let (schedule, person) = (word.schedule.clone(), word.person.clone());
        let word = Some(word.by.clone());
        Ok(Said { schedule, word: Override { person, from, until }, by: word, at: now })
    }

    /// From now on it counts, and the journal says so.
    pub(super) fn stand_in(&mut self, said: Said, now: Time) {
        let zone = self.config.schedules.get(&said.schedule).map(|schedule| &schedule.zone);
        let shown = |at: Time| zone.map_or_else(|| at.to_string(), |zone| local(zone, at));
        let Override { person, from, until } = &said.word;
        let (schedule, from, until) = (&said.schedule, shown(*from), shown(*until));
        self.pending.changes.push(Change::Journal(JournalRow {
            at: now,
            who: said.by.as_ref().map_or("files", PersonId::as_str).to_owned(),
            what: "override".to_owned(),
            object: None,
            text: format!("{person} stands in for {schedule} from {from} until {until}"),
        }));
        self.duty.say(said);
        self.relieve(now);
    }

    /// New files: other schedules, other overrides. A name that owns something and who stands for it
    /// become known together, or a message could be meant for a schedule that nobody knows.
    pub(super) fn follow_schedules(&mut self, before: &BTreeMap<PersonId, OnDuty>, now: Time) {
        self.duty.follow(&self.config, now);
        self.settings.on_duty = self.duty.on_duty(&self.config, before, now);
        self.place(now);
        self.alert(alerter::Event::Relieved, now);
    }

    /// Brings up to date who is on duty; whoever comes is told of what is open.
    pub(super) fn relieve(&mut self, now: Time) {
        if !self.duty.is_due(now) {
            return;
        }
        let on_duty = self.duty.on_duty(&self.config, &self.settings.on_duty, now);
        if self.settings.on_duty != on_duty {
            self.settings.on_duty = on_duty;
            self.alert(alerter::Event::Relieved, now);
        }
    }
}
