//! Looks at a real PostgreSQL.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use collector::datasource::{DataSourceKind, DataSourceTarget};
use collector::look::Look;

use crate::bench::{
    Background, Scratch, Server, absent, assert_values, free_port, is_root, look, look_within,
    moved, run, shown, target, until, value, with_login,
};

/// The newest of the installed ones.
fn programs() -> PathBuf {
    let mut found: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
        .expect("the Debian package postgresql")
        .map(|entry| entry.unwrap().path().join("bin"))
        .collect();
    found.sort();
    found.pop().expect("the Debian package postgresql")
}

/// A program of PostgreSQL, which refuses to run as root.
fn program(name: &str) -> Command {
    let path = programs().join(name);
    if !is_root() {
        return Command::new(path);
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(path);
    command
}

fn scratch() -> Scratch {
    let folder = Scratch::new("postgres");
    if is_root() {
        run("chown", &["postgres:postgres", folder.path().to_str().unwrap()]);
    }
    folder
}

fn done(mut command: Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

fn data(folder: &Scratch) -> String {
    folder.path().join("data").to_str().unwrap().to_owned()
}

pub(crate) fn start(folder: Scratch, options: &[&str]) -> (Server, DataSourceTarget) {
    let port = free_port();
    let mut command = program("postgres");
    command.args(["-D", &data(&folder), "-p", &port.to_string(), "-h", "127.0.0.1"]);
    command.args(["-k", folder.path().to_str().unwrap(), "-c", "fsync=off"]);
    for option in options {
        command.args(["-c", option]);
    }
    let target = target(DataSourceKind::PostgreSql, port);
    (Server::start(command, port, folder), with_login(target, "postgres", "s3cret"))
}

/// A new cluster; its administrator needs no password through the socket, and one by TCP.
async fn server(options: &[&str]) -> (Server, DataSourceTarget) {
    let rules = "local all all trust\n\
                 host all by_md5 127.0.0.1/32 md5\n\
                 host all in_clear 127.0.0.1/32 password\n\
                 host all nobody 127.0.0.1/32 reject\n\
                 host replication all 127.0.0.1/32 trust\n\
                 host all all 127.0.0.1/32 scram-sha-256\n";
    let (server, target) = start(installed(rules), options);
    server.ready(&target).await;
    (server, target)
}

/// A folder with a new cluster in it that was not started yet.
pub(crate) fn installed(rules: &str) -> Scratch {
    let folder = scratch();
    let password = folder.path().join("password");
    fs::write(&password, "s3cret").unwrap();
    let mut initdb = program("initdb");
    initdb.args(["-D", &data(&folder), "-U", "postgres", "--auth=scram-sha-256", "--no-sync"]);
    initdb.arg(format!("--pwfile={}", password.to_str().unwrap()));
    done(initdb);
    fs::write(folder.path().join("data/pg_hba.conf"), rules).unwrap();
    folder
}

fn sql(server: &Server, sql: &str) -> Command {
    let mut command = Command::new("psql");
    command.args(["-X", "-A", "-t", "-U", "postgres", "-p", &server.port.to_string(), "-c", sql]);
    command.arg("-h").arg(server.folder.path());
    command
}

pub(crate) fn run_sql(server: &Server, statements: &str) -> String {
    let output = sql(server, statements).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits until so many clients are at a sleep or a lock.
async fn until_busy(server: &Server, count: &str) {
    let ask = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
               AND pid <> pg_backend_pid() AND wait_event_type IN ('Timeout', 'Lock')";
    let busy = until(async || run_sql(server, ask), |busy| busy == count).await;
    assert_eq!(busy, count);
}

#[tokio::test]
#[ignore = "needs the Debian package postgresql"]
async fn its_figures_follow_what_is_done_to_it() {
    let (server, target) = server(&["max_connections=40"]).await;
    run_sql(&server, "CREATE TABLE orders (id int)");
    run_sql(&server, "CREATE DATABASE shop");
    let before = look(&target).await;
    let holds = "BEGIN; LOCK TABLE orders; SELECT pg_sleep(600)";
    let _holder = Background::start(sql(&server, holds));
    until_busy(&server, "1").await;
    let _waits = [(); 3].map(|()| Background::start(sql(&server, "SELECT * FROM orders")));
    until_busy(&server, "4").await;
    run_sql(&server, "CHECKPOINT");
    run_sql(&server, "BEGIN; SELECT 1; ROLLBACK");
    let after = look(&target).await;
    assert_eq!(shown(&after), "up");
    assert_values(
        &after,
        &[
            ("datasource_up", 1.0),
            ("postgresql_connection_max", 40.0),
            ("postgresql_connection_count", 5.0),
            ("postgresql_connection_utilization", 5.0 / 40.0),
            ("postgresql_backends{db=\"postgres\"}", 5.0),
            ("postgresql_backends{db=\"shop\"}", 0.0),
            ("postgresql_database_locks_waiting", 3.0),
            ("postgresql_in_recovery", 0.0),
            ("postgresql_connection_states{state=\"active\"}", 5.0),
            ("postgresql_deadlocks_total{db=\"shop\"}", 0.0),
        ],
    );
    let checkpoints = "postgresql_bgwriter_checkpoint_count_total{type=\"requested\"}";
    assert!(moved(&before, &after, checkpoints) >= 1.0);
    assert!(moved(&before, &after, "postgresql_rollbacks_total{db=\"postgres\"}") >= 1.0);
    let size: f64 = run_sql(&server, "SELECT pg_database_size('shop')").parse().unwrap();
    assert_values(&after, &[("postgresql_db_size_bytes{db=\"shop\"}", size)]);
    assert!(value(&after, "postgresql_transaction_oldest_seconds").unwrap() > 0.0);
    assert_eq!(after.refused, []);
    assert_eq!(
        absent(DataSourceKind::PostgreSql, &after),
        [
            "postgresql_replication_data_delay_bytes (replica_behind)",
            "postgresql_wal_lag_seconds (replica_lag)",
            "postgresql_replication_streaming",
            "postgresql_standby_lag_seconds (standby_lag)",
            "postgresql_standby_delay_bytes (standby_behind)",
            "postgresql_standby_receiving",
        ]
    );
}

#[tokio::test]
#[ignore = "needs the Debian package postgresql"]
async fn who_may_not_look_is_told_what_to_type() {
    let (server, target) = server(&[]).await;
    run_sql(&server, "CREATE ROLE monitor LOGIN PASSWORD 's3cret'");
    run_sql(&server, "CREATE DATABASE hidden");
    run_sql(&server, "REVOKE CONNECT ON DATABASE hidden FROM PUBLIC");
    let monitor = with_login(target.clone(), "monitor", "s3cret");
    let poor = look(&monitor).await;
    assert_eq!(
        shown(&poor),
        "our account is no member of pg_monitor -> GRANT pg_monitor TO monitor;"
    );
    assert_values(&poor, &[("postgresql_backends{db=\"postgres\"}", 1.0), ("datasource_up", 1.0)]);
    // What it cannot see is not there; it is not 0.
    assert_eq!(value(&poor, "postgresql_transaction_oldest_seconds"), None);
    assert_eq!(value(&poor, "postgresql_db_size_bytes{db=\"hidden\"}"), None);
    run_sql(&server, "GRANT pg_monitor TO monitor;");
    let rich = look(&monitor).await;
    assert_eq!(shown(&rich), "up");
    assert!(value(&rich, "postgresql_db_size_bytes{db=\"hidden\"}").is_some());

    let account = "CREATE ROLE monitor LOGIN PASSWORD 'PASSWORD'; GRANT pg_monitor TO monitor;";
    assert_eq!(
        shown(&look(&with_login(target.clone(), "monitor", "wrong")).await),
        format!(
            "password authentication failed for user \"monitor\" -> \
             check user and password, or make the account: {account}"
        )
    );
    let mut nowhere = monitor.clone();
    nowhere.database = Some("none".to_owned());
    assert_eq!(
        shown(&look(&nowhere).await),
        "database \"none\" does not exist -> name a database that exists"
    );
    nowhere.database = Some("hidden".to_owned());
    assert_eq!(
        shown(&look(&nowhere).await),
        "permission denied for database \"hidden\" -> GRANT CONNECT ON DATABASE hidden TO monitor;"
    );
    let rejected = shown(&look(&with_login(target.clone(), "nobody", "s3cret")).await);
    assert!(rejected.contains("-> in pg_hba.conf, for our address"), "{rejected}");
    run_sql(&server, "CREATE ROLE in_clear LOGIN PASSWORD 's3cret'");
    let clear = shown(&look(&with_login(target.clone(), "in_clear", "s3cret")).await);
    assert!(clear.starts_with("the server asks for the password in clear text"), "{clear}");
    run_sql(
        &server,
        "SET password_encryption = 'md5'; CREATE ROLE by_md5 LOGIN PASSWORD 's3cret' IN ROLE pg_monitor",
    );
    assert_eq!(shown(&look(&with_login(target, "by_md5", "s3cret")).await), "up");
}

#[tokio::test]
#[ignore = "needs the Debian package postgresql"]
async fn a_server_that_refuses_its_users_stands_still_or_dies_is_down() {
    let options = ["max_connections=5", "superuser_reserved_connections=1", "max_wal_senders=0"];
    let (mut server, target) = server(&options).await;
    run_sql(&server, "CREATE ROLE monitor LOGIN PASSWORD 's3cret' IN ROLE pg_monitor");
    let monitor = with_login(target, "monitor", "s3cret");
    assert_eq!(shown(&look(&monitor).await), "up");
    let busy = [(); 4].map(|()| Background::start(sql(&server, "SELECT pg_sleep(600)")));
    until_busy(&server, "4").await;
    let full = look(&monitor).await;
    assert!(shown(&full).starts_with("status: "), "{}", shown(&full));
    assert!(shown(&full).ends_with(": it refuses its users"), "{}", shown(&full));
    assert_values(&full, &[("datasource_up", 0.0)]);
    drop(busy);
    run("kill", &["-STOP", &server.pid().to_string()]);
    let hung = look_within(&monitor, Duration::from_millis(300)).await;
    assert_eq!(shown(&hung), "first byte: no end within 300ms, waiting for its greeting");
    run("kill", &["-CONT", &server.pid().to_string()]);
    server.kill();
    // Its children hold the port until they have noticed.
    let is_refused = |seen: &Look| shown(seen).starts_with("connect: ");
    let dead = until(async || look(&monitor).await, is_refused).await;
    assert_eq!(shown(&dead), "connect: Connection refused (os error 111), connecting");
}

#[tokio::test]
#[ignore = "needs the Debian package postgresql"]
async fn a_standby_tells_of_its_lag_and_the_primary_of_the_standby() {
    let (mut primary, of_primary) = server(&[]).await;
    let folder = scratch();
    let mut copy = program("pg_basebackup");
    copy.args(["-D", &data(&folder), "-h", "127.0.0.1", "-p", &primary.port.to_string()]);
    copy.args(["-U", "postgres", "-R", "-c", "fast", "--no-sync"]);
    done(copy);
    let (standby, of_standby) = start(folder, &[]);
    standby.ready(&of_standby).await;
    let receives =
        |is: f64| move |seen: &Look| value(seen, "postgresql_standby_receiving") == Some(is);
    let linked = until(async || look(&of_standby).await, receives(1.0)).await;
    assert_values(
        &linked,
        &[("postgresql_in_recovery", 1.0), ("postgresql_standby_receiving", 1.0)],
    );
    run_sql(&primary, "CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id");
    let is_even = |seen: &Look| value(seen, "postgresql_standby_lag_seconds") == Some(0.0);
    let even = until(async || look(&of_standby).await, is_even).await;
    assert_values(
        &even,
        &[("postgresql_standby_lag_seconds", 0.0), ("postgresql_standby_delay_bytes", 0.0)],
    );
    let seen = look(&of_primary).await;
    let row = &seen.rows[0];
    for name in ["postgresql_replication_streaming", "postgresql_replication_data_delay_bytes"] {
        let is_it = |column: &&model::series::Labels| {
            column.get("__name__") == name && column.get("application_name") == "walreceiver"
        };
        assert!(row.shape.columns.iter().any(|column| is_it(&column)), "{name} of {row:#?}");
    }
    primary.kill();
    let cut = until(async || look(&of_standby).await, receives(0.0)).await;
    assert_values(&cut, &[("postgresql_standby_receiving", 0.0)]);
    // It has replayed all it received, and yet it falls behind from now on.
    assert!(value(&cut, "postgresql_standby_lag_seconds").unwrap() > 0.0);
    assert_eq!(shown(&cut), "up");
}
