//! From the windows of the files to windows of the alerter, as moments.
//!
//! The alerter is handed all occurrences of a day ahead, the same ones again and again: what it has
//! already changes nothing, so neither a restart nor a reload opens a window twice, and one that was
//! taken out of the files is closed at once.

use std::time::Duration;

use alerter::act::Window;
use model::time::Time;

use crate::config::maintenance::Planned;

/// So far ahead windows are handed over. Twice the time after which that is done again would do.
const AHEAD: Duration = Duration::from_secs(86_400);

/// Every occurrence that is open or begins within a day.
pub(in crate::brain) fn planned(windows: &[Planned], now: Time) -> Vec<Window> {
    let occurrences = windows.iter().flat_map(|window| {
        let occurrences = window.occurrences(now, now + AHEAD).into_iter();
        occurrences.map(move |(from, until)| Window {
            id: window.name.clone(),
            on: window.on.clone(),
            from,
            until,
            by: None,
            comment: window.comment.clone(),
        })
    });
    occurrences.collect()
}
