//! Accounting policies: files of kind `AccountingPolicy` in the policy folder, that say what counts
//! as available, and what is promised to whom.
//!
//! A project is named by at most one of them; the one that names none is for all others. Without any,
//! the standard terms hold, which promise nothing.

mod latency;
mod quorum;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use availability::{
    Indicator, Maintenance, Pace, ServiceHours, Target, Terms, Unknown, WeekStart, resolvable,
};
use jiff::tz::TimeZone;
use model::id::{ModuleId, ProjectId};
use model::time::Time;
use model::unit::Span;
use scaler::policy::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::latency::RawLatency;
pub use self::quorum::RawQuorum;
use super::raw::{RawConfig, TimeOfDay};
use super::yaml::{Document, Problem};
use super::{Config, Module, Reader, unknown};

/// The shortest month that is billed.
const MONTH: Duration = Duration::from_secs(28 * 86_400);
/// Two outages further apart than this are two by anybody's word.
const LONGEST_GAP: Span = Span::secs(3600);

/// Windows are looked for so long before they begin.
const LONGEST_NOTICE: Span = Span::secs(31 * 86_400);

/// By which rules time is accounted for. One for each project at most.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct RawAccountingPolicy {
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    pub kind: AccountingKind,
    /// Printed on each report, with the version.
    pub name: String,
    /// Raise it when the rules change.
    pub version: u32,
    /// The projects it is for; left out for all that no other policy names.
    #[serde(default)]
    pub projects: Vec<ProjectId>,
    /// What is promised: `99.95%`. Left out if nothing is.
    pub target: Option<String>,
    /// Outages less apart than this are one.
    #[serde(default = "merge_gap")]
    pub merge_gap: Span,
    /// Whether windows of maintenance count like any other time.
    #[serde(default)]
    pub maintenance: RawMaintenance,
    /// When the service is promised; always if left out.
    pub service_hours: Option<RawServiceHours>,
    /// Maintenance that was announced later than so long before it counts until then.
    #[serde(default)]
    pub notice: Span,
    /// What time counts as of which nobody knows.
    #[serde(default)]
    pub unknown: RawUnknown,
    /// What the scaler does when the error budget of the month is used up.
    #[serde(default)]
    pub when_spent: WhenSpent,
    /// The IANA time zone of its days and months; that of the main file if left out.
    pub timezone: Option<String>,
    #[serde(default)]
    pub week_start: RawWeekStart,
    /// Which answer times are counted, and what is promised of them.
    #[serde(default)]
    pub latency: RawLatency,
    /// How many vantages make it down; what the brain itself saw counts if left out.
    pub vantages: Option<RawQuorum>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub enum ApiVersion {
    #[serde(rename = "cloudbrain/v1")]
    V1,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
pub enum AccountingKind {
    AccountingPolicy,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawMaintenance {
    /// Planned work does not count.
    #[default]
    Exclude,
    /// It counts as whatever the probes saw.
    Count,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawUnknown {
    /// Neither up nor down: the number has bounds, and a verdict may be undecidable.
    #[default]
    Bounds,
    CountDown,
    CountUp,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawWeekStart {
    #[default]
    Monday,
    Sunday,
}

fn merge_gap() -> Span {
    Span(Terms::default().merge_gap)
}

/// On these days, from one time of the clock up to another.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawServiceHours {
    /// All, if left out.
    #[serde(default = "all_days")]
    pub days: BTreeSet<Weekday>,
    /// `08:00`; midnight if left out.
    #[serde(default = "midnight")]
    pub from: TimeOfDay,
    /// `20:00`; the end of the day if left out.
    pub until: Option<TimeOfDay>,
}

#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Weekday {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

fn all_days() -> BTreeSet<Weekday> {
    use Weekday::{Fri, Mon, Sat, Sun, Thu, Tue, Wed};
    [Mon, Tue, Wed, Thu, Fri, Sat, Sun].into()
}

fn midnight() -> TimeOfDay {
    TimeOfDay::MIDNIGHT
}

/// What follows when the error budget of the month is used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenSpent {
    /// It is told, and nothing else.
    #[default]
    Nothing,
    /// The scaler adds VMs as ever, and takes none away until the month ends.
    OnlyOut,
}

/// A policy that is in order.
#[derive(Clone, Debug)]
pub struct AccountingPolicy {
    pub terms: Terms,
    pub when_spent: WhenSpent,
    pub zone: TimeZone,
    pub week_start: WeekStart,
}

/// All of them.
#[derive(Clone, Debug)]
pub struct Accountings {
    usual: AccountingPolicy,
    by_project: BTreeMap<ProjectId, AccountingPolicy>,
}

impl Accountings {
    /// The one that a project is accounted for by.
    pub fn of(&self, project: &ProjectId) -> &AccountingPolicy {
        self.by_project.get(project).unwrap_or(&self.usual)
    }

    /// The one for whoever has none of his own.
    pub fn usual(&self) -> &AccountingPolicy {
        &self.usual
    }
}

/// Checks one policy as those of the files are checked: against the probing and the projects of a
/// fleet. It need not be in force, nor name a project.
///
/// # Errors
/// All that is wrong with it.
pub fn lint(
    config: &Config,
    document: Document,
    now: Time,
) -> Result<AccountingPolicy, Vec<Problem>> {
    let mut reader = Reader { problems: Vec::new(), lacks_projects: false, now };
    let written: RawAccountingPolicy = document.parse().map_err(|problem| vec![problem])?;
    let zone = TimeZone::get(&config.raw.timezone).unwrap_or(TimeZone::UTC);
    let projects = config.projects.keys().cloned().collect();
    let fleet = (&projects, &config.modules);
    let policy = reader.accounting(&document, &config.raw, &written, &zone);
    reader.problems.clear(); // The same are found again, with all others.
    reader.accountings(&config.raw, fleet, &[(document, written)]);
    reader.problems.retain(|problem| problem.is_error);
    if reader.problems.is_empty() { Ok(policy) } else { Err(reader.problems) }
}

impl Reader {
    pub(super) fn accountings(
        &mut self,
        raw: &RawConfig,
        (projects, modules): (&BTreeSet<ProjectId>, &BTreeMap<ModuleId, Module>),
        files: &[(Document, RawAccountingPolicy)],
    ) -> Accountings {
        let zone = TimeZone::get(&raw.timezone).unwrap_or(TimeZone::UTC);
        let (terms, when_spent) = (Terms::default(), WhenSpent::default());
        let week_start = WeekStart::default();
        let usual = AccountingPolicy { terms, when_spent, zone, week_start };
        let mut all = Accountings { usual, by_project: BTreeMap::new() };
        let (mut names, mut has_usual) = (BTreeSet::new(), false);
        for (document, written) in files {
            let policy = self.accounting(document, raw, written, &all.usual.zone);
            if !names.insert(written.name.clone()) {
                let message =
                    format!("a second policy named {:?}; names are told apart by", written.name);
                self.find(document, "name", format!("{message} readers of reports"));
            }
            for (index, project) in written.projects.iter().enumerate() {
                let place = format!("projects.{index}");
                if !projects.contains(project) && !self.lacks_projects {
                    let known: Vec<&str> = projects.iter().map(|known| known.as_str()).collect();
                    self.find(document, place, unknown("project", project.as_str(), &known));
                } else if all.by_project.insert(project.clone(), policy.clone()).is_some() {
                    let message = format!("a second accounting policy for {project}; keep one");
                    self.find(document, place, message);
                }
            }
            if written.projects.is_empty() && std::mem::replace(&mut has_usual, true) {
                let message =
                    "a second accounting policy for all other projects; name some, or keep one";
                self.find(document, "projects", message);
            } else if written.projects.is_empty() {
                all.usual = policy;
            }
        }
        for (id, module) in modules {
            let names_it = |written: &RawAccountingPolicy| match all.by_project.get(&module.project)
            {
                Some(_) => written.projects.contains(&module.project),
                None => written.projects.is_empty(),
            };
            if let Some((document, written)) = files.iter().find(|(_, written)| names_it(written)) {
                self.measurable(document, written, id, module);
            }
        }
        all
    }

    fn accounting(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        written: &RawAccountingPolicy,
        zone: &TimeZone,
    ) -> AccountingPolicy {
        if written.merge_gap.0 > LONGEST_GAP.0 {
            let message = format!("write at most {LONGEST_GAP}; 2m is usual");
            self.find(document, "merge_gap", message);
        }
        if written.notice.0 > LONGEST_NOTICE.0 {
            let message = format!("write at most {LONGEST_NOTICE}; 24h is usual");
            self.find(document, "notice", message);
        }
        if written.name.trim().is_empty() || written.version == 0 {
            self.find(document, "name", "a policy has a name, and a version from 1 on");
        }
        let zone = self.zone(document, written, zone);
        let terms = Terms {
            service: self.service_hours(document, written, &zone),
            name: written.name.clone(),
            version: written.version,
            target: self.target(document, raw, written),
            merge_gap: written.merge_gap.0,
            maintenance: match written.maintenance {
                RawMaintenance::Exclude => Maintenance::Exclude { notice: written.notice.0 },
                RawMaintenance::Count => Maintenance::Count,
            },
            unknown: match written.unknown {
                RawUnknown::Bounds => Unknown::Bounds,
                RawUnknown::CountDown => Unknown::CountDown,
                RawUnknown::CountUp => Unknown::CountUp,
            },
            latency: self.latency(document, raw, &written.latency),
            quorum: self.quorum(document, raw, written),
        };
        let week_start = match written.week_start {
            RawWeekStart::Monday => WeekStart::Monday,
            RawWeekStart::Sunday => WeekStart::Sunday,
        };
        if written.when_spent == WhenSpent::OnlyOut && written.target.is_none() {
            let message = "without a target there is no budget to use up; write for example 99.9%";
            self.find(document, "when_spent", message);
        }
        let when_spent = written.when_spent;
        AccountingPolicy { terms, when_spent, zone, week_start }
    }

    fn zone(
        &mut self,
        document: &Document,
        written: &RawAccountingPolicy,
        usual: &TimeZone,
    ) -> TimeZone {
        let Some(name) = &written.timezone else { return usual.clone() };
        TimeZone::get(name).unwrap_or_else(|_| {
            let message = format!("no time zone {name:?}; write for example Asia/Shanghai");
            self.find(document, "timezone", message);
            usual.clone()
        })
    }

    fn service_hours(
        &mut self,
        document: &Document,
        written: &RawAccountingPolicy,
        zone: &TimeZone,
    ) -> Option<ServiceHours> {
        let hours = written.service_hours.as_ref()?;
        let days = hours.days.iter().map(|day| *day as u8).collect();
        let until = hours.until.map(TimeOfDay::since_midnight);
        match ServiceHours::new(days, hours.from.since_midnight(), until, zone.clone()) {
            Ok(hours) => Some(hours),
            Err(message) => {
                self.find(document, "service_hours", message);
                None
            }
        }
    }

    /// What is promised of a module, and who must agree about it, fits what it is measured by.
    fn measurable(
        &mut self,
        document: &Document,
        written: &RawAccountingPolicy,
        id: &ModuleId,
        module: &Module,
    ) {
        let Ok(indicators) = &module.measured_by else { return };
        let target = written.target.as_deref().and_then(|target| Target::parse(target).ok());
        for (indicator, pace) in indicators {
            let (Some(target), Some(Pace { each, confirm_down, .. })) = (target, *pace) else {
                continue;
            };
            if let Err(unresolvable) = resolvable(target, each, confirm_down, MONTH) {
                let message = format!("{id} is measured by {indicator}: {unresolvable}");
                // Who wrote nothing of it may have promised it before it was measured.
                let finding = match module.says_measures {
                    true => Finding::error("target", message),
                    false => Finding::warning("target", message),
                };
                self.problems.push(document.place(&finding));
            }
        }
        let beside = indicators.keys().find(|indicator| **indicator != Indicator::Domain);
        if let Some(beside) = beside
            && indicators.contains_key(&Indicator::Domain)
            && written.vantages.is_some()
        {
            let message = format!(
                "{id} is measured by its domain and by {beside}, which the brain alone looks at, so no \
                 quorum could ever see that; measure it by one of them, or leave the quorum out"
            );
            self.find(document, "vantages.quorum", message);
        }
    }

    /// A promise that the probing can watch over.
    fn target(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        written: &RawAccountingPolicy,
    ) -> Option<Target> {
        let target = match Target::parse(written.target.as_deref()?) {
            Ok(target) => target,
            Err(message) => {
                self.find(document, "target", message);
                return None;
            }
        };
        let (interval, confirm) = (raw.collector.interval.0, raw.availability.confirm_down);
        if let Err(unresolvable) = resolvable(target, interval, confirm, MONTH) {
            let finding = Finding::error("target".to_owned(), unresolvable.to_string());
            self.problems.push(document.place(&finding));
        }
        Some(target)
    }
}
