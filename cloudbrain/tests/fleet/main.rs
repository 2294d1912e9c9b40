//! The real binary with real processes: killed, given bad files, rude agents and a real browser.
//!
//! One test binary for all, so that the fleets share their helpers and no more than two of them run
//! at once on a small machine. What needs a server from outside is ignored with its reason;
//! `tests/run` installs the servers and lifts that.

mod active;
mod acts;
mod agents;
mod alerts;
mod bad;
mod capacity;
mod checks;
mod common;
mod departure;
mod explore;
mod files;
mod foresight;
mod heartbeat;
mod indicators;
mod kill;
mod latency;
mod maintenance;
mod monitor;
mod oncall;
mod openstack;
mod pages;
mod plan;
mod policies;
mod promise;
mod report;
mod rules;
mod samples;
mod scaling;
mod status;
mod story;
mod vantages;
mod zabbix;
