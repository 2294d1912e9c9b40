//! What is kept quiet: the silences, the maintenance windows, and forms for new ones.
//!
//! Each stands with who, why and until when, since whoever meets it at night did not make it. A form
//! works without a script; who somebody is he says himself, as there is no login yet.

use maud::{Markup, html};
use model::id::{IncidentId, Object, PersonId};

use super::holds::{holds, new_hold};
use super::{cell, head, in_path, incident_path, note_cell};
use crate::view::quiet::{Doings, QuietView, SilenceView, WindowView};
use crate::voice::Voice;
use crate::words::{self, Word};

/// The lengths of time that a form offers, as the API takes them and in seconds.
const LENGTHS: [(&str, u32); 9] = [
    ("15m", 900),
    ("30m", 1_800),
    ("1h", 3_600),
    ("2h", 7_200),
    ("4h", 14_400),
    ("8h", 28_800),
    ("1d", 86_400),
    ("3d", 259_200),
    ("7d", 604_800),
];
/// The one that is chosen already.
const USUAL_LENGTH: &str = "2h";
/// The longest comment that a form takes, in characters.
const MAX_COMMENT: u32 = 500;

/// Who may act, and who the reader is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actors<'a> {
    pub(super) people: &'a [PersonId],
    pub(super) me: Option<&'a PersonId>,
}

pub(super) fn sections(view: &QuietView, me: Option<&PersonId>, voice: &Voice) -> Markup {
    let actors = Actors { people: &view.people, me };
    html! {
        section #head {
            h1 { (voice.say(words::QUIET)) }
            p.quiet { (voice.say(words::QUIET_HINT)) }
            p.quiet {
                (voice.say(words::AS_OF)) " " (voice.time(voice.now)) " · "
                (voice.fill(words::ZONE, &[voice.zone_name()]))
            }
        }
        (silences(&view.silences, actors, voice))
        (windows(&view.windows, actors, voice))
        (holds(&view.holds, actors, voice))
        (new_silence(actors, voice))
        (new_window(actors, voice))
        (new_hold(&view.scaled, actors, voice))
    }
}

fn silences(silences: &[SilenceView], actors: Actors, voice: &Voice) -> Markup {
    let heads = [words::COVERS, words::UNTIL, words::BY, words::COMMENT, words::END_IT];
    let [_, until, by, comment, _] = heads.map(|word| voice.say(word));
    html! {
        section #silences {
            h2 { (voice.say(words::SILENCES)) }
            @if silences.is_empty() { p.calm { (voice.say(words::NO_SILENCES)) } } @else {
                table.cards {
                    (head(&heads, voice))
                    tbody {
                        @for silence in silences {
                            tr {
                                th scope="row" { (silence.covers) (marks(silence, voice)) }
                                (cell(until, voice.time(silence.until)))
                                (cell(by, silence.by.as_str()))
                                (note_cell(comment, &silence.comment))
                                td { (end_form("silences", silence.id.as_str(), "expire", actors, voice)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Its name, whether it has begun, and which incidents it keeps quiet.
fn marks(silence: &SilenceView, voice: &Voice) -> Markup {
    html! {
        p.quiet {
            (silence.id)
            @if !silence.is_running {
                " · " (voice.fill(words::BEGINS, &[&voice.clock(silence.from)]))
            }
            @for incident in &silence.incidents { " · " (incident_link(incident)) }
        }
    }
}

fn incident_link(id: &IncidentId) -> Markup {
    html! { a href=(incident_path(id)) { (id) } }
}

fn windows(windows: &[WindowView], actors: Actors, voice: &Voice) -> Markup {
    let heads = [words::COVERS, words::WHEN, words::BY, words::COMMENT, words::END_IT];
    let [_, when, by, comment, _] = heads.map(|word| voice.say(word));
    html! {
        section #maintenance {
            h2 { (voice.say(words::WINDOWS)) }
            @if windows.is_empty() { p.calm { (voice.say(words::NO_WINDOWS)) } } @else {
                table.cards {
                    (head(&heads, voice))
                    tbody {
                        @for window in windows {
                            tr {
                                th scope="row" { (names(&window.on)) p.quiet { (window.id) } }
                                (cell(when, times(window, voice)))
                                (cell(by, origin(window)))
                                (note_cell(comment, &window.comment))
                                td { (window_end(window, actors, voice)) }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn names(objects: &[Object]) -> String {
    objects.iter().map(Object::to_string).collect::<Vec<_>>().join(", ")
}

/// Until when it is open, and when it opens next, on the clocks of its own zone.
fn times(window: &WindowView, voice: &Voice) -> Markup {
    let there = Voice::new(voice.lang, &window.zone, voice.now);
    html! {
        div {
            @if let Some(until) = window.open_until {
                p {
                    span.chip.leaving { (voice.fill(words::OPEN_UNTIL, &[&there.clock(until)])) }
                }
            }
            @for (from, until) in &window.next {
                p { (there.time(*from)) " – " (there.time(*until)) }
            }
            @if window.open_until.is_none() && window.next.is_empty() {
                p { (voice.say(words::OVER)) }
            }
            p.quiet {
                (there.zone_name())
                @if let Some(cron) = &window.cron { " · " code { (cron) } }
            }
        }
    }
}

fn origin(window: &WindowView) -> &str {
    let by = window.by.as_ref().map(PersonId::as_str);
    by.or(window.file.as_deref()).unwrap_or_default()
}

/// One of a file is ended there, or it would come again.
fn window_end(window: &WindowView, actors: Actors, voice: &Voice) -> Markup {
    match &window.file {
        Some(file) => html! { p.quiet { (voice.fill(words::END_IN_FILE, &[file])) } },
        None => end_form("maintenance", window.id.as_str(), "end", actors, voice),
    }
}

pub(super) fn end_form(kind: &str, id: &str, verb: &str, actors: Actors, voice: &Voice) -> Markup {
    let path = format!("/quiet/{kind}/{}/{verb}", in_path(id));
    html! {
        form.act method="post" action=(path) {
            (who(actors, voice))
            button { (voice.say(words::END_IT)) }
        }
    }
}

fn new_silence(actors: Actors, voice: &Voice) -> Markup {
    html! {
        section #new-silence {
            h2 { (voice.say(words::NEW_SILENCE)) }
            p.quiet { (voice.say(words::SILENCE_HINT)) }
            form.act method="post" action="/quiet/silences" {
                (text("on", words::COVERS, "host/h1", false, voice))
                (text("check", words::CHECK_ONLY, "vm.disk", false, voice))
                (text("labels", words::OR_LABELS, "alertname=Slow, vm=~web-.*", false, voice))
                (comment(voice))
                (length(voice))
                (who(actors, voice))
                button.primary { (voice.say(words::SILENCE_DO)) }
            }
        }
    }
}

fn new_window(actors: Actors, voice: &Voice) -> Markup {
    html! {
        section #new-window {
            h2 { (voice.say(words::NEW_WINDOW)) }
            p.quiet { (voice.say(words::WINDOW_HINT)) }
            form.act method="post" action="/quiet/maintenance" {
                (text("on", words::COVERS, "host/h1, host/h2", true, voice))
                (comment(voice))
                (length(voice))
                (who(actors, voice))
                button.primary { (voice.say(words::WINDOW_DO)) }
            }
        }
    }
}

/// On the page of an incident: who is at work, who put it off, what is silenced, and the forms for
/// each.
pub(super) fn doings(id: &IncidentId, doings: &Doings, voice: &Voice) -> Markup {
    let actors = Actors { people: &doings.people, me: doings.me.as_ref() };
    let path = incident_path(id);
    html! {
        section #doings {
            h2 { (voice.say(words::DOINGS)) }
            (done(doings, voice))
            div.acts {
                form.act method="post" action={ (path) "/acknowledge" } {
                    p.quiet { (voice.say(words::ACKNOWLEDGE_HINT)) }
                    (who(actors, voice))
                    button.primary { (voice.say(words::ACKNOWLEDGE_DO)) }
                }
                form.act method="post" action={ (path) "/snooze" } {
                    p.quiet { (voice.say(words::SNOOZE_HINT)) }
                    (length(voice))
                    (who(actors, voice))
                    button { (voice.say(words::SNOOZE_DO)) }
                }
                form.act method="post" action="/quiet/silences" {
                    p.quiet { (voice.say(words::SILENCE_HINT)) }
                    (object(&doings.objects, voice))
                    (comment(voice))
                    (length(voice))
                    (who(actors, voice))
                    button { (voice.say(words::SILENCE_DO)) }
                }
            }
        }
    }
}

fn done(doings: &Doings, voice: &Voice) -> Markup {
    html! {
        @if let Some((by, at)) = &doings.acknowledged {
            p { (voice.fill(words::AT_WORK, &[by.as_str(), &voice.clock(*at)])) }
        }
        @for (by, until) in &doings.snoozes {
            p { (voice.fill(words::PUT_OFF, &[by.as_str(), &voice.clock(*until)])) }
        }
        @for silence in &doings.silences {
            p {
                (voice.fill(words::SILENCED_BY, &[silence.by.as_str(), &voice.clock(silence.until), &silence.covers, &silence.comment]))
                " " a href="/quiet" { (silence.id) }
            }
        }
        @if !doings.silences.is_empty() && !doings.is_silenced {
            p.quiet { (voice.say(words::PARTLY_SILENCED)) }
        }
    }
}

pub(super) fn who(actors: Actors, voice: &Voice) -> Markup {
    html! {
        label {
            span { (voice.say(words::I_AM)) }
            select name="by" required {
                option value="" { "–" }
                @for person in actors.people {
                    option value=(person) selected[actors.me == Some(person)] { (person) }
                }
            }
        }
    }
}

pub(super) fn length(voice: &Voice) -> Markup {
    html! {
        label {
            span { (voice.say(words::FOR_HOW_LONG)) }
            select name="for" {
                @for (value, seconds) in LENGTHS {
                    option value=(value) selected[value == USUAL_LENGTH] {
                        (voice.lasting(f64::from(seconds)))
                    }
                }
            }
        }
    }
}

fn object(objects: &[Object], voice: &Voice) -> Markup {
    html! {
        label {
            span { (voice.say(words::COVERS)) }
            select name="on" {
                @for object in objects { option value=(object) { (object) } }
            }
        }
    }
}

pub(super) fn comment(voice: &Voice) -> Markup {
    html! {
        label.wide {
            span { (voice.say(words::COMMENT)) }
            input name="comment" required maxlength=(MAX_COMMENT) autocomplete="off";
        }
    }
}

fn text(name: &str, word: Word, example: &str, is_required: bool, voice: &Voice) -> Markup {
    html! {
        label {
            span { (voice.say(word)) }
            input name=(name) placeholder=(example) required[is_required] autocomplete="off";
        }
    }
}
