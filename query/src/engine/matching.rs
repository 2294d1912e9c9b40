//! Operators between two instant vectors: which series belong together, and what comes of them.
//!
//! Series with the same signature, the labels that `on` or `ignoring` leave, form a match group.
//! Groups are worked out one by one, and within a group all steps at once.

use std::collections::BTreeMap;

use model::series::{ABSENT, Labels, METRIC_NAME, is_absent};

use super::column::{Column, Steps, choose, gather, nothing, without_name};
use super::number;
use crate::error::QueryError;
use crate::expression::node::{Binary, Cardinality, LabelChoice, Matching, Operator, SetOperator};

/// The series of both sides that share a signature, by their place in their list.
#[derive(Debug, Default)]
struct MatchGroup {
    left: Vec<usize>,
    right: Vec<usize>,
}

pub(super) fn combine(
    binary: &Binary,
    left: Vec<Column>,
    right: Vec<Column>,
    steps: Steps,
) -> Result<Vec<Column>, QueryError> {
    let groups = match_groups(&left, &right, &binary.matching.by);
    match binary.operator {
        Operator::Set(operator) => set(operator, left, right, groups.values(), steps),
        Operator::Arithmetic(_) | Operator::Compare(_) => {
            let joined = Join { binary, steps };
            joined.all(&left, &right, &groups)
        }
    }
}

fn match_groups(
    left: &[Column],
    right: &[Column],
    by: &LabelChoice,
) -> BTreeMap<Labels, MatchGroup> {
    let mut groups: BTreeMap<Labels, MatchGroup> = BTreeMap::new();
    for (index, column) in left.iter().enumerate() {
        groups.entry(choose(&column.labels, by)).or_default().left.push(index);
    }
    for (index, column) in right.iter().enumerate() {
        groups.entry(choose(&column.labels, by)).or_default().right.push(index);
    }
    groups
}

/// At which steps any of the columns has a value.
fn steps_present<'c>(columns: impl Iterator<Item = &'c Column>, steps: Steps) -> Vec<bool> {
    let mut present = vec![false; steps.count];
    for column in columns {
        for (present, value) in present.iter_mut().zip(&column.values) {
            *present |= !is_absent(*value);
        }
    }
    present
}

fn set<'g>(
    operator: SetOperator,
    mut left: Vec<Column>,
    mut right: Vec<Column>,
    groups: impl Iterator<Item = &'g MatchGroup>,
    steps: Steps,
) -> Result<Vec<Column>, QueryError> {
    for group in groups {
        match operator {
            SetOperator::And | SetOperator::Unless => {
                let present = steps_present(group.right.iter().map(|at| &right[*at]), steps);
                let wanted = operator == SetOperator::And;
                group.left.iter().for_each(|at| keep_where(&mut left[*at], &present, wanted));
            }
            SetOperator::Or => {
                let present = steps_present(group.left.iter().map(|at| &left[*at]), steps);
                group.right.iter().for_each(|at| keep_where(&mut right[*at], &present, false));
            }
        }
    }
    if operator == SetOperator::Or {
        left.append(&mut right);
        return gather(left);
    }
    Ok(left)
}

fn keep_where(column: &mut Column, present: &[bool], wanted: bool) {
    for (value, present) in column.values.iter_mut().zip(present) {
        if *present != wanted {
            *value = ABSENT;
        }
    }
}

/// An arithmetic or comparing operator at work.
struct Join<'b> {
    binary: &'b Binary,
    steps: Steps,
}

/// What a match group comes to under one set of labels.
struct Joined {
    values: Vec<f64>,
    /// Steps at which a pair was matched, also where a comparison then dropped it.
    matched: Vec<bool>,
}

impl Join<'_> {
    fn matching(&self) -> &Matching {
        &self.binary.matching
    }

    fn all(
        &self,
        left: &[Column],
        right: &[Column],
        groups: &BTreeMap<Labels, MatchGroup>,
    ) -> Result<Vec<Column>, QueryError> {
        // Where one side has nothing at all, nothing can match, and nothing is complained about.
        let mut both = steps_present(left.iter(), self.steps);
        let on_right = steps_present(right.iter(), self.steps);
        both.iter_mut().zip(on_right).for_each(|(both, right)| *both &= right);

        let swapped = self.matching().cardinality == Cardinality::OneToMany;
        let mut columns = Vec::new();
        for (signature, group) in groups {
            let (many, one) = if swapped {
                (pick(&group.right, right), pick(&group.left, left))
            } else {
                (pick(&group.left, left), pick(&group.right, right))
            };
            let single = self.single(&one, &both, signature)?;
            columns.extend(self.group(&many, &one, &single)?);
        }
        gather(columns)
    }

    /// Which series of the "one" side has a value at each step; two are an error.
    fn single(
        &self,
        one: &[&Column],
        both: &[bool],
        signature: &Labels,
    ) -> Result<Vec<Option<usize>>, QueryError> {
        let mut single: Vec<Option<usize>> = vec![None; self.steps.count];
        for (index, column) in one.iter().enumerate() {
            for (step, value) in column.values.iter().enumerate() {
                if is_absent(*value) || !both[step] {
                    continue;
                }
                if let Some(other) = single[step] {
                    return Err(self.duplicate(signature, &one[other].labels, &column.labels));
                }
                single[step] = Some(index);
            }
        }
        Ok(single)
    }

    fn duplicate(&self, signature: &Labels, first: &Labels, second: &Labels) -> QueryError {
        let side = match self.matching().cardinality {
            Cardinality::OneToMany => "left",
            Cardinality::OneToOne | Cardinality::ManyToOne => "right",
        };
        QueryError::execution(format!(
            "found duplicate series for the match group {signature} on the {side} hand-side of \
             the operation: [{first}, {second}];many-to-many matching not allowed: matching \
             labels must be unique on one side"
        ))
    }

    fn group(
        &self,
        many: &[&Column],
        one: &[&Column],
        single: &[Option<usize>],
    ) -> Result<Vec<Column>, QueryError> {
        let one_to_one = self.matching().cardinality == Cardinality::OneToOne;
        let mut taken = vec![false; self.steps.count];
        let mut outcomes: BTreeMap<Labels, Joined> = BTreeMap::new();
        for column in many {
            // Mostly the partner stays the same, so its labels are worked out once.
            let mut partner: Option<(usize, Labels)> = None;
            let matches = column.values.iter().zip(single).enumerate();
            for (step, (value, single)) in matches {
                let Some(index) = single.filter(|_| !is_absent(*value)) else {
                    continue;
                };
                let labels = match &partner {
                    Some((known, labels)) if *known == index => labels,
                    _ => {
                        let labels = self.labels(&column.labels, &one[index].labels);
                        &partner.insert((index, labels)).1
                    }
                };
                if !outcomes.contains_key(labels) {
                    let (values, matched) = (nothing(self.steps), vec![false; self.steps.count]);
                    outcomes.insert(labels.clone(), Joined { values, matched });
                }
                let Some(joined) = outcomes.get_mut(labels) else {
                    continue;
                };
                let matched = if one_to_one { &mut taken } else { &mut joined.matched };
                if std::mem::replace(&mut matched[step], true) {
                    return Err(self.ambiguous());
                }
                joined.values[step] = self.value(*value, one[index].values[step]);
            }
        }
        let columns =
            outcomes.into_iter().map(|(labels, joined)| Column { labels, values: joined.values });
        Ok(columns.collect())
    }

    fn ambiguous(&self) -> QueryError {
        QueryError::execution(match self.matching().cardinality {
            Cardinality::OneToOne => {
                "multiple matches for labels: many-to-one matching must be explicit \
                 (group_left/group_right)"
            }
            Cardinality::ManyToOne | Cardinality::OneToMany => {
                "multiple matches for labels: grouping labels must ensure unique matches"
            }
        })
    }

    fn value(&self, many: f64, one: f64) -> f64 {
        let operator = self.binary.operator;
        let (left, right) = match self.matching().cardinality {
            Cardinality::OneToMany => (one, many),
            Cardinality::OneToOne | Cardinality::ManyToOne => (many, one),
        };
        if !operator.is_comparison() || self.binary.as_bool {
            number::scalar(operator, left, right)
        } else if number::keeps(operator, left, right) {
            left
        } else {
            ABSENT
        }
    }

    /// The labels of an outcome, made of those of the pair it is of.
    fn labels(&self, many: &Labels, one: &Labels) -> Labels {
        let keeps_name = self.binary.operator.is_comparison() && !self.binary.as_bool;
        let named = if keeps_name { many.clone() } else { without_name(many) };
        let matching = self.matching();
        if matching.cardinality != Cardinality::OneToOne {
            if matching.include.is_empty() {
                return named;
            }
            let taken =
                matching.include.iter().map(|name| (name.clone(), one.get(name).to_owned()));
            let kept = named.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
            return Labels::of(kept.chain(taken));
        }
        let stays = |name: &str| match &matching.by {
            LabelChoice::Only(names) => names.iter().any(|known| known == name),
            LabelChoice::AllBut(names) => !names.iter().any(|known| known == name),
        };
        if named.iter().all(|(name, _)| stays(name)) {
            return named;
        }
        debug_assert!(keeps_name || named.get(METRIC_NAME).is_empty());
        Labels::of(named.pairs().iter().filter(|(name, _)| stays(name)).cloned())
    }
}

fn pick<'c>(places: &[usize], columns: &'c [Column]) -> Vec<&'c Column> {
    places.iter().map(|place| &columns[*place]).collect()
}
