//! What was deleted and is still in some part.

use std::path::Path;

use crate::bytes::{Broken, Reader, put_varint, put_zigzag};
use crate::error::SamplesError;
use crate::log::sync_folder;
use crate::state::Deleted;

const NAME: &str = "deleted";

pub(crate) fn write(folder: &Path, all: &[Deleted]) -> Result<(), SamplesError> {
    let mut bytes = Vec::new();
    for deleted in all {
        put_varint(&mut bytes, deleted.series);
        put_zigzag(&mut bytes, deleted.from);
        put_zigzag(&mut bytes, deleted.until);
        put_varint(&mut bytes, deleted.below);
    }
    bytes.extend(crc32fast::hash(&bytes).to_le_bytes());
    let (path, fresh) = (folder.join(NAME), folder.join("deleted.tmp"));
    let write = || {
        let file = std::fs::File::create(&fresh)?;
        std::io::Write::write_all(&mut &file, &bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)
    };
    write().map_err(SamplesError::io(&fresh))?;
    sync_folder(folder)
}

pub(crate) fn read(folder: &Path) -> Result<Vec<Deleted>, SamplesError> {
    let path = folder.join(NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(SamplesError::io(&path)(error)),
    };
    parse(&bytes).map_err(|Broken| SamplesError::Damaged { path, at: 0 })
}

fn parse(bytes: &[u8]) -> Result<Vec<Deleted>, Broken> {
    let (bytes, sum) = bytes.split_last_chunk::<4>().ok_or(Broken)?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*sum) {
        return Err(Broken);
    }
    let mut reader = Reader::of(bytes);
    let mut all = Vec::new();
    while !reader.is_empty() {
        all.push(Deleted {
            series: reader.varint()?,
            from: reader.zigzag()?,
            until: reader.zigzag()?,
            below: reader.varint()?,
        });
    }
    Ok(all)
}
