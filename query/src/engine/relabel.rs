//! Functions that look at labels and never at values.

use std::cmp::Ordering;

use model::series::Labels;

use super::column::{Column, gather};
use crate::error::QueryError;
use crate::expression::functions::Order;
use crate::expression::whole_pattern;

/// `label_replace`: where `source` matches, `target` becomes the expanded replacement.
pub(super) fn replace(columns: Vec<Column>, texts: &[&str]) -> Result<Vec<Column>, QueryError> {
    let [target, replacement, source, pattern] = texts else {
        return Err(QueryError::execution("label_replace needs string literals"));
    };
    let whole = whole_pattern(pattern).map_err(|_| {
        let what = format!("invalid regular expression in label_replace(): {pattern}");
        QueryError::Execution(what)
    })?;
    check_name(target, "label_replace")?;
    let change = |mut column: Column| {
        if let Some(captures) = whole.captures(column.labels.get(source)) {
            let mut expanded = String::new();
            captures.expand(replacement, &mut expanded);
            column.labels = set(&column.labels, target, expanded);
        }
        column
    };
    gather(columns.into_iter().map(change).collect())
}

/// `label_join`: the values of some labels in a row.
pub(super) fn join(columns: Vec<Column>, texts: &[&str]) -> Result<Vec<Column>, QueryError> {
    let [target, separator, sources @ ..] = texts else {
        return Err(QueryError::execution("label_join needs string literals"));
    };
    check_name(target, "label_join")?;
    sources.iter().try_for_each(|source| check_name(source, "label_join"))?;
    let change = |mut column: Column| {
        let values: Vec<&str> = sources.iter().map(|source| column.labels.get(source)).collect();
        column.labels = set(&column.labels, target, values.join(separator));
        column
    };
    gather(columns.into_iter().map(change).collect())
}

/// By some labels as people would sort them (`web-2` before `web-10`), then by all.
pub(super) fn sorted(mut columns: Vec<Column>, names: &[&str], order: Order) -> Vec<Column> {
    columns.sort_by(|a, b| {
        let unequal = names.iter().map(|name| natural(a.labels.get(name), b.labels.get(name)));
        let found = unequal.fold(Ordering::Equal, Ordering::then);
        let found = found.then_with(|| a.labels.cmp(&b.labels));
        if order == Order::Descending { found.reverse() } else { found }
    });
    columns
}

fn check_name(name: &str, whose: &str) -> Result<(), QueryError> {
    if name.is_empty() {
        return Err(QueryError::Execution(format!("invalid label name in {whose}(): {name:?}")));
    }
    Ok(())
}

fn set(labels: &Labels, name: &str, value: String) -> Labels {
    let kept = labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
    Labels::of(kept.chain([(name.to_owned(), value)]))
}

/// Runs of digits compare as numbers, all else as text.
fn natural(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while let (Some(first_a), Some(first_b)) = (a.chars().next(), b.chars().next()) {
        if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (digits_a, digits_b) = (leading_digits(a), leading_digits(b));
            let (number_a, number_b) =
                (digits_a.trim_start_matches('0'), digits_b.trim_start_matches('0'));
            let order = number_a.len().cmp(&number_b.len()).then_with(|| number_a.cmp(number_b));
            if order != Ordering::Equal {
                return order;
            }
            (a, b) = (&a[digits_a.len()..], &b[digits_b.len()..]);
        } else if first_a != first_b {
            return first_a.cmp(&first_b);
        } else {
            (a, b) = (&a[first_a.len_utf8()..], &b[first_b.len_utf8()..]);
        }
    }
    a.len().cmp(&b.len())
}

fn leading_digits(text: &str) -> &str {
    let count = text.bytes().take_while(u8::is_ascii_digit).count();
    &text[..count]
}
