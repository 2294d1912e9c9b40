//! Watches over what is promised: how much of each module's error budget is left, and whether it burns
//! too fast. The brain is told each quarter of a minute; rules raise the alarms, and the scaler takes nothing
//! away while a budget is used up, if its policy says so.
//!
//! It goes by the same ledgers, record and terms as a report, so an alarm and the report after it agree.

use std::collections::BTreeMap;
use std::time::Duration;

use availability::{BURN_RULES, Interval, Overlay, Period, Standing};
use model::id::ModuleId;
use model::time::Time;
use scaler::facts::SpentBudget;
use store::{JournalRow, StoreError};

use super::Handle;
use super::core::{Core, Heard};
use super::report::{self, BEFORE, Ledgers};
use crate::config::accounting::{AccountingPolicy, WhenSpent};
use crate::config::vantages::brain;

/// Figures are kept as often.
const LOOK_EVERY: Duration = Duration::from_secs(15);
/// What is read of the journal again at each look: rows may be written a little late.
const AGAIN: Duration = Duration::from_secs(60);

/// The promise about one module, as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Watched {
    /// `standard@1`.
    pub policy: String,
    pub when_spent: WhenSpent,
    pub standing: Standing,
}

impl Watched {
    /// What the scaler is told, if it is to take nothing away.
    pub fn spent(&self) -> Option<SpentBudget> {
        let Self { policy, when_spent, standing } = self;
        let counts = standing.is_spent() && *when_spent == WhenSpent::OnlyOut;
        counts.then(|| SpentBudget {
            policy: policy.clone(),
            down: standing.budget.used,
            allowed: standing.budget.whole,
            until: standing.until,
        })
    }
}

/// Looks until the brain stops.
pub(super) async fn watch(handle: Handle) {
    let (mut announced, mut trouble) = (Announced::default(), None);
    loop {
        match look(&handle, &mut announced).await {
            Ok(watched) => {
                trouble = None;
                if handle.tell(Heard::Budgets(watched)).await.is_err() {
                    return;
                }
            }
            Err(error) if trouble.as_ref() == Some(&error) => (),
            Err(error) => {
                tracing::warn!(
                    error,
                    "error budgets are not watched; the last word on them stands"
                );
                trouble = Some(error);
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// One module whose availability is promised, over the period that its promise is about.
struct Promise {
    module: ModuleId,
    policy: AccountingPolicy,
    period: Period,
    since: Time,
    record: Record,
    /// How it is looked at.
    probing: Probing,
    /// When it was in no file.
    away: Vec<Overlay>,
}

/// How often, and how many failures in a row are an outage.
type Probing = (Duration, u32);

/// The time since then. A ledger may hold years of which nothing is needed here, so it is copied only if
/// it does not remember enough by itself.
enum Record {
    Whole(Vec<Interval>),
    Part(Box<Ledgers>),
}

async fn look(
    handle: &Handle,
    announced: &mut Announced,
) -> Result<BTreeMap<ModuleId, Watched>, String> {
    let asked = handle.ask(|core, now| (promises(core, now), core.accounting.clone(), now));
    let (promises, accounting, now) = asked.await?;
    if promises.is_empty() {
        return Ok(BTreeMap::new());
    }
    announced.read_on(handle, now).await.map_err(|error| error.to_string())?;
    let mut watched = BTreeMap::new();
    for Promise { module, policy, period, since, record, probing, away } in promises {
        let timeline = match record {
            Record::Whole(timeline) => timeline,
            Record::Part(ledgers) => {
                let seen = report::seen(handle, &module, &ledgers, &accounting, (since, now));
                let seen = seen.await.map_err(|error| error.to_string())?;
                policy.terms.believe(&seen, &brain()).timeline
            }
        };
        let mut overlays = report::overlays(&announced.rows, &module);
        overlays.extend(away);
        let standing = Standing::new(&policy.terms, &period, probing, now, &timeline, &overlays);
        let (policy, when_spent) = (policy.terms.id(), policy.when_spent);
        let word = standing.map(|standing| Watched { policy, when_spent, standing });
        watched.extend(word.map(|word| (module, word)));
    }
    Ok(watched)
}

fn promises(core: &Core, now: Time) -> Vec<Promise> {
    let promised = core.ledgers.iter().filter_map(|(module, ledger)| {
        let project = &core.config.modules.get(module)?.project;
        let policy = core.config.accountings.of(project);
        policy.terms.target?;
        let period = Period::parse("this-month", &policy.zone, policy.week_start, now).ok()?;
        let since = period.from().min(now - longest_window());
        let is_whole =
            ledger.remembers_all_since(since) && core.vantages.remember_all_since(module, since);
        let record = match is_whole {
            true => Record::Whole(core.believed(module, since, now)?.timeline),
            false => Record::Part(Box::new(Ledgers::of(core, module)?)),
        };
        let (module, policy, away) =
            (module.clone(), policy.clone(), core.withdrawn.overlays(module));
        let rules = core.accounting_of(&module);
        let probing = (rules.interval, rules.confirm_down);
        Some(Promise { module, policy, period, since, record, probing, away })
    });
    promised.collect()
}

fn longest_window() -> Duration {
    BURN_RULES.iter().map(|rule| rule.long).max().unwrap_or_default()
}

/// What the journal says of maintenance and corrections, kept so that a look reads only what is new.
#[derive(Debug, Default)]
struct Announced {
    rows: Vec<JournalRow>,
    until: Option<Time>,
}

impl Announced {
    async fn read_on(&mut self, handle: &Handle, now: Time) -> Result<(), StoreError> {
        let oldest = now - BEFORE.saturating_mul(2);
        // A clock that was set back begins anew.
        let from = self.until.filter(|until| *until <= now).map_or(oldest, |until| until - AGAIN);
        let news = handle.store.accounts_journal(from, now + AGAIN).await?;
        self.rows.retain(|row| oldest <= row.at && row.at < from);
        self.rows.extend(news);
        self.until = Some(now);
        Ok(())
    }
}
