//! Reports of availability, with the real binary: what was down, what was announced, and what is wrong
//! with a policy or a question.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Fleet, http};
use crate::files::refused;

fn report(fleet: &Fleet, more: &[&str]) -> (i32, String) {
    ask(fleet, &[&["--project", "shop"], more].concat())
}

fn ask(fleet: &Fleet, more: &[&str]) -> (i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["report", "--period", "today"])
        .args(["--brain", &fleet.listen.to_string()])
        .args(more)
        .output()
        .expect("the binary under test runs");
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

fn module(fleet: &Fleet) -> Option<Value> {
    let view = fleet.get("/api/report?project=shop&period=today")?;
    view["modules"].get(0).cloned()
}

fn seconds(module: &Value, what: &str) -> u64 {
    module[what].as_u64().unwrap_or_default()
}

#[test]
fn a_window_of_maintenance_is_left_out_of_the_account_and_told_of() {
    let fleet = Fleet::start("report");
    fleet.wait("some seconds of being up", |fleet| {
        (seconds(&module(fleet)?, "up_s") >= 2).then_some(())
    });
    let wish =
        json!({"on": ["module/shop/web"], "for": "1h", "comment": "new = disks", "by": "ops"});
    let answer = http(
        fleet.listen,
        "POST",
        "/api/maintenance",
        "Content-Type: application/json\r\n",
        &wish.to_string(),
    );
    assert_eq!(answer.as_ref().map(|(status, _)| *status), Some(200), "{answer:?}");
    let told = fleet.wait("maintenance in the account", |fleet| {
        module(fleet).filter(|module| seconds(module, "maintenance_s") >= 2)
    });
    assert_eq!(told["down_s"], 0, "{told}");
    assert_eq!(told["known"].as_str().map(|text| text.starts_with("100")), Some(true), "{told}");
    let day = &told["days"][0];
    let states = ["up_s", "down_s", "unknown_s", "maintenance_s", "not_applicable_s"];
    let sum: u64 = states.iter().map(|state| seconds(day, state)).sum();
    let until = day["until"].as_i64().zip(day["from"].as_i64()).map(|(until, from)| until - from);
    let whole = until.expect("two moments") / 1000;
    assert!(
        (whole - 5..=whole).contains(&i64::try_from(sum).unwrap()),
        "{sum} of {whole} s: {day}"
    );
    let (code, text) = report(&fleet, &[]);
    assert_eq!(code, 0, "{text}");
    for words in ["target 99.5%", "new = disks", "shop-standard@1", "a probe each"] {
        assert!(text.contains(words), "{words} in: {text}");
    }
    let (_, text) = report(&fleet, &["--lang", "zh"]);
    for words in ["目标 99.5%", "维护", "每 1s 探测一次", "承诺可用率 99.5%"] {
        assert!(text.contains(words), "{words} in: {text}");
    }
    let (_, table) = report(&fleet, &["--format", "csv"]);
    assert!(table.starts_with("kind,module,from,until,up_s"), "{table}");
    assert!(table.lines().nth(1).is_some_and(|row| row.starts_with("day,shop/web,")), "{table}");
}

/// Beside the shop a project that nobody owns and that never answers.
fn two_projects(name: &str) -> Fleet {
    let nobody = "blog.example.com: 127.0.0.1:9, feed.example.com: 127.0.0.1:9";
    let resolve = |main: String| main.replace("resolve: {", &format!("resolve: {{{nobody}, "));
    let mut fleet = Fleet::prepare(name, resolve);
    let blog = "apiVersion: cloudbrain/v1\nkind: Project\nname: blog\n\
                domains: [blog.example.com]\nmodules:\n  - {name: www, monitor: js}\n";
    std::fs::write(fleet.folder.join("projects/blog.yaml"), blog).expect("a folder of ours");
    fleet.start_brain();
    fleet.wait("both to be accounted for", |fleet| {
        let company = fleet.get("/api/report?period=today")?;
        let of = |name| company["projects"].as_array()?.iter().find(|row| row["project"] == name);
        (seconds(of("shop")?, "up_s") >= 2 && seconds(of("blog")?, "down_s") >= 2).then_some(())
    });
    fleet
}

#[test]
fn all_projects_are_a_row_each_and_an_owner_has_his_own() {
    let fleet = two_projects("company");
    let company = fleet.get("/api/report?period=today").expect("the brain answers");
    assert_eq!(company["without_owner"], json!(["blog"]), "{company}");
    let (code, told) = ask(&fleet, &[]);
    assert_eq!(code, 0, "{told}");
    for words in ["the worst first", "shop-standard@1", "standard@1", "nobody owns these: blog"] {
        assert!(told.contains(words), "{words} in: {told}");
    }
    let (_, told) = ask(&fleet, &["--owner", "alice"]);
    assert!(told.contains("shop") && !told.contains("blog"), "{told}");
    let (code, told) = ask(&fleet, &["--owner", "bob"]);
    assert!(code == 1 && told.contains("bob owns no project; owners are: alice"), "{told}");
    let (_, table) = ask(&fleet, &["--format", "csv", "--lang", "zh"]);
    assert_eq!(table.lines().count(), 3, "{table}");
    let page = fleet.page("/reports?owner=&period=today").expect("a page");
    assert!(page.contains("/reports/blog?period=") && page.contains("Projects that nobody owns"));
    let page = fleet.page("/reports?owner=alice").expect("a page");
    assert!(page.contains("/reports/shop?period=") && !page.contains("/reports/blog"), "{page}");
    let incident = fleet.wait("the outage of the blog to lead to its incident", |fleet| {
        let blog = fleet.get("/api/report?project=blog&period=today")?;
        Some(blog["modules"][0]["outages"][0]["incident"].as_str()?.to_owned())
    });
    let page = fleet.page("/reports/blog?period=today").expect("a page");
    assert!(page.contains(&format!("href=\"/incidents/{incident}\"")), "{page}");
    let both = fleet.get("/api/report?project=shop&owner=alice").expect("the brain answers");
    assert!(both["error"].as_str().is_some_and(|why| why.contains("not both")), "{both}");
}

/// The blog's file with these modules.
fn blog(fleet: &Fleet, modules: &str) {
    let blog = format!(
        "apiVersion: cloudbrain/v1\nkind: Project\nname: blog\ndomains: [blog.example.com]\n\
         modules: [{modules}]\n"
    );
    std::fs::write(fleet.folder.join("projects/blog.yaml"), blog).expect("a folder of ours");
}

#[test]
fn a_module_that_left_the_files_is_accounted_for_until_then() {
    let mut fleet = two_projects("report-left");
    let www = "{name: www, monitor: js}";
    let both = format!("{www}, {{name: feed, domains: [feed.example.com], monitor: js}}");
    blog(&fleet, &both);
    let feed = |fleet: &Fleet| {
        let view = fleet.get("/api/report?project=blog&period=today")?;
        let modules = view["modules"].as_array()?.clone();
        modules.into_iter().find(|module| module["module"] == "blog/feed")
    };
    let was_down = |module: Value| (seconds(&module, "down_s") >= 3).then_some(module);
    let before = fleet.wait("the feed to be down", |fleet| was_down(feed(fleet)?));
    assert_eq!(before["withdrawn"], Value::Null, "{before}");
    blog(&fleet, www);
    let left = fleet.wait("the feed to be gone", |fleet| {
        feed(fleet).filter(|module| module["withdrawn"].is_i64())
    });
    let gone = |fleet: &Fleet, seconds: u64| {
        let module = feed(fleet)?;
        (self::seconds(&module, "not_applicable_s") >= seconds).then_some(module)
    };
    let published = seconds(&left, "not_applicable_s");
    let after = fleet.wait("time to go by", |fleet| gone(fleet, published + 5));
    assert_eq!(after["down_s"], left["down_s"], "nothing of it counts any more: {after}");
    fleet.kill_brain();
    fleet.start_brain();
    let again = fleet.wait("the next brain", feed);
    let of = |module: &Value| (module["withdrawn"].clone(), module["down_s"].clone());
    assert_eq!(of(&again), of(&left), "a restart changes nothing of it");
    let (code, told) = ask(&fleet, &["--project", "blog"]);
    assert!(code == 0 && told.contains("withdrawn    in no file since"), "{told}");
    let (_, told) = ask(&fleet, &["--project", "blog", "--lang", "zh"]);
    assert!(told.contains("起已不在任何文件中"), "{told}");
    let page = fleet.page("/reports/blog?period=today").expect("a page");
    assert!(page.contains("In no file since") && !page.contains("/modules/blog/feed"), "{page}");
    blog(&fleet, &both);
    let back = fleet.wait("the feed to be down again", |fleet| {
        feed(fleet).filter(|module| seconds(module, "down_s") > seconds(&left, "down_s") + 2)
    });
    assert_eq!(back["withdrawn"], Value::Null, "{back}");
    assert!(seconds(&back, "not_applicable_s") >= published + 5, "it was away meanwhile: {back}");
    a_project_that_left_is_told_of_too(&fleet);
}

fn a_project_that_left_is_told_of_too(fleet: &Fleet) {
    std::fs::remove_file(fleet.folder.join("projects/blog.yaml")).expect("a file of ours");
    let left = fleet.wait("the blog to be gone", |fleet| {
        let view = fleet.get("/api/report?project=blog&period=today")?;
        let modules = view["modules"].as_array()?.clone();
        modules.iter().all(|module| module["withdrawn"].is_i64()).then_some(modules)
    });
    let names: Vec<&str> = left.iter().filter_map(|module| module["module"].as_str()).collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let company = fleet.get("/api/report?period=today").expect("the brain answers");
    assert_eq!(company["without_owner"], json!([]), "{company}");
    let rows = company["projects"].as_array().expect("rows");
    let blog = rows.iter().find(|row| row["project"] == "blog");
    assert!(blog.is_some_and(|row| seconds(row, "down_s") > 0), "{company}");
    let before = fleet.get("/api/report?project=blog&period=2026-01").expect("the brain answers");
    assert!(before.to_string().contains("no project blog; there are: shop"), "{before}");
}

#[test]
fn an_owner_is_mailed_the_report_and_who_has_no_way_for_it_is_told_why() {
    let mut fleet = Fleet::prepare("report-mail", |main| {
        let pager = "\n  - webhook: {name: pager, url: \"http://127.0.0.1:9/\"}\n\npeople:";
        let main = main.replace("\n\npeople:", pager);
        main.replace("dana: {language: zh, channel: inbox}", "dana: {language: zh, channel: pager}")
    });
    fleet.start_brain();
    fleet.wait("some seconds of being up", |fleet| {
        (seconds(&module(fleet)?, "up_s") >= 2).then_some(())
    });
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["report", "--mail-to", "alice", "--period", "today"])
        .args(["--brain", &fleet.listen.to_string()])
        .output()
        .expect("the binary under test runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let subject = text.lines().next().unwrap_or_default().to_owned();
    assert!(subject.contains("shop 100"), "{text}");
    let mail = fleet.wait("the mail", |fleet| {
        fleet.inbox().into_iter().find(|message| message["is_report"] == true)
    });
    assert_eq!(
        (mail["to"].as_str(), mail["incident"].as_str()),
        (Some("alice"), Some("report-day"))
    );
    assert!(mail["text"].as_str().is_some_and(|text| text.starts_with(&subject)), "{mail}");
    for (to, why) in [
        ("dana", "no channel of dana takes reports; give dana an address"),
        ("ops", "ops owns no project; owners are: alice"),
        ("eve", "known are alice, dana, ops"),
    ] {
        let wish = json!({"to": to, "period": "today"}).to_string();
        let head = "Content-Type: application/json\r\n";
        let (status, answer) = http(fleet.listen, "POST", "/api/report/mail", head, &wish).unwrap();
        assert!(status == 422 && answer.contains(why), "{status} {answer}");
    }
}

#[test]
fn a_report_is_a_file_to_send_and_a_badge_to_show() {
    let fleet = Fleet::start("report-files");
    fleet.wait("some seconds of being up", |fleet| {
        (seconds(&module(fleet)?, "up_s") >= 2).then_some(())
    });
    let (code, file) = report(&fleet, &["--format", "html", "--lang", "zh"]);
    assert_eq!(code, 0, "{file}");
    assert!(file.starts_with("<!DOCTYPE html>") && file.ends_with("</html>\n"), "whole: {file}");
    for words in ["lang=\"zh-CN\"", "<style>", "shop/web", "shop-standard@1", "承诺可用率 99.5%"]
    {
        assert!(file.contains(words), "{words}");
    }
    let (code, file) = ask(&fleet, &["--format", "html"]);
    assert!(code == 0 && file.contains("<style>") && file.contains("shop-standard@1"), "{file}");
    let badge = fleet.page("/api/badge/shop.svg?period=today").expect("a badge");
    assert!(badge.starts_with("<svg xmlns=") && badge.contains("shop 20"), "{badge}");
    let (code, again) = report(&fleet, &["--format", "svg"]);
    assert!(code == 0 && again.starts_with("<svg xmlns="), "{again}");
    let (code, told) = ask(&fleet, &["--format", "svg"]);
    assert!(code == 1 && told.contains("a badge is of one project; name it"), "{told}");
    for path in ["/api/badge/shop", "/api/badge/shp.svg", "/api/badge/..%2Fshop.svg"] {
        assert_eq!(fleet.page(path), None, "{path}");
    }
}

#[test]
fn two_policies_on_the_same_record_differ_by_named_rules() {
    let fleet = Fleet::start("beside");
    let wish = json!({"on": ["module/shop/web"], "for": "1h", "comment": "disks", "by": "ops"});
    let kind = "Content-Type: application/json\r\n";
    fleet.wait("maintenance in the account", |fleet| {
        seconds(&module(fleet)?, "up_s").checked_sub(2)?;
        let open = fleet.get("/api/maintenance")?.as_array()?.iter().any(|one| one["by"] == "ops");
        if !open {
            http(fleet.listen, "POST", "/api/maintenance", kind, &wish.to_string())?;
        }
        (seconds(&module(fleet)?, "maintenance_s") >= 2).then_some(())
    });
    let path = fleet.folder.join("proposed.yaml");
    let lay = |text: &str, more: &[&str]| {
        std::fs::write(&path, text).expect("a folder of ours");
        report(&fleet, &[&["--beside", path.to_str().expect("a path")], more].concat())
    };
    let file = fleet.folder.join("policies/availability.yaml");
    let own = std::fs::read_to_string(file).expect("the example");
    let (code, told) = lay(&own, &[]);
    assert!(code == 0 && told.contains("both say the same"), "{code} {told}");
    let strict = own.replace("maintenance: exclude", "maintenance: count");
    let strict =
        strict.replace("version: 1", "version: 2").replace("merge_gap: 2m", "merge_gap: 1m");
    let (code, told) = lay(&strict, &[]);
    assert_eq!(code, 2, "{told}");
    let row = told.lines().find(|line| line.contains("maintenance  ")).unwrap_or_default();
    let because = "maintenance does not count -> maintenance counts like any other time";
    assert!(row.starts_with("shop/web") && row.contains(because), "{told}");
    assert!(told.contains("shop-standard@1 beside shop-standard@2"), "{told}");
    let idle = told.split("make no difference").nth(1).unwrap_or_default();
    assert!(idle.contains("outages less than 1m apart are one"), "{told}");
    let (_, told) = lay(&strict, &["--lang", "zh"]);
    assert!(told.contains("维护时间不计入 -> 维护时间照常计入"), "{told}");
    let (code, told) = lay(&own.replace("target: 99.5%", "target: 99.9999%"), &[]);
    assert!(code == 1 && told.contains("proposed.yaml:8:"), "linted as any other: {told}");
    let (code, told) = lay(&own.replace("merge_gap", "merge_gab"), &[]);
    assert!(code == 1 && told.contains("did you mean \"merge_gap\"?"), "{told}");
}

#[test]
fn what_cannot_be_reported_is_said_in_one_sentence() {
    let fleet = Fleet::start("report-refused");
    fleet.wait("the brain", |fleet| fleet.get("/api/overview"));
    for (asked, expected) in [
        ("project=shp&period=today", "no project shp; there are: shop"),
        ("project=shop&period=2026-13", "months are 01 to 12"),
        ("project=shop&period=2999-01", "nothing is known of it yet"),
    ] {
        let answer = fleet.get(&format!("/api/report?{asked}"));
        let error = answer.as_ref().and_then(|answer| answer["error"].as_str()).unwrap_or_default();
        assert!(error.contains(expected), "{asked}: {answer:?}");
    }
}

#[test]
fn an_accounting_policy_that_promises_what_nobody_can_watch_is_refused() {
    let file = "policies/availability.yaml";
    let expected = &["availability.yaml:8:", "1s probes x 3 confirmations cannot police 99.9999%"];
    refused("promise", file, "target: 99.5%", "target: 99.9999%", expected);
    let expected = &["availability.yaml:8:", "\"much\" is no target", "99.95%"];
    refused("target", file, "target: 99.5%", "target: much", expected);
    let expected = &["availability.yaml:7:", "unknown project \"shp\"", "known are shop"];
    refused("project", file, "projects: [shop]", "projects: [shp]", expected);
    let expected = &["availability.yaml:7:", "a second accounting policy for shop; keep one"];
    refused("twice", file, "projects: [shop]", "projects: [shop, shop]", expected);
    let hours = "service_hours: {days: [], from: \"08:00\"}\nweek_start: monday";
    let expected = &["availability.yaml:", "no day is promised", "[mon, tue, wed, thu, fri]"];
    refused("no-day", file, "week_start: monday", hours, expected);
    let hours = "service_hours: {from: \"20:00\", until: \"08:00\"}\nweek_start: monday";
    let expected = &["availability.yaml:", "ends before it begins; leave `until` out"];
    refused("night", file, "week_start: monday", hours, expected);
    let expected = &["availability.yaml:", "no time zone \"Asia/Peking\"", "Asia/Shanghai"];
    refused("zone", file, "week_start: monday", "timezone: Asia/Peking", expected);
}
