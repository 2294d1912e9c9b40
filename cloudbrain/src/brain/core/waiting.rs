//! Says in the log what a module or a pool waits for, when it becomes another thing.
//!
//! The scaler keeps the reason with the state; here is only what was written of it last.

use std::collections::BTreeMap;

use super::Core;

/// What was written last of each object that waits.
pub(super) type Written = BTreeMap<String, String>;

impl Core {
    /// Writes what is news.
    pub(super) fn write_waits(&mut self) {
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
        modules.chain(pools).chain(spared).collect()
    }
}
