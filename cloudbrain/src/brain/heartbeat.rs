//! Says that we live, as long as we do: the dead man's switch.
//!
//! A monitor that has died says nothing, and silence looks like peace. So somebody outside is told
//! regularly that all is well with the monitor itself, and raises the alarm when he is not. Each
//! heartbeat is a task of its own, beside the brain; but it vouches for the brain, and not for
//! itself: it beats only if the loop answers, a turn has been committed lately, the record can be
//! written, and the eye sees.
//!
//! A beat that is not accepted is not tried again before the next is due. Two in a row are a fault
//! of that way out: operations are told of it on their own channels.
//!
//! It does not watch other machines, and it decides nothing.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alerter::hands::{Channel, Parcel};
use alerter::message::{Message, MessageKind, RootState, View};
use anyhow::anyhow;
use drivers::channel::Ground;
use drivers::channel::ping::Ping;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::clock::SharedClock;
use model::id::{ChannelId, CheckId, IncidentId, Object, SourceId};
use model::lang::Lang;
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;

use crate::config::Config;
use crate::config::heartbeat::{Method, RawAliveMessage, RawHeartbeat, RawPing};
use crate::oncall::moment;

use super::core::{Core, Heard};
use super::{Handle, Input};

/// A brain without a turn for so many ticks is stuck.
const TICKS: u32 = 3;
/// A turn itself may take this long on a busy machine.
const TURN_WITHIN: Duration = Duration::from_secs(5);
/// So many beats in a row are not accepted before anybody is told.
const MISSES: u32 = 2;
/// The first beat after a start.
const FIRST_AFTER: Duration = Duration::from_secs(5);
/// A clock that is set is noticed within this time.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// A message that was not delivered is tried again so often, after this pause.
const TRIES: u32 = 3;
const PAUSE: Duration = Duration::from_secs(30);

/// Starts a task for each heartbeat of the files.
pub fn spawn(
    config: &Config,
    ground: &Ground,
    channels: &BTreeMap<String, Arc<dyn Channel>>,
    handle: &Handle,
) -> anyhow::Result<()> {
    for heartbeat in &config.heartbeats {
        let way = match heartbeat {
            RawHeartbeat::Ping(ping) => pings(ping, ground)?,
            RawHeartbeat::Message(message) => messages(config, message, channels)?,
        };
        let witness = Witness::new(handle.clone(), config.raw.tick.0);
        let name = heartbeat.name();
        tokio::spawn(Heart { name, way, witness, misses: 0, told_shut: None }.beat());
    }
    Ok(())
}

/// What a former brain said of heartbeats that are no longer in the files is over.
pub fn take_back(config: &Config, core: &Core, now: Time) -> Vec<Signal> {
    let is_known = |object: &Object| {
        config.heartbeats.iter().any(|beat| object_of(&beat.name()).as_ref() == Some(object))
    };
    let source = source();
    let bad = core.alerter.bad_by(&source).map(|(object, ..)| object.clone());
    bad.filter(|object| !is_known(object)).map(|object| signal(object, None, now)).collect()
}

/// Whether the eye sees; the error says since when not, and why.
pub fn sees(core: &Core) -> Result<(), String> {
    match core.eye.blindness() {
        None => Ok(()),
        Some(spell) => Err(format!("blind since {}: {}", spell.from, spell.reason)),
    }
}

/// By which way it beats, and when.
enum Way {
    Ping(Box<Pings>),
    Message(Box<Daily>),
}

/// One address while all is well, and another while it is not.
struct Pings {
    alive: Ping,
    fail: Option<Ping>,
    every: Duration,
}

/// One message a day.
struct Daily {
    channel: Arc<dyn Channel>,
    address: Option<String>,
    message: RawAliveMessage,
    lang: Lang,
    zone: TimeZone,
    fleet: String,
}

struct Heart {
    name: String,
    way: Way,
    witness: Witness,
    /// In a row.
    misses: u32,
    /// Whether the brain was told that it is shut; None: nothing yet. A former brain may have been
    /// told, so the first word is said in any case.
    told_shut: Option<bool>,
}

/// Knows whether the brain really works.
struct Witness {
    handle: Handle,
    tick: Duration,
    /// The number of turns when it was looked at last, and when it became that.
    turns: (u64, Duration),
}

fn pings(ping: &RawPing, ground: &Ground) -> anyhow::Result<Way> {
    let is_post = ping.method == Method::Post;
    let open = |field, url| {
        Ping::new(field, url, is_post, ground).map_err(|problem| {
            anyhow!("heartbeat {}: {}: {}", ping.name, problem.field, problem.message)
        })
    };
    let fail = ping.fail_url.as_ref().map(|url| open("fail_url", url)).transpose()?;
    let alive = open("url", &ping.url)?;
    Ok(Way::Ping(Box::new(Pings { alive, fail, every: ping.every.0 })))
}

fn messages(
    config: &Config,
    message: &RawAliveMessage,
    channels: &BTreeMap<String, Arc<dyn Channel>>,
) -> anyhow::Result<Way> {
    let name = &message.channel;
    let channel = channels.get(name).ok_or_else(|| anyhow!("heartbeat: no channel {name:?}"))?;
    let person = config.raw.people.get(&message.to);
    Ok(Way::Message(Box::new(Daily {
        channel: channel.clone(),
        address: person.and_then(|person| person.addresses.get(name).cloned()),
        message: message.clone(),
        lang: person.map(|person| person.language).unwrap_or_default(),
        zone: TimeZone::get(&config.raw.timezone).unwrap_or(TimeZone::UTC),
        fleet: config.raw.fleet.clone(),
    })))
}

impl Heart {
    async fn beat(mut self) {
        self.wait_first().await;
        loop {
            match self.witness.vouch().await {
                Ok(()) => {
                    let accepted = self.alive().await;
                    self.tell(accepted.err());
                }
                Err(why) => self.fail(&why).await,
            }
            self.wait().await;
        }
    }

    async fn wait_first(&self) {
        match &self.way {
            Way::Ping(pings) => tokio::time::sleep(pings.every.min(FIRST_AFTER)).await,
            Way::Message(_) => self.wait().await,
        }
    }

    async fn wait(&self) {
        match &self.way {
            Way::Ping(pings) => tokio::time::sleep(pings.every).await,
            Way::Message(daily) => daily.wait(&self.witness.handle.clock).await,
        }
    }

    async fn alive(&self) -> Result<(), String> {
        match &self.way {
            Way::Ping(pings) => pings.alive.send("alive").await,
            Way::Message(daily) => daily.send(self.witness.handle.clock.now()).await,
        }
    }

    /// Says that we run and do not work, where somebody wants to hear of it.
    async fn fail(&self, why: &str) {
        tracing::warn!(heartbeat = %self.name, %why, "no heartbeat: the brain does not work");
        let Way::Ping(pings) = &self.way else { return };
        let Some(fail) = &pings.fail else { return };
        if let Err(why) = fail.send(why).await {
            tracing::warn!(heartbeat = %self.name, %why, "not even the fault could be told");
        }
    }

    /// The brain hears of a way out that is shut, and that it is open again.
    fn tell(&mut self, fault: Option<String>) {
        if let Some(why) = &fault {
            tracing::warn!(heartbeat = %self.name, %why, "heartbeat not accepted");
        }
        let is_shut = fault.is_some();
        self.misses = if is_shut { self.misses + 1 } else { 0 };
        let is_sure = !is_shut || self.misses >= MISSES;
        if !is_sure || self.told_shut == Some(is_shut) {
            return;
        }
        let at = self.witness.handle.clock.now();
        let Some(object) = object_of(&self.name) else { return };
        let heard = Input::Heard(Heard::Heartbeat(signal(object, fault, at)));
        if self.witness.handle.inbox.try_send(heard).is_ok() {
            self.told_shut = Some(is_shut); // Else the next beat tells.
        }
    }
}

impl Witness {
    fn new(handle: Handle, tick: Duration) -> Self {
        let turns = (*handle.turns.borrow(), handle.clock.elapsed());
        Self { handle, tick, turns }
    }

    /// Whether the brain really works; the error says what is wrong with it.
    async fn vouch(&mut self) -> Result<(), String> {
        if let Some(trouble) = self.handle.trouble.borrow().clone() {
            return Err(format!("the record cannot be written: {trouble}"));
        }
        let seen = self.handle.ask(|core, _| sees(core)).await?;
        let (count, now) = (*self.handle.turns.borrow(), self.handle.clock.elapsed());
        if count != self.turns.0 {
            self.turns = (count, now);
        }
        let still = now.saturating_sub(self.turns.1);
        if still > self.tick * TICKS + TURN_WITHIN {
            return Err(format!("no turn was committed for {} s", still.as_secs()));
        }
        seen
    }
}

impl Daily {
    /// Until the time of the day comes next, whatever becomes of the clock meanwhile.
    async fn wait(&self, clock: &SharedClock) {
        let next = self.next(clock.now());
        loop {
            let left = next.since(clock.now());
            if left.is_zero() {
                return;
            }
            tokio::time::sleep(left.min(LOOK_EVERY)).await;
        }
    }

    /// The next moment at which it is that time there.
    fn next(&self, now: Time) -> Time {
        let time = self.message.time().unwrap_or_default();
        let stamp = Timestamp::from_millisecond(now.millis()).unwrap_or(Timestamp::UNIX_EPOCH);
        let today = self.zone.to_datetime(stamp).date();
        let days = [Some(today), today.tomorrow().ok()].into_iter().flatten();
        let moments = days.filter_map(|day| moment(&self.zone, day, time));
        moments.filter(|moment| *moment > now).min().unwrap_or(now + LOOK_EVERY)
    }

    async fn send(&self, now: Time) -> Result<(), String> {
        let message = self.alive(now).ok_or("its name is no name of a channel")?;
        let mut failed = String::new();
        for attempt in 0..TRIES {
            if attempt > 0 {
                tokio::time::sleep(PAUSE).await;
            }
            let parcel = Parcel {
                messages: std::slice::from_ref(&message),
                address: self.address.as_deref(),
                thread: None,
            };
            match self.channel.deliver(parcel).await {
                Ok(_) => return Ok(()),
                Err(error) => failed = error.to_string(),
            }
        }
        Err(failed)
    }

    /// It begins no incident: nobody is told of its end.
    fn alive(&self, at: Time) -> Option<Message> {
        let RawAliveMessage { channel, to, .. } = &self.message;
        let id = format!("alive-{}", at.millis());
        let fleet = &self.fleet;
        Some(Message {
            key: format!("{id}-{to}-1"),
            to: to.clone(),
            is_report: false,
            kind: MessageKind::Problem,
            view: View::Operations,
            incident: IncidentId::parse(&id).ok()?,
            root: Object::Channel(ChannelId::parse(channel).ok()?),
            more_roots: Vec::new(),
            state: RootState::Degraded,
            severity: Severity::Info,
            affected: Vec::new(),
            affected_more: 0,
            businesses: Vec::new(),
            lang: self.lang,
            text: self.lang.pick(
                format!(
                    "The monitor of {fleet} works\nThis comes every day. When it does not, look at \
                     the monitor: nobody else will tell you."
                ),
                format!("{fleet} 的监控工作正常\n本消息每天发送一次。如果没有收到，请检查监控本身：届时不会有其他通知。"),
            ),
            at,
        })
    }
}

fn source() -> SourceId {
    SourceId::parse("heartbeat").expect("it is a name")
}

/// None if the name is too long for one; the files are refused then.
fn object_of(name: &str) -> Option<Object> {
    ChannelId::parse(&format!("heartbeat-{name}")).ok().map(Object::Channel)
}

fn signal(object: Object, fault: Option<String>, at: Time) -> Signal {
    let state = match fault {
        Some(_) => SignalState::Problem(Severity::High),
        None => SignalState::Ok,
    };
    Signal {
        source: source(),
        check: CheckId::parse("heartbeat.accepted").expect("it is a name"),
        object,
        state,
        at,
        via: None,
        text: fault.unwrap_or_default(),
    }
}
