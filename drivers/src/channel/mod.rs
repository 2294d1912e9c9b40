//! Ways to people: one file per kind of channel.
//!
//! A channel carries messages and says truly what became of them. Chat services answer "200 OK"
//! to what they have thrown away, so the body is read before anything counts as delivered; what
//! may work later, what never will, and what nobody knows are told apart, since whoever sends does
//! something else with each.
//!
//! What a person reads comes from the alerter. Here it is only brought into the form of the
//! service and within its limits; how many messages go out when is decided by whoever
//! sends, who is told the [`alerter::hands::Pace`].
//!
//! One more kind is one more file and one more line in [`ChannelSpec`].
//!
//! Invariants: one delivery takes no longer than its patience; what a service says is bounded and
//! cleaned; a secret is in no error and no log, also not if the service repeats it.

pub mod chinese;
pub mod dingtalk;
pub mod email;
pub mod feishu;
mod http;
pub mod inbox;
pub mod pagerduty;
pub mod ping;
mod robot;
pub mod script;
mod service;
mod settings;
mod sign;
pub mod slack;
mod smtp;
pub mod telegram;
pub(crate) mod text;
pub mod webhook;
pub mod wecom;

use std::sync::Arc;

use alerter::hands::Channel;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use settings::{Ground, PerMinute, Problem, Text, Trust};

/// Lists the kinds once: for the files, and for whoever asks them something.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident($settings:ty),)*) => {
        /// A channel as written in a file: `- dingtalk: {name: ops, url: ...}`.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
        #[serde(rename_all = "lowercase")]
        pub enum ChannelSpec {
            $($(#[$doc])* $kind(Box<$settings>),)*
        }

        impl ChannelSpec {
            fn kind(&self) -> &dyn Kind {
                match self { $(Self::$kind(settings) => &**settings,)* }
            }

            fn kind_mut(&mut self) -> &mut dyn Kind {
                match self { $(Self::$kind(settings) => &mut **settings,)* }
            }
        }
    };
}

kinds! {
    /// A file, one JSON line per message.
    Inbox(inbox::InboxSettings),
    /// A POST of JSON to a program of yours.
    Webhook(webhook::WebhookSettings),
    /// Mail by SMTP.
    Email(email::EmailSettings),
    /// A robot of a DingTalk group.
    Dingtalk(dingtalk::DingtalkSettings),
    /// A robot of a WeCom group.
    Wecom(wecom::WecomSettings),
    /// A robot of a Feishu or Lark group.
    Feishu(feishu::FeishuSettings),
    /// A Slack channel.
    Slack(slack::SlackSettings),
    /// PagerDuty's Events API v2.
    Pagerduty(pagerduty::PagerdutySettings),
    /// A bot in a Telegram chat.
    Telegram(telegram::TelegramSettings),
    /// A program on this machine.
    Script(script::ScriptSettings),
}

/// One kind of channel, as written.
trait Kind {
    /// As it is written in files.
    fn word(&self) -> &'static str;
    fn name(&self) -> &str;
    /// The texts that may hold secrets, by their keys.
    fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        Vec::new()
    }
    /// Makes the channel, without reaching for anybody.
    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem>;
    /// Whether somebody with this address, or without one, can be told on it. The error says what
    /// to write instead.
    fn reaches(&self, _address: Option<&str>) -> Result<(), String> {
        Ok(())
    }
    /// Whether a page of text is read there at leisure.
    fn takes_reports(&self) -> bool {
        false
    }
}

impl ChannelSpec {
    /// The name that people refer to it by.
    pub fn name(&self) -> &str {
        self.kind().name()
    }

    /// The key it is written under: `dingtalk`.
    pub fn word(&self) -> &'static str {
        self.kind().word()
    }

    /// Puts in what references such as `${env:NAME}` stand for; `resolve` is given each text as it
    /// was written.
    pub fn fill(
        &mut self,
        mut resolve: impl FnMut(&str) -> Result<String, String>,
    ) -> Vec<Problem> {
        let texts = self.kind_mut().texts().into_iter();
        let failed = texts.filter_map(|(field, text)| match resolve(text.written()) {
            Ok(value) => {
                text.fill(value);
                None
            }
            Err(message) => Some(Problem { field, message }),
        });
        failed.collect()
    }

    /// Makes the channel, once its secrets are filled in. Nothing is sent and nobody is reached,
    /// so it also serves to check a file.
    pub fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        self.kind().open(ground)
    }

    /// Whether somebody with this address, or without one, can be told on it. The error says what
    /// to write instead.
    pub fn reaches(&self, address: Option<&str>) -> Result<(), String> {
        self.kind().reaches(address)
    }

    /// Whether reports go there, which wake nobody.
    pub fn takes_reports(&self) -> bool {
        self.kind().takes_reports()
    }
}
