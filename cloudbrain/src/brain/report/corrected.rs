//! What people corrected of a module's past, as the journal has it: who, why, and what the time counts
//! as. Nothing that was measured is deleted; a correction that counts as `measured` takes back what was
//! corrected before in its span.

use availability::{Kind, Overlay, State};
use model::id::{ModuleId, Object};
use model::time::Time;
use store::JournalRow;

use super::announced::time;

/// How the journal calls one.
pub const CORRECTION: &str = "correction";
/// Takes back what was corrected.
pub const MEASURED: &str = "measured";

/// The words for what a span may count as.
pub fn states() -> impl Iterator<Item = &'static str> {
    State::ALL.into_iter().map(State::as_str).chain([MEASURED])
}

/// What a span is said to count as; none for what was measured.
pub fn state_of(word: &str) -> Option<Option<State>> {
    match word {
        MEASURED => Some(None),
        word => State::ALL.into_iter().find(|state| state.as_str() == word).map(Some),
    }
}

/// One line of the journal: `up from TIME until TIME: COMMENT`.
pub fn line(word: &str, from: Time, until: Time, comment: &str) -> String {
    format!("{word} from {from} until {until}: {comment}")
}

/// The corrections that stand. `rows` are in the order in which they were written.
pub(super) fn corrections(rows: &[JournalRow], module: &ModuleId) -> Vec<Overlay> {
    let object = Object::Module(module.clone());
    let ours = rows.iter().filter(|row| row.what == CORRECTION);
    let mut standing: Vec<Overlay> = Vec::new();
    for row in ours.filter(|row| row.object.as_ref() == Some(&object)) {
        let Some(said) = parse(row) else { continue };
        standing = standing.iter().flat_map(|old| outside(old, said.from, said.until)).collect();
        standing.extend(said.overlay());
    }
    standing
}

/// What is left of an earlier correction beside a later one.
fn outside(old: &Overlay, from: Time, until: Time) -> impl Iterator<Item = Overlay> + use<> {
    let before = Overlay { until: old.until.min(from), ..old.clone() };
    let after = Overlay { from: old.from.max(until), ..old.clone() };
    [before, after].into_iter().filter(|part| part.from < part.until)
}

struct Said {
    from: Time,
    until: Time,
    state: Option<State>,
    why: String,
    at: Time,
}

impl Said {
    fn overlay(self) -> Option<Overlay> {
        let Self { from, until, state, why, at } = self;
        let state = state?;
        Some(Overlay { from, until, kind: Kind::Correction, state, why, said: at })
    }
}

fn parse(row: &JournalRow) -> Option<Said> {
    let (word, rest) = row.text.split_once(" from ")?;
    let (from, rest) = rest.split_once(" until ")?;
    let (until, comment) = rest.split_once(": ")?;
    let why = format!("corrected by {}: {comment}", row.who);
    let state = state_of(word)?;
    Some(Said { from: time(from)?, until: time(until)?, state, why, at: row.at })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1000)
    }

    fn row(said: i64, word: &str, from: i64, until: i64) -> JournalRow {
        JournalRow {
            at: at(said),
            who: "alice".to_owned(),
            what: CORRECTION.to_owned(),
            object: Some("module/shop/web".parse().unwrap()),
            text: line(word, at(from), at(until), "our own: firewall"),
        }
    }

    fn told(rows: &[JournalRow]) -> Vec<String> {
        let corrections = corrections(rows, &ModuleId::parse("shop/web").unwrap());
        let told = corrections.iter().map(|one| {
            let s = |time: Time| time.millis() / 1000;
            format!("{}..{} {}", s(one.from), s(one.until), one.state)
        });
        told.collect()
    }

    #[test]
    fn a_correction_names_its_author_and_its_reason() {
        let rows = [row(900, "up", 100, 200)];
        let all = corrections(&rows, &ModuleId::parse("shop/web").unwrap());
        assert_eq!(all[0].why, "corrected by alice: our own: firewall");
        assert_eq!(all[0].said, at(900));
        assert!(corrections(&rows, &ModuleId::parse("shop/api").unwrap()).is_empty());
    }

    #[test]
    fn the_later_word_counts_and_measured_takes_back() {
        let first = row(900, "up", 100, 200);
        let second = row(901, "down", 150, 160);
        assert_eq!(told(&[first.clone(), second]), ["100..150 up", "160..200 up", "150..160 down"]);
        assert_eq!(told(&[first.clone(), row(902, "measured", 0, 150)]), ["150..200 up"]);
        assert_eq!(told(&[first, row(903, "measured", 100, 200)]), [""; 0]);
    }

    #[test]
    fn what_cannot_be_read_corrects_nothing() {
        for text in ["", "up", "up from 1 until 2: x", "better from soon until later: x"] {
            let row = JournalRow { text: text.to_owned(), ..row(1, "up", 1, 2) };
            assert_eq!(told(&[row]), [""; 0], "{text}");
        }
    }
}
