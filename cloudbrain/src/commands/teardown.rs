//! `teardown`: ends a fleet of processes whole. VMs and routers outlive the brain on purpose, so
//! there must be a way to be rid of them.

use anyhow::{Context as _, bail};
use model::time::Time;
use model::vm::{Vm, VmState};
use store::{Change, JournalRow, Remembered, StepStatus, Store};

use super::{Found, say, say_error};
use crate::brain::start::make_hands_without_starting;
use crate::cli::ConfigArg;
use crate::{clock, config};

pub(super) async fn teardown(args: ConfigArg) -> anyhow::Result<Found> {
    let loaded = config::load(&args.config);
    for problem in &loaded.problems {
        say_error(&problem.to_string());
    }
    let Some(config) = loaded.config else { bail!("the files are refused; see above") };
    let now = clock::real().now();
    // The lease of the data folder: a brain that runs would make all of it anew.
    let opened = Store::open(&config.store_folder(), now)
        .context("a fleet is torn down after its brain was stopped")?;
    let (provider, routers) = make_hands_without_starting(&config)?;
    for router in &routers {
        router.stop().await.with_context(|| format!("stopping router {}", router.name()))?;
    }
    if let Some(provider) = provider {
        provider.destroy_all().await.context("ending the VMs and hosts")?;
    }
    let count = opened.state.vms.len();
    opened.store.commit(record(&opened.state, now)).await.context("recording the end")?;
    opened.store.close().await;
    say(&format!(
        "ended {count} VMs, their hosts and {} routers; the record is kept",
        routers.len()
    ));
    Ok(Found::Nothing)
}

/// What the record must say afterwards: every step closed, every VM gone.
fn record(state: &Remembered, now: Time) -> Vec<Change> {
    let mut changes = Vec::new();
    for step in &state.open_steps {
        let mut step = step.clone();
        step.status = StepStatus::Failed;
        step.error = Some("torn down".to_owned());
        changes.push(Change::Step(step));
    }
    for vm in state.vms.values() {
        changes
            .extend([VmState::Destroying, VmState::Gone].map(|to| Change::Vm(ended(vm, to, now))));
    }
    changes.push(Change::Journal(JournalRow {
        at: now,
        who: "teardown".to_owned(),
        what: "fleet ended".to_owned(),
        object: None,
        text: format!("{} VMs ended by hand", state.vms.len()),
    }));
    changes
}

fn ended(vm: &Vm, to: VmState, now: Time) -> Vm {
    Vm { state: to, since: now, why: "torn down".to_owned(), ..vm.clone() }
}
