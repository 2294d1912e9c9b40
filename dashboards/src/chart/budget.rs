//! The bar of an error budget: how much of it is used, and how far it is overdrawn.
//!
//! The sentence below it says the same, so the bar is for a glance only.

use maud::{Markup, html};

use super::percent;
use crate::view::report::BudgetView;
use crate::voice::Voice;
use crate::words;

const HEIGHT: i32 = 14;

/// Draws one budget. An overdrawn one is drawn over what was used, with its end marked.
pub(crate) fn bar(budget: &BudgetView, voice: &Voice) -> Markup {
    let sentence = sentence(budget, voice);
    let most = budget.whole_s.max(budget.used_s).max(1) as f64;
    let (whole, used) = (budget.whole_s as f64 / most, budget.used_s as f64 / most);
    html! {
        figure.budget {
            svg.chart.budget width="100%" height=(HEIGHT) role="img" aria-label=(sentence) {
                rect.left width="100%" height=(HEIGHT) rx="3" {}
                rect.used width=(percent(used.min(whole))) height=(HEIGHT) rx="3" {}
                @if used > whole {
                    rect.over x=(percent(whole)) width=(percent(used - whole)) height=(HEIGHT) rx="3" {}
                    line.edge x1=(percent(whole)) x2=(percent(whole)) y1="-3" y2=(HEIGHT + 3) {}
                }
            }
            figcaption { (sentence) }
        }
    }
}

fn sentence(budget: &BudgetView, voice: &Voice) -> String {
    let [whole, used, left, over] =
        [budget.whole_s, budget.used_s, budget.left_s, budget.overdrawn_s]
            .map(|seconds| voice.exactly(seconds));
    match (budget.overdrawn_s, budget.used_up_at) {
        (0, None) => voice.fill(words::BUDGET, &[&whole, &used, &left]),
        (0, Some(at)) => voice.fill(words::BUDGET_ENDS, &[&whole, &used, &left, &voice.dated(at)]),
        (_, _) => voice.fill(words::BUDGET_OVERDRAWN, &[&whole, &used, &over]),
    }
}
