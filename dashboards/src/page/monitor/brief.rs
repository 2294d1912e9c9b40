//! On the first page: whether it can be believed, how old its data are, and which targets do not
//! answer.

use maud::{Markup, html};

use crate::page::frame::Place;
use crate::page::{cell, glyph, head};
use crate::view::{Fault, Health, MonitorHealth};
use crate::voice::Voice;
use crate::words;

/// As many faults are seen at once; the others are one click away.
const FAULTS_AT_ONCE: usize = 8;

pub(in crate::page) fn section(monitor: &MonitorHealth, voice: &Voice) -> Markup {
    let (first, more) = monitor.faults.split_at(monitor.faults.len().min(FAULTS_AT_ONCE));
    html! {
        section #monitor {
            h2 { (voice.say(words::MONITOR)) }
            (verdict(monitor, voice))
            p { a href=(Place::Monitor.path()) { (voice.say(words::MONITOR_ALL)) } }
            @if let Some(why) = &monitor.recovery {
                p.alarm { (glyph(Health::Down)) " " strong { (voice.say(words::RECOVERY)) } }
                pre { (why) }
            }
            @if let Some(error) = &monitor.config_error {
                p { strong { (voice.say(words::CONFIG_ERROR)) } }
                pre { (error) }
            }
            @if first.is_empty() {
                p.quiet { (voice.say(words::NO_FAULTS)) }
            } @else {
                h3 { (voice.fill(words::FAULTS, &[&monitor.faults.len().to_string()])) }
                (table(first, voice))
            }
            @if !more.is_empty() {
                details #faults-more {
                    summary { (voice.fill(words::MORE, &[&more.len().to_string()])) }
                    (table(more, voice))
                }
            }
        }
    }
}

fn verdict(monitor: &MonitorHealth, voice: &Voice) -> Markup {
    let (health, word) = match monitor.is_healthy() {
        true => (Health::Up, words::MONITOR_YES),
        false => (Health::Unknown, words::MONITOR_NO),
    };
    let (targets, age) = (monitor.targets.to_string(), voice.data_age(monitor.data_age_s));
    html! { p.calm { (glyph(health)) " " (voice.fill(word, &[&targets, &age])) } }
}

fn table(faults: &[Fault], voice: &Voice) -> Markup {
    let heads = [words::OBJECT, words::ERROR, words::FAULT_SINCE];
    let [_, error, since] = heads.map(|word| voice.say(word));
    html! {
        table.cards {
            (head(&heads, voice))
            tbody {
                @for fault in faults {
                    tr {
                        th scope="row" { (fault.object) }
                        (cell(error, &fault.error))
                        (cell(since, voice.time(fault.since)))
                    }
                }
            }
        }
    }
}
