//! The hands: what makes VMs, starts programs on them, sends them traffic, carries messages.
//!
//! The deciding rooms declare what they need done as traits ([`scaler::hands`],
//! [`alerter::hands`]); this crate does it for real. Each folder holds one file per kind and one
//! list that names them: [`provider`], [`deployer`], [`router`], [`channel`].
//!
//! [`uplink`] is the one way in the other direction: by it a vantage elsewhere reaches its brain.
//!
//! Two of the hands reach into processes that are ours but not the brain: [`vm`] is what runs
//! inside a VM that is a process of this machine, [`router::proxy`] is the built-in router. Both
//! go on while the brain is dead, and are found again by what they left in files.
//!
//! Hands decide nothing and remember nothing in memory that matters: after a crash the next brain
//! looks, and finds all of it.

pub mod channel;
mod command;
pub mod deployer;
mod files;
mod http;
mod machine;
mod process;
pub mod provider;
pub mod router;
pub mod script;
pub mod uplink;
pub mod vm;

pub use files::write_whole;

/// Runs what waits for a disk or for `/proc` where it holds up no other task.
pub(crate) async fn blocking<T, W>(work: W) -> T
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("it is never cancelled while somebody waits for it, and does not panic")
}
