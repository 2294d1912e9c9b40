//! Makes rows of readings: per host and second, with the time of the source.
//!
//! Zabbix reads items at the earliest once a second, so a second is what one look is here; of
//! several values of one item within it the last counts. The items of a host are read at moments
//! of their own that stay the same, so the shapes of its rows recur, and each is kept once.
//!
//! When what a series stands in changes, such as the module of a VM, or its item is no longer
//! read, the series ends with a staleness mark, so that its last value is not taken for the
//! present one. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::id::Object;
use model::series::{Labels, Row, STALE, Shape};
use model::time::Time;

use super::history::{Reading, Stamp};
use super::ids::HostKey;
use super::items::Items;
use super::topology::Directory;

/// The shapes that are kept per host; beyond that they are made anew each time.
const MAX_SHAPES: usize = 128;

/// The shapes of each object's rows.
#[derive(Clone, Debug, Default)]
pub struct Shapes {
    objects: BTreeMap<Object, Known>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    common: Labels,
    shapes: BTreeMap<Vec<Labels>, Arc<Shape>>,
    /// The series that have a value.
    live: BTreeSet<Labels>,
}

impl Shapes {
    /// Rows in the order of objects and times.
    pub fn rows(&mut self, readings: &[Reading], items: &Items, directory: &Directory) -> Vec<Row> {
        let mut cells: BTreeMap<(HostKey, i64), BTreeMap<Labels, (Stamp, f64)>> = BTreeMap::new();
        for reading in readings {
            let Some(item) = items.by_id.get(&reading.item) else { continue };
            let cores = items.cores.get(&item.host).copied();
            let row = cells.entry((item.host, reading.stamp.0)).or_default();
            for (labels, scale) in &item.series {
                let Some(value) = scale.apply(reading.value, cores) else { continue };
                let cell = row.entry(labels.clone()).or_insert((reading.stamp, value));
                if reading.stamp >= cell.0 {
                    *cell = (reading.stamp, value);
                }
            }
        }
        let filled = cells.into_iter().filter(|(_, cells)| !cells.is_empty());
        filled
            .filter_map(|((host, clock), cells)| {
                let object = directory.object(host)?;
                let at = Time::from_millis(clock.saturating_mul(1000));
                let (columns, values) =
                    cells.into_iter().map(|(labels, (_, value))| (labels, value)).unzip();
                Some(Row { shape: self.shape(&object, directory, columns), at, values })
            })
            .collect()
    }

    /// Ends the series of items that are not read any more, and of objects that stand in
    /// something else than before.
    pub fn end_old(&mut self, items: &Items, directory: &Directory, now: Time) -> Vec<Row> {
        let mut read: BTreeMap<Object, BTreeSet<&Labels>> = BTreeMap::new();
        for item in items.by_id.values() {
            let Some(object) = directory.object(item.host) else { continue };
            read.entry(object).or_default().extend(item.series.iter().map(|(labels, _)| labels));
        }
        let mut ended = Vec::new();
        for (object, known) in &mut self.objects {
            let has_moved = directory.labels(object) != known.common;
            let is_over = |labels: &&Labels| {
                has_moved || !read.get(object).is_some_and(|read| read.contains(labels))
            };
            let over: Vec<Labels> = known.live.iter().filter(is_over).cloned().collect();
            if over.is_empty() {
                continue;
            }
            known.live.retain(|labels| !over.contains(labels));
            let (common, values) = (known.common.clone(), vec![STALE; over.len()]);
            let shape = Arc::new(Shape { common, columns: over });
            ended.push(Row { shape, at: now, values });
        }
        self.objects.retain(|_, known| !known.live.is_empty());
        ended
    }

    fn shape(
        &mut self,
        object: &Object,
        directory: &Directory,
        columns: Vec<Labels>,
    ) -> Arc<Shape> {
        let fresh = || Known { common: directory.labels(object), ..Known::default() };
        let known = self.objects.entry(object.clone()).or_insert_with(fresh);
        if let Some(shape) = known.shapes.get(&columns) {
            return shape.clone();
        }
        known.live.extend(columns.iter().cloned());
        let shape = Arc::new(Shape { common: known.common.clone(), columns: columns.clone() });
        if known.shapes.len() < MAX_SHAPES {
            known.shapes.insert(columns, shape.clone());
        }
        shape
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use model::series::is_stale;

    use super::super::brake::Brake;
    use super::super::ids::ItemId;
    use super::super::items::{Item, ValueType};
    use super::super::metrics::series_of;
    use super::super::topology::{Entry, What};
    use super::*;

    fn directory(module: &str) -> Directory {
        let what = What::Vm {
            id: "vm1".parse().unwrap(),
            module: Some(module.parse().unwrap()),
            project: Some("shop".parse().unwrap()),
            host: None,
        };
        let entry = Entry {
            host: String::new(),
            is_monitored: true,
            in_maintenance: false,
            interface_error: None,
            aliases: Vec::new(),
            what,
        };
        let mut brake = Brake::default();
        brake.list([(HostKey(1), entry)].into(), Time::default());
        Directory::of(&brake)
    }

    fn items(keys: &[(u64, &str)]) -> Items {
        let mut items = Items::default();
        for (id, key) in keys {
            let series = series_of(key, "%").into_iter();
            let series = series.map(|(_, labels, scale)| (labels, scale)).collect();
            let item = Item { host: HostKey(1), value_type: ValueType::Float, series };
            items.by_id.insert(ItemId(*id), item);
        }
        items.cores.insert(HostKey(1), 4.0);
        items
    }

    fn check(rows: &[Row], expected: &Expect) {
        let lines = rows.iter().map(|row| {
            let cells = row.shape.columns.iter().zip(&row.values).map(|(labels, value)| {
                let value = if is_stale(*value) { "ends".to_owned() } else { value.to_string() };
                format!(" {labels}={value}")
            });
            let cells: String = cells.collect();
            format!("{} {}{cells}\n", row.at.millis(), row.shape.common)
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    fn reading(item: u64, clock: i64, ns: u32, value: f64) -> Reading {
        Reading { item: ItemId(item), stamp: (clock, ns), value }
    }

    #[test]
    fn readings_of_one_second_are_one_row_and_the_last_of_an_item_counts() {
        let items = items(&[(1, "system.cpu.util"), (2, "system.cpu.load[all,avg1]")]);
        let readings = [
            reading(1, 100, 9, 80.0),
            reading(1, 100, 5, 10.0),
            reading(2, 100, 7, 2.0),
            reading(1, 101, 0, 50.0),
            reading(3, 101, 0, 1.0),
        ];
        check(
            &Shapes::default().rows(&readings, &items, &directory("shop/web")),
            &expect![[r#"
                100000 {module="shop/web",project="shop",vm="vm1"} load1=2 load1_per_core=0.5 system_cpu_utilization=0.8
                101000 {module="shop/web",project="shop",vm="vm1"} system_cpu_utilization=0.5
            "#]],
        );
    }

    #[test]
    fn shapes_recur_and_end_when_the_vm_is_moved_or_its_item_goes() {
        let mut shapes = Shapes::default();
        let all = items(&[(1, "system.cpu.util"), (2, "vfs.dev.util[vda]")]);
        let (web, api) = (directory("shop/web"), directory("shop/api"));
        let first = shapes.rows(&[reading(1, 100, 0, 1.0), reading(2, 100, 0, 1.0)], &all, &web);
        let again = shapes.rows(&[reading(1, 101, 0, 1.0), reading(2, 101, 0, 1.0)], &all, &web);
        assert!(Arc::ptr_eq(&first[0].shape, &again[0].shape));
        let now = Time::from_millis(102_000);
        assert!(shapes.end_old(&all, &web, now).is_empty());
        let mut rows = shapes.end_old(&items(&[(1, "system.cpu.util")]), &web, now);
        rows.extend(shapes.end_old(&all, &api, now));
        rows.extend(shapes.rows(&[reading(1, 103, 0, 1.0)], &all, &api));
        check(
            &rows,
            &expect![[r#"
            102000 {module="shop/web",project="shop",vm="vm1"} system_disk_utilization{system_device="vda"}=ends
            102000 {module="shop/web",project="shop",vm="vm1"} system_cpu_utilization=ends
            103000 {module="shop/api",project="shop",vm="vm1"} system_cpu_utilization=0.01
        "#]],
        );
    }
}
