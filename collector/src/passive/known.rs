//! What is known of one agent, and so what it is asked for next.
//!
//! What it can tell no longer must not live on in whoever asks for the present value: a mount point
//! that is gone from its list, a figure that it says it does not have. The series of these end, once;
//! of what never had a value nothing is said. A list that could not be read changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use model::id::Object;
use model::metric::{Beat, Metric, Of, PartKind};
use model::series::{ABSENT, Labels, METRIC_NAME, Row, STALE, Shape, is_absent, is_stale};

use super::ask::{Answer, Form};
use crate::look::Refusal;
use crate::parts::{Discovered, Parts};
use crate::sheet::{Item, Sheet};

/// Somewhat less than a minute, so that a poll that comes early does not wait for the next.
const MINUTE: Duration = Duration::from_secs(55);
const DISCOVER_EVERY: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct Known {
    table: &'static [Metric],
    pub(super) form: Form,
    parts: Parts,
    sheet: Sheet,
    /// Of the series that have labels.
    pub(super) shape: Arc<Shape>,
    /// For each column of the shape, whether it had a value that was not ended since.
    live: Vec<bool>,
    /// For each column of the sheet, which of the shape's it is.
    pub(super) columns: Arc<[Option<usize>]>,
    /// Keys that it has never heard of.
    unheard_of: BTreeSet<String>,
    asked_all: Option<Duration>,
    asked_parts: Option<Duration>,
}

/// One question.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    Item(Item),
    Parts(PartKind),
}

impl Asked {
    pub(super) fn key(&self) -> &str {
        match self {
            Self::Item(item) => &item.key,
            Self::Parts(kind) => kind.discovery_key(),
        }
    }
}

impl Known {
    pub(super) fn of(object: &Object, table: &'static [Metric]) -> Self {
        let common = Labels::of([(object.kind(), object.name())]);
        let mut known = Self {
            table,
            form: Form::Unknown,
            parts: Parts::default(),
            sheet: Sheet::default(),
            shape: Arc::new(Shape { common, columns: Vec::new() }),
            live: Vec::new(),
            columns: Arc::from([]),
            unheard_of: BTreeSet::new(),
            asked_all: None,
            asked_parts: None,
        };
        known.write_out();
        known.live = vec![false; known.shape.columns.len()];
        known
    }

    /// What to ask for now: the most important first, should the poll break off.
    pub(super) fn due(&self, now: Duration) -> Vec<Asked> {
        let all = has_passed(self.asked_all, MINUTE, now);
        let parts = has_passed(self.asked_parts, DISCOVER_EVERY, now);
        let is_due = |item: &&Item| {
            (all || item.beat == Beat::Poll) && (parts || !self.unheard_of.contains(&item.key))
        };
        let items = self.sheet.items.iter().filter(is_due).cloned().map(Asked::Item);
        let kinds = PartKind::ALL.into_iter().filter(|kind| parts && self.splits_by(*kind));
        items.chain(kinds.map(Asked::Parts)).collect()
    }

    /// Takes in what the answers tell of the agent itself; gives back what is to be said of it.
    pub(super) fn learn(
        &mut self,
        asked: &[Asked],
        answers: &[Option<Answer>],
        lists: Vec<(PartKind, Discovered)>,
        now: Duration,
    ) -> Vec<Refusal> {
        if answers.iter().all(Option::is_none) {
            return Vec::new(); // Nothing was heard, so all of it is asked again.
        }
        let asked_all = has_passed(self.asked_all, MINUTE, now);
        let asked_parts = has_passed(self.asked_parts, DISCOVER_EVERY, now);
        if asked_all {
            self.asked_all = Some(now);
        }
        if asked_parts {
            self.asked_parts = Some(now);
            self.unheard_of.clear();
        }
        let is_unheard_of = |answer: &Option<Answer>| answer.as_ref().is_some_and(is_unheard_of);
        let unheard = asked.iter().zip(answers).filter(|(_, answer)| is_unheard_of(answer));
        self.unheard_of.extend(unheard.map(|(asked, _)| asked.key().to_owned()));
        self.take_in(lists)
    }

    /// Ends in the row of a poll, which was learnt from, the series that live no longer.
    pub(super) fn end_series(&mut self, row: &mut Row) {
        let has_changed = !Arc::ptr_eq(&row.shape, &self.shape);
        let remains = |column| !has_changed || self.shape.columns.contains(column);
        for (at, column) in row.shape.columns.iter().enumerate() {
            let (value, is_live) = (&mut row.values[at], &mut self.live[at]);
            if is_stale(*value) || !remains(column) {
                *value = if *is_live { STALE } else { ABSENT };
                *is_live = false;
            } else if !is_absent(*value) {
                *is_live = true;
            }
        }
        if has_changed {
            let before: BTreeMap<_, _> = row.shape.columns.iter().zip(&self.live).collect();
            let lives = |column| before.get(column).is_some_and(|live| **live);
            self.live = self.shape.columns.iter().map(lives).collect();
        }
    }

    fn take_in(&mut self, lists: Vec<(PartKind, Discovered)>) -> Vec<Refusal> {
        let mut refused = Vec::new();
        let mut changed = false;
        for (kind, discovered) in lists {
            changed |= self.parts.set(kind, discovered.names);
            refused.extend(discovered.refused);
        }
        if changed {
            self.asked_all = None; // What is new is not to wait for a minute.
            self.write_out();
        }
        refused
    }

    fn splits_by(&self, kind: PartKind) -> bool {
        self.table.iter().any(|metric| metric.of == Of::Each(kind))
    }

    fn write_out(&mut self) {
        self.sheet = Sheet::of(self.table, &self.parts);
        let mut columns = Vec::new();
        let place = |labels: &Labels| {
            let is_split = labels.iter().any(|(name, _)| name != METRIC_NAME);
            is_split.then(|| {
                columns.push(labels.clone());
                columns.len() - 1
            })
        };
        self.columns = self.sheet.columns.iter().map(place).collect();
        self.shape = Arc::new(Shape { common: self.shape.common.clone(), columns });
    }
}

fn has_passed(since: Option<Duration>, span: Duration, now: Duration) -> bool {
    since.is_none_or(|since| now.saturating_sub(since) >= span)
}

/// Whether it will never have an answer; as agentd and agent2 say it.
fn is_unheard_of(answer: &Answer) -> bool {
    let is_final = |reason: &String| {
        reason.starts_with("Unsupported item key") || reason.starts_with("Unknown metric")
    };
    answer.as_ref().is_err_and(is_final)
}
