//! One agent asked for many keys, in whichever form it understands.
//!
//! There are three. Our own agent answers all keys of one JSON request. Agents of Zabbix since 7.0
//! take the same request and answer its first key alone, so they get one connection per key.
//! Older ones, which are most, know nothing but a plain key. Nobody should have to configure
//! which, so the best form is tried first, and how the agent answers tells what it is.
//!
//! One that takes a connection per key is asked two at once: agentd answers no more than three by
//! default, and a Zabbix server may ask it, too.

use std::fmt;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::exchange::exchange;
use super::{AgentError, MAX_DETAIL_CHARS, PollError};
use crate::text::clean;

const NOT_SUPPORTED: &str = "ZBX_NOTSUPPORTED";
/// What agents before 7.0 say to a JSON request, which they take for a key.
const TOOK_JSON_FOR_A_KEY: &str = "Invalid item key format.";

/// How an agent wants to be asked, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Form {
    #[default]
    Unknown,
    /// JSON, all keys at once.
    All,
    /// JSON, one key per connection.
    Single,
    /// The key itself, one per connection.
    Plain,
}

/// An agent's answer to one key: a value, or why there is none.
pub(super) type Answer = Result<String, String>;

/// Answers by the place of their keys, as far as they came.
pub(super) type Answers = Mutex<Vec<Option<Answer>>>;

/// Fills in the answers. What was there when it breaks off stays.
pub(super) async fn ask(
    address: SocketAddr,
    form: &mut Form,
    keys: &[&str],
    timeout: Duration,
    answers: &Answers,
) -> Result<(), PollError> {
    lock(answers).resize(keys.len(), None);
    if matches!(form, Form::Unknown | Form::All) {
        let all = ask_json(address, keys, timeout).await?;
        *form = match &all {
            None => Form::Plain,
            Some(all) if all.len() == keys.len() && keys.len() == 1 => Form::Unknown,
            Some(all) if all.len() == keys.len() => Form::All,
            Some(all) if all.len() == 1 => Form::Single,
            Some(all) => {
                let (found, wanted) = (all.len(), keys.len());
                return Err(rubbish(&format_args!("{found} answers to {wanted} keys")).into());
            }
        };
        let all = all.unwrap_or_default();
        lock(answers).iter_mut().zip(all).for_each(|(place, answer)| *place = Some(answer));
    }
    let answered = lock(answers).iter().take_while(|answer| answer.is_some()).count();
    let is_plain = AtomicBool::new(*form == Form::Plain);
    let asking = Asking { address, keys, timeout, next: answered.into(), is_plain, answers };
    tokio::try_join!(asking.work(), asking.work())?;
    if *form == Form::Single && asking.is_plain.load(Relaxed) {
        *form = Form::Plain;
    }
    Ok(())
}

/// Keys that are asked for on a connection each.
struct Asking<'a> {
    address: SocketAddr,
    keys: &'a [&'a str],
    timeout: Duration,
    /// In `keys`.
    next: AtomicUsize,
    is_plain: AtomicBool,
    answers: &'a Answers,
}

impl Asking<'_> {
    async fn work(&self) -> Result<(), PollError> {
        loop {
            let at = self.next.fetch_add(1, Relaxed);
            let Some(key) = self.keys.get(at) else { return Ok(()) };
            let answer = self.ask_one(key).await?;
            lock(self.answers)[at] = Some(answer);
        }
    }

    async fn ask_one(&self, key: &str) -> Result<Answer, PollError> {
        if !self.is_plain.load(Relaxed) {
            let answers = ask_json(self.address, &[key], self.timeout).await?;
            if let Some(answer) = answers.and_then(|answers| answers.into_iter().next()) {
                return Ok(answer);
            }
            self.is_plain.store(true, Relaxed); // An older agent has taken its place.
        }
        Ok(read_plain(&exchange(self.address, key.as_bytes()).await?))
    }
}

fn lock(answers: &Answers) -> MutexGuard<'_, Vec<Option<Answer>>> {
    answers.lock().unwrap_or_else(PoisonError::into_inner)
}

#[derive(Serialize)]
struct Request<'a> {
    request: &'static str,
    data: Vec<Key<'a>>,
}

#[derive(Serialize)]
struct Key<'a> {
    key: &'a str,
    /// Seconds.
    timeout: u64,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    data: Vec<Item>,
    /// Why the request as a whole was refused.
    error: Option<String>,
}

#[derive(Deserialize)]
struct Item {
    value: Option<serde_json::Value>,
    error: Option<String>,
}

impl Item {
    fn answer(self) -> Answer {
        match self.value {
            Some(serde_json::Value::String(text)) => Ok(text),
            Some(other) => Ok(other.to_string()),
            None => Err(self.error.unwrap_or_default()),
        }
    }
}

/// None if the agent does not know that form; else at least one answer, and no more than keys.
async fn ask_json(
    address: SocketAddr,
    keys: &[&str],
    timeout: Duration,
) -> Result<Option<Vec<Answer>>, PollError> {
    // The agent must give up on a slow key before we give up on the agent.
    let timeout = timeout.as_secs().saturating_sub(1).max(1);
    let data = keys.iter().map(|key| Key { key, timeout }).collect();
    let request = Request { request: "passive checks", data };
    let request = serde_json::to_vec(&request).expect("strings and numbers become JSON");
    let reply = exchange(address, &request).await?;
    match read_plain(&reply) {
        Err(reason) if reason == TOOK_JSON_FOR_A_KEY => Ok(None),
        Err(reason) => Err(unsupported(&reason).into()),
        Ok(_) => Ok(Some(read_json(&reply, keys.len())?)),
    }
}

pub(crate) fn read_json(reply: &[u8], asked: usize) -> Result<Vec<Answer>, AgentError> {
    let reply: Reply = serde_json::from_slice(reply).map_err(|error| rubbish(&error))?;
    if let Some(reason) = reply.error {
        return Err(unsupported(&reason));
    }
    let found = reply.data.len();
    if found == 0 || found > asked {
        return Err(rubbish(&format_args!("{found} answers to {asked} keys")));
    }
    Ok(reply.data.into_iter().map(Item::answer).collect())
}

pub(crate) fn read_plain(reply: &[u8]) -> Answer {
    let text = String::from_utf8_lossy(reply);
    match text.strip_prefix(NOT_SUPPORTED) {
        Some(reason) => Err(reason.trim_matches('\0').to_owned()),
        None => Ok(text.into_owned()),
    }
}

pub(super) fn rubbish(detail: &dyn fmt::Display) -> AgentError {
    AgentError::Rubbish { detail: clean(&detail.to_string(), MAX_DETAIL_CHARS) }
}

pub(super) fn unsupported(reason: &str) -> AgentError {
    AgentError::Unsupported { detail: clean(reason, MAX_DETAIL_CHARS) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_replies_are_errors_and_no_answers() {
        for reply in
            ["", "1", "[]", "{}", r#"{"data":[]}"#, r#"{"data":[1]}"#, r#"{"data":[{},{},{}]}"#]
        {
            assert!(read_json(reply.as_bytes(), 2).is_err(), "{reply}");
        }
        let nested = format!(r#"{{"data":[{{"value":{}}}]}}"#, "[".repeat(100_000));
        assert!(read_json(nested.as_bytes(), 2).is_err());
        let mixed = br#"{"data":[{"value":null,"error":"slow"},{"value":{"a":1}}]}"#;
        let expected = vec![Err("slow".to_owned()), Ok(r#"{"a":1}"#.to_owned())];
        assert_eq!(read_json(mixed, 2).unwrap(), expected);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read_plain(&bytes);
            if let Ok(answers) = read_json(&bytes, 3) {
                prop_assert!((1..=3).contains(&answers.len()));
            }
        }

        #[test]
        fn a_changed_reply_gives_no_more_answers_than_keys(
            at in any::<prop::sample::Index>(),
            byte in any::<u8>(),
        ) {
            let mut reply = br#"{"version":"7.0.0","data":[{"value":"0.5"},{"error":"no"}]}"#.to_vec();
            let at = at.index(reply.len());
            reply[at] = byte;
            if let Ok(answers) = read_json(&reply, 2) {
                prop_assert!(answers.len() <= 2);
            }
        }
    }
}
