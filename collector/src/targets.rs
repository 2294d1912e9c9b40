//! Whom to look at: plain data, made by whoever knows the topology.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use model::id::{Object, VmId};
use model::verdict::{Family, ProbeTarget};

use crate::watch::WatchSpec;

/// Everything to look at. A new list replaces the old one whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Targets {
    pub agents: Vec<AgentTarget>,
    pub probes: Vec<ProbeSpec>,
    pub ready: Vec<ReadySpec>,
    /// Data sources, checks, scrapes.
    pub watches: Vec<Arc<WatchSpec>>,
    /// Addresses that always answer: while one of them does, our own network is in order.
    pub canaries: Vec<SocketAddr>,
}

/// An agent that answers Zabbix passive checks, and what it speaks for.
#[derive(Clone, Debug, PartialEq)]
pub struct AgentTarget {
    pub object: Object,
    pub address: SocketAddr,
    /// Its machine boots: somebody waits for its first word, so it is asked more often.
    pub is_awaited: bool,
}

impl AgentTarget {
    /// One that is asked at the usual interval.
    pub fn new(object: Object, address: SocketAddr) -> Self {
        Self { object, address, is_awaited: false }
    }
}

/// One application to probe by the Monitor.X contract.
#[derive(Clone, Debug, PartialEq)]
pub struct ProbeSpec {
    pub target: ProbeTarget,
    pub address: ProbeAddress,
    /// Sent as `Host`, whatever the address is.
    pub host_header: String,
    /// Begins with `/` and has no parameters: see [`crate::monitor_x::path`].
    pub path: String,
}

/// Where a probe connects to.
#[derive(Clone, Debug, PartialEq)]
pub enum ProbeAddress {
    /// A VM itself, or a domain whose address the config pins.
    Socket(SocketAddr),
    /// As its users find it.
    /// A family is named where its internet is to be judged apart from the other.
    Resolve { host: String, port: u16, family: Option<Family> },
}

/// Whether a program on a VM is ready to serve.
#[derive(Clone, Debug, PartialEq)]
pub struct ReadySpec {
    pub vm: VmId,
    /// Comes back with the answer, so that a late word about an earlier assignment is recognised.
    pub assignment: u32,
    pub address: SocketAddr,
    pub check: ReadyCheck,
    pub every: Duration,
    /// For the whole look, from connecting to the status line.
    pub timeout: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub enum ReadyCheck {
    /// A GET of this path answers with this status.
    Http { path: String, expect_status: u16 },
    /// The port accepts a connection.
    Tcp,
    /// This program of the brain's machine ends with 0.
    Exec { program: String },
}
