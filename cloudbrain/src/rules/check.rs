//! From a rule as written to a rule that can be judged, or what is wrong with it.
//!
//! Each kind of condition becomes an expression and two lines. An expression of the user's own is
//! read by itself first, so that an error in it has its own place.

use std::time::Duration;

use alerter::Bilingual;
use alerter::rule::{Bound, Condition, Kind, On, Rule, RuleName, Template, Texts};
use model::id::Object;
use model::signal::Severity;
use model::unit::Span;
use query::{Expression, Kind as Outcome};
use scaler::policy::Finding;

use super::Checked;
use super::raw::{RawCondition, RawOn, RawRule, RawTexts};

const USUAL_EVERY: Span = Span::secs(30);
/// A figure that is told once a minute may be missed once.
const USUAL_WITHIN: Span = Span::secs(150);
const LEAST_EVERY: Duration = Duration::from_secs(1);
const MOST_EVERY: Duration = Duration::from_secs(3600);
const MOST_SPAN: Duration = Duration::from_secs(30 * 86_400);
const DAY_S: f64 = 86_400.0;
/// The one figure that rules themselves make.
const OWN_COUNT: &str = "cloudbrain_rules_bad";

/// Where and what is wrong. Paths begin at the rule.
type Findings = Vec<Finding>;

/// Checks a whole rule. It is None exactly if one of the findings is an error.
pub fn check(raw: &RawRule) -> (Option<Checked>, Findings) {
    let mut checker = Checker { raw, findings: Vec::new() };
    let checked = checker.rule();
    let is_fine = checker.findings.iter().all(|finding| !is_error(finding));
    (checked.filter(|_| is_fine), checker.findings)
}

pub(crate) fn is_error(finding: &Finding) -> bool {
    finding.severity == scaler::policy::FindingSeverity::Error
}

struct Checker<'a> {
    raw: &'a RawRule,
    findings: Findings,
}

impl<'a> Checker<'a> {
    fn rule(&mut self) -> Option<Checked> {
        let raw = self.raw;
        let name = self.name()?;
        let every = self.span("every", raw.every.unwrap_or(USUAL_EVERY), LEAST_EVERY, MOST_EVERY);
        let usual_within = USUAL_WITHIN.max(Span(every * 2));
        let within = raw.within.unwrap_or(usual_within);
        let within = self.span("within", within, LEAST_EVERY, MOST_SPAN);
        let hold = self.span("for", raw.hold.unwrap_or_default(), Duration::ZERO, MOST_SPAN);
        let (kind, condition) = self.condition()?;
        let expression = self.expression(kind, condition, every);
        let lines = self.lines(kind, condition);
        let clear_after = condition.clear.and_then(|clear| clear.hold).unwrap_or_default();
        let on = self.on();
        let text = self.texts(kind);
        let (expression, condition, on) = (expression?, lines?, on?);
        self.outcome(&expression, &on);
        self.loops(&name, &expression);
        let rule = Rule {
            name,
            condition,
            on,
            every,
            hold,
            clear_after: clear_after.0,
            severity: raw.severity.unwrap_or(Severity::Warning),
            text,
            runbook: runbook(raw.runbook.as_ref()),
        };
        Some(Checked { rule, expression, within })
    }

    fn error(&mut self, path: &str, message: impl Into<String>) {
        self.findings.push(Finding::error(path, message));
    }

    fn name(&mut self) -> Option<RuleName> {
        if self.raw.name.is_none() {
            self.error("name", "a rule without a name; write name: a_name");
        }
        self.raw.name.clone()
    }

    fn span(&mut self, path: &str, span: Span, least: Duration, most: Duration) -> Duration {
        if span.0 < least || span.0 > most {
            let message = format!("{span}; write {} to {}", Span(least), Span(most));
            self.error(path, message);
        }
        span.0.clamp(least, most)
    }

    /// The only one, and the key it stands under.
    fn condition(&mut self) -> Option<(&'static str, &'a RawCondition)> {
        let all = self.raw.conditions();
        let mut given = all.into_iter().filter_map(|(kind, c)| Some((kind, c?)));
        let kinds = all.map(|(kind, _)| kind).join(", ");
        match (given.next(), given.next()) {
            (Some(only), None) => Some(only),
            (Some((first, _)), Some((second, _))) => {
                self.error(second, format!("a second condition beside {first}; keep one"));
                None
            }
            (None, _) => {
                self.error("name", format!("a rule without a condition; write one of {kinds}"));
                None
            }
        }
    }

    fn expression(
        &mut self,
        kind: &'static str,
        condition: &RawCondition,
        every: Duration,
    ) -> Option<Expression> {
        let subject = self.subject(kind, condition)?;
        let over = self.over(kind, condition);
        let full = condition.full.unwrap_or(1.0);
        if condition.full.is_some() && kind != "days_until_full" {
            self.error(&format!("{kind}.full"), "only days_until_full asks for it; remove it");
        }
        let text = subject.asked(kind, over?, every, full);
        match Expression::parse(&text) {
            Ok(expression) => Some(expression),
            Err(error) => {
                self.error(kind, format!("it cannot be asked as {text}: {error}"));
                None
            }
        }
    }

    fn subject(&mut self, kind: &str, condition: &RawCondition) -> Option<Subject> {
        let RawCondition { metric, matchers, promql, .. } = condition;
        match (metric, promql) {
            (Some(_), Some(_)) => {
                let message = "metric and promql exclude each other; keep one";
                self.error(&format!("{kind}.promql"), message);
                None
            }
            (None, None) => {
                let message = "nothing to look at; write metric: or promql: under it";
                self.error(kind, message);
                None
            }
            (Some(_), None) if kind == "expression" => {
                let message = "an expression that gives what is bad stands under promql; for a \
                               metric and a line write threshold:";
                self.error("expression.metric", message);
                None
            }
            (Some(metric), None) => self.metric(kind, metric, matchers.as_deref().unwrap_or(&[])),
            (None, Some(promql)) => {
                if matchers.is_some() {
                    let message = "it narrows a metric; write the matchers into the expression";
                    self.error(&format!("{kind}.where"), message);
                }
                self.promql(kind, promql)
            }
        }
    }

    fn metric(&mut self, kind: &str, metric: &str, matchers: &[String]) -> Option<Subject> {
        let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        if metric.is_empty()
            || !metric.chars().all(is_fine)
            || metric.as_bytes()[0].is_ascii_digit()
        {
            let message =
                format!("{metric:?} is no name of a metric; an expression stands under promql");
            self.error(&format!("{kind}.metric"), message);
            return None;
        }
        let before = self.findings.len();
        for (index, matcher) in matchers.iter().enumerate() {
            if let Err(error) = query::api::matchers(&format!("{metric}{{{matcher}}}")) {
                let message = format!("{matcher:?}: {error}; write for example 'phase=\"dns\"'");
                self.error(&format!("{kind}.where.{index}"), message);
            }
        }
        let selector = match matchers {
            [] => metric.to_owned(),
            several => format!("{metric}{{{}}}", several.join(",")),
        };
        (self.findings.len() == before).then_some(Subject::Metric(selector, metric.to_owned()))
    }

    fn promql(&mut self, kind: &str, promql: &str) -> Option<Subject> {
        let path = format!("{kind}.promql");
        match Expression::parse(promql) {
            Ok(expression) if matches!(expression.kind(), Outcome::Vector | Outcome::Scalar) => {
                Some(Subject::Expression(promql.to_owned()))
            }
            Ok(_) => {
                let message = "it gives no number at one moment; write for example \
                               max_over_time(METRIC[5m])";
                self.error(&path, message);
                None
            }
            Err(error) => {
                self.error(&path, error.to_string());
                None
            }
        }
    }

    fn over(&mut self, kind: &str, condition: &RawCondition) -> Option<Duration> {
        let usual = match kind {
            "rate_of_change" => Some(Span::secs(600)),
            "days_until_full" => Some(Span::secs(6 * 3600)),
            _ => None,
        };
        let path = format!("{kind}.over");
        match (usual, condition.over) {
            (None, Some(_)) => {
                let message = "only rate_of_change and days_until_full look back; remove it";
                self.error(&path, message);
                None
            }
            (None, None) => Some(Duration::ZERO),
            (Some(usual), over) => {
                let over = over.unwrap_or(usual);
                Some(self.span(&path, over, Duration::from_secs(1), MOST_SPAN))
            }
        }
    }

    /// When it is bad, and when good again.
    fn lines(&mut self, kind: &str, condition: &RawCondition) -> Option<Condition> {
        let clear = condition.clear.unwrap_or_default();
        if matches!(kind, "no_data" | "expression") {
            let has_line = [condition.above, condition.below, clear.above, clear.below];
            if has_line.iter().any(Option::is_some) {
                let message = "it has no line to be above or below; a line belongs to threshold";
                self.error(kind, message);
                return None;
            }
            let is_silence = kind == "no_data";
            return Some(if is_silence { Condition::NoData } else { Condition::Presence });
        }
        let fires = match (condition.above, condition.below) {
            (Some(line), None) => Bound::Above(line),
            (None, Some(line)) => Bound::Below(line),
            (Some(_), Some(_)) => {
                let message = "above and below exclude each other; write two rules";
                self.error(&format!("{kind}.below"), message);
                return None;
            }
            (None, None) => {
                self.error(kind, "it has no line; write above: or below: under it");
                return None;
            }
        };
        let clears = self.clears(kind, fires, clear.above, clear.below)?;
        Some(Condition::Number { fires, clears })
    }

    fn clears(
        &mut self,
        kind: &str,
        fires: Bound,
        above: Option<f64>,
        below: Option<f64>,
    ) -> Option<Bound> {
        let (bad, good, right, wrong) = match fires.points_up() {
            true => ("above", "below", below, above),
            false => ("below", "above", above, below),
        };
        let path = |key: &str| format!("{kind}.clear.{key}");
        if wrong.is_some() {
            let message = format!(
                "it is on the wrong side: what is bad {bad} a line is good {good} one; write \
                 clear: {{{good}: ...}}"
            );
            self.error(&path(bad), message);
            return None;
        }
        let line = fires.line();
        if !line.is_finite() || right.is_some_and(|clear| !clear.is_finite()) {
            self.error(&format!("{kind}.{bad}"), "a line must be a finite number");
            return None;
        }
        let Some(clear) = right else { return Some(fires.opposite()) };
        let is_beyond = fires.holds(clear);
        if is_beyond {
            let most = if fires.points_up() { "at most" } else { "at least" };
            let message = format!(
                "{clear} is beyond {bad}: {line}, so a value could be bad and good at once; write \
                 {most} {line}"
            );
            self.error(&path(good), message);
            return None;
        }
        Some(if fires.points_up() { Bound::Below(clear) } else { Bound::Above(clear) })
            .map(|bound| if clear.total_cmp(&line).is_eq() { fires.opposite() } else { bound })
    }

    fn on(&mut self) -> Option<On> {
        let words = match &self.raw.on {
            None => {
                let message = "of what do its series speak? write for example on: vm";
                self.error("name", message);
                return None;
            }
            Some(RawOn::One(word)) if word.contains('/') => {
                return match word.parse::<Object>() {
                    Ok(object) => Some(On::One(object)),
                    Err(error) => {
                        self.error("on", error.to_string());
                        None
                    }
                };
            }
            Some(RawOn::One(word)) => std::slice::from_ref(word),
            Some(RawOn::Several(words)) => words,
        };
        let kind = |word: &String| Kind::ALL.into_iter().find(|kind| kind.label() == word);
        let kinds: Option<Vec<Kind>> = words.iter().map(kind).collect();
        let kinds = kinds.filter(|kinds| !kinds.is_empty());
        if kinds.is_none() {
            let known = Kind::ALL.map(Kind::label).join(", ");
            let message =
                format!("{words:?}: write some of {known}, or one object: collector/main");
            self.error("on", message);
        }
        kinds.map(On::Kinds)
    }

    fn texts(&mut self, kind: &str) -> Texts {
        let Some(raw) = &self.raw.text else { return Texts::default() };
        let mut read = |lang: &str, text: Option<&String>| {
            let path = format!("text.{lang}");
            match Template::parse(text?) {
                Ok(text)
                    if text.asks_for_threshold() && matches!(kind, "no_data" | "expression") =>
                {
                    let message = format!("{kind} has no line; remove {{threshold}}");
                    self.error(&path, message);
                    None
                }
                Ok(text) => Some(text),
                Err(error) => {
                    self.error(&path, error.to_string());
                    None
                }
            }
        };
        Texts { en: read("en", raw.en.as_ref()), zh: read("zh", raw.zh.as_ref()) }
    }

    /// An alarm that can never come is worth a word.
    /// The built-in count of what is bad may be watched; but whoever does reads himself.
    fn loops(&mut self, name: &RuleName, expression: &Expression) {
        if expression.to_string().contains(OWN_COUNT) {
            let message = format!(
                "{OWN_COUNT} counts what is bad by all rules, {name} among them: once bad it may \
                 never end, or go to and fro; watch what those rules watch"
            );
            self.findings.push(Finding::warning("name", message));
        }
    }

    fn outcome(&mut self, expression: &Expression, on: &On) {
        let On::Kinds(kinds) = on else { return };
        if kinds.iter().any(|kind| expression.may_bear(kind.label())) {
            return;
        }
        let labels = kinds.iter().map(|kind| kind.label()).collect::<Vec<_>>().join(" or ");
        let message = format!(
            "no series of its outcome ever has the label {labels}, so it can never tell of one; \
             keep the label (sum by ({}) ...), or write on: with what it has",
            kinds[0].label()
        );
        self.findings.push(Finding::warning("on", message));
    }
}

/// What is looked at.
enum Subject {
    /// As a selector, and its name.
    Metric(String, String),
    Expression(String),
}

impl Subject {
    /// The whole question of a kind of condition.
    fn asked(&self, kind: &str, over: Duration, every: Duration, full: f64) -> String {
        let now = match self {
            Self::Metric(selector, _) => selector.clone(),
            Self::Expression(text) => text.clone(),
        };
        let over_ms = over.as_millis();
        let window = match self {
            Self::Metric(selector, _) => format!("{selector}[{over_ms}ms]"),
            Self::Expression(text) => format!("({text})[{over_ms}ms:{}ms]", every.as_millis()),
        };
        let over_s = over.as_secs_f64();
        match (kind, self) {
            ("rate_of_change", Self::Metric(_, name)) if name.ends_with("_total") => {
                format!("increase({window})")
            }
            ("rate_of_change", _) => format!("deriv({window}) * {over_s}"),
            // What does not grow is full in no time that anybody waits for.
            ("days_until_full", _) => {
                format!("({full} - ({now})) / clamp_min(deriv({window}), 1e-15) / {DAY_S}")
            }
            _ => now,
        }
    }
}

/// Who is spoken to in a language that is missing gets the other.
fn runbook(raw: Option<&RawTexts>) -> Option<Bilingual> {
    let raw = raw?;
    let en = raw.en.clone().or_else(|| raw.zh.clone())?;
    let zh = raw.zh.clone().unwrap_or_else(|| en.clone());
    Some(Bilingual { en, zh })
}
