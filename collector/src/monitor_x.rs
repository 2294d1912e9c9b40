//! The health contract of an application: GET `/monitor/monitor.X` of its first domain without
//! `test` in it, without parameters; it is healthy if the status is 200 and the body contains `200`.
//!
//! The contract is kept to the letter, since owners built their pages for it. But its letter has
//! traps: `{"code":500,"cost":"200ms"}` is healthy by it, so is an answer from a cache, and
//! `contest.example` is taken for a test domain. Those cases are not judged otherwise; they are
//! said aloud, as a doubt or in [`skipped`], so that an owner can repair the page.
//!
//! Pure. What a page says is bounded and cleaned here; escaping it is up to who shows it.

use hyper::HeaderMap;
use hyper::header::{AGE, CONTENT_ENCODING, HeaderName, LOCATION};
use model::verdict::{Outcome, Phase};

use crate::text::{clean, clean_bytes};

/// How much of a bad answer is repeated, in bytes.
const HINT_BYTES: usize = 512;
/// A `200` that means health stands near the beginning.
const EXPECTED_WITHIN_BYTES: usize = 64;
const MAX_HEADER_CHARS: usize = 200;

const SIGN: &[u8] = b"200";
const X_CACHE: HeaderName = HeaderName::from_static("x-cache");

/// The path to probe, for the suffix that the project file names: `js`, `php`, `do`.
pub fn path(suffix: &str) -> String {
    format!("/monitor/monitor.{suffix}")
}

/// The domain to probe: the first, in the order as configured, that does not contain `test`.
pub fn probe_domain(domains: &[String]) -> Option<&str> {
    domains.iter().map(String::as_str).find(|domain| !is_test(domain))
}

/// The domains that are never probed because they contain `test`, `contest.yy.com` included.
pub fn skipped(domains: &[String]) -> Vec<&str> {
    domains.iter().map(String::as_str).filter(|domain| is_test(domain)).collect()
}

fn is_test(domain: &str) -> bool {
    domain.contains("test")
}

/// Judges one complete answer.
pub fn judge(status: u16, headers: &HeaderMap, body: &[u8]) -> Outcome {
    let unhealthy = |phase, hint| Outcome::Unhealthy { phase, hint };
    match status {
        200 if contains(body, SIGN) => Outcome::Healthy { doubt: doubt(headers, body) },
        200 => unhealthy(Phase::Content, content_hint(headers, body)),
        300..400 => unhealthy(Phase::Redirect, redirect_hint(status, headers)),
        _ => unhealthy(Phase::Status, status_hint(status, body)),
    }
}

fn contains(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}

fn redirect_hint(status: u16, headers: &HeaderMap) -> String {
    match header(headers, LOCATION) {
        Some(location) => format!("redirects to {location}"),
        None => format!("status {status} without a Location"),
    }
}

fn status_hint(status: u16, body: &[u8]) -> String {
    let said = clean_bytes(body, HINT_BYTES);
    if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") }
}

fn content_hint(headers: &HeaderMap, body: &[u8]) -> String {
    if let Some(encoding) = header(headers, CONTENT_ENCODING) {
        return format!("encoded as {encoding}, which was not asked for");
    }
    let said = clean_bytes(body, HINT_BYTES);
    if said.is_empty() { "an empty page".to_owned() } else { said }
}

/// Why a healthy answer may not mean health.
fn doubt(headers: &HeaderMap, body: &[u8]) -> Option<String> {
    let alone = (!stands_alone(body)).then(|| {
        format!("no 200 stands alone in the first {EXPECTED_WITHIN_BYTES} bytes of the page")
    });
    let age = header(headers, AGE).and_then(|age| age.parse().ok()).filter(|age: &u64| *age > 0);
    let age = age.map(|age| format!("a cache kept the answer for {age} s"));
    let cache = header(headers, X_CACHE).filter(|cache| cache.to_uppercase().contains("HIT"));
    let cache = cache.map(|cache| format!("the answer came from a cache (X-Cache: {cache})"));
    let doubts: Vec<String> = [alone, age, cache].into_iter().flatten().collect();
    (!doubts.is_empty()).then(|| doubts.join("; "))
}

/// Whether a `200` near the beginning is a word of its own.
fn stands_alone(body: &[u8]) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let start = &body[..body.len().min(EXPECTED_WITHIN_BYTES)];
    let is_alone = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| body.get(before));
        !is_word(before) && !is_word(body.get(at + SIGN.len()))
    };
    start.windows(SIGN.len()).enumerate().any(|(at, window)| window == SIGN && is_alone(at))
}

fn header(headers: &HeaderMap, name: HeaderName) -> Option<String> {
    let value = headers.get(name)?.as_bytes();
    Some(clean(&String::from_utf8_lossy(value), MAX_HEADER_CHARS))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use hyper::header::HeaderValue;

    use super::*;

    /// Each line of `answers` is `status | headers | body`; `\xNN` and `\n` stand for bytes.
    fn check(answers: &[&[u8]], expected: &Expect) {
        let judged: String = answers.iter().map(|answer| judge_line(answer) + "\n").collect();
        expected.assert_eq(&judged);
    }

    fn judge_line(answer: &[u8]) -> String {
        let mut parts = answer.splitn(3, |byte| *byte == b'|');
        let mut text = || String::from_utf8(parts.next().unwrap().trim_ascii().to_vec()).unwrap();
        let (status, header_list) = (text().parse().unwrap(), text());
        let headers = header_list.split(';').filter_map(|header| {
            let (name, value) = header.split_once(':')?;
            let name = HeaderName::from_bytes(name.trim().as_bytes()).unwrap();
            Some((name, HeaderValue::from_str(value.trim()).unwrap()))
        });
        match judge(status, &headers.collect(), parts.next().unwrap()) {
            Outcome::Healthy { doubt: None } => "healthy".to_owned(),
            Outcome::Healthy { doubt: Some(doubt) } => format!("healthy? {doubt}"),
            Outcome::Unhealthy { phase, hint } => format!("{phase}: {hint}"),
            Outcome::Blind { reason } => panic!("an answer came: {reason}"),
        }
    }

    #[test]
    fn healthy_answers() {
        check(
            &[
                b"200||200",
                b"200||{\"code\":200,\"msg\":\"ok\"}",
                b"200||<status>200</status>",
                b"200||\xef\xbb\xbf200 OK",
                b"200||status=200;db=ok",
                b"200|Age: 0; X-Cache: MISS from cdn|200",
                b"200||error 2001, then 200",
            ],
            &expect![[r#"
                healthy
                healthy
                healthy
                healthy
                healthy
                healthy
                healthy
            "#]],
        );
    }

    #[test]
    fn healthy_by_the_letter_only() {
        check(
            &[
                b"200||{\"code\":500,\"cost\":\"200ms\"}",
                b"200||error 2001",
                b"200||v1200",
                b"200||_200",
                b"200||<!DOCTYPE html><html><head><title>Oops</title></head><body>at line 200</body>",
                b"200|Age: 37|200",
                b"200|X-Cache: Hit from cloudfront|200",
                b"200|Age: 5; X-Cache: HIT|cost=200ms",
            ],
            &expect![[r#"
                healthy? no 200 stands alone in the first 64 bytes of the page
                healthy? no 200 stands alone in the first 64 bytes of the page
                healthy? no 200 stands alone in the first 64 bytes of the page
                healthy? no 200 stands alone in the first 64 bytes of the page
                healthy? no 200 stands alone in the first 64 bytes of the page
                healthy? a cache kept the answer for 37 s
                healthy? the answer came from a cache (X-Cache: Hit from cloudfront)
                healthy? no 200 stands alone in the first 64 bytes of the page; a cache kept the answer for 5 s; the answer came from a cache (X-Cache: HIT)
            "#]],
        );
    }

    #[test]
    fn unhealthy_answers() {
        check(
            &[
                b"200||",
                b"200||ok",
                b"200||20 0",
                b"200||2\x000\x000\x00",
                b"200|Content-Encoding: gzip|\x1f\x8b\x08",
                b"200||\x1b[2Jmaintenance\r\n\x00<script>alert(1)</script>",
                b"201||200",
                b"204||",
                b"404||<h1>Not Found</h1>\n",
                b"500||{\"code\":200}",
                b"503||\xe7\xbb\xb4\xe6\x8a\xa4\xe4\xb8\xad",
                b"301|Location: https://www.yy.com/monitor/monitor.js|200",
                b"302|Location: /login?back=%2F|200",
                b"304||200",
            ],
            &expect![[r#"
                content: an empty page
                content: ok
                content: 20 0
                content: 200
                content: encoded as gzip, which was not asked for
                content: [2Jmaintenance  <script>alert(1)</script>
                status: status 201: 200
                status: status 204
                status: status 404: <h1>Not Found</h1>
                status: status 500: {"code":200}
                status: status 503: 维护中
                redirect: redirects to https://www.yy.com/monitor/monitor.js
                redirect: redirects to /login?back=%2F
                redirect: status 304 without a Location
            "#]],
        );
    }

    #[test]
    fn a_hint_is_bounded() {
        let Outcome::Unhealthy { hint, .. } = judge(200, &HeaderMap::new(), &[b'x'; 70_000]) else {
            panic!("it holds no 200");
        };
        assert_eq!(hint.len(), HINT_BYTES);
    }

    #[test]
    fn a_word_at_the_edge_of_what_is_looked_at_is_judged_by_what_follows() {
        let mut body = vec![b' '; 61];
        body.extend_from_slice(b"200");
        assert!(stands_alone(&body));
        body.push(b'1');
        assert!(!stands_alone(&body));
    }

    #[test]
    fn the_first_domain_without_test_is_probed() {
        let domains = |text: &str| -> Vec<String> { text.split(' ').map(str::to_owned).collect() };
        let choose = |text| probe_domain(&domains(text)).map(str::to_owned);
        assert_eq!(choose("test.yy.com www.yy.com a.yy.com").as_deref(), Some("www.yy.com"));
        assert_eq!(choose("contest.yy.com latest.yy.com"), None);
        assert_eq!(choose("TEST.yy.com").as_deref(), Some("TEST.yy.com"));
        assert_eq!(skipped(&domains("contest.yy.com www.yy.com")), ["contest.yy.com"]);
        assert_eq!(probe_domain(&[]), None);
        assert_eq!(path("do"), "/monitor/monitor.do");
    }
}
