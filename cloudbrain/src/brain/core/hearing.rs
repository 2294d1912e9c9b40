//! What the brain makes of each thing it hears: what is remembered, what that says of us who look, and
//! what the alerter is told. Each says whether it calls for a turn at once.

use std::collections::BTreeSet;

use collector::findings::Subject;
use collector::look::{Answer, Look};
use collector::passive::AgentError;
use collector::poller::Sensed;
use collector::posted::Alert;
use model::id::{CheckId, ModuleId, Object, SourceId, VmId};
use model::sample::Frame;
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::verdict::{Outcome, Phase, ProbeTarget, Verdict};
use model::vm::VmState;
use scaler::facts::ProviderFact;
use scaler::hands::{RouterReport, Sighting};
use store::Change;

use crate::brain::active::Word as ActiveWord;
use crate::brain::discover::Found;
use crate::brain::eye::News;
use crate::brain::fail::fail_point;
use crate::brain::senses::{
    PROVIDER, STATUS_PAGE, channel_name, list_name, probe_name, router_name, server_name,
};
use crate::brain::zabbix::{Round, Word};
use crate::brain::{record, targets};
use crate::chinese;
use crate::config::vantages::brain;

use super::{Core, Heard, accounting, settings};

impl Core {
    /// Takes in one event. Returns whether it calls for a turn before the next tick is due.
    pub fn hear(&mut self, heard: Heard, now: Time) -> bool {
        match heard {
            Heard::Sensed(sensed) => self.sensed(sensed, now),
            Heard::Active(ActiveWord::Frame(frame)) => {
                let is_new = self.active.insert(frame.target.clone(), false) != Some(false);
                self.frame(&frame, now) || is_new
            }
            Heard::Active(ActiveWord::Silent { object, at, error }) => {
                self.fell_silent(object, at, error, now)
            }
            Heard::Provider { begun, seen: Ok(sighting) } => self.sighted(sighting, begun, now),
            Heard::Provider { seen: Err(error), .. } => {
                self.senses.provider_silent();
                self.senses.noted(PROVIDER, now, false);
                self.senses.fault(PROVIDER.to_owned(), &error, now);
                false
            }
            Heard::Router { name, report, trouble } => self.routed(&name, report, trouble, now),
            Heard::StepDone { vm, kind, outcome } => {
                let config = &self.config.scaler;
                scaler::steps::absorb(config, &mut self.scaler, &vm, kind, outcome, now);
                true
            }
            Heard::Vantage { name, batch, reply } => {
                let taken = self.delivered(&name, batch, now);
                let _ = reply.send(taken); // Whoever posted may have gone away.
                true
            }
            Heard::Zabbix(word) => self.zabbix(*word, now),
            Heard::Found(found) => {
                self.found(found, now);
                true
            }
            Heard::Posted(alerts) => {
                self.posted(alerts, now);
                true
            }
            Heard::Foreseen(forecasts) => {
                self.foreseen(forecasts, now);
                false
            }
            Heard::Budgets(budgets) => {
                self.budgeted(budgets, now);
                false
            }
            Heard::Mails(mails) => {
                self.told_reports.extend(mails.series);
                self.pending.messages.extend(mails.messages);
                true
            }
            Heard::Answered(answers) => self.answered(answers, now),
            Heard::Channel(signal) => {
                let remedy = "try it with: cloudbrain channels test NAME --to PERSON";
                self.way_out(signal, remedy, now)
            }
            Heard::Heartbeat(signal) => {
                let remedy =
                    "see heartbeat in cloudbrain.yaml: whoever waits for it will raise the alarm";
                self.way_out(signal, remedy, now)
            }
            Heard::StatusPage(Ok(())) => {
                self.senses.no_fault(STATUS_PAGE);
                false
            }
            Heard::StatusPage(Err(why)) => {
                let remedy = "see status_page in cloudbrain.yaml: its folder must be writable";
                self.senses.misconfigured(STATUS_PAGE, &why, remedy, now);
                false
            }
            Heard::Acknowledged(acknowledged) => {
                self.acknowledge(acknowledged, now);
                true
            }
            Heard::Act(wanted) => {
                self.act(*wanted, now);
                true
            }
            Heard::Recovery(word) => {
                self.recover(&word, now);
                true
            }
            Heard::StandsIn(said) => {
                self.stand_in(said, now);
                true
            }
            Heard::Config(config) => {
                self.plan_due = None;
                self.time_due = None;
                let on_duty = std::mem::take(&mut self.settings.on_duty);
                self.settings = settings(&config);
                self.accounting = accounting(&config);
                self.config = config;
                self.senses.facts.answers.clear();
                self.discovered.watches = targets::exporters(&self.config, &self.discovered);
                self.config_error = None;
                self.follow_files(now);
                self.follow_schedules(&on_duty, now);
                self.follow_rules(now);
                self.posted.learn_anew(&self.config.raw);
                self.surveyor.start_over();
                self.vantages.follow(&self.config, now);
                self.judge_anew(now);
                self.note("config", "new files are in force", now);
                true
            }
            Heard::BadConfig(error) => {
                self.note("config", &format!("new files are refused: {error}"), now);
                self.config_error = Some(error);
                false
            }
        }
    }

    /// Others found something. First what their labels say of the fleet, then what is wrong in it.
    fn posted(&mut self, alerts: Vec<Alert>, now: Time) {
        let taken = self.posted.take(&self.config.raw, alerts, now);
        if taken.refused > 0 {
            let refused = taken.refused;
            tracing::error!(refused, "too many alerts are open: new ones are refused");
            self.note("alerts", &format!("{refused} alerts refused: too many are open"), now);
        }
        self.learn(&taken.topology, now);
        self.label(&taken.signals, now);
        self.signals(taken.signals, now);
    }

    /// Alerts that their senders repeat no more are over, and forgotten later.
    pub(super) fn expire_posted(&mut self, now: Time) {
        let is_needed = |object: &Object| self.alerter.is_part(object);
        let expired = self.posted.expire(is_needed, now);
        if expired.is_forgotten {
            self.posted.learn_anew(&self.config.raw);
            self.surveyor.start_over();
        }
        self.signals(expired.signals, now);
    }

    fn sensed(&mut self, sensed: Sensed, now: Time) -> bool {
        match sensed {
            Sensed::Frame(frame) => {
                let readings = frame.values.iter().map(|(name, value)| (name.as_str(), *value));
                self.rows.add(&frame.target, &self.topology, frame.at, readings);
                self.frame(&frame, now)
            }
            Sensed::Split { object, row } => {
                self.rows.add_split(&object, &self.topology, &row);
                false
            }
            Sensed::AgentFault { object, at, error } => {
                let silent = error.is_silence();
                let news = self.saw(&object, !silent, now);
                self.senses.looked(&object.to_string(), at, !silent);
                if silent && self.eye.is_blind() {
                    return news;
                }
                self.senses.agent_fault(&object, at, &error);
                let signals = self.reach.on_agent(&object, at, Err(&error));
                self.signals(signals, now) || news
            }
            Sensed::Blind { object, at, reason } => {
                self.senses.looked(&object.to_string(), at, false);
                self.senses.blind(object.to_string(), &reason, at);
                false
            }
            Sensed::Verdict(verdict) => self.verdict(&verdict, now),
            Sensed::Ready { ready: Some(false), .. } if self.eye.is_blind() => false,
            Sensed::Looked { name, subject, look } => {
                self.looked(&name, subject.as_ref(), &look, now)
            }
            Sensed::Canary { address, at, answered } => {
                let news = self.eye.on_canary(&address.to_string(), answered, at);
                self.looked_up(news, now)
            }
            Sensed::Lag { at, worst } => {
                let signal = self.eye.on_lag(at, worst);
                self.signals(signal, now)
            }
            Sensed::Ready { ready: None, vm, at, detail, .. } => {
                self.senses.fault(format!("readiness of {vm}"), &detail, at);
                false
            }
            Sensed::Ready { vm, assignment, at, ready: Some(ready), .. } => {
                self.senses.ready(&vm, assignment, at, ready);
                self.scaler.vms.get(&vm).is_some_and(|vm| vm.state == VmState::Deploying)
            }
        }
    }

    /// An agent told its figures.
    fn frame(&mut self, frame: &Frame, now: Time) -> bool {
        let news = self.is_first_word(&frame.target) | self.saw(&frame.target, true, now);
        self.senses.frame(frame, now);
        let signals = self.reach.on_agent(&frame.target, frame.at, Ok(()));
        self.signals(signals, now) || news
    }

    /// An agent that came by itself comes no more. It is asked again, where it has an address; from
    /// then on the poll alone says whether it is there.
    fn fell_silent(&mut self, object: Object, at: Time, error: AgentError, now: Time) -> bool {
        self.active.insert(object.clone(), true);
        let is_polled = self.targets.agents.iter().any(|agent| agent.object == object);
        !is_polled && self.sensed(Sensed::AgentFault { object, at, error }, now)
    }

    /// An agent was asked: what does that say about our own eyes?
    fn saw(&mut self, object: &Object, answered: bool, now: Time) -> bool {
        let news = self.eye.on_object(object, &self.topology, answered, now);
        self.looked_up(news, now)
    }

    /// Whoever finds himself blind has been so since the first silence: nothing that followed from
    /// it may stand.
    fn looked_up(&mut self, news: News, now: Time) -> bool {
        if let Some(since) = news.blind_since {
            self.blind_ledgers(since, now);
            self.senses.unsee();
            self.blind_until = now;
        }
        self.signals(news.signal, now)
    }

    /// A data source, a check or an exporter was looked at.
    fn looked(&mut self, name: &str, subject: Option<&Subject>, look: &Look, now: Time) -> bool {
        let is_silence = matches!(
            look.answer,
            Answer::Down { phase: Phase::Dns | Phase::Connect, .. } | Answer::Blind { .. }
        );
        let news = self.eye.on_target(name, name, !is_silence, look.at);
        let news = self.looked_up(news, now);
        self.senses.looked(name, look.at, !is_silence);
        let is_unpublished = matches!(
            subject.map(|subject| &subject.object),
            Some(Object::Module(module)) if !self.is_published(module)
        );
        if is_unpublished || (is_silence && self.eye.is_blind()) {
            return news;
        }
        match &look.answer {
            Answer::Up => self.senses.no_fault(name),
            Answer::Down { phase, hint } => {
                self.senses.fault(name.to_owned(), &format!("{phase}: {hint}"), look.at);
            }
            Answer::Misconfigured { what, remedy } => {
                self.senses.misconfigured(name, what, remedy, look.at);
            }
            Answer::Blind { reason } => {
                self.senses.blind(name.to_owned(), reason, look.at);
            }
        }
        self.senses.refusals(name, look);
        let Some(subject) = subject else { return news };
        if let Object::Module(module) = &subject.object {
            self.measured_by_check(module, name, look);
        }
        let signals = self.findings.on_look(subject, look.at, &look.answer);
        self.signals(signals, now) || news
    }

    /// A VM that boots and is heard for the first time is worth a turn.
    fn is_first_word(&self, target: &Object) -> bool {
        let Object::Vm(vm) = target else { return false };
        self.scaler.vms.get(vm).is_some_and(|vm| vm.state == VmState::Booting)
    }

    fn verdict(&mut self, verdict: &Verdict, now: Time) -> bool {
        let is_silence = matches!(
            verdict.outcome,
            Outcome::Unhealthy { phase: Phase::Dns | Phase::Connect, .. } | Outcome::Blind { .. }
        );
        let name = probe_name(&verdict.target);
        self.senses.looked(&name, verdict.at, !is_silence);
        if !self.is_published(verdict.target.module()) || (is_silence && self.eye.is_blind()) {
            return false;
        }
        self.senses.verdict(verdict);
        self.rows.probed(verdict, &self.topology);
        match &verdict.target {
            ProbeTarget::Domain { module, .. } => self.measured_by_domain(module, verdict),
            ProbeTarget::Vm { module, .. } => self.measured_by_vm(module, verdict),
        }
        let signals = self.reach.on_verdict(verdict);
        let signals = self.agreed(&brain(), signals);
        self.signals(signals, now)
    }

    /// A module of ours that has not served yet fails its probes and checks as it must. One that we only watch
    /// counts from the first look.
    fn is_published(&self, module: &ModuleId) -> bool {
        self.ledgers.contains_key(module) || !self.config.scaler.policies.contains_key(module)
    }

    pub(super) fn signals(&mut self, signals: impl IntoIterator<Item = Signal>, now: Time) -> bool {
        let mut news = false;
        for signal in signals {
            self.note_host(&signal);
            let event = match chinese::is_own(&signal) {
                true => alerter::Event::Rule(Box::new(chinese::said(signal))),
                false => alerter::Event::Signal(signal),
            };
            self.alert(event, now);
            news = true;
        }
        news
    }

    fn note_host(&mut self, signal: &Signal) {
        let Object::Host(host) = &signal.object else { return };
        if signal.check.as_str() != "host.ping" {
            return;
        }
        let down = &mut self.senses.facts.hosts_down;
        match signal.state {
            SignalState::Problem(_) | SignalState::Silent => drop(down.insert(host.clone())),
            SignalState::Ok => drop(down.remove(host)),
        }
    }

    fn sighted(&mut self, sighting: Sighting, begun: Time, now: Time) -> bool {
        self.senses.noted(PROVIDER, now, true);
        self.senses.no_fault(PROVIDER);
        let before = self.senses.facts.provider.take();
        self.senses.provider(sighting, begun);
        self.hosts_by_provider(before.as_ref(), now);
        let after = self.senses.facts.provider.as_ref();
        before.map(|before| before.vms) != after.map(|after| after.vms.clone())
    }

    /// What the provider says of its hosts, where it is news: guests may go on for a while on a host
    /// that it calls down.
    fn hosts_by_provider(&mut self, before: Option<&ProviderFact>, now: Time) {
        let none = BTreeSet::new();
        let down = self.senses.facts.provider.as_ref().map(|provider| &provider.hosts_down);
        let (was, is) = (before.map_or(&none, |before| &before.hosts_down), down.unwrap_or(&none));
        let news: Vec<_> =
            was.symmetric_difference(is).map(|host| (host.clone(), is.contains(host))).collect();
        let signals = news.into_iter().map(|(host, is_down)| Signal {
            source: SourceId::parse("provider").expect("it is a name"),
            check: CheckId::parse("host.provider").expect("it is a name"),
            object: Object::Host(host),
            state: if is_down { SignalState::Problem(Severity::High) } else { SignalState::Ok },
            at: now,
            via: None,
            text: if is_down {
                "its provider says that it is down".to_owned()
            } else {
                String::new()
            },
        });
        let signals: Vec<Signal> = signals.collect();
        self.signals(signals, now);
    }

    fn routed(
        &mut self,
        name: &str,
        report: Result<RouterReport, String>,
        trouble: Option<String>,
        now: Time,
    ) -> bool {
        let target = router_name(name);
        self.senses.noted(&target, now, report.is_ok());
        match (report.as_ref().err(), trouble) {
            (Some(error), _) => self.senses.fault(target, error, now),
            (None, Some(trouble)) => self.senses.fault(target, &trouble, now),
            (None, None) => self.senses.no_fault(&target),
        }
        let Ok(report) = report else { return false };
        let newest = self.scaler.routing_stamp();
        let draining = self.draining();
        let (acknowledged, busy) = (self.senses.facts.acknowledged(), self.busy(&draining));
        if self.senses.facts.routers.get(name).is_some_and(|router| router.waived) {
            self.note("router", &format!("router {name} is heard again: its word counts"), now);
        }
        self.senses.router(name, report, newest, now);
        let is_acknowledged = self.senses.facts.acknowledged() != acknowledged;
        if is_acknowledged {
            fail_point!("acknowledged");
        }
        is_acknowledged || self.busy(&draining) != busy
    }

    /// Gives up waiting for the word of routers that were silent for as long as their files say that
    /// traffic is led elsewhere by then.
    pub(super) fn waive_routers(&mut self, now: Time) {
        let config = self.config.clone();
        let routers = config.raw.routers.iter();
        for (router, after) in routers.filter_map(|r| Some((r.name(), r.waive_after()?))) {
            if self.senses.waive_router(router, after.0, now) {
                let text = format!(
                    "router {router} was not heard for {after}; its acknowledgement is waived, as its \
                     file says that no traffic comes to it by now"
                );
                tracing::warn!(router, "acknowledgement waived");
                self.note("router", &text, now);
            }
        }
    }

    /// The VMs that are out, or about to be, and finish what they have begun.
    fn draining(&self) -> Vec<VmId> {
        let vms = self.scaler.vms.values();
        vms.filter(|vm| vm.state == VmState::Draining).map(|vm| vm.id.clone()).collect()
    }

    /// How many of them are not known to be idle: one less is news, since it can be stopped.
    fn busy(&self, draining: &[VmId]) -> usize {
        draining.iter().filter(|vm| self.senses.facts.in_flight(vm) != Some(0)).count()
    }

    fn zabbix(&mut self, word: Word, now: Time) -> bool {
        if let Some(round) = word.round {
            self.zabbix_round(&word.server, *round, now);
        }
        let memory = word.memory.map(|(room, json)| Change::Memory { room, json });
        self.pending.changes.extend(memory);
        let is_news = word.topology.is_some();
        if let Some(topology) = word.topology {
            self.servers.insert(word.server, topology);
            self.surveyor.start_over();
            self.place(now);
        }
        self.signals(word.signals, now) || is_news
    }

    /// What its task did was done, or broken off by a fault.
    fn zabbix_round(&mut self, server: &str, round: Round, now: Time) {
        let name = server_name(server);
        self.senses.looked(&name, now, round.fault.is_none());
        match &round.fault {
            None => self.senses.no_fault(&name),
            // Whatever it watches may be well: it is we who do not see it.
            Some(fault) => self.senses.misconfigured(&name, &fault.what, fault.remedy, now),
        }
        self.senses.zabbix.insert(server.to_owned(), round.stats);
    }

    /// A channel or a heartbeat does not get through, or does again.
    fn way_out(&mut self, signal: Signal, remedy: &str, now: Time) -> bool {
        let name = channel_name(signal.object.name());
        match signal.state {
            SignalState::Ok => self.senses.no_fault(&name),
            SignalState::Problem(_) | SignalState::Silent => {
                self.senses.misconfigured(&name, &signal.text, remedy, signal.at);
            }
        }
        self.signals([signal], now)
    }

    fn found(&mut self, found: Found, now: Time) {
        let name = list_name(&found.list);
        self.senses.noted(&name, now, found.troubles.is_empty());
        match found.troubles.is_empty() {
            true => self.senses.no_fault(&name),
            false => self.senses.fault(name, &found.troubles.join("; "), now),
        }
        self.discovered.lists.insert(found.list.clone(), found.endpoints);
        self.discovered.brakes.insert(found.list, found.brake);
        self.discovered.watches = targets::exporters(&self.config, &self.discovered);
        if let Ok(json) = serde_json::to_string(&self.discovered.brakes) {
            self.pending.changes.push(Change::Memory { room: record::DISCOVERY.to_owned(), json });
        }
    }
}
