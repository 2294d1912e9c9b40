//! The timeline of a whole that is made of parts: of a project, from those of its modules.
//!
//! A project is down while any of its modules is. A mean of percentages would say that ten modules of
//! which one is dead are at 90 %, and nobody's users are at 90 %. So moments are joined and not
//! numbers, and what is said of the whole is then worked out as for any module: by [`crate::Account`].

use std::collections::BTreeSet;

use model::time::Time;

use crate::interval::{Interval, State, push};

/// One timeline of several over the same time, each in order, without gaps and as it counts: see
/// [`crate::lay`]. At each moment the worst of them counts: what is down, then what nobody knows, then
/// what is up. A part in maintenance, or not published yet, says nothing while another one serves.
pub fn whole(parts: &[Vec<Interval>]) -> Vec<Interval> {
    let edges = parts.iter().flatten().flat_map(|one| [one.from, one.until]);
    let edges: BTreeSet<Time> = edges.collect();
    let mut rest: Vec<&[Interval]> = parts.iter().map(Vec::as_slice).collect();
    let mut joined = Vec::new();
    for (from, until) in edges.iter().zip(edges.iter().skip(1)) {
        let now = rest.iter_mut().filter_map(|part| at(part, *from));
        if let Some(worst) = now.min_by_key(|one| rank(one.state)) {
            push(&mut joined, Interval { from: *from, until: *until, ..worst.clone() });
        }
    }
    joined
}

/// The interval of a part that a moment lies in; moments come in order.
pub(crate) fn at<'a>(part: &mut &'a [Interval], moment: Time) -> Option<&'a Interval> {
    while part.first().is_some_and(|one| one.until <= moment) {
        *part = &part[1..];
    }
    part.first()
}

/// The worst is the least.
fn rank(state: State) -> u8 {
    match state {
        State::Down => 0,
        State::Unknown => 1,
        State::Up => 2,
        State::Maintenance => 3,
        State::NotApplicable => 4,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::letters::{timeline, told};
    use crate::tally::Tally;

    fn joined(parts: &[&str]) -> String {
        told(&whole(&parts.iter().map(|part| timeline(part)).collect::<Vec<_>>()))
    }

    #[test]
    fn a_whole_is_as_bad_as_the_worst_of_its_parts() {
        assert_eq!(joined(&["uuudduuu??", "uuuuddu??u"]), "uuudddu???");
        assert_eq!(joined(&["dd??uu", "?uu?uu", "uuuuu?"]), "dd??u?");
    }

    #[test]
    fn a_part_that_is_not_promised_says_nothing_while_another_serves() {
        assert_eq!(joined(&["--mmuu", "umumdm"]), "umumdu");
        assert_eq!(joined(&["-m", "--"]), "-m");
        assert_eq!(joined(&[]), "");
    }

    proptest! {
        #[test]
        fn each_moment_counts_once_in_any_order(
            parts in vec("[ud?m-]{40}", 1..5),
        ) {
            let parts: Vec<Vec<Interval>> = parts.iter().map(|part| timeline(part)).collect();
            let forth = whole(&parts);
            let back = whole(&parts.iter().rev().cloned().collect::<Vec<_>>());
            prop_assert_eq!(told(&forth), told(&back));
            let tally = Tally::of(&forth);
            prop_assert_eq!(tally.whole(), Duration::from_secs(40));
            for part in &parts {
                prop_assert!(tally.down >= Tally::of(part).down);
                prop_assert!(tally.up <= parts.iter().map(|one| Tally::of(one).up).sum());
            }
        }

        #[test]
        fn a_whole_of_one_part_is_that_part(part in "[ud?m-]{1,40}") {
            let part = timeline(&part);
            prop_assert_eq!(whole(std::slice::from_ref(&part)), part);
        }
    }
}
