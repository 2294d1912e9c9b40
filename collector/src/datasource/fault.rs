//! Why a look at a data source ended early, and what the other end looked like.
//!
//! A wrong port in a file is the commonest fault of all, and "unexpected byte 0x48" helps nobody.
//! So the first bytes of a wrong protocol are recognised and named.

use std::io;

use model::verdict::Phase;

use crate::blind::is_own_fault;
use crate::text::{clean, clean_bytes};

/// The longest piece of a server's own words that is repeated, in characters.
const MAX_WORDS: usize = 200;
/// How much of an unknown protocol is shown, in bytes.
const MAX_SHOWN_BYTES: usize = 80;
const TLS: &str = "TLS";

/// Why a look ended early. The three differ in whose fault it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// The server's: it does not answer, or wrongly, or refuses its users.
    #[error("{phase}: {hint}")]
    Down { phase: Phase, hint: String },
    /// The file's, or the grants': it answers, but not to us.
    #[error("{what}: {remedy}")]
    Misconfigured { what: String, remedy: String },
    /// Our own machine's.
    #[error("could not look: {reason}")]
    Blind { reason: String },
}

impl Fault {
    /// It answered, and said that it cannot serve. The server's words are cleaned here.
    pub(super) fn refuses(words: &str) -> Self {
        Self::Down { phase: Phase::Status, hint: clean(words, MAX_WORDS) }
    }

    /// It answered what no server of its kind says.
    pub(super) fn rubbish(hint: impl Into<String>) -> Self {
        Self::Down { phase: Phase::Content, hint: hint.into() }
    }

    /// Its first words were those of something else.
    pub(super) fn not_a(kind: &str, said: &[u8]) -> Self {
        let what = format!("no {kind} answer: {}", looks_like(said));
        if protocol_of(said) == Some(TLS) {
            let remedy = "if its port is for TLS: write tls: {} for it".to_owned();
            return Self::Misconfigured { what, remedy };
        }
        Self::rubbish(what)
    }

    /// The server's words are cleaned here; the remedy must hold none.
    pub(super) fn misconfigured(words: &str, remedy: impl Into<String>) -> Self {
        Self::Misconfigured { what: clean(words, MAX_WORDS), remedy: remedy.into() }
    }

    pub(super) fn from_io(phase: Phase, error: &io::Error, doing: &str) -> Self {
        if is_own_fault(error) {
            return Self::Blind { reason: error.to_string() };
        }
        Self::Down { phase, hint: format!("{error}, {doing}") }
    }
}

/// What an unexpected first answer looks like, in words.
pub(super) fn looks_like(said: &[u8]) -> String {
    let shown = clean_bytes(said, MAX_SHOWN_BYTES);
    match protocol_of(said) {
        Some(protocol) => format!("it looks like {protocol} ({shown})"),
        None if said.is_empty() => "it said nothing".to_owned(),
        None => format!("it said {shown:?}"),
    }
}

fn protocol_of(said: &[u8]) -> Option<&'static str> {
    const STARTS: &[(&[u8], &str)] = &[
        (b"HTTP/", "HTTP"),
        (b"<!DOCTYPE", "HTTP"),
        (b"<html", "HTTP"),
        (b"SSH-", "SSH"),
        (b"220 ", "SMTP or FTP"),
        (b"-ERR ", "Redis"),
        (b"-NOAUTH ", "Redis"),
        (b"-DENIED ", "Redis"),
        (b"+PONG", "Redis"),
        (b"ERROR\r\n", "Memcached"),
        (b"STAT ", "Memcached"),
        (b"VERSION ", "Memcached"),
        (b"\x15\x03", TLS),
        (b"\x16\x03", TLS),
        (b"R\0\0\0", "PostgreSQL"),
        (b"E\0\0\0", "PostgreSQL"),
    ];
    let by_start = STARTS.iter().find(|(start, _)| said.starts_with(start)).map(|(_, name)| *name);
    by_start.or_else(|| is_mysql_greeting(said).then_some("MySQL"))
}

/// Whether these bytes open a MySQL connection: packet number 0, then a greeting of protocol
/// version 10, or an error in its place.
pub(super) fn is_mysql_greeting(said: &[u8]) -> bool {
    matches!(said, [_, _, 0, 0, 10 | 0xff, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_protocol_is_called_by_its_name() {
        for (said, expected) in [
            (
                &b"HTTP/1.1 400 Bad Request\r\n\r\n"[..],
                "it looks like HTTP (HTTP/1.1 400 Bad Request)",
            ),
            (b"SSH-2.0-OpenSSH_9.2\r\n", "it looks like SSH (SSH-2.0-OpenSSH_9.2)"),
            (b"\x4a\0\0\0\x0a8.4.0\0", "it looks like MySQL (J 8.4.0)"),
            (b"\x15\x03\x01\0\x02\x02", "it looks like TLS ()"),
            (b"-ERR unknown command\r\n", "it looks like Redis (-ERR unknown command)"),
            (b"\x1b[31mhello", "it said \"[31mhello\""),
            (b"", "it said nothing"),
        ] {
            assert_eq!(looks_like(said), expected);
        }
    }

    #[test]
    fn a_port_for_tls_is_a_fault_of_the_file() {
        let fault = Fault::not_a("Redis", b"\x15\x03\x03\0\x02\x02\x46");
        assert_eq!(
            fault.to_string(),
            "no Redis answer: it looks like TLS (F): if its port is for TLS: write tls: {} for it"
        );
        assert!(matches!(Fault::not_a("Redis", b"SSH-2.0"), Fault::Down { .. }));
    }

    #[test]
    fn want_of_file_handles_is_our_own_fault() {
        let fault = Fault::from_io(Phase::Connect, &io::Error::from_raw_os_error(24), "connecting");
        assert!(matches!(fault, Fault::Blind { .. }), "{fault}");
        let fault =
            Fault::from_io(Phase::Connect, &io::Error::from_raw_os_error(111), "connecting");
        assert_eq!(fault.to_string(), "connect: Connection refused (os error 111), connecting");
    }
}
