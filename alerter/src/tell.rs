//! Who is told what of one incident, and when.
//!
//! Owners are told of what they own, operations of all but the software's own faults. Each gets
//! one message per occasion: the problem, what makes it worse, the end. Whoever was told of a
//! problem is told of its end, once; nobody else is.

use std::collections::{BTreeMap, BTreeSet};

use model::id::{ModuleId, Object, PersonId, ProjectId};
use model::signal::Severity;
use model::time::Time;
use model::topology::Topology;

use crate::act;
use crate::escalate::Party;
use crate::message::{MessageKind, RootState, View};
use crate::object;
use crate::objects::Objects;
use crate::settings::Settings;
use crate::state::{Call, Incident, Member, Root, State, Told};
use crate::timer::Timer;

/// An incident as far as it concerns one recipient.
#[derive(Debug)]
pub(crate) struct Share<'a> {
    pub(crate) view: View,
    /// Whatever suffers or suffered, in order and each once.
    pub(crate) members: Vec<(&'a Object, &'a Member)>,
    /// The businesses that the recipient answers for, if it is an owner, be it beside operations.
    projects: BTreeSet<&'a ProjectId>,
    /// The schedules that put the recipient here.
    schedules: BTreeSet<&'a PersonId>,
    /// It concerns the recipient now; else the end is owed and nothing more.
    is_present: bool,
}

/// One message that is to be formed, or was.
#[derive(Clone, Debug)]
pub(crate) struct Word {
    pub(crate) kind: MessageKind,
    pub(crate) call: Option<Call>,
    pub(crate) parties: BTreeSet<Party>,
    /// What it tells of.
    pub(crate) members: Objects,
}

/// Everybody whom it concerns, and whoever was told of it.
pub(crate) fn shares<'a>(
    settings: &'a Settings,
    topology: &'a Topology,
    incident: &'a Incident,
) -> BTreeMap<PersonId, Share<'a>> {
    let (mut shares, mut owned) = (BTreeMap::new(), BTreeMap::new());
    let operations = settings.present_operations();
    for (object, member) in &incident.members {
        let Some((project, names)) = owners(topology, object, member) else { continue };
        for name in names {
            let owners = settings.people_of(name);
            let (both, owners): (Vec<_>, Vec<_>) = owners.partition(|o| operations.contains(o));
            for owner in both {
                owned.entry(owner).or_insert_with(BTreeSet::new).insert(project);
            }
            let is_heard = |owner: &&PersonId| incident.is_heard(object, owner, View::Owner);
            for owner in owners.into_iter().filter(is_heard) {
                let share = share_of(&mut shares, owner);
                share.put(project, object, member);
                share.come(settings, name);
            }
        }
    }
    for name in &settings.operations {
        for person in settings.people_of(name) {
            let share =
                shares.entry(person.clone()).or_insert_with(|| for_operations(incident, person));
            share.projects.extend(owned.remove(person).into_iter().flatten());
            share.come(settings, name);
        }
    }
    for (person, told) in &incident.told {
        // Whoever has read of it for somebody does so to its end.
        let is_known = |share: &Share| told.parties.is_subset(&share.parties());
        if !shares.get(person).is_some_and(is_known) {
            let known = of_parties(topology, incident, person, &told.parties);
            shares.entry(person.clone()).or_insert_with(empty).take_in(known);
        }
    }
    shares
}

/// The incident as it concerns these parties, for somebody who is no part of them now.
pub(crate) fn of_parties<'a>(
    topology: &'a Topology,
    incident: &'a Incident,
    person: &PersonId,
    parties: &BTreeSet<Party>,
) -> Share<'a> {
    if parties.contains(&Party::Operations) {
        return for_operations(incident, person);
    }
    let mut share = empty();
    let is_heard = |object: &Object| incident.is_heard(object, person, View::Owner);
    for (object, member) in incident.members.iter().filter(|(object, _)| is_heard(object)) {
        let Some((project, _)) = owners(topology, object, member) else { continue };
        if parties.contains(&Party::Project(project.clone())) {
            share.put(project, object, member);
        }
    }
    share
}

/// Most of the time it is there already: no name is copied then.
fn share_of<'s, 'a>(
    shares: &'s mut BTreeMap<PersonId, Share<'a>>,
    person: &PersonId,
) -> &'s mut Share<'a> {
    if !shares.contains_key(person) {
        shares.insert(person.clone(), empty());
    }
    shares.get_mut(person).expect("it was put in just now")
}

impl<'a> Share<'a> {
    /// For whom the recipient is told.
    pub(crate) fn parties(&self) -> BTreeSet<Party> {
        match self.view {
            View::Operations => BTreeSet::from([Party::Operations]),
            View::Owner => self.projects.iter().map(|id| Party::Project((*id).clone())).collect(),
        }
    }

    /// It is this as well.
    pub(crate) fn take_in(&mut self, other: Self) {
        if other.view == View::Operations {
            self.view = View::Operations;
        }
        self.members.extend(other.members);
        self.members.sort_unstable_by_key(|(object, _)| *object);
        self.members.dedup_by_key(|(object, _)| *object);
        self.projects.extend(other.projects);
    }

    /// One member more, the next in order; it may come again for another reason.
    fn put(&mut self, project: &'a ProjectId, object: &'a Object, member: &'a Member) {
        if self.members.last().is_none_or(|(last, _)| *last != object) {
            self.members.push((object, member));
        }
        if !self.projects.contains(project) {
            self.projects.insert(project);
        }
    }

    /// It concerns the recipient, by the name that was written: a person or a schedule.
    fn come(&mut self, settings: &'a Settings, name: &'a PersonId) {
        self.is_present = true;
        if settings.on_duty.contains_key(name) {
            self.schedules.insert(name);
        }
    }
}

/// The business that suffers with a member.
pub(crate) fn project_of<'a>(topology: &'a Topology, member: &Member) -> Option<&'a ProjectId> {
    let module = member.module.as_ref()?;
    topology.modules.get(module).map(|module| &module.project)
}

/// The businesses that suffer with these members: many VMs are of few modules.
pub(crate) fn businesses_of<'a>(
    topology: &'a Topology,
    members: impl Iterator<Item = &'a Member>,
) -> BTreeSet<&'a ProjectId> {
    let modules: BTreeSet<&ModuleId> =
        members.filter_map(|member| member.module.as_ref()).collect();
    let known = modules.into_iter().filter_map(|module| topology.modules.get(module));
    known.map(|module| &module.project).collect()
}

/// What this recipient is to be told now, if anything.
pub(crate) fn occasion(
    settings: &Settings,
    topology: &Topology,
    state: &State,
    incident: &Incident,
    person: &PersonId,
    share: &Share,
    timer: &mut Timer,
) -> Option<MessageKind> {
    let case = Case { settings, state, incident, share };
    let snooze = incident.snoozes.get(person);
    let is_over = snooze.is_some_and(|snooze| timer.reached(snooze.until));
    let snooze = snooze.filter(|_| !is_over);
    match incident.told.get(person) {
        None if !case.is_concerned(topology) => None,
        None if snooze.is_some_and(|s| !case.is_worse(&s.roots, s.severity, s.state)) => None,
        None => case.first(timer),
        Some(told) if told.ended && !share.is_present => None,
        Some(told) if told.ended => {
            let is_put_off = snooze.is_some() && !case.is_worse_than(told);
            if is_put_off { None } else { case.again(told, timer) }
        }
        Some(told) => match case.well_since(told) {
            Some(since) => {
                timer.reached(since + settings.resolve_hold).then_some(MessageKind::Resolved)
            }
            None if !share.is_present => None,
            None if is_over => Some(further(incident, told)),
            None => case.update(told, snooze.is_some(), timer),
        },
    }
}

/// What a message on this share tells of: what suffers now.
pub(crate) fn tells_of(share: &Share) -> Objects {
    let suffering = share.members.iter().filter(|(_, member)| member.well.is_none());
    suffering.map(|(object, _)| (*object).clone()).collect()
}

/// Whether the recipient has come on duty in the middle of it, by which schedule.
pub(crate) fn relief(
    settings: &Settings,
    incident: &Incident,
    person: &PersonId,
    share: &Share,
) -> Option<Call> {
    let is_new = !incident.told.contains_key(person) && incident.was_told();
    let mut schedules = share.schedules.iter().filter(|_| is_new);
    let came = |name: &&&PersonId| settings.on_duty[**name].since > incident.opened;
    schedules.find(came).map(|name| Call::OnDuty((*name).clone()))
}

/// Whoever was told of an incident that was merged into this one meets a new number.
pub(crate) fn further(incident: &Incident, told: &Told) -> MessageKind {
    let is_known = told.heard_of.contains(&incident.number);
    if is_known { MessageKind::Update } else { MessageKind::Problem }
}

/// Notes what was told.
pub(crate) fn note(incident: &mut Incident, person: &PersonId, word: Word, now: Time) {
    let (state, severity) = (incident.root_state(), incident.severity());
    // The only root is named as the reason, silenced or not.
    let is_named =
        |root: &&Object| incident.roots.len() == 1 || !incident.silenced.contains_key(*root);
    let roots: BTreeSet<Object> = incident.roots.keys().filter(is_named).cloned().collect();
    act::note_over(incident, person, now);
    let told = incident.told.entry(person.clone()).or_insert_with(|| Told {
        known_as: incident.number,
        heard_of: BTreeSet::new(),
        messages: 0,
        last_at: now,
        roots: BTreeSet::new(),
        state,
        severity,
        members: Objects::default(),
        ended: false,
        parties: BTreeSet::new(),
        call: None,
    });
    told.known_as = incident.number;
    told.heard_of.insert(incident.number);
    told.messages += 1;
    told.last_at = now;
    told.state = state;
    told.severity = told.severity.max(severity);
    told.roots = roots;
    told.members.take_in(word.members);
    told.ended = word.kind == MessageKind::Resolved;
    told.parties.extend(word.parties);
    told.call = word.call;
}

struct Case<'a> {
    settings: &'a Settings,
    state: &'a State,
    incident: &'a Incident,
    share: &'a Share<'a>,
}

impl Case<'_> {
    fn is_concerned(&self, topology: &Topology) -> bool {
        match self.share.view {
            View::Operations => concerns_operations(topology, self.incident, self.share),
            View::Owner => {
                !matches!(self.incident.root_state(), RootState::Nodata | RootState::Blind)
            }
        }
    }

    fn first(&self, timer: &mut Timer) -> Option<MessageKind> {
        let members = self.share.members.iter();
        let suffering = members.filter(|(object, member)| self.matters(object, member));
        let first = suffering.map(|(_, member)| member.since).min();
        let is_operations = self.share.view == View::Operations;
        let root = self.incident.audible_bad_roots().map(|(_, root)| root.since).max();
        let root = root.filter(|_| is_operations); // What it was before need not concern them.
        let since = first.max(root)?;
        // Whoever comes to suffer later waits for company of his own.
        let own_due = since + self.settings.group_wait;
        let is_late = self.incident.was_told();
        let due = if is_late { self.incident.due.max(own_due) } else { self.incident.due };
        timer.reached(due).then_some(MessageKind::Problem)
    }

    /// A VM that failed and was replaced has cost something, even if it is gone by now.
    fn matters(&self, object: &Object, member: &Member) -> bool {
        let is_repaired = object::vm(object).is_some_and(|vm| self.state.repairs.contains_key(vm));
        !member.elsewhere && (member.well.is_none() || is_repaired)
    }

    /// The end was told, and it suffers once more.
    fn again(&self, told: &Told, timer: &mut Timer) -> Option<MessageKind> {
        let own = self.suffering().map(|(_, member)| member.since).min();
        let of_root = self.incident.audible_bad_roots().map(|(_, root)| root.since).min();
        let of_root = of_root.filter(|_| self.share.view == View::Operations);
        let since = own.into_iter().chain(of_root).min()?;
        timer.reached(since + self.settings.group_wait).then(|| further(self.incident, told))
    }

    fn update(&self, told: &Told, is_snoozed: bool, timer: &mut Timer) -> Option<MessageKind> {
        let is_at_work = is_snoozed
            || (self.share.view == View::Operations && self.incident.taken_by(told).is_some());
        let is_due = self.is_worse_than(told)
            || (has_grown(self.incident, self.share, told)
                && !is_at_work
                && timer.reached(told.last_at + self.settings.update_interval));
        is_due.then(|| further(self.incident, told))
    }

    fn is_worse_than(&self, told: &Told) -> bool {
        self.is_worse(&told.roots, told.severity, told.state)
    }

    /// Whether it is worse than it was: another root, a higher severity, or unstable.
    fn is_worse(&self, roots: &BTreeSet<Object>, severity: Severity, state: RootState) -> bool {
        let is_unstable = self.incident.root_state() == RootState::Flapping;
        let began_to_flap = is_unstable && state != RootState::Flapping;
        let mut audible = self.incident.audible_roots();
        let is_over = self.incident.back().is_some();
        let is_bad = |root: &Root| is_over || root.back.is_none();
        audible.any(|(object, root)| {
            !roots.contains(object) || (is_bad(root) && root.severity > severity) || began_to_flap
        })
    }

    /// Since when all is well that concerns the recipient.
    fn well_since(&self, told: &Told) -> Option<Time> {
        let mut well = match self.share.view {
            View::Operations => self.back(told)?,
            View::Owner => self.incident.opened,
        };
        for (_, member) in self.share.members.iter().filter(|(_, member)| !member.elsewhere) {
            well = well.max(member.well?);
        }
        Some(well)
    }

    /// When the last root came back of those that are not silenced or were told of.
    fn back(&self, told: &Told) -> Option<Time> {
        let silenced = &self.incident.silenced;
        let is_heard = |root: &Object| !silenced.contains_key(root) || told.roots.contains(root);
        let heard = self.incident.roots.iter().filter(|(object, _)| is_heard(object));
        let back: Option<Vec<Time>> = heard.map(|(_, root)| root.back).collect();
        Some(back?.into_iter().max().unwrap_or(self.incident.opened))
    }

    fn suffering(&self) -> impl Iterator<Item = (&Object, &Member)> {
        suffering(self.share)
    }
}

/// Whether more suffers than the recipient was told. Of what a blind collector cannot see, no list
/// is given, so none can have grown.
pub(crate) fn has_grown(incident: &Incident, share: &Share, told: &Told) -> bool {
    incident.root_state() != RootState::Blind
        && !told.members.has_all(suffering(share).map(|(object, _)| object))
}

fn suffering<'a>(share: &'a Share) -> impl Iterator<Item = (&'a Object, &'a Member)> {
    let suffering = share.members.iter().filter(|(_, member)| member.well.is_none());
    suffering.map(|(object, member)| (*object, *member))
}

/// Operations cannot repair the software; but what nobody owns is theirs, and so is what they own.
pub(crate) fn concerns_operations(topology: &Topology, incident: &Incident, share: &Share) -> bool {
    incident.roots.keys().any(|root| {
        let Object::Module(id) = root else { return true };
        let Some(module) = topology.modules.get(id) else { return true };
        let project = topology.projects.get(&module.project);
        share.projects.contains(&module.project)
            || project.is_none_or(|project| project.owners.is_empty())
    })
}

/// The business of a member, and the people and schedules that own it.
fn owners<'a>(
    topology: &'a Topology,
    object: &Object,
    member: &Member,
) -> Option<(&'a ProjectId, &'a BTreeSet<PersonId>)> {
    let is_owned = matches!(object, Object::Vm(_) | Object::Module(_));
    let project = project_of(topology, member).filter(|_| is_owned)?;
    Some((project, &topology.projects.get(project)?.owners))
}

fn empty<'a>() -> Share<'a> {
    Share {
        view: View::Owner,
        members: Vec::new(),
        projects: BTreeSet::new(),
        schedules: BTreeSet::new(),
        is_present: false,
    }
}

/// All of it.
pub(crate) fn whole(incident: &Incident) -> Share<'_> {
    let members = incident.members.iter().collect();
    Share { members, view: View::Operations, ..empty() }
}

/// What this person of operations hears of.
fn for_operations<'a>(incident: &'a Incident, person: &PersonId) -> Share<'a> {
    let is_heard = |object: &Object| incident.is_heard(object, person, View::Operations);
    let members = incident.members.iter().filter(|(object, _)| is_heard(object)).collect();
    Share { members, view: View::Operations, ..empty() }
}
