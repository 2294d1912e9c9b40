//! All that is known of one incident, or of one object, for whoever asks why.
//!
//! The present is asked of the core, the past is in the store. An incident that ended long ago is
//! told as its record has it; nobody waits for anything there any more.

use alerter::note::{Note, What};
use alerter::why::{IncidentWhy, ObjectWhy, Place};
use alerter::{Bilingual, IncidentSummary};
use model::id::{IncidentId, Object};
use model::lang::Lang;
use model::time::Time;
use model::zone::Zone;
use serde::Serialize;
use serde_json::{Value, json};

use super::core::Core;
use crate::chinese::chinese;

/// One incident with its trail.
#[derive(Clone, Debug)]
pub struct Story {
    pub incident: IncidentSummary,
    /// How it stands; None once it is over.
    pub why: Option<IncidentWhy>,
    /// Oldest first.
    pub notes: Vec<Note>,
    /// With what became of them, newest first.
    pub messages: Vec<Value>,
    /// In which times are told.
    pub zone: Zone,
}

/// Something with its sentence in both languages.
#[derive(Debug, Serialize)]
struct Said<'a, T> {
    #[serde(flatten)]
    what: &'a T,
    text: Bilingual,
}

/// The incident as the core has it, with its cost up to now, and how it stands if it is open.
pub fn present(
    core: &Core,
    id: &IncidentId,
    now: Time,
) -> Option<(IncidentSummary, Option<IncidentWhy>)> {
    let mut incident = core.incidents().into_iter().find(|incident| incident.id == *id)?;
    let so_far = alerter::loss::so_far(&core.topology, &core.alerter, id, now);
    incident.losses = so_far.unwrap_or(incident.losses);
    let why = alerter::why::incident(&core.settings, &core.topology, &core.alerter, id, now);
    Some((incident, why))
}

/// What is known of an object, and how the incident stands that it is part of.
pub fn object(core: &Core, object: &Object, now: Time) -> (ObjectWhy, Option<IncidentWhy>) {
    let (settings, topology, state) = (&core.settings, &core.topology, &core.alerter);
    let why = alerter::why::object(settings, topology, state, object, now);
    let part = if let Place::Part { incident, .. } = &why.place { Some(incident) } else { None };
    let incident = part.and_then(|id| alerter::why::incident(settings, topology, state, id, now));
    (why, incident)
}

/// As JSON, each fact with its sentence.
pub fn why_json(why: &IncidentWhy, zone: &Zone) -> Value {
    let members = why.members.iter().map(|member| said(member, |lang| member.text(lang, zone)));
    let people = why.people.iter().map(|person| said(person, |lang| person.text(lang, zone)));
    json!({
        "members": members.collect::<Vec<_>>(),
        "more": why.more,
        "people": people.collect::<Vec<_>>(),
    })
}

/// As JSON, each fact with its sentence.
pub fn object_json(why: &ObjectWhy, zone: &Zone) -> Value {
    let words = why.words.iter().map(|word| said(word, |lang| word.text(lang, zone)));
    json!({
        "object": why.object,
        "place": why.place,
        "text": both(|lang| why.text(lang, zone)),
        "words": words.collect::<Vec<_>>(),
    })
}

/// As JSON, each line with its sentence.
pub fn notes_json(notes: &[Note], zone: &Zone) -> Value {
    notes.iter().map(|note| said(note, |lang| said_of(note, zone, lang))).collect()
}

/// A line of the trail; what our own senses said in it is Chinese, too.
pub fn said_of(note: &Note, zone: &Zone, lang: Lang) -> String {
    match (&note.what, lang) {
        (What::Heard { text, .. }, Lang::Zh) if !text.is_empty() => {
            let text = chinese(text);
            let mut spoken = note.clone();
            if let What::Heard { text: said, .. } = &mut spoken.what {
                *said = text;
            }
            spoken.text(lang, zone)
        }
        _ => note.text(lang, zone),
    }
}

fn said<T: Serialize>(what: &T, text: impl Fn(Lang) -> String) -> Value {
    let said = Said { what, text: both(text) };
    serde_json::to_value(said).unwrap_or_default()
}

fn both(text: impl Fn(Lang) -> String) -> Bilingual {
    Bilingual { en: text(Lang::En), zh: text(Lang::Zh) }
}
