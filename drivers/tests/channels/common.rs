//! What the tests of channels share: messages, a clock that stands still, channels from settings.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use alerter::hands::{Channel, ChannelError, Parcel, Receipt};
use alerter::message::Message;
use drivers::channel::{ChannelSpec, Ground, Problem, Trust};
use model::clock::{FixedClock, SharedClock};
use model::time::Time;
use serde_json::{Value, json};

/// 2026-11-21T08:00:00.123Z
pub(crate) const NOW: Time = Time::from_millis(1_795_248_000_123);

/// A folder of its own for one test, removed at its end.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU16 = AtomicU16::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("channels-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A message of an incident to ann: `problem`, `update` or `resolved`.
pub(crate) fn message(incident: &str, kind: &str, text: &str) -> Message {
    let number = if kind == "problem" { 1 } else { 2 };
    let message = json!({
        "key": format!("{incident}-ann-{number}"),
        "to": "ann",
        "kind": kind,
        "view": "owner",
        "incident": incident,
        "root": "host/h1",
        "state": "down",
        "severity": "high",
        "affected": ["vm/web-01", "vm/web-02"],
        "businesses": ["shop"],
        "lang": "en",
        "text": text,
        "at": NOW.millis(),
    });
    serde_json::from_value(message).expect("a message")
}

pub(crate) fn problem() -> Message {
    message(
        "I-7",
        "problem",
        "2 of your 5 VMs of web are down\nshop/web: 2 of 5 VMs (web-01, web-02)",
    )
}

pub(crate) fn ground(folder: &Path, trust: Trust) -> Ground {
    let clock = SharedClock::new(FixedClock(NOW));
    let (data, folder) = (folder.to_owned(), folder.to_owned());
    let mut ground = Ground::new("shop-fleet".to_owned(), data, folder, clock, trust);
    ground.patience = Duration::from_secs(20); // Far beyond what a slow machine needs.
    ground
}

/// A channel by its settings. `${NAME}` in them stands for `secret-NAME`.
pub(crate) fn open(settings: Value, ground: &Ground) -> Result<Arc<dyn Channel>, Vec<Problem>> {
    let mut spec: ChannelSpec = serde_json::from_value(settings).expect("settings");
    let problems = spec.fill(|text| Ok(text.replace("${", "secret-").replace('}', "")));
    assert!(problems.is_empty(), "{problems:?}");
    assert!(!format!("{spec:?}").contains("secret-"), "{spec:?}");
    spec.open(ground).map_err(|problem| vec![problem])
}

/// What came of it, in a line. It must not hold a secret.
pub(crate) fn told(outcome: &Result<Receipt, ChannelError>) -> String {
    let told = match outcome {
        Ok(Receipt { taken, thread, complaint }) => {
            let thread = thread.as_ref().map_or_else(String::new, |t| format!(", thread {t}"));
            let complaint = complaint.as_ref().map_or_else(String::new, |c| format!(", but {c}"));
            format!("{taken} told{thread}{complaint}")
        }
        Err(ChannelError::Retry { detail, after: None }) => format!("again: {detail}"),
        Err(ChannelError::Retry { detail, after: Some(after) }) => {
            format!("again in {after:?}: {detail}")
        }
        Err(ChannelError::Unclear(detail)) => format!("perhaps: {detail}"),
        Err(ChannelError::Refused(detail)) => format!("never: {detail}"),
    };
    assert!(!told.contains("secret-"), "{told}");
    told
}

pub(crate) fn alone(message: &Message) -> Parcel<'_> {
    Parcel { messages: std::slice::from_ref(message), address: None, thread: None }
}
