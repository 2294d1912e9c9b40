//! Reads the events that a Zabbix server writes to files, where we run beside it.
//!
//! With `ExportDir=` set, each of its processes appends its events to a file of its own as one
//! JSON line each: `problems-history-syncer-1.ndjson` and so on. That is cheaper than the API, and
//! a recovery names its problem. A full file is renamed to `.old`, over the last one, and begun
//! anew; the last line may be half written.
//!
//! So each file is known by its inode and read from where we stopped, an inode that was renamed
//! is read to its end first, and a line counts only once its newline is there. If a file was
//! renamed twice since we last looked, a part is lost: that is counted, and the reconciliation
//! finds what it meant.
//!
//! Blocking file IO, bounded in bytes. The state can be stored; hand the new one to the next read
//! only once what was read is stored.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::event::{Event, Happening, problem_name, severity, time};
use super::ids::{EventId, TriggerId};
use super::loose;

/// How much is read in one go, of all files together.
const MAX_READ_BYTES: u64 = 8 * 1024 * 1024;
/// A longer line is left out.
const MAX_LINE_BYTES: u64 = 1024 * 1024;
/// How much before an offset tells whether it is the same file still.
const MARKED_BYTES: u64 = 256;
/// More files than a server has processes are not read.
const MAX_FILES: usize = 256;

/// How far each file was read, by its name. Empty before the first look.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExportState {
    files: BTreeMap<String, Place>,
    has_begun: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    inode: u64,
    offset: u64,
    /// Of the bytes before the offset: the inode of a removed file is soon given to another.
    mark: u64,
}

/// What was appended since.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Exported {
    /// In the order of their numbers. The trigger of a problem is not in the files, nor are the
    /// numbers of its hosts: for those, the API is asked by the problem's number.
    pub events: Vec<Event>,
    /// Lines that are no event.
    pub odd_lines: u64,
    /// Files of which a part was gone before it was read.
    pub lost_files: u64,
    /// There is more to read at once.
    pub has_more: bool,
}

#[derive(Debug, Deserialize)]
struct Line {
    eventid: EventId,
    #[serde(deserialize_with = "loose::integer")]
    clock: i64,
    #[serde(default, deserialize_with = "loose::integer")]
    ns: i64,
    #[serde(deserialize_with = "loose::integer")]
    value: i64,
    #[serde(default, deserialize_with = "loose::integer")]
    severity: i64,
    #[serde(default, deserialize_with = "loose::text")]
    name: String,
    p_eventid: Option<EventId>,
}

/// Reads what was appended since `state`. The first time nothing is read: only what comes from
/// now on is an event, and what is open already the reconciliation finds.
pub fn read(folder: &Path, state: &ExportState) -> io::Result<(Exported, ExportState)> {
    let mut exported = Exported::default();
    let mut next = state.clone();
    let mut budget = MAX_READ_BYTES;
    for name in names(folder)? {
        let path = folder.join(&name);
        // What is opened is what is asked: by its name it could be another one the next moment.
        let Ok(file) = File::open(&path) else { continue };
        let old = File::open(old_path(&path)).ok();
        let begin = match (state.files.get(&name), &old) {
            (Some(place), _) if place.is_in(&file)? => *place,
            (Some(place), Some(old)) if place.is_in(old)? => *place,
            (Some(_), _) => {
                exported.lost_files += 1;
                Place::start(&file)?
            }
            (None, Some(old)) if state.has_begun => Place::start(old)?,
            (None, _) if state.has_begun => Place::start(&file)?,
            (None, _) => Place::at(&file, last_newline(&file)?)?,
        };
        let place = read_both(old.as_ref(), &file, begin, &mut budget, &mut exported)?;
        next.files.insert(name, place);
    }
    next.has_begun = true;
    exported.has_more = budget == 0;
    exported.events.sort_by_key(|event| event.id);
    Ok((exported, next))
}

impl Place {
    fn start(file: &File) -> io::Result<Self> {
        Self::at(file, 0)
    }

    fn at(file: &File, offset: u64) -> io::Result<Self> {
        Ok(Self { inode: file.metadata()?.ino(), offset, mark: mark(file, offset)? })
    }

    fn is_in(&self, file: &File) -> io::Result<bool> {
        let found = file.metadata()?;
        let may_be = found.ino() == self.inode && found.len() >= self.offset;
        Ok(may_be && mark(file, self.offset)? == self.mark)
    }
}

/// Reads from a place on, which lies in the file or in the one that was renamed before it.
fn read_both(
    old: Option<&File>,
    file: &File,
    begin: Place,
    budget: &mut u64,
    exported: &mut Exported,
) -> io::Result<Place> {
    let mut offset = begin.offset;
    if let Some(old) = old.filter(|_| !begin.is_in(file).unwrap_or(false)) {
        let end = read_file(old, offset, budget, exported)?;
        if *budget == 0 {
            return Place::at(old, end);
        }
        // Nobody writes to it any more: what is left without a newline will never be a line.
        offset = 0;
    }
    Place::at(file, read_file(file, offset, budget, exported)?)
}

/// Reads whole lines from an offset on; returns the offset after the last of them.
fn read_file(
    mut file: &File,
    offset: u64,
    budget: &mut u64,
    exported: &mut Exported,
) -> io::Result<u64> {
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(*budget).read_to_end(&mut bytes)?;
    *budget -= bytes.len() as u64;
    let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') else {
        // A line longer than this is no event: it is passed over, in pieces.
        let is_endless = bytes.len() as u64 > MAX_LINE_BYTES;
        exported.odd_lines += u64::from(is_endless);
        return Ok(if is_endless { offset + bytes.len() as u64 } else { offset });
    };
    for line in bytes[..last].split(|byte| *byte == b'\n') {
        match parse(line) {
            Some(event) => exported.events.push(event),
            None => exported.odd_lines += 1,
        }
    }
    Ok(offset + last as u64 + 1)
}

/// Reads one line.
pub fn parse(line: &[u8]) -> Option<Event> {
    let line: Line = serde_json::from_slice(line).ok()?;
    let what = if line.value == 0 {
        Happening::Recovery { problem: Some(line.p_eventid?) }
    } else {
        Happening::Problem {
            severity: severity(line.severity),
            name: problem_name(&line.name),
            hosts: Vec::new(),
            suppressed: false,
            recovery: None,
        }
    };
    let (id, trigger) = (line.eventid, TriggerId::default());
    Some(Event { id, trigger, at: time(line.clock, line.ns), what })
}

/// The files of problems, whichever process writes them.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let names =
        fs::read_dir(folder)?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<String> =
        names.filter(|name| name.starts_with("problems-") && name.ends_with(".ndjson")).collect();
    names.sort();
    names.truncate(MAX_FILES);
    Ok(names)
}

fn old_path(path: &Path) -> PathBuf {
    let mut old = path.as_os_str().to_owned();
    old.push(".old");
    PathBuf::from(old)
}

/// Where the last whole line of a file ends, looked for in its last part.
fn last_newline(mut file: &File) -> io::Result<u64> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(MAX_LINE_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(length - from).read_to_end(&mut bytes)?;
    let last = bytes.iter().rposition(|byte| *byte == b'\n');
    Ok(last.map_or(from, |last| from + last as u64 + 1))
}

/// A number for the bytes before an offset (FNV-1a).
fn mark(mut file: &File, offset: u64) -> io::Result<u64> {
    let from = offset.saturating_sub(MARKED_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(offset - from).read_to_end(&mut bytes)?;
    let step = |sum: u64, byte: &u8| (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    Ok(bytes.iter().fold(0xcbf2_9ce4_8422_2325, step))
}

#[cfg(test)]
#[path = "export_tests.rs"]
mod tests;
