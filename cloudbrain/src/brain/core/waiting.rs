//! Says in the log what a module, a pool or the end of a VM waits for, when it becomes another thing; and on
//! the pages that the provider's lists are not believed.
//!
//! The scaler keeps the reason with the state; here is only what was written of it last.

use std::collections::BTreeMap;

use model::time::Time;
use scaler::steps::WAITS_FOR_ROUTERS;

use super::Core;

/// Under this name a provider's lists are a fault.
const LISTS: &str = "provider/lists";
/// What to do about them.
const CORRECT: &str = "correct the list (its project, its tag), or stop those VMs";

/// What follows from it right after a start.
const NOTHING_YET: &str = "nothing is made, stopped or routed until they are right, for ten minutes after the start at most";

/// What was written last of each object that waits.
pub(super) type Written = BTreeMap<String, String>;

impl Core {
    /// Writes what is news.
    pub(super) fn write_waits(&mut self, now: Time) {
        self.doubt_lists(now);
        let waits = self.waits();
        for (object, why) in &waits {
            if self.written_waits.get(object) != Some(why) {
                tracing::info!(%object, %why, "waits");
            }
        }
        for object in self.written_waits.keys().filter(|object| !waits.contains_key(*object)) {
            tracing::info!(%object, "waits no longer");
        }
        self.written_waits = waits;
    }

    fn waits(&self) -> Written {
        let memory = &self.scaler.memory;
        let modules = memory.modules.iter().filter_map(|(module, memory)| {
            Some((format!("module/{module}"), memory.waits.clone()?))
        });
        let pools = memory
            .pools
            .iter()
            .filter_map(|(flavor, memory)| Some((format!("pool/{flavor}"), memory.waits.clone()?)));
        let spared = memory.spared.iter().map(|(vm, why)| (format!("vm/{vm}"), why.clone()));
        let withheld = self.scaler.steps.values().filter(|step| step.is_withheld());
        let withheld =
            withheld.map(|step| (format!("vm/{}", step.vm), WAITS_FOR_ROUTERS.to_owned()));
        let refuted =
            self.refuted().map(|what| ("provider".to_owned(), format!("{what}; {CORRECT}")));
        modules.chain(pools).chain(spared).chain(withheld).chain(refuted).collect()
    }

    /// A fault of the provider's, since when it is one.
    fn doubt_lists(&mut self, now: Time) {
        match self.refuted() {
            Some(what) => self.senses.misconfigured(LISTS, &what, CORRECT, now),
            None => self.senses.no_fault(LISTS),
        }
    }

    fn refuted(&self) -> Option<String> {
        let count = Some(self.scaler.sight.refuted_by).filter(|count| *count > 0)?;
        let what = format!(
            "the provider's complete lists lack {count} of the VMs that answer: nothing that they lack is \
             taken for gone"
        );
        let is_current = self.scaler.sight.is_current;
        Some(if is_current { what } else { format!("{what}; {NOTHING_YET}") })
    }
}
