//! Summaries: what is kept of samples that are too old to be kept one by one.
//!
//! Of each stretch and series the least, the greatest, the mean and the last value, at the time of
//! the last sample. A staleness mark in a stretch is not kept: too little is left to say when.

use model::series::{ABSENT, is_absent, is_stale};
use query::source::Wanted;

/// Columns of a summary for each column that it sums up.
const OF_EACH: u32 = 4;

/// Where a summary keeps what is wanted of a column.
pub(crate) fn column(column: u32, wanted: Wanted) -> u32 {
    column * OF_EACH
        + match wanted {
            Wanted::Last => 0,
            Wanted::Min => 1,
            Wanted::Max => 2,
            Wanted::Mean => 3,
        }
}

/// Sums up stretches of so many milliseconds: their times, and the columns of the summary. `times`
/// ascend, and columns are as long as they.
pub(crate) fn sum_up(
    times: &[i64],
    columns: &[(u32, &[f64])],
    stretch_ms: i64,
) -> (Vec<i64>, Vec<(u32, Vec<f64>)>) {
    let mut ends: Vec<usize> = Vec::new();
    for row in 1..=times.len() {
        let stretch = |row: usize| times[row].div_euclid(stretch_ms);
        if row == times.len() || stretch(row) != stretch(row - 1) {
            ends.push(row);
        }
    }
    let stamps = ends.iter().map(|end| times[end - 1]).collect();
    let mut summed = Vec::new();
    for (number, values) in columns {
        let mut kept: [Vec<f64>; OF_EACH as usize] = Default::default();
        let mut start = 0;
        for end in &ends {
            let stretch = of_stretch(&values[start..*end]);
            kept.iter_mut().zip(stretch).for_each(|(kept, value)| kept.push(value));
            start = *end;
        }
        let places = (0..OF_EACH).map(|place| number * OF_EACH + place);
        summed.extend(places.zip(kept));
    }
    (stamps, summed)
}

/// Last, least, greatest and mean of the values that are some.
fn of_stretch(values: &[f64]) -> [f64; OF_EACH as usize] {
    let real = values.iter().copied().filter(|value| !is_absent(*value) && !is_stale(*value));
    let (mut count, mut sum) = (0u32, 0.0);
    let (mut last, mut least, mut greatest) = (ABSENT, f64::INFINITY, f64::NEG_INFINITY);
    for value in real {
        count += 1;
        sum += value;
        last = value;
        least = least.min(value);
        greatest = greatest.max(value);
    }
    match count {
        0 => [ABSENT; OF_EACH as usize],
        _ => [last, least, greatest, sum / f64::from(count)],
    }
}
