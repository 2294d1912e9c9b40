//! `openslo`: the promises of the files in the form of OpenSLO v1, without a brain.

use anyhow::anyhow;
use model::id::ProjectId;

use super::{Found, say, say_error};
use crate::cli::{OpenSloArgs, Output};
use crate::config;
use crate::openslo::{Export, export, yaml};

pub(super) fn openslo(args: &OpenSloArgs) -> anyhow::Result<Found> {
    let loaded = config::load(&args.config.config);
    let Some(config) = &loaded.config else {
        loaded.problems.iter().for_each(|problem| say_error(&problem.to_string()));
        return Ok(Found::Errors);
    };
    let Export { documents, without_target } = export(config).map_err(|why| anyhow!("{why}"))?;
    match args.output.output {
        Output::Json => say(&serde_json::to_string(&documents)?),
        Output::Text => {
            let printed: Vec<String> = documents.iter().map(yaml).collect();
            say(printed.join("---\n").trim_end());
        }
    }
    if !without_target.is_empty() {
        let names: Vec<&str> = without_target.iter().map(ProjectId::as_str).collect();
        say_error(&format!("nothing is promised by: {}", names.join(", ")));
    }
    Ok(Found::Nothing)
}
