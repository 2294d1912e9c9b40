//! The metrics explorer: an expression, the time to look at, and what it comes to.
//!
//! It is a form that is sent by GET: each view of it has an address that can be kept and shared,
//! and needs no script. Beside it stand the names of the metrics, and the labels of the one that
//! the expression is about; each of them is a link to a narrower expression.

mod legend;
pub(super) mod link;
mod metrics;
mod result;

use maud::{Markup, html};
use model::time::Time;

use crate::view::explore::{ExploreView, Outcome, Range, Show, Wish};
use crate::voice::{self, Voice};
use crate::words::{self, Word};

pub(super) fn sections(view: &ExploreView, voice: &Voice) -> Markup {
    html! {
        section #ask {
            h1 { (voice.say(words::EXPLORE)) }
            (form(view, voice))
            p.quiet {
                (voice.say(words::AS_OF)) " " (voice.time(voice.now)) " · "
                (voice.fill(words::ZONE, &[voice.zone_name()]))
            }
        }
        (result::section(view, voice))
        (metrics::section(view, voice))
    }
}

/// Enter sends the first button, which keeps the time as it is.
fn form(view: &ExploreView, voice: &Voice) -> Markup {
    let wish = &view.wish;
    html! {
        form.ask method="get" action="/explore" role="search" {
            label.unseen for="q" { (voice.say(words::EXPRESSION)) }
            input #q name="q" value=(wish.query) placeholder=(EXAMPLE) maxlength="4096"
                autocomplete="off" autocapitalize="off" spellcheck="false"
                aria-invalid=[is_unreadable(view).then_some("true")];
            button.primary name="range" value=(wish.range.as_str()) { (voice.say(words::RUN)) }
            @if wish.show != Show::default() {
                input type="hidden" name="show" value=(wish.show.as_str());
            }
            @if !wish.filter.is_empty() {
                input type="hidden" name="filter" value=(wish.filter);
            }
            div.when {
                div.switch role="group" aria-label=(voice.say(words::TIME_RANGE)) {
                    @for range in Range::FIXED {
                        button name="range" value=(range.as_str())
                            aria-pressed=(range == wish.range) { (range.as_str()) }
                    }
                }
                (between(view, voice))
            }
        }
    }
}

/// A time of one's own; open if it is in force.
fn between(view: &ExploreView, voice: &Voice) -> Markup {
    let is_chosen = matches!(view.wish.range, Range::Between { .. });
    let (from, until) = typed_times(view, voice);
    html! {
        details open[is_chosen] {
            summary { (voice.say(words::BETWEEN_TIMES)) }
            div.between {
                (moment("from", words::FROM, &from, voice))
                (moment("to", words::TO, &until, voice))
                div.switch {
                    button name="range" value="between" aria-pressed=(is_chosen) {
                        (voice.say(words::SHOW))
                    }
                }
            }
        }
    }
}

fn moment(name: &str, word: Word, value: &str, voice: &Voice) -> Markup {
    html! {
        label { span { (voice.say(word)) } input type="datetime-local" name=(name) value=(value); }
    }
}

/// As they were typed, else those in force, so that they can be changed a little.
fn typed_times(view: &ExploreView, voice: &Voice) -> (String, String) {
    let wish = &view.wish;
    if let Range::Between { from, until } = &wish.range {
        return (from.clone(), until.clone());
    }
    let times = wish.times(voice.now, voice.zone_name());
    let (from, until) = times.unwrap_or((voice.now, voice.now));
    (for_form(from, voice), for_form(until, voice))
}

fn for_form(at: Time, voice: &Voice) -> String {
    voice::zoned(at, &voice.zone).strftime("%Y-%m-%dT%H:%M").to_string()
}

fn is_unreadable(view: &ExploreView) -> bool {
    use crate::view::explore::FaultKind::Unreadable;
    matches!(&view.outcome, Outcome::Fault(fault) if matches!(fault.kind, Unreadable { .. }))
}

/// What an expression looks like.
const EXAMPLE: &str = "avg by (module) (load1_per_core)";

impl Wish {
    /// The same time, shown in the same way, of another expression.
    pub(super) fn with_query(&self, query: &str) -> Self {
        Self { query: query.to_owned(), ..self.clone() }
    }
}
