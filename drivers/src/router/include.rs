//! The file of ours that a router's own configuration includes.
//!
//! It holds the whole of one routing, with its stamp in the second line, so that a reload by
//! anybody at any time, or a restart, brings the router to the routing it had, and a brain of the
//! past finds a newer stamp there and keeps its hands off.
//!
//! Invariants: it is there whole or not at all; it is written by one hand at a time.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use scaler::hands::{HandError, Stamp};

use crate::files;

/// Begins the line that holds the stamp. `#` begins a comment in nginx and HAProxy alike.
const STAMP: &str = "# routing ";

/// A file of ours, and the copy of it that a router is known to have taken.
#[derive(Clone, Debug)]
pub(super) struct Include(PathBuf);

impl Include {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// What stands in it; nothing if it is not there.
    pub(super) async fn read(&self) -> Result<String, HandError> {
        read(self.0.clone()).await
    }

    pub(super) async fn write(&self, text: &str) -> Result<(), HandError> {
        write(self.0.clone(), text).await
    }

    /// Remembers what the router has taken, for [`Self::take_back`].
    pub(super) async fn keep(&self, text: &str) -> Result<(), HandError> {
        write(self.last_good(), text).await
    }

    /// The last text that the router is known to have taken whole; nothing if it never took any.
    pub(super) async fn kept(&self) -> Result<String, HandError> {
        read(self.last_good()).await
    }

    /// Puts the last text there that the router took; `otherwise`, if it never took any.
    pub(super) async fn take_back(&self, otherwise: &str) -> Result<(), HandError> {
        let good = self.kept().await?;
        self.write(if good.is_empty() { otherwise } else { &good }).await
    }

    /// Beside it, under a name that no `*.conf` and no folder of `*.cfg` takes in.
    fn last_good(&self) -> PathBuf {
        let mut name = self.0.file_name().unwrap_or_default().to_owned();
        name.push(".last-good");
        self.0.with_file_name(name)
    }
}

/// The two lines that such a file begins with.
pub(super) fn head(stamp: Stamp) -> String {
    let stamp = serde_json::to_string(&stamp).expect("two numbers are JSON");
    format!("# Written by cloudbrain, anew with each change: do not edit.\n{STAMP}{stamp}\n")
}

/// The stamp of such a file; the smallest if it has none.
pub(super) fn stamp_of(text: &str) -> Stamp {
    let stamp = text.lines().take(5).find_map(|line| line.strip_prefix(STAMP));
    stamp.and_then(|stamp| serde_json::from_str(stamp).ok()).unwrap_or_default()
}

/// A brain of the past, or one that was restored from a backup, must not turn a router back.
pub(super) fn refuse_older(wanted: Stamp, known: &[Stamp]) -> Result<(), HandError> {
    match known.iter().max().filter(|newest| **newest > wanted) {
        Some(newest) => Err(HandError::Refused(format!("{newest} is in force; this is {wanted}"))),
        None => Ok(()),
    }
}

async fn read(path: PathBuf) -> Result<String, HandError> {
    let shown = path.display().to_string();
    match crate::blocking(move || files::read_bounded(&path)).await {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        Err(error) => Err(HandError::Failed(format!("cannot read {shown}: {error}"))),
    }
}

async fn write(path: PathBuf, text: &str) -> Result<(), HandError> {
    let (shown, text) = (path.display().to_string(), text.to_owned());
    let written = crate::blocking(move || files::write_whole(&path, text.as_bytes())).await;
    written.map_err(|error| HandError::Failed(format!("cannot write {shown}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stamp_is_read_back_and_a_file_without_one_is_older_than_any() {
        let stamp = Stamp { epoch: 3, generation: 42 };
        assert_eq!(stamp_of(&head(stamp)), stamp);
        assert_eq!(stamp_of("# routing {\"generation\":7}\n").generation, 7);
        assert_eq!(stamp_of("upstream a {}\n"), Stamp::default());
    }

    #[test]
    fn nobody_is_turned_back() {
        let stamp = |epoch, generation| Stamp { epoch, generation };
        assert!(refuse_older(stamp(0, 5), &[stamp(0, 5), stamp(0, 4)]).is_ok());
        assert!(refuse_older(stamp(1, 1), &[stamp(0, 900)]).is_ok());
        let said = refuse_older(stamp(0, 5), &[stamp(0, 4), stamp(0, 6)]).unwrap_err().to_string();
        assert!(said.contains("generation 6 of epoch 0 is in force"), "{said}");
    }
}
