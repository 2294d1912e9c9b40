//! Figures of a few samples that must each be looked at: spreads, medians, lines, trends.

use super::number::{Total, quantile};

/// The change between the last two samples; per second, and mindful of resets, for a rate.
pub(super) fn last_two(times: &[i64], values: &[f64], is_rate: bool) -> Option<f64> {
    let at = values.len().checked_sub(2)?;
    let (before, last) = (values[at], values[at + 1]);
    let seconds = (times[at + 1] - times[at]) as f64 / 1000.0;
    match is_rate {
        false => Some(last - before),
        true if last < before => Some(last / seconds),
        true => Some((last - before) / seconds),
    }
}

pub(super) fn variance(values: &[f64]) -> f64 {
    let mut mean = Total::default();
    let mut squares = Total::default();
    for (index, value) in values.iter().enumerate() {
        let delta = value - (mean.sum + mean.lost);
        mean = mean.plus(delta / (index + 1) as f64);
        squares = squares.plus(delta * (value - (mean.sum + mean.lost)));
    }
    (squares.sum + squares.lost) / values.len() as f64
}

pub(super) fn copy<'s>(values: &[f64], scratch: &'s mut Vec<f64>) -> &'s mut [f64] {
    scratch.clear();
    scratch.extend_from_slice(values);
    scratch
}

pub(super) fn median_deviation(values: &[f64], scratch: &mut Vec<f64>) -> f64 {
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let scratch = copy(values, scratch);
    let median = quantile(0.5, scratch);
    scratch.iter_mut().for_each(|value| *value = (*value - median).abs());
    quantile(0.5, scratch)
}

/// Holt's double exponential smoothing; the factors were checked.
pub(super) fn smooth(values: &[f64], [smoothing, trend]: [f64; 2]) -> Option<f64> {
    let mut slope = values.get(1)? - values[0];
    let (mut before, mut smoothed) = (0.0, values[0]);
    for (index, value) in values.iter().enumerate().skip(1) {
        if index > 1 {
            slope = trend * (smoothed - before) + (1.0 - trend) * slope;
        }
        let next = smoothing * value + (1.0 - smoothing) * (smoothed + slope);
        (before, smoothed) = (smoothed, next);
    }
    Some(smoothed)
}

/// The line of least squares through samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Line {
    /// Per second.
    pub(super) slope: f64,
    /// At the moment that was asked for.
    pub(super) intercept: f64,
}

impl Line {
    /// `None` with fewer than two samples.
    pub(super) fn through(times: &[i64], values: &[f64], intercept_ms: i64) -> Option<Self> {
        let first = *values.first()?;
        if values.len() < 2 {
            return None;
        }
        if values.iter().all(|value| *value == first) {
            let slope = if first.is_infinite() { f64::NAN } else { 0.0 };
            let intercept = if first.is_infinite() { f64::NAN } else { first };
            return Some(Self { slope, intercept });
        }
        let [mut x, mut y, mut xy, mut xx] = [Total::default(); 4];
        for (time, value) in times.iter().zip(values) {
            let seconds = (time - intercept_ms) as f64 / 1000.0;
            x = x.plus(seconds);
            y = y.plus(*value);
            xy = xy.plus(seconds * value);
            xx = xx.plus(seconds * seconds);
        }
        let count = values.len() as f64;
        let [x, y, xy, xx] = [x, y, xy, xx].map(|total| total.sum + total.lost);
        let slope = (xy - x * y / count) / (xx - x * x / count);
        Some(Self { slope, intercept: y / count - slope * x / count })
    }
}
