//! Parts: immutable files of chunks.
//!
//! A chunk is a stretch of one frame: its times once, and each column as a block of its own, so
//! that a query reads the one column it wants. At the end lies an index of all blocks with their
//! checksums, and what the part replaces. A part is written under a temporary name and renamed when
//! it is whole, so whatever is there by its name is whole.
//!
//! Layout: magic, blocks, index, its offset (8 bytes), length (4), checksum (4), magic.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};

use crate::bytes::{Broken, Reader, put_varint, put_zigzag};
use crate::codec::{self, Effort, MAX_ROWS};
use crate::error::SamplesError;
use crate::log::{read_at, sync_folder};

const MAGIC: &[u8; 8] = b"cbpart1\n";
const TAIL_BYTES: u64 = 8 + 4 + 4 + 8;
/// A bigger index is damage.
const MAX_INDEX_BYTES: usize = 1 << 30;

/// How fine the samples of a part are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Tier {
    Raw,
    FiveMinutes,
    Hours,
}

/// A part that can be read.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) number: u64,
    pub(crate) tier: Tier,
    /// 0 for parts as they were sealed; merging makes one of the next level.
    pub(crate) level: u8,
    /// The parts whose place it took.
    pub(crate) replaces: Vec<u64>,
    /// By frame, then by time.
    pub(crate) chunks: Vec<Chunk>,
    pub(crate) bytes: u64,
    first: i64,
    last: i64,
    path: PathBuf,
    file: File,
}

/// Where a chunk lies, and what of.
#[derive(Clone, Debug)]
pub(crate) struct Chunk {
    pub(crate) frame: u32,
    pub(crate) rows: u32,
    pub(crate) first: i64,
    pub(crate) last: i64,
    offset: u64,
    times: Block,
    /// By column.
    blocks: Box<[(u32, Block)]>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    length: u32,
    sum: u32,
}

impl Tier {
    pub(crate) const ALL: [Self; 3] = [Self::Raw, Self::FiveMinutes, Self::Hours];

    fn of(byte: u8) -> Result<Self, Broken> {
        Self::ALL.get(usize::from(byte)).copied().ok_or(Broken)
    }
}

impl Part {
    pub(crate) fn open(path: &Path, number: u64) -> Result<Self, SamplesError> {
        let file = File::open(path).map_err(SamplesError::io(path))?;
        let bytes = file.metadata().map_err(SamplesError::io(path))?.len();
        let damaged = |at: u64| SamplesError::Damaged { path: path.to_owned(), at };
        let tail_at = bytes.checked_sub(TAIL_BYTES).ok_or_else(|| damaged(0))?;
        let tail = read_at(&file, path, tail_at, TAIL_BYTES as usize)?;
        let number_at = |from: usize, to: usize| {
            tail[from..to].iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte))
        };
        let (offset, length, sum) = (number_at(0, 8), number_at(8, 12), number_at(12, 16));
        let fits = offset.checked_add(length) == Some(tail_at) && length <= MAX_INDEX_BYTES as u64;
        if !fits || tail[16..] != MAGIC[..] {
            return Err(damaged(tail_at));
        }
        let index = read_at(&file, path, offset, length as usize)?;
        if u64::from(crc32fast::hash(&index)) != sum {
            return Err(damaged(offset));
        }
        let mut part = Self {
            number,
            tier: Tier::Raw,
            level: 0,
            replaces: Vec::new(),
            chunks: Vec::new(),
            bytes,
            first: i64::MAX,
            last: i64::MIN,
            path: path.to_owned(),
            file,
        };
        part.read_index(&index, offset).map_err(|_| damaged(offset))?;
        Ok(part)
    }

    fn read_index(&mut self, index: &[u8], end: u64) -> Result<(), Broken> {
        let mut reader = Reader::of(index);
        self.tier = Tier::of(reader.byte()?)?;
        self.level = reader.byte()?;
        for _ in 0..reader.count(index.len())? {
            self.replaces.push(reader.varint()?);
        }
        let mut offset = MAGIC.len() as u64;
        while !reader.is_empty() {
            let chunk = Chunk::read(&mut reader, offset)?;
            offset += chunk.length();
            self.first = self.first.min(chunk.first);
            self.last = self.last.max(chunk.last);
            self.chunks.push(chunk);
        }
        (offset == end).then_some(()).ok_or(Broken)
    }

    /// The chunks of a frame.
    pub(crate) fn of_frame(&self, frame: u32) -> &[Chunk] {
        let from = self.chunks.partition_point(|chunk| chunk.frame < frame);
        let to = self.chunks.partition_point(|chunk| chunk.frame <= frame);
        &self.chunks[from..to]
    }

    pub(crate) fn times(&self, chunk: &Chunk) -> Result<Vec<i64>, SamplesError> {
        let bytes = self.block(chunk.offset, chunk.times)?;
        codec::times(&bytes, chunk.rows as usize).map_err(|Broken| self.damaged(chunk.offset))
    }

    /// None if the chunk has no such column.
    pub(crate) fn values(
        &self,
        chunk: &Chunk,
        column: u32,
    ) -> Result<Option<Vec<f64>>, SamplesError> {
        let Ok(at) = chunk.blocks.binary_search_by_key(&column, |(column, _)| *column) else {
            return Ok(None);
        };
        let before = chunk.blocks[..at].iter().map(|(_, block)| u64::from(block.length));
        let offset = chunk.offset + u64::from(chunk.times.length) + before.sum::<u64>();
        let bytes = self.block(offset, chunk.blocks[at].1)?;
        let values = codec::values(&bytes, chunk.rows as usize);
        values.map(Some).map_err(|Broken| self.damaged(offset))
    }

    pub(crate) fn last(&self) -> i64 {
        self.last
    }

    pub(crate) fn first(&self) -> i64 {
        self.first
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    fn block(&self, offset: u64, block: Block) -> Result<Vec<u8>, SamplesError> {
        let bytes = read_at(&self.file, &self.path, offset, block.length as usize)?;
        match crc32fast::hash(&bytes) == block.sum {
            true => Ok(bytes),
            false => Err(self.damaged(offset)),
        }
    }

    fn damaged(&self, at: u64) -> SamplesError {
        SamplesError::Damaged { path: self.path.clone(), at }
    }
}

impl Chunk {
    fn length(&self) -> u64 {
        let blocks = self.blocks.iter().map(|(_, block)| u64::from(block.length));
        u64::from(self.times.length) + blocks.sum::<u64>()
    }

    pub(crate) fn columns(&self) -> impl Iterator<Item = u32> {
        self.blocks.iter().map(|(column, _)| *column)
    }

    fn read(reader: &mut Reader<'_>, offset: u64) -> Result<Self, Broken> {
        let frame = u32::try_from(reader.varint()?).map_err(|_| Broken)?;
        let rows = reader.count(MAX_ROWS)? as u32;
        let first = reader.zigzag()?;
        let last = first.checked_add_unsigned(reader.varint()?).ok_or(Broken)?;
        let times = Block::read(reader)?;
        let count = reader.count(reader.rest().len())?;
        let mut blocks = Vec::with_capacity(count);
        let mut column = 0u32;
        for _ in 0..count {
            let step = u32::try_from(reader.varint()?).map_err(|_| Broken)?;
            column = column.checked_add(step).ok_or(Broken)?;
            blocks.push((column, Block::read(reader)?));
        }
        Ok(Self { frame, rows, first, last, offset, times, blocks: blocks.into() })
    }

    fn put(&self, out: &mut Vec<u8>) {
        put_varint(out, self.frame.into());
        put_varint(out, self.rows.into());
        put_zigzag(out, self.first);
        put_varint(out, self.last.wrapping_sub(self.first) as u64);
        self.times.put(out);
        put_varint(out, self.blocks.len() as u64);
        let mut before = 0;
        for (column, block) in &self.blocks {
            put_varint(out, u64::from(column - before));
            block.put(out);
            before = *column;
        }
    }
}

impl Block {
    fn of(bytes: &[u8]) -> Self {
        Self { length: bytes.len() as u32, sum: crc32fast::hash(bytes) }
    }

    fn read(reader: &mut Reader<'_>) -> Result<Self, Broken> {
        let length = u32::try_from(reader.varint()?).map_err(|_| Broken)?;
        Ok(Self { length, sum: reader.u32()? })
    }

    fn put(self, out: &mut Vec<u8>) {
        put_varint(out, self.length.into());
        out.extend(self.sum.to_le_bytes());
    }
}

/// Writes one part. Dropped before [`PartWriter::finish`], it leaves a file that the next open
/// removes.
#[derive(Debug)]
pub(crate) struct PartWriter {
    folder: PathBuf,
    number: u64,
    path: PathBuf,
    file: BufWriter<File>,
    offset: u64,
    index: Vec<u8>,
    effort: Effort,
    buffer: Vec<u8>,
}

impl PartWriter {
    pub(crate) fn create(
        folder: &Path,
        number: u64,
        (tier, level): (Tier, u8),
        replaces: &[u64],
        effort: Effort,
    ) -> Result<Self, SamplesError> {
        let path = folder.join(format!("{number:010}.tmp"));
        let file = File::create(&path).map_err(SamplesError::io(&path))?;
        let mut file = BufWriter::with_capacity(1 << 18, file);
        file.write_all(MAGIC).map_err(SamplesError::io(&path))?;
        let mut index = vec![tier as u8, level];
        put_varint(&mut index, replaces.len() as u64);
        replaces.iter().for_each(|replaced| put_varint(&mut index, *replaced));
        let (offset, buffer) = (MAGIC.len() as u64, Vec::new());
        let folder = folder.to_owned();
        Ok(Self { folder, number, path, file, offset, index, effort, buffer })
    }

    /// Adds a chunk: frames in ascending order, and of each frame the times and columns too. No
    /// more than [`MAX_ROWS`] rows.
    pub(crate) fn add<'a>(
        &mut self,
        frame: u32,
        times: &[i64],
        columns: impl IntoIterator<Item = (u32, &'a [f64])>,
    ) -> Result<(), SamplesError> {
        let (Some(first), Some(last)) = (times.first(), times.last()) else { return Ok(()) };
        self.buffer.clear();
        codec::put_times(&mut self.buffer, times, self.effort);
        let times_block = Block::of(&self.buffer);
        let mut blocks = Vec::new();
        for (column, values) in columns {
            let from = self.buffer.len();
            codec::put_values(&mut self.buffer, values, self.effort);
            blocks.push((column, Block::of(&self.buffer[from..])));
        }
        let chunk = Chunk {
            frame,
            rows: times.len() as u32,
            first: *first,
            last: *last,
            offset: self.offset,
            times: times_block,
            blocks: blocks.into(),
        };
        chunk.put(&mut self.index);
        self.offset += self.buffer.len() as u64;
        self.file.write_all(&self.buffer).map_err(SamplesError::io(&self.path))
    }

    /// Makes it durable and gives it its name.
    pub(crate) fn finish(mut self) -> Result<Part, SamplesError> {
        let io = || SamplesError::io(&self.path);
        let mut tail = Vec::with_capacity(TAIL_BYTES as usize);
        tail.extend(self.offset.to_le_bytes());
        tail.extend((self.index.len() as u32).to_le_bytes());
        tail.extend(crc32fast::hash(&self.index).to_le_bytes());
        tail.extend(MAGIC);
        self.file.write_all(&self.index).map_err(io())?;
        self.file.write_all(&tail).map_err(io())?;
        self.file.flush().map_err(io())?;
        self.file.get_ref().sync_all().map_err(io())?;
        let path = self.folder.join(format!("{:010}.part", self.number));
        std::fs::rename(&self.path, &path).map_err(io())?;
        sync_folder(&self.folder)?;
        Part::open(&path, self.number)
    }
}
