//! The explorer with the real binary: what was pushed is drawn, and an error shows its place.

use crate::common::{Fleet, http};
use crate::samples::{ask, encoded, now_ms, push, remote_write};

fn path(expression: &str, more: &str) -> String {
    format!("/explore?q={}{more}", encoded(expression))
}

#[test]
fn what_was_pushed_is_drawn_and_an_error_shows_its_place() {
    let fleet = Fleet::start("explore");
    fleet.wait("a load", |fleet| ask(fleet, "load1_per_core").filter(|load| !load.is_empty()));
    for (vm, value) in [("a", 1.0), ("b", 4.0)] {
        for ago in [120, 60, 0] {
            let body = remote_write("orders_waiting", vm, value, now_ms() - ago * 1000);
            assert_eq!(fleet.wait("an answer", |fleet| push(fleet.listen, &body)), 204);
        }
    }
    let chart = fleet.page(&path("orders_waiting", "&range=1h")).expect("a page");
    for told in [
        "<figcaption>2 series over 1 h, a point each 10 s; highest 4",
        r#"<path class="s1 p0""#,
        r#"<path class="s2 p0""#,
        r#"href="/explore?q=orders_waiting%7Bvm%3D%22b%22%7D&amp;range=1h""#,
        r#"href="/explore?q=load1_per_core&amp;range=1h""#,
    ] {
        assert!(chart.contains(told), "{told} in {chart}");
    }
    let table = fleet.page(&path("sum(orders_waiting)", "&show=values")).expect("a page");
    assert!(table.contains(r#"title="5""#), "{table}");
    let scalar = fleet.page(&path("1 + 1", "&show=values")).expect("a page");
    assert!(scalar.contains(r#"title="2""#), "{scalar}");
    let wrong = fleet.page(&path("sum(orders_waiting}", "")).expect("a page");
    assert!(wrong.contains("sum(orders_waiting<mark>}</mark>"), "{wrong}");
    let stretch = fleet.page(&path("orders_waiting[5m]", "&show=values")).expect("a page");
    assert!(stretch.contains("last_over_time()"), "{stretch}");
    let hostile = fleet.page(&path("<script>alert(1)</script>", "")).expect("a page");
    assert!(!hostile.contains("<script>alert"), "{hostile}");
    let filtered = fleet.page("/explore?filter=ORDERS").expect("a page");
    assert!(filtered.contains("orders_waiting") && !filtered.contains(">load1_per_core<"));
}

#[test]
fn a_choice_of_theme_leads_back_to_the_same_expression() {
    let fleet = Fleet::start("explore-back");
    fleet.wait("the brain to be ready", |fleet| fleet.get("/api/overview"));
    for (referer, expected) in [
        (format!("http://{}{}", fleet.listen, path("up", "&range=6h")), path("up", "&range=6h")),
        ("http://elsewhere.example//evil.example/".to_owned(), "/".to_owned()),
    ] {
        let headers =
            format!("Referer: {referer}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        let answer = raw(&fleet, &headers);
        assert!(answer.contains(&format!("location: {expected}\r\n")), "{answer}");
    }
}

/// The head of the answer to a choice of theme.
fn raw(fleet: &Fleet, headers: &str) -> String {
    use std::io::{Read as _, Write as _};
    let mut stream = std::net::TcpStream::connect(fleet.listen).expect("the brain listens");
    let body = "theme=dark";
    let head = format!(
        "POST /preferences HTTP/1.1\r\nHost: brain\r\n{headers}Content-Length: {}\r\n\
         Connection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the brain reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the brain answers");
    answer
}

#[test]
fn the_brain_keeps_figures_of_itself() {
    let fleet = Fleet::start("explore-own");
    let seen = fleet.wait("the figures of the brain", |fleet| {
        ask(fleet, "cloudbrain_targets_seen").filter(|found| !found.is_empty())
    });
    assert_eq!(seen.len(), 1);
    let refused = push(fleet.listen, &remote_write("late", "a", 1.0, 1_000)).expect("an answer");
    assert_eq!(refused, 204, "a sender would repeat it for ever");
    let (_, metrics) = http(fleet.listen, "GET", "/metrics", "", "").expect("an answer");
    let counted = r#"cloudbrain_samples_refused_total{reason="too_old"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    let page = fleet.page("/monitor").expect("a page");
    assert!(page.contains("too old to be kept") && page.contains("late{vm="), "{page}");
}
