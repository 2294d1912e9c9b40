//! What is made of the samples of one series, window after window.
//!
//! Most cost O(samples + steps) however wide the window is: rates and counts need its ends and the
//! few places where a counter fell, sums and extremes slide ([`super::slide`]). Quantiles,
//! variances and regressions do look at each sample of each window.

use std::ops::Range;

use super::number::{Total, better, mean, quantile};
use super::slide::Slide;
use super::statistics::{Line, copy, last_two, median_deviation, smooth, variance};
use super::window::{Span, spans};
use crate::expression::functions::Over;
use crate::source::Points;

/// What one step asks of a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked {
    pub(super) span: Span,
    /// The step itself, which `@` and `offset` do not move.
    pub(super) at_ms: i64,
    pub(super) parameters: [f64; 2],
}

/// The windows over one series, worked out one after another.
#[derive(Debug)]
pub(super) struct Walk<'p> {
    over: Over,
    times: &'p [i64],
    values: &'p [f64],
    range_ms: i64,
    /// Where a value differs from the one before in the way that `over` is about.
    marks: Vec<usize>,
    /// Which marks lie within the window; neither end ever goes back.
    marks_within: Range<usize>,
    totals: Slide<Total>,
    extremes: Slide<f64>,
    scratch: Vec<f64>,
}

impl<'p> Walk<'p> {
    pub(super) fn new(over: Over, points: &'p Points, range_ms: i64) -> Self {
        let values = points.values.as_slice();
        let marks = if matches!(over, Over::Rate | Over::Increase | Over::Resets) {
            marks(values, |a, b| b < a)
        } else if over == Over::Changes {
            marks(values, |a, b| b != a && !(a.is_nan() && b.is_nan()))
        } else {
            Vec::new()
        };
        Self {
            over,
            times: &points.times,
            values,
            range_ms,
            marks,
            marks_within: 0..0,
            totals: Slide::new(),
            extremes: Slide::new(),
            scratch: Vec::new(),
        }
    }

    /// The windows that end at `ends`.
    pub(super) fn spans<'s>(&self, ends: &'s [i64]) -> impl Iterator<Item = Span> + use<'s, 'p> {
        spans(self.times, ends, self.range_ms)
    }

    /// Whether the value depends on the window alone, and not on when it is asked for.
    pub(super) fn is_timeless(&self) -> bool {
        self.over != Over::PredictLinear
    }

    /// The function's value; `None` where the window holds too few samples for it.
    pub(super) fn value(&mut self, asked: &Asked) -> Option<f64> {
        let Span { low, high, .. } = asked.span;
        let (times, values) = (&self.times[low..high], &self.values[low..high]);
        let (first, last) = (*values.first()?, *values.last()?);
        match self.over {
            Over::First => Some(first),
            Over::Last => Some(last),
            Over::Present => Some(1.0),
            Over::Count => Some(values.len() as f64),
            Over::Changes | Over::Resets => Some(self.marks_within(low, high).len() as f64),
            Over::Rate => self.per_second(asked.span),
            Over::Increase => self.extrapolated(asked.span, true),
            Over::Delta => self.extrapolated(asked.span, false),
            Over::InstantRate => last_two(times, values, true),
            Over::IncrementalDelta => last_two(times, values, false),
            Over::Sum => self.total(asked.span).map(Total::value),
            Over::Average => self.average(asked.span),
            Over::Min => self.extreme(asked.span, f64::lt),
            Over::Max => self.extreme(asked.span, f64::gt),
            Over::Variance => Some(variance(values)),
            Over::StandardDeviation => Some(variance(values).sqrt()),
            Over::Quantile => Some(quantile(asked.parameters[0], copy(values, &mut self.scratch))),
            Over::MedianDeviation => Some(median_deviation(values, &mut self.scratch)),
            Over::Derivative => Some(Line::through(times, values, times[0])?.slope),
            Over::PredictLinear => {
                let line = Line::through(times, values, asked.at_ms)?;
                Some(line.slope * asked.parameters[0] + line.intercept)
            }
            Over::Smooth => smooth(values, asked.parameters),
        }
    }

    /// The marks between two samples of the window.
    fn marks_within(&mut self, low: usize, high: usize) -> &[usize] {
        let Range { mut start, mut end } = self.marks_within;
        while self.marks.get(start).is_some_and(|mark| *mark <= low) {
            start += 1;
        }
        end = end.max(start);
        while self.marks.get(end).is_some_and(|mark| *mark < high) {
            end += 1;
        }
        self.marks_within = start..end;
        &self.marks[start..end]
    }

    /// How much the series rose over the whole window, though its samples cover a part of it only.
    ///
    /// Where the nearest sample is about as close to an end of the window as samples are to each
    /// other, the series is taken to reach that end. Else it is taken to begin or end half a
    /// distance beyond its sample. A counter is not taken to have been below zero.
    fn extrapolated(&mut self, span: Span, is_counter: bool) -> Option<f64> {
        let Span { low, high, start_ms, end_ms } = span;
        if high - low < 2 {
            return None;
        }
        let (first, last) = (self.values[low], self.values[high - 1]);
        let (first_ms, last_ms) = (self.times[low], self.times[high - 1]);
        let mut rise = last - first;
        if is_counter {
            let values = self.values;
            for mark in self.marks_within(low, high) {
                rise += values[mark - 1];
            }
        }
        let sampled = (last_ms - first_ms) as f64;
        let between = sampled / (high - low - 1) as f64;
        let threshold = between * 1.1;
        let mut to_start = (first_ms - start_ms) as f64;
        if to_start >= threshold {
            to_start = between / 2.0;
        }
        let reaches_below_zero = rise * to_start > sampled * first;
        if is_counter && rise > 0.0 && first >= 0.0 && reaches_below_zero {
            to_start = sampled * (first / rise);
        }
        let mut to_end = (end_ms - last_ms) as f64;
        if to_end >= threshold {
            to_end = between / 2.0;
        }
        Some(rise * ((sampled + to_start + to_end) / sampled))
    }

    fn per_second(&mut self, span: Span) -> Option<f64> {
        let seconds = self.range_ms as f64 / 1000.0;
        self.extrapolated(span, true).map(|rise| rise / seconds)
    }

    fn total(&mut self, span: Span) -> Option<Total> {
        let values = self.values;
        self.totals.to(span, |at| Total::of(values[at]), Total::join)
    }

    fn average(&mut self, span: Span) -> Option<f64> {
        let total = self.total(span)?;
        let values = &self.values[span.low..span.high];
        if total.sum.is_infinite() {
            return Some(mean(values));
        }
        let count = values.len() as f64;
        Some(total.sum / count + total.lost / count)
    }

    fn extreme(&mut self, span: Span, wins: fn(&f64, &f64) -> bool) -> Option<f64> {
        let values = self.values;
        self.extremes.to(span, |at| values[at], |kept, new| better(kept, new, wins))
    }
}

fn marks(values: &[f64], differ: impl Fn(f64, f64) -> bool) -> Vec<usize> {
    let pairs = values.windows(2).enumerate();
    pairs.filter(|(_, pair)| differ(pair[0], pair[1])).map(|(at, _)| at + 1).collect()
}
