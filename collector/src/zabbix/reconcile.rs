//! Compares what is open here with what is open there, since events do not tell everything.
//!
//! The events are a stream, `problem.get` is the truth. Some things make no event at all: an
//! event that was never seen, a problem that a person made worse or put under maintenance, a host
//! that was disabled or deleted. So once a minute both lists are compared.
//!
//! What is open there and unknown here is raised. What is open here and gone there has ended, if
//! its row says what ended it. If its host was deleted, no recovery will ever come, and that is
//! no reason to say that all is well: it is reported as [`Standing::Deleted`] and whoever knows
//! whether the removal was meant decides, within a day. The same goes for a host that was
//! disabled. And if many problems vanish at once without a word, the API user may have lost sight
//! of them: that is believed when it was seen three times.
//!
//! Pure: rows come in.

use std::collections::{BTreeMap, BTreeSet};

use model::signal::Severity;
use serde::Deserialize;
use serde_json::{Value, json};

use super::brake::STALE_FOR;
use super::event::{HostRef, severity};
use super::ids::{EventId, TriggerId};
use super::loose;
use super::problems::{Context, Problems, Standing, Target, Told, Why};

/// More than so many that vanish at once are not believed at once.
const MAX_VANISHED: usize = 10;
/// In so many comparisons in a row it must be seen.
const BELIEVED_AFTER: u32 = 3;

/// What is open there, by its number.
pub type There = BTreeMap<EventId, OpenThere>;

/// A problem that is open there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenThere {
    pub trigger: TriggerId,
    pub severity: Severity,
    pub suppressed: bool,
}

/// How both lists differ.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Open there, unknown here.
    pub unknown: Vec<EventId>,
    /// Open here, not there.
    pub vanished: Vec<EventId>,
    /// Open on both sides, with another severity or maintenance.
    pub changed: Vec<EventId>,
}

/// What became of a problem that is not open there any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    EndedBy(EventId),
    HostDeleted,
    /// Its row is there and says nothing, or is not there.
    Unknown,
}

/// A problem whose end will not be told, or will be again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Departed {
    pub event: EventId,
    pub targets: BTreeSet<Target>,
    pub standing: Standing,
}

/// One row of `problem.get`.
#[derive(Debug, Deserialize)]
pub(super) struct ProblemRow {
    pub(super) eventid: EventId,
    objectid: TriggerId,
    #[serde(default, deserialize_with = "loose::integer")]
    severity: i64,
    #[serde(default, deserialize_with = "loose::flag")]
    suppressed: bool,
}

/// One row of `event.get`, for the fate of a problem.
#[derive(Debug, Deserialize)]
pub(super) struct FateRow {
    pub(super) eventid: EventId,
    #[serde(default)]
    r_eventid: EventId,
    #[serde(default)]
    hosts: Vec<HostRef>,
}

/// One row of `trigger.get`.
#[derive(Debug, Deserialize)]
pub(super) struct TriggerRow {
    pub(super) triggerid: TriggerId,
}

pub(super) fn problem_params(from: EventId, limit: usize) -> Value {
    json!({
        "output": ["eventid", "objectid", "severity", "suppressed"],
        "source": 0, "object": 0, "eventid_from": from.to_string(),
        "sortfield": "eventid", "sortorder": "ASC", "limit": limit,
    })
}

pub(super) fn fate_params(ids: &[EventId]) -> Value {
    json!({
        "output": ["eventid", "r_eventid"], "source": 0, "object": 0,
        "eventids": ids, "selectHosts": ["hostid"],
    })
}

/// Of these triggers, those that Zabbix still works out.
pub(super) fn watched_params(ids: &[TriggerId]) -> Value {
    json!({ "output": ["triggerid"], "triggerids": ids, "monitored": true })
}

impl From<ProblemRow> for OpenThere {
    fn from(row: ProblemRow) -> Self {
        Self { trigger: row.objectid, severity: severity(row.severity), suppressed: row.suppressed }
    }
}

impl From<&FateRow> for Fate {
    fn from(row: &FateRow) -> Self {
        match row.r_eventid.some() {
            Some(recovery) => Self::EndedBy(recovery),
            None if row.hosts.is_empty() => Self::HostDeleted,
            None => Self::Unknown,
        }
    }
}

impl Problems {
    /// How what is open here differs from what is open there.
    pub fn compare(&self, there: &There) -> Difference {
        let mut difference = Difference::default();
        for (id, open) in self.open_now() {
            match there.get(id) {
                Some(row) if row.trigger == open.trigger => {
                    if (row.severity, row.suppressed) != (open.severity, open.suppressed) {
                        difference.changed.push(*id);
                    }
                }
                // The same number for another problem: the numbers began anew.
                Some(_) => {
                    difference.vanished.push(*id);
                    difference.unknown.push(*id);
                }
                None if matches!(open.standing, Standing::Deleted { .. }) => (),
                None => difference.vanished.push(*id),
            }
        }
        let known = self.open_now();
        difference.unknown.extend(there.keys().filter(|id| !known.contains_key(id)));
        difference
    }

    /// Takes over what a person changed.
    pub fn amend(
        &mut self,
        changed: &[EventId],
        there: &There,
        context: &Context<'_>,
    ) -> Vec<Told> {
        let mut told = Vec::new();
        for id in changed {
            let (Some(open), Some(row)) = (self.open_mut(*id), there.get(id)) else { continue };
            open.severity = row.severity;
            open.suppressed = row.suppressed;
            told.extend(self.repeat(*id, Why::Reconciled, context));
        }
        told
    }

    /// Ends what vanished, or reports why it has not ended. `rounds` counts in how many
    /// comparisons in a row too much vanished at once.
    pub fn bury(
        &mut self,
        vanished: &[EventId],
        fates: &BTreeMap<EventId, Fate>,
        rounds: &mut u32,
        context: &Context<'_>,
    ) -> (Vec<Told>, Vec<Departed>) {
        let fate = |id| fates.get(id).copied().unwrap_or(Fate::Unknown);
        let unexplained = vanished.iter().filter(|id| fate(id) == Fate::Unknown).count();
        *rounds = if unexplained > MAX_VANISHED { *rounds + 1 } else { 0 };
        let is_believed = unexplained <= MAX_VANISHED || *rounds >= BELIEVED_AFTER;
        let (mut told, mut departed) = (Vec::new(), Vec::new());
        for id in vanished {
            match fate(id) {
                Fate::EndedBy(_) => {
                    self.close(*id, context.now, Why::Reconciled, context, &mut told);
                }
                Fate::HostDeleted => {
                    departed.extend(self.stand(*id, Standing::Deleted { since: context.now }));
                }
                Fate::Unknown if is_believed => {
                    self.close(*id, context.now, Why::Vanished, context, &mut told);
                }
                Fate::Unknown => (),
            }
        }
        if is_believed {
            *rounds = 0;
        }
        (told, departed)
    }

    /// The open problems that were watched and are not any more: was their host deleted?
    pub fn newly_unwatched(&self, triggers: &BTreeSet<TriggerId>) -> Vec<EventId> {
        let newly = self.open_now().iter().filter(|(_, open)| {
            open.standing == Standing::Watched && !triggers.contains(&open.trigger)
        });
        newly.map(|(id, _)| *id).collect()
    }

    /// Takes in which triggers of open problems are still worked out, and what became of those
    /// that are not.
    pub fn watched(
        &mut self,
        triggers: &BTreeSet<TriggerId>,
        fates: &BTreeMap<EventId, Fate>,
        context: &Context<'_>,
    ) -> Vec<Departed> {
        let gone = Standing::Deleted { since: context.now };
        let differ = self.open_now().iter().filter_map(|(id, open)| {
            let standing = match (open.standing, triggers.contains(&open.trigger)) {
                (Standing::Watched, false) if fates.get(id) == Some(&Fate::HostDeleted) => gone,
                (Standing::Watched, false) => Standing::Disabled,
                (Standing::Disabled, true) => Standing::Watched,
                _ => return None,
            };
            Some((*id, standing))
        });
        let differ: Vec<_> = differ.collect();
        differ.into_iter().filter_map(|(id, standing)| self.stand(id, standing)).collect()
    }

    /// Ends the problems of hosts that were deleted a day ago.
    pub fn bury_old(&mut self, context: &Context<'_>) -> Vec<Told> {
        let old = self.open_now().iter().filter(|(_, open)| match open.standing {
            Standing::Deleted { since } => context.now.since(since) >= STALE_FOR,
            Standing::Watched | Standing::Disabled => false,
        });
        let old: Vec<EventId> = old.map(|(id, _)| *id).collect();
        let mut told = Vec::new();
        for id in old {
            self.close(id, context.now, Why::HostDeleted, context, &mut told);
        }
        told
    }

    fn stand(&mut self, event: EventId, standing: Standing) -> Option<Departed> {
        let open = self.open_mut(event)?;
        open.standing = standing;
        Some(Departed { event, targets: open.targets.clone(), standing })
    }
}
