//! Reports of a made-up project: a bad month, a year, and more modules than a page shows.

use std::time::Duration;

use dashboards::view::company::{CompanyView, NoAccount, ProjectRow};
use dashboards::view::latency::{LatencyView, WithinView};
use dashboards::view::report::{
    Around, BudgetView, CauseView, Correcting, CorrectionView, DayView, MeasureView, ModuleReport,
    NotProbed, OutageView, PartialView, ReleaseView, ReportView, SpanView, StatisticsView,
    TallyView, VerdictView, WholeView,
};
use dashboards::view::status::{StatusProject, StatusState, StatusView};
use model::time::Time;

/// 2026-02-01T00:00:00 in Shanghai.
const FEBRUARY: Time = Time::from_millis(1_769_875_200_000);
const DAY_S: u64 = 86_400;

/// February in Shanghai, with one module of each verdict: six outages, the last one open; a day that
/// the monitor was blind; work on a night.
pub(crate) fn month() -> ReportView {
    let until = after(28 * DAY_S);
    ReportView {
        project: "shop".parse().expect("a good name"),
        period: "2026-02".to_owned(),
        zone: "Asia/Shanghai".to_owned(),
        from: FEBRUARY,
        until,
        ends: until,
        policy: "standard@3".to_owned(),
        from_sunday: false,
        rules: [
            "outages less than 2m apart are one",
            "maintenance that was announced 1d before it does not count",
            "unknown time is neither up nor down",
            "a probe each 30s, down after 3, up after 2, stale after 45s",
            "begin and end of an outage are known to one probe: each may be off by 30s",
        ]
        .map(str::to_owned)
        .to_vec(),
        target: Some("99.9%".to_owned()),
        whole: WholeView {
            tally: TallyView {
                up_s: 2_344_690,
                down_s: 10_910,
                unknown_s: 63_600,
                ..TallyView::default()
            },
            outages: 6,
            ..missed().as_whole()
        },
        modules: vec![missed(), open(), met()],
        not_probed: vec![NotProbed {
            module: "shop/batch".parse().expect("a good name"),
            why: "no domain leads to it".to_owned(),
        }],
    }
}

pub(crate) fn around() -> Around {
    Around { before: Some("2026-01".to_owned()), after: Some("2026-03".to_owned()) }
}

/// What two people may say of a span; nothing is picked.
pub(crate) fn correcting() -> Correcting {
    let states = ["up", "down", "unknown", "maintenance", "not-applicable", "measured"];
    Correcting {
        people: ["alice", "ops"].map(|name| name.parse().expect("a good name")).to_vec(),
        me: Some("ops".parse().expect("a good name")),
        states: states.map(str::to_owned).to_vec(),
        picked: None,
    }
}

/// So many days from the same moment, with an outage now and then.
pub(crate) fn long(period: &str, days: u64) -> ReportView {
    let mut report = month();
    report.period = period.to_owned();
    report.until = after(days * DAY_S);
    report.ends = report.until;
    report.modules.truncate(1);
    let down = |day: u64| if day.is_multiple_of(11) { day * 7 % 9_000 } else { 0 };
    report.modules[0].days = (0..days).map(|day| self::day(day, down(day), 0, 0)).collect();
    report
}

/// So many modules.
pub(crate) fn crowd(modules: usize) -> ReportView {
    let mut report = month();
    let named = |number: usize| ModuleReport {
        module: format!("shop/m{number:04}").parse().expect("a good name"),
        ..missed()
    };
    report.modules = (0..modules).map(named).collect();
    report
}

/// Four projects: a broken promise, a doubt, one that is well, one of which nothing is known and that
/// is nobody's; and one without an account.
pub(crate) fn company() -> CompanyView {
    let id = |name: &str| name.parse().expect("a good name");
    let row = |project: &str, owners: &[&str], whole: WholeView| ProjectRow {
        project: project.parse().expect("a good name"),
        owners: owners.iter().map(|owner| owner.parse().expect("a good name")).collect(),
        policy: "standard@3".to_owned(),
        target: whole.verdict.is_some().then(|| "99.9%".to_owned()),
        period: "2026-02".to_owned(),
        zone: "Asia/Shanghai".to_owned(),
        from: FEBRUARY,
        until: after(28 * DAY_S),
        whole,
        modules: 3,
        not_probed: usize::from(project == "shop"),
    };
    let nothing = TallyView { unknown_s: 28 * DAY_S, ..TallyView::default() };
    let nothing = WholeView { tally: nothing, ..WholeView::default() };
    CompanyView {
        period: "2026-02".to_owned(),
        fleet: "acme".to_owned(),
        owner: None,
        owners: vec![id("alice"), id("bob")],
        projects: vec![
            row("shop", &["alice", "bob"], month().whole),
            row("search", &["bob"], open().as_whole()),
            row("checkout", &["alice"], met().as_whole()),
            row("batch", &[], nothing),
        ],
        without_account: vec![NoAccount {
            project: "paper".parse().expect("a good name"),
            why: "2026-02 begins on 2026-02-01; nothing is known of it yet".to_owned(),
        }],
        without_owner: vec!["batch".parse().expect("a good name")],
    }
}

/// Three public projects: one down, one unknown, one up with work to come.
pub(crate) fn status() -> StatusView {
    let days = |down: fn(u64) -> u64| (0..90).map(|date| day(date, down(date), 0, 0)).collect();
    let now = after(90 * DAY_S);
    let project = |name: &str, state: StatusState, whole: WholeView| StatusProject {
        project: name.parse().expect("a good name"),
        state,
        since: Some(after(89 * DAY_S + 80_000)),
        whole,
        days: Vec::new(),
        work: Vec::new(),
    };
    let shop = StatusProject {
        days: days(|date| if date % 9 == 8 { date * 97 } else { 0 }),
        ..project("shop", StatusState::Down, missed().as_whole())
    };
    let unseen = (0..90).map(|date| day(date, 0, if date > 80 { DAY_S } else { 0 }, 0));
    let search = StatusProject {
        days: unseen.collect(),
        ..project("search", StatusState::Unknown, open().as_whole())
    };
    let checkout = StatusProject {
        days: days(|date| if date == 5 { 600 } else { 0 }),
        work: vec![(after(91 * DAY_S), after(91 * DAY_S + 7_200))],
        ..project("checkout", StatusState::Up, met().as_whole())
    };
    StatusView {
        fleet: "acme".to_owned(),
        written: now,
        every_s: 60,
        zone: "Asia/Shanghai".to_owned(),
        projects: vec![shop, search, checkout],
    }
}

/// So many seconds after its begin.
fn after(seconds: u64) -> Time {
    FEBRUARY + Duration::from_secs(seconds)
}

fn missed() -> ModuleReport {
    let outages = [
        (3, 600, 1_560, 2, "connect: connection refused"),
        (3, 40_000, 240, 1, "status 503"),
        (9, 7_200, 95, 1, "dns: no such name"),
        (16, 30_000, 8_100, 1, "status 200 without \"200\" in its text"),
        (22, 100, 15, 1, "ttfb: no answer within 10s"),
        (27, 85_500, 900, 1, "connect: connection refused"),
    ];
    let mut outages: Vec<OutageView> = outages.map(outage).to_vec();
    outages[4].is_whole = false;
    outages[5].is_open = true;
    outages[3].incident = Some("incident-7".parse().expect("a good name"));
    outages[3].told_s = Some(74);
    outages[0].cause = "release".to_owned();
    outages[0].released =
        Some(ReleaseView { version: "1.4.2".to_owned(), by: "gitlab".to_owned(), before_s: 191 });
    let down = |day: u64| match day {
        3 => 1_800,
        9 => 95,
        16 => 8_100,
        22 => 15,
        27 => 900,
        _ => 0,
    };
    let unknown = |day: u64| match day {
        12 => 60_000,
        22 => 3_600,
        _ => 0,
    };
    let work = |day: u64| if day == 19 { 7_200 } else { 0 };
    ModuleReport {
        module: "shop/web".parse().expect("a good name"),
        withdrawn: None,
        measured_by: Vec::new(),
        days: (0..28).map(|date| day(date, down(date), unknown(date), work(date))).collect(),
        tally: TallyView {
            up_s: 2_337_490,
            down_s: 10_910,
            unknown_s: 63_600,
            maintenance_s: 7_200,
            not_applicable_s: 0,
        },
        known: Some("99.535".to_owned()),
        low: Some("96.910".to_owned()),
        high: Some("99.547".to_owned()),
        coverage: Some("97.363".to_owned()),
        verdict: Some(VerdictView::Missed),
        budget: Some(BudgetView {
            whole_s: 2_412,
            used_s: 10_910,
            left_s: 0,
            overdrawn_s: 8_498,
            used_up_at: None,
        }),
        outages,
        causes: vec![
            cause("host", 8_100, 1),
            cause("release", 1_560, 1),
            cause("application", 1_250, 4),
        ],
        statistics: StatisticsView {
            started: 6,
            ended: 5,
            repair_mean_s: Some(2_002),
            repair_median_s: Some(240),
            repair_worst_s: Some(8_100),
            between_s: Some(389_581),
            told: 1,
            tell_mean_s: Some(74),
            tell_median_s: Some(74),
            tell_worst_s: Some(74),
            untold: None,
        },
        blips: 7,
        partials: vec![
            partial(8, 3_600, 240, &["beijing"]),
            partial(9, 0, 65, &["beijing", "osaka"]),
        ],
        unknown: vec![
            span(12, 10_000, 60_000, "the monitor itself was not looking"),
            span(22, 115, 3_600, "no verdict since 2026-02-22T16:01:55Z"),
        ],
        maintenance: vec![span(19, 7_200, 7_200, "m4: a new switch")],
        corrections: vec![correction()],
        latency: Some(slow()),
    }
}

/// A promise that was missed, and a threshold that was not counted from the first.
fn slow() -> LatencyView {
    let within = |ms: u64, count: u64, share: &str| WithinView {
        within_us: ms * 1_000,
        count,
        of: 78_240,
        share: Some(share.to_owned()),
        since: None,
        is_target: ms == 300,
    };
    let late =
        WithinView { of: 40_000, since: Some(after(14 * DAY_S)), ..within(1_000, 39_640, "99.10") };
    LatencyView {
        from: FEBRUARY,
        until: after(28 * DAY_S),
        probes: 78_240,
        failures: 364,
        p50_us: Some(84_200),
        p95_us: Some(212_000),
        p99_us: Some(380_900),
        slowest_us: Some(1_940_712),
        within: vec![within(5, 3, "0.00"), within(300, 77_390, "98.91"), late],
        target: Some("99%".to_owned()),
        is_met: Some(false),
    }
}

fn met() -> ModuleReport {
    ModuleReport {
        module: "shop/checkout".parse().expect("a good name"),
        withdrawn: None,
        measured_by: Vec::new(),
        days: (0..28).map(|date| day(date, if date == 5 { 600 } else { 0 }, 0, 0)).collect(),
        tally: TallyView { up_s: 2_418_600, down_s: 600, ..TallyView::default() },
        known: Some("99.975".to_owned()),
        low: Some("99.975".to_owned()),
        high: Some("99.975".to_owned()),
        coverage: Some("100".to_owned()),
        verdict: Some(VerdictView::Met),
        budget: Some(BudgetView {
            whole_s: 2_419,
            used_s: 600,
            left_s: 1_819,
            overdrawn_s: 0,
            used_up_at: None,
        }),
        outages: vec![outage((5, 3_600, 600, 1, "status 502"))],
        causes: Vec::new(),
        statistics: StatisticsView {
            started: 1,
            ended: 1,
            repair_mean_s: Some(600),
            repair_median_s: Some(600),
            repair_worst_s: Some(600),
            between_s: Some(2_418_600),
            untold: Some("no incident lay over what was down".to_owned()),
            ..StatisticsView::default()
        },
        blips: 0,
        partials: Vec::new(),
        unknown: Vec::new(),
        maintenance: Vec::new(),
        corrections: Vec::new(),
        latency: None,
    }
}

fn measure(by: &str, each_s: u64, confirm_down: u32, confirm_up: u32) -> MeasureView {
    MeasureView { by: by.to_owned(), each_ms: each_s * 1_000, confirm_down, confirm_up }
}

/// Published on the ninth; whether it is met hangs on what nobody saw.
fn open() -> ModuleReport {
    let unknown = |date: u64| if date == 12 { 60_000 } else { 0 };
    let days = (0..28).map(|date| match date {
        0..8 => DayView {
            tally: TallyView { not_applicable_s: DAY_S, ..TallyView::default() },
            ..day(date, 0, 0, 0)
        },
        _ => day(date, 0, unknown(date), 0),
    });
    ModuleReport {
        module: "shop/search".parse().expect("a good name"),
        withdrawn: None,
        measured_by: vec![measure("domain", 10, 3, 2), measure("check/suggest", 300, 2, 1)],
        days: days.collect(),
        tally: TallyView {
            up_s: 1_668_000,
            unknown_s: 60_000,
            not_applicable_s: 8 * DAY_S,
            ..TallyView::default()
        },
        known: Some("100".to_owned()),
        low: Some("96.527".to_owned()),
        high: Some("100".to_owned()),
        coverage: Some("96.527".to_owned()),
        verdict: Some(VerdictView::Undecidable { met_if_up_s: 58_272, missed_if_down_s: 1_729 }),
        budget: Some(BudgetView {
            whole_s: 1_728,
            used_s: 0,
            left_s: 1_728,
            overdrawn_s: 0,
            used_up_at: Some(after(27 * DAY_S)),
        }),
        outages: Vec::new(),
        causes: Vec::new(),
        statistics: StatisticsView::default(),
        blips: 0,
        partials: Vec::new(),
        unknown: vec![span(12, 10_000, 60_000, "the monitor itself was not looking")],
        maintenance: Vec::new(),
        corrections: Vec::new(),
        latency: None,
    }
}

fn cause(name: &str, down_s: u64, outages: usize) -> CauseView {
    CauseView { cause: name.to_owned(), down_s, outages }
}

fn correction() -> CorrectionView {
    let SpanView { from, until, .. } = span(21, 36_000, 240, "");
    let why = "corrected by alice: users got answers: <our> firewall".to_owned();
    CorrectionView { from, until, counts_as: "up".to_owned(), why }
}

fn day(date: u64, down_s: u64, unknown_s: u64, maintenance_s: u64) -> DayView {
    let from = after(date * DAY_S);
    let zone = jiff::tz::TimeZone::get("Asia/Shanghai").expect("it is known");
    let moment = jiff::Timestamp::from_millisecond(from.millis()).expect("within the calendar");
    let up_s = DAY_S - down_s - unknown_s - maintenance_s;
    DayView {
        date: moment.to_zoned(zone).date().to_string(),
        from,
        until: after((date + 1) * DAY_S),
        tally: TallyView { up_s, down_s, unknown_s, maintenance_s, not_applicable_s: 0 },
    }
}

fn outage((date, second, down_s, parts, why): (u64, u64, u64, usize, &str)) -> OutageView {
    let from = after(date * DAY_S + second);
    OutageView {
        from,
        until: from + Duration::from_secs(down_s),
        down_s,
        parts,
        is_open: false,
        is_whole: true,
        why: why.to_owned(),
        is_begin_seen: true,
        incident: None,
        told_s: None,
        released: None,
        cause: if down_s > 5_000 { "host" } else { "application" }.to_owned(),
    }
}

fn partial(date: u64, second: u64, seen_down_s: u64, vantages: &[&str]) -> PartialView {
    let from = after(date * DAY_S + second);
    let vantages = vantages.iter().map(|name| name.parse().expect("a good name")).collect();
    let (until, why) =
        (from + Duration::from_secs(seen_down_s), "connect: no route to host".to_owned());
    PartialView { from, until, seen_down_s, vantages, why }
}

fn span(date: u64, second: u64, length_s: u64, why: &str) -> SpanView {
    let from = after(date * DAY_S + second);
    SpanView { from, until: from + Duration::from_secs(length_s), why: why.to_owned() }
}
