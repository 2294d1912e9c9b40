//! The store against a plain map: whatever is appended, sealed, merged, deleted and opened again,
//! in whatever order, is read bit by bit.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::time::Duration;

use model::series::{ABSENT, Labels, METRIC_NAME, MatchOp, Matcher, Row, STALE, Shape, is_absent};
use model::time::Time;
use proptest::prelude::*;
use query::source::{Points, Source as _, Wanted};
use samples::{Samples, Settings};

/// A folder of its own that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("samples-{}-{}", std::process::id(), COUNT.fetch_add(1, Relaxed));
        let path = std::env::temp_dir().join(name);
        let _ = std::fs::remove_dir_all(&path); // Left by a run that was killed.
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // Else the next run removes it.
    }
}

#[derive(Clone, Debug)]
enum Act {
    /// A target, a time, and the values of its columns.
    Append(Vec<(u8, i64, Vec<f64>)>),
    Flush,
    Maintain,
    Compact,
    Reopen,
    /// A target's column, and which times.
    Delete(u8, u8, i64, i64),
}

/// By series (target and column), by time: the bits.
type Model = BTreeMap<(u8, u8), BTreeMap<i64, u64>>;

const NOW: i64 = 1_800_000_000_000;

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => (-5000i32..5000).prop_map(|value| f64::from(value) / 100.0),
        3 => (0u32..u32::MAX).prop_map(|value| f64::from(value) * 4096.0),
        2 => any::<f64>().prop_filter("a number", |value| !value.is_nan()),
        1 => Just(f64::INFINITY),
        1 => Just(-0.0),
        2 => Just(ABSENT),
        1 => Just(STALE),
    ]
}

fn append() -> impl Strategy<Value = Act> {
    let row = (0u8..4, 0i64..400, prop::collection::vec(value(), 1..5));
    let row = row.prop_map(|(target, at, values)| (target, NOW + at * 997, values));
    prop::collection::vec(row, 1..12).prop_map(Act::Append)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        10 => append(),
        2 => Just(Act::Flush),
        2 => Just(Act::Maintain),
        1 => Just(Act::Compact),
        2 => Just(Act::Reopen),
        1 => (0u8..4, 0u8..5, 0i64..400, 0i64..400).prop_map(|(target, column, a, b)| {
            Act::Delete(target, column, NOW + a.min(b) * 997, NOW + a.max(b) * 997)
        }),
    ]
}

fn shape(target: u8, columns: usize) -> Arc<Shape> {
    let common = Labels::of([("vm", format!("vm-{target}")), ("module", "shop/web".to_owned())]);
    let columns = (0..columns).map(|column| Labels::metric(&format!("metric_{column}")));
    Arc::new(Shape { common, columns: columns.collect() })
}

fn series(target: u8, column: u8) -> Vec<Matcher> {
    let equal =
        |name: &str, value: String| Matcher { name: name.to_owned(), op: MatchOp::Equal, value };
    vec![equal(METRIC_NAME, format!("metric_{column}")), equal("vm", format!("vm-{target}"))]
}

/// Little is enough to be sealed and merged.
fn settings() -> Settings {
    Settings {
        memory_values: 80,
        memory_rows: 0,
        keep_raw: Duration::from_secs(365 * 86_400),
        ..Settings::default()
    }
}

fn open(folder: &Folder) -> Samples {
    Samples::open(&folder.0, settings(), Time::from_millis(NOW)).expect("it opens").0
}

fn run(samples: &mut Option<Samples>, folder: &Folder, model: &mut Model, act: &Act) {
    let store = samples.as_ref().expect("it is open");
    match act {
        Act::Append(rows) => {
            let rows: Vec<Row> = rows
                .iter()
                .map(|(target, at, values)| {
                    note(model, *target, *at, values);
                    let (shape, at) = (shape(*target, values.len()), Time::from_millis(*at));
                    Row { shape, at, values: values.clone() }
                })
                .collect();
            let appended =
                store.append(&rows, Time::from_millis(NOW + 400_000)).expect("there is room");
            assert_eq!(appended.refused, 0, "{appended:?}");
        }
        Act::Flush => store.flush().expect("there is room"),
        Act::Maintain => {
            let done = store.maintain(Time::from_millis(NOW + 400_000)).expect("there is room");
            assert_eq!(done.dropped, 0, "nothing is past its time");
        }
        Act::Compact => store.compact().expect("there is room"),
        Act::Reopen => {
            *samples = None;
            *samples = Some(open(folder));
        }
        Act::Delete(target, column, from, until) => {
            store.delete(&series(*target, *column), *from..*until).expect("there is room");
            if let Some(values) = model.get_mut(&(*target, *column)) {
                values.retain(|at, _| !(*from..*until).contains(at));
            }
        }
    }
}

fn note(model: &mut Model, target: u8, at: i64, values: &[f64]) {
    for (column, value) in values.iter().enumerate().filter(|(_, value)| !is_absent(**value)) {
        model.entry((target, column as u8)).or_default().insert(at, value.to_bits());
    }
}

fn check(samples: &Samples, model: &Model, from: i64, until: i64) {
    for ((target, column), values) in model {
        let found = samples.find(&series(*target, *column), from..until, 10).expect("it reads");
        assert_eq!(found.len(), 1, "series {target} {column}");
        let mut points = Points::default();
        samples.read(found[0].series, from..until, Wanted::Last, &mut points).expect("it reads");
        let read: Vec<(i64, u64)> =
            points.times.into_iter().zip(points.values.into_iter().map(f64::to_bits)).collect();
        let expected: Vec<(i64, u64)> =
            values.range(from..until).map(|(at, bits)| (*at, *bits)).collect();
        assert_eq!(read, expected, "series {target} {column} from {from} to {until}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]
    #[test]
    fn what_was_appended_is_read_bit_by_bit(
        acts in prop::collection::vec(act(), 1..40),
        ranges in prop::collection::vec((0i64..400, 0i64..400), 4),
    ) {
        let folder = Folder::new();
        let mut samples = Some(open(&folder));
        let mut model = Model::new();
        for act in &acts {
            run(&mut samples, &folder, &mut model, act);
            let store = samples.as_ref().expect("it is open");
            check(store, &model, NOW + 390 * 997, NOW + 400 * 997);
        }
        let store = samples.as_ref().expect("it is open");
        check(store, &model, i64::MIN, i64::MAX);
        for (a, b) in ranges {
            check(store, &model, NOW + a.min(b) * 997, NOW + a.max(b) * 997);
        }
    }
}

/// Copies a folder, as it would be found after a `kill -9` just now.
fn copy(from: &std::path::Path, to: &std::path::Path) {
    std::fs::create_dir_all(to).expect("a folder of ours");
    for entry in std::fs::read_dir(from).expect("a folder of ours").flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).expect("there is room");
        }
    }
}

#[test]
fn a_log_cut_at_any_byte_gives_back_every_whole_append_and_no_part_of_another() {
    let folder = Folder::new();
    let samples = open(&folder);
    let mut models = vec![(0, Model::new())];
    let segment = |folder: &std::path::Path| {
        let mut logs: Vec<PathBuf> = std::fs::read_dir(folder.join("log"))
            .expect("a folder of ours")
            .flatten()
            .map(|entry| entry.path())
            .collect();
        logs.sort();
        logs.pop().expect("there is a segment")
    };
    let mut model = Model::new();
    for at in 0..6 {
        let values = [at as f64 / 10.0, 7.0, ABSENT];
        let row = Row {
            shape: shape((at % 2) as u8, 3),
            at: Time::from_millis(NOW + at),
            values: values.to_vec(),
        };
        samples.append(&[row], Time::from_millis(NOW)).expect("there is room");
        note(&mut model, (at % 2) as u8, NOW + at, &values);
        let bytes = std::fs::metadata(segment(&folder.0)).expect("it is there").len();
        models.push((bytes, model.clone()));
    }
    let whole = std::fs::read(segment(&folder.0)).expect("it is there");
    for cut in 0..=whole.len() {
        let killed = Folder::new();
        copy(&folder.0, &killed.0);
        std::fs::write(segment(&killed.0), &whole[..cut]).expect("there is room");
        let (_, expected) =
            models.iter().rfind(|(bytes, _)| *bytes <= cut as u64).expect("the first");
        let opened = open(&killed);
        let count: usize = expected.values().map(BTreeMap::len).sum();
        assert_eq!(opened.stats().unsealed_values, count, "cut at {cut}");
        check(&opened, expected, i64::MIN, i64::MAX);
        let row = Row { shape: shape(9, 1), at: Time::from_millis(NOW), values: vec![1.0] };
        opened.append(&[row], Time::from_millis(NOW)).expect("it goes on");
        drop(opened);
        assert_eq!(open(&killed).stats().unsealed_values, count + 1, "and is opened again");
    }
}

#[test]
fn a_byte_that_is_wrong_is_an_error_that_names_the_file_and_never_a_wrong_number() {
    let folder = Folder::new();
    let samples = open(&folder);
    let mut model = Model::new();
    for at in 0..50 {
        let values = [at as f64 / 10.0, 4096.0 * at as f64];
        let row =
            Row { shape: shape(0, 2), at: Time::from_millis(NOW + at), values: values.to_vec() };
        samples.append(&[row], Time::from_millis(NOW)).expect("there is room");
        note(&mut model, 0, NOW + at, &values);
    }
    samples.flush().expect("there is room");
    drop(samples);
    let part = folder.0.join("parts/0000000001.part");
    let whole = std::fs::read(&part).expect("it is there");
    for place in 0..whole.len() {
        let mut wrong = whole.clone();
        wrong[place] ^= 0x10;
        std::fs::write(&part, &wrong).expect("there is room");
        let opened = Samples::open(&folder.0, settings(), Time::from_millis(NOW));
        let samples = match opened {
            Ok((samples, _)) => samples,
            Err(error) => {
                assert!(error.to_string().contains("0000000001.part"), "{error}");
                continue;
            }
        };
        for column in 0..2 {
            let found =
                samples.find(&series(0, column), i64::MIN..i64::MAX, 10).expect("it is known");
            let mut points = Points::default();
            let read = samples.read(found[0].series, i64::MIN..i64::MAX, Wanted::Last, &mut points);
            if read.is_ok() {
                let bits: Vec<u64> = points.values.iter().map(|value| value.to_bits()).collect();
                let expected: Vec<u64> = model[&(0, column)].values().copied().collect();
                assert_eq!(bits, expected, "byte {place}");
            }
        }
    }
}
