//! MySQL and MariaDB: what the server counts, its limits, its transactions, its replication.
//!
//! The status and the variables are open to every account; open transactions and InnoDB's own
//! counters want `PROCESS`, replication wants `REPLICATION CLIENT` (MariaDB since 10.5:
//! `SLAVE MONITOR`). What is refused is named once, with the `GRANT` to type for the account that
//! the server has matched us with, and the rest is reported.
//!
//! "Too many connections" is the server's fault: its users are told the same.

mod login;
mod packet;
mod replication;

use std::collections::{BTreeMap, BTreeSet};

use super::fault::Fault;
use super::readings::Readings;
use super::table::{Metric, derived, field, not_word};
use super::wire::Wire;
use super::{DataSourceTarget, Session};
use packet::{Packets, Refused, Rows, Value};

const VARIABLES: &str = "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('max_connections', \
     'innodb_buffer_pool_size', 'read_only', 'super_read_only', 'table_open_cache', \
     'long_query_time')";
/// InnoDB tells the time of the machine, and `NOW()` that of `time_zone`: hours may lie between.
const TRANSACTIONS: &str = "SELECT COUNT(*), MAX(TIMESTAMPDIFF(SECOND, trx_started, \
     CONVERT_TZ(UTC_TIMESTAMP(), '+00:00', 'SYSTEM'))) FROM information_schema.INNODB_TRX";
const INNODB: &str = "SELECT NAME, COUNT FROM information_schema.INNODB_METRICS \
     WHERE NAME IN ('trx_rseg_history_len', 'lock_deadlocks')";

#[rustfmt::skip]
pub(super) const METRICS: &[Metric] = &[
    field("mysql_uptime_seconds", "s", "time since its start", "Uptime"),
    field("mysql_threads", "{thread}", "client connections", "Threads_connected").with("kind", "connected"),
    field("mysql_threads", "{thread}", "client connections", "Threads_running").with("kind", "running"),
    field("mysql_threads", "{thread}", "client connections", "Threads_cached").with("kind", "cached"),
    field("mysql_threads_created_total", "{thread}", "threads started for clients", "Threads_created"),
    field("mysql_connection_max", "{connection}", "the most connections it accepts", "max_connections"),
    derived("mysql_connection_utilization", "1", "used share of them", "Threads_connected, max_connections"),
    field("mysql_max_used_connections", "{connection}", "the most that were used at a time", "Max_used_connections"),
    field("mysql_connection_count_total", "{attempt}", "attempts to connect", "Connections"),
    field("mysql_connection_errors_total", "{error}", "connections that came to nothing", "Connection_errors_max_connections").with("error", "max_connections"),
    field("mysql_connection_errors_total", "{error}", "connections that came to nothing", "Connection_errors_internal").with("error", "internal"),
    field("mysql_connection_errors_total", "{error}", "connections that came to nothing", "Aborted_connects").with("error", "aborted"),
    field("mysql_connection_errors_total", "{error}", "connections that came to nothing", "Aborted_clients").with("error", "aborted_clients"),
    field("mysql_query_count_total", "{query}", "statements carried out, those of procedures included", "Queries"),
    field("mysql_query_client_count_total", "{query}", "statements sent by clients", "Questions"),
    field("mysql_query_slow_count_total", "{query}", "statements that took longer than long_query_time", "Slow_queries"),
    field("mysql_long_query_time_seconds", "s", "from which time on a statement is slow", "long_query_time"),
    field("mysql_commands_total", "{command}", "statements by sort", "Com_select").with("command", "select"),
    field("mysql_commands_total", "{command}", "statements by sort", "Com_insert").with("command", "insert"),
    field("mysql_commands_total", "{command}", "statements by sort", "Com_update").with("command", "update"),
    field("mysql_commands_total", "{command}", "statements by sort", "Com_delete").with("command", "delete"),
    field("mysql_commands_total", "{command}", "statements by sort", "Com_replace").with("command", "replace"),
    field("mysql_commands_total", "{command}", "statements by sort", "Com_commit").with("command", "commit"),
    field("mysql_commands_total", "{command}", "statements by sort", "Com_rollback").with("command", "rollback"),
    field("mysql_client_network_io_bytes_total", "By", "bytes moved", "Bytes_received").with("kind", "received"),
    field("mysql_client_network_io_bytes_total", "By", "bytes moved", "Bytes_sent").with("kind", "sent"),
    field("mysql_buffer_pool_limit_bytes", "By", "size of InnoDB's buffer pool", "innodb_buffer_pool_size"),
    field("mysql_buffer_pool_pages", "{page}", "pages of it", "Innodb_buffer_pool_pages_data").with("kind", "data"),
    field("mysql_buffer_pool_pages", "{page}", "pages of it", "Innodb_buffer_pool_pages_dirty").with("kind", "dirty"),
    field("mysql_buffer_pool_pages", "{page}", "pages of it", "Innodb_buffer_pool_pages_free").with("kind", "free"),
    field("mysql_buffer_pool_pages", "{page}", "pages of it", "Innodb_buffer_pool_pages_total").with("kind", "total"),
    field("mysql_buffer_pool_operations_total", "{operation}", "reads of pages", "Innodb_buffer_pool_read_requests").with("operation", "read_requests"),
    field("mysql_buffer_pool_operations_total", "{operation}", "reads of pages", "Innodb_buffer_pool_reads").with("operation", "reads"),
    field("mysql_buffer_pool_operations_total", "{operation}", "reads of pages", "Innodb_buffer_pool_wait_free").with("operation", "wait_free"),
    field("mysql_row_locks_total", "{lock}", "row locks that had to be waited for", "Innodb_row_lock_waits"),
    field("mysql_row_lock_time_seconds_total", "s", "time spent waiting for them", "Innodb_row_lock_time").times(1e-3),
    field("mysql_row_locks_waiting", "{lock}", "row locks that are waited for now", "Innodb_row_lock_current_waits"),
    field("mysql_log_waits_total", "{wait}", "times the log buffer was too small", "Innodb_log_waits"),
    field("mysql_tmp_resources_total", "{resource}", "temporary things made", "Created_tmp_disk_tables").with("resource", "disk_tables"),
    field("mysql_tmp_resources_total", "{resource}", "temporary things made", "Created_tmp_tables").with("resource", "tables"),
    field("mysql_tmp_resources_total", "{resource}", "temporary things made", "Created_tmp_files").with("resource", "files"),
    field("mysql_joins_total", "{join}", "joins that read a whole table", "Select_full_join").with("kind", "full"),
    field("mysql_handlers_total", "{request}", "rows asked of the storage engine", "Handler_read_rnd_next").with("kind", "read_rnd_next"),
    field("mysql_handlers_total", "{request}", "rows asked of the storage engine", "Handler_read_key").with("kind", "read_key"),
    field("mysql_table_open_cache_total", "{lookup}", "lookups of open tables", "Table_open_cache_hits").with("status", "hit"),
    field("mysql_table_open_cache_total", "{lookup}", "lookups of open tables", "Table_open_cache_misses").with("status", "miss"),
    field("mysql_table_open_cache_limit", "{table}", "how many may stay open", "table_open_cache"),
    not_word("mysql_read_only", "1 if it refuses writes", "read_only", "OFF"),
    not_word("mysql_super_read_only", "1 if it refuses them to administrators, too", "super_read_only", "OFF"),
    derived("mysql_transactions", "{transaction}", "open InnoDB transactions", "information_schema.INNODB_TRX"),
    derived("mysql_transaction_oldest_seconds", "s", "age of the oldest of them, 0 if there is none", "information_schema.INNODB_TRX"),
    derived("mysql_history_list_length", "{entry}", "old row versions that wait to be removed", "INNODB_METRICS: trx_rseg_history_len"),
    derived("mysql_deadlocks_total", "{deadlock}", "deadlocks of row locks", "INNODB_METRICS: lock_deadlocks"),
    derived("mysql_replica_io_running", "1", "1 if it receives its source's changes", "SHOW REPLICA STATUS: Replica_IO_Running"),
    derived("mysql_replica_sql_running", "1", "1 if it carries them out", "SHOW REPLICA STATUS: Replica_SQL_Running"),
    derived("mysql_replica_time_behind_source_seconds", "s", "how far it is behind; not there while it stands still", "SHOW REPLICA STATUS: Seconds_Behind_Source"),
    derived("mysql_replica_sql_delay_seconds", "s", "how far it is meant to be behind", "SHOW REPLICA STATUS: SQL_Delay"),
    derived("mysql_replica_last_error_code", "1", "number of the error that stopped it, else 0", "SHOW REPLICA STATUS: Last_IO_Errno, Last_SQL_Errno"),
    derived("mysql_replica_gtid_gap", "{transaction}", "transactions received and not carried out", "SHOW REPLICA STATUS: Retrieved_Gtid_Set, Executed_Gtid_Set"),
];

/// Which server it is, as far as that matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Server {
    is_mariadb: bool,
    number: (u32, u32, u32),
}

/// A server that let us in.
#[derive(Debug)]
pub(super) struct MySql {
    packets: Packets,
    server: Server,
    target: DataSourceTarget,
    /// The account that the server has matched us with: `monitor@%`.
    account: Option<String>,
    /// Privileges that were wanted and refused.
    lacking: BTreeSet<&'static str>,
}

impl Session for MySql {
    async fn open(target: &DataSourceTarget, wire: Wire) -> Result<Self, Fault> {
        let (packets, server) = login::log_in(Packets::new(wire), target).await?;
        let (target, lacking) = (target.clone(), BTreeSet::new());
        Ok(Self { packets, server, target, account: None, lacking })
    }

    async fn ping(&mut self) -> Result<(), Fault> {
        self.packets.ping().await
    }

    async fn read(&mut self, readings: &mut Readings) -> Result<(), Fault> {
        let who = self.ask("SELECT CURRENT_USER()", "asking who we are", readings).await?;
        self.account = who.rows.first().and_then(|row| row.first().cloned().flatten());
        let mut fields = Fields::new();
        for (statement, doing) in [
            ("SHOW GLOBAL STATUS", "reading SHOW GLOBAL STATUS"),
            (VARIABLES, "reading SHOW GLOBAL VARIABLES"),
        ] {
            fields.extend(pairs(self.ask(statement, doing, readings).await?));
        }
        read_fields(&fields, readings);
        let transactions = self.ask(TRANSACTIONS, "reading INNODB_TRX", readings).await?;
        read_transactions(&transactions, readings);
        let innodb = self.ask(INNODB, "reading INNODB_METRICS", readings).await?;
        read_innodb(&pairs(innodb), readings);
        let statement = replication::statement(&self.server);
        let status = self.ask(statement, "reading the replica's status", readings).await?;
        replication::read(&status, readings);
        self.name_what_lacks(readings);
        Ok(())
    }
}

impl MySql {
    /// Asks one statement; what is refused has no rows.
    async fn ask(
        &mut self,
        statement: &str,
        doing: &'static str,
        readings: &mut Readings,
    ) -> Result<Rows, Fault> {
        let refused = match self.packets.query(statement, doing).await? {
            Ok(rows) => return Ok(rows),
            Err(refused) => refused,
        };
        match refused.code {
            codes::SHUTDOWN | codes::KILLED => return Err(Fault::refuses(&refused.words)),
            codes::MISSING_PRIVILEGE | codes::TABLE_DENIED => {
                self.lacking.insert(self.server.privilege(statement));
            }
            _ => readings.refuse(doing, &refused.words),
        }
        Ok(Rows::default())
    }

    fn name_what_lacks(&self, readings: &mut Readings) {
        if self.lacking.is_empty() {
            return;
        }
        let list = self.lacking.iter().copied().collect::<Vec<_>>().join(", ");
        let account = account(self.account.as_deref(), &self.target);
        let what = format!("our account lacks {list}");
        readings.lack(what, format!("GRANT {list} ON *.* TO {account};"));
    }
}

impl Server {
    /// `8.4.3`, `5.7.44-log`, `5.5.5-10.11.6-MariaDB-1`: MariaDB before 11 leads with a number of
    /// MySQL's for the sake of old replicas.
    fn of(version: &str) -> Self {
        let is_mariadb = version.contains("MariaDB");
        let own = if is_mariadb { version.trim_start_matches("5.5.5-") } else { version };
        let mut numbers = own.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Self { is_mariadb, number: (next(), next(), next()) }
    }

    /// What one needs to be answered.
    fn privilege(&self, statement: &str) -> &'static str {
        match statement.starts_with("SHOW") {
            true => self.replication_privilege(),
            false => "PROCESS",
        }
    }

    fn replication_privilege(&self) -> &'static str {
        let has_own = self.is_mariadb && self.number >= (10, 5, 2);
        if has_own { "SLAVE MONITOR" } else { "REPLICATION CLIENT" }
    }
}

/// Error numbers that we tell apart.
mod codes {
    pub(super) const TOO_MANY_CONNECTIONS: u16 = 1040;
    pub(super) const DATABASE_DENIED: u16 = 1044;
    pub(super) const ACCESS_DENIED: u16 = 1045;
    pub(super) const NO_SUCH_DATABASE: u16 = 1049;
    pub(super) const SHUTDOWN: u16 = 1053;
    pub(super) const HOST_BLOCKED: u16 = 1129;
    pub(super) const HOST_DENIED: u16 = 1130;
    pub(super) const TABLE_DENIED: u16 = 1142;
    pub(super) const OUR_CONNECTIONS: u16 = 1203;
    pub(super) const OUR_LIMIT: u16 = 1226;
    pub(super) const MISSING_PRIVILEGE: u16 = 1227;
    pub(super) const NO_SUCH_PLUGIN: u16 = 1251;
    pub(super) const PLUGIN_DENIED: u16 = 1698;
    pub(super) const PASSWORD_EXPIRED: u16 = 1820;
    pub(super) const PASSWORD_EXPIRED_FOR_GOOD: u16 = 1862;
    pub(super) const KILLED: u16 = 1927;
    pub(super) const ACCOUNT_LOCKED: u16 = 3118;
    pub(super) const TLS_REQUIRED: u16 = 3159;
    pub(super) const MARIADB_ACCOUNT_LOCKED: u16 = 4151;
}

/// What it means that the server did not let us in.
fn refusal(refused: &Refused, target: &DataSourceTarget, server: &Server) -> Fault {
    let account = account(None, target);
    let replication = server.replication_privilege();
    let database = target.database.as_deref().filter(|name| is_plain(name)).unwrap_or("DATABASE");
    let tls = match target.tls {
        None => "write tls: {} for it",
        Some(_) => {
            "write tls: {client_cert: \"${file:PATH}\", client_key: \"${file:PATH}\"} for it"
        }
    };
    let required = if target.tls.is_some() { "a certificate" } else { "TLS" };
    let remedy = match refused.code {
        codes::ACCESS_DENIED
        | codes::PLUGIN_DENIED
        | codes::HOST_DENIED
        | codes::NO_SUCH_PLUGIN => {
            format!(
                "check user and password; if it REQUIREs {required}, {tls}; or make the account: \
                 CREATE USER {account} IDENTIFIED BY 'PASSWORD'; \
                 GRANT PROCESS, {replication} ON *.* TO {account};"
            )
        }
        codes::DATABASE_DENIED => {
            format!("name no database in the file, or GRANT SELECT ON {database}.* TO {account};")
        }
        codes::NO_SUCH_DATABASE => "name no database in the file, or one that exists".to_owned(),
        codes::TLS_REQUIRED => tls.to_owned(),
        codes::HOST_BLOCKED => "on the server: FLUSH HOSTS;".to_owned(),
        codes::OUR_CONNECTIONS | codes::OUR_LIMIT => {
            format!("ALTER USER {account} WITH MAX_USER_CONNECTIONS 0 MAX_CONNECTIONS_PER_HOUR 0;")
        }
        codes::PASSWORD_EXPIRED | codes::PASSWORD_EXPIRED_FOR_GOOD => {
            format!("ALTER USER {account} IDENTIFIED BY 'PASSWORD' PASSWORD EXPIRE NEVER;")
        }
        codes::ACCOUNT_LOCKED | codes::MARIADB_ACCOUNT_LOCKED => {
            format!("ALTER USER {account} ACCOUNT UNLOCK;")
        }
        codes::TOO_MANY_CONNECTIONS => {
            return Fault::refuses(&format!("{}: it refuses its users", refused.words));
        }
        _ => return Fault::refuses(&format!("{} (error {})", refused.words, refused.code)),
    };
    Fault::misconfigured(&refused.words, remedy)
}

/// The account as SQL writes it. Someone is going to type this line, so nothing of the server's
/// gets into it that is no plain name.
fn account(matched: Option<&str>, target: &DataSourceTarget) -> String {
    let matched = matched.and_then(|matched| matched.rsplit_once('@'));
    let (user, host) = matched.unwrap_or((target.user(), "%"));
    if is_plain(user) && is_plain(host) { format!("'{user}'@'{host}'") } else { "USER".to_owned() }
}

fn is_plain(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 255
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.%:/".contains(c))
}

type Fields = BTreeMap<String, String>;

/// Rows of a name and a value.
fn pairs(rows: Rows) -> Fields {
    let pair = |row: Vec<Value>| {
        let mut values = row.into_iter();
        values.next().flatten().zip(values.next().flatten())
    };
    rows.rows.into_iter().filter_map(pair).collect()
}

fn read_fields(fields: &Fields, readings: &mut Readings) {
    readings.add_fields(METRICS, |key| fields.get(key).map(String::as_str));
    let number = |key| fields.get(key).and_then(|text: &String| text.parse::<f64>().ok());
    if let (Some(used), Some(limit)) = (number("Threads_connected"), number("max_connections"))
        && limit > 0.0
    {
        readings.add("mysql_connection_utilization", used / limit);
    }
}

fn read_transactions(rows: &Rows, readings: &mut Readings) {
    let Some([count, oldest]) = rows.rows.first().map(Vec::as_slice) else { return };
    readings.add_text("mysql_transactions", &[], count.as_deref().unwrap_or_default());
    // With no open transaction there is no oldest: that is an age of nothing, and not unknown.
    readings.add_text("mysql_transaction_oldest_seconds", &[], oldest.as_deref().unwrap_or("0"));
}

fn read_innodb(fields: &Fields, readings: &mut Readings) {
    for (key, name) in [
        ("trx_rseg_history_len", "mysql_history_list_length"),
        ("lock_deadlocks", "mysql_deadlocks_total"),
    ] {
        if let Some(text) = fields.get(key) {
            readings.add_text(name, &[], text);
        }
    }
}

#[cfg(test)]
mod tests {
    use model::series::Labels;

    use super::*;
    use crate::datasource::DataSourceKind;

    fn target(user: &str) -> DataSourceTarget {
        DataSourceTarget {
            id: "orders-db".parse().unwrap(),
            kind: DataSourceKind::MySql,
            address: "127.0.0.1:3306".to_owned(),
            user: Some(user.to_owned()),
            password: None,
            database: None,
            tls: None,
            common: Labels::default(),
        }
    }

    #[test]
    fn versions_are_told_apart() {
        for (version, is_mariadb, number) in [
            ("8.4.3", false, (8, 4, 3)),
            ("5.7.44-log", false, (5, 7, 44)),
            ("5.5.5-10.11.6-MariaDB-0+deb12u1", true, (10, 11, 6)),
            ("11.4.2-MariaDB-ubu2404", true, (11, 4, 2)),
            ("rubbish", false, (0, 0, 0)),
        ] {
            assert_eq!(Server::of(version), Server { is_mariadb, number }, "{version}");
        }
    }

    #[test]
    fn nothing_of_a_servers_words_gets_into_a_line_to_type() {
        let target = target("monitor");
        assert_eq!(account(Some("monitor@10.0.%"), &target), "'monitor'@'10.0.%'");
        assert_eq!(account(None, &target), "'monitor'@'%'");
        assert_eq!(account(Some("x'@'y'; DROP USER root"), &target), "USER");
        assert_eq!(account(Some(""), &target), "'monitor'@'%'");
    }

    #[test]
    fn each_refusal_has_its_remedy_or_is_the_servers_fault() {
        let server = Server::of("8.4.3");
        for (code, expected) in [
            (1040, "status: words: it refuses its users"),
            (1053, "status: words (error 1053)"),
            (1049, "words: name no database in the file, or one that exists"),
            (1129, "words: on the server: FLUSH HOSTS;"),
            (3159, "words: write tls: {} for it"),
            (
                1820,
                "words: ALTER USER 'monitor'@'%' IDENTIFIED BY 'PASSWORD' PASSWORD EXPIRE NEVER;",
            ),
            (3118, "words: ALTER USER 'monitor'@'%' ACCOUNT UNLOCK;"),
        ] {
            let refused = Refused { code, words: "words".to_owned() };
            assert_eq!(refusal(&refused, &target("monitor"), &server).to_string(), expected);
        }
        let denied = Refused { code: 1045, words: "words".to_owned() };
        let remedy = refusal(&denied, &target("monitor"), &server).to_string();
        assert!(remedy.ends_with("GRANT PROCESS, REPLICATION CLIENT ON *.* TO 'monitor'@'%';"));
    }

    #[test]
    fn no_transaction_is_not_unknown_and_no_row_is() {
        let columns = vec!["COUNT(*)".to_owned(), "MAX".to_owned()];
        let rows = vec![vec![Some("0".to_owned()), None]];
        let mut readings = Readings::default();
        read_transactions(&Rows { columns, rows }, &mut readings);
        assert_eq!(readings.shown(), "mysql_transaction_oldest_seconds 0\nmysql_transactions 0\n");
        let mut readings = Readings::default();
        read_transactions(&Rows::default(), &mut readings);
        assert_eq!(readings.shown(), "");
    }
}
