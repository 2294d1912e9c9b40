//! Does a page or an API answer as it should?
//!
//! The request is written by hand, like that of a probe, so that nothing is sent that the check does
//! not name. Redirects are followed only if the check says so, and what its headers tell goes to
//! the server it names and to no other.

use std::collections::BTreeMap;
use std::fmt;

use memchr::memmem;
use model::verdict::Phase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::condition::{Pattern, StatusRange, Unmet, any_of};
use super::json::JsonCondition;
use super::spec::{Common, Problem, Text, TlsOptions, check_kind};
use super::url::{Url, shown_url};
use super::{Ground, Judging, Kind, Readings};
use crate::probe::USER_AGENT_NAME;
use crate::probe::answer::{MAX_BODY_BYTES, Page};
use crate::probe::content::content;
use crate::probe::exchange::{Way, exchange};
use crate::probe::failure::{Failure, Trace};

const MAX_REDIRECTS: u8 = 5;
/// What follows from the request itself.
const OWN_HEADERS: [&str; 3] = ["connection", "content-length", "transfer-encoding"];

check_kind! {
    /// A page or an API answers as it should.
    HttpCheck {
        url: Url,
        #[serde(default)]
        method: Method,
        /// Values may hold `${env:NAME}` or `${file:PATH}`.
        #[serde(default)]
        headers: BTreeMap<String, Text>,
        /// Sent with the request; may hold secrets, too.
        body: Option<Text>,
        /// How many redirects are followed, at most 5. The headers of the check go to the server of
        /// `url` alone.
        #[serde(default)]
        redirects: u8,
        /// Which statuses are good, each as `200`, `200-299` or `2xx`; 200-299 if left out.
        #[serde(default)]
        status: Vec<StatusRange>,
        /// Each of these stands in the body. Of a body the first 64 KiB are read.
        #[serde(default)]
        body_contains: Vec<String>,
        /// None of these stands in the body.
        #[serde(default)]
        body_lacks: Vec<String>,
        /// Each of these regular expressions matches somewhere in the body.
        #[serde(default)]
        body_matches: Vec<Pattern>,
        /// Conditions on a JSON body: `/status == "ok"`, `queue.length < 100`, `/version exists`,
        /// `/error missing`.
        #[serde(default)]
        json: Vec<JsonCondition>,
        /// For https.
        tls: Option<TlsOptions>,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
}

impl Kind for HttpCheck {
    fn word(&self) -> &'static str {
        "http"
    }

    fn common(&self) -> Common<'_> {
        self.common()
    }

    fn destination(&self) -> String {
        format!("{}:{}", self.url.host(), self.url.port())
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.tls.iter().flat_map(TlsOptions::problems).collect();
        let headers = self.headers.iter();
        problems.extend(headers.filter_map(|(name, value)| header_problem(name, value)));
        problems.extend(self.body.as_ref().and_then(|body| body.problem("body")));
        problems.extend(self.redirect_problem());
        if self.tls.is_some() && !self.url.is_tls() && self.redirects == 0 {
            problems.push(Problem::error("tls", "the url is plain http; write https:// there"));
        }
        if self.method == Method::Head && self.asks_of_body() {
            let message = "an answer to HEAD has no body to judge; write GET";
            problems.push(Problem::error("method", message));
        }
        let texts = [("body_contains", &self.body_contains), ("body_lacks", &self.body_lacks)];
        for (field, _) in texts.iter().filter(|(_, list)| list.iter().any(String::is_empty)) {
            problems
                .push(Problem::error(*field, "an empty text stands in every body; leave it out"));
        }
        problems
    }

    fn texts(&mut self) -> Vec<(String, &mut Text)> {
        let ca = self.tls.as_mut().and_then(|tls| tls.ca.as_mut());
        let headers = self.headers.iter_mut();
        let headers = headers.map(|(name, value)| (format!("headers.{name}"), value));
        let body = self.body.as_mut().map(|body| ("body".to_owned(), body));
        headers.chain(body).chain(ca.map(|ca| ("tls.ca".to_owned(), ca))).collect()
    }

    fn look<'a, 'c: 'a>(
        &'a self,
        ground: &'a Ground,
        trace: &'a mut Trace<'c>,
        readings: &'a mut Readings,
    ) -> Judging<'a> {
        Box::pin(async move {
            let page = self.page(ground, trace).await?;
            readings.add("check_http_status", f64::from(page.head.status));
            let mut unmet = Unmet::default();
            self.judge(&page, ground, &mut unmet)?;
            if let Some(tls) = &self.tls {
                tls.judge(trace, &mut unmet);
            }
            Ok(unmet)
        })
    }
}

impl HttpCheck {
    fn redirect_problem(&self) -> Option<Problem> {
        let is_plain = matches!(self.method, Method::Get | Method::Head) && self.body.is_none();
        let message = match self.redirects {
            0 => return None,
            _ if !is_plain => "only GET and HEAD without a body are sent on; write 0",
            1..=MAX_REDIRECTS => return None,
            _ => "at most 5 redirects are followed; write 0 to 5",
        };
        Some(Problem::error("redirects", message))
    }

    fn asks_of_body(&self) -> bool {
        !(self.body_contains.is_empty()
            && self.body_lacks.is_empty()
            && self.body_matches.is_empty()
            && self.json.is_empty())
    }

    /// The answer, after as many redirects as are followed.
    async fn page(&self, ground: &Ground, trace: &mut Trace<'_>) -> Result<Page, Failure> {
        let mut url = self.url.clone();
        for _ in 0..=self.redirects {
            let page = self.ask(&url, ground, trace).await?;
            match location(&page) {
                Some(location) if self.redirects > 0 => url = url.join(location)?,
                _ => return Ok(page),
            }
        }
        let hint = format!("more than {} redirects, the last to {url}", self.redirects);
        Err(Failure::theirs(Phase::Redirect, hint))
    }

    async fn ask(
        &self,
        url: &Url,
        ground: &Ground,
        trace: &mut Trace<'_>,
    ) -> Result<Page, Failure> {
        let (plain, default) = (!url.is_tls(), TlsOptions::default());
        let options = self.tls.as_ref().unwrap_or(&default);
        let tls = if plain { None } else { Some(ground.tls(options, url.host())?) };
        let place = ground.place(url.host(), url.port(), self.family);
        let way = Way { place, tls: tls.as_ref(), within: self.timeout.0 };
        let has_body = self.method != Method::Head;
        exchange(way, self.request(url).as_bytes(), has_body, ground.names(), trace).await
    }

    fn request(&self, url: &Url) -> String {
        let is_ours = url.is_on_server_of(&self.url);
        let own: Vec<(&str, &str)> = match is_ours {
            true => self.headers.iter().map(|(name, text)| (&**name, text.reveal())).collect(),
            false => Vec::new(),
        };
        let body = self.body.as_ref().map(Text::reveal).unwrap_or_default();
        let length = body.len().to_string();
        let defaults = [
            ("Host", url.authority()),
            ("User-Agent", USER_AGENT_NAME),
            ("Accept", "*/*"),
            ("Cache-Control", "no-cache"),
        ];
        let is_new =
            |(name, _): &(&str, &str)| !own.iter().any(|(o, _)| o.eq_ignore_ascii_case(name));
        let has_length = self.body.is_some() || self.method.may_have_body();
        let length = has_length.then_some(("Content-Length", &*length));
        let headers = defaults.into_iter().filter(is_new).chain(own.iter().copied());
        let headers = headers.chain(length).chain([("Connection", "close")]);
        let headers: String = headers.map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        format!("{} {} HTTP/1.1\r\n{headers}\r\n{body}", self.method, url.path())
    }

    /// Fails only where the check itself asks too much.
    fn judge(&self, page: &Page, ground: &Ground, unmet: &mut Unmet) -> Result<(), Failure> {
        let status = page.head.status;
        let wanted =
            if self.status.is_empty() { &[StatusRange::SUCCESS][..] } else { &self.status };
        unmet.unless(wanted.iter().any(|range| range.contains(status)), || {
            let to = location(page).map(|to| format!(" and leads to {}", shown_url(to)));
            format!("status is {status}{}, want {}", to.unwrap_or_default(), any_of(wanted))
        });
        match content(page) {
            Ok(content) => self.judge_body(&content.text, page.is_cut, ground, unmet)?,
            Err(unreadable) if self.asks_of_body() => {
                unmet.add(Some(format!("the body is {unreadable}")));
            }
            Err(_) => {}
        }
        Ok(())
    }

    fn judge_body(
        &self,
        body: &[u8],
        is_cut: bool,
        ground: &Ground,
        unmet: &mut Unmet,
    ) -> Result<(), Failure> {
        let contains = |text: &str| memmem::find(body, text.as_bytes()).is_some();
        for text in &self.body_contains {
            unmet.unless(contains(text), || format!("the body lacks {text:?}"));
        }
        for text in &self.body_lacks {
            unmet.unless(!contains(text), || format!("the body contains {text:?}"));
        }
        for pattern in &self.body_matches {
            unmet
                .unless(pattern.matches(body), || format!("nothing in the body matches {pattern}"));
        }
        if !self.json.is_empty() {
            let is_cut = is_cut || body.len() >= MAX_BODY_BYTES;
            self.judge_json(body, is_cut, ground, unmet)?;
        }
        if !unmet.is_empty() && !body.is_empty() {
            unmet.add(Some(format!("the body begins: {}", ground.shown(body))));
        }
        Ok(())
    }

    /// What was cut cannot be judged; but what is bad enough without it is bad.
    fn judge_json(
        &self,
        body: &[u8],
        is_cut: bool,
        ground: &Ground,
        unmet: &mut Unmet,
    ) -> Result<(), Failure> {
        let mark = "\u{feff}".as_bytes();
        match serde_json::from_slice::<Value>(body.strip_prefix(mark).unwrap_or(body)) {
            Ok(document) => {
                let sentences = self.json.iter().filter_map(|json| json.unmet(&document));
                sentences.for_each(|sentence| unmet.add(Some(ground.hide(sentence))));
            }
            Err(error) if error.is_eof() && is_cut && unmet.is_empty() => {
                return Err(too_long_for_json());
            }
            Err(error) if error.is_eof() && is_cut => {}
            Err(error) => unmet.add(Some(format!("the body is no JSON ({error})"))),
        }
        Ok(())
    }
}

fn too_long_for_json() -> Failure {
    Failure::Setup {
        what: format!("the answer is longer than {MAX_BODY_BYTES} bytes, so its JSON is not read"),
        remedy: "ask for a shorter one, or write body_contains instead of json".to_owned(),
    }
}

/// Where a redirect leads to, as the server wrote it.
fn location(page: &Page) -> Option<&[u8]> {
    let is_redirect = matches!(page.head.status, 301 | 302 | 303 | 307 | 308);
    page.head.get("location").filter(|location| is_redirect && !location.is_empty())
}

fn header_problem(name: &str, value: &Text) -> Option<Problem> {
    let field = format!("headers.{name}");
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let is_sendable = |byte: u8| byte.is_ascii_graphic() || byte == b' ' || byte == b'\t';
    if name.is_empty() || !name.bytes().all(is_token) {
        return Some(Problem::error(field, "no name of a header; write for example X-Token"));
    }
    if OWN_HEADERS.iter().any(|own| own.eq_ignore_ascii_case(name)) {
        return Some(Problem::error(field, "this header follows from the request; leave it out"));
    }
    if !value.reveal().bytes().all(is_sendable) {
        let message = "its value cannot be sent: one line of plain ASCII is what a header holds";
        return Some(Problem::error(field, message));
    }
    value.problem(&field)
}

impl Method {
    /// Whether a server expects to be told the length, also if it is nothing.
    fn may_have_body(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Get => "GET",
            Self::Head => "HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
            Self::Options => "OPTIONS",
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::probe::Prober;

    fn judged(body: &[u8]) -> String {
        let text = r#"{"name": "a", "url": "http://x/", "body_contains": ["ok"],
                       "body_matches": ["(?i)^[a-z]+$"], "json": ["/a/0 < 3"]}"#;
        let check: HttpCheck = serde_json::from_str(text).unwrap();
        let ground = Ground::new(Prober::new(), BTreeMap::new(), Default::default());
        let mut unmet = Unmet::default();
        let judged = check.judge_body(body, false, &ground, &mut unmet);
        judged
            .and_then(|()| unmet.into_failure())
            .map_or_else(|f| f.to_string(), |()| "good".into())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn any_body_is_judged_in_a_bounded_sentence(
            body in proptest::collection::vec(any::<u8>(), 0..2000),
        ) {
            prop_assert!(judged(&body).chars().count() < 600);
        }

        #[test]
        fn damaged_json_does_no_harm(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut body = br#"{"a": [2, {"ok": "\u00e4"}], "b": -1.5e300}"#.to_vec();
            let at = at.index(body.len());
            body[at] = byte;
            prop_assert!(judged(&body).chars().count() < 600);
        }
    }
}
