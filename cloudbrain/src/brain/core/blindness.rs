//! A module whose load has been unknown for too long (`missing_data.alert_after`) is told of: the
//! scaler takes nothing away meanwhile, and somebody pays for what is too many, or waits for what is
//! too few.
//!
//! Which modules were told of is asked of the alerter once, after a start: it knows what is bad by our
//! word. From then on it is kept, since in a storm the alerter knows a hundred thousand words.

use std::collections::{BTreeMap, BTreeSet};

use model::id::{CheckId, ModuleId, Object, SourceId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;

use super::Core;

impl Core {
    /// Says of which modules the load is unknown for too long, and of which no longer.
    pub(super) fn tell_of_blindness(&mut self, now: Time) {
        let blind = self.blind_modules(now);
        let (source, check) = (source(), check());
        let told = match self.told_blind.take() {
            Some(told) => told,
            None => self.alerter.bad_by(&source).map(|(object, ..)| object.clone()).collect(),
        };
        let word = |object: Object, state: SignalState, text: String| Signal {
            source: source.clone(),
            check: check.clone(),
            object,
            state,
            at: now,
            via: None,
            text,
        };
        let is_blind = |object: &Object| blind.keys().any(|m| *object == Object::Module(m.clone()));
        let over = told.iter().filter(|object| !is_blind(object));
        let over = over.map(|o| word(o.clone(), SignalState::Ok, "its load is known again".into()));
        let mut signals: Vec<Signal> = over.collect();
        for (module, since) in &blind {
            let object = Object::Module(module.clone());
            if !told.contains(&object) {
                let text = format!("its load is unknown since {since}: nothing is taken away");
                signals.push(word(object, SignalState::Problem(Severity::Warning), text));
            }
        }
        if !signals.is_empty() {
            self.signals(signals, now);
        }
        self.told_blind = Some(blind.into_keys().map(Object::Module).collect::<BTreeSet<_>>());
    }

    fn blind_modules(&self, now: Time) -> BTreeMap<ModuleId, Time> {
        let memories = &self.scaler.memory.modules;
        let blind = self.config.scaler.policies.iter().filter_map(|(module, policy)| {
            let since = memories.get(module)?.unknown_since?;
            let is_late = now.since(since) >= policy.missing.alert_after.0;
            is_late.then(|| (module.clone(), since))
        });
        blind.collect()
    }
}

fn source() -> SourceId {
    SourceId::parse("scaler").expect("it is a name")
}

fn check() -> CheckId {
    CheckId::parse("scaler.load").expect("it is a name")
}
