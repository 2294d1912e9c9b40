//! What all pages share: the frame around the content.

use maud::{DOCTYPE, Markup, html};
use model::lang::Lang;

use crate::view::{Overview, Theme};
use crate::words::{Words, words};

/// A whole page. `live` pages follow the fleet; without JavaScript they are loaded again.
pub(crate) fn page(overview: &Overview, title: &str, live: bool, content: &Markup) -> String {
    let words = words(overview.lang);
    let look = Look { lang: overview.lang, theme: overview.theme };
    let title = format!("{title} · {}", overview.fleet);
    let bar = html! {
        a class="brand" href="/" { "cloudbrain" }
        span class="fleet-name" { (overview.fleet) }
        span class="live-state" data-off=(words.live_off) data-on=(words.live) role="status" {}
        span class="zone dim" { (words.zone) " " (overview.zone) }
    };
    frame(look, &title, live, &bar, content)
}

/// The page for an address that leads nowhere.
pub fn not_found_page(lang: Lang, theme: Theme) -> String {
    let words = words(lang);
    let bar = html! { a class="brand" href="/" { "cloudbrain" } };
    let content = html! {
        section class="card" { h1 { (words.not_found) } p { a href="/" { (words.back) } } }
    };
    frame(Look { lang, theme }, words.not_found, false, &bar, &content)
}

#[derive(Clone, Copy)]
struct Look {
    lang: Lang,
    theme: Theme,
}

fn frame(look: Look, title: &str, live: bool, bar: &Markup, content: &Markup) -> String {
    let words = words(look.lang);
    let theme = match look.theme {
        Theme::Auto => "auto",
        Theme::Light => "light",
        Theme::Dark => "dark",
    };
    let page = html! {
        (DOCTYPE)
        html lang=(words.html_lang) class=(theme) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="stylesheet" href="/assets/style.css";
                link rel="icon" href="data:,";
                @if live {
                    script src="/assets/live.js" defer {}
                    noscript { meta http-equiv="refresh" content="60"; }
                }
            }
            body {
                a class="skip" href="#content" { (words.skip) }
                header { (bar) }
                main id="content" { (content) }
                footer { (preferences(look, words)) }
            }
        }
    };
    page.into_string()
}

fn preferences(look: Look, words: &Words) -> Markup {
    let theme = |value: &str, theme: Theme, word: &str| {
        html! { option value=(value) selected[look.theme == theme] { (word) } }
    };
    html! {
        form method="post" action="/preferences" {
            label { (words.theme) " "
                select name="theme" {
                    (theme("auto", Theme::Auto, words.auto))
                    (theme("light", Theme::Light, words.light))
                    (theme("dark", Theme::Dark, words.dark))
                }
            }
            label { (words.language) " "
                select name="lang" {
                    option value="en" lang="en" selected[look.lang == Lang::En] { "English" }
                    option value="zh" lang="zh-CN" selected[look.lang == Lang::Zh] { "中文" }
                }
            }
            button { (words.apply) }
        }
    }
}
