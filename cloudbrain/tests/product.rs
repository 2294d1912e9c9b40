//! What the product must not have in it.
//!
//! Fail points (`cloudbrain::brain::fail`) end the process where a variable of the environment says;
//! they are for tests, which build the program with them.
#![cfg(not(feature = "failpoints"))]

#[test]
fn the_product_has_no_fail_points() {
    let program = std::fs::read(env!("CARGO_BIN_EXE_cloudbrain")).expect("the binary under test");
    let has = |word: &[u8]| program.windows(word.len()).any(|part| part == word);
    assert!(has(b"cloudbrain.yaml"), "words of the program are found in it");
    assert!(!has(b"CLOUDBRAIN_FAIL"), "nobody can order it to die");
}
