//! What goes wrong in a day: a list of faults, made from a seed.
//!
//! The faults are data, and not rolled while the day runs. So a day that ended badly is played
//! again without one fault after the other, until only those are left that it takes.

use std::time::Duration;

use model::time::Time;

use crate::dice::Dice;

/// One thing that goes wrong, from one moment until another.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    pub from: Time,
    pub until: Time,
    pub what: Trouble,
}

/// What can go wrong. Numbers pick a victim among those that are there when it happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    /// Orders for VMs end otherwise than they should.
    Creates(Creating),
    /// Orders to destroy VMs end otherwise than they should.
    Destroys(Ending),
    /// Programs are not started, or nobody knows.
    Deploys(Ending),
    /// The provider does not answer at all.
    ProviderDown,
    Lists(Listing),
    Samples(Lying),
    /// No agent is heard: the monitor is gone, and nothing else.
    AgentsDark,
    /// Every readiness probe fails, though all programs are well.
    ProbesFail,
    /// The brain reaches neither agents nor programs nor the provider.
    BrainCutOff,
    Router(u64, Routing),
    HostDies(u64),
    RackDies(u64),
    VmDies(u64),
    /// The program answers nobody any more, the VM runs.
    ProgramHangs(u64),
    /// All programs of a module hang, also those that are started meanwhile: what all of them use is gone.
    ModuleHangs {
        module: u64,
    },
    /// The agent of a VM is gone; its program serves on.
    AgentGone(u64),
    /// The brain is killed; 0 before the commit, 1 after it, 2 and more between two effects.
    BrainKilled {
        point: u64,
    },
    /// The store is put back to what it was so long ago, and the brain starts on it.
    StoreRestored {
        hours: u64,
    },
    /// The brain's clock jumps, and stays there.
    ClockJumps {
        seconds: i64,
    },
    /// The policy of a module has other bounds for a while.
    PolicyEdited {
        module: u64,
        min: u32,
        max: u32,
    },
    /// The file of a policy is gone for a while.
    PolicyRemoved {
        module: u64,
    },
    /// Somebody pauses a module for a while.
    ModulePaused {
        module: u64,
    },
    /// The load of a module is this percentage of what it would be.
    Load {
        module: u64,
        percent: u64,
    },
}

macro_rules! kinds {
    ($($name:ident: $variant:ident -> $how:ty;)*) => {
        impl Trouble {
            $(pub(crate) fn $name(self) -> Option<$how> {
                if let Self::$variant(how) = self { Some(how) } else { None }
            })*
        }
    };
}

kinds! {
    creates: Creates -> Creating;
    destroys: Destroys -> Ending;
    deploys: Deploys -> Ending;
    lists: Lists -> Listing;
    samples: Samples -> Lying;
}

/// How an order for a VM ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creating {
    Fails,
    FailsButMakes,
    NoCapacity,
    NoCapacityButMakes,
    /// No answer; it is made minutes later.
    MadeLate,
    /// No answer, and nothing is made.
    Lost,
    Twice,
    SaysYesMakesNothing,
    NeverStarts,
    EndsInError,
    Refused,
}

/// How any other order ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    Fails,
    /// It is done, and nobody says so.
    Unheard,
    SaysYesDoesNothing,
}

/// What is wrong with a list of VMs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    Incomplete,
    /// Empty, and called complete.
    Empty,
    /// With holes, and called complete.
    Holes,
    /// Of a replica that lags by minutes, and called complete.
    Stale,
    /// Says of VMs that run that they do not.
    Slander,
    /// Comes minutes after the last.
    Rare,
    /// Comes a minute after it was begun.
    Slow,
}

/// What is wrong with the samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lying {
    Missing,
    /// Half of the VMs send none.
    HalfMissing,
    /// They come, and are old.
    Delayed,
    NotANumber,
    Negative,
    /// All say zero at once.
    Zero,
    /// One VM claims to be overloaded.
    OneLiar,
    /// The clocks of the VMs run ahead.
    Ahead,
    /// One sample of a clock that runs ahead, and none after it.
    AheadThenMissing,
    /// The clocks of the VMs run behind.
    Behind,
    /// Each answers for another.
    Swapped,
    /// They say the same whatever happens, and that it is much.
    Stuck,
    /// A VM that was just started is busy with that.
    WarmUp,
}

/// What is wrong with a router.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Routing {
    /// It takes no routing and says nothing; its traffic goes on.
    Deaf,
    Slow,
    /// It was started again with a file from before.
    OldFile,
}

const CREATING: [Creating; 11] = [
    Creating::Fails,
    Creating::FailsButMakes,
    Creating::NoCapacity,
    Creating::NoCapacityButMakes,
    Creating::MadeLate,
    Creating::Lost,
    Creating::Twice,
    Creating::SaysYesMakesNothing,
    Creating::NeverStarts,
    Creating::EndsInError,
    Creating::Refused,
];
const ENDING: [Ending; 3] = [Ending::Fails, Ending::Unheard, Ending::SaysYesDoesNothing];
const LISTING: [Listing; 5] =
    [Listing::Incomplete, Listing::Empty, Listing::Holes, Listing::Stale, Listing::Slander];
const LYING: [Lying; 13] = [
    Lying::Missing,
    Lying::HalfMissing,
    Lying::Delayed,
    Lying::NotANumber,
    Lying::Negative,
    Lying::Zero,
    Lying::OneLiar,
    Lying::Ahead,
    Lying::AheadThenMissing,
    Lying::Behind,
    Lying::Swapped,
    Lying::Stuck,
    Lying::WarmUp,
];
const ROUTING: [Routing; 3] = [Routing::Deaf, Routing::Slow, Routing::OldFile];

/// The faults of one day, in the order in which they begin. They may overlap; none lasts beyond
/// `calm`.
pub fn plan(seed: u64, start: Time, calm: Time) -> Vec<Fault> {
    let mut dice = Dice::new(seed, 1);
    let day_s = calm.since(start).as_secs();
    let count = dice.between(8, 36);
    let mut faults: Vec<Fault> = Vec::new();
    for _ in 0..count {
        let from = start + Duration::from_secs(dice.roll(day_s.saturating_sub(60)));
        let (what, shortest_s, longest_s) = trouble(&mut dice);
        let until = (from + dice.span_s(shortest_s, longest_s)).min(calm);
        faults.push(Fault { from, until, what });
        // What is killed is often killed again while it recovers.
        if matches!(what, Trouble::BrainKilled { .. }) && dice.chance(40) {
            let again = from + dice.span_s(5, 90);
            let what = Trouble::BrainKilled { point: dice.roll(4) };
            faults.push(Fault { from: again.min(calm), until: again.min(calm), what });
        }
    }
    faults.extend(late_lists(seed, start, calm));
    faults.sort_by_key(|fault| fault.from);
    faults
}

/// On every other day the provider's lists are true and late, for hours.
fn late_lists(seed: u64, start: Time, calm: Time) -> Option<Fault> {
    let mut dice = Dice::new(seed, 5);
    let how = [Listing::Rare, Listing::Slow][dice.roll(2) as usize];
    let from = start + dice.span_s(0, calm.since(start).as_secs());
    let until = (from + dice.span_s(3600, 14_400)).min(calm);
    dice.chance(50).then_some(Fault { from, until, what: Trouble::Lists(how) })
}

/// A trouble, and how many seconds it lasts.
fn trouble(dice: &mut Dice) -> (Trouble, u64, u64) {
    let victim = dice.roll(1 << 30);
    let choice = dice.roll(100);
    match choice {
        0..=15 => (Trouble::Creates(CREATING[dice.roll(11) as usize]), 120, 5400),
        16..=19 => (Trouble::Destroys(ENDING[dice.roll(3) as usize]), 120, 3600),
        20..=22 => (Trouble::Deploys(ENDING[dice.roll(3) as usize]), 60, 900),
        23..=25 => (Trouble::ProviderDown, 30, 3600),
        26..=33 => (Trouble::Lists(LISTING[dice.roll(5) as usize]), 30, 2400),
        34..=43 => (Trouble::Samples(LYING[dice.roll(13) as usize]), 60, 5400),
        44..=46 => (Trouble::AgentsDark, 60, 7200),
        47..=48 => (Trouble::ProbesFail, 30, 1200),
        49..=51 => (Trouble::BrainCutOff, 30, 1800),
        52..=57 => (Trouble::Router(victim, ROUTING[dice.roll(3) as usize]), 30, 1800),
        58..=60 => (Trouble::HostDies(victim), 600, 7200),
        61 => (Trouble::RackDies(victim), 600, 7200),
        62..=65 => (Trouble::VmDies(victim), 0, 0),
        66..=67 => (Trouble::ProgramHangs(victim), 30, 3600),
        68 => (Trouble::ModuleHangs { module: victim }, 60, 1800),
        69..=71 => (Trouble::AgentGone(victim), 30, 7200),
        72..=80 => (Trouble::BrainKilled { point: dice.roll(6) }, 0, 0),
        81 => (Trouble::StoreRestored { hours: dice.between(1, 20) }, 0, 0),
        82..=84 => {
            let far = [3600, -3600, 86_400, -86_400, 600, -600][dice.roll(6) as usize];
            (Trouble::ClockJumps { seconds: far }, 0, 0)
        }
        85..=88 => {
            let min = dice.between(1, 4) as u32;
            let max = min + dice.roll(6) as u32;
            (Trouble::PolicyEdited { module: victim, min, max }, 300, 7200)
        }
        89..=90 => (Trouble::PolicyRemoved { module: victim }, 60, 3600),
        91 => (Trouble::ModulePaused { module: victim }, 300, 7200),
        _ => {
            let percent = [10, 30, 60, 150, 200, 300][dice.roll(6) as usize];
            (Trouble::Load { module: victim, percent }, 600, 7200)
        }
    }
}
