//! What counts beside the load: schedules, the forecast, room, holds, targets, blindness.

use super::*;

/// What else a look goes by, beside VMs and their loads.
#[derive(Clone, Debug, Default)]
pub(super) struct Beside {
    pub(super) schedules: Vec<ScheduleSpan>,
    pub(super) forecast: Option<Forecast>,
    pub(super) room: Room,
    pub(super) holds: Vec<Hold>,
    pub(super) spent: Option<SpentBudget>,
}

/// Plays looks like [`play`], each with what stands beside it, and tells of each what it comes to.
pub(super) fn look(
    raw: RawPolicy,
    memory: &mut ModuleMemory,
    at_s: i64,
    loads: &str,
    beside: &Beside,
) -> Want {
    let policy = check(raw).0.unwrap();
    let now = Time::from_millis(at_s * 1000);
    let vms: Vec<Vm> = (1..=loads.split_whitespace().count()).map(vm).collect();
    let members = Members { serving: vms.iter().collect(), ..Members::default() };
    let mut facts = facts(&vms, loads, now);
    facts.schedules.insert(policy.module.clone(), beside.schedules.clone());
    facts.spent.extend(beside.spent.clone().map(|spent| (policy.module.clone(), spent)));
    facts.forecasts.extend(beside.forecast.clone().map(|f| (policy.module.clone(), f)));
    let elapsed = Duration::from_secs(5);
    let (room, lead, holds) = (beside.room, LeadTimes::default(), &beside.holds);
    let scene = Scene {
        members: &members,
        facts: &facts,
        room,
        lead,
        holds,
        now,
        elapsed,
        tick: Duration::ZERO,
    };
    decide(&policy, memory, &scene)
}

pub(super) fn with(desired: u32) -> ModuleMemory {
    ModuleMemory { desired, ..ModuleMemory::default() }
}

/// A module that has been calm for so long that one VM may go.
fn calm(desired: u32) -> ModuleMemory {
    let long_ago = Time::from_millis(0);
    ModuleMemory {
        desired,
        below: BTreeMap::from([("load".to_owned(), Duration::from_secs(60))]),
        asked: [(long_ago, desired - 1)].into(),
        watching_since: Some(long_ago),
        ..ModuleMemory::default()
    }
}

/// A module under load for so long that VMs are added.
fn rushed(desired: u32) -> ModuleMemory {
    let above = BTreeMap::from([("load".to_owned(), Duration::from_secs(60))]);
    ModuleMemory { desired, above, ..ModuleMemory::default() }
}

fn told(want: &Want) -> String {
    format!("{}: {}", want.to, want.reason)
}

pub(super) fn span(min: Option<u32>, max: Option<u32>, mode: Option<Mode>) -> Beside {
    let (from, until) = (Time::from_millis(100_000), Time::from_millis(200_000));
    let name = "peak".to_owned();
    Beside {
        schedules: vec![ScheduleSpan { name, from, until, min, max, mode }],
        ..Beside::default()
    }
}

#[test]
fn each_stage_is_recorded_in_its_order() {
    let want = look(raw(), &mut rushed(3), 100, "1.5 1.5 1.5", &Beside::default());
    let mut log = String::new();
    for limit in &want.limits {
        let Limit { name, from, to, outcome, detail } = limit;
        writeln!(log, "{name}: {from} -> {to} {} ({detail})", outcome.as_str()).unwrap();
    }
    expect![[r#"
        metric: 3 -> 5 changed (metric load asks for 5)
        combine: 3 -> 5 changed (any may add: load)
        stabilise: 5 -> 5 n/a (only fewer are waited for)
        guard: 5 -> 5 n/a (only fewer are a risk)
        step: 5 -> 5 ok (at most 4 more at once)
        pace: 5 -> 5 ok (0 on their way, at most 6 at once)
        schedule: 5 -> 5 n/a (none holds)
        min/max: 5 -> 5 ok (at least 2, at most 8)
        release: 5 -> 5 n/a (none is going out)
        protection: 5 -> 5 n/a (nothing is taken away)
        pool: 5 -> 5 n/a (nothing is needed of it)
        fleet brake: 5 -> 5 n/a (nothing is taken away)
        mode: 5 -> 5 ok (auto)
        error budget: 5 -> 5 n/a (none is used up)
        hold: 5 -> 5 n/a (nothing is held)
    "#]]
    .assert_eq(&log);
    let names: Vec<&str> = want.limits.iter().map(|limit| limit.name.as_str()).collect();
    assert_eq!(names, STAGES);
}

#[test]
fn a_schedule_holds_from_its_beginning_up_to_its_end() {
    let floor = span(Some(5), None, None);
    let at = |second, loads: &str| {
        told(&look(
            raw(),
            &mut with(loads.split_whitespace().count() as u32),
            second,
            loads,
            &floor,
        ))
    };
    assert_eq!(at(99, "0.5 0.5 0.5"), "3: load 0.50 is within its band");
    assert_eq!(at(100, "0.5 0.5 0.5"), "5: schedule peak wants at least 5");
    assert_eq!(at(199, "0.5 0.5 0.5"), "5: schedule peak wants at least 5");
    assert_eq!(at(200, "0.5 0.5 0.5"), "3: load 0.50 is within its band");
    assert_eq!(at(150, "- - -"), "5: schedule peak wants at least 5", "without any metric");
}

#[test]
fn a_floor_by_schedule_holds_back_what_would_go() {
    let want = look(raw(), &mut calm(5), 150, "0.1 0.1 0.1 0.1 0.1", &span(Some(5), None, None));
    assert_eq!(told(&want), "5: schedule peak wants at least 5");
}

#[test]
fn a_ceiling_by_schedule_is_come_down_to_at_the_pace_of_the_policy() {
    let ceiling = span(None, Some(3), None);
    let want = look(raw(), &mut with(5), 150, "0.5 0.5 0.5 0.5 0.5", &ceiling);
    assert_eq!(told(&want), "4: schedule peak wants at most 3");
    let want = look(raw(), &mut rushed(3), 150, "1.5 1.5 1.5", &ceiling);
    assert_eq!(told(&want), "3: schedule peak wants at most 3");
}

#[test]
fn a_schedule_makes_the_mode_stricter_and_never_laxer() {
    let paused = span(None, None, Some(Mode::Paused));
    assert_eq!(look(raw(), &mut rushed(3), 150, "1.5 1.5 1.5", &paused).mode, Mode::Paused);
    let mut raw = raw();
    raw.mode = Mode::DryRun;
    let out_only = span(None, None, Some(Mode::OutOnly));
    assert_eq!(look(raw, &mut rushed(3), 150, "1.5 1.5 1.5", &out_only).mode, Mode::DryRun);
}

#[test]
fn bounds_are_gone_after_at_the_pace_of_the_policy() {
    let mut raw = raw();
    raw.capacity = RawCapacity { min: 7, max: 8, initial: None };
    raw.pace.out.max_in_flight = Some(3);
    let want = look(raw, &mut with(2), 100, "- -", &Beside::default());
    assert_eq!(told(&want), "5: the policy's bounds are 7 to 8");
}

#[test]
fn a_forecast_lifts_the_floor_a_little_and_only_if_it_may() {
    let forecast = |count, is_trusted| Beside {
        forecast: Some(Forecast { count, at: Time::default(), is_trusted, why: String::new() }),
        ..Beside::default()
    };
    let ask = |mode, count, is_trusted| {
        let mut raw = raw();
        raw.forecast.mode = mode;
        // 4 x 0.5 / 0.8 = 2.5: three are needed now, and half as many again may be added.
        told(&look(raw, &mut with(4), 100, "0.5 0.5 0.5 0.5", &forecast(count, is_trusted)))
    };
    use crate::policy::ForecastMode::{None, Observe, RaiseFloor};
    assert_eq!(ask(RaiseFloor, 8, true), "4: load 0.50 is within its band");
    let mut raw = raw();
    raw.forecast.mode = RaiseFloor;
    raw.forecast.max_raise = Share::Count(4);
    let want = look(raw, &mut with(4), 100, "0.5 0.5 0.5 0.5", &forecast(8, true));
    assert_eq!(told(&want), "7: the forecast wants at least 7");
    for (mode, is_trusted) in [(None, true), (Observe, true), (RaiseFloor, false)] {
        assert_eq!(ask(mode, 8, is_trusted), "4: load 0.50 is within its band");
    }
    let mut raw = self::raw();
    raw.forecast.mode = RaiseFloor;
    raw.forecast.max_raise = Share::Count(4);
    let late = look(raw, &mut with(4), 1_801, "0.5 0.5 0.5 0.5", &forecast(8, true));
    assert_eq!(told(&late), "4: load 0.50 is within its band", "after its horizon");
}

#[test]
fn a_floor_above_a_ceiling_ends_at_the_ceiling() {
    let mut raw = raw();
    raw.forecast.mode = crate::policy::ForecastMode::RaiseFloor;
    raw.forecast.max_raise = Share::Count(4);
    let forecast = Forecast { count: 8, at: Time::default(), is_trusted: true, why: String::new() };
    let capped = ScheduleSpan {
        name: "cap".to_owned(),
        from: Time::default(),
        until: Time::from_millis(7_200_000),
        min: None,
        max: Some(3),
        mode: None,
    };
    let beside = Beside { schedules: vec![capped], forecast: Some(forecast), ..Beside::default() };
    let ask = |desired, loads| told(&look(raw.clone(), &mut with(desired), 100, loads, &beside));
    assert_eq!(ask(2, "0.5 0.5"), "3: the forecast wants at least 3");
    assert_eq!(ask(3, "0.5 0.5 0.5"), "3: load 0.50 is within its band", "and stays there");
    assert_eq!(ask(4, "0.5 0.5 0.5 0.5"), "3: schedule cap wants at most 3");
}

#[test]
fn the_largest_numbers_there_are_add_up_to_no_smaller_one() {
    let mut policy = raw();
    policy.pace.out.max_in_flight = Some(100_000);
    let mut policy = check(policy).0.unwrap();
    // A count that did not come from a file.
    policy.out.max_in_flight = u32::MAX;
    let now = Time::from_millis(150_000);
    let vms: Vec<Vm> = (1..=3).map(vm).collect();
    let members = Members { serving: vms.iter().collect(), ..Members::default() };
    let facts = facts(&vms, "1.5 1.5 1.5", now);
    let (room, lead, elapsed) = (Room::default(), LeadTimes::default(), Duration::from_secs(5));
    let scene = Scene {
        members: &members,
        facts: &facts,
        room,
        lead,
        holds: &[],
        now,
        elapsed,
        tick: Duration::ZERO,
    };
    assert!(decide(&policy, &mut rushed(3), &scene).to > 3);
}

#[test]
fn a_hold_leaves_alone_and_says_what_would_be_done() {
    let hold = |what| Beside {
        holds: vec![Hold {
            id: "h1".parse().unwrap(),
            module: None,
            what,
            from: Time::default(),
            until: Time::from_millis(7_200_000),
            by: "ops".parse().unwrap(),
            reason: "sale".to_owned(),
        }],
        ..Beside::default()
    };
    let calm = |what| {
        let want = look(raw(), &mut calm(4), 150, "0.1 0.1 0.1 0.1", &hold(what));
        told(&want)
    };
    let held = "4: held (in) by h1 until 1970-01-01T02:00:00Z: would be 3, because load 0.10 < 0.40 \
                for 1m5s";
    assert_eq!(calm(HoldWhat::In), held);
    assert_eq!(calm(HoldWhat::Out), "3: load 0.10 < 0.40 for 1m5s");
    let want = look(raw(), &mut rushed(3), 150, "1.5 1.5 1.5", &hold(HoldWhat::All));
    assert!(told(&want).starts_with("3: held (all) by h1"), "{}", told(&want));
}

#[test]
fn with_a_spent_error_budget_it_only_goes_out_until_the_period_ends() {
    let spent = SpentBudget {
        policy: "shop@3".to_owned(),
        down: Duration::from_secs(3_000),
        allowed: Duration::from_secs(2_592),
        until: Time::from_millis(200_000),
    };
    let beside = Beside { spent: Some(spent), ..Beside::default() };
    let calm = |second| {
        let want = look(raw(), &mut calm(4), second, "0.1 0.1 0.1 0.1", &beside);
        told(&want)
    };
    let held = "4: down 50m where shop@3 allows 43m12s: the error budget is used up, and nothing is \
                taken away until 1970-01-01T00:03:20Z";
    assert_eq!(calm(199), held);
    assert_eq!(calm(200), "3: load 0.10 < 0.40 for 1m5s");
    let want = look(raw(), &mut rushed(3), 150, "1.5 1.5 1.5", &beside);
    assert_eq!(want.to, 5, "out as ever");
    let above = look(raw(), &mut with(10), 150, &"0.5 ".repeat(10), &beside);
    assert!(above.to < 10, "a ceiling is law: {}", told(&above));
}

#[test]
fn what_lies_outside_the_policy_limits_too() {
    let room = |room| Beside { room, ..Beside::default() };
    let calm = |limits| told(&look(raw(), &mut calm(4), 150, "0.1 0.1 0.1 0.1", &room(limits)));
    let none = Room { removable: Some(0), ..Room::default() };
    assert_eq!(calm(none), "4: none may go: all are protected, young or needed");
    let braked = Room { brake: Some(0), ..Room::default() };
    assert_eq!(calm(braked), "4: the fleet brake lets 0 more go for now");
    let rush = |ready, creatable| {
        let limits = Room { ready: Some(ready), creatable: Some(creatable), ..Room::default() };
        told(&look(raw(), &mut rushed(3), 150, "1.5 1.5 1.5", &room(limits)))
    };
    assert_eq!(rush(0, 0), "3: no VM to be had: 0 ready in the pool, 0 can be made");
    assert_eq!(rush(0, 1), "4: load 1.50 > 0.80 for 1m5s");
    assert_eq!(rush(2, 0), "5: load 1.50 > 0.80 for 1m5s");
    let none = Room { ready: Some(0), creatable: Some(0), ..Room::default() };
    let floor = Beside { room: none, ..span(Some(5), None, None) };
    let want = look(raw(), &mut with(3), 150, "0.5 0.5 0.5", &floor);
    assert_eq!(told(&want), "5: schedule peak wants at least 5", "a floor is wanted all the same");
}

#[test]
fn a_target_asks_for_what_carries_the_work() {
    let ask = |loads: &str, desired| {
        let mut raw = raw();
        (raw.metrics[0].out, raw.metrics[0].inward) = (None, None);
        raw.metrics[0].target = Some(0.5);
        look(raw, &mut with(desired), 100, loads, &Beside::default()).to
    };
    assert_eq!(ask("0.52 0.52 0.52", 3), 3, "near enough");
    assert_eq!(ask("0.8 0.8 0.8", 3), 5, "2.4 VMs of work at 0.5 to 0.55 each");
    assert_eq!(ask("0.2 0.2 0.2 0.2", 4), 4, "nothing goes at first sight");
}

/// A sum is what one VM takes of it, times VMs: however many report, and whoever summed.
#[test]
fn a_sum_is_shared_out_among_the_vms() {
    let summed = || {
        let mut raw = raw();
        (raw.metrics[0].out, raw.metrics[0].inward) = (None, None);
        (raw.metrics[0].aggregate, raw.metrics[0].target) = (Aggregate::Sum, Some(0.5));
        raw
    };
    let ask = |loads: &str, desired| {
        told(&look(summed(), &mut with(desired), 100, loads, &Beside::default()))
    };
    assert_eq!(ask("0.52 0.52 0.52", 3), "3: load 0.52, target 0.50: the count fits");
    assert_eq!(ask("0.8 0.8 0.8", 3), "5: load 2.40, target 0.50: 5 are wanted");
    assert_eq!(ask("0.8 0.8 0.8 -", 4), "7: load 3.20, target 0.50: 7 are wanted", "one is late");
    let proven = "5: load 2.40, target 0.50: 5 are wanted";
    assert_eq!(ask("1.2 1.2 - -", 4), proven, "two of four prove this much");
    let mut raw = summed();
    raw.metrics[0].expr = Some("sum(queue_depth)".to_owned());
    assert_eq!(told(&answered(raw, 4, 2.4)), "5: load 2.40, target 0.50: 5 are wanted");
}

#[test]
fn a_queue_outside_wakes_a_module_that_has_no_vm() {
    let mut raw = raw();
    raw.capacity.min = 0;
    (raw.metrics[0].out, raw.metrics[0].inward) = (None, None);
    raw.metrics[0].source = MetricSource::Outside;
    raw.metrics[0].expr = Some("sum(queue_depth)".to_owned());
    raw.metrics[0].target = Some(50.0);
    let ask = |depth: f64| answered(raw.clone(), 0, depth).to;
    assert_eq!((ask(0.0), ask(1.0), ask(120.0)), (0, 1, 3));
}

/// One look of a module of `desired` VMs whose expression comes to one value.
fn answered(raw: RawPolicy, desired: u32, value: f64) -> Want {
    let policy = check(raw).0.unwrap();
    let now = Time::from_millis(100_000);
    let answer = Answer { at: now, values: Ok(Values::Whole(value)) };
    let answers = BTreeMap::from([("load".to_owned(), answer)]);
    let answers = BTreeMap::from([(policy.module.clone(), answers)]);
    let facts = Facts { answers, ..Facts::default() };
    let vms: Vec<Vm> = (1..=desired as usize).map(vm).collect();
    let members = Members { serving: vms.iter().collect(), ..Members::default() };
    let scene = scene(&members, &facts, now, Duration::from_secs(1));
    decide(&policy, &mut with(desired), &scene)
}

#[test]
fn blind_for_long_enough_rises_to_the_floor_and_takes_nothing_away() {
    let mut raw = raw();
    raw.missing_data.out = MissingOut::ToFloor;
    raw.missing_data.floor = Some(6);
    raw.missing_data.alert_after = Span::secs(20);
    let mut memory = with(3);
    let mut at =
        |second| told(&look(raw.clone(), &mut memory, second, "- - -", &Beside::default()));
    assert_eq!(at(100), "3: load unknown: fresh samples from 0 of 3 VMs, 70 % needed");
    assert_eq!(at(119), "3: load unknown: fresh samples from 0 of 3 VMs, 70 % needed");
    assert_eq!(at(120), "6: load unknown for 20s: at least 6 until it is known");
}

#[test]
fn after_a_hole_nothing_is_made_up() {
    let mut memory = with(3);
    let policy = check(raw()).0.unwrap();
    let mut at = |second: i64, elapsed_s| {
        let now = Time::from_millis(second * 1000);
        let vms: Vec<Vm> = (1..=3).map(vm).collect();
        let members = Members { serving: vms.iter().collect(), ..Members::default() };
        let facts = facts(&vms, "1.5 1.5 1.5", now);
        let scene = scene(&members, &facts, now, Duration::from_secs(elapsed_s));
        told(&decide(&policy, &mut memory, &scene))
    };
    assert_eq!(at(100, 1), "3: load 1.50 > 0.80 for 1s of 3s");
    assert_eq!(at(700, 600), "3: load 1.50 > 0.80 for 1s of 3s", "nobody looked for ten minutes");
    assert_eq!(at(702, 2), "5: load 1.50 > 0.80 for 3s");
}
