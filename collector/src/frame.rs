//! The frame of the Zabbix protocol: `ZBXD`, a flags byte, two lengths, the data.
//!
//! Both ends of a connection may be hostile, so a frame is taken in piece by piece, and the length
//! it claims is only believed up to a limit: no memory is set aside for bytes that did not come,
//! and compressed data is inflated no further than it was announced. Both lengths are checked
//! before anything is read, and a reader that has a budget for memory of many connections can see
//! them in between: [`read_header`], then [`read_body`].
//!
//! The second length (`reserved`) says the inflated size where the data is compressed. Elsewhere
//! it is not looked at: agentd sends 0 there, agent2 repeats the first. Time is not bounded here;
//! whoever reads sets one deadline over the whole exchange.

use std::io::{self, Read as _, Write as _};

use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest data accepted from an agent that answers, in bytes.
pub const MAX_REPLY_BYTES: usize = 1 << 20;
/// The longest data accepted from anybody, before and after inflating, in bytes.
pub const MAX_FRAME_BYTES: usize = 16 << 20;

const MAGIC: &[u8; 4] = b"ZBXD";
const START_BYTES: usize = 5;
const PROTOCOL: u8 = 1;
const ZLIB: u8 = 2;
const LARGE: u8 = 4;

/// How the data of a frame travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    Plain,
    Zlib,
}

/// What a frame announces, checked against the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    pub coding: Coding,
    /// As it travels.
    pub data_bytes: usize,
    /// Once inflated; the same where it is not compressed.
    pub inflated_bytes: usize,
}

impl Header {
    /// The most memory that reading the body takes.
    pub fn memory_bytes(&self) -> usize {
        match self.coding {
            Coding::Plain => self.data_bytes,
            Coding::Zlib => self.data_bytes + self.inflated_bytes,
        }
    }
}

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other end closed, or reset, the connection without a single byte.
    #[error("closed without a byte")]
    Empty,
    #[error("no ZBXD header")]
    NoHeader,
    #[error("unknown flags {0:#04x}")]
    Flags(u8),
    #[error("{bytes} bytes announced, at most {limit} are accepted")]
    TooBig { bytes: u64, limit: usize },
    #[error("ended within a frame")]
    Truncated,
    #[error("cannot be inflated")]
    Corrupt(#[source] io::Error),
    #[error("inflates to other than the {0} bytes announced")]
    WrongSize(usize),
    #[error("the connection failed")]
    Io(#[source] io::Error),
}

/// Wraps data up for sending.
pub fn encode(data: &[u8]) -> Vec<u8> {
    frame(PROTOCOL, data, 0)
}

/// Wraps data up the way another frame came.
pub fn encode_as(coding: Coding, data: &[u8]) -> Vec<u8> {
    match coding {
        Coding::Plain => encode(data),
        Coding::Zlib => frame(PROTOCOL | ZLIB, &deflated(data), length(data)),
    }
}

fn frame(flags: u8, data: &[u8], reserved: u32) -> Vec<u8> {
    let mut frame = Vec::with_capacity(START_BYTES + 8 + data.len());
    frame.extend_from_slice(MAGIC);
    frame.push(flags);
    frame.extend_from_slice(&length(data).to_le_bytes());
    frame.extend_from_slice(&reserved.to_le_bytes());
    frame.extend_from_slice(data);
    frame
}

fn length(data: &[u8]) -> u32 {
    u32::try_from(data.len()).expect("what we send is small: a request or a reply")
}

fn deflated(data: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory takes all that is written");
    encoder.finish().expect("memory takes all that is written")
}

/// Reads one frame and gives back its data, of at most `max_bytes` before and after inflating.
/// What follows it stays unread.
pub async fn read_frame<R>(stream: &mut R, max_bytes: usize) -> Result<Vec<u8>, FrameError>
where
    R: AsyncRead + Unpin,
{
    let header = read_header(stream, max_bytes).await?;
    read_body(stream, &header).await
}

/// Reads up to where the data begins.
pub async fn read_header<R>(stream: &mut R, max_bytes: usize) -> Result<Header, FrameError>
where
    R: AsyncRead + Unpin,
{
    let start = take(stream, START_BYTES).await?;
    let flags = flags_of(&start)?;
    let each = if flags & LARGE == 0 { 4 } else { 8 };
    let lengths = take(stream, 2 * each).await?;
    if lengths.len() < 2 * each {
        return Err(FrameError::Truncated);
    }
    let (data, reserved) = lengths.split_at(each);
    let data_bytes = bounded(data, max_bytes)?;
    if flags & ZLIB == 0 {
        return Ok(Header { coding: Coding::Plain, data_bytes, inflated_bytes: data_bytes });
    }
    let inflated_bytes = bounded(reserved, max_bytes)?;
    Ok(Header { coding: Coding::Zlib, data_bytes, inflated_bytes })
}

/// Reads, and inflates, the data that a header announced.
pub async fn read_body<R>(stream: &mut R, header: &Header) -> Result<Vec<u8>, FrameError>
where
    R: AsyncRead + Unpin,
{
    let data = take(stream, header.data_bytes).await?;
    if data.len() < header.data_bytes {
        return Err(FrameError::Truncated);
    }
    match header.coding {
        Coding::Plain => Ok(data),
        Coding::Zlib => inflate(&data, header.inflated_bytes),
    }
}

/// Up to `bytes`; fewer if the stream ends before.
async fn take<R>(stream: &mut R, bytes: usize) -> Result<Vec<u8>, FrameError>
where
    R: AsyncRead + Unpin,
{
    let mut taken = Vec::new();
    match stream.take(bytes as u64).read_to_end(&mut taken).await {
        Ok(_) => Ok(taken),
        // A peer that closes with our request unread resets the connection: to us that is an end.
        Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(taken),
        Err(error) => Err(FrameError::Io(error)),
    }
}

/// The flags of the first bytes, which may have ended early.
fn flags_of(start: &[u8]) -> Result<u8, FrameError> {
    if start.is_empty() {
        return Err(FrameError::Empty);
    }
    let (magic, flags) = start.split_at(start.len().min(MAGIC.len()));
    if !MAGIC.starts_with(magic) {
        return Err(FrameError::NoHeader);
    }
    let &[flags] = flags else { return Err(FrameError::Truncated) };
    let is_known = flags & PROTOCOL != 0 && flags & !(PROTOCOL | ZLIB | LARGE) == 0;
    if is_known { Ok(flags) } else { Err(FrameError::Flags(flags)) }
}

/// A length of four or eight bytes, the lowest first.
fn bounded(length: &[u8], limit: usize) -> Result<usize, FrameError> {
    let bytes = length.iter().rev().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte));
    match usize::try_from(bytes) {
        Ok(fits) if fits <= limit => Ok(fits),
        _ => Err(FrameError::TooBig { bytes, limit }),
    }
}

fn inflate(data: &[u8], announced: usize) -> Result<Vec<u8>, FrameError> {
    let mut inflated = Vec::new();
    // One more than announced is enough to see that it lied.
    let mut decoder = ZlibDecoder::new(data).take(announced as u64 + 1);
    decoder.read_to_end(&mut inflated).map_err(FrameError::Corrupt)?;
    if inflated.len() == announced { Ok(inflated) } else { Err(FrameError::WrongSize(announced)) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LIMIT: usize = 64;

    fn read(mut bytes: &[u8], limit: usize) -> Result<Vec<u8>, FrameError> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(read_frame(&mut bytes, limit))
    }

    fn told(bytes: &[u8]) -> String {
        match read(bytes, LIMIT) {
            Ok(data) => format!("{:?}", String::from_utf8_lossy(&data)),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn replies_recorded_from_real_agents_are_read() {
        let agentd = b"ZBXD\x01\x08\x00\x00\x00\x00\x00\x00\x001.276855";
        let agent2 = b"ZBXD\x01\x08\x00\x00\x00\x08\x00\x00\x001.254395";
        assert_eq!(told(agentd), r#""1.276855""#);
        assert_eq!(told(agent2), r#""1.254395""#);
    }

    #[test]
    fn what_is_sent_is_what_the_real_sender_sends() {
        assert_eq!(encode(b"agent.ping"), b"ZBXD\x01\x0a\x00\x00\x00\x00\x00\x00\x00agent.ping");
        assert_eq!(told(&encode(b"agent.ping")), r#""agent.ping""#);
        assert_eq!(told(&encode(b"")), r#""""#);
    }

    #[test]
    fn a_large_frame_has_longer_lengths_and_may_be_compressed() {
        let plain = b"ZBXD\x05\x03\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0abc";
        assert_eq!(told(plain), r#""abc""#);
        let packed = deflated(b"abc");
        let lengths = [(packed.len() as u64).to_le_bytes(), 3_u64.to_le_bytes()].concat();
        assert_eq!(told(&[b"ZBXD\x07", &lengths[..], &packed].concat()), r#""abc""#);
    }

    #[test]
    fn each_broken_frame_says_how_it_is_broken() {
        let bomb = [b"ZBXD\x03", &[20, 0, 0, 0, 9, 0, 0, 0][..], &deflated(&[b'a'; 64])].concat();
        let bomb_size = u8::try_from(bomb.len() - 13).unwrap();
        let bomb = [&bomb[..5], &[bomb_size], &bomb[6..]].concat();
        let cases: [(&[u8], &str); 15] = [
            (b"", "closed without a byte"),
            (b"Z", "ended within a frame"),
            (b"ZBXD", "ended within a frame"),
            (b"1.27", "no ZBXD header"),
            (b"HTTP/1.1 400 Bad Request", "no ZBXD header"),
            (b"ZBXD\x01\x08\x00\x00", "ended within a frame"),
            (b"ZBXD\x01\x08\x00\x00\x00\x00\x00\x00\x001.2", "ended within a frame"),
            (b"ZBXD\x03\x03\x00\x00\x00\x03\x00\x00\x00abc", "cannot be inflated"),
            (
                b"ZBXD\x03\x03\x00\x00\x00\xff\x00\x00\x00abc",
                "255 bytes announced, at most 64 are accepted",
            ),
            (
                b"ZBXD\x05\xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0\0\0\0\0",
                "18446744073709551615 bytes announced, at most 64 are accepted",
            ),
            (b"ZBXD\x00\x08\x00\x00\x00\x00\x00\x00\x00", "unknown flags 0x00"),
            (b"ZBXD\x02\x08\x00\x00\x00\x00\x00\x00\x00", "unknown flags 0x02"),
            (b"ZBXD\x09\x08\x00\x00\x00\x00\x00\x00\x00", "unknown flags 0x09"),
            (
                b"ZBXD\x01\x41\x00\x00\x00\x00\x00\x00\x00",
                "65 bytes announced, at most 64 are accepted",
            ),
            (&bomb, "inflates to other than the 9 bytes announced"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(told(bytes), expected, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn a_second_frame_is_left_alone() {
        let two = [encode(b"a"), encode(b"b")].concat();
        let mut rest = &two[..];
        assert_eq!(read_frame(&mut rest, LIMIT).await.unwrap(), b"a");
        assert_eq!(read_frame(&mut rest, LIMIT).await.unwrap(), b"b");
    }

    /// Megabytes are announced, a few bytes come: it is the bytes that count.
    #[tokio::test]
    async fn no_memory_is_set_aside_for_what_did_not_come() {
        let taken = take(&mut &b"abc"[..], MAX_FRAME_BYTES).await.unwrap();
        assert!(taken == b"abc" && taken.capacity() < 1024, "{}", taken.capacity());
        let huge = (MAX_FRAME_BYTES as u32).to_le_bytes();
        let bytes = [b"ZBXD\x01", &huge[..], &[0; 4], b"abc"].concat();
        let read = read_frame(&mut &bytes[..], MAX_FRAME_BYTES).await;
        assert!(matches!(read, Err(FrameError::Truncated)), "{read:?}");
    }

    #[tokio::test]
    async fn a_header_says_what_its_body_will_cost() {
        let data = [b'a'; 50];
        for (coding, expected) in [(Coding::Plain, 50), (Coding::Zlib, 50 + deflated(&data).len())]
        {
            let bytes = encode_as(coding, &data);
            let mut rest = &bytes[..];
            let header = read_header(&mut rest, LIMIT).await.unwrap();
            assert_eq!((header.coding, header.memory_bytes()), (coding, expected));
            assert_eq!(read_body(&mut rest, &header).await.unwrap(), data);
        }
    }

    /// Recorded between real agents, senders and servers.
    #[test]
    fn recorded_frames_of_all_sorts_are_read() {
        macro_rules! wire {
            ($($name:literal),*) => {
                [$(($name, &include_bytes!(concat!("../tests/data/wire/", $name, ".bin"))[..])),*]
            };
        }
        let recorded = wire!(
            "agent2-active-checks",
            "agent2-data",
            "agent2-data-unanswered",
            "agent2-data-again",
            "agentd-active-checks",
            "agentd-data",
            "sender-data",
            "server-to-agent2-active-checks",
            "server-to-sender"
        );
        for (name, bytes) in recorded {
            let data = read(bytes, MAX_FRAME_BYTES).unwrap();
            let is_whole = data.starts_with(b"{\"re") && data.ends_with(b"}");
            assert!(is_whole, "{name}: {}", String::from_utf8_lossy(&data));
            let is_packed = name.contains("agent2");
            assert_eq!(bytes[4] == PROTOCOL | ZLIB, is_packed, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(data) = read(&bytes, LIMIT) {
                prop_assert!(data.len() <= LIMIT);
            }
        }

        #[test]
        fn any_lengths_under_a_good_start_are_bounded(
            flags in 0_u8..8,
            rest in prop::collection::vec(any::<u8>(), 0..120),
        ) {
            let bytes = [b"ZBXD", &[flags][..], &rest].concat();
            if let Ok(data) = read(&bytes, LIMIT) {
                prop_assert!(data.len() <= LIMIT);
            }
        }

        #[test]
        fn data_comes_back_in_either_coding(data in prop::collection::vec(any::<u8>(), 0..500)) {
            for coding in [Coding::Plain, Coding::Zlib] {
                // What cannot be packed grows by a few bytes.
                prop_assert_eq!(&read(&encode_as(coding, &data), 600).unwrap(), &data);
            }
        }

        #[test]
        fn a_changed_byte_gives_no_more_than_the_limit(
            data in prop::collection::vec(any::<u8>(), 1..100),
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut bytes = encode_as(Coding::Zlib, &data);
            let at = at.index(bytes.len());
            bytes[at] = byte;
            if let Ok(read) = read(&bytes, 200) {
                prop_assert!(read.len() <= 200);
            }
        }
    }
}
