//! Says in the log what a module or a pool waits for, when it becomes another thing.
//!
//! The scaler keeps the reason with the state; here is only what was written of it last.

use std::collections::BTreeMap;

use scaler::steps::WAITS_FOR_ROUTERS;

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
        let steps = self.scaler.steps.values().filter(|step| !step.issued);
        let withheld = steps.filter(|step| step.error.as_deref() == Some(WAITS_FOR_ROUTERS));
        let withheld =
            withheld.map(|step| (format!("vm/{}", step.vm), WAITS_FOR_ROUTERS.to_owned()));
        let refuted = Some(self.scaler.sight.refuted_by).filter(|count| *count > 0).map(|count| {
            let why = format!(
                "{count} VMs answer that the provider's complete lists lack: nothing that they lack is \
                 taken for gone; correct the list (its project, its tag), or stop those VMs"
            );
            ("provider".to_owned(), why)
        });
        modules.chain(pools).chain(spared).chain(withheld).chain(refuted).collect()
    }
}
