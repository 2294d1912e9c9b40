//! Expressions: text in, something that can be evaluated out.
//!
//! We read PromQL ourselves, by recursive descent. What people type is hostile or hasty: the
//! reader must say where and what is wrong, never panic, and never recurse deeper than its stack.
//! The result has no brackets and no names of functions any more: each node is one thing to do.
//!
//! Invariant: the kinds of all arguments were checked, so the engine may rely on them.

mod bears;
pub(crate) mod functions;
mod lexer;
pub(crate) mod node;
mod parser;

use std::fmt;

use model::series::Matcher;
use regex::{Regex, RegexBuilder};

use node::Node;

pub(crate) use lexer::duration_ms;

/// What a pattern may take once compiled; `(a{1000}){1000}` is short and would take much.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// An expression that was read once and can be evaluated many times.
#[derive(Clone, Debug)]
pub struct Expression {
    text: String,
    pub(crate) node: Node,
}

/// What an expression comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Scalar,
    /// An instant vector.
    Vector,
    /// A range vector.
    Matrix,
    String,
}

/// Where an expression is wrong, and what is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: parse error: {what}")]
pub struct ParseError {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    pub what: String,
}

impl Expression {
    /// The longest text that is read, in bytes.
    pub const MAX_BYTES: usize = 16 * 1024;

    pub fn parse(text: &str) -> Result<Self, ParseError> {
        let node = parser::parse(text)?;
        Ok(Self { text: text.to_owned(), node })
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn kind(&self) -> Kind {
        self.node.kind()
    }
}

impl fmt::Display for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Reads a bare selector such as `up{job="x"}`, as `match[]` has it.
pub(crate) fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    parser::parse_selector(text)
}

/// A regular expression for the whole of a label's value, of bounded size once compiled.
pub(crate) fn whole_pattern(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(&format!("^(?s:{pattern})$")).size_limit(MAX_PATTERN_BYTES).build()
}

impl Kind {
    /// As Prometheus calls it in its messages.
    pub(crate) fn documented(self) -> &'static str {
        match self {
            Self::Scalar => "scalar",
            Self::Vector => "instant vector",
            Self::Matrix => "range vector",
            Self::String => "string",
        }
    }
}

impl ParseError {
    pub(crate) fn new(text: &str, offset: usize, what: impl Into<String>) -> Self {
        let before = text.get(..offset).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        Self {
            line: before.matches('\n').count() + 1,
            column: before[line_start..].chars().count() + 1,
            what: what.into(),
        }
    }
}
