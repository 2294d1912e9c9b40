//! The rooms joined, without any IO: what happened goes in, what to record and to do comes out.
//!
//! [`Core::hear`] takes in one event, [`Core::turn`] looks at everything once and gives back the
//! rows of one transaction and the effects that may follow once it is durable. The loop around it
//! ([`super::run`]) has no `if` that belongs here, so tests and benches run the whole brain
//! without a socket or a disk.

mod acting;
mod aiming;
pub(super) mod answering;
mod approving;
mod beside;
mod blindness;
pub(super) mod budgeting;
mod foreseeing;
mod hearing;
mod holding;
mod judging;
mod measuring;
mod placing;
mod recovering;
mod relieving;
mod timing;
mod vantages;
mod waiting;
mod warning;
pub(super) mod withdrawing;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use alerter::message::Message;
use alerter::{Action, EscalationStep, IncidentSummary, Party};
use availability::{Accounting, Latencies, Ledger, Rounds};
use collector::active::Directory;
use collector::findings::Findings;
use collector::poller::{Sensed, Targets};
use collector::posted::Alert;
use collector::prometheus::discovery::{Brake, Endpoint};
use collector::prometheus::http::TlsRoots;
use collector::reach::Reach;
use collector::watch::WatchSpec;
use model::id::{IncidentId, ModuleId, Object, PersonId, VantageId, VmId};
use model::metric;
use model::series::{ABSENT, Row};
use model::signal::Signal;
use model::time::Time;
use model::topology::Topology;
use model::vm::{Vm, VmState};
use scaler::facts::Forecast;
use scaler::hands::{RouterReport, Routing, Sighting};
use scaler::policy::Aggregate;
use scaler::reason::Decision;
use scaler::steps::{Step, StepKind, StepOutcome};
use store::{Change, IncidentRow, JournalRow};
use tokio::sync::oneshot;

use crate::config::Config;
use crate::config::vantages::brain;

use crate::rules::engine::Book;
use crate::vantage::wire::{Batch, Taken};

pub use self::recovering::RecoveryWord;
pub use self::relieving::StandIn;
use super::active::Word as ActiveWord;
use super::acts::labels::LabelSilences;
use super::acts::{Outcome, Wanted};
use super::asker::{Answer, Asked};
use super::budgets::Watched;
use super::discover::{Found, ListName};
use super::duty::{self, Duty, Said};
use super::eye::{self, Eye};
use super::mailing::{self, Mails, Told};
use super::place::Surveyor;
use super::posted::Posted;
use super::record::{self, Stored};
use super::rows::Rows;
use super::senses::Senses;
use super::targets;
use super::vantages::{Vantages, Words};
use super::zabbix::Word;
use withdrawing::Withdrawn;

/// One thing that happened outside.
#[derive(Debug)]
pub enum Heard {
    Sensed(Sensed),
    /// An agent came by itself, or came no more.
    Active(ActiveWord),
    Provider {
        /// When the list was begun: what was made since is not in it.
        begun: Time,
        seen: Result<Sighting, String>,
    },
    Router {
        name: String,
        report: Result<RouterReport, String>,
        /// Why it does not follow the wanted routing, if it refuses it.
        trouble: Option<String>,
    },
    StepDone {
        vm: VmId,
        kind: StepKind,
        outcome: StepOutcome,
    },
    /// A Zabbix server told something.
    Zabbix(Box<Word>),
    /// A vantage told what it saw.
    Vantage {
        name: VantageId,
        batch: Batch,
        reply: oneshot::Sender<Option<Taken>>,
    },
    /// A list of exporters says something new.
    Found(Found),
    /// Alerts that others found.
    Posted(Vec<Alert>),
    /// What the questions of rules and policies came to.
    Answered(Vec<Answer>),
    /// How the promises about modules stand.
    Budgets(BTreeMap<ModuleId, Watched>),
    /// What modules are likely to need.
    Foreseen(BTreeMap<ModuleId, Forecast>),
    /// Reports are to go out.
    Mails(Mails),
    /// A channel does not deliver, or delivers again.
    Channel(Signal),
    /// A heartbeat is not accepted, or is again.
    Heartbeat(Signal),
    /// The public status page was written, or why not.
    StatusPage(Result<(), String>),
    /// Somebody works on it.
    Acknowledged(Acknowledged),
    /// Somebody wants something put off, silenced, worked on, or ended early.
    Act(Box<Wanted>),
    /// Somebody says that the record is old, or is as it should be.
    Recovery(RecoveryWord),
    /// Somebody stands in for whoever would be on duty.
    StandsIn(Said),
    /// New files are in force.
    Config(Arc<Config>),
    /// New files were refused; the last good ones stay in force.
    BadConfig(String),
}

/// Somebody has taken an incident on.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Acknowledgement {
    pub by: PersonId,
    #[serde(default)]
    pub text: String,
}

/// An acknowledgement, and what its incident is about: the sources are told, too.
#[derive(Clone, Debug, PartialEq)]
pub struct Acknowledged {
    pub incident: IncidentId,
    pub word: Acknowledgement,
    pub objects: BTreeSet<Object>,
}

/// What a turn wants recorded and done. The effects may begin once the changes are durable.
#[derive(Debug, Default)]
pub struct Turn {
    pub changes: Vec<Change>,
    pub routing: Option<Routing>,
    pub steps: Vec<Step>,
    pub messages: Vec<Message>,
    pub targets: Option<Arc<Targets>>,
    pub directory: Option<Arc<Directory>>,
    /// What is asked of the samples from now on.
    pub questions: Option<Arc<Vec<Asked>>>,
    pub rows: Vec<Row>,
    pub decisions: Vec<Decision>,
    pub acknowledged: Vec<Acknowledged>,
    /// What people asked for, and what came of it.
    pub replies: Vec<(oneshot::Sender<Outcome>, Outcome)>,
    /// Another brain has taken over: nothing of this turn may be recorded or done.
    pub superseded: Option<String>,
}

/// One point of a module's chart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at: Time,
    pub load: Option<f64>,
    pub serving: u32,
}

/// How long the charts reach back, and how many points that may be at most.
pub const CHART_SPAN: Duration = Duration::from_secs(3600);
const MAX_POINTS: usize = 3600;
/// For so long the load of a VM is shown, if no policy says otherwise.
const PLAIN_LOAD_HOLDS: Duration = Duration::from_secs(45);
/// The metrics of a module.
pub const SERVING: &str = "cloudbrain_module_serving_vms";
pub const DESIRED: &str = "cloudbrain_module_desired_vms";
pub const LOAD: &str = "cloudbrain_module_load";

/// The whole brain but its hands and senses.
#[derive(Debug)]
pub struct Core {
    pub config: Arc<Config>,
    pub scaler: scaler::state::State,
    pub alerter: alerter::State,
    pub settings: alerter::Settings,
    pub ledgers: BTreeMap<ModuleId, Ledger>,
    /// When which of these were in no file.
    pub withdrawn: Withdrawn,
    /// When which of these were not measured by their domain, so that vantages did not look at them.
    pub not_by_domain: Withdrawn,
    pub latencies: Latencies,
    /// How the probes are accounted for; checks have a pace of their own.
    pub accounting: Accounting,
    /// What the VMs of modules say together, where they measure one.
    rounds_of_vms: BTreeMap<ModuleId, Rounds>,
    pub topology: Topology,
    pub senses: Senses,
    pub series: BTreeMap<ModuleId, VecDeque<Point>>,
    pub recent: VecDeque<Decision>,
    /// Incidents that ended lately, newest last, beside the open ones.
    pub closed: VecDeque<IncidentSummary>,
    pub config_error: Option<String>,
    pub started: Time,
    surveyor: Surveyor,
    reach: Reach,
    findings: Findings,
    discovered: Discovered,
    /// What Zabbix servers know of, by server.
    servers: BTreeMap<String, Topology>,
    pub posted: Posted,
    rows: Rows,
    /// What the rules remember.
    pub book: Book,
    /// Who stands in for whom.
    pub duty: Duty,
    pub eye: Eye,
    /// What is seen from elsewhere.
    pub vantages: Vantages,
    /// Those that look just now, ourselves among them.
    pub looking: BTreeSet<VantageId>,
    /// What they say of modules, for alarms.
    words: Words,
    /// Of which vantages it was told that they do not look; asked of the alerter if None.
    told_of_vantages: Option<BTreeSet<Object>>,
    /// How the promises about modules stand.
    pub budgets: BTreeMap<ModuleId, Watched>,
    /// Of which modules the journal says that their budget is used up.
    noted_spent: BTreeSet<ModuleId>,
    /// Of which periods reports were mailed.
    pub told_reports: Told,
    /// Up to here the present blindness is in the accounts.
    blind_until: Time,
    /// The probes before it are settled, and dropped from the store; not known yet if None.
    probes_from: Option<Time>,
    /// Whose ledgers heard something since they were stored; that time passes they know by themselves.
    heard: BTreeSet<ModuleId>,
    /// Ledgers are in the store where they used to be.
    ledgers_are_together: bool,
    /// The last blip of each ledger that is in the store.
    blips_kept: BTreeMap<ModuleId, Time>,
    stored: Stored,
    targets: Arc<Targets>,
    /// The targets were derived at least once.
    has_aimed: bool,
    /// The routers were told of a routing since the start.
    has_routed: bool,
    /// It was told that the record is older than the world.
    is_recovering: bool,
    /// Whose agents come by themselves, and whether they are silent.
    active: BTreeMap<Object, bool>,
    directory: Arc<Directory>,
    label_silences: LabelSilences,
    /// When the windows of the files are to be looked at anew; at once if not yet.
    plan_due: Option<Time>,
    said_of_pools: warning::Said,
    written_waits: waiting::Written,
    /// Of which modules it was told that their load is unknown; asked of the alerter if None.
    told_blind: Option<BTreeSet<Object>>,
    /// When the schedules of the policies are handed over again; at once if None.
    time_due: Option<Time>,
    pending: Turn,
}

/// What a former brain left behind.
#[derive(Debug, Default)]
pub struct Inheritance {
    pub scaler: scaler::state::State,
    pub alerter: alerter::State,
    pub ledgers: BTreeMap<ModuleId, Ledger>,
    pub latencies: Latencies,
    /// The ledgers were in one room, as they used to be.
    pub ledgers_are_together: bool,
    /// When which of their modules were in no file.
    pub withdrawn: Withdrawn,
    /// When which of them were not measured by their domain.
    pub not_by_domain: Withdrawn,
    pub posted: Posted,
    pub vantages: Vantages,
    pub stored: Stored,
    pub recent: Vec<Decision>,
    pub closed: Vec<IncidentSummary>,
    pub discovered: Discovered,
    pub book: Book,
    pub duty: Duty,
    /// Of which modules the journal says that their budget is used up.
    pub noted_spent: BTreeSet<ModuleId>,
    /// Of which periods reports were mailed.
    pub told_reports: Told,
    pub series: BTreeMap<ModuleId, VecDeque<Point>>,
    /// Whose agents came by themselves.
    pub active: BTreeSet<Object>,
}

/// Looks in a row that must fail before anybody is told.
pub(super) const MISSES: u32 = 2;
/// The exporters that there are, by list, and what was believed of each list last.
#[derive(Debug, Default)]
pub struct Discovered {
    pub lists: BTreeMap<ListName, Vec<Endpoint>>,
    pub brakes: BTreeMap<ListName, Brake>,
    /// Whose certificates are trusted.
    pub roots: Option<TlsRoots>,
    /// What follows from the lists.
    pub watches: Vec<Arc<WatchSpec>>,
}

/// How many decisions and ended incidents the pages show without asking the store.
const RECENT: usize = 200;

impl Core {
    pub fn new(config: Arc<Config>, inheritance: Inheritance, now: Time) -> Self {
        let mut core = Self {
            settings: settings(&config),
            accounting: accounting(&config),
            scaler: inheritance.scaler,
            alerter: inheritance.alerter,
            ledgers: inheritance.ledgers,
            latencies: inheritance.latencies,
            rounds_of_vms: BTreeMap::new(),
            topology: Topology::default(),
            senses: Senses::default(),
            series: inheritance.series,
            recent: inheritance.recent.into(),
            closed: inheritance.closed.into(),
            config_error: None,
            started: now,
            surveyor: Surveyor::default(),
            reach: Reach::new(MISSES, Some(eye::collector())),
            findings: Findings::new(Some(eye::collector())),
            discovered: inheritance.discovered,
            servers: BTreeMap::new(),
            posted: inheritance.posted,
            rows: Rows::default(),
            book: inheritance.book,
            duty: inheritance.duty,
            eye: Eye::new(&config),
            vantages: inheritance.vantages,
            looking: [brain()].into(),
            words: Words::default(),
            told_of_vantages: None,
            budgets: BTreeMap::new(),
            noted_spent: inheritance.noted_spent,
            told_reports: inheritance.told_reports,
            blind_until: now,
            probes_from: None,
            heard: BTreeSet::new(),
            blips_kept: BTreeMap::new(),
            ledgers_are_together: inheritance.ledgers_are_together,
            stored: inheritance.stored,
            targets: Arc::default(),
            has_aimed: false,
            has_routed: false,
            withdrawn: inheritance.withdrawn,
            not_by_domain: inheritance.not_by_domain,
            is_recovering: false,
            active: inheritance.active.into_iter().map(|object| (object, false)).collect(),
            directory: Arc::default(),
            label_silences: LabelSilences::default(),
            plan_due: None,
            said_of_pools: warning::Said::new(),
            written_waits: waiting::Written::new(),
            told_blind: None,
            time_due: None,
            pending: Turn::default(),
            config,
        };
        // That nobody looked meanwhile is to be remembered.
        core.heard = core.ledgers.keys().cloned().collect();
        core.follow_files(now);
        core.is_recovering = core.scaler.memory.recovery.is_some();
        for router in &core.config.raw.routers {
            core.senses.expect_router(router.name(), now);
        }
        core.discovered.watches = targets::exporters(&core.config, &core.discovered);
        core.posted.learn_anew(&core.config.raw);
        core.vantages.follow(&core.config, now);
        core.label_silences = LabelSilences::of(core.alerter.silences());
        core.surveyor.start_over();
        core.place(now);
        core.follow_schedules(&BTreeMap::new(), now);
        core.follow_rules(now);
        core
    }

    /// Who may take on which incident: the people of the files, and what is open.
    pub fn acknowledged(
        &self,
        incident: &IncidentId,
        word: Acknowledgement,
    ) -> Result<Acknowledged, String> {
        if !self.config.raw.people.contains_key(&word.by) {
            let people: Vec<&str> = self.config.raw.people.keys().map(PersonId::as_str).collect();
            let people = people.join(", ");
            return Err(format!("nobody is called {:?}; known are {people}", word.by.as_str()));
        }
        let open = alerter::incidents(&self.settings, &self.topology, &self.alerter);
        let Some(found) = open.iter().find(|open| open.id == *incident) else {
            return Err(format!("no incident {incident} is open"));
        };
        let objects = found.affected.iter().chain(&found.more_roots).chain([&found.root]);
        let objects = objects.cloned().collect();
        Ok(Acknowledged { incident: incident.clone(), word, objects })
    }

    fn acknowledge(&mut self, acknowledged: Acknowledged, now: Time) {
        let Acknowledged { incident, word, .. } = &acknowledged;
        let (incident, by, text) = (incident.clone(), word.by.clone(), word.text.clone());
        self.pending.changes.push(Change::Journal(JournalRow {
            at: now,
            who: by.to_string(),
            what: "acknowledge".to_owned(),
            object: None,
            text: format!("incident {incident}: {text}"),
        }));
        self.alert(alerter::Event::Acknowledged { incident, by, text }, now);
        self.pending.acknowledged.push(acknowledged);
    }

    fn note(&mut self, what: &str, text: &str, now: Time) {
        self.pending.changes.push(Change::Journal(JournalRow {
            at: now,
            who: "cloudbrain".to_owned(),
            what: what.to_owned(),
            object: None,
            text: text.to_owned(),
        }));
    }

    fn alert(&mut self, event: alerter::Event, now: Time) {
        self.prompt(now);
        self.step(event, now);
    }

    fn step(&mut self, event: alerter::Event, now: Time) {
        let topology = &self.topology;
        let actions = alerter::step(&self.settings, topology, &mut self.alerter, event, now);
        let (mut messages, mut is_new) = (Vec::new(), false);
        for action in actions {
            is_new |= matches!(action, Action::Opened(_));
            match action {
                Action::Tell(message) => messages.push(message),
                Action::Noted(note) => self.pending.changes.push(record::note(&note)),
                Action::Opened(summary) | Action::Changed(summary) => self.incident(&summary),
                Action::AcknowledgementBroken { incident, broken } => {
                    let (by, why) = (&broken.by, &broken.why.en);
                    let text = format!("incident {incident}: {by} had acknowledged it, but {why}");
                    self.note("acknowledgement broken", &text, now);
                }
                Action::Closed(summary) => {
                    self.incident(&summary);
                    self.closed.push_back(summary);
                    while self.closed.len() > RECENT {
                        self.closed.pop_front();
                    }
                }
            }
        }
        if is_new && !messages.is_empty() {
            messages = self.complete(messages, now);
        }
        self.pending.messages.extend(messages);
    }

    fn incident(&mut self, summary: &IncidentSummary) {
        self.pending.changes.push(Change::Incident(IncidentRow {
            id: summary.id.clone(),
            opened: summary.opened,
            closed: summary.closed,
            root: summary.root.clone(),
            body: serde_json::to_string(summary).unwrap_or_default(),
        }));
    }

    /// A message that could not be delivered, as it would be now.
    pub fn renew(&mut self, message: &Message, now: Time) -> Option<Message> {
        alerter::deliver::renew(&self.settings, &self.topology, &mut self.alerter, message, now)
    }

    /// Looks at everything once.
    pub fn turn(&mut self, now: Time) -> Turn {
        self.waive_routers(now);
        self.senses.age(&self.scaler.vms, now);
        self.expire_posted(now);
        self.plan(now);
        if let Err(why) = self.look_for_later_brains(now) {
            return Turn { superseded: Some(why), ..Turn::default() };
        }
        self.keep_time(now);
        self.senses.facts.follow(now);
        let facts = &self.senses.facts;
        let outcome = scaler::tick::tick(&self.config.scaler, &mut self.scaler, facts, now);
        self.follow_recovery(now);
        self.place(now);
        self.tell_of_blindness(now);
        self.watch_vantages(now);
        self.relieve(now);
        for repair in outcome.repairs {
            self.alert(alerter::Event::Repaired(repair_of(repair)), now);
        }
        if alerter::wake_at(&self.alerter).is_some_and(|at| at <= now) {
            self.alert(alerter::Event::Tick, now);
        }
        self.watch_pools(now);
        self.write_waits(now);
        self.account(now);
        self.chart(now);
        self.remember(&outcome.decisions);
        let steps = scaler::steps::issue(&mut self.scaler, now);
        let mut turn = std::mem::take(&mut self.pending);
        turn.changes
            .extend(outcome.decisions.iter().map(record::decision_row).map(Change::Decision));
        turn.changes.extend(self.stored.catch_up(&mut self.scaler, now));
        turn.changes.extend(self.stored.alerter(&mut self.alerter));
        turn.changes.extend(self.posted.take_changes().into_iter().map(record::room));
        turn.changes.extend(self.changed_ledgers());
        let elsewhere = self.vantages.take_changes();
        turn.changes.extend(elsewhere.rooms.into_iter().map(record::room));
        turn.changes.extend(elsewhere.transitions);
        turn.changes.extend(self.stored.room(record::LATENCY, &self.latencies.settled_until()));
        turn.changes.extend(self.rooms_of_rules());
        turn.changes.extend(self.stored.old_notes(now));
        turn.changes.extend(self.stored.room(duty::ROOM, &self.duty.said()));
        turn.changes.extend(self.stored.room(mailing::ROOM, &self.told_reports));
        turn.changes.extend(self.stored.room(withdrawing::ROOM, &self.withdrawn));
        let apart = self.stored.room(withdrawing::ROOM_NOT_BY_DOMAIN, &self.not_by_domain);
        turn.changes.extend(apart);
        turn.changes.extend(self.stored.room(budgeting::ROOM, &self.noted_spent));
        turn.routing = outcome.routing.or_else(|| self.first_routing());
        self.has_routed |= turn.routing.is_some();
        turn.steps = steps;
        turn.decisions = outcome.decisions;
        turn.rows = self.rows.take();
        turn.directory = self.direct();
        turn.targets = self.aim(now);
        turn
    }

    /// The routing as it was left, once it is known that the routers do not follow a later one.
    fn first_routing(&self) -> Option<Routing> {
        let is_due = !self.has_routed && self.scaler.sight.is_current;
        is_due.then(|| self.scaler.routing())
    }

    /// When a turn is due even if nothing is heard; at the latest a tick from now.
    pub fn wake_at(&self, now: Time) -> Time {
        let tick = now + self.config.raw.tick.0;
        let timers = [alerter::wake_at(&self.alerter), self.posted.next(), self.duty.next()];
        timers.into_iter().flatten().min().map_or(tick, |at| at.clamp(now, tick))
    }

    fn account(&mut self, now: Time) {
        self.publish(now);
        if self.eye.is_blind() {
            let since = std::mem::replace(&mut self.blind_until, now);
            self.blind_ledgers(since, now);
        }
        self.settle_answers(now);
        self.close_rounds(now);
        for (module, ledger) in &mut self.ledgers {
            ledger.tick(&self.accounting, now);
            for interval in ledger.take_transitions() {
                self.heard.insert(module.clone());
                self.pending.changes.push(record::transition(None, module, interval));
            }
        }
    }

    /// The account of a module that we run begins when it serves for the first time: before that
    /// there is nothing that could be up or down.
    fn publish(&mut self, now: Time) {
        let mut new = BTreeSet::new();
        for vm in self.scaler.vms.values().filter(|vm| vm.state == VmState::Serving) {
            let Some(module) = &vm.module else { continue };
            let acknowledged = self.senses.facts.acknowledged() >= vm.route_generation;
            let is_new = self.indicators(module).is_some() && !self.ledgers.contains_key(module);
            if acknowledged && is_new {
                new.insert(module.clone());
            }
        }
        for module in new {
            self.ledgers.insert(module.clone(), Ledger::new(now));
            self.follow_domain(&module, now);
            self.heard.insert(module);
        }
    }

    /// Adds a point to each module's chart, and keeps it as a sample of the module.
    fn chart(&mut self, now: Time) {
        for (module, memory) in &self.scaler.memory.modules {
            let (load, serving) = self.reading(module, now);
            let points = self.series.entry(module.clone()).or_default();
            if points.back().is_some_and(|last| now.since(last.at) < Duration::from_millis(900)) {
                continue;
            }
            points.push_back(Point { at: now, load, serving });
            let old = now - CHART_SPAN;
            while points.len() > MAX_POINTS || points.front().is_some_and(|point| point.at < old) {
                points.pop_front();
            }
            let load = load.unwrap_or(ABSENT); // The series goes on; it has no value just now.
            let readings =
                [(SERVING, f64::from(serving)), (DESIRED, f64::from(memory.desired)), (LOAD, load)];
            self.rows.add(&Object::Module(module.clone()), &self.topology, now, readings);
        }
    }

    /// The load over the VMs that serve, as its policy reads it, and their number.
    pub fn reading(&self, module: &ModuleId, now: Time) -> (Option<f64>, u32) {
        let vms = self.topology.vms_of(module).filter_map(|id| self.scaler.vms.get(id));
        let serving: Vec<_> = vms.filter(|vm| vm.state == VmState::Serving).collect();
        let policy = self.config.scaler.policies.get(module);
        let load = match policy.and_then(|policy| Some((policy, policy.metrics.first()?))) {
            Some((policy, metric)) => {
                scaler::decide::load(policy, metric, &serving, &self.senses.facts, now)
            }
            None => self.plain_load(&serving, now),
        };
        (load, serving.len() as u32)
    }

    /// The mean load of a module that no policy scales by load.
    fn plain_load(&self, serving: &[&Vm], now: Time) -> Option<f64> {
        let fresh = serving.iter().filter_map(|vm| {
            let sample = self.senses.facts.samples.get(&vm.id)?.get(metric::LOAD1_PER_CORE)?;
            (now.since(sample.at) <= PLAIN_LOAD_HOLDS).then_some(sample.value)
        });
        Aggregate::Mean.of(&fresh.collect::<Vec<f64>>())
    }

    fn remember(&mut self, decisions: &[Decision]) {
        self.recent.extend(decisions.iter().cloned());
        while self.recent.len() > RECENT {
            self.recent.pop_front();
        }
    }

    /// The incidents that are open, and those that ended lately, newest first.
    pub fn incidents(&self) -> Vec<IncidentSummary> {
        let mut all = alerter::incidents(&self.settings, &self.topology, &self.alerter);
        all.reverse();
        all.extend(self.closed.iter().rev().cloned());
        all
    }
}

fn repair_of(repair: scaler::state::Repair) -> alerter::Repair {
    alerter::Repair {
        vm: repair.failed,
        module: repair.module,
        replaced_by: repair.replaced_by,
        failed_at: repair.failed_at,
        done_at: repair.done_at,
    }
}

/// What a channel may name of an outage; see `docs/channels.md`.
const MOST_NAMED: usize = 100;

fn settings(config: &Config) -> alerter::Settings {
    let waits = &config.raw.alerter;
    let people = config.raw.people.iter().map(|(id, person)| (id.clone(), person.language));
    alerter::Settings {
        group_wait: waits.group_wait.0,
        child_wait: waits.child_wait.0,
        update_interval: waits.update_interval.0,
        resolve_hold: waits.resolve_hold.0,
        recovery_grace: waits.recovery_grace.0,
        new_vm_grace: waits.new_vm_grace.0,
        people: people.collect(),
        zone: config.raw.timezone.parse().unwrap_or_default(), // The check has found it.
        operations: config.raw.operations.iter().cloned().collect(),
        escalation: escalation(config),
        most_named: MOST_NAMED,
        ..alerter::Settings::default()
    }
}

fn escalation(config: &Config) -> BTreeMap<Party, Vec<EscalationStep>> {
    let projects = config.projects.iter();
    let projects =
        projects.map(|(id, project)| (Party::Project(id.clone()), project.escalation.clone()));
    let operations = (Party::Operations, config.escalation.clone());
    projects.chain([operations]).filter(|(_, steps)| !steps.is_empty()).collect()
}

fn accounting(config: &Config) -> Accounting {
    let rules = &config.raw.availability;
    Accounting {
        confirm_down: rules.confirm_down,
        confirm_up: rules.confirm_up,
        ..Accounting::new(config.raw.collector.interval.0)
    }
}
