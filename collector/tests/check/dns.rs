//! Names: a small DNS server that answers from a table, and lies where the table says so.

use std::net::SocketAddr;
use std::sync::Arc;

use expect_test::expect;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

use crate::common::told;

const A: u16 = 1;
const NS: u16 = 2;
const CNAME: u16 = 5;
const SOA: u16 = 6;
const PTR: u16 = 12;
const MX: u16 = 15;
const TXT: u16 = 16;
const AAAA: u16 = 28;
const SRV: u16 = 33;
/// Flags of an answer: recursion was asked for and is there.
const ANSWERS: u16 = 0x8180;
const TRUNCATED: u16 = 0x0200;

/// One record of an answer: its owner as it stands in the message, its type, its data.
struct Record(Vec<u8>, u16, Vec<u8>);

/// The question of a message: what stands between its header and its answers.
struct Question {
    name: String,
    bytes: Vec<u8>,
}

/// Answers what stands in the table below, over UDP and TCP.
async fn server() -> SocketAddr {
    loop {
        let udp = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = udp.local_addr().expect("it is bound");
        let Ok(tcp) = TcpListener::bind(address).await else { continue };
        tokio::spawn(serve_udp(Arc::new(udp)));
        tokio::spawn(serve_tcp(tcp));
        return address;
    }
}

async fn serve_udp(socket: Arc<UdpSocket>) {
    let mut message = [0; 1500];
    while let Ok((length, from)) = socket.recv_from(&mut message).await {
        if let Some(answer) = answer(&message[..length], false) {
            let _ = socket.send_to(&answer, from).await; // Whoever asked may be gone.
        }
    }
}

async fn serve_tcp(listener: TcpListener) {
    while let Ok((mut stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            while let Ok(length) = stream.read_u16().await {
                let mut message = vec![0; length.into()];
                if stream.read_exact(&mut message).await.is_err() {
                    return;
                }
                if let Some(answer) = answer(&message, true) {
                    let framed = [&(answer.len() as u16).to_be_bytes()[..], &answer].concat();
                    let _ = stream.write_all(&framed).await;
                }
            }
        });
    }
}

fn question(message: &[u8]) -> Option<Question> {
    let (mut at, mut labels) = (12, Vec::new());
    loop {
        let length = usize::from(*message.get(at)?);
        let label = message.get(at + 1..at + 1 + length)?;
        at += 1 + length;
        if length == 0 {
            break;
        }
        labels.push(String::from_utf8_lossy(label).to_lowercase());
    }
    let bytes = message.get(12..at + 4)?.to_vec();
    Some(Question { name: labels.join("."), bytes })
}

fn name(text: &str) -> Vec<u8> {
    let labels = text.split('.').filter(|label| !label.is_empty());
    let mut bytes: Vec<u8> =
        labels.flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    bytes.push(0);
    bytes
}

/// The owner is the name that was asked for.
fn of(kind: u16, data: &[u8]) -> Record {
    Record(vec![0xc0, 12], kind, data.to_vec())
}

fn numbered(numbers: &[u16], rest: &[u8]) -> Vec<u8> {
    let mut bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_be_bytes()).collect();
    bytes.extend_from_slice(rest);
    bytes
}

/// None for silence.
fn answer(message: &[u8], is_tcp: bool) -> Option<Vec<u8>> {
    let question = question(message)?;
    let mut id = [message[0], message[1]];
    let text = |text: &str| [&[text.len() as u8], text.as_bytes()].concat();
    let mut flags = ANSWERS;
    let records = match question.name.as_str() {
        "good.test" => vec![of(A, &[10, 0, 0, 1]), of(A, &[10, 0, 0, 2])],
        "six.test" => vec![of(AAAA, &std::net::Ipv6Addr::LOCALHOST.octets())],
        "alias.test" => {
            vec![of(CNAME, &name("good.test")), Record(name("good.test"), A, vec![10, 0, 0, 1])]
        }
        "pointer.test" => vec![of(CNAME, &name("Good.Test"))],
        "mail.test" => vec![of(MX, &numbered(&[10], &name("mx.test")))],
        "text.test" => vec![of(TXT, &[text("v=spf1 "), text("-all")].concat())],
        "zone.test" => vec![of(NS, &name("ns.test"))],
        "_x._tcp.test" => vec![of(SRV, &numbered(&[1, 2, 5060], &name("sip.test")))],
        "9.0.0.10.in-addr.arpa" => vec![of(PTR, &name("nine.test"))],
        "soa.test" => {
            let numbers = numbered(&[0, 7, 0, 1, 0, 2, 0, 3, 0, 4], &[]);
            vec![of(SOA, &[name("ns.test"), name("host.test"), numbers].concat())]
        }
        "empty.test" => Vec::new(),
        "servfail.test" => {
            flags |= 2;
            Vec::new()
        }
        "refused.test" => {
            flags |= 5;
            Vec::new()
        }
        "long.test" if is_tcp => (0..200_u8).map(|last| of(A, &[10, 0, 1, last])).collect(),
        "long.test" => {
            flags |= TRUNCATED;
            Vec::new()
        }
        "silent.test" => return None,
        // Lies: another's answer, another's name, a name that goes in circles, an endless alias.
        "forged.test" => {
            id = [id[0], id[1].wrapping_add(1)];
            vec![of(A, &[6, 6, 6, 6])]
        }
        "other.test" => vec![Record(name("elsewhere.test"), A, vec![6, 6, 6, 6])],
        "circle.test" => vec![Record(vec![0xc0, 12 + question.bytes.len() as u8], A, vec![6; 4])],
        "loop.test" => vec![of(CNAME, &name("loop.test"))],
        "cut.test" => return Some(message[..5].to_vec()),
        "rubbish.test" => return Some([&id[..], &[0xff; 60]].concat()),
        _ => {
            flags |= 3;
            Vec::new()
        }
    };
    Some(framed(id, flags, &question, &records))
}

fn framed(id: [u8; 2], flags: u16, question: &Question, records: &[Record]) -> Vec<u8> {
    let counts = numbered(&[flags, 1, records.len() as u16, 0, 0], &question.bytes);
    let mut bytes = [&id[..], &counts].concat();
    for Record(owner, kind, data) in records {
        bytes.extend_from_slice(owner);
        bytes.extend(numbered(&[*kind, 1, 0, 60, data.len() as u16], data));
    }
    bytes
}

async fn check(checks: &[&str]) -> String {
    let server = server().await;
    let mut lines = String::new();
    for check in checks {
        let text = format!("dns: {{name: a, server: \"ADDR\", timeout: 5s, {check}}}");
        lines += &format!("{check} -> {}\n", told(&text, server).await);
    }
    lines
}

#[tokio::test]
async fn answers_are_what_they_should_be_or_told_as_they_are() {
    let told = check(&[
        "query: good.test",
        "query: GOOD.test., answers: [10.0.0.2, 10.0.0.1]",
        "query: good.test, answers: [10.0.0.1]",
        "query: good.test, contains: [10.0.0.2]",
        "query: good.test, contains: [10.0.0.9]",
        "query: six.test, type: AAAA, answers: ['::1']",
        "query: alias.test, answers: [10.0.0.1]",
        "query: pointer.test, type: CNAME, answers: [good.test]",
        "query: mail.test, type: MX, answers: [10 mx.test]",
        "query: text.test, type: TXT, contains: [v=spf1]",
        "query: zone.test, type: NS, answers: [ns.test]",
        "query: _x._tcp.test, type: SRV, answers: [1 2 5060 sip.test]",
        "query: 10.0.0.9, type: PTR, answers: [nine.test]",
        "query: soa.test, type: SOA, contains: [ns.test host.test 7]",
        "query: long.test, contains: [10.0.1.199]",
        "query: empty.test, type: MX",
        "query: nothing.test",
        "query: nothing.test, rcode: NXDOMAIN",
        "query: good.test, rcode: NXDOMAIN",
        "query: servfail.test",
        "query: servfail.test, rcode: SERVFAIL",
        "query: refused.test, rcode: REFUSED",
        "query: good.test, latency_below: 4s",
    ])
    .await;
    expect![[r#"
        query: good.test -> up
        query: GOOD.test., answers: [10.0.0.2, 10.0.0.1] -> up
        query: good.test, answers: [10.0.0.1] -> down: condition: answers are 10.0.0.1, 10.0.0.2, want 10.0.0.1
        query: good.test, contains: [10.0.0.2] -> up
        query: good.test, contains: [10.0.0.9] -> down: condition: answers are 10.0.0.1, 10.0.0.2, want "10.0.0.9" among them
        query: six.test, type: AAAA, answers: ['::1'] -> up
        query: alias.test, answers: [10.0.0.1] -> up
        query: pointer.test, type: CNAME, answers: [good.test] -> up
        query: mail.test, type: MX, answers: [10 mx.test] -> up
        query: text.test, type: TXT, contains: [v=spf1] -> up
        query: zone.test, type: NS, answers: [ns.test] -> up
        query: _x._tcp.test, type: SRV, answers: [1 2 5060 sip.test] -> up
        query: 10.0.0.9, type: PTR, answers: [nine.test] -> up
        query: soa.test, type: SOA, contains: [ns.test host.test 7] -> up
        query: long.test, contains: [10.0.1.199] -> up
        query: empty.test, type: MX -> down: condition: there is no MX record of empty.test
        query: nothing.test -> down: condition: the answer is NXDOMAIN, want NOERROR
        query: nothing.test, rcode: NXDOMAIN -> up
        query: good.test, rcode: NXDOMAIN -> down: condition: the answer is NOERROR, want NXDOMAIN
        query: servfail.test -> down: condition: the answer is SERVFAIL, want NOERROR
        query: servfail.test, rcode: SERVFAIL -> up
        query: refused.test, rcode: REFUSED -> up
        query: good.test, latency_below: 4s -> up
    "#]].assert_eq(&told);
}

#[tokio::test]
async fn lies_and_silence_are_not_believed() {
    let lies = check(&["query: other.test", "query: circle.test", "query: loop.test"]).await;
    expect![[r#"
        query: other.test -> down: condition: there is no A record of other.test
        query: circle.test -> down: dns: ADDR does not answer: protocol error: decoding error: label points to data not prior to idx: 29 ptr: 29
        query: loop.test -> down: condition: there is no A record of loop.test
    "#]].assert_eq(&lies);
    for query in ["silent.test", "forged.test", "cut.test", "rubbish.test"] {
        let server = server().await;
        let text = format!("dns: {{name: a, server: \"ADDR\", timeout: 300ms, query: {query}}}");
        let told = told(&text, server).await;
        assert!(told.starts_with("down: dns: ADDR does not answer: "), "{query}: {told}");
    }
}
