//! The figure of a review: what happened in each lane over one axis of time.
//!
//! As the figure of a module it is SVG made on the server with percentages along the axis, so it
//! fits a phone and a desk and both themes. Marks of one kind at nearly the same place are one mark;
//! what each stands for is in the table below the figure.
//!
//! Invariant: at most [`PLACES`] marks of each tone in a lane, however much happened.

use std::collections::BTreeSet;

use maud::{Markup, html};
use model::time::Time;

use super::percent;
use super::time_axis::TimeAxis;
use crate::view::review::{EventView, Lane, ReviewView, Tone};
use crate::voice::Voice;
use crate::words::{self, Word};

/// Marks along the axis stand in so many places at most.
const PLACES: f64 = 120.0;
const LANE_HEIGHT: i32 = 40;
/// From a lane's top to its line; its name stands above.
const LINE_AT: i32 = 27;
const TOP: i32 = 4;
const TIME_TICKS: u32 = 6;
/// Room before the first sign and after the end, as a share of what lies between.
const MARGIN: f64 = 0.03;
/// What lasted a moment is drawn over at least this.
const SHORTEST_MS: i64 = 10_000;

/// Draws all that happened.
pub(crate) fn lanes(review: &ReviewView, voice: &Voice) -> Markup {
    let axis = axis(review, voice.now);
    let height = TOP + LANE_HEIGHT * Lane::ALL.len() as i32;
    let caption = caption(review, voice);
    html! {
        figure {
            svg.chart.lanes width="100%" height=(height + 24) role="img" aria-label=(caption) {
                @for (at, label) in axis.ticks(&voice.zone, TIME_TICKS) {
                    @if let Some(share) = axis.share(at) {
                        @let x = percent(share);
                        line x1=(x) x2=(x) y1=(TOP) y2=(height) {}
                        text.tick x=(x) y=(height + 16) { (label) }
                    }
                }
                @for (number, lane) in (0..).zip(Lane::ALL) {
                    (one(review, lane, axis, TOP + LANE_HEIGHT * number, voice))
                }
            }
            figcaption { (caption) }
        }
    }
}

/// The name of a lane.
pub(crate) fn name(lane: Lane) -> Word {
    match lane {
        Lane::Signals => words::LANE_SIGNALS,
        Lane::Incident => words::LANE_INCIDENT,
        Lane::Messages => words::LANE_MESSAGES,
        Lane::People => words::LANE_PEOPLE,
        Lane::Scaler => words::LANE_SCALER,
        Lane::Users => words::LANE_USERS,
    }
}

/// From the first thing that is shown to the last.
fn axis(review: &ReviewView, now: Time) -> TimeAxis {
    let moments = review.moments;
    let events = || review.events.iter().map(|event| event.at);
    let first = events().chain([moments.began]).min().unwrap_or(moments.began);
    let end = moments.closed.unwrap_or(now);
    let last = events().chain([end]).max().unwrap_or(end);
    let length = (last.millis() - first.millis()).max(SHORTEST_MS);
    let margin = (length as f64 * MARGIN) as i64;
    TimeAxis {
        from: Time::from_millis(first.millis() - margin),
        until: Time::from_millis(first.millis() + length + margin),
    }
}

/// What the figure says, for those who cannot see it.
fn caption(review: &ReviewView, voice: &Voice) -> String {
    let lasted = voice.lasting(review.moments.lasted_s(voice.now));
    let count =
        |lane: Lane| review.events.iter().filter(|event| event.lane == lane).count().to_string();
    let (signals, messages) = (count(Lane::Signals), count(Lane::Messages));
    let (people, scaler) = (count(Lane::People), count(Lane::Scaler));
    voice.fill(words::LANES_CAPTION, &[&lasted, &signals, &messages, &people, &scaler])
}

fn one(review: &ReviewView, lane: Lane, axis: TimeAxis, top: i32, voice: &Voice) -> Markup {
    let y = top + LINE_AT;
    html! {
        text.title y=(top + 12) { (voice.say(name(lane))) }
        line.axis x2="100%" y1=(y) y2=(y) {}
        @if lane == Lane::Incident {
            (span(axis, review.moments.opened, review.moments.closed.unwrap_or(voice.now), y))
        }
        @if lane == Lane::Users {
            @for outage in &review.outages { (span(axis, outage.from, outage.until, y)) }
        }
        @for (tone, x) in places(&review.events, lane, axis) {
            (mark(tone, &x, y))
        }
    }
}

/// Each tone has a shape as well, for those who cannot tell the colours apart.
fn mark(tone: Tone, x: &str, y: i32) -> Markup {
    html! {
        svg x=(x) y=(y) {
            @match tone {
                Tone::Bad => { path.(tone.class()) d="M-4-4L4 4M-4 4L4-4" {} }
                Tone::Unsure => { circle.unknown r="4" {} }
                Tone::Good => { circle.up r="4.5" {} }
                Tone::Plain => { path.(tone.class()) d="M0-5L5 0L0 5L-5 0Z" {} }
            }
        }
    }
}

/// Where the marks of a lane stand, the bad ones on top.
fn places(events: &[EventView], lane: Lane, axis: TimeAxis) -> Vec<(Tone, String)> {
    let ours = events.iter().filter(|event| event.lane == lane);
    let places = ours.filter_map(|event| {
        let share = axis.share(event.at)?;
        Some((event.tone, (share * PLACES).round() as i64))
    });
    let places: BTreeSet<(Tone, i64)> = places.collect();
    places.into_iter().rev().map(|(t, place)| (t, percent(place as f64 / PLACES))).collect()
}

fn span(axis: TimeAxis, from: Time, until: Time, y: i32) -> Markup {
    let share = |at: Time| {
        let at = Time::from_millis(at.millis().clamp(axis.from.millis(), axis.until.millis()));
        axis.share(at).unwrap_or(0.0)
    };
    let (left, right) = (share(from), share(until));
    html! {
        rect.down x=(percent(left)) width=(percent((right - left).max(0.003))) y=(y - 5)
            height="10" rx="2" {}
    }
}
