//! Each built-in rule is in order, says something in both languages, and passes its own tests.

use std::collections::BTreeSet;

use cloudbrain::config::rules::Rules;
use cloudbrain::rules::builtin;
use cloudbrain::rules::raw::RawRules;

fn files() -> Vec<RawRules> {
    builtin::documents().map(|document| document.parse().expect("it is built in")).collect()
}

#[test]
fn the_built_in_rules_are_in_order_and_pass_their_tests() {
    let (rules, problems) = Rules::built_in();
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(told, Vec::<String>::new());
    let failed: Vec<String> = rules.try_out(true).iter().map(ToString::to_string).collect();
    assert_eq!(failed, Vec::<String>::new());
    assert!(rules.set.len() > 40, "{}", rules.set.len());
}

#[test]
fn each_has_words_in_both_languages_what_to_do_and_a_test() {
    for file in files() {
        let tested: BTreeSet<_> =
            file.tests.iter().flat_map(|t| t.expect.iter().map(|e| e.rule.clone())).collect();
        for rule in &file.rules {
            for texts in [&rule.text, &rule.runbook] {
                let texts = texts.as_ref().expect("words");
                assert!(texts.en.is_some() && texts.zh.is_some(), "{rule:?}");
            }
            assert!(tested.contains(&rule.name), "no test of {:?}", rule.name);
        }
    }
}
