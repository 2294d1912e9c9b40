//! Who goes next on one channel, and with whom together.
//!
//! Chat services take some messages in a minute and mute whoever sends more, which is exactly when
//! people must hear of something. So each channel with a limit has a bucket of tokens; while there
//! are enough of them, every message goes by itself. When more wait than there are tokens, what
//! waits for one person goes out as one message, a digest, and those who wait longest come first.
//!
//! It is decided from data: what is due, what is under way, the bucket, the time. Nothing is sent
//! here and nothing remembered of a message but that it is under way.
//!
//! Invariants: of one incident, one person has at most one message under way; of the messages that
//! are due, each departs at most once until it is told of as landed; in any time, no more parcels
//! depart than the bucket held at its beginning and gained since.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use alerter::hands::Pace;
use model::id::{IncidentId, PersonId};
use model::time::Time;

/// Deliveries under way at once on one channel.
const AT_ONCE: usize = 32;
/// Messages in one digest, at most; a channel takes as many of them as it has room for.
const MAX_TOGETHER: usize = 200;

/// Whom a message is for, and what it is about: their order counts.
pub(super) type Matter = (PersonId, IncidentId);

/// One message that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Letter {
    pub(super) key: String,
    pub(super) matter: Matter,
}

/// One channel, as far as it matters for what goes next.
#[derive(Debug)]
pub(super) struct Lane {
    bucket: Option<Bucket>,
    /// The far side has asked for silence until then.
    paused_until: Time,
    under_way: BTreeSet<Matter>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    pace: Pace,
    tokens: f64,
    at: Time,
}

impl Lane {
    /// A bucket begins with one token: whoever starts again and again must not fill it each time.
    pub(super) fn new(pace: Option<Pace>, now: Time) -> Self {
        let bucket = pace.map(|pace| Bucket { pace, tokens: 1.0, at: now });
        Self { bucket, paused_until: Time::default(), under_way: BTreeSet::new() }
    }

    /// What goes out now, by keys: each inner list as one message. `due` is in the order in which
    /// they became due.
    pub(super) fn depart(&mut self, due: &[Letter], now: Time) -> Vec<Vec<String>> {
        let room = AT_ONCE.saturating_sub(self.under_way.len());
        if self.paused_until > now || room == 0 {
            return Vec::new();
        }
        let mut begun = self.under_way.clone();
        let free = due.iter().filter(|letter| begun.insert(letter.matter.clone()));
        let free: Vec<&Letter> = free.collect();
        let tokens = self.bucket.as_mut().map_or(usize::MAX, |bucket| bucket.tokens_at(now));
        let parcels = match free.len() <= tokens {
            true => free.into_iter().map(|letter| vec![letter]).collect(),
            false => by_person(&free),
        };
        let parcels: Vec<_> = parcels.into_iter().take(room.min(tokens)).collect();
        if let Some(bucket) = &mut self.bucket {
            bucket.tokens -= parcels.len() as f64;
        }
        self.under_way.extend(parcels.iter().flatten().map(|letter| letter.matter.clone()));
        let keys = |parcel: Vec<&Letter>| parcel.into_iter().map(|l| l.key.clone()).collect();
        parcels.into_iter().map(keys).collect()
    }

    /// They are under way no more, whatever became of them.
    pub(super) fn landed(&mut self, matter: &Matter) {
        self.under_way.remove(matter);
    }

    /// Nothing departs before then.
    pub(super) fn pause(&mut self, until: Time) {
        self.paused_until = self.paused_until.max(until);
    }

    /// When something that is due at `due` may depart, unless a landing makes way for it earlier.
    pub(super) fn opens_at(&self, due: Time, now: Time) -> Time {
        let token = self.bucket.as_ref().map_or(now, |bucket| bucket.next_token(now));
        due.max(self.paused_until).max(token)
    }

    pub(super) fn is_paused(&self, now: Time) -> bool {
        self.paused_until > now
    }

    /// Nothing departs before something has landed.
    pub(super) fn is_full(&self) -> bool {
        self.under_way.len() >= AT_ONCE
    }

    pub(super) fn is_under_way(&self, matter: &Matter) -> bool {
        self.under_way.contains(matter)
    }
}

impl Bucket {
    fn tokens_at(&mut self, now: Time) -> usize {
        let gained = now.since(self.at).as_secs_f64() / self.pace.per.as_secs_f64();
        let burst = f64::from(self.pace.burst);
        // Rounding must not keep a token back that is due.
        self.tokens = (self.tokens + gained * burst + 1e-9).min(burst);
        self.at = now;
        self.tokens as usize
    }

    fn next_token(&self, now: Time) -> Time {
        let lacking = (1.0 - self.tokens).max(0.0) / f64::from(self.pace.burst);
        let wait = self.pace.per.mul_f64(lacking) + Duration::from_millis(1);
        if lacking > 0.0 { self.at + wait } else { now }
    }
}

/// All that waits for one person together, those first who wait longest.
fn by_person<'a>(letters: &[&'a Letter]) -> Vec<Vec<&'a Letter>> {
    let mut places: BTreeMap<&PersonId, usize> = BTreeMap::new();
    let mut parcels: Vec<Vec<&Letter>> = Vec::new();
    for letter in letters {
        let place = *places.entry(&letter.matter.0).or_insert_with(|| {
            parcels.push(Vec::new());
            parcels.len() - 1
        });
        if parcels[place].len() < MAX_TOGETHER {
            parcels[place].push(letter);
        }
    }
    parcels
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn letter(word: &str) -> Letter {
        let (to, incident) = word.split_once('/').expect("person/incident");
        let incident = incident.trim_end_matches(['a', 'b', 'c']);
        let matter = (PersonId::parse(to).unwrap(), IncidentId::parse(incident).unwrap());
        Letter { key: word.to_owned(), matter }
    }

    /// Plays a story: `TIME due KEY...` adds what is due, `land PERSON/INCIDENT` ends a delivery,
    /// `pause 30s`; after each line what departs is told, and when the next may.
    fn check(pace: Option<Pace>, story: &str, expected: &Expect) {
        let start = Time::from_millis(0);
        let mut lane = Lane::new(pace, start);
        let (mut waiting, mut told): (Vec<Letter>, String) = (Vec::new(), String::new());
        for line in story.trim().lines() {
            let mut words = line.split_whitespace();
            let at = words.next().unwrap().trim_end_matches('s').parse().unwrap();
            let now = start + Duration::from_secs(at);
            match words.next().unwrap_or("look") {
                "due" => waiting.extend(words.map(letter)),
                "land" => words.for_each(|word| lane.landed(&letter(word).matter)),
                "pause" => lane.pause(now + Duration::from_secs(30)),
                _ => {}
            }
            let parcels = lane.depart(&waiting, now);
            waiting.retain(|letter| !parcels.iter().flatten().any(|key| *key == letter.key));
            let parcels: Vec<String> = parcels.iter().map(|parcel| parcel.join("+")).collect();
            told += &format!("{at}s: {}", parcels.join(" "));
            let free = waiting.iter().any(|letter| !lane.is_under_way(&letter.matter));
            if free {
                let wait = lane.opens_at(now, now).since(now).as_secs_f64();
                told += &format!(" [{} wait, {wait:.0} s]", waiting.len());
            }
            told += "\n";
        }
        expected.assert_eq(&told);
    }

    const PACE: Pace = Pace { burst: 2, per: Duration::from_secs(20) };

    #[test]
    fn without_a_limit_each_goes_by_itself_and_an_incident_in_order() {
        check(
            None,
            "
            0s due ann/1 ann/2 bob/1
            1s due ann/1b
            2s land ann/1
            ",
            &expect![[r#"
                0s: ann/1 ann/2 bob/1
                1s: 
                2s: ann/1b
            "#]],
        );
    }

    #[test]
    fn what_is_too_much_goes_together_and_the_one_who_waits_longest_first() {
        check(
            Some(PACE),
            "
            0s due ann/1
            1s due ann/2 bob/1 ann/3 ann/4
            10s
            11s land ann/2 ann/3 ann/4
            20s
            21s due ann/5 ann/6
            ",
            &expect![[r#"
                0s: ann/1
                1s:  [4 wait, 9 s]
                10s: ann/2+ann/3+ann/4 [1 wait, 10 s]
                11s:  [1 wait, 9 s]
                20s: bob/1
                21s:  [2 wait, 9 s]
            "#]],
        );
    }

    #[test]
    fn a_channel_that_asks_for_silence_gets_it() {
        check(
            Some(PACE),
            "
            0s due ann/1
            1s pause
            20s due ann/2 bob/2
            31s
            ",
            &expect![[r#"
                0s: ann/1
                1s: 
                20s:  [2 wait, 11 s]
                31s: ann/2 bob/2
            "#]],
        );
    }

    #[derive(Clone, Debug)]
    enum Act {
        Due(u8, u8),
        Land(u8),
        Wait(u16),
    }

    fn act() -> impl Strategy<Value = Act> {
        prop_oneof![
            (0..4_u8, 0..6_u8).prop_map(|(to, incident)| Act::Due(to, incident)),
            (0..32_u8).prop_map(Act::Land),
            (0..20_000_u16).prop_map(Act::Wait),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

        /// Nothing is lost, nothing goes twice, of each incident in order, and never too much.
        #[test]
        fn all_that_is_due_departs_once_in_order_within_the_limit(
            acts in prop::collection::vec(act(), 0..200),
            limited: bool,
        ) {
            let pace = limited.then_some(PACE);
            let mut now = Time::from_millis(0);
            let mut lane = Lane::new(pace, now);
            let (mut waiting, mut made, mut gone) = (Vec::new(), Vec::new(), Vec::new());
            let mut flying: Vec<Matter> = Vec::new();
            let mut parcel_count = 0;
            // In the end everything lands and time enough passes for the rest.
            let rest = (0..400).flat_map(|_| [Act::Land(0), Act::Wait(20_000)]);
            for (number, act) in acts.into_iter().chain(rest).enumerate() {
                match act {
                    Act::Due(to, incident) => {
                        let mut letter = letter(&format!("p{to}/{incident}"));
                        letter.key = format!("{number}");
                        made.push(letter.clone());
                        waiting.push(letter);
                    }
                    Act::Land(_) if flying.is_empty() => {}
                    Act::Land(which) => {
                        let matter = flying.remove(usize::from(which) % flying.len());
                        lane.landed(&matter);
                    }
                    Act::Wait(millis) => now = now + Duration::from_millis(millis.into()),
                }
                let parcels = lane.depart(&waiting, now);
                parcel_count += parcels.len();
                for key in parcels.into_iter().flatten() {
                    let place = waiting.iter().position(|letter: &Letter| letter.key == key);
                    let letter = waiting.remove(place.expect("it departs once, and was waiting"));
                    prop_assert!(!flying.contains(&letter.matter), "two of one matter at once");
                    flying.push(letter.matter.clone());
                    gone.push(letter);
                }
                if limited {
                    let gained = now.since(Time::from_millis(0)).as_secs_f64() / 10.0;
                    prop_assert!(parcel_count as f64 <= 1.0 + gained + 1e-6);
                }
            }
            prop_assert!(waiting.is_empty(), "left behind: {waiting:?}");
            let order = |letters: &[Letter]| {
                let mut by_matter: BTreeMap<Matter, Vec<String>> = BTreeMap::new();
                for letter in letters {
                    by_matter.entry(letter.matter.clone()).or_default().push(letter.key.clone());
                }
                by_matter
            };
            prop_assert_eq!(order(&made), order(&gone));
        }
    }
}
