//! Certificates made for a test, in the folder of its server.

use std::fs;
use std::path::Path;

use collector::datasource::{DataSourceTarget, Password, Tls, TlsOptions, Verify};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// The name that the servers of these tests have.
pub(crate) const NAME: &str = "orders-db.example.com";

/// Whoever issues certificates.
#[derive(Debug)]
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, in PEM form.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn issue(&self) -> Issued {
        self.sign(&CertificateParams::new([NAME.to_owned()]).unwrap())
    }

    /// Looks happen a day after its end.
    pub(crate) fn issue_expired(&self) -> Issued {
        let mut params = CertificateParams::new([NAME.to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(2026, 6, 14);
        self.sign(&params)
    }

    fn sign(&self, params: &CertificateParams) -> Issued {
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Issued { certificate, key: key.serialize_pem() }
    }
}

impl Issued {
    /// For a server in this folder, with those whose clients it takes.
    pub(crate) fn write(&self, folder: &Path, clients: &Authority) {
        fs::write(folder.join("server.pem"), &self.certificate).unwrap();
        fs::write(folder.join("server.key"), &self.key).unwrap();
        fs::write(folder.join("clients.pem"), clients.pem()).unwrap();
    }
}

/// What is written for a server of these tests; each test changes what it is about.
pub(crate) fn trusting(authority: &Authority) -> TlsOptions {
    TlsOptions {
        ca: Some(authority.pem()),
        server_name: Some(NAME.to_owned()),
        client_cert: None,
        client_key: None,
        verify: Verify::Full,
    }
}

pub(crate) fn showing(options: TlsOptions, issued: &Issued) -> TlsOptions {
    TlsOptions {
        client_cert: Some(issued.certificate.clone()),
        client_key: Some(Password::new(issued.key.clone())),
        ..options
    }
}

pub(crate) fn with_tls(target: &DataSourceTarget, options: TlsOptions) -> DataSourceTarget {
    DataSourceTarget { tls: Some(Tls::new(options).unwrap()), ..target.clone() }
}
