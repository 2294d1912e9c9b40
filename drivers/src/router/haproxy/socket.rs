//! Talks with a running HAProxy over its stats socket, and reads what it says.
//!
//! One connection per command, as answers have no other end than that of the connection. Nothing is
//! ever put into a command but names and addresses of our own making.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use scaler::hands::{HandError, Stamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::timeout;

use crate::command::in_short;

/// How long HAProxy may take to answer one command.
const PATIENCE: Duration = Duration::from_secs(3);
/// The longest answer that is read, in bytes: some 300 for each server.
const MAX_ANSWER_BYTES: u64 = 16 << 20;
/// The variable of the process that holds the stamp.
pub(super) const VARIABLE: &str = "proc.cloudbrain";
/// Of the administrative states: it was put into maintenance.
const MAINTENANCE: u32 = 1;

/// One server of a backend, as it is configured in the running process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) address: Option<SocketAddr>,
    /// It gets no request.
    pub(super) is_out: bool,
}

/// Backend and server.
pub(super) type Place = (String, String);

/// What a server has done, as it is counted there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) in_flight: u32,
    pub(super) answered: u64,
    pub(super) failed: u64,
}

/// The running process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    pub(super) up_s: u64,
}

#[derive(Debug)]
pub(super) struct Socket(pub(super) PathBuf);

impl Socket {
    /// One command and its whole answer.
    pub(super) async fn say(&self, command: &str) -> Result<String, HandError> {
        let answer = timeout(PATIENCE, self.exchange(command)).await;
        let answer = answer.map_err(|_| HandError::TimedOut(PATIENCE))?;
        let answer = answer.map_err(|error| {
            let path = self.0.display();
            HandError::Failed(format!(
                "cannot speak to {path}: {error}; HAProxy runs with `stats socket {path} level \
                 admin` in its global section, and this user may write to it?"
            ))
        })?;
        match answer.contains("Permission denied") {
            true => Err(HandError::Refused(format!(
                "{} lets us only read; write `level admin` after it in HAProxy's global section",
                self.0.display()
            ))),
            false => Ok(answer),
        }
    }

    /// An order to change something; Some says why it was not carried out.
    pub(super) async fn order(&self, command: &str) -> Result<Option<String>, HandError> {
        let answer = self.say(command).await?;
        Ok(match answer.trim() {
            "" | "New server registered." | "Server deleted." => None,
            said => Some(format!("{command}: {}", in_short(said))),
        })
    }

    /// The routing that the running process follows; the smallest if it never had one.
    pub(super) async fn stamp(&self) -> Result<Stamp, HandError> {
        Ok(stamp_in(&self.say(&format!("get var {VARIABLE}")).await?))
    }

    pub(super) async fn set_stamp(&self, stamp: Stamp) -> Result<(), HandError> {
        let value = value_of(stamp);
        let order = format!("experimental-mode on; set var {VARIABLE} {value}");
        self.order(&order).await?.map_or(Ok(()), |said| Err(HandError::Failed(said)))
    }

    pub(super) async fn servers(&self) -> Result<BTreeMap<Place, Server>, HandError> {
        Ok(servers_in(&self.say("show servers state").await?))
    }

    pub(super) async fn backends(&self) -> Result<Vec<String>, HandError> {
        let answer = self.say("show backend").await?;
        let names = answer.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        Ok(names.map(|line| line.trim().to_owned()).collect())
    }

    pub(super) async fn counts(&self) -> Result<BTreeMap<Place, Counts>, HandError> {
        Ok(counts_in(&self.say("show stat -1 4 -1").await?))
    }

    pub(super) async fn process(&self) -> Result<Process, HandError> {
        let answer = self.say("show info").await?;
        let number = |name: &str| -> Option<u64> {
            let line = answer.lines().find_map(|line| line.strip_prefix(name));
            line?.trim().parse().ok()
        };
        let process = || {
            let pid = u32::try_from(number("Pid:")?).ok()?;
            Some(Process { pid, up_s: number("Uptime_sec:")? })
        };
        process().ok_or_else(|| HandError::Failed("`show info` tells no Pid".to_owned()))
    }

    async fn exchange(&self, command: &str) -> std::io::Result<String> {
        let mut stream = UnixStream::connect(&self.0).await?;
        stream.write_all(format!("{command}\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    }
}

/// A stamp as HAProxy's configuration and its socket write a text.
pub(super) fn value_of(stamp: Stamp) -> String {
    format!("str({}.{})", stamp.epoch, stamp.generation)
}

fn stamp_in(answer: &str) -> Stamp {
    let read = || {
        let (_, value) = answer.split_once("value=<")?;
        let (epoch, generation) = value.split_once('>')?.0.split_once('.')?;
        Some(Stamp { epoch: epoch.parse().ok()?, generation: generation.parse().ok()? })
    };
    read().unwrap_or_default()
}

fn servers_in(answer: &str) -> BTreeMap<Place, Server> {
    let server = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let (backend, name) = (words.get(1)?, words.get(3)?);
        let address = words.get(4)?.parse::<IpAddr>().ok();
        let state: u32 = words.get(6)?.parse().ok()?;
        let port = words.get(18)?.parse().ok();
        let address = address.zip(port).map(SocketAddr::from);
        let server = Server { address, is_out: state & MAINTENANCE != 0 };
        Some((((*backend).to_owned(), (*name).to_owned()), server))
    };
    answer.lines().filter(|line| !line.starts_with('#')).filter_map(server).collect()
}

fn counts_in(answer: &str) -> BTreeMap<Place, Counts> {
    let mut lines = answer.lines();
    let head = lines.next().unwrap_or_default().trim_start_matches("# ");
    let columns: BTreeMap<&str, usize> =
        head.split(',').enumerate().map(|(index, name)| (name, index)).collect();
    let count = |line: &str| {
        let values: Vec<&str> = line.split(',').collect();
        let text = |name: &str| values.get(*columns.get(name)?).copied();
        let number = |name: &str| text(name).and_then(|text| text.parse().ok()).unwrap_or(0_u64);
        let answers = ["hrsp_1xx", "hrsp_2xx", "hrsp_3xx", "hrsp_4xx", "hrsp_5xx", "hrsp_other"];
        let counts = Counts {
            in_flight: u32::try_from(number("scur") + number("qcur")).unwrap_or(u32::MAX),
            answered: answers.into_iter().map(number).sum(),
            failed: number("econ") + number("eresp"),
        };
        Some(((text("pxname")?.to_owned(), text("svname")?.to_owned()), counts))
    };
    lines.filter_map(count).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(server: &str) -> Place {
        ("shop.web".to_owned(), server.to_owned())
    }

    #[test]
    fn servers_are_read_as_haproxy_2_6_tells_them() {
        let told = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state ...\n\
            3 shop.web 2 vm-2 127.0.0.1 2 0 1 1 152 1 0 0 0 0 0 0 - 31012 - 0 0 - - 0\n\
            3 shop.web 3 vm-3 127.0.0.1 0 1 1 1 0 1 0 0 2 0 0 0 - 31013 - 0 0 - - 0\n\n";
        let servers = servers_in(told);
        let at = |port| Some(SocketAddr::from(([127, 0, 0, 1], port)));
        assert_eq!(servers[&place("vm-2")], Server { address: at(31012), is_out: false });
        assert_eq!(servers[&place("vm-3")], Server { address: at(31013), is_out: true });
        assert_eq!(servers.len(), 2);
    }

    #[test]
    fn counts_are_found_by_the_names_of_their_columns() {
        let told = "# pxname,svname,qcur,scur,econ,eresp,hrsp_2xx,hrsp_5xx,\n\
                    shop.web,vm-2,1,3,2,5,70,7,\nbroken\n";
        let counts = counts_in(told);
        assert_eq!(counts[&place("vm-2")], Counts { in_flight: 4, answered: 77, failed: 7 });
        assert_eq!(counts.len(), 1);
    }

    #[test]
    fn a_stamp_is_read_back_and_what_is_none_is_older_than_any() {
        let stamp = Stamp { epoch: 2, generation: 43 };
        assert_eq!(value_of(stamp), "str(2.43)");
        assert_eq!(stamp_in("proc.cloudbrain: type=str value=<2.43>\n"), stamp);
        assert_eq!(stamp_in("Variable not found.\n"), Stamp::default());
    }
}
