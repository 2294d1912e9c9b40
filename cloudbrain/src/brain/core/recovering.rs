//! A record that is older than the world, and a brain that was superseded: what is noticed of both
//! here, beside what the scaler notices, and who is told.
//!
//! Each record has a name and counts the brains on it (`store`). VMs, routers and programs bear the
//! highest count they have heard, so a copy that was put back finds them ahead. While it finds out
//! what is there (`scaler::recovery`) nothing is made, stopped or routed. It goes on under a new name
//! and a count above any it has seen: from then on whatever the lost record's brain may still say is
//! refused.
//!
//! A brain that finds a higher count while it runs was superseded: two would act on the same fleet. It
//! ends, and says so; whoever starts it again gets the caution above.

use model::id::{CheckId, Object, PersonId, SourceId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use scaler::facts::Facts;
use scaler::hands::Origin;
use scaler::recovery;
use store::{Change, JournalRow};

use super::Core;
use crate::brain::eye;

/// What a person says of the record.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecoveryWord {
    pub by: PersonId,
    /// It is as it should be now; otherwise it is not, and recovery begins.
    #[serde(default)]
    pub done: bool,
}

impl Core {
    /// Why a word about the record cannot be taken; None if it can.
    pub fn refuse_recovery(&self, word: &RecoveryWord) -> Option<String> {
        let is_on = self.scaler.memory.recovery.is_some();
        if !self.config.raw.people.contains_key(&word.by) {
            let people: Vec<&str> = self.config.raw.people.keys().map(PersonId::as_str).collect();
            let people = people.join(", ");
            return Some(format!("nobody is called {:?}; known are {people}", word.by.as_str()));
        }
        match (is_on, word.done) {
            (true, false) => Some("recovery is under way already".to_owned()),
            (false, true) => Some("there is no recovery that could end".to_owned()),
            (true, true) | (false, false) => None,
        }
    }

    /// A person begins or ends it.
    pub(super) fn recover(&mut self, word: &RecoveryWord, now: Time) {
        let by = &word.by;
        let text = if word.done { "ends the recovery" } else { "begins a recovery" };
        self.pending.changes.push(Change::Journal(JournalRow {
            at: now,
            who: by.to_string(),
            what: "recovery".to_owned(),
            object: None,
            text: text.to_owned(),
        }));
        if !word.done {
            let why = format!("{by} says that the record may be older than the world");
            return recovery::enter(&mut self.scaler, why, now);
        }
        let routers = self.senses.facts.routers.values();
        let theirs = routers.map(|router| router.acknowledged).max().unwrap_or(0);
        let memory = &mut self.scaler.memory;
        memory.routing_generation = memory.routing_generation.max(theirs);
        recovery::leave(&mut self.scaler);
    }

    /// Before the scaler looks: whether anything has heard of a later brain than this one. An error
    /// means that this one was superseded and must do nothing more.
    pub(super) fn look_for_later_brains(&mut self, now: Time) -> Result<(), String> {
        let ours = self.scaler.memory.origin.epoch;
        let Some((who, epoch)) = latest(&self.senses.facts).filter(|(_, epoch)| *epoch > ours)
        else {
            return Ok(());
        };
        let why = format!("{who} has heard of brain number {epoch}, and this is number {ours}");
        if self.scaler.memory.recovery.is_some() {
            let incarnation = self.scaler.memory.origin.incarnation.clone();
            self.supersede(Origin { incarnation, epoch: epoch + 1 });
            return Ok(());
        }
        if self.scaler.sight.is_current {
            return Err(why);
        }
        recovery::enter(&mut self.scaler, why, now);
        Ok(())
    }

    /// After the scaler looked: tells of a recovery that began or ended.
    pub(super) fn follow_recovery(&mut self, now: Time) {
        let recovery = self.scaler.memory.recovery.as_ref();
        let why = recovery.map(|recovery| recovery.why.clone());
        if why.is_some() == self.is_recovering {
            return;
        }
        self.is_recovering = why.is_some();
        if self.is_recovering {
            let seen = latest(&self.senses.facts).map_or(0, |(_, epoch)| epoch);
            let epoch = self.scaler.memory.origin.epoch.max(seen) + 1;
            self.supersede(Origin { incarnation: format!("{:x}", now.millis()), epoch });
        }
        let (state, text) = match why {
            Some(why) => (SignalState::Problem(Severity::High), told(&why)),
            None => (SignalState::Ok, "it is known what is there".to_owned()),
        };
        tracing::warn!(is_recovering = self.is_recovering, text, "recovery");
        self.note("recovery", &text, now);
        self.signals([signal(state, text, now)], now);
    }

    /// Goes on with a count above any that was seen.
    fn supersede(&mut self, origin: Origin) {
        let Origin { incarnation, epoch } = origin.clone();
        self.scaler.memory.origin = origin;
        self.pending.changes.push(Change::Origin { incarnation, epoch });
    }

    /// What the pages show of a recovery that lasts.
    pub fn recovery_in_words(&self) -> Option<String> {
        let recovery = self.scaler.memory.recovery.as_ref()?;
        Some(format!("{}; {} of 2 complete lists seen", told(&recovery.why), recovery.passes))
    }
}

/// Who has heard of the latest brain.
fn latest(facts: &Facts) -> Option<(String, u64)> {
    let routers = facts.routers.iter();
    let routers = routers.map(|(name, router)| (format!("router {name}"), router.epoch));
    let vms = facts.provider.iter().flat_map(|list| &list.vms);
    let vms = vms.filter_map(|(id, vm)| Some((id.to_string(), vm.origin.as_ref()?.epoch)));
    routers.chain(vms).max_by_key(|(_, epoch)| *epoch)
}

fn told(why: &str) -> String {
    format!("the record is older than the world, so nothing is made, stopped or routed: {why}")
}

fn signal(state: SignalState, text: String, at: Time) -> Signal {
    Signal {
        source: SourceId::parse("collector").expect("it is a name"),
        check: CheckId::parse("brain.record").expect("it is a name"),
        object: Object::Collector(eye::collector()),
        state,
        at,
        via: None,
        text,
    }
}
