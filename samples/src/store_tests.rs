//! That memory stays within its bound and everything is read, whatever tidying up is at. All bounds
//! here are counts.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use model::series::{Labels, METRIC_NAME, MatchOp, Matcher, Row, Shape};
use model::time::Time;
use query::source::{Points, Source as _, Wanted};

use crate::store::lock;
use crate::{Samples, Settings};

const MOST: usize = 1000;
/// Values of one append.
const COLUMNS: usize = 25;
const APPENDS: i64 = 400;

struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // Else the next run removes it.
    }
}

fn open(name: &str) -> (Samples, Folder) {
    let path = std::env::temp_dir().join(format!("samples-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path); // Left by a run that was killed.
    let settings = Settings { memory_values: MOST, memory_rows: 0, ..Settings::default() };
    let samples = Samples::open(&path, settings, Time::default()).expect("it opens").0;
    (samples, Folder(path))
}

/// The rows of one target, one after the other.
struct Target(Arc<Shape>);

impl Target {
    fn new() -> Self {
        let columns = (0..COLUMNS).map(|column| Labels::metric(&format!("metric_{column}")));
        let common = Labels::of([("vm", "vm-1")]);
        Self(Arc::new(Shape { common, columns: columns.collect() }))
    }

    fn append(&self, samples: &Samples, at: i64) {
        let at = Time::from_millis(at * 1000);
        let values = (0..COLUMNS).map(|column| column as f64 / 10.0).collect();
        samples.append(&[Row { shape: self.0.clone(), at, values }], at).expect("there is room");
    }
}

fn count(samples: &Samples) -> usize {
    times(samples).len()
}

/// Of the samples of one series.
fn times(samples: &Samples) -> Vec<i64> {
    let (name, value) = (METRIC_NAME.to_owned(), "metric_24".to_owned());
    let last = Matcher { name, op: MatchOp::Equal, value };
    let found = samples.find(&[last], 0..i64::MAX, 1).expect("it is known");
    let mut points = Points::default();
    samples.read(found[0].series, 0..i64::MAX, Wanted::Last, &mut points).expect("it reads");
    points.times
}

#[test]
fn memory_is_bounded_though_nobody_tidies_up() {
    let (samples, _folder) = open("untidied");
    let target = Target::new();
    for at in 0..APPENDS {
        target.append(&samples, at);
        let unsealed = samples.stats().unsealed_values;
        assert!(unsealed <= MOST / 8 * 5 + COLUMNS, "{unsealed} at {at}");
    }
    assert_eq!(count(&samples), APPENDS as usize);
}

#[test]
fn memory_is_bounded_while_a_merge_goes_on() {
    let (samples, _folder) = open("merging");
    let target = Target::new();
    let merging = lock(&samples.tidying);
    for at in 0..APPENDS {
        target.append(&samples, at);
        assert!(samples.stats().unsealed_values <= MOST, "at {at}");
    }
    drop(merging);
    assert_eq!(count(&samples), APPENDS as usize);
}

#[test]
fn who_appends_waits_while_memory_is_full_and_then_goes_on() {
    let (samples, _folder) = open("waiting");
    let (samples, target) = (&samples, &Target::new());
    let (highest, done) = (&AtomicUsize::new(0), &AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let sealing = lock(&samples.sealing);
        scope.spawn(move || {
            for at in 0..APPENDS {
                target.append(samples, at);
                highest.fetch_max(samples.stats().unsealed_values, SeqCst);
                done.fetch_add(1, SeqCst);
            }
        });
        while samples.stats().unsealed_values < MOST {
            std::thread::yield_now(); // As long as it takes: nobody seals meanwhile.
        }
        assert!(done.load(SeqCst) <= MOST / COLUMNS);
        drop(sealing);
    });
    assert_eq!(highest.load(SeqCst), MOST);
    assert_eq!((done.load(SeqCst), count(samples)), (APPENDS as usize, APPENDS as usize));
}

#[test]
fn what_was_acknowledged_is_read_once_while_others_seal_and_merge() {
    let (samples, _folder) = open("racing");
    let (samples, target) = (&samples, &Target::new());
    target.append(samples, 0);
    let done = &AtomicUsize::new(1);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for at in 1..APPENDS {
                target.append(samples, at);
                done.fetch_add(1, SeqCst);
            }
        });
        scope.spawn(move || {
            while done.load(SeqCst) < APPENDS as usize {
                samples.maintain(Time::default()).expect("there is room");
            }
        });
        while done.load(SeqCst) < APPENDS as usize {
            let acknowledged = done.load(SeqCst);
            let times = times(samples);
            assert!(times.len() >= acknowledged, "{} of {acknowledged}", times.len());
            assert!(times.iter().copied().eq((0..times.len() as i64).map(|at| at * 1000)));
        }
    });
    assert_eq!(count(samples), APPENDS as usize);
}
