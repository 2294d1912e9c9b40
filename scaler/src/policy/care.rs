//! How the VMs of a module are looked after: when one is ready, ill, drained, taken away.

use model::unit::{Share, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawHealth {
    pub ready: RawReady,
    /// Whether the program on a serving VM still lives. It is checked and kept, and has no effect
    /// yet: `ready` goes on being asked of serving VMs, and agent, routers and provider bear
    /// witness beside it.
    pub live: Option<RawLive>,
}

/// When a VM may take traffic. Without `http`, `tcp` and `exec`, a connection to the program's port
/// must succeed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawReady {
    /// A path on the program's port, `/ready`, or on another one, `:8080/ready`.
    pub http: Option<String>,
    /// A port that must take connections.
    pub tcp: Option<u16>,
    /// A program of the brain's own machine, as an absolute path, that ends with 0 if the VM is ready.
    /// It finds `CLOUDBRAIN_VM`, `CLOUDBRAIN_ADDRESS` and `CLOUDBRAIN_PORT` in its environment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<String>,
    #[serde(default = "default_expect")]
    pub expect: u16,
    #[serde(default = "default_every")]
    pub every: Span,
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// Successes in a row that make a VM ready.
    #[serde(default = "default_times")]
    #[schemars(range(min = 1))]
    pub pass: u32,
    /// Failures in a row that make a serving VM suspect.
    #[serde(default = "default_times")]
    #[schemars(range(min = 1))]
    pub fail: u32,
    /// A VM that is not ready this long after its program was started is given up.
    #[serde(default = "default_deadline")]
    pub deadline: Span,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLive {
    /// As in `ready`.
    pub http: Option<String>,
    pub tcp: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exec: Option<String>,
    #[serde(default = "default_expect")]
    pub expect: u16,
    #[serde(default = "default_every")]
    pub every: Span,
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    #[serde(default = "default_times")]
    #[schemars(range(min = 1))]
    pub fail: u32,
}

impl RawReady {
    /// Which port is asked, if not the program's, and for which path, if it is to speak HTTP.
    pub fn door(&self) -> (Option<u16>, Option<&str>) {
        match self.http.as_deref() {
            Some(http) => split(http),
            None => (self.tcp, None),
        }
    }
}

/// `:8080/ready` is a port and a path.
pub(super) fn split(http: &str) -> (Option<u16>, Option<&str>) {
    let Some((port, path)) = http.strip_prefix(':').and_then(|rest| rest.split_once('/')) else {
        return (None, Some(http));
    };
    match port.parse() {
        Ok(port) => (Some(port), Some(&http[http.len() - path.len() - 1..])),
        Err(_) => (None, Some(http)),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDrain {
    /// What is waited for between the last router's word and the end of the program.
    pub wait: DrainWait,
    /// How long requests under way may take to finish.
    pub timeout: Span,
    /// What is done when they did not.
    pub then: DrainThen,
    /// Between SIGTERM and SIGKILL.
    pub kill_after: Span,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DrainWait {
    /// Until no request is under way, by the routers' word.
    #[default]
    Connections,
    /// For the whole of `timeout`, whatever the routers say.
    Time,
    /// Until the module itself lets the VM go. It is refused until there are hooks.
    Hook,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DrainThen {
    /// The program is stopped all the same.
    #[default]
    Stop,
    /// The VM goes on waiting, out of the routers, until it is idle.
    GiveUp,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTerminate {
    /// Which VM leaves first; ties are broken by the next word.
    pub order: Vec<Leaver>,
    /// VMs that are never taken away by choice, by a label: `role=cron`, `vm=vm-3`, `host=h1`.
    pub protect: Vec<String>,
    /// A VM younger than this is not taken away.
    pub young: Span,
    pub recycle: Recycle,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Leaver {
    /// What failed on its way: suspect, or its program does not start.
    Failed,
    /// Out of the routers for being ill.
    Isolated,
    /// It runs another release than the module's. No VM does before there are releases.
    OldRelease,
    /// From the rack that carries most VMs of the module.
    CrowdedZone,
    /// From the host that carries most VMs of the module.
    CrowdedHost,
    Oldest,
    Newest,
    /// With the lowest load.
    LeastLoad,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Recycle {
    #[default]
    Destroy,
    ToPool,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawIsolation {
    pub mode: IsolationMode,
    /// How many of agent, readiness, router and provider must agree that a VM is ill.
    #[schemars(range(min = 1, max = 4))]
    pub witnesses: u32,
    /// For how long they must agree.
    pub after: Span,
    /// At most this part of a module may be isolated at once.
    pub max_share: Share,
    /// An isolated VM that still runs may come back for this long before it is replaced.
    pub replace_after: Span,
    pub keep_for_debug: Span,
}

/// What is done about an ill VM. One that does not run any more is replaced in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum IsolationMode {
    /// Ill VMs stay in the routers, and nobody asks which are.
    None,
    /// They stay in the routers, and the record says that they would be isolated.
    Observe,
    /// They leave the routers, and nothing takes their place.
    Isolate,
    /// They leave the routers, and are replaced if they do not get well.
    Replace,
}

fn default_expect() -> u16 {
    200
}
fn default_every() -> Span {
    Span::secs(2)
}
fn default_timeout() -> Span {
    Span::secs(1)
}
fn default_times() -> u32 {
    3
}
fn default_deadline() -> Span {
    Span::secs(180)
}

impl Default for RawDrain {
    fn default() -> Self {
        Self {
            wait: DrainWait::Connections,
            timeout: Span::secs(60),
            then: DrainThen::Stop,
            kill_after: Span::secs(15),
        }
    }
}

impl Default for RawTerminate {
    fn default() -> Self {
        Self {
            order: vec![Leaver::Failed, Leaver::CrowdedHost, Leaver::Oldest],
            protect: Vec::new(),
            young: Span::secs(600),
            recycle: Recycle::Destroy,
        }
    }
}

impl Default for RawIsolation {
    fn default() -> Self {
        Self {
            mode: IsolationMode::Replace,
            witnesses: 2,
            after: Span::secs(30),
            max_share: Share::Percent(20),
            replace_after: Span::secs(300),
            keep_for_debug: Span::secs(7200),
        }
    }
}
