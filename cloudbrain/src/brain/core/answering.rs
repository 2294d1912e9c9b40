//! What is kept of probes: the ledgers that heard one, and how long users waited. Each probe is on record
//! until its hour is settled, then the hour is; both changes are of one turn, so a death in between
//! counts nothing twice.

use std::collections::BTreeSet;
use std::time::Duration;

use availability::{Answer, Answers, LENGTHS, Latencies, Stretch, start_of};
use model::id::{ModuleId, ProjectId};
use model::time::Time;
use model::verdict::Verdict;
use store::{AnswersRow, Change, LookRow, Store};

use crate::brain::record;
use crate::config::Config;

use super::Core;

/// For so long answers are kept: thirteen months, so that a month can be told beside that of a year ago.
const ANSWERS_KEPT: Duration = Duration::from_secs(403 * 86_400);
/// Of the probes that are settled so much goes in one turn, so that none takes long; and where turns are seldom
/// a part of what waits, so that it does not pile up.
const PROBES_DROPPED: Duration = Duration::from_secs(60);
const PART_DROPPED: u32 = 16;

const NEVER: Time = Time::from_millis(i64::MIN);

impl Core {
    /// Keeps how long the probe of a domain took.
    pub(super) fn time_answer(&mut self, module: &ModuleId, verdict: &Verdict) {
        let Some(answer) = Answer::of(&verdict.outcome, verdict.took) else { return };
        if self.latencies.observe(&self.accounting, module, verdict.at, answer) {
            let (at, module) = (verdict.at, module.clone());
            self.pending.changes.push(Change::Look(LookRow { at, module, took: took(answer) }));
        }
    }

    /// What was seen while we were blind says nothing of the modules.
    pub(super) fn blind_ledgers(&mut self, from: Time, before: Time) {
        self.ledgers.values_mut().for_each(|ledger| ledger.blind(from, before));
        self.heard.extend(self.ledgers.keys().cloned());
        self.latencies.blind(from, before);
        self.pending.changes.push(Change::ForgetLooks { from, before });
    }

    /// What of the ledgers is not in the store as it is now.
    pub(super) fn changed_ledgers(&mut self) -> Vec<Change> {
        let mut changes = Vec::new();
        for module in std::mem::take(&mut self.heard) {
            let Some(ledger) = self.ledgers.get(&module) else { continue };
            changes.extend(record::ledger(&module, ledger));
            let last = ledger.settled_blips().last();
            if self.blips_kept.get(&module) != last {
                changes.extend(record::blips(&module, ledger));
                self.blips_kept.extend(last.map(|last| (module, *last)));
            }
        }
        let together = std::mem::take(&mut self.ledgers_are_together);
        let room = record::LEDGERS.to_owned();
        changes.extend(together.then_some(Change::Forget { room }));
        changes
    }

    /// Writes down the hours that are over for good.
    pub(super) fn settle_answers(&mut self, now: Time) {
        let config = &self.config;
        let thresholds = |module: &ModuleId| thresholds(config, module);
        let settled = self.latencies.settle(&self.accounting, now, thresholds);
        if !settled.is_empty() {
            let before = now - ANSWERS_KEPT;
            let forget = |hours| Change::ForgetAnswers { hours, before };
            self.pending.changes.extend(LENGTHS.map(forget));
        }
        self.pending.changes.extend(settled.into_iter().map(row).map(Change::Answers));
        self.drop_probes();
    }

    /// After a start all that may be left goes at once.
    fn drop_probes(&mut self) {
        let settled = self.latencies.settled_until();
        let (from, before) = match self.probes_from {
            Some(from) => {
                let part = (settled.since(from) / PART_DROPPED).max(PROBES_DROPPED);
                (from, settled.min(from + part))
            }
            None => (NEVER, settled),
        };
        if from < before {
            self.pending.changes.push(Change::ForgetLooks { from, before });
            self.probes_from = Some(before);
        }
    }
}

/// What the policy of its project has counted.
pub(in crate::brain) fn thresholds(config: &Config, module: &ModuleId) -> BTreeSet<Duration> {
    let project = module.as_str().split_once('/').map(|(project, _)| project);
    let project = project.and_then(|project| ProjectId::parse(project).ok());
    let policy = project.map(|project| config.accountings.of(&project));
    policy.map_or(BTreeSet::new(), |policy| policy.terms.latency.thresholds())
}

/// What a former brain left of it, by its memory and what is in the store.
pub(in crate::brain) async fn inherit(
    settled_until: Option<Time>,
    store: &Store,
) -> anyhow::Result<Latencies> {
    let settled_until = settled_until.unwrap_or(NEVER);
    let looks = store.looks(settled_until).await?;
    let looks = looks.into_iter().map(|look| {
        let answer = look.took.map(Duration::from_micros).map_or(Answer::Failed, Answer::Took);
        (look.module, look.at, answer)
    });
    let mut latencies = Latencies::restore(settled_until, looks);
    for hours in LENGTHS.into_iter().filter(|hours| *hours > 1) {
        for row in store.answers_from(hours, start_of(settled_until, hours)).await? {
            latencies.resume(stretch(row).map_err(anyhow::Error::msg)?);
        }
    }
    Ok(latencies)
}

/// As it was kept.
///
/// # Errors
/// If the store is damaged: what would be left out would be missing in every sum.
pub(in crate::brain) fn stretch(row: AnswersRow) -> Result<Stretch, String> {
    let AnswersRow { module, hours, at, probes, failures, body } = row;
    let answers = Answers::unpack(at, probes, failures, &body).ok_or_else(|| {
        format!(
            "the answers of {module} from {at} on cannot be read; restore a backup of the store"
        )
    })?;
    Ok(Stretch { module, hours, at, answers })
}

fn took(answer: Answer) -> Option<u64> {
    match answer {
        Answer::Took(took) => u64::try_from(took.as_micros()).ok(),
        Answer::Failed => None,
    }
}

/// As it is kept.
fn row(stretch: Stretch) -> AnswersRow {
    let Stretch { module, hours, at, answers } = stretch;
    let (probes, failures) = (answers.probes, answers.failures);
    AnswersRow { module, hours, at, probes, failures, body: answers.pack(at) }
}
