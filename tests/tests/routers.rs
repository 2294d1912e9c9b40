//! No request fails while VMs come and go: the real binary, a real router, a fixed load.
//!
//! The figure of docs/figures.md is the same with more of it: `router-figure nginx`.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use house_tests::edges::{self, Kind, Plan};

/// One fleet at a time: each is forty processes, and they would look for the same free ports.
static ALONE: Mutex<()> = Mutex::new(());

fn no_request_fails(kind: Kind) {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let figure = Path::new(env!("CARGO_BIN_EXE_router-figure"));
    let cloudbrain = figure.with_file_name("cloudbrain");
    assert!(cloudbrain.exists(), "no {}: cargo build -p cloudbrain", cloudbrain.display());
    let plan = Plan {
        kind,
        cloudbrain,
        figure: figure.to_owned(),
        requests_per_s: 200,
        scale_ins: 32,
        replacements: 5,
    };
    let outcome = edges::run(&plan, &edges::clock::own(), |_| {}).expect("it comes to its end");
    let (requests, failures) = (outcome.tally.requests, outcome.tally.failures);
    assert!(requests > 1000, "only {requests} requests");
    assert!(failures.is_empty(), "{} of {requests} failed: {failures:?}", failures.len());
}

#[test]
#[ignore = "needs the Debian package nginx-light; tests/run installs it and lifts this"]
fn through_nginx() {
    no_request_fails(Kind::Nginx);
}

#[test]
#[ignore = "needs the Debian package haproxy; tests/run installs it and lifts this"]
fn through_haproxy() {
    no_request_fails(Kind::Haproxy);
}

#[test]
fn through_the_built_in_router() {
    no_request_fails(Kind::Builtin);
}
