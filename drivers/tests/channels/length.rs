//! Limits: whatever the message, what goes out is within them, whole, and begins with its first
//! line.

use alerter::hands::Parcel;
use alerter::message::Message;
use drivers::channel::Trust;
use expect_test::expect;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::common::{Scratch, ground, message, open};
use crate::far_side::{FarSide, answer};

/// The texts that a service takes, as it counts them.
struct Service {
    settings: fn(&str) -> Value,
    says: &'static str,
    /// Where the text stands in the body.
    text: &'static str,
    size: fn(&str) -> usize,
    max: usize,
}

fn services() -> [Service; 5] {
    [
        Service {
            settings: |at| json!({"dingtalk": {"name": "x", "url": format!("{at}/?t=${{T}}")}}),
            says: r#"{"errcode":0}"#,
            text: "/markdown/text",
            size: str::len,
            max: 20_000,
        },
        Service {
            settings: |at| json!({"wecom": {"name": "x", "url": format!("{at}/?t=${{T}}")}}),
            says: r#"{"errcode":0}"#,
            text: "/markdown/content",
            size: str::len,
            max: 4_096,
        },
        Service {
            settings: |at| json!({"wecom": {"name": "x", "format": "text", "url": format!("{at}/?t=${{T}}")}}),
            says: r#"{"errcode":0}"#,
            text: "/text/content",
            size: str::len,
            max: 2_048,
        },
        Service {
            settings: |at| json!({"feishu": {"name": "x", "url": format!("{at}/${{T}}")}}),
            says: r#"{"code":0}"#,
            text: "/card/elements/0/text/content",
            size: |text| serde_json::to_string(text).expect("JSON").len(),
            max: 20_000,
        },
        Service {
            settings: |at| json!({"telegram": {"name": "x", "api": at, "token": "${T}", "chat": "1"}}),
            says: r#"{"ok":true,"result":{"message_id":1}}"#,
            text: "/text",
            size: |text| text.encode_utf16().count(),
            max: 4_096,
        },
    ]
}

/// What arrives at the service, and how many of the messages that tells.
fn arrive(service: &Service, messages: &[Message]) -> (Value, usize) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one");
    runtime.block_on(async {
        let far_side = FarSide::start(answer(200, "", service.says)).await;
        let ground = ground(Scratch::new().path(), Trust::only(Vec::new()));
        let settings = (service.settings)(&format!("http://{}", far_side.address));
        let parcel = Parcel { messages, address: Some("ann"), thread: None };
        let channel = open(settings, &ground).expect("a channel");
        let receipt = channel.deliver(parcel).await.expect("it is taken");
        let asked = far_side.asked();
        let (_, body) = asked.split_once("\n\n").expect("a head and a body");
        (serde_json::from_str(body).expect("JSON"), receipt.taken)
    })
}

#[test]
fn a_long_text_keeps_its_first_line_and_says_what_it_left_out() {
    let rows: Vec<String> =
        (0..90).map(|n| format!("模块 {n}：10 台中 3 台（支付-{n}、订单-{n}）")).collect();
    let text = format!("您的 90 个模块中有 270 台虚拟机宕机\n{}", rows.join("\n"));
    let mut message = message("I-1", "problem", &text);
    message.lang = model::lang::Lang::Zh;
    let [_, markdown, plain, _, telegram] = services();
    let mut ends = String::new();
    for service in [markdown, plain, telegram] {
        let (body, _) = arrive(&service, std::slice::from_ref(&message));
        let text = body.pointer(service.text).and_then(Value::as_str).expect("a text").to_owned();
        let lines: Vec<&str> = text.lines().collect();
        assert!((service.size)(&text) <= service.max);
        ends += &format!("{} ... {}\n", lines[0], lines[lines.len() - 2..].join(" | "));
    }
    expect![[r#"
        您的 90 个模块中有 270 台虚拟机宕机 ... … 17 行未显示 | <@ann>
        您的 90 个模块中有 270 台虚拟机宕机 ... 模块 35：10 台中 3 台（支付-35、订单-35） | … 54 行未显示
        <b>您的 90 个模块中有 270 台虚拟机宕机</b> ... 模块 88：10 台中 3 台（支付-88、订单-88） | 模块 89：10 台中 3 台（支付-89、订单-89）
    "#]].assert_eq(&ends);
}

#[test]
fn a_first_line_that_is_too_long_ends_after_a_whole_name() {
    let names: Vec<String> = (0..60).map(|n| format!("web-{n:0>60}")).collect();
    let text = format!("60 VMs are down: {} and 7 more", names.join(", "));
    let [_, _, plain, ..] = services();
    let (body, _) = arrive(&plain, &[message("I-1", "problem", &text)]);
    let told = body.pointer(plain.text).and_then(Value::as_str).expect("a text");
    let last = told.rsplit(", ").next().expect("a name");
    let shown = told.matches("web-").count();
    assert_eq!(last, format!("{} … and {} more", names[shown - 1], 60 - shown + 7));
}

#[test]
fn a_digest_tells_as_many_as_fit_and_says_so() {
    let line = |n: usize| format!("host h{n} is down; it took 4 VMs: shop/web 2, pool 2");
    let messages: Vec<Message> =
        (0..100).map(|n| message(&format!("I-{n}"), "problem", &line(n))).collect();
    let [_, markdown, plain, _, telegram] = services();
    for service in [markdown, plain, telegram] {
        let (body, taken) = arrive(&service, &messages);
        let told = body.pointer(service.text).and_then(Value::as_str).expect("a text");
        assert!((20..100).contains(&taken), "{taken}");
        assert!(told.contains(&format!("{taken} messages, one line each:")), "{told}");
        assert!(told.contains(&line(taken - 1)) && !told.contains(&line(taken)), "{told}");
        assert!((service.size)(told) <= service.max);
    }
}

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[a-z]{1,12}",
        "[\u{4e00}-\u{4fff}]{1,40}",
        Just("😀".to_owned()),
        Just(", ".to_owned()),
        Just("、".to_owned()),
        Just("\n".to_owned()),
        Just("<b>&\"".to_owned()),
        Just("[*_`@#".to_owned()),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 1..600).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_message_fits_every_service(texts in prop::collection::vec(text(), 1..4)) {
        let messages: Vec<Message> =
            texts.iter().map(|text| message("I-1", "problem", text)).collect();
        for service in services() {
            let (body, taken) = arrive(&service, &messages);
            let told = body.pointer(service.text).and_then(Value::as_str).expect("a text");
            prop_assert!((service.size)(told) <= service.max, "{} {}", service.text, (service.size)(told));
            prop_assert!((1..=messages.len()).contains(&taken));
        }
    }
}
