//! The one reader of all files that people write.
//!
//! Whoever reads the error is in the middle of something else, so it names the file, the line and
//! what to write instead, and it is one error and not twelve.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use scaler::policy::{Finding, FindingSeverity};
use serde::Deserialize;
use serde::de::{DeserializeOwned, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Error, Spanned};

use super::toml;

/// The largest file that is read. A policy of a thousand lines is a tenth of this.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// One thing that is wrong, or doubtful, in one file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Problem {
    pub file: PathBuf,
    /// Counted from 1; None if it concerns the file as a whole.
    pub line: Option<u32>,
    pub message: String,
    pub is_error: bool,
}

impl Problem {
    pub fn error(file: &Path, line: Option<u32>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into(), is_error: true }
    }
}

/// `policies/web.yaml:7: error: min 5 is above max 3; ...`
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        let word = if self.is_error { "error" } else { "warning" };
        write!(f, " {word}: {}", self.message)
    }
}

/// A file that was read, with its text kept so that findings can be given their line.
#[derive(Clone, Debug)]
pub struct Document {
    pub path: PathBuf,
    pub text: String,
}

impl Document {
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let whole = |message: String| Problem::error(path, None, message);
        let data = std::fs::metadata(path).map_err(|e| whole(format!("cannot be read: {e}")))?;
        // A pipe that nobody writes to would be waited for, and a device has no end.
        if !data.is_file() {
            return Err(whole("is no regular file; put a file there, or take it away".to_owned()));
        }
        if data.len() > MAX_FILE_BYTES {
            return Err(whole(format!("{} bytes; at most {MAX_FILE_BYTES} are read", data.len())));
        }
        let bytes = std::fs::read(path).map_err(|e| whole(format!("cannot be read: {e}")))?;
        let text = String::from_utf8(bytes).map_err(|e| {
            let line = e.as_bytes()[..e.utf8_error().valid_up_to()].split(|b| *b == b'\n').count();
            Problem::error(path, Some(line as u32), "not UTF-8; save the file as UTF-8")
        })?;
        Ok(Self { path: path.to_owned(), text })
    }

    /// Reads the text as a `T`: TOML by the file's name, else YAML. JSON is YAML too.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, Problem> {
        if self.text.trim().is_empty() {
            return Err(Problem::error(&self.path, None, "empty: the file may be half written"));
        }
        let yaml = self.yaml()?;
        serde_saphyr::from_str(&yaml.text).map_err(|error| self.explain(&yaml, &error))
    }

    fn yaml(&self) -> Result<Yaml<'_>, Problem> {
        if self.path.extension().is_none_or(|extension| extension != "toml") {
            return Ok(Yaml { text: Cow::Borrowed(&self.text), lines: None });
        }
        match toml::rewrite(&self.text) {
            Ok(json) => Ok(Yaml { text: Cow::Owned(json.text), lines: Some(json.lines) }),
            Err((line, message)) => Err(Problem::error(&self.path, line, message)),
        }
    }

    /// Gives findings of a checker, which knows keys only, the line they stand in.
    pub fn place(&self, finding: &Finding) -> Problem {
        Problem {
            file: self.path.clone(),
            line: self.line_of(&finding.path),
            message: format!("{}: {}", finding.path, finding.message),
            is_error: finding.severity == FindingSeverity::Error,
        }
    }

    /// The line of a value, named by the keys that lead to it: `metrics.0.in.below`. If the last
    /// keys are not written in the file, the line of the nearest one above that is.
    pub fn line_of(&self, path: &str) -> Option<u32> {
        let yaml = self.yaml().ok()?;
        let root: Node = serde_saphyr::from_str(&yaml.text).ok()?;
        let (mut node, mut line) = (&root, None);
        for key in path.split('.') {
            let Some((found, at)) = node.child(key) else { break };
            (node, line) = (found, Some(at));
        }
        line.map(|line| yaml.line(line))
    }

    fn explain(&self, yaml: &Yaml<'_>, error: &Error) -> Problem {
        let error = error.without_snippet();
        let line = error.location().map(|location| yaml.line(location.line() as u32));
        Problem::error(&self.path, line, message_of(error))
    }
}

/// What the library reads of a document.
struct Yaml<'a> {
    text: Cow<'a, str>,
    /// For each of its lines the one of the file, if they are not the same.
    lines: Option<Vec<u32>>,
}

impl Yaml<'_> {
    fn line(&self, line: u32) -> u32 {
        let index = (line as usize).checked_sub(1);
        let known = self.lines.as_ref().zip(index);
        known.and_then(|(lines, index)| lines.get(index)).copied().unwrap_or(line)
    }
}

fn message_of(error: &Error) -> String {
    #[expect(clippy::wildcard_enum_match_arm, reason = "all others speak for themselves")]
    match error {
        Error::SerdeUnknownField { field, expected, .. } => {
            format!("unknown key {field:?}; {}", instead(field, expected))
        }
        Error::SerdeUnknownVariant { variant, expected, .. } => {
            format!("unknown value {variant:?}; {}", instead(variant, expected))
        }
        Error::SerdeMissingField { field, .. } => format!("key {field:?} is missing; add it"),
        Error::DuplicateMappingKey { key: Some(key), .. } => {
            format!("key {key:?} stands here a second time; keep one")
        }
        Error::Eof { .. } => "the file ends too early: it may be half written".to_owned(),
        other => without_place(&other.render()),
    }
}

/// `did you mean "x"?`, or the list of what may stand here.
fn instead(written: &str, expected: &[&str]) -> String {
    let nearest = expected.iter().max_by(|a, b| {
        strsim::jaro_winkler(written, a).total_cmp(&strsim::jaro_winkler(written, b))
    });
    match nearest {
        Some(word) if strsim::jaro_winkler(written, word) > 0.75 => {
            format!("did you mean {word:?}?")
        }
        Some(_) => format!("write one of {}", expected.join(", ")),
        None => "none may stand here".to_owned(),
    }
}

/// The library's message without its own idea of the place, which we print ourselves.
fn without_place(rendered: &str) -> String {
    let first = rendered.lines().next().unwrap_or(rendered).trim();
    let first = first.strip_prefix("error: ").unwrap_or(first);
    let cut = first.find(" at line ").or_else(|| first.find(" (line ")).unwrap_or(first.len());
    let cut = &first[..cut];
    match cut.strip_prefix("line ").and_then(|rest| rest.split_once(": ")) {
        Some((_, message)) => message.to_owned(),
        None => cut.to_owned(),
    }
}

/// Any document, as far as needed to find a line.
enum Node {
    Map(Vec<(String, u32, Node)>),
    List(Vec<Spanned<Node>>),
    Leaf,
}

impl Node {
    fn child(&self, key: &str) -> Option<(&Node, u32)> {
        match self {
            Self::Map(entries) => {
                let entry = entries.iter().find(|(name, _, _)| name == key);
                entry.map(|(_, line, node)| (node, *line))
            }
            Self::List(items) => {
                let item = items.get(key.parse::<usize>().ok()?)?;
                Some((&item.value, item.referenced.line() as u32))
            }
            Self::Leaf => None,
        }
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;
        impl<'de> Visitor<'de> for Any {
            type Value = Node;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
                let mut entries = Vec::new();
                while let Some(key) = map.next_key::<Spanned<String>>()? {
                    let line = key.referenced.line() as u32;
                    entries.push((key.value, line, map.next_value()?));
                }
                Ok(Node::Map(entries))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Node::List(items))
            }
            fn visit_bool<E>(self, _: bool) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_i64<E>(self, _: i64) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_u64<E>(self, _: u64) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_f64<E>(self, _: f64) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_str<E>(self, _: &str) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
            fn visit_unit<E>(self) -> Result<Node, E> {
                Ok(Node::Leaf)
            }
        }
        deserializer.deserialize_any(Any)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its reading is looked at")]
    struct Small {
        min: u32,
        wait: Option<model::unit::Span>,
        list: Option<Vec<Small>>,
    }

    fn refused(text: &str) -> String {
        let document = Document { path: "a.yaml".into(), text: text.to_owned() };
        document.parse::<Small>().unwrap_err().to_string()
    }

    #[test]
    fn a_pipe_or_a_device_is_refused_and_not_waited_for() {
        let pipe =
            std::env::temp_dir().join(format!("cloudbrain-pipe-{}.yaml", std::process::id()));
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.is_ok_and(|status| status.success()), "mkfifo is part of every system");
        let refused = [pipe.as_path(), Path::new("/dev/zero")].map(Document::read);
        std::fs::remove_file(&pipe).expect("it was made just now");
        for refused in refused {
            let told = refused.expect_err("it has no end").to_string();
            assert!(told.contains("is no regular file"), "{told}");
        }
    }

    #[test]
    fn each_fault_is_told_with_its_line_and_the_way_out() {
        let cases = [
            ("min: 1\nwiat: 5s\n", "a.yaml:2: error: unknown key \"wiat\"; did you mean \"wait\"?"),
            ("min: 1\nwait: 5\n", "a.yaml:2: error: \"5\" is no duration; write for example"),
            ("wait: 5s\n", "error: key \"min\" is missing; add it"),
            ("min: 1\nmin: 2\n", "a.yaml:2: error: key \"min\" stands here a second time"),
            ("min: one\n", "a.yaml:1: error: "),
            ("", "a.yaml: error: empty"),
            ("min: 1\nlist: [{min: 1}, {mix: 2}]\n", "a.yaml:2: error: unknown key \"mix\""),
            ("min: 1\nlist: [{min: 1}, {mi", "a.yaml:"),
        ];
        for (text, expected) in cases {
            let told = refused(text);
            assert!(told.contains(expected), "{text:?} gave {told:?}, not {expected:?}");
        }
    }

    #[test]
    fn toml_is_told_of_in_the_same_words_by_its_own_lines() {
        let told = |text: &str| {
            let document = Document { path: "a.toml".into(), text: text.to_owned() };
            let read = document.parse::<Small>();
            read.map_or_else(|problem| problem.to_string(), |small| format!("{small:?}"))
        };
        let read = "Small { min: 18, wait: Some(Span(5s)), list: Some([Small { min: 2";
        let text = "wait = \"5s\"\nmin = 0x12\n\n[[list]]\nmin = 2\n";
        assert!(told(text).starts_with(read), "{}", told(text));
        let cases = [
            (
                "min = 1\n\n[[list]]\nmin = 1\n[[list]]\nmix = 2\n",
                "a.toml:6: error: unknown key \"mix\"",
            ),
            ("min = 1\nlist = [\n  {min = 1},\n  {min = \"one\"},\n]\n", "a.toml:4: error: "),
            ("min = 1\nwait = 5\n", "a.toml:2: error: \"5\" is no duration; write for example"),
            ("min = 1\n\nmin = 2\n", "a.toml:3: error: duplicate key"),
            ("min = 1\nwait: 5s\n", "a.toml:2: error: "),
            ("# nothing yet\n", "error: key \"min\" is missing; add it"),
            ("min = inf\n", "a.toml:1: error: "),
        ];
        for (text, expected) in cases {
            assert!(
                told(text).contains(expected),
                "{text:?} gave {:?}, not {expected:?}",
                told(text)
            );
        }
        let text = "a = 1\n[x]\n[[metrics]]\nname = \"load\"\nin = {below = 3}\n".to_owned();
        let document = Document { path: "a.toml".into(), text };
        assert_eq!(document.line_of("metrics.0.in.below"), Some(5));
        assert_eq!(document.line_of("metrics.0.out"), Some(3));
    }

    #[test]
    fn a_finding_is_given_the_line_of_its_key_or_of_the_nearest_above() {
        let text = "a: 1\nmetrics:\n  - name: load\n    in: {below: 3}\n  - name: rps\n";
        let document = Document { path: "a.yaml".into(), text: text.to_owned() };
        assert_eq!(document.line_of("metrics.0.in.below"), Some(4));
        assert_eq!(document.line_of("metrics.1.coverage"), Some(5));
        assert_eq!(document.line_of("capacity.min"), None);
    }
}
