//! What the page of the capacity shows: what each flavor has, could still get, and for how long.

use model::id::{FlavorId, ModuleId};
use model::time::Time;
use serde::{Deserialize, Serialize};

/// All flavors that have a pool, and whether the fleet could be as large as its policies allow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CapacityView {
    pub at: Time,
    pub provider: Option<ProviderWord>,
    pub flavors: Vec<FlavorCapacity>,
    /// Who would lack VMs if all modules wanted their `max` at once; nobody if it is empty.
    pub starving: Vec<StarvingView>,
}

/// What the provider last said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderWord {
    pub name: String,
    /// None before its first list.
    pub at: Option<Time>,
    /// Why it does not answer, if so.
    pub error: Option<String>,
}

/// One flavor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FlavorCapacity {
    pub flavor: FlavorId,
    /// In every state.
    pub total: u32,
    pub max_total: u32,
    /// Given to modules.
    pub allocated: u32,
    /// So many allocated are a warning.
    pub warn_at: u32,
    pub ready: u32,
    pub wanted_ready: u32,
    pub being_made: u32,
    pub quarantined: u32,
    /// How many more could be made by all limits that are known, the tightest first.
    pub bounds: Vec<BoundView>,
    /// When a VM was made last.
    pub last_made: Option<Time>,
    /// When there was no room for one last, and what was said.
    pub last_shortage: Option<(Time, String)>,
    /// Why fewer VMs are ordered than are wanted, if so.
    pub waits: Option<String>,
    /// How long the history is that the trend was made of.
    pub history_days: f64,
    pub trend: Option<TrendView>,
}

/// One limit, and how many more VMs it lets through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoundView {
    pub limit: LimitView,
    pub more: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitView {
    /// `max_total` of the pool.
    Pool {
        total: u32,
        max_total: u32,
    },
    Quota {
        name: String,
        used: u64,
        limit: u64,
    },
    /// The room on hosts that live.
    Hosts,
}

/// How the number of allocated VMs changes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrendView {
    pub per_day: f64,
    /// The middle half of all slopes lies between these.
    pub low: f64,
    pub high: f64,
    /// Days until 80 % and 100 % of `max_total` work for modules.
    pub to_80: Days,
    pub to_100: Days,
}

/// When a line is reached: as likely earlier as later, and at the slopes of the band. None: never.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Days {
    pub likely: Option<f64>,
    pub soonest: Option<f64>,
    pub latest: Option<f64>,
}

/// A module that would not get all its VMs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarvingView {
    pub module: ModuleId,
    pub flavor: FlavorId,
    pub lacks: u32,
    pub by: LimitView,
}

impl FlavorCapacity {
    /// How many more could be made; None if no limit is known.
    pub fn creatable(&self) -> Option<u32> {
        self.bounds.first().map(|bound| bound.more)
    }

    pub fn is_low(&self) -> bool {
        self.allocated >= self.warn_at
    }

    /// A VM that is needed now could not be taken, and something keeps it from being made.
    pub fn is_dry(&self) -> bool {
        let is_stuck = self.being_made == 0 && self.waits.is_some();
        self.ready == 0 && (is_stuck || self.creatable() == Some(0))
    }
}

impl CapacityView {
    /// Nothing calls for somebody.
    pub fn is_well(&self) -> bool {
        self.starving.is_empty() && !self.flavors.iter().any(|one| one.is_low() || one.is_dry())
    }
}

impl std::fmt::Display for LimitView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Pool { total, max_total } => write!(f, "max_total {total} of {max_total}"),
            Self::Quota { name, used, limit } => write!(f, "quota {name} {used} of {limit}"),
            Self::Hosts => f.write_str("room on hosts"),
        }
    }
}
