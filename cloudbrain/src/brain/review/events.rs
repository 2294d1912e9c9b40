//! All that happened in an incident, as lines in lanes, oldest first.
//!
//! What happens to many things within a moment in the same words is one line that counts them.

use std::time::Duration;

use alerter::note::{Departure, Fate, Note, What};
use dashboards::view::review::{EventView, Lane, Tone};
use model::id::{ModuleId, Object, PersonId};
use model::lang::Lang;
use model::signal::SignalState;
use model::time::Time;
use model::zone::Zone;
use scaler::reason::Decision;
use serde_json::Value;
use store::{DecisionRow, JournalRow};

use super::{Facts, modules};
use crate::brain::story::said_of;
use crate::chinese::chinese;

/// Things that are named in a line.
const NAMED: usize = 5;
/// Lines of the same words within this time are one.
const TOGETHER: Duration = Duration::from_secs(5);
/// Lines that are shown; of an incident with more, those in the middle are left out.
const SHOWN: usize = 600;

/// What happened, oldest first.
pub fn events(facts: &Facts, lang: Lang) -> Vec<EventView> {
    let mut events: Vec<EventView> =
        facts.story.notes.iter().map(|note| of_note(note, &facts.story.zone, lang)).collect();
    // The newest come first in these.
    let messages = facts.story.messages.iter().rev();
    events.extend(messages.filter_map(|message| of_message(message, lang)));
    let journal = || facts.journal.iter().rev();
    events.extend(journal().filter_map(|line| of_person(facts, line)));
    events.extend(journal().filter_map(|line| of_scaler(facts, line, lang)));
    let modules = modules(&facts.story);
    let acts =
        facts.decisions.iter().rev().filter(|row| !row.held && modules.contains(&row.module));
    events.extend(acts.map(|row| of_decision(row, lang)));
    events.sort_by_key(|event| event.at); // Stable: what came first in a moment stays first.
    let mut events = together(events);
    if events.len() > SHOWN {
        events.drain(SHOWN / 2..events.len() - SHOWN / 2);
    }
    events
}

fn event(at: Time, lane: Lane, tone: Tone, object: Option<String>, text: String) -> EventView {
    EventView { at, lane, tone, objects: object.into_iter().collect(), more: 0, text }
}

fn of_note(note: &Note, zone: &Zone, lang: Lang) -> EventView {
    let (lane, tone) = match &note.what {
        What::Heard { said, fate, .. } => (Lane::Signals, tone_of(*said, fate)),
        What::LeftOut { .. } => (Lane::Signals, Tone::Unsure),
        What::Joined { .. } => (Lane::Incident, Tone::Bad),
        What::Opened { suspected } | What::Root { suspected } => {
            (Lane::Incident, if *suspected { Tone::Unsure } else { Tone::Bad })
        }
        What::Left { because: Departure::Well | Departure::NeverDid } | What::Closed { .. } => {
            (Lane::Incident, Tone::Good)
        }
        What::Left { because: Departure::Elsewhere } | What::Merged { .. } => {
            (Lane::Incident, Tone::Plain)
        }
        What::Untold { .. } => (Lane::Messages, Tone::Plain),
    };
    let object = note.object.as_ref().map(Object::to_string);
    event(note.at, lane, tone, object, said_of(note, zone, lang))
}

fn tone_of(said: SignalState, fate: &Fate) -> Tone {
    match (said, fate) {
        (SignalState::Ok, Fate::Counts) => Tone::Good,
        (SignalState::Problem(_), Fate::Counts | Fate::Flapping) => Tone::Bad,
        _ => Tone::Unsure,
    }
}

fn of_message(message: &Value, lang: Lang) -> Option<EventView> {
    let word = |key: &str| message[key].as_str().unwrap_or("?");
    let at = Time::from_millis(message["at"].as_i64()?);
    let error = message["error"].as_str().map_or(String::new(), |error| format!(": {error}"));
    let took = message["delivered"].as_i64().map(|done| Time::from_millis(done).since(at));
    let (tone, outcome) = match word("status") {
        "delivered" => {
            let took = took.unwrap_or_default().as_secs() + 1;
            let told = lang.pick(format!("delivered within {took} s"), format!("{took} 秒内送达"));
            (Tone::Plain, told)
        }
        "waiting" => (Tone::Unsure, lang.pick("not delivered yet", "尚未送达").to_owned() + &error),
        "overtaken" => {
            (Tone::Plain, lang.pick("overtaken by a newer word", "已被更新的通知取代").to_owned())
        }
        _ => (Tone::Bad, lang.pick("not delivered", "未送达").to_owned() + &error),
    };
    let kind = match word("kind") {
        "problem" => lang.pick("problem", "故障通知"),
        "update" => lang.pick("update", "更新通知"),
        "resolved" => lang.pick("end", "恢复通知"),
        other => other,
    };
    let by = word("channel");
    let text =
        lang.pick(format!("{kind} by {by}, {outcome}"), format!("{kind}，经 {by}，{outcome}"));
    Some(event(at, Lane::Messages, tone, Some(word("to").to_owned()), text))
}

/// What people did about this incident, or about what it took.
fn of_person(facts: &Facts, line: &JournalRow) -> Option<EventView> {
    let is_person = |who: &PersonId| who.as_str() == line.who;
    if !facts.known.people.iter().any(is_person) {
        return None;
    }
    let incident = &facts.story.incident;
    let names_it = line
        .text
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word == incident.id.as_str());
    let is_of_it = names_it || line.object.as_ref().is_some_and(|object| concerns(facts, object));
    let text = format!("{}: {}", line.what, line.text);
    is_of_it.then(|| event(line.at, Lane::People, Tone::Plain, Some(line.who.clone()), text))
}

fn concerns(facts: &Facts, object: &Object) -> bool {
    let incident = &facts.story.incident;
    *object == incident.root
        || incident.affected.contains(object)
        || matches!(object, Object::Vm(vm) if facts.known.vms.contains(vm))
}

fn of_scaler(facts: &Facts, line: &JournalRow, lang: Lang) -> Option<EventView> {
    let Some(Object::Vm(vm)) = &line.object else { return None };
    let is_ours = line.who == "scaler" && facts.known.vms.contains(vm);
    // The journal's text begins with the VM, which stands before it here.
    let text = line.text.strip_prefix(&format!("{vm}: ")).unwrap_or(&line.text);
    let object = Some(format!("vm/{vm}"));
    is_ours.then(|| event(line.at, Lane::Scaler, Tone::Plain, object, spoken(text, lang)))
}

fn of_decision(row: &DecisionRow, lang: Lang) -> EventView {
    let decision = serde_json::from_str::<Decision>(&row.body).ok();
    let reason = match (lang, decision) {
        (Lang::Zh, Some(decision)) => chinese(&decision.reason.in_chinese()),
        (Lang::En | Lang::Zh, _) => row.reason.clone(),
    };
    let (from, to) = (row.from, row.to);
    let text = lang.pick(format!("{from} -> {to}: {reason}"), format!("{from} → {to}：{reason}"));
    let module: &ModuleId = &row.module;
    event(row.at, Lane::Scaler, Tone::Plain, Some(format!("module/{module}")), text)
}

fn spoken(text: &str, lang: Lang) -> String {
    match lang {
        Lang::En => text.to_owned(),
        Lang::Zh => chinese(text),
    }
}

/// Makes one line of what happened to many in the same words.
fn together(events: Vec<EventView>) -> Vec<EventView> {
    let mut told: Vec<EventView> = Vec::new();
    for event in events {
        let recent = told.iter_mut().rev().take_while(|known| event.at.since(known.at) <= TOGETHER);
        let mut same = recent.filter(|known| {
            known.lane == event.lane
                && known.tone == event.tone
                && known.text == event.text
                && !known.objects.is_empty()
                && !event.objects.is_empty()
                && !known.objects.contains(&event.objects[0])
        });
        match same.next() {
            Some(known) if known.objects.len() < NAMED => known.objects.extend(event.objects),
            Some(known) => known.more += 1,
            None => told.push(event),
        }
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(at: i64, object: &str, text: &str) -> EventView {
        let at = Time::from_millis(at * 1000);
        event(at, Lane::Signals, Tone::Bad, Some(object.to_owned()), text.to_owned())
    }

    #[test]
    fn what_happens_to_many_at_once_is_one_line() {
        let mut events: Vec<EventView> =
            (0..8).map(|n| heard(1, &format!("vm/{n}"), "bad")).collect();
        events.insert(3, heard(1, "host/h1", "worse"));
        events.push(heard(2, "vm/0", "bad"));
        events.push(heard(60, "vm/9", "bad"));
        let told: Vec<String> = together(events)
            .iter()
            .map(|e| format!("{} {} +{}", e.text, e.objects.join(" "), e.more))
            .collect();
        let expected =
            ["bad vm/0 vm/1 vm/2 vm/3 vm/4 +3", "worse host/h1 +0", "bad vm/0 +0", "bad vm/9 +0"];
        assert_eq!(told, expected, "the same thing twice is twice; a minute later is another time");
    }
}
