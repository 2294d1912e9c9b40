//! Clocks that are wrong and are set right: ours, and those of the sources.
//!
//! All waits count from moments on our clock. When it is set back by an hour, every wait would take
//! an hour longer, and every good answer of our own senses would be an hour older than the trouble
//! it ends. So what is remembered moves back with the clock: all waits go on, and nothing is told
//! for a second time. A source's stamps order its own words alone; one that was ahead and is set
//! right is believed again at once.

use std::time::Duration;

use model::time::Time;

use crate::state::{Incident, State, Word};

/// Clocks differ by so much without being wrong.
const TOLERANCE: Duration = Duration::from_secs(60);
/// A source whose clock is further ahead than words are ever late is set right when it stamps the
/// present. One that is less ahead may as well have sent an old word, which must not undo a newer one.
const AHEAD: Duration = Duration::from_secs(300);

/// Moves all that is remembered back with our clock, if it was set back since the last look.
pub(crate) fn follow(state: &mut State, now: Time) {
    let Some(last) = state.settled_at.filter(|last| now + TOLERANCE < *last) else { return };
    let by = last.since(now);
    let back = |time: &mut Time| *time = *time - by;
    state.words.values_mut().flatten().for_each(|word| each_of_word(word, &back));
    state.incidents.values_mut().for_each(|incident| each_of_incident(incident, &back));
    for repair in state.repairs.values_mut() {
        [Some(&mut repair.failed_at), repair.done_at.as_mut()].into_iter().flatten().for_each(back);
    }
    state.gone.values_mut().for_each(back);
    state.latest.times().for_each(back);
    // What people said by the clock on the wall stays where it is: windows, silences, snoozes.
    [state.settled_at.as_mut(), state.wake_at.as_mut()].into_iter().flatten().for_each(back);
}

fn each_of_word(word: &mut Word, back: &impl Fn(&mut Time)) {
    let Word { at, since, heard, changes, .. } = word;
    [at, since, heard].into_iter().chain(changes).for_each(back);
}

fn each_of_incident(incident: &mut Incident, back: &impl Fn(&mut Time)) {
    [&mut incident.opened, &mut incident.due].into_iter().for_each(back);
    for root in incident.roots.values_mut() {
        [Some(&mut root.since), root.back.as_mut()].into_iter().flatten().for_each(back);
    }
    for member in incident.members.values_mut() {
        let times = [Some(&mut member.since), member.well.as_mut(), member.held_until.as_mut()];
        times.into_iter().flatten().for_each(back);
    }
    incident.told.values_mut().map(|told| &mut told.last_at).for_each(back);
    incident.acknowledged.iter_mut().map(|taken| &mut taken.at).for_each(back);
    incident.broken.iter_mut().map(|broken| &mut broken.at).for_each(back);
    incident.climbs.values_mut().map(|climb| &mut climb.since).for_each(back);
    incident.began.iter_mut().for_each(back);
}

/// Whether a source whose last stamp lay in the future tells the time again.
pub(crate) fn is_set_right(before: Time, stamp: Time, now: Time) -> bool {
    before > now + AHEAD && stamp <= now + TOLERANCE
}
