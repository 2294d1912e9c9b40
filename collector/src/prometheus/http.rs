//! Where and how a target is asked over HTTP, and whom it is believed: as the user sets it.
//!
//! Secrets are taken as values here, since only the binary knows where they are kept. Their `Debug`
//! hides them, and no error has them in it.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::Uri;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use crate::text::clean;

/// How much of a URL is repeated in an error, in characters.
const MAX_SHOWN_CHARS: usize = 200;

/// Where to ask: `http` or `https`, a host, perhaps a port, a path and a query.
#[derive(Clone, PartialEq, Eq)]
pub struct HttpUrl(Uri);

/// Why a text is no [`HttpUrl`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("{0:?} is no URL")]
    Unreadable(String),
    #[error("{0:?} does not begin with http:// or https://")]
    Scheme(String),
    #[error("a user and password belong into the settings, not into the URL")]
    UserInfo,
}

/// Something that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

/// How we say who we are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Access {
    #[default]
    Open,
    Basic {
        user: String,
        password: Secret,
    },
    Bearer(Secret),
}

/// A header of the user's own, which may hold a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub name: String,
    pub value: Secret,
}

/// A header that cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the header {name:?} cannot be sent: its name or its value is not allowed in HTTP")]
pub struct HeaderError {
    pub(super) name: String,
}

/// Whose certificates are trusted. Cheap to clone; made once for all targets.
#[derive(Clone)]
pub struct TlsRoots(Arc<ClientConfig>);

/// Why there are no roots to trust.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    #[error("there is no certificate to trust")]
    None,
    #[error("a certificate to trust cannot be read")]
    Unreadable(#[source] Box<dyn Error + Send + Sync>),
}

impl HttpUrl {
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let shown = || clean(text, MAX_SHOWN_CHARS);
        let after_scheme = text.split_once("://").map_or(text, |(_, rest)| rest);
        // First of all, since any other error repeats the text.
        if after_scheme.split('/').next().is_some_and(|authority| authority.contains('@')) {
            return Err(UrlError::UserInfo);
        }
        let uri: Uri = text.parse().map_err(|_| UrlError::Unreadable(shown()))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) {
            return Err(UrlError::Scheme(shown()));
        }
        uri.authority().ok_or_else(|| UrlError::Unreadable(shown()))?;
        Ok(Self(uri))
    }

    pub(super) fn is_tls(&self) -> bool {
        self.0.scheme_str() == Some("https")
    }

    /// Without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.0.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    /// With the port, if it has one.
    pub(super) fn authority(&self) -> &str {
        self.0.authority().map_or("", |authority| authority.as_str())
    }

    /// What stands in the first line of a request: path and query alone.
    pub(super) fn path(&self) -> Uri {
        self.0.path_and_query().cloned().map_or_else(|| Uri::from_static("/"), Uri::from)
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Secret {
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// For the wire alone.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl Header {
    pub fn new(name: &str, value: &str) -> Self {
        Self { name: name.to_owned(), value: Secret::new(value) }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl Access {
    /// What stands in the header `Authorization`.
    pub(super) fn header(&self) -> Option<String> {
        match self {
            Self::Open => None,
            Self::Basic { user, password } => {
                Some(format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.0))))
            }
            Self::Bearer(token) => Some(format!("Bearer {}", token.0)),
        }
    }
}

impl TlsRoots {
    /// Those that this system trusts. Reads many files.
    pub fn of_system() -> Result<Self, RootsError> {
        let mut found = rustls_native_certs::load_native_certs();
        match found.errors.pop() {
            Some(error) if found.certs.is_empty() => Err(RootsError::Unreadable(error.into())),
            _ => Self::of(found.certs),
        }
    }

    /// Those in a text of PEM, and no others.
    pub fn of_pem(pem: &[u8]) -> Result<Self, RootsError> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        Self::of(certificates.map_err(|error| RootsError::Unreadable(error.into()))?)
    }

    /// Nobody's: for a system without roots, where plain HTTP still works.
    pub fn of_nobody() -> Self {
        Self::trusting(RootCertStore::empty())
    }

    pub(super) fn config(&self) -> Arc<ClientConfig> {
        self.0.clone()
    }

    fn of(certificates: Vec<CertificateDer<'static>>) -> Result<Self, RootsError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(certificates);
        if roots.is_empty() { Err(RootsError::None) } else { Ok(Self::trusting(roots)) }
    }

    fn trusting(roots: RootCertStore) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("ring has ciphers for TLS 1.2 and 1.3")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self(Arc::new(config))
    }
}

/// Without the roots, which are many.
impl fmt::Debug for TlsRoots {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsRoots").finish_non_exhaustive()
    }
}
