//! The incidents: those that are open in full, those that ended in a line each.

use maud::{Markup, html};

use super::{glyph, incident_path};
use crate::view::{Health, IncidentView};
use crate::voice::Voice;
use crate::words;

/// As many ended incidents are seen at once; the others are one click away.
const ENDED_AT_ONCE: usize = 3;

/// What a screen reader is told when it changes, and nothing else on the page is.
pub(super) fn headlines(incidents: &[IncidentView], voice: &Voice) -> Markup {
    let open: Vec<_> = incidents.iter().filter(|incident| incident.closed.is_none()).collect();
    html! {
        div.unseen #headlines aria-live="polite" {
            @for incident in &open { p { (incident.headline) } }
            @if open.is_empty() { p { (voice.say(words::NO_INCIDENTS)) } }
        }
    }
}

pub(super) fn section(incidents: &[IncidentView], voice: &Voice) -> Markup {
    let (mut open, mut ended): (Vec<_>, Vec<_>) =
        incidents.iter().partition(|incident| incident.closed.is_none());
    open.sort_by_key(|incident| (std::cmp::Reverse(incident.severity), incident.opened));
    ended.sort_by_key(|incident| std::cmp::Reverse(incident.closed));
    let (recent, earlier) = ended.split_at(ended.len().min(ENDED_AT_ONCE));
    html! {
        section #incidents {
            h2 { (voice.say(words::INCIDENTS)) }
            @if open.is_empty() {
                p.calm { (glyph(Health::Up)) " " (voice.say(words::CALM)) }
            }
            @for incident in open { (card(incident, voice)) }
            @if !recent.is_empty() { (rows(recent, voice)) }
            @if !earlier.is_empty() {
                details #incidents-earlier {
                    summary { (voice.fill(words::EARLIER, &[&earlier.len().to_string()])) }
                    (rows(earlier, voice))
                }
            }
        }
    }
}

fn card(incident: &IncidentView, voice: &Voice) -> Markup {
    html! {
        article.incident {
            h3 {
                (glyph(Health::Down)) " "
                a href=(incident_path(&incident.id)) { (incident.headline) }
            }
            p.facts {
                span.chip.down { (voice.root_state(&incident.state)) }
                span.chip { (voice.severity(incident.severity)) }
                @if let Some((by, until)) = &incident.silenced {
                    span.chip.leaving {
                        (voice.fill(words::SILENCED_UNTIL, &[by.as_str(), &voice.clock(*until)]))
                    }
                }
                span { (since(incident, voice)) }
                span { (voice.fill(words::OBJECTS_AFFECTED, &[&incident.affected.to_string()])) }
                @if !incident.businesses.is_empty() {
                    span { (voice.say(words::BUSINESSES)) ": " (businesses(incident)) }
                }
            }
            @if !incident.detail.is_empty() {
                ul.reasons { @for line in &incident.detail { li { (line) } } }
            }
        }
    }
}

pub(super) fn businesses(incident: &IncidentView) -> String {
    let names: Vec<&str> = incident.businesses.iter().map(|id| id.as_str()).collect();
    names.join(", ")
}

fn rows(incidents: &[&IncidentView], voice: &Voice) -> Markup {
    html! {
        ul.ended {
            @for incident in incidents {
                li {
                    span.chip.up { "✓ " (voice.say(words::ENDED)) }
                    a href=(incident_path(&incident.id)) { (incident.headline) }
                    span.quiet { (since(incident, voice)) }
                }
            }
        }
    }
}

/// `10:01:02, for 2 min`.
fn since(incident: &IncidentView, voice: &Voice) -> Markup {
    let seconds = incident.closed.unwrap_or(voice.now).since(incident.opened).as_secs();
    let lasted = voice.fill(words::FOR, &[&voice.lasting(seconds as f64)]);
    html! { (voice.time(incident.opened)) ", " (lasted) }
}
