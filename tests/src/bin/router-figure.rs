//! Failed requests over scale-ins and replacements under load: `router-figure nginx|haproxy|builtin
//! [SCALE-INS REPLACEMENTS [REQUESTS-PER-SECOND]]`, 1,000 200 1,000 if not said.
//!
//! It needs `cloudbrain` beside it (`cargo build`), and nginx or haproxy installed. `app PORT` is the
//! program that it has run on the VMs.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use house_tests::edges::{self, Kind, Outcome, Plan, Wait, middle_and_p90};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match act(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "router-figure: {error:#}");
            ExitCode::from(1)
        }
    }
}

fn act(arguments: &[&str]) -> anyhow::Result<bool> {
    let (kind, counts) = match arguments {
        ["app", port] => {
            let vm = std::env::var_os("CLOUDBRAIN_VM").unwrap_or_default();
            edges::app::serve(port.parse().context("a port")?, &vm.to_string_lossy())?;
            return Ok(true);
        }
        ["builtin", counts @ ..] => (Kind::Builtin, counts),
        ["nginx", counts @ ..] => (Kind::Nginx, counts),
        ["haproxy", counts @ ..] => (Kind::Haproxy, counts),
        _ => bail!("nginx|haproxy|builtin [SCALE-INS REPLACEMENTS [REQUESTS-PER-SECOND]]"),
    };
    let count = |at: usize, default: u32| -> anyhow::Result<u32> {
        counts.get(at).map_or(Ok(default), |text| text.parse().context("a number"))
    };
    let figure = std::env::current_exe().context("finding this program")?;
    let plan = Plan {
        kind,
        cloudbrain: figure.with_file_name("cloudbrain"),
        figure,
        scale_ins: count(0, 1000)? as usize,
        replacements: count(1, 200)? as usize,
        requests_per_s: count(2, 1000)?,
    };
    let outcome = edges::run(&plan, &edges::clock::own(), |line| {
        let _ = writeln!(std::io::stderr(), "{line}");
    })?;
    tell(&outcome);
    Ok(outcome.tally.failures.is_empty())
}

fn tell(outcome: &Outcome) {
    let mut out = std::io::stdout().lock();
    let failed = outcome.tally.failures.len();
    let took_s = outcome.took.as_secs_f64();
    let rate = outcome.tally.requests as f64 / took_s;
    let _ = writeln!(
        out,
        "scale-ins {}  replacements {}  requests {}  failed {failed}  in {took_s:.0} s ({rate:.0}/s)",
        outcome.scale_ins, outcome.replacements, outcome.tally.requests
    );
    for (who, waits) in [("first", &outcome.first_serves), ("each", &outcome.all_serve)] {
        let told = |part: fn(&Wait) -> Duration| {
            let (middle, p90) = middle_and_p90(waits.iter().map(part));
            format!("{middle} (p90 {p90})")
        };
        let _ = writeln!(
            out,
            "ms from the decision to the first answer of {who} new VM: {}, of which to the order to start {}, \
             to ready {}, over the router to the answer {}",
            told(|wait| wait.whole),
            told(|wait| wait.to_start),
            told(|wait| wait.to_ready),
            told(|wait| wait.to_answer),
        );
    }
    for (at, failure) in outcome.tally.failures.iter().take(20) {
        let _ = writeln!(out, "{} {failure}", at.millis());
    }
}
