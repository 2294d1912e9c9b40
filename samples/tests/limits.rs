//! What is refused, what is summed up and dropped when its time is over, and a disk that is full.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use model::series::{Labels, METRIC_NAME, MatchOp, Matcher, Row, Shape};
use model::time::Time;
use query::source::{Points, Source as _, Wanted};
use samples::{Samples, SamplesError, Settings, Why};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("samples-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path); // Left by a run that was killed.
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // Else the next run removes it.
    }
}

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(86_400);
/// A moment at which hours, and stretches of five minutes, begin.
const START: Time = Time::from_millis(1_800_000_000_000);

fn row(names: &[&str], at: Time, values: &[f64]) -> Row {
    let columns = names.iter().map(|name| Labels::metric(name)).collect();
    let shape = Shape { common: Labels::of([("vm", "a")]), columns };
    Row { shape: Arc::new(shape), at, values: values.to_vec() }
}

fn read(samples: &Samples, name: &str, wanted: Wanted) -> Vec<(i64, f64)> {
    let equal =
        Matcher { name: METRIC_NAME.to_owned(), op: MatchOp::Equal, value: name.to_owned() };
    let all = i64::MIN..i64::MAX;
    let found = samples.find(&[equal], all.clone(), 10).expect("it reads");
    let mut points = Points::default();
    for found in found {
        samples.read(found.series, all.clone(), wanted, &mut points).expect("it reads");
    }
    let seconds = points.times.iter().map(|at| (at - START.millis()) / 1000);
    seconds.zip(points.values).collect()
}

#[test]
fn what_cannot_be_kept_is_refused_by_name_and_the_rest_is_taken() {
    let folder = Folder::new("refused");
    let settings = Settings { max_series: 3, max_columns: 8, ..Settings::default() };
    let (samples, _) = Samples::open(&folder.0, settings, START).expect("it opens");
    let rows = [
        row(&["load", "temperature"], START, &[f64::NAN, 20.5]),
        row(&["load", "temperature"], START + Duration::from_secs(3600), &[1.0, 2.0]),
        row(&["load", "temperature"], START - 20 * DAY, &[1.0, 2.0]),
        row(&["a", "b"], START, &[1.0, 2.0]),
        row(&["load"], START, &[4.5]),
    ];
    let appended = samples.append(&rows, START).expect("there is room");
    assert_eq!((appended.accepted, appended.refused), (3, 6));
    let named: Vec<(&str, &str)> =
        appended.named.iter().map(|one| (one.what.as_str(), one.why.as_str())).collect();
    let expected = [
        (r#"load{vm="a"}"#, "not_a_number"),
        (r#"load{vm="a"}"#, "too_far_ahead"),
        (r#"temperature{vm="a"}"#, "too_far_ahead"),
        (r#"load{vm="a"}"#, "too_old"),
        (r#"temperature{vm="a"}"#, "too_old"),
        (r#"b{vm="a"}"#, "too_many_series"),
    ];
    assert_eq!(named, expected);
    assert_eq!(read(&samples, "load", Wanted::Last), [(0, 4.5)]);
    assert_eq!(read(&samples, "temperature", Wanted::Last), [(0, 20.5)]);
    assert_eq!(samples.stats().refused[&Why::TooManySeries], 1);
}

#[test]
fn old_samples_are_summed_up_and_then_dropped() {
    let folder = Folder::new("tiers");
    let settings = Settings {
        keep_raw: 2 * DAY,
        keep_five_minutes: 4 * DAY,
        keep_hours: 8 * DAY,
        ..Settings::default()
    };
    let (samples, _) = Samples::open(&folder.0, settings, START).expect("it opens");
    for minute in 0..120 {
        let at = START + minute * MINUTE;
        samples.append(&[row(&["load"], at, &[f64::from(minute)])], at).expect("there is room");
    }
    let tidy = |now: Time| {
        for _ in 0..4 {
            samples.maintain(now).expect("there is room");
        }
    };
    tidy(START + DAY);
    assert_eq!(read(&samples, "load", Wanted::Last).len(), 120, "all of it is young");
    tidy(START + 3 * DAY);
    let last = read(&samples, "load", Wanted::Last);
    assert_eq!(last.len(), 24, "two hours of five minutes: {last:?}");
    assert_eq!(&last[..2], [(240, 4.0), (540, 9.0)], "at the time of the last sample");
    assert_eq!(&read(&samples, "load", Wanted::Min)[..2], [(240, 0.0), (540, 5.0)]);
    assert_eq!(&read(&samples, "load", Wanted::Max)[..2], [(240, 4.0), (540, 9.0)]);
    assert_eq!(&read(&samples, "load", Wanted::Mean)[..2], [(240, 2.0), (540, 7.0)]);
    tidy(START + 5 * DAY);
    assert_eq!(read(&samples, "load", Wanted::Mean), [(3540, 29.5), (7140, 89.5)]);
    let (stats, parts) = (samples.stats(), folder.0.join("parts"));
    assert_eq!(stats.part_bytes[0] + stats.part_bytes[1], 0, "{stats:?}");
    tidy(START + 9 * DAY);
    assert!(read(&samples, "load", Wanted::Last).is_empty());
    let left = std::fs::read_dir(parts).expect("a folder of ours").count();
    assert_eq!(left, 0, "nothing is left on the disk");
}

/// A file system of its own, of a megabyte.
struct Small(Folder);

impl Small {
    fn mount(name: &str) -> Self {
        let folder = Folder::new(name);
        std::fs::create_dir_all(&folder.0).expect("a folder of ours");
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=1m", "tmpfs"])
            .arg(&folder.0)
            .status();
        assert!(mount.is_ok_and(|status| status.success()), "only root may mount");
        Self(folder)
    }

    fn path(&self) -> &Path {
        &self.0.0
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path()).status(); // Then the folder goes.
    }
}

#[test]
#[ignore = "needs root, for a file system of its own"]
fn a_full_disk_refuses_what_is_new_loses_nothing_that_is_old_and_goes_on_with_room() {
    let disk = Small::mount("full");
    let folder = disk.path().join("samples");
    let (samples, _) = Samples::open(&folder, Settings::default(), START).expect("it opens");
    let names: Vec<String> = (0..100).map(|metric| format!("m{metric}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let shape = row(&names, START, &[]).shape;
    let mut acknowledged = 0i64;
    let mut append = |samples: &Samples| {
        let at = START + Duration::from_secs(acknowledged as u64);
        let values = (0..100).map(|column| acknowledged as f64 + f64::from(column) / 7.0).collect();
        let row = Row { shape: shape.clone(), at, values };
        samples.append(&[row], at).map(|_| acknowledged += 1)
    };
    let error = loop {
        if let Err(error) = append(&samples) {
            break error;
        }
    };
    assert!(matches!(error, SamplesError::DiskFull { .. }), "{error:?}");
    assert!(error.to_string().contains("no room left"), "{error}");
    let flushed = samples.flush();
    assert!(matches!(flushed, Err(SamplesError::DiskFull { .. })), "{flushed:?}");
    let all = read(&samples, "m99", Wanted::Last);
    assert_eq!(all.len() as i64, acknowledged, "nothing acknowledged is lost");
    drop(samples);
    let (samples, _) = Samples::open(&folder, Settings::default(), START).expect("it opens full");
    assert_eq!(read(&samples, "m99", Wanted::Last), all);
    let grown = Command::new("mount").args(["-o", "remount,size=8m"]).arg(disk.path()).status();
    assert!(grown.is_ok_and(|status| status.success()));
    samples.flush().expect("there is room now");
    let row = Row { shape, at: START + DAY, values: vec![1.0; 100] };
    samples.append(&[row], START + DAY).expect("there is room now");
    assert_eq!(read(&samples, "m99", Wanted::Last).len() as i64, acknowledged + 1);
}
