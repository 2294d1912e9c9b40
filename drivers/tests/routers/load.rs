//! Users for the tests: each asks again and again, and what does not come back whole is a failure.
//!
//! No request is repeated, neither here nor by the routers, so that no failure is hidden.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

const USERS: usize = 12;
/// Fewer requests than this do not show that none fails.
const ENOUGH: u64 = 100;
/// Beyond it an answer is as good as none.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug)]
pub(crate) struct Load {
    stop: Arc<AtomicBool>,
    asked: Arc<AtomicU64>,
    /// What failed, of each.
    users: JoinSet<Vec<String>>,
}

impl Load {
    pub(crate) fn start(to: SocketAddr) -> Self {
        let (stop, asked) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut users = JoinSet::new();
        for _ in 0..USERS {
            let (stop, asked) = (Arc::clone(&stop), Arc::clone(&asked));
            users.spawn(async move {
                let mut failures = Vec::new();
                while !stop.load(Relaxed) {
                    failures.extend(get(to, "/").await.err());
                    asked.fetch_add(1, Relaxed);
                }
                failures
            });
        }
        Self { stop, asked, users }
    }

    /// Ends, and tells how many requests there were and which of them failed.
    pub(crate) async fn end(mut self) -> (u64, Vec<String>) {
        self.stop.store(true, Relaxed);
        let mut failures = Vec::new();
        while let Some(user) = self.users.join_next().await {
            failures.extend(user.expect("no user panics"));
        }
        (self.asked.load(Relaxed), failures)
    }

    /// Ends when there were enough; every request must have been answered.
    pub(crate) async fn end_well(self) {
        let enough = async {
            while self.asked.load(Relaxed) <= ENOUGH {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE, enough).await;
        let (asked, failures) = self.end().await;
        assert_eq!(failures, Vec::<String>::new(), "{} of {asked} failed", failures.len());
        assert!(waited.is_ok(), "only {asked} requests");
    }
}

/// One request over a connection of its own; the error says what came instead of an answer.
pub(crate) async fn get(to: SocketAddr, path: &str) -> Result<(), String> {
    let answer = tokio::time::timeout(PATIENCE, exchange(to, path)).await;
    let answer = answer.map_err(|_| "no answer in time".to_owned())?;
    let answer = answer.map_err(|error| error.to_string())?;
    match answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok\n") {
        true => Ok(()),
        false => Err(answer.lines().next().unwrap_or("an empty answer").to_owned()),
    }
}

async fn exchange(to: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(to).await?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: shop.test\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
