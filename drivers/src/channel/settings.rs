//! What all kinds of channels are written with and stand on: texts with secrets, limits, whom to
//! trust.
//!
//! A secret is written as a reference; what it stands for is in [`Text::value`] only, and no
//! `Debug` of anything here shows it.

use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alerter::hands::Pace;
use model::clock::SharedClock;
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long one delivery may take, from the connection to the end of the answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// One thing that is wrong in the settings of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key it stands under: `url`.
    pub field: &'static str,
    /// With what to write instead.
    pub message: String,
}

/// A text that may hold secrets: what is shown is what was written, `${env:NAME}` and all.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Text {
    written: String,
    value: String,
}

/// At most so many messages in any one minute.
pub type PerMinute = NonZeroU32;

/// What channels are made on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// What this fleet is called: it tells our messages from those of another brain.
    pub fleet: String,
    /// Where relative paths of files that we write start from.
    pub data: PathBuf,
    /// Where relative paths of programs start from.
    pub folder: PathBuf,
    pub clock: SharedClock,
    pub trust: Trust,
    /// How long one delivery may take.
    pub patience: Duration,
}

/// Whose certificates are trusted.
#[derive(Clone)]
pub struct Trust {
    pub(crate) config: Arc<ClientConfig>,
    pub(super) roots: Arc<[CertificateDer<'static>]>,
}

impl Problem {
    pub(crate) fn new(field: &'static str, message: impl Into<String>) -> Self {
        Self { field, message: message.into() }
    }
}

impl Text {
    /// As it stands in the file.
    pub fn written(&self) -> &str {
        &self.written
    }

    /// With the secrets put in.
    pub fn fill(&mut self, value: String) {
        self.value = value;
    }

    /// The text with its secrets, for whoever uses it.
    pub(crate) fn value(&self) -> &str {
        &self.value
    }

    /// Refuses a secret that stands in the file itself.
    pub(crate) fn must_be_reference(&self, field: &'static str) -> Result<(), Problem> {
        if self.value.is_empty() {
            return Err(Problem::new(field, "is empty; write for example ${env:NAME}"));
        }
        if !self.written.contains("${") {
            let message = "a secret does not belong into a file; write ${env:NAME} or ${file:PATH}";
            return Err(Problem::new(field, message));
        }
        Ok(())
    }
}

impl From<String> for Text {
    fn from(written: String) -> Self {
        Self { value: written.clone(), written }
    }
}

impl From<Text> for String {
    fn from(text: Text) -> Self {
        text.written
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a reference in it, the text may itself be what nobody should read.
        f.write_str(if self.written.contains("${") { &self.written } else { "..." })
    }
}

impl Ground {
    /// With the usual patience.
    pub fn new(
        fleet: String,
        data: PathBuf,
        folder: PathBuf,
        clock: SharedClock,
        trust: Trust,
    ) -> Self {
        Self { fleet, data, folder, clock, trust, patience: PATIENCE }
    }
}

impl Trust {
    /// Trusts whom this machine trusts.
    pub fn system() -> Self {
        Self::only(rustls_native_certs::load_native_certs().certs)
    }

    /// Trusts these, and nobody else. With none, `https` reaches nobody.
    pub fn only(roots: Vec<CertificateDer<'static>>) -> Self {
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(roots.iter().cloned());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for TLS 1.2 and 1.3")
            .with_root_certificates(store)
            .with_no_client_auth();
        Self { config: Arc::new(config), roots: roots.into() }
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trust({} roots)", self.roots.len())
    }
}

/// What keeps within so many in any one minute: a quarter at once, and the rest over the minute.
pub(super) fn pace(per_minute: Option<PerMinute>, usual: u32) -> Pace {
    let most = per_minute.map_or(usual, PerMinute::get);
    let burst = (most / 4).max(1);
    let steady = most.saturating_sub(burst).max(1);
    Pace { burst, per: Duration::from_secs(60) * burst / steady }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pace_never_lets_more_through_in_a_minute() {
        for most in 2..=600 {
            let pace = pace(PerMinute::new(most), 1);
            let steady = 60.0 / pace.per.as_secs_f64() * f64::from(pace.burst);
            assert!(f64::from(pace.burst) + steady <= f64::from(most) + 0.01, "{most}: {pace:?}");
        }
        assert_eq!(pace(None, 20), Pace { burst: 5, per: Duration::from_secs(20) });
    }

    #[test]
    fn a_secret_is_shown_as_it_was_written() {
        let mut text = Text::from("https://h/${env:T}".to_owned());
        text.fill("https://h/canary".to_owned());
        assert_eq!(format!("{text:?}"), "https://h/${env:T}");
        assert_eq!(serde_json::to_string(&text).unwrap(), "\"https://h/${env:T}\"");
        assert_eq!(format!("{:?}", Text::from("canary".to_owned())), "...");
        assert!(Text::from("canary".to_owned()).must_be_reference("token").is_err());
    }
}
