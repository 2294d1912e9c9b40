//! What the fleet measures of itself, as rows for the sample store.
//!
//! Series bear the names of what they speak of: a VM's samples name the VM, and its module,
//! project and host of that moment. When one of these changes, the old series end and new ones
//! begin, so that "the mean load of a module" never counts a VM for a module it has left.

use std::collections::BTreeMap;

use model::id::Object;
use model::series::{ABSENT, Labels, METRIC_NAME, Row, Shaper};
use model::time::Time;
use model::topology::Topology;
use model::verdict::{Outcome, ProbeTarget, Timings, Verdict};

/// Whether a probe found its target healthy, as 0 or 1.
const PROBE_SUCCESS: &str = "probe_success";
/// How long each phase of a probe took.
const PROBE_DURATION: &str = "probe_duration_seconds";

/// Rows that wait for the end of the turn, and the shape of each source's last one.
#[derive(Debug, Default)]
pub struct Rows {
    shapers: BTreeMap<Source, (Labels, Shaper)>,
    waiting: Vec<Row>,
}

/// Who measured.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Source {
    /// What is told of the whole object.
    Object(Object),
    /// What is told by its parts and states has labels of its own, and is not told each time.
    Split(Object),
    Probe(ProbeTarget),
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
        self.put(Source::Object(object.clone()), &labels(object, topology), at, readings);
    }

    /// Adds what was measured of an object's parts and states.
    pub fn add_split(&mut self, object: &Object, topology: &Topology, row: &Row) {
        let readings = row.shape.columns.iter().cloned().zip(row.values.iter().copied());
        self.put(Source::Split(object.clone()), &labels(object, topology), row.at, readings);
    }

    /// Adds what a probe came to; one that was blind measured nothing.
    pub fn probed(&mut self, verdict: &Verdict, topology: &Topology) {
        let success = match verdict.outcome {
            Outcome::Healthy { .. } => 1.0,
            Outcome::Unhealthy { .. } => 0.0,
            Outcome::Blind { .. } => return,
        };
        let readings = [(Labels::metric(PROBE_SUCCESS), success)].into_iter();
        let labels = probe_labels(&verdict.target, topology);
        let source = Source::Probe(verdict.target.clone());
        self.put(source, &labels, verdict.at, readings.chain(durations(&verdict.timings)));
    }

    fn put(
        &mut self,
        source: Source,
        labels: &Labels,
        at: Time,
        readings: impl IntoIterator<Item = (Labels, f64)>,
    ) {
        if self.shapers.get(&source).is_some_and(|(known, _)| known != labels) {
            match &source {
                Source::Object(object) | Source::Split(object) => self.end(object, at),
                Source::Probe(_) => self.end_source(&source, at),
            }
        }
        let fresh = || (labels.clone(), Shaper::new(labels.clone()));
        let (_, shaper) = self.shapers.entry(source).or_insert_with(fresh);
        self.waiting.push(shaper.row(at, readings));
    }

    /// An object is gone, or is no longer what it was: its series end.
    pub fn end(&mut self, object: &Object, at: Time) {
        self.end_source(&Source::Object(object.clone()), at);
        self.end_source(&Source::Split(object.clone()), at);
    }

    /// A probe is no longer made.
    pub fn end_probe(&mut self, target: &ProbeTarget, at: Time) {
        self.end_source(&Source::Probe(target.clone()), at);
    }

    fn end_source(&mut self, source: &Source, at: Time) {
        let ended = self.shapers.remove(source).and_then(|(_, mut shaper)| shaper.stale(at));
        self.waiting.extend(ended);
    }

    pub fn take(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.waiting)
    }
}

/// A phase that this target has and that was not reached goes on without a value.
fn durations(timings: &Timings) -> impl Iterator<Item = (Labels, f64)> {
    let phases = timings.named().into_iter().filter_map(|(phase, span)| {
        let is_always_there = !matches!(phase, "dns" | "tls");
        let seconds = span.map(|span| span.as_secs_f64());
        Some((phase, seconds.or(is_always_there.then_some(ABSENT))?))
    });
    phases.map(|(phase, seconds)| {
        (Labels::of([(METRIC_NAME, PROBE_DURATION), ("phase", phase)]), seconds)
    })
}

/// A VM is probed as itself, and a module by its domain.
fn probe_labels(target: &ProbeTarget, topology: &Topology) -> Labels {
    match target {
        ProbeTarget::Vm { vm, .. } => labels(&Object::Vm(vm.clone()), topology),
        ProbeTarget::Domain { module, domain } => {
            let own = labels(&Object::Module(module.clone()), topology);
            own.with(&Labels::of([("domain", domain.as_str())]))
        }
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
        Object::Switch(_)
        | Object::Project(_)
        | Object::DataSource(_)
        | Object::Collector(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => {}
    }
    Labels::of(pairs)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use expect_test::expect;
    use model::series::{METRIC_NAME, Shape, is_absent, is_stale};
    use model::topology::{Module, VmPlace};
    use model::verdict::Phase;

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

    #[test]
    fn a_probe_leaves_the_time_of_each_phase_it_reached() {
        let domain = "www.yy.com".to_owned();
        let target = ProbeTarget::Domain { module: "shop/web".parse().unwrap(), domain };
        let verdict = |outcome, millis: [Option<u64>; 3]| {
            let [dns, connect, first_byte] = millis.map(|span| span.map(Duration::from_millis));
            let timings = Timings { dns, connect, first_byte, ..Timings::default() };
            let (target, at) = (target.clone(), Time::default());
            Verdict { target, at, outcome, took: Duration::ZERO, timings, family: None }
        };
        let mut rows = Rows::default();
        let topology = topology("shop/web");
        let healthy = Outcome::Healthy { doubt: None };
        rows.probed(&verdict(healthy, [Some(5), Some(1), Some(20)]), &topology);
        let unhealthy = Outcome::Unhealthy { phase: Phase::Connect, hint: "refused".to_owned() };
        rows.probed(&verdict(unhealthy, [Some(7), None, None]), &topology);
        let blind = Outcome::Blind { reason: "no route".to_owned() };
        rows.probed(&verdict(blind, [None; 3]), &topology);
        rows.end_probe(&target, Time::default());
        let mut told = String::new();
        for row in rows.take() {
            told += &format!("{}\n", row.shape.common);
            for (column, value) in row.shape.columns.iter().zip(&row.values) {
                let value = match *value {
                    value if is_absent(value) => "no value".to_owned(),
                    value if is_stale(value) => "ends".to_owned(),
                    value => value.to_string(),
                };
                told += &format!("    {column} {value}\n");
            }
        }
        expect![[r#"
            {domain="www.yy.com",module="shop/web",project="shop"}
                probe_success 1
                probe_duration_seconds{phase="dns"} 0.005
                probe_duration_seconds{phase="connect"} 0.001
                probe_duration_seconds{phase="first_byte"} 0.02
                probe_duration_seconds{phase="body"} no value
            {domain="www.yy.com",module="shop/web",project="shop"}
                probe_success 0
                probe_duration_seconds{phase="dns"} 0.007
                probe_duration_seconds{phase="connect"} no value
                probe_duration_seconds{phase="first_byte"} no value
                probe_duration_seconds{phase="body"} no value
            {domain="www.yy.com",module="shop/web",project="shop"}
                probe_success ends
                probe_duration_seconds{phase="dns"} ends
                probe_duration_seconds{phase="connect"} ends
                probe_duration_seconds{phase="first_byte"} ends
                probe_duration_seconds{phase="body"} ends
        "#]]
        .assert_eq(&told);
    }
}
