//! Speaks to the services of one cloud under one application credential.
//!
//! A token is renewed at four fifths of its life, and the old one stays in use if no new one is to be
//! had: services remember for minutes that it was good, also while Keystone is down. Expired, revoked
//! and nonsense tokens all get the same 401; then a new one is fetched once, and the question put once
//! more.
//!
//! "Too many requests" says when to come again; until then nothing is asked.
//!
//! Invariant: a question that was answered with 401 or 429 was not carried out, and only such a one is
//! put again here, but for reads.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use hyper::Method;
use model::clock::SharedClock;
use scaler::hands::HandError;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Mutex;
use tokio::time::sleep;

use super::answer::Answer;
use super::{Interface, OpenstackSettings};
use crate::channel::text::clean;
use crate::http::{Carrier, Endpoint, Failure, Question, Reply};
use crate::provider::Ground;

/// How long a read may take.
pub(super) const READ_PATIENCE: Duration = Duration::from_secs(20);
/// The microversions we speak; see [`super`].
const COMPUTE_VERSION: &str = "compute 2.53";
/// Placement's `limit` came with 1.16 (Queens, 2018).
const PLACEMENT_VERSION: &str = "placement 1.16";
/// A list of a thousand servers has about three megabytes.
const MAX_ANSWER_BYTES: usize = 16 << 20;
/// What a token lives that does not say so, or says so in words we do not understand.
const SHORT_LIFE: Duration = Duration::from_secs(600);
/// A service that does not say when to come again.
const USUAL_PAUSE: Duration = Duration::from_secs(2);
/// The longest pause that is waited for inside of one call.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How often a question is put again after a pause.
const TRIES: u32 = 4;
const MAX_DETAIL: usize = 240;

/// Who is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Service {
    Compute,
    Placement,
}

impl Service {
    /// As the catalog calls it.
    fn kind(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Placement => "placement",
        }
    }

    fn version(self) -> &'static str {
        match self {
            Self::Compute => COMPUTE_VERSION,
            Self::Placement => PLACEMENT_VERSION,
        }
    }
}

/// One credential, and the token it got last.
pub(super) struct Session {
    login: (String, String),
    tokens: Endpoint,
    region: Option<String>,
    interface: &'static str,
    carrier: Carrier,
    clock: SharedClock,
    token: Mutex<Option<Arc<Token>>>,
    /// Until then nothing is asked, by the cloud's own wish.
    quiet_until: Mutex<Duration>,
}

struct Token {
    secret: String,
    renew_at: Duration,
    dies_at: Duration,
    services: BTreeMap<Service, Endpoint>,
}

impl Session {
    /// None if the address of Keystone is none.
    pub(super) fn new(
        settings: &OpenstackSettings,
        login: (String, String),
        ground: &Ground,
    ) -> Option<Self> {
        let tokens = Endpoint::parse(&settings.auth_url)?.below("/auth/tokens")?;
        Some(Self {
            login,
            tokens,
            region: settings.region.clone(),
            interface: match settings.interface {
                Interface::Public => "public",
                Interface::Internal => "internal",
                Interface::Admin => "admin",
            },
            carrier: Carrier::new(ground.trust.config.clone(), MAX_ANSWER_BYTES),
            clock: ground.clock.clone(),
            token: Mutex::default(),
            quiet_until: Mutex::default(),
        })
    }

    /// Reads, and tries again where that is harmless.
    pub(super) async fn get(&self, service: Service, path: &str) -> Result<Answer, HandError> {
        self.call(service, Method::GET, path, "", READ_PATIENCE).await
    }

    /// Puts one question. An answer of whatever status is an answer.
    pub(super) async fn call(
        &self,
        service: Service,
        method: Method,
        path: &str,
        body: &str,
        patience: Duration,
    ) -> Result<Answer, HandError> {
        let mut refused = None;
        for _ in 0..TRIES {
            self.keep_quiet().await?;
            let token = self.token(refused.as_deref()).await?;
            let question = self.question(&token, service, &method, path, body)?;
            let reply = self.carrier.ask(&question, patience).await.map_err(said)?;
            match reply.status {
                401 if refused.is_none() => refused = Some(token.secret.clone()),
                429 | 413 if reply.pause_asked().is_some() || reply.status == 429 => {
                    self.hush(&reply).await;
                }
                _ => return Ok(Answer::of(reply)),
            }
        }
        Err(HandError::Failed("the cloud asks us to come later, again and again".to_owned()))
    }

    fn question(
        &self,
        token: &Token,
        service: Service,
        method: &Method,
        path: &str,
        body: &str,
    ) -> Result<Question, HandError> {
        let kind = service.kind();
        let no_such =
            || HandError::Failed(format!("the catalog of the cloud has no {kind} service"));
        let to = token.services.get(&service).and_then(|base| base.below(path));
        Ok(Question {
            to: to.ok_or_else(no_such)?,
            method: method.clone(),
            headers: vec![
                ("x-auth-token", token.secret.clone()),
                ("openstack-api-version", service.version().to_owned()),
                ("accept", "application/json".to_owned()),
            ],
            body: body.to_owned(),
        })
    }

    /// Waits as long as the cloud asked us to, or says that it is too long.
    async fn keep_quiet(&self) -> Result<(), HandError> {
        let wait = self.quiet_until.lock().await.saturating_sub(self.clock.elapsed());
        if wait > LONGEST_WAIT {
            let seconds = wait.as_secs();
            let why =
                format!("too many requests: the cloud wants to be asked in {seconds} s again");
            return Err(HandError::Failed(why));
        }
        if !wait.is_zero() {
            sleep(wait).await;
        }
        Ok(())
    }

    async fn hush(&self, reply: &Reply) {
        let pause = reply.pause_asked().unwrap_or(USUAL_PAUSE);
        let until = self.clock.elapsed() + pause;
        let mut quiet_until = self.quiet_until.lock().await;
        *quiet_until = until.max(*quiet_until);
    }

    /// The token in use, or a new one if that is due or it was `refused`.
    async fn token(&self, refused: Option<&str>) -> Result<Arc<Token>, HandError> {
        let mut kept = self.token.lock().await;
        let now = self.clock.elapsed();
        let usable = kept.as_ref().filter(|token| Some(token.secret.as_str()) != refused).cloned();
        if let Some(token) = usable.as_ref().filter(|token| now < token.renew_at) {
            return Ok(token.clone());
        }
        match self.log_in().await {
            Ok(token) => {
                let token = Arc::new(token);
                *kept = Some(token.clone());
                Ok(token)
            }
            Err(error) => match usable.filter(|token| now < token.dies_at) {
                Some(token) => {
                    tracing::warn!(%error, "no new token from Keystone; the old one is used on");
                    Ok(token)
                }
                None => Err(error),
            },
        }
    }

    async fn log_in(&self) -> Result<Token, HandError> {
        let (id, secret) = &self.login;
        let credential = json!({"id": id, "secret": secret});
        let identity =
            json!({"methods": ["application_credential"], "application_credential": credential});
        let question = Question {
            to: self.tokens.clone(),
            method: Method::POST,
            headers: vec![("accept", "application/json".to_owned())],
            body: json!({"auth": {"identity": identity}}).to_string(),
        };
        let began = self.clock.elapsed();
        let reply = self.carrier.ask(&question, READ_PATIENCE).await;
        // Whether a token was made and got lost matters to nobody.
        let reply = reply.map_err(|failure| HandError::Failed(words_of(failure)))?;
        let secret = reply.headers.get("x-subject-token").and_then(|token| token.to_str().ok());
        let secret = secret.map(str::to_owned);
        let status = reply.status;
        let answer = Answer::of(reply);
        if matches!(status, 401 | 404) {
            let why = "Keystone does not take the application credential: its id or secret is wrong, \
                       or it was deleted or has expired";
            return Err(HandError::Failed(why.to_owned()));
        }
        let body: TokenBody = answer.read("Keystone")?;
        let secret = secret.ok_or_else(|| HandError::Failed("Keystone: no token".to_owned()))?;
        let life = body.token.life();
        Ok(Token {
            secret,
            renew_at: began + life * 4 / 5,
            dies_at: began + life,
            services: self.services(&body.token),
        })
    }

    fn services(&self, token: &TokenFields) -> BTreeMap<Service, Endpoint> {
        let of = |service: Service| {
            let listed = token.catalog.iter().find(|listed| listed.kind == service.kind())?;
            let endpoint = listed.endpoints.iter().find(|endpoint| {
                let region = self.region.as_ref();
                let is_ours = region.is_none_or(|region| endpoint.region.as_ref() == Some(region));
                endpoint.interface == self.interface && is_ours
            })?;
            Some((service, Endpoint::parse(&endpoint.url)?))
        };
        [Service::Compute, Service::Placement].into_iter().filter_map(of).collect()
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({:?})", self.tokens)
    }
}

fn words_of(failure: Failure) -> String {
    match failure {
        Failure::Unsent(words) | Failure::Unclear(words) => clean(&words, MAX_DETAIL),
    }
}

fn said(failure: Failure) -> HandError {
    match failure {
        Failure::Unsent(_) => HandError::Failed(words_of(failure)),
        Failure::Unclear(_) => HandError::Unclear(words_of(failure)),
    }
}

#[derive(Deserialize)]
struct TokenBody {
    token: TokenFields,
}

#[derive(Deserialize)]
struct TokenFields {
    #[serde(default)]
    issued_at: String,
    #[serde(default)]
    expires_at: String,
    #[serde(default)]
    catalog: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<ListedEndpoint>,
}

#[derive(Deserialize)]
struct ListedEndpoint {
    #[serde(default)]
    interface: String,
    region: Option<String>,
    url: String,
}

impl TokenFields {
    /// From its two stamps, so that our clock need not agree with theirs.
    fn life(&self) -> Duration {
        let life = seconds(&self.expires_at).zip(seconds(&self.issued_at));
        let life = life.and_then(|(end, begin)| u64::try_from(end - begin).ok());
        life.filter(|life| *life > 0).map_or(SHORT_LIFE, Duration::from_secs)
    }
}

/// Seconds of a stamp like `2026-11-21T02:42:46.000000Z`, from some fixed moment on.
fn seconds(stamp: &str) -> Option<i64> {
    let number = |range: std::ops::Range<usize>| stamp.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    Some((days(year, month, day) * 24 + hour) * 3600 + minute * 60 + second)
}

/// Days of the Gregorian calendar; a year is counted from its March, so that its odd day is the last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * year + year / 4 - year / 100 + year / 400 + (153 * month + 2) / 5 + day
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(issued_at: &str, expires_at: &str) -> u64 {
        let (issued_at, expires_at) = (issued_at.to_owned(), expires_at.to_owned());
        TokenFields { issued_at, expires_at, catalog: Vec::new() }.life().as_secs()
    }

    #[test]
    fn a_token_lives_from_one_stamp_to_the_other() {
        assert_eq!(life("2026-11-21T02:42:46.000000Z", "2026-11-21T03:42:46.000000Z"), 3600);
        assert_eq!(life("2026-12-31T23:59:00Z", "2027-01-01T00:01:00Z"), 120);
        assert_eq!(life("2028-02-28T12:00:00Z", "2028-03-01T12:00:00Z"), 2 * 86_400);
    }

    #[test]
    fn a_token_that_does_not_say_how_long_it_lives_is_renewed_soon() {
        for (issued, expires) in
            [("", ""), ("x", "2026"), ("2026-11-21T03:00:00Z", "2026-11-21T02:00:00Z")]
        {
            assert_eq!(life(issued, expires), SHORT_LIFE.as_secs(), "{issued} {expires}");
        }
    }
}
