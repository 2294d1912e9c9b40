//! The way to people, played: a channel that is shut is tried again, and what waits is overtaken by
//! newer words on the same incident.

use std::collections::{BTreeMap, BTreeSet};

use alerter::deliver::{self, Fate, Progress, Undelivered};
use alerter::message::Message;
use model::id::{IncidentId, PersonId};
use model::time::Time;

/// What waits for whom, and for whom the way is shut.
#[derive(Debug, Default)]
pub(super) struct Post {
    shut: BTreeSet<PersonId>,
    waiting: BTreeMap<(PersonId, IncidentId), Waiting>,
}

#[derive(Debug)]
struct Waiting {
    message: Message,
    attempts: u32,
    next_at: Time,
}

impl Post {
    pub(super) fn set(&mut self, to: PersonId, is_up: bool) {
        if is_up {
            self.shut.remove(&to);
        } else {
            self.shut.insert(to);
        }
    }

    /// Takes a message up. It is due at once, or when what it overtakes was to be tried again.
    pub(super) fn take_up(&mut self, message: Message, now: Time) {
        let key = (message.to.clone(), message.incident.clone());
        let (message, attempts, next_at) = match self.waiting.remove(&key) {
            None => (Some(message), 0, now),
            // A channel that is shut says so: what it refused has not arrived.
            Some(older) => {
                let words = [&older.message, &message];
                let words =
                    words.map(|word| Undelivered { kind: word.kind, progress: Progress::Waits });
                let message = match deliver::overtake(&words, false).pop() {
                    Some(Fate::Stays(kind)) => Some(Message { kind, ..message }),
                    Some(Fate::Overtaken | Fate::Needless) | None => None,
                };
                (message, older.attempts, older.next_at)
            }
        };
        if let Some(message) = message {
            self.waiting.insert(key, Waiting { message, attempts, next_at });
        }
    }

    pub(super) fn next_at(&self) -> Option<Time> {
        self.waiting.values().map(|waiting| waiting.next_at).min()
    }

    /// Tries what is due, each as `renew` words it after a first failure. Returns what arrived.
    pub(super) fn try_due(
        &mut self,
        now: Time,
        mut renew: impl FnMut(&Message) -> Option<Message>,
    ) -> Vec<Message> {
        let mut arrived = Vec::new();
        for (key, mut waiting) in std::mem::take(&mut self.waiting) {
            if waiting.next_at > now {
                self.waiting.insert(key, waiting);
            } else if self.shut.contains(&key.0) {
                waiting.attempts += 1;
                waiting.next_at = now + deliver::pause(waiting.attempts);
                self.waiting.insert(key, waiting);
            } else {
                let renewed = if waiting.attempts == 0 { None } else { renew(&waiting.message) };
                arrived.push(Message { at: now, ..renewed.unwrap_or(waiting.message) });
            }
        }
        arrived
    }
}
