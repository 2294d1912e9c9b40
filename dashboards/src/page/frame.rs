//! What stands around the content of each page: the bar with the ways to the other pages, and how
//! the page is kept fresh.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use model::lang::Lang;

use crate::STYLE;
use crate::view::Theme;
use crate::voice::Voice;
use crate::words::{self, Word};

/// What stands around the content of a page.
#[derive(Debug)]
pub(super) struct Frame<'a> {
    pub(super) title: &'a str,
    pub(super) theme: Theme,
    /// Where the page stands in the bar; None if it stands below one of those.
    pub(super) place: Option<Place>,
    pub(super) renewal: Renewal,
}

/// The pages that the bar of every page leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Overview,
    Reports,
    Explore,
    Rules,
    Capacity,
    Monitor,
    Quiet,
}

/// How a page is kept fresh while somebody looks at it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Renewal {
    /// The server sends its sections, or without a script the browser loads it each minute.
    Stream,
    /// The script loads it again and again, or without a script the browser does.
    Poll,
    /// Without a script the browser loads it each minute.
    Reload,
    /// Never: somebody may be typing into it.
    None,
}

impl Frame<'_> {
    pub(super) fn around(&self, voice: &Voice, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(voice.lang.pick("en", "zh-CN")) data-theme=(self.theme.as_str()) {
                (self.head())
                body {
                    a.skip href="#main" { (voice.say(words::SKIP)) }
                    header {
                        a.brand href="/" { "cloudbrain" }
                        (self.ways(voice))
                        @if self.renewal.has_script() { (self.live_note(voice)) }
                        (preferences(voice, self.theme))
                    }
                    main #main { (content) }
                }
            }
        }
    }

    /// The page as one file: with the style within, and without what needs a server.
    pub(super) fn alone(&self, voice: &Voice, content: &Markup) -> Markup {
        html! {
            (DOCTYPE)
            html lang=(voice.lang.pick("en", "zh-CN")) data-theme=(self.theme.as_str()) {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (self.title) }
                    @if self.renewal != Renewal::None { meta http-equiv="refresh" content="60"; }
                    style { (PreEscaped(STYLE)) }
                }
                body { main #main { (content) } }
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
                @if self.renewal.has_script() {
                    script src="/assets/live.js" defer {}
                }
                @if self.renewal != Renewal::None {
                    noscript { meta http-equiv="refresh" content="60"; }
                }
            }
        }
    }

    fn ways(&self, voice: &Voice) -> Markup {
        html! {
            nav aria-label=(voice.say(words::PAGES)) {
                @for place in Place::ALL {
                    @let here = self.place == Some(place);
                    a href=(place.path()) aria-current=[here.then_some("page")] {
                        (voice.say(place.word()))
                    }
                }
            }
        }
    }

    /// Whether the page renews itself; the script writes into it.
    fn live_note(&self, voice: &Voice) -> Markup {
        html! {
            p #live data-poll[self.renewal == Renewal::Poll] data-on=(voice.say(words::LIVE_ON))
                data-off=(voice.say(words::LIVE_OFF)) {}
        }
    }
}

impl Place {
    const ALL: [Self; 7] = [
        Self::Overview,
        Self::Reports,
        Self::Explore,
        Self::Rules,
        Self::Capacity,
        Self::Quiet,
        Self::Monitor,
    ];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Overview => "/",
            Self::Reports => "/reports",
            Self::Explore => "/explore",
            Self::Rules => "/rules",
            Self::Capacity => "/capacity",
            Self::Monitor => "/monitor",
            Self::Quiet => "/quiet",
        }
    }

    fn word(self) -> Word {
        match self {
            Self::Overview => words::BACK,
            Self::Reports => words::REPORTS,
            Self::Explore => words::EXPLORE,
            Self::Rules => words::RULES,
            Self::Capacity => words::CAPACITY,
            Self::Monitor => words::MONITOR_PAGE,
            Self::Quiet => words::QUIET_PAGE,
        }
    }
}

impl Renewal {
    fn has_script(self) -> bool {
        matches!(self, Self::Stream | Self::Poll)
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
