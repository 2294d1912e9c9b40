//! `correct`: what a span of a module's past was, by somebody who knows.

use super::Found;
use super::acts::tell;
use super::ask::brain_of;
use super::http::post_json;
use crate::brain::acts::correct::{CorrectWish, Corrected};
use crate::cli::CorrectArgs;

pub(super) async fn correct(args: CorrectArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let wish = CorrectWish {
        module: args.module,
        period: args.period,
        state: args.state,
        by: args.by,
        reason: args.reason,
    };
    let done: Corrected = post_json(brain, "/api/corrections", &wish).await?;
    tell(&args.ask, &done, || {
        let Corrected { module, from, until, state, by, .. } = &done;
        format!(
            "{module} counts as {state} from {from} until {until}, by {by}; take it back with: --as measured"
        )
    })
}
