//! Programs on VMs by a program of the user's: ssh, a container engine, a tool that is there already.
//!
//! It is started once for each thing that is asked, with `deploy` or `undeploy` as its last argument,
//! and gets one JSON object on its standard input (docs/providers.md). Its exit code says what became of
//! it, as for a provider that is a program.
//!
//! It must do as every deployer does: the same assignment again starts no second program, a higher one
//! replaces what runs, and nothing running is a success of `undeploy`. The environment of a module may
//! hold secrets: it goes in the input only.

use std::time::Duration;

use scaler::hands::{Answer, Deployer, HandError, Machine, Program};
use serde_json::{Value, json};

use crate::channel::Problem;
use crate::provider::Ground;
use crate::provider::exec::{Refusal, judge, with};
use crate::script::{ProgramSettings, Script};

/// A deployer that is a program.
#[derive(Debug)]
pub struct ExecDeployer {
    script: Script,
    greeting: Value,
}

impl ExecDeployer {
    /// Starts nothing.
    pub fn new(settings: &ProgramSettings, ground: &Ground) -> Result<Self, Problem> {
        let greeting = json!({"version": 1, "fleet": ground.fleet});
        Ok(Self { script: settings.open(&ground.folder, 0)?, greeting })
    }

    async fn run(&self, word: &str, machine: &Machine, more: Value) -> Result<(), HandError> {
        let Some(addresses) = machine.addresses else {
            return Err(HandError::Failed("its provider has not said where it is".to_owned()));
        };
        let place = json!({"vm": machine.vm, "agent": addresses.agent, "app": addresses.app});
        let input = with(&with(&self.greeting, place), more);
        let ended = self.script.run(&[word], &input.to_string()).await;
        judge(&ended, self.script.deadline).map_err(Refusal::plain)
    }

    async fn start(&self, machine: &Machine, program: &Program) -> Result<(), HandError> {
        let port = machine.addresses.map(|addresses| addresses.app.port().to_string());
        let port = port.unwrap_or_default();
        let command = program.command.iter().map(|word| word.replace("${PORT}", &port));
        let command: Vec<String> = command.collect();
        let more = json!({
            "module": program.module,
            "assignment": program.assignment,
            "epoch": program.epoch,
            "command": command,
            "environment": program.environment,
        });
        let started = self.run("deploy", machine, more).await;
        // What it says may repeat what it was given.
        started.map_err(|error| hide(error, program))
    }
}

impl Deployer for ExecDeployer {
    fn deploy<'a>(
        &'a self,
        machine: &'a Machine,
        program: &'a Program,
    ) -> Answer<'a, Result<(), HandError>> {
        Box::pin(self.start(machine, program))
    }

    fn undeploy<'a>(
        &'a self,
        machine: &'a Machine,
        grace: Duration,
    ) -> Answer<'a, Result<(), HandError>> {
        let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
        Box::pin(self.run("undeploy", machine, json!({"grace_ms": grace_ms})))
    }
}

/// Shorter values of an environment are not looked for in what is shown.
const MIN_SECRET_CHARS: usize = 8;

fn hide(error: HandError, program: &Program) -> HandError {
    let without = |words: String| {
        let secrets = program.environment.values().filter(|value| value.len() >= MIN_SECRET_CHARS);
        secrets.fold(words, |words, secret| words.replace(secret.as_str(), "***"))
    };
    match error {
        HandError::Refused(words) => HandError::Refused(without(words)),
        HandError::Failed(words) => HandError::Failed(without(words)),
        HandError::Unclear(words) => HandError::Unclear(without(words)),
        HandError::TimedOut(_) | HandError::NoCapacity { .. } => error,
    }
}
