//! How long the probes of one module took: percentiles of those that were answered, and how many of all
//! came within each threshold.

use std::time::Duration;

use maud::{Markup, html};
use model::unit::Span;

use super::percent;
use crate::page::{cell, fact, head, short_cell};
use crate::report::took;
use crate::view::Health;
use crate::view::latency::{LatencyView, WithinView};
use crate::voice::{NOTHING, Voice};
use crate::words::{self, Word};

const HEADS: [Word; 3] = [words::ANSWERED_WITHIN, words::SHARE_IN_TIME, words::IN_TIME];

pub(super) fn latency(latency: &LatencyView, voice: &Voice) -> Markup {
    let time = |micros: Option<u64>| micros.map_or(NOTHING.to_owned(), took);
    let failed = [latency.failures, latency.probes].map(|count| count.to_string());
    html! {
        h3 { (voice.say(words::LATENCY)) }
        dl.facts {
            (fact(words::P50, time(latency.p50_us), voice))
            (fact(words::P95, time(latency.p95_us), voice))
            (fact(words::P99, time(latency.p99_us), voice))
            (fact(words::SLOWEST, time(latency.slowest_us), voice))
            (fact(words::PROBES_FAILED, voice.fill(words::COUNT_OF, &[&failed[0], &failed[1]]), voice))
        }
        @if !latency.within.is_empty() {
            table.cards {
                (head(&HEADS, voice))
                tbody { @for within in &latency.within { (row(within, latency, voice)) } }
            }
        }
    }
}

fn row(within: &WithinView, latency: &LatencyView, voice: &Voice) -> Markup {
    let [time, share, in_time] = HEADS.map(|word| voice.say(word));
    let counts = [within.count, within.of].map(|count| count.to_string());
    html! {
        tr {
            th.short scope="row" data-label=(time) { (Span(Duration::from_micros(within.within_us))) }
            (short_cell(share, html! {
                span {
                    (percent(within.share.as_deref()))
                    @if within.is_target { " " (promise(latency, voice)) }
                }
            }))
            (cell(in_time, html! {
                span {
                    (voice.fill(words::COUNT_OF, &[&counts[0], &counts[1]]))
                    @if let Some(since) = within.since {
                        " " span.quiet { (voice.fill(words::COUNTED_SINCE, &[&voice.dated(since)])) }
                    }
                }
            }))
        }
    }
}

fn promise(latency: &LatencyView, voice: &Voice) -> Markup {
    let (health, word) = match latency.is_met {
        Some(true) => (Health::Up, words::TARGET_MET),
        Some(false) => (Health::Down, words::TARGET_MISSED),
        None => (Health::Unknown, words::UNDECIDABLE),
    };
    html! {
        span.(health.class()) {
            (crate::page::glyph(health)) " " (voice.say(word))
            @if let Some(target) = &latency.target { " (" (target) ")" }
        }
    }
}
