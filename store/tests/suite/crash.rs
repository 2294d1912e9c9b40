//! Death at any instant: `kill -9`, cut-off files, full disks.
//!
//! The one who dies is this same test program, started again as a child that runs nothing but
//! [`commits_until_killed`]. It gets its orders on stdin and acknowledges each commit on stderr,
//! where the test harness does not mix in words of its own.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Stdio};
use std::time::Duration;

use model::vm::VmState;
use store::{Change, Opened, StepStatus, Store, StoreError};

use crate::folder::{fresh, open};
use crate::rows::{always, answers, decision, line, look, step, vm};

/// How often a child is killed.
const ROUNDS: u64 = 20;

/// The child: commits number after number until something ends it. Not a test of its own.
#[tokio::test]
#[ignore = "a child of the other tests here, which kill it"]
async fn commits_until_killed() {
    let orders: Vec<String> = std::io::stdin().lines().map_while(Result::ok).collect();
    let [folder, next] = &orders[..] else { return };
    let store = open(Path::new(folder)).store;
    for number in next.parse::<u64>().unwrap().. {
        if let Err(error) = commit(&store, number).await {
            eprintln!("disk {} {error}", matches!(error, StoreError::Disk { .. }));
            return;
        }
    }
}

async fn commit(store: &Store, number: u64) -> Result<(), StoreError> {
    store.commit(changes(number)).await?;
    eprintln!("state {number}");
    Ok(())
}

/// What belongs together under one number, in as many tables as can be.
fn changes(number: u64) -> Vec<Change> {
    let name = format!("v{number}");
    let millis = i64::try_from(number).unwrap();
    let memory = |room: &str| Change::Memory { room: room.to_owned(), json: number.to_string() };
    vec![
        memory("first"),
        Change::Vm(vm(&name, VmState::Wanted)),
        Change::Step(step(number, &name, StepStatus::Planned)),
        Change::Decision(decision(&format!("d{number}"), "shop/web", millis)),
        Change::Look(look("shop/web", millis, Some(number))),
        Change::Answers(answers("shop/web", 1, millis, &number.to_be_bytes())),
        Change::Journal(line(millis, &"long enough to fill pages ".repeat(20))),
        memory("last"),
    ]
}

/// A running child and its acknowledgements. When a test fails and drops it, the child dies of the
/// next word that nobody hears.
struct Doomed {
    child: Child,
    words: Lines<BufReader<ChildStderr>>,
    /// The last number.
    acknowledged: u64,
}

impl Doomed {
    /// Starts a child on a folder that has `there` already.
    fn start(mut command: Command, folder: &Path, there: u64) -> Self {
        let child = ["--exact", "crash::commits_until_killed", "--ignored", "--nocapture"];
        let command = command.args(child).stdin(Stdio::piped());
        let mut child =
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("our own program");
        let mut orders = child.stdin.take().unwrap();
        writeln!(orders, "{}\n{}", folder.display(), there + 1).unwrap();
        let words = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, words, acknowledged: there }
    }

    /// Takes in one line; returns it when it is no acknowledgement, and "end" at the end.
    fn hear(&mut self) -> Option<String> {
        let Some(line) = self.words.next() else { return Some("end".to_owned()) };
        let line = line.unwrap();
        match line.split_once(' ') {
            Some(("state", _)) => self.acknowledged += 1,
            _ => return Some(line),
        }
        None
    }

    /// Kills it, and returns all that it had acknowledged.
    fn kill(mut self) -> u64 {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while self.hear().is_none() {}
        self.acknowledged
    }
}

fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

/// Runs a child until it has acknowledged so much, and kills it a moment later.
fn run_and_kill(folder: &Path, there: u64, acknowledgements: u64, moment: Duration) -> u64 {
    let mut doomed = Doomed::start(this_program(), folder, there);
    for _ in 0..acknowledgements {
        assert_eq!(doomed.hear(), None);
    }
    std::thread::sleep(moment); // Only to hit different instants; nothing waits for it.
    doomed.kill()
}

/// The number that is there, after a look that nothing of it is half there.
async fn reached(opened: Opened) -> u64 {
    let (state, store) = (opened.state, opened.store);
    let (from, until) = always();
    let room = |name: &str| state.memory.get(name).map_or(0, |json| json.parse().unwrap());
    let number: u64 = room("first");
    let decisions = store.decisions(None, from, until, 1_000_000).await.unwrap();
    let journal = store.journal(from, until, 1_000_000).await.unwrap();
    let looks = store.looks(from).await.unwrap().len();
    let answers = store.answers(&"shop/web".parse().unwrap(), 1, from, until).await.unwrap().len();
    let rows = [state.vms.len(), state.open_steps.len(), decisions.len(), journal.len()];
    let counts = [room("last"), state.next_step_id - 1]
        .into_iter()
        .chain(rows.map(count))
        .chain([looks, answers].map(count));
    assert_eq!(counts.collect::<Vec<_>>(), [number; 8], "something is half there");
    store.close().await;
    number
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap()
}

/// All that was acknowledged is there, and at most the one commit more whose answer was cut off.
fn assert_kept(there: u64, acknowledged: u64) {
    let kept = there == acknowledged || there == acknowledged + 1;
    assert!(kept, "acknowledged {acknowledged}, there is {there}");
}

#[tokio::test]
async fn a_killed_brain_loses_nothing_it_acknowledged() {
    let folder = fresh("killed");
    let mut there = 0;
    for round in 0..ROUNDS {
        let moment = Duration::from_micros(round * 617 % 3000);
        let acknowledged = run_and_kill(&folder, there, 1 + round * 7 % 23, moment);
        let opened = open(&folder);
        assert!(!opened.clean, "round {round}: nobody closed it");
        there = reached(opened).await;
        assert_kept(there, acknowledged);
    }
}

/// A machine that loses power may keep any beginning of a log that was being written.
#[tokio::test]
async fn a_log_cut_off_anywhere_opens_at_an_earlier_commit() {
    let folder = fresh("cut");
    let acknowledged = run_and_kill(&folder, 0, 20, Duration::ZERO);
    let log = std::fs::read(folder.join("state.db-wal")).unwrap();
    let mut before = 0;
    for cut in cuts(log.len()) {
        let copy = copy_with_log(&folder, &log[..cut]);
        let there = reached(open(&copy)).await;
        assert!(there >= before, "less is there after {cut} bytes than after fewer");
        before = there;
    }
    assert_kept(before, acknowledged);
}

/// In the header, around the first page, across the file, at its end.
fn cuts(length: usize) -> Vec<usize> {
    let mut cuts = vec![0, 1, 31, 32, 33, 55, 56, 57, 4151, 4152, 4153, length - 1, length];
    cuts.extend((1..24).map(|part| length * part / 24));
    cuts.sort_unstable();
    cuts
}

/// The database as it was left, but its log cut off.
fn copy_with_log(folder: &Path, log: &[u8]) -> PathBuf {
    let copy = fresh("cut-copy");
    std::fs::copy(folder.join("state.db"), copy.join("state.db")).unwrap();
    std::fs::write(copy.join("state.db-wal"), log).unwrap();
    copy
}

/// The kernel refuses files of more than 1 MiB to this child, as a full disk would.
#[tokio::test]
async fn a_full_disk_is_an_error_that_keeps_what_was_acknowledged() {
    let folder = fresh("full");
    let mut command = Command::new("sh");
    command.args(["-c", r#"trap "" XFSZ; ulimit -f 2000; exec "$0" "$@""#]);
    command.arg(std::env::current_exe().unwrap());
    let mut child = Doomed::start(command, &folder, 0);
    let word = loop {
        if let Some(word) = child.hear() {
            break word;
        }
    };
    let disk = format!("disk true {}", folder.display());
    assert!(word.starts_with(&disk), "{word}");
    assert!(word.contains("cannot be used; check its volume"), "{word}");
    let acknowledged = child.kill();
    assert!(acknowledged > 3, "{acknowledged}");
    let there = reached(open(&folder)).await;
    assert_eq!(there, acknowledged, "what was answered with an error is not there");
}
