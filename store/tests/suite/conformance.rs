//! What goes in comes out: each kind of row, each question, over a restart.

use model::id::{IncidentId, ModuleId};
use model::vm::VmState;
use store::{Change, OutgoingStatus, RouterRow, StepStatus, Store};

use crate::folder::{fresh, open};
use crate::rows::{
    always, answers, at, decision, incident, line, look, message, note, step, transition, vm,
};

fn module(text: &str) -> ModuleId {
    text.parse().unwrap()
}

async fn commit(store: &Store, changes: impl IntoIterator<Item = Change>) {
    store.commit(changes.into_iter().collect::<Vec<_>>()).await.unwrap();
}

#[tokio::test]
async fn the_present_is_found_again_after_a_restart() {
    let folder = fresh("present");
    let store = open(&folder).store;
    let bare =
        model::vm::Vm { host: None, addresses: None, module: None, ..vm("web-2", VmState::Wanted) };
    let open_step = step(7, "web-1", StepStatus::Unknown);
    let waiting = message("k1", "i1", 5, OutgoingStatus::Waiting);
    let lasting = incident("i1", 5, None);
    commit(
        &store,
        [
            Change::Vm(vm("web-1", VmState::Serving)),
            Change::Vm(bare.clone()),
            Change::Vm(vm("web-3", VmState::Gone)),
            Change::Step(step(6, "web-1", StepStatus::Done)),
            Change::Step(open_step.clone()),
            Change::Outgoing(waiting.clone()),
            Change::Outgoing(message("k2", "i1", 4, OutgoingStatus::Delivered)),
            Change::Incident(lasting.clone()),
            Change::Incident(incident("i0", 1, Some(2))),
            Change::Memory { room: "alerter".to_owned(), json: "[1]".to_owned() },
            Change::Memory { room: "alerter".to_owned(), json: "[2]".to_owned() },
            Change::Memory { room: "over".to_owned(), json: "[3]".to_owned() },
            Change::Forget { room: "over".to_owned() },
            Change::Forget { room: "never there".to_owned() },
            Change::Router { name: "edge".to_owned(), wanted: 9, acked: 8 },
            Change::Alive(at(77)),
        ],
    )
    .await;
    store.close().await;

    let opened = open(&folder);
    let state = opened.state;
    assert_eq!(
        state.vms.values().collect::<Vec<_>>(),
        [&vm("web-1", VmState::Serving), &bare],
        "the gone one is not of the present"
    );
    assert_eq!(state.open_steps, [open_step]);
    assert_eq!(state.waiting, [waiting]);
    assert_eq!(state.open_incidents, [lasting]);
    assert_eq!(state.memory, [("alerter".to_owned(), "[2]".to_owned())].into());
    assert_eq!(state.routers, [("edge".to_owned(), RouterRow { wanted: 9, acked: 8 })].into());
    assert_eq!((state.next_step_id, opened.last_alive), (8, Some(at(77))));
}

#[tokio::test]
async fn the_last_word_on_a_thing_is_the_one_that_counts() {
    let folder = fresh("last-word");
    let store = open(&folder).store;
    let first = vm("web-1", VmState::Reserved);
    let last = model::vm::Vm {
        flavor: "large".parse().unwrap(),
        state: VmState::Deploying,
        since: at(21),
        created: at(11),
        host: Some("h2".parse().unwrap()),
        addresses: None,
        module: Some("shop/api".parse().unwrap()),
        assignment: 4,
        route_generation: 8,
        why: "another".to_owned(),
        id: first.id.clone(),
    };
    let planned = step(1, "web-1", StepStatus::Planned);
    let issued = store::StepRow {
        kind: store::StepKind::Deploy,
        status: StepStatus::Issued,
        attempt: 3,
        not_before: at(50),
        issued: Some(at(51)),
        error: None,
        planned: at(49),
        ..planned.clone()
    };
    let told = message("k1", "i1", 5, OutgoingStatus::Waiting);
    let retold = store::OutgoingRow {
        incident: "i2".parse().unwrap(),
        to: "bob".parse().unwrap(),
        kind: "update".to_owned(),
        channel: "chat".to_owned(),
        body: "{}".to_owned(),
        created: at(6),
        attempts: 2,
        next_at: at(12),
        error: None,
        delivered: Some(at(13)),
        ..told.clone()
    };
    commit(&store, [Change::Vm(first), Change::Step(planned), Change::Outgoing(told)]).await;
    commit(
        &store,
        [
            Change::Vm(last.clone()),
            Change::Step(issued.clone()),
            Change::Outgoing(retold.clone()),
            Change::Incident(incident("i1", 5, None)),
            Change::Incident(store::IncidentRow {
                root: "vm/web-1".parse().unwrap(),
                body: "{}".to_owned(),
                ..incident("i1", 6, None)
            }),
            Change::Router { name: "edge".to_owned(), wanted: 1, acked: 1 },
            Change::Router { name: "edge".to_owned(), wanted: 3, acked: 2 },
        ],
    )
    .await;
    store.close().await;

    let state = open(&folder).state;
    assert_eq!(state.vms.into_values().collect::<Vec<_>>(), [last]);
    assert_eq!(state.open_steps, [issued]);
    assert_eq!(state.waiting, [retold]);
    let [incident] = &state.open_incidents[..] else { panic!("{:?}", state.open_incidents) };
    assert_eq!((incident.opened, incident.root.to_string()), (at(6), "vm/web-1".to_owned()));
    assert_eq!(incident.body, "{}");
    assert_eq!(state.routers["edge"], RouterRow { wanted: 3, acked: 2 });
}

#[tokio::test]
async fn decisions_are_found_by_module_and_time_newest_first() {
    let store = open(&fresh("decisions")).store;
    let all = [
        decision("d1", "shop/web", 10),
        decision("d2", "shop/web", 20),
        decision("d3", "shop/api", 20),
        decision("d4", "shop/web", 30),
    ];
    commit(&store, all.into_iter().map(Change::Decision)).await;
    let find = async |of: Option<&str>, from, until, limit| {
        let of = of.map(module);
        let found = store.decisions(of.as_ref(), at(from), at(until), limit).await.unwrap();
        found.iter().map(|row| row.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(find(None, 0, 99, 9).await, "d4 d3 d2 d1");
    assert_eq!(find(Some("shop/web"), 10, 30, 9).await, "d2 d1", "half-open");
    assert_eq!(find(Some("shop/web"), 0, 99, 1).await, "d4");
    let whole = store.decisions(None, at(10), at(11), 1).await.unwrap();
    assert_eq!(whole, [decision("d1", "shop/web", 10)]);
}

#[tokio::test]
async fn an_incident_is_rewritten_until_it_is_closed() {
    let store = open(&fresh("incidents")).store;
    commit(&store, [incident("i1", 10, None), incident("i2", 20, None)].map(Change::Incident))
        .await;
    commit(&store, [Change::Incident(incident("i1", 10, Some(30)))]).await;
    let found = store.incidents(9).await.unwrap();
    assert_eq!(found, [incident("i2", 20, None), incident("i1", 10, Some(30))]);
    assert_eq!(store.incidents(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_is_found_by_its_incident() {
    let store = open(&fresh("messages")).store;
    let mut told = message("k1", "i1", 10, OutgoingStatus::Waiting);
    let other = message("k2", "i2", 20, OutgoingStatus::Overtaken);
    commit(&store, [told.clone(), other.clone()].map(Change::Outgoing)).await;
    told.status = OutgoingStatus::Delivered;
    told.delivered = Some(at(15));
    told.error = None;
    commit(&store, [Change::Outgoing(told.clone())]).await;
    let first = IncidentId::parse("i1").unwrap();
    assert_eq!(store.messages(Some(&first), 9).await.unwrap(), [told.clone()]);
    assert_eq!(store.messages(None, 9).await.unwrap(), [other, told.clone()]);
    told.key = "k3".to_owned();
    told.delivered = Some(at(13));
    commit(&store, [Change::Outgoing(told)]).await;
    let second = IncidentId::parse("i2").unwrap();
    let told = store.first_told(vec![first.clone(), second]).await.unwrap();
    assert_eq!(
        told,
        [(first, at(13))].into(),
        "the first of both; that of the other was overtaken"
    );
}

#[tokio::test]
async fn transitions_are_those_that_overlap_the_period() {
    let store = open(&fresh("transitions")).store;
    let up = transition("shop/web", 0, Some(10), "up");
    let down = transition("shop/web", 10, Some(20), "down");
    let lasting = transition("shop/web", 20, None, "up");
    let open_ended = transition("shop/web", 10, None, "down");
    let other = transition("shop/api", 0, None, "up");
    commit(&store, [up.clone(), open_ended, other].map(Change::Transition)).await;
    commit(&store, [down.clone(), lasting.clone()].map(Change::Transition)).await;
    let web = module("shop/web");
    let find =
        async |from, until| store.transitions(None, &web, at(from), at(until)).await.unwrap();
    assert_eq!(find(0, 99).await, [up.clone(), down.clone(), lasting.clone()]);
    assert_eq!(find(10, 20).await, std::slice::from_ref(&down), "half-open on both sides");
    assert_eq!(find(9, 11).await, [up, down]);
    assert_eq!(find(500, 600).await, [lasting], "what lasts reaches everything after it");
}

#[tokio::test]
async fn incidents_are_found_by_when_they_were_open_however_many_came_after() {
    let store = open(&fresh("incidents-over")).store;
    let rows = [("a", 0, Some(10)), ("b", 5, None), ("c", 20, Some(30)), ("d", 40, Some(50))];
    let rows = rows.map(|(id, opened, closed)| incident(id, opened, closed));
    commit(&store, rows.map(Change::Incident)).await;
    let over = async |spans: &[(i64, i64)]| {
        let spans = spans.iter().map(|(from, until)| (at(*from), at(*until))).collect();
        let found = store.incidents_over(spans).await.unwrap();
        found.iter().map(|row| row.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(over(&[(9, 12)]).await, ["b", "a"]);
    assert_eq!(over(&[(10, 20)]).await, ["b"], "half-open on both sides");
    assert_eq!(over(&[(0, 5), (49, 60)]).await, ["d", "b", "a"], "each once");
    assert_eq!(over(&[]).await, [""; 0]);
}

#[tokio::test]
async fn what_each_vantage_saw_of_one_module_is_kept_apart() {
    let store = open(&fresh("vantages")).store;
    let own = transition("shop/web", 0, Some(10), "up");
    let from = |vantage: &str, state: &str| store::TransitionRow {
        vantage: Some(vantage.parse().unwrap()),
        ..transition("shop/web", 0, Some(10), state)
    };
    let all = [own.clone(), from("beijing", "up"), from("osaka", "down"), from("beijing", "down")];
    commit(&store, all.map(Change::Transition)).await;
    let web = module("shop/web");
    let [beijing, osaka, paris] = ["beijing", "osaka", "paris"].map(|name| name.parse().unwrap());
    let find = async |vantage| store.transitions(vantage, &web, at(0), at(99)).await.unwrap();
    assert_eq!(find(None).await, [own]);
    assert_eq!(find(Some(&beijing)).await, [from("beijing", "down")], "what was said last");
    assert_eq!(find(Some(&osaka)).await, [from("osaka", "down")]);
    assert_eq!(find(Some(&paris)).await, []);
}

#[tokio::test]
async fn lines_of_one_moment_keep_their_order() {
    let store = open(&fresh("journal")).store;
    let lines = [line(5, "a"), line(5, "b"), line(5, "c"), line(4, "late"), line(9, "end")];
    commit(&store, lines.into_iter().map(Change::Journal)).await;
    let nobody = store::JournalRow { object: None, ..line(3, "nobody") };
    commit(&store, [Change::Journal(nobody.clone())]).await;
    let found = store.journal(at(3), at(9), 9).await.unwrap();
    let texts: Vec<_> = found.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(texts, ["c", "b", "a", "late", "nobody"]);
    assert_eq!(found.last(), Some(&nobody));
    assert_eq!(store.journal(always().0, always().1, 2).await.unwrap().len(), 2);
}

#[tokio::test]
async fn probes_are_kept_until_their_hour_is_settled() {
    let folder = fresh("looks");
    let store = open(&folder).store;
    let [first, failed] = [look("shop/web", 10, Some(7)), look("shop/web", 20, None)];
    let other = look("shop/api", 10, Some(9));
    commit(&store, [first, failed.clone(), other.clone()].map(Change::Look)).await;
    let slower = look("shop/web", 10, Some(8));
    commit(&store, [Change::Look(slower.clone())]).await;
    store.close().await;
    let store = open(&folder).store;
    let all = [other, slower, failed.clone()];
    assert_eq!(store.looks(at(10)).await.unwrap(), all, "the last word counts");
    assert_eq!(store.looks(at(11)).await.unwrap(), all[2..]);
    commit(&store, [Change::ForgetLooks { from: at(10), before: at(20) }]).await;
    assert_eq!(store.looks(at(0)).await.unwrap(), [failed]);
    commit(&store, [Change::ForgetLooks { from: at(20), before: at(21) }]).await;
    assert_eq!(store.looks(at(0)).await.unwrap(), []);
}

#[tokio::test]
async fn answers_are_kept_by_module_length_and_beginning_until_they_are_old() {
    let folder = fresh("answers");
    let store = open(&folder).store;
    let rows = [
        answers("shop/web", 1, 0, b"\0first"),
        answers("shop/web", 1, 3_600_000, b""),
        answers("shop/web", 24, 0, b"day"),
        answers("shop/gone", 1, 0, b"other"),
    ];
    commit(&store, rows.clone().map(Change::Answers)).await;
    commit(&store, [Change::Answers(rows[0].clone())]).await;
    store.close().await;
    let store = open(&folder).store;
    let find = async |module: &str, hours, from, until| {
        store.answers(&self::module(module), hours, at(from), at(until)).await.unwrap()
    };
    assert_eq!(find("shop/web", 1, 0, 3_600_001).await, rows[..2], "once, in order");
    assert_eq!(find("shop/web", 1, 1, 3_600_000).await, []);
    assert_eq!(find("shop/web", 24, 0, 1).await, rows[2..3]);
    assert_eq!(find("shop/gone", 1, 0, 1).await, rows[3..]);
    let begun = store.answers_from(1, at(0)).await.unwrap();
    assert_eq!(begun, [rows[3].clone(), rows[0].clone()], "of all modules");
    commit(&store, [Change::ForgetAnswers { hours: 1, before: at(3_600_000) }]).await;
    assert_eq!(find("shop/web", 1, 0, 9_999_999).await, rows[1..2]);
    assert_eq!(find("shop/web", 24, 0, 1).await, rows[2..3], "days go by themselves");
    assert_eq!(find("shop/gone", 1, 0, 1).await, [], "also of who left the files");
}

#[tokio::test]
async fn the_trail_of_an_incident_holds_what_was_heard_of_its_objects() {
    let store = open(&fresh("trail")).store;
    let heard_before = note(5, None, Some("vm/web-1"));
    let heard = note(10, None, Some("vm/web-1"));
    let joined = note(11, Some("i1"), Some("vm/web-1"));
    let of_another = note(12, Some("i2"), Some("vm/web-1"));
    let elsewhere = note(13, None, Some("vm/web-2"));
    let over = note(20, Some("i1"), None);
    let heard_later = note(30, None, Some("vm/web-1"));
    let all = [heard_before, heard, joined, of_another, elsewhere, over, heard_later];
    commit(&store, all.clone().map(Change::Note)).await;
    let [before, heard, joined, another, _, over, later] = all;
    let first = IncidentId::parse("i1").unwrap();
    let find = async |limit| store.notes_of_incident(&first, at(6), at(21), limit).await.unwrap();
    assert_eq!(find(9).await, [heard.clone(), joined.clone(), over]);
    assert_eq!(find(0).await.len(), 2, "its own are all there");
    let object = "vm/web-1".parse().unwrap();
    let of_object = store.notes_of_object(&object, 9).await.unwrap();
    assert_eq!(of_object, [later.clone(), another, joined, heard, before]);
    assert_eq!(store.notes_of_object(&object, 1).await.unwrap(), [later]);
}

#[tokio::test]
async fn the_trail_is_shortened_by_age_and_by_number() {
    let store = open(&fresh("shortened")).store;
    let notes = (1..=6).map(|millis| Change::Note(note(millis, None, Some("vm/web-1"))));
    commit(&store, notes).await;
    let object = "vm/web-1".parse().unwrap();
    let left = async || -> Vec<i64> {
        let notes = store.notes_of_object(&object, 9).await.unwrap();
        notes.iter().map(|note| note.at.millis()).collect()
    };
    commit(&store, [Change::ForgetNotes { before: at(3), keep: 99 }]).await;
    assert_eq!(left().await, [6, 5, 4, 3], "what is of that moment stays");
    commit(&store, [Change::ForgetNotes { before: at(0), keep: 2 }]).await;
    assert_eq!(left().await, [6, 5]);
    commit(&store, [Change::Note(note(7, None, Some("vm/web-1")))]).await;
    assert_eq!(left().await, [7, 6, 5]);
}

#[tokio::test]
async fn an_incident_is_found_by_its_id_however_old_it_is() {
    let store = open(&fresh("by-id")).store;
    commit(&store, (1..=9).map(|n| Change::Incident(incident(&format!("i{n}"), n, Some(n))))).await;
    let find = async |id: &str| store.incident(&id.parse().unwrap()).await.unwrap();
    assert_eq!(find("i1").await, Some(incident("i1", 1, Some(1))));
    assert_eq!(find("i10").await, None);
}

#[tokio::test]
async fn commits_of_many_tasks_are_all_made() {
    let store = open(&fresh("many")).store;
    let commits = (0..100).map(|number| {
        let store = store.clone();
        tokio::spawn(async move {
            let room = format!("room-{number}");
            let memory = Change::Memory { room, json: number.to_string() };
            store.commit(vec![memory, Change::Journal(line(number, "x"))]).await
        })
    });
    for commit in commits.collect::<Vec<_>>() {
        commit.await.unwrap().unwrap();
    }
    assert_eq!(store.journal(at(0), at(100), 999).await.unwrap().len(), 100);
}

#[tokio::test]
async fn of_many_rooms_in_one_commit_each_remembers_its_last_word() {
    let folder = fresh("rooms");
    let store = open(&folder).store;
    let memory = |room: usize, said: usize| Change::Memory {
        room: format!("room-{room}"),
        json: format!("[{said}]"),
    };
    // More than one statement takes, twice each, near and far from each other, and one given up between.
    let first = (0..150).map(|room| memory(room, 1));
    let over = [Change::Forget { room: "room-7".to_owned() }];
    let then = (0..150).flat_map(|room| [memory(room, 2), memory(room, room)]);
    let gone = [Change::Forget { room: "room-8".to_owned() }];
    commit(&store, first.chain(over).chain(then).chain(gone)).await;
    store.close().await;
    let expected = (0..150).filter(|room| *room != 8);
    let expected = expected.map(|room| (format!("room-{room}"), format!("[{room}]")));
    assert_eq!(open(&folder).state.memory, expected.collect());
}

#[tokio::test]
async fn nothing_is_a_commit_too() {
    let store = open(&fresh("nothing")).store;
    store.commit(Vec::new()).await.unwrap();
}
