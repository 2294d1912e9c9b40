//! Nova's servers: which are ours, what each is by our words, and which of two for one VM is kept.
//!
//! What Nova tells varies with the state of a server, so each field may be missing; an unknown status
//! is no death.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use model::id::{FlavorId, HostId, VmId};
use model::vm::Addresses;
use scaler::hands::{CreateOrder, HandError, Origin, Power, SeenVm};
use serde::Deserialize;
use serde_json::{Value, json};

use super::session::{Service, Session};

/// Servers on one page, at most; the cloud may give fewer.
const PAGE: usize = 200;
/// A walk that does not end by then is no list.
const MAX_PAGES: usize = 200;
/// The keys in the metadata of a server; what does not begin like them is its owner's.
const OURS: &str = "cloudbrain-";
const FLEET: &str = "cloudbrain-fleet";
const VM: &str = "cloudbrain-vm";
const FLAVOR: &str = "cloudbrain-flavor";
const INCARNATION: &str = "cloudbrain-incarnation";
const EPOCH: &str = "cloudbrain-epoch";
/// The flavor of a server that does not bear one.
const UNKNOWN_FLAVOR: &str = "unknown";
/// Nova's number for a guest that runs.
const POWER_RUNNING: i64 = 1;

/// Whose servers are looked at.
#[derive(Clone, Debug)]
pub(super) struct Label {
    pub(super) fleet: String,
}

/// A server, as Nova tells of it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Server {
    pub(super) id: String,
    #[serde(default)]
    status: String,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task: Option<String>,
    #[serde(rename = "OS-EXT-STS:power_state")]
    power: Option<i64>,
    #[serde(rename = "OS-SRV-USG:launched_at")]
    launched: Option<String>,
    #[serde(default)]
    created: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    addresses: BTreeMap<String, Vec<Address>>,
    /// Tells which servers of one project share a host.
    #[serde(rename = "hostId", default)]
    pub(super) host_mark: String,
    /// Told to administrators only.
    #[serde(rename = "OS-EXT-SRV-ATTR:hypervisor_hostname")]
    pub(super) host: Option<String>,
    fault: Option<Fault>,
}

#[derive(Clone, Debug, Deserialize)]
struct Address {
    addr: String,
    #[serde(rename = "OS-EXT-IPS:type")]
    kind: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
struct Fault {
    #[serde(default)]
    message: String,
}

#[derive(Deserialize)]
struct Page {
    servers: Vec<Server>,
    #[serde(default)]
    servers_links: Vec<Link>,
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    rel: String,
}

/// One whole walk over the servers of our fleet.
#[derive(Debug)]
pub(super) struct Listing {
    pub(super) began: Duration,
    /// By VM; of several for one VM the one that is kept first. Those that were ordered on another
    /// record stand under a name of their own: they are shown, and nobody takes them for doubles.
    servers: BTreeMap<VmId, Vec<Server>>,
}

impl Label {
    pub(super) fn tag(&self) -> String {
        format!("cloudbrain:{}", self.fleet)
    }

    /// The name is for people: nothing follows from it.
    pub(super) fn name(&self, vm: &VmId) -> String {
        format!("cr-{}-{vm}", self.fleet)
    }

    pub(super) fn metadata(&self, order: &CreateOrder) -> Value {
        json!({
            FLEET: self.fleet,
            INCARNATION: order.origin.incarnation,
            EPOCH: order.origin.epoch.to_string(),
            VM: order.vm.as_str(),
            FLAVOR: order.flavor.as_str(),
        })
    }

    /// Under which id a server is known; None if it is not of our fleet. One whose metadata somebody
    /// has changed is still ours by its tag, and known by its own id.
    fn id_of(&self, server: &Server) -> Option<VmId> {
        let said = |key: &str| server.metadata.get(key).map(String::as_str);
        if said(FLEET).is_some_and(|fleet| fleet != self.fleet) {
            return None;
        }
        let vm = said(VM).and_then(|vm| VmId::parse(vm).ok());
        vm.or_else(|| VmId::parse(&format!("nova-{}", server.id)).ok())
    }
}

/// All servers that bear our tag, page by page. The error says why it is not known what there is.
pub(super) async fn walk(session: &Session, label: &Label) -> Result<Vec<Server>, HandError> {
    let mut servers: Vec<Server> = Vec::new();
    let tag = form_urlencoded::byte_serialize(label.tag().as_bytes()).collect::<String>();
    let mut marker = String::new();
    for _ in 0..MAX_PAGES {
        let path = format!("/servers/detail?tags={tag}&limit={PAGE}{marker}");
        let page: Page = session.get(Service::Compute, &path).await?.read("the list of servers")?;
        let goes_on = page.servers_links.iter().any(|link| link.rel == "next");
        let last = page.servers.last().map(|server| server.id.clone());
        servers.extend(page.servers);
        match last.filter(|_| goes_on) {
            // What the server itself wrote may not be put into an address as it is.
            Some(last) => {
                let last = form_urlencoded::byte_serialize(last.as_bytes()).collect::<String>();
                marker = format!("&marker={last}");
            }
            None => return Ok(servers),
        }
    }
    Err(HandError::Failed(format!("the list of servers has more than {MAX_PAGES} pages")))
}

impl Server {
    /// On whose record it was ordered.
    fn origin(&self) -> Option<Origin> {
        let incarnation = self.metadata.get(INCARNATION)?.clone();
        let epoch = self.metadata.get(EPOCH)?.parse().ok()?;
        Some(Origin { incarnation, epoch })
    }

    /// What it is called beside one of ours that has its name.
    fn stranger(&self) -> Option<VmId> {
        let said = |key: &str| self.metadata.get(key).map_or("", String::as_str);
        VmId::parse(&format!("{}@{}", said(VM), said(INCARNATION))).ok()
    }

    /// Whether it was ordered on that record, by whichever of its brains.
    pub(super) fn is_of(&self, origin: &Origin) -> bool {
        self.metadata.get(INCARNATION) == Some(&origin.incarnation)
    }

    /// Nova has made it, and does nothing with it.
    pub(super) fn is_usable(&self) -> bool {
        self.status == "ACTIVE" && self.task.is_none()
    }

    /// It came to nothing while it was made, or was broken since.
    pub(super) fn has_failed(&self) -> bool {
        self.status == "ERROR" && self.power != Some(POWER_RUNNING)
    }

    /// Why, by Nova's word.
    pub(super) fn fault(&self) -> Option<&str> {
        let message = self.fault.as_ref().map(|fault| fault.message.as_str());
        message.filter(|message| !message.is_empty())
    }

    /// By our words. A server that is moved, resized or rebuilt exists and comes back.
    fn power_word(&self) -> Power {
        match self.status.as_str() {
            "BUILD" => Power::Building,
            "ERROR" if self.has_failed() => Power::Stopped,
            "SHUTOFF" | "SUSPENDED" | "PAUSED" | "SHELVED" | "SHELVED_OFFLOADED" | "DELETED"
            | "SOFT_DELETED" => Power::Stopped,
            _ => Power::Running,
        }
    }

    pub(super) fn seen(
        &self,
        id: VmId,
        host: Option<HostId>,
        addresses: impl FnOnce(&Self) -> Option<Addresses>,
    ) -> SeenVm {
        let flavor = self.metadata.get(FLAVOR).and_then(|flavor| FlavorId::parse(flavor).ok());
        let unknown = || FlavorId::parse(UNKNOWN_FLAVOR).expect("a plain word");
        let power = self.power_word();
        // Before it runs, an address is a promise.
        let addresses = if power == Power::Running { addresses(self) } else { None };
        let (flavor, origin) = (flavor.unwrap_or_else(unknown), self.origin());
        let labels = self.metadata.iter().filter(|(key, _)| !key.starts_with(OURS));
        let labels = labels.map(|(key, value)| (key.clone(), value.clone())).collect();
        SeenVm { id, flavor, host, power, addresses, origin, labels }
    }

    /// Its address in a network, or in the first. Fixed ones before floating ones, IPv4 before IPv6.
    pub(super) fn address(&self, network: Option<&str>) -> Option<IpAddr> {
        let addresses = match network {
            Some(network) => self.addresses.get(network)?,
            None => self.addresses.values().next()?,
        };
        let known = addresses.iter().filter_map(|address| {
            let ip: IpAddr = address.addr.parse().ok()?;
            Some((address.kind.as_deref() == Some("floating"), ip.is_ipv6(), ip))
        });
        known.min().map(|(_, _, ip)| ip)
    }

    /// The lowest is kept: what runs before what does not, and of those that run the first.
    fn rank(&self) -> (bool, u8, &str, &str, &str) {
        let state = match self.status.as_str() {
            "ACTIVE" => 0,
            "BUILD" => 2,
            "ERROR" => 3,
            _ => 1,
        };
        let is_leaving = self.task.as_deref() == Some("deleting");
        let launched = self.launched.as_deref().unwrap_or("9999");
        (is_leaving, state, launched, &self.created, &self.id)
    }
}

impl Listing {
    pub(super) fn new(found: Vec<Server>, label: &Label, began: Duration) -> Self {
        let mut servers: BTreeMap<VmId, Vec<Server>> = BTreeMap::new();
        let mut known = BTreeSet::new();
        for server in found {
            // A page may repeat what moved while it was walked.
            if let (Some(vm), true) = (label.id_of(&server), known.insert(server.id.clone())) {
                servers.entry(vm).or_default().push(server);
            }
        }
        let mut others = Vec::new();
        for several in servers.values_mut() {
            several.sort_by(|a, b| a.rank().cmp(&b.rank()));
            let record = several[0].metadata.get(INCARNATION).cloned();
            let is_other =
                |server: &mut Server| server.metadata.get(INCARNATION) != record.as_ref();
            others.extend(several.extract_if(.., is_other));
        }
        for other in others {
            if let Some(id) = other.stranger() {
                servers.entry(id).or_default().push(other);
            }
        }
        Self { began, servers }
    }

    pub(super) fn of(&self, vm: &VmId) -> &[Server] {
        self.servers.get(vm).map_or(&[], Vec::as_slice)
    }

    /// The one that is kept.
    pub(super) fn kept(&self, vm: &VmId) -> Option<&Server> {
        self.of(vm).first()
    }

    pub(super) fn kept_ones(&self) -> impl Iterator<Item = (&VmId, &Server)> {
        self.servers.iter().filter_map(|(vm, several)| Some((vm, several.first()?)))
    }

    /// Those beside the one that is kept. None as long as none of them runs: each may be the first.
    pub(super) fn doubles(&self, vm: &VmId) -> &[Server] {
        match self.of(vm) {
            [kept, doubles @ ..] if kept.is_usable() => doubles,
            _ => &[],
        }
    }

    pub(super) fn doubled(&self) -> BTreeSet<VmId> {
        let doubled = self.servers.keys().filter(|vm| !self.doubles(vm).is_empty());
        doubled.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn label() -> Label {
        Label { fleet: "shop".to_owned() }
    }

    fn server(id: &str, status: &str, launched: Option<&str>, incarnation: &str) -> Server {
        let metadata =
            json!({FLEET: "shop", INCARNATION: incarnation, VM: "vm-1", FLAVOR: "small"});
        let server = json!({
            "id": id, "status": status, "created": format!("2026-01-01T00:00:0{id}Z"),
            "metadata": metadata, "OS-SRV-USG:launched_at": launched,
        });
        serde_json::from_value(server).unwrap()
    }

    fn kept(servers: Vec<Server>) -> (String, Vec<String>) {
        let listing = Listing::new(servers, &label(), Duration::ZERO);
        let vm: VmId = "vm-1".parse().unwrap();
        let doubles = listing.doubles(&vm).iter().map(|server| server.id.clone()).collect();
        (listing.kept(&vm).unwrap().id.clone(), doubles)
    }

    #[test]
    fn the_first_that_ran_is_kept_also_if_it_was_made_later() {
        let first = server("2", "ACTIVE", Some("2026-01-01T00:01:00"), "0f3c");
        let ghost = server("1", "ACTIVE", Some("2026-01-01T00:09:00"), "0f3c");
        assert_eq!(kept(vec![ghost, first]), ("2".to_owned(), vec!["1".to_owned()]));
    }

    #[test]
    fn nothing_is_a_double_while_none_runs() {
        let (a, b) = (server("1", "BUILD", None, "0f3c"), server("2", "ERROR", None, "0f3c"));
        assert_eq!(kept(vec![b, a]), ("1".to_owned(), vec![]));
    }

    #[test]
    fn a_server_that_was_ordered_on_another_record_is_no_double() {
        let ours = server("1", "ACTIVE", None, "0f3c");
        let theirs = server("2", "ACTIVE", None, "77aa");
        let listing = Listing::new(vec![ours, theirs], &label(), Duration::ZERO);
        let ids: Vec<String> = listing.kept_ones().map(|(vm, _)| vm.to_string()).collect();
        assert_eq!(ids, ["vm-1", "vm-1@77aa"]);
        assert!(listing.doubled().is_empty());
    }

    #[test]
    fn another_fleet_is_none_of_our_business() {
        let mut theirs = server("1", "ACTIVE", None, "0f3c");
        theirs.metadata.insert(FLEET.to_owned(), "pay".to_owned());
        assert_eq!(label().id_of(&theirs), None);
        theirs.metadata.clear();
        assert_eq!(label().id_of(&theirs).unwrap().as_str(), "nova-1");
    }

    #[test]
    fn what_its_owner_wrote_into_the_metadata_are_its_labels() {
        let mut server = server("1", "ACTIVE", None, "0f3c");
        server.metadata.insert("role".to_owned(), "cron".to_owned());
        let seen = server.seen(VmId::parse("vm-1").unwrap(), None, |_| None);
        assert_eq!(seen.labels, BTreeMap::from([("role".to_owned(), "cron".to_owned())]));
    }

    #[test]
    fn the_error_of_a_guest_that_runs_is_no_death() {
        let mut server = server("1", "ERROR", None, "0f3c");
        assert_eq!(server.power_word(), Power::Stopped);
        server.power = Some(POWER_RUNNING);
        assert_eq!(server.power_word(), Power::Running);
        server.status = "ON_THE_MOON".to_owned();
        assert_eq!(server.power_word(), Power::Running);
    }

    proptest! {
        /// However they come, exactly one is kept, and nothing else than the rest is a double.
        #[test]
        fn one_is_kept_whatever_the_order(
            states in prop::collection::vec(0..4_usize, 1..6), turn in 0..6_usize,
        ) {
            let words = ["ACTIVE", "BUILD", "ERROR", "SHUTOFF"];
            let several = states.iter().enumerate().map(|(number, state)| {
                let launched = format!("2026-01-01T00:00:0{number}");
                server(&number.to_string(), words[*state], Some(&launched), "0f3c")
            });
            let mut several: Vec<Server> = several.collect();
            let straight = kept(several.clone());
            let length = several.len();
            several.rotate_left(turn % length);
            prop_assert_eq!(&kept(several), &straight);
            let active = states.iter().position(|state| *state == 0);
            if let Some(first) = active {
                prop_assert_eq!(&straight.0, &first.to_string());
                prop_assert_eq!(straight.1.len(), length - 1);
            } else {
                prop_assert!(straight.1.is_empty());
            }
        }
    }
}
