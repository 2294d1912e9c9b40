//! A made-up monitor in each of the states that its page must be good at.

use dashboards::view::monitor::{
    ActiveDetail, Doubt, Listed, Loss, MonitorView, Refused, Rejected, ScheduleView, SourceDetail,
    SourceError, SourceKind, SourceState, SourceView, Spell, StoreView, TargetFault, TierView,
    Trouble, Unwatched, ZabbixDetail,
};

use super::{NOW, ago};

const GIB: u64 = 1 << 30;

/// Everything answers, everything is kept.
pub(crate) fn healthy() -> MonitorView {
    MonitorView {
        targets: 1_284,
        seen: 1_284,
        newest: Some(ago(2)),
        config_error: None,
        recovery: None,
        sources: well(),
        faults: Listed::default(),
        unwatched: Listed::default(),
        doubts: Listed::default(),
        rejected: Listed::default(),
        refused: Vec::new(),
        losses: Vec::new(),
        store: Some(store()),
        schedule: schedule(),
        spells: vec![spell(90_000, Some(89_880), "all canaries were silent: 10.0.0.1, 10.0.0.2")],
    }
}

/// Some of everything goes wrong; the monitor sees, and not all.
pub(crate) fn half_blind() -> MonitorView {
    let mut sources = well();
    sources[0] = zabbix_in_trouble();
    sources[2] = strangers();
    sources[5] = SourceView {
        state: SourceState::Silent,
        answered: 0,
        newest: Some(ago(1_900)),
        error: error("access denied for user 'monitor'", Some(GRANT), 12),
        ..source(SourceKind::Mysql, "orders-db", 1, 0)
    };
    sources[4] = SourceView {
        answered: 37,
        lag_s: Some(0.4),
        error: error("3 targets: no answer within 2s", None, 4),
        ..source(SourceKind::MonitorX, "", 40, 1)
    };
    MonitorView {
        seen: 1_279,
        sources,
        faults: Listed { first: faults(), count: 214 },
        unwatched: unwatched().into(),
        doubts: doubts().into(),
        rejected: rejected().into(),
        refused: refused(),
        losses: vec![Loss {
            what: "unwritten_samples".to_owned(),
            count: 1_204,
            last: Some(ago(3_700)),
        }],
        schedule: ScheduleView {
            lag_s: 0.4,
            lag_worst_s: 12.6,
            in_flight: 61,
            suspects: 7,
            missed: 3,
        },
        ..healthy()
    }
}

/// Nothing is seen since two minutes.
pub(crate) fn blind() -> MonitorView {
    let mut view = MonitorView { seen: 0, newest: Some(ago(131)), ..half_blind() };
    view.spells.push(spell(131, None, "1,197 of 1,284 targets fell silent at once"));
    view
}

/// It sees, and cannot remember.
pub(crate) fn disk_full() -> MonitorView {
    let store = StoreView { disk_full: Some(ago(400)), series: 842_000, ..store() };
    MonitorView { store: Some(store), ..healthy() }
}

/// Nothing is configured.
pub(crate) fn empty() -> MonitorView {
    MonitorView::default()
}

const GRANT: &str = "GRANT PROCESS, REPLICATION CLIENT ON *.* TO 'monitor'@'10.0.0.5'";

fn source(kind: SourceKind, name: &str, asked: u32, newest_s: u64) -> SourceView {
    SourceView {
        kind,
        name: name.to_owned(),
        state: SourceState::of(asked.saturating_sub(u32::from(asked > 30)), asked),
        asked: Some(asked),
        answered: asked,
        newest: Some(ago(newest_s)),
        lag_s: Some(0.02),
        error: None,
        detail: SourceDetail::None,
    }
}

fn well() -> Vec<SourceView> {
    let detail = ZabbixDetail {
        version: Some("7.0.12".to_owned()),
        latency_p95_s: Some(0.042),
        stretch: 1,
        ..ZabbixDetail::default()
    };
    let zabbix = SourceView {
        detail: SourceDetail::Zabbix(detail),
        ..source(SourceKind::ZabbixServer, "zabbix-bj", 1, 3)
    };
    let active = ActiveDetail { connected: 212, strangers: Listed::default() };
    let active = SourceView {
        detail: SourceDetail::Active(active),
        ..source(SourceKind::ActiveAgents, "", 212, 5)
    };
    let remote_write = SourceView {
        asked: None,
        answered: 4,
        lag_s: None,
        ..source(SourceKind::RemoteWrite, "", 1, 11)
    };
    let sources = [
        zabbix,
        source(SourceKind::PassiveAgents, "", 988, 2),
        active,
        source(SourceKind::Prometheus, "shop", 24, 9),
        source(SourceKind::MonitorX, "", 40, 1),
        source(SourceKind::Mysql, "orders-db", 1, 4),
        source(SourceKind::Redis, "sessions", 1, 4),
        remote_write,
    ];
    sources.map(|source| SourceView { state: SourceState::Well, ..source }).to_vec()
}

fn zabbix_in_trouble() -> SourceView {
    let held = ["web-17", "web-18", "web-19", "web-20", "web-21", "web-22", "web-23"];
    let detail = ZabbixDetail {
        version: Some("6.0.38".to_owned()),
        latency_p95_s: Some(1.84),
        stretch: 3,
        gaps: 2,
        held: Listed { first: held.map(str::to_owned).to_vec(), count: 61 },
        held_why: "the list shrank by 28 % in one refresh; believed when seen 3 times".to_owned(),
        unmapped: 4,
    };
    SourceView {
        state: SourceState::Partial,
        lag_s: Some(9.0),
        error: error(
            "the API answered 502",
            Some("see whether php-fpm and nginx run on the Zabbix front end"),
            40,
        ),
        detail: SourceDetail::Zabbix(detail),
        ..source(SourceKind::ZabbixServer, "zabbix-bj", 1, 52)
    }
}

fn strangers() -> SourceView {
    let names = ["db-9", "web-new-1"].map(str::to_owned).to_vec();
    let detail = ActiveDetail { connected: 211, strangers: names.into() };
    SourceView {
        state: SourceState::Partial,
        answered: 211,
        detail: SourceDetail::Active(detail),
        ..source(SourceKind::ActiveAgents, "", 212, 5)
    }
}

fn error(what: &str, remedy: Option<&str>, seconds_ago: u64) -> Option<SourceError> {
    let remedy = remedy.map(str::to_owned);
    Some(SourceError { at: ago(seconds_ago), what: what.to_owned(), remedy })
}

fn faults() -> Vec<TargetFault> {
    let fault = |object: &str, seconds_ago, what: &str, trouble| TargetFault {
        object: object.to_owned(),
        since: ago(seconds_ago),
        what: what.to_owned(),
        trouble,
    };
    let grant = Trouble::Misconfigured { remedy: GRANT.to_owned() };
    let timeout = "give it less to do, or check.timeout: 20s in projects/shop.yaml".to_owned();
    vec![
        fault("host/h2", 171, "connection refused", Trouble::Down),
        fault("vm/vm-3", 170, "no answer within 2s", Trouble::Down),
        fault("data_source/orders-db", 1_900, "access denied for user 'monitor'", grant),
        fault(
            "module/shop/web",
            44,
            "the check script ran into its deadline of 10s",
            Trouble::Misconfigured { remedy: timeout },
        ),
        fault("vm/vm-9", 31, "too many open files on the monitor itself", Trouble::NotSeen),
    ]
}

fn unwatched() -> Vec<Unwatched> {
    let one = |object: &str, reason: &str| Unwatched {
        object: object.to_owned(),
        reason: reason.to_owned(),
    };
    vec![
        one("module/shop/checkout", "no domain is published, so Monitor.X is not probed"),
        one("module/shop/batch", "its page answers 404: it has no Monitor.X"),
        one("data_source/legacy-oracle", "no watcher for databases of this kind"),
    ]
}

fn doubts() -> Vec<Doubt> {
    vec![Doubt {
        object: "shop/web at shop.example".to_owned(),
        doubt: "200 stands inside a longer number: cost=200ms".to_owned(),
        since: ago(7_300),
    }]
}

fn refused() -> Vec<Refused> {
    let refused = |why: &str, count, names: &[&str]| Refused {
        why: why.to_owned(),
        count,
        names: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let names = [r#"http_requests_total{path="/a/1"}"#, r#"http_requests_total{path="/a/2"}"#];
    vec![
        refused("too_old", 12, &["load1{instance=\"web-3:9100\"}"]),
        refused("too_many_series", 184_220, &names),
        refused("a text where a number should be", 3, &["vm/vm-7 system.sw.os"]),
    ]
}

fn rejected() -> Vec<Rejected> {
    let examples = ["line 7: \"jobs{queue=\": the labels do not end", "jobs_total: no number"];
    let examples = examples.map(str::to_owned).to_vec();
    let object = "scrape/shop/http://10.0.0.7:9100/metrics".to_owned();
    vec![Rejected { object, count: 2, examples }]
}

fn store() -> StoreView {
    let tier = |step_s, bytes, days: u64, kept_days| TierView {
        step_s,
        bytes,
        oldest: Some(ago(days * 86_400)),
        kept_days,
    };
    StoreView {
        series: 32_180,
        max_series: 1_000_000,
        log_bytes: 41_900_000,
        tiers: vec![
            tier(None, 3 * GIB + 300_000_000, 15, 15),
            tier(Some(300), GIB / 2, 62, 90),
            tier(Some(3_600), 81_000_000, 62, 400),
        ],
        disk_full: None,
    }
}

fn schedule() -> ScheduleView {
    ScheduleView { lag_s: 0.01, lag_worst_s: 0.3, in_flight: 12, suspects: 0, missed: 0 }
}

fn spell(from_s: u64, until_s: Option<u64>, reason: &str) -> Spell {
    let until = until_s.map(|seconds| NOW - std::time::Duration::from_secs(seconds));
    Spell { from: ago(from_s), until, reason: reason.to_owned() }
}
