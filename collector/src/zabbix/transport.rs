//! One bounded HTTP POST to a Zabbix server.
//!
//! No proxy from the environment, no redirect followed: a token must go nowhere but where the
//! user said. What comes back is read up to a cap, however long it is said to be; the time limit
//! for the whole is the caller's, see [`super::api`].

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Client, Url, redirect};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

use super::error::ApiError;
use super::secret::Secret;

/// The longest answer that is read, in bytes.
pub const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;
/// The content type that every version takes; a wrong one is answered with status 412.
const JSON_RPC: &str = "application/json-rpc";
const USER_AGENT_NAME: &str = concat!("cloudbrain/", env!("CARGO_PKG_VERSION"));

/// Why a server cannot be spoken to at all: a fault of the settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    #[error("{0:?} is no URL of a Zabbix API, such as https://zabbix.example/api_jsonrpc.php")]
    Url(String),
    #[error("the certificate authority is no PEM file with certificates")]
    Authority,
    #[error("TLS cannot be set up")]
    Tls(#[source] Box<dyn std::error::Error + Send + Sync>),
    #[error("mapping: {0}")]
    Mapping(#[from] super::mapping::MappingError),
}

#[derive(Debug)]
pub(super) struct Transport {
    http: Client,
    url: Url,
}

impl Transport {
    /// `authority` is a PEM file's content, for a server with a certificate of one's own making.
    pub(super) fn new(url: &str, authority: Option<&[u8]>) -> Result<Self, SettingsError> {
        let parsed = Url::parse(url).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        // A password inside the URL would end up in logs; there are settings for it.
        let parsed = parsed.filter(|url| url.username().is_empty() && url.password().is_none());
        let url = parsed.ok_or_else(|| SettingsError::Url(crate::text::clean(url, 100)))?;
        let http = Client::builder()
            .tls_backend_preconfigured(tls(url.scheme() == "https", authority)?)
            .no_proxy()
            .redirect(redirect::Policy::none())
            .http1_only()
            .user_agent(USER_AGENT_NAME)
            .pool_max_idle_per_host(2)
            .pool_idle_timeout(Duration::from_secs(30))
            .build()
            .map_err(|error| SettingsError::Tls(error.into()))?;
        Ok(Self { http, url })
    }

    /// Sends one request; the answer is that of status 200.
    pub(super) async fn post(
        &self,
        method: &'static str,
        body: Vec<u8>,
        bearer: Option<&Secret>,
    ) -> Result<Vec<u8>, ApiError> {
        let away = |error| ApiError::of_transport(error, Duration::ZERO);
        let mut request = self.http.post(self.url.clone()).header(CONTENT_TYPE, JSON_RPC);
        if let Some(token) = bearer {
            let mut value = HeaderValue::try_from(format!("Bearer {}", token.reveal()))
                .map_err(|_| ApiError::Session("the token has odd characters".to_owned()))?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let mut response = request.body(body).send().await.map_err(away)?;
        if response.status() != 200 {
            return Err(ApiError::Status(response.status().as_u16()));
        }
        let mut answer = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(away)? {
            if answer.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(ApiError::TooBig { method, cap_bytes: MAX_ANSWER_BYTES });
            }
            answer.extend_from_slice(&chunk);
        }
        Ok(answer)
    }
}

/// Whom to trust: the machine's own list, and `authority` beside it.
fn tls(is_used: bool, authority: Option<&[u8]>) -> Result<ClientConfig, SettingsError> {
    let mut roots = RootCertStore::empty();
    if is_used {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if let Some(pem) = authority {
        let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        let read = read.map_err(|_| SettingsError::Authority)?;
        if roots.add_parsable_certificates(read).0 == 0 {
            return Err(SettingsError::Authority);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| SettingsError::Tls(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_of_an_api_is_refused_without_repeating_a_password() {
        for url in ["", "zabbix", "ftp://h/x", "http://admin:secret@h/api_jsonrpc.php"] {
            assert!(matches!(Transport::new(url, None), Err(SettingsError::Url(_))), "{url}");
        }
        assert!(Transport::new("http://h/zabbix/api_jsonrpc.php", None).is_ok());
    }

    #[test]
    fn an_authority_that_is_none_is_refused() {
        let made = Transport::new("https://h/api_jsonrpc.php", Some(b"-----BEGIN NONSENSE"));
        assert!(matches!(made, Err(SettingsError::Authority)));
    }
}
