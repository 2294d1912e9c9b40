//! The properties, and who watches them: it reads what really happened, never what the brain
//! believes.
//!
//! The one thing taken from the brain's record is why a VM left the routers, by choice or for its
//! health, since that is no fact of the world. Whether it was well, routed, young or the last one
//! is read from the machines and routers.

mod at_rest;
mod orders;
mod routes;
mod scaling;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use model::id::{FlavorId, ModuleId, VmId};
use model::time::Time;
use scaler::hands::{Power, Sighting};

use crate::trouble::{Listing, Trouble};
use crate::world::World;

/// A property that was broken.
#[derive(Clone, Debug)]
pub struct Violation {
    /// The number in the table of properties.
    pub property: &'static str,
    pub at: Time,
    pub what: String,
}

/// A property in words, and where it is held.
#[derive(Clone, Copy, Debug)]
pub struct Property {
    pub id: &'static str,
    pub words: &'static str,
    pub held: &'static str,
}

const HERE: &str = "here, in every run";

/// P1 to P24, and which of them this world checks.
pub const PROPERTIES: [Property; 24] = [
    property("P1", "nothing leaves on account of a load that is unknown, old or unsettled", HERE),
    property(
        "P2",
        "never more VMs than max and surge, or than the pool's max_total, in any state",
        HERE,
    ),
    property("P3", "at rest at least min VMs serve; never below by choice", HERE),
    property("P4", "no choice takes the last VM that works out of the routers", HERE),
    property(
        "P5",
        "a program is stopped only when no router sends to it, and it is idle or its time is up",
        HERE,
    ),
    property("P6", "after any crash, in the end exactly the intended VMs exist", HERE),
    property("P7", "a VM works for one module, and has one open order", HERE),
    property("P8", "with a steady load the count does not go to and fro", HERE),
    property(
        "P9",
        "only what two witnesses call ill is isolated, a share at most; a brain cut off isolates nothing",
        HERE,
    ),
    property(
        "P10",
        "what is unknown is not destroyed before two complete lists named it, long apart, and nothing for \
         its absence before two lists lack it that were begun since it was made",
        HERE,
    ),
    property(
        "P11",
        "a brain whose time is over changes nothing",
        "the kill matrix and the store's suite",
    ),
    property("P12", "destroying is left for gone alone, and no name is used twice", HERE),
    property("P13", "orders are bounded: per hour, and after failures in a row", HERE),
    property(
        "P14",
        "a release and the scaler never own one VM",
        "with releases, which are not built yet",
    ),
    property("P15", "each change has a decision that replays to the bit", HERE),
    property("P16", "a dry run changes nothing", HERE),
    property("P17", "bounds hold within a tick without metrics; a removed policy freezes", HERE),
    property("P18", "what is young is never chosen to leave", HERE),
    property("P19", "only a pool VM that was heard lately is given out", HERE),
    property("P20", "no secret in records, logs, pages", "cloudbrain's tests with canary values"),
    property("P21", "a clock that jumps neither fires twice nor ends anything early", HERE),
    property("P22", "when the world stops failing, everything comes to rest", HERE),
    property("P23", "without its monitor nothing that works is destroyed", HERE),
    property("P24", "few leave at once by choice, over the fleet and in a tick", HERE),
];

const fn property(id: &'static str, words: &'static str, held: &'static str) -> Property {
    Property { id, words, held }
}

/// What the world remembers for its judgement.
#[derive(Debug, Default)]
pub struct Oracle {
    pub violation: Option<Violation>,
    /// When a VM's agent really answered, and when what it said was really measured.
    pub answered: BTreeMap<VmId, Time>,
    pub measured: BTreeMap<VmId, Time>,
    /// Since when a router sends to a VM.
    pub(crate) routed: BTreeMap<VmId, Time>,
    /// When a router began to send to one more VM of a module.
    pub(crate) joined: BTreeMap<ModuleId, Time>,
    /// Who was taken out by choice though it was well, and when.
    pub(crate) dismissed: VecDeque<(Time, ModuleId)>,
    /// Who left the routers last for being ill.
    pub(crate) ill: BTreeSet<VmId>,
    pub(crate) isolated: BTreeMap<ModuleId, VecDeque<Time>>,
    /// Orders to make a VM, by flavor.
    pub(crate) ordered: BTreeMap<FlavorId, VecDeque<Time>>,
    /// When a VM of a flavor last came up.
    pub(crate) came_up: BTreeMap<FlavorId, Time>,
    /// When a module was given a VM, or gave one away, last. Pools go on renewing their VMs.
    pub(crate) last_order: Time,
    /// When a VM was ordered first.
    pub(crate) first_ordered: BTreeMap<VmId, Time>,
    /// Which complete lists lack a VM since it was ordered last, and since it was made.
    pub(crate) ordered_vms: BTreeMap<VmId, Lacked>,
    pub(crate) made: BTreeMap<VmId, Lacked>,
    /// The assignment whose program was to be stopped last, by VM.
    pub(crate) told_to_stop: BTreeMap<VmId, u32>,
    /// When each assignment of a VM was planned.
    pub(crate) assigned: BTreeMap<(VmId, u32), Time>,
    /// Names that were to be destroyed, and are gone for good since.
    pub(crate) issued_destroy: BTreeMap<VmId, Time>,
    /// When a complete list named a VM last.
    pub(crate) named: BTreeMap<VmId, Time>,
    /// The VMs that the newest list calls stopped, and when the newest complete one was seen.
    pub(crate) stopped: BTreeSet<VmId>,
    pub(crate) listed: Time,
    /// When the load of a module was last measured, settled, and not low.
    pub(crate) not_low: BTreeMap<ModuleId, Time>,
    /// When a bound lifted the count of a module above what its load wanted.
    pub(crate) lifted: BTreeMap<ModuleId, Time>,
    pub(crate) restored: Option<Time>,
    pub(crate) brain_started: Time,
    /// When somebody lied about the health of VMs last, and when the brain was cut off last.
    pub(crate) lied: Time,
    pub(crate) cut_off_since: Option<Time>,
    pub(crate) edited: Time,

    pub(crate) turns: BTreeMap<ModuleId, VecDeque<(Time, bool)>>,
    pub(crate) shaken: Time,
    pub(crate) clock_jumped: Option<Time>,
}

/// Lists that lack a VM are so far apart before anything follows from it.
const LISTS_APART: Duration = Duration::from_secs(10);

/// The complete lists in a row that lack a VM.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lacked {
    /// Those that were begun earlier do not count.
    since: Time,
    /// When the first and the newest were begun.
    lists: Option<(Time, Time)>,
}

impl Lacked {
    pub(crate) fn since(since: Time) -> Self {
        Self { since, lists: None }
    }

    fn see(&mut self, is_named: bool, begun: Time) {
        if is_named {
            self.lists = None;
        } else if begun > self.since {
            self.lists = Some((self.lists.map_or(begun, |(first, _)| first), begun));
        }
    }

    pub(crate) fn by_two_lists(&self) -> bool {
        self.lists.is_some_and(|(first, newest)| newest.since(first) >= LISTS_APART)
    }
}

impl Oracle {
    pub(crate) fn broken(&mut self, property: &'static str, at: Time, what: String) {
        self.violation.get_or_insert(Violation { property, at, what });
    }

    pub(crate) fn brain_started(&mut self, now: Time) {
        self.brain_started = now;
    }

    /// A store of `then` was put back. If the part that was lost left no trace in the world, nobody can
    /// know which names it used up.
    pub(crate) fn store_restored(&mut self, then: Time, left_a_trace: bool, now: Time) {
        self.restored = Some(now);
        self.told_to_stop.clear();
        if !left_a_trace {
            self.issued_destroy.retain(|_, at| *at < then);
        }
    }

    /// Something began or ended that makes judgement harder.
    pub(crate) fn trouble(&mut self, what: Trouble, now: Time) {
        self.shaken = now;
        let edits = matches!(
            what,
            Trouble::PolicyEdited { .. }
                | Trouble::PolicyRemoved { .. }
                | Trouble::ModulePaused { .. }
        );
        if edits {
            self.edited = now;
        } else if matches!(what, Trouble::ClockJumps { .. }) {
            self.clock_jumped = Some(now);
        } else {
            self.lied = now;
        }
        if what == Trouble::BrainCutOff {
            self.cut_off_since = if self.cut_off_since.is_some() { None } else { Some(now) };
        }
    }

    /// A list that was begun at this moment was handed to the brain.
    pub(crate) fn listed(&mut self, sighting: &Sighting, begun: Time) {
        let now = begun;
        if sighting.complete {
            self.listed = now;
            let named: BTreeSet<&VmId> = sighting.vms.iter().map(|vm| &vm.id).collect();
            for (id, lacked) in self.ordered_vms.iter_mut().chain(&mut self.made) {
                lacked.see(named.contains(id), begun);
            }
        }
        for vm in &sighting.vms {
            if sighting.complete {
                self.named.insert(vm.id.clone(), now);
            }
            if vm.power == Power::Stopped {
                self.stopped.insert(vm.id.clone());
            } else {
                self.stopped.remove(&vm.id);
            }
        }
    }

    /// Whether the provider says that a VM does not run, or is not there.
    pub(crate) fn is_called_dead(&self, id: &VmId) -> bool {
        self.stopped.contains(id) || self.named.get(id).is_none_or(|at| *at < self.listed)
    }
}

impl World {
    pub(crate) fn broken(&mut self, property: &'static str, what: String) {
        self.oracle.broken(property, self.now, what);
    }

    /// Whether somebody lies about the health of VMs, or did lately.
    pub(crate) fn health_is_doubtful(&self) -> bool {
        self.now.since(self.oracle.lied) < Duration::from_secs(900)
            || self.troubles().any(|trouble| {
                matches!(
                    trouble,
                    Trouble::AgentsDark
                        | Trouble::ProbesFail
                        | Trouble::BrainCutOff
                        | Trouble::AgentGone(_)
                        | Trouble::Router(..)
                        | Trouble::Lists(
                            Listing::Empty | Listing::Holes | Listing::Stale | Listing::Slander
                        )
                )
            })
    }
}
