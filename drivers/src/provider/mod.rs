//! Where VMs run: one file per kind of provider.

pub mod process;
