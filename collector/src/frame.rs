//! The frame of the Zabbix protocol: `ZBXD`, a flags byte, two 4-byte lengths, the data.
//!
//! Both ends of a connection may be hostile, so a frame is taken in piece by piece and the length
//! it claims is only believed up to a limit: no memory is set aside for bytes that did not come.
//!
//! Compressed and large frames are refused, since we never ask for them. The second length
//! (`reserved`) is not looked at: agentd sends 0 there, agent2 repeats the first. Time is not
//! bounded here; whoever reads sets one deadline over the whole exchange.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest data accepted from an agent, in bytes.
pub const MAX_REPLY_BYTES: usize = 1 << 20;

const MAGIC: &[u8; 4] = b"ZBXD";
const HEADER_BYTES: usize = 13;
const PLAIN: u8 = 1;
const ZLIB: u8 = 2;
const LARGE: u8 = 4;

/// Why no frame could be read.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The other end closed, or reset, the connection without a single byte.
    #[error("closed without a byte")]
    Empty,
    #[error("no ZBXD header")]
    NoHeader,
    #[error("compressed, which was not asked for")]
    Compressed,
    #[error("a large frame, which was not asked for")]
    Large,
    #[error("unknown flags {0:#04x}")]
    Flags(u8),
    #[error("{bytes} bytes announced, at most {limit} are accepted")]
    TooBig { bytes: u32, limit: usize },
    #[error("ended within a frame")]
    Truncated,
    #[error("the connection failed")]
    Io(#[source] io::Error),
}

/// Wraps data up for sending.
pub fn encode(data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).expect("what we send is small: a request or a reply");
    let mut frame = Vec::with_capacity(HEADER_BYTES + data.len());
    frame.extend_from_slice(MAGIC);
    frame.push(PLAIN);
    frame.extend_from_slice(&length.to_le_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(data);
    frame
}

/// Reads one frame and gives back its data, of at most `max_bytes`. What follows it stays unread.
pub async fn read_frame<R>(stream: &mut R, max_bytes: usize) -> Result<Vec<u8>, FrameError>
where
    R: AsyncRead + Unpin,
{
    let header = take(stream, HEADER_BYTES).await?;
    if header.is_empty() {
        return Err(FrameError::Empty);
    }
    let length = data_bytes(&header)?;
    let expected = length as usize; // At least 32 bits wide wherever tokio runs.
    if expected > max_bytes {
        return Err(FrameError::TooBig { bytes: length, limit: max_bytes });
    }
    let data = take(stream, expected).await?;
    if data.len() < expected { Err(FrameError::Truncated) } else { Ok(data) }
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

/// The length of the data that follows a header, which may have ended early.
fn data_bytes(header: &[u8]) -> Result<u32, FrameError> {
    let start = &header[..header.len().min(MAGIC.len())];
    if !MAGIC.starts_with(start) {
        return Err(FrameError::NoHeader);
    }
    let header: &[u8; HEADER_BYTES] = header.try_into().map_err(|_| FrameError::Truncated)?;
    match header[4] {
        PLAIN => Ok(u32::from_le_bytes([header[5], header[6], header[7], header[8]])),
        flags if flags & !(PLAIN | ZLIB | LARGE) != 0 || flags & PLAIN == 0 => {
            Err(FrameError::Flags(flags))
        }
        flags if flags & LARGE != 0 => Err(FrameError::Large),
        _ => Err(FrameError::Compressed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(mut bytes: &[u8]) -> String {
        match read_frame(&mut bytes, 64).await {
            Ok(data) => format!("{:?}", String::from_utf8_lossy(&data)),
            Err(error) => error.to_string(),
        }
    }

    #[tokio::test]
    async fn replies_recorded_from_real_agents_are_read() {
        let agentd = b"ZBXD\x01\x08\x00\x00\x00\x00\x00\x00\x001.276855";
        let agent2 = b"ZBXD\x01\x08\x00\x00\x00\x08\x00\x00\x001.254395";
        assert_eq!(read(agentd).await, r#""1.276855""#);
        assert_eq!(read(agent2).await, r#""1.254395""#);
    }

    #[tokio::test]
    async fn what_is_sent_is_what_the_real_sender_sends() {
        assert_eq!(encode(b"agent.ping"), b"ZBXD\x01\x0a\x00\x00\x00\x00\x00\x00\x00agent.ping");
        assert_eq!(read(&encode(b"agent.ping")).await, r#""agent.ping""#);
        assert_eq!(read(&encode(b"")).await, r#""""#);
    }

    #[tokio::test]
    async fn each_broken_frame_says_how_it_is_broken() {
        let cases: [(&[u8], &str); 10] = [
            (b"", "closed without a byte"),
            (b"Z", "ended within a frame"),
            (b"1.27", "no ZBXD header"),
            (b"HTTP/1.1 400 Bad Request", "no ZBXD header"),
            (b"ZBXD\x01\x08\x00\x00\x00\x00\x00\x00\x001.2", "ended within a frame"),
            (b"ZBXD\x03\x08\x00\x00\x00\x00\x00\x00\x00", "compressed, which was not asked for"),
            (b"ZBXD\x05\x08\x00\x00\x00\x00\x00\x00\x00", "a large frame, which was not asked for"),
            (b"ZBXD\x00\x08\x00\x00\x00\x00\x00\x00\x00", "unknown flags 0x00"),
            (b"ZBXD\x09\x08\x00\x00\x00\x00\x00\x00\x00", "unknown flags 0x09"),
            (
                b"ZBXD\x01\x41\x00\x00\x00\x00\x00\x00\x00",
                "65 bytes announced, at most 64 are accepted",
            ),
        ];
        for (bytes, expected) in cases {
            assert_eq!(read(bytes).await, expected, "{bytes:?}");
        }
    }

    #[tokio::test]
    async fn a_second_frame_is_left_alone() {
        let two = [encode(b"a"), encode(b"b")].concat();
        assert_eq!(read(&two).await, r#""a""#);
    }
}
