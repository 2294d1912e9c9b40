//! What is looked at beside our own VMs, as written in the files: Zabbix servers, exporters,
//! data sources. Kinds are keys, so that an error keeps its line. And what is checked of
//! them before they are taken.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use collector::zabbix::mapping::{Mapping, RawMapping};
use model::id::{DataSourceId, Object, VmId};
use model::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::raw::{RawConfig, RawProject};
use super::secret::Secret;
use super::tls::RawTls;
use super::yaml::Document;
use super::{DataSource, Reader, Scrape, Zabbix, unknown};

/// Where Zabbix agents come to by themselves: their `ServerActive=` names this address, and their
/// `Hostname=` a VM or a host of the fleet.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawActive {
    /// Only loopback addresses are taken, until TLS and access control are there.
    pub listen: SocketAddr,
    /// Machines beside those that the fleet knows anyway: `host/db-7`, `vm/legacy-1`.
    #[serde(default)]
    pub objects: Vec<Object>,
}

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

/// A Zabbix server: what there is, what is wrong with it, what it measured.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawZabbix {
    /// The source of its signals.
    pub name: String,
    /// Ends in `/api_jsonrpc.php`.
    pub url: String,
    /// An API token; may hold `${env:NAME}` or `${file:PATH}`.
    pub token: Option<String>,
    /// Instead of a token.
    pub user: Option<String>,
    pub password: Option<String>,
    /// What its hosts are; usual conventions (tags role, project, module) if left out.
    pub mapping: Option<RawMapping>,
    /// The folder of `ExportDir=`, if we run beside the server: events are read from there.
    pub export: Option<PathBuf>,
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
    /// Speaks TLS, and nothing else; in clear if left out.
    pub tls: Option<RawTls>,
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

impl Reader {
    pub(super) fn check_active(&mut self, document: &Document, raw: &RawConfig) {
        let Some(active) = &raw.collector.active else { return };
        self.check_loopback(document, "collector.active.listen", active.listen, 10_051);
        for (index, object) in active.objects.iter().enumerate() {
            if !matches!(object, Object::Vm(_) | Object::Host(_)) {
                let message = format!("{object} has no agent; write host/NAME or vm/NAME");
                self.find(document, format!("collector.active.objects.{index}"), message);
            }
        }
    }

    pub(super) fn scrapes(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        folder: &Path,
    ) -> Vec<Scrape> {
        let mut scrapes: Vec<Scrape> = Vec::new();
        for (index, scrape) in raw.collector.scrapes.iter().enumerate() {
            let at = |field: &str| format!("collector.scrapes.{index}.{field}");
            if scrapes.iter().any(|other| other.raw.name == scrape.name) {
                let message = format!("a second scrape {:?}; give it another name", scrape.name);
                self.find(document, at("name"), message);
            }
            self.check_times_of(document, &at(""), scrape.interval, scrape.timeout);
            for target in &scrape.targets {
                if !is_address(target) {
                    let message = format!("{target:?} is no address; write host:port");
                    self.find(document, at("targets"), message);
                }
            }
            if scrape.targets.is_empty() && scrape.file_sd.is_empty() && scrape.http_sd.is_empty() {
                let message = "nothing to scrape; write targets: [host:port], file_sd or http_sd";
                self.find(document, at("name"), message);
            }
            let bearer = self.secret(document, &at("bearer"), scrape.bearer.as_deref(), folder);
            scrapes.push(Scrape { raw: scrape.clone(), bearer });
        }
        scrapes
    }

    pub(super) fn zabbix(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        folder: &Path,
    ) -> Vec<Zabbix> {
        let mut servers: Vec<Zabbix> = Vec::new();
        for (index, server) in raw.collector.zabbix.iter().enumerate() {
            let at = |field: &str| format!("collector.zabbix.{index}.{field}");
            if servers.iter().any(|other| other.raw.name == server.name) {
                let message = format!("a second server {:?}; give it another name", server.name);
                self.find(document, at("name"), message);
            }
            let (field, written) = match (&server.token, &server.user, &server.password) {
                (Some(token), None, None) => ("token", token),
                (None, Some(_), Some(password)) => ("password", password),
                _ => {
                    let message = "write either token, or user and password";
                    self.find(document, at("token"), message);
                    continue;
                }
            };
            let mapping = server.mapping.clone().unwrap_or_default();
            if let Err(error) = Mapping::try_from(&mapping) {
                self.find(document, at("mapping"), error.to_string());
            }
            let secret = self.secret(document, &at(field), Some(written), folder);
            servers.extend(secret.map(|secret| Zabbix { raw: server.clone(), secret }));
        }
        servers
    }

    /// All data sources of all projects. Secrets are relative to the main file.
    pub(super) fn data_sources(
        &mut self,
        files: &[(Document, RawProject)],
        folder: &Path,
    ) -> BTreeMap<DataSourceId, DataSource> {
        let mut all = BTreeMap::new();
        for (document, file) in files {
            for (index, raw) in file.data_sources.iter().enumerate() {
                let at = |field: &str| format!("data_sources.{index}.{}.{field}", raw.kind());
                let server = raw.server();
                if !is_address(&server.address) {
                    let message = format!("{:?} is no address; write host:port", server.address);
                    self.find(document, at("address"), message);
                }
                self.check_times_of(document, &at(""), server.interval, server.timeout);
                let password =
                    self.secret(document, &at("password"), server.password.as_deref(), folder);
                let tls = server.tls.as_ref();
                let tls = tls.and_then(|tls| self.tls(document, &at("tls"), tls, folder));
                let project = file.name.clone();
                let source = DataSource { project, raw: raw.clone(), password, tls };
                if all.insert(server.name.clone(), source).is_some() {
                    let message = format!("a second data source {}; rename one", server.name);
                    self.find(document, at("name"), message);
                }
            }
        }
        all
    }

    pub(super) fn check_uses(
        &mut self,
        document: &Document,
        file: &RawProject,
        data_sources: &BTreeMap<DataSourceId, DataSource>,
    ) {
        let known: Vec<&str> = data_sources.keys().map(DataSourceId::as_str).collect();
        for (index, module) in file.modules.iter().enumerate() {
            for (place, used) in module.uses.iter().enumerate() {
                if !data_sources.contains_key(used) {
                    let message = unknown("data source", used.as_str(), &known);
                    self.find(document, format!("modules.{index}.uses.{place}"), message);
                }
            }
        }
    }

    fn check_times_of(&mut self, document: &Document, at: &str, interval: Span, timeout: Span) {
        if interval.0.is_zero() || timeout.0.is_zero() {
            let message = "interval and timeout must be above 0";
            self.find(document, format!("{at}interval"), message);
        } else if timeout > interval {
            let message = "a timeout longer than the interval would let looks pile up; write less";
            self.find(document, format!("{at}timeout"), message);
        }
    }

    pub(super) fn secret(
        &mut self,
        document: &Document,
        at: &str,
        written: Option<&str>,
        folder: &Path,
    ) -> Option<Secret> {
        let resolved = Secret::resolve(written?, folder);
        resolved.map_err(|message| self.find(document, at, message)).ok()
    }
}

/// `host:port`, whatever the host is called.
fn is_address(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}
