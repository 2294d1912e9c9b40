//! Small stories, a tick a line.

mod beside;
mod replay;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::{Expect, expect};
use model::id::VmId;
use model::unit::{Share, Span};
use model::vm::VmState;

use super::*;
use crate::facts::{Answer, Forecast, Sample, SpentBudget, Values};
use crate::hold::HoldWhat;
use crate::policy::{
    Aggregate, MetricSource, MissingOut, RawCapacity, RawPolicy, check, tests::raw,
};

fn vm(number: usize) -> Vm {
    Vm {
        id: VmId::parse(&format!("vm-{number}")).unwrap(),
        flavor: "small".parse().unwrap(),
        state: VmState::Serving,
        since: Time::from_millis(0),
        created: Time::from_millis(0),
        host: None,
        addresses: None,
        module: None,
        assignment: 1,
        route_generation: 1,
        why: String::new(),
    }
}

fn scene<'a>(
    members: &'a Members<'a>,
    facts: &'a Facts,
    now: Time,
    elapsed: Duration,
) -> Scene<'a> {
    let (room, lead) = (Room::default(), LeadTimes::default());
    Scene { members, facts, room, lead, holds: &[], now, elapsed, tick: Duration::ZERO }
}

fn facts(vms: &[Vm], loads: &str, now: Time) -> Facts {
    let loads = loads.split_whitespace().map(|load| load.parse::<f64>().ok());
    let samples = vms.iter().zip(loads).filter_map(|(vm, load)| {
        let sample = Sample { value: load?, at: now };
        let name = model::metric::LOAD1_PER_CORE.to_owned();
        Some((vm.id.clone(), BTreeMap::from([(name, sample)])))
    });
    Facts { samples: samples.collect(), ..Facts::default() }
}

/// Plays lines of `seconds loads-of-the-serving-vms [warming=n]`, a tick each, `-` for a
/// missing sample; the wanted count is put in force at once.
fn play(raw: RawPolicy, start: u32, script: &str, expected: &Expect) {
    let policy = check(raw).0.unwrap();
    let mut memory = ModuleMemory { desired: start, ..ModuleMemory::default() };
    let mut log = String::new();
    let mut last = None;
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (at, rest) = line.split_once(' ').unwrap();
        let (loads, warming) = rest.split_once("warming=").unwrap_or((rest, "0"));
        let now = Time::from_millis(at.parse::<i64>().unwrap() * 1000);
        let vms: Vec<Vm> = (1..=loads.split_whitespace().count()).map(vm).collect();
        let serving = vms.iter().collect();
        let warming = warming.parse().unwrap();
        let members = Members { serving, coming: Vec::new(), warming };
        let elapsed = last.map_or(Duration::ZERO, |last| now.since(last));
        let facts = facts(&vms, loads, now);
        let scene = scene(&members, &facts, now, elapsed);
        let want = decide(&policy, &mut memory, &scene);
        writeln!(log, "{at} {} -> {}: {}", memory.desired, want.to, want.reason).unwrap();
        if want.to > memory.desired {
            memory.last_out = Some(now);
        } else if want.to < memory.desired {
            memory.last_in = Some(now);
        }
        memory.desired = want.to;
        last = Some(now);
    }
    expected.assert_eq(&log);
}

#[test]
fn a_rush_that_lasts_scales_out_and_what_is_on_its_way_counts() {
    play(
        raw(),
        3,
        "
        100 0.5 0.5 0.5
        101 1.5 1.5 1.5
        102 1.5 1.5 1.5
        103 1.5 1.5 1.5
        104 1.2 1.2 1.2 warming=2
        105 1.9 1.9 1.9 warming=2
        ",
        &expect![[r#"
            100 3 -> 3: load 0.50 is within its band
            101 3 -> 3: load 1.50 > 0.80 for 1s of 3s
            102 3 -> 3: load 1.50 > 0.80 for 2s of 3s
            103 3 -> 5: load 1.50 > 0.80 for 3s
            104 5 -> 5: with the VMs on their way load will be 0.72, not above 0.80
            105 5 -> 7: load 1.90 > 0.80 for 5s
        "#]],
    );
}

#[test]
fn a_calm_scales_in_only_after_it_lasted_and_was_stable() {
    play(
        raw(),
        4,
        "
        100 0.2 0.2 0.2 0.2
        105 0.2 0.2 0.2 0.2
        110 0.2 0.2 0.2 0.2
        112 0.2 0.2 0.2 0.2
        121 0.2 0.2 0.2 0.2
        122 0.2 0.2 0.2
        127 0.2 0.2 0.2
        ",
        &expect![[r#"
            100 4 -> 4: load 0.20 < 0.40 for 0 of 10s
            105 4 -> 4: load 0.20 < 0.40 for 5s of 10s
            110 4 -> 4: 4 were wanted lately: kept until 1970-01-01T00:02:00Z
            112 4 -> 4: 4 were wanted lately: kept until 1970-01-01T00:02:00Z
            121 4 -> 3: load 0.20 < 0.40 for 21s
            122 3 -> 3: 3 were wanted lately: kept until 1970-01-01T00:02:12Z
            127 3 -> 3: 3 were wanted lately: kept until 1970-01-01T00:02:12Z
        "#]],
    );
}

#[test]
fn nothing_is_taken_away_on_a_load_that_is_not_known() {
    let script = "
        100 0.1 0.1 0.1 0.1
        120 0.1 - - 0.1
        140 0.1 - - -
        ";
    play(
        raw(),
        4,
        script,
        &expect![[r#"
            100 4 -> 4: load 0.10 < 0.40 for 0 of 10s
            120 4 -> 4: load unknown: fresh samples from 2 of 4 VMs, 70 % needed
            140 4 -> 4: load unknown: fresh samples from 1 of 4 VMs, 70 % needed
        "#]],
    );
}

#[test]
fn a_part_of_the_vms_can_prove_overload() {
    play(
        raw(),
        4,
        "
        100 2.0 2.0 - -
        104 2.0 2.0 - -
        ",
        &expect![[r#"
            100 4 -> 4: load 1.00 > 0.80 for 0 of 3s
            104 4 -> 6: load at least 1.00 > 0.80, by 2 of 4 VMs alone
        "#]],
    );
}

/// One tick of a policy whose metric is an expression.
fn ask(aggregate: Aggregate, values: Result<Values, &str>, answered_s: i64) -> String {
    let mut raw = raw();
    raw.metrics[0].expr = Some("some expression".to_owned());
    raw.metrics[0].aggregate = aggregate;
    raw.metrics[0].out.as_mut().unwrap().lasting = model::unit::Span::secs(0);
    let policy = check(raw).0.unwrap();
    let mut memory = ModuleMemory { desired: 4, ..ModuleMemory::default() };
    let vms: Vec<Vm> = (1..=4).map(vm).collect();
    let members = Members { serving: vms.iter().collect(), ..Members::default() };
    let at = Time::from_millis(answered_s * 1000);
    let answer = Answer { at, values: values.map_err(str::to_owned) };
    let answers = BTreeMap::from([("load".to_owned(), answer)]);
    let answers = BTreeMap::from([(policy.module.clone(), answers)]);
    let facts = Facts { answers, ..Facts::default() };
    let now = Time::from_millis(100_000);
    let scene = scene(&members, &facts, now, Duration::from_secs(1));
    let want = decide(&policy, &mut memory, &scene);
    format!("{}: {}", want.to, want.reason)
}

fn each(values: &[f64]) -> Result<Values, &'static str> {
    let vms = (1..).map(|number| vm(number).id);
    Ok(Values::Each(vms.zip(values.iter().copied()).collect()))
}

#[test]
fn an_expression_counts_as_a_metric_does() {
    use Aggregate::{Max, Mean, Min};
    let told = |aggregate, values, at| ask(aggregate, values, at);
    assert_eq!(told(Mean, each(&[0.9, 1.0, 1.1, 1.0]), 100), "6: load 1.00 > 0.80 for 1s");
    assert_eq!(told(Max, each(&[0.5, 0.5, 0.5, 0.9]), 100), "6: load 0.90 > 0.80 for 1s");
    assert_eq!(told(Min, each(&[0.5, 0.9, 0.9, 0.9]), 100), "4: load 0.50 is within its band");
    assert_eq!(told(Mean, Ok(Values::Whole(0.9)), 100), "6: load 0.90 > 0.80 for 1s");
}

#[test]
fn an_expression_that_does_not_cover_the_vms_proves_what_its_part_proves() {
    let part = each(&[2.0, 2.0]);
    let proven = "6: load at least 1.00 > 0.80, by 2 of 4 VMs alone";
    assert_eq!(ask(Aggregate::Mean, part.clone(), 100), proven);
    let unknown = "4: load unknown: fresh samples from 2 of 4 VMs, 70 % needed";
    assert_eq!(ask(Aggregate::Min, part, 100), unknown);
}

#[test]
fn an_expression_without_a_fresh_value_holds_and_says_why() {
    let failed = Err("the query was stopped: 2s are over");
    let why = "4: load unknown: the query was stopped: 2s are over";
    assert_eq!(ask(Aggregate::Mean, failed, 100), why);
    let old = "4: load unknown: fresh samples from 0 of 4 VMs, 70 % needed";
    assert_eq!(ask(Aggregate::Mean, Ok(Values::Whole(0.1)), 90), old);
    assert_eq!(ask(Aggregate::Mean, Ok(Values::Whole(f64::NAN)), 100), old);
}

#[test]
fn rubbish_samples_are_no_samples() {
    play(
        raw(),
        3,
        "
        100 NaN -5 inf
        110 NaN -5 inf
        ",
        &expect![[r#"
            100 3 -> 3: load unknown: fresh samples from 0 of 3 VMs, 70 % needed
            110 3 -> 3: load unknown: fresh samples from 0 of 3 VMs, 70 % needed
        "#]],
    );
}

#[test]
fn the_guard_keeps_vms_whose_leaving_would_overload_the_rest() {
    let mut raw = raw();
    raw.metrics[0].inward.as_mut().unwrap().below = 0.7;
    play(
        raw,
        3,
        "
        100 0.6 0.6 0.6
        130 0.6 0.6 0.6
        141 0.6 0.6 0.6
        ",
        &expect![[r#"
            100 3 -> 3: load 0.60 < 0.70 for 0 of 10s
            130 3 -> 3: 3 were wanted lately: kept until 1970-01-01T00:02:20Z
            141 3 -> 3: with one VM less load would be 0.90 > 0.72
        "#]],
    );
}

#[test]
fn bounds_hold_without_any_sample() {
    play(
        raw(),
        1,
        "
        100 -
        101 - -
        ",
        &expect![[r#"
            100 1 -> 2: the policy's bounds are 2 to 8
            101 2 -> 2: load unknown: fresh samples from 0 of 2 VMs, 70 % needed
        "#]],
    );
}

/// A policy is edited while more are wanted than it allows, and fewer are there than it wants.
#[test]
fn on_the_way_to_one_bound_the_other_holds() {
    let mut raw = raw();
    (raw.capacity.min, raw.capacity.max) = (3, 3);
    play(
        raw,
        2,
        "
        100 1.9 1.9 warming=9
        104 1.9 1.9
        ",
        &expect![[r#"
            100 2 -> 2: the policy's bounds are 3 to 3
            104 2 -> 3: the policy's bounds are 3 to 3
        "#]],
    );
}

#[test]
fn max_is_a_law() {
    let mut raw = raw();
    raw.capacity.max = 4;
    play(
        raw,
        3,
        "
        100 9 9 9
        104 9 9 9
        110 9 9 9 9
        ",
        &expect![[r#"
            100 3 -> 3: load 9.00 > 0.80 for 0 of 3s
            104 3 -> 4: load 9.00 > 0.80 for 4s
            110 4 -> 4: at max 4
        "#]],
    );
}

#[test]
fn out_only_takes_nothing_away() {
    let mut raw = raw();
    raw.mode = Mode::OutOnly;
    play(
        raw,
        4,
        "
        100 0.1 0.1 0.1 0.1
        130 0.1 0.1 0.1 0.1
        141 0.1 0.1 0.1 0.1
        ",
        &expect![[r#"
            100 4 -> 4: load 0.10 < 0.40 for 0 of 10s
            130 4 -> 4: 4 were wanted lately: kept until 1970-01-01T00:02:20Z
            141 4 -> 4: mode out-only takes nothing away
        "#]],
    );
}

#[test]
fn what_one_vm_says_is_cut_to_what_can_be_and_what_all_say_is_believed() {
    let policy = check(raw()).0.unwrap();
    let metric = &policy.metrics[0];
    assert!((metric.aim.above() - 0.8).abs() < 1e-9);
    let now = Time::from_millis(60_000);
    let read = |loads: &str| {
        let vms: Vec<Vm> = loads.split(' ').enumerate().map(|(number, _)| vm(number)).collect();
        let serving: Vec<&Vm> = vms.iter().collect();
        load(&policy, metric, &serving, &facts(&vms, loads, now), now).unwrap()
    };
    for (loads, expected) in [
        ("0.5 0.5 0.5 10000", (1.5 + 16.0) / 4.0),
        ("0.5 0.5 0.5 1e300", (1.5 + 16.0) / 4.0),
        ("10000", 16.0),
        ("50 50 50 60", 52.5),
        ("0.5 0.5 0.5 3", 4.5 / 4.0),
    ] {
        assert!((read(loads) - expected).abs() < 1e-9, "{loads}: {}", read(loads));
    }
}
