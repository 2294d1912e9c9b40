//! A person carries out the plan of a module that is only watched.

use model::id::Object;
use model::time::Time;
use serde_json::json;

use crate::brain::acts::{Outcome, Refusal, check};
use crate::brain::plan::{self, ApplyWish};

use super::Core;

impl Core {
    /// Lets all the modules of a plan go where it says, or none of them.
    pub(super) fn apply(&mut self, wish: &ApplyWish, from: &str, now: Time) -> Outcome {
        check::person(&self.config, &wish.by)?;
        let plan = plan::plan(self, now);
        wish.modules.iter().try_for_each(|agreed| plan.agrees(agreed))?;
        let mut approved = self.scaler.clone();
        for agreed in &wish.modules {
            let (module, to, by) = (&agreed.module, agreed.to, wish.by.clone());
            let config = &self.config.scaler;
            scaler::approval::approve(config, &mut approved, module, to, by, now).map_err(
                |why| {
                    Refusal::new(
                        format!("{module} is left as it is: {why}"),
                        format!("{module} 保持不变：{why}"),
                    )
                },
            )?;
        }
        self.scaler = approved;
        for agreed in &wish.modules {
            let object = Some(Object::Module(agreed.module.clone()));
            let text = format!("{agreed}, as planned at {}", wish.at);
            self.note_act(&wish.by, "apply", object, &text, from, now);
        }
        Ok(json!({"by": wish.by, "at": now, "modules": wish.modules}))
    }
}
