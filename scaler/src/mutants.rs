//! Deliberate bugs, one at a time, so that the simulated world can show that it finds them.
//!
//! They are compiled under the feature `mutants` alone, which no product has. The switch is of its
//! thread: many worlds with different bugs run beside each other.

use std::cell::Cell;

macro_rules! bugs {
    ($($name:ident $what:literal,)*) => {
        /// One deliberate bug.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Bug {
            $(#[doc = $what] $name,)*
        }

        impl Bug {
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it does wrong, in words.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => $what,)*
                }
            }
        }
    };
}

bugs! {
    CountOnlyWorking "the pool's ceiling counts only VMs that work (CloudStack #9318, #14185)",
    CountOnlyServing "the module's ceiling counts only VMs that serve or are about to",
    ForgetUnknown "an order without an answer is forgotten, and another VM ordered",
    OrderAgainAtOnce "an order without an answer is repeated before any list was seen",
    ReuseNames "the name of a VM that is gone is used again",
    StopBeforeAck "a program is stopped before the routers acknowledged",
    DrainFromChoice "the time to drain counts from the choice, not from the last router's word",
    IsolatedStillRouted "an isolated VM is destroyed though a router may still send to it",
    IgnoreMaxAge "old samples are believed (nomad #413)",
    IgnoreCoverage "one VM's sample speaks for all (HPA, KEDA #1850)",
    IgnoreSettle "load is believed right after a change",
    BelieveFuture "a sample of a clock that runs ahead stays fresh",
    NoStabilise "a low load takes VMs away at once",
    BelieveEveryList "whatever a complete list lacks is dead (MCM #657)",
    CountLooks "a list counts as often as it is looked at, however old it is",
    SilenceIsDeath "a monitor gone dark is taken for silent VMs",
    OneWitness "one witness is enough to isolate",
    NoShare "any part of a module may be isolated at once",
    TakeLast "the last VM that is well may be taken away",
    IgnoreYoung "VMs that just came are taken away",
    NoFleetBrake "any number of VMs may leave over the fleet",
    AllAtOnce "all that is too many leaves in one tick",
    GiveUnheard "a VM of the pool is given out unheard",
    KeepAssignment "a recycled VM keeps the number of its assignment",
    DoneIsGone "what its provider says it destroyed is gone",
    DestroyOnce "what is still listed is not destroyed again",
    DestroyStrangers "what no record tells of is destroyed at sight",
    TrustOldStore "a store of yesterday is acted upon",
    StaleGeneration "after recovery routings are numbered as before",
    NoBackoff "what fails is ordered again at once",
    NeverAgain "after failures nothing is ordered any more",
    StandStill "what is remembered does not move with the clock",
    DryRunActs "a dry run takes VMs",
    RemovedPolicyDestroys "without its policy a module loses its VMs",
    LoseSteps "open steps do not survive a restart (nomad #191)",
}

thread_local! {
    static PLANTED: Cell<Option<Bug>> = const { Cell::new(None) };
}

/// From now on this thread has this bug, or none.
pub fn plant(bug: Option<Bug>) {
    PLANTED.set(bug);
}

pub(crate) fn is_planted(bug: Bug) -> bool {
    PLANTED.get() == Some(bug)
}
