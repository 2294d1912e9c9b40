//! `release`: a new version of a module goes out; a pipeline says so.

use super::Found;
use super::acts::tell;
use super::ask::brain_of;
use super::http::post_json;
use crate::brain::acts::release::ReleaseWish;
use crate::cli::ReleaseArgs;

pub(super) async fn release(args: ReleaseArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let wish = ReleaseWish { module: args.module, version: args.version, by: args.by };
    let done: ReleaseWish = post_json(brain, "/api/releases", &wish).await?;
    tell(&args.ask, &done, || {
        let ReleaseWish { module, version, by } = &done;
        format!("{version} of {module} goes out, by {by}; what breaks soon after is put down to it")
    })
}
