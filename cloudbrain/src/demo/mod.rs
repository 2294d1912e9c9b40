//! The demo: a fleet on this machine, a rush, a dead host, a calm, and what cloudbrain makes of it.
//!
//! It is a user like any other: the brain is a process of its own that runs on the files of
//! `examples/shop`; the demo makes the load, kills the host, reads the brain's API and tells the
//! story. So what it shows is what a user gets.

mod fleet;
mod load;
mod story;
mod summary;

use std::time::Duration;

use anyhow::bail;
use model::clock::SharedClock;
use model::id::HostId;

use crate::cli::{DemoArgs, Output};
use crate::clock;
use crate::commands::{Found, say, say_error};

use fleet::Fleet;
use load::{Curve, SharedTally};
use story::{Kill, Story};

/// A shorter demo has no time for a calm that scales in.
const SHORTEST: Duration = Duration::from_secs(45);
/// The fleet may take this long to come up.
const UP_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The host that dies.
const VICTIM: &str = "h2";

/// Prints the story: on stdout, or on stderr if stdout is for the JSON summary.
#[derive(Clone, Copy, Debug)]
pub struct Teller {
    json: bool,
}

impl Teller {
    fn tell(self, line: &str) {
        if self.json {
            say_error(line);
        } else {
            say(line);
        }
    }
}

/// Runs the demo to its end, or until Ctrl-C.
pub async fn run(args: DemoArgs) -> anyhow::Result<Found> {
    if args.lasting.0 < SHORTEST {
        bail!("--for {} is too short to show anything; write at least 45s", args.lasting);
    }
    let teller = Teller { json: args.output.output == Output::Json };
    let mut fleet = Fleet::start(args.listen)?;
    let shown = tokio::select! {
        shown = show(&mut fleet, &args, teller) => shown.map(Some),
        _ = tokio::signal::ctrl_c() => Ok(None),
    };
    let ended = fleet.end().await;
    match shown? {
        None => teller.tell("stopped; everything that was started has ended"),
        Some(summary) if teller.json => say(&serde_json::to_string(&summary)?),
        Some(summary) => say(&summary.to_string()),
    }
    ended?;
    Ok(Found::Nothing)
}

async fn show(
    fleet: &mut Fleet,
    args: &DemoArgs,
    teller: Teller,
) -> anyhow::Result<summary::Summary> {
    let clock = clock::real();
    teller.tell(&format!("page      http://{}/", fleet.listen()));
    teller.tell("starting  two hosts, a pool of VMs, a router, the brain");
    wait_until_up(fleet, &clock).await?;
    let curve = Curve { lasting_s: args.lasting.0.as_secs_f64() };
    let tally = SharedTally::default();
    let mut story = Story::begin(fleet, &clock, curve, teller);
    let users = tokio::spawn(load::run(curve, fleet.router, clock.clone(), tally.clone()));
    let killer = tokio::spawn(kill(fleet, curve, clock.clone()));
    while story.second(&clock) < curve.lasting_s {
        tokio::time::sleep(LOOK_EVERY).await;
        if let Some(end) = fleet.brain_ended() {
            bail!("{end}");
        }
        story.look(fleet, &clock).await?;
    }
    users.await?;
    let kill = killer.await??;
    let tally = tally.lock().expect("no holder of this lock panics").clone();
    story.finish(fleet, &clock, &tally, kill).await
}

/// Waits until the module serves with its least number of VMs and the pool is full.
async fn wait_until_up(fleet: &mut Fleet, clock: &SharedClock) -> anyhow::Result<()> {
    let begun = clock.elapsed();
    loop {
        if let Some(end) = fleet.brain_ended() {
            bail!("{end}");
        }
        if story::is_up(fleet).await {
            return Ok(());
        }
        if clock.elapsed().saturating_sub(begun) > UP_WITHIN {
            bail!(
                "the fleet did not come up within {} s; see {}",
                UP_WITHIN.as_secs(),
                fleet.folder.display()
            );
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Kills a host in the middle of the rush, and looks for the moment when the router sends nothing
/// to its VMs any more.
fn kill(
    fleet: &Fleet,
    curve: Curve,
    clock: SharedClock,
) -> impl Future<Output = anyhow::Result<Kill>> + Send + use<> {
    let hands = fleet.hands.clone();
    async move {
        let begun = clock.elapsed();
        tokio::time::sleep(Duration::from_secs_f64(curve.kill_at_s())).await;
        let host = HostId::parse(VICTIM)?;
        let vms = hands.vms_on(&host).await?;
        hands.kill_host(&host).await?;
        let (at, at_s) = (clock.now(), clock.elapsed().saturating_sub(begun).as_secs_f64());
        let mut out_of_router_s = None;
        while out_of_router_s.is_none() {
            let routed = hands.routed().await;
            let second = clock.elapsed().saturating_sub(begun).as_secs_f64();
            if routed.is_ok_and(|routed| !routed.iter().any(|vm| vms.contains(vm))) {
                out_of_router_s = Some(second - at_s);
            } else if second >= curve.lasting_s {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(Kill { at, at_s, vms, out_of_router_s })
    }
}
