//! What a MySQL or MariaDB replica says about itself, in the words of every version.
//!
//! The trap of all traps: the lag is NULL while replication stands still. NULL is not 0, so there
//! is no lag then, and "running" is 0. The statement and its columns were renamed in MySQL 8.0.22,
//! and the old ones are gone in 8.4; MariaDB has kept its own, for several sources at once.

use std::collections::BTreeMap;

use super::super::readings::Readings;
use super::Server;
use super::packet::Rows;

/// Sources of one replica: at most so many are told apart.
const MAX_CHANNELS: usize = 64;
/// Spans of one GTID set: each is compared with each of the other set.
const MAX_SPANS: usize = 500;

/// How this server is asked.
pub(super) fn statement(server: &Server) -> &'static str {
    match server {
        Server { is_mariadb: true, .. } => "SHOW ALL SLAVES STATUS",
        Server { number, .. } if *number >= (8, 0, 22) => "SHOW REPLICA STATUS",
        _ => "SHOW SLAVE STATUS",
    }
}

/// One row a source; none if the server is no replica.
pub(super) fn read(status: &Rows, readings: &mut Readings) {
    for row in status.rows.iter().take(MAX_CHANNELS) {
        let get = |names: &[&str]| names.iter().find_map(|name| status.get(row, name));
        let channel = get(&["Channel_Name", "Connection_name"]).unwrap_or_default();
        let labels = [("channel", channel)];
        for (name, columns) in [
            ("mysql_replica_io_running", ["Replica_IO_Running", "Slave_IO_Running"]),
            ("mysql_replica_sql_running", ["Replica_SQL_Running", "Slave_SQL_Running"]),
        ] {
            let running = get(&columns) == Some("Yes");
            readings.add_with(name, &labels, f64::from(u8::from(running)));
        }
        for (name, columns) in [
            (
                "mysql_replica_time_behind_source_seconds",
                ["Seconds_Behind_Source", "Seconds_Behind_Master"],
            ),
            ("mysql_replica_sql_delay_seconds", ["SQL_Delay", "SQL_Delay"]),
        ] {
            if let Some(text) = get(&columns) {
                readings.add_text(name, &labels, text);
            }
        }
        for (thread, column) in [("io", "Last_IO_Errno"), ("sql", "Last_SQL_Errno")] {
            if let Some(text) = get(&[column]) {
                let labels = [("channel", channel), ("thread", thread)];
                readings.add_text("mysql_replica_last_error_code", &labels, text);
            }
        }
        if let Some(gap) = gap(&get) {
            readings.add_with("mysql_replica_gtid_gap", &labels, gap);
        }
    }
}

/// Transactions that have arrived and are not carried out; None where no GTIDs are used.
fn gap<'a>(get: &impl Fn(&[&str]) -> Option<&'a str>) -> Option<f64> {
    if let Some(retrieved) = get(&["Retrieved_Gtid_Set"]) {
        let (retrieved, executed) = (spans(retrieved)?, spans(get(&["Executed_Gtid_Set"])?)?);
        return (!retrieved.is_empty()).then(|| missing(&retrieved, &executed));
    }
    let used = get(&["Using_Gtid"]).is_some_and(|using| using != "No");
    let (arrived, done) = (get(&["Gtid_IO_Pos"])?, get(&["Gtid_Slave_Pos"])?);
    used.then(|| positions(arrived).zip(positions(done)))?.map(|(arrived, done)| {
        let behind =
            |(domain, at): (&u64, &u64)| at.saturating_sub(*done.get(domain).unwrap_or(at));
        arrived.iter().map(behind).sum::<u64>() as f64
    })
}

/// For each server and tag, spans of transaction numbers, both ends in them.
type Spans = BTreeMap<(String, String), Vec<(u64, u64)>>;

/// MySQL: `3e11fa47-...:1-5:11-18, 4350f323-...:1`; since 8.3 a tag may stand before numbers.
/// None if it cannot be read, or has more spans than are worth comparing.
fn spans(text: &str) -> Option<Spans> {
    let (mut all, mut count) = (Spans::new(), 0);
    for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let (server, rest) = part.split_once(':')?;
        let mut tag = "";
        for word in rest.split(':') {
            if !word.starts_with(|c: char| c.is_ascii_digit()) {
                tag = word;
                continue;
            }
            let (from, to) = word.split_once('-').unwrap_or((word, word));
            let span = (from.parse().ok()?, to.parse().ok()?);
            all.entry((server.to_owned(), tag.to_owned())).or_default().push(span);
            count += 1;
        }
    }
    (count <= MAX_SPANS).then_some(all)
}

/// How many transactions of `retrieved` are not in `executed`.
fn missing(retrieved: &Spans, executed: &Spans) -> f64 {
    let count = |spans: &[(u64, u64)]| -> f64 {
        spans.iter().map(|(from, to)| to.saturating_sub(*from) as f64 + 1.0).sum()
    };
    let mut missing = 0.0;
    for (server, spans) in retrieved {
        let done = executed.get(server).map(Vec::as_slice).unwrap_or_default();
        let common = spans
            .iter()
            .flat_map(|one| done.iter().map(move |other| (one.0.max(other.0), one.1.min(other.1))));
        let common: Vec<_> = common.filter(|(from, to)| from <= to).collect();
        missing += count(spans) - count(&common);
    }
    missing.max(0.0)
}

/// MariaDB: `0-1-100,1-2-7`, which is domain, server, number; the last number of each domain.
fn positions(text: &str) -> Option<BTreeMap<u64, u64>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts
        .map(|part| {
            let mut numbers = part.split('-').map(|number| number.parse().ok());
            let (domain, _, at) = (numbers.next()??, numbers.next()??, numbers.next()??);
            Some((domain, at))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check(rows: &[&[(&str, Option<&str>)]], expected: &Expect) {
        let columns = rows[0].iter().map(|(column, _)| (*column).to_owned()).collect();
        let row = |row: &&[(&str, Option<&str>)]| {
            row.iter().map(|(_, value)| value.map(str::to_owned)).collect()
        };
        let mut readings = Readings::default();
        read(&Rows { columns, rows: rows.iter().map(row).collect() }, &mut readings);
        expected.assert_eq(&readings.shown());
    }

    #[test]
    fn mysql_8_4_is_read_in_its_new_words() {
        check(
            &[&[
                ("Replica_IO_State", Some("Waiting for source to send event")),
                ("Replica_IO_Running", Some("Yes")),
                ("Replica_SQL_Running", Some("Yes")),
                ("Last_IO_Errno", Some("0")),
                ("Last_SQL_Errno", Some("0")),
                ("Seconds_Behind_Source", Some("3")),
                ("SQL_Delay", Some("0")),
                ("Retrieved_Gtid_Set", Some("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-20:25")),
                (
                    "Executed_Gtid_Set",
                    Some(
                        "3e11fa47-71ca-11e1-9e33-c80aa9429562:1-17,\n\
                         4e11fa47-71ca-11e1-9e33-c80aa9429562:1-999",
                    ),
                ),
                ("Channel_Name", Some("")),
            ]],
            &expect![[r#"
                mysql_replica_gtid_gap 4
                mysql_replica_io_running 1
                mysql_replica_last_error_code{thread="io"} 0
                mysql_replica_last_error_code{thread="sql"} 0
                mysql_replica_sql_delay_seconds 0
                mysql_replica_sql_running 1
                mysql_replica_time_behind_source_seconds 3
            "#]],
        );
    }

    #[test]
    fn mysql_5_7_that_stands_still_has_no_lag() {
        check(
            &[
                &[
                    ("Slave_IO_Running", Some("Connecting")),
                    ("Slave_SQL_Running", Some("No")),
                    ("Last_IO_Errno", Some("2003")),
                    ("Last_SQL_Errno", Some("1062")),
                    ("Seconds_Behind_Master", None),
                    ("SQL_Delay", Some("3600")),
                    ("Retrieved_Gtid_Set", Some("")),
                    ("Executed_Gtid_Set", Some("")),
                    ("Channel_Name", Some("north")),
                ],
                &[
                    ("Slave_IO_Running", Some("Yes")),
                    ("Slave_SQL_Running", Some("Yes")),
                    ("Last_IO_Errno", Some("0")),
                    ("Last_SQL_Errno", Some("0")),
                    ("Seconds_Behind_Master", Some("0")),
                    ("SQL_Delay", Some("0")),
                    ("Retrieved_Gtid_Set", Some("")),
                    ("Executed_Gtid_Set", Some("")),
                    ("Channel_Name", Some("south")),
                ],
            ],
            &expect![[r#"
                mysql_replica_io_running{channel="north"} 0
                mysql_replica_io_running{channel="south"} 1
                mysql_replica_last_error_code{channel="north",thread="io"} 2003
                mysql_replica_last_error_code{channel="north",thread="sql"} 1062
                mysql_replica_last_error_code{channel="south",thread="io"} 0
                mysql_replica_last_error_code{channel="south",thread="sql"} 0
                mysql_replica_sql_delay_seconds{channel="north"} 3600
                mysql_replica_sql_delay_seconds{channel="south"} 0
                mysql_replica_sql_running{channel="north"} 0
                mysql_replica_sql_running{channel="south"} 1
                mysql_replica_time_behind_source_seconds{channel="south"} 0
            "#]],
        );
    }

    #[test]
    fn mariadb_counts_by_domain() {
        check(
            &[&[
                ("Connection_name", Some("")),
                ("Slave_IO_Running", Some("Yes")),
                ("Slave_SQL_Running", Some("No")),
                ("Seconds_Behind_Master", None),
                ("Using_Gtid", Some("Slave_Pos")),
                ("Gtid_IO_Pos", Some("0-1-100,3-7-20")),
                ("Gtid_Slave_Pos", Some("0-1-90,3-7-20")),
            ]],
            &expect![[r#"
                mysql_replica_gtid_gap 10
                mysql_replica_io_running 1
                mysql_replica_sql_running 0
            "#]],
        );
    }

    #[test]
    fn each_version_is_asked_in_its_own_words() {
        for (version, expected) in [
            ("8.4.3", "SHOW REPLICA STATUS"),
            ("8.0.22", "SHOW REPLICA STATUS"),
            ("8.0.21", "SHOW SLAVE STATUS"),
            ("5.7.44-log", "SHOW SLAVE STATUS"),
            ("5.5.5-10.11.6-MariaDB-1", "SHOW ALL SLAVES STATUS"),
            ("11.4.2-MariaDB", "SHOW ALL SLAVES STATUS"),
            ("", "SHOW SLAVE STATUS"),
        ] {
            assert_eq!(statement(&Server::of(version)), expected, "{version}");
        }
    }

    #[test]
    fn tagged_and_overlong_sets() {
        let tagged = spans("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-3:backup:1-2").unwrap();
        assert_eq!(
            missing(&tagged, &spans("3e11fa47-71ca-11e1-9e33-c80aa9429562:1-3").unwrap()),
            2.0
        );
        let many = (0..=MAX_SPANS).map(|at| format!(":{}", 2 * at)).collect::<String>();
        assert_eq!(spans(&format!("3e11fa47{many}")), None);
        assert_eq!(spans("rubbish"), None);
        assert_eq!(positions("0-1"), None);
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(one in "[a-c0-9:,\\- ]{0,60}", other in "[a-c0-9:,\\- ]{0,60}") {
            if let (Some(one), Some(other)) = (spans(&one), spans(&other)) {
                prop_assert!(missing(&one, &other) >= 0.0);
            }
            positions(&one);
        }
    }
}
