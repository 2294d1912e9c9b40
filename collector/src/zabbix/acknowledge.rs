//! Tells a Zabbix server that somebody here has taken its problems on.
//!
//! One number that does not exist any more makes the server refuse the whole call. So a call that
//! is refused is cut in two, until what is refused stands alone: all others are acknowledged, and
//! for each that is not, the reason is known.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::{Value, json};

use super::api::{Api, Deadline};
use super::error::{ApiError, chain};
use super::ids::EventId;

/// How many problems are acknowledged in one call.
const MAX_EVENTS: usize = 100;
/// Acknowledge (2) and add a message (4).
const ACTION: u32 = 2 | 4;
/// What fits in the oldest version's column, in characters.
const MAX_MESSAGE_CHARS: usize = 2000;

/// What became of each problem.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acknowledged {
    pub done: BTreeSet<EventId>,
    /// Not acknowledged, and why.
    pub refused: BTreeMap<EventId, String>,
}

#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(default)]
    eventids: Vec<EventId>,
}

/// Acknowledges problems with a message and a link to the incident here.
pub(super) async fn acknowledge(
    api: &Api,
    events: &[EventId],
    message: &str,
    link: &str,
    deadline: Deadline,
) -> Acknowledged {
    let message = message_of(message, link);
    let mut result = Acknowledged::default();
    let mut waiting: Vec<Vec<EventId>> = events.chunks(MAX_EVENTS).map(<[_]>::to_vec).collect();
    while let Some(batch) = waiting.pop() {
        match api.call::<Answer>("event.acknowledge", &params(&batch, &message), deadline).await {
            Ok(answer) => take(&mut result, &batch, answer),
            Err(error) if batch.len() > 1 && is_about_one(&error) => {
                let (left, right) = batch.split_at(batch.len() / 2);
                waiting.extend([left.to_vec(), right.to_vec()]);
            }
            Err(error) => {
                let why = chain(&error);
                let rest = batch.into_iter().map(|event| (event, why.clone()));
                result.refused.extend(rest);
            }
        }
    }
    result
}

fn params(events: &[EventId], message: &str) -> Value {
    json!({ "eventids": events, "action": ACTION, "message": message })
}

fn take(result: &mut Acknowledged, batch: &[EventId], answer: Answer) {
    result.done.extend(answer.eventids.into_iter().filter(|event| batch.contains(event)));
    let left = batch.iter().filter(|event| !result.done.contains(event)).copied();
    let why = "the server left it out without a word";
    result.refused.extend(left.map(|event| (event, why.to_owned())).collect::<Vec<_>>());
}

/// Whether the refusal may be about one of several. Zabbix says "no permissions" of what does not
/// exist, too.
fn is_about_one(error: &ApiError) -> bool {
    matches!(error, ApiError::Permission(words) if !words.contains("to call"))
        || matches!(error, ApiError::Refused { .. })
}

fn message_of(message: &str, link: &str) -> String {
    let room = MAX_MESSAGE_CHARS.saturating_sub(link.chars().count() + 1);
    let message: String = message.chars().take(room).collect();
    format!("{message}\n{link}").trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::api::read_answer;
    use super::*;

    #[test]
    fn a_recorded_answer_with_bare_numbers_is_understood() {
        let body = include_bytes!("../../tests/data/zabbix/6.0/event.acknowledge.json");
        let answer: Answer = read_answer("event.acknowledge", body).unwrap();
        let mut result = Acknowledged::default();
        take(&mut result, &[EventId(242), EventId(243)], answer);
        assert_eq!(result.done, BTreeSet::from([EventId(242)]));
        assert!(result.refused.contains_key(&EventId(243)));
    }

    #[test]
    fn a_long_message_makes_room_for_the_link() {
        let link = "https://brain.example/incidents/7";
        let message = message_of(&"长".repeat(5000), link);
        assert_eq!(message.chars().count(), MAX_MESSAGE_CHARS);
        assert!(message.ends_with(link));
        assert_eq!(message_of("seen", ""), "seen");
    }
}
