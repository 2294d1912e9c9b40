//! What the outbox wants to find again beside the messages themselves.
//!
//! It is written as one text whenever it has changed, so it stays small: threads are bounded, and
//! the rest is as long as what is wrong or under way.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::health::Health;
use super::lane::Matter;

/// Threads that are remembered; the oldest make way.
const MAX_THREADS: usize = 4096;

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Kept {
    pub(super) health: Health,
    /// Oldest first.
    threads: Vec<Thread>,
    /// Keys of messages that were handed to a channel, of which no clear answer has come.
    pub(super) perhaps: BTreeSet<String>,
    /// Whose problem every channel has refused: a later word is the first, an end is of no use.
    pub(super) untold: BTreeSet<Matter>,
}

/// What a channel wants back with the next message of an incident.
#[derive(Debug, Serialize, Deserialize)]
struct Thread {
    channel: String,
    matter: Matter,
    id: String,
}

impl Kept {
    pub(super) fn thread(&self, channel: &str, matter: &Matter) -> Option<&str> {
        let found = self.threads.iter().find(|t| t.channel == channel && t.matter == *matter);
        found.map(|thread| thread.id.as_str())
    }

    /// The first thread of a matter holds until its end is told.
    pub(super) fn note_thread(
        &mut self,
        channel: &str,
        matter: &Matter,
        is_end: bool,
        id: Option<&str>,
    ) {
        if is_end {
            self.threads.retain(|thread| thread.matter != *matter);
            return;
        }
        let Some(id) = id.filter(|_| self.thread(channel, matter).is_none()) else { return };
        let (channel, matter) = (channel.to_owned(), matter.clone());
        self.threads.push(Thread { channel, matter, id: id.to_owned() });
        let surplus = self.threads.len().saturating_sub(MAX_THREADS);
        self.threads.drain(..surplus);
    }
}
