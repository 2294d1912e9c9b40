//! Ports: open, closed, and with something to say.

use std::net::SocketAddr;

use expect_test::expect;

use crate::common::{Does, Server, told};

async fn one(does: Does, check: &str) -> String {
    let server = Server::that([does]).await;
    let text = format!("tcp: {{name: a, address: \"ADDR\", timeout: 400ms, {check}}}");
    let heard = told(&text, server.address).await;
    let sent = server.heard().concat();
    if sent.is_empty() { heard } else { format!("{heard} (sent {sent:?})") }
}

#[tokio::test]
async fn a_port_is_judged_by_what_it_says() {
    let banner = || Does::Hang(b"220 mail.example.com ESMTP\r\n".to_vec());
    let pong = || Does::Say(b"+PONG\r\n".to_vec());
    let endless = || Does::Repeat(b"nothing of interest ".to_vec());
    let rubbish = || Does::Say((0..=255).collect());
    let told = [
        one(banner(), "severity: high").await,
        one(banner(), "expect: '^220 '").await,
        one(banner(), "expect: '^250 '").await,
        one(pong(), "send: \"PING\\r\\n\", expect: PONG").await,
        one(pong(), "send_hex: '50 49 4e 47', expect: '-ERR'").await,
        one(endless(), "expect: '^220 '").await,
        one(rubbish(), "expect: '(?-u)\\xfe\\xff$'").await,
        one(Does::Hang(Vec::new()), "expect: ok").await,
    ];
    expect![[r#"
        up
        up
        down: first byte: no end within 400ms; it says "220 mail.example.com ESMTP", want a match of "^250 "
        up (sent "PING\r\n")
        down: condition: it says "+PONG" before it hangs up, want a match of "-ERR" (sent "PING")
        down: condition: it says "nothing of interest nothing of interest nothing of interest nothing of interest …", want a match of "^220 "
        up
        down: first byte: no end within 400ms; it says "", want a match of "ok"
    "#]]
    .assert_eq(&(told.join("\n") + "\n"));
}

#[tokio::test]
async fn a_closed_port_is_down_and_a_port_that_is_open_is_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address: SocketAddr = listener.local_addr().expect("it is bound");
    let text = "tcp: {name: a, address: \"ADDR\"}";
    assert_eq!(told(text, address).await, "up");
    drop(listener);
    assert_eq!(told(text, address).await, "down: connect: Connection refused (os error 111)");
}

#[tokio::test]
async fn a_look_that_takes_too_long_is_told_with_its_time() {
    // The server waits a moment for whoever speaks first, before it greets.
    let told = one(Does::Hang(b"220 hello".to_vec()), "expect: '^220', latency_below: 5ms").await;
    assert!(told.starts_with("down: condition: took "), "{told}");
    assert!(told.ends_with("ms, want below 5ms"), "{told}");
}
