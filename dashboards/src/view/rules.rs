//! What the page of the rules shows: each rule, what it watches, and why it may be quiet.

use model::signal::Severity;
use model::time::Time;
use serde::Serialize;

/// All rules that there are, switched off ones too.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RulesView {
    pub rules: Vec<RuleLine>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RuleLine {
    pub name: String,
    /// Where it stands, for people.
    pub file: String,
    pub severity: Severity,
    pub state: RuleStanding,
    /// Kinds of objects, or one object.
    pub on: String,
    /// In PromQL.
    pub query: String,
    pub bad: Bad,
    pub every_s: u64,
    pub for_s: u64,
    pub evaluated: Option<Time>,
    /// Series that the query gave.
    pub series: Option<usize>,
    /// Written `kind/name`.
    pub firing: Vec<String>,
    pub silent: Vec<String>,
    /// Why it may be quiet though something is wrong.
    pub doubts: Vec<String>,
}

/// When a rule holds an object to be bad.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Bad {
    /// By a value: `> 0.9`, and good again at `<= 0.85`.
    Line { bad: String, good: String },
    /// Each series that is there.
    Presence,
    /// Each object that was there and is not.
    NoData,
}

/// How it goes with a rule, the worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleStanding {
    /// Something is bad by it.
    Fires,
    /// It cannot be judged.
    Fails,
    /// Of what it told of, nothing is heard any more.
    Silent,
    /// It is judged in part.
    Doubtful,
    /// Nothing is bad.
    Quiet,
    /// It was not evaluated since the start.
    Waits,
    /// Nothing here is what it is about.
    Idle,
    Off,
}

impl RuleStanding {
    pub(crate) const ALL: [Self; 8] = [
        Self::Fires,
        Self::Fails,
        Self::Silent,
        Self::Doubtful,
        Self::Quiet,
        Self::Waits,
        Self::Idle,
        Self::Off,
    ];
}
