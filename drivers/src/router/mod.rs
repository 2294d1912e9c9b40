//! What sends traffic to VMs: one file per kind of router.
//!
//! [`proxy`] is no driver: it is what runs inside the process that [`builtin`] drives.

pub mod builtin;
pub mod proxy;
