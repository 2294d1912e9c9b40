//! Memcached: the figures of `stats`, `stats slabs` and `stats items`, in its text protocol.
//!
//! Full memory is what a cache is for, so what matters is evictions, hits, and whether it still
//! accepts connections. A server started with `-Y` wants a password first; it is written as the
//! value of a `set`, so it is only sent to a server that has asked for it, or it would be stored
//! for everybody to read.

use std::collections::BTreeMap;

use super::fault::Fault;
use super::readings::Readings;
use super::table::{Metric, derived, field, word};
use super::wire::Wire;
use super::{DataSourceTarget, Session};

const ASKING: &str = "waiting for its version";
/// A port for TLS hangs up on who does not begin with it, without a word.
const FIRST_ASKING: &str = "waiting for its version (is this a Memcached port without TLS?)";
/// The most lines of one answer.
const MAX_LINES: usize = 10_000;

#[rustfmt::skip]
pub(super) const METRICS: &[Metric] = &[
    field("memcached_uptime_seconds", "s", "time since its start", "uptime"),
    field("memcached_connections_current", "{connection}", "open connections", "curr_connections"),
    field("memcached_connections_max", "{connection}", "the most it accepts", "max_connections"),
    field("memcached_connections_total", "{connection}", "connections so far", "total_connections"),
    field("memcached_connections_rejected_total", "{connection}", "connections refused for want of room", "rejected_connections"),
    field("memcached_connections_yielded_total", "{yield}", "times a connection had to wait for the others", "conn_yields"),
    field("memcached_listen_disabled_total", "{time}", "times it stopped accepting connections", "listen_disabled_num"),
    word("memcached_accepting_connections", "1 if it accepts connections", "accepting_conns", "1"),
    field("memcached_bytes", "By", "bytes its items take", "bytes"),
    field("memcached_limit_bytes", "By", "bytes they may take", "limit_maxbytes"),
    derived("memcached_memory_utilization", "1", "used share of them", "bytes, limit_maxbytes"),
    field("memcached_current_items", "{item}", "items it holds", "curr_items"),
    field("memcached_items_total", "{item}", "items stored so far", "total_items"),
    field("memcached_evictions_total", "{item}", "items dropped for want of memory", "evictions"),
    field("memcached_evicted_unfetched_total", "{item}", "those of them that nobody ever read", "evicted_unfetched"),
    field("memcached_expired_unfetched_total", "{item}", "items that expired unread", "expired_unfetched"),
    field("memcached_reclaimed_total", "{item}", "items whose place was taken after they expired", "reclaimed"),
    field("memcached_commands_total", "{command}", "commands", "cmd_get").with("command", "get"),
    field("memcached_commands_total", "{command}", "commands", "cmd_set").with("command", "set"),
    field("memcached_commands_total", "{command}", "commands", "cmd_flush").with("command", "flush"),
    field("memcached_commands_total", "{command}", "commands", "cmd_touch").with("command", "touch"),
    field("memcached_operations_total", "{operation}", "gets by outcome", "get_hits").with("type", "hit"),
    field("memcached_operations_total", "{operation}", "gets by outcome", "get_misses").with("type", "miss"),
    field("memcached_network_bytes_total", "By", "bytes moved", "bytes_read").with("direction", "received"),
    field("memcached_network_bytes_total", "By", "bytes moved", "bytes_written").with("direction", "sent"),
    field("memcached_cpu_usage_seconds_total", "s", "CPU time", "rusage_user").with("state", "user"),
    field("memcached_cpu_usage_seconds_total", "s", "CPU time", "rusage_system").with("state", "system"),
    field("memcached_threads", "{thread}", "worker threads", "threads"),
    field("memcached_auth_errors_total", "{error}", "logins refused", "auth_errors"),
    field("memcached_slabs_active", "{slab}", "sizes of chunks in use", "active_slabs"),
    field("memcached_slabs_allocated_bytes", "By", "bytes given to slabs", "total_malloced"),
    derived("memcached_slab_chunks", "{chunk}", "chunks of all slabs", "N:used_chunks, N:free_chunks"),
    derived("memcached_slab_out_of_memory_total", "{error}", "items refused because nothing could be evicted", "items:N:outofmemory"),
];

/// A Memcached that lets us in.
#[derive(Debug)]
pub(super) struct Memcached {
    wire: Wire,
}

type Stats = BTreeMap<String, String>;

impl Session for Memcached {
    async fn open(target: &DataSourceTarget, wire: Wire) -> Result<Self, Fault> {
        let mut memcached = Self { wire: wire.secure().await? };
        let doing = if target.tls.is_some() { ASKING } else { FIRST_ASKING };
        let greeting = memcached.ask("version\r\n", doing).await?;
        if greeting == "CLIENT_ERROR unauthenticated" {
            memcached.log_in(target).await?;
        } else if !greeting.starts_with("VERSION ") {
            return Err(fault(&greeting));
        }
        Ok(memcached)
    }

    async fn ping(&mut self) -> Result<(), Fault> {
        match self.ask("version\r\n", ASKING).await? {
            version if version.starts_with("VERSION ") => Ok(()),
            other => Err(fault(&other)),
        }
    }

    async fn read(&mut self, readings: &mut Readings) -> Result<(), Fault> {
        let mut all = self.stats("stats\r\n", "reading stats").await?;
        let slabs = self.stats("stats slabs\r\n", "reading stats slabs").await?;
        let items = self.stats("stats items\r\n", "reading stats items").await?;
        all.extend(slabs);
        all.extend(items);
        read_stats(&all, readings);
        Ok(())
    }
}

impl Memcached {
    async fn ask(&mut self, line: &str, doing: &'static str) -> Result<String, Fault> {
        self.wire.send(line.as_bytes(), doing).await?;
        self.line().await
    }

    async fn line(&mut self) -> Result<String, Fault> {
        Ok(String::from_utf8_lossy(&self.wire.line().await?).into_owned())
    }

    async fn log_in(&mut self, target: &DataSourceTarget) -> Result<(), Fault> {
        let remedy = "check user and password: both must be in the file that memcached -Y names";
        if target.password.is_none() {
            return Err(Fault::misconfigured("it wants a password", remedy));
        }
        let proof = format!("{} {}", target.user(), target.password());
        let set = format!("set login 0 0 {}\r\n{proof}\r\n", proof.len());
        match self.ask(&set, "logging in").await?.as_str() {
            "STORED" => Ok(()),
            other => Err(Fault::misconfigured(other, remedy)),
        }
    }

    async fn stats(&mut self, line: &str, doing: &'static str) -> Result<Stats, Fault> {
        let mut first = Some(self.ask(line, doing).await?);
        let mut stats = Stats::new();
        for _ in 0..MAX_LINES {
            let line = match first.take() {
                Some(line) => line,
                None => self.line().await?,
            };
            if line == "END" {
                return Ok(stats);
            }
            let words = line.strip_prefix("STAT ").and_then(|rest| rest.split_once(' '));
            let (key, value) = words.ok_or_else(|| fault(&line))?;
            stats.insert(key.to_owned(), value.to_owned());
        }
        Err(self.wire.down(format!("more than {MAX_LINES} lines")))
    }
}

/// What an answer means that is none of those we want.
fn fault(line: &str) -> Fault {
    match line {
        // Also what Memcached says before it closes a connection that is one too many.
        _ if line.starts_with("ERROR Too many") || line.starts_with("SERVER_ERROR") => {
            Fault::refuses(line)
        }
        _ => Fault::not_a("Memcached", line.as_bytes()),
    }
}

pub(super) fn read_stats(stats: &BTreeMap<String, String>, readings: &mut Readings) {
    readings.add_fields(METRICS, |key| stats.get(key).map(String::as_str));
    let number = |key| stats.get(key).and_then(|text: &String| text.parse::<f64>().ok());
    if let (Some(used), Some(limit)) = (number("bytes"), number("limit_maxbytes"))
        && limit > 0.0
    {
        readings.add("memcached_memory_utilization", used / limit);
    }
    for state in ["used", "free"] {
        let chunks = sum(stats, &format!(":{state}_chunks"));
        readings.add_with("memcached_slab_chunks", &[("state", state)], chunks);
    }
    readings.add("memcached_slab_out_of_memory_total", sum(stats, ":outofmemory"));
}

/// The sum over all slabs.
fn sum(stats: &BTreeMap<String, String>, suffix: &str) -> f64 {
    let of_slabs = stats.iter().filter(|(key, _)| key.ends_with(suffix));
    // `sum` of nothing would be -0.
    of_slabs.filter_map(|(_, text)| text.parse::<f64>().ok()).fold(0.0, |all, one| all + one)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> String {
        let mut readings = Readings::default();
        let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        read_stats(&pairs.collect(), &mut readings);
        readings.shown()
    }

    #[test]
    fn slabs_are_added_up_and_rubbish_is_left_out() {
        let shown = read(&[
            ("bytes", "25"),
            ("limit_maxbytes", "100"),
            ("accepting_conns", "0"),
            ("curr_items", "many"),
            ("1:used_chunks", "3"),
            ("2:used_chunks", "4"),
            ("2:free_chunks", "x"),
            ("items:1:outofmemory", "2"),
            ("version", "1.6.18"),
        ]);
        expect![[r#"
            memcached_accepting_connections 0
            memcached_bytes 25
            memcached_limit_bytes 100
            memcached_memory_utilization 0.25
            memcached_slab_chunks{state="free"} 0
            memcached_slab_chunks{state="used"} 7
            memcached_slab_out_of_memory_total 2
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn what_a_refusal_means() {
        for (line, expected) in [
            ("ERROR Too many open connections", "status: ERROR Too many open connections"),
            ("SERVER_ERROR out of memory", "status: SERVER_ERROR out of memory"),
            ("", "content: no Memcached answer: it said nothing"),
            ("ERROR", "content: no Memcached answer: it said \"ERROR\""),
        ] {
            assert_eq!(fault(line).to_string(), expected);
        }
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(key in "([0-9]:used_chunks|items:[0-9]:outofmemory|bytes|.{0,9})", value in ".{0,9}") {
            drop(read(&[(&key, &value), ("limit_maxbytes", &value)]));
        }
    }
}
