//! The JSON-RPC client of one Zabbix server.
//!
//! A call finds out the version first, logs in when it must, and is bounded in size and time. At
//! most two are under way, whoever asks. A session that ended is begun anew once per call; a
//! refused login closes the door for a while, since every try may block the account.
//!
//! Errors are never about what Zabbix watches: whoever gets one has not looked.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::clock::SharedClock;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::sync::{Mutex as AsyncMutex, Semaphore};
use tokio::time::timeout;

use super::dialect::{OLDEST, Version, Word};
use super::error::{ApiError, RpcError};
use super::loose::Rows;
use super::pace::{Latency, LoginGate, PageSize};
use super::secret::Secret;
use super::transport::{SettingsError, Transport};

/// How many calls may be under way at once.
const MAX_CALLS: usize = 2;
/// JSON-RPC: the request is not one. What Zabbix 7.2 says of a token in the body.
const INVALID_REQUEST: i64 = -32600;

/// Where a Zabbix server is, and who we are there.
#[derive(Clone, Debug)]
pub struct Access {
    /// Ends in `/api_jsonrpc.php`.
    pub url: String,
    pub login: Login,
    /// The certificates of an authority that the machine does not trust by itself, as PEM.
    pub authority: Option<Vec<u8>>,
    /// For a single call; what is done in several calls has a limit of its own beside it.
    pub call_timeout: Duration,
}

/// Who we are.
#[derive(Clone, Debug)]
pub enum Login {
    /// An API token, from 5.4 on.
    Token(Secret),
    Password {
        user: String,
        password: Secret,
    },
}

/// The client of one Zabbix server.
#[derive(Debug)]
pub struct Api {
    transport: Transport,
    login: Login,
    call_timeout: Duration,
    clock: SharedClock,
    permits: Semaphore,
    session: AsyncMutex<Session>,
    gauges: Mutex<Gauges>,
}

/// When something that takes several calls must be done.
#[derive(Clone, Copy, Debug)]
pub struct Deadline {
    end: Duration,
}

/// What the client knows of itself.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    pub version: Option<Version>,
    pub calls: u64,
    pub failed_calls: u64,
    pub latency: Latency,
    pages: BTreeMap<&'static str, PageSize>,
}

#[derive(Debug, Default)]
struct Session {
    version: Option<Version>,
    token: Option<Secret>,
    gate: LoginGate,
}

impl Api {
    pub fn new(access: Access, clock: SharedClock) -> Result<Self, SettingsError> {
        Ok(Self {
            transport: Transport::new(&access.url, access.authority.as_deref())?,
            login: access.login,
            call_timeout: access.call_timeout,
            clock,
            permits: Semaphore::new(MAX_CALLS),
            session: AsyncMutex::default(),
            gauges: Mutex::default(),
        })
    }

    pub fn within(&self, limit: Duration) -> Deadline {
        Deadline { end: self.clock.elapsed() + limit }
    }

    pub fn gauges(&self) -> Gauges {
        self.lock().clone()
    }

    /// The version of the server; asked once, and again after it refused our way of asking.
    pub async fn version(&self, deadline: Deadline) -> Result<Version, ApiError> {
        let mut session = self.session.lock().await;
        self.version_of(&mut session, deadline).await
    }

    /// Calls a method that answers with rows.
    pub(super) async fn rows<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &Value,
        deadline: Deadline,
    ) -> Result<Rows<T>, ApiError> {
        self.call(method, params, deadline).await
    }

    /// Asks for as many rows (or ids) at once as the server stands, `most` at best: `params` is
    /// made for that number. Returns the number beside the rows.
    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        method: &'static str,
        most: usize,
        deadline: Deadline,
        params: impl Fn(usize) -> Value,
    ) -> Result<(Rows<T>, usize), ApiError> {
        loop {
            let size = self.page_size(method, most).rows();
            match self.rows(method, &params(size), deadline).await {
                Ok(rows) => {
                    self.page_size_mut(method, most, PageSize::worked);
                    return Ok((rows, size));
                }
                Err(error) if error.smaller_may_help() && self.time_left(deadline).is_some() => {
                    if !self.page_size_mut(method, most, PageSize::was_too_much) {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Asks for what belongs to many ids, in portions.
    pub(super) async fn by_ids<T: DeserializeOwned, I>(
        &self,
        method: &'static str,
        ids: &[I],
        most: usize,
        deadline: Deadline,
        params: impl Fn(&[I]) -> Value,
    ) -> Result<Rows<T>, ApiError> {
        let mut all = Rows { good: Vec::new(), bad: 0 };
        let mut rest = ids;
        while !rest.is_empty() {
            let portion = |size: usize| &rest[..size.min(rest.len())];
            let page = self.page(method, most, deadline, |size| params(portion(size))).await;
            let (rows, size) = page?;
            all.good.extend(rows.good);
            all.bad += rows.bad;
            rest = &rest[size.min(rest.len())..];
        }
        Ok(all)
    }

    /// Calls a method, logged in.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &Value,
        deadline: Deadline,
    ) -> Result<T, ApiError> {
        let (version, token) = self.admitted(deadline).await?;
        match self.send(method, params, version, Some(&token), deadline).await {
            Err(ApiError::Session(_)) if matches!(self.login, Login::Password { .. }) => {
                self.forget(&token).await;
            }
            Err(ApiError::Refused { code: INVALID_REQUEST, .. }) => {
                // The server may have been upgraded under us, and now wants the token elsewhere.
                self.session.lock().await.version = None;
            }
            answered => return answered,
        }
        let (version, token) = self.admitted(deadline).await?;
        self.send(method, params, version, Some(&token), deadline).await
    }

    /// The version and a token to call with. Only one caller at a time logs in.
    async fn admitted(&self, deadline: Deadline) -> Result<(Version, Secret), ApiError> {
        let mut session = self.session.lock().await;
        let version = self.version_of(&mut session, deadline).await?;
        let (user, password) = match (&self.login, &session.token) {
            (Login::Token(token), _) | (_, Some(token)) => return Ok((version, token.clone())),
            (Login::Password { user, password }, None) => (user, password),
        };
        if let Some((wait, words)) = session.gate.closed(self.clock.elapsed()) {
            return Err(ApiError::Login { words: words.to_owned(), wait });
        }
        let params = json!({ version.name(Word::LoginName): user, "password": password.reveal() });
        match self.send::<String>("user.login", &params, version, None, deadline).await {
            Ok(token) => {
                session.gate.opened();
                let token = Secret::new(token);
                session.token = Some(token.clone());
                Ok((version, token))
            }
            Err(ApiError::Login { words, .. }) => {
                let wait = session.gate.refused(self.clock.elapsed(), &words);
                Err(ApiError::Login { words, wait })
            }
            Err(error) => Err(error),
        }
    }

    async fn version_of(
        &self,
        session: &mut Session,
        deadline: Deadline,
    ) -> Result<Version, ApiError> {
        if let Some(version) = session.version {
            return Ok(version);
        }
        // With a token this very method is refused. The oldest way of asking is right for all.
        let method = "apiinfo.version";
        let told: String = self.send(method, &json!([]), OLDEST, None, deadline).await?;
        let unknown = || ApiError::Version(crate::text::clean(&told, 40));
        let version: Version = told.parse().map_err(|_| unknown())?;
        if version < OLDEST {
            return Err(unknown());
        }
        session.version = Some(version);
        self.lock().version = Some(version);
        Ok(version)
    }

    /// A token that was refused is not used again; another caller may have a new one already.
    async fn forget(&self, refused: &Secret) {
        let mut session = self.session.lock().await;
        if session.token.as_ref() == Some(refused) {
            session.token = None;
        }
    }

    async fn send<T: DeserializeOwned>(
        &self,
        method: &'static str,
        params: &Value,
        version: Version,
        token: Option<&Secret>,
        deadline: Deadline,
    ) -> Result<T, ApiError> {
        let mut request = json!({"jsonrpc": "2.0", "method": method, "params": params, "id": 1});
        let bearer = token.filter(|_| version.token_in_header());
        if let Some(token) = token.filter(|_| bearer.is_none()) {
            request["auth"] = Value::from(token.reveal());
        }
        let limit = self.time_left(deadline).ok_or(ApiError::TimedOut(Duration::ZERO))?;
        let answered = timeout(limit, self.post(method, request.to_string(), bearer)).await;
        let answer = answered.unwrap_or(Err(ApiError::TimedOut(limit)));
        let read = answer.and_then(|body| read_answer(method, &body));
        self.lock().failed_calls += u64::from(read.is_err());
        read
    }

    async fn post(
        &self,
        method: &'static str,
        body: String,
        bearer: Option<&Secret>,
    ) -> Result<Vec<u8>, ApiError> {
        let _permit = self.permits.acquire().await.expect("the semaphore is never closed");
        let began = Began { api: self, at: self.clock.elapsed() };
        let answer = self.transport.post(method, body.into_bytes(), bearer).await;
        drop(began);
        answer
    }

    /// For one call; None if there is none left.
    fn time_left(&self, deadline: Deadline) -> Option<Duration> {
        let left = deadline.end.saturating_sub(self.clock.elapsed()).min(self.call_timeout);
        (!left.is_zero()).then_some(left)
    }

    fn page_size(&self, method: &'static str, most: usize) -> PageSize {
        *self.lock().pages.entry(method).or_insert_with(|| PageSize::new(most))
    }

    fn page_size_mut<R>(
        &self,
        method: &'static str,
        most: usize,
        change: impl FnOnce(&mut PageSize) -> R,
    ) -> R {
        change(self.lock().pages.entry(method).or_insert_with(|| PageSize::new(most)))
    }

    fn lock(&self) -> MutexGuard<'_, Gauges> {
        self.gauges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Notes how long a call took, also one that was given up: those tell most.
struct Began<'a> {
    api: &'a Api,
    at: Duration,
}

impl Drop for Began<'_> {
    fn drop(&mut self) {
        let took = self.api.clock.elapsed().saturating_sub(self.at);
        let mut gauges = self.api.lock();
        gauges.calls += 1;
        gauges.latency.note(took);
    }
}

/// Reads an answer of the API.
pub(crate) fn read_answer<T: DeserializeOwned>(
    method: &'static str,
    body: &[u8],
) -> Result<T, ApiError> {
    #[derive(Deserialize)]
    #[serde(bound = "T: DeserializeOwned")]
    struct Answer<T> {
        #[serde(default = "none")]
        result: Option<T>,
        error: Option<RpcError>,
    }
    fn none<T>() -> Option<T> {
        None
    }
    let answer: Answer<T> = serde_json::from_slice(body).map_err(|source| {
        if source.is_data() {
            ApiError::Shape { method, source }
        } else {
            ApiError::not_json(method, body)
        }
    })?;
    match answer {
        Answer { error: Some(error), .. } => Err(ApiError::of_reply(method, &error)),
        Answer { result: Some(result), .. } => Ok(result),
        Answer { .. } => Err(ApiError::not_json(method, body)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &[u8]) -> String {
        match read_answer::<Rows<Value>>("host.get", body) {
            Ok(rows) => format!("{} rows", rows.good.len()),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn odd_answers_are_named() {
        let cases: &[(&str, &str)] = &[
            (r#"{"jsonrpc":"2.0","result":[],"id":1}"#, "0 rows"),
            (r#"{"jsonrpc":"2.0","result":[{"a":1},5],"id":1}"#, "2 rows"),
            ("", "is no JSON: \"\""),
            ("<html>Allowed memory size of 134217728 bytes exhausted", "is no JSON"),
            (r#"{"jsonrpc":"2.0","result":[{"ev"#, "is no JSON"),
            ("<br />\n<b>Warning</b>{\"result\":[]}", "is no JSON"),
            (r#"{"jsonrpc":"2.0","id":1}"#, "is no JSON"),
            ("[]", "has an unknown form"),
            ("\"x\"", "has an unknown form"),
            (r#"{"result":"25"}"#, "has an unknown form"),
            (r#"{"result":{"a":1}}"#, "has an unknown form"),
            (r#"{"error":{"code":"-32602","data":"Not authorized."}}"#, "not logged in"),
            (r#"{"error":"no"}"#, "has an unknown form"),
            (r#"{"error":{"code":-1,"message":"m"},"result":[]}"#, "host.get is refused: m"),
        ];
        for (body, expected) in cases {
            let told = read(body.as_bytes());
            assert!(told.contains(expected), "{body}: {told}");
        }
        let deep = format!("{{\"result\":{}", "[".repeat(100_000));
        assert!(read(deep.as_bytes()).contains("is no JSON"), "depth is bounded");
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_are_answered(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            read(&bytes);
        }

        #[test]
        fn a_damaged_answer_is_answered(at in 0usize..400, byte in any::<u8>(), cut in 0usize..400) {
            let mut body = include_bytes!("../../tests/data/zabbix/6.0/host.get.json").to_vec();
            let at = at % body.len();
            body[at] = byte;
            read(&body);
            body.truncate(cut % body.len());
            read(&body);
        }
    }
}
