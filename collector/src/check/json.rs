//! Conditions on a JSON answer: `/queue/length < 100`, `items[0].name == "disk"`, `error missing`.
//!
//! A path is a JSON pointer if it begins with `/`, else names with dots and numbers in brackets; it
//! leads to one place, so a condition has one sentence. A bare word stands for a text, since
//! `status == ok` is what people write. Reading is bounded by what was read of the answer.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::text::clean;

/// The longest piece of an answer that is repeated, in characters.
const MAX_SHOWN_CHARS: usize = 80;
const OPERATORS: [(&str, Operator); 6] = [
    ("==", Operator::Equal),
    ("!=", Operator::NotEqual),
    ("<=", Operator::AtMost),
    (">=", Operator::AtLeast),
    ("<", Operator::Below),
    (">", Operator::Above),
];

/// One condition, checked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct JsonCondition {
    written: String,
    path: Vec<String>,
    test: Test,
}

/// A text that is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{written:?} is no JSON condition: {fault}; write for example /status == \"ok\", \
     queue.length < 100 or /version exists"
)]
pub struct JsonConditionError {
    written: String,
    fault: &'static str,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Exists,
    Missing,
    Compare(Operator, Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    AtMost,
    AtLeast,
    Below,
    Above,
}

impl JsonCondition {
    /// The sentence if it does not hold. What it repeats of the answer is cleaned.
    pub(super) fn unmet(&self, document: &Value) -> Option<String> {
        let (path, want) = self.written.split_once(char::is_whitespace)?;
        let want = want.trim();
        let Some(found) = find(document, &self.path) else {
            return match self.test {
                Test::Missing => None,
                Test::Exists => Some(format!("{path} is missing")),
                Test::Compare(..) => Some(format!("{path} is missing, want {want}")),
            };
        };
        let shown = || clean(&found.to_string(), MAX_SHOWN_CHARS);
        match &self.test {
            Test::Exists => None,
            Test::Missing => Some(format!("{path} is {}, want none", shown())),
            Test::Compare(operator, wanted) if operator.holds(found, wanted) => None,
            Test::Compare(operator, _) if operator.is_order() && !found.is_number() => {
                Some(format!("{path} is {}, which is no number, want {want}", shown()))
            }
            Test::Compare(..) => Some(format!("{path} is {}, want {want}", shown())),
        }
    }
}

impl TryFrom<String> for JsonCondition {
    type Error = JsonConditionError;
    fn try_from(written: String) -> Result<Self, JsonConditionError> {
        match parse(&written) {
            Ok((path, test)) => Ok(Self { written: written.trim().to_owned(), path, test }),
            Err(fault) => Err(JsonConditionError { written, fault }),
        }
    }
}

impl From<JsonCondition> for String {
    fn from(condition: JsonCondition) -> Self {
        condition.written
    }
}

impl fmt::Display for JsonCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

impl Operator {
    fn is_order(self) -> bool {
        !matches!(self, Self::Equal | Self::NotEqual)
    }

    fn holds(self, found: &Value, wanted: &Value) -> bool {
        let numbers = found.as_f64().zip(wanted.as_f64());
        let ordered = |test: fn(&f64, &f64) -> bool| numbers.is_some_and(|(a, b)| test(&a, &b));
        match self {
            Self::Equal => is_equal(found, wanted),
            Self::NotEqual => !is_equal(found, wanted),
            Self::AtMost => ordered(f64::le),
            Self::AtLeast => ordered(f64::ge),
            Self::Below => ordered(f64::lt),
            Self::Above => ordered(f64::gt),
        }
    }
}

/// `1` is `1.0`, and whole numbers are compared to the last digit.
fn is_equal(found: &Value, wanted: &Value) -> bool {
    let (Value::Number(a), Value::Number(b)) = (found, wanted) else { return found == wanted };
    a == b || ((a.is_f64() || b.is_f64()) && a.as_f64() == b.as_f64())
}

fn find<'a>(document: &'a Value, path: &[String]) -> Option<&'a Value> {
    path.iter().try_fold(document, |value, step| match value {
        Value::Object(fields) => fields.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

fn parse(written: &str) -> Result<(Vec<String>, Test), &'static str> {
    let parts = written.trim().split_once(char::is_whitespace);
    let (path, rest) = parts.ok_or("there is no space after the path")?;
    let path = if path.starts_with('/') { pointer(path)? } else { dotted(path)? };
    let test = match rest.trim() {
        "exists" => Test::Exists,
        "missing" => Test::Missing,
        comparison => compare(comparison)?,
    };
    Ok((path, test))
}

fn compare(text: &str) -> Result<Test, &'static str> {
    let known = OPERATORS.iter().find_map(|(sign, operator)| {
        Some((*operator, text.strip_prefix(sign)?.trim())) // The longer signs come first.
    });
    let (operator, value) = known.ok_or("there is none of == != < <= > >= exists missing")?;
    let value = literal(value).ok_or("what it is compared with cannot be read")?;
    if operator.is_order() && !value.is_number() {
        return Err("only numbers have an order");
    }
    Ok(Test::Compare(operator, value))
}

/// JSON, or a bare word.
fn literal(text: &str) -> Option<Value> {
    let is_word = |c: char| c.is_alphanumeric() || "._-:/@+".contains(c);
    match serde_json::from_str(text) {
        Ok(value) => Some(value),
        Err(_) if !text.is_empty() && text.chars().all(is_word) => Some(text.into()),
        Err(_) => None,
    }
}

/// As RFC 6901 has it.
fn pointer(path: &str) -> Result<Vec<String>, &'static str> {
    let steps = path.split('/').skip(1);
    Ok(steps.map(|step| step.replace("~1", "/").replace("~0", "~")).collect())
}

/// `$.items[0].name`; the `$.` may be left out, and `$` alone is the whole answer.
fn dotted(path: &str) -> Result<Vec<String>, &'static str> {
    let wrong = "the path cannot be read";
    let mut steps = Vec::new();
    let path = path.strip_prefix('$').map_or(path, |rest| rest.strip_prefix('.').unwrap_or(rest));
    for part in path.split('.').filter(|_| !path.is_empty()) {
        let (name, indices) = part.split_at(part.find('[').unwrap_or(part.len()));
        if part.is_empty() || (name.is_empty() && !steps.is_empty()) {
            return Err(wrong);
        }
        steps.extend((!name.is_empty()).then(|| name.to_owned()));
        for index in indices.split_inclusive(']') {
            let number = index.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
            let number = number.and_then(|number| number.parse::<usize>().ok()).ok_or(wrong)?;
            steps.push(number.to_string());
        }
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn check(conditions: &[&str], expected: &Expect) {
        let document = json!({
            "status": "degraded", "queue": {"length": 250}, "big": 9_007_199_254_740_993_u64,
            "items": [{"name": "disk"}, [1, 2]], "a/b": null, "half": 0.5, "one": 1.0,
        });
        let told: String = conditions
            .iter()
            .map(|written| match JsonCondition::try_from((*written).to_owned()) {
                Ok(condition) => match condition.unmet(&document) {
                    None => format!("{written}: holds\n"),
                    Some(sentence) => format!("{written}: {sentence}\n"),
                },
                Err(error) => format!("{written}: {}\n", error.fault),
            })
            .collect();
        expected.assert_eq(&told);
    }

    #[test]
    fn each_condition_has_one_sentence_when_it_does_not_hold() {
        check(
            &[
                "/status == \"ok\"",
                "status == degraded",
                "$.status != degraded",
                "/queue/length < 100",
                "queue.length >= 250",
                "/status > 3",
                "/nothing == 1",
                "/nothing != 1",
                "/nothing exists",
                "/nothing missing",
                "/queue missing",
                "/a~1b == null",
                "/items/0/name == disk",
                "items[0].name == disk",
                "items[1][1] == 2",
                "items[7] exists",
                "/one == 1",
                "/half <= 0.5",
                "/big == 9007199254740992",
                "$ exists",
            ],
            &expect![[r#"
                /status == "ok": /status is "degraded", want == "ok"
                status == degraded: holds
                $.status != degraded: $.status is "degraded", want != degraded
                /queue/length < 100: /queue/length is 250, want < 100
                queue.length >= 250: holds
                /status > 3: /status is "degraded", which is no number, want > 3
                /nothing == 1: /nothing is missing, want == 1
                /nothing != 1: /nothing is missing, want != 1
                /nothing exists: /nothing is missing
                /nothing missing: holds
                /queue missing: /queue is {"length":250}, want none
                /a~1b == null: holds
                /items/0/name == disk: holds
                items[0].name == disk: holds
                items[1][1] == 2: holds
                items[7] exists: items[7] is missing
                /one == 1: holds
                /half <= 0.5: holds
                /big == 9007199254740992: /big is 9007199254740993, want == 9007199254740992
                $ exists: holds
            "#]],
        );
    }

    #[test]
    fn what_is_no_condition_is_refused_with_the_reason() {
        check(
            &[
                "",
                "/status",
                "/status==1",
                "/a = 1",
                "/a < big",
                "/a == two words",
                "a..b exists",
                "a[x] exists",
                "a[1 exists",
                "/a == {\"b\"",
                "/a exists not",
            ],
            &expect![[r#"
                : there is no space after the path
                /status: there is no space after the path
                /status==1: there is no space after the path
                /a = 1: there is none of == != < <= > >= exists missing
                /a < big: only numbers have an order
                /a == two words: what it is compared with cannot be read
                a..b exists: the path cannot be read
                a[x] exists: the path cannot be read
                a[1 exists: the path cannot be read
                /a == {"b": what it is compared with cannot be read
                /a exists not: there is none of == != < <= > >= exists missing
            "#]],
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_text_is_read_or_refused(written in "\\PC{0,40}") {
            let _: Result<_, _> = JsonCondition::try_from(written);
        }

        #[test]
        fn what_was_read_is_written_again_as_it_was(
            path in "(/[a-z~]{1,4}){1,3}|[a-z]{1,3}(\\[[0-9]\\])?(\\.[a-z]{1,3})?",
            test in "(== |!= |< |<= |> |>= )-?[1-9][0-9]{0,8}|exists|missing",
        ) {
            let condition = JsonCondition::try_from(format!("{path} {test}")).unwrap();
            let again = JsonCondition::try_from(String::from(condition.clone())).unwrap();
            prop_assert_eq!(condition, again);
        }

        #[test]
        fn a_damaged_condition_does_no_harm(at in any::<prop::sample::Index>(), new in any::<char>()) {
            let mut text: Vec<char> = "items[0].name == \"disk\"".chars().collect();
            let at = at.index(text.len());
            text[at] = new;
            if let Ok(condition) = JsonCondition::try_from(text.into_iter().collect::<String>()) {
                condition.unmet(&json!({"items": [{"name": "disk"}]}));
            }
        }
    }
}
