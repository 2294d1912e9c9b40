//! The few numbers that the work tracker is built around, in one place.
//!
//! None of them is meant for policy files: they say how fast to forget and how dear an action is,
//! not what a module needs. They were set once on a set of load traces of very different shapes, and
//! are flat around where they stand: `docs/figures.md` has what moving them does.

use std::time::Duration;

/// How the tracker weighs its experience.
#[derive(Clone, Debug, PartialEq)]
pub struct Tuning {
    /// The work that the fleet must carry when a VM ordered now begins to serve is covered in this
    /// share of cases; what lies above it is met by what is still held from before.
    pub out_share: f32,
    /// A VM is let go if the fleet would do without it for all of `ahead` in this share of cases.
    pub keep_share: f32,
    /// The share of cases in which VMs that have to be made from nothing come in time.
    pub far_share: f32,
    /// How far ahead a VM must be dispensable to be let go.
    pub ahead: Duration,
    /// The highest need of this time is kept; of the longer one while the pool is low.
    pub kept: Duration,
    pub kept_while_low: Duration,
    /// An action inwards has to be worth this: VM-seconds of surplus that gathered before it.
    pub price_s: f32,
    /// The same, if it takes back what was added within `reversal`.
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
            out_share: 0.52,
            keep_share: 0.58,
            far_share: 0.45,
            ahead: Duration::from_secs(375),
            kept: Duration::from_secs(45),
            kept_while_low: Duration::from_secs(200),
            price_s: 45.0,
            reversal_price_s: 680.0,
            reversal: Duration::from_secs(900),
            slope_for: Duration::from_secs(300),
            slope_gain: 0.4,
            calm_slope_gain: 0.3,
            moving: 0.05,
            unusual: 0.1,
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
