//! What the store promises, as tests of its public interface.
//!
//! `conformance` and `rules` know no database and are to be run against every backend. `opening`
//! and `crash` are about files: leases, versions, damage, `kill -9` and full disks.
//!
//! The modules are marked as tests so that the lints take their helpers for tests too.

#[cfg(test)]
mod conformance;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod folder;
#[cfg(test)]
mod opening;
#[cfg(test)]
mod rows;
#[cfg(test)]
mod rules;
