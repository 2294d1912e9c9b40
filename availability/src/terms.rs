//! The terms by which a timeline is accounted for: what counts, what does not, and what was promised.
//!
//! "How available were we?" has no answer without them. Whether planned work counts, whether time that
//! nobody watched counts, from when on two outages are one: each answer is fair, each gives another
//! number, and owners argue about them. So they have a name and a version, stand on each report, and
//! two sets may be compared on the same timeline. How looks become a timeline is the
//! [`crate::Accounting`]'s matter.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use model::id::VantageId;
use model::time::Time;
use model::unit::Span;
use serde::{Deserialize, Serialize};

use crate::hours::ServiceHours;
use crate::interval::{Interval, State};
use crate::latency::LatencyTerms;
use crate::overlay::{Kind, Overlay, lay};
use crate::quorum::{Joined, join};

const MILLIONTHS: u32 = 1_000_000;

/// One set of terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub name: String,
    /// Raised when the terms change.
    pub version: u32,
    pub target: Option<Target>,
    /// Outages less apart are one.
    pub merge_gap: Duration,
    pub maintenance: Maintenance,
    pub unknown: Unknown,
    pub latency: LatencyTerms,
    /// When it is promised; always if left out.
    pub service: Option<ServiceHours>,
    /// So many vantages make it down; if left out, what the brain itself saw counts.
    pub quorum: Option<u32>,
}

/// What was promised, in millionths: 999,500 is 99.95 %.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target(u32);

/// Whether planned work counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Maintenance {
    /// As whatever the probes saw.
    Count,
    /// Not at all, from `notice` after it was announced on.
    Exclude { notice: Duration },
}

/// What time counts as of which nobody knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unknown {
    /// As neither: the number has bounds, and a verdict may be undecidable.
    #[default]
    Bounds,
    CountDown,
    CountUp,
}

impl Default for Terms {
    /// Promises nothing; outages less than two minutes apart are one; planned work does not count.
    fn default() -> Self {
        Self {
            name: "standard".to_owned(),
            version: 1,
            target: None,
            merge_gap: Duration::from_secs(120),
            maintenance: Maintenance::Exclude { notice: Duration::ZERO },
            unknown: Unknown::Bounds,
            latency: LatencyTerms::default(),
            service: None,
            quorum: None,
        }
    }
}

impl Terms {
    /// The overlays that count, as they count: of a window that was announced too late only the part
    /// that lies far enough behind its announcement.
    pub fn admit(&self, overlays: &[Overlay]) -> Vec<Overlay> {
        let admitted = overlays.iter().filter_map(|overlay| {
            if overlay.kind != Kind::Maintenance {
                return Some(overlay.clone());
            }
            let Maintenance::Exclude { notice } = self.maintenance else { return None };
            let from = overlay.from.max(overlay.said + notice);
            (from < overlay.until).then(|| Overlay {
                from,
                state: State::Maintenance,
                ..overlay.clone()
            })
        });
        admitted.collect()
    }

    /// The timeline as it counts: with the overlays that count, and the hours in which nothing is
    /// promised. It is in order and without gaps, and so is the answer.
    pub fn lay(&self, timeline: &[Interval], overlays: &[Overlay]) -> Vec<Interval> {
        let mut over = self.admit(overlays);
        if let (Some(hours), Some(first), Some(last)) =
            (&self.service, timeline.first(), timeline.last())
        {
            over.extend(hours.closed(first.from, last.until));
        }
        lay(timeline, &over)
    }

    /// What is believed by what each vantage saw; without a quorum, by what `own` saw alone.
    pub fn believe(&self, seen: &BTreeMap<VantageId, Vec<Interval>>, own: &VantageId) -> Joined {
        match self.quorum {
            Some(quorum) => join(seen, quorum),
            None => Joined {
                timeline: seen.get(own).cloned().unwrap_or_default(),
                partials: Vec::new(),
            },
        }
    }

    /// How much of the time from `from` to `until` is promised.
    pub fn promised(&self, from: Time, until: Time) -> Duration {
        let closed = self.service.iter().flat_map(|hours| hours.closed(from, until));
        let closed: Duration = closed.map(|span| span.until.since(span.from)).sum();
        until.since(from).saturating_sub(closed)
    }
}

impl Target {
    /// `99.95%` or `99.95`: above 0, at most 100, at most four digits behind the point. The error says what
    /// to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no target; write a percentage such as 99.95%");
        let number = text.trim().strip_suffix('%').unwrap_or(text.trim()).trim_end();
        let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
        let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !is_number(whole) || !is_number(part) || part.len() > 4 || whole.len() > 3 {
            return Err(wrong());
        }
        let number = |text: &str| text.parse::<u32>().map_err(|_| wrong());
        let millionths = number(whole)? * 10_000 + number(&format!("{part:0<4}"))?;
        if millionths == 0 || millionths > MILLIONTHS { Err(wrong()) } else { Ok(Self(millionths)) }
    }

    pub fn millionths(self) -> u32 {
        self.0
    }

    /// How long it may be down in so much time, to the millisecond, rounded down.
    pub fn budget(self, counted: Duration) -> Duration {
        let allowed = u128::from(MILLIONTHS - self.0) * counted.as_millis() / 1_000_000;
        Duration::from_millis(u64::try_from(allowed).unwrap_or(u64::MAX))
    }
}

/// `99.95%`.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = format!("{:04}", self.0 % 10_000);
        let digits = digits.trim_end_matches('0');
        let point = if digits.is_empty() { "" } else { "." };
        write!(f, "{}{point}{digits}%", self.0 / 10_000)
    }
}

impl Terms {
    /// `standard@1`: whoever compares two reports looks at this first.
    pub fn id(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }

    /// Each rule in words.
    pub fn rules(&self) -> Vec<String> {
        let maintenance = match self.maintenance {
            Maintenance::Count => "maintenance counts like any other time".to_owned(),
            Maintenance::Exclude { notice } if notice.is_zero() => {
                "maintenance does not count".to_owned()
            }
            Maintenance::Exclude { notice } => {
                format!("maintenance does not count from {} after it was announced", Span(notice))
            }
        };
        let unknown = match self.unknown {
            Unknown::Bounds => "unknown time is neither up nor down",
            Unknown::CountDown => "unknown time counts as down",
            Unknown::CountUp => "unknown time counts as up",
        };
        let target = match self.target {
            Some(target) => format!("{target} is promised"),
            None => "nothing is promised".to_owned(),
        };
        let gap = format!("outages less than {} apart are one", Span(self.merge_gap));
        let promise = self.latency.promise.map(|promise| promise.rule());
        let rules = [target, gap, maintenance, unknown.to_owned()];
        let hours = self.service.iter().map(ToString::to_string);
        let quorum = self.quorum.map(|quorum| match quorum {
            0 | 1 => "down is what any vantage saw down".to_owned(),
            _ => format!("down is what {quorum} vantages saw down"),
        });
        rules.into_iter().chain(quorum).chain(hours).chain(promise).collect()
    }
}

/// `standard@1: nothing is promised, outages less than 2m apart are one, maintenance does not count,
/// unknown time is neither up nor down`.
impl fmt::Display for Terms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.id(), self.rules().join(", "))
    }
}
