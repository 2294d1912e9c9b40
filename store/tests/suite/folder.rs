//! Data folders for tests: fresh at the start, left behind at the end for whoever looks.

use std::path::{Path, PathBuf};
use std::time::Duration;

use model::time::Time;
use store::{Opened, Store, StoreError};

/// An empty folder of this name, which no other test uses.
pub(crate) fn fresh(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).unwrap();
    }
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Opens a folder that no other store has. The crash tests beside start children, and between fork
/// and exec such a child still holds every lease of ours: that moment is waited out.
pub(crate) fn open(folder: &Path) -> Opened {
    for _ in 0..100 {
        match Store::open(folder, Time::from_millis(1)) {
            Err(StoreError::InUse { .. }) => std::thread::sleep(Duration::from_millis(10)),
            opened => return opened.unwrap(),
        }
    }
    panic!("{} is in use", folder.display())
}
