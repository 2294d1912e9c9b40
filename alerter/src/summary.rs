//! An incident for journal and pages.

use std::collections::BTreeSet;

use model::id::{IncidentId, Object, SilenceId};
use model::lang::Lang;
use model::time::Time;
use model::topology::Topology;

use crate::act::Silence;
use crate::event::{Bilingual, IncidentSummary};
use crate::facts::Facts;
use crate::loss::{losses, repaired};
use crate::message::MessageKind;
use crate::operations;
use crate::reason::reasons;
use crate::settings::Settings;
use crate::state::{Incident, State};
use crate::tell::{self, businesses_of};
use crate::text::Speaker;

/// How it came to an end.
#[derive(Clone, Debug, Default)]
pub(crate) struct End {
    pub(crate) closed: Option<Time>,
    pub(crate) merged_into: Option<IncidentId>,
}

pub(crate) fn summary(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    end: End,
) -> IncidentSummary {
    let roots: Vec<&Object> = incident.roots.keys().collect();
    let reasons = reasons(settings, state, incident, &roots);
    let businesses = businesses_of(topology, incident.members.values());
    let mut roots: Vec<Object> = incident.roots.keys().cloned().collect();
    let until = end.closed.or(state.settled_at).unwrap_or(incident.opened);
    let losses = losses(topology, state, incident, until);
    IncidentSummary {
        id: incident.id(),
        root: roots.remove(0),
        more_roots: roots,
        state: incident.root_state(),
        suspected: incident.roots.values().any(|root| root.basis.is_suspicion()),
        severity: incident.severity(),
        opened: incident.opened,
        closed: end.closed,
        merged_into: end.merged_into,
        affected: incident.suffering().map(|(object, _)| object.clone()).collect(),
        began: incident.began,
        repaired: repaired(state, incident),
        losses,
        unnoted: incident.unnoted,
        businesses: businesses.into_iter().cloned().collect(),
        headline: headline(settings, topology, state, incident),
        reasons,
        acknowledged: incident.acknowledged.clone(),
        is_silenced: incident.audible_roots().next().is_none() && !incident.silenced.is_empty(),
        silences: silences(state, incident),
        snoozes: incident.snoozes.clone(),
        broken: incident.broken.clone(),
    }
}

/// The silences that cover its roots, each once.
fn silences(state: &State, incident: &Incident) -> Vec<Silence> {
    let ids: BTreeSet<&SilenceId> =
        incident.roots.keys().filter_map(|root| incident.silenced.get(root)).collect();
    ids.into_iter().filter_map(|id| state.silence(id)).cloned().collect()
}

/// What it took so far, whatever is well again by now.
fn headline(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
) -> Bilingual {
    let share = tell::whole(incident);
    let facts = Facts::gather(topology, state, incident, &share, MessageKind::Resolved);
    let (told, call, known, reasons) = (None, None, None, Vec::new());
    let (zone, is_snooze_over) = (&settings.zone, false);
    let now = incident.opened; // No headline tells how long it lasts.
    let lang = Lang::En;
    let mut speaker =
        Speaker { facts, topology, zone, told, is_snooze_over, call, known, reasons, lang, now };
    let en = operations::problem(&speaker);
    speaker.lang = Lang::Zh;
    Bilingual { en, zh: operations::problem(&speaker) }
}
