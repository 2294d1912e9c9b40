//! Small files that several processes share, and that outlive each of them.
//!
//! The brain, the VM processes and the router can each be killed between any two instructions, so
//! a file is written whole beside its name, flushed, and then renamed: who reads it finds the old
//! text or the new one, never half of one. A file has one writer at a time; who writes what is
//! said in [`crate::machine`].
//!
//! Reads are bounded, since a file may have been put there by somebody else.

use std::fs::{self, DirBuilder, File};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The largest file that is read, in bytes.
const MAX_FILE_BYTES: u64 = 8 << 20;

/// How much of the end of a log is looked at for its last line, in bytes.
const TAIL_BYTES: u64 = 4 << 10;

/// The longest last line that is passed on, in characters.
const MAX_LINE_CHARS: usize = 300;

/// The longest file name that the usual file systems take, in bytes.
const MAX_NAME_BYTES: usize = 255;

/// What stands in a file of ours.
#[derive(Debug)]
pub(crate) enum Found<T> {
    Nothing,
    /// It is there and cannot be understood.
    Unreadable(io::Error),
    Read(T),
}

/// Reads a JSON file.
pub(crate) fn read_json<T: DeserializeOwned>(path: &Path) -> Found<T> {
    match read_bounded(path) {
        Ok(bytes) => match serde_json::from_slice(&bytes) {
            Ok(value) => Found::Read(value),
            Err(error) => Found::Unreadable(error.into()),
        },
        Err(error) if error.kind() == ErrorKind::NotFound => Found::Nothing,
        Err(error) => Found::Unreadable(error),
    }
}

/// Writes a JSON file so that it is there whole or not at all, also after a loss of power.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> io::Result<()> {
    write_whole(path, &serde_json::to_vec(value)?)
}

/// Writes a file so that it is there whole or not at all, also after a loss of power.
///
/// # Errors
/// If it cannot be; then what was there before is still there.
pub fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let beside = path.with_extension("tmp");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    // The rename itself is kept by the folder, not by the file.
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// Makes a folder, and those above it, that only this user may look into.
pub(crate) fn make_private_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Removes a folder with all that is in it. One that is not there is a success.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// The last line of a log that says anything; empty if there is none.
pub(crate) fn last_line(path: &Path) -> String {
    let tail = read_tail(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&tail);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or("");
    line.chars().filter(|c| !c.is_control()).take(MAX_LINE_CHARS).collect()
}

/// An id as a file name: it stays in its folder whatever the id, and tells the id again.
/// None if it would be longer than a file name may be.
pub(crate) fn name_of(id: &str) -> Option<String> {
    let name = id.replace('/', "%2F"); // `%` occurs in no id, so two ids never share a name.
    let name = match name.strip_prefix('.') {
        Some(rest) => format!("%2E{rest}"), // Neither `.` nor `..` nor hidden.
        None => name,
    };
    (name.len() <= MAX_NAME_BYTES).then_some(name)
}

/// The id that [`name_of`] made this name of.
pub(crate) fn id_of(name: &str) -> String {
    name.replace("%2F", "/").replace("%2E", ".")
}

/// The bytes of a file of at most 8 MiB.
pub(crate) fn read_bounded(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_FILE_BYTES {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "it is larger than 8 MiB"));
    }
    Ok(bytes)
}

fn read_tail(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let start = file.metadata()?.len().saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_id_leaves_its_folder_and_each_reads_back() {
        for id in ["web-1", "..", ".", "../../etc/passwd", "/etc", "a/../b", "shop/web:1@x", "..."]
        {
            let name = name_of(id).unwrap();
            assert!(!name.contains('/') && !name.starts_with('.'), "{id} became {name}");
            assert_eq!(id_of(&name), id);
        }
        assert_ne!(name_of("a/b"), name_of("a-b"));
    }

    #[test]
    fn a_name_that_no_file_can_bear_is_told() {
        assert_eq!(name_of(&"x".repeat(255)).unwrap().len(), 255);
        assert_eq!(name_of(&"/".repeat(100)), None);
    }

    #[test]
    fn a_torn_file_is_unreadable_and_a_missing_one_is_nothing() {
        let folder = std::env::temp_dir().join(format!("drivers-files-{}", std::process::id()));
        make_private_folder(&folder).unwrap();
        let path = folder.join("run.json");
        assert!(matches!(read_json::<u32>(&path), Found::Nothing));
        write_json(&path, &7).unwrap();
        assert!(matches!(read_json::<u32>(&path), Found::Read(7)));
        fs::write(&path, "{\"pid\": 1").unwrap();
        assert!(matches!(read_json::<u32>(&path), Found::Unreadable(_)));
        remove_folder(&folder).unwrap();
        remove_folder(&folder).unwrap();
    }

    #[test]
    fn the_last_line_of_a_log_is_short_and_printable() {
        let path = std::env::temp_dir().join(format!("drivers-log-{}", std::process::id()));
        fs::write(&path, format!("{}\n\x1b[31mboom\n\n", "x".repeat(9000))).unwrap();
        assert_eq!(last_line(&path), "[31mboom");
        fs::remove_file(&path).unwrap();
        assert_eq!(last_line(&path), "");
    }
}
