//! Small parts of speech in both languages: kinds, names in a row, durations.

use std::time::Duration;

use model::id::Object;
use model::lang::Lang;
use model::signal::Severity;

use crate::message::RootState;

/// How many names stand in a row before "and n more".
const MAX_NAMES: usize = 10;
/// How long a row may grow before "and n more"; names may have 255 characters.
const MAX_ROW_CHARS: usize = 600;

/// `host h2`, `宿主机 h2`.
pub(crate) fn thing(object: &Object, lang: Lang) -> String {
    let kind = match object {
        Object::Switch(_) => lang.pick("switch", "交换机"),
        Object::Host(_) => lang.pick("host", "宿主机"),
        Object::Vm(_) => lang.pick("VM", "虚拟机"),
        Object::Module(_) => lang.pick("module", "模块"),
        Object::Project(_) => lang.pick("business", "业务"),
        Object::DataSource(_) => lang.pick("data source", "数据源"),
        Object::Collector(_) => lang.pick("collector", "采集器"),
        Object::Channel(_) => lang.pick("channel", "通知渠道"),
        Object::Pool(_) => lang.pick("pool", "资源池"),
        Object::Vantage(_) => lang.pick("vantage", "探测点"),
    };
    format!("{kind} {}", object.name())
}

/// What is the matter, as the end of a sentence: `is down`.
pub(crate) fn condition(
    root: &Object,
    state: RootState,
    suspected: bool,
    lang: Lang,
) -> &'static str {
    if matches!(root, Object::Module(_)) {
        return lang.pick("does not work", "工作异常");
    }
    if matches!(root, Object::Channel(_)) {
        return lang.pick("does not deliver", "无法送达");
    }
    if matches!(root, Object::Pool(_)) {
        return lang.pick("runs low", "余量不足");
    }
    match (state, suspected) {
        (RootState::Down, false) => lang.pick("is down", "宕机"),
        (RootState::Down, true) => lang.pick("is suspected to be down", "疑似宕机"),
        (RootState::Degraded, false) => lang.pick("works badly", "工作异常"),
        (RootState::Degraded, true) => {
            lang.pick("answers but is suspected to be at fault", "有响应但疑似故障")
        }
        (RootState::Nodata, _) => lang.pick("sends no data", "没有数据"),
        (RootState::Blind, _) => lang.pick("is blind", "失明"),
        (RootState::Flapping, _) => lang.pick("is unstable", "不稳定"),
    }
}

/// As Zabbix calls them.
pub(crate) fn severity(severity: Severity, lang: Lang) -> &'static str {
    match severity {
        Severity::Info => lang.pick("info", "信息"),
        Severity::Warning => lang.pick("warning", "警告"),
        Severity::Average => lang.pick("average", "一般"),
        Severity::High => lang.pick("high", "严重"),
        Severity::Disaster => lang.pick("disaster", "灾难"),
    }
}

/// `a, b and 12 more`; what follows the last name shown is counted, and no name is cut.
pub(crate) fn row<T: AsRef<str>>(names: &[T], lang: Lang) -> String {
    let (shown, more) = names.split_at(fitting(names));
    let shown: Vec<&str> = shown.iter().map(AsRef::as_ref).collect();
    let shown = shown.join(lang.pick(", ", "、"));
    match more.len() {
        0 => shown,
        more => shown + &lang.pick(format!(" and {more} more"), format!(" 等，另有 {more} 个")),
    }
}

/// How many names a row has room for: one, however long it is.
fn fitting<T: AsRef<str>>(names: &[T]) -> usize {
    let mut chars = 0;
    let fits = |name: &&T| {
        chars += name.as_ref().chars().count() + ", ".len();
        chars <= MAX_ROW_CHARS
    };
    names.iter().take(MAX_NAMES).take_while(fits).count().max(1).min(names.len())
}

/// The two largest units: `4 s`, `5 min 30 s`, `1 h 5 min`.
pub(crate) fn lasting(duration: Duration, lang: Lang) -> String {
    // Nothing that happened took no time.
    let seconds = duration.as_secs().max(1);
    let units = [
        (seconds / 86_400, lang.pick("d", "天")),
        (seconds / 3_600 % 24, lang.pick("h", "小时")),
        (seconds / 60 % 60, lang.pick("min", "分钟")),
        (seconds % 60, lang.pick("s", "秒")),
    ];
    let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(units.len() - 1);
    let largest = units[first..].iter().take(2);
    let told = largest.enumerate().filter(|(place, (count, _))| *place == 0 || *count > 0);
    told.map(|(_, (count, unit))| format!("{count} {unit}")).collect::<Vec<_>>().join(" ")
}

pub(crate) fn is_or_are(count: usize) -> &'static str {
    if count == 1 { "is" } else { "are" }
}

/// `data source orders-db`, `data sources orders-db, users-db`.
pub(crate) fn sources(names: &[&str], lang: Lang) -> String {
    let en = if names.len() == 1 { "data source" } else { "data sources" };
    format!("{} {}", lang.pick(en, "数据源"), row(names, lang))
}

/// `1 VM`, `2 VMs`.
pub(crate) fn vms(count: usize, lang: Lang) -> String {
    match (lang, count) {
        (Lang::En, 1) => "1 VM".to_owned(),
        (Lang::En, _) => format!("{count} VMs"),
        (Lang::Zh, _) => format!("{count} 台虚拟机"),
    }
}

/// `1 host`, `2 hosts`.
pub(crate) fn hosts(count: usize, lang: Lang) -> String {
    match (lang, count) {
        (Lang::En, 1) => "1 host".to_owned(),
        (Lang::En, _) => format!("{count} hosts"),
        (Lang::Zh, _) => format!("{count} 台宿主机"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_counts_what_it_does_not_show() {
        let names: Vec<String> = (1..=12).map(|n| format!("web-{n}")).collect();
        assert!(row(&names, Lang::En).ends_with("web-9, web-10 and 2 more"));
        assert_eq!(row(&names[..2], Lang::Zh), "web-1、web-2");
        assert_eq!(row(&names[..0], Lang::En), "");
    }

    #[test]
    fn a_row_of_long_names_is_short_and_of_longer_ones_a_single_name() {
        let names = |chars| vec!["x".repeat(chars); 12];
        assert!(
            row(&names(255), Lang::En).ends_with(&format!("{}, {0} and 10 more", "x".repeat(255)))
        );
        assert_eq!(row(&names(700), Lang::Zh), format!("{} 等，另有 11 个", "x".repeat(700)));
    }

    #[test]
    fn a_duration_is_told_in_its_two_largest_units() {
        let told = |seconds| lasting(Duration::from_secs(seconds), Lang::En);
        assert_eq!([told(0), told(4), told(330), told(3_600)], ["1 s", "4 s", "5 min 30 s", "1 h"]);
        assert_eq!(told(90_061), "1 d 1 h");
        assert_eq!(lasting(Duration::from_secs(65), Lang::Zh), "1 分钟 5 秒");
    }
}
