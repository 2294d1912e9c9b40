//! Spreads looks, which are moments, over time.
//!
//! A look speaks for the time until the next one, if that comes soon enough. If it does not, it
//! speaks for one interval, and what follows is unknown: the prober was late, dead or cut off, and
//! nobody may guess what it would have seen.

use model::time::Time;

use crate::accounting::Accounting;
use crate::interval::{Interval, State, push, push_alike};
use crate::judge::Judged;

/// The time from `from` to before `until`, whole, from looks in order of time; neighbours differ in state or
/// reason.
pub(crate) fn spread(
    accounting: &Accounting,
    looks: &[&Judged],
    from: Time,
    until: Time,
) -> Vec<Interval> {
    let mut list = Vec::new();
    let mut add = |interval: Interval| {
        if let Some(part) = interval.clip(from, until) {
            push_alike(&mut list, part);
        }
    };
    let first = looks.first().map_or(until, |look| look.at);
    add(unknown(from, first, "not probed yet".to_owned()));
    let ends = looks.iter().skip(1).map(|next| next.at).chain([until]);
    for (look, end) in looks.iter().zip(ends) {
        let heard = heard_until(accounting, look.at, end);
        let why = look.why().to_owned();
        add(Interval { from: look.at, until: heard, state: look.state, why });
        add(unknown(heard, end, format!("no verdict since {}", look.at)));
    }
    list
}

/// Makes the time of `spans` unknown; they are in order and do not touch.
pub(crate) fn black_out(list: Vec<Interval>, spans: &[(Time, Time)]) -> Vec<Interval> {
    let dark = |from, until| unknown(from, until, "the monitor itself was not looking".to_owned());
    let mut out = Vec::new();
    cut_out(list, spans, dark).into_iter().for_each(|interval| push(&mut out, interval));
    out
}

/// Puts something else in the place of `spans`; they are in order and do not touch.
pub(crate) fn cut_out(
    list: Vec<Interval>,
    spans: &[(Time, Time)],
    instead: impl Fn(Time, Time) -> Interval,
) -> Vec<Interval> {
    let mut out = Vec::new();
    for interval in list {
        let mut done = interval.from;
        for (from, until) in spans.iter().filter(|(_, until)| *until > interval.from) {
            let (from, until) = ((*from).clamp(done, interval.until), (*until).min(interval.until));
            push_alike(&mut out, Interval { from: done, until: from, ..interval.clone() });
            push_alike(&mut out, instead(from, until));
            done = until;
        }
        push_alike(&mut out, Interval { from: done, ..interval });
    }
    out
}

pub(crate) fn unknown(from: Time, until: Time, why: String) -> Interval {
    Interval { from, until, state: State::Unknown, why }
}

fn heard_until(accounting: &Accounting, look: Time, next: Time) -> Time {
    if next.since(look) <= accounting.stale_after() { next } else { look + accounting.interval }
}
