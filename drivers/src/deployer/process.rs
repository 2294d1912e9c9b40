//! Programs on VMs that are processes of this machine.
//!
//! An order is a file in the VM's folder, and so is the answer (see `machine`): a brain that dies
//! in between has still ordered, and the next one finds what came of it.
//!
//! Invariant: the epoch of the order never falls, nor its generation within an epoch, and a program
//! that was told to stop is not started again under the same assignment of the same epoch; so a word
//! that comes late changes nothing, whoever says it.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use model::id::VmId;
use scaler::hands::{Answer, Deployer, HandError, Machine, Program};
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::files::{Found, last_line};
use crate::machine::{App, AppState, Folder, Life, Order};
use crate::process::StillThere;

/// How long a program may take to start.
const START_PATIENCE: Duration = Duration::from_secs(5);

/// How long a program may take to be gone, beyond its grace.
const STOP_PATIENCE: Duration = Duration::from_secs(5);

/// What a program gets between SIGTERM and SIGKILL when another is to take its place.
const REPLACE_GRACE: Duration = Duration::from_secs(2);

/// How often the answer is looked for.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Deploys to the VMs of a [`ProcessProvider`](crate::provider::process::ProcessProvider).
#[derive(Debug)]
pub struct ProcessDeployer {
    vms: PathBuf,
    /// Held from reading an order until the next one is written.
    ordering: Mutex<()>,
}

impl ProcessDeployer {
    /// `folder` is the folder of the provider, which must have been made by it.
    pub fn new(folder: &Path) -> io::Result<Self> {
        Ok(Self { vms: folder.join("vms").canonicalize()?, ordering: Mutex::default() })
    }

    async fn start(&self, vm: &VmId, program: &Program) -> Result<(), HandError> {
        if program.command.is_empty() {
            return Err(HandError::Refused("its command is empty".to_owned()));
        }
        let folder = Folder::of(&self.vms, vm.as_str()).filter(runs);
        let folder = folder.ok_or_else(|| HandError::Failed("the VM does not run".to_owned()))?;
        self.order_start(&folder, program).await?;
        let started = answer(&folder, |app| started(&folder, app, program.assignment));
        timeout(START_PATIENCE, started).await.unwrap_or(Err(HandError::TimedOut(START_PATIENCE)))
    }

    async fn stop(&self, vm: &VmId, grace: Duration) -> Result<(), HandError> {
        let Some(folder) = Folder::of(&self.vms, vm.as_str()) else { return Ok(()) };
        if !runs(&folder) {
            // A VM whose own process was killed leaves its program behind.
            let killed = folder.kill().await;
            return killed.map_err(|StillThere| HandError::TimedOut(STOP_PATIENCE));
        }
        let Some(generation) = self.order_stop(&folder, grace).await? else { return Ok(()) };
        let stopped = answer(&folder, |app| {
            let is_stopped = app.generation >= generation && app.state == AppState::Stopped;
            (is_stopped || !runs(&folder)).then_some(Ok(()))
        });
        let patience = grace.saturating_add(STOP_PATIENCE);
        timeout(patience, stopped).await.unwrap_or(Err(HandError::TimedOut(patience)))
    }

    /// Writes the order, unless it stands there already.
    async fn order_start(&self, folder: &Folder, program: &Program) -> Result<(), HandError> {
        let _ordering = self.ordering.lock().await;
        let order = order_of(folder)?;
        if is_there(&order, program)? {
            return Ok(());
        }
        let order = Order {
            epoch: program.epoch,
            generation: program.assignment,
            program: Some(program.clone()),
            grace_ms: in_millis(REPLACE_GRACE),
        };
        write(folder, &order)
    }

    /// Writes the order. None if nothing was ever to run.
    async fn order_stop(&self, folder: &Folder, grace: Duration) -> Result<Option<u32>, HandError> {
        let _ordering = self.ordering.lock().await;
        if matches!(folder.order(), Found::Nothing) {
            return Ok(None);
        }
        let order = order_of(folder)?;
        if order.program.is_some() {
            write(folder, &Order { program: None, grace_ms: in_millis(grace), ..order })?;
        }
        Ok(Some(order.generation))
    }
}

impl Deployer for ProcessDeployer {
    fn deploy<'a>(
        &'a self,
        machine: &'a Machine,
        program: &'a Program,
    ) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.start(&machine.vm, program))
    }

    fn undeploy<'a>(
        &'a self,
        machine: &'a Machine,
        grace: Duration,
    ) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.stop(&machine.vm, grace))
    }
}

/// Asks what became of an order until `judge` has a verdict.
async fn answer(
    folder: &Folder,
    judge: impl Fn(&App) -> Option<Result<(), HandError>>,
) -> Result<(), HandError> {
    loop {
        if let Found::Read(app) = folder.app()
            && let Some(verdict) = judge(&app)
        {
            return verdict;
        }
        sleep(LOOK_AGAIN).await;
    }
}

fn started(folder: &Folder, app: &App, assignment: u32) -> Option<Result<(), HandError>> {
    if app.generation != assignment {
        return None;
    }
    match app.state {
        AppState::Running => Some(Ok(())),
        AppState::Stopped => None,
        AppState::Exited => {
            let (how, line) = (&app.detail, last_line(&folder.app_log()));
            let detail = if line.is_empty() { how.clone() } else { format!("{how}: {line}") };
            Some(Err(HandError::Failed(detail)))
        }
    }
}

/// Whether the order for this very program stands there. An error says why it must not be given.
fn is_there(order: &Order, program: &Program) -> Result<bool, HandError> {
    if order.epoch > program.epoch {
        let (ours, later) = (program.epoch, order.epoch);
        let why = format!("it has orders of epoch {later}, and this is one of epoch {ours}");
        return Err(HandError::Refused(why));
    }
    let is_same = order.generation == program.assignment;
    let runs = order.program.as_ref().map(|runs| &runs.module);
    if is_same && runs == Some(&program.module) {
        return Ok(true);
    }
    // A later epoch may know less than the VM does, if its store was restored; its word counts.
    if order.epoch < program.epoch {
        return Ok(false);
    }
    if order.generation > program.assignment {
        let newer = order.generation;
        return Err(HandError::Refused(format!("assignment {newer} is newer")));
    }
    if is_same && order.generation > 0 {
        return Err(HandError::Refused("this assignment was stopped".to_owned()));
    }
    Ok(false)
}

fn runs(folder: &Folder) -> bool {
    matches!(folder.life(), Life::Running(_))
}

fn order_of(folder: &Folder) -> Result<Order, HandError> {
    match folder.order() {
        Found::Read(order) => Ok(order),
        Found::Nothing => Ok(Order::default()),
        Found::Unreadable(error) => {
            Err(HandError::Refused(format!("cannot read its deploy.json: {error}")))
        }
    }
}

fn write(folder: &Folder, order: &Order) -> Result<(), HandError> {
    let written = folder.write_order(order);
    written.map_err(|error| HandError::Failed(format!("cannot write its deploy.json: {error}")))
}

fn in_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
