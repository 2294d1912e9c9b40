//! A made-up fleet with one host down, for the tests and the gallery: what a page must be good at.

pub(crate) mod explore;
pub(crate) mod monitor;
pub(crate) mod report;
pub(crate) mod review;
pub(crate) mod rules;

use std::time::Duration;

use dashboards::view::quiet::{Doings, HoldView, QuietView, SilenceView, WindowView};
use dashboards::view::{
    AvailabilityView, DecisionMark, Fault, Health, HostView, IncidentPage, IncidentView,
    MessageView, ModuleView, MonitorHealth, Overview, PoolView, Reader, Theme, VantageView, VmTile,
};
use model::id::PersonId;
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;
use model::vm::VmState;

/// 2026-03-02T10:02:31Z.
pub(crate) const NOW: Time = Time::from_millis(1_772_445_751_000);

/// Two hosts, one of them down since 2 min 51 s; two modules, 13 VMs, one pool that is low.
pub(crate) fn overview(lang: Lang, theme: Theme) -> Overview {
    Overview {
        fleet: "shop".to_owned(),
        now: NOW,
        lang,
        theme,
        zone: "UTC".to_owned(),
        hosts: hosts(),
        unplaced: vec![vm("vm-14", VmState::Creating, Health::Starting, None, None)],
        modules: vec![web(), checkout()],
        incidents: vec![incident(lang), ended(lang)],
        pools: pools(),
        monitor: monitor(),
    }
}

/// Somebody who reads now, on the clocks of the overview.
pub(crate) fn reader(lang: Lang, theme: Theme) -> Reader {
    Reader { now: NOW, lang, theme, zone: "UTC".to_owned() }
}

/// The incident of the host, as told to both views.
pub(crate) fn incident_page(lang: Lang) -> IncidentPage {
    let affected = ["module/shop/web", "module/shop/checkout", "vm/vm-3", "vm/vm-4", "vm/vm-6"];
    IncidentPage {
        incident: incident(lang),
        affected: affected.map(str::to_owned).to_vec(),
        members: review::members(lang),
        more_members: 3,
        people: review::people(lang),
        events: review::events(lang),
        left_out: 9_500,
        messages: messages(lang),
        doings: Some(doings()),
    }
}

/// What may be done about the host's incident, and was.
fn doings() -> Doings {
    let name = |name: &str| name.parse().expect("a good name");
    Doings {
        people: vec![name("alice"), name("ops")],
        me: Some(name("ops")),
        objects: vec!["host/h2".parse().expect("an object"), "vm/vm-3".parse().expect("an object")],
        acknowledged: Some((name("ops"), ago(60))),
        snoozes: vec![(name("alice"), NOW + Duration::from_secs(3_600))],
        silences: Vec::new(),
        is_silenced: false,
    }
}

/// What is kept quiet: a silence by object, one by labels, a window that is open, one to come.
pub(crate) fn quiet() -> QuietView {
    let name = |name: &str| PersonId::parse(name).expect("a good name");
    let silence = |id: &str, covers: &str, by: &str, comment: &str| SilenceView {
        id: id.parse().expect("a good name"),
        covers: covers.to_owned(),
        from: ago(600),
        until: NOW + Duration::from_secs(7_200),
        by: name(by),
        comment: comment.to_owned(),
        is_running: true,
        incidents: vec!["i7".parse().expect("a good name")],
    };
    let window = |id: &str, on: &str| WindowView {
        id: id.parse().expect("a good name"),
        on: vec![on.parse().expect("an object")],
        by: None,
        comment: "<b>patches</b>".to_owned(),
        file: Some("projects/shop.yaml".to_owned()),
        cron: Some("0 2 * * 6".to_owned()),
        zone: "Asia/Shanghai".to_owned(),
        open_until: None,
        next: vec![(ahead(86_400), ahead(93_600)), (ahead(691_200), ahead(698_400))],
    };
    let open = WindowView {
        by: Some(name("ops")),
        file: None,
        cron: None,
        open_until: Some(NOW + Duration::from_secs(900)),
        next: Vec::new(),
        ..window("m1", "host/h1")
    };
    QuietView {
        silences: vec![
            silence("s1", "vm/web-01 vm.disk", "alice", "the new disk comes on Friday"),
            silence("s2", "{alertname=\"Slow\", vm=~\"web-.*\"}", "ops", "<i>known</i>"),
        ],
        windows: vec![open, window("weekly-patches", "module/shop/web")],
        holds: vec![HoldView {
            id: "h1".parse().expect("a good name"),
            module: Some("shop/web".parse().expect("a module")),
            what: "in".to_owned(),
            from: ago(600),
            until: NOW + Duration::from_secs(7_200),
            by: name("ops"),
            reason: "<b>sale</b>".to_owned(),
        }],
        scaled: vec!["shop/web".parse().expect("a module")],
        people: vec![name("alice"), name("ops")],
    }
}

/// A quiet fleet of so many hosts with so many VMs each.
pub(crate) fn many(hosts: usize, vms_per_host: usize) -> Overview {
    let host = |host: usize| HostView {
        id: format!("h{host:02}").parse().expect("a good name"),
        up: Health::Up,
        why: None,
        vms: (0..vms_per_host).map(|vm| quiet_vm(host * vms_per_host + vm)).collect(),
    };
    Overview {
        hosts: (0..hosts).map(host).collect(),
        unplaced: Vec::new(),
        incidents: Vec::new(),
        ..overview(Lang::En, Theme::Auto)
    }
}

fn quiet_vm(number: usize) -> VmTile {
    let module = format!("shop/module-{}", number % 5);
    let load = Some((number % 100) as f64 / 100.0);
    vm(&format!("vm-{number:04}"), VmState::Serving, Health::Up, Some(&module), load)
}

fn ago(seconds: u64) -> Time {
    NOW - Duration::from_secs(seconds)
}

fn ahead(seconds: u64) -> Time {
    NOW + Duration::from_secs(seconds)
}

fn hosts() -> Vec<HostView> {
    let serving = |id: &str, module: &str, load: f64| {
        vm(id, VmState::Serving, Health::Up, Some(module), Some(load))
    };
    let isolated =
        |id: &str, module: &str| vm(id, VmState::Isolated, Health::Down, Some(module), Some(0.4));
    let (web, checkout) = ("shop/web", "shop/checkout");
    let upper = vec![
        serving("vm-1", web, 0.58),
        serving("vm-2", web, 0.64),
        serving("vm-8", web, 0.61),
        VmTile { stale: true, ..serving("vm-9", web, 0.77) },
        vm("vm-11", VmState::Deploying, Health::Starting, Some(web), None),
        serving("vm-5", checkout, 0.31),
        vm("vm-7", VmState::Draining, Health::Leaving, Some(checkout), Some(0.05)),
        serving("vm-10", checkout, 0.92),
        vm("vm-12", VmState::Pool, Health::Up, None, Some(0.01)),
        vm("vm-13", VmState::Quarantine, Health::Unknown, None, None),
    ];
    let lower = vec![isolated("vm-3", web), isolated("vm-4", web), isolated("vm-6", checkout)];
    let host = |id: &str, up, why: Option<&str>, vms| HostView {
        id: id.parse().expect("a good name"),
        up,
        why: why.map(str::to_owned),
        vms,
    };
    vec![
        host("h1", Health::Up, None, upper),
        host("h2", Health::Down, Some("agent: connection refused"), lower),
    ]
}

fn vm(id: &str, state: VmState, health: Health, module: Option<&str>, load: Option<f64>) -> VmTile {
    let reasons = [
        (VmState::Isolated, "its host h2 is down"),
        (VmState::Draining, "the load asks for one VM less"),
        (VmState::Quarantine, "it bears our tag and is not in the records"),
    ];
    let why = reasons.into_iter().find(|(of, _)| *of == state).map_or("", |(_, why)| why);
    VmTile {
        id: id.parse().expect("a good name"),
        state,
        health,
        module: module.map(|module| module.parse().expect("a good name")),
        load,
        stale: false,
        why: why.to_owned(),
    }
}

/// Ten minutes: load climbs, VMs are added, a host dies and is made up for.
fn web() -> ModuleView {
    let load = |second: u64| match second {
        0..240 => 0.55 + 0.002 * second as f64 + 0.04 * (second as f64 / 9.0).sin(),
        240..420 => 0.62 + 0.03 * (second as f64 / 7.0).sin(),
        420..470 => 0.62 + 0.014 * (second - 420) as f64,
        _ => 0.61 + 0.7 * (-((second - 470) as f64) / 40.0).exp(),
    };
    let count = |second: u64| match second {
        0..236 => 3,
        236..428 => 5,
        428..470 => 3,
        470..512 => 4,
        _ => 5,
    };
    let seconds = || (0..=600).step_by(2);
    let series = seconds().map(|second| {
        let blind = (330..352).contains(&second);
        (ago(600 - second), (!blind).then(|| load(second)))
    });
    ModuleView {
        load_series: series.collect(),
        count_series: seconds().map(|second| (ago(600 - second), count(second))).collect(),
        decisions: web_decisions(),
        vantages: vec![
            vantage("beijing", "down", 3, "connect: no route to host"),
            vantage("brain", "up", 1, "healthy"),
            vantage("osaka", "unknown", 190, "it delivers nothing since 2026-03-02T09:56:50Z"),
        ],
        ..module("web", 4, 1, 5, Some(0.61))
    }
}

fn vantage(name: &str, state: &str, seconds_ago: u64, why: &str) -> VantageView {
    let (name, state, why) = (name.parse().expect("a good name"), state.to_owned(), why.to_owned());
    VantageView { name, state, at: ago(seconds_ago), why }
}

fn web_decisions() -> Vec<DecisionMark> {
    vec![
        decision(1, 596, 3, 3, "load 0.56 is within its band"),
        decision(2, 404, 3, 3, "load 0.86 > 0.80 for 10s of 30s"),
        decision(3, 368, 3, 5, "load1_per_core 0.98 > 0.80 for 30s"),
        decision(4, 360, 5, 5, "settling after the last change until 2026-03-02T09:58:31Z"),
        decision(
            5,
            250,
            5,
            5,
            "load1_per_core unknown: fresh samples from 0 of 5 VMs, 80 % needed",
        ),
        decision(6, 171, 5, 5, "load 0.62 is within its band"),
        decision(7, 132, 3, 5, "host h2 took vm-3 and vm-4: replaced from the pool"),
        decision(8, 20, 5, 5, "load 0.61 is within its band"),
    ]
}

fn checkout() -> ModuleView {
    let load = |second: u64| 0.36 + 0.08 * (second as f64 / 31.0).sin();
    let seconds = || (0..=600).step_by(5);
    ModuleView {
        load_series: seconds().map(|second| (ago(600 - second), Some(load(second)))).collect(),
        count_series: seconds()
            .map(|second| (ago(600 - second), if second < 430 { 3 } else { 2 }))
            .collect(),
        decisions: vec![decision(9, 600, 3, 3, "load 0.36 is within its band")],
        not_probed: Some("no domain is published".to_owned()),
        ..module("checkout", 2, 0, 3, Some(0.34))
    }
}

fn module(name: &str, serving: u32, warming: u32, desired: u32, load: Option<f64>) -> ModuleView {
    ModuleView {
        id: format!("shop/{name}").parse().expect("a good name"),
        project: "shop".parse().expect("a good name"),
        serving,
        warming,
        desired,
        min: 2,
        max: 10,
        mode: "auto".to_owned(),
        thresholds: Some((0.3, 0.8)),
        load,
        load_series: Vec::new(),
        count_series: Vec::new(),
        decisions: Vec::new(),
        availability: AvailabilityView {
            up_s: 574.0,
            down_s: 4.0,
            unknown_s: 22.0,
            known: Some(574.0 / 578.0),
            low: 574.0 / 600.0,
            high: 596.0 / 600.0,
            coverage: 578.0 / 600.0,
            since: ago(600),
        },
        not_probed: None,
        measured_by: Vec::new(),
        doubts: Vec::new(),
        vantages: Vec::new(),
    }
}

fn decision(number: u32, seconds_ago: u64, from: u32, to: u32, reason: &str) -> DecisionMark {
    DecisionMark {
        at: ago(seconds_ago),
        id: format!("decision-{number}").parse().expect("a good name"),
        from,
        to,
        reason: reason.to_owned(),
        held: from == to,
    }
}

fn incident(lang: Lang) -> IncidentView {
    let headline = lang.pick(
        "host h2 is down; it took 3 VMs: shop/web 2, shop/checkout 1; 2 replaced in 41 s",
        "宿主机 h2 宕机；影响 3 台虚拟机：shop/web 2、shop/checkout 1；已在 41 秒内替换 2 台",
    );
    let detail = lang.pick(
        ["3 of 3 VMs on h2 fell silent within 2 s", "the agent of h2 refuses connections"],
        ["h2 上的 3 台虚拟机在 2 秒内全部失联", "h2 的代理拒绝连接"],
    );
    IncidentView {
        id: "incident-7".parse().expect("a good name"),
        root: "host/h2".to_owned(),
        state: "down".to_owned(),
        severity: Severity::High,
        opened: ago(171),
        closed: None,
        headline: headline.to_owned(),
        detail: detail.map(str::to_owned).to_vec(),
        businesses: vec!["shop".parse().expect("a good name")],
        affected: 5,
        silenced: None,
        acknowledged: Some("ann, since 2026-03-02 10:00: looking at the power supply".to_owned()),
    }
}

fn ended(lang: Lang) -> IncidentView {
    let headline = lang.pick("module shop/web does not work", "模块 shop/web 工作异常");
    IncidentView {
        id: "incident-6".parse().expect("a good name"),
        root: "module/shop/web".to_owned(),
        state: "degraded".to_owned(),
        opened: ago(90_000),
        closed: Some(ago(89_940)),
        headline: headline.to_owned(),
        affected: 0,
        acknowledged: None,
        ..incident(lang)
    }
}

fn messages(lang: Lang) -> Vec<MessageView> {
    let owner = lang.pick(
        "2 of your 5 VMs of web are down because host h2 is down.\nReplaced in 41 s.",
        "web 的 5 台虚拟机中有 2 台宕机，原因：宿主机 h2 宕机。\n已在 41 秒内替换。",
    );
    let operations = lang.pick(
        "Host h2 is down. It took vm-3, vm-4 (shop/web), vm-6 (shop/checkout).",
        "宿主机 h2 宕机，影响 vm-3、vm-4（shop/web）、vm-6（shop/checkout）。",
    );
    let message = |to: &str, view: &str, seconds_ago, text: &str| MessageView {
        to: to.to_owned(),
        kind: "problem".to_owned(),
        view: view.to_owned(),
        at: ago(seconds_ago),
        delivered: Some(ago(seconds_ago - 1)),
        channel: "inbox".to_owned(),
        error: None,
        text: text.to_owned(),
    };
    let refused = MessageView {
        delivered: None,
        error: Some("the webhook answered 500".to_owned()),
        ..message("ops-night", "operations", 160, operations)
    };
    vec![
        message("alice", "owner", 128, owner),
        message("ops", "operations", 160, operations),
        refused,
    ]
}

fn pools() -> Vec<PoolView> {
    let pool = |flavor: &str, ready, note: &str| PoolView {
        flavor: flavor.parse().expect("a good name"),
        ready,
        wanted_ready: 3,
        total: 14,
        max_total: 40,
        booting: 1,
        note: note.to_owned(),
    };
    vec![pool("small", 1, "no capacity left on h1"), pool("large", 3, "")]
}

fn monitor() -> MonitorHealth {
    let fault = |object: &str, error: &str, seconds_ago| Fault {
        object: object.to_owned(),
        error: error.to_owned(),
        since: ago(seconds_ago),
    };
    MonitorHealth {
        data_age_s: Some(2.0),
        targets: 24,
        faults: vec![
            fault("host/h2", "connection refused", 171),
            fault("vm/vm-3", "no answer within 2s", 170),
            fault("vm/vm-9", "an answer of 70000 bytes; at most 65536 are read", 44),
        ],
        config_error: None,
        recovery: None,
    }
}
