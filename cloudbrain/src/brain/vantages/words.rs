//! Whether a module is told to be down, where several places look at it.
//!
//! An alarm needs the quorum of its policy, but no more than there are that look just now: while others are
//! cut off, those that see must not keep still. So an alarm comes rather once too often, and down time is
//! never made of it: what counts is decided by the ledgers.

use std::collections::{BTreeMap, BTreeSet};

use model::id::{ModuleId, VantageId};
use model::signal::{Signal, SignalState};
use model::time::Time;

/// What each vantage says of each module, and what was told of it.
#[derive(Debug, Default)]
pub struct Words {
    /// Who says that it is down.
    bad: BTreeMap<ModuleId, BTreeMap<VantageId, Signal>>,
    /// What was told, and by what.
    told: BTreeMap<ModuleId, Told>,
}

#[derive(Debug)]
struct Told {
    is_down: bool,
    signal: Signal,
}

/// Who decides about a module.
#[derive(Debug)]
pub struct Judges {
    pub quorum: u32,
    /// Those that look just now.
    pub looking: BTreeSet<VantageId>,
}

impl Words {
    /// One says something of a module. The answer is what is to be told of it, if that is news.
    pub fn hear(
        &mut self,
        who: &VantageId,
        module: &ModuleId,
        signal: &Signal,
        judges: &Judges,
    ) -> Option<Signal> {
        let bad = self.bad.entry(module.clone()).or_default();
        let is_good = signal.state == SignalState::Ok;
        if is_good {
            bad.remove(who);
        } else {
            bad.insert(who.clone(), signal.clone());
        }
        let down = self.down(module, judges);
        let told = self.told.get(module).map(|told| told.is_down);
        // The first good word is passed on: it ends what may be open from before.
        let is_news = told != Some(down.is_some()) && (told.is_some() || down.is_some() || is_good);
        is_news.then(|| self.tell(module, down, signal))
    }

    /// Others look than before, or others decide.
    pub fn judge(&mut self, module: &ModuleId, judges: &Judges, now: Time) -> Option<Signal> {
        let down = self.down(module, judges);
        let told = self.told.get(module);
        if told.is_some_and(|told| told.is_down) == down.is_some() {
            return None;
        }
        let signal = told.map(|told| &told.signal).or(down.as_ref())?.clone();
        Some(self.tell(module, down, &Signal { at: now, ..signal }))
    }

    /// It is probed no longer.
    pub fn forget(&mut self, module: &ModuleId) {
        self.bad.remove(module);
        self.told.remove(module);
    }

    /// Those of which anybody said something bad, or was told something.
    pub fn modules(&self) -> Vec<ModuleId> {
        let modules: BTreeSet<&ModuleId> = self.bad.keys().chain(self.told.keys()).collect();
        modules.into_iter().cloned().collect()
    }

    fn tell(&mut self, module: &ModuleId, down: Option<Signal>, heard: &Signal) -> Signal {
        let is_down = down.is_some();
        let good = || {
            let text = format!("{} of {module} is good", heard.check);
            Signal { state: SignalState::Ok, text, ..heard.clone() }
        };
        let at = heard.at;
        let signal = Signal { at, ..down.unwrap_or_else(good) };
        self.told.insert(module.clone(), Told { is_down, signal: signal.clone() });
        signal
    }

    /// What is said of a module that enough see down.
    fn down(&self, module: &ModuleId, judges: &Judges) -> Option<Signal> {
        let bad = self.bad.get(module)?.iter();
        let bad: Vec<_> = bad.filter(|(who, _)| judges.looking.contains(*who)).collect();
        let quorum = usize::try_from(judges.quorum).unwrap_or(usize::MAX);
        let is_down = bad.len() >= quorum.min(judges.looking.len()).max(1);
        let [first, others @ ..] = bad.as_slice() else { return None };
        if judges.looking.len() == 1 {
            return is_down.then(|| first.1.clone());
        }
        let names =
            others.iter().fold(first.0.to_string(), |names, (who, _)| format!("{names}, {who}"));
        let text = format!("seen from {names}: {}", first.1.text);
        is_down.then(|| Signal { via: None, text, ..first.1.clone() })
    }
}
