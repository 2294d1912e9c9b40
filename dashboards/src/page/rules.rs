//! The rules, for whoever wonders why one tells of something, or why none does.
//!
//! What fires comes first, then what cannot be judged, then the rest; those that find nothing here
//! and those that are switched off stand last, each with the reason.

use maud::{Markup, html};

use super::{cell, glyph, head, short_cell};
use crate::unit;
use crate::view::Health;
use crate::view::rules::{Bad, RuleLine, RuleStanding, RulesView};
use crate::voice::Voice;
use crate::words::{self, Word};

/// Objects of one rule that are named.
const MOST_OBJECTS: usize = 10;

pub(super) fn sections(view: &RulesView, voice: &Voice) -> Markup {
    html! {
        (verdict(view, voice))
        @for standing in RuleStanding::ALL {
            @let rules: Vec<&RuleLine> = of(view, standing).collect();
            @if !rules.is_empty() {
                section id=(id(standing)) {
                    h2 { (glyph(health(standing))) " " (voice.say(word(standing))) }
                    @if let Some(hint) = hint(standing) { p.quiet { (voice.say(hint)) } }
                    (table(&rules, voice))
                }
            }
        }
    }
}

fn of(view: &RulesView, standing: RuleStanding) -> impl Iterator<Item = &RuleLine> {
    view.rules.iter().filter(move |rule| rule.state == standing)
}

fn verdict(view: &RulesView, voice: &Voice) -> Markup {
    let worst = view.rules.iter().map(|rule| rule.state).min();
    let health = worst.map_or(Health::Unknown, health);
    let firing = of(view, RuleStanding::Fires).count();
    let told = match firing {
        0 => voice.say(words::NO_RULE_FIRES).to_owned(),
        _ => voice.fill(words::RULES_FIRE, &[&unit::count(firing as u64)]),
    };
    html! {
        section.(health.class()) #verdict {
            h1 { (glyph(health)) " " span { (told) } }
            p.quiet {
                (voice.say(words::RULES)) " · " (voice.say(words::AS_OF)) " "
                time #as-of datetime=(voice.now) { (voice.clock(voice.now)) }
                " · " (voice.fill(words::ZONE, &[voice.zone_name()]))
                " · " a href="/api/rules" { (voice.say(words::ALL_AS_JSON)) }
            }
            ul.counts {
                @for standing in RuleStanding::ALL {
                    (count(view, standing, voice))
                }
            }
        }
    }
}

fn count(view: &RulesView, standing: RuleStanding, voice: &Voice) -> Markup {
    let count = of(view, standing).count();
    let health = health(standing);
    html! {
        @if count > 0 {
            li {
                a.count.(health.class()) href={ "#" (id(standing)) } {
                    (glyph(health)) strong { (count) } span { (voice.say(word(standing))) }
                }
            }
        }
    }
}

fn table(rules: &[&RuleLine], voice: &Voice) -> Markup {
    let heads = [words::RULE, words::SEVERITY, words::WATCHES, words::NOW];
    let [_, severity, watches, now] = heads.map(|word| voice.say(word));
    html! {
        table.cards.rules {
            (head(&heads, voice))
            tbody {
                @for rule in rules {
                    tr id={ "rule-" (rule.name) } {
                        th scope="row" { (rule.name) p.quiet { (rule.file) } }
                        (short_cell(severity, voice.severity(rule.severity)))
                        (cell(watches, watched(rule, voice)))
                        (cell(now, present(rule, voice)))
                    }
                }
            }
        }
    }
}

fn watched(rule: &RuleLine, voice: &Voice) -> Markup {
    html! {
        div.notes {
            p { code { (rule.query) } }
            p { (condition(rule, voice)) }
            p.quiet {
                (voice.fill(words::RULE_ON, &[&rule.on])) " · "
                (voice.fill(words::RULE_EVERY, &[&voice.lasting(rule.every_s as f64)]))
            }
        }
    }
}

fn condition(rule: &RuleLine, voice: &Voice) -> String {
    let bad = match &rule.bad {
        Bad::Line { bad, good } => voice.fill(words::RULE_LINE, &[bad, good]),
        Bad::Presence => voice.say(words::RULE_PRESENCE).to_owned(),
        Bad::NoData => voice.say(words::RULE_NO_DATA).to_owned(),
    };
    match rule.for_s {
        0 => bad,
        seconds => {
            let held = voice.fill(words::RULE_FOR, &[&voice.lasting(seconds as f64)]);
            format!("{bad} · {held}")
        }
    }
}

/// What fires, what it does not see, and why it may be quiet.
fn present(rule: &RuleLine, voice: &Voice) -> Markup {
    html! {
        div.notes {
            (objects(words::FIRES, &rule.firing, voice))
            (objects(words::RULE_SILENT, &rule.silent, voice))
            @for doubt in &rule.doubts { p { (doubt) } }
            p.quiet {
                @match (rule.state, rule.evaluated) {
                    (RuleStanding::Off, _) => { (voice.say(words::RULE_OFF_HINT)) }
                    (_, None) => { (voice.say(words::RULE_WAITS_HINT)) }
                    (_, Some(at)) => { (looked(rule, voice)) " " (voice.ago(at)) }
                }
            }
        }
    }
}

fn looked(rule: &RuleLine, voice: &Voice) -> String {
    match rule.series {
        None => voice.say(words::RULE_FAILED).to_owned(),
        Some(series) => voice.fill(words::RULE_SERIES, &[&unit::count(series as u64)]),
    }
}

fn objects(what: Word, objects: &[String], voice: &Voice) -> Markup {
    let more = objects.len().saturating_sub(MOST_OBJECTS);
    html! {
        @if !objects.is_empty() {
            p {
                b { (voice.say(what)) } " "
                (objects[..objects.len() - more].join(", "))
                @if more > 0 { " " (voice.fill(words::MORE, &[&unit::count(more as u64)])) }
            }
        }
    }
}

fn id(standing: RuleStanding) -> &'static str {
    match standing {
        RuleStanding::Fires => "fires",
        RuleStanding::Fails => "fails",
        RuleStanding::Silent => "silent",
        RuleStanding::Doubtful => "doubtful",
        RuleStanding::Quiet => "quiet",
        RuleStanding::Waits => "waits",
        RuleStanding::Idle => "idle",
        RuleStanding::Off => "off",
    }
}

fn word(standing: RuleStanding) -> Word {
    match standing {
        RuleStanding::Fires => words::FIRES,
        RuleStanding::Fails => words::RULE_FAILS,
        RuleStanding::Silent => words::RULE_SILENT,
        RuleStanding::Doubtful => words::RULE_DOUBTFUL,
        RuleStanding::Quiet => words::RULE_QUIET,
        RuleStanding::Waits => words::RULE_WAITS,
        RuleStanding::Idle => words::RULE_IDLE,
        RuleStanding::Off => words::RULE_OFF,
    }
}

fn hint(standing: RuleStanding) -> Option<Word> {
    match standing {
        RuleStanding::Idle => Some(words::RULE_IDLE_HINT),
        RuleStanding::Silent => Some(words::RULE_SILENT_HINT),
        RuleStanding::Doubtful => Some(words::RULE_DOUBTFUL_HINT),
        RuleStanding::Fires
        | RuleStanding::Fails
        | RuleStanding::Quiet
        | RuleStanding::Waits
        | RuleStanding::Off => None,
    }
}

fn health(standing: RuleStanding) -> Health {
    match standing {
        RuleStanding::Fires => Health::Down,
        RuleStanding::Fails | RuleStanding::Silent | RuleStanding::Doubtful => Health::Unknown,
        RuleStanding::Quiet => Health::Up,
        RuleStanding::Waits => Health::Starting,
        RuleStanding::Idle | RuleStanding::Off => Health::Leaving,
    }
}
