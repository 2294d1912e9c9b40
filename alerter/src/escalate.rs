//! Who else is told while nobody acknowledges.
//!
//! An incident concerns parties: operations, and each business that suffers. From the first message
//! to a party its clock runs, until somebody acknowledges, until all is well that concerns the
//! party, or the root is back. Each step that falls due meanwhile tells its people once, in the
//! party's view. Whoever is told so is told of the end as well, and of nothing in between.
//!
//! While all that is bad of the roots is in maintenance, nothing is escalated: people are at work on
//! it. It sends nothing itself: `settle` forms the messages.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use model::id::{IdError, PersonId, ProjectId};
use model::signal::Severity;
use model::time::Time;
use model::topology::Topology;
use serde::{Deserialize, Serialize};

use crate::message::MessageKind;
use crate::settings::Settings;
use crate::sick::Sieve;
use crate::state::{Call, Incident, State};
use crate::tell::{self, Share, Word, project_of};
use crate::timer::Timer;

/// Whose incident it is, as far as it is theirs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Party {
    Operations,
    /// The owners of a business.
    Project(ProjectId),
}

/// One step: so long after the first message, these are told too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EscalationStep {
    pub after: Duration,
    /// People and schedules.
    pub to: BTreeSet<PersonId>,
    /// Incidents below this are not escalated.
    pub severity: Severity,
}

/// How far an incident was escalated for one party.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Climb {
    /// The first message to the party, or the end of an acknowledgement after it.
    pub(crate) since: Time,
    /// The steps that were made, by their place in the list.
    pub(crate) made: BTreeSet<usize>,
}

/// A step that is due: whom to tell, for whom, after which wait.
#[derive(Debug)]
pub(crate) struct Due {
    pub(crate) party: Party,
    step: usize,
    pub(crate) to: BTreeSet<PersonId>,
    pub(crate) waited: Duration,
}

/// The steps that are due now.
pub(crate) fn due(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    timer: &mut Timer,
) -> Vec<Due> {
    let is_audible = incident.audible_bad_roots().next().is_some();
    if incident.acknowledged.is_some() || incident.back().is_some() || !is_audible {
        return Vec::new();
    }
    let mut due = Vec::new();
    for (party, climb) in &incident.climbs {
        let steps = settings.escalation.get(party).into_iter().flatten().enumerate();
        let open = steps.filter(|(index, _)| !climb.made.contains(index));
        for (index, step) in open.filter(|(_, step)| incident.severity() >= step.severity) {
            if suffers(topology, incident, party) && timer.reached(climb.since + step.after) {
                let to = step.to.iter().flat_map(|name| settings.people_of(name)).cloned();
                let waited = timer.now.since(climb.since);
                due.push(Due { party: party.clone(), step: index, to: to.collect(), waited });
            }
        }
    }
    if !due.is_empty() && is_in_maintenance(settings, topology, state, incident, timer) {
        due.clear();
    }
    due
}

fn is_in_maintenance(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    timer: &mut Timer,
) -> bool {
    let sieve = Sieve::new(settings, topology, state);
    let mut bad = incident.roots.iter().filter(|(_, root)| root.back.is_none());
    bad.all(|(object, _)| sieve.in_maintenance(object, timer))
}

/// Notes which steps were made.
pub(crate) fn made(incident: &mut Incident, due: &[Due]) {
    for step in due {
        if let Some(climb) = incident.climbs.get_mut(&step.party) {
            climb.made.insert(step.step);
        }
    }
}

/// Whom the steps call, with the share each gets if it has none or a lesser one.
pub(crate) fn call<'a>(
    topology: &'a Topology,
    incident: &'a Incident,
    steps: &[Due],
    shares: &mut BTreeMap<PersonId, Share<'a>>,
) -> BTreeMap<PersonId, Call> {
    let mut called: BTreeMap<PersonId, Call> = BTreeMap::new();
    for step in steps {
        for person in &step.to {
            let parties = BTreeSet::from([step.party.clone()]);
            let share = tell::of_parties(topology, incident, person, &parties);
            match shares.get_mut(person) {
                Some(known) => known.take_in(share),
                None => drop(shares.insert(person.clone(), share)),
            }
            called.insert(person.clone(), Call::Escalated(step.waited));
        }
    }
    called
}

/// How somebody is told whom a step calls: once more, if it was told before.
pub(crate) fn occasion(
    incident: &Incident,
    person: &PersonId,
    called: &BTreeMap<PersonId, Call>,
) -> Option<MessageKind> {
    called.get(person)?;
    let told = incident.told.get(person);
    Some(told.map_or(MessageKind::Problem, |told| tell::further(incident, told)))
}

/// The clock of each party begins with the first that is told to it, and is forgotten with the end.
pub(crate) fn note(incident: &mut Incident, word: &Word, now: Time) {
    for party in &word.parties {
        if word.kind == MessageKind::Resolved {
            incident.climbs.remove(party);
            continue;
        }
        let new = || Climb { since: now, made: BTreeSet::new() };
        incident.climbs.entry(party.clone()).or_insert_with(new);
    }
}

/// Nobody works on it any more: all clocks begin anew.
pub(crate) fn begin_again(incident: &mut Incident, now: Time) {
    for climb in incident.climbs.values_mut() {
        *climb = Climb { since: now, made: BTreeSet::new() };
    }
}

/// What two incidents that are now one have escalated: the earlier clock goes on.
pub(crate) fn merge(into: &mut BTreeMap<Party, Climb>, from: &BTreeMap<Party, Climb>) {
    for (party, climb) in from {
        let known = into.entry(party.clone()).or_insert_with(|| climb.clone());
        known.since = known.since.min(climb.since);
        known.made.extend(&climb.made);
    }
}

/// Whether anything is still wrong that concerns the party.
fn suffers(topology: &Topology, incident: &Incident, party: &Party) -> bool {
    match party {
        Party::Operations => true, // Its roots are not back.
        Party::Project(project) => {
            incident.suffering().any(|(_, member)| project_of(topology, member) == Some(project))
        }
    }
}

const OPERATIONS: &str = "operations";
const PROJECT: &str = "project/";

/// `operations`, or `project/shop`.
impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operations => f.write_str(OPERATIONS),
            Self::Project(project) => write!(f, "{PROJECT}{project}"),
        }
    }
}

impl From<Party> for String {
    fn from(party: Party) -> Self {
        party.to_string()
    }
}

impl TryFrom<String> for Party {
    type Error = IdError;
    fn try_from(text: String) -> Result<Self, IdError> {
        match text.strip_prefix(PROJECT) {
            None if text == OPERATIONS => Ok(Self::Operations),
            None => Err(IdError::NoKind { text }),
            Some(project) => ProjectId::parse(project).map(Self::Project),
        }
    }
}
