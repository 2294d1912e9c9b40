//! The work tracker in a made-up module: what it must never do, and what it must do in time.
//!
//! The module is as simple as can be: VMs that were ordered serve a tick later, the load is the work
//! by the VMs that serve, and it is seen a tick after it was measured.

use std::collections::VecDeque;
use std::time::Duration;

use expect_test::expect;
use model::time::Time;
use proptest::prelude::*;
use scaler::work::{Seen, SeenVm, Supply, Tuning, Wanted, Why, WorkMemory, look};

const TICK: Duration = Duration::from_secs(15);
const LIMIT: f64 = 0.8;

struct Module {
    memory: WorkMemory,
    now: Time,
    /// Since when each VM serves.
    vms: Vec<Time>,
    ordered: u32,
    /// What was measured and is not seen yet, and what was seen last.
    measured: VecDeque<(Time, f64)>,
    seen: Option<(Time, f64)>,
    ready: u32,
    max: u32,
}

impl Module {
    fn of(vms: u32) -> Self {
        let now = Time::from_millis(1_000_000_000);
        Self {
            memory: WorkMemory::default(),
            now,
            vms: vec![now - Duration::from_secs(3600); vms as usize],
            ordered: 0,
            measured: VecDeque::new(),
            seen: None,
            ready: 10,
            max: 100,
        }
    }

    fn count(&self) -> u32 {
        self.vms.len() as u32 + self.ordered
    }

    fn look(&mut self) -> Wanted {
        let load =
            |since: &Time| self.seen.filter(|(at, _)| at >= since).map(|(at, load)| (load, at));
        let vms: Vec<SeenVm> =
            self.vms.iter().map(|since| SeenVm { since: *since, load: load(since) }).collect();
        let make = Duration::from_secs(180);
        let seen = Seen {
            now: self.now,
            elapsed: TICK,
            tick: TICK,
            vms: &vms,
            warming: self.ordered,
            supply: Supply { ready: self.ready, take: Duration::from_secs(10), make },
            limit: LIMIT,
            damping: None,
            coverage: 0.7,
            min: 2,
            max: self.max,
        };
        look(&mut self.memory, &seen, &Tuning::default())
    }

    /// One tick: what was ordered serves, the scaler looks, the work falls on the VMs. None: nobody
    /// measures.
    fn tick(&mut self, work: f64, is_measured: bool) -> Wanted {
        self.now = self.now + TICK;
        let came = std::mem::take(&mut self.ordered);
        self.vms.extend(std::iter::repeat_n(self.now, came as usize));
        if self.measured.len() > 1 {
            self.seen = self.measured.pop_front();
        }
        let wanted = self.look();
        let count = self.count();
        self.ordered += wanted.count.saturating_sub(count);
        for _ in wanted.count..count {
            self.vms.pop();
        }
        if is_measured {
            let load = work / self.vms.len().max(1) as f64;
            self.measured.push_back((self.now + TICK, load));
        }
        wanted
    }
}

/// A number that looks like chance, between -1 and 1.
fn noise(number: u32) -> f64 {
    f64::from(number.wrapping_mul(2_654_435_761) >> 16) / 32_768.0 - 1.0
}

#[test]
fn a_day_as_a_story() {
    let mut module = Module::of(3);
    let mut story = String::new();
    for number in 0..400_u32 {
        let work = match number {
            0..100 => 2.0,
            100..140 => 2.0 + f64::from(number - 100) * 0.2,
            140..200 => 10.0,
            200..204 => 20.0,
            _ => 4.0,
        };
        let before = module.count();
        let wanted = module.tick(work, true);
        if wanted.count != before {
            let Why::Moves(account) = wanted.why else { panic!("a move without an account") };
            let to = wanted.count;
            story.push_str(&format!("{}s {before} -> {to}  {account}\n", number * 15));
        }
    }
    expect![[r#"
        1575s 3 -> 4  work of 2.6 VMs, 2.6 expected in 45s (as now, margin +0.0)
        1620s 4 -> 5  work of 3.2 VMs, 3.9 expected in 45s (on its slope, margin +0.2)
        1635s 5 -> 6  work of 3.4 VMs, 4.1 expected in 45s (on its slope, margin +0.1)
        1695s 6 -> 7  work of 4.2 VMs, 4.9 expected in 45s (on its slope, margin +0.1)
        1770s 7 -> 8  work of 5.2 VMs, 5.8 expected in 45s (on its slope, margin +0.0)
        1815s 8 -> 9  work of 5.8 VMs, 6.4 expected in 45s (on its slope, margin +0.0)
        1875s 9 -> 10  work of 6.6 VMs, 7.2 expected in 45s (on its slope, margin +0.0)
        1935s 10 -> 11  work of 7.4 VMs, 8.0 expected in 45s (on its slope, margin +0.0)
        1995s 11 -> 12  work of 8.2 VMs, 8.8 expected in 45s (on its slope, margin +0.0)
        2055s 12 -> 13  work of 9.0 VMs, 9.6 expected in 45s (on its slope, margin +0.0)
        2115s 13 -> 14  work of 9.8 VMs, 10.4 expected in 45s (on its slope, margin +0.0)
        2865s 14 -> 13  work of 10.0 VMs, 10.0 expected in 45s (on its slope, margin -0.0)
        3030s 13 -> 49  work of 20.0 VMs, 39.2 expected in 3m30s (on its slope, margin -0.8, more than the pool has)
        3105s 49 -> 5  work of 4.0 VMs, 4.0 expected in 45s (as now, margin +0.0)
        3135s 5 -> 6  work of 4.0 VMs, 4.1 expected in 45s (as now, margin +0.1)
    "#]].assert_eq(&story);
}

#[test]
fn work_that_does_not_change_moves_nothing_however_noisy() {
    let mut module = Module::of(14);
    let mut actions = 0;
    for number in 0..5_760 {
        let before = module.count();
        let wanted = module.tick(10.0 * (1.0 + 0.05 * noise(number)), true);
        // The first hours are for learning what noise there is.
        actions += u32::from(number > 960 && wanted.count != before);
    }
    assert!(actions <= 4, "{actions} actions in 20 hours");
}

#[test]
fn a_long_rise_takes_fewer_actions_than_it_adds_vms() {
    let mut module = Module::of(8);
    let mut actions = 0;
    for number in 0..1_440_u32 {
        // Up by thirty VMs in the last four of six hours.
        let risen = f64::from(number.saturating_sub(480)) / 960.0 * 24.0;
        let before = module.count();
        let wanted = module.tick(6.0 + risen + 0.1 * noise(number), true);
        actions += u32::from(wanted.count != before);
    }
    assert!(module.count() >= 37, "{} VMs", module.count());
    assert!(actions <= 20, "{actions} actions for {} VMs", module.count() - 8);
}

#[test]
fn blind_it_takes_nothing_away_and_adds_nothing() {
    let mut module = Module::of(14);
    for _ in 0..300 {
        module.tick(10.0, true);
    }
    let count = module.count();
    for number in 0..400 {
        let wanted = module.tick(1.0, false);
        assert_eq!(wanted.count, count, "blind tick {number}");
        if number > 10 {
            assert!(matches!(wanted.why, Why::Blind { .. }), "{:?}", wanted.why);
        }
    }
}

#[test]
fn a_restart_in_the_middle_changes_nothing() {
    let mut through = Module::of(4);
    let mut restarted = Module::of(4);
    for number in 0..2_000_u32 {
        let work = 8.0 + 5.0 * (f64::from(number) / 90.0).sin() + noise(number);
        let wanted = through.tick(work, true);
        assert_eq!(restarted.tick(work, true), wanted, "tick {number}");
        if number % 250 == 0 {
            let stored = serde_json::to_string(&restarted.memory).unwrap();
            assert!(stored.len() < 12_000, "{} bytes", stored.len());
            restarted.memory = serde_json::from_str(&stored).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// While the pool has VMs, work that lasts is carried a few ticks later, whatever came before.
    #[test]
    fn what_is_plainly_needed_is_there_in_time(
        works in prop::collection::vec(0.1_f64..40.0, 1..8),
    ) {
        let mut module = Module::of(4);
        for work in works {
            for number in 0..60 {
                module.ready = 100;
                let wanted = module.tick(work, true);
                let needed = (work / LIMIT - 1e-6).ceil() as u32;
                prop_assert!(wanted.count <= module.max);
                prop_assert!(wanted.count >= 2);
                if number >= 6 {
                    prop_assert!(
                        module.count() >= needed.min(module.max),
                        "tick {} of work {}: {} of {}", number, work, module.count(), needed
                    );
                }
            }
        }
    }

    /// A load of anything, and of nothing, breaks nothing.
    #[test]
    fn any_work_gives_a_count_within_bounds(
        works in prop::collection::vec((0.0_f64..500.0, any::<bool>()), 1..200),
    ) {
        let mut module = Module::of(3);
        for (work, is_measured) in works {
            let wanted = module.tick(work, is_measured);
            prop_assert!((2..=module.max).contains(&wanted.count), "{:?}", wanted);
        }
    }
}
