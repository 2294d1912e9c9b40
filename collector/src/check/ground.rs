//! What looks of one check have in common: names, trust, pinned addresses, secrets to hide.
//!
//! What must be made first (a resolver of its own, a CA that was read) is made when the first look
//! needs it, and kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::sync::OnceLock;

use model::verdict::Family;
use rustls::pki_types::ServerName;

use super::spec::TlsOptions;
use crate::look::Answer;
use crate::probe::Prober;
use crate::probe::exchange::{Place, TlsWay};
use crate::probe::failure::Failure;
use crate::probe::names::Names;
use crate::probe::tls::{NoRoots, TlsSetup};
use crate::text::clean;

/// The longest hint, in characters.
const MAX_HINT_CHARS: usize = 500;
/// How much of an answer is repeated, in characters.
const MAX_SHOWN_CHARS: usize = 80;
/// How much of an answer is searched for secrets before its beginning is shown, in bytes.
const MAX_SEARCHED_BYTES: usize = 1024;

pub(super) struct Ground {
    prober: Prober,
    pins: BTreeMap<String, SocketAddr>,
    secrets: BTreeSet<String>,
    own_tls: OnceLock<Result<TlsSetup, NoRoots>>,
    own_names: OnceLock<Names>,
}

/// Says nothing of its secrets.
impl fmt::Debug for Ground {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ground").field("pins", &self.pins).finish_non_exhaustive()
    }
}

impl Ground {
    pub(super) fn new(
        prober: Prober,
        pins: BTreeMap<String, SocketAddr>,
        secrets: BTreeSet<String>,
    ) -> Self {
        Self { prober, pins, secrets, own_tls: OnceLock::new(), own_names: OnceLock::new() }
    }

    pub(super) fn names(&self) -> &Names {
        self.prober.names()
    }

    /// The names that one server knows; always the same one, since a check has one.
    pub(super) fn names_of(&self, server: SocketAddr) -> &Names {
        self.own_names.get_or_init(|| Names::of_servers(&[server]))
    }

    pub(super) fn place<'a>(
        &'a self,
        host: &'a str,
        port: u16,
        family: Option<Family>,
    ) -> Place<'a> {
        let pinned = self.pins.get(host).or_else(|| self.pins.get(&format!("{host}:{port}")));
        pinned.map_or(Place::Name { host, port, family }, |address| Place::Socket(*address))
    }

    pub(super) fn tls(&self, options: &TlsOptions, host: &str) -> Result<TlsWay, Failure> {
        let setup = match &options.ca {
            Some(ca) => self.own_tls.get_or_init(|| TlsSetup::of_pem(ca.reveal())).clone(),
            None => self.prober.system_tls(),
        };
        let setup = setup.map_err(|error| Failure::Setup {
            what: error.to_string(),
            remedy: "install ca-certificates, or write tls: {ca: \"${file:PATH}\"}".to_owned(),
        })?;
        let name = options.server_name.as_deref().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name.clone()).map_err(|_| Failure::Setup {
            what: format!("{name:?} cannot be the name of a TLS server"),
            remedy: "write tls: {server_name: NAME}".to_owned(),
        })?;
        Ok(TlsWay { setup, name, is_insecure: options.insecure })
    }

    /// The beginning of an answer, fit to be repeated.
    pub(super) fn shown(&self, bytes: &[u8]) -> String {
        let start = &bytes[..bytes.len().min(MAX_SEARCHED_BYTES)];
        clean(&self.hide(String::from_utf8_lossy(start).into_owned()), MAX_SHOWN_CHARS)
    }

    /// A failure in the words of a look, without secrets that the other end may have repeated.
    pub(super) fn told(&self, failure: Failure) -> Answer {
        let hide = |text: String| clean(&self.hide(text), MAX_HINT_CHARS);
        match Answer::from(failure) {
            Answer::Down { phase, hint } => Answer::Down { phase, hint: hide(hint) },
            Answer::Blind { reason } => Answer::Blind { reason: hide(reason) },
            other @ (Answer::Up | Answer::Misconfigured { .. }) => other,
        }
    }

    pub(super) fn hide(&self, text: String) -> String {
        self.secrets.iter().fold(text, |text, secret| match text.contains(secret.as_str()) {
            true => text.replace(secret.as_str(), "***"),
            false => text,
        })
    }
}
