//! What the scaler says in Chinese: the reasons of its decisions, and why a VM is in its state. In
//! English they are said where they arise.

use std::time::Duration;

use model::phrasebook::Phrase;
use model::unit::Span;

use crate::policy::Mode;
use crate::reason::Reason;

/// Why a VM is in its state.
pub const PHRASES: &[Phrase] = &[
    ("ordered for the pool", "为资源池订购"),
    ("the provider made it", "提供方已创建"),
    ("seen at its provider", "提供方已列出"),
    ("its agent answers", "agent 已应答"),
    ("it died while it booted", "启动中宕机"),
    ("not up after {} s", "{0} 秒后仍未启动"),
    ("it died in the pool", "在资源池中宕机"),
    ("its agent fell silent in the pool", "在资源池中 agent 失去响应"),
    ("it died before it served", "投入服务前宕机"),
    ("ready {} times in a row", "连续 {0} 次就绪"),
    ("ready", "就绪"),
    ("not ready within {}", "{0} 内未就绪"),
    ("it died while it drained", "摘流过程中宕机"),
    ("no longer listed by its provider", "提供方已不再列出"),
    ("its agent is silent", "agent 失去响应"),
    ("it fails its readiness probe", "就绪探测失败"),
    ("routers cannot reach it", "路由无法连接"),
    ("its provider says it does not run", "提供方称其未运行"),
    ("well again", "已恢复"),
    ("isolated for long enough to be looked at", "隔离时间已足够排查"),
    ("its program does not start: {}", "程序无法启动：{0:}"),
    ("drained, program stopped", "已摘流，程序已停止"),
    ("destroyed", "已销毁"),
    ("recycled", "已回收"),
    ("no longer needed: out of the routers first", "不再需要：先从路由摘除"),
    ("no longer needed", "不再需要"),
    ("never made: {}", "未能创建：{0:}"),
    ("taken for {}", "分配给 {0}"),
    ("its program is being started", "正在启动程序"),
    ("more than the pool is to hold", "超出资源池的容量"),
    ("it bears our tag and no record tells of it", "带有我们的标记，但没有记录"),
    ("no capacity left for {}: {}", "{0} 已没有余量：{1:}"),
    ("no host has room", "没有宿主机有余量"),
];

impl Reason {
    /// Why the count changes, or stays, as [`Reason`] says it in English.
    pub fn in_chinese(&self) -> String {
        match self {
            Self::Bounds { min, max } => format!("策略的范围是 {min} 到 {max}"),
            Self::LoadAbove { metric, load, above, lasted } => {
                format!("{metric} {load:.2} > {above:.2} 已持续 {}", whole(*lasted))
            }
            Self::LoadBelow { metric, load, below, lasted } => {
                format!("{metric} {load:.2} < {below:.2} 已持续 {}", whole(*lasted))
            }
            Self::OverloadProvenByPart { metric, load_at_least, above, fresh, serving } => format!(
                "仅 {serving} 台中的 {fresh} 台就使 {metric} 至少为 {load_at_least:.2} > {above:.2}"
            ),
            Self::LoadInBand { load: Some(load) } => format!("负载 {load:.2} 在范围内"),
            Self::LoadInBand { load: None } => "负载在范围内".to_owned(),
            Self::NotElastic => "策略没有指标：数量不变".to_owned(),
            Self::AboveNotLongEnough { load, above, lasted, needed } => format!(
                "负载 {load:.2} > {above:.2} 已持续 {}，需要 {}",
                whole(*lasted),
                whole(*needed)
            ),
            Self::BelowNotLongEnough { load, below, lasted, needed } => format!(
                "负载 {load:.2} < {below:.2} 已持续 {}，需要 {}",
                whole(*lasted),
                whole(*needed)
            ),
            Self::SamplesMissing { metric, fresh, serving, coverage } => format!(
                "{metric} 未知：{serving} 台中只有 {fresh} 台有新采样，需要 {:.0} %",
                coverage * 100.0
            ),
            Self::NoAnswer { metric, fault } => format!("{metric} 未知：{fault}"),
            Self::NothingServes => "没有虚拟机在服务：无负载可依据".to_owned(),
            Self::Settling { until } => format!("上次变更后等待稳定，直到 {until}"),
            Self::CoolingDown { until } => format!("冷却中，直到 {until}"),
            Self::Stabilising { until, keeps } => {
                format!("近期曾需要 {keeps} 台：保持到 {until}")
            }
            Self::AlreadyOnTheirWay { projected, above } => {
                format!("算上正在就绪的虚拟机，负载将为 {projected:.2}，不高于 {above:.2}")
            }
            Self::StillWarming { warming } => format!("还有 {warming} 台虚拟机正在就绪"),
            Self::WouldOverload { projected, limit } => {
                format!("减少一台后负载将为 {projected:.2} > {limit:.2}")
            }
            Self::AtMax { max } => format!("已达上限 {max}"),
            Self::AtMin { min } => format!("已达下限 {min}"),
            Self::TooManyInFlight { warming, max } => {
                format!("有 {warming} 台虚拟机正在就绪，同时最多 {max} 台")
            }
            Self::OutOnly => "out-only 模式不缩容".to_owned(),
            Self::OffTarget { metric, value, target, wants } => {
                format!("{metric} {value:.2}，目标 {target:.2}：需要 {wants} 台")
            }
            Self::OnTarget { metric, value, target } => {
                format!("{metric} {value:.2} 接近目标 {target:.2}")
            }
            Self::BlindToFloor { metric, floor, lasted } => {
                format!("{metric} 未知已持续 {}：恢复前至少 {floor} 台", whole(*lasted))
            }
            Self::Floor { floor, by } => format!("{}要求至少 {floor} 台", who(by)),
            Self::Ceiling { ceiling, by } => format!("{}要求至多 {ceiling} 台", who(by)),
            Self::Protected { removable: 0 } => {
                "没有可缩掉的虚拟机：均受保护、过新或不可缺少".to_owned()
            }
            Self::Protected { removable } => {
                format!("只有 {removable} 台可缩掉：其余受保护、过新或不可缺少")
            }
            Self::NoRoom { ready, creatable } => {
                format!("没有可用的虚拟机：资源池就绪 {ready} 台，还可创建 {creatable} 台")
            }
            Self::FleetBrake { room } => format!("全局刹车：目前只允许再缩 {room} 台"),
            Self::Held { hold, what, until, wanted, because } => format!(
                "已被 {hold} 暂停（{}），直到 {until}：本应为 {wanted} 台，原因：{}",
                what.as_str(),
                because.in_chinese()
            ),
            Self::NoPolicy => "策略文件已不存在：一切保持原样".to_owned(),
            Self::Inert { mode, wanted, because } => inert(*mode, *wanted, because),
        }
    }
}

/// Who wants a floor or a ceiling.
fn who(by: &str) -> String {
    match by.strip_prefix("schedule ") {
        Some(name) => format!("计划 {name} "),
        None if by == "the forecast" => "预测".to_owned(),
        None => format!("{by} "),
    }
}

fn inert(mode: Mode, wanted: u32, because: &Reason) -> String {
    format!("{} 模式：本应为 {wanted} 台，原因：{}", mode.as_str(), because.in_chinese())
}

/// Whole seconds, written as in files.
fn whole(span: Duration) -> Span {
    Span(Duration::from_secs(span.as_secs()))
}

#[cfg(test)]
mod tests {
    use model::phrasebook::mistakes;

    use super::*;

    #[test]
    fn no_phrase_loses_a_hole() {
        assert_eq!(mistakes(PHRASES), [""; 0]);
    }

    #[test]
    fn a_reason_has_the_same_numbers_in_both_languages() {
        let because = Box::new(Reason::LoadAbove {
            metric: "load".to_owned(),
            load: 0.93,
            above: 0.7,
            lasted: Duration::from_millis(61_900),
        });
        let reason = Reason::Inert { mode: Mode::DryRun, wanted: 7, because };
        assert_eq!(
            reason.to_string(),
            "mode dry-run: would be 7, because load 0.93 > 0.70 for 1m1s"
        );
        assert_eq!(
            reason.in_chinese(),
            "dry-run 模式：本应为 7 台，原因：load 0.93 > 0.70 已持续 1m1s"
        );
    }
}
