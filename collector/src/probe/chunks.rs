//! Takes the frames of a chunked body away, byte by byte, so that it does not matter how the
//! network cut it.
//!
//! Extensions of a chunk are passed over; their length is bounded, so that nobody can feed us
//! lines without ever sending a body. The body ends with the chunk of size zero.

/// The most bytes of one size line, extensions included.
const MAX_LINE_BYTES: usize = 1024;

/// Where in the frames we are.
#[derive(Debug, Default)]
pub(crate) struct Chunks {
    at: At,
    left: u64,
    line_bytes: usize,
    has_digits: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum At {
    #[default]
    Size,
    Extension,
    Data,
    /// The line break that follows data.
    DataEnd,
    End,
}

impl Chunks {
    /// Appends the data among `bytes` to `body`; whether the body has ended. None if these are no
    /// chunks.
    pub(crate) fn feed(&mut self, bytes: &[u8], body: &mut Vec<u8>) -> Option<bool> {
        let mut rest = bytes;
        while let Some((&byte, after)) = rest.split_first() {
            match self.at {
                At::End => break,
                At::Data => {
                    let length = rest.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
                    body.extend_from_slice(&rest[..length]);
                    self.left -= length as u64;
                    rest = &rest[length..];
                    if self.left == 0 {
                        self.at = At::DataEnd;
                    }
                    continue;
                }
                At::DataEnd => self.data_end(byte)?,
                At::Size | At::Extension => self.size_line(byte)?,
            }
            rest = after;
        }
        Some(self.at == At::End)
    }

    fn data_end(&mut self, byte: u8) -> Option<()> {
        match byte {
            b'\r' if self.line_bytes == 0 => self.line_bytes = 1,
            b'\n' => *self = Self::default(),
            _ => return None,
        }
        Some(())
    }

    fn size_line(&mut self, byte: u8) -> Option<()> {
        self.line_bytes += 1;
        if self.line_bytes > MAX_LINE_BYTES {
            return None;
        }
        match (byte, self.at) {
            (b'\n', _) if self.has_digits => {
                self.at = if self.left == 0 { At::End } else { At::Data };
                self.line_bytes = 0;
            }
            (_, At::Extension) => (),
            (b';' | b' ' | b'\t' | b'\r', _) if self.has_digits => self.at = At::Extension,
            _ => {
                let digit = char::from(byte).to_digit(16)?;
                self.left = self.left.checked_mul(16)? + u64::from(digit);
                self.has_digits = true;
            }
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(bytes: &[u8]) -> Option<(String, bool)> {
        let mut body = Vec::new();
        let has_ended = Chunks::default().feed(bytes, &mut body)?;
        Some((String::from_utf8(body).unwrap(), has_ended))
    }

    #[test]
    fn frames_are_taken_away() {
        let body = |text: &str, has_ended| Some((text.to_owned(), has_ended));
        assert_eq!(taken(b"1\r\n2\r\n2;x=\"y\"\r\n00\r\n0\r\nTrailer: z"), body("200", true));
        assert_eq!(taken(b"A\n0123456789\n"), body("0123456789", false));
        assert_eq!(taken(b"0000000000000000000000003\r\n200\r\n"), body("200", false));
        assert_eq!(taken(b"ffffffffffffffff\r\n200"), body("200", false));
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for bad in ["x", "\r\n", ";", "10000000000000000f\r\n", "-1\r\n", "1\r\nab", "1\r\na\r\r\n"]
        {
            assert_eq!(taken(bad.as_bytes()), None, "{bad:?}");
        }
        assert_eq!(taken(format!("1;{}", "x".repeat(MAX_LINE_BYTES)).as_bytes()), None);
    }
}
