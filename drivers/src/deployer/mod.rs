//! How programs come onto VMs: one file per kind of deployer.

pub mod exec;
pub mod process;
