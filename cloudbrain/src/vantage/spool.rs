//! What is not delivered yet, on disk: a folder with a file for each batch, named by where it stands.
//!
//! A batch is written whole before it is sent, and its file goes when it was taken. So what a killed vantage
//! had gathered is sent by the next one. Age and size are bounded: the oldest batch goes first, and its
//! answers are missing in the numbers that the brain sees.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drivers::write_whole;
use model::time::Time;

use super::wire::Answer;

const EXTENSION: &str = "batch";
const BOOT: &str = "boot";

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub age: Duration,
    pub bytes: u64,
}

#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    limits: Limits,
    boot: u64,
    /// The number of the next answer.
    next: u64,
    /// In the order in which they are to be sent.
    batches: BTreeMap<Place, Size>,
    dropped: u64,
}

/// Where a batch stands: the start of the vantage, and the number of its first answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub boot: u64,
    pub first: u64,
}

#[derive(Clone, Copy, Debug)]
struct Size {
    answers: u64,
    bytes: u64,
    newest: Time,
}

impl Spool {
    /// Takes up what is left in a folder. Each start has a greater number than those before.
    pub fn open(folder: &Path, limits: Limits, now: Time) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let mut batches = BTreeMap::new();
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if let Some((place, size)) = read_name(&path) {
                batches.insert(place, size);
            }
        }
        let last = fs::read_to_string(folder.join(BOOT)).ok().and_then(|text| text.parse().ok());
        let last: u64 = last.unwrap_or(0);
        let left = batches.keys().next_back().map_or(0, |place: &Place| place.boot);
        let boot = u64::try_from(now.millis()).unwrap_or(0).max(last + 1).max(left + 1);
        write_whole(&folder.join(BOOT), boot.to_string().as_bytes())?;
        let folder = folder.to_owned();
        let mut spool = Self { folder, limits, boot, next: 1, batches, dropped: 0 };
        spool.trim(now);
        Ok(spool)
    }

    pub fn boot(&self) -> u64 {
        self.boot
    }

    /// The number of the next answer.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// Keeps some answers until they are delivered. What cannot be kept is dropped.
    pub fn put(&mut self, answers: &[Answer], now: Time) -> io::Result<()> {
        let Some(newest) = answers.iter().map(|answer| answer.at).max() else { return Ok(()) };
        let (place, count) = (Place { boot: self.boot, first: self.next }, answers.len() as u64);
        self.next += count;
        let written = serde_json::to_vec(answers).map_err(io::Error::from).and_then(|bytes| {
            let size = Size { answers: count, bytes: bytes.len() as u64, newest };
            write_whole(&self.path(place, size), &bytes).map(|()| size)
        });
        match written {
            Ok(size) => drop(self.batches.insert(place, size)),
            Err(_) => self.dropped += count,
        }
        self.trim(now);
        written.map(|_| ())
    }

    /// The batch to send next.
    pub fn oldest(&mut self) -> Option<(Place, Vec<Answer>)> {
        loop {
            let (place, size) =
                self.batches.first_key_value().map(|(place, size)| (*place, *size))?;
            let read = fs::read(self.path(place, size)).map_err(serde_json::Error::io);
            match read.and_then(|bytes| serde_json::from_slice(&bytes)) {
                Ok(answers) => return Some((place, answers)),
                Err(error) => {
                    tracing::warn!(%error, "a batch of answers cannot be read and is dropped");
                    self.drop_batch(place);
                }
            }
        }
    }

    /// It was taken.
    pub fn remove(&mut self, place: Place) {
        if let Some(size) = self.batches.remove(&place) {
            // A file that stays is sent once more, and changes nothing there.
            let _ = fs::remove_file(self.path(place, size));
        }
    }

    /// Nobody will ever take it.
    pub fn drop_batch(&mut self, place: Place) {
        self.dropped += self.batches.get(&place).map_or(0, |size| size.answers);
        self.remove(place);
    }

    fn trim(&mut self, now: Time) {
        let before = self.dropped;
        while let Some((place, size)) = self.batches.first_key_value() {
            let bytes: u64 = self.batches.values().map(|size| size.bytes).sum();
            if bytes <= self.limits.bytes && now.since(size.newest) <= self.limits.age {
                break;
            }
            self.drop_batch(*place);
        }
        let dropped = self.dropped - before;
        if dropped > 0 {
            tracing::warn!(dropped, "answers dropped: they are too old or too many to keep");
        }
    }

    fn path(&self, Place { boot, first }: Place, size: Size) -> PathBuf {
        let Size { answers, bytes, newest } = size;
        let name = format!("{boot}-{first}-{answers}-{bytes}-{}.{EXTENSION}", newest.millis());
        self.folder.join(name)
    }
}

/// What the name of a file says; None if it is no batch.
fn read_name(path: &Path) -> Option<(Place, Size)> {
    if path.extension()? != EXTENSION {
        return None;
    }
    let numbers = path.file_stem()?.to_str()?.splitn(5, '-').map(str::parse);
    let numbers: Vec<u64> = numbers.collect::<Result<_, _>>().ok()?;
    let [boot, first, answers, bytes, newest] = numbers[..] else { return None };
    let newest = Time::from_millis(i64::try_from(newest).ok()?);
    Some((Place { boot, first }, Size { answers, bytes, newest }))
}

#[cfg(test)]
mod tests {
    use model::verdict::Outcome;

    use super::*;
    use crate::vantage::wire::What;

    const DAY: Limits = Limits { age: Duration::from_secs(86_400), bytes: 1 << 20 };

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1000)
    }

    fn answers(second: i64, count: usize) -> Vec<Answer> {
        let (module, domain) = ("shop/web".parse().unwrap(), "shop.example.com".to_owned());
        let outcome = Outcome::Healthy { doubt: None };
        vec![Answer { at: at(second), what: What::Probe { module, domain, outcome } }; count]
    }

    fn folder(name: &str) -> PathBuf {
        let folder =
            std::env::temp_dir().join(format!("cloudbrain-spool-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        folder
    }

    /// What is sent, as `boot+first: how many`, with each boot by its rank.
    fn drain(spool: &mut Spool) -> Vec<(u64, usize)> {
        let mut sent = Vec::new();
        while let Some((place, answers)) = spool.oldest() {
            sent.push((place.first, answers.len()));
            spool.remove(place);
        }
        sent
    }

    #[test]
    fn what_a_killed_vantage_had_kept_is_sent_first_by_the_next_one() {
        let folder = folder("killed");
        let mut spool = Spool::open(&folder, DAY, at(100)).unwrap();
        spool.put(&answers(101, 3), at(101)).unwrap();
        spool.put(&answers(102, 2), at(102)).unwrap();
        let boot = spool.boot();
        // Its clock was set back meanwhile.
        let mut spool = Spool::open(&folder, DAY, at(50)).unwrap();
        assert!(spool.boot() > boot);
        spool.put(&answers(103, 1), at(103)).unwrap();
        assert_eq!(drain(&mut spool), [(1, 3), (4, 2), (1, 1)]);
        let mut spool = Spool::open(&folder, DAY, at(104)).unwrap();
        assert_eq!((spool.batches.len(), spool.oldest().is_none()), (0, true));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_too_old_or_too_much_goes_the_oldest_first_and_is_counted() {
        let folder = folder("bounded");
        let limits = Limits { age: Duration::from_secs(60), bytes: 2_000 };
        let mut spool = Spool::open(&folder, limits, at(0)).unwrap();
        for second in 0..40 {
            spool.put(&answers(second, 2), at(second)).unwrap();
        }
        let kept = spool.batches.len() as u64;
        assert!(kept > 1 && kept < 40, "{kept}");
        assert_eq!(spool.dropped, 80 - 2 * kept);
        assert_eq!(spool.oldest().unwrap().0.first, 81 - 2 * kept);
        spool.put(&answers(200, 1), at(200)).unwrap();
        assert_eq!((spool.dropped, spool.batches.len()), (80, 1));
        assert_eq!(drain(&mut spool), [(81, 1)]);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_batch_that_was_torn_is_dropped_and_counted_and_those_behind_it_go_on() {
        let folder = folder("torn");
        let mut spool = Spool::open(&folder, DAY, at(0)).unwrap();
        spool.put(&answers(1, 3), at(1)).unwrap();
        spool.put(&answers(2, 2), at(2)).unwrap();
        let mut files: Vec<PathBuf> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| path.to_string_lossy().contains("-1-3-"));
        fs::write(&files[0], b"[{\"at\":").unwrap();
        assert_eq!(drain(&mut spool), [(4, 2)]);
        assert_eq!(spool.dropped, 3);
        fs::remove_dir_all(&folder).unwrap();
    }
}
