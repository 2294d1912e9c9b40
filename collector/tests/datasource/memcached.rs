//! Looks at a real Memcached.

use std::fs;
use std::process::Command;
use std::time::Duration;

use collector::datasource::{DataSourceKind, DataSourceTarget};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bench::{
    Scratch, Server, absent, assert_values, free_port, is_root, look, look_within, moved, run,
    shown, target, value, with_login,
};

fn server(options: &[&str]) -> (Server, DataSourceTarget) {
    server_in(Scratch::new("memcached"), options)
}

fn server_in(folder: Scratch, options: &[&str]) -> (Server, DataSourceTarget) {
    let port = free_port();
    let mut command = Command::new("memcached");
    command.args(["-l", "127.0.0.1", "-p", &port.to_string(), "-U", "0", "-t", "2"]).args(options);
    if is_root() {
        command.args(["-u", "root"]);
    }
    (Server::start(command, port, folder), target(DataSourceKind::Memcached, port))
}

async fn client(target: &DataSourceTarget, request: &[u8], answer: &str) -> TcpStream {
    let mut stream = TcpStream::connect(&target.address).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut buffer = vec![0; answer.len()];
    stream.read_exact(&mut buffer).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&buffer), answer);
    stream
}

#[tokio::test]
#[ignore = "needs the Debian package memcached"]
async fn its_figures_follow_what_is_done_to_it() {
    let (server, target) = server(&["-m", "64", "-c", "100"]);
    server.ready(&target).await;
    let before = look(&target).await;
    let mut stored = Vec::new();
    for key in 0..20 {
        stored.push(
            client(&target, format!("set k{key} 0 0 1\r\nx\r\n").as_bytes(), "STORED\r\n").await,
        );
    }
    drop(client(&target, b"get k1\r\n", "VALUE k1 0 1\r\nx\r\nEND\r\n").await);
    drop(client(&target, b"get none\r\n", "END\r\n").await);
    drop(client(&target, b"flush_all 1000\r\n", "OK\r\n").await);
    let after = look(&target).await;
    assert_eq!(shown(&after), "up");
    assert_values(
        &after,
        &[
            ("memcached_current_items", 20.0),
            ("memcached_connections_max", 100.0),
            ("memcached_limit_bytes", 67_108_864.0),
            ("memcached_accepting_connections", 1.0),
            ("memcached_slab_chunks{state=\"used\"}", 20.0),
            ("memcached_slab_out_of_memory_total", 0.0),
            ("memcached_threads", 2.0),
        ],
    );
    for (series, expected) in [
        ("memcached_commands_total{command=\"set\"}", 20.0),
        ("memcached_commands_total{command=\"get\"}", 2.0),
        ("memcached_commands_total{command=\"flush\"}", 1.0),
        ("memcached_operations_total{type=\"hit\"}", 1.0),
        ("memcached_operations_total{type=\"miss\"}", 1.0),
        ("memcached_connections_total", 24.0),
    ] {
        assert_eq!(moved(&before, &after, series), expected, "{series}");
    }
    // The clients that stay, and some the server keeps for itself.
    assert!(value(&after, "memcached_connections_current").unwrap() >= 20.0);
    assert_eq!(after.refused, []);
    assert_eq!(absent(DataSourceKind::Memcached, &after), Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs the Debian package memcached"]
async fn a_full_server_is_down() {
    let (server, target) = server(&["-c", "40", "-o", "maxconns_fast"]);
    server.ready(&target).await;
    let mut clients = Vec::new();
    let mut full = look_within(&target, Duration::from_secs(1)).await;
    for _ in 0..60 {
        if shown(&full) != "up" {
            break;
        }
        clients.push(TcpStream::connect(&target.address).await.unwrap());
        full = look_within(&target, Duration::from_secs(1)).await;
    }
    assert_eq!(shown(&full), "status: ERROR Too many open connections");
    assert_values(&full, &[("datasource_up", 0.0)]);
}

#[tokio::test]
#[ignore = "needs the Debian package memcached"]
async fn a_password_is_given_to_who_asks_for_it_and_to_nobody_else() {
    let folder = Scratch::new("memcached");
    let file = folder.path().join("users");
    fs::write(&file, "monitor:s3cret\n").unwrap();
    let (locked, target) = server_in(folder, &["-Y", file.to_str().unwrap()]);
    locked.ready(&target).await;
    let right = look(&with_login(target.clone(), "monitor", "s3cret")).await;
    assert_eq!(shown(&right), "up");
    assert_values(&right, &[("memcached_current_items", 0.0)]);
    let remedy = "check user and password: both must be in the file that memcached -Y names";
    let wrong = look(&with_login(target.clone(), "monitor", "s3crets")).await;
    assert_eq!(shown(&wrong), format!("CLIENT_ERROR authentication failure -> {remedy}"));
    assert_eq!(shown(&look(&target).await), format!("it wants a password -> {remedy}"));

    let (open, target) = server(&[]);
    open.ready(&target).await;
    let needless = look(&with_login(target, "monitor", "s3cret")).await;
    assert_eq!(shown(&needless), "up");
    assert_values(&needless, &[("memcached_current_items", 0.0)]);
}

#[tokio::test]
#[ignore = "needs the Debian package memcached"]
async fn a_server_that_stands_still_or_dies_is_down_within_the_deadline() {
    let (mut server, target) = server(&[]);
    server.ready(&target).await;
    run("kill", &["-STOP", &server.pid().to_string()]);
    let hung = look_within(&target, Duration::from_millis(300)).await;
    assert_eq!(
        shown(&hung),
        "first byte: no end within 300ms, waiting for its version (is this a Memcached port \
         without TLS?)"
    );
    assert_eq!(value(&hung, "datasource_ping_seconds"), None);
    server.kill();
    let dead = look(&target).await;
    assert_eq!(shown(&dead), "connect: Connection refused (os error 111), connecting");
}
