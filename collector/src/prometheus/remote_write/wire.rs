//! The wire format of protobuf, as far as remote write needs it.
//!
//! A message is a list of numbered fields, and a field that is a message is first of all so many
//! bytes. So one small reader serves every level, borrows all it gives out, and allocates nothing;
//! how deep it goes is up to who calls it, never to the sender.
//!
//! Field numbers that mean nothing to the caller are given out like any other, so that messages of
//! later versions can be read. Groups, which protobuf gave up long ago, are refused.

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64([u8; 8]),
    Bytes(&'a [u8]),
    Fixed32([u8; 4]),
}

/// Why bytes are no protobuf message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    #[error("it ends within a field")]
    Truncated,
    #[error("a number is longer than 64 bits")]
    LongNumber,
    #[error("a field has number 0 or one past the limit")]
    FieldNumber,
    #[error("a field has the unknown type {0}")]
    FieldType(u8),
    #[error("a field has another type than it should")]
    Unexpected,
}

/// The fields of one message, in the order they were sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn of(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    /// What has not been read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next field's number and value; `None` at the end.
    #[inline]
    pub(super) fn read(&mut self) -> Result<Option<(u32, Value<'a>)>, WireError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::FieldNumber)?;
        if number == 0 || number >= 1 << 29 {
            return Err(WireError::FieldNumber);
        }
        let value = match (tag & 7) as u8 {
            0 => Value::Varint(self.varint()?),
            1 => Value::Fixed64(self.fixed()?),
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed32(self.fixed()?),
            unknown => return Err(WireError::FieldType(unknown)),
        };
        Ok(Some((number, value)))
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, WireError> {
        // Nearly all are tags and lengths of one byte.
        if let Some((byte @ 0..0x80, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Ok(u64::from(*byte));
        }
        self.long_varint()
    }

    fn long_varint(&mut self) -> Result<u64, WireError> {
        let mut value = 0;
        for (at, byte) in self.rest.iter().enumerate() {
            // The tenth byte brings bit 64, and nothing may follow it.
            if at == 9 && *byte > 1 {
                return Err(WireError::LongNumber);
            }
            value |= u64::from(byte & 0x7f) << (7 * at);
            if byte & 0x80 == 0 {
                self.rest = &self.rest[at + 1..];
                return Ok(value);
            }
        }
        Err(WireError::Truncated)
    }

    #[inline]
    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(*bytes)
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(length).map_err(|_| WireError::Truncated)?;
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.rest = rest;
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read_all(message: &[u8]) -> Result<Vec<(u32, Value<'_>)>, WireError> {
        let mut fields = Fields::of(message);
        std::iter::from_fn(|| fields.read().transpose()).collect()
    }

    #[test]
    fn each_kind_of_field_is_read() {
        let message = b"\x08\x96\x01\x11\x01\x02\x03\x04\x05\x06\x07\x08\x1a\x02hi\x25\x09\0\0\0";
        let expected = vec![
            (1, Value::Varint(150)),
            (2, Value::Fixed64([1, 2, 3, 4, 5, 6, 7, 8])),
            (3, Value::Bytes(b"hi")),
            (4, Value::Fixed32([9, 0, 0, 0])),
        ];
        assert_eq!(read_all(message), Ok(expected));
        let most = b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01";
        assert_eq!(read_all(most), Ok(vec![(1, Value::Varint(u64::MAX))]));
    }

    #[test]
    fn each_broken_field_says_how_it_is_broken() {
        let cases: [(&[u8], WireError); 9] = [
            (b"\x08", WireError::Truncated),
            (b"\x08\x80", WireError::Truncated),
            (b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", WireError::LongNumber),
            (b"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", WireError::LongNumber),
            (b"\x09\x01\x02", WireError::Truncated),
            (b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01hi", WireError::Truncated),
            (b"\x00\x01", WireError::FieldNumber),
            (b"\x80\x80\x80\x80\x80\x80\x80\x80\x08\x01", WireError::FieldNumber),
            (b"\x0b", WireError::FieldType(3)),
        ];
        for (message, expected) in cases {
            assert_eq!(read_all(message), Err(expected), "{message:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn arbitrary_bytes_are_read_or_refused(message: Vec<u8>) {
            if let Ok(fields) = read_all(&message) {
                prop_assert!(fields.len() <= message.len());
            }
        }
    }
}
