//! What is silenced and what is planned, as pages, API and command line show it.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::act::{Scope, Silence, Window};
use dashboards::view::quiet::{Doings, QuietView, SilenceView, WindowView};
use model::id::{IncidentId, Object, PersonId, SilenceId, WindowId};
use model::time::Time;

use super::hold::holds;
use super::labels;
use crate::brain::core::Core;
use crate::config::maintenance::{Planned, Times};

/// So many of the next openings of a window are shown.
const NEXT_SHOWN: usize = 3;

/// So many objects of an incident are offered to be silenced.
const OBJECTS_OFFERED: usize = 30;

/// All silences and windows that are not over.
pub fn quiet(core: &Core, now: Time) -> QuietView {
    QuietView {
        silences: silences(core, now),
        windows: windows(core, now),
        holds: holds(core, now),
        scaled: core.config.scaler.policies.keys().cloned().collect(),
        people: core.config.raw.people.keys().cloned().collect(),
    }
}

/// The silences that are not over, the first to end first.
pub fn silences(core: &Core, now: Time) -> Vec<SilenceView> {
    let mut incidents: BTreeMap<SilenceId, Vec<IncidentId>> = BTreeMap::new();
    for incident in alerter::incidents(&core.settings, &core.topology, &core.alerter) {
        for silence in incident.silences {
            incidents.entry(silence.id).or_default().push(incident.id.clone());
        }
    }
    let present = core.alerter.silences().filter(|silence| silence.until > now);
    let mut views: Vec<SilenceView> = present
        .map(|silence| {
            let incidents = incidents.remove(&silence.id).unwrap_or_default();
            silence_view(silence, incidents, now)
        })
        .collect();
    views.sort_by_key(|view| view.until);
    views
}

/// What may be done about an incident, and what was; None if it is not open.
pub fn doings(core: &Core, id: &IncidentId, me: Option<PersonId>, now: Time) -> Option<Doings> {
    let open = alerter::incidents(&core.settings, &core.topology, &core.alerter);
    let incident = open.into_iter().find(|incident| incident.id == *id)?;
    let roots = [&incident.root].into_iter().chain(&incident.more_roots);
    let mut objects: Vec<Object> = Vec::new();
    for object in roots.chain(&incident.affected).take(OBJECTS_OFFERED) {
        if !objects.contains(object) {
            objects.push(object.clone());
        }
    }
    let snoozes = incident.snoozes.iter().filter(|(_, snooze)| snooze.until > now);
    let silences = incident.silences.iter();
    Some(Doings {
        people: core.config.raw.people.keys().cloned().collect(),
        me,
        objects,
        acknowledged: incident.acknowledged.map(|word| (word.by, word.at)),
        snoozes: snoozes.map(|(by, snooze)| (by.clone(), snooze.until)).collect(),
        silences: silences.map(|silence| silence_view(silence, Vec::new(), now)).collect(),
        is_silenced: incident.is_silenced,
    })
}

pub fn silence_view(silence: &Silence, incidents: Vec<IncidentId>, now: Time) -> SilenceView {
    SilenceView {
        id: silence.id.clone(),
        covers: covers(&silence.scope),
        from: silence.from,
        until: silence.until,
        by: silence.by.clone(),
        comment: silence.comment.clone(),
        is_running: silence.from <= now,
        incidents,
    }
}

/// `host/h1`, `vm/web-01 vm.disk`, `{alertname="Slow"}`.
pub fn covers(scope: &Scope) -> String {
    match scope {
        Scope::Object { on, check: None } => on.to_string(),
        Scope::Object { on, check: Some(check) } => format!("{on} {check}"),
        Scope::Labels(matchers) => {
            let written: Vec<String> = matchers.iter().map(labels::written).collect();
            format!("{{{}}}", written.join(", "))
        }
    }
}

/// The windows that are open, those of the files whether open or not.
pub fn windows(core: &Core, now: Time) -> Vec<WindowView> {
    let by_hand = core.alerter.windows().filter(|w| w.by.is_some() && w.until > now);
    let zone = &core.config.raw.timezone;
    let by_hand = by_hand.map(|window| window_view(window, zone));
    let planned = core.config.maintenance.iter();
    let planned = planned.map(|window| planned_view(window, now));
    let mut windows: Vec<WindowView> = by_hand.chain(planned).collect();
    let next = |window: &WindowView| window.next.first().map(|(from, _)| *from);
    windows.sort_by_key(|window| (window.open_until.is_none(), window.open_until, next(window)));
    windows
}

pub fn window_view(window: &Window, zone: &str) -> WindowView {
    WindowView {
        id: window.id.clone(),
        on: window.on.iter().cloned().collect(),
        by: window.by.clone(),
        comment: window.comment.clone(),
        file: None,
        cron: None,
        zone: zone.to_owned(),
        open_until: Some(window.until),
        next: Vec::new(),
    }
}

fn planned_view(window: &Planned, now: Time) -> WindowView {
    let open = window.occurrences(now, now + Duration::from_millis(1));
    let (mut next, mut after) = (Vec::new(), now);
    while let Some((from, until)) = window.times.next_after(after) {
        next.push((from, until));
        after = from;
        if next.len() == NEXT_SHOWN {
            break;
        }
    }
    let id: WindowId = window.name.clone();
    WindowView {
        id,
        on: window.on.iter().cloned().collect(),
        by: None,
        comment: window.comment.clone(),
        file: Some(window.file.display().to_string()),
        cron: match &window.times {
            Times::Once { .. } => None,
            Times::Again { cron, .. } => Some(cron.as_str().to_owned()),
        },
        zone: window.zone.clone(),
        open_until: open.into_iter().map(|(_, until)| until).max(),
        next,
    }
}
