//! A forecast over three weeks: it is trusted while the days are alike, demoted when they no longer are,
//! and the brain says so, with the figures, when it happens.

use std::collections::BTreeMap;
use std::sync::Arc;

use cloudbrain::brain::core::{Core, Heard, Inheritance};
use cloudbrain::config;
use model::time::Time;
use model::unit::{Share, Span};
use scaler::facts::Forecast;
use scaler::forecast::{BUCKET, History, MOST_HISTORY, make};
use scaler::policy::{ForecastMode, RawForecast};
use store::Change;

const DAY: usize = 144;
const MODULE: &str = "shop/web";

/// Two weeks with a rush at ten, then one with it at another time each day.
fn work(bucket: usize) -> f64 {
    let (day, time) = (bucket / DAY, bucket % DAY);
    let rush = if day < 14 { 60 } else { 12 + day * 53 % 120 };
    if (rush..rush + 9).contains(&time) { 8.0 } else { 2.0 }
}

/// What is made of the last weeks, as it is made beside the brain.
fn forecast(now: usize) -> Forecast {
    let most = (MOST_HISTORY.as_secs() / BUCKET.as_secs()) as usize;
    let work = (now.saturating_sub(most)..now).map(|bucket| Some(work(bucket))).collect();
    let terms = RawForecast {
        mode: ForecastMode::RaiseFloor,
        horizon: Span::secs(1_800),
        min_history: Span::secs(3 * 86_400),
        max_raise: Share::Percent(50),
    };
    let history = History { end: at(now), work };
    make(&history, &terms, 0.8).forecast.expect("there is a day of history")
}

fn at(bucket: usize) -> Time {
    Time::from_millis(1_800_000_000_000) + BUCKET * bucket as u32
}

/// What the journal says of the forecast in one turn.
fn noted(core: &mut Core, now: Time) -> Option<String> {
    let turn = core.turn(now);
    let lines = turn.changes.into_iter().filter_map(|change| {
        let Change::Journal(line) = change else { return None };
        (line.what == "forecast").then_some(line)
    });
    let lines: Vec<_> = lines.collect();
    assert!(lines.len() <= 1, "{lines:?}");
    lines.first().map(|line| {
        let object = line.object.as_ref().map(ToString::to_string);
        format!("{} {}", object.unwrap_or_default(), line.text)
    })
}

#[test]
fn a_forecast_is_demoted_when_the_days_change_and_that_is_said_with_its_reason() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let config = config::load(&path.join("../examples/shop/cloudbrain.yaml")).config;
    let config = Arc::new(config.expect("the example is in order"));
    let mut core = Core::new(config, Inheritance::default(), at(2 * DAY));
    let mut said: Vec<(usize, String)> = Vec::new();
    for bucket in (2 * DAY..21 * DAY).step_by(6) {
        let forecasts = BTreeMap::from([(MODULE.parse().unwrap(), forecast(bucket))]);
        core.hear(Heard::Foreseen(forecasts), at(bucket));
        said.extend(noted(&mut core, at(bucket)).map(|text| (bucket / DAY, text)));
    }
    let days: Vec<usize> = said.iter().map(|(day, _)| *day).collect();
    let [trusted, demoted] = &said[..] else { panic!("{said:#?}") };
    assert!(trusted.1.starts_with("module/shop/web trusted again: "), "{said:#?}");
    assert!(days[0] <= 4 && (14..20).contains(&days[1]), "{said:#?}");
    let why = "module/shop/web not trusted any more: off by ";
    assert!(demoted.1.starts_with(why), "{said:#?}");
    assert!(demoted.1.contains("VMs in the last 7 days, \"same"), "{said:#?}");
    let ahead_of_ten = forecast(10 * DAY + 58);
    assert_eq!((ahead_of_ten.count, ahead_of_ten.is_trusted), (10, true), "{ahead_of_ten:?}");
}
