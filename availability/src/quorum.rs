//! What several vantages saw of one module, joined into what is believed of it.
//!
//! A vantage is a place that probes. One whose own network is broken sees everything down, and one that is
//! dead sees nothing; neither is the module's fault. So with several of them it is a *quorum* that decides,
//! at each moment, of those vantages that there were:
//!
//! - **down** if at least a quorum of them says so;
//! - **up** if no quorum of them can have seen it down, whatever those saw who said nothing; or if at least a
//!   quorum says up, and nobody down;
//! - else **unknown**: those who could look do not suffice.
//!
//! Where there were fewer vantages than a quorum, all of them together are the quorum.
//!
//! What fails from some places and works from others is no down time, and is not forgotten either: it is a
//! [`Partial`].
//!
//! Each vantage has a [`crate::Ledger`] of its own, which confirms failures by what that vantage alone saw.
//! One that delivers late is unknown until then, and what it delivers takes the place of that. What is down
//! stays down, whatever comes late; what is up goes down only if a quorum says so after all.

use std::collections::{BTreeMap, BTreeSet};

use model::id::VantageId;
use model::time::Time;

use crate::interval::{Interval, State, push};
use crate::whole::at;

/// What is believed of a module, and where that is not what all saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    pub timeline: Vec<Interval>,
    pub partials: Vec<Partial>,
}

/// Some saw it down from `from` to before `until`, others saw it up, and it is no down time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partial {
    pub from: Time,
    pub until: Time,
    /// Those that did.
    pub vantages: BTreeSet<VantageId>,
    /// What the first of them met.
    pub why: String,
}

/// What each vantage says of one moment.
type Words<'a> = Vec<(&'a VantageId, &'a Interval)>;

/// Joins what each saw of the same time, each in order and without gaps; not applicable is what was before
/// a vantage was named, and after. The quorum is at least one.
pub fn join(seen: &BTreeMap<VantageId, Vec<Interval>>, quorum: u32) -> Joined {
    let edges = seen.values().flatten().flat_map(|one| [one.from, one.until]);
    let edges: BTreeSet<Time> = edges.collect();
    let mut rest: Vec<(&VantageId, &[Interval])> =
        seen.iter().map(|(name, seen)| (name, seen.as_slice())).collect();
    let mut joined = Joined::default();
    for (from, until) in edges.iter().zip(edges.iter().skip(1)) {
        let words = rest.iter_mut().filter_map(|(name, rest)| Some((*name, at(rest, *from)?)));
        let words: Words = words.filter(|(_, one)| counts(one)).collect();
        let (state, why) = believed(&words, quorum);
        if state != State::Down {
            note(&mut joined.partials, partial(&words, *from, *until));
        }
        push(&mut joined.timeline, Interval { from: *from, until: *until, state, why });
    }
    joined
}

/// The partials from `from` to before `until`, as they count: only where the module is up or unknown, by a
/// timeline that has planned work, hours of service and corrections on it.
pub fn counted(partials: &[Partial], laid: &[Interval], from: Time, until: Time) -> Vec<Partial> {
    let served = laid.iter().filter(|one| matches!(one.state, State::Up | State::Unknown));
    let mut counted = Vec::new();
    for over in served.filter_map(|one| one.clip(from, until)) {
        for one in partials.iter().filter(|one| one.from < over.until && over.from < one.until) {
            let (from, until) = (one.from.max(over.from), one.until.min(over.until));
            note(&mut counted, Some(Partial { from, until, ..one.clone() }));
        }
    }
    counted
}

fn counts(one: &Interval) -> bool {
    !matches!(one.state, State::NotApplicable | State::Maintenance)
}

fn believed(words: &Words, quorum: u32) -> (State, String) {
    let [(_, only)] = words[..] else { return by_quorum(words, quorum) };
    (only.state, only.why.clone())
}

fn by_quorum(words: &Words, quorum: u32) -> (State, String) {
    let saying = |state| words.iter().filter(move |(_, one)| one.state == state);
    let count = |state| saying(state).count();
    let (up, down, silent) = (count(State::Up), count(State::Down), count(State::Unknown));
    let there = words.len();
    if there == 0 {
        return (State::NotApplicable, "not published yet".to_owned());
    }
    let quorum = usize::try_from(quorum).unwrap_or(there).clamp(1, there);
    let why = |state| saying(state).next().map_or(String::new(), |(_, one)| one.why.clone());
    if down >= quorum {
        let from = names(saying(State::Down).map(|(name, _)| *name));
        (State::Down, format!("seen from {from}: {}", why(State::Down)))
    } else if down + silent < quorum || (down == 0 && up >= quorum) {
        (State::Up, why(State::Up))
    } else {
        let said = format!("of {there} vantages {up} saw it up and {down} down");
        (State::Unknown, format!("{said}, and {quorum} must agree"))
    }
}

fn partial(words: &Words, from: Time, until: Time) -> Option<Partial> {
    let saying = |state| words.iter().filter(move |(_, one)| one.state == state);
    saying(State::Up).next()?; // While nobody says otherwise, the others are waited for.
    let mut down = saying(State::Down).peekable();
    let why = down.peek()?.1.why.clone();
    Some(Partial { from, until, vantages: down.map(|(name, _)| (*name).clone()).collect(), why })
}

/// Goes on with the last one if the same vantages saw it without a break.
fn note(partials: &mut Vec<Partial>, next: Option<Partial>) {
    let Some(next) = next else { return };
    match partials.last_mut() {
        Some(last) if last.until == next.from && last.vantages == next.vantages => {
            last.until = next.until;
        }
        _ => partials.push(next),
    }
}

/// `beijing, brain`.
fn names<'a>(vantages: impl Iterator<Item = &'a VantageId>) -> String {
    vantages.map(VantageId::as_str).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::letters::{timeline, told};
    use crate::tally::Tally;

    fn name(number: usize) -> VantageId {
        VantageId::parse(&format!("v{number}")).unwrap()
    }

    fn seen(texts: &[impl AsRef<str>]) -> BTreeMap<VantageId, Vec<Interval>> {
        let seen = texts.iter().enumerate();
        seen.map(|(number, text)| (name(number), timeline(text.as_ref()))).collect()
    }

    fn joined(texts: &[&str], quorum: u32) -> String {
        told(&join(&seen(texts), quorum).timeline)
    }

    fn partials(texts: &[&str], quorum: u32) -> String {
        let told = join(&seen(texts), quorum).partials.into_iter().map(|one| {
            let Partial { from, until, vantages, why } = one;
            let [from, until] = [from, until].map(|at| at.millis() / 1000);
            format!("{from}-{until} {} {why}", names(vantages.iter()))
        });
        told.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn two_of_three_decide_and_who_did_not_look_counts_where_it_could_have_decided() {
        let three = ["uuuduudud?", "uuddudd???", "uddd??????"];
        assert_eq!(joined(&three, 2), "uuddu?d???");
    }

    #[test]
    fn with_a_quorum_of_one_the_first_word_counts_and_down_outweighs_up() {
        assert_eq!(joined(&["uud??", "u?u?d", "??u?u"], 1), "uud?d");
    }

    #[test]
    fn where_all_must_agree_one_that_sees_it_up_is_enough_and_one_cut_off_hides_each_outage() {
        assert_eq!(joined(&["dddu", "ddd?", "du??"], 3), "du?u");
        assert_eq!(joined(&["dddu", "du??"], 2), "du?u");
    }

    #[test]
    fn who_said_nothing_could_complete_the_quorum_that_one_has_begun() {
        let five = ["ud", "uu", "uu", "??", "??"];
        assert_eq!(joined(&five, 2), "u?");
    }

    #[test]
    fn vantages_that_there_were_not_do_not_count_and_before_the_second_came_the_first_decides() {
        assert_eq!(joined(&["-uddu?", "---uu?", "----du"], 2), "-uduu?");
        assert_eq!(joined(&["--", "--"], 2), "--");
        assert_eq!(joined(&[], 2), "");
    }

    #[test]
    fn what_fails_from_some_places_only_is_told_with_their_names_and_is_no_down_time() {
        let texts = ["uuddduu", "uddddud", "uuu??uu"];
        assert_eq!(joined(&texts, 2), "uuddduu");
        assert_eq!(partials(&texts, 2), "1-2 v1 d; 6-7 v1 d");
        assert_eq!(partials(&["dd", "du", "?u"], 3), "1-2 v0 d");
        let Joined { partials, timeline } = join(&seen(&["uddd", "uuuu"]), 2);
        assert_eq!(told(&timeline), "uuuu");
        let [from, until] = [0, 9_000].map(Time::from_millis);
        let counted = counted(&partials, &self::timeline("uu-u"), from, until);
        let begins: Vec<i64> = counted.iter().map(|one| one.from.millis()).collect();
        assert_eq!(begins, [1000, 3000], "not where nothing was promised");
    }

    /// What is believed of one moment.
    fn one(words: &[State], quorum: u32) -> State {
        let text: Vec<&str> = words
            .iter()
            .map(|state| match state {
                State::Up => "u",
                State::Down => "d",
                State::Unknown | State::Maintenance | State::NotApplicable => "?",
            })
            .collect();
        join(&seen(&text), quorum).timeline[0].state
    }

    fn word() -> impl Strategy<Value = State> {
        prop_oneof![Just(State::Up), Just(State::Down), Just(State::Unknown)]
    }

    proptest! {
        #[test]
        fn each_second_counts_once_and_what_is_known_lies_between_the_bounds(
            texts in vec("[ud?-]{30}", 1..6), quorum in 0..7_u32,
        ) {
            let tally = Tally::of(&join(&seen(&texts), quorum).timeline);
            prop_assert_eq!(tally.whole(), Duration::from_secs(30));
            if let (Some(low), Some(known), Some(high)) = (tally.low(), tally.known(), tally.high()) {
                prop_assert!(low.as_f64() <= known.as_f64() && known.as_f64() <= high.as_f64());
            }
        }

        #[test]
        fn who_is_called_what_changes_nothing_but_names(
            texts in vec("[ud?-]{30}", 1..6), quorum in 1..6_u32,
        ) {
            let back: Vec<&String> = texts.iter().rev().collect();
            let [one, other] = [join(&seen(&texts), quorum), join(&seen(&back), quorum)];
            prop_assert_eq!(told(&one.timeline), told(&other.timeline));
        }

        #[test]
        fn of_one_vantage_all_is_believed(text in "[ud?-]{1,30}", quorum in 0..3_u32) {
            let alone = join(&seen(&[&text]), quorum);
            prop_assert_eq!(told(&alone.timeline), text);
            prop_assert_eq!(alone.partials, []);
        }

        /// Whoever knows what it comes to either way need not know which.
        #[test]
        fn what_one_did_not_see_matters_only_where_it_could_have_decided(
            others in vec(word(), 1..6), quorum in 1..7_u32,
        ) {
            let with = |word| one(&[&others[..], &[word]].concat(), quorum);
            let (up, down) = (with(State::Up), with(State::Down));
            if up == down {
                prop_assert_eq!(with(State::Unknown), up);
            }
        }

        /// Late truth: one that said nothing speaks after all.
        #[test]
        fn what_is_down_stays_down_whatever_comes_late(
            others in vec(word(), 1..6), late in word(), quorum in 1..7_u32,
        ) {
            let with = |word| one(&[&others[..], &[word]].concat(), quorum);
            if with(State::Unknown) == State::Down {
                prop_assert_eq!(with(late), State::Down);
            }
            let all_told = others.iter().all(|word| *word != State::Unknown);
            if all_told && late != State::Unknown {
                prop_assert!(with(late) != State::Unknown, "who all looked know it");
            }
        }
    }
}
