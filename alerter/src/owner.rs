//! The first line for an owner: which part of what is mine, because of what, what was done.

use model::id::Object;
use model::lang::Lang;

use crate::facts::ModuleLoss;
use crate::message::RootState;
use crate::text::Speaker;
use crate::words::{condition, is_or_are, lasting, row, thing};

/// "2 of your 5 VMs of web are down because host h2 is down; replaced in 4 s".
pub(crate) fn problem(speaker: &Speaker) -> String {
    let modules = &speaker.facts.modules[..];
    let count = match modules {
        [only] if is_software(speaker) || only.vms.is_empty() => software(speaker, only),
        [only] => part_of_one(speaker, only),
        several => part_of_several(speaker, several),
    };
    format!("{count}{}{}", reason(speaker), speaker.repaired())
}

/// "web is whole again after 14 s: host h2 had taken 2 of 5 VMs; replaced in 4 s".
pub(crate) fn end(speaker: &Speaker) -> String {
    let (facts, lang) = (&speaker.facts, speaker.lang);
    let lasted = lasting(facts.lasted(), lang);
    let root = thing(facts.root, lang);
    if !facts.elsewhere.is_empty() || facts.modules.is_empty() {
        let over = lang.pick(
            format!("The failure of {root} is over after {lasted}"),
            format!("{root} 的故障已结束，历时 {lasted}"),
        );
        return over + &speaker.left_over();
    }
    let modules: Vec<&str> = facts.modules.iter().map(|module| module.id.short()).collect();
    let (is, modules) = (is_or_are(modules.len()), row(&modules, lang));
    let end = match lacks_some(speaker) {
        true => lang.pick(
            format!("Nothing of {modules} fails any more, after {lasted}"),
            format!("{modules} 已无异常，历时 {lasted}"),
        ),
        false => lang.pick(
            format!("{modules} {is} whole again after {lasted}"),
            format!("{modules} 已恢复，历时 {lasted}"),
        ),
    };
    format!("{end}{}{}", what_it_was(speaker), speaker.repaired())
}

/// What the owner is to do about it.
pub(crate) fn advice(speaker: &Speaker) -> String {
    let lang = speaker.lang;
    if is_software(speaker) {
        return look_at(speaker);
    }
    match speaker.facts.all_replaced_in() {
        Some(_) => lang.pick("There is nothing for you to do.", "您无需处理。").to_owned(),
        None => lang.pick("Operations are told as well.", "运维也已收到通知。").to_owned(),
    }
}

/// What is at fault is the software as far as is known; and what is known beside it.
fn look_at(speaker: &Speaker) -> String {
    let (beside, lang) = (&speaker.facts.beside, speaker.lang);
    let alone = lang.pick("It is told to its owners alone.", "仅通知其负责人。");
    if beside.is_empty() {
        let look = "No trouble is known of its hosts, VMs and data sources: look at the software. ";
        return lang.pick(look, "其宿主机、虚拟机和数据源未见异常：请检查软件。").to_owned()
            + alone;
    }
    let trouble = |(object, state): &(Object, RootState)| {
        format!("{} {}", thing(object, lang), condition(object, *state, false, lang))
    };
    let troubles = row(&beside.iter().map(trouble).collect::<Vec<_>>(), lang);
    let look = lang.pick(
        format!("Look at the software, and at what is known beside it: {troubles}. "),
        format!("请检查软件，并留意其他已知异常：{troubles}。"),
    );
    look + alone
}

fn is_software(speaker: &Speaker) -> bool {
    matches!(speaker.facts.root, Object::Module(_))
}

/// "web does not work on 5 of its 8 VMs".
fn software(speaker: &Speaker, module: &ModuleLoss) -> String {
    let (failed, of, name) = (module.vms.len(), module.of, module.id.short());
    let place = match failed {
        0 => String::new(),
        _ => speaker.lang.pick(
            format!(" on {failed} of its {of} VMs"),
            format!("（{of} 台虚拟机中的 {failed} 台）"),
        ),
    };
    speaker.lang.pick(format!("{name} does not work{place}"), format!("{name} 工作异常{place}"))
}

fn part_of_one(speaker: &Speaker, module: &ModuleLoss) -> String {
    let (failed, of, name) = (module.vms.len(), module.of, module.id.short());
    let en_vms = if of == 1 { "VM" } else { "VMs" };
    let verb = verb(speaker, failed);
    if failed == of {
        return all_of_one(speaker, of, name, &verb);
    }
    speaker.lang.pick(
        format!("{failed} of your {of} {en_vms} of {name} {verb}"),
        format!("{name} 的 {of} 台虚拟机中有 {failed} 台{verb}"),
    )
}

/// Nothing is left of it: that is another thing than a part, and must not read like one.
fn all_of_one(speaker: &Speaker, of: usize, name: &str, verb: &str) -> String {
    match of {
        1 => speaker.lang.pick(
            format!("the only VM of {name} {verb}"),
            format!("{name} 仅有的 1 台虚拟机{verb}"),
        ),
        _ => speaker.lang.pick(
            format!("all {of} VMs of {name} {verb}"),
            format!("{name} 的 {of} 台虚拟机全部{verb}"),
        ),
    }
}

fn part_of_several(speaker: &Speaker, modules: &[ModuleLoss]) -> String {
    let (failed, count) = (speaker.facts.owned_vm_count(), modules.len());
    let verb = verb(speaker, failed);
    speaker.lang.pick(
        format!("{failed} of your VMs in {count} modules {verb}"),
        format!("您的 {count} 个模块中有 {failed} 台虚拟机{verb}"),
    )
}

/// VMs are down with their host, but what runs on them only fails with its data source.
fn verb(speaker: &Speaker, count: usize) -> String {
    let facts = &speaker.facts;
    let is_one = count == 1;
    match (speaker.lang, facts.state, facts.dead) {
        (Lang::Zh, RootState::Flapping, _) => "不稳定".to_owned(),
        (Lang::Zh, _, 0) => "异常".to_owned(),
        (Lang::Zh, _, dead) if dead < count => format!("异常（其中 {dead} 台不可用）"),
        (Lang::Zh, ..) => "不可用".to_owned(),
        (Lang::En, RootState::Flapping, _) => format!("{} unstable", is_or_are(count)),
        (Lang::En, _, 0) => if is_one { "fails" } else { "fail" }.to_owned(),
        (Lang::En, _, dead) if dead < count => {
            format!("fail ({dead} of them {} down)", is_or_are(dead))
        }
        (Lang::En, ..) => format!("{} down", is_or_are(count)),
    }
}

fn reason(speaker: &Speaker) -> String {
    let (facts, lang) = (&speaker.facts, speaker.lang);
    if is_software(speaker) {
        return speaker.complaint();
    }
    if speaker.is_own_root() {
        let names = speaker.root_names();
        let is_degraded = facts.state == RootState::Degraded && facts.roots.len() == 1;
        let complaint = if is_degraded { speaker.complaint() } else { String::new() };
        return lang.pick(format!(": {names}{complaint}"), format!("：{names}{complaint}"));
    }
    let root = speaker.cause();
    let condition = condition(facts.root, facts.state, facts.suspected, lang);
    lang.pick(format!(" because {root} {condition}"), format!("，原因：{root}{condition}"))
}

/// Whether a VM that failed is gone and nothing took its place.
fn lacks_some(speaker: &Speaker) -> bool {
    let facts = &speaker.facts;
    facts.objects.iter().filter_map(|object| crate::object::vm(object)).any(|vm| {
        let is_replaced = facts.repairs.iter().any(|r| r.vm == *vm && r.done_at.is_some());
        !speaker.topology.vms.contains_key(vm) && !is_replaced
    })
}

/// ": host h2 had taken 2 of 5 VMs".
fn what_it_was(speaker: &Speaker) -> String {
    let (facts, lang) = (&speaker.facts, speaker.lang);
    let failed = facts.owned_vm_count();
    let of: usize = facts.modules.iter().map(|module| module.of).sum();
    if failed == 0 || is_software(speaker) {
        return String::new();
    }
    let root = speaker.cause();
    if speaker.is_own_root() {
        let names = speaker.root_names();
        return lang.pick(
            format!(": {failed} of {of} VMs had failed, {names}"),
            format!("：{of} 台虚拟机中的 {failed} 台曾异常（{names}）"),
        );
    }
    lang.pick(
        format!(": {root} had taken {failed} of {of} VMs"),
        format!("：{root}曾影响 {of} 台虚拟机中的 {failed} 台"),
    )
}
