//! An application's answer to a probe: head, chunks, compression, text, verdict.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| collector::fuzzing::probe_answer(bytes));
