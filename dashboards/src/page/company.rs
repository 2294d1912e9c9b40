//! The availability of all projects, or of those of one owner: a row each, the worst first.
//!
//! Whoever looks here wants to know which promise is broken or in danger, and whose it is. No number
//! is made of the numbers of several projects: their mean would be nobody's availability.

use maud::{Markup, html};
use model::id::{PersonId, ProjectId};

use super::explore::link::encoded;
use super::report::{budget_left, down, left_out, verdict};
use super::{cell, head, note_cell, report, short_cell};
use crate::report::bounds;
use crate::view::company::{CompanyView, ProjectRow};
use crate::view::report::Around;
use crate::voice::{NOTHING, Voice};
use crate::words::{self, Word};

/// So many projects have a row, the worst; the table for programs has all.
const MOST_ROWS: usize = 2_000;

const HEADS: [Word; 9] = [
    words::PROJECT,
    words::VERDICT,
    words::TIME_DOWN,
    words::BETWEEN_BOUNDS,
    words::UNKNOWN,
    words::OUTAGES,
    words::BUDGET_LEFT,
    words::OWNERS,
    words::COUNTED_BY,
];

pub(super) fn sections(view: &CompanyView, around: &Around, voice: &Voice) -> Markup {
    html! {
        section #company {
            h1 { (voice.fill(words::REPORT_OF, &[whose(view), &view.period])) }
            p.quiet { (voice.say(words::WORST_FIRST)) }
            @if !voice.is_file {
                (ways(view, around, voice))
                (question(view, voice))
            }
            @if view.projects.is_empty() {
                p.calm { (voice.say(words::NO_PROJECTS)) }
            } @else {
                (table(view, voice))
            }
            (left_out(view.projects.len(), MOST_ROWS, voice))
        }
        @if !view.without_account.is_empty() { (without_account(view, voice)) }
        @if !view.without_owner.is_empty() {
            section #without-owner {
                h2 { (voice.say(words::WITHOUT_OWNER)) }
                p { (listed(&view.without_owner, voice)) }
            }
        }
    }
}

/// The owner, or the fleet.
pub(super) fn whose(view: &CompanyView) -> &str {
    view.owner.as_ref().map_or(&view.fleet, PersonId::as_str)
}

/// Where the reports of all are, or those of one owner.
fn path(base: &str, owner: Option<&PersonId>, period: &str) -> String {
    let period = encoded(period);
    match owner {
        Some(owner) => format!("{base}?owner={}&period={period}", encoded(owner.as_str())),
        None => format!("{base}?period={period}"),
    }
}

fn ways(view: &CompanyView, around: &Around, voice: &Voice) -> Markup {
    let files = report::files(voice);
    let owner = view.owner.as_ref();
    html! {
        nav.ways aria-label=(voice.say(words::OTHER_PERIODS)) {
            (report::periods(|period| path("/reports", owner, period), around, voice))
        }
        p.ways {
            span.quiet { (voice.say(words::AS_FILE)) }
            @for (format, name) in files {
                a href={ (path("/api/report", owner, &view.period)) "&format=" (format) } { (name) }
            }
        }
    }
}

/// A form that is sent by GET, so that its answer has an address.
fn question(view: &CompanyView, voice: &Voice) -> Markup {
    html! {
        form.act.whose method="get" action="/reports" {
            label {
                span { (voice.say(words::OWNER)) }
                select name="owner" {
                    option value="" { (voice.say(words::ALL_OWNERS)) }
                    @for owner in &view.owners {
                        option selected[view.owner.as_ref() == Some(owner)] { (owner) }
                    }
                }
            }
            label {
                span { (voice.say(words::PERIOD)) }
                input name="period" value=(view.period) maxlength="64" autocomplete="off";
            }
            button { (voice.say(words::SHOW)) }
        }
    }
}

fn table(view: &CompanyView, voice: &Voice) -> Markup {
    html! {
        table.cards.glance {
            (head(&HEADS, voice))
            tbody { @for row in view.projects.iter().take(MOST_ROWS) { (project(row, voice)) } }
        }
    }
}

fn project(row: &ProjectRow, voice: &Voice) -> Markup {
    let whole = &row.whole;
    let [_, judged, time, between, unknown, outages, left, owners, by] =
        HEADS.map(|word| voice.say(word));
    let path = report::path(row.project.as_str(), Some(&row.period));
    let names: Vec<&str> = row.owners.iter().map(PersonId::as_str).collect();
    html! {
        tr {
            th scope="row" {
                a href=[voice.way(path)] { (row.project) }
            }
            (short_cell(judged, verdict(whole.verdict, voice)))
            (short_cell(time, down(whole, voice)))
            (short_cell(between, or_nothing(bounds(whole))))
            (short_cell(unknown, voice.exactly(whole.tally.unknown_s)))
            (short_cell(outages, html! {
                span {
                    (whole.outages)
                    @if whole.is_open { " " span.down { (voice.say(words::STILL_DOWN)) } }
                }
            }))
            (note_cell(left, &budget_left(whole, voice)))
            (cell(owners, or_nothing(names.join(", "))))
            (cell(by, html! {
                span {
                    (row.policy)
                    @if let Some(target) = &row.target { " " (voice.say(words::TARGET)) " " (target) }
                    @if row.not_probed > 0 {
                        " · " (voice.fill(words::SOME_NOT_PROBED, &[&row.not_probed.to_string()]))
                    }
                }
            }))
        }
    }
}

fn or_nothing(text: String) -> String {
    if text.is_empty() { NOTHING.to_owned() } else { text }
}

fn without_account(view: &CompanyView, voice: &Voice) -> Markup {
    let heads = [words::PROJECT, words::REASON];
    html! {
        section #without-account {
            h2 { (voice.say(words::WITHOUT_ACCOUNT)) }
            table.cards {
                (head(&heads, voice))
                tbody {
                    @for missing in view.without_account.iter().take(MOST_ROWS) {
                        tr {
                            th scope="row" { (missing.project) }
                            (cell(voice.say(words::REASON), report::brief(&missing.why)))
                        }
                    }
                }
            }
        }
    }
}

fn listed(projects: &[ProjectId], voice: &Voice) -> Markup {
    html! {
        @for (number, project) in projects.iter().take(MOST_ROWS).enumerate() {
            @if number > 0 { ", " }
            a href=[voice.way(report::path(project.as_str(), None))] { (project) }
        }
    }
}
