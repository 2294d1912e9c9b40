//! As much of MySQL's protocol as a look needs: packets, statements, rows of text.
//!
//! An answer is taken apart as it arrives. Columns and rows are counted as they come, so that an
//! announcement of four billion of them costs nothing.

use bytes::Bytes;

use super::super::bytes::Reader;
use super::super::fault::{Fault, is_mysql_greeting};
use super::super::wire::Wire;

/// The most columns and rows of one answer.
const MAX_COLUMNS: usize = 512;
const MAX_ROWS: usize = 10_000;

const COM_QUERY: u8 = 3;
const COM_PING: u8 = 14;

pub(super) const OK: u8 = 0;
pub(super) const ERROR: u8 = 0xff;
pub(super) const END: u8 = 0xfe;

/// A value as text; None is NULL.
pub(super) type Value = Option<String>;

/// The answer to one statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) columns: Vec<String>,
    /// Each as long as `columns`.
    pub(super) rows: Vec<Vec<Value>>,
}

/// An error that the server told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub(super) code: u16,
    pub(super) words: String,
}

/// Packets to and fro.
#[derive(Debug)]
pub(super) struct Packets {
    wire: Wire,
    sequence: u8,
}

impl Rows {
    /// The value of a column of this name in one row; None if there is no such column or it is
    /// NULL.
    pub(super) fn get<'a>(&self, row: &'a [Value], name: &str) -> Option<&'a str> {
        let at = self.columns.iter().position(|column| column.eq_ignore_ascii_case(name))?;
        row.get(at)?.as_deref()
    }
}

impl Packets {
    pub(super) fn new(wire: Wire) -> Self {
        Self { wire, sequence: 0 }
    }

    pub(super) fn wants_tls(&self) -> bool {
        self.wire.wants_tls()
    }

    pub(super) fn is_secure(&self) -> bool {
        self.wire.is_secure()
    }

    /// Goes on under TLS, amid the same exchange.
    pub(super) async fn secure(self) -> Result<Self, Fault> {
        // The request for it was ours, and has a number of its own.
        let sequence = self.sequence.wrapping_add(1);
        Ok(Self { wire: self.wire.secure().await?, sequence })
    }

    /// The packet that the server sends unasked.
    pub(super) async fn greeting(&mut self) -> Result<Bytes, Fault> {
        self.wire.listen("waiting for its greeting (is this a MySQL port?)");
        let said = self.wire.peek(5).await?;
        if !is_mysql_greeting(said) {
            return Err(Fault::not_a("MySQL", said));
        }
        self.receive().await
    }

    /// Sends a packet as the next of an exchange.
    pub(super) async fn send(&mut self, payload: &[u8], doing: &'static str) -> Result<(), Fault> {
        let length = u32::try_from(payload.len()).expect("we write short packets");
        let [low, middle, high, _] = length.to_le_bytes();
        let mut packet = vec![low, middle, high, self.sequence];
        packet.extend_from_slice(payload);
        self.wire.send(&packet, doing).await
    }

    /// The next packet; never empty.
    pub(super) async fn receive(&mut self) -> Result<Bytes, Fault> {
        let header = self.wire.block(4).await?;
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        self.sequence = header[3].wrapping_add(1);
        let packet = self.wire.block(length as usize).await?;
        if packet.is_empty() { Err(self.wire.down("an empty packet")) } else { Ok(packet) }
    }

    pub(super) async fn ping(&mut self) -> Result<(), Fault> {
        self.sequence = 0;
        self.send(&[COM_PING], "waiting for the answer to a ping").await?;
        let answer = self.receive().await?;
        match answer[0] {
            OK => Ok(()),
            ERROR => Err(Fault::refuses(&Refused::read(&answer).words)),
            _ => Err(Fault::not_a("MySQL", &answer)),
        }
    }

    /// Asks one statement. The outer error is the connection's, the inner one the statement's.
    pub(super) async fn query(
        &mut self,
        statement: &str,
        doing: &'static str,
    ) -> Result<Result<Rows, Refused>, Fault> {
        self.sequence = 0;
        let mut question = vec![COM_QUERY];
        question.extend_from_slice(statement.as_bytes());
        self.send(&question, doing).await?;
        let head = self.receive().await?;
        match head[0] {
            ERROR => return Ok(Err(Refused::read(&head))),
            OK => return Ok(Ok(Rows::default())),
            _ => {}
        }
        let count = lenenc(&mut Reader(&head)).filter(|count| *count <= MAX_COLUMNS as u64);
        let count = count.ok_or_else(|| Fault::not_a("MySQL", &head))?;
        let mut rows = Rows::default();
        for _ in 0..count {
            let definition = self.receive().await?;
            let name =
                column_name(&definition).ok_or_else(|| Fault::not_a("MySQL", &definition))?;
            rows.columns.push(name);
        }
        self.receive().await?; // Marks the end of the columns.
        self.rows(rows).await
    }

    async fn rows(&mut self, mut rows: Rows) -> Result<Result<Rows, Refused>, Fault> {
        loop {
            let packet = self.receive().await?;
            match packet[0] {
                END if packet.len() < 9 => return Ok(Ok(rows)),
                ERROR => return Ok(Err(Refused::read(&packet))),
                _ if rows.rows.len() >= MAX_ROWS => {
                    return Err(self.wire.down(format!("more than {MAX_ROWS} rows")));
                }
                _ => {}
            }
            let row = row(&packet, rows.columns.len());
            rows.rows.push(row.ok_or_else(|| Fault::not_a("MySQL", &packet))?);
        }
    }
}

impl Refused {
    /// Reads a packet that starts with [`ERROR`].
    pub(super) fn read(packet: &[u8]) -> Self {
        let mut reader = Reader(packet.get(1..).unwrap_or_default());
        let code = reader.array().map(u16::from_le_bytes).unwrap_or_default();
        if reader.0.first() == Some(&b'#') {
            reader.take(6); // The SQL state, which says less than the code.
        }
        Self { code, words: String::from_utf8_lossy(reader.0).into_owned() }
    }
}

/// A number of variable length; None for NULL, too.
fn lenenc(reader: &mut Reader<'_>) -> Option<u64> {
    let wide = match reader.byte()? {
        small @ 0..=0xfa => return Some(u64::from(small)),
        0xfc => 2,
        0xfd => 3,
        0xfe => 8,
        _ => return None,
    };
    let mut bytes = [0; 8];
    bytes[..wide].copy_from_slice(reader.take(wide)?);
    Some(u64::from_le_bytes(bytes))
}

fn text(reader: &mut Reader<'_>) -> Option<String> {
    let length = usize::try_from(lenenc(reader)?).ok()?;
    Some(String::from_utf8_lossy(reader.take(length)?).into_owned())
}

/// The fifth text of a column's definition: after catalog, schema, table, original table.
fn column_name(definition: &[u8]) -> Option<String> {
    let mut reader = Reader(definition);
    (0..5).map(|_| text(&mut reader)).last()?
}

fn row(packet: &[u8], columns: usize) -> Option<Vec<Value>> {
    const NULL: u8 = 0xfb;
    let mut reader = Reader(packet);
    let mut row = Vec::with_capacity(columns);
    for _ in 0..columns {
        if reader.0.first() == Some(&NULL) {
            reader.byte();
            row.push(None);
        } else {
            row.push(Some(text(&mut reader)?));
        }
    }
    Some(row)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_packets_are_refused_and_not_believed() {
        for odd in [&b""[..], b"\xfc", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff", b"\xfb", b"\x05abc"]
        {
            assert_eq!(text(&mut Reader(odd)), None, "{odd:?}");
        }
        assert_eq!(row(b"\x01a\xfb\x00", 3), Some(vec![Some("a".into()), None, Some("".into())]));
        assert_eq!(row(b"\x01a", 2), None);
        let refused = Refused::read(b"\xff\x15\x04#28000Access denied");
        assert_eq!(refused, Refused { code: 1045, words: "Access denied".to_owned() });
        let early = Refused::read(b"\xff\x10\x04Too many connections");
        assert_eq!(early, Refused { code: 1040, words: "Too many connections".to_owned() });
        assert_eq!(Refused::read(b"\xff").code, 0);
    }

    fn encoded(values: &[Value]) -> Vec<u8> {
        let mut packet = Vec::new();
        for value in values {
            match value {
                None => packet.push(0xfb),
                Some(text) => {
                    packet.push(0xfd);
                    packet.extend_from_slice(&(text.len() as u32).to_le_bytes()[..3]);
                    packet.extend_from_slice(text.as_bytes());
                }
            }
        }
        packet
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let read = row(&bytes, 7);
            prop_assert!(read.is_none_or(|row| row.iter().flatten().map(String::len).sum::<usize>() <= 3 * bytes.len()));
            column_name(&bytes);
            Refused::read(&bytes);
        }

        #[test]
        fn a_row_comes_back_as_it_was(values in prop::collection::vec(prop::option::of(".{0,20}"), 0..9)) {
            prop_assert_eq!(row(&encoded(&values), values.len()), Some(values));
        }

        #[test]
        fn a_row_with_a_wrong_byte_is_read_or_refused(at in 0_usize..40, byte: u8) {
            let mut packet = encoded(&vec![Some("value".to_owned()); 4]);
            let at = at % packet.len();
            packet[at] = byte;
            prop_assert!(row(&packet, 4).is_none_or(|row| row.len() == 4));
        }
    }
}
