//! Tests that belong to no single room: the rules of the house (`tests/house.rs`), the speed of
//! the whole loop (`benches/tick.rs`), and the judge of the demo's summary
//! (`src/bin/check-demo.rs`). `tests/run` runs everything.
