//! Pages of an exporter one after the other, and the rows that come of them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use collector::prometheus::page::{Page, Reading};
use collector::prometheus::text::{Format, is_comment, read_sample};
use expect_test::{Expect, expect};
use model::series::{Labels, Row, is_absent, is_stale};
use model::time::Time;
use proptest::prelude::*;

fn page(max_series: usize) -> Page {
    let common = Labels::of([("instance", "web-1"), ("job", "node")]);
    Page::new(common, vec![Labels::metric("up")], max_series, true)
}

fn shown_row(row: &Row) -> String {
    let columns = row.shape.columns.iter().zip(&row.values).map(|(labels, value)| match *value {
        value if is_absent(value) => format!(" {labels} -"),
        value if is_stale(value) => format!(" {labels} STALE"),
        value => format!(" {labels} {value}"),
    });
    format!("{}:{}\n", row.at.millis(), columns.collect::<String>())
}

fn shown(reading: &Reading) -> String {
    let rows = reading.stamped.iter().chain([&reading.row]).map(shown_row).collect::<String>();
    let refused = reading.refused.iter().map(|one| format!("refused {}: {}\n", one.what, one.why));
    rows + &refused.collect::<String>()
}

/// Reads pages in turn, one second apart; `lost` stands for a look that failed.
#[expect(clippy::needless_pass_by_value, reason = "expect! is written where it is used")]
fn check(max_series: usize, pages: &[&str], expected: Expect) {
    let mut page = page(max_series);
    let answers: Vec<String> = (1..)
        .zip(pages)
        .map(|(second, text)| {
            let at = Time::from_millis(1000 * second);
            let lines: Vec<&str> = text.lines().map(str::trim).collect();
            match *text {
                "lost" => shown_row(&page.lost(at)),
                _ => shown(&page.read(lines.join("\n").as_bytes(), Format::Text, at)),
            }
        })
        .collect();
    expected.assert_eq(&answers.join("--\n"));
}

#[test]
fn a_series_that_is_gone_has_ended_once() {
    check(
        9,
        &[
            "a 1\nb 2\nc 3",
            "a 4\nc 5",
            "a 6\nc 7",
            "c 8\nb 9\na 10",
            "lost",
            "lost",
            "a 1\nb 2\nc 3",
        ],
        expect![[r#"
            1000: up - a 1 b 2 c 3
            --
            2000: up - a 4 b STALE c 5
            --
            3000: up - a 6 c 7
            --
            4000: up - a 10 c 8 b 9
            --
            5000: up - a STALE c STALE b STALE
            --
            6000: up - a - c - b -
            --
            7000: up - a 1 c 3 b 2
        "#]],
    );
}

#[test]
fn a_value_that_is_none_is_refused_and_ends_its_series() {
    check(
        9,
        &[
            "# TYPE a counter\na 1\nb 2",
            "# TYPE a counter\na -1\nb NaN",
            "# TYPE a counter\na -2\nb NaN",
            "# TYPE a counter\na 3\nb -1",
            "# TYPE a gauge\na -4\n# TYPE b counter\nb -1",
        ],
        expect![[r#"
            1000: up - a 1 b 2
            --
            2000: up - a STALE b STALE
            refused a: line 2: a counter below zero
            refused b: line 3: NaN is no value
            --
            3000: up - a - b -
            refused a: line 2: a counter below zero
            refused b: line 3: NaN is no value
            --
            4000: up - a 3 b -1
            --
            5000: up - a -4 b STALE
            refused b: line 4: a counter below zero
        "#]],
    );
}

#[test]
fn over_the_limit_known_series_stay_and_new_ones_are_refused() {
    check(
        2,
        &["a 1\nb 2", "n 0\nb 3\na 4\nm 0", "a 5\nn 6", "a 7\nn 8"],
        expect![[r#"
        1000: up - a 1 b 2
        --
        2000: up - a 4 b 3
        refused n: line 1: it is new, and the limit is 2 series
        refused m: line 4: it is new, and the limit is 2 series
        --
        3000: up - a 5 b STALE
        refused n: line 2: it is new, and the limit is 2 series
        --
        4000: up - a 7 n 8
    "#]],
    );
}

#[test]
fn bad_lines_cost_nothing_but_themselves() {
    check(
        9,
        &[
            "a 1\n<html>\na 2\nup 1\nb{} 1 2 3\n\n  # a comment\nc 3",
            "a 1\n<html>\na 2\nup 1\nb{} 1 2 3\n\n  # a comment\nc x",
        ],
        expect![[r#"
            1000: up - a 1 c 3
            refused <html>: line 2: a name is expected at "<html>"
            refused a: line 3: the series is there already
            refused up: line 4: the series is there already
            refused b{} 1 2 3: line 5: nothing is expected at "3"
            --
            2000: up - a 1 c STALE
            refused <html>: line 2: a name is expected at "<html>"
            refused a: line 3: the series is there already
            refused up: line 4: the series is there already
            refused b{} 1 2 3: line 5: nothing is expected at "3"
            refused c x: line 8: "x" is no value
        "#]],
    );
}

#[test]
fn labels_of_the_target_stand() {
    check(
        9,
        &[r#"a{instance="other",x="y"} 1
               a{exported_instance="taken",instance="other"} 1
               a{job="",x="z"} 2"#],
        expect![[r#"
            1000: up - a{exported_instance="other",x="y"} 1 a{exported_exported_instance="other",exported_instance="taken"} 1 a{x="z"} 2
        "#]],
    );
}

#[test]
fn what_brings_its_own_time_has_a_row_of_that_time() {
    check(
        9,
        &["a 1 500\nb 2 500\nc 3 400\nd 4", "a 1 1500\nc 3 1500\nd 5"],
        expect![[r#"
        400: c 3
        500: a 1 b 2
        1000: up - a - b - c - d 4
        --
        1500: a 1 c 3
        2000: up - a - b - c - d 5
    "#]],
    );
}

#[test]
fn times_on_the_page_may_be_passed_over() {
    let mut page = Page::new(Labels::default(), Vec::new(), 9, false);
    let reading = page.read(b"a 1 500\nb 2", Format::Text, Time::from_millis(7));
    assert_eq!(shown(&reading), "7: a 1 b 2\n");
}

#[test]
fn the_shape_is_shared_as_long_as_the_series_are_the_same() {
    let mut page = page(9);
    let mut shape_of =
        |text: &str| page.read(text.as_bytes(), Format::Text, Time::default()).row.shape;
    let first = shape_of("# HELP a of old\na 1\nb 2\n");
    assert!(Arc::ptr_eq(&first, &shape_of("# HELP a of new, and longer\na 3\nb 4\n")));
    assert!(Arc::ptr_eq(&first, &shape_of("b 4\na 3\n")), "another order");
    assert!(Arc::ptr_eq(&first, &shape_of("b 4")), "it ends the series that is gone");
    assert!(!Arc::ptr_eq(&first, &shape_of("b 4")));
}

/// Whatever time a line brings, its value is in the row of the look.
fn plain_page() -> Page {
    Page::new(Labels::default(), vec![Labels::metric("up")], 100, false)
}

type Value = Option<u64>;

/// What a page should bring: each series once, with the bits of its value, or `None` where it
/// ended.
fn told(row: &Row) -> BTreeMap<String, Value> {
    let columns = row.shape.columns.iter().zip(&row.values).skip(1);
    let present = columns.filter(|(_, value)| !is_absent(**value));
    let bits = |value: f64| (!is_stale(value)).then(|| value.to_bits());
    let told: Vec<_> = present.map(|(name, value)| (name.to_string(), bits(*value))).collect();
    let count = told.len();
    let told: BTreeMap<_, _> = told.into_iter().collect();
    assert_eq!(told.len(), count, "a series in two columns");
    told
}

fn pages() -> impl Strategy<Value = Vec<Vec<String>>> {
    let series = prop_oneof!["[a-e]", "[a-e]\\{x=\"[12]\"\\}", "[ab] \\{ x = \"1\" \\}"];
    let value = prop_oneof!["[0-9]{1,3}", "-?[0-9].[0-9]e[0-9]", Just("NaN".to_owned())];
    let line = prop_oneof![
        9 => (series, value).prop_map(|(series, value)| format!("{series} {value}")),
        1 => Just("# TYPE b counter".to_owned()),
        1 => "[a-e{}\" #0-9]{0,9}",
    ];
    proptest::collection::vec(proptest::collection::vec(line, 0..9), 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The memory of the last page saves work, and changes nothing.
    #[test]
    fn a_page_says_the_same_whatever_came_before(mut pages in pages(), again in 0usize..3) {
        let last = pages.last().cloned().unwrap_or_default();
        pages.extend(std::iter::repeat_n(last, again)); // The steady state.
        let mut page = plain_page();
        let mut live: BTreeSet<String> = BTreeSet::new();
        for lines in &pages {
            let text = lines.join("\n");
            let reading = page.read(text.as_bytes(), Format::Text, Time::default());
            let alone = plain_page().read(text.as_bytes(), Format::Text, Time::default());
            let mut expected = told(&alone.row);
            let now: BTreeSet<String> = expected.keys().cloned().collect();
            for gone in live.difference(&now) {
                expected.insert(gone.clone(), None);
            }
            prop_assert_eq!(told(&reading.row), expected, "{:?}", text);
            prop_assert_eq!(reading.taken, alone.taken);
            let samples = lines.iter().filter(|line| !is_comment(line.as_bytes())).count() as u64;
            prop_assert_eq!(reading.taken + reading.refused_count, samples);
            live = now;
        }
    }

    /// The memory itself: alone, a page is what its lines say, the first of each series.
    #[test]
    fn a_first_page_is_what_its_lines_say(pages in pages()) {
        for lines in &pages {
            let mut expected: BTreeMap<String, Value> = BTreeMap::new();
            let lines = lines.iter().map(String::as_str).filter(|line| !is_comment(line.as_bytes()));
            let lines: Vec<&str> = lines.collect();
            for line in &lines {
                let Ok(sample) = read_sample(line.as_bytes(), Format::Text) else { continue };
                let series = Labels::of(sample.labels.iter().map(|(n, v)| (n.to_string(), &**v)));
                expected.entry(series.to_string()).or_insert(Some(sample.tail.value.to_bits()));
            }
            expected.retain(|_, bits| bits.is_some_and(|bits| !f64::from_bits(bits).is_nan()));
            let reading = plain_page().read(lines.join("\n").as_bytes(), Format::Text, Time::default());
            prop_assert_eq!(told(&reading.row), expected);
        }
    }

    #[test]
    fn arbitrary_bytes_are_bounded(pages: Vec<Vec<u8>>, open: bool) {
        let format = if open { Format::OpenMetrics } else { Format::Text };
        let mut page = page(5);
        for bytes in &pages {
            let reading = page.read(bytes, format, Time::default());
            let values: usize = reading.stamped.iter().map(|row| row.values.len()).sum();
            prop_assert!(reading.row.values.len() <= 11 && values <= 2 * bytes.len());
        }
    }

    #[test]
    fn a_spoiled_page_leaves_the_next_one_whole(
        at: proptest::sample::Index,
        byte: u8,
        cut: bool,
    ) {
        let good = b"# TYPE a counter\na{x=\"1\"} 1\na{x=\"2\"} 2\nb 3 1000\nc 4 2000\nd 5\n";
        let mut page = page(100);
        page.read(good, Format::Text, Time::default());
        let mut spoiled = good.to_vec();
        let at = at.index(spoiled.len());
        if cut { spoiled.truncate(at) } else { spoiled[at] = byte }
        page.read(&spoiled, Format::Text, Time::default());
        let reading = page.read(good, Format::Text, Time::default());
        prop_assert_eq!((reading.taken, reading.refused_count), (5, 0));
        prop_assert_eq!(reading.stamped.len(), 2);
    }
}
