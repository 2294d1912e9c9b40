//! The public status page, with the real binary: written whole, only of what is public, and there when
//! the brain is not.

use std::path::Path;

use serde_json::Value;

use crate::common::Fleet;
use crate::files::check;

fn read(folder: &Path, name: &str) -> Option<String> {
    std::fs::read_to_string(folder.join("status").join(name)).ok()
}

fn with_page(name: &str) -> Fleet {
    let page = "\nstatus_page: {folder: status, every: 1s}\n";
    let fleet = Fleet::prepare(name, |main| main + page);
    let path = fleet.folder.join("projects/shop.yaml");
    let shop = std::fs::read_to_string(&path).expect("the example");
    let work = "public: true\nmaintenance:\n  - name: disks\n    on: [module/shop/web]\n    \
                cron: \"0 2 * * *\"\n    lasting: 1h\n    comment: new disks in h1\n";
    std::fs::write(&path, shop + work).expect("a folder of ours");
    let private = "apiVersion: cloudbrain/v1\nkind: Project\nname: secret-plan\nmodules: []\n";
    std::fs::write(fleet.folder.join("projects/secret.yaml"), private).expect("a folder of ours");
    fleet
}

#[test]
fn the_status_page_is_a_file_that_outlives_the_brain_and_keeps_secrets() {
    let mut fleet = with_page("status");
    fleet.start_brain();
    let page = fleet.wait("the shop to be up on the page", |fleet| {
        let page = read(&fleet.folder, "index.html")?;
        page.contains("Nothing is down").then_some(page)
    });
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "whole: {page}");
    for words in ["id=\"project-shop\"", "Planned maintenance", "It is written anew every 1 s"] {
        assert!(page.contains(words), "{words} in: {page}");
    }
    for inside in ["secret-plan", "new disks", "shop/web", "h1:", "alice", "127.0.0.1"] {
        assert!(!page.contains(inside), "{inside} is nobody's business: {page}");
    }
    let chinese = read(&fleet.folder, "zh.html").expect("it is written beside it");
    assert!(chinese.contains("没有不可用的项目") && chinese.contains("计划维护"), "{chinese}");
    fleet.kill_brain();
    let left = read(&fleet.folder, "index.html").expect("it is still there");
    assert!(left.ends_with("</html>"), "a brain that is killed leaves it whole: {left}");
}

#[test]
fn a_page_that_cannot_be_written_is_a_fault_of_the_monitor_until_it_can() {
    let mut fleet = with_page("status-fault");
    std::fs::write(fleet.folder.join("status"), "in the way").expect("a folder of ours");
    fleet.start_brain();
    let fault = |fleet: &Fleet| -> Option<Value> {
        let faults = fleet.get("/api/monitor")?["faults"]["first"].as_array()?.clone();
        faults.into_iter().find(|fault| fault["object"] == "status page")
    };
    let told = fleet.wait("the fault to be told", fault);
    assert!(told["what"].as_str().is_some_and(|what| what.contains("cannot be written")), "{told}");
    assert!(fleet.log().contains("the status page is not written"), "{}", fleet.log());
    std::fs::remove_file(fleet.folder.join("status")).expect("a file of ours");
    fleet.wait("the page to be written", |fleet| read(&fleet.folder, "index.html"));
    fleet.wait("the fault to be over", |fleet| {
        (fleet.get("/api/monitor").is_some() && fault(fleet).is_none()).then_some(())
    });
}

#[test]
fn a_page_without_projects_and_one_that_is_never_written_are_told_of() {
    let with = |page: &'static str| move |main: String| format!("{main}\nstatus_page: {page}\n");
    let (code, told) = check("status-empty", "cloudbrain.yaml", with("{folder: status}"));
    assert!(code == 2 && told.contains("public: true"), "{code} {told}");
    let page = "{folder: status, every: 2d}";
    let (code, told) = check("status-never", "cloudbrain.yaml", with(page));
    assert!(code == 1 && told.contains("write 1s to 1d; 1m is usual"), "{code} {told}");
}
