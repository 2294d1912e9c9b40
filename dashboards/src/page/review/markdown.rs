//! The review as Markdown, to be pasted into a wiki.
//!
//! What comes from outside is escaped here as well: a wiki reads HTML and links in what it is given.

use super::{COST_HEADS, alike, business_row, module_row, numbers, objects};
use crate::chart::lanes;
use crate::view::review::ReviewView;
use crate::voice::Voice;
use crate::words::{self, Word};

/// The same review, in the same order, without its figure.
pub(in crate::page) fn markdown(review: &ReviewView, voice: &Voice) -> String {
    let mut text = top(review, voice);
    text += &costs(review, voice);
    text += &format!("\n## {}\n\n", voice.say(words::SIMILAR));
    if review.similar.is_empty() {
        text += &format!("{}\n", voice.say(words::NONE_SIMILAR));
    }
    for other in &review.similar {
        let (at, why) = (voice.dated(other.opened), escaped(&alike(other, voice)));
        text += &format!("- {at} {}: {} ({why})\n", other.id, escaped(&other.headline));
    }
    text += &events(review, voice);
    text
}

fn top(review: &ReviewView, voice: &Voice) -> String {
    let incident = &review.incident;
    let mut text = format!(
        "# {} {}: {}\n\n",
        voice.say(words::REVIEW),
        incident.id,
        escaped(&incident.headline)
    );
    let zone = voice.fill(words::ZONE, &[voice.zone_name()]);
    let opened = voice.dated(incident.opened);
    let closed = incident.closed.map(|at| voice.dated(at));
    let closed = closed.unwrap_or(voice.say(words::ONGOING).to_owned());
    text += &format!("{opened} – {closed} ({zone})\n");
    for line in &incident.detail {
        text += &format!("\n- {}\n", escaped(line));
    }
    text += &format!("\n{}", table_head(&[words::FIGURE, words::VALUE, words::COUNTED], voice));
    for (word, from, value) in numbers(review, voice) {
        text += &format!("| {} | {value} | {} |\n", voice.say(word), voice.say(from));
    }
    text
}

fn costs(review: &ReviewView, voice: &Voice) -> String {
    let mut text = format!("\n## {}\n\n", voice.say(words::COSTS));
    if review.businesses.is_empty() {
        return text + voice.say(words::NO_COSTS) + "\n";
    }
    text += &table_head(&COST_HEADS, voice);
    for business in &review.businesses {
        let own = business_row(business, voice);
        let modules = business.modules.iter().map(|module| module_row(module, voice));
        for row in std::iter::once(own).chain(modules) {
            let cells: Vec<String> = row.iter().map(|cell| escaped(cell)).collect();
            text += &format!("| {} |\n", cells.join(" | "));
        }
    }
    text + "\n" + voice.say(words::COSTS_HINT) + "\n"
}

fn events(review: &ReviewView, voice: &Voice) -> String {
    let mut text = format!("\n## {}\n\n", voice.say(words::EVENTS));
    text += &table_head(&[words::TIME, words::LANE, words::EVENT], voice);
    for event in &review.events {
        let objects = objects(event, voice);
        let sep = if objects.is_empty() { "" } else { ": " };
        let what = escaped(&format!("{objects}{sep}{}", event.text));
        let lane = voice.say(lanes::name(event.lane));
        text +=
            &format!("| {} | {lane} | {} {what} |\n", voice.dated(event.at), event.tone.glyph());
    }
    if review.left_out > 0 {
        let count = review.left_out.to_string();
        text += &format!("\n{}\n", voice.fill(words::LEFT_OUT, &[&count]));
    }
    text
}

fn table_head(words: &[Word], voice: &Voice) -> String {
    let names: Vec<&str> = words.iter().map(|word| voice.say(*word)).collect();
    format!("| {} |\n|{}\n", names.join(" | "), " --- |".repeat(names.len()))
}

/// Nothing in it is read as a table, a link, emphasis or HTML.
fn escaped(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' => told.push(' '),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' => {
                told.push('\\');
                told.push(c);
            }
            '<' => told.push_str("&lt;"),
            '>' => told.push_str("&gt;"),
            '&' => told.push_str("&amp;"),
            c => told.push(c),
        }
    }
    told
}
