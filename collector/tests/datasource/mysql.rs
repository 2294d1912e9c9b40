//! Looks at a real MariaDB. What MySQL says otherwise is tested with recorded rows, beside the code.

use std::process::Command;
use std::time::Duration;

use collector::datasource::{DataSourceKind, DataSourceTarget};
use collector::look::Look;

use crate::bench::{
    Background, Scratch, Server, absent, assert_values, free_port, is_root, look, look_within,
    moved, run, shown, target, until, value, with_login,
};

/// A server with an administrator who needs no password through the socket.
async fn server(options: &[&str]) -> (Server, DataSourceTarget) {
    start(installed(), options).await
}

/// A folder with a new server in it that was not started yet.
pub(crate) fn installed() -> Scratch {
    let folder = Scratch::new("mariadb");
    let data = folder.path().join("data");
    let mut install = Command::new("mariadb-install-db");
    install.args(["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]);
    install.arg(format!("--datadir={}", data.display()));
    // Several servers that are installed at a time take each other's temporary tables away.
    install.arg(format!("--tmpdir={}", folder.path().display()));
    if is_root() {
        install.arg("--user=root");
    }
    let done = install.output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    folder
}

pub(crate) async fn start(folder: Scratch, options: &[&str]) -> (Server, DataSourceTarget) {
    let port = free_port();
    let path = folder.path().display().to_string();
    let mut command = Command::new("mariadbd");
    command.args(["--no-defaults", "--bind-address=127.0.0.1", "--skip-name-resolve"]);
    command.args([format!("--datadir={path}/data"), format!("--tmpdir={path}")]);
    command.args([format!("--socket={path}/socket")]);
    command.args([format!("--pid-file={path}/pid"), format!("--port={port}")]);
    command.args(["--innodb-buffer-pool-size=16M", "--innodb-flush-log-at-trx-commit=0"]);
    if is_root() {
        command.arg("--user=root");
    }
    command.args(options);
    let server = Server::start(command, port, folder);
    let target = with_login(target(DataSourceKind::MySql, port), "monitor", "s3cret");
    server.ready(&target).await;
    (server, target)
}

pub(crate) const ACCOUNT: &str = "CREATE USER 'monitor'@'%' IDENTIFIED BY 's3cret'; \
     GRANT PROCESS, SLAVE MONITOR ON *.* TO 'monitor'@'%';";

fn sql(server: &Server, statements: &str) -> Command {
    let mut command = Command::new("mariadb");
    command.args(["--no-defaults", "-uroot", "--batch", "--skip-column-names", "-e", statements]);
    command.arg(format!("--socket={}/socket", server.folder.path().display()));
    command
}

pub(crate) fn run_sql(server: &Server, statements: &str) -> String {
    let output = sql(server, statements).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// Waits until so many clients are at something that takes long.
async fn until_busy(server: &Server, count: &str) {
    let ask = "SELECT COUNT(*) FROM information_schema.PROCESSLIST \
               WHERE COMMAND = 'Query' AND ID <> CONNECTION_ID()";
    let busy = until(async || run_sql(server, ask), |busy| busy == count).await;
    assert_eq!(busy, count);
}

#[tokio::test]
#[ignore = "needs the Debian package mariadb-server"]
async fn its_figures_follow_what_is_done_to_it() {
    // A zone far from the machine's: the age of a transaction must not be hours off.
    let (server, target) = server(&["--max-connections=40", "--default-time-zone=+09:30"]).await;
    run_sql(&server, ACCOUNT);
    run_sql(
        &server,
        "CREATE DATABASE shop; CREATE TABLE shop.orders (id INT PRIMARY KEY) ENGINE=InnoDB; INSERT INTO shop.orders VALUES (1), (2)",
    );
    let before = look(&target).await;
    assert_eq!(shown(&before), "up");
    assert_values(&before, &[("mysql_read_only", 0.0)]);
    run_sql(&server, "SET GLOBAL read_only = 1");
    let holds = "BEGIN; UPDATE shop.orders SET id = 7 WHERE id = 1; SELECT SLEEP(600)";
    let _holder = Background::start(sql(&server, holds));
    until_busy(&server, "1").await;
    let _waits = [(); 3].map(|()| {
        Background::start(sql(
            &server,
            "SET innodb_lock_wait_timeout=600; DELETE FROM shop.orders WHERE id = 1",
        ))
    });
    until_busy(&server, "4").await;
    run_sql(&server, &"SELECT * FROM shop.orders WHERE id = 2;".repeat(25));
    run_sql(&server, "SET long_query_time = 0.2; SELECT SLEEP(0.3)");
    let after = look(&target).await;
    assert_eq!(shown(&after), "up");
    assert_values(
        &after,
        &[
            ("datasource_up", 1.0),
            ("mysql_connection_max", 40.0),
            ("mysql_threads{kind=\"connected\"}", 5.0),
            ("mysql_connection_utilization", 5.0 / 40.0),
            ("mysql_row_locks_waiting", 3.0),
            ("mysql_transactions", 4.0),
            ("mysql_read_only", 1.0),
            ("mysql_buffer_pool_limit_bytes", 16_777_216.0),
            ("mysql_deadlocks_total", 0.0),
        ],
    );
    // How many of them run at a time is the server's own opinion.
    assert!(value(&after, "mysql_threads{kind=\"running\"}").unwrap() >= 4.0);
    let oldest = value(&after, "mysql_transaction_oldest_seconds").unwrap();
    assert!((0.0..60.0).contains(&oldest), "{oldest}");
    assert_eq!(moved(&before, &after, "mysql_row_locks_total"), 3.0);
    assert!(moved(&before, &after, "mysql_query_slow_count_total") >= 1.0);
    assert!(moved(&before, &after, "mysql_commands_total{command=\"select\"}") >= 26.0);
    assert!(moved(&before, &after, "mysql_query_client_count_total") >= 30.0);
    assert_eq!(after.refused, []);
    assert_eq!(
        absent(DataSourceKind::MySql, &after),
        [
            "mysql_super_read_only",
            "mysql_replica_io_running",
            "mysql_replica_sql_running",
            "mysql_replica_time_behind_source_seconds",
            "mysql_replica_sql_delay_seconds",
            "mysql_replica_last_error_code",
            "mysql_replica_gtid_gap",
        ]
    );
}

#[tokio::test]
#[ignore = "needs the Debian package mariadb-server"]
async fn who_may_not_look_is_told_what_to_type() {
    let (server, target) = server(&[]).await;
    let account = "CREATE USER 'monitor'@'%' IDENTIFIED BY 'PASSWORD'; \
                   GRANT PROCESS, SLAVE MONITOR ON *.* TO 'monitor'@'%';";
    let stranger = shown(&look(&target).await);
    let start = "Access denied for user 'monitor'@'127.0.0.1' (using password: YES)";
    assert_eq!(
        stranger,
        format!(
            "{start} -> check user and password; if it REQUIREs TLS, write tls: {{}} for it; or make the account: {account}"
        )
    );
    // What it says is what helps; but first the account without the grants.
    run_sql(&server, "CREATE USER 'monitor'@'127.0.0.%' IDENTIFIED BY 's3cret'");
    let poor = look(&target).await;
    assert_eq!(
        shown(&poor),
        "our account lacks PROCESS, SLAVE MONITOR -> \
         GRANT PROCESS, SLAVE MONITOR ON *.* TO 'monitor'@'127.0.0.%';"
    );
    assert_values(&poor, &[("datasource_up", 1.0), ("mysql_threads{kind=\"connected\"}", 1.0)]);
    assert_eq!(value(&poor, "mysql_transactions"), None);
    run_sql(&server, "GRANT PROCESS, SLAVE MONITOR ON *.* TO 'monitor'@'127.0.0.%';");
    let rich = look(&target).await;
    assert_eq!(shown(&rich), "up");
    assert_values(&rich, &[("mysql_transactions", 0.0), ("mysql_transaction_oldest_seconds", 0.0)]);

    let mut elsewhere = target.clone();
    elsewhere.database = Some("none".to_owned());
    let nowhere = shown(&look(&elsewhere).await);
    assert!(nowhere.starts_with("Access denied for user 'monitor'@'127.0.0.%' to database 'none'"));
    run_sql(&server, "GRANT SELECT ON *.* TO 'monitor'@'127.0.0.%'");
    assert_eq!(
        shown(&look(&elsewhere).await),
        "Unknown database 'none' -> name no database in the file, or one that exists"
    );
    run_sql(&server, "ALTER USER 'monitor'@'127.0.0.%' ACCOUNT LOCK");
    let locked = shown(&look(&target).await);
    assert!(locked.ends_with("-> ALTER USER 'monitor'@'%' ACCOUNT UNLOCK;"), "{locked}");
    run_sql(
        &server,
        "INSTALL SONAME 'auth_ed25519'; CREATE USER modern@'%' IDENTIFIED VIA ed25519 USING PASSWORD('s3cret')",
    );
    let modern = shown(&look(&with_login(target, "modern", "s3cret")).await);
    assert!(modern.starts_with("the account logs in by client_ed25519, which is not"), "{modern}");
}

#[tokio::test]
#[ignore = "needs the Debian package mariadb-server"]
async fn a_server_that_refuses_its_users_stands_still_or_dies_is_down() {
    let (mut server, target) = server(&["--max-connections=10"]).await;
    run_sql(&server, ACCOUNT);
    let busy = [(); 10].map(|()| Background::start(sql(&server, "SELECT SLEEP(600)")));
    // The administrator has one place more than the others.
    until_busy(&server, "10").await;
    let full = look(&target).await;
    assert_eq!(shown(&full), "status: Too many connections: it refuses its users");
    assert_values(&full, &[("datasource_up", 0.0)]);
    drop(busy);
    run("kill", &["-STOP", &server.pid().to_string()]);
    let hung = look_within(&target, Duration::from_millis(300)).await;
    assert_eq!(
        shown(&hung),
        "first byte: no end within 300ms, waiting for its greeting (is this a MySQL port?)"
    );
    run("kill", &["-CONT", &server.pid().to_string()]);
    server.kill();
    let dead = look(&target).await;
    assert_eq!(shown(&dead), "connect: Connection refused (os error 111), connecting");
}

#[tokio::test]
#[ignore = "needs the Debian package mariadb-server"]
async fn a_replica_that_stands_still_has_no_lag_and_does_not_run() {
    let (source, of_source) = server(&["--server-id=1", "--log-bin=binlog"]).await;
    run_sql(&source, ACCOUNT);
    run_sql(
        &source,
        "CREATE USER copy@'%' IDENTIFIED BY 'c'; GRANT REPLICATION SLAVE ON *.* TO copy@'%'",
    );
    let (replica, of_replica) = server(&["--server-id=2", "--read-only"]).await;
    let port = source.port;
    run_sql(
        &replica,
        &format!(
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={port}, MASTER_USER='copy', \
         MASTER_PASSWORD='c', MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos; START SLAVE"
        ),
    );
    let lag = "mysql_replica_time_behind_source_seconds";
    let in_step = |seen: &Look| value(seen, lag) == Some(0.0);
    let linked = until(async || look(&of_replica).await, in_step).await;
    assert_eq!(shown(&linked), "up");
    assert_values(
        &linked,
        &[
            ("mysql_replica_io_running", 1.0),
            ("mysql_replica_sql_running", 1.0),
            (lag, 0.0),
            ("mysql_replica_gtid_gap", 0.0),
            ("mysql_replica_last_error_code{thread=\"sql\"}", 0.0),
            ("mysql_read_only", 1.0),
        ],
    );
    run_sql(&replica, "STOP SLAVE SQL_THREAD");
    run_sql(&source, "CREATE DATABASE one; CREATE DATABASE two");
    let behind = |seen: &Look| value(seen, "mysql_replica_gtid_gap") == Some(2.0);
    let stopped = until(async || look(&of_replica).await, behind).await;
    assert_values(
        &stopped,
        &[
            ("mysql_replica_io_running", 1.0),
            ("mysql_replica_sql_running", 0.0),
            ("mysql_replica_gtid_gap", 2.0),
        ],
    );
    assert_eq!(value(&stopped, lag), None);
    assert_eq!(shown(&look(&of_source).await), "up");
}
