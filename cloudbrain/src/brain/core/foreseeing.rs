//! What modules are likely to need: taken over from beside the brain, and said when the trust in it
//! changes. A forecast that is no longer trusted lifts no floor; whoever relied on it should not have to
//! find that out at the next rush.

use std::collections::BTreeMap;

use model::id::{ModuleId, Object};
use model::time::Time;
use scaler::facts::Forecast;
use store::{Change, JournalRow};

use super::Core;

impl Core {
    /// Takes over new forecasts. What was known of others is over: their policies want none any more,
    /// or nothing can be foreseen.
    pub(super) fn foreseen(&mut self, forecasts: BTreeMap<ModuleId, Forecast>, now: Time) {
        for (module, forecast) in &forecasts {
            let before = self.senses.facts.forecasts.get(module);
            if before.is_some_and(|before| before.is_trusted != forecast.is_trusted) {
                self.tell_of_trust(module, forecast, now);
            }
        }
        self.senses.facts.forecasts = forecasts;
    }

    fn tell_of_trust(&mut self, module: &ModuleId, forecast: &Forecast, now: Time) {
        let Forecast { is_trusted, why, .. } = forecast;
        tracing::info!(%module, is_trusted, why, "the trust in a forecast changed");
        let word = if *is_trusted { "trusted again" } else { "not trusted any more" };
        self.pending.changes.push(Change::Journal(JournalRow {
            at: now,
            who: "cloudbrain".to_owned(),
            what: "forecast".to_owned(),
            object: Some(Object::Module(module.clone())),
            text: format!("{word}: {why}"),
        }));
    }
}
