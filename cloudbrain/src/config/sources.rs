//! What is looked at beside our own VMs, as written in the files: Zabbix servers, scrapes, active
//! agents, data sources. Kinds are keys, so that an error keeps its line.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use model::id::{DataSourceId, VmId};
use model::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Exporters that speak the Prometheus text format.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawScrape {
    /// The label `job` of its series.
    pub name: String,
    #[serde(default = "default_interval")]
    pub interval: Span,
    /// For a whole scrape; at most the interval.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    #[serde(default)]
    pub scheme: Scheme,
    #[serde(default = "default_path")]
    pub path: String,
    /// Added to all its series.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// `host:port`, each.
    #[serde(default)]
    pub targets: Vec<String>,
    /// Files of Prometheus's `file_sd` form, JSON or YAML; `*` stands for any name in a folder.
    /// Read again when they change.
    #[serde(default)]
    pub file_sd: Vec<PathBuf>,
    /// Addresses that answer in Prometheus's `http_sd` form.
    #[serde(default)]
    pub http_sd: Vec<RawHttpSd>,
    /// The most series of one target: over it, known ones stay and new ones are refused.
    #[serde(default = "default_max_series")]
    pub max_series: usize,
    /// Whether samples keep the time that the exporter gives them.
    #[serde(default = "yes")]
    pub honor_timestamps: bool,
    /// Sent as `Authorization: Bearer`; may hold `${env:NAME}` or `${file:PATH}`.
    pub bearer: Option<String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    #[default]
    Http,
    Https,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHttpSd {
    pub url: String,
    #[serde(default = "default_refresh")]
    pub refresh: Span,
}

/// Where agents with `ServerActive=` pointed here send what they measure.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawActive {
    /// Zabbix's own port is 10051.
    pub listen: SocketAddr,
}

/// A MySQL, Redis, Memcached or PostgreSQL instance that modules use.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum RawDataSource {
    /// MySQL or MariaDB.
    Mysql(RawServer),
    Redis(RawServer),
    Memcached(RawServer),
    Postgresql(RawServer),
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawServer {
    /// Unique in the fleet; modules name it under `uses`.
    pub name: DataSourceId,
    /// `host:port`.
    pub address: String,
    pub user: Option<String>,
    /// May hold `${env:NAME}` or `${file:PATH}`.
    pub password: Option<String>,
    pub database: Option<String>,
    /// The VM it runs on, where it is one that we know.
    pub vm: Option<VmId>,
    #[serde(default = "default_interval")]
    pub interval: Span,
    #[serde(default = "default_timeout")]
    pub timeout: Span,
}

impl RawDataSource {
    pub fn server(&self) -> &RawServer {
        match self {
            Self::Mysql(server)
            | Self::Redis(server)
            | Self::Memcached(server)
            | Self::Postgresql(server) => server,
        }
    }

    /// As the topology calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Mysql(_) => "mysql",
            Self::Redis(_) => "redis",
            Self::Memcached(_) => "memcached",
            Self::Postgresql(_) => "postgresql",
        }
    }
}

/// How long samples are kept, and how many there may be.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawSamples {
    /// As they were measured.
    pub keep_raw: Span,
    /// Their least, most, mean and last of each five minutes.
    pub keep_five_minutes: Span,
    /// The same of each hour.
    pub keep_hours: Span,
    /// Over it, known series stay and new ones are refused and named.
    pub max_series: usize,
}

impl Default for RawSamples {
    fn default() -> Self {
        let days = |days: u64| Span::secs(days * 86_400);
        Self {
            keep_raw: days(15),
            keep_five_minutes: days(90),
            keep_hours: days(400),
            max_series: 1_000_000,
        }
    }
}

fn default_interval() -> Span {
    Span::secs(15)
}
fn default_timeout() -> Span {
    Span::secs(10)
}
fn default_path() -> String {
    "/metrics".to_owned()
}
fn default_refresh() -> Span {
    Span::secs(60)
}
fn default_max_series() -> usize {
    10_000
}
fn yes() -> bool {
    true
}
