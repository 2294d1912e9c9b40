//! Maintenance windows in files: what is wrong is said with its line, and what to write instead.

use crate::common::example;
use crate::files::{check, refused};

/// The line of the example's main file that holds the text.
fn line_of(text: &str) -> String {
    let main = std::fs::read_to_string(example().join("cloudbrain.yaml")).expect("the example");
    let place = main.lines().position(|line| line.contains(text));
    let line = place.unwrap_or_else(|| panic!("the example has {text:?}")) + 1;
    format!("cloudbrain.yaml:{line}: error: ")
}

#[test]
fn a_wrong_window_is_told_with_its_line_and_what_to_write() {
    let of = |name: &str, from: &str, to: &str, expected: &[&str]| {
        let line = line_of(from);
        let expected = [&[line.as_str()], expected].concat();
        refused(&format!("window-{name}"), "cloudbrain.yaml", from, to, &expected);
    };
    let on = "on: [vm/legacy-1]";
    of("module", on, "on: [module/shop/wep]", &["\"shop/wep\"; known are shop/web"]);
    of("channel", on, "on: [channel/inbox]", &["what it says is never planned away"]);
    of("cron", "* * 6", "* * SAT#2", &["\"SAT#2\"", "as in 0 2 * * 6"]);
    of("fields", "* * 6", "* *", &["has not five fields"]);
    of("lasting", "lasting: 1h", "lasting: 90d", &["write at most 31d"]);
    of("zone", "zone: Asia/Shanghai", "zone: Asia/Shangai", &["no time zone \"Asia/Shangai\""]);
    of("key", "lasting: 1h", "lastng: 1h", &["did you mean \"lasting\"?"]);
}

#[test]
fn a_project_plans_work_on_what_it_owns_alone() {
    let with = |name: &str, window: &str| {
        let window = format!("maintenance:\n- {window}\n");
        check(&format!("window-{name}"), "projects/shop.yaml", |file| file + &window)
    };
    let times = "from: 2026-12-01 22:00, until: 2026-12-02 02:00";
    let good = format!("{{name: w, on: [module/shop/web, project/shop], {times}}}");
    assert_eq!(with("own", &good), (0, String::new()));
    let (code, told) = with("foreign", &format!("{{name: w, on: [host/h1], {times}}}"));
    assert_eq!(code, 1);
    assert!(told.contains("shop.yaml:19: error: maintenance.0.on.0: host/h1 is not"), "{told}");
    assert!(told.contains("write project/shop, module/shop/web, or plan it in"), "{told}");
    let (_, told) =
        with("twice", &format!("{{name: legacy-patches, on: [project/shop], {times}}}"));
    assert!(told.contains("a second window legacy-patches; rename one"), "{told}");
}
