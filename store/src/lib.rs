//! The memory: what is and what happened, safe against `kill -9`.
//!
//! A brain that forgets tells twice, or does a thing twice, or never. So it writes down what it is
//! about to do, in one transaction with why, and acts only after [`Store::commit`] has answered.
//! Whoever starts next finds in [`Opened`] exactly what was acknowledged: VMs, open steps,
//! messages under way, what each room remembered.
//!
//! A data folder holds `state.db` (state and journal; SQLite in WAL mode with `synchronous=FULL`)
//! and `brain.lock` (the lease: one brain at a time). What was measured has a store of its own.
//!
//! The tables hold the rules that must not be broken even by a bug of ours: a VM moves along the
//! edges of [`model::vm::VmState::may_become`] only, has one open step, and is never reborn; a
//! delivered message stays delivered; the journal is only added to. The trail of notes may be
//! shortened: it explains, and nothing follows from it; so may what was settled of answers long ago. A change that would break one
//! is refused together with its whole transaction.
//!
//! What it does not do: it decides nothing, reads no clock, retries nothing, and understands
//! neither the bodies it keeps nor the memory of the rooms.
//!
//! Invariants: an acknowledged change survives the death of the process and of the machine; no
//! reader, now or after a crash, sees a part of a commit.

mod database;
mod error;
mod lease;
mod read;
mod row;
mod schema;
mod store;
mod worker;
mod write;

pub use error::StoreError;
pub use row::{
    AnswersRow, Change, DecisionRow, IncidentRow, JournalRow, LookRow, NoSuchWord, NoteRow,
    OutgoingRow, OutgoingStatus, Remembered, RouterRow, StepKind, StepRow, StepStatus,
    TransitionRow,
};
pub use store::{Opened, Store};
