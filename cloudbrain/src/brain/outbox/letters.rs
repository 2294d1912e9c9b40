//! The messages that wait, and which of them is still worth telling.
//!
//! Of one matter (one incident, one person) only the newest word is told; what becomes of the others,
//! and what it then is to the person, [`alerter::deliver::overtake`] decides.

use std::collections::{BTreeMap, BTreeSet};

use alerter::deliver::{Fate, Progress, Undelivered, overtake};
use alerter::message::{Message, MessageKind};
use model::time::Time;
use store::OutgoingRow;

use super::lane::{Letter, Matter};

/// Why a message is not sent.
const NEWER_WORD: &str = "a newer word says all it would have said";
const NOTHING_TO_END: &str = "the problem was over before it could be told";

/// One message that is not delivered yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) row: OutgoingRow,
    pub(super) message: Message,
    pub(super) is_under_way: bool,
    /// It was handed to a channel once, and nobody knows whether it arrived.
    pub(super) is_unclear: bool,
    /// How often the present channel has tried.
    pub(super) tries: u32,
    /// The channels that will never take it.
    pub(super) refused: BTreeSet<String>,
}

/// All of them, by key and by matter.
#[derive(Debug, Default)]
pub(super) struct Letters {
    waiting: BTreeMap<String, Waiting>,
    /// Keys, oldest first.
    matters: BTreeMap<Matter, Vec<String>>,
}

impl Waiting {
    pub(super) fn new(row: OutgoingRow, message: Message) -> Self {
        let refused = BTreeSet::new();
        Self { row, message, is_under_way: false, is_unclear: false, tries: 0, refused }
    }

    pub(super) fn matter(&self) -> Matter {
        (self.row.to.clone(), self.row.incident.clone())
    }

    pub(super) fn is_end(&self) -> bool {
        self.message.kind == MessageKind::Resolved
    }

    /// On another channel, not before `at`.
    pub(super) fn go_by(&mut self, way: String, at: Time) {
        self.row.channel = way;
        self.row.next_at = at;
        self.tries = 0;
    }

    fn undelivered(&self) -> Undelivered {
        let progress = match (self.is_under_way, self.is_unclear) {
            (true, _) => Progress::UnderWay,
            (false, true) => Progress::Unclear,
            (false, false) => Progress::Waits,
        };
        Undelivered { kind: self.message.kind, progress }
    }

    pub(super) fn is_surely_untold_problem(&self) -> bool {
        self.message.kind == MessageKind::Problem && !self.is_unclear
    }

    /// What it is to the person may change while it waits.
    fn become_a(&mut self, kind: MessageKind) {
        if self.message.kind != kind {
            self.message.kind = kind;
            self.row.kind = format!("{kind:?}").to_lowercase();
            self.write_down();
        }
    }

    /// The same word, as it would be said now.
    pub(super) fn reword(&mut self, message: Message) {
        self.message = message;
        self.write_down();
    }

    fn write_down(&mut self) {
        self.row.body = serde_json::to_string(&self.message).unwrap_or_default();
    }
}

impl Letters {
    /// As the newest of its matter, unless it was created before others.
    pub(super) fn insert(&mut self, waiting: Waiting) {
        let keys = self.matters.entry(waiting.matter()).or_default();
        let created = |key: &String| self.waiting.get(key).map(|other| other.row.created);
        let newer = keys.iter().position(|key| created(key) > Some(waiting.row.created));
        keys.insert(newer.unwrap_or(keys.len()), waiting.row.key.clone());
        self.waiting.insert(waiting.row.key.clone(), waiting);
    }

    pub(super) fn remove(&mut self, key: &str) -> Option<Waiting> {
        let waiting = self.waiting.remove(key)?;
        let matter = waiting.matter();
        if let Some(keys) = self.matters.get_mut(&matter) {
            keys.retain(|other| other != key);
            if keys.is_empty() {
                self.matters.remove(&matter);
            }
        }
        Some(waiting)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Waiting> {
        self.waiting.values()
    }

    pub(super) fn all_mut(&mut self) -> impl Iterator<Item = &mut Waiting> {
        self.waiting.values_mut()
    }

    /// Oldest first.
    pub(super) fn of(&self, matter: &Matter) -> impl Iterator<Item = &Waiting> {
        let keys = self.matters.get(matter).into_iter().flatten();
        keys.filter_map(|key| self.waiting.get(key))
    }

    /// Takes out what need not be told any more, with the reason. `is_untold`: the problem was
    /// refused by all channels.
    pub(super) fn overtaken(
        &mut self,
        matter: &Matter,
        is_untold: bool,
    ) -> Vec<(Waiting, &'static str)> {
        let keys = self.matters.get(matter).cloned().unwrap_or_default();
        let words: Vec<Undelivered> = self.of(matter).map(Waiting::undelivered).collect();
        let mut gone = Vec::new();
        for (key, fate) in keys.iter().zip(overtake(&words, is_untold)) {
            match fate {
                Fate::Stays(kind) => {
                    self.waiting.get_mut(key).into_iter().for_each(|waiting| waiting.become_a(kind))
                }
                Fate::Overtaken => gone.extend(self.remove(key).map(|w| (w, NEWER_WORD))),
                Fate::Needless => gone.extend(self.remove(key).map(|w| (w, NOTHING_TO_END))),
            }
        }
        gone
    }

    /// What is due now, by channel, in the order in which it came.
    pub(super) fn due(&self, now: Time) -> BTreeMap<String, Vec<Letter>> {
        let due = self.waiting.values().filter(|w| !w.is_under_way && w.row.next_at <= now);
        let mut due: Vec<&Waiting> = due.collect();
        due.sort_by(|a, b| (a.row.created, &a.row.key).cmp(&(b.row.created, &b.row.key)));
        let mut by_channel: BTreeMap<String, Vec<Letter>> = BTreeMap::new();
        for waiting in due {
            let letter = Letter { key: waiting.row.key.clone(), matter: waiting.matter() };
            by_channel.entry(waiting.row.channel.clone()).or_default().push(letter);
        }
        by_channel
    }

    /// Marks them as handed out, and gives what is to be sent.
    pub(super) fn begin(
        &mut self,
        keys: &[String],
        changed: &mut Vec<OutgoingRow>,
    ) -> Vec<Message> {
        let mut messages = Vec::new();
        for key in keys {
            let Some(waiting) = self.waiting.get_mut(key) else { continue };
            waiting.is_under_way = true;
            waiting.row.attempts += 1;
            changed.push(waiting.row.clone());
            messages.push(waiting.message.clone());
        }
        messages
    }
}
