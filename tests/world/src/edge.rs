//! The routers: what each really follows, and since when it lacks a VM.

use std::collections::BTreeMap;

use model::id::{ModuleId, VmId};
use model::time::Time;
use scaler::hands::Routing;

/// One router.
#[derive(Clone, Debug, Default)]
pub struct Edge {
    pub name: String,
    /// What it follows.
    pub routing: Routing,
    /// What it followed before, for a start with an old file.
    pub before: Routing,
    /// The newest it ever followed.
    pub newest: u64,
    /// A push is on its way to it.
    pub pushed: Option<u64>,
    /// When it last told the brain what it follows.
    pub reported: Time,
    pub restarted: Time,
    /// When a VM was taken out, and until when it still has requests under way.
    pub out: BTreeMap<VmId, Left>,
}

/// A VM that was taken out of a router.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    pub at: Time,
    pub busy_until: Time,
}

impl Edge {
    pub fn sends_to(&self, id: &VmId) -> bool {
        self.routing.modules.values().any(|route| route.upstreams.contains_key(id))
    }

    pub fn upstreams(&self, module: &ModuleId) -> impl Iterator<Item = &VmId> {
        self.routing.modules.get(module).into_iter().flat_map(|route| route.upstreams.keys())
    }

    /// Follows a newer routing; an older one is refused. Gives back who left.
    pub fn follow(&mut self, routing: Routing) -> Vec<VmId> {
        if routing.generation <= self.routing.generation {
            return Vec::new();
        }
        let before = std::mem::replace(&mut self.routing, routing);
        let left = all(&before).filter(|id| !self.sends_to(id)).cloned().collect();
        let back: Vec<VmId> = self.out.keys().filter(|id| self.sends_to(id)).cloned().collect();
        for id in back {
            self.out.remove(&id);
        }
        self.before = before;
        left
    }

    /// Is started again with the file from before.
    pub fn restart_with_old_file(&mut self, now: Time) {
        self.restarted = now;
        self.routing = self.before.clone();
        self.pushed = None;
    }
}

/// All VMs of a routing.
pub fn all(routing: &Routing) -> impl Iterator<Item = &VmId> {
    routing.modules.values().flat_map(|route| route.upstreams.keys())
}
