//! What the alerter needs done outside it: messages carried to people.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use crate::message::Message;

/// What a channel answers, when it does.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Why a message was not delivered.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// It may work next time, not before `after`.
    #[error("not delivered: {detail}")]
    Retry { detail: String, after: Option<Duration> },
    /// It will not work however often it is tried: tell it on another channel.
    #[error("refused: {0}")]
    Refused(String),
}

/// One way to people: a chat, a mailbox, a file.
///
/// A message may be handed over twice, if a crash falls between delivery and its record; its
/// [`Message::key`] is the same both times, and a channel whose far side takes an idempotency
/// key passes it on.
pub trait Channel: Send + Sync + std::fmt::Debug {
    /// The name it bears in `cloudbrain.yaml`.
    fn name(&self) -> &str;
    fn deliver<'a>(&'a self, message: &'a Message) -> Answer<'a, Result<(), ChannelError>>;
}
