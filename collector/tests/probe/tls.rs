//! TLS with good certificates and bad ones: the handshake ends, and all that is wrong is told.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use collector::probe::exchange::{Place, TlsWay, Way, exchange};
use collector::probe::failure::{Failure, Trace};
use collector::probe::names::Names;
use collector::probe::tls::{NoRoots, TlsSetup};
use expect_test::expect;
use model::clock::{FixedClock, SharedClock};
use model::time::Time;
use proptest::prelude::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use crate::looks::{LONG, SHORT};
use crate::sent::{Sent, serve};

const NAME: &str = "www.yy.com";
const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: www.yy.com\r\nConnection: close\r\n\r\n";

/// When all looks of this file happen: 2026-06-15T12:00:00Z.
fn today() -> Time {
    Time::from_millis(1_781_524_800_000)
}

/// From midnight to midnight, by the days of the month of June 2026.
fn params(names: &[&str], june: std::ops::Range<u8>) -> CertificateParams {
    let names: Vec<String> = names.iter().map(ToString::to_string).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params.not_before = rcgen::date_time_ymd(2026, 6, june.start);
    params.not_after = rcgen::date_time_ymd(2026, 6, june.end);
    params
}

fn authority(name: &str) -> CertifiedIssuer<'static, KeyPair> {
    let mut params = params(&[], 1..30);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

struct Shown {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

fn issued(by: &CertifiedIssuer<'static, KeyPair>, params: &CertificateParams) -> Shown {
    let key = KeyPair::generate().unwrap();
    let own = params.signed_by(&key, by).unwrap();
    Shown {
        chain: vec![own.der().clone()],
        key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
    }
}

fn self_signed(mut params: CertificateParams) -> (Shown, String) {
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    (Shown { chain: vec![own.der().clone()], key }, own.pem())
}

/// Answers `200` over TLS, to everybody, until the test ends.
async fn serve_tls(shown: Shown) -> SocketAddr {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(shown.chain, shown.key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            drop(stream.read(&mut [0; 1024]).await);
            let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n200";
            drop(stream.write_all(answer).await);
            drop(stream.shutdown().await);
        }
    });
    address
}

async fn look(address: SocketAddr, setup: TlsSetup, is_insecure: bool, within: Duration) -> String {
    let clock = SharedClock::new(FixedClock(today()));
    let mut trace = Trace::new(&clock);
    let tls = TlsWay { setup, name: ServerName::try_from(NAME).unwrap(), is_insecure };
    let way = Way { place: Place::Socket(address), tls: Some(&tls), within };
    let names = Names::of_servers(&[]);
    let page = timeout(within, exchange(way, REQUEST, true, &names, &mut trace)).await;
    let told = match page.unwrap_or_else(|_| Err(trace.late(within))) {
        Ok(page) => format!("{} {:?}", page.head.status, String::from_utf8(page.body).unwrap()),
        Err(failure @ Failure::Theirs { .. }) => failure.to_string(),
        Err(failure) => panic!("{failure:?}"),
    };
    match &trace.certificate {
        Some(certificate) => {
            let days = certificate.days_left(today());
            let complaint = certificate.complaint().filter(|_| is_insecure).unwrap_or_default();
            format!("{told} ({days} days left) {complaint}").trim_end().to_owned()
        }
        None => told,
    }
}

#[tokio::test]
async fn all_that_is_wrong_with_a_certificate_is_told() {
    let (ours, theirs) = (authority("ours"), authority("theirs"));
    let setup = TlsSetup::of_pem(&ours.pem()).unwrap();
    let everything = params(&["a\u{1b}.cn", "b.cn", "c.cn", "d.cn", "e.cn"], 1..12);
    let cases = [
        ("good", issued(&ours, &params(&[NAME], 1..20))),
        ("any name below", issued(&ours, &params(&["*.yy.com"], 1..20))),
        ("too old", issued(&ours, &params(&[NAME], 1..12))),
        ("too young", issued(&ours, &params(&[NAME], 18..20))),
        ("another name", issued(&ours, &params(&["yy.com", "192.0.2.1"], 1..20))),
        ("no name", issued(&ours, &params(&[], 1..20))),
        ("another authority", issued(&theirs, &params(&[NAME], 1..20))),
        ("self-signed", self_signed(params(&[NAME], 1..20)).0),
        ("everything", issued(&theirs, &everything)),
    ];
    let mut seen = String::new();
    for (name, shown) in cases {
        let told = look(serve_tls(shown).await, setup.clone(), false, LONG).await;
        seen += &format!("{name}\n    {told}\n");
    }
    expect![[r#"
        good
            200 "200" (4.5 days left)
        any name below
            200 "200" (4.5 days left)
        too old
            tls: the certificate expired at 2026-06-12T00:00:00Z (-3.5 days left)
        too young
            tls: the certificate is not valid before 2026-06-18T00:00:00Z (4.5 days left)
        another name
            tls: the certificate is for yy.com, 192.0.2.1 (4.5 days left)
        no name
            tls: the certificate is for no name at all (4.5 days left)
        another authority
            tls: the certificate is issued by CN=theirs, which is not trusted, or the chain has a gap (4.5 days left)
        self-signed
            tls: the certificate is self-signed (4.5 days left)
        everything
            tls: the certificate expired at 2026-06-12T00:00:00Z; the certificate is issued by CN=theirs, which is not trusted, or the chain has a gap; the certificate is for a.cn, b.cn, c.cn, d.cn and 1 more (-3.5 days left)
    "#]].assert_eq(&seen);
}

#[tokio::test]
async fn who_trusts_a_certificate_as_it_is_needs_no_authority() {
    let (shown, pem) = self_signed(params(&[NAME], 1..20));
    let setup = TlsSetup::of_pem(&pem).unwrap();
    let told = look(serve_tls(shown).await, setup, false, LONG).await;
    expect![[r#"200 "200" (4.5 days left)"#]].assert_eq(&told);
}

#[tokio::test]
async fn who_wants_so_goes_on_with_a_bad_certificate_and_knows_of_it() {
    let setup = TlsSetup::of_pem(&authority("ours").pem()).unwrap();
    let (shown, _) = self_signed(params(&[NAME], 1..12));
    let told = look(serve_tls(shown).await, setup, true, LONG).await + "\n";
    expect![[r#"
        200 "200" (-3.5 days left) the certificate expired at 2026-06-12T00:00:00Z
        the certificate is self-signed
    "#]]
    .assert_eq(&told.replace("; ", "\n"));
}

#[tokio::test]
async fn what_is_no_tls_fails_there() {
    let setup = TlsSetup::of_pem(&authority("ours").pem()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = look(listener.local_addr().unwrap(), setup.clone(), false, SHORT).await;
    expect!["tls: no end within 400ms"].assert_eq(&silent);
    // This server waits for the end of a plain request, which never comes.
    let (plain, _requests) = serve(Sent::parse("400 Bad Request || plain HTTP here")).await;
    expect!["tls: no end within 400ms"].assert_eq(&look(plain, setup.clone(), false, SHORT).await);
    for start in [
        "HTTP/1.1 400 Bad Request\r\n\r\n",
        "\x16\x03\x03\x00\x02xx",
        "\x15\x03\x03\x00\x02\x02\x28",
    ] {
        let rude = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = rude.local_addr().unwrap();
        tokio::spawn(async move {
            let (mut stream, _) = rude.accept().await.unwrap();
            drop(stream.write_all(start.as_bytes()).await);
            drop(stream.read(&mut [0; 2048]).await);
        });
        let told = look(address, setup.clone(), false, LONG).await;
        assert!(told.starts_with("tls: "), "{told}");
    }
}

#[test]
fn an_authority_must_be_readable() {
    assert_eq!(TlsSetup::of_pem("no certificate").err(), Some(NoRoots::Pem));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(TlsSetup::of_pem(broken).err(), Some(NoRoots::Pem));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_damaged_certificate_does_no_harm(
        bytes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..5),
        length in any::<prop::sample::Index>(), is_cut in any::<bool>(),
    ) {
        static GOOD: LazyLock<(CertificateDer<'static>, TlsSetup)> = LazyLock::new(|| {
            let ours = authority("ours");
            let shown = issued(&ours, &params(&[NAME, "192.0.2.1", "::1"], 1..20));
            (shown.chain[0].clone(), TlsSetup::of_pem(&ours.pem()).unwrap())
        });
        let (good, setup) = &*GOOD;
        let mut damaged = good.to_vec();
        for (at, byte) in bytes {
            damaged[at.index(good.len())] = byte;
        }
        damaged.truncate(if is_cut { length.index(good.len()) } else { good.len() });
        let name = ServerName::try_from(NAME).unwrap();
        let is_damaged = damaged != good.as_ref();
        let judged = setup.judge(&[CertificateDer::from(damaged)], &name, today());
        let is_good = judged.is_some_and(|certificate| certificate.faults.is_empty());
        prop_assert_eq!(is_good, !is_damaged);
    }

    #[test]
    fn any_text_is_an_authority_or_none(text in ".*") {
        TlsSetup::of_pem(&text).unwrap_err();
        let framed = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        TlsSetup::of_pem(&framed).unwrap_err();
    }
}
