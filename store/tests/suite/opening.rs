//! Opening and closing: leases, versions, damage.

use std::path::Path;

use expect_test::expect;
use model::time::Time;
use model::vm::VmState;
use store::{Change, Store, StoreError};

use crate::folder::{fresh, open};
use crate::rows::{answers, at, line, vm};

fn refusal(folder: &Path) -> StoreError {
    Store::open(folder, Time::from_millis(1)).unwrap_err()
}

/// The message without the folder, which differs from machine to machine.
fn message(error: &StoreError, folder: &Path) -> String {
    error.to_string().replace(&folder.display().to_string(), "FOLDER")
}

#[tokio::test]
async fn only_a_closed_store_was_closed_cleanly() {
    let folder = fresh("clean");
    let first = open(&folder);
    assert!(first.clean, "before the first brain there was no crash");
    assert_eq!(first.last_alive, None);
    first.store.commit(vec![Change::Alive(at(5))]).await.unwrap();
    first.store.close().await;

    let second = open(&folder);
    assert_eq!((second.clean, second.last_alive), (true, Some(at(5))));
    drop(second.store);

    let third = open(&folder);
    assert_eq!((third.clean, third.last_alive), (false, Some(at(5))));
}

#[tokio::test]
async fn each_opening_is_an_epoch_of_its_own_and_the_record_keeps_its_name() {
    let folder = fresh("epochs");
    let first = open(&folder);
    let origin = |opened: &store::Opened| (opened.incarnation.clone(), opened.epoch);
    assert_eq!(origin(&first), ("1".to_owned(), 1), "named after the moment, which was 1");
    drop(first.store);
    let second = Store::open(&folder, at(99)).unwrap();
    assert_eq!(origin(&second), ("1".to_owned(), 2), "also after a death without warning");
    let change = Change::Origin { incarnation: "other".to_owned(), epoch: 40 };
    second.store.commit(vec![change]).await.unwrap();
    second.store.close().await;
    assert_eq!(origin(&open(&folder)), ("other".to_owned(), 41));
}

#[tokio::test]
async fn what_was_written_first_by_whom_is_on_record() {
    let folder = fresh("born");
    let first = open(&folder);
    first.store.commit(vec![Change::Vm(vm("web-1", VmState::Wanted))]).await.unwrap();
    drop(first.store);
    let second = open(&folder);
    let changes = ["web-1", "web-2"].map(|name| Change::Vm(vm(name, VmState::Creating)));
    second.store.commit(changes.to_vec()).await.unwrap();
    second.store.close().await;
    let shell = rusqlite::Connection::open(folder.join("state.db")).unwrap();
    let born = |name: &str| {
        let sql = "SELECT born_epoch FROM vm WHERE id = ?1";
        shell.query_row(sql, [name], |row| row.get::<_, i64>(0)).unwrap()
    };
    assert_eq!((born("web-1"), born("web-2")), (1, 2));
}

#[tokio::test]
async fn a_second_brain_is_refused_until_the_first_is_gone() {
    let folder = fresh("lease");
    let first = open(&folder);
    let error = refusal(&folder);
    assert!(matches!(error, StoreError::InUse { pid, .. } if pid == Some(std::process::id())));
    let message = message(&error, &folder).replace(&std::process::id().to_string(), "PID");
    expect!["the data folder FOLDER is in use by another brain, pid PID; only one may use it"]
        .assert_eq(&message);
    first.store.close().await;
    open(&folder);
}

/// A lock file outlives its brain; the lock does not.
#[test]
fn a_lock_file_that_was_left_behind_blocks_nobody() {
    let folder = fresh("stale-lease");
    std::fs::write(folder.join("brain.lock"), "4711 and more than a pid").unwrap();
    open(&folder);
    let pid = std::fs::read_to_string(folder.join("brain.lock")).unwrap();
    assert_eq!(pid.trim(), std::process::id().to_string());
}

#[tokio::test]
async fn a_closed_store_gives_its_folder_up_and_refuses_its_other_clones() {
    let folder = fresh("closed");
    let store = open(&folder).store;
    let clone = store.clone();
    store.close().await;
    let next = open(&folder);
    assert!(next.clean);
    assert!(matches!(clone.commit(vec![Change::Alive(at(1))]).await, Err(StoreError::Closed)));
    assert!(matches!(clone.journal(at(0), at(9), 9).await, Err(StoreError::Closed)));
}

#[tokio::test]
async fn what_was_asked_for_is_done_though_nobody_waits_for_it() {
    let folder = fresh("abandoned");
    let store = open(&folder).store;
    let mut asked = Box::pin(store.commit(vec![Change::Journal(line(1, "asked"))]));
    tokio::select! {
        biased;
        _ = &mut asked => (),
        () = std::future::ready(()) => (),
    }
    drop(asked);
    store.close().await;
    let store = open(&folder).store;
    assert_eq!(store.journal(at(0), at(9), 9).await.unwrap(), [line(1, "asked")]);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let folder = fresh("newer");
    open(&folder).store.close().await;
    let shell = rusqlite::Connection::open(folder.join("state.db")).unwrap();
    shell.execute("INSERT INTO schema_version VALUES (1000, 5)", []).unwrap();
    let error = refusal(&folder);
    let StoreError::TooNew { found: 1000, known, .. } = error else { panic!("{error}") };
    let expected = format!(
        "FOLDER/state.db has schema version 1000, this program knows up to {known}; start the newer \
         program again"
    );
    assert_eq!(message(&error, &folder), expected);
}

/// As version 5 left it: with an index of its own, and rows beside their key.
#[tokio::test]
async fn answers_of_a_store_of_before_are_found_in_it() {
    let folder = fresh("before");
    let shell = rusqlite::Connection::open(folder.join("state.db")).unwrap();
    for (version, sql) in (1..).zip([
        include_str!("../../src/schema/state_1.sql"),
        include_str!("../../src/schema/state_2.sql"),
        include_str!("../../src/schema/state_3.sql"),
        include_str!("../../src/schema/state_4.sql"),
        include_str!("../../src/schema/state_5.sql"),
    ]) {
        shell.execute_batch(sql).unwrap();
        shell.execute("INSERT INTO schema_version VALUES (?1, 0)", [version]).unwrap();
    }
    let sql = "INSERT INTO answers VALUES ('shop/web', 24, 5, 120, 1, x'00ff')";
    shell.execute(sql, []).unwrap();
    drop(shell);
    let store = open(&folder).store;
    let found = store.answers_from(24, at(5)).await.unwrap();
    assert_eq!(found, [answers("shop/web", 24, 5, b"\0\xFF")]);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_called_damaged() {
    let folder = fresh("damaged");
    std::fs::write(folder.join("state.db"), "a poem, and not a database at all\n".repeat(99))
        .unwrap();
    let error = refusal(&folder);
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
    expect!["FOLDER/state.db is damaged: file is not a database; stop, keep a copy of it, and restore a backup"]
        .assert_eq(&message(&error, &folder));
}

#[tokio::test]
async fn a_page_of_rubbish_is_found_when_opening() {
    let folder = fresh("rubbish");
    let store = open(&folder).store;
    let lines = (0..2000).map(|number| Change::Journal(line(number, "x")));
    store.commit(lines.collect::<Vec<_>>()).await.unwrap();
    store.close().await;
    let path = folder.join("state.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let page = bytes.len() / 4096 * 2 / 3 * 4096;
    bytes[page..page + 4096].fill(0x5A);
    std::fs::write(&path, bytes).unwrap();
    let error = refusal(&folder);
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}

#[test]
fn a_folder_that_cannot_be_is_named_with_what_to_do() {
    let folder = fresh("no-folder").join("file");
    std::fs::write(&folder, "").unwrap();
    let error = refusal(&folder);
    assert!(matches!(error, StoreError::Disk { .. }), "{error}");
    expect!["FOLDER cannot be used; check that it is a folder of this user with free space"]
        .assert_eq(&message(&error, &folder));
    assert!(std::error::Error::source(&error).is_some());
}
