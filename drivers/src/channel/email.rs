//! Mail: plain text beside HTML, one thread per incident.
//!
//! The `Message-ID` is made of the message's key, the time it was decided at and the fleet, so a
//! mail that is sent again after a crash bears the same one, and mail systems that watch for it
//! show it once. Answers point at the first mail of their incident. Nothing in a mail is fetched
//! from anywhere, and nothing in it can be clicked.

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use alerter::hands::{Answer, Channel, ChannelError, Pace, Parcel, Receipt};
use alerter::message::Message as Told;
use lettre::Message;
use lettre::message::header::{Header, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Mailboxes, MultiPart};
use model::lang::Lang;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Kind;
use super::settings::{Ground, PerMinute, Problem, Text, pace};
use super::smtp::{Credentials, Server};
use super::text::{self, Sheet};

/// A mail has room for many; it still must be read.
const SHEET: Sheet =
    Sheet { max: 64_000, measure: text::bytes, render: text::plain, newline: "\n" };
const MAX_SUBJECT_CHARS: usize = 200;
const PER_MINUTE: u32 = 30;

/// Mail by SMTP. The address of a person is one of mail, or several with commas.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EmailSettings {
    pub name: String,
    /// The host of the SMTP server.
    pub server: String,
    /// 587, 465 with `tls: implicit`, 25 with `tls: none`, if left out.
    pub port: Option<u16>,
    #[serde(default)]
    pub tls: Encryption,
    pub user: Option<String>,
    pub password: Option<Text>,
    /// Who sends it: `Cloudbrain <alerts@shop.example>`.
    pub from: String,
    /// Who gets it if the person has no address: one, or several with commas.
    pub to: Option<String>,
    /// Mails in any one minute, at most; 30 if left out.
    pub per_minute: Option<PerMinute>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// From the first byte.
    Implicit,
    /// Asked for before anything else is said; a server that has none is refused.
    #[default]
    Starttls,
    /// Everybody on the way reads it, password and all.
    None,
}

#[derive(Debug)]
struct EmailChannel {
    name: String,
    fleet: String,
    server: Server,
    from: Mailbox,
    to: Option<Mailboxes>,
    pace: Pace,
}

impl Kind for EmailSettings {
    fn word(&self) -> &'static str {
        "email"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        self.password.as_mut().map(|password| ("password", password)).into_iter().collect()
    }

    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        let from = self.from.parse::<Mailbox>().map_err(|_| no_mailbox("from"))?;
        let to = self.to.as_deref().map(str::parse).transpose().map_err(|_| no_mailbox("to"))?;
        let usual = match self.tls {
            Encryption::Implicit => 465,
            Encryption::Starttls => 587,
            Encryption::None => 25,
        };
        let (host, port) = (self.server.clone(), self.port.unwrap_or(usual));
        let server = Server::new(host, port, self.tls, self.credentials()?, ground)
            .map_err(|error| Problem::new("server", error))?;
        let (name, fleet) = (self.name.clone(), ground.fleet.clone());
        let pace = pace(self.per_minute, PER_MINUTE);
        Ok(Arc::new(EmailChannel { name, fleet, server, from, to, pace }))
    }

    fn reaches(&self, address: Option<&str>) -> Result<(), String> {
        match address {
            Some(address) if address.parse::<Mailboxes>().is_err() => {
                Err(format!("{address:?} is no address of mail; write ann@shop.example"))
            }
            None if self.to.is_none() => Err("mail needs an address".to_owned()),
            _ => Ok(()),
        }
    }

    fn takes_reports(&self) -> bool {
        true
    }
}

impl EmailSettings {
    fn credentials(&self) -> Result<Option<Credentials>, Problem> {
        match (&self.user, &self.password) {
            (None, None) => Ok(None),
            (Some(user), Some(password)) => {
                password.must_be_reference("password")?;
                Ok(Some(Credentials::new(user.clone(), password.value().to_owned())))
            }
            _ => Err(Problem::new("user", "write user and password, or neither")),
        }
    }
}

impl EmailChannel {
    async fn send(&self, parcel: Parcel<'_>) -> Result<Receipt, ChannelError> {
        let to = match (parcel.address.map(str::parse), &self.to) {
            (Some(Ok(to)), _) => to,
            (None, Some(to)) => to.clone(),
            _ => return Err(ChannelError::Refused("no address of mail".to_owned())),
        };
        let written = SHEET.write(&parcel);
        let taken = written.taken;
        let id = self.id_of(parcel.messages, taken);
        let mail = self.compose(&parcel, &to, &written.lines, &id, taken);
        let mail = mail.map_err(|error| ChannelError::Refused(format!("no mail: {error}")))?;
        let to = to.into_iter().map(|mailbox| mailbox.email).collect();
        let complaint = self.server.send(&self.from.email, to, &mail.formatted()).await?;
        // A digest begins no thread: it is of several incidents.
        let thread = (parcel.messages.len() == 1).then_some(id);
        Ok(Receipt { taken, thread, complaint })
    }

    fn compose(
        &self,
        parcel: &Parcel<'_>,
        to: &Mailboxes,
        lines: &[String],
        id: &str,
        taken: usize,
    ) -> Result<Message, lettre::error::Error> {
        let told = &parcel.messages[..taken];
        let (lang, at) = (told[0].lang, told[taken - 1].at);
        let date = UNIX_EPOCH + Duration::from_millis(u64::try_from(at.millis()).unwrap_or(0));
        let mut mail = Message::builder()
            .from(self.from.clone())
            .subject(text::title(parcel, taken, MAX_SUBJECT_CHARS))
            .message_id(Some(id.to_owned()))
            .date(date)
            .header(AutoSubmitted)
            .mailbox(lettre::message::header::To::from(to.clone()));
        if let Some(first) = parcel.thread.filter(|_| parcel.messages.len() == 1) {
            mail = mail.in_reply_to(first.to_owned()).references(first.to_owned());
        }
        if told[0].is_report {
            mail = mail.header(ListUnsubscribe(self.from.email.to_string()));
        }
        let plain = lines.join("\n") + "\n";
        mail.multipart(MultiPart::alternative_plain_html(plain, html(lines, lang)))
    }

    /// Of a digest, that of its first message and how many they are.
    fn id_of(&self, messages: &[Told], taken: usize) -> String {
        let first = &messages[0];
        let more = if messages.len() > 1 { format!(".{taken}") } else { String::new() };
        let local = format!("{}.{}.{}{more}", first.key, first.at.millis(), self.fleet);
        let harmless =
            |c: char| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' };
        let local: String = local.chars().map(harmless).collect();
        format!("<{local}@{}>", self.from.email.domain())
    }
}

impl Channel for EmailChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver<'a>(&'a self, parcel: Parcel<'a>) -> Answer<'a, Result<Receipt, ChannelError>> {
        Box::pin(self.send(parcel))
    }

    fn pace(&self) -> Option<Pace> {
        Some(self.pace)
    }

    fn knows_repeats(&self) -> bool {
        true
    }
}

/// Keeps "I am on holiday" away.
#[derive(Clone, Copy)]
struct AutoSubmitted;

impl Header for AutoSubmitted {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Where a mail program sends who wants no more reports: to whoever runs this, at the address that the
/// mail came from.
#[derive(Clone)]
struct ListUnsubscribe(String);

impl Header for ListUnsubscribe {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        let value = format!("<mailto:{}?subject=unsubscribe%20reports>", self.0);
        HeaderValue::new(Self::name(), value)
    }
}

fn html(lines: &[String], lang: Lang) -> String {
    let (first, rest) = lines.split_first().expect("there is a first line");
    let rest: Vec<String> = rest.iter().map(|line| quoted(line)).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"{}\"><head><meta charset=\"utf-8\"></head><body>\n\
         <p><strong>{}</strong></p>\n<p>{}</p>\n</body></html>\n",
        lang.pick("en", "zh"),
        quoted(first),
        rest.join("<br>\n"),
    )
}

fn quoted(line: &str) -> String {
    text::escape(line).replace('"', "&quot;")
}

fn no_mailbox(field: &'static str) -> Problem {
    Problem::new(field, "is no address of mail; write for example Alerts <alerts@shop.example>")
}
