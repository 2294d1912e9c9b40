//! `report`: how available a project was, or all of them, by the running brain.

use std::path::Path;

use anyhow::{anyhow, bail};
use dashboards::report::{beside_text, differs};
use dashboards::view::beside::BesideView;
use form_urlencoded::byte_serialize;
use model::id::ProjectId;
use model::lang::Lang;

use serde_json::{Value, json};

use super::acts::tell;
use super::ask::brain_of;
use super::http::{get_text, post_json};
use super::{Found, say};
use crate::api::report::Proposed;
use crate::cli::{Output, ReportArgs, ReportFormat};
use crate::config::yaml::Document;

pub(super) async fn report(args: ReportArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    if let Some(person) = &args.mail_to {
        let wish = json!({"to": person, "period": args.period});
        let sent: Value = post_json(brain, "/api/report/mail", &wish).await?;
        return tell(&args.ask, &sent, || sent["text"].as_str().unwrap_or_default().to_owned());
    }
    if let (Some(file), Some(project)) = (&args.beside, &args.project) {
        return beside(&args, file, project).await;
    }
    let period: String = byte_serialize(args.period.as_bytes()).collect();
    let format = match (args.format, args.ask.output.output) {
        (ReportFormat::Csv, _) => "csv",
        (ReportFormat::Html, _) => "html",
        (ReportFormat::Svg, _) => "svg",
        (ReportFormat::Json, _) | (ReportFormat::Text, Output::Json) => "json",
        (ReportFormat::Text, Output::Text) => "text",
    };
    let lang = match args.lang {
        Lang::En => "en",
        Lang::Zh => "zh",
    };
    let of = match (&args.project, &args.owner) {
        (Some(project), _) => format!("project={project}&"),
        (None, Some(owner)) => format!("owner={owner}&"),
        (None, None) => String::new(),
    };
    let path = format!("/api/report?{of}period={period}&format={format}&lang={lang}");
    say(get_text(brain, &path).await?.trim_end());
    Ok(Found::Nothing)
}

/// Two policies on the same record. What is wrong with the file is found where the record is.
async fn beside(args: &ReportArgs, file: &Path, project: &ProjectId) -> anyhow::Result<Found> {
    let is_json = args.format == ReportFormat::Json || args.ask.output.output == Output::Json;
    if !is_json && args.format != ReportFormat::Text {
        bail!("two policies are laid side by side as text or as json; write one of those");
    }
    let document = Document::read(file).map_err(|problem| anyhow!("{problem}"))?;
    let proposed = Proposed {
        project: project.clone(),
        period: args.period.clone(),
        file: document.path,
        text: document.text,
        lang: args.lang,
    };
    let view: BesideView = post_json(brain_of(&args.ask)?, "/api/report/beside", &proposed).await?;
    match is_json {
        true => say(&serde_json::to_string(&view)?),
        false => say(beside_text(&view, args.lang).trim_end()),
    }
    Ok(if differs(&view) { Found::Differences } else { Found::Nothing })
}
