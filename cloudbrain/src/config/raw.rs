//! `cloudbrain.yaml` and the project files, as written. Their checked form is in [`super`].

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use collector::check::CheckSpec;
use collector::posted::{self, ObjectRule};
use drivers::channel::ChannelSpec;
use drivers::provider::exec::ExecSettings;
use drivers::provider::machines::StaticSettings;
use drivers::provider::openstack::OpenstackSettings;
use drivers::router::RouterSpec;
use drivers::script::ProgramSettings;
use model::id::{DataSourceId, FlavorId, HostId, Object, PersonId, ProjectId, SwitchId};
use model::lang::Lang;
use model::unit::Span;
use scaler::brake::Brake;
use scaler::policy::ApiVersion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::heartbeat::RawHeartbeat;
use super::maintenance::RawWindow;
use super::schedules::{RawSchedule, RawStep};
use super::sources::{RawActive, RawDataSource, RawSamples, RawScrape, RawZabbix};
use super::status::RawStatusPage;
use super::vantages::RawVantage;

/// `cloudbrain.yaml`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "cloudbrain.yaml")]
pub struct RawConfig {
    /// The name of this fleet; its VMs bear it as a tag.
    pub fleet: String,
    /// Where the page and the API answer. Only loopback addresses are taken, until TLS and
    /// access control are there.
    #[serde(default = "default_listen")]
    pub listen: SocketAddr,
    /// The data folder, relative to this file.
    #[serde(default = "default_store")]
    pub store: PathBuf,
    /// Folders of files, relative to this one.
    #[serde(default = "default_projects")]
    pub projects: PathBuf,
    #[serde(default = "default_policies")]
    pub policies: PathBuf,
    /// Rules, beside those that are built in. The folder may be missing.
    #[serde(default = "default_rules")]
    pub rules: PathBuf,
    /// How often everything is looked at even if nothing happens.
    #[serde(default = "default_tick")]
    pub tick: Span,
    /// The IANA time zone of the pages.
    #[serde(default = "default_zone")]
    pub timezone: String,
    #[serde(default)]
    pub flavors: BTreeMap<FlavorId, RawFlavor>,
    #[serde(default)]
    pub providers: Vec<RawProvider>,
    /// What starts programs on VMs. VMs that are processes do it by themselves.
    pub deployer: Option<RawDeployer>,
    #[serde(default)]
    pub routers: Vec<RouterSpec>,
    /// The fleet brake: how much of the whole fleet may leave by choice, whatever policies say.
    #[serde(default)]
    pub brake: Brake,
    #[serde(default)]
    pub collector: RawCollector,
    #[serde(default)]
    pub samples: RawSamples,
    #[serde(default)]
    pub alerter: RawAlerter,
    #[serde(default)]
    pub alerts: RawAlerts,
    #[serde(default)]
    pub availability: RawAvailability,
    #[serde(default)]
    pub channels: Vec<ChannelSpec>,
    /// Who is told regularly that the monitor itself lives.
    #[serde(default)]
    pub heartbeat: Vec<RawHeartbeat>,
    /// Whoever is told of incidents, and how.
    #[serde(default)]
    pub people: BTreeMap<PersonId, RawPerson>,
    /// Whose turn it is. A schedule may stand wherever a person stands.
    #[serde(default)]
    pub schedules: BTreeMap<PersonId, RawSchedule>,
    /// Who gets the operations view: people and schedules.
    #[serde(default)]
    pub operations: Vec<PersonId>,
    /// When work on which things is planned. A project file has windows of its own.
    #[serde(default)]
    pub maintenance: Vec<RawWindow>,
    /// Who else gets the operations view while nobody acknowledges, step by step.
    #[serde(default)]
    pub escalation: Vec<RawStep>,
    /// Places that probe beside the brain: `cloudbrain vantage` runs there.
    #[serde(default)]
    pub vantages: Vec<RawVantage>,
    /// The public status page; none if left out.
    pub status_page: Option<RawStatusPage>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFlavor {
    /// Cores of one VM; load is told per core. A process VM may have a part of one.
    pub cores: f64,
}

/// Where VMs come from. One more kind is one more line here and one file in `drivers/provider`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawProvider {
    Process(RawProcessProvider),
    Openstack(Box<OpenstackSettings>),
    Exec(ExecSettings),
    Static(StaticSettings),
}

/// How programs come onto VMs, where these do not start them by themselves.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RawDeployer {
    /// A program of yours.
    Exec(ProgramSettings),
}

impl RawProvider {
    pub fn name(&self) -> &str {
        match self {
            Self::Process(process) => &process.name,
            Self::Openstack(openstack) => &openstack.name,
            Self::Exec(exec) => &exec.name,
            Self::Static(machines) => &machines.name,
        }
    }

    /// The key it is written under.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Process(_) => "process",
            Self::Openstack(_) => "openstack",
            Self::Exec(_) => "exec",
            Self::Static(_) => "static",
        }
    }

    pub fn process(&self) -> Option<&RawProcessProvider> {
        match self {
            Self::Process(process) => Some(process),
            Self::Openstack(_) | Self::Exec(_) | Self::Static(_) => None,
        }
    }

    /// The hosts that the files name, with the switch that each hangs on.
    pub fn hosts(&self) -> Vec<(HostId, Option<SwitchId>)> {
        match self {
            Self::Process(process) => {
                process.hosts.iter().map(|host| (host.name.clone(), host.switch.clone())).collect()
            }
            Self::Openstack(openstack) => {
                let hosts = openstack.switches.iter();
                hosts.map(|(host, switch)| (host.clone(), Some(switch.clone()))).collect()
            }
            Self::Exec(_) => Vec::new(),
            Self::Static(machines) => {
                let machines = machines.machines.iter();
                machines.filter_map(|one| Some((one.host()?, one.switch.clone()))).collect()
            }
        }
    }
}

/// VMs that are processes of this machine.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawProcessProvider {
    pub name: String,
    pub hosts: Vec<RawHost>,
    /// The ports that VMs may use, two each: `21000-21199`.
    #[serde(default = "default_ports")]
    pub ports: String,
    /// The VMs end when this process ends; for trying things out.
    pub tether: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHost {
    pub name: HostId,
    /// The switch it hangs on.
    pub switch: Option<SwitchId>,
    #[serde(default = "default_max_vms")]
    pub max_vms: u32,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCollector {
    pub interval: Span,
    /// For a whole poll or probe, not for each read.
    pub timeout: Span,
    /// The time constant of the load that our own agents tell: one minute is usual.
    pub load_window: Span,
    /// Addresses for domains that this machine should not look up, as `curl --resolve` has it.
    pub resolve: BTreeMap<String, SocketAddr>,
    /// Addresses that always answer, for example a gateway and a name server: while one of them
    /// does, our own network is in order. What is lost while none does is unknown, not down.
    pub canaries: Vec<SocketAddr>,
    /// Agents to poll beside those of our own VMs: a `zabbix_agentd`, a `zabbix_agent2`, ours.
    pub agents: Vec<RawAgent>,
    /// The door for agents that come by themselves; none if left out.
    pub active: Option<RawActive>,
    /// Exporters of the Prometheus text format.
    pub scrapes: Vec<RawScrape>,
    /// Zabbix servers to learn topology, problems and metrics from.
    pub zabbix: Vec<RawZabbix>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAgent {
    /// What it speaks for: `host/db-7` or `vm/legacy-1`.
    pub object: Object,
    pub address: SocketAddr,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAlerter {
    pub group_wait: Span,
    pub child_wait: Span,
    pub update_interval: Span,
    pub resolve_hold: Span,
    pub recovery_grace: Span,
    pub new_vm_grace: Span,
}

/// Alerts that Prometheus, vmalert, Grafana or an Alertmanager post.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAlerts {
    /// Which object an alert is about: the first rule whose labels are all there. What no rule knows
    /// goes to operations.
    pub objects: Vec<ObjectRule>,
    /// Names of alerts that say that their object itself is down, and not that it works badly.
    pub down: Vec<String>,
    /// Names of alerts that say that the application on their VM does not do its work, while the VM
    /// itself may be well; of a module, that it does not.
    pub apps: Vec<String>,
}

impl Default for RawAlerts {
    fn default() -> Self {
        let down = ["HostDown", "NodeDown", "VmDown", "InstanceDown", "TargetDown", "SwitchDown"];
        let apps = [
            "AppDown",
            "ApplicationDown",
            "ServiceDown",
            "EndpointDown",
            "ProbeFailed",
            "HttpProbeFailed",
            "BlackboxProbeFailed",
            "BlackboxProbeHttpFailure",
            "HealthCheckFailed",
        ];
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Self { objects: posted::usual_rules(), down: names(&down), apps: names(&apps) }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAvailability {
    /// Failures in a row that confirm a downtime; it counts from the first.
    pub confirm_down: u32,
    pub confirm_up: u32,
    /// Reports of the last week and month, mailed to the owners of projects.
    pub mail: Option<RawReportMail>,
}

/// When reports are mailed: on Mondays and on the first of each month, by `timezone`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawReportMail {
    #[serde(default = "yes")]
    pub weekly: bool,
    #[serde(default = "yes")]
    pub monthly: bool,
    /// The local time: `09:00`.
    #[serde(default)]
    pub at: TimeOfDay,
}

fn yes() -> bool {
    true
}

/// An hour and a minute of the clock on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct TimeOfDay {
    hour: u8,
    minute: u8,
}

impl TimeOfDay {
    pub const MIDNIGHT: Self = Self { hour: 0, minute: 0 };

    pub fn since_midnight(self) -> Duration {
        Duration::from_secs(u64::from(self.hour) * 3_600 + u64::from(self.minute) * 60)
    }
}

impl Default for TimeOfDay {
    fn default() -> Self {
        Self { hour: 9, minute: 0 }
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let two = |text: &str| (text.len() == 2).then(|| text.parse::<u8>().ok()).flatten();
        let read = text.split_once(':').and_then(|(hour, minute)| Some((two(hour)?, two(minute)?)));
        match read {
            Some((hour @ 0..=23, minute @ 0..=59)) => Ok(Self { hour, minute }),
            _ => Err(format!("{text:?} is no time of day; write for example 09:00")),
        }
    }
}

impl From<TimeOfDay> for String {
    fn from(TimeOfDay { hour, minute }: TimeOfDay) -> Self {
        format!("{hour:02}:{minute:02}")
    }
}

/// Whoever is told of incidents.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawPerson {
    #[serde(default)]
    pub language: Lang,
    /// The one channel; or write `channels`.
    pub channel: Option<String>,
    /// In order: the next is taken when one refuses for good, or has failed for `fallback_after`.
    #[serde(default)]
    pub channels: Vec<String>,
    /// What the person is called on a channel, by its name: an address of mail, a mobile number, a
    /// user id.
    #[serde(default)]
    pub addresses: BTreeMap<String, String>,
    #[serde(default = "default_fallback")]
    pub fallback_after: Span,
    /// `false`: no weekly and monthly reports.
    #[serde(default = "yes")]
    pub reports: bool,
}

impl RawPerson {
    /// The channels that lead to this person, in order.
    pub fn ways(&self) -> Vec<&str> {
        self.channel.iter().chain(&self.channels).map(String::as_str).collect()
    }
}

/// A project file.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Project v1")]
pub struct RawProject {
    #[serde(rename = "apiVersion")]
    pub api_version: ApiVersion,
    pub kind: ProjectKind,
    pub name: ProjectId,
    #[serde(default)]
    pub owners: RawOwners,
    /// Who else is told of what the owners were told of, while nobody acknowledges, step by step.
    #[serde(default)]
    pub escalation: Vec<RawStep>,
    /// In order: Monitor.X is probed on the first that does not contain "test". They lead to the
    /// first module, but for those that a module names itself.
    #[serde(default)]
    pub domains: Vec<String>,
    #[serde(default)]
    pub modules: Vec<RawModule>,
    /// What its modules use; each is watched without being asked for.
    #[serde(default)]
    pub data_sources: Vec<RawDataSource>,
    /// What else is to be checked: ports, names, machines, pages.
    #[serde(default)]
    pub checks: Vec<CheckSpec>,
    /// When work on what it owns is planned.
    #[serde(default)]
    pub maintenance: Vec<RawWindow>,
    /// Its states and times, and nothing else of it, stand on the public status page.
    #[serde(default)]
    pub public: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ProjectKind {
    Project,
}

/// People and schedules.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawOwners {
    pub dev: Vec<PersonId>,
    pub ops: Vec<PersonId>,
}

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawModule {
    pub name: String,
    #[serde(default)]
    pub domains: Vec<String>,
    /// The X of `/monitor/monitor.X`: `js`, `php`, `jsp`. It is asked of the domain, and of each VM that
    /// serves. Without it only checks look at the module.
    pub monitor: Option<String>,
    /// By what its availability is measured: `domain`, `vms`, `checks` (all of its own) or `check/NAME`. It
    /// is down while one of them says so. Left out: its domain; without one, its VMs if a policy runs
    /// them and `monitor` is there; else its checks.
    pub measured_by: Option<Vec<String>>,
    /// The program and its arguments; `${PORT}` stands for the port to listen on. A module without
    /// one is watched, and not run.
    #[serde(default)]
    pub program: Vec<String>,
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// Data sources, of this project or another.
    #[serde(default)]
    pub uses: Vec<DataSourceId>,
}

fn default_listen() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8090))
}
fn default_store() -> PathBuf {
    "state".into()
}
fn default_projects() -> PathBuf {
    "projects".into()
}
fn default_policies() -> PathBuf {
    "policies".into()
}
fn default_rules() -> PathBuf {
    "rules".into()
}
fn default_tick() -> Span {
    Span::secs(15)
}
fn default_zone() -> String {
    "UTC".to_owned()
}
fn default_ports() -> String {
    "21000-21999".to_owned()
}
fn default_fallback() -> Span {
    Span::secs(300)
}
fn default_max_vms() -> u32 {
    16
}

impl Default for RawCollector {
    fn default() -> Self {
        Self {
            interval: Span::secs(15),
            timeout: Span::secs(3),
            load_window: Span::secs(60),
            resolve: BTreeMap::new(),
            canaries: Vec::new(),
            agents: Vec::new(),
            active: None,
            scrapes: Vec::new(),
            zabbix: Vec::new(),
        }
    }
}

impl Default for RawAlerter {
    fn default() -> Self {
        Self {
            group_wait: Span::secs(30),
            child_wait: Span::secs(60),
            update_interval: Span::secs(300),
            resolve_hold: Span::secs(60),
            recovery_grace: Span::secs(180),
            new_vm_grace: Span::secs(300),
        }
    }
}

impl Default for RawAvailability {
    fn default() -> Self {
        Self { confirm_down: 3, confirm_up: 2, mail: None }
    }
}
