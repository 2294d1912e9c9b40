//! Reads rows back. What cannot be read back as it was written is damage, never skipped.

use std::collections::BTreeMap;
use std::error::Error;
use std::str::FromStr;

use model::id::{IncidentId, ModuleId, Object, VantageId};
use model::time::Time;
use model::vm::{Addresses, Vm};
use rusqlite::types::Type;
use rusqlite::{Connection, Params, Row, params};

use crate::row::{
    AnswersRow, DecisionRow, IncidentRow, JournalRow, LookRow, NoteRow, OutgoingRow, Remembered,
    RouterRow, StepRow, TransitionRow,
};

/// How the last brain ended: whether it said goodbye, and when it was alive last.
pub(crate) fn last_end(connection: &Connection) -> rusqlite::Result<(bool, Option<Time>)> {
    connection.query_row("SELECT * FROM brain", [], |row| {
        Ok((row.get("clean")?, maybe_time(row, "last_alive")?))
    })
}

/// The name of this record, and the number of its present brain.
pub(crate) fn origin(connection: &Connection) -> rusqlite::Result<(String, u64)> {
    let sql = "SELECT incarnation, epoch FROM brain";
    connection.query_row(sql, [], |row| Ok((row.get("incarnation")?, whole(row, "epoch")?)))
}

pub(crate) fn remembered(connection: &Connection) -> rusqlite::Result<Remembered> {
    let vms = rows(connection, "SELECT * FROM vm WHERE state <> 'gone'", [], vm)?;
    Ok(Remembered {
        vms: vms.into_iter().map(|vm| (vm.id.clone(), vm)).collect(),
        open_steps: open_steps(connection)?,
        waiting: waiting(connection)?,
        open_incidents: open_incidents(connection)?,
        memory: memory(connection)?,
        routers: routers(connection)?,
        next_step_id: next_step_id(connection)?,
    })
}

/// Newest first, from `from` to before `until`.
pub(crate) fn decisions(
    connection: &Connection,
    module: Option<&ModuleId>,
    from: Time,
    until: Time,
    limit: usize,
) -> rusqlite::Result<Vec<DecisionRow>> {
    // Two statements, so that each has its index.
    let sql = match module {
        Some(_) => {
            "SELECT * FROM decision WHERE module = ?1 AND at >= ?2 AND at < ?3
             ORDER BY at DESC, id DESC LIMIT ?4"
        }
        None => {
            "SELECT * FROM decision WHERE ?1 IS NULL AND at >= ?2 AND at < ?3
             ORDER BY at DESC, id DESC LIMIT ?4"
        }
    };
    let module = module.map(ModuleId::as_str);
    let question = params![module, from.millis(), until.millis(), limit_of(limit)];
    rows(connection, sql, question, decision)
}

/// Those opened last come first.
pub(crate) fn incidents(
    connection: &Connection,
    limit: usize,
) -> rusqlite::Result<Vec<IncidentRow>> {
    let sql = "SELECT * FROM incident ORDER BY opened DESC, id DESC LIMIT ?1";
    rows(connection, sql, params![limit_of(limit)], incident)
}

/// Answered by the index alone: incidents are large, and most lay over none of the spans.
const INCIDENT_SPANS: &str = "
    SELECT id, opened, closed FROM incident
    WHERE opened < ?2 AND (closed IS NULL OR closed > ?1) ORDER BY opened DESC, id DESC";

/// So many of the newest; more lay over one month of no fleet that anybody can read of.
const MOST_OVER: usize = 10_000;

/// Spans in order, apart from each other.
fn joined(spans: &[(Time, Time)]) -> Vec<(Time, Time)> {
    let mut spans = spans.to_vec();
    spans.sort_unstable();
    spans.dedup_by(|next, last| {
        let is_touching = next.0 <= last.1;
        last.1 = if is_touching { last.1.max(next.1) } else { last.1 };
        is_touching
    });
    spans
}

/// Those that were open in one of the spans, each from one moment to before another; those opened last come
/// first.
pub(crate) fn incidents_over(
    connection: &Connection,
    spans: &[(Time, Time)],
) -> rusqlite::Result<Vec<IncidentRow>> {
    let spans = joined(spans);
    let first = spans.iter().map(|span| span.0).min();
    let last = spans.iter().map(|span| span.1).max();
    let Some((first, last)) = first.zip(last) else { return Ok(Vec::new()) };
    let mut question = connection.prepare_cached(INCIDENT_SPANS)?;
    let mut answer = question.query([first.millis(), last.millis()])?;
    let mut found = Vec::new();
    while let Some(row) = answer.next()? {
        let (opened, closed) = (time(row, "opened")?, maybe_time(row, "closed")?);
        let is_over = |(from, until): &(Time, Time)| {
            opened < *until && closed.is_none_or(|closed| closed > *from)
        };
        if found.len() < MOST_OVER && spans.iter().any(is_over) {
            let id: IncidentId = word(row, "id")?;
            found.extend(incident_of(connection, &id)?);
        }
    }
    Ok(found)
}

/// Newest first, from `from` to before `until`.
pub(crate) fn journal(
    connection: &Connection,
    from: Time,
    until: Time,
    limit: usize,
) -> rusqlite::Result<Vec<JournalRow>> {
    let sql = "SELECT * FROM journal WHERE at >= ?1 AND at < ?2
               ORDER BY at DESC, number DESC LIMIT ?3";
    let question = params![from.millis(), until.millis(), limit_of(limit)];
    rows(connection, sql, question, journal_line)
}

/// The condition is that of the index `journal_of_accounts`, word for word: else it is not used.
pub(crate) const ACCOUNTS_JOURNAL: &str = "
    SELECT * FROM journal WHERE (what LIKE 'maintenance %' OR what IN ('correction', 'release'))
    AND at >= ?1 AND at < ?2 ORDER BY at, number";

pub(crate) fn accounts_journal(
    connection: &Connection,
    from: Time,
    until: Time,
) -> rusqlite::Result<Vec<JournalRow>> {
    let question = params![from.millis(), until.millis()];
    rows(connection, ACCOUNTS_JOURNAL, question, journal_line)
}

pub(crate) fn incident_of(
    connection: &Connection,
    id: &IncidentId,
) -> rusqlite::Result<Option<IncidentRow>> {
    let found = rows(connection, "SELECT * FROM incident WHERE id = ?1", [id.as_str()], incident)?;
    Ok(found.into_iter().next())
}

/// The lines of an incident, and from `from` to before `until` the first `limit` of those of the
/// objects that it names, oldest first.
pub(crate) fn notes_of_incident(
    connection: &Connection,
    incident: &IncidentId,
    from: Time,
    until: Time,
    limit: usize,
) -> rusqlite::Result<Vec<NoteRow>> {
    let sql = "
        SELECT * FROM note WHERE incident = ?1
        UNION ALL
        SELECT * FROM (
            SELECT * FROM note WHERE incident IS NULL AND at >= ?2 AND at < ?3
                AND object IN (SELECT object FROM note WHERE incident = ?1)
            ORDER BY number LIMIT ?4
        ) AS of_objects
        ORDER BY number";
    let question = params![incident.as_str(), from.millis(), until.millis(), limit_of(limit)];
    rows(connection, sql, question, note)
}

/// Newest first.
pub(crate) fn notes_of_object(
    connection: &Connection,
    object: &Object,
    limit: usize,
) -> rusqlite::Result<Vec<NoteRow>> {
    let sql = "SELECT * FROM note WHERE object = ?1 ORDER BY number DESC LIMIT ?2";
    rows(connection, sql, params![object.to_string(), limit_of(limit)], note)
}

/// Newest first.
pub(crate) fn messages(
    connection: &Connection,
    incident: Option<&IncidentId>,
    limit: usize,
) -> rusqlite::Result<Vec<OutgoingRow>> {
    let sql = match incident {
        Some(_) => {
            "SELECT * FROM outgoing WHERE incident = ?1
             ORDER BY created DESC, message_key DESC LIMIT ?2"
        }
        None => {
            "SELECT * FROM outgoing WHERE ?1 IS NULL
             ORDER BY created DESC, message_key DESC LIMIT ?2"
        }
    };
    let question = params![incident.map(IncidentId::as_str), limit_of(limit)];
    rows(connection, sql, question, outgoing)
}

/// When the first message of each incident was delivered.
pub(crate) fn first_told(
    connection: &Connection,
    incidents: &[IncidentId],
) -> rusqlite::Result<BTreeMap<IncidentId, Time>> {
    let sql = "SELECT MIN(delivered) AS first FROM outgoing WHERE incident = ?1";
    let mut question = connection.prepare_cached(sql)?;
    let mut told = BTreeMap::new();
    for id in incidents {
        let first = question.query_row([id.as_str()], |row| maybe_time(row, "first"))?;
        told.extend(first.map(|first| (id.clone(), first)));
    }
    Ok(told)
}

/// Those that overlap the time from `from` to before `until`, oldest first, as a vantage saw them.
pub(crate) fn transitions_elsewhere(
    connection: &Connection,
    (vantage, module): (&VantageId, &ModuleId),
    from: Time,
    until: Time,
) -> rusqlite::Result<Vec<TransitionRow>> {
    let sql = "SELECT * FROM transition_elsewhere
               WHERE vantage = ?1 AND module = ?2 AND at < ?4 AND (until IS NULL OR until > ?3)
               ORDER BY at";
    let question = params![vantage.as_str(), module.as_str(), from.millis(), until.millis()];
    let row = |row: &Row<'_>| {
        Ok(TransitionRow { vantage: Some(word(row, "vantage")?), ..transition(row)? })
    };
    rows(connection, sql, question, row)
}

/// Those that overlap the time from `from` to before `until`, oldest first.
pub(crate) fn transitions(
    connection: &Connection,
    module: &ModuleId,
    from: Time,
    until: Time,
) -> rusqlite::Result<Vec<TransitionRow>> {
    let sql = "SELECT * FROM transition
               WHERE module = ?1 AND at < ?3 AND (until IS NULL OR until > ?2) ORDER BY at";
    let question = params![module.as_str(), from.millis(), until.millis()];
    rows(connection, sql, question, transition)
}

/// From `from` on, oldest first.
pub(crate) fn looks(connection: &Connection, from: Time) -> rusqlite::Result<Vec<LookRow>> {
    rows(connection, "SELECT * FROM look WHERE at >= ?1 ORDER BY at, module", [from.millis()], look)
}

/// Those that began from `from` to before `until`, oldest first.
pub(crate) fn answers(
    connection: &Connection,
    module: &ModuleId,
    hours: u32,
    from: Time,
    until: Time,
) -> rusqlite::Result<Vec<AnswersRow>> {
    let sql = "SELECT * FROM answers
               WHERE module = ?1 AND hours = ?2 AND at >= ?3 AND at < ?4 ORDER BY at";
    let question = params![module.as_str(), hours, from.millis(), until.millis()];
    rows(connection, sql, question, answers_row)
}

/// Each module by its key.
const ANSWERS_FROM: &str = "
    SELECT * FROM answers
    WHERE module IN (SELECT module FROM answers_module) AND hours = ?1 AND at = ?2 ORDER BY module";

/// Those of all modules that began at this very moment.
pub(crate) fn answers_from(
    connection: &Connection,
    hours: u32,
    at: Time,
) -> rusqlite::Result<Vec<AnswersRow>> {
    rows(connection, ANSWERS_FROM, params![hours, at.millis()], answers_row)
}

fn open_steps(connection: &Connection) -> rusqlite::Result<Vec<StepRow>> {
    let sql = "SELECT * FROM step WHERE status IN ('planned', 'issued', 'unknown') ORDER BY id";
    rows(connection, sql, [], step)
}

fn next_step_id(connection: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT COALESCE(MAX(id), 0) + 1 AS next FROM step";
    connection.query_row(sql, [], |row| whole(row, "next"))
}

fn waiting(connection: &Connection) -> rusqlite::Result<Vec<OutgoingRow>> {
    let sql = "SELECT * FROM outgoing WHERE status = 'waiting' ORDER BY created, message_key";
    rows(connection, sql, [], outgoing)
}

fn open_incidents(connection: &Connection) -> rusqlite::Result<Vec<IncidentRow>> {
    let sql = "SELECT * FROM incident WHERE closed IS NULL ORDER BY opened, id";
    rows(connection, sql, [], incident)
}

fn memory(connection: &Connection) -> rusqlite::Result<BTreeMap<String, String>> {
    let pair = |row: &Row<'_>| Ok((row.get("room")?, row.get("json")?));
    Ok(rows(connection, "SELECT * FROM memory", [], pair)?.into_iter().collect())
}

fn routers(connection: &Connection) -> rusqlite::Result<BTreeMap<String, RouterRow>> {
    let pair = |row: &Row<'_>| {
        let router = RouterRow { wanted: whole(row, "wanted")?, acked: whole(row, "acked")? };
        Ok((row.get("name")?, router))
    };
    Ok(rows(connection, "SELECT * FROM router", [], pair)?.into_iter().collect())
}

fn vm(row: &Row<'_>) -> rusqlite::Result<Vm> {
    let (agent, app) = (maybe_word(row, "agent_address")?, maybe_word(row, "app_address")?);
    Ok(Vm {
        id: word(row, "id")?,
        flavor: word(row, "flavor")?,
        state: word(row, "state")?,
        since: time(row, "since")?,
        created: time(row, "created")?,
        host: maybe_word(row, "host")?,
        addresses: agent.zip(app).map(|(agent, app)| Addresses { agent, app }),
        module: maybe_word(row, "module")?,
        assignment: row.get("assignment")?,
        route_generation: whole(row, "route_generation")?,
        why: row.get("why")?,
    })
}

fn step(row: &Row<'_>) -> rusqlite::Result<StepRow> {
    Ok(StepRow {
        id: whole(row, "id")?,
        vm: word(row, "vm")?,
        kind: word(row, "kind")?,
        status: word(row, "status")?,
        attempt: row.get("attempt")?,
        not_before: time(row, "not_before")?,
        issued: maybe_time(row, "issued")?,
        error: row.get("error")?,
        planned: time(row, "planned")?,
    })
}

fn decision(row: &Row<'_>) -> rusqlite::Result<DecisionRow> {
    Ok(DecisionRow {
        id: word(row, "id")?,
        module: word(row, "module")?,
        at: time(row, "at")?,
        from: row.get("from_count")?,
        to: row.get("to_count")?,
        held: row.get("held")?,
        reason: row.get("reason")?,
        body: row.get("body")?,
    })
}

fn incident(row: &Row<'_>) -> rusqlite::Result<IncidentRow> {
    Ok(IncidentRow {
        id: word(row, "id")?,
        opened: time(row, "opened")?,
        closed: maybe_time(row, "closed")?,
        root: word(row, "root")?,
        body: row.get("body")?,
    })
}

fn outgoing(row: &Row<'_>) -> rusqlite::Result<OutgoingRow> {
    Ok(OutgoingRow {
        key: row.get("message_key")?,
        incident: word(row, "incident")?,
        to: word(row, "recipient")?,
        kind: row.get("kind")?,
        channel: row.get("channel")?,
        body: row.get("body")?,
        created: time(row, "created")?,
        attempts: row.get("attempts")?,
        next_at: time(row, "next_at")?,
        status: word(row, "status")?,
        error: row.get("error")?,
        delivered: maybe_time(row, "delivered")?,
    })
}

fn transition(row: &Row<'_>) -> rusqlite::Result<TransitionRow> {
    Ok(TransitionRow {
        vantage: None,
        module: word(row, "module")?,
        at: time(row, "at")?,
        until: maybe_time(row, "until")?,
        state: row.get("state")?,
        why: row.get("why")?,
    })
}

fn look(row: &Row<'_>) -> rusqlite::Result<LookRow> {
    let took = match row.get::<_, Option<i64>>("took")? {
        Some(_) => Some(whole(row, "took")?),
        None => None,
    };
    Ok(LookRow { at: time(row, "at")?, module: word(row, "module")?, took })
}

fn answers_row(row: &Row<'_>) -> rusqlite::Result<AnswersRow> {
    Ok(AnswersRow {
        module: word(row, "module")?,
        hours: row.get("hours")?,
        at: time(row, "at")?,
        probes: whole(row, "probes")?,
        failures: whole(row, "failures")?,
        body: row.get("body")?,
    })
}

fn journal_line(row: &Row<'_>) -> rusqlite::Result<JournalRow> {
    Ok(JournalRow {
        at: time(row, "at")?,
        who: row.get("who")?,
        what: row.get("what")?,
        object: maybe_word(row, "object")?,
        text: row.get("text")?,
    })
}

fn note(row: &Row<'_>) -> rusqlite::Result<NoteRow> {
    Ok(NoteRow {
        at: time(row, "at")?,
        incident: maybe_word(row, "incident")?,
        object: maybe_word(row, "object")?,
        body: row.get("body")?,
    })
}

/// Every row of a question, as `read` makes it.
pub(crate) fn rows<T>(
    connection: &Connection,
    sql: &str,
    question: impl Params,
    read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(question, |row| read(row))?.collect()
}

pub(crate) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Time> {
    row.get(column).map(Time::from_millis)
}

fn maybe_time(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Time>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(Time::from_millis))
}

fn word<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<T>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let text: String = row.get(column)?;
    text.parse().map_err(|error| unreadable(row, column, error))
}

fn maybe_word<T>(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<T>>
where
    T: FromStr<Err: Error + Send + Sync + 'static>,
{
    let text: Option<String> = row.get(column)?;
    let word = text.map(|text| text.parse().map_err(|error| unreadable(row, column, error)));
    word.transpose()
}

/// Counts are never negative: [`crate::write`] stores none.
fn whole(row: &Row<'_>, column: &str) -> rusqlite::Result<u64> {
    u64::try_from(row.get::<_, i64>(column)?).map_err(|error| unreadable(row, column, error))
}

pub(crate) fn unreadable(
    row: &Row<'_>,
    column: &str,
    error: impl Error + Send + Sync + 'static,
) -> rusqlite::Error {
    let index = row.as_ref().column_index(column).unwrap_or(0);
    rusqlite::Error::FromSqlConversionFailure(index, Type::Text, Box::new(error))
}

fn limit_of(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::STATE;

    fn plan(sql: &str) -> Vec<String> {
        let connection = Connection::open_in_memory().unwrap();
        for version in STATE.versions {
            connection.execute_batch(version).unwrap();
        }
        let sql = format!("EXPLAIN QUERY PLAN {sql}");
        rows(&connection, &sql, [0, 1], |row| row.get(3)).unwrap()
    }

    #[test]
    fn accounts_find_their_lines_without_reading_the_whole_journal() {
        let plan = plan(ACCOUNTS_JOURNAL);
        assert!(plan[0].contains("USING INDEX journal_of_accounts"), "{plan:?}");
    }

    #[test]
    fn when_incidents_were_is_found_without_reading_them() {
        let plan = plan(INCIDENT_SPANS);
        assert!(plan[0].contains("USING COVERING INDEX incident_span"), "{plan:?}");
    }

    /// A company's year is nine million rows.
    #[test]
    fn answers_of_all_modules_are_found_by_their_key() {
        for sql in [ANSWERS_FROM, crate::write::FORGET_ANSWERS] {
            let plan = plan(sql);
            let found = plan.iter().any(|line| line.contains("(module=? AND hours=? AND at"));
            assert!(found && plan.iter().all(|line| line != "SCAN answers"), "{plan:#?}");
        }
    }
}
