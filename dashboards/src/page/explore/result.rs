//! What an expression came to: lines with their legend, values in a table, or why nothing.

use maud::{Markup, html};
use model::series::Labels;

use super::{EXAMPLE, legend, link};
use crate::chart::lines::{self, Drawing};
use crate::page::glyph;
use crate::promql::selector;
use crate::unit::{self, Unit};
use crate::view::Health;
use crate::view::explore::{ExploreView, Fault, FaultKind, Outcome, Range, Show, Wish};
use crate::voice::Voice;
use crate::words::{self, Word};

/// As many values are listed at once.
const MOST_VALUES: usize = 200;

pub(super) fn section(view: &ExploreView, voice: &Voice) -> Markup {
    let unit = Unit::of_expression(&view.wish.query);
    html! {
        section #result {
            @if view.outcome != Outcome::NotAsked { (tabs(&view.wish, voice)) }
            @match &view.outcome {
                Outcome::NotAsked => { (examples(&view.wish, voice)) }
                Outcome::Lines { from, until, step, series } if !series.is_empty() => {
                    (drawn(&Drawing::new(*from, *until, *step, series, unit), voice))
                }
                Outcome::Values { at, rows } if !rows.is_empty() => {
                    p.quiet {
                        (voice.fill(words::VALUES_AT, &[&unit::count(rows.len() as u64)])) " "
                        (voice.time(*at))
                    }
                    (values(rows, unit, voice))
                }
                Outcome::Lines { .. } | Outcome::Values { .. } => { (nothing(view, voice)) }
                Outcome::Text(text) => { pre { (text) } }
                Outcome::Fault(fault) => { (fault_note(fault, &view.wish, voice)) }
            }
        }
    }
}

/// The two ways to look at the same expression.
fn tabs(wish: &Wish, voice: &Voice) -> Markup {
    html! {
        nav.tabs aria-label=(voice.say(words::RESULT)) {
            @for (show, word) in [(Show::Lines, words::AS_LINES), (Show::Values, words::AS_VALUES)] {
                a href=(link::path(&Wish { show, ..wish.clone() }))
                    aria-current=[(show == wish.show).then_some("true")] { (voice.say(word)) }
            }
        }
    }
}

/// Something to begin with.
fn examples(wish: &Wish, voice: &Voice) -> Markup {
    let examples = [
        (EXAMPLE, words::EXAMPLE_LOAD),
        ("topk(5, system_memory_usage_bytes)", words::EXAMPLE_TOP),
        ("max_over_time(system_cpu_utilization[10m])", words::EXAMPLE_PEAK),
    ];
    html! {
        p { (voice.say(words::ASK)) }
        ul.examples {
            @for (query, word) in examples {
                li {
                    a href=(link::path(&wish.with_query(query))) { code { (query) } } " "
                    span.quiet { (voice.say(word)) }
                }
            }
        }
    }
}

fn drawn(drawing: &Drawing<'_>, voice: &Voice) -> Markup {
    html! {
        (lines::figure(drawing, voice))
        (legend::table(drawing, voice))
        (legend::moments(drawing, voice))
    }
}

/// What all rows have in common is said once, above them.
fn values(rows: &[(Labels, f64)], unit: Unit, voice: &Voice) -> Markup {
    let shown = &rows[..rows.len().min(MOST_VALUES)];
    let common = lines::common(&shown.iter().map(|(labels, _)| labels).collect::<Vec<_>>());
    html! {
        @if !common.is_empty() { p.common { code { (common) } } }
        table.values {
            thead {
                tr {
                    th scope="col" { (voice.say(words::SERIES)) }
                    th.number scope="col" { (voice.say(words::VALUE)) }
                }
            }
            tbody {
                @for (labels, value) in shown {
                    tr {
                        th scope="row" { code { (lines::own(labels, &common)) } }
                        td.number title=(value) { (unit.tell(*value)) }
                    }
                }
            }
        }
        @if rows.len() > shown.len() {
            p.rest { (voice.fill(words::MORE_NARROW, &[&unit::count((rows.len() - shown.len()) as u64)])) }
        }
    }
}

/// No series at all: it helps to ask for more, or for longer.
fn nothing(view: &ExploreView, voice: &Voice) -> Markup {
    let wish = &view.wish;
    let all = view.chosen.as_ref().map(|chosen| selector(&chosen.name));
    let all = all.filter(|all| *all != wish.query);
    html! {
        p.calm { (glyph(Health::Unknown)) " " (voice.say(words::NOTHING_FOUND)) }
        pre { code { (wish.query) } }
        ul.reasons {
            li { (voice.say(words::NOTHING_NAME)) }
            @if let Some(all) = all {
                li {
                    (voice.say(words::NOTHING_LABELS)) " "
                    a href=(link::path(&wish.with_query(&all))) { code { (all) } }
                }
            }
            @if wish.range != Range::Week {
                li {
                    (voice.say(words::NOTHING_TIME)) " "
                    a href=(link::path(&Wish { range: Range::Week, ..wish.clone() })) { "7d" }
                }
            }
        }
    }
}

/// The expression with the place marked, what is wrong, and what to do.
fn fault_note(fault: &Fault, wish: &Wish, voice: &Voice) -> Markup {
    html! {
        div.fault role="alert" {
            p { (glyph(Health::Down)) " " strong { (voice.say(words::NO_OUTCOME)) } ": " (fault.what) }
            @if let FaultKind::Unreadable { line, column } = fault.kind {
                (marked(&wish.query, line, column))
            } @else {
                pre { code { (wish.query) } }
            }
            p.remedy { "→ " (voice.say(remedy(fault.kind))) }
            @if fault.kind == FaultKind::Unavailable {
                p { a href="/monitor" { (voice.say(words::MONITOR)) } }
            }
        }
    }
}

/// With the character in question marked; a place behind the text is a mark behind it.
fn marked(query: &str, line: usize, column: usize) -> Markup {
    let start: usize = query.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
    let place = query[start..].char_indices().nth(column.saturating_sub(1));
    let place = place.map_or(query.len(), |(offset, _)| start + offset);
    let (before, rest) = query.split_at(place);
    let length = rest.chars().next().map_or(0, char::len_utf8);
    let (mark, after) = rest.split_at(length);
    html! {
        pre.marked {
            code {
                (before)
                @if mark.trim().is_empty() { mark { "▁" } (mark) } @else { mark { (mark) } }
                (after)
            }
        }
    }
}

fn remedy(kind: FaultKind) -> Word {
    match kind {
        FaultKind::Unreadable { .. } => words::FIX_TEXT,
        FaultKind::Times => words::FIX_TIMES,
        FaultKind::TooMuch => words::ASK_LESS,
        FaultKind::TimedOut => words::ASK_LATER,
        FaultKind::Refused => words::CHANGE_IT,
        FaultKind::Unavailable => words::SEE_MONITOR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_place_of_an_error_is_marked() {
        for (query, line, column, expected) in [
            ("sum(up}", 1, 7, "sum(up<mark>}</mark>"),
            ("sum(up", 1, 7, "sum(up<mark>▁</mark>"),
            ("a\nbé + é)", 2, 7, "a\nbé + é<mark>)</mark>"),
            ("<b>", 1, 2, "&lt;<mark>b</mark>&gt;"),
            ("é", 9, 9, "é<mark>▁</mark>"),
            ("é", 0, 0, "<mark>é</mark>"),
            ("", 1, 1, "<mark>▁</mark>"),
        ] {
            let told = marked(query, line, column).into_string();
            let expected = format!(r#"<pre class="marked"><code>{expected}</code></pre>"#);
            assert_eq!(told, expected, "{query}");
        }
    }
}
