//! The few numbers that the work tracker is built around, in one place.
//!
//! None of them is meant for policy files: they say how fast to forget and how dear an action is,
//! not what a module needs. They were set once on a set of load traces of very different shapes, and
//! are flat around where they stand: `docs/figures.md` has what moving them does.

use std::time::Duration;

/// How the tracker weighs its experience.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// A VM that is missing is as dear as so many that idle. What is covered follows from this: so
    /// many cases that to wait for one more look would cost as much as to have ordered in vain, or
    /// that to let a VM go too early would cost as much as to have kept it in vain.
    pub dear: f32,
    /// So long a VM idles that was ordered in vain, if it came from the pool, and if it was made;
    /// and one that was kept in vain.
    pub taken_in_vain: Duration,
    pub made_in_vain: Duration,
    pub kept_in_vain: Duration,
    /// A VM is let go if the fleet is likely to do without it for all of this time,
    pub ahead: Duration,
    /// and would have been at each look of so many steps before.
    pub kept_steps: u32,
    /// An action is worth this: VM-seconds of surplus that gather before one goes in, and that are
    /// taken along when one goes out, for the sake of the next.
    pub price_s: f32,
    /// The same, if going in takes back what was added within `reversal`.
    pub reversal_price_s: f32,
    pub reversal: Duration,
    /// A slope is carried on for no longer than this, whatever the horizon.
    pub slope_for: Duration,
    /// How much of each new difference goes into the slope.
    pub slope_gain: f32,
    pub calm_slope_gain: f32,
    /// A rise or fall by this part within the reaction time counts as one.
    pub moving: f32,
    /// Work this part away from its slow mean counts as high or low.
    pub unusual: f32,
    /// The time constants of the slow mean, of the mean that work returns to, and of the losses by
    /// which outlooks are compared.
    pub slow: Duration,
    pub home: Duration,
    pub judged: Duration,
    /// Carrying on a slope must beat the other outlooks by this factor.
    pub slope_handicap: f32,
    /// Another outlook is chosen when its loss is below this part of the present one's.
    pub better: f32,
    /// Margins weigh about so many cases of their class.
    pub cases: f32,
    /// Undoing the damping of a load average multiplies its noise; this smooths it again.
    pub undamped: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            dear: 10.0,
            taken_in_vain: Duration::from_secs(138),
            made_in_vain: Duration::from_secs(183),
            kept_in_vain: Duration::from_secs(400),
            ahead: Duration::from_secs(600),
            kept_steps: 1,
            price_s: 110.0,
            reversal_price_s: 720.0,
            reversal: Duration::from_secs(900),
            slope_for: Duration::from_secs(400),
            slope_gain: 0.4,
            calm_slope_gain: 0.3,
            moving: 0.05,
            unusual: 0.06,
            slow: Duration::from_secs(700),
            home: Duration::from_secs(7200),
            judged: Duration::from_secs(700),
            slope_handicap: 1.05,
            better: 0.75,
            cases: 200.0,
            undamped: Duration::from_secs(22),
        }
    }
}
