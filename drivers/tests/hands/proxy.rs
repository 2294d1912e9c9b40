//! The built-in router's proxy, served in this process, between real sockets.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use bytes::Bytes;
use drivers::router::proxy::Proxy;
use expect_test::{Expect, expect};
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode};
use model::clock::{FixedClock, SharedClock};
use model::id::ModuleId;
use model::time::Time;
use scaler::hands::{Route, Routing};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::common::eventually;
use crate::fleet::vm;
use crate::http::{Server, ask, blunt_server, connect, get, nobody, post, server, server_of};

/// A proxy for `shop.test` in front of these VMs.
struct Front {
    proxy: Proxy,
    address: SocketAddr,
}

impl Front {
    async fn start(upstreams: &[(&str, SocketAddr)]) -> Self {
        let proxy = Proxy::new(SharedClock::new(FixedClock(Time::default())));
        proxy.apply(&routing(1, upstreams)).expect("the first one");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it listens");
        let serving = proxy.clone();
        tokio::spawn(async move { serving.serve(listener).await });
        Self { proxy, address }
    }

    fn in_flight(&self, id: &str) -> u32 {
        self.proxy.report().upstreams.get(&vm(id)).map_or(0, |upstream| upstream.in_flight)
    }

    fn failed(&self, id: &str) -> u64 {
        self.proxy.report().upstreams[&vm(id)].failed
    }

    async fn check(&self, request: Request<Full<Bytes>>, expected: Expect) {
        let answer = ask(self.address, request).await;
        let named = ["x-cloudbrain-router", "x-cloudbrain-vm"].map(|name| {
            let value =
                answer.headers().get(name).map(|value| value.to_str().expect("text").to_owned());
            value.unwrap_or_default()
        });
        let [router, vm] = named;
        let status = answer.status().as_u16();
        expected.assert_eq(&format!("{status} router={router} vm={vm} {}", answer.body().trim()));
    }
}

fn routing(generation: u64, upstreams: &[(&str, SocketAddr)]) -> Routing {
    let upstreams: BTreeMap<_, _> = upstreams.iter().map(|(id, at)| (vm(id), *at)).collect();
    let route = Route { domains: vec!["shop.test".to_owned()], upstreams };
    let modules = [(ModuleId::parse("shop/web").expect("a name"), route)].into();
    Routing { generation, modules, ..Routing::default() }
}

fn hello(request: &Request<Bytes>) -> Response<Full<Bytes>> {
    let size = request.body().len();
    Response::new(Full::from(format!("{} with {size} bytes", request.method())))
}

/// Says what came.
fn mirror(request: &Request<Bytes>) -> Response<Full<Bytes>> {
    let mut lines: Vec<_> =
        request.headers().iter().map(|(name, value)| format!("{name}: {value:?}\n")).collect();
    lines.sort();
    let text = format!("{} {}\n{}", request.method(), request.uri(), lines.concat());
    let answer = Response::builder().header("x-cloudbrain-router", "forged");
    answer.header("keep-alive", "5").body(Full::from(text)).expect("an answer")
}

#[tokio::test]
async fn a_request_comes_through_as_it_was_but_for_what_a_proxy_must_change() {
    let upstream = server(mirror).await;
    let front = Front::start(&[("a", upstream.address)]).await;
    let mut request = get("SHOP.test:8080");
    request.headers_mut().insert("x-own", "1".parse().unwrap());
    request.headers_mut().insert("te", "trailers".parse().unwrap());
    let answer = ask(front.address, request).await;
    assert_eq!(answer.headers()["x-cloudbrain-vm"], "a");
    assert!(!answer.headers().contains_key("x-cloudbrain-router"));
    assert!(!answer.headers().contains_key("keep-alive"));
    expect![[r#"
        GET /path?query
        host: "SHOP.test:8080"
        x-forwarded-for: "127.0.0.1"
        x-own: "1"
    "#]]
    .assert_eq(answer.body());
}

#[tokio::test]
async fn what_cannot_be_routed_says_why() {
    let front = Front::start(&[]).await;
    front
        .check(
            get("else.test"),
            expect!["404 router=unknown-domain vm= This domain leads nowhere here."],
        )
        .await;
    front
        .check(get("shop.test"), expect!["503 router=no-upstream vm= No VM serves this now."])
        .await;
    let mut upgrade = get("shop.test");
    upgrade.headers_mut().insert("upgrade", "websocket".parse().unwrap());
    front.check(upgrade, expect!["501 router=upgrade vm= Upgrades are not passed on."]).await;
}

#[tokio::test]
async fn a_vm_that_cannot_be_reached_costs_no_request_not_even_one_with_a_body() {
    let (absent, upstream) = (nobody(), server(hello).await);
    let front = Front::start(&[("a", absent.address), ("b", upstream.address)]).await;
    front.check(post("shop.test", "12345"), expect!["200 router= vm=b POST with 5 bytes"]).await;
    assert_eq!(front.failed("a"), 1);
    assert_eq!(front.failed("b"), 0);
}

#[tokio::test]
async fn if_nobody_can_be_reached_each_is_asked_once_and_each_time_anew() {
    let (a, b) = (nobody(), nobody());
    let front = Front::start(&[("a", a.address), ("b", b.address)]).await;
    for asked in 1..=2 {
        front
            .check(
                get("shop.test"),
                expect!["502 router=unreachable vm=b The VM cannot be reached."],
            )
            .await;
        assert_eq!((front.failed("a"), front.failed("b")), (asked, asked));
    }
}

#[tokio::test]
async fn what_may_have_been_carried_out_is_repeated_only_if_it_reads() {
    let (broken, fine) = (blunt_server(b"").await, server(hello).await);
    let front = Front::start(&[("a", broken.address), ("b", fine.address)]).await;
    front.check(get("shop.test"), expect!["200 router= vm=b GET with 0 bytes"]).await;

    let front = Front::start(&[("a", broken.address), ("b", fine.address)]).await;
    front
        .check(post("shop.test", "12345"), expect!["502 router=broken vm=a The VM broke off."])
        .await;
}

#[tokio::test]
async fn what_reads_is_repeated_once_only() {
    let broken = blunt_server(b"").await;
    let at = broken.address;
    let front = Front::start(&[("a", at), ("b", at), ("c", at)]).await;
    front.check(get("shop.test"), expect!["502 router=broken vm=b The VM broke off."]).await;
    assert_eq!(front.failed("c"), 0);
}

#[tokio::test]
async fn an_upstream_that_speaks_no_http_is_broken() {
    let upstream = blunt_server(b"220 smtp.test ESMTP\r\n").await;
    let front = Front::start(&[("a", upstream.address)]).await;
    front.check(get("shop.test"), expect!["502 router=broken vm=a The VM broke off."]).await;
}

#[tokio::test]
async fn a_request_is_in_flight_until_the_last_byte_of_its_answer() {
    let finish = Arc::new(Notify::new());
    let wait = Arc::clone(&finish);
    let upstream = server_of(move |mut stream: TcpStream| {
        let wait = Arc::clone(&wait);
        async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let begin = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
            stream.write_all(begin).await.expect("the router reads");
            wait.notified().await;
            stream.write_all(b"0\r\n\r\n").await.expect("the router reads");
        }
    })
    .await;
    let front = Front::start(&[("a", upstream.address)]).await;
    let mut answer = connect(front.address).await.send_request(get("shop.test")).await.unwrap();
    let first = answer.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "hello"); // It did not wait for the rest.
    assert_eq!(front.in_flight("a"), 1);

    front.proxy.apply(&routing(2, &[])).unwrap();
    assert_eq!(front.in_flight("a"), 1, "it was taken out, and still serves");
    finish.notify_one();
    assert!(answer.body_mut().frame().await.is_none());
    eventually("nothing is in flight", || front.in_flight("a") == 0).await;
    assert!(front.proxy.report().upstreams.is_empty());
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_cut_for_the_client_too_and_counted() {
    let says = b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nonly this";
    let upstream = blunt_server(says).await;
    let front = Front::start(&[("a", upstream.address)]).await;
    let answer = connect(front.address).await.send_request(get("shop.test")).await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(answer.into_body().collect().await.is_err());
    assert_eq!(front.failed("a"), 1);
    eventually("nothing is in flight", || front.in_flight("a") == 0).await;
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_nothing_in_flight() {
    let upstream = server_of(|mut stream: TcpStream| async move {
        let mut sink = [0; 4096];
        while stream.read(&mut sink).await.is_ok_and(|count| count > 0) {} // It never answers.
    })
    .await;
    let front = Front::start(&[("a", upstream.address)]).await;
    let mut sender = connect(front.address).await;
    let request = tokio::spawn(async move { sender.send_request(get("shop.test")).await.is_ok() });
    eventually("it is under way", || front.in_flight("a") == 1).await;
    request.abort();
    eventually("nothing is in flight", || front.in_flight("a") == 0).await;
    assert_eq!(front.failed("a"), 0, "it is not the upstream's fault");
}

#[tokio::test]
async fn a_head_without_measure_is_refused() {
    let front = Front::start(&[]).await;
    let mut request = get("shop.test");
    request.headers_mut().insert("x-long", "x".repeat(40 << 10).parse().unwrap());
    assert_eq!(
        ask(front.address, request).await.status(),
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE
    );
}

/// The promise on which scaling in rests: a VM that was taken out, and has nothing in flight any
/// more, can be stopped, and no client notices. Half of the requests may not be repeated, so a
/// single one that reaches a stopped VM fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_vms_come_and_go() {
    let mut vms: Vec<(String, Server)> = Vec::new();
    for number in 0..3 {
        vms.push((format!("vm-{number}"), server(hello).await));
    }
    let front = Front::start(&places(&vms)).await;
    let hammers = Hammers::start(front.address);
    let mut generation = 1;
    let mut push = |vms: &[(String, Server)]| {
        generation += 1;
        front.proxy.apply(&routing(generation, &places(vms))).unwrap();
    };
    for number in 3..203 {
        vms.push((format!("vm-{number}"), server(hello).await));
        push(&vms);
        hammers.have_asked_on().await;
        let (leaving, stopped) = vms.remove(0);
        push(&vms);
        eventually("it has finished", || front.in_flight(&leaving) == 0).await;
        drop(stopped);
    }
    assert_eq!(hammers.stop().await, 0);
}

fn places(vms: &[(String, Server)]) -> Vec<(&str, SocketAddr)> {
    vms.iter().map(|(id, server)| (id.as_str(), server.address)).collect()
}

/// Clients that ask as fast as they can, each over one connection.
struct Hammers {
    count: Arc<Count>,
    clients: Vec<tokio::task::JoinHandle<()>>,
}

#[derive(Default)]
struct Count {
    asked: AtomicU32,
    failed: AtomicU32,
    stop: AtomicBool,
}

impl Hammers {
    fn start(address: SocketAddr) -> Self {
        let count = Arc::new(Count::default());
        let clients = (0..6).map(|_| tokio::spawn(hammer(address, Arc::clone(&count)))).collect();
        Self { count, clients }
    }

    /// Waits until some more requests were answered.
    async fn have_asked_on(&self) {
        let before = self.count.asked.load(Relaxed);
        eventually("they ask on", || self.count.asked.load(Relaxed) >= before + 20).await;
    }

    /// How many requests failed.
    async fn stop(self) -> u32 {
        self.count.stop.store(true, Relaxed);
        for client in self.clients {
            client.await.expect("a client does not panic");
        }
        self.count.failed.load(Relaxed)
    }
}

async fn hammer(address: SocketAddr, count: Arc<Count>) {
    let mut sender = connect(address).await;
    while !count.stop.load(Relaxed) {
        let number = count.asked.fetch_add(1, Relaxed);
        let request =
            if number.is_multiple_of(2) { get("shop.test") } else { post("shop.test", "12345") };
        let is_fine = match sender.send_request(request).await {
            Ok(answer) => {
                answer.status() == StatusCode::OK && answer.into_body().collect().await.is_ok()
            }
            Err(_) => false,
        };
        if !is_fine {
            count.failed.fetch_add(1, Relaxed);
            sender = connect(address).await;
        }
        sender.ready().await.expect("the router keeps the connection");
    }
}
