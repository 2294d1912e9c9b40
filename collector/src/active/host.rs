//! The agent of one host: what it is asked for, and how its values become rows and frames.
//!
//! Nothing is believed done before the owner has confirmed it: [`Host::take`] changes nothing, and
//! [`Host::confirm`] notes what was kept. Whoever is stopped in between has promised nothing, and
//! the agent sends the same again.
//!
//! The store gets each value at the agent's own time, so that the same value sent twice is one
//! sample. The brain compares with its own clock: for it a time is moved by as much as the clocks
//! were apart when the request was sent, and never lies ahead.

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::Object;
use model::metric::PartKind;
use model::sample::Frame;
use model::series::{ABSENT, Labels, Row};
use model::time::Time;

use super::items::{Gives, Item, Items};
use super::seen::Seen;
use super::wire::{ListedItem, Value};
use crate::look::{Look, Refusal};
use crate::parts::{Parts, read_list};
use crate::text::clean;

const MAX_TEXT_CHARS: usize = 120;
/// Values no further apart become one frame, at the time of the oldest.
const ONE_FRAME: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Host {
    labels: Labels,
    interval: Duration,
    parts: Parts,
    items: Items,
    seen: Seen,
    /// The newest frame that the brain was given, by its own clock.
    told: Time,
}

/// When a request came, and when it was sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clocks {
    pub(super) received: Time,
    /// By the sender's clock; not all say it.
    pub(super) sent: Option<Time>,
}

/// What one request brought of one host.
#[derive(Debug, Default)]
pub(super) struct Taken {
    pub(super) rows: Vec<Row>,
    pub(super) parts: Vec<(PartKind, Vec<String>)>,
    pub(super) processed: u64,
    pub(super) failed: u64,
    /// Confirmed before; they count as processed.
    pub(super) known: u64,
    /// Items that the agent could not tell; they count as processed.
    pub(super) unsupported: u64,
    /// A few of those that failed.
    pub(super) refused: Vec<Refusal>,
    newest: BTreeMap<&'static str, (Time, f64)>,
    items: BTreeMap<u64, Time>,
    session: Option<(String, u64)>,
}

impl Clocks {
    /// How far the sender's clock is ahead of ours, in milliseconds.
    pub(super) fn skew_ms(&self) -> Option<i64> {
        Some(self.sent?.millis().saturating_sub(self.received.millis()))
    }

    /// A sender's time, by our clock.
    fn ours(&self, at: Time) -> Time {
        let moved = at.millis().saturating_sub(self.skew_ms().unwrap_or(0));
        Time::from_millis(moved).min(self.received)
    }
}

/// A time as Zabbix writes it.
pub(super) fn moment(seconds: i64, nanoseconds: u32) -> Time {
    let millis = i64::from(nanoseconds / 1_000_000);
    Time::from_millis(seconds.saturating_mul(1000).saturating_add(millis))
}

impl Host {
    pub(super) fn new(labels: Labels, parts: Parts, interval: Duration) -> Self {
        let items = Items::of(&parts, &labels, interval);
        Self { labels, interval, parts, items, seen: Seen::default(), told: Time::default() }
    }

    pub(super) fn listed(&self, in_text: bool) -> Vec<ListedItem<'_>> {
        self.items.listed(in_text)
    }

    pub(super) fn revision(&self) -> u64 {
        self.items.revision()
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Reads the values of one request.
    pub(super) fn take(
        &self,
        session: Option<&str>,
        values: &[&Value<'_>],
        clocks: Clocks,
    ) -> Taken {
        let mut taken = Taken::default();
        for value in values {
            if let (Some(session), Some(id)) = (session, value.id) {
                if self.seen.is_known(session, id) {
                    taken.known += 1;
                    taken.processed += 1;
                    continue;
                }
                let highest = taken.session.as_ref().map_or(id, |(_, highest)| id.max(*highest));
                taken.session = Some((session.to_owned(), highest));
            }
            let at = value.clock.map(|clock| moment(clock, value.ns));
            taken.add(self.item(value), value, at.or(clocks.sent).unwrap_or(clocks.received));
        }
        taken
    }

    fn item(&self, value: &Value<'_>) -> Option<&Item> {
        match (&value.key, value.itemid) {
            (Some(key), _) => self.items.by_key(key),
            (None, Some(id)) => self.items.by_id(id),
            (None, None) => None,
        }
    }

    /// What the brain is to know of it: the newest of each figure of the whole machine.
    pub(super) fn frames(&self, object: &Object, taken: &Taken, clocks: Clocks) -> Vec<Frame> {
        let newest = taken.newest.iter().map(|(name, (at, value))| (clocks.ours(*at), name, value));
        let mut newest: Vec<_> = newest.filter(|(at, ..)| *at >= self.told).collect();
        newest.sort_by_key(|(at, ..)| *at);
        let mut frames: Vec<Frame> = Vec::new();
        for (at, name, value) in newest {
            let pair = ((*name).to_owned(), *value);
            match frames.last_mut() {
                Some(frame) if at.since(frame.at) < ONE_FRAME => frame.values.extend([pair]),
                _ => frames.push(Frame { target: object.clone(), at, values: [pair].into() }),
            }
        }
        frames
    }

    /// What was taken is durable. Gives back the marks of series that end with it.
    pub(super) fn confirm(&mut self, taken: Taken, told: Option<Time>) -> Vec<Row> {
        self.told = self.told.max(told.unwrap_or_default());
        taken.items.into_iter().for_each(|(id, at)| self.items.note(id, at));
        if let Some((session, highest)) = taken.session {
            self.seen.note(&session, highest);
        }
        let parts = self.with(taken.parts);
        self.rewrite(self.labels.clone(), parts)
    }

    /// Its parts, as they will be.
    pub(super) fn with(&self, lists: Vec<(PartKind, Vec<String>)>) -> Parts {
        let mut parts = self.parts.clone();
        for (kind, names) in lists {
            parts.set(kind, names);
        }
        parts
    }

    /// It has other labels now. Gives back the marks of the series that end.
    pub(super) fn relabel(&mut self, labels: &Labels) -> Vec<Row> {
        self.rewrite(labels.clone(), self.parts.clone())
    }

    fn rewrite(&mut self, labels: Labels, parts: Parts) -> Vec<Row> {
        if labels == self.labels && parts == self.parts {
            return Vec::new();
        }
        let items = Items::of(&parts, &labels, self.interval);
        let older = std::mem::replace(&mut self.items, items);
        (self.labels, self.parts) = (labels, parts);
        self.items.follow(older)
    }

    /// It is gone: the marks that end its series.
    pub(super) fn end(&self) -> Vec<Row> {
        self.items.end()
    }
}

impl Taken {
    fn add(&mut self, item: Option<&Item>, value: &Value<'_>, at: Time) {
        let Some(item) = item else {
            let key = value.key.as_deref().unwrap_or("an item without a key");
            return self.refuse(key, "it was not asked for");
        };
        if value.state != 0 {
            self.unsupported += 1;
            self.processed += 1;
            return;
        }
        match &item.gives {
            Gives::Figures { .. } => self.figures(item, &value.value, at),
            Gives::Parts(kind) => match read_list(*kind, &value.value) {
                Ok(found) => {
                    self.processed += 1;
                    self.parts.push((*kind, found.names));
                    found.refused.into_iter().for_each(|refusal| self.mention(refusal));
                }
                Err(error) => self.refuse(&item.key, &error.to_string()),
            },
        }
    }

    fn figures(&mut self, item: &Item, text: &str, at: Time) {
        let Gives::Figures { metrics, shape } = &item.gives else { return };
        let read: Vec<Option<f64>> = metrics.iter().map(|metric| metric.read(text)).collect();
        if read.iter().all(Option::is_none) {
            return self.refuse(&item.key, &format!("no number: {text:.80}"));
        }
        self.processed += 1;
        for (metric, value) in metrics.iter().zip(&read) {
            if let (true, Some(value)) = (metric.is_whole(), value) {
                let newest = self.newest.entry(metric.name).or_insert((at, *value));
                if newest.0 <= at {
                    *newest = (at, *value);
                }
            }
        }
        let last = self.items.entry(item.id).or_insert(at);
        *last = at.max(*last);
        let values = read.into_iter().map(|value| value.unwrap_or(ABSENT)).collect();
        self.rows.push(Row { shape: shape.clone(), at, values });
    }

    fn refuse(&mut self, key: &str, why: &str) {
        self.failed += 1;
        let (what, why) = (clean(key, MAX_TEXT_CHARS), clean(why, MAX_TEXT_CHARS));
        self.mention(Refusal { what, why });
    }

    fn mention(&mut self, refusal: Refusal) {
        if self.refused.len() < Look::MAX_NAMED {
            self.refused.push(refusal);
        }
    }
}
