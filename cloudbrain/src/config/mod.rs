//! All files of one fleet: read, checked each by itself and against each other.
//!
//! A set of files is taken whole or refused whole; who reloads keeps the last good set in force.
//! Inner code sees the checked [`Config`] only.

pub mod accounting;
mod alerts;
mod channels;
pub mod checks;
pub mod heartbeat;
pub mod indicators;
pub mod maintenance;
pub mod policies;
mod providers;
pub mod raw;
mod routers;
pub mod rules;
pub mod schedules;
pub mod secret;
pub mod sources;
pub mod status;
pub mod timetable;
pub mod tls;
mod toml;
pub mod vantages;
pub mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use alerter::EscalationStep;
use collector::datasource::Tls;
use collector::monitor_x;
use drivers::channel::ChannelSpec;
use model::id::{DataSourceId, ModuleId, PersonId, ProjectId, VantageId};
use model::time::Time;
use query::Expression;
use scaler::policy::Finding;

use accounting::Accountings;
use checks::Check;
use heartbeat::RawHeartbeat;
use indicators::{Indicators, Means};
use maintenance::Planned;
use raw::{RawConfig, RawDeployer, RawModule, RawProject, RawProvider};
use rules::Rules;
use secret::Secret;
use sources::{RawDataSource, RawScrape, RawZabbix};
use timetable::Timetable;
use vantages::Vantage;
use yaml::{Document, Problem};

use crate::oncall::Schedule;

/// Everything the files say, checked.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    pub raw: RawConfig,
    pub ports: RangeInclusive<u16>,
    /// With its secrets.
    pub provider: Option<RawProvider>,
    /// With its secrets.
    pub deployer: Option<RawDeployer>,
    /// With their secrets.
    pub channels: Vec<ChannelSpec>,
    /// With their secrets.
    pub heartbeats: Vec<RawHeartbeat>,
    pub projects: BTreeMap<ProjectId, Project>,
    pub modules: BTreeMap<ModuleId, Module>,
    pub data_sources: BTreeMap<DataSourceId, DataSource>,
    pub checks: Vec<Check>,
    pub scrapes: Vec<Scrape>,
    pub zabbix: Vec<Zabbix>,
    pub vantages: BTreeMap<VantageId, Vantage>,
    pub scaler: scaler::state::Config,
    pub accountings: Accountings,
    /// The schedules of the policies.
    pub timetables: BTreeMap<ModuleId, Timetable>,
    /// The file that each policy stands in.
    pub policy_files: BTreeMap<ModuleId, PathBuf>,
    /// What the policies measure by expressions.
    pub measures: Vec<Measured>,
    pub rules: Rules,
    /// Maintenance that is planned.
    pub maintenance: Vec<Planned>,
    pub schedules: BTreeMap<PersonId, Schedule>,
    /// Who else reads the operations view while nobody acknowledges.
    pub escalation: Vec<EscalationStep>,
}

/// A metric of a policy that is an expression.
#[derive(Clone, Debug)]
pub struct Measured {
    pub module: ModuleId,
    /// The name of the metric.
    pub name: String,
    pub expression: Expression,
    /// How old a sample may be that it is made of.
    pub max_age: Duration,
}

#[derive(Clone, Debug, Default)]
pub struct Project {
    /// Dev and ops alike: people and schedules.
    pub owners: BTreeSet<PersonId>,
    /// Who else is told while nobody acknowledges.
    pub escalation: Vec<EscalationStep>,
    /// Whether the public status page shows it.
    pub is_public: bool,
}

#[derive(Clone, Debug)]
pub struct Module {
    pub project: ProjectId,
    pub domains: Vec<String>,
    pub program: Vec<String>,
    pub environment: BTreeMap<String, String>,
    pub uses: BTreeSet<DataSourceId>,
    /// Where Monitor.X of it is asked for, or why nowhere.
    pub monitor: Result<Monitor, String>,
    /// By what its availability is measured, or why by nothing.
    pub measured_by: Result<Indicators, String>,
    /// Its file says so, and it is not what is usual.
    pub says_measures: bool,
}

/// A data source, and whose it is.
#[derive(Clone, Debug)]
pub struct DataSource {
    pub project: ProjectId,
    pub raw: RawDataSource,
    pub password: Option<Secret>,
    pub tls: Option<Tls>,
}

/// Exporters to scrape, with their secret.
#[derive(Clone, Debug)]
pub struct Scrape {
    pub raw: RawScrape,
    pub bearer: Option<Secret>,
}

/// A Zabbix server, with its token or password.
#[derive(Clone, Debug)]
pub struct Zabbix {
    pub raw: RawZabbix,
    pub secret: Secret,
}

/// Where Monitor.X of a module answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Monitor {
    /// Without one its VMs alone are asked.
    pub domain: Option<String>,
    pub path: String,
    /// Where the contract's choice of the domain may surprise its owner.
    pub surprises: Vec<String>,
}

/// The outcome of reading all files.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// None if any problem is an error.
    pub config: Option<Config>,
    pub problems: Vec<Problem>,
}

impl Config {
    pub fn store_folder(&self) -> PathBuf {
        self.folder.join(&self.raw.store)
    }
}

/// Reads `cloudbrain.yaml` and all it refers to.
pub fn load(path: &Path) -> Loaded {
    load_at(path, crate::clock::real().now())
}

/// Likewise, as of a moment: schedules are looked at over the year that follows it.
pub fn load_at(path: &Path, now: Time) -> Loaded {
    let mut reader = Reader { problems: Vec::new(), lacks_projects: false, now };
    let config = reader.load(path);
    let failed = reader.problems.iter().any(|problem| problem.is_error);
    Loaded { config: config.filter(|_| !failed), problems: reader.problems }
}

/// The files that a change must be looked for in, with their size and time of change.
pub fn fingerprint(path: &Path) -> Vec<(PathBuf, u64, Option<std::time::SystemTime>)> {
    let mut files = vec![path.to_owned()];
    if let Ok(raw) = Document::read(path).and_then(|document| document.parse::<RawConfig>()) {
        let folder = folder_of(path);
        files.extend(files_in(&folder.join(&raw.projects)).unwrap_or_default());
        files.extend(files_in(&folder.join(&raw.policies)).unwrap_or_default());
        files.extend(files_in(&folder.join(&raw.rules)).unwrap_or_default());
    }
    let stamped = files.into_iter().filter_map(|file| {
        let data = std::fs::metadata(&file).ok()?;
        Some((file, data.len(), data.modified().ok()))
    });
    stamped.collect()
}

struct Reader {
    problems: Vec<Problem>,
    /// A project file could not be read, so whether its modules exist is not known.
    lacks_projects: bool,
    now: Time,
}

impl Reader {
    fn load(&mut self, path: &Path) -> Option<Config> {
        let document = self.keep(Document::read(path))?;
        let raw: RawConfig = self.keep(document.parse())?;
        let folder = folder_of(path);
        self.check_main(&document, &raw);
        let ports = self.ports(&document, &raw);
        let channels = self.channels(&document, &raw, &folder);
        let provider = self.provider(&document, &raw, &folder);
        let deployer = self.deployer(&document, &raw, &folder);
        let heartbeats = self.heartbeats(&document, &raw, &folder);
        let schedules = self.schedules(&document, &raw);
        let escalation = self.escalation(&document, &raw, &raw.escalation);
        let scrapes = self.scrapes(&document, &raw, &folder);
        let zabbix = self.zabbix(&document, &raw, &folder);
        let vantages = self.vantages(&document, &raw, &folder);
        let projects = self.read_projects(&folder.join(&raw.projects));
        let data_sources = self.data_sources(&projects, &folder);
        let checks = self.checks(&projects, &folder);
        let maintenance = self.maintenance((&document, &raw), &projects, &folder);
        let mut policies = self.read_policies(&folder.join(&raw.policies));
        let policy_files = policies.files();
        let means = Means { checks: &checks, scaled: &policy_files };
        let (projects, modules) = self.check_projects(&raw, &data_sources, &means, projects);
        let is_public = projects.values().any(|project| project.is_public);
        self.check_status_page(&document, &raw, is_public);
        let accountings = std::mem::take(&mut policies.accountings);
        let names = projects.keys().cloned().collect();
        let accountings = self.accountings(&raw, (&names, &modules), &accountings);
        let measures = self.measures(&policies);
        let (scaler, timetables) = self.check_policies(&document, &raw, &modules, policies);
        let rules = self.rules(Some(&folder.join(&raw.rules)));
        Some(Config {
            folder,
            raw,
            ports,
            provider,
            deployer,
            channels,
            heartbeats,
            projects,
            modules,
            data_sources,
            checks,
            scrapes,
            zabbix,
            vantages,
            scaler,
            accountings,
            timetables,
            policy_files,
            measures,
            rules,
            maintenance,
            schedules,
            escalation,
        })
    }

    fn keep<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.problems.push(problem)).ok()
    }

    fn find(&mut self, document: &Document, path: impl Into<String>, message: impl Into<String>) {
        self.problems.push(document.place(&Finding::error(path, message)));
    }

    fn check_main(&mut self, document: &Document, raw: &RawConfig) {
        self.check_loopback(document, "listen", raw.listen, 8090);
        self.check_active(document, raw);
        self.check_alerts(document, &raw.alerts);
        self.check_routers(document, raw);
        if jiff::tz::TimeZone::get(&raw.timezone).is_err() {
            let message =
                format!("no time zone {:?}; write for example Asia/Shanghai", raw.timezone);
            self.find(document, "timezone", message);
        }
        self.check_times(document, raw);
        self.check_people(document, raw);
        for (flavor, size) in &raw.flavors {
            if !(size.cores > 0.0 && size.cores <= 1024.0) {
                let message = format!("{} cores; write a number above 0", size.cores);
                self.find(document, format!("flavors.{flavor}.cores"), message);
            }
        }
    }

    fn check_loopback(&mut self, document: &Document, at: &str, listen: SocketAddr, port: u16) {
        if !listen.ip().is_loopback() {
            let message = format!(
                "only a loopback address is taken until TLS and access control are there; write \
                 for example 127.0.0.1:{port}"
            );
            self.find(document, at, message);
        }
    }

    fn check_times(&mut self, document: &Document, raw: &RawConfig) {
        let interval = raw.collector.interval.0;
        if raw.tick.0.is_zero() {
            self.find(document, "tick", "write at least 100ms; 15s is usual");
        }
        if interval.is_zero() || raw.collector.timeout.0.is_zero() {
            self.find(document, "collector.interval", "interval and timeout must be above 0");
        }
        if raw.collector.timeout.0 > interval {
            let message = "a timeout longer than the interval would let polls pile up; write less";
            self.find(document, "collector.timeout", message);
        }
        if raw.availability.confirm_down == 0 || raw.availability.confirm_up == 0 {
            self.find(document, "availability", "confirm_down and confirm_up must be at least 1");
        }
    }

    /// Nothing is ever told to nobody.
    fn check_people(&mut self, document: &Document, raw: &RawConfig) {
        self.check_ways(document, raw);
        self.check_operations(document, raw);
        let known = raw.names();
        for (index, person) in raw.operations.iter().enumerate() {
            if !raw.may_be_told(person) {
                let message = unknown("person", person.as_str(), &known);
                self.find(document, format!("operations.{index}"), message);
            }
        }
        if raw.operations.is_empty() {
            let message = "nobody gets the operations view; write operations: [ops] and ops \
                           under people";
            self.find(document, "operations", message);
        }
    }

    fn ports(&mut self, document: &Document, raw: &RawConfig) -> RangeInclusive<u16> {
        let provider = raw.providers.first().and_then(RawProvider::process);
        let Some(provider) = provider else { return 1..=1 };
        let range = provider.ports.split_once('-').and_then(|(first, last)| {
            Some(first.trim().parse::<u16>().ok()?..=last.trim().parse::<u16>().ok()?)
        });
        range.filter(|range| *range.start() > 0 && range.len() >= 2).unwrap_or_else(|| {
            let message = format!("{:?} is no range of ports; write 21000-21999", provider.ports);
            self.find(document, "providers.0.process.ports", message);
            1..=1
        })
    }

    fn documents(&mut self, folder: &Path) -> Vec<Document> {
        let files = files_in(folder)
            .map_err(|error| Problem::error(folder, None, format!("cannot be listed: {error}")));
        let files = self.keep(files).unwrap_or_default();
        files.iter().filter_map(|file| self.keep(Document::read(file))).collect()
    }

    fn read_projects(&mut self, folder: &Path) -> Vec<(Document, RawProject)> {
        let before = self.problems.len();
        let documents = self.documents(folder);
        let read = documents.into_iter().filter_map(|document| {
            let project = self.keep(document.parse())?;
            Some((document, project))
        });
        let read = read.collect();
        self.lacks_projects = self.problems.len() > before;
        read
    }

    fn check_projects(
        &mut self,
        raw: &RawConfig,
        data_sources: &BTreeMap<DataSourceId, DataSource>,
        means: &Means,
        files: Vec<(Document, RawProject)>,
    ) -> (BTreeMap<ProjectId, Project>, BTreeMap<ModuleId, Module>) {
        let mut projects = BTreeMap::new();
        let mut modules = BTreeMap::new();
        for (document, file) in files {
            if projects.contains_key(&file.name) {
                let message = format!("a second project {}; keep one", file.name);
                self.find(&document, "name", message);
                continue;
            }
            let owners = self.owners(&document, raw, &file);
            let escalation = self.escalation(&document, raw, &file.escalation);
            let is_public = file.public;
            projects.insert(file.name.clone(), Project { owners, escalation, is_public });
            self.check_uses(&document, &file, data_sources);
            for index in 0..file.modules.len() {
                if let Some((id, module)) = self.module(&document, &file, means, index)
                    && modules.insert(id.clone(), module).is_some()
                {
                    let path = format!("modules.{index}.name");
                    self.find(&document, path, format!("a second module {id}; rename one"));
                }
            }
        }
        self.check_domains(&modules);
        (projects, modules)
    }

    fn owners(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        file: &RawProject,
    ) -> BTreeSet<PersonId> {
        let known = raw.names();
        for (list, owners) in [("dev", &file.owners.dev), ("ops", &file.owners.ops)] {
            for (index, person) in owners.iter().enumerate() {
                if !raw.may_be_told(person) {
                    let message = unknown("person", person.as_str(), &known);
                    self.find(document, format!("owners.{list}.{index}"), message);
                }
            }
        }
        file.owners.dev.iter().chain(&file.owners.ops).cloned().collect()
    }

    fn module(
        &mut self,
        document: &Document,
        file: &RawProject,
        means: &Means,
        index: usize,
    ) -> Option<(ModuleId, Module)> {
        let written = &file.modules[index];
        let id = match ModuleId::of(&file.name, &written.name) {
            Ok(id) if !written.name.contains('/') => id,
            _ => {
                let message = format!("{:?} is no module name; write a-z 0-9 - only", written.name);
                self.find(document, format!("modules.{index}.name"), message);
                return None;
            }
        };
        let own = !written.domains.is_empty() || index > 0;
        let domains = if own { &written.domains } else { &file.domains };
        let monitor = self.monitor(document, (&id, written), (domains, own), means, index);
        let measured_by = self.measured_by(document, (&id, written), &monitor, means, index);
        let module = Module {
            project: file.name.clone(),
            domains: domains.iter().map(|domain| domain.to_ascii_lowercase()).collect(),
            program: written.program.clone(),
            environment: written.environment.clone(),
            uses: written.uses.iter().cloned().collect(),
            monitor,
            measured_by,
            says_measures: written.measured_by.is_some(),
        };
        Some((id, module))
    }

    fn monitor(
        &mut self,
        document: &Document,
        (id, module): (&ModuleId, &RawModule),
        (domains, own): (&[String], bool),
        means: &Means,
        index: usize,
    ) -> Result<Monitor, String> {
        let suffix = module.monitor.as_ref().ok_or("the project file names no monitor: X")?;
        if domains.is_empty() {
            return means.monitor_of_vms(id, suffix);
        }
        let path = if own { format!("modules.{index}.domains") } else { "domains".to_owned() };
        for (at, domain) in domains.iter().enumerate() {
            if let Some(problem) = monitor_x::domain_problem(domain) {
                self.find(document, format!("{path}.{at}"), format!("{domain:?}: {problem}"));
            }
        }
        let Some(domain) = monitor_x::probe_domain(domains) else {
            let message = "every domain contains \"test\", so none is probed; add the domain \
                           that users reach";
            self.find(document, path, message);
            return Err("every domain contains \"test\"".to_owned());
        };
        let surprises = monitor_x::doubtful_choices(domains);
        for surprise in &surprises {
            self.problems.push(document.place(&Finding::warning(path.clone(), surprise.clone())));
        }
        let (domain, path) = (Some(domain.to_owned()), monitor_x::path(suffix));
        Ok(Monitor { domain, path, surprises })
    }

    fn check_domains(&mut self, modules: &BTreeMap<ModuleId, Module>) {
        let mut owner: BTreeMap<&str, &ModuleId> = BTreeMap::new();
        for (id, module) in modules {
            for domain in &module.domains {
                if let Some(other) = owner.insert(domain, id) {
                    let message = format!("domain {domain} leads to {other} and to {id}; keep one");
                    self.problems.push(Problem::error(Path::new("projects"), None, message));
                }
            }
        }
    }
}

fn folder_of(path: &Path) -> PathBuf {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// In the order of their names, so that two runs agree.
fn files_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("yaml" | "yml" | "json" | "toml")) {
            files.insert(path);
        }
    }
    Ok(files.into_iter().collect())
}

fn unknown(what: &str, written: &str, known: &[&str]) -> String {
    if known.is_empty() {
        return format!("unknown {what} {written:?}; there is none yet");
    }
    format!("unknown {what} {written:?}; known are {}", known.join(", "))
}
