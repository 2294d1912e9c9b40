//! The built-in router as a process of its own: found again, killed, started anew.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use drivers::router::builtin::BuiltinRouter;
use hyper::StatusCode;
use model::id::ModuleId;
use scaler::hands::{HandError, Route, Router, Routing};

use crate::common::{Scratch, eventually, example, port_block};
use crate::fleet::{is_alive, kill, vm};
use crate::http::{Server, ask, get, server};

/// A router's process for one test; it is ended at the end, also of a test that fails.
struct TestRouter {
    scratch: Scratch,
    listen: SocketAddr,
    router: BuiltinRouter,
}

impl TestRouter {
    async fn start() -> Self {
        let (scratch, listen) = (Scratch::new(), SocketAddr::from(([127, 0, 0, 1], port_block())));
        let folder = scratch.path().join("router");
        let router = BuiltinRouter::new("edge".to_owned(), folder, listen, example());
        router.ensure_running().await.expect("it starts");
        Self { scratch, listen, router }
    }

    fn folder(&self) -> PathBuf {
        self.scratch.path().join("router")
    }

    /// The processes that serve this folder.
    fn pids(&self) -> Vec<u32> {
        let folder = self.folder().to_string_lossy().into_owned();
        let names = std::fs::read_dir("/proc").expect("a /proc").filter_map(Result::ok);
        let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let serves = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).split('\0').any(|word| word == folder)
        };
        pids.filter(serves).filter(|pid| is_alive(*pid)).collect()
    }

    async fn push(&self, generation: u64, upstream: &Server) -> Result<(), HandError> {
        let route = Route {
            domains: vec!["shop.test".to_owned()],
            upstreams: [(vm("web-1"), upstream.address)].into(),
        };
        let module = ModuleId::parse("shop/web").expect("a name");
        self.router
            .push(&Routing { generation, modules: [(module, route)].into(), ..Routing::default() })
            .await
    }

    async fn status(&self) -> StatusCode {
        ask(self.listen, get("shop.test")).await.status()
    }
}

impl Drop for TestRouter {
    fn drop(&mut self) {
        self.pids().into_iter().for_each(kill);
    }
}

async fn teapot() -> Server {
    server(|_| {
        let answer = hyper::Response::builder().status(StatusCode::IM_A_TEAPOT);
        answer.body(http_body_util::Full::default()).expect("an answer")
    })
    .await
}

#[tokio::test]
async fn it_is_started_once_and_does_as_it_is_told() {
    let edge = TestRouter::start().await;
    let pids = edge.pids();
    assert_eq!(pids.len(), 1);
    edge.router.ensure_running().await.unwrap();
    assert_eq!(edge.pids(), pids);
    let mode = std::fs::metadata(edge.folder()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);

    assert_eq!(edge.router.observe().await.unwrap().generation, 0);
    let upstream = teapot().await;
    edge.push(7, &upstream).await.unwrap();
    assert_eq!(edge.status().await, StatusCode::IM_A_TEAPOT);
    let report = edge.router.observe().await.unwrap();
    assert_eq!((report.generation, report.upstreams[&vm("web-1")].served), (7, 1));

    edge.push(7, &upstream).await.unwrap();
    let older = edge.push(6, &upstream).await;
    assert!(matches!(&older, Err(HandError::Refused(why)) if why.contains('7')), "{older:?}");
}

#[tokio::test]
async fn a_second_process_on_the_same_folder_leaves_the_first_alone() {
    let edge = TestRouter::start().await;
    let pids = edge.pids();
    let second = std::process::Command::new(example())
        .args(["router", "--listen", "127.0.0.1:0", "--folder"])
        .arg(edge.folder())
        .output();
    assert!(second.is_err() || !second.unwrap().status.success());
    assert_eq!(edge.pids(), pids);
    edge.router.observe().await.unwrap();
}

#[tokio::test]
async fn after_a_kill_it_goes_on_with_the_last_routing() {
    let edge = TestRouter::start().await;
    let upstream = teapot().await;
    edge.push(7, &upstream).await.unwrap();
    let killed = edge.pids()[0];
    kill(killed);
    eventually("it is gone", || !is_alive(killed)).await;
    assert!(matches!(edge.router.observe().await, Err(HandError::Failed(_))));
    edge.router.ensure_running().await.unwrap();
    assert_eq!(edge.router.observe().await.unwrap().generation, 7);
    assert_eq!(edge.status().await, StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn with_a_torn_routing_it_starts_and_waits_for_the_next() {
    let edge = TestRouter::start().await;
    let upstream = teapot().await;
    edge.push(7, &upstream).await.unwrap();
    edge.router.stop().await.unwrap();
    assert!(edge.pids().is_empty());
    std::fs::write(edge.folder().join("routing.json"), "{\"generation\":").unwrap();
    edge.router.ensure_running().await.unwrap();
    assert_eq!(edge.status().await, StatusCode::NOT_FOUND);
    edge.push(7, &upstream).await.unwrap();
    assert_eq!(edge.status().await, StatusCode::IM_A_TEAPOT);
}

#[tokio::test]
async fn one_that_cannot_listen_says_so() {
    let taken = teapot().await;
    let scratch = Scratch::new();
    let folder = scratch.path().join("router");
    let router = BuiltinRouter::new("edge".to_owned(), folder, taken.address, example());
    let error = router.ensure_running().await.unwrap_err().to_string();
    assert!(error.contains("listen for clients"), "{error}");
    router.stop().await.unwrap();
}
