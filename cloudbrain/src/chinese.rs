//! What is said in English where it arises, for who reads Chinese: in messages and on pages.
//!
//! Records and the API keep the English sentence, so that one thing is called by one name in them.
//! What a monitored system says itself stays as it came.

use std::sync::LazyLock;

use alerter::Bilingual;
use alerter::rule::{Said, Words};
use dashboards::view::monitor::{MonitorView, Trouble};
use dashboards::view::{Overview, VmTile};
use model::phrasebook::{Phrase, translate};
use model::signal::Signal;

/// The sentences of all rooms. The more special lists stand first.
static BOOK: LazyLock<Vec<&[Phrase]>> = LazyLock::new(|| {
    let senses = collector::chinese::PHRASES.iter().copied();
    // Those of the channels begin with the name of a server, which fits anything.
    let channels = [drivers::channel::chinese::PHRASES];
    let rooms = [OWN, scaler::chinese::PHRASES, availability::chinese::PHRASES];
    rooms.into_iter().chain(senses).chain(channels).collect()
});

/// Those of the brain itself, and of the questions that it asks of the samples.
const OWN: &[Phrase] = &[
    ("规则 {} 无法判断：{}", "规则 {0} 无法判断：{1:}"),
    ("load unknown: {}", "负载未知：{0:}"),
    ("to {} and {} more: {}", "致 {0} 及另外 {1} 人：{2:}"),
    ("to {}: {}", "致 {0}：{1:}"),
    ("it delivers again", "已恢复送达"),
    ("it looks again", "已恢复探测"),
    ("it delivers nothing since {}", "自 {0} 起没有送来探测结果"),
    ("{} of {} VMs work for modules, warned at {}", "{1} 台中已有 {0} 台分配给模块，告警线 {2} 台"),
    ("no VM is ready: {}", "没有就绪的虚拟机：{0:}"),
    ("{} VMs bear our tag and no record tells of them", "{0} 台虚拟机带有我们的标记，但没有记录"),
    ("max_total {} of {}", "资源池上限 max_total {0} / {1}"),
    ("quota {} {} of {}", "配额 {0} {1} / {2}"),
    ("room on hosts", "宿主机余量"),
    ("its provider says that it is down", "提供方称其已宕机"),
    ("probe of {}: {}", "对 {0} 的探测：{1:}"),
    ("the provider names no address of an agent on it", "提供方未给出其 agent 地址"),
    ("the certificates that this system trusts cannot be read", "无法读取本系统信任的证书"),
    ("the project file names no monitor: X", "项目文件没有配置 monitor: X"),
    (
        "an outage is told of when the first message of its incident is delivered, or when the incident is opened if \
         none is; MTTD is the mean time from its begin to that",
        "故障以其事件的第一条通知送达为已通知，没有通知送达时以事件建立为准；平均发现时间是从故障开始到此时的平均值",
    ),
    ("no incident lay over what was down", "故障时段内没有对应的事件"),
    ("nobody saw the beginning of what was told of", "已通知的故障都没有观测到开始时刻"),
    (
        "no domain leads to it, and no policy runs VMs of it",
        "没有指向它的域名，也没有策略为它运行虚拟机",
    ),
    ("every domain contains \"test\"", "所有域名都含有 \"test\""),
    (
        "a host is believed to be gone only when several lists in a row lack it",
        "连续多次列表中都没有的主机才视为已移除",
    ),
    ("try it with: {}", "可以这样测试：{0}"),
    (
        "{} is probed: only \"test\" in small letters is passed over",
        "探测的是 {0}：只跳过小写的 \"test\"",
    ),
    (
        "the query selects more than {} series: narrow its matchers",
        "查询选中超过 {0} 条序列：请收窄匹配条件",
    ),
    (
        "the query needs more than {} samples: ask for less time or fewer series",
        "查询需要超过 {0} 个采样：请缩短时间或减少序列",
    ),
    ("the query was stopped before it was done", "查询未完成就被中止"),
    ("the query was stopped: {} are over", "查询被中止：已超过 {0}"),
    ("samples cannot be read", "无法读取采样"),
    ("no series matches", "没有匹配的序列"),
    ("none of {} series has a sample within {}", "{0} 条序列在 {1} 内都没有采样"),
    ("all of {} series have ended", "{0} 条序列都已结束"),
    ("none of {} series has a number for a value", "{0} 条序列都没有数值"),
    ("it gives no number, for example {}", "它给不出数值，例如 {0}"),
    ("it gives no number at one moment", "它在某一时刻给不出数值"),
    (
        "more than {} series to keep in mind; {} are not watched, for example {}",
        "要跟踪的序列超过 {0} 条；有 {1} 条未被检查，例如 {2}",
    ),
    (
        "none of its series names what it is on, for example {}",
        "没有序列能说明它属于哪个对象，例如 {0}",
    ),
    (
        "{} series name no object that the rule is about, such as {}",
        "有 {0} 条序列不属于规则所管的对象，例如 {1}",
    ),
    ("{} series have no number for a value, such as {}", "有 {0} 条序列没有数值，例如 {1}"),
    ("{} series are too many to be watched, such as {}", "超出可跟踪数量的序列有 {0} 条，例如 {1}"),
    (
        "the record is older than the world, so nothing is made, stopped or routed: {}; {} of {} complete lists seen",
        "记录比实际情况旧，因此不创建、不停止也不改路由：{0:}；已看到 {1} 份完整列表，共需 {2} 份",
    ),
    (
        "the record is older than the world, so nothing is made, stopped or routed: {}",
        "记录比实际情况旧，因此不创建、不停止也不改路由：{0:}",
    ),
    ("it is known what is there", "现状已确认"),
    (
        "the provider's complete lists lack {} of the VMs that answer: nothing that they lack is taken for gone",
        "有 {0} 台虚拟机仍有应答，但提供方的完整列表中没有它们：列表缺少的都不视为已消失",
    ),
    (
        "nothing is made, stopped or routed until they are right, for ten minutes after the start at most",
        "列表恢复正常之前不创建、不停止也不改路由，最长到启动后十分钟",
    ),
    (
        "correct the list (its project, its tag), or stop those VMs",
        "请修正列表的范围（项目、标记），或停止这些虚拟机",
    ),
    ("{} exists, and the record ends at {}", "{0} 存在，而记录只到 {1}"),
    (
        "router {} follows routing {}, and the record ends at {}",
        "路由器 {0} 执行的是第 {1} 版路由，而记录只到第 {2} 版",
    ),
    (
        "{} has heard of brain number {}, and this is number {}",
        "{0} 听说过第 {1} 任调度程序，而这是第 {2} 任",
    ),
    ("{} says that the record may be older than the world", "{0} 表示记录可能比实际情况旧"),
    ("no project {}; there are: {}", "没有项目 {0}；现有：{1:}"),
    ("{} owns no project; owners are: {}", "{0} 没有项目；负责人有：{1:}"),
    ("{} begins on {}; nothing is known of it yet", "{0} 从 {1} 开始，尚无任何数据"),
    ("days are those of {}", "日期按 {0} 的时区"),
    ("weeks begin on Monday", "每周从周一开始"),
    ("weeks begin on Sunday", "每周从周日开始"),
    ("{} cannot be written: {}", "{0} 无法写入：{1:}"),
    (
        "see status_page in cloudbrain.yaml: its folder must be writable",
        "见 cloudbrain.yaml 的 status_page：其目录必须可写",
    ),
    // What the journal says of a VM: from which state to which, and why.
    ("{} -> {}: {}", "{0:} → {1:}：{2:}"),
    ("new", "新建"),
    ("wanted", "待创建"),
    ("creating", "创建中"),
    ("booting", "开机中"),
    ("pool", "资源池"),
    ("reserved", "已预留"),
    ("deploying", "部署中"),
    ("serving", "服务中"),
    ("isolated", "已隔离"),
    ("draining", "排空中"),
    ("stopped", "已停止"),
    ("destroying", "销毁中"),
    ("gone", "已销毁"),
    ("quarantine", "待认领"),
];

/// The sentence in Chinese, as far as it is known.
pub fn chinese(text: &str) -> String {
    translate(&BOOK, text)
}

/// A signal of our own senses, with its text in both languages.
pub fn said(signal: Signal) -> Said {
    let text = Bilingual { en: signal.text.clone(), zh: bounded(&chinese(&signal.text)) };
    Said { signal, words: Words { text, runbook: None } }
}

/// What a rule said, with the reason inside it in Chinese, too.
pub fn with_reason(mut said: Said) -> Said {
    said.words.text.zh = bounded(&chinese(&said.words.text.zh));
    said
}

/// The sources whose sentences are our own.
pub fn is_own(signal: &Signal) -> bool {
    matches!(
        signal.source.as_str(),
        "agent"
            | "probe"
            | "watch"
            | "collector"
            | "outbox"
            | "scaler"
            | "pools"
            | "provider"
            | "vantage"
    )
}

/// The first page.
pub fn overview(view: &mut Overview) {
    let hosted = view.hosts.iter_mut().flat_map(|host| &mut host.vms);
    hosted.chain(&mut view.unplaced).for_each(tile);
    for why in view.hosts.iter_mut().filter_map(|host| host.why.as_mut()) {
        turn(why);
    }
    for module in &mut view.modules {
        module.not_probed.iter_mut().chain(&mut module.doubts).for_each(turn);
        module.vantages.iter_mut().for_each(|vantage| turn(&mut vantage.why));
    }
    view.pools.iter_mut().for_each(|pool| turn(&mut pool.note));
    view.monitor.faults.iter_mut().for_each(|fault| turn(&mut fault.error));
    view.monitor.recovery.iter_mut().for_each(turn);
}

fn tile(tile: &mut VmTile) {
    turn(&mut tile.why);
}

/// The page of the monitor's own health.
pub fn monitor(view: &mut MonitorView) {
    view.recovery.iter_mut().for_each(turn);
    for error in view.sources.iter_mut().filter_map(|source| source.error.as_mut()) {
        turn(&mut error.what);
        error.remedy.iter_mut().for_each(turn);
    }
    for fault in &mut view.faults.first {
        turn(&mut fault.what);
        if let Trouble::Misconfigured { remedy } = &mut fault.trouble {
            turn(remedy);
        }
    }
    view.unwatched.first.iter_mut().for_each(|one| turn(&mut one.reason));
    view.doubts.first.iter_mut().for_each(|one| turn(&mut one.doubt));
    view.refused.iter_mut().for_each(|refused| turn(&mut refused.why));
    view.spells.iter_mut().for_each(|spell| turn(&mut spell.reason));
}

fn turn(text: &mut String) {
    *text = chinese(text);
}

/// As long as the alerter keeps a text.
fn bounded(text: &str) -> String {
    const MAX_CHARS: usize = 200;
    text.chars().take(MAX_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use model::phrasebook::mistakes;

    use super::*;

    #[test]
    fn no_phrase_loses_a_hole() {
        assert_eq!(mistakes(OWN), [""; 0]);
    }

    #[test]
    fn sentences_of_several_rooms_stand_in_one_another() {
        let told = "to ann and 2 more: im.example: no answer within 10s";
        assert_eq!(chinese(told), "致 ann 及另外 2 人：im.example：10s 内无应答");
        let told = "规则 disk 无法判断：the query was stopped before it was done";
        assert_eq!(chinese(told), "规则 disk 无法判断：查询未完成就被中止");
        let told = "deploying -> ready: ready 2 times in a row";
        assert_eq!(chinese(told), "部署中 → 就绪：连续 2 次就绪");
    }

    #[test]
    fn a_vm_goes_from_no_state_to_another_in_english() {
        use model::vm::VmState::*;
        for state in [
            Wanted, Creating, Booting, Pool, Reserved, Deploying, Ready, Serving, Isolated,
            Draining, Stopped, Destroying, Gone, Quarantine,
        ] {
            assert_ne!(chinese(state.as_str()), state.as_str());
        }
    }
}
