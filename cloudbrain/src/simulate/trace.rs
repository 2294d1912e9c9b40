//! A trace of work: a CSV of `t_seconds,demand`.
//!
//! `demand` is work in VMs: what one VM does at a load of 1. Between two rows it goes straight. Where
//! rows are more than three times as far apart as usual nobody measured: work went on, unseen.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

/// A file is no larger: ten years in steps of 15 s.
const MAX_BYTES: u64 = 512 * 1024 * 1024;
/// More work than this, in VMs, is a mistake of units.
const MAX_DEMAND: f64 = 1e6;

/// Work over time, in steps of one tick.
#[derive(Clone, Debug, PartialEq)]
pub struct Trace {
    pub tick: Duration,
    /// Work in VMs at a load of 1, by tick.
    pub demand: Vec<f64>,
    /// Whether anybody measured, by tick.
    pub is_measured: Vec<bool>,
}

impl Trace {
    /// Reads a file, in ticks.
    ///
    /// # Errors
    /// With file and line, if it is no trace.
    pub fn read(path: &Path, tick: Duration) -> anyhow::Result<Self> {
        let shown = path.display();
        let size = std::fs::metadata(path).with_context(|| format!("reading {shown}"))?.len();
        ensure!(size <= MAX_BYTES, "{shown}: {size} bytes; at most {MAX_BYTES} are read");
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {shown}"))?;
        let rows = rows(&text).map_err(|(line, error)| match line {
            Some(line) => anyhow::anyhow!("{shown}:{line}: {error}"),
            None => anyhow::anyhow!("{shown}: {error}"),
        })?;
        Self::of_rows(&rows, tick).with_context(|| shown.to_string())
    }

    /// Puts rows of seconds and work, in rising order, into ticks.
    ///
    /// # Errors
    /// If they span less than a tick.
    pub fn of_rows(rows: &[(f64, f64)], tick: Duration) -> anyhow::Result<Self> {
        let tick_s = tick.as_secs_f64();
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else { bail!("no rows") };
        let usual = usual_step(rows).unwrap_or(tick_s);
        let count = ((last.0 - first.0 + usual) / tick_s).floor() as usize;
        ensure!(count > 0, "it spans less than a tick of {tick_s} s");
        let mut demand = Vec::with_capacity(count);
        let mut is_measured = Vec::with_capacity(count);
        let mut next = 0;
        for number in 0..count {
            let at = first.0 + number as f64 * tick_s;
            while next < rows.len() && rows[next].0 <= at {
                next += 1;
            }
            let before = rows[next.saturating_sub(1)];
            let after = rows.get(next).copied().unwrap_or(before);
            let span = after.0 - before.0;
            let part = if span > 0.0 { ((at - before.0) / span).clamp(0.0, 1.0) } else { 0.0 };
            demand.push(before.1 + part * (after.1 - before.1));
            is_measured.push(span <= 3.0 * usual || at < before.0 + usual);
        }
        Ok(Self { tick, demand, is_measured })
    }

    /// The tick with the most work.
    pub fn peak(&self) -> usize {
        let all = self.demand.iter().enumerate();
        all.max_by(|a, b| a.1.total_cmp(b.1)).map_or(0, |(number, _)| number)
    }

    pub fn span(&self) -> Duration {
        self.tick * self.demand.len() as u32
    }

    pub fn hours(&self) -> f64 {
        self.demand.len() as f64 * self.tick.as_secs_f64() / 3600.0
    }
}

fn usual_step(rows: &[(f64, f64)]) -> Option<f64> {
    let mut steps: Vec<f64> = rows.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    steps.sort_by(f64::total_cmp);
    steps.get(steps.len() / 2).copied()
}

type Refusal = (Option<usize>, String);

fn rows(text: &str) -> Result<Vec<(f64, f64)>, Refusal> {
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
    let header = lines.next().map_or("", |(_, line)| line);
    if header.replace(' ', "") != "t_seconds,demand" {
        let found: String = header.chars().take(60).collect();
        return Err((Some(1), format!("{found:?} where the header t_seconds,demand is expected")));
    }
    let mut rows: Vec<(f64, f64)> = Vec::new();
    for (number, line) in lines.filter(|(_, line)| !line.is_empty()) {
        let row = row(line).map_err(|error| (Some(number), error))?;
        if let Some(last) = rows.last().filter(|last| row.0 <= last.0) {
            let error = format!("second {} after second {}; rows must rise", row.0, last.0);
            return Err((Some(number), error));
        }
        rows.push(row);
    }
    if rows.is_empty() {
        return Err((None, "no rows after the header".to_owned()));
    }
    Ok(rows)
}

fn row(line: &str) -> Result<(f64, f64), String> {
    let Some((time, demand)) = line.split_once(',') else {
        return Err("a row is seconds, a comma, and work in VMs, as 900,12.5".to_owned());
    };
    let number = |what: &str, text: &str| {
        let shown: String = text.trim().chars().take(40).collect();
        let value = text.trim().parse::<f64>().ok().filter(|value| value.is_finite());
        value.ok_or_else(|| format!("{what} {shown:?} is no number"))
    };
    let (time, demand) = (number("t_seconds", time)?, number("demand", demand)?);
    if !(0.0..=MAX_DEMAND).contains(&demand) {
        return Err(format!("demand {demand} is not between 0 and {MAX_DEMAND} VMs"));
    }
    Ok((time, demand))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TICK: Duration = Duration::from_secs(15);

    fn refusal(text: &str) -> String {
        let (line, error) = rows(text).unwrap_err();
        format!("{line:?} {error}")
    }

    #[test]
    fn between_rows_it_goes_straight_and_long_gaps_are_unmeasured() {
        let rows = [(0.0, 1.0), (30.0, 3.0), (60.0, 3.0), (300.0, 5.0), (330.0, 5.0)];
        let trace = Trace::of_rows(&rows, TICK).unwrap();
        assert_eq!(trace.demand[..3], [1.0, 2.0, 3.0]);
        assert_eq!(trace.demand.len(), 24);
        assert_eq!(trace.is_measured[..8], [true, true, true, true, true, true, false, false]);
        assert!(trace.is_measured[20]);
    }

    #[test]
    fn a_bad_trace_is_refused_with_its_line() {
        assert!(refusal("time,load\n").starts_with("Some(1) \"time,load\" where the header"));
        assert_eq!(
            refusal("t_seconds,demand\n0,1\n15,much\n"),
            "Some(3) demand \"much\" is no number"
        );
        assert!(refusal("t_seconds,demand\n15,1\n15,2\n").contains("rows must rise"));
        assert!(refusal("t_seconds,demand\n0,-1\n").contains("is not between 0"));
        assert!(refusal("t_seconds,demand\n0 1\n").contains("a row is seconds, a comma"));
        assert_eq!(refusal("t_seconds,demand\n"), "None no rows after the header");
    }
}
