//! Reads one HTTP/1.1 answer out of bytes, however they are cut.
//!
//! A probe needs less than a client library gives and must know more: where an answer broke off,
//! and what it said until then. So this is a state machine that is fed bytes. It does no IO, and
//! holds no more than [`MAX_HEAD_BYTES`] and [`MAX_BODY_BYTES`], whatever it is fed.
//!
//! It reads the beginning of a body, and is done when that is full. Trailers are not read.

use std::mem;

use crate::probe::chunks::Chunks;
use crate::text::clean_bytes;

/// How much of a body is read, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// How much of a status line and headers is read, in bytes; of all answers before the real one
/// together, if there are such (`103 Early Hints`).
pub const MAX_HEAD_BYTES: usize = 64 * 1024;
/// How much of something that is no HTTP is repeated, in bytes.
const HINT_BYTES: usize = 40;

/// Why bytes are no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    #[error("closed without a word")]
    Silent,
    #[error("closed in the middle of the head")]
    HeadCut,
    #[error("the head is longer than {MAX_HEAD_BYTES} bytes")]
    HeadTooLong,
    #[error("not HTTP: it says {0:?}")]
    NotHttp(String),
    #[error("the port speaks TLS, not plain HTTP")]
    SpeaksTls,
    #[error("a header is malformed: {0:?}")]
    BadHeader(String),
    #[error("the length of the body is unclear: {0:?}")]
    BadLength(String),
    #[error("closed after {read} bytes of the body, of {announced} announced")]
    BodyCut { read: u64, announced: u64 },
    #[error("closed in the middle of a chunked body")]
    ChunkedCut,
    #[error("the chunks of the body are malformed")]
    BadChunk,
}

/// Status line and headers, as they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Head {
    pub status: u16,
    /// The header lines, without the status line.
    lines: Vec<u8>,
}

/// A whole answer, or the beginning of one that is longer than we read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub head: Head,
    /// As it was sent, without the frames of chunks.
    pub body: Vec<u8>,
    /// It has [`MAX_BODY_BYTES`], and may go on.
    pub is_cut: bool,
}

/// What is to be read next.
#[derive(Debug)]
enum Stage {
    Head,
    Body(Length),
    Done,
}

/// How the end of a body is known.
#[derive(Debug)]
enum Length {
    Bytes { left: u64, announced: u64 },
    Chunked(Chunks),
    UntilClosed,
}

/// Takes bytes until an answer is complete.
#[derive(Debug)]
pub struct Reader {
    stage: Stage,
    /// An answer to `HEAD` has no body, whatever its headers announce.
    has_body: bool,
    raw: Vec<u8>,
    /// How far `raw` was searched for the end of the head.
    searched: usize,
    skipped_bytes: usize,
    page: Page,
}

impl Head {
    /// Splits status and header lines; `bytes` holds both, without the empty line at the end.
    fn parse(bytes: &[u8]) -> Result<Self, Broken> {
        let (status_line, lines) = split_line(bytes);
        let status = status_of(status_line).ok_or_else(|| Broken::NotHttp(shown(status_line)))?;
        let head = Self { status, lines: lines.to_vec() };
        let bad = head.raw_lines().enumerate().find(|(at, line)| !is_header(line, *at == 0));
        bad.map_or(Ok(()), |(_, line)| Err(Broken::BadHeader(shown(line))))?;
        Ok(head)
    }

    /// The first header of that name, in any case.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    fn all<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a [u8]> {
        let fields = self.raw_lines().filter_map(field);
        let is_it = |(known, _): &(&[u8], &[u8])| known.eq_ignore_ascii_case(name.as_bytes());
        fields.filter(is_it).map(|(_, value)| value)
    }

    fn raw_lines(&self) -> impl Iterator<Item = &[u8]> {
        let lines = self.lines.split(|byte| *byte == b'\n').map(without_return);
        lines.filter(|line| !line.is_empty())
    }

    fn length(&self) -> Result<Length, Broken> {
        let codings = self.all("transfer-encoding").flat_map(|value| value.split(|b| *b == b','));
        if let Some(last) = codings.last() {
            let is_chunked = last.trim_ascii().eq_ignore_ascii_case(b"chunked");
            return Ok(if is_chunked {
                Length::Chunked(Chunks::default())
            } else {
                Length::UntilClosed
            });
        }
        let mut lengths = self.all("content-length");
        let Some(first) = lengths.next() else { return Ok(Length::UntilClosed) };
        // Whoever names two different lengths lets others smuggle an answer into this one.
        let announced = number(first).filter(|_| lengths.all(|other| other == first));
        let announced = announced.ok_or_else(|| Broken::BadLength(shown(first)))?;
        Ok(Length::Bytes { left: announced, announced })
    }
}

impl Reader {
    pub fn new(has_body: bool) -> Self {
        Self {
            stage: Stage::Head,
            has_body,
            raw: Vec::new(),
            searched: 0,
            skipped_bytes: 0,
            page: Page::default(),
        }
    }

    pub fn has_head(&self) -> bool {
        !matches!(self.stage, Stage::Head)
    }

    pub fn is_done(&self) -> bool {
        matches!(self.stage, Stage::Done)
    }

    /// Takes the next bytes, in pieces of any size. What comes after the end is not looked at.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        if self.has_head() {
            return self.feed_body(bytes);
        }
        self.raw.extend_from_slice(bytes);
        while !self.has_head() {
            let Some(end) = self.head_end()? else { return Ok(()) };
            let rest = self.raw.split_off(end);
            let head = mem::replace(&mut self.raw, rest);
            self.searched = 0;
            self.take_head(&head)?;
        }
        let rest = mem::take(&mut self.raw);
        self.feed_body(&rest)
    }

    /// No more bytes will come.
    pub fn finish(mut self) -> Result<Page, Broken> {
        match mem::replace(&mut self.stage, Stage::Done) {
            Stage::Done | Stage::Body(Length::UntilClosed) => Ok(self.page),
            Stage::Head if self.raw.is_empty() && self.skipped_bytes == 0 => Err(Broken::Silent),
            Stage::Head => Err(not_http(&self.raw).unwrap_or(Broken::HeadCut)),
            Stage::Body(Length::Chunked(_)) => Err(Broken::ChunkedCut),
            Stage::Body(Length::Bytes { left, announced }) => {
                Err(Broken::BodyCut { read: announced - left, announced })
            }
        }
    }

    /// Where the head ends, its empty line included, if all of it is there.
    fn head_end(&mut self) -> Result<Option<usize>, Broken> {
        if let Some(broken) = not_http(&self.raw[..self.raw.len().min(HINT_BYTES)]) {
            return Err(broken);
        }
        let end = empty_line(&self.raw, self.searched);
        self.searched = self.raw.len().saturating_sub(3); // An empty line has up to three bytes.
        if self.skipped_bytes + end.unwrap_or(self.raw.len()) > MAX_HEAD_BYTES {
            return Err(Broken::HeadTooLong);
        }
        Ok(end)
    }

    fn take_head(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let head = Head::parse(bytes)?;
        let is_final = !(100..200).contains(&head.status) || head.status == 101;
        if !is_final {
            self.skipped_bytes += bytes.len();
            return Ok(());
        }
        let has_body = self.has_body && !matches!(head.status, 101 | 204 | 304);
        self.stage = match has_body.then(|| head.length()).transpose()? {
            None | Some(Length::Bytes { left: 0, .. }) => Stage::Done,
            Some(length) => Stage::Body(length),
        };
        self.page.head = head;
        Ok(())
    }

    fn feed_body(&mut self, bytes: &[u8]) -> Result<(), Broken> {
        let Stage::Body(length) = &mut self.stage else { return Ok(()) };
        let body = &mut self.page.body;
        let is_complete = match length {
            Length::UntilClosed => {
                body.extend_from_slice(bytes);
                false
            }
            Length::Bytes { left, .. } => {
                let wanted = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                body.extend_from_slice(&bytes[..wanted]);
                *left -= wanted as u64;
                *left == 0
            }
            Length::Chunked(chunks) => chunks.feed(bytes, body).ok_or(Broken::BadChunk)?,
        };
        let is_full = body.len() >= MAX_BODY_BYTES;
        body.truncate(MAX_BODY_BYTES);
        // A full body ends the reading even if the other end never stops.
        if is_complete || is_full {
            self.page.is_cut = is_full;
            self.stage = Stage::Done;
        }
        Ok(())
    }
}

/// Where the first empty line at or after `from` ends.
fn empty_line(bytes: &[u8], from: usize) -> Option<usize> {
    let breaks = bytes.iter().enumerate().skip(from).filter(|(_, byte)| **byte == b'\n');
    breaks.map(|(at, _)| at + 1).find_map(|next| match bytes.get(next..)? {
        [b'\n', ..] => Some(next + 1),
        [b'\r', b'\n', ..] => Some(next + 2),
        _ => None,
    })
}

/// Why the beginning of an answer can be none, as far as it is there.
fn not_http(start: &[u8]) -> Option<Broken> {
    let known = start.len().min(5);
    if start[..known].eq_ignore_ascii_case(&b"HTTP/"[..known]) && known > 0 {
        return None;
    }
    match start {
        [] => None,
        // The alert record with which a TLS server answers to plain text.
        [0x15, 0x03, ..] => Some(Broken::SpeaksTls),
        [0x15] => None,
        _ => Some(Broken::NotHttp(shown(split_line(start).0))),
    }
}

/// `HTTP/1.1 200 OK`; the reason may be missing.
fn status_of(line: &[u8]) -> Option<u16> {
    let mut words = line.split(|byte| *byte == b' ');
    let version = words.next()?;
    let is_known =
        version.eq_ignore_ascii_case(b"HTTP/1.1") || version.eq_ignore_ascii_case(b"HTTP/1.0");
    let code = words.next().filter(|code| is_known && code.len() == 3)?;
    number(code).and_then(|code| u16::try_from(code).ok()).filter(|code| *code >= 100)
}

/// Whether a line is a header, or goes on with the one before: nobody sends that any more, but who
/// does is understood by browsers.
fn is_header(line: &[u8], is_first: bool) -> bool {
    let goes_on = line.starts_with(b" ") || line.starts_with(b"\t");
    field(line).is_some() || (goes_on && !is_first)
}

/// Name and value of a header line.
fn field(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    (!name.is_empty() && name.iter().all(is_token)).then_some((name, value))
}

fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    is_number.then(|| str::from_utf8(digits).ok()?.parse().ok())?
}

fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(at) => (without_return(&bytes[..at]), &bytes[at + 1..]),
        None => (without_return(bytes), &[]),
    }
}

fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn shown(bytes: &[u8]) -> String {
    clean_bytes(bytes, HINT_BYTES)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a reader makes of bytes that come in these pieces, until the other end closes.
    pub(crate) fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<Page, Broken> {
        let mut reader = Reader::new(true);
        for piece in pieces {
            reader.feed(piece)?;
            assert!(reader.raw.capacity() <= 4 * MAX_HEAD_BYTES + 4 * piece.len());
            assert!(reader.page.body.len() <= MAX_BODY_BYTES);
            if reader.is_done() {
                break;
            }
        }
        reader.finish()
    }

    fn told(bytes: &[u8]) -> String {
        match read([bytes]) {
            Ok(page) => format!("{} {}", page.head.status, shown(&page.body)),
            Err(broken) => broken.to_string(),
        }
    }

    #[test]
    fn odd_answers() {
        let odd: [(&[u8], &str); 23] = [
            (b"HTTP/1.1 200 OK\r\n\r\nfine", "200 fine"),
            (b"HTTP/1.1 200\n\nfine", "200 fine"),
            (b"http/1.0 200 \r\nA:b\r\n\r\n", "200 "),
            (b"HTTP/1.1 103 Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\nx", "200 x"),
            (b"HTTP/1.1 204 No\r\nContent-Length: 3\r\n\r\nxyz", "204 "),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nxyz", "200 xy"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nxy", "200 xy"),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nxy", "200 xy"),
            (b"HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\nxy", "200 xy"),
            (b"", "closed without a word"),
            (b"HTT", "closed in the middle of the head"),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n", "closed in the middle of the head"),
            (b"HTTP/2 200 OK\r\n\r\n", r#"not HTTP: it says "HTTP/2 200 OK""#),
            (b"HTTP/1.1 2000 OK\r\n\r\n", r#"not HTTP: it says "HTTP/1.1 2000 OK""#),
            (b"HTTP/1.1 -20 OK\r\n\r\n", r#"not HTTP: it says "HTTP/1.1 -20 OK""#),
            (b"SSH-2.0-OpenSSH\r\n", r#"not HTTP: it says "SSH-2.0-OpenSSH""#),
            (b"\x15\x03\x01\0\x02\x02\x16", "the port speaks TLS, not plain HTTP"),
            (b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n", r#"a header is malformed: "no colon""#),
            (b"HTTP/1.1 200 OK\r\nA: b\r\n c: d\r\n\tf\r\n\r\nx", "200 x"),
            (b"HTTP/1.1 200 OK\r\n c: d\r\n\r\nx", r#"a header is malformed: "c: d""#),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nxy",
                r#"the length of the body is unclear: "2""#,
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nxy",
                r#"the length of the body is unclear: "+2""#,
            ),
            (
                b"HTTP/1.1 200 OK\r\nContent-Length: 30\r\n\r\nxy",
                "closed after 2 bytes of the body, of 30 announced",
            ),
        ];
        for (bytes, expected) in odd {
            assert_eq!(told(bytes), expected, "{}", shown(bytes));
        }
    }

    #[test]
    fn an_endless_head_and_an_endless_body_end() {
        let head = b"HTTP/1.1 200 OK\r\nX: ".to_vec();
        let line = vec![b'x'; 1000];
        let endless = std::iter::once(&*head).chain(std::iter::repeat(&*line));
        assert_eq!(read(endless), Err(Broken::HeadTooLong));
        let hints = b"HTTP/1.1 100 Go on\r\n\r\n";
        assert_eq!(read(std::iter::repeat(&hints[..])), Err(Broken::HeadTooLong));
        let head = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        let page = read(std::iter::once(&*head).chain(std::iter::repeat(&*line))).unwrap();
        assert!(page.is_cut && page.body.len() == MAX_BODY_BYTES);
    }

    /// Answers that are right.
    fn answers() -> impl Strategy<Value = Vec<u8>> {
        let body = proptest::collection::vec(any::<u8>(), 0..200);
        (body, 0..3, 1..9usize).prop_map(|(body, kind, size)| {
            let mut bytes = b"HTTP/1.1 200 OK\r\nServer: x\r\n".to_vec();
            match kind {
                0 => bytes.extend(format!("Content-Length: {}\r\n\r\n", body.len()).bytes()),
                1 => bytes.extend(b"\r\n"),
                _ => bytes.extend(b"Transfer-Encoding: chunked\r\n\r\n"),
            }
            if kind < 2 {
                bytes.extend(&body);
                return bytes;
            }
            for chunk in body.chunks(size) {
                bytes.extend(format!("{:x};a=b\r\n", chunk.len()).bytes());
                bytes.extend(chunk);
                bytes.extend(b"\r\n");
            }
            bytes.extend(b"0\r\n\r\n");
            bytes
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]

        #[test]
        fn however_an_answer_is_cut_it_says_the_same(answer in answers(), size in 1..50usize) {
            prop_assert_eq!(read(answer.chunks(size)), read([&*answer]));
            prop_assert!(read([&*answer]).is_ok());
        }

        #[test]
        fn any_bytes_are_an_answer_or_none(
            bytes in proptest::collection::vec(any::<u8>(), 0..400), size in 1..50usize,
        ) {
            prop_assert_eq!(read(bytes.chunks(size)).is_ok(), read([&*bytes]).is_ok());
            let after_head = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &*bytes];
            prop_assert_eq!(read(after_head.concat().chunks(size)), read(after_head));
        }

        #[test]
        fn a_damaged_answer_does_no_harm(
            mut answer in answers(), at in any::<prop::sample::Index>(), byte in any::<u8>(),
            size in 1..50usize,
        ) {
            let at = at.index(answer.len());
            answer[at] = byte;
            prop_assert_eq!(read(answer.chunks(size)).is_ok(), read([&*answer]).is_ok());
        }
    }
}
