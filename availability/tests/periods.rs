//! Days and months of six zones over ten years, against Python's `zoneinfo` and Debian's `tzdata`.
//!
//! Nothing of it is shared with what is tested: another program, another copy of the zones, and
//! another way to look for the beginning of a day (`periods.py`). The years are 2014 to 2023:
//! among them are Cairo's four changes of 2014, the years in which it had none, and the first in
//! which it had some again; and all copies of the zones that are in use agree on them, since they
//! are past.

use std::io::Write as _;
use std::process::{Command, Stdio};

use availability::{Period, WeekStart};
use jiff::tz::TimeZone;
use model::time::Time;

const ZONES: [&str; 6] = [
    "Asia/Shanghai",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "Asia/Kathmandu",
];
const YEARS: std::ops::RangeInclusive<i16> = 2014..=2023;

/// Of each day and month a line as `periods.py` prints it.
fn oracle() -> Vec<String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/periods.py");
    let mut python = Command::new("python3")
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3 is the oracle; tests/run installs it");
    let mut questions = python.stdin.take().expect("it is piped");
    for zone in ZONES {
        let question = format!("{zone} {} {}\n", YEARS.start(), YEARS.end());
        questions.write_all(question.as_bytes()).expect("python3 listens");
    }
    drop(questions);
    let output = python.wait_with_output().expect("python3 can be waited for");
    assert!(output.status.success(), "periods.py failed; is the package tzdata installed?");
    String::from_utf8(output.stdout).expect("it prints ASCII").lines().map(str::to_owned).collect()
}

fn parse(text: &str, zone: &TimeZone) -> Period {
    Period::parse(text, zone, WeekStart::Monday, Time::default()).expect("each month was there")
}

fn seconds(time: Time) -> i64 {
    assert_eq!(time.millis() % 1000, 0, "{time} is no whole second");
    time.millis() / 1000
}

#[test]
fn ten_years_in_six_zones_agree_with_python() {
    let expected = oracle();
    let mut lines = expected.iter();
    let mut compared = 0;
    for name in ZONES {
        let zone = TimeZone::get(name).unwrap();
        for year in YEARS {
            for month in parse(&format!("{year}"), &zone).months() {
                let whole = parse(&format!("{}-{:02}", month.year, month.month), &zone);
                assert_eq!((whole.from(), whole.until()), (month.from, month.until));
                for day in whole.days() {
                    let answer = format!("{name} {} {}", day.date, seconds(day.from));
                    assert_eq!(lines.next(), Some(&answer));
                    if day.date.day() == 1 {
                        let answer = format!("{name} {} {}", whole.label(), seconds(whole.from()));
                        assert_eq!(lines.next(), Some(&answer));
                    }
                    compared += 1;
                }
            }
        }
    }
    assert_eq!(lines.next(), None);
    assert_eq!(compared, 6 * 3_652, "ten years have 3,652 days here");
}
