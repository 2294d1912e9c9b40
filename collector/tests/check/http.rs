//! Pages and APIs, as they answer and as they fail to.

use std::time::Duration;

use collector::check::CheckSpec;
use collector::look::Answer;
use collector::probe::Prober;
use expect_test::{Expect, expect};

use crate::common::{Does, Server, answer, clock, in_words, rows, spec, told, watch};

/// What is told of one answer, by each of these checks.
async fn check(does: Does, checks: &[&str], expected: &Expect) {
    let server = Server::that([does]).await;
    let mut lines = String::new();
    for check in checks {
        let text = format!("http: {{name: a, url: \"http://ADDR/x\", timeout: 2s, {check}}}");
        lines += &format!("{check} -> {}\n", told(&text, server.address).await);
    }
    expected.assert_eq(&lines);
}

#[tokio::test]
async fn conditions_are_told_in_a_sentence_each() {
    let body = r#"{"status": "degraded", "queue": {"length": 250}}"#;
    check(
        answer("200 OK", "Content-Type: application/json\r\n", body),
        &[
            "method: GET",
            "status: [204, 3xx]",
            "status: [2xx], body_contains: [degraded, queue]",
            "body_contains: [ok]",
            "body_lacks: [error, degraded]",
            "body_matches: ['\"length\": \\d+']",
            "body_matches: ['^ok$', '(?i)DEGRADED']",
            "json: ['/status == \"degraded\"', 'queue.length > 100', '/error missing']",
            "json: ['/status == ok', 'queue.length < 100', '/version exists']",
            "latency_below: 1s",
        ],
        &expect![[r#"
            method: GET -> up
            status: [204, 3xx] -> down: condition: status is 200, want 204 or 300-399; the body begins: {"status": "degraded", "queue": {"length": 250}}
            status: [2xx], body_contains: [degraded, queue] -> up
            body_contains: [ok] -> down: condition: the body lacks "ok"; the body begins: {"status": "degraded", "queue": {"length": 250}}
            body_lacks: [error, degraded] -> down: condition: the body contains "degraded"; the body begins: {"status": "degraded", "queue": {"length": 250}}
            body_matches: ['"length": \d+'] -> up
            body_matches: ['^ok$', '(?i)DEGRADED'] -> down: condition: nothing in the body matches ^ok$; the body begins: {"status": "degraded", "queue": {"length": 250}}
            json: ['/status == "degraded"', 'queue.length > 100', '/error missing'] -> up
            json: ['/status == ok', 'queue.length < 100', '/version exists'] -> down: condition: /status is "degraded", want == ok; queue.length is 250, want < 100; /version is missing; the body begins: {"status": "degraded", "queue": {"length": 250}}
            latency_below: 1s -> up
        "#]],
    )
    .await;
}

#[tokio::test]
async fn an_answer_that_is_none_is_told_by_how_far_it_came() {
    let chunks = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n".to_vec();
    let gzip = b"HTTP/1.1 200 OK\r\nContent-Encoding: br\r\nContent-Length: 2\r\n\r\nok".to_vec();
    let bomb = [b"HTTP/1.1 200 OK\r\n".to_vec(), b"X: y\r\n".repeat(20_000)].concat();
    for (does, expected) in [
        (Does::Say(Vec::new()), "down: first byte: closed without a word"),
        (Does::Say(b"SSH-2.0-x\r\n".to_vec()), "down: first byte: not HTTP: it says \"SSH-2.0-x\""),
        (Does::Say(chunks.clone()), "down: body: closed in the middle of a chunked body"),
        (Does::Hang(Vec::new()), "down: first byte: no end within 300ms"),
        (Does::Hang(chunks), "down: body: no end within 300ms"),
        (Does::Say(bomb), "down: first byte: the head is longer than 65536 bytes"),
        (Does::Repeat(b"HTTP/1.1 200 OK\r\n\r\nendless ok ".to_vec()), "up"),
        (Does::Say(gzip), "down: condition: the body is encoded as br, which was not asked for"),
    ] {
        let server = Server::that([does]).await;
        let text = "http: {name: a, url: \"http://ADDR/\", timeout: 300ms, body_contains: [ok]}";
        assert_eq!(told(text, server.address).await, expected);
    }
}

#[tokio::test]
async fn json_that_is_none_or_too_long_or_too_deep_does_no_harm() {
    let deep = "[".repeat(60_000);
    let long = format!("[{}1]", "1,".repeat(40_000));
    let html = format!("<html>{}", " ".repeat(70_000));
    for (body, expected) in [
        (&*html, "down: condition: the body is no JSON (expected value at line 1 column 1)"),
        ("oops", "down: condition: the body is no JSON (expected value at line 1 column 1)"),
        ("", "down: condition: the body is no JSON (EOF while parsing a value at line 1 column 0)"),
        (&deep, "down: condition: the body is no JSON (recursion limit exceeded at line 1"),
        (&long, "misconfigured: the answer is longer than 65536 bytes, so its JSON is not read"),
        ("\u{feff}[7]", "up"),
    ] {
        let server = Server::that([answer("200 OK", "", body)]).await;
        let text = "http: {name: a, url: \"http://ADDR/\", json: ['[0] exists']}";
        let told = told(text, server.address).await;
        assert!(told.starts_with(expected), "{told}");
    }
    let server = Server::that([answer("503 Unavailable", "", &long)]).await;
    let text = "http: {name: a, url: \"http://ADDR/\", json: ['[0] exists']}";
    let told = told(text, server.address).await;
    assert!(told.starts_with("down: condition: status is 503, want 200-299"), "{told}");
}

#[tokio::test]
async fn the_request_is_the_one_that_was_written() {
    let server = Server::that([answer("200 OK", "", "")]).await;
    let text = "http: {name: a, url: \"http://ADDR/api?x=1\", method: POST, body: '{\"a\": 1}', \
                headers: {Content-Type: application/json, user-agent: probe}}";
    assert_eq!(told(text, server.address).await, "up");
    let heard = server.heard().concat().replace(&server.address.to_string(), "ADDR");
    expect![[r#"
        POST /api?x=1 HTTP/1.1
        Host: ADDR
        Accept: */*
        Cache-Control: no-cache
        Content-Type: application/json
        user-agent: probe
        Content-Length: 8
        Connection: close

        {"a": 1}"#]]
    .assert_eq(&heard.replace('\r', ""));
}

#[tokio::test]
async fn redirects_are_followed_only_as_far_as_asked() {
    let to = |location: &str| answer("302 Found", &format!("Location: {location}\r\n"), "");
    let there = answer("200 OK", "", "here");
    let check = |redirects: u8| {
        format!("http: {{name: a, url: \"http://ADDR/x/y\", redirects: {redirects}}}")
    };
    let server = Server::that([to("/login")]).await;
    assert_eq!(
        told(&check(0), server.address).await,
        "down: condition: status is 302 and leads to /login, want 200-299"
    );
    let server = Server::that([to("../a"), to("b?c"), there.clone()]).await;
    assert_eq!(told(&check(2), server.address).await, "up");
    let heard = server.heard();
    let paths: Vec<_> = heard.iter().filter_map(|request| request.lines().next()).collect();
    assert_eq!(paths, ["GET /x/y HTTP/1.1", "GET /a HTTP/1.1", "GET /b?c HTTP/1.1"]);
    let server = Server::that([to("/again")]).await;
    assert_eq!(
        told(&check(5), server.address).await,
        "down: redirect: more than 5 redirects, the last to http://ADDR/again"
    );
    let server = Server::that([to("ftp://x/")]).await;
    assert_eq!(
        told(&check(1), server.address).await,
        "down: redirect: leads to \"ftp://x/\", which is no page"
    );
}

fn with_secret(mut spec: CheckSpec) -> CheckSpec {
    let problems = spec.fill(|text| Ok(text.replace("${env:TOKEN}", "canary-7f3")));
    assert_eq!(problems, []);
    spec
}

#[tokio::test]
async fn a_secret_goes_to_its_server_alone_and_is_never_told() {
    let stranger = Server::that([answer("500 Oops", "", "no")]).await;
    let location = format!("Location: http://{}/\r\n", stranger.address);
    let echo = "you sent Bearer canary-7f3 and {\"token\": \"canary-7f3\"}";
    let server =
        Server::that([answer("302 Found", &location, ""), answer("401 No", "", echo)]).await;
    let text = "http: {name: a, url: \"http://ADDR/\", redirects: 1, \
                headers: {Authorization: \"Bearer ${env:TOKEN}\"}}";
    let spec = with_secret(spec(text, server.address));
    assert!(!format!("{spec:?}").contains("canary"));
    let mut watch = watch(spec, Prober::new());
    assert!(!format!("{watch:?}").contains("canary"));
    watch.look(Duration::from_secs(5), &clock()).await;
    assert!(server.heard()[0].contains("Authorization: Bearer canary-7f3\r\n"));
    assert!(!stranger.heard()[0].contains("canary"), "{:?}", stranger.heard());
    let look = watch.look(Duration::from_secs(5), &clock()).await;
    assert_eq!(
        in_words(&look.answer),
        "down: condition: status is 401, want 200-299; \
         the body begins: you sent Bearer *** and {\"token\": \"***\"}"
    );
}

#[tokio::test]
async fn what_was_measured_becomes_series_and_those_of_phases_not_reached_end() {
    let server = Server::that([answer("200 OK", "", "ok"), Does::Say(Vec::new())]).await;
    let spec = spec("http: {name: front, url: \"http://ADDR/\"}", server.address);
    let mut watch = watch(spec, Prober::new());
    let look = watch.look(Duration::from_secs(5), &clock()).await;
    expect![[r#"
        {check="front",kind="http",project="shop"}
        check_duration_seconds{phase="body"}
        check_duration_seconds{phase="connect"}
        check_duration_seconds{phase="dns"}
        check_duration_seconds{phase="first_byte"}
        check_http_status 200
        check_latency_seconds
        check_up 1
    "#]]
    .assert_eq(&rows(&look));
    let look = watch.look(Duration::from_secs(5), &clock()).await;
    assert!(matches!(look.answer, Answer::Down { .. }), "{look:?}");
    let told = rows(&look);
    assert!(told.contains("check_up 0"), "{told}");
    assert!(told.contains("check_http_status ended"), "{told}");
}

#[tokio::test]
async fn a_name_that_nobody_knows_is_theirs_and_a_silent_resolver_leaves_us_blind() {
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let server = silent.local_addr().expect("it is bound");
    let names = collector::probe::names::Names::of_servers(&[server]);
    let spec = spec("http: {name: a, url: \"http://shop.example.com/\"}", server);
    let mut watch = watch(spec, Prober::with_names(names));
    let look = watch.look(Duration::from_millis(300), &clock()).await;
    assert!(matches!(look.answer, Answer::Blind { .. }), "{look:?}");
    assert_eq!(look.rows, [], "nothing is known");
}
