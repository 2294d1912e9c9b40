//! Turns what changed into rows: everything of one turn goes to the store in one transaction.
//!
//! It compares with what was stored last instead of collecting changes on the way, so that no
//! code path can forget to say that it changed something.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::note::Note;
use alerter::record::PieceError;
use availability::{Interval, Ledger};
use model::id::{ModuleId, VantageId, VmId};
use model::time::Time;
use model::vm::Vm;
use scaler::reason::Decision;
use scaler::state::{Memory, State};
use scaler::steps::{Step, StepKind};
use store::{
    Change, DecisionRow, JournalRow, NoteRow, Remembered, StepRow, StepStatus, TransitionRow,
};

/// The names under which rooms keep their memory.
pub(super) const SCALER: &str = "scaler";
/// What the alerter remembers is in rooms of its own, a piece each.
const ALERTER: &str = "alerter/";
/// What each ledger remembers is in a room of its own: one probe changes one of a thousand.
const LEDGER: &str = "availability/";
const BLIPS: &str = "blips/";
/// Where they were all together once.
pub(super) const LEDGERS: &str = "availability";
pub(super) const LATENCY: &str = "latency";
pub(super) const DISCOVERY: &str = "discovery";
/// For so long the trail says why somebody was told or not.
const NOTES_KEPT: Duration = Duration::from_secs(90 * 86_400);
/// And so many lines of it at most: some 60 MB.
const NOTES_AT_MOST: u32 = 200_000;
/// How often what is too old is dropped.
const NOTES_DROPPED_EVERY: Duration = Duration::from_secs(3_600);

/// What the store holds, by our last word.
#[derive(Debug, Default)]
pub struct Stored {
    vms: BTreeMap<VmId, Vm>,
    /// With the number of its row.
    steps: BTreeMap<VmId, (u64, Step)>,
    /// The highest number used so far.
    last_step: u64,
    memory: Memory,
    alerter: alerter::record::Record,
    rooms: BTreeMap<&'static str, String>,
    /// When the trail was shortened last.
    notes_dropped: Option<Time>,
}

impl Stored {
    /// As it was found when the store was opened.
    pub fn found(
        state: &State,
        alerter: &alerter::State,
        steps: BTreeMap<VmId, (u64, Step)>,
        last_step: u64,
    ) -> Self {
        Self {
            vms: state.vms.clone(),
            steps,
            last_step,
            memory: state.memory.clone(),
            alerter: alerter::record::Record::of(alerter),
            rooms: BTreeMap::new(),
            notes_dropped: None,
        }
    }

    /// Once an hour: what of the trail is too old, or too much.
    pub fn old_notes(&mut self, now: Time) -> Option<Change> {
        if self.notes_dropped.is_some_and(|last| now.since(last) < NOTES_DROPPED_EVERY) {
            return None;
        }
        self.notes_dropped = Some(now);
        Some(Change::ForgetNotes { before: now - NOTES_KEPT, keep: NOTES_AT_MOST })
    }

    /// The rooms that bring the store up to the alerter's state.
    pub fn alerter(&mut self, state: &mut alerter::State) -> impl Iterator<Item = Change> {
        let pieces = self.alerter.catch_up(state).into_iter();
        pieces.map(|piece| room((format!("{ALERTER}{}", piece.key), piece.json)))
    }

    /// The rows that bring the store up to `state`.
    pub fn catch_up(&mut self, state: &mut State, now: Time) -> Vec<Change> {
        let mut changes = self.vms(state, now);
        changes.extend(self.steps(state));
        if self.memory != state.memory {
            self.memory = state.memory.clone();
            if let Ok(json) = serde_json::to_string(&state.memory) {
                changes.push(Change::Memory { room: SCALER.to_owned(), json });
            }
        }
        changes
    }

    fn vms(&mut self, state: &mut State, now: Time) -> Vec<Change> {
        let mut changes = Vec::new();
        for vm in std::mem::take(&mut state.moves) {
            self.vm(&vm, now, &mut changes);
        }
        for vm in state.vms.values() {
            self.vm(vm, now, &mut changes);
        }
        self.vms.retain(|id, _| state.vms.contains_key(id));
        changes
    }

    fn vm(&mut self, vm: &Vm, now: Time, changes: &mut Vec<Change>) {
        let before = self.vms.get(&vm.id);
        if before == Some(vm) {
            return;
        }
        if before.is_none_or(|before| before.state != vm.state) {
            changes.push(Change::Journal(journal(vm, before, now)));
        }
        changes.push(Change::Vm(vm.clone()));
        self.vms.insert(vm.id.clone(), vm.clone());
    }

    fn steps(&mut self, state: &State) -> Vec<Change> {
        let mut changes = Vec::new();
        let closed: Vec<VmId> = self
            .steps
            .iter()
            .filter(|(id, (_, old))| state.steps.get(*id).is_none_or(|new| new.kind != old.kind))
            .map(|(id, _)| id.clone())
            .collect();
        for id in closed {
            if let Some((number, step)) = self.steps.remove(&id) {
                changes.push(Change::Step(step_row(number, &step, StepStatus::Done)));
            }
        }
        for (id, step) in &state.steps {
            if self.steps.get(id).is_some_and(|(_, old)| old == step) {
                continue;
            }
            let known = self.steps.get(id).map(|(number, _)| *number);
            let number = known.unwrap_or_else(|| self.take_number());
            let status = if step.issued { StepStatus::Issued } else { StepStatus::Planned };
            changes.push(Change::Step(step_row(number, step, status)));
            self.steps.insert(id.clone(), (number, step.clone()));
        }
        changes
    }

    fn take_number(&mut self) -> u64 {
        self.last_step += 1;
        self.last_step
    }

    /// The memory of another room, if it changed.
    pub fn room(&mut self, room: &'static str, value: &impl serde::Serialize) -> Option<Change> {
        let json = serde_json::to_string(value).ok()?;
        if self.rooms.get(room) == Some(&json) {
            return None;
        }
        self.rooms.insert(room, json.clone());
        Some(Change::Memory { room: room.to_owned(), json })
    }
}

/// What a room remembers now; None if that is nothing any more.
pub(super) fn room((room, json): (String, Option<String>)) -> Change {
    match json {
        Some(json) => Change::Memory { room, json },
        None => Change::Forget { room },
    }
}

/// A line of the trail.
pub(super) fn note(note: &Note) -> Change {
    Change::Note(NoteRow {
        at: note.at,
        incident: note.incident.clone(),
        object: note.object.clone(),
        body: serde_json::to_string(&note.what).unwrap_or_default(),
    })
}

/// A line of the trail, read back; None if its body is of another program.
pub fn note_of(row: NoteRow) -> Option<Note> {
    let what = serde_json::from_str(&row.body).ok()?;
    Some(Note { at: row.at, incident: row.incident, object: row.object, what })
}

fn journal(vm: &Vm, before: Option<&Vm>, now: Time) -> JournalRow {
    let from = before.map_or("new", |before| before.state.as_str());
    JournalRow {
        at: now,
        who: "scaler".to_owned(),
        what: format!("vm {}", vm.state),
        object: Some(model::id::Object::Vm(vm.id.clone())),
        text: format!("{}: {from} -> {}: {}", vm.id, vm.state, vm.why),
    }
}

fn step_row(id: u64, step: &Step, status: StepStatus) -> StepRow {
    StepRow {
        id,
        vm: step.vm.clone(),
        kind: match step.kind {
            StepKind::Create => store::StepKind::Create,
            StepKind::Deploy => store::StepKind::Deploy,
            StepKind::Undeploy => store::StepKind::Undeploy,
            StepKind::Destroy => store::StepKind::Destroy,
        },
        status,
        attempt: step.attempt,
        not_before: step.not_before,
        issued: None,
        error: step.error.clone(),
        planned: step.planned,
    }
}

/// What of a ledger may still change. What is settled is in rows of its own, written once.
pub(super) fn ledger(module: &ModuleId, ledger: &Ledger) -> Option<Change> {
    let json = serde_json::to_string(&ledger.tail()).ok()?;
    Some(Change::Memory { room: format!("{LEDGER}{module}"), json })
}

/// A span that is settled, as it was seen from a vantage; None for the brain itself.
pub(super) fn transition(
    vantage: Option<&VantageId>,
    module: &ModuleId,
    interval: Interval,
) -> Change {
    let Interval { from, until, state, why } = interval;
    let (vantage, module) = (vantage.cloned(), module.clone());
    let (until, state) = (Some(until), state.to_string());
    Change::Transition(TransitionRow { vantage, module, at: from, until, state, why })
}

/// The failures of a module that were no outage: too few to have rows, too many to be written with each
/// probe.
pub(super) fn blips(module: &ModuleId, ledger: &Ledger) -> Option<Change> {
    let json = serde_json::to_string(ledger.settled_blips()).ok()?;
    Some(Change::Memory { room: format!("{BLIPS}{module}"), json })
}

/// Those that were kept.
pub(super) fn blips_of(state: &Remembered, module: &ModuleId) -> anyhow::Result<Vec<Time>> {
    let json = state.memory.get(&format!("{BLIPS}{module}"));
    Ok(serde_json::from_str(json.map_or("[]", String::as_str))?)
}

/// What the ledgers remembered in their rooms.
pub(super) fn ledgers(state: &Remembered) -> anyhow::Result<BTreeMap<ModuleId, Ledger>> {
    let together = state.memory.get(LEDGERS).map_or("{}", String::as_str);
    let mut ledgers: BTreeMap<ModuleId, Ledger> = serde_json::from_str(together)?;
    for (room, json) in &state.memory {
        if let Some(module) = room.strip_prefix(LEDGER) {
            ledgers.insert(module.parse()?, serde_json::from_str(json)?);
        }
    }
    Ok(ledgers)
}

/// What the alerter remembered.
pub(super) fn alerter(state: &Remembered) -> Result<alerter::State, PieceError> {
    let rooms = state.memory.iter();
    let pieces =
        rooms.filter_map(|(room, json)| Some((room.strip_prefix(ALERTER)?, json.as_str())));
    alerter::record::restore(pieces)
}

/// A stored step, as the scaler wants it. Nobody is at it after a restart.
pub(super) fn step_of(row: &StepRow) -> Step {
    Step {
        vm: row.vm.clone(),
        kind: match row.kind {
            store::StepKind::Create => StepKind::Create,
            store::StepKind::Deploy => StepKind::Deploy,
            store::StepKind::Undeploy => StepKind::Undeploy,
            store::StepKind::Destroy => StepKind::Destroy,
        },
        attempt: row.attempt,
        planned: row.planned,
        not_before: row.not_before,
        issued: matches!(row.status, StepStatus::Issued | StepStatus::Unknown),
        error: row.error.clone(),
    }
}

pub(super) fn decision_row(decision: &Decision) -> DecisionRow {
    DecisionRow {
        id: decision.id.clone(),
        module: decision.module.clone(),
        at: decision.at,
        from: decision.from,
        to: decision.to,
        held: decision.is_hold(),
        reason: decision.reason.to_string(),
        body: serde_json::to_string(decision).unwrap_or_default(),
    }
}

#[cfg(test)]
mod tests {
    use availability::Accounting;
    use model::verdict::{Outcome, Phase};

    use super::*;

    /// A failure that stayed alone, long ago.
    fn with_a_blip(module: &ModuleId) -> (Ledger, Remembered) {
        let (accounting, mut ledger) =
            (Accounting::new(Duration::from_secs(60)), Ledger::new(Time::default()));
        for minute in 0..100 {
            let at = Time::default() + Duration::from_secs(60 * minute);
            let bad = Outcome::Unhealthy { phase: Phase::Connect, hint: String::new() };
            let outcome = if minute == 10 { bad } else { Outcome::Healthy { doubt: None } };
            ledger.observe(&accounting, at, &outcome);
            ledger.tick(&accounting, at);
        }
        let rooms = self::ledger(module, &ledger).into_iter().chain(blips(module, &ledger));
        let rooms = rooms.map(|change| {
            let Change::Memory { room, json } = change else { panic!("{change:?}") };
            (room, json)
        });
        (ledger, Remembered { memory: rooms.collect(), ..Remembered::default() })
    }

    #[test]
    fn a_ledger_and_its_blips_come_back_from_their_rooms() {
        let module: ModuleId = "shop/web".parse().unwrap();
        let (ledger, state) = with_a_blip(&module);
        assert_eq!(ledger.settled_blips(), [Time::from_millis(600_000)]);
        let mut back = ledgers(&state).unwrap().remove(&module).unwrap();
        assert_ne!(back, ledger, "the tail alone has no blips");
        back.complete(Vec::new(), blips_of(&state, &module).unwrap());
        assert_eq!(back, ledger);
    }
}
