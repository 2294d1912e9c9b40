//! Tests that belong to no single room: the rules of the house (`tests/house.rs`), the speed of
//! the whole loop (`benches/tick.rs`), the judge of the demo's summary (`src/bin/check-demo.rs`),
//! and VMs that come and go behind real routers under load ([`edges`]). `tests/run` runs everything.

pub mod edges;
