//! What an incident has cost its owner, from the probes to the message.

use std::sync::Arc;
use std::time::Duration;

use alerter::message::{Message, MessageKind};
use cloudbrain::brain::core::{Core, Heard, Inheritance};
use cloudbrain::config;
use collector::poller::Sensed;
use model::time::Time;
use model::verdict::{Outcome, Phase, ProbeTarget, Timings, Verdict};

fn at(second: i64) -> Time {
    Time::from_millis(1_800_000_000_000 + second * 1000)
}

/// Looks at the shop each second, and gives the messages that follow.
fn watch(looks: impl Iterator<Item = (i64, bool)>) -> Vec<Message> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = config::load(&path.join("../examples/shop/cloudbrain.yaml"));
    let mut config = loaded.config.expect("the example is in order");
    config.scaler = scaler::state::Config::default();
    let mut core = Core::new(Arc::new(config), Inheritance::default(), at(0));
    let mut told = Vec::new();
    for (second, is_good) in looks {
        let outcome = match is_good {
            true => Outcome::Healthy { doubt: None },
            false => Outcome::Unhealthy { phase: Phase::Status, hint: "503".to_owned() },
        };
        let module = "shop/web".parse().expect("a good name");
        let target = ProbeTarget::Domain { module, domain: "shop.example.com".to_owned() };
        let (took, timings) = (Duration::ZERO, Timings::default());
        let verdict = Verdict { target, at: at(second), outcome, took, timings, family: None };
        core.hear(Heard::Sensed(Sensed::Verdict(verdict)), at(second));
        told.extend(core.turn(at(second)).messages);
    }
    told.retain(|message| message.to.as_str() == "alice");
    told
}

#[track_caller]
fn line(messages: &[Message], kind: MessageKind) -> &str {
    let message = messages.iter().find(|message| message.kind == kind);
    let text = &message.unwrap_or_else(|| panic!("no {kind:?}: {messages:?}")).text;
    text.lines().find(|line| line.starts_with("shop/web: ")).unwrap_or_else(|| panic!("{text}"))
}

#[test]
fn the_owner_reads_how_long_users_saw_it_down_and_what_that_is_of_the_month() {
    let bad = 100..160;
    let told = watch((0..200).map(|second| (second, !bad.contains(&second))));
    let first = line(&told, MessageKind::Problem);
    assert!(first.starts_with("shop/web: down for users for "), "{first}");
    assert!(first.ends_with(" so far"), "{first}");
    let end = line(&told, MessageKind::Resolved);
    assert!(end.starts_with("shop/web: down for users for 1 min; "), "{end}");
    assert!(end.contains(" % up this month"), "{end}");
}
