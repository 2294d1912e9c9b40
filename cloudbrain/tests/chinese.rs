//! A reader of Chinese reads Chinese, whichever sense it was that found something.

use std::sync::Arc;
use std::time::Duration;

use cloudbrain::brain::core::{Core, Heard, Inheritance};
use cloudbrain::config::{self, Config};
use collector::findings::{Confirm, Subject};
use collector::look::{Answer, Look};
use collector::passive::AgentError;
use collector::poller::Sensed;
use model::id::{CheckId, Object};
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;
use model::verdict::Phase;

fn config() -> Config {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let loaded = config::load(&path.join("../examples/shop/cloudbrain.yaml"));
    let mut config = loaded.config.expect("the example is in order");
    config.scaler = scaler::state::Config::default();
    config.raw.people.values_mut().for_each(|person| person.language = Lang::Zh);
    config
}

/// The texts that follow when each of these is found again and again.
fn told(sensed: impl Fn(Time) -> Sensed) -> String {
    let start = Time::from_millis(1_800_000_000_000);
    let mut core = Core::new(Arc::new(config()), Inheritance::default(), start);
    let mut told = String::new();
    for second in 0..60 {
        let now = start + Duration::from_secs(second);
        core.hear(Heard::Sensed(sensed(now)), now);
        told.extend(core.turn(now).messages.into_iter().map(|message| message.text + "\n"));
    }
    told
}

fn found(check: &str, object: &str, answer: &Answer) -> String {
    let object: Object = object.parse().expect("a good name");
    let check = CheckId::parse(check).expect("a good name");
    let confirm = Confirm { down: 2, up: 1 };
    let subject = Subject { object, check, severity: Severity::High, confirm };
    told(|at| {
        let look = Look::new(at, Duration::ZERO, answer.clone());
        Sensed::Looked { name: "x".to_owned(), subject: Some(subject.clone()), look }
    })
}

#[test]
fn an_agent_that_is_silent_is_told_in_chinese() {
    let text = told(|at| Sensed::AgentFault {
        object: "host/legacy-1".parse().expect("a good name"),
        at,
        error: AgentError::TimedOut(Duration::from_millis(800)),
    });
    assert!(text.contains("legacy-1 的 agent 无响应：800ms 内无应答"), "{text}");
}

#[test]
fn a_data_source_that_does_not_answer_or_does_not_let_us_in_is_told_in_chinese() {
    let hint = "Connection refused (os error 111), connecting".to_owned();
    let text = found("ds.up", "datasource/db", &Answer::Down { phase: Phase::Connect, hint });
    assert!(text.contains("连接：连接被拒绝（os error 111）"), "{text}");
    let what = "our account lacks PROCESS".to_owned();
    let remedy = "GRANT PROCESS ON *.* TO m;".to_owned();
    let text = found("ds.up", "datasource/db", &Answer::Misconfigured { what, remedy });
    assert!(text.contains("我们的账号缺少 PROCESS 权限；GRANT PROCESS ON *.* TO m;"), "{text}");
}
