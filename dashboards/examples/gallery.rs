//! Prints a page of a made-up fleet as one HTML file, to be looked at.
//!
//! `cargo run -p dashboards --example gallery -- [PAGE] [en|zh] [auto|light|dark] > page.html`,
//! where PAGE is one of the names in [`page`].

use std::io::Write;

use dashboards::view::Theme;
use dashboards::{company_page, explore_page, monitor_page, report_page, rules_page};
use model::lang::Lang;

#[path = "../tests/made_up/mod.rs"]
mod made_up;

use made_up::{explore, monitor, report, rules};

fn main() -> std::io::Result<()> {
    let wishes: Vec<String> = std::env::args().skip(1).collect();
    let wishes_for = |word: &str| wishes.iter().any(|wish| wish == word);
    let lang = if wishes_for("zh") { Lang::Zh } else { Lang::En };
    let theme = match (wishes_for("light"), wishes_for("dark")) {
        (true, _) => Theme::Light,
        (_, true) => Theme::Dark,
        _ => Theme::Auto,
    };
    let drawn = wishes.iter().find_map(|wish| page(wish, lang, theme));
    let page = drawn.or_else(|| page("overview", lang, theme)).expect("there is an overview");
    std::io::stdout().write_all(in_one_file(&page).as_bytes())
}

/// A page by its name; None if there is none of that name.
fn page(name: &str, lang: Lang, theme: Theme) -> Option<String> {
    let overview = made_up::overview(lang, theme);
    let reader = made_up::reader(lang, theme);
    Some(match name {
        "overview" => dashboards::overview_page(&overview),
        "incident" => dashboards::incident_page(&overview, &made_up::incident_page(lang)),
        "review" => dashboards::review_page(&made_up::review::review(lang), &reader),
        "review-quiet" => dashboards::review_page(&made_up::review::quiet(lang), &reader),
        "module" => dashboards::module_page(&overview, &overview.modules[0]),
        "quiet" => dashboards::quiet_page(&made_up::quiet(), None, &reader),
        "lost" => dashboards::not_found_page(lang, theme),
        "many" => dashboards::overview_page(&made_up::many(60, 50)),
        "monitor-healthy" => monitor_page(&monitor::healthy(), &reader),
        "monitor-half-blind" => monitor_page(&monitor::half_blind(), &reader),
        "monitor-blind" => monitor_page(&monitor::blind(), &reader),
        "monitor-disk-full" => monitor_page(&monitor::disk_full(), &reader),
        "monitor-empty" => monitor_page(&monitor::empty(), &reader),
        "rules" => rules_page(&rules::all_sorts(), &reader),
        "report" => {
            report_page(&report::month(), &report::around(), &report::correcting(), &reader)
        }
        "report-year" => report_page(
            &report::long("2026-02-01..2027-01-31", 365),
            &report::around(),
            &report::correcting(),
            &reader,
        ),
        "report-decade" => report_page(
            &report::long("2026-02-01..2036-01-31", 3_650),
            &report::around(),
            &report::correcting(),
            &reader,
        ),
        "report-crowd" => {
            report_page(&report::crowd(60), &report::around(), &report::correcting(), &reader)
        }
        "report-file" => dashboards::report_file(&report::month(), &reader),
        "status" => dashboards::status_file(&report::status(), lang),
        "badge" => dashboards::report::badge(&report::month(), lang),
        "company" => company_page(&report::company(), &report::around(), &reader),
        "explore" => explore_page(&explore::fresh(), &reader),
        "explore-chart" => explore_page(&explore::chart(), &reader),
        "explore-crowd" => explore_page(&explore::crowd(), &reader),
        "explore-bytes" => explore_page(&explore::bytes(), &reader),
        "explore-table" => explore_page(&explore::table(), &reader),
        "explore-error" => explore_page(&explore::error(), &reader),
        "explore-nothing" => explore_page(&explore::nothing(), &reader),
        _ => return None,
    })
}

/// With the style sheet within, and without the script: there is no server to listen to.
fn in_one_file(page: &str) -> String {
    let style = format!("<style>{}</style>", dashboards::STYLE);
    let page = page.replace(r#"<link rel="stylesheet" href="/assets/style.css">"#, &style);
    page.replace(r#"<script src="/assets/live.js" defer></script>"#, "")
}
