//! Addresses of pages, as users write them and as servers send us on.
//!
//! Neither may hold a user, a password or a reference to a secret: an address is shown.

use std::fmt;

use model::verdict::Phase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::probe::failure::Failure;
use crate::text::{clean, clean_bytes};

/// How much of an address is repeated, in characters.
const MAX_URL_CHARS: usize = 200;

/// An address of a page: `http` or `https`, without user and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Url(reqwest::Url);

/// Why a text is no [`Url`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    #[error("{0:?} is no address of a page; write for example https://shop.example.com/health")]
    Unreadable(String),
    // The text is not repeated: it holds a secret, or something like one.
    #[error("user, password and ${{...}} do not belong into an address; write headers")]
    Secret,
}

impl Url {
    /// Without the brackets of an IPv6 address.
    pub(super) fn host(&self) -> &str {
        self.0.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.0.port_or_known_default().unwrap_or(80)
    }

    pub(super) fn is_tls(&self) -> bool {
        self.0.scheme() == "https"
    }

    /// As it stands in `Host`: with the port if it is not the usual one.
    pub(super) fn authority(&self) -> &str {
        self.0.authority()
    }

    /// Whether both are served by the same scheme, host and port.
    pub(super) fn is_on_server_of(&self, other: &Self) -> bool {
        self.0.origin() == other.0.origin()
    }

    /// What stands in the first line of a request.
    pub(super) fn path(&self) -> String {
        match self.0.query() {
            Some(query) => format!("{}?{query}", self.0.path()),
            None => self.0.path().to_owned(),
        }
    }

    /// Where a redirect leads to, which the server may have written against this address.
    pub(super) fn join(&self, location: &[u8]) -> Result<Self, Failure> {
        let joined = str::from_utf8(location).ok().and_then(|text| self.0.join(text).ok());
        joined.and_then(Self::checked).ok_or_else(|| {
            let hint = format!("leads to {:?}, which is no page", shown_url(location));
            Failure::theirs(Phase::Redirect, hint)
        })
    }

    fn checked(url: reqwest::Url) -> Option<Self> {
        let is_page = matches!(url.scheme(), "http" | "https") && url.has_host();
        (is_page && url.username().is_empty() && url.password().is_none()).then_some(Self(url))
    }
}

impl TryFrom<String> for Url {
    type Error = UrlError;
    fn try_from(written: String) -> Result<Self, UrlError> {
        let after_scheme = written.split_once("://").map_or(&*written, |(_, rest)| rest);
        let authority = after_scheme.split(['/', '?', '#']).next().unwrap_or_default();
        if authority.contains('@') || written.contains("${") {
            return Err(UrlError::Secret);
        }
        let url = reqwest::Url::parse(&written).ok().and_then(Self::checked);
        url.ok_or_else(|| UrlError::Unreadable(clean(&written, MAX_URL_CHARS)))
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.0.into()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&clean(self.0.as_str(), MAX_URL_CHARS))
    }
}

/// An address as a server wrote it, fit to be repeated.
pub(super) fn shown_url(bytes: &[u8]) -> String {
    clean_bytes(bytes, MAX_URL_CHARS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn url(text: &str) -> Url {
        Url::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn an_address_is_taken_apart() {
        let page = url("https://Shop.example.com:8443/a%20b?x=1#y");
        assert_eq!((page.host(), page.port(), page.is_tls()), ("shop.example.com", 8443, true));
        assert_eq!((page.authority(), &*page.path()), ("shop.example.com:8443", "/a%20b?x=1"));
        assert_eq!((url("http://[::1]").host(), url("http://[::1]").port()), ("::1", 80));
        assert_eq!(url("http://x").authority(), "x");
    }

    #[test]
    fn a_secret_is_refused_without_being_repeated() {
        for text in
            ["http://u:canary@x/", "http://canary@x", "x://canary@y/", "http://x/${env:canary}"]
        {
            let refused = Url::try_from(text.to_owned()).unwrap_err();
            assert_eq!(refused, UrlError::Secret, "{text}");
            assert!(!refused.to_string().contains("canary"));
        }
    }

    #[test]
    fn a_redirect_may_be_written_in_many_ways() {
        let to = |location: &str| match url("http://x/a/b").join(location.as_bytes()) {
            Ok(url) => url.to_string(),
            Err(failure) => failure.to_string(),
        };
        assert_eq!(to("c?d"), "http://x/a/c?d");
        assert_eq!(to("//y/c"), "http://y/c");
        assert_eq!(to("https://y"), "https://y/");
        assert_eq!(
            to("file:///etc/passwd"),
            "redirect: leads to \"file:///etc/passwd\", which is no page"
        );
        assert_eq!(to("http://u:p@y/"), "redirect: leads to \"http://u:p@y/\", which is no page");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn what_a_server_sends_stays_on_its_line(location in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(url) = url("http://x/a/b").join(&location) {
                prop_assert!(url.path().bytes().all(|byte| byte.is_ascii_graphic()));
                prop_assert!(url.authority().bytes().all(|byte| byte.is_ascii_graphic()));
            }
        }
    }
}
