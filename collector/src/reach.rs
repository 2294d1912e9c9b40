//! Turns single looks into signals: who lives, whose agent is ill, which application is.
//!
//! One look that fails is not news; several in a row are. And one silence has many causes: an
//! agent that does not answer may be a dead VM, or a dead agent on a VM that serves happily. Where
//! there is a second witness, the direct probe of the VM's application, it is heard too:
//!
//! | agent | direct probe | said |
//! | --- | --- | --- |
//! | silent | none, or no connection | `vm.ping` high (`host.ping` disaster, for a host) |
//! | silent, or answers wrongly | anything that needs a living VM | `vm.agent` warning |
//! | not silent, or unknown | fails | `app.monitor` high |
//! | silent | connected, then failed | `app.monitor` high, beside `vm.agent` |
//!
//! A module's own probe gives `monitor.domain` high. What to make of all that together is the
//! alerter's business.
//!
//! A witness counts only if it looked after the silence began. A probe that does not look at all
//! any more is waited for no longer than as many looks again as make a silence.
//!
//! Pure. What was seen is forgotten at a restart and seen again by fresh looks. So the first good
//! look at anything gives an Ok too: it ends what may have been open from before.
//!
//! Invariants: nothing follows from a look that we failed to take; of each check of an object, bad
//! and good take turns.

use std::collections::BTreeMap;

use model::id::{CheckId, CollectorId, ModuleId, Object, SourceId, VmId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::verdict::{Outcome, Phase, ProbeTarget, Verdict};

use crate::passive::AgentError;

const DEFAULT_MISSES: u32 = 2;

/// What is known of everything that is looked at.
#[derive(Clone, Debug)]
pub struct Reach {
    misses: u32,
    via: Option<CollectorId>,
    agents: BTreeMap<Object, Run>,
    vm_probes: BTreeMap<VmId, Run>,
    domain_probes: BTreeMap<ModuleId, BTreeMap<String, Run>>,
    said: BTreeMap<(Object, Check), Said>,
}

/// Everything that is ever said something of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Check {
    HostPing,
    HostAgent,
    VmPing,
    VmAgent,
    AppMonitor,
    MonitorDomain,
}

/// What was said last of a check.
#[derive(Clone, Copy, Debug)]
struct Said {
    bad: bool,
    at: Time,
}

/// What a check has come to. Where it has come to nothing, what was said last still holds.
#[derive(Clone, Debug)]
enum Finding {
    Good,
    Bad(String),
}

/// The latest looks at one thing.
#[derive(Clone, Debug)]
struct Run {
    last: Word,
    at: Time,
    /// Looks in a row that were not good.
    misses: u32,
    /// Looks in a row that met silence.
    silences: u32,
    /// When those began.
    silent_since: Time,
    /// What went wrong last.
    detail: String,
}

/// What one look says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Good,
    /// Something answers there, but not as it should.
    Wrong,
    /// Nothing answers.
    Silent,
}

impl Default for Reach {
    /// Two misses in a row; no collector named.
    fn default() -> Self {
        Self::new(DEFAULT_MISSES, None)
    }
}

impl Reach {
    /// `misses` failed looks in a row are a problem; at least one. Signals say that they came
    /// through `via`.
    pub fn new(misses: u32, via: Option<CollectorId>) -> Self {
        Self {
            misses: misses.max(1),
            via,
            agents: BTreeMap::new(),
            vm_probes: BTreeMap::new(),
            domain_probes: BTreeMap::new(),
            said: BTreeMap::new(),
        }
    }

    /// The agent of a host or a VM was asked at `at`, and answered or did not. Nothing follows
    /// for other objects: they have no agent.
    pub fn on_agent(
        &mut self,
        object: &Object,
        at: Time,
        answer: Result<(), &AgentError>,
    ) -> Vec<Signal> {
        let heard = match answer {
            Ok(()) => (Word::Good, String::new()),
            Err(error) if error.is_silence() => (Word::Silent, error.to_string()),
            Err(error) => (Word::Wrong, error.to_string()),
        };
        hear(&mut self.agents, object, at, heard);
        let findings = match object {
            Object::Host(_) => self.judge_host(object),
            Object::Vm(vm) => self.judge_vm(vm),
            Object::Switch(_)
            | Object::Module(_)
            | Object::Project(_)
            | Object::DataSource(_)
            | Object::Collector(_)
            | Object::Channel(_)
            | Object::Pool(_)
            | Object::Vantage(_) => Vec::new(),
        };
        self.say(object, findings, at)
    }

    /// An application was probed. A blind probe says nothing.
    pub fn on_verdict(&mut self, verdict: &Verdict) -> Vec<Signal> {
        let Some(heard) = word_of(&verdict.outcome) else { return Vec::new() };
        let at = verdict.at;
        match &verdict.target {
            ProbeTarget::Vm { vm, .. } => {
                hear(&mut self.vm_probes, vm, at, heard);
                self.say(&Object::Vm(vm.clone()), self.judge_vm(vm), at)
            }
            ProbeTarget::Domain { module, domain } => {
                let probes = self.domain_probes.entry(module.clone()).or_default();
                hear(probes, domain, at, heard);
                let finding = domain_health(probes, self.misses);
                let findings = listed([(Check::MonitorDomain, finding)]);
                self.say(&Object::Module(module.clone()), findings, at)
            }
        }
    }

    /// Forgets all that is known of an object: it is looked at no longer.
    pub fn forget(&mut self, object: &Object) {
        self.agents.remove(object);
        if let Object::Vm(vm) = object {
            self.vm_probes.remove(vm);
        }
        if let Object::Module(module) = object {
            self.domain_probes.remove(module);
        }
        self.said.retain(|(of, _), _| of != object);
    }

    /// Forgets one probe, and what was said from it alone: it is taken no longer, though its VM or
    /// module lives on.
    pub fn forget_probe(&mut self, target: &ProbeTarget) {
        match target {
            ProbeTarget::Vm { vm, .. } => {
                self.vm_probes.remove(vm);
                self.said.remove(&(Object::Vm(vm.clone()), Check::AppMonitor));
            }
            ProbeTarget::Domain { module, domain } => {
                if let Some(probes) = self.domain_probes.get_mut(module) {
                    probes.remove(domain);
                }
                self.said.remove(&(Object::Module(module.clone()), Check::MonitorDomain));
            }
        }
    }

    fn judge_host(&self, object: &Object) -> Vec<(Check, Finding)> {
        let Some(agent) = self.agents.get(object) else { return Vec::new() };
        let life = match agent.last {
            Word::Good | Word::Wrong => Some(Finding::Good),
            Word::Silent => (agent.silences >= self.misses).then(|| agent.silence_of(object)),
        };
        let health = self.agent_health(object, agent, life.as_ref());
        listed([(Check::HostPing, life), (Check::HostAgent, health)])
    }

    fn judge_vm(&self, vm: &VmId) -> Vec<(Check, Finding)> {
        let object = Object::Vm(vm.clone());
        let (agent, probe) = (self.agents.get(&object), self.vm_probes.get(vm));
        let life = agent.and_then(|agent| self.vm_life(&object, agent, probe));
        let health = agent.and_then(|agent| self.agent_health(&object, agent, life.as_ref()));
        let app = probe.and_then(|probe| self.app_health(&object, agent, probe));
        listed([(Check::VmPing, life), (Check::VmAgent, health), (Check::AppMonitor, app)])
    }

    fn vm_life(&self, object: &Object, agent: &Run, probe: Option<&Run>) -> Option<Finding> {
        if agent.last != Word::Silent {
            return Some(Finding::Good);
        }
        if agent.silences < self.misses {
            return None;
        }
        let Some(probe) = probe else { return Some(agent.silence_of(object)) };
        let looked_since = probe.at >= agent.silent_since;
        match probe.last {
            Word::Good | Word::Wrong if looked_since => Some(Finding::Good),
            Word::Silent if looked_since => Some(agent.silence_of(object)),
            Word::Good | Word::Wrong | Word::Silent => {
                (agent.silences >= 2 * self.misses).then(|| agent.silence_of(object))
            }
        }
    }

    /// An agent can only be blamed where its machine is known to live.
    fn agent_health(
        &self,
        object: &Object,
        agent: &Run,
        life: Option<&Finding>,
    ) -> Option<Finding> {
        let lives = matches!(life, Some(Finding::Good));
        match agent.last {
            Word::Good => Some(Finding::Good),
            _ if !lives || agent.misses < self.misses => None,
            Word::Silent => {
                let name = object.name();
                let detail = &agent.detail;
                Some(Finding::Bad(format!(
                    "agent of {name} silent, though its application is there: {detail}"
                )))
            }
            Word::Wrong => {
                Some(Finding::Bad(format!("agent of {} fails: {}", object.name(), agent.detail)))
            }
        }
    }

    fn app_health(&self, object: &Object, agent: Option<&Run>, probe: &Run) -> Option<Finding> {
        // No connection proves nothing about an application whose VM may be dead, or was then.
        let vm_may_be_dead =
            agent.is_some_and(|agent| agent.last == Word::Silent || agent.at > probe.at);
        match probe.last {
            Word::Good => Some(Finding::Good),
            _ if probe.misses < self.misses => None,
            Word::Silent if vm_may_be_dead => None,
            Word::Silent | Word::Wrong => Some(Finding::Bad(format!(
                "application on {} fails at {}",
                object.name(),
                probe.detail
            ))),
        }
    }

    /// Gives a signal for each finding that is news.
    fn say(&mut self, object: &Object, findings: Vec<(Check, Finding)>, at: Time) -> Vec<Signal> {
        let mut signals = Vec::new();
        for (check, finding) in findings {
            let bad = matches!(finding, Finding::Bad(_));
            let key = (object.clone(), check);
            let before = self.said.get(&key);
            if before.is_some_and(|said| said.bad == bad) {
                continue;
            }
            // Two witnesses take turns, and a look that began first may end last; yet what is
            // said later must be the later word.
            let at = before.map_or(at, |said| said.at.max(at));
            self.said.insert(key, Said { bad, at });
            signals.push(check.signal(object.clone(), finding, at, self.via.clone()));
        }
        signals
    }
}

impl Run {
    fn silence_of(&self, object: &Object) -> Finding {
        Finding::Bad(format!("agent of {} silent: {}", object.name(), self.detail))
    }
}

impl Check {
    /// The source, the id, and how bad it is. The source is fixed, since it orders the signals.
    fn names(self) -> (&'static str, &'static str, Severity) {
        match self {
            Self::HostPing => ("agent", "host.ping", Severity::Disaster),
            Self::HostAgent => ("agent", "host.agent", Severity::Warning),
            Self::VmPing => ("agent", "vm.ping", Severity::High),
            Self::VmAgent => ("agent", "vm.agent", Severity::Warning),
            Self::AppMonitor => ("probe", "app.monitor", Severity::High),
            Self::MonitorDomain => ("probe", "monitor.domain", Severity::High),
        }
    }

    fn signal(
        self,
        object: Object,
        finding: Finding,
        at: Time,
        via: Option<CollectorId>,
    ) -> Signal {
        let (source, check, severity) = self.names();
        let (state, text) = match finding {
            Finding::Good => (SignalState::Ok, format!("{check} of {} is good", object.name())),
            Finding::Bad(text) => (SignalState::Problem(severity), text),
        };
        let source = SourceId::parse(source).expect("the sources named above are names");
        let check = CheckId::parse(check).expect("the checks named above are names");
        Signal { source, check, object, state, at, via, text }
    }
}

/// Adds one look to the run of its kind.
fn hear<K: Ord + Clone>(
    runs: &mut BTreeMap<K, Run>,
    key: &K,
    at: Time,
    (word, detail): (Word, String),
) {
    let before = runs.get(key);
    let misses = before.map_or(0, |run| run.misses);
    let silences = before.map_or(0, |run| run.silences);
    let silent_since = before.filter(|run| run.silences > 0).map_or(at, |run| run.silent_since);
    let run = Run {
        last: word,
        at,
        misses: if word == Word::Good { 0 } else { misses.saturating_add(1) },
        silences: if word == Word::Silent { silences.saturating_add(1) } else { 0 },
        silent_since,
        detail,
    };
    runs.insert(key.clone(), run);
}

/// None if nothing was seen at all.
fn word_of(outcome: &Outcome) -> Option<(Word, String)> {
    match outcome {
        Outcome::Healthy { .. } => Some((Word::Good, String::new())),
        Outcome::Unhealthy { phase, hint } => {
            let is_silence = matches!(phase, Phase::Dns | Phase::Connect);
            let word = if is_silence { Word::Silent } else { Word::Wrong };
            Some((word, format!("{phase}: {hint}")))
        }
        Outcome::Blind { .. } => None,
    }
}

fn domain_health(probes: &BTreeMap<String, Run>, misses: u32) -> Option<Finding> {
    if let Some((domain, run)) = probes.iter().find(|(_, run)| run.misses >= misses) {
        return Some(Finding::Bad(format!("{domain} fails at {}", run.detail)));
    }
    probes.values().all(|run| run.last == Word::Good).then_some(Finding::Good)
}

fn listed<const N: usize>(findings: [(Check, Option<Finding>); N]) -> Vec<(Check, Finding)> {
    findings.into_iter().filter_map(|(check, finding)| Some((check, finding?))).collect()
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::time::Duration;

    use expect_test::{Expect, expect};
    use model::verdict::Timings;

    use super::*;

    /// Each line is `time what object word`; what is `agent`, `probe` (of a VM) or `domain` (of a
    /// module), and a word is one of those in [`agent_error`] and [`outcome`].
    fn check(script: &str, expected: &Expect) {
        let mut reach = Reach::default();
        let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
        let said: Vec<String> = lines.flat_map(|line| play(&mut reach, line)).collect();
        expected.assert_eq(&said.iter().map(|line| format!("{line}\n")).collect::<String>());
    }

    fn verdict(target: ProbeTarget, at: Time, outcome: Outcome) -> Verdict {
        let (took, timings) = (Duration::ZERO, Timings::default());
        Verdict { target, at, outcome, took, timings, family: None }
    }

    fn play(reach: &mut Reach, line: &str) -> Vec<String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [time, what, object, ref word @ ..] = words[..] else { panic!("{line}") };
        let at = Time::from_millis(time.strip_suffix('s').unwrap().parse::<i64>().unwrap() * 1000);
        let signals = match (what, word) {
            ("agent", [word]) => {
                let error = agent_error(word);
                reach.on_agent(&object.parse().unwrap(), at, error.as_ref().map_or(Ok(()), Err))
            }
            ("probe" | "domain", [word]) => {
                let (target, outcome) = (target(what, object), outcome(word));
                reach.on_verdict(&verdict(target, at, outcome))
            }
            ("forget", []) => {
                reach.forget(&object.parse().unwrap());
                Vec::new()
            }
            ("unprobe", []) => {
                reach.forget_probe(&target("probe", object));
                Vec::new()
            }
            _ => panic!("{line}"),
        };
        signals.iter().map(|signal| shown(time, signal)).collect()
    }

    fn target(what: &str, object: &str) -> ProbeTarget {
        let (_, name) = object.split_once('/').unwrap();
        if what == "probe" {
            let module = ModuleId::parse("shop/web").unwrap();
            return ProbeTarget::Vm { module, vm: VmId::parse(name).unwrap() };
        }
        let module = ModuleId::parse(name).unwrap();
        ProbeTarget::Domain { module, domain: "www.yy.com".to_owned() }
    }

    fn agent_error(word: &str) -> Option<AgentError> {
        Some(match word {
            "good" => return None,
            "refused" => AgentError::Refused(ErrorKind::ConnectionRefused),
            "hangs" => AgentError::TimedOut(Duration::from_secs(3)),
            "closed" => AgentError::ClosedWithoutReply,
            _ => panic!("{word}"),
        })
    }

    fn outcome(word: &str) -> Outcome {
        let (phase, hint) = match word {
            "good" => return Outcome::Healthy { doubt: None },
            "blind" => return Outcome::Blind { reason: "no route".to_owned() },
            "refused" => (Phase::Connect, "connection refused"),
            "500" => (Phase::Status, "status 500"),
            "hangs" => (Phase::FirstByte, "no end within 3s"),
            _ => panic!("{word}"),
        };
        Outcome::Unhealthy { phase, hint: hint.to_owned() }
    }

    fn shown(time: &str, signal: &Signal) -> String {
        let Signal { source, check, object, state, at, text, .. } = signal;
        let at_s = at.millis() / 1000;
        let stamp = if time == format!("{at_s}s") { String::new() } else { format!(" at {at_s}s") };
        match state {
            SignalState::Ok => format!("{time} {source} {object} {check} ok{stamp}"),
            SignalState::Problem(severity) => {
                format!("{time} {source} {object} {check} {severity:?}{stamp}: {text}")
            }
            SignalState::Silent => panic!("{signal:?}"),
        }
    }

    #[test]
    fn a_host_that_falls_silent_is_a_disaster_once() {
        check(
            "
            0s agent host/h1 good
            10s agent host/h1 good
            20s agent host/h1 refused
            30s agent host/h1 good
            40s agent host/h1 refused
            50s agent host/h1 hangs
            60s agent host/h1 hangs
            70s agent host/h1 good
            80s agent host/h1 good
            ",
            &expect![[r#"
                0s agent host/h1 host.ping ok
                0s agent host/h1 host.agent ok
                50s agent host/h1 host.ping Disaster: agent of h1 silent: no answer within 3s
                70s agent host/h1 host.ping ok
            "#]],
        );
    }

    #[test]
    fn an_agent_that_refuses_us_is_no_dead_host() {
        check(
            "
            0s agent host/h1 closed
            10s agent host/h1 closed
            20s agent host/h1 closed
            30s agent host/h1 good
            ",
            &expect![[r#"
                0s agent host/h1 host.ping ok
                10s agent host/h1 host.agent Warning: agent of h1 fails: closed without reply (check Server= of the agent)
                30s agent host/h1 host.agent ok
            "#]],
        );
    }

    #[test]
    fn a_vm_without_a_probe_is_judged_by_its_agent() {
        check(
            "
            0s agent vm/web-3 refused
            10s agent vm/web-3 refused
            20s agent vm/web-3 good
            ",
            &expect![[r#"
                10s agent vm/web-3 vm.ping High: agent of web-3 silent: connection refused
                20s agent vm/web-3 vm.ping ok
                20s agent vm/web-3 vm.agent ok
            "#]],
        );
    }

    #[test]
    fn a_dead_vm_is_one_problem_and_not_three() {
        check(
            "
            0s agent vm/web-3 good
            2s probe vm/web-3 good
            10s agent vm/web-3 hangs
            12s probe vm/web-3 refused
            20s agent vm/web-3 hangs
            22s probe vm/web-3 refused
            30s agent vm/web-3 hangs
            32s probe vm/web-3 refused
            40s agent vm/web-3 good
            42s probe vm/web-3 good
            ",
            &expect![[r#"
                0s agent vm/web-3 vm.ping ok
                0s agent vm/web-3 vm.agent ok
                2s probe vm/web-3 app.monitor ok
                20s agent vm/web-3 vm.ping High: agent of web-3 silent: no answer within 3s
                40s agent vm/web-3 vm.ping ok
            "#]],
        );
    }

    #[test]
    fn an_agent_that_dies_alone_is_a_warning() {
        check(
            "
            0s agent vm/web-3 good
            2s probe vm/web-3 good
            10s agent vm/web-3 refused
            12s probe vm/web-3 good
            20s agent vm/web-3 refused
            30s agent vm/web-3 good
            ",
            &expect![[r#"
                0s agent vm/web-3 vm.ping ok
                0s agent vm/web-3 vm.agent ok
                2s probe vm/web-3 app.monitor ok
                20s agent vm/web-3 vm.agent Warning: agent of web-3 silent, though its application is there: connection refused
                30s agent vm/web-3 vm.agent ok
            "#]],
        );
    }

    #[test]
    fn a_witness_that_looked_before_the_silence_is_waited_for_but_not_for_ever() {
        check(
            "
            0s agent vm/web-3 good
            2s probe vm/web-3 good
            10s agent vm/web-3 refused
            20s agent vm/web-3 refused
            30s agent vm/web-3 refused
            40s agent vm/web-3 refused
            ",
            &expect![[r#"
                0s agent vm/web-3 vm.ping ok
                0s agent vm/web-3 vm.agent ok
                2s probe vm/web-3 app.monitor ok
                40s agent vm/web-3 vm.ping High: agent of web-3 silent: connection refused
            "#]],
        );
    }

    #[test]
    fn an_application_that_fails_on_a_living_vm_is_its_own_problem() {
        check(
            "
            0s agent vm/web-3 good
            2s probe vm/web-3 500
            10s agent vm/web-3 good
            12s probe vm/web-3 refused
            22s probe vm/web-3 hangs
            32s probe vm/web-3 good
            ",
            &expect![[r#"
                0s agent vm/web-3 vm.ping ok
                0s agent vm/web-3 vm.agent ok
                12s probe vm/web-3 app.monitor High: application on web-3 fails at connect: connection refused
                32s probe vm/web-3 app.monitor ok
            "#]],
        );
    }

    #[test]
    fn an_application_that_answers_wrongly_still_proves_that_its_vm_lives() {
        check(
            "
            0s agent vm/web-3 hangs
            2s probe vm/web-3 hangs
            10s agent vm/web-3 hangs
            12s probe vm/web-3 hangs
            ",
            &expect![[r#"
                10s agent vm/web-3 vm.ping ok
                10s agent vm/web-3 vm.agent Warning: agent of web-3 silent, though its application is there: no answer within 3s
                12s probe vm/web-3 app.monitor High: application on web-3 fails at first byte: no end within 3s
            "#]],
        );
    }

    #[test]
    fn what_we_could_not_look_at_is_not_down() {
        check(
            "
            0s probe vm/web-3 blind
            10s probe vm/web-3 blind
            0s domain module/shop/web blind
            10s domain module/shop/web blind
            20s domain module/shop/web 500
            30s domain module/shop/web blind
            40s domain module/shop/web good
            ",
            &expect![[r#"
                40s probe module/shop/web monitor.domain ok
            "#]],
        );
    }

    #[test]
    fn a_module_is_judged_by_its_domain() {
        check(
            "
            0s domain module/shop/web 500
            10s domain module/shop/web 500
            20s domain module/shop/web 500
            30s domain module/shop/web good
            40s domain module/shop/web 500
            50s domain module/shop/web good
            ",
            &expect![[r#"
                10s probe module/shop/web monitor.domain High: www.yy.com fails at status: status 500
                30s probe module/shop/web monitor.domain ok
            "#]],
        );
    }

    #[test]
    fn after_a_restart_the_first_good_look_ends_what_may_be_open() {
        let ok = expect![[r#"
            0s agent host/h1 host.ping ok
            0s agent host/h1 host.agent ok
        "#]];
        check("0s agent host/h1 good", &ok);
    }

    #[test]
    fn what_is_forgotten_begins_anew() {
        check(
            "
            0s agent vm/web-3 refused
            1s forget vm/web-3
            10s agent vm/web-3 refused
            20s agent vm/web-3 refused
            21s forget vm/web-3
            30s agent vm/web-3 refused
            40s agent vm/web-3 refused
            ",
            &expect![[r#"
                20s agent vm/web-3 vm.ping High: agent of web-3 silent: connection refused
                40s agent vm/web-3 vm.ping High: agent of web-3 silent: connection refused
            "#]],
        );
    }

    #[test]
    fn a_probe_that_is_withdrawn_is_a_witness_no_longer() {
        check(
            "
            0s agent vm/web-3 good
            2s probe vm/web-3 500
            12s probe vm/web-3 500
            13s unprobe vm/web-3
            20s agent vm/web-3 refused
            30s agent vm/web-3 refused
            40s agent vm/web-3 good
            52s probe vm/web-3 good
            ",
            &expect![[r#"
                0s agent vm/web-3 vm.ping ok
                0s agent vm/web-3 vm.agent ok
                12s probe vm/web-3 app.monitor High: application on web-3 fails at status: status 500
                30s agent vm/web-3 vm.ping High: agent of web-3 silent: connection refused
                40s agent vm/web-3 vm.ping ok
                52s probe vm/web-3 app.monitor ok
            "#]],
        );
    }

    #[test]
    fn a_later_word_never_bears_an_earlier_time() {
        check(
            "
            0s agent vm/web-3 refused
            10s agent vm/web-3 refused
            14s probe vm/web-3 good
            12s agent vm/web-3 refused
            13s probe vm/web-3 refused
            ",
            &expect![[r#"
                10s agent vm/web-3 vm.ping High: agent of web-3 silent: connection refused
                14s agent vm/web-3 vm.ping ok
                14s agent vm/web-3 vm.agent Warning: agent of web-3 silent, though its application is there: connection refused
                14s probe vm/web-3 app.monitor ok
                13s agent vm/web-3 vm.ping High at 14s: agent of web-3 silent: connection refused
            "#]],
        );
    }

    #[test]
    fn signals_name_the_collector_they_came_through() {
        let via = CollectorId::parse("edge-1").unwrap();
        let mut reach = Reach::new(0, Some(via.clone()));
        let host = "host/h1".parse().unwrap();
        let error = AgentError::ClosedWithoutReply;
        let signals = reach.on_agent(&host, Time::from_millis(0), Err(&error));
        assert_eq!(signals.len(), 2, "one miss is the least that is waited for");
        assert!(signals.iter().all(|signal| signal.via.as_ref() == Some(&via)));
    }

    #[test]
    fn objects_without_an_agent_are_left_to_others() {
        let mut reach = Reach::default();
        let switch = "switch/s1".parse().unwrap();
        assert!(reach.on_agent(&switch, Time::from_millis(0), Ok(())).is_empty());
    }
}
