//! Heartbeats: what is asked, and which answers count as taken.

use drivers::channel::Trust;
use drivers::channel::ping::Ping;
use expect_test::expect;

use crate::common::{Scratch, ground};
use crate::far_side::{FarSide, Mood, answer};

fn ping(url: String, is_post: bool) -> Ping {
    let ground = ground(Scratch::new().path(), Trust::only(Vec::new()));
    Ping::new("url", &url.into(), is_post, &ground).expect("an address")
}

#[tokio::test]
async fn an_address_is_asked_for_or_posted_to() {
    let mut asked = String::new();
    for is_post in [false, true] {
        let far_side = FarSide::start(answer(200, "", "OK")).await;
        let url = format!("http://{}/api/push/a-token?status=up&msg=OK", far_side.address);
        ping(url, is_post).send("alive").await.expect("it is taken");
        asked += &format!("{}\n", far_side.asked());
    }
    expect![[r#"
        GET /api/push/a-token?status=up&msg=OK HTTP/1.1
        host: SERVER
        user-agent: cloudbrain


        POST /api/push/a-token?status=up&msg=OK HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 17

        {"state":"alive"}
    "#]]
    .assert_eq(&asked);
}

#[tokio::test]
async fn status_200_is_not_enough_and_no_error_shows_the_secret() {
    let mut lines = String::new();
    for (status, body) in [
        (200, "OK"),
        (202, ""),
        (200, "OK (not found)"),
        (200, "OK (rate limited)"),
        (200, r#"{"ok":false,"msg":"Monitor not found or not active."}"#),
        (404, "no check a-secret-uuid here"),
        (500, ""),
    ] {
        let far_side = FarSide::start(answer(status, "", body)).await;
        let url = format!("http://{}/ping/a-secret-uuid", far_side.address);
        let outcome = ping(url, false).send("alive").await;
        lines += &format!("{status} {body} => {outcome:?}\n");
    }
    let far_side = FarSide::start(Mood::Closes).await;
    let url = format!("http://{}/ping/a-secret-uuid", far_side.address);
    let outcome = ping(url, false).send("alive").await.map_err(|_| "no answer");
    lines += &format!("closed => {outcome:?}\n");
    expect![[r#"
        200 OK => Ok(())
        202  => Ok(())
        200 OK (not found) => Err("refused: OK (not found)")
        200 OK (rate limited) => Err("refused: OK (rate limited)")
        200 {"ok":false,"msg":"Monitor not found or not active."} => Err("refused: {\"ok\":false,\"msg\":\"Monitor not found or not active.\"}")
        404 no check a-secret-uuid here => Err("refused: 404 no check *** here")
        500  => Err("not delivered: 500 ")
        closed => Err("no answer")
    "#]].assert_eq(&lines);
}
