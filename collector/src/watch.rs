//! Targets that are looked at by a watcher of their own, which remembers something between looks:
//! a connection, the shape of a page, the counters of last time.
//!
//! One more sort of source is one more line in [`Source`] and its watcher in a file of its own.

use std::fmt::Debug;
use std::pin::Pin;
use std::time::Duration;

use model::clock::SharedClock;
use model::series::Row;
use model::time::Time;

use crate::check::{CheckTarget, CheckWatch};
use crate::datasource::{DataSourceTarget, DataSourceWatch};
use crate::findings::Subject;
use crate::look::Look;
use crate::pool::LabelPool;
use crate::probe::Prober;
use crate::prometheus::http::{HeaderError, TlsRoots};
use crate::prometheus::scrape::{ScrapeTarget, ScrapeWatch};

/// One target, and how to look at it.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchSpec {
    /// Unique among all watches, for people and for its place in the schedule.
    pub name: String,
    /// What follows from its answer; None if nothing does but that it is shown.
    pub subject: Option<Subject>,
    /// Whom a look burdens: looks at one destination share a small budget.
    pub destination: String,
    pub every: Duration,
    /// For a whole look.
    pub timeout: Duration,
    pub source: Source,
}

/// Looks at one target. It is never asked twice at once.
pub trait Watcher: Debug + Send {
    /// Takes no longer than `timeout`, and not much memory, whatever the target answers.
    fn look<'a>(&'a mut self, timeout: Duration, clock: &'a SharedClock) -> Looking<'a>;

    /// The last rows: all its series have ended, since it is looked at no longer.
    fn end(&mut self, at: Time) -> Vec<Row>;
}

/// What all watchers use together. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shared {
    /// Names and trust.
    pub prober: Prober,
    pub pool: LabelPool,
}

/// A look under way.
pub type Looking<'a> = Pin<Box<dyn Future<Output = Look> + Send + 'a>>;

/// An exporter, checked, and whose certificates are trusted.
#[derive(Clone, Debug)]
pub struct Scrape {
    target: ScrapeTarget,
    roots: TlsRoots,
}

/// The roots are the same for all.
impl PartialEq for Scrape {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target
    }
}

impl Scrape {
    /// Fails for a header that cannot be sent.
    pub fn new(target: ScrapeTarget, roots: TlsRoots) -> Result<Self, HeaderError> {
        ScrapeWatch::new(target.clone(), roots.clone())?;
        Ok(Self { target, roots })
    }

    fn watcher(&self, pool: &LabelPool) -> ScrapeWatch {
        ScrapeWatch::new(self.target.clone(), self.roots.clone())
            .expect("its headers were in order when it was made")
            .sharing(pool.clone())
    }
}

/// The sorts of targets. One more is one more line here and in [`Source::watcher`].
#[derive(Clone, Debug, PartialEq)]
pub enum Source {
    Check(Box<CheckTarget>),
    DataSource(DataSourceTarget),
    Scrape(Box<Scrape>),
    #[cfg(test)]
    Made(tests::Made),
}

impl Source {
    /// The one that looks at this target from now on; it has seen nothing yet.
    pub fn watcher(&self, shared: &Shared) -> Box<dyn Watcher> {
        match self {
            Self::Check(target) => {
                Box::new(CheckWatch::new((**target).clone(), shared.prober.clone()))
            }
            Self::DataSource(target) => {
                Box::new(DataSourceWatch::new(target.clone(), shared.prober.clone()))
            }
            Self::Scrape(scrape) => Box::new(scrape.watcher(&shared.pool)),
            #[cfg(test)]
            Self::Made(made) => Box::new(made.clone()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use model::series::{Labels, STALE, Shaper};

    use super::*;
    use crate::look::Answer;

    /// A target that answers as it is told to.
    #[derive(Clone, Debug, PartialEq)]
    pub struct Made {
        pub(crate) name: &'static str,
        pub(crate) looks: u64,
    }

    impl Made {
        fn row(&self, at: Time, value: f64) -> Row {
            let mut shaper = Shaper::new(Labels::of([("instance", self.name)]));
            shaper.row(at, [(Labels::metric("looks"), value)])
        }
    }

    impl Watcher for Made {
        fn look<'a>(&'a mut self, _: Duration, clock: &'a SharedClock) -> Looking<'a> {
            self.looks += 1;
            let at = clock.now();
            let mut look = Look::new(at, Duration::ZERO, Answer::Up);
            look.rows.push(self.row(at, self.looks as f64));
            Box::pin(std::future::ready(look))
        }

        fn end(&mut self, at: Time) -> Vec<Row> {
            vec![self.row(at, STALE)]
        }
    }
}
