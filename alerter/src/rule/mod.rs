//! Rules: what a number must do before it is trouble, and before the trouble is over.
//!
//! A number crosses a line many times a day and means it once. So a rule waits before it tells of
//! trouble (`hold`), waits again on the far side of another line before it tells of the end
//! (`clears`, `clear_after`), and makes one signal of all parts of one object that are bad. What
//! the signal leads to is decided by the rest of this crate, as for any other signal.
//!
//! A rule does not fetch its numbers: whoever has samples evaluates it and hands over what came
//! out, at each moment, as a vector of labels and values ([`hear`]). Nothing here reads a clock or
//! an expression.
//!
//! What is *not* known is told from what is good and from what is bad. No value (a gap, NaN, a
//! division by zero, an evaluation that failed) neither begins nor ends anything: it stops the
//! wait. Trouble that nothing is heard of any more becomes "no data" after a grace, and ends when
//! its object is gone.
//!
//! Invariants: the order of the series in a vector changes nothing; a state that was written down
//! and read back goes on as if nothing had happened; of one object and rule there is one signal,
//! and good and bad take turns; a rule watches no more than [`MAX_WATCHED`] series, or
//! [`MAX_HEARD`] objects.

mod heard;
mod labels;
mod said;
mod state;
mod template;
mod watch;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use model::id::{CheckId, CollectorId, Object};
use model::signal::{Severity, Signal};
use model::topology::Topology;
use serde::{Deserialize, Serialize};

use crate::event::Bilingual;

pub use heard::{Failure, Heard, Left, Report, end, hear};
pub use state::{Phase, RuleState};
pub use template::{Template, UnknownPlaceholder};

/// Series that one rule keeps in mind since they are bad. Over it, those it knows stay, and new
/// ones are counted and named.
pub const MAX_WATCHED: usize = 10_000;
/// Objects that a rule about missing data keeps in mind: all that it hears of.
pub const MAX_HEARD: usize = 100_000;
/// Trouble of which nothing is heard stays trouble for so long, then it is "no data".
pub const GRACE: Duration = Duration::from_secs(600);
/// "No data" after trouble is forgotten after this long.
pub const FORGET: Duration = Duration::from_secs(86_400);

/// The name of a rule: 1 to 64 of `a-z 0-9 _`, a letter first.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleName(Arc<str>);

/// Why a text names no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no rule name; write 1 to 64 of a-z, 0-9 and _, a letter first")]
pub struct BadRuleName(pub String);

/// One rule, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    pub name: RuleName,
    pub condition: Condition,
    pub on: On,
    /// How often it is evaluated.
    pub every: Duration,
    /// It must be bad for so long.
    pub hold: Duration,
    /// And good for so long again.
    pub clear_after: Duration,
    pub severity: Severity,
    /// What to say; None in a language that the rule has no text in.
    pub text: Texts,
    /// What to do about it, a sentence or an address.
    pub runbook: Option<Bilingual>,
}

/// What is bad.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// A value that `fires` says yes to. It is good when `clears` does; in between all stays.
    Number { fires: Bound, clears: Bound },
    /// Each series that is there. One that is not there is good.
    Presence,
    /// Each object that was there and is not.
    NoData,
}

/// A line between numbers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    Above(f64),
    AtLeast(f64),
    Below(f64),
    AtMost(f64),
}

/// Of which object a series speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum On {
    /// The first of these kinds that the series has a label of.
    Kinds(Vec<Kind>),
    /// All series speak of this one.
    One(Object),
}

/// A kind of object; a series bears the object's name in a label of the kind's name.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    Switch,
    Host,
    Vm,
    Module,
    Project,
    DataSource,
    Collector,
}

/// The texts of a rule, by language.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Texts {
    pub en: Option<Template>,
    pub zh: Option<Template>,
}

/// What a rule says of an object, in both languages.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Its text is the English one.
    pub signal: Signal,
    pub words: Words,
}

/// What stands in messages beside a signal of a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Words {
    pub text: Bilingual,
    pub runbook: Option<Bilingual>,
}

/// Where rules are judged.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    pub topology: &'a Topology,
    /// It is known whole, so what it does not know any more is gone. After a start it is not.
    pub is_whole: bool,
    /// Who measured: silence is as good as its sight, and faults of rules are told of it.
    pub collector: &'a CollectorId,
}

impl RuleName {
    pub fn parse(text: &str) -> Result<Self, BadRuleName> {
        let is_fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let begins_well = text.starts_with(|c: char| c.is_ascii_lowercase());
        if text.len() > 64 || !begins_well || !text.chars().all(is_fine) {
            return Err(BadRuleName(text.to_owned()));
        }
        Ok(Self(text.into()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The check under which its signals are known.
    pub fn check(&self) -> CheckId {
        CheckId::parse(&format!("rule.{self}")).expect("a short name of letters")
    }

    /// The check that is bad while the rule itself cannot be judged.
    pub fn fault_check(&self) -> CheckId {
        CheckId::parse(&format!("rules.{self}")).expect("a short name of letters")
    }
}

impl Condition {
    /// How many series are kept in mind at most.
    fn limit(self) -> usize {
        match self {
            Self::Number { .. } | Self::Presence => MAX_WATCHED,
            Self::NoData => MAX_HEARD,
        }
    }
}

impl Bound {
    /// Whether a value lies beyond the line. NaN lies nowhere.
    pub fn holds(self, value: f64) -> bool {
        match self {
            Self::Above(line) => value > line,
            Self::AtLeast(line) => value >= line,
            Self::Below(line) => value < line,
            Self::AtMost(line) => value <= line,
        }
    }

    pub fn line(self) -> f64 {
        match self {
            Self::Above(line) | Self::AtLeast(line) | Self::Below(line) | Self::AtMost(line) => {
                line
            }
        }
    }

    /// All that this does not hold for.
    pub fn opposite(self) -> Self {
        match self {
            Self::Above(line) => Self::AtMost(line),
            Self::AtLeast(line) => Self::Below(line),
            Self::Below(line) => Self::AtLeast(line),
            Self::AtMost(line) => Self::Above(line),
        }
    }

    /// Whether larger values are further beyond the line.
    pub fn points_up(self) -> bool {
        matches!(self, Self::Above(_) | Self::AtLeast(_))
    }
}

impl Kind {
    pub const ALL: [Self; 7] = [
        Self::Switch,
        Self::Host,
        Self::Vm,
        Self::Module,
        Self::Project,
        Self::DataSource,
        Self::Collector,
    ];

    /// The label that bears its name, and the word before the slash of an object.
    pub fn label(self) -> &'static str {
        match self {
            Self::Switch => "switch",
            Self::Host => "host",
            Self::Vm => "vm",
            Self::Module => "module",
            Self::Project => "project",
            Self::DataSource => "datasource",
            Self::Collector => "collector",
        }
    }

    /// Labels that say where such an object stands or whose it is, and so change when it moves.
    fn carried(self) -> &'static [&'static str] {
        match self {
            Self::Vm => &["vm", "host", "switch", "module", "project", "job", "instance"],
            Self::Host => &["host", "switch", "job", "instance"],
            Self::DataSource => &["datasource", "vm", "host", "switch", "module", "project"],
            Self::Module => &["module", "project"],
            Self::Switch => &["switch"],
            Self::Project => &["project"],
            Self::Collector => &["collector", "job", "instance"],
        }
    }
}

impl TryFrom<String> for RuleName {
    type Error = BadRuleName;
    fn try_from(text: String) -> Result<Self, BadRuleName> {
        Self::parse(&text)
    }
}

impl From<RuleName> for String {
    fn from(name: RuleName) -> Self {
        name.0.as_ref().to_owned()
    }
}

impl fmt::Display for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for RuleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule/{}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_name_makes_a_check_and_nothing_else_does() {
        assert_eq!(RuleName::parse("disk_full").unwrap().check().as_str(), "rule.disk_full");
        for bad in ["", "Disk", "1st", "disk full", "disk.full", "x/y", &"x".repeat(65)] {
            assert!(RuleName::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_line_and_its_opposite_part_all_numbers_and_no_nan() {
        for bound in [Bound::Above(3.0), Bound::AtLeast(3.0), Bound::Below(3.0), Bound::AtMost(3.0)]
        {
            for value in [2.0, 3.0, 4.0] {
                assert_ne!(bound.holds(value), bound.opposite().holds(value), "{bound:?} {value}");
            }
            assert!(!bound.holds(f64::NAN) && !bound.opposite().holds(f64::NAN));
            assert_eq!(bound.opposite().opposite(), bound);
        }
    }
}
