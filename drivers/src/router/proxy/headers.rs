//! What a proxy must change in the heads of requests and answers.
//!
//! Some header lines speak of one connection only and must not be passed on (RFC 9110, 7.6.1);
//! a message with two lengths must not be passed on with both, or the next server may see two
//! messages in it.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use hyper::http::request;
use hyper::http::uri::{Authority, PathAndQuery, Scheme};
use hyper::{Method, Uri};
use model::id::VmId;

/// The VM that was asked last.
pub(super) const VM: HeaderName = HeaderName::from_static("x-cloudbrain-vm");

/// Why the router itself answered.
pub(super) const ROUTER: HeaderName = HeaderName::from_static("x-cloudbrain-router");

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

const ONE_CONNECTION_ONLY: [HeaderName; 9] = [
    CONNECTION,
    KEEP_ALIVE,
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    PROXY_CONNECTION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// The domain that is asked for, in lower case and without a port; None if it is not said, or
/// said twice.
pub(super) fn domain_of(head: &request::Parts) -> Option<String> {
    let host = match head.uri.authority() {
        Some(authority) => authority.clone(),
        None => only_host(&head.headers)?,
    };
    let domain = host.host().trim_end_matches('.').to_ascii_lowercase();
    (!domain.is_empty()).then_some(domain)
}

/// Whether the connection is to become something that this router cannot pass on. An offer that
/// may be declined, such as HTTP/2 in clear text, is not meant.
pub(super) fn wants_tunnel(head: &request::Parts) -> bool {
    let upgrades = head.headers.get_all(UPGRADE).iter();
    let websocket = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"websocket");
    head.method == Method::CONNECT || upgrades.into_iter().any(websocket)
}

/// Makes the head of a client's request fit to be sent on.
pub(super) fn forward(head: &mut request::Parts, client: IpAddr) {
    if let Some(authority) = head.uri.authority()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        head.headers.insert(HOST, host); // RFC 9112, 3.2.2: the target beats the header.
    }
    strip(&mut head.headers);
    // The server half has already told the client to go on.
    head.headers.remove(EXPECT);
    let before = head.headers.get_all(FORWARDED_FOR).iter().filter_map(|v| v.to_str().ok());
    let all = before.map(str::to_owned).chain([client.to_string()]).collect::<Vec<_>>().join(", ");
    let all = HeaderValue::try_from(all).expect("header values and an address, joined");
    head.headers.insert(FORWARDED_FOR, all);
}

/// Makes the head of an upstream's answer fit to be sent back.
pub(super) fn back(headers: &mut HeaderMap, vm: &VmId) {
    strip(headers);
    headers.remove(ROUTER); // It means that the router itself answered.
    headers.insert(VM, of_vm(vm));
}

pub(super) fn of_vm(vm: &VmId) -> HeaderValue {
    HeaderValue::from_str(vm.as_str()).expect("an id is printable ASCII")
}

/// The same target at an upstream; None if it has no path.
pub(super) fn uri_at(address: SocketAddr, target: &Uri) -> Option<Uri> {
    let authority = Authority::try_from(address.to_string()).ok()?;
    let path = target.path_and_query().cloned();
    let path = path.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let uri = Uri::builder().scheme(Scheme::HTTP).authority(authority).path_and_query(path);
    uri.build().ok()
}

fn only_host(headers: &HeaderMap) -> Option<Authority> {
    let mut hosts = headers.get_all(HOST).iter();
    let host = hosts.next()?;
    if hosts.next().is_some() {
        return None;
    }
    Authority::try_from(host.as_bytes()).ok()
}

fn strip(headers: &mut HeaderMap) {
    if headers.contains_key(TRANSFER_ENCODING) {
        headers.remove(CONTENT_LENGTH);
    }
    for name in named_by_connection(headers) {
        headers.remove(name);
    }
    for name in ONE_CONNECTION_ONLY {
        headers.remove(name);
    }
}

fn named_by_connection(headers: &HeaderMap) -> Vec<HeaderName> {
    let lists = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
    let names = lists.flat_map(|list| list.split(','));
    // A client must not use this to take away what others rely on.
    let names = names.filter_map(|name| HeaderName::try_from(name.trim()).ok());
    names
        .filter(|name| *name != HOST && *name != FORWARDED_FOR && *name != CONTENT_LENGTH)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::{Expect, expect};
    use hyper::Request;

    fn parts(uri: &str, headers: &[(&str, &str)]) -> request::Parts {
        let mut request = Request::builder().uri(uri);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn check(headers: &[(&str, &str)], expected: &Expect) {
        let mut head = parts("/", headers);
        forward(&mut head, IpAddr::from([10, 0, 0, 1]));
        let mut lines: Vec<_> =
            head.headers.iter().map(|(name, value)| format!("{name}: {value:?}\n")).collect();
        lines.sort();
        expected.assert_eq(&lines.concat());
    }

    #[test]
    fn the_domain_is_found_wherever_it_stands() {
        let of_host = |host| domain_of(&parts("/x", &[("host", host)]));
        assert_eq!(of_host("Shop.Test:8080").as_deref(), Some("shop.test"));
        assert_eq!(of_host("shop.test.").as_deref(), Some("shop.test"));
        assert_eq!(of_host("[::1]:80").as_deref(), Some("[::1]"));
        assert_eq!(of_host("a b"), None);
        let absolute = parts("http://shop.test/x", &[("host", "else.test")]);
        assert_eq!(domain_of(&absolute).as_deref(), Some("shop.test"));
        assert_eq!(domain_of(&parts("/", &[("host", "a"), ("host", "b")])), None);
        assert_eq!(domain_of(&parts("/", &[])), None);
    }

    #[test]
    fn what_concerns_one_connection_stays_on_it() {
        check(
            &[
                ("host", "shop.test"),
                ("connection", "close, x-secret, host"),
                ("x-secret", "1"),
                ("keep-alive", "5"),
                ("te", "trailers"),
                ("upgrade", "h2c"),
                ("accept", "*/*"),
            ],
            &expect![[r#"
                accept: "*/*"
                host: "shop.test"
                x-forwarded-for: "10.0.0.1"
            "#]],
        );
    }

    #[test]
    fn a_message_with_two_lengths_keeps_one() {
        check(
            &[("host", "a"), ("content-length", "3"), ("transfer-encoding", "chunked")],
            &expect![[r#"
                host: "a"
                x-forwarded-for: "10.0.0.1"
            "#]],
        );
    }

    #[test]
    fn earlier_proxies_stay_in_the_list() {
        check(
            &[("host", "a"), ("x-forwarded-for", "1.2.3.4"), ("x-forwarded-for", "5.6.7.8")],
            &expect![[r#"
                host: "a"
                x-forwarded-for: "1.2.3.4, 5.6.7.8, 10.0.0.1"
            "#]],
        );
    }

    #[test]
    fn a_websocket_is_a_tunnel_and_an_offer_of_http_2_is_not() {
        assert!(wants_tunnel(&parts("/", &[("upgrade", "WebSocket")])));
        assert!(!wants_tunnel(&parts("/", &[("upgrade", "h2c")])));
    }
}
