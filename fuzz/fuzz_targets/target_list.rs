//! A list of exporters, as `http_sd` and `file_sd` bring it.
#![no_main]

use collector::prometheus::discovery::{read_json, read_yaml};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = read_json(bytes);
    let _ = read_yaml(bytes);
});
