//! Holds the table of metrics in `docs/reference.md` to the one that agents are asked by.

use std::collections::BTreeMap;

use model::metric::{Metric, Of, TABLE};

/// One row per name, in the order of the table.
fn rows() -> Vec<String> {
    let mut names: Vec<&str> = TABLE.iter().map(|metric| metric.name).collect();
    names.dedup();
    names.into_iter().map(|name| row(&variants(name))).collect()
}

fn variants(name: &str) -> Vec<&'static Metric> {
    TABLE.iter().filter(|metric| metric.name == name).collect()
}

fn row(variants: &[&Metric]) -> String {
    let Metric { name, unit, help, of, .. } = variants[0];
    let mut labels: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (label, value) in variants.iter().flat_map(|metric| metric.labels) {
        labels.entry(label).or_default().push(value);
    }
    let part = match of {
        Of::Machine => None,
        Of::Each(kind) => Some(format!("`{}`", kind.label())),
    };
    let labels = labels.iter().map(|(label, values)| format!("`{label}`: {}", values.join(", ")));
    let labels: Vec<String> = part.into_iter().chain(labels).collect();
    let mut keys: Vec<String> = variants.iter().map(|m| format!("`{}`", m.zabbix_key)).collect();
    keys.dedup();
    let (labels, keys) = (labels.join("; "), keys.join(", "));
    format!("| `{name}` | {unit} | {labels} | {help} | {keys} |")
}

#[test]
fn the_reference_lists_all_that_agents_give() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/reference.md");
    let reference = std::fs::read_to_string(file).unwrap();
    let rows = rows().join("\n");
    assert!(reference.contains(&rows), "docs/reference.md should have:\n{rows}");
}
