//! Reports of availability: the account of each module of a project over a period, for whoever asks.
//!
//! The core gives what it remembers, the store what is older, and the journal which maintenance was
//! announced, when: so a window that was taken out of its file later is still told of, and one that
//! was announced afterwards does not make the past better. What is said is decided by
//! [`availability::Account`].

mod announced;
mod beside;
mod causes;
mod company;
pub mod corrected;
mod incidents;
mod latency;
pub mod released;
mod show;
mod status;
mod told;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use availability::{
    Account, Accounting, Interval, Ledger, Overlay, Period, PeriodError, State, Terms, counted,
    lay, whole,
};
use dashboards::view::report::{MeasureView, NotProbed, ReportView};
use jiff::tz::TimeZone;
use model::id::{ModuleId, PersonId, ProjectId, VantageId};
use model::lang::Lang;
use model::time::Time;
use store::{JournalRow, StoreError, TransitionRow};

use super::Handle;
use super::core::Core;
use super::core::withdrawing::Withdrawn;
use super::vantages::{Elsewhere, silent_after};
use crate::config::accounting::AccountingPolicy;
use crate::config::vantages::brain;
use crate::config::yaml::Problem;

pub use beside::beside;
pub use company::company;
pub use status::status;

/// An outage that began before the period is told whole if it began within this time before it; a
/// window of maintenance may be announced as long before it begins.
pub(super) const BEFORE: Duration = Duration::from_secs(62 * 86_400);

/// Why there is no report.
#[derive(Debug)]
pub enum Refusal {
    NoProject {
        project: ProjectId,
        known: Vec<ProjectId>,
    },
    NoOwner {
        owner: PersonId,
        known: Vec<PersonId>,
    },
    Period(PeriodError),
    /// It has not begun.
    Ahead(Period),
    /// What is wrong with the policy to lay beside.
    Policy(Vec<Problem>),
    Brain(String),
    Store(StoreError),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProject { project, known } => {
                let known: Vec<&str> = known.iter().map(ProjectId::as_str).collect();
                write!(f, "no project {project}; there are: {}", known.join(", "))
            }
            Self::NoOwner { owner, known } => {
                let known: Vec<&str> = known.iter().map(PersonId::as_str).collect();
                write!(f, "{owner} owns no project; owners are: {}", known.join(", "))
            }
            Self::Period(error) => error.fmt(f),
            Self::Ahead(period) => {
                write!(
                    f,
                    "{} begins on {}; nothing is known of it yet",
                    period.label(),
                    period.from()
                )
            }
            Self::Policy(problems) => {
                let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
                f.write_str(&told.join("\n"))
            }
            Self::Brain(why) => f.write_str(why),
            Self::Store(error) => error.fmt(f),
        }
    }
}

/// What the core knows, taken at one moment.
struct Ground {
    project: ProjectId,
    policy: AccountingPolicy,
    accounting: Accounting,
    zone: String,
    period: Period,
    now: Time,
    ledgers: BTreeMap<ModuleId, Ledgers>,
    withdrawn: Withdrawn,
    unsettled: latency::Unsettled,
    /// What each is measured by; those that are in no file any more are left out.
    measured_by: BTreeMap<ModuleId, Vec<MeasureView>>,
    not_probed: Vec<NotProbed>,
}

/// What each vantage saw of a module, over the same time.
pub(super) type Seen = BTreeMap<VantageId, Vec<Interval>>;

/// What was heard of a module: by the brain itself, and by the other vantages.
pub(super) struct Ledgers {
    own: Ledger,
    others: BTreeMap<VantageId, Elsewhere>,
    /// When the others did not look.
    apart: Vec<Overlay>,
}

impl Ledgers {
    pub(super) fn of(core: &Core, module: &ModuleId) -> Option<Self> {
        let own = core.ledgers.get(module)?.clone();
        let (others, apart) = (core.vantages.of(module, &own), core.apart(module));
        Some(Self { own, others, apart })
    }

    fn blips(&self, accounting: &Accounting, from: Time, until: Time) -> u32 {
        self.own.blips(accounting, from, until)
    }

    /// Up to when all have told something that count and look just now.
    fn known_until(&self, terms: &Terms, accounting: &Accounting) -> Time {
        let own = self.own.known_until();
        let others = self.others.values().filter(|_| terms.quorum.is_some());
        let others = others.filter_map(Elsewhere::known_until);
        let looking = others.filter(|until| own.since(*until) <= silent_after(accounting));
        looking.min().map_or(own, |until| own.min(until))
    }
}

impl Ground {
    /// From when until when things are read.
    fn reach(&self) -> (Time, Time) {
        (self.period.from() - BEFORE, self.period.until().min(self.now))
    }

    /// What is known of a module's time beside what was measured.
    fn overlays(&self, journal: &[JournalRow], module: &ModuleId) -> Vec<Overlay> {
        let mut overlays = overlays(journal, module);
        overlays.extend(self.withdrawn.overlays(module));
        overlays
    }

    /// How finely a module is looked at; all of them without one.
    fn interval(&self, module: Option<&ModuleId>) -> Duration {
        let measures = self.measured_by.iter().filter(|(id, _)| module.is_none_or(|m| m == *id));
        let each = measures.flat_map(|(_, all)| all).map(|one| Duration::from_millis(one.each_ms));
        each.max().unwrap_or(self.accounting.interval)
    }

    fn account(&self, timeline: &[Interval], overlays: &[Overlay]) -> Account {
        Account::new(&self.policy.terms, &self.period, self.now, timeline, overlays)
    }
}

/// The report of a project over a period, as people write one: see [`Period::parse`]. Its reasons and
/// rules are in this language.
///
/// # Errors
/// If there is no such project or period, or the record cannot be read.
pub async fn report(
    handle: &Handle,
    project: ProjectId,
    period: String,
    lang: Lang,
) -> Result<ReportView, Refusal> {
    let asked = handle.ask(move |core, now| ground(core, &project, &period, now)).await;
    let ground = asked.map_err(Refusal::Brain)??;
    let (since, until) = ground.reach();
    let journal = journal(handle, since, ground.now).await?;
    let (mut accounts, mut laid) = (Vec::new(), Vec::new());
    for (module, ledgers) in &ground.ledgers {
        let seen = seen(handle, module, ledgers, &ground.accounting, (since, until)).await;
        let joined = ground.policy.terms.believe(&seen.map_err(Refusal::Store)?, &brain());
        let overlays = ground.overlays(&journal, module);
        let account = ground.account(&joined.timeline, &overlays);
        let counts = ground.policy.terms.lay(&joined.timeline, &overlays);
        let partials = counted(&joined.partials, &counts, account.from, account.until);
        let blips = ledgers.blips(&ground.accounting, account.from, account.until);
        accounts.push(show::Told { module: module.clone(), account, blips, partials });
        laid.push(counts);
    }
    let mut view = show::view(&ground, accounts, &ground.account(&whole(&laid), &[]));
    let incidents = incidents::known(handle, &view).await.map_err(Refusal::Store)?;
    incidents::link(&mut view, &incidents);
    told::add(handle, &mut view, &incidents).await.map_err(Refusal::Store)?;
    causes::classify(handle, &mut view, &incidents, &journal).await.map_err(Refusal::Store)?;
    latency::add(handle, &ground, &mut view).await?;
    if lang == Lang::Zh {
        show::in_chinese(&mut view);
    }
    Ok(view)
}

/// What the journal has of what was announced since, and corrected, in the order in which it was
/// written. A correction may be said long after.
async fn journal(handle: &Handle, since: Time, now: Time) -> Result<Vec<JournalRow>, Refusal> {
    handle.store.accounts_journal(since, now + BEFORE).await.map_err(Refusal::Store)
}

fn ground(core: &Core, project: &ProjectId, period: &str, now: Time) -> Result<Ground, Refusal> {
    let config = &core.config;
    let policy = config.accountings.of(project).clone();
    let period = Period::parse(period, &policy.zone, policy.week_start, now);
    let period = period.map_err(Refusal::Period)?;
    if period.from() >= now {
        return Err(Refusal::Ahead(period));
    }
    let modules = config.modules.iter().filter(|(_, module)| module.project == *project);
    let (mut ledgers, mut not_probed) = (BTreeMap::new(), Vec::new());
    for (id, module) in modules {
        match (Ledgers::of(core, id), &module.measured_by) {
            (Some(heard), by) if by.is_ok() || !heard.own.is_blank() => {
                ledgers.insert(id.clone(), heard);
            }
            (_, Err(why)) => not_probed.push(NotProbed { module: id.clone(), why: why.clone() }),
            (_, Ok(_)) => {
                let is_run = config.scaler.policies.contains_key(id);
                let why = if is_run { "it has not served yet" } else { "nobody has looked yet" };
                not_probed.push(NotProbed { module: id.clone(), why: why.to_owned() });
            }
        }
    }
    ledgers.extend(gone(core, project, &period));
    // One that is in no file any more is told of for the time in which it was there.
    if !config.projects.contains_key(project) && ledgers.is_empty() {
        let known = config.projects.keys().cloned().collect();
        return Err(Refusal::NoProject { project: project.clone(), known });
    }
    Ok(Ground {
        project: project.clone(),
        accounting: core.accounting.clone(),
        zone: zone_name(&policy.zone, &config.raw.timezone),
        period,
        now,
        unsettled: latency::unsettled(core, ledgers.keys()),
        withdrawn: core.withdrawn.clone(),
        measured_by: ledgers.keys().map(|id| (id.clone(), measures(core, id))).collect(),
        ledgers,
        not_probed,
        policy,
    })
}

/// What a module is measured by.
pub(super) fn measures(core: &Core, module: &ModuleId) -> Vec<MeasureView> {
    let measures = core.indicators(module).into_iter().flatten().map(|(indicator, pace)| {
        let rules = core.accounting.paced(*pace);
        MeasureView {
            by: indicator.to_string(),
            each_ms: u64::try_from(rules.interval.as_millis()).unwrap_or(u64::MAX),
            confirm_down: rules.confirm_down,
            confirm_up: rules.confirm_up,
        }
    });
    measures.collect()
}

/// The ledgers of modules of a project that are in no file any more, and were in the period.
fn gone(core: &Core, project: &ProjectId, period: &Period) -> BTreeMap<ModuleId, Ledgers> {
    let is_ours = |module: &ModuleId| {
        module.as_str().split_once('/').is_some_and(|(of, _)| of == project.as_str())
    };
    let was_there = |module: &ModuleId, ledger: &Ledger| {
        let left = core.withdrawn.since(module);
        left.is_some_and(|left| left > period.from() && ledger.since() < period.until())
    };
    let ledgers =
        core.ledgers.iter().filter(|(module, ledger)| is_ours(module) && was_there(module, ledger));
    ledgers.filter_map(|(module, _)| Some((module.clone(), Ledgers::of(core, module)?))).collect()
}

fn zone_name(zone: &TimeZone, otherwise: &str) -> String {
    zone.iana_name().unwrap_or(otherwise).to_owned()
}

/// The time from `since` to `until` of a module, as each vantage measured it.
pub(super) async fn seen(
    handle: &Handle,
    module: &ModuleId,
    Ledgers { own, others, apart }: &Ledgers,
    accounting: &Accounting,
    (since, until): (Time, Time),
) -> Result<Seen, StoreError> {
    let told = stored(handle, None, module, own, since).await?;
    let mut seen = Seen::from([(brain(), own.timeline(accounting, &told, since, until))]);
    for (name, one) in others {
        let told = stored(handle, Some(name), module, one.ledger(), since).await?;
        let timeline = one.timeline(accounting, &told, (since, until));
        seen.insert(name.clone(), lay(&timeline, apart));
    }
    Ok(seen)
}

/// What the journal says of a module's time beside what was measured.
pub(super) fn overlays(journal: &[JournalRow], module: &ModuleId) -> Vec<Overlay> {
    let windows = announced::windows(journal, module);
    windows.into_iter().chain(corrected::corrections(journal, module)).collect()
}

/// What the ledger remembers no more; that of the brain itself without a vantage.
async fn stored(
    handle: &Handle,
    vantage: Option<&VantageId>,
    module: &ModuleId,
    ledger: &Ledger,
    since: Time,
) -> Result<Vec<Interval>, StoreError> {
    if ledger.remembers_all_since(since) {
        return Ok(Vec::new());
    }
    let remembered = ledger.remembers_from();
    let rows = handle.store.transitions(vantage, module, since, remembered).await?;
    Ok(rows.into_iter().filter_map(interval).collect())
}

/// As it was handed out by a ledger.
pub(super) fn interval(row: TransitionRow) -> Option<Interval> {
    let state = State::ALL.into_iter().find(|state| state.as_str() == row.state)?;
    Some(Interval { from: row.at, until: row.until?, state, why: row.why })
}
