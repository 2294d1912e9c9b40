//! One line of a page in the Prometheus text format 0.0.4 or in OpenMetrics.
//!
//! A page is read line by line, since one bad line must not cost the others: what is wrong with a
//! line is said of that line alone, and whoever reads the page adds the number. A sample's line has
//! two parts. Its *head* (name, labels, and the blanks behind them) says which series it is and is
//! the same from page to page; its *tail* is the value, perhaps a time, perhaps an exemplar.
//!
//! Names in quotes (`{"a name", "a label"="x"}`) are read as Prometheus 3 writes them. Exemplars
//! are passed over, help and units are comments here; of types only is told what a counter is,
//! since a counter below zero is no measurement.
//!
//! Invariant: nothing is allocated beyond what the line is long.

use std::borrow::Cow;

use model::series::METRIC_NAME;
use model::time::Time;

use crate::text::clean;

/// The longest line that is read, in bytes.
pub const MAX_LINE_BYTES: usize = 64 * 1024;
/// The most labels that a series may have.
pub const MAX_LABELS: usize = 128;

/// How much of a line is repeated in an error, in characters.
const MAX_SHOWN_CHARS: usize = 60;

/// Which of the two formats a page is in. They differ in times and in what may follow a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Prometheus text 0.0.4: times are whole milliseconds.
    Text,
    /// OpenMetrics: times are seconds, exemplars may follow, `# EOF` ends the page.
    OpenMetrics,
}

/// A label's name and value, without their quotes and escapes.
pub type Label<'a> = (Cow<'a, str>, Cow<'a, str>);

/// A line that says which series has which value.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample<'a> {
    /// How long its head is, in bytes: all that comes before the value.
    pub head_bytes: usize,
    /// The name, as the label `__name__`, and the labels, in the order of the line.
    pub labels: Vec<Label<'a>>,
    pub tail: Tail,
}

/// What follows a sample's head.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tail {
    pub value: f64,
    /// When it was measured, by the clock of the target.
    pub at: Option<Time>,
}

/// What a `# TYPE` line says, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Type<'a> {
    family: &'a str,
    kind: &'a str,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is longer than {MAX_LINE_BYTES} bytes")]
    TooLong,
    #[error("it has more than {MAX_LABELS} labels")]
    TooManyLabels,
    #[error("a name is expected at {0:?}")]
    NoName(String),
    #[error("it has two names")]
    TwoNames,
    #[error("{expected} is expected at {at:?}")]
    Expected { expected: &'static str, at: String },
    #[error("a quote is not closed")]
    OpenQuote,
    #[error("it has the label {0:?} twice")]
    Twice(String),
    #[error("it has no value")]
    NoValue,
    #[error("{0:?} is no value")]
    Value(String),
    #[error("{0:?} is no time")]
    Time(String),
    #[error("nothing is expected at {0:?}")]
    Trailing(String),
}

impl Format {
    /// By the `Content-Type` of the answer; what is no OpenMetrics is taken to be text.
    pub fn of_content_type(content_type: &str) -> Self {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/openmetrics-text") {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

/// Whether a line holds no sample: it is empty or a comment.
pub fn is_comment(line: &[u8]) -> bool {
    matches!(line.trim_ascii_start().first(), None | Some(b'#'))
}

/// Reads a line that is no comment, without the end of the line.
pub fn read_sample(line: &[u8], format: Format) -> Result<Sample<'_>, LineError> {
    if line.len() > MAX_LINE_BYTES {
        return Err(LineError::TooLong);
    }
    let line = str::from_utf8(line).map_err(|_| LineError::NotUtf8)?;
    let mut cursor = Cursor { rest: line };
    let labels = read_head(&mut cursor)?;
    let head_bytes = line.len() - cursor.rest.len();
    Ok(Sample { head_bytes, labels, tail: read_tail(cursor.rest.as_bytes(), format)? })
}

/// Reads the value and what may follow it.
#[inline]
pub fn read_tail(tail: &[u8], format: Format) -> Result<Tail, LineError> {
    let tail = str::from_utf8(tail).map_err(|_| LineError::NotUtf8)?;
    let mut words = tail.split([' ', '\t']).filter(|word| !word.is_empty());
    let value = words.next().ok_or(LineError::NoValue)?;
    let value = value.parse().map_err(|_| LineError::Value(shown(value)))?;
    let mut at = None;
    let mut next = words.next();
    if let Some(time) = next.filter(|word| !begins_exemplar(word, format)) {
        at = Some(read_time(time, format).ok_or_else(|| LineError::Time(shown(time)))?);
        next = words.next();
    }
    match next.filter(|word| !begins_exemplar(word, format)) {
        Some(word) => Err(LineError::Trailing(shown(word))),
        None => Ok(Tail { value, at }),
    }
}

/// Reads a comment that names the type of what follows; any other gives `None`.
pub fn read_type(comment: &[u8]) -> Option<Type<'_>> {
    let comment = str::from_utf8(comment.get(..MAX_LINE_BYTES).unwrap_or(comment)).ok()?;
    let mut words = comment.strip_prefix('#')?.split_ascii_whitespace();
    if words.next()? != "TYPE" {
        return None;
    }
    Some(Type { family: words.next()?.trim_matches('"'), kind: words.next()? })
}

impl Type<'_> {
    /// Whether the metric `name` belongs to this family and can only grow.
    pub fn is_counter(&self, name: &str) -> bool {
        let Some(suffix) = name.strip_prefix(self.family) else { return false };
        match self.kind {
            "counter" => matches!(suffix, "" | "_total"),
            "histogram" => matches!(suffix, "_bucket" | "_count"),
            "summary" => suffix == "_count",
            _ => false,
        }
    }
}

/// What is left of a line.
struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn eat(&mut self, wanted: char) -> bool {
        let after = self.rest.strip_prefix(wanted);
        self.rest = after.unwrap_or(self.rest);
        after.is_some()
    }

    fn expect(&mut self, wanted: char, expected: &'static str) -> Result<(), LineError> {
        if self.eat(wanted) { Ok(()) } else { Err(self.expected(expected)) }
    }

    fn expected(&self, expected: &'static str) -> LineError {
        LineError::Expected { expected, at: shown(self.rest) }
    }

    /// A name without quotes. Only a metric's may have colons.
    fn name(&mut self, colons: bool) -> Result<&'a str, LineError> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || (colons && c == ':');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        if name.is_empty() || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(LineError::NoName(shown(self.rest)));
        }
        self.rest = rest;
        Ok(name)
    }

    /// What stands between quotes, up to the closing one; the opening one is already passed.
    fn quoted(&mut self) -> Result<Cow<'a, str>, LineError> {
        let end = self.rest.find(['"', '\\']).ok_or(LineError::OpenQuote)?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest;
        if self.eat('"') { Ok(Cow::Borrowed(text)) } else { self.escaped(text.to_owned()) }
    }

    /// The same from the first backslash on.
    fn escaped(&mut self, mut text: String) -> Result<Cow<'a, str>, LineError> {
        let mut rest = self.rest.chars();
        loop {
            match rest.next().ok_or(LineError::OpenQuote)? {
                '"' => break,
                '\\' => match rest.next().ok_or(LineError::OpenQuote)? {
                    'n' => text.push('\n'),
                    quoted @ ('"' | '\\') => text.push(quoted),
                    // As Prometheus does: a backslash before anything else is just that.
                    other => text.extend(['\\', other]),
                },
                plain => text.push(plain),
            }
        }
        self.rest = rest.as_str();
        Ok(Cow::Owned(text))
    }
}

/// Name and labels; leaves the cursor at the value.
fn read_head<'a>(cursor: &mut Cursor<'a>) -> Result<Vec<Label<'a>>, LineError> {
    let mut labels = Vec::new();
    cursor.skip_blanks();
    if !cursor.rest.starts_with('{') {
        let name = Cow::Borrowed(cursor.name(true)?);
        labels.push((Cow::Borrowed(METRIC_NAME), name));
        if !cursor.rest.is_empty() && !cursor.rest.starts_with([' ', '\t', '{']) {
            return Err(cursor.expected("a blank"));
        }
    }
    cursor.skip_blanks();
    if cursor.eat('{') {
        read_labels(cursor, &mut labels)?;
    }
    cursor.skip_blanks();
    match labels.iter().any(|(name, value)| name == METRIC_NAME && !value.is_empty()) {
        true => Ok(labels),
        false => Err(LineError::NoName(shown(cursor.rest))),
    }
}

/// All up to the closing brace, and the brace; the opening one is already passed.
fn read_labels<'a>(cursor: &mut Cursor<'a>, labels: &mut Vec<Label<'a>>) -> Result<(), LineError> {
    loop {
        cursor.skip_blanks();
        if cursor.eat('}') {
            return Ok(());
        }
        let label = read_label(cursor)?;
        if labels.iter().any(|(known, _)| *known == label.0) {
            return Err(match &*label.0 {
                METRIC_NAME => LineError::TwoNames,
                twice => LineError::Twice(shown(twice)),
            });
        }
        if labels.len() == MAX_LABELS {
            return Err(LineError::TooManyLabels);
        }
        labels.push(label);
        cursor.skip_blanks();
        if !cursor.eat(',') && !cursor.rest.starts_with('}') {
            return Err(cursor.expected("a comma or a closing brace"));
        }
    }
}

/// `label="value"`, `"label"="value"`, or the metric's name in quotes.
fn read_label<'a>(cursor: &mut Cursor<'a>) -> Result<Label<'a>, LineError> {
    let is_quoted = cursor.eat('"');
    let name = if is_quoted { cursor.quoted()? } else { Cow::Borrowed(cursor.name(false)?) };
    cursor.skip_blanks();
    if is_quoted && cursor.rest.starts_with([',', '}']) {
        return Ok((Cow::Borrowed(METRIC_NAME), name));
    }
    if name.is_empty() {
        return Err(LineError::NoName(shown(cursor.rest)));
    }
    cursor.expect('=', "an equals sign")?;
    cursor.skip_blanks();
    cursor.expect('"', "a quote")?;
    Ok((name, cursor.quoted()?))
}

fn begins_exemplar(word: &str, format: Format) -> bool {
    format == Format::OpenMetrics && word.starts_with('#')
}

fn read_time(word: &str, format: Format) -> Option<Time> {
    match format {
        Format::Text => word.parse().ok().map(Time::from_millis),
        Format::OpenMetrics => {
            let millis = (word.parse::<f64>().ok()? * 1000.0).round();
            // Beyond this a float does not know its milliseconds; it is 285,000 years from now.
            (millis.abs() < 9e15).then(|| Time::from_millis(millis as i64))
        }
    }
}

fn shown(text: &str) -> String {
    clean(text, MAX_SHOWN_CHARS)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn shown_line(line: &str, format: Format) -> String {
        match read_sample(line.as_bytes(), format) {
            Ok(sample) => {
                let labels: Vec<String> =
                    sample.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
                let at = sample.tail.at.map_or(String::new(), |at| format!(" at {}", at.millis()));
                format!("{} = {}{at}", labels.join(" "), sample.tail.value)
            }
            Err(error) => error.to_string(),
        }
    }

    #[expect(clippy::needless_pass_by_value, reason = "expect! is written where it is used")]
    fn check(format: Format, lines: &str, expected: Expect) {
        let answers = lines.lines().map(|line| format!("{}\n", shown_line(line.trim(), format)));
        expected.assert_eq(&answers.collect::<String>());
    }

    #[test]
    fn good_lines_are_read() {
        check(
            Format::Text,
            r#"up 1
            node:load1 -0.5 1395066363000
            http_requests_total{method="post",code="200"} 1027 1395066363000
            a { b = "c" , d="" , }  +Inf
            a{b="c"}1
            a{path="C:\\DIR\\FILE.TXT",error="can't open \"x\"\n",odd="\d"} 1.458255915e9
            {"a.b c","d.e"="维护",f="g"} NaN
            {"only.a.name"} 1 -5
            a{} 1"#,
            expect![[r#"
                __name__="up" = 1
                __name__="node:load1" = -0.5 at 1395066363000
                __name__="http_requests_total" method="post" code="200" = 1027 at 1395066363000
                __name__="a" b="c" d="" = inf
                __name__="a" b="c" = 1
                __name__="a" path="C:\\DIR\\FILE.TXT" error="can't open \"x\"\n" odd="\\d" = 1458255915
                __name__="a.b c" d.e="维护" f="g" = NaN
                __name__="only.a.name" = 1 at -5
                __name__="a" = 1
            "#]],
        );
    }

    #[test]
    fn openmetrics_has_times_in_seconds_and_exemplars() {
        check(
            Format::OpenMetrics,
            r##"foo_bucket{le="0.1"} 8 # {} 0.054
            foo_bucket{le="1"} 11 1520879607.789 # {trace_id="KOO5S4vxi0o"} 0.67 1520879607.789
            a 1 -1.5
            a 1 1e300
            a 1 NaN
            a 1 2 3"##,
            expect![[r#"
                __name__="foo_bucket" le="0.1" = 8
                __name__="foo_bucket" le="1" = 11 at 1520879607789
                __name__="a" = 1 at -1500
                "1e300" is no time
                "NaN" is no time
                nothing is expected at "3"
            "#]],
        );
    }

    #[test]
    fn bad_lines_say_what_is_wrong() {
        check(
            Format::Text,
            r##"up
            up one
            up 1 soon
            up 1 1.5
            up 1 2 3
            up 1 # {} 1
            1up 1
            {a="b"} 1
            {"a","b"} 1
            a{"b"} 1
            a{__name__="b"} 1
            a{b="c" d="e"} 1
            a{b=c} 1
            a{b} 1
            a{="c"} 1
            a{""="c"} 1
            a{b="c",b="d"} 1
            a{b="c} 1
            a{b="c\
            a{b="c"
            a{,} 1
            a-b 1
            a{b="c"}
            <html>"##,
            expect![[r##"
                it has no value
                "one" is no value
                "soon" is no time
                "1.5" is no time
                nothing is expected at "3"
                "#" is no time
                a name is expected at "1up 1"
                a name is expected at "1"
                it has two names
                it has two names
                it has two names
                a comma or a closing brace is expected at "d=\"e\"} 1"
                a quote is expected at "c} 1"
                an equals sign is expected at "} 1"
                a name is expected at "=\"c\"} 1"
                a name is expected at "=\"c\"} 1"
                it has the label "b" twice
                a quote is not closed
                a quote is not closed
                a comma or a closing brace is expected at ""
                a name is expected at ",} 1"
                a blank is expected at "-b 1"
                it has no value
                a name is expected at "<html>"
            "##]],
        );
        let long = format!("a{{b=\"{}\"}} 1", "x".repeat(MAX_LINE_BYTES));
        assert_eq!(shown_line(&long, Format::Text), LineError::TooLong.to_string());
        let many: String = (0..MAX_LABELS).map(|at| format!("l{at}=\"\",")).collect();
        let many = format!("a{{{many}}} 1");
        assert_eq!(shown_line(&many, Format::Text), LineError::TooManyLabels.to_string());
        assert_eq!(read_sample(b"a\xff 1", Format::Text), Err(LineError::NotUtf8));
    }

    #[test]
    fn a_type_tells_what_can_only_grow() {
        let counter = read_type(b"# TYPE a counter").unwrap();
        assert!(counter.is_counter("a") && counter.is_counter("a_total"));
        assert!(!counter.is_counter("a_created") && !counter.is_counter("b"));
        let histogram = read_type(b"#  TYPE\ta  histogram").unwrap();
        assert!(histogram.is_counter("a_bucket") && !histogram.is_counter("a_sum"));
        assert!(read_type(b"# TYPE a gauge").is_some_and(|gauge| !gauge.is_counter("a")));
        for other in ["# HELP a counter", "# TYPE", "# TYPE a", "#", "", "TYPE a counter"] {
            assert_eq!(read_type(other.as_bytes()), None, "{other}");
        }
    }

    #[test]
    fn the_content_type_tells_the_format() {
        let open = "application/openmetrics-text; version=1.0.0; charset=utf-8";
        assert_eq!(Format::of_content_type(open), Format::OpenMetrics);
        for other in ["text/plain; version=0.0.4", "", "text/html"] {
            assert_eq!(Format::of_content_type(other), Format::Text);
        }
    }

    fn escaped(text: &str) -> String {
        text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
    }

    fn labels() -> impl Strategy<Value = std::collections::BTreeMap<String, String>> {
        proptest::collection::btree_map("[^\0]{1,5}", ".{0,6}|[\"\\\\\n]{0,4}", 0..5)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_written_is_read_back(name in "[a-zA-Z_:][a-zA-Z0-9_:]{0,9}", labels in labels(),
            value: f64, at: Option<i64>)
        {
            let pairs: Vec<String> = labels
                .iter()
                .map(|(name, value)| format!("\"{}\"=\"{}\"", escaped(name), escaped(value)))
                .collect();
            let at_text = at.map_or(String::new(), |at| format!(" {at}"));
            let line = format!("{name}{{{}}} {value}{at_text}", pairs.join(","));
            let sample = read_sample(line.as_bytes(), Format::Text).unwrap();
            let mut expected = vec![(METRIC_NAME.to_owned(), name)];
            expected.extend(labels);
            let read: Vec<(String, String)> = sample
                .labels
                .iter()
                .map(|(name, value)| (name.to_string(), value.to_string()))
                .collect();
            prop_assert_eq!(read, expected);
            prop_assert!(sample.tail.value == value || value.is_nan());
            prop_assert_eq!(sample.tail.at.map(Time::millis), at);
            prop_assert_eq!(&line[sample.head_bytes..], format!("{value}{at_text}"));
        }

        #[test]
        fn arbitrary_bytes_are_read_or_refused(line: Vec<u8>, text: String) {
            for line in [line.as_slice(), text.as_bytes()] {
                for format in [Format::Text, Format::OpenMetrics] {
                    if let Ok(sample) = read_sample(line, format) {
                        let bytes: usize =
                            sample.labels.iter().map(|(name, value)| name.len() + value.len()).sum();
                        prop_assert!(bytes <= line.len() + METRIC_NAME.len());
                    }
                    read_type(line);
                }
            }
        }

        #[test]
        fn a_spoiled_line_is_read_or_refused(at: proptest::sample::Index, byte: u8, cut: bool) {
            let mut line = br#"http_total{path="C:\\x",q="\"a\""} 1.027e3 1395066363 # {a="b"} 1"#.to_vec();
            let at = at.index(line.len());
            if cut { line.truncate(at) } else { line[at] = byte }
            for format in [Format::Text, Format::OpenMetrics] {
                if let Ok(sample) = read_sample(&line, format) {
                    prop_assert_eq!(read_tail(&line[sample.head_bytes..], format), Ok(sample.tail));
                }
            }
        }
    }
}
