//! No text is too long, whatever things are called and whatever befalls them.

use std::collections::BTreeSet;
use std::time::Duration;

use alerter::beside::{Beside, Cost, Known, Room};
use alerter::message::{MAX_TEXT_CHARS, Message, MessageKind};
use alerter::{
    Action, EscalationStep, Event, OnDuty, Party, Repair, Settings, State, incidents, step, wake_at,
};
use model::id::{MAX_ID_BYTES, ModuleId, Object, PersonId, ProjectId};
use model::lang::Lang;
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::topology::{DataSource, Host, Module, Project, Topology, VmPlace};

const START: Time = Time::from_millis(1_772_445_600_000);
const MINUTE: Duration = Duration::from_secs(60);

/// As long as a name may be, and another for each text.
fn long<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    format!("{text}{}", "x".repeat(MAX_ID_BYTES - text.len())).parse().unwrap()
}

fn object(kind: &str, text: &str) -> Object {
    format!("{kind}/{text}{}", "x".repeat(MAX_ID_BYTES - text.len())).parse().unwrap()
}

/// A switch with three hosts, 24 modules of three projects with six VMs each, all of one data
/// source, which runs on a VM of its own.
fn fleet() -> Topology {
    let mut topology = Topology::default();
    topology.switches.insert(long("s"));
    topology.collectors.insert(long("c"));
    for host in 0..3 {
        topology.hosts.insert(long(&format!("h{host}")), Host { switch: Some(long("s")) });
    }
    for project in 0..3 {
        let owners = ["alice", "bob"].map(long).into();
        topology.projects.insert(long(&format!("p{project}")), Project { owners });
    }
    for number in 0..24 {
        let (project, id) = (long(&format!("p{}", number % 3)), long(&format!("m{number}")));
        topology.modules.insert(id, Module { project, uses: [long("d")].into() });
        for vm in 0..6 {
            place(&mut topology, &format!("v{number}-{vm}"), vm % 3, Some(number));
        }
    }
    (0..12).for_each(|vm| place(&mut topology, &format!("w{vm}"), vm % 3, None));
    let (kind, vm) = ("mysql".to_owned(), Some(long("w1")));
    topology.data_sources.insert(long("d"), DataSource { kind, vm });
    topology
}

fn place(topology: &mut Topology, vm: &str, host: usize, module: Option<usize>) {
    let (host, created) = (Some(long(&format!("h{host}"))), START - Duration::from_secs(86_400));
    let module = module.map(|number| long(&format!("m{number}")));
    topology.vms.insert(long(vm), VmPlace { host, module, created, leaving: false });
}

fn objects(topology: &Topology) -> Vec<Object> {
    let single = ["pool", "channel", "vantage", "collector", "datasource"];
    let single = single.iter().map(|kind| object(kind, &kind[..1]));
    let hosts = topology.hosts.keys().cloned().map(Object::Host);
    let modules = topology.modules.keys().cloned().map(Object::Module);
    let strangers = (0..12).map(|number| object("vm", &format!("stranger{number}")));
    let vms = topology.vms.keys().cloned().map(Object::Vm);
    let carriers = [object("switch", "s")].into_iter().chain(hosts);
    carriers.chain(single).chain(modules).chain(strangers).chain(vms).collect()
}

struct World {
    settings: Settings,
    topology: Topology,
    state: State,
    now: Time,
    told: Vec<Message>,
    dice: u64,
}

impl World {
    fn new(seed: u64) -> Self {
        let alice: PersonId = long("alice");
        let chief = EscalationStep {
            after: MINUTE,
            to: ["chief", "alice"].map(long).into(),
            severity: Severity::Warning,
        };
        let duty = OnDuty { people: ["ops", "ops-zh"].map(long).into(), since: START };
        let settings = Settings {
            people: [alice, long("ops-zh")].map(|person| (person, Lang::Zh)).into(),
            operations: [long("duty")].into(),
            on_duty: [(long("duty"), duty)].into(),
            escalation: [(Party::Operations, vec![chief])].into(),
            ..Settings::default()
        };
        let (topology, state) = (fleet(), State::default());
        Self { settings, topology, state, now: START, told: Vec::new(), dice: seed }
    }

    fn below(&mut self, bound: usize) -> usize {
        self.dice =
            self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.dice >> 33) as usize % bound
    }

    fn step(&mut self, event: Event) {
        let actions = step(&self.settings, &self.topology, &mut self.state, event, self.now);
        let told = actions.into_iter().filter_map(|action| match action {
            Action::Tell(message) => Some(message),
            Action::Opened(_)
            | Action::Changed(_)
            | Action::Closed(_)
            | Action::Noted(_)
            | Action::AcknowledgementBroken { .. } => None,
        });
        self.told.extend(told);
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(due) = wake_at(&self.state).filter(|due| *due <= until) {
            self.now = due.max(self.now);
            self.step(Event::Tick);
        }
        self.now = until;
    }

    fn say(&mut self, object: &Object, check: &str, state: SignalState) {
        let (at, text) = (self.now, "名".repeat(300));
        let (source, object) = (long("source"), object.clone());
        let check = check.parse().unwrap();
        self.step(Event::Signal(Signal { source, check, object, state, at, via: None, text }));
    }

    /// Lives, an application on it, or how well it does.
    fn check_of(&mut self, object: &Object) -> String {
        let other = ["app", "monitor", "load"][self.below(3)];
        let other = || format!("{other}.{}", "y".repeat(MAX_ID_BYTES - other.len() - 1));
        match (object, self.below(3)) {
            (Object::DataSource(_), 0..2) => "ds.up".to_owned(),
            (Object::Collector(_) | Object::Vantage(_), 0..2) => {
                format!("{}.uplink", object.kind())
            }
            (Object::Switch(_) | Object::Host(_) | Object::Vm(_), 0..2) => {
                format!("{}.ping", object.kind())
            }
            _ => other(),
        }
    }

    /// What other rooms would say of all that is open.
    fn know(&mut self) {
        let modules: BTreeSet<ModuleId> = self.topology.modules.keys().cloned().collect();
        let cost = Cost { down: MINUTE, unknown: MINUTE, ..Cost::default() };
        let hosts = (0..9).map(|host| (long(&format!("roomy{host}")), 3)).collect();
        let room = Room { flavor: long("f"), lost: 3, hosts: Some(hosts), ready: 1 };
        let known = Known {
            costs: modules.into_iter().map(|module| (module, cost.clone())).collect(),
            room: vec![room; 12],
        };
        let open = incidents(&self.settings, &self.topology, &self.state);
        let beside: Beside = open.into_iter().map(|open| (open.id, known.clone())).collect();
        self.step(Event::Beside(beside));
    }

    fn acknowledge(&mut self) {
        for open in incidents(&self.settings, &self.topology, &self.state) {
            let (by, text) = (long("ack"), "z".repeat(999));
            self.step(Event::Acknowledged { incident: open.id, by, text });
        }
    }

    fn repair(&mut self, object: &Object) {
        let Object::Vm(vm) = object else { return };
        let module = self.topology.vms.get(vm).and_then(|place| place.module.clone());
        let Some(module) = module else { return };
        let replaced_by = Some(long(&format!("new-{}", &vm.as_str()[..6])));
        let (vm, failed_at, done_at) = (vm.clone(), self.now, Some(self.now + MINUTE));
        self.step(Event::Repaired(Repair { vm, module, replaced_by, failed_at, done_at }));
    }

    fn all_is_well(&mut self) {
        let source = long("source");
        let bad = self.state.bad_by(&source);
        let bad: Vec<_> = bad.map(|(object, check, _)| (object.clone(), check.clone())).collect();
        for (object, check) in bad {
            self.say(&object, check.as_str(), SignalState::Ok);
        }
        self.pass(60 * MINUTE);
    }

    fn something_happens(&mut self, objects: &[Object]) {
        // What carries much is asked for as often as all the rest.
        let bound = if self.below(2) == 0 { 9 } else { objects.len() };
        let object = &objects[self.below(bound)];
        let check = self.check_of(object);
        match self.below(9) {
            0 => self.acknowledge(),
            1 => self.know(),
            2 => self.repair(object),
            3 => self.say(object, &check, SignalState::Silent),
            4 => self.say(object, &check, SignalState::Ok),
            5 => self.say(object, &check, SignalState::Problem(Severity::Warning)),
            6 => self.say(object, &check, SignalState::Problem(Severity::High)),
            _ => self.say(object, &check, SignalState::Problem(Severity::Disaster)),
        }
        let seconds = self.below(200) as u64;
        self.pass(Duration::from_secs(seconds));
    }
}

#[test]
fn no_text_of_the_longest_names_is_too_long_and_what_counts_most_is_whole() {
    let mut longest = 0;
    let mut kinds = BTreeSet::new();
    for seed in 0..12 {
        let mut world = World::new(seed);
        let objects = objects(&world.topology);
        (0..60).for_each(|_| world.something_happens(&objects));
        world.all_is_well();
        for message in &world.told {
            let (text, chars) = (&message.text, message.text.chars().count());
            assert!(chars <= MAX_TEXT_CHARS, "seed {seed}: {chars}\n{text}");
            let first = text.lines().next().unwrap();
            assert!(!first.ends_with('…'), "seed {seed}: {first}");
            let since = message.lang.pick("Since 2026", "始于 2026");
            let has_moment = text.lines().any(|line| line.starts_with(since));
            assert_eq!(has_moment, message.kind != MessageKind::Resolved, "seed {seed}: {text}");
            longest = longest.max(chars);
            kinds.insert((message.kind, message.view, message.lang == Lang::Zh));
        }
    }
    assert!(longest > MAX_TEXT_CHARS - 500, "nothing came near the limit: {longest}");
    assert_eq!(kinds.len(), 12, "each kind in each view and language: {kinds:?}");
}

#[test]
fn of_a_host_with_two_hundred_modules_the_list_of_modules_is_what_is_cut() {
    let mut world = World::new(0);
    world.topology = Topology::default();
    world.settings.people = [(long("alice"), Lang::Zh)].into();
    let host = || "h1".parse().unwrap();
    world.topology.hosts.insert(host(), Host { switch: None });
    let project: ProjectId = "shop".parse().unwrap();
    let owners = [long("alice")].into();
    world.topology.projects.insert(project.clone(), Project { owners });
    for number in 100..300 {
        let module = ModuleId::of(&project, &format!("module{number}")).unwrap();
        let uses = BTreeSet::new();
        world.topology.modules.insert(module.clone(), Module { project: project.clone(), uses });
        for vm in 0..12 {
            let (vm, module) = (format!("vm{number}-{vm}"), Some(module.clone()));
            let (created, leaving) = (START - 10_000 * MINUTE, false);
            let place = VmPlace { host: Some(host()), module, created, leaving };
            world.topology.vms.insert(vm.parse().unwrap(), place);
        }
    }
    let disaster = SignalState::Problem(Severity::Disaster);
    world.say(&Object::Host(host()), "host.ping", disaster);
    world.pass(MINUTE);
    world.say(&Object::Host(host()), "host.ping", SignalState::Ok);
    world.pass(MINUTE * 60);
    let shown: Vec<String> = world.told.iter().map(outline).collect();
    expect_test::expect![[r#"
        Problem to alice: 3782 characters, 27 modules
            您的 200 个模块中有 2400 台虚拟机不可用，原因：宿主机 h1 宕机
            … 另有 173 个模块
            始于 2026-03-02T10:00:00Z，已持续 30 秒
            运维也已收到通知。
            source 报告 h1 的 host.ping 自 2026-03-02T10:00:00Z 起异常：

        Problem to ops-z: 3784 characters, 22 modules
            host h1 is down; it took 2400 VMs: shop/module100 12, shop/module101 12, shop/module102 12, shop/module103 12, shop/module104 12, shop/module105 12, shop/module106 12, shop/module107 12, shop/module108 12, shop/module109 12 and 190 more
            … and 178 more modules
            Since 2026-03-02T10:00:00Z, for 30 s
            Businesses: shop
            Hosts: h1 (2400 VMs on it now)
            host.ping of h1 is bad since 2026-03-02T10:00:00Z, says source: 

        Problem to opsxx: 3784 characters, 22 modules
            host h1 is down; it took 2400 VMs: shop/module100 12, shop/module101 12, shop/module102 12, shop/module103 12, shop/module104 12, shop/module105 12, shop/module106 12, shop/module107 12, shop/module108 12, shop/module109 12 and 190 more
            … and 178 more modules
            Since 2026-03-02T10:00:00Z, for 30 s
            Businesses: shop
            Hosts: h1 (2400 VMs on it now)
            host.ping of h1 is bad since 2026-03-02T10:00:00Z, says source: 

        Resolved to alice: 3823 characters, 31 modules
            module100、module101、module102、module103、module104、module105、module106、module107、module108、module109 等，另有 190 个 已恢复，历时 1 分钟：宿主机 h1 曾影响 2400 台虚拟机中的 2400 台
            … 另有 169 个模块

        Resolved to ops-z: 3873 characters, 27 modules
            host h1 is well again after 1 min; it had taken 2400 VMs: shop/module100 12, shop/module101 12, shop/module102 12, shop/module103 12, shop/module104 12, shop/module105 12, shop/module106 12, shop/module107 12, shop/module108 12, shop/module109 12 and 190 more
            … and 173 more modules

        Resolved to opsxx: 3873 characters, 27 modules
            host h1 is well again after 1 min; it had taken 2400 VMs: shop/module100 12, shop/module101 12, shop/module102 12, shop/module103 12, shop/module104 12, shop/module105 12, shop/module106 12, shop/module107 12, shop/module108 12, shop/module109 12 and 190 more
            … and 173 more modules
    "#]].assert_eq(&shown.join("\n"));
}

/// The text with its list of modules and long evidence made short.
fn outline(message: &Message) -> String {
    let lines: Vec<&str> = message.text.lines().collect();
    let is_module = |line: &&&str| line.starts_with("shop/module");
    let modules = lines.iter().filter(is_module).count();
    let others = lines.iter().filter(|line| !is_module(line));
    let others: String = others
        .map(|line| format!("    {}\n", line.replace(&"x".repeat(249), "").replace('名', "")))
        .collect();
    let (to, chars) = (&message.to.as_str()[..5], message.text.chars().count());
    format!("{:?} to {to}: {chars} characters, {modules} modules\n{others}", message.kind)
}
