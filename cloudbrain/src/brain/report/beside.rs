//! Two accounting policies on the same record.
//!
//! Owners argue about rules: whether planned work counts, whose midnight it is. So a policy that somebody
//! proposes is laid beside the one in force, on the same looks and as of the same moment. It is reached by
//! changing one rule after the other, the calendar first and the promise last; so each difference has the
//! rule that made it, and together they are all the difference there is.

use availability::{Interval, Overlay, Period, WeekStart, whole};
use dashboards::view::beside::{BesideView, RuleStep};
use dashboards::view::report::WholeView;
use model::id::{ModuleId, ProjectId};
use model::lang::Lang;
use model::time::Time;

use super::{BEFORE, Ground, Refusal, Seen, ground, journal, seen, show};
use crate::brain::Handle;
use crate::brain::core::Core;
use crate::chinese::chinese;
use crate::config::accounting::{AccountingPolicy, lint};
use crate::config::vantages::brain;
use crate::config::yaml::Document;

/// Takes one rule of another policy over.
type Change = fn(&mut AccountingPolicy, &AccountingPolicy);

/// In this order; the last one is whatever else there is.
const CHANGES: [Change; 9] = [
    |policy, other| policy.zone = other.zone.clone(),
    |policy, other| policy.week_start = other.week_start,
    |policy, other| policy.terms.service.clone_from(&other.terms.service),
    |policy, other| policy.terms.maintenance = other.terms.maintenance,
    |policy, other| policy.terms.quorum = other.terms.quorum,
    |policy, other| policy.terms.unknown = other.terms.unknown,
    |policy, other| policy.terms.merge_gap = other.terms.merge_gap,
    |policy, other| policy.terms.target = other.terms.target,
    |policy, other| policy.clone_from(other),
];

/// What is accounted for, and by which policies one after the other.
struct Taken {
    ground: Ground,
    stages: Vec<Stage>,
}

struct Stage {
    policy: AccountingPolicy,
    period: Period,
    /// What the rule that was changed said before, and what it says now.
    rule: (String, String),
}

/// A module's record: what was seen, and what was announced.
struct Record {
    module: ModuleId,
    seen: Seen,
    overlays: Vec<Overlay>,
}

/// The report of a project by its own policy and by that of a document.
///
/// # Errors
/// As for a report; and if the document is no policy that could be in force.
pub async fn beside(
    handle: &Handle,
    project: ProjectId,
    period: String,
    document: Document,
    lang: Lang,
) -> Result<BesideView, Refusal> {
    let taken = handle.ask(move |core, now| take(core, &project, &period, document, now)).await;
    let Taken { mut ground, stages } = taken.map_err(Refusal::Brain)??;
    let records = records(handle, &ground, &stages).await?;
    let (policy, own) = (ground.policy.terms.id(), ground.period.label());
    let accounts = accounts(&ground, &records);
    let mut steps = Vec::new();
    for Stage { policy, period, rule: (before, after) } in stages {
        (ground.policy, ground.period) = (policy, period);
        let accounts = self::accounts(&ground, &records);
        let say = |rule: String| if lang == Lang::Zh { chinese(&rule) } else { rule };
        steps.push(RuleStep { before: say(before), after: say(after), accounts });
    }
    let last = ground.period.label();
    let is_whole_shown = records.len() > 1;
    let names = is_whole_shown.then(|| ground.project.to_string()).into_iter();
    Ok(BesideView {
        project: ground.project.clone(),
        period: if own == last { own } else { format!("{own}, {last}") },
        policy,
        beside: ground.policy.terms.id(),
        names: names.chain(records.iter().map(|record| record.module.to_string())).collect(),
        accounts,
        steps,
    })
}

fn take(
    core: &Core,
    project: &ProjectId,
    period: &str,
    document: Document,
    now: Time,
) -> Result<Taken, Refusal> {
    let ground = ground(core, project, period, now)?;
    let other = lint(&core.config, document, now).map_err(Refusal::Policy)?;
    let stages = stages(&ground.policy, &other);
    let stages = stages.into_iter().map(|(policy, rule)| {
        let period = Period::parse(period, &policy.zone, policy.week_start, now);
        let period = period.map_err(Refusal::Period)?;
        Ok(Stage { policy, period, rule })
    });
    Ok(Taken { ground, stages: stages.collect::<Result<_, Refusal>>()? })
}

/// The policies on the way from one to the other, each with the rule that it changes. The last one is
/// the other, and mostly changes no more than the name, which is no rule.
fn stages(
    one: &AccountingPolicy,
    other: &AccountingPolicy,
) -> Vec<(AccountingPolicy, (String, String))> {
    let mut stages = Vec::new();
    let mut policy = one.clone();
    for (number, change) in CHANGES.iter().enumerate() {
        let before = rules(&policy);
        change(&mut policy, other);
        let after = rules(&policy);
        let gone = before.iter().filter(|rule| !after.contains(rule));
        let come = after.iter().filter(|rule| !before.contains(rule));
        let join = |rules: Vec<&String>| rules.into_iter().cloned().collect::<Vec<_>>().join(", ");
        let rule = (join(gone.collect()), join(come.collect()));
        if rule != Default::default() || number + 1 == CHANGES.len() {
            stages.push((policy.clone(), rule));
        }
    }
    stages
}

/// What a policy says, a sentence each; two that say the same are the same.
fn rules(policy: &AccountingPolicy) -> Vec<String> {
    let zone = policy.zone.iana_name().unwrap_or("UTC");
    let weeks = match policy.week_start {
        WeekStart::Monday => "weeks begin on Monday",
        WeekStart::Sunday => "weeks begin on Sunday",
    };
    let calendar = [format!("days are those of {zone}"), weeks.to_owned()];
    calendar.into_iter().chain(policy.terms.rules()).collect()
}

/// Over all the periods that the policies make of what was asked.
async fn records(
    handle: &Handle,
    ground: &Ground,
    stages: &[Stage],
) -> Result<Vec<Record>, Refusal> {
    let periods = || stages.iter().map(|stage| &stage.period).chain([&ground.period]);
    let since = periods().map(Period::from).min().unwrap_or(ground.now) - BEFORE;
    let until = periods().map(Period::until).max().unwrap_or(ground.now).min(ground.now);
    let journal = journal(handle, since, ground.now).await?;
    let mut records = Vec::new();
    for (module, ledgers) in &ground.ledgers {
        let reach = (since, until);
        let seen = seen(handle, module, ledgers, &ground.accounting, reach).await;
        let (seen, overlays) = (seen.map_err(Refusal::Store)?, ground.overlays(&journal, module));
        records.push(Record { module: module.clone(), seen, overlays });
    }
    Ok(records)
}

/// Of the project, if it has several modules, and of each of these.
fn accounts(ground: &Ground, records: &[Record]) -> Vec<WholeView> {
    let (mut accounts, terms) = (Vec::new(), &ground.policy.terms);
    let believed = records.iter();
    let believed: Vec<(Vec<Interval>, &[Overlay])> = believed
        .map(|one| (terms.believe(&one.seen, &brain()).timeline, one.overlays.as_slice()))
        .collect();
    if records.len() > 1 {
        let laid = believed.iter().map(|(timeline, overlays)| terms.lay(timeline, overlays));
        let account = ground.account(&whole(&laid.collect::<Vec<_>>()), &[]);
        accounts.push(show::whole(ground, &account));
    }
    let each = believed.iter().map(|(timeline, overlays)| ground.account(timeline, overlays));
    accounts.extend(each.map(|account| show::whole(ground, &account)));
    accounts
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use availability::{Maintenance, Target, Terms, Unknown};
    use jiff::tz::TimeZone;

    use super::*;
    use crate::config::accounting::WhenSpent;

    fn standard() -> AccountingPolicy {
        let week_start = WeekStart::Monday;
        let (terms, when_spent) = (Terms::default(), WhenSpent::default());
        AccountingPolicy { terms, when_spent, zone: TimeZone::UTC, week_start }
    }

    fn told(other: &AccountingPolicy) -> Vec<String> {
        let stages = stages(&standard(), other);
        let last = stages.last().expect("there is always one");
        assert_eq!((&last.0.terms, &last.0.zone), (&other.terms, &other.zone), "it ends there");
        stages.iter().map(|(_, (before, after))| format!("{before} -> {after}")).collect()
    }

    #[test]
    fn the_way_from_one_policy_to_another_is_one_rule_after_the_other() {
        let mut other = standard();
        other.terms.name = "strict".to_owned();
        other.terms.maintenance = Maintenance::Count;
        other.terms.unknown = Unknown::CountDown;
        other.terms.target = Target::parse("99.9%").ok();
        other.terms.merge_gap = Duration::from_secs(60);
        other.zone = TimeZone::get("Asia/Shanghai").unwrap();
        let expected = [
            "days are those of UTC -> days are those of Asia/Shanghai",
            "maintenance does not count -> maintenance counts like any other time",
            "unknown time is neither up nor down -> unknown time counts as down",
            "outages less than 2m apart are one -> outages less than 1m apart are one",
            "nothing is promised -> 99.9% is promised",
            " -> ",
        ];
        assert_eq!(told(&other), expected);
    }

    #[test]
    fn what_differs_by_its_name_alone_is_one_step_without_a_rule() {
        let mut other = standard();
        other.terms.version = 2;
        assert_eq!(told(&other), [" -> "]);
    }
}
