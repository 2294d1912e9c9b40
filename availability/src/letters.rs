//! Time as a letter a second, for tests: `uudd?` was up, then down, then unknown.

use model::time::Time;

use crate::interval::{Interval, State, push};

/// u up, d down, ? unknown, m maintenance, any other not applicable; the reason is the letter.
pub(crate) fn timeline(text: &str) -> Vec<Interval> {
    let mut timeline = Vec::new();
    for (second, letter) in (0_i64..).zip(text.chars()) {
        let state = match letter {
            'u' => State::Up,
            'd' => State::Down,
            '?' => State::Unknown,
            'm' => State::Maintenance,
            _ => State::NotApplicable,
        };
        let (from, until) = (second * 1000, (second + 1) * 1000);
        let [from, until] = [from, until].map(Time::from_millis);
        push(&mut timeline, Interval { from, until, state, why: letter.to_string() });
    }
    timeline
}

/// Likewise, to be compared.
pub(crate) fn told(timeline: &[Interval]) -> String {
    let letter = |one: &Interval| match one.state {
        State::Up => "u",
        State::Down => "d",
        State::Unknown => "?",
        State::Maintenance => "m",
        State::NotApplicable => "-",
    };
    timeline.iter().map(|one| letter(one).repeat(one.length().as_secs() as usize)).collect()
}
