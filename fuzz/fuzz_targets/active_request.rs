//! A request of a Zabbix agent that came by itself.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| collector::fuzzing::active_request(bytes));
