//! What the demo came to: one page for people, one JSON object for programs.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use alerter::message::Message;
use model::time::Time;
use scaler::reason::Decision;
use serde::Serialize;
use serde_json::Value;

use super::load::Failure;
use super::story::{Kill, round};

/// A request that fails so near to a move of its VM failed because of it.
const NEAR: Duration = Duration::from_secs(10);
/// Ticks of `/proc/PID/stat` in a second, on every Linux of today.
const TICKS_PER_S: f64 = 100.0;

#[derive(Clone, Debug, Serialize)]
pub(super) struct Summary {
    pub seconds: f64,
    pub requests: u64,
    pub failed: Failed,
    /// `[seconds, serving]`, one entry per change.
    pub vms: Vec<(f64, u32)>,
    pub decisions: Vec<Decided>,
    pub kill: Killed,
    /// How many incidents somebody was told of.
    pub incidents: usize,
    pub messages: Vec<Told>,
    pub availability: Value,
    pub brain: BrainFigures,
}

/// Failed requests, by whose fault it was.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Failed {
    /// On a VM that was going into or out of service by the scaler's will.
    pub scaling: u64,
    /// On a VM of the dead host.
    pub host_kill: u64,
    pub other: u64,
    /// The first few of `other` and `scaling`, as their users saw them.
    pub examples: Vec<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Decided {
    /// Seconds from the start.
    pub time: f64,
    pub module: String,
    pub from: u32,
    pub to: u32,
    pub reason: String,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Killed {
    pub at_s: f64,
    pub vms: Vec<String>,
    pub out_of_router_s: Option<f64>,
    pub replaced_s: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Told {
    pub to: String,
    pub kind: String,
    pub incident: String,
    pub text: String,
}

/// What the brain cost.
#[derive(Clone, Debug, Serialize)]
pub(super) struct BrainFigures {
    /// Percent of one core, over the whole demo.
    pub cpu_percent: f64,
    /// The highest resident memory that was seen.
    pub rss_mib: f64,
}

impl Decided {
    pub(super) fn of(decision: &Decision, second: f64) -> Self {
        Self {
            time: round(second),
            module: decision.module.to_string(),
            from: decision.from,
            to: decision.to,
            reason: decision.reason.to_string(),
        }
    }
}

impl Told {
    pub(super) fn of(message: &Message) -> Self {
        Self {
            to: message.to.to_string(),
            kind: format!("{:?}", message.kind).to_lowercase(),
            incident: message.incident.to_string(),
            text: message.text.clone(),
        }
    }
}

/// Puts each failure down to its cause. The dead host comes first: its VMs are moved because they
/// are dead, not the other way round.
pub(super) fn classify(
    failures: &[Failure],
    kill: &Kill,
    moves: &BTreeMap<String, Vec<Time>>,
) -> Failed {
    let mut failed = Failed::default();
    for failure in failures {
        let on_dead = |vm: &String| kill.vms.iter().any(|dead| dead.as_str() == vm);
        let moving = |vm: &String| {
            let moves = moves.get(vm).into_iter().flatten();
            let mut apart = moves.map(|at| at.since(failure.at).max(failure.at.since(*at)));
            apart.any(|apart| apart <= NEAR)
        };
        // A request may have begun just before the host died.
        if failure.vm.as_ref().is_some_and(on_dead) && failure.at + NEAR >= kill.at {
            failed.host_kill += 1;
            continue;
        }
        if failure.vm.as_ref().is_some_and(moving) {
            failed.scaling += 1;
        } else {
            failed.other += 1;
        }
        if failed.examples.len() < 5 {
            let vm = failure.vm.as_deref().unwrap_or("no VM named");
            failed.examples.push(format!("{}: {vm}: {}", failure.at, failure.what));
        }
    }
    failed
}

/// Reads the brain's own use of the machine while it runs.
#[derive(Debug)]
pub(super) struct Figures {
    pid: u32,
    cpu_begun_s: f64,
    cpu_s: f64,
    rss_mib: f64,
}

impl Figures {
    pub(super) fn begin(pid: u32) -> Self {
        let cpu_s = cpu_s(pid).unwrap_or(0.0);
        Self { pid, cpu_begun_s: cpu_s, cpu_s, rss_mib: 0.0 }
    }

    pub(super) fn look(&mut self, pid: u32) {
        self.pid = pid;
        self.cpu_s = cpu_s(pid).unwrap_or(self.cpu_s);
        self.rss_mib = self.rss_mib.max(rss_mib(pid).unwrap_or(0.0));
    }

    pub(super) fn end(self, seconds: f64) -> BrainFigures {
        let used = self.cpu_s - self.cpu_begun_s;
        BrainFigures {
            cpu_percent: round(100.0 * used / seconds.max(1.0)),
            rss_mib: round(self.rss_mib),
        }
    }
}

fn cpu_s(pid: u32) -> Option<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, so the fields are counted from its closing bracket.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks: f64 = fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?;
    Some(ticks / TICKS_PER_S)
}

fn rss_mib(pid: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    Some(line.split_whitespace().nth(1)?.parse::<f64>().ok()? / 1024.0)
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = &self.failed;
        writeln!(f)?;
        writeln!(
            f,
            "requests      {} in {:.0} s; failed by scaling {}, by the dead host {}, otherwise {}",
            self.requests, self.seconds, failed.scaling, failed.host_kill, failed.other
        )?;
        for example in &failed.examples {
            writeln!(f, "              {example}")?;
        }
        self.fmt_kill(f)?;
        for decision in &self.decisions {
            let Decided { time, from, to, reason, .. } = decision;
            writeln!(f, "decision      {time:6.1} s  {from} -> {to}: {reason}")?;
        }
        writeln!(f, "incidents     {}", self.incidents)?;
        for told in &self.messages {
            let first = told.text.lines().next().unwrap_or_default();
            writeln!(f, "told          {} ({}): {first}", told.to, told.kind)?;
        }
        self.fmt_availability(f)?;
        let BrainFigures { cpu_percent, rss_mib } = self.brain;
        write!(f, "brain         {cpu_percent:.1} % of a core, {rss_mib:.0} MiB")
    }
}

impl Summary {
    fn fmt_kill(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |seconds: Option<f64>| match seconds {
            Some(seconds) => format!("after {seconds:.1} s"),
            None => "never".to_owned(),
        };
        writeln!(
            f,
            "dead host     at {:.1} s; its {} VMs out of the router {}, replaced {}",
            self.kill.at_s,
            self.kill.vms.len(),
            seconds(self.kill.out_of_router_s),
            seconds(self.kill.replaced_s)
        )
    }

    fn fmt_availability(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |key: &str| self.availability[key].as_f64().unwrap_or(0.0);
        let percent = |key: &str| match self.availability[key].as_f64() {
            Some(share) => format!("{:.2} %", (share * 1e4).floor() / 1e2),
            None => "unknown".to_owned(),
        };
        writeln!(
            f,
            "availability  {}; up {:.0} s, down {:.0} s, unknown {:.0} s; coverage {}",
            percent("known"),
            seconds("up_s"),
            seconds("down_s"),
            seconds("unknown_s"),
            percent("coverage"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_is_put_down_to_its_cause() {
        let at = Time::from_millis(1_000_000);
        let kill =
            Kill { at, at_s: 10.0, vms: vec!["vm-2".parse().unwrap()], out_of_router_s: Some(1.0) };
        let moves = BTreeMap::from([
            ("vm-2".to_owned(), vec![at + Duration::from_secs(1)]),
            ("vm-3".to_owned(), vec![at + Duration::from_secs(60)]),
        ]);
        let failure = |after_s: u64, vm: Option<&str>| Failure {
            at: at + Duration::from_secs(after_s),
            vm: vm.map(str::to_owned),
            what: "502".to_owned(),
        };
        let failures = [
            failure(1, Some("vm-2")),
            failure(58, Some("vm-3")),
            failure(30, Some("vm-3")),
            failure(2, None),
        ];
        let failed = classify(&failures, &kill, &moves);
        assert_eq!((failed.host_kill, failed.scaling, failed.other), (1, 1, 2));
        assert_eq!(failed.examples.len(), 3);
    }
}
