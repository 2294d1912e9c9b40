//! Patterns in a mapping: `vm*.{project}.example` is a text with holes.
//!
//! `*` stands for anything, `{name}` for something without a slash that is wanted under that
//! name; all else stands for itself. The whole text must fit. Where it fits in several ways, what
//! stands further left takes as little as it can.

use std::fmt;

use regex::{Regex, RegexBuilder};

/// The longest pattern.
const MAX_PATTERN_BYTES: usize = 255;

/// A pattern that was read.
#[derive(Clone)]
pub struct Pattern {
    written: String,
    holes: Vec<String>,
    regex: Regex,
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    #[error("the pattern {0:?} is longer than 255 bytes")]
    TooLong(String),
    #[error("in the pattern {0:?}, write {{name}} with a name of a-z")]
    BadHole(String),
    #[error("the pattern {0:?} has the same hole twice")]
    SameHole(String),
}

impl Pattern {
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let written = text.to_owned();
        if text.len() > MAX_PATTERN_BYTES {
            return Err(PatternError::TooLong(text.chars().take(40).collect()));
        }
        let mut regex = String::from("^");
        let mut holes: Vec<String> = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['*', '{']) {
            regex += &regex::escape(&rest[..at]);
            if rest[at..].starts_with('*') {
                regex += ".*?";
                rest = &rest[at + 1..];
                continue;
            }
            let (name, after) = rest[at + 1..]
                .split_once('}')
                .filter(|(name, _)| {
                    !name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase())
                })
                .ok_or_else(|| PatternError::BadHole(written.clone()))?;
            if holes.iter().any(|hole| hole == name) {
                return Err(PatternError::SameHole(written));
            }
            regex += "([^/]+?)";
            holes.push(name.to_owned());
            rest = after;
        }
        regex += &regex::escape(rest);
        regex += "$";
        let regex = RegexBuilder::new(&regex)
            .dot_matches_new_line(true)
            .build()
            .expect("escaped text and these groups are a regular expression, and a short one");
        Ok(Self { written, holes, regex })
    }

    pub fn has_hole(&self, name: &str) -> bool {
        self.holes.iter().any(|hole| hole == name)
    }

    pub fn fits(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// What fills a hole, if the whole text fits.
    pub fn fill<'a>(&self, hole: &str, text: &'a str) -> Option<&'a str> {
        let at = self.holes.iter().position(|known| known == hole)?;
        self.regex.captures(text)?.get(at + 1).map(|found| found.as_str())
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.written, f)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.written == other.written
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fill(pattern: &str, hole: &str, text: &str) -> String {
        let pattern = Pattern::parse(pattern).unwrap();
        pattern.fill(hole, text).unwrap_or("-").to_owned()
    }

    #[test]
    fn holes_are_filled() {
        assert_eq!(fill("{project}/{module}", "project", "shop/web"), "shop");
        assert_eq!(fill("{project}/{module}", "module", "shop/web"), "web");
        assert_eq!(fill("{project}/{module}", "module", "eu/shop/web"), "-");
        assert_eq!(fill("*/{project}/{module}", "project", "eu/shop/web"), "shop");
        assert_eq!(fill("{id}.{project}.example", "id", "vm1.shop.example"), "vm1");
        assert_eq!(fill("{id}.*", "id", "vm1.shop.example"), "vm1");
        assert_eq!(fill("{id}", "id", "vm1.shop.example"), "vm1.shop.example");
        assert_eq!(fill("a.b", "id", "axb"), "-");
        assert!(!Pattern::parse("a.b").unwrap().fits("axb"));
        assert!(Pattern::parse("*Hyper*").unwrap().fits("Hypervisors"));
        assert_eq!(fill("业务/{project}", "project", "业务/商城"), "商城");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["{", "{}", "{A}", "a{b", "{a}{a}", &"x".repeat(256)] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
        assert!(Pattern::parse("a}").unwrap().fits("a}"));
    }

    proptest! {
        #[test]
        fn any_text_is_a_pattern_or_not(pattern in "[a-z{}*./\\\\(\\[+?^$|]{0,40}", text in "\\PC{0,60}") {
            if let Ok(pattern) = Pattern::parse(&pattern) {
                pattern.fits(&text);
            }
        }

        #[test]
        fn a_text_fits_itself(text in "[a-z./()\\[+?^$|]{0,40}") {
            prop_assert!(Pattern::parse(&text).unwrap().fits(&text));
        }
    }
}
