//! A program on this machine: for every way to people that nobody has thought of.
//!
//! It is started once per message, gets one JSON object on its standard input, and says by its exit
//! code what became of it: 0 delivered, 78 (`EX_CONFIG` of `sysexits.h`) never send it again, all
//! others try again. The first line of its standard error is shown to people; its standard output
//! is thrown away. The key of the message is the same however often it comes, and it is the
//! program's work to deliver it once.
//!
//! At the deadline it is killed with everything it started that is still in its process group, and
//! whatever it left running in there ends with it, too. Then nobody knows whether the message
//! arrived.
//!
//! What comes from monitored systems is in the JSON only, never in arguments, environment or a shell.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use alerter::hands::{Answer, Channel, ChannelError, Pace, Parcel, Receipt};
use model::unit::Span;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::script::{Ended, How, Script};

use super::Kind;
use super::settings::{Ground, PerMinute, Problem, Text, pace};

/// "Configuration error": trying again is of no use.
const NEVER_AGAIN: i32 = 78;

/// A program on this machine. The address of a person is passed on as it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ScriptSettings {
    pub name: String,
    /// The program and its arguments. A path with a slash is relative to the main file.
    pub program: Vec<String>,
    /// What it finds in its environment, beside `PATH`.
    #[serde(default)]
    pub environment: std::collections::BTreeMap<String, Text>,
    #[serde(default = "deadline")]
    pub timeout: Span,
    /// Messages in any one minute, at most; no limit if left out.
    pub per_minute: Option<PerMinute>,
}

#[derive(Debug)]
struct ScriptChannel {
    name: String,
    script: Script,
    pace: Option<Pace>,
}

impl Kind for ScriptSettings {
    fn word(&self) -> &'static str {
        "script"
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn texts(&mut self) -> Vec<(&'static str, &mut Text)> {
        self.environment.values_mut().map(|text| ("environment", text)).collect()
    }

    fn open(&self, ground: &Ground) -> Result<Arc<dyn Channel>, Problem> {
        let Some((program, arguments)) = self.program.split_first() else {
            return Err(Problem::new("program", "write [path, argument, ...]"));
        };
        let deadline = self.timeout.0;
        if deadline.is_zero() || deadline > Duration::from_secs(300) {
            return Err(Problem::new("timeout", "write 1s to 5m"));
        }
        let program = match program.contains('/') {
            true => ground.folder.join(program),
            false => PathBuf::from(program),
        };
        let environment = self.environment.iter();
        let script = Script {
            program,
            arguments: arguments.to_vec(),
            environment: environment.map(|(k, v)| (k.clone(), v.value().to_owned())).collect(),
            deadline,
            max_output: 0,
        };
        Ok(Arc::new(ScriptChannel {
            name: self.name.clone(),
            script,
            pace: self.per_minute.map(|most| pace(Some(most), 0)),
        }))
    }

    fn takes_reports(&self) -> bool {
        true
    }
}

impl ScriptChannel {
    async fn tell(&self, parcel: Parcel<'_>) -> Result<Receipt, ChannelError> {
        let message = &parcel.messages[0];
        let input = json!({
            "version": 1,
            "channel": self.name,
            "key": message.key,
            "to": message.to,
            "address": parcel.address,
            "message": message,
        });
        let Ended { how, said, .. } = self.script.run(&[], &input.to_string()).await;
        match how {
            How::Exited(status) => judge(status, &said),
            How::NotStarted(detail) => Err(ChannelError::Retry { detail, after: None }),
            How::Lost(error) => Err(ChannelError::Unclear(error)),
            How::Killed => {
                let deadline = self.script.deadline;
                Err(ChannelError::Unclear(format!("killed after {deadline:?} {said}")))
            }
        }
    }
}

impl Channel for ScriptChannel {
    fn name(&self) -> &str {
        &self.name
    }

    fn deliver<'a>(&'a self, parcel: Parcel<'a>) -> Answer<'a, Result<Receipt, ChannelError>> {
        Box::pin(self.tell(parcel))
    }

    fn pace(&self) -> Option<Pace> {
        self.pace
    }

    fn knows_repeats(&self) -> bool {
        true
    }
}

fn judge(status: ExitStatus, said: &str) -> Result<Receipt, ChannelError> {
    match status.code() {
        Some(0) => Ok(Receipt::of(1)),
        Some(NEVER_AGAIN) => Err(ChannelError::Refused(format!("exit {NEVER_AGAIN}: {said}"))),
        Some(code) => {
            Err(ChannelError::Retry { detail: format!("exit {code}: {said}"), after: None })
        }
        None => Err(ChannelError::Unclear(format!("ended by {status}: {said}"))),
    }
}

fn deadline() -> Span {
    Span::secs(30)
}
