//! The modules: why each has the VMs it has, without a click.
//!
//! With many modules the figures would be slower to load than to ask for, so then a table leads to
//! the pages that have them.

use maud::{Markup, html};

use super::{cell, head, module_path};
use crate::chart::{self, Size};
use crate::report::measured_by;
use crate::view::{AvailabilityView, DecisionMark, ModuleView};
use crate::voice::{self, NOTHING, Voice};
use crate::words;

/// Up to here each module has its figure on the first page.
const MOST_FIGURES: usize = 24;
/// As many decisions that changed something are listed beside a figure.
const RECENT: usize = 3;

pub(super) fn section(modules: &[ModuleView], voice: &Voice) -> Markup {
    html! {
        section #modules {
            h2 { (voice.say(words::MODULES)) }
            @if modules.is_empty() {
                p.calm { (voice.say(words::NO_MODULES)) }
            } @else if modules.len() > MOST_FIGURES {
                (table(modules, voice))
            } @else {
                div.cards { @for module in modules { (card(module, voice)) } }
            }
        }
    }
}

fn card(module: &ModuleView, voice: &Voice) -> Markup {
    html! {
        article id=(format!("module-{}", module.id)) {
            h3 { a href=[module_path(&module.id)] { (module.id) } }
            (facts(module, voice))
            (figure(module, voice, Size::Small))
            (availability(module, voice))
            (recent(module, voice))
        }
    }
}

/// The figures that are compared at a glance.
pub(super) fn facts(module: &ModuleView, voice: &Voice) -> Markup {
    let bounds = format!("{}–{}", module.min, module.max);
    html! {
        dl.facts {
            div { dt { (voice.say(words::LOAD)) } dd { (voice::load(module.load)) } }
            div { dt { (voice.say(words::SERVING)) } dd { (module.serving) } }
            div { dt { (voice.say(words::WARMING)) } dd { (module.warming) } }
            div { dt { (voice.say(words::DESIRED)) } dd { (module.desired) } }
            div { dt { (voice.say(words::BOUNDS)) } dd { (bounds) } }
            div { dt { (voice.say(words::MODE)) } dd { (module.mode) } }
        }
    }
}

pub(super) fn figure(module: &ModuleView, voice: &Voice, size: Size) -> Markup {
    html! {
        @match chart::figure(module, voice, size) {
            Some(figure) => { (figure) }
            None => { p.calm { (voice.say(words::NO_SERIES)) } }
        }
    }
}

/// Seconds first, since shares are misread; the unknown apart from both.
pub(super) fn availability(module: &ModuleView, voice: &Voice) -> Markup {
    let AvailabilityView { up_s, down_s, unknown_s, known, low, high, coverage, since } =
        &module.availability;
    let parts = [
        (words::UP, "up", *up_s),
        (words::DOWN, "down", *down_s),
        (words::UNKNOWN, "unknown", *unknown_s),
    ];
    html! {
        @if let Some(why) = &module.not_probed {
            p.availability { strong { (voice.fill(words::NOT_PROBED, &[why])) } }
        } @else {
            p.availability {
                span.what { (voice.say(words::AVAILABILITY)) }
                @for (word, class, seconds) in parts {
                    span class=[(seconds > 0.0).then_some(class)] {
                        (voice.say(word)) " " (voice.lasting(seconds))
                    }
                }
                span {
                    (voice.say(words::KNOWN)) " " (known.map_or(NOTHING.to_owned(), voice::percent))
                }
                span { (voice.say(words::COVERAGE)) " " (voice::percent(*coverage)) }
                @if low < high {
                    @let bounds = [voice::percent(*low), voice::percent(*high)];
                    span { (voice.fill(words::BETWEEN, &[&bounds[0], &bounds[1]])) }
                }
                span { (voice.say(words::SINCE)) " " (voice.time(*since)) }
            }
            @if let Some(measured_by) = measured_by(voice.lang, &module.measured_by) {
                p.quiet { (voice.say(words::MEASURED_BY)) " " (measured_by) }
            }
        }
        @for doubt in &module.doubts {
            p.availability { (voice.fill(words::DOUBTFUL, &[doubt])) }
        }
    }
}

/// The last decisions that changed something, and the one in force, newest first.
fn recent(module: &ModuleView, voice: &Voice) -> Markup {
    let decisions = module.numbered();
    let newest = decisions.last().into_iter().filter(|(number, _)| number.is_none());
    let acted = decisions.iter().rev().filter(|(number, _)| number.is_some()).take(RECENT);
    html! {
        @if module.decisions.is_empty() {
            p.quiet { (voice.say(words::NO_DECISIONS)) }
        } @else {
            ol.decisions aria-label=(voice.say(words::DECISIONS)) {
                @for (number, decision) in newest.chain(acted) {
                    li {
                        (mark(*number)) " " (voice.time(decision.at)) " "
                        (change(decision, voice)) " " span { (decision.reason) }
                    }
                }
            }
        }
    }
}

/// The same mark as on the axis of the figure.
pub(super) fn mark(number: Option<usize>) -> Markup {
    html! {
        @match number {
            Some(number) => { b.mark { (number) } }
            None => { b.held aria-hidden="true" { "○" } }
        }
    }
}

/// `2 → 4`, or that the count stays.
pub(super) fn change(decision: &DecisionMark, voice: &Voice) -> Markup {
    mark_of(decision.from, decision.to, voice)
}

/// The same of two counts.
pub(super) fn mark_of(from: u32, to: u32, voice: &Voice) -> Markup {
    html! {
        @if from == to {
            span.quiet { (voice.say(words::HELD)) " " (from) }
        } @else {
            strong { (from) " → " (to) }
        }
    }
}

fn table(modules: &[ModuleView], voice: &Voice) -> Markup {
    let heads =
        [words::MODULE, words::LOAD, words::SERVING, words::DESIRED, words::BOUNDS, words::DOWN];
    let [_, load, serving, desired, bounds, down] = heads.map(|word| voice.say(word));
    html! {
        p.quiet { (voice.say(words::MANY_MODULES)) }
        table.cards {
            (head(&heads, voice))
            tbody {
                @for module in modules {
                    tr id=(format!("module-{}", module.id)) {
                        th scope="row" { a href=[module_path(&module.id)] { (module.id) } }
                        (cell(load, voice::load(module.load)))
                        (cell(serving, module.serving))
                        (cell(desired, module.desired))
                        (cell(bounds, format!("{}–{}", module.min, module.max)))
                        (cell(down, voice.lasting(module.availability.down_s)))
                    }
                }
            }
        }
    }
}
