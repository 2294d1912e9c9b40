//! VMs by a program of the user's: for clouds, hypervisors and tools that are not spoken here.
//!
//! The program is started once for each thing that is asked, with the word for it as its last argument,
//! and gets one JSON object on its standard input (docs/providers.md has the contract and an example):
//!
//! - `observe`: writes what there is, as one JSON object;
//! - `create`: makes one VM, or sees that it is there already;
//! - `destroy`: destroys one VM, or sees that it is gone.
//!
//! Its exit code says what became of it: 0 done; 69 no capacity; 75 not done, may work later; 78 never.
//! All others leave open whether it was done: then it is asked for again, with `again` set. The first
//! line of its standard error is shown to people.
//!
//! Invariants: what it writes is bounded; a list that is not whole, or names a VM twice, is no list.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::process::ExitStatus;

use model::id::{FlavorId, HostId, VmId};
use model::vm::Addresses;
use scaler::hands::{
    Answer, CreateOrder, HandError, Origin, Power, Provider, Quota, SeenHost, SeenVm, Shortage,
    Sighting,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::time::Duration;

use super::Ground;
use crate::channel::Problem;
use crate::script::{Ended, How, ProgramSettings, Script};

/// `EX_UNAVAILABLE`, `EX_TEMPFAIL` and `EX_CONFIG` of `sysexits.h`.
const NO_CAPACITY: i32 = 69;
const LATER: i32 = 75;
const NEVER: i32 = 78;
/// The longest list that is read, in bytes: some twenty thousand VMs.
const MAX_LIST_BYTES: usize = 4 << 20;

/// VMs by a program of yours.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecSettings {
    pub name: String,
    #[serde(flatten)]
    pub run: ProgramSettings,
}

/// A provider that is a program.
#[derive(Debug)]
pub struct ExecProvider {
    name: String,
    script: Script,
    /// What every question begins with.
    greeting: Value,
}

impl ExecSettings {
    /// Makes the provider. Nothing is started.
    pub fn open(&self, ground: &Ground) -> Result<ExecProvider, Problem> {
        Ok(ExecProvider {
            name: self.name.clone(),
            script: self.run.open(&ground.folder, MAX_LIST_BYTES)?,
            greeting: json!({"version": 1, "fleet": ground.fleet}),
        })
    }
}

impl ExecProvider {
    async fn run(&self, word: &str, more: Value) -> Result<Vec<u8>, Refusal> {
        let input = with(&self.greeting, more);
        let ended = self.script.run(&[word], &input.to_string()).await;
        judge(&ended, self.script.deadline)?;
        match ended.is_cut {
            true => Err(Refusal::Later("it wrote more than is read".to_owned())),
            false => Ok(ended.output),
        }
    }

    async fn look(&self) -> Result<Sighting, HandError> {
        // A look that fails has changed nothing.
        let failed = |refusal: Refusal| HandError::Failed(format!("observe: {}", refusal.words()));
        let output = self.run("observe", json!({})).await.map_err(failed)?;
        let list: List = serde_json::from_slice(&output).map_err(|error| {
            HandError::Failed(format!("observe: what it wrote is not understood: {error}"))
        })?;
        list.sighting()
    }

    async fn make(&self, order: &CreateOrder) -> Result<(), HandError> {
        let CreateOrder { vm, flavor, prefer, avoid, again, origin } = order;
        let more = json!({
            "vm": vm, "flavor": flavor, "prefer": prefer, "avoid": avoid, "again": again,
            "origin": origin,
        });
        let made = self.run("create", more).await;
        made.map(drop).map_err(|refusal| refusal.of_create(flavor))
    }

    async fn remove(&self, vm: &VmId) -> Result<(), HandError> {
        self.run("destroy", json!({"vm": vm})).await.map(drop).map_err(Refusal::plain)
    }
}

impl Provider for ExecProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn observe(&self) -> Answer<'_, Result<Sighting, HandError>> {
        Box::pin(self.look())
    }

    fn create<'a>(&'a self, order: &'a CreateOrder) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.make(order))
    }

    fn destroy<'a>(&'a self, vm: &'a VmId) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.remove(vm))
    }
}

/// Why a program did not do what it was asked, with its words.
#[derive(Debug)]
pub(crate) enum Refusal {
    NoCapacity(String),
    Later(String),
    Never(String),
    Unclear(String),
}

impl Refusal {
    fn words(&self) -> &str {
        match self {
            Self::NoCapacity(words)
            | Self::Later(words)
            | Self::Never(words)
            | Self::Unclear(words) => words,
        }
    }

    fn of_create(self, flavor: &FlavorId) -> HandError {
        match self {
            Self::NoCapacity(detail) => {
                HandError::NoCapacity { flavor: flavor.clone(), shortage: Shortage::Room, detail }
            }
            other @ (Self::Later(_) | Self::Never(_) | Self::Unclear(_)) => other.plain(),
        }
    }

    /// Where capacity is no matter.
    pub(crate) fn plain(self) -> HandError {
        match self {
            Self::NoCapacity(words) | Self::Later(words) => HandError::Failed(words),
            Self::Never(words) => HandError::Refused(words),
            Self::Unclear(words) => HandError::Unclear(words),
        }
    }
}

/// A question with what all questions begin with.
pub(crate) fn with(greeting: &Value, more: Value) -> Value {
    let mut question = greeting.clone();
    if let (Some(question), Value::Object(more)) = (question.as_object_mut(), more) {
        question.extend(more);
    }
    question
}

/// What the end of a program means.
pub(crate) fn judge(ended: &Ended, deadline: Duration) -> Result<(), Refusal> {
    let said = |how: String| match ended.said.is_empty() {
        true => how,
        false => format!("{how}: {}", ended.said),
    };
    let code = match &ended.how {
        How::NotStarted(why) => return Err(Refusal::Later(why.clone())),
        How::Killed => return Err(Refusal::Unclear(said(format!("killed after {deadline:?}")))),
        How::Lost(why) => return Err(Refusal::Unclear(why.clone())),
        How::Exited(status) => ExitStatus::code(status),
    };
    let Some(code) = code else {
        return Err(Refusal::Unclear(said("ended by a signal".to_owned())));
    };
    let words = said(format!("exit {code}"));
    match code {
        0 => Ok(()),
        NO_CAPACITY => Err(Refusal::NoCapacity(words)),
        LATER => Err(Refusal::Later(words)),
        NEVER => Err(Refusal::Never(words)),
        _ => Err(Refusal::Unclear(words)),
    }
}

/// What `observe` writes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    complete: bool,
    #[serde(default)]
    hosts: Vec<ListedHost>,
    vms: Vec<ListedVm>,
    #[serde(default)]
    quotas: Vec<Quota>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedHost {
    id: HostId,
    agent: Option<SocketAddr>,
    #[serde(default)]
    room: BTreeMap<FlavorId, u32>,
    #[serde(default)]
    down: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ListedVm {
    id: VmId,
    flavor: FlavorId,
    host: Option<HostId>,
    power: ListedPower,
    agent: Option<SocketAddr>,
    app: Option<SocketAddr>,
    origin: Option<Origin>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum ListedPower {
    Building,
    Running,
    Stopped,
}

impl List {
    fn sighting(self) -> Result<Sighting, HandError> {
        let mut known = BTreeSet::new();
        if let Some(twice) = self.vms.iter().find(|vm| !known.insert(vm.id.clone())) {
            return Err(HandError::Failed(format!("observe: it lists {} twice", twice.id)));
        }
        let hosts = self.hosts.into_iter().map(|host| SeenHost {
            id: host.id,
            agent: host.agent,
            room: host.room,
            is_down: host.down,
        });
        let vms = self.vms.into_iter().map(|vm| SeenVm {
            id: vm.id,
            flavor: vm.flavor,
            host: vm.host,
            power: match vm.power {
                ListedPower::Building => Power::Building,
                ListedPower::Running => Power::Running,
                ListedPower::Stopped => Power::Stopped,
            },
            addresses: vm.agent.zip(vm.app).map(|(agent, app)| Addresses { agent, app }),
            origin: vm.origin,
            labels: vm.labels,
        });
        let (hosts, vms) = (hosts.collect(), vms.collect());
        Ok(Sighting { complete: self.complete, hosts, vms, quotas: self.quotas })
    }
}
