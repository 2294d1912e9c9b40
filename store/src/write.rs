//! Applies changes: all of them, or none.

use std::sync::LazyLock;

use model::id::{IncidentId, Object, VantageId};
use model::time::Time;
use model::vm::Vm;
use rusqlite::{Connection, Params, Transaction, TransactionBehavior, params, params_from_iter};

use crate::row::{
    AnswersRow, Change, DecisionRow, IncidentRow, JournalRow, LookRow, NoteRow, OutgoingRow,
    StepRow, TransitionRow,
};

/// Each module by its key.
pub(crate) const FORGET_ANSWERS: &str = "
    DELETE FROM answers
    WHERE module IN (SELECT module FROM answers_module) AND hours = ?1 AND at < ?2";

/// So many rooms are written at once. An alert has two, and a storm thousands of alerts.
const MANY: usize = 32;

/// One transaction. When this returns `Ok`, it is on the disk.
pub(crate) fn commit(connection: &mut Connection, changes: &[Change]) -> rusqlite::Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for run in changes.chunk_by(|one, next| memory(one).is_some() && memory(next).is_some()) {
        let many = run.chunks_exact(MANY);
        let rest = many.remainder();
        for many in many {
            write_memories(&transaction, many).map_err(|error| about(&many[0], error))?;
        }
        for change in rest {
            apply(&transaction, change).map_err(|error| about(change, error))?;
        }
    }
    transaction.commit()
}

/// From now on, and until [`mark_clean`], an end is an end without warning. A new epoch begins; a
/// record without a name gets the moment as its name, which no other record of the fleet has.
pub(crate) fn mark_running(connection: &Connection, now: Time) -> rusqlite::Result<()> {
    let sql = "
        UPDATE brain SET clean = FALSE, epoch = epoch + 1,
            incarnation = CASE incarnation WHEN '' THEN ?1 ELSE incarnation END";
    run(connection, sql, [format!("{:x}", now.millis())])
}

pub(crate) fn mark_clean(connection: &Connection) -> rusqlite::Result<()> {
    run(connection, "UPDATE brain SET clean = TRUE", [])
}

fn apply(transaction: &Transaction<'_>, change: &Change) -> rusqlite::Result<()> {
    match change {
        Change::Vm(vm) => write_vm(transaction, vm),
        Change::Step(step) => write_step(transaction, step),
        Change::Decision(decision) => add_decision(transaction, decision),
        Change::Incident(incident) => write_incident(transaction, incident),
        Change::Outgoing(message) => write_outgoing(transaction, message),
        Change::Transition(transition) => write_transition(transaction, transition),
        Change::Look(look) => write_look(transaction, look),
        Change::ForgetLooks { from, before } => {
            let sql = "DELETE FROM look WHERE at >= ?1 AND at < ?2";
            run(transaction, sql, [from.millis(), before.millis()])
        }
        Change::Answers(answers) => write_answers(transaction, answers),
        Change::ForgetAnswers { hours, before } => forget_answers(transaction, *hours, *before),
        Change::Journal(line) => add_to_journal(transaction, line),
        Change::Note(note) => add_note(transaction, note),
        Change::ForgetNotes { before, keep } => forget_notes(transaction, *before, *keep),
        Change::Memory { room, json } => write_memory(transaction, room, json),
        Change::Forget { room } => run(transaction, "DELETE FROM memory WHERE room = ?1", [room]),
        Change::Router { name, wanted, acked } => write_router(transaction, name, *wanted, *acked),
        Change::Alive(at) => write_alive(transaction, *at),
        Change::Origin { incarnation, epoch } => write_origin(transaction, incarnation, *epoch),
    }
}

fn write_vm(connection: &Connection, vm: &Vm) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO vm (id, flavor, state, since, created, host, agent_address, app_address,
            module, assignment, route_generation, why, born_epoch)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, (SELECT epoch FROM brain))
        ON CONFLICT (id) DO UPDATE SET flavor = excluded.flavor, state = excluded.state,
            since = excluded.since, created = excluded.created, host = excluded.host,
            agent_address = excluded.agent_address, app_address = excluded.app_address,
            module = excluded.module, assignment = excluded.assignment,
            route_generation = excluded.route_generation, why = excluded.why";
    let row = params![
        vm.id.as_str(),
        vm.flavor.as_str(),
        vm.state.as_str(),
        vm.since.millis(),
        vm.created.millis(),
        vm.host.as_ref().map(|host| host.as_str()),
        vm.addresses.map(|addresses| addresses.agent.to_string()),
        vm.addresses.map(|addresses| addresses.app.to_string()),
        vm.module.as_ref().map(|module| module.as_str()),
        vm.assignment,
        whole(vm.route_generation)?,
        vm.why,
    ];
    run(connection, sql, row)
}

fn write_step(connection: &Connection, step: &StepRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO step (id, vm, kind, status, attempt, not_before, issued, error, planned, epoch)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, (SELECT epoch FROM brain))
        ON CONFLICT (id) DO UPDATE SET vm = excluded.vm, kind = excluded.kind,
            status = excluded.status, attempt = excluded.attempt,
            not_before = excluded.not_before, issued = excluded.issued, error = excluded.error,
            planned = excluded.planned";
    let row = params![
        whole(step.id)?,
        step.vm.as_str(),
        step.kind.as_str(),
        step.status.as_str(),
        step.attempt,
        step.not_before.millis(),
        step.issued.map(Time::millis),
        step.error,
        step.planned.millis(),
    ];
    run(connection, sql, row)
}

fn add_decision(connection: &Connection, decision: &DecisionRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO decision (id, module, at, from_count, to_count, held, reason, body, epoch)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, (SELECT epoch FROM brain))";
    let row = params![
        decision.id.as_str(),
        decision.module.as_str(),
        decision.at.millis(),
        decision.from,
        decision.to,
        decision.held,
        decision.reason,
        decision.body,
    ];
    run(connection, sql, row)
}

fn write_incident(connection: &Connection, incident: &IncidentRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO incident (id, opened, closed, root, body) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (id) DO UPDATE SET opened = excluded.opened, closed = excluded.closed,
            root = excluded.root, body = excluded.body";
    let row = params![
        incident.id.as_str(),
        incident.opened.millis(),
        incident.closed.map(Time::millis),
        incident.root.to_string(),
        incident.body,
    ];
    run(connection, sql, row)
}

fn write_outgoing(connection: &Connection, message: &OutgoingRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO outgoing (message_key, incident, recipient, kind, channel, body, created,
            attempts, next_at, status, error, delivered)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
        ON CONFLICT (message_key) DO UPDATE SET incident = excluded.incident,
            recipient = excluded.recipient, kind = excluded.kind, channel = excluded.channel,
            body = excluded.body, created = excluded.created, attempts = excluded.attempts,
            next_at = excluded.next_at, status = excluded.status, error = excluded.error,
            delivered = excluded.delivered";
    let row = params![
        message.key,
        message.incident.as_str(),
        message.to.as_str(),
        message.kind,
        message.channel,
        message.body,
        message.created.millis(),
        message.attempts,
        message.next_at.millis(),
        message.status.as_str(),
        message.error,
        message.delivered.map(Time::millis),
    ];
    run(connection, sql, row)
}

fn write_transition(connection: &Connection, transition: &TransitionRow) -> rusqlite::Result<()> {
    if let Some(vantage) = &transition.vantage {
        return write_transition_elsewhere(connection, vantage, transition);
    }
    let sql = "
        INSERT INTO transition (module, at, until, state, why) VALUES (?1, ?2, ?3, ?4, ?5)
        ON CONFLICT (module, at) DO UPDATE SET until = excluded.until, state = excluded.state,
            why = excluded.why";
    let row = params![
        transition.module.as_str(),
        transition.at.millis(),
        transition.until.map(Time::millis),
        transition.state,
        transition.why,
    ];
    run(connection, sql, row)
}

fn write_transition_elsewhere(
    connection: &Connection,
    vantage: &VantageId,
    transition: &TransitionRow,
) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO transition_elsewhere (vantage, module, at, until, state, why)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (vantage, module, at) DO UPDATE SET until = excluded.until,
            state = excluded.state, why = excluded.why";
    let row = params![
        vantage.as_str(),
        transition.module.as_str(),
        transition.at.millis(),
        transition.until.map(Time::millis),
        transition.state,
        transition.why,
    ];
    run(connection, sql, row)
}

fn write_look(connection: &Connection, look: &LookRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO look (at, module, took) VALUES (?1, ?2, ?3)
        ON CONFLICT (at, module) DO UPDATE SET took = excluded.took";
    let took = look.took.map(whole).transpose()?;
    run(connection, sql, params![look.at.millis(), look.module.as_str(), took])
}

fn write_answers(connection: &Connection, answers: &AnswersRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO answers (module, hours, at, probes, failures, body)
        VALUES (?1, ?2, ?3, ?4, ?5, ?6)
        ON CONFLICT (module, hours, at) DO UPDATE SET probes = excluded.probes,
            failures = excluded.failures, body = excluded.body";
    let row = params![
        answers.module.as_str(),
        answers.hours,
        answers.at.millis(),
        whole(answers.probes)?,
        whole(answers.failures)?,
        answers.body,
    ];
    run(connection, sql, row)
}

fn forget_answers(connection: &Connection, hours: u32, before: Time) -> rusqlite::Result<()> {
    run(connection, FORGET_ANSWERS, params![hours, before.millis()])
}

/// Numbers itself, since lines of one moment must keep their order; there is one writer.
fn add_to_journal(connection: &Connection, line: &JournalRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO journal (number, at, who, what, object, text)
        VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM journal), ?1, ?2, ?3, ?4, ?5)";
    let object = line.object.as_ref().map(Object::to_string);
    run(connection, sql, params![line.at.millis(), line.who, line.what, object, line.text])
}

fn add_note(connection: &Connection, note: &NoteRow) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO note (number, at, incident, object, body)
        VALUES ((SELECT COALESCE(MAX(number), 0) + 1 FROM note), ?1, ?2, ?3, ?4)";
    let incident = note.incident.as_ref().map(IncidentId::as_str);
    let object = note.object.as_ref().map(Object::to_string);
    run(connection, sql, params![note.at.millis(), incident, object, note.body])
}

fn forget_notes(connection: &Connection, before: Time, keep: u32) -> rusqlite::Result<()> {
    run(connection, "DELETE FROM note WHERE at < ?1", [before.millis()])?;
    let sql = "DELETE FROM note WHERE number <= (SELECT COALESCE(MAX(number), 0) FROM note) - ?1";
    run(connection, sql, [keep])
}

fn write_memory(connection: &Connection, room: &str, json: &str) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO memory (room, json) VALUES (?1, ?2)
        ON CONFLICT (room) DO UPDATE SET json = excluded.json";
    run(connection, sql, params![room, json])
}

/// [`write_memory`] for so many at once: what a statement costs beside its rows is as much as a few of them.
fn write_memories(connection: &Connection, rooms: &[Change]) -> rusqlite::Result<()> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let rows = ["(?, ?)"; MANY].join(", ");
        let sql = format!("INSERT INTO memory (room, json) VALUES {rows}");
        sql + " ON CONFLICT (room) DO UPDATE SET json = excluded.json"
    });
    let texts = rooms.iter().filter_map(memory).flatten();
    run(connection, &SQL, params_from_iter(texts))
}

/// A room and what it remembers.
fn memory(change: &Change) -> Option<[&String; 2]> {
    if let Change::Memory { room, json } = change { Some([room, json]) } else { None }
}

fn write_router(
    connection: &Connection,
    name: &str,
    wanted: u64,
    acked: u64,
) -> rusqlite::Result<()> {
    let sql = "
        INSERT INTO router (name, wanted, acked) VALUES (?1, ?2, ?3)
        ON CONFLICT (name) DO UPDATE SET wanted = excluded.wanted, acked = excluded.acked";
    run(connection, sql, params![name, whole(wanted)?, whole(acked)?])
}

fn write_alive(connection: &Connection, at: Time) -> rusqlite::Result<()> {
    run(connection, "UPDATE brain SET last_alive = ?1", params![at.millis()])
}

fn write_origin(connection: &Connection, incarnation: &str, epoch: u64) -> rusqlite::Result<()> {
    let sql = "UPDATE brain SET incarnation = ?1, epoch = ?2";
    run(connection, sql, params![incarnation, whole(epoch)?])
}

fn run(connection: &Connection, sql: &str, row: impl Params) -> rusqlite::Result<()> {
    connection.prepare_cached(sql)?.execute(row)?;
    Ok(())
}

/// SQL knows signed numbers only.
fn whole(number: u64) -> rusqlite::Result<i64> {
    i64::try_from(number).map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

/// Says of which change SQLite spoke when it refused one.
fn about(change: &Change, error: rusqlite::Error) -> rusqlite::Error {
    if let rusqlite::Error::SqliteFailure(code, Some(words)) = &error {
        let words = format!("{}: {}", subject(change), in_our_words(words));
        return rusqlite::Error::SqliteFailure(*code, Some(words));
    }
    if let rusqlite::Error::ToSqlConversionFailure(source) = &error {
        let words = format!("{}: {source}", subject(change));
        return rusqlite::Error::ToSqlConversionFailure(words.into());
    }
    error
}

fn subject(change: &Change) -> String {
    match change {
        Change::Vm(vm) => format!("vm {}", vm.id),
        Change::Step(step) => format!("step {} ({} of vm {})", step.id, step.kind, step.vm),
        Change::Decision(decision) => format!("decision {}", decision.id),
        Change::Incident(incident) => format!("incident {}", incident.id),
        Change::Outgoing(message) => format!("message {}", message.key),
        Change::Transition(row) => format!("transition of {} at {}", row.module, row.at),
        Change::Look(look) => format!("probe of {} at {}", look.module, look.at),
        Change::ForgetLooks { before, .. } => format!("end of the probes before {before}"),
        Change::Answers(row) => format!("answers of {} from {} on", row.module, row.at),
        Change::ForgetAnswers { before, .. } => format!("end of the answers before {before}"),
        Change::Journal(line) => format!("journal line of {}", line.at),
        Change::Note(note) => format!("note of {}", note.at),
        Change::ForgetNotes { before, .. } => format!("end of the notes before {before}"),
        Change::Memory { room, .. } => format!("memory of {room}"),
        Change::Forget { room } => format!("end of the memory of {room}"),
        Change::Router { name, .. } => format!("router {name}"),
        Change::Alive(at) => format!("alive at {at}"),
        Change::Origin { incarnation, epoch } => format!("epoch {epoch} of {incarnation}"),
    }
}

/// Keys and indexes have no message of their own.
fn in_our_words(words: &str) -> &str {
    match words {
        "UNIQUE constraint failed: step.vm" => "the VM has an open step already",
        "UNIQUE constraint failed: decision.id" => "a decision of this id is there already",
        "FOREIGN KEY constraint failed" => "there is no such VM",
        words => words,
    }
}
