//! Why a call to a Zabbix server brought nothing, and what to do about it.
//!
//! Zabbix answers most errors with HTTP 200 and one of three codes, so the words of `data` tell
//! them apart. What matters is what follows: log in again, ask for less, wait, or call a person.

use std::error::Error;
use std::io;
use std::time::Duration;

use serde::Deserialize;

use super::loose;
use crate::blind::is_own_fault;
use crate::text::clean;

/// How much of a server's words is repeated, in characters.
const MAX_WORDS: usize = 200;

type Source = Box<dyn Error + Send + Sync>;

/// Why a call brought nothing. None of these says anything about what Zabbix watches.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// We ourselves could not look.
    #[error("this machine cannot open a connection")]
    Blind(#[source] Source),
    #[error("the Zabbix API cannot be reached")]
    Unreachable(#[source] Source),
    #[error("the Zabbix API did not answer within {0:?}")]
    TimedOut(Duration),
    #[error("the Zabbix API answers with HTTP status {0}")]
    Status(u16),
    /// Often half a page: PHP ran out of memory in the middle.
    #[error("the answer to {method} is no JSON: {start:?}")]
    NotJson { method: &'static str, start: String },
    #[error("the answer to {method} is bigger than {cap_bytes} bytes")]
    TooBig { method: &'static str, cap_bytes: usize },
    /// JSON, but not in the form that this method is known to have.
    #[error("the answer to {method} has an unknown form")]
    Shape { method: &'static str, source: serde_json::Error },
    #[error("the version {0:?} is not supported")]
    Version(String),
    /// The session or token is not valid (any more).
    #[error("not logged in: {0}")]
    Session(String),
    /// The name or password is wrong, or the account is blocked. Not tried again before `wait`
    /// is over, since each try may block it anew.
    #[error("the login is refused: {words}")]
    Login { words: String, wait: Duration },
    #[error("not permitted: {0}")]
    Permission(String),
    #[error("{method} is unknown to this server: {words}")]
    UnknownMethod { method: &'static str, words: String },
    /// The files that the server exports its events to.
    #[error("the export of events cannot be read")]
    Export(#[source] io::Error),
    #[error("{method} is refused: {words}")]
    Refused { method: &'static str, code: i64, words: String },
}

/// The member `error` of a reply.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct RpcError {
    #[serde(deserialize_with = "loose::integer")]
    pub(super) code: i64,
    #[serde(default, deserialize_with = "loose::text")]
    pub(super) message: String,
    #[serde(default, deserialize_with = "loose::text")]
    pub(super) data: String,
}

impl ApiError {
    /// Whether the same question in smaller portions may be answered.
    pub fn smaller_may_help(&self) -> bool {
        matches!(
            self,
            Self::NotJson { .. }
                | Self::TooBig { .. }
                | Self::TimedOut(_)
                | Self::Status(500 | 502 | 504)
        )
    }

    /// What a person can do about it, in one sentence.
    pub fn remedy(&self) -> &'static str {
        match self {
            Self::Blind(_) => "look at this machine: its network, its limit of open files",
            Self::Unreachable(_) => "check that the web server of Zabbix runs, and the URL",
            Self::TimedOut(_) | Self::Status(502 | 504) => {
                "look at the load of the Zabbix web server and its database"
            }
            Self::Status(404) => "the URL should end in /api_jsonrpc.php",
            Self::Status(_) => "look at the error log of the Zabbix web server",
            Self::NotJson { .. } => {
                "check the URL; if it is right, raise memory_limit of PHP on the Zabbix web server"
            }
            Self::TooBig { .. } => "this is asked for in smaller portions by itself",
            Self::Shape { .. } => "tell us the version of Zabbix: this is not known yet",
            Self::Version(_) => "Zabbix 5.0 to 7.x is needed",
            Self::Session(_) => {
                "make a new API token; a web server in between must pass the header Authorization on"
            }
            Self::Login { .. } => "correct the user and password; it is tried again by itself",
            Self::Permission(_) => "give the API user at least read access to the host groups",
            Self::UnknownMethod { .. } => "allow this API method in the role of the API user",
            Self::Export(_) => "check ExportDir of the server, and that we may read its files",
            Self::Refused { .. } => "the words of the server say why",
        }
    }

    /// Tells an error of the way there from an answer.
    pub(super) fn of_transport(error: reqwest::Error, limit: Duration) -> Self {
        if error.is_timeout() {
            return Self::TimedOut(limit);
        }
        let error = error.without_url(); // The URL may hold a password.
        let is_ours =
            causes(&error).any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_own_fault));
        if is_ours { Self::Blind(error.into()) } else { Self::Unreachable(error.into()) }
    }

    /// Tells the refusals of a server apart, which is only possible by their words.
    pub(super) fn of_reply(method: &'static str, error: &RpcError) -> Self {
        let words =
            clean(if error.data.is_empty() { &error.message } else { &error.data }, MAX_WORDS);
        let lower = words.to_lowercase();
        let has = |part: &str| lower.contains(part);
        if has("incorrect user name") || has("login name or password") || has("blocked") {
            return Self::Login { words, wait: Duration::ZERO };
        }
        if has("re-login")
            || has("not authori")
            || has("session terminated")
            || has("token expired")
        {
            return Self::Session(words);
        }
        if error.code == -32601 || has("incorrect api") || has("incorrect method") {
            return Self::UnknownMethod { method, words };
        }
        if has("no permissions") || has("do not have permission") {
            return Self::Permission(words);
        }
        Self::Refused { method, code: error.code, words }
    }

    pub(super) fn not_json(method: &'static str, body: &[u8]) -> Self {
        Self::NotJson { method, start: crate::text::clean_bytes(body, 80) }
    }
}

/// An error with all its causes, on one line, for a page.
pub fn chain(error: &(dyn Error + 'static)) -> String {
    let words: Vec<String> = causes(error).map(ToString::to_string).collect();
    clean(&words.join(": "), MAX_WORDS)
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error: &&'a (dyn Error + 'static)| error.source())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn refusals_are_told_apart_by_their_words() {
        let cases = [
            (-32602, "Session terminated, re-login, please."),
            (-32602, "Not authorized."),
            (-32602, "Not authorised."),
            (-32500, "API token expired."),
            (-32500, "Incorrect user name or password or account is temporarily blocked."),
            (-32602, "Login name or password is incorrect."),
            (-32601, "Incorrect method \"host.nosuch\"."),
            (-32602, "Incorrect API \"nosuch\"."),
            (-32500, "No permissions to referred object or it does not exist!"),
            (-32500, "No permissions to call \"event.acknowledge\"."),
            (-32500, "Cannot close problem: trigger does not allow manual closing."),
            (-32600, "Invalid parameter \"/\": unexpected parameter \"auth\"."),
        ];
        let told = cases.map(|(code, data)| {
            let error = RpcError { code, message: "m".to_owned(), data: data.to_owned() };
            let error = ApiError::of_reply("host.get", &error);
            let debug = format!("{error:?}");
            let kind = debug.split([' ', '(']).next().unwrap_or_default().to_owned();
            format!("{kind}: {data}\n")
        });
        expect![[r#"
            Session: Session terminated, re-login, please.
            Session: Not authorized.
            Session: Not authorised.
            Session: API token expired.
            Login: Incorrect user name or password or account is temporarily blocked.
            Login: Login name or password is incorrect.
            UnknownMethod: Incorrect method "host.nosuch".
            UnknownMethod: Incorrect API "nosuch".
            Permission: No permissions to referred object or it does not exist!
            Permission: No permissions to call "event.acknowledge".
            Refused: Cannot close problem: trigger does not allow manual closing.
            Refused: Invalid parameter "/": unexpected parameter "auth".
        "#]]
        .assert_eq(&told.concat());
    }

    #[test]
    fn a_hostile_message_is_cut_and_cleaned() {
        let error = RpcError {
            code: 1,
            message: "\u{1b}[2J".to_owned() + &"x".repeat(999),
            data: String::new(),
        };
        let shown = ApiError::of_reply("host.get", &error).to_string();
        assert!(shown.len() < 260 && !shown.contains('\u{1b}'), "{shown}");
    }
}
