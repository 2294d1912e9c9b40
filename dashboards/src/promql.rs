//! Reads just enough of an expression to narrow it and to guess its unit.
//!
//! Whether an expression is right is for the engine to say. Here it is only cut into words, strings
//! and signs, so that a label can be set at the very metric that a reader chose, and the rest of
//! what was typed stays as it is. What cannot be understood is left alone.

use std::ops::Range;

/// Words that stand where a metric could, and are none.
const KEYWORDS: [&str; 17] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "bool",
    "offset",
    "and",
    "or",
    "unless",
    "start",
    "end",
    "atan2",
    "inf",
    "nan",
    "limitk",
];

/// After these stands a list of labels in brackets.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Word,
    /// With its quotes.
    Text,
    /// Or a duration.
    Number,
    Sign(char),
}

#[derive(Clone, Debug)]
struct Piece {
    kind: Kind,
    place: Range<usize>,
}

/// What an expression is made of, as far as it matters here.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Outline<'a> {
    /// Where metrics are named, in order.
    pub(crate) metrics: Vec<&'a str>,
    /// Functions and aggregations, in order.
    pub(crate) functions: Vec<&'a str>,
    /// It calculates or compares.
    pub(crate) has_operator: bool,
}

/// What an expression is made of.
pub(crate) fn outline(text: &str) -> Outline<'_> {
    let pieces = pieces(text);
    let mut outline = Outline::default();
    for (index, inside) in outer(&pieces, text) {
        let (piece, next) = (&pieces[index], pieces.get(index + 1));
        let word = &text[piece.place.clone()];
        let is_call = next.is_some_and(|next| {
            // An aggregation may name its labels first: `sum by (vm) (load)`.
            let next_word = &text[next.place.clone()];
            next_word == "(" || is(next_word, "by") || is(next_word, "without")
        });
        match piece.kind {
            Kind::Word if inside || is_keyword(word) => (),
            Kind::Word if is_call => outline.functions.push(word),
            Kind::Word => outline.metrics.push(word),
            Kind::Sign('+' | '-' | '*' | '/' | '%' | '^' | '<' | '>' | '=' | '!') => {
                outline.has_operator = true;
            }
            Kind::Text | Kind::Number | Kind::Sign(_) => (),
        }
    }
    outline
}

/// The expression with `label="value"` set wherever it names the metric. If it names it nowhere,
/// the metric alone with that label.
pub(crate) fn narrow(text: &str, metric: &str, label: &str, value: &str) -> String {
    let pieces = pieces(text);
    let matcher = format!("{label}={}", quoted(value));
    let places = outer(&pieces, text).into_iter().filter(|(index, inside)| {
        let piece = &pieces[*index];
        !inside && piece.kind == Kind::Word && &text[piece.place.clone()] == metric
    });
    let mut edits: Vec<(Range<usize>, String)> =
        places.map(|(index, _)| edit(&pieces, text, index, label, &matcher)).collect();
    if edits.is_empty() {
        return format!("{}{{{matcher}}}", selector(metric));
    }
    let mut narrowed = text.to_owned();
    while let Some((place, insert)) = edits.pop() {
        narrowed.replace_range(place, &insert);
    }
    narrowed
}

/// A metric by itself; one whose name is no word is named by its label.
pub(crate) fn selector(metric: &str) -> String {
    if is_word(metric) { metric.to_owned() } else { format!("{{__name__={}}}", quoted(metric)) }
}

/// Whether a metric or label of this name can be written without quotes.
pub(crate) fn is_word(name: &str) -> bool {
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == ':');
    starts_well && name.chars().all(is_in_word)
}

/// A string as an expression writes it.
pub(crate) fn quoted(value: &str) -> String {
    let escaped = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

/// What to put where, so that the metric at `index` bears the matcher.
fn edit(
    pieces: &[Piece],
    text: &str,
    index: usize,
    label: &str,
    matcher: &str,
) -> (Range<usize>, String) {
    let after = pieces[index].place.end;
    let Some(open) = pieces.get(index + 1).filter(|next| next.kind == Kind::Sign('{')) else {
        return (after..after, format!("{{{matcher}}}"));
    };
    let inside = pieces[index + 2..].iter().take_while(|piece| piece.kind != Kind::Sign('}'));
    let inside: Vec<&Piece> = inside.collect();
    let same = inside.windows(3).find(|three| {
        let is_label = &text[three[0].place.clone()] == label;
        is_label && three[1].kind == Kind::Sign('=') && three[2].kind == Kind::Text
    });
    match same {
        Some(three) => (three[0].place.start..three[2].place.end, matcher.to_owned()),
        None if inside.is_empty() => (open.place.end..open.place.end, matcher.to_owned()),
        None => (open.place.end..open.place.end, format!("{matcher},")),
    }
}

/// The pieces outside of braces and square brackets, and whether each stands in a list of labels.
fn outer(pieces: &[Piece], text: &str) -> Vec<(usize, bool)> {
    let (mut depth, mut in_list, mut list_is_next) = (0_u32, false, false);
    let mut outer = Vec::new();
    for (index, piece) in pieces.iter().enumerate() {
        match piece.kind {
            Kind::Sign('{' | '[') => depth += 1,
            Kind::Sign('}' | ']') => depth = depth.saturating_sub(1),
            Kind::Sign('(') if list_is_next => in_list = true,
            Kind::Sign(')') => in_list = false,
            Kind::Word | Kind::Text | Kind::Number | Kind::Sign(_) => (),
        }
        if depth == 0 {
            outer.push((index, in_list));
        }
        let word = &text[piece.place.clone()];
        list_is_next =
            piece.kind == Kind::Word && BEFORE_LABELS.iter().any(|known| is(word, known));
    }
    outer
}

fn is_keyword(word: &str) -> bool {
    KEYWORDS.iter().any(|known| is(word, known))
}

fn is(word: &str, keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword)
}

fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        let rest = &text[at..];
        let (kind, length) = match first {
            '#' => (None, rest.find('\n').unwrap_or(rest.len())),
            '"' | '\'' | '`' => (Some(Kind::Text), string_length(rest, first)),
            c if c.is_ascii_digit() => (Some(Kind::Number), length_of(rest, is_in_number)),
            c if is_in_word(c) => (Some(Kind::Word), length_of(rest, is_in_word)),
            c if c.is_whitespace() => (None, c.len_utf8()),
            c => (Some(Kind::Sign(c)), c.len_utf8()),
        };
        pieces.extend(kind.map(|kind| Piece { kind, place: at..at + length }));
        at += length;
    }
    pieces
}

fn length_of(text: &str, belongs: impl Fn(char) -> bool) -> usize {
    text.find(|c| !belongs(c)).unwrap_or(text.len())
}

fn is_in_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn is_in_number(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '.'
}

/// Up to and with the quote that ends it; one that does not end goes to the end of the text.
fn string_length(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if quote != '`' => is_escaped = true,
            c if c == quote => return at + c.len_utf8(),
            _ => (),
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_set_at_the_metric_and_the_rest_stays() {
        let narrow = |text: &str| narrow(text, "load", "module", "shop/web");
        for (typed, expected) in [
            ("load", r#"load{module="shop/web"}"#),
            ("load{}", r#"load{module="shop/web"}"#),
            (r#"load{vm="a"}"#, r#"load{module="shop/web",vm="a"}"#),
            (r#"load{ module = "x", vm="a"}"#, r#"load{ module="shop/web", vm="a"}"#),
            (r#"load{module=~"x"}"#, r#"load{module="shop/web",module=~"x"}"#),
            (r#"load{module!="x"}"#, r#"load{module="shop/web",module!="x"}"#),
            ("avg by (load) (load[5m])", r#"avg by (load) (load{module="shop/web"}[5m])"#),
            (
                "load / load offset 1h",
                r#"load{module="shop/web"} / load{module="shop/web"} offset 1h"#,
            ),
            (r#"x{load="load"} + load"#, r#"x{load="load"} + load{module="shop/web"}"#),
            ("load # load", r#"load{module="shop/web"} # load"#),
            ("loads", r#"load{module="shop/web"}"#),
            ("", r#"load{module="shop/web"}"#),
            (r#"load{vm="a"#, r#"load{module="shop/web",vm="a"#),
        ] {
            assert_eq!(narrow(typed), expected, "{typed}");
        }
    }

    #[test]
    fn what_is_set_is_quoted_so_that_it_stays_one_string() {
        assert_eq!(narrow("up", "up", "x", "a\"b\\c\nd"), r#"up{x="a\"b\\c\nd"}"#);
        let again = narrow(r#"up{x="a\"b",y="1"}"#, "up", "x", "c");
        assert_eq!(again, r#"up{x="c",y="1"}"#);
        assert_eq!(narrow("", "my.metric", "x", "1"), r#"{__name__="my.metric"}{x="1"}"#);
    }

    #[test]
    fn metrics_functions_and_operators_are_told_apart() {
        let told = outline("sum by (vm) (rate(a_total{b=\"c\"}[5m] offset -1h)) > bool 2");
        assert_eq!(told.metrics, ["a_total"]);
        assert_eq!(told.functions, ["sum", "rate"]);
        assert!(told.has_operator);
        let told = outline("topk(3, up) and on(x) Down");
        assert_eq!((told.metrics, told.has_operator), (vec!["up", "Down"], false));
    }

    #[test]
    fn odd_texts_are_left_alone() {
        for odd in [
            "", "{", "}", "\"", "'\\", "`", "a{b", "][", "é", "a{b=\"é", "by", "by(", "#", "1e",
            "\\",
        ] {
            outline(odd);
            narrow(odd, "a", "b", "c");
            narrow(odd, "é", "é", "é");
        }
    }
}
