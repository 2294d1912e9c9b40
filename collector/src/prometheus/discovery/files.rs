//! Lists of targets in files, as `file_sd` reads them: JSON or YAML by the ending of the name.
//!
//! A file is read again when its time or length changed. One that cannot be read, or is no list,
//! keeps what it said before for a day and is tried again at each refresh; one that is gone says
//! nothing any more, which the brake then judges.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use model::time::Time;
use tokio::io::AsyncReadExt;

use super::list::{TargetGroup, read_json, read_yaml};
use super::{DiscoveryError, KEEP, MAX_LIST_BYTES, Read};

/// The most files that one pattern may name.
const MAX_FILES: usize = 1_000;

/// Files with lists, by path or pattern, and what they said when they were last read.
#[derive(Debug)]
pub struct FileLists {
    patterns: Vec<Pattern>,
    read: BTreeMap<PathBuf, ReadFile>,
}

/// A path whose last part may have one `*`.
#[derive(Debug)]
struct Pattern {
    path: PathBuf,
    folder: PathBuf,
    /// What stands before and after the star.
    around: Option<(String, String)>,
}

#[derive(Debug)]
struct ReadFile {
    /// None if it must be read again, whatever its stamp.
    stamp: Option<Stamp>,
    groups: Vec<TargetGroup>,
    /// When that was what the file said.
    at: Time,
}

/// What changes when a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl FileLists {
    /// Each path ends in `.json`, `.yml` or `.yaml`, and its last part may have one `*`.
    pub fn new(paths: impl IntoIterator<Item = PathBuf>) -> Result<Self, DiscoveryError> {
        let patterns: Result<Vec<Pattern>, _> = paths.into_iter().map(Pattern::new).collect();
        Ok(Self { patterns: patterns?, read: BTreeMap::new() })
    }

    /// What all files say, and what was wrong with some of them.
    pub(super) async fn read(&mut self, now: Time) -> Read {
        let (mut files, mut errors, mut is_whole) = (Vec::new(), Vec::new(), true);
        for pattern in &self.patterns {
            match pattern.files().await {
                Ok(found) => files.extend(found),
                Err(error) => {
                    // What cannot be listed is not known to be gone.
                    is_whole = false;
                    files.extend(self.read.keys().filter(|path| pattern.fits(path)).cloned());
                    errors.push(DiscoveryError::File(pattern.path.clone(), error));
                }
            }
        }
        let mut before = std::mem::take(&mut self.read);
        for path in files {
            let known = before.remove(&path);
            match current(&path, known.as_ref()).await {
                Ok(Some((stamp, groups))) => {
                    let new = ReadFile { stamp: Some(stamp), groups, at: now };
                    self.read.insert(path, new);
                }
                Ok(None) => {
                    let same = known.map(|known| ReadFile { at: now, ..known });
                    self.read.extend(same.map(|same| (path, same)));
                }
                Err(DiscoveryError::File(_, error)) if error.kind() == io::ErrorKind::NotFound => {
                    errors.push(DiscoveryError::File(path, error));
                }
                Err(error) => match known {
                    // It may have been read before a restart.
                    None => {
                        is_whole = false;
                        errors.push(error);
                    }
                    Some(known) => {
                        errors.push(error.about_list_of(known.at, now));
                        self.read.insert(path, known.kept(now));
                    }
                },
            }
        }
        let groups = self.read.values().flat_map(|file| file.groups.iter().cloned()).collect();
        Read { groups, errors, is_whole }
    }
}

impl ReadFile {
    /// What it said before, unless that is too long ago.
    fn kept(self, now: Time) -> Self {
        match now.since(self.at) < KEEP {
            true => self,
            false => Self { stamp: None, groups: Vec::new(), at: self.at },
        }
    }
}

impl Pattern {
    fn new(path: PathBuf) -> Result<Self, DiscoveryError> {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let folder = path.parent().map(Path::to_path_buf).unwrap_or_default();
        let folder = if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder };
        let is_fit = ending(&path).is_some()
            && name.matches('*').count() <= 1
            && !folder.to_string_lossy().contains('*');
        if !is_fit {
            return Err(DiscoveryError::Pattern(path));
        }
        let around = name.split_once('*').map(|(a, b)| (a.to_owned(), b.to_owned()));
        Ok(Self { path, folder, around })
    }

    async fn files(&self) -> io::Result<Vec<PathBuf>> {
        if self.around.is_none() {
            return Ok(vec![self.path.clone()]);
        }
        let mut found = Vec::new();
        let mut entries = tokio::fs::read_dir(&self.folder).await?;
        while let Some(entry) = entries.next_entry().await? {
            let path = self.folder.join(entry.file_name());
            if self.fits(&path) {
                found.push(path);
            }
            if found.len() > MAX_FILES {
                let too_many = format!("more than {MAX_FILES} files");
                return Err(io::Error::other(too_many));
            }
        }
        found.sort();
        Ok(found)
    }

    fn fits(&self, path: &Path) -> bool {
        let Some((before, after)) = &self.around else { return path == self.path };
        let name = path.file_name().and_then(|name| name.to_str());
        path.parent() == Some(&self.folder)
            && name
                .and_then(|name| name.strip_prefix(&**before))
                .is_some_and(|rest| rest.ends_with(&**after))
    }
}

/// How a list in this file is written.
fn ending(path: &Path) -> Option<&str> {
    let ending = path.extension()?.to_str()?;
    matches!(ending, "json" | "yml" | "yaml").then_some(ending)
}

/// What a file says now, and its stamp; `None` if it has not changed.
async fn current(
    path: &Path,
    known: Option<&ReadFile>,
) -> Result<Option<(Stamp, Vec<TargetGroup>)>, DiscoveryError> {
    let failed = |error| DiscoveryError::File(path.to_path_buf(), error);
    let stamp = stamp(path).await.map_err(failed)?;
    if known.is_some_and(|known| known.stamp == Some(stamp)) {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = tokio::fs::File::open(path).await.map_err(failed)?;
    // One byte more than is allowed, so that what is longer shows.
    let read = file.take(MAX_LIST_BYTES as u64 + 1).read_to_end(&mut bytes).await;
    read.map_err(failed)?;
    let is_json = ending(path) == Some("json");
    let groups = if is_json { read_json(&bytes) } else { read_yaml(&bytes) };
    match groups {
        Ok(groups) => Ok(Some((stamp, groups))),
        Err(error) => Err(DiscoveryError::FileList(path.to_path_buf(), error)),
    }
}

async fn stamp(path: &Path) -> io::Result<Stamp> {
    let about = tokio::fs::metadata(path).await?;
    if !about.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    Ok(Stamp { modified: about.modified().ok(), bytes: about.len() })
}
