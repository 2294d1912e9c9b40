//! Ways to people: a file, and a URL with servers of several moods behind it.

use std::fs;

use alerter::hands::{Channel, ChannelError};
use alerter::message::Message;
use bytes::Bytes;
use drivers::channel::inbox::InboxChannel;
use drivers::channel::webhook::{WebhookChannel, WebhookUrlError};
use expect_test::{Expect, expect};
use http_body_util::Full;
use hyper::{Request, Response};
use serde_json::json;

use crate::common::Scratch;
use crate::http::{Server, blunt_server, nobody, server};

fn message(key: &str) -> Message {
    let message = json!({
        "key": key,
        "to": "ann",
        "kind": "problem",
        "view": "owner",
        "incident": "i-1",
        "root": "host/h1",
        "state": "down",
        "severity": "high",
        "affected": [],
        "businesses": [],
        "lang": "en",
        "text": "Host h1 is down\n它带走了两台虚拟机",
        "at": 1,
    });
    serde_json::from_value(message).expect("a message")
}

fn keys(scratch: &Scratch) -> Vec<String> {
    let text = fs::read_to_string(scratch.path().join("inbox")).expect("the file");
    let read = |line: &str| serde_json::from_str::<Message>(line).ok();
    text.lines().map(|line| read(line).map_or("torn".to_owned(), |found| found.key)).collect()
}

fn inbox(scratch: &Scratch) -> InboxChannel {
    InboxChannel::new("file".to_owned(), scratch.path().join("inbox"))
}

#[tokio::test]
async fn a_message_stands_in_the_file_once_however_often_it_is_handed_over() {
    let scratch = Scratch::new();
    let channel = inbox(&scratch);
    for key in ["1", "1", "2"] {
        channel.deliver(&message(key)).await.unwrap();
    }
    let next_brain = inbox(&scratch);
    for key in ["2", "3"] {
        next_brain.deliver(&message(key)).await.unwrap();
    }
    channel.deliver(&message("3")).await.unwrap();
    assert_eq!(keys(&scratch), ["1", "2", "3"]);
}

#[tokio::test]
async fn a_line_that_was_cut_off_is_closed_and_its_message_written_whole() {
    let scratch = Scratch::new();
    let torn = serde_json::to_string(&message("1")).unwrap();
    fs::write(scratch.path().join("inbox"), &torn[..torn.len() - 5]).unwrap();
    let channel = inbox(&scratch);
    for key in ["1", "1", "2"] {
        channel.deliver(&message(key)).await.unwrap();
    }
    assert_eq!(keys(&scratch), ["torn", "1", "2"]);
}

#[tokio::test]
async fn a_file_that_was_taken_away_begins_anew() {
    let scratch = Scratch::new();
    let channel = inbox(&scratch);
    channel.deliver(&message("1")).await.unwrap();
    fs::remove_file(scratch.path().join("inbox")).unwrap();
    channel.deliver(&message("2")).await.unwrap();
    assert_eq!(keys(&scratch), ["2"]);
}

#[tokio::test]
async fn a_file_that_cannot_be_written_may_be_writable_later() {
    let scratch = Scratch::new();
    let channel = InboxChannel::new("file".to_owned(), scratch.path().join("no/such/folder"));
    let error = channel.deliver(&message("1")).await.unwrap_err();
    assert!(matches!(error, ChannelError::Retry { after: None, .. }), "{error}");
}

async fn check(server: &Server, expected: Expect) {
    let url = format!("http://{}/secret", server.address);
    let channel = WebhookChannel::new("hook".to_owned(), &url).expect("a URL");
    let outcome = channel.deliver(&message("i-1/ann/1")).await;
    expected.assert_eq(&format!("{outcome:?}"));
    assert!(!format!("{channel:?} {outcome:?}").contains("secret"));
}

fn status(status: u16, text: &'static str) -> Response<Full<Bytes>> {
    Response::builder().status(status).body(Full::from(text)).expect("an answer")
}

/// Takes only what is as it should be.
fn strict(request: &Request<Bytes>) -> Response<Full<Bytes>> {
    let key = request.headers().get("idempotency-key").map(|key| key.as_bytes().to_vec());
    let kind = request.headers().get("content-type").map(|kind| kind.as_bytes().to_vec());
    let body: Option<Message> = serde_json::from_slice(request.body()).ok();
    let is_fine = request.method() == "POST"
        && request.uri().path() == "/secret"
        && key.as_deref() == Some(b"i-1/ann/1")
        && kind.as_deref() == Some(b"application/json")
        && body == Some(message("i-1/ann/1"));
    status(if is_fine { 204 } else { 400 }, "")
}

#[tokio::test]
async fn a_message_is_posted_with_its_key() {
    check(&server(strict).await, expect!["Ok(())"]).await;
}

#[tokio::test]
async fn each_answer_says_what_to_do_next() {
    check(
        &server(|_| status(404, "no such \u{1b}[31mhook")).await,
        expect![[r#"Err(Refused("127.0.0.1: 404 Not Found no such [31mhook"))"#]],
    )
    .await;
    check(
        &server(|_| status(302, "")).await,
        expect![[r#"Err(Refused("127.0.0.1: 302 Found "))"#]],
    )
    .await;
    check(
        &server(|_| status(503, "later")).await,
        expect![[
            r#"Err(Retry { detail: "127.0.0.1: 503 Service Unavailable later", after: None })"#
        ]],
    )
    .await;
    let busy = server(|_| {
        let mut answer = status(429, "");
        answer.headers_mut().insert("retry-after", "7".parse().expect("a value"));
        answer
    });
    check(
        &busy.await,
        expect![[r#"Err(Retry { detail: "127.0.0.1: 429 Too Many Requests ", after: Some(7s) })"#]],
    )
    .await;
    let greedy = server(|_| {
        let mut answer = status(503, "");
        answer.headers_mut().insert("retry-after", "99999999".parse().expect("a value"));
        answer
    });
    check(
        &greedy.await,
        expect![[
            r#"Err(Retry { detail: "127.0.0.1: 503 Service Unavailable ", after: Some(3600s) })"#
        ]],
    )
    .await;
}

#[tokio::test]
async fn who_cannot_be_reached_or_never_ends_is_tried_again() {
    let nobody = nobody();
    let absent = format!("http://{}/secret", nobody.address);
    let endless = crate::http::server_of(|mut stream| async move {
        use tokio::io::AsyncWriteExt;
        let _ = stream.write_all(b"HTTP/1.1 500 No\r\n\r\n").await;
        while stream.write_all(&[b'x'; 1024]).await.is_ok() {}
    })
    .await;
    let endless = format!("http://{}/secret", endless.address);
    let broken = blunt_server(b"").await;
    let broken = format!("http://{}/secret", broken.address);
    for url in [absent, endless, broken] {
        let channel = WebhookChannel::new("hook".to_owned(), &url).unwrap();
        let error = channel.deliver(&message("1")).await.unwrap_err();
        assert!(matches!(error, ChannelError::Retry { after: None, .. }), "{url}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[test]
fn only_plain_http_is_taken() {
    let refused = |url: &str| WebhookChannel::new("hook".to_owned(), url).unwrap_err();
    assert_eq!(refused("https://example.test/x"), WebhookUrlError::Https);
    for url in ["", "/x", "ftp://example.test/x", "not a url", "example.test"] {
        assert_eq!(refused(url), WebhookUrlError::NotHttp, "{url}");
    }
}
