//! Rule files, as written. Their checked form is in [`super::check`].
//!
//! A rule may be given in part: then the rest is that of the built-in rule of the same name. So
//! nothing is required here but the name, and what is missing is said by the check.

use alerter::rule::RuleName;
use model::id::Object;
use model::signal::Severity;
use model::unit::Span;
use scaler::policy::ApiVersion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A rule file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Rules v1")]
pub struct RawRules {
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    pub kind: RulesKind,
    #[serde(default)]
    pub rules: Vec<RawRule>,
    /// Sample data, and what the rules must make of it; `cloudbrain check` runs them.
    #[serde(default)]
    pub tests: Vec<RawTest>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum RulesKind {
    Rules,
}

/// A rule, or what is to be changed of the built-in one of that name.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawRule {
    /// 1 to 64 of a-z, 0-9 and _.
    #[schemars(with = "String")]
    pub name: Option<RuleName>,
    /// `false` switches it off.
    pub enabled: Option<bool>,
    /// A value beyond a line.
    pub threshold: Option<RawCondition>,
    /// How much a value changed within `over`: the growth of a counter, or of a value up and down.
    pub rate_of_change: Option<RawCondition>,
    /// What was measured and is not any more. Never the same as "down".
    pub no_data: Option<RawCondition>,
    /// Days until a share in use reaches `full`, as it grew within `over`.
    pub days_until_full: Option<RawCondition>,
    /// Each series that an expression gives is bad, as in Prometheus.
    pub expression: Option<RawCondition>,
    /// Bad for so long before it is told; at once if left out.
    #[serde(rename = "for")]
    pub hold: Option<Span>,
    /// Of what the series speak: a kind, kinds of which the first counts that a series has a label
    /// of, or one object such as `collector/main`.
    pub on: Option<RawOn>,
    /// Info is never told. A warning if left out.
    pub severity: Option<Severity>,
    /// How often it is evaluated; 30s if left out.
    pub every: Option<Span>,
    /// How old a sample may be and still be the value now; 2m30s if left out.
    pub within: Option<Span>,
    /// What messages say: words and {object} {value} {value%} {threshold} {threshold%} {part}
    /// {rule} {for}.
    pub text: Option<RawTexts>,
    /// What to do: a sentence or an address.
    pub runbook: Option<RawTexts>,
}

/// What is looked at, and where the lines are.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawCondition {
    /// The name of a metric,
    pub metric: Option<String>,
    /// which of its series: matchers such as `mountpoint="/data"`,
    #[serde(rename = "where")]
    pub matchers: Option<Vec<String>>,
    /// or an expression instead of both.
    pub promql: Option<String>,
    /// Of a change, or of the growth that days are reckoned from.
    pub over: Option<Span>,
    /// What is full; 1 if left out.
    pub full: Option<f64>,
    pub above: Option<f64>,
    pub below: Option<f64>,
    /// When it is good again; as soon as it is not bad, if left out.
    pub clear: Option<RawClear>,
}

#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawClear {
    pub above: Option<f64>,
    pub below: Option<f64>,
    /// Good for so long.
    #[serde(rename = "for")]
    pub hold: Option<Span>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RawOn {
    One(String),
    Several(Vec<String>),
}

/// A text by language. Where one is missing, the usual words are said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTexts {
    pub en: Option<String>,
    pub zh: Option<String>,
}

/// Sample data, and what is to come of it. Time begins at 0.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTest {
    pub name: String,
    /// Between two values of a series.
    #[serde(default = "a_minute")]
    pub interval: Span,
    pub input: Vec<RawSeries>,
    pub expect: Vec<RawExpectation>,
}

/// A series in the notation of promtool.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSeries {
    /// `up{vm="web-1"}`.
    pub series: String,
    /// `1 2 3`, `0+10x100` (from 0 by 10, a hundred times), `5x3`, `_` and `_x5` for none, `stale`.
    pub values: String,
}

/// How one rule is to stand at one moment.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawExpectation {
    pub at: Span,
    /// The only one of the file if left out.
    #[schemars(with = "String")]
    pub rule: Option<RuleName>,
    /// All that is bad.
    pub firing: Option<Vec<RawFiring>>,
    /// What is not bad, whatever else is.
    #[serde(default)]
    pub not_firing: Vec<Object>,
    /// All that is told as silent.
    pub no_data: Option<Vec<Object>>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFiring {
    pub on: Object,
    /// What was said of it last; not looked at if left out.
    pub text: Option<RawTexts>,
}

fn a_minute() -> Span {
    Span::secs(60)
}

impl RawRule {
    /// The conditions by the key they stand under.
    pub fn conditions(&self) -> [(&'static str, Option<&RawCondition>); 5] {
        [
            ("threshold", self.threshold.as_ref()),
            ("rate_of_change", self.rate_of_change.as_ref()),
            ("no_data", self.no_data.as_ref()),
            ("days_until_full", self.days_until_full.as_ref()),
            ("expression", self.expression.as_ref()),
        ]
    }

    /// This rule, where it says something, on top of another. Another kind of condition replaces
    /// the condition.
    pub fn over(self, base: &Self) -> Self {
        let has_condition = self.conditions().iter().any(|(_, condition)| condition.is_some());
        let merge = |own: Option<RawCondition>, base: &Option<RawCondition>| match own {
            None if has_condition => None,
            None => base.clone(),
            Some(own) => Some(own.over(base.as_ref())),
        };
        // Another kind of condition needs other words.
        let kind = |rule: &Self| rule.conditions().map(|(_, condition)| condition.is_some());
        let text = base.text.clone().filter(|_| !has_condition || kind(&self) == kind(base));
        Self {
            name: self.name,
            enabled: self.enabled.or(base.enabled),
            threshold: merge(self.threshold, &base.threshold),
            rate_of_change: merge(self.rate_of_change, &base.rate_of_change),
            no_data: merge(self.no_data, &base.no_data),
            days_until_full: merge(self.days_until_full, &base.days_until_full),
            expression: merge(self.expression, &base.expression),
            hold: self.hold.or(base.hold),
            on: self.on.or_else(|| base.on.clone()),
            severity: self.severity.or(base.severity),
            every: self.every.or(base.every),
            within: self.within.or(base.within),
            text: RawTexts::over(self.text, text),
            runbook: RawTexts::over(self.runbook, base.runbook.clone()),
        }
    }
}

impl RawCondition {
    fn over(self, base: Option<&Self>) -> Self {
        let Some(base) = base.cloned() else { return self };
        let is_other = self.metric.is_some() || self.promql.is_some();
        let has_line = self.above.is_some() || self.below.is_some();
        // A line that moves takes the old far side with it, but not the wait.
        let wait = base.clear.and_then(|clear| clear.hold);
        let kept = if has_line {
            wait.map(|hold| RawClear { hold: Some(hold), ..RawClear::default() })
        } else {
            base.clear
        };
        Self {
            metric: self.metric.or(base.metric.filter(|_| !is_other)),
            promql: self.promql.or(base.promql.filter(|_| !is_other)),
            matchers: self.matchers.or(base.matchers.filter(|_| !is_other)),
            over: self.over.or(base.over),
            full: self.full.or(base.full),
            above: self.above.or(base.above.filter(|_| !has_line)),
            below: self.below.or(base.below.filter(|_| !has_line)),
            clear: self.clear.or(kept),
        }
    }
}

impl RawTexts {
    fn over(own: Option<Self>, base: Option<Self>) -> Option<Self> {
        match (own, base) {
            (Some(own), Some(base)) => {
                Some(Self { en: own.en.or(base.en), zh: own.zh.or(base.zh) })
            }
            (own, base) => own.or(base),
        }
    }
}
