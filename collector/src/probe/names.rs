//! Finds the addresses of a name as the system would, and says whose fault it is if there are none.
//!
//! The system's own resolver blocks a thread for each name, and tells "there is no such name" and
//! "nobody answered me" hardly apart. For a probe that is the difference between their fault and
//! ours: a resolver that is silent says nothing about the names it was asked for.
//!
//! `/etc/hosts` and `/etc/resolv.conf` are read again when they change. Nothing is cached, since a
//! probe must see what a user would see who comes anew.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig,
    ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use hickory_resolver::{Hosts, TokioResolver};
use model::verdict::{Family, Phase};

use crate::probe::failure::Failure;
use crate::text::clean;

/// After this the next try or the next server has its turn; a look is not longer than some seconds.
const MAX_TRY: Duration = Duration::from_secs(2);
const MAX_HINT_CHARS: usize = 200;
/// What the system's answers depend on.
const SYSTEM_FILES: [&str; 2] = ["/etc/resolv.conf", "/etc/hosts"];

/// Why a name has no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    #[error("{0} is no valid name")]
    Invalid(String),
    /// The answer is final: there is no such name.
    #[error("there is no such name (NXDOMAIN)")]
    NoSuchName,
    /// The name exists, and has no record of the kind asked for.
    #[error("the name has no {0}")]
    NoRecord(String),
    /// The resolver answers that it could not find out: the servers of that name, or its own way
    /// to them, may be broken. A word such as `SERVFAIL`.
    #[error("the resolver answers {0}")]
    Failed(String),
    /// Nobody answered, or not understandably: nothing is known about the name.
    #[error("the resolver does not answer: {0}")]
    Unanswered(String),
}

/// Where names are looked up. Cheap to clone.
#[derive(Clone)]
pub struct Names {
    loaded: Arc<Mutex<Loaded>>,
    is_system: bool,
}

/// What was made of the system's files, when they had these times.
struct Loaded {
    stamps: [Option<SystemTime>; SYSTEM_FILES.len()],
    settings: Option<Settings>,
}

/// What a resolver is made of, which is done for each look: it keeps a grudge against a server that
/// answered badly once, and one name with bad answers must not hide all others.
#[derive(Clone)]
struct Settings {
    config: ResolverConfig,
    options: ResolverOpts,
    hosts: Arc<Hosts>,
}

impl Names {
    /// As the system's files have it.
    pub fn system() -> Self {
        let loaded = Loaded { stamps: Default::default(), settings: None };
        Self { loaded: Arc::new(Mutex::new(loaded)), is_system: true }
    }

    /// Asks these servers only, over UDP, and over TCP where an answer is too long for that.
    pub fn of_servers(servers: &[SocketAddr]) -> Self {
        let config = ResolverConfig::from_name_servers(servers.iter().map(server).collect());
        let settings = Settings::new(config, ResolverOpts::default(), Hosts::default());
        let loaded = Loaded { stamps: Default::default(), settings: Some(settings) };
        Self { loaded: Arc::new(Mutex::new(loaded)), is_system: false }
    }

    /// The addresses of a host: IPv4 before IPv6, or of one family only.
    pub async fn addresses(
        &self,
        host: &str,
        family: Option<Family>,
    ) -> Result<Vec<IpAddr>, NameError> {
        let is_wanted = |address: &IpAddr| match family {
            None => true,
            Some(Family::Ipv4) => address.is_ipv4(),
            Some(Family::Ipv6) => address.is_ipv6(),
        };
        let none = || {
            NameError::NoRecord(match family {
                None => "address".to_owned(),
                Some(family) => format!("{family} address"),
            })
        };
        if let Ok(address) = IpAddr::from_str(host) {
            return if is_wanted(&address) { Ok(vec![address]) } else { Err(none()) };
        }
        let name = name(host)?;
        let found = self.resolver()?.lookup_ip(name).await;
        let mut found: Vec<IpAddr> = match found.as_ref().map_err(error_of) {
            Ok(found) => found.iter().filter(is_wanted).collect(),
            Err(NameError::NoRecord(_)) => Vec::new(),
            Err(error) => return Err(error),
        };
        found.sort_by_key(IpAddr::is_ipv6);
        if found.is_empty() { Err(none()) } else { Ok(found) }
    }

    /// The records of one kind, and those on the way to them (`CNAME`).
    pub async fn records(&self, host: &str, kind: RecordType) -> Result<Vec<Record>, NameError> {
        let name = name(host)?;
        let found = self.resolver()?.lookup(name, kind).await.map_err(|error| error_of(&error))?;
        Ok(found.answers().to_vec())
    }

    fn resolver(&self) -> Result<TokioResolver, NameError> {
        let missing = || NameError::Unanswered("it could not be set up".to_owned());
        self.settings().resolver().ok_or_else(missing)
    }

    fn settings(&self) -> Settings {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_system {
            let stamps = SYSTEM_FILES.map(changed_at);
            if stamps != loaded.stamps {
                *loaded = Loaded { stamps, settings: None };
            }
        }
        loaded.settings.get_or_insert_with(Settings::system).clone()
    }
}

impl Settings {
    fn new(config: ResolverConfig, mut options: ResolverOpts, hosts: Hosts) -> Self {
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.timeout = options.timeout.min(MAX_TRY);
        options.use_hosts_file = ResolveHosts::Never; // They are read once, and given to each.
        Self { config, options, hosts: Arc::new(hosts) }
    }

    /// Without a server in its files the system asks its own machine, and so do we.
    fn system() -> Self {
        let own = || {
            let own = server(&SocketAddr::from((Ipv4Addr::LOCALHOST, 53)));
            (ResolverConfig::from_name_servers(vec![own]), ResolverOpts::default())
        };
        let (config, options) = read_system_conf().unwrap_or_else(|_| own());
        Self::new(config, options, Hosts::from_system().unwrap_or_default())
    }

    fn resolver(self) -> Option<TokioResolver> {
        let provider = TokioRuntimeProvider::default();
        let builder = TokioResolver::builder_with_config(self.config, provider);
        let mut resolver = builder.with_options(self.options).build().ok()?;
        resolver.set_hosts(self.hosts);
        Some(resolver)
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_system { "Names(system)" } else { "Names(servers)" })
    }
}

/// A silent or unwilling resolver is our trouble; what it says of a name is theirs.
impl From<NameError> for Failure {
    fn from(error: NameError) -> Self {
        match error {
            NameError::Unanswered(_) => Self::Ours { reason: error.to_string() },
            NameError::Invalid(_)
            | NameError::NoSuchName
            | NameError::NoRecord(_)
            | NameError::Failed(_) => Self::theirs(Phase::Dns, error.to_string()),
        }
    }
}

fn name(host: &str) -> Result<Name, NameError> {
    Name::from_str_relaxed(host).map_err(|_| NameError::Invalid(clean(host, MAX_HINT_CHARS)))
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let at_port = |mut connection: ConnectionConfig| {
        connection.port = address.port();
        connection
    };
    let connections = vec![at_port(ConnectionConfig::udp()), at_port(ConnectionConfig::tcp())];
    NameServerConfig::new(address.ip(), true, connections)
}

fn changed_at(path: &str) -> Option<SystemTime> {
    Path::new(path).metadata().and_then(|metadata| metadata.modified()).ok()
}

fn error_of(error: &NetError) -> NameError {
    let code = if let NetError::Dns(DnsError::NoRecordsFound(none)) = error {
        if none.response_code == ResponseCode::NoError {
            return NameError::NoRecord(format!("{} record", none.query.query_type()));
        }
        none.response_code
    } else if let NetError::Dns(DnsError::ResponseCode(code)) = error {
        *code
    } else {
        return NameError::Unanswered(clean(&error.to_string(), MAX_HINT_CHARS));
    };
    // It will not serve us, or does not understand us, whatever the name.
    let unwilling = [ResponseCode::Refused, ResponseCode::FormErr, ResponseCode::NotImp];
    if code == ResponseCode::NXDomain {
        NameError::NoSuchName
    } else if unwilling.contains(&code) {
        NameError::Unanswered(word(code))
    } else {
        NameError::Failed(word(code))
    }
}

/// As `dig` writes it.
pub fn word(code: ResponseCode) -> String {
    let word = match u16::from(code) {
        0 => "NOERROR",
        1 => "FORMERR",
        2 => "SERVFAIL",
        3 => "NXDOMAIN",
        4 => "NOTIMP",
        5 => "REFUSED",
        number => return format!("rcode {number}"),
    };
    word.to_owned()
}
