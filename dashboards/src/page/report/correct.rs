//! The form by which somebody who knows better than the probes says what a span of a module's past was.
//!
//! It stands closed where corrections are told, and needs no script. An outage leads to it, with its
//! own span filled in. A file has neither: behind it nobody listens.

use std::time::Duration;

use maud::{Markup, html};
use model::id::ModuleId;
use model::time::Time;

use super::{anchor, path};
use crate::page::explore::link::encoded;
use crate::page::quiet::{Actors, comment, who};
use crate::report::state_in;
use crate::view::report::{Correcting, ModuleReport, OutageView, Picked, ReportView};
use crate::voice::{Voice, zoned};
use crate::words::{self, Word};

/// Where there was no outage, this much before the end of the report is filled in.
const USUAL: Duration = Duration::from_secs(3_600);

/// `of` is the page of the module, below which the form is sent. The answer leads back to the account.
pub(super) fn form(
    module: &ModuleReport,
    of: &str,
    report: &ReportView,
    correcting: &Correcting,
    voice: &Voice,
) -> Markup {
    let picked = correcting.picked.as_ref().filter(|picked| picked.module == module.module);
    let Picked { from, until, .. } =
        picked.cloned().unwrap_or_else(|| usual(module, report, voice));
    let actors = Actors { people: &correcting.people, me: correcting.me.as_ref() };
    html! {
        details.correct id=(id(&module.module)) open[picked.is_some()] {
            summary { (voice.say(words::CORRECT)) }
            p.quiet { (voice.fill(words::CORRECT_HINT, &[voice.zone_name()])) }
            form.act method="post" action={ (of) "/correct#" (anchor(&module.module)) } {
                (moment("from", words::FROM_WHEN, &from, voice))
                (moment("until", words::TO_WHEN, &until, voice))
                (state(&correcting.states, voice))
                (comment(voice))
                (who(actors, voice))
                button.primary { (voice.say(words::CORRECT_DO)) }
            }
        }
    }
}

/// From an outage to the form with its span; none where there is no form.
pub(super) fn way(
    module: &ModuleReport,
    outage: &OutageView,
    report: &ReportView,
    voice: &Voice,
) -> Option<String> {
    let picked = encoded(&span(&module.module, outage.from, outage.until, voice).written());
    let page = path(report.project.as_str(), Some(&report.period));
    let way = format!("{page}&correct={picked}#{}", id(&module.module));
    voice.way(way).filter(|_| module.withdrawn.is_none())
}

fn id(module: &ModuleId) -> String {
    format!("correct-{module}")
}

/// The last outage, since that is what people speak of.
fn usual(module: &ModuleReport, report: &ReportView, voice: &Voice) -> Picked {
    let before_end = || ((report.until - USUAL).max(report.from), report.until);
    let last = module.outages.last().map(|outage| (outage.from, outage.until));
    let (from, until) = last.unwrap_or_else(before_end);
    span(&module.module, from, until, voice)
}

/// In whole seconds, and no shorter than it was.
fn span(module: &ModuleId, from: Time, until: Time, voice: &Voice) -> Picked {
    let up = Time::from_millis((until.millis() + 999).div_euclid(1_000) * 1_000);
    let local = |at: Time| zoned(at, &voice.zone).strftime("%Y-%m-%dT%H:%M:%S").to_string();
    Picked { module: module.clone(), from: local(from), until: local(up) }
}

fn moment(name: &str, word: Word, value: &str, voice: &Voice) -> Markup {
    html! {
        label {
            span { (voice.say(word)) }
            input type="datetime-local" step="1" name=(name) value=(value) required;
        }
    }
}

/// None is chosen already: it changes whether a promise was kept.
fn state(states: &[String], voice: &Voice) -> Markup {
    html! {
        label {
            span { (voice.say(words::COUNTS_AS)) }
            select name="what" required {
                option value="" { "–" }
                @for state in states { option value=(state) { (state_in(voice.lang, state)) } }
            }
        }
    }
}
