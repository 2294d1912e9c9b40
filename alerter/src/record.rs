//! The state in pieces, so that storing it costs what changed and not what there is.
//!
//! A storm leaves ten thousand words behind; one more is one piece. Words and incidents know which
//! of them were touched (`kept`), so no place in the alerter can forget to say that it
//! changed something. A look touches every incident and changes few: those are compared, by a hash of
//! 64 bits of what was stored, since a copy of it would be as large as all that is remembered.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::act::Acts;
use crate::kept::Kept;
use crate::state::{Incident, State};

/// What is left when words, incidents and acts are taken away.
const REST: &str = "rest";
const WORDS: &str = "words/";
const INCIDENTS: &str = "incidents/";
const SILENCES: &str = "silences/";
const LABELLED: &str = "labelled/";
const WINDOWS: &str = "windows/";

/// One piece, under its key; None if it is no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub key: String,
    pub json: Option<String>,
}

/// A piece that was written by something else than [`Record`].
#[derive(Debug, thiserror::Error)]
#[error("the piece {key:?} of the alerter's state cannot be read")]
pub struct PieceError {
    key: String,
    source: Option<serde_json::Error>,
}

/// What is stored, by our last word.
#[derive(Debug, Default)]
pub struct Record {
    /// By number, a hash of each.
    incidents: BTreeMap<u64, u64>,
    acts: Acts,
    rest: State,
}

impl Record {
    /// Takes what the pieces of a store make up for stored.
    pub fn of(state: &State) -> Self {
        let incidents = state.incidents.iter();
        let incidents = incidents.map(|(number, incident)| (*number, hash(incident)));
        Self { incidents: incidents.collect(), acts: state.acts.clone(), rest: state.rest() }
    }

    /// The pieces that bring the store up to `state`.
    pub fn catch_up(&mut self, state: &mut State) -> Vec<Piece> {
        let mut pieces = Vec::new();
        for object in state.words.take_changed() {
            let key = format!("{WORDS}{object}");
            pieces.push(Piece { key, json: state.words.get(&object).and_then(json) });
        }
        self.incidents(state, &mut pieces);
        let (stored, acts) = (&mut self.acts, &state.acts);
        differences(SILENCES, &mut stored.silences, &acts.silences, &mut pieces);
        differences(LABELLED, &mut stored.labelled, &acts.labelled, &mut pieces);
        differences(WINDOWS, &mut stored.windows, &acts.windows, &mut pieces);
        let rest = state.rest();
        if self.rest != rest {
            pieces.push(Piece { key: REST.to_owned(), json: json(&rest) });
            self.rest = rest;
        }
        pieces
    }

    fn incidents(&mut self, state: &mut State, pieces: &mut Vec<Piece>) {
        for number in state.incidents.take_changed() {
            let after = state.incidents.get(&number);
            let before = match after {
                Some(incident) => self.incidents.insert(number, hash(incident)),
                None => self.incidents.remove(&number),
            };
            if before != self.incidents.get(&number).copied() {
                let key = format!("{INCIDENTS}{number}");
                pieces.push(Piece { key, json: after.and_then(json) });
            }
        }
    }
}

/// The same for the same incident in one run of the program; it is never stored.
fn hash(incident: &Incident) -> u64 {
    let mut hasher = DefaultHasher::new();
    incident.hash(&mut hasher);
    hasher.finish()
}

/// All pieces of a state.
pub fn pieces(state: &State) -> Vec<Piece> {
    let mut acts = Vec::new();
    let mut none = Acts::default();
    differences(SILENCES, &mut none.silences, &state.acts.silences, &mut acts);
    differences(LABELLED, &mut none.labelled, &state.acts.labelled, &mut acts);
    differences(WINDOWS, &mut none.windows, &state.acts.windows, &mut acts);
    let words = state.words.iter().map(|(object, words)| (format!("{WORDS}{object}"), json(words)));
    let incidents = state.incidents.iter();
    let incidents =
        incidents.map(|(number, incident)| (format!("{INCIDENTS}{number}"), json(incident)));
    let all = words.chain(incidents).chain([(REST.to_owned(), json(&state.rest()))]);
    all.map(|(key, json)| Piece { key, json }).chain(acts).collect()
}

/// Puts a state together from its pieces, in any order.
pub fn restore<'a>(
    pieces: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<State, PieceError> {
    let (mut words, mut incidents) = (BTreeMap::new(), BTreeMap::new());
    let (mut rest, mut acts) = (State::default(), Acts::default());
    for (key, json) in pieces {
        if let Some(object) = key.strip_prefix(WORDS) {
            let object = object.parse().map_err(|_| strange(key, None))?;
            words.insert(object, read(key, json)?);
        } else if let Some(number) = key.strip_prefix(INCIDENTS) {
            let number = number.parse().map_err(|_| strange(key, None))?;
            incidents.insert(number, read(key, json)?);
        } else if let Some(id) = key.strip_prefix(SILENCES) {
            let id = id.parse().map_err(|_| strange(key, None))?;
            acts.silences.insert(id, read(key, json)?);
        } else if let Some(object) = key.strip_prefix(LABELLED) {
            let object = object.parse().map_err(|_| strange(key, None))?;
            acts.labelled.insert(object, read(key, json)?);
        } else if let Some(window) = key.strip_prefix(WINDOWS) {
            acts.windows.insert(window.to_owned(), read(key, json)?);
        } else if key == REST {
            rest = read(key, json)?;
        } else {
            return Err(strange(key, None));
        }
    }
    acts.numbers = rest.acts.numbers.clone();
    Ok(State { words: Kept::stored(words), incidents: Kept::stored(incidents), acts, ..rest })
}

fn strange(key: &str, source: Option<serde_json::Error>) -> PieceError {
    PieceError { key: key.to_owned(), source }
}

fn read<T: DeserializeOwned>(key: &str, json: &str) -> Result<T, PieceError> {
    serde_json::from_str(json).map_err(|error| strange(key, Some(error)))
}

fn json(value: &impl Serialize) -> Option<String> {
    Some(serde_json::to_string(value).expect("maps with textual keys, and no foreign types"))
}

/// Notes what is new, other, or gone, and brings `stored` up to it.
fn differences<K: Ord + Clone + ToString, V: PartialEq + Clone + Serialize>(
    prefix: &str,
    stored: &mut BTreeMap<K, V>,
    present: &BTreeMap<K, V>,
    pieces: &mut Vec<Piece>,
) {
    let key = |of: &K| format!("{prefix}{}", of.to_string());
    stored.retain(|of, _| {
        let stays = present.contains_key(of);
        if !stays {
            pieces.push(Piece { key: key(of), json: None });
        }
        stays
    });
    for (of, value) in present {
        if stored.get(of) != Some(value) {
            pieces.push(Piece { key: key(of), json: json(value) });
            stored.insert(of.clone(), value.clone());
        }
    }
}
