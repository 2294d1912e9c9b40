//! Whether we see: the watchman of the senses and the alarm of their schedule, and what follows
//! from them for everybody else.
//!
//! While we are blind, what was not seen is no fault of anybody: silence is not passed on to the
//! scaler or to the signals, and the time is unknown in every account. Only the collector itself is
//! told of.

use std::collections::BTreeSet;
use std::time::Duration;

use collector::lag::LagAlarm;
use collector::sight::{Rules, Sight, Watchman};
use model::id::{CheckId, CollectorId, Object, SourceId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::topology::Topology;

use crate::config::Config;

/// The one collector of a brain.
pub const COLLECTOR: &str = "main";
/// How many spells of blindness the page shows.
const RECENT: usize = 20;

#[derive(Debug)]
pub struct Eye {
    watchman: Watchman,
    lag: LagAlarm,
    /// Spells of blindness, newest last: from, until (None while it lasts), why.
    pub spells: Vec<Spell>,
    pub worst_lag: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Spell {
    pub from: Time,
    pub until: Option<Time>,
    pub reason: String,
}

/// What one look changed.
#[derive(Debug, Default)]
pub struct News {
    /// To be told of the collector itself.
    pub signal: Option<Signal>,
    /// We went blind just now, and have been since then.
    pub blind_since: Option<Time>,
}

pub fn collector() -> CollectorId {
    CollectorId::parse(COLLECTOR).expect("it is a name")
}

impl Eye {
    pub fn new(config: &Config) -> Self {
        let interval = config.raw.collector.interval.0;
        let canaries = config.raw.collector.canaries.iter().map(ToString::to_string);
        Self {
            watchman: Watchman::new(Rules::for_interval(interval), canaries),
            lag: LagAlarm::new(collector(), interval),
            spells: Vec::new(),
            worst_lag: Duration::ZERO,
        }
    }

    pub fn is_blind(&self) -> bool {
        self.watchman.is_blind()
    }

    /// Since when and why, while it lasts.
    pub fn blindness(&self) -> Option<&Spell> {
        self.spells.last().filter(|spell| spell.until.is_none())
    }

    pub fn on_object(
        &mut self,
        object: &Object,
        topology: &Topology,
        answered: bool,
        at: Time,
    ) -> News {
        self.on_target(&object.to_string(), &place(object, topology), answered, at)
    }

    /// A target of any sort, which stands on `place`.
    pub fn on_target(&mut self, name: &str, place: &str, answered: bool, at: Time) -> News {
        let sight = self.watchman.on_target(name, place, answered, at).cloned();
        self.changed(sight, at)
    }

    pub fn on_canary(&mut self, address: &str, answered: bool, at: Time) -> News {
        let sight = self.watchman.on_canary(address, answered, at).cloned();
        self.changed(sight, at)
    }

    pub fn on_lag(&mut self, at: Time, worst: Duration) -> Option<Signal> {
        self.worst_lag = worst;
        self.lag.on_lag(at, worst)
    }

    pub fn keep_only(&mut self, targets: &BTreeSet<String>) {
        self.watchman.keep_only(targets);
    }

    fn changed(&mut self, sight: Option<Sight>, at: Time) -> News {
        match sight {
            None => News::default(),
            Some(Sight::Clear) => {
                if let Some(spell) = self.spells.last_mut() {
                    spell.until = Some(at);
                }
                let signal = uplink(SignalState::Ok, "it sees again".to_owned(), at);
                News { signal: Some(signal), blind_since: None }
            }
            Some(Sight::Blind { since, reason }) => {
                let spell = Spell { from: since, until: None, reason: reason.clone() };
                self.spells.push(spell);
                let surplus = self.spells.len().saturating_sub(RECENT);
                self.spells.drain(..surplus);
                let signal = uplink(SignalState::Problem(Severity::High), reason, at);
                News { signal: Some(signal), blind_since: Some(since) }
            }
        }
    }
}

fn uplink(state: SignalState, text: String, at: Time) -> Signal {
    Signal {
        source: SourceId::parse("collector").expect("it is a name"),
        check: CheckId::parse("collector.uplink").expect("it is a name"),
        object: Object::Collector(collector()),
        state,
        at,
        via: None,
        text,
    }
}

/// What an object stands on: what is lost with it need not be our own loss.
fn place(object: &Object, topology: &Topology) -> String {
    let host = match object {
        Object::Vm(vm) => topology.vms.get(vm).and_then(|place| place.host.as_ref()),
        Object::Host(host) => Some(host),
        Object::Switch(_)
        | Object::Module(_)
        | Object::Project(_)
        | Object::DataSource(_)
        | Object::Collector(_)
        | Object::Channel(_)
        | Object::Pool(_)
        | Object::Vantage(_) => None,
    };
    host.map_or_else(|| object.to_string(), ToString::to_string)
}
