//! Logs in to a MySQL or MariaDB server.
//!
//! Both usual plugins take a proof made from the server's nonce. Only when a `caching_sha2_password`
//! server does not know us yet does it need the password itself. Under TLS it gets it as it is;
//! without, never: it gets it under its RSA key. That key is the server's own word: who can stand in
//! for the server can then read the password, as with every client that uses no TLS. So the account
//! must be one for monitoring alone.
//!
//! The key is checked before it is used: big enough to hide something, small enough to cost nothing.

use mysql_common::crypto::rsa::{GetRandom, Pkcs1OaepPadding, PublicKey as RsaKey};
use mysql_common::num_bigint::BigUint;
use mysql_common::scramble::{scramble_native, scramble_sha256};
use x509_parser::pem::parse_x509_pem;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::super::DataSourceTarget;
use super::super::bytes::Reader;
use super::super::fault::Fault;
use super::packet::{END, ERROR, OK, Packets, Refused};
use super::{Server, refusal};

/// What is sent in one login at most, in packets.
const MAX_ROUNDS: usize = 8;
/// The longest password that one block of the smallest key can hold, in bytes.
const MAX_PASSWORD_BYTES: usize = 80;

const LONG_FLAG: u32 = 0x4;
const CONNECT_WITH_DB: u32 = 0x8;
const PROTOCOL_41: u32 = 0x200;
const TLS: u32 = 0x800;
const TRANSACTIONS: u32 = 0x2000;
const SECURE_CONNECTION: u32 = 0x8000;
const PLUGIN_AUTH: u32 = 0x8_0000;
/// utf8mb4, so that names come as they are.
const UTF8MB4: u8 = 45;
const MAX_PACKET_BYTES: u32 = 1 << 20;

const NATIVE: &str = "mysql_native_password";
const CACHING_SHA2: &str = "caching_sha2_password";

/// `caching_sha2_password`, server: it knows us already; it needs the password itself.
const KNOWN: u8 = 3;
const NEEDS_PASSWORD: u8 = 4;
/// `caching_sha2_password`, client: send your key.
const SEND_KEY: u8 = 2;
const MORE: u8 = 1;

/// What the server says first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Greeting {
    pub(super) server: Server,
    nonce: Vec<u8>,
    plugin: String,
    speaks_tls: bool,
}

/// Reads the greeting, begins TLS where the file wants it, and logs in.
pub(super) async fn log_in(
    mut packets: Packets,
    target: &DataSourceTarget,
) -> Result<(Packets, Server), Fault> {
    let packet = packets.greeting().await?;
    if packet[0] == ERROR {
        return Err(refusal(&Refused::read(&packet), target, &Server::default()));
    }
    let greeting = Greeting::read(&packet).ok_or_else(|| Fault::not_a("MySQL", &packet))?;
    if packets.wants_tls() {
        if !greeting.speaks_tls {
            let remedy = "give the server ssl_cert and ssl_key; or remove tls from the file";
            return Err(Fault::misconfigured("the server does not speak TLS", remedy));
        }
        packets.send(&head(target), "asking for TLS").await?;
        packets = packets.secure().await?;
    }
    let server = prove(&mut packets, target, greeting).await?;
    Ok((packets, server))
}

/// Proves that we know the password, in the way that the server asks for.
async fn prove(
    packets: &mut Packets,
    target: &DataSourceTarget,
    greeting: Greeting,
) -> Result<Server, Fault> {
    let Greeting { server, mut nonce, mut plugin, .. } = greeting;
    packets.send(&response(target, &plugin, &nonce), "logging in").await?;
    let mut has_asked_for_key = false;
    for _ in 0..MAX_ROUNDS {
        let packet = packets.receive().await?;
        match packet[0] {
            OK => return Ok(server),
            ERROR => return Err(refusal(&Refused::read(&packet), target, &server)),
            END => {
                (plugin, nonce) =
                    switched(&packet).ok_or_else(|| Fault::not_a("MySQL", &packet))?;
                let proof = proof(&plugin, &nonce, target.password());
                let proof = proof.ok_or_else(|| unknown_plugin(&plugin, target))?;
                packets.send(&proof, "logging in").await?;
            }
            MORE => match packet.get(1) {
                Some(&KNOWN) => {}
                Some(&NEEDS_PASSWORD) if packets.is_secure() => {
                    packets.send(&ended(target.password()), "logging in").await?;
                }
                Some(&NEEDS_PASSWORD) => {
                    has_asked_for_key = true;
                    packets.send(&[SEND_KEY], "logging in").await?;
                }
                _ if has_asked_for_key => {
                    let sealed = seal(&packet[1..], target.password(), &nonce)?;
                    packets.send(&sealed, "logging in").await?;
                }
                _ => return Err(Fault::not_a("MySQL", &packet)),
            },
            _ => return Err(Fault::not_a("MySQL", &packet)),
        }
    }
    Err(Fault::rubbish("its login never ends"))
}

impl Greeting {
    fn read(packet: &[u8]) -> Option<Self> {
        let mut reader = Reader(packet);
        let [10] = reader.array()? else { return None };
        let server = Server::of(&String::from_utf8_lossy(reader.text()?));
        reader.take(4)?; // The number of the connection.
        let mut nonce = reader.take(8)?.to_vec();
        reader.byte()?; // A filler.
        let abilities = u32::from(u16::from_le_bytes(reader.array()?));
        reader.take(1 + 2 + 2)?; // Character set, status, further abilities.
        let length = usize::from(reader.byte()?);
        reader.take(10)?;
        // The rest of the nonce: at least 13 bytes of which the last is a NUL.
        let rest = reader.take(length.saturating_sub(8).max(13))?;
        nonce.extend_from_slice(rest.split_last()?.1);
        let plugin = reader.text().unwrap_or(reader.0);
        let plugin = match plugin {
            b"" => NATIVE.to_owned(),
            named => String::from_utf8_lossy(named).into_owned(),
        };
        Some(Self { server, nonce, plugin, speaks_tls: abilities & TLS != 0 })
    }
}

/// Our answer to the greeting. To a plugin that we do not know we answer as to the usual one; the
/// server then names what the account really needs.
fn response(target: &DataSourceTarget, plugin: &str, nonce: &[u8]) -> Vec<u8> {
    let (plugin, proof) = match proof(plugin, nonce, target.password()) {
        Some(proof) => (plugin, proof),
        None => (NATIVE, proof(NATIVE, nonce, target.password()).unwrap_or_default()),
    };
    let mut packet = head(target);
    push_text(&mut packet, target.user());
    packet.push(u8::try_from(proof.len()).expect("a proof is a hash"));
    packet.extend_from_slice(&proof);
    if let Some(database) = database(target) {
        push_text(&mut packet, database);
    }
    push_text(&mut packet, plugin);
    packet
}

/// How our answer begins. Alone it asks for TLS, which the rest then follows under.
fn head(target: &DataSourceTarget) -> Vec<u8> {
    let mut abilities = LONG_FLAG | PROTOCOL_41 | TRANSACTIONS | SECURE_CONNECTION | PLUGIN_AUTH;
    if database(target).is_some() {
        abilities |= CONNECT_WITH_DB;
    }
    if target.tls.is_some() {
        abilities |= TLS;
    }
    let mut packet = abilities.to_le_bytes().to_vec();
    packet.extend_from_slice(&MAX_PACKET_BYTES.to_le_bytes());
    packet.push(UTF8MB4);
    packet.extend_from_slice(&[0; 23]);
    packet
}

fn database(target: &DataSourceTarget) -> Option<&str> {
    target.database.as_deref().filter(|name| !name.is_empty())
}

fn push_text(packet: &mut Vec<u8>, text: &str) {
    packet.extend(text.bytes().filter(|byte| *byte != 0));
    packet.push(0);
}

/// The server wants another plugin: its name and a new nonce.
fn switched(packet: &[u8]) -> Option<(String, Vec<u8>)> {
    let mut reader = Reader(packet.get(1..)?);
    let plugin = String::from_utf8_lossy(reader.text()?).into_owned();
    let nonce = reader.0.strip_suffix(b"\0").unwrap_or(reader.0).to_vec();
    Some((plugin, nonce))
}

/// Proves that we know the password; nothing for an empty one. None if the plugin is not known, as
/// is `mysql_clear_password`, which would give the password to anyone.
fn proof(plugin: &str, nonce: &[u8], password: &str) -> Option<Vec<u8>> {
    let password = password.as_bytes();
    match plugin {
        NATIVE => Some(scramble_native(nonce, password).map(Vec::from).unwrap_or_default()),
        CACHING_SHA2 => Some(scramble_sha256(nonce, password).map(Vec::from).unwrap_or_default()),
        _ => None,
    }
}

fn unknown_plugin(plugin: &str, target: &DataSourceTarget) -> Fault {
    let account = super::account(None, target);
    Fault::misconfigured(
        &format!("the account logs in by {plugin}, which is not supported here"),
        format!(
            "MySQL: ALTER USER {account} IDENTIFIED WITH {CACHING_SHA2} BY 'PASSWORD'; \
             MariaDB: ALTER USER {account} IDENTIFIED VIA {NATIVE} USING PASSWORD('PASSWORD');"
        ),
    )
}

/// The password under the server's key, mixed with the nonce so that it cannot be sent again.
fn seal(pem: &[u8], password: &str, nonce: &[u8]) -> Result<Vec<u8>, Fault> {
    let key = public_key(pem).ok_or_else(|| {
        let what = "the server wants the password itself, and its RSA key cannot be used";
        Fault::misconfigured(what, "let it speak TLS and write tls: {} for it")
    })?;
    if nonce.is_empty() {
        return Err(Fault::rubbish("its nonce is empty"));
    }
    if password.len() > MAX_PASSWORD_BYTES {
        let remedy = format!("choose one of at most {MAX_PASSWORD_BYTES} bytes");
        return Err(Fault::misconfigured("the password is too long", remedy));
    }
    let ended = ended(password);
    let mixed: Vec<u8> =
        ended.iter().zip(nonce.iter().cycle()).map(|(one, other)| one ^ other).collect();
    Ok(key.encrypt_block(&mixed, Pkcs1OaepPadding::new(GetRandom)))
}

/// A password as the server wants to read it.
fn ended(password: &str) -> Vec<u8> {
    password.bytes().chain([0]).collect()
}

/// A key of 1,024 to 8,192 bits with a small odd exponent; anything else is a trap or a mistake.
fn public_key(pem: &[u8]) -> Option<RsaKey> {
    let (_, pem) = parse_x509_pem(pem).ok()?;
    let (_, info) = SubjectPublicKeyInfo::from_der(&pem.contents).ok()?;
    let PublicKey::RSA(rsa) = info.parsed().ok()? else { return None };
    let exponent = rsa.try_exponent().ok().filter(|exponent| *exponent <= u64::from(u32::MAX))?;
    let modulus = BigUint::from_bytes_be(rsa.modulus);
    let fit = (1_024..=8_192).contains(&modulus.bits()) && modulus.bit(0) && exponent >= 3;
    fit.then(|| RsaKey::new(modulus, BigUint::from(exponent)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Of 1,024 bits, made for this test.
    const KEY: &str = include_str!("test_key.pem");
    const MODULUS: &str = include_str!("test_key.modulus");
    const PRIVATE_EXPONENT: &str = include_str!("test_key.private");

    fn number(hex: &str) -> BigUint {
        BigUint::parse_bytes(hex.trim().as_bytes(), 16).unwrap()
    }

    /// What is under a seal, with the padding that surrounds it.
    fn opened(sealed: &[u8]) -> Vec<u8> {
        BigUint::from_bytes_be(sealed)
            .modpow(&number(PRIVATE_EXPONENT), &number(MODULUS))
            .to_bytes_be()
    }

    #[test]
    fn a_password_is_sealed_for_the_owner_of_the_key() {
        let nonce = b"12345678901234567890";
        let sealed = seal(KEY.as_bytes(), "s3cret", nonce).unwrap();
        assert_eq!((sealed.len(), opened(&sealed).len()), (128, 127));
        // The padding is random, so that equal passwords do not look equal.
        assert_ne!(sealed, seal(KEY.as_bytes(), "s3cret", nonce).unwrap());
        assert!(matches!(
            seal(KEY.as_bytes(), &"x".repeat(81), nonce),
            Err(Fault::Misconfigured { .. })
        ));
        assert!(seal(KEY.as_bytes(), &"x".repeat(80), nonce).is_ok());
        assert!(seal(KEY.as_bytes(), "s3cret", b"").is_err());
    }

    #[test]
    fn a_key_that_is_none_is_refused() {
        let cut = &KEY[..KEY.len() / 2];
        let empty = "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n";
        for odd in ["", "x", cut, empty, "-----BEGIN PUBLIC KEY-----"] {
            assert!(public_key(odd.as_bytes()).is_none(), "{odd}");
        }
    }

    #[test]
    fn proofs_are_those_of_the_servers() {
        let nonce: Vec<u8> = (0..20).collect();
        assert_eq!(proof(NATIVE, &nonce, "").unwrap(), b"");
        assert_eq!(proof(NATIVE, &nonce, "s3cret").unwrap().len(), 20);
        assert_eq!(proof(CACHING_SHA2, &nonce, "s3cret").unwrap().len(), 32);
        assert_eq!(proof("mysql_clear_password", &nonce, "s3cret"), None);
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            Greeting::read(&bytes);
            switched(&bytes);
            prop_assert!(public_key(&bytes).is_none());
        }

        #[test]
        fn a_key_with_a_wrong_byte_is_used_or_refused(at: usize, byte: u8) {
            let mut key = KEY.as_bytes().to_vec();
            let at = at % key.len();
            key[at] = byte;
            drop(seal(&key, "s3cret", b"12345678901234567890"));
        }
    }
}
