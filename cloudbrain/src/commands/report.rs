//! `report`: how available a project was, or all of them, by the running brain.

use form_urlencoded::byte_serialize;
use model::lang::Lang;

use super::ask::brain_of;
use super::http::get_text;
use super::{Found, say};
use crate::cli::{Output, ReportArgs, ReportFormat};

pub(super) async fn report(args: ReportArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
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
