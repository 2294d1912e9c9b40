//! Silences by label: which posted alerts each covers.
//!
//! As Alertmanager has it: all matchers must match, a regular expression the whole value, and a
//! label that is missing is an empty value. One that would match any alert at all is refused.

use std::collections::BTreeSet;

use alerter::act::{LabelMatcher, Scope, Silence};
use collector::posted::Labels;
use model::id::SilenceId;
use regex::{Regex, RegexBuilder};

use super::Refusal;

/// The largest compiled expression, in bytes: enough for a list of some hundred names.
const MAX_REGEX_BYTES: usize = 256 * 1024;
/// More matchers than these say nothing more.
const MAX_MATCHERS: usize = 20;

/// The silences by label, ready to be asked.
#[derive(Debug, Default)]
pub struct LabelSilences {
    silences: Vec<(SilenceId, Vec<Test>)>,
}

/// A matcher, compiled.
#[derive(Debug)]
pub struct Test {
    name: String,
    wanted: Wanted,
    is_equal: bool,
}

#[derive(Debug)]
enum Wanted {
    Value(String),
    Pattern(Box<Regex>),
}

impl LabelSilences {
    /// Those that are in force or ahead.
    pub fn of<'a>(silences: impl Iterator<Item = &'a Silence>) -> Self {
        let tests = silences.filter_map(|silence| match &silence.scope {
            // What was taken once compiles again.
            Scope::Labels(matchers) => Some((silence.id.clone(), compile(matchers).ok()?)),
            Scope::Object { .. } => None,
        });
        Self { silences: tests.collect() }
    }

    pub fn is_empty(&self) -> bool {
        self.silences.is_empty()
    }

    /// Which of them cover an alert with these labels.
    pub fn covering(&self, labels: &Labels) -> BTreeSet<SilenceId> {
        let covering = self.silences.iter().filter(|(_, tests)| all_match(tests, labels));
        covering.map(|(id, _)| id.clone()).collect()
    }
}

/// Whether all of them match.
pub fn all_match(tests: &[Test], labels: &Labels) -> bool {
    tests.iter().all(|test| test.matches(labels))
}

/// Checks matchers that somebody wrote, and makes them ready.
pub fn compile(matchers: &[LabelMatcher]) -> Result<Vec<Test>, Refusal> {
    if matchers.len() > MAX_MATCHERS {
        let count = matchers.len();
        return Err(Refusal::new(
            format!("{count} matchers; write at most {MAX_MATCHERS}"),
            format!("匹配条件有 {count} 个；最多 {MAX_MATCHERS} 个"),
        ));
    }
    let tests: Vec<Test> = matchers.iter().map(Test::of).collect::<Result<_, _>>()?;
    if all_match(&tests, &Labels::default()) {
        return Err(Refusal::new(
            "this would silence every alert; name at least one label that must have a value",
            "这会静默所有告警；请至少指定一个必须有值的标签",
        ));
    }
    Ok(tests)
}

impl Test {
    pub fn of(matcher: &LabelMatcher) -> Result<Self, Refusal> {
        let LabelMatcher { name, value, is_regex, is_equal } = matcher;
        if name.is_empty() {
            return Err(Refusal::new("a matcher without a name", "匹配条件缺少标签名"));
        }
        let wanted = match is_regex {
            false => Wanted::Value(value.clone()),
            true => {
                let whole = RegexBuilder::new(&format!("^(?:{value})$"))
                    .size_limit(MAX_REGEX_BYTES)
                    .dot_matches_new_line(true)
                    .build();
                let pattern = whole.map_err(|_| {
                    Refusal::new(
                        format!("{name}=~{value:?} is no regular expression that can be used"),
                        format!("{name}=~{value:?} 不是可用的正则表达式"),
                    )
                })?;
                Wanted::Pattern(Box::new(pattern))
            }
        };
        Ok(Self { name: name.clone(), wanted, is_equal: *is_equal })
    }

    fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).unwrap_or_default();
        let fits = match &self.wanted {
            Wanted::Value(wanted) => value == wanted,
            Wanted::Pattern(pattern) => pattern.is_match(value),
        };
        fits == self.is_equal
    }
}

/// `vm=web-01`, `vm!=web-01`, `vm=~web-.*`, `vm!~web-.*`, with quotes around the value or without.
pub fn matcher(text: &str) -> Result<LabelMatcher, String> {
    let signs = [("=~", true, true), ("!~", true, false), ("!=", false, false), ("=", false, true)];
    let at = text.find(['=', '!']);
    let found = at.and_then(|at| {
        let (name, rest) = text.split_at(at);
        let sign = signs.iter().find(|(sign, ..)| rest.starts_with(sign))?;
        Some((name, &rest[sign.0.len()..], sign))
    });
    match found {
        Some((name, value, (_, is_regex, is_equal))) if !name.trim().is_empty() => {
            let value = value.trim();
            let bare = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
            Ok(LabelMatcher {
                name: name.trim().to_owned(),
                value: bare.unwrap_or(value).to_owned(),
                is_regex: *is_regex,
                is_equal: *is_equal,
            })
        }
        _ => Err(format!("{text:?} is no matcher; write label=value or label=~expression")),
    }
}

/// Several of them: `alertname="Slow", vm=~"web-.*"`, in braces or not. A comma within quotes is part of
/// the value.
pub fn matchers(text: &str) -> Result<Vec<LabelMatcher>, String> {
    let text = text.trim();
    let bare = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let mut is_quoted = false;
    let parts = bare.split(|c: char| {
        is_quoted ^= c == '"';
        c == ',' && !is_quoted
    });
    parts.map(str::trim).filter(|part| !part.is_empty()).map(matcher).collect()
}

/// As it would be written: `vm=~"web-.*"`.
pub fn written(matcher: &LabelMatcher) -> String {
    let sign = match (matcher.is_regex, matcher.is_equal) {
        (false, true) => "=",
        (false, false) => "!=",
        (true, true) => "=~",
        (true, false) => "!~",
    };
    format!("{}{sign}{:?}", matcher.name, matcher.value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn covers(matchers: &[&str], labels: &[(&str, &str)]) -> bool {
        let matchers: Vec<LabelMatcher> =
            matchers.iter().map(|text| matcher(text).unwrap()).collect();
        all_match(&compile(&matchers).unwrap(), &labels.iter().copied().collect())
    }

    #[test]
    fn a_matcher_is_read_as_amtool_writes_it() {
        let round = |text: &str| written(&matcher(text).unwrap());
        assert_eq!(round("vm=web-01"), "vm=\"web-01\"");
        assert_eq!(round("vm=\"web-01\""), "vm=\"web-01\"");
        assert_eq!(round("vm =~ web-.*"), "vm=~\"web-.*\"");
        assert_eq!(round("vm!=a=b"), "vm!=\"a=b\"");
        assert_eq!(round("vm!~x|y"), "vm!~\"x|y\"");
        assert_eq!(round("vm="), "vm=\"\"");
        for wrong in ["vm", "=x", "vm!x", ""] {
            assert!(matcher(wrong).unwrap_err().contains("write label=value"), "{wrong}");
        }
    }

    #[test]
    fn a_row_of_matchers_is_read_as_it_is_shown() {
        let row = r#"{alertname="Slow, very", vm=~"a{1,2}|b"}"#;
        let read = matchers(row).unwrap();
        let shown: Vec<String> = read.iter().map(written).collect();
        assert_eq!(format!("{{{}}}", shown.join(", ")), row);
        assert_eq!(matchers(" vm=a,host!=b ,").unwrap().len(), 2);
        assert_eq!(matchers("  "), Ok(Vec::new()));
        assert!(matchers("vm=a, b").unwrap_err().starts_with("\"b\" is no matcher"));
    }

    #[test]
    fn all_matchers_must_match_an_expression_the_whole_value_and_what_is_missing_is_empty() {
        let labels = [("alertname", "VmDown"), ("vm", "web-01")];
        assert!(covers(&["alertname=VmDown", "vm=~web-.*"], &labels));
        assert!(!covers(&["alertname=VmDown", "vm=~web"], &labels));
        assert!(!covers(&["alertname=VmDown", "vm!=web-01"], &labels));
        assert!(covers(&["alertname=VmDown", "team="], &labels));
        assert!(covers(&["alertname=VmDown", "team!=blue"], &labels));
        assert!(!covers(&["alertname=VmDown", "team=~.+"], &labels));
    }

    #[test]
    fn what_would_silence_everything_is_refused() {
        for all in [&["vm=~.*"][..], &["vm!=web-01"], &["vm="], &[]] {
            let matchers: Vec<LabelMatcher> =
                all.iter().map(|text| matcher(text).unwrap()).collect();
            let refusal = compile(&matchers).unwrap_err();
            assert!(refusal.why.en.starts_with("this would silence every alert"), "{all:?}");
        }
        let endless = matcher(&format!("vm=~{}", "(a{1,1000}){1,1000}")).unwrap();
        assert!(compile(&[endless]).unwrap_err().why.en.contains("no regular expression"));
    }
}
