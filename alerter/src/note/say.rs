//! The lines of the trail as sentences.

use model::lang::Lang;
use model::signal::SignalState;
use model::zone::Zone;

use super::{Departure, Fate, Note, Rule, What};
use crate::event::Bilingual;
use crate::reason::both;
use crate::words::{severity, thing};

impl Note {
    /// What happened, in one sentence that does not name the object.
    pub fn text(&self, lang: Lang, zone: &Zone) -> String {
        match &self.what {
            What::Heard { check, source, said, text, fate } => {
                let colon = lang.pick(": ", "：");
                let text = if text.is_empty() { String::new() } else { format!("{colon}{text}") };
                let said = condition(*said, lang);
                let fate = fate.text(lang, zone);
                let sep = if fate.is_empty() { "" } else { lang.pick("; ", "；") };
                lang.pick(
                    format!("{check} {said}, says {source}{text}{sep}{fate}"),
                    format!("{source} 报告 {check} {said}{text}{sep}{fate}"),
                )
            }
            What::LeftOut { count } => lang.pick(
                format!("{count} more signals came within a minute and are not noted one by one"),
                format!("一分钟内另有 {count} 条信号，未逐条记录"),
            ),
            What::Opened { suspected: false } => lang
                .pick("the incident is opened, this is the root", "故障开始，判定为根因")
                .to_owned(),
            What::Opened { suspected: true } => lang
                .pick("the incident is opened, this is the suspected root", "故障开始，疑似根因")
                .to_owned(),
            What::Root { suspected: false } => lang.pick("it is the root", "判定为根因").to_owned(),
            What::Root { suspected: true } => {
                lang.pick("it is the suspected root", "疑似根因").to_owned()
            }
            What::Joined { rule } => lang.pick(
                format!("part of the incident: {}", rule.text(lang, zone)),
                format!("计入故障：{}", rule.text(lang, zone)),
            ),
            What::Left { because: Departure::Well } => {
                lang.pick("well again, or gone", "已恢复或已下线").to_owned()
            }
            What::Left { because: Departure::Elsewhere } => {
                lang.pick("not part of this incident any more", "不再属于本故障").to_owned()
            }
            What::Left { because: Departure::NeverDid } => lang
                .pick("it answered: it did not suffer after all", "有响应，实际未受影响")
                .to_owned(),
            What::Merged { into } => lang
                .pick(format!("the incident is now part of {into}"), format!("本故障并入 {into}")),
            What::Untold { person, why } => {
                let why = why.text(lang, zone);
                lang.pick(
                    format!("{person} was not told: {why}"),
                    format!("未通知 {person}：{why}"),
                )
            }
            What::Closed { told: 0 } => lang
                .pick(
                    "the incident is over, before it was due to be told to anybody",
                    "故障结束：未到通知时间即已恢复，未通知任何人",
                )
                .to_owned(),
            What::Closed { .. } => lang.pick("the incident is over", "故障结束").to_owned(),
        }
    }

    /// The sentence in both languages.
    pub fn bilingual(&self, zone: &Zone) -> Bilingual {
        both(|lang| self.text(lang, zone))
    }
}

impl Fate {
    /// Why it is not told as it stands; empty if it counts.
    pub fn text(&self, lang: Lang, zone: &Zone) -> String {
        match self {
            Self::Counts => String::new(),
            Self::Flapping => lang.pick("it keeps changing: flapping", "反复变化：抖动").to_owned(),
            Self::Stale { last } => lang.pick(
                format!(
                    "ignored: older than the last word of this check, of {last}",
                    last = zone.tell(*last)
                ),
                format!("忽略：早于该检查的上一条信号（{last}）", last = zone.tell(*last)),
            ),
            Self::Info => {
                lang.pick("never told: it is only info", "级别为“信息”，从不通知").to_owned()
            }
            Self::Leaving => lang
                .pick(
                    "not counted: the VM is being taken away on purpose",
                    "不计入：虚拟机正在主动下线",
                )
                .to_owned(),
            Self::Gone => {
                lang.pick("not counted: the VM is gone", "不计入：虚拟机已下线").to_owned()
            }
            Self::Maintenance { until } => lang.pick(
                format!("not told: maintenance until {until}", until = zone.tell(*until)),
                format!("不通知：维护至 {until}", until = zone.tell(*until)),
            ),
            Self::NewVm { until } => lang.pick(
                format!("not told before {until}: the VM is new", until = zone.tell(*until)),
                format!("{until} 之前不通知：虚拟机刚创建", until = zone.tell(*until)),
            ),
            Self::Contradicted { by, at } => lang.pick(
                format!(
                    "not believed: {by} found the same check good at {at}",
                    at = zone.tell(*at)
                ),
                format!("不采信：{by} 在 {at} 检查同一项正常", at = zone.tell(*at)),
            ),
        }
    }
}

impl Rule {
    /// The rule, as the reason why something is part of an incident.
    pub fn text(&self, lang: Lang, zone: &Zone) -> String {
        match self {
            Self::Root => lang
                .pick(
                    "it is the root, nothing above it explains it",
                    "它是根因，上层没有可解释它的故障",
                )
                .to_owned(),
            Self::SuspectedRoot { failing, of } => lang.pick(
                format!("{failing} of {of} that hang on it failed together, so it is suspected"),
                format!("依附于它的 {of} 个对象中有 {failing} 个同时异常，因此被怀疑为根因"),
            ),
            Self::Carried { by } => lang.pick(
                format!("it stands on {}", thing(by, lang)),
                format!("它位于{}", thing(by, lang)),
            ),
            Self::Uses { data_source } => lang.pick(
                format!("it uses data source {data_source}, which fails"),
                format!("它使用的数据源 {data_source} 故障"),
            ),
            Self::ItsVms { root } => lang.pick(
                format!("its VMs suffer from {}", thing(root, lang)),
                format!("它的虚拟机受{}影响", thing(root, lang)),
            ),
            Self::Share { root, failing, of } => lang.pick(
                format!(
                    "it is one of {failing} of {of} that failed together on {}",
                    thing(root, lang)
                ),
                format!(
                    "{}上的 {of} 个对象中有 {failing} 个同时异常，它是其中之一",
                    thing(root, lang)
                ),
            ),
            Self::Unseen { by } => lang.pick(
                format!("only {by} reports it, and {by} is blind: nobody is told that it is down"),
                format!("仅由 {by} 报告，而 {by} 失明：不会将其作为宕机通知"),
            ),
            Self::Held { until } => lang.pick(
                format!(
                    "nothing explains it any more; it keeps its place until {until}",
                    until = zone.tell(*until)
                ),
                format!("已无根因可解释，暂留至 {until}", until = zone.tell(*until)),
            ),
        }
    }
}

pub(crate) fn condition(said: SignalState, lang: Lang) -> String {
    match said {
        SignalState::Ok => lang.pick("is good", "正常").to_owned(),
        SignalState::Silent => lang.pick("is silent", "无数据").to_owned(),
        SignalState::Problem(how) => {
            let how = severity(how, lang);
            lang.pick(format!("is bad ({how})"), format!("异常（{how}）"))
        }
    }
}
