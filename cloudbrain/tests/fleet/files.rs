//! Bad files: one clear error with file, line and what to write instead; the last good ones stay
//! in force.

use std::path::PathBuf;
use std::process::Command;

use crate::common::{Fleet, copy, example};

/// The example with one file changed, and what `check` says of it.
pub(crate) fn check(
    name: &str,
    file: &str,
    change: impl FnOnce(String) -> String,
) -> (i32, String) {
    let folder = folder(name);
    let path = folder.join(file);
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, change(text)).expect("a folder of ours");
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["check", "--config"])
        .arg(folder.join("cloudbrain.yaml"))
        .output()
        .expect("the binary under test runs");
    std::fs::remove_dir_all(&folder).expect("a folder of ours");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code().expect("it was not killed"), told)
}

fn folder(name: &str) -> PathBuf {
    let folder =
        std::env::temp_dir().join(format!("cloudbrain-files-{name}-{}", std::process::id()));
    copy(&example(), &folder);
    folder
}

#[track_caller]
pub(crate) fn refused(name: &str, file: &str, from: &str, to: &str, expected: &[&str]) {
    let (code, told) = check(name, file, |text| {
        assert!(text.contains(from), "{file} has {from:?}");
        text.replacen(from, to, 1)
    });
    assert_eq!(code, 1, "{told}");
    assert_eq!(told.lines().count(), 1, "one error, not several: {told}");
    for words in expected {
        assert!(told.contains(words), "{words:?} is missing in: {told}");
    }
}

#[test]
fn the_example_is_in_order() {
    let (code, told) = check("good", "cloudbrain.yaml", |text| text);
    assert_eq!((code, told.as_str()), (0, ""));
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    let expected = &["web.yaml:8:", "\"capacty\"", "did you mean \"capacity\"?"];
    refused("key", "policies/web.yaml", "capacity:", "capacty:", expected);
}

#[test]
fn a_wrong_unit_is_told_with_examples() {
    let expected = &["web.yaml:", "\"4\"", "500ms, 30s"];
    refused("unit", "policies/web.yaml", "settle: 4s", "settle: 4", expected);
}

#[test]
fn an_unknown_module_or_flavor_is_told_with_the_known_ones() {
    let expected = &["web.yaml:5:", "unknown module", "known are shop/web"];
    refused("module", "policies/web.yaml", "module: shop/web", "module: shop/wbe", expected);
    let expected = &["web.yaml:6:", "unknown flavor", "known are small"];
    refused("flavor", "policies/web.yaml", "flavor: small", "flavor: smal", expected);
}

#[test]
fn a_min_above_max_is_told_with_what_to_write() {
    let expected = &["web.yaml:8:", "min 9 is above max 8", "at most 8"];
    refused("min", "policies/web.yaml", "min: 2", "min: 9", expected);
}

#[test]
fn two_policies_for_one_module_are_refused() {
    let folder = folder("two");
    let policies = folder.join("policies");
    std::fs::copy(policies.join("web.yaml"), policies.join("web-again.yaml")).expect("ours");
    let loaded = cloudbrain::config::load(&folder.join("cloudbrain.yaml"));
    std::fs::remove_dir_all(&folder).expect("a folder of ours");
    let told: Vec<String> = loaded.problems.iter().map(ToString::to_string).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("web.yaml:5:") && told[0].contains("a second policy"), "{told:?}");
}

#[test]
fn domains_that_all_contain_test_are_refused() {
    let expected = &["shop.yaml:7:", "every domain contains \"test\"", "add the domain"];
    let (from, to) = ("[shop.example.com]", "[test.example.com, contest.example.com]");
    refused("test", "projects/shop.yaml", from, to, expected);
}

#[test]
fn a_domain_is_written_without_a_scheme() {
    let expected = &["shop.yaml:7:", "https://shop.example.com", "write the name alone"];
    let (from, to) = ("[shop.example.com]", "[\"https://shop.example.com\"]");
    refused("scheme", "projects/shop.yaml", from, to, expected);
}

#[test]
fn a_domain_that_only_looks_like_one_for_tests_is_warned_of() {
    let (code, told) = check("lookalike", "projects/shop.yaml", |text| {
        text.replace("[shop.example.com]", "[contest.example.com, shop.example.com]")
    });
    assert_eq!(code, 2, "{told}");
    assert!(told.contains("shop.yaml:7: warning: domains: contest.example.com"), "{told}");
}

#[test]
fn a_half_written_file_is_told_as_that() {
    let (code, told) = check("half", "policies/web.yaml", |text| text[..text.len() / 2].to_owned());
    assert_eq!(code, 1);
    assert!(told.contains("web.yaml"), "{told}");
    let (code, told) = check("empty", "policies/web.yaml", |_| String::new());
    assert_eq!(code, 1);
    assert!(told.contains("half written"), "{told}");
}

#[test]
fn an_unreadable_file_is_told_with_its_name() {
    let folder = folder("unreadable");
    let path = folder.join("policies/web.yaml");
    std::fs::write(&path, [0xff, 0xfe, b'\n']).expect("a folder of ours");
    let loaded = cloudbrain::config::load(&folder.join("cloudbrain.yaml"));
    std::fs::remove_dir_all(&folder).expect("a folder of ours");
    let told = loaded.problems[0].to_string();
    assert!(told.contains("web.yaml:1:") && told.contains("UTF-8"), "{told}");
    let loaded = cloudbrain::config::load(std::path::Path::new("/no/such/file.yaml"));
    assert!(loaded.problems[0].to_string().contains("/no/such/file.yaml"));
}

#[test]
fn a_broken_reload_leaves_the_last_good_files_in_force() {
    let fleet = Fleet::start("reload");
    fleet.wait_until_up(2);
    let path = fleet.folder.join("policies/web.yaml");
    let good = std::fs::read_to_string(&path).expect("the example");
    std::fs::write(&path, good.replace("max: 8", "max: 1")).expect("a folder of ours");
    let error = fleet.wait("the broken file to be told", |fleet| {
        let overview = fleet.get("/api/overview")?;
        overview["monitor"]["config_error"].as_str().map(str::to_owned)
    });
    assert!(error.contains("web.yaml:8:"), "{error}");
    let overview = fleet.get("/api/overview").expect("the brain answers");
    assert_eq!(overview["modules"][0]["max"], 8, "the old bounds hold");
    std::fs::write(&path, good.replace("max: 8", "max: 7")).expect("a folder of ours");
    fleet.wait("the good file to be taken", |fleet| {
        let overview = fleet.get("/api/overview")?;
        let taken = overview["modules"][0]["max"] == 7;
        (taken && overview["monitor"]["config_error"].is_null()).then_some(())
    });
}

#[test]
fn what_is_watched_beside_vms_is_checked_before_it_is_looked_at() {
    let expected = &["shop.yaml:", "unknown data source \"orders\"", "there is none yet"];
    let uses = "monitor: js\n    uses: [orders]";
    refused("uses", "projects/shop.yaml", "monitor: js", uses, expected);
    let expected = &["shop.yaml:", "\"10.0.0.9\" is no address", "host:port"];
    let source = "data_sources: [{mysql: {name: orders, address: 10.0.0.9}}]\nmodules:";
    refused("address", "projects/shop.yaml", "modules:", source, expected);
    let expected = &["shop.yaml:", "CLOUDBRAIN_NO_SUCH"];
    let secret = "data_sources: [{redis: {name: r, address: \"h:1\", password: \"${env:CLOUDBRAIN_NO_SUCH}\"}}]\nmodules:";
    refused("secret", "projects/shop.yaml", "modules:", secret, expected);
    let expected = &["cloudbrain.yaml:", "nothing to scrape", "file_sd or http_sd"];
    let scrape = "collector:\n  scrapes: [{name: node}]";
    refused("scrape", "cloudbrain.yaml", "collector:", scrape, expected);
    let expected = &["cloudbrain.yaml:", "write either token, or user and password"];
    let zabbix =
        "collector:\n  zabbix: [{name: z, url: \"http://z/api_jsonrpc.php\", user: monitor}]";
    refused("zabbix", "cloudbrain.yaml", "collector:", zabbix, expected);
    let expected = &["cloudbrain.yaml:", "only a loopback address", "127.0.0.1:10051"];
    let active = "collector:\n  active: {listen: \"0.0.0.0:10051\"}";
    refused("active", "cloudbrain.yaml", "collector:", active, expected);
    let expected = &["cloudbrain.yaml:", "module/shop/web has no agent", "host/NAME or vm/NAME"];
    let active = "collector:\n  active: {listen: \"127.0.0.1:10051\", objects: [module/shop/web]}";
    refused("object", "cloudbrain.yaml", "collector:", active, expected);
}

#[test]
fn a_rule_for_alerts_that_is_never_come_to_is_told() {
    let table = "alerts:\n  objects:\n    - {object: \"host/${instance}\"}\n    \
                 - {object: \"vm/${instance}\", when: {job: vms}}\n    \
                 - {object: \"host/${instance}\"}\n  down: [VmDown, VmDown]\n  apps: [VmDown]\n";
    let (code, told) = check("alerts-table", "cloudbrain.yaml", |text| text + table);
    assert_eq!(code, 2, "{told}");
    let expected = [
        "it is never come to: rule 1, \"host/${instance}\", takes all that it would",
        "the same as rule 1 of the list; remove it",
        "VmDown stands here twice; keep one",
        "VmDown stands under down, too, which counts; keep one",
    ];
    for words in expected {
        assert!(told.contains(words), "{words:?} is missing in: {told}");
    }
    assert_eq!(told.lines().count(), expected.len(), "{told}");
}
