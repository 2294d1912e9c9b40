//! One brain per data folder.
//!
//! Two brains on one folder would each act on half a picture. The lease is a lock that the kernel
//! holds for the open file and gives up with the process, however it dies; so a lock file that was
//! left behind blocks nobody. The pid inside is for people only.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::path::Path;

use crate::error::StoreError;

/// Held while the folder is in use; dropping it lets the next brain in.
#[derive(Debug)]
pub(crate) struct Lease {
    _locked: File,
}

/// Takes the folder, or says who has it.
pub(crate) fn take(folder: &Path) -> Result<Lease, StoreError> {
    let path = folder.join("brain.lock");
    let disk = |error| StoreError::from_io(&path, error);
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(&path).map_err(disk)?;
    match file.try_lock() {
        Ok(()) => (),
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::InUse { folder: folder.to_owned(), pid: pid_in(&file) });
        }
        Err(TryLockError::Error(error)) => return Err(disk(error)),
    }
    sign(&mut file).map_err(disk)?;
    Ok(Lease { _locked: file })
}

fn sign(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())
}

/// None in the moment between another brain's lock and its signature.
fn pid_in(file: &File) -> Option<u32> {
    let mut text = String::new();
    file.take(16).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}
