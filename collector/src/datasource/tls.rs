//! TLS to data sources: whom we trust, who we are, and what a broken handshake means.
//!
//! A certificate that has expired keeps the modules out as it keeps us out: the server is down. One
//! from a CA that we do not know, or for another name than the file gives, may suit the modules well:
//! that is a fault of the configuration, with the line to write. So is a server that speaks no TLS
//! where the file wants it: nothing is ever said in clear instead.
//!
//! The handshake itself, and the judging of certificates, is that of [`crate::probe::tls`]. A server
//! may say only after the handshake that it wanted a certificate of ours, or just hang up; so it
//! is kept in mind whether it asked for one.
//!
//! Invariant: nothing secret is said before the certificate was judged, unless the file says
//! `verify: none`.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use model::clock::SharedClock;
use model::verdict::Phase;
use rustls::client::ResolvesClientCert;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::sign::CertifiedKey;
use rustls::{AlertDescription, ClientConfig, Error, SignatureScheme};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::Password;
use super::fault::Fault;
use crate::probe::Prober;
use crate::probe::tls::{Certificate, CertificateFault, TlsSetup};

const WANTS_CERTIFICATE: &str = "the server wants a client certificate";
const GIVE_CERTIFICATE: &str = "write tls: {client_cert: \"${file:PATH}\", client_key: \
     \"${file:PATH}\"}, or let the server take clients without one";

/// How TLS is spoken, as it is written. Certificates and the key are texts in PEM form.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TlsOptions {
    /// Trusted instead of whom this machine trusts.
    pub ca: Option<String>,
    /// The name that the certificate must be for, if it is not that of the address.
    pub server_name: Option<String>,
    /// Who we are, for a server that wants to know; further certificates of the chain after it.
    pub client_cert: Option<String>,
    pub client_key: Option<Password>,
    pub verify: Verify,
}

/// What is asked of the server's certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// It is valid now, from a trusted CA, and for the name of the server.
    #[default]
    Full,
    /// The same, for whatever name.
    Ca,
    /// Nothing: whoever stands in between can read the password.
    None,
}

/// How TLS is spoken, checked. Cheap to clone.
#[derive(Clone)]
pub struct Tls(Arc<Checked>);

struct Checked {
    written: TlsOptions,
    own_roots: Option<TlsSetup>,
    name: Option<ServerName<'static>>,
    key: Option<Arc<CertifiedKey>>,
}

/// Why TLS cannot be spoken as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    #[error("holds no certificate in PEM form; write \"${{file:PATH}}\" of one that does")]
    Ca,
    #[error("no name of a server; write for example db.example.com")]
    ServerName,
    #[error("holds no certificate in PEM form; write \"${{file:PATH}}\" of one that does")]
    ClientCert,
    #[error(
        "holds no private key in PEM form that can be used; write \"${{file:PATH}}\" of one \
         without a passphrase"
    )]
    ClientKey,
    #[error("client_cert and client_key belong together; write both or neither")]
    Half,
    #[error("is not the key of client_cert; write the two that belong together")]
    OtherKey,
}

/// The way to one server: everything for one handshake.
#[derive(Debug)]
pub(super) struct Way {
    setup: TlsSetup,
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    verify: Verify,
    identity: Arc<Identity>,
    clock: SharedClock,
}

/// Who we are, and whether the server wanted to know.
#[derive(Debug)]
struct Identity {
    key: Option<Arc<CertifiedKey>>,
    was_asked: AtomicBool,
}

impl Tls {
    pub fn new(written: TlsOptions) -> Result<Self, TlsError> {
        let own_roots = written.ca.as_deref().map(TlsSetup::of_pem).transpose();
        let own_roots = own_roots.map_err(|_| TlsError::Ca)?;
        let name = written.server_name.clone().map(ServerName::try_from).transpose();
        let name = name.map_err(|_| TlsError::ServerName)?;
        let key = match (&written.client_cert, &written.client_key) {
            (None, None) => None,
            (Some(certificate), Some(key)) => Some(certified(certificate, key)?),
            _ => return Err(TlsError::Half),
        };
        Ok(Self(Arc::new(Checked { written, own_roots, name, key })))
    }

    /// The way to the server at `address`; without a CA of its own it trusts whom `prober` trusts.
    pub(super) fn way(
        &self,
        address: &str,
        prober: &Prober,
        clock: &SharedClock,
    ) -> Result<Way, Fault> {
        let Checked { written, own_roots, name, key } = &*self.0;
        let setup = own_roots.clone().map_or_else(|| prober.system_tls(), Ok);
        let setup = setup.map_err(|error| {
            let remedy = "install ca-certificates, or write tls: {ca: \"${file:PATH}\"}";
            Fault::misconfigured(&error.to_string(), remedy)
        })?;
        let name = name.clone().or_else(|| ServerName::try_from(host_of(address).to_owned()).ok());
        let name = name.ok_or_else(|| {
            let what = format!("{address:?} holds no name of a TLS server");
            Fault::misconfigured(&what, "write tls: {server_name: NAME}")
        })?;
        let identity = Arc::new(Identity { key: key.clone(), was_asked: AtomicBool::new(false) });
        let mut config = (*setup.config).clone();
        // Databases know no ALPN, and some refuse whoever offers a protocol of the web.
        config.alpn_protocols.clear();
        config.client_auth_cert_resolver = identity.clone();
        let (config, verify) = (Arc::new(config), written.verify);
        Ok(Way { setup, config, name, verify, identity, clock: clock.clone() })
    }
}

impl TlsError {
    /// The key it stands under.
    pub fn key(&self) -> &'static str {
        match self {
            Self::Ca => "ca",
            Self::ServerName => "server_name",
            Self::ClientCert | Self::Half => "client_cert",
            Self::ClientKey | Self::OtherKey => "client_key",
        }
    }
}

impl Way {
    /// Shakes hands, and judges the certificate before anything else is said.
    pub(super) async fn shake_hands(
        &self,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Fault> {
        let connector = TlsConnector::from(self.config.clone());
        let shaken = connector.connect(self.name.clone(), stream).await;
        let stream = shaken.map_err(|error| {
            let broken = || Fault::from_io(Phase::Tls, &error, "shaking hands");
            self.explain(&error, false).unwrap_or_else(broken)
        })?;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        match self.setup.judge(chain, &self.name, self.clock.now()) {
            _ if self.verify == Verify::None => Ok(stream),
            Some(certificate) => self.weigh(certificate).map_or(Ok(stream), Err),
            None => Err(theirs("the certificate cannot be read")),
        }
    }

    /// What a connection that broke means, where TLS is what broke it. A server that `has_answered`
    /// under TLS has let us in.
    pub(super) fn explain(&self, error: &io::Error, has_answered: bool) -> Option<Fault> {
        let told = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match told {
            None => self.hung_up().filter(|_| !has_answered),
            Some(Error::InvalidMessage(_)) => Some(no_tls_on_this_port()),
            Some(Error::AlertReceived(alert)) => Some(self.alerted(*alert)),
            Some(other) => Some(theirs(other)),
        }
    }

    /// What it means that it ended the connection without a word of why: as a rule nothing.
    pub(super) fn hung_up(&self) -> Option<Fault> {
        let wants_more = self.identity.was_asked.load(Ordering::Relaxed);
        let is_ours = wants_more && self.identity.key.is_none();
        is_ours.then(|| Fault::misconfigured(WANTS_CERTIFICATE, GIVE_CERTIFICATE))
    }

    fn alerted(&self, alert: AlertDescription) -> Fault {
        use AlertDescription as A;
        let told = Error::AlertReceived(alert).to_string();
        let is_of_certificates = matches!(
            alert,
            A::CertificateRequired
                | A::BadCertificate
                | A::UnsupportedCertificate
                | A::CertificateRevoked
                | A::CertificateExpired
                | A::CertificateUnknown
                | A::UnknownCA
                | A::DecryptError
                | A::AccessDenied
        );
        // Before TLS 1.3 that one, too, says that a certificate is missing.
        let missing =
            if is_of_certificates || alert == A::HandshakeFailure { self.hung_up() } else { None };
        missing.unwrap_or_else(|| match is_of_certificates {
            true => Fault::misconfigured(
                &format!("the server does not accept our client certificate: {told}"),
                "give one that is valid, of a CA that it trusts",
            ),
            false => theirs(told),
        })
    }

    /// What is wrong with a certificate that was shown, and whose fault that is.
    fn weigh(&self, certificate: Certificate) -> Option<Fault> {
        let is_asked = |fault: &CertificateFault| {
            self.verify == Verify::Full || !matches!(fault, CertificateFault::WrongName(_))
        };
        let Certificate { not_after, faults } = certificate;
        let faults: Vec<_> = faults.into_iter().filter(is_asked).collect();
        let told = Certificate { not_after, faults: faults.clone() }.complaint()?;
        let mut remedies: Vec<String> = faults.iter().filter_map(|f| self.remedy(f)).collect();
        remedies.dedup();
        // What is out of date is so for everyone, whatever else is wrong.
        let is_out_of_date = remedies.len() < faults.len();
        Some(match is_out_of_date {
            true => theirs(told),
            false => Fault::Misconfigured { what: told, remedy: remedies.join("; ") },
        })
    }

    /// What we can do about it; None if only the server's owner can.
    fn remedy(&self, fault: &CertificateFault) -> Option<String> {
        match fault {
            CertificateFault::Expired(_) | CertificateFault::NotYetValid(_) => None,
            CertificateFault::SelfSigned | CertificateFault::UnknownIssuer(_) => {
                Some("write tls: {ca: \"${file:PATH}\"} with the certificate of its CA".to_owned())
            }
            CertificateFault::WrongName(_) => Some(format!(
                "it was taken for {}; write tls: {{server_name: NAME}} with a name that the \
                 certificate is for",
                self.name.to_str()
            )),
            CertificateFault::Other(_) => Some(
                "give the server a certificate of version 3 with its name as subjectAltName"
                    .to_owned(),
            ),
        }
    }
}

impl ResolvesClientCert for Identity {
    fn resolve(&self, _: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.was_asked.store(true, Ordering::Relaxed);
        self.key.clone()
    }

    /// Even without one we want to hear that it was asked for.
    fn has_certs(&self) -> bool {
        true
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.0.written == other.0.written
    }
}

/// Says nothing of keys, and not pages of certificates.
impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TlsOptions { server_name, verify, .. } = &self.0.written;
        let mut shown = f.debug_struct("Tls");
        shown.field("server_name", server_name).field("verify", verify).finish_non_exhaustive()
    }
}

impl fmt::Debug for TlsOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { server_name, verify, .. } = self;
        let mut shown = f.debug_struct("TlsOptions");
        shown.field("server_name", server_name).field("verify", verify).finish_non_exhaustive()
    }
}

pub(super) fn no_tls_on_this_port() -> Fault {
    let remedy = "write the port on which it does, or remove tls from the file";
    Fault::misconfigured("it does not speak TLS on this port", remedy)
}

fn theirs(hint: impl fmt::Display) -> Fault {
    Fault::Down { phase: Phase::Tls, hint: hint.to_string() }
}

fn certified(certificate: &str, key: &Password) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate.as_bytes()).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(TlsError::ClientCert)?;
    let key = PrivateKeyDer::from_pem_slice(key.reveal().as_bytes());
    let key = key.map_err(|_| TlsError::ClientKey)?;
    match CertifiedKey::from_der(chain, key, &ring::default_provider()) {
        Ok(certified) => Ok(Arc::new(certified)),
        Err(Error::InconsistentKeys(_)) => Err(TlsError::OtherKey),
        Err(Error::InvalidCertificate(_)) => Err(TlsError::ClientCert),
        Err(_) => Err(TlsError::ClientKey),
    }
}

/// Of `host:port` or `[address]:port`.
fn host_of(address: &str) -> &str {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rcgen::{CertifiedKey as Made, generate_simple_self_signed};

    use super::*;

    fn made() -> (String, String) {
        let Made { cert, signing_key } = generate_simple_self_signed(["a".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    #[test]
    fn each_mistake_is_told_under_its_key() {
        let ((certificate, key), (_, other_key)) = (made(), made());
        let text = |text: &str| Some(text.to_owned());
        let with = |cert: &str, key: &str| TlsOptions {
            client_cert: text(cert),
            client_key: Some(Password::new(key)),
            ..TlsOptions::default()
        };
        let empty = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        let half = TlsOptions { client_cert: text(&certificate), ..TlsOptions::default() };
        for (options, expected) in [
            (TlsOptions { ca: text("x"), ..TlsOptions::default() }, TlsError::Ca),
            (TlsOptions { ca: text(empty), ..TlsOptions::default() }, TlsError::Ca),
            (TlsOptions { ca: text(&key), ..TlsOptions::default() }, TlsError::Ca),
            (
                TlsOptions { server_name: text("a b"), ..TlsOptions::default() },
                TlsError::ServerName,
            ),
            (half, TlsError::Half),
            (with("x", &key), TlsError::ClientCert),
            (with(empty, &key), TlsError::ClientCert),
            (with(&certificate, "x"), TlsError::ClientKey),
            (with(&certificate, &certificate), TlsError::ClientKey),
            (with(&certificate, &other_key), TlsError::OtherKey),
        ] {
            assert_eq!(Tls::new(options.clone()).unwrap_err(), expected, "{options:?}");
        }
        let good = with(&certificate, &key);
        let tls = Tls::new(TlsOptions { ca: text(&certificate), ..good.clone() }).unwrap();
        let shown = format!("{tls:?} {good:?}");
        assert!(!shown.contains("-----") && shown.contains("verify: Full"), "{shown}");
    }

    #[test]
    fn the_name_to_ask_for_is_that_of_the_address() {
        for (address, host) in
            [("db:3306", "db"), ("10.0.0.9:1", "10.0.0.9"), ("[::1]:22", "::1"), ("db", "db")]
        {
            assert_eq!(host_of(address), host);
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_certificate_or_not(text in ".{0,200}", at: usize, byte in 0_u8..128) {
            let (certificate, key) = made();
            let mut odd = certificate.into_bytes();
            let at = at % odd.len();
            odd[at] = byte;
            for ca in [text.clone(), String::from_utf8_lossy(&odd).into_owned()] {
                let options = TlsOptions {
                    ca: Some(ca.clone()),
                    client_cert: Some(ca),
                    client_key: Some(Password::new(key.clone())),
                    ..TlsOptions::default()
                };
                drop(Tls::new(options));
            }
        }
    }
}
