//! The life of a VM, from wanted to gone.
//!
//! Edges go forward only, but for the few that are named in [`VmState::may_become`]; so a step
//! that is repeated or comes late finds the VM past it and is harmless.

use core::net::SocketAddr;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::id::{FlavorId, HostId, ModuleId, VmId};
use crate::time::Time;

/// Where a VM is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmState {
    /// Its record is written; nothing was asked of the provider yet.
    Wanted,
    /// The provider was asked for it; it may or may not exist.
    Creating,
    /// It exists; its agent has not answered yet.
    Booting,
    /// Ready and waiting in the pool of its flavor.
    Pool,
    /// Taken from the pool for a module.
    Reserved,
    /// The module's program is being started on it.
    Deploying,
    /// The program answered its readiness probe often enough; not all routers know it yet.
    Ready,
    /// In all routers, by their own word.
    Serving,
    /// Suspected ill and out of the routers; kept for people to look at, or to come back.
    Isolated,
    /// Out of the routers on purpose; what it still serves may finish.
    Draining,
    /// The program is stopped.
    Stopped,
    /// The provider was asked to destroy it. Never left but for `Gone`.
    Destroying,
    Gone,
    /// It bears our tag and is unknown to us: counted, shown, never touched without a person.
    Quarantine,
}

impl VmState {
    pub const ALL: [Self; 14] = [
        Self::Wanted,
        Self::Creating,
        Self::Booting,
        Self::Pool,
        Self::Reserved,
        Self::Deploying,
        Self::Ready,
        Self::Serving,
        Self::Isolated,
        Self::Draining,
        Self::Stopped,
        Self::Destroying,
        Self::Gone,
        Self::Quarantine,
    ];

    /// Whether a VM may go from here to `next`.
    pub fn may_become(self, next: Self) -> bool {
        use VmState::*;
        match (self, next) {
            (Serving, Isolated) | (Isolated, Serving) => true,
            // What comes back is in all routers only once they say so.
            (Ready, Isolated) | (Isolated | Draining, Ready) => true,
            (Stopped, Pool) => true, // Recycled: a new assignment begins.
            (Destroying, next) => next == Gone,
            // What was taken for gone and is listed after all is a stranger; nothing else comes back.
            (Gone, next) => next == Quarantine,
            (_, Wanted | Quarantine) => false,
            // One that is no longer listed needs nobody to end it.
            (Quarantine, next) => next == Destroying || next == Gone,
            (_, Destroying) => true,
            // Only the hands' own word ends a VM that was not asked to end: see `scaler`.
            (_, Gone) => self == Wanted || self == Creating,
            (from, to) => from < to && to != Isolated,
        }
    }

    /// Whether it works, or is on its way to work, for a module.
    pub fn is_capacity(self) -> bool {
        matches!(self, Self::Reserved | Self::Deploying | Self::Ready | Self::Serving)
    }

    /// Whether it is on its way out, by our own will.
    pub fn is_leaving(self) -> bool {
        matches!(self, Self::Draining | Self::Stopped | Self::Destroying | Self::Gone)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Creating => "creating",
            Self::Booting => "booting",
            Self::Pool => "pool",
            Self::Reserved => "reserved",
            Self::Deploying => "deploying",
            Self::Ready => "ready",
            Self::Serving => "serving",
            Self::Isolated => "isolated",
            Self::Draining => "draining",
            Self::Stopped => "stopped",
            Self::Destroying => "destroying",
            Self::Gone => "gone",
            Self::Quarantine => "quarantine",
        }
    }
}

impl fmt::Display for VmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A word that names no state of a VM.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no state of a VM")]
pub struct NoSuchState(pub String);

impl FromStr for VmState {
    type Err = NoSuchState;
    fn from_str(text: &str) -> Result<Self, NoSuchState> {
        let named = Self::ALL.into_iter().find(|state| state.as_str() == text);
        named.ok_or_else(|| NoSuchState(text.to_owned()))
    }
}

/// What is remembered of one VM.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vm {
    pub id: VmId,
    pub flavor: FlavorId,
    pub state: VmState,
    /// Since when it is in this state.
    pub since: Time,
    pub created: Time,
    /// Where the provider says it runs.
    pub host: Option<HostId>,
    pub addresses: Option<Addresses>,
    /// The module it works for; None in the pool.
    pub module: Option<ModuleId>,
    /// Rises each time the VM is given to a module, so that a late word about an earlier
    /// assignment is recognised.
    pub assignment: u32,
    /// The router generation that first contained it, or first lacked it.
    pub route_generation: u64,
    /// Why it is in this state, in words.
    pub why: String,
}

/// Where a VM is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Addresses {
    /// Its agent, by the Zabbix passive protocol.
    pub agent: SocketAddr,
    /// The module's program.
    pub app: SocketAddr,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_state_reads_back_as_it_prints() {
        for state in VmState::ALL {
            assert_eq!(state.to_string().parse(), Ok(state));
        }
    }

    #[test]
    fn destroying_is_never_left_except_to_gone() {
        for next in VmState::ALL {
            assert_eq!(VmState::Destroying.may_become(next), next == VmState::Gone, "{next}");
            assert_eq!(VmState::Gone.may_become(next), next == VmState::Quarantine, "{next}");
        }
    }

    #[test]
    fn a_vm_is_stopped_only_after_it_left_the_routers() {
        assert!(VmState::Serving.may_become(VmState::Draining));
        assert!(VmState::Draining.may_become(VmState::Stopped));
        assert!(!VmState::Draining.may_become(VmState::Serving));
        assert!(!VmState::Serving.may_become(VmState::Pool));
    }
}
