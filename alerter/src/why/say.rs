//! The answers as sentences.

use model::lang::Lang;
use model::zone::Zone;

use super::{MemberWhy, ObjectWhy, PersonWhy, Place, Standing, WordWhy};
use crate::message::View;
use crate::note::say::condition;
use crate::words::thing;

impl PersonWhy {
    /// Why this person is told or not, in one sentence.
    pub fn text(&self, lang: Lang, zone: &Zone) -> String {
        let role = match self.view {
            View::Owner => lang.pick("owner", "业务负责人"),
            View::Operations => lang.pick("operations", "运维"),
        };
        let times = self.messages;
        let told = match times {
            0 => lang.pick("not told".to_owned(), "未通知".to_owned()),
            1 => lang.pick("told once".to_owned(), "已通知 1 次".to_owned()),
            _ => lang.pick(format!("told {times} times"), format!("已通知 {times} 次")),
        };
        let why = self.standing.text(lang, zone);
        lang.pick(format!("{role}, {told}: {why}"), format!("{role}，{told}：{why}"))
    }
}

impl Standing {
    /// The reason alone.
    pub fn text(&self, lang: Lang, zone: &Zone) -> String {
        match self {
            Self::Due => lang.pick("is told within a second", "一秒内通知").to_owned(),
            Self::Waits { until } => lang.pick(
                format!(
                    "waits until {until} for what may explain it, or for company",
                    until = zone.tell(*until)
                ),
                format!("等待至 {until}：可能出现上层原因或同类故障", until = zone.tell(*until)),
            ),
            Self::Told { last } => lang.pick(
                format!("nothing is new since {last}", last = zone.tell(*last)),
                format!("自 {last} 起没有新情况", last = zone.tell(*last)),
            ),
            Self::NextAt { at } => lang.pick(
                format!(
                    "the next word is due at {at}, if it is still true by then",
                    at = zone.tell(*at)
                ),
                format!("若情况属实，将于 {at} 发送下一条", at = zone.tell(*at)),
            ),
            Self::HeldByAcknowledgement { by } => lang.pick(
                format!(
                    "more suffers by now, held back since {by} took it on: only what makes it \
                     worse, another root and the end are told"
                ),
                format!("影响已扩大，但 {by} 已确认处理：仅通知恶化、根因变化和恢复"),
            ),
            Self::Ended { at } => lang.pick(
                format!("the end was told at {at}", at = zone.tell(*at)),
                format!("已于 {at} 通知恢复", at = zone.tell(*at)),
            ),
            Self::SoftwareFault => lang
                .pick(
                    "a fault of the software is told to its owners, not to operations",
                    "软件故障只通知业务负责人，不通知运维",
                )
                .to_owned(),
            Self::NothingKnown => lang
                .pick(
                    "missing data and blindness are told to operations, not to owners",
                    "无数据和监控失明只通知运维，不通知业务负责人",
                )
                .to_owned(),
            Self::OverInTime => lang
                .pick(
                    "what concerned them was well again before they were due to be told",
                    "未到通知时间，与其相关的对象已恢复",
                )
                .to_owned(),
            Self::NothingOfTheirs => {
                lang.pick("nothing of theirs suffers", "其名下没有受影响的对象").to_owned()
            }
        }
    }
}

impl MemberWhy {
    /// Why the object is part of the incident, in one sentence that names it.
    pub fn text(&self, lang: Lang, zone: &Zone) -> String {
        let (name, rule, since) =
            (thing(&self.object, lang), self.rule.text(lang, zone), &self.since);
        lang.pick(
            format!("{name}: {rule}; since {since}", since = zone.tell(*since)),
            format!("{name}：{rule}；自 {since} 起", since = zone.tell(*since)),
        )
    }
}

impl ObjectWhy {
    /// Where the object stands, in one sentence that names it.
    pub fn text(&self, lang: Lang, zone: &Zone) -> String {
        let name = thing(&self.object, lang);
        match &self.place {
            Place::Well => lang.pick(
                format!("nothing bad is known of {name}: there is nothing to tell"),
                format!("{name}没有已知异常，无需通知"),
            ),
            Place::Unknown => lang.pick(
                format!("{name} is in no inventory, and no check of it is remembered"),
                format!("{name}不在任何清单中，也没有保留它的检查记录"),
            ),
            Place::NotBelieved => lang.pick(
                format!("what is bad of {name} is not believed: another source found it good"),
                format!("{name}的异常不被采信：另一来源检查正常"),
            ),
            Place::Aside { fate } => format!("{name}: {}", fate.text(lang, zone)),
            Place::Waits { root, until, .. } if *root == self.object => lang.pick(
                format!(
                    "{name} is unwell; nobody is told before {until}, since something above it \
                     may explain it",
                    until = zone.tell(*until)
                ),
                format!(
                    "{name}异常；{until} 之前不通知：上层对象可能是原因",
                    until = zone.tell(*until)
                ),
            ),
            Place::Waits { root, until, rule } => {
                let (root, rule) = (thing(root, lang), rule.text(lang, zone));
                lang.pick(
                    format!(
                        "{name} suffers from {root}: {rule}; nobody is told before {until}",
                        until = zone.tell(*until)
                    ),
                    format!(
                        "{name}受{root}影响：{rule}；{until} 之前不通知",
                        until = zone.tell(*until)
                    ),
                )
            }
            Place::Part { incident, rule } => {
                let rule = rule.text(lang, zone);
                lang.pick(
                    format!("{name} is part of incident {incident}: {rule}"),
                    format!("{name}属于故障 {incident}：{rule}"),
                )
            }
        }
    }
}

impl WordWhy {
    /// What the check said, and why it is not told as it stands.
    pub fn text(&self, lang: Lang, zone: &Zone) -> String {
        let Self { check, source, since, heard, .. } = self;
        let text = if self.text.is_empty() { String::new() } else { format!(": {}", self.text) };
        let (said, fate) = (condition(self.said, lang), self.fate.text(lang, zone));
        let sep = if fate.is_empty() { "" } else { lang.pick("; ", "；") };
        lang.pick(
            format!(
                "{check} {said} since {since}, says {source}, last at {heard}{text}{sep}{fate}",
                since = zone.tell(*since),
                heard = zone.tell(*heard)
            ),
            format!(
                "{check} 自 {since} 起{said}，来源 {source}，最近一次 {heard}{text}{sep}{fate}",
                since = zone.tell(*since),
                heard = zone.tell(*heard)
            ),
        )
    }
}
