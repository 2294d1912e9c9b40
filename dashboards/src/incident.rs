//! One incident: why this is held to be the root, what suffers, who was told what.

use maud::{Markup, html};

use crate::page::page;
use crate::view::{IncidentPage, MessageView, Overview};
use crate::when::{Zone, span};
use crate::words::{Words, kind, root_state, words};

/// The page of one incident.
pub fn incident_page(overview: &Overview, incident: &IncidentPage) -> String {
    let words = words(overview.lang);
    let zone = Zone::named(&overview.zone);
    let view = &incident.incident;
    let lasted = view.closed.unwrap_or(overview.now).since(view.opened);
    let content = html! {
        section class="card" {
            h1 { (view.headline) }
            p {
                span class=(if view.closed.is_some() { "badge" } else { "badge down" }) {
                    @if view.closed.is_some() { (words.closed) }
                    @else { (root_state(overview.lang, &view.state)) }
                }
                " " b { (view.root) } " · " (words.since) " " (zone.time(view.opened))
                @if let Some(closed) = view.closed { " " (words.until) " " (zone.time(closed)) }
                " · " (span(overview.lang, lasted))
            }
            @if !view.detail.is_empty() {
                h2 { (words.why) }
                ul { @for line in &view.detail { li { (line) } } }
            }
            @if !incident.affected.is_empty() {
                h2 { (words.affected) " · " (incident.affected.len()) }
                p class="names" { (incident.affected.join(", ")) }
            }
        }
        section class="card" {
            h2 { (words.told) }
            @if incident.messages.is_empty() { p class="dim" { (words.nobody_told) } }
            @for message in &incident.messages { (told(overview, message, words, &zone)) }
        }
        p { a href="/" { "← " (words.back) } }
    };
    page(overview, view.id.as_str(), false, &content)
}

fn told(overview: &Overview, message: &MessageView, words: &Words, zone: &Zone) -> Markup {
    let view = match message.view.as_str() {
        "operations" => words.operations_view,
        _ => words.owner_view,
    };
    html! {
        article class="message" {
            p {
                b { (message.to) } " · " (kind(overview.lang, &message.kind)) " · " (view) " · "
                (zone.time(message.at)) " · " (message.channel) " · "
                @match (message.delivered, &message.error) {
                    (Some(at), _) => { (words.delivered) " " (zone.time(at)) }
                    (None, Some(error)) => span class="trouble" { (words.not_delivered) ": " (error) },
                    (None, None) => (words.not_delivered),
                }
            }
            pre { (message.text) }
        }
    }
}
