//! The contract of Monitor.X against recorded and made-up answers.
//!
//! Each table is the test: a line with what was sent (see [`crate::sent`]), below it the verdict.
//! `UPDATE_EXPECT=1` writes the verdicts anew.

use std::net::SocketAddr;

use collector::poller::ProbeAddress;
use collector::probe::names::Names;
use expect_test::{Expect, expect};
use model::verdict::Family;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::looks::{LONG, SHORT, probe, probe_socket, told};
use crate::resolver::{Asked, Reply, resolver};
use crate::sent::{Sent, serve, serve_on};

/// Serves each answer of a table, and compares what came of it.
async fn check(table: Expect) {
    let mut looks = JoinSet::new();
    for (at, line) in
        table.data().lines().map(str::trim_start).filter(|line| !line.is_empty()).enumerate()
    {
        let line = line.to_owned();
        if at % 2 == 0 {
            looks.spawn(async move { (at, look_at(line).await) });
        }
    }
    let mut seen = looks.join_all().await;
    seen.sort();
    table.assert_eq(&seen.into_iter().map(|(_, lines)| lines).collect::<String>());
}

async fn look_at(line: String) -> String {
    let sent = Sent::parse(&line);
    let within = if sent.is_endless() { SHORT } else { LONG };
    let (address, _requests) = serve(sent).await;
    let verdict = probe_socket(address, within).await;
    format!("{line}\n    {}\n", squeezed(&told(&verdict)))
}

/// Writes long runs of a letter as the lines of a table do.
fn squeezed(told: &str) -> String {
    let letters: Vec<char> = told.chars().collect();
    let runs = letters.chunk_by(|a, b| a == b);
    let shown = runs.map(|run| match run.len() {
        0..9 => run.iter().collect(),
        times => format!("{{{}*{times}}}", run[0]),
    });
    shown.collect()
}

#[tokio::test]
async fn healthy_is_200_and_a_page_that_contains_200() {
    check(expect![[r#"
        200 OK || 200
            healthy
        200 OK || status: 200
            healthy
        200 OK || code:200.
            healthy
        200 OK || <p>200</p>
            healthy
        200 OK || "200"
            healthy
        200 OK || {"code":200,"msg":"\xe6\xad\xa3\xe5\xb8\xb8"}
            healthy
        200 OK || \xef\xbb\xbf200
            healthy
        200 OK || \r\n\r\n\t200\n
            healthy
        200 || 200
            healthy
        raw HTTP/1.0 200 OK\r\n\r\n200
            healthy
        raw HTTP/1.1 200 OK\nContent-Length: 3\n\n200
            healthy
        raw HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n200
            healthy
        200 OK | Content-Length: 3 || 200 and more than was announced
            healthy
        200 OK | Content-Length: 3 || 200{hold}
            healthy
        200 OK || 20{then}0
            healthy
        raw HT{then}TP/1.1 20{then}0 OK\r{then}\n\r{then}\n2{then}0{then}0
            healthy
    "#]])
    .await;
}

#[tokio::test]
async fn a_page_without_200_or_with_another_status_is_unhealthy() {
    check(expect![[r#"
        200 OK
            unhealthy, content: an empty page
        200 OK || ok
            unhealthy, content: ok
        200 OK || 20 0
            unhealthy, content: 20 0
        200 OK || {"code":500,"msg":"database is gone"}
            unhealthy, content: {"code":500,"msg":"database is gone"}
        200 OK || <html>\n<h1>It works!</h1>\n</html>
            unhealthy, content: <html> <h1>It works!</h1> </html>
        201 Created || 200
            unhealthy, status: status 201: 200
        204 No Content
            unhealthy, status: status 204
        206 Partial Content || 200
            unhealthy, status: status 206: 200
        401 Unauthorized || sign in
            unhealthy, status: status 401: sign in
        404 Not Found || <h1>404</h1> nginx/1.22.1
            unhealthy, status: status 404: <h1>404</h1> nginx/1.22.1
        500 Internal Server Error || error 200: out of memory
            unhealthy, status: status 500: error 200: out of memory
        502 Bad Gateway || <h1>502 Bad Gateway</h1>
            unhealthy, status: status 502: <h1>502 Bad Gateway</h1>
        503 Service Unavailable | Retry-After: 30
            unhealthy, status: status 503
        999 Denied
            unhealthy, status: status 999
        200 OK || {x*70000}200
            unhealthy, content: no 200 in the first 65536 bytes: {x*512}
        200 OK || {x*65533}200
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
    "#]])
    .await;
}

#[tokio::test]
async fn a_200_that_may_mean_something_else_is_healthy_and_doubtful() {
    check(expect![[r#"
        200 OK || {"code":500,"cost":"200ms"}
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
        200 OK || error 2001
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
        200 OK || NullPointerException at Shop.java, line 200
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
        200 OK || took 200 ms
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
        200 OK || 12004
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
        200 OK || x200
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
        200 OK || <html><head><title>Welcome to nginx!</title></head><body style="width:200px">
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
        200 OK || {y*64} 200
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
        200 OK || {"cost":"200ms","code":200}
            healthy
    "#]])
    .await;
}

#[tokio::test]
async fn redirects_are_not_followed() {
    check(expect![[r#"
        301 Moved Permanently | Location: https://www.yy.com/monitor/monitor.js || 200
            unhealthy, redirect: redirects to https://www.yy.com/monitor/monitor.js; the contract wants this page over plain http
        302 Found | Location: /login?next=%2Fmonitor
            unhealthy, redirect: redirects to /login?next=%2Fmonitor
        307 Temporary Redirect | Location: HTTPS://www.yy.com/
            unhealthy, redirect: redirects to HTTPS://www.yy.com/; the contract wants this page over plain http
        308 Permanent Redirect | Location: http://www.yy.com/\x1b[2J{u*300}
            unhealthy, redirect: redirects to http://www.yy.com/[2J{u*179}…
        302 Found || 200
            unhealthy, redirect: status 302 without a Location
        304 Not Modified
            unhealthy, status: status 304
    "#]])
    .await;
}

#[tokio::test]
async fn an_answer_from_a_cache_is_doubtful() {
    check(expect![[r#"
        200 OK | Age: 3600 || 200
            healthy, doubtful: a cache kept the answer for 3600 s
        200 OK | Age: 0 || 200
            healthy
        200 OK | Age: soon || 200
            healthy
        200 OK | X-Cache: HIT from squid.yy.com || 200
            healthy, doubtful: the answer came from a cache (X-Cache: HIT from squid.yy.com)
        200 OK | X-Cache: MISS || 200
            healthy
        200 OK | cf-cache-status: hit || 200
            healthy, doubtful: the answer came from a cache (CF-Cache-Status: hit)
        200 OK | Cache-Status: "Nginx"; hit | Age: 7 || cost=200ms
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page; a cache kept the answer for 7 s; the answer came from a cache (Cache-Status: "Nginx"; hit)
    "#]])
    .await;
}

#[tokio::test]
async fn packed_pages_and_wide_letters_are_read() {
    check(expect![[r#"
        200 OK | Content-Encoding: gzip || {gzip:code 200}
            healthy
        200 OK | Content-Encoding: gzip || {gzip:code 500}
            unhealthy, content: code 500
        200 OK | Content-Encoding: gzip || 200
            unhealthy, content: said to be gzip, and is not
        200 OK | Content-Encoding: br || 200
            unhealthy, content: encoded as br, which was not asked for
        200 OK | Transfer-Encoding: chunked | Content-Encoding: gzip || 17\r\n{gzip:200000}\r\n0\r\n\r\n
            healthy, doubtful: no 200 stands alone in the first 64 bytes of the page
        200 OK || \xff\xfe{utf16le:200}
            healthy, doubtful: the page is UTF-16, in which many see no 200
        200 OK || \xfe\xff{utf16be:fine}
            unhealthy, content: fine
        200 OK | Content-Type: text/plain; charset=UTF-16LE || {utf16le:200}
            healthy, doubtful: the page is UTF-16, in which many see no 200
        200 OK || {utf16le:200}
            unhealthy, content: a 200 in UTF-16, with neither a byte order mark nor a charset
    "#]])
    .await;
}

#[tokio::test]
async fn chunks_are_joined() {
    check(expect![[r#"
        200 OK | Transfer-Encoding: chunked || 3\r\n200\r\n0\r\n\r\n
            healthy
        200 OK | Transfer-Encoding: chunked || 1\r\n2\r\n{then}2;last="no"\r\n00\r\n{then}0\r\n\r\n
            healthy
        200 OK | Transfer-Encoding: chunked || 3\r\n200\r\n0\r\nExpires: never\r\n\r\n{hold}
            healthy
        200 OK | Transfer-Encoding: chunked || 3\r\n200\r\n
            unhealthy, body: closed in the middle of a chunked body
        200 OK | Transfer-Encoding: chunked || 3\r\n2000\r\n0\r\n\r\n
            unhealthy, body: the chunks of the body are malformed
        200 OK | Transfer-Encoding: chunked || 200\r\n
            unhealthy, body: closed in the middle of a chunked body
        200 OK | Transfer-Encoding: chunked || fffffffffffffffff\r\n200
            unhealthy, body: the chunks of the body are malformed
        200 OK | Transfer-Encoding: chunked || three\r\n200\r\n0\r\n\r\n
            unhealthy, body: the chunks of the body are malformed
        200 OK | Transfer-Encoding: chunked || {then}3\r\n200\r\n{drip}
            unhealthy, body: no end within 400ms
    "#]])
    .await;
}

#[tokio::test]
async fn what_breaks_off_or_never_ends_says_how_far_it_came() {
    check(expect![[r#"
        raw {then}
            unhealthy, first byte: closed without a word
        raw {reset}
            unhealthy, first byte: Connection reset by peer (os error 104)
        raw {hold}
            unhealthy, first byte: no end within 400ms
        raw HTTP/1.1 200 OK\r\nServer: x
            unhealthy, first byte: closed in the middle of the head
        raw HTTP/1.1 200 OK\r\n{then}X: y\r\n{drip}
            unhealthy, first byte: no end within 400ms
        raw HTTP/1.1 200 OK\r\nX: {y*70000}\r\n\r\n200
            unhealthy, first byte: the head is longer than 65536 bytes
        raw HTTP/1.1 100 Continue\r\n\r\n{drip}
            unhealthy, first byte: no end within 400ms
        200 OK | Content-Length: 4 || 200
            unhealthy, body: closed after 3 bytes of the body, of 4 announced
        200 OK | Content-Length: 4 || 200{hold}
            unhealthy, body: no end within 400ms
        200 OK | Content-Length: 4000 || 200{reset}
            unhealthy, body: Connection reset by peer (os error 104)
        200 OK || 200{hold}
            unhealthy, body: no end within 400ms
        200 OK || 200{then}.{drip}
            unhealthy, body: no end within 400ms
        200 OK || {then}{x*9000}{drip}
            unhealthy, content: no 200 in the first 65536 bytes: {x*512}
        200 OK | Content-Length: 3 | Content-Length: 4 || 200
            unhealthy, first byte: the length of the body is unclear: "3"
        200 OK | Content-Length: -3 || 200
            unhealthy, first byte: the length of the body is unclear: "-3"
    "#]])
    .await;
}

#[tokio::test]
async fn what_is_no_http_is_told_by_its_first_words() {
    check(expect![[r#"
        raw 220 mail.yy.com ESMTP\r\n
            unhealthy, first byte: not HTTP: it says "220 mail.yy.com ESMTP"
        raw SSH-2.0-OpenSSH_9.2\r\n
            unhealthy, first byte: not HTTP: it says "SSH-2.0-OpenSSH_9.2"
        raw <html>200</html>
            unhealthy, first byte: not HTTP: it says "<html>200</html>"
        raw \x15\x03\x01\x00\x02\x02\x16
            unhealthy, first byte: the port speaks TLS, not plain HTTP
        raw HTTP/0.9 200 OK\r\n\r\n200
            unhealthy, first byte: not HTTP: it says "HTTP/0.9 200 OK"
        raw HTTP/1.1 20x OK\r\n\r\n200
            unhealthy, first byte: not HTTP: it says "HTTP/1.1 20x OK"
        raw \x00\x1b[31mred\x07\r\n
            unhealthy, first byte: not HTTP: it says "[31mred"
        200 OK | this is no header || 200
            unhealthy, first byte: a header is malformed: "this is no header"
    "#]])
    .await;
}

#[tokio::test]
async fn what_a_page_says_cannot_mislead_its_reader() {
    check(expect![[r#"
        503 Busy || \x1b]0;pwned\x07<script>alert(1)</script>\x00\xe2\x80\xae gnp.exe
            unhealthy, status: status 503: ]0;pwned<script>alert(1)</script> gnp.exe
        200 OK || \x80\x81\xff
            unhealthy, content: a page of 3 bytes without a word that can be read
        500 Oops || {q*600}
            unhealthy, status: status 500: {q*512}
    "#]])
    .await;
}

#[tokio::test]
async fn the_request_has_no_parameters_and_wants_no_cached_answer() {
    let (address, mut requests) = serve(Sent::parse("200 OK || 200")).await;
    for _ in 0..2 {
        probe_socket(address, LONG).await;
        let request = String::from_utf8(requests.recv().await.unwrap()).unwrap();
        let agent = concat!("cloudbrain/", env!("CARGO_PKG_VERSION"));
        expect![[r#"
            GET /monitor/monitor.js HTTP/1.1
            Host: www.yy.com
            User-Agent: AGENT
            Accept: */*
            Cache-Control: no-cache
            Connection: close

        "#]]
        .assert_eq(&request.replace(agent, "AGENT").replace("\r\n", "\n"));
    }
}

#[tokio::test]
async fn a_closed_port_fails_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let verdict = probe_socket(address, LONG).await;
    expect!["unhealthy, connect: Connection refused (os error 111)"].assert_eq(&told(&verdict));
    assert_eq!((verdict.family, verdict.timings.named().map(|(_, span)| span)), (None, [None; 5]));
}

#[tokio::test]
async fn only_phases_that_were_reached_have_a_time() {
    let timed = async |line| {
        let (address, _requests) = serve(Sent::parse(line)).await;
        let verdict = probe_socket(address, SHORT).await;
        assert_eq!(verdict.family, Some(Family::Ipv4));
        let reached = verdict.timings.named().into_iter().filter(|(_, span)| span.is_some());
        reached.map(|(phase, _)| phase).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(timed("200 OK || 200").await, "connect first_byte body");
    assert_eq!(timed("200 OK || 20{hold}").await, "connect first_byte");
    // The request was sent, and that much is known of the time until the first byte.
    assert_eq!(timed("raw {hold}").await, "connect first_byte");
}

/// Both families on one port, where each answers as its line says, or not at all.
async fn dual(four: Option<&str>, six: Option<&str>) -> String {
    let listen_four = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listen_four.local_addr().unwrap().port();
    let listen_six =
        TcpListener::bind(SocketAddr::new("::1".parse().unwrap(), port)).await.unwrap();
    let _requests = [(listen_four, four), (listen_six, six)]
        .map(|(listener, line)| Some(serve_on(listener, Sent::parse(line?))));
    let names = resolver(|asked: &Asked| match asked.kind {
        Asked::A => asked.address("127.0.0.1"),
        Asked::AAAA => asked.address("::1"),
        _ => Reply::Silence,
    });
    let address = ProbeAddress::Resolve { host: "www.yy.com".to_owned(), port, family: None };
    let verdict = probe(address, Names::of_servers(&[names.await]), LONG).await;
    let family = verdict.family.map_or("no family".to_owned(), |family| family.to_string());
    format!("{family}, {}", told(&verdict))
}

#[tokio::test]
async fn ipv4_and_ipv6_are_looked_at_apart() {
    let (well, busy) = (Some("200 OK || 200"), Some("503 Busy"));
    let mut seen = String::new();
    for (four, six) in [(well, well), (well, None), (None, well), (busy, well), (busy, busy)] {
        seen += &(dual(four, six).await + "\n");
    }
    expect![[r#"
        IPv4, healthy
        IPv4, healthy, doubtful: not healthy over IPv6 (connect: Connection refused (os error 111))
        IPv6, healthy, doubtful: not healthy over IPv4 (connect: Connection refused (os error 111))
        IPv6, healthy, doubtful: not healthy over IPv4 (status: status 503)
        IPv4, unhealthy, status: status 503
    "#]]
    .assert_eq(&seen);
}
