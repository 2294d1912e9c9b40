//! A report to read in a terminal or in a mail: minutes first, the percentage second, and never
//! without how much of the time is known.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use jiff::tz::TimeZone;
use model::lang::Lang;
use model::time::Time;
use model::unit::Span;

use super::{cause_in, local, measured_by, state_in, zone_of};
use crate::view::report::{
    BudgetView, CauseView, CorrectionView, ModuleReport, OutageView, PartialView, ReleaseView,
    ReportView, SpanView, StatisticsView, VerdictView, WholeView,
};

/// So many unknown spans and windows of maintenance are listed; the others are counted.
const MOST_SPANS: usize = 10;
/// From outside; a line is a line.
const MOST_CHARS: usize = 100;

/// The whole report, with a line break at its end.
pub fn text(report: &ReportView, lang: Lang) -> String {
    let writer = Writer { lang, zone: zone_of(report) };
    let mut text = writer.head(report);
    if report.modules.len() > 1 {
        text += "\n";
        text += &writer.whole(report);
    }
    for module in &report.modules {
        text += "\n";
        text += &writer.module(module, report.target.as_deref());
    }
    if report.modules.is_empty() {
        text += "\n";
        text += lang.pick("nothing of it is accounted for yet\n", "还没有可统计的模块\n");
    }
    text += &writer.not_probed(report);
    let _ = writeln!(text, "\n{}", writer.rules(report));
    text
}

pub(super) struct Writer {
    pub(super) lang: Lang,
    zone: TimeZone,
}

impl Writer {
    pub(super) fn say(&self, en: &'static str, zh: &'static str) -> &'static str {
        match self.lang {
            Lang::En => en,
            Lang::Zh => zh,
        }
    }

    fn head(&self, report: &ReportView) -> String {
        let ReportView { project, period, zone, .. } = report;
        let what = self.say("availability", "可用性");
        let (from, until) = (self.moment(report.from), self.moment(report.until));
        let to = self.say("to", "至");
        let so_far = if report.until < report.ends {
            self.say("; the period is not over", "；本期尚未结束")
        } else {
            ""
        };
        format!("{project}  {what}  {period}  ({zone})\n{from} {to} {until}{so_far}\n")
    }

    /// The project, which is down while any of its modules is.
    fn whole(&self, report: &ReportView) -> String {
        let name = match self.lang {
            Lang::En => format!("{}, down while any of its modules is", report.project),
            Lang::Zh => format!("{}（任一模块不可用即算不可用）", report.project),
        };
        let mut text = self.summary(&name, &report.whole, report.target.as_deref());
        let unknown_s = report.whole.tally.unknown_s;
        if unknown_s > 0 {
            Self::line(&mut text, self.say("unknown", "未知"), &span(unknown_s));
        }
        text
    }

    fn module(&self, module: &ModuleReport, target: Option<&str>) -> String {
        let mut text = self.summary(module.module.as_str(), &module.as_whole(), target);
        if let Some(since) = module.withdrawn {
            let since = self.moment(since);
            let said = match self.lang {
                Lang::En => format!("in no file since {since}; from then on it is not applicable"),
                Lang::Zh => format!("自 {since} 起已不在任何文件中，此后不计入"),
            };
            Self::line(&mut text, self.say("withdrawn", "已移除"), &said);
        }
        if let Some(said) = measured_by(self.lang, &module.measured_by) {
            Self::line(&mut text, self.say("measured by", "衡量依据"), &said);
        }
        self.outages(module, &mut text);
        if module.blips > 0 {
            let blips = module.blips;
            let said = match self.lang {
                Lang::En => format!("{blips} failed probes that no outage came of"),
                Lang::Zh => format!("{blips} 次未被确认的探测失败，不计入不可用"),
            };
            Self::line(&mut text, self.say("blips", "抖动"), &said);
        }
        self.partials(&mut text, &module.partials);
        let (unknown_s, work_s) = (module.tally.unknown_s, module.tally.maintenance_s);
        self.spans(&mut text, self.say("unknown", "未知"), unknown_s, &module.unknown);
        self.spans(&mut text, self.say("maintenance", "维护"), work_s, &module.maintenance);
        self.corrections(&mut text, &module.corrections);
        if let Some(latency) = &module.latency {
            self.latency(&mut text, latency);
        }
        text
    }

    /// The headline of a thing, with its bounds and its budget.
    fn summary(&self, name: &str, of: &WholeView, target: Option<&str>) -> String {
        let mut text = format!("{name}  {}\n", self.headline(of, target));
        if let Some(VerdictView::Undecidable { met_if_up_s, missed_if_down_s }) = of.verdict {
            let (up, down) = (span(met_if_up_s), span(missed_if_down_s));
            let said = match self.lang {
                Lang::En => format!(
                    "met if {up} of the unknown time was up, missed if {down} of it was down"
                ),
                Lang::Zh => {
                    format!("未知时间中有 {up} 可用则达标，有 {down} 不可用则未达标")
                }
            };
            Self::line(&mut text, self.say("undecidable", "无法判定"), &said);
        }
        if let (Some(low), Some(high), Some(coverage)) = (&of.low, &of.high, &of.coverage) {
            let said = match self.lang {
                Lang::En => format!("{low}% and {high}%; {coverage}% of the time is known"),
                Lang::Zh => format!("{low}% 至 {high}%；{coverage}% 的时间有探测结果"),
            };
            Self::line(&mut text, self.say("between", "范围"), &said);
        }
        if let Some(budget) = &of.budget {
            Self::line(&mut text, self.say("budget", "错误预算"), &self.budget(budget));
        }
        text
    }

    /// `MISSED  26m down, 99.82% of what is known; target 99.95%`
    fn headline(&self, of: &WholeView, target: Option<&str>) -> String {
        let gap = if of.verdict.is_some() { "  " } else { "" };
        let verdict = format!("{}{gap}", verdict(of.verdict, self.lang));
        let down = span(of.tally.down_s);
        let mut text = match (&of.known, self.lang) {
            (Some(known), Lang::En) => format!("{verdict}{down} down, {known}% of what is known"),
            (Some(known), Lang::Zh) => format!("{verdict}不可用 {down}，已知时间内可用率 {known}%"),
            (None, Lang::En) => format!("{verdict}nothing is known"),
            (None, Lang::Zh) => format!("{verdict}没有任何探测结果"),
        };
        if let Some(target) = target {
            let _ = match self.lang {
                Lang::En => write!(text, "; target {target}"),
                Lang::Zh => write!(text, "；目标 {target}"),
            };
        }
        text
    }

    fn budget(&self, budget: &BudgetView) -> String {
        let (whole, left) = (span(budget.whole_s), span(budget.left_s));
        let over = span(budget.overdrawn_s);
        match (budget.overdrawn_s, budget.used_up_at, self.lang) {
            (0, Some(at), Lang::En) => {
                let at = self.moment(at);
                format!("{left} of {whole} left; at this pace it is used up on {at}")
            }
            (0, Some(at), Lang::Zh) => {
                format!("剩余 {left}（共 {whole}）；按目前速度将于 {} 用完", self.moment(at))
            }
            (0, None, Lang::En) => format!("{left} of {whole} left"),
            (0, None, Lang::Zh) => format!("剩余 {left}（共 {whole}）"),
            (_, _, Lang::En) => format!("{whole}, overdrawn by {over}"),
            (_, _, Lang::Zh) => format!("共 {whole}，已超支 {over}"),
        }
    }

    fn outages(&self, module: &ModuleReport, text: &mut String) {
        if module.outages.is_empty() {
            return Self::line(text, self.say("outages", "故障"), self.say("none", "无"));
        }
        Self::line(text, self.say("outages", "故障"), &self.figures(&module.statistics));
        for outage in &module.outages {
            let _ = writeln!(text, "    {}", self.outage(outage));
        }
        let causes: Vec<String> = module.causes.iter().map(|one| self.cause(one)).collect();
        if !causes.is_empty() {
            Self::line(text, self.say("because of", "原因"), &causes.join(self.say(", ", "，")));
        }
    }

    /// `host 2h15m in 1`.
    fn cause(&self, one: &CauseView) -> String {
        let (cause, down, outages) =
            (cause_in(self.lang, &one.cause), span(one.down_s), one.outages);
        match self.lang {
            Lang::En => format!("{cause} {down} in {outages}"),
            Lang::Zh => format!("{cause} {down}（{outages} 次）"),
        }
    }

    fn figures(&self, figures: &StatisticsView) -> String {
        let mut parts = vec![match self.lang {
            Lang::En => format!("{} began", figures.started),
            Lang::Zh => format!("{} 次", figures.started),
        }];
        let repair = (figures.repair_mean_s, figures.repair_median_s, figures.repair_worst_s);
        if let (Some(mean), Some(median), Some(worst)) = repair {
            let (mean, median, worst) = (span(mean), span(median), span(worst));
            parts.push(match self.lang {
                Lang::En => format!("MTTR {mean} (median {median}, worst {worst})"),
                Lang::Zh => format!("平均修复时间 {mean}（中位数 {median}，最长 {worst}）"),
            });
        }
        if let Some(between) = figures.between_s {
            parts.push(match self.lang {
                Lang::En => format!("MTBF {}", span(between)),
                Lang::Zh => format!("平均无故障时间 {}", span(between)),
            });
        }
        parts.extend(self.told(figures));
        parts.join(self.say(", ", "，"))
    }

    /// Until people heard of them; None if none began.
    fn told(&self, figures: &StatisticsView) -> Option<String> {
        if let Some(why) = &figures.untold {
            return Some(match self.lang {
                Lang::En => format!("no MTTD: {why}"),
                Lang::Zh => format!("无平均发现时间：{why}"),
            });
        }
        let mean = span(figures.tell_mean_s?);
        let (median, worst) = (span(figures.tell_median_s?), span(figures.tell_worst_s?));
        let (told, of) = (figures.told, figures.started);
        Some(match self.lang {
            Lang::En => {
                format!("MTTD {mean} (median {median}, worst {worst}; {told} of {of} told)")
            }
            Lang::Zh => {
                format!(
                    "平均发现时间 {mean}（中位数 {median}，最长 {worst}；{of} 次中通知 {told} 次）"
                )
            }
        })
    }

    fn outage(&self, outage: &OutageView) -> String {
        let sign = if outage.is_open || !outage.is_whole { ">" } else { "" };
        let (from, down) = (self.moment(outage.from), span(outage.down_s));
        let mut text = format!("{from}  {:<9} {}", format!("{sign}{down}"), brief(&outage.why));
        if outage.parts > 1 {
            let parts = outage.parts;
            let _ = match self.lang {
                Lang::En => write!(text, " ({parts} parts)"),
                Lang::Zh => write!(text, "（分 {parts} 段）"),
            };
        }
        if outage.is_open {
            text += self.say(" (still down)", "（仍未恢复）");
        }
        if let Some(ReleaseView { version, by, before_s }) = &outage.released {
            let before = span(*before_s);
            let _ = match self.lang {
                Lang::En => write!(text, "; {version} went out {before} before it, by {by}"),
                Lang::Zh => write!(text, "；{before}前由 {by} 发布了 {version}"),
            };
        }
        text
    }

    fn spans(&self, text: &mut String, name: &str, whole_s: u64, spans: &[SpanView]) {
        if whole_s == 0 {
            return;
        }
        Self::line(text, name, &span(whole_s));
        let long: Vec<&SpanView> =
            spans.iter().filter(|part| part.until.since(part.from).as_secs() > 0).collect();
        for part in long.iter().take(MOST_SPANS) {
            let from = self.moment(part.from);
            let length = span(part.until.since(part.from).as_secs());
            let _ = writeln!(text, "    {from}  {length:<9} {}", brief(&part.why));
        }
        self.and_more(text, long.len());
    }

    /// Those of the same places together.
    fn partials(&self, text: &mut String, partials: &[PartialView]) {
        let mut places: BTreeMap<String, Vec<&PartialView>> = BTreeMap::new();
        for one in partials.iter().filter(|one| one.seen_down_s > 0) {
            places.entry(one.names()).or_default().push(one);
        }
        for (names, partials) in places {
            let lasted = span(partials.iter().map(|one| one.seen_down_s).sum());
            let said = match self.lang {
                Lang::En => format!("seen down from {names} only, {lasted}"),
                Lang::Zh => format!("仅 {names} 认为不可用，{lasted}"),
            };
            Self::line(text, self.say("partial", "局部"), &said);
            for one in partials.iter().take(MOST_SPANS) {
                let (from, length) = (self.moment(one.from), span(one.seen_down_s));
                let _ = writeln!(text, "    {from}  {length:<9} {}", brief(&one.why));
            }
            self.and_more(text, partials.len());
        }
    }

    fn and_more(&self, text: &mut String, count: usize) {
        let more = count.saturating_sub(MOST_SPANS);
        if more > 0 {
            let _ = match self.lang {
                Lang::En => writeln!(text, "    and {more} more"),
                Lang::Zh => writeln!(text, "    另有 {more} 段"),
            };
        }
    }

    fn corrections(&self, text: &mut String, corrections: &[CorrectionView]) {
        if corrections.is_empty() {
            return;
        }
        let count = corrections.len();
        let said = match self.lang {
            Lang::En => format!("{count}, which count whatever the probes said"),
            Lang::Zh => format!("{count} 处，优先于探测结果"),
        };
        Self::line(text, self.say("corrected", "人工更正"), &said);
        for one in corrections {
            let from = self.moment(one.from);
            let length = span(one.until.since(one.from).as_secs());
            let (as_what, why) = (state_in(self.lang, &one.counts_as), brief(&one.why));
            let _ = writeln!(text, "    {from}  {length:<9} {as_what}: {why}");
        }
    }

    fn rules(&self, report: &ReportView) -> String {
        let by = self.say("accounted for by", "统计规则");
        let rules = report.rules.iter().map(|rule| format!("\n  {rule}"));
        format!("{by} {}{}", report.policy, rules.collect::<String>())
    }

    fn not_probed(&self, report: &ReportView) -> String {
        let mut text = String::new();
        for (index, missing) in report.not_probed.iter().enumerate() {
            if index == 0 {
                let _ = writeln!(text, "\n{}", self.say("not probed", "未探测"));
            }
            let _ = writeln!(text, "  {}  {}", missing.module, brief(&missing.why));
        }
        text
    }

    /// A Chinese character is two columns wide.
    pub(super) fn line(text: &mut String, name: &str, said: &str) {
        let width: usize = name.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum();
        let gap = " ".repeat(13_usize.saturating_sub(width).max(1));
        let _ = writeln!(text, "  {name}{gap}{said}");
    }

    pub(super) fn moment(&self, at: Time) -> String {
        local(at, &self.zone, "%Y-%m-%d %H:%M:%S")
    }
}

/// In capitals where a language has them; empty without a target.
pub(super) fn verdict(verdict: Option<VerdictView>, lang: Lang) -> &'static str {
    match verdict {
        None => "",
        Some(VerdictView::Met) => lang.pick("MET", "达标"),
        Some(VerdictView::Missed) => lang.pick("MISSED", "未达标"),
        Some(VerdictView::Undecidable { .. }) => lang.pick("UNDECIDABLE", "无法判定"),
    }
}

pub(super) fn span(seconds: u64) -> String {
    if seconds == 0 { "0s".to_owned() } else { Span(Duration::from_secs(seconds)).to_string() }
}

pub(super) fn brief(text: &str) -> String {
    let is_fine = |c: &char| !c.is_control();
    text.chars().filter(is_fine).take(MOST_CHARS).collect()
}
