//! What the scaler says in Chinese: the reasons of its decisions, and why a VM is in its state. In
//! English they are said where they arise.

use std::time::Duration;

use model::phrasebook::{Phrase, translate};
use model::unit::Span;

use crate::facts::SpentBudget;
use crate::policy::Mode;
use crate::reason::{Limit, Reason};
use crate::steps::WAITS_FOR_ROUTERS;
use crate::work::{Account, Outlook};

/// Why a VM is in its state.
pub const PHRASES: &[Phrase] = &[
    ("ordered for the pool", "为资源池订购"),
    ("the provider made it", "提供方已创建"),
    ("seen at its provider", "提供方已列出"),
    ("its agent answers", "agent 已应答"),
    ("it died while it booted", "启动中宕机"),
    ("not up after {}", "{0} 后仍未启动"),
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
    ("its provider says its host is down", "提供方称其宿主机已宕机"),
    ("well again", "已恢复"),
    ("isolated for long enough to be looked at", "隔离时间已足够排查"),
    ("its program does not start: {}", "程序无法启动：{0:}"),
    ("drained, program stopped", "已摘流，程序已停止"),
    ("destroyed", "已销毁"),
    (WAITS_FOR_ROUTERS, "等待所有路由放开它，且其在途请求已完成或已到时限"),
    ("recycled", "已回收"),
    ("needed again", "重新需要"),
    ("its place is needed: the module is at its ceiling", "需要腾出位置：模块已达上限"),
    ("it waited for too long: a fresh one took its place", "等待过久：已由新的代替"),
    ("an orphan: ordered once, made late, used by nobody", "孤儿：曾经订购、迟到创建、无人使用"),
    ("no longer needed: out of the routers first", "不再需要：先从路由摘除"),
    ("no longer needed", "不再需要"),
    ("never made: {}", "未能创建：{0:}"),
    ("taken for {}", "分配给 {0}"),
    ("its program is being started", "正在启动程序"),
    ("more than the pool is to hold", "超出资源池的容量"),
    ("it bears our tag and no record tells of it", "带有我们的标记，但没有记录"),
    ("the quota is used up for {}: {}", "{0} 的配额已用完：{1:}"),
    ("no host has room for {}: {}", "没有宿主机能容纳 {0}：{1:}"),
    ("each is full or down", "全部已满或宕机"),
    ("its load is unknown since {}: nothing is taken away", "自 {0} 起负载未知：期间不缩容"),
    ("its load is known again", "负载已恢复可知"),
    ("{}; it stays: {}", "{0:}；暂不隔离：{1:}"),
    ("isolation.mode is observe", "isolation.mode 为 observe"),
    ("no other VM of the module looks well", "模块中没有其他看起来正常的虚拟机"),
    (
        "{} of {} were isolated within {} (isolation.max_share)",
        "{2} 内已隔离 {0} 台，共 {1} 台（isolation.max_share）",
    ),
    (
        "lead     a VM of the pool serves after {} ({}), one that is made first after {} ({})",
        "耗时：资源池的虚拟机 {0} 后投入服务（{1:}），需新建的 {2} 后（{3:}）",
    ),
    ("assumed, none was timed yet", "假定值，尚无实测"),
    ("by the one that was timed", "一次实测"),
    ("median of {}", "{0} 次的中位数"),
    ("schedule {} until {}, {}", "计划 {0}，到 {1} 为止，{2}"),
    ("schedule {} until {}", "计划 {0}，到 {1} 为止"),
    ("forecast {} VMs, which lifts nothing: {}", "预测 {0} 台（不抬高下限）：{1:}"),
    ("forecast {} VMs: {}", "预测 {0} 台：{1:}"),
    ("hold     {} until {}, by {}: {}", "暂停 {0}，到 {1} 为止，由 {2}：{3}"),
    ("the provider has not said yet what there is", "提供方尚未说明现有哪些虚拟机"),
    (
        "none is ordered before {}: {} failed in a row, the last with {}",
        "{0} 之前不再订购：已连续失败 {1} 次，最近一次：{2:}",
    ),
    (
        "one is tried at a time: {} failed in a row, the last with {}",
        "每次只试一台：已连续失败 {0} 次，最近一次：{1:}",
    ),
    (
        "{} may be ordered within an hour (pace.create.per_hour of all policies): the next at {}",
        "一小时内最多订购 {0} 台（各策略 pace.create.per_hour 之和）：下一台要等到 {1}",
    ),
    (
        "{} are ordered within a minute (refill.per_minute)",
        "一分钟内已订购 {0} 台（refill.per_minute）",
    ),
    ("{} are made at once (refill.in_flight)", "同时创建 {0} 台（refill.in_flight）"),
    ("no more can be made: {}", "无法再创建：{0:}"),
];

/// What the limits of a decision say.
pub const LIMITS: &[Phrase] = &[
    ("the policy names none", "策略没有指标"),
    ("metric {} asks for {}", "指标 {0} 需要 {1} 台"),
    ("no metric asks for anything", "没有指标提出要求"),
    ("no change is asked for", "无需变更"),
    ("any may add: {}", "任一指标可扩容：{0}"),
    ("all agree on fewer: {}", "所有指标同意缩容：{0}"),
    ("only fewer are waited for", "仅缩容需要等待"),
    ("watched without a hole since {} only", "自 {0} 起才有连续观测"),
    ("no more were wanted within {}", "{0} 内未曾需要更多"),
    ("{} were wanted within {}", "{1} 内曾需要 {0} 台"),
    ("only fewer are a risk", "仅缩容有风险"),
    ("{} can carry the load", "{0} 台足以承载负载"),
    ("with {} load would be {} > {}", "{0} 台时负载将为 {1} > {2}"),
    ("at most {} more at once", "一次最多增加 {0} 台"),
    ("at most {} fewer at once", "一次最多减少 {0} 台"),
    ("no change", "无变更"),
    ("{} on their way, at most {} at once", "{0} 台正在就绪，同时最多 {1} 台"),
    ("none on their way, and cooled down", "没有正在就绪的虚拟机，冷却已结束"),
    ("cooling down until {}", "冷却中，直到 {0}"),
    ("settling after the last change until {}", "上次变更后等待稳定，直到 {0}"),
    ("{} VMs are still on their way", "还有 {0} 台虚拟机正在就绪"),
    ("{} unknown for {}: at least {} until it is known", "{0} 未知已持续 {1}：恢复前至少 {2} 台"),
    ("floor {} by {}", "下限 {0}，来自{1:}"),
    ("schedule {} holds", "计划 {0} 生效中"),
    ("the forecast", "预测"),
    ("none holds", "没有生效的计划"),
    ("{} wants at least {}", "{0:}要求至少 {1} 台"),
    ("{} wants at most {}", "{0:}要求至多 {1} 台"),
    ("at least {}, at most {}", "至少 {0} 台，至多 {1} 台"),
    ("at max {}", "已达上限 {0}"),
    ("at min {}", "已达下限 {0}"),
    ("the policy's bounds are {} to {}", "策略的范围是 {0} 到 {1}"),
    ("none is going out", "没有正在进行的发布"),
    ("nothing is taken away", "没有缩容"),
    ("{} VMs may go", "可缩掉 {0} 台"),
    ("nothing is needed of it", "不需要新的虚拟机"),
    ("{} ready in the pool, {} can be made", "资源池就绪 {0} 台，还可创建 {1} 台"),
    ("the fleet may lose {} more", "全局还可缩 {0} 台"),
    ("hold {} of {} until {}", "暂停 {0}（{1}），直到 {2}"),
    ("nothing is held", "没有暂停"),
    ("none is used up", "没有用完"),
    ("that of {} is used up until {}", "{0} 的错误预算已用完，直到 {1}"),
    // It fits more than its own, so it stands last.
    ("schedule {}", "计划 {0} "),
];

impl Limit {
    /// What it says, as [`Limit::detail`] says it in English.
    pub fn detail_in_chinese(&self) -> String {
        translate(&[LIMITS], &self.detail)
    }
}

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
            Self::BudgetSpent(SpentBudget { policy, down, allowed, until }) => format!(
                "不可用 {}，而 {policy} 只允许 {}：错误预算已用完，{until} 之前不缩容",
                whole(*down),
                whole(*allowed)
            ),
            Self::OffTarget { metric, value, target, wants } => {
                format!("{metric} {value:.2}，目标 {target:.2}：需要 {wants} 台")
            }
            Self::WorkAsks { metric, wants, limit, account } => format!(
                "{metric}：{}；每台不超过 {limit:.2}，需要 {wants} 台",
                account.in_chinese()
            ),
            Self::WorkFits { metric, limit, account } => {
                format!("{metric}：{}；每台不超过 {limit:.2}，现有数量合适", account.in_chinese())
            }
            Self::SurplusTooSmall { metric, keeps, surplus, price, account } => format!(
                "{metric}：{}；{keeps} 台就够，但多留的部分至今只花了 {}（按单台 VM 计），还不值得为此操作一次（{}）",
                account.in_chinese(),
                whole(*surplus),
                whole(*price)
            ),
            Self::OnTarget { metric, value, target } => {
                format!("{metric} {value:.2}，目标 {target:.2}：台数合适")
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
            Self::LoadDoesNotFall { until } => format!("扩容未能降低负载：{until} 之前不再扩容"),
            Self::Inert { mode, wanted, because } => inert(*mode, *wanted, because),
        }
    }
}

impl Account {
    fn in_chinese(&self) -> String {
        let Self { work, expected, margin, outlook, reaction, beyond_pool, .. } = self;
        let outlook = match outlook {
            Outlook::Same => "保持现状",
            Outlook::Slope => "沿当前趋势",
            Outlook::Return => "回到均值",
        };
        let pool = if *beyond_pool { "，资源池不够、需要新建" } else { "" };
        format!(
            "当前工作量 {work:.1} 台，{} 后预计 {expected:.1} 台（{outlook}，余量 {margin:+.1}{pool}）",
            whole(*reaction)
        )
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
        assert_eq!(mistakes(LIMITS), [""; 0]);
    }

    #[test]
    fn what_a_limit_says_is_said_in_chinese_too() {
        let told = |text| translate(&[LIMITS], text);
        assert_eq!(told("schedule peak wants at least 5"), "计划 peak 要求至少 5 台");
        assert_eq!(told("floor 8 by schedule peak"), "下限 8，来自计划 peak ");
        assert_eq!(told("with 2 load would be 0.90 > 0.72"), "2 台时负载将为 0.90 > 0.72");
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
