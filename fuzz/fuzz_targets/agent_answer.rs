//! What a Zabbix agent answers that was asked, in both forms.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| collector::fuzzing::agent_answer(bytes));
