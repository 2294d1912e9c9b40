//! `vantage`: probes from another place, until it is stopped.

use anyhow::{Context as _, anyhow};
use drivers::channel::Trust;
use drivers::uplink::Uplink;

use super::Found;
use crate::cli::VantageArgs;
use crate::clock;
use crate::vantage::spool::Limits;
use crate::vantage::{self, Settings};

pub(super) async fn vantage(args: VantageArgs) -> anyhow::Result<Found> {
    let path = &args.token_file;
    let token = std::fs::read_to_string(path);
    let token = token.with_context(|| format!("reading the token in {}", path.display()))?;
    let token = token.lines().next().unwrap_or_default().trim().to_owned();
    let uplink = Uplink::new(&args.brain, token, &Trust::system()).ok_or_else(|| {
        anyhow!("{:?} is no address of a brain; write http://127.0.0.1:8090", args.brain)
    })?;
    tracing::info!(name = %args.name, brain = args.brain, "probing from here");
    let settings = Settings {
        name: args.name,
        uplink,
        folder: args.spool,
        limits: Limits { age: args.keep.0, bytes: u64::from(args.keep_mib) << 20 },
        resolve: args.resolve.into_iter().collect(),
    };
    vantage::run(settings, clock::real()).await?;
    Ok(Found::Nothing)
}
