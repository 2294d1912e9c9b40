//! Many series are read and worked on by two threads, in batches: what comes of each must be what
//! comes of it alone, and in the same order.

use query::{Limits, QueryError, Series};

use crate::memory::Memory;

/// More than two batches.
const SERIES: usize = 600;

fn ask(memory: &Memory, text: &str) -> Vec<Series> {
    let (start_ms, end_ms, step_ms) = (3_600_000, 7_200_000, 60_000);
    let outcome = query::range(memory, text, start_ms, end_ms, step_ms, Limits::default());
    outcome.unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn what_comes_of_many_is_what_comes_of_each() {
    let mut memory = Memory::default();
    for number in 0..SERIES {
        // Counters that rise at their own pace; each third falls back to zero halfway.
        let rest = if number % 3 == 0 { "0+1x240" } else { "500+1x240" };
        memory.load(&format!("n{{vm=\"{number:03}\"}} 0+{number}x240 {rest}"), 15_000);
    }
    for function in ["rate", "max_over_time", "quantile_over_time", "last_over_time"] {
        let of = |selector: &str| match function {
            "quantile_over_time" => format!("{function}(0.7, {selector}[10m])"),
            _ => format!("{function}({selector}[10m])"),
        };
        let all = ask(&memory, &of("n"));
        assert_eq!(all.len(), SERIES, "{function}");
        for number in (0..SERIES).step_by(37) {
            let alone = ask(&memory, &of(&format!("n{{vm=\"{number:03}\"}}")));
            assert_eq!(all[number], alone[0], "{function} of {number}");
        }
    }
}

#[test]
fn an_error_of_either_thread_ends_the_query() {
    let mut memory = Memory::default();
    for number in 0..SERIES {
        memory.load(&format!("n{{vm=\"{number:03}\"}} 0+1x480"), 15_000);
    }
    let few = Limits { max_samples: 10_000, ..Limits::default() };
    let outcome = query::range(&memory, "sum(rate(n[10m]))", 3_600_000, 7_200_000, 15_000, few);
    assert!(matches!(outcome, Err(QueryError::TooManySamples { .. })), "{outcome:?}");
}
