//! Decides how many VMs each module gets, and what to do next with each VM. Pure.
//!
//! The problem: load comes and goes, VMs take minutes to make, hosts die, samples go missing, and
//! the program that decides about all this may itself be killed at any moment. The idea: once a
//! tick, look at what is stored and what was seen, and derive everything anew: [`decide`] turns
//! load into a wanted count, [`tick`] turns wanted counts into moves of single VMs along their
//! life ([`model::vm::VmState`]), and [`steps`] says what the hands must do for a VM in the state
//! it is in. Nothing is a script that could be left half done: whatever was cut off is simply
//! still wanted at the next tick.
//!
//! It reads no clock, starts no task and asks nobody. Whoever calls [`tick::tick`] stores the
//! outcome in one transaction, then carries out the steps, then tells [`steps::absorb`] what
//! became of them.
//!
//! Invariants: never above `max`, whatever state the VMs are in; nothing leaves on account of a
//! load that was not measured; a VM is stopped only after every router acknowledged a routing
//! without it; the last healthy VM of a module is never taken away by choice.

/// Whether this deliberate bug is planted; without the feature `mutants` none can be.
#[cfg(feature = "mutants")]
macro_rules! bug {
    ($name:ident) => {
        crate::mutants::is_planted(crate::mutants::Bug::$name)
    };
}
#[cfg(not(feature = "mutants"))]
macro_rules! bug {
    ($name:ident) => {
        false
    };
}

pub mod ahead;
mod allowance;
pub mod approval;
pub mod brake;
pub mod capacity;
pub mod chinese;
mod climb;
mod clock;
pub mod decide;
pub mod facts;
pub mod forecast;
pub mod hands;
mod health;
pub mod hold;
pub mod inputs;
pub mod lead;
mod leave;
mod life;
#[cfg(feature = "mutants")]
pub mod mutants;
pub mod plan;
pub mod policy;
pub mod pool;
pub mod protect;
pub mod reason;
pub mod recovery;
mod refill;
mod routing;
pub mod sight;
pub mod state;
pub mod stay;
pub mod steps;
mod strangers;
mod supply;
pub mod tick;
pub mod track;
pub mod work;
