//! As much of PostgreSQL's protocol as a look needs: the login, and simple queries.
//!
//! The password is proved by SCRAM or MD5; a server that asks for it in clear text does not get it.

use bytes::Bytes;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, SCRAM_SHA_256, ScramSha256};

use super::super::DataSourceTarget;
use super::super::bytes::Reader;
use super::super::fault::Fault;
use super::super::wire::Wire;

/// The most rows of one answer.
const MAX_ROWS: usize = 10_000;
/// How many messages a login has at most.
const MAX_LOGIN_MESSAGES: usize = 200;

const PROTOCOL_3_0: u32 = 196_608;
const SSL_REQUEST: u32 = 80_877_103;

/// Kinds of a login's `R` message.
const LOGGED_IN: u32 = 0;
const WANTS_CLEAR_TEXT: u32 = 3;
const WANTS_MD5: u32 = 5;
const WANTS_SASL: u32 = 10;
const SASL_CONTINUE: u32 = 11;
const SASL_FINAL: u32 = 12;

/// A value as text; None is NULL.
pub(super) type Value = Option<String>;

/// The answer to one query.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) columns: Vec<String>,
    /// Each as long as `columns`.
    pub(super) rows: Vec<Vec<Value>>,
}

/// An error that the server told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refused {
    /// The SQL state, five characters.
    pub(super) code: String,
    pub(super) words: String,
    /// It ends the connection.
    pub(super) is_fatal: bool,
}

/// Messages to and fro.
#[derive(Debug)]
pub(super) struct Messages {
    wire: Wire,
}

impl Rows {
    /// The value of a column in one row; None if there is no such column or it is NULL.
    pub(super) fn get<'a>(&self, row: &'a [Value], name: &str) -> Option<&'a str> {
        row.get(self.columns.iter().position(|column| column == name)?)?.as_deref()
    }
}

impl Messages {
    /// Asks for TLS, where the file wants it.
    pub(super) async fn begin(mut wire: Wire) -> Result<Self, Fault> {
        if !wire.wants_tls() {
            return Ok(Self { wire });
        }
        wire.send(&counted(&SSL_REQUEST.to_be_bytes()), "asking whether it speaks TLS").await?;
        match wire.peek(1).await?[0] {
            b'S' => {
                wire.block(1).await?;
                Ok(Self { wire: wire.secure().await? })
            }
            b'N' => Err(Fault::misconfigured(
                "the server does not speak TLS",
                "in postgresql.conf: ssl = on; or remove tls from the file",
            )),
            b'E' => {
                let (_, body) = Self { wire }.receive().await?;
                Err(Fault::refuses(&Refused::read(&body).words))
            }
            _ => Err(Fault::not_a("PostgreSQL", wire.peek(1).await?)),
        }
    }

    /// Logs in; `refusal` says what it means if the server refuses.
    pub(super) async fn log_in(
        &mut self,
        target: &DataSourceTarget,
        database: &str,
        refusal: impl Fn(&Refused) -> Fault,
    ) -> Result<(), Fault> {
        self.wire.send(&startup(target.user(), database), "waiting for its greeting").await?;
        let said = self.wire.peek(5).await?;
        if !matches!(said[0], b'R' | b'E' | b'N' | b'v') || !is_sane_length(&said[1..5]) {
            return Err(Fault::not_a("PostgreSQL", said));
        }
        let mut scram = None;
        for _ in 0..MAX_LOGIN_MESSAGES {
            let (tag, body) = self.receive().await?;
            match tag {
                b'R' => self.authenticate(&body, target, &mut scram).await?,
                b'E' => return Err(refusal(&Refused::read(&body))),
                b'Z' => return Ok(()),
                // Notices, parameters, the key for cancelling, the versions it knows.
                b'N' | b'S' | b'K' | b'v' => {}
                _ => return Err(Fault::not_a("PostgreSQL", &body)),
            }
        }
        Err(Fault::rubbish("its login never ends"))
    }

    async fn authenticate(
        &mut self,
        body: &[u8],
        target: &DataSourceTarget,
        scram: &mut Option<ScramSha256>,
    ) -> Result<(), Fault> {
        let mut reader = Reader(body);
        let kind = reader.array().map(u32::from_be_bytes);
        let answer = match (kind, scram.as_mut()) {
            (Some(LOGGED_IN), _) => return Ok(()),
            (Some(WANTS_MD5), _) => {
                let salt = reader.array().ok_or_else(|| Fault::not_a("PostgreSQL", body))?;
                let hash = md5_hash(target.user().as_bytes(), target.password().as_bytes(), salt);
                let mut text = hash.into_bytes();
                text.push(0);
                text
            }
            (Some(WANTS_SASL), _) => {
                offered(reader)?;
                let proof =
                    ScramSha256::new(target.password().as_bytes(), ChannelBinding::unsupported());
                let first = sasl_initial(proof.message());
                *scram = Some(proof);
                first
            }
            (Some(SASL_CONTINUE), Some(proof)) => {
                proof.update(reader.0).map_err(|error| scram_fault(&error))?;
                proof.message().to_vec()
            }
            (Some(SASL_FINAL), Some(proof)) => {
                return proof.finish(reader.0).map_err(|error| scram_fault(&error));
            }
            (Some(WANTS_CLEAR_TEXT), _) => return Err(unsupported("the password in clear text")),
            (Some(2 | 7 | 8 | 9), _) => return Err(unsupported("a Kerberos or Windows login")),
            _ => return Err(Fault::not_a("PostgreSQL", body)),
        };
        self.wire.send(&message(b'p', &answer), "logging in").await
    }

    /// Asks; the answer may be that of several statements, of which one has rows. The outer error
    /// is the connection's, the inner one the statements'.
    pub(super) async fn query(
        &mut self,
        statements: &str,
        doing: &'static str,
    ) -> Result<Result<Rows, Refused>, Fault> {
        let mut text = statements.as_bytes().to_vec();
        text.push(0);
        self.wire.send(&message(b'Q', &text), doing).await?;
        let (mut rows, mut refused) = (Rows::default(), None);
        loop {
            let (tag, body) = self.receive().await?;
            let rubbish = || Fault::not_a("PostgreSQL", &body);
            match tag {
                b'T' => rows.columns = columns(&body).ok_or_else(rubbish)?,
                b'D' if rows.rows.len() >= MAX_ROWS => {
                    return Err(self.wire.down(format!("more than {MAX_ROWS} rows")));
                }
                b'D' => rows.rows.push(row(&body, rows.columns.len()).ok_or_else(rubbish)?),
                b'E' => {
                    let told = Refused::read(&body);
                    if told.is_fatal {
                        return Err(Fault::refuses(&told.words));
                    }
                    refused = Some(told);
                }
                b'Z' => return Ok(refused.map_or(Ok(rows), Err)),
                b'C' | b'I' | b'N' | b'S' | b'A' => {}
                _ => return Err(rubbish()),
            }
        }
    }

    async fn receive(&mut self) -> Result<(u8, Bytes), Fault> {
        let head = self.wire.block(5).await?;
        let (tag, length) = (head[0], [head[1], head[2], head[3], head[4]]);
        let length = u32::from_be_bytes(length).checked_sub(4);
        let length = length.ok_or_else(|| Fault::not_a("PostgreSQL", &head))?;
        Ok((tag, self.wire.block(length as usize).await?))
    }
}

impl Refused {
    /// Reads the body of an `E` message: fields of a letter and a text.
    pub(super) fn read(body: &[u8]) -> Self {
        let mut refused = Self::default();
        let mut reader = Reader(body);
        while let Some(field) = reader.byte().filter(|field| *field != 0) {
            let Some(text) = reader.text() else { break };
            let text = String::from_utf8_lossy(text).into_owned();
            match field {
                b'V' => refused.is_fatal = text == "FATAL" || text == "PANIC",
                b'C' => refused.code = text,
                b'M' => refused.words = text,
                _ => {}
            }
        }
        refused
    }
}

/// Whether a message's length can be that of a first answer; text taken for a length cannot.
fn is_sane_length(length: &[u8]) -> bool {
    matches!(length, [0, 0, ..])
}

fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = PROTOCOL_3_0.to_be_bytes().to_vec();
    for (name, value) in [
        ("user", user),
        ("database", database),
        ("application_name", "cloudbrain"),
        ("client_encoding", "UTF8"),
    ] {
        for text in [name, value] {
            body.extend(text.bytes().filter(|byte| *byte != 0));
            body.push(0);
        }
    }
    body.push(0);
    counted(&body)
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut message = vec![tag];
    message.extend(counted(body));
    message
}

/// A body behind its length, which counts itself.
fn counted(body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(body.len() + 4).expect("we write short messages");
    let mut counted = length.to_be_bytes().to_vec();
    counted.extend_from_slice(body);
    counted
}

fn sasl_initial(first: &[u8]) -> Vec<u8> {
    let mut body = SCRAM_SHA_256.as_bytes().to_vec();
    body.push(0);
    body.extend(u32::try_from(first.len()).expect("a first message is short").to_be_bytes());
    body.extend_from_slice(first);
    body
}

/// Of the ways to log in that the server offers, one must be ours.
fn offered(mut mechanisms: Reader<'_>) -> Result<(), Fault> {
    while let Some(mechanism) = mechanisms.text().filter(|name| !name.is_empty()) {
        if mechanism == SCRAM_SHA_256.as_bytes() {
            return Ok(());
        }
    }
    Err(unsupported("a login other than SCRAM-SHA-256"))
}

fn unsupported(what: &str) -> Fault {
    let remedy = "in pg_hba.conf: let this account log in by scram-sha-256";
    Fault::misconfigured(&format!("the server asks for {what}, which it does not get"), remedy)
}

fn scram_fault(error: &std::io::Error) -> Fault {
    Fault::refuses(&format!("its SCRAM proof is wrong: {error}"))
}

fn columns(body: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader(body);
    let count = u16::from_be_bytes(reader.array()?);
    (0..count)
        .map(|_| {
            let name = String::from_utf8_lossy(reader.text()?).into_owned();
            reader.take(18)?; // Where it comes from, its type, its form.
            Some(name)
        })
        .collect()
}

fn row(body: &[u8], columns: usize) -> Option<Vec<Value>> {
    let mut reader = Reader(body);
    let count = usize::from(u16::from_be_bytes(reader.array()?));
    if count != columns {
        return None;
    }
    (0..count)
        .map(|_| match i32::from_be_bytes(reader.array()?) {
            -1 => Some(None),
            length => {
                let text = reader.take(usize::try_from(length).ok()?)?;
                Some(Some(String::from_utf8_lossy(text).into_owned()))
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_bodies_are_refused_and_not_believed() {
        for odd in [
            &b""[..],
            b"\0",
            b"\0\x01",                    // One value announced, none there.
            b"\0\x02\0\0\0\x01a",         // Fewer than announced.
            b"\0\x01\x7f\xff\xff\xffabc", // Two gigabytes announced.
            b"\0\x01\xff\xff\xff\xfeabc", // A negative length that is no NULL.
            b"\xff\xff",
        ] {
            assert_eq!(row(odd, 1), None, "{odd:?}");
        }
        assert_eq!(
            row(b"\0\x02\0\0\0\x01a\xff\xff\xff\xff", 2),
            Some(vec![Some("a".into()), None])
        );
        assert_eq!(columns(b"\0\x01name\0short"), None);
        assert_eq!(Refused::read(b"C"), Refused::default());
        let refused = Refused::read(b"SFATAL\0VFATAL\0C53300\0Msorry\0\0");
        assert!(refused.is_fatal && refused.code == "53300" && refused.words == "sorry");
    }

    #[test]
    fn only_a_login_that_hides_the_password_is_answered() {
        assert!(offered(Reader(b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0")).is_ok());
        assert!(offered(Reader(b"SCRAM-SHA-256-PLUS\0\0")).is_err());
        assert!(offered(Reader(b"")).is_err());
    }

    fn encoded(values: &[Value]) -> Vec<u8> {
        let mut body = (values.len() as u16).to_be_bytes().to_vec();
        for value in values {
            let length = value.as_ref().map_or(-1, |text| text.len() as i32);
            body.extend(length.to_be_bytes());
            body.extend(value.iter().flat_map(|text| text.bytes()));
        }
        body
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200), count in 0..9_usize) {
            let read = row(&bytes, count);
            prop_assert!(read.is_none_or(|row| row.iter().flatten().map(String::len).sum::<usize>() <= 3 * bytes.len()));
            columns(&bytes);
            Refused::read(&bytes);
        }

        #[test]
        fn a_row_comes_back_as_it_was(values in prop::collection::vec(prop::option::of(".{0,20}"), 0..9)) {
            prop_assert_eq!(row(&encoded(&values), values.len()), Some(values));
        }

        #[test]
        fn a_row_with_a_wrong_byte_is_read_or_refused(at in 0_usize..40, byte: u8) {
            let mut body = encoded(&vec![Some("value".to_owned()); 4]);
            let at = at % body.len();
            body[at] = byte;
            prop_assert!(row(&body, 4).is_none_or(|row| row.len() == 4));
        }
    }
}
