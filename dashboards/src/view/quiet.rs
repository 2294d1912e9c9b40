//! What is kept quiet: silences, and maintenance windows that are open or to come.

use model::id::{HoldId, IncidentId, ModuleId, Object, PersonId, SilenceId, WindowId};
use model::time::Time;
use serde::{Deserialize, Serialize};

/// Everything on the page of silences and maintenance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuietView {
    /// The first to end first.
    pub silences: Vec<SilenceView>,
    /// Those that are open first.
    pub windows: Vec<WindowView>,
    /// What the scaler leaves alone, the first to end first.
    #[serde(default)]
    pub holds: Vec<HoldView>,
    /// What may be held beside the whole fleet: the modules with a policy.
    #[serde(default)]
    pub scaled: Vec<ModuleId>,
    /// Whoever may act: the people of the files.
    pub people: Vec<PersonId>,
}

/// One hold on the scaler.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HoldView {
    pub id: HoldId,
    /// None: the whole fleet.
    pub module: Option<ModuleId>,
    /// `in`, `out`, `isolate`, `all`.
    pub what: String,
    pub from: Time,
    pub until: Time,
    pub by: PersonId,
    pub reason: String,
}

impl HoldView {
    /// What is held, as the command line calls it.
    pub fn on(&self) -> &str {
        self.module.as_ref().map_or("fleet", ModuleId::as_str)
    }
}

/// One silence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SilenceView {
    pub id: SilenceId,
    /// `host/h1`, `vm/web-01 vm.disk`, `{alertname="Slow"}`.
    pub covers: String,
    pub from: Time,
    pub until: Time,
    pub by: PersonId,
    pub comment: String,
    /// It has begun.
    pub is_running: bool,
    /// Open incidents whose root it covers.
    pub incidents: Vec<IncidentId>,
}

/// One maintenance window, opened by hand or written in a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WindowView {
    pub id: WindowId,
    pub on: Vec<Object>,
    /// Who opened it by hand.
    pub by: Option<PersonId>,
    pub comment: String,
    /// The file it stands in.
    pub file: Option<String>,
    /// When it opens again and again, as the file has it.
    pub cron: Option<String>,
    /// The IANA name of its zone.
    pub zone: String,
    /// It is open, until then.
    pub open_until: Option<Time>,
    /// From when until when it opens next.
    pub next: Vec<(Time, Time)>,
}

/// What somebody may do about the incident of a page.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Doings {
    /// The people of the files.
    pub people: Vec<PersonId>,
    /// Who the reader said to be last.
    pub me: Option<PersonId>,
    /// The objects that a silence may cover: its roots first, then what suffers.
    pub objects: Vec<Object>,
    /// Who is at work on it, and since when.
    pub acknowledged: Option<(PersonId, Time)>,
    /// Who put it off until when.
    pub snoozes: Vec<(PersonId, Time)>,
    /// What covers its roots.
    pub silences: Vec<SilenceView>,
    /// All its roots are silenced.
    pub is_silenced: bool,
}
