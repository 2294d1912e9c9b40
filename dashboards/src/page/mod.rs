//! The pages, and the frame that all of them share.
//!
//! The sections of the first page stand in a file each; each is a function from the view to markup.
//! A section is a child of `<main>` with an id of its own, because the script exchanges sections one
//! by one and leaves alone what did not change.

mod fleet;
mod incident;
mod incidents;
mod module;
mod modules;
mod monitor;
mod overview;
mod pools;
mod summary;

use maud::{DOCTYPE, Markup, html};
use model::id::{IncidentId, ModuleId};
use model::lang::Lang;
use model::time::Time;

use crate::view::{Health, IncidentPage, ModuleView, Overview, Theme};
use crate::voice::Voice;
use crate::words::{self, Word};

/// What stands around the content of a page.
#[derive(Debug)]
struct Frame<'a> {
    title: &'a str,
    theme: Theme,
    /// The sections of this page are renewed by the script.
    live: bool,
}

/// The first page: all that is known, the worst first.
pub fn overview_page(overview: &Overview) -> String {
    let frame = Frame { title: &overview.fleet, theme: overview.theme, live: true };
    frame.around(&Voice::of(overview), &overview::sections(overview)).into_string()
}

/// What stands within `<main>` of the first page, to be sent to open pages.
pub fn overview_fragment(overview: &Overview) -> String {
    overview::sections(overview).into_string()
}

/// One incident: what it is, why, what suffers, who was told what.
pub fn incident_page(overview: &Overview, page: &IncidentPage) -> String {
    let voice = Voice::of(overview);
    let frame = Frame { title: &page.incident.headline, theme: overview.theme, live: false };
    frame.around(&voice, &incident::sections(page, &voice)).into_string()
}

/// One module: its figure in full width, its decisions with their reasons, its VMs.
pub fn module_page(overview: &Overview, module: &ModuleView) -> String {
    let frame = Frame { title: module.id.as_str(), theme: overview.theme, live: false };
    frame.around(&Voice::of(overview), &module::sections(overview, module)).into_string()
}

/// What stands where nothing is.
pub fn not_found_page(lang: Lang, theme: Theme) -> String {
    let voice = Voice::new(lang, "UTC", Time::default());
    let frame = Frame { title: voice.say(words::NOT_FOUND), theme, live: false };
    let content = html! {
        section #lost {
            (back(&voice))
            h1 { (voice.say(words::NOT_FOUND)) }
            p { (voice.say(words::NOT_FOUND_HINT)) }
        }
    };
    frame.around(&voice, &content).into_string()
}

impl Frame<'_> {
    fn around(&self, voice: &Voice, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(voice.lang.pick("en", "zh-CN")) data-theme=(self.theme.as_str()) {
                (self.head())
                body {
                    a.skip href="#main" { (voice.say(words::SKIP)) }
                    header {
                        a.brand href="/" { "cloudbrain" }
                        @if self.live { (live_note(voice)) }
                        (preferences(voice, self.theme))
                    }
                    main #main { (content) }
                }
            }
        }
    }

    fn head(&self) -> Markup {
        html! {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (self.title) " · cloudbrain" }
                link rel="stylesheet" href="/assets/style.css";
                // Else each browser asks for one, and complains that there is none.
                link rel="icon" href="data:,";
                @if self.live {
                    script src="/assets/live.js" defer {}
                }
                noscript { meta http-equiv="refresh" content="60"; }
            }
        }
    }
}

/// Whether the page renews itself; the script writes into it.
fn live_note(voice: &Voice) -> Markup {
    html! {
        p #live data-on=(voice.say(words::LIVE_ON)) data-off=(voice.say(words::LIVE_OFF)) {}
    }
}

/// A form without script: each button sends its own name and value.
fn preferences(voice: &Voice, theme: Theme) -> Markup {
    let word = |theme| match theme {
        Theme::Auto => words::THEME_AUTO,
        Theme::Light => words::THEME_LIGHT,
        Theme::Dark => words::THEME_DARK,
    };
    let languages = [(Lang::En, "en", "English"), (Lang::Zh, "zh", "中文")];
    html! {
        form method="post" action="/preferences" {
            div.switch role="group" aria-label=(voice.say(words::THEME)) {
                @for choice in Theme::ALL {
                    (choose("theme", choice.as_str(), voice.say(word(choice)), choice == theme))
                }
            }
            div.switch role="group" aria-label=(voice.say(words::LANGUAGE)) {
                @for (lang, value, name) in languages {
                    (choose("lang", value, name, lang == voice.lang))
                }
            }
        }
    }
}

fn choose(name: &str, value: &str, label: &str, chosen: bool) -> Markup {
    html! { button name=(name) value=(value) aria-pressed=(chosen) { (label) } }
}

fn back(voice: &Voice) -> Markup {
    html! { p.back { a href="/" { "← " (voice.say(words::BACK)) } } }
}

fn glyph(health: Health) -> Markup {
    html! { b class=(health.class()) aria-hidden="true" { (health.glyph()) } }
}

fn incident_path(id: &IncidentId) -> String {
    format!("/incidents/{}", in_path(id.as_str()))
}

/// None if the id lacks its project: it has no page.
fn module_path(id: &ModuleId) -> Option<String> {
    let (project, name) = id.as_str().split_once('/')?;
    Some(format!("/modules/{project}/{}", in_path(name)))
}

/// Of all that an id may contain, only the slash means something in a path.
fn in_path(id: &str) -> String {
    id.replace('/', "%2F")
}

/// The names of a table's columns.
fn head(columns: &[Word], voice: &Voice) -> Markup {
    html! {
        thead { tr { @for column in columns { th scope="col" { (voice.say(*column)) } } } }
    }
}

/// A text that may be empty: then a card leaves it out, with its column's name.
fn note_cell(label: &str, note: &str) -> Markup {
    if note.is_empty() {
        html! { td {} }
    } else {
        cell(label, note)
    }
}

/// A cell that carries its column's name, for where the table is shown as cards.
fn cell(label: &str, content: impl maud::Render) -> Markup {
    html! { td data-label=(label) { (content) } }
}
