//! Files in TOML, for the reader of YAML.
//!
//! One reader means one set of errors, in the same words. So TOML is written anew as JSON, which is
//! YAML, with one key or item a line and the line that each stands in: what the reader says of a
//! line of ours is told of the line of theirs.

use std::ops::Range;

use serde_json::Value;
use toml::Spanned;
use toml::de::{DeArray, DeFloat, DeInteger, DeTable, DeValue};

/// A TOML document as JSON.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub text: String,
    /// For each line of `text` the one of the document, counted from 1.
    pub lines: Vec<u32>,
}

/// Writes it anew, or says what is no TOML and in which line.
pub(super) fn rewrite(text: &str) -> Result<Rewritten, (Option<u32>, String)> {
    let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
    let mut writer = Writer { starts: starts.collect(), text: String::new(), lines: vec![1] };
    let root = DeTable::parse(text).map_err(|error| {
        let line = error.span().map(|span| writer.line_of(&span));
        (line, error.message().to_owned())
    })?;
    writer.table(root.get_ref());
    Ok(Rewritten { text: writer.text, lines: writer.lines })
}

struct Writer {
    /// Where each line of the document starts.
    starts: Vec<usize>,
    text: String,
    lines: Vec<u32>,
}

impl Writer {
    fn line_of(&self, span: &Range<usize>) -> u32 {
        self.starts.partition_point(|start| *start <= span.start) as u32
    }

    /// Begins a line for what stands at `span`.
    fn begin(&mut self, span: &Range<usize>) {
        self.text.push('\n');
        self.lines.push(self.line_of(span));
    }

    /// In the order of the document, so that the first error of two is the upper one.
    fn table(&mut self, table: &DeTable<'_>) {
        let mut entries: Vec<_> = table.iter().collect();
        entries.sort_by_key(|(key, _)| key.span().start);
        self.text.push('{');
        for (key, value) in entries {
            self.begin(&key.span());
            self.text.push_str(&quoted(key.get_ref()));
            self.text.push_str(": ");
            self.value(value.get_ref());
            self.text.push(',');
        }
        self.text.push('}');
    }

    fn array(&mut self, items: &DeArray<'_>) {
        self.text.push('[');
        for item in items.iter() {
            self.begin(&Spanned::span(item));
            self.value(item.get_ref());
            self.text.push(',');
        }
        self.text.push(']');
    }

    fn value(&mut self, value: &DeValue<'_>) {
        match value {
            DeValue::Table(table) => self.table(table),
            DeValue::Array(items) => self.array(items),
            DeValue::String(text) => self.text.push_str(&quoted(text)),
            DeValue::Datetime(when) => self.text.push_str(&quoted(&when.to_string())),
            DeValue::Boolean(is_true) => self.text.push_str(&is_true.to_string()),
            DeValue::Integer(whole) => self.text.push_str(&integer(whole)),
            DeValue::Float(number) => self.text.push_str(&float(number)),
        }
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn integer(whole: &DeInteger<'_>) -> String {
    let number = i128::from_str_radix(whole.as_str(), whole.radix());
    number.map_or_else(|_| whole.to_string(), |number| number.to_string())
}

/// YAML puts a point before what is no number.
fn float(number: &DeFloat<'_>) -> String {
    let (sign, rest) = match number.as_str().strip_prefix('-') {
        Some(rest) => ("-", rest),
        None => ("", number.as_str().trim_start_matches('+')),
    };
    let point = if matches!(rest, "inf" | "nan") { "." } else { "" };
    format!("{sign}{point}{rest}")
}

#[cfg(test)]
mod tests {
    use scaler::policy::RawPolicy;

    use crate::config::yaml::Document;

    /// The policy of `examples/shop`.
    const WEB: &str = r#"
apiVersion = "cloudbrain/v1"
kind = "ScalingPolicy"
module = "shop/web"
flavor = "small"
mode = "auto"
capacity = { min = 2, max = 8 }
drain = { timeout = "10s", kill_after = "3s" }
terminate = { young = "5s" }

[[metrics]]
name = "load"
max_age = "5s"
coverage = 0.7
out = { above = 0.8, for = "2s", step = 3 }
in = { below = 0.5, for = "3s", step = 1 }

[pace]
out = { settle = "4s", max_in_flight = 6 }
in = { stabilise = "6s", cooldown = "3s" }
create = { timeout = "30s", retry_first = "2s", retry_max = "30s" }

[health.ready]
http = "/ready"
every = "500ms"
timeout = "400ms"
pass = 2
fail = 3
deadline = "20s"

[isolation]
witnesses = 2
after = "500ms"
max_share = "60%"
replace_after = "0"
keep_for_debug = "20s"
"#;

    #[test]
    fn a_policy_in_toml_is_the_one_in_yaml() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/shop/policies/web.yaml");
        let yaml = Document::read(file.as_ref()).expect("the example");
        let toml = Document { path: "web.toml".into(), text: WEB.to_owned() };
        let [yaml, toml] = [yaml, toml].map(|document| {
            let policy = document.parse::<RawPolicy>().expect("a policy");
            serde_json::to_value(policy).expect("JSON")
        });
        assert_eq!(yaml, toml);
    }
}
