//! The health contract of an application: GET `/monitor/monitor.X` of its first domain without
//! `test` in it, without parameters; it is healthy if the status is 200 and the body contains `200`.
//!
//! The contract is kept to the letter, since owners built their pages for it. But its letter has
//! traps: `{"code":500,"cost":"200ms"}` is healthy by it, so is an answer from a cache, and
//! `contest.example` is taken for a test domain. Those cases are not judged otherwise; they are
//! said aloud, as a doubt or in [`skipped`], so that an owner can repair the page.
//!
//! A page that came packed or as UTF-16 is read as its users' programs would read it.
//!
//! Pure. What a page says is bounded and cleaned here; escaping it is up to who shows it.

use model::verdict::{Outcome, Phase};

use crate::probe::answer::{Head, MAX_BODY_BYTES, Page};
use crate::probe::content::{Content, content};
use crate::text::{clean, clean_bytes};

/// How much of a bad answer is repeated, in bytes.
const HINT_BYTES: usize = 512;
/// A `200` that means health stands near the beginning.
const EXPECTED_WITHIN_BYTES: usize = 64;
const MAX_HEADER_CHARS: usize = 200;

const SIGN: &[u8] = b"200";
/// The sign in UTF-16 that nothing marks as such.
const WIDE_SIGNS: [&[u8]; 2] = [b"2\x000\x000\0", b"\x002\x000\x000"];
/// A 200 before these words is a quantity.
const UNITS: [&str; 10] = ["ns", "us", "ms", "s", "sec", "seconds", "bytes", "kb", "mb", "rows"];
/// Headers in which caches say `HIT`.
const CACHE_HEADERS: [&str; 5] =
    ["X-Cache", "X-Cache-Status", "X-Proxy-Cache", "CF-Cache-Status", "Cache-Status"];

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

/// Why a domain, as a project file writes it, cannot be asked for; none if it can.
pub fn domain_problem(domain: &str) -> Option<&'static str> {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    let port = domain.rsplit_once(':').map(|(_, port)| port);
    match domain {
        _ if domain.contains("://") => Some(
            "write the name alone: the contract of Monitor.X wants the page over plain http, and \
             nothing else",
        ),
        "" => Some("the name is empty"),
        _ if domain.contains('/') => Some("write the name alone, without a path"),
        _ if !domain.bytes().all(is_allowed) => {
            Some("a name has letters, digits, dots and hyphens; write others as xn--...")
        }
        _ if port == Some("443") => {
            Some("Monitor.X is asked for over plain http, which port 443 does not speak")
        }
        _ => None,
    }
}

/// Where the letter of the contract may choose otherwise than an owner expects: one sentence each.
pub fn doubtful_choices(domains: &[String]) -> Vec<String> {
    let probed = probe_domain(domains);
    let before = domains.iter().take_while(|domain| Some(domain.as_str()) != probed);
    let lookalikes = before.filter(|domain| !has_test_as_word(domain));
    let mut doubts: Vec<String> = lookalikes
        .map(|domain| format!("{domain} is not probed, because \"test\" stands in its name"))
        .collect();
    if let Some(probed) = probed.filter(|domain| is_test(&domain.to_lowercase())) {
        doubts.push(format!("{probed} is probed: only \"test\" in small letters is passed over"));
    }
    doubts
}

fn is_test(domain: &str) -> bool {
    domain.contains("test")
}

/// `test`, `test2` or `pre-test` between dots, and not `contest` or `testament`.
fn has_test_as_word(domain: &str) -> bool {
    let words = domain.split(|c: char| !c.is_ascii_alphabetic());
    words.into_iter().any(|word| word == "test" || word == "tests")
}

/// Judges one complete answer.
pub(crate) fn judge(page: &Page) -> Outcome {
    let unhealthy = |phase, hint| Outcome::Unhealthy { phase, hint };
    let content = content(page);
    let text = content.as_ref().map_or(&[][..], |content| &content.text);
    match (page.head.status, &content) {
        (200, Err(unreadable)) => unhealthy(Phase::Content, unreadable.to_string()),
        (200, Ok(content)) if contains(text, SIGN) => {
            Outcome::Healthy { doubt: doubt(&page.head, content) }
        }
        (200, Ok(_)) => unhealthy(Phase::Content, content_hint(text, page.is_cut)),
        (status @ (300..=303 | 305..400), _) => {
            unhealthy(Phase::Redirect, redirect_hint(status, &page.head))
        }
        (status, _) => unhealthy(Phase::Status, status_hint(status, text)),
    }
}

fn contains(body: &[u8], word: &[u8]) -> bool {
    body.windows(word.len()).any(|window| window == word)
}

fn redirect_hint(status: u16, head: &Head) -> String {
    match header(head, "Location") {
        Some(location) if location.to_ascii_lowercase().starts_with("https:") => {
            format!("redirects to {location}; the contract wants this page over plain http")
        }
        Some(location) => format!("redirects to {location}"),
        None => format!("status {status} without a Location"),
    }
}

fn status_hint(status: u16, text: &[u8]) -> String {
    let said = clean_bytes(text, HINT_BYTES);
    if said.is_empty() { format!("status {status}") } else { format!("status {status}: {said}") }
}

fn content_hint(text: &[u8], is_cut: bool) -> String {
    if WIDE_SIGNS.iter().any(|sign| contains(text, sign)) {
        return "a 200 in UTF-16, with neither a byte order mark nor a charset".to_owned();
    }
    let said = clean_bytes(text, HINT_BYTES);
    match (text.len(), said.is_empty()) {
        (0, _) => "an empty page".to_owned(),
        (length, true) => format!("a page of {length} bytes without a word that can be read"),
        (_, false) if is_cut => format!("no 200 in the first {MAX_BODY_BYTES} bytes: {said}"),
        (_, false) => said,
    }
}

/// Why a healthy answer may not mean health.
fn doubt(head: &Head, content: &Content<'_>) -> Option<String> {
    let alone = (!stands_alone(&content.text)).then(|| {
        format!("no 200 stands alone in the first {EXPECTED_WITHIN_BYTES} bytes of the page")
    });
    let wide = content.is_utf16.then(|| "the page is UTF-16, in which many see no 200".to_owned());
    let age = header(head, "Age").and_then(|age| age.parse().ok()).filter(|age: &u64| *age > 0);
    let age = age.map(|age| format!("a cache kept the answer for {age} s"));
    let doubts: Vec<String> = [alone, wide, age, cache_hit(head)].into_iter().flatten().collect();
    (!doubts.is_empty()).then(|| doubts.join("; "))
}

fn cache_hit(head: &Head) -> Option<String> {
    CACHE_HEADERS.iter().find_map(|name| {
        let said = header(head, name).filter(|said| said.to_uppercase().contains("HIT"))?;
        Some(format!("the answer came from a cache ({name}: {said})"))
    })
}

/// Whether a `200` near the beginning is a word of its own, and neither a quantity nor a line.
fn stands_alone(body: &[u8]) -> bool {
    let is_word = |byte: Option<&u8>| byte.is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_');
    let start = &body[..body.len().min(EXPECTED_WITHIN_BYTES)];
    let is_alone = |at: usize| {
        let (before, after) = (&body[..at], &body[at + SIGN.len()..]);
        !is_word(before.last()) && !is_word(after.first()) && !is_quantity(before, after)
    };
    start.windows(SIGN.len()).enumerate().any(|(at, window)| window == SIGN && is_alone(at))
}

/// `line 200` and `200 ms`: numbers that tell nothing about health.
fn is_quantity(before: &[u8], after: &[u8]) -> bool {
    let letters = |byte: &u8| byte.is_ascii_alphabetic();
    let last = before.trim_ascii_end().rsplit(|byte| !letters(byte)).next().unwrap_or_default();
    let next = after.trim_ascii_start().split(|byte| !letters(byte)).next().unwrap_or_default();
    last.eq_ignore_ascii_case(b"line")
        || UNITS.iter().any(|unit| next.eq_ignore_ascii_case(unit.as_bytes()))
}

fn header(head: &Head, name: &str) -> Option<String> {
    Some(clean(&String::from_utf8_lossy(head.get(name)?), MAX_HEADER_CHARS))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_word_at_the_edge_of_what_is_looked_at_is_judged_by_what_follows() {
        let mut body = vec![b' '; 61];
        body.extend_from_slice(b"200");
        assert!(stands_alone(&body));
        body.push(b'1');
        assert!(!stands_alone(&body));
    }

    fn domains(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn the_first_domain_without_test_is_probed() {
        let choose = |text| probe_domain(&domains(text)).map(str::to_owned);
        assert_eq!(choose("test.yy.com www.yy.com a.yy.com").as_deref(), Some("www.yy.com"));
        assert_eq!(choose("contest.yy.com latest.yy.com"), None);
        assert_eq!(choose("TEST.yy.com").as_deref(), Some("TEST.yy.com"));
        assert_eq!(skipped(&domains("contest.yy.com www.yy.com")), ["contest.yy.com"]);
        assert_eq!(probe_domain(&[]), None);
        assert_eq!(path("do"), "/monitor/monitor.do");
    }

    #[test]
    fn a_domain_that_cannot_be_asked_for_is_told() {
        for good in ["www.yy.com", "a-b.c_d.yy.com:8080", "xn--fiq228c.cn", "[::1]:80", "10.0.0.1"]
        {
            assert_eq!(domain_problem(good), None, "{good}");
        }
        let bad = ["", "https://www.yy.com", "www.yy.com/x", "商城.cn", "a b", "www.yy.com:443"];
        let told = bad.map(|domain| format!("{domain}: {}\n", domain_problem(domain).unwrap()));
        expect![[r#"
            : the name is empty
            https://www.yy.com: write the name alone: the contract of Monitor.X wants the page over plain http, and nothing else
            www.yy.com/x: write the name alone, without a path
            商城.cn: a name has letters, digits, dots and hyphens; write others as xn--...
            a b: a name has letters, digits, dots and hyphens; write others as xn--...
            www.yy.com:443: Monitor.X is asked for over plain http, which port 443 does not speak
        "#]].assert_eq(&told.concat());
    }

    #[test]
    fn a_choice_that_surprises_is_said() {
        let doubts = |text| doubtful_choices(&domains(text)).join("; ");
        assert_eq!(doubts("test.yy.com pre-test2.yy.com www.yy.com contest.yy.com"), "");
        assert_eq!(
            doubts("contest.yy.com attestation.yy.com www.yy.com"),
            "contest.yy.com is not probed, because \"test\" stands in its name; \
             attestation.yy.com is not probed, because \"test\" stands in its name"
        );
        assert_eq!(
            doubts("TEST.yy.com"),
            "TEST.yy.com is probed: only \"test\" in small letters is passed over"
        );
    }
}
