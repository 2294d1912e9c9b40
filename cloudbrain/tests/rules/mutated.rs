//! Any text in the place of a rule file is read or refused, and never ends the program.

use cloudbrain::config::yaml::Document;
use cloudbrain::rules::check::check;
use cloudbrain::rules::raw::RawRules;
use proptest::prelude::*;

const GOOD: &str = include_str!("../../../examples/shop/rules/shop.yaml");

/// Reads and checks; how many rules are in order.
fn read(text: String) -> usize {
    let document = Document { path: "a.yaml".into(), text };
    let Ok(file) = document.parse::<RawRules>() else { return 0 };
    file.rules.iter().filter(|rule| check(rule).0.is_some()).count()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        read(text);
    }

    #[test]
    fn a_good_file_with_a_part_replaced_is_read_or_refused(
        at in 0..GOOD.len(),
        length in 0..40_usize,
        by in "([a-z_]{1,8}|[0-9.e-]{1,6}|[{}\\[\\]:,\"'\n -]|-?\\.inf|sum by \\(|\\{x=~\".*\"\\}|[\\PC]){0,4}",
    ) {
        let chars: Vec<char> = GOOD.chars().collect();
        let at = at.min(chars.len());
        let end = (at + length).min(chars.len());
        let text: String = chars[..at].iter().copied().chain(by.chars()).chain(chars[end..].iter().copied()).collect();
        prop_assert!(read(text) <= 3);
    }
}

#[test]
fn the_good_file_has_a_rule_of_its_own() {
    assert_eq!(read(GOOD.to_owned()), 1, "the others change built-in rules");
}
