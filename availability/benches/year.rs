//! What a year costs: `cargo bench -p availability`.
//!
//! A module is probed each ten seconds for a year; two probes of a thousand are lost, and every two days it is
//! down for five minutes. Timed are the ledger's part of one probe, and the report of that year, for one
//! project and for a company of a thousand.

use std::time::Duration;

use availability::{
    Account, Accounting, Interval, Ledger, Period, State, Target, Terms, WeekStart,
};
use divan::{Bencher, black_box};
use jiff::tz::TimeZone;
use model::time::Time;
use model::verdict::{Outcome, Phase};

const EVERY_S: u64 = 10;
const OUTAGE_EVERY: u64 = 2 * 86_400 / EVERY_S;
const OUTAGE_PROBES: u64 = 30;
const YEAR_PROBES: u64 = 365 * 86_400 / EVERY_S;
const PROJECTS: usize = 1_000;

fn main() {
    divan::main();
}

fn accounting() -> Accounting {
    Accounting::new(Duration::from_secs(EVERY_S))
}

fn period() -> Period {
    let zone = TimeZone::get("Asia/Shanghai").expect("zones are compiled in");
    Period::parse("2025", &zone, WeekStart::Monday, Time::from_millis(0)).expect("a year")
}

fn outcome(probe: u64) -> Outcome {
    let is_down = probe % OUTAGE_EVERY >= OUTAGE_EVERY - OUTAGE_PROBES;
    if is_down || probe.wrapping_mul(2_654_435_761) % 1_000 < 2 {
        let hint = "connection refused".to_owned();
        return Outcome::Unhealthy { phase: Phase::Connect, hint };
    }
    Outcome::Healthy { doubt: None }
}

/// All transitions of the year, as the store has them.
fn year() -> (Ledger, Vec<Interval>) {
    let (accounting, begin) = (accounting(), period().from());
    let mut ledger = Ledger::new(begin);
    let mut transitions = Vec::new();
    for probe in 0..YEAR_PROBES {
        let at = begin + Duration::from_secs(probe * EVERY_S);
        ledger.observe(&accounting, at, &outcome(probe));
        if probe % 3 == 0 {
            ledger.tick(&accounting, at);
            transitions.append(&mut ledger.take_transitions());
        }
    }
    (ledger, transitions)
}

#[divan::bench]
fn one_probe(bencher: Bencher<'_, '_>) {
    let (accounting, begin) = (accounting(), period().from());
    let mut ledger = Ledger::new(begin);
    let mut probe = 0;
    bencher.bench_local(|| {
        let at = begin + Duration::from_secs(probe * EVERY_S);
        ledger.observe(&accounting, at, &outcome(probe));
        ledger.tick(&accounting, at);
        probe += 1;
        ledger.take_transitions().len()
    });
}

fn report(ledger: &Ledger, transitions: &[Interval], period: &Period) -> Account {
    let terms = Terms { target: Target::parse("99.9").ok(), ..Terms::default() };
    let (from, until) = (period.from(), period.until());
    let timeline = ledger.timeline(&accounting(), transitions, from, until);
    Account::new(&terms, period, until, &timeline, &[])
}

#[divan::bench(sample_count = 20)]
fn report_of_a_year(bencher: Bencher<'_, '_>) {
    let ((ledger, transitions), period) = (year(), period());
    let account = report(&ledger, &transitions, &period);
    assert!(
        account.outages.len() > 180 && account.days.len() == 365,
        "{} outages",
        account.outages.len()
    );
    assert!(transitions.iter().any(|one| one.state == State::Down));
    bencher.bench_local(|| black_box(report(&ledger, &transitions, &period)));
}

#[divan::bench(sample_count = 5, sample_size = 1)]
fn report_of_a_year_of_a_thousand_projects(bencher: Bencher<'_, '_>) {
    let ((ledger, transitions), period) = (year(), period());
    bencher.bench_local(|| {
        let reports = (0..PROJECTS).map(|_| report(&ledger, &transitions, &period));
        reports.map(|account| account.tally.down).max()
    });
}
