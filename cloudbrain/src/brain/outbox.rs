//! Messages on their way: stored with the incident they belong to, tried until delivered.
//!
//! What goes out is written down in the same transaction as what it tells of, and so is that it is
//! about to be handed to a channel. So a brain that was killed in between knows which messages may
//! have arrived: a channel that knows repeats gets them once more, on any other the next way to the
//! person is taken, and where there is none they are given up, visibly.
//!
//! Of one incident, only the newest word is of use to a person. What is not under way when a newer
//! one comes is overtaken by it; if the problem itself was never told, the newer word takes its
//! place, and an end is then not told at all.
//!
//! Who goes next on a channel is decided by [`lane`], which channels lead to a person by [`ways`],
//! whether one has failed by [`health`]. No time is read here and nothing is sent before the record
//! of it is durable: [`Outbox::take_up`] gives the rows, [`Outbox::send`] comes after.
//!
//! Invariant: every message ends as delivered, overtaken or refused, once.

mod health;
mod kept;
mod lane;
mod letters;
#[cfg(test)]
mod stories;
mod ways;

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::deliver::pause;
use alerter::hands::{Channel, ChannelError, Parcel, Receipt};
use alerter::message::Message;
use model::id::PersonId;
use model::signal::Signal;
use model::time::Time;
use store::{Change, OutgoingRow, OutgoingStatus};
use tokio::sync::mpsc;

use crate::config::Config;

use super::Input;
use super::hands::Hands;
use kept::Kept;
use lane::{Lane, Matter};
use letters::{Letters, Waiting};
use ways::{address, ways_for, ways_of_reports};

/// How long a channel may fail before the next way to somebody is taken who is in no file.
const PATIENCE: Duration = Duration::from_secs(300);
/// What has waited longer than this for its way says how things are by now.
const STALE: Duration = Duration::from_secs(30);
/// The name under which the outbox keeps its memory.
pub(super) const ROOM: &str = "outbox";

/// What came of one attempt.
#[derive(Debug)]
pub struct Delivery {
    channel: String,
    keys: Vec<String>,
    result: Result<Receipt, ChannelError>,
}

/// All messages that are not delivered yet.
#[derive(Debug)]
pub struct Outbox {
    letters: Letters,
    lanes: BTreeMap<String, Lane>,
    kept: Kept,
    /// As it was stored last.
    stored: Option<String>,
    /// Rows that changed since they were recorded last.
    changed: Vec<OutgoingRow>,
    /// What may be sent once the record is durable.
    orders: Vec<Order>,
}

#[derive(Debug)]
struct Order {
    channel: String,
    keys: Vec<String>,
    messages: Vec<Message>,
    address: Option<String>,
    thread: Option<String>,
}

impl Outbox {
    /// Takes up what a former brain had not delivered, and what it kept.
    pub fn restore(
        config: &Config,
        hands: &Hands,
        rows: Vec<OutgoingRow>,
        memory: Option<&str>,
        now: Time,
    ) -> Self {
        let kept: Kept =
            memory.and_then(|json| serde_json::from_str(json).ok()).unwrap_or_default();
        let lane = |channel: &dyn Channel| Lane::new(channel.pace(), now);
        let channels = hands.channels.iter();
        let lanes = channels.map(|(name, channel)| (name.clone(), lane(&**channel))).collect();
        let mut outbox = Self {
            letters: Letters::default(),
            lanes,
            kept,
            stored: memory.map(str::to_owned),
            changed: Vec::new(),
            orders: Vec::new(),
        };
        for row in rows {
            outbox.take_back(config, hands, row);
        }
        outbox
    }

    /// A message of a former brain. Whether it has arrived may not be known.
    fn take_back(&mut self, config: &Config, hands: &Hands, mut row: OutgoingRow) {
        let Ok(message) = serde_json::from_str::<Message>(&row.body) else {
            row.status = OutgoingStatus::Refused;
            row.error = Some("its record cannot be read".to_owned());
            return self.changed.push(row);
        };
        let channel = hands.channels.get(&row.channel);
        let is_safe = channel.is_none_or(|channel| channel.knows_repeats());
        let is_unclear = self.kept.perhaps.contains(&row.key);
        let mut waiting = Waiting::new(row, message);
        waiting.is_unclear = is_unclear;
        if is_unclear && !is_safe {
            let why = "the brain was stopped while it was sent, and this channel cannot tell it \
                       from a repetition";
            waiting.row.error = Some(format!("perhaps not delivered: {why}"));
            return self.turn_to_next(config, waiting);
        }
        self.letters.insert(waiting);
    }

    /// Takes new messages up and decides what goes out. Returns the rows to record before
    /// [`Outbox::send`].
    pub fn take_up(&mut self, config: &Config, messages: Vec<Message>, now: Time) -> Vec<Change> {
        for message in messages {
            tracing::info!(to = %message.to, incident = %message.incident, kind = ?message.kind,
                "message");
            let waiting = Waiting::new(row_of(config, &message, now), message);
            let matter = waiting.matter();
            self.letters.insert(waiting);
            self.settle(&matter);
        }
        self.look_for_other_ways(config, now);
        self.depart(config, now);
        let mut changes: Vec<Change> =
            std::mem::take(&mut self.changed).into_iter().map(Change::Outgoing).collect();
        changes.extend(self.keep());
        changes
    }

    /// What has changed with the channels themselves; to be heard before the next turn.
    pub fn signals(&mut self, config: &Config, now: Time) -> Vec<Signal> {
        let known = config.channels.iter().map(|channel| channel.name()).collect();
        self.kept.health.signals(&known, now)
    }

    /// Words anew what was tried in vain and is due again: `renew` gives the message as it would be
    /// now, if there is anything newer to say.
    pub fn renew(&mut self, now: Time, mut renew: impl FnMut(&Message) -> Option<Message>) {
        let Self { letters, changed, .. } = self;
        for waiting in letters.all_mut() {
            let is_tried = waiting.row.attempts > 0 && !waiting.is_under_way && !waiting.is_unclear;
            let is_due = waiting.row.next_at <= now && now.since(waiting.message.at) > STALE;
            if is_tried
                && is_due
                && let Some(message) = renew(&waiting.message)
            {
                waiting.reword(message);
                changed.push(waiting.row.clone());
            }
        }
    }

    /// Hands out what [`Outbox::take_up`] has decided. What comes of it returns as an input.
    pub fn send(&mut self, hands: &Hands, sender: &mpsc::Sender<Input>) {
        for order in self.orders.drain(..) {
            let channel = hands.channels.get(&order.channel).cloned();
            let sender = sender.clone();
            tokio::spawn(async move {
                let result = match channel {
                    Some(channel) => order.deliver(&*channel).await,
                    None => Err(ChannelError::Refused("it is not configured any more".to_owned())),
                };
                let Order { channel, keys, .. } = order;
                let delivery = Delivery { channel, keys, result };
                let _ = sender.send(Input::Delivered(delivery)).await; // Else: shutting down.
            });
        }
    }

    /// When something may go out, or is to be told, without anything else happening.
    pub fn wake_at(&self, now: Time) -> Option<Time> {
        let waiting = self.letters.all().filter(|waiting| !waiting.is_under_way);
        let departure = |waiting: &Waiting| {
            let lane = self.lanes.get(&waiting.row.channel)?;
            let is_free = !lane.is_full() && !lane.is_under_way(&waiting.matter());
            is_free.then(|| lane.opens_at(waiting.row.next_at, now))
        };
        waiting.filter_map(departure).chain(self.kept.health.wake_at()).min()
    }

    /// Notes what came of an attempt.
    pub fn delivered(&mut self, config: &Config, delivery: Delivery, now: Time) {
        let Delivery { channel, keys, result } = delivery;
        let Some(lane) = self.lanes.get_mut(&channel) else { return };
        let landed: Vec<Waiting> = keys.iter().filter_map(|key| self.letters.remove(key)).collect();
        landed.iter().for_each(|waiting| lane.landed(&waiting.matter()));
        if let Err(ChannelError::Retry { after: Some(after), .. }) = &result {
            lane.pause(now + *after);
        }
        match result {
            Ok(receipt) => self.taken(&channel, landed, &receipt, now),
            Err(error) => {
                for waiting in landed {
                    self.not_taken(config, waiting, &error, now);
                }
            }
        }
    }

    fn taken(&mut self, channel: &str, landed: Vec<Waiting>, receipt: &Receipt, now: Time) {
        let is_alone = landed.len() == 1;
        for (place, mut waiting) in landed.into_iter().enumerate() {
            waiting.is_under_way = false;
            if place >= receipt.taken.max(1) {
                waiting.row.attempts -= 1; // It was not its turn.
                self.kept.perhaps.remove(&waiting.row.key);
                let matter = waiting.matter();
                self.letters.insert(waiting);
                self.settle(&matter);
                continue;
            }
            self.kept.health.delivered(channel, &waiting.row.to);
            if let Some(complaint) = &receipt.complaint {
                self.kept.health.refused(channel, &waiting.row.to, complaint);
            }
            let thread = receipt.thread.as_deref().filter(|_| is_alone);
            self.kept.note_thread(channel, &waiting.matter(), waiting.is_end(), thread);
            waiting.row.delivered = Some(now);
            self.end(waiting, OutgoingStatus::Delivered, receipt.complaint.clone());
        }
    }

    fn not_taken(
        &mut self,
        config: &Config,
        mut waiting: Waiting,
        error: &ChannelError,
        now: Time,
    ) {
        waiting.is_under_way = false;
        waiting.row.error = Some(error.to_string());
        let (key, channel) = (waiting.row.key.clone(), waiting.row.channel.clone());
        match error {
            ChannelError::Refused(why) => {
                tracing::error!(key, channel, why, "message refused");
                self.kept.health.refused(&channel, &waiting.row.to, why);
                return self.turn_to_next(config, waiting);
            }
            ChannelError::Unclear(why) => {
                tracing::warn!(key, channel, why, "perhaps not delivered");
                self.kept.health.failed(&channel, why, now);
                waiting.is_unclear = true;
            }
            ChannelError::Retry { detail, .. } => {
                tracing::warn!(key, channel, detail, "not delivered yet");
                self.kept.health.failed(&channel, detail, now);
                if !waiting.is_unclear {
                    self.kept.perhaps.remove(&key);
                }
            }
        }
        let asked = if let ChannelError::Retry { after, .. } = error { *after } else { None };
        waiting.row.next_at = now + asked.unwrap_or_else(|| pause(waiting.row.attempts));
        waiting.tries += 1;
        let matter = waiting.matter();
        self.letters.insert(waiting);
        self.settle(&matter);
    }

    /// The present channel will never take it: the next way, or the end.
    fn turn_to_next(&mut self, config: &Config, mut waiting: Waiting) {
        waiting.refused.insert(waiting.row.channel.clone());
        let ways = ways_for(config, &waiting.message);
        match ways.into_iter().find(|way| !waiting.refused.contains(way)) {
            Some(way) => {
                let at = waiting.row.created;
                waiting.go_by(way, at);
                self.changed.push(waiting.row.clone());
                self.letters.insert(waiting);
            }
            None => {
                let why = waiting.row.error.clone();
                self.end(waiting, OutgoingStatus::Refused, why);
            }
        }
    }

    /// Whoever waits on a channel that has failed for long, and had his try there, takes the next.
    fn look_for_other_ways(&mut self, config: &Config, now: Time) {
        let (health, lanes) = (&self.kept.health, &self.lanes);
        for waiting in self.letters.all_mut().filter(|waiting| !waiting.is_under_way) {
            let Some(since) = health.failing_since(&waiting.row.channel) else { continue };
            let is_paused = lanes.get(&waiting.row.channel).is_some_and(|lane| lane.is_paused(now));
            let patience = config.raw.people.get(&waiting.row.to).map(|p| p.fallback_after.0);
            if now.since(since) < patience.unwrap_or(PATIENCE) || (waiting.tries == 0 && !is_paused)
            {
                continue;
            }
            let ways = ways_for(config, &waiting.message);
            let Some(way) = next_way(&ways, waiting) else { continue };
            // While all of them fail, they are tried in turn and ever more seldom.
            let is_failing = health.failing_since(&way).is_some();
            let at = if is_failing { now + pause(waiting.row.attempts) } else { now };
            waiting.go_by(way, at);
            self.changed.push(waiting.row.clone());
        }
    }

    /// Only the newest word on a matter is told. What is left of it is recorded as it is now.
    fn settle(&mut self, matter: &Matter) {
        let is_untold = self.kept.untold.remove(matter);
        for (waiting, why) in self.letters.overtaken(matter, is_untold) {
            self.end(waiting, OutgoingStatus::Overtaken, Some(why.to_owned()));
        }
        self.changed.extend(self.letters.of(matter).map(|waiting| waiting.row.clone()));
    }

    fn depart(&mut self, config: &Config, now: Time) {
        for (name, due) in self.letters.due(now) {
            // One that is not in the files any more will refuse.
            let lane = self.lanes.entry(name.clone()).or_insert_with(|| Lane::new(None, now));
            for keys in lane.depart(&due, now) {
                self.kept.perhaps.extend(keys.iter().cloned());
                let messages = self.letters.begin(&keys, &mut self.changed);
                let Some(first) = messages.first() else { continue };
                let matter = (first.to.clone(), first.incident.clone());
                let address = address(config, &first.to, &name).map(str::to_owned);
                let thread = self.kept.thread(&name, &matter).map(str::to_owned);
                self.orders.push(Order { channel: name.clone(), keys, messages, address, thread });
            }
        }
    }

    fn end(&mut self, mut waiting: Waiting, status: OutgoingStatus, error: Option<String>) {
        self.kept.perhaps.remove(&waiting.row.key);
        if status == OutgoingStatus::Refused && waiting.is_surely_untold_problem() {
            self.kept.untold.insert(waiting.matter());
        }
        waiting.row.status = status;
        waiting.row.error = error;
        self.changed.push(waiting.row);
    }

    fn keep(&mut self) -> Option<Change> {
        let json = serde_json::to_string(&self.kept).ok()?;
        if self.stored.as_ref() == Some(&json) {
            return None;
        }
        self.stored = Some(json.clone());
        Some(Change::Memory { room: ROOM.to_owned(), json })
    }
}

/// Whether somebody has a channel on which a report is read.
pub(super) fn takes_reports(config: &Config, person: &PersonId) -> bool {
    !ways_of_reports(config, person).is_empty()
}

impl Order {
    async fn deliver(&self, channel: &dyn Channel) -> Result<Receipt, ChannelError> {
        let (address, thread) = (self.address.as_deref(), self.thread.as_deref());
        channel.deliver(Parcel { messages: &self.messages, address, thread }).await
    }
}

/// The one after the present, round and round, but for those that have refused it.
fn next_way(ways: &[String], waiting: &Waiting) -> Option<String> {
    let here = ways.iter().position(|way| *way == waiting.row.channel);
    let others = ways.iter().cycle().skip(here.map_or(0, |here| here + 1)).take(ways.len());
    let mut others =
        others.filter(|way| **way != waiting.row.channel && !waiting.refused.contains(*way));
    others.next().cloned()
}

fn row_of(config: &Config, message: &Message, now: Time) -> OutgoingRow {
    let way = ways_for(config, message).into_iter().next();
    OutgoingRow {
        key: message.key.clone(),
        incident: message.incident.clone(),
        to: message.to.clone(),
        kind: format!("{:?}", message.kind).to_lowercase(),
        channel: way.unwrap_or_default(),
        body: serde_json::to_string(message).unwrap_or_default(),
        created: now,
        attempts: 0,
        next_at: now,
        status: OutgoingStatus::Waiting,
        error: None,
        delivered: None,
    }
}
