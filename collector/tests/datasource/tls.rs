//! Looks over TLS at real servers: what a look tells of their certificates, whether they want
//! ours, and that nothing is said in clear where TLS is wanted.

use std::process::Command;
use std::time::Duration;

use collector::datasource::{DataSourceKind, DataSourceTarget, TlsOptions, Verify};

use crate::authority::{Authority, Issued, NAME, showing, trusting, with_tls};
use crate::bench::{
    Scratch, Server, free_port, is_root, look, look_within, run, shown, target, value, with_login,
};
use crate::{mysql, postgres};

const WANTS_CERTIFICATE: &str = "the server wants a client certificate -> write tls: \
     {client_cert: \"${file:PATH}\", client_key: \"${file:PATH}\"}, or let the server take clients \
     without one";
const EXPIRED: &str = "tls: the certificate expired at 2026-06-14T00:00:00Z";

async fn seen(target: &DataSourceTarget, options: TlsOptions) -> String {
    shown(&look(&with_tls(target, options)).await)
}

/// Until a look that asks nothing of its certificate is let in, or told why not.
async fn ready(server: &Server, target: &DataSourceTarget) {
    let any = TlsOptions { verify: Verify::None, ..TlsOptions::default() };
    let any = TlsOptions { ca: Some(Authority::new("any").pem()), ..any };
    server.ready(&with_tls(target, any)).await;
}

/// Of a server that shows a good certificate of `ours` for [`NAME`]; whatever kind it is, it is
/// told in the same words.
async fn check_trust(target: &DataSourceTarget, ours: &Authority) {
    let theirs = Authority::new("theirs");
    let named = |name: &str, options| TlsOptions { server_name: Some(name.to_owned()), ..options };
    let unknown =
        "the certificate is issued by CN=ours, which is not trusted, or the chain has a gap";
    let ca = "write tls: {ca: \"${file:PATH}\"} with the certificate of its CA";
    let name = |asked| {
        format!(
            "it was taken for {asked}; write tls: {{server_name: NAME}} with a name that the \
             certificate is for"
        )
    };
    let wrong = format!("the certificate is for {NAME}");
    let other = || named("other.example.com", trusting(ours));
    for (options, expected) in [
        (trusting(ours), "up".to_owned()),
        (other(), format!("{wrong} -> {}", name("other.example.com"))),
        (
            TlsOptions { server_name: None, ..trusting(ours) },
            format!("{wrong} -> {}", name("127.0.0.1")),
        ),
        (TlsOptions { verify: Verify::Ca, ..other() }, "up".to_owned()),
        (trusting(&theirs), format!("{unknown} -> {ca}")),
        (
            named("other.example.com", trusting(&theirs)),
            format!("{unknown}; {wrong} -> {ca}; {}", name("other.example.com")),
        ),
        (TlsOptions { verify: Verify::Ca, ..trusting(&theirs) }, format!("{unknown} -> {ca}")),
        (TlsOptions { verify: Verify::None, ..trusting(&theirs) }, "up".to_owned()),
    ] {
        assert_eq!(seen(target, options.clone()).await, expected, "{options:?}");
    }
}

/// Of a server that wants a certificate of `clients`.
async fn check_clients(target: &DataSourceTarget, ours: &Authority, clients: &Authority) {
    assert_eq!(seen(target, trusting(ours)).await, WANTS_CERTIFICATE);
    let known = showing(trusting(ours), &clients.issue());
    assert_eq!(seen(target, known).await, "up");
    let stranger = showing(trusting(ours), &Authority::new("strangers").issue());
    let refused = seen(target, stranger).await;
    assert!(
        refused.starts_with("the server does not accept our client certificate: "),
        "{refused}"
    );
}

fn redis(issued: &Issued, clients: &Authority, wants: &str) -> (Server, DataSourceTarget) {
    let (port, folder) = (free_port(), Scratch::new("redis-tls"));
    issued.write(folder.path(), clients);
    let mut command = Command::new("redis-server");
    command.args(["--port", "0", "--tls-port", &port.to_string(), "--bind", "127.0.0.1"]);
    command.args(["--tls-cert-file", "server.pem", "--tls-key-file", "server.key"]);
    command.args(["--tls-ca-cert-file", "clients.pem", "--tls-auth-clients", wants]);
    command.args(["--save", "", "--requirepass", "s3cret"]).current_dir(folder.path());
    let target = target(DataSourceKind::Redis, port);
    (Server::start(command, port, folder), with_login(target, "default", "s3cret"))
}

#[tokio::test]
#[ignore = "needs the Debian package redis-server"]
async fn redis_is_looked_at_over_tls() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let (server, target) = redis(&ours.issue(), &clients, "no");
    ready(&server, &target).await;
    check_trust(&target, &ours).await;
    let plain = shown(&look(&target).await);
    assert!(plain.ends_with("(is this a Redis port without TLS?)"), "{plain}");

    let (server, target) = redis(&ours.issue(), &clients, "yes");
    ready(&server, &target).await;
    check_clients(&target, &ours, &clients).await;

    let (server, target) = redis(&ours.issue_expired(), &clients, "no");
    ready(&server, &target).await;
    assert_eq!(seen(&target, trusting(&ours)).await, EXPIRED);
    run("kill", &["-STOP", &server.pid().to_string()]);
    let secure = with_tls(&target, trusting(&ours));
    let hung = look_within(&secure, Duration::from_millis(300)).await;
    assert_eq!(
        shown(&hung),
        "tls: no end within 300ms, shaking hands (does it speak TLS on this port?)"
    );
    assert_eq!(value(&hung, "datasource_connect_seconds"), None);
}

#[tokio::test]
#[ignore = "needs the Debian packages redis-server and memcached"]
async fn a_port_without_tls_is_told_and_given_no_password() {
    const NO_TLS: &str = "it does not speak TLS on this port -> write the port on which it does, \
                          or remove tls from the file";
    let ours = Authority::new("ours");
    let redis = &["--bind", "127.0.0.1", "--save", "", "--port"][..];
    let memcached = &["-l", "127.0.0.1", "-U", "0", "-u", "nobody", "-p"][..];
    for (kind, program, options) in [
        (DataSourceKind::Redis, "redis-server", redis),
        (DataSourceKind::Memcached, "memcached", memcached),
    ] {
        let (port, folder) = (free_port(), Scratch::new("clear"));
        let mut command = Command::new(program);
        command.args(options).arg(port.to_string()).current_dir(folder.path());
        let target = with_login(target(kind, port), "default", "s3cret");
        let server = Server::start(command, port, folder);
        server.ready(&target).await;
        assert_eq!(seen(&target, trusting(&ours)).await, NO_TLS, "{kind}");
    }
}

fn memcached(issued: &Issued, clients: &Authority, wants: &str) -> (Server, DataSourceTarget) {
    let (port, folder) = (free_port(), Scratch::new("memcached-tls"));
    issued.write(folder.path(), clients);
    let mut command = Command::new("memcached");
    command.args(["-l", "127.0.0.1", "-p", &port.to_string(), "-U", "0", "-Z", "-o"]);
    let files = "ssl_chain_cert=server.pem,ssl_key=server.key,ssl_ca_cert=clients.pem";
    command.arg(format!("{files},ssl_verify_mode={wants}")).current_dir(folder.path());
    if is_root() {
        command.args(["-u", "root"]);
    }
    (Server::start(command, port, folder), target(DataSourceKind::Memcached, port))
}

#[tokio::test]
#[ignore = "needs the Debian package memcached"]
async fn memcached_is_looked_at_over_tls() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let (server, target) = memcached(&ours.issue(), &clients, "0");
    ready(&server, &target).await;
    check_trust(&target, &ours).await;

    let (server, target) = memcached(&ours.issue(), &clients, "2");
    ready(&server, &target).await;
    check_clients(&target, &ours, &clients).await;

    let (server, target) = memcached(&ours.issue_expired(), &clients, "0");
    ready(&server, &target).await;
    assert_eq!(seen(&target, trusting(&ours)).await, EXPIRED);
}

/// A cluster with an account of its own for each way to come in.
fn postgres(issued: &Issued, clients: &Authority, ssl: &str) -> (Server, DataSourceTarget) {
    let rules = "local all all trust\n\
                 hostssl all known 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n\
                 hostssl all all 127.0.0.1/32 scram-sha-256\n";
    let folder = postgres::installed(rules);
    issued.write(folder.path(), clients);
    let path = folder.path().to_str().unwrap().to_owned();
    run("chmod", &["600", &format!("{path}/server.key")]);
    if is_root() {
        run("chown", &["-R", "postgres:postgres", &path]);
    }
    let file = |option: &str, name: &str| format!("{option}={path}/{name}");
    postgres::start(
        folder,
        &[
            &format!("ssl={ssl}"),
            &file("ssl_cert_file", "server.pem"),
            &file("ssl_key_file", "server.key"),
            &file("ssl_ca_file", "clients.pem"),
        ],
    )
}

#[tokio::test]
#[ignore = "needs the Debian package postgresql"]
async fn postgresql_is_looked_at_over_tls() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let (server, target) = postgres(&ours.issue(), &clients, "on");
    ready(&server, &target).await;
    check_trust(&target, &ours).await;
    assert_eq!(
        shown(&look(&target).await),
        "no pg_hba.conf entry for host \"127.0.0.1\", user \"postgres\", database \"postgres\", \
         no encryption -> in pg_hba.conf, for our address: host all postgres ADDRESS \
         scram-sha-256; then SELECT pg_reload_conf(); or, if hostssl stands there, write tls: {} \
         for it; and if the account is missing: CREATE ROLE postgres LOGIN PASSWORD 'PASSWORD'; \
         GRANT pg_monitor TO postgres;"
    );

    postgres::run_sql(&server, "CREATE ROLE known LOGIN PASSWORD 's3cret' IN ROLE pg_monitor");
    let known = with_login(target, "known", "s3cret");
    assert_eq!(
        seen(&known, trusting(&ours)).await,
        "connection requires a valid client certificate -> write tls: {client_cert: \
         \"${file:PATH}\", client_key: \"${file:PATH}\"} with a certificate that is valid, of a CA \
         that the server trusts"
    );
    assert_eq!(seen(&known, showing(trusting(&ours), &clients.issue())).await, "up");
    let stranger = showing(trusting(&ours), &Authority::new("strangers").issue());
    let refused = seen(&known, stranger).await;
    assert!(
        refused.starts_with("the server does not accept our client certificate: "),
        "{refused}"
    );

    let (server, target) = postgres(&ours.issue_expired(), &clients, "on");
    ready(&server, &target).await;
    assert_eq!(seen(&target, trusting(&ours)).await, EXPIRED);
}

#[tokio::test]
#[ignore = "needs the Debian package postgresql"]
async fn a_postgresql_without_tls_is_told_and_given_no_password() {
    let ours = Authority::new("ours");
    let (server, target) = postgres(&ours.issue(), &ours, "off");
    server.ready(&target).await;
    assert_eq!(
        seen(&target, trusting(&ours)).await,
        "the server does not speak TLS -> in postgresql.conf: ssl = on; or remove tls from the file"
    );
}

async fn mariadb(issued: &Issued, clients: &Authority) -> (Server, DataSourceTarget) {
    let folder = mysql::installed();
    issued.write(folder.path(), clients);
    let path = folder.path().to_str().unwrap().to_owned();
    let file = |option: &str, name: &str| format!("--{option}={path}/{name}");
    let files = [
        file("ssl-cert", "server.pem"),
        file("ssl-key", "server.key"),
        file("ssl-ca", "clients.pem"),
    ];
    let (server, target) = mysql::start(folder, &files.each_ref().map(String::as_str)).await;
    mysql::run_sql(&server, mysql::ACCOUNT);
    (server, target)
}

#[tokio::test]
#[ignore = "needs the Debian package mariadb-server"]
async fn mariadb_is_looked_at_over_tls() {
    let (ours, clients) = (Authority::new("ours"), Authority::new("clients"));
    let (server, target) = mariadb(&ours.issue(), &clients).await;
    check_trust(&target, &ours).await;
    // Who speaks TLS is told so by the server, which is the one who must know.
    mysql::run_sql(&server, "ALTER USER monitor@'%' REQUIRE SSL");
    assert_eq!(seen(&target, trusting(&ours)).await, "up");
    let plain = shown(&look(&target).await);
    assert!(plain.contains("; if it REQUIREs TLS, write tls: {} for it"), "{plain}");

    mysql::run_sql(&server, "ALTER USER monitor@'%' REQUIRE X509");
    let nobody = seen(&target, trusting(&ours)).await;
    assert!(
        nobody.contains("; if it REQUIREs a certificate, write tls: {client_cert: "),
        "{nobody}"
    );
    assert_eq!(seen(&target, showing(trusting(&ours), &clients.issue())).await, "up");
    let stranger = showing(trusting(&ours), &Authority::new("strangers").issue());
    let refused = seen(&target, stranger).await;
    assert!(
        refused.starts_with("the server does not accept our client certificate: "),
        "{refused}"
    );
}

#[tokio::test]
#[ignore = "needs the Debian package mariadb-server"]
async fn a_mariadb_with_a_bad_certificate_or_none_is_told_and_given_no_password() {
    let ours = Authority::new("ours");
    let (_expired, target) = mariadb(&ours.issue_expired(), &ours).await;
    assert_eq!(seen(&target, trusting(&ours)).await, EXPIRED);

    let (_clear, target) = mysql::start(mysql::installed(), &["--skip-ssl"]).await;
    assert_eq!(
        seen(&target, trusting(&ours)).await,
        "the server does not speak TLS -> give the server ssl_cert and ssl_key; or remove tls \
         from the file"
    );
}
