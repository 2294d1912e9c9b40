//! What the scaler needs done outside it, as traits: VMs, programs on them, traffic to them.
//!
//! `drivers` does it for real, `tests` in memory. Each call may be repeated, may come late and may
//! be cut off by a crash in the middle; so each is idempotent, and "I do not know" is an answer.

use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use model::id::{FlavorId, HostId, ModuleId, VmId};
use model::vm::Addresses;
use serde::{Deserialize, Serialize};

/// What a hand answers, when it does. Boxed, so that hands of several kinds stand in one list.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a hand did not do what it was asked. One variant per thing the planner does differently.
#[derive(Debug, thiserror::Error)]
pub enum HandError {
    /// It may or may not have happened: count it as happened, look, then ask again.
    #[error("no answer within {0:?}; it may or may not have happened")]
    TimedOut(Duration),
    /// It may or may not have happened, and this is all that is known of it.
    #[error("it may or may not have happened: {0}")]
    Unclear(String),
    /// There is no room, and nothing was made: waiting helps, repeating at once does not.
    #[error("{shortage} for {flavor}: {detail}")]
    NoCapacity { flavor: FlavorId, shortage: Shortage, detail: String },
    /// It will not work however often it is asked: a person must act.
    #[error("refused: {0}")]
    Refused(String),
    /// It may work next time.
    #[error("failed: {0}")]
    Failed(String),
}

/// What there is too little of. Who is to act differs: the one who grants, or the one who builds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortage {
    /// The account may have no more.
    Quota,
    /// No host has room.
    Room,
}

impl std::fmt::Display for Shortage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Quota => "the quota is used up",
            Self::Room => "no host has room",
        })
    }
}

/// A place where VMs run: one cloud account, one hypervisor cluster, or this very machine.
pub trait Provider: Send + Sync + std::fmt::Debug {
    /// The name it bears in `cloudbrain.yaml`.
    fn name(&self) -> &str;
    /// What runs there and bears our tag. It may be late, but names nothing that never existed.
    fn observe(&self) -> Answer<'_, Result<Sighting, HandError>>;
    /// Makes one VM. The same id again makes no second one.
    fn create<'a>(&'a self, order: &'a CreateOrder) -> Answer<'a, Result<(), HandError>>;
    /// Destroys one VM. One that is not there is a success.
    fn destroy<'a>(&'a self, vm: &'a VmId) -> Answer<'a, Result<(), HandError>>;
}

/// One VM to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateOrder {
    pub vm: VmId,
    pub flavor: FlavorId,
    /// Where it should stand; the provider may know better.
    pub prefer: Option<HostId>,
    /// Hosts that must not get it, because they are down.
    pub avoid: BTreeSet<HostId>,
    /// It was asked for before, and may be there already or still come: a provider that cannot
    /// tell two requests for one VM apart looks before it asks again.
    #[serde(default)]
    pub again: bool,
    /// To be kept with the VM, as a tag or in a file, and told again in [`SeenVm`].
    pub origin: Origin,
}

/// On whose record a VM was ordered. A store that was restored from a copy, or a second brain on a
/// copy, knows less than the world does; it finds that out by VMs of an origin it never was.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Origin {
    /// Names the record: it changes when the record is found to be older than the world. 1 to 63 of
    /// `a-z0-9-`; empty before the first.
    pub incarnation: String,
    /// Counts the starts on that record; never falls.
    pub epoch: u64,
}

/// What a provider saw.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// Whether the list is known to hold everything. Nothing is concluded from what an
    /// incomplete list lacks.
    pub complete: bool,
    pub hosts: Vec<SeenHost>,
    pub vms: Vec<SeenVm>,
    /// What the account may have, where its provider tells.
    pub quotas: Vec<Quota>,
}

/// One limit of an account: `instances`, `cores`, `ram`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quota {
    pub name: String,
    /// None if there is no limit.
    pub limit: Option<u64>,
    /// It may be above the limit, when that was lowered.
    pub used: u64,
    /// What one VM of each flavor takes of it, in the same unit. A flavor that is not named here
    /// takes nothing.
    pub takes: BTreeMap<FlavorId, u64>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHost {
    pub id: HostId,
    /// The host's own agent, where it has one.
    pub agent: Option<SocketAddr>,
    /// How many more VMs of each flavor fit.
    pub room: BTreeMap<FlavorId, u32>,
    /// Its provider says that it is down. Its VMs may still be listed as running.
    pub is_down: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenVm {
    pub id: VmId,
    pub flavor: FlavorId,
    pub host: Option<HostId>,
    pub power: Power,
    pub addresses: Option<Addresses>,
    /// As it was told in [`CreateOrder`]; None if the provider does not know it.
    pub origin: Option<Origin>,
    /// What its provider calls it beside that: `terminate.protect` of a policy may name them.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// Whether a VM runs, by its provider's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    Building,
    Running,
    /// It exists and does not run.
    Stopped,
}

/// Starts and stops a module's program on a VM.
pub trait Deployer: Send + Sync + std::fmt::Debug {
    /// Starts the program. The same assignment again starts no second one; a higher assignment
    /// replaces what runs.
    fn deploy<'a>(
        &'a self,
        machine: &'a Machine,
        program: &'a Program,
    ) -> Answer<'a, Result<(), HandError>>;
    /// Stops what runs: SIGTERM, and SIGKILL after `grace`. Nothing running is a success.
    fn undeploy<'a>(
        &'a self,
        machine: &'a Machine,
        grace: Duration,
    ) -> Answer<'a, Result<(), HandError>>;
}

/// A VM as a deployer needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    pub vm: VmId,
    /// Where it is spoken to; None while its provider has not said.
    pub addresses: Option<Addresses>,
}

/// A module's program, for one assignment of one VM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    pub module: ModuleId,
    pub assignment: u32,
    /// The program and its arguments. `${PORT}` stands for the port it is to listen on, which it
    /// also finds in the environment as `PORT`.
    pub command: Vec<String>,
    pub environment: BTreeMap<String, String>,
    /// That of the brain that orders it: a VM that had orders of a later one takes none of this.
    #[serde(default)]
    pub epoch: u64,
}

/// What sends traffic to VMs.
pub trait Router: Send + Sync + std::fmt::Debug {
    fn name(&self) -> &str;
    /// Makes it fit to be pushed to, when the brain starts: one of ours is started, of another's it
    /// is seen whether it listens to us. It may be called again at any time.
    fn prepare(&self) -> Answer<'_, Result<(), HandError>> {
        Box::pin(async { Ok(()) })
    }
    /// So much time has to lie between two changes, because a change costs the router something:
    /// changes that come meanwhile are merged. An urgent one (see [`Routing::urgent`]) never waits.
    fn rests(&self) -> Duration {
        Duration::ZERO
    }
    /// Makes this the routing, and answers only when requests are seen to follow it: after a
    /// success no new request is sent to a VM that is not in `routing`, but by what
    /// [`Router::observe`] still counts or says it cannot count. An older [`Stamp`] than the one in
    /// force is refused.
    fn push<'a>(&'a self, routing: &'a Routing) -> Answer<'a, Result<(), HandError>>;
    fn observe(&self) -> Answer<'_, Result<RouterReport, HandError>>;
    /// Ends it, if it is ours to end; for a fleet that is only for trying things out.
    fn stop(&self) -> Answer<'_, Result<(), HandError>>;
}

/// Who gets which traffic.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Routing {
    /// That of the brain which says so, see [`Origin`]: a later one beats any generation of an earlier.
    #[serde(default)]
    pub epoch: u64,
    pub generation: u64,
    /// The newest generation that took a VM out at once and not for want of load: a router that is
    /// behind it must not wait.
    #[serde(default)]
    pub urgent: u64,
    pub modules: BTreeMap<ModuleId, Route>,
}

impl Routing {
    pub fn stamp(&self) -> Stamp {
        Stamp { epoch: self.epoch, generation: self.generation }
    }

    /// Whether somebody must leave at once who is still there by the routing of this stamp.
    pub fn is_urgent_after(&self, in_force: Stamp) -> bool {
        in_force < Stamp { epoch: self.epoch, generation: self.urgent }
    }
}

/// Which routing it is. A router never goes back to a smaller one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Stamp {
    #[serde(default)]
    pub epoch: u64,
    pub generation: u64,
}

impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "generation {} of epoch {}", self.generation, self.epoch)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// The domains that lead here, without a port, in lower case.
    pub domains: Vec<String>,
    pub upstreams: BTreeMap<VmId, SocketAddr>,
}

/// What a router says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterReport {
    /// That of the routing in force; 0 before the first.
    #[serde(default)]
    pub epoch: u64,
    /// The routing in force; 0 before the first.
    pub generation: u64,
    /// Also of VMs that were taken out while they still serve something.
    #[serde(default)]
    pub upstreams: BTreeMap<VmId, UpstreamReport>,
    #[serde(default)]
    pub uncounted: Uncounted,
}

impl RouterReport {
    pub fn stamp(&self) -> Stamp {
        Stamp { epoch: self.epoch, generation: self.generation }
    }
}

/// VMs on which something may still be under way that the router cannot count.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Uncounted {
    /// What is under way is in the report, and what is not there is not under way.
    #[default]
    Nothing,
    These(BTreeSet<VmId>),
    /// It counts nothing, for the time being or ever.
    Everything,
}

impl Uncounted {
    pub fn holds(&self, vm: &VmId) -> bool {
        match self {
            Self::Nothing => false,
            Self::These(vms) => vms.contains(vm),
            Self::Everything => true,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UpstreamReport {
    /// Requests under way right now.
    pub in_flight: u32,
    /// Requests answered since the router started.
    pub served: u64,
    /// Connections refused, cut or timed out since the router started.
    pub failed: u64,
    /// Of those, how many in a row up to now.
    pub failed_in_a_row: u32,
}
