//! The texts of rules: words with a few placeholders in them.
//!
//! A text is read once, when the file is; so a fault in it is found by `check` and not at night.
//! There are no conditions, loops or functions in it. All that can be wrong later is that what a
//! placeholder stands for is not there; then the usual words are said, and that it is so.

use std::fmt::Write as _;
use std::time::Duration;

use model::lang::Lang;

use crate::words::lasting;

/// A text, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    pieces: Vec<Piece>,
}

/// A placeholder that is none of [`Template::PLACEHOLDERS`], or has no end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("unknown placeholder {found:?}; write one of {}", Template::PLACEHOLDERS.join(" "))]
pub struct UnknownPlaceholder {
    pub found: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Words(String),
    Object,
    Value,
    ValuePercent,
    Threshold,
    ThresholdPercent,
    Part,
    Rule,
    For,
}

/// What the placeholders stand for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filling<'a> {
    pub(super) object: &'a str,
    /// None if there is no data.
    pub(super) value: Option<f64>,
    /// None if the rule has no line.
    pub(super) threshold: Option<f64>,
    /// Which part of the object; empty if it is the whole.
    pub(super) part: &'a str,
    pub(super) rule: &'a str,
    pub(super) hold: Duration,
    pub(super) lang: Lang,
}

impl Template {
    pub const PLACEHOLDERS: [&'static str; 8] = [
        "{object}",
        "{value}",
        "{value%}",
        "{threshold}",
        "{threshold%}",
        "{part}",
        "{rule}",
        "{for}",
    ];

    pub fn parse(text: &str) -> Result<Self, UnknownPlaceholder> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some(begin) = rest.find('{') {
            if begin > 0 {
                pieces.push(Piece::Words(rest[..begin].to_owned()));
            }
            let end = rest[begin..].find('}').map_or(rest.len(), |end| begin + end + 1);
            let written = &rest[begin..end];
            let unknown = || UnknownPlaceholder { found: written.chars().take(40).collect() };
            pieces.push(piece(written).ok_or_else(unknown)?);
            rest = &rest[end..];
        }
        if !rest.is_empty() {
            pieces.push(Piece::Words(rest.to_owned()));
        }
        Ok(Self { pieces })
    }

    /// The error names the placeholder that has nothing to stand for.
    pub(super) fn fill(&self, filling: &Filling) -> Result<String, &'static str> {
        let mut text = String::new();
        for piece in &self.pieces {
            let threshold = filling.threshold.ok_or("{threshold}");
            let value = filling.value.ok_or("{value}");
            match piece {
                Piece::Words(words) => text.push_str(words),
                Piece::Object => text.push_str(filling.object),
                Piece::Value => text.push_str(&number(value?)),
                Piece::ValuePercent => text.push_str(&percent(value?)),
                Piece::Threshold => text.push_str(&number(threshold?)),
                Piece::ThresholdPercent => text.push_str(&percent(threshold?)),
                Piece::Part if filling.part.is_empty() => return Err("{part}"),
                Piece::Part => text.push_str(filling.part),
                Piece::Rule => text.push_str(filling.rule),
                Piece::For => text.push_str(&lasting(filling.hold, filling.lang)),
            }
        }
        Ok(text)
    }

    /// Whether it asks for the line of a rule, which not every rule has.
    pub fn asks_for_threshold(&self) -> bool {
        self.pieces.iter().any(|p| matches!(p, Piece::Threshold | Piece::ThresholdPercent))
    }
}

fn piece(written: &str) -> Option<Piece> {
    Some(match written {
        "{object}" => Piece::Object,
        "{value}" => Piece::Value,
        "{value%}" => Piece::ValuePercent,
        "{threshold}" => Piece::Threshold,
        "{threshold%}" => Piece::ThresholdPercent,
        "{part}" => Piece::Part,
        "{rule}" => Piece::Rule,
        "{for}" => Piece::For,
        _ => return None,
    })
}

/// As many digits as a person wants: `0.93`, `12.5`, `1234`, `5.6e12`.
pub(super) fn number(value: f64) -> String {
    let size = value.abs();
    let mut text = String::new();
    let _ = match size {
        0.0 => write!(text, "0"),
        _ if !(1e-4..1e12).contains(&size) => write!(text, "{value:.1e}"),
        _ if size >= 100.0 => write!(text, "{value:.0}"),
        _ if size >= 10.0 => write!(text, "{value:.1}"),
        _ if size >= 0.1 => write!(text, "{value:.2}"),
        _ => write!(text, "{value:.4}"),
    };
    if text.contains('.') && !text.contains('e') {
        text.truncate(text.trim_end_matches('0').trim_end_matches('.').len());
    }
    text
}

fn percent(value: f64) -> String {
    format!("{} %", number((value * 1000.0).round() / 10.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str, part: &str) -> Result<String, &'static str> {
        let filling = Filling {
            object: "web-1",
            value: Some(0.934),
            threshold: Some(0.9),
            part,
            rule: "disk_full",
            hold: Duration::from_secs(300),
            lang: Lang::En,
        };
        Template::parse(text).unwrap().fill(&filling)
    }

    #[test]
    fn placeholders_are_filled_and_words_stay() {
        let text =
            "{object} {part}: {value%} > {threshold%} ({value} > {threshold}, {for}, {rule})";
        let told = filled(text, "/data").unwrap();
        assert_eq!(told, "web-1 /data: 93.4 % > 90 % (0.93 > 0.9, 5 min, disk_full)");
        assert_eq!(filled("磁盘 {part} 将满", "/data").unwrap(), "磁盘 /data 将满");
        assert_eq!(filled("", "").unwrap(), "");
        assert_eq!(filled("disk {part}", ""), Err("{part}"));
    }

    #[test]
    fn what_is_no_placeholder_is_named() {
        for (text, found) in [("a {objct} b", "{objct}"), ("{", "{"), ("{{object}}", "{{object}")] {
            assert_eq!(Template::parse(text).unwrap_err().found, found);
        }
        let told = Template::parse("{vm}").unwrap_err().to_string();
        assert!(told.starts_with("unknown placeholder \"{vm}\"; write one of {object} {value}"));
    }

    #[test]
    fn numbers_have_the_digits_that_matter() {
        let cases = [
            (0.0, "0"),
            (0.1, "0.1"),
            (95.25, "95.2"),
            (1234.6, "1235"),
            (-0.5, "-0.5"),
            (0.0123, "0.0123"),
            (5.6e12, "5.6e12"),
            (100.0, "100"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
        assert_eq!(percent(1.0), "100 %");
    }
}
