//! The answers of one agent, sorted into figures, lists and failures.

use std::sync::Arc;

use model::metric::PartKind;
use model::sample::Frame;
use model::series::{ABSENT, Row, STALE, is_stale};

use super::ask::{Answer, rubbish, unsupported};
use super::known::{Asked, Known};
use super::{AgentError, MAX_DETAIL_CHARS, MAX_NAMED, PollError, Polled};
use crate::look::Refusal;
use crate::parts::{self, Discovered};
use crate::sheet::Item;
use crate::text::clean;

pub(super) struct Reading {
    /// For each column of the sheet, which of the row's it is.
    columns: Arc<[Option<usize>]>,
    pub(super) polled: Polled,
    pub(super) lists: Vec<(PartKind, Discovered)>,
    has_values: bool,
    /// The first failure, for when there is nothing else to tell.
    first: Option<AgentError>,
}

impl Reading {
    pub(super) fn new(known: &Known, frame: Frame) -> Self {
        let values = vec![ABSENT; known.shape.columns.len()];
        let row = Row { shape: known.shape.clone(), at: frame.at, values };
        let polled = Polled {
            frame,
            row,
            unsupported: 0,
            rubbish: 0,
            unanswered: 0,
            refused: Vec::new(),
            left_out: Vec::new(),
        };
        Self {
            columns: known.columns.clone(),
            polled,
            lists: Vec::new(),
            has_values: false,
            first: None,
        }
    }

    pub(super) fn add(&mut self, asked: &Asked, answer: Option<&Answer>) {
        let Some(answer) = answer else {
            self.polled.unanswered += 1;
            return;
        };
        match (asked, answer) {
            (Asked::Item(item), Ok(text)) => self.values(item, text),
            (Asked::Parts(kind), Ok(text)) => match parts::read_list(*kind, text) {
                Ok(discovered) => self.lists.push((*kind, discovered)),
                Err(error) => self.rubbish(asked.key(), &error.to_string()),
            },
            (_, Err(reason)) => {
                self.unsupported(asked);
                self.polled.unsupported += 1;
                self.first.get_or_insert_with(|| unsupported(reason));
                self.refuse(asked.key(), reason);
            }
        }
    }

    fn values(&mut self, item: &Item, text: &str) {
        for fill in &item.fills {
            let Some(value) = fill.metric.read(text) else {
                self.rubbish(&item.key, &format!("no number: {text:.80}"));
                continue;
            };
            self.has_values = true;
            match self.columns[fill.column] {
                Some(column) => self.polled.row.values[column] = value,
                None => drop(self.polled.frame.values.insert(fill.metric.name.to_owned(), value)),
            }
        }
    }

    /// Whatever it told before, it can tell that no longer.
    fn unsupported(&mut self, asked: &Asked) {
        let Asked::Item(item) = asked else { return };
        for column in item.fills.iter().filter_map(|fill| self.columns[fill.column]) {
            self.polled.row.values[column] = STALE;
        }
    }

    fn rubbish(&mut self, key: &str, why: &str) {
        self.polled.rubbish += 1;
        self.first.get_or_insert_with(|| rubbish(&why));
        self.refuse(key, why);
    }

    fn refuse(&mut self, key: &str, why: &str) {
        if self.polled.refused.len() < MAX_NAMED {
            let why = clean(why, MAX_DETAIL_CHARS);
            self.polled.refused.push(Refusal { what: key.to_owned(), why });
        }
    }

    /// What came of the poll, which may have ended early.
    pub(super) fn end(self, end: Result<(), PollError>) -> Result<Polled, PollError> {
        // Who has told that something ended has told something, and it is not told again.
        if self.has_values || self.polled.row.values.iter().any(|value| is_stale(*value)) {
            return Ok(self.polled);
        }
        end?;
        let nothing = || AgentError::Unsupported { detail: "nothing was asked".to_owned() };
        Err(self.first.unwrap_or_else(nothing).into())
    }
}
