//! The rules that the tables hold even against a bug of ours.

use expect_test::{Expect, expect};
use model::vm::VmState;
use store::{Change, OutgoingStatus, StepStatus, Store};

use crate::folder::{fresh, open};
use crate::rows::{always, at, decision, incident, line, message, step, transition, vm};

/// Commits each line of a story, whose changes stand between semicolons, and compares what was
/// refused and what is there in the end.
async fn check(name: &str, story: &str, expected: Expect) {
    let folder = fresh(name);
    let store = open(&folder).store;
    let mut log = String::new();
    for text in story.lines().map(str::trim).filter(|text| !text.is_empty()) {
        let changes: Vec<Change> = text.split(';').map(read_change).collect();
        let answer = match store.commit(changes).await {
            Ok(()) => "ok".to_owned(),
            Err(error) => error.to_string(),
        };
        log.push_str(&format!("{text} -> {answer}\n"));
    }
    log.push_str(&inventory(&store).await);
    store.close().await;
    let state = open(&folder).state;
    let vms: Vec<_> = state.vms.values().map(|vm| format!("{} {}", vm.id, vm.state)).collect();
    log.push_str(&format!("vms {vms:?} rooms {:?}\n", state.memory.keys().collect::<Vec<_>>()));
    expected.assert_eq(&log);
}

fn read_change(text: &str) -> Change {
    let words: Vec<&str> = text.split_whitespace().collect();
    match words[..] {
        ["vm", id, state] => Change::Vm(vm(id, state.parse().unwrap())),
        ["step", id, vm, status] => {
            Change::Step(step(id.parse().unwrap(), vm, status.parse::<StepStatus>().unwrap()))
        }
        ["message", key, status] => {
            Change::Outgoing(message(key, "i1", 5, status.parse::<OutgoingStatus>().unwrap()))
        }
        ["decision", id] => Change::Decision(decision(id, "shop/web", 5)),
        ["incident", id] => Change::Incident(incident(id, 5, None)),
        ["transition", from, until] => {
            let (from, until) = (from.parse().unwrap(), until.parse().unwrap());
            Change::Transition(transition("shop/web", from, Some(until), "down"))
        }
        ["journal", text] => Change::Journal(line(5, text)),
        ["router", wanted] => {
            Change::Router { name: "edge".to_owned(), wanted: wanted.parse().unwrap(), acked: 0 }
        }
        ["room", room] => Change::Memory { room: room.to_owned(), json: "{}".to_owned() },
        ["forget", room] => Change::Forget { room: room.to_owned() },
        _ => panic!("no such change: {text}"),
    }
}

async fn inventory(store: &Store) -> String {
    let (from, until) = always();
    let decisions = store.decisions(None, from, until, 99).await.unwrap().len();
    let incidents = store.incidents(99).await.unwrap().len();
    let journal = store.journal(from, until, 99).await.unwrap().len();
    let messages = store.messages(None, 99).await.unwrap();
    let messages: Vec<_> =
        messages.iter().map(|row| format!("{} {}", row.key, row.status)).collect();
    format!("decisions {decisions} incidents {incidents} journal {journal} messages {messages:?}\n")
}

#[tokio::test]
async fn a_vm_moves_along_its_edges_only() {
    check(
        "edges",
        "
        vm v1 serving
        vm v1 serving
        vm v1 pool
        vm v1 draining
        vm v1 serving
        vm v1 destroying
        vm v1 destroying
        vm v1 pool
        ",
        expect![[r#"
            vm v1 serving -> ok
            vm v1 serving -> ok
            vm v1 pool -> refused: vm v1: it is serving and may not become pool
            vm v1 draining -> ok
            vm v1 serving -> refused: vm v1: it is draining and may not become serving
            vm v1 destroying -> ok
            vm v1 destroying -> ok
            vm v1 pool -> refused: vm v1: it is destroying and may not become pool
            decisions 0 incidents 0 journal 0 messages []
            vms ["v1 destroying"] rooms []
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_gone_vm_is_never_reborn() {
    check(
        "gone",
        "
        vm v1 wanted
        vm v1 gone
        vm v1 gone
        vm v1 wanted
        vm v1 serving
        ",
        expect![[r#"
            vm v1 wanted -> ok
            vm v1 gone -> ok
            vm v1 gone -> ok
            vm v1 wanted -> refused: vm v1: it is gone and may not become wanted
            vm v1 serving -> refused: vm v1: it is gone and may not become serving
            decisions 0 incidents 0 journal 0 messages []
            vms [] rooms []
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_vm_has_one_open_step() {
    check(
        "steps",
        "
        vm v1 wanted; vm v2 wanted
        step 1 v1 planned
        step 2 v1 planned
        step 1 v1 issued
        step 2 v1 unknown
        step 1 v1 unknown
        step 2 v2 issued
        step 1 v1 failed; step 3 v1 planned
        step 4 v1 done
        step 1 v1 planned
        step 5 v3 planned
        vm v3 wanted; step 6 v3 planned
        ",
        expect![[r#"
            vm v1 wanted; vm v2 wanted -> ok
            step 1 v1 planned -> ok
            step 2 v1 planned -> refused: step 2 (create of vm v1): the VM has an open step already
            step 1 v1 issued -> ok
            step 2 v1 unknown -> refused: step 2 (create of vm v1): the VM has an open step already
            step 1 v1 unknown -> ok
            step 2 v2 issued -> ok
            step 1 v1 failed; step 3 v1 planned -> ok
            step 4 v1 done -> ok
            step 1 v1 planned -> refused: step 1 (create of vm v1): the VM has an open step already
            step 5 v3 planned -> refused: step 5 (create of vm v3): there is no such VM
            vm v3 wanted; step 6 v3 planned -> ok
            decisions 0 incidents 0 journal 0 messages []
            vms ["v1 wanted", "v2 wanted", "v3 wanted"] rooms []
        "#]],
    )
    .await;
}

#[tokio::test]
async fn a_delivered_message_stays_delivered() {
    check(
        "delivered",
        "
        message k1 waiting
        message k1 waiting
        message k1 delivered
        message k1 delivered
        message k1 waiting
        message k1 overtaken
        message k2 overtaken
        ",
        expect![[r#"
            message k1 waiting -> ok
            message k1 waiting -> ok
            message k1 delivered -> ok
            message k1 delivered -> ok
            message k1 waiting -> refused: message k1: it is delivered and may not become waiting
            message k1 overtaken -> refused: message k1: it is delivered and may not become overtaken
            message k2 overtaken -> ok
            decisions 0 incidents 0 journal 0 messages ["k2 overtaken", "k1 delivered"]
            vms [] rooms []
        "#]],
    )
    .await;
}

#[tokio::test]
async fn one_refusal_undoes_all_that_came_with_it() {
    check(
        "undone",
        "
        vm v1 gone; decision d1
        room a; journal x; incident i1; message k1 waiting; decision d2; vm v2 pool; vm v1 pool
        room b; decision d1
        room c; transition 9 9
        room d; router 9223372036854775808
        room e; transition 9 10; router 9223372036854775807
        ",
        expect![[r#"
            vm v1 gone; decision d1 -> ok
            room a; journal x; incident i1; message k1 waiting; decision d2; vm v2 pool; vm v1 pool -> refused: vm v1: it is gone and may not become pool
            room b; decision d1 -> refused: decision d1: a decision of this id is there already
            room c; transition 9 9 -> refused: transition of shop/web at 1970-01-01T00:00:00Z: CHECK constraint failed: until IS NULL OR until > at
            room d; router 9223372036854775808 -> refused: router edge: out of range integral type conversion attempted
            room e; transition 9 10; router 9223372036854775807 -> ok
            decisions 1 incidents 0 journal 0 messages []
            vms [] rooms ["e"]
        "#]],
    )
    .await;
}

/// The tables and [`VmState::may_become`] agree on every pair.
#[tokio::test]
async fn the_tables_know_the_same_edges_as_the_model() {
    let store = open(&fresh("all-edges")).store;
    for from in VmState::ALL {
        for to in VmState::ALL {
            let id = format!("{from}-{to}");
            store.commit(vec![Change::Vm(vm(&id, from))]).await.unwrap();
            let moved = store.commit(vec![Change::Vm(vm(&id, to))]).await.is_ok();
            assert_eq!(moved, from == to || from.may_become(to), "{id}");
        }
    }
}

/// Not even a hand at the database shell rewrites history.
#[tokio::test]
async fn journal_and_vms_are_never_deleted() {
    let folder = fresh("append-only");
    let store = open(&folder).store;
    let changes = vec![Change::Vm(vm("v1", VmState::Gone)), Change::Journal(line(5, "was"))];
    store.commit(changes).await.unwrap();
    let shell = rusqlite::Connection::open(folder.join("state.db")).unwrap();
    for (sql, why) in [
        ("UPDATE journal SET text = 'never was'", "the journal is only added to"),
        ("DELETE FROM journal", "the journal is only added to"),
        ("DELETE FROM vm", "the row of a VM is never deleted"),
    ] {
        assert_eq!(shell.execute(sql, []).unwrap_err().to_string(), why, "{sql}");
    }
    assert_eq!(store.journal(at(0), at(9), 9).await.unwrap(), [line(5, "was")]);
}
