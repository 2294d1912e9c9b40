//! Upstreams and clients for the tests of what speaks HTTP.

use std::convert::Infallible;
use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A server of one test; it and all its connections are cut when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server that answers each whole request by a function.
pub(crate) async fn server(answer: fn(&Request<Bytes>) -> Response<Full<Bytes>>) -> Server {
    let serve = move |stream| async move {
        let answer = service_fn(move |request: Request<Incoming>| async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.expect("the whole request comes").to_bytes();
            Ok::<_, Infallible>(answer(&Request::from_parts(head, body)))
        });
        // A client that goes away is none of the test's business.
        let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
    };
    server_of(serve).await
}

/// A server that reads a head and then says these bytes, and closes.
pub(crate) async fn blunt_server(says: &'static [u8]) -> Server {
    let serve = move |mut stream: TcpStream| async move {
        let _ = stream.read(&mut [0; 4096]).await;
        let _ = stream.write_all(says).await;
    };
    server_of(serve).await
}

/// A server that serves each connection by a function.
pub(crate) async fn server_of<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Server
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it listens");
    let task = tokio::spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((stream, _)) = listener.accept().await {
            connections.spawn(serve(stream));
        }
    });
    Server { address, task }
}

/// An address where nobody listens, and nobody else can while this lives.
#[derive(Debug)]
pub(crate) struct Nobody {
    pub(crate) address: SocketAddr,
    _socket: TcpSocket,
}

pub(crate) fn nobody() -> Nobody {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).expect("a free port");
    Nobody { address: socket.local_addr().expect("it is bound"), _socket: socket }
}

pub(crate) async fn connect(address: SocketAddr) -> SendRequest<Full<Bytes>> {
    let stream = TcpStream::connect(address).await.expect("somebody listens");
    let (sender, connection) = handshake(TokioIo::new(stream)).await.expect("a connection");
    tokio::spawn(connection);
    sender
}

/// Asks once, over a connection of its own, and reads the whole answer.
pub(crate) async fn ask(address: SocketAddr, request: Request<Full<Bytes>>) -> Response<String> {
    let answer = connect(address).await.send_request(request).await.expect("an answer");
    let (head, body) = answer.into_parts();
    let body = body.collect().await.expect("the whole answer").to_bytes();
    Response::from_parts(head, String::from_utf8_lossy(&body).into_owned())
}

pub(crate) fn get(domain: &str) -> Request<Full<Bytes>> {
    let request = Request::get("/path?query").header("host", domain);
    request.body(Full::default()).expect("a request")
}

pub(crate) fn post(domain: &str, body: &'static str) -> Request<Full<Bytes>> {
    let request = Request::post("/path").header("host", domain);
    request.body(Full::from(body)).expect("a request")
}
