//! Every word of the pages, in both languages, in one table.
//!
//! A word that lacks a language does not compile; one that nobody says is a warning. `{0}`, `{1}`
//! stand for what is filled in. The terms are those of the design's table; what other rooms say
//! (reasons, headlines, errors) is not translated here.

/// One text in both languages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Word {
    pub(crate) en: &'static str,
    pub(crate) zh: &'static str,
}

macro_rules! words {
    ($($key:ident = $en:literal, $zh:literal;)*) => {
        $(pub(crate) const $key: Word = Word { en: $en, zh: $zh };)*

        #[cfg(test)]
        const ALL: &[(&str, Word)] = &[$((stringify!($key), $key)),*];
    };
}

words! {
    // The frame.
    SKIP = "Skip to content", "跳到正文";
    THEME = "Theme", "主题";
    THEME_AUTO = "Auto", "自动";
    THEME_LIGHT = "Light", "浅色";
    THEME_DARK = "Dark", "深色";
    LANGUAGE = "Language", "语言";
    LIVE_ON = "live", "实时";
    LIVE_OFF = "live: off, data as of", "实时更新已断开，数据截至";
    AS_OF = "data as of", "数据截至";
    ZONE = "times in {0}", "时区 {0}";
    BACK = "Overview", "总览";
    NOT_FOUND = "There is no such page", "没有这个页面";
    NOT_FOUND_HINT = "It may have been here once: an incident or a module that is forgotten by now.",
        "它可能曾经存在：某个已清除的故障或模块。";

    // How things fare.
    DOWN = "down", "宕机";
    UNKNOWN = "unknown", "未知";
    STARTING = "starting", "启动中";
    LEAVING = "leaving", "下线中";
    UP = "up", "正常";
    STALE = "stale", "过期";
    HELD = "held", "维持";

    // The summary.
    SUMMARY = "Summary", "概况";
    HOSTS = "Hosts", "宿主机";
    VMS = "VMs", "虚拟机";
    OPEN_INCIDENTS = "open incidents", "个进行中的故障";
    OPEN_INCIDENT = "open incident", "个进行中的故障";
    NO_INCIDENTS = "no open incident", "无进行中的故障";
    MONITOR_WELL = "monitor healthy", "监控正常";
    MONITOR_FILES = "monitor: files refused", "监控：配置被拒绝";
    MONITOR_BLIND = "monitor sees nothing", "监控无数据";
    DATA_OLD = "data {0} old", "数据延迟 {0}";

    // Incidents.
    INCIDENTS = "Incidents", "故障";
    CALM = "All is quiet: no incident is open.", "一切平稳：没有进行中的故障。";
    ENDED = "ended", "已恢复";
    ONGOING = "ongoing", "进行中";
    EARLIER = "{0} earlier", "更早的 {0} 条";
    FOR = "for {0}", "持续 {0}";
    OBJECTS_AFFECTED = "{0} affected", "影响 {0} 个对象";
    BUSINESSES = "businesses", "业务";
    WHY = "Why this is the cause", "判断依据";
    ROOT = "Cause", "根因";
    STATE = "State", "状态";
    SEVERITY = "Severity", "级别";
    OPENED = "Opened", "开始";
    CLOSED = "Ended", "结束";
    LASTED = "Lasted", "持续";
    AFFECTED = "Affected", "受影响对象";
    NOTHING_AFFECTED = "Nothing suffers now.", "目前没有对象受影响。";
    TIMELINE = "Timeline", "时间线";
    OPENED_EVENT = "incident opened", "故障开始";
    CLOSED_EVENT = "incident ended", "故障结束";
    TOLD = "told {0}", "已通知 {0}";
    OWNER_VIEW = "Owner view", "业务视图";
    OPERATIONS_VIEW = "Operations view", "运维视图";
    NOBODY_TOLD = "Nobody was told this view.", "此视图尚未通知任何人。";
    DELIVERED = "delivered", "已送达";
    WAITING = "not delivered yet", "尚未送达";
    FAILED = "not delivered: {0}", "未送达：{0}";
    VIA = "via {0}", "经 {0}";
    PROBLEM = "problem", "故障";
    UPDATE = "update", "更新";
    RESOLVED = "resolved", "恢复";
    STATE_DEGRADED = "degraded", "异常";
    STATE_NODATA = "no data", "没有数据";
    STATE_BLIND = "blind", "失明";
    STATE_FLAPPING = "unstable", "不稳定";
    INFO = "info", "信息";
    WARNING = "warning", "警告";
    AVERAGE = "average", "一般";
    HIGH = "high", "严重";
    DISASTER = "disaster", "灾难";

    // The fleet.
    FLEET = "Fleet", "机群";
    NO_HOSTS = "No host and no VM is known yet.", "尚无宿主机和虚拟机。";
    NO_HOST = "no host yet", "宿主机待定";
    IN_POOL = "pool", "资源池";
    EMPTY_HOST = "no VMs", "没有虚拟机";
    AS_TABLE = "The same as a table", "以表格查看";
    HOST = "Host", "宿主机";
    VM = "VM", "虚拟机";
    MODULE = "Module", "模块";
    LOAD_PER_CORE = "Load per core", "每核负载";
    REASON = "Reason", "原因";
    ONE_VM = "1 VM", "1 台虚拟机";
    MANY_VMS = "{0} VMs", "{0} 台虚拟机";
    WANTED = "wanted", "待创建";
    CREATING = "creating", "创建中";
    BOOTING = "booting", "开机中";
    RESERVED = "reserved", "已预留";
    DEPLOYING = "deploying", "部署中";
    READY = "ready", "就绪";
    SERVING = "serving", "服务中";
    ISOLATED = "isolated", "已隔离";
    DRAINING = "draining", "排空中";
    STOPPED = "stopped", "已停止";
    DESTROYING = "destroying", "销毁中";
    GONE = "gone", "已销毁";
    QUARANTINE = "quarantine", "待认领";

    // Modules.
    MODULES = "Modules", "模块";
    NO_MODULES = "No module is configured.", "没有配置模块。";
    PROJECT = "Project", "项目";
    WARMING = "on their way", "启动中";
    DESIRED = "desired", "期望";
    BOUNDS = "bounds", "范围";
    MODE = "mode", "模式";
    LOAD = "load", "负载";
    CAPTION = "Load of {0}, last {1}: max {2} at {3}, now {4}; {5}",
        "{0} 的负载，最近 {1}：最高 {2}（{3}），当前 {4}；{5}";
    CAPTION_BLIND = "Load of {0}, last {1}: unknown; {2}", "{0} 的负载，最近 {1}：未知；{2}";
    NO_SERIES = "Nothing was measured yet.", "尚无测量数据。";
    AXIS_LOAD = "load per core", "每核负载";
    AXIS_COUNT = "VMs serving", "服务中的虚拟机";
    SCALES = "scales in below {0}, out above {1}", "低于 {0} 缩容，高于 {1} 扩容";
    AVAILABILITY = "Availability", "可用性";
    KNOWN = "known", "已知";
    COVERAGE = "coverage", "覆盖率";
    BETWEEN = "between {0} and {1}", "介于 {0} 与 {1}";
    SINCE = "since", "自";
    NOT_PROBED = "Not probed: {0}", "未探测：{0}";
    DECISIONS = "Decisions", "决策";
    NO_DECISIONS = "No decision yet.", "尚无决策。";
    NUMBER = "No.", "编号";
    TIME = "Time", "时间";
    CHANGE = "VM count", "虚拟机数";
    DECISION = "Decision", "决策";
    NO_VMS = "This module has no VM.", "此模块没有虚拟机。";
    MANY_MODULES = "Each module's page has its chart.", "图表见各模块页面。";

    // Pools.
    POOLS = "Pools", "资源池";
    NO_POOLS = "No pool is configured.", "没有配置资源池。";
    FLAVOR = "Flavor", "套餐";
    POOL_READY = "Ready", "就绪";
    POOL_READY_OF = "{0} of {1}", "{0} / {1}";
    POOL_BOOTING = "Being made", "创建中";
    POOL_TOTAL = "In all", "总数";
    POOL_NOTE = "Note", "备注";

    // The monitor itself.
    MONITOR = "Is the monitor healthy?", "监控自身是否健康？";
    MONITOR_YES = "Yes. {0} targets, {1}.", "是。{0} 个目标，{1}。";
    MONITOR_NO = "Not quite. {0} targets, {1}.", "不完全。{0} 个目标，{1}。";
    NO_DATA = "no data yet", "尚无数据";
    CONFIG_ERROR = "The files on disk were refused; the last good ones stay in force:",
        "磁盘上的配置被拒绝，仍使用上一份有效配置：";
    FAULTS = "Targets that do not answer as they should: {0}", "应答异常的监控目标：{0}";
    NO_FAULTS = "Every target answers as it should.", "所有监控目标应答正常。";
    OBJECT = "Object", "对象";
    ERROR = "Error", "错误";
    MORE = "{0} more", "另有 {0} 项";
    FAULT_SINCE = "Since", "开始";

    // Units.
    DAYS = "d", "天";
    HOURS = "h", "小时";
    MINUTES = "min", "分钟";
    SECONDS = "s", "秒";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_word_is_empty_in_any_language() {
        for (key, word) in ALL {
            assert!(!word.en.trim().is_empty() && !word.zh.trim().is_empty(), "{key}");
            let latin = word.zh.chars().any(|c| c.is_ascii_alphabetic());
            let chinese = !word.zh.is_ascii();
            assert!(chinese || !latin, "{key} is not Chinese: {}", word.zh);
            assert!(word.en.is_ascii(), "{key} is not English: {}", word.en);
        }
    }

    #[test]
    fn both_languages_have_the_same_places_to_fill() {
        for (key, word) in ALL {
            for place in ["{0}", "{1}", "{2}", "{3}", "{4}", "{5}"] {
                assert_eq!(word.en.contains(place), word.zh.contains(place), "{key} {place}");
            }
        }
    }
}
