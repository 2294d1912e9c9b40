//! The ways to narrower expressions: the names of the metrics, and the labels of the chosen one.

use maud::{Markup, html};

use super::link;
use crate::promql::{is_word, narrow, selector};
use crate::unit;
use crate::view::explore::{Chosen, ExploreView, LabelValues, Show, Wish};
use crate::voice::Voice;
use crate::words;

const MOST_METRICS: usize = 100;
const MOST_LABELS: usize = 12;
const MOST_VALUES: usize = 20;
/// Each link bears the whole expression: one longer than this, in bytes, would make the page huge.
const LONGEST_QUERY: usize = 1024;

pub(super) fn section(view: &ExploreView, voice: &Voice) -> Markup {
    html! {
        @if let Some(chosen) = &view.chosen { (labels(chosen, &view.wish, voice)) }
        section #metrics {
            h2 { (voice.say(words::METRICS)) }
            (filter(&view.wish, voice))
            @if view.metrics.is_empty() {
                p.calm { (voice.say(no_metrics(&view.wish))) }
            }
            ul.names {
                @for name in view.metrics.iter().take(MOST_METRICS) {
                    @let is_chosen = view.chosen.as_ref().is_some_and(|chosen| chosen.name == *name);
                    li {
                        a href=(link::path(&view.wish.with_query(&selector(name))))
                            aria-current=[is_chosen.then_some("true")] { (name) }
                    }
                }
            }
            (more(view.metric_count, view.metrics.len().min(MOST_METRICS), voice))
        }
    }
}

fn no_metrics(wish: &Wish) -> words::Word {
    if wish.filter.is_empty() { words::NO_METRICS } else { words::NO_SUCH_METRICS }
}

/// A form of its own, which keeps what is shown.
fn filter(wish: &Wish, voice: &Voice) -> Markup {
    html! {
        form.filter method="get" action="/explore" {
            @if !wish.query.is_empty() { input type="hidden" name="q" value=(wish.query); }
            (kept_times(wish))
            @if wish.show != Show::default() {
                input type="hidden" name="show" value=(wish.show.as_str());
            }
            label.unseen for="filter" { (voice.say(words::FILTER)) }
            input #filter type="search" name="filter" value=(wish.filter)
                placeholder=(voice.say(words::FILTER)) autocomplete="off" spellcheck="false";
            button { (voice.say(words::FILTER_DO)) }
        }
    }
}

fn kept_times(wish: &Wish) -> Markup {
    use crate::view::explore::Range::Between;
    html! {
        input type="hidden" name="range" value=(wish.range.as_str());
        @if let Between { from, until } = &wish.range {
            input type="hidden" name="from" value=(from);
            input type="hidden" name="to" value=(until);
        }
    }
}

fn labels(chosen: &Chosen, wish: &Wish, voice: &Voice) -> Markup {
    html! {
        section #labels {
            h2 { (voice.fill(words::LABELS_OF, &[&chosen.name])) }
            @if !chosen.help.is_empty() { p.quiet { (chosen.help) } }
            @if chosen.labels.is_empty() { p.calm { (voice.say(words::NO_LABELS)) } }
            dl.labels {
                @for label in chosen.labels.iter().take(MOST_LABELS) {
                    div { dt { (label.name) } dd { (values(chosen, label, wish, voice)) } }
                }
            }
            (more(chosen.labels.len(), chosen.labels.len().min(MOST_LABELS), voice))
        }
    }
}

fn values(chosen: &Chosen, label: &LabelValues, wish: &Wish, voice: &Voice) -> Markup {
    let shown = label.values.len().min(MOST_VALUES);
    let can_narrow = is_word(&label.name) && wish.query.len() <= LONGEST_QUERY;
    html! {
        ul.names {
            @for value in &label.values[..shown] {
                li {
                    @if can_narrow {
                        @let query = narrow(&wish.query, &chosen.name, &label.name, value);
                        a href=(link::path(&wish.with_query(&query)))
                            aria-current=[(query == wish.query).then_some("true")] { (value) }
                    } @else {
                        (value)
                    }
                }
            }
            @if label.count > shown { li.quiet { (left_out(label.count - shown, voice)) } }
        }
    }
}

fn more(count: usize, shown: usize, voice: &Voice) -> Markup {
    html! {
        @if count > shown { p.quiet { (left_out(count - shown, voice)) } }
    }
}

fn left_out(count: usize, voice: &Voice) -> String {
    voice.fill(words::MORE, &[&unit::count(count as u64)])
}
