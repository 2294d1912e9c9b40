//! The review of an incident, put together from what the rooms have written down: the trail, the
//! messages, the journal, the decisions, the availability account, and earlier incidents.
//!
//! Pure: whoever asks reads the rows and hands them over as [`Facts`]. Nothing is judged here, it
//! is only counted and laid side by side.

mod cost;
mod events;
mod similar;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alerter::IncidentSummary;
use availability::Report;
use dashboards::view::review::{Moments, OutageView, ReviewView};
use jiff::tz::TimeZone;
use model::id::{ModuleId, Object, PersonId, VmId};
use model::lang::Lang;
use model::time::Time;
use store::{DecisionRow, JournalRow};

use super::core::Core;
use super::story::Story;
use super::view::{self, incident_view};

pub use events::events;

/// An outage that began so long before the first signal may still be its first sign.
const FIRST_PROBE: Duration = Duration::from_secs(300);

/// All that a review is made of.
#[derive(Debug)]
pub struct Facts {
    pub story: Story,
    /// From the first sign to the end, newest first.
    pub decisions: Vec<DecisionRow>,
    /// Likewise.
    pub journal: Vec<JournalRow>,
    /// Incidents that were over before, newest first.
    pub earlier: Vec<IncidentSummary>,
    pub known: Known,
}

/// What the core adds to what is stored.
#[derive(Debug)]
pub struct Known {
    /// The first sign: the first bad signal, or the first failed probe of its outage.
    pub began: Time,
    /// Of the affected modules that are accounted for, from the first sign to the end.
    pub reports: BTreeMap<ModuleId, Report>,
    pub people: BTreeSet<PersonId>,
    /// The VMs of the affected modules, and those that suffered.
    pub vms: BTreeSet<VmId>,
    /// The zone of the pages.
    pub zone: TimeZone,
}

/// What the core knows of the modules that an incident affected.
pub fn known(core: &Core, story: &Story, now: Time) -> Known {
    let modules = modules(story);
    let signal = first_signal(&story.incident);
    let until = story.incident.closed.unwrap_or(now);
    let reports = |from: Time| -> BTreeMap<ModuleId, Report> {
        let report =
            |module: &ModuleId| Some((module.clone(), core.availability(module, from, until)?));
        modules.iter().filter_map(report).collect()
    };
    let began = first_sign(&story.incident, signal, &reports(signal - FIRST_PROBE));
    let of_modules = core
        .scaler
        .vms
        .values()
        .filter(|vm| vm.module.as_ref().is_some_and(|module| modules.contains(module)));
    Known {
        began,
        reports: reports(began),
        people: core.config.raw.people.keys().cloned().collect(),
        zone: view::zone(core),
        vms: of_modules.map(|vm| vm.id.clone()).chain(suffered(story)).collect(),
    }
}

/// The whole review, in a language.
pub fn review(facts: &Facts, lang: Lang, now: Time) -> ReviewView {
    let story = &facts.story;
    let incident = &story.incident;
    let moments = moments(facts);
    let until = incident.closed.unwrap_or(now);
    ReviewView {
        incident: incident_view(incident, &facts.known.zone, lang),
        moments,
        businesses: cost::businesses(incident, &facts.known.reports, moments.began, until),
        events: events(facts, lang),
        left_out: incident.unnoted,
        outages: outages(facts, moments.began, until),
        similar: similar::similar(incident, &facts.earlier, lang),
    }
}

/// The modules that an incident affected, so far as is known.
pub fn modules(story: &Story) -> BTreeSet<ModuleId> {
    let incident = &story.incident;
    let named = story.notes.iter().filter(|note| note.incident.is_some());
    let objects = named.filter_map(|note| note.object.as_ref()).chain(&incident.affected);
    let of_objects = objects.chain([&incident.root]).filter_map(|object| {
        if let Object::Module(module) = object { Some(module.clone()) } else { None }
    });
    incident.losses.iter().map(|loss| loss.module.clone()).chain(of_objects).collect()
}

fn suffered(story: &Story) -> impl Iterator<Item = VmId> {
    let named = story.notes.iter().filter(|note| note.incident.is_some());
    let objects = named.filter_map(|note| note.object.as_ref()).chain(&story.incident.affected);
    objects.filter_map(|object| if let Object::Vm(vm) = object { Some(vm.clone()) } else { None })
}

fn first_signal(incident: &IncidentSummary) -> Time {
    incident.began.unwrap_or(incident.opened).min(incident.opened)
}

/// A probe that fails says so to the account at once, and to the alerter when it failed again.
fn first_sign(
    incident: &IncidentSummary,
    signal: Time,
    reports: &BTreeMap<ModuleId, Report>,
) -> Time {
    let outages = reports.values().flat_map(|report| &report.outages);
    let overlapping = outages.filter(|o| o.from < incident.opened && o.until >= signal);
    overlapping.map(|outage| outage.from).fold(signal, Time::min)
}

fn moments(facts: &Facts) -> Moments {
    let incident = &facts.story.incident;
    let delivered = facts.story.messages.iter().filter_map(|m| m["delivered"].as_i64());
    Moments {
        began: facts.known.began,
        opened: incident.opened,
        told: delivered.min().map(Time::from_millis),
        acknowledged: incident.acknowledged.as_ref().map(|taken| taken.at),
        repaired: incident.repaired,
        closed: incident.closed,
    }
}

fn outages(facts: &Facts, began: Time, until: Time) -> Vec<OutageView> {
    let of_modules = facts.known.reports.iter();
    let outages = of_modules.flat_map(|(module, report)| {
        let during = report.outages.iter().filter(|o| o.until > began && o.from < until);
        during.map(|outage| OutageView {
            module: module.clone(),
            from: outage.from.max(began),
            until: outage.until.min(until),
            why: outage.why.clone(),
        })
    });
    outages.collect()
}
