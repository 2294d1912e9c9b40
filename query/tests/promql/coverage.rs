//! One number of many series, and how far it may be trusted.

use std::collections::BTreeSet;
use std::time::Duration;

use model::time::Time;
use query::aggregate::{Aggregate, Expected, NoValue, Question, Statistic, over};
use query::source::SourceError;

use crate::memory::Memory;

/// Three web VMs at 5 minutes: `a` is fresh, `b` two minutes old, `c` ended, `d` no number.
fn memory() -> Memory {
    let mut memory = Memory::default();
    for line in [
        "load{vm=\"a\",job=\"web\"} 9 9 9 9 9 2",
        "load{vm=\"b\",job=\"web\"} 9 9 9 6",
        "load{vm=\"c\",job=\"web\"} 9 9 9 9 9 stale",
        "load{vm=\"d\",job=\"web\"} _ _ _ _ _ NaN",
        "load{vm=\"old\",job=\"db\"} 9",
    ] {
        memory.load(line, 60_000);
    }
    memory
}

fn ask(selector: &str, window_s: u64, statistic: Statistic) -> Aggregate {
    ask_for(selector, window_s, statistic, &["a", "b", "c", "gone"]).unwrap()
}

fn ask_for(
    selector: &str,
    window_s: u64,
    statistic: Statistic,
    vms: &[&str],
) -> Result<Aggregate, SourceError> {
    let values: BTreeSet<String> = vms.iter().map(|vm| (*vm).to_owned()).collect();
    let question = Question {
        matchers: &query::api::matchers(selector).unwrap(),
        at: Time::from_millis(300_000),
        window: Duration::from_secs(window_s),
        statistic,
        expected: Some(Expected { label: "vm", values: &values }),
        max_series: 4,
    };
    over(&memory(), &question)
}

#[test]
fn the_value_comes_with_who_is_in_it_and_how_old_it_is() {
    let answer = ask("load{job=\"web\"}", 180, Statistic::Mean);
    assert_eq!(
        answer,
        Aggregate {
            value: Ok(4.0),
            series: 2,
            left_out: 2,
            covered: 2,
            missing: vec!["c".to_owned(), "gone".to_owned()],
            newest_age: Some(Duration::ZERO),
            oldest_age: Some(Duration::from_secs(120)),
        }
    );
}

#[test]
fn each_statistic_looks_at_the_latest_values() {
    for (statistic, value) in [
        (Statistic::Mean, 4.0),
        (Statistic::Min, 2.0),
        (Statistic::Max, 6.0),
        (Statistic::Sum, 8.0),
        (Statistic::Quantile(0.25), 3.0),
    ] {
        assert_eq!(ask("load{job=\"web\"}", 180, statistic).value, Ok(value), "{statistic:?}");
    }
}

#[test]
fn a_sample_as_old_as_the_window_is_wide_does_not_count() {
    let narrow = ask("load{job=\"web\"}", 120, Statistic::Mean);
    assert_eq!((narrow.value, narrow.covered), (Ok(2.0), 1));
}

#[test]
fn no_value_has_a_reason() {
    for (selector, reason) in [
        ("nothing", NoValue::NoSeries),
        ("load{vm=\"old\"}", NoValue::NoSeries),
        ("load{vm=\"c\"}", NoValue::Ended { series: 1 }),
        ("load{vm=\"d\"}", NoValue::NoNumbers { series: 1 }),
    ] {
        let answer = ask(selector, 60, Statistic::Mean);
        assert_eq!(answer.value, Err(reason), "{selector}");
        assert_eq!((answer.series, answer.oldest_age), (0, None), "{selector}");
    }
    assert_eq!(NoValue::NoSeries.to_string(), "no series matches");
}

#[test]
fn too_many_series_are_an_error() {
    let outcome = ask_for("load", 600, Statistic::Max, &[]);
    assert!(matches!(outcome, Err(SourceError::TooManySeries { limit: 4 })), "{outcome:?}");
}
