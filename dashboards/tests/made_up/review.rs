//! The review of the made-up incident: a host that took five VMs of two modules.

use dashboards::view::review::{
    BusinessCost, EventView, Lane, ModuleCost, Moments, OutageView, ReviewView, SimilarView, Tone,
};
use model::lang::Lang;

use super::{ago, ended, incident};

/// After it was over.
pub(crate) fn review(lang: Lang) -> ReviewView {
    let mut incident = incident(lang);
    incident.closed = Some(ago(20));
    ReviewView {
        moments: Moments {
            began: ago(175),
            opened: incident.opened,
            told: Some(ago(141)),
            acknowledged: Some(ago(100)),
            repaired: Some(ago(130)),
            closed: incident.closed,
        },
        incident,
        businesses: vec![business("shop", &["web", "checkout"])],
        events: events(lang),
        left_out: 9_500,
        outages: vec![OutageView {
            module: "shop/checkout".parse().expect("a good name"),
            from: ago(172),
            until: ago(131),
            why: "connect: refused".to_owned(),
        }],
        similar: vec![similar(lang, true, None), similar(lang, false, Some("shop/web"))],
    }
}

/// One that was over before anybody was told, and cost nothing.
pub(crate) fn quiet(lang: Lang) -> ReviewView {
    let full = review(lang);
    ReviewView {
        moments: Moments { told: None, acknowledged: None, ..full.moments },
        businesses: Vec::new(),
        events: full.events.into_iter().take(2).collect(),
        left_out: 0,
        outages: Vec::new(),
        similar: Vec::new(),
        incident: full.incident,
    }
}

fn business(project: &str, modules: &[&str]) -> BusinessCost {
    let module = |name: &&str| ModuleCost {
        module: format!("{project}/{name}").parse().expect("a good name"),
        vms: 2,
        vm_minutes: 1.4,
        down_s: (*name == "checkout").then_some(41.0),
        unknown_s: 3.0,
    };
    BusinessCost {
        project: Some(project.parse().expect("a good name")),
        vms: 4,
        vm_minutes: 2.8,
        down_s: Some(41.0),
        modules: modules.iter().map(module).collect(),
    }
}

fn similar(lang: Lang, is_same_root: bool, module: Option<&str>) -> SimilarView {
    let other = ended(lang);
    SimilarView {
        id: other.id,
        headline: other.headline,
        opened: other.opened,
        lasted_s: 60.0,
        is_same_root,
        module: module.map(|module| module.parse().expect("a good name")),
    }
}

pub(crate) fn members(lang: Lang) -> Vec<String> {
    let lines = lang.pick(
        ["host h2: it is the root, nothing above it explains it", "VM vm-3: it stands on host h2"],
        ["宿主机 h2：它是根因，上层没有可解释它的故障", "虚拟机 vm-3：它位于宿主机 h2"],
    );
    lines.map(str::to_owned).to_vec()
}

pub(crate) fn people(lang: Lang) -> Vec<(String, String)> {
    let why = lang.pick(
        ["owner, told once: nothing is new", "operations, not told: waits until 10:02:40"],
        ["业务负责人，已通知 1 次：没有新情况", "运维，未通知：等待至 10:02:40"],
    );
    vec![("alice".to_owned(), why[0].to_owned()), ("ops".to_owned(), why[1].to_owned())]
}

/// Oldest first, one in each lane and some more.
pub(crate) fn events(lang: Lang) -> Vec<EventView> {
    let heard = lang.pick("vm.ping is bad (high), says probe", "probe 报告 vm.ping 异常（严重）");
    let opened = lang.pick("the incident is opened", "故障开始");
    let told = lang.pick("problem by mail, delivered 09:59:52", "故障通知，经 mail，09:59:52 送达");
    let moved = lang.pick("web 3 -> 5: 2 VMs are gone", "web 3 -> 5：少了 2 台");
    let taken = lang.pick("acknowledged: on my way", "已确认：正在处理");
    let well = lang.pick("host.ping is good, says zabbix", "zabbix 报告 host.ping 正常");
    let closed = lang.pick("the incident is over", "故障结束");
    let event = |before: u64, lane, tone, objects: &[&str], more, text: &str| EventView {
        at: ago(before),
        lane,
        tone,
        objects: objects.iter().map(|object| (*object).to_owned()).collect(),
        more,
        text: text.to_owned(),
    };
    vec![
        event(175, Lane::Signals, Tone::Bad, &["vm/vm-3", "vm/vm-4"], 12, heard),
        event(171, Lane::Incident, Tone::Bad, &[], 0, opened),
        event(165, Lane::Scaler, Tone::Plain, &["module/shop/web"], 0, moved),
        event(141, Lane::Messages, Tone::Plain, &["alice"], 0, told),
        event(120, Lane::Messages, Tone::Bad, &["ops"], 0, told),
        event(100, Lane::People, Tone::Plain, &["alice"], 0, taken),
        event(40, Lane::Signals, Tone::Good, &["host/h2"], 0, well),
        event(20, Lane::Incident, Tone::Good, &[], 0, closed),
    ]
}
