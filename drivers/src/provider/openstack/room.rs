//! What the cloud could still give: the quota of our project, and the room on its hosts.
//!
//! The quota is one question that everybody may ask. Hosts and their room are for administrators: Nova
//! says which hypervisors there are and whether they are up, Placement what fits on each. What we may
//! not ask is not known, which is not the same as none; a "forbidden" is not asked again for a while.
//!
//! Placement speaks of what is allocated, which differs from what is used: that is what decides where
//! the next server goes.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::clock::SharedClock;
use model::id::{FlavorId, HostId};
use scaler::hands::{HandError, Quota, SeenHost};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::OpenstackSettings;
use super::server::Server;
use super::session::{Service, Session};

/// How often quota and room are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// What was forbidden is asked again after this long.
const FORBIDDEN_FOR: Duration = Duration::from_secs(600);
/// Of hosts that are known by a mark only, so much of it is their name.
const MARK_CHARS: usize = 12;
/// Hosts that Placement is asked for at once, at most.
const MAX_HOSTS: usize = 2000;
/// Hypervisors on one page, and how many pages there may be.
const PAGE: usize = 200;
const MAX_PAGES: usize = 50;

/// Looks at what is around our servers.
#[derive(Debug)]
pub(super) struct Surroundings {
    /// Who may ask for hypervisors, if it is not whoever makes servers.
    topology: Option<Session>,
    sizes: Mutex<BTreeMap<FlavorId, Size>>,
    last: Mutex<Last>,
}

/// One of the cloud's own flavors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) id: String,
    vcpus: u64,
    ram_mb: u64,
    disk_gb: u64,
}

#[derive(Debug, Default)]
struct Last {
    looked: Option<Duration>,
    forbidden: Option<Duration>,
    seen: Seen,
}

/// What was seen last.
#[derive(Clone, Debug, Default)]
pub(super) struct Seen {
    pub(super) hosts: Vec<SeenHost>,
    pub(super) quotas: Vec<Quota>,
    /// On which host each server is.
    places: BTreeMap<String, HostId>,
}

impl Seen {
    /// By its name where that may be known, else by the mark that servers on one host share.
    pub(super) fn host_of(&self, server: &Server) -> Option<HostId> {
        let named = server.host.as_deref().and_then(|host| HostId::parse(host).ok());
        let mark = server.host_mark.get(..MARK_CHARS);
        let marked = || HostId::parse(&format!("host-{}", mark?)).ok();
        named.or_else(|| self.places.get(&server.id).cloned()).or_else(marked)
    }
}

impl Surroundings {
    pub(super) fn new(topology: Option<Session>) -> Self {
        Self { topology, sizes: Mutex::default(), last: Mutex::default() }
    }

    /// The cloud's flavor behind one of ours.
    pub(super) async fn size(
        &self,
        session: &Session,
        settings: &OpenstackSettings,
        flavor: &FlavorId,
    ) -> Result<Size, HandError> {
        let no_such = || HandError::Refused(format!("there is no flavor {flavor} in the files"));
        let wanted = settings.flavors.get(flavor).ok_or_else(no_such)?;
        if let Some(size) = self.sizes.lock().await.get(flavor) {
            return Ok(size.clone());
        }
        let body = session.get(Service::Compute, "/flavors/detail?limit=1000").await?;
        let body: Flavors = body.read("the list of flavors")?;
        let found = body.flavors.into_iter().find(|f| f.id == *wanted || f.name == *wanted);
        let found = found.ok_or_else(|| {
            HandError::Refused(format!("the cloud has no flavor {wanted:?} for us"))
        })?;
        let Flavor { id, vcpus, ram, disk, .. } = found;
        let size = Size { id, vcpus, ram_mb: ram, disk_gb: disk };
        self.sizes.lock().await.insert(flavor.clone(), size.clone());
        Ok(size)
    }

    /// What cannot be looked at is not known; that is no reason not to look at servers.
    pub(super) async fn look(
        &self,
        session: &Session,
        settings: &OpenstackSettings,
        clock: &SharedClock,
    ) -> Seen {
        let mut last = self.last.lock().await;
        let now = clock.elapsed();
        if last.looked.is_some_and(|at| now.saturating_sub(at) < LOOK_EVERY) {
            return last.seen.clone();
        }
        last.looked = Some(now);
        let mut sizes = BTreeMap::new();
        for flavor in settings.flavors.keys() {
            match self.size(session, settings, flavor).await {
                Ok(size) => drop(sizes.insert(flavor.clone(), size)),
                Err(error) => tracing::warn!(%flavor, %error, "its size is not known"),
            }
        }
        let mut seen = Seen::default();
        match quotas(session, &sizes).await {
            Ok(quotas) => seen.quotas = quotas,
            Err(error) => tracing::warn!(%error, "the quota is not known"),
        }
        if last.forbidden.is_none_or(|at| now.saturating_sub(at) >= FORBIDDEN_FOR) {
            let asker = self.topology.as_ref().unwrap_or(session);
            match hosts(asker, &sizes).await {
                Ok(Some((hosts, places))) => (seen.hosts, seen.places) = (hosts, places),
                Ok(None) => {
                    tracing::info!("hosts are not told to this credential; see topology");
                    last.forbidden = Some(now);
                }
                Err(error) => tracing::warn!(%error, "hosts are not known"),
            }
        }
        last.seen = seen.clone();
        seen
    }
}

async fn quotas(
    session: &Session,
    sizes: &BTreeMap<FlavorId, Size>,
) -> Result<Vec<Quota>, HandError> {
    let answer = session.get(Service::Compute, "/limits").await?;
    let Limits { limits: Absolute { absolute } } = answer.read("the limits of the project")?;
    let takes =
        |of: fn(&Size) -> u64| sizes.iter().map(|(id, size)| (id.clone(), of(size))).collect();
    let quota = |name: &str, (limit, used): (i64, i64), takes| Quota {
        name: name.to_owned(),
        limit: u64::try_from(limit).ok(), // -1 is no limit.
        used: u64::try_from(used).unwrap_or(0),
        takes,
    };
    Ok(vec![
        quota("instances", (absolute.max_instances, absolute.instances), takes(|_| 1)),
        quota("cores", (absolute.max_cores, absolute.cores), takes(|size| size.vcpus)),
        quota("ram", (absolute.max_ram, absolute.ram), takes(|size| size.ram_mb)),
    ])
}

type Hosts = (Vec<SeenHost>, BTreeMap<String, HostId>);

/// None if we may not know.
async fn hosts(
    session: &Session,
    sizes: &BTreeMap<FlavorId, Size>,
) -> Result<Option<Hosts>, HandError> {
    let Some(hypervisors) = hypervisors(session).await? else { return Ok(None) };
    let (mut places, mut closed) = (BTreeMap::new(), BTreeSet::new());
    let mut hosts: BTreeMap<String, SeenHost> = BTreeMap::new();
    for hypervisor in hypervisors {
        let Ok(id) = HostId::parse(&hypervisor.name) else { continue };
        let is_down = hypervisor.state == "down";
        if is_down || hypervisor.status == "disabled" {
            closed.insert(hypervisor.id.clone());
        }
        places.extend(hypervisor.servers.into_iter().map(|server| (server.uuid, id.clone())));
        let host = SeenHost { id, agent: None, room: BTreeMap::new(), is_down };
        hosts.insert(hypervisor.id, host);
    }
    for (flavor, size) in sizes {
        let Some(room) = room_for(session, size).await? else { break };
        for (id, host) in &mut hosts {
            let fits = room.get(id).filter(|_| !closed.contains(id)).copied().unwrap_or(0);
            host.room.insert(flavor.clone(), fits);
        }
    }
    Ok(Some((hosts.into_values().collect(), places)))
}

async fn hypervisors(session: &Session) -> Result<Option<Vec<Hypervisor>>, HandError> {
    let mut all: Vec<Hypervisor> = Vec::new();
    let mut marker = String::new();
    for _ in 0..MAX_PAGES {
        let path = format!("/os-hypervisors/detail?with_servers=true&limit={PAGE}{marker}");
        let answer = session.get(Service::Compute, &path).await?;
        if answer.status == 403 {
            return Ok(None);
        }
        let page: Hypervisors = answer.read("the list of hypervisors")?;
        let last = page.hypervisors.last().map(|hypervisor| hypervisor.id.clone());
        all.extend(page.hypervisors);
        match last.filter(|_| !page.links.is_empty()) {
            Some(last) => {
                let last = form_urlencoded::byte_serialize(last.as_bytes()).collect::<String>();
                marker = format!("&marker={last}");
            }
            None => return Ok(Some(all)),
        }
    }
    Err(HandError::Failed(format!("the list of hypervisors has more than {MAX_PAGES} pages")))
}

/// How many more of one size fit on each host; one that is not named has no room. None if we may not
/// know.
async fn room_for(
    session: &Session,
    size: &Size,
) -> Result<Option<BTreeMap<String, u32>>, HandError> {
    let wants = [("VCPU", size.vcpus), ("MEMORY_MB", size.ram_mb), ("DISK_GB", size.disk_gb)];
    let wants: Vec<(&str, u64)> = wants.into_iter().filter(|(_, amount)| *amount > 0).collect();
    let resources: Vec<String> =
        wants.iter().map(|(name, amount)| format!("{name}:{amount}")).collect();
    let resources = resources.join(",");
    let path = format!("/allocation_candidates?resources={resources}&limit={MAX_HOSTS}");
    let answer = session.get(Service::Placement, &path).await?;
    if answer.status == 403 {
        return Ok(None);
    }
    let candidates: Candidates = answer.read("the room on hosts")?;
    let fits = candidates.provider_summaries.into_iter().map(|(id, summary)| {
        let fits = wants.iter().map(|(name, amount)| {
            let free = summary.resources.get(*name).map_or(0, Resource::free);
            u32::try_from(free / amount).unwrap_or(u32::MAX)
        });
        (id, fits.min().unwrap_or(0))
    });
    Ok(Some(fits.collect()))
}

#[derive(Deserialize)]
struct Flavors {
    flavors: Vec<Flavor>,
}

#[derive(Deserialize)]
struct Flavor {
    id: String,
    name: String,
    vcpus: u64,
    ram: u64,
    disk: u64,
}

#[derive(Deserialize)]
struct Limits {
    limits: Absolute,
}

#[derive(Deserialize)]
struct Absolute {
    absolute: Amounts,
}

#[derive(Deserialize)]
struct Amounts {
    #[serde(rename = "maxTotalInstances")]
    max_instances: i64,
    #[serde(rename = "totalInstancesUsed")]
    instances: i64,
    #[serde(rename = "maxTotalCores")]
    max_cores: i64,
    #[serde(rename = "totalCoresUsed")]
    cores: i64,
    #[serde(rename = "maxTotalRAMSize")]
    max_ram: i64,
    #[serde(rename = "totalRAMUsed")]
    ram: i64,
}

#[derive(Deserialize)]
struct Hypervisors {
    hypervisors: Vec<Hypervisor>,
    #[serde(default, rename = "hypervisors_links")]
    links: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
struct Hypervisor {
    id: String,
    #[serde(rename = "hypervisor_hostname")]
    name: String,
    /// `down` when it has not reported, or was forced down.
    #[serde(default)]
    state: String,
    /// `disabled` when nothing new is to be put there.
    #[serde(default)]
    status: String,
    #[serde(default)]
    servers: Vec<OnHost>,
}

#[derive(Deserialize)]
struct OnHost {
    uuid: String,
}

#[derive(Deserialize)]
struct Candidates {
    #[serde(default)]
    provider_summaries: BTreeMap<String, Summary>,
}

#[derive(Deserialize)]
struct Summary {
    resources: BTreeMap<String, Resource>,
}

#[derive(Deserialize)]
struct Resource {
    capacity: u64,
    used: u64,
}

impl Resource {
    fn free(&self) -> u64 {
        self.capacity.saturating_sub(self.used)
    }
}
