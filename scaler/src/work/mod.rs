//! How many VMs a module's work asks for: what a target metric is decided by.
//!
//! The plain rule `ceil(VMs x load / target)` knows one number, the load of now, and one headroom,
//! the target, for calm and wild modules alike. Both are wrong: by the time a VM serves, the work is
//! another; and how much another can be measured. So here the *work* is told from the loads
//! (`estimate`), its next minutes are predicted with margins learnt from the module's own past
//! (`outlook`), and what that asks for becomes an action when it is worth one (`hold`).
//!
//! How far ahead must be looked is a fact, not a setting: the age of the samples, the time until a
//! VM of the pool serves, and, when the pool cannot carry what is coming, the time to make one. How
//! much is covered follows from the same facts: where samples are rare or VMs are slow to come back,
//! too few VMs stay too few for longer, so more cases are covered.
//!
//! What is not known takes nothing away: without new samples the count stays; if only a part of the
//! VMs report and those alone prove that more is needed, it goes out.
//!
//! It is pure, keeps a few hundred numbers per metric, and comes to the same after a restart, since
//! all it remembers is stored.

mod estimate;
mod hold;
mod margin;
mod outlook;
mod tuning;

use std::fmt;
use std::time::Duration;

use model::time::Time;
use model::unit::Span;
use serde::{Deserialize, Serialize};

use estimate::Estimator;
use hold::{Act, Holding, Wish};
use outlook::{Expected, Horizon, Outlooks, Reach};

pub use outlook::Outlook;
pub use tuning::Tuning;

/// What is seen of a module at one tick.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub now: Time,
    /// Since the last tick; zero after a hole.
    pub elapsed: Duration,
    /// The usual time between two ticks.
    pub tick: Duration,
    /// The VMs in service.
    pub vms: &'a [SeenVm],
    /// VMs on their way into service.
    pub warming: u32,
    pub supply: Supply,
    /// The load up to which a VM serves well.
    pub limit: f64,
    /// The time constant of the metric, if it is a load average.
    pub damping: Option<Duration>,
    /// The part of the VMs that must report.
    pub coverage: f64,
    pub min: u32,
    pub max: u32,
}

/// One VM in service.
#[derive(Clone, Copy, Debug)]
pub struct SeenVm {
    pub since: Time,
    /// Its newest load that may be believed, and the end of the interval over which it was measured.
    pub load: Option<(f64, Time)>,
}

/// Where VMs come from, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Supply {
    /// VMs that wait in the pool.
    pub ready: u32,
    /// From the order until a VM of the pool serves, and until one does that has to be made.
    pub take: Duration,
    pub make: Duration,
}

/// What is remembered from tick to tick.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WorkMemory {
    estimator: Estimator,
    outlooks: Outlooks,
    holding: Holding,
    /// How old samples are when they come, and how far apart they are.
    age: Duration,
    step: Duration,
    /// The most VMs that ever waited in the pool.
    fullest: u32,
}

impl WorkMemory {
    /// Nobody looked for long: how long there was a surplus is not known.
    pub(crate) fn forget_surplus(&mut self) {
        self.holding.forget_surplus();
    }
}

/// What the work asks for, and why.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    pub count: u32,
    pub why: Why,
}

/// Why the count is what it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Why {
    /// There was no sample yet that may be believed.
    NothingKnown,
    /// No new sample came for too long, or too few VMs report.
    Blind { fresh: u32, serving: u32 },
    /// Too few VMs report, and those that do need more than there is.
    ProvenByPart { work: f64, fresh: u32, serving: u32 },
    /// It goes out, or in.
    Moves(Account),
    /// There is a surplus that is not worth an action yet.
    Surplus { keeps: u32, surplus: Duration, price: Duration, account: Account },
    /// The count fits the work.
    Fits(Account),
}

/// The numbers that a count rests on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// The work now, in VMs at a load of 1.
    pub work: f64,
    /// What is expected when an action of now takes effect, with its margin.
    pub expected: f64,
    pub margin: f64,
    pub outlook: Outlook,
    /// From the measurement until then.
    pub reaction: Duration,
    /// The most that is expected while a VM must be dispensable to be let go.
    pub ahead: f64,
    /// Whether the pool cannot carry what is coming, so that VMs have to be made.
    pub beyond_pool: bool,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { work, expected, margin, outlook, reaction, beyond_pool, .. } = self;
        let reaction = Span(Duration::from_secs(reaction.as_secs()));
        let pool = if *beyond_pool { ", more than the pool has" } else { "" };
        write!(
            f,
            "work of {work:.1} VMs, {expected:.1} expected in {reaction} ({outlook}, margin \
             {margin:+.1}{pool})"
        )
    }
}

impl fmt::Display for Outlook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Same => "as now",
            Self::Slope => "on its slope",
            Self::Return => "back to its mean",
        })
    }
}

/// With so many intervals without a sample a module is blind.
const BLIND_AFTER_STEPS: u32 = 3;

/// Looks at a module once.
pub fn look(memory: &mut WorkMemory, seen: &Seen<'_>, tuning: &Tuning) -> Wanted {
    let have = seen.vms.len() as u32 + seen.warming;
    memory.fullest = memory.fullest.max(seen.supply.ready);
    if let Some(estimate) = memory.estimator.look(seen, tuning) {
        let is_hole = memory.note_pace(estimate.at, estimate.interval, seen.now);
        let reach = memory.reach(seen, tuning);
        if estimate.interval.is_some() || memory.outlooks.slow().is_none() {
            memory.outlooks.learn(estimate.work, is_hole, &reach, tuning);
        }
    }
    let reach = memory.reach(seen, tuning);
    let Some(basis) = Forecasts::of(&memory.outlooks, &reach, tuning) else {
        return Wanted { count: have, why: Why::NothingKnown };
    };
    if let Some(blind) = memory.blindness(seen, have) {
        return blind;
    }
    let has_pool = memory.fullest > 0;
    let (wish, account) = basis.wish(seen, have, has_pool, &memory.outlooks, &reach);
    let window = reach.step * tuning.kept_steps;
    let act = memory.holding.act(wish, have, window, seen.elapsed, seen.now, tuning);
    match act {
        Act::Out { to } | Act::In { to } => Wanted { count: to, why: Why::Moves(account) },
        Act::Wait { keeps, surplus_s, price_s } => {
            let (surplus, price) = (seconds(surplus_s), seconds(price_s));
            Wanted { count: have, why: Why::Surplus { keeps, surplus, price, account } }
        }
        Act::Stay => Wanted { count: have, why: Why::Fits(account) },
    }
}

/// What is expected at each horizon.
struct Forecasts {
    near: Expected,
    ahead: Expected,
    far: Expected,
}

impl Forecasts {
    fn of(outlooks: &Outlooks, reach: &Reach, tuning: &Tuning) -> Option<Self> {
        Some(Self {
            near: outlooks.expect(Horizon::Near, reach, tuning)?,
            ahead: outlooks.expect(Horizon::Ahead, reach, tuning)?,
            far: outlooks.expect(Horizon::Far, reach, tuning)?,
        })
    }

    /// The counts that are wished for. Work that was there at two looks in a row is there, whatever
    /// is expected of it.
    fn wish(
        &self,
        seen: &Seen<'_>,
        have: u32,
        has_pool: bool,
        outlooks: &Outlooks,
        reach: &Reach,
    ) -> (Wish, Account) {
        let count = |work: f32| count(f64::from(work) / seen.limit).clamp(seen.min, seen.max);
        let lasting = count(outlooks.lasting());
        let (near, far) = (count(self.near.work), count(self.far.work));
        let beyond_pool = far.saturating_sub(have) > seen.supply.ready || !has_pool;
        let needed = if beyond_pool { far.max(near) } else { near }.max(lasting);
        let keep = count(self.ahead.work);
        let decisive = if beyond_pool { self.far } else { self.near };
        let steps = if beyond_pool { reach.far } else { reach.near };
        let account = Account {
            work: f64::from(outlooks.now()),
            expected: f64::from(decisive.work),
            margin: f64::from(decisive.margin),
            outlook: decisive.outlook,
            reaction: reach.step * steps as u32,
            ahead: f64::from(self.ahead.work),
            beyond_pool,
        };
        (Wish { needed, keep }, account)
    }
}

impl WorkMemory {
    /// Learns how fast samples come, and says whether there was a hole before this one.
    fn note_pace(&mut self, at: Time, interval: Option<Duration>, now: Time) -> bool {
        self.age = now.since(at);
        let Some(interval) = interval.filter(|interval| !interval.is_zero()) else { return false };
        if self.step.is_zero() {
            self.step = interval;
            return false;
        }
        let is_hole = interval > self.step * 5 / 2;
        if !is_hole {
            self.step = (self.step * 7 + interval) / 8;
        }
        is_hole
    }

    /// How far ahead must be looked, in steps of the samples.
    fn reach(&self, seen: &Seen<'_>, tuning: &Tuning) -> Reach {
        let step = if self.step.is_zero() { seen.tick } else { self.step };
        let tick = seen.tick.as_secs_f32().max(1.0);
        let in_step = step.as_secs_f32().max(1.0);
        // A measurement stands for the middle of its interval; asked at any time until the next one
        // comes, the answer acts from the tick after its VM is there, and stands for that tick.
        let fixed =
            self.age.as_secs_f32() + in_step / 2.0 + (in_step - tick).max(0.0) / 2.0 + tick / 2.0;
        let steps = |span: Duration| {
            let ticks = (span.as_secs_f32() / tick).ceil().max(1.0);
            ((fixed + ticks * tick) / in_step).round().max(1.0) as usize
        };
        let of = |span: Duration| (span.as_secs_f32() / in_step).round().max(1.0) as usize;
        let (near, far) = (steps(seen.supply.take), steps(seen.supply.make));
        let back = if self.fullest > 0 { near } else { far };
        Reach {
            step,
            back: step * back as u32,
            near,
            ahead: of(tuning.ahead),
            far,
            slope: of(tuning.slope_for),
        }
    }

    /// What to do without knowing the work, if it is not known.
    fn blindness(&self, seen: &Seen<'_>, have: u32) -> Option<Wanted> {
        let serving = seen.vms.len() as u32;
        let loads = seen.vms.iter().filter_map(|vm| vm.load);
        let (sum, fresh) = loads.fold((0.0, 0), |(sum, n), (load, _)| (sum + load, n + 1));
        let newest = self.estimator.newest()?;
        let is_old = seen.now.since(newest) > self.age + self.step * BLIND_AFTER_STEPS;
        let old_enough = |vm: &&SeenVm| seen.now.since(vm.since) > self.age + self.step * 2;
        let expected = seen.vms.iter().filter(old_enough).count() as f64;
        if !is_old && f64::from(fresh) >= seen.coverage * expected {
            return None;
        }
        let proven = count(sum / seen.limit).min(seen.max);
        if proven > have && !is_old {
            let why = Why::ProvenByPart { work: sum, fresh, serving };
            return Some(Wanted { count: proven, why });
        }
        Some(Wanted { count: have, why: Why::Blind { fresh, serving } })
    }
}

/// VMs for so much; a rounding error makes no VM.
fn count(vms: f64) -> u32 {
    (vms - 1e-6).ceil().clamp(0.0, f64::from(u32::MAX)) as u32
}

/// The part of a difference that is taken over in `step`, at a time constant.
fn share(step: Duration, constant: Duration) -> f32 {
    1.0 - (-step.as_secs_f32() / constant.as_secs_f32().max(1.0)).exp()
}

fn seconds(seconds: f32) -> Duration {
    Duration::from_secs_f32(seconds.max(0.0))
}
