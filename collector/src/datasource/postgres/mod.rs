//! PostgreSQL, 10 and newer: what its statistics views tell.
//!
//! A question is a piece of SQL whose columns bear the keys of the table below, so a new figure is
//! a column and a line. Each question runs in a read-only transaction with a time limit of its own:
//! a server whose disk hangs must not collect the queries of a monitor that has long gone.
//!
//! What other accounts do is only shown to members of `pg_monitor`. Without it those questions are
//! not asked, since their answer would be a wrong 0 and not an error.
//!
//! A standby that has replayed all it received has no lag, however quiet its primary is; but only
//! as long as it does receive: else its lag is the age of what it replayed last.

mod messages;

use super::fault::Fault;
use super::readings::Readings;
use super::table::{Metric, derived, field, word};
use super::wire::Wire;
use super::{DataSourceTarget, Session};
use messages::{Messages, Refused, Rows};

/// Databases, replicas: at most so many of each are told apart. Every question with labels ends in
/// `LIMIT` one more, so that it shows if there are others.
const MAX_OF_A_KIND: usize = 64;

#[rustfmt::skip]
pub(super) const METRICS: &[Metric] = &[
    field("postgresql_uptime_seconds", "s", "time since its start", "uptime"),
    field("postgresql_connection_max", "{connection}", "the most connections it accepts", "max_connections"),
    field("postgresql_connection_count", "{connection}", "connections of clients", "connections"),
    derived("postgresql_connection_utilization", "1", "used share of them", "connections, max_connections"),
    word("postgresql_in_recovery", "1 if it is a standby", "in_recovery", "t"),
    field("postgresql_backends", "{connection}", "connections to a database", "numbackends"),
    field("postgresql_commits_total", "{transaction}", "transactions that were committed", "xact_commit"),
    field("postgresql_rollbacks_total", "{transaction}", "transactions that were rolled back", "xact_rollback"),
    field("postgresql_blks_read_total", "{block}", "blocks read from disk", "blks_read"),
    field("postgresql_blks_hit_total", "{block}", "blocks found in memory", "blks_hit"),
    field("postgresql_tup_returned_total", "{row}", "rows read by scans", "tup_returned"),
    field("postgresql_tup_fetched_total", "{row}", "rows fetched by index", "tup_fetched"),
    field("postgresql_tup_inserted_total", "{row}", "rows inserted", "tup_inserted"),
    field("postgresql_tup_updated_total", "{row}", "rows updated", "tup_updated"),
    field("postgresql_tup_deleted_total", "{row}", "rows deleted", "tup_deleted"),
    field("postgresql_conflicts_total", "{query}", "queries cancelled on a standby for replication's sake", "conflicts"),
    field("postgresql_temp_files_total", "{file}", "temporary files", "temp_files"),
    field("postgresql_temp_io_bytes_total", "By", "bytes written to them", "temp_bytes"),
    field("postgresql_deadlocks_total", "{deadlock}", "deadlocks", "deadlocks"),
    field("postgresql_db_size_bytes", "By", "size of a database on disk", "db_size"),
    field("postgresql_wraparound_age", "{transaction}", "transactions since its oldest unfrozen row; at 2^31 it stops", "xid_age"),
    field("postgresql_multixact_age", "{multixact}", "the same for shared row locks", "mxid_age"),
    field("postgresql_database_locks_waiting", "{lock}", "locks that are waited for", "locks_waiting"),
    field("postgresql_connection_states", "{connection}", "connections by what they do", "connections_in_state"),
    field("postgresql_transaction_oldest_seconds", "s", "age of the oldest open transaction, 0 if there is none", "oldest_transaction"),
    field("postgresql_bgwriter_checkpoint_count_total", "{checkpoint}", "checkpoints", "checkpoints_timed").with("type", "scheduled"),
    field("postgresql_bgwriter_checkpoint_count_total", "{checkpoint}", "checkpoints", "checkpoints_req").with("type", "requested"),
    field("postgresql_bgwriter_duration_seconds_total", "s", "time spent in checkpoints", "checkpoint_write_ms").with("type", "write").times(1e-3),
    field("postgresql_bgwriter_duration_seconds_total", "s", "time spent in checkpoints", "checkpoint_sync_ms").with("type", "sync").times(1e-3),
    field("postgresql_bgwriter_buffers_writes_total", "{buffer}", "buffers written by checkpoints", "checkpoint_buffers").with("source", "checkpoints"),
    field("postgresql_replication_data_delay_bytes", "By", "how far a replica is behind in the log", "replica_behind"),
    field("postgresql_wal_lag_seconds", "s", "how late a replica replays; not there while nothing is written", "replica_lag"),
    word("postgresql_replication_streaming", "1 if the replica is in step", "replica_state", "streaming"),
    field("postgresql_standby_lag_seconds", "s", "how late this standby is", "standby_lag"),
    field("postgresql_standby_delay_bytes", "By", "received and not replayed", "standby_behind"),
    word("postgresql_standby_receiving", "1 if this standby receives its primary's log", "standby_receiving", "t"),
];

/// One question, and to whom it is put.
struct Question {
    /// Continues a sentence: `reading pg_stat_database`.
    doing: &'static str,
    /// Columns that become labels; the others are keys of [`METRICS`].
    labels: &'static [&'static str],
    /// Whether it means anything only to members of `pg_monitor`.
    wants_monitor: bool,
    asked: Asked,
    sql: &'static str,
}

/// Which servers a question is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    Always,
    OfStandbys,
    Before17,
    Since17,
}

const SERVER: &str = "SELECT current_setting('server_version_num') AS version, \
     pg_is_in_recovery() AS in_recovery, \
     pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') AS may_monitor, \
     extract(epoch FROM clock_timestamp() - pg_postmaster_start_time()) AS uptime, \
     current_setting('max_connections') AS max_connections, \
     (SELECT sum(numbackends) FROM pg_stat_database) AS connections";

const QUESTIONS: &[Question] = &[
    Question {
        doing: "reading pg_stat_database",
        labels: &["db"],
        wants_monitor: false,
        asked: Asked::Always,
        sql: "SELECT datname AS db, numbackends, xact_commit, xact_rollback, blks_read, blks_hit, \
              tup_returned, tup_fetched, tup_inserted, tup_updated, tup_deleted, conflicts, \
              temp_files, temp_bytes, deadlocks FROM pg_stat_database \
              WHERE datname IS NOT NULL ORDER BY xact_commit DESC LIMIT 65",
    },
    Question {
        doing: "reading the sizes of databases",
        labels: &["db"],
        wants_monitor: false,
        asked: Asked::Always,
        sql: "SELECT datname AS db, age(datfrozenxid) AS xid_age, \
              mxid_age(datminmxid) AS mxid_age, \
              CASE WHEN has_database_privilege(oid, 'CONNECT') \
              OR pg_has_role(current_user, 'pg_read_all_stats', 'USAGE') \
              THEN pg_database_size(oid) END AS db_size \
              FROM pg_database WHERE datallowconn ORDER BY age(datfrozenxid) DESC LIMIT 65",
    },
    Question {
        doing: "reading pg_locks",
        labels: &[],
        wants_monitor: false,
        asked: Asked::Always,
        sql: "SELECT count(*) AS locks_waiting FROM pg_locks WHERE NOT granted",
    },
    Question {
        doing: "reading pg_stat_activity by state",
        labels: &["state"],
        wants_monitor: true,
        asked: Asked::Always,
        sql: "SELECT coalesce(state, 'unknown') AS state, count(*) AS connections_in_state \
              FROM pg_stat_activity WHERE backend_type = 'client backend' GROUP BY 1 LIMIT 65",
    },
    Question {
        doing: "reading pg_stat_activity",
        labels: &[],
        wants_monitor: true,
        asked: Asked::Always,
        sql: "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0) \
              AS oldest_transaction FROM pg_stat_activity \
              WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()",
    },
    Question {
        doing: "reading pg_stat_bgwriter",
        labels: &[],
        wants_monitor: false,
        asked: Asked::Before17,
        sql: "SELECT checkpoints_timed, checkpoints_req, \
              checkpoint_write_time AS checkpoint_write_ms, \
              checkpoint_sync_time AS checkpoint_sync_ms, \
              buffers_checkpoint AS checkpoint_buffers FROM pg_stat_bgwriter",
    },
    Question {
        doing: "reading pg_stat_checkpointer",
        labels: &[],
        wants_monitor: false,
        asked: Asked::Since17,
        sql: "SELECT num_timed AS checkpoints_timed, num_requested AS checkpoints_req, \
              write_time AS checkpoint_write_ms, sync_time AS checkpoint_sync_ms, \
              buffers_written AS checkpoint_buffers FROM pg_stat_checkpointer",
    },
    Question {
        doing: "reading pg_stat_replication",
        labels: &["replication_client", "application_name"],
        wants_monitor: true,
        asked: Asked::Always,
        sql: "SELECT coalesce(host(client_addr), 'local') || ':' || coalesce(client_port, 0) \
              AS replication_client, application_name, state AS replica_state, \
              extract(epoch FROM replay_lag) AS replica_lag, \
              pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() \
              ELSE pg_current_wal_lsn() END, replay_lsn) AS replica_behind \
              FROM pg_stat_replication LIMIT 65",
    },
    Question {
        doing: "reading the standby's state",
        labels: &[],
        wants_monitor: false,
        asked: Asked::OfStandbys,
        sql: "SELECT receiving AS standby_receiving, \
              pg_wal_lsn_diff(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) \
              AS standby_behind, \
              CASE WHEN receiving AND pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0 \
              ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END \
              AS standby_lag FROM (SELECT count(*) > 0 AS receiving FROM pg_stat_wal_receiver) AS r",
    },
];

/// A server that let us in.
#[derive(Debug)]
pub(super) struct Postgres {
    messages: Messages,
    /// Our account, as SQL writes it.
    account: String,
}

impl Session for Postgres {
    async fn open(target: &DataSourceTarget, wire: Wire) -> Result<Self, Fault> {
        let mut messages = Messages::begin(wire).await?;
        let database = target.database.as_deref().unwrap_or("postgres");
        let refusal =
            |refused: &Refused| refusal(refused, target.user(), database, target.tls.is_some());
        messages.log_in(target, database, refusal).await?;
        Ok(Self { messages, account: name(target.user(), "ROLE") })
    }

    async fn ping(&mut self) -> Result<(), Fault> {
        let answer = self.messages.query("SELECT 1", "waiting for the answer to SELECT 1").await?;
        answer.map(drop).map_err(|refused| Fault::refuses(&refused.words))
    }

    async fn read(&mut self, readings: &mut Readings) -> Result<(), Fault> {
        let server = self.ask(SERVER, "asking which server it is", readings).await?;
        let Some(row) = server.rows.first() else { return Ok(()) };
        let get = |name: &str| server.get(row, name);
        readings.add_fields(METRICS, get);
        add_utilization(get("connections"), get("max_connections"), readings);
        let is_standby = get("in_recovery") == Some("t");
        let may_monitor = get("may_monitor") == Some("t");
        let version: u32 = get("version").and_then(|text| text.parse().ok()).unwrap_or_default();
        if !may_monitor {
            let remedy = format!("GRANT pg_monitor TO {};", self.account);
            readings.lack("our account is no member of pg_monitor", remedy);
        }
        for question in QUESTIONS {
            let is_meant = match question.asked {
                Asked::Always => true,
                Asked::OfStandbys => is_standby,
                Asked::Before17 => version < 170_000,
                Asked::Since17 => version >= 170_000,
            };
            if is_meant && (may_monitor || !question.wants_monitor) {
                let rows = self.ask(question.sql, question.doing, readings).await?;
                read_rows(question, &rows, readings);
            }
        }
        Ok(())
    }
}

impl Postgres {
    /// Asks one question; what is refused has no rows.
    async fn ask(
        &mut self,
        sql: &str,
        doing: &'static str,
        readings: &mut Readings,
    ) -> Result<Rows, Fault> {
        let bounded =
            format!("BEGIN READ ONLY; SET LOCAL statement_timeout = '10s'; {sql}; COMMIT");
        let refused = match self.messages.query(&bounded, doing).await? {
            Ok(rows) => return Ok(rows),
            Err(refused) => refused,
        };
        // Until then the failed transaction would refuse whatever comes next.
        drop(self.messages.query("ROLLBACK", doing).await?);
        match refused.code.as_str() {
            "42501" => readings.lack(
                format!("{doing} is not permitted to us"),
                format!("GRANT pg_monitor TO {};", self.account),
            ),
            _ => readings.refuse(doing, &refused.words),
        }
        Ok(Rows::default())
    }
}

fn read_rows(question: &Question, rows: &Rows, readings: &mut Readings) {
    for row in rows.rows.iter().take(MAX_OF_A_KIND) {
        let labels: Vec<(&str, &str)> = question
            .labels
            .iter()
            .map(|label| (*label, rows.get(row, label).unwrap_or_default()))
            .collect();
        readings.add_fields_with(METRICS, &labels, |key| rows.get(row, key));
    }
    if rows.rows.len() > MAX_OF_A_KIND {
        readings
            .refuse(question.doing, &format!("more than {MAX_OF_A_KIND}, the rest is left out"));
    }
}

fn add_utilization(used: Option<&str>, limit: Option<&str>, readings: &mut Readings) {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<f64>().ok());
    if let (Some(used), Some(limit)) = (number(used), number(limit).filter(|limit| *limit > 0.0)) {
        readings.add("postgresql_connection_utilization", used / limit);
    }
}

/// What it means that the server did not let us in.
fn refusal(refused: &Refused, user: &str, database: &str, is_secure: bool) -> Fault {
    let (role, database) = (name(user, "ROLE"), name(database, "DATABASE"));
    let (entry, hint) = match is_secure {
        true => ("hostssl", ""),
        false => ("host", " or, if hostssl stands there, write tls: {} for it;"),
    };
    let remedy = match refused.code.as_str() {
        "28P01" => format!(
            "check user and password, or make the account: \
             CREATE ROLE {role} LOGIN PASSWORD 'PASSWORD'; GRANT pg_monitor TO {role};"
        ),
        "28000" if refused.words.contains("client certificate") => {
            "write tls: {client_cert: \"${file:PATH}\", client_key: \"${file:PATH}\"} with a \
             certificate that is valid, of a CA that the server trusts"
                .to_owned()
        }
        "28000" => format!(
            "in pg_hba.conf, for our address: {entry} all {role} ADDRESS scram-sha-256; \
             then SELECT pg_reload_conf();{hint} and if the account is missing: \
             CREATE ROLE {role} LOGIN PASSWORD 'PASSWORD'; GRANT pg_monitor TO {role};"
        ),
        "3D000" => "name a database that exists".to_owned(),
        "42501" => format!("GRANT CONNECT ON DATABASE {database} TO {role};"),
        "53300" if refused.words.contains("for role") => {
            format!("ALTER ROLE {role} CONNECTION LIMIT -1;")
        }
        "53300" => return Fault::refuses(&format!("{}: it refuses its users", refused.words)),
        _ => return Fault::refuses(&format!("{} (SQLSTATE {})", refused.words, refused.code)),
    };
    Fault::misconfigured(&refused.words, remedy)
}

/// A name as SQL writes it, if it is a plain one: someone is going to type this line.
fn name(name: &str, otherwise: &str) -> String {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let quoted = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(is_plain) {
        name.to_owned()
    } else if !name.is_empty() && name.chars().all(quoted) {
        format!("\"{name}\"")
    } else {
        otherwise.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_column_of_a_question_is_a_label_or_in_the_table() {
        for question in QUESTIONS {
            let list = question.sql.strip_prefix("SELECT ").unwrap();
            for metric in METRICS.iter().filter_map(Metric::key) {
                assert!(!question.labels.contains(&metric), "{metric} is both");
            }
            assert!(question.labels.iter().all(|label| list.contains(label)), "{list}");
            assert!(question.labels.is_empty() || list.ends_with("LIMIT 65"), "{list}");
        }
        let all: String = QUESTIONS.iter().map(|question| question.sql).chain([SERVER]).collect();
        for key in METRICS.iter().filter_map(Metric::key) {
            assert!(all.contains(key), "nothing asks for {key}");
        }
    }

    #[test]
    fn of_too_many_databases_the_first_are_read() {
        let columns = vec!["db".to_owned(), "numbackends".to_owned()];
        let row = |at: usize| vec![Some(format!("db{at}")), Some("1".to_owned())];
        let mut readings = Readings::default();
        read_rows(
            &QUESTIONS[0],
            &Rows { columns, rows: (0..65).map(row).collect() },
            &mut readings,
        );
        assert_eq!(readings.shown().lines().count(), MAX_OF_A_KIND);
    }

    #[test]
    fn only_a_plain_name_gets_into_a_line_to_type() {
        for (given, expected) in [
            ("monitor", "monitor"),
            ("Monitor-1", "\"Monitor-1\""),
            ("x; DROP TABLE y", "ROLE"),
            ("", "ROLE"),
        ] {
            assert_eq!(name(given, "ROLE"), expected);
        }
    }

    #[test]
    fn a_limit_of_our_own_is_not_the_servers_fault() {
        let refused = |words: &str| Refused {
            code: "53300".to_owned(),
            words: words.to_owned(),
            ..Refused::default()
        };
        let ours = refusal(
            &refused("too many connections for role \"monitor\""),
            "monitor",
            "shop",
            false,
        );
        assert!(matches!(ours, Fault::Misconfigured { .. }));
        let theirs = refusal(&refused("sorry, too many clients already"), "monitor", "shop", false);
        assert!(matches!(theirs, Fault::Down { .. }));
    }
}
