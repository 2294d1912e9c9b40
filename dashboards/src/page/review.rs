//! The review of one incident: the page that writes itself, so that a meeting can begin with what
//! to change instead of with what happened.
//!
//! Numbers first, then the figure, then what it cost, then incidents that were alike, then all that
//! happened as a table. [`markdown`] says the same for a wiki.

pub(super) mod markdown;

use maud::{Markup, html};

use super::{cell, fact, glyph, head, incident_path};
use crate::chart::lanes;
use crate::view::Health;
use crate::view::review::{BusinessCost, EventView, ModuleCost, ReviewView, SimilarView};
use crate::voice::{NOTHING, Voice};
use crate::words::{self, Word};

pub(super) fn sections(review: &ReviewView, voice: &Voice) -> Markup {
    html! {
        (top(review, voice))
        section #figure {
            h2 { (voice.say(words::TIMELINE)) }
            (lanes::lanes(review, voice))
        }
        (costs(&review.businesses, voice))
        (similar(&review.similar, voice))
        (events(review, voice))
    }
}

fn top(review: &ReviewView, voice: &Voice) -> Markup {
    let incident = &review.incident;
    let health = if incident.closed.is_some() { Health::Up } else { Health::Down };
    html! {
        section #head {
            p.back { a href=(incident_path(&incident.id)) {
                "← " (voice.fill(words::INCIDENT_ID, &[incident.id.as_str()]))
            } }
            h1 { (glyph(health)) " " (voice.say(words::REVIEW)) ": " (incident.headline) }
            dl.facts {
                @for (word, _, value) in numbers(review, voice) { (fact(word, value, voice)) }
            }
            details {
                summary { (voice.say(words::COUNTED)) }
                ul.reasons.quiet {
                    @for (word, from, _) in numbers(review, voice) {
                        li { (voice.say(word)) ": " (voice.say(from)) }
                    }
                }
            }
            p.quiet {
                (voice.fill(words::ZONE, &[voice.zone_name()])) " · "
                a href={ (incident_path(&incident.id)) "/review.md" } {
                    (voice.say(words::AS_MARKDOWN))
                }
            }
        }
    }
}

/// The numbers of a review: the name, from when to when it counts, the value.
fn numbers(review: &ReviewView, voice: &Voice) -> [(Word, Word, String); 5] {
    let moments = review.moments;
    let lasting =
        |seconds: Option<f64>| seconds.map_or(NOTHING.to_owned(), |seconds| voice.lasting(seconds));
    [
        (words::TO_DETECT, words::FROM_SIGN_TO_OPENED, voice.lasting(moments.detect_s())),
        (words::TO_TELL, words::FROM_OPENED_TO_TOLD, lasting(moments.tell_s())),
        (words::TO_ACKNOWLEDGE, words::FROM_TOLD_TO_TAKEN, lasting(moments.acknowledge_s())),
        (words::TO_REPAIR, words::FROM_SIGN_TO_WELL, lasting(moments.repair_s())),
        (words::LASTED, words::FROM_OPENED_TO_CLOSED, voice.lasting(moments.lasted_s(voice.now))),
    ]
}

fn costs(businesses: &[BusinessCost], voice: &Voice) -> Markup {
    let heads = COST_HEADS;
    html! {
        section #costs {
            h2 { (voice.say(words::COSTS)) }
            @if businesses.is_empty() {
                p.calm { (voice.say(words::NO_COSTS)) }
            } @else {
                table.cards {
                    (head(&heads, voice))
                    @for business in businesses {
                        tbody {
                            (cost_row(&business_row(business, voice), true, voice))
                            @for module in &business.modules {
                                (cost_row(&module_row(module, voice), false, voice))
                            }
                        }
                    }
                }
                p.quiet { (voice.say(words::COSTS_HINT)) }
            }
        }
    }
}

const COST_HEADS: [Word; 4] =
    [words::BUSINESS_OR_MODULE, words::VMS_SUFFERED, words::VM_MINUTES, words::DOWN_FOR_USERS];

fn cost_row(row: &[String; 4], is_business: bool, voice: &Voice) -> Markup {
    let [name, rest @ ..] = row;
    html! {
        tr {
            th scope="row" { @if is_business { strong { (name) } } @else { (name) } }
            @for (word, value) in COST_HEADS[1..].iter().zip(rest) {
                (cell(voice.say(*word), value))
            }
        }
    }
}

fn business_row(business: &BusinessCost, voice: &Voice) -> [String; 4] {
    let name = match &business.project {
        Some(project) => voice.fill(words::BUSINESS_NAMED, &[project.as_str()]),
        None => voice.say(words::NO_BUSINESS).to_owned(),
    };
    let down = down(business.down_s, voice);
    [name, business.vms.to_string(), minutes(business.vm_minutes), down]
}

fn module_row(module: &ModuleCost, voice: &Voice) -> [String; 4] {
    let mut down = down(module.down_s, voice);
    if module.unknown_s > 0.0 {
        let unknown = voice.lasting(module.unknown_s);
        let comma = voice.lang.pick(", ", "，");
        down = format!("{down}{comma}{} {unknown}", voice.say(words::UNKNOWN));
    }
    [module.module.to_string(), module.vms.to_string(), minutes(module.vm_minutes), down]
}

fn down(seconds: Option<f64>, voice: &Voice) -> String {
    match seconds {
        Some(seconds) => voice.lasting(seconds),
        None => voice.say(words::NOT_PROBED_SHORT).to_owned(),
    }
}

fn minutes(minutes: f64) -> String {
    format!("{minutes:.2}")
}

fn similar(similar: &[SimilarView], voice: &Voice) -> Markup {
    html! {
        section #similar {
            h2 { (voice.say(words::SIMILAR)) }
            @if similar.is_empty() { p.calm { (voice.say(words::NONE_SIMILAR)) } }
            ul.ended {
                @for other in similar {
                    li {
                        (voice.time(other.opened)) " "
                        a href={ (incident_path(&other.id)) "/review" } { (other.headline) } " "
                        span.quiet { (alike(other, voice)) }
                    }
                }
            }
        }
    }
}

fn alike(other: &SimilarView, voice: &Voice) -> String {
    let lasted = voice.fill(words::FOR, &[&voice.lasting(other.lasted_s)]);
    let why = match &other.module {
        _ if other.is_same_root => voice.say(words::SAME_ROOT).to_owned(),
        Some(module) => voice.fill(words::SAME_KIND, &[module.as_str()]),
        None => String::new(),
    };
    format!("{lasted} · {why}")
}

fn events(review: &ReviewView, voice: &Voice) -> Markup {
    let heads = [words::TIME, words::LANE, words::EVENT];
    html! {
        section #events {
            h2 { (voice.say(words::EVENTS)) }
            table.cards {
                (head(&heads, voice))
                tbody {
                    @for event in &review.events {
                        tr {
                            td.short { (voice.time(event.at)) }
                            td.quiet { (voice.say(lanes::name(event.lane))) }
                            td { (sentence(event, voice)) }
                        }
                    }
                }
            }
            (unkept(review.left_out, voice))
        }
    }
}

/// What happened, as a line of a list.
pub(super) fn sentence(event: &EventView, voice: &Voice) -> Markup {
    html! {
        b class=(event.tone.class()) aria-hidden="true" { (event.tone.glyph()) } " "
        @let objects = objects(event, voice);
        @if !objects.is_empty() { strong { (objects) } ": " }
        (event.text)
    }
}

fn objects(event: &EventView, voice: &Voice) -> String {
    let names = event.objects.join(voice.lang.pick(", ", "、"));
    match event.more {
        0 => names,
        more => names + &voice.fill(words::AND_MORE, &[&more.to_string()]),
    }
}

pub(super) fn unkept(left_out: u32, voice: &Voice) -> Markup {
    html! {
        @if left_out > 0 {
            p.quiet { (voice.fill(words::LEFT_OUT, &[&left_out.to_string()])) }
        }
    }
}
