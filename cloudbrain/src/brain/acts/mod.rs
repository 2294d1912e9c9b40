//! What people ask of the brain beside acknowledging: to put an incident off, to silence a thing, to
//! open a maintenance window, to end one of these early, and to carry out a plan.
//!
//! A request comes by page, API or command line, all three alike: it is checked here, against the
//! people of the files and the fleet as it is, turned into an act of the alerter, and told in the
//! journal with who, when and from where. A "no" is a sentence in both languages.

pub mod check;
pub mod correct;
pub mod hold;
pub mod labels;
mod plan;
pub mod release;
pub mod view;

use alerter::Bilingual;
use alerter::act::LabelMatcher;
use model::id::{CheckId, HoldId, IncidentId, Object, PersonId, SilenceId, WindowId};
use model::time::Time;
use model::unit::Span;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::oneshot;

use correct::CorrectWish;
use hold::HoldWish;
pub(super) use plan::planned;
use release::ReleaseWish;

use super::plan::ApplyWish;

/// What somebody asks for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    Snooze {
        incident: IncidentId,
        wish: SnoozeWish,
    },
    Silence(SilenceWish),
    Expire {
        silence: SilenceId,
        by: Option<PersonId>,
    },
    Open(WindowWish),
    End {
        window: WindowId,
        by: PersonId,
    },
    /// A plan that was read is to be carried out.
    Apply(ApplyWish),
    Hold(HoldWish),
    /// A span of the past counts as something else than was measured.
    Correct(CorrectWish),
    /// A new version of a module goes out.
    Release(ReleaseWish),
    Unhold {
        hold: HoldId,
        by: PersonId,
    },
}

/// Somebody wants to hear of an incident again later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnoozeWish {
    pub by: PersonId,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Span>,
    /// A moment, as RFC 3339 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// What is to be silenced: an object, or posted alerts by their labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SilenceWish {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub on: Option<Object>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub check: Option<CheckId>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matchers: Vec<LabelMatcher>,
    pub by: PersonId,
    pub comment: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Span>,
    /// A moment, as RFC 3339 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// What only Alertmanager's form of it can say.
    #[serde(skip)]
    pub foreign: Option<Foreign>,
}

/// What a silence that came in Alertmanager's form says beside.
#[derive(Clone, Debug, PartialEq)]
pub struct Foreign {
    /// The silence that is changed.
    pub id: Option<SilenceId>,
    pub from: Time,
    pub until: Time,
}

/// Work that begins now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WindowWish {
    pub on: Vec<Object>,
    pub by: PersonId,
    pub comment: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    pub lasting: Option<Span>,
    /// A moment, as RFC 3339 has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// Who ends something early.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ender {
    pub by: PersonId,
}

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is asked for is not there, so asking otherwise would not help.
    pub is_missing: bool,
    pub why: Bilingual,
}

/// What was done, as the API answers it: the silence, the window or the incident's id.
pub type Outcome = Result<Value, Refusal>;

/// A request on its way to the brain, with the way back: the outcome is sent once it is on record.
#[derive(Debug)]
pub struct Wanted {
    pub request: Request,
    /// From where, for the journal: `the page`, `curl/7.88.1`.
    pub from: String,
    pub reply: oneshot::Sender<Outcome>,
}

impl Refusal {
    pub fn new(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { is_missing: false, why: Bilingual { en: en.into(), zh: zh.into() } }
    }

    pub fn missing(en: impl Into<String>, zh: impl Into<String>) -> Self {
        Self { is_missing: true, ..Self::new(en, zh) }
    }
}
