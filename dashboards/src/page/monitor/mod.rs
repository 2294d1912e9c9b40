//! "Is the monitor healthy?", for whoever is woken at three in the morning.
//!
//! The first line is the answer. Then what does not let itself be seen, the worst first, each with
//! what to do; then what nobody looks at; then what was lost on the way. Of long lists the first
//! are shown and the others counted, with the way to all of them.

pub(super) mod brief;
mod samples;
mod sources;
mod targets;

use maud::{Markup, html};

use super::{fact, glyph};
use crate::unit;
use crate::view::Health;
use crate::view::monitor::{MonitorView, SourceState, Spell};
use crate::voice::Voice;
use crate::words::{self, Word};

/// Where the whole view is to be had, as JSON.
const API: &str = "/api/monitor";
/// As many spells of blindness are shown.
const MOST_SPELLS: usize = 10;
/// A monitor whose newest sample is older than this sees nothing, whatever it says.
const OLD_DATA_S: u64 = 60;

pub(super) fn sections(view: &MonitorView, voice: &Voice) -> Markup {
    html! {
        (verdict(view, voice))
        (sources::section(&view.sources, voice))
        (targets::faults(view, voice))
        (targets::unwatched(&view.unwatched, voice))
        (targets::doubts(&view.doubts, voice))
        (samples::refused(view, voice))
        (samples::store(view.store.as_ref(), voice))
        (schedule(view, voice))
        (spells(&view.spells, voice))
    }
}

fn verdict(view: &MonitorView, voice: &Voice) -> Markup {
    let (health, text) = answer(view, voice);
    html! {
        section.(health.class()) #verdict {
            h1 { (glyph(health)) " " span { (text) } }
            p.quiet {
                (voice.say(words::MONITOR)) " · " (voice.say(words::AS_OF)) " "
                time #as-of datetime=(voice.now) { (voice.clock(voice.now)) }
                " · " (voice.fill(words::ZONE, &[voice.zone_name()]))
            }
            @if view.is_disk_full() {
                p.alarm { (glyph(Health::Down)) " " (voice.say(words::DISK_FULL)) }
            }
            @if let Some(why) = &view.recovery {
                p.alarm { (glyph(Health::Down)) " " (voice.say(words::RECOVERY)) }
                pre { (why) }
            }
            @if let Some(error) = &view.config_error {
                p.alarm { (glyph(Health::Unknown)) " " (voice.say(words::CONFIG_ERROR)) }
                pre { (error) }
            }
            (counts(view, voice))
        }
    }
}

/// The one line that counts.
fn answer(view: &MonitorView, voice: &Voice) -> (Health, String) {
    let [seen, targets] = [view.seen, view.targets].map(|count| unit::count(count.into()));
    if let Some(spell) = view.blindness() {
        let lasting = voice.lasting(seconds_between(spell, voice));
        let told = [voice.clock(spell.from), lasting, spell.reason.clone()];
        return (Health::Down, voice.fill(words::BLIND_SINCE, &told.each_ref().map(|t| &**t)));
    }
    let old = view.newest.map(|at| voice.now.since(at).as_secs()).filter(|age| *age > OLD_DATA_S);
    match (view.targets, view.newest, old) {
        (0, ..) => (Health::Unknown, voice.say(words::NO_TARGETS).to_owned()),
        (_, None, _) => (Health::Unknown, voice.say(words::HEARD_NOTHING).to_owned()),
        (_, _, Some(age)) => {
            (Health::Down, voice.fill(words::NOTHING_NEW, &[&voice.lasting(age as f64)]))
        }
        _ if view.seen < view.targets => {
            (Health::Unknown, voice.fill(words::SEES_SOME, &[&seen, &targets]))
        }
        _ if view.is_disk_full() => {
            (Health::Down, voice.fill(words::SEES_AND_FORGETS, &[&targets]))
        }
        _ => (Health::Up, voice.fill(words::SEES_ALL, &[&targets])),
    }
}

/// The page in one line of counts, each a link to what it counts.
fn counts(view: &MonitorView, voice: &Voice) -> Markup {
    let refused: u64 = view.refused.iter().map(|refused| refused.count).sum();
    let lost: u64 = view.losses.iter().map(|loss| loss.count).sum();
    html! {
        ul.counts {
            @if !view.sources.is_empty() { (source_counts(view, voice)) }
            (count(view.faults.count as u64, words::COUNT_FAULTS, "#faults", voice))
            (count(view.unwatched.count as u64, words::COUNT_UNWATCHED, "#unwatched", voice))
            (count(view.doubts.count as u64, words::COUNT_DOUBTS, "#doubts", voice))
            (count(refused, words::COUNT_REFUSED, "#refused", voice))
            (count(lost, words::COUNT_LOST, "#refused", voice))
        }
    }
}

/// How many sources are in each state, the worst first.
fn source_counts(view: &MonitorView, voice: &Voice) -> Markup {
    html! {
        li.of {
            span.what { (voice.say(words::SOURCES)) }
            @for state in SourceState::ALL {
                @let count = view.sources.iter().filter(|source| source.state == state).count();
                @if count > 0 {
                    a.count.(state.class()) href="#sources" {
                        b aria-hidden="true" { (state.glyph()) }
                        strong { (count) } span { (voice.say(sources::state_word(state))) }
                    }
                }
            }
        }
    }
}

/// Nothing to tell is not told.
fn count(count: u64, word: Word, anchor: &str, voice: &Voice) -> Markup {
    html! {
        @if count > 0 {
            li {
                a.count.unknown href=(anchor) {
                    (glyph(Health::Unknown)) strong { (unit::count(count)) }
                    span { (voice.say(word)) }
                }
            }
        }
    }
}

fn schedule(view: &MonitorView, voice: &Voice) -> Markup {
    let schedule = &view.schedule;
    html! {
        section #schedule {
            h2 { (voice.say(words::SCHEDULE)) }
            dl.facts {
                (fact(words::LAG_NOW, voice.lasting(schedule.lag_s), voice))
                (fact(words::LAG_WORST, voice.lasting(schedule.lag_worst_s), voice))
                (fact(words::IN_FLIGHT, unit::count(schedule.in_flight), voice))
                (fact(words::SUSPECTS, unit::count(schedule.suspects), voice))
                (fact(words::MISSED, unit::count(schedule.missed), voice))
            }
            p.quiet { (voice.say(words::SUSPECTS_NOTE)) }
        }
    }
}

/// The newest first, since it is the one that matters now.
fn spells(spells: &[Spell], voice: &Voice) -> Markup {
    html! {
        section #spells {
            h2 { (voice.say(words::SPELLS)) }
            @if spells.is_empty() {
                p.calm { (glyph(Health::Up)) " " (voice.say(words::NO_SPELLS)) }
            } @else {
                p.quiet { (voice.say(words::SPELLS_NOTE)) }
            }
            ol.timeline {
                @for spell in spells.iter().rev().take(MOST_SPELLS) {
                    li {
                        span {
                            (voice.time(spell.from)) " – "
                            @match spell.until {
                                Some(until) => { (voice.time(until)) }
                                None => { strong.down { (voice.say(words::ONGOING)) } }
                            }
                        }
                        span {
                            strong { (voice.lasting(seconds_between(spell, voice))) }
                            " · " (spell.reason)
                        }
                    }
                }
            }
        }
    }
}

fn seconds_between(spell: &Spell, voice: &Voice) -> f64 {
    spell.until.unwrap_or(voice.now).since(spell.from).as_secs() as f64
}

/// How many are not shown, and where they are.
fn rest(count: usize, voice: &Voice) -> Markup {
    html! {
        @if count > 0 {
            p.rest {
                (voice.fill(words::MORE, &[&unit::count(count as u64)])) " · "
                a href=(API) { (voice.say(words::ALL_AS_JSON)) }
            }
        }
    }
}
