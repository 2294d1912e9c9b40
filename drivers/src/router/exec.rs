//! Any other router, by a program of the user's.
//!
//! The program is started once per push and once per look, gets one JSON object on its standard
//! input, and says by its exit code what became of it: 0 done, 78 (`EX_CONFIG` of `sysexits.h`)
//! refused for good, all others failed, to be tried again. The first line of its standard error is
//! shown to people. At the deadline it is killed with everything it started; then the push may or may
//! not have happened, and the same routing is pushed again.
//!
//! What it is trusted with is the promise of [`Router::push`]: it ends with 0 only once the router
//! follows. So the stamp is looked for in what it says afterwards, and of what it does not count
//! nothing is concluded. docs/routers.md has the contract with an example.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::id::VmId;
use model::unit::Span;
use scaler::hands::{
    Answer, HandError, Router, RouterReport, Routing, Stamp, Uncounted, UpstreamReport,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::include::refuse_older;
use super::{Ground, Kind, Problem};
use crate::command::{self, Ended, in_short};

/// "Configuration error": trying again is of no use.
const NEVER_AGAIN: i32 = 78;
/// The longest that a program may be given: a brain that waits for it waits with whoever drains.
const LONGEST: Duration = Duration::from_secs(120);

/// A router that a program of yours drives; docs/routers.md says what it is given and has to say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecSettings {
    pub name: String,
    /// The program and its arguments. A path with a slash is relative to the main file.
    pub program: Vec<String>,
    /// How long it may take.
    #[serde(default = "default_timeout")]
    pub timeout: Span,
    /// Two pushes are this far apart at least, and what comes in between is merged; a VM that is ill
    /// is taken out at once.
    #[serde(default)]
    pub push_every: Span,
    /// After so long without a word of it its acknowledgement is not waited for. Only if it gets no
    /// traffic by then, because DNS or a virtual address leads elsewhere.
    pub waive_after: Option<Span>,
}

impl Kind for ExecSettings {
    fn word(&self) -> &'static str {
        "exec"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn waive_after(&self) -> Option<Span> {
        self.waive_after
    }

    fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.program.is_empty() {
            problems.push(Problem::new("program", "is empty; write [path, argument, ...]"));
        }
        if self.timeout.0.is_zero() || self.timeout.0 > LONGEST {
            problems.push(Problem::new("timeout", "write 1s to 2m"));
        }
        problems
    }

    fn places(&self) -> Vec<String> {
        Vec::new()
    }

    fn open(&self, ground: &Ground) -> Arc<dyn Router> {
        let program = ground.command(&self.program);
        Arc::new(ExecRouter { settings: Self { program, ..self.clone() } })
    }
}

#[derive(Debug)]
struct ExecRouter {
    settings: ExecSettings,
}

/// What the program says of the router.
#[derive(Debug, Deserialize)]
struct Said {
    #[serde(flatten)]
    stamp: Stamp,
    #[serde(default)]
    upstreams: BTreeMap<VmId, UpstreamReport>,
    /// Who says nothing of it counts nothing.
    uncounted: Option<Uncounted>,
}

impl ExecRouter {
    async fn take(&self, routing: &Routing) -> Result<(), HandError> {
        let before = self.look().await.map_or(Stamp::default(), |report| report.stamp());
        refuse_older(routing.stamp(), &[before])?;
        if before == routing.stamp() {
            return Ok(());
        }
        let order = json!({
            "version": 1, "do": "push", "router": self.settings.name, "routing": routing,
        });
        self.run(&order).await?;
        match self.look().await?.stamp() {
            now if now == routing.stamp() => Ok(()),
            now => Err(HandError::Failed(format!("pushed, and {now} is said to be in force"))),
        }
    }

    async fn look(&self) -> Result<RouterReport, HandError> {
        let order = json!({ "version": 1, "do": "observe", "router": self.settings.name });
        let ended = self.run(&order).await?;
        let said: Said = serde_json::from_slice(&ended.output)
            .map_err(|error| HandError::Failed(format!("what it says is no report: {error}")))?;
        Ok(RouterReport {
            epoch: said.stamp.epoch,
            generation: said.stamp.generation,
            upstreams: said.upstreams,
            uncounted: said.uncounted.unwrap_or(Uncounted::Everything),
        })
    }

    async fn run(&self, order: &Value) -> Result<Ended, HandError> {
        let (program, patience) = (&self.settings.program, self.settings.timeout.0);
        let ended = command::run(program, format!("{order}\n").as_bytes(), patience).await?;
        match ended.code {
            Some(0) => Ok(ended),
            Some(NEVER_AGAIN) => Err(HandError::Refused(in_short(&ended.complaint(&[])))),
            _ => Err(HandError::Failed(in_short(&ended.complaint(&[])))),
        }
    }
}

impl Router for ExecRouter {
    fn name(&self) -> &str {
        &self.settings.name
    }

    fn rests(&self) -> Duration {
        self.settings.push_every.0
    }

    fn push<'a>(&'a self, routing: &'a Routing) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.take(routing))
    }

    fn observe(&self) -> Answer<'_, Result<RouterReport, HandError>> {
        Box::pin(self.look())
    }

    /// It is not ours to end.
    fn stop(&self) -> Answer<'_, Result<(), HandError>> {
        Box::pin(async { Ok(()) })
    }
}

fn default_timeout() -> Span {
    Span::secs(10)
}
