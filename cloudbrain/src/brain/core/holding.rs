//! People say that the scaler is to leave something alone for a while, and that it need not any more.
//!
//! A hold is stored with what the scaler remembers, in the transaction of the turn that takes it in;
//! so it holds over a restart, and whoever was told that it holds can rely on it.

use model::id::{HoldId, ModuleId, Object, PersonId};
use model::time::Time;
use scaler::hold::Hold;
use serde_json::Value;

use crate::brain::acts::hold::{HoldWish, LONGEST_HOLD, MAX_HOLDS, hold_view, next_id};
use crate::brain::acts::{Outcome, Refusal, check};

use super::Core;

impl Core {
    pub(super) fn hold(&mut self, wish: HoldWish, from: &str, now: Time) -> Outcome {
        check::person(&self.config, &wish.by)?;
        let reason = check::comment(&wish.reason)?;
        let until = check::end(wish.lasting, wish.until.as_deref(), now, LONGEST_HOLD)?;
        wish.module.iter().try_for_each(|module| self.scaled(module))?;
        let memory = &mut self.scaler.memory;
        memory.holds.retain(|_, hold| hold.holds(now));
        if memory.holds.len() >= MAX_HOLDS {
            return Err(Refusal::new(
                format!("{MAX_HOLDS} holds are in force; end some, or hold the fleet"),
                format!("已有 {MAX_HOLDS} 个暂停；请先结束一些，或暂停整个系统"),
            ));
        }
        let id = next_id(&mut memory.next_hold);
        let HoldWish { module, what, by, .. } = wish;
        let hold = Hold { id: id.clone(), module, what, from: now, until, by, reason };
        let done = serde_json::to_value(hold_view(&hold)).unwrap_or_default();
        let text = format!("{}: {}", told(&hold), hold.reason);
        let object = hold.module.clone().map(Object::Module);
        self.note_act(&hold.by, "hold", object, &text, from, now);
        self.scaler.memory.holds.insert(id, hold);
        Ok(done)
    }

    pub(super) fn unhold(&mut self, id: &HoldId, by: &PersonId, from: &str, now: Time) -> Outcome {
        check::person(&self.config, by)?;
        let held = self.scaler.memory.holds.remove(id).filter(|hold| hold.holds(now));
        let Some(hold) = held else {
            return Err(Refusal::missing(
                format!("no hold {id} is in force"),
                format!("暂停 {id} 不存在或已结束"),
            ));
        };
        let object = hold.module.clone().map(Object::Module);
        self.note_act(by, "hold ended", object, &told(&hold), from, now);
        let done: Result<Value, _> = serde_json::to_value(hold_view(&hold));
        Ok(done.unwrap_or_default())
    }

    /// A hold on a name that is misspelt holds nothing, and nobody would notice before it matters.
    fn scaled(&self, module: &ModuleId) -> Result<(), Refusal> {
        if self.config.scaler.policies.contains_key(module) {
            return Ok(());
        }
        let known: Vec<&str> = self.config.scaler.policies.keys().map(ModuleId::as_str).collect();
        let known = known.join(", ");
        Err(Refusal::new(
            format!("no policy scales {module}; policies scale {known}, or write fleet"),
            format!("没有策略管理 {module}；有策略的是 {known}，或填写 fleet"),
        ))
    }
}

fn told(hold: &Hold) -> String {
    let on = hold.module.as_ref().map_or("the fleet", ModuleId::as_str);
    format!("{} of {on} ({}) until {}", hold.id, hold.what.as_str(), hold.until)
}
