//! Whether we see at all: the fault of one target is told from our own blindness.
//!
//! If the collector's uplink breaks, every target falls silent at once, and none of them is down.
//! Two witnesses tell: *canaries*, addresses that the user names because they always answer, and
//! the targets themselves. While any canary answers, we see. If all canaries are silent, or if
//! there is none and nearly everything that answered lately has fallen silent at once, we are
//! blind, and what is not seen meanwhile is unknown and not down. Who has seen nothing at all since
//! it began to look, and should see many, is blind as well: a brain may be started while its uplink
//! is broken.
//!
//! Without canaries a small fleet says nothing: of four VMs on one host, four may die at once.
//! That is why there is a least number of targets and of hosts below which nothing is concluded.
//!
//! Pure: time comes in. Invariant: whoever is blind sees again with the first canary that
//! answers, or when the half of what was lost is back.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::time::Time;

/// When silence of many is taken for blindness of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// The share of the targets that answered within `window` before, which must have fallen
    /// silent.
    pub lost_share: f64,
    /// No fewer targets than these, on no fewer hosts than `min_places`.
    pub min_targets: usize,
    pub min_places: usize,
    /// How far back "at once" reaches; two intervals of polling are right.
    pub window: Duration,
    /// Looks at a canary in a row that must fail.
    pub canary_misses: u32,
}

/// What the senses think of themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Sight {
    #[default]
    Clear,
    /// Nothing seen since then counts.
    Blind { since: Time, reason: String },
}

/// Everything that answers or not, and what follows for the eye that looks.
#[derive(Clone, Debug)]
pub struct Watchman {
    rules: Rules,
    canaries: BTreeMap<String, Canary>,
    targets: BTreeMap<String, Target>,
    /// How many targets there are, looked at already or not.
    expected: usize,
    sight: Sight,
    /// Those who fell silent when we went blind or since, and how many they were at most.
    lost: BTreeSet<String>,
    most_lost: usize,
}

#[derive(Clone, Copy, Debug, Default)]
struct Canary {
    misses: u32,
    silent_since: Option<Time>,
}

#[derive(Clone, Debug)]
struct Target {
    /// What it stands on; targets of one place may fall together.
    place: String,
    answered: Option<Time>,
    silent_since: Option<Time>,
}

impl Rules {
    /// Usual rules for targets that are polled so often.
    pub fn for_interval(interval: Duration) -> Self {
        Self {
            lost_share: 0.8,
            min_targets: 10,
            min_places: 3,
            window: interval * 2,
            canary_misses: 2,
        }
    }
}

impl Watchman {
    pub fn new(rules: Rules, canaries: impl IntoIterator<Item = String>) -> Self {
        let canaries = canaries.into_iter().map(|name| (name, Canary::default())).collect();
        Self {
            rules,
            canaries,
            targets: BTreeMap::new(),
            expected: 0,
            sight: Sight::Clear,
            lost: BTreeSet::new(),
            most_lost: 0,
        }
    }

    pub fn sight(&self) -> &Sight {
        &self.sight
    }

    pub fn is_blind(&self) -> bool {
        self.sight != Sight::Clear
    }

    /// A canary was looked at. Returns the new sight if it changed.
    pub fn on_canary(&mut self, name: &str, answered: bool, at: Time) -> Option<&Sight> {
        let canary = self.canaries.get_mut(name)?;
        if answered {
            *canary = Canary::default();
        } else {
            canary.misses += 1;
            canary.silent_since = canary.silent_since.or(Some(at));
        }
        self.judge(at)
    }

    /// A target was looked at: whether it answered anything at all, and what it stands on.
    /// Returns the new sight if it changed.
    pub fn on_target(
        &mut self,
        name: &str,
        place: &str,
        answered: bool,
        at: Time,
    ) -> Option<&Sight> {
        let unknown = || Target { place: place.to_owned(), answered: None, silent_since: None };
        let target = self.targets.entry(name.to_owned()).or_insert_with(unknown);
        let is_news = answered == target.silent_since.is_some();
        if answered {
            target.answered = Some(at);
            target.silent_since = None;
            self.lost.remove(name);
        } else {
            target.silent_since = target.silent_since.or(Some(at));
            if self.sight != Sight::Clear {
                self.lost.insert(name.to_owned());
                self.most_lost = self.most_lost.max(self.lost.len());
            }
        }
        // All targets are counted only when one has changed: thousands are looked at each second.
        if is_news { self.judge(at) } else { None }
    }

    /// Forgets targets that are looked at no longer, and knows how many there are.
    pub fn keep_only(&mut self, names: &BTreeSet<String>) {
        self.expected = names.len();
        self.targets.retain(|name, _| names.contains(name));
        self.lost.retain(|name| names.contains(name));
        self.most_lost = self.most_lost.min(self.targets.len());
    }

    fn judge(&mut self, now: Time) -> Option<&Sight> {
        let next = if self.canaries.is_empty() { self.by_share(now) } else { self.by_canaries() };
        match (&self.sight, next) {
            (Sight::Clear, Some((since, reason))) => self.sight = Sight::Blind { since, reason },
            (Sight::Blind { .. }, None) => self.sight = Sight::Clear,
            (Sight::Clear, None) | (Sight::Blind { .. }, Some(_)) => return None,
        }
        Some(&self.sight)
    }

    fn by_canaries(&self) -> Option<(Time, String)> {
        let all = self.canaries.values();
        let silent = |canary: &Canary| canary.misses >= self.rules.canary_misses;
        if !all.clone().all(silent) {
            return None;
        }
        let since = all.filter_map(|canary| canary.silent_since).min()?;
        let names: Vec<&str> = self.canaries.keys().map(String::as_str).collect();
        Some((since, format!("no canary answers: {}", names.join(", "))))
    }

    /// By what was lost at once; once blind, until half of that is back.
    fn by_share(&mut self, now: Time) -> Option<(Time, String)> {
        if let Sight::Blind { since, reason } = &self.sight {
            let most_are_back = self.lost.len() * 2 <= self.most_lost;
            return (!most_are_back).then(|| (*since, reason.clone()));
        }
        let seen_any = self.targets.values().any(|target| target.answered.is_some());
        let (lost, of) = if seen_any { self.lost_lately(now) } else { self.never_seen() };
        let places: BTreeSet<&str> = lost.iter().map(|(_, target)| &*target.place).collect();
        let share = lost.len() as f64 / of.max(1) as f64;
        let enough = lost.len() >= self.rules.min_targets && places.len() >= self.rules.min_places;
        if !enough || share < self.rules.lost_share {
            return None;
        }
        let began = lost.iter().filter_map(|(_, target)| target.silent_since).min()?;
        let (count, hosts) = (lost.len(), places.len());
        let reason = if seen_any {
            let within = now.since(began).as_secs();
            format!("{count} of {of} targets on {hosts} hosts fell silent within {within} s")
        } else {
            format!("{count} of {of} targets on {hosts} hosts, and not one has ever answered")
        };
        self.lost = lost.into_iter().map(|(name, _)| name.clone()).collect();
        self.most_lost = count;
        Some((began, reason))
    }

    /// Of those that answered a moment ago, those that are silent, and how many that was of.
    fn lost_lately(&self, now: Time) -> (Vec<(&String, &Target)>, usize) {
        let since = now - self.rules.window;
        let answered_lately = |target: &Target| {
            target.silent_since.map_or(target.answered >= Some(since), |silent| {
                silent >= since && target.answered >= Some(since - self.rules.window)
            })
        };
        let lately: Vec<(&String, &Target)> =
            self.targets.iter().filter(|(_, target)| answered_lately(target)).collect();
        let silent = lately.iter().filter(|(_, target)| target.silent_since.is_some());
        (silent.copied().collect(), lately.len())
    }

    /// All that were looked at, none of which answered, and how many there are to look at.
    fn never_seen(&self) -> (Vec<(&String, &Target)>, usize) {
        (self.targets.iter().collect(), self.expected.max(self.targets.len()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1000)
    }

    fn watchman(canaries: &[&str]) -> Watchman {
        let rules = Rules::for_interval(Duration::from_secs(10));
        Watchman::new(rules, canaries.iter().map(|name| (*name).to_owned()))
    }

    /// All of `targets` on four hosts are looked at.
    fn look(watchman: &mut Watchman, targets: std::ops::Range<usize>, answered: bool, second: i64) {
        for target in targets {
            let (name, place) = (format!("vm/{target}"), format!("host {}", target % 4));
            watchman.on_target(&name, &place, answered, at(second));
        }
    }

    #[test]
    fn when_nearly_all_fall_silent_at_once_it_is_us() {
        let mut watchman = watchman(&[]);
        look(&mut watchman, 0..20, true, 0);
        look(&mut watchman, 0..15, false, 10);
        assert!(!watchman.is_blind(), "three quarters may be a switch");
        look(&mut watchman, 15..19, false, 12);
        let Sight::Blind { since, reason } = watchman.sight().clone() else { panic!() };
        assert_eq!(since, at(10), "back to the first silence");
        assert_eq!(reason, "16 of 20 targets on 4 hosts fell silent within 2 s");
        look(&mut watchman, 0..8, true, 30);
        assert!(watchman.is_blind(), "not yet half of them");
        look(&mut watchman, 8..10, true, 30);
        assert_eq!(*watchman.sight(), Sight::Clear);
    }

    #[test]
    fn one_host_that_dies_is_no_blindness_however_small_the_fleet() {
        let mut watchman = watchman(&[]);
        let on_one_host = |watchman: &mut Watchman, answered, second| {
            for vm in 0..12 {
                watchman.on_target(&format!("vm/{vm}"), "h1", answered, at(second));
            }
        };
        on_one_host(&mut watchman, true, 0);
        on_one_host(&mut watchman, false, 10);
        assert!(!watchman.is_blind());
    }

    #[test]
    fn what_fell_silent_one_after_the_other_over_hours_is_no_blindness() {
        let mut watchman = watchman(&[]);
        look(&mut watchman, 0..20, true, 0);
        for target in 0..20 {
            let second = 100 * (target as i64 + 1);
            look(&mut watchman, target + 1..20, true, second);
            look(&mut watchman, target..target + 1, false, second);
        }
        assert!(!watchman.is_blind());
    }

    #[test]
    fn a_canary_that_answers_outweighs_any_number_of_silent_targets() {
        let mut watchman = watchman(&["gateway", "dns"]);
        look(&mut watchman, 0..20, true, 0);
        look(&mut watchman, 0..20, false, 10);
        for second in [10, 20, 30] {
            watchman.on_canary("gateway", false, at(second));
        }
        assert!(!watchman.is_blind(), "dns was not heard to fail");
        watchman.on_canary("dns", false, at(31));
        assert!(!watchman.is_blind(), "once is not enough");
        let told = watchman.on_canary("dns", false, at(41)).cloned();
        let reason = "no canary answers: dns, gateway".to_owned();
        assert_eq!(told, Some(Sight::Blind { since: at(10), reason }));
        assert!(watchman.on_canary("dns", false, at(51)).is_none(), "it is told once");
        assert_eq!(watchman.on_canary("gateway", true, at(52)), Some(&Sight::Clear));
    }

    #[test]
    fn who_has_never_seen_anything_is_blind_once_it_has_looked_at_nearly_all() {
        let mut watchman = watchman(&[]);
        watchman.keep_only(&(0..20).map(|vm| format!("vm/{vm}")).collect());
        look(&mut watchman, 0..15, false, 0);
        assert!(!watchman.is_blind(), "the others may answer");
        look(&mut watchman, 15..20, false, 3);
        let reason = "16 of 20 targets on 4 hosts, and not one has ever answered".to_owned();
        assert_eq!(*watchman.sight(), Sight::Blind { since: at(0), reason });
        look(&mut watchman, 0..10, true, 10);
        assert_eq!(*watchman.sight(), Sight::Clear);
        look(&mut watchman, 10..20, false, 10);
        assert!(!watchman.is_blind(), "what never answered while others did is their fault");
    }

    #[test]
    fn targets_that_are_taken_off_the_list_count_no_longer() {
        let mut watchman = watchman(&[]);
        look(&mut watchman, 0..20, true, 0);
        look(&mut watchman, 0..20, false, 10);
        assert!(watchman.is_blind());
        watchman.keep_only(&BTreeSet::from(["vm/99".to_owned()]));
        watchman.on_target("vm/99", "h", false, at(20));
        watchman.on_target("vm/99", "h", true, at(30));
        assert!(!watchman.is_blind());
    }
}
