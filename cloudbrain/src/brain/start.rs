//! Puts a brain together: files, store, what a former brain left behind, hands, senses.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use alerter::hands::Channel;
use anyhow::{Context as _, anyhow};
use availability::Ledger;
use collector::active::Directory;
use collector::gauges::Gauges;
use collector::poller::{Pace, Targets};
use collector::prometheus::discovery::Brake;
use collector::prometheus::http::TlsRoots;
use drivers::channel::{ChannelSpec, Ground, Trust};
use drivers::deployer::process::ProcessDeployer;
use drivers::provider::process::{ProcessConfig, ProcessFlavor, ProcessHost, ProcessProvider};
use model::clock::SharedClock;
use model::id::{ModuleId, Object, VmId};
use model::series::{METRIC_NAME, MatchOp, Matcher, Row};
use model::time::Time;
use model::vm::Addresses;
use samples::Samples;
use scaler::hands::{Origin, Router, Routing};
use serde::de::DeserializeOwned;
use store::{Opened, Remembered, Store};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use crate::config::heartbeat::RawHeartbeat;
use crate::config::raw::{RawProcessProvider, RawProvider};
use crate::config::{self, Config, Zabbix};
use crate::rules::engine::Book;

use super::asker::{self, Asked};
use super::budgets;
use super::core::{CHART_SPAN, Core, Discovered, Heard, Inheritance, LOAD, Point, SERVING};
use super::core::{answering, budgeting, withdrawing};
use super::discover::{self, ListName};
use super::duty::Duty;
use super::fail::fail_point;
use super::figures;
use super::forecaster;
use super::hands::{Hands, Permits, Routers, watch_provider};
use super::heartbeat;
use super::looks;
use super::mailing;
use super::others;
use super::outbox::{self, Outbox};
use super::posted::Posted;
use super::record::{self, Stored};
use super::recorder::Recorder;
use super::report;
use super::tending::{Tended, Turn};
use super::vantages::Vantages;
use super::zabbix::{self, Kept};
use super::{Brain, Handle, INBOX, Input, active};

/// How often files are looked at for a change.
const FILES_EVERY: Duration = Duration::from_secs(2);
/// The provider is looked at this often at least.
const PROVIDER_EVERY: Duration = Duration::from_secs(15);
/// Polls and probes under way at once.
const POLLS_AT_ONCE: usize = 256;
/// Batches of samples that may wait for the sample store.
const SAMPLE_BATCHES: usize = 1024;
/// What the pages show of the past without asking the store.
const RECENT: usize = 200;

/// A brain that is about to run, and the handle to it.
#[derive(Debug)]
pub struct Started {
    pub brain: Brain,
    pub handle: Handle,
    pub config: Arc<Config>,
    /// The door, open already.
    pub listener: TcpListener,
}

/// Opens the store and starts everything around the brain. `path` is `cloudbrain.yaml`.
pub async fn start(path: &Path, config: Config, clock: SharedClock) -> anyhow::Result<Started> {
    let config = Arc::new(config);
    let now = clock.now();
    let folder = config.store_folder();
    let opened = Store::open(&folder, now)
        .with_context(|| format!("opening the data folder {}", folder.display()))?;
    report_opening(&opened, now);
    fail_point!("opened");
    // Before anything is started: a taken port must not leave half a fleet behind.
    let listen = config.raw.listen;
    let listener =
        TcpListener::bind(listen).await.with_context(|| format!("listening on {listen}"))?;
    let door = active::listen(&config).await?;
    let agents = active::kept(&opened.state.memory);
    let store = opened.store.clone();
    let recorder = open_samples(&config, clock.clone())?;
    let kept = |server: &Zabbix| {
        let memory = |room: &str| opened.state.memory.get(room).cloned();
        (server.raw.name.clone(), Kept::read(&server.raw.name, memory))
    };
    let mut kept: BTreeMap<String, Kept> = config.zabbix.iter().map(kept).collect();
    let (waiting, kept_letters) =
        (opened.state.waiting.clone(), opened.state.memory.get(outbox::ROOM).cloned());
    let core = take_up(&config, opened, &recorder, now).await?;
    let hands = make_hands(&config, &clock, &whereabouts(&core)).await?;
    let outbox = Outbox::restore(&config, &hands, waiting, kept_letters.as_deref(), now);
    let (mut brain, handle, ends) = wire(core, hands, outbox, store, recorder, clock);
    let Discovered { roots, brakes, .. } = brain.core.discovered();
    if let Some(roots) = roots {
        discover::spawn(&config, roots, brakes.clone(), &handle.clock, &handle.inbox)?;
    }
    for server in &config.zabbix {
        let kept = kept.remove(&server.raw.name).unwrap_or_default();
        let out = (handle.inbox.clone(), ends.rows.clone());
        let orders = zabbix::spawn(&config, server, kept, handle.clock.clone(), out)
            .with_context(|| format!("starting to watch the Zabbix server {}", server.raw.name))?;
        brain.zabbix.push(orders);
    }
    let ground = ground(&config, &handle.clock);
    for signal in heartbeat::take_back(&config, &brain.core, now) {
        brain.core.hear(Heard::Heartbeat(signal), now);
    }
    heartbeat::spawn(&config, &ground, &brain.hands.channels, &handle)?;
    if let Some(door) = door {
        active::spawn(door, &config, agents, ends.directory.clone(), &handle);
    }
    spawn_around(path, &config, &brain, &handle, ends)?;
    Ok(Started { brain, handle, config, listener })
}

/// Goes on where a former brain stopped.
async fn take_up(
    config: &Arc<Config>,
    opened: Opened,
    recorder: &Recorder,
    now: Time,
) -> anyhow::Result<Core> {
    let mut inheritance = inherit(config, &opened.store, opened.state, now).await?;
    inheritance.scaler.memory.origin =
        Origin { incarnation: opened.incarnation, epoch: opened.epoch };
    inheritance.series = series(config, recorder, now).await?;
    if let Some(last_alive) = opened.last_alive {
        // Nobody looked in between: exactly that span is unknown.
        inheritance.ledgers.values_mut().for_each(|ledger| ledger.blind(last_alive, now));
    }
    Ok(Core::new(config.clone(), inheritance, now))
}

/// The ends of the brain's channels that the tasks around it hold.
struct Ends {
    routing: watch::Receiver<Routing>,
    targets: watch::Receiver<Arc<Targets>>,
    directory: watch::Receiver<Arc<Directory>>,
    questions: watch::Receiver<Arc<Vec<Asked>>>,
    polled: mpsc::Receiver<Vec<Row>>,
    rows: mpsc::Sender<Vec<Row>>,
}

fn wire(
    core: Core,
    hands: Hands,
    outbox: Outbox,
    store: Store,
    recorder: Recorder,
    clock: SharedClock,
) -> (Brain, Handle, Ends) {
    let (sender, inbox) = mpsc::channel(INBOX);
    // Nothing is routed before it is known what the routers follow: see `scaler::recovery`.
    let (routing, routing_seen) = watch::channel(Routing::default());
    let (targets, targets_seen) = watch::channel(Arc::default());
    let (directory, directory_seen) = watch::channel(Arc::default());
    let (questions, questions_seen) = watch::channel(Arc::default());
    let (rows, polled) = mpsc::channel(SAMPLE_BATCHES);
    let (turns, turns_seen) = watch::channel(0);
    let (trouble, trouble_seen) = watch::channel(None);
    let handle = Handle {
        inbox: sender.clone(),
        turns: turns_seen,
        trouble: trouble_seen,
        store: store.clone(),
        clock: clock.clone(),
        gauges: Arc::new(Gauges::default()),
        active: Arc::default(),
        recorder: recorder.clone(),
        remote_write: Arc::default(),
    };
    let ends = Ends {
        routing: routing_seen,
        targets: targets_seen,
        directory: directory_seen,
        questions: questions_seen,
        polled,
        rows: rows.clone(),
    };
    let brain = Brain {
        waiting: Vec::new(),
        core,
        hands,
        outbox,
        store,
        clock,
        inbox,
        sender,
        turns,
        trouble,
        routing,
        targets,
        directory,
        questions,
        rows,
        recorder,
        zabbix: Vec::new(),
    };
    (brain, handle, ends)
}

/// Starts what feeds the brain and what carries its wishes on.
fn spawn_around(
    path: &Path,
    config: &Arc<Config>,
    brain: &Brain,
    handle: &Handle,
    ends: Ends,
) -> anyhow::Result<()> {
    let (sender, clock) = (&handle.inbox, &handle.clock);
    let instance = config.raw.listen.to_string();
    tokio::spawn(figures::keep(handle.clone(), instance, ends.rows.clone()));
    let (gauges, inbox) = (handle.gauges.clone(), sender.clone());
    looks::spawn(pace(config), clock.clone(), ends.targets, ends.rows, gauges, inbox)?;
    let answers = asker::spawn(ends.questions, handle.recorder.source(), clock.clone())?;
    tokio::spawn(asker::pass_on(answers, sender.clone()));
    tokio::spawn(forecaster::foresee(handle.clone()));
    tokio::spawn(budgets::watch(handle.clone()));
    tokio::spawn(mailing::mail(handle.clone()));
    tokio::spawn(super::status::keep(handle.clone()));
    let turn = Turn::default();
    for router in &brain.hands.routers {
        let tended = Tended::new(router.clone(), turn.clone(), clock.clone());
        tokio::spawn(tended.tend(ends.routing.clone(), sender.clone()));
    }
    if let Some(provider) = &brain.hands.provider {
        let every = config.raw.tick.0.min(PROVIDER_EVERY);
        tokio::spawn(watch_provider(provider.clone(), every, clock.clone(), sender.clone()));
    }
    tokio::spawn(handle.recorder.clone().keep(ends.polled));
    tokio::spawn(handle.recorder.clone().maintain());
    tokio::spawn(watch_files(path.to_owned(), config.clone(), sender.clone()));
    Ok(())
}

fn report_opening(opened: &Opened, now: Time) {
    let vms = opened.state.vms.len();
    match opened.last_alive {
        None => tracing::info!("a new data folder"),
        Some(at) => {
            let gap_s = now.since(at).as_secs();
            tracing::info!(vms, gap_s, clean = opened.clean, "taking up what was left");
        }
    }
}

/// What a former brain left, in the form the rooms want it.
async fn inherit(
    config: &Config,
    store: &Store,
    state: Remembered,
    now: Time,
) -> anyhow::Result<Inheritance> {
    let memory = memory(&state, record::SCALER)?;
    let steps = state.open_steps.iter().map(|row| (row.vm.clone(), (row.id, record::step_of(row))));
    let steps: BTreeMap<_, _> = steps.collect();
    let open = steps.iter().map(|(vm, (_, step))| (vm.clone(), step.clone())).collect();
    let vms = state.vms.clone();
    let scaler = scaler::state::State::restore(&config.scaler, vms, open, memory);
    let alerter = record::alerter(&state).context("reading back what the alerter remembered")?;
    let stored = Stored::found(&scaler, &alerter, steps, state.next_step_id.saturating_sub(1));
    let decisions = store.decisions(None, Time::default(), now, RECENT).await?;
    let mut recent: Vec<_> =
        decisions.iter().filter_map(|row| serde_json::from_str(&row.body).ok()).collect();
    recent.sort_by_key(|decision: &scaler::reason::Decision| decision.at);
    let mut closed = closed_incidents(store).await?;
    closed.reverse();
    Ok(Inheritance {
        scaler,
        alerter,
        posted: Posted::restore(&state.memory),
        vantages: vantages(config, &state, store).await.context("reading back the vantages")?,
        ledgers: ledgers(&state, store).await.context("reading back the ledgers")?,
        ledgers_are_together: state.memory.contains_key(record::LEDGERS),
        latencies: answering::inherit(self::memory(&state, record::LATENCY)?, store).await?,
        stored,
        recent,
        closed,
        discovered: discovered(&state)?,
        book: Book::restore(&state.memory),
        duty: Duty::restore(&state.memory),
        noted_spent: self::memory(&state, budgeting::ROOM)?,
        told_reports: self::memory(&state, mailing::ROOM)?,
        withdrawn: self::memory(&state, withdrawing::ROOM)?,
        not_by_domain: self::memory(&state, withdrawing::ROOM_NOT_BY_DOMAIN)?,
        active: active_agents(config, &state),
        series: BTreeMap::new(),
    })
}

/// The ledgers as they were: what may still change, and what is settled.
async fn ledgers(state: &Remembered, store: &Store) -> anyhow::Result<BTreeMap<ModuleId, Ledger>> {
    let mut ledgers = record::ledgers(state)?;
    for (module, ledger) in &mut ledgers {
        let (since, until) = (ledger.since(), ledger.remembers_from());
        let rows = store.transitions(None, module, since, until).await?;
        let settled = rows.into_iter().filter_map(report::interval).collect();
        ledger.complete(settled, record::blips_of(state, module)?);
    }
    Ok(ledgers)
}

/// Likewise of what the others saw.
async fn vantages(config: &Config, state: &Remembered, store: &Store) -> anyhow::Result<Vantages> {
    let mut vantages = Vantages::restore(config, &state.memory)?;
    for (vantage, module, ledger) in vantages.ledgers_mut() {
        let (since, until) = (ledger.since(), ledger.remembers_from());
        let rows = store.transitions(Some(vantage), module, since, until).await?;
        ledger.complete(rows.into_iter().filter_map(report::interval).collect(), Vec::new());
    }
    Ok(vantages)
}

/// Newest first.
async fn closed_incidents(store: &Store) -> anyhow::Result<Vec<alerter::IncidentSummary>> {
    let rows = store.incidents(RECENT).await?;
    let closed = rows.iter().filter(|row| row.closed.is_some());
    Ok(closed.filter_map(|row| serde_json::from_str(&row.body).ok()).collect())
}

/// The charts of the last hour, from the samples.
async fn series(
    config: &Config,
    recorder: &Recorder,
    now: Time,
) -> anyhow::Result<BTreeMap<ModuleId, VecDeque<Point>>> {
    let mut series = BTreeMap::new();
    let times = (now - CHART_SPAN).millis()..now.millis() + 1;
    for module in config.modules.keys() {
        let read = |metric| recorder.read(of_module(metric, module), times.clone());
        let load: BTreeMap<i64, f64> = read(LOAD).await?.into_iter().collect();
        let points = read(SERVING).await?.into_iter().map(|(at, serving)| Point {
            at: Time::from_millis(at),
            load: load.get(&at).copied(),
            serving: serving as u32,
        });
        series.insert(module.clone(), points.collect());
    }
    Ok(series)
}

fn of_module(metric: &str, module: &ModuleId) -> Vec<Matcher> {
    let equal = |name: &str, value: &str| Matcher {
        name: name.to_owned(),
        op: MatchOp::Equal,
        value: value.to_owned(),
    };
    vec![equal(METRIC_NAME, metric), equal("module", module.as_str())]
}

fn open_samples(config: &Config, clock: SharedClock) -> anyhow::Result<Recorder> {
    let folder = config.store_folder().join("samples");
    let opened = Samples::open(&folder, sample_settings(config), clock.now());
    let (samples, opened) = opened.with_context(|| format!("opening {}", folder.display()))?;
    tracing::info!(?opened, "samples");
    Ok(Recorder::new(samples, clock))
}

fn sample_settings(config: &Config) -> samples::Settings {
    let raw = &config.raw.samples;
    samples::Settings {
        keep_raw: raw.keep_raw.0,
        keep_five_minutes: raw.keep_five_minutes.0,
        keep_hours: raw.keep_hours.0,
        max_series: raw.max_series,
        ..samples::Settings::default()
    }
}

/// Whoever came by itself is not polled, also before it comes again.
fn active_agents(config: &Config, state: &Remembered) -> BTreeSet<Object> {
    match config.raw.collector.active {
        Some(_) => active::kept(&state.memory).into_keys().collect(),
        None => BTreeSet::new(),
    }
}

fn discovered(state: &Remembered) -> anyhow::Result<Discovered> {
    let brakes: BTreeMap<ListName, Brake> = memory(state, record::DISCOVERY)?;
    let lists = brakes.iter().map(|(list, brake)| (list.clone(), brake.targets().collect()));
    let roots = TlsRoots::of_system();
    if let Err(error) = &roots {
        tracing::warn!(%error, "no exporter can be scraped");
    }
    let (lists, roots) = (lists.collect(), roots.ok());
    Ok(Discovered { lists, brakes, roots, watches: Vec::new() })
}

fn memory<T: DeserializeOwned + Default>(state: &Remembered, room: &str) -> anyhow::Result<T> {
    let Some(json) = state.memory.get(room) else { return Ok(T::default()) };
    serde_json::from_str(json).with_context(|| format!("reading back what {room} remembered"))
}

/// Where our VMs are, by our own record.
fn whereabouts(core: &Core) -> BTreeMap<VmId, Addresses> {
    let vms = core.scaler.vms.values();
    vms.filter_map(|vm| Some((vm.id.clone(), vm.addresses?))).collect()
}

async fn make_hands(
    config: &Config,
    clock: &SharedClock,
    known: &BTreeMap<VmId, Addresses>,
) -> anyhow::Result<Hands> {
    let (process, routers) = make_hands_without_starting(config)?;
    for (router, spec) in routers.iter().zip(&config.raw.routers) {
        prepare(router.as_ref(), spec.is_ours()).await?;
    }
    let mut hands = Hands {
        provider: None,
        deployer: None,
        routers,
        channels: channels(config, clock)?,
        at_once: Permits::default(),
    };
    #[cfg(feature = "failpoints")]
    if let Some(cloud) = super::fail::cloud::Cloud::of_test() {
        let deployer = ProcessDeployer::new(&process_folder(config));
        hands.deployer = Some(Arc::new(deployer.context("setting up the process deployer")?));
        hands.provider = Some(Arc::new(cloud));
        return Ok(hands);
    }
    if let Some(provider) = process {
        provider.start_hosts().await.context("starting the hosts")?;
        let deployer = ProcessDeployer::new(&process_folder(config));
        hands.deployer = Some(Arc::new(deployer.context("setting up the process deployer")?));
        hands.provider = Some(Arc::new(provider));
    } else {
        let others = others::Others { config, clock, known };
        hands.provider = others.provider()?;
        hands.deployer = others.deployer()?;
    }
    Ok(hands)
}

/// One of ours must run. Another's may be down just now, and the brain must come up all the same:
/// what is wrong is told here and on the page until somebody has mended it.
async fn prepare(router: &dyn Router, is_ours: bool) -> anyhow::Result<()> {
    let Err(error) = router.prepare().await else { return Ok(()) };
    if is_ours {
        return Err(error).with_context(|| format!("starting router {}", router.name()));
    }
    tracing::warn!(router = router.name(), %error, "this router does not listen to us yet");
    Ok(())
}

/// The hands that have processes of their own, as they are found: nothing is started.
pub fn make_hands_without_starting(
    config: &Config,
) -> anyhow::Result<(Option<ProcessProvider>, Routers)> {
    let exe = std::env::current_exe().context("finding this program")?;
    let process = config.raw.providers.first().and_then(RawProvider::process);
    let provider = match process {
        None => None,
        Some(process) => {
            let settings = process_config(config, process, exe.clone());
            Some(ProcessProvider::new(settings).context("setting up the process provider")?)
        }
    };
    let data = config.store_folder().join("router");
    let ground = drivers::router::Ground { exe, data, folder: config.folder.clone() };
    let routers = config.raw.routers.iter().map(|spec| spec.open(&ground));
    Ok((provider, routers.collect()))
}

/// The built-in router's own folder.
pub fn router_folder(config: &Config, name: &str) -> PathBuf {
    config.store_folder().join("router").join(name)
}

fn process_folder(config: &Config) -> PathBuf {
    config.store_folder().join("process")
}

/// The process provider's own settings, from the files.
pub fn process_config(
    config: &Config,
    process: &RawProcessProvider,
    exe: PathBuf,
) -> ProcessConfig {
    let hosts = process.hosts.iter().map(|host| ProcessHost {
        id: host.name.clone(),
        rack: host.switch.clone(),
        max_vms: host.max_vms,
    });
    let flavors = config.raw.flavors.iter();
    let flavors = flavors.map(|(id, raw)| (id.clone(), ProcessFlavor { cores: raw.cores }));
    ProcessConfig {
        name: process.name.clone(),
        folder: process_folder(config),
        exe,
        hosts: hosts.collect(),
        flavors: flavors.collect(),
        ports: config.ports.clone(),
        load_window: config.raw.collector.load_window.0,
        tether: process.tether,
    }
}

fn pace(config: &Config) -> Pace {
    Pace {
        interval: config.raw.collector.interval.0,
        timeout: config.raw.collector.timeout.0,
        max_in_flight: POLLS_AT_ONCE,
    }
}

fn ground(config: &Config, clock: &SharedClock) -> Ground {
    let (fleet, data) = (config.raw.fleet.clone(), config.store_folder());
    Ground::new(fleet, data, config.folder.clone(), clock.clone(), Trust::system())
}

/// All channels, by name. Nobody is reached for yet.
pub fn channels(
    config: &Config,
    clock: &SharedClock,
) -> anyhow::Result<BTreeMap<String, Arc<dyn Channel>>> {
    let ground = ground(config, clock);
    let open = |spec: &ChannelSpec| {
        let channel = spec.open(&ground);
        let channel = channel.map_err(|problem| anyhow!("{}: {}", problem.field, problem.message));
        let channel = channel.with_context(|| format!("opening channel {}", spec.name()))?;
        Ok((spec.name().to_owned(), channel))
    };
    config.channels.iter().map(open).collect()
}

/// Reads the files again when they change or on SIGHUP. A broken set is refused whole.
async fn watch_files(path: PathBuf, first: Arc<Config>, sender: mpsc::Sender<Input>) {
    let mut in_force = first;
    let mut seen = config::fingerprint(&path);
    let Ok(mut hangup) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup())
    else {
        return;
    };
    loop {
        let asked = tokio::select! {
            _ = hangup.recv() => true,
            () = tokio::time::sleep(FILES_EVERY) => false,
        };
        let now = config::fingerprint(&path);
        if !asked && now == seen {
            continue;
        }
        seen = now;
        let heard = match reload(&path, &in_force) {
            Ok(config) => {
                in_force = config.clone();
                Heard::Config(config)
            }
            Err(error) => Heard::BadConfig(error),
        };
        if sender.send(Input::Heard(heard)).await.is_err() {
            return;
        }
    }
}

fn reload(path: &Path, in_force: &Config) -> Result<Arc<Config>, String> {
    let loaded = config::load(path);
    let Some(config) = loaded.config else {
        let errors = loaded.problems.iter().filter(|problem| problem.is_error);
        let errors: Vec<String> = errors.map(ToString::to_string).collect();
        return Err(errors.join("\n"));
    };
    match fixed_part(&config) == fixed_part(in_force) {
        true => Ok(Arc::new(config)),
        false => Err(format!(
            "{}: fleet, listen, store, samples, flavors, providers, deployer, routers, channels, heartbeat, and of \
             collector its times, canaries, scrapes, zabbix and active.listen are read at start only; restart \
             to change them",
            path.display()
        )),
    }
}

/// What is read at start only, in a form that can be compared.
fn fixed_part(config: &Config) -> Option<(String, Vec<ChannelSpec>, Vec<RawHeartbeat>)> {
    let raw = &config.raw;
    let senses = &raw.collector;
    let collector = (&senses.interval, &senses.timeout, &senses.load_window, &senses.canaries);
    let active = senses.active.as_ref().map(|active| active.listen);
    let collector = (collector, &senses.scrapes, &senses.zabbix, active, &raw.samples);
    let hands = (&raw.providers, &raw.deployer, &raw.flavors, &raw.routers);
    let text = serde_json::to_string(&(&raw.fleet, raw.listen, &raw.store, hands, collector));
    // Of the channels their secrets count, too, which no text shows.
    Some((text.ok()?, config.channels.clone(), config.heartbeats.clone()))
}
