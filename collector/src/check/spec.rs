//! What all kinds of checks are written with: names, times, addresses, TLS, texts with secrets.
//!
//! A value is checked as it is read, so that the error has the line of that value. What only two
//! values together can get wrong is a [`Problem`] of the whole check.

use std::fmt;
use std::net::IpAddr;

use model::id::CheckId;
use model::signal::Severity;
use model::unit::Span;
use rustls::pki_types::ServerName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Unmet;
use crate::probe::failure::Trace;
use crate::probe::tls::TlsSetup;

/// The longest text that is sent, in bytes: what is sent must not wait for what is read.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Shorter secrets are not looked for in what is shown, or every `a` would become stars.
const MIN_SECRET_CHARS: usize = 4;

/// One thing that is wrong, or doubtful, in a check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key it stands under: `timeout`, `headers.Host`.
    pub field: String,
    /// With what to write instead.
    pub message: String,
    pub is_error: bool,
}

/// What all kinds have.
#[derive(Clone, Copy, Debug)]
pub struct Common<'a> {
    pub name: &'a CheckId,
    pub module: Option<&'a str>,
    pub interval: Span,
    pub timeout: Span,
    pub confirm_down: u32,
    pub confirm_up: u32,
    pub severity: Severity,
    pub(crate) latency_below: Option<Span>,
}

/// A text that may hold secrets: what is shown is what was written, `${env:NAME}` and all.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "String", into = "String")]
pub struct Text {
    written: String,
    value: String,
}

/// `host:port`, or `[address]:port` with IPv6.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
}

/// A text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address; write host:port, for example db.example.com:5432 or [::1]:22")]
pub struct AddressError(String);

/// How TLS is spoken, and what is asked of the certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {
    /// Trusted instead of whom this machine trusts: certificates in PEM form, usually
    /// `${file:PATH}`.
    pub ca: Option<Text>,
    /// The name to ask for, if it is not that of the address.
    pub server_name: Option<String>,
    /// Goes on with a certificate that is expired, for another name or from nobody known.
    pub insecure: bool,
    /// For how many days the certificate must hold yet.
    pub days_left_above: Option<u32>,
}

/// Defines a kind of check: its own keys, and before them those that all kinds have.
macro_rules! check_kind {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
        #[derive(schemars::JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            /// Unique in its project.
            pub name: model::id::CheckId,
            /// Which module fails with it; the first one of the project if left out.
            pub module: Option<String>,
            #[serde(default = "crate::check::spec::interval")]
            pub interval: model::unit::Span,
            /// For a whole look; at most the interval.
            #[serde(default = "crate::check::spec::timeout")]
            pub timeout: model::unit::Span,
            /// Looks in a row that must fail before anybody is told.
            #[serde(default = "crate::check::spec::confirm_down")]
            pub confirm_down: u32,
            /// Looks in a row that must be good before it has recovered.
            #[serde(default = "crate::check::spec::confirm_up")]
            pub confirm_up: u32,
            /// How bad it is if it fails.
            #[serde(default = "crate::check::spec::severity")]
            pub severity: model::signal::Severity,
            /// Which internet it is reached by; whichever has an address if left out.
            pub family: Option<model::verdict::Family>,
            /// How long a whole look may take.
            pub latency_below: Option<model::unit::Span>,
            $($(#[$field_doc])* pub $field: $type,)*
        }

        impl $name {
            fn common(&self) -> crate::check::spec::Common<'_> {
                crate::check::spec::Common {
                    name: &self.name,
                    module: self.module.as_deref(),
                    interval: self.interval,
                    timeout: self.timeout,
                    confirm_down: self.confirm_down,
                    confirm_up: self.confirm_up,
                    severity: self.severity,
                    latency_below: self.latency_below,
                }
            }
        }
    };
}
pub(super) use check_kind;

pub(super) fn interval() -> Span {
    Span::secs(30)
}
pub(super) fn timeout() -> Span {
    Span::secs(5)
}
pub(super) fn confirm_down() -> u32 {
    3
}
pub(super) fn confirm_up() -> u32 {
    1
}
pub(super) fn severity() -> Severity {
    Severity::High
}

impl Problem {
    pub(super) fn error(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), is_error: true }
    }

    pub(super) fn warning(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), is_error: false }
    }
}

impl Common<'_> {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (field, span) in [("interval", self.interval), ("timeout", self.timeout)] {
            if span.0.is_zero() {
                problems.push(Problem::error(field, "0 is no time; write for example 5s"));
            }
        }
        if self.timeout > self.interval {
            let message = "a timeout longer than the interval would let looks pile up; write less";
            problems.push(Problem::error("timeout", message));
        }
        for (field, count) in [("confirm_down", self.confirm_down), ("confirm_up", self.confirm_up)]
        {
            if count == 0 {
                problems.push(Problem::error(field, "0 looks confirm nothing; write at least 1"));
            }
        }
        if self.latency_below.is_some_and(|latency| latency >= self.timeout) {
            let message = "a look that takes as long ends at its timeout; write less than that";
            problems.push(Problem::error("latency_below", message));
        }
        problems
    }
}

impl Text {
    pub(super) fn problem(&self, field: &str) -> Option<Problem> {
        let bytes = self.value.len();
        let message = format!("{bytes} bytes; at most {MAX_TEXT_BYTES} are sent");
        (bytes > MAX_TEXT_BYTES).then(|| Problem::error(field, message))
    }

    /// Puts in what the written references stand for.
    pub(super) fn fill(&mut self, value: String) {
        self.value = value;
    }

    pub(super) fn written(&self) -> &str {
        &self.written
    }

    /// For the wire alone.
    pub(super) fn reveal(&self) -> &str {
        &self.value
    }

    /// The part that must not be shown: all from the first reference to the last.
    pub(super) fn secret(&self) -> Option<&str> {
        let begin = self.written.find("${")?;
        let tail = self.written.len() - (self.written.rfind('}')? + 1);
        let secret = self.value.get(begin..self.value.len().checked_sub(tail)?)?;
        (secret.chars().count() >= MIN_SECRET_CHARS).then_some(secret)
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
        fmt::Debug::fmt(&self.written, f)
    }
}

impl TryFrom<String> for Address {
    type Error = AddressError;
    fn try_from(written: String) -> Result<Self, AddressError> {
        let parsed = written.rsplit_once(':').and_then(|(host, port)| {
            let port = port.parse().ok().filter(|port| *port > 0)?;
            Some(Self { host: host_of(host)?, port })
        });
        parsed.ok_or(AddressError(written))
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.to_string()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

/// A name, or an address without its brackets.
fn host_of(written: &str) -> Option<String> {
    if let Some(inner) = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv6()).then(|| inner.to_owned());
    }
    is_host(written).then(|| written.to_owned())
}

/// Letters, digits, `-`, `_` and dots.
pub(super) fn is_host(text: &str) -> bool {
    let is_known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && text.len() <= 253 && text.chars().all(is_known)
}

impl TlsOptions {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.insecure {
            let message = "any certificate is taken, also that of a stranger in between; better \
                           write ca: ${file:PATH} with the certificate that is to be trusted";
            problems.push(Problem::warning("tls.insecure", message));
        }
        if self.ca.as_ref().is_some_and(|ca| TlsSetup::of_pem(ca.reveal()).is_err()) {
            let message =
                "holds no certificate in PEM form; write \"${file:PATH}\" of one that does";
            problems.push(Problem::error("tls.ca", message));
        }
        let is_name = |name: &str| ServerName::try_from(name).is_ok();
        if self.server_name.as_deref().is_some_and(|name| !is_name(name)) {
            let message = "no name of a server; write for example shop.example.com";
            problems.push(Problem::error("tls.server_name", message));
        }
        problems
    }

    /// Adds the sentence if the certificate that was shown does not hold long enough.
    pub(super) fn judge(&self, trace: &Trace<'_>, unmet: &mut Unmet) {
        let Some((certificate, wanted)) = trace.certificate.as_ref().zip(self.days_left_above)
        else {
            return;
        };
        let days = certificate.days_left(trace.clock().now());
        unmet.unless(days > f64::from(wanted), || match days < 0.0 {
            true => format!("the certificate expired {} days ago", (-days).floor()),
            false => {
                let days = days.floor();
                format!("the certificate holds for {days} more days, want more than {wanted}")
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_and_written_again() {
        let told = |text: &str| Address::try_from(text.to_owned()).map(|a| a.to_string());
        for good in ["db:5432", "10.0.0.9:1", "[::1]:22", "a_b.example.com:65535"] {
            assert_eq!(told(good).unwrap(), good);
        }
        for bad in ["db", "db:", ":22", "::1:22", "[::1:22", "[db]:1", "db:0", "db:65536", "a b:1"]
        {
            assert!(told(bad).unwrap_err().to_string().contains("write host:port"), "{bad}");
        }
    }

    #[test]
    fn a_secret_is_known_and_not_shown() {
        let mut text = Text::from("Bearer ${env:TOKEN}!".to_owned());
        text.fill("Bearer canary!".to_owned());
        assert_eq!((text.reveal(), text.secret()), ("Bearer canary!", Some("canary")));
        assert_eq!(format!("{text:?}"), r#""Bearer ${env:TOKEN}!""#);
        assert_eq!(serde_json::to_string(&text).unwrap(), r#""Bearer ${env:TOKEN}!""#);
        assert_eq!(Text::from("plain".to_owned()).secret(), None);
    }
}
