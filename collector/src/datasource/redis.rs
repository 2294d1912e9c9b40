//! Redis, and what speaks its protocol: the figures of `INFO all`, and the length of the slow log.
//!
//! One `INFO` brings all sections, so that the figures belong together. A server that is still
//! loading its data answers `INFO` but nobody else: that is "down", with its figures beside. A
//! `maxmemory` of 0 means "no limit", so there is no limit and no share of it to report then.
//!
//! The password is only sent to what has answered a `PING` as Redis does.

use std::collections::BTreeMap;
use std::time::Duration;

use super::fault::Fault;
use super::readings::Readings;
use super::resp::{Refused, Reply, command, reply};
use super::table::{Metric, derived, field, word};
use super::tls;
use super::wire::{Progress, Wire};
use super::{DataSourceTarget, Session};

const ASKING: &str = "waiting for the answer to PING";
/// A port for TLS hangs up on who does not begin with it, without a word.
const FIRST_ASKING: &str = "waiting for the answer to PING (is this a Redis port without TLS?)";
/// How long TLS may take to begin, before it is asked whether the port is one without.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(3);

/// Databases, replicas: at most so many of each are told apart.
const MAX_OF_A_KIND: usize = 64;
/// Commands that are told apart: those on which most time was spent.
const TOP_COMMANDS: usize = 5;

/// How servers say that we gave a password and they have none; before Redis 6, and since.
const NEEDLESS: &[&str] = &["no password is set", "without any password configured"];

#[rustfmt::skip]
pub(super) const METRICS: &[Metric] = &[
    field("redis_uptime_seconds", "s", "time since its start", "uptime_in_seconds"),
    field("redis_clients_connected", "{client}", "connected clients", "connected_clients"),
    field("redis_clients_blocked", "{client}", "clients that wait in a blocking command", "blocked_clients"),
    field("redis_clients_max", "{client}", "the most clients it accepts", "maxclients"),
    field("redis_clients_max_input_buffer_bytes", "By", "biggest input buffer of a client", "client_recent_max_input_buffer"),
    field("redis_clients_max_output_buffer_bytes", "By", "biggest output buffer of a client", "client_recent_max_output_buffer"),
    field("redis_connections_received_total", "{connection}", "connections accepted", "total_connections_received"),
    field("redis_connections_rejected_total", "{connection}", "connections refused because of maxclients", "rejected_connections"),
    field("redis_memory_used_bytes", "By", "memory its allocator gave out", "used_memory"),
    field("redis_memory_peak_bytes", "By", "the most of it so far", "used_memory_peak"),
    field("redis_memory_rss_bytes", "By", "memory as the system counts it", "used_memory_rss"),
    field("redis_memory_lua_bytes", "By", "memory of the script engine", "used_memory_lua"),
    field("redis_memory_fragmentation_ratio", "1", "resident over used memory", "mem_fragmentation_ratio"),
    derived("redis_maxmemory_bytes", "By", "the limit of its memory, if there is one", "maxmemory, unless 0"),
    derived("redis_memory_utilization", "1", "used share of that limit", "used_memory, maxmemory"),
    field("redis_commands_processed_total", "{command}", "commands carried out", "total_commands_processed"),
    field("redis_commands", "{command}/s", "commands a second, by its own count", "instantaneous_ops_per_sec"),
    field("redis_errors_total", "{error}", "error answers", "total_error_replies"),
    field("redis_net_input_bytes_total", "By", "bytes read", "total_net_input_bytes"),
    field("redis_net_output_bytes_total", "By", "bytes written", "total_net_output_bytes"),
    field("redis_keyspace_hits_total", "{hit}", "keys asked for and found", "keyspace_hits"),
    field("redis_keyspace_misses_total", "{miss}", "keys asked for and not found", "keyspace_misses"),
    field("redis_keys_expired_total", "{key}", "keys whose time was over", "expired_keys"),
    field("redis_keys_evicted_total", "{key}", "keys dropped for want of memory", "evicted_keys"),
    field("redis_latest_fork_seconds", "s", "how long the last fork stopped it", "latest_fork_usec").times(1e-6),
    word("redis_loading", "1 while it reads its data from disk and serves nobody", "loading", "1"),
    field("redis_rdb_changes_since_last_save", "{change}", "changes that no snapshot holds", "rdb_changes_since_last_save"),
    word("redis_rdb_last_save_ok", "1 if the last snapshot succeeded", "rdb_last_bgsave_status", "ok"),
    field("redis_rdb_last_save_timestamp_seconds", "s", "when the last snapshot was made, since 1970", "rdb_last_save_time"),
    word("redis_aof_enabled", "1 if it keeps an append-only file", "aof_enabled", "1"),
    word("redis_aof_last_write_ok", "1 if the last write to that file succeeded", "aof_last_write_status", "ok"),
    field("redis_cpu_time_seconds_total", "s", "CPU time", "used_cpu_sys").with("state", "sys"),
    field("redis_cpu_time_seconds_total", "s", "CPU time", "used_cpu_user").with("state", "user"),
    field("redis_cpu_time_seconds_total", "s", "CPU time", "used_cpu_sys_children").with("state", "sys_children"),
    field("redis_cpu_time_seconds_total", "s", "CPU time", "used_cpu_user_children").with("state", "user_children"),
    word("redis_role", "1 for the role it has", "role", "master").with("role", "master"),
    word("redis_role", "1 for the role it has", "role", "slave").with("role", "replica"),
    field("redis_slaves_connected", "{replica}", "connected replicas", "connected_slaves"),
    field("redis_replication_offset_bytes", "By", "bytes of the replication stream so far", "master_repl_offset"),
    word("redis_master_link_up", "1 if the replica reaches its master", "master_link_status", "up"),
    word("redis_master_sync_in_progress", "1 while the replica takes a full copy", "master_sync_in_progress", "1"),
    field("redis_master_link_down_seconds", "s", "for how long it has not reached it", "master_link_down_since_seconds"),
    derived("redis_master_last_io_seconds", "s", "since when the replica has heard nothing of its master", "master_last_io_seconds_ago, unless -1"),
    derived("redis_replica_lag_seconds", "s", "since when the master has heard nothing of the replica", "slaveN: lag"),
    derived("redis_replica_lag_bytes", "By", "how far the replica is behind in the stream", "master_repl_offset, slaveN: offset"),
    derived("redis_replica_online", "1", "1 if the replica is in step", "slaveN: state"),
    derived("redis_db_keys", "{key}", "keys of a database", "dbN: keys"),
    derived("redis_db_expires", "{key}", "those of them that expire", "dbN: expires"),
    derived("redis_db_avg_ttl_seconds", "s", "how long those last, on average", "dbN: avg_ttl"),
    derived("redis_cmd_calls_total", "{call}", "calls of the five commands that took most time in all", "cmdstat_*: calls"),
    derived("redis_cmd_duration_seconds_total", "s", "time spent on them", "cmdstat_*: usec"),
    derived("redis_slowlog_length", "{entry}", "entries of the slow log", "SLOWLOG LEN"),
];

/// A Redis that let us in.
#[derive(Debug)]
pub(super) struct Redis {
    wire: Wire,
    user: String,
    /// It wants no password, and we have one.
    needless_password: bool,
}

impl Session for Redis {
    async fn open(target: &DataSourceTarget, wire: Wire) -> Result<Self, Fault> {
        let wire = begin(target, wire).await?;
        let user = target.user.as_deref().unwrap_or("default").to_owned();
        let mut redis = Self { wire, user, needless_password: false };
        let doing = if target.tls.is_some() { ASKING } else { FIRST_ASKING };
        let greeting = redis.ask(&["PING"], doing).await?;
        if let Err(refused) = &greeting
            && refuses_everyone(refused)
        {
            return Err(redis.fault("ping", refused));
        }
        if target.password.is_some() {
            redis.log_in(target).await?;
        }
        Ok(redis)
    }

    async fn ping(&mut self) -> Result<(), Fault> {
        match self.ask(&["PING"], ASKING).await? {
            // It answers, if not everything. What that means, the figures tell.
            Err(refused) if ["LOADING", "NOPERM"].contains(&&*refused.code) => Ok(()),
            Err(refused) => Err(self.fault("ping", &refused)),
            Ok(_) => Ok(()),
        }
    }

    async fn read(&mut self, readings: &mut Readings) -> Result<(), Fault> {
        if self.needless_password {
            let remedy = "remove the password from the file, or set requirepass on the server";
            readings.lack("it has no password, and we were given one", remedy);
        }
        let info = self.permitted(&["INFO", "all"], "info", "reading INFO", readings).await?;
        let slow = ["SLOWLOG", "LEN"];
        let slow = self.permitted(&slow, "slowlog|len", "reading SLOWLOG LEN", readings).await?;
        if let Some(Reply::Integer(entries)) = slow {
            readings.add("redis_slowlog_length", entries as f64);
        }
        match info {
            Some(Reply::Bulk(info)) => read_info(&String::from_utf8_lossy(&info), readings),
            None => Ok(()),
            Some(_) => Err(Fault::rubbish("the answer to INFO is no text")),
        }
    }
}

/// Begins TLS where it is wanted. A Redis without it takes the handshake for the beginning of a
/// long line, and waits for its end.
async fn begin(target: &DataSourceTarget, wire: Wire) -> Result<Wire, Fault> {
    if !wire.wants_tls() {
        return Ok(wire);
    }
    let progress = wire.progress().clone();
    match tokio::time::timeout(HANDSHAKE_WITHIN, wire.secure()).await {
        Ok(secured) => secured,
        Err(_) if answers_in_clear(&target.address).await => Err(tls::no_tls_on_this_port()),
        Err(_) => Err(progress.timed_out(HANDSHAKE_WITHIN)),
    }
}

/// Asks what is no secret.
async fn answers_in_clear(address: &str) -> bool {
    let Ok(mut wire) = Wire::connect(address, None, &Progress::default()).await else {
        return false;
    };
    let is_sent = wire.send(&command(&["PING"]), FIRST_ASKING).await.is_ok();
    is_sent && reply(&mut wire).await.is_ok()
}

impl Redis {
    async fn ask(
        &mut self,
        words: &[&str],
        doing: &'static str,
    ) -> Result<Result<Reply, Refused>, Fault> {
        self.wire.send(&command(words), doing).await?;
        reply(&mut self.wire).await
    }

    async fn log_in(&mut self, target: &DataSourceTarget) -> Result<(), Fault> {
        let mut words = vec!["AUTH"];
        // Before Redis 6 there are no users, and AUTH takes the password alone.
        words.extend(target.user.as_deref());
        words.push(target.password());
        match self.ask(&words, "logging in").await? {
            Err(Refused { words, .. }) if NEEDLESS.iter().any(|said| words.contains(said)) => {
                self.needless_password = true;
                Ok(())
            }
            Err(refused) => Err(self.fault("auth", &refused)),
            Ok(_) => Ok(()),
        }
    }

    /// Asks what may not be granted to us; None if it is not.
    async fn permitted(
        &mut self,
        words: &[&str],
        rule: &str,
        doing: &'static str,
        readings: &mut Readings,
    ) -> Result<Option<Reply>, Fault> {
        match self.ask(words, doing).await? {
            Ok(reply) => Ok(Some(reply)),
            Err(refused) if refused.code == "NOPERM" => {
                let remedy = format!("ACL SETUSER {} +{rule}", self.safe_user());
                readings.lack(format!("{} is not permitted to us", words.join(" ")), remedy);
                Ok(None)
            }
            // Managed servers hide what they do not want to be asked.
            Err(refused) if refused.code == "ERR" => {
                readings.refuse(rule, &refused.words);
                Ok(None)
            }
            Err(refused) => Err(self.fault(rule, &refused)),
        }
    }

    /// What an error answer means.
    fn fault(&self, rule: &str, Refused { code, words }: &Refused) -> Fault {
        let user = self.safe_user();
        let account = format!("ACL SETUSER {user} on '>PASSWORD' +ping +info '+slowlog|len'");
        let remedy = match code.as_str() {
            "NOPERM" => format!("ACL SETUSER {user} +{rule}"),
            "NOAUTH" => format!("give user and password; to make the account: {account}"),
            _ if rule == "auth" => {
                format!("check user and password; to make the account: {account}")
            }
            "DENIED" => {
                "on the server: CONFIG SET requirepass PASSWORD, or CONFIG SET protected-mode no"
                    .to_owned()
            }
            _ => return Fault::refuses(words),
        };
        Fault::misconfigured(words, remedy)
    }

    /// Our own file's word, but it ends up in a line that someone types.
    fn safe_user(&self) -> &str {
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.@".contains(c);
        if self.user.chars().all(plain) { &self.user } else { "USER" }
    }
}

/// Whether an error says more than "log in first" or "still loading".
fn refuses_everyone(Refused { code, words }: &Refused) -> bool {
    !["NOAUTH", "NOPERM", "LOADING"].contains(&code.as_str())
        // Redis before 2.6 and some of its kin say it in these words.
        && !words.contains("operation not permitted")
}

/// Takes the figures of one `INFO`; fails if they say that it serves nobody.
pub(super) fn read_info(info: &str, readings: &mut Readings) -> Result<(), Fault> {
    let fields: BTreeMap<&str, &str> =
        info.lines().filter_map(|line| line.trim_end().split_once(':')).collect();
    if !fields.contains_key("redis_version") && !fields.contains_key("uptime_in_seconds") {
        return Err(Fault::rubbish("the answer to INFO holds no figures"));
    }
    readings.add_fields(METRICS, |key| fields.get(key).copied());
    read_memory(&fields, readings);
    read_replication(&fields, readings);
    read_databases(&fields, readings);
    read_commands(&fields, readings);
    if fields.get("loading") == Some(&"1") {
        return Err(Fault::refuses("LOADING: it reads its data from disk and serves nobody yet"));
    }
    Ok(())
}

fn read_memory(fields: &BTreeMap<&str, &str>, readings: &mut Readings) {
    let number = |key| fields.get(key).and_then(|text: &&str| text.parse::<f64>().ok());
    if let Some(limit) = number("maxmemory").filter(|limit| *limit > 0.0) {
        readings.add("redis_maxmemory_bytes", limit);
        if let Some(used) = number("used_memory") {
            readings.add("redis_memory_utilization", used / limit);
        }
    }
}

fn read_replication(fields: &BTreeMap<&str, &str>, readings: &mut Readings) {
    if let Some(ago) = fields.get("master_last_io_seconds_ago").filter(|ago| **ago != "-1") {
        readings.add_text("redis_master_last_io_seconds", &[], ago);
    }
    let ours: Option<f64> = fields.get("master_repl_offset").and_then(|text| text.parse().ok());
    for (_, text) in numbered(fields, "slave").take(MAX_OF_A_KIND) {
        let replica = pairs(text);
        let port = replica.get("port").copied().unwrap_or_default();
        let name = format!("{}:{port}", replica.get("ip").copied().unwrap_or_default());
        let labels = [("replica", name.as_str())];
        if let Some(lag) = replica.get("lag") {
            readings.add_text("redis_replica_lag_seconds", &labels, lag);
        }
        let theirs: Option<f64> = replica.get("offset").and_then(|text| text.parse().ok());
        if let (Some(ours), Some(theirs)) = (ours, theirs) {
            readings.add_with("redis_replica_lag_bytes", &labels, (ours - theirs).max(0.0));
        }
        let online = replica.get("state") == Some(&"online");
        readings.add_with("redis_replica_online", &labels, f64::from(u8::from(online)));
    }
}

fn read_databases(fields: &BTreeMap<&str, &str>, readings: &mut Readings) {
    for (number, text) in numbered(fields, "db").take(MAX_OF_A_KIND) {
        let labels = [("db", number)];
        let database = pairs(text);
        for (key, name) in [("keys", "redis_db_keys"), ("expires", "redis_db_expires")] {
            if let Some(text) = database.get(key) {
                readings.add_text(name, &labels, text);
            }
        }
        if let Some(Ok(ttl_ms)) = database.get("avg_ttl").map(|text| text.parse::<f64>()) {
            readings.add_with("redis_db_avg_ttl_seconds", &labels, ttl_ms / 1_000.0);
        }
    }
}

fn read_commands(fields: &BTreeMap<&str, &str>, readings: &mut Readings) {
    let mut commands: Vec<(f64, f64, &str)> = fields
        .iter()
        .filter_map(|(key, text)| {
            let pairs = pairs(text);
            let number = |name| pairs.get(name).and_then(|text| text.parse::<f64>().ok());
            Some((number("usec")?, number("calls")?, key.strip_prefix("cmdstat_")?))
        })
        .collect();
    commands.sort_by(|one, other| other.0.total_cmp(&one.0));
    for (usec, calls, name) in commands.into_iter().take(TOP_COMMANDS) {
        readings.add_with("redis_cmd_calls_total", &[("cmd", name)], calls);
        readings.add_with("redis_cmd_duration_seconds_total", &[("cmd", name)], usec * 1e-6);
    }
}

/// The fields that are `stem` and a number, with that number.
fn numbered<'a>(
    fields: &'a BTreeMap<&'a str, &'a str>,
    stem: &'static str,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    fields.iter().filter_map(move |(key, text)| {
        let number = key.strip_prefix(stem)?;
        digits(number).then_some((number, *text))
    })
}

/// `keys=1,expires=0`.
fn pairs(text: &str) -> BTreeMap<&str, &str> {
    text.split(',').filter_map(|pair| pair.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proptest::prelude::*;

    use super::*;

    const INFO: &str = "# Server\r\nredis_version:7.0.15\r\nuptime_in_seconds:9\r\n\
        # Memory\r\nused_memory:500\r\nmaxmemory:1000\r\nmem_fragmentation_ratio:nan\r\n\
        # Persistence\r\nloading:0\r\nrdb_last_bgsave_status:err\r\n\
        # Replication\r\nrole:master\r\nmaster_repl_offset:100\r\n\
        slave0:ip=10.0.0.7,port=6379,state=online,offset=90,lag=1\r\n\
        slave_read_only:1\r\nmaster_last_io_seconds_ago:-1\r\n\
        # Commandstats\r\ncmdstat_get:calls=4,usec=2000000,usec_per_call=0.5\r\n\
        # Keyspace\r\ndb0:keys=3,expires=2,avg_ttl=1500\r\ndb_x:keys=1\r\n";

    fn read(info: &str) -> (Result<(), Fault>, String) {
        let mut readings = Readings::default();
        (read_info(info, &mut readings), readings.shown())
    }

    #[test]
    fn one_info_is_all_figures() {
        let (end, shown) = read(INFO);
        assert_eq!(end, Ok(()));
        expect![[r#"
            redis_cmd_calls_total{cmd="get"} 4
            redis_cmd_duration_seconds_total{cmd="get"} 2
            redis_db_avg_ttl_seconds{db="0"} 1.5
            redis_db_expires{db="0"} 2
            redis_db_keys{db="0"} 3
            redis_loading 0
            redis_maxmemory_bytes 1000
            redis_memory_used_bytes 500
            redis_memory_utilization 0.5
            redis_rdb_last_save_ok 0
            redis_replica_lag_bytes{replica="10.0.0.7:6379"} 10
            redis_replica_lag_seconds{replica="10.0.0.7:6379"} 1
            redis_replica_online{replica="10.0.0.7:6379"} 1
            redis_replication_offset_bytes 100
            redis_role{role="master"} 1
            redis_role{role="replica"} 0
            redis_uptime_seconds 9
        "#]]
        .assert_eq(&shown);
    }

    #[test]
    fn no_limit_has_no_share() {
        let (_, shown) = read(&INFO.replace("maxmemory:1000", "maxmemory:0"));
        assert!(!shown.contains("redis_maxmemory") && !shown.contains("utilization"), "{shown}");
    }

    #[test]
    fn who_is_loading_serves_nobody_and_is_still_read() {
        let (end, shown) = read(&INFO.replace("loading:0", "loading:1"));
        assert!(end.unwrap_err().to_string().starts_with("status: LOADING"));
        assert!(shown.contains("redis_loading 1\n") && shown.contains("redis_uptime_seconds 9\n"));
    }

    #[test]
    fn odd_answers() {
        for odd in ["", "\r\n", ":::\r\n", "hello", "# Server\r\n"] {
            assert!(read(odd).0.is_err(), "{odd:?}");
        }
        let odd = "redis_version:\r\ndb0:\r\ndb0:keys\r\nslave0:,,=\r\ncmdstat_:calls=x,usec=\r\n";
        assert_eq!(read(odd).0, Ok(()));
    }

    proptest! {
        #[test]
        fn rubbish_never_panics(info in "(redis_version|db0|slave0|cmdstat_x|used_memory|[a-z]{1,3}|[:=,\r\n0-9.-]){0,60}") {
            drop(read(&info));
        }

        #[test]
        fn a_good_answer_with_a_wrong_byte_is_read(at: usize, byte in 0_u8..128) {
            let mut info = INFO.as_bytes().to_vec();
            let at = at % info.len();
            info[at] = byte;
            drop(read(&String::from_utf8_lossy(&info)));
        }
    }
}
