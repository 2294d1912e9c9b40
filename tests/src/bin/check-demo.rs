//! Judges the demo's summary: `cloudbrain demo -o json | check-demo`.
//!
//! It holds the demo to its promises, one line each, so that a red run says which one was broken.

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::Value;

fn main() -> ExitCode {
    match judge() {
        Ok(0) => ExitCode::SUCCESS,
        Ok(_) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "check-demo: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn judge() -> anyhow::Result<usize> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text).context("reading the summary")?;
    let summary: Value = serde_json::from_str(&text).context("the summary is no JSON object")?;
    let promises = promises(&summary);
    let broken = promises.iter().filter(|(_, kept, _)| !kept).count();
    let mut out = std::io::stdout().lock();
    for (promise, kept, found) in &promises {
        let word = if *kept { "ok    " } else { "BROKEN" };
        let _ = writeln!(out, "{word} {promise} ({found})");
    }
    let _ = writeln!(out, "demo: {} passed, {broken} failed", promises.len() - broken);
    Ok(broken)
}

fn promises(summary: &Value) -> Vec<(&'static str, bool, String)> {
    let number = |value: &Value| value.as_f64().unwrap_or(f64::NAN);
    let failed = &summary["failed"];
    let kill = &summary["kill"];
    let rush_s = 0.15 * number(&summary["seconds"]);
    let out_s = first_growth_after(&summary["vms"], rush_s).map_or(f64::NAN, |at| at - rush_s);
    let in_s = last_shrink(summary);
    let told = |to: &str, kind: &str| {
        let messages = summary["messages"].as_array().into_iter().flatten();
        messages.filter(|message| message["to"] == to && message["kind"] == kind).count()
    };
    let owner = text_of(summary, "alice");
    let availability = &summary["availability"];
    vec![
        ("users came", number(&summary["requests"]) > 500.0, summary["requests"].to_string()),
        ("no request failed by scaling", failed["scaling"] == 0, failed["scaling"].to_string()),
        ("no request failed otherwise", failed["other"] == 0, failed["other"].to_string()),
        ("the rush scales out within 15 s", out_s <= 15.0, format!("{out_s:.1} s")),
        (
            "the dead VMs leave the router within 3 s",
            number(&kill["out_of_router_s"]) <= 3.0,
            kill["out_of_router_s"].to_string(),
        ),
        (
            "they are replaced from the pool within 15 s",
            number(&kill["replaced_s"]) <= 15.0,
            kill["replaced_s"].to_string(),
        ),
        ("there is one incident", summary["incidents"] == 1, summary["incidents"].to_string()),
        (
            "the owner is told once",
            told("alice", "problem") == 1,
            told("alice", "problem").to_string(),
        ),
        (
            "operations are told once",
            told("ops", "problem") == 1,
            told("ops", "problem").to_string(),
        ),
        (
            "the owner reads why, and what was done",
            owner.contains("because host h2 is down") && owner.contains("replaced in"),
            owner.lines().next().unwrap_or("").to_owned(),
        ),
        ("the calm scales in", in_s.is_some(), format!("{in_s:?}")),
        (
            "availability keeps unknown apart",
            availability["known"].is_number() && availability["unknown_s"].is_number(),
            availability.to_string(),
        ),
    ]
}

fn first_growth_after(vms: &Value, second: f64) -> Option<f64> {
    let points: Vec<(f64, u64)> = points(vms);
    let growth = points.windows(2).find(|pair| pair[1].0 >= second && pair[1].1 > pair[0].1);
    growth.map(|pair| pair[1].0)
}

fn points(vms: &Value) -> Vec<(f64, u64)> {
    let points = vms.as_array().into_iter().flatten();
    points.filter_map(|point| Some((point[0].as_f64()?, point[1].as_u64()?))).collect()
}

/// The time of the last decision that made the module smaller.
fn last_shrink(summary: &Value) -> Option<f64> {
    let decisions = summary["decisions"].as_array()?;
    let shrinks = decisions.iter().filter(|d| d["to"].as_u64() < d["from"].as_u64());
    shrinks.filter_map(|decision| decision["time"].as_f64()).next_back()
}

fn text_of(summary: &Value, to: &str) -> String {
    let messages = summary["messages"].as_array().into_iter().flatten();
    let mut problems = messages.filter(|m| m["to"] == to && m["kind"] == "problem");
    let text = problems.next().and_then(|message| message["text"].as_str());
    text.unwrap_or("nothing was told").to_owned()
}
