//! Looks at every target once per interval.
//!
//! One task holds the schedule; a look is a task of its own only while it is under way. So five
//! thousand targets cost five thousand entries in a tree, and a target that hangs delays nobody:
//! see `schedule` for who may go when, which is decided there without any IO.
//!
//! What was sensed goes out through a bounded channel. If whoever reads it is slow, looks wait
//! with their word in hand and keep their place in the budget, so fewer are taken and the lag
//! rises; nothing sensed is dropped.
//!
//! Invariant: nothing is sent about a target after the new list without it was taken in, but for
//! what stood in the channel already.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::clock::SharedClock;
use model::id::{Object, VmId};
use model::sample::Frame;
use model::series::{Row, is_absent};
use model::time::Time;
use model::verdict::{ProbeTarget, Verdict};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::{self, AbortHandle, JoinError, JoinSet};

use crate::findings::Subject;
use crate::gauges::{Gauges, LagMeter};
use crate::look::{Look, Refusal};
use crate::passive::{AgentError, PassiveClient, PollError, Polled};
use crate::pool::LabelPool;
use crate::probe::{Prober, Readiness};
use crate::schedule::{Rhythm, Schedule};
pub use crate::targets::{AgentTarget, ProbeAddress, ProbeSpec, ReadyCheck, ReadySpec, Targets};
use crate::watch::{Shared, WatchSpec, Watcher};

/// Looks begin on ticks: see `schedule`.
const TICK: Duration = Duration::from_millis(20);
/// So many agents are asked on one tick, if that is not too rare: about where more at once are no
/// cheaper each. Then they keep the thread for a millisecond or two, by which probes that are under
/// way look slower than they are.
const AGENTS_AT_ONCE: u32 = 20;
const LONGEST_TICK: Duration = Duration::from_millis(200);
/// The least often that an agent is asked whose machine boots. The usual interval would add itself to
/// the time in which a fleet can grow.
const AWAITED_EVERY: Duration = Duration::from_millis(500);

/// How often, how long, how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// Between two looks at one agent or application; [`ReadySpec`] names its own.
    pub interval: Duration,
    /// For a whole look; [`ReadySpec`] names its own.
    pub timeout: Duration,
    /// A quarter of them is kept for targets that timed out last time.
    pub max_in_flight: usize,
}

/// What one look brought.
#[derive(Clone, Debug, PartialEq)]
pub enum Sensed {
    /// An agent answered.
    Frame(Frame),
    /// What it told that has labels: by state, by mount point, by device.
    Split { object: Object, row: Row },
    /// An agent did not answer, or wrongly.
    AgentFault { object: Object, at: Time, error: AgentError },
    /// We could not look at an agent: nothing is known about it, so no fault may follow from it.
    Blind { object: Object, at: Time, reason: String },
    /// An application was probed; its outcome may be blind too.
    Verdict(Verdict),
    Ready {
        vm: VmId,
        assignment: u32,
        at: Time,
        /// None: we could not look.
        ready: Option<bool>,
        detail: String,
    },
    /// A canary was called: it took the connection, or refused it, or was not there.
    Canary { address: SocketAddr, at: Time, answered: bool },
    /// A data source, a check or an exporter was looked at; what it brought went its own way.
    Looked { name: String, subject: Option<Subject>, look: Look },
    /// How late looks begin, the worst of the last interval: our own doing, not the targets'.
    Lag { at: Time, worst: Duration },
}

/// Looks at `targets` until their sender or the receiver of `out` is gone. What watches measured
/// goes to `rows`.
pub async fn run(
    targets: watch::Receiver<Arc<Targets>>,
    pace: Pace,
    clock: SharedClock,
    out: mpsc::Sender<Sensed>,
    rows: mpsc::Sender<Vec<Row>>,
    gauges: Arc<Gauges>,
) {
    run_with(PassiveClient::default(), targets, pace, clock, out, rows, gauges).await;
}

/// The same, with agents asked by `client`: for what it asks, or has found out before.
pub async fn run_with(
    client: PassiveClient,
    mut targets: watch::Receiver<Arc<Targets>>,
    pace: Pace,
    clock: SharedClock,
    out: mpsc::Sender<Sensed>,
    rows: mpsc::Sender<Vec<Row>>,
    gauges: Arc<Gauges>,
) {
    let mut poller = Poller::new(Context {
        pace,
        clock,
        out: out.clone(),
        rows,
        gauges,
        client,
        shared: Shared { prober: Prober::new(), pool: LabelPool::default() },
    });
    let first = targets.borrow_and_update().clone();
    poller.aim(&first);
    loop {
        poller.start_due();
        let until_next = poller.until_next();
        tokio::select! {
            () = out.closed() => return,
            changed = targets.changed() => match changed {
                Ok(()) => {
                    let newest = targets.borrow_and_update().clone();
                    poller.aim(&newest);
                }
                Err(_) => return, // Whoever names the targets is gone: the process is shutting down.
            },
            Some(ended) = poller.looks.join_next_with_id() => poller.have_ended(ended),
            () = tokio::time::sleep(until_next) => (),
        }
    }
}

/// What is looked at, as long as it is the same thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Agent(Object),
    Probe(ProbeTarget),
    Ready(VmId, u32),
    Canary(SocketAddr),
    Watch(String),
}

/// How to look at it.
#[derive(Clone, Debug, PartialEq)]
enum Job {
    Agent(AgentTarget),
    Probe(ProbeSpec),
    Ready(ReadySpec),
    Canary(SocketAddr),
    Watch(Arc<Watch>),
}

/// A target with a watcher of its own.
#[derive(Debug)]
struct Watch {
    spec: Arc<WatchSpec>,
    /// Made at the first look. Never contended: a target is not looked at twice at once.
    watcher: Mutex<Option<Box<dyn Watcher>>>,
}

/// The same target, whatever its watcher has seen.
impl PartialEq for Watch {
    fn eq(&self, other: &Self) -> bool {
        self.spec == other.spec
    }
}

/// What each look needs.
struct Context {
    pace: Pace,
    clock: SharedClock,
    out: mpsc::Sender<Sensed>,
    rows: mpsc::Sender<Vec<Row>>,
    gauges: Arc<Gauges>,
    client: PassiveClient,
    shared: Shared,
}

struct Poller {
    context: Arc<Context>,
    /// From the epoch to the moment that the clock counts from. Looks that come seldom would be missed for up
    /// to two intervals at each restart, if their rhythm began with us.
    origin: Duration,
    schedule: Schedule<Key>,
    jobs: BTreeMap<Key, Job>,
    /// Each gives back whether it used up its whole time. Dropping them ends them.
    looks: JoinSet<bool>,
    under_way: BTreeMap<Key, AbortHandle>,
    keys: BTreeMap<task::Id, Key>,
    lag: LagMeter,
    /// The worst since it was told last, and when it is told next.
    worst_lag: Duration,
    lag_due: Duration,
}

impl Poller {
    fn new(context: Context) -> Self {
        let wall = u64::try_from(context.clock.now().millis()).unwrap_or_default();
        Self {
            origin: Duration::from_millis(wall).saturating_sub(context.clock.elapsed()),
            schedule: Schedule::new(context.pace.max_in_flight),
            context: Arc::new(context),
            jobs: BTreeMap::new(),
            looks: JoinSet::new(),
            under_way: BTreeMap::new(),
            keys: BTreeMap::new(),
            lag: LagMeter::default(),
            worst_lag: Duration::ZERO,
            lag_due: Duration::ZERO,
        }
    }

    /// Takes in a new list. Who is not in it, or is looked at otherwise now, is dropped at once.
    fn aim(&mut self, targets: &Targets) {
        let wanted = jobs(targets);
        let is_stale = |(key, job): &(&Key, &Job)| wanted.get(key) != Some(*job);
        let stale: Vec<Key> =
            self.jobs.iter().filter(is_stale).map(|(key, _)| key.clone()).collect();
        stale.iter().for_each(|key| self.drop_target(key));
        let now = self.context.clock.elapsed();
        let agents_tick = agents_tick(self.context.pace.interval, targets.agents.len());
        for (key, job) in wanted {
            if !self.jobs.contains_key(&key) {
                let every = job.every(&self.context.pace);
                let tick = if let Job::Agent(_) = job { agents_tick } else { TICK };
                let rhythm = Rhythm::of(&format!("{key:?}"), every, tick).since(self.origin, TICK);
                self.schedule.add(key.clone(), job.destination(), rhythm, now);
                self.jobs.insert(key, job);
            }
        }
        let addresses: BTreeSet<_> = targets.agents.iter().map(|agent| agent.address).collect();
        self.context.client.keep_only(&addresses);
    }

    fn drop_target(&mut self, key: &Key) {
        self.schedule.remove(key);
        if let Some(Job::Watch(watch)) = self.jobs.remove(key) {
            self.looks.spawn(end(watch, self.context.clone()));
        }
        if let Some(look) = self.under_way.remove(key) {
            look.abort();
            self.keys.remove(&look.id());
        }
    }

    fn start_due(&mut self) {
        let now = self.context.clock.elapsed();
        let mut worst = Duration::ZERO;
        for (key, lag) in self.schedule.take(now) {
            worst = worst.max(lag);
            let job = self.jobs.get(&key).expect("who is scheduled has a job").clone();
            let look = self.looks.spawn(look(job, self.context.clone()));
            self.keys.insert(look.id(), key.clone());
            self.under_way.insert(key, look);
        }
        let gauges = &self.context.gauges;
        let worst = worst.max(self.schedule.lag(now));
        self.lag.note(worst, now, gauges);
        self.tell_lag(worst, now);
        let gauges = &self.context.gauges;
        gauges.set_load(self.jobs.len(), self.schedule.suspects(), self.under_way.len());
    }

    /// Once per interval. If the channel is full the next one will tell.
    fn tell_lag(&mut self, worst: Duration, now: Duration) {
        self.worst_lag = self.worst_lag.max(worst);
        if now < self.lag_due {
            return;
        }
        self.lag_due = now + self.context.pace.interval;
        let lag = Sensed::Lag { at: self.context.clock.now(), worst: self.worst_lag };
        if self.context.out.try_send(lag).is_ok() {
            self.worst_lag = Duration::ZERO;
        }
    }

    /// One look has ended, and maybe others with it.
    fn have_ended(&mut self, first: Result<(task::Id, bool), JoinError>) {
        self.ended(first);
        while let Some(next) = self.looks.try_join_next_with_id() {
            self.ended(next);
        }
    }

    fn ended(&mut self, ended: Result<(task::Id, bool), JoinError>) {
        let (id, used_up) = ended.unwrap_or_else(|error| {
            if error.is_panic() {
                tracing::error!(%error, "a look has panicked");
            }
            (error.id(), false)
        });
        let Some(key) = self.keys.remove(&id) else { return }; // It was dropped meanwhile.
        self.under_way.remove(&key);
        let missed = self.schedule.ended(&key, used_up, self.context.clock.elapsed());
        self.context.gauges.count_missed(missed);
    }

    fn until_next(&self) -> Duration {
        let now = self.context.clock.elapsed();
        self.schedule.wake_at().map_or(Duration::MAX, |at| at.saturating_sub(now))
    }
}

/// Whole ticks. Who is there already keeps its phase when the fleet has grown.
fn agents_tick(interval: Duration, agents: usize) -> Duration {
    let agents = u32::try_from(agents).unwrap_or(u32::MAX).max(1);
    let holds_enough = interval.saturating_mul(AGENTS_AT_ONCE) / agents;
    let ticks = holds_enough.min(LONGEST_TICK).as_millis() / TICK.as_millis();
    TICK * u32::try_from(ticks).expect("the longest is a few ticks").max(1)
}

fn jobs(targets: &Targets) -> BTreeMap<Key, Job> {
    let agents = targets.agents.iter().cloned();
    let probes = targets.probes.iter().cloned();
    let ready = targets.ready.iter().cloned();
    let agents = agents.map(|agent| (Key::Agent(agent.object.clone()), Job::Agent(agent)));
    let probes = probes.map(|spec| (Key::Probe(spec.target.clone()), Job::Probe(spec)));
    let ready = ready.map(|spec| (Key::Ready(spec.vm.clone(), spec.assignment), Job::Ready(spec)));
    let canaries = targets.canaries.iter();
    let canaries = canaries.map(|address| (Key::Canary(*address), Job::Canary(*address)));
    let watches = targets.watches.iter().map(|spec| {
        let watch = Watch { spec: spec.clone(), watcher: Mutex::new(None) };
        (Key::Watch(spec.name.clone()), Job::Watch(Arc::new(watch)))
    });
    agents.chain(probes).chain(ready).chain(canaries).chain(watches).collect()
}

impl Job {
    /// Whom a look burdens: an address, or a name that stands for one.
    fn destination(&self) -> String {
        match self {
            Self::Agent(target) => target.address.to_string(),
            Self::Probe(spec) => match &spec.address {
                ProbeAddress::Socket(address) => address.to_string(),
                ProbeAddress::Resolve { host, port, family: _ } => format!("{host}:{port}"),
            },
            Self::Ready(spec) => spec.address.to_string(),
            Self::Canary(address) => address.to_string(),
            Self::Watch(watch) => watch.spec.destination.clone(),
        }
    }

    fn every(&self, pace: &Pace) -> Duration {
        match self {
            Self::Agent(target) if target.is_awaited => pace.interval.min(AWAITED_EVERY),
            Self::Agent(_) | Self::Probe(_) | Self::Canary(_) => pace.interval,
            Self::Ready(spec) => spec.every,
            Self::Watch(watch) => watch.spec.every,
        }
    }

    fn timeout(&self, pace: &Pace) -> Duration {
        match self {
            Self::Agent(_) | Self::Probe(_) | Self::Canary(_) => pace.timeout,
            Self::Ready(spec) => spec.timeout,
            Self::Watch(watch) => watch.spec.timeout,
        }
    }
}

/// One look; whether it used up its whole time.
async fn look(job: Job, context: Arc<Context>) -> bool {
    let began = context.clock.elapsed();
    let timeout = job.timeout(&context.pace);
    let sensed = match job {
        Job::Agent(target) => ask(target, &context).await,
        Job::Probe(spec) => {
            Sensed::Verdict(context.shared.prober.probe(&spec, timeout, &context.clock).await)
        }
        Job::Ready(spec) => {
            let at = context.clock.now();
            let Readiness { ready, detail } =
                context.shared.prober.ready(&spec, &context.clock).await;
            Sensed::Ready { vm: spec.vm, assignment: spec.assignment, at, ready, detail }
        }
        Job::Canary(address) => {
            let at = context.clock.now();
            Sensed::Canary { address, at, answered: answers(address, timeout).await }
        }
        Job::Watch(watch) => observe(&watch, &context).await,
    };
    let used_up = context.clock.elapsed().saturating_sub(began) >= timeout;
    context.gauges.count(&sensed);
    // If nobody listens any more, `run` sees so itself and ends.
    let _: Result<(), _> = context.out.send(sensed).await;
    used_up
}

/// What was measured goes to whoever keeps it; what follows from it goes to whoever decides.
async fn observe(watch: &Watch, context: &Context) -> Sensed {
    let WatchSpec { name, subject, timeout, source, .. } = &*watch.spec;
    let mut watcher = watch.watcher.lock().await;
    let watcher = watcher.get_or_insert_with(|| source.watcher(&context.shared));
    let mut look = watcher.look(*timeout, &context.clock).await;
    let rows = std::mem::take(&mut look.rows);
    if !rows.is_empty() {
        // If nobody keeps samples any more, the process is shutting down.
        let _: Result<(), _> = context.rows.send(rows).await;
    }
    Sensed::Looked { name: name.clone(), subject: subject.clone(), look }
}

/// Whether anything came back: to refuse a connection, somebody must be there.
async fn answers(address: SocketAddr, timeout: Duration) -> bool {
    match tokio::time::timeout(timeout, TcpStream::connect(address)).await {
        Ok(Ok(_)) => true,
        Ok(Err(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        Err(_) => false,
    }
}

/// Says that the series of a target that is looked at no longer have ended.
async fn end(watch: Arc<Watch>, context: Arc<Context>) -> bool {
    let Some(mut watcher) = watch.watcher.lock().await.take() else { return false };
    let rows = watcher.end(context.clock.now());
    if !rows.is_empty() {
        let _: Result<(), _> = context.rows.send(rows).await; // Else the process is shutting down.
    }
    false
}

fn name_losses(object: &Object, polled: &Polled) {
    for Refusal { what, why } in &polled.refused {
        tracing::debug!(%object, what, why, "an agent did not tell a figure");
    }
    for Refusal { what, why } in &polled.left_out {
        tracing::warn!(%object, what, why, "a part of a machine is not watched");
    }
}

async fn ask(target: AgentTarget, context: &Context) -> Sensed {
    let at = context.clock.now();
    let Context { pace, clock, gauges, client, .. } = context;
    match client.poll(&target, pace.timeout, clock).await {
        Ok(polled) => {
            gauges.count_losses(&polled);
            name_losses(&target.object, &polled);
            if !polled.row.values.iter().all(|value| is_absent(*value)) {
                let split = Sensed::Split { object: target.object, row: polled.row };
                let _: Result<(), _> = context.out.send(split).await; // As in `look`.
            }
            Sensed::Frame(polled.frame)
        }
        Err(PollError::Agent(error)) => Sensed::AgentFault { object: target.object, at, error },
        Err(PollError::Blind { reason }) => Sensed::Blind { object: target.object, at, reason },
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use model::clock::Clock;
    use model::metric::{LOAD1_PER_CORE, PartKind, TABLE, by_name};
    use model::verdict::Outcome;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::agent::{Figures, serve};
    use crate::look::Answer;
    use crate::parts::Parts;
    use crate::sheet::Sheet;
    use crate::watch::Source;
    use crate::watch::tests::Made;

    /// The clock of the test's runtime.
    struct TestClock(tokio::time::Instant);

    impl Clock for TestClock {
        fn now(&self) -> Time {
            Time::from_millis(i64::try_from(self.elapsed().as_millis()).unwrap())
        }

        fn elapsed(&self) -> Duration {
            self.0.elapsed()
        }
    }

    #[expect(clippy::disallowed_methods, reason = "a test makes its own clock")]
    fn clock() -> SharedClock {
        SharedClock::new(TestClock(tokio::time::Instant::now()))
    }

    impl Bench {
        /// What is said of a target; the lag is told between.
        async fn next(&mut self) -> Sensed {
            loop {
                let sensed = self.sensed.recv().await.unwrap();
                if !matches!(sensed, Sensed::Lag { .. }) {
                    return sensed;
                }
            }
        }
    }

    struct Load;

    impl Figures for Load {
        fn value(&self, key: &str) -> Result<String, String> {
            let is_load = key == by_name(LOAD1_PER_CORE).unwrap().zabbix_key;
            is_load.then(|| "0.5".to_owned()).ok_or_else(|| "Unsupported item key.".to_owned())
        }
    }

    struct Bench {
        targets: watch::Sender<Arc<Targets>>,
        sensed: mpsc::Receiver<Sensed>,
        rows: mpsc::Receiver<Vec<Row>>,
        gauges: Arc<Gauges>,
    }

    fn start(agents: Vec<AgentTarget>, timeout: Duration) -> Bench {
        start_on(of(agents), timeout)
    }

    fn start_on(targets: Targets, timeout: Duration) -> Bench {
        let interval = Duration::from_millis(20);
        start_at(targets, Pace { interval, timeout, max_in_flight: 8 })
    }

    fn start_at(targets: Targets, pace: Pace) -> Bench {
        let (targets, receiver) = watch::channel(Arc::new(targets));
        let (out, sensed) = mpsc::channel(16);
        let (rows, rows_taken) = mpsc::channel(16);
        let gauges = Arc::new(Gauges::default());
        tokio::spawn(run(receiver, pace, clock(), out, rows, gauges.clone()));
        Bench { targets, sensed, rows: rows_taken, gauges }
    }

    fn of(agents: Vec<AgentTarget>) -> Targets {
        Targets { agents, ..Targets::default() }
    }

    fn agent(name: &str, address: SocketAddr) -> AgentTarget {
        AgentTarget::new(name.parse().unwrap(), address)
    }

    async fn live_agent() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(serve(listener, "web-1".to_owned(), Arc::new(Load)));
        address
    }

    fn object(sensed: &Sensed) -> String {
        match sensed {
            Sensed::Split { object, row } => format!("{} split of {object}", row.values.len()),
            Sensed::Frame(frame) => format!("frame of {} with {:?}", frame.target, frame.values),
            Sensed::AgentFault { object, error, .. } => format!("fault of {object}: {error}"),
            Sensed::Blind { .. }
            | Sensed::Verdict(_)
            | Sensed::Ready { .. }
            | Sensed::Canary { .. }
            | Sensed::Looked { .. }
            | Sensed::Lag { .. } => panic!("{sensed:?}"),
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn the_more_agents_there_are_the_shorter_are_their_ticks() {
        let cases = [(0, 200), (100, 200), (1_000, 200), (2_000, 100), (5_000, 40), (50_000, 20)];
        for (agents, expected_ms) in cases {
            let tick = agents_tick(Duration::from_secs(10), agents);
            assert_eq!(tick.as_millis(), expected_ms, "{agents} agents");
        }
        assert_eq!(agents_tick(Duration::MAX, 1), LONGEST_TICK);
        assert_eq!(agents_tick(Duration::ZERO, usize::MAX), TICK);
    }

    #[test]
    fn whose_machine_boots_is_asked_more_often_than_the_interval_says() {
        let address = SocketAddr::from(([127, 0, 0, 1], 10_050));
        let usual = agent("vm/a", address);
        let awaited = AgentTarget { is_awaited: true, ..usual.clone() };
        let every = |target: AgentTarget, interval_s| {
            let interval = Duration::from_secs(interval_s);
            Job::Agent(target).every(&Pace { interval, timeout: LONG, max_in_flight: 1 })
        };
        assert_eq!(every(usual, 15), Duration::from_secs(15));
        assert_eq!(every(awaited.clone(), 15), AWAITED_EVERY);
        assert_eq!(every(awaited, 0), Duration::ZERO);
    }

    #[tokio::test]
    async fn a_target_is_asked_again_and_again_until_it_is_taken_off_the_list() {
        let address = live_agent().await;
        let mut bench = start(vec![agent("vm/a", address)], LONG);
        for _ in 0..3 {
            let sensed = bench.next().await;
            assert_eq!(object(&sensed), r#"frame of vm/a with {"load1_per_core": 0.5}"#);
        }
        assert!(bench.gauges.read().polls >= 3);
        let others = Sheet::of(TABLE, &Parts::default()).items.len() - 1 + PartKind::ALL.len();
        // What it has never heard of it is asked once.
        assert_eq!(bench.gauges.read().keys_unsupported, others as u64);
        bench.targets.send_replace(Arc::new(of(vec![agent("vm/b", address)])));
        // What was sent before the new list was taken in may still stand in the channel.
        while object(&bench.next().await).contains("vm/a") {}
        for _ in 0..3 {
            assert!(object(&bench.next().await).contains("vm/b"));
        }
    }

    #[tokio::test]
    async fn a_target_that_hangs_delays_nobody_and_is_never_asked_twice_at_once() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let hanging = agent("vm/hangs", silent.local_addr().unwrap());
        let mut bench = start(vec![hanging, agent("vm/a", live_agent().await)], LONG);
        let (_stream, _) = silent.accept().await.unwrap();
        for _ in 0..5 {
            assert!(object(&bench.next().await).contains("vm/a"));
        }
        tokio::select! {
            biased;
            _ = silent.accept() => panic!("it was asked again while the first question was open"),
            () = std::future::ready(()) => (),
        }
    }

    /// A program that answers by the contract, or takes each connection and says nothing.
    async fn application(answers: bool) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            let mut held = None;
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                if answers {
                    let _ = stream.read(&mut [0; 1_024]).await;
                    let page = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n200";
                    let _ = stream.write_all(page).await;
                }
                drop(held.replace(stream));
            }
        });
        address
    }

    async fn probe(name: String, answers: bool) -> ProbeSpec {
        let target = ProbeTarget::Domain { module: "shop/web".parse().unwrap(), domain: name };
        ProbeSpec {
            address: ProbeAddress::Socket(application(answers).await),
            host_header: "shop.example.com".to_owned(),
            path: "/monitor/monitor.js".to_owned(),
            target,
        }
    }

    /// Of three hundred targets a hundred hang, for as long as time passes up to `until`. Told are the looks
    /// at each, and the worst lag that was told after `settled`.
    async fn a_hundred_hang(
        max_in_flight: usize,
        settled: Time,
        until: Time,
    ) -> (BTreeMap<String, u32>, Duration) {
        let mut targets = Targets::default();
        for number in 0..300 {
            let (answers, kind) = if number % 3 == 0 { (false, "hangs") } else { (true, "well") };
            targets.probes.push(probe(format!("{kind}-{number}"), answers).await);
        }
        let (interval, timeout) = (Duration::from_secs(10), Duration::from_secs(3));
        let mut bench = start_at(targets, Pace { interval, timeout, max_in_flight });
        let (mut looks, mut worst_lag) = (BTreeMap::new(), Duration::ZERO);
        loop {
            let sensed = bench.sensed.recv().await.unwrap();
            if let Sensed::Lag { at, worst } = sensed {
                worst_lag = worst_lag.max(if at > settled { worst } else { Duration::ZERO });
                if at > until {
                    return (looks, worst_lag);
                }
            } else if let Sensed::Verdict(Verdict { outcome, target, .. }) = sensed {
                let ProbeTarget::Domain { domain, .. } = target else { panic!() };
                let is_well = matches!(outcome, Outcome::Healthy { .. });
                assert_eq!(is_well, domain.starts_with("well"), "{domain}: {outcome:?}");
                *looks.entry(domain).or_insert(0) += 1;
            }
        }
    }

    fn least(looks: &BTreeMap<String, u32>, kind: &str) -> u32 {
        let of_kind = looks.iter().filter(|(name, _)| name.starts_with(kind));
        of_kind.map(|(_, looks)| *looks).min().unwrap()
    }

    /// Time is that of the test's runtime: it passes when nobody has anything to do.
    #[tokio::test(start_paused = true)]
    async fn of_three_hundred_a_hundred_that_hang_never_make_the_others_late() {
        let (begin, minute) = (Time::default(), Time::from_millis(65_000));
        let (looks, worst_lag) = a_hundred_hang(64, begin, minute).await;
        assert!(worst_lag < Duration::from_secs(1), "{worst_lag:?}");
        assert!(looks.len() == 300 && least(&looks, "well") >= 6, "one in each interval");
        assert!(least(&looks, "hangs") > 1, "each is looked at again");
    }

    #[tokio::test(start_paused = true)]
    async fn those_known_to_hang_wait_for_each_other_alone_also_where_there_is_little_room() {
        let (settled, minutes) = (Time::from_millis(35_000), Time::from_millis(125_000));
        let (looks, worst_lag) = a_hundred_hang(24, settled, minutes).await;
        assert!(worst_lag < Duration::from_secs(1), "{worst_lag:?}");
        assert!(least(&looks, "well") >= 9, "each of them in each interval since");
    }

    #[tokio::test]
    async fn a_target_that_vanishes_while_it_is_asked_is_dropped_at_once() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut bench = start(vec![agent("vm/hangs", silent.local_addr().unwrap())], LONG);
        let (stream, _) = silent.accept().await.unwrap();
        tokio::time::pause(); // From here on a timeout comes at once, if nothing else does.
        bench.targets.send_replace(Arc::default());
        closed(stream).await;
        while let Ok(sensed) = bench.sensed.try_recv() {
            assert!(matches!(sensed, Sensed::Lag { .. }), "it was asked to its end");
        }
    }

    #[tokio::test]
    async fn a_timeout_makes_a_suspect_and_an_answer_clears_it() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = silent.local_addr().unwrap();
        let mut bench = start(vec![agent("vm/a", address)], Duration::from_millis(50));
        let fault = object(&bench.next().await);
        assert_eq!(fault, "fault of vm/a: no answer within 50ms");
        tokio::spawn(serve(silent, "web-1".to_owned(), Arc::new(Load)));
        while !object(&bench.next().await).starts_with("frame") {}
        assert!(bench.gauges.read().faults[&crate::gauges::Fault::TimedOut] >= 1);
    }

    #[tokio::test]
    async fn it_ends_when_nobody_names_targets_or_nobody_listens() {
        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        for drop_targets in [true, false] {
            let Bench { targets, sensed, gauges, .. } =
                start(vec![agent("vm/hangs", silent.local_addr().unwrap())], LONG);
            let (stream, _) = silent.accept().await.unwrap();
            tokio::time::pause();
            if drop_targets {
                drop(targets)
            } else {
                drop(sensed)
            }
            closed(stream).await;
            assert_eq!(gauges.read().polls, 0, "it was asked to its end");
            tokio::time::resume();
        }
    }

    /// Returns once the other end has closed.
    async fn closed(mut stream: TcpStream) {
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.unwrap();
    }

    #[tokio::test]
    async fn a_watcher_remembers_between_looks_and_its_series_end_with_it() {
        let spec = WatchSpec {
            name: "made".to_owned(),
            subject: None,
            destination: "here".to_owned(),
            every: Duration::from_millis(5),
            timeout: LONG,
            source: Source::Made(Made { name: "a", looks: 0 }),
        };
        let mut bench =
            start_on(Targets { watches: vec![Arc::new(spec)], ..Targets::default() }, LONG);
        for look in 1..=3 {
            let Sensed::Looked { name, look: seen, .. } = bench.next().await else { panic!() };
            assert_eq!((name.as_str(), &seen.answer), ("made", &Answer::Up));
            assert_eq!(bench.rows.recv().await.unwrap()[0].values, [f64::from(look)]);
        }
        bench.targets.send_replace(Arc::default());
        loop {
            let rows = bench.rows.recv().await.unwrap();
            if model::series::is_stale(rows[0].values[0]) {
                return;
            }
        }
    }
}
