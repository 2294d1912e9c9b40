//! The pages.
//!
//! The sections of a page stand in a file each; each is a function from the view to markup.
//! A section is a child of `<main>` with an id of its own, because the script exchanges sections one
//! by one and leaves alone what did not change.

mod capacity;
mod company;
mod decision;
mod explore;
mod fleet;
mod frame;
mod holds;
mod incident;
mod incidents;
mod module;
mod modules;
mod monitor;
mod overview;
mod pools;
mod quiet;
mod report;
mod review;
mod rules;
mod status;
mod summary;

use maud::{Markup, html};
use model::id::{IncidentId, ModuleId, PersonId};
use model::lang::Lang;
use model::time::Time;

use crate::view::capacity::CapacityView;
use crate::view::company::CompanyView;
use crate::view::decision::DecisionView;
use crate::view::explore::ExploreView;
use crate::view::monitor::MonitorView;
use crate::view::quiet::QuietView;
use crate::view::report::{Around, Correcting, ReportView};
use crate::view::review::ReviewView;
use crate::view::rules::RulesView;
use crate::view::status::StatusView;
use crate::view::{Health, IncidentPage, ModuleView, Overview, Reader, Theme};
use crate::voice::Voice;
use crate::words::{self, Word};
use frame::{Frame, Place, Renewal};

/// The first page: all that is known, the worst first.
pub fn overview_page(overview: &Overview) -> String {
    let frame = Frame {
        title: &overview.fleet,
        theme: overview.theme,
        place: Some(Place::Overview),
        renewal: Renewal::Stream,
    };
    frame.around(&Voice::of(overview), &overview::sections(overview)).into_string()
}

/// What stands within `<main>` of the first page, to be sent to open pages.
pub fn overview_fragment(overview: &Overview) -> String {
    overview::sections(overview).into_string()
}

/// One incident: what it is, why, what suffers, who was told what.
pub fn incident_page(overview: &Overview, page: &IncidentPage) -> String {
    let voice = Voice::of(overview);
    let mut frame = below(&page.incident.headline, overview.theme);
    if page.doings.is_some() {
        frame.renewal = Renewal::None;
    }
    frame.around(&voice, &incident::sections(page, &voice)).into_string()
}

/// How one incident went, for those who want to do better the next time. Served as
/// `/incidents/ID/review`.
pub fn review_page(view: &ReviewView, reader: &Reader) -> String {
    let voice = Voice::of_reader(reader);
    let title = format!("{}: {}", voice.say(words::REVIEW), view.incident.headline);
    below(&title, reader.theme).around(&voice, &review::sections(view, &voice)).into_string()
}

/// The same for a wiki. Served as `/incidents/ID/review.md`.
pub fn review_markdown(view: &ReviewView, reader: &Reader) -> String {
    review::markdown::markdown(view, &Voice::of_reader(reader))
}

/// One module: its figure in full width, its decisions with their reasons, its VMs.
pub fn module_page(overview: &Overview, module: &ModuleView) -> String {
    let frame = below(module.id.as_str(), overview.theme);
    frame.around(&Voice::of(overview), &module::sections(overview, module)).into_string()
}

/// One decision: why, each limit, what came of it. Served as `/decisions/MODULE/ID`;
/// `/api/explain` has the same as JSON.
pub fn decision_page(view: &DecisionView, reader: &Reader) -> String {
    let voice = Voice::of_reader(reader);
    let title = format!("{} {}", view.module, view.id.as_str());
    below(&title, reader.theme).around(&voice, &decision::sections(view, &voice)).into_string()
}

/// The availability of one project over a period; `around` are the periods before it and after it, if
/// there is something to say of them, and `correcting` is what its forms offer. Its times are in the zone
/// of the report. Served as `/reports/PROJECT?period=2026-10`; `/api/report`, which it leads to, has the
/// same as JSON, table and text.
pub fn report_page(
    view: &ReportView,
    around: &Around,
    correcting: &Correcting,
    reader: &Reader,
) -> String {
    let voice = Voice::new(reader.lang, &view.zone, reader.now);
    let title = voice.fill(words::REPORT_OF, &[view.project.as_str(), &view.period]);
    // It tells of the past, and may be on its way to paper.
    let frame = Frame { renewal: Renewal::None, ..below(&title, reader.theme) };
    frame.around(&voice, &report::sections(view, around, correcting, &voice)).into_string()
}

/// The availability of all projects, or of those of one owner, a row each. Served as
/// `/reports?owner=alice&period=2026-10`; `/api/report` has the same as JSON, table and text.
pub fn company_page(view: &CompanyView, around: &Around, reader: &Reader) -> String {
    let voice = Voice::of_reader(reader);
    let title = voice.fill(words::REPORT_OF, &[company::whose(view), &view.period]);
    let (theme, place) = (reader.theme, Some(Place::Reports));
    let frame = Frame { title: &title, theme, place, renewal: Renewal::None };
    frame.around(&voice, &company::sections(view, around, &voice)).into_string()
}

/// The same report as one file, to be sent, kept and printed: nothing in it leads elsewhere.
pub fn report_file(view: &ReportView, reader: &Reader) -> String {
    let voice = Voice::new(reader.lang, &view.zone, reader.now).of_file();
    let title = voice.fill(words::REPORT_OF, &[view.project.as_str(), &view.period]);
    let sections = report::sections(view, &Around::default(), &Correcting::default(), &voice);
    let frame = Frame { renewal: Renewal::None, ..below(&title, reader.theme) };
    frame.alone(&voice, &sections).into_string()
}

/// The reports of all projects, likewise.
pub fn company_file(view: &CompanyView, reader: &Reader) -> String {
    let voice = Voice::of_reader(reader).of_file();
    let title = voice.fill(words::REPORT_OF, &[company::whose(view), &view.period]);
    let sections = company::sections(view, &Around::default(), &voice);
    let frame = Frame { renewal: Renewal::None, ..below(&title, reader.theme) };
    frame.alone(&voice, &sections).into_string()
}

/// The public status page as one file, which a browser loads again each minute. It is written as
/// `index.html`, and in Chinese as `zh.html` beside it.
pub fn status_file(view: &StatusView, lang: Lang) -> String {
    let voice = Voice::new(lang, &view.zone, view.written).of_file();
    let title = status::title(view, &voice);
    below(&title, Theme::Auto).alone(&voice, &status::sections(view, &voice)).into_string()
}

/// Why there is no report.
pub fn no_report_page(why: &str, lang: Lang, theme: Theme) -> String {
    let voice = Voice::new(lang, "UTC", Time::default());
    let title = voice.say(words::NO_REPORT);
    let frame = Frame { renewal: Renewal::None, ..below(title, theme) };
    let content = html! {
        section #lost {
            (back(&voice))
            h1 { (title) }
            p { (why) }
        }
    };
    frame.around(&voice, &content).into_string()
}

/// Whether the monitor can be believed: what it sees, what not and why, what it lost. Served as
/// `/monitor`; `/api/monitor`, which it leads to, is the same view as JSON.
pub fn monitor_page(view: &MonitorView, reader: &Reader) -> String {
    let voice = Voice::of_reader(reader);
    let frame = Frame {
        title: voice.say(words::MONITOR),
        theme: reader.theme,
        place: Some(Place::Monitor),
        renewal: Renewal::Poll,
    };
    frame.around(&voice, &monitor::sections(view, &voice)).into_string()
}

/// The rules: what each watches, what fires, why one may be quiet. Served as `/rules`; `/api/rules`,
/// which it leads to, has the same as JSON.
pub fn rules_page(view: &RulesView, reader: &Reader) -> String {
    let voice = Voice::of_reader(reader);
    let frame = Frame {
        title: voice.say(words::RULES),
        theme: reader.theme,
        place: Some(Place::Rules),
        renewal: Renewal::Poll,
    };
    frame.around(&voice, &rules::sections(view, &voice)).into_string()
}

/// What could still be made of each flavor, and for how long it lasts. Served as `/capacity`;
/// `/api/capacity`, which it leads to, is the same view as JSON.
pub fn capacity_page(view: &CapacityView, reader: &Reader) -> String {
    let voice = Voice::of_reader(reader);
    let frame = Frame {
        title: voice.say(words::CAPACITY),
        theme: reader.theme,
        place: Some(Place::Capacity),
        renewal: Renewal::Poll,
    };
    frame.around(&voice, &capacity::sections(view, &voice)).into_string()
}

/// The metrics explorer: an expression, and what it comes to. Served as `/explore`.
pub fn explore_page(view: &ExploreView, reader: &Reader) -> String {
    let voice = Voice::of_reader(reader);
    let title =
        if view.wish.query.is_empty() { voice.say(words::EXPLORE) } else { &view.wish.query };
    let frame =
        Frame { title, theme: reader.theme, place: Some(Place::Explore), renewal: Renewal::None };
    frame.around(&voice, &explore::sections(view, &voice)).into_string()
}

/// What is kept quiet, by whom and until when, with forms to begin and to end it; `me` is who the
/// reader said to be last. Served as `/quiet`.
pub fn quiet_page(view: &QuietView, me: Option<&PersonId>, reader: &Reader) -> String {
    let voice = Voice::of_reader(reader);
    let frame = Frame {
        title: voice.say(words::QUIET),
        theme: reader.theme,
        place: Some(Place::Quiet),
        renewal: Renewal::None,
    };
    frame.around(&voice, &quiet::sections(view, me, &voice)).into_string()
}

/// Why what a form asked for was not done, and the way back to the form.
pub fn refused_page(why: &str, back: &str, lang: Lang, theme: Theme) -> String {
    let voice = Voice::new(lang, "UTC", Time::default());
    let title = voice.say(words::NOT_DONE);
    let frame = Frame { title, theme, place: None, renewal: Renewal::None };
    let content = html! {
        section #lost {
            p.back { a href=(back) { "← " (voice.say(words::BACK_TO_FORM)) } }
            h1 { (title) }
            p { (why) }
        }
    };
    frame.around(&voice, &content).into_string()
}

/// What stands where nothing is.
pub fn not_found_page(lang: Lang, theme: Theme) -> String {
    let voice = Voice::new(lang, "UTC", Time::default());
    let frame = below(voice.say(words::NOT_FOUND), theme);
    let content = html! {
        section #lost {
            (back(&voice))
            h1 { (voice.say(words::NOT_FOUND)) }
            p { (voice.say(words::NOT_FOUND_HINT)) }
        }
    };
    frame.around(&voice, &content).into_string()
}

/// The frame of a page that stands below the first.
fn below(title: &str, theme: Theme) -> Frame<'_> {
    Frame { title, theme, place: None, renewal: Renewal::Reload }
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

/// A cell whose few words stay on one line.
fn short_cell(label: &str, content: impl maud::Render) -> Markup {
    html! { td.short data-label=(label) { (content) } }
}

/// A figure with its name.
fn fact(word: Word, value: impl maud::Render, voice: &Voice) -> Markup {
    html! { div { dt { (voice.say(word)) } dd { (value) } } }
}
