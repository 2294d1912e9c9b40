//! Remote write 1.0: how a Prometheus, an agent or a vmagent pushes its samples to us.
//!
//! A request is a protobuf message in a snappy block, and nearly all of it says again what the
//! request before it said: the labels of each series, some twenty bytes for each byte of news. A
//! decoder that reads labels to find out that they are the same spends its time on nothing. So this
//! one remembers labels by their bytes (`memory`), guesses what comes next (`request`), and in the
//! steady state it compares and copies. What comes out are rows whose shapes stay the same from
//! request to request, which spares the store its own search.
//!
//! A request is taken whole or not at all: a sender that is told "bad request" drops it. Only what
//! is in order and yet not for us (native histograms) is left out, and counted. Metadata and
//! exemplars are skipped. Whether a value is fit to be stored is up to the store: staleness marks
//! pass bit by bit, and so does any other NaN.
//!
//! Not done here: HTTP itself, who may write, limits of series. Remote write 2.0 is refused in
//! words that make a sender fall back to 1.0.

mod labels;
mod memory;
mod request;
mod wire;

use std::fmt;
use std::sync::{Mutex, PoisonError, RwLock};

use model::series::Row;

pub use self::labels::SeriesFault;
use self::memory::Memory;
use self::request::{Entry, Request};
pub use self::wire::WireError;
use self::wire::{Fields, Value};
use crate::look::Refusal;
use crate::pool::LabelPool;
use crate::text::clean;

/// The longest message accepted, in bytes, after it was inflated.
pub const MAX_MESSAGE_BYTES: usize = 32 << 20;
/// The longest body that is worth handing to [`Decoder::decode`], in bytes: snappy makes what it
/// cannot compress longer by a sixth at most.
pub const MAX_BODY_BYTES: usize = 32 + MAX_MESSAGE_BYTES + MAX_MESSAGE_BYTES / 6;
/// What a decoder remembers at most, in bytes, unless told otherwise: about a million series.
pub const DEFAULT_MEMORY_BYTES: usize = 128 << 20;

/// Snappy's best copy makes 64 bytes of 3; a block that claims more than this is a lie.
const MAX_INFLATION: usize = 22;
/// Rooms to work in that are kept: one for each request that may be decoded at once.
const MAX_ROOMS: usize = 8;
/// A room that grew beyond this is given back, in bytes.
const MAX_ROOM_BYTES: usize = 4 << 20;

const TIMESERIES_FIELD: u32 = 1;
const LABELS_FIELD: u32 = 1;

/// Decodes requests; shared by all that arrive.
pub struct Decoder {
    memory: RwLock<Memory>,
    /// What series have of their own is alike from target to target.
    pool: LabelPool,
    rooms: Mutex<Vec<Room>>,
}

/// What one request brought.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// In no order of time; a series in several rows of one time is possible, and the last counts.
    pub rows: Vec<Row>,
    /// How many samples the request had, staleness marks among them.
    pub samples: u64,
    /// What was left out, and why: a few, by name, for people.
    pub refused: Vec<Refusal>,
    /// How many values were left out in all.
    pub refused_count: u64,
}

/// Why a request was not taken. Nothing of it was.
#[derive(Debug, thiserror::Error)]
pub enum RemoteWriteError {
    #[error(
        "{what} is not supported: this takes remote write 1.0, application/x-protobuf \
         with proto=prometheus.WriteRequest in a snappy block"
    )]
    Unsupported { what: String },
    #[error("the message has {bytes} bytes, at most {MAX_MESSAGE_BYTES} are accepted")]
    TooLarge { bytes: usize },
    #[error("the body is no snappy block")]
    Snappy(#[source] snap::Error),
    #[error("the body is no protobuf message of remote write 1.0")]
    Protobuf(#[from] WireError),
    #[error("the series {series} is not in order: {fault}")]
    Series { series: String, fault: SeriesFault },
}

/// Memory to work in that one request leaves to the next.
#[derive(Debug, Default)]
struct Room {
    message: Vec<u8>,
    entries: Vec<Entry>,
}

impl RemoteWriteError {
    /// The HTTP status that makes the sender do the right thing: none of them is sent again.
    pub fn status(&self) -> u16 {
        match self {
            Self::Unsupported { .. } => 415,
            Self::TooLarge { .. } => 413,
            Self::Snappy(_) | Self::Protobuf(_) | Self::Series { .. } => 400,
        }
    }
}

/// Checks what a request says of itself: `Content-Type`, `Content-Encoding` and
/// `X-Prometheus-Remote-Write-Version`. Headers that are missing are taken to say 1.0, as
/// Prometheus does.
pub fn check_headers(
    content_type: Option<&str>,
    content_encoding: Option<&str>,
    version: Option<&str>,
) -> Result<(), RemoteWriteError> {
    if let Some(content_type) = content_type {
        check_content_type(content_type)?;
    }
    let encoding = content_encoding.unwrap_or("snappy").trim();
    if !encoding.eq_ignore_ascii_case("snappy") {
        return Err(unsupported("Content-Encoding", encoding));
    }
    let version = version.unwrap_or("0.1.0").trim();
    if !matches!(version.split('.').next(), Some("0" | "1")) {
        return Err(unsupported("remote write", version));
    }
    Ok(())
}

impl Decoder {
    /// `memory_bytes` bounds what is remembered of series between requests.
    pub fn new(memory_bytes: usize) -> Self {
        let memory = RwLock::new(Memory::new(memory_bytes));
        Self { memory, pool: LabelPool::default(), rooms: Mutex::default() }
    }

    /// Decodes the body of one request.
    pub fn decode(&self, body: &[u8]) -> Result<Decoded, RemoteWriteError> {
        let bytes = snap::raw::decompress_len(body).map_err(RemoteWriteError::Snappy)?;
        if bytes > MAX_MESSAGE_BYTES {
            return Err(RemoteWriteError::TooLarge { bytes });
        }
        if body.len() < bytes / MAX_INFLATION {
            return Err(RemoteWriteError::Snappy(snap::Error::HeaderMismatch {
                expected_len: bytes as u64,
                got_len: (body.len() * MAX_INFLATION) as u64,
            }));
        }
        let mut room = self.rooms().pop().unwrap_or_default();
        let decoded = self.decode_in(&mut room, body, bytes);
        self.give_back(room);
        decoded
    }

    fn decode_in(
        &self,
        room: &mut Room,
        body: &[u8],
        bytes: usize,
    ) -> Result<Decoded, RemoteWriteError> {
        let Room { message, entries } = room;
        if message.len() < bytes {
            message.resize(bytes, 0);
        }
        let inflated = snap::raw::Decoder::new().decompress(body, message);
        let length = inflated.map_err(RemoteWriteError::Snappy)?;
        let mut request = Request::new(&self.memory, &self.pool, entries);
        let mut fields = Fields::of(&message[..length]);
        while let Some((number, value)) = fields.read()? {
            match (number, value) {
                (TIMESERIES_FIELD, Value::Bytes(series)) => request.series(series)?,
                (TIMESERIES_FIELD, _) => return Err(WireError::Unexpected.into()),
                _ => (), // Metadata, and what later versions bring.
            }
        }
        Ok(request.finish())
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, Vec<Room>> {
        self.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, room: Room) {
        let bytes = room.message.capacity() + room.entries.capacity() * size_of::<Entry>();
        let mut rooms = self.rooms();
        if bytes <= MAX_ROOM_BYTES && rooms.len() < MAX_ROOMS {
            rooms.push(room);
        }
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new(DEFAULT_MEMORY_BYTES)
    }
}

/// Without what it remembers, which would be long.
impl fmt::Debug for Decoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder").finish_non_exhaustive()
    }
}

fn check_content_type(content_type: &str) -> Result<(), RemoteWriteError> {
    let mut parts = content_type.split(';').map(str::trim);
    let is_protobuf =
        parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/x-protobuf"));
    let proto = parts.find_map(|parameter| parameter.strip_prefix("proto="));
    let is_first = proto.is_none_or(|proto| proto.trim_matches('"') == "prometheus.WriteRequest");
    if is_protobuf && is_first {
        return Ok(());
    }
    Err(unsupported("Content-Type", content_type))
}

fn unsupported(what: &str, said: &str) -> RemoteWriteError {
    RemoteWriteError::Unsupported { what: format!("{what} {}", clean(said, 120)) }
}
