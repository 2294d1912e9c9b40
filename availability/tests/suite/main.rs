//! What a ledger promises: scripts with their expected account, and properties over any verdicts.
//!
//! The modules are marked as tests so that the lints take their helpers for tests too.

#[cfg(test)]
mod account;
#[cfg(test)]
mod bounds;
#[cfg(test)]
mod burns;
#[cfg(test)]
mod hours;
#[cfg(test)]
mod indicators;
#[cfg(test)]
mod latency;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod rounds;
#[cfg(test)]
mod scripts;
#[cfg(test)]
mod sketches;
#[cfg(test)]
mod standings;
#[cfg(test)]
mod vantages;
#[cfg(test)]
mod verdicts;
