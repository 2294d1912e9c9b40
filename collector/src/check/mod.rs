//! Checks of the user's own: is this port open, does this name resolve, does that page say "ok"?
//!
//! Monitor.X says whether a business works as it sees itself. Its owner knows more: the login page,
//! the partner's API, the certificate that somebody forgets each year. So a check is written beside
//! the business, in the words of what is asked, and its answer is told like any other.
//!
//! A look asks once, on the engine of [`crate::probe`]; how many must fail before anybody is told is
//! for [`crate::findings`]. Everything that can be wrong with a check itself is found when its file
//! is read: [`CheckSpec::problems`]. What is missing on our own machine is a fault of the
//! configuration, and a silent resolver leaves us blind; neither is "down".
//!
//! One more kind is one more file and one more line in [`CheckSpec`].
//!
//! Invariants: one look takes no longer than its timeout; what the other end says is bounded and
//! cleaned; a secret is never printed, also not if the other end repeats it.

mod condition;
mod dns;
mod ground;
mod http;
mod json;
mod ping;
mod spec;
mod tcp;
mod url;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use model::clock::SharedClock;
use model::series::{Labels, METRIC_NAME, Row};
use model::time::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::columns::Columns;
use crate::look::{Answer, Look};
use crate::probe::Prober;
use crate::probe::failure::{Failure, Trace};
use crate::watch::{Looking, Watcher};
use condition::Unmet;
pub use condition::{Pattern, PatternError, StatusError, StatusRange};
pub use dns::{DnsCheck, RecordKind, ResponseWord, Server, ServerError};
use ground::Ground;
pub use http::{HttpCheck, Method};
pub use json::{JsonCondition, JsonConditionError};
pub use ping::PingCheck;
pub use spec::{Address, AddressError, Common, Problem, Text, TlsOptions};
pub use tcp::{Hex, HexError, TcpCheck};
pub use url::{Url, UrlError};

/// Lists the kinds once: for the files, and for whoever asks them something.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($check:ty),)*) => {
        /// A check as written in a file: `- http: {name: front, url: ...}`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum CheckSpec {
            $($(#[$doc])* $kind(Box<$check>),)*
        }

        impl CheckSpec {
            fn kind(&self) -> &dyn Kind {
                match self { $(Self::$kind(check) => &**check,)* }
            }

            fn kind_mut(&mut self) -> &mut dyn Kind {
                match self { $(Self::$kind(check) => &mut **check,)* }
            }
        }
    };
}

kinds! {
    /// A port takes connections, and says what it should.
    Tcp(TcpCheck),
    /// A name resolves to what it should.
    Dns(DnsCheck),
    /// A machine answers to ICMP echo requests.
    Ping(PingCheck),
    /// A page or an API answers as it should.
    Http(HttpCheck),
}

/// A check, and whose it is.
#[derive(Clone, Debug, PartialEq)]
pub struct CheckTarget {
    /// With its secrets filled in, and without problems.
    pub spec: Arc<CheckSpec>,
    /// What all its series have in common; `check` and `kind` are added.
    pub common: Labels,
    /// Addresses for hosts (`shop.example.com`, or with a port) that are not to be looked up.
    pub pins: BTreeMap<String, SocketAddr>,
}

/// Makes one check, again and again.
#[derive(Debug)]
pub struct CheckWatch {
    target: CheckTarget,
    ground: Ground,
    columns: Columns,
}

/// A look under way: what does not hold of its answer.
type Judging<'a> = Pin<Box<dyn Future<Output = Result<Unmet, Failure>> + Send + 'a>>;

/// One kind of check.
trait Kind: Send + Sync {
    /// As it is written in files.
    fn word(&self) -> &'static str;
    fn common(&self) -> Common<'_>;
    /// Whom a look burdens.
    fn destination(&self) -> String;
    /// What is wrong with it beyond what all kinds have.
    fn problems(&self) -> Vec<Problem>;
    /// The texts that may hold secrets, by their keys; none, unless a kind says otherwise.
    fn texts(&mut self) -> Vec<(String, &mut Text)> {
        Vec::new()
    }
    /// Asks once. How far it came is kept in `trace`, what it measured in `readings`, since a
    /// deadline drops everything else.
    fn look<'a, 'c: 'a>(
        &'a self,
        ground: &'a Ground,
        trace: &'a mut Trace<'c>,
        readings: &'a mut Readings,
    ) -> Judging<'a>;
    /// What a look that did not end in time has come to.
    fn late(&self, trace: &Trace<'_>, within: Duration) -> Failure {
        trace.late(within)
    }
}

/// What one look has measured so far.
#[derive(Debug, Default)]
struct Readings {
    values: BTreeMap<Labels, f64>,
    /// What there is to tell if the look ends in silence.
    said_so_far: Option<String>,
}

impl CheckSpec {
    pub fn common(&self) -> Common<'_> {
        self.kind().common()
    }

    /// The key it is written under: `http`.
    pub fn word(&self) -> &'static str {
        self.kind().word()
    }

    /// Whom a look burdens: looks at one destination share a small budget.
    pub fn destination(&self) -> String {
        self.kind().destination()
    }

    /// Puts in what references such as `${env:NAME}` stand for; `resolve` is given each text as it
    /// was written.
    pub fn fill(
        &mut self,
        mut resolve: impl FnMut(&str) -> Result<String, String>,
    ) -> Vec<Problem> {
        let texts = self.kind_mut().texts().into_iter();
        let failed = texts.filter_map(|(field, text)| match resolve(text.written()) {
            Ok(value) => {
                text.fill(value);
                None
            }
            Err(message) => Some(Problem::error(field, message)),
        });
        failed.collect()
    }

    /// What is wrong or doubtful, to be asked once the secrets are filled in. A check with an error
    /// must not be made.
    pub fn problems(&self) -> Vec<Problem> {
        let common = self.common().problems();
        common.into_iter().chain(self.kind().problems()).collect()
    }

    fn secrets(&self) -> BTreeSet<String> {
        let mut copy = self.clone();
        let texts = copy.kind_mut().texts().into_iter();
        texts.filter_map(|(_, text)| text.secret().map(str::to_owned)).collect()
    }
}

impl CheckWatch {
    pub fn new(target: CheckTarget, prober: Prober) -> Self {
        let spec = &target.spec;
        let own = Labels::of([("check", spec.common().name.as_str()), ("kind", spec.word())]);
        let columns = Columns::new(target.common.with(&own));
        let ground = Ground::new(prober, target.pins.clone(), spec.secrets());
        Self { target, ground, columns }
    }

    pub fn target(&self) -> &CheckTarget {
        &self.target
    }

    /// Looks once, within `timeout` in all. A look that could not be made brings no row: nothing is
    /// known.
    pub async fn look(&mut self, timeout: Duration, clock: &SharedClock) -> Look {
        let (at, began) = (clock.now(), clock.elapsed());
        let (mut trace, mut readings) = (Trace::new(clock), Readings::default());
        let kind = self.target.spec.kind();
        let looking = kind.look(&self.ground, &mut trace, &mut readings);
        let ended = tokio::time::timeout(timeout, looking).await;
        let took = clock.elapsed().saturating_sub(began);
        let ended = match ended {
            Ok(ended) => ended.and_then(|unmet| self.in_time(unmet, took).into_failure()),
            Err(_) => Err(readings.add_what_was_said(kind.late(&trace, timeout))),
        };
        let answer = ended.map_or_else(|failure| self.ground.told(failure), |()| Answer::Up);
        let mut look = Look::new(at, took, answer);
        if matches!(look.answer, Answer::Up | Answer::Down { .. }) {
            readings.add("check_up", f64::from(u8::from(look.answer == Answer::Up)));
            readings.add("check_latency_seconds", took.as_secs_f64());
            readings.add_trace(&trace);
            look.rows.push(self.columns.row(at, readings.values));
        }
        look
    }

    fn in_time(&self, mut unmet: Unmet, took: Duration) -> Unmet {
        if let Some(wanted) = self.target.spec.common().latency_below {
            let took = Duration::from_millis(u64::try_from(took.as_millis()).unwrap_or(u64::MAX));
            unmet.unless(took < wanted.0, || format!("took {took:?}, want below {wanted}"));
        }
        unmet
    }
}

impl Watcher for CheckWatch {
    fn look<'a>(&'a mut self, timeout: Duration, clock: &'a SharedClock) -> Looking<'a> {
        Box::pin(self.look(timeout, clock))
    }

    fn end(&mut self, at: Time) -> Vec<Row> {
        self.columns.end(at).into_iter().collect()
    }
}

impl Readings {
    fn add(&mut self, name: &str, value: f64) {
        self.values.insert(Labels::metric(name), value);
    }

    /// The time of each phase it came through, and the certificate it met.
    fn add_trace(&mut self, trace: &Trace<'_>) {
        for (phase, took) in trace.timings.named() {
            let labels = Labels::of([(METRIC_NAME, "check_duration_seconds"), ("phase", phase)]);
            self.values.extend(took.map(|took| (labels, took.as_secs_f64())));
        }
        if let Some(certificate) = &trace.certificate {
            let days = certificate.days_left(trace.clock().now());
            self.add("check_certificate_days_left", days);
        }
    }

    fn add_what_was_said(&mut self, failure: Failure) -> Failure {
        match (failure, self.said_so_far.take()) {
            (Failure::Theirs { phase, hint }, Some(said)) => {
                Failure::Theirs { phase, hint: format!("{hint}; {said}") }
            }
            (failure, _) => failure,
        }
    }
}
