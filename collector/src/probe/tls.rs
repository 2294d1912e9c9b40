//! TLS for looks: the handshake is carried through even with a bad certificate, which is then
//! judged here.
//!
//! A client library breaks off at the first fault and says one word. People need all of them: that
//! it expired three days ago *and* is for another name. So whatever certificate comes is taken, as
//! long as the server holds its key; then it is judged by our own clock. Whoever sends a secret
//! must ask [`Certificate::faults`] before.
//!
//! No session is resumed, since then no certificate would be shown.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use model::time::Time;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::text::clean;

/// How many of the names of a certificate are told.
const MAX_NAMES: usize = 4;
const MAX_NAME_CHARS: usize = 100;
const DAY_MILLIS: f64 = 86_400_000.0;

/// How to speak TLS, and whom to trust. Cheap to clone.
#[derive(Clone)]
pub struct TlsSetup {
    pub config: Arc<ClientConfig>,
    roots: Arc<RootCertStore>,
    /// Certificates that are trusted as they are: a self-signed one is its own CA by the letter,
    /// and yet no server's by the rules for a chain.
    pinned: Arc<[CertificateDer<'static>]>,
}

/// Why there is nobody to trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoRoots {
    #[error("this machine has no root certificates")]
    System,
    #[error("the CA holds no certificate in PEM form")]
    Pem,
}

/// The certificate a server showed, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    pub not_after: Time,
    pub faults: Vec<CertificateFault>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificateFault {
    #[error("the certificate expired at {0}")]
    Expired(Time),
    #[error("the certificate is not valid before {0}")]
    NotYetValid(Time),
    #[error("the certificate is self-signed")]
    SelfSigned,
    #[error("the certificate is issued by {0}, which is not trusted, or the chain has a gap")]
    UnknownIssuer(String),
    #[error("the certificate is for {0}")]
    WrongName(String),
    #[error("the certificate is not accepted: {0}")]
    Other(String),
}

impl TlsSetup {
    /// Trusts whom this machine trusts.
    pub fn system() -> Result<Self, NoRoots> {
        let found = rustls_native_certs::load_native_certs();
        Self::new(&found.certs, &[], NoRoots::System)
    }

    /// Trusts the certificates in a PEM text, and nobody else.
    pub fn of_pem(pem: &str) -> Result<Self, NoRoots> {
        let found: Vec<_> =
            CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok).collect();
        Self::new(&found, &found, NoRoots::Pem)
    }

    fn new(
        trusted: &[CertificateDer<'static>],
        pinned: &[CertificateDer<'static>],
        none: NoRoots,
    ) -> Result<Self, NoRoots> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(trusted.iter().cloned());
        if roots.is_empty() {
            return Err(none);
        }
        let provider = Arc::new(ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .expect("ring has cipher suites for TLS 1.2 and 1.3")
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(TakeAny(provider)))
            .with_no_client_auth();
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { config: Arc::new(config), roots: Arc::new(roots), pinned: pinned.into() })
    }

    /// Judges a chain, the server's own certificate first.
    pub fn judge(
        &self,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        now: Time,
    ) -> Option<Certificate> {
        let (own, others) = chain.split_first()?;
        let (_, read) = X509Certificate::from_der(own).ok()?;
        let validity = read.validity();
        let seconds =
            |time: x509_parser::time::ASN1Time| Time::from_millis(time.timestamp() * 1000);
        let (not_before, not_after) = (seconds(validity.not_before), seconds(validity.not_after));
        let mut faults = Vec::new();
        if now > not_after {
            faults.push(CertificateFault::Expired(not_after));
        }
        if now < not_before {
            faults.push(CertificateFault::NotYetValid(not_before));
        }
        match ParsedCertificate::try_from(own) {
            Err(error) => faults.push(CertificateFault::Other(error.to_string())),
            Ok(parsed) => {
                // Its dates were judged above; whether its issuer is trusted is a fault of its own.
                let when = now.clamp(not_before, not_after.max(not_before));
                if !self.pinned.contains(own) {
                    faults.extend(self.distrust(&parsed, &read, others, when));
                }
                if verify_server_name(&parsed, name).is_err() {
                    faults.push(CertificateFault::WrongName(names_of(&read)));
                }
            }
        }
        Some(Certificate { not_after, faults })
    }

    fn distrust(
        &self,
        parsed: &ParsedCertificate<'_>,
        read: &X509Certificate<'_>,
        others: &[CertificateDer<'_>],
        now: Time,
    ) -> Option<CertificateFault> {
        let seconds = u64::try_from(now.millis() / 1000).unwrap_or(0);
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let algorithms = ring::default_provider().signature_verification_algorithms;
        let verified = verify_server_cert_signed_by_trust_anchor(
            parsed,
            &self.roots,
            others,
            now,
            algorithms.all,
        );
        let is_self_signed = read.subject() == read.issuer();
        match verified {
            Ok(()) => None,
            Err(_) if is_self_signed => Some(CertificateFault::SelfSigned),
            Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                let issuer = clean(&read.issuer().to_string(), MAX_NAME_CHARS);
                Some(CertificateFault::UnknownIssuer(issuer))
            }
            Err(error) => Some(CertificateFault::Other(clean(&error.to_string(), MAX_NAME_CHARS))),
        }
    }
}

impl fmt::Debug for TlsSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsSetup({} roots)", self.roots.len())
    }
}

impl Certificate {
    /// Negative once it has expired.
    pub fn days_left(&self, now: Time) -> f64 {
        (self.not_after.millis() - now.millis()) as f64 / DAY_MILLIS
    }

    /// All that is wrong with it, in one line.
    pub fn complaint(&self) -> Option<String> {
        let faults: Vec<String> = self.faults.iter().map(ToString::to_string).collect();
        (!faults.is_empty()).then(|| faults.join("; "))
    }
}

fn names_of(read: &X509Certificate<'_>) -> String {
    let alternatives = read.subject_alternative_name().ok().flatten();
    let names = alternatives.iter().flat_map(|found| &found.value.general_names);
    let mut names: Vec<String> =
        names.filter_map(name_of).map(|n| clean(&n, MAX_NAME_CHARS)).collect();
    let more = names.len().saturating_sub(MAX_NAMES);
    names.truncate(MAX_NAMES);
    match (names.is_empty(), more) {
        (true, _) => "no name at all".to_owned(),
        (false, 0) => names.join(", "),
        (false, more) => format!("{} and {more} more", names.join(", ")),
    }
}

fn name_of(name: &GeneralName<'_>) -> Option<String> {
    if let GeneralName::DNSName(name) = name {
        return Some((*name).to_owned());
    }
    let GeneralName::IPAddress(bytes) = name else { return None };
    let four = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
    let address = four.or_else(|_| <[u8; 16]>::try_from(*bytes).map(IpAddr::from)).ok()?;
    Some(address.to_string())
}

/// Takes any certificate whose key the server holds.
#[derive(Debug)]
struct TakeAny(Arc<CryptoProvider>);

impl ServerCertVerifier for TakeAny {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, own, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        own: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, own, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
