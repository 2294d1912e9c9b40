//! Reads events and compares what is open: the IO around [`super::tail`], [`super::problems`] and
//! [`super::reconcile`], which decide what is asked and what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};

use super::api::Deadline;
use super::error::ApiError;
use super::event::{Event, EventRow, Happening, NumberRow, ids_params, newest_params, page_params};
use super::export::{self, ExportState};
use super::ids::{EventId, TriggerId};
use super::loose::Rows;
use super::problems::{Problems, Told, Why};
use super::reconcile::{
    Departed, Fate, FateRow, ProblemRow, There, TriggerRow, fate_params, problem_params,
    watched_params,
};
use super::tail::Tail;
use super::watch::ZabbixWatch;

/// How many events, problems or triggers are asked for at once.
const MAX_EVENTS: usize = 1000;
const MAX_TRIGGERS: usize = 500;
/// How many pages of events one poll reads; the next reads on at once.
const MAX_PAGES: usize = 10;
/// The most problems that may be open there.
const MAX_PROBLEM_PAGES: usize = 500;

/// How far events were read, and what is open by them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EventState {
    pub tail: Tail,
    pub export: ExportState,
    pub problems: Problems,
    vanished_rounds: u32,
}

/// What a poll brought.
#[derive(Debug)]
pub struct EventBatch {
    /// In the order in which they happened, as far as can be told.
    pub told: Vec<Told>,
    /// Problems whose end will not be told, or will be again.
    pub departed: Vec<Departed>,
    /// Store it together with what follows from the above, and hand it in the next time.
    pub state: EventState,
    /// The state differs from the one that was handed in.
    pub has_changed: bool,
    /// There is more to read at once.
    pub has_more: bool,
    /// There are events of hosts that are in no list yet: it is time to make a new one.
    pub has_new_hosts: bool,
    /// What ended the poll early; the above is good all the same.
    pub fault: Option<ApiError>,
}

/// Events that were read, and how reading ended.
#[derive(Debug, Default)]
struct Got {
    events: Vec<Event>,
    has_more: bool,
    fault: Option<ApiError>,
}

impl ZabbixWatch {
    /// Reads what became bad or good since `state`. The first time, it finds what is open.
    pub async fn events(&self, state: &EventState) -> Result<EventBatch, ApiError> {
        let deadline = self.api.within(self.limits.events);
        let mut next = state.clone();
        let read = if state.tail.cursor.is_none() {
            self.begin(&mut next, deadline).await
        } else {
            self.read_on(&mut next, deadline).await
        };
        let (told, departed, got) = read.map_err(|error| self.blame(error))?;
        let has_new_hosts = self.has_new_hosts(&got.events);
        let fault = got.fault.map(|error| self.blame(error));
        let now = self.clock.now();
        self.note(|stats| {
            stats.gaps = next.tail.skipped.len();
            stats.gaps_given_up = next.tail.given_up_early;
            stats.open_problems = next.problems.open_now().len();
            if fault.is_none() && !got.has_more {
                stats.events_read_at = Some(now);
            }
        });
        let has_changed = next != *state;
        let has_more = got.has_more;
        Ok(EventBatch { told, departed, state: next, has_changed, has_more, has_new_hosts, fault })
    }

    /// Finds what no event tells. Call it once a minute, and never while [`Self::events`] is
    /// under way with the same state.
    pub async fn reconcile(&self, state: &EventState) -> Result<EventBatch, ApiError> {
        let deadline = self.api.within(self.limits.reconcile);
        let mut next = state.clone();
        let compared = self.compare(&mut next, deadline).await;
        let (told, departed) = compared.map_err(|error| self.blame(error))?;
        let now = self.clock.now();
        let open = next.problems.open_now();
        let (count, of_nobody) =
            (open.len(), open.values().filter(|open| open.targets.is_empty()).count());
        self.note(|stats| {
            stats.open_problems = count;
            stats.problems_of_nobody = of_nobody;
            stats.vanished_rounds = next.vanished_rounds;
            stats.reconciled_at = Some(now);
        });
        let has_changed = next != *state;
        let (has_more, has_new_hosts, fault) = (false, false, None);
        Ok(EventBatch { told, departed, state: next, has_changed, has_more, has_new_hosts, fault })
    }

    /// Starts at the newest event; what is open already is found by comparing.
    async fn begin(
        &self,
        next: &mut EventState,
        deadline: Deadline,
    ) -> Result<(Vec<Told>, Vec<Departed>, Got), ApiError> {
        next.tail.begin(self.newest(deadline).await?);
        self.exported(next, deadline).await?;
        let (told, departed) = self.compare(next, deadline).await?;
        Ok((told, departed, Got::default()))
    }

    async fn read_on(
        &self,
        next: &mut EventState,
        deadline: Deadline,
    ) -> Result<(Vec<Told>, Vec<Departed>, Got), ApiError> {
        let mut got = match &self.export {
            Some(_) => self.exported(next, deadline).await?,
            None => self.tailed(&mut next.tail, deadline).await?,
        };
        let unsure: Vec<EventId> = next.problems.unsure(&got.events).into_iter().collect();
        let fates = self.fates(&unsure, deadline).await?;
        let directory = self.directory();
        let context = self.context(&directory);
        let mut told = next.problems.learn(&ended(&fates), &mut got.events, &context);
        told.extend(next.problems.absorb(got.events.clone(), Why::Event, &context));
        Ok((told, Vec::new(), got))
    }

    /// Reads the stream of events, and asks again for what was skipped. What was read before a
    /// call failed is kept.
    async fn tailed(&self, tail: &mut Tail, deadline: Deadline) -> Result<Got, ApiError> {
        let mut got = Got::default();
        let read = self.read_tail(tail, &mut got, deadline).await;
        match read {
            Err(error) if got.events.is_empty() => Err(error),
            read => {
                got.fault = read.err();
                Ok(got)
            }
        }
    }

    async fn read_tail(
        &self,
        tail: &mut Tail,
        got: &mut Got,
        deadline: Deadline,
    ) -> Result<(), ApiError> {
        let skipped: Vec<EventId> = tail.skipped.keys().copied().collect();
        for asked in skipped.chunks(MAX_EVENTS) {
            let rows = self.events_by_id(asked, deadline).await?;
            let there = rows.iter().map(|event| event.id).collect();
            let fresh = tail.asked_again(asked, &there, self.clock.now());
            got.events.extend(rows.into_iter().filter(|event| fresh.contains(&event.id)));
        }
        for _ in 0..MAX_PAGES {
            let params = |limit| page_params(tail.next(), limit);
            let page = self.api.page("event.get", MAX_EVENTS, deadline, params).await?;
            let (rows, size): (Rows<EventRow>, usize) = page;
            let count = rows.good.len() + rows.bad;
            self.note(|stats| stats.odd_rows += rows.bad as u64);
            let ids: BTreeSet<EventId> = rows.good.iter().map(|row| row.eventid).collect();
            let fresh: BTreeSet<EventId> = tail.page(&ids, self.clock.now()).into_iter().collect();
            let events = rows.good.into_iter().filter(|row| fresh.contains(&row.eventid));
            got.events.extend(events.map(Event::from));
            // A full page without anything readable would be read for ever.
            got.has_more = count >= size && !fresh.is_empty();
            if !got.has_more {
                break;
            }
        }
        Ok(())
    }

    /// Reads the files that the server writes. What they do not tell of a problem the API does.
    async fn exported(&self, next: &mut EventState, deadline: Deadline) -> Result<Got, ApiError> {
        let Some(folder) = self.export.clone() else { return Ok(Got::default()) };
        let state = next.export.clone();
        let read = tokio::task::spawn_blocking(move || export::read(&folder, &state)).await;
        let unreadable = |error: io::Error| ApiError::Export(error);
        let (exported, place) =
            read.map_err(io::Error::other).and_then(|read| read).map_err(unreadable)?;
        let (recoveries, problems): (Vec<Event>, Vec<Event>) = exported
            .events
            .into_iter()
            .partition(|event| matches!(event.what, Happening::Recovery { .. }));
        let ids: Vec<EventId> = problems.iter().map(|event| event.id).collect();
        let mut events = self.events_by_id(&ids, deadline).await?;
        events.extend(recoveries);
        next.export = place;
        self.note(|stats| {
            stats.odd_rows += exported.odd_lines;
            stats.lost_files += exported.lost_files;
        });
        // The cursor follows, so that the API can be gone on with if the export is turned off.
        let newest = events.iter().map(|event| event.id).max();
        next.tail.cursor = next.tail.cursor.max(newest);
        Ok(Got { events, has_more: exported.has_more, fault: None })
    }

    async fn compare(
        &self,
        next: &mut EventState,
        deadline: Deadline,
    ) -> Result<(Vec<Told>, Vec<Departed>), ApiError> {
        next.tail.resync(self.newest(deadline).await?);
        let there = self.open_there(deadline).await?;
        let difference = next.problems.compare(&there);
        let unknown = self.events_by_id(&difference.unknown, deadline).await?;
        let fates = self.fates(&difference.vanished, deadline).await?;
        let ended = ended(&fates);
        let recoveries: Vec<EventId> = ended.values().copied().collect();
        let mut recoveries = self.events_by_id(&recoveries, deadline).await?;
        let watched = self.watched(&next.problems, &unknown, deadline).await?;
        let mut unwatched = next.problems.newly_unwatched(&watched);
        let new = unknown.iter().filter(|event| !watched.contains(&event.trigger));
        unwatched.extend(new.map(|event| event.id));
        let unwatched = self.fates(&unwatched, deadline).await?;

        let directory = self.directory();
        let context = self.context(&directory);
        let mut told = next.problems.learn(&ended, &mut recoveries, &context);
        told.extend(next.problems.absorb(recoveries, Why::Reconciled, &context));
        let rounds = &mut next.vanished_rounds;
        let (buried, mut departed) =
            next.problems.bury(&difference.vanished, &fates, rounds, &context);
        told.extend(buried);
        told.extend(next.problems.absorb(unknown, Why::Reconciled, &context));
        told.extend(next.problems.amend(&difference.changed, &there, &context));
        departed.extend(next.problems.watched(&watched, &unwatched, &context));
        told.extend(next.problems.find_homes(&context));
        told.extend(next.problems.bury_old(&context));
        Ok((told, departed))
    }

    /// All that is open there.
    async fn open_there(&self, deadline: Deadline) -> Result<There, ApiError> {
        let mut there = There::new();
        let mut from = EventId::default();
        for _ in 0..MAX_PROBLEM_PAGES {
            let params = |limit| problem_params(from, limit);
            let page = self.api.page("problem.get", MAX_EVENTS, deadline, params).await?;
            let (rows, size): (Rows<ProblemRow>, usize) = page;
            let count = rows.good.len() + rows.bad;
            let last = rows.good.iter().map(|row| row.eventid).max();
            there.extend(rows.good.into_iter().map(|row| (row.eventid, row.into())));
            match last {
                Some(last) if count >= size => from = last.next(),
                _ => break,
            }
        }
        Ok(there)
    }

    async fn newest(&self, deadline: Deadline) -> Result<EventId, ApiError> {
        let rows: Rows<NumberRow> = self.api.rows("event.get", &newest_params(), deadline).await?;
        Ok(rows.good.first().map(|row| row.eventid).unwrap_or_default())
    }

    async fn events_by_id(
        &self,
        ids: &[EventId],
        deadline: Deadline,
    ) -> Result<Vec<Event>, ApiError> {
        let rows: Rows<EventRow> =
            self.api.by_ids("event.get", ids, MAX_EVENTS, deadline, ids_params).await?;
        self.note(|stats| stats.odd_rows += rows.bad as u64);
        Ok(rows.good.into_iter().map(Event::from).collect())
    }

    async fn fates(
        &self,
        ids: &[EventId],
        deadline: Deadline,
    ) -> Result<BTreeMap<EventId, Fate>, ApiError> {
        let rows: Rows<FateRow> =
            self.api.by_ids("event.get", ids, MAX_EVENTS, deadline, fate_params).await?;
        Ok(rows.good.iter().map(|row| (row.eventid, Fate::from(row))).collect())
    }

    /// Of the triggers of what is open, those that are still worked out.
    async fn watched(
        &self,
        problems: &Problems,
        unknown: &[Event],
        deadline: Deadline,
    ) -> Result<BTreeSet<TriggerId>, ApiError> {
        let open = problems.open_now().values().map(|open| open.trigger);
        let triggers: BTreeSet<TriggerId> =
            open.chain(unknown.iter().map(|event| event.trigger)).collect();
        let triggers: Vec<TriggerId> = triggers.into_iter().collect();
        let rows: Rows<TriggerRow> = self
            .api
            .by_ids("trigger.get", &triggers, MAX_TRIGGERS, deadline, watched_params)
            .await?;
        Ok(rows.good.into_iter().map(|row| row.triggerid).collect())
    }

    fn has_new_hosts(&self, events: &[Event]) -> bool {
        let directory = self.directory();
        events.iter().any(|event| match &event.what {
            Happening::Problem { hosts, .. } => {
                hosts.iter().any(|host| directory.entry(*host).is_none())
            }
            Happening::Recovery { .. } => false,
        })
    }
}

/// Which recovery ended which problem.
fn ended(fates: &BTreeMap<EventId, Fate>) -> BTreeMap<EventId, EventId> {
    let ended = fates.iter().filter_map(|(problem, fate)| match fate {
        Fate::EndedBy(recovery) => Some((*problem, *recovery)),
        Fate::HostDeleted | Fate::Unknown => None,
    });
    ended.collect()
}
