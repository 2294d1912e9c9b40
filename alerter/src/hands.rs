//! What the alerter needs done outside it: messages carried to people.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use model::id::IncidentId;

use crate::message::Message;

/// What a channel answers, when it does.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a message was not delivered, as far as is known.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// It did not arrive, and may the next time. With `after`, nothing may be sent on this channel
    /// before then.
    #[error("not delivered: {detail}")]
    Retry { detail: String, after: Option<Duration> },
    /// No answer came, so it may have arrived: trying again may tell it twice.
    #[error("perhaps not delivered: {0}")]
    Unclear(String),
    /// It will not work however often it is tried: tell it on another channel.
    #[error("refused: {0}")]
    Refused(String),
}

/// What is handed to a channel at once, for one person.
#[derive(Clone, Copy, Debug)]
pub struct Parcel<'a> {
    /// Oldest first, never empty. Several of them are told in one message: a digest.
    pub messages: &'a [Message],
    /// Where the person is reached on this channel, if the files say so.
    pub address: Option<&'a str>,
    /// What the channel gave as [`Receipt::thread`] for the incident of the first message.
    pub thread: Option<&'a str>,
}

/// What a channel has done with a parcel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// How many of the messages were told, from the first on; the others come again.
    pub taken: usize,
    /// What the next message of this incident to this person is to be handed over with: for most
    /// the name that the far side gave to the first.
    pub thread: Option<String>,
    /// It was delivered, and yet something was refused.
    pub complaint: Option<String>,
}

impl Receipt {
    /// All that was told.
    pub fn of(taken: usize) -> Self {
        Self { taken, thread: None, complaint: None }
    }
}

/// How much a channel takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// So many at once, after a silence of `per`.
    pub burst: u32,
    /// In which time that many are taken, in the long run.
    pub per: Duration,
}

/// One way to people: a chat, a mailbox, a file.
///
/// A message may be handed over twice, if a crash falls between delivery and its record; its
/// [`Message::key`] is the same both times, and a channel whose far side takes an idempotency
/// key passes it on.
pub trait Channel: Send + Sync + std::fmt::Debug {
    /// The name it bears in `cloudbrain.yaml`.
    fn name(&self) -> &str;
    /// Takes at least the first message of the parcel, or none.
    fn deliver<'a>(&'a self, parcel: Parcel<'a>) -> Answer<'a, Result<Receipt, ChannelError>>;
    /// How much the far side takes. Without one there is no limit, and no digests are made.
    fn pace(&self) -> Option<Pace> {
        None
    }
    /// Whether the far side can tell that it got the same message before. Who cannot is not sent
    /// one of which we no longer know whether it was sent.
    fn knows_repeats(&self) -> bool;
    /// Says there that somebody works on an incident. None where nobody waits for that: only a far
    /// side that goes on waking people by itself does.
    fn acknowledge<'a>(
        &'a self,
        _incident: &'a IncidentId,
    ) -> Option<Answer<'a, Result<(), ChannelError>>> {
        None
    }
}
