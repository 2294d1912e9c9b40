//! Data sources: the MySQL, Redis, Memcached and PostgreSQL instances that modules use.
//!
//! When a data source fails, the modules that use it fail with it, and their owners must read the
//! cause and not the symptoms. So a look asks what a user would ask first: may I come in? Each look
//! opens a connection of its own, logs in, has one command answered, and reads the server's own
//! figures. A kept connection would be cheaper, but it answers happily while every newcomer is
//! told "too many connections", and it breaks when the server closes it for being idle.
//!
//! A server that lives and does not let us see is no fault of the server: it is told apart as a
//! configuration fault, with the words to type, and what can be seen without the missing grant is
//! still reported.
//!
//! The protocols are spoken here by hand, over one wire: each is a request and an answer, and
//! the ready-made clients would believe a hostile server when it announces four billion columns, or
//! panic over its key. Where the file says `tls`, nothing is asked and no password goes out before
//! the server's certificate was judged, and a server without TLS is told as a fault of the
//! configuration. Elsewhere passwords go out as a proof only (MySQL, PostgreSQL), or as they are, to
//! what has shown itself to be the right kind of server (Redis, Memcached).
//!
//! Invariants: one look takes no longer than its timeout, however the answer trickles; it reads at
//! most 8 MiB; it asks, and changes nothing on the server; only finite numbers
//! become values; a password is never printed.

mod bytes;
mod fault;
mod memcached;
mod mysql;
mod postgres;
mod readings;
mod redis;
mod resp;
mod table;
mod tls;
mod wire;

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use model::clock::SharedClock;
use model::id::DataSourceId;
use model::series::{Labels, Row};
use model::time::Time;

use crate::columns::Columns;
use crate::look::{Answer, Look};
use crate::probe::Prober;
use crate::watch::{Looking, Watcher};
use fault::Fault;
use readings::Readings;
pub use table::{Metric, Origin};
use table::{derived, metrics_of};
pub use tls::{Tls, TlsError, TlsOptions, Verify};
use wire::{Progress, Wire};

/// One data source, and how to get in.
#[derive(Clone, Debug, PartialEq)]
pub struct DataSourceTarget {
    pub id: DataSourceId,
    pub kind: DataSourceKind,
    /// `host:port`; the host may be a name or an address.
    pub address: String,
    pub user: Option<String>,
    pub password: Option<Password>,
    /// The database to connect to, where the kind has such (MySQL: none, PostgreSQL: `postgres`).
    pub database: Option<String>,
    /// How TLS is spoken; None if it is not.
    pub tls: Option<Tls>,
    /// What all its series have in common; `datasource`, its id, is added.
    pub common: Labels,
}

/// What sort of server it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum DataSourceKind {
    /// MariaDB, too.
    MySql,
    Redis,
    Memcached,
    PostgreSql,
}

/// A kind that is not known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is no kind of data source: mysql, mariadb, redis, memcached, postgresql")]
pub struct UnknownKind {
    pub word: String,
}

/// A password: whoever prints it sees three stars.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Box<str>);

/// Looks at one data source, again and again.
#[derive(Debug)]
pub struct DataSourceWatch {
    target: DataSourceTarget,
    prober: Prober,
    columns: Columns,
}

/// What every kind gives.
const COMMON: &[Metric] = &[
    derived("datasource_up", "1", "1 if it served us, 0 if it did not", "the look"),
    derived(
        "datasource_connect_seconds",
        "s",
        "time to resolve its name, connect, begin TLS and log in",
        "the look",
    ),
    derived("datasource_ping_seconds", "s", "time until it answered one small command", "the look"),
];

/// All metrics of one kind.
pub fn metrics(kind: DataSourceKind) -> impl Iterator<Item = &'static Metric> {
    COMMON.iter().chain(metrics_of(kind))
}

impl DataSourceWatch {
    /// `prober` knows whom this machine trusts.
    pub fn new(target: DataSourceTarget, prober: Prober) -> Self {
        let id = Labels::of([("datasource", target.id.as_str())]);
        let columns = Columns::new(target.common.with(&id));
        Self { target, prober, columns }
    }

    pub fn target(&self) -> &DataSourceTarget {
        &self.target
    }

    /// Looks once, within `timeout` in all. What was read before a fault is reported beside it; a
    /// series that is not there any more ends with a stale mark. A blind look brings no row.
    pub async fn look(&mut self, timeout: Duration, clock: &SharedClock) -> Look {
        let (at, began) = (clock.now(), clock.elapsed());
        let (progress, mut readings) = (Progress::default(), Readings::default());
        let read = read(&self.target, &self.prober, &progress, &mut readings, clock);
        let end = tokio::time::timeout(timeout, read).await;
        let end = end.unwrap_or_else(|_| Err(progress.timed_out(timeout)));
        let took = clock.elapsed().saturating_sub(began);
        let answer = match end {
            Ok(()) => readings.shortcoming().map_or(Answer::Up, Answer::from),
            Err(fault) => Answer::from(fault),
        };
        let mut look = Look::new(at, took, answer);
        if !matches!(look.answer, Answer::Blind { .. }) {
            let up = !matches!(look.answer, Answer::Down { .. });
            readings.add("datasource_up", f64::from(u8::from(up)));
            readings.refused_into(&mut look);
            look.rows.push(self.columns.row(at, readings.into_values()));
        }
        look
    }
}

impl Watcher for DataSourceWatch {
    fn look<'a>(&'a mut self, timeout: Duration, clock: &'a SharedClock) -> Looking<'a> {
        Box::pin(self.look(timeout, clock))
    }

    fn end(&mut self, at: Time) -> Vec<Row> {
        self.columns.end(at).into_iter().collect()
    }
}

/// One kind of server, once we are connected to it.
trait Session: Sized {
    /// Begins TLS where it is wanted, makes sure that it is this kind of server, and logs in.
    async fn open(target: &DataSourceTarget, wire: Wire) -> Result<Self, Fault>;
    /// Has one small command answered.
    async fn ping(&mut self) -> Result<(), Fault>;
    /// Reads its figures. What is refused to us alone is a shortcoming of `readings`, no error.
    async fn read(&mut self, readings: &mut Readings) -> Result<(), Fault>;
}

async fn read(
    target: &DataSourceTarget,
    prober: &Prober,
    progress: &Progress,
    readings: &mut Readings,
    clock: &SharedClock,
) -> Result<(), Fault> {
    let began = clock.elapsed();
    let tls = target.tls.as_ref().map(|tls| tls.way(&target.address, prober, clock)).transpose()?;
    let wire = Wire::connect(&target.address, tls, progress).await?;
    match target.kind {
        DataSourceKind::MySql => run::<mysql::MySql>(target, wire, began, readings, clock).await,
        DataSourceKind::Redis => run::<redis::Redis>(target, wire, began, readings, clock).await,
        DataSourceKind::Memcached => {
            run::<memcached::Memcached>(target, wire, began, readings, clock).await
        }
        DataSourceKind::PostgreSql => {
            run::<postgres::Postgres>(target, wire, began, readings, clock).await
        }
    }
}

/// `began` is when the look began, by the clock's own count.
async fn run<S: Session>(
    target: &DataSourceTarget,
    wire: Wire,
    began: Duration,
    readings: &mut Readings,
    clock: &SharedClock,
) -> Result<(), Fault> {
    let mut session = S::open(target, wire).await?;
    readings.add_time("datasource_connect_seconds", clock.elapsed().saturating_sub(began));
    let began = clock.elapsed();
    session.ping().await?;
    readings.add_time("datasource_ping_seconds", clock.elapsed().saturating_sub(began));
    session.read(readings).await
}

impl DataSourceKind {
    /// As it is written in files and said to people.
    pub fn word(self) -> &'static str {
        match self {
            Self::MySql => "mysql",
            Self::Redis => "redis",
            Self::Memcached => "memcached",
            Self::PostgreSql => "postgresql",
        }
    }
}

impl fmt::Display for DataSourceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for DataSourceKind {
    type Err = UnknownKind;
    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Ok(match word {
            "mysql" | "mariadb" => Self::MySql,
            "redis" => Self::Redis,
            "memcached" => Self::Memcached,
            "postgresql" => Self::PostgreSql,
            _ => return Err(UnknownKind { word: word.to_owned() }),
        })
    }
}

impl Password {
    pub fn new(password: impl Into<Box<str>>) -> Self {
        Self(password.into())
    }

    /// For those that prove that it is known.
    fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl DataSourceTarget {
    fn user(&self) -> &str {
        self.user.as_deref().unwrap_or_default()
    }

    fn password(&self) -> &str {
        self.password.as_ref().map(Password::reveal).unwrap_or_default()
    }
}

impl From<Fault> for Answer {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Down { phase, hint } => Self::Down { phase, hint },
            Fault::Misconfigured { what, remedy } => Self::Misconfigured { what, remedy },
            Fault::Blind { reason } => Self::Blind { reason },
        }
    }
}
