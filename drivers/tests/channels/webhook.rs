//! Posts to programs of the user's own, in both forms, signed and not.

use alerter::hands::Parcel;
use drivers::channel::Trust;
use expect_test::{Expect, expect};
use serde_json::{Value, json};

use crate::common::{Scratch, alone, ground, message, open, problem, told};
use crate::far_side::{FarSide, Mood, answer};

async fn check(settings: Value, parcel: Parcel<'_>, expected: &Expect) {
    let far_side = FarSide::start(answer(204, "", "")).await;
    let outcome = told(&deliver(settings, &far_side, parcel).await);
    expected.assert_eq(&format!("{}\n=> {outcome}\n", far_side.asked()));
}

async fn deliver(
    mut settings: Value,
    far_side: &FarSide,
    parcel: Parcel<'_>,
) -> Result<alerter::hands::Receipt, alerter::hands::ChannelError> {
    settings["name"] = json!("hook");
    settings["url"] = json!(format!("http://{}/${{PATH}}", far_side.address));
    let ground = ground(Scratch::new().path(), Trust::only(Vec::new()));
    open(json!({"webhook": settings}), &ground).expect("a channel").deliver(parcel).await
}

#[tokio::test]
async fn a_message_is_posted_with_its_key() {
    check(json!({}), alone(&problem()), &expect![[r#"
        POST /secret-PATH HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        idempotency-key: I-7-ann-1
        content-length: 317

        {"key":"I-7-ann-1","to":"ann","kind":"problem","view":"owner","incident":"I-7","root":"host/h1","state":"down","severity":"high","affected":["vm/web-01","vm/web-02"],"affected_more":0,"businesses":["shop"],"lang":"en","text":"2 of your 5 VMs of web are down\nshop/web: 2 of 5 VMs (web-01, web-02)","at":1795248000123}
        => 1 told, thread 2026-11-21T08:00:00Z
    "#]]).await;
}

#[tokio::test]
async fn a_signed_post_in_the_form_of_alertmanager() {
    let settings = json!({"format": "alertmanager", "secret": "${SIGN}"});
    check(settings.clone(), alone(&problem()), &expect![[r#"
        POST /secret-PATH HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        idempotency-key: I-7-ann-1
        x-timestamp: 1795248000
        x-signature: sha256=8bab8894722270d149de9bed75ff0324ee2a6fca23ea22959f87bceea7040252
        content-length: 977

        {"alerts":[{"annotations":{"affected":"vm/web-01, vm/web-02","businesses":"shop","description":"2 of your 5 VMs of web are down\nshop/web: 2 of 5 VMs (web-01, web-02)","summary":"2 of your 5 VMs of web are down"},"endsAt":"0001-01-01T00:00:00Z","fingerprint":"1a49cbde8aabd36c","generatorURL":"","labels":{"alertname":"host down","incident":"I-7","recipient":"ann","root":"host/h1","severity":"high","view":"owner"},"startsAt":"2026-11-21T08:00:00Z","status":"firing"}],"commonAnnotations":{"affected":"vm/web-01, vm/web-02","businesses":"shop","description":"2 of your 5 VMs of web are down\nshop/web: 2 of 5 VMs (web-01, web-02)","summary":"2 of your 5 VMs of web are down"},"commonLabels":{"alertname":"host down","incident":"I-7","recipient":"ann","root":"host/h1","severity":"high","view":"owner"},"externalURL":"","groupKey":"{}:{incident=\"I-7\", recipient=\"ann\"}","groupLabels":{"incident":"I-7"},"receiver":"hook","status":"firing","truncatedAlerts":0,"version":"4"}
        => 1 told, thread 2026-11-21T08:00:00Z
    "#]]).await;
    let end = message("I-7", "resolved", "web is whole again after 14 s");
    let end = Parcel { thread: Some("2026-11-21T07:50:00Z"), ..alone(&end) };
    check(settings, end, &expect![[r#"
        POST /secret-PATH HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        idempotency-key: I-7-ann-2
        x-timestamp: 1795248000
        x-signature: sha256=1f5443d124d139b7a2caef3f2665b1408909f7d1723bab0d7bdfd7d54d5a090c
        content-length: 895

        {"alerts":[{"annotations":{"affected":"vm/web-01, vm/web-02","businesses":"shop","description":"web is whole again after 14 s","summary":"web is whole again after 14 s"},"endsAt":"2026-11-21T08:00:00Z","fingerprint":"1a49cbde8aabd36c","generatorURL":"","labels":{"alertname":"host down","incident":"I-7","recipient":"ann","root":"host/h1","severity":"high","view":"owner"},"startsAt":"2026-11-21T07:50:00Z","status":"resolved"}],"commonAnnotations":{"affected":"vm/web-01, vm/web-02","businesses":"shop","description":"web is whole again after 14 s","summary":"web is whole again after 14 s"},"commonLabels":{"alertname":"host down","incident":"I-7","recipient":"ann","root":"host/h1","severity":"high","view":"owner"},"externalURL":"","groupKey":"{}:{incident=\"I-7\", recipient=\"ann\"}","groupLabels":{"incident":"I-7"},"receiver":"hook","status":"resolved","truncatedAlerts":0,"version":"4"}
        => 1 told, thread 2026-11-21T07:50:00Z
    "#]]).await;
}

#[tokio::test]
async fn each_answer_says_what_to_do_next() {
    let mut lines = String::new();
    for (status, headers, body) in [
        (200, "", "whatever it says"),
        (404, "", "no such \u{1b}[31mhook secret-PATH"),
        (302, "location: http://elsewhere/\r\n", ""),
        (503, "", "later"),
        (429, "retry-after: 7\r\n", ""),
        (503, "retry-after: 99999999\r\n", ""),
        (503, "retry-after: Sat, 21 Nov 2026 08:00:07 GMT\r\n", ""),
    ] {
        let far_side = FarSide::start(answer(status, headers, body)).await;
        let outcome = deliver(json!({}), &far_side, alone(&problem())).await;
        lines += &format!("{status} {headers:?} => {}\n", told(&outcome));
    }
    expect![[r#"
        200 "" => 1 told, thread 2026-11-21T08:00:00Z
        404 "" => never: 127.0.0.1: 404 no such [31mhook ***
        302 "location: http://elsewhere/\r\n" => never: 127.0.0.1: 302 
        503 "" => again: 127.0.0.1: 503 later
        429 "retry-after: 7\r\n" => again in 7s: 127.0.0.1: 429 
        503 "retry-after: 99999999\r\n" => again in 3600s: 127.0.0.1: 503 
        503 "retry-after: Sat, 21 Nov 2026 08:00:07 GMT\r\n" => again: 127.0.0.1: 503 
    "#]]
    .assert_eq(&lines);
}

#[tokio::test]
async fn a_good_status_is_enough_however_long_the_answer() {
    let far_side = FarSide::start(Mood::Endless).await;
    assert_eq!(
        told(&deliver(json!({}), &far_side, alone(&problem())).await),
        "1 told, thread 2026-11-21T08:00:00Z"
    );
}

#[tokio::test]
async fn the_largest_outage_makes_a_small_body() {
    let mut told = problem();
    let vm = |number: usize| format!("vm/web-{number:05}").parse().expect("a name");
    (told.affected, told.affected_more) = ((0..100).map(vm).collect(), 9_900);
    for (format, names, most_bytes) in [("native", 100, 4_000), ("alertmanager", 20, 2_000)] {
        let far_side = FarSide::start(answer(204, "", "")).await;
        deliver(json!({"format": format}), &far_side, alone(&told)).await.expect("it is taken");
        let asked = far_side.asked();
        assert_eq!(asked.matches("vm/web-").count(), names, "{asked}");
        assert!(asked.contains("9900") || asked.contains("9990 more"), "{asked}");
        assert!(asked.len() < most_bytes, "{} bytes", asked.len());
    }
}
