//! `hold`, `holds` and `unhold`: the scaler leaves something alone for a while.

use dashboards::view::quiet::HoldView;

use super::acts::tell;
use super::ask::brain_of;
use super::http::{delete_json, get_json, post_json};
use super::{Found, say};
use crate::brain::acts::hold::HoldWish;
use crate::cli::{AskArgs, HoldArgs, Output, UnholdArgs};

pub(super) async fn hold(args: HoldArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let wish = HoldWish {
        module: args.on.0,
        what: args.what,
        by: args.by,
        reason: args.reason,
        lasting: args.end.lasting,
        until: args.end.until,
    };
    let held: HoldView = post_json(brain, "/api/holds", &wish).await?;
    tell(&args.ask, &held, || {
        format!("{}; end it with: cloudbrain unhold {} --by PERSON", line(&held), held.id)
    })
}

pub(super) async fn holds(args: AskArgs) -> anyhow::Result<Found> {
    let holds: Vec<HoldView> = get_json(brain_of(&args)?, "/api/holds").await?;
    if args.output.output == Output::Json {
        say(&serde_json::to_string(&holds)?);
        return Ok(Found::Nothing);
    }
    if holds.is_empty() {
        say("nothing is held");
    }
    for hold in &holds {
        say(&format!("{}  by {}: {}", line(hold), hold.by, hold.reason));
    }
    Ok(Found::Nothing)
}

pub(super) async fn unhold(args: UnholdArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let path = format!("/api/holds/{}?by={}", args.hold, args.by);
    let ended: HoldView = delete_json(brain, &path).await?;
    tell(&args.ask, &ended, || {
        format!("{} of {} is over; the next tick does what is due", ended.id, ended.on())
    })
}

/// `h1 holds shop/web (in: nothing is taken away) until 2026-11-21T12:00:00Z`.
fn line(hold: &HoldView) -> String {
    let means = match hold.what.as_str() {
        "in" => "nothing is taken away",
        "out" => "nothing is added",
        "isolate" => "no ill VM is isolated",
        _ => "nothing is added, taken away or isolated",
    };
    format!("{} holds {} ({}: {means}) until {}", hold.id, hold.on(), hold.what, hold.until)
}
