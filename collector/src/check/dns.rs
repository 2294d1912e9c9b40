//! Does a name resolve to what it should, here or at one server?
//!
//! A server that is named in the check is what is checked: if it is silent, it is down. Without one
//! the names of this machine are asked, whose silence leaves us blind.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use model::verdict::Phase;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::condition::Unmet;
use super::spec::{Common, Problem, check_kind};
use super::{Ground, Judging, Kind, Readings};
use crate::probe::failure::{Failure, Trace};
use crate::probe::names::{NameError, word};
use crate::text::clean;

const DNS_PORT: u16 = 53;
/// How many answers a sentence names, and how much of each, in characters.
const MAX_NAMED: usize = 5;
const MAX_SHOWN_CHARS: usize = 100;

check_kind! {
    /// A name resolves to what it should.
    DnsCheck {
        /// The name; with `type: PTR` also an address.
        query: String,
        #[serde(rename = "type", default)]
        record: RecordKind,
        /// The address of the server to ask, perhaps with a port; this machine's own ones if left
        /// out.
        server: Option<Server>,
        /// What the server must answer.
        #[serde(default)]
        rcode: ResponseWord,
        /// The answers are these, in any order. Written as `dig +short` shows them.
        #[serde(default)]
        answers: Vec<String>,
        /// Each of these is an answer or part of one.
        #[serde(default)]
        contains: Vec<String>,
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordKind {
    #[default]
    A,
    Aaaa,
    Cname,
    Mx,
    Txt,
    Ns,
    Srv,
    Ptr,
    Soa,
}

/// The response codes, as `dig` writes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum ResponseWord {
    #[default]
    NoError,
    NxDomain,
    ServFail,
    Refused,
    FormErr,
    NotImp,
}

/// The address of a DNS server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
pub struct Server(SocketAddr);

/// A text that is no [`Server`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no address of a DNS server; write for example 10.0.0.53, 10.0.0.53:5353 or ::1")]
pub struct ServerError(String);

/// What came back: a word for the outcome, and the records of the kind that was asked for.
#[derive(Debug, PartialEq, Eq)]
struct Response {
    word: String,
    answers: Vec<String>,
}

impl Kind for DnsCheck {
    fn word(&self) -> &'static str {
        "dns"
    }

    fn common(&self) -> Common<'_> {
        self.common()
    }

    fn destination(&self) -> String {
        self.server.map_or_else(|| self.query.clone(), |server| server.0.to_string())
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.name().is_none() {
            let message = format!("{:?} is no name; write for example example.com", self.query);
            problems.push(Problem::error("query", message));
        }
        if self.rcode != ResponseWord::NoError {
            for (field, list) in [("answers", &self.answers), ("contains", &self.contains)] {
                if !list.is_empty() {
                    let message = "with this rcode there are no answers; leave out one of them";
                    problems.push(Problem::error(field, message));
                }
            }
        }
        if self.family.is_some() {
            let message = "ask for type: A or type: AAAA instead";
            problems.push(Problem::error("family", message));
        }
        problems
    }

    fn look<'a, 'c: 'a>(
        &'a self,
        ground: &'a Ground,
        trace: &'a mut Trace<'c>,
        readings: &'a mut Readings,
    ) -> Judging<'a> {
        Box::pin(async move {
            let name = self.name().unwrap_or_default();
            let names = self.server.map_or(ground.names(), |server| ground.names_of(server.0));
            trace.begin(Phase::Dns);
            let found = names.records(&name, self.record.into()).await;
            let response = self.response(found)?;
            trace.end();
            readings.add("check_dns_records", response.answers.len() as f64);
            Ok(self.judge(&response))
        })
    }

    fn late(&self, trace: &Trace<'_>, within: Duration) -> Failure {
        match self.server {
            Some(Server(server)) => silent(server, &format!("no end within {within:?}")),
            None => trace.late(within),
        }
    }
}

impl DnsCheck {
    /// In full, so that no search list of this machine is tried.
    fn name(&self) -> Option<String> {
        let name = match self.query.parse::<IpAddr>() {
            Ok(address) if self.record == RecordKind::Ptr => Name::from(address),
            Ok(_) => return None,
            Err(_) => Name::from_str_relaxed(&self.query).ok()?,
        };
        let name = name.to_ascii();
        (!name.is_empty()).then(|| if name.ends_with('.') { name } else { name + "." })
    }

    fn response(&self, found: Result<Vec<Record>, NameError>) -> Result<Response, Failure> {
        let empty = |word: String| Ok(Response { word, answers: Vec::new() });
        match found {
            Ok(records) => {
                let wanted = RecordType::from(self.record);
                let records = records.iter().filter(|record| record.record_type() == wanted);
                let answers = records.map(|record| self.normal(&record.data.to_string()));
                Ok(Response { word: word(ResponseCode::NoError), answers: answers.collect() })
            }
            Err(NameError::NoRecord(_)) => empty(word(ResponseCode::NoError)),
            Err(NameError::NoSuchName) => empty(word(ResponseCode::NXDomain)),
            Err(NameError::Failed(word)) => empty(word),
            Err(NameError::Unanswered(said)) if said == word(ResponseCode::Refused) => empty(said),
            Err(NameError::Unanswered(said)) => Err(match self.server {
                Some(Server(server)) => silent(server, &said),
                None => NameError::Unanswered(said).into(),
            }),
            Err(error @ NameError::Invalid(_)) => Err(error.into()),
        }
    }

    /// Names are alike in any case, and with or without their last dot; texts are not.
    fn normal(&self, answer: &str) -> String {
        if self.record == RecordKind::Txt {
            return answer.to_owned();
        }
        let words = answer.split_whitespace().map(|word| match word.strip_suffix('.') {
            Some(name) if !name.is_empty() => name.to_ascii_lowercase(),
            _ => word.to_ascii_lowercase(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    fn judge(&self, response: &Response) -> Unmet {
        let mut unmet = Unmet::default();
        let (wanted_word, answers) = (word(self.rcode.into()), &response.answers);
        if response.word != wanted_word {
            unmet.add(Some(format!("the answer is {}, want {wanted_word}", response.word)));
            return unmet;
        }
        if self.rcode == ResponseWord::NoError && answers.is_empty() {
            let kind = RecordType::from(self.record);
            unmet.add(Some(format!("there is no {kind} record of {}", self.query)));
            return unmet;
        }
        let sorted = |list: &[String]| {
            let mut list: Vec<String> = list.iter().map(|answer| self.normal(answer)).collect();
            list.sort();
            list
        };
        let holds = self.answers.is_empty() || sorted(&self.answers) == sorted(answers);
        unmet
            .unless(holds, || format!("answers are {}, want {}", row(answers), row(&self.answers)));
        for part in &self.contains {
            let normal = self.normal(part);
            unmet.unless(answers.iter().any(|answer| answer.contains(&normal)), || {
                format!("answers are {}, want {part:?} among them", row(answers))
            });
        }
        unmet
    }
}

fn silent(server: SocketAddr, said: &str) -> Failure {
    Failure::theirs(Phase::Dns, format!("{server} does not answer: {said}"))
}

/// The first few, cleaned.
fn row(answers: &[String]) -> String {
    let more = answers.len().saturating_sub(MAX_NAMED);
    let shown = answers.iter().take(MAX_NAMED).map(|answer| clean(answer, MAX_SHOWN_CHARS));
    let shown = shown.collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{shown} and {more} more") } else { shown }
}

impl From<RecordKind> for RecordType {
    fn from(kind: RecordKind) -> Self {
        match kind {
            RecordKind::A => Self::A,
            RecordKind::Aaaa => Self::AAAA,
            RecordKind::Cname => Self::CNAME,
            RecordKind::Mx => Self::MX,
            RecordKind::Txt => Self::TXT,
            RecordKind::Ns => Self::NS,
            RecordKind::Srv => Self::SRV,
            RecordKind::Ptr => Self::PTR,
            RecordKind::Soa => Self::SOA,
        }
    }
}

impl From<ResponseWord> for ResponseCode {
    fn from(word: ResponseWord) -> Self {
        match word {
            ResponseWord::NoError => Self::NoError,
            ResponseWord::NxDomain => Self::NXDomain,
            ResponseWord::ServFail => Self::ServFail,
            ResponseWord::Refused => Self::Refused,
            ResponseWord::FormErr => Self::FormErr,
            ResponseWord::NotImp => Self::NotImp,
        }
    }
}

impl TryFrom<String> for Server {
    type Error = ServerError;
    fn try_from(written: String) -> Result<Self, ServerError> {
        let alone = written.parse().map(|ip: IpAddr| SocketAddr::new(ip, DNS_PORT));
        alone.or_else(|_| written.parse()).map(Self).map_err(|_| ServerError(written))
    }
}

impl From<Server> for String {
    fn from(server: Server) -> Self {
        server.0.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> DnsCheck {
        serde_json::from_str(text).unwrap()
    }

    fn told(text: &str, answers: &[&str]) -> String {
        let check = check(text);
        let answers = answers.iter().map(|answer| check.normal(answer)).collect();
        let response = Response { word: "NOERROR".to_owned(), answers };
        match check.judge(&response).into_failure() {
            Ok(()) => "good".to_owned(),
            Err(failure) => failure.to_string(),
        }
    }

    #[test]
    fn answers_are_compared_as_a_set_and_by_their_meaning() {
        let mx = r#"{"name": "a", "query": "example.com", "type": "MX",
                     "answers": ["10 Mail.example.com.", "20 b.example.com"]}"#;
        assert_eq!(told(mx, &["20 B.example.com.", "10 mail.example.com."]), "good");
        assert_eq!(
            told(mx, &["10 mail.example.com."]),
            "condition: answers are 10 mail.example.com, want 10 Mail.example.com., \
             20 b.example.com"
        );
        let txt = r#"{"name": "a", "query": "example.com", "type": "TXT", "contains": ["v=SPF1"]}"#;
        assert_eq!(told(txt, &["v=SPF1 -all"]), "good");
        assert_eq!(
            told(txt, &["v=spf1 -all"]),
            r#"condition: answers are v=spf1 -all, want "v=SPF1" among them"#
        );
        let a = r#"{"name": "a", "query": "example.com"}"#;
        assert_eq!(told(a, &[]), "condition: there is no A record of example.com");
    }

    #[test]
    fn a_name_is_asked_in_full_and_an_address_backwards() {
        let name = |query: &str, kind: &str| {
            check(&format!(r#"{{"name": "a", "query": "{query}", "type": "{kind}"}}"#)).name()
        };
        assert_eq!(name("example.com", "A").as_deref(), Some("example.com."));
        assert_eq!(name("example.com.", "A").as_deref(), Some("example.com."));
        assert_eq!(name("10.0.0.9", "PTR").as_deref(), Some("9.0.0.10.in-addr.arpa."));
        assert_eq!(name("10.0.0.9", "A"), None);
        assert_eq!(name("a..b", "A"), None);
    }

    #[test]
    fn a_server_may_have_a_port() {
        let told = |text: &str| Server::try_from(text.to_owned()).map(String::from);
        assert_eq!(told("10.0.0.53").unwrap(), "10.0.0.53:53");
        assert_eq!(told("::1").unwrap(), "[::1]:53");
        assert_eq!(told("[::1]:5353").unwrap(), "[::1]:5353");
        assert!(told("ns.example.com").unwrap_err().to_string().contains("10.0.0.53:5353"));
    }
}
