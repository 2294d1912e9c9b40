//! Who is due when, and who may go.
//!
//! Each target is due once per interval, at a phase of its own that follows from its name: so
//! thousands of targets spread over the interval by themselves, and each keeps its rhythm. Phases
//! fall on ticks, so that a few looks begin together: each awakening costs as much as a short look,
//! on our side and, where many are asked on one machine, on theirs.
//!
//! What hangs must not starve what is well. Were all to draw on one budget, a rack that hangs
//! would hold it for a whole timeout each round, and the fewer looks would be taken the more there
//! is to see. So whoever used up its whole time at the last look is a suspect, and suspects share
//! a small part of the budget that is theirs alone. They wait for each other, and for nobody else.
//!
//! Nor must one machine get all our questions at once because many targets live there: each
//! destination has a small budget of its own. Who waits for its destination is parked there, off
//! the lanes, so that nobody else waits behind it; that wait is the destination's and not our lag.
//!
//! Pure: time comes in, as a [`Duration`] since some fixed moment.
//!
//! Invariants: a target is never under way twice; no more are under way than the budget, in all and
//! per destination; a target that was removed is not started again. Each operation costs a few searches in ordered trees.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Decides who may be looked at.
#[derive(Debug)]
pub(crate) struct Schedule<K> {
    entries: BTreeMap<K, Entry>,
    healthy: Lane<K>,
    suspects: Lane<K>,
    destinations: BTreeMap<String, Destination<K>>,
}

/// The most looks under way at one destination. A `zabbix_agentd` serves three at once.
const AT_ONE_DESTINATION: usize = 8;
/// Of one interval.
const LEAST_TICKS: u32 = 5;

/// When a target is due: at `phase` and then `every` so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rhythm {
    every: Duration,
    /// Less than `every`.
    phase: Duration,
}

#[derive(Debug)]
struct Entry {
    rhythm: Rhythm,
    destination: String,
    /// When it is due, or, while it is under way, when it was.
    due: Duration,
    running: bool,
    is_suspect: bool,
    /// It is due, and waits for its destination.
    parked: bool,
}

/// Those who look at the same address.
#[derive(Debug)]
struct Destination<K> {
    running: usize,
    parked: BTreeSet<(Duration, K)>,
}

/// Those who share one part of the budget.
#[derive(Debug)]
struct Lane<K> {
    budget: usize,
    running: usize,
    due: BTreeSet<(Duration, K)>,
}

impl Rhythm {
    /// A phase that depends on the name alone, and is one of the ticks. However short the interval
    /// is, there are some.
    pub(crate) fn of(name: &str, every: Duration, tick: Duration) -> Self {
        let every = every.max(Duration::from_millis(1));
        let tick = tick.clamp(Duration::from_nanos(1), every / LEAST_TICKS);
        let ticks = every.as_nanos() / tick.as_nanos();
        let phase = u128::from(hash(name)) % ticks * tick.as_nanos();
        Self { every, phase: from_nanos(phase) }
    }

    /// With beats that count from a moment so long before the first of ours, in whole ticks of that length:
    /// who counts from the same moment again after a restart goes on where it was.
    pub(crate) fn since(self, origin: Duration, tick: Duration) -> Self {
        let tick = tick.as_nanos().max(1);
        let origin = origin.as_nanos() / tick * tick;
        let every = self.every.as_nanos();
        let phase = (self.phase.as_nanos() + every - origin % every) % every;
        Self { phase: from_nanos(phase), ..self }
    }

    /// The first beat after a moment.
    fn next_after(self, moment: Duration) -> Duration {
        let Some(since_first) = moment.checked_sub(self.phase) else { return self.phase };
        let beats = since_first.as_nanos() / self.every.as_nanos() + 1;
        self.phase + from_nanos(beats * self.every.as_nanos())
    }
}

impl<K: Clone + Ord> Schedule<K> {
    /// A quarter of the budget is for suspects, and each part is at least one.
    pub(crate) fn new(max_in_flight: usize) -> Self {
        let suspects = (max_in_flight / 4).max(1);
        let healthy = max_in_flight.saturating_sub(suspects).max(1);
        let lane = |budget| Lane { budget, running: 0, due: BTreeSet::new() };
        Self {
            entries: BTreeMap::new(),
            healthy: lane(healthy),
            suspects: lane(suspects),
            destinations: BTreeMap::new(),
        }
    }

    /// Adds a target that is not there yet; it is due within one interval.
    pub(crate) fn add(&mut self, key: K, destination: String, rhythm: Rhythm, now: Duration) {
        let due = rhythm.next_after(now);
        let entry =
            Entry { rhythm, destination, due, running: false, is_suspect: false, parked: false };
        let former = self.entries.insert(key.clone(), entry);
        debug_assert!(former.is_none(), "a target is removed before it is added anew");
        self.healthy.due.insert((due, key));
    }

    /// Forgets a target. If it is under way, its look no longer counts.
    pub(crate) fn remove(&mut self, key: &K) {
        let Some(entry) = self.entries.remove(key) else { return };
        if entry.running {
            self.lane(entry.is_suspect).running -= 1;
            self.leave(&entry.destination);
        } else if entry.parked {
            let destination = self.destinations.get_mut(&entry.destination);
            destination
                .expect("who is parked has a place")
                .parked
                .remove(&(entry.due, key.clone()));
        } else {
            self.lane(entry.is_suspect).due.remove(&(entry.due, key.clone()));
        }
    }

    /// Starts all who are due and may go, the longest due first, with how late each is. What suspects
    /// wait for each other is their own doing, and no lag.
    pub(crate) fn take(&mut self, now: Duration) -> Vec<(K, Duration)> {
        let mut started = Vec::new();
        for lane in [&mut self.healthy, &mut self.suspects] {
            while let Some((due, key)) = lane.first(now) {
                lane.due.remove(&(due, key.clone()));
                let entry = self.entries.get_mut(&key).expect("who is due has an entry");
                let destination = self.destinations.entry(entry.destination.clone()).or_default();
                if destination.running >= AT_ONE_DESTINATION {
                    entry.parked = true;
                    destination.parked.insert((due, key));
                    continue;
                }
                destination.running += 1;
                lane.running += 1;
                entry.running = true;
                let waited = now.saturating_sub(due);
                started.push((key, if entry.is_suspect { Duration::ZERO } else { waited }));
            }
        }
        started
    }

    /// A look has ended; it is a suspect's from now on if it used up its whole time. Returns how
    /// many beats it missed meanwhile.
    pub(crate) fn ended(&mut self, key: &K, used_up: bool, now: Duration) -> u64 {
        let Some(entry) = self.entries.get_mut(key).filter(|entry| entry.running) else { return 0 };
        let (was_suspect, was_due, every) = (entry.is_suspect, entry.due, entry.rhythm.every);
        let due = entry.rhythm.next_after(now);
        entry.due = due;
        entry.running = false;
        entry.is_suspect = used_up;
        let destination = entry.destination.clone();
        self.lane(was_suspect).running -= 1;
        self.lane(used_up).due.insert((due, key.clone()));
        self.leave(&destination);
        let beats = (due - was_due).as_nanos() / every.as_nanos();
        u64::try_from(beats.saturating_sub(1)).unwrap_or(u64::MAX)
    }

    /// A look at a destination is over: whoever waits for it longest goes back to its lane.
    fn leave(&mut self, destination: &str) {
        let Some(place) = self.destinations.get_mut(destination) else { return };
        place.running -= 1;
        let next = place.parked.pop_first();
        if place.running == 0 && place.parked.is_empty() {
            self.destinations.remove(destination);
        }
        let Some((due, key)) = next else { return };
        let entry = self.entries.get_mut(&key).expect("who is parked has an entry");
        entry.parked = false;
        let is_suspect = entry.is_suspect;
        self.lane(is_suspect).due.insert((due, key));
    }

    /// When somebody may go next, unless a look ends before.
    pub(crate) fn wake_at(&self) -> Option<Duration> {
        [&self.healthy, &self.suspects].into_iter().filter_map(Lane::wake_at).min()
    }

    /// For how long the longest due of the healthy waits.
    pub(crate) fn lag(&self, now: Duration) -> Duration {
        self.healthy.due.first().map_or(Duration::ZERO, |(due, _)| now.saturating_sub(*due))
    }

    pub(crate) fn suspects(&self) -> usize {
        let parked = self.destinations.values().flat_map(|place| &place.parked);
        let parked = parked.filter(|(_, key)| self.entries[key].is_suspect).count();
        self.suspects.due.len() + self.suspects.running + parked
    }

    fn lane(&mut self, is_suspect: bool) -> &mut Lane<K> {
        if is_suspect { &mut self.suspects } else { &mut self.healthy }
    }
}

impl<K: Clone + Ord> Lane<K> {
    fn first(&self, now: Duration) -> Option<(Duration, K)> {
        (self.wake_at()? <= now).then(|| self.due.first().cloned()).flatten()
    }

    fn wake_at(&self) -> Option<Duration> {
        let (due, _) = self.due.first()?;
        (self.running < self.budget).then_some(*due)
    }
}

impl<K> Default for Destination<K> {
    fn default() -> Self {
        Self { running: 0, parked: BTreeSet::new() }
    }
}

/// FNV-1a: the same on each machine and in each run, unlike the standard library's.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn from_nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)) // That is 584 years.
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const MILLISECOND: Duration = Duration::from_millis(1);
    const TICK: Duration = Duration::from_millis(100);

    fn schedule(max_in_flight: usize) -> Schedule<String> {
        Schedule::new(max_in_flight)
    }

    /// A destination of its own.
    fn here(name: &str) -> String {
        format!("host of {name}")
    }

    fn at(phase: Duration) -> Rhythm {
        Rhythm { every: 10 * SECOND, phase }
    }

    fn names(started: &[(String, Duration)]) -> Vec<&str> {
        started.iter().map(|(key, _)| key.as_str()).collect()
    }

    #[test]
    fn who_starts_again_goes_on_in_the_rhythm_of_before() {
        let (every, tick) = (Duration::from_secs(3_600), Duration::from_millis(20));
        let beat = |origin_ms: u64| {
            let origin = Duration::from_millis(origin_ms);
            let rhythm = Rhythm::of("check/shop/backup", every, tick).since(origin, tick);
            (origin + rhythm.next_after(Duration::ZERO)).as_millis() % every.as_millis() / 20
        };
        let first = beat(1_800_000_000_000);
        for later_ms in [20, 123_460, 3_599_980, 86_400_000] {
            assert_eq!(beat(1_800_000_000_000 + later_ms), first, "{later_ms}");
        }
    }

    #[test]
    fn each_target_keeps_its_beat_however_late_it_was() {
        let mut schedule = schedule(4);
        schedule.add("a".to_owned(), here("a"), at(3 * SECOND), Duration::ZERO);
        assert!(schedule.take(3 * SECOND - MILLISECOND).is_empty());
        assert_eq!(schedule.wake_at(), Some(3 * SECOND));
        assert_eq!(schedule.take(5 * SECOND), [("a".to_owned(), 2 * SECOND)]);
        assert_eq!(schedule.ended(&"a".to_owned(), false, 6 * SECOND), 0);
        assert_eq!(schedule.wake_at(), Some(13 * SECOND));
    }

    #[test]
    fn a_target_that_outlives_its_interval_does_not_overlap_itself() {
        let mut schedule = schedule(4);
        schedule.add("a".to_owned(), here("a"), at(SECOND), Duration::ZERO);
        assert_eq!(schedule.take(SECOND).len(), 1);
        assert!(schedule.take(11 * SECOND).is_empty());
        assert_eq!(schedule.ended(&"a".to_owned(), true, 22 * SECOND), 2);
        assert_eq!(schedule.wake_at(), Some(31 * SECOND));
    }

    #[test]
    fn a_target_that_is_removed_under_way_frees_its_place() {
        let mut schedule = schedule(2);
        schedule.add("a".to_owned(), here("a"), at(SECOND), Duration::ZERO);
        schedule.add("b".to_owned(), here("b"), at(2 * SECOND), Duration::ZERO);
        assert_eq!(names(&schedule.take(5 * SECOND)), ["a"]);
        schedule.remove(&"a".to_owned());
        assert_eq!(names(&schedule.take(5 * SECOND)), ["b"]);
        assert_eq!(schedule.ended(&"a".to_owned(), true, 6 * SECOND), 0, "a late word of a");
        schedule.remove(&"b".to_owned());
        schedule.add("c".to_owned(), here("c"), at(7 * SECOND), 6 * SECOND);
        schedule.remove(&"c".to_owned());
        assert_eq!(schedule.wake_at(), None);
    }

    #[test]
    fn phases_follow_from_names_and_spread_over_the_interval() {
        let rhythm = Rhythm::of("vm/web-1", 10 * SECOND, TICK);
        assert_eq!(rhythm, Rhythm::of("vm/web-1", 10 * SECOND, TICK));
        let mut per_second = [0; 10];
        for vm in 0..5000 {
            let phase = Rhythm::of(&format!("vm/web-{vm}"), 10 * SECOND, TICK).phase;
            assert_eq!(phase.as_nanos() % TICK.as_nanos(), 0);
            per_second[phase.as_secs() as usize] += 1;
        }
        assert!(per_second.iter().all(|count| (400..600).contains(count)), "{per_second:?}");
    }

    #[test]
    fn a_short_interval_has_ticks_too() {
        for every in [Duration::ZERO, Duration::from_nanos(3), MILLISECOND, 35 * MILLISECOND] {
            let phases = (0..1000).map(|vm| Rhythm::of(&format!("vm/web-{vm}"), every, TICK).phase);
            let phases: BTreeSet<_> = phases.collect();
            assert_eq!(phases.len(), LEAST_TICKS as usize, "{every:?}");
            assert!(phases.last() < Some(&every.max(MILLISECOND)));
        }
    }

    #[test]
    fn a_new_target_starts_within_one_interval() {
        for now in [Duration::ZERO, 12345 * MILLISECOND, 40 * SECOND] {
            for vm in 0..50 {
                let rhythm = Rhythm::of(&format!("vm/web-{vm}"), 10 * SECOND, TICK);
                let due = rhythm.next_after(now);
                assert!(due > now && due <= now + 10 * SECOND, "{now:?} {due:?}");
            }
        }
    }

    /// A made-up world: some targets hang until their timeout, the others answer at once.
    struct World {
        schedule: Schedule<String>,
        /// When the looks under way end.
        ends: BTreeSet<(Duration, String)>,
        looks: BTreeMap<String, u32>,
        most_under_way: usize,
        worst_lag_of_healthy: Duration,
    }

    const TIMEOUT: Duration = Duration::from_secs(3);

    impl World {
        fn of(targets: &[String], max_in_flight: usize) -> Self {
            let mut schedule = schedule(max_in_flight);
            for name in targets {
                schedule.add(
                    name.clone(),
                    here(name),
                    Rhythm::of(name, 10 * SECOND, TICK),
                    Duration::ZERO,
                );
            }
            let (ends, looks) = (BTreeSet::new(), BTreeMap::new());
            let worst_lag_of_healthy = Duration::ZERO;
            Self { schedule, ends, looks, most_under_way: 0, worst_lag_of_healthy }
        }

        fn run(&mut self, until: Duration) {
            loop {
                let ends = self.ends.first().map(|(end, _)| *end);
                let Some(now) = [self.schedule.wake_at(), ends].into_iter().flatten().min() else {
                    return;
                };
                if now > until {
                    return;
                }
                self.end_looks(now);
                self.start_looks(now);
            }
        }

        fn end_looks(&mut self, now: Duration) {
            while self.ends.first().is_some_and(|(end, _)| *end <= now) {
                let (_, name) = self.ends.pop_first().unwrap();
                self.schedule.ended(&name, name.starts_with("hangs"), now);
            }
        }

        fn start_looks(&mut self, now: Duration) {
            for (name, lag) in self.schedule.take(now) {
                let hangs = name.starts_with("hangs");
                if !hangs {
                    self.worst_lag_of_healthy = self.worst_lag_of_healthy.max(lag);
                }
                *self.looks.entry(name.clone()).or_default() += 1;
                self.ends.insert((now + if hangs { TIMEOUT } else { 5 * MILLISECOND }, name));
            }
            self.most_under_way = self.most_under_way.max(self.ends.len());
        }

        fn looks_at(&self, kind: &str) -> u32 {
            self.looks.iter().filter(|(name, _)| name.starts_with(kind)).map(|(_, n)| n).sum()
        }
    }

    fn three_hundred(hanging: usize) -> Vec<String> {
        let hangs = (0..hanging).map(|vm| format!("hangs-{vm}"));
        hangs.chain((hanging..300).map(|vm| format!("well-{vm}"))).collect()
    }

    #[test]
    fn a_hundred_that_hang_do_not_delay_the_two_hundred_that_are_well() {
        let mut world = World::of(&three_hundred(100), 64);
        world.run(60 * SECOND);
        assert_eq!(world.looks_at("well"), 6 * 200);
        // 16 places of 3 s each: a suspect is looked at less often, but is looked at.
        assert!(world.looks_at("hangs") >= 100 + 16 * 10, "{}", world.looks_at("hangs"));
        assert!(world.most_under_way <= 64, "{}", world.most_under_way);
        assert!(world.worst_lag_of_healthy < 100 * MILLISECOND, "{:?}", world.worst_lag_of_healthy);
        assert_eq!(world.schedule.suspects(), 100);
    }

    #[test]
    fn when_nothing_hangs_nothing_waits() {
        let mut world = World::of(&three_hundred(0), 64);
        world.run(60 * SECOND);
        assert_eq!(world.looks_at("well"), 6 * 300);
        assert_eq!(world.worst_lag_of_healthy, Duration::ZERO);
    }

    #[test]
    fn the_lag_tells_of_those_who_still_wait() {
        let mut schedule = schedule(2);
        for name in ["a", "b"] {
            schedule.add(name.to_owned(), here(name), at(SECOND), Duration::ZERO);
        }
        assert_eq!(names(&schedule.take(SECOND)), ["a"]);
        assert_eq!(schedule.lag(4 * SECOND), 3 * SECOND);
        schedule.ended(&"a".to_owned(), false, 4 * SECOND);
        assert_eq!(schedule.take(4 * SECOND), [("b".to_owned(), 3 * SECOND)]);
        assert_eq!(schedule.lag(4 * SECOND), Duration::ZERO);
    }

    #[test]
    fn one_destination_gets_a_few_looks_at_once_and_nobody_else_waits_for_it() {
        let mut schedule = schedule(64);
        for vm in 0..20 {
            schedule.add(format!("a{vm:02}"), here("all"), at(SECOND), Duration::ZERO);
        }
        schedule.add("b".to_owned(), here("b"), at(SECOND), Duration::ZERO);
        let first = schedule.take(SECOND);
        assert_eq!(first.len(), AT_ONE_DESTINATION + 1);
        assert_eq!(schedule.lag(5 * SECOND), Duration::ZERO, "the wait is the destination's");
        schedule.remove(&"a08".to_owned());
        schedule.ended(&"a00".to_owned(), false, 5 * SECOND);
        schedule.remove(&"a01".to_owned());
        let next = schedule.take(5 * SECOND);
        assert_eq!(next, [("a09".to_owned(), 4 * SECOND), ("a10".to_owned(), 4 * SECOND)]);
        for vm in 2..20 {
            schedule.ended(&format!("a{vm:02}"), false, 6 * SECOND);
            schedule.take(6 * SECOND);
        }
        for vm in 2..20 {
            schedule.ended(&format!("a{vm:02}"), false, 6 * SECOND);
        }
        assert_eq!(schedule.ended(&"b".to_owned(), false, 6 * SECOND), 0);
        assert!(schedule.destinations.is_empty(), "{:?}", schedule.destinations);
    }
}
