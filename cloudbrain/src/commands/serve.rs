//! `serve`: the brain on the user's own files, until SIGTERM or Ctrl-C.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};

use super::{Found, say_error};
use crate::brain::start::{Started, start};
use crate::brain::{self, Input};
use crate::cli::ConfigArg;
use crate::config::raw::RawProvider;
use crate::config::{self, Config};
use crate::{api, clock};

const TETHER_LOOK: Duration = Duration::from_secs(1);

pub(super) async fn serve(args: ConfigArg) -> anyhow::Result<Found> {
    let loaded = config::load(&args.config);
    for problem in &loaded.problems {
        say_error(&problem.to_string());
    }
    let Some(config) = loaded.config else {
        bail!("the files are refused; see above");
    };
    let path: PathBuf = args.config;
    let listen = config.raw.listen;
    let started = start(&path, config, clock::real()).await?;
    let Started { brain, handle, config, listener } = started;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let api = tokio::spawn(api::serve(handle.clone(), listener, wait_for(stopped)));
    let routers = brain.hands.routers.clone();
    let running = tokio::spawn(brain::run(brain));
    tracing::info!(fleet = config.raw.fleet, "serving; the page is at http://{listen}/");
    let tether = tether(&config);
    let outcome = until_told(running, api, &handle.inbox, tether).await;
    stop.send_replace(true);
    if tether.is_some_and(|pid| !is_there(pid)) {
        for router in routers {
            router.stop().await.context("stopping a tethered router")?;
        }
    }
    outcome
}

/// The process without which this fleet ends: VMs see to it themselves, the rest is seen to here.
fn tether(config: &Config) -> Option<u32> {
    config.raw.providers.first().and_then(RawProvider::process)?.tether
}

fn is_there(pid: u32) -> bool {
    std::path::Path::new(&format!("/proc/{pid}")).exists()
}

async fn tether_gone(tether: Option<u32>) {
    match tether {
        None => std::future::pending().await,
        Some(pid) => {
            while is_there(pid) {
                tokio::time::sleep(TETHER_LOOK).await;
            }
        }
    }
}

type Running = tokio::task::JoinHandle<Result<(), brain::Halt>>;
type Serving = tokio::task::JoinHandle<anyhow::Result<()>>;

/// Ends when it is told to, or when the brain or the front door ends by itself.
async fn until_told(
    mut running: Running,
    mut serving: Serving,
    inbox: &tokio::sync::mpsc::Sender<Input>,
    tether: Option<u32>,
) -> anyhow::Result<Found> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
        () = tether_gone(tether) => tracing::info!("the process this fleet is tethered to is gone"),
        ended = &mut running => {
            ended.context("the brain broke down")?.context("the record is not to be trusted")?;
            bail!("the brain ended by itself");
        }
        ended = &mut serving => {
            ended.context("the front door broke down")??;
            bail!("the front door ended by itself");
        }
    }
    tracing::info!("stopping; VMs and routers go on");
    let _ = inbox.send(Input::Stop).await; // Else it has stopped already.
    running.await.context("the brain broke down")?.context("closing the record")?;
    Ok(Found::Nothing)
}

async fn wait_for(mut stopped: tokio::sync::watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await; // An error means the same: it is over.
}
