//! The reports of all projects, or of those of one owner, a row each.
//!
//! A row is the account of the project as a whole, each by its own policy, and the same as on the
//! project's own page: numbers of several projects are laid side by side and never averaged. What the
//! core knows is taken in one question, so all rows are as of one moment.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use availability::{Account, Interval, whole};
use dashboards::view::company::{CompanyView, NoAccount, ProjectRow};
use dashboards::view::report::{BudgetView, VerdictView};
use model::id::{Object, PersonId, ProjectId};
use model::lang::Lang;
use model::time::Time;
use store::{JournalRow, StoreError};

use super::{Ground, Refusal, ground, seen, show};
use crate::brain::Handle;
use crate::brain::core::Core;
use crate::chinese::chinese;
use crate::config::vantages::brain;

/// What is accounted for, taken at one moment.
struct Taken {
    fleet: String,
    owners: BTreeSet<PersonId>,
    /// With who owns each.
    grounds: Vec<(Ground, Vec<PersonId>)>,
    refused: Vec<(ProjectId, Refusal)>,
    without_owner: Vec<ProjectId>,
}

/// The rows of all projects, or of those that somebody owns, over a period as people write one.
///
/// # Errors
/// If nobody of this name owns a project, if the period is one for no project, or if the record cannot
/// be read.
pub async fn company(
    handle: &Handle,
    period: String,
    owner: Option<PersonId>,
    lang: Lang,
) -> Result<CompanyView, Refusal> {
    let (asked, whose) = (period.clone(), owner.clone());
    let taken = handle.ask(move |core, now| take(core, &asked, whose.as_ref(), now)).await;
    let taken = taken.map_err(Refusal::Brain)??;
    let grounds: Vec<&Ground> = taken.grounds.iter().map(|(ground, _)| ground).collect();
    let journal = by_project(journal(handle, &grounds).await?);
    let mut projects = Vec::new();
    for (ground, owners) in &taken.grounds {
        let announced = journal.get(ground.project.as_str()).map_or(&[][..], Vec::as_slice);
        let timeline = joined(handle, ground, announced).await.map_err(Refusal::Store)?;
        projects.push(row(ground, owners, &ground.account(&timeline, &[])));
    }
    projects.sort_by_cached_key(worst_first);
    let refused = taken.refused.into_iter().map(|(project, refusal)| {
        let why = refusal.to_string();
        NoAccount { project, why: if lang == Lang::Zh { chinese(&why) } else { why } }
    });
    Ok(CompanyView {
        period: one_label(&projects).unwrap_or(period),
        fleet: taken.fleet,
        owner,
        owners: taken.owners.into_iter().collect(),
        projects,
        without_account: refused.collect(),
        without_owner: taken.without_owner,
    })
}

fn take(core: &Core, period: &str, owner: Option<&PersonId>, now: Time) -> Result<Taken, Refusal> {
    let projects = &core.config.projects;
    let owners: BTreeSet<PersonId> =
        projects.values().flat_map(|project| &project.owners).cloned().collect();
    if let Some(owner) = owner.filter(|owner| !owners.contains(*owner)) {
        let known = owners.into_iter().collect();
        return Err(Refusal::NoOwner { owner: owner.clone(), known });
    }
    let is_theirs = |owners: &BTreeSet<PersonId>| owner.is_none_or(|one| owners.contains(one));
    let (mut grounds, mut refused, mut without_owner) = (Vec::new(), Vec::new(), Vec::new());
    for (id, project) in projects.iter().filter(|(_, project)| is_theirs(&project.owners)) {
        if project.owners.is_empty() {
            without_owner.push(id.clone());
        }
        match ground(core, id, period, now) {
            Ok(ground) => grounds.push((ground, project.owners.iter().cloned().collect())),
            Err(refusal) => refused.push((id.clone(), refusal)),
        }
    }
    let gone = core.withdrawn.projects().into_iter().filter(|id| !projects.contains_key(id));
    for id in gone.filter(|_| owner.is_none()) {
        grounds.extend(ground(core, &id, period, now).ok().map(|ground| (ground, Vec::new())));
    }
    match refused.pop() {
        // What is wrong for each is wrong with the question.
        Some((_, refusal)) if grounds.is_empty() => return Err(refusal),
        last => refused.extend(last),
    }
    let fleet = core.config.raw.fleet.clone();
    Ok(Taken { fleet, owners, grounds, refused, without_owner })
}

/// What was announced and corrected in the time of any of them.
pub(super) async fn journal(
    handle: &Handle,
    grounds: &[&Ground],
) -> Result<Vec<JournalRow>, Refusal> {
    let since = grounds.iter().map(|ground| (ground.reach().0, ground.now)).min();
    match since {
        Some((since, now)) => super::journal(handle, since, now).await,
        None => Ok(Vec::new()),
    }
}

/// A company has many projects and many lines, and each line is about one of them.
pub(super) fn by_project(journal: Vec<JournalRow>) -> BTreeMap<String, Vec<JournalRow>> {
    let mut rows: BTreeMap<String, Vec<JournalRow>> = BTreeMap::new();
    for row in journal {
        let name = row.object.as_ref().map_or("", Object::name);
        let project = name.split_once('/').map_or(name, |(project, _)| project).to_owned();
        rows.entry(project).or_default().push(row);
    }
    rows
}

/// The timeline of the project as a whole, as it counts. A line from before what the project's own page goes by is left out.
pub(super) async fn joined(
    handle: &Handle,
    ground: &Ground,
    announced: &[JournalRow],
) -> Result<Vec<Interval>, StoreError> {
    let (since, until) = ground.reach();
    let ours = announced.iter().filter(|row| since <= row.at);
    let ours: Vec<JournalRow> = ours.cloned().collect();
    let mut laid = Vec::new();
    for (module, ledgers) in &ground.ledgers {
        let reach = (since, until);
        let seen = seen(handle, module, ledgers, &ground.accounting, reach).await?;
        let joined = ground.policy.terms.believe(&seen, &brain());
        let overlays = ground.overlays(&ours, module);
        laid.push(ground.policy.terms.lay(&joined.timeline, &overlays));
    }
    Ok(whole(&laid))
}

/// Where weeks begin on different days, one question is about several periods.
fn one_label(projects: &[ProjectRow]) -> Option<String> {
    let first = &projects.first()?.period;
    projects.iter().all(|row| row.period == *first).then(|| first.clone())
}

fn row(ground: &Ground, owners: &[PersonId], account: &Account) -> ProjectRow {
    ProjectRow {
        project: ground.project.clone(),
        owners: owners.to_vec(),
        policy: ground.policy.terms.id(),
        target: ground.policy.terms.target.map(|target| target.to_string()),
        period: ground.period.label(),
        zone: ground.zone.clone(),
        from: account.from,
        until: account.until,
        whole: show::whole(ground, account),
        modules: ground.ledgers.len(),
        not_probed: ground.not_probed.len(),
    }
}

type Badness = (u8, Reverse<u128>, Reverse<u64>, Reverse<u64>, ProjectId);

/// The least is the worst.
fn worst_first(row: &ProjectRow) -> Badness {
    let verdict = match row.whole.verdict {
        Some(VerdictView::Missed) => 0,
        Some(VerdictView::Undecidable { .. }) => 1,
        Some(VerdictView::Met) | None => 2,
    };
    let used = row.whole.budget.as_ref().map_or(0, used_millionths);
    let tally = &row.whole.tally;
    (verdict, Reverse(used), Reverse(tally.down_s), Reverse(tally.unknown_s), row.project.clone())
}

/// Above a million if it is overdrawn. Of no budget anything that is used is the most.
fn used_millionths(budget: &BudgetView) -> u128 {
    match budget.whole_s {
        0 if budget.used_s > 0 => u128::MAX,
        whole => u128::from(budget.used_s) * 1_000_000 / u128::from(whole.max(1)),
    }
}

#[cfg(test)]
mod tests {
    use dashboards::view::report::{TallyView, WholeView};

    use super::*;

    fn row(
        project: &str,
        verdict: Option<VerdictView>,
        budget: Option<(u64, u64)>,
        down_s: u64,
    ) -> ProjectRow {
        let budget = budget.map(|(used_s, whole_s)| BudgetView {
            whole_s,
            used_s,
            left_s: whole_s.saturating_sub(used_s),
            overdrawn_s: used_s.saturating_sub(whole_s),
            used_up_at: None,
        });
        let tally = TallyView { down_s, ..TallyView::default() };
        ProjectRow {
            project: project.parse().expect("a good name"),
            owners: Vec::new(),
            policy: String::new(),
            target: None,
            period: String::new(),
            zone: String::new(),
            from: Time::default(),
            until: Time::default(),
            whole: WholeView { tally, verdict, budget, ..WholeView::default() },
            modules: 1,
            not_probed: 0,
        }
    }

    #[test]
    fn who_broke_a_promise_comes_first_and_then_who_is_nearest_to_it() {
        let undecidable = Some(VerdictView::Undecidable { met_if_up_s: 1, missed_if_down_s: 1 });
        let (met, missed) = (Some(VerdictView::Met), Some(VerdictView::Missed));
        let mut rows = vec![
            row("calm", met, Some((0, 100)), 0),
            row("near", met, Some((90, 100)), 90),
            row("long-but-far", met, Some((400, 1000)), 400),
            row("no-target", None, None, 900),
            row("doubt", undecidable, Some((10, 100)), 10),
            row("broken", missed, Some((101, 100)), 101),
            row("broken-more", missed, Some((300, 100)), 300),
            row("all-promised", missed, Some((1, 0)), 1),
            row("also-calm", met, Some((0, 100)), 0),
        ];
        rows.sort_by_cached_key(worst_first);
        let names: Vec<&str> = rows.iter().map(|row| row.project.as_str()).collect();
        let expected = [
            "all-promised",
            "broken-more",
            "broken",
            "doubt",
            "near",
            "long-but-far",
            "no-target",
            "also-calm",
            "calm",
        ];
        assert_eq!(names, expected);
    }
}
