//! What the fleet measures of itself, as rows for the sample store.
//!
//! Series bear the names of what they speak of: a VM's samples name the VM, and its module,
//! project and host of that moment. When one of these changes, the old series end and new ones
//! begin, so that "the mean load of a module" never counts a VM for a module it has left.

use std::collections::BTreeMap;

use model::id::Object;
use model::series::{Labels, Row, Shaper};
use model::time::Time;
use model::topology::Topology;

/// Rows that wait for the end of the turn, and the shape of each object's last one.
#[derive(Debug, Default)]
pub struct Rows {
    shapers: BTreeMap<(Object, Sort), (Labels, Shaper)>,
    waiting: Vec<Row>,
}

/// What is told of the whole object, and what is told by its parts and states: that has labels of
/// its own, and is not told each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Sort {
    Whole,
    Split,
}

impl Rows {
    /// Adds what was measured of an object.
    pub fn add<'a>(
        &mut self,
        object: &Object,
        topology: &Topology,
        at: Time,
        readings: impl IntoIterator<Item = (&'a str, f64)>,
    ) {
        let readings = readings.into_iter().map(|(name, value)| (Labels::metric(name), value));
        self.put(object, Sort::Whole, topology, at, readings);
    }

    /// Adds what was measured of an object's parts and states.
    pub fn add_split(&mut self, object: &Object, topology: &Topology, row: &Row) {
        let readings = row.shape.columns.iter().cloned().zip(row.values.iter().copied());
        self.put(object, Sort::Split, topology, row.at, readings);
    }

    fn put(
        &mut self,
        object: &Object,
        sort: Sort,
        topology: &Topology,
        at: Time,
        readings: impl Iterator<Item = (Labels, f64)>,
    ) {
        let labels = labels(object, topology);
        let place = (object.clone(), sort);
        if self.shapers.get(&place).is_some_and(|(known, _)| *known != labels) {
            self.end(object, at);
        }
        let fresh = || (labels.clone(), Shaper::new(labels.clone()));
        let (_, shaper) = self.shapers.entry(place).or_insert_with(fresh);
        self.waiting.push(shaper.row(at, readings));
    }

    /// An object is gone, or is no longer what it was: its series end.
    pub fn end(&mut self, object: &Object, at: Time) {
        for sort in [Sort::Whole, Sort::Split] {
            let ended = self.shapers.remove(&(object.clone(), sort));
            self.waiting.extend(ended.and_then(|(_, mut shaper)| shaper.stale(at)));
        }
    }

    pub fn take(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.waiting)
    }
}

/// The labels that an object's own series bear.
pub fn labels(object: &Object, topology: &Topology) -> Labels {
    let mut pairs = vec![(object.kind(), object.name().to_owned())];
    match object {
        Object::Vm(vm) => {
            if let Some(place) = topology.vms.get(vm) {
                pairs.extend(place.host.iter().map(|host| ("host", host.to_string())));
                pairs.extend(place.module.iter().map(|module| ("module", module.to_string())));
                let project = topology.project_of(vm);
                pairs.extend(project.map(|project| ("project", project.to_string())));
            }
        }
        Object::Host(host) => {
            let switch = topology.hosts.get(host).and_then(|host| host.switch.as_ref());
            pairs.extend(switch.map(|switch| ("switch", switch.to_string())));
        }
        Object::Module(module) => {
            let module = topology.modules.get(module);
            pairs.extend(module.map(|module| ("project", module.project.to_string())));
        }
        Object::Switch(_) | Object::Project(_) | Object::DataSource(_) | Object::Collector(_) => {}
    }
    Labels::of(pairs)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use model::series::{METRIC_NAME, Shape, is_stale};
    use model::topology::{Module, VmPlace};

    use super::*;

    fn topology(module: &str) -> Topology {
        let mut topology = Topology::default();
        let project = "shop".parse().unwrap();
        let uses = Default::default();
        topology.modules.insert(module.parse().unwrap(), Module { project, uses });
        let place = VmPlace {
            host: Some("h1".parse().unwrap()),
            module: Some(module.parse().unwrap()),
            created: Time::default(),
            leaving: false,
        };
        topology.vms.insert("web-1".parse().unwrap(), place);
        topology
    }

    #[test]
    fn a_vm_that_changes_its_module_ends_its_series_and_begins_others() {
        let vm: Object = "vm/web-1".parse().unwrap();
        let mut rows = Rows::default();
        rows.add(&vm, &topology("shop/web"), Time::default(), [("load", 1.0)]);
        rows.add(&vm, &topology("shop/web"), Time::default(), [("load", 2.0)]);
        rows.add(&vm, &topology("shop/api"), Time::default(), [("load", 3.0)]);
        rows.end(&vm, Time::default());
        rows.end(&vm, Time::default());
        let told = rows.take().into_iter().map(|row| {
            let value = row.values[0];
            let value = if is_stale(value) { "ends".to_owned() } else { value.to_string() };
            format!("{} {value}", row.shape.common)
        });
        let series =
            |module| format!(r#"{{host="h1",module="shop/{module}",project="shop",vm="web-1"}}"#);
        let (web, api) = (series("web"), series("api"));
        let expected = [
            format!("{web} 1"),
            format!("{web} 2"),
            format!("{web} ends"),
            format!("{api} 3"),
            format!("{api} ends"),
        ];
        assert_eq!(told.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_is_told_of_parts_bears_the_labels_of_the_object_and_ends_with_it() {
        let vm: Object = "vm/web-1".parse().unwrap();
        let used = Labels::of([(METRIC_NAME, "used"), ("mountpoint", "/")]);
        let told = Row {
            shape: Arc::new(Shape { common: Labels::default(), columns: vec![used] }),
            at: Time::default(),
            values: vec![0.25],
        };
        let mut rows = Rows::default();
        rows.add_split(&vm, &topology("shop/web"), &told);
        rows.add(&vm, &topology("shop/web"), Time::default(), [("load", 1.0)]);
        rows.end(&vm, Time::default());
        let taken = rows.take();
        let series = taken.iter().map(|row| (row.shape.columns[0].to_string(), row.values[0]));
        let series: Vec<(String, bool)> =
            series.map(|(name, value)| (name, is_stale(value))).collect();
        let (load, used) = ("load".to_owned(), r#"used{mountpoint="/"}"#.to_owned());
        let expected = [(used.clone(), false), (load.clone(), false), (load, true), (used, true)];
        assert_eq!(series, expected);
        assert!(taken.iter().all(|row| row.shape.common == taken[0].shape.common));
    }
}
