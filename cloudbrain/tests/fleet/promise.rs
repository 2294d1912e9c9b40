//! A promise that is broken, with the real binary: the alarm, the scaler that takes nothing away, and
//! a person who knows that it was not so.

use std::process::Command;
use std::sync::atomic::Ordering::Relaxed;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::common::{Fleet, http, site};
use crate::samples::ask;

/// Thirteen seconds a month may be down.
fn promising(fleet: &Fleet) {
    let file = fleet.folder.join("policies/availability.yaml");
    let text = std::fs::read_to_string(&file).expect("the example");
    let text = text.replace("target: 99.5%", "target: 99.9995%");
    let text = text.replace("when_spent: nothing", "when_spent: only-out");
    std::fs::write(file, text).expect("a folder of ours");
}

fn module(fleet: &Fleet) -> Option<Value> {
    let view = fleet.get("/api/report?project=shop&period=this-month")?;
    view["modules"].get(0).cloned()
}

fn is_told(fleet: &Fleet, words: &str) -> Option<Value> {
    let incidents = fleet.get("/api/incidents")?;
    incidents.to_string().contains(words).then_some(incidents)
}

fn explained(fleet: &Fleet) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["explain", "shop/web", "--brain", &fleet.listen.to_string()])
        .output()
        .expect("the binary under test runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What a pipeline says, and what it reads.
fn release(fleet: &Fleet, module: &str, version: &str) -> String {
    let listen = fleet.listen.to_string();
    let output = Command::new(env!("CARGO_BIN_EXE_cloudbrain"))
        .args(["release", module, version, "--by", "gitlab", "--brain", &listen])
        .output()
        .expect("the binary under test runs");
    String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned()
}

/// The ten minutes up to now.
fn lately() -> String {
    let now = Timestamp::now();
    let local = |at: Timestamp| at.to_zoned(jiff::tz::TimeZone::UTC).strftime("%FT%T").to_string();
    let begin = now.checked_sub(jiff::SignedDuration::from_secs(600)).expect("a moment");
    format!("{}..{}", local(begin), local(now))
}

fn correct(fleet: &Fleet, period: &str, state: &str, by: &str) -> (u16, String) {
    let wish = json!({"module": "shop/web", "period": period, "as": state, "by": by,
        "reason": "our own firewall, users got their answers"});
    let head = "Content-Type: application/json\r\n";
    http(fleet.listen, "POST", "/api/corrections", head, &wish.to_string()).expect("it answers")
}

#[test]
fn a_spent_budget_is_told_keeps_vms_and_is_whole_again_when_a_person_knows_better() {
    let (address, is_bad) = site();
    let mut fleet = Fleet::prepare("promise", |main| {
        let resolve = main.lines().find(|line| line.contains("resolve:")).expect("the example");
        let ours = format!("  resolve: {{shop.example.com: {address}}}");
        main.replace(resolve, &format!("{ours}\ntimezone: UTC"))
    });
    promising(&fleet);
    fleet.start_brain();
    fleet.wait("some seconds of being up", |fleet| {
        (module(fleet)?["up_s"].as_u64()? >= 3).then_some(())
    });
    let two = release(&fleet, "shop/web", "1.4 2");
    assert!(two.contains("a version is one word of 1 to 100 characters"), "{two}");
    let elsewhere = release(&fleet, "shop/wev", "1.4.2");
    assert!(elsewhere.contains("no module shop/wev"), "{elsewhere}");
    let said = release(&fleet, "shop/web", "1.4.2");
    assert!(said.contains("1.4.2 of shop/web goes out, by gitlab"), "{said}");
    is_bad.store(true, Relaxed);
    fleet.wait("the alarm that the budget burns", |fleet| is_told(fleet, "times too fast"));
    fleet.wait("the budget to be used up", |fleet| {
        explained(fleet).contains("error budget").then_some(())
    });
    is_bad.store(false, Relaxed);
    fleet.wait("the end of the outage", |fleet| {
        let outages = module(fleet)?["outages"].clone();
        (outages[0]["is_open"] == false).then_some(())
    });

    let told = module(&fleet).expect("a module");
    assert_eq!(told["causes"][0]["cause"], "release", "{told}");
    let released = &told["outages"][0]["released"];
    assert_eq!(
        (&released["version"], &released["by"]),
        (&json!("1.4.2"), &json!("gitlab")),
        "{told}"
    );
    assert_eq!(told["causes"][0]["down_s"], told["down_s"], "{told}");
    let after = told["outages"][0]["told_s"].as_u64();
    assert!(after > Some(0) && told["statistics"]["tell_worst_s"].as_u64() == after, "{told}");

    let period = lately();
    let (status, answer) = correct(&fleet, &period, "fine", "alice");
    assert_eq!(status, 422, "{answer}");
    assert!(answer.contains("is no state; write one of up, down"), "{answer}");
    let (status, answer) = correct(&fleet, &period, "up", "mallory");
    assert_eq!(status, 422, "{answer}");
    assert!(answer.contains("nobody is called"), "{answer}");
    let (status, answer) = correct(&fleet, &period, "up", "alice");
    assert_eq!(status, 200, "{answer}");
    let told = fleet.wait("the correction in the account", |fleet| {
        module(fleet).filter(|module| module["corrections"][0]["why"].is_string())
    });
    let why = told["corrections"][0]["why"].as_str().unwrap_or_default();
    assert!(why.starts_with("corrected by alice: our own firewall"), "{why}");
    assert_eq!(
        (told["down_s"].as_u64(), told["outages"].as_array().map(Vec::len)),
        (Some(0), Some(0))
    );
    fleet.wait("a budget again", |fleet| (noted(fleet, "there is one again") > 0).then_some(()));
    let (status, answer) = correct(&fleet, &period, "measured", "alice");
    assert_eq!(status, 200, "{answer}");
    let told = fleet.wait("what was measured again", |fleet| {
        module(fleet).filter(|module| module["down_s"].as_u64() > Some(9))
    });
    assert_eq!(told["corrections"], json!([]), "{told}");
    the_page_corrects_too(&fleet);
    it_is_known_after_a_death(&mut fleet, &told);
}

/// How often the journal says this of an error budget.
fn noted(fleet: &Fleet, words: &str) -> usize {
    let journal = fleet.get("/api/journal").unwrap_or_default();
    let rows = journal.as_array().into_iter().flatten();
    let rows = rows.filter(|row| row["what"] == "error budget");
    rows.filter(|row| row["text"].as_str().is_some_and(|text| text.contains(words))).count()
}

fn used_up(fleet: &Fleet) -> usize {
    noted(fleet, "is used up")
}

fn is_used_up(fleet: &Fleet) -> bool {
    used_up(fleet) > noted(fleet, "there is one again")
}

/// When the budget was looked at last, in seconds since the epoch.
fn watched_at(fleet: &Fleet) -> Option<f64> {
    ask(fleet, "timestamp(cloudbrain_error_budget_left_seconds)")?.into_iter().reduce(f64::max)
}

/// The form that an outage of the page leads to, as it is filled in.
struct Form {
    action: String,
    from: String,
    until: String,
    states: Vec<String>,
}

impl Form {
    fn of_the_outage(fleet: &Fleet) -> Self {
        let page = fleet.page("/reports/shop").expect("a page");
        let way = between(&page, "<a class=\"correct\" href=\"", "\"").replace("&amp;", "&");
        let page = fleet.page(way.split('#').next().expect("a path")).expect("a page");
        let form = between(&page, "<details class=\"correct\"", "</details>");
        assert!(form.contains(" open>"), "{form}");
        let filled = |name: &str| {
            between(&form, &format!("name=\"{name}\" value=\""), "\"").replace(':', "%3A")
        };
        let choice = between(&form, "<select name=\"what\"", "</select>");
        let options = choice.split("value=\"").skip(1).filter_map(|option| option.split_once('"'));
        let states = options.map(|(state, _)| state.to_owned()).filter(|state| !state.is_empty());
        Self {
            action: between(&form, "action=\"", "#"),
            from: filled("from"),
            until: filled("until"),
            states: states.collect(),
        }
    }

    /// As a browser sends it.
    fn send(&self, fleet: &Fleet, what: &str, by: &str, headers: &str) -> (u16, String) {
        let Self { action, from, until, .. } = self;
        let said = format!("what={what}&comment=our+own+firewall%3A+fine&by={by}");
        let headers = format!("Content-Type: application/x-www-form-urlencoded\r\n{headers}");
        let fields = format!("from={from}&until={until}&{said}");
        http(fleet.listen, "POST", action, &headers, &fields).expect("the brain answers")
    }
}

fn the_page_corrects_too(fleet: &Fleet) {
    let form = Form::of_the_outage(fleet);
    the_page_says_what_is_wrong(fleet, &form);
    assert_eq!(form.states.last().map(String::as_str), Some("measured"));
    // Each that is offered is taken; what was said last counts.
    for state in form.states.iter().rev() {
        let (status, told) = form.send(fleet, state, "alice", "");
        assert_eq!(status, 303, "{state}: {told}");
    }
    let told = fleet.wait("the correction in the account", |fleet| {
        module(fleet).filter(|module| module["down_s"] == 0)
    });
    let said = "corrected by alice: our own firewall: fine (from the page)";
    let correction = &told["corrections"][0];
    assert_eq!((&correction["counts_as"], &correction["why"]), (&json!("up"), &json!(said)));
    let page = fleet.page("/reports/shop").expect("a page");
    assert!(page.contains(said), "{page}");
    let file = fleet.page("/api/report?project=shop&format=html").expect("a file");
    assert!(file.contains(said) && !file.contains("<form"), "{file}");
    assert!(!file.contains("class=\"correct\""), "{file}");
    assert_eq!(form.send(fleet, "measured", "alice", "").0, 303);
    fleet.wait("what was measured again", |fleet| {
        module(fleet).filter(|module| module["down_s"].as_u64() > Some(9))
    });
}

/// In one sentence each, and nothing of it is done.
fn the_page_says_what_is_wrong(fleet: &Fleet, form: &Form) {
    let times = |from: &str, until: &str| {
        let (action, states) = (form.action.clone(), Vec::new());
        Form { action, from: from.to_owned(), until: until.to_owned(), states }
    };
    let refused = |form: &Form, what: &str, by: &str, headers: &str, why: &str| {
        let (status, told) = form.send(fleet, what, by, headers);
        assert!(status == 422 && told.contains(why), "{why}: {status} {told}");
    };
    let backwards = times(&form.until, &form.from);
    refused(&backwards, "up", "alice", "", "does not end after it begins");
    refused(&backwards, "up", "alice", "Cookie: lang=zh\r\n", "请把较早的写在前面");
    refused(&times("", ""), "up", "alice", "", "say from when until when it was so");
    let tomorrow = Timestamp::now() + jiff::SignedDuration::from_hours(24);
    let tomorrow = tomorrow.strftime("%FT%R").to_string();
    refused(&times(&form.from, &tomorrow), "up", "alice", "", "which is ahead");
    refused(form, "up", "mallory", "", "nobody is called &quot;mallory&quot;; known are");
    refused(form, "up", "", "", "choose who you are");
    refused(form, "", "alice", "", "is no state; write one of up, down");
    assert_eq!(form.send(fleet, "up", "alice", "Sec-Fetch-Site: cross-site\r\n").0, 403);
    assert_eq!(module(fleet).expect("a module")["corrections"], json!([]));
}

fn between(text: &str, begin: &str, end: &str) -> String {
    let rest = text.split_once(begin).unwrap_or_else(|| panic!("{begin} in {text}")).1;
    rest.split_once(end).expect("it ends").0.to_owned()
}

/// Of an outage that is settled the store has its rows, and the ledger's room no word any more.
fn it_is_known_after_a_death(fleet: &mut Fleet, told: &Value) {
    let up_s = |module: &Value| module["up_s"].as_u64();
    let settled = up_s(told).map(|up_s| up_s + 25);
    fleet.wait("it to be settled", |fleet| (up_s(&module(fleet)?) >= settled).then_some(()));
    fleet.wait("it to be used up again", |fleet| is_used_up(fleet).then_some(()));
    let noted = used_up(fleet);
    fleet.kill_brain();
    let died = Timestamp::now().as_second() as f64;
    fleet.start_brain();
    let again = fleet.wait("the next brain", module);
    assert_eq!((&again["down_s"], &again["outages"]), (&told["down_s"], &told["outages"]));
    let overview = fleet.get("/api/overview").expect("the brain answers");
    let remembered = overview["modules"][0]["availability"]["down_s"].as_f64();
    assert!(remembered >= told["down_s"].as_f64(), "{remembered:?} of {told}");
    fleet
        .wait("what the next brain finds of it", |fleet| (watched_at(fleet)? > died).then_some(()));
    assert_eq!(used_up(fleet), noted, "it was noted before");
}
