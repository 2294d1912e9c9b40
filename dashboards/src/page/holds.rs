//! What the scaler leaves alone for a while, and a form for it.

use maud::{Markup, html};
use model::id::ModuleId;

use super::quiet::{Actors, comment, end_form, length, who};
use super::{cell, head, note_cell};
use crate::view::quiet::HoldView;
use crate::voice::Voice;
use crate::words::{self, Word};

/// What a hold may be about, as the API takes it.
const WHATS: [(&str, Word); 4] = [
    ("in", words::HOLD_IN),
    ("out", words::HOLD_OUT),
    ("isolate", words::HOLD_ISOLATE),
    ("all", words::HOLD_ALL),
];

pub(super) fn holds(holds: &[HoldView], actors: Actors, voice: &Voice) -> Markup {
    let heads =
        [words::HOLD_ON, words::HOLD_WHAT, words::UNTIL, words::BY, words::COMMENT, words::END_IT];
    let [_, what, until, by, why, _] = heads.map(|word| voice.say(word));
    html! {
        section #holds {
            h2 { (voice.say(words::HOLDS)) }
            @if holds.is_empty() { p.calm { (voice.say(words::NO_HOLDS)) } } @else {
                table.cards {
                    (head(&heads, voice))
                    tbody {
                        @for hold in holds {
                            tr {
                                th scope="row" { (on(hold, voice)) p.quiet { (hold.id) } }
                                (cell(what, voice.say(meaning(&hold.what))))
                                (cell(until, voice.time(hold.until)))
                                (cell(by, hold.by.as_str()))
                                (note_cell(why, &hold.reason))
                                td { (end_form("holds", hold.id.as_str(), "end", actors, voice)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn on(hold: &HoldView, voice: &Voice) -> String {
    let fleet = || voice.say(words::WHOLE_FLEET).to_owned();
    hold.module.as_ref().map_or_else(fleet, ToString::to_string)
}

fn meaning(what: &str) -> Word {
    WHATS.iter().find(|(name, _)| *name == what).map_or(words::HOLD_ALL, |(_, word)| *word)
}

pub(super) fn new_hold(modules: &[ModuleId], actors: Actors, voice: &Voice) -> Markup {
    html! {
        section #new-hold {
            h2 { (voice.say(words::NEW_HOLD)) }
            p.quiet { (voice.say(words::HOLD_HINT)) }
            form.act method="post" action="/quiet/holds" {
                label {
                    span { (voice.say(words::HOLD_ON)) }
                    select name="on" {
                        @for module in modules { option value=(module) { (module) } }
                        option value="fleet" { (voice.say(words::WHOLE_FLEET)) }
                    }
                }
                label {
                    span { (voice.say(words::HOLD_WHAT)) }
                    select name="what" {
                        @for (value, word) in WHATS { option value=(value) { (voice.say(word)) } }
                    }
                }
                (comment(voice))
                (length(voice))
                (who(actors, voice))
                button.primary { (voice.say(words::HOLD_DO)) }
            }
        }
    }
}
