//! Somebody knows better than the probes what a span of a module's past was.

use availability::Period;
use model::id::{ModuleId, Object, PersonId};
use model::time::Time;
use serde::{Deserialize, Serialize};

use super::check::comment;
use super::{Refusal, check};
use crate::brain::core::Core;
use crate::brain::report::corrected::{line, state_of, states};

/// What it is to count as.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CorrectWish {
    pub module: ModuleId,
    /// As people write one, in the zone of the project's policy: `2026-10-03T14:02..2026-10-03T14:12`.
    pub period: String,
    /// A state, or `measured` to take back what was corrected.
    #[serde(rename = "as")]
    pub state: String,
    pub by: PersonId,
    pub reason: String,
}

/// It, as it is on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Corrected {
    pub module: ModuleId,
    pub from: Time,
    pub until: Time,
    #[serde(rename = "as")]
    pub state: String,
    pub by: PersonId,
    pub reason: String,
}

impl Corrected {
    /// As the journal has it.
    pub fn line(&self) -> String {
        line(&self.state, self.from, self.until, &self.reason)
    }

    pub fn object(&self) -> Object {
        Object::Module(self.module.clone())
    }
}

/// Whether it makes sense: a person and a module of the files, a past, a reason.
pub fn checked(core: &Core, wish: CorrectWish, now: Time) -> Result<Corrected, Refusal> {
    let config = &core.config;
    check::person(config, &wish.by)?;
    let reason = comment(&wish.reason)?;
    let Some(module) = config.modules.get(&wish.module) else {
        let id = &wish.module;
        return Err(Refusal::missing(format!("no module {id}"), format!("没有模块 {id}")));
    };
    if state_of(&wish.state).is_none() {
        let known = states().collect::<Vec<_>>().join(", ");
        let word = &wish.state;
        return Err(Refusal::new(
            format!("{word:?} is no state; write one of {known}"),
            format!("{word:?} 不是状态；请填写 {known} 之一"),
        ));
    }
    let policy = config.accountings.of(&module.project);
    let period = Period::parse(&wish.period, &policy.zone, policy.week_start, now);
    let period = period.map_err(|error| {
        let error = error.to_string();
        Refusal::new(error.clone(), crate::chinese::chinese(&error))
    })?;
    if period.until() > now {
        let until = period.until();
        return Err(Refusal::new(
            format!("it ends at {until}, which is ahead; only what was can be corrected"),
            format!("结束时间 {until} 尚未到来；只能更正过去"),
        ));
    }
    let (from, until) = (period.from(), period.until());
    let CorrectWish { module, state, by, .. } = wish;
    Ok(Corrected { module, from, until, state, by, reason })
}
