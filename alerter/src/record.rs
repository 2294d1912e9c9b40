//! The state in pieces, so that storing it costs what changed and not what there is.
//!
//! A storm leaves ten thousand words behind; one more is one piece. What is to be written follows
//! from comparing the state with what was written last, so no place in the alerter can forget to
//! say that it changed something.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::state::State;

/// What is left when words and incidents are taken away.
const REST: &str = "rest";
const WORDS: &str = "words/";
const INCIDENTS: &str = "incidents/";

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
    stored: State,
}

impl Record {
    /// Takes what the pieces of a store make up for stored.
    pub fn of(state: State) -> Self {
        Self { stored: state }
    }

    /// The pieces that bring the store up to `state`.
    pub fn catch_up(&mut self, state: &State) -> Vec<Piece> {
        let mut pieces = Vec::new();
        differences(WORDS, &mut self.stored.words, &state.words, &mut pieces);
        differences(INCIDENTS, &mut self.stored.incidents, &state.incidents, &mut pieces);
        let (before, after) = (self.stored.rest(), state.rest());
        if before != after {
            pieces.push(Piece { key: REST.to_owned(), json: json(&after) });
            let words = std::mem::take(&mut self.stored.words);
            let incidents = std::mem::take(&mut self.stored.incidents);
            self.stored = State { words, incidents, ..after };
        }
        pieces
    }
}

/// Puts a state together from its pieces, in any order.
pub fn restore<'a>(
    pieces: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<State, PieceError> {
    let (mut words, mut incidents) = (BTreeMap::new(), BTreeMap::new());
    let mut rest = State::default();
    for (key, json) in pieces {
        if let Some(object) = key.strip_prefix(WORDS) {
            let object = object.parse().map_err(|_| strange(key, None))?;
            words.insert(object, read(key, json)?);
        } else if let Some(number) = key.strip_prefix(INCIDENTS) {
            let number = number.parse().map_err(|_| strange(key, None))?;
            incidents.insert(number, read(key, json)?);
        } else if key == REST {
            rest = read(key, json)?;
        } else {
            return Err(strange(key, None));
        }
    }
    Ok(State { words, incidents, ..rest })
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
