//! The pages from made-up views: nothing from outside gets through unescaped, both languages and
//! all themes work, and a big fleet stays a page that loads.

#![expect(clippy::unwrap_used, reason = "in a test it says where it broke")]

use std::time::Duration;

use dashboards::view::{
    AvailabilityView, DecisionMark, Fault, Health, HostView, IncidentPage, IncidentView,
    MessageView, ModuleView, MonitorHealth, Overview, PoolView, Theme, VmTile,
};
use model::lang::Lang;
use model::signal::Severity;
use model::time::Time;
use model::vm::VmState;

const EVIL: &str = "<script>alert('x')</script>\" onload=\"evil()";

fn now() -> Time {
    Time::from_millis(1_772_445_600_000)
}

fn tile(number: usize) -> VmTile {
    VmTile {
        id: format!("vm-{number}").parse().unwrap(),
        state: VmState::Serving,
        health: Health::Up,
        module: Some("shop/web".parse().unwrap()),
        load: Some(0.61),
        stale: false,
        why: EVIL.to_owned(),
    }
}

fn module() -> ModuleView {
    let at = |second: u64| now() - Duration::from_secs(600 - second);
    let decision = |second, from, to| DecisionMark {
        at: at(second),
        id: format!("d-{second}").parse().unwrap(),
        from,
        to,
        reason: EVIL.to_owned(),
        held: from == to,
    };
    ModuleView {
        id: "shop/web".parse().unwrap(),
        project: "shop".parse().unwrap(),
        serving: 5,
        warming: 0,
        desired: 5,
        min: 2,
        max: 8,
        mode: "auto".to_owned(),
        thresholds: Some((0.5, 0.8)),
        load: Some(0.61),
        load_series: (0..600).map(|s| (at(s), (s != 300).then_some(0.5))).collect(),
        count_series: (0..600).map(|s| (at(s), if s < 200 { 2 } else { 5 })).collect(),
        decisions: vec![decision(100, 2, 2), decision(200, 2, 5), decision(400, 5, 4)],
        availability: AvailabilityView {
            up_s: 590.0,
            down_s: 4.0,
            unknown_s: 6.0,
            known: Some(590.0 / 594.0),
            low: 590.0 / 600.0,
            high: 596.0 / 600.0,
            coverage: 594.0 / 600.0,
            since: at(0),
        },
        not_probed: Some(EVIL.to_owned()),
    }
}

fn incident() -> IncidentView {
    IncidentView {
        id: "i1".parse().unwrap(),
        root: "host/h2".to_owned(),
        state: "down".to_owned(),
        severity: Severity::Disaster,
        opened: now() - Duration::from_secs(60),
        closed: None,
        headline: format!("host h2 is down {EVIL}"),
        detail: vec![EVIL.to_owned()],
        businesses: vec!["shop".parse().unwrap()],
        affected: 2,
    }
}

fn overview(lang: Lang, theme: Theme, hosts: usize, vms: usize) -> Overview {
    let hosts = (0..hosts).map(|host| HostView {
        id: format!("h{host}").parse().unwrap(),
        up: if host == 1 { Health::Down } else { Health::Up },
        why: Some(EVIL.to_owned()),
        vms: (0..vms).map(|vm| tile(host * vms + vm)).collect(),
    });
    Overview {
        fleet: EVIL.to_owned(),
        now: now(),
        lang,
        theme,
        zone: "Asia/Shanghai".to_owned(),
        hosts: hosts.collect(),
        unplaced: vec![],
        modules: vec![module()],
        incidents: vec![incident()],
        pools: vec![PoolView {
            flavor: "small".parse().unwrap(),
            ready: 3,
            wanted_ready: 4,
            total: 9,
            max_total: 16,
            booting: 1,
            note: EVIL.to_owned(),
        }],
        monitor: MonitorHealth {
            data_age_s: Some(2.0),
            targets: 12,
            faults: vec![Fault { object: EVIL.to_owned(), error: EVIL.to_owned(), since: now() }],
            config_error: Some(EVIL.to_owned()),
        },
    }
}

fn pages(lang: Lang, theme: Theme) -> Vec<String> {
    let overview = overview(lang, theme, 2, 6);
    let message = MessageView {
        to: EVIL.to_owned(),
        kind: "problem".to_owned(),
        view: "owner".to_owned(),
        at: now(),
        delivered: None,
        channel: EVIL.to_owned(),
        error: Some(EVIL.to_owned()),
        text: EVIL.to_owned(),
    };
    let page = IncidentPage {
        incident: incident(),
        affected: vec![EVIL.to_owned()],
        messages: vec![message],
    };
    vec![
        dashboards::overview_page(&overview),
        dashboards::overview_fragment(&overview),
        dashboards::module_page(&overview, &overview.modules[0]),
        dashboards::incident_page(&overview, &page),
        dashboards::not_found_page(lang, theme),
    ]
}

#[test]
fn nothing_from_outside_gets_through_unescaped() {
    for page in pages(Lang::En, Theme::Auto) {
        assert!(!page.contains("<script>alert"), "{page}");
        assert!(!page.contains("\" onload=\"evil"), "{page}");
    }
}

#[test]
fn nothing_is_inline_that_the_security_policy_forbids() {
    for page in pages(Lang::Zh, Theme::Dark) {
        assert!(!page.contains(" style="), "{page}");
        assert!(!page.contains("<style") && !page.contains("javascript:"), "{page}");
    }
}

#[test]
fn each_language_and_theme_is_said_to_the_browser() {
    let chinese = &pages(Lang::Zh, Theme::Dark)[0];
    assert!(chinese.contains("<html lang=\"zh-CN\" class=\"dark\">"));
    assert!(chinese.contains("故障") && chinese.contains("宿主机") && chinese.contains("资源池"));
    let english = &pages(Lang::En, Theme::Light)[0];
    assert!(english.contains("<html lang=\"en\" class=\"light\">"));
    assert!(english.contains("18:00:00"), "times are written in the page's zone");
}

#[test]
fn decisions_bear_the_same_number_in_chart_and_table() {
    let page = dashboards::overview_page(&overview(Lang::En, Theme::Auto, 1, 1));
    let numbers = page.matches("<span class=\"number-mark\">1</span>").count();
    assert_eq!(numbers, 1, "the first change in the table");
    let marks = page.matches("class=\"mark-word\"").count();
    assert_eq!(marks, 4, "two changes, in the wide and in the narrow chart");
}

#[test]
fn three_thousand_vms_are_a_page_that_loads() {
    let page = dashboards::overview_page(&overview(Lang::En, Theme::Auto, 60, 50));
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    assert_eq!(page.matches("class=\"tile up\"").count(), 3000);
}
