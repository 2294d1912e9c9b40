//! By what the availability of a module is measured: the service level indicators of the field.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use model::id::CheckId;
use model::unit::Span;
use serde::{Deserialize, Serialize};

use crate::accounting::Accounting;

/// One thing that is looked at again and again, and says how a module is. `domain`, `vms`, `check/login`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Indicator {
    /// Monitor.X of its domain: what its users meet.
    Domain,
    /// Monitor.X of each of its VMs: it is down while none of them answers as it should.
    Vms,
    /// A check of its project.
    Check(CheckId),
}

/// How an indicator looks, where that is not how the domains are probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// Between two looks; above zero.
    #[serde(rename = "each_ms", with = "millis")]
    pub each: Duration,
    /// So many failures in a row are an outage. 0 counts as 1.
    pub confirm_down: u32,
    /// So many successes in a row end one. 0 counts as 1.
    pub confirm_up: u32,
}

/// A text that names no indicator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndicatorError(String);

impl Indicator {
    /// What it says of its module bears its name, but for what the domain says: that is what is usual.
    pub(crate) fn signed(&self, why: String) -> String {
        match self {
            Self::Domain => why,
            Self::Vms | Self::Check(_) => format!("{self}: {why}"),
        }
    }
}

/// A round of VMs may be told at its end, and one may be empty, where a VM is probed near the edge of two.
const ROUNDS_UNTIL_STALE: u32 = 3;

impl Accounting {
    /// The same rules for an indicator, which looks at this pace.
    pub(crate) fn rules_of(&self, indicator: &Indicator, pace: Option<Pace>) -> Self {
        let rules = self.paced(pace);
        match indicator {
            Indicator::Domain | Indicator::Check(_) => rules,
            Indicator::Vms => {
                Self { stale_after: rules.interval.saturating_mul(ROUNDS_UNTIL_STALE), ..rules }
            }
        }
    }

    /// The same rules for an indicator that looks at this pace.
    pub fn paced(&self, pace: Option<Pace>) -> Self {
        let Some(Pace { each, confirm_down, confirm_up }) = pace else { return self.clone() };
        let (name, version) = (self.name.clone(), self.version);
        Self { name, version, confirm_down, confirm_up, ..Self::new(each) }
    }
}

impl fmt::Display for Indicator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Domain => f.write_str("domain"),
            Self::Vms => f.write_str("vms"),
            Self::Check(name) => write!(f, "check/{name}"),
        }
    }
}

impl FromStr for Indicator {
    type Err = IndicatorError;

    fn from_str(text: &str) -> Result<Self, IndicatorError> {
        let check = text.strip_prefix("check/").map(CheckId::parse);
        match (text, check) {
            ("domain", _) => Ok(Self::Domain),
            ("vms", _) => Ok(Self::Vms),
            (_, Some(Ok(name))) => Ok(Self::Check(name)),
            _ => Err(IndicatorError(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Indicator {
    type Error = IndicatorError;

    fn try_from(text: String) -> Result<Self, IndicatorError> {
        text.parse()
    }
}

impl From<Indicator> for String {
    fn from(indicator: Indicator) -> Self {
        indicator.to_string()
    }
}

impl fmt::Display for IndicatorError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = &self.0;
        write!(f, "{text:?} measures nothing; write domain, vms, checks or check/NAME")
    }
}

impl std::error::Error for IndicatorError {}

/// `each 5m, down after 2, up after 1`.
impl fmt::Display for Pace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { each, confirm_down, confirm_up } = self;
        write!(f, "each {}, down after {confirm_down}, up after {confirm_up}", Span(*each))
    }
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(span: &Duration, to: S) -> Result<S::Ok, S::Error> {
        u64::try_from(span.as_millis()).unwrap_or(u64::MAX).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        u64::deserialize(from).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_indicator_is_written_as_it_is_read() {
        for text in ["domain", "vms", "check/login"] {
            assert_eq!(text.parse::<Indicator>().unwrap().to_string(), text);
        }
        for text in ["", "checks", "check/", "Domain", "check/No Name"] {
            let error = text.parse::<Indicator>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{text:?} measures nothing")), "{error}");
        }
    }
}
