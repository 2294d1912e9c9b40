//! Which earlier incidents were like this one, by a rule that can be said in a sentence.
//!
//! Alike are those with the same root, and those with the same kind of root that took VMs of the same
//! module. The same root counts more; among equals the later one comes first. Nothing is learned
//! and nothing is guessed from texts.

use std::cmp::Reverse;

use alerter::IncidentSummary;
use dashboards::view::review::SimilarView;
use model::id::ModuleId;
use model::lang::Lang;

/// So many are enough to look at.
const SHOWN: usize = 5;

pub(super) fn similar(
    incident: &IncidentSummary,
    earlier: &[IncidentSummary],
    lang: Lang,
) -> Vec<SimilarView> {
    let before = earlier.iter().filter(|other| {
        other.id != incident.id && other.merged_into.is_none() && other.opened <= incident.opened
    });
    let mut alike: Vec<(bool, &IncidentSummary, Option<&ModuleId>)> = before
        .filter_map(|other| {
            let is_same_root = other.root == incident.root;
            let module = common_module(incident, other);
            let is_same_kind = other.root.kind() == incident.root.kind() && module.is_some();
            (is_same_root || is_same_kind).then_some((is_same_root, other, module))
        })
        .collect();
    alike.sort_by_key(|(is_same_root, other, _)| (Reverse(*is_same_root), Reverse(other.opened)));
    let views = alike.into_iter().take(SHOWN).map(|(is_same_root, other, module)| SimilarView {
        id: other.id.clone(),
        headline: lang.pick(&other.headline.en, &other.headline.zh).clone(),
        opened: other.opened,
        lasted_s: other.closed.unwrap_or(other.opened).since(other.opened).as_secs_f64(),
        is_same_root,
        module: module.cloned(),
    });
    views.collect()
}

fn common_module<'a>(one: &'a IncidentSummary, other: &IncidentSummary) -> Option<&'a ModuleId> {
    let has = |module: &ModuleId| other.losses.iter().any(|loss| loss.module == *module);
    one.losses.iter().map(|loss| &loss.module).find(|module| has(module))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::brain::made_up::incident;

    #[test]
    fn the_same_root_comes_first_then_the_same_kind_with_a_common_module() {
        let this = incident("i9", 90, "host/h1", "shop/web");
        let merged = IncidentSummary {
            merged_into: Some("i3".parse().unwrap()),
            ..incident("i2", 20, "host/h1", "shop/web")
        };
        let earlier = [
            this.clone(),
            incident("i10", 100, "host/h1", "shop/web"),
            incident("i8", 80, "host/h2", "shop/web"),
            incident("i7", 70, "host/h2", "bank/pay"),
            incident("i6", 60, "datasource/db", "shop/web"),
            incident("i5", 50, "host/h1", "bank/pay"),
            incident("i4", 40, "host/h3", "shop/web"),
            incident("i3", 30, "host/h1", "shop/web"),
            merged,
        ];
        let found = similar(&this, &earlier, Lang::En);
        let found: Vec<_> = found.iter().map(|s| format!("{} {}", s.id, s.is_same_root)).collect();
        assert_eq!(found, ["i5 true", "i3 true", "i8 false", "i4 false"]);
    }
}
