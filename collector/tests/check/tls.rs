//! Certificates: good ones, those that end soon, and all the ways to be no good.

use std::sync::Arc;
use std::time::Duration;

use collector::check::CheckSpec;
use collector::probe::Prober;
use expect_test::expect;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;

use crate::common::{Does, NOW, Server, answer, clock, in_words, rows, spec, watch};

/// Who signs the certificates here, and its own certificate in PEM form.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn called(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        Self(CertifiedIssuer::self_signed(params, key).expect("it is made"))
    }

    fn pem(&self) -> String {
        self.0.pem()
    }

    /// A server whose certificate is for `name` and holds from `from` to `until`, in days from now.
    fn server(&self, name: &str, from: i64, until: i64) -> TlsAcceptor {
        let (params, key) = described(name, from, until);
        let made = params.signed_by(&key, &self.0).expect("it is made");
        acceptor(made.der().clone(), &key)
    }
}

fn self_signed(name: &str) -> TlsAcceptor {
    let (params, key) = described(name, -1, 90);
    let made = params.self_signed(&key).expect("it is made");
    acceptor(made.der().clone(), &key)
}

fn described(name: &str, from: i64, until: i64) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new(vec![name.to_owned()]).expect("a good name");
    params.distinguished_name.push(DnType::CommonName, name);
    let now = rcgen::date_time_ymd(1970, 1, 1) + Duration::from_millis(NOW.millis() as u64);
    let days = |days: i64| Duration::from_secs(days.unsigned_abs() * 86_400);
    params.not_before = if from < 0 { now - days(from) } else { now + days(from) };
    params.not_after = if until < 0 { now - days(until) } else { now + days(until) };
    (params, KeyPair::generate().expect("a key"))
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a good key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has them")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("they belong together");
    TlsAcceptor::from(Arc::new(config))
}

async fn told(authority: &Authority, acceptor: TlsAcceptor, tls: &str) -> String {
    let server = Server::over([answer("200 OK", "", "ok")], Some(acceptor)).await;
    let port = server.address.port();
    let text = format!(
        "http: {{name: a, url: \"https://localhost:{port}/\", \
         tls: {{ca: \"${{file:ca.pem}}\"{tls}}}}}"
    );
    let mut spec: CheckSpec = spec(&text, server.address);
    assert_eq!(spec.fill(|_| Ok(authority.pem())), []);
    let look = watch(spec, Prober::new()).look(Duration::from_secs(5), &clock()).await;
    let rows = rows(&look);
    let days = rows.lines().find(|line| line.starts_with("check_certificate"));
    format!("{} [{}]", in_words(&look.answer), days.unwrap_or_default())
}

#[tokio::test]
async fn a_certificate_is_judged_in_words() {
    let ours = Authority::called("Our CA");
    let good = || ours.server("localhost", -1, 90);
    let soon = || ours.server("localhost", -80, 10);
    let over = || ours.server("localhost", -90, -3);
    let lines = [
        told(&ours, good(), "").await,
        told(&ours, soon(), "").await,
        told(&ours, soon(), ", days_left_above: 14").await,
        told(&ours, over(), "").await,
        told(&ours, over(), ", insecure: true").await,
        told(&ours, over(), ", insecure: true, days_left_above: 0").await,
        told(&ours, ours.server("localhost", 2, 90), "").await,
        told(&ours, ours.server("shop.example.com", -1, 90), "").await,
        told(&ours, ours.server("shop.example.com", -1, 90), ", server_name: shop.example.com")
            .await,
        told(&ours, ours.server("shop.example.com", -9, -3), "").await,
        told(&ours, self_signed("localhost"), "").await,
        told(&ours, Authority::called("Their CA").server("localhost", -1, 90), "").await,
    ];
    expect![[r#"
        up [check_certificate_days_left 90]
        up [check_certificate_days_left 10]
        down: condition: the certificate holds for 10 more days, want more than 14 [check_certificate_days_left 10]
        down: tls: the certificate expired at 2027-01-12T08:00:00Z [check_certificate_days_left -3]
        up [check_certificate_days_left -3]
        down: condition: the certificate expired 3 days ago [check_certificate_days_left -3]
        down: tls: the certificate is not valid before 2027-01-17T08:00:00Z [check_certificate_days_left 90]
        down: tls: the certificate is for shop.example.com [check_certificate_days_left 90]
        up [check_certificate_days_left 90]
        down: tls: the certificate expired at 2027-01-12T08:00:00Z; the certificate is for shop.example.com [check_certificate_days_left -3]
        down: tls: the certificate is self-signed [check_certificate_days_left 90]
        down: tls: the certificate is issued by CN=Their CA, which is not trusted, or the chain has a gap [check_certificate_days_left 90]
    "#]].assert_eq(&(lines.join("\n") + "\n"));
}

#[tokio::test]
async fn plain_text_on_a_tls_port_and_the_reverse_are_told_apart() {
    let ours = Authority::called("Our CA");
    let server = Server::over([answer("200 OK", "", "")], Some(ours.server("x", -1, 9))).await;
    let text = "http: {name: a, url: \"http://ADDR/\"}";
    let plain = crate::common::told(text, server.address).await;
    assert_eq!(plain, "down: first byte: the port speaks TLS, not plain HTTP");
    let server = Server::that([Does::Say(b"HTTP/1.1 400 Bad\r\n\r\n".to_vec())]).await;
    let text = "tcp: {name: a, address: \"ADDR\", tls: {}}";
    let tls = crate::common::told(text, server.address).await;
    assert!(tls.starts_with("down: tls: ") || tls.contains("ca-certificates"), "{tls}");
}

#[tokio::test]
async fn a_port_behind_tls_is_heard_too() {
    let ours = Authority::called("Our CA");
    let says = Does::Say(b"* OK IMAP4rev1 ready\r\n".to_vec());
    let server = Server::over([says], Some(ours.server("localhost", -1, 90))).await;
    let port = server.address.port();
    let text = format!(
        "tcp: {{name: a, address: \"localhost:{port}\", expect: '^\\* OK', \
         tls: {{ca: \"${{file:ca.pem}}\", days_left_above: 14}}}}"
    );
    let mut spec = spec(&text, server.address);
    assert_eq!(spec.fill(|_| Ok(ours.pem())), []);
    let look = watch(spec, Prober::new()).look(Duration::from_secs(5), &clock()).await;
    assert_eq!(in_words(&look.answer), "up");
}
