//! Which targets there are: written down, listed in files, or asked of a service.
//!
//! The lists are those that Prometheus reads (`file_sd`, `http_sd`), so whoever has some need not
//! write them again. A list is a claim about the fleet, and a wrong one would blind us to a part
//! of it; so each passes the [`Brake`] before it is believed, a list that cannot be read changes
//! nothing for a day, and the last good one outlives a restart with whoever stores the brake.
//! After that day nobody knows what is there: what was listed is looked at no longer, and that is
//! told for as long as it lasts.
//!
//! Not done here: relabelling, and when to refresh. Scraping is [`scrape`](super::scrape)'s.

mod brake;
mod files;
mod list;
mod service;

use std::path::PathBuf;
use std::time::Duration;

use model::time::Time;

pub use self::brake::{Brake, Endpoint, Held};
pub use self::files::FileLists;
pub use self::list::{Defaults, ListError, TargetGroup, endpoints, read_json, read_yaml};
pub use self::service::ListService;
use crate::look::Refusal;

/// The longest list that is read, in bytes.
pub const MAX_LIST_BYTES: usize = 16 << 20;

/// For how long the last good list holds.
pub const KEEP: Duration = Duration::from_secs(KEEP_HOURS * HOUR_SECONDS);
const KEEP_HOURS: u64 = 24;
const HOUR_SECONDS: u64 = 3600;

/// Where a list of targets comes from.
#[derive(Debug)]
pub enum Source {
    /// In our own configuration. It is meant as it stands, so it does not pass the brake.
    Static(Vec<TargetGroup>),
    Files(FileLists),
    Service(Box<ListService>),
}

/// One source of targets, and what is believed of it.
#[derive(Debug)]
pub struct Discovery {
    source: Source,
    defaults: Defaults,
    brake: Brake,
    /// When the source was last read whole, or first asked.
    read_at: Option<Time>,
}

/// What came of reading a source.
#[derive(Debug)]
struct Read {
    groups: Vec<TargetGroup>,
    errors: Vec<DiscoveryError>,
    /// What is not in it is not there.
    is_whole: bool,
}

/// What came of asking a source once.
#[derive(Debug, Default)]
pub struct Refreshed {
    /// Whether the targets, or their labels, are others now.
    pub has_changed: bool,
    /// The brake is on: targets are missing in the list and still looked at.
    pub held: Option<Held>,
    /// Targets that cannot be looked at, and why: a few, by name, for people.
    pub refused: Vec<Refusal>,
    /// What could not be read. What it said before still holds.
    pub errors: Vec<DiscoveryError>,
}

/// Why a list could not be had.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    #[error("the file {0} cannot be read")]
    File(PathBuf, #[source] std::io::Error),
    #[error("the file {0} is no list of targets")]
    FileList(PathBuf, #[source] ListError),
    #[error("a pattern may have one * in its last part, and ends in .json, .yml or .yaml: {0}")]
    Pattern(PathBuf),
    #[error("the service gave no list: {0}")]
    Service(String),
    #[error("what was found is no list of targets")]
    List(#[source] ListError),
    #[error("the last list is {} h old and holds until it is {KEEP_HOURS} h old", age.as_secs() / HOUR_SECONDS)]
    Kept { age: Duration, source: Box<DiscoveryError> },
    #[error("no list for {KEEP_HOURS} h: what it named is looked at no longer")]
    Dropped(#[source] Box<DiscoveryError>),
}

impl Discovery {
    /// `brake` is what was believed before a restart, or an empty one.
    pub fn new(source: Source, defaults: Defaults, brake: Brake) -> Self {
        let read_at = brake.read_at();
        Self { source, defaults, brake, read_at }
    }

    /// Asks the source once, and takes over what may be believed.
    pub async fn refresh(&mut self, now: Time) -> Refreshed {
        let Read { groups, mut errors, mut is_whole } = self.source.read(now).await;
        let (list, refused) = endpoints(&groups, &self.defaults).unwrap_or_else(|error| {
            errors.push(DiscoveryError::List(error));
            is_whole = false;
            Default::default()
        });
        let before = self.brake.clone();
        let held = match is_whole {
            true => self.take(list, now),
            false => self.take_part(list, &mut errors, now),
        };
        let has_changed = !before.targets().eq(self.brake.targets());
        Refreshed { has_changed, held, refused, errors }
    }

    /// The targets that are believed in, by their URLs.
    pub fn targets(&self) -> impl Iterator<Item = Endpoint> {
        self.brake.targets()
    }

    /// To be stored, so that the last good list outlives a restart.
    pub fn brake(&self) -> &Brake {
        &self.brake
    }

    fn take(&mut self, list: Vec<Endpoint>, now: Time) -> Option<Held> {
        self.read_at = Some(now);
        self.brake.note_read(now);
        match self.source {
            Source::Static(_) => self.brake.accept(list),
            Source::Files(_) | Source::Service(_) => self.brake.step(list),
        }
    }

    /// Of what could not be read the last good list holds, for its time.
    fn take_part(
        &mut self,
        part: Vec<Endpoint>,
        errors: &mut Vec<DiscoveryError>,
        now: Time,
    ) -> Option<Held> {
        let read_at = *self.read_at.get_or_insert(now);
        let is_kept = now.since(read_at) < KEEP;
        // Of what never told anything nothing holds.
        if !is_kept || !self.brake.is_empty() {
            let told = std::mem::take(errors).into_iter();
            errors.extend(told.map(|error| error.about_list_of(read_at, now)));
        }
        if is_kept {
            self.brake.add(part);
            return None;
        }
        self.brake.step(part)
    }
}

impl Source {
    async fn read(&mut self, now: Time) -> Read {
        match self {
            Self::Static(groups) => {
                Read { groups: groups.clone(), errors: Vec::new(), is_whole: true }
            }
            Self::Files(files) => files.read(now).await,
            Self::Service(service) => match service.read().await {
                Ok(groups) => Read { groups, errors: Vec::new(), is_whole: true },
                Err(error) => Read { groups: Vec::new(), errors: vec![error], is_whole: false },
            },
        }
    }
}

impl DiscoveryError {
    /// What follows from it for what was read at `read_at`; nothing more if that was said before.
    fn about_list_of(self, read_at: Time, now: Time) -> Self {
        if matches!(self, Self::Kept { .. } | Self::Dropped(_)) {
            return self;
        }
        let (age, source) = (now.since(read_at), Box::new(self));
        if age < KEEP { Self::Kept { age, source } } else { Self::Dropped(source) }
    }
}
