//! Texts from outside: whatever they are, they are read or refused, within bounds.

use proptest::prelude::*;
use query::{Expression, Limits, QueryError};

use crate::memory::Memory;

/// Expressions that hold most of the language between them.
const VALID: &[&str] = &[
    r#"sum by (vm) (rate(requests_total{job=~"web|db",mode!="idle"}[5m] offset 1m)) > bool 2"#,
    r#"topk(3, a) / on(vm) group_left(flavor) b @ start() or -c ^ 2 unless d"#,
    r#"max_over_time(sum(x)[10m:30s] @ 120 offset -1m) - histogram_quantile(0.9, y_bucket)"#,
    r#"label_replace(up, "kind", "$1", "vm", "(.*)-\x41é") and on() (vector(time()) % 3600 < 0x1f)"#,
    "quantile_over_time(.5, x[1h30m]) # comment\n + {\"n\", a='b', c=~`d`}",
];

#[test]
fn odd_texts_are_read_or_refused() {
    let long = "a".repeat(Expression::MAX_BYTES + 1);
    let deep = [
        "(".repeat(10_000) + "1",
        "-".repeat(10_000) + "1",
        "1^".repeat(5_000) + "1",
        "1+".repeat(5_000) + "1",
        "abs(".repeat(3_000),
        "sum(".repeat(65) + "x" + &")".repeat(65),
        "x".to_owned() + &"[1m:]".repeat(1_000),
        "x".to_owned() + &" offset 1m".repeat(1_000),
        "x{a=~\"(((a{100}){100}){100})\"}".to_owned(),
        "x{".to_owned() + &"a=~\"b\",".repeat(65) + "}",
    ];
    for text in deep.iter().chain([&long]) {
        let start: String = text.chars().take(40).collect();
        assert!(Expression::parse(text).is_err(), "{start}");
    }
    for text in [
        "",
        " ",
        "#",
        "\0",
        "\u{feff}1",
        "é",
        "\"",
        "'\\",
        "\"\\x4",
        "\"\\u00",
        "\"\\400\"",
        "0x",
        "0xg",
        "1e",
        "1e+",
        "1.2.3",
        ".",
        "[",
        "]",
        "@",
        "x[",
        "x[:",
        "x[:]",
        "x{\"",
        "1_0",
        "x[5m:5",
        "\"\\U00110000\"",
        "\"\\x+1\"",
        "x[99999999999y]",
        "x offset 9223372036854775807",
        "99999999999999999999y",
    ] {
        assert!(Expression::parse(text).is_err(), "{text:?}");
    }
    for text in
        ["(((1)))", "1e400", "x offset 0", "x[1ms]", "0x7fffffffffffffff", "a:b:c", "__x", ":x"]
    {
        assert!(Expression::parse(text).is_ok(), "{text:?}");
    }
}

#[test]
fn as_much_as_is_allowed_can_be_evaluated_on_a_small_stack() {
    let deep = "(".repeat(60) + &"1+".repeat(100) + "vector(1)" + &")".repeat(60);
    let long = "vector(1)+".repeat(256) + "1";
    let signs = "x".to_owned() + &"+-x".repeat(120);
    let ask = move || {
        for text in [&deep, &long, &signs] {
            let expression = Expression::parse(text).unwrap();
            expression.instant(&Memory::default(), 0, Limits::default()).unwrap();
        }
    };
    // Half of what a thread of the runtime has.
    let thread = std::thread::Builder::new().stack_size(1024 * 1024).spawn(ask).unwrap();
    thread.join().unwrap();
}

#[test]
fn what_would_cost_too_much_is_refused_or_stopped() {
    let mut memory = Memory::default();
    memory.load("n{vm=\"a\"} 0+1x1000", 1000);
    memory.load("n{vm=\"b\"} 0+1x1000", 1000);
    let ask = |text: &str, limits| query::instant(&memory, text, 1_000_000, limits);
    for text in [
        "sum_over_time(vector(1)[1000y:1ms])",
        "count_over_time(n[1000y:1ms])",
        "sum_over_time(sum_over_time(vector(1)[1d:1s])[1000d:1s])",
        "n[1000y:1ms]",
    ] {
        let outcome = ask(text, Limits::default());
        assert!(matches!(outcome, Err(QueryError::TooManySamples { .. })), "{text}: {outcome:?}");
    }
    let few = Limits { max_samples: 1_500, ..Limits::default() };
    assert!(ask("count_over_time(n{vm=\"a\"}[1h])", few).is_ok());
    assert!(matches!(
        ask("count_over_time(n[1h])", few),
        Err(QueryError::TooManySamples { limit: 1_500 })
    ));
    let one = Limits { max_series: 1, ..Limits::default() };
    assert!(matches!(ask("n", one), Err(QueryError::Source(_))));
    let asked = std::sync::atomic::AtomicU32::new(0);
    let stop = || asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed) >= 3;
    let stopping = Limits { stop: &stop, ..Limits::default() };
    assert!(matches!(ask("n + n + n + n", stopping), Err(QueryError::Stopped)));
}

#[test]
fn what_is_mutated_below_was_valid() {
    for text in VALID {
        assert!(Expression::parse(text).is_ok(), "{text}");
    }
}

fn evaluate(text: &str) {
    let mut memory = Memory::default();
    memory.load("x{vm=\"a\",le=\"1\"} 0+1x5 stale NaN 3", 60_000);
    memory.load("requests_total{vm=\"b\",mode=\"user\"} 5 3 Inf -Inf 2", 60_000);
    let limits = Limits { max_samples: 100_000, ..Limits::default() };
    let Ok(expression) = Expression::parse(text) else {
        return;
    };
    let _ = expression.instant(&memory, 300_000, limits);
    if let Ok(series) = expression.range(&memory, 0, 600_000, 47_000, limits) {
        assert!(series.iter().all(|series| !series.points.times.is_empty()));
        assert!(series.windows(2).all(|pair| pair[0].labels < pair[1].labels));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,60}") {
        evaluate(&text);
    }

    #[test]
    fn any_row_of_tokens_is_read_or_refused(tokens in prop::collection::vec(token(), 1..12)) {
        evaluate(&tokens.join(" "));
    }

    #[test]
    fn a_changed_expression_is_read_or_refused(
        which in 0..VALID.len(), at: prop::sample::Index, length in 0_usize..4, with in "\\PC{0,3}",
    ) {
        let chars: Vec<char> = VALID[which].chars().collect();
        let at = at.index(chars.len());
        let end = chars.len().min(at + length);
        let changed: String =
            chars[..at].iter().copied().chain(with.chars()).chain(chars[end..].iter().copied()).collect();
        evaluate(&changed);
    }
}

fn token() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "x",
        "requests_total",
        "{vm=\"a\"}",
        "sum",
        "by",
        "(vm)",
        "(",
        ")",
        "rate",
        "abs",
        "topk",
        "[5m]",
        "[5m:1m]",
        "[",
        "]",
        ":",
        ",",
        "+",
        "-",
        "*",
        "^",
        "==",
        ">",
        "bool",
        "on",
        "and",
        "or",
        "unless",
        "group_left",
        "ignoring",
        "offset",
        "1m",
        "@",
        "start()",
        "1",
        "0.5",
        "\"s\"",
        "time()",
        "quantile_over_time",
        "histogram_quantile",
        "label_replace",
        "nan",
        "vector",
    ])
}
