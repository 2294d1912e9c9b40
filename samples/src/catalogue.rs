//! Which series there are, on disk: what the numbers in parts mean.
//!
//! Texts are kept once and named by number, so that twenty-five thousand series take a hundred
//! kilobytes. The file is written anew, beside the old one and renamed, before a part that speaks
//! of new series is; what came since lies in the log.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use model::series::Labels;

use crate::bytes::{Broken, Reader, put_text, put_varint};
use crate::error::SamplesError;
use crate::index::Index;
use crate::log::sync_folder;

const MAGIC: &[u8; 8] = b"cbindex1";
const NAME: &str = "catalogue";

/// Writes all series there are.
pub(crate) fn write(folder: &Path, bytes: &[u8]) -> Result<(), SamplesError> {
    let (path, fresh) = (folder.join(NAME), folder.join("catalogue.tmp"));
    let write = || {
        let file = std::fs::File::create(&fresh)?;
        std::io::Write::write_all(&mut &file, bytes)?;
        file.sync_all()?;
        std::fs::rename(&fresh, &path)
    };
    write().map_err(SamplesError::io(&fresh))?;
    sync_folder(folder)
}

/// Reads the series into an empty index. A new folder has none.
pub(crate) fn read(folder: &Path, index: &mut Index) -> Result<(), SamplesError> {
    let path = folder.join(NAME);
    let bytes = match std::fs::read(&path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(SamplesError::io(&path)(error)),
    };
    parse(&bytes, index).map_err(|Broken| SamplesError::Damaged { path, at: 0 })
}

pub(crate) fn bytes(index: &Index) -> Vec<u8> {
    let mut symbols = Symbols::default();
    let mut body = Vec::new();
    put_varint(&mut body, index.frames.len() as u64);
    for frame in &index.frames {
        symbols.put(&mut body, frame.common.pairs().iter());
        put_varint(&mut body, frame.columns.len() as u64);
        for labels in &frame.columns {
            let own = labels.pairs().iter().filter(|(name, _)| frame.common.get(name).is_empty());
            symbols.put(&mut body, own);
        }
    }
    let mut out = MAGIC.to_vec();
    put_varint(&mut out, symbols.texts.len() as u64);
    symbols.texts.iter().for_each(|text| put_text(&mut out, text));
    out.extend(body);
    out.extend(crc32fast::hash(&out).to_le_bytes());
    out
}

fn parse(bytes: &[u8], index: &mut Index) -> Result<(), Broken> {
    let (bytes, sum) = bytes.split_last_chunk::<4>().ok_or(Broken)?;
    if crc32fast::hash(bytes) != u32::from_le_bytes(*sum) {
        return Err(Broken);
    }
    let mut reader = Reader::of(bytes);
    if reader.take(MAGIC.len())? != MAGIC {
        return Err(Broken);
    }
    let count = reader.count(bytes.len())?;
    let texts = (0..count).map(|_| reader.text().map(Arc::from));
    let texts = texts.collect::<Result<Vec<Arc<str>>, _>>()?;
    for _ in 0..reader.count(bytes.len())? {
        let common = labels(&mut reader, &texts)?;
        let frame = index.add_frame(&common);
        for _ in 0..reader.count(bytes.len())? {
            let own = labels(&mut reader, &texts)?;
            index.add_column(frame, &common.with(&own));
        }
    }
    Ok(())
}

fn labels(reader: &mut Reader<'_>, texts: &[Arc<str>]) -> Result<Labels, Broken> {
    let text = |reader: &mut Reader<'_>| {
        let at = usize::try_from(reader.varint()?).map_err(|_| Broken)?;
        texts.get(at).cloned().ok_or(Broken)
    };
    let count = reader.count(reader.rest().len())?;
    let pairs = (0..count).map(|_| Ok((text(reader)?, text(reader)?)));
    Ok(Labels::of(pairs.collect::<Result<Vec<_>, Broken>>()?))
}

/// Texts by the order in which they were met.
#[derive(Default)]
struct Symbols {
    places: BTreeMap<Arc<str>, u64>,
    texts: Vec<Arc<str>>,
}

impl Symbols {
    fn put<'a>(
        &mut self,
        out: &mut Vec<u8>,
        labels: impl Iterator<Item = &'a (Arc<str>, Arc<str>)> + Clone,
    ) {
        put_varint(out, labels.clone().count() as u64);
        for (name, value) in labels {
            for text in [name, value] {
                let place = self.place(text);
                put_varint(out, place);
            }
        }
    }

    fn place(&mut self, text: &Arc<str>) -> u64 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = self.texts.len() as u64;
        self.texts.push(text.clone());
        self.places.insert(text.clone(), place);
        place
    }
}
