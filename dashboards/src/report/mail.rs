//! The report that comes by mail: the verdict in its first line, which is the subject, and no more than
//! a screen. Who wants more is told where it stands.

use std::fmt::Write as _;

use model::lang::Lang;
use model::time::Time;

use super::company::{bounds, budget};
use super::text::{brief, span, verdict};
use super::{local, zone_of};
use crate::view::company::{CompanyView, ProjectRow};
use crate::view::report::{OutageView, ReportView, WholeView};

/// So many projects get a line; the others are counted.
const MOST_PROJECTS: usize = 8;
/// So many outages of the worst project are listed, the longest first.
const MOST_OUTAGES: usize = 3;
const MOST_NOT_PROBED: usize = 3;

/// The mail to the owner of these projects, the first line of which is its subject; None if there is no
/// account of any. `before` is the period before, and `worst` the report of the first project.
pub fn mail_text(
    view: &CompanyView,
    before: Option<&CompanyView>,
    worst: Option<&ReportView>,
    lang: Lang,
) -> Option<String> {
    let first = view.projects.first()?;
    let mut text = format!("{}\n", subject(view, before, first, lang));
    let _ = writeln!(text, "{}\n", reach(view, before, first, lang));
    for row in view.projects.iter().take(MOST_PROJECTS) {
        let _ = writeln!(text, "{}", line(row, change(row, before), lang));
    }
    let more = view.projects.len().saturating_sub(MOST_PROJECTS);
    if more > 0 {
        text += &lang.pick(format!("and {more} more\n"), format!("另有 {more} 个项目\n"));
    }
    if let Some(report) = worst {
        text += &outages(report, lang);
        text += &not_probed(report, lang);
    }
    let _ = writeln!(text, "\n{}", footer(view, first, lang));
    Some(text)
}

/// `[missed] shop 99.82% (-0.11), 26m down, 2 outages; 4 projects, 2026-W46`.
fn subject(
    view: &CompanyView,
    before: Option<&CompanyView>,
    first: &ProjectRow,
    lang: Lang,
) -> String {
    let whole = &first.whole;
    let mark = match verdict(whole.verdict, lang) {
        "" => String::new(),
        verdict => format!("[{}] ", verdict.to_lowercase()),
    };
    let known = match (&whole.known, change(first, before)) {
        (Some(known), Some(change)) => format!(" {known}% ({change})"),
        (Some(known), None) => format!(" {known}%"),
        (None, _) => lang.pick(" unknown", " 未知").to_owned(),
    };
    let (name, down, period) = (&first.project, span(whole.tally.down_s), &view.period);
    let (outages, count) = (whole.outages, view.projects.len());
    let others = match (count, lang) {
        (1, _) => String::new(),
        (_, Lang::En) => format!("; the worst of {count} projects"),
        (_, Lang::Zh) => format!("；{count} 个项目中最差"),
    };
    match lang {
        Lang::En => {
            let s = if outages == 1 { "" } else { "s" };
            format!("{mark}{name}{known}, {down} down, {outages} outage{s}{others}; {period}")
        }
        Lang::Zh => {
            format!("{mark}{name}{known}，不可用 {down}，故障 {outages} 次{others}；{period}")
        }
    }
}

/// What the numbers are of.
fn reach(
    view: &CompanyView,
    before: Option<&CompanyView>,
    first: &ProjectRow,
    lang: Lang,
) -> String {
    let zone = jiff::tz::TimeZone::get(&first.zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let moment = |at: Time| local(at, &zone, "%Y-%m-%d %H:%M");
    let (from, until, zone) = (moment(first.from), moment(first.until), &first.zone);
    let period = &view.period;
    let mut text = match lang {
        Lang::En => format!("{period}, {from} to {until} ({zone})"),
        Lang::Zh => format!("{period}，{from} 至 {until}（{zone}）"),
    };
    if let Some(before) = before.map(|before| &before.period) {
        text += &match lang {
            Lang::En => format!("; in brackets the change against {before}, in points"),
            Lang::Zh => format!("；括号内为与 {before} 相比的变化（百分点）"),
        };
    }
    text
}

/// `shop  MISSED  99.80%..99.85% (-0.11), target 99.95%, 26m down in 2 outages, overdrawn by 5m`.
fn line(row: &ProjectRow, change: Option<String>, lang: Lang) -> String {
    let WholeView { tally, verdict: said, outages, budget: allowance, is_open, .. } = &row.whole;
    let mut parts = vec![match (bounds(&row.whole).as_str(), change) {
        ("", _) => lang.pick("nothing is known", "没有任何探测结果").to_owned(),
        (bounds, Some(change)) => format!("{bounds} ({change})"),
        (bounds, None) => bounds.to_owned(),
    }];
    if let Some(target) = &row.target {
        parts.push(lang.pick(format!("target {target}"), format!("目标 {target}")));
    }
    if row.whole.known.is_some() {
        parts.push(down(*outages, tally.down_s, lang));
    }
    if *is_open {
        parts.push(lang.pick("still down", "仍未恢复").to_owned());
    }
    parts.extend(allowance.as_ref().map(|one| budget(one, lang)));
    if tally.unknown_s > 0 {
        let unknown = span(tally.unknown_s);
        parts.push(lang.pick(format!("{unknown} unknown"), format!("未知 {unknown}")));
    }
    let verdict = verdict(*said, lang);
    let gap = if verdict.is_empty() { "" } else { "  " };
    format!("{}  {verdict}{gap}{}", row.project, parts.join(lang.pick(", ", "，")))
}

fn down(outages: usize, down_s: u64, lang: Lang) -> String {
    let down = span(down_s);
    match (outages, lang) {
        (0, _) => lang.pick("no outage", "无故障").to_owned(),
        (1, Lang::En) => format!("{down} down in one outage"),
        (_, Lang::En) => format!("{down} down in {outages} outages"),
        (_, Lang::Zh) => format!("{outages} 次故障，不可用 {down}"),
    }
}

/// In percentage points, with a sign; none if either is not known.
fn change(row: &ProjectRow, before: Option<&CompanyView>) -> Option<String> {
    let before = before?.projects.iter().find(|one| one.project == row.project)?;
    let number = |known: &Option<String>| known.as_ref()?.parse::<f64>().ok();
    let change = number(&row.whole.known)? - number(&before.whole.known)?;
    let text = format!("{change:+.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    Some(if ["+0", "-0"].contains(&text) { "0".to_owned() } else { text.to_owned() })
}

fn outages(report: &ReportView, lang: Lang) -> String {
    let of = |module: &crate::view::report::ModuleReport| {
        let name = module.module.clone();
        module.outages.iter().map(move |outage| (name.clone(), outage.clone())).collect::<Vec<_>>()
    };
    let mut all: Vec<_> = report.modules.iter().flat_map(of).collect();
    all.sort_by_key(|(module, outage)| {
        (std::cmp::Reverse(outage.down_s), outage.from, module.clone())
    });
    if all.is_empty() {
        return String::new();
    }
    let project = &report.project;
    let head =
        lang.pick(format!("The longest outages of {project}:"), format!("{project} 最长的故障："));
    let zone = zone_of(report);
    let mut text = format!("\n{head}\n");
    for (module, OutageView { from, down_s, is_open, why, .. }) in all.iter().take(MOST_OUTAGES) {
        let from = local(*from, &zone, "%Y-%m-%d %H:%M:%S");
        let sign = if *is_open { ">" } else { "" };
        let _ = writeln!(text, "{from}  {sign}{}  {module}: {}", span(*down_s), brief(why));
    }
    text
}

fn not_probed(report: &ReportView, lang: Lang) -> String {
    let mut text = String::new();
    for missing in report.not_probed.iter().take(MOST_NOT_PROBED) {
        let what = lang.pick("not probed", "未探测");
        let colon = lang.pick(": ", "：");
        let _ = writeln!(text, "{what}{colon}{}{colon}{}", missing.module, brief(&missing.why));
    }
    text
}

fn footer(view: &CompanyView, first: &ProjectRow, lang: Lang) -> String {
    let (project, period) = (&first.project, &view.period);
    let whole = format!("cloudbrain report --project {project} --period {period}");
    match lang {
        Lang::En => format!(
            "The whole of it: {whole}, or the page /reports.\n\
             You get this because you own it; `reports: false` at your name in cloudbrain.yaml ends that."
        ),
        Lang::Zh => format!(
            "完整报告：{whole}，或页面 /reports。\n\
             您是负责人，因此收到本邮件；在 cloudbrain.yaml 中您的条目下写 `reports: false` 即可停止。"
        ),
    }
}
