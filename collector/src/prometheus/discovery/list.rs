//! Lists of targets as Prometheus reads them, and the pages they name.
//!
//! A list is of groups: addresses, and labels that all of them have. Labels that begin with `__`
//! are instructions: `__address__`, `__scheme__`, `__metrics_path__` and `__param_...` make up the
//! URL; any other is dropped. `instance` is the address unless the list says otherwise.
//!
//! A list comes from outside. An address that is none costs only itself; a list that would grow
//! beyond its bounds when each target gets its labels is refused. An empty list must be written as
//! one: a file or an answer without a word is a fault.

use std::collections::BTreeMap;

use model::series::Labels;
use serde::Deserialize;

use super::{Endpoint, MAX_LIST_BYTES};
use crate::look::{Look, Refusal};
use crate::prometheus::http::HttpUrl;
use crate::text::clean;

/// The most that all targets of a list may take with their labels, in bytes.
const MAX_ENDPOINTS_BYTES: usize = 4 * MAX_LIST_BYTES;
/// How much of an address is repeated in a refusal, in characters.
const MAX_SHOWN_CHARS: usize = 200;
/// What a label costs beside its name and value, roughly, in bytes.
const LABEL_BYTES: usize = 32;

/// Targets that have their labels in common.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct TargetGroup {
    /// `host` or `host:port`.
    pub targets: Vec<String>,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
}

/// What holds where a list does not say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// `http` or `https`.
    pub scheme: String,
    pub metrics_path: String,
    pub params: BTreeMap<String, String>,
    /// For example `job`.
    pub labels: BTreeMap<String, String>,
}

/// Why something is no list of targets.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is empty; a list of no targets is written []")]
    Empty,
    #[error("it is longer than {MAX_LIST_BYTES} bytes, or has too many targets and labels")]
    TooLarge,
    #[error("it is no JSON list of targets and labels")]
    Json(#[source] serde_json::Error),
    #[error("it is no YAML list of targets and labels")]
    Yaml(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            scheme: "http".to_owned(),
            metrics_path: "/metrics".to_owned(),
            params: BTreeMap::new(),
            labels: BTreeMap::new(),
        }
    }
}

/// Reads a list in JSON.
pub fn read_json(bytes: &[u8]) -> Result<Vec<TargetGroup>, ListError> {
    check_length(bytes)?;
    serde_json::from_slice(bytes).map_err(ListError::Json)
}

/// Reads a list in YAML.
pub fn read_yaml(bytes: &[u8]) -> Result<Vec<TargetGroup>, ListError> {
    check_length(bytes)?;
    let text = str::from_utf8(bytes).map_err(|_| ListError::NotUtf8)?;
    let read: Option<Vec<TargetGroup>> =
        serde_saphyr::from_str(text).map_err(|error| ListError::Yaml(error.into()))?;
    read.ok_or(ListError::Empty)
}

/// The pages that a list names. What cannot be looked at is left out and named, a few of them.
pub fn endpoints(
    groups: &[TargetGroup],
    defaults: &Defaults,
) -> Result<(Vec<Endpoint>, Vec<Refusal>), ListError> {
    let (mut found, mut refused, mut bytes) = (Vec::new(), Vec::new(), 0);
    for group in groups {
        let labels = group.labels.iter().chain(&defaults.labels);
        let label_bytes: usize =
            labels.map(|(name, value)| name.len() + value.len() + LABEL_BYTES).sum();
        for target in &group.targets {
            bytes += label_bytes + target.len();
            if bytes > MAX_ENDPOINTS_BYTES {
                return Err(ListError::TooLarge);
            }
            match endpoint(target, &group.labels, defaults) {
                Ok(endpoint) => found.push(endpoint),
                Err(why) if refused.len() < Look::MAX_NAMED => {
                    refused.push(Refusal { what: clean(target, MAX_SHOWN_CHARS), why });
                }
                Err(_) => (),
            }
        }
    }
    Ok((found, refused))
}

fn check_length(bytes: &[u8]) -> Result<(), ListError> {
    match bytes.len() {
        _ if bytes.trim_ascii().is_empty() => Err(ListError::Empty),
        0..=MAX_LIST_BYTES => Ok(()),
        _ => Err(ListError::TooLarge),
    }
}

fn endpoint(
    target: &str,
    labels: &BTreeMap<String, String>,
    defaults: &Defaults,
) -> Result<Endpoint, String> {
    let said = |name: &str| labels.get(name).map(String::as_str).filter(|said| !said.is_empty());
    let address = said("__address__").unwrap_or(target);
    if address.is_empty() || address.contains(['/', '?', '#', '@']) {
        return Err("it is no address: host or host:port is expected".to_owned());
    }
    let scheme = said("__scheme__").unwrap_or(&defaults.scheme);
    let path = said("__metrics_path__").unwrap_or(&defaults.metrics_path);
    let slash = if path.starts_with('/') { "" } else { "/" };
    let url = format!("{scheme}://{address}{slash}{path}{}", query(path, labels, defaults));
    HttpUrl::parse(&url).map_err(|error| error.to_string())?;
    let known = [("instance", address)].into_iter();
    let known = known.chain(pairs(&defaults.labels)).chain(pairs(labels));
    let labels = Labels::of(known.filter(|(name, _)| !name.starts_with("__")));
    Ok(Endpoint { url, labels })
}

/// What follows the path: the parameters of the list before those that are the same for all.
fn query(path: &str, labels: &BTreeMap<String, String>, defaults: &Defaults) -> String {
    let of_list =
        pairs(labels).filter_map(|(name, value)| Some((name.strip_prefix("__param_")?, value)));
    let params: BTreeMap<&str, &str> = pairs(&defaults.params).chain(of_list).collect();
    let mut query = String::new();
    for (name, value) in params {
        let is_first = query.is_empty() && !path.contains('?');
        query.push(if is_first { '?' } else { '&' });
        encode(name, &mut query);
        query.push('=');
        encode(value, &mut query);
    }
    query
}

fn pairs(map: &BTreeMap<String, String>) -> impl Iterator<Item = (&str, &str)> {
    map.iter().map(|(name, value)| (name.as_str(), value.as_str()))
}

/// Percent encoding of all that could mean something in a query.
fn encode(text: &str, query: &mut String) {
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                query.push(byte.into());
            }
            _ => query.push_str(&format!("%{byte:02X}")),
        }
    }
}
