//! How long it takes from the order of a VM until it serves, as VMs showed of late.
//!
//! How far ahead work must be foreseen is a fact of the fleet and not a setting: images grow, programs
//! take longer to get ready, a router is reloaded with a pause. So each VM is timed on its way: from
//! the order at its provider to the pool, by flavor, and from the pool into service, by module, since
//! the program that is started there is the module's. The median of the last few is believed: one slow
//! boot says little, nor does one that a brain slept through.
//!
//! What goes another way is not timed: a VM called back from draining, or back from isolation, was never
//! ordered, and one that is recycled was not made.
//!
//! Invariant: it keeps a bounded number of times for each flavor and module, and one for each VM on its
//! way.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::time::Duration;

use model::id::{FlavorId, ModuleId, VmId};
use model::time::Time;
use model::unit::Span;
use model::vm::{Vm, VmState};
use serde::{Deserialize, Serialize};

/// From the order of a VM until it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeadTimes {
    /// If it waits in the pool,
    pub take: Duration,
    /// and if it has to be made first.
    pub make: Duration,
    /// So many VMs were timed from the pool into service; with none, `take` is assumed.
    pub takes: u32,
    /// So many were timed from their order to the pool; with none, that part of `make` is assumed.
    pub makes: u32,
}

/// The times of the VMs that went their way of late, and those that are on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timings {
    /// From the order to the pool, oldest first.
    made: BTreeMap<FlavorId, VecDeque<Duration>>,
    /// From the pool into service, oldest first.
    taken: BTreeMap<ModuleId, VecDeque<Duration>>,
    /// When VMs that do not serve yet were taken from the pool.
    under_way: BTreeMap<VmId, Time>,
}

/// The median is that of so many: enough to leave out a few odd ones, few enough to follow a new image
/// within a day.
const KEPT: usize = 15;
/// What is assumed before a VM was timed.
const ASSUMED_TAKE: Duration = Duration::from_secs(15);
const ASSUMED_MADE: Duration = Duration::from_secs(165);

impl LeadTimes {
    /// Times that are known from elsewhere.
    pub fn known(take: Duration, make: Duration) -> Self {
        Self { take, make, takes: 0, makes: 0 }
    }
}

impl Default for LeadTimes {
    fn default() -> Self {
        Self::known(ASSUMED_TAKE, ASSUMED_MADE + ASSUMED_TAKE)
    }
}

impl fmt::Display for LeadTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = |time: Duration| Span::secs(time.as_millis().div_ceil(1000) as u64);
        let basis = |cases: u32| match cases {
            0 => "assumed, none was timed yet".to_owned(),
            1 => "by the one that was timed".to_owned(),
            cases => format!("median of {cases}"),
        };
        let (take, make) = (whole(self.take), whole(self.make));
        let (takes, makes) = (basis(self.takes), basis(self.makes));
        write!(
            f,
            "a VM of the pool serves after {take} ({takes}), one that is made first after {make} ({makes})"
        )
    }
}

impl Timings {
    /// A VM, as it was until now, goes on to another state.
    pub(crate) fn note(&mut self, vm: &Vm, to: VmState, now: Time) {
        match (vm.state, to) {
            (VmState::Booting, VmState::Pool) => {
                keep(self.made.entry(vm.flavor.clone()).or_default(), now.since(vm.created));
            }
            (_, VmState::Reserved) => drop(self.under_way.insert(vm.id.clone(), now)),
            (_, VmState::Deploying | VmState::Ready) => {}
            (_, VmState::Serving) => self.serves(vm, now),
            _ => drop(self.under_way.remove(&vm.id)),
        }
    }

    /// A clock jumped: the time that it skipped was nobody's way.
    pub(crate) fn shift(&mut self, moved: impl Fn(Time) -> Time) {
        self.under_way.values_mut().for_each(|at| *at = moved(*at));
    }

    /// The times for one more VM of a module.
    pub fn lead_times(&self, flavor: &FlavorId, module: &ModuleId) -> LeadTimes {
        let (taken, takes) = median(self.taken.get(module));
        let (made, makes) = median(self.made.get(flavor));
        let take = taken.unwrap_or(ASSUMED_TAKE);
        LeadTimes { take, make: made.unwrap_or(ASSUMED_MADE) + take, takes, makes }
    }

    fn serves(&mut self, vm: &Vm, now: Time) {
        let (Some(module), Some(taken)) = (&vm.module, self.under_way.remove(&vm.id)) else {
            return;
        };
        keep(self.taken.entry(module.clone()).or_default(), now.since(taken));
    }
}

fn keep(times: &mut VecDeque<Duration>, time: Duration) {
    times.push_back(time);
    while times.len() > KEPT {
        times.pop_front();
    }
}

/// The median, and of how many it is; between two it is the longer.
fn median(times: Option<&VecDeque<Duration>>) -> (Option<Duration>, u32) {
    let mut sorted: Vec<Duration> = times.into_iter().flatten().copied().collect();
    sorted.sort();
    (sorted.get(sorted.len() / 2).copied(), sorted.len() as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::default() + Duration::from_secs(seconds)
    }

    fn vm(number: usize, ordered: u64) -> Vm {
        Vm {
            id: format!("vm-{number}").parse().unwrap(),
            flavor: "small".parse().unwrap(),
            state: VmState::Creating,
            since: at(ordered),
            created: at(ordered),
            host: None,
            addresses: None,
            module: None,
            assignment: 0,
            route_generation: 0,
            why: String::new(),
        }
    }

    fn go(timings: &mut Timings, vm: &mut Vm, way: &[(u64, VmState)]) {
        for (seconds, to) in way {
            timings.note(vm, *to, at(*seconds));
            (vm.state, vm.since) = (*to, at(*seconds));
        }
    }

    fn serve(timings: &mut Timings, number: usize, boots: u64, takes: u64) {
        let mut vm = vm(number, 100);
        go(timings, &mut vm, &[(101, VmState::Booting), (100 + boots, VmState::Pool)]);
        vm.module = Some("shop/web".parse().unwrap());
        let taken = 1_000;
        go(timings, &mut vm, &[(taken, VmState::Reserved), (taken, VmState::Deploying)]);
        go(timings, &mut vm, &[(taken + takes - 1, VmState::Ready)]);
        go(timings, &mut vm, &[(taken + takes, VmState::Serving)]);
    }

    fn told(timings: &Timings) -> (u64, u64, u32, u32) {
        let (flavor, module) = ("small".parse().unwrap(), "shop/web".parse().unwrap());
        let lead = timings.lead_times(&flavor, &module);
        (lead.take.as_secs(), lead.make.as_secs(), lead.takes, lead.makes)
    }

    #[test]
    fn before_a_vm_was_timed_it_is_assumed() {
        assert_eq!(told(&Timings::default()), (15, 180, 0, 0));
    }

    #[test]
    fn the_median_of_what_was_seen_is_believed() {
        let mut timings = Timings::default();
        for (number, (boots, takes)) in [(40, 6), (50, 8), (900, 7)].into_iter().enumerate() {
            serve(&mut timings, number, boots, takes);
        }
        assert_eq!(told(&timings), (7, 57, 3, 3), "one slow boot says little");
    }

    #[test]
    fn old_times_are_forgotten_and_no_more_are_kept_than_needed() {
        let mut timings = Timings::default();
        for number in 0..100 {
            serve(&mut timings, number, if number < 80 { 40 } else { 90 }, 5);
        }
        assert_eq!(told(&timings), (5, 95, 15, 15));
        let stored = serde_json::to_string(&timings).unwrap();
        assert!(stored.len() < 2_000, "{} bytes", stored.len());
        assert_eq!(serde_json::from_str::<Timings>(&stored).unwrap(), timings);
    }

    #[test]
    fn who_comes_another_way_is_not_timed() {
        let mut timings = Timings::default();
        serve(&mut timings, 1, 40, 6);
        let mut vm = vm(2, 100);
        (vm.state, vm.module) = (VmState::Serving, Some("shop/web".parse().unwrap()));
        go(&mut timings, &mut vm, &[(200, VmState::Draining), (205, VmState::Ready)]);
        go(&mut timings, &mut vm, &[(300, VmState::Serving), (400, VmState::Isolated)]);
        go(&mut timings, &mut vm, &[(900, VmState::Serving), (950, VmState::Draining)]);
        go(&mut timings, &mut vm, &[(960, VmState::Stopped), (961, VmState::Pool)]);
        assert_eq!(told(&timings), (6, 46, 1, 1));
    }

    #[test]
    fn who_fails_on_the_way_is_forgotten() {
        let mut timings = Timings::default();
        let mut vm = vm(1, 0);
        go(&mut timings, &mut vm, &[(1, VmState::Booting), (2, VmState::Destroying)]);
        vm.state = VmState::Pool;
        go(&mut timings, &mut vm, &[(9, VmState::Reserved), (9, VmState::Deploying)]);
        go(&mut timings, &mut vm, &[(99, VmState::Destroying)]);
        assert_eq!(timings, Timings::default());
    }
}
