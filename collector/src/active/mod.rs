//! The server of Zabbix agents that come by themselves: `ServerActive=` points here.
//!
//! An agent behind a wall cannot be asked, but it can come. It asks what to measure, gets the
//! items of the table of metrics, and brings values every few seconds until it is told that they
//! were taken. So nothing is lost while we are down, as long as nobody says "taken" too early: the
//! owner of the samples gets each batch with a word to give back, and only after that word the
//! agent gets its answer. Without it the connection is closed, and the agent sends the same again.
//! `zabbix_sender` brings values in the same way.
//!
//! An agent gives its own name, and nothing proves it: whoever reaches this port can speak for any
//! host of the fleet. So it is open to a trusted network alone, by the files' check.
//!
//! - `wire`: what is said; `host`, `items`, `seen`: one agent; `book`: all of them; `server`: the
//!   connections. [`ActiveGauges`]: how well that goes.
//!
//! Invariants: an answer of success is sent only after the owner has confirmed what it is for; no
//! connection lives longer than its deadline, and together they hold a bounded amount of memory;
//! each value keeps the time of its agent, so that one that comes twice is the same sample.

mod book;
mod gauges;
mod host;
mod items;
mod seen;
mod server;
mod wire;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::clock::SharedClock;
use model::id::Object;
use model::sample::Frame;
use model::series::{Labels, Row};
use model::time::Time;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot, watch};

use crate::parts::Parts;
use crate::passive::AgentError;
pub use gauges::{ActiveGauges, ActiveReadings, RefusedValue, Stranger};

/// Who belongs to the fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directory {
    /// By the `Hostname` of the agent.
    pub names: BTreeMap<String, Named>,
}

/// For whom an agent speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub object: Object,
    /// What its series bear.
    pub labels: Labels,
}

/// What the owner of the server decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How often the most wanted items are measured.
    pub interval: Duration,
    /// For so long after the start the directory may be incomplete, and nobody is called a
    /// stranger.
    pub grace: Duration,
}

/// What goes out of the server.
#[derive(Debug)]
pub enum Told {
    Batch(ActiveBatch),
    /// An agent that had come was not heard for so many intervals, or for one more.
    Silent {
        object: Object,
        at: Time,
        error: AgentError,
    },
}

/// What one request brought of one host.
#[derive(Debug)]
pub struct ActiveBatch {
    /// For the store. The same may come again, with the same times.
    pub rows: Vec<Row>,
    /// For the brain: the newest figures of the machine, by our clock.
    pub frames: Vec<Frame>,
    /// What is to be remembered of the agent, if that changed.
    pub parts: Option<(Object, Parts)>,
    /// To be given back once rows and parts are durable. Dropped means that they are not, and the
    /// agent will send all of it again.
    pub done: oneshot::Sender<()>,
}

/// Serves until nobody listens to `out` any more, or nobody says who belongs to the fleet. `kept`
/// is what the owner remembers of the agents' parts.
pub async fn serve(
    listener: TcpListener,
    settings: Settings,
    kept: BTreeMap<Object, Parts>,
    directory: watch::Receiver<Arc<Directory>>,
    out: mpsc::Sender<Told>,
    clock: SharedClock,
    gauges: Arc<ActiveGauges>,
) {
    server::Server::new(settings, kept, out, clock, gauges).run(listener, directory).await;
}

/// For the fuzzer.
#[cfg(fuzzing)]
pub(crate) fn read_request(bytes: &[u8]) {
    let _ = wire::read(bytes);
}
