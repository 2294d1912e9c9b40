//! As much of Redis's protocol as a look needs: a command, and an answer that is no list.
//!
//! An error's first word says what is to be done about it, so it is kept apart from its text.

use bytes::Bytes;

use super::fault::Fault;
use super::wire::Wire;

/// One answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    /// A status: `PONG`, `OK`.
    Simple(String),
    Integer(i64),
    Bulk(Bytes),
    Nothing,
}

/// An error that the server told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    /// Its first word: `NOAUTH`, `LOADING`.
    pub(super) code: String,
    /// All of it.
    pub(super) words: String,
}

/// A command as Redis wants to read it.
pub(super) fn command(words: &[&str]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }
    bytes
}

/// Reads one answer. The outer error is the connection's, the inner one the command's.
pub(super) async fn reply(wire: &mut Wire) -> Result<Result<Reply, Refused>, Fault> {
    if !b"+-:$_".contains(&wire.peek(1).await?[0]) {
        return Err(Fault::not_a("Redis", wire.peek(1).await?));
    }
    let line = wire.line().await?;
    let text = String::from_utf8_lossy(&line[1..]).into_owned();
    Ok(Ok(match line[0] {
        b'+' => Reply::Simple(text),
        b':' => Reply::Integer(text.parse().map_err(|_| rubbish(&line))?),
        b'-' => {
            let code = text.split(' ').next().unwrap_or_default().to_owned();
            return Ok(Err(Refused { code, words: text }));
        }
        b'$' if text != "-1" => {
            let length: usize = text.parse().map_err(|_| rubbish(&line))?;
            let mut block = wire.block(length.saturating_add(2)).await?;
            if !block.ends_with(b"\r\n") {
                return Err(rubbish(&line));
            }
            block.truncate(length);
            Reply::Bulk(block)
        }
        _ => Reply::Nothing,
    }))
}

fn rubbish(line: &[u8]) -> Fault {
    Fault::not_a("Redis", line)
}
