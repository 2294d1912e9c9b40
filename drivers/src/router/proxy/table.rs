//! Who gets which request: domains, upstreams, and what each of them is busy with.
//!
//! One lock holds it all, and is held only to choose or to change. Choosing an upstream and
//! counting the request as under way happen under the same lock as the change of a routing: so
//! once a change is through, each request to a VM that was taken out is already counted, and
//! whoever waits for that count to reach zero waits for all of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use model::clock::SharedClock;
use model::id::{ModuleId, VmId};
use scaler::hands::{RouterReport, Routing, Stamp, UpstreamReport};

use super::StaleRouting;
use super::body::RequestBody;

/// How long an upstream that just failed is tried last.
const BRAKE: Duration = Duration::from_secs(2);

/// How long a connection is tried to be made.
const CONNECT_PATIENCE: Duration = Duration::from_secs(2);

/// How long an idle connection is kept. Servers close theirs after a few seconds, and a request
/// that crosses such a close is lost.
const IDLE_PATIENCE: Duration = Duration::from_secs(1);

/// The largest head of an answer, in bytes, with what is read ahead of it.
const MAX_BUFFER_BYTES: usize = 64 << 10;

#[derive(Debug)]
pub(super) struct Table {
    clock: SharedClock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    stamp: Stamp,
    domains: BTreeMap<String, ModuleId>,
    groups: BTreeMap<ModuleId, Group>,
    /// Taken out of the routing, but still serving something.
    leaving: Vec<Arc<Upstream>>,
}

#[derive(Debug, Default)]
struct Group {
    upstreams: Vec<Arc<Upstream>>,
    /// Whose turn it is among those that are equally busy.
    turn: usize,
}

/// One VM at one address. It has connections of its own, so that they go when it goes.
#[derive(Debug)]
struct Upstream {
    vm: VmId,
    address: SocketAddr,
    client: Client<HttpConnector, RequestBody>,
    in_flight: AtomicU32,
    served: AtomicU64,
    failed: AtomicU64,
    failed_in_a_row: AtomicU32,
    /// When it failed last, in milliseconds of [`SharedClock::elapsed`].
    failed_at_ms: AtomicU64,
}

/// One request under way to one upstream; it is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Lease {
    upstream: Arc<Upstream>,
    clock: SharedClock,
}

/// Why nobody can take a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoUpstream {
    UnknownDomain,
    /// There is none, or all have been tried.
    NoneLeft,
}

impl Table {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, state: Mutex::default() }
    }

    pub(super) fn apply(&self, routing: &Routing) -> Result<(), StaleRouting> {
        let mut state = self.state();
        state.check(routing.stamp())?;
        state.follow(routing);
        Ok(())
    }

    pub(super) fn check(&self, stamp: Stamp) -> Result<(), StaleRouting> {
        self.state().check(stamp)
    }

    pub(super) fn report(&self) -> RouterReport {
        let mut state = self.state();
        state.leaving.retain(|upstream| upstream.in_flight.load(Relaxed) > 0);
        let Stamp { epoch, generation } = state.stamp;
        let mut report = RouterReport { epoch, generation, ..RouterReport::default() };
        for upstream in state.all() {
            let sum = report.upstreams.entry(upstream.vm.clone()).or_default();
            upstream.add_to(sum);
        }
        report
    }

    /// Chooses an upstream for a domain, other than those already tried: one that has not just
    /// failed, then the least busy, then in turn.
    pub(super) fn pick(&self, domain: &str, tried: &[VmId]) -> Result<Lease, NoUpstream> {
        let now_ms = self.now_ms();
        let mut state = self.state();
        let State { domains, groups, .. } = &mut *state;
        let module = domains.get(domain).ok_or(NoUpstream::UnknownDomain)?;
        let group = groups.get_mut(module).ok_or(NoUpstream::NoneLeft)?;
        let count = group.upstreams.len();
        let in_turn = (0..count).map(|step| (group.turn + step) % count);
        let chosen = in_turn
            .filter(|index| !tried.contains(&group.upstreams[*index].vm))
            .min_by_key(|index| group.upstreams[*index].preference(now_ms));
        let chosen = chosen.ok_or(NoUpstream::NoneLeft)?;
        group.turn = chosen + 1;
        let upstream = Arc::clone(&group.upstreams[chosen]);
        upstream.in_flight.fetch_add(1, Relaxed);
        Ok(Lease { upstream, clock: self.clock.clone() })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nobody panics while holding it")
    }

    fn now_ms(&self) -> u64 {
        in_millis(self.clock.elapsed())
    }
}

impl State {
    fn check(&self, stamp: Stamp) -> Result<(), StaleRouting> {
        let in_force = self.stamp;
        if stamp < in_force { Err(StaleRouting { in_force }) } else { Ok(()) }
    }

    fn follow(&mut self, routing: &Routing) {
        let mut known: BTreeMap<_, _> = self.all().map(|up| (up.place(), Arc::clone(up))).collect();
        let mut groups = BTreeMap::new();
        let mut domains = BTreeMap::new();
        for (module, route) in &routing.modules {
            for domain in &route.domains {
                domains.entry(domain.clone()).or_insert_with(|| module.clone());
            }
            let places = route.upstreams.iter().map(|(vm, address)| (vm.clone(), *address));
            let upstreams = places.map(|place| match known.remove(&place) {
                Some(upstream) => upstream,
                None => Arc::new(Upstream::new(place)),
            });
            groups.insert(module.clone(), Group { upstreams: upstreams.collect(), turn: 0 });
        }
        // Those that serve nothing go at once, and their idle connections with them.
        let leaving = known.into_values().filter(|up| up.in_flight.load(Relaxed) > 0).collect();
        *self = Self { stamp: routing.stamp(), domains, groups, leaving };
    }

    fn all(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.groups.values().flat_map(|group| &group.upstreams).chain(&self.leaving)
    }
}

impl Upstream {
    fn new((vm, address): (VmId, SocketAddr)) -> Self {
        Self {
            vm,
            address,
            client: client(),
            in_flight: AtomicU32::new(0),
            served: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failed_in_a_row: AtomicU32::new(0),
            failed_at_ms: AtomicU64::new(0),
        }
    }

    fn place(&self) -> (VmId, SocketAddr) {
        (self.vm.clone(), self.address)
    }

    /// The smaller, the better.
    fn preference(&self, now_ms: u64) -> (bool, u32) {
        let since_ms = now_ms.saturating_sub(self.failed_at_ms.load(Relaxed));
        let has_failed = self.failed_in_a_row.load(Relaxed) > 0;
        (has_failed && since_ms < in_millis(BRAKE), self.in_flight.load(Relaxed))
    }

    /// A VM may be there twice, leaving at one address and serving at another.
    fn add_to(&self, sum: &mut UpstreamReport) {
        sum.in_flight += self.in_flight.load(Relaxed);
        sum.served += self.served.load(Relaxed);
        sum.failed += self.failed.load(Relaxed);
        sum.failed_in_a_row = sum.failed_in_a_row.max(self.failed_in_a_row.load(Relaxed));
    }
}

impl Lease {
    pub(super) fn vm(&self) -> &VmId {
        &self.upstream.vm
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.upstream.address
    }

    pub(super) fn client(&self) -> &Client<HttpConnector, RequestBody> {
        &self.upstream.client
    }

    /// The head of an answer came.
    pub(super) fn answered(&self) {
        self.upstream.served.fetch_add(1, Relaxed);
        self.upstream.failed_in_a_row.store(0, Relaxed);
    }

    /// It could not be reached, or broke off, or took too long.
    pub(super) fn failed(&self) {
        self.upstream.failed_at_ms.store(in_millis(self.clock.elapsed()), Relaxed);
        self.upstream.failed.fetch_add(1, Relaxed);
        self.upstream.failed_in_a_row.fetch_add(1, Relaxed);
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.upstream.in_flight.fetch_sub(1, Relaxed);
    }
}

fn client() -> Client<HttpConnector, RequestBody> {
    let mut connector = HttpConnector::new();
    connector.set_connect_timeout(Some(CONNECT_PATIENCE));
    connector.set_nodelay(true);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_PATIENCE)
        .http1_max_buf_size(MAX_BUFFER_BYTES)
        .build(connector)
}

fn in_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::clock::Clock;
    use model::time::Time;
    use scaler::hands::Route;

    /// A clock that is stepped by hand.
    #[derive(Clone, Default)]
    struct HandClock(Arc<AtomicU64>);

    impl Clock for HandClock {
        fn now(&self) -> Time {
            Time::default()
        }

        fn elapsed(&self) -> Duration {
            Duration::from_millis(self.0.load(Relaxed))
        }
    }

    fn routing(generation: u64, vms: &[&str]) -> Routing {
        let address = SocketAddr::from(([127, 0, 0, 1], 1));
        let vm = |name: &&str| (VmId::parse(name).unwrap(), address);
        let route = Route {
            domains: vec!["shop.test".to_owned()],
            upstreams: vms.iter().map(vm).collect(),
        };
        let modules = [(ModuleId::parse("shop/web").unwrap(), route)].into();
        Routing { generation, modules, ..Routing::default() }
    }

    fn table(vms: &[&str]) -> (Table, HandClock) {
        let clock = HandClock::default();
        let table = Table::new(SharedClock::new(clock.clone()));
        table.apply(&routing(1, vms)).unwrap();
        (table, clock)
    }

    fn picked(table: &Table) -> String {
        table.pick("shop.test", &[]).unwrap().vm().to_string()
    }

    #[test]
    fn the_idle_take_turns_and_the_busy_wait() {
        let (table, _) = table(&["a", "b", "c"]);
        assert_eq!([(); 4].map(|()| picked(&table)), ["a", "b", "c", "a"]);
        let _busy = table.pick("shop.test", &[]).unwrap();
        assert_eq!([(); 4].map(|()| picked(&table)), ["c", "a", "c", "a"]);
    }

    #[test]
    fn one_that_failed_is_tried_last_for_a_while_but_never_left_out() {
        let (table, clock) = table(&["a", "b"]);
        table.pick("shop.test", &[]).unwrap().failed();
        assert_eq!([(); 3].map(|()| picked(&table)), ["b", "b", "b"]);
        let b = VmId::parse("b").unwrap();
        assert_eq!(table.pick("shop.test", &[b]).unwrap().vm().as_str(), "a");
        clock.0.store(2_000, Relaxed);
        assert_eq!([(); 2].map(|()| picked(&table)), ["b", "a"]);
    }

    #[test]
    fn one_that_is_taken_out_is_reported_until_it_has_finished() {
        let (table, _) = table(&["a"]);
        let lease = table.pick("shop.test", &[]).unwrap();
        table.apply(&routing(2, &["b"])).unwrap();
        let a = VmId::parse("a").unwrap();
        assert_eq!(table.report().upstreams[&a].in_flight, 1);
        assert_eq!([(); 2].map(|()| picked(&table)), ["b", "b"]);
        drop(lease);
        assert!(!table.report().upstreams.contains_key(&a));
    }

    #[test]
    fn one_that_is_taken_out_idle_goes_with_its_connections() {
        let (table, _) = table(&["a"]);
        let upstream = Arc::downgrade(&table.pick("shop.test", &[]).unwrap().upstream);
        table.apply(&routing(2, &[])).unwrap();
        assert!(upstream.upgrade().is_none());
    }

    #[test]
    fn what_an_upstream_did_survives_the_next_routing() {
        let (table, _) = table(&["a"]);
        table.pick("shop.test", &[]).unwrap().answered();
        table.apply(&routing(1, &["a", "b"])).unwrap();
        assert_eq!(table.report().upstreams[&VmId::parse("a").unwrap()].served, 1);
    }

    #[test]
    fn an_older_routing_is_refused_and_changes_nothing() {
        let (table, _) = table(&["a"]);
        table.apply(&routing(5, &["a"])).unwrap();
        let stale = table.apply(&routing(4, &["b"]));
        assert_eq!(stale, Err(StaleRouting { in_force: Stamp { epoch: 0, generation: 5 } }));
        assert_eq!(picked(&table), "a");
    }

    #[test]
    fn a_later_reign_beats_any_generation_of_an_earlier_one() {
        let (table, _) = table(&["a"]);
        table.apply(&routing(900, &["a"])).unwrap();
        table.apply(&Routing { epoch: 1, ..routing(3, &["b"]) }).unwrap();
        assert_eq!(picked(&table), "b");
        assert!(table.apply(&routing(901, &["a"])).is_err());
    }

    #[test]
    fn nobody_to_ask_is_told_apart_from_an_unknown_domain() {
        let (table, _) = table(&[]);
        assert_eq!(table.pick("shop.test", &[]).unwrap_err(), NoUpstream::NoneLeft);
        assert_eq!(table.pick("else.test", &[]).unwrap_err(), NoUpstream::UnknownDomain);
    }
}
