//! The rules of the house: who may import whom, and how each file begins.
//!
//! A new edge in the table is a design decision; it shows up here as a diff.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Which of our crates each of them may import. Test crates may import all.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("model", &[]),
    ("collector", &["model"]),
    ("alerter", &["model"]),
    ("scaler", &["model"]),
    ("availability", &["model"]),
    ("drivers", &["model", "scaler", "alerter"]),
    ("store", &["model"]),
    ("query", &["model"]),
    ("samples", &["model", "query"]),
    (
        "dashboards",
        &["model", "collector", "alerter", "scaler", "availability", "drivers", "store"],
    ),
    (
        "cloudbrain",
        &[
            "model",
            "collector",
            "alerter",
            "scaler",
            "availability",
            "drivers",
            "store",
            "samples",
            "query",
            "dashboards",
        ],
    ),
];

/// The crates that decide, and what they must never depend on, not even through others.
const PURE: &[&str] = &["model", "alerter", "scaler", "availability", "query"];
const NEVER_IN_PURE: &[&str] = &["tokio", "hyper", "reqwest", "rusqlite", "rand", "rustix", "libc"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the root").to_owned()
}

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root())
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON")
}

/// The normal dependencies of each package of the workspace, by name.
fn imports(metadata: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let members: BTreeSet<&str> = texts(&metadata["workspace_members"]);
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let ours = packages.iter().filter(|p| members.contains(p["id"].as_str().unwrap_or("")));
    ours.map(|package| {
        let dependencies = package["dependencies"].as_array().expect("a list");
        let normal = dependencies.iter().filter(|d| d["kind"].is_null());
        let names = normal.map(|d| d["name"].as_str().unwrap_or("").to_owned());
        (package["name"].as_str().unwrap_or("").to_owned(), names.collect())
    })
    .collect()
}

fn texts(list: &Value) -> BTreeSet<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn imports_run_one_way() {
    let imports = imports(&metadata());
    let rooms: BTreeSet<&str> = MAY_IMPORT.iter().map(|(name, _)| *name).collect();
    for (room, allowed) in MAY_IMPORT {
        let found = imports.get(*room).unwrap_or_else(|| panic!("room {room} is missing"));
        let ours = found.iter().map(String::as_str).filter(|name| rooms.contains(name));
        for import in ours {
            assert!(allowed.contains(&import), "{room} must not import {import}");
        }
    }
    let known: BTreeSet<String> =
        rooms.iter().copied().chain(["house-tests", "world"]).map(str::to_owned).collect();
    assert_eq!(imports.keys().cloned().collect::<BTreeSet<_>>(), known, "an unknown room");
}

#[test]
fn deciding_rooms_know_no_runtime() {
    let metadata = metadata();
    let nodes = metadata["resolve"]["nodes"].as_array().expect("a resolved graph");
    let name = |id: &str| {
        let packages = metadata["packages"].as_array().expect("a list of packages");
        let package = packages.iter().find(|p| p["id"] == id).expect("each node is a package");
        package["name"].as_str().unwrap_or("").to_owned()
    };
    let normal = |node: &Value| -> Vec<String> {
        let dependencies = node["deps"].as_array().into_iter().flatten();
        let normal = dependencies.filter(|dependency| {
            let kinds = dependency["dep_kinds"].as_array().into_iter().flatten();
            kinds.into_iter().any(|kind| kind["kind"].is_null() && kind["target"].is_null())
        });
        normal.filter_map(|d| d["pkg"].as_str().map(str::to_owned)).collect()
    };
    let graph: BTreeMap<String, Vec<String>> = nodes
        .iter()
        .map(|node| (node["id"].as_str().unwrap_or("").to_owned(), normal(node)))
        .collect();
    for room in PURE {
        let start = graph.keys().find(|id| name(id) == *room).expect("each room is in the graph");
        let mut seen = BTreeSet::new();
        let mut open = vec![start.clone()];
        while let Some(id) = open.pop() {
            if seen.insert(id.clone()) {
                open.extend(graph[&id].iter().cloned());
            }
        }
        let names: BTreeSet<String> = seen.iter().map(|id| name(id)).collect();
        for banned in NEVER_IN_PURE {
            assert!(!names.contains(*banned), "{room} depends on {banned}");
        }
    }
}

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the tree") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        if path.is_dir() && !name.starts_with('.') && name != "target" {
            rust_files(&path, files);
        } else if name.ends_with(".rs") {
            files.push(path);
        }
    }
}

#[test]
fn each_file_begins_by_saying_why_it_exists() {
    let mut files = Vec::new();
    rust_files(&root(), &mut files);
    assert!(files.len() > 50, "the tree was walked");
    let silent: Vec<_> = files
        .iter()
        .filter(|file| !std::fs::read_to_string(file).unwrap_or_default().starts_with("//!"))
        .collect();
    assert!(silent.is_empty(), "no head in {silent:?}");
}

#[test]
fn published_schemas_are_those_of_the_code() {
    use cloudbrain::cli::SchemaKind::{Accounting, Config, Policy, Pool, Project, Rule};
    for (name, kind) in [
        ("config", Config),
        ("project", Project),
        ("policy", Policy),
        ("pool", Pool),
        ("rule", Rule),
        ("accounting", Accounting),
    ] {
        let path = root().join(format!("schemas/{name}.json"));
        let published = std::fs::read_to_string(&path).unwrap_or_default();
        let fresh = serde_json::to_string_pretty(&cloudbrain::commands::schema(kind))
            .expect("a schema is JSON");
        assert_eq!(
            published.trim_end(),
            fresh,
            "write it anew: cargo run -- schema {name} > schemas/{name}.json"
        );
    }
}

#[test]
fn the_examples_are_in_order() {
    let path = root().join("examples/shop/cloudbrain.yaml");
    let loaded = cloudbrain::config::load(&path);
    assert_eq!(loaded.problems, []);
    let config = loaded.config.expect("without problems there is a config");
    assert_eq!(config.scaler.policies.len(), 1);
}
