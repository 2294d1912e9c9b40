//! What the page of one decision shows: what it went by, what each limit did, and what came of it.

use model::id::{DecisionId, ModuleId, VmId};
use model::time::Time;
use model::vm::VmState;

/// One decision. Its sentences are in the reader's language already.
#[derive(Clone, Debug, PartialEq)]
pub struct DecisionView {
    pub id: DecisionId,
    pub module: ModuleId,
    pub at: Time,
    /// As policies write it.
    pub mode: &'static str,
    pub from: u32,
    pub to: u32,
    pub reason: String,
    /// VMs in service, and those on their way, when it was made.
    pub serving: u32,
    pub warming: u32,
    pub readings: Vec<ReadingView>,
    /// What schedules, forecast and holds said, a sentence each.
    pub said: Vec<String>,
    /// In their order.
    pub limits: Vec<LimitRow>,
    pub moves: Vec<MoveRow>,
    /// VMs that it wanted and the pool could not give.
    pub owed: u32,
    /// What keeps VMs of the module from coming right now.
    pub waits: Option<String>,
    /// None if nothing was to come of it: it held, or its mode does not act.
    pub after: Option<AfterView>,
    /// Whether the program decides the same again by what was stored; None if too little was.
    pub replays: Option<bool>,
}

/// One metric as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadingView {
    pub metric: String,
    pub value: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// VMs with a fresh sample, and all that are read.
    pub fresh: u32,
    pub of: u32,
    pub oldest_s: Option<f64>,
    /// The count it asks for, and why.
    pub asks: Option<(u32, String)>,
    /// Why it has no value.
    pub fault: Option<String>,
}

/// What one limit did to the count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LimitRow {
    /// As `explain` and ARCHITECTURE.md name it.
    pub name: String,
    pub from: u32,
    pub to: u32,
    /// False: it has nothing to say of such a change.
    pub applies: bool,
    pub detail: String,
}

/// A VM that began to go somewhere for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MoveRow {
    pub vm: VmId,
    pub to: VmState,
    pub why: String,
}

/// What came of it, as far as it is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct AfterView {
    /// Until as many served as were wanted, in seconds.
    pub served_after_s: Option<f64>,
    pub load: Option<f64>,
    /// If the work had stayed the same.
    pub expected: Option<f64>,
    /// The next change of the count came first.
    pub overtaken: Option<Time>,
}
