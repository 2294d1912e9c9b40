//! One module: its figure on the first page, and its own page with every decision and its reason.

use maud::{Markup, html};

use crate::chart::chart;
use crate::overview::fact;
use crate::page::page;
use crate::view::{AvailabilityView, DecisionMark, ModuleView, Overview, VmTile};
use crate::when::{Zone, percent, span};
use crate::words::{Words, glyph, state, words};

/// Decisions under the chart of the first page.
const SHOWN: usize = 4;
const WIDE: f64 = 1080.0;
const NARROW: f64 = 340.0;

/// The page of one module.
pub fn module_page(overview: &Overview, module: &ModuleView) -> String {
    let words = words(overview.lang);
    let zone = Zone::named(&overview.zone);
    let content = html! {
        section class="card" {
            h1 { (module.id) }
            (drawing(overview, module, words, &zone))
            (numbers(overview, module, words))
        }
        section class="card" {
            h2 { (words.decisions) }
            (decisions(module, words, &zone, None))
        }
        section class="card" { h2 { (words.vms) } (vms(overview, module, words)) }
    };
    page(overview, module.id.as_str(), false, &content)
}

/// Chart, numbers and the newest decisions.
pub(crate) fn figure(
    overview: &Overview,
    module: &ModuleView,
    words: &Words,
    zone: &Zone,
) -> Markup {
    html! {
        (numbers(overview, module, words))
        (drawing(overview, module, words, zone))
        (decisions(module, words, zone, Some(SHOWN)))
    }
}

fn drawing(overview: &Overview, module: &ModuleView, words: &Words, zone: &Zone) -> Markup {
    html! {
        figure {
            (chart(module, overview.now, zone, WIDE, "chart wide"))
            (chart(module, overview.now, zone, NARROW, "chart narrow"))
            figcaption { (caption(overview, module, words, zone)) }
        }
    }
}

/// The chart in a sentence, for whoever cannot see it.
fn caption(overview: &Overview, module: &ModuleView, words: &Words, zone: &Zone) -> Markup {
    let loads = module.load_series.iter().filter_map(|(at, load)| Some((*at, (*load)?)));
    let peak = loads.max_by(|a, b| a.1.total_cmp(&b.1));
    let first = module.load_series.first().map_or(overview.now, |(at, _)| *at);
    html! {
        (words.load) " " (module.id) ", " (words.last) " "
        (span(overview.lang, overview.now.since(first))) ": "
        @match peak {
            Some((at, load)) => {
                (words.max) " " b { (format!("{load:.2}")) } " (" (zone.clock(at, true)) "), "
                (words.now) " "
                b { @match module.load { Some(load) => (format!("{load:.2}")), None => (words.unknown) } }
            }
            None => (words.no_samples),
        }
        ". " span class="dim" { (words.key) }
    }
}

fn numbers(overview: &Overview, module: &ModuleView, words: &Words) -> Markup {
    let bounds = format!("{}–{}", module.min, module.max);
    html! {
        div class="facts" {
            (fact(words.serving, &module.serving.to_string()))
            @if module.warming > 0 { (fact(words.warming, &module.warming.to_string())) }
            (fact(words.desired, &module.desired.to_string()))
            (fact(words.bounds, &bounds))
            (fact(words.mode, &module.mode))
            (fact(words.load, &module.load.map_or("–".to_owned(), |load| format!("{load:.2}"))))
        }
        (availability(overview, module, words))
    }
}

fn availability(overview: &Overview, module: &ModuleView, words: &Words) -> Markup {
    let AvailabilityView { up_s, down_s, unknown_s, .. } = module.availability;
    let total = (up_s + down_s + unknown_s).max(f64::MIN_POSITIVE);
    let time =
        |seconds: f64| span(overview.lang, std::time::Duration::from_secs_f64(seconds.max(0.0)));
    html! {
        div class="availability" {
            span class="dim" { (words.availability) " " }
            @match module.availability.known {
                None => { span { (words.nothing_known) } }
                Some(known) => {
                    b { (percent(known)) } " " span class="dim" { (words.known) } " · "
                    span class="word up" { "● " (words.up) " " (time(up_s)) } " "
                    span class="word down" { "✕ " (words.down) " " (time(down_s)) } " "
                    span class="word unknown" { "? " (words.unknown) " " (time(unknown_s)) }
                    " · " (words.coverage) " " (percent(module.availability.coverage))
                }
            }
            @if let Some(why) = &module.not_probed {
                " · " span class="trouble" { (words.not_probed) ": " (why) }
            }
            svg class="bar" viewBox="0 0 1000 8" preserveAspectRatio="none" aria-hidden="true" {
                rect class="bar-up" x="0" y="0" height="8" width=(format!("{:.1}", 1000.0 * up_s / total)) {}
                rect class="bar-down" y="0" height="8" x=(format!("{:.1}", 1000.0 * up_s / total))
                    width=(format!("{:.1}", 1000.0 * down_s / total)) {}
            }
        }
    }
}

/// The newest first; those that changed the count bear their number on the chart.
fn decisions(module: &ModuleView, words: &Words, zone: &Zone, limit: Option<usize>) -> Markup {
    let number = |mark: &DecisionMark| {
        module.changes().find(|(_, change)| change.id == mark.id).map(|(number, _)| number)
    };
    let shown: Vec<&DecisionMark> = match limit {
        None => module.decisions.iter().rev().collect(),
        Some(limit) => module.changes().rev().take(limit).map(|(_, mark)| mark).collect(),
    };
    html! {
        @if shown.is_empty() { p class="dim" { (words.no_decisions) } } @else {
            table class="decisions" {
                thead { tr {
                    th { "#" } th { (words.time) } th class="number" { (words.count) }
                    th { (words.reason) }
                } }
                tbody { @for mark in shown { (decision(mark, number(mark), words, zone)) } }
            }
        }
    }
}

fn decision(mark: &DecisionMark, number: Option<usize>, words: &Words, zone: &Zone) -> Markup {
    html! {
        tr class=[mark.held.then_some("held")] {
            td data-label="#" {
                @match number {
                    Some(number) => span class="number-mark" { (number) },
                    None => "○",
                }
            }
            td data-label=(words.time) { (zone.time(mark.at)) }
            td data-label=(words.count) class="number" {
                @if mark.held { (mark.to) " " (words.held) } @else { (mark.from) " → " b { (mark.to) } }
            }
            td data-label=(words.reason) { (mark.reason) }
        }
    }
}

fn vms(overview: &Overview, module: &ModuleView, words: &Words) -> Markup {
    let placed = overview
        .hosts
        .iter()
        .flat_map(|host| host.vms.iter().map(move |vm| (host.id.as_str(), vm)));
    let unplaced = overview.unplaced.iter().map(|vm| (words.unplaced, vm));
    let ours: Vec<(&str, &VmTile)> =
        placed.chain(unplaced).filter(|(_, vm)| vm.module.as_ref() == Some(&module.id)).collect();
    html! {
        table {
            thead { tr {
                th { (words.vm) } th { (words.host) } th { (words.state) }
                th class="number" { (words.load) } th { (words.why) }
            } }
            tbody {
                @for (host, vm) in ours {
                    tr {
                        td data-label=(words.vm) { (vm.id) }
                        td data-label=(words.host) { (host) }
                        td data-label=(words.state) {
                            (glyph(vm.health)) " " (state(overview.lang, vm.state))
                        }
                        td data-label=(words.load) class="number" {
                            @if let Some(load) = vm.load { (format!("{load:.2}")) } @else { "–" }
                        }
                        td data-label=(words.why) { (vm.why) }
                    }
                }
            }
        }
    }
}
