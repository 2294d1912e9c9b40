//! What availability and answer times cost: `cargo bench -p house-tests --bench year
//! [-- FOLDER [new] [old] [year]]`.
//!
//! The real core and the real store, without sockets: probes are made up and told to the core, its turns
//! are committed. Told are the bytes that the store keeps of one project after a year of probes each ten
//! seconds, with outages; how long its report takes, and those of a company; and what a thousand
//! probes each half a minute cost. The folder is for the stores, that of temporary files if none is
//! named; the words choose parts.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use availability::{Accounting, LENGTHS, Ledger};
use cloudbrain::brain::core::{Core, Heard, Inheritance};
use cloudbrain::brain::recorder::Recorder;
use cloudbrain::brain::report::report;
use cloudbrain::brain::{Handle, Input};
use cloudbrain::config::{self, Config};
use collector::poller::Sensed;
use house_tests::edges::clock;
use model::id::{ModuleId, ProjectId};
use model::lang::Lang;
use model::time::Time;
use model::verdict::{Outcome, Phase, ProbeTarget, Timings, Verdict};
use rustix::time::{ClockId, clock_gettime};
use store::{AnswersRow, Change, Store};
use tokio::sync::{mpsc, watch};

/// 2026-01-01T00:00:00 in Shanghai.
const BEGIN: Time = Time::from_millis(1_767_196_800_000);
const DAY: Duration = Duration::from_secs(86_400);
const PROJECTS: usize = 1_000;
/// What is kept does not hang on how often a turn is taken: one a minute is as good as one a second.
const TURN_EVERY: u64 = 60;
const OUTAGE_EVERY: u64 = 2 * 86_400;
const OUTAGE: u64 = 300;

fn main() {
    let words: Vec<String> =
        std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let folder = words.first().map_or_else(std::env::temp_dir, PathBuf::from);
    let root = folder.join(format!("year-{}", std::process::id()));
    let is_asked = |part: &str| words.len() < 2 || words[1..].iter().any(|word| word == part);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    runtime.block_on(async {
        if is_asked("new") {
            thousand_probes(&root.join("new"), None).await;
        }
        if is_asked("old") {
            thousand_probes(&root.join("old"), Some(old_ledger())).await;
        }
        if is_asked("year") {
            year(&root.join("year")).await;
        }
    });
    let _ = std::fs::remove_dir_all(&root);
}

fn tell(line: &str) {
    let _ = writeln!(std::io::stdout(), "{line}");
}

/// The example's files with so many projects of one module, which are watched only.
fn config(projects: usize, interval: Duration) -> Config {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/shop/cloudbrain.yaml");
    let mut config = config::load(&path).config.expect("the example is in order");
    config.scaler = scaler::state::Config::default();
    config.raw.collector.interval.0 = interval;
    let (_, module) = config.modules.pop_first().expect("it has a module");
    let (_, project) = config.projects.pop_first().expect("it has a project");
    for number in 0..projects {
        let (id, name) = (project_id(number), module_id(number));
        config.projects.insert(id.clone(), project.clone());
        config.modules.insert(name, config::Module { project: id, ..module.clone() });
    }
    config
}

fn project_id(number: usize) -> ProjectId {
    format!("shop-{number}").parse().expect("a good name")
}

fn module_id(number: usize) -> ModuleId {
    format!("shop-{number}/web").parse().expect("a good name")
}

/// Without chance, and as good as.
fn mixed(number: u64) -> u64 {
    let mixed = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ (mixed >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed ^ (mixed >> 29)
}

/// Two of a thousand probes are lost, each two days five minutes; answers take 80 ms with a tail, one
/// of a hundred ten times as long.
fn verdict(module: &ModuleId, at: Time, number: u64) -> Verdict {
    let chance = mixed(number);
    let second = at.since(BEGIN).as_secs() % OUTAGE_EVERY;
    let is_down = second >= OUTAGE_EVERY - OUTAGE || chance % 1_000 < 2;
    let refused =
        || Outcome::Unhealthy { phase: Phase::Connect, hint: "connection refused".to_owned() };
    let outcome = if is_down { refused() } else { Outcome::Healthy { doubt: None } };
    let normal =
        (0..4).map(|part| (mixed(chance + part) % 1_000) as f64 / 500.0 - 1.0).sum::<f64>();
    let slow = if chance % 100 == 7 { 10.0 } else { 1.0 };
    let took = Duration::from_secs_f64(0.08 * slow * (0.4 * normal).exp());
    let domain = "shop.example.com".to_owned();
    let target = ProbeTarget::Domain { module: module.clone(), domain };
    Verdict { target, at, outcome, took, timings: Timings::default(), family: None }
}

async fn turn(core: &mut Core, store: &Store, now: Time) {
    let mut changes = core.turn(now).changes;
    changes.push(Change::Alive(now));
    store.commit(changes).await.expect("it is durable");
}

/// What a year of one project leaves in the store, and how long its report takes.
async fn year(folder: &Path) {
    let every = Duration::from_secs(10);
    let store = Store::open(folder, BEGIN).expect("a folder of our own").store;
    let mut core = Core::new(Arc::new(config(1, every)), Inheritance::default(), BEGIN);
    turn(&mut core, &store, BEGIN).await;
    let (module, probes) = (module_id(0), 365 * DAY.as_secs() / every.as_secs());
    let mut now = BEGIN;
    for number in 0..probes {
        now = BEGIN + every * u32::try_from(number).expect("a year of probes");
        let verdict = verdict(&module, now, number);
        core.hear(Heard::Sensed(Sensed::Verdict(verdict)), now);
        if number % (TURN_EVERY / every.as_secs()) == 0 {
            turn(&mut core, &store, now).await;
        }
    }
    turn(&mut core, &store, now).await;
    store.close().await;
    let kept = std::fs::metadata(folder.join("state.db")).expect("the store").len();
    let empty = empty(&folder.join("empty")).await;
    tell(&format!(
        "bytes of one project and year: {} ({kept} - {empty} of an empty store)",
        kept - empty
    ));
    let store = Store::open(folder, now).expect("it was closed").store;
    reports(folder, core, store, now).await;
}

async fn empty(folder: &Path) -> u64 {
    Store::open(folder, BEGIN).expect("a folder of our own").store.close().await;
    std::fs::metadata(folder.join("state.db")).expect("the store").len()
}

/// The brain's end of a handle: answers whatever is asked of the core.
fn handle(folder: &Path, core: Core, store: Store, now: Time) -> Handle {
    let clock = clock::own();
    let samples =
        samples::Samples::open(&folder.join("samples"), samples::Settings::default(), now);
    let recorder = Recorder::new(samples.expect("a folder of our own").0, clock.clone());
    let (inbox, mut asked) = mpsc::channel(64);
    tokio::spawn(async move {
        while let Some(input) = asked.recv().await {
            if let Input::Ask(question) = input {
                question(&core, now);
            }
        }
    });
    Handle {
        inbox,
        turns: watch::channel(0).1,
        trouble: watch::channel(None).1,
        store,
        clock,
        gauges: Arc::default(),
        active: Arc::default(),
        recorder,
        remote_write: Arc::default(),
    }
}

async fn reports(folder: &Path, core: Core, store: Store, now: Time) {
    let handle = handle(folder, core, store, now);
    let (clock, mut times) = (clock::own(), Vec::new());
    for _ in 0..20 {
        let began = clock.elapsed();
        let view = report(&handle, project_id(0), "2026".to_owned(), Lang::En).await;
        times.push(clock.elapsed() - began);
        let latency = view.expect("a report").modules.remove(0).latency.expect("answers");
        assert!(latency.probes > 3_100_000 && latency.p99_us > latency.p50_us, "{latency:?}");
    }
    times.sort_unstable();
    tell(&format!("report of a year with latency: {:.1?} in the middle", times[times.len() / 2]));
    company(folder, &handle.store, now).await;
}

/// The same year for a thousand projects: of the hours those at its edges, which are all that is read.
async fn company(folder: &Path, store: &Store, now: Time) {
    let mut rows = Vec::new();
    for hours in LENGTHS {
        let all = store.answers(&module_id(0), hours, BEGIN, now).await.expect("they are there");
        let is_edge =
            |row: &AnswersRow| row.at < BEGIN + DAY || row.at + DAY * 2 > now || row.hours > 1;
        rows.extend(all.into_iter().filter(is_edge));
    }
    let transitions =
        store.transitions(None, &module_id(0), BEGIN, now).await.expect("they are there");
    let store = Store::open(&folder.join("company"), now).expect("a folder of our own").store;
    for number in 0..PROJECTS {
        let module = module_id(number);
        let answers = rows.iter().cloned();
        let answers =
            answers.map(|row| Change::Answers(AnswersRow { module: module.clone(), ..row }));
        let intervals = transitions.iter().cloned();
        let intervals = intervals
            .map(|row| Change::Transition(store::TransitionRow { module: module.clone(), ..row }));
        let changes: Vec<Change> = answers.chain(intervals).collect();
        store.commit(changes).await.expect("it is durable");
    }
    let ledgers = (0..PROJECTS).map(|number| (module_id(number), Ledger::new(BEGIN)));
    let inheritance = Inheritance { ledgers: ledgers.collect(), ..Inheritance::default() };
    let config = config(PROJECTS, Duration::from_secs(10));
    let mut core = Core::new(Arc::new(config), inheritance, now);
    core.turn(now);
    let handle = handle(&folder.join("company"), core, store, now);
    let (clock, mut probes) = (clock::own(), 0);
    let began = clock.elapsed();
    for number in 0..PROJECTS {
        let view = report(&handle, project_id(number), "2026".to_owned(), Lang::En).await;
        let module = view.expect("a report").modules.remove(0);
        probes += module.latency.map_or(0, |latency| latency.probes);
    }
    tell(&format!(
        "{PROJECTS} reports of a year with latency: {:.2?} for {probes} probes, one after the other",
        clock.elapsed() - began
    ));
}

/// What a module has behind it after a year.
fn old_ledger() -> Ledger {
    let every = Duration::from_secs(30);
    let (accounting, module) = (Accounting::new(every), module_id(0));
    let mut ledger = Ledger::new(BEGIN);
    for number in 0..365 * DAY.as_secs() / every.as_secs() {
        let at = BEGIN + every * u32::try_from(number).expect("a year of probes");
        ledger.observe(&accounting, at, &verdict(&module, at, number).outcome);
        if number % 10 == 0 {
            ledger.tick(&accounting, at);
            ledger.take_transitions();
        }
    }
    ledger
}

/// A thousand probes each half a minute for two hours and a half, and a turn each second.
async fn thousand_probes(folder: &Path, old: Option<Ledger>) {
    const SECONDS: u64 = 9_000;
    let (every, begin) = (30, BEGIN + 365 * DAY);
    let name = if old.is_some() { "a year old" } else { "new" };
    let ledgers =
        old.into_iter().flat_map(|old| (0..PROJECTS).map(move |n| (module_id(n), old.clone())));
    let ledgers: BTreeMap<ModuleId, Ledger> = ledgers.collect();
    let store = Store::open(folder, begin).expect("a folder of our own").store;
    let config = config(PROJECTS, Duration::from_secs(every));
    let inheritance = Inheritance { ledgers, ..Inheritance::default() };
    let mut core = Core::new(Arc::new(config), inheritance, begin);
    turn(&mut core, &store, begin).await;
    let (memory, cpu) = (resident(), used());
    let modules: Vec<ModuleId> = (0..PROJECTS).map(module_id).collect();
    let (clock, mut worst) = (clock::own(), Duration::ZERO);
    for second in 0..SECONDS {
        let now = begin + Duration::from_secs(second);
        let due = modules.iter().enumerate().filter(|(n, _)| *n as u64 % every == second % every);
        for (number, module) in due {
            let verdict = verdict(module, now, second * 1_000 + number as u64);
            core.hear(Heard::Sensed(Sensed::Verdict(verdict)), now);
        }
        let began = clock.elapsed();
        turn(&mut core, &store, now).await;
        worst = worst.max(clock.elapsed() - began);
    }
    let cpu = (used() - cpu).as_secs_f64() / SECONDS as f64;
    let grown = resident().saturating_sub(memory) / 1_048_576;
    tell(&format!(
        "{PROJECTS} probes each {every} s, modules {name}: {:.2} % of a core, {grown} MiB more; the longest \
         turn {worst:.0?}",
        cpu * 100.0
    ));
}

/// CPU of all threads of this process.
fn used() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}

/// Bytes.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or_default() * 4_096
}
