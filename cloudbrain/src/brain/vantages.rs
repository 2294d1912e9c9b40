//! The vantages beside the brain: what each has told, and what follows from it.
//!
//! Each has a ledger for each module, which goes by what was delivered and by no clock of ours. So what
//! comes hours late, as after our own death, takes its place as if it had come at once. Answers bear the
//! start of their vantage and a number: what comes twice is known, and what is missing was dropped.
//!
//! A vantage whose targets nearly all fall silent at once, or whose canaries do, is blind: what it saw then is
//! unknown, by the rules that hold for the brain's own eyes.
//!
//! A quorum decides alarms, too: see [`Words`].

mod words;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use availability::{Accounting, Interval, Ledger, State};
use collector::reach::Reach;
use collector::sight::{Rules, Sight, Watchman};
use model::id::{ModuleId, VantageId};
use model::signal::Signal;
use model::time::Time;
use model::verdict::{Outcome, Phase, ProbeTarget, Timings, Verdict};
use serde::{Deserialize, Serialize};
use store::Change;

pub use self::words::{Judges, Words};
use super::core::MISSES;
use super::record;
use crate::config::Config;
use crate::vantage::wire::{Answer, Batch, Taken, What};

/// Rooms of the store that are about vantages: `vantage/beijing`, and `vantage/beijing/shop/web`.
const ROOM: &str = "vantage/";
/// Who was not heard for so many intervals is silent, but for this time at least.
const SILENT_INTERVALS: u32 = 3;
const SILENT_AFTER: Duration = Duration::from_secs(5);

/// All that are named, or were.
#[derive(Debug, Default)]
pub struct Vantages {
    known: BTreeMap<VantageId, Vantage>,
    /// The modules that they look at.
    looked_at: BTreeSet<String>,
}

/// One of them.
#[derive(Debug)]
struct Vantage {
    kept: Kept,
    /// What is kept is not in the store as it is now.
    is_changed: bool,
    ledgers: BTreeMap<ModuleId, Ledger>,
    /// Whose ledgers are not, either.
    changed: BTreeSet<ModuleId>,
    watchman: Watchman,
    /// What the watchman goes by.
    eyes: Eyes,
    /// Up to here its present blindness is in the accounts.
    blind_until: Time,
    reach: Reach,
    /// When it last posted, by our clock; not since our start if None.
    heard: Option<Time>,
}

/// How often it looks, and what it sees its own network by.
type Eyes = (Duration, Vec<SocketAddr>);

/// What is stored of a vantage beside its ledgers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// When the main file named it first.
    since: Time,
    /// When the main file named it no longer.
    until: Option<Time>,
    /// The last answer that was taken in.
    boot: u64,
    number: u64,
    /// Up to here it has delivered.
    newest: Time,
    lost: u64,
}

/// What a vantage knows of a module, taken at one moment.
#[derive(Clone, Debug)]
pub struct Elsewhere {
    ledger: Ledger,
    until: Option<Time>,
}

/// How a vantage fares, for whoever looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Standing {
    /// When it last posted; not since the start of the brain if None.
    pub heard: Option<Time>,
    /// Up to here it has delivered.
    pub newest: Time,
    /// So many of its answers were dropped before they came here.
    pub lost: u64,
    /// What it tells is of now, and it sees.
    pub is_looking: bool,
    pub trouble: Option<Trouble>,
}

/// Why a vantage does not look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    Silent { since: Time },
    Blind { since: Time, reason: String },
}

/// What of it the store does not hold as it is.
#[derive(Debug, Default)]
pub struct Changes {
    /// By room.
    pub rooms: Vec<(String, Option<String>)>,
    /// Spans that are settled.
    pub transitions: Vec<Change>,
}

/// What a batch came to.
#[derive(Debug, Default)]
pub struct Delivered {
    pub taken: Taken,
    /// What its own probes alone would say of modules.
    pub signals: Vec<Signal>,
}

impl Elsewhere {
    /// What it saw from `from` to before `until`; what its ledger remembers no more `stored` has.
    pub fn timeline(
        &self,
        accounting: &Accounting,
        stored: &[Interval],
        (from, until): (Time, Time),
    ) -> Vec<Interval> {
        timeline((&self.ledger, stored), self.until, accounting, (from, until))
    }

    /// What it heard.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Up to when it says something; None if it counts no longer.
    pub fn known_until(&self) -> Option<Time> {
        self.until.is_none().then(|| self.ledger.known_until())
    }
}

impl Vantages {
    /// As a former brain stored them.
    pub fn restore(config: &Config, memory: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        let mut vantages = Self::default();
        let ours =
            || memory.iter().filter_map(|(room, json)| Some((room.strip_prefix(ROOM)?, json)));
        for (name, json) in ours().filter(|(name, _)| !name.contains('/')) {
            let name: VantageId = name.parse()?;
            let vantage = Vantage::new(config, &name, serde_json::from_str(json)?);
            vantages.known.insert(name, vantage);
        }
        for (name, module, json) in
            ours().filter_map(|(room, json)| room.split_once('/').map(|(n, m)| (n, m, json)))
        {
            let Some(vantage) = vantages.known.get_mut(&name.parse()?) else { continue };
            vantage.ledgers.insert(module.parse()?, serde_json::from_str(json)?);
        }
        Ok(vantages)
    }

    /// What each of them knows of each module.
    pub fn ledgers_mut(&mut self) -> impl Iterator<Item = (&VantageId, &ModuleId, &mut Ledger)> {
        self.known.iter_mut().flat_map(|(name, vantage)| {
            vantage.ledgers.iter_mut().map(move |(module, ledger)| (name, module, ledger))
        })
    }

    /// The files in force name these.
    pub fn follow(&mut self, config: &Config, now: Time) {
        for name in config.vantages.keys() {
            let vantage = || Vantage::new(config, name, Kept::new(now));
            self.known.entry(name.clone()).or_insert_with(vantage);
        }
        for (name, vantage) in &mut self.known {
            vantage.follow(config, name, now);
            vantage.watchman.keep_only(&self.looked_at);
        }
    }

    /// Takes in what one delivered; None if the main file names none of this name. Of modules that are not
    /// published nothing is kept.
    pub fn deliver(
        &mut self,
        (accounting, published): (&Accounting, &BTreeMap<ModuleId, Ledger>),
        name: &VantageId,
        batch: Batch,
        now: Time,
    ) -> Option<Delivered> {
        let vantage = self.known.get_mut(name).filter(|vantage| vantage.kept.until.is_none())?;
        vantage.heard = Some(now);
        Some(vantage.deliver(&Ground { accounting, published, now }, batch))
    }

    /// What each saw of a module from `from` to before `until`.
    pub fn seen(
        &self,
        (module, own): (&ModuleId, &Ledger),
        accounting: &Accounting,
        (from, until): (Time, Time),
    ) -> BTreeMap<VantageId, Vec<Interval>> {
        let each = self.known.iter().map(|(name, vantage)| {
            let began = || Ledger::new(vantage.kept.since.max(own.since()));
            let known = vantage.ledgers.get(module);
            let ledger = known.map_or_else(|| Cow::Owned(began()), Cow::Borrowed);
            let heard = (&*ledger, &[][..]);
            let seen = timeline(heard, vantage.kept.until, accounting, (from, until));
            (name.clone(), seen)
        });
        each.collect()
    }

    /// Whether all of them remember what they saw of a module since then.
    pub fn remember_all_since(&self, module: &ModuleId, since: Time) -> bool {
        let ledgers = self.known.values().filter_map(|vantage| vantage.ledgers.get(module));
        ledgers.into_iter().all(|ledger| ledger.remembers_all_since(since))
    }

    /// What all of them know of a module.
    pub fn of(&self, module: &ModuleId, own: &Ledger) -> BTreeMap<VantageId, Elsewhere> {
        let each = self.known.iter().map(|(name, vantage)| {
            let ledger = || Ledger::new(vantage.kept.since.max(own.since()));
            let ledger = vantage.ledgers.get(module).cloned().unwrap_or_else(ledger);
            (name.clone(), Elsewhere { ledger, until: vantage.kept.until })
        });
        each.collect()
    }

    /// Of each that the main file names and that has told something of a module, what `newest` makes of that.
    pub fn newest<T>(
        &self,
        module: &ModuleId,
        newest: impl Fn(&Ledger) -> Option<T>,
    ) -> impl Iterator<Item = (VantageId, T)> {
        let named = self.known.iter().filter(|(_, vantage)| vantage.kept.until.is_none());
        named.filter_map(move |(name, vantage)| {
            Some((name.clone(), newest(vantage.ledgers.get(module)?)?))
        })
    }

    /// Those that the main file names, and how each fares.
    pub fn standings(
        &self,
        accounting: &Accounting,
        started: Time,
        now: Time,
    ) -> impl Iterator<Item = (&VantageId, Standing)> {
        let named = self.known.iter().filter(|(_, vantage)| vantage.kept.until.is_none());
        named.map(move |(name, vantage)| (name, vantage.standing(accounting, started, now)))
    }

    /// A probe that is taken no longer has no last word.
    pub fn forget_probe(&mut self, target: &ProbeTarget) {
        self.known.values_mut().for_each(|vantage| vantage.reach.forget_probe(target));
    }

    /// They look at these only.
    pub fn keep_only(&mut self, modules: BTreeSet<String>) {
        self.known.values_mut().for_each(|vantage| vantage.watchman.keep_only(&modules));
        self.looked_at = modules;
    }

    /// What the store does not hold as it is now.
    pub fn take_changes(&mut self) -> Changes {
        let mut changes = Changes::default();
        for (name, vantage) in &mut self.known {
            vantage.take_changes(name, &mut changes);
        }
        changes
    }
}

impl Kept {
    fn new(now: Time) -> Self {
        Self { since: now, until: None, boot: 0, number: 0, newest: now, lost: 0 }
    }
}

impl Vantage {
    fn new(config: &Config, name: &VantageId, kept: Kept) -> Self {
        let eyes = eyes(config, name);
        Self {
            blind_until: kept.newest,
            kept,
            is_changed: true,
            ledgers: BTreeMap::new(),
            changed: BTreeSet::new(),
            watchman: watchman(&eyes),
            eyes,
            reach: Reach::new(MISSES, None),
            heard: None,
        }
    }

    fn follow(&mut self, config: &Config, name: &VantageId, now: Time) {
        let is_named = config.vantages.contains_key(name);
        if is_named == self.kept.until.is_some() {
            self.kept.until = (!is_named).then_some(now);
            self.is_changed = true;
        }
        let eyes = eyes(config, name);
        if eyes != self.eyes {
            self.watchman = watchman(&eyes);
            self.eyes = eyes;
        }
    }

    fn deliver(&mut self, ground: &Ground<'_>, batch: Batch) -> Delivered {
        let mut delivered = Delivered::default();
        for (number, answer) in (batch.first..).zip(batch.answers) {
            match self.count(batch.boot, number) {
                None => delivered.taken.repeated += 1,
                Some(lost) => {
                    delivered.taken.lost += lost;
                    delivered.taken.new += 1;
                    delivered.signals.extend(self.hear(ground, answer));
                }
            }
        }
        if delivered.taken.new > 0 {
            self.is_changed = true;
            self.go_on(ground.accounting);
        }
        delivered
    }

    /// How many answers are missing before this one; None if it is known already.
    fn count(&mut self, boot: u64, number: u64) -> Option<u64> {
        let last = if boot == self.kept.boot { self.kept.number } else { 0 };
        if boot < self.kept.boot || number <= last {
            return None;
        }
        let lost = number - last - 1;
        (self.kept.boot, self.kept.number) = (boot, number);
        self.kept.lost = self.kept.lost.saturating_add(lost);
        Some(lost)
    }

    fn hear(&mut self, ground: &Ground<'_>, Answer { at, what }: Answer) -> Vec<Signal> {
        self.kept.newest = self.kept.newest.max(at);
        match what {
            What::Canary { address, answered } => {
                let news = self.watchman.on_canary(&address.to_string(), answered, at).cloned();
                self.look_up(news.as_ref(), at);
                Vec::new()
            }
            What::Probe { module, domain, outcome } => {
                let Some(own) = ground.published.get(&module) else { return Vec::new() };
                let verdict = verdict(module, domain, at, outcome);
                self.probed(ground.accounting, own.since(), &verdict);
                let is_of_now = ground.now.since(at) <= silent_after(ground.accounting);
                let is_heard = is_of_now && !self.watchman.is_blind();
                if is_heard { self.reach.on_verdict(&verdict) } else { Vec::new() }
            }
        }
    }

    fn probed(&mut self, accounting: &Accounting, published: Time, verdict: &Verdict) {
        let (at, module) = (verdict.at, verdict.target.module());
        let is_silence = is_silence(&verdict.outcome);
        let news = self.watchman.on_target(module.as_str(), module.as_str(), !is_silence, at);
        let news = news.cloned();
        self.look_up(news.as_ref(), at);
        if self.watchman.is_blind() && at.since(self.blind_until) > accounting.interval {
            self.black_out(self.blind_until, at);
        }
        let began = self.kept.since.max(published);
        let ledger = self.ledgers.entry(module.clone()).or_insert_with(|| Ledger::new(began));
        if !(is_silence && self.watchman.is_blind()) {
            ledger.observe(accounting, at, &verdict.outcome);
        }
        ledger.tick(accounting, at);
        self.changed.insert(module.clone());
    }

    /// Whoever finds himself blind has been so since the first silence.
    fn look_up(&mut self, news: Option<&Sight>, at: Time) {
        match news {
            None => (),
            Some(Sight::Blind { since, .. }) => self.black_out(*since, at),
            Some(Sight::Clear) => self.black_out(self.blind_until, at),
        }
    }

    fn black_out(&mut self, from: Time, until: Time) {
        self.ledgers.values_mut().for_each(|ledger| ledger.blind(from, until));
        self.changed.extend(self.ledgers.keys().cloned());
        self.blind_until = until;
    }

    /// Of all modules it has told what there was up to now.
    fn go_on(&mut self, accounting: &Accounting) {
        let newest = self.kept.newest;
        if self.watchman.is_blind() {
            self.black_out(self.blind_until, newest);
        }
        self.ledgers.values_mut().for_each(|ledger| ledger.tick(accounting, newest));
    }

    fn standing(&self, accounting: &Accounting, started: Time, now: Time) -> Standing {
        let last = self.heard.unwrap_or(started.max(self.kept.since));
        let longest = silent_after(accounting);
        let is_of_now = now.since(self.kept.newest) <= longest;
        let trouble = match self.watchman.sight() {
            _ if now.since(last) > longest => Some(Trouble::Silent { since: last }),
            Sight::Blind { since, reason } if is_of_now => {
                Some(Trouble::Blind { since: *since, reason: reason.clone() })
            }
            Sight::Blind { .. } | Sight::Clear => None,
        };
        let Kept { newest, lost, boot, .. } = self.kept;
        // Who was never heard has delivered up to nowhere.
        let is_looking = boot > 0 && is_of_now && trouble.is_none();
        Standing { heard: self.heard, newest, lost, is_looking, trouble }
    }

    /// Settled spans are rows; a ledger's room holds what may still change.
    fn take_changes(&mut self, name: &VantageId, changes: &mut Changes) {
        if !std::mem::take(&mut self.is_changed) {
            return;
        }
        let mut changed = std::mem::take(&mut self.changed);
        for (module, ledger) in &mut self.ledgers {
            for interval in ledger.take_transitions() {
                changed.insert(module.clone());
                changes.transitions.push(record::transition(Some(name), module, interval));
            }
        }
        let ledgers = changed.iter().filter_map(|module| Some((module, self.ledgers.get(module)?)));
        let ledgers = ledgers.filter_map(|(module, ledger)| {
            let json = serde_json::to_string(&ledger.tail()).ok()?;
            Some((format!("{ROOM}{name}/{module}"), Some(json)))
        });
        let kept = serde_json::to_string(&self.kept).ok();
        let kept = kept.map(|json| (format!("{ROOM}{name}"), Some(json)));
        changes.rooms.extend(ledgers.chain(kept));
    }
}

/// What answers are judged by.
struct Ground<'a> {
    accounting: &'a Accounting,
    /// The modules that there are, and since when.
    published: &'a BTreeMap<ModuleId, Ledger>,
    now: Time,
}

/// A vantage that the main file names no longer counts no longer.
fn timeline(
    (ledger, stored): (&Ledger, &[Interval]),
    gone: Option<Time>,
    accounting: &Accounting,
    (from, until): (Time, Time),
) -> Vec<Interval> {
    let gone = gone.map_or(until, |gone| gone.clamp(from, until));
    let mut timeline = ledger.timeline(accounting, stored, from, gone);
    if gone < until {
        let (state, why) = (State::NotApplicable, "it is no vantage any more".to_owned());
        timeline.push(Interval { from: gone, until, state, why });
    }
    timeline
}

fn eyes(config: &Config, name: &VantageId) -> Eyes {
    let canaries = config.vantages.get(name).map(|vantage| vantage.canaries.clone());
    (config.raw.collector.interval.0, canaries.unwrap_or_default())
}

fn watchman((interval, canaries): &Eyes) -> Watchman {
    Watchman::new(Rules::for_interval(*interval), canaries.iter().map(ToString::to_string))
}

/// Who was not heard for longer does not look.
pub(super) fn silent_after(accounting: &Accounting) -> Duration {
    accounting.interval.saturating_mul(SILENT_INTERVALS).max(SILENT_AFTER)
}

fn is_silence(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Unhealthy { phase: Phase::Dns | Phase::Connect, .. } | Outcome::Blind { .. }
    )
}

fn verdict(module: ModuleId, domain: String, at: Time, outcome: Outcome) -> Verdict {
    let target = ProbeTarget::Domain { module, domain };
    let (took, timings) = (Duration::ZERO, Timings::default());
    Verdict { target, at, outcome, took, timings, family: None }
}
