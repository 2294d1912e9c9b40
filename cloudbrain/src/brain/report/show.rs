//! What accounts say, as what is shown of them.

use availability::{
    Account, Budget, End, Interval, Outage, Outlook, Overlay, Partial, Share, State, Statistics,
    Tally, Verdict, WeekStart, digits,
};
use dashboards::view::report::{
    BudgetView, CorrectionView, DayView, ModuleReport, OutageView, PartialView, ReportView,
    SpanView, StatisticsView, TallyView, VerdictView, WholeView,
};
use model::id::ModuleId;
use model::unit::Span;

use super::Ground;
use crate::chinese::chinese;

/// What is said of a module.
pub(super) struct Told {
    pub(super) module: ModuleId,
    pub(super) account: Account,
    pub(super) blips: u32,
    pub(super) partials: Vec<Partial>,
}

pub(super) fn view(ground: &Ground, accounts: Vec<Told>, all: &Account) -> ReportView {
    let mut modules: Vec<ModuleReport> =
        accounts.into_iter().map(|told| module_report(ground, told)).collect();
    modules.sort_by(|a, b| {
        (b.tally.down_s, b.tally.unknown_s, &a.module).cmp(&(
            a.tally.down_s,
            a.tally.unknown_s,
            &b.module,
        ))
    });
    ReportView {
        project: ground.project.clone(),
        period: ground.period.label(),
        zone: ground.zone.clone(),
        from: ground.period.from(),
        until: ground.period.until().min(ground.now),
        ends: ground.period.until(),
        policy: ground.policy.terms.id(),
        from_sunday: ground.policy.week_start == WeekStart::Sunday,
        rules: rules(ground),
        target: ground.policy.terms.target.map(|target| target.to_string()),
        whole: whole(ground, all),
        modules,
        not_probed: ground.not_probed.clone(),
    }
}

fn rules(ground: &Ground) -> Vec<String> {
    let interval = Span(ground.accounting.interval);
    let edges =
        format!("begin and end of an outage are known to one probe: each may be off by {interval}");
    let probing = [ground.accounting.probing(), edges];
    ground.policy.terms.rules().into_iter().chain(probing).collect()
}

/// Reasons and rules, as far as they are known in Chinese.
pub(super) fn in_chinese(view: &mut ReportView) {
    let turn = |text: &mut String| *text = chinese(text);
    view.rules.iter_mut().for_each(turn);
    view.not_probed.iter_mut().for_each(|missing| turn(&mut missing.why));
    for module in &mut view.modules {
        module.outages.iter_mut().for_each(|outage| turn(&mut outage.why));
        module.statistics.untold.iter_mut().for_each(turn);
        let spans = module.unknown.iter_mut().chain(&mut module.maintenance);
        spans.for_each(|span| turn(&mut span.why));
        module.partials.iter_mut().for_each(|partial| turn(&mut partial.why));
        module.corrections.iter_mut().for_each(|correction| turn(&mut correction.why));
    }
}

fn module_report(ground: &Ground, told: Told) -> ModuleReport {
    let Told { module, account, blips, partials } = told;
    let tally = &account.tally;
    let digits = digits(ground.interval(Some(&module)), tally.counted());
    let percent = |share: Option<Share>| share.map(|share| share.floor_percent(digits));
    ModuleReport {
        measured_by: ground.measured_by.get(&module).cloned().unwrap_or_default(),
        withdrawn: ground.withdrawn.since(&module).filter(|since| *since < ground.period.until()),
        module,
        tally: tally_view(tally),
        known: percent(tally.known()),
        low: percent(tally.low()),
        high: percent(tally.high()),
        coverage: percent(tally.coverage()),
        verdict: account.verdict.map(verdict),
        budget: account.budget.as_ref().map(|budget| self::budget(ground, &account, budget)),
        outages: account.outages.iter().map(outage).collect(),
        statistics: statistics(&account.statistics),
        causes: Vec::new(), // They are added later, as they are read from the store.
        blips,
        partials: partials.into_iter().map(partial).collect(),
        days: days(&account),
        unknown: account.unknown.iter().map(span).collect(),
        maintenance: account.maintenance.iter().map(span).collect(),
        corrections: account.corrections.iter().map(correction).collect(),
        latency: None, // It is added later: it is read from the store.
    }
}

fn partial(one: Partial) -> PartialView {
    let Partial { from, until, vantages, why } = one;
    let seen_down_s = until.since(from).as_secs();
    PartialView { from, until, seen_down_s, vantages: vantages.into_iter().collect(), why }
}

fn correction(said: &Overlay) -> CorrectionView {
    let (from, until) = (said.from, said.until);
    CorrectionView { from, until, counts_as: said.state.to_string(), why: said.why.clone() }
}

pub(super) fn days(account: &Account) -> Vec<DayView> {
    let days = account.days.iter().map(|(day, tally)| DayView {
        date: day.date.to_string(),
        from: day.from,
        until: day.until.min(account.until),
        tally: tally_view(tally),
    });
    days.collect()
}

/// What is said of a project as a whole.
pub(super) fn whole(ground: &Ground, account: &Account) -> WholeView {
    let tally = &account.tally;
    let digits = digits(ground.interval(None), tally.counted());
    let percent = |share: Option<Share>| share.map(|share| share.floor_percent(digits));
    WholeView {
        tally: tally_view(tally),
        known: percent(tally.known()),
        low: percent(tally.low()),
        high: percent(tally.high()),
        coverage: percent(tally.coverage()),
        verdict: account.verdict.map(verdict),
        budget: account.budget.as_ref().map(|budget| self::budget(ground, account, budget)),
        outages: account.outages.len(),
        is_open: account.outages.last().is_some_and(|outage| outage.end == End::Open),
    }
}

fn tally_view(tally: &Tally) -> TallyView {
    TallyView {
        up_s: tally.up.as_secs(),
        down_s: tally.down.as_secs(),
        unknown_s: tally.unknown.as_secs(),
        maintenance_s: tally.maintenance.as_secs(),
        not_applicable_s: tally.not_applicable.as_secs(),
    }
}

/// What is needed is rounded up: a second less would not be enough.
fn verdict(verdict: Verdict) -> VerdictView {
    match verdict {
        Verdict::Met => VerdictView::Met,
        Verdict::Missed => VerdictView::Missed,
        Verdict::Undecidable { met_if_up_ms, missed_if_down_ms } => VerdictView::Undecidable {
            met_if_up_s: met_if_up_ms.div_ceil(1000),
            missed_if_down_s: missed_if_down_ms.div_ceil(1000),
        },
    }
}

fn budget(ground: &Ground, account: &Account, budget: &Budget) -> BudgetView {
    let outlook = budget.outlook(account.from, account.until, ground.period.until());
    BudgetView {
        whole_s: budget.whole.as_secs(),
        used_s: budget.used.as_secs(),
        left_s: budget.left().as_secs(),
        overdrawn_s: budget.overdrawn().as_secs(),
        used_up_at: match outlook {
            Outlook::UsedUpAt(at) => Some(at),
            Outlook::Untouched | Outlook::Lasts | Outlook::UsedUp => None,
        },
    }
}

fn outage(outage: &Outage) -> OutageView {
    OutageView {
        from: outage.from(),
        until: outage.until(),
        down_s: outage.down.as_secs(),
        parts: outage.parts.len(),
        is_open: outage.end == End::Open,
        is_whole: outage.is_whole(),
        is_begin_seen: outage.begin_seen,
        why: outage.why().to_owned(),
        // All that is of incidents is added later, as it is read from the store.
        incident: None,
        told_s: None,
        released: None,
        cause: String::new(),
    }
}

fn statistics(statistics: &Statistics) -> StatisticsView {
    let repair = statistics.repair.as_ref();
    StatisticsView {
        started: statistics.started,
        ended: statistics.ended,
        repair_mean_s: repair.map(|lengths| lengths.mean.as_secs()),
        repair_median_s: repair.map(|lengths| lengths.median.as_secs()),
        repair_worst_s: repair.map(|lengths| lengths.worst.as_secs()),
        between_s: statistics.between.map(|between| between.as_secs()),
        ..StatisticsView::default() // When they were told of is added later, too.
    }
}

fn span(interval: &Interval) -> SpanView {
    debug_assert!(interval.state != State::Up, "of that the tally tells enough");
    SpanView { from: interval.from, until: interval.until, why: interval.why.clone() }
}
