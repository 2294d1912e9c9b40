//! What of answers is counted, and what is promised of them.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use model::unit::Span;

use crate::terms::Target;

/// The part of the [`crate::Terms`] that is about latency.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LatencyTerms {
    /// It is counted how many answers came within each of these.
    pub within: BTreeSet<Duration>,
    pub promise: Option<LatencyPromise>,
}

/// So many of all probes are answered within so long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LatencyPromise {
    pub share: Target,
    pub within: Duration,
}

impl LatencyTerms {
    /// What is counted, that of the promise with it.
    pub fn thresholds(&self) -> BTreeSet<Duration> {
        let promised = self.promise.iter().map(|promise| promise.within);
        self.within.iter().copied().chain(promised).collect()
    }
}

impl LatencyPromise {
    /// `99% within 300ms`. The error says what to write instead.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} promises nothing; write for example 99% within 300ms");
        let (share, within) = text.split_once(" within ").ok_or_else(wrong)?;
        let within: Span = within.trim().parse().map_err(|_| wrong())?;
        Ok(Self { share: Target::parse(share)?, within: within.0 })
    }

    /// In words.
    pub(crate) fn rule(&self) -> String {
        format!(
            "{} of the probes are promised to be answered within {}",
            self.share,
            Span(self.within)
        )
    }
}

/// `99% within 300ms`.
impl fmt::Display for LatencyPromise {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} within {}", self.share, Span(self.within))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_read_as_it_is_written() {
        for text in ["99% within 300ms", "99.95% within 1m30s"] {
            assert_eq!(LatencyPromise::parse(text).unwrap().to_string(), text);
        }
        for text in ["99%", "within 300ms", "99% within soon", "99% in 300ms"] {
            let error = LatencyPromise::parse(text).unwrap_err();
            assert!(error.contains("write"), "{error}");
        }
    }

    #[test]
    fn what_is_promised_is_counted() {
        let millis = Duration::from_millis;
        let promise = LatencyPromise::parse("99% within 300ms").ok();
        let terms = LatencyTerms { within: [millis(100)].into(), promise };
        assert_eq!(terms.thresholds(), [millis(100), millis(300)].into());
    }
}
