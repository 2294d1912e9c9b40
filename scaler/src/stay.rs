//! Why a VM stays when its module has too many, or would have.
//!
//! "Why was this one not taken away?" is asked of every autoscaler and answered by few. Asked here of
//! the very rules by which VMs leave (`crate::leave`), at the same state, so that the answer cannot
//! differ from what is done.

use std::fmt;
use std::time::Duration;

use model::id::VmId;
use model::time::Time;
use model::unit::Span;
use model::vm::VmState;
use serde::{Deserialize, Serialize};

use crate::brake;
use crate::facts::Facts;
use crate::leave::Look;
use crate::policy::Policy;
use crate::protect::protected_by;
use crate::state::{Config, State};

/// Where a VM stands among those that could leave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub vm: VmId,
    pub why: Stays,
    /// Who would leave first if one had to go now; None if nobody may.
    pub next: Option<VmId>,
}

/// Why a VM would not leave by choice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Stays {
    /// It is in the pool, or on its way to a module or away from it.
    NotInService {
        state: VmState,
    },
    /// It belongs to a module that no policy scales.
    NoPolicy,
    Young {
        since: Duration,
        young: Duration,
    },
    Protected {
        label: String,
    },
    LastThatIsWell,
    FleetBrake,
    /// So many others would leave before it.
    OthersFirst {
        before: u32,
    },
    /// It would be the first to leave; its module does not want fewer.
    WouldBeNext,
}

impl fmt::Display for Stays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |span: &Duration| Span::secs(span.as_secs());
        match self {
            Self::NotInService { state } => write!(f, "it is {state}, not in service"),
            Self::NoPolicy => {
                f.write_str("no policy scales its module: nothing of it is taken away")
            }
            Self::Young { since, young } => {
                write!(f, "young: in service for {}, kept for {}", seconds(since), seconds(young))
            }
            Self::Protected { label } => write!(f, "protected by the label {label}"),
            Self::LastThatIsWell => f.write_str("no other VM of the module is well"),
            Self::FleetBrake => f.write_str("the fleet brake: too many VMs left by choice of late"),
            Self::OthersFirst { before: 1 } => f.write_str("one other would leave before it"),
            Self::OthersFirst { before } => write!(f, "{before} others would leave before it"),
            Self::WouldBeNext => {
                f.write_str("it would be the first to leave, and its module does not want fewer")
            }
        }
    }
}

/// Why a VM would not leave now; None if there is no such VM.
pub fn standing(
    config: &Config,
    state: &State,
    facts: &Facts,
    id: &VmId,
    now: Time,
) -> Option<Standing> {
    let vm = state.vms.get(id)?;
    let stays = |why, next| Some(Standing { vm: id.clone(), why, next });
    let (VmState::Serving, Some(module)) = (vm.state, &vm.module) else {
        return stays(Stays::NotInService { state: vm.state }, None);
    };
    let Some(policy) = config.policies.get(module) else { return stays(Stays::NoPolicy, None) };
    let members = state.by_module().remove(module).unwrap_or_default();
    let look = Look { policy, state, members: &members, facts, now };
    stays(why(policy, &look, id), look.next())
}

fn why(policy: &Policy, look: &Look<'_>, id: &VmId) -> Stays {
    let vm = &look.state.vms[id];
    let (since, young) = (look.now.since(vm.since), policy.terminate.young.0);
    if since < young {
        return Stays::Young { since, young };
    }
    if let Some(label) = protected_by(policy, look.facts, vm) {
        return Stays::Protected { label: label.to_owned() };
    }
    if look.next().is_none() {
        return Stays::LastThatIsWell;
    }
    if brake::room(look.state, look.now) == 0 {
        return Stays::FleetBrake;
    }
    let before = look.candidates().filter(|other| look.rank(other) < look.rank(vm)).count();
    match before as u32 {
        0 => Stays::WouldBeNext,
        before => Stays::OthersFirst { before },
    }
}
