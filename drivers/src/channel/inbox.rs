//! A file that messages are appended to, one JSON line each: for demos, tests, and whoever reads
//! files.
//!
//! The file itself is the memory of what was delivered, so a message that is handed over again
//! after a crash is not written twice. It is never rewritten; somebody else may take it away, and
//! then it begins anew. A line that a crash cut off is closed by the next one, and counts for
//! nothing.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use alerter::hands::{Answer, Channel, ChannelError, Parcel, Receipt};
use alerter::message::Message;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::settings::{Ground, Problem};
use crate::blocking;

/// One JSON line per message in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InboxSettings {
    pub name: String,
    /// Relative to the data folder.
    pub path: PathBuf,
}

/// A file of messages.
#[derive(Debug)]
pub struct InboxChannel {
    name: String,
    path: PathBuf,
    seen: Arc<Mutex<Seen>>,
}

/// What was found in the file so far.
#[derive(Debug, Default)]
struct Seen {
    keys: BTreeSet<String>,
    /// How much of the file was looked at.
    bytes: u64,
}

#[derive(Deserialize)]
struct Keyed {
    key: String,
}

impl super::Kind for InboxSettings {
    fn word(&self) -> &'static str {
        "inbox"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        let path = ground.data.join(&self.path);
        Ok(Arc::new(InboxChannel::new(self.name.clone(), path)))
    }

    fn takes_reports(&self) -> bool {
        true
    }
}

impl InboxChannel {
    /// The file is made when the first message comes; its folder must be there.
    pub fn new(name: String, path: PathBuf) -> Self {
        Self { name, path, seen: Arc::default() }
    }

    async fn append(&self, message: &Message) -> Result<(), ChannelError> {
        let key = message.key.clone();
        let unwritable = |error| ChannelError::Refused(format!("beyond JSON: {error}"));
        let line = serde_json::to_string(message).map_err(unwritable)?;
        let (path, seen) = (self.path.clone(), Arc::clone(&self.seen));
        let written = blocking(move || append_once(&path, &seen, &key, &line)).await;
        written.map_err(|error| ChannelError::Retry {
            detail: format!("cannot write {}: {error}", self.path.display()),
            after: None,
        })
    }
}

impl Channel for InboxChannel {
    fn name(&self) -> &str {
        &self.name
    }

    /// Without a limit no digests are made, so that each message has its own line.
    fn deliver<'a>(&'a self, parcel: Parcel<'a>) -> Answer<'a, Result<Receipt, ChannelError>> {
        Box::pin(async move {
            for message in parcel.messages {
                self.append(message).await?;
            }
            Ok(Receipt::of(parcel.messages.len()))
        })
    }

    fn knows_repeats(&self) -> bool {
        true
    }
}

fn append_once(path: &Path, seen: &Mutex<Seen>, key: &str, line: &str) -> io::Result<()> {
    let mut seen = seen.lock().expect("nobody panics while holding it");
    let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
    let is_torn = look_on(&mut seen, &file)?;
    if seen.keys.contains(key) {
        return file.sync_all(); // It may have been written by a brain that died before this.
    }
    let start = if is_torn { "\n" } else { "" };
    file.write_all(format!("{start}{line}\n").as_bytes())?;
    file.sync_all()
}

/// Looks at what was appended since the last look. Tells whether the last line is cut off.
fn look_on(seen: &mut Seen, file: &File) -> io::Result<bool> {
    if file.metadata()?.len() < seen.bytes {
        *seen = Seen::default(); // Somebody took the old file away.
    }
    let mut reader = BufReader::new(file);
    reader.seek(SeekFrom::Start(seen.bytes))?;
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        if line.last() != Some(&b'\n') {
            return Ok(true);
        }
        seen.bytes += line.len() as u64;
        seen.keys.extend(serde_json::from_slice(&line).ok().map(|keyed: Keyed| keyed.key));
        line.clear();
    }
    Ok(false)
}
