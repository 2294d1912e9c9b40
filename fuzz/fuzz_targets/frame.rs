//! A frame of the Zabbix protocol: lengths, flags, compression.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| collector::fuzzing::frame(bytes));
