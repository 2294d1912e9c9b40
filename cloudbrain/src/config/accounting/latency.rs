//! What an accounting policy has counted of answers, and what it promises of them.

use std::collections::BTreeSet;
use std::time::Duration;

use availability::{LatencyPromise, LatencyTerms};
use model::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::Reader;
use crate::config::raw::RawConfig;
use crate::config::yaml::Document;

/// Each is a column of the report.
const MOST_THRESHOLDS: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawLatency {
    /// How many answers came within each of these is counted: `[100ms, 300ms, 1s]`.
    #[serde(default)]
    pub within: Vec<Span>,
    /// What is promised: `99% within 300ms`. Left out if nothing is.
    pub target: Option<String>,
}

impl Reader {
    pub(super) fn latency(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        written: &RawLatency,
    ) -> LatencyTerms {
        for (index, within) in written.within.iter().enumerate() {
            self.threshold(document, &format!("latency.within.{index}"), raw, within.0);
        }
        if written.within.len() > MOST_THRESHOLDS {
            let message = format!("{} times; keep {MOST_THRESHOLDS} at most", written.within.len());
            self.find(document, "latency.within", message);
        }
        let within: BTreeSet<Duration> = written.within.iter().map(|span| span.0).collect();
        LatencyTerms { within, promise: self.latency_promise(document, raw, written) }
    }

    fn latency_promise(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        written: &RawLatency,
    ) -> Option<LatencyPromise> {
        match LatencyPromise::parse(written.target.as_deref()?) {
            Ok(promise) => {
                self.threshold(document, "latency.target", raw, promise.within);
                Some(promise)
            }
            Err(message) => {
                self.find(document, "latency.target", message);
                None
            }
        }
    }

    /// A time that an answer can be within, or above.
    fn threshold(&mut self, document: &Document, place: &str, raw: &RawConfig, within: Duration) {
        let timeout = raw.collector.timeout.0;
        if within.is_zero() || within >= timeout {
            let (within, timeout) = (Span(within), Span(timeout));
            let message = format!(
                "{within} tells no answers apart: a probe is given up after {timeout}; write less than \
                 that, and more than 0"
            );
            self.find(document, place, message);
        }
    }
}
