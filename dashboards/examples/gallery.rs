//! Prints a page of a made-up fleet as one HTML file, to be looked at.
//!
//! `cargo run -p dashboards --example gallery -- [overview|incident|module|lost|many] [en|zh]
//! [auto|light|dark] > page.html`

use std::io::Write;

use dashboards::view::Theme;
use model::lang::Lang;

#[path = "../tests/made_up/mod.rs"]
mod made_up;

fn main() -> std::io::Result<()> {
    let wishes: Vec<String> = std::env::args().skip(1).collect();
    let wishes = |word: &str| wishes.iter().any(|wish| wish == word);
    let lang = if wishes("zh") { Lang::Zh } else { Lang::En };
    let theme = match (wishes("light"), wishes("dark")) {
        (true, _) => Theme::Light,
        (_, true) => Theme::Dark,
        _ => Theme::Auto,
    };
    let overview = made_up::overview(lang, theme);
    let page = if wishes("incident") {
        dashboards::incident_page(&overview, &made_up::incident_page(lang))
    } else if wishes("module") {
        dashboards::module_page(&overview, &overview.modules[0])
    } else if wishes("lost") {
        dashboards::not_found_page(lang, theme)
    } else if wishes("many") {
        dashboards::overview_page(&made_up::many(60, 50))
    } else {
        dashboards::overview_page(&overview)
    };
    std::io::stdout().write_all(in_one_file(&page).as_bytes())
}

/// With the style sheet within, and without the script: there is no server to listen to.
fn in_one_file(page: &str) -> String {
    let style = format!("<style>{}</style>", dashboards::STYLE);
    let page = page.replace(r#"<link rel="stylesheet" href="/assets/style.css">"#, &style);
    page.replace(r#"<script src="/assets/live.js" defer></script>"#, "")
}
