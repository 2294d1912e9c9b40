//! Data folders for tests: fresh at the start, left behind at the end for whoever looks.

use std::path::{Path, PathBuf};

use model::time::Time;
use store::{Opened, Store};

/// An empty folder of this name, which no other test uses.
pub(crate) fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

pub(crate) fn open(folder: &Path) -> Opened {
    Store::open(folder, Time::from_millis(1)).unwrap()
}
