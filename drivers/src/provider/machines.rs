//! A list of machines that are there anyway, as a pool: bare metal, or VMs that somebody else makes.
//!
//! "Create" takes a free machine for a VM of ours, "destroy" gives it back. A VM is one life of a
//! machine: the same machine is another VM the next time, so that a late word about the earlier one is
//! recognised.
//!
//! Who holds which machine stands in a file, written before the order is answered, so a brain that is
//! killed finds it as it was. If the file is lost, it is made anew from the addresses in the brain's own
//! record: with an empty one, all VMs would look dead at once.
//!
//! Before a machine is free again, `clean` is run, where there is one: it is to stop and remove what the
//! VM left. Until it has succeeded, the machine is not given out; one that cannot be reached stays with
//! its dead VM. Without `clean` a machine is free at once, and whoever deploys next must cope.
//!
//! It does not know whether a machine lives: that is for its agent.
//!
//! Invariants: a machine is held by at most one VM, and a VM holds at most one; a machine that was
//! taken off the list while it is held stays with its VM until that is destroyed.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

use model::id::{FlavorId, HostId, SwitchId, VmId};
use model::vm::Addresses;
use scaler::hands::{
    Answer, CreateOrder, HandError, Origin, Power, Provider, SeenHost, SeenVm, Shortage, Sighting,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::Ground;
use super::exec::{Refusal, judge, with};
use crate::blocking;
use crate::channel::Problem;
use crate::files::{Found, make_private_folder, read_json, write_json};
use crate::script::{ProgramSettings, Script};

/// A fixed list of machines.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StaticSettings {
    pub name: String,
    pub machines: Vec<RawMachine>,
    /// Run before a machine is free again; see docs/providers.md.
    pub clean: Option<ProgramSettings>,
}

/// One machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawMachine {
    pub name: String,
    pub flavor: FlavorId,
    /// Where its agent answers.
    pub agent: SocketAddr,
    /// Where programs on it answer.
    pub app: SocketAddr,
    /// The host it runs on; itself if left out.
    pub host: Option<HostId>,
    /// The switch its host hangs on.
    pub switch: Option<SwitchId>,
}

/// A provider that hands out machines.
#[derive(Debug)]
pub struct StaticProvider {
    name: String,
    machines: BTreeMap<String, RawMachine>,
    clean: Option<Script>,
    greeting: Value,
    file: PathBuf,
    /// What stands in the file. Held from looking for a free machine until it is written down.
    book: Mutex<Book>,
}

/// What stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Book {
    /// By VM.
    held: BTreeMap<VmId, Held>,
    /// When each machine was given back, as a number that rises: the one that rests longest is next.
    returned: BTreeMap<String, u64>,
    returns: u64,
}

/// All that must be known of a machine that is held, if it is taken off the list.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Held {
    machine: String,
    flavor: FlavorId,
    agent: SocketAddr,
    app: SocketAddr,
    host: HostId,
    /// As it was told in the order; None if the file was made anew.
    origin: Option<Origin>,
}

impl RawMachine {
    /// None if neither is a name of a host.
    pub fn host(&self) -> Option<HostId> {
        self.host.clone().or_else(|| HostId::parse(&self.name).ok())
    }
}

impl StaticSettings {
    /// Makes the provider. `known` is what the brain's own record says of its VMs, for when the file is
    /// lost.
    pub fn open(
        &self,
        ground: &Ground,
        known: &BTreeMap<VmId, Addresses>,
    ) -> Result<StaticProvider, Problem> {
        let machines = self.check()?;
        let clean = self.clean.as_ref().map(|clean| clean.open(&ground.folder, 0)).transpose()?;
        let folder = ground.data.join("static");
        let file = folder.join(format!("{}.json", self.name));
        let wrong = |error: io::Error| {
            Problem::new("name", format!("{} cannot be used: {error}", file.display()))
        };
        let book = match read_json(&file) {
            Found::Read(book) => book,
            Found::Unreadable(error) => return Err(wrong(error)),
            Found::Nothing => {
                make_private_folder(&folder).map_err(wrong)?;
                let book = Book::of_record(&machines, known);
                write_json(&file, &book).map_err(wrong)?;
                book
            }
        };
        Ok(StaticProvider {
            name: self.name.clone(),
            machines,
            clean,
            greeting: json!({"version": 1, "fleet": ground.fleet}),
            file,
            book: Mutex::new(book),
        })
    }

    /// The machines by name, each of them with a name and addresses of its own.
    pub fn check(&self) -> Result<BTreeMap<String, RawMachine>, Problem> {
        let wrong = |message: String| Err(Problem::new("machines", message));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if self.name.is_empty() || !self.name.chars().all(is_plain) {
            let message = "a file bears it; write a-z A-Z 0-9 . _ -";
            return Err(Problem::new("name", message));
        }
        let mut machines: BTreeMap<String, RawMachine> = BTreeMap::new();
        let mut addresses = BTreeMap::new();
        for machine in &self.machines {
            let name = &machine.name;
            if machine.host().is_none() {
                return wrong(format!("{name:?} is no name of a machine; write a-z 0-9 . _ -"));
            }
            for address in [machine.agent, machine.app] {
                if let Some(other) = addresses.insert(address, name.clone()) {
                    return wrong(format!("{address} stands for {other} and for {name}"));
                }
            }
            if machines.insert(name.clone(), machine.clone()).is_some() {
                return wrong(format!("a second machine {name:?}; give it another name"));
            }
        }
        Ok(machines)
    }
}

impl Book {
    /// Each VM is on the machine whose agent it has.
    fn of_record(
        machines: &BTreeMap<String, RawMachine>,
        known: &BTreeMap<VmId, Addresses>,
    ) -> Self {
        let held = known.iter().filter_map(|(vm, addresses)| {
            let machine = machines.values().find(|machine| machine.agent == addresses.agent)?;
            Some((vm.clone(), Held::of(machine, None)?))
        });
        Self { held: held.collect(), ..Self::default() }
    }

    fn is_held(&self, machine: &str) -> bool {
        self.held.values().any(|held| held.machine == machine)
    }

    fn on(&self, host: &HostId) -> usize {
        self.held.values().filter(|held| held.host == *host).count()
    }
}

impl Held {
    fn of(machine: &RawMachine, origin: Option<Origin>) -> Option<Self> {
        Some(Self {
            machine: machine.name.clone(),
            flavor: machine.flavor.clone(),
            agent: machine.agent,
            app: machine.app,
            host: machine.host()?,
            origin,
        })
    }
}

impl StaticProvider {
    async fn take(&self, order: &CreateOrder) -> Result<(), HandError> {
        let mut book = self.book.lock().await;
        if book.held.contains_key(&order.vm) {
            return Ok(());
        }
        let free = self.machines.values().filter(|machine| {
            let avoided = machine.host().is_some_and(|host| order.avoid.contains(&host));
            machine.flavor == order.flavor && !avoided && !book.is_held(&machine.name)
        });
        let origin = Some(order.origin.clone());
        let rank = |machine: &&RawMachine| {
            let host = machine.host();
            let crowd = host.as_ref().map_or(0, |host| book.on(host));
            let rested = book.returned.get(&machine.name).copied().unwrap_or(0);
            (host != order.prefer || order.prefer.is_none(), crowd, rested, machine.name.clone())
        };
        let Some(held) = free.min_by_key(rank).and_then(|best| Held::of(best, origin)) else {
            let detail = "each machine of the list is held, or its host is down".to_owned();
            let (flavor, shortage) = (order.flavor.clone(), Shortage::Room);
            return Err(HandError::NoCapacity { flavor, shortage, detail });
        };
        let mut next = book.clone();
        next.held.insert(order.vm.clone(), held);
        self.write(&mut book, next).await
    }

    async fn give_back(&self, vm: &VmId) -> Result<(), HandError> {
        let Some(held) = self.book.lock().await.held.get(vm).cloned() else { return Ok(()) };
        self.clean(vm, &held).await?;
        let mut book = self.book.lock().await;
        let mut next = book.clone();
        next.held.remove(vm);
        next.returns += 1;
        next.returned.insert(held.machine, next.returns);
        next.returned.retain(|machine, _| self.machines.contains_key(machine));
        self.write(&mut book, next).await
    }

    async fn clean(&self, vm: &VmId, held: &Held) -> Result<(), HandError> {
        let Some(script) = &self.clean else { return Ok(()) };
        let more = json!({
            "vm": vm, "machine": held.machine, "agent": held.agent, "app": held.app,
        });
        let ended = script.run(&["clean"], &with(&self.greeting, more).to_string()).await;
        judge(&ended, script.deadline).map_err(Refusal::plain)
    }

    /// First the file, then what we go by.
    async fn write(&self, book: &mut Book, next: Book) -> Result<(), HandError> {
        let (file, written) = (self.file.clone(), next.clone());
        let done = blocking(move || write_json(&file, &written)).await;
        done.map_err(|error| {
            HandError::Failed(format!("{} cannot be written: {error}", self.file.display()))
        })?;
        *book = next;
        Ok(())
    }

    async fn look(&self) -> Sighting {
        let book = self.book.lock().await;
        let mut hosts: BTreeMap<HostId, SeenHost> = BTreeMap::new();
        for machine in self.machines.values() {
            let Some(id) = machine.host() else { continue };
            let host = hosts.entry(id.clone());
            let host = host.or_insert_with(|| SeenHost {
                id,
                agent: None,
                room: BTreeMap::new(),
                is_down: false,
            });
            let free = u32::from(!book.is_held(&machine.name));
            *host.room.entry(machine.flavor.clone()).or_default() += free;
        }
        let vms = book.held.iter().map(|(vm, held)| SeenVm {
            id: vm.clone(),
            flavor: held.flavor.clone(),
            host: Some(held.host.clone()),
            power: Power::Running,
            addresses: Some(Addresses { agent: held.agent, app: held.app }),
            origin: held.origin.clone(),
            labels: BTreeMap::new(),
        });
        let (hosts, vms) = (hosts.into_values().collect(), vms.collect());
        Sighting { complete: true, hosts, vms, quotas: Vec::new() }
    }
}

impl Provider for StaticProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn observe(&self) -> Answer<'_, Result<Sighting, HandError>> {
        Box::pin(async { Ok(self.look().await) })
    }

    fn create<'a>(&'a self, order: &'a CreateOrder) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.take(order))
    }

    fn destroy<'a>(&'a self, vm: &'a VmId) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.give_back(vm))
    }
}
