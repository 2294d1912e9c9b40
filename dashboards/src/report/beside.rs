//! Two accounting policies on the same record, as one table: what differs, and by which rule.

use std::fmt::Write as _;

use model::lang::Lang;

use super::company::{aligned, bounds, outages};
use super::text::{span, verdict};
use crate::view::beside::{BesideView, RuleStep};
use crate::view::report::{BudgetView, WholeView};

const NOTHING: &str = "-";

/// The table, with a line break at its end.
pub fn beside_text(view: &BesideView, lang: Lang) -> String {
    let BesideView { project, period, policy, beside, .. } = view;
    let mut text = match lang {
        Lang::En => format!("{project}  {period}  {policy} beside {beside}\n\n"),
        Lang::Zh => format!("{project}  {period}  {policy} 与 {beside} 对比\n\n"),
    };
    let mut rows = Vec::new();
    let mut idle = Vec::new();
    let mut before = &view.accounts;
    for step in &view.steps {
        let changed = changes(&view.names, before, step, lang);
        let is_named = !step.before.is_empty() || !step.after.is_empty();
        if changed.is_empty() && is_named {
            idle.push(rule(step, lang));
        }
        rows.extend(changed);
        before = &step.accounts;
    }
    if rows.is_empty() {
        text += lang.pick("both say the same\n", "两者结果相同\n");
    } else {
        rows.insert(0, heads(lang));
        text += &aligned(&rows);
    }
    for (number, rule) in idle.iter().enumerate() {
        let title = lang.pick("these rules make no difference here:", "以下规则在此没有影响：");
        let _ = if number == 0 { writeln!(text, "\n{title}") } else { Ok(()) };
        let _ = writeln!(text, "  {rule}");
    }
    text
}

/// Whether any figure differs.
pub fn differs(view: &BesideView) -> bool {
    view.steps.iter().any(|step| step.accounts != view.accounts)
}

fn heads(lang: Lang) -> Vec<String> {
    let heads: [&str; 5] = lang.pick(
        ["of", "figure", "before", "after", "because of"],
        ["对象", "指标", "变更前", "变更后", "起因规则"],
    );
    heads.map(str::to_owned).to_vec()
}

fn rule(step: &RuleStep, lang: Lang) -> String {
    match (step.before.as_str(), step.after.as_str()) {
        ("", "") => lang.pick("other rules", "其他规则").to_owned(),
        (before, after) => format!("{before} -> {after}"),
    }
}

/// A row for each figure that a rule changes.
fn changes(
    names: &[String],
    before: &[WholeView],
    step: &RuleStep,
    lang: Lang,
) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for ((name, before), after) in names.iter().zip(before).zip(&step.accounts) {
        let figures = figures(before, lang).into_iter().zip(figures(after, lang));
        for ((figure, before), (_, after)) in figures.filter(|(one, other)| one != other) {
            rows.push(vec![name.clone(), figure.to_owned(), before, after, rule(step, lang)]);
        }
    }
    rows
}

fn figures(of: &WholeView, lang: Lang) -> Vec<(&'static str, String)> {
    let or_nothing = |text: String| if text.is_empty() { NOTHING.to_owned() } else { text };
    let budget = |seconds: fn(&BudgetView) -> u64| {
        of.budget.as_ref().map_or(NOTHING.to_owned(), |budget| span(seconds(budget)))
    };
    let say = |en: &'static str, zh: &'static str| lang.pick(en, zh);
    vec![
        (say("verdict", "结论"), or_nothing(verdict(of.verdict, lang).to_owned())),
        (say("down", "不可用"), span(of.tally.down_s)),
        (say("unknown", "未知"), span(of.tally.unknown_s)),
        (say("maintenance", "维护"), span(of.tally.maintenance_s)),
        (say("not counted", "不计入"), span(of.tally.not_applicable_s)),
        (say("between", "范围"), or_nothing(bounds(of))),
        (say("outages", "故障"), outages(of, lang)),
        (say("budget", "错误预算"), budget(|budget| budget.whole_s)),
        (say("budget used", "已用预算"), budget(|budget| budget.used_s)),
    ]
}
