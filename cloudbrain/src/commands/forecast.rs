//! `forecast score`: how good the forecast of a module is, against those that need no thought.

use std::time::Duration;

use model::unit::Span;
use scaler::policy::ForecastMode;

use super::ask::brain_of;
use super::http::get_json;
use super::{Found, say};
use crate::api::forecast::ForecastView;
use crate::cli::{ForecastScoreArgs, Output};

pub(super) async fn score(args: ForecastScoreArgs) -> anyhow::Result<Found> {
    let brain = brain_of(&args.ask)?;
    let path = format!("/api/forecast?module={}", args.module);
    let view: ForecastView = get_json(brain, &path).await?;
    match args.ask.output.output {
        Output::Json => say(&serde_json::to_string(&view)?),
        Output::Text => tell(&view),
    }
    let is_trusted = view.forecast.as_ref().is_some_and(|forecast| forecast.is_trusted);
    Ok(if is_trusted { Found::Nothing } else { Found::Differences })
}

fn tell(view: &ForecastView) {
    let mode = match view.mode {
        ForecastMode::None => "none: nothing is made of it",
        ForecastMode::Observe => "observe: it changes nothing",
        ForecastMode::RaiseFloor => "raise-floor: it may lift the floor while it is trusted",
    };
    let history = Span(Duration::from_secs(view.history_s / 60 * 60));
    say(&format!("{}  mode {mode}", view.module));
    say(&format!("  history            {history}"));
    match &view.forecast {
        Some(forecast) => {
            let word = if forecast.is_trusted { "trusted" } else { "not trusted" };
            say(&format!("  forecast           {} VMs, as of {}", forecast.count, forecast.at));
            say(&format!("  {word:<18} {}", forecast.why));
        }
        None => say("  forecast           none: yesterday at this time nobody measured"),
    }
    let score = &view.score;
    if score.cases == 0 {
        return say("  score              none yet: there is nothing to judge it by");
    }
    let week = score.same_last_week.map_or("-".to_owned(), |week| format!("{week:.2}"));
    say(&format!(
        "  off by, on average over {} cases of the last 7 days, in VMs of work:",
        score.cases
    ));
    say(&format!("    by the rhythm      {:.2}", score.seasonal));
    say(&format!("    same as now        {:.2}", score.same_as_now));
    say(&format!("    same time last week {week:>3}"));
}
