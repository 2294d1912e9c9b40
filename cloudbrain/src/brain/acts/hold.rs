//! Holds on the scaler, as people ask for them and as they are shown.

use dashboards::view::quiet::HoldView;
use model::id::{HoldId, ModuleId, PersonId};
use model::time::Time;
use model::unit::Span;
use scaler::hold::{Hold, HoldWhat, LONGEST, of_module};
use serde::{Deserialize, Serialize};

use crate::brain::core::Core;

/// The longest hold.
pub const LONGEST_HOLD: Span = Span(LONGEST);
/// More than these at a time are a sign that a policy should say it.
pub const MAX_HOLDS: usize = 200;

/// Something is to be left alone for a while.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HoldWish {
    /// The whole fleet if left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<ModuleId>,
    pub what: HoldWhat,
    pub by: PersonId,
    pub reason: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Span>,
    /// A moment, as RFC 3339 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The holds that are not over, the first to end first.
pub fn holds(core: &Core, now: Time) -> Vec<HoldView> {
    let present = core.scaler.memory.holds.values().filter(|hold| hold.holds(now));
    let mut views: Vec<HoldView> = present.map(hold_view).collect();
    views.sort_by_key(|view| view.until);
    views
}

/// Those that a module is under now.
pub fn holds_of(core: &Core, module: &ModuleId, now: Time) -> Vec<HoldView> {
    let holds = of_module(core.scaler.memory.holds.values(), module, now);
    holds.iter().map(hold_view).collect()
}

pub fn hold_view(hold: &Hold) -> HoldView {
    HoldView {
        id: hold.id.clone(),
        module: hold.module.clone(),
        what: hold.what.as_str().to_owned(),
        from: hold.from,
        until: hold.until,
        by: hold.by.clone(),
        reason: hold.reason.clone(),
    }
}

/// The next name that no hold has.
pub fn next_id(number: &mut u64) -> HoldId {
    *number += 1;
    HoldId::parse(&format!("h{number}")).expect("a number makes a good name")
}
