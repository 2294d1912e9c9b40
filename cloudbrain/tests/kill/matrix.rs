//! Points by scenarios: one row at a time, and all of them.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use crate::fleet::{Fleet, Stopwatch};
use crate::report::{RESTORED, Report, Run, Verdict};
use crate::scenarios::{ALL, Held, Scenario};

/// Fleets at once. They mostly wait.
const AT_ONCE: usize = 3;
/// A brain that was told to die at a moment dies then.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// One death.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kill {
    /// At a point, when it is passed so many times.
    At(String, u32),
    /// So long after what came before it.
    After(Duration),
}

/// What one fleet is to go through, one after the other.
struct Task {
    scenario: &'static Scenario,
    rounds: Vec<Vec<Kill>>,
}

/// The points that a scenario passes, and how often.
pub(crate) fn points_of(scenario: &Scenario) -> BTreeMap<String, u32> {
    let mut fleet =
        Fleet::start(&format!("points-{}", scenario.name), scenario.base, scenario.rivals);
    fleet.take_passed();
    let held = (scenario.begin)(&fleet, scenario);
    let settled = settle(&mut fleet, scenario, &held);
    settled
        .unwrap_or_else(|why| panic!("{} without a kill: {why}\n{}", scenario.name, fleet.story()));
    let mut points = BTreeMap::new();
    for point in fleet.take_passed() {
        *points.entry(point).or_default() += 1;
    }
    points
}

/// Waits for the end of a scenario.
fn settle(fleet: &mut Fleet, scenario: &Scenario, held: &Held) -> Result<Duration, String> {
    let began = Stopwatch::start();
    loop {
        fleet.settle(scenario.then)?;
        let left = &fleet.cloud.ids() & &held.victims;
        if left.is_empty() {
            return Ok(began.elapsed());
        }
        if began.elapsed() > crate::fleet::PATIENCE {
            return Err(format!("still there: {left:?}"));
        }
        if fleet.has_died() {
            return Err("the brain died".to_owned());
        }
    }
}

/// One row: the scenario, the deaths, the world afterwards, and the way back.
fn round(fleet: &mut Fleet, scenario: &Scenario, kills: &[Kill]) -> Verdict {
    fleet.cloud.count_anew();
    let mut died = 0;
    let first = kills.first();
    order(fleet, first);
    let began = Stopwatch::start();
    let held = (scenario.begin)(fleet, scenario);
    for (number, kill) in kills.iter().enumerate() {
        if !dies(fleet, scenario, &held, kill, &began) {
            break;
        }
        died += 1;
        fleet.kill_brain();
        order(fleet, kills.get(number + 1));
        fleet.start_brain();
    }
    fleet.order(None);
    let settled = settle(fleet, scenario, &held);
    let recovered = match settled {
        Ok(took) => took,
        Err(why) => return Verdict::Wrong(format!("{why}\n{}", fleet.story())),
    };
    let most = fleet.cloud.ledger().most;
    if most > scenario.base.max_total {
        let most = format!("{most} VMs at once, {} allowed", scenario.base.max_total);
        return Verdict::Wrong(format!("{most}\n{}", fleet.story()));
    }
    drop(held);
    (scenario.end)(fleet);
    fleet.want(scenario.base);
    match fleet.settle(scenario.base) {
        Err(why) => Verdict::Wrong(format!("on the way back: {why}\n{}", fleet.story())),
        Ok(_) if died == kills.len() => Verdict::Exact { recovered },
        Ok(_) => Verdict::NotReached,
    }
}

fn order(fleet: &Fleet, kill: Option<&Kill>) {
    match kill {
        Some(Kill::At(point, times)) => fleet.order(Some((point, *times))),
        Some(Kill::After(_)) | None => fleet.order(None),
    }
}

/// Waits for one death. False if the scenario came to its end without it.
fn dies(
    fleet: &mut Fleet,
    scenario: &Scenario,
    held: &Held,
    kill: &Kill,
    began: &Stopwatch,
) -> bool {
    match kill {
        Kill::After(after) => {
            while began.elapsed() < *after {
                std::thread::sleep(LOOK_EVERY);
            }
            true
        }
        Kill::At(..) => settle(fleet, scenario, held).is_err() && fleet.has_died(),
    }
}

/// Goes through all tasks, several at a time.
fn run(tasks: Vec<Task>, report: Report) -> Report {
    let tasks = Mutex::new(tasks);
    let report = Mutex::new(report);
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            let (tasks, report) = (&tasks, &report);
            scope.spawn(move || {
                while let Some(task) = next(tasks) {
                    work(worker, &task, report);
                }
            });
        }
    });
    report.into_inner().expect("no worker panicked")
}

fn next(tasks: &Mutex<Vec<Task>>) -> Option<Task> {
    tasks.lock().expect("no worker panicked").pop()
}

fn work(worker: usize, task: &Task, report: &Mutex<Report>) {
    let scenario = task.scenario;
    let mut fleet = None;
    for kills in &task.rounds {
        let mut own = fleet.take().unwrap_or_else(|| {
            Fleet::start(&format!("matrix-{worker}"), scenario.base, scenario.rivals)
        });
        let verdict = round(&mut own, scenario, kills);
        let is_wrong = matches!(verdict, Verdict::Wrong(_));
        let run = Run { scenario: scenario.name, kills: kills.clone(), verdict };
        report.lock().expect("no worker panicked").add(run);
        fleet = (!is_wrong).then_some(own);
    }
}

fn tasks(scenario: &'static Scenario, rounds: &[Vec<Kill>]) -> impl Iterator<Item = Task> + use<> {
    let chunks: Vec<_> = rounds.chunks(scenario.runs).map(<[_]>::to_vec).collect();
    chunks.into_iter().map(move |rounds| Task { scenario, rounds })
}

/// A point at which it is told what is there happens a hundred times a minute, whatever is done.
fn is_worth_it(point: &str) -> bool {
    point != "sent: observe"
}

fn singles(points: &BTreeMap<String, u32>, most: u32) -> Vec<Vec<Kill>> {
    let points = points.iter().filter(|(point, _)| is_worth_it(point));
    let each = points.flat_map(|(point, times)| {
        (1..=(*times).min(most)).map(|times| vec![Kill::At(point.clone(), times)])
    });
    each.collect()
}

/// A sequence of numbers that is the same each time.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % bound.max(1)
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}

/// Killed at a point, and again while the next brain recovers, and perhaps once more.
fn deeper(points: &[String], count: usize, chance: &mut Chance) -> Vec<Vec<Kill>> {
    let at = |chance: &mut Chance, points: &[String]| Kill::At(chance.pick(points).clone(), 1);
    let recovery: Vec<String> = points.iter().cloned().chain(["opened".to_owned()]).collect();
    (0..count)
        .map(|number| {
            let mut kills = vec![at(chance, points), at(chance, &recovery)];
            if number % 4 == 3 {
                kills.push(at(chance, &recovery));
            }
            kills
        })
        .collect()
}

fn random_times(count: usize, chance: &mut Chance) -> Vec<Vec<Kill>> {
    let moment = |chance: &mut Chance| Duration::from_millis(chance.below(2500) as u64);
    (0..count)
        .map(|number| {
            let first = moment(chance);
            let kills = [first, first + moment(chance)];
            kills[..1 + number % 2].iter().map(|after| Kill::After(*after)).collect()
        })
        .collect()
}

#[test]
fn each_point_once() {
    let (out, rest): (Vec<_>, Vec<_>) = ALL.iter().partition(|scenario| scenario.name == "out");
    let mut all = Vec::new();
    for scenario in out {
        all.extend(tasks(scenario, &singles(&points_of(scenario), 1)));
    }
    let mut chance = Chance(1);
    for scenario in rest {
        all.extend(tasks(scenario, &random_times(1, &mut chance)));
    }
    let report = run(all, Report::default());
    assert!(report.wrong().is_empty(), "{:#?}", report.wrong());
    assert!(report.exact() > 20, "most points were reached: {report:?}");
}

#[test]
#[ignore = "takes half an hour; tests/kill runs it and writes docs/kill-matrix.md"]
fn whole_matrix() {
    let (pairs, random) = (number("KILL_PAIRS", 6), number("KILL_RANDOM", 8));
    // Of a point that is passed often, so many passings are tried.
    let passings = number("KILL_PASSINGS", 2) as u32;
    let began = Stopwatch::start();
    let only = std::env::var_os("KILL_ONLY").map(|name| name.to_string_lossy().into_owned());
    let chosen = ALL.iter().filter(|s| only.as_ref().is_none_or(|only| only == s.name));
    let mut chance = Chance(20);
    let mut all = Vec::new();
    for scenario in chosen {
        let points = points_of(scenario);
        let names: Vec<String> = points.keys().filter(|name| is_worth_it(name)).cloned().collect();
        all.extend(tasks(scenario, &singles(&points, passings)));
        all.extend(tasks(scenario, &deeper(&names, pairs, &mut chance)));
        all.extend(tasks(scenario, &random_times(random, &mut chance)));
    }
    let planned = all.iter().map(|task| task.rounds.len()).sum::<usize>();
    let planned = planned + if only.is_none() { crate::restored::POINTS.len() } else { 0 };
    let report = Mutex::new(run(all, Report::on_page(began, planned)));
    if only.is_none() {
        restored(&report);
    }
    let report = report.into_inner().expect("no worker panicked");
    assert!(report.wrong().is_empty(), "{:#?}", report.wrong());
}

/// A store of yesterday, killed at each point of the way back.
fn restored(report: &Mutex<Report>) {
    let points = Mutex::new(crate::restored::POINTS.to_vec());
    let next = &|| points.lock().expect("no worker panicked").pop();
    std::thread::scope(|scope| {
        for worker in 0..AT_ONCE {
            scope.spawn(move || {
                while let Some(point) = next() {
                    let kill = Kill::At(point.to_owned(), 1);
                    let verdict = crate::restored::round(&format!("old-{worker}"), Some(&kill));
                    let run = Run { scenario: RESTORED.0, kills: vec![kill], verdict };
                    report.lock().expect("no worker panicked").add(run);
                }
            });
        }
    });
}

fn number(variable: &str, otherwise: usize) -> usize {
    let told = std::env::var_os(variable).and_then(|text| text.to_str()?.parse().ok());
    told.unwrap_or(otherwise)
}
