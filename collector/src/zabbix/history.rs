//! Which values of which items to ask for, so that each comes once and late ones come too.
//!
//! A value bears the time at which it was measured and may reach the server much later: a proxy
//! that was cut off delivers an hour at once. So no clock of ours says what is new. Each item has
//! a mark, the newest value that was seen of it, and is asked from there on, however long ago that
//! is. Now and then it is asked from well before its mark, for values that came out of order: one
//! that is late by up to [`LATE`] is found, within another [`LATE`]. What was had already is known
//! by its time.
//!
//! Windows of several items are one call, so those are put together whose windows begin alike.
//! Pure: rows and times come in. Not stored: after a restart reading goes on where the store
//! ends, and the same value at the same time is no news to it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::time::Time;
use serde::Deserialize;
use serde_json::{Value, json};

use super::ids::ItemId;
use super::items::{Items, ValueType};
use super::loose;

/// How far before an item's mark it is always asked.
const OVERLAP: Duration = Duration::from_secs(30);
/// How late a value may come out of order. Items look back that often, and twice as far.
pub const LATE: Duration = Duration::from_secs(600);
const LOOK_BACK: Duration = Duration::from_secs(1200);
/// Items take turns in looking back, so that no round is dearer than the others.
const TURNS: u64 = 10;
/// How far back is read at most.
pub const MAX_CATCH_UP: Duration = Duration::from_secs(24 * 3600);
/// A clock may be ahead by so much; values further ahead are not asked for.
const AHEAD: Duration = Duration::from_secs(60);

/// A time as Zabbix writes it: seconds and nanoseconds.
pub type Stamp = (i64, u32);

/// How far each item was read.
#[derive(Clone, Debug)]
pub struct History {
    marks: BTreeMap<ItemId, Mark>,
    /// Where items begin that have no mark yet.
    since: Time,
}

#[derive(Clone, Debug)]
struct Mark {
    newest: Stamp,
    /// The times that were had within [`LOOK_BACK`] before the newest.
    had: BTreeSet<Stamp>,
    looked_back: Time,
}

/// One thing to ask `history.get`; both ends are included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub value_type: ValueType,
    pub items: Vec<ItemId>,
    pub from_s: i64,
    pub till_s: i64,
}

/// A value that was not had before.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    pub item: ItemId,
    pub stamp: Stamp,
    pub value: f64,
}

/// One row of `history.get`.
#[derive(Debug, Deserialize)]
pub(crate) struct HistoryRow {
    itemid: ItemId,
    #[serde(deserialize_with = "loose::integer")]
    pub(super) clock: i64,
    #[serde(default, deserialize_with = "loose::integer")]
    ns: i64,
    #[serde(deserialize_with = "loose::text")]
    value: String,
}

impl History {
    /// Begins to read, with values since then.
    pub fn since(since: Time) -> Self {
        Self { marks: BTreeMap::new(), since }
    }

    /// What to ask in this round, what is furthest behind first; no more than `most` items each.
    pub fn windows(&mut self, items: &Items, most: usize, now: Time) -> Vec<Window> {
        self.marks.retain(|id, _| items.by_id.contains_key(id));
        let till_s = (now + AHEAD).millis() / 1000;
        let mut begins: Vec<(ValueType, i64, ItemId)> = items
            .by_id
            .iter()
            .map(|(id, item)| (item.value_type, self.begin_s(*id, now), *id))
            .collect();
        begins.sort_unstable();
        let mut windows: Vec<Window> = Vec::new();
        for (value_type, from_s, id) in begins {
            match windows.last_mut() {
                Some(last) if last.value_type == value_type && last.items.len() < most => {
                    last.items.push(id);
                }
                _ => windows.push(Window { value_type, items: vec![id], from_s, till_s }),
            }
        }
        windows.sort_by_key(|window| window.from_s);
        windows
    }

    /// Takes in rows; returns what is new among them, and how many are no numbers.
    pub(super) fn take(&mut self, rows: &[HistoryRow], now: Time) -> (Vec<Reading>, usize) {
        let mut fresh = Vec::new();
        let mut odd = 0;
        for row in rows {
            let stamp = (row.clock, u32::try_from(row.ns).unwrap_or(0));
            if !self.is_new(row.itemid, stamp, now) {
                continue;
            }
            match row.value.parse::<f64>() {
                Ok(value) if value.is_finite() => {
                    fresh.push(Reading { item: row.itemid, stamp, value });
                }
                _ => odd += 1,
            }
        }
        (fresh, odd)
    }

    fn begin_s(&mut self, id: ItemId, now: Time) -> i64 {
        let earliest_s = (now - MAX_CATCH_UP).millis() / 1000;
        let Some(mark) = self.marks.get_mut(&id) else {
            return (self.since.millis() / 1000).max(earliest_s);
        };
        let overlap = if now.since(mark.looked_back) >= LATE {
            mark.looked_back = now;
            LOOK_BACK
        } else {
            OVERLAP
        };
        (mark.newest.0 - seconds(overlap)).max(earliest_s)
    }

    fn is_new(&mut self, id: ItemId, stamp: Stamp, now: Time) -> bool {
        let turn = u32::try_from(id.0 % TURNS).unwrap_or(0);
        let looked_back = now - LATE / 10 * turn;
        let fresh = || Mark { newest: stamp, had: BTreeSet::new(), looked_back };
        let mark = self.marks.entry(id).or_insert_with(fresh);
        // Windows are shared, so an item may be asked from before what is remembered of it. A
        // page is in the order of time: what is that old was had, or is too late.
        if stamp.0 < mark.newest.0 - seconds(LOOK_BACK) || !mark.had.insert(stamp) {
            return false;
        }
        if stamp > mark.newest {
            mark.newest = stamp;
            let old = (stamp.0 - seconds(LOOK_BACK), 0);
            mark.had = mark.had.split_off(&old);
        }
        true
    }
}

impl Window {
    pub(super) fn params(&self, limit: usize) -> Value {
        json!({
            "output": ["itemid", "clock", "ns", "value"],
            "history": self.value_type as i64, "itemids": self.items,
            "time_from": self.from_s, "time_till": self.till_s,
            "sortfield": "clock", "sortorder": "ASC", "limit": limit,
        })
    }

    /// What is left to ask after a page: nothing if it was not full. The page's last second is
    /// asked again, since it may have been cut; if the page was nothing but that second, fewer
    /// items are asked, and of a single one the rest of that second is left out.
    pub fn after(self, rows: usize, limit: usize, last_s: Option<i64>) -> Vec<Self> {
        let Some(last_s) = last_s.filter(|_| rows >= limit) else { return Vec::new() };
        if last_s > self.from_s {
            return vec![Self { from_s: last_s, ..self }];
        }
        if self.items.len() == 1 {
            return vec![Self { from_s: self.from_s + 1, ..self }];
        }
        let (left, right) = self.items.split_at(self.items.len() / 2);
        [left, right].map(|items| Self { items: items.to_vec(), ..self.clone() }).into()
    }
}

fn seconds(span: Duration) -> i64 {
    i64::try_from(span.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::api::read_answer;
    use super::super::items::Item;
    use super::super::loose::Rows;
    use super::*;

    fn items(ids: &[u64]) -> Items {
        let item = |id: &u64| {
            let value_type =
                if id.is_multiple_of(2) { ValueType::Float } else { ValueType::Unsigned };
            (ItemId(*id), Item { host: Default::default(), value_type, series: Vec::new() })
        };
        Items { by_id: ids.iter().map(item).collect(), ..Items::default() }
    }

    fn row(item: u64, clock: i64, ns: i64) -> HistoryRow {
        HistoryRow { itemid: ItemId(item), clock, ns, value: clock.to_string() }
    }

    #[test]
    fn recorded_values_are_numbers_and_come_once() {
        let bodies: [&[u8]; 3] = [
            include_bytes!("../../tests/data/zabbix/6.0/history.get.float.json"),
            include_bytes!("../../tests/data/zabbix/6.0/history.get.unsigned.json"),
            include_bytes!("../../tests/data/zabbix/6.0/history.get.wrong-type.json"),
        ];
        let mut history = History::since(Time::default());
        let counts = bodies.map(|body| {
            let rows: Rows<HistoryRow> = read_answer("history.get", body).unwrap();
            let first = history.take(&rows.good, Time::default()).0;
            (
                first.len(),
                first.first().map(|reading| reading.value),
                history.take(&rows.good, Time::default()).0.len(),
            )
        });
        assert_eq!(counts, [(3, Some(97.0062), 0), (3, Some(150.0), 0), (0, None, 0)]);
    }

    #[test]
    fn what_is_no_number_is_counted() {
        let mut history = History::since(Time::default());
        let odd = ["", "x", "nan", "inf", "1e999", "0x10"];
        let rows: Vec<_> = (0..)
            .zip(odd)
            .map(|(clock, value)| HistoryRow { value: value.to_owned(), ..row(1, clock, 0) })
            .collect();
        assert_eq!(history.take(&rows, Time::default()), (Vec::new(), odd.len()));
    }

    #[test]
    fn each_type_is_asked_for_itself_and_who_is_behind_comes_first() {
        let mut history = History::since(Time::from_millis(1_000_000));
        let now = Time::from_millis(5_000_000);
        let before = Time::from_millis(4_500_000);
        history.take(&[row(2, 4990, 0), row(4, 3000, 0), row(1, 4990, 0)], before);
        let told: Vec<_> = history
            .windows(&items(&[1, 2, 4, 6]), 2, now)
            .into_iter()
            .map(|window| (window.value_type, window.items, window.from_s, window.till_s))
            .collect();
        let (float, unsigned) = (ValueType::Float, ValueType::Unsigned);
        assert_eq!(
            told,
            [
                (float, vec![ItemId(6), ItemId(4)], 1000, 5060),
                (float, vec![ItemId(2)], 3790, 5060), // Its turn to look back.
                (unsigned, vec![ItemId(1)], 4960, 5060),
            ]
        );
    }

    #[test]
    fn a_full_page_is_gone_on_from_and_always_gets_somewhere() {
        let window = Window {
            value_type: ValueType::Float,
            items: (1..=3).map(ItemId).collect(),
            from_s: 100,
            till_s: 200,
        };
        let shown = |windows: Vec<Window>| {
            windows
                .iter()
                .map(|window| format!("{} items from {}", window.items.len(), window.from_s))
                .collect::<Vec<_>>()
                .join(", ")
        };
        assert_eq!(shown(window.clone().after(9, 10, Some(150))), "");
        assert_eq!(shown(window.clone().after(10, 10, Some(150))), "3 items from 150");
        let halves = window.after(10, 10, Some(100));
        assert_eq!(shown(halves.clone()), "1 items from 100, 2 items from 100");
        assert_eq!(shown(halves[0].clone().after(10, 10, Some(100))), "1 items from 101");
    }

    proptest! {
           #![proptest_config(ProptestConfig::with_cases(64))]
           /// Values are measured, arrive in any order of items, and late by less than [`LATE`]
           /// (those of a proxy in order, by hours): each comes exactly once.
           #[test]
           fn each_value_comes_once(
               values in prop::collection::vec((1u64..6, 0i64..4000, 0i64..550), 1..80),
               proxied in prop::collection::vec(0i64..4000, 0..40),
           ) {
               let mut stored: Vec<(i64, HistoryRow)> = values.iter()
                   .map(|(item, clock, late)| (clock + late, row(*item, *clock, 0))).collect();
               stored.extend(proxied.iter().map(|clock| (9000, row(8, *clock, 0))));
               let distinct: BTreeSet<(ItemId, i64)> =
                   stored.iter().map(|(_, row)| (row.itemid, row.clock)).collect();
               let mut history = History::since(Time::default());
               let items = items(&[1, 2, 3, 4, 5, 8]);
               let mut got = Vec::new();
               for now_s in (0..11_000).step_by(50) {
                   for window in history.windows(&items, 2, Time::from_millis(now_s * 1000)) {
                       let mut rows: Vec<HistoryRow> = stored.iter()
                           .filter(|(from, _)| *from <= now_s)
                           .filter(|(_, row)| window.items.contains(&row.itemid))
                           .filter(|(_, row)| (window.from_s..=window.till_s).contains(&row.clock))
                           .map(|(_, row)| self::row(row.itemid.0, row.clock, 0)).collect();
    rows.sort_by_key(|row| row.clock);
                       got.extend(history.take(&rows, Time::from_millis(now_s * 1000)).0.iter().map(|reading| (reading.item, reading.stamp.0)));
                   }
               }
               prop_assert_eq!(got.len(), distinct.len());
               prop_assert_eq!(got.into_iter().collect::<BTreeSet<_>>(), distinct);
           }
       }
}
