//! What can go wrong, one variant for each thing a caller does differently.

use std::io;
use std::path::{Path, PathBuf};

/// Why the store did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// Nothing was taken; it works again when there is room.
    #[error("no room left on the disk of {}: free some space there", .path.display())]
    DiskFull { path: PathBuf },
    #[error("{} cannot be read or written", .path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// What a file holds is not what was written to it.
    #[error("{} is damaged at byte {at}: restore it, or move it away and lose what it holds", .path.display())]
    Damaged { path: PathBuf, at: u64 },
}

impl SamplesError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| {
            let path = path.to_owned();
            let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
            if full.contains(&source.kind()) {
                Self::DiskFull { path }
            } else {
                Self::Io { path, source }
            }
        }
    }
}
