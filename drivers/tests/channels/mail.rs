//! Mail, by a real SMTP server that parses what it gets.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use alerter::hands::Parcel;
use drivers::channel::Trust;
use expect_test::expect;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::TcpListener;
use tokio::process::{Child, ChildStdout, Command};

use crate::common::{Scratch, alone, ground, message, open, problem, told};

/// A server of one test, ended with it.
struct Server {
    port: u16,
    certificate: CertificateDer<'static>,
    mails: Lines<BufReader<ChildStdout>>,
    _process: Child,
    scratch: Scratch,
}

impl Server {
    async fn start(tls: &str) -> Self {
        let scratch = Scratch::new();
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (certificate, key) = (scratch.path().join("cert.pem"), scratch.path().join("key.pem"));
        fs::write(&certificate, cert.pem()).expect("it is written");
        fs::write(&key, signing_key.serialize_pem()).expect("it is written");
        // Debian's own Python has Debian's packages.
        let mut process = Command::new("/usr/bin/python3")
            .args(["-W", "ignore", "-c", include_str!("smtp_server.py")])
            .args([&certificate, &key])
            .arg(tls)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("Python");
        let mut mails = BufReader::new(process.stdout.take().expect("its output")).lines();
        let port = next(&mut mails).await.parse().expect("a port");
        let certificate = cert.der().clone();
        Self { port, certificate, mails, _process: process, scratch }
    }

    fn settings(&self, tls: &str) -> Value {
        json!({
            "name": "mail", "server": "localhost", "port": self.port, "tls": tls,
            "user": "alerts", "password": "${MAIL}", "from": "告警 <alerts@shop.example>",
        })
    }

    async fn send(&self, settings: Value, patience: Duration, parcel: Parcel<'_>) -> String {
        let trust = Trust::only(vec![self.certificate.clone()]);
        let mut ground = ground(self.scratch.path(), trust);
        ground.patience = patience;
        let channel = open(json!({"email": settings}), &ground).expect("a channel");
        told(&channel.deliver(parcel).await)
    }

    async fn mail(&mut self) -> Value {
        serde_json::from_str(&next(&mut self.mails).await).expect("a mail")
    }
}

async fn next(lines: &mut Lines<BufReader<ChildStdout>>) -> String {
    let line = tokio::time::timeout(Duration::from_secs(60), lines.next_line()).await;
    line.expect("in time").expect("readable").expect("it still runs")
}

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
#[ignore = "needs the Debian package python3-aiosmtpd"]
async fn a_mail_arrives_whole_and_answers_the_first_of_its_incident() {
    let mut server = Server::start("starttls").await;
    let settings = server.settings("starttls");
    let mut first = message(
        "I-7",
        "problem",
        "web 的 5 台虚拟机中有 2 台宕机，原因：宿主机 h2 宕机\nshop/web <b>：2 台\n.\nFrom here",
    );
    first.lang = model::lang::Lang::Zh;
    let parcel =
        Parcel { address: Some("Ann <ann@shop.example>, bob@shop.example"), ..alone(&first) };
    let outcome = server.send(settings.clone(), LONG, parcel).await;
    expect!["1 told, thread <I-7-ann-1.1795248000123.shop-fleet@shop.example>"].assert_eq(&outcome);
    let mut mail = server.mail().await;
    let content_type = mail["headers"]["Content-Type"].take();
    assert!(content_type.as_str().is_some_and(|kind| kind.starts_with("multipart/alternative")));
    expect![[r#"
        {
          "defects": [],
          "envelope": [
            "alerts@shop.example",
            "ann@shop.example",
            "bob@shop.example"
          ],
          "headers": {
            "Auto-Submitted": "auto-generated",
            "Content-Type": null,
            "Date": "Sat, 21 Nov 2026 08:00:00 +0000",
            "From": "告警 <alerts@shop.example>",
            "MIME-Version": "1.0",
            "Message-ID": "<I-7-ann-1.1795248000123.shop-fleet@shop.example>",
            "Subject": "web 的 5 台虚拟机中有 2 台宕机，原因：宿主机 h2 宕机",
            "To": "Ann <ann@shop.example>, bob@shop.example"
          },
          "html": "<!DOCTYPE html>\r\n<html lang=\"zh\"><head><meta charset=\"utf-8\"></head><body>\r\n<p><strong>web 的 5 台虚拟机中有 2 台宕机，原因：宿主机 h2 宕机</strong></p>\r\n<p>shop/web &lt;b&gt;：2 台<br>\r\n.<br>\r\nFrom here</p>\r\n</body></html>\r\n",
          "longest_line": 76,
          "text": "web 的 5 台虚拟机中有 2 台宕机，原因：宿主机 h2 宕机\r\nshop/web <b>：2 台\r\n.\r\nFrom here\r\n",
          "tls": true,
          "user": "alerts"
        }"#]].assert_eq(&format!("{mail:#}"));
    let end = message("I-7", "resolved", "web is whole again after 14 s");
    let thread = outcome.split_once("thread ").map(|(_, thread)| thread);
    let parcel = Parcel { address: Some("ann@shop.example"), thread, ..alone(&end) };
    let outcome = server.send(settings, LONG, parcel).await;
    expect!["1 told, thread <I-7-ann-2.1795248000123.shop-fleet@shop.example>"].assert_eq(&outcome);
    let mail = server.mail().await;
    assert_eq!(mail["headers"]["In-Reply-To"].as_str(), thread);
    assert_eq!(mail["headers"]["References"].as_str(), thread);
    assert_ne!(mail["headers"]["Message-ID"].as_str(), thread);
    assert_eq!(mail["headers"]["Subject"], json!("web is whole again after 14 s"));
}

#[tokio::test]
#[ignore = "needs the Debian package python3-aiosmtpd"]
async fn a_report_says_where_to_decline_it_and_goes_on_in_its_thread() {
    let mut server = Server::start("starttls").await;
    let mut report = message("report-week", "update", "[met] shop 100%, 0s down; 2026-W46\nmore");
    report.is_report = true;
    let thread = Some("<report-week.before@shop.example>");
    let parcel = Parcel { address: Some("ann@shop.example"), thread, ..alone(&report) };
    server.send(server.settings("starttls"), LONG, parcel).await;
    let mail = server.mail().await;
    let header = |name: &str| mail["headers"][name].as_str();
    let decline = "<mailto:alerts@shop.example?subject=unsubscribe%20reports>";
    assert_eq!(header("List-Unsubscribe"), Some(decline));
    assert_eq!(header("In-Reply-To"), thread);
    assert_eq!(header("Subject"), Some("[met] shop 100%, 0s down; 2026-W46"));
}

#[tokio::test]
#[ignore = "needs the Debian package python3-aiosmtpd"]
async fn a_mail_that_is_sent_again_bears_the_same_id() {
    let mut server = Server::start("none").await;
    let mut settings = server.settings("none");
    settings["to"] = json!("team@shop.example");
    let told_of = problem();
    let ids = [
        server.send(settings.clone(), LONG, alone(&told_of)).await,
        server.send(settings, LONG, alone(&told_of)).await,
    ];
    assert_eq!(ids[0], ids[1]);
    let (first, second) = (server.mail().await, server.mail().await);
    assert_eq!(first["headers"]["Message-ID"], second["headers"]["Message-ID"]);
    assert_eq!(first["envelope"], json!(["alerts@shop.example", "team@shop.example"]));
    assert_eq!(first["tls"], json!(false));
}

#[tokio::test]
#[ignore = "needs the Debian package python3-aiosmtpd"]
async fn each_answer_of_the_server_says_what_to_do_next() {
    let server = Server::start("starttls").await;
    let mut lines = String::new();
    for to in [
        "ann@shop.example",
        "nobody@shop.example",
        "later@shop.example",
        "nobody@shop.example, later@shop.example",
        "ann@shop.example, nobody@shop.example",
        "full@shop.example",
        "spam@shop.example",
        "drop@shop.example",
        "no mailbox",
    ] {
        let told_of = problem();
        let parcel = Parcel { address: Some(to), ..alone(&told_of) };
        lines +=
            &format!("{to} => {}\n", server.send(server.settings("starttls"), LONG, parcel).await);
    }
    expect![[r#"
        ann@shop.example => 1 told, thread <I-7-ann-1.1795248000123.shop-fleet@shop.example>
        nobody@shop.example => never: localhost: permanent error (550): 5.1.1 no such user here
        later@shop.example => again: localhost: transient error (450): 4.2.0 greylisted, come back
        nobody@shop.example, later@shop.example => again: localhost: transient error (450): 4.2.0 greylisted, come back
        ann@shop.example, nobody@shop.example => 1 told, thread <I-7-ann-1.1795248000123.shop-fleet@shop.example>, but nobody@shop.example: permanent error (550): 5.1.1 no such user here
        full@shop.example => again: localhost: transient error (452): 4.3.1 no room
        spam@shop.example => never: localhost: permanent error (554): 5.7.1 looks like spam
        drop@shop.example => perhaps: localhost: network error: peer closed connection without sending TLS close_notify: https://docs.rs/rustls/latest/rustls/manual/_03_howto/index.html#unexpected-eof
        no mailbox => never: no address of mail
    "#]].assert_eq(&lines);
    let told_of = problem();
    let parcel = Parcel { address: Some("hang@shop.example"), ..alone(&told_of) };
    let outcome = server.send(server.settings("starttls"), Duration::from_secs(3), parcel).await;
    assert_eq!(outcome, "perhaps: localhost: not done within 9s");
}

#[tokio::test]
#[ignore = "needs the Debian package python3-aiosmtpd"]
async fn nothing_is_said_to_a_server_that_is_not_what_the_file_says() {
    let (with, without) = (Server::start("starttls").await, Server::start("none").await);
    let mut implicit = Server::start("implicit").await;
    let told_of = problem();
    let parcel = Parcel { address: Some("ann@shop.example"), ..alone(&told_of) };
    let mut lines = String::new();
    let mut note = |what: &str, outcome: String| lines += &format!("{what} => {outcome}\n");
    note("implicit", implicit.send(implicit.settings("implicit"), LONG, parcel).await);
    note("no STARTTLS there", without.send(without.settings("starttls"), LONG, parcel).await);
    note("no TLS here", with.send(with.settings("none"), LONG, parcel).await);
    let mut wrong = with.settings("starttls");
    wrong["password"] = json!("${WRONG}");
    note("wrong password", with.send(wrong, LONG, parcel).await);
    let stranger = ground(with.scratch.path(), Trust::only(Vec::new()));
    for tls in ["starttls", "implicit"] {
        let server = if tls == "implicit" { &implicit } else { &with };
        let channel = open(json!({"email": server.settings(tls)}), &stranger).expect("a channel");
        note("not trusted", told(&channel.deliver(parcel).await));
    }
    expect![[r#"
        implicit => 1 told, thread <I-7-ann-1.1795248000123.shop-fleet@shop.example>
        no STARTTLS there => never: localhost: it offers no STARTTLS; write tls: implicit or, where nobody listens, tls: none
        no TLS here => never: localhost: internal client error: No compatible authentication mechanism was found
        wrong password => never: localhost: permanent error (535): 5.7.8 Authentication credentials invalid
        not trusted => again: localhost: Connection error: Connection error: invalid peer certificate: UnknownIssuer
        not trusted => again: localhost: invalid peer certificate: UnknownIssuer
    "#]].assert_eq(&lines);
    assert_eq!(implicit.mail().await["tls"], json!(true));
}

#[tokio::test]
async fn a_server_that_talks_without_end_is_left() {
    for says in [&b"x"[..], b"220-hello\r\n"] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it listens").port();
        let talk = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("somebody comes");
            while stream.write_all(&says.repeat(1000)).await.is_ok() {}
        });
        let ground = ground(Scratch::new().path(), Trust::only(Vec::new()));
        let settings = json!({"email": {
            "name": "mail", "server": "127.0.0.1", "port": port, "tls": "none",
            "from": "alerts@shop.example", "to": "ann@shop.example",
        }});
        let channel = open(settings, &ground).expect("a channel");
        let outcome = told(&channel.deliver(alone(&problem())).await);
        assert!(outcome.starts_with("again: 127.0.0.1: ") && outcome.contains("too"), "{outcome}");
        talk.await.expect("we have hung up");
    }
}
