//! Makes readable text of a body: unpacks it, and turns UTF-16 into UTF-8.
//!
//! We ask for neither packing nor UTF-16, yet servers send both; and a sign that stands in the page
//! must be found there, not one that packed bytes happen to spell. What is unpacked is bounded, so
//! a small body cannot become a large one.

use std::borrow::Cow;
use std::io::{ErrorKind, Read};

use flate2::read::{DeflateDecoder, GzDecoder, ZlibDecoder};

use crate::probe::answer::{Head, MAX_BODY_BYTES, Page};
use crate::text::clean_bytes;

/// The longest name of a coding that is repeated, in bytes.
const NAME_BYTES: usize = 40;

/// A body as text, and how it came.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Content<'a> {
    pub(crate) text: Cow<'a, [u8]>,
    pub(crate) is_utf16: bool,
}

/// Why a body cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unreadable {
    #[error("encoded as {0}, which was not asked for")]
    UnknownCoding(String),
    #[error("said to be {0}, and is not")]
    BadCoding(&'static str),
}

/// Unpacks at most [`MAX_BODY_BYTES`].
pub(crate) fn content(page: &Page) -> Result<Content<'_>, Unreadable> {
    let unpacked = unpacked(page)?;
    Ok(match utf16_order(&unpacked, &page.head) {
        None => Content { text: unpacked, is_utf16: false },
        Some(unit) => Content { text: Cow::Owned(from_utf16(&unpacked, unit)), is_utf16: true },
    })
}

fn unpacked(page: &Page) -> Result<Cow<'_, [u8]>, Unreadable> {
    let body = &*page.body;
    let coding = page.head.get("content-encoding").unwrap_or_default().to_ascii_lowercase();
    let text = match &*coding {
        b"" | b"identity" => return Ok(Cow::Borrowed(body)),
        // A server that sends no body may still name the coding it would have had.
        _ if body.is_empty() => return Ok(Cow::Borrowed(body)),
        b"gzip" | b"x-gzip" => inflated(GzDecoder::new(body), page.is_cut, "gzip")?,
        // Half of the servers mean zlib by it, the other half the bare stream.
        b"deflate" => inflated(ZlibDecoder::new(body), page.is_cut, "deflate")
            .or_else(|_| inflated(DeflateDecoder::new(body), page.is_cut, "deflate"))?,
        other => return Err(Unreadable::UnknownCoding(clean_bytes(other, NAME_BYTES))),
    };
    Ok(Cow::Owned(text))
}

fn inflated(packed: impl Read, is_cut: bool, name: &'static str) -> Result<Vec<u8>, Unreadable> {
    let mut text = Vec::new();
    match packed.take(MAX_BODY_BYTES as u64).read_to_end(&mut text) {
        Ok(_) => Ok(text),
        // We cut it ourselves: its beginning is good.
        Err(error) if is_cut && error.kind() == ErrorKind::UnexpectedEof => Ok(text),
        Err(_) => Err(Unreadable::BadCoding(name)),
    }
}

/// How two bytes make a unit of UTF-16, if a mark or a header says that this is UTF-16.
fn utf16_order(text: &[u8], head: &Head) -> Option<fn([u8; 2]) -> u16> {
    match text {
        [0xff, 0xfe, ..] => return Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => return Some(u16::from_be_bytes),
        _ => (),
    }
    let kind = head.get("content-type")?.to_ascii_lowercase();
    let says = |charset: &[u8]| kind.windows(charset.len()).any(|part| part == charset);
    match () {
        () if says(b"charset=utf-16le") => Some(u16::from_le_bytes),
        () if says(b"charset=utf-16") => Some(u16::from_be_bytes),
        () => None,
    }
}

fn from_utf16(text: &[u8], unit: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = text.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let chars = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
    chars.collect::<String>().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use proptest::prelude::*;

    use super::*;
    use crate::probe::answer::tests::read;

    fn told(headers: &str, body: &[u8]) -> String {
        let head = format!("HTTP/1.1 200 OK\r\n{headers}\r\n\r\n");
        let page = read([head.as_bytes(), body]).unwrap();
        match content(&page) {
            Ok(content) => String::from_utf8_lossy(&content.text).into_owned(),
            Err(unreadable) => unreadable.to_string(),
        }
    }

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(text).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn what_is_packed_is_unpacked() {
        let packed = gzip(b"code: 200");
        assert_eq!(told("Content-Encoding: gzip", &packed), "code: 200");
        assert_eq!(told("Content-Encoding: X-GZip", &packed), "code: 200");
        assert_eq!(told("Content-Encoding: gzip", b""), "");
        let broken = "said to be gzip, and is not";
        assert_eq!(told("Content-Encoding: gzip", &packed[..packed.len() - 9]), broken);
        assert_eq!(told("Content-Encoding: gzip", b"200"), broken);
        let unknown = "encoded as br, which was not asked for";
        assert_eq!(told("Content-Encoding: br", b"200"), unknown);
    }

    #[test]
    fn utf_16_is_read_when_it_says_so() {
        assert_eq!(told("A: b", b"\xff\xfe2\x000\x000\0"), "\u{feff}200");
        assert_eq!(told("A: b", b"\xfe\xff\x002\x000\x000"), "\u{feff}200");
        assert_eq!(told("Content-Type: text/plain; charset=UTF-16LE", b"2\x000\x000\0x"), "200");
        assert_eq!(told("A: b", b"2\x000\x000\0"), "2\x000\x000\0");
    }

    #[test]
    fn a_bomb_does_not_go_off() {
        let packed = gzip(&vec![b'x'; 50_000_000]);
        assert!(packed.len() < MAX_BODY_BYTES);
        assert_eq!(told("Content-Encoding: gzip", &packed).len(), MAX_BODY_BYTES);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn damaged_packing_does_no_harm(
            text in proptest::collection::vec(any::<u8>(), 0..300),
            at in any::<prop::sample::Index>(), byte in any::<u8>(),
        ) {
            let mut packed = gzip(&text);
            let at = at.index(packed.len());
            packed[at] = byte;
            told("Content-Encoding: gzip", &packed);
            told("Content-Encoding: deflate", &packed);
            told("Content-Encoding: deflate", &text);
            told("Content-Type: x; charset=utf-16", &text);
        }
    }
}
