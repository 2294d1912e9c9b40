//! What became of the samples: those that were not taken, those that were lost, and the store.

use maud::{Markup, html};

use super::rest;
use super::sources::names;
use crate::page::{fact, glyph, head, note_cell, short_cell};
use crate::unit;
use crate::view::Health;
use crate::view::monitor::{Listed, Loss, MonitorView, Refused, Rejected, StoreView, TierView};
use crate::voice::{NOTHING, Voice};
use crate::words::{self, Word};

/// Of targets that offer more than is taken.
const MOST_REJECTED: usize = 20;

pub(super) fn refused(view: &MonitorView, voice: &Voice) -> Markup {
    html! {
        section #refused {
            h2 { (voice.say(words::REFUSED)) }
            @if view.refused.is_empty() && view.losses.is_empty() && view.rejected.count == 0 {
                p.calm { (glyph(Health::Up)) " " (voice.say(words::NONE_REFUSED)) }
            }
            @if !view.refused.is_empty() { (refused_table(&view.refused, voice)) }
            @if view.rejected.count > 0 {
                h3 { (voice.say(words::REJECTED)) }
                (rejected_table(&view.rejected, voice))
            }
            @if !view.losses.is_empty() {
                h3 { (voice.say(words::LOSSES)) }
                (loss_table(&view.losses, voice))
            }
        }
    }
}

/// The most first.
fn refused_table(refused: &[Refused], voice: &Voice) -> Markup {
    let mut refused: Vec<&Refused> = refused.iter().collect();
    refused.sort_by(|one, other| other.count.cmp(&one.count).then(one.why.cmp(&other.why)));
    let heads = [words::REASON, words::COUNT, words::EXAMPLES];
    let [_, count, examples] = heads.map(|word| voice.say(word));
    html! {
        table.cards {
            (head(&heads, voice))
            tbody {
                @for refused in refused {
                    tr {
                        th scope="row" { (why(&refused.why, voice)) }
                        (short_cell(count, unit::count(refused.count)))
                        (note_cell(examples, &names(&refused.names, refused.names.len(), voice)))
                    }
                }
            }
        }
    }
}

/// A reason that is not known here is shown as given.
fn why<'a>(reason: &'a str, voice: &Voice) -> &'a str {
    let word: Word = match reason {
        "not_a_number" => words::NOT_A_NUMBER,
        "too_far_ahead" => words::TOO_FAR_AHEAD,
        "too_old" => words::TOO_OLD,
        "too_many_series" => words::TOO_MANY_SERIES,
        "too_many_columns" => words::TOO_MANY_COLUMNS,
        "labels_too_long" => words::LABELS_TOO_LONG,
        "no_name" => words::NO_NAME,
        other => return other,
    };
    voice.say(word)
}

/// A loss that is not known here is shown as given.
fn what<'a>(loss: &'a str, voice: &Voice) -> &'a str {
    match loss {
        "unwritten_samples" => voice.say(words::UNWRITTEN_SAMPLES),
        "dropped_samples" => voice.say(words::DROPPED_SAMPLES),
        other => other,
    }
}

fn rejected_table(rejected: &Listed<Rejected>, voice: &Voice) -> Markup {
    let (shown, more) = rejected.cut(MOST_REJECTED);
    let heads = [words::OBJECT, words::COUNT, words::EXAMPLES];
    let [_, count, examples] = heads.map(|word| voice.say(word));
    html! {
        table.cards {
            (head(&heads, voice))
            tbody {
                @for rejected in shown {
                    tr {
                        th scope="row" { (rejected.object) }
                        (short_cell(count, unit::count(rejected.count)))
                        td data-label=(examples) {
                            div.notes { @for example in &rejected.examples { p { (example) } } }
                        }
                    }
                }
            }
        }
        (rest(more, voice))
    }
}

fn loss_table(losses: &[Loss], voice: &Voice) -> Markup {
    let heads = [words::QUEUE, words::COUNT, words::LAST];
    let [_, count, last] = heads.map(|word| voice.say(word));
    html! {
        table.cards {
            (head(&heads, voice))
            tbody {
                @for loss in losses {
                    tr {
                        th scope="row" { (what(&loss.what, voice)) }
                        (short_cell(count, unit::count(loss.count)))
                        (short_cell(last, loss.last.map_or(html! { (NOTHING) }, |at| voice.ago(at))))
                    }
                }
            }
        }
    }
}

pub(super) fn store(store: Option<&StoreView>, voice: &Voice) -> Markup {
    html! {
        section #store {
            h2 { (voice.say(words::STORE)) }
            @match store {
                None => { p.calm { (voice.say(words::NO_STORE)) } }
                Some(store) => { (store_content(store, voice)) }
            }
        }
    }
}

fn store_content(store: &StoreView, voice: &Voice) -> Markup {
    let [series, most] = [store.series, store.max_series].map(unit::count);
    let tiers: u64 = store.tiers.iter().map(|tier| tier.bytes).sum();
    let in_all = tiers.saturating_add(store.log_bytes);
    html! {
        @if let Some(since) = store.disk_full {
            div.alarm {
                p {
                    (glyph(Health::Down)) " "
                    (voice.fill(words::DISK_FULL_SINCE, &[&voice.clock(since)]))
                }
                p { "→ " (voice.say(words::DISK_FULL_REMEDY)) }
            }
        }
        dl.facts {
            (fact(words::SERIES, voice.fill(words::POOL_READY_OF, &[&series, &most]), voice))
            (fact(words::SIZE, unit::bytes(in_all), voice))
            (fact(words::LOG, unit::bytes(store.log_bytes), voice))
        }
        @if store.is_crowded() {
            p { (glyph(Health::Unknown)) " " (voice.say(words::CROWDED)) }
        }
        @if !store.tiers.is_empty() { (tier_table(&store.tiers, voice)) }
    }
}

fn tier_table(tiers: &[TierView], voice: &Voice) -> Markup {
    let heads = [words::RESOLUTION, words::SIZE, words::OLDEST, words::KEPT];
    let [_, size, oldest, kept] = heads.map(|word| voice.say(word));
    html! {
        table.cards {
            (head(&heads, voice))
            tbody {
                @for tier in tiers {
                    tr {
                        th scope="row" { (resolution(tier, voice)) }
                        (short_cell(size, unit::bytes(tier.bytes)))
                        (short_cell(oldest, tier.oldest.map_or(html! { (NOTHING) }, |at| voice.ago(at))))
                        (short_cell(kept, format!("{} {}", tier.kept_days, voice.say(words::DAYS))))
                    }
                }
            }
        }
    }
}

fn resolution(tier: &TierView, voice: &Voice) -> String {
    match tier.step_s {
        None => voice.say(words::AS_MEASURED).to_owned(),
        Some(step_s) => voice.fill(words::EACH, &[&voice.lasting(step_s.into())]),
    }
}
