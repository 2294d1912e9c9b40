//! The entrance: reads the command line and hands over.

use std::process::ExitCode;

use clap::Parser as _;
use cloudbrain::cli::Cli;

fn main() -> ExitCode {
    cloudbrain::commands::run(Cli::parse())
}
