//! Messages on their way: stored with the incident they belong to, tried until delivered.
//!
//! A crash between delivery and its record makes a second delivery with the same key; channels
//! that can tell the two apart deliver once.

use std::collections::BTreeMap;
use std::time::Duration;

use alerter::hands::ChannelError;
use alerter::message::Message;
use model::id::PersonId;
use model::time::Time;
use store::{Change, OutgoingRow, OutgoingStatus};
use tokio::sync::mpsc;

use crate::config::{Config, channel_name};

use super::Input;
use super::hands::Hands;

/// The first pause after a failed delivery; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// What came of one attempt.
#[derive(Debug)]
pub struct Delivery {
    pub key: String,
    pub result: Result<(), ChannelError>,
}

/// All messages that are not delivered yet.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: BTreeMap<String, Waiting>,
    /// Rows that changed since they were recorded last.
    changed: Vec<OutgoingRow>,
}

#[derive(Debug)]
struct Waiting {
    row: OutgoingRow,
    under_way: bool,
}

impl Outbox {
    /// Takes up what a former brain had not delivered. All of it is due at once.
    pub fn restore(rows: Vec<OutgoingRow>) -> Self {
        let waiting =
            rows.into_iter().map(|row| (row.key.clone(), Waiting { row, under_way: false }));
        Self { waiting: waiting.collect(), changed: Vec::new() }
    }

    /// Takes new messages up, and returns the rows to record with them.
    pub fn take_up(&mut self, config: &Config, messages: Vec<Message>, now: Time) -> Vec<Change> {
        for message in messages {
            tracing::info!(to = %message.to, incident = %message.incident, kind = ?message.kind,
                "message");
            let row = row_of(config, &message, now);
            self.changed.push(row.clone());
            self.waiting.insert(row.key.clone(), Waiting { row, under_way: false });
        }
        std::mem::take(&mut self.changed).into_iter().map(Change::Outgoing).collect()
    }

    /// Hands out what is due. Its outcome comes back as an input.
    pub fn send_due(&mut self, hands: &Hands, sender: &mpsc::Sender<Input>, now: Time) {
        let due = self.waiting.values_mut();
        for waiting in due.filter(|waiting| !waiting.under_way && waiting.row.next_at <= now) {
            waiting.under_way = true;
            waiting.row.attempts += 1;
            let row = waiting.row.clone();
            let (hands, sender) = (hands.clone(), sender.clone());
            tokio::spawn(async move {
                let result = deliver(&hands, &row).await;
                let delivery = Delivery { key: row.key, result };
                let _ = sender.send(Input::Delivered(delivery)).await; // Else: shutting down.
            });
        }
    }

    /// Notes what came of an attempt.
    pub fn delivered(&mut self, delivery: Delivery, now: Time) {
        let Some(mut waiting) = self.waiting.remove(&delivery.key) else { return };
        waiting.under_way = false;
        let row = &mut waiting.row;
        match delivery.result {
            Ok(()) => {
                row.status = OutgoingStatus::Delivered;
                row.delivered = Some(now);
                row.error = None;
            }
            Err(ChannelError::Refused(why)) => {
                tracing::error!(key = row.key, channel = row.channel, why, "message refused");
                row.status = OutgoingStatus::Refused;
                row.error = Some(why);
            }
            Err(ChannelError::Retry { detail, after }) => {
                tracing::warn!(key = row.key, channel = row.channel, detail, "not delivered yet");
                row.next_at = now + after.unwrap_or_else(|| pause(row.attempts));
                row.error = Some(detail);
            }
        }
        self.changed.push(row.clone());
        if row.status == OutgoingStatus::Waiting {
            self.waiting.insert(delivery.key, waiting);
        }
    }
}

fn pause(attempts: u32) -> Duration {
    (FIRST_PAUSE * 2_u32.pow(attempts.saturating_sub(1).min(8))).min(LONGEST_PAUSE)
}

async fn deliver(hands: &Hands, row: &OutgoingRow) -> Result<(), ChannelError> {
    let channel = hands.channels.get(&row.channel);
    let channel = channel.ok_or_else(|| ChannelError::Refused(no_channel(&row.channel)))?;
    let message = serde_json::from_str(&row.body)
        .map_err(|error| ChannelError::Refused(format!("unreadable record: {error}")))?;
    channel.deliver(&message).await
}

fn no_channel(name: &str) -> String {
    format!("no channel {name:?} is configured any more")
}

fn row_of(config: &Config, message: &Message, now: Time) -> OutgoingRow {
    OutgoingRow {
        key: message.key.clone(),
        incident: message.incident.clone(),
        to: message.to.clone(),
        kind: format!("{:?}", message.kind).to_lowercase(),
        channel: channel_of(config, &message.to),
        body: serde_json::to_string(message).unwrap_or_default(),
        created: now,
        attempts: 0,
        next_at: now,
        status: OutgoingStatus::Waiting,
        error: None,
        delivered: None,
    }
}

/// Somebody who is not in the files is told on the first channel: never nobody.
fn channel_of(config: &Config, person: &PersonId) -> String {
    let known = config.raw.people.get(person).map(|person| person.channel.clone());
    let first = || config.raw.channels.first().map(|channel| channel_name(channel).to_owned());
    known.or_else(first).unwrap_or_default()
}
