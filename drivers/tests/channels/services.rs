//! One channel of each service, with its far side at an address of the test's own.

use std::sync::Arc;

use alerter::hands::Channel;
use drivers::channel::Trust;
use serde_json::{Value, json};

use crate::common::{Scratch, ground, open};
use crate::far_side::FarSide;

/// The settings of a channel whose far side is at this address.
pub(crate) type Settings = fn(&str) -> Value;

pub(crate) fn dingtalk(at: &str) -> Value {
    let url = format!("{at}/robot/send?access_token=${{TOKEN}}");
    json!({"dingtalk": {"name": "ding", "url": url, "secret": "${SEC}"}})
}

pub(crate) fn wecom(at: &str) -> Value {
    json!({"wecom": {"name": "wecom", "url": format!("{at}/cgi-bin/webhook/send?key=${{KEY-12345}}")}})
}

pub(crate) fn feishu(at: &str) -> Value {
    let url = format!("{at}/open-apis/bot/v2/hook/${{HOOK}}");
    json!({"feishu": {"name": "feishu", "url": url, "secret": "${SEC}"}})
}

pub(crate) fn slack_hook(at: &str) -> Value {
    json!({"slack": {"name": "slack", "url": format!("{at}/services/${{HOOK}}")}})
}

pub(crate) fn slack_bot(at: &str) -> Value {
    json!({"slack": {"name": "slack", "api": at, "token": "${TOKEN}", "to": "C1"}})
}

pub(crate) fn telegram(at: &str) -> Value {
    json!({"telegram": {"name": "tg", "api": at, "token": "${TOKEN}", "chat": "-100"}})
}

pub(crate) fn pagerduty(at: &str) -> Value {
    let url = format!("{at}/v2/enqueue");
    json!({"pagerduty": {"name": "pd", "url": url, "routing_key": "${KEY}"}})
}

pub(crate) fn channel(settings: Settings, far_side: &FarSide) -> Arc<dyn Channel> {
    let ground = ground(Scratch::new().path(), Trust::only(Vec::new()));
    open(settings(&format!("http://{}", far_side.address)), &ground).expect("a channel")
}
