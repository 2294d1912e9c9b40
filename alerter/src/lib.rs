//! One cause, one message.
//!
//! When a host dies, dozens of checks of its VMs go bad within the minute, in any order. People
//! need one message each: an owner, which of his VMs and businesses suffer because of what, and
//! what the scaler has done about it; operations, the host and all it took. And one when it ends.
//!
//! The alerter is a pure state machine over [`State`]. It reads no clock, starts no task, opens no
//! file and keeps no hidden state: whoever calls [`step`] carries out the actions, stores the
//! state, and calls again no later than [`wake_at`]. It does not probe, deliver, retry or repair.
//!
//! An event goes this way: [`step`] hands a signal to `hear`, which keeps it if it matters;
//! `settle` then lets `cause` find what explains what (`sick`: who is unwell; `blind`: who cannot
//! know; `reach`: what a dead root takes; `suspect`: what nobody reported), `gather` brings the
//! incidents in line with it, `act` marks what people have put off or silenced, `tell` decides who
//! hears of it, `facts`, `text`, `owner` and `operations` say it, with what other rooms know
//! (`beside`). `acknowledge` is for those who take it on, `escalate` for when nobody does. `trail`
//! notes on the way what became of each signal, and `why` explains how things stand by asking the
//! very functions that decide.
//!
//! Invariants: the same words, in whatever order they came, give the same roots; each object
//! suffers under one incident at most; whoever was told of a problem is told of its end, once,
//! and nobody else is; no message is longer than [`message::MAX_TEXT_CHARS`].

mod acknowledge;
pub mod act;
mod aside;
pub mod beside;
mod blind;
mod cause;
mod clock;
pub mod deliver;
mod escalate;
mod event;
mod facts;
mod finder;
mod gather;
pub mod hands;
mod health;
mod hear;
mod kept;
mod latest;
mod lines;
mod link;
pub mod loss;
pub mod message;
pub mod note;
mod object;
mod objects;
mod operations;
mod owner;
mod reach;
mod reason;
pub mod record;
mod roll;
pub mod rule;
mod settings;
mod settle;
mod sick;
mod state;
mod step;
mod summary;
mod suspect;
mod tell;
mod text;
mod timer;
mod trail;
pub mod why;
mod words;

pub use escalate::{EscalationStep, Party};
pub use event::{
    Acknowledgement, Action, Bilingual, BrokenAcknowledgement, Event, IncidentSummary, Repair,
};
pub use settings::{OnDuty, Settings};
pub use state::{LastWord, State};
pub use step::{incidents, step, wake_at};
pub use trail::{MAX_A_MINUTE, MAX_AN_INCIDENT, MAX_IGNORED_A_MINUTE, MAX_MOVES_A_MINUTE};
