//! `schedule preview`: what the schedules of policies will do, by the files and without a brain.

use std::time::Duration;

use anyhow::bail;
use model::id::ModuleId;
use serde::Serialize;

use super::{Found, say, say_error};
use crate::cli::{Output, PreviewArgs};
use crate::config::timetable::ChangeOfTerms;
use crate::config::{self, Config};

/// What is to come for one module.
#[derive(Debug, Serialize)]
struct Preview {
    module: ModuleId,
    changes: Vec<ChangeOfTerms>,
}

pub(super) fn preview(args: &PreviewArgs) -> anyhow::Result<Found> {
    let loaded = config::load(&args.config.config);
    let Some(config) = &loaded.config else {
        loaded.problems.iter().for_each(|problem| say_error(&problem.to_string()));
        return Ok(Found::Errors);
    };
    let modules = modules(config, args.module.as_ref())?;
    let now = crate::clock::real().now();
    let until = now + Duration::from_secs(u64::from(args.days) * 86_400);
    let previews = modules.into_iter().map(|module| {
        let policy = &config.scaler.policies[&module];
        let table = config.timetables.get(&module);
        let changes = table.map(|table| table.preview(policy, now, until)).unwrap_or_default();
        Preview { module, changes }
    });
    let previews: Vec<Preview> = previews.collect();
    match args.output.output {
        Output::Json => say(&serde_json::to_string(&previews)?),
        Output::Text => previews.iter().for_each(|preview| tell(preview, args.days)),
    }
    Ok(Found::Nothing)
}

fn modules(config: &Config, asked: Option<&ModuleId>) -> anyhow::Result<Vec<ModuleId>> {
    let known = || config.scaler.policies.keys();
    let Some(asked) = asked else { return Ok(known().cloned().collect()) };
    if config.scaler.policies.contains_key(asked) {
        return Ok(vec![asked.clone()]);
    }
    let known: Vec<&str> = known().map(ModuleId::as_str).collect();
    bail!("no policy scales {asked}; policies scale {}", known.join(", "))
}

fn tell(preview: &Preview, days: u32) {
    let [first, rest @ ..] = preview.changes.as_slice() else { return };
    let bounds = |change: &ChangeOfTerms| {
        format!("{} to {} VMs, mode {}", change.floor, change.ceiling, change.mode)
    };
    say(&format!("{}  now {}{}", preview.module, bounds(first), holding(first)));
    if rest.is_empty() {
        say(&format!("  no schedule changes that within {days} days"));
    }
    for change in rest {
        let zone = &change.zone;
        say(&format!("  {}  {zone}  {}{}", change.local, bounds(change), holding(change)));
        if let Some(note) = &change.note {
            say(&format!("      {note}"));
        }
    }
}

fn holding(change: &ChangeOfTerms) -> String {
    match change.schedules.as_slice() {
        [] => String::new(),
        names => format!("  ({})", names.join(", ")),
    }
}
