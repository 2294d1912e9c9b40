//! The items that one agent is asked for, each with its number, its delay and its series.
//!
//! The table of metrics is written out for the parts of the machine, and the lists of those parts
//! are asked for, too. An agent of 6.0 and above tells values by the item's number alone, and may
//! do so long after we were restarted. So the number is made of the key and nothing else.
//!
//! An agent measures each item at a time of its own. So the series of one answer share a shape,
//! and no two items do: one time column for all of them would be mostly empty.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::metric::{Beat, Metric, PartKind, TABLE};
use model::series::{Labels, Row, STALE, Shape};
use model::time::Time;

use super::wire::ListedItem;
use crate::parts::Parts;
use crate::sheet::{self, Sheet};

const MINUTE: Duration = Duration::from_secs(60);
const DISCOVER_EVERY: Duration = Duration::from_secs(600);

#[derive(Debug)]
pub(super) struct Items {
    /// Those that are wanted most often come first.
    all: Vec<Item>,
    by_key: BTreeMap<Arc<str>, usize>,
    by_id: BTreeMap<u64, usize>,
    revision: u64,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) key: Arc<str>,
    pub(super) id: u64,
    every: Duration,
    pub(super) gives: Gives,
    /// When the newest value was measured.
    last: Option<Time>,
}

#[derive(Debug)]
pub(super) enum Gives {
    /// One figure for each column of the shape.
    Figures {
        metrics: Vec<&'static Metric>,
        shape: Arc<Shape>,
    },
    Parts(PartKind),
}

impl Items {
    pub(super) fn of(parts: &Parts, labels: &Labels, interval: Duration) -> Self {
        let sheet = Sheet::of(TABLE, parts);
        let figures = sheet.items.iter().map(|item| figures(item, &sheet, labels, interval));
        let lists = PartKind::ALL.into_iter().map(|kind| {
            Item::new(kind.discovery_key(), DISCOVER_EVERY.max(interval), Gives::Parts(kind))
        });
        let mut items =
            Self { all: Vec::new(), by_key: BTreeMap::new(), by_id: BTreeMap::new(), revision: 0 };
        figures.chain(lists).for_each(|item| items.add(item));
        items
    }

    /// Two keys of one number cannot be told apart, so the second is not asked for.
    fn add(&mut self, item: Item) {
        if self.by_id.contains_key(&item.id) {
            return;
        }
        let place = self.all.len();
        self.by_key.insert(item.key.clone(), place);
        self.by_id.insert(item.id, place);
        let line = format!("{}\n{}\n{}", self.revision, item.key, item.every.as_secs());
        self.revision = number_of(&line);
        self.all.push(item);
    }

    pub(super) fn by_key(&self, key: &str) -> Option<&Item> {
        self.by_key.get(key).map(|place| &self.all[*place])
    }

    pub(super) fn by_id(&self, id: u64) -> Option<&Item> {
        self.by_id.get(&id).map(|place| &self.all[*place])
    }

    /// The same for the same list, and never 0.
    pub(super) fn revision(&self) -> u64 {
        self.revision >> 32 | 1
    }

    pub(super) fn listed(&self, in_text: bool) -> Vec<ListedItem<'_>> {
        let seconds = |item: &Item| item.every.as_secs();
        self.all.iter().map(|i| ListedItem::new(&i.key, i.id, seconds(i), in_text)).collect()
    }

    /// A value of an item was kept.
    pub(super) fn note(&mut self, id: u64, at: Time) {
        if let Some(place) = self.by_id.get(&id) {
            let item = &mut self.all[*place];
            item.last = item.last.max(Some(at));
        }
    }

    /// Takes over from an older list what both have. The series that end with the older one are
    /// given back, each with a mark just behind its newest value.
    pub(super) fn follow(&mut self, older: Self) -> Vec<Row> {
        let mut ended = Vec::new();
        for item in older.all {
            let Gives::Figures { shape, .. } = &item.gives else { continue };
            let heir = self.by_id.get(&item.id).map(|place| &mut self.all[*place]);
            match heir {
                Some(Item { gives: Gives::Figures { shape: new, .. }, last, .. })
                    if *new == *shape =>
                {
                    (*new, *last) = (shape.clone(), item.last);
                }
                _ => ended.extend(item.end()),
            }
        }
        ended
    }

    /// The marks that end all its series.
    pub(super) fn end(&self) -> Vec<Row> {
        self.all.iter().filter_map(Item::end).collect()
    }
}

impl Item {
    fn new(key: &str, every: Duration, gives: Gives) -> Self {
        // An agent counts in whole seconds.
        let every = Duration::from_secs(every.as_secs_f64().ceil().max(1.0) as u64);
        Self { key: key.into(), id: number_of(key), every, gives, last: None }
    }

    fn end(&self) -> Option<Row> {
        let Gives::Figures { shape, metrics } = &self.gives else { return None };
        let at = self.last? + Duration::from_millis(1);
        Some(Row { shape: shape.clone(), at, values: vec![STALE; metrics.len()] })
    }
}

fn figures(item: &sheet::Item, sheet: &Sheet, labels: &Labels, interval: Duration) -> Item {
    let series: Vec<&Labels> = item.fills.iter().map(|fill| &sheet.columns[fill.column]).collect();
    let metrics = item.fills.iter().map(|fill| fill.metric).collect();
    let every = match item.beat {
        Beat::Poll => interval,
        Beat::Minute => MINUTE.max(interval),
    };
    Item::new(&item.key, every, Gives::Figures { metrics, shape: Arc::new(shape(labels, &series)) })
}

/// What all series of one answer have in common tells it from any other.
fn shape(labels: &Labels, series: &[&Labels]) -> Shape {
    let in_all = |name: &str, value: &str| series.iter().all(|labels| labels.get(name) == value);
    let first = series.first().into_iter().flat_map(|labels| labels.iter());
    let common = Labels::of(first.filter(|(name, value)| in_all(name, value)));
    let own = |labels: &&Labels| {
        Labels::of(labels.iter().filter(|(name, _)| common.get(name).is_empty()))
    };
    Shape { columns: series.iter().map(own).collect(), common: labels.with(&common) }
}

/// FNV-1a, without the highest bit: an agent takes it for a positive number.
fn number_of(text: &str) -> u64 {
    let step = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    text.bytes().fold(0xcbf2_9ce4_8422_2325, step) & (u64::MAX >> 1)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::series::is_stale;

    use super::*;

    fn parts(mounts: &[&str]) -> Parts {
        let mut parts = Parts::default();
        parts.set(PartKind::Mount, mounts.iter().map(|name| (*name).to_owned()).collect());
        parts.set(PartKind::Device, vec!["vda".to_owned()]);
        parts
    }

    fn items(mounts: &[&str], vm: &str) -> Items {
        Items::of(&parts(mounts), &Labels::of([("vm", vm)]), Duration::from_millis(1500))
    }

    fn shape_of<'a>(items: &'a Items, key: &str) -> &'a Arc<Shape> {
        let Gives::Figures { shape, .. } = &items.by_key(key).unwrap().gives else { panic!() };
        shape
    }

    #[test]
    fn a_number_is_made_of_the_key_and_will_be_the_same_tomorrow() {
        let items = items(&["/"], "web-1");
        let load = items.by_key("system.cpu.load[percpu,avg1]").unwrap();
        assert_eq!(load.id, 9_110_103_418_625_800_842);
        assert_eq!(items.by_id(load.id).unwrap().key, load.key);
        let ids: BTreeSet<u64> = items.all.iter().map(|item| item.id).collect();
        assert_eq!(ids.len(), items.all.len());
    }

    #[test]
    fn what_one_answer_gives_shares_a_shape_and_no_two_answers_do() {
        let items = items(&["/", "/srv"], "web-1");
        let disk = shape_of(&items, "vfs.file.contents[/sys/block/vda/stat]");
        assert_eq!(disk.common.to_string(), r#"{system_device="vda",vm="web-1"}"#);
        assert_eq!(disk.columns.len(), 7);
        let root = shape_of(&items, "vfs.fs.size[/,pused]");
        let series = root.common.with(&root.columns[0]).to_string();
        let mount = r#"system_filesystem_mountpoint="/",vm="web-1""#;
        assert_eq!(series, format!("system_filesystem_utilization{{{mount}}}"));
        let shapes = items.all.iter().filter_map(|item| match &item.gives {
            Gives::Figures { shape, .. } => Some(&shape.common),
            Gives::Parts(_) => None,
        });
        let (all, others): (Vec<_>, BTreeSet<_>) = (shapes.clone().collect(), shapes.collect());
        assert_eq!(all.len(), others.len());
    }

    #[test]
    fn a_list_is_written_as_each_generation_wants_it() {
        let items = items(&["/"], "web-1");
        let written = |in_text| serde_json::to_string(&items.listed(in_text)[0]).unwrap();
        assert!(written(false).contains(r#""delay":2,"#), "{}", written(false));
        assert!(written(true).contains(r#""delay":"2s","#), "{}", written(true));
        let last = serde_json::to_string(items.listed(true).last().unwrap()).unwrap();
        assert!(last.contains("discovery") && last.contains(r#""600s""#), "{last}");
    }

    #[test]
    fn the_revision_changes_with_the_list_alone() {
        let revision = |mounts: &[&str], vm| items(mounts, vm).revision();
        assert_eq!(revision(&["/"], "web-1"), revision(&["/"], "web-2"));
        assert_ne!(revision(&["/"], "web-1"), revision(&["/srv"], "web-1"));
    }

    #[test]
    fn series_that_end_are_marked_behind_their_newest_value() {
        let (mut old, key) = (items(&["/", "/srv"], "web-1"), "vfs.fs.size[/srv,pused]");
        let at = Time::from_millis(5000);
        for key in [key, "vfs.fs.size[/,pused]"] {
            old.note(old.by_key(key).unwrap().id, at);
        }
        old.note(old.by_key(key).unwrap().id, Time::from_millis(1));
        let kept = shape_of(&old, "vfs.fs.size[/,pused]").clone();
        let mut new = items(&["/"], "web-1");
        let ended = new.follow(old);
        assert_eq!(ended.len(), 1, "the other mount point is still there: {ended:?}");
        assert_eq!((ended[0].at.millis(), is_stale(ended[0].values[0])), (5001, true));
        assert!(Arc::ptr_eq(&kept, shape_of(&new, "vfs.fs.size[/,pused]")));
        assert_eq!(new.end().len(), 1, "what never had a value need not end");
        assert_eq!(items(&["/"], "web-2").follow(new).len(), 1, "another VM has other series");
    }
}
