//! Looks at applications: one HTTP GET each, on a connection of its own.
//!
//! A probe must see what a user would see, and nothing else: no proxy from the environment, no
//! redirect followed, no connection reused that would hide a fault of name, network or listener.
//! And when it fails, people need to know how far it came; so the phases are told apart and timed.
//!
//! One deadline rules the whole look, however the other end trickles its answer. Of a body only
//! the first part is read. What fails on our own side gives [`Outcome::Blind`], never a fault of
//! the application; so does a resolver that is silent, while a name that does not exist is theirs.
//!
//! A domain with addresses of both families is looked at over each, since what answers over IPv4 may
//! be dead over IPv6; the one verdict says of the other family what is wrong with it.
//!
//! - [`names`]: from a name to addresses; [`mod@exchange`]: there and back; [`tls`]: whom we met.
//! - [`answer`], `chunks`, `content`: from bytes to a page, pure and bounded.
//! - `exec`: a program of the user's in place of a look of ours, for readiness.
//! - [`failure`]: how far a look came, and whose fault its end is.
//!
//! Who judges the page is [`crate::monitor_x`] for the contract, and `check` for the rest.

pub mod answer;
mod chunks;
pub(crate) mod content;
pub mod exchange;
mod exec;
pub mod failure;
pub mod names;
pub mod tls;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use model::clock::SharedClock;
use model::verdict::{Family, Outcome, Verdict};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::monitor_x::judge;
use crate::probe::exchange::{Place, Way, addresses, exchange, open};
use crate::probe::failure::{Failure, Trace};
use crate::probe::names::Names;
use crate::probe::tls::{NoRoots, TlsSetup};
use crate::targets::{ProbeAddress, ProbeSpec, ReadyCheck, ReadySpec};

pub(crate) const USER_AGENT_NAME: &str = concat!("cloudbrain/", env!("CARGO_PKG_VERSION"));

/// Whether a program is ready, and why not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// None if we could not look: that says nothing of the program.
    pub ready: Option<bool>,
    /// One line for people.
    pub detail: String,
}

/// Looks at applications. Cheap to clone; all clones share what names and trust need.
#[derive(Clone, Debug)]
pub struct Prober {
    names: Names,
    /// Read when the first look needs it, since most need none.
    system_tls: Arc<OnceLock<Result<TlsSetup, NoRoots>>>,
    /// Room for programs of users, so that they do not take the machine from all other looks.
    programs: Arc<Semaphore>,
}

impl Prober {
    /// One that resolves names as this machine does.
    pub fn new() -> Self {
        Self::with_names(Names::system())
    }

    pub fn with_names(names: Names) -> Self {
        let programs = Arc::new(Semaphore::new(exec::AT_ONCE));
        Self { names, system_tls: Arc::default(), programs }
    }

    pub fn names(&self) -> &Names {
        &self.names
    }

    /// Trust as this machine has it.
    pub fn system_tls(&self) -> Result<TlsSetup, NoRoots> {
        self.system_tls.get_or_init(TlsSetup::system).clone()
    }

    /// Probes an application by the Monitor.X contract, within `within` in all.
    pub async fn probe(&self, spec: &ProbeSpec, within: Duration, clock: &SharedClock) -> Verdict {
        let (at, began) = (clock.now(), clock.elapsed());
        let mut trace = Trace::new(clock);
        let found = timeout(within, addresses(place(&spec.address), &self.names, &mut trace)).await;
        let seen = match found.unwrap_or_else(|_| Err(trace.late(within))) {
            Err(failure) => Seen { outcome: failure.into(), trace },
            Ok(addresses) => {
                let spent = clock.elapsed().saturating_sub(began);
                let time = Allowance { whole: within, left: within.saturating_sub(spent) };
                self.look_over_each_family(spec, &addresses, time, trace).await
            }
        };
        Verdict {
            target: spec.target.clone(),
            at,
            took: clock.elapsed().saturating_sub(seen.trace.sent_at.unwrap_or(began)),
            outcome: seen.outcome,
            timings: seen.trace.timings,
            family: seen.trace.family(),
        }
    }

    async fn look_over_each_family<'a>(
        &self,
        spec: &ProbeSpec,
        addresses: &[SocketAddr],
        time: Allowance,
        trace: Trace<'a>,
    ) -> Seen<'a> {
        // IPv4 comes first.
        let (four, six) = addresses.split_at(addresses.partition_point(SocketAddr::is_ipv4));
        if four.is_empty() || six.is_empty() {
            return self.look(spec, addresses, time, trace).await;
        }
        let other = Box::pin(self.look(spec, six, time, trace.clone()));
        let (four, six) = tokio::join!(self.look(spec, four, time, trace), other);
        of_both(four, six)
    }

    async fn look<'a>(
        &self,
        spec: &ProbeSpec,
        addresses: &[SocketAddr],
        time: Allowance,
        mut trace: Trace<'a>,
    ) -> Seen<'a> {
        let looked = timeout(time.left, self.ask(spec, addresses, time.left, &mut trace)).await;
        let outcome = match looked {
            Ok(Ok(outcome)) => doubt_dead_addresses(outcome, &trace.passed_over),
            Ok(Err(failure)) => failure.into(),
            Err(_) => trace.late(time.whole).into(),
        };
        Seen { outcome, trace }
    }

    async fn ask(
        &self,
        spec: &ProbeSpec,
        addresses: &[SocketAddr],
        within: Duration,
        trace: &mut Trace<'_>,
    ) -> Result<Outcome, Failure> {
        let request = request(&spec.host_header, &spec.path)?;
        let way = Way { place: Place::Sockets(addresses), tls: None, within };
        let page = exchange(way, request.as_bytes(), true, &self.names, trace).await?;
        Ok(judge(&page))
    }

    /// Looks once whether a program is ready, within the time that `spec` gives.
    pub async fn ready(&self, spec: &ReadySpec, clock: &SharedClock) -> Readiness {
        let mut trace = Trace::new(clock);
        let looked = timeout(spec.timeout, self.unready(spec, &mut trace)).await;
        let late = || match &spec.check {
            ReadyCheck::Exec { .. } => Ok(Some(format!("no end within {:?}", spec.timeout))),
            ReadyCheck::Http { .. } | ReadyCheck::Tcp => Err(trace.late(spec.timeout)),
        };
        match looked.unwrap_or_else(|_| late()) {
            Ok(None) => Readiness { ready: Some(true), detail: "ready".to_owned() },
            Ok(Some(detail)) => Readiness { ready: Some(false), detail },
            Err(failure) => {
                let is_theirs = matches!(failure, Failure::Theirs { .. });
                Readiness { ready: is_theirs.then_some(false), detail: failure.to_string() }
            }
        }
    }

    /// What is wrong with the answer of a program that should be ready.
    async fn unready(
        &self,
        spec: &ReadySpec,
        trace: &mut Trace<'_>,
    ) -> Result<Option<String>, Failure> {
        let way = Way { place: Place::Socket(spec.address), tls: None, within: spec.timeout };
        match &spec.check {
            ReadyCheck::Exec { program } => exec::ask(program, spec, &self.programs).await,
            ReadyCheck::Tcp => open(way, &self.names, trace).await.map(|_| None),
            ReadyCheck::Http { path, expect_status } => {
                let request = request(&spec.address.to_string(), path)?;
                // Only the status counts, and no body is waited for.
                let page = exchange(way, request.as_bytes(), false, &self.names, trace).await?;
                let status = page.head.status;
                Ok((status != *expect_status).then(|| format!("status {status}")))
            }
        }
    }
}

impl Default for Prober {
    fn default() -> Self {
        Self::new()
    }
}

fn place(address: &ProbeAddress) -> Place<'_> {
    match address {
        ProbeAddress::Socket(address) => Place::Socket(*address),
        ProbeAddress::Resolve { host, port, family } => {
            Place::Name { host, port: *port, family: *family }
        }
    }
}

/// The plainest request there is. Nothing stays open after it, so that no server keeps hold of a
/// connection that nobody will use.
fn request(host: &str, path: &str) -> Result<String, Failure> {
    let is_sendable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_sendable(host) || !is_sendable(path) || !path.starts_with('/') {
        // Our own files name what cannot be sent: no fault of the application.
        return Err(Failure::Ours { reason: format!("{host:?} {path:?} cannot be asked for") });
    }
    Ok(format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nUser-Agent: {USER_AGENT_NAME}\r\nAccept: */*\r\n\
         Cache-Control: no-cache\r\nConnection: close\r\n\r\n"
    ))
}

/// The time of a whole look, and what is left of it once the name is resolved.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    whole: Duration,
    left: Duration,
}

/// What one look came to, and the way there.
#[derive(Debug)]
struct Seen<'a> {
    outcome: Outcome,
    trace: Trace<'a>,
}

/// Who finds one family healthy is served, since browsers try both; so the other is a doubt. That
/// we have no way into one of them says nothing.
fn of_both<'a>(four: Seen<'a>, six: Seen<'a>) -> Seen<'a> {
    let (mut seen, other, family) = match (&four.outcome, &six.outcome) {
        (Outcome::Unhealthy { .. }, Outcome::Healthy { .. })
        | (Outcome::Blind { .. }, Outcome::Healthy { .. } | Outcome::Unhealthy { .. }) => {
            (six, four, Family::Ipv4)
        }
        _ => (four, six, Family::Ipv6),
    };
    if let Outcome::Unhealthy { phase, hint } = other.outcome {
        seen.outcome =
            doubted(seen.outcome, format!("not healthy over {family} ({phase}: {hint})"));
    }
    seen
}

/// Users who meet the dead address first have to wait, or fail.
fn doubt_dead_addresses(outcome: Outcome, passed_over: &[String]) -> Outcome {
    if passed_over.is_empty() {
        return outcome;
    }
    doubted(outcome, format!("another address does not answer ({})", passed_over.join("; ")))
}

fn doubted(outcome: Outcome, why: String) -> Outcome {
    match outcome {
        Outcome::Healthy { doubt } => {
            let doubts: Vec<String> = doubt.into_iter().chain([why]).collect();
            Outcome::Healthy { doubt: Some(doubts.join("; ")) }
        }
        Outcome::Unhealthy { .. } | Outcome::Blind { .. } => outcome,
    }
}
