//! A channel whose far side is a service that is posted to.
//!
//! Each service is two pure functions: what to ask, and what its answer means. The rest, the
//! connection, the clock and the hiding of secrets, is the same for all and lives here.

use std::fmt::Debug;

use alerter::hands::{Answer as Answering, Channel, ChannelError, Pace, Parcel, Receipt};
use model::clock::SharedClock;
use model::id::IncidentId;
use model::time::Time;

use super::http::{Answer, Call, Endpoint, Poster};
use super::settings::{Ground, Problem, Text};

/// A service by its own words.
pub(super) trait Service: Send + Sync + Debug + 'static {
    /// See [`Channel::knows_repeats`].
    const KNOWS_REPEATS: bool;
    /// What is to be posted.
    fn call(&self, parcel: &Parcel<'_>, now: Time) -> Result<Call, ChannelError>;
    /// What the answer means; when all is well, the thread to go on with.
    fn judge(&self, answer: &Answer) -> Result<Option<String>, ChannelError>;
    /// See [`Channel::acknowledge`].
    fn acknowledgement(&self, _incident: &IncidentId) -> Option<Call> {
        None
    }
}

/// A [`Service`] as a channel.
#[derive(Debug)]
pub(super) struct Posted<S> {
    pub(super) name: String,
    pub(super) service: S,
    pub(super) pace: Option<Pace>,
    poster: Poster,
    clock: SharedClock,
    /// What must never be shown.
    secrets: Secrets,
}

/// Hidden from `Debug`, too.
struct Secrets(Vec<String>);

impl Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

impl<S: Service> Posted<S> {
    pub(super) fn new(
        name: &str,
        service: S,
        pace: Option<Pace>,
        secrets: Vec<String>,
        ground: &Ground,
    ) -> Self {
        Self {
            name: name.to_owned(),
            service,
            pace,
            poster: Poster::new(ground.trust.config.clone(), ground.patience),
            clock: ground.clock.clone(),
            secrets: Secrets(secrets),
        }
    }

    async fn send(&self, parcel: Parcel<'_>) -> Result<Receipt, ChannelError> {
        let call = self.service.call(&parcel, self.clock.now())?;
        let answer = self.poster.post(&call).await?;
        let thread = self.service.judge(&answer).map_err(|error| at_host(error, &call.to))?;
        Ok(Receipt { taken: call.taken, thread: thread.or(call.thread), complaint: None })
    }

    fn hide(&self, text: String) -> String {
        let secrets = self.secrets.0.iter().filter(|secret| !secret.is_empty());
        secrets.fold(text, |text, secret| text.replace(secret.as_str(), "***"))
    }

    fn without_secrets(&self, error: ChannelError) -> ChannelError {
        match error {
            ChannelError::Retry { detail, after } => {
                ChannelError::Retry { detail: self.hide(detail), after }
            }
            ChannelError::Unclear(detail) => ChannelError::Unclear(self.hide(detail)),
            ChannelError::Refused(detail) => ChannelError::Refused(self.hide(detail)),
        }
    }
}

impl<S: Service> Channel for Posted<S> {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver<'a>(&'a self, parcel: Parcel<'a>) -> Answering<'a, Result<Receipt, ChannelError>> {
        Box::pin(
            async move { self.send(parcel).await.map_err(|error| self.without_secrets(error)) },
        )
    }

    fn pace(&self) -> Option<Pace> {
        self.pace
    }

    fn knows_repeats(&self) -> bool {
        S::KNOWS_REPEATS
    }

    fn acknowledge<'a>(
        &'a self,
        incident: &'a IncidentId,
    ) -> Option<Answering<'a, Result<(), ChannelError>>> {
        let call = self.service.acknowledgement(incident)?;
        Some(Box::pin(async move {
            let answer = self.poster.post(&call).await;
            let judged = answer.and_then(|answer| {
                self.service.judge(&answer).map_err(|error| at_host(error, &call.to))
            });
            judged.map(drop).map_err(|error| self.without_secrets(error))
        }))
    }
}

/// Reads an address out of the settings.
pub(super) fn endpoint(field: &'static str, text: &Text) -> Result<Endpoint, Problem> {
    Endpoint::parse(text.value()).ok_or_else(|| {
        Problem::new(field, "is no address; write https://host/path, without a user in it")
    })
}

/// The answer of a service that always sends JSON. What is not may come from a proxy on the way, so
/// whether the message arrived is not known.
pub(super) fn read<T: serde::de::DeserializeOwned>(answer: &Answer) -> Result<T, ChannelError> {
    serde_json::from_slice(&answer.body).map_err(|_| {
        let (status, words) = (answer.status, answer.words());
        ChannelError::Unclear(format!("an answer that is not its own: {status} {words}"))
    })
}

/// Names who said it.
fn at_host(error: ChannelError, to: &Endpoint) -> ChannelError {
    let named = |detail: String| format!("{}: {detail}", to.host());
    match error {
        ChannelError::Retry { detail, after } => {
            ChannelError::Retry { detail: named(detail), after }
        }
        ChannelError::Unclear(detail) => ChannelError::Unclear(named(detail)),
        ChannelError::Refused(detail) => ChannelError::Refused(named(detail)),
    }
}
