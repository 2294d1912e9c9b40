//! An answer of a Zabbix server's API, and a line of its export.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| collector::fuzzing::zabbix_answer(bytes));
