//! What is the matter with one object, by its own checks alone.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use model::id::{CheckId, CollectorId, Object};
use model::signal::{Severity, SignalState};
use model::time::Time;

use crate::message::RootState;
use crate::state::Word;

/// What is wrong, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// Nothing is heard; nothing is known to be wrong.
    Silent,
    /// It works badly.
    Degraded,
    /// The application on a VM fails.
    App,
    /// It does not live.
    Dead,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Health {
    pub(crate) trouble: Trouble,
    /// Arrival of the first bad word of this trouble.
    pub(crate) since: Time,
    pub(crate) severity: Severity,
    pub(crate) flapping: bool,
    /// The collectors all bad words came through; empty if one came past them.
    pub(crate) witnesses: BTreeSet<CollectorId>,
}

impl Health {
    /// What it is called if this object is the root.
    pub(crate) fn root_state(&self, object: &Object) -> RootState {
        match (object, self.trouble) {
            // One that is merely slow, or has a full disk, sees still.
            (Object::Collector(_), Trouble::Silent | Trouble::App | Trouble::Dead) => {
                RootState::Blind
            }
            (Object::Vantage(_), Trouble::Dead) => RootState::Blind,
            _ if self.flapping => RootState::Flapping,
            (_, Trouble::Dead) => RootState::Down,
            (_, Trouble::App | Trouble::Degraded) => RootState::Degraded,
            (_, Trouble::Silent) => RootState::Nodata,
        }
    }
}

/// None if nothing is wrong with it.
pub(crate) fn health(object: &Object, words: &[Word]) -> Option<Health> {
    let bad = || {
        words.iter().filter(|word| word.is_trouble()).filter(|word| !is_contradicted(word, words))
    };
    // What the worst of them says, and since when one says that.
    let worst = |known: (Trouble, Time), next: (Trouble, Time)| match next.0.cmp(&known.0) {
        Ordering::Greater => next,
        Ordering::Equal => (known.0, known.1.min(next.1)),
        Ordering::Less => known,
    };
    let (trouble, since) = bad().map(|word| (trouble(object, word), word.since)).reduce(worst)?;
    Some(Health {
        trouble,
        since,
        severity: bad().map(severity).max()?,
        flapping: bad().any(|word| word.flapping),
        witnesses: witnesses(bad),
    })
}

/// Whether it gave a good answer after that moment and does not contradict it by being dead. A rule
/// is no answer: what it finds good may have been measured before.
pub(crate) fn answered_after(object: &Object, words: &[Word], moment: Time) -> bool {
    let is_dead = health(object, words).is_some_and(|health| health.trouble == Trouble::Dead);
    let is_answer = |word: &&Word| word.is_good() && !word.check.as_str().starts_with("rule.");
    !is_dead && words.iter().filter(is_answer).any(|word| word.heard > moment)
}

/// Whether this check says that its object lives, as opposed to how well.
pub(crate) fn is_liveness(check: &CheckId) -> bool {
    static LIVES: LazyLock<[CheckId; 6]> = LazyLock::new(|| {
        let lives =
            ["switch.ping", "host.ping", "vm.ping", "ds.up", "collector.uplink", "vantage.uplink"];
        lives.map(|check| CheckId::parse(check).expect("letters and a dot"))
    });
    LIVES.contains(check)
}

fn is_contradicted(bad: &Word, words: &[Word]) -> bool {
    contradictor(bad, words).is_some()
}

/// The word of another source that looked at the same thing later, and found it good.
pub(crate) fn contradictor<'a>(bad: &Word, words: &'a [Word]) -> Option<&'a Word> {
    words.iter().find(|other| {
        other.check == bad.check
            && other.source != bad.source
            && other.is_good()
            && !other.flapping
            && other.heard > bad.since
    })
}

fn trouble(object: &Object, word: &Word) -> Trouble {
    let is_app = matches!(object, Object::Vm(_)) && word.check.as_str().starts_with("app.");
    match is_liveness(&word.check) {
        _ if word.said == SignalState::Silent => Trouble::Silent,
        true => Trouble::Dead,
        false if is_app => Trouble::App,
        false => Trouble::Degraded,
    }
}

fn severity(word: &Word) -> Severity {
    match word.said {
        SignalState::Problem(severity) => severity,
        SignalState::Silent => Severity::Warning,
        SignalState::Ok => word.last_severity, // It flaps: good just now, bad a moment ago.
    }
}

fn witnesses<'a, W: Iterator<Item = &'a Word>>(bad: impl Fn() -> W) -> BTreeSet<CollectorId> {
    if bad().any(|word| word.via.is_none()) {
        return BTreeSet::new();
    }
    bad().filter_map(|word| word.via.clone()).collect()
}
