//! Of which object a series speaks, and of which part of it.

use model::id::Object;
use model::series::{Labels, METRIC_NAME};

use super::{Kind, On};

/// Labels of what comes from the brain itself, which part nothing.
const OWN: &[&str] = &["job", "instance"];

/// The object of a series. None if it bears no label of its kind, or a name that is none.
pub(super) fn object_of(on: &On, labels: &Labels) -> Option<(Object, &'static [&'static str])> {
    match on {
        On::One(object) => Some((object.clone(), OWN)),
        On::Kinds(kinds) => {
            let named = |kind: &&Kind| !labels.get(kind.label()).is_empty();
            let kind = kinds.iter().find(named)?;
            Some((object(*kind, labels.get(kind.label()))?, kind.carried()))
        }
    }
}

fn object(kind: Kind, name: &str) -> Option<Object> {
    Some(match kind {
        Kind::Switch => Object::Switch(name.parse().ok()?),
        Kind::Host => Object::Host(name.parse().ok()?),
        Kind::Vm => Object::Vm(name.parse().ok()?),
        Kind::Module => Object::Module(name.parse().ok()?),
        Kind::Project => Object::Project(name.parse().ok()?),
        Kind::DataSource => Object::DataSource(name.parse().ok()?),
        Kind::Collector => Object::Collector(name.parse().ok()?),
    })
}

/// What else tells series of one object apart: `/data`, or `cpu=1 mode=idle` if it takes several.
pub(super) fn part_of(labels: &Labels, carried: &[&str]) -> String {
    let own: Vec<(&str, &str)> =
        labels.iter().filter(|(name, _)| *name != METRIC_NAME && !carried.contains(name)).collect();
    match &own[..] {
        [(_, value)] => (*value).to_owned(),
        several => {
            let pairs = several.iter().map(|(name, value)| format!("{name}={value}"));
            pairs.collect::<Vec<_>>().join(" ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(kinds: &[Kind], pairs: &[(&str, &str)]) -> Option<(String, String)> {
        let labels = Labels::of(pairs.iter().copied());
        let (object, carried) = object_of(&On::Kinds(kinds.to_vec()), &labels)?;
        Some((object.to_string(), part_of(&labels, carried)))
    }

    #[test]
    fn where_an_object_stands_is_no_part_of_it() {
        let here = [("__name__", "m"), ("vm", "web-1"), ("host", "h1"), ("module", "shop/web")];
        let moved = [("vm", "web-1"), ("host", "h2")];
        let expected = Some(("vm/web-1".to_owned(), String::new()));
        assert_eq!(told(&[Kind::Vm, Kind::Host], &here), expected);
        assert_eq!(told(&[Kind::Vm, Kind::Host], &moved), expected);
        let of_host = told(&[Kind::Host], &here).unwrap();
        assert_eq!(of_host, ("host/h1".to_owned(), "module=shop/web vm=web-1".to_owned()));
    }

    #[test]
    fn what_tells_series_of_one_object_apart_is_its_part() {
        let disk = [("host", "h1"), ("system_filesystem_mountpoint", "/data")];
        assert_eq!(told(&[Kind::Host], &disk), Some(("host/h1".to_owned(), "/data".to_owned())));
        let labels = Labels::of([("job", "cloudbrain"), ("tier", "raw")]);
        let on = On::One("collector/main".parse().unwrap());
        let (object, carried) = object_of(&on, &labels).unwrap();
        assert_eq!((object.name(), part_of(&labels, carried).as_str()), ("main", "raw"));
    }

    #[test]
    fn a_series_without_the_label_or_with_a_hostile_one_speaks_of_nothing() {
        assert_eq!(told(&[Kind::Vm], &[("host", "h1")]), None);
        assert_eq!(told(&[Kind::Vm], &[("vm", "<script>")]), None);
    }
}
