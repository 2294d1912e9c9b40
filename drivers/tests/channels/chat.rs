//! Chat services and PagerDuty: what is asked, and what each answer is taken for.

use alerter::hands::{ChannelError, Parcel};
use alerter::message::Message;
use drivers::channel::Trust;
use expect_test::{Expect, expect};
use serde_json::json;

use crate::common::{Scratch, alone, ground, message, open, problem, told};
use crate::far_side::{FarSide, answer};
use crate::services::{
    Settings, channel, dingtalk, feishu, pagerduty, slack_bot, slack_hook, telegram, wecom,
};

/// Delivers to a far side that takes it, and shows what it was asked and what came of it.
async fn check(settings: Settings, says: &str, parcel: Parcel<'_>, expected: &Expect) {
    let far_side = FarSide::start(answer(200, "", says)).await;
    let outcome = channel(settings, &far_side).deliver(parcel).await;
    expected.assert_eq(&format!("{}\n=> {}\n", far_side.asked(), told(&outcome)));
}

/// What answers are taken for, one a line.
async fn check_answers(settings: Settings, answers: &[(u16, &str, &str)], expected: &Expect) {
    let mut lines = String::new();
    for (status, headers, body) in answers {
        let far_side = FarSide::start(answer(*status, headers, body)).await;
        let outcome = channel(settings, &far_side).deliver(alone(&problem())).await;
        lines += &format!("{status} {body} => {}\n", told(&outcome));
    }
    expected.assert_eq(&lines);
}

/// Names that are markup somewhere.
fn hostile() -> Message {
    message("I-8", "problem", "VM a<b>&[x](http://evil) *y* `z` is down\n# <@all> @all\u{202e}")
}

#[tokio::test]
async fn dingtalk_is_asked_with_a_signature() {
    let told_of = problem();
    let ann = Parcel { address: Some("13800000000"), ..alone(&told_of) };
    check(dingtalk, r#"{"errcode":0,"errmsg":"ok"}"#, ann, &expect![[r#"
        POST /robot/send?access_token=secret-TOKEN&timestamp=1795248000123&sign=8GUgVzrWGDE6Kvv5opVwqVptabqp8PFRUvOddHGibUk%3D HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 226

        {"at":{"atMobiles":["13800000000"],"isAtAll":false},"markdown":{"text":"2 of your 5 VMs of web are down  \nshop/web: 2 of 5 VMs (web-01, web-02)\n\n@13800000000","title":"2 of your 5 VMs of web are down"},"msgtype":"markdown"}
        => 1 told
    "#]]).await;
    check(dingtalk, r#"{"errcode":0,"errmsg":"ok"}"#, alone(&hostile()), &expect![[r#"
        POST /robot/send?access_token=secret-TOKEN&timestamp=1795248000123&sign=8GUgVzrWGDE6Kvv5opVwqVptabqp8PFRUvOddHGibUk%3D HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 217

        {"at":{"atMobiles":[],"isAtAll":false},"markdown":{"text":"VM a＜b＞&［x］(http://evil) ＊y＊ ＇z＇ is down  \n＃ ＜＠all＞ ＠all","title":"VM a<b>&[x](http://evil) *y* `z` is down"},"msgtype":"markdown"}
        => 1 told
    "#]]).await;
}

#[tokio::test]
async fn dingtalk_says_what_became_of_it_in_the_body() {
    check_answers(
        dingtalk,
        &[
            (200, "", r#"{"errcode":0,"errmsg":"ok"}"#),
            (200, "", r#"{"errcode":310000,"errmsg":"keywords not in content, more: [secret-SEC]"}"#),
            (200, "", r#"{"errcode":300001,"errmsg":"token is not exist"}"#),
            (200, "", r#"{"errcode":410100,"errmsg":"send too fast"}"#),
            (200, "", r#"{"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"}"#),
            (200, "", r#"{"errcode":-1,"errmsg":"busy"}"#),
            (200, "", "<html>Please log in</html>"),
            (200, "", "{}"),
            (502, "", "Bad Gateway"),
            (429, "retry-after: 7\r\n", ""),
            (404, "", ""),
        ],
        &expect![[r#"
            200 {"errcode":0,"errmsg":"ok"} => 1 told
            200 {"errcode":310000,"errmsg":"keywords not in content, more: [secret-SEC]"} => never: 127.0.0.1: 310000 keywords not in content, more: [***]
            200 {"errcode":300001,"errmsg":"token is not exist"} => never: 127.0.0.1: 300001 token is not exist
            200 {"errcode":410100,"errmsg":"send too fast"} => again in 600s: 127.0.0.1: 410100 send too fast
            200 {"errcode":130101,"errmsg":"send too fast, exceed 20 times per minute"} => again in 600s: 127.0.0.1: 130101 send too fast, exceed 20 times per minute
            200 {"errcode":-1,"errmsg":"busy"} => again: 127.0.0.1: -1 busy
            200 <html>Please log in</html> => perhaps: 127.0.0.1: an answer that is not its own: 200 <html>Please log in</html>
            200 {} => perhaps: 127.0.0.1: an answer that is not its own: 200 {}
            502 Bad Gateway => again: 127.0.0.1: 502 Bad Gateway
            429  => again in 7s: 127.0.0.1: 429 
            404  => never: 127.0.0.1: 404 
        "#]],
    )
    .await;
}

#[tokio::test]
async fn wecom_is_asked_by_its_key() {
    let told_of = problem();
    let ann = Parcel { address: Some("ann.wang"), ..alone(&told_of) };
    check(wecom, r#"{"errcode":0,"errmsg":"ok"}"#, ann, &expect![[r#"
        POST /cgi-bin/webhook/send?key=secret-KEY-12345 HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 131

        {"markdown":{"content":"2 of your 5 VMs of web are down\nshop/web: 2 of 5 VMs (web-01, web-02)\n<@ann.wang>"},"msgtype":"markdown"}
        => 1 told
    "#]]).await;
    let text: Settings = |at| {
        let mut settings = wecom(at);
        settings["wecom"]["format"] = json!("text");
        settings
    };
    let told_of = problem();
    let mobile = Parcel { address: Some("+8613800000000"), ..alone(&told_of) };
    check(text, r#"{"errcode":0,"errmsg":"ok"}"#, mobile, &expect![[r#"
        POST /cgi-bin/webhook/send?key=secret-KEY-12345 HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 153

        {"msgtype":"text","text":{"content":"2 of your 5 VMs of web are down\nshop/web: 2 of 5 VMs (web-01, web-02)","mentioned_mobile_list":["+8613800000000"]}}
        => 1 told
    "#]]).await;
    let told_of = hostile();
    let user = Parcel { address: Some("ann.wang"), ..alone(&told_of) };
    check(text, r#"{"errcode":0,"errmsg":"ok"}"#, user, &expect![[r#"
        POST /cgi-bin/webhook/send?key=secret-KEY-12345 HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 125

        {"msgtype":"text","text":{"content":"VM a<b>&[x](http://evil) *y* `z` is down\n# <@all> @all","mentioned_list":["ann.wang"]}}
        => 1 told
    "#]]).await;
}

#[tokio::test]
async fn wecom_says_what_became_of_it_in_the_body() {
    check_answers(
        wecom,
        &[
            (200, "", r#"{"errcode":0,"errmsg":"ok"}"#),
            (200, "", r#"{"errcode":93000,"errmsg":"invalid webhook url, hint: [1], key secret-KEY-12345"}"#),
            (200, "", r#"{"errcode":40058,"errmsg":"markdown.content exceed max length 4096"}"#),
            (200, "", r#"{"errcode":45009,"errmsg":"api freq out of limit"}"#),
            (200, "", r#"{"errcode":-1,"errmsg":"system busy"}"#),
            (200, "", ""),
            (503, "retry-after: 3\r\n", "later"),
        ],
        &expect![[r#"
            200 {"errcode":0,"errmsg":"ok"} => 1 told
            200 {"errcode":93000,"errmsg":"invalid webhook url, hint: [1], key secret-KEY-12345"} => never: 127.0.0.1: 93000 invalid webhook url, hint: [1], key ***
            200 {"errcode":40058,"errmsg":"markdown.content exceed max length 4096"} => never: 127.0.0.1: 40058 markdown.content exceed max length 4096
            200 {"errcode":45009,"errmsg":"api freq out of limit"} => again in 60s: 127.0.0.1: 45009 api freq out of limit
            200 {"errcode":-1,"errmsg":"system busy"} => again: 127.0.0.1: -1 system busy
            200  => perhaps: 127.0.0.1: an answer that is not its own: 200 
            503 later => again in 3s: 127.0.0.1: 503 later
        "#]],
    )
    .await;
}

#[tokio::test]
async fn feishu_is_asked_with_a_signature_in_the_body() {
    let told_of = problem();
    let ann = Parcel { address: Some("ou_1"), ..alone(&told_of) };
    check(feishu, r#"{"code":0,"msg":"success","data":{}}"#, ann, &expect![[r#"
        POST /open-apis/bot/v2/hook/secret-HOOK HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 457

        {"card":{"config":{"wide_screen_mode":true},"elements":[{"tag":"div","text":{"content":"2 of your 5 VMs of web are down\nshop/web: 2 of 5 VMs (web-01, web-02)","tag":"plain_text"}},{"tag":"div","text":{"content":"<at id=ou_1></at>","tag":"lark_md"}}],"header":{"template":"red","title":{"content":"2 of your 5 VMs of web are down","tag":"plain_text"}}},"msg_type":"interactive","sign":"X1qzR/WU8CErYDBjNML0YgYPK3GsG203+RvcjQMh3i8=","timestamp":"1795248000"}
        => 1 told
    "#]]).await;
}

#[tokio::test]
async fn feishu_says_what_became_of_it_in_the_body() {
    check_answers(
        feishu,
        &[
            (200, "", r#"{"code":0,"msg":"success","data":{}}"#),
            (200, "", r#"{"StatusCode":0,"StatusMessage":"success"}"#),
            (200, "", r#"{"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"}"#),
            (200, "", r#"{"code":19024,"msg":"Key Words Not Found"}"#),
            (200, "", r#"{"code":11232,"msg":"frequency limited psm"}"#),
            (400, "", r#"{"code":19001,"msg":"param invalid: incoming webhook access token invalid"}"#),
            (200, "", "nonsense"),
        ],
        &expect![[r#"
            200 {"code":0,"msg":"success","data":{}} => 1 told
            200 {"StatusCode":0,"StatusMessage":"success"} => 1 told
            200 {"code":19021,"msg":"sign match fail or timestamp is not within one hour from current time"} => never: 127.0.0.1: 19021 sign match fail or timestamp is not within one hour from current time
            200 {"code":19024,"msg":"Key Words Not Found"} => never: 127.0.0.1: 19024 Key Words Not Found
            200 {"code":11232,"msg":"frequency limited psm"} => again in 60s: 127.0.0.1: 11232 frequency limited psm
            400 {"code":19001,"msg":"param invalid: incoming webhook access token invalid"} => never: 127.0.0.1: 400 {"code":19001,"msg":"param invalid: incoming webhook access token invalid"}
            200 nonsense => perhaps: 127.0.0.1: an answer that is not its own: 200 nonsense
        "#]],
    )
    .await;
}

#[tokio::test]
async fn slack_is_asked_by_a_hook_or_by_a_bot() {
    let told_of = problem();
    let ann = Parcel { address: Some("U1"), ..alone(&told_of) };
    check(slack_hook, "ok", ann, &expect![[r##"
        POST /services/secret-HOOK HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 217

        {"attachments":[{"color":"#c62828","fallback":"","mrkdwn_in":[],"text":"shop/web: 2 of 5 VMs (web-01, web-02)"}],"mrkdwn":false,"text":"2 of your 5 VMs of web are down <@U1>","unfurl_links":false,"unfurl_media":false}
        => 1 told
    "##]]).await;
    check(slack_hook, "ok", alone(&hostile()), &expect![[r##"
        POST /services/secret-HOOK HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 212

        {"attachments":[{"color":"#c62828","fallback":"","mrkdwn_in":[],"text":"# &lt;@all&gt; @all"}],"mrkdwn":false,"text":"VM a&lt;b&gt;&amp;[x](http://evil) *y* `z` is down","unfurl_links":false,"unfurl_media":false}
        => 1 told
    "##]]).await;
    let end = message("I-7", "resolved", "web is whole again after 14 s");
    let end = Parcel { thread: Some("1795248000.000100"), ..alone(&end) };
    check(slack_bot, r#"{"ok":true,"ts":"1795248001.000200","channel":"C1"}"#, end, &expect![[r#"
        POST /chat.postMessage HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        authorization: Bearer secret-TOKEN
        content-length: 167

        {"channel":"C1","mrkdwn":false,"reply_broadcast":true,"text":"web is whole again after 14 s","thread_ts":"1795248000.000100","unfurl_links":false,"unfurl_media":false}
        => 1 told, thread 1795248001.000200
    "#]]).await;
}

#[tokio::test]
async fn slack_says_what_became_of_it_in_words() {
    check_answers(
        slack_hook,
        &[
            (200, "", "ok"),
            (200, "", "<html>a proxy of the house</html>"),
            (403, "", "invalid_token secret-HOOK"),
            (404, "", "channel_not_found"),
            (410, "", "channel_is_archived"),
            (429, "retry-after: 30\r\n", "rate_limited"),
            (500, "", "rollup_error"),
        ],
        &expect![[r#"
            200 ok => 1 told
            200 <html>a proxy of the house</html> => never: 127.0.0.1: <html>a proxy of the house</html>
            403 invalid_token secret-HOOK => never: 127.0.0.1: 403 invalid_token ***
            404 channel_not_found => never: 127.0.0.1: 404 channel_not_found
            410 channel_is_archived => never: 127.0.0.1: 410 channel_is_archived
            429 rate_limited => again in 30s: 127.0.0.1: 429 rate_limited
            500 rollup_error => again: 127.0.0.1: 500 rollup_error
        "#]],
    )
    .await;
    check_answers(
        slack_bot,
        &[
            (200, "", r#"{"ok":true,"ts":"1.2"}"#),
            (200, "", r#"{"ok":false,"error":"invalid_auth"}"#),
            (200, "", r#"{"ok":false,"error":"not_in_channel"}"#),
            (200, "", r#"{"ok":false,"error":"internal_error"}"#),
            (429, "retry-after: 30\r\n", r#"{"ok":false,"error":"ratelimited"}"#),
            (200, "", r#"{"ok":false,"error":"ratelimited"}"#),
        ],
        &expect![[r#"
            200 {"ok":true,"ts":"1.2"} => 1 told, thread 1.2
            200 {"ok":false,"error":"invalid_auth"} => never: 127.0.0.1: invalid_auth
            200 {"ok":false,"error":"not_in_channel"} => never: 127.0.0.1: not_in_channel
            200 {"ok":false,"error":"internal_error"} => again: 127.0.0.1: internal_error
            429 {"ok":false,"error":"ratelimited"} => again in 30s: 127.0.0.1: 429 {"ok":false,"error":"ratelimited"}
            200 {"ok":false,"error":"ratelimited"} => again: 127.0.0.1: ratelimited
        "#]],
    )
    .await;
}

#[tokio::test]
async fn telegram_is_asked_in_html_and_answers_the_first_message() {
    let says = r#"{"ok":true,"result":{"message_id":42}}"#;
    check(telegram, says, alone(&hostile()), &expect![[r#"
        POST /botsecret-TOKEN/sendMessage HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 170

        {"chat_id":"-100","link_preview_options":{"is_disabled":true},"parse_mode":"HTML","text":"<b>VM a&lt;b&gt;&amp;[x](http://evil) *y* `z` is down</b>\n# &lt;@all&gt; @all"}
        => 1 told, thread 42
    "#]]).await;
    let end = message("I-7", "resolved", "web is whole again after 14 s");
    let end = Parcel { thread: Some("42"), address: Some("77"), ..alone(&end) };
    check(telegram, says, end, &expect![[r#"
        POST /botsecret-TOKEN/sendMessage HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 198

        {"chat_id":"77","link_preview_options":{"is_disabled":true},"parse_mode":"HTML","reply_parameters":{"allow_sending_without_reply":true,"message_id":42},"text":"<b>web is whole again after 14 s</b>"}
        => 1 told, thread 42
    "#]]).await;
}

#[tokio::test]
async fn telegram_says_what_became_of_it_in_the_body() {
    check_answers(
        telegram,
        &[
            (200, "", r#"{"ok":true,"result":{"message_id":42}}"#),
            (429, "", r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 5","parameters":{"retry_after":5}}"#),
            (429, "", r#"{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":99999999999}}"#),
            (400, "", r#"{"ok":false,"error_code":400,"description":"Bad Request: chat not found"}"#),
            (401, "", r#"{"ok":false,"error_code":401,"description":"Unauthorized secret-TOKEN"}"#),
            (403, "", r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#),
            (502, "", r#"{"ok":false,"error_code":502,"description":"Bad Gateway"}"#),
            (502, "", "<html>"),
            (200, "", "<html>"),
        ],
        &expect![[r#"
            200 {"ok":true,"result":{"message_id":42}} => 1 told, thread 42
            429 {"ok":false,"error_code":429,"description":"Too Many Requests: retry after 5","parameters":{"retry_after":5}} => again in 5s: 127.0.0.1: 429 Too Many Requests: retry after 5
            429 {"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":99999999999}} => again in 3600s: 127.0.0.1: 429 Too Many Requests
            400 {"ok":false,"error_code":400,"description":"Bad Request: chat not found"} => never: 127.0.0.1: 400 Bad Request: chat not found
            401 {"ok":false,"error_code":401,"description":"Unauthorized secret-TOKEN"} => never: 127.0.0.1: 401 Unauthorized ***
            403 {"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"} => never: 127.0.0.1: 403 Forbidden: bot was blocked by the user
            502 {"ok":false,"error_code":502,"description":"Bad Gateway"} => again: 127.0.0.1: 502 Bad Gateway
            502 <html> => again: 127.0.0.1: 502 <html>
            200 <html> => perhaps: 127.0.0.1: an answer that is not its own: 200 <html>
        "#]],
    )
    .await;
}

#[tokio::test]
async fn pagerduty_is_triggered_and_resolved() {
    let says = r#"{"status":"success","message":"Event processed","dedup_key":"shop-fleet/I-7"}"#;
    check(pagerduty, says, alone(&problem()), &expect![[r#"
        POST /v2/enqueue HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 390

        {"client":"cloudbrain","dedup_key":"shop-fleet/I-7","event_action":"trigger","payload":{"class":"host","component":"h1","custom_details":{"text":"2 of your 5 VMs of web are down\nshop/web: 2 of 5 VMs (web-01, web-02)","to":"ann"},"group":"shop","severity":"error","source":"host/h1","summary":"2 of your 5 VMs of web are down","timestamp":"2026-11-21T08:00:00Z"},"routing_key":"secret-KEY"}
        => 1 told
    "#]]).await;
    let end = message("I-7", "resolved", "web is whole again after 14 s");
    check(pagerduty, says, alone(&end), &expect![[r#"
        POST /v2/enqueue HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 104

        {"client":"cloudbrain","dedup_key":"shop-fleet/I-7","event_action":"resolve","routing_key":"secret-KEY"}
        => 1 told
    "#]]).await;
}

#[tokio::test]
async fn pagerduty_alone_hears_that_somebody_works_on_it() {
    let far_side = FarSide::start(answer(202, "", r#"{"status":"success"}"#)).await;
    let incident = "I-7".parse().expect("a name");
    let pagerduty = channel(pagerduty, &far_side);
    let outcome = pagerduty.acknowledge(&incident).expect("it waits for that").await;
    assert!(outcome.is_ok(), "{outcome:?}");
    expect![[r#"
        POST /v2/enqueue HTTP/1.1
        host: SERVER
        content-type: application/json; charset=utf-8
        user-agent: cloudbrain
        content-length: 108

        {"client":"cloudbrain","dedup_key":"shop-fleet/I-7","event_action":"acknowledge","routing_key":"secret-KEY"}
    "#]].assert_eq(&format!("{}\n", far_side.asked()));
    for others in [dingtalk as Settings, wecom, feishu, slack_hook, slack_bot, telegram] {
        assert!(channel(others, &far_side).acknowledge(&incident).is_none());
    }
    let refusing = FarSide::start(answer(400, "", r#"{"status":"invalid event"}"#)).await;
    let pagerduty = channel(self::pagerduty, &refusing);
    let outcome = pagerduty.acknowledge(&incident).expect("it waits for that").await;
    assert!(matches!(outcome, Err(ChannelError::Refused(_))), "{outcome:?}");
}

#[tokio::test]
async fn pagerduty_says_what_became_of_it() {
    check_answers(
        pagerduty,
        &[
            (202, "", r#"{"status":"success","dedup_key":"x"}"#),
            (202, "", r#"{"status":"invalid event"}"#),
            (200, "", "<html>Please log in</html>"),
            (400, "", r#"{"status":"invalid event","message":"Event object is invalid","errors":["routing_key secret-KEY is unknown"]}"#),
            (429, "", ""),
            (500, "", ""),
        ],
        &expect![[r#"
            202 {"status":"success","dedup_key":"x"} => 1 told
            202 {"status":"invalid event"} => never: 127.0.0.1: {"status":"invalid event"}
            200 <html>Please log in</html> => perhaps: 127.0.0.1: an answer that is not its own: 200 <html>Please log in</html>
            400 {"status":"invalid event","message":"Event object is invalid","errors":["routing_key secret-KEY is unknown"]} => never: 127.0.0.1: 400 {"status":"invalid event","message":"Event object is invalid","errors":["routing_key *** is unknown"]}
            429  => again: 127.0.0.1: 429 
            500  => again: 127.0.0.1: 500 
        "#]],
    )
    .await;
}

#[tokio::test]
async fn several_messages_are_one_digest_where_it_can_be_read() {
    let messages = [
        problem(),
        message("I-8", "problem", "host h2 is down\nmuch more"),
        message("I-6", "resolved", "web is whole again after 14 s"),
    ];
    let parcel = Parcel { messages: &messages, address: None, thread: Some("42") };
    for (settings, says) in [
        (dingtalk as Settings, r#"{"errcode":0}"#),
        (wecom, r#"{"errcode":0}"#),
        (feishu, r#"{"code":0}"#),
        (slack_bot, r#"{"ok":true,"ts":"1.2"}"#),
        (telegram, r#"{"ok":true,"result":{"message_id":42}}"#),
    ] {
        let far_side = FarSide::start(answer(200, "", says)).await;
        let receipt = channel(settings, &far_side).deliver(parcel).await.expect("delivered");
        assert_eq!(receipt.taken, 3);
        let asked = far_side.asked();
        for line in
            ["3 messages, one line each:", "• 2 of your 5 VMs", "• host h2 is down", "• web is"]
        {
            assert!(asked.contains(line), "{line} in {asked}");
        }
        assert!(!asked.contains("much more") && !asked.contains("thread_ts"), "{asked}");
        assert!(!asked.contains("reply_parameters"), "{asked}");
    }
    let far_side = FarSide::start(answer(202, "", r#"{"status":"success"}"#)).await;
    let receipt = channel(pagerduty, &far_side).deliver(parcel).await.expect("delivered");
    assert_eq!(receipt.taken, 1, "each incident is an alert of its own");
}

#[test]
fn what_is_wrong_in_the_settings_is_said_with_its_key() {
    let ground = ground(Scratch::new().path(), Trust::only(Vec::new()));
    let mut lines = String::new();
    for settings in [
        json!({"dingtalk": {"name": "x", "url": "oapi.dingtalk.com/robot"}}),
        json!({"wecom": {"name": "x", "url": "ftp://h/${KEY}"}}),
        json!({"feishu": {"name": "x", "url": "https://user@h/${KEY}"}}),
        json!({"dingtalk": {"name": "x", "url": "https://h/x", "secret": "SEC123"}}),
        json!({"telegram": {"name": "x", "token": "123:abc"}}),
        json!({"slack": {"name": "x"}}),
        json!({"slack": {"name": "x", "url": "https://h/${A}", "token": "${B}"}}),
        json!({"pagerduty": {"name": "x", "routing_key": "abc"}}),
        json!({"email": {"name": "x", "server": "h", "from": "nobody"}}),
        json!({"email": {"name": "x", "server": "h h", "from": "a@b.example"}}),
        json!({"email": {"name": "x", "server": "h", "from": "a@b.example", "user": "u"}}),
        json!({"script": {"name": "x", "program": []}}),
        json!({"script": {"name": "x", "program": ["/bin/true"], "timeout": "10m"}}),
        json!({"webhook": {"name": "x", "url": "http://h/", "secret": "plain"}}),
    ] {
        let problems = open(settings.clone(), &ground).expect_err("it is wrong");
        lines += &format!("{}: {}\n", problems[0].field, problems[0].message);
    }
    expect![[r#"
        url: is no address; write https://host/path, without a user in it
        url: is no address; write https://host/path, without a user in it
        url: is no address; write https://host/path, without a user in it
        secret: a secret does not belong into a file; write ${env:NAME} or ${file:PATH}
        token: a secret does not belong into a file; write ${env:NAME} or ${file:PATH}
        url: write either url or token
        url: write either url or token
        routing_key: a secret does not belong into a file; write ${env:NAME} or ${file:PATH}
        from: is no address of mail; write for example Alerts <alerts@shop.example>
        server: "h h" is no host
        user: write user and password, or neither
        program: write [path, argument, ...]
        timeout: write 1s to 5m
        secret: a secret does not belong into a file; write ${env:NAME} or ${file:PATH}
    "#]]
    .assert_eq(&lines);
}
