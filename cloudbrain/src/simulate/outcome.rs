//! What a run came to, in numbers and as a picture.

use model::unit::Span;
use serde::Serialize;
use std::time::Duration;

use super::trace::Trace;
use super::world::{Change, Played};

/// The sums of a run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    pub hours: f64,
    pub vm_hours: f64,
    pub peak_demand: f64,
    pub peak_vms: u32,
    /// The load up to which the policy wants VMs to be used.
    pub limit: f64,
    pub peak_load: f64,
    pub minutes_above_limit: f64,
    pub minutes_above_one: f64,
    pub minutes_at_max: f64,
    pub actions: usize,
    /// Actions against the one before within 15 minutes.
    pub reversals: usize,
    /// VM-hours paid and ten times those missing, over those needed at the limit.
    pub cost_index: f64,
    /// The first time at which something was promised and not kept.
    pub first_violation: Option<Violation>,
}

/// Something that was not kept.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Violation {
    pub at_s: f64,
    pub what: String,
}

/// The load may be above the limit for so long while VMs come.
const PATIENCE: Duration = Duration::from_secs(300);
const REVERSAL_S: f64 = 900.0;

impl Outcome {
    /// # Panics
    /// Never: a trace has at least one tick.
    pub fn of(trace: &Trace, played: &Played, limit: f64, min: u32, max: u32) -> Self {
        let tick_s = trace.tick.as_secs_f64();
        let minutes = |count: usize| count as f64 * tick_s / 60.0;
        let load = |index: usize| {
            let moment = &played.moments[index];
            moment.demand / f64::from(moment.serving).max(1e-9)
        };
        let count =
            |test: &dyn Fn(usize) -> bool| (0..played.moments.len()).filter(|i| test(*i)).count();
        let needed = |demand: f64| ((demand / limit - 1e-9).ceil() as u32).clamp(min, max);
        let (mut paid, mut missing, mut due) = (0.0, 0.0, 0.0);
        for moment in &played.moments {
            let needed = needed(moment.demand);
            paid += f64::from(moment.paid);
            missing += f64::from(needed.saturating_sub(moment.serving));
            due += f64::from(needed);
        }
        Self {
            hours: trace.hours(),
            vm_hours: paid * tick_s / 3600.0,
            peak_demand: trace.demand.iter().copied().fold(0.0, f64::max),
            peak_vms: played.moments.iter().map(|moment| moment.serving).max().unwrap_or(0),
            limit,
            peak_load: (0..played.moments.len()).map(load).fold(0.0, f64::max),
            minutes_above_limit: minutes(count(&|i| load(i) > limit)),
            minutes_above_one: minutes(count(&|i| load(i) > 1.0)),
            minutes_at_max: minutes(count(&|i| played.moments[i].is_at_max)),
            actions: played.changes.len(),
            reversals: reversals(&played.changes, tick_s),
            cost_index: if due > 0.0 { (paid + 10.0 * missing) / due } else { 1.0 },
            first_violation: first_violation(played, tick_s, limit),
        }
    }
}

fn reversals(changes: &[Change], tick_s: f64) -> usize {
    let pairs = changes.windows(2).filter(|pair| {
        let is_out = |change: &Change| change.to > change.from;
        let apart_s = (pair[1].tick - pair[0].tick) as f64 * tick_s;
        is_out(&pair[0]) != is_out(&pair[1]) && apart_s <= REVERSAL_S
    });
    pairs.count()
}

fn first_violation(played: &Played, tick_s: f64, limit: f64) -> Option<Violation> {
    let mut above = 0.0;
    for (index, moment) in played.moments.iter().enumerate() {
        let at_s = index as f64 * tick_s;
        let load = moment.demand / f64::from(moment.serving).max(1e-9);
        above = if load > limit { above + tick_s } else { 0.0 };
        let because = if moment.is_at_max { ", at the policy's max" } else { "" };
        if load > 1.0 {
            let what = format!(
                "load {load:.2} > 1.00: more work than {} VMs can do{because}",
                moment.serving
            );
            return Some(Violation { at_s, what });
        }
        if above > PATIENCE.as_secs_f64() {
            let patience = Span(PATIENCE);
            let what = format!("load {load:.2} > {limit:.2} for more than {patience}{because}");
            return Some(Violation { at_s, what });
        }
    }
    None
}

/// A moment of a run, as people count hours: `1d 03:20:15`.
pub fn clock(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let (days, hours) = (whole / 86_400, whole / 3600 % 24);
    let rest = format!("{hours:02}:{:02}:{:02}", whole / 60 % 60, whole % 60);
    if days > 0 { format!("{days}d {rest}") } else { rest }
}

/// VMs over time: `#` needed and there, `.` there and not needed, `!` needed and not there.
pub fn chart(played: &Played, limit: f64, width: usize, height: u32) -> Vec<String> {
    let columns = columns(played, limit, width);
    let most = columns.iter().map(|(needed, serving)| (*needed).max(*serving)).max().unwrap_or(1);
    let height = height.clamp(1, most.max(1));
    let rows = (1..=height).rev().map(|row| {
        // A row stands for the VMs up to this one.
        let vms = (f64::from(most) * f64::from(row) / f64::from(height)).ceil() as u32;
        let marks =
            columns.iter().map(|(needed, serving)| match (vms <= *needed, vms <= *serving) {
                (true, true) => '#',
                (true, false) => '!',
                (false, true) => '.',
                (false, false) => ' ',
            });
        format!("{vms:>5} |{}", marks.collect::<String>().trim_end())
    });
    let mut lines: Vec<String> = rows.collect();
    lines.push(format!("{:>5} +{}", "VMs", "-".repeat(columns.len())));
    lines
}

/// By column: the VMs needed at its worst moment, and those that served then.
fn columns(played: &Played, limit: f64, width: usize) -> Vec<(u32, u32)> {
    let count = played.moments.len();
    let width = width.clamp(1, count.max(1));
    let column = |number: usize| {
        let range =
            number * count / width..((number + 1) * count / width).max(number * count / width + 1);
        let moments = played.moments.get(range).unwrap_or_default();
        let needed = |demand: f64| (demand / limit - 1e-9).ceil().max(0.0) as u32;
        let pairs = moments.iter().map(|moment| (needed(moment.demand), moment.serving));
        pairs.max_by_key(|(needed, serving)| (i64::from(*needed) - i64::from(*serving), *needed))
    };
    (0..width).filter_map(column).collect()
}
