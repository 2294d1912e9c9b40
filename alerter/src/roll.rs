//! The members of an incident as they are stored: a roll, in place of a line for each.
//!
//! What a host took along suffers since a few moments, and belongs to a few modules. Ten thousand lines
//! that say the same again and again are megabytes, and each look that changes one of them writes them
//! anew. So those that suffer alike stand under one head, by module.

use std::collections::BTreeMap;

use model::id::{ModuleId, Object};
use model::time::Time;
use serde::de::{Deserialize, Deserializer};
use serde::ser::Serializer;

use crate::state::Member;

type Members = BTreeMap<Object, Member>;

/// All of a member but its module: those with the same may be of many.
type Fate = (Time, Option<Time>, bool, bool, Option<Time>, bool, u64);

/// Those who suffer alike.
#[derive(serde::Serialize, serde::Deserialize)]
struct Head<M, O> {
    /// What they are; none of them is of the module that stands here.
    #[serde(flatten)]
    alike: M,
    /// By module.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    of: Vec<(ModuleId, Vec<O>)>,
    /// Those of no module.
    #[serde(default = "Vec::new", skip_serializing_if = "Vec::is_empty")]
    alone: Vec<O>,
}

/// As they are stored now, and as they were once.
#[derive(serde::Deserialize)]
#[serde(untagged)]
enum Stored {
    Roll(Vec<Head<Member, Object>>),
    Each(Members),
}

pub(crate) fn serialize<S: Serializer>(members: &Members, to: S) -> Result<S::Ok, S::Error> {
    let mut heads: BTreeMap<Fate, BTreeMap<Option<&ModuleId>, Vec<&Object>>> = BTreeMap::new();
    for (object, member) in members {
        let of_fate = heads.entry(fate(member)).or_default();
        of_fate.entry(member.module.as_ref()).or_default().push(object);
    }
    to.collect_seq(heads.into_iter().map(|(fate, mut by_module)| Head {
        alike: member(fate),
        alone: by_module.remove(&None).unwrap_or_default(),
        of: by_module.into_iter().filter_map(|(id, all)| Some((id?.clone(), all))).collect(),
    }))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Members, D::Error> {
    Ok(match Stored::deserialize(from)? {
        Stored::Roll(heads) => heads.into_iter().flat_map(called).collect(),
        Stored::Each(members) => members,
    })
}

/// Each under a head, with what the head says.
fn called(head: Head<Member, Object>) -> impl Iterator<Item = (Object, Member)> {
    let Head { alike, of, alone } = head;
    let owned =
        of.into_iter().flat_map(|(id, all)| all.into_iter().map(move |o| (o, Some(id.clone()))));
    let all = owned.chain(alone.into_iter().map(|object| (object, None)));
    all.map(move |(object, module)| (object, Member { module, ..alike.clone() }))
}

fn fate(member: &Member) -> Fate {
    let Member { since, well, module: _, is_unknown, reported, held_until, elsewhere, suffered_ms } =
        member;
    (*since, *well, *is_unknown, *reported, *held_until, *elsewhere, *suffered_ms)
}

fn member((since, well, is_unknown, reported, held_until, elsewhere, suffered_ms): Fate) -> Member {
    Member { since, well, module: None, is_unknown, reported, held_until, elsewhere, suffered_ms }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, PartialEq, serde::Serialize, serde::Deserialize)]
    struct Held(#[serde(with = "super")] Members);

    fn a_member() -> impl Strategy<Value = (Object, Member)> {
        let moment = |numbers| prop::option::of(numbers).prop_map(|m| m.map(Time::from_millis));
        let module = prop::option::of("p/[ab]").prop_map(|id| id.map(|id| id.parse().unwrap()));
        let flags = any::<[bool; 3]>();
        let times = (0..3_i64, moment(0..2_i64), moment(0..2_i64), 0..2_u64);
        ("vm/v[0-9]{1,2}", module, flags, times).prop_map(
            |(object, module, [is_unknown, reported, elsewhere], times)| {
                let (since, well, held_until, suffered_ms) = times;
                let since = Time::from_millis(since);
                let object = object.parse().unwrap();
                let member = Member {
                    since,
                    well,
                    module,
                    is_unknown,
                    reported,
                    held_until,
                    elsewhere,
                    suffered_ms,
                };
                (object, member)
            },
        )
    }

    proptest! {
        #[test]
        fn a_roll_is_read_back_as_it_was_written_and_so_is_what_was_stored_before_there_were_rolls(
            members in prop::collection::vec(a_member(), 0..30),
        ) {
            let held = Held(members.into_iter().collect());
            let json = serde_json::to_string(&held).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Held>(&json).unwrap(), &held, "{}", json);
            let old = serde_json::to_string(&held.0).unwrap();
            prop_assert_eq!(serde_json::from_str::<Held>(&old).unwrap(), held);
        }
    }

    #[test]
    fn ten_thousand_that_suffer_alike_take_little_more_than_their_names() {
        let member = |n: i64| Member {
            since: Time::from_millis(1_772_445_600_000 + n / 100),
            well: None,
            module: Some(format!("shop/m{}", n % 20).parse().unwrap()),
            is_unknown: false,
            reported: true,
            held_until: None,
            elsewhere: false,
            suffered_ms: 0,
        };
        let object = |n: i64| format!("vm/vm-{n:05}").parse().unwrap();
        let held = Held((0..10_000).map(|n| (object(n), member(n))).collect());
        let json = serde_json::to_string(&held).unwrap();
        let names: usize = held.0.keys().map(|object| object.to_string().len() + 3).sum();
        assert!(json.len() < names * 3 / 2, "{} for names of {names}", json.len());
    }
}
