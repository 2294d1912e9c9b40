//! What the lines of a chart are, and the same lines as a table of moments.

use maud::{Markup, html};
use model::time::Time;

use crate::chart::lines::{self, Drawing, Drawn};
use crate::unit;
use crate::voice::{NOTHING, Voice};
use crate::words;

/// The table of moments has no more rows than these.
const MOST_MOMENTS: usize = 40;

/// The figures of each line, in the order of its numbers.
pub(super) fn table(drawing: &Drawing<'_>, voice: &Voice) -> Markup {
    let figures = [words::LAST, words::MIN, words::MAX, words::MEAN].map(|word| voice.say(word));
    html! {
        @if !drawing.common.is_empty() { p.common { code { (drawing.common) } } }
        table.key {
            thead {
                tr {
                    th scope="col" { (voice.say(words::SERIES)) }
                    @for figure in figures {
                        th.number scope="col" {
                            (figure)
                            @if !drawing.form.suffix.is_empty() { " " (drawing.form.suffix) }
                        }
                    }
                }
            }
            tbody {
                @for (index, drawn) in drawing.lines.iter().enumerate() {
                    (row(drawing, index, drawn, figures, voice))
                }
            }
        }
        @if drawing.left_out > 0 {
            p.rest { (voice.fill(words::NOT_DRAWN, &[&unit::count(drawing.left_out as u64)])) }
        }
    }
}

fn row(
    drawing: &Drawing<'_>,
    index: usize,
    drawn: &Drawn<'_>,
    [last, min, max, mean]: [&str; 4],
    voice: &Voice,
) -> Markup {
    let form = drawing.form;
    let highest = drawn.highest.map(|(_, value)| value);
    html! {
        tr {
            th scope="row" {
                span.line { b { (index + 1) } (sample(index)) }
                code { (lines::own(&drawn.line.labels, &drawing.common)) }
            }
            td.number data-label=(last) {
                span {
                    (form.maybe(drawn.last().map(|(_, value)| value)))
                    @if let Some(at) = ended(drawing, drawn) {
                        " " span.quiet { (voice.fill(words::ENDED_AT, &[&voice.clock(at)])) }
                    }
                }
            }
            td.number data-label=(min) { (form.maybe(drawn.lowest)) }
            td.number data-label=(max) { (form.maybe(highest)) }
            td.number data-label=(mean) { (form.mean(drawn.mean)) }
        }
    }
}

/// A piece of the line.
fn sample(index: usize) -> Markup {
    html! {
        svg.chart width="26" height="10" aria-hidden="true" {
            path class=(lines::class(index)) d="M1 5h24" {}
        }
    }
}

/// When it came to its end, if that was before the chart does.
fn ended(drawing: &Drawing<'_>, drawn: &Drawn<'_>) -> Option<Time> {
    let (at, _) = drawn.last()?;
    (drawing.axis.until.since(at) > drawing.step * 2).then_some(at)
}

/// The lines for those who cannot see them, and for who wants the numbers.
pub(super) fn moments(drawing: &Drawing<'_>, voice: &Voice) -> Markup {
    html! {
        details #moments {
            summary { (voice.say(words::AS_TABLE)) }
            div.scroll tabindex="0" role="group" aria-label=(voice.say(words::AS_TABLE)) {
                table {
                    thead {
                        tr {
                            th scope="col" { (voice.say(words::TIME)) }
                            @for (index, drawn) in drawing.lines.iter().enumerate() {
                                @let name = lines::own(&drawn.line.labels, &drawing.common);
                                th.number scope="col" title=(name) { (index + 1) }
                            }
                        }
                    }
                    tbody {
                        @for at in moments_of(drawing) {
                            tr {
                                th scope="row" { (voice.time(at)) }
                                @for drawn in &drawing.lines {
                                    td.number { (value(drawing, drawn, at)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn value(drawing: &Drawing<'_>, drawn: &Drawn<'_>, at: Time) -> String {
    drawing.value_at(drawn, at).map_or(NOTHING.to_owned(), |value| drawing.form.number(value))
}

/// Steps of the chart, the newest first, evenly apart and not too many.
fn moments_of(drawing: &Drawing<'_>) -> Vec<Time> {
    let step_ms = (drawing.step.as_millis() as i64).max(1);
    let steps = (drawing.axis.until.millis() - drawing.axis.from.millis()) / step_ms;
    let each = steps / MOST_MOMENTS as i64 + 1;
    let moments = (0..=steps / each).rev();
    moments
        .map(|row| Time::from_millis(drawing.axis.from.millis() + row * each * step_ms))
        .collect()
}
