//! The numbers and names that a text is made of, whatever its language.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::id::{DataSourceId, HostId, ModuleId, Object, ProjectId, VmId};
use model::signal::Severity;
use model::time::Time;
use model::topology::Topology;

use crate::act::lineage;
use crate::event::Repair;
use crate::finder::Finder;
use crate::health::{Trouble, health};
use crate::link::stands_on;
use crate::message::{MessageKind, RootState, View};
use crate::object;
use crate::state::{Incident, Member, State, Word};
use crate::tell::{Share, businesses_of};

/// From then on the cause and what it did to an owner have moments of their own.
const MUCH_LATER: Duration = Duration::from_secs(60);

/// All that one recipient's text says.
#[derive(Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) incident: &'a Incident,
    pub(crate) root: &'a Object,
    pub(crate) roots: Vec<&'a Object>,
    pub(crate) state: RootState,
    pub(crate) severity: Severity,
    pub(crate) suspected: bool,
    pub(crate) modules: Vec<ModuleLoss<'a>>,
    /// VMs that work for no module.
    pub(crate) pool: Vec<&'a str>,
    /// VMs that are in no inventory.
    pub(crate) unknown: Vec<&'a str>,
    pub(crate) objects: Vec<&'a Object>,
    pub(crate) businesses: BTreeSet<&'a ProjectId>,
    pub(crate) repairs: Vec<&'a Repair>,
    /// Since when the recipient is concerned.
    pub(crate) since: Time,
    /// Since when the root fails, if that is long before.
    pub(crate) root_since: Option<Time>,
    /// Of the root's own checks the worst that is bad; a module has also those of its VMs.
    pub(crate) complaint: Option<&'a Word>,
    /// How many of the VMs do not live; of the others it is what runs on them, or how well they do,
    /// that is wrong.
    pub(crate) dead: usize,
    /// What else is wrong with what a module stands on, if that is the root.
    pub(crate) beside: Vec<(Object, RootState)>,
    /// Data sources that run on the root: by them it takes what does not run on it itself.
    pub(crate) carried: Vec<&'a str>,
    /// VMs that still fail, but for another reason: those it had taken, and for an owner the others of
    /// his modules.
    pub(crate) elsewhere: Vec<&'a str>,
    /// Hosts that are the root or suffer with it, and how many VMs each still carries.
    pub(crate) hosts: Vec<(&'a HostId, usize)>,
}

/// What one module lost.
#[derive(Debug)]
pub(crate) struct ModuleLoss<'a> {
    pub(crate) id: &'a ModuleId,
    /// With its business: `shop/web`.
    pub(crate) label: Cow<'a, str>,
    pub(crate) vms: Vec<&'a str>,
    /// How many VMs it had when its trouble began.
    pub(crate) of: usize,
}

impl<'a> Facts<'a> {
    pub(crate) fn gather(
        topology: &'a Topology,
        state: &'a State,
        incident: &'a Incident,
        share: &Share<'a>,
        kind: MessageKind,
    ) -> Self {
        let told = told(state, incident, share, kind);
        let roots = roots(incident, &told);
        let vm_ids = || told.iter().filter_map(|(object, _)| object::vm(object));
        let idle = told.iter().filter(|(_, member)| member.module.is_none());
        let idle = idle.filter_map(|(object, member)| Some((object::vm(object)?, *member)));
        // One that has left the pool since was no stranger.
        let is_listed = |vm: &VmId| topology.vms.contains_key(vm) || state.gone.contains_key(vm);
        let is_unknown = |(vm, member): &(&VmId, &Member)| member.is_unknown && !is_listed(vm);
        let (unknown, pool): (Vec<_>, Vec<_>) = idle.partition(is_unknown);
        let names = |vms: Vec<(&'a VmId, _)>| vms.into_iter().map(|(vm, _)| vm.as_str()).collect();
        let root_since = incident.roots[roots[0]].since;
        let own = told.iter().map(|(_, member)| member.since).min().unwrap_or(root_since);
        let is_later = share.view == View::Owner && root_since + MUCH_LATER < own;
        Self {
            incident,
            root: roots[0],
            state: incident.root_state(),
            severity: incident.severity(),
            suspected: incident.roots[roots[0]].basis.is_suspicion(),
            modules: losses(topology, state, &told),
            pool: names(pool),
            unknown: names(unknown),
            businesses: businesses_of(topology, told.iter().map(|(_, member)| *member)),
            repairs: vm_ids().filter_map(|vm| state.repairs.get(vm)).collect(),
            since: if is_later { own } else { own.min(root_since) },
            root_since: is_later.then_some(root_since),
            dead: dead(state, &told),
            complaint: complaint(state, roots[0], &told),
            elsewhere: match kind {
                MessageKind::Resolved => elsewhere(state, incident, share, &told),
                MessageKind::Problem | MessageKind::Update => Vec::new(),
            },
            hosts: hosts(topology, incident, &told),
            beside: object::module(roots[0])
                .map_or_else(Vec::new, |module| beside(topology, state, module)),
            carried: carried(topology, incident, roots[0], share.view, &told),
            objects: told.into_iter().map(|(object, _)| object).collect(),
            roots,
        }
    }

    pub(crate) fn vm_count(&self) -> usize {
        let in_modules: usize = self.modules.iter().map(|module| module.vms.len()).sum();
        in_modules + self.pool.len() + self.unknown.len()
    }

    /// How long the slowest replacement took, if all that failed are replaced.
    pub(crate) fn all_replaced_in(&self) -> Option<Duration> {
        let took = self.repairs.iter().map(|repair| Some(repair.done_at?.since(repair.failed_at)));
        let took: Option<Vec<Duration>> = took.collect();
        took.filter(|took| took.len() == self.owned_vm_count())?.into_iter().max()
    }

    pub(crate) fn replaced_count(&self) -> usize {
        self.repairs.iter().filter(|repair| repair.done_at.is_some()).count()
    }

    /// VMs that work for a module: nobody replaces one that waits in a pool.
    pub(crate) fn owned_vm_count(&self) -> usize {
        self.modules.iter().map(|module| module.vms.len()).sum()
    }

    /// How long it lasted: until each thing was well, or something else did its work.
    pub(crate) fn lasted(&self) -> Duration {
        let end = |object: &&Object| {
            let well = self.incident.members.get(*object)?.well?;
            let vm = object::vm(object);
            let repair = self.repairs.iter().find(|repair| Some(&repair.vm) == vm);
            Some(repair.and_then(|repair| repair.done_at).map_or(well, |done| done.min(well)))
        };
        let ends = self.objects.iter().filter_map(end);
        let end = ends.chain(self.incident.back()).max();
        // The scaler may have seen a VM fail before a check was sure of it.
        let begin = self.repairs.iter().map(|repair| repair.failed_at).fold(self.since, Time::min);
        end.unwrap_or(begin).since(begin)
    }
}

/// `shop/web`, whether the module's own id already says its business or not.
pub(crate) fn label<'a>(topology: &Topology, module: &'a ModuleId) -> Cow<'a, str> {
    if module.as_str().contains('/') {
        return module.as_str().into();
    }
    match topology.modules.get(module) {
        Some(known) => format!("{}/{module}", known.project).into(),
        None => module.as_str().into(),
    }
}

/// In order, each once.
type Members<'a> = Vec<(&'a Object, &'a Member)>;

/// What a message is about: what suffers or was replaced; at the end all that suffered. Of what a
/// blind collector reports nothing is known.
fn told<'a>(
    state: &State,
    incident: &Incident,
    share: &Share<'a>,
    kind: MessageKind,
) -> Members<'a> {
    if incident.root_state() == RootState::Blind {
        return Members::new();
    }
    let is_told = |object: &Object, member: &Member| {
        let is_repaired = object::vm(object).is_some_and(|vm| state.repairs.contains_key(vm));
        let is_of_now = member.well.is_none() || is_repaired;
        !member.elsewhere && (is_of_now || kind == MessageKind::Resolved)
    };
    share.members.iter().copied().filter(|(object, member)| is_told(object, member)).collect()
}

fn complaint<'a>(state: &'a State, root: &Object, told: &Members) -> Option<&'a Word> {
    let worst = |object: &Object| {
        let words = state.words.get(object).into_iter().flatten();
        words.filter(|word| !word.is_good()).max_by_key(|word| word.last_severity)
    };
    let is_module = matches!(root, Object::Module(_));
    let mut members = told.iter().filter(|_| is_module);
    worst(root).or_else(|| members.find_map(|(object, _)| worst(object)))
}

/// What still fails at the end: nothing is whole of which a part fails for another reason.
fn elsewhere<'a>(
    state: &'a State,
    incident: &Incident,
    share: &Share<'a>,
    told: &Members<'a>,
) -> Vec<&'a str> {
    let went = || share.members.iter().filter(|(_, member)| member.elsewhere);
    if share.view == View::Operations && went().next().is_none() {
        return Vec::new();
    }
    let apart = apart(state, incident);
    let fails = |object: &&Object| apart.contains_key(object) || is_sick(state, object);
    let modules = told.iter().filter_map(|(_, member)| member.module.as_ref());
    let modules: BTreeSet<_> = modules.filter(|_| share.view == View::Owner).collect();
    let is_of = |member: &Member| member.module.as_ref().is_some_and(|id| modules.contains(id));
    let of_modules = apart.iter().filter(|(_, member)| is_of(member));
    let went = went().map(|(object, _)| *object).filter(fails);
    let vms: BTreeSet<&Object> = went.chain(of_modules.map(|(object, _)| *object)).collect();
    vms.into_iter().filter_map(object::vm).map(VmId::as_str).collect()
}

/// What suffers under the other incidents that owners are told of.
fn apart<'a>(state: &'a State, incident: &Incident) -> BTreeMap<&'a Object, &'a Member> {
    let is_told = |other: &&Incident| {
        other.number != incident.number
            && !matches!(other.root_state(), RootState::Nodata | RootState::Blind)
    };
    let others = state.incidents.values().filter(is_told);
    others.flat_map(Incident::suffering).filter(|(_, member)| !member.elsewhere).collect()
}

fn is_sick(state: &State, object: &Object) -> bool {
    state.words.get(object).is_some_and(|words| health(object, words).is_some())
}

/// How many VMs do not live. One of which nothing was heard is down by deduction, or is gone.
fn dead(state: &State, told: &Members) -> usize {
    let mut words = Finder::new(&state.words);
    let mut lives = |vm: &Object| {
        let health = words.get(vm).and_then(|words| health(vm, words));
        health.is_some_and(|health| health.trouble < Trouble::Dead)
    };
    let vms = told.iter().map(|(object, _)| *object).filter(|object| object::vm(object).is_some());
    vms.filter(|vm| !lives(vm)).count()
}

/// The roots as far as they concern the recipient, never none.
fn roots<'a>(incident: &'a Incident, told: &Members<'a>) -> Vec<&'a Object> {
    let all = || incident.roots.keys();
    let is_told = |root: &&Object| told.binary_search_by_key(root, |(object, _)| object).is_ok();
    let own: Vec<&Object> = all().filter(is_told).collect();
    if own.is_empty() { all().collect() } else { own }
}

/// The data sources that the root took along: all for operations, for an owner those that his own
/// things use that do not run on the root themselves.
fn carried<'a>(
    topology: &Topology,
    incident: &'a Incident,
    root: &Object,
    view: View,
    told: &Members,
) -> Vec<&'a str> {
    let sources = incident.members.keys().filter_map(|object| {
        let Object::DataSource(id) = object else { return None };
        (object != root && stands_on(topology, object, root)).then_some(id)
    });
    let mut sources: Vec<&DataSourceId> = sources.collect();
    if view == View::Owner && !sources.is_empty() {
        let users = told.iter().filter(|(object, _)| !stands_on(topology, object, root));
        let users: BTreeSet<_> = users.filter_map(|(_, member)| member.module.as_ref()).collect();
        let uses = |source: &DataSourceId| {
            let mut users = users.iter().filter_map(|module| topology.modules.get(*module));
            users.any(|module| module.uses.contains(source))
        };
        sources.retain(|source| uses(source));
    }
    sources.into_iter().map(DataSourceId::as_str).collect()
}

/// The trouble of the VMs, hosts, switches and data sources of a module, whether it counts or not: but
/// for the application that fails on its VMs, which is the module's own.
fn beside(topology: &Topology, state: &State, module: &ModuleId) -> Vec<(Object, RootState)> {
    let vms = topology.vms_of(module).cloned().map(Object::Vm);
    let uses = topology.modules.get(module).into_iter().flat_map(|module| &module.uses);
    let ground = vms.chain(uses.cloned().map(Object::DataSource));
    let ground: BTreeSet<Object> = ground.flat_map(|object| lineage(topology, &object)).collect();
    let trouble = |object: Object| {
        let health = health(&object, state.words.get(&object)?)?;
        let is_own = matches!(object, Object::Module(_) | Object::Project(_));
        let counts = !is_own && health.trouble != Trouble::App;
        counts.then(|| (object.clone(), health.root_state(&object)))
    };
    ground.into_iter().filter_map(trouble).collect()
}

fn losses<'a>(topology: &'a Topology, state: &'a State, told: &Members<'a>) -> Vec<ModuleLoss<'a>> {
    let mut vms: BTreeMap<&ModuleId, Vec<&str>> = BTreeMap::new();
    for (object, member) in told {
        if let Some(module) = &member.module {
            let of_module = vms.entry(module).or_default();
            of_module.extend(object::vm(object).map(VmId::as_str));
        }
    }
    let mut sizes = Finder::new(&state.module_sizes);
    let losses = vms.into_iter().map(|(id, vms)| {
        let of = sizes.get(id).copied().unwrap_or_default().max(vms.len());
        ModuleLoss { id, label: label(topology, id), vms, of }
    });
    losses.collect()
}

fn hosts<'a>(
    topology: &'a Topology,
    incident: &'a Incident,
    told: &Members<'a>,
) -> Vec<(&'a HostId, usize)> {
    let candidates = incident.roots.keys().chain(told.iter().map(|(object, _)| *object));
    let hosts: BTreeSet<&HostId> = candidates.filter_map(object::host).collect();
    hosts.into_iter().map(|host| (host, topology.vms_on(host).count())).collect()
}
