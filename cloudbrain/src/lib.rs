//! The one binary: reads files, clock and environment, and joins the rooms.
//!
//! Everything that decides is elsewhere; everything that acts is elsewhere too. What is left here
//! is order: what happens before what ([`brain`]), who may ask for what ([`api`]), how files
//! become settings ([`config`]), and the commands.

pub mod api;
pub mod brain;
pub mod chinese;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod demo;
pub mod oncall;
pub mod openslo;
pub mod replay;
pub mod rules;
pub mod simulate;
pub mod vantage;
