//! How many vantages an accounting policy wants to agree, and what that costs.

use availability::Target;
use model::unit::Span;
use scaler::policy::Finding;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{MONTH, RawAccountingPolicy};
use crate::config::Reader;
use crate::config::raw::RawConfig;
use crate::config::vantages::BRAIN;
use crate::config::yaml::Document;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawQuorum {
    /// So many must have seen it down; of the vantages of the main file and the brain itself.
    pub quorum: u32,
}

impl Reader {
    pub(super) fn quorum(
        &mut self,
        document: &Document,
        raw: &RawConfig,
        written: &RawAccountingPolicy,
    ) -> Option<u32> {
        let RawQuorum { quorum } = written.vantages?;
        let names = raw.vantages.iter().map(|vantage| vantage.name.as_str());
        let names: Vec<&str> = [BRAIN].into_iter().chain(names).collect();
        let (count, names) = (names.len(), names.join(", "));
        let there = u32::try_from(count).unwrap_or(u32::MAX);
        let at = "vantages.quorum";
        if quorum == 0 {
            self.find(document, at, "nobody would have to see it down; write at least 1");
        } else if quorum > there {
            let message = format!(
                "{quorum} of {count} vantages ({names}): no outage could ever be known; write at most \
                 {count}, or name more under vantages in the main file"
            );
            self.find(document, at, message);
        } else if quorum == there && there > 1 {
            let message = cost_of_all(count, &names, written.target.as_deref());
            self.problems.push(document.place(&Finding::warning(at, message)));
        }
        Some(quorum)
    }
}

/// What it costs if one that must agree cannot look.
fn cost_of_all(count: usize, names: &str, target: Option<&str>) -> String {
    let left = target.and_then(|target| Target::parse(target).ok());
    let left = left.map(|target| (target, Span(target.budget(MONTH)), Span(MONTH)));
    let doubt = left.map_or(String::new(), |(target, left, month)| {
        format!(
            ": of {month} {target} leaves {left}, and one cut off for so long can hide all of it"
        )
    });
    format!(
        "all {count} vantages ({names}) must agree, so while one is cut off each outage is unknown{doubt}; \
         write {}, or name more vantages",
        count - 1
    )
}
