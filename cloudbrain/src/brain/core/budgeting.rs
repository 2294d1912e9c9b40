//! How the promises stand: taken over from beside the brain, handed on to the scaler, and written down
//! when a budget is used up or there is one again.

use std::collections::BTreeMap;

use model::id::{ModuleId, Object};
use model::time::Time;
use scaler::facts::SpentBudget;
use store::{Change, JournalRow};

use super::Core;
use crate::brain::budgets::Watched;

/// The modules of which the journal says that their budget is used up.
pub(in crate::brain) const ROOM: &str = "spent_budgets";

impl Core {
    /// Takes over how the promises stand. Of a module that is not named nothing is promised any more.
    pub(super) fn budgeted(&mut self, budgets: BTreeMap<ModuleId, Watched>, now: Time) {
        let spent =
            budgets.iter().filter_map(|(module, word)| Some((module.clone(), word.spent()?)));
        let spent: BTreeMap<ModuleId, SpentBudget> = spent.collect();
        let noted = std::mem::replace(&mut self.noted_spent, spent.keys().cloned().collect());
        for (module, budget) in spent.iter().filter(|(module, _)| !noted.contains(*module)) {
            let SpentBudget { policy, until, .. } = budget;
            let text = format!("that of {policy} is used up: only out until {until}");
            self.note_budget(module, text, now);
        }
        for module in noted.iter().filter(|module| !spent.contains_key(*module)) {
            self.note_budget(module, "there is one again: in and out".to_owned(), now);
        }
        self.senses.facts.spent = spent;
        self.budgets = budgets;
    }

    fn note_budget(&mut self, module: &ModuleId, text: String, now: Time) {
        tracing::info!(%module, text, "error budget");
        self.pending.changes.push(Change::Journal(JournalRow {
            at: now,
            who: "cloudbrain".to_owned(),
            what: "error budget".to_owned(),
            object: Some(Object::Module(module.clone())),
            text,
        }));
    }
}
