//! The rules that are there without a file: one YAML file per kind of thing, one line each here.
//!
//! They are read by the same reader as the files of users, and each has its own `tests`.

use std::path::PathBuf;

use crate::config::yaml::Document;

const FILES: &[(&str, &str)] = &[
    ("machines.yaml", include_str!("builtin/machines.yaml")),
    ("mysql.yaml", include_str!("builtin/mysql.yaml")),
    ("redis.yaml", include_str!("builtin/redis.yaml")),
    ("memcached.yaml", include_str!("builtin/memcached.yaml")),
    ("postgresql.yaml", include_str!("builtin/postgresql.yaml")),
    ("probes.yaml", include_str!("builtin/probes.yaml")),
    ("availability.yaml", include_str!("builtin/availability.yaml")),
    ("cloudbrain.yaml", include_str!("builtin/cloudbrain.yaml")),
];

/// As if they were files of a folder `built-in`.
pub fn documents() -> impl Iterator<Item = Document> {
    FILES.iter().map(|(name, text)| Document {
        path: PathBuf::from("built-in").join(name),
        text: (*text).to_owned(),
    })
}
