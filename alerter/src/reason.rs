//! Why this is held to be the root: the evidence, a sentence each.

use model::id::Object;
use model::lang::Lang;
use model::signal::SignalState;
use model::zone::Zone;

use crate::event::Bilingual;
use crate::settings::Settings;
use crate::state::{Basis, Incident, State, Word};
use crate::words::lasting;

/// How many sentences are enough.
const MAX_REASONS: usize = 4;

pub(crate) fn reasons(
    settings: &Settings,
    state: &State,
    incident: &Incident,
    roots: &[&Object],
) -> Vec<Bilingual> {
    let mut reasons = Vec::new();
    for object in roots.iter().copied() {
        if reasons.len() >= MAX_REASONS {
            break; // Thousands of VMs may fail at once, each on its own.
        }
        let Some(root) = incident.roots.get(object) else { continue };
        if let Basis::Suspected { failing, of } = root.basis {
            reasons.push(both(|lang| suspicion(settings, object, failing, of, lang)));
        }
        let words = state.words.get(object).into_iter().flatten();
        let bad = words.filter(|word| !word.is_good() || word.flapping);
        reasons.extend(bad.map(|word| both(|lang| complaint(object, word, &settings.zone, lang))));
        if root.answering > 0 {
            reasons.push(both(|lang| objection(root.answering, lang)));
        }
    }
    reasons.truncate(MAX_REASONS);
    reasons
}

pub(crate) fn both(text: impl Fn(Lang) -> String) -> Bilingual {
    Bilingual { en: text(Lang::En), zh: text(Lang::Zh) }
}

fn suspicion(settings: &Settings, root: &Object, failing: usize, of: usize, lang: Lang) -> String {
    let name = root.name();
    let (en, zh) = match root {
        Object::Switch(_) => ("hosts", "台宿主机"),
        Object::Collector(_) => ("hosts and VMs", "台宿主机和虚拟机"),
        Object::Host(_)
        | Object::Vm(_)
        | Object::Module(_)
        | Object::Project(_)
        | Object::DataSource(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => ("VMs", "台虚拟机"),
    };
    if matches!(root, Object::Collector(_)) {
        return lang.pick(
            format!("{failing} of {of} {en} fail by the word of {name} alone"),
            format!("{of} {zh}中有 {failing} 台仅凭 {name} 的报告异常"),
        );
    }
    let window = lasting(settings.suspect_window, lang);
    lang.pick(
        format!("suspected: {failing} of {of} {en} of {name} failed within {window}"),
        format!("疑似：{name} 的 {of} {zh}中有 {failing} 台在 {window}内异常"),
    )
}

fn complaint(object: &Object, word: &Word, zone: &Zone, lang: Lang) -> String {
    let (check, source, since) = (&word.check, &word.source, zone.tell(word.unchanged_since()));
    let name = object.name();
    let said = match word.said {
        SignalState::Silent => lang.pick("is silent", "无数据"),
        SignalState::Problem(_) => lang.pick("is bad", "异常"),
        SignalState::Ok => lang.pick("keeps changing, and is good", "反复变化，当前正常"),
    };
    let text = word.text(lang);
    let colon = lang.pick(": ", "：");
    let text = if text.is_empty() { String::new() } else { format!("{colon}{text}") };
    lang.pick(
        format!("{check} of {name} {said} since {since}, says {source}{text}"),
        format!("{source} 报告 {name} 的 {check} 自 {since} 起{said}{text}"),
    )
}

fn objection(answering: usize, lang: Lang) -> String {
    lang.pick(
        format!("against it speaks: {answering} of the VMs it carries answered since"),
        format!("反证：其上有 {answering} 台虚拟机之后仍有响应"),
    )
}
