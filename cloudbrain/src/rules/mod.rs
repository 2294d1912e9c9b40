//! Rules in files: read, checked, tried on sample data, and evaluated over the samples.
//!
//! What a rule says of values is decided by `alerter::rule`, which is pure and knows no PromQL.
//! Here it gets its values: a rule of a file becomes one expression ([`check`]), which the asker
//! asks again and again ([`engine`]). The same two steps run over sample data of a file's own
//! `tests` in simulated time ([`trial`]), so a rule that passes there does the same in the fleet.
//!
//! Rules that everybody wants are built in, in the same form ([`builtin`]).

pub mod builtin;
pub mod check;
pub mod engine;
pub mod raw;
pub mod trial;
pub mod written;

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::rule::{Rule, RuleName};
use query::Expression;

/// A rule, checked, with what is asked for it.
#[derive(Clone, Debug)]
pub struct Checked {
    pub rule: Rule,
    pub expression: Expression,
    /// How old a sample may be and still be the value now.
    pub within: Duration,
}

/// The rules that are switched on.
pub type RuleSet = BTreeMap<RuleName, Checked>;

impl Checked {
    /// What its series depend on: a rule that asks something else begins anew.
    pub fn asks(&self) -> String {
        format!("{:?} {}", self.rule.on, self.expression)
    }
}
