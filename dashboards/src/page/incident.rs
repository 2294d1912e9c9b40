//! One incident: what it is, why, what suffers by which rule, who is told and why or why not, all
//! that happened, and what each of both views was told when.

use std::collections::BTreeMap;

use maud::{Markup, html};
use model::id::Object;
use model::time::Time;

use super::incidents::businesses;
use super::{back, fact, glyph, incident_path, module_path, quiet, review};
use crate::view::{Health, IncidentPage, IncidentView, MessageView};
use crate::voice::Voice;
use crate::words::{self, Word};

pub(super) fn sections(page: &IncidentPage, voice: &Voice) -> Markup {
    html! {
        (head(&page.incident, voice))
        @if let Some(doings) = &page.doings {
            (quiet::doings(&page.incident.id, doings, voice))
        }
        (why(&page.incident, voice))
        (people(page, voice))
        (affected(&page.affected, voice))
        (rules(page, voice))
        (timeline(page, voice))
        (view("operations", words::OPERATIONS_VIEW, &page.messages, voice))
        (view("owner", words::OWNER_VIEW, &page.messages, voice))
    }
}

fn head(incident: &IncidentView, voice: &Voice) -> Markup {
    let health = if incident.closed.is_some() { Health::Up } else { Health::Down };
    let seconds = incident.closed.unwrap_or(voice.now).since(incident.opened).as_secs();
    html! {
        section #head {
            (back(voice))
            h1 { (glyph(health)) " " (incident.headline) }
            dl.facts {
                (fact(words::ROOT, &incident.root, voice))
                (fact(words::STATE, voice.root_state(&incident.state), voice))
                (fact(words::SEVERITY, voice.severity(incident.severity), voice))
                (fact(words::OPENED, voice.time(incident.opened), voice))
                (fact(words::CLOSED, ended(incident, voice), voice))
                @if !incident.businesses.is_empty() {
                    (fact(words::BUSINESSES, businesses(incident), voice))
                }
                (fact(words::LASTED, voice.lasting(seconds as f64), voice))
                @if let Some(acknowledged) = &incident.acknowledged {
                    (fact(words::ACKNOWLEDGED, acknowledged, voice))
                }
            }
            p.quiet { (voice.fill(words::ZONE, &[voice.zone_name()])) }
        }
    }
}

fn ended(incident: &IncidentView, voice: &Voice) -> Markup {
    match incident.closed {
        Some(closed) => voice.time(closed),
        None => html! { (voice.say(words::ONGOING)) },
    }
}

fn why(incident: &IncidentView, voice: &Voice) -> Markup {
    html! {
        @if !incident.detail.is_empty() {
            section #why {
                h2 { (voice.say(words::WHY)) }
                ul.reasons { @for line in &incident.detail { li { (line) } } }
            }
        }
    }
}

fn affected(objects: &[String], voice: &Voice) -> Markup {
    html! {
        section #affected {
            h2 { (voice.say(words::AFFECTED)) }
            @if objects.is_empty() { p.calm { (voice.say(words::NOTHING_AFFECTED)) } }
            ul.objects { @for object in objects { li { (link(object)) } } }
        }
    }
}

/// A module leads to its page; other objects have none.
fn link(object: &str) -> Markup {
    let path = match object.parse() {
        Ok(Object::Module(module)) => module_path(&module),
        _ => None,
    };
    html! {
        @if let Some(path) = path { a href=(path) { (object) } } @else { (object) }
    }
}

fn rules(page: &IncidentPage, voice: &Voice) -> Markup {
    html! {
        @if !page.members.is_empty() {
            section #rules {
                h2 { (voice.say(words::MEMBER_RULES)) }
                ul.reasons {
                    @for line in &page.members { li { (line) } }
                    @if page.more_members > 0 {
                        li { "…" (voice.fill(words::AND_MORE, &[&page.more_members.to_string()])) }
                    }
                }
            }
        }
    }
}

fn people(page: &IncidentPage, voice: &Voice) -> Markup {
    html! {
        @if !page.people.is_empty() {
            section #people {
                h2 { (voice.say(words::WHO_IS_TOLD)) }
                ul.reasons {
                    @for (name, why) in &page.people { li { strong { (name) } ": " (why) } }
                    li.quiet {
                        (voice.say(words::OTHERS)) ": " (voice.say(words::NOTHING_OF_THEIRS))
                    }
                }
            }
        }
    }
}

/// All that happened, signals, decisions and acts alike.
fn timeline(page: &IncidentPage, voice: &Voice) -> Markup {
    html! {
        section #timeline {
            h2 { (voice.say(words::TIMELINE)) }
            ol.timeline {
                @for event in &page.events {
                    li { (voice.time(event.at)) " " span { (review::sentence(event, voice)) } }
                }
            }
            (review::unkept(page.left_out, voice))
            p { a href={ (incident_path(&page.incident.id)) "/review" } {
                (voice.say(words::REVIEW)) " →"
            } }
        }
    }
}

/// The messages of one view; one text that several were told stands once.
fn view(name: &str, title: Word, messages: &[MessageView], voice: &Voice) -> Markup {
    let mut texts: BTreeMap<(Time, &str, &str), Vec<&MessageView>> = BTreeMap::new();
    for message in messages.iter().filter(|message| message.view == name) {
        texts.entry((message.at, &message.kind, &message.text)).or_default().push(message);
    }
    html! {
        section.told id=(name) {
            h2 { (voice.say(title)) }
            @if texts.is_empty() { p.calm { (voice.say(words::NOBODY_TOLD)) } }
            @for ((at, kind, text), messages) in &texts {
                article {
                    h3 { (voice.message_kind(kind)) " · " (voice.time(*at)) }
                    pre { (text) }
                    ul.quiet { @for message in messages { li { (delivery(message, voice)) } } }
                }
            }
        }
    }
}

fn delivery(message: &MessageView, voice: &Voice) -> Markup {
    html! {
        (message.to) " · " (voice.fill(words::VIA, &[&message.channel])) " · "
        @match (message.delivered, &message.error) {
            (Some(at), _) => { (voice.say(words::DELIVERED)) " " (voice.time(at)) }
            (None, Some(error)) => { strong.down { (voice.fill(words::FAILED, &[error])) } }
            (None, None) => { (voice.say(words::WAITING)) }
        }
    }
}
