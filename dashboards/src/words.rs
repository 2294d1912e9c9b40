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

    PAGES = "Pages", "页面";
    EXPLORE = "Metrics", "指标";
    MONITOR_PAGE = "Monitor", "监控自检";

    RULES = "Rules", "规则";

    // The rules.
    NO_RULE_FIRES = "No rule fires", "没有规则触发";
    RULES_FIRE = "Rules that fire: {0}", "正在触发的规则：{0} 条";
    RULE = "Rule", "规则";
    WATCHES = "Watches", "检查内容";
    NOW = "Now", "当前";
    FIRES = "fires", "触发";
    RULE_FAILS = "cannot be judged", "无法判断";
    RULE_SILENT = "no data", "没有数据";
    RULE_SILENT_HINT = "What these rules told of is not heard of any more, so its end is not known.",
        "这些规则报告过的对象现在没有数据，因此不知道是否已恢复。";
    RULE_DOUBTFUL = "judged in part", "部分判断";
    RULE_DOUBTFUL_HINT = "Part of what these rules find could not be judged.",
        "这些规则查到的内容有一部分无法判断。";
    RULE_QUIET = "quiet", "正常";
    RULE_WAITS = "not evaluated yet", "尚未执行";
    RULE_IDLE = "no series matches", "没有匹配的序列";
    RULE_IDLE_HINT = "Nothing that is measured here is what these rules are about.",
        "本处的采样中没有这些规则所检查的内容。";
    RULE_OFF = "switched off", "已关闭";
    RULE_OFF_HINT = "switched off in its file", "在其文件中关闭";
    RULE_WAITS_HINT = "not evaluated since the start", "启动后尚未执行";
    RULE_LINE = "bad {0}, good again {1}", "{0} 为异常，{1} 恢复";
    RULE_PRESENCE = "bad while a series is there", "有序列即为异常";
    RULE_NO_DATA = "bad when no data comes any more", "不再有数据即为异常";
    RULE_FOR = "for {0}", "持续 {0}";
    RULE_ON = "on {0}", "对象：{0}";
    RULE_EVERY = "every {0}", "每 {0}一次";
    RULE_FAILED = "failed", "执行失败";
    RULE_SERIES = "{0} series", "{0} 条序列";

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
    ACKNOWLEDGED = "Acknowledged", "认领";
    LASTED = "Lasted", "持续";
    AFFECTED = "Affected", "受影响对象";
    NOTHING_AFFECTED = "Nothing suffers now.", "目前没有对象受影响。";
    TIMELINE = "Timeline", "时间线";
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

    // What people do about it.
    DOINGS = "What you can do", "处置";
    AT_WORK = "{0} has been working on it since {1}.", "{0} 自 {1} 起处理中。";
    PUT_OFF = "{0} has put it off until {1}.", "{0} 已暂缓提醒至 {1}。";
    SILENCED_BY = "{0} has silenced {2} until {1}: {3}", "{0} 已将 {2} 静默至 {1}：{3}";
    SILENCED_UNTIL = "silenced by {0} until {1}", "{0} 已静默至 {1}";
    PARTLY_SILENCED = "Not all of its causes are silenced: of the others people are told.",
        "并非所有根因都被静默：其余部分仍会通知。";
    I_AM = "I am", "我是";
    FOR_HOW_LONG = "For", "时长";
    COMMENT = "Why", "原因说明";
    COVERS = "Object", "对象";
    ACKNOWLEDGE_HINT = "Say that you work on it: operations then hear only what makes it worse, and the end.",
        "表示您正在处理：此后运维只会收到恶化和恢复的通知。";
    ACKNOWLEDGE_DO = "I work on it", "我来处理";
    SNOOZE_HINT = "Be reminded later: until then you alone hear only what makes it worse, and the end.",
        "稍后提醒：在此之前，仅您本人只会收到恶化和恢复的通知。";
    SNOOZE_DO = "Remind me later", "稍后提醒我";
    SILENCE_HINT = "Nobody is told of the object and what stands on it until then; it stays on the pages.",
        "到期之前，该对象及其承载的对象不会通知任何人；页面上仍可看到。";
    SILENCE_DO = "Silence it", "静默";

    // Silences and maintenance.
    QUIET_PAGE = "Silences", "静默与维护";
    QUIET = "Silences and maintenance", "静默与维护";
    QUIET_HINT = "Who keeps what quiet, until when and why. There is no login yet: everybody says who he is.",
        "谁在何时之前静默了什么以及原因。目前没有登录：请自行选择您是谁。";
    SILENCES = "Silences", "静默";
    HOLDS = "Holds on the scaler", "伸缩暂停";
    NO_HOLDS = "Nothing is held.", "没有暂停。";
    HOLD_ON = "Module", "模块";
    WHOLE_FLEET = "the whole fleet", "整个系统";
    HOLD_WHAT = "Left alone", "暂停内容";
    HOLD_IN = "nothing is taken away", "不缩容";
    HOLD_OUT = "nothing is added", "不扩容";
    HOLD_ISOLATE = "no ill VM is isolated", "不隔离异常虚拟机";
    HOLD_ALL = "nothing is added, taken away or isolated", "不扩容、不缩容、不隔离";
    NEW_HOLD = "Hold the scaler", "暂停伸缩";
    HOLD_HINT = "It ends by itself, after 7 days at most. Meanwhile the scaler says what it would do, and replaces VMs that die.",
        "到期自动结束，最长 7 天。期间伸缩器仍会说明本应如何处理，并替换宕机的虚拟机。";
    HOLD_DO = "Hold", "暂停";
    NO_SILENCES = "Nothing is silenced.", "没有静默。";
    WINDOWS = "Maintenance windows", "维护窗口";
    NO_WINDOWS = "No maintenance is planned.", "没有计划中的维护。";
    UNTIL = "Until", "到期";
    BY = "By", "来源";
    WHEN = "When", "时间";
    OPEN_UNTIL = "open until {0}", "进行中，直到 {0}";
    OVER = "over", "已结束";
    BEGINS = "begins at {0}", "{0} 开始";
    END_IT = "End it", "立即结束";
    END_IN_FILE = "End it in {0}.", "请在 {0} 中删除。";
    NEW_SILENCE = "Silence something", "新建静默";
    OR_LABELS = "Or labels of posted alerts", "或外部告警的标签";
    CHECK_ONLY = "Only this check", "仅此检查项";
    NEW_WINDOW = "Begin maintenance", "开始维护";
    WINDOW_HINT = "What fails on these objects, and on what they carry, is no incident until then.",
        "到期之前，这些对象及其承载的对象异常不计为故障。";
    WINDOW_DO = "Begin now", "立即开始";
    NOT_DONE = "This was not done", "未执行";
    BACK_TO_FORM = "Back", "返回";
    // Why, and the review.
    WHO_IS_TOLD = "Who is told, and why or why not", "通知了谁，为什么通知或不通知";
    OTHERS = "everybody else", "其他人";
    NOTHING_OF_THEIRS = "nothing of theirs suffers", "其名下没有受影响的对象";
    MEMBER_RULES = "By which rule each is part of it", "各对象计入本故障的依据";
    AND_MORE = " and {0} more", " 等，另有 {0} 个";
    LEFT_OUT = "{0} more comings and goings are counted, and not kept one by one.",
        "另有 {0} 条进出记录只计数，未逐条保留。";
    REVIEW = "Review", "复盘";
    INCIDENT_ID = "Incident {0}", "故障 {0}";
    AS_MARKDOWN = "as Markdown", "导出 Markdown";
    FIGURE = "Figure", "指标";
    COUNTED = "From when to when", "统计口径";
    TO_DETECT = "time to detect", "发现用时";
    TO_TELL = "time to tell", "通知用时";
    TO_ACKNOWLEDGE = "time to acknowledge", "确认用时";
    TO_REPAIR = "time to repair", "修复用时";
    FROM_SIGN_TO_OPENED = "from the first bad signal or failed probe to the opening of the incident",
        "从第一条异常信号或失败探测到故障开始";
    FROM_OPENED_TO_TOLD = "from the opening to the first message that was delivered",
        "从故障开始到第一条通知送达";
    FROM_TOLD_TO_TAKEN = "from the first message that was delivered to the acknowledgement",
        "从第一条通知送达到有人确认";
    FROM_SIGN_TO_WELL = "from the first sign until all that suffered was well again or replaced",
        "从第一个迹象到受影响对象全部恢复或被替换";
    FROM_OPENED_TO_CLOSED = "from the opening to the end", "从故障开始到故障结束";
    LANE_SIGNALS = "Signals", "信号";
    LANE_INCIDENT = "Incident", "故障";
    LANE_MESSAGES = "Messages", "通知";
    LANE_PEOPLE = "People", "人员操作";
    LANE_SCALER = "Scaler", "扩缩容";
    LANE_USERS = "Down for users", "用户侧不可用";
    LANES_CAPTION = "{0} in all; signals {1}, messages {2}, acts of people {3}, of the scaler {4}. Bars: open incident, no answer for users.",
        "共 {0}；信号 {1} 条，通知 {2} 条，人员操作 {3} 次，扩缩容 {4} 次。横条：故障进行中、用户侧无响应。";
    COSTS = "What it cost", "影响与损失";
    NO_COSTS = "No VM of any module suffered.", "没有模块的虚拟机受影响。";
    BUSINESS_OR_MODULE = "Business, module", "业务、模块";
    BUSINESS_NAMED = "business {0}", "业务 {0}";
    NO_BUSINESS = "no known business", "未知业务";
    VMS_SUFFERED = "VMs that suffered", "受影响虚拟机";
    VM_MINUTES = "VM-minutes", "虚拟机·分钟";
    DOWN_FOR_USERS = "Down for users", "用户侧不可用";
    NOT_PROBED_SHORT = "not probed", "未探测";
    COSTS_HINT = "VM-minutes: for how long VMs suffered, added up, until each was well or replaced. Down for users: how long probes got no answer, by the availability account; a module with VMs to spare loses VM-minutes and is not down.",
        "虚拟机·分钟：每台虚拟机从受影响到恢复或被替换的时长之和。用户侧不可用：可用性账目中探测无响应的时长；有冗余的模块可能损失虚拟机·分钟，但对用户始终可用。";
    SIMILAR = "Similar earlier incidents", "相似的历史故障";
    NONE_SIMILAR = "None is known: neither the same cause, nor the same kind of cause in one of its modules.",
        "没有记录：既无相同根因，也无同类根因影响过同一模块。";
    SAME_ROOT = "same cause", "根因相同";
    SAME_KIND = "same kind of cause, {0} suffered as well", "同类根因，同样影响 {0}";
    EVENTS = "All that happened", "全部经过";
    LANE = "What", "类别";
    EVENT = "Event", "事件";

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
    DOUBTFUL = "Doubtful: {0}", "存疑：{0}";
    DECISIONS = "Decisions", "决策";
    NO_DECISIONS = "No decision yet.", "尚无决策。";
    NUMBER = "No.", "编号";
    TIME = "Time", "时间";
    CHANGE = "VM count", "虚拟机数";
    DECISION = "Decision", "决策";
    OWED = "Owed by the pool", "资源池欠";
    WAITS = "Waits now", "当前等待";
    REPLAY = "Replay", "重放";
    REPLAYS = "decided the same again", "结果一致";
    REPLAYS_NOT = "another version decided it", "由其他版本作出，结果不同";
    REPLAY_TOO_OLD = "too little was stored", "当时记录不足，无法重放";
    SERVED_AFTER = "{0} serving after", "达到 {0} 台用时";
    NOT_YET = "not yet", "尚未";
    LOAD_AFTER = "Load afterwards", "之后的负载";
    LOAD_EXPECTED = "Load expected", "预期负载";
    OVERTAKEN = "Changed again", "再次变更";
    WENT_BY = "What it went by", "依据";
    NOTHING_READ = "The policy names no metric.", "策略没有指标。";
    READ_METRIC = "Metric", "指标";
    SPREAD = "Lowest to highest", "最低至最高";
    FRESH_VMS = "VMs with a fresh sample", "有新采样的虚拟机";
    OLDEST_SAMPLE = "Oldest sample", "最早的采样";
    ASKS_FOR = "Asks for", "要求";
    LIMITS = "Limits, in their order", "各项限制（按顺序）";
    STAGE = "Limit", "限制";
    APPLIES_NOT = "not about this", "不适用";
    BEGAN = "What was begun for it", "为此开始的操作";
    NO_VMS = "This module has no VM.", "此模块没有虚拟机。";
    MANY_MODULES = "Each module's page has its chart.", "图表见各模块页面。";

    EXPLORE_VMS = "Load of each of its VMs", "各虚拟机的负载";

    // Pools.
    POOLS = "Pools", "资源池";
    NO_POOLS = "No pool is configured.", "没有配置资源池。";
    FLAVOR = "Flavor", "套餐";
    POOL_READY = "Ready", "就绪";
    POOL_READY_OF = "{0} of {1}", "{0} / {1}";
    POOL_BOOTING = "Being made", "创建中";
    POOL_TOTAL = "In all", "总数";
    POOL_NOTE = "Note", "备注";

    // The capacity.
    CAPACITY = "Capacity", "容量";
    ALL_FIT = "All modules could have their most at once", "所有模块可同时扩到上限";
    SOME_STARVE = "{0} modules could not have their most at once", "{0} 个模块无法同时扩到上限";
    PROVIDER_SAID = "By the word of the provider {0}", "依据提供方 {0}";
    NOTHING_YET = "nothing yet", "尚无数据";
    ALLOCATED = "Working for modules", "已分配给模块";
    WARN_AT = "Warned at", "告警线";
    QUARANTINED = "In quarantine", "隔离观察";
    CREATABLE = "Could still be made", "还可创建";
    BOUND_BY = "(by {0})", "（受限于{0}）";
    NOT_KNOWN = "not known: no limit is told", "未知：没有任何限额信息";
    LAST_MADE = "Made last", "最近一次创建";
    ORDERS_WAIT = "No more are ordered", "暂不订购的原因";
    LAST_SHORTAGE = "No room last", "最近一次资源不足";
    NEVER_YET = "never yet", "从未";
    TREND = "Trend", "趋势";
    NO_TREND = "not enough history: {0} days", "历史不足：{0} 天";
    VMS_A_DAY = "{0} VMs a day ({1} to {2})", "每天 {0} 台（{1} 至 {2}）";
    DAYS_TO = "{0} %: {1}", "{0}%：{1}";
    IN_DAYS = "in {0} days ({1} to {2})", "{0} 天后（{1} 至 {2}）";
    NOT_AT_THIS_RATE = "not at this rate", "按此趋势不会达到";
    REACHED = "reached", "已达到";
    FROM_DAYS = "from {0} days of history", "基于 {0} 天历史";
    LIMIT = "Limit", "限额";
    MORE_VMS = "More VMs", "还可创建";
    LIMIT_POOL = "max_total of the pool, {0} of {1}", "资源池上限 max_total，{0} / {1}";
    LIMIT_QUOTA = "quota {0}, {1} of {2}", "配额 {0}，{1} / {2}";
    LIMIT_HOSTS = "room on hosts", "宿主机余量";
    LACKS = "Lacks", "缺少";
    ALL_TO_MAX = "If all modules wanted their most at once", "如果所有模块同时扩到上限";

    // The monitor itself.
    MONITOR = "Is the monitor healthy?", "监控自身是否健康？";
    MONITOR_YES = "Yes. {0} targets, {1}.", "是。{0} 个目标，{1}。";
    MONITOR_NO = "Not quite. {0} targets, {1}.", "不完全。{0} 个目标，{1}。";
    NO_DATA = "no data yet", "尚无数据";
    RECOVERY = "Nothing is made, stopped or routed until it is known what is there:",
        "在确认现状之前，不创建、不停止也不改路由：";
    CONFIG_ERROR = "The files on disk were refused; the last good ones stay in force:",
        "磁盘上的配置被拒绝，仍使用上一份有效配置：";
    FAULTS = "Targets that do not answer as they should: {0}", "应答异常的监控目标：{0}";
    NO_FAULTS = "Every target answers as it should.", "所有监控目标应答正常。";
    OBJECT = "Object", "对象";
    ERROR = "Error", "错误";
    MORE = "{0} more", "另有 {0} 项";
    FAULT_SINCE = "Since", "开始";

    // The page of the monitor.
    MONITOR_ALL = "What it sees, what not, and why", "它看到了什么、没看到什么及原因";
    SEES_ALL = "The monitor sees everything: {0} of {0} targets",
        "监控可见全部目标：{0} / {0}";
    SEES_SOME = "The monitor sees {0} of {1} targets", "监控可见 {0} / {1} 个目标";
    SEES_AND_FORGETS = "The monitor sees all {0} targets and cannot record them",
        "监控可见全部 {0} 个目标，但无法写入采样";
    BLIND_SINCE = "The monitor is blind since {0}, for {1}: {2}", "监控自 {0} 起失明，已 {1}：{2}";
    NOTHING_NEW = "The monitor has heard nothing new for {0}", "监控已 {0} 没有收到新数据";
    HEARD_NOTHING = "The monitor has not heard anything yet", "监控尚未收到任何数据";
    NO_TARGETS = "The monitor has nothing to look at", "监控没有任何目标";
    DISK_FULL = "The disk is full: new samples are not kept.", "磁盘已满：新的采样无法保存。";
    COUNT_FAULTS = "at fault", "个目标应答异常";
    COUNT_UNWATCHED = "not watched", "个未监控";
    COUNT_DOUBTS = "doubtful", "个可疑";
    COUNT_REFUSED = "samples refused", "个采样被拒";
    COUNT_LOST = "lost", "个丢失";
    AGO = "{0} ago", "{0}前";
    ALL_AS_JSON = "all as JSON", "全部（JSON）";

    SOURCES = "Sources", "数据来源";
    SOURCE = "Source", "来源";
    NO_SOURCES = "No source is configured.", "没有配置数据来源。";
    ANSWERED = "Answer", "应答";
    NEWEST = "Newest data", "最新数据";
    LAG = "Lag", "延迟";
    WHAT_TO_DO = "What is wrong, and what to do", "问题与处理";
    SILENT = "silent", "无应答";
    PARTIAL = "in part", "部分正常";
    NOT_HEARD = "not heard yet", "尚无数据";
    WELL = "well", "正常";
    ZABBIX_SERVER = "Zabbix server", "Zabbix 服务器";
    PASSIVE_AGENTS = "passive agents", "被动代理";
    ACTIVE_AGENTS = "active agents", "主动代理";
    PROMETHEUS = "Prometheus scrapes", "Prometheus 抓取";
    REMOTE_WRITE = "remote write", "远程写入";
    MONITOR_X = "Monitor.X probes", "Monitor.X 探测";
    CHECK = "custom checks", "自定义检查";
    MYSQL = "MySQL", "MySQL 数据库";
    POSTGRESQL = "PostgreSQL", "PostgreSQL 数据库";
    REDIS = "Redis", "Redis 缓存";
    MEMCACHED = "Memcached", "Memcached 缓存";
    PROVIDER = "provider of VMs", "虚拟机平台";
    ROUTER = "router", "应用路由";
    VERSION = "version {0}", "版本 {0}";
    API_LATENCY = "API p95 {0}", "接口 p95 {0}";
    STRETCHED = "slow: asked {0} times less often", "较慢：查询频率降为 1/{0}";
    GAPS = "gaps open in events: {0}", "事件流待补缺口 {0} 个";
    UNMAPPED = "hosts of no known kind: {0}", "未映射主机 {0} 台";
    HELD_HOSTS = "{0} hosts are missing from the list and kept:", "列表中缺少 {0} 台主机，暂予保留：";
    CONNECTED = "hosts connected: {0}", "已连接主机 {0} 台";
    STRANGERS = "{0} strangers send, and no file knows them:", "{0} 个陌生主机在发送，配置中没有：";

    TARGETS = "Targets", "监控目标";
    MISCONFIGURED = "does not let us look", "配置问题，无法查看";
    NOT_SEEN = "not looked at", "未能查看";
    UNWATCHED = "What is not watched, and why", "未监控的对象及原因";
    ALL_WATCHED = "Everything that is known is watched.", "已知对象均已监控。";
    DOUBTS = "Healthy, and doubtful", "正常但可疑";
    NO_DOUBTS = "No probe looks doubtful.", "没有可疑的探测结果。";
    DOUBTS_NOTE = "These pages fulfil the contract, perhaps by chance.",
        "这些页面满足约定，但可能只是巧合。";
    REFUSED = "Samples refused and lost", "被拒绝和丢失的采样";
    NONE_REFUSED = "Every sample was taken.", "所有采样均已接收。";
    LOSSES = "Lost since the start", "启动以来丢失";
    UNWRITTEN_SAMPLES = "samples that could not be written", "无法写入的采样";
    DROPPED_SAMPLES = "samples that waited too long for the store", "等待存储时被丢弃的采样";
    REJECTED = "Left out at the last look", "最近一次查看中未采用";
    COUNT = "Count", "数量";
    EXAMPLES = "For example", "例如";
    QUEUE = "What was lost", "丢失内容";
    LAST = "last", "最近";
    NOT_A_NUMBER = "not a number", "不是数值";
    TOO_FAR_AHEAD = "from the future", "时间超前";
    TOO_OLD = "too old to be kept", "早于保留期限";
    TOO_MANY_SERIES = "over the limit of series", "超出序列数上限";
    TOO_MANY_COLUMNS = "over the limit of series of one target", "超出单个目标的序列数上限";
    LABELS_TOO_LONG = "labels too long", "标签过长";
    NO_NAME = "without a name", "没有名称";
    STORE = "Sample store", "采样存储";
    NO_STORE = "No samples are kept.", "没有启用采样存储。";
    DISK_FULL_SINCE = "The disk is full since {0}: new samples are not kept.",
        "磁盘自 {0} 起已满：新的采样无法保存。";
    DISK_FULL_REMEDY = "Make room, or keep samples for a shorter time. What others push is refused, and sent again by them; what is polled meanwhile is lost. Writing goes on by itself.",
        "请清理磁盘或缩短保留时间。推送的数据会被拒绝并由发送方重发；期间轮询的数据会丢失。有空间后自动恢复写入。";
    CROWDED = "The limit of series is near: then new ones are refused. See which labels have too many values.",
        "序列数接近上限：达到后将拒绝新序列。请检查取值过多的标签。";
    SERIES = "Series", "序列";
    SIZE = "Size", "大小";
    LOG = "of it the log", "其中日志";
    RESOLUTION = "Resolution", "精度";
    OLDEST = "Oldest", "最早";
    KEPT = "Kept for", "保留";
    AS_MEASURED = "as measured", "原始";
    EACH = "one each {0}", "每 {0}一个";
    SCHEDULE = "Schedule", "调度";
    LAG_NOW = "behind now", "当前延迟";
    LAG_WORST = "worst since start", "启动以来最大延迟";
    IN_FLIGHT = "under way", "进行中";
    SUSPECTS = "suspects", "可疑目标";
    MISSED = "looks left out", "错过的查看";
    SUSPECTS_NOTE = "Suspects used up their whole time at the last look; they wait for each other only.",
        "可疑目标上次查看用满了全部时间；它们只互相等待，不影响其他目标。";
    SPELLS = "When the monitor was blind", "监控失明的时段";
    NO_SPELLS = "Not once lately.", "近期没有失明。";
    SPELLS_NOTE = "These times count as unknown, never as down.", "这些时段记为未知，不算宕机。";

    // The report.
    REPORT = "Availability report", "可用性报告";
    REPORT_OF = "{0}: availability {1}", "{0} 可用性 {1}";
    NO_REPORT = "There is no such report", "没有这份报告";
    FROM_TO = "{0} to {1}", "{0} 至 {1}";
    NOT_OVER = "the period is not over", "本期尚未结束";
    OTHER_PERIODS = "Other periods", "其他时段";
    THIS_MONTH = "this month", "本月";
    LAST_MONTH = "last month", "上月";
    LAST_WEEK = "last week", "上周";
    AS_FILE = "As a file:", "导出：";
    AS_TEXT = "text", "文本";
    NOTHING_COUNTED = "Nothing of it is accounted for yet.", "还没有可统计的模块。";
    WHOLE_PROJECT = "The project", "整个项目";
    ANY_DOWN = "The project is down while any of its modules is.", "任一模块不可用即算项目不可用。";
    ALL_PROJECTS = "all projects", "全部项目";
    REPORTS = "Availability", "可用性";
    WORST_FIRST = "The worst first: missed, undecidable, then by the share of the budget that is used, then by time down.",
        "由差到好：未达标、无法判定，其余依次按预算用量、不可用时长排列。";
    NO_PROJECTS = "There is no project.", "没有项目。";
    BETWEEN_BOUNDS = "Between", "范围";
    OWNERS = "Owners", "负责人";
    OWNER = "Owner", "负责人";
    ALL_OWNERS = "all", "全部";
    PERIOD = "Period", "时段";
    COUNTED_BY = "By", "规则";
    SOME_NOT_PROBED = "not probed: {0}", "未探测：{0}";
    WITHOUT_OWNER = "Projects that nobody owns", "没有负责人的项目";
    WITHOUT_ACCOUNT = "Projects without an account", "无法统计的项目";
    WORST_IN_FULL = "The {0} worst are shown in full below; the files have all.",
        "下方详列最差的 {0} 个模块；导出文件包含全部。";
    VERDICT = "Verdict", "结论";
    TIME_DOWN = "down", "不可用";
    SHARE_UP = "up, of what is known", "已知时间内可用率";
    TARGET = "target", "目标";
    NO_TARGET = "no target", "未设目标";
    TARGET_MET = "met", "达标";
    TARGET_MISSED = "missed", "未达标";
    UNDECIDABLE = "undecidable", "无法判定";
    DECIDED_BY = "It hangs on the unknown time: met if {0} of it was up, missed if {1} of it was down.",
        "取决于未知时间：其中有 {0} 可用则达标，有 {1} 不可用则未达标。";
    NO_DATA_KNOWN = "nothing known", "无数据";
    NOTHING_KNOWN = "Nothing is known of this time.", "这段时间没有任何探测结果。";
    BUDGET_LEFT = "Budget left", "剩余预算";
    OVERDRAWN_BY = "overdrawn by {0}", "超支 {0}";
    BUDGET = "Error budget {0}: {1} used, {2} left", "错误预算 {0}：已用 {1}，剩余 {2}";
    BUDGET_ENDS = "Error budget {0}: {1} used, {2} left; at this pace it is used up on {3}",
        "错误预算 {0}：已用 {1}，剩余 {2}；按目前速度将于 {3} 用完";
    BUDGET_OVERDRAWN = "Error budget {0}: {1} used, overdrawn by {2}",
        "错误预算 {0}：已用 {1}，超支 {2}";
    DOWN_EACH_DAY = "Minutes down of each day, rounded up", "每天不可用分钟数（向上取整）";
    DOWN_EACH_MONTH = "Minutes down of each month, rounded up", "每月不可用分钟数（向上取整）";
    WEEK_FROM = "Week from", "周起始";
    MONTH = "Month", "月份";
    YEAR = "Year", "年份";
    MINUTES_DOWN = "min in all", "合计分钟";
    MONDAY = "Mon", "周一";
    TUESDAY = "Tue", "周二";
    WEDNESDAY = "Wed", "周三";
    THURSDAY = "Thu", "周四";
    FRIDAY = "Fri", "周五";
    SATURDAY = "Sat", "周六";
    SUNDAY = "Sun", "周日";
    MAINTENANCE = "maintenance", "维护";
    CORRECTIONS = "Corrected by people", "人工更正";
    COUNTS_AS = "Counts as", "计为";
    CORRECT = "Correct a span", "更正一段时间";
    CORRECT_THIS = "correct", "更正";
    CORRECT_HINT = "Whoever knows better than the probes says so, on the clocks of {0}. Nothing measured is deleted; each report tells who and why.",
        "比探测更了解实情的人可以在此更正，时间按 {0}。探测结果不会删除；每份报告都会列出更正人和原因。";
    CORRECT_DO = "Correct", "更正";
    TO_WHEN = "Until", "结束";
    BECAUSE_OF = "Because of", "原因类别";
    NOT_COUNTED = "not counted", "不计入";
    WITHDRAWN = "In no file since {0}: from then on it is not applicable.",
        "自 {0} 起已不在任何文件中，此后不计入。";
    MEASURED_BY = "Measured by", "衡量依据：";
    OUTAGES = "Outages", "故障";
    NO_OUTAGES = "None.", "无。";
    OUTAGES_BEGUN = "began", "发生次数";
    MTTR = "MTTR", "平均修复时间";
    MEDIAN = "median", "中位数";
    WORST = "worst", "最长";
    MTBF = "MTBF", "平均无故障时间";
    MTTD = "MTTD", "平均发现时间";
    TOLD_AFTER = "told after {0}", "{0}后通知";
    RELEASED_BEFORE = "{0} went out {1} before it, by {2}", "{1}前由 {2} 发布了 {0}";
    NO_MTTD = "No MTTD: {0}.", "没有平均发现时间：{0}。";
    FROM_WHEN = "From", "开始";
    PARTS = "Parts", "段数";
    STILL_DOWN = "still down", "仍未恢复";
    EDGES = "Begin and end of each are known to one probe interval only.",
        "每次起止时刻只精确到一个探测间隔。";
    MAYBE_LONGER = "> : not both its ends were seen, so it may have been longer.",
        "> 表示未见其开始或结束，实际可能更长。";
    BLIPS = "Failed probes that no outage came of: {0}. They are no downtime.",
        "未被确认的探测失败：{0} 次，不计入不可用。";
    PARTIALS = "Partial: too few vantages saw it for downtime",
        "局部不可用：认为不可用的探测点不足，不计入不可用";
    SEEN_FROM = "Seen from", "探测点";
    ONLY_FROM = "seen down from {0} only: {1}", "仅 {0} 认为不可用：{1}";
    LATENCY = "Latency", "响应时间";
    P50 = "p50", "p50 百分位";
    P95 = "p95", "p95 百分位";
    P99 = "p99", "p99 百分位";
    SLOWEST = "slowest", "最慢";
    PROBES_FAILED = "probes failed", "探测失败";
    COUNT_OF = "{0} of {1}", "{0} / {1}";
    ANSWERED_WITHIN = "Answered within", "应答时间不超过";
    SHARE_IN_TIME = "Share of probes", "探测占比";
    IN_TIME = "Probes", "探测次数";
    COUNTED_SINCE = "counted since {0}", "自 {0} 起统计";
    MORE_IN_CSV = "and {0} more; the CSV has all", "另有 {0} 项；CSV 中包含全部";
    MORE_SPANS = "and {0} more; the JSON has all", "另有 {0} 段；JSON 中包含全部";
    NOT_PROBED_LIST = "Not probed, and why", "未探测的模块及原因";
    HOW_COUNTED = "How it is counted", "统计口径";

    // The public status page.
    STATUS_OF = "{0}: status", "{0} 运行状态";
    WRITTEN = "Written on {0} ({1}).", "写于 {0}（{1}）。";
    WRITTEN_EVERY = "It is written anew every {0}; if that is more than {1} ago, the monitor itself does not run, and this is how things were then.",
        "每 {0} 重写一次；若已超过 {1}，说明监控自身未在运行，以下为当时的状态。";
    NONE_DOWN = "Nothing is down", "没有不可用的项目";
    SOME_DOWN = "{0} of {1} are down", "{1} 个项目中有 {0} 个不可用";
    SOME_UNKNOWN = "of {0} of {1} nobody knows how they are", "{1} 个项目中有 {0} 个状态未知";
    NOTHING_PUBLIC = "No project is public.", "没有公开的项目。";
    NOT_PUBLISHED = "not published yet", "尚未发布";
    SHARE_UP_BETWEEN = "up", "可用率";
    BARS = "The last {0} days, today at the right; on {1} of them it was down",
        "最近 {0} 天，今天在最右；其中 {1} 天有不可用";
    MORE_DAYS = "and {0} more days", "另有 {0} 天";
    WORK_PLANNED = "Planned maintenance", "计划维护";

    // The explorer.
    EXPRESSION = "PromQL expression", "PromQL 表达式";
    RUN = "Run", "查询";
    TIME_RANGE = "Time", "时间范围";
    BETWEEN_TIMES = "from - to", "自定义时间";
    FROM = "from", "从";
    TO = "to", "到";
    SHOW = "Show", "查看";
    RESULT = "Result", "结果";
    AS_LINES = "Over time", "时间曲线";
    AS_VALUES = "Values at the end", "期末数值";
    VALUES_AT = "{0} series at", "{0} 个序列，时间";
    VALUE = "Value", "数值";
    MIN = "min", "最小";
    MAX = "max", "最大";
    MEAN = "mean", "平均";
    ENDED_AT = "ended {0}", "止于 {0}";
    NOT_DRAWN = "{0} more series with lower peaks are not drawn. Narrow the labels, or ask for topk or an average.",
        "另有 {0} 个峰值较低的序列未绘制。可缩小标签范围，或使用 topk、平均等聚合。";
    MORE_NARROW = "{0} more. Narrow the labels, or ask for topk.",
        "另有 {0} 个。可缩小标签范围，或使用 topk。";
    CAPTION_LINES = "{0} series over {1}, a point each {2}", "{0} 个序列，时长 {1}，每 {2}一个点";
    CAPTION_HIGHEST = "; highest {0} at {1}: {2}", "；最高 {0}（{1}）：{2}";
    ASK = "Type an expression, or choose a metric. For example:",
        "输入表达式，或选择一个指标。例如：";
    EXAMPLE_LOAD = "mean load of each module", "各模块的平均负载";
    EXAMPLE_TOP = "the five series that use most memory", "内存占用最多的五个序列";
    EXAMPLE_PEAK = "the busiest ten minutes", "十分钟内的最高 CPU 使用率";
    NOTHING_FOUND = "Nothing was found.", "没有找到数据。";
    NOTHING_NAME = "See below whether the metric is spelled so.", "请在下方核对指标名称。";
    NOTHING_LABELS = "Perhaps no series has these labels. All series of the metric:",
        "可能没有序列带有这些标签。该指标的全部序列：";
    NOTHING_TIME = "Perhaps it was measured at another time. A longer one:",
        "可能在其他时间有数据。更长的时间：";
    NO_OUTCOME = "This cannot be answered", "无法得出结果";
    FIX_TEXT = "Correct it at the marked place.", "请修改标出的位置。";
    FIX_TIMES = "Give two times, the earlier one first, as 2026-03-02T10:00.",
        "请填写两个时间，先早后晚，例如 2026-03-02T10:00。";
    ASK_LESS = "Ask for a shorter time or fewer series: narrow the labels, or aggregate.",
        "请缩短时间或减少序列：缩小标签范围，或先聚合。";
    ASK_LATER = "It took too long. Ask for less, or again later.", "耗时过长。请缩小范围，或稍后重试。";
    CHANGE_IT = "The text is well formed, but cannot be evaluated on these data. Change it.",
        "表达式格式正确，但无法在这些数据上求值。请修改。";
    SEE_MONITOR = "The samples cannot be read. See how the monitor itself does.",
        "无法读取采样。请查看监控自身状态。";
    METRICS = "All metrics", "全部指标";
    NO_METRICS = "Nothing was measured yet.", "尚无测量数据。";
    NO_SUCH_METRICS = "No metric is called like this.", "没有名称匹配的指标。";
    FILTER = "part of a name", "名称的一部分";
    FILTER_DO = "Filter", "筛选";
    LABELS_OF = "Labels of {0}", "{0} 的标签";
    NO_LABELS = "It has no labels.", "没有标签。";

    // Units.
    DAYS = "d", "天";
    HOURS = "h", "小时";
    MINUTES = "min", "分钟";
    SECONDS = "s", "秒";
}

/// In the order of the calendar's columns.
pub(crate) const WEEKDAYS: [Word; 7] =
    [MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY];

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
