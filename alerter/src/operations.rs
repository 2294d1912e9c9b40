//! The first line for operations: the root, and what it took of whom.

use model::id::Object;

use crate::facts::label;
use crate::message::RootState;
use crate::object;
use crate::text::{Speaker, rest};
use crate::words::{self, condition, is_or_are, lasting, row, sources, thing, vms};

/// "host h2 is down; it took 4 VMs: shop/web 2, pool 2".
pub(crate) fn problem(speaker: &Speaker) -> String {
    let (facts, lang) = (&speaker.facts, speaker.lang);
    if facts.roots.len() > 1 {
        return several(speaker);
    }
    let complaint =
        if facts.state == RootState::Degraded { speaker.complaint() } else { String::new() };
    let condition = condition(facts.root, facts.state, facts.suspected, lang);
    let root = thing(facts.root, lang);
    let who = root + &place(speaker);
    // A full-width bracket brings its own space.
    let gap = if who.ends_with('）') { "" } else { " " };
    let start = format!("{who}{gap}{condition}{complaint}{}", carried(speaker));
    match (facts.root, facts.vm_count()) {
        (Object::Collector(_), _) if facts.state == RootState::Blind => start + &unseen(speaker),
        (Object::Collector(_) | Object::Channel(_) | Object::Pool(_) | Object::Vantage(_), _) => {
            start
        }
        (_, 0) => start + lang.pick("; no VM suffers", "；没有虚拟机受影响"),
        (Object::Vm(_), 1) => start + &speaker.repaired(),
        (_, count) => {
            let (count, shares) = (vms(count, lang), shares(speaker));
            let took = lang
                .pick(format!("; it took {count}: {shares}"), format!("；影响 {count}：{shares}"));
            start + &took + &speaker.repaired()
        }
    }
}

/// "host h2 is well again after 10 min; it had taken 4 VMs: shop/web 2, pool 2".
pub(crate) fn end(speaker: &Speaker) -> String {
    let (facts, lang) = (&speaker.facts, speaker.lang);
    let roots: Vec<String> = facts.roots.iter().map(|root| thing(root, lang)).collect();
    let (is, roots) = (is_or_are(roots.len()), row(&roots, lang));
    let lasted = lasting(facts.lasted(), lang);
    let end = if is_gone(speaker) {
        lang.pick(
            format!("{roots} {is} gone, after {lasted}"),
            format!("{roots} 已移除，历时 {lasted}"),
        )
    } else {
        lang.pick(
            format!("{roots} {is} well again after {lasted}"),
            format!("{roots} 已恢复，历时 {lasted}"),
        )
    };
    let took = match facts.vm_count() {
        0 | 1 => String::new(),
        count => {
            let (count, shares) = (vms(count, lang), shares(speaker));
            lang.pick(
                format!("; it had taken {count}: {shares}"),
                format!("；曾影响 {count}：{shares}"),
            )
        }
    };
    end + &took + &speaker.repaired() + &speaker.left_over()
}

fn several(speaker: &Speaker) -> String {
    let (facts, lang) = (&speaker.facts, speaker.lang);
    let is_dead = |root: &&&Object| facts.incident.roots[**root].state == RootState::Down;
    let (failed, dead) = (facts.roots.len(), facts.roots.iter().filter(is_dead).count());
    let (count, shares) = (vms(failed, lang), shares(speaker));
    let condition = match facts.state {
        RootState::Nodata => lang.pick("send no data", "没有数据").to_owned(),
        RootState::Degraded => lang.pick("work badly", "工作异常").to_owned(),
        RootState::Down if dead < failed => lang.pick(
            format!("fail ({dead} of them {} down)", is_or_are(dead)),
            format!("异常（其中 {dead} 台宕机）"),
        ),
        RootState::Down | RootState::Blind | RootState::Flapping => {
            lang.pick("are down", "宕机").to_owned()
        }
    };
    lang.pick(
        format!("{count} {condition}, each on its own: {shares}"),
        format!("{count}{condition}，互不相关：{shares}"),
    )
}

/// ", and data source orders-db with it".
fn carried(speaker: &Speaker) -> String {
    let (carried, lang) = (&speaker.facts.carried, speaker.lang);
    if carried.is_empty() {
        return String::new();
    }
    let sources = sources(carried, lang);
    lang.pick(format!(", and {sources} with it"), format!("，{sources} 随之不可用"))
}

/// Whose a VM is and where it runs, or that nobody knows.
fn place(speaker: &Speaker) -> String {
    let (root, lang) = (speaker.facts.root, speaker.lang);
    let Some(vm) = object::vm(root) else { return String::new() };
    let module = speaker.facts.incident.members.get(root).and_then(|m| m.module.as_ref());
    let of = module.map(|module| label(speaker.topology, module));
    let place = speaker.topology.vms.get(vm);
    let host = place.and_then(|place| place.host.as_ref());
    if place.is_none() && of.is_none() {
        return lang.pick(format!(" ({})", rest(lang).1), format!("（{}）", rest(lang).1));
    }
    let words = [
        of.map(|of| lang.pick(format!(" of {of}"), of.to_string())),
        host.map(|host| lang.pick(format!(" on host {host}"), format!("宿主机 {host}"))),
    ];
    let words: Vec<String> = words.into_iter().flatten().collect();
    if words.is_empty() {
        return String::new();
    }
    lang.pick(words.concat(), format!("（{}）", words.join("，")))
}

fn is_gone(speaker: &Speaker) -> bool {
    let vms: Option<Vec<_>> = speaker.facts.roots.iter().map(|root| object::vm(root)).collect();
    vms.is_some_and(|vms| vms.iter().all(|vm| !speaker.topology.vms.contains_key(*vm)))
}

/// What only the collector looks at; if it has reported nothing bad of it, only what that would be worth.
fn unseen(speaker: &Speaker) -> String {
    let (members, lang) = (&speaker.facts.incident.members, speaker.lang);
    let hosts = members.keys().filter_map(object::host).count();
    let of_vms = members.keys().filter_map(object::vm).count();
    let things = match (hosts, of_vms) {
        (0, 0) => {
            let what = "; what it alone reports is not believed";
            return lang.pick(what, "；仅由它报告的异常不予采信").to_owned();
        }
        (0, count) => vms(count, lang),
        (count, 0) => words::hosts(count, lang),
        (hosts, count) => {
            let (hosts, vms) = (words::hosts(hosts, lang), vms(count, lang));
            lang.pick(format!("{hosts} and {vms}"), format!("{hosts}和 {vms}"))
        }
    };
    lang.pick(format!("; nothing is known of {things}"), format!("；{things}状态未知"))
}

/// "shop/web 2, pool 2".
fn shares(speaker: &Speaker) -> String {
    let (facts, lang) = (&speaker.facts, speaker.lang);
    let modules = facts.modules.iter().map(|module| (&*module.label, module.vms.len()));
    let (pool, unknown) = rest(lang);
    let others = [(pool, facts.pool.len()), (unknown, facts.unknown.len())];
    let shares = modules.chain(others).filter(|(_, count)| *count > 0);
    let shares: Vec<String> = shares.map(|(name, count)| format!("{name} {count}")).collect();
    row(&shares, lang)
}
