//! What the work will be when an action of now takes effect: three outlooks, each judged by what it
//! would have cost lately.
//!
//! "Same as now" is right for work that wanders, "it goes on like this" for ramps, and "back to its
//! mean" for bursts. None is right for all modules, nor for one module all day. So all three are
//! kept, each with margins learnt from its own errors, and the one whose margins would have been
//! cheapest of late is followed.
//!
//! How far off an outlook may be depends on what the work is just doing: a fall that began at a high
//! level seldom turns round, a rise from a low one often goes on. So margins are kept apart by
//! direction (falling, steady, rising) and by level (low, usual, high).
//!
//! Invariant: a prediction is judged only against work that was measured after it was made.

use std::collections::VecDeque;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::margin::Margin;
use super::tuning::Tuning;

/// What is predicted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Horizon {
    /// The work at the moment at which a VM from the pool would serve.
    Near,
    /// The most work from then on, for the time that a VM must be dispensable to be let go.
    Ahead,
    /// The most work until a VM made from nothing would serve.
    Far,
}

const HORIZONS: [Horizon; 3] = [Horizon::Near, Horizon::Ahead, Horizon::Far];

/// How the work goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outlook {
    /// As it is now.
    #[default]
    Same,
    /// On along its slope.
    Slope,
    /// Back towards its mean, as fast as it used to.
    Return,
}

const OUTLOOKS: [Outlook; 3] = [Outlook::Same, Outlook::Slope, Outlook::Return];

/// Nine classes: three directions times three levels.
const CLASSES: usize = 9;

/// Predictions need so many steps to be judged at most; a module whose samples come faster is judged
/// by fewer of them.
const MOST_STEPS: usize = 48;

/// Below this much work, in VMs, errors are measured against it and not against the work itself.
const LEAST_SCALE: f32 = 1.0;

/// Horizons in steps, a step being the time between two estimates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Reach {
    pub(super) step: Duration,
    pub(super) near: usize,
    pub(super) ahead: usize,
    pub(super) far: usize,
    /// The slope is carried on for so many steps after `near` at most.
    pub(super) slope: usize,
    /// A VM that was let go by mistake serves again after this.
    pub(super) back: Duration,
}

impl Reach {
    fn steps(&self, horizon: Horizon) -> usize {
        let steps = match horizon {
            Horizon::Near => self.near,
            Horizon::Ahead => self.near + self.ahead,
            Horizon::Far => self.far.max(self.near + 1),
        };
        steps.clamp(1, MOST_STEPS)
    }
}

/// All from which the predictions of one moment follow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Basis {
    work: f32,
    slope: f32,
    calm_slope: f32,
    slow: f32,
    home: f32,
    /// How much of a distance from `home` is left, by horizon.
    left: [f32; 3],
}

/// One prediction, before its margin.
#[derive(Clone, Copy, Debug)]
struct Prediction {
    work: f32,
    class: usize,
    /// The unit of its error.
    scale: f32,
}

/// The outlooks on one module's work.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Outlooks {
    /// Oldest first; the last is of now.
    past: VecDeque<Basis>,
    variance: f32,
    covariance: [f32; 3],
    /// By outlook, by horizon: what its margins would have cost lately.
    losses: [[f32; 3]; 3],
    chosen: [Outlook; 3],
    /// By outlook, by horizon, by class.
    margins: Vec<Margin>,
}

/// A prediction with its margin, and what they rest on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Expected {
    pub(super) work: f32,
    pub(super) outlook: Outlook,
    pub(super) margin: f32,
}

impl Outlooks {
    /// Takes in the next estimate. After a hole all that came before it is no longer a past that
    /// this follows from.
    pub(super) fn learn(&mut self, work: f32, is_hole: bool, reach: &Reach, tuning: &Tuning) {
        if is_hole {
            self.forget_past();
        }
        self.margins.resize(OUTLOOKS.len() * HORIZONS.len() * CLASSES, Margin::default());
        let basis = self.next_basis(work, reach, tuning);
        self.past.push_back(basis);
        for horizon in HORIZONS {
            self.judge(horizon, reach, tuning);
        }
        while self.past.len() > MOST_STEPS + 1 {
            self.past.pop_front();
        }
    }

    /// What is expected now; None before the first estimate.
    pub(super) fn expect(
        &self,
        horizon: Horizon,
        reach: &Reach,
        tuning: &Tuning,
    ) -> Option<Expected> {
        let basis = self.past.back()?;
        let outlook = self.chosen[horizon as usize];
        let prediction = predict(basis, outlook, horizon, reach, tuning);
        let margin = self.margin(outlook, horizon, prediction.class) * prediction.scale;
        Some(Expected { work: (prediction.work + margin).max(0.0), outlook, margin })
    }

    /// The mean of the work's last minutes; None before the first estimate.
    pub(super) fn slow(&self) -> Option<f32> {
        self.past.back().map(|basis| basis.slow)
    }

    /// The work now.
    pub(super) fn now(&self) -> f32 {
        self.past.back().map_or(0.0, |basis| basis.work)
    }

    /// The work that was there at the last two looks.
    pub(super) fn lasting(&self) -> f32 {
        let last = self.past.iter().rev().take(2).map(|basis| basis.work);
        last.fold(f32::INFINITY, f32::min).min(self.now())
    }

    fn forget_past(&mut self) {
        if let Some(mut last) = self.past.pop_back() {
            (last.slope, last.calm_slope) = (0.0, 0.0);
            self.past.clear();
            self.past.push_back(last);
        }
    }

    fn next_basis(&mut self, work: f32, reach: &Reach, tuning: &Tuning) -> Basis {
        let Some(last) = self.past.back().copied() else {
            return Basis { work, slow: work, home: work, ..Basis::default() };
        };
        let rise = work - last.work;
        let home = last.home + super::share(reach.step, tuning.home) * (work - last.home);
        Basis {
            work,
            slope: last.slope + tuning.slope_gain * (rise - last.slope),
            calm_slope: last.calm_slope + tuning.calm_slope_gain * (rise - last.calm_slope),
            slow: last.slow + super::share(reach.step, tuning.slow) * (work - last.slow),
            home,
            left: self.left_of_distance(work - home, home, reach, tuning),
        }
    }

    /// How much of a distance from home is left after each horizon: its correlation with itself.
    fn left_of_distance(
        &mut self,
        away: f32,
        home: f32,
        reach: &Reach,
        tuning: &Tuning,
    ) -> [f32; 3] {
        let gain = super::share(reach.step, tuning.home);
        self.variance += gain * (away * away - self.variance);
        HORIZONS.map(|horizon| {
            let covariance = &mut self.covariance[horizon as usize];
            // The estimate of now is not among the past yet.
            let back = self.past.len().checked_sub(reach.steps(horizon));
            if let Some(then) = back.and_then(|at| self.past.get(at)) {
                *covariance += gain * (away * (then.work - home) - *covariance);
            }
            if self.variance > 0.0 { (*covariance / self.variance).clamp(0.0, 1.0) } else { 1.0 }
        })
    }

    /// Holds the prediction whose time has come against what came, for each outlook.
    fn judge(&mut self, horizon: Horizon, reach: &Reach, tuning: &Tuning) {
        let steps = reach.steps(horizon);
        let Some(then) = self.past.len().checked_sub(steps + 1) else { return };
        let basis = self.past[then];
        let window = match horizon {
            Horizon::Near => 0,
            Horizon::Ahead | Horizon::Far => steps - reach.near.min(steps),
        };
        let came = self.past.iter().rev().take(window + 1).map(|basis| basis.work);
        let came = came.fold(0.0, f32::max);
        let share = share_of(horizon, reach, tuning);
        let gain = super::share(reach.step, tuning.judged);
        for outlook in OUTLOOKS {
            let prediction = predict(&basis, outlook, horizon, reach, tuning);
            let index = index(outlook, horizon, prediction.class);
            let had = prediction.work + self.margins[index].at() * prediction.scale;
            let loss = loss(came, had, share) * handicap(outlook, tuning);
            let kept = &mut self.losses[outlook as usize][horizon as usize];
            *kept += gain * (loss - *kept);
            let case = (came - prediction.work) / prediction.scale;
            self.margins[index].learn(case, share, tuning.cases);
        }
        self.choose(horizon, tuning);
    }

    fn choose(&mut self, horizon: Horizon, tuning: &Tuning) {
        let loss = |outlook: Outlook| self.losses[outlook as usize][horizon as usize];
        let present = self.chosen[horizon as usize];
        let best = OUTLOOKS.into_iter().min_by(|a, b| loss(*a).total_cmp(&loss(*b)));
        if let Some(best) = best.filter(|best| loss(*best) < tuning.better * loss(present)) {
            self.chosen[horizon as usize] = best;
        }
    }

    fn margin(&self, outlook: Outlook, horizon: Horizon, class: usize) -> f32 {
        self.margins.get(index(outlook, horizon, class)).map_or(0.0, Margin::at)
    }
}

fn index(outlook: Outlook, horizon: Horizon, class: usize) -> usize {
    (outlook as usize * HORIZONS.len() + horizon as usize) * CLASSES + class
}

fn predict(
    basis: &Basis,
    outlook: Outlook,
    horizon: Horizon,
    reach: &Reach,
    tuning: &Tuning,
) -> Prediction {
    let work = match outlook {
        Outlook::Same => basis.work,
        Outlook::Return => basis.home + basis.left[horizon as usize] * (basis.work - basis.home),
        Outlook::Slope => {
            let on = |steps: usize| basis.work + basis.slope * steps as f32;
            let near = on(reach.near);
            let until = reach.steps(horizon).min(reach.near + reach.slope);
            let most = if horizon == Horizon::Near { near } else { near.max(on(until)) };
            // By a slope alone nothing falls to nothing, and nothing grows without end: a step looks
            // like a slope, too.
            most.clamp(basis.work / 4.0, basis.work * 2.0)
        }
    };
    let slope = if outlook == Outlook::Slope { basis.slope } else { basis.calm_slope };
    let class = class(basis, slope * reach.near as f32, tuning);
    Prediction { work, class, scale: work.max(basis.slow).max(LEAST_SCALE) }
}

fn class(basis: &Basis, rise: f32, tuning: &Tuning) -> usize {
    let third = |value: f32, limit: f32| match value {
        value if value < -limit => 0,
        value if value > limit => 2,
        _ => 1,
    };
    let direction = third(rise / basis.work.max(0.5), tuning.moving);
    let level = third(basis.work / basis.slow.max(LEAST_SCALE) - 1.0, tuning.unusual);
    level * 3 + direction
}

/// The share of cases to cover: so large that the two mistakes are equally dear. What is missing is
/// missing until the next look, or until a VM that was let go is back; what is there in vain idles.
fn share_of(horizon: Horizon, reach: &Reach, tuning: &Tuning) -> f32 {
    let (missing, idle) = match horizon {
        Horizon::Near => (reach.step, tuning.taken_in_vain),
        Horizon::Far => (reach.step, tuning.made_in_vain),
        Horizon::Ahead => (reach.back, tuning.kept_in_vain),
    };
    let missing_s = tuning.dear * missing.as_secs_f32();
    missing_s / (missing_s + idle.as_secs_f32())
}

/// What it would have cost to have `had` when `came`: too little is dearer than too much by as much
/// as the share asks for.
fn loss(came: f32, had: f32, share: f32) -> f32 {
    if came > had { share / (1.0 - share) * (came - had) } else { had - came }
}

fn handicap(outlook: Outlook, tuning: &Tuning) -> f32 {
    match outlook {
        Outlook::Slope => tuning.slope_handicap,
        Outlook::Same | Outlook::Return => 1.0,
    }
}
