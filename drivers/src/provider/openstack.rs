//! VMs of an OpenStack cloud: Keystone for the token, Nova for servers, Placement for room.
//!
//! Nova has no client token: the same order twice makes two servers, and names are not unique. So each
//! server bears, in its metadata, whose it is (the fleet, and on whose record it was ordered) and which VM.
//! Before a server is ordered, the list of ours is walked; what is there already is adopted. If the order
//! was sent before and nobody knows what came of it, it is sent again only when complete lists have
//! lacked it for `settle`. Even so a request that everybody had given up may still be carried out later.
//! Of two servers for one VM, the first that became ACTIVE is kept and the other destroyed, whenever they
//! are seen: exact finally, and at most one too many for each order that was sent again.
//!
//! A server that ends in ERROR while it is made is destroyed, because it counts against the quota, and
//! why is told apart: the quota, no host with room, or a fault. One that stays in BUILD is destroyed at
//! `build_timeout`. ERROR of a server that runs (a migration that failed) is no death.
//!
//! Everything is asked with compute microversion 2.53 (Pike, 2017), which all clouds since then answer:
//! tags at creation came with 2.52, hypervisors with their servers with 2.53; and nothing newer is
//! needed. Hosts are known by name if the credential (or that of `topology`) may list hypervisors, and
//! else by `hostId`, which tells only which of our own VMs share a host.
//!
//! It starts no program: guests get `user_data` as it is, and a deployer does the rest.
//!
//! Invariants: a list is complete only if all its pages came from one walk; only servers of our fleet are
//! destroyed; a server that was ordered on another record is no double and is not adopted by an order, so
//! that two brains whose fleets have one name do not take each other's VMs for their own.

mod answer;
mod room;
mod server;
mod session;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hyper::Method;
use model::clock::SharedClock;
use model::id::{FlavorId, HostId, SwitchId, VmId};
use model::unit::Span;
use scaler::hands::{Answer, CreateOrder, HandError, Provider, Shortage, Sighting};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Mutex, Semaphore};
use tokio::time::sleep;

use self::answer::Refusal;
use self::room::Surroundings;
use self::server::{Label, Listing};
use self::session::{Service, Session};
use super::Ground;
use crate::channel::{Problem, Text};

/// How long an order may take to be answered. A healthy cloud under load takes twenty seconds.
const ORDER_PATIENCE: Duration = Duration::from_secs(60);
/// Orders on their way at once; more are not faster, and each holds a worker of the API.
const ORDERS_AT_ONCE: usize = 8;
/// Between the end of a list and the begin of the next, or as long as the last one took if that is
/// longer.
const LIST_REST: Duration = Duration::from_secs(1);
/// The same while orders are under way. Nova asks Neutron for the ports and security groups of each
/// server it lists, and Neutron is what the orders wait for, too.
const LIST_REST_WHILE_ORDERING: Duration = Duration::from_secs(5);
/// A server that was accepted and is in no list after this long may be there or not.
const LISTED_WITHIN: Duration = Duration::from_secs(30);
/// How long a destroyed server may take to be gone.
const DESTROY_PATIENCE: Duration = Duration::from_secs(90);
/// A destruction that was not carried out by then is asked for again.
const ASK_AGAIN: Duration = Duration::from_secs(20);
/// Between two looks at a server that is made or destroyed; it grows.
const FIRST_LOOK: Duration = Duration::from_secs(1);
const LONGEST_LOOK: Duration = Duration::from_secs(5);
/// The largest `user_data` that Nova takes, in bytes before its encoding.
const MAX_USER_DATA: usize = 48 << 10;
/// A tag of Nova has at most 60 characters; so many are left for the name of the fleet.
const MAX_FLEET: usize = 40;

/// VMs of an OpenStack cloud.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenstackSettings {
    pub name: String,
    /// Keystone: `https://cloud.example:5000/v3`.
    pub auth_url: String,
    /// An application credential with the role `member`; may hold `${env:NAME}` or `${file:PATH}`.
    pub credential_id: Text,
    /// A reference: `${env:NAME}` or `${file:PATH}`.
    pub credential_secret: Text,
    /// If it is left out, the first endpoint of the catalog is taken.
    pub region: Option<String>,
    /// Which addresses of the catalog are used.
    #[serde(default)]
    pub interface: Interface,
    /// Another credential that may list hypervisors and ask Placement, for the names of hosts and the
    /// room on them. Without one ours is tried.
    pub topology: Option<OpenstackCredential>,
    /// The id of the image that VMs boot from.
    pub image: String,
    /// Ids of networks.
    pub networks: Vec<String>,
    /// The network, by its name, whose address of a server is taken; the first if left out.
    pub address_of: Option<String>,
    #[serde(default)]
    pub security_groups: Vec<String>,
    pub key_pair: Option<String>,
    pub availability_zone: Option<String>,
    /// A file for cloud-init, relative to the main file: it brings the agent up.
    pub user_data: Option<PathBuf>,
    /// What each of our flavors is called there: a name or an id.
    pub flavors: BTreeMap<FlavorId, String>,
    /// The switches that hosts hang on, by host.
    #[serde(default)]
    pub switches: BTreeMap<HostId, SwitchId>,
    /// Where the agent of each VM answers.
    #[serde(default = "agent_port")]
    pub agent_port: u16,
    /// Where the program of each VM answers.
    #[serde(default = "app_port")]
    pub app_port: u16,
    /// A server that is not ACTIVE by then is destroyed, and ordered anew.
    #[serde(default = "build_timeout")]
    pub build_timeout: Span,
    /// An order of which nobody knows what came of it is sent again when lists have lacked it for so
    /// long.
    #[serde(default = "settle")]
    pub settle: Span,
}

/// An application credential.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenstackCredential {
    pub credential_id: Text,
    /// A reference: `${env:NAME}` or `${file:PATH}`.
    pub credential_secret: Text,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Interface {
    #[default]
    Public,
    Internal,
    Admin,
}

/// A provider of VMs of OpenStack.
#[derive(Debug)]
pub struct OpenstackProvider {
    settings: OpenstackSettings,
    /// Whose the servers are.
    label: Label,
    user_data: Option<String>,
    clock: SharedClock,
    session: Session,
    surroundings: Surroundings,
    orders: Semaphore,
    /// The newest list with the time of its end, and who walks it now.
    board: Mutex<Option<(Arc<Listing>, Duration)>>,
    /// Orders that are open, and of which the last try surely made nothing.
    untouched: Mutex<BTreeSet<VmId>>,
}

/// Whether somebody waits for a list to give an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Haste {
    AnOrderWaits,
    CanWait,
}

impl OpenstackSettings {
    pub(super) fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        let mut texts = vec![
            ("credential_id", &mut self.credential_id),
            ("credential_secret", &mut self.credential_secret),
        ];
        if let Some(topology) = &mut self.topology {
            texts.push(("topology.credential_id", &mut topology.credential_id));
            texts.push(("topology.credential_secret", &mut topology.credential_secret));
        }
        texts
    }

    /// Makes the provider. Nobody is reached.
    pub fn open(&self, ground: &Ground) -> Result<OpenstackProvider, Problem> {
        self.check(&ground.fleet)?;
        let session = |id: &Text, secret: &Text| {
            let login = (id.value().to_owned(), secret.value().to_owned());
            Session::new(self, login, ground).ok_or_else(|| {
                Problem::new("auth_url", "is no address; write https://host:5000/v3")
            })
        };
        let own = session(&self.credential_id, &self.credential_secret)?;
        let other = self.topology.as_ref();
        let other = other.map(|login| session(&login.credential_id, &login.credential_secret));
        Ok(OpenstackProvider {
            label: Label { fleet: ground.fleet.clone() },
            user_data: self.read_user_data(ground)?,
            clock: ground.clock.clone(),
            session: own,
            surroundings: Surroundings::new(other.transpose()?),
            orders: Semaphore::new(ORDERS_AT_ONCE),
            board: Mutex::default(),
            untouched: Mutex::default(),
            settings: self.clone(),
        })
    }

    fn check(&self, fleet: &str) -> Result<(), Problem> {
        self.credential_secret.must_be_reference("credential_secret")?;
        if let Some(topology) = &self.topology {
            topology.credential_secret.must_be_reference("topology.credential_secret")?;
        }
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        if fleet.is_empty() || fleet.len() > MAX_FLEET || !fleet.chars().all(is_plain) {
            let message = format!(
                "servers are tagged with the name of the fleet, and {fleet:?} is no tag; write 1 to \
                 {MAX_FLEET} of a-z A-Z 0-9 . _ - as fleet"
            );
            return Err(Problem::new("name", message));
        }
        if self.flavors.is_empty() {
            return Err(Problem::new("flavors", "is empty; write small: m1.small"));
        }
        if self.networks.is_empty() {
            return Err(Problem::new("networks", "is empty; write the id of a network"));
        }
        if self.build_timeout.0 < Duration::from_secs(10) {
            return Err(Problem::new("build_timeout", "write at least 10s; 5m is usual"));
        }
        Ok(())
    }

    fn read_user_data(&self, ground: &Ground) -> Result<Option<String>, Problem> {
        let Some(path) = &self.user_data else { return Ok(None) };
        let path = ground.folder.join(path);
        let wrong = |what: String| Problem::new("user_data", what);
        let data = std::fs::read(&path)
            .map_err(|error| wrong(format!("{} cannot be read: {error}", path.display())))?;
        if data.len() > MAX_USER_DATA {
            let size = data.len();
            return Err(wrong(format!("{size} bytes; Nova takes at most {MAX_USER_DATA}")));
        }
        Ok(Some(BASE64.encode(data)))
    }
}

impl OpenstackProvider {
    /// A list that was begun after this call. Those who ask while one is walked share the next.
    async fn listing(&self, haste: Haste) -> Result<Arc<Listing>, HandError> {
        let wanted = self.clock.elapsed();
        let mut board = self.board.lock().await;
        if let Some((last, ended)) = board.as_ref() {
            if last.began >= wanted {
                return Ok(last.clone());
            }
            if haste == Haste::CanWait {
                let rest = ended.saturating_sub(last.began).max(self.least_rest());
                sleep((*ended + rest).saturating_sub(self.clock.elapsed())).await;
            }
        }
        let began = self.clock.elapsed();
        let servers = server::walk(&self.session, &self.label).await?;
        let listing = Arc::new(Listing::new(servers, &self.label, began));
        *board = Some((listing.clone(), self.clock.elapsed()));
        Ok(listing)
    }

    fn least_rest(&self) -> Duration {
        let is_ordering = self.orders.available_permits() < ORDERS_AT_ONCE;
        if is_ordering { LIST_REST_WHILE_ORDERING } else { LIST_REST }
    }

    async fn make(&self, order: &CreateOrder) -> Result<(), HandError> {
        let listing = self.listing(Haste::AnOrderWaits).await?;
        let listing = if order.again { self.settled(&order.vm, listing).await? } else { listing };
        if let Some(other) = listing.kept(&order.vm).filter(|kept| !kept.is_of(&order.origin)) {
            let why = format!("a server of another brain bears its name: {}", other.id);
            return Err(HandError::Refused(why));
        }
        let began = self.clock.elapsed();
        if listing.of(&order.vm).is_empty() {
            self.order(order).await?;
        }
        self.untouched.lock().await.remove(&order.vm);
        self.see_through(order, began).await
    }

    /// An order that may have been carried out is sent again only when lists have lacked for long enough
    /// what it would have made. That is waited for here: an answer that nobody knows yet would count as
    /// one more failure. Gives back the newest list.
    async fn settled(&self, vm: &VmId, first: Arc<Listing>) -> Result<Arc<Listing>, HandError> {
        let until = first.began + self.settings.settle.0;
        let mut listing = first;
        while listing.of(vm).is_empty()
            && listing.began < until
            && !self.untouched.lock().await.contains(vm)
        {
            let left = until.saturating_sub(self.clock.elapsed());
            sleep(left.min(LONGEST_LOOK)).await;
            listing = self.listing(Haste::CanWait).await?;
        }
        Ok(listing)
    }

    /// Sends the order. After an error that leaves no doubt, it may be sent again at once.
    async fn order(&self, order: &CreateOrder) -> Result<(), HandError> {
        let _permit = self.orders.acquire().await;
        self.untouched.lock().await.remove(&order.vm);
        let sent = self.send_order(order).await;
        let is_sure = matches!(sent, Err(HandError::Failed(_) | HandError::NoCapacity { .. }));
        if is_sure {
            self.untouched.lock().await.insert(order.vm.clone());
        }
        sent
    }

    async fn send_order(&self, order: &CreateOrder) -> Result<(), HandError> {
        let body = self.order_body(order).await?;
        let (service, path) = (Service::Compute, "/servers");
        let answer = self.session.call(service, Method::POST, path, &body, ORDER_PATIENCE).await?;
        match answer.refusal() {
            None => Ok(()),
            Some(refusal) => Err(refused(refusal, &order.flavor)),
        }
    }

    async fn order_body(&self, order: &CreateOrder) -> Result<String, HandError> {
        let size = self.surroundings.size(&self.session, &self.settings, &order.flavor).await?;
        let networks = self.settings.networks.iter().map(|id| json!({"uuid": id}));
        let networks: Vec<Value> = networks.collect();
        let mut server = json!({
            "name": self.label.name(&order.vm),
            "flavorRef": size.id,
            "imageRef": self.settings.image,
            "networks": networks,
            "tags": [self.label.tag()],
            "metadata": self.label.metadata(order),
        });
        let settings = &self.settings;
        let groups = settings.security_groups.iter().map(|name| json!({"name": name}));
        let groups: Vec<Value> = groups.collect();
        let more = [
            ("security_groups", (!groups.is_empty()).then(|| Value::from(groups))),
            ("key_name", settings.key_pair.clone().map(Value::from)),
            ("availability_zone", settings.availability_zone.clone().map(Value::from)),
            ("user_data", self.user_data.clone().map(Value::from)),
        ];
        for (key, value) in more {
            if let Some(value) = value {
                server[key] = value;
            }
        }
        Ok(json!({"server": server}).to_string())
    }

    /// Waits until the server runs, and clears away what does not.
    async fn see_through(&self, order: &CreateOrder, began: Duration) -> Result<(), HandError> {
        let (vm, timeout) = (&order.vm, self.settings.build_timeout);
        let (mut pause, mut unexplained) = (FIRST_LOOK, 0);
        loop {
            let listing = self.listing(Haste::CanWait).await?;
            let waited = self.clock.elapsed().saturating_sub(began);
            let servers = listing.of(vm);
            self.destroy_doubles(&listing, vm).await;
            match listing.kept(vm) {
                Some(kept) if kept.is_usable() => return Ok(()),
                // The fault is written a moment after the status.
                Some(kept) if kept.has_failed() && kept.fault().is_none() && unexplained < 2 => {
                    unexplained += 1;
                }
                Some(kept) if kept.has_failed() => {
                    let why = kept.fault().unwrap_or("ERROR, without a word why").to_owned();
                    self.clear_away(vm, &listing).await?;
                    return Err(refused(answer::fault(&why), &order.flavor));
                }
                Some(_) if waited > timeout.0 => {
                    self.clear_away(vm, &listing).await?;
                    let why = format!("still being built after {timeout}; destroyed");
                    return Err(HandError::Failed(why));
                }
                None if servers.is_empty() && waited > LISTED_WITHIN => {
                    let why = format!("accepted, and not listed after {LISTED_WITHIN:?}");
                    return Err(HandError::Unclear(why));
                }
                Some(_) | None => {}
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_LOOK);
        }
    }

    /// Destroys what was made in vain, so that it holds no quota and nothing is left of it.
    async fn clear_away(&self, vm: &VmId, listing: &Listing) -> Result<(), HandError> {
        for server in listing.of(vm) {
            self.delete(&server.id).await?;
        }
        self.wait_until_gone(vm).await?;
        self.untouched.lock().await.insert(vm.clone());
        Ok(())
    }

    /// Of several servers for one VM all but one are destroyed. What does not succeed is tried again
    /// at the next look.
    async fn destroy_doubles(&self, listing: &Listing, vm: &VmId) {
        for double in listing.doubles(vm) {
            tracing::warn!(%vm, server = %double.id, "a second server for one VM; destroying it");
            if let Err(error) = self.delete(&double.id).await {
                tracing::warn!(%vm, server = %double.id, %error, "not destroyed");
            }
        }
    }

    async fn delete(&self, id: &str) -> Result<(), HandError> {
        let path = format!("/servers/{id}");
        let (service, patience) = (Service::Compute, session::READ_PATIENCE);
        let answer = self.session.call(service, Method::DELETE, &path, "", patience).await?;
        match answer.refusal() {
            None => Ok(()),
            Some(_) if answer.status == 404 => Ok(()),
            // Locked, or busy with something else: that passes.
            Some(refusal) => Err(HandError::Failed(format!("not destroyed: {}", refusal.words()))),
        }
    }

    async fn remove(&self, vm: &VmId) -> Result<(), HandError> {
        let listing = self.listing(Haste::AnOrderWaits).await?;
        for server in listing.of(vm) {
            self.delete(&server.id).await?;
        }
        if listing.of(vm).is_empty() { Ok(()) } else { self.wait_until_gone(vm).await }
    }

    /// Until no list has it any more.
    async fn wait_until_gone(&self, vm: &VmId) -> Result<(), HandError> {
        let began = self.clock.elapsed();
        let mut asked = began;
        let mut pause = FIRST_LOOK / 2;
        loop {
            let listing = self.listing(Haste::CanWait).await?;
            let left = listing.of(vm);
            let now = self.clock.elapsed();
            if left.is_empty() {
                return Ok(());
            }
            if now.saturating_sub(began) > DESTROY_PATIENCE {
                return Err(HandError::TimedOut(DESTROY_PATIENCE));
            }
            if now.saturating_sub(asked) > ASK_AGAIN {
                asked = now;
                for server in left {
                    self.delete(&server.id).await?;
                }
            }
            sleep(pause).await;
            pause = (pause * 3 / 2).min(LONGEST_LOOK);
        }
    }

    async fn look(&self) -> Result<Sighting, HandError> {
        let listing = self.listing(Haste::CanWait).await?;
        let doubled: BTreeSet<VmId> = listing.doubled();
        for vm in &doubled {
            self.destroy_doubles(&listing, vm).await;
        }
        let seen = self.surroundings.look(&self.session, &self.settings, &self.clock).await;
        let vms = listing.kept_ones().map(|(id, server)| {
            let host = seen.host_of(server);
            server.seen(id.clone(), host, |server| self.addresses(server))
        });
        let vms = vms.collect();
        Ok(Sighting { complete: true, hosts: seen.hosts, vms, quotas: seen.quotas })
    }

    fn addresses(&self, server: &server::Server) -> Option<model::vm::Addresses> {
        let ip: IpAddr = server.address(self.settings.address_of.as_deref())?;
        Some(model::vm::Addresses {
            agent: (ip, self.settings.agent_port).into(),
            app: (ip, self.settings.app_port).into(),
        })
    }
}

impl Provider for OpenstackProvider {
    fn name(&self) -> &str {
        &self.settings.name
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

/// What the planner is told of a refusal.
fn refused(refusal: Refusal, flavor: &FlavorId) -> HandError {
    let short =
        |shortage, detail| HandError::NoCapacity { flavor: flavor.clone(), shortage, detail };
    match refusal {
        Refusal::Quota(words) => short(Shortage::Quota, words),
        Refusal::NoRoom(words) => short(Shortage::Room, words),
        Refusal::Wrong(words) => HandError::Refused(words),
        Refusal::Later(words) => HandError::Failed(words),
        Refusal::Unclear(words) => HandError::Unclear(words),
    }
}

fn agent_port() -> u16 {
    10050
}
fn app_port() -> u16 {
    8080
}
fn build_timeout() -> Span {
    Span::secs(300)
}
fn settle() -> Span {
    Span::secs(60)
}
