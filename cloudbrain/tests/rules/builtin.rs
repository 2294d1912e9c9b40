//! Each built-in rule is in order, says something in both languages, and passes its own tests.

use std::collections::BTreeSet;
use std::path::Path;

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

/// All that our own sources say, but for the rules themselves.
fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).expect("our own sources").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(&std::fs::read_to_string(&path).expect("our own sources"));
        }
    }
}

/// What is written like one of our metrics: `mysql_threads`, `check_up`.
fn metrics(text: &str) -> BTreeSet<String> {
    let families = ["cloudbrain_", "system_", "mysql_", "redis_", "memcached_", "postgresql_"];
    let families = families.iter().chain(&["check_", "probe_", "datasource_", "load"]);
    let names = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let known = names.filter(|name| families.clone().any(|family| name.starts_with(family)));
    known.filter(|name| !metric_labels().contains(name)).map(str::to_owned).collect()
}

fn metric_labels() -> [&'static str; 2] {
    [model::metric::MOUNT_LABEL, model::metric::DEVICE_LABEL]
}

#[test]
fn each_metric_that_a_built_in_rule_asks_for_is_one_that_something_measures() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut text = String::new();
    for folder in ["model/src", "collector/src", "cloudbrain/src/brain"] {
        sources(&root.join(folder), &mut text);
    }
    let (rules, _) = Rules::built_in();
    for checked in rules.set.values() {
        let asked = metrics(checked.expression.text());
        assert!(!asked.is_empty(), "{}", checked.expression);
        for metric in asked {
            assert!(text.contains(&format!("\"{metric}\"")), "nothing measures {metric}");
        }
    }
}
