//! The topology follows what the rooms and the world say, and the alerter hears what changed in it.

use model::id::Object;
use model::time::Time;
use model::topology::Topology;

use crate::brain::place::Sources;

use super::Core;

impl Core {
    /// Brings the topology up to date, and tells the alerter what changed in it.
    pub(super) fn place(&mut self, now: Time) {
        let lost_until = now + self.settings.group_wait + self.config.raw.tick.0;
        let sources = Sources {
            config: &self.config,
            scaler: &self.scaler,
            senses: &self.senses,
            servers: &self.servers,
            posted: &self.posted,
        };
        let events = self.surveyor.follow(&mut self.topology, sources, lost_until, now);
        self.moved(events, now);
        self.place_racks();
    }

    /// The scaler spreads the VMs of a module over what fails as a whole.
    fn place_racks(&mut self) {
        let hosts = self.topology.hosts.iter();
        let racks = || hosts.clone().filter_map(|(id, host)| Some((id, host.switch.as_ref()?)));
        if !racks().eq(&self.senses.facts.racks) {
            let racks = racks().map(|(host, rack)| (host.clone(), rack.clone())).collect();
            self.senses.facts.racks = racks;
        }
    }

    /// What labels of alerts newly say of the fleet is known from now on.
    pub(super) fn learn(&mut self, new: &Topology, now: Time) {
        if *new == Topology::default() {
            return;
        }
        let sources = Sources {
            config: &self.config,
            scaler: &self.scaler,
            senses: &self.senses,
            servers: &self.servers,
            posted: &self.posted,
        };
        let events = self.surveyor.learn(&mut self.topology, sources, new);
        self.moved(events, now);
    }

    fn moved(&mut self, events: Vec<alerter::Event>, now: Time) {
        for event in events {
            if let alerter::Event::VmGone { vm } = &event {
                self.reach.forget(&Object::Vm(vm.clone()));
                self.rows.end(&Object::Vm(vm.clone()), now);
                self.active.remove(&Object::Vm(vm.clone()));
            }
            self.alert(event, now);
        }
    }
}
