//! The commands that run on the other side: a machine's agent, the inside of a VM, the router.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use collector::agent;
use collector::figures::{MachineFigures, TreeFigures, run_sampler};
use drivers::vm::VmIdentity;
use tokio::net::TcpListener;

use super::{Found, log_to_stderr};
use crate::cli::{AgentArgs, RouterArgs};
use crate::clock;

const SAMPLE_EVERY: Duration = Duration::from_secs(1);

pub(super) async fn agent(args: AgentArgs) -> anyhow::Result<Found> {
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("listening on {}", args.listen))?;
    let figures = Arc::new(MachineFigures::default());
    tokio::spawn(run_sampler(figures.clone(), SAMPLE_EVERY));
    tracing::info!("answering on {}", args.listen);
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    agent::serve(listener, name.trim().to_owned(), figures).await;
    Ok(Found::Nothing)
}

pub(super) async fn router(args: RouterArgs) -> anyhow::Result<Found> {
    drivers::vm::detach();
    drivers::router::proxy::run(&args.folder, args.listen, clock::real())
        .await
        .context("running the router")?;
    Ok(Found::Nothing)
}

/// One thread is enough for a VM's own agent, and there are many of them.
pub(super) fn vm(folder: &Path) -> anyhow::Result<Found> {
    drivers::vm::detach();
    log_to_stderr();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("starting the runtime")?;
    runtime
        .block_on(drivers::vm::run(folder, clock::real(), tell_figures))
        .with_context(|| format!("running the VM in {}", folder.display()))?;
    Ok(Found::Nothing)
}

async fn tell_figures(listener: TcpListener, identity: VmIdentity) {
    let pid = std::process::id();
    let figures = Arc::new(TreeFigures::new(pid, identity.cores, identity.load_window));
    tokio::spawn(run_sampler(figures.clone(), SAMPLE_EVERY));
    agent::serve(listener, identity.id.name().to_owned(), figures).await;
}
