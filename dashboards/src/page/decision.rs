//! One decision: why the count changed or stayed, each limit in its order, and what came of it.
//!
//! Who is woken by a scaler asks "why this, and why not more": so the answer stands first, what it
//! went by next, and the limits that changed nothing are there, too.

use maud::{Markup, html};

use super::modules::mark_of;
use super::{cell, fact, head, module_path, note_cell, short_cell};
use crate::view::decision::{AfterView, DecisionView, LimitRow, MoveRow, ReadingView};
use crate::voice::{Voice, load};
use crate::words;

pub(super) fn sections(view: &DecisionView, voice: &Voice) -> Markup {
    html! {
        (verdict(view, voice))
        (went_by(view, voice))
        @if !view.limits.is_empty() { (limits(&view.limits, voice)) }
        @if !view.moves.is_empty() { (moves(&view.moves, voice)) }
    }
}

fn verdict(view: &DecisionView, voice: &Voice) -> Markup {
    html! {
        section #decision {
            @if let Some(path) = module_path(&view.module) {
                p.back { a href=(path) { "← " (view.module) } }
            }
            h1 { (view.module) ": " (mark_of(view.from, view.to, voice)) }
            p { (view.reason) }
            p.quiet {
                (voice.say(words::DECISION)) " " (view.id.as_str()) " · " (voice.dated(view.at)) " · "
                (voice.fill(words::ZONE, &[voice.zone_name()]))
            }
            dl.facts {
                (fact(words::MODE, view.mode, voice))
                (fact(words::SERVING, view.serving, voice))
                (fact(words::WARMING, view.warming, voice))
                @if view.owed > 0 { (fact(words::OWED, view.owed, voice)) }
                @if let Some(waits) = &view.waits { (fact(words::WAITS, waits, voice)) }
                @if let Some(after) = &view.after { (came_of(view, after, voice)) }
                (fact(words::REPLAY, voice.say(match view.replays {
                    Some(true) => words::REPLAYS,
                    Some(false) => words::REPLAYS_NOT,
                    None => words::REPLAY_TOO_OLD,
                }), voice))
            }
        }
    }
}

fn came_of(view: &DecisionView, after: &AfterView, voice: &Voice) -> Markup {
    let served = match after.served_after_s {
        Some(seconds) => voice.lasting(seconds),
        None => voice.say(words::NOT_YET).to_owned(),
    };
    let count = view.to.to_string();
    html! {
        div { dt { (voice.fill(words::SERVED_AFTER, &[&count])) } dd { (served) } }
        (fact(words::LOAD_AFTER, load(after.load), voice))
        (fact(words::LOAD_EXPECTED, load(after.expected), voice))
        @if let Some(at) = after.overtaken { (fact(words::OVERTAKEN, voice.time(at), voice)) }
    }
}

fn went_by(view: &DecisionView, voice: &Voice) -> Markup {
    let heads = [
        words::READ_METRIC,
        words::VALUE,
        words::SPREAD,
        words::FRESH_VMS,
        words::OLDEST_SAMPLE,
        words::ASKS_FOR,
    ];
    html! {
        section #inputs {
            h2 { (voice.say(words::WENT_BY)) }
            @if view.readings.is_empty() {
                p.calm { (voice.say(words::NOTHING_READ)) }
            } @else {
                table.cards {
                    (head(&heads, voice))
                    tbody {
                        @for reading in &view.readings {
                            (reading_row(reading, heads.map(|word| voice.say(word)), voice))
                        }
                    }
                }
            }
            @for said in &view.said { p { (said) } }
        }
    }
}

fn reading_row(
    reading: &ReadingView,
    [_, value, spread, fresh, oldest, asks]: [&str; 6],
    voice: &Voice,
) -> Markup {
    let of = [reading.fresh, reading.of].map(|count| count.to_string());
    let asked = reading.asks.as_ref().map(|(to, why)| format!("{to}: {why}"));
    html! {
        tr {
            th scope="row" { (reading.metric) }
            (short_cell(value, load(reading.value)))
            (short_cell(spread, html! { (load(reading.min)) "–" (load(reading.max)) }))
            (short_cell(fresh, voice.fill(words::POOL_READY_OF, &[&of[0], &of[1]])))
            (short_cell(oldest, voice.data_age(reading.oldest_s)))
            (note_cell(asks, reading.fault.as_deref().or(asked.as_deref()).unwrap_or_default()))
        }
    }
}

fn limits(limits: &[LimitRow], voice: &Voice) -> Markup {
    let heads = [words::STAGE, words::CHANGE, words::REASON];
    html! {
        section #limits {
            h2 { (voice.say(words::LIMITS)) }
            table.cards {
                (head(&heads, voice))
                tbody {
                    @for limit in limits {
                        (limit_row(limit, heads.map(|word| voice.say(word)), voice))
                    }
                }
            }
        }
    }
}

fn limit_row(limit: &LimitRow, [_, count, reason]: [&str; 3], voice: &Voice) -> Markup {
    html! {
        tr {
            th scope="row" { (limit.name) }
            @if limit.applies {
                (short_cell(count, mark_of(limit.from, limit.to, voice)))
            } @else {
                (short_cell(count, html! { span.quiet { (voice.say(words::APPLIES_NOT)) } }))
            }
            (note_cell(reason, &limit.detail))
        }
    }
}

fn moves(moves: &[MoveRow], voice: &Voice) -> Markup {
    let heads = [words::VM, words::STATE, words::REASON];
    let [_, state, reason] = heads.map(|word| voice.say(word));
    html! {
        section #moves {
            h2 { (voice.say(words::BEGAN)) }
            table.cards {
                (head(&heads, voice))
                tbody {
                    @for moved in moves {
                        tr {
                            th scope="row" { (moved.vm) }
                            (short_cell(state, voice.vm_state(moved.to)))
                            (cell(reason, &moved.why))
                        }
                    }
                }
            }
        }
    }
}
