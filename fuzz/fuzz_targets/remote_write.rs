//! A body of remote write: as it comes, and as what a snappy block may hold.
#![no_main]

use collector::prometheus::remote_write::Decoder;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let decoder = Decoder::default();
    let _ = decoder.decode(bytes);
    let packed = snap::raw::Encoder::new().compress_vec(bytes).expect("memory takes it");
    let first = decoder.decode(&packed);
    // What was remembered of the first body must not change what the second says.
    let second = decoder.decode(&packed);
    assert_eq!(first.is_ok(), second.is_ok());
});
