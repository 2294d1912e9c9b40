//! How long to wait, whom to ask, how much is enough: the numbers behind the rules.
//!
//! The defaults are those of the correlation cases. Nothing is read from files here: whoever owns
//! the configuration fills this in.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::PersonId;
use model::lang::Lang;
use model::time::Time;
use model::zone::Zone;
use serde::{Deserialize, Serialize};

use crate::escalate::{EscalationStep, Party};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// A reported switch, host, data source or collector waits this long for companions.
    pub group_wait: Duration,
    /// A VM, application or module, and a suspected root, waits this long for a root above it.
    pub child_wait: Duration,
    /// Least time between two messages of one incident to one recipient, if nothing got worse.
    pub update_interval: Duration,
    /// The end must hold this long before it is told.
    pub resolve_hold: Duration,
    /// What hung on a root keeps its place this long after the root is back, or it was moved.
    pub recovery_grace: Duration,
    /// Problems of a VM younger than this are not told.
    pub new_vm_grace: Duration,
    /// This many changes of one check within `flap_window` are flapping.
    pub flap_changes: usize,
    /// Flapping ends when nothing changed for this long.
    pub flap_window: Duration,
    /// Percent of the children that must fail before what carries them is suspected.
    pub suspect_percent: usize,
    pub suspect_min_vms: usize,
    pub suspect_min_hosts: usize,
    /// Least number of VMs of a module whose application fails.
    pub suspect_min_app: usize,
    /// The failures must fall within this time to raise suspicion.
    pub suspect_window: Duration,
    /// Percent of all hosts and VMs that must fail by one collector's word alone, before the
    /// collector is held to be blind.
    pub blind_percent: usize,
    pub blind_min: usize,
    /// So many of what suffers are named in a message for those who carry it; the rest is counted. Of a
    /// storm each recipient's thousands of names would be stored, copied and sent, and no channel shows
    /// more than a hundred.
    #[serde(default = "all")]
    pub most_named: usize,
    /// In which language each person is spoken to; English for those who are not named.
    pub people: BTreeMap<PersonId, Lang>,
    /// In which people read times.
    #[serde(default)]
    pub zone: Zone,
    /// Who gets the operations view: people and schedules.
    pub operations: BTreeSet<PersonId>,
    /// By schedule, who stands for it now. Any name that is not here is a person.
    pub on_duty: BTreeMap<PersonId, OnDuty>,
    /// Who else is told while nobody acknowledges, by whose incident it is.
    pub escalation: BTreeMap<Party, Vec<EscalationStep>>,
}

fn all() -> usize {
    usize::MAX
}

/// Who stands for a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnDuty {
    /// Never empty: nothing is told to nobody.
    pub people: BTreeSet<PersonId>,
    pub since: Time,
}

impl Settings {
    /// The people behind a name.
    pub(crate) fn people_of<'a>(
        &'a self,
        name: &'a PersonId,
    ) -> impl Iterator<Item = &'a PersonId> {
        let duty = self.on_duty.get(name);
        let person = duty.is_none().then_some(name);
        person.into_iter().chain(duty.into_iter().flat_map(|duty| &duty.people))
    }

    /// Who gets the operations view now.
    pub(crate) fn present_operations(&self) -> BTreeSet<&PersonId> {
        self.operations.iter().flat_map(|name| self.people_of(name)).collect()
    }
}

impl Default for Settings {
    fn default() -> Self {
        let operations = PersonId::parse("ops").expect("`ops` has only letters");
        Self {
            group_wait: Duration::from_secs(30),
            child_wait: Duration::from_secs(60),
            update_interval: Duration::from_secs(300),
            resolve_hold: Duration::from_secs(60),
            recovery_grace: Duration::from_secs(180),
            new_vm_grace: Duration::from_secs(300),
            flap_changes: 4,
            flap_window: Duration::from_secs(600),
            suspect_percent: 60,
            suspect_min_vms: 3,
            suspect_min_hosts: 2,
            suspect_min_app: 2,
            suspect_window: Duration::from_secs(120),
            blind_percent: 90,
            blind_min: 10,
            most_named: all(),
            people: BTreeMap::new(),
            zone: Zone::default(),
            operations: BTreeSet::from([operations]),
            on_duty: BTreeMap::new(),
            escalation: BTreeMap::new(),
        }
    }
}
