//! `pools` and `capacity`: what is there, and what could still be made.

use dashboards::view::capacity::{CapacityView, Days, FlavorCapacity, TrendView};

use super::ask::brain_of;
use super::http::get_json;
use super::{Found, say};
use crate::cli::{AskArgs, Output};

pub(super) async fn pools(args: AskArgs) -> anyhow::Result<Found> {
    let view: CapacityView = get_json(brain_of(&args)?, "/api/capacity").await?;
    match args.output.output {
        Output::Json => say(&serde_json::to_string(&view.flavors)?),
        Output::Text => tell_pools(&view),
    }
    let runs_low = view.flavors.iter().any(|one| one.is_low() || one.is_dry());
    Ok(if runs_low { Found::Differences } else { Found::Nothing })
}

pub(super) async fn capacity(args: AskArgs) -> anyhow::Result<Found> {
    let view: CapacityView = get_json(brain_of(&args)?, "/api/capacity").await?;
    match args.output.output {
        Output::Json => say(&serde_json::to_string(&view)?),
        Output::Text => tell_capacity(&view),
    }
    Ok(if view.is_well() { Found::Nothing } else { Found::Differences })
}

fn tell_pools(view: &CapacityView) {
    if view.flavors.is_empty() {
        return say("no pool is configured; add a file of kind Pool to the policy folder");
    }
    say("flavor            ready  being made  allocated     in all  can be made");
    for one in &view.flavors {
        let made = one.creatable().map_or_else(|| "not known".to_owned(), |more| more.to_string());
        say(&format!(
            "{:<14} {:>3} of {:<2} {:>10} {:>10} {:>4} of {:<4} {made:>10}",
            one.flavor,
            one.ready,
            one.wanted_ready,
            one.being_made,
            one.allocated,
            one.total,
            one.max_total,
        ));
        for trouble in troubles(one) {
            say(&format!("    {trouble}"));
        }
    }
}

/// What calls for somebody, or keeps the pool from filling up.
fn troubles(one: &FlavorCapacity) -> Vec<String> {
    let mut troubles = Vec::new();
    if one.is_low() {
        let FlavorCapacity { allocated, max_total, warn_at, .. } = one;
        troubles.push(format!("{allocated} of {max_total} work for modules, warned at {warn_at}"));
    }
    if let Some(waits) = &one.waits {
        let what = if one.is_dry() { "no VM is ready" } else { "fewer are ordered than wanted" };
        troubles.push(format!("{what}: {waits}"));
    }
    if one.quarantined > 0 {
        troubles
            .push(format!("{} in quarantine: they bear our tag and are unknown", one.quarantined));
    }
    troubles
}

fn tell_capacity(view: &CapacityView) {
    match &view.provider {
        None => say("no provider is configured: nothing can be made"),
        Some(provider) => {
            let at = provider.at.map_or_else(|| "never".to_owned(), |at| at.to_string());
            let error = provider.error.as_ref().map(|error| format!("; now: {error}"));
            say(&format!(
                "provider {}, heard last {at}{}",
                provider.name,
                error.unwrap_or_default()
            ));
        }
    }
    for one in &view.flavors {
        tell_flavor(one);
    }
    if view.starving.is_empty() {
        return say("All modules could have their most at once.");
    }
    say("If all modules wanted their most at once:");
    for one in &view.starving {
        say(&format!("  {} would lack {} x {} (by {})", one.module, one.lacks, one.flavor, one.by));
    }
}

fn tell_flavor(one: &FlavorCapacity) {
    let FlavorCapacity { total, max_total, allocated, ready, wanted_ready, warn_at, .. } = one;
    say(&format!(
        "{}   in all {total} of {max_total}   allocated {allocated} (warned at {warn_at})   ready {ready} \
         of {wanted_ready}   being made {}   quarantined {}",
        one.flavor, one.being_made, one.quarantined,
    ));
    match one.bounds.split_first() {
        None => say("  can be made   not known: no limit is told"),
        Some((first, others)) => {
            say(&format!("  can be made   {}, by {}", first.more, first.limit));
            for bound in others {
                say(&format!("                {} by {}", bound.more, bound.limit));
            }
        }
    }
    if let Some(waits) = &one.waits {
        say(&format!("  waits         {waits}"));
    }
    let made = one.last_made.map_or_else(|| "never yet".to_owned(), |at| at.to_string());
    say(&format!("  made last     {made}"));
    if let Some((at, why)) = &one.last_shortage {
        say(&format!("  no room last  {at}: {why}"));
    }
    say(&format!("  trend         {}", trend(one)));
}

fn trend(one: &FlavorCapacity) -> String {
    let history = one.history_days;
    let Some(TrendView { per_day, low, high, to_80, to_100 }) = &one.trend else {
        return format!("not known: {history:.1} days of history, at least 1 is needed");
    };
    format!(
        "{per_day:+.1} VMs a day ({low:+.1} to {high:+.1}), 80 % {}, 100 % {}, from {history:.1} days",
        in_days(to_80),
        in_days(to_100),
    )
}

fn in_days(days: &Days) -> String {
    match days.likely {
        None => "not at this rate".to_owned(),
        Some(0.0) => "reached".to_owned(),
        Some(likely) => {
            let soonest = days.soonest.unwrap_or(likely);
            let latest =
                days.latest.map_or_else(|| "never".to_owned(), |days| format!("{days:.0}"));
            format!("in {likely:.0} days ({soonest:.0} to {latest})")
        }
    }
}
