//! What the store itself costs: appends a data set as the brain would, seals, merges, and reads.
//!
//! `cargo run --release -p samples --example measure -- FLEET FOLDER`, where FLEET is a file
//! `fleet.bin` of the harness `peerbench` (its README has the form), and FOLDER is empty.

#![expect(clippy::print_stdout, reason = "its figures are for whoever runs it")]

use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::series::{Labels, METRIC_NAME, MatchOp, Matcher, Row, Shape};
use model::time::Time;
use query::source::{Points, Source as _, Wanted};
use samples::{Samples, Settings};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let fleet = arguments.next().ok_or("the first argument is a fleet.bin")?;
    let folder = arguments.next().ok_or("the second argument is an empty folder")?;
    let mut file = std::io::BufReader::with_capacity(1 << 20, std::fs::File::open(fleet)?);
    let mut head = [0; 32];
    file.read_exact(&mut head)?;
    let number =
        |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let (vms, metrics, ticks) = (number(8), number(12) as usize, number(16));
    let shapes: Vec<Arc<Shape>> = (0..vms).map(|vm| shape(vm, metrics)).collect();
    let settings = Settings { keep_raw: Duration::MAX, ..Settings::default() };
    let (samples, _) = Samples::open(Path::new(&folder), settings, Time::default())?;
    let (mut rows, mut reading, mut end) = (Vec::new(), 0.0, 0);
    for record in 0..u64::from(vms) * u64::from(ticks) {
        let before = cpu_seconds();
        rows.push(row(&mut file, &shapes, metrics)?);
        end = rows.last().map_or(0, |row: &Row| row.at.millis());
        reading += cpu_seconds() - before;
        if rows.len() == 100 {
            samples.append(&rows, Time::from_millis(end))?;
            rows.clear();
        }
        if record % 20_000 == 0 {
            samples.maintain(Time::from_millis(end))?;
        }
    }
    let millions = f64::from(vms) * f64::from(ticks) * metrics as f64 / 1e6;
    let spent = |what: &str| {
        let cpu = cpu_seconds() - reading;
        let bytes = folder_bytes(Path::new(&folder)) as f64 / millions / 1e6;
        println!("{what}: {:.3} CPU-s per million, {bytes:.3} B per sample", cpu / millions);
    };
    spent("appended");
    samples.flush()?;
    spent("flushed");
    samples.compact()?;
    spent("compacted");
    println!("{:?}", samples.stats());
    read(&samples, end);
    let status = std::fs::read_to_string("/proc/self/status")?;
    print!("{}", status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default());
    println!();
    Ok(())
}

fn read(samples: &Samples, end: i64) {
    let name = |value: &str| Matcher {
        name: METRIC_NAME.to_owned(),
        op: MatchOp::Equal,
        value: value.to_owned(),
    };
    for (what, from) in [("all of", 0), ("the newest of", end - 300_000)] {
        let before = cpu_seconds();
        let found = samples.find(&[name("metric-20")], 0..end + 1, 10_000).expect("it matches");
        let finding = cpu_seconds() - before;
        let mut count = 0;
        for found in &found {
            let mut points = Points::default();
            samples.read(found.series, from..end + 1, Wanted::Last, &mut points).expect("it reads");
            count += points.times.len();
        }
        let reading = cpu_seconds() - before - finding;
        let series = found.len();
        println!(
            "{what} {series} series: {:.2} ms to find, {:.2} ms to read {count} samples",
            finding * 1e3,
            reading * 1e3
        );
    }
}

fn shape(vm: u32, metrics: usize) -> Arc<Shape> {
    let common = [
        ("instance", format!("vm-{vm:04}")),
        ("job", "vm".to_owned()),
        ("host", format!("host-{:02}", vm % 40)),
        ("module", format!("mod-{:02}", vm / 20)),
        ("owner", format!("owner-{}", vm % 10)),
        ("project", format!("project-{}", vm % 5)),
    ];
    let columns = (0..metrics).map(|metric| Labels::metric(&format!("metric-{metric}")));
    Arc::new(Shape { common: Labels::of(common), columns: columns.collect() })
}

fn row(
    file: &mut impl std::io::Read,
    shapes: &[Arc<Shape>],
    metrics: usize,
) -> std::io::Result<Row> {
    let mut bytes = vec![0; 12 + 8 * metrics];
    file.read_exact(&mut bytes)?;
    let (vm, rest) = bytes.split_at(4);
    let vm = u32::from_le_bytes([vm[0], vm[1], vm[2], vm[3]]) as usize;
    let mut numbers = rest.chunks_exact(8).map(|eight| {
        let mut number = [0; 8];
        number.copy_from_slice(eight);
        number
    });
    let at = Time::from_millis(i64::from_le_bytes(numbers.next().unwrap_or_default()));
    let values = numbers.map(f64::from_le_bytes).collect();
    Ok(Row { shape: shapes[vm].clone(), at, values })
}

/// Of this process, user and system.
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

fn folder_bytes(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.map(|entry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => folder_bytes(&entry.path()),
        _ => entry.metadata().map_or(0, |data| data.len()),
    });
    sizes.sum()
}
