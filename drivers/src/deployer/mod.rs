//! How a program gets onto a VM: one file per kind of VM.

pub mod process;
