//! `check` and `schema`: the files that people write.

use anyhow::Context as _;
use schemars::Schema;
use serde_json::json;

use super::{Found, get_json, say, say_error};
use crate::cli::{CheckArgs, Output, SchemaKind};
use crate::config::accounting::RawAccountingPolicy;
use crate::config::raw::{RawConfig, RawProject};
use crate::config::{self, Loaded};

pub(super) async fn check(args: CheckArgs) -> anyhow::Result<Found> {
    let mut loaded = config::load(&args.config.config);
    if let Some(config) = &loaded.config {
        let failed = config.rules.try_out(false);
        loaded.config = loaded.config.filter(|_| failed.is_empty());
        loaded.problems.extend(failed);
        if let Some(config) = &loaded.config {
            let now = crate::clock::real().now();
            loaded.problems.extend(config::schedules::doubts(&args.config.config, config, now));
            // A brain that runs on these files knows how their modules have behaved.
            if let Ok(histories) = get_json(config.raw.listen, "/api/history").await {
                loaded.problems.extend(config::policies::hindsight(config, &histories));
            }
        }
    }
    match args.output.output {
        Output::Json => say(&json!({"problems": loaded.problems}).to_string()),
        Output::Text => tell(&loaded),
    }
    Ok(match (&loaded.config, loaded.problems.is_empty()) {
        (None, _) => Found::Errors,
        (Some(_), false) => Found::Differences,
        (Some(_), true) => Found::Nothing,
    })
}

fn tell(loaded: &Loaded) {
    for problem in &loaded.problems {
        say_error(&problem.to_string());
    }
    if let Some(config) = &loaded.config {
        let policies = config.scaler.policies.values();
        let acting = policies.clone().filter(|policy| policy.mode.acts()).count();
        say(&format!(
            "{} projects, {} modules, {} policies ({acting} act, the others only say what they \
             would do), {} pools, {} rules ({} tests): in order",
            config.projects.len(),
            config.modules.len(),
            policies.count(),
            config.scaler.pools.len(),
            config.rules.set.len(),
            config.rules.test_count(),
        ));
    }
}

/// The JSON Schema of one kind of file.
pub fn schema(kind: SchemaKind) -> Schema {
    match kind {
        SchemaKind::Config => schemars::schema_for!(RawConfig),
        SchemaKind::Project => schemars::schema_for!(RawProject),
        SchemaKind::Policy => schemars::schema_for!(scaler::policy::RawPolicy),
        SchemaKind::Pool => schemars::schema_for!(scaler::pool::RawPool),
        SchemaKind::Accounting => schemars::schema_for!(RawAccountingPolicy),
        SchemaKind::Rule => schemars::schema_for!(crate::rules::raw::RawRules),
    }
}

pub(super) fn print_schema(kind: SchemaKind) -> anyhow::Result<Found> {
    let text = serde_json::to_string_pretty(&schema(kind)).context("writing the schema")?;
    say(&text);
    Ok(Found::Nothing)
}
