//! What the public status page says: the account of the last 90 days of each public project, how it is
//! now, and when it will be worked on.

use std::collections::BTreeSet;
use std::time::Duration;

use availability::{Interval, Period, State};
use dashboards::view::status::{StatusProject, StatusState, StatusView};
use model::id::{Object, ProjectId};
use model::time::Time;

use super::company::{by_project, joined, journal};
use super::{Ground, Refusal, ground, show};
use crate::brain::Handle;
use crate::brain::core::Core;
use crate::config::accounting::AccountingPolicy;

/// Beside today.
const DAYS_BACK: &str = "last-89-days";
/// So far ahead work is announced.
const AHEAD: Duration = Duration::from_secs(14 * 86_400);
const MOST_WINDOWS: usize = 10;

struct Taken {
    fleet: String,
    zone: String,
    now: Time,
    projects: Vec<Public>,
}

/// A project that is public.
struct Public {
    ground: Ground,
    /// Until when something is known of all its modules.
    known_until: Option<Time>,
    work: Vec<(Time, Time)>,
}

/// The page as of now, if it is written this often.
///
/// # Errors
/// If the brain does not answer or its record cannot be read.
pub async fn status(handle: &Handle, every: Duration) -> Result<StatusView, Refusal> {
    let taken = handle.ask(take).await.map_err(Refusal::Brain)??;
    let grounds: Vec<&Ground> = taken.projects.iter().map(|public| &public.ground).collect();
    let journal = by_project(journal(handle, &grounds).await?);
    let mut projects = Vec::new();
    for public in taken.projects {
        let announced = journal.get(public.ground.project.as_str());
        let announced = announced.map_or(&[][..], Vec::as_slice);
        let timeline = joined(handle, &public.ground, announced).await.map_err(Refusal::Store)?;
        projects.push(project(public, &timeline));
    }
    projects.sort_by(|a, b| (a.state, &a.project).cmp(&(b.state, &b.project)));
    let (fleet, zone, written) = (taken.fleet, taken.zone, taken.now);
    Ok(StatusView { fleet, written, every_s: every.as_secs().max(1), zone, projects })
}

fn take(core: &Core, now: Time) -> Result<Taken, Refusal> {
    let config = &core.config;
    let public = config.projects.iter().filter(|(_, project)| project.is_public);
    let projects = public.map(|(id, _)| {
        let period = period(config.accountings.of(id), now)?;
        let ground = ground(core, id, &period, now)?;
        let (terms, accounting) = (&ground.policy.terms, &ground.accounting);
        let known_until = ground.ledgers.values().map(|one| one.known_until(terms, accounting));
        let known_until = known_until.min();
        Ok(Public { known_until, work: work(core, id, now), ground })
    });
    let (fleet, zone) = (config.raw.fleet.clone(), config.raw.timezone.clone());
    Ok(Taken { fleet, zone, now, projects: projects.collect::<Result<_, Refusal>>()? })
}

/// The last 90 days of its calendar, today among them.
fn period(policy: &AccountingPolicy, now: Time) -> Result<String, Refusal> {
    let label = |text: &str| {
        let period = Period::parse(text, &policy.zone, policy.week_start, now);
        period.map(|period| period.label()).map_err(Refusal::Period)
    };
    let (back, today) = (label(DAYS_BACK)?, label("today")?);
    let first = back.split_once("..").map_or(today.as_str(), |(first, _)| first);
    Ok(format!("{first}..{today}"))
}

fn project(public: Public, timeline: &[Interval]) -> StatusProject {
    let account = public.ground.account(timeline, &[]);
    // What is after that nobody has looked at yet, which says nothing of how it is.
    let known = public.known_until.and_then(|until| newest(timeline, until));
    StatusProject {
        state: known.map_or(StatusState::Unknown, |known| state(known.state)),
        since: known.map(|known| known.from),
        whole: show::whole(&public.ground, &account),
        days: show::days(&account),
        work: public.work,
        project: public.ground.project,
    }
}

/// The last interval that begins before a moment.
fn newest(timeline: &[Interval], until: Time) -> Option<&Interval> {
    timeline.iter().rev().find(|interval| interval.from < until)
}

fn state(state: State) -> StatusState {
    match state {
        State::Up => StatusState::Up,
        State::Down => StatusState::Down,
        State::Unknown => StatusState::Unknown,
        State::Maintenance => StatusState::Maintenance,
        State::NotApplicable => StatusState::NotApplicable,
    }
}

/// The windows over a project or one of its modules that are not over, those of the files and those
/// that were opened by hand.
fn work(core: &Core, project: &ProjectId, now: Time) -> Vec<(Time, Time)> {
    let planned = core.config.maintenance.iter().filter(|window| is_over(&window.on, project));
    let planned = planned.flat_map(|window| window.occurrences(now, now + AHEAD));
    let by_hand = core.alerter.windows().filter(|window| window.by.is_some() && window.until > now);
    let by_hand = by_hand.filter(|window| is_over(&window.on, project));
    let mut work: Vec<(Time, Time)> =
        planned.chain(by_hand.map(|window| (window.from, window.until))).collect();
    work.sort_unstable();
    work.dedup();
    work.truncate(MOST_WINDOWS);
    work
}

fn is_over(on: &BTreeSet<Object>, project: &ProjectId) -> bool {
    on.iter().any(|object| match object {
        Object::Project(one) => one == project,
        Object::Module(module) => {
            module.as_str().split_once('/').is_some_and(|(of, _)| of == project.as_str())
        }
        Object::Switch(_)
        | Object::Host(_)
        | Object::Vm(_)
        | Object::DataSource(_)
        | Object::Collector(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => false,
    })
}
