//! Files as a server writes, renames and tears them.

use std::io::Write;
use std::sync::atomic::{AtomicU32, Ordering};

use proptest::prelude::*;

use super::*;

const RECORDED: &str = include_str!("../../tests/data/zabbix/6.0/problems-history-syncer-1.ndjson");

/// A folder of its own, removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("export-{}-{count}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn append(&self, file: u32, text: &str) {
        let path = self.0.join(format!("problems-history-syncer-{file}.ndjson"));
        let mut file = File::options().create(true).append(true).open(path).unwrap();
        file.write_all(text.as_bytes()).unwrap();
    }

    fn rotate(&self, file: u32) {
        let path = self.0.join(format!("problems-history-syncer-{file}.ndjson"));
        if path.exists() {
            fs::rename(&path, path.with_extension("ndjson.old")).unwrap();
        }
    }

    /// Reads, and goes through what is stored.
    fn read(&self, state: &mut ExportState) -> Exported {
        let (exported, next) = read(&self.0, state).unwrap();
        *state = serde_json::from_str(&serde_json::to_string(&next).unwrap()).unwrap();
        exported
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn line(id: u64) -> String {
    format!(
        "{{\"clock\":1,\"ns\":0,\"value\":1,\"eventid\":{id},\"name\":\"p\",\"severity\":3,\"hosts\":[]}}\n"
    )
}

fn ids(exported: &Exported) -> Vec<u64> {
    exported.events.iter().map(|event| event.id.0).collect()
}

#[test]
fn recorded_lines_are_a_problem_and_a_recovery_that_names_it() {
    let read: Vec<Event> = RECORDED.lines().map(|line| parse(line.as_bytes()).unwrap()).collect();
    assert!(
        matches!(&read[0].what, Happening::Problem { name, .. } if name == "Load average is too high")
    );
    assert_eq!(read[1].what, Happening::Recovery { problem: Some(EventId(76103)) });
}

#[test]
fn what_was_there_before_is_not_read_and_a_torn_line_waits_for_its_end() {
    let folder = Folder::new();
    folder.append(1, &(line(1) + &line(2)[..20]));
    let mut state = ExportState::default();
    assert!(folder.read(&mut state).events.is_empty());
    folder.append(1, &line(2)[20..]);
    folder.append(2, &line(4));
    assert_eq!(ids(&folder.read(&mut state)), [2, 4]);
    folder.append(2, &(line(6) + &line(7)[..9]));
    folder.append(1, &line(5));
    assert_eq!(ids(&folder.read(&mut state)), [5, 6]);
    assert_eq!(folder.read(&mut state), Exported::default());
    fs::write(folder.0.join("history-history-syncer-1.ndjson"), line(9)).unwrap();
    assert_eq!(folder.read(&mut state), Exported::default(), "values are no events");
}

#[test]
fn a_renamed_file_is_read_to_its_end_and_one_that_is_gone_is_counted() {
    let folder = Folder::new();
    let mut state = ExportState::default();
    folder.read(&mut state);
    folder.append(1, &line(1));
    folder.read(&mut state);
    folder.append(1, &line(2));
    folder.rotate(1);
    folder.append(1, &line(3));
    let exported = folder.read(&mut state);
    assert_eq!((ids(&exported), exported.lost_files), (vec![2, 3], 0));
    folder.append(1, &line(4));
    for id in [5, 6] {
        folder.rotate(1);
        folder.append(1, &line(id));
    }
    let exported = folder.read(&mut state);
    assert_eq!((ids(&exported), exported.lost_files), (vec![6], 1));
}

#[test]
fn odd_lines_are_counted_and_passed_over() {
    let folder = Folder::new();
    let mut state = ExportState::default();
    folder.read(&mut state);
    let odd = ["", "x", "[]", "{}", "{\"eventid\":1}", "{\"value\":0,\"eventid\":3,\"clock\":1}"];
    folder.append(1, &(odd.join("\n") + "\n" + &line(7)));
    let exported = folder.read(&mut state);
    assert_eq!((ids(&exported), exported.odd_lines), (vec![7], 6));
    folder.append(1, &"x".repeat(9_000_000));
    folder.append(1, &("\n".to_owned() + &line(8)));
    let mut got = Vec::new();
    for _ in 0..4 {
        got.extend(ids(&folder.read(&mut state)));
    }
    assert_eq!(got, [8]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Lines are cut anywhere, files renamed between any two reads: each event comes once.
    #[test]
    fn each_line_comes_once(
        steps in prop::collection::vec((1u32..4, 0usize..90, any::<bool>(), any::<bool>()), 1..30),
    ) {
        let folder = Folder::new();
        let mut state = ExportState::default();
        folder.read(&mut state);
        let mut got = Vec::new();
        let mut torn: BTreeMap<u32, String> = BTreeMap::new();
        let mut renamed = std::collections::BTreeSet::new();
        for (id, (file, cut, rename, read)) in (1u64..).zip(&steps) {
            folder.append(*file, &torn.remove(file).unwrap_or_default());
            if *rename && renamed.insert(*file) {
                folder.rotate(*file);
            }
            let line = line(id);
            let cut = (*cut).min(line.len());
            folder.append(*file, &line[..cut]);
            torn.insert(*file, line[cut..].to_owned());
            if *read {
                got.extend(ids(&folder.read(&mut state)));
                renamed.clear();
            }
        }
        got.extend(ids(&folder.read(&mut state)));
        for (file, rest) in torn {
            folder.append(file, &rest);
        }
        got.extend(ids(&folder.read(&mut state)));
        got.sort_unstable();
        prop_assert_eq!(got, (1..=steps.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn any_line_is_an_event_or_not(bytes in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..300, byte in any::<u8>()) {
        parse(&bytes);
        let mut line = RECORDED.lines().next().unwrap().as_bytes().to_vec();
        let at = at % line.len();
        line[at] = byte;
        parse(&line);
    }
}
