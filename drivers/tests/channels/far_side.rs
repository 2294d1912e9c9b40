//! A server of one test: answers each connection as it is told, and keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// What it does once it has the whole request.
#[derive(Clone, Debug)]
pub(crate) enum Mood {
    /// Answers with these bytes and closes.
    Says(Vec<u8>),
    /// Sends a good head and a body without an end.
    Endless,
    /// Never answers.
    Hangs,
    /// Closes without a word.
    Closes,
}

/// It and all its connections are cut when this is dropped.
#[derive(Debug)]
pub(crate) struct FarSide {
    pub(crate) address: SocketAddr,
    asked: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for FarSide {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl FarSide {
    pub(crate) async fn start(mood: Mood) -> Self {
        Self::start_with(mood, None).await
    }

    pub(crate) async fn start_with(mood: Mood, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let kept = asked.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let (mood, kept, tls) = (mood.clone(), kept.clone(), tls.clone());
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, mood, &kept).await,
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(stream).await {
                                serve(stream, mood, &kept).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, asked, task }
    }

    /// What it was asked last, with `\n` for line ends and its own address hidden.
    pub(crate) fn asked(&self) -> String {
        let asked = self.asked.lock().expect("nobody panics while holding it");
        let last = asked.last().cloned().unwrap_or_default();
        last.replace("\r\n", "\n").replace(&self.address.to_string(), "SERVER")
    }

    pub(crate) fn asked_count(&self) -> usize {
        self.asked.lock().expect("nobody panics while holding it").len()
    }
}

/// An answer with a body of JSON.
pub(crate) fn answer(status: u16, headers: &str, body: &str) -> Mood {
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n");
    Mood::Says((head + body).into_bytes())
}

async fn serve<S>(mut stream: S, mood: Mood, kept: &Mutex<Vec<String>>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(request) = whole_request(&mut stream).await else { return };
    kept.lock().expect("nobody panics while holding it").push(request);
    match mood {
        Mood::Says(text) => {
            let _ = stream.write_all(&text).await;
            let _ = stream.shutdown().await;
        }
        Mood::Endless => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {}
        }
        Mood::Hangs => std::future::pending().await,
        Mood::Closes => {}
    }
}

async fn whole_request(stream: &mut (impl AsyncRead + Unpin)) -> Option<String> {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let read = stream.read(&mut buffer).await.ok()?;
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let (head, body) = match text.split_once("\r\n\r\n") {
            Some(parts) => parts,
            None if read == 0 => return None,
            None => continue,
        };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let length = length.unwrap_or("0"); // A GET has none.
        if body.len() >= length.parse().ok()? {
            return Some(text);
        }
        if read == 0 {
            return None;
        }
    }
}
