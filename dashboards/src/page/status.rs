//! The public status page: a file that any web server hands out, also while cloudbrain is down.
//!
//! So it leads to nothing that cloudbrain serves, needs no script, and loads nothing. A file cannot know
//! how old it is when it is read: it says when it was written, and from what age on it must not be
//! believed any more.
//!
//! A day is a bar: light and whole while all was up, filled from below the longer it was down, dashed
//! where more is unknown than known. The days that were not all up are listed below in words.

use maud::{Markup, html};

use super::glyph;
use super::report::calendar::step;
use crate::report::bounds;
use crate::view::Health;
use crate::view::report::DayView;
use crate::view::status::{StatusProject, StatusState, StatusView};
use crate::voice::Voice;
use crate::words::{self, Word};

/// After so many times of writing that did not happen it is old.
const OLD_AFTER: u64 = 3;
/// So many bad days are told in words, the newest first.
const MOST_DAYS: usize = 10;
/// How wide a day is, with the gap after it, and how high.
const WIDTH: usize = 4;
const PITCH: usize = 5;
const HEIGHT: usize = 32;

pub(super) fn sections(view: &StatusView, voice: &Voice) -> Markup {
    let other = voice.lang.pick("zh.html", "index.html");
    let (every, old) = (view.every_s, view.every_s * OLD_AFTER);
    html! {
        section #status {
            h1 { (title(view, voice)) }
            p { (summary(view, voice)) }
            p.quiet {
                (voice.fill(words::WRITTEN, &[&voice.dated(view.written), voice.zone_name()])) " "
                (voice.fill(words::WRITTEN_EVERY, &[&voice.exactly(every), &voice.exactly(old)]))
            }
            p { a href=(other) hreflang=(voice.lang.pick("zh-CN", "en")) { (voice.lang.pick("中文", "English")) } }
        }
        @for project in &view.projects { (section(project, voice)) }
    }
}

pub(super) fn title(view: &StatusView, voice: &Voice) -> String {
    voice.fill(words::STATUS_OF, &[&view.fleet])
}

fn summary(view: &StatusView, voice: &Voice) -> Markup {
    let count = |state| view.projects.iter().filter(|project| project.state == state).count();
    let (down, unknown) = (count(StatusState::Down), count(StatusState::Unknown));
    let all = view.projects.len().to_string();
    let (health, told) = match (down, unknown) {
        _ if view.projects.is_empty() => return html! { (voice.say(words::NOTHING_PUBLIC)) },
        (0, 0) => (Health::Up, voice.say(words::NONE_DOWN).to_owned()),
        (0, unknown) => {
            (Health::Unknown, voice.fill(words::SOME_UNKNOWN, &[&unknown.to_string(), &all]))
        }
        (down, _) => (Health::Down, voice.fill(words::SOME_DOWN, &[&down.to_string(), &all])),
    };
    html! { strong.(health.class()) { (glyph(health)) " " (told) } }
}

fn section(project: &StatusProject, voice: &Voice) -> Markup {
    let (health, word) = told(project.state);
    let whole = &project.whole;
    html! {
        section.account id={ "project-" (project.project) } {
            h2 {
                (project.project) " "
                span.chip { span.(health.class()) { (glyph(health)) " " (voice.say(word)) } }
            }
            @if let (Some(since), true) = (project.since, project.state != StatusState::Up) {
                p { (voice.say(words::SINCE)) " " (voice.dated(since)) }
            }
            (bars(&project.days, voice))
            p {
                (voice.say(words::TIME_DOWN)) " " strong { (voice.exactly(whole.tally.down_s)) }
                @if let Some(coverage) = &whole.coverage {
                    " · " (voice.say(words::SHARE_UP_BETWEEN)) " " (bounds(whole))
                    " · " (voice.say(words::COVERAGE)) " " (coverage) "%"
                }
            }
            (bad_days(&project.days, voice))
            (work(&project.work, voice))
        }
    }
}

fn told(state: StatusState) -> (Health, Word) {
    match state {
        StatusState::Up => (Health::Up, words::UP),
        StatusState::Down => (Health::Down, words::TIME_DOWN),
        StatusState::Unknown => (Health::Unknown, words::UNKNOWN),
        StatusState::Maintenance => (Health::Leaving, words::MAINTENANCE),
        StatusState::NotApplicable => (Health::Starting, words::NOT_PUBLISHED),
    }
}

fn bars(days: &[DayView], voice: &Voice) -> Markup {
    let bad = days.iter().filter(|day| day.tally.down_s > 0).count().to_string();
    let sentence = voice.fill(words::BARS, &[&days.len().to_string(), &bad]);
    let view_box = format!("0 0 {} {HEIGHT}", days.len() * PITCH);
    html! {
        figure.days {
            svg width="100%" height=(HEIGHT) viewBox=(view_box) preserveAspectRatio="none" role="img"
                aria-label=(sentence) {
                @for (place, day) in days.iter().enumerate() { (bar(place, day, voice)) }
            }
            figcaption { (sentence) }
        }
    }
}

fn bar(place: usize, day: &DayView, voice: &Voice) -> Markup {
    let tally = &day.tally;
    let known_s = tally.up_s + tally.down_s;
    let class = match (known_s, tally.unknown_s) {
        (0, 0) => "none",
        (known, unknown) if unknown > known => "unseen-day",
        (_, _) => "up",
    };
    let filled = HEIGHT * step(tally.down_s) / 4;
    let x = place * PITCH;
    html! {
        g {
            title { (day.date) ": " (in_words(day, voice)) }
            rect.(class) x=(x) width=(WIDTH) height=(HEIGHT) {}
            @if filled > 0 {
                rect.down x=(x) y=(HEIGHT - filled) width=(WIDTH) height=(filled) {}
            }
        }
    }
}

fn in_words(day: &DayView, voice: &Voice) -> String {
    let parts = [
        (words::TIME_DOWN, day.tally.down_s),
        (words::UNKNOWN, day.tally.unknown_s),
        (words::MAINTENANCE, day.tally.maintenance_s),
    ];
    let parts = parts.into_iter().filter(|(_, seconds)| *seconds > 0);
    let parts: Vec<String> =
        parts.map(|(word, s)| format!("{} {}", voice.say(word), voice.exactly(s))).collect();
    match (parts.is_empty(), day.tally.up_s) {
        (true, 0) => voice.say(words::NOT_COUNTED).to_owned(),
        (true, _) => voice.say(words::UP).to_owned(),
        (false, _) => parts.join(voice.lang.pick(", ", "，")),
    }
}

fn bad_days(days: &[DayView], voice: &Voice) -> Markup {
    let bad = || days.iter().rev().filter(|day| day.tally.down_s > 0);
    let more = bad().count().saturating_sub(MOST_DAYS);
    html! {
        ul.notes {
            @for day in bad().take(MOST_DAYS) { li { (day.date) ": " (in_words(day, voice)) } }
            @if more > 0 { li.quiet { (voice.fill(words::MORE_DAYS, &[&more.to_string()])) } }
        }
    }
}

fn work(work: &[(model::time::Time, model::time::Time)], voice: &Voice) -> Markup {
    html! {
        @if !work.is_empty() {
            h3 { (voice.say(words::WORK_PLANNED)) }
            ul.notes {
                @for (from, until) in work {
                    li { (voice.fill(words::FROM_TO, &[&voice.dated(*from), &voice.dated(*until)])) }
                }
            }
        }
    }
}
