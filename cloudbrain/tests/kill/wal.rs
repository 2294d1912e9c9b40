//! The end of the log is lost: the machine died, and its disk had lied about what it had written.
//!
//! Each frame of the write-ahead log is cut off in turn, and the store must open, whole, as it was at
//! some commit. A few of these are given to a real brain, in the world that had gone on.

use std::fs::OpenOptions;
use std::path::Path;

use crate::fleet::{Fleet, Shape};
use crate::matrix::Chance;
use crate::restored::{let_go_on, quarantine, vms_on_record};

const WAL_HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
const PAGE: u64 = 4096;

const BEFORE: Shape = Shape { serving: 2, ready: 1, max_total: 20 };
const AFTER: Shape = Shape { serving: 4, ready: 2, max_total: 20 };

fn frames(folder: &Path) -> u64 {
    let wal = std::fs::metadata(folder.join("state.db-wal")).map_or(0, |file| file.len());
    wal.saturating_sub(WAL_HEADER) / (FRAME_HEADER + PAGE)
}

fn cut_to(folder: &Path, frames: u64) {
    let wal = OpenOptions::new().write(true).open(folder.join("state.db-wal")).expect("a log");
    wal.set_len(WAL_HEADER + frames * (FRAME_HEADER + PAGE)).expect("it is a file of ours");
}

/// A brain that is killed in the middle of its work.
fn interrupted(name: &str, point: &str) -> Fleet {
    let mut fleet = Fleet::start(name, BEFORE, 1);
    fleet.order(Some((point, 1)));
    fleet.want(AFTER);
    let died = fleet.settle(AFTER);
    assert!(died.is_err() && fleet.has_died(), "it dies at {point}: {died:?}");
    fleet.kill_brain();
    fleet.order(None);
    fleet
}

#[test]
fn a_log_that_is_cut_off_anywhere_is_a_store_as_it_was() {
    let fleet = interrupted("wal-each", "after commit: deploy issued");
    let (whole, cut) = (fleet.folder.join("whole"), fleet.folder.join("cut"));
    fleet.copy_store(&whole);
    let all = frames(&whole);
    assert!(all > 50, "there is a log to cut: {all} frames");
    let mut before = 0;
    for frames in 0..=all {
        let _ = std::fs::remove_dir_all(&cut);
        std::fs::create_dir_all(&cut).expect("a folder of ours");
        for file in ["state.db", "state.db-wal"] {
            std::fs::copy(whole.join(file), cut.join(file)).expect("a folder of ours");
        }
        cut_to(&cut, frames);
        let there = vms_on_record(&cut).len();
        assert!(there >= before, "a longer log knows more: {there} after {before} at {frames}");
        before = there;
    }
    assert!(before > 3, "the whole log knows the VMs that were ordered: {before}");
}

#[test]
fn a_brain_on_a_log_that_is_cut_off_destroys_nothing_it_does_not_know() {
    let mut chance = Chance(7);
    for point in ["after create", "after deploy", "acknowledged"] {
        let mut fleet = interrupted("wal-cut", point);
        let copy = fleet.folder.join("copy");
        fleet.copy_store(&copy);
        let lost = 1 + chance.below(30) as u64;
        cut_to(&copy, frames(&copy).saturating_sub(lost));
        fleet.put_store_back(&copy);
        let known = vms_on_record(&copy);
        // A program that the lost end of the log had ordered may start at any time, also after this.
        let idle = known.iter().filter(|(_, state)| !state.is_capacity());
        fleet.lent = idle.map(|(vm, _)| vm.clone()).collect();
        fleet.start_brain();
        let settled = let_go_on(&mut fleet).and_then(|()| settle(&mut fleet));
        settled.unwrap_or_else(|why| panic!("{point}, {lost} frames: {why}\n{}", fleet.story()));
        let ledger = fleet.cloud.ledger();
        let strange = ledger.destroyed.iter().find(|vm| {
            let is_later = ledger.made.contains(vm) && !known.contains_key(&vm.to_string());
            is_later && fleet.strangers.contains(&vm.to_string())
        });
        assert_eq!(strange, None, "{point}, {lost} frames: {ledger:?}");
        assert!(ledger.most <= AFTER.max_total);
    }
}

/// Whoever turns up in quarantine stays there.
fn settle(fleet: &mut Fleet) -> Result<(), String> {
    let mut last = Ok(());
    for _ in 0..3 {
        fleet.strangers = quarantine(fleet).ok_or("the brain does not answer")?;
        match fleet.settle(AFTER) {
            Ok(_) => return Ok(()),
            Err(why) => last = Err(why),
        }
    }
    last
}
