//! The tables, version by version.
//!
//! A version that was ever shipped is never edited; a change is a new file at the end of the list.
//! Tables, indexes and statements are kept in the SQL that SQLite and PostgreSQL share; triggers
//! and RAISE are SQLite's own and stand together at the end of each file.

use model::vm::VmState;
use rusqlite::{Connection, params};

/// What one database file must look like.
pub(crate) struct Schema {
    /// Version 1 first.
    pub(crate) versions: &'static [&'static str],
    /// Brings tables that mirror the program itself up to date, at each opening.
    pub(crate) refresh: fn(&Connection) -> rusqlite::Result<()>,
}

pub(crate) const STATE: Schema = Schema {
    versions: &[
        include_str!("schema/state_1.sql"),
        include_str!("schema/state_2.sql"),
        include_str!("schema/state_3.sql"),
        include_str!("schema/state_4.sql"),
        include_str!("schema/state_5.sql"),
        include_str!("schema/state_6.sql"),
        include_str!("schema/state_7.sql"),
        include_str!("schema/state_8.sql"),
    ],
    refresh: fill_vm_edges,
};

/// The trigger on `vm` asks this table, which says what `may_become` says: one truth.
fn fill_vm_edges(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM vm_edge", [])?;
    let mut insert =
        connection.prepare("INSERT INTO vm_edge (from_state, to_state) VALUES (?1, ?2)")?;
    for from in VmState::ALL {
        for to in VmState::ALL.into_iter().filter(|to| from.may_become(*to)) {
            insert.execute(params![from.as_str(), to.as_str()])?;
        }
    }
    Ok(())
}
