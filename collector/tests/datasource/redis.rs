//! Looks at a real Redis.

use std::process::Command;

use collector::datasource::{DataSourceKind, DataSourceTarget, Password};
use collector::look::Look;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::bench::{
    LONG, Scratch, Server, absent, assert_values, free_port, look, look_within, moved, run, shown,
    target, until, value, with_login,
};

fn server(options: &[&str]) -> (Server, DataSourceTarget) {
    let (port, folder) = (free_port(), Scratch::new("redis"));
    let mut command = Command::new("redis-server");
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    command.args(["--dir", folder.path().to_str().unwrap(), "--maxclients", "50"]).args(options);
    (Server::start(command, port, folder), target(DataSourceKind::Redis, port))
}

fn with_password(mut target: DataSourceTarget, password: &str) -> DataSourceTarget {
    target.password = Some(Password::new(password));
    target
}

fn cli(server: &Server, words: &[&str]) -> String {
    let port = server.port.to_string();
    run("redis-cli", &[&["-p", &port][..], words].concat())
}

#[tokio::test]
#[ignore = "needs the Debian package redis-server"]
async fn its_figures_follow_what_is_done_to_it() {
    let (server, target) = server(&["--maxmemory", "100mb"]);
    server.ready(&target).await;
    let before = look(&target).await;
    cli(&server, &["eval", "for i=1,120 do redis.call('set','key'..i,'x') end", "0"]);
    cli(&server, &["-n", "3", "set", "other", "x", "EX", "1000"]);
    for key in ["key1", "key2", "none"] {
        cli(&server, &["get", key]);
    }
    cli(&server, &["config", "set", "slowlog-log-slower-than", "0"]);
    cli(&server, &["get", "key3"]);
    cli(&server, &["config", "set", "slowlog-log-slower-than", "-1"]);
    let mut clients = Vec::new();
    for _ in 0..7 {
        clients.push(TcpStream::connect(&target.address).await.unwrap());
        let client = clients.last_mut().unwrap();
        client.write_all(b"PING\r\n").await.unwrap();
        client.read_exact(&mut [0; 7]).await.unwrap();
    }
    let after = look(&target).await;
    assert_eq!(shown(&after), "up");
    assert_values(
        &after,
        &[
            ("datasource_up", 1.0),
            ("redis_db_keys{db=\"0\"}", 120.0),
            ("redis_db_keys{db=\"3\"}", 1.0),
            ("redis_db_expires{db=\"3\"}", 1.0),
            ("redis_clients_connected", 8.0),
            ("redis_clients_max", 50.0),
            ("redis_maxmemory_bytes", 104_857_600.0),
            ("redis_loading", 0.0),
            ("redis_role{role=\"master\"}", 1.0),
        ],
    );
    assert_eq!(moved(&before, &after, "redis_keyspace_hits_total"), 3.0);
    assert_eq!(moved(&before, &after, "redis_keyspace_misses_total"), 1.0);
    assert!(moved(&before, &after, "redis_slowlog_length") >= 1.0);
    assert!(value(&after, "redis_cmd_calls_total{cmd=\"eval\"}").is_some(), "{after:?}");
    let share = value(&after, "redis_memory_utilization").unwrap();
    let used = value(&after, "redis_memory_used_bytes").unwrap();
    assert!((share - used / 104_857_600.0).abs() < 1e-9);
    assert_eq!(after.refused, []);
    assert_eq!(
        absent(DataSourceKind::Redis, &after),
        [
            "redis_master_link_up",
            "redis_master_sync_in_progress",
            "redis_master_link_down_seconds (master_link_down_since_seconds)",
            "redis_master_last_io_seconds",
            "redis_replica_lag_seconds",
            "redis_replica_lag_bytes",
            "redis_replica_online",
        ]
    );
    cli(&server, &["config", "set", "maxmemory", "0"]);
    let unlimited = look(&target).await;
    assert_eq!(value(&unlimited, "redis_maxmemory_bytes"), None);
    assert_eq!(value(&unlimited, "redis_memory_utilization"), None);
}

#[tokio::test]
#[ignore = "needs the Debian package redis-server"]
async fn who_may_not_look_is_told_what_to_type() {
    let (server, target) = server(&[]);
    server.ready(&target).await;
    let needless = look(&with_password(target.clone(), "s3cret")).await;
    assert_eq!(
        shown(&needless),
        "it has no password, and we were given one -> \
         remove the password from the file, or set requirepass on the server"
    );
    assert!(value(&needless, "redis_uptime_seconds").is_some());

    let remedy = "ACL SETUSER monitor on '>PASSWORD' +ping +info '+slowlog|len'";
    cli(&server, &["acl", "setuser", "monitor", "on", ">s3cret", "+ping", "+slowlog|len"]);
    cli(&server, &["config", "set", "requirepass", "other"]);
    let monitor = with_login(target.clone(), "monitor", "s3cret");
    let denied = look(&monitor).await;
    assert_eq!(shown(&denied), "INFO all is not permitted to us -> ACL SETUSER monitor +info");
    assert_values(&denied, &[("datasource_up", 1.0), ("redis_slowlog_length", 0.0)]);

    let wrong = shown(&look(&with_login(target.clone(), "monitor", "s3crets")).await);
    assert!(wrong.starts_with("WRONGPASS ") && wrong.ends_with(remedy), "{wrong}");
    let none = shown(&look(&target).await);
    assert!(none.starts_with("NOAUTH ") && none.contains("give user and password"), "{none}");

    // What the remedies say is what helps.
    cli(&server, &["-a", "other", "--no-auth-warning", "acl", "setuser", "monitor", "+info"]);
    assert_eq!(shown(&look(&monitor).await), "up");
    assert_eq!(shown(&look(&with_password(target, "other")).await), "up");
}

#[tokio::test]
#[ignore = "needs the Debian package redis-server"]
async fn a_server_that_takes_no_more_clients_is_down() {
    let (server, target) = server(&["--maxclients", "2"]);
    server.ready(&target).await;
    let mut clients = Vec::new();
    let fill = async || {
        clients.push(TcpStream::connect(&target.address).await.unwrap());
        look(&target).await
    };
    let full = until(fill, |seen| shown(seen) != "up").await;
    assert_eq!(shown(&full), "status: ERR max number of clients reached");
    assert_values(&full, &[("datasource_up", 0.0)]);
}

#[tokio::test]
#[ignore = "needs the Debian package redis-server"]
async fn a_server_that_stands_still_or_dies_is_down_within_the_deadline() {
    let (mut server, target) = server(&[]);
    server.ready(&target).await;
    run("kill", &["-STOP", &server.pid().to_string()]);
    let hung = look_within(&target, std::time::Duration::from_millis(300)).await;
    assert_eq!(
        shown(&hung),
        "first byte: no end within 300ms, waiting for the answer to PING (is this a Redis port \
         without TLS?)"
    );
    run("kill", &["-CONT", &server.pid().to_string()]);
    server.ready(&target).await;
    server.kill();
    let dead = look_within(&target, LONG).await;
    assert_eq!(shown(&dead), "connect: Connection refused (os error 111), connecting");
}

#[tokio::test]
#[ignore = "needs the Debian package redis-server"]
async fn a_replica_tells_of_its_link_and_the_master_of_the_replica() {
    let (mut master, of_master) = server(&["--repl-diskless-sync-delay", "0"]);
    master.ready(&of_master).await;
    let port = master.port.to_string();
    let (replica, of_replica) = server(&["--replicaof", "127.0.0.1", &port]);
    replica.ready(&of_replica).await;
    let is_up = |is: f64| move |seen: &Look| value(seen, "redis_master_link_up") == Some(is);
    let linked = until(async || look(&of_replica).await, is_up(1.0)).await;
    assert_values(
        &linked,
        &[
            ("redis_master_link_up", 1.0),
            ("redis_role{role=\"replica\"}", 1.0),
            ("redis_role{role=\"master\"}", 0.0),
        ],
    );
    let name = format!("{{replica=\"127.0.0.1:{}\"}}", replica.port);
    let seen = look(&of_master).await;
    assert_values(&seen, &[("redis_slaves_connected", 1.0)]);
    for metric in ["redis_replica_lag_seconds", "redis_replica_lag_bytes", "redis_replica_online"] {
        assert!(value(&seen, &format!("{metric}{name}")).is_some(), "{metric}{name} of {seen:#?}");
    }
    master.kill();
    let cut = until(async || look(&of_replica).await, is_up(0.0)).await;
    assert_values(&cut, &[("redis_master_link_up", 0.0)]);
    // Not heard of is not "just heard of".
    assert_eq!(value(&cut, "redis_master_last_io_seconds"), None);
    assert_eq!(shown(&cut), "up");
}
