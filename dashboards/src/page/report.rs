//! The report of a project's availability, to be read on a screen and on paper.
//!
//! An owner wants to know three things: how long were we down, is the promise kept, and why. So the
//! minutes stand first, the percentage second and never without how much of the time is known; then
//! the calendar, the outages one by one, and at the end by which rules all that was counted. Colours
//! only help: each state has a word or a sign, and the page prints in black on white.
//!
//! It counts nothing but the minutes of a row of the calendar: what is said was decided where the
//! report was made, and [`crate::report::text`] says the same.
//!
//! Invariant: however long the period and however many the modules, tables and calendars have a
//! most; what is left out is counted, and the table for programs has it.

pub(super) mod account;
pub(super) mod calendar;
mod correct;
mod latency;
mod lists;

use maud::{Markup, html};
use model::id::ModuleId;

use super::explore::link::encoded;
use super::{back, cell, head, note_cell, short_cell};
use crate::view::Health;
use crate::view::report::{Around, Correcting, ReportView, VerdictView, WholeView};
use crate::voice::{NOTHING, Voice};
use crate::words::{self, Word};

/// So many modules, the worst, have their calendar and lists; the others have a row.
const MOST_ACCOUNTS: usize = 24;
/// So many modules have a row.
const MOST_ROWS: usize = 500;
/// So much of a text from outside is shown.
const MOST_CHARS: usize = 240;

pub(super) fn sections(
    report: &ReportView,
    around: &Around,
    correcting: &Correcting,
    voice: &Voice,
) -> Markup {
    html! {
        (top(report, around, voice))
        @for module in report.modules.iter().take(MOST_ACCOUNTS) {
            (account::section(module, report, correcting, voice))
        }
        @if !report.not_probed.is_empty() { (not_probed(report, voice)) }
        (terms(report, voice))
    }
}

/// Where the report of a project is; of this month, if no period is named.
pub(super) fn path(project: &str, period: Option<&str>) -> String {
    let project = encoded(project);
    match period {
        Some(period) => format!("/reports/{project}?period={}", encoded(period)),
        None => format!("/reports/{project}"),
    }
}

fn top(report: &ReportView, around: &Around, voice: &Voice) -> Markup {
    let (from, until) = (voice.dated(report.from), voice.dated(report.until));
    html! {
        section #report {
            @if !voice.is_file { (back(voice)) }
            h1 { (voice.fill(words::REPORT_OF, &[report.project.as_str(), &report.period])) }
            p.quiet {
                (voice.fill(words::FROM_TO, &[&from, &until])) " · "
                (voice.fill(words::ZONE, &[voice.zone_name()]))
                @if report.until < report.ends { " · " (voice.say(words::NOT_OVER)) }
            }
            @if !voice.is_file { (ways(report, around, voice)) }
            @if report.modules.is_empty() { p.calm { (voice.say(words::NOTHING_COUNTED)) } }
            @if report.modules.len() > 1 { (glance(report, voice)) }
        }
    }
}

/// To other periods, to the other projects, and to the same as a file.
fn ways(report: &ReportView, around: &Around, voice: &Voice) -> Markup {
    let project = report.project.as_str();
    let files = files(voice);
    let (of, period) = (encoded(project), encoded(&report.period));
    html! {
        nav.ways aria-label=(voice.say(words::OTHER_PERIODS)) {
            (periods(|period| path(project, Some(period)), around, voice))
            a href={ "/reports?period=" (period) } { (voice.say(words::ALL_PROJECTS)) }
        }
        p.ways {
            span.quiet { (voice.say(words::AS_FILE)) }
            @for (format, name) in files {
                a href=(format!("/api/report?project={of}&period={period}&format={format}")) {
                    (name)
                }
            }
        }
    }
}

/// The forms that a report may be taken away in, and what they are called.
pub(super) fn files(voice: &Voice) -> [(&'static str, &'static str); 4] {
    [("html", "HTML"), ("csv", "CSV"), ("json", "JSON"), ("text", voice.say(words::AS_TEXT))]
}

/// The period before, the one after, and those that are asked for most.
pub(super) fn periods(path: impl Fn(&str) -> String, around: &Around, voice: &Voice) -> Markup {
    let named = [
        ("this-month", words::THIS_MONTH),
        ("last-month", words::LAST_MONTH),
        ("last-week", words::LAST_WEEK),
    ];
    html! {
        @if let Some(before) = &around.before { a rel="prev" href=(path(before)) { "← " (before) } }
        @if let Some(after) = &around.after { a rel="next" href=(path(after)) { (after) " →" } }
        @for (period, word) in named { a href=(path(period)) { (voice.say(word)) } }
    }
}

/// All modules, a row each; it leads to those that have more.
fn glance(report: &ReportView, voice: &Voice) -> Markup {
    let heads = [
        words::MODULE,
        words::VERDICT,
        words::TIME_DOWN,
        words::SHARE_UP,
        words::COVERAGE,
        words::BUDGET_LEFT,
    ];
    let labels = heads.map(|word| voice.say(word));
    let rows = report.modules.iter().take(MOST_ROWS).enumerate();
    html! {
        table.cards.glance {
            (head(&heads, voice))
            tbody {
                tr.whole {
                    th scope="row" { (voice.say(words::WHOLE_PROJECT)) }
                    (glance_cells(&report.whole, labels, voice))
                }
                @for (number, module) in rows {
                    @let anchor = (number < MOST_ACCOUNTS).then(|| format!("#{}", anchor(&module.module)));
                    tr {
                        th scope="row" { a href=[anchor] { (module.module) } }
                        (glance_cells(&module.as_whole(), labels, voice))
                    }
                }
            }
        }
        p.quiet { (voice.say(words::ANY_DOWN)) }
        @if report.modules.len() > MOST_ACCOUNTS {
            @let most = MOST_ACCOUNTS.to_string();
            p.quiet { (voice.fill(words::WORST_IN_FULL, &[&most])) }
        }
    }
}

fn glance_cells(
    of: &WholeView,
    [_, judged, time, share, coverage, left]: [&str; 6],
    voice: &Voice,
) -> Markup {
    html! {
        (short_cell(judged, verdict(of.verdict, voice)))
        (short_cell(time, down(of, voice)))
        (short_cell(share, percent(of.known.as_deref())))
        (short_cell(coverage, percent(of.coverage.as_deref())))
        (note_cell(left, &budget_left(of, voice)))
    }
}

/// Empty without a target.
pub(super) fn budget_left(of: &WholeView, voice: &Voice) -> String {
    of.budget.map_or(String::new(), |budget| match budget.overdrawn_s {
        0 => voice.exactly(budget.left_s),
        over => voice.fill(words::OVERDRAWN_BY, &[&voice.exactly(over)]),
    })
}

fn not_probed(report: &ReportView, voice: &Voice) -> Markup {
    let heads = [words::MODULE, words::REASON];
    html! {
        section #not-probed {
            h2 { (voice.say(words::NOT_PROBED_LIST)) }
            table.cards {
                (head(&heads, voice))
                tbody {
                    @for missing in report.not_probed.iter().take(MOST_ROWS) {
                        tr {
                            th scope="row" { (missing.module) }
                            (cell(voice.say(words::REASON), brief(&missing.why)))
                        }
                    }
                }
            }
            (left_out(report.not_probed.len(), MOST_ROWS, voice))
        }
    }
}

fn terms(report: &ReportView, voice: &Voice) -> Markup {
    html! {
        section #terms {
            h2 { (voice.say(words::HOW_COUNTED)) (voice.lang.pick(": ", "：")) (report.policy) }
            ul.reasons { @for rule in &report.rules { li { (rule) } } }
        }
    }
}

/// The sign and the word of a verdict.
pub(super) fn verdict(verdict: Option<VerdictView>, voice: &Voice) -> Markup {
    let (health, word): (Health, Word) = match verdict {
        Some(VerdictView::Met) => (Health::Up, words::TARGET_MET),
        Some(VerdictView::Missed) => (Health::Down, words::TARGET_MISSED),
        Some(VerdictView::Undecidable { .. }) => (Health::Unknown, words::UNDECIDABLE),
        None => return html! { span.quiet { (voice.say(words::NO_TARGET)) } },
    };
    html! { span.(health.class()) { (super::glyph(health)) " " (voice.say(word)) } }
}

/// Where nothing is known, `0 s` would look like a good time.
pub(super) fn down(of: &WholeView, voice: &Voice) -> String {
    match &of.known {
        Some(_) => voice.exactly(of.tally.down_s),
        None => NOTHING.to_owned(),
    }
}

fn anchor(module: &ModuleId) -> String {
    format!("module-{module}")
}

/// As the report has it: with as many digits as the probing can tell apart.
pub(super) fn percent(share: Option<&str>) -> String {
    share.map_or(NOTHING.to_owned(), |share| format!("{share}%"))
}

/// That there are more than are shown.
pub(super) fn left_out(count: usize, most: usize, voice: &Voice) -> Markup {
    let more = count.saturating_sub(most);
    html! {
        @if more > 0 { p.quiet { (voice.fill(words::MORE_IN_CSV, &[&more.to_string()])) } }
    }
}

pub(super) fn brief(text: &str) -> String {
    if text.chars().nth(MOST_CHARS).is_none() {
        return text.to_owned();
    }
    text.chars().take(MOST_CHARS).chain(['…']).collect()
}
