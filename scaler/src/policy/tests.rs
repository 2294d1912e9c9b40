//! A policy to begin from, and what is refused.

use model::id::ModuleId;

use model::unit::{Share, Span};

use super::*;

/// A policy with short times, which tests change where they need to.
pub(crate) fn raw() -> RawPolicy {
    let metric = RawMetric {
        name: "load".to_owned(),
        source: MetricSource::Cloudmonitor,
        metric: None,
        expr: None,
        over: Over::Serving,
        aggregate: Aggregate::Mean,
        window: Span::secs(0),
        max_age: Span::secs(5),
        coverage: 0.7,
        out: Some(RawAbove { above: 0.8, lasting: Span::secs(3), step: Share::Count(2) }),
        inward: Some(RawBelow { below: 0.4, lasting: Span::secs(10), step: Share::Count(1) }),
        target: None,
        tolerance: None,
    };
    let ready = RawReady {
        http: Some("/ready".to_owned()),
        tcp: None,
        exec: None,
        expect: 200,
        every: Span::secs(1),
        timeout: Span::secs(1),
        pass: 2,
        fail: 2,
        deadline: Span::secs(30),
    };
    RawPolicy {
        api_version: ApiVersion::V1,
        kind: PolicyKind::ScalingPolicy,
        module: ModuleId::parse("shop/web").unwrap(),
        flavor: FlavorId::parse("small").unwrap(),
        mode: Mode::Auto,
        capacity: RawCapacity { min: 2, max: 8, initial: None },
        metrics: vec![metric],
        schedules: Vec::new(),
        forecast: RawForecast::default(),
        pace: RawPace {
            out: RawPaceOut { settle: Some(Span::secs(5)), ..RawPaceOut::default() },
            inward: RawPaceIn {
                stabilise: Some(Span::secs(10)),
                cooldown: Some(Span::secs(5)),
                ..RawPaceIn::default()
            },
            create: RawPaceCreate { timeout: Span::secs(60), ..RawPaceCreate::default() },
        },
        missing_data: RawMissingData::default(),
        deploy: RawDeploy::default(),
        health: RawHealth { ready, live: None },
        drain: RawDrain {
            timeout: Span::secs(10),
            kill_after: Span::secs(2),
            ..RawDrain::default()
        },
        terminate: RawTerminate { young: Span::secs(0), ..RawTerminate::default() },
        isolation: RawIsolation {
            after: Span::secs(1),
            max_share: Share::Percent(60),
            replace_after: Span::secs(0),
            keep_for_debug: Span::secs(20),
            ..RawIsolation::default()
        },
    }
}

fn refused(change: impl FnOnce(&mut RawPolicy)) -> Finding {
    let mut raw = raw();
    change(&mut raw);
    let (policy, findings) = check(raw);
    assert!(policy.is_none(), "{findings:?}");
    findings.into_iter().find(|f| f.severity == FindingSeverity::Error).unwrap()
}

#[test]
fn a_good_policy_passes() {
    let (policy, findings) = check(raw());
    assert_eq!(findings, []);
    assert_eq!(policy.unwrap().initial, 2);
}

#[test]
fn each_refusal_names_the_key_and_what_to_write() {
    let finding = refused(|raw| raw.capacity.min = 9);
    assert_eq!(finding.path, "capacity.min");
    assert!(finding.message.contains("at most 8"), "{finding:?}");
    assert_eq!(refused(|raw| raw.capacity.min = 0).path, "capacity.min");
    assert_eq!(refused(|raw| raw.capacity.initial = Some(9)).path, "capacity.initial");
    assert_eq!(refused(|raw| raw.metrics[0].coverage = 0.0).path, "metrics.0.coverage");
    assert_eq!(refused(|raw| raw.pace.inward.guard = Some(f64::NAN)).path, "pace.in.guard");
    assert_eq!(refused(|raw| raw.isolation.witnesses = 0).path, "isolation.witnesses");
    let finding = refused(|raw| raw.metrics[0].metric = Some("laod".to_owned()));
    assert!(finding.message.contains("load1_per_core"), "{finding:?}");
}

#[test]
fn a_metric_is_read_from_one_place_and_has_one_name() {
    let both = refused(|raw| {
        raw.metrics[0].metric = Some("load1_per_core".to_owned());
        raw.metrics[0].expr = Some("up".to_owned());
    });
    assert_eq!(both.path, "metrics.0.expr");
    let twice = refused(|raw| raw.metrics.push(raw.metrics[0].clone()));
    assert_eq!(twice.path, "metrics.1.name");
    let mut raw = raw();
    raw.metrics[0].expr = Some("up".to_owned());
    let policy = check(raw).0.unwrap();
    assert_eq!(policy.metrics[0].measure, Measure::Expression("up".to_owned()));
}

#[test]
fn aggregates_are_those_of_the_field() {
    let values = [4.0, 1.0, 3.0, 2.0];
    let of = |aggregate: Aggregate| aggregate.of(&values).unwrap();
    assert_eq!((of(Aggregate::Mean), of(Aggregate::P50)), (2.5, 2.5));
    assert_eq!((of(Aggregate::Min), of(Aggregate::Max)), (1.0, 4.0));
    assert!((of(Aggregate::P90) - 3.7).abs() < 1e-9);
    assert_eq!((of(Aggregate::Sum), Aggregate::Sum.of(&[])), (10.0, None));
    assert_eq!((Aggregate::Mean.of(&[]), Aggregate::P99.of(&[])), (None, None));
}

#[test]
fn thresholds_between_which_a_fleet_would_flap_are_refused() {
    let finding = refused(|raw| raw.metrics[0].inward.as_mut().unwrap().below = 0.75);
    assert_eq!(finding.path, "metrics.0.in.below");
    assert!(finding.message.contains("less than 0.72"), "{finding:?}");
}

#[test]
fn the_edge_of_flapping_is_refused_whatever_floats_make_of_it() {
    let edge = |above: f64, below: f64| {
        let mut raw = raw();
        raw.metrics[0].out.as_mut().unwrap().above = above;
        raw.metrics[0].inward.as_mut().unwrap().below = below;
        check(raw).0.is_some()
    };
    assert!(!edge(0.8, 0.72) && !edge(0.7, 0.63) && !edge(1.0, 0.9));
    assert!(edge(0.8, 0.71));
}

#[test]
fn a_sample_may_have_some_age() {
    assert_eq!(refused(|raw| raw.metrics[0].max_age = Span::secs(0)).path, "metrics.0.max_age");
}

#[test]
fn what_pace_leaves_out_depends_on_what_asks() {
    let pace = |raw: RawPolicy| {
        let policy = check(raw).0.unwrap();
        let PaceOut { max_step, max_in_flight, .. } = policy.out;
        let PaceIn { max_step: step, cooldown, guard, .. } = policy.inward;
        format!("out {max_step} {max_in_flight} in {step} {cooldown} {guard}")
    };
    let bare = |change: &dyn Fn(&mut RawMetric)| {
        let mut raw = RawPolicy { pace: RawPace::default(), ..raw() };
        change(&mut raw.metrics[0]);
        raw
    };
    let target = |metric: &mut RawMetric| {
        (metric.out, metric.inward, metric.target) = (None, None, Some(0.7));
    };
    assert_eq!(pace(bare(&|_| ())), "out 4 6 in 1 5m 0.9");
    assert_eq!(pace(bare(&target)), "out 100% 8 in 25% 0 1");
    let hottest = |metric: &mut RawMetric| {
        target(metric);
        metric.aggregate = Aggregate::Max;
    };
    assert_eq!(pace(bare(&hottest)), "out 4 6 in 1 5m 0.9", "no work is told from that");
    let mut raw = bare(&target);
    raw.pace.inward.max_step = Some(Share::Count(1));
    assert_eq!(pace(raw), "out 100% 8 in 1 0 1", "what is written counts");
}

#[test]
fn a_count_that_no_fleet_has_is_refused_wherever_it_stands() {
    let path = |change: fn(&mut RawPolicy)| refused(change).path;
    assert_eq!(path(|raw| raw.capacity.max = 100_001), "capacity.max");
    let in_flight = path(|raw| raw.pace.out.max_in_flight = Some(u32::MAX));
    assert_eq!(in_flight, "pace.out.max_in_flight");
    assert_eq!(path(|raw| raw.deploy.surge = Share::Count(u32::MAX - 5)), "deploy.surge");
    let step = path(|raw| raw.metrics[0].out.as_mut().unwrap().step = Share::Count(u32::MAX));
    assert_eq!(step, "metrics.0.out.step");
}

#[test]
fn what_has_no_effect_yet_says_so() {
    let warned = |change: fn(&mut RawPolicy)| {
        let mut raw = raw();
        change(&mut raw);
        check(raw).1.into_iter().map(|finding| finding.path).collect::<Vec<String>>()
    };
    assert_eq!(warned(|_| {}), Vec::<String>::new());
    assert_eq!(warned(|raw| raw.deploy.surge = Share::Count(1)), Vec::<String>::new());
    assert_eq!(warned(|raw| raw.deploy.smoke = 3), ["deploy"]);
    let live = |raw: &mut RawPolicy| {
        raw.health.live = serde_json::from_value(serde_json::json!({"tcp": 8080})).ok();
    };
    assert_eq!(warned(live), ["health.live"]);
}

#[test]
fn a_sum_wants_a_target_for_no_vm_brings_it_down() {
    let found = refused(|raw| raw.metrics[0].aggregate = Aggregate::Sum);
    assert_eq!(found.path, "metrics.0.aggregate");
    assert!(found.message.contains("needs a target"), "{found:?}");
    let found = refused(|raw| {
        let metric = &mut raw.metrics[0];
        (metric.out, metric.inward, metric.target) = (None, None, Some(0.7));
        (metric.aggregate, metric.over) = (Aggregate::Sum, Over::All);
    });
    assert_eq!(found.path, "metrics.0.over");
}

#[test]
fn a_probe_asks_in_one_way_and_a_program_stands_by_its_whole_path() {
    let second = refused(|raw| raw.health.ready.exec = Some("/usr/bin/true".to_owned()));
    assert_eq!(second.path, "health.ready.exec");
    assert!(second.message.contains("`http` and `exec` both say"), "{second:?}");
    for program in ["queue-ready", "./queue-ready", "/usr/local/bin/"] {
        let found = refused(|raw| {
            (raw.health.ready.http, raw.health.ready.exec) = (None, Some(program.to_owned()));
        });
        assert!(found.message.contains("/usr/local/bin/queue-ready"), "{program}: {found:?}");
    }
}
