//! How an object stands by one rule, and what is said of it: in both languages, with the rule's own
//! text where it has one.

use std::collections::BTreeMap;

use model::id::{CheckId, Object, SourceId};
use model::lang::Lang;
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;

use super::state::Phase;
use super::template::{Filling, Template, number};
use super::watch::Watch;
use super::{Condition, Ground, Rule, RuleName, Said, Words};
use crate::event::Bilingual;
use crate::words::{lasting, thing};

/// Parts that are named, beside the worst.
const MAX_PARTS: usize = 3;
/// The name of a part is cut here, in characters.
const MAX_PART_CHARS: usize = 60;
/// A whole text, in characters: what the alerter keeps of any text.
const MAX_CHARS: usize = 200;

/// How an object stands.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Standing {
    Good,
    /// With all parts that are bad.
    Bad(BTreeMap<String, f64>),
    Silent,
    /// The topology knows it no more.
    Gone,
}

impl Standing {
    /// Whether there is nothing new to say: other values of the same parts are no news.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Bad(one), Self::Bad(other)) => one.keys().eq(other.keys()),
            (Self::Good, Self::Gone) => true,
            (one, other) => one == other,
        }
    }
}

pub(super) fn standing(parts: &BTreeMap<String, Watch>) -> Standing {
    let bad = parts.iter().filter(|(_, watch)| watch.phase == Phase::Bad);
    let bad: BTreeMap<String, f64> = bad.map(|(part, watch)| (part.clone(), watch.value)).collect();
    let is_silent = parts.values().any(|watch| watch.phase == Phase::Lost);
    match (bad.is_empty(), is_silent) {
        (false, _) => Standing::Bad(bad),
        (true, true) => Standing::Silent,
        (true, false) => Standing::Good,
    }
}

/// What there is to say now that an object that stood `before` stands `now`.
pub(super) fn words_of(
    rule: &Rule,
    object: &Object,
    before: &Standing,
    now: &Standing,
    ground: Ground,
    at: Time,
) -> Said {
    let state = match now {
        Standing::Bad(_) => SignalState::Problem(rule.severity),
        Standing::Silent => SignalState::Silent,
        Standing::Good | Standing::Gone => SignalState::Ok,
    };
    let text = |lang| sentence(rule, object, before, now, lang);
    let text = Bilingual { en: text(Lang::En), zh: text(Lang::Zh) };
    let mut said = said(rule.name.check(), object.clone(), state, at, &text);
    said.words.runbook = rule.runbook.clone().filter(|_| state != SignalState::Ok);
    // What was measured is no doubt of our sight; silence is as good as our sight is.
    said.signal.via = (state == SignalState::Silent).then(|| ground.collector.clone());
    said
}

/// The end of what a rule said of an object, since the rule is no more, or is another.
pub(super) fn ended(name: &RuleName, object: &Object, at: Time) -> Said {
    let en = format!("{name} is no longer watched on {}", thing(object, Lang::En));
    let zh = format!("不再对 {} 检查 {name}", thing(object, Lang::Zh));
    said(name.check(), object.clone(), SignalState::Ok, at, &Bilingual { en, zh })
}

/// That a rule cannot be judged, and why; or that it can again.
pub(super) fn fault(name: &RuleName, reason: Option<&str>, ground: Ground, at: Time) -> Said {
    let (state, en, zh) = match reason {
        Some(reason) => (
            SignalState::Problem(Severity::Warning),
            format!("rule {name} cannot be judged: {reason}"),
            format!("规则 {name} 无法判断：{reason}"),
        ),
        None => (
            SignalState::Ok,
            format!("rule {name} can be judged again"),
            format!("规则 {name} 已恢复判断"),
        ),
    };
    let object = Object::Collector(ground.collector.clone());
    said(name.fault_check(), object, state, at, &Bilingual { en, zh })
}

fn said(check: CheckId, object: Object, state: SignalState, at: Time, text: &Bilingual) -> Said {
    let text = Bilingual { en: cut(&text.en), zh: cut(&text.zh) };
    let signal =
        Signal { source: source(), check, object, state, at, via: None, text: text.en.clone() };
    Said { signal, words: Words { text, runbook: None } }
}

fn source() -> SourceId {
    SourceId::parse("rule").expect("it is a name")
}

fn sentence(rule: &Rule, object: &Object, before: &Standing, now: &Standing, lang: Lang) -> String {
    let (name, thing) = (&rule.name, thing(object, lang));
    match now {
        Standing::Bad(parts) => problem(rule, object, parts, lang),
        Standing::Silent if rule.condition == Condition::NoData => silence(rule, object, lang),
        Standing::Silent => lang.pick(
            format!("no data of {thing} since {name} was bad"),
            format!("{thing} 在 {name} 异常之后没有数据"),
        ),
        Standing::Gone => lang.pick(format!("{thing} is gone"), format!("{thing} 已移除")),
        Standing::Good if *before == Standing::Silent => {
            lang.pick(format!("{thing} is silent no longer"), format!("{thing} 不再静默"))
        }
        Standing::Good => lang
            .pick(format!("{name} of {thing} is good again"), format!("{thing} 的 {name} 已恢复")),
    }
}

/// The worst part in the words of the rule, and the names of others.
fn problem(rule: &Rule, object: &Object, parts: &BTreeMap<String, f64>, lang: Lang) -> String {
    let points_up = !matches!(rule.condition,
        Condition::Number { fires, .. } if !fires.points_up());
    let worst = parts.iter().reduce(|worst, part| {
        let is_worse = if points_up { part.1 > worst.1 } else { part.1 < worst.1 };
        if is_worse { part } else { worst }
    });
    let Some((part, value)) = worst else { return String::new() };
    let others: Vec<&str> =
        parts.keys().filter(|other| *other != part).map(String::as_str).collect();
    let shown = others.iter().take(MAX_PARTS).map(|part| short(part)).collect::<Vec<_>>();
    let text = filled(rule, object, *value, &short(part), lang);
    match others.len() {
        0 => text,
        count => {
            let shown = shown.join(lang.pick(", ", "、"));
            text + &lang.pick(
                format!(" (and {count} more: {shown})"),
                format!("（另有 {count} 项：{shown}）"),
            )
        }
    }
}

/// The rule's own text; without one, or where it asks for a line that the rule has not, the usual
/// one.
fn filled(rule: &Rule, object: &Object, value: f64, part: &str, lang: Lang) -> String {
    let threshold = match rule.condition {
        Condition::Number { fires, .. } => Some(fires.line()),
        Condition::Presence | Condition::NoData => None,
    };
    let (object, rule_name, hold) = (object.name(), rule.name.as_str(), rule.hold);
    let value_now = Some(value);
    let filling =
        Filling { object, value: value_now, threshold, part, rule: rule_name, hold, lang };
    let own: Option<&Template> = lang.pick(rule.text.en.as_ref(), rule.text.zh.as_ref());
    let usual = || usual(rule, value, part, lang);
    match own.map(|own| own.fill(&filling)) {
        None => usual(),
        Some(Ok(text)) => text,
        Some(Err(lacking)) => usual() + &failing(lacking, lang),
    }
}

/// Whoever wrote the text has to know.
fn failing(lacking: &str, lang: Lang) -> String {
    lang.pick(
        format!(" (the rule's own text fails: no {lacking} here)"),
        format!("（规则文本有误：此处没有 {lacking}）"),
    )
}

/// `/data: 0.93, above 0.9 for 5 min`.
fn usual(rule: &Rule, value: f64, part: &str, lang: Lang) -> String {
    let part = if part.is_empty() { String::new() } else { format!("{part}: ") };
    let value = number(value);
    let line = match rule.condition {
        Condition::Number { fires, .. } if fires.points_up() => {
            let line = number(fires.line());
            lang.pick(format!(", above {line}"), format!("，高于 {line}"))
        }
        Condition::Number { fires, .. } => {
            let line = number(fires.line());
            lang.pick(format!(", below {line}"), format!("，低于 {line}"))
        }
        Condition::Presence | Condition::NoData => String::new(),
    };
    let hold = match rule.hold.is_zero() {
        true => String::new(),
        false => {
            let hold = lasting(rule.hold, lang);
            lang.pick(format!(" for {hold}"), format!("，持续 {hold}"))
        }
    };
    format!("{part}{value}{line}{hold}")
}

fn silence(rule: &Rule, object: &Object, lang: Lang) -> String {
    let own = lang.pick(rule.text.en.as_ref(), rule.text.zh.as_ref());
    let (name, rule_name, hold) = (object.name(), rule.name.as_str(), rule.hold);
    let filling = Filling {
        object: name,
        value: None,
        threshold: None,
        part: "",
        rule: rule_name,
        hold,
        lang,
    };
    let hold = lasting(hold, lang);
    let usual = || lang.pick(format!("no data for {hold}"), format!("{hold}内没有数据"));
    match own.map(|own| own.fill(&filling)) {
        None => usual(),
        Some(Ok(text)) => text,
        Some(Err(lacking)) => usual() + &failing(lacking, lang),
    }
}

fn short(part: &str) -> String {
    match part.chars().count() > MAX_PART_CHARS {
        true => part.chars().take(MAX_PART_CHARS).chain(['…']).collect(),
        false => part.to_owned(),
    }
}

/// Of a monitored system's own words nothing may break a line.
fn cut(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(MAX_CHARS).collect()
}
