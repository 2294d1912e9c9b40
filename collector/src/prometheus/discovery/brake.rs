//! The discovery brake: a list that suddenly shrinks is not believed at once.
//!
//! A service that restarts, a query that times out, a file half written: each gives a short list
//! that looks in order. Who believes it stops looking at a good part of the fleet, and sees nothing
//! wrong with it. So what is missing from a list that shrinks by much stays, until it was missing
//! in several lists in a row; meanwhile the shrinking is reported. What is new is taken at once:
//! one look too many does no harm.
//!
//! A pure state machine, which can be stored. One URL is one target; if a list has it twice, the
//! last counts. Of a list that could not be read whole, what was read is added, and nothing is
//! missing.

use std::collections::BTreeMap;
use std::time::Duration;

use model::series::Labels;
use model::time::Time;
use serde::{Deserialize, Serialize};

/// More than one of so many missing at once is much.
const FRACTION: usize = 5;
/// So are more than these, however many there are.
const TARGETS: usize = 10;
/// When a list was read is noted this often, so that what is stored does not change each time.
const NOTED_EVERY: Duration = Duration::from_secs(3600);
/// In how many lists in a row a target must be missing before that is believed.
const REFRESHES: u32 = 3;

/// A page to scrape, as a list names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub url: String,
    pub labels: Labels,
}

/// What is believed of a source.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// By URL.
    targets: BTreeMap<String, Known>,
    /// When the list was last read whole, give or take an hour.
    #[serde(default)]
    read_at: Option<Time>,
}

/// Why the brake is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// How many targets are not in the list and still looked at.
    pub missing: usize,
    /// How many there were before.
    pub of: usize,
    /// After how many more lists without them they are gone, if it stays as it is.
    pub refreshes_left: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Known {
    labels: BTreeMap<String, String>,
    /// How many lists in a row it was missing in.
    #[serde(default)]
    missed: u32,
}

impl Brake {
    /// Takes a list for what it says, and holds what is missing if that is much.
    pub fn step(&mut self, list: Vec<Endpoint>) -> Option<Held> {
        let of = self.targets.len();
        for known in self.targets.values_mut() {
            known.missed += 1;
        }
        for endpoint in list {
            self.targets.insert(endpoint.url, Known::new(&endpoint.labels));
        }
        let missing = self.targets.values().filter(|known| known.missed > 0).count();
        let is_much = missing * FRACTION > of || missing > TARGETS;
        let patience = if is_much { REFRESHES } else { 1 };
        self.targets.retain(|_, known| known.missed < patience);
        let held = self.targets.values().filter(|known| known.missed > 0);
        let refreshes_left = held.clone().map(|known| REFRESHES - known.missed).max()?;
        Some(Held { missing: held.count(), of, refreshes_left })
    }

    /// Takes a list as it stands.
    pub fn accept(&mut self, list: Vec<Endpoint>) -> Option<Held> {
        self.targets.clear();
        self.step(list)
    }

    /// Takes what is new in a part of a list; what is missing may be in the rest of it.
    pub fn add(&mut self, part: Vec<Endpoint>) {
        let part = part.into_iter().map(|found| (found.url, Known::new(&found.labels)));
        self.targets.extend(part);
    }

    /// A list was read whole.
    pub fn note_read(&mut self, now: Time) {
        if self.read_at.is_none_or(|at| now.since(at) >= NOTED_EVERY) {
            self.read_at = Some(now);
        }
    }

    pub fn read_at(&self) -> Option<Time> {
        self.read_at
    }

    pub fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// What is believed in, by URL.
    pub fn targets(&self) -> impl Iterator<Item = Endpoint> {
        self.targets.iter().map(|(url, known)| {
            let labels = known.labels.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            Endpoint { url: url.clone(), labels: Labels::of(labels) }
        })
    }
}

impl Known {
    fn new(labels: &Labels) -> Self {
        let labels = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self { labels: labels.collect(), missed: 0 }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    use super::*;

    fn endpoint(number: usize, module: &str) -> Endpoint {
        Endpoint {
            url: format!("http://vm-{number:03}/"),
            labels: Labels::of([("module", module)]),
        }
    }

    fn list(numbers: impl IntoIterator<Item = usize>) -> Vec<Endpoint> {
        numbers.into_iter().map(|number| endpoint(number, "shop/web")).collect()
    }

    /// Each line is a list, as ranges of numbers; the answer is how many are believed in.
    #[expect(clippy::needless_pass_by_value, reason = "expect! is written where it is used")]
    fn check(lists: &str, expected: Expect) {
        let mut brake = Brake::default();
        let answers = lists.lines().map(str::trim).filter(|line| !line.is_empty()).map(|line| {
            let ranges = line.split_whitespace().flat_map(|range| {
                let (from, until) = range.split_once("..").unwrap();
                from.parse().unwrap()..until.parse::<usize>().unwrap()
            });
            let held = match line {
                "none" => brake.step(Vec::new()),
                _ => brake.step(list(ranges)),
            };
            // It must outlive a restart at any moment.
            brake = serde_json::from_str(&serde_json::to_string(&brake).unwrap()).unwrap();
            let held = held.map_or(String::new(), |held| {
                format!(", {} of {} held for {}", held.missing, held.of, held.refreshes_left)
            });
            format!("{line}: {}{held}\n", brake.targets().count())
        });
        expected.assert_eq(&answers.collect::<String>());
    }

    #[test]
    fn a_little_less_is_believed_at_once_and_more_always() {
        check(
            "
            0..50
            0..40
            0..32
            0..80
            ",
            expect![[r#"
                0..50: 50
                0..40: 40
                0..32: 32
                0..80: 80
            "#]],
        );
    }

    #[test]
    fn a_list_that_shrinks_by_much_is_held_for_three() {
        check(
            "
            0..50
            0..39
            0..39
            0..39 60..61
            0..39 60..61
            none
            none
            0..4
            none
            none
            none
            ",
            expect![[r#"
                0..50: 50
                0..39: 50, 11 of 50 held for 2
                0..39: 50, 11 of 50 held for 1
                0..39 60..61: 40
                0..39 60..61: 40
                none: 40, 40 of 40 held for 2
                none: 40, 40 of 40 held for 1
                0..4: 4
                none: 4, 4 of 4 held for 2
                none: 4, 4 of 4 held for 1
                none: 0
            "#]],
        );
    }

    #[test]
    fn a_list_that_recovers_holds_nothing() {
        check(
            "
            0..200
            0..10
            0..10
            0..200
            0..10
            0..10
            0..195
            ",
            expect![[r#"
                0..200: 200
                0..10: 200, 190 of 200 held for 2
                0..10: 200, 190 of 200 held for 1
                0..200: 200
                0..10: 200, 190 of 200 held for 2
                0..10: 200, 190 of 200 held for 1
                0..195: 195
            "#]],
        );
    }

    #[test]
    fn new_labels_are_taken_at_once_and_a_written_list_is_meant() {
        let mut brake = Brake::default();
        brake.step(list(0..50));
        assert_eq!(brake.step((0..50).map(|at| endpoint(at, "shop/api")).collect()), None);
        assert!(brake.targets().all(|target| target.labels.get("module") == "shop/api"));
        assert_eq!(brake.accept(list(0..1)), None);
        assert_eq!(brake.targets().count(), 1);
    }

    #[test]
    fn of_a_part_of_a_list_nothing_is_missing() {
        let mut brake = Brake::default();
        brake.step(list(0..50));
        for _ in 0..9 {
            brake.add(list(49..52));
        }
        assert_eq!(brake.targets().count(), 52);
        assert_eq!(brake.step(list(0..52)), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_is_listed_is_believed_and_nothing_is_held_forever(
            lists in vec(btree_set(0usize..60, 0..40), 0..5),
        ) {
            let mut brake = Brake::default();
            for numbers in lists {
                let listed = list(numbers);
                brake.step(listed.clone());
                let believed: Vec<_> = brake.targets().collect();
                prop_assert!(listed.iter().all(|target| believed.contains(target)));
                let mut later = brake.clone();
                let held: Vec<_> = (0..REFRESHES).map(|_| later.step(listed.clone())).collect();
                prop_assert_eq!(held.last(), Some(&None));
                prop_assert_eq!(later.targets().collect::<Vec<_>>(), listed);
            }
        }

        #[test]
        fn of_a_sound_list_much_is_never_lost_at_once(before in 0usize..99, after in 0usize..99) {
            let mut brake = Brake::default();
            brake.step(list(0..before));
            let held = brake.step(list(0..after)).is_some();
            let lost = before.saturating_sub(after);
            prop_assert_eq!(held, lost > TARGETS || lost * FRACTION > before);
            prop_assert_eq!(brake.targets().count(), if held { before } else { after });
        }
    }
}
