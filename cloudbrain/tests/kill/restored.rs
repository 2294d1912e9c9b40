//! A store that is older than the world: put back from yesterday, or with the end of its log cut off.
//! Nothing that it does not know is destroyed, and what it does not know is not taken for its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use model::vm::VmState;

use crate::fleet::{Fleet, PATIENCE, Shape, Stopwatch, known};
use crate::matrix::Kill;
use crate::report::Verdict;

/// As long as a brain that is cautious is watched doing nothing.
const WATCHED: Duration = Duration::from_secs(4);

pub(crate) const YESTERDAY: Shape = Shape { serving: 2, ready: 1, max_total: 12 };
const TODAY: Shape = Shape { serving: 4, ready: 1, max_total: 12 };

/// The points that a brain passes between its start on an old store and the end of its caution, and
/// some of those that follow.
pub(crate) const POINTS: &[&str] = &[
    "opened",
    "sent: observe",
    "before commit: origin",
    "after commit: origin",
    "before commit: quarantine",
    "after commit: quarantine",
    "before push",
    "after push",
    "acknowledged",
    "before commit: creating",
    "after commit: create issued",
    "sent: create",
    "after create",
    "after commit: deploy issued",
    "after deploy",
    "before commit: serving",
];

/// A fleet whose brain is dead and whose store is of yesterday.
fn back_to_yesterday(name: &str) -> Fleet {
    let mut fleet = Fleet::start(name, YESTERDAY, 1);
    let backup = fleet.folder.join("backup");
    fleet.kill_brain();
    fleet.copy_store(&backup);
    fleet.start_brain();
    fleet.settle(YESTERDAY).unwrap_or_else(|why| panic!("{why}\n{}", fleet.story()));
    fleet.want(TODAY);
    fleet.settle(TODAY).unwrap_or_else(|why| panic!("{why}\n{}", fleet.story()));
    fleet.kill_brain();
    fleet.put_store_back(&backup);
    fleet.cloud.count_anew();
    fleet
}

/// What the brain says of its record while it is cautious.
pub(crate) fn recovery(fleet: &Fleet) -> Option<String> {
    fleet.get("/api/overview")?["monitor"]["recovery"].as_str().map(str::to_owned)
}

fn wait_for<T>(
    what: &str,
    fleet: &mut Fleet,
    look: impl Fn(&Fleet) -> Option<T>,
) -> Result<T, String> {
    let began = Stopwatch::start();
    while began.elapsed() < PATIENCE {
        if let Some(found) = look(fleet) {
            return Ok(found);
        }
        if fleet.has_died() {
            return Err("the brain died".to_owned());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err(format!("waited in vain for {what}"))
}

/// Waits until a brain on an old store has looked at everything and a person has let it go on.
pub(crate) fn let_go_on(fleet: &mut Fleet) -> Result<(), String> {
    let is_calm = |fleet: &Fleet| match recovery(fleet) {
        Some(_) => fleet.post("/api/recovery", r#"{"by": "ops", "done": true}"#).map(|_| ()),
        None => fleet.get("/api/overview").filter(|seen| !known(seen).is_empty()).map(|_| ()),
    };
    wait_for("the brain to answer", fleet, is_calm)
}

/// Whom the brain has in quarantine.
pub(crate) fn quarantine(fleet: &Fleet) -> Option<BTreeSet<String>> {
    let known = known(&fleet.get("/api/overview")?);
    let strange = known.into_iter().filter(|(_, state)| state == "quarantine");
    Some(strange.map(|(vm, _)| vm).collect())
}

/// One run: perhaps killed at a point, and let go on by a person.
pub(crate) fn round(name: &str, kill: Option<&Kill>) -> Verdict {
    let mut fleet = back_to_yesterday(name);
    let all = fleet.cloud.ids();
    if let Some(Kill::At(point, times)) = kill {
        fleet.order(Some((point, *times)));
    }
    fleet.start_brain();
    let mut reached = kill.is_none();
    let first = let_go_on(&mut fleet).and_then(|()| come_to_rest(&mut fleet));
    let outcome = match first {
        Err(_) if fleet.has_died() && kill.is_some() => {
            reached = true;
            fleet.kill_brain();
            fleet.order(None);
            fleet.start_brain();
            let_go_on(&mut fleet).and_then(|()| come_to_rest(&mut fleet))
        }
        first => first,
    };
    let destroyed = fleet.cloud.ledger().destroyed;
    match outcome {
        Err(why) => Verdict::Wrong(format!("{why}\n{}", fleet.story())),
        Ok(_) if !all.is_subset(&fleet.cloud.ids()) => {
            Verdict::Wrong(format!("destroyed {destroyed:?}\n{}", fleet.story()))
        }
        Ok(recovered) if reached => Verdict::Exact { recovered },
        Ok(_) => Verdict::NotReached,
    }
}

/// The strangers stay, and beside them there is what is wanted.
fn come_to_rest(fleet: &mut Fleet) -> Result<Duration, String> {
    let strange = |fleet: &Fleet| quarantine(fleet).filter(|strange| !strange.is_empty());
    fleet.strangers = wait_for("strangers in quarantine", fleet, strange)?;
    let waits = known(&fleet.get("/api/overview").ok_or("the brain does not answer")?);
    let waits = waits.into_iter().filter(|(_, state)| state == "pool").map(|(vm, _)| vm);
    let lost = waits.filter(|vm| !vm.starts_with("vm-1000")).collect::<BTreeSet<String>>();
    fleet.lent = lost;
    fleet.settle(TODAY)
}

#[test]
fn a_store_of_yesterday_destroys_nothing_and_says_so() {
    let mut fleet = back_to_yesterday("yesterday");
    let all = fleet.cloud.ids();
    let routed = fleet.router_report().expect("it answers")["upstreams"].clone();
    fleet.start_brain();
    let told = wait_for("the brain to be cautious", &mut fleet, recovery);
    let told = told.unwrap_or_else(|why| panic!("{why}\n{}", fleet.story()));
    assert!(told.starts_with("the record is older than the world"), "{told}");
    std::thread::sleep(WATCHED);
    let ledger = fleet.cloud.ledger();
    assert!(ledger.made.is_empty() && ledger.destroyed.is_empty(), "{ledger:?}");
    let now = fleet.router_report().expect("it answers")["upstreams"].clone();
    let names = |all: &serde_json::Value| -> BTreeSet<String> {
        all.as_object().into_iter().flatten().map(|(vm, _)| vm.clone()).collect()
    };
    assert_eq!(names(&now), names(&routed), "those that served go on serving");
    let page = fleet.text("/").expect("it answers");
    assert!(page.contains("until it is known what is there"), "the page says so");
    let incidents = fleet.text("/api/incidents").expect("it answers");
    assert!(incidents.contains("older than the world"), "it is an incident: {incidents}");
    assert!(fleet.log().contains("recovery"), "and in the log");
    let nobody = fleet.post("/api/recovery", r#"{"by": "nobody", "done": true}"#);
    assert!(nobody.is_some_and(|answer| answer.contains("nobody is called")), "a person says so");
    let done = let_go_on(&mut fleet).and_then(|()| come_to_rest(&mut fleet));
    done.unwrap_or_else(|why| panic!("{why}\n{}", fleet.story()));
    assert!(all.is_subset(&fleet.cloud.ids()), "none of those that were there was destroyed");
    // The next brain knows where this one was.
    fleet.kill_brain();
    fleet.start_brain();
    fleet.settle(TODAY).unwrap_or_else(|why| panic!("{why}\n{}", fleet.story()));
    assert_eq!(recovery(&fleet), None);
}

/// What a store knows, opened in a folder of its own: each VM and its state.
pub(crate) fn vms_on_record(folder: &Path) -> BTreeMap<String, VmState> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let opened = store::Store::open(folder, model::time::Time::from_millis(1));
    let opened = opened.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let vms = opened.state.vms.iter().map(|(id, vm)| (id.to_string(), vm.state)).collect();
    let open_steps = opened.state.open_steps.iter();
    let orphaned = open_steps.filter(|step| !opened.state.vms.contains_key(&step.vm)).count();
    assert_eq!(orphaned, 0, "each open step has its VM");
    runtime.block_on(opened.store.close());
    vms
}
