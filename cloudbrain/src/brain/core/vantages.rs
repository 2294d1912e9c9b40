//! What is looked at from elsewhere: answers of vantages, what they say of modules together, and which of
//! the vantages does not look.

use std::collections::{BTreeMap, BTreeSet};

use availability::{
    Accounting, Indicator, Interval, Joined, Ledger, Overlay, Report, State, join, lay,
};
use model::id::{CheckId, ModuleId, Object, SourceId, VantageId};
use model::signal::{Severity, Signal, SignalState};
use model::time::Time;
use model::verdict::ProbeTarget;

use crate::brain::report::Seen;
use crate::brain::vantages::{Judges, Standing, Trouble, silent_after};
use crate::config::vantages::brain;
use crate::vantage::wire::{Batch, Taken, Target, TargetList};

use super::Core;

/// What a probe of a domain says of its module: see `collector::reach`.
const OF_DOMAINS: &str = "monitor.domain";

impl Core {
    /// What a vantage is to probe; None if the main file names none of this name. A module that has not
    /// served yet fails as it must, and one that is not measured by its domain is no business of theirs.
    pub fn vantage_targets(&self, name: &VantageId) -> Option<TargetList> {
        let vantage = self.config.vantages.get(name)?;
        let collector = &self.config.raw.collector;
        let probes = self.targets.probes.iter().filter_map(|probe| match &probe.target {
            ProbeTarget::Domain { module, domain }
                if self.ledgers.contains_key(module)
                    && self.is_measured_by(module, &Indicator::Domain) =>
            {
                let (module, domain) = (module.clone(), domain.clone());
                Some(Target { module, domain, path: probe.path.clone() })
            }
            ProbeTarget::Domain { .. } | ProbeTarget::Vm { .. } => None,
        });
        Some(TargetList {
            interval: collector.interval,
            timeout: collector.timeout,
            canaries: vantage.canaries.clone(),
            targets: probes.collect(),
        })
    }

    /// A vantage told what it saw. None if the main file names none of this name.
    pub(super) fn delivered(&mut self, name: &VantageId, batch: Batch, now: Time) -> Option<Taken> {
        let ground = (&self.accounting, &self.ledgers);
        let delivered = self.vantages.deliver(ground, name, batch, now)?;
        let lost = delivered.taken.lost;
        if lost > 0 {
            tracing::warn!(vantage = %name, lost, "answers lost: their time is unknown");
            let text = format!("vantage {name} dropped {lost} answers; their time is unknown");
            self.note("vantage", &text, now);
        }
        let signals = self.agreed(name, delivered.signals);
        self.signals(signals, now);
        Some(delivered.taken)
    }

    /// Of what one says of modules, what is said of them by all together.
    pub(super) fn agreed(&mut self, who: &VantageId, signals: Vec<Signal>) -> Vec<Signal> {
        if self.config.vantages.is_empty() {
            return signals;
        }
        let mut agreed = Vec::new();
        for signal in signals {
            if let Object::Module(module) = &signal.object
                && signal.check.as_str() == OF_DOMAINS
            {
                let (module, judges) = (module.clone(), self.judges(module));
                agreed.extend(self.words.hear(who, &module, &signal, &judges));
            } else {
                agreed.push(signal);
            }
        }
        agreed
    }

    /// Who looks just now, and of those who do not, what is to be told.
    pub(super) fn watch_vantages(&mut self, now: Time) {
        let standings = self.vantages.standings(&self.accounting, self.started, now);
        let standings: Vec<(VantageId, Standing)> =
            standings.map(|(name, standing)| (name.clone(), standing)).collect();
        let looking = standings.iter().filter(|(_, standing)| standing.is_looking);
        let looking = looking.map(|(name, _)| name.clone());
        let own = (!self.eye.is_blind()).then(brain);
        let looking: BTreeSet<VantageId> = looking.chain(own).collect();
        if self.looking != looking {
            for vantage in looking.difference(&self.looking) {
                tracing::info!(%vantage, "a vantage looks");
            }
            self.looking = looking;
            self.judge_anew(now);
        }
        let troubles = standings.into_iter().filter_map(|(name, one)| Some((name, one.trouble?)));
        let troubles: BTreeMap<Object, Trouble> =
            troubles.map(|(name, trouble)| (Object::Vantage(name), trouble)).collect();
        self.tell_of_vantages(&troubles, now);
    }

    /// Others look at modules, or others decide about them.
    pub(super) fn judge_anew(&mut self, now: Time) {
        for module in self.words.modules() {
            let judges = self.judges(&module);
            let signal = self.words.judge(&module, &judges, now);
            self.signals(signal, now);
        }
    }

    /// Once that one does not look, and once that it does again. What was told of before our start the
    /// alerter knows.
    fn tell_of_vantages(&mut self, troubles: &BTreeMap<Object, Trouble>, now: Time) {
        let told = match self.told_of_vantages.take() {
            Some(told) => told,
            None => self.alerter.bad_by(&source()).map(|(object, ..)| object.clone()).collect(),
        };
        let over = told.iter().filter(|object| !troubles.contains_key(*object));
        let over =
            over.map(|object| word(object, SignalState::Ok, "it looks again".to_owned(), now));
        let news = troubles.iter().filter(|(object, _)| !told.contains(*object));
        let news = news.map(|(object, trouble)| match trouble {
            Trouble::Silent { since } => {
                word(object, SignalState::Silent, format!("it delivers nothing since {since}"), now)
            }
            Trouble::Blind { reason, .. } => {
                word(object, SignalState::Problem(Severity::Average), reason.clone(), now)
            }
        });
        let signals: Vec<Signal> = over.chain(news).collect();
        self.signals(signals, now);
        self.told_of_vantages = Some(troubles.keys().cloned().collect());
    }

    /// A probe that is taken no longer has no last word anywhere.
    pub(super) fn forget_elsewhere(&mut self, target: &ProbeTarget) {
        if let ProbeTarget::Domain { module, .. } = target {
            self.vantages.forget_probe(target);
            self.words.forget(module);
        }
    }

    /// Without a quorum in its policy the brain alone decides about a module, and about what it alone looks at.
    fn judges(&self, module: &ModuleId) -> Judges {
        let is_seen = self.is_measured_by(module, &Indicator::Domain);
        match self.quorum_of(module).filter(|_| is_seen) {
            Some(quorum) => Judges { quorum, looking: self.looking.clone() },
            None => Judges { quorum: 1, looking: [brain()].into() },
        }
    }

    fn quorum_of(&self, module: &ModuleId) -> Option<u32> {
        let project = &self.config.modules.get(module)?.project;
        self.config.accountings.of(project).terms.quorum
    }

    /// What the vantages saw of a module, ours among them, as far as it is remembered.
    pub fn seen(&self, module: &ModuleId, own: &Ledger, from: Time, until: Time) -> Seen {
        let accounting = &self.accounting;
        let mut seen = self.vantages.seen((module, own), accounting, (from, until));
        let apart = self.apart(module);
        seen.values_mut().for_each(|timeline| *timeline = lay(timeline, &apart));
        seen.insert(brain(), own.timeline(accounting, &[], from, until));
        seen
    }

    /// When vantages did not look at a module, as it was not measured by its domain.
    pub fn apart(&self, module: &ModuleId) -> Vec<Overlay> {
        self.not_by_domain.not_applicable(module, "the brain alone looked")
    }

    /// How a module is by what each told last, ours among them; nothing if there are no others.
    pub fn by_vantage(&self, module: &ModuleId, now: Time) -> Vec<(VantageId, Interval)> {
        let is_seen =
            !self.config.vantages.is_empty() && self.is_measured_by(module, &Indicator::Domain);
        let Some(own) = self.ledgers.get(module).filter(|_| is_seen) else { return Vec::new() };
        let newest = |ledger: &Ledger| newest(&self.accounting, ledger);
        let others = self.vantages.newest(module, newest);
        let late = |interval: Interval| match now.since(interval.until) {
            age if age > silent_after(&self.accounting) => {
                let why = format!("it delivers nothing since {}", interval.until);
                Interval { state: State::Unknown, why, ..interval }
            }
            _ => interval,
        };
        let all = others.chain(newest(own).map(|interval| (brain(), interval)));
        all.map(|(name, interval)| (name, late(interval))).collect()
    }

    /// What is believed of a module, by the policy of its project; None if it is not accounted for.
    pub fn believed(&self, module: &ModuleId, from: Time, until: Time) -> Option<Joined> {
        let own = self.ledgers.get(module)?;
        let Some(quorum) = self.quorum_of(module) else {
            let timeline = own.timeline(&self.accounting, &[], from, until);
            return Some(Joined { timeline, partials: Vec::new() });
        };
        Some(join(&self.seen(module, own, from, until), quorum))
    }

    /// How available a module was, likewise.
    pub fn availability(&self, module: &ModuleId, from: Time, until: Time) -> Option<Report> {
        let own = self.ledgers.get(module)?;
        let blips = own.blips(&self.accounting, from, until);
        let Joined { timeline, .. } = self.believed(module, from, until)?;
        Some(Report::new(&self.accounting_of(module), timeline, blips))
    }
}

/// How it was when it was last looked at.
fn newest(accounting: &Accounting, ledger: &Ledger) -> Option<Interval> {
    let until = ledger.known_until();
    ledger.timeline(accounting, &[], until - accounting.interval, until).pop()
}

fn word(object: &Object, state: SignalState, text: String, at: Time) -> Signal {
    let (source, object) = (source(), object.clone());
    let check = CheckId::parse("vantage.uplink").expect("it is a name");
    Signal { source, check, object, state, at, via: None, text }
}

fn source() -> SourceId {
    SourceId::parse("vantage").expect("it is a name")
}
