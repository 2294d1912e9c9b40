//! Which maintenance was announced for a module, as the journal has it.
//!
//! The journal's lines are the only record of what was announced when, and they are never changed; the
//! files say only what is planned now. A line that cannot be read announces nothing.

use std::collections::BTreeMap;

use availability::{Kind, Overlay, State};
use jiff::Timestamp;
use model::id::{ModuleId, Object};

use model::time::Time;
use store::JournalRow;

/// The windows over a module or its project. `rows` are in the order in which they were written.
pub(super) fn windows(rows: &[JournalRow], module: &ModuleId) -> Vec<Overlay> {
    let mut windows: BTreeMap<(String, Time), Overlay> = BTreeMap::new();
    let rows = rows.iter().filter(|row| row.what.starts_with("maintenance "));
    for row in rows.filter(|row| is_over(row.object.as_ref(), module)) {
        let Some(said) = Said::parse(&row.text) else { continue };
        let from = said.from.unwrap_or(row.at);
        match row.what.as_str() {
            "maintenance planned" | "maintenance start" => {
                let key = (said.id.to_owned(), from);
                // Announced again, it may be longer now; the first word of it counts.
                let said_at = windows.get(&key).map_or(row.at, |known| known.said);
                windows.insert(key, overlay(&said, from, said_at));
            }
            "maintenance taken back" => {
                if let Some(window) = windows.get_mut(&(said.id.to_owned(), from)) {
                    window.until = window.until.min(row.at);
                }
            }
            "maintenance end" => {
                let ours = windows.iter_mut().filter(|((id, _), _)| id == said.id);
                ours.for_each(|(_, window)| window.until = window.until.min(row.at));
            }
            _ => {}
        }
    }
    windows.into_values().filter(|window| window.from < window.until).collect()
}

fn is_over(object: Option<&Object>, module: &ModuleId) -> bool {
    let project = module.as_str().split_once('/').map(|(project, _)| project);
    match object {
        Some(Object::Module(on)) => on == module,
        Some(Object::Project(on)) => Some(on.as_str()) == project,
        Some(_) | None => false,
    }
}

fn overlay(said: &Said<'_>, from: Time, said_at: Time) -> Overlay {
    let why = format!("{}: {}", said.id, said.comment);
    let (kind, state) = (Kind::Maintenance, State::Maintenance);
    Overlay { from, until: said.until, kind, state, why, said: said_at }
}

/// `NAME from TIME until TIME: COMMENT`, or without `from`.
struct Said<'a> {
    id: &'a str,
    from: Option<Time>,
    until: Time,
    comment: &'a str,
}

impl<'a> Said<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let (id, rest) = text.split_once(' ')?;
        let (from, rest) = match rest.strip_prefix("from ") {
            Some(rest) => {
                let (from, rest) = rest.split_once(' ')?;
                (Some(time(from)?), rest)
            }
            None => (None, rest),
        };
        let (until, comment) = rest.strip_prefix("until ")?.split_once(": ")?;
        Some(Self { id, from, until: time(until)?, comment })
    }
}

pub(super) fn time(text: &str) -> Option<Time> {
    let stamp: Timestamp = text.parse().ok()?;
    Some(Time::from_millis(stamp.as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_millis(second * 1000)
    }

    fn row(second: i64, what: &str, object: &str, text: &str) -> JournalRow {
        JournalRow {
            at: at(second),
            who: "ops".to_owned(),
            what: format!("maintenance {what}"),
            object: Some(object.parse().unwrap()),
            text: text.to_owned(),
        }
    }

    fn told(rows: &[JournalRow]) -> Vec<String> {
        let windows = windows(rows, &ModuleId::parse("shop/web").unwrap());
        let told = windows.iter().map(|window| {
            let [from, until, said] = [window.from, window.until, window.said];
            let s = |time: Time| time.millis() / 1000;
            format!("{}..{} said {}: {}", s(from), s(until), s(said), window.why)
        });
        told.collect()
    }

    const PLANNED: &str = "disks from 1970-01-01T00:10:00Z until 1970-01-01T00:20:00Z: new disks";

    #[test]
    fn a_window_stays_announced_also_when_its_file_forgets_it() {
        let rows = [row(60, "planned", "module/shop/web", PLANNED)];
        assert_eq!(told(&rows), ["600..1200 said 60: disks: new disks"]);
        let others = [row(60, "planned", "module/shop/api", PLANNED)];
        assert_eq!(told(&others), [""; 0]);
        let project = [row(60, "planned", "project/shop", PLANNED)];
        assert_eq!(told(&project).len(), 1);
    }

    #[test]
    fn what_is_taken_back_counts_until_then() {
        let planned = row(60, "planned", "module/shop/web", PLANNED);
        let before = row(90, "taken back", "module/shop/web", PLANNED);
        assert_eq!(told(&[planned.clone(), before]), [""; 0]);
        let meanwhile = row(700, "taken back", "module/shop/web", PLANNED);
        assert_eq!(told(&[planned, meanwhile]), ["600..700 said 60: disks: new disks"]);
    }

    #[test]
    fn one_that_is_opened_by_hand_ends_by_hand() {
        let text = "w-1 until 1970-01-01T01:00:00Z: until: we see (from the page)";
        let rows = [row(300, "start", "project/shop", text), row(900, "end", "project/shop", text)];
        let expected = "300..900 said 300: w-1: until: we see (from the page)";
        assert_eq!(told(&rows), [expected]);
    }

    #[test]
    fn what_cannot_be_read_announces_nothing() {
        for text in ["", "x", "x until", "x until soon: y", "x from 1 until 2: y"] {
            assert_eq!(told(&[row(1, "start", "project/shop", text)]), [""; 0], "{text}");
        }
    }
}
