//! Which targets there are: written down, listed in files, or asked of a service.
//!
//! The lists are those that Prometheus reads (`file_sd`, `http_sd`), so whoever has some need not
//! write them again. A list is a claim about the fleet, and a wrong one would blind us to a part
//! of it; so each passes the [`Brake`] before it is believed, a list that cannot be read changes
//! nothing, and the last good one outlives a restart with whoever stores the brake.
//!
//! Not done here: relabelling, and when to refresh. Scraping is [`scrape`](super::scrape)'s.

mod brake;
mod files;
mod list;
mod service;

use std::path::PathBuf;

pub use self::brake::{Brake, Endpoint, Held};
pub use self::files::FileLists;
pub use self::list::{Defaults, ListError, TargetGroup, endpoints, read_json, read_yaml};
pub use self::service::ListService;
use crate::look::Refusal;

/// The longest list that is read, in bytes.
pub const MAX_LIST_BYTES: usize = 16 << 20;

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
}

impl Discovery {
    /// `brake` is what was believed before a restart, or an empty one.
    pub fn new(source: Source, defaults: Defaults, brake: Brake) -> Self {
        Self { source, defaults, brake }
    }

    /// Asks the source once, and takes over what may be believed.
    pub async fn refresh(&mut self) -> Refreshed {
        let (groups, errors) = match &mut self.source {
            Source::Static(groups) => (Some(groups.clone()), Vec::new()),
            Source::Files(files) => {
                let (groups, errors) = files.read().await;
                (Some(groups), errors)
            }
            Source::Service(service) => match service.read().await {
                Ok(groups) => (Some(groups), Vec::new()),
                Err(error) => (None, vec![error]),
            },
        };
        let mut refreshed = groups.map_or_else(Refreshed::default, |groups| self.take(&groups));
        refreshed.errors.extend(errors);
        refreshed
    }

    /// The targets that are believed in, by their URLs.
    pub fn targets(&self) -> impl Iterator<Item = Endpoint> {
        self.brake.targets()
    }

    /// To be stored, so that the last good list outlives a restart.
    pub fn brake(&self) -> &Brake {
        &self.brake
    }

    fn take(&mut self, groups: &[TargetGroup]) -> Refreshed {
        let (list, refused) = match endpoints(groups, &self.defaults) {
            Ok(found) => found,
            Err(error) => {
                let errors = vec![DiscoveryError::List(error)];
                return Refreshed { errors, ..Refreshed::default() };
            }
        };
        let before = self.brake.clone();
        let held = match self.source {
            Source::Static(_) => self.brake.accept(list),
            Source::Files(_) | Source::Service(_) => self.brake.step(list),
        };
        let has_changed = !before.targets().eq(self.brake.targets());
        Refreshed { has_changed, held, refused, errors: Vec::new() }
    }
}
