//! Answers as a line of a table writes them, and a server that sends one.
//!
//! ```text
//! 200 OK | Age: 5 || fine: 200         status, headers, body; the length is added
//! raw HTTP/1.1 200 OK\n\n200           bytes as they are
//! ```
//!
//! Text may hold `\r \n \t \xNN` and, in braces, what no line can hold: `{gzip:200}`,
//! `{utf16le:200}`, `{x*70000}`; `{then}` begins another piece, which goes out on its own; at the
//! end `{hold}` keeps the connection open, `{drip}` repeats the last piece for ever, `{reset}`
//! breaks off.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// What a server sends to everybody who comes, however the request reads.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pieces: Vec<Vec<u8>>,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Close,
    Hold,
    Drip,
    Reset,
}

impl Sent {
    pub(crate) fn parse(line: &str) -> Self {
        let ends = [("{hold}", End::Hold), ("{drip}", End::Drip), ("{reset}", End::Reset)];
        let found = ends.into_iter().find_map(|(word, end)| Some((line.strip_suffix(word)?, end)));
        let (line, end) = found.unwrap_or((line, End::Close));
        let pieces = match line.strip_prefix("raw ") {
            Some(raw) => raw.split("{then}").map(bytes).collect(),
            None => answer(line, end),
        };
        Self { pieces, end }
    }

    /// Whether it is the deadline that ends a look at it.
    pub(crate) fn is_endless(&self) -> bool {
        matches!(self.end, End::Hold | End::Drip)
    }
}

fn answer(line: &str, end: End) -> Vec<Vec<u8>> {
    let (head, body) = line.split_once("||").unwrap_or((line, ""));
    let mut body = body.trim_start().split("{then}").map(bytes).collect::<Vec<_>>();
    let length: usize = body.iter().map(Vec::len).sum();
    let head = head.split(" | ").map(str::trim).collect::<Vec<_>>();
    let mut lines = vec![format!("HTTP/1.1 {}", head[0])];
    lines.extend(head[1..].iter().map(ToString::to_string));
    let says_length =
        |line: &String| line.starts_with("Content-Length") || line.starts_with("Transfer-Encoding");
    if end == End::Close && !lines.iter().any(says_length) {
        lines.push(format!("Content-Length: {length}"));
    }
    let mut start = bytes(&(lines.join("\\r\\n") + "\\r\\n\\r\\n"));
    start.append(&mut body[0]);
    body[0] = start;
    body
}

fn bytes(text: &str) -> Vec<u8> {
    let mut made = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        made.extend(unescaped(before));
        match after.split_once('}').and_then(|(word, after)| Some((special(word)?, after))) {
            Some((special, after)) => {
                made.extend(special);
                rest = after;
            }
            None => {
                made.push(b'{');
                rest = after;
            }
        }
    }
    made.extend(unescaped(rest));
    made
}

fn special(word: &str) -> Option<Vec<u8>> {
    let utf16 =
        |text: &str, order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect();
    if let Some((piece, times)) = word.split_once('*') {
        return Some(piece.repeat(times.parse().ok()?).into_bytes());
    }
    match word.split_once(':')? {
        ("gzip", text) => Some(gzip(&bytes(text))),
        ("utf16le", text) => Some(utf16(text, u16::to_le_bytes)),
        ("utf16be", text) => Some(utf16(text, u16::to_be_bytes)),
        _ => None,
    }
}

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    packer.write_all(text).unwrap();
    packer.finish().unwrap()
}

fn unescaped(text: &str) -> Vec<u8> {
    let mut made = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            made.push(byte);
            continue;
        }
        made.push(match rest.next().expect("a letter follows") {
            b'r' => b'\r',
            b'n' => b'\n',
            b't' => b'\t',
            b'x' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => panic!("\\{} is not known", char::from(other)),
        });
    }
    made
}

/// Sends the same to everybody, until the test ends; the requests can be heard.
pub(crate) async fn serve(sent: Sent) -> (SocketAddr, mpsc::Receiver<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (address, serve_on(listener, sent))
}

pub(crate) fn serve_on(listener: TcpListener, sent: Sent) -> mpsc::Receiver<Vec<u8>> {
    let (told, heard) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, sent.clone(), told.clone()));
        }
    });
    heard
}

async fn talk(mut stream: TcpStream, sent: Sent, told: mpsc::Sender<Vec<u8>>) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        match stream.read_buf(&mut request).await {
            Ok(0) | Err(_) => return,
            Ok(_) => (),
        }
    }
    drop(told.try_send(request));
    stream.set_nodelay(true).unwrap();
    for piece in &sent.pieces {
        // Whoever hangs up early has read enough.
        let Ok(()) = stream.write_all(piece).await else { return };
        tokio::task::yield_now().await;
    }
    match sent.end {
        End::Close => (),
        End::Hold => drop(stream.read(&mut [0]).await),
        End::Reset => drop(stream.set_zero_linger()),
        End::Drip => {
            let piece = sent.pieces.last().cloned().unwrap_or_default();
            while stream.write_all(&piece).await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }
}
