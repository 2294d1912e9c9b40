//! A resolver that answers as a test likes it, over UDP and TCP on one port.

use std::net::{IpAddr, SocketAddr};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

/// One question.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) name: String,
    pub(crate) kind: u16,
    pub(crate) is_tcp: bool,
    /// The header's id and the question, as they came.
    id: [u8; 2],
    question: Vec<u8>,
}

#[derive(Clone, Debug)]
pub(crate) enum Reply {
    Bytes(Vec<u8>),
    /// Over TCP the connection ends.
    Silence,
}

/// What an answer says in its header.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Flags {
    pub(crate) rcode: u8,
    pub(crate) is_truncated: bool,
}

impl Asked {
    pub(crate) const A: u16 = 1;
    pub(crate) const CNAME: u16 = 5;
    pub(crate) const AAAA: u16 = 28;

    fn parse(query: &[u8], is_tcp: bool) -> Option<Self> {
        let (mut at, mut labels) = (12, Vec::new());
        while *query.get(at)? > 0 {
            let end = at + 1 + usize::from(query[at]);
            labels.push(String::from_utf8_lossy(query.get(at + 1..end)?).into_owned());
            at = end;
        }
        let kind = u16::from_be_bytes(query.get(at + 1..at + 3)?.try_into().ok()?);
        let (id, question) = ([query[0], query[1]], query.get(12..at + 5)?.to_vec());
        Some(Self { name: labels.join("."), kind, is_tcp, id, question })
    }

    /// One address record for the name that was asked for.
    pub(crate) fn address(&self, address: &str) -> Reply {
        Reply::Bytes(self.message(Flags::default(), &[self.address_record(address)]))
    }

    pub(crate) fn address_record(&self, address: &str) -> Vec<u8> {
        match address.parse().unwrap() {
            IpAddr::V4(four) => record(&POINTER_TO_QUESTION, Self::A, &four.octets()),
            IpAddr::V6(six) => record(&POINTER_TO_QUESTION, Self::AAAA, &six.octets()),
        }
    }

    pub(crate) fn refused_with(&self, rcode: u8) -> Reply {
        Reply::Bytes(self.message(Flags { rcode, ..Flags::default() }, &[]))
    }

    pub(crate) fn message(&self, flags: Flags, records: &[Vec<u8>]) -> Vec<u8> {
        let mut message = self.id.to_vec();
        message.extend([0x81 | u8::from(flags.is_truncated) << 1, 0x80 | flags.rcode, 0, 1]);
        message.extend(u16::try_from(records.len()).unwrap().to_be_bytes());
        message.extend([0; 4]);
        message.extend(&self.question);
        message.extend(records.concat());
        message
    }
}

pub(crate) const POINTER_TO_QUESTION: [u8; 2] = [0xc0, 12];

/// A record of an owner, which may be a pointer.
pub(crate) fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    let fixed = [&kind.to_be_bytes()[..], &[0, 1, 0, 0, 0, 60], &length.to_be_bytes()];
    [owner, &fixed.concat(), data].concat()
}

/// A name as messages write it.
pub(crate) fn wire_name(name: &str) -> Vec<u8> {
    let labels = name
        .split('.')
        .flat_map(|label| std::iter::once(u8::try_from(label.len()).unwrap()).chain(label.bytes()));
    labels.chain([0]).collect()
}

/// Serves until the test ends.
pub(crate) async fn resolver(
    answer: impl Fn(&Asked) -> Reply + Clone + Send + 'static,
) -> SocketAddr {
    let (udp, tcp) = loop {
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        // Somebody else may have that port for UDP.
        if let Ok(udp) = UdpSocket::bind(tcp.local_addr().unwrap()).await {
            break (udp, tcp);
        }
    };
    let address = udp.local_addr().unwrap();
    tokio::spawn(serve_udp(udp, answer.clone()));
    tokio::spawn(serve_tcp(tcp, answer));
    address
}

async fn serve_udp(socket: UdpSocket, answer: impl Fn(&Asked) -> Reply) {
    let mut query = [0; 1500];
    while let Ok((length, client)) = socket.recv_from(&mut query).await {
        let Some(asked) = Asked::parse(&query[..length], false) else { continue };
        if let Reply::Bytes(bytes) = answer(&asked) {
            drop(socket.send_to(&bytes, client).await);
        }
    }
}

async fn serve_tcp(
    listener: TcpListener,
    answer: impl Fn(&Asked) -> Reply + Clone + Send + 'static,
) {
    while let Ok((mut stream, _)) = listener.accept().await {
        let answer = answer.clone();
        tokio::spawn(async move {
            while let Ok(length) = stream.read_u16().await {
                let mut query = vec![0; usize::from(length)];
                let Ok(_) = stream.read_exact(&mut query).await else { return };
                let Some(Reply::Bytes(bytes)) = Asked::parse(&query, true).map(|a| answer(&a))
                else {
                    return;
                };
                let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
                drop(stream.write_all(&[&length[..], &bytes].concat()).await);
            }
        });
    }
}
