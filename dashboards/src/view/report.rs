//! What a report of availability says: as JSON for programs, and as what text, table and page are
//! made of. Durations are whole seconds, rounded down; moments are milliseconds since the epoch.

use model::id::{IncidentId, ModuleId, PersonId, ProjectId, VantageId};
use model::time::Time;
use serde::{Deserialize, Serialize};

use super::latency::LatencyView;

/// One project over one period. Its reasons and rules are in the reader's language.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportView {
    pub project: ProjectId,
    /// `2026-10`.
    pub period: String,
    /// The IANA name of the zone of its days.
    pub zone: String,
    pub from: Time,
    /// How far it reaches: the end of the period, or the present.
    pub until: Time,
    /// The end of the period.
    pub ends: Time,
    /// The accounting policy: `standard@1`.
    pub policy: String,
    /// Its weeks begin on Sunday; else on Monday.
    pub from_sunday: bool,
    /// What it says, and how was probed: a sentence each.
    pub rules: Vec<String>,
    /// What is promised: `99.95%`.
    pub target: Option<String>,
    /// The project as a whole: down while any of its modules is.
    pub whole: WholeView,
    /// Those that were probed, the worst first.
    pub modules: Vec<ModuleReport>,
    pub not_probed: Vec<NotProbed>,
}

/// The periods beside one, as [`ReportView::period`] has them; None where there is nothing to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Around {
    pub before: Option<String>,
    pub after: Option<String>,
}

/// What the forms of corrections offer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Correcting {
    /// Whoever may correct: the people of the files.
    pub people: Vec<PersonId>,
    /// Who the reader said to be last.
    pub me: Option<PersonId>,
    /// What a span may count as, as the API takes it.
    pub states: Vec<String>,
    /// What an outage led to.
    pub picked: Option<Picked>,
}

/// A span of a module's past, in local times of the report's zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picked {
    pub module: ModuleId,
    /// `2026-10-03T14:02:10`; what is no time a browser leaves out.
    pub from: String,
    pub until: String,
}

impl Picked {
    /// None of anything else than [`Picked::written`]: then the form is as it is by itself.
    pub fn read(text: &str) -> Option<Self> {
        let (module, span) = text.split_once(' ')?;
        let (from, until) = span.split_once("..")?;
        let module = module.parse().ok()?;
        Some(Self { module, from: from.to_owned(), until: until.to_owned() })
    }

    /// As the command `correct` has it: `shop/web 2026-10-03T14:02:10..2026-10-03T14:14:10`.
    pub fn written(&self) -> String {
        format!("{} {}..{}", self.module, self.from, self.until)
    }
}

/// What is said of a project as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct WholeView {
    #[serde(flatten)]
    pub tally: TallyView,
    /// As those of a module.
    pub known: Option<String>,
    pub low: Option<String>,
    pub high: Option<String>,
    pub coverage: Option<String>,
    /// None without a target.
    pub verdict: Option<VerdictView>,
    pub budget: Option<BudgetView>,
    /// Outages of which a part lies in the period. Those of two modules that touch are one.
    pub outages: usize,
    /// The last of them is not over.
    pub is_open: bool,
}

/// One module over the period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModuleReport {
    pub module: ModuleId,
    /// Since when it is in no file any more, if that was before the end of the period; from then on it is
    /// not applicable.
    #[serde(default)]
    pub withdrawn: Option<Time>,
    /// It is down while one of them says so. Empty for a module that is in no file any more.
    #[serde(default)]
    pub measured_by: Vec<MeasureView>,
    #[serde(flatten)]
    pub tally: TallyView,
    /// Percentages, never rounded up, with as many digits as the probing can tell apart; None if
    /// there is nothing to take a share of.
    pub known: Option<String>,
    pub low: Option<String>,
    pub high: Option<String>,
    pub coverage: Option<String>,
    /// None without a target.
    pub verdict: Option<VerdictView>,
    pub budget: Option<BudgetView>,
    pub outages: Vec<OutageView>,
    pub statistics: StatisticsView,
    /// What the outages came of, the costliest first.
    #[serde(default)]
    pub causes: Vec<CauseView>,
    /// Failures that no outage came of.
    pub blips: u32,
    /// What failed from some vantages only; no down time. Left out if there is nothing of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub partials: Vec<PartialView>,
    pub days: Vec<DayView>,
    pub unknown: Vec<SpanView>,
    pub maintenance: Vec<SpanView>,
    /// What people say that a span was, over what was measured.
    #[serde(default)]
    pub corrections: Vec<CorrectionView>,
    /// None if there are no answers of it.
    pub latency: Option<LatencyView>,
}

impl ModuleReport {
    /// What is said of a whole, of one module.
    pub fn as_whole(&self) -> WholeView {
        WholeView {
            tally: self.tally,
            known: self.known.clone(),
            low: self.low.clone(),
            high: self.high.clone(),
            coverage: self.coverage.clone(),
            verdict: self.verdict,
            budget: self.budget,
            outages: self.outages.len(),
            is_open: self.outages.last().is_some_and(|outage| outage.is_open),
        }
    }
}

/// What an availability is measured by, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MeasureView {
    /// `domain`, `vms`, `check/login`.
    pub by: String,
    /// Between two looks, in milliseconds.
    pub each_ms: u64,
    /// So many failures in a row are an outage, and so many successes end it.
    pub confirm_down: u32,
    pub confirm_up: u32,
}

/// They add up to the period, up to rounding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TallyView {
    pub up_s: u64,
    pub down_s: u64,
    pub unknown_s: u64,
    pub maintenance_s: u64,
    pub not_applicable_s: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VerdictView {
    Met,
    Missed,
    /// It hangs on the unknown time.
    Undecidable {
        /// It is met if so much of it was up.
        met_if_up_s: u64,
        /// It is missed if so much of it was down.
        missed_if_down_s: u64,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BudgetView {
    pub whole_s: u64,
    pub used_s: u64,
    pub left_s: u64,
    pub overdrawn_s: u64,
    /// When it is used up at this pace, if within the period.
    pub used_up_at: Option<Time>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutageView {
    pub from: Time,
    /// Its end, or until when it is known to be down.
    pub until: Time,
    pub down_s: u64,
    /// More than one if it came back soon.
    pub parts: usize,
    pub is_open: bool,
    /// Both its ends were seen; else it may have been longer.
    pub is_whole: bool,
    /// It was seen to be well directly before.
    #[serde(default)]
    pub is_begin_seen: bool,
    pub why: String,
    /// The incident that it belongs to, if one is known.
    pub incident: Option<IncidentId>,
    /// From its beginning until the first message of its incident was delivered, or the incident was
    /// opened if none was; None if one of both ends is not known.
    #[serde(default)]
    pub told_s: Option<u64>,
    /// What went out shortly before, if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released: Option<ReleaseView>,
    /// Its class: `host`, `network`, `data-source`, `release`, `scaling`, `capacity`, `application`, `unclear`.
    #[serde(default)]
    pub cause: String,
}

/// A new version of a module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseView {
    pub version: String,
    pub by: String,
    /// So long before it broke.
    pub before_s: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatisticsView {
    pub started: u32,
    pub ended: u32,
    /// MTTR, its median, and the longest; of outages that ended.
    pub repair_mean_s: Option<u64>,
    pub repair_median_s: Option<u64>,
    pub repair_worst_s: Option<u64>,
    /// MTBF; None if no outage began: then it is more than the period.
    pub between_s: Option<u64>,
    /// MTTD, its median, and the longest; of the `told` outages that began in the period and have a
    /// [`OutageView::told_s`].
    #[serde(default)]
    pub told: u32,
    #[serde(default)]
    pub tell_mean_s: Option<u64>,
    #[serde(default)]
    pub tell_median_s: Option<u64>,
    #[serde(default)]
    pub tell_worst_s: Option<u64>,
    /// Why there is none, in the reader's language.
    #[serde(default)]
    pub untold: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayView {
    /// `2026-10-03`, by the zone of the report.
    pub date: String,
    pub from: Time,
    pub until: Time,
    #[serde(flatten)]
    pub tally: TallyView,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpanView {
    pub from: Time,
    pub until: Time,
    pub why: String,
}

/// It was seen to be down, and from too few places for down time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartialView {
    pub from: Time,
    pub until: Time,
    pub seen_down_s: u64,
    /// Those places.
    pub vantages: Vec<VantageId>,
    /// What the first of them met.
    pub why: String,
}

impl PartialView {
    /// `beijing, osaka`.
    pub fn names(&self) -> String {
        self.vantages.iter().map(VantageId::as_str).collect::<Vec<_>>().join(", ")
    }
}

/// All outages of one class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CauseView {
    pub cause: String,
    pub down_s: u64,
    pub outages: usize,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CorrectionView {
    pub from: Time,
    pub until: Time,
    /// What it counts as: `up`, `down`, `unknown`, `maintenance`, `not-applicable`.
    pub counts_as: String,
    /// With the author.
    pub why: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotProbed {
    pub module: ModuleId,
    pub why: String,
}
