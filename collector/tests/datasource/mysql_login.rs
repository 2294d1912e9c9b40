//! `caching_sha2_password`, the login of MySQL 8, against a server that speaks only that much.
//!
//! No MySQL is to be had from Debian's packages, so the server here is ours, and says byte for byte
//! what MySQL's documentation of the protocol says a server says: the fast way for who is known
//! (`01 03`), the full one for who is not (`01 04`), under TLS and without. What comes back is
//! checked with what is not ours: a proof that was worked out elsewhere, and OpenSSL for what is
//! under the server's key.

use std::process::{Command, Stdio};
use std::sync::Arc;

use collector::datasource::{DataSourceKind, DataSourceTarget, TlsOptions};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;

use crate::authority::{Authority, trusting, with_tls};
use crate::bench::{Scratch, look, run, shown, target, with_login};

const SPEAKS_TLS: u16 = 0x0800;
const NONCE: &[u8; 20] = b"abcdefghijklmnopqrst";
/// SHA256(p) ^ SHA256(SHA256(SHA256(p)) + NONCE) of `s3cret`, worked out with Python's hashlib.
const PROOF: &str = "5661ac17cec0e6001d3747b3aaa0d0c1927fdc43c56deeab05d4c42d73b2b642";

const KNOWN: &[u8] = &[1, 3];
const NEEDS_PASSWORD: &[u8] = &[1, 4];
const LETS_IN: &[u8] = &[0, 0, 0, 2, 0, 0, 0];
/// Error 1045, so that the look ends where the login does.
const DENIED: &[u8] = b"\xff\x15\x04#28000Access denied";

/// What a server does with who answers its greeting.
#[derive(Clone, Debug)]
enum Login {
    /// It knows the account, whose plugin the greeting named.
    Fast,
    /// The greeting named another plugin.
    Switched,
    /// It does not know the account yet. Without TLS it gives this key.
    Full { key: Vec<u8> },
    /// It says this, unasked, after the answer to the greeting.
    Says(Vec<u8>),
}

/// Packets of one connection, and all that was ever received on it, in clear or under TLS.
struct Packets<S> {
    stream: S,
    sequence: u8,
    heard: Vec<u8>,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Packets<S> {
    async fn send(&mut self, payload: &[u8]) {
        let length = u32::try_from(payload.len()).unwrap().to_le_bytes();
        let head = [length[0], length[1], length[2], self.sequence];
        self.sequence += 1;
        self.stream.write_all(&[&head, payload].concat()).await.unwrap();
    }

    async fn receive(&mut self) -> Option<Vec<u8>> {
        let mut head = [0; 4];
        self.stream.read_exact(&mut head).await.ok()?;
        assert_eq!(head[3], self.sequence, "packets are numbered through");
        self.sequence += 1;
        let mut payload = vec![0; u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize];
        self.stream.read_exact(&mut payload).await.ok()?;
        self.heard.extend_from_slice(&payload);
        Some(payload)
    }

    /// From the answer to the greeting to the end; gives back the password, however it came.
    async fn log_in(&mut self, login: &Login, is_secure: bool) -> Option<Vec<u8>> {
        let mut answer = self.receive().await?;
        if matches!(login, Login::Switched) {
            self.send(&[b"\xfecaching_sha2_password\0", &NONCE[..], b"\0"].concat()).await;
            answer = self.receive().await?;
        }
        let is_proven = String::from_utf8_lossy(&hex(&answer)).contains(PROOF);
        assert!(is_proven, "{answer:?}");
        match login {
            Login::Fast | Login::Switched => {
                self.send(KNOWN).await;
                self.send(LETS_IN).await;
                None
            }
            Login::Says(words) => {
                self.send(words).await;
                self.receive().await
            }
            Login::Full { key } => {
                self.send(NEEDS_PASSWORD).await;
                let mut password = self.receive().await?;
                if !is_secure {
                    assert_eq!(password, [2], "it asks for the key");
                    self.send(&[&[1], &key[..]].concat()).await;
                    password = self.receive().await?;
                }
                self.send(DENIED).await;
                Some(password)
            }
        }
    }
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

fn greeting(plugin: &str, abilities: u16) -> Vec<u8> {
    let (first, rest) = NONCE.split_at(8);
    [
        b"\x0a8.4.3\0\x01\0\0\0",
        first,
        b"\0",
        &(0xf7ff & !SPEAKS_TLS | abilities).to_le_bytes(),
        b"\xff\x02\0\xff\xdf\x15\0\0\0\0\0\0\0\0\0\0",
        rest,
        b"\0",
        plugin.as_bytes(),
        b"\0",
    ]
    .concat()
}

/// What came of one connection.
struct Heard {
    in_clear: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// Serves one connection; under TLS if it is asked for that and has what it takes.
async fn serve(stream: TcpStream, login: Login, tls: Option<TlsAcceptor>) -> Heard {
    let plugin = match login {
        Login::Switched => "mysql_native_password",
        Login::Fast | Login::Full { .. } | Login::Says(_) => "caching_sha2_password",
    };
    let mut packets = Packets { stream, sequence: 0, heard: Vec::new() };
    packets.send(&greeting(plugin, tls.as_ref().map_or(0, |_| SPEAKS_TLS))).await;
    let Some(acceptor) = tls else {
        let password = packets.log_in(&login, false).await;
        return Heard { in_clear: packets.heard, password };
    };
    let request = packets.receive().await.unwrap_or_default();
    assert_eq!(request.len(), 32, "what asks for TLS says nothing else");
    let Packets { stream, sequence, heard } = packets;
    let Ok(stream) = acceptor.accept(stream).await else {
        return Heard { in_clear: heard, password: None };
    };
    let mut packets = Packets { stream, sequence, heard: Vec::new() };
    Heard { password: packets.log_in(&login, true).await, in_clear: heard }
}

/// A server for one look, and what it heard.
async fn server(login: Login, tls: Option<TlsAcceptor>) -> (DataSourceTarget, JoinHandle<Heard>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        serve(stream, login, tls).await
    });
    (with_login(target(DataSourceKind::MySql, port), "monitor", "s3cret"), served)
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let issued = authority.issue();
    let certificate = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn has_secret(bytes: &[u8]) -> bool {
    bytes.windows(6).any(|window| window == b"s3cret")
}

#[tokio::test]
async fn who_is_known_proves_it_and_says_nothing_more() {
    for login in [Login::Fast, Login::Switched] {
        let (target, served) = server(login.clone(), None).await;
        let seen = shown(&look(&target).await);
        assert!(seen.ends_with("waiting for the answer to a ping"), "it was let in: {seen}");
        assert!(!has_secret(&served.await.unwrap().in_clear), "{login:?}");
    }
}

#[tokio::test]
async fn under_tls_who_is_not_known_gives_the_password_itself() {
    let ours = Authority::new("ours");
    let full = Login::Full { key: Vec::new() };
    let (target, served) = server(full.clone(), Some(acceptor(&ours))).await;
    let seen = shown(&look(&with_tls(&target, trusting(&ours))).await);
    assert!(seen.starts_with("Access denied -> "), "{seen}");
    let heard = served.await.unwrap();
    assert_eq!(heard.password.as_deref(), Some(&b"s3cret\0"[..]));
    assert!(!has_secret(&heard.in_clear));

    let (target, served) = server(full, Some(acceptor(&Authority::new("theirs")))).await;
    let seen = shown(&look(&with_tls(&target, trusting(&ours))).await);
    assert!(seen.starts_with("the certificate is issued by CN=theirs, which is not"), "{seen}");
    let heard = served.await.unwrap();
    assert!(heard.password.is_none() && !has_secret(&heard.in_clear));
}

#[tokio::test]
#[ignore = "needs the Debian package openssl"]
async fn without_tls_the_password_goes_under_the_key_that_openssl_made() {
    let folder = Scratch::new("rsa");
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    run("openssl", &["genrsa", "-out", &path("private"), "2048"]);
    let key = run("openssl", &["rsa", "-in", &path("private"), "-pubout"]).into_bytes();
    let (target, served) = server(Login::Full { key }, None).await;
    let seen = shown(&look(&target).await);
    assert!(seen.starts_with("Access denied -> "), "{seen}");
    let heard = served.await.unwrap();
    assert!(!has_secret(&heard.in_clear));
    std::fs::write(path("sealed"), heard.password.unwrap()).unwrap();
    let mut open = Command::new("openssl");
    open.args(["pkeyutl", "-decrypt", "-pkeyopt", "rsa_padding_mode:oaep"]);
    open.args(["-inkey", &path("private"), "-in", &path("sealed")]).stderr(Stdio::inherit());
    let mixed = open.output().unwrap().stdout;
    let opened: Vec<u8> = mixed.iter().zip(NONCE).map(|(one, other)| one ^ other).collect();
    assert_eq!(opened, b"s3cret\0");
}

#[tokio::test]
async fn without_tls_and_without_a_good_key_nothing_is_given() {
    let tiny = b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n".to_vec();
    for key in [Vec::new(), b"s".to_vec(), tiny] {
        let (target, served) = server(Login::Full { key }, None).await;
        assert_eq!(
            shown(&look(&target).await),
            "the server wants the password itself, and its RSA key cannot be used -> let it speak \
             TLS and write tls: {} for it"
        );
        let heard = served.await.unwrap();
        assert!(heard.password.is_none() && !has_secret(&heard.in_clear));
    }
}

/// A key that was not asked for, a plugin that sends the password as it is, bytes of nothing.
#[tokio::test]
async fn odd_servers_are_given_nothing() {
    let unasked = include_bytes!("../../src/datasource/mysql/test_key.pem");
    for (words, expected) in [
        ([&[1], &unasked[..]].concat(), "content: no MySQL answer"),
        (b"\xfemysql_clear_password\0".to_vec(), "the account logs in by mysql_clear_password"),
        (b"\xfe".to_vec(), "content: no MySQL answer"),
        (b"\x01".to_vec(), "content: no MySQL answer"),
        (b"\x01\x04\x04".to_vec(), "first byte: it closed the connection"),
    ] {
        let ours = Authority::new("ours");
        for (tls, options) in [(None, None), (Some(acceptor(&ours)), Some(trusting(&ours)))] {
            let is_secure = tls.is_some();
            let (target, served) = server(Login::Says(words.clone()), tls).await;
            let target = options.map_or(target.clone(), |o: TlsOptions| with_tls(&target, o));
            let seen = shown(&look(&target).await);
            // Under TLS a server that says so may have the password.
            let heard = served.await.unwrap();
            assert!(seen.contains(expected) || is_secure, "{expected}: {seen}");
            assert!(!has_secret(&heard.in_clear), "{expected}");
        }
    }
}
