//! How modules have behaved of late, for the lint of their policies.
//!
//! How long VMs take to boot and to become ready stands in the journal, which has each move of each VM;
//! how often the ceiling was wanted stands in the samples. What nobody measured is left out, and the
//! lint says nothing of it: how long requests take, and whether a target metric falls as VMs are added
//! (by itself the count rises with the load, so the two go up together where all is well).

use std::collections::BTreeMap;
use std::time::Duration;

use model::id::{FlavorId, ModuleId, Object, VmId};
use model::time::Time;
use query::{Expression, Limits, Value};
use samples::Samples;
use scaler::policy::lint::History;
use store::JournalRow;

use super::Handle;
use super::core::DESIRED;

/// So far back is looked.
const BACK: Duration = Duration::from_secs(7 * 86_400);
/// So many of the newest lines of the journal are read.
const MAX_LINES: usize = 50_000;
/// With fewer VMs than these a percentile is chance.
const LEAST: usize = 5;

/// What is known of the VMs and policies there are.
#[derive(Debug)]
struct Fleet {
    vms: BTreeMap<VmId, (FlavorId, Option<ModuleId>)>,
    policies: BTreeMap<ModuleId, (FlavorId, u32)>,
}

/// The history of each module with a policy.
///
/// # Errors
/// Why the brain or its store does not answer.
pub async fn histories(handle: &Handle) -> Result<BTreeMap<ModuleId, History>, String> {
    let fleet = handle.ask(|core, _| {
        let vms = core.scaler.vms.values();
        let vms = vms.map(|vm| (vm.id.clone(), (vm.flavor.clone(), vm.module.clone())));
        let policies = core.config.scaler.policies.values();
        let policies = policies.map(|p| (p.module.clone(), (p.flavor.clone(), p.max)));
        Fleet { vms: vms.collect(), policies: policies.collect() }
    });
    let fleet = fleet.await?;
    let now = handle.clock.now();
    let lines = handle.store.journal(now - BACK, now, MAX_LINES).await;
    let starts = Starts::of(&lines.map_err(|error| error.to_string())?);
    let maxima: Vec<(ModuleId, u32)> =
        fleet.policies.iter().map(|(module, (_, max))| (module.clone(), *max)).collect();
    let shares = handle.recorder.run(move |samples| shares_at_max(samples, &maxima, now)).await;
    let histories = fleet.policies.iter().map(|(module, (flavor, _))| {
        let of_flavor = |vm: &VmId| fleet.vms.get(vm).is_some_and(|(f, _)| f == flavor);
        let of_module =
            |vm: &VmId| fleet.vms.get(vm).is_some_and(|(_, m)| m.as_ref() == Some(module));
        let history = History {
            boot_p95: starts.p95(&starts.boots, of_flavor),
            ready_p95: starts.p95(&starts.readies, of_module),
            share_at_max: shares.get(module).copied(),
            ..History::default()
        };
        (module.clone(), history)
    });
    Ok(histories.collect())
}

/// How long each VM took, by its moves.
#[derive(Debug, Default)]
struct Starts {
    /// From its order to the pool.
    boots: BTreeMap<VmId, Duration>,
    /// From the start of its program to readiness, the last time.
    readies: BTreeMap<VmId, Duration>,
}

impl Starts {
    fn of(lines: &[JournalRow]) -> Self {
        let mut lines: Vec<&JournalRow> = lines.iter().collect();
        lines.sort_by_key(|line| line.at);
        let mut starts = Self::default();
        let (mut ordered, mut deployed) = (BTreeMap::new(), BTreeMap::new());
        for line in lines {
            let Some(Object::Vm(vm)) = &line.object else { continue };
            match line.what.as_str() {
                "vm creating" => drop(ordered.insert(vm.clone(), line.at)),
                "vm deploying" => drop(deployed.insert(vm.clone(), line.at)),
                "vm pool" => note(&mut starts.boots, &mut ordered, vm, line.at),
                "vm ready" => note(&mut starts.readies, &mut deployed, vm, line.at),
                _ => {}
            }
        }
        starts
    }

    fn p95(
        &self,
        times: &BTreeMap<VmId, Duration>,
        is_of: impl Fn(&VmId) -> bool,
    ) -> Option<Duration> {
        let mut times: Vec<Duration> =
            times.iter().filter(|(vm, _)| is_of(vm)).map(|(_, time)| *time).collect();
        times.sort();
        let rank = (times.len() * 95).div_ceil(100).saturating_sub(1);
        times.get(rank).copied().filter(|_| times.len() >= LEAST)
    }
}

fn note(
    into: &mut BTreeMap<VmId, Duration>,
    began: &mut BTreeMap<VmId, Time>,
    vm: &VmId,
    at: Time,
) {
    if let Some(begin) = began.remove(vm) {
        into.insert(vm.clone(), at.since(begin));
    }
}

/// The part of last week in which each module wanted as many VMs as it may have.
fn shares_at_max(
    samples: &Samples,
    maxima: &[(ModuleId, u32)],
    now: Time,
) -> BTreeMap<ModuleId, f64> {
    let shares = maxima.iter().filter_map(|(module, max)| {
        let text =
            format!("avg_over_time(({DESIRED}{{module=\"{module}\"}} >= bool {max})[7d:10m])");
        let expression = Expression::parse(&text).ok()?;
        match expression.instant(samples, now.millis(), Limits::default()).ok()? {
            Value::Vector(found) => Some((module.clone(), found.first()?.value)),
            Value::Scalar(_) | Value::Matrix(_) | Value::String { .. } => None,
        }
    });
    shares.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(vm: &str, what: &str, second: i64) -> JournalRow {
        JournalRow {
            at: Time::from_millis(second * 1000),
            who: "scaler".to_owned(),
            what: what.to_owned(),
            object: Some(Object::Vm(vm.parse().unwrap())),
            text: String::new(),
        }
    }

    #[test]
    fn a_start_is_timed_by_its_moves_and_a_few_say_nothing() {
        let lines: Vec<JournalRow> = (1..=20)
            .flat_map(|vm| {
                let name = format!("vm-{vm}");
                [line(&name, "vm creating", 100), line(&name, "vm pool", 100 + vm)]
            })
            .rev() // As the journal has it, the newest first.
            .collect();
        let starts = Starts::of(&lines);
        assert_eq!(starts.p95(&starts.boots, |_| true), Some(Duration::from_secs(19)));
        let four = |vm: &VmId| ["vm-1", "vm-2", "vm-3", "vm-4"].contains(&vm.as_str());
        assert_eq!(starts.p95(&starts.boots, four), None);
        assert_eq!(starts.p95(&starts.readies, |_| true), None);
    }

    #[test]
    fn a_recycled_vm_was_not_booted_again() {
        let lines = [
            line("vm-1", "vm creating", 0),
            line("vm-1", "vm pool", 30),
            line("vm-1", "vm deploying", 40),
            line("vm-1", "vm ready", 45),
            line("vm-1", "vm pool", 500),
        ];
        let starts = Starts::of(&lines);
        let vm = "vm-1".parse().unwrap();
        assert_eq!(starts.boots.get(&vm), Some(&Duration::from_secs(30)));
        assert_eq!(starts.readies.get(&vm), Some(&Duration::from_secs(5)));
    }
}
