//! A VM's program for the tests: an HTTP server that keeps connections and takes its time, and is
//! killed without any grace. Whatever was still under way on it is then a failed request. `/hold` is answered when the test says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, JoinSet};

/// Each answer takes from one to this many milliseconds.
const SLOWEST_MS: u64 = 25;

#[derive(Debug)]
pub(crate) struct App {
    pub(crate) address: SocketAddr,
    doing: Arc<Doing>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Doing {
    served: AtomicU64,
    /// Requests for `/hold` that have come and are not answered.
    held: AtomicU64,
    let_go: Notify,
}

impl Drop for App {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl App {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let doing = Arc::<Doing>::default();
        let done = Arc::clone(&doing);
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&done)));
            }
        });
        Self { address, doing, task }
    }

    /// Whether a request for `/hold` has come and waits.
    pub(crate) fn holds(&self) -> bool {
        self.doing.held.load(Relaxed) > 0
    }

    /// Answers all that it holds.
    pub(crate) fn let_go(&self) {
        self.doing.let_go.notify_waiters();
    }

    /// Ends at once, with all its connections; waits until that is so.
    pub(crate) async fn kill(mut self) {
        self.task.abort();
        let ended = (&mut self.task).await;
        assert!(ended.is_err(), "it served until it was killed");
    }
}

async fn serve(mut stream: TcpStream, doing: Arc<Doing>) {
    let mut kept = Vec::new();
    loop {
        let end = kept.windows(4).position(|four| four == b"\r\n\r\n");
        let Some(end) = end else {
            let mut buffer = [0; 4096];
            match stream.read(&mut buffer).await {
                Ok(read @ 1..) => kept.extend_from_slice(&buffer[..read]),
                _ => return,
            }
            continue;
        };
        let head = String::from_utf8_lossy(&kept[..end]).into_owned();
        kept.drain(..end + 4);
        doing.take_time(&head).await;
        let closes = head.to_lowercase().contains("connection: close");
        let says = if closes { "connection: close\r\n" } else { "" };
        let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n{says}\r\nok\n");
        if stream.write_all(answer.as_bytes()).await.is_err() || closes {
            return;
        }
        doing.served.fetch_add(1, Relaxed);
    }
}

impl Doing {
    async fn take_time(&self, head: &str) {
        if head.split(' ').nth(1) == Some("/hold") {
            let let_go = self.let_go.notified();
            self.held.fetch_add(1, Relaxed);
            let_go.await;
            self.held.fetch_sub(1, Relaxed);
        } else {
            let ms = 1 + self.served.load(Relaxed) * 7 % SLOWEST_MS;
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
    }
}
