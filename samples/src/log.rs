//! The log: what was acknowledged and is not yet in a part.
//!
//! Segments of records, each record with its length and checksum. A record is one [`Entry`]. A
//! segment is deleted once all that it tells is in parts. At open a torn tail, which was never
//! acknowledged, is cut off; a broken record before the end is damage, and what follows it in its
//! segment is reported as lost.
//!
//! A write that fails, for example for want of room, is undone: the segment is cut back to where
//! it was. Not here: what the entries mean.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::SamplesError;

/// A new segment is begun at this size.
const SEGMENT_BYTES: u64 = 8 << 20;
/// Longer ones are not written, so a length beyond this is damage.
const MAX_RECORD_BYTES: usize = 64 << 20;
/// Length and checksum.
const HEAD_BYTES: usize = 8;

#[derive(Debug)]
pub(crate) struct Log {
    folder: PathBuf,
    segments: VecDeque<Segment>,
    open: Option<Open>,
    next: u64,
}

/// A segment that is written no more.
#[derive(Debug)]
struct Segment {
    number: u64,
    bytes: u64,
}

/// The segment that is written to.
#[derive(Debug)]
struct Open {
    number: u64,
    bytes: u64,
    file: Arc<File>,
    path: PathBuf,
}

/// What was found at open.
#[derive(Debug, Default)]
pub(crate) struct Replayed {
    /// Bytes of records that were broken, and of those behind them.
    pub(crate) lost_bytes: u64,
    /// Values whose series nobody knows any more.
    pub(crate) lost_values: u64,
}

impl Log {
    /// Opens the log and hands each record to `take`, in the order written.
    pub(crate) fn open(
        folder: &Path,
        mut take: impl FnMut(u64, &[u8]) -> bool,
    ) -> Result<(Self, Replayed), SamplesError> {
        std::fs::create_dir_all(folder).map_err(SamplesError::io(folder))?;
        let numbers = numbers(folder)?;
        let mut replayed = Replayed::default();
        let mut segments = VecDeque::new();
        for number in &numbers {
            let path = path(folder, *number);
            let bytes = std::fs::read(&path).map_err(SamplesError::io(&path))?;
            let good = replay(&bytes, |record| take(*number, record));
            let is_last = numbers.last() == Some(number);
            if good < bytes.len() && !(is_last && is_torn(&bytes[good..])) {
                replayed.lost_bytes += (bytes.len() - good) as u64;
            }
            segments.push_back(Segment { number: *number, bytes: good as u64 });
        }
        let next = numbers.last().map_or(1, |last| last + 1);
        Ok((Self { folder: folder.to_owned(), segments, open: None, next }, replayed))
    }

    /// Writes records that [`put_record`] made. Returns the file to sync before they are
    /// acknowledged, and the number of the segment.
    pub(crate) fn write(&mut self, records: &[u8]) -> Result<(Arc<File>, u64), SamplesError> {
        if self.open.as_ref().is_some_and(|open| open.bytes >= SEGMENT_BYTES) {
            self.close_segment();
        }
        if self.open.is_none() {
            self.open = Some(self.begin()?);
        }
        let open = self.open.as_mut().expect("it was begun just now");
        if let Err(error) = (&*open.file).write_all(records) {
            // What was written of it was never acknowledged and must not be taken for whole.
            let _ = open.file.set_len(open.bytes); // Else the checksum tells at the next open.
            return Err(SamplesError::io(&open.path)(error));
        }
        open.bytes += records.len() as u64;
        Ok((open.file.clone(), open.number))
    }

    /// What is written from now on goes to another segment. Returns the number of that.
    pub(crate) fn close_segment(&mut self) -> u64 {
        if let Some(open) = self.open.take() {
            self.segments.push_back(Segment { number: open.number, bytes: open.bytes });
        }
        self.next
    }

    /// Deletes the segments before this number: what they tell is in parts.
    pub(crate) fn forget_before(&mut self, number: u64) -> Result<(), SamplesError> {
        while self.segments.front().is_some_and(|segment| segment.number < number) {
            let segment = self.segments.pop_front().expect("there is a first one");
            let path = path(&self.folder, segment.number);
            std::fs::remove_file(&path).map_err(SamplesError::io(&path))?;
        }
        Ok(())
    }

    pub(crate) fn bytes(&self) -> u64 {
        let open = self.open.as_ref().map_or(0, |open| open.bytes);
        self.segments.iter().map(|segment| segment.bytes).sum::<u64>() + open
    }

    fn begin(&mut self) -> Result<Open, SamplesError> {
        let number = self.next;
        let path = path(&self.folder, number);
        let file = OpenOptions::new().append(true).create_new(true).open(&path);
        let file = file.map_err(SamplesError::io(&path))?;
        sync_folder(&self.folder)?;
        self.next += 1;
        Ok(Open { number, bytes: 0, file: Arc::new(file), path })
    }
}

/// Appends one record, whose body `put` writes.
pub(crate) fn put_record(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend([0; HEAD_BYTES]);
    put(out);
    let body = &out[start + HEAD_BYTES..];
    let (length, sum) = (body.len() as u32, crc32fast::hash(body));
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
    out[start + 4..start + 8].copy_from_slice(&sum.to_le_bytes());
}

/// Folders must be synced for a new or renamed file to be found after a power failure.
pub(crate) fn sync_folder(folder: &Path) -> Result<(), SamplesError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(SamplesError::io(folder))
}

/// Reads so many bytes at a place.
pub(crate) fn read_at(
    file: &File,
    path: &Path,
    at: u64,
    length: usize,
) -> Result<Vec<u8>, SamplesError> {
    let mut bytes = vec![0; length];
    match file.read_exact_at(&mut bytes, at) {
        Ok(()) => Ok(bytes),
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(SamplesError::Damaged { path: path.to_owned(), at })
        }
        Err(error) => Err(SamplesError::io(path)(error)),
    }
}

/// Hands out whole records from the front; returns how many bytes those are.
fn replay(bytes: &[u8], mut take: impl FnMut(&[u8]) -> bool) -> usize {
    let mut at = 0;
    while let Some(body) = record(&bytes[at..]) {
        if !take(body) {
            break;
        }
        at += HEAD_BYTES + body.len();
    }
    at
}

fn record(bytes: &[u8]) -> Option<&[u8]> {
    let (head, rest) = bytes.split_at_checked(HEAD_BYTES)?;
    let length = u32::from_le_bytes(head[..4].try_into().ok()?) as usize;
    let sum = u32::from_le_bytes(head[4..].try_into().ok()?);
    let body = rest.get(..length).filter(|_| length <= MAX_RECORD_BYTES)?;
    (crc32fast::hash(body) == sum).then_some(body)
}

/// Whether what is left can be the beginning of a record that was being written.
fn is_torn(rest: &[u8]) -> bool {
    let Some(head) = rest.get(..4) else { return true };
    let length = u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
    rest.len() < HEAD_BYTES + length
}

fn numbers(folder: &Path) -> Result<Vec<u64>, SamplesError> {
    let mut numbers = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(SamplesError::io(folder))? {
        let name = entry.map_err(SamplesError::io(folder))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".log"));
        numbers.extend(number.and_then(|number| number.parse::<u64>().ok()));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(format!("{number:010}.log"))
}
