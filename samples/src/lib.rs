//! The samples: what was measured, kept on disk and found again.
//!
//! Made for the shape of our data: one look at one target brings many values at one time. So the
//! unit is the *frame*, all series that are measured together; their time is kept once, and 25
//! metrics of a VM cost little more than one.
//!
//! What is appended goes to a log, then to memory, and is acknowledged. Memory is sealed into a
//! *part*, an immutable file of compressed columns, and the log behind it is forgotten. Small parts
//! are merged into big ones, old ones are summed up by five minutes and by hours, and dropped when
//! their time is over. Reading one series reads one column.
//!
//! - [`Samples`]: open, append, read (as a [`query::source::Source`]), tidy up, delete.
//! - [`Settings`]: how long, how many.
//!
//! It reads no clock, has no thread of its own, and knows nothing of HTTP or PromQL.
//!
//! Invariants: what was acknowledged is read after a `kill -9` at any instant, once; a file that is
//! damaged gives an error that names it and never a wrong number; a full disk refuses what is new
//! and loses nothing that is old.

mod bytes;
mod catalogue;
mod codec;
mod deleted;
mod entry;
mod error;
mod index;
mod log;
mod part;
mod read;
mod recent;
mod settings;
mod shapes;
mod state;
mod store;
#[cfg(test)]
mod store_tests;
mod summary;
mod table;
mod tidy;

pub use error::SamplesError;
pub use settings::{Settings, Sync};
pub use state::{Appended, Refused, Why};
pub use store::{DeleteError, Opened, Samples, Stats};
pub use tidy::Maintained;
