//! Our sketch against exact percentiles, and beside the crate `tdigest` on the same answers.
//!
//! A day of probes each ten seconds, by hours, of several makes. A bound on the value is kept whatever
//! they are; a bound on the rank lets a percentile fall into a gap, where no answer was.

use std::time::Duration;

use availability::Sketch;
use tdigest::TDigest;

const PROBES: u64 = 8_640;
const OF_AN_HOUR: usize = 360;
const PERCENTS: [u32; 4] = [50, 90, 95, 99];
/// The size that rooms for display usually take.
const CENTROIDS: usize = 200;

/// Uniform from 0 to 1, without chance.
fn share(number: u64) -> f64 {
    let mixed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed ^ (mixed >> 29)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The sum of twelve is nearly normal.
fn normal(number: u64) -> f64 {
    (0..12).map(|part| share(number * 12 + part)).sum::<f64>() - 6.0
}

/// In microseconds.
fn lognormal(number: u64) -> f64 {
    80_000.0 * (0.5 * normal(number)).exp()
}

fn pareto(number: u64) -> f64 {
    20_000.0 / (1.0 - share(number)).powf(1.0 / 1.5)
}

/// One in twenty waits for something else: the p95 lies at the gap.
fn two_modes(number: u64) -> f64 {
    let slow = if number % 20 == 7 { 900_000.0 } else { 50_000.0 };
    slow * (1.0 + 0.1 * share(number))
}

/// It gets slower by the hour, as behind a leak.
fn drifting(number: u64) -> f64 {
    30_000.0 + number as f64 * 40.0 + 1_000.0 * share(number)
}

fn values(make: fn(u64) -> f64) -> Vec<u64> {
    (0..PROBES).map(|number| make(number) as u64).collect()
}

fn exact(values: &[u64], percent: u32) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() as u64 * u64::from(percent)).div_ceil(100) as usize;
    sorted[rank - 1] as f64
}

fn ours(values: &[u64]) -> Sketch {
    let mut day = Sketch::default();
    for hour in values.chunks(OF_AN_HOUR) {
        let mut sketch = Sketch::default();
        hour.iter().for_each(|micros| sketch.add(Duration::from_micros(*micros)));
        day.merge(&sketch);
    }
    day
}

fn tdigest(values: &[u64]) -> TDigest {
    let hour = |hour: &[u64]| {
        let values = hour.iter().map(|micros| *micros as f64).collect();
        TDigest::new_with_size(CENTROIDS).merge_unsorted(values)
    };
    TDigest::merge_digests(values.chunks(OF_AN_HOUR).map(hour).collect())
}

/// In thousandths of the exact value, the worst of the percentiles.
fn worst(values: &[u64], said: impl Fn(u32) -> f64) -> f64 {
    let error = |percent| {
        let exact = exact(values, percent);
        (said(percent) - exact).abs() / exact * 1_000.0
    };
    PERCENTS.map(error).into_iter().fold(0.0, f64::max)
}

#[test]
fn a_percentile_of_a_day_is_off_by_less_than_a_hundredth_whatever_the_answers_are() {
    for make in [lognormal, pareto, two_modes, drifting, |_| 12_345.0] {
        let values = values(make);
        let day = ours(&values);
        let error = worst(&values, |percent| day.percentile(percent).unwrap().as_micros() as f64);
        assert!(error < 1_000.0 / 127.0, "{error} thousandths");
    }
}

/// Why the crate is not what keeps the hours: see ARCHITECTURE.md, *Decisions*.
#[test]
fn a_t_digest_of_the_same_answers_names_times_that_no_answer_took() {
    let values = values(two_modes);
    let day = tdigest(&values);
    let error =
        worst(&values, |percent| day.estimate_quantile(f64::from(percent) / 100.0).unwrap());
    assert!(error > 200.0, "only {error} thousandths: reconsider the decision");
}
