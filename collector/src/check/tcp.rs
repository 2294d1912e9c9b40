//! Does a port take connections, and does it say what it should?
//!
//! What is heard is kept while the look goes on, so that one that ends in silence can tell what the
//! other end did say.

use model::verdict::Phase;

use super::condition::{Pattern, Unmet};
use super::spec::{Address, Common, Problem, Text, TlsOptions, check_kind};
use super::{Ground, Judging, Kind, Readings};
use crate::probe::exchange::{Stream, Way, open, send};
use crate::probe::failure::{Failure, Trace};

/// How much of an answer is read, in bytes.
const MAX_HEARD_BYTES: usize = 8 * 1024;
const READ_BYTES: usize = 4096;

check_kind! {
    /// A port takes connections.
    TcpCheck {
        address: Address,
        /// Sent once connected; may hold `${env:NAME}` or `${file:PATH}`.
        send: Option<Text>,
        /// Sent once connected: bytes as hexadecimal digits, `0a 0b`.
        send_hex: Option<Hex>,
        /// A regular expression that must match what comes back. Bytes that are no text are written
        /// as `(?-u)\xff`.
        expect: Option<Pattern>,
        /// Speaks TLS; `{}` asks for a certificate that this machine trusts.
        tls: Option<TlsOptions>,
    }
}

/// Bytes, written as hexadecimal digits; spaces may stand between them.
#[derive(
    Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(try_from = "String", into = "String")]
pub struct Hex(Vec<u8>);

/// A text that is no [`Hex`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} are no hexadecimal digits, two a byte; write for example \"0a 0b ff\"")]
pub struct HexError(String);

impl Kind for TcpCheck {
    fn word(&self) -> &'static str {
        "tcp"
    }

    fn common(&self) -> Common<'_> {
        self.common()
    }

    fn destination(&self) -> String {
        self.address.to_string()
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems: Vec<Problem> = self.tls.iter().flat_map(|tls| tls.problems()).collect();
        problems.extend(self.send.as_ref().and_then(|text| text.problem("send")));
        if self.send.is_some() && self.send_hex.is_some() {
            let message = "send is there, too; keep one of them";
            problems.push(Problem::error("send_hex", message));
        }
        problems
    }

    fn texts(&mut self) -> Vec<(String, &mut Text)> {
        let ca = self.tls.as_mut().and_then(|tls| tls.ca.as_mut());
        let named = [("send", self.send.as_mut()), ("tls.ca", ca)];
        named.into_iter().filter_map(|(field, text)| Some((field.to_owned(), text?))).collect()
    }

    fn look<'a, 'c: 'a>(
        &'a self,
        ground: &'a Ground,
        trace: &'a mut Trace<'c>,
        readings: &'a mut Readings,
    ) -> Judging<'a> {
        Box::pin(async move {
            let mut unmet = Unmet::default();
            let tls =
                self.tls.as_ref().map(|tls| ground.tls(tls, &self.address.host)).transpose()?;
            let place = ground.place(&self.address.host, self.address.port, self.family);
            let way = Way { place, tls: tls.as_ref(), within: self.timeout.0 };
            let mut stream = open(way, ground.names(), trace).await?;
            if let Some(tls) = &self.tls {
                tls.judge(trace, &mut unmet);
            }
            let text = self.send.as_ref().map(|text| text.reveal().as_bytes());
            if let Some(bytes) = text.or(self.send_hex.as_ref().map(|hex| &*hex.0)) {
                send(&mut stream, bytes, trace).await?;
            }
            if let Some(expected) = &self.expect {
                unmet.add(hear(&mut stream, expected, ground, trace, readings).await?);
            }
            Ok(unmet)
        })
    }
}

/// Reads until what was expected is there. The sentence if it does not come before the end.
async fn hear(
    stream: &mut Stream,
    expected: &Pattern,
    ground: &Ground,
    trace: &mut Trace<'_>,
    readings: &mut Readings,
) -> Result<Option<String>, Failure> {
    let (mut heard, mut buffer) = (Vec::new(), [0; READ_BYTES]);
    trace.begin(Phase::FirstByte);
    loop {
        let sentence = |end: &str| {
            let heard = ground.shown(&heard);
            format!("it says {heard:?}{end}, want a match of {:?}", expected.to_string())
        };
        if expected.matches(&heard) {
            trace.end();
            return Ok(None);
        }
        if heard.len() >= MAX_HEARD_BYTES {
            return Ok(Some(sentence("")));
        }
        readings.said_so_far = Some(sentence(""));
        let length = stream.read(&mut buffer).await.map_err(|error| trace.failed(&error))?;
        if length == 0 {
            return Ok(Some(sentence(" before it hangs up")));
        }
        heard.extend_from_slice(&buffer[..length]);
    }
}

impl TryFrom<String> for Hex {
    type Error = HexError;
    fn try_from(written: String) -> Result<Self, HexError> {
        let digits: Option<Vec<u8>> = written
            .chars()
            .filter(|c| !c.is_whitespace())
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let digits = digits.filter(|digits| !digits.is_empty() && digits.len().is_multiple_of(2));
        let bytes = digits.map(|d| d.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect());
        bytes.map(Self).ok_or(HexError(written))
    }
}

impl From<Hex> for String {
    fn from(hex: Hex) -> Self {
        let bytes: Vec<String> = hex.0.iter().map(|byte| format!("{byte:02x}")).collect();
        bytes.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_written_in_pairs_of_digits() {
        let told = |text: &str| Hex::try_from(text.to_owned()).map(String::from);
        assert_eq!(told("0A0b ff").unwrap(), "0a 0b ff");
        for bad in ["", "0", "0g", "0a0", "zz", "ä0"] {
            assert!(told(bad).unwrap_err().to_string().contains("two a byte"), "{bad}");
        }
    }
}
