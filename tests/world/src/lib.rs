//! A simulated world around the scaler: whatever can go wrong with a fleet goes wrong, from a
//! seed, for a day; and afterwards for as long as it takes to come to rest.
//!
//! A scaler that is only tested against a kind world is not tested. So the provider here makes
//! VMs twice, late, never, or while it says no; its lists have holes and lag; agents fall silent,
//! lie and tell another time; routers are deaf or come up with an old file; hosts and racks die;
//! and the brain is killed between any two things it does, or started on a store of yesterday.
//!
//! [`world::World`] is one event queue. [`trouble`] makes the list of faults of a seed, [`oracle`]
//! holds the properties P1 to P24 and judges by the world's own ledger, [`run`] plays a day, and
//! when one ends badly plays it again with fewer and fewer faults until the story is short.
//!
//! It is no model of the network between several brains, and knows no releases: the kill matrix
//! and the store's suite hold what belongs there.

mod calls;
pub mod cloud;
pub mod dice;
pub mod edge;
pub mod fleet;
pub mod oracle;
pub mod run;
mod senses;
mod shell;
pub mod trouble;
pub mod world;
