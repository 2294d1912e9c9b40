//! The lists of a module's account: its outages with their statistics, the time nobody knows of, and
//! maintenance, and what people corrected.
//!
//! Means lie where there are few: under [`FEW`] outages the list is the statistic.

use maud::{Markup, html};
use model::time::Time;

use super::{brief, correct, left_out};
use crate::page::{cell, fact, head, incident_path, short_cell};
use crate::report::{cause_in, state_in};
use crate::view::report::{ModuleReport, OutageView, ReleaseView, ReportView, SpanView};
use crate::voice::{NOTHING, Voice};
use crate::words::{self, Word};

/// Fewer than so many outages have no mean.
const FEW: usize = 5;
const MOST_OUTAGES: usize = 100;
const MOST_SPANS: usize = 20;

const OUTAGE_HEADS: [Word; 5] =
    [words::FROM_WHEN, words::FOR_HOW_LONG, words::PARTS, words::BECAUSE_OF, words::REASON];
const CORRECTION_HEADS: [Word; 4] =
    [words::FROM_WHEN, words::FOR_HOW_LONG, words::COUNTS_AS, words::REASON];
const SPAN_HEADS: [Word; 3] = [words::FROM_WHEN, words::FOR_HOW_LONG, words::REASON];

pub(super) fn outages(module: &ModuleReport, report: &ReportView, voice: &Voice) -> Markup {
    let outages = &module.outages;
    html! {
        h3 { (voice.say(words::OUTAGES)) }
        @if outages.is_empty() {
            p.calm { (voice.say(words::NO_OUTAGES)) }
        } @else {
            @if outages.len() >= FEW { (statistics(module, report, voice)) }
            (causes(module, voice))
            table.cards {
                (head(&OUTAGE_HEADS, voice))
                tbody { @for outage in outages.iter().take(MOST_OUTAGES) { (outage_row(outage, correct::way(module, outage, report, voice), voice)) } }
            }
            (left_out(outages.len(), MOST_OUTAGES, voice))
            p.quiet { a href="#terms" { (voice.say(words::EDGES)) } }
            @if let Some(why) = &module.statistics.untold {
                p.quiet { (voice.fill(words::NO_MTTD, &[why])) }
            }
            @if outages.iter().any(is_longer) { p.quiet { (voice.say(words::MAYBE_LONGER)) } }
        }
        @if module.blips > 0 {
            p.quiet { (voice.fill(words::BLIPS, &[&module.blips.to_string()])) }
        }
    }
}

/// What they came of, the costliest first.
fn causes(module: &ModuleReport, voice: &Voice) -> Markup {
    html! {
        @if !module.causes.is_empty() {
            p {
                (voice.say(words::BECAUSE_OF)) (voice.lang.pick(": ", "："))
                @for (place, one) in module.causes.iter().enumerate() {
                    @if place > 0 { (voice.lang.pick(", ", "，")) }
                    (cause_in(voice.lang, &one.cause)) " " (voice.exactly(one.down_s))
                }
            }
        }
    }
}

/// Mean, median and worst, since the mean alone hides the long one.
fn statistics(module: &ModuleReport, report: &ReportView, voice: &Voice) -> Markup {
    let figures = &module.statistics;
    let lasting =
        |seconds: Option<u64>| seconds.map_or(NOTHING.to_owned(), |one| voice.exactly(one));
    let between = match figures.between_s {
        Some(between) => voice.exactly(between),
        None => format!("> {}", voice.exactly(report.until.since(report.from).as_secs())),
    };
    html! {
        dl.facts {
            (fact(words::OUTAGES_BEGUN, figures.started, voice))
            (fact(words::MTTR, lasting(figures.repair_mean_s), voice))
            (fact(words::MEDIAN, lasting(figures.repair_median_s), voice))
            (fact(words::WORST, lasting(figures.repair_worst_s), voice))
            (fact(words::MTBF, between, voice))
            (fact(words::MTTD, lasting(figures.tell_mean_s), voice))
            (fact(words::MEDIAN, lasting(figures.tell_median_s), voice))
            (fact(words::WORST, lasting(figures.tell_worst_s), voice))
        }
    }
}

fn outage_row(outage: &OutageView, way: Option<String>, voice: &Voice) -> Markup {
    let [from, lasted, parts, cause, why] = OUTAGE_HEADS.map(|word| voice.say(word));
    let sign = if is_longer(outage) { "> " } else { "" };
    html! {
        tr {
            th.short scope="row" data-label=(from) { (moment(outage.from, voice)) }
            (short_cell(lasted, html! {
                span {
                    strong { (sign) (voice.exactly(outage.down_s)) }
                    @if outage.is_open { " " span.down { (voice.say(words::STILL_DOWN)) } }
                }
            }))
            (short_cell(parts, outage.parts))
            (short_cell(cause, cause_in(voice.lang, &outage.cause)))
            (cell(why, html! {
                span {
                    (brief(&outage.why))
                    @if let Some(incident) = &outage.incident {
                        " " a href=[voice.way(incident_path(incident))] { (incident) }
                    }
                    @if let Some(ReleaseView { version, by, before_s }) = &outage.released {
                        " " small {
                            (voice.fill(words::RELEASED_BEFORE, &[version, &voice.exactly(*before_s), by]))
                        }
                    }
                    @if let Some(after) = outage.told_s {
                        " " small { (voice.fill(words::TOLD_AFTER, &[&voice.exactly(after)])) }
                    }
                    @if let Some(way) = way {
                        " " a.correct href=(way) { (voice.say(words::CORRECT_THIS)) }
                    }
                }
            }))
        }
    }
}

/// One of its ends was not seen.
fn is_longer(outage: &OutageView) -> bool {
    outage.is_open || !outage.is_whole
}

pub(super) fn spans(name: Word, whole_s: u64, spans: &[SpanView], voice: &Voice) -> Markup {
    let [from, lasted, why] = SPAN_HEADS.map(|word| voice.say(word));
    let seconds = |span: &SpanView| span.until.since(span.from).as_secs();
    let long: Vec<&SpanView> = spans.iter().filter(|span| seconds(span) > 0).collect();
    html! {
        @if whole_s > 0 {
            h3 { (voice.say(name)) (voice.lang.pick(": ", "：")) (voice.exactly(whole_s)) }
            table.cards {
                (head(&SPAN_HEADS, voice))
                tbody {
                    @for span in long.iter().take(MOST_SPANS) {
                        tr {
                            th.short scope="row" data-label=(from) { (moment(span.from, voice)) }
                            (short_cell(lasted, voice.exactly(seconds(span))))
                            (cell(why, brief(&span.why)))
                        }
                    }
                }
            }
            @let more = long.len().saturating_sub(MOST_SPANS);
            @if more > 0 { p.quiet { (voice.fill(words::MORE_SPANS, &[&more.to_string()])) } }
        }
    }
}

/// What failed from some places only.
pub(super) fn partials(module: &ModuleReport, voice: &Voice) -> Markup {
    let [from, lasted, why] = SPAN_HEADS.map(|word| voice.say(word));
    let long = module.partials.iter().filter(|one| one.seen_down_s > 0);
    html! {
        @if long.clone().next().is_some() {
            h3 { (voice.say(words::PARTIALS)) }
            table.cards {
                (head(&SPAN_HEADS, voice))
                tbody {
                    @for one in long.clone().take(MOST_SPANS) {
                        tr {
                            th.short scope="row" data-label=(from) { (moment(one.from, voice)) }
                            (short_cell(lasted, voice.exactly(one.seen_down_s)))
                            (cell(why, voice.fill(words::ONLY_FROM, &[&one.names(), &brief(&one.why)])))
                        }
                    }
                }
            }
            @let more = long.count().saturating_sub(MOST_SPANS);
            @if more > 0 { p.quiet { (voice.fill(words::MORE_SPANS, &[&more.to_string()])) } }
        }
    }
}

/// What people said, on top of what was measured.
pub(super) fn corrections(module: &ModuleReport, voice: &Voice) -> Markup {
    let [from, lasted, as_what, why] = CORRECTION_HEADS.map(|word| voice.say(word));
    html! {
        @if !module.corrections.is_empty() {
            h3 { (voice.say(words::CORRECTIONS)) }
            table.cards {
                (head(&CORRECTION_HEADS, voice))
                tbody {
                    @for one in &module.corrections {
                        tr {
                            th.short scope="row" data-label=(from) { (moment(one.from, voice)) }
                            (short_cell(lasted, voice.exactly(one.until.since(one.from).as_secs())))
                            (short_cell(as_what, state_in(voice.lang, &one.counts_as)))
                            (cell(why, brief(&one.why)))
                        }
                    }
                }
            }
        }
    }
}

/// With its date, since a report is read later.
fn moment(at: Time, voice: &Voice) -> Markup {
    html! { time datetime=(at) { (voice.dated(at)) } }
}
