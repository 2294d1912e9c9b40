//! What the ledger and its periods say in Chinese. In English it is said where it arises. What probes
//! said is in the book of the senses.

use model::phrasebook::Phrase;

/// Why time is in its state, and what is wrong with a period or a promise.
pub const PHRASES: &[Phrase] = &[
    ("healthy", "正常"),
    ("a failure that was not confirmed", "一次未经确认的失败"),
    ("a success that was not confirmed", "一次未经确认的成功"),
    ("failures that were not confirmed, and never a success", "有未经确认的失败，且从未成功"),
    ("not probed yet", "尚未探测"),
    ("no verdict since {}", "自 {0} 起没有探测结果"),
    ("the monitor itself was not looking", "监控自身未在运行"),
    ("corrected by {}: {}", "{0} 更正：{1:}"),
    ("not published yet", "尚未发布"),
    ("down is what any vantage saw down", "任一探测点认为不可用即算不可用"),
    ("down is what {} vantages saw down", "{0} 个探测点都认为不可用才算不可用"),
    ("seen from {}: {}", "{0} 探测到：{1:}"),
    (
        "of {} vantages {} saw it up and {} down, and {} must agree",
        "{0} 个探测点中 {1} 个认为可用、{2} 个认为不可用，需要 {3} 个一致",
    ),
    ("it is no vantage any more", "不再是探测点"),
    ("no VM of it serves", "没有虚拟机在为它服务"),
    ("nothing measures it any more", "已没有衡量它的指标"),
    ("check/{}: {}", "检查 {0}：{1:}"),
    ("vms: {}", "其虚拟机：{0:}"),
    ("not remembered any more", "记录已不再保留"),
    ("not looked at yet", "尚未查看"),
    ("it has not served yet", "尚未开始服务"),
    ("nobody has looked yet", "尚未有人查看"),
    // The more special one first: the other would take its word for a target.
    ("nothing is promised", "没有承诺可用率"),
    ("{} is promised", "承诺可用率 {0}"),
    ("{} of the probes are promised to be answered within {}", "承诺 {0} 的探测在 {1} 内得到应答"),
    (
        "answers are timed from the first byte of the request to their end; shares are exact counts, percentiles are \
         of answered probes and within 0.8%; hours are whole hours of UTC",
        "应答时间从请求的首字节计到应答结束；占比按确切次数计算，百分位只计得到应答的探测，误差不超过 0.8%；按 UTC 整点小时统计",
    ),
    ("outages less than {} apart are one", "间隔不足 {0} 的故障算作一次"),
    ("outside of service hours", "服务时间之外"),
    ("promised on {} from {} to {}, by the clocks of {}", "承诺时间：{0:} {1} 至 {2}（{3} 时间）"),
    ("maintenance counts like any other time", "维护时间照常计入"),
    ("maintenance does not count", "维护时间不计入"),
    ("maintenance does not count from {} after it was announced", "维护时间自公告 {0} 后起不计入"),
    ("unknown time is neither up nor down", "未知时间既不算可用也不算不可用"),
    ("unknown time counts as down", "未知时间算作不可用"),
    ("unknown time counts as up", "未知时间算作可用"),
    (
        "a probe each {}, down after {}, up after {}, stale after {}",
        "每 {0} 探测一次，连续失败 {1} 次算不可用，连续成功 {2} 次算恢复，结果超过 {3} 视为过期",
    ),
    (
        "begin and end of an outage are known to one probe: each may be off by {}",
        "故障的起止时刻只精确到一次探测，各可能相差 {0}",
    ),
    (
        "{} is no period; write a day {}, a week {}, a month {}, a quarter {}, a year {}, days {}, times {}, \
         or today, yesterday, this-week, last-month, last-30-days",
        "{0} 不是时段；可以写日 {1}、周 {2}、月 {3}、季度 {4}、年 {5}、若干天 {6}、起止时刻 {7}，或 today、yesterday、\
         this-week、last-month、last-30-days",
    ),
    (
        "{}: there is no day {} in {}, which has {}; write one of those",
        "{0}：{2} 只有 {3} 天，没有 {1} 日；请写其中的一天",
    ),
    (
        "{}: {} has weeks 01 to {}; write one of those",
        "{0}：{1} 年有第 01 至 {2} 周；请写其中的一周",
    ),
    (
        "{}: months are 01 to 12, and quarters Q1 to Q4; write one of those",
        "{0}：月份为 01 至 12，季度为 Q1 至 Q4；请写其中之一",
    ),
    (
        "{}: hours are 00 to 23, minutes and seconds 00 to 59; write midnight as T00:00 of the next day",
        "{0}：小时为 00 至 23，分和秒为 00 至 59；午夜请写作次日 T00:00",
    ),
    (
        "{} lies outside of the years {} to {}; write a year of four digits, as in {}",
        "{0} 不在 {1} 至 {2} 年之间；年份请写四位数字，例如 {3}",
    ),
    (
        "{} is a week that begins on Monday, but weeks begin on Sunday here, and no rule says which number such a \
         week has; write its days, as in {}, or last-week",
        "{0} 是从周一开始的周，而这里的周从周日开始，这样的周没有公认的编号；请写出起止日期，例如 {1}，或写 last-week",
    ),
    (
        "{} does not end after it begins; write the earlier one first",
        "{0} 的结束不晚于开始；请把较早的写在前面",
    ),
    ("{} is too long for one report; write at most ten years", "{0} 对一份报告来说太长；最多十年"),
    (
        "{} is no time at all in {}: clocks jumped over it; write a longer one",
        "{0} 在 {1} 并不存在：时钟跳过了这段时间；请写更长的时段",
    ),
    (
        "{} probes x {} confirmations cannot police {}: one detection takes {}, and of {} it leaves {}, in which at \
         least three must fit; probe each {}, or promise {}",
        "每 {0} 探测一次、连续 {1} 次确认，守不住 {2} 的目标：确认一次故障要 {3}，而 {4} 内只允许中断 {5}，其中至少要容得下三次确认；\
         请改为每 {6} 探测一次，或把目标定为 {7}",
    ),
    (
        "{} probes x {} confirmations cannot police {}: one detection takes {}, and of {} it leaves {}, in which at \
         least three must fit; probe each {}",
        "每 {0} 探测一次、连续 {1} 次确认，守不住 {2} 的目标：确认一次故障要 {3}，而 {4} 内只允许中断 {5}，其中至少要容得下三次确认；\
         请改为每 {6} 探测一次",
    ),
    (
        "{} probes x {} confirmations cannot police {}: one detection takes {}, and of {} it leaves {}, in which at \
         least three must fit; promise {}",
        "每 {0} 探测一次、连续 {1} 次确认，守不住 {2} 的目标：确认一次故障要 {3}，而 {4} 内只允许中断 {5}，其中至少要容得下三次确认；\
         请把目标定为 {6}",
    ),
];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use expect_test::expect;
    use jiff::tz::TimeZone;
    use model::phrasebook::{mistakes, translate};
    use model::time::Time;

    use super::*;
    use crate::{Period, Target, Terms, WeekStart, resolvable};

    #[test]
    fn no_phrase_loses_a_hole() {
        assert_eq!(mistakes(PHRASES), [""; 0]);
    }

    #[test]
    fn whoever_promises_nothing_does_not_promise_nothing_as_a_target() {
        let terms = Terms { quorum: Some(1), ..Terms::default() };
        let rules = terms.rules();
        let said: Vec<String> = rules.iter().map(|rule| translate(&[PHRASES], rule)).collect();
        assert!(said.iter().zip(&rules).all(|(said, rule)| said != rule), "{said:?}");
        assert_eq!(said[0], "没有承诺可用率");
        assert!(said.contains(&"任一探测点认为不可用即算不可用".to_owned()), "{said:?}");
    }

    #[test]
    fn what_is_wrong_with_a_period_is_said_in_chinese_too() {
        let mut told = String::new();
        for (text, week_start) in [
            ("october", WeekStart::Monday),
            ("2026-02-30", WeekStart::Monday),
            ("2025-W53", WeekStart::Monday),
            ("2026-13", WeekStart::Monday),
            ("2026-10-01T24:00..2026-10-02T08:00", WeekStart::Monday),
            ("0026", WeekStart::Monday),
            ("2026-W43", WeekStart::Sunday),
            ("2026-10-15..2026-10-01", WeekStart::Monday),
            ("2000-01-01..2026-01-01", WeekStart::Monday),
            ("2011-12-30", WeekStart::Monday),
        ] {
            let zone = TimeZone::get("Pacific/Apia").unwrap();
            let error = Period::parse(text, &zone, week_start, Time::default()).unwrap_err();
            told.push_str(&format!("{}\n", translate(&[PHRASES], &error.to_string())));
        }
        expect![[r#"
            "october" 不是时段；可以写日 2026-10-03、周 2026-W43、月 2026-10、季度 2026-Q4、年 2026、若干天 2026-10-01..2026-10-15、起止时刻 2026-10-01T08:00..2026-10-01T20:00，或 today、yesterday、this-week、last-month、last-30-days
            "2026-02-30"：2026-02 只有 28 天，没有 30 日；请写其中的一天
            "2025-W53"：2025 年有第 01 至 52 周；请写其中的一周
            "2026-13"：月份为 01 至 12，季度为 Q1 至 Q4；请写其中之一
            "2026-10-01T24:00..2026-10-02T08:00"：小时为 00 至 23，分和秒为 00 至 59；午夜请写作次日 T00:00
            "0026" 不在 1970 至 2999 年之间；年份请写四位数字，例如 2026-10
            "2026-W43" 是从周一开始的周，而这里的周从周日开始，这样的周没有公认的编号；请写出起止日期，例如 2026-10-18..2026-10-24，或写 last-week
            "2026-10-15..2026-10-01" 的结束不晚于开始；请把较早的写在前面
            "2000-01-01..2026-01-01" 对一份报告来说太长；最多十年
            "2011-12-30" 在 Pacific/Apia 并不存在：时钟跳过了这段时间；请写更长的时段
        "#]].assert_eq(&told);
    }

    #[test]
    fn what_is_wrong_with_a_promise_is_said_in_chinese_too() {
        let mut told = String::new();
        for (percent, interval, days) in [("99.99", 60, 30), ("99.9", 86_400, 1), ("100", 60, 30)] {
            let (interval, length) =
                (Duration::from_secs(interval), Duration::from_secs(days * 86_400));
            let refused = resolvable(Target::parse(percent).unwrap(), interval, 3, length);
            let refused = refused.unwrap_err().to_string();
            told.push_str(&format!("{}\n", translate(&[PHRASES], &refused)));
        }
        expect![[r#"
            每 1m 探测一次、连续 3 次确认，守不住 99.99% 的目标：确认一次故障要 3m，而 30d 内只允许中断 4m19s，其中至少要容得下三次确认；请改为每 28s 探测一次，或把目标定为 99.97%
            每 1d 探测一次、连续 3 次确认，守不住 99.9% 的目标：确认一次故障要 3d，而 1d 内只允许中断 1m26s，其中至少要容得下三次确认；请改为每 9s 探测一次
            每 1m 探测一次、连续 3 次确认，守不住 100% 的目标：确认一次故障要 3m，而 30d 内只允许中断 0，其中至少要容得下三次确认；请把目标定为 99.97%
        "#]].assert_eq(&told);
    }
}
