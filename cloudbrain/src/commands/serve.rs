//! `serve`: the brain on the user's own files, until SIGTERM or Ctrl-C.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{SignalKind, signal};

use super::{Found, say_error};
use crate::brain::start::{Started, start};
use crate::brain::{self, Input};
use crate::cli::ConfigArg;
use crate::{api, clock, config};

pub(super) async fn serve(args: ConfigArg) -> anyhow::Result<Found> {
    let loaded = config::load(&args.config);
    for problem in &loaded.problems {
        say_error(&problem.to_string());
    }
    let Some(config) = loaded.config else {
        bail!("the files are refused; see above");
    };
    let path: PathBuf = args.config;
    let Started { brain, handle, config } = start(&path, config, clock::real()).await?;
    let listen = config.raw.listen;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let api = tokio::spawn(api::serve(handle.clone(), listen, wait_for(stopped)));
    let running = tokio::spawn(brain::run(brain));
    tracing::info!(fleet = config.raw.fleet, "serving; the page is at http://{listen}/");
    let outcome = until_told(running, api, &handle.inbox).await;
    stop.send_replace(true);
    outcome
}

type Running = tokio::task::JoinHandle<Result<(), store::StoreError>>;
type Serving = tokio::task::JoinHandle<anyhow::Result<()>>;

/// Ends when it is told to, or when the brain or the front door ends by itself.
async fn until_told(
    mut running: Running,
    mut serving: Serving,
    inbox: &tokio::sync::mpsc::Sender<Input>,
) -> anyhow::Result<Found> {
    let mut terminate = signal(SignalKind::terminate()).context("listening for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = tokio::signal::ctrl_c() => {}
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
