//! The benchmark's line protocol: its world asks, the scaler answers.
//!
//! One JSON object a line each way, flushed at once. Time is the benchmark's.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};

use anyhow::{Context as _, bail};
use model::id::VmId;
use model::time::Time;
use serde::Deserialize;
use serde_json::{Value, json};

use super::decider::{BenchmarkPolicy, BenchmarkWorld, Decider, Look, SeenVm};

/// A line is no longer than this: 100,000 VMs fit.
const MAX_LINE_BYTES: u64 = 16 * 1024 * 1024;
/// The benchmark begins at second 0, and its first VMs are older than that.
const START_S: f64 = 1_000_000.0;

#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line {
    Hello {
        #[serde(flatten)]
        world: BenchmarkWorld,
        policy: BenchmarkPolicy,
    },
    Tick(Tick),
    End,
}

#[derive(Debug, Deserialize)]
struct Tick {
    t: f64,
    vms: Vec<TickVm>,
    pool_available: u32,
}

#[derive(Debug, Deserialize)]
struct TickVm {
    id: String,
    state: TickState,
    since: f64,
    load: Option<f64>,
    load_t: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum TickState {
    Serving,
    Booting,
}

/// Answers until the end.
///
/// # Errors
/// At the first line that is not of the protocol, by its number.
pub fn serve(input: &mut dyn BufRead, output: &mut dyn Write) -> anyhow::Result<()> {
    let mut session = Session::default();
    for number in 1_u64.. {
        let mut line = Vec::new();
        let mut bounded = std::io::Read::take(&mut *input, MAX_LINE_BYTES);
        bounded.read_until(b'\n', &mut line).with_context(|| format!("reading line {number}"))?;
        if line.is_empty() {
            bail!("the input ended at line {number} without {{\"type\":\"end\"}}");
        }
        let line: Line = serde_json::from_slice(&line)
            .with_context(|| format!("line {number} is not of the protocol"))?;
        let Some(answer) = session.answer(line).with_context(|| format!("line {number}"))? else {
            return Ok(());
        };
        writeln!(output, "{answer}").and_then(|()| output.flush()).context("answering")?;
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Session {
    decider: Option<Decider>,
    names: BTreeMap<String, VmId>,
}

impl Session {
    fn answer(&mut self, line: Line) -> anyhow::Result<Option<Value>> {
        match line {
            Line::Hello { world, policy } => {
                self.decider = Some(Decider::new(world.policy(policy)?, world.lead_times())?);
                let version = env!("CARGO_PKG_VERSION");
                Ok(Some(json!({"type": "ready", "name": "cloudbrain", "version": version})))
            }
            Line::Tick(tick) => self.tick(tick).map(Some),
            Line::End => Ok(None),
        }
    }

    fn tick(&mut self, tick: Tick) -> anyhow::Result<Value> {
        let listed = tick.vms.len() as u32;
        let mut serving = Vec::with_capacity(tick.vms.len());
        for vm in tick.vms {
            if matches!(vm.state, TickState::Serving) {
                let load = vm.load.map(|load| (load, moment(vm.load_t)));
                serving.push(SeenVm { id: self.name(&vm.id)?, since: moment(vm.since), load });
            }
        }
        let decider = self.decider.as_mut().context("a tick before the hello")?;
        let look = Look {
            now: moment(tick.t),
            warming: listed - serving.len() as u32,
            serving: &serving,
            ready: tick.pool_available,
            desired: listed,
            work: None,
        };
        let want = decider.decide(&look);
        Ok(json!({"desired": want.to, "reason": want.reason.to_string()}))
    }

    fn name(&mut self, text: &str) -> anyhow::Result<VmId> {
        if let Some(id) = self.names.get(text) {
            return Ok(id.clone());
        }
        let id = VmId::parse(text).with_context(|| format!("{text:?} is no name of a VM"))?;
        self.names.insert(text.to_owned(), id.clone());
        Ok(id)
    }
}

fn moment(seconds: f64) -> Time {
    Time::from_millis(((START_S + seconds) * 1000.0) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HELLO: &str = r#"{"type":"hello","version":1,"tick_s":15,"collect_s":15,"lag_s":15,"min":2,"max":100,"pool_total":10,"pool_take_s":10,"cold_boot_s":180,"refill_every_s":60,"drain_s":30,"load_tau_s":0,"policy":{"target":0.7,"hi":0.8,"lo":0.5,"step_out":2,"step_in":1,"cooldown_s":120}}"#;

    fn answers(lines: &[&str]) -> (Vec<Value>, Option<String>) {
        let input = lines.join("\n");
        let mut output = Vec::new();
        let end = serve(&mut input.as_bytes(), &mut output);
        let lines = String::from_utf8(output).unwrap();
        let lines = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (lines, end.err().map(|error| format!("{error:#}")))
    }

    #[test]
    fn a_session_begins_with_ready_and_ends_quietly() {
        let tick = r#"{"type":"tick","t":30,"vms":[{"id":"vm-1","state":"serving","since":-3600,"load":1.5,"load_t":15},{"id":"vm-2","state":"booting","since":20,"load":null,"load_t":-1}],"draining":0,"pool_available":10,"pool_total":10}"#;
        let (lines, error) = answers(&[HELLO, tick, r#"{"type":"end"}"#]);
        assert_eq!(error, None);
        assert_eq!(lines[0]["type"], "ready");
        assert_eq!(lines[1]["desired"], 2, "work of 1.5 VMs is carried by two at 0.75: {lines:?}");
    }

    #[test]
    fn a_line_that_is_none_of_the_protocol_is_named() {
        let (_, error) = answers(&[HELLO, "{\"type\":\"tock\"}"]);
        assert!(error.unwrap().starts_with("line 2 is not of the protocol"));
        let (_, error) = answers(&[HELLO]);
        assert!(error.unwrap().contains("ended at line 2"));
    }
}
