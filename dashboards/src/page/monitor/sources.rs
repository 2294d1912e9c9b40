//! The sources of all knowledge, a row each, the worst first.

use maud::{Markup, html};

use super::rest;
use crate::page::{cell, head, short_cell};
use crate::unit::{self, Unit};
use crate::view::monitor::{
    ActiveDetail, SourceDetail, SourceError, SourceKind, SourceState, SourceView, ZabbixDetail,
};
use crate::voice::{NOTHING, Voice};
use crate::words::{self, Word};

/// A fleet may have hundreds of databases; those that fare worst are what matters.
const MOST_SOURCES: usize = 40;
/// Of hosts that are held back or strange, a few show which sort it is.
const MOST_NAMES: usize = 6;

impl SourceState {
    /// The worst first.
    pub(super) const ALL: [Self; 4] = [Self::Silent, Self::Partial, Self::Waiting, Self::Well];

    /// Its class in the style sheet.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Silent => "down",
            Self::Partial => "unknown",
            Self::Waiting => "leaving",
            Self::Well => "up",
        }
    }

    pub(super) fn glyph(self) -> &'static str {
        match self {
            Self::Silent => "✕",
            Self::Partial => "◐",
            Self::Waiting => "◌",
            Self::Well => "●",
        }
    }
}

pub(super) fn state_word(state: SourceState) -> Word {
    match state {
        SourceState::Silent => words::SILENT,
        SourceState::Partial => words::PARTIAL,
        SourceState::Waiting => words::NOT_HEARD,
        SourceState::Well => words::WELL,
    }
}

fn kind_word(kind: SourceKind) -> Word {
    match kind {
        SourceKind::ZabbixServer => words::ZABBIX_SERVER,
        SourceKind::PassiveAgents => words::PASSIVE_AGENTS,
        SourceKind::ActiveAgents => words::ACTIVE_AGENTS,
        SourceKind::Prometheus => words::PROMETHEUS,
        SourceKind::RemoteWrite => words::REMOTE_WRITE,
        SourceKind::MonitorX => words::MONITOR_X,
        SourceKind::Check => words::CHECK,
        SourceKind::Mysql => words::MYSQL,
        SourceKind::Postgresql => words::POSTGRESQL,
        SourceKind::Redis => words::REDIS,
        SourceKind::Memcached => words::MEMCACHED,
        SourceKind::Provider => words::PROVIDER,
        SourceKind::Router => words::ROUTER,
    }
}

pub(super) fn section(sources: &[SourceView], voice: &Voice) -> Markup {
    let mut sources: Vec<&SourceView> = sources.iter().collect();
    sources.sort_by_key(|source| source.badness());
    let (shown, more) = sources.split_at(sources.len().min(MOST_SOURCES));
    html! {
        section #sources {
            h2 { (voice.say(words::SOURCES)) }
            @if shown.is_empty() {
                p.calm { (voice.say(words::NO_SOURCES)) }
            } @else {
                (table(shown, voice))
            }
            (rest(more.len(), voice))
        }
    }
}

fn table(sources: &[&SourceView], voice: &Voice) -> Markup {
    let heads = [
        words::SOURCE,
        words::STATE,
        words::ANSWERED,
        words::NEWEST,
        words::LAG,
        words::WHAT_TO_DO,
    ];
    html! {
        table.cards {
            (head(&heads, voice))
            tbody {
                @for source in sources { (row(source, heads.map(|word| voice.say(word)), voice)) }
            }
        }
    }
}

fn row(
    source: &SourceView,
    [_, state, answered, newest, lag, note]: [&str; 6],
    voice: &Voice,
) -> Markup {
    html! {
        tr {
            th scope="row" {
                (voice.say(kind_word(source.kind)))
                @if !source.name.is_empty() { " " span.quiet { (source.name) } }
            }
            td.short.(source.state.class()) data-label=(state) {
                (source.state.glyph()) " " (voice.say(state_word(source.state)))
            }
            (short_cell(answered, answered_of(source, voice)))
            (short_cell(newest, source.newest.map_or(html! { (NOTHING) }, |at| voice.ago(at))))
            (short_cell(lag, source.lag_s.map_or(NOTHING.to_owned(), |lag| voice.lasting(lag))))
            @if has_note(source) { (cell(note, notes(source, voice))) } @else { td {} }
        }
    }
}

fn answered_of(source: &SourceView, voice: &Voice) -> String {
    let answered = unit::count(source.answered.into());
    match source.asked {
        Some(asked) => voice.fill(words::POOL_READY_OF, &[&answered, &unit::count(asked.into())]),
        None if source.answered == 0 => NOTHING.to_owned(),
        None => answered,
    }
}

fn has_note(source: &SourceView) -> bool {
    source.error.is_some() || source.detail != SourceDetail::None
}

/// What is wrong, what to do, and what else is to be known.
fn notes(source: &SourceView, voice: &Voice) -> Markup {
    html! {
        div.notes {
            @if let Some(error) = &source.error { (error_note(error, voice)) }
            @match &source.detail {
                SourceDetail::None => {}
                SourceDetail::Zabbix(detail) => { (zabbix(detail, voice)) }
                SourceDetail::Active(detail) => { (active(detail, voice)) }
            }
        }
    }
}

fn error_note(error: &SourceError, voice: &Voice) -> Markup {
    html! {
        p { (error.what) " " span.quiet { (voice.ago(error.at)) } }
        @if let Some(remedy) = &error.remedy { p.remedy { "→ " (remedy) } }
    }
}

fn zabbix(detail: &ZabbixDetail, voice: &Voice) -> Markup {
    let latency = detail.latency_p95_s.map(|seconds| Unit::Seconds.tell(seconds));
    html! {
        p.quiet.facts {
            @if let Some(version) = &detail.version {
                span { (voice.fill(words::VERSION, &[version])) }
            }
            @if let Some(latency) = latency {
                span { (voice.fill(words::API_LATENCY, &[&latency])) }
            }
            @if detail.stretch > 1 {
                span { (voice.fill(words::STRETCHED, &[&detail.stretch.to_string()])) }
            }
            span { (voice.fill(words::GAPS, &[&detail.gaps.to_string()])) }
            @if detail.unmapped > 0 {
                span { (voice.fill(words::UNMAPPED, &[&unit::count(detail.unmapped as u64)])) }
            }
        }
        @if detail.held.count > 0 {
            p {
                (voice.fill(words::HELD_HOSTS, &[&unit::count(detail.held.count as u64)])) " "
                (detail.held_why)
                span.quiet { " " (names(&detail.held.first, detail.held.count, voice)) }
            }
        }
    }
}

fn active(detail: &ActiveDetail, voice: &Voice) -> Markup {
    let strangers = &detail.strangers;
    html! {
        p.quiet { (voice.fill(words::CONNECTED, &[&unit::count(detail.connected.into())])) }
        @if strangers.count > 0 {
            p {
                (voice.fill(words::STRANGERS, &[&unit::count(strangers.count as u64)])) " "
                span.quiet { (names(&strangers.first, strangers.count, voice)) }
            }
        }
    }
}

/// `a, b, c, 4 more`.
pub(super) fn names(names: &[String], count: usize, voice: &Voice) -> String {
    let shown = &names[..names.len().min(MOST_NAMES)];
    let mut text = shown.join(", ");
    let more = count.saturating_sub(shown.len());
    if more > 0 {
        let comma = if shown.is_empty() { "" } else { ", " };
        text += comma;
        text += &voice.fill(words::MORE, &[&unit::count(more as u64)]);
    }
    text
}
