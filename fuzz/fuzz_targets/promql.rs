//! An expression. One that is taken says of itself what is taken again.
#![no_main]

use query::Expression;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Ok(expression) = Expression::parse(text) {
        assert!(Expression::parse(expression.text()).is_ok());
    }
});
