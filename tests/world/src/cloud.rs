//! What really exists: the machines, where they stand, what runs on them.
//!
//! This is the ledger that the oracle reads. It knows nothing of what the brain believes.

use std::collections::BTreeMap;

use model::id::{FlavorId, HostId, ModuleId, SwitchId, VmId};
use model::time::Time;

/// How many hosts there are, and how many of them share a rack.
pub const HOSTS: usize = 6;
pub const HOSTS_IN_A_RACK: usize = 2;
/// How many VMs fit on a host.
pub const ROOM_OF_A_HOST: usize = 12;

/// One machine. Two of them may bear one name, where the provider made it twice.
#[derive(Clone, Debug)]
pub struct Machine {
    pub id: VmId,
    pub flavor: FlavorId,
    pub host: usize,
    pub made: Time,
    /// When it is up; None if it never will be.
    pub up_from: Option<Time>,
    /// It exists and does not run.
    pub dead_since: Option<Time>,
    pub program: Option<Running>,
    /// Its agent does not answer, though it runs.
    pub mute: bool,
    /// Its program answers nobody.
    pub hangs_since: Option<Time>,
}

/// The program of a module on a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    pub module: ModuleId,
    pub assignment: u32,
    pub ready_from: Time,
}

/// All machines that bear our tag.
#[derive(Clone, Debug, Default)]
pub struct Cloud {
    pub machines: BTreeMap<u64, Machine>,
    pub made_so_far: u64,
    /// Until when each host is down.
    pub down: BTreeMap<usize, Time>,
}

impl Machine {
    pub fn runs(&self, now: Time) -> bool {
        self.dead_since.is_none() && self.up_from.is_some_and(|from| from <= now)
    }

    /// It runs and its program answers.
    pub fn is_well(&self, now: Time) -> bool {
        let ready = self.program.as_ref().is_some_and(|program| program.ready_from <= now);
        self.runs(now) && ready && self.hangs_since.is_none()
    }

    /// Whether nobody who looks every quarter of a minute could know yet that it is not well.
    pub fn seemed_well(&self, at_least_since: Time, now: Time) -> bool {
        let lately = |since: Option<Time>| since.is_none_or(|since| since >= at_least_since);
        let ready = self.program.as_ref().is_some_and(|program| program.ready_from <= now);
        ready && lately(self.dead_since) && lately(self.hangs_since)
    }
}

impl Cloud {
    /// The machine of a name, the first if it was made twice.
    pub fn get(&self, id: &VmId) -> Option<&Machine> {
        self.machines.values().find(|machine| machine.id == *id)
    }

    pub fn get_mut(&mut self, id: &VmId) -> Option<&mut Machine> {
        self.machines.values_mut().find(|machine| machine.id == *id)
    }

    pub fn make(&mut self, machine: Machine) {
        self.made_so_far += 1;
        self.machines.insert(self.made_so_far, machine);
    }

    pub fn destroy(&mut self, id: &VmId) {
        self.machines.retain(|_, machine| machine.id != *id);
    }

    /// The driver of a provider that can make a VM twice keeps the first of each name.
    pub fn drop_doubles(&mut self) {
        let mut names = std::collections::BTreeSet::new();
        self.machines.retain(|_, machine| names.insert(machine.id.clone()));
    }

    pub fn is_down(&self, host: usize, now: Time) -> bool {
        self.down.get(&host).is_some_and(|until| now < *until)
    }

    /// How many more machines fit, over the hosts that are up.
    pub fn room(&self, now: Time) -> u32 {
        let mut used = [0_usize; HOSTS];
        for machine in self.machines.values() {
            used[machine.host] += 1;
        }
        let free = (0..HOSTS).filter(|host| !self.is_down(*host, now));
        free.map(|host| ROOM_OF_A_HOST.saturating_sub(used[host]) as u32).sum()
    }

    /// Everything on a host dies with it.
    pub fn kill_host(&mut self, host: usize, until: Time, now: Time) {
        self.down.insert(host, until);
        for machine in self.machines.values_mut().filter(|machine| machine.host == host) {
            machine.dead_since.get_or_insert(now);
        }
    }
}

/// The name of a host by its number.
pub fn host_name(host: usize) -> HostId {
    HostId::parse(&format!("h{host}")).expect("a letter and a digit make a good name")
}

/// The switch of its rack.
pub fn rack_name(host: usize) -> SwitchId {
    let rack = host / HOSTS_IN_A_RACK;
    SwitchId::parse(&format!("rack-{rack}")).expect("a word and a digit make a good name")
}
