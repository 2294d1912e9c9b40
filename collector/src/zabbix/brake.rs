//! The discovery brake: a list that shrinks suddenly is not believed at once.
//!
//! If the API user loses sight of a host group, the API answers correctly and with fewer hosts;
//! nothing tells it from hosts that were deleted. If those VMs left the topology at once, their
//! alarms would end and the scaler would make new ones. So a list that is shorter by more than a
//! fifth, or by more than ten, is held: what it leaves out stays, and is reported, until the same
//! was seen in three refreshes. A host that was left out in the end is stale for a day before it
//! is forgotten, since it may be seen again; what was found out about it is kept that long.
//!
//! Pure: lists and times come in, the state can be stored. An error of the API is no list.

use std::collections::BTreeMap;
use std::time::Duration;

use model::time::Time;
use serde::{Deserialize, Serialize};

use super::ids::HostKey;

/// A list may lack this share of what was there...
const MAX_LOST_PERCENT: usize = 20;
/// ... and no more than so many.
const MAX_LOST: usize = 10;
/// In so many refreshes in a row something must be missing to be believed.
const BELIEVED_AFTER: u32 = 3;
/// How long a host is remembered that is gone.
pub const STALE_FOR: Duration = Duration::from_secs(24 * 3600);

/// What was ever listed, but for what is gone for a day.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Brake<T> {
    pub known: BTreeMap<HostKey, Known<T>>,
}

/// One host that was listed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Known<T> {
    pub what: T,
    pub first_seen: Time,
    /// Refreshes in a row that did not list it.
    pub misses: u32,
    /// Gone, and believed to be.
    pub stale_since: Option<Time>,
}

/// What one list changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    pub added: Vec<HostKey>,
    pub changed: Vec<HostKey>,
    pub stale: Vec<HostKey>,
    pub forgotten: Vec<HostKey>,
    /// Missing in this list and not believed to be gone yet.
    pub held: Vec<HostKey>,
}

impl<T> Default for Brake<T> {
    fn default() -> Self {
        Self { known: BTreeMap::new() }
    }
}

impl<T: PartialEq> Brake<T> {
    /// Takes in a full list.
    pub fn list(&mut self, hosts: BTreeMap<HostKey, T>, now: Time) -> Listed {
        let mut listed = Listed::default();
        let missing: Vec<HostKey> =
            self.live().map(|(id, _)| id).filter(|id| !hosts.contains_key(id)).collect();
        let is_sudden = self.is_sudden(missing.len());
        for (id, what) in hosts {
            self.see(id, what, now, &mut listed);
        }
        for id in missing {
            let Some(known) = self.known.get_mut(&id) else { continue };
            known.misses += 1;
            if is_sudden && known.misses < BELIEVED_AFTER {
                listed.held.push(id);
            } else {
                known.stale_since = Some(now);
                listed.stale.push(id);
            }
        }
        self.forget(now, &mut listed);
        listed
    }

    /// Those that are there, as far as is believed.
    pub fn live(&self) -> impl Iterator<Item = (HostKey, &Known<T>)> {
        self.known
            .iter()
            .filter(|(_, known)| known.stale_since.is_none())
            .map(|(id, known)| (*id, known))
    }

    fn is_sudden(&self, missing: usize) -> bool {
        missing > MAX_LOST || missing * 100 > self.live().count() * MAX_LOST_PERCENT
    }

    fn see(&mut self, id: HostKey, what: T, now: Time, listed: &mut Listed) {
        let Some(known) = self.known.get_mut(&id) else {
            let known = Known { what, first_seen: now, misses: 0, stale_since: None };
            self.known.insert(id, known);
            listed.added.push(id);
            return;
        };
        known.misses = 0;
        if known.stale_since.take().is_some() {
            listed.added.push(id);
        } else if known.what != what {
            listed.changed.push(id);
        }
        known.what = what;
    }

    fn forget(&mut self, now: Time, listed: &mut Listed) {
        self.known.retain(|id, known| {
            let is_over = known.stale_since.is_some_and(|since| now.since(since) >= STALE_FOR);
            if is_over {
                listed.forgotten.push(*id);
            }
            !is_over
        });
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    /// Each line: hours, and the ids listed, as ranges.
    fn check(script: &str, expected: &Expect) {
        let mut brake = Brake::default();
        let mut log = String::new();
        for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (hours, ids) = line.split_once("h ").unwrap_or((line.trim_end_matches('h'), ""));
            let now = Time::from_millis(hours.parse::<i64>().unwrap() * 3_600_000);
            let text = serde_json::to_string(&brake).unwrap();
            brake = serde_json::from_str(&text).unwrap(); // It survives a restart at any time.
            let listed = brake.list(hosts(ids), now);
            let Listed { added, changed, stale, forgotten, held } = &listed;
            let parts =
                [("+", added), ("~", changed), ("-", stale), ("x", forgotten), ("held", held)];
            let parts = parts.iter().filter(|(_, ids)| !ids.is_empty());
            let shown: Vec<String> =
                parts.map(|(sign, ids)| format!("{sign} {}", ids.len())).collect();
            log += &format!("{hours}h {} live, {}\n", brake.live().count(), shown.join(", "));
        }
        expected.assert_eq(&log);
    }

    fn hosts(ids: &str) -> BTreeMap<HostKey, ()> {
        let ranges = ids.split_whitespace().map(|range| range.split_once('-').unwrap());
        let number = |text: &str| text.parse::<u64>().unwrap();
        ranges
            .flat_map(|(from, to)| number(from)..=number(to))
            .map(|id| (HostKey(id), ()))
            .collect()
    }

    #[test]
    fn a_few_hosts_may_go_at_once_and_are_remembered_for_a_day() {
        check(
            "
            0h 1-50
            1h 1-40
            2h 1-40
            24h 1-40
            25h 1-40
            26h 1-41
            ",
            &expect![[r#"
                0h 50 live, + 50
                1h 40 live, - 10
                2h 40 live, 
                24h 40 live, 
                25h 40 live, x 10
                26h 41 live, + 1
            "#]],
        );
    }

    #[test]
    fn a_sudden_loss_is_believed_when_seen_three_times() {
        check(
            "
            0h 1-100
            1h 1-50
            2h 1-50
            3h 1-50
            4h 1-100
            ",
            &expect![[r#"
                0h 100 live, + 100
                1h 100 live, held 50
                2h 100 live, held 50
                3h 50 live, - 50
                4h 100 live, + 50
            "#]],
        );
    }

    #[test]
    fn an_empty_list_takes_nothing_away_and_a_full_one_ends_the_doubt() {
        check(
            "
            0h 1-3
            1h
            2h
            3h 1-3
            4h
            5h 1-2
            6h 1-2
            ",
            &expect![[r#"
                0h 3 live, + 3
                1h 3 live, held 3
                2h 3 live, held 3
                3h 3 live, 
                4h 3 live, held 3
                5h 3 live, held 1
                6h 2 live, - 1
            "#]],
        );
    }

    proptest! {
        #[test]
        fn nothing_goes_suddenly_before_it_was_missed_three_times(
            lists in prop::collection::vec(prop::collection::btree_set(0u64..40, 0..40), 1..20),
        ) {
            let mut brake: Brake<()> = Brake::default();
            let mut misses: BTreeMap<HostKey, u32> = BTreeMap::new();
            for (hour, ids) in lists.iter().enumerate() {
                let before = brake.live().count();
                for (id, _) in brake.live() {
                    let missed = !ids.contains(&id.0);
                    let count = misses.entry(id).or_default();
                    *count = if missed { *count + 1 } else { 0 };
                }
                let now = Time::from_millis(hour as i64 * 3_600_000);
                let list = ids.iter().map(|id| (HostKey(*id), ())).collect();
                let listed = brake.list(list, now);
                let lost = listed.stale.len() + listed.held.len();
                if lost > 10 || lost * 100 > before * 20 {
                    prop_assert!(listed.stale.iter().all(|id| misses[id] >= 3));
                }
                prop_assert!(ids.iter().all(|id| brake.live().any(|(live, _)| live.0 == *id)));
            }
        }
    }
}
