//! Holds: for a while the scaler leaves something alone, because a person said so.
//!
//! A hold is a lease and not an edit: it ends by itself, at most [`LONGEST`] after it was made, so
//! that nobody finds next month that a module was pinned for a sale. While it lasts the scaler goes
//! on computing what it would do, and says it with each decision.

use std::time::Duration;

use model::id::{HoldId, ModuleId, PersonId};
use model::time::Time;
use serde::{Deserialize, Serialize};

use crate::policy::{IsolationMode, Policy};

/// The longest a hold may last.
pub const LONGEST: Duration = Duration::from_secs(7 * 86_400);

/// Something is left alone for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    pub id: HoldId,
    /// None: every module of the fleet.
    pub module: Option<ModuleId>,
    pub what: HoldWhat,
    pub from: Time,
    /// From this moment on it holds no more.
    pub until: Time,
    pub by: PersonId,
    pub reason: String,
}

/// What is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HoldWhat {
    /// Nothing is taken away by choice.
    In,
    /// Nothing is added on account of load, schedules or bounds. What dies is replaced.
    Out,
    /// Ill VMs stay in the routers. Those that do not run any more are replaced.
    Isolate,
    All,
}

impl HoldWhat {
    pub const ALL: [Self; 4] = [Self::In, Self::Out, Self::Isolate, Self::All];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
            Self::Isolate => "isolate",
            Self::All => "all",
        }
    }

    fn covers(self, what: Self) -> bool {
        self == what || self == Self::All
    }
}

impl Hold {
    pub fn holds(&self, now: Time) -> bool {
        now < self.until
    }

    fn is_of(&self, module: &ModuleId) -> bool {
        self.module.as_ref().is_none_or(|held| held == module)
    }

    pub fn covers(&self, what: HoldWhat) -> bool {
        self.what.covers(what)
    }
}

/// The holds that a module is under now.
pub fn of_module<'a>(
    holds: impl IntoIterator<Item = &'a Hold>,
    module: &ModuleId,
    now: Time,
) -> Vec<Hold> {
    let mine = holds.into_iter().filter(|hold| hold.holds(now) && hold.is_of(module));
    mine.cloned().collect()
}

/// The policy as it is while these holds last: ill VMs may have to stay where they are.
pub fn applied(policy: &Policy, holds: &[Hold]) -> Option<Policy> {
    let is_held = holds.iter().any(|hold| hold.covers(HoldWhat::Isolate));
    let isolates = matches!(policy.isolation.mode, IsolationMode::Isolate | IsolationMode::Replace);
    (is_held && isolates).then(|| {
        let mut held = policy.clone();
        held.isolation.mode = IsolationMode::Observe;
        held
    })
}
