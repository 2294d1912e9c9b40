//! The reports of all projects: a row for each, as text and as a table for other programs.

use std::fmt::Write as _;

use jiff::tz::TimeZone;
use model::id::{PersonId, ProjectId};
use model::lang::Lang;

use super::csv::{field, stamp};
use super::text::{brief, span, verdict};
use crate::view::company::{CompanyView, ProjectRow};
use crate::view::report::{BudgetView, WholeView};

const HEAD: &str = "project,verdict,target,low,high,known,coverage,up_s,down_s,unknown_s,\
     maintenance_s,not_applicable_s,outages,budget_s,budget_used_s,owners,policy,zone,from,until\n";
/// Between two columns.
const GAP: &str = "  ";
/// Stands where there is nothing to say.
const NOTHING: &str = "-";

/// The table, the worst first, with a line break at its end.
pub fn company_text(view: &CompanyView, lang: Lang) -> String {
    let of = view.owner.as_ref().map_or(view.fleet.clone(), ToString::to_string);
    let mut text = format!("{of}  {}  {}\n", lang.pick("availability", "可用性"), view.period);
    let _ = writeln!(text, "{}\n", order(lang));
    let rows = view.projects.iter().map(|row| cells(row, lang));
    text += &aligned(&[heads(lang)].into_iter().chain(rows).collect::<Vec<_>>());
    if view.projects.is_empty() {
        let _ = writeln!(text, "{}", lang.pick("there is no project", "没有项目"));
    }
    text + &notes(view, lang)
}

fn order(lang: Lang) -> &'static str {
    lang.pick(
        "the worst first: missed, undecidable, then by budget used, then by time down",
        "由差到好：未达标、无法判定，其余依次按预算用量、不可用时长排列",
    )
}

fn heads(lang: Lang) -> Vec<String> {
    let heads: [&str; 9] = lang.pick(
        ["project", "verdict", "down", "between", "unknown", "outages", "budget", "owners", "by"],
        ["项目", "结论", "不可用", "范围", "未知", "故障", "错误预算", "负责人", "规则"],
    );
    heads.map(str::to_owned).to_vec()
}

fn cells(row: &ProjectRow, lang: Lang) -> Vec<String> {
    let whole = &row.whole;
    let or_nothing = |text: String| if text.is_empty() { NOTHING.to_owned() } else { text };
    let is_known = whole.known.is_some();
    vec![
        row.project.to_string(),
        or_nothing(verdict(whole.verdict, lang).to_owned()),
        if is_known { span(whole.tally.down_s) } else { NOTHING.to_owned() },
        or_nothing(bounds(whole)),
        span(whole.tally.unknown_s),
        outages(whole, lang),
        or_nothing(whole.budget.as_ref().map_or(String::new(), |one| budget(one, lang))),
        or_nothing(names(&row.owners)),
        row.policy.clone(),
    ]
}

/// What is in it is between these; one number if nothing is unknown.
pub(crate) fn bounds(whole: &WholeView) -> String {
    match (&whole.low, &whole.high) {
        (Some(low), Some(high)) if low == high => format!("{low}%"),
        (Some(low), Some(high)) => format!("{low}%..{high}%"),
        (_, _) => String::new(),
    }
}

pub(super) fn outages(whole: &WholeView, lang: Lang) -> String {
    let still = lang.pick(" (still down)", "（仍未恢复）");
    format!("{}{}", whole.outages, if whole.is_open { still } else { "" })
}

pub(super) fn budget(budget: &BudgetView, lang: Lang) -> String {
    match (budget.overdrawn_s, lang) {
        (0, Lang::En) => format!("{} left", span(budget.left_s)),
        (0, Lang::Zh) => format!("剩余 {}", span(budget.left_s)),
        (over, Lang::En) => format!("overdrawn by {}", span(over)),
        (over, Lang::Zh) => format!("超支 {}", span(over)),
    }
}

fn names(owners: &[PersonId]) -> String {
    owners.iter().map(PersonId::as_str).collect::<Vec<_>>().join(" ")
}

/// Columns as wide as their widest cell; the last one has no end.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let widest = |column: usize| rows.iter().map(|row| width(&row[column])).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(widest).collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, widest) in row.iter().zip(&widths) {
            line += cell;
            line += &" ".repeat(widest - width(cell));
            line += GAP;
        }
        text += line.trim_end();
        text.push('\n');
    }
    text
}

/// A Chinese character is two columns wide.
fn width(text: &str) -> usize {
    text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum()
}

/// Of which projects there is no account, what of others is not in it, and who is nobody's.
fn notes(view: &CompanyView, lang: Lang) -> String {
    let mut text = String::new();
    for missing in &view.without_account {
        let _ = writeln!(text, "\n{}  {}", missing.project, brief(&missing.why));
    }
    let partly = view.projects.iter().filter(|row| row.not_probed > 0);
    let partly: Vec<&str> = partly.map(|row| row.project.as_str()).collect();
    let lists = [
        (partly, lang.pick("modules of these are not probed", "以下项目有未探测的模块")),
        (ids(&view.without_owner), lang.pick("nobody owns these", "以下项目没有负责人")),
    ];
    for (names, what) in lists.into_iter().filter(|(names, _)| !names.is_empty()) {
        let _ = writeln!(text, "\n{what}{}{}", lang.pick(": ", "："), names.join(" "));
    }
    text
}

fn ids(projects: &[ProjectId]) -> Vec<&str> {
    projects.iter().map(ProjectId::as_str).collect()
}

/// A row for each project; numbers and words are the same in all languages.
pub fn company_csv(view: &CompanyView) -> String {
    let mut table = HEAD.to_owned();
    for row in &view.projects {
        let (whole, tally) = (&row.whole, &row.whole.tally);
        let zone = TimeZone::get(&row.zone).unwrap_or(TimeZone::UTC);
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        let budget = |of: fn(&BudgetView) -> u64| {
            whole.budget.as_ref().map_or(String::new(), |budget| of(budget).to_string())
        };
        let cells = [
            row.project.to_string(),
            verdict(whole.verdict, Lang::En).to_lowercase(),
            or_empty(&row.target),
            or_empty(&whole.low),
            or_empty(&whole.high),
            or_empty(&whole.known),
            or_empty(&whole.coverage),
            tally.up_s.to_string(),
            tally.down_s.to_string(),
            tally.unknown_s.to_string(),
            tally.maintenance_s.to_string(),
            tally.not_applicable_s.to_string(),
            whole.outages.to_string(),
            budget(|budget| budget.whole_s),
            budget(|budget| budget.used_s),
            field(&names(&row.owners)),
            field(&row.policy),
            row.zone.clone(),
            stamp(row.from, &zone),
            stamp(row.until, &zone),
        ];
        table += &cells.join(",");
        table.push('\n');
    }
    table
}
