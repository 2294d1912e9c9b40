//! Promises about whole pages: escaped, complete, small, in both languages, legible.

use dashboards::view::{Overview, Theme};
use dashboards::{
    SCRIPT, STYLE, company_page, explore_page, incident_page, module_page, monitor_page,
    not_found_page, overview_fragment, overview_page, quiet_page, refused_page, report_page,
    review_page, rules_page,
};
use model::lang::Lang;

mod beside;
mod company;
mod explore;
#[cfg(test)]
mod latency;
#[path = "../made_up/mod.rs"]
mod made_up;
mod mail;
mod monitor;
mod report;
mod review;
mod rules;
mod status;

/// Each page once, by name.
fn pages(lang: Lang, theme: Theme) -> [(&'static str, String); 12] {
    let overview = made_up::overview(lang, theme);
    let reader = made_up::reader(lang, theme);
    [
        ("overview", overview_page(&overview)),
        ("incident", incident_page(&overview, &made_up::incident_page(lang))),
        ("review", review_page(&made_up::review::review(lang), &reader)),
        ("module", module_page(&overview, &overview.modules[0])),
        ("lost", not_found_page(lang, theme)),
        ("monitor", monitor_page(&made_up::monitor::half_blind(), &reader)),
        ("explore", explore_page(&made_up::explore::chart(), &reader)),
        ("quiet", quiet_page(&made_up::quiet(), None, &reader)),
        ("refused", refused_page("no host/h9 is known", "/quiet", lang, theme)),
        ("company", company_page(&made_up::report::company(), &made_up::report::around(), &reader)),
        (
            "report",
            report_page(
                &made_up::report::month(),
                &made_up::report::around(),
                &made_up::report::correcting(),
                &reader,
            ),
        ),
        ("rules", rules_page(&made_up::rules::all_sorts(), &reader)),
    ]
}

#[test]
fn whatever_comes_from_outside_is_escaped() {
    let hostile = || "</td><script>alert('x')</script>\"><img src=x>".to_owned();
    let mut overview = made_up::overview(Lang::En, Theme::Auto);
    let mut incident = made_up::incident_page(Lang::En);
    overview.fleet = hostile();
    overview.hosts[1].why = Some(hostile());
    overview.hosts[1].vms[0].why = hostile();
    overview.modules[0].mode = hostile();
    overview.modules[0].decisions[6].reason = hostile();
    overview.modules[1].not_probed = Some(hostile());
    overview.modules[0].doubts = vec![hostile()];
    overview.pools[0].note = hostile();
    overview.monitor.config_error = Some(hostile());
    overview.monitor.recovery = Some(hostile());
    overview.monitor.faults[0].error = hostile();
    overview.monitor.faults[0].object = hostile();
    overview.incidents[0].headline = hostile();
    overview.incidents[0].detail = vec![hostile()];
    overview.incidents[0].state = hostile();
    incident.incident = overview.incidents[0].clone();
    incident.affected = vec![hostile()];
    incident.messages[0].text = hostile();
    incident.messages[0].to = hostile();
    incident.messages[2].error = Some(hostile());
    let mut quiet = made_up::quiet();
    quiet.silences[0].comment = hostile();
    quiet.silences[1].covers = hostile();
    quiet.windows[0].comment = hostile();
    quiet.windows[1].zone = hostile();
    let reader = made_up::reader(Lang::En, Theme::Auto);
    let pages = [
        overview_page(&overview),
        overview_fragment(&overview),
        module_page(&overview, &overview.modules[0]),
        incident_page(&overview, &incident),
        quiet_page(&quiet, None, &reader),
        refused_page(&hostile(), &hostile(), Lang::En, Theme::Auto),
    ];
    for page in pages {
        assert!(page.contains("&lt;script&gt;alert"), "the text is shown");
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
    }
}

#[test]
fn a_page_needs_nothing_that_a_strict_policy_forbids() {
    for (name, page) in pages(Lang::En, Theme::Auto) {
        for forbidden in [" style=", "<style", "=\"http", "=\"//", " onclick", "javascript:"] {
            assert!(!page.contains(forbidden), "{forbidden} in {name}");
        }
        let scripts = page.matches("<script").count();
        let ours = page.matches(r#"<script src="/assets/live.js" defer></script>"#).count();
        assert_eq!(scripts, ours, "{name}");
    }
    assert!(!STYLE.contains("url(") && !STYLE.contains("@import"), "it loads nothing");
}

#[test]
fn a_page_is_complete_without_javascript() {
    for (name, page) in pages(Lang::En, Theme::Auto) {
        let refresh = r#"<noscript><meta http-equiv="refresh" content="60"></noscript>"#;
        // Nobody's typing is lost, and a report does not change on its way to paper.
        let left_alone = ["explore", "incident", "quiet", "refused", "report", "company"];
        let is_left_alone = left_alone.contains(&name);
        assert_eq!(page.contains(refresh), !is_left_alone, "{name}");
        assert!(page.contains(r#"<form method="post" action="/preferences">"#), "{name}");
        assert!(page.contains("<h1>") && page.contains(r#"<main id="main">"#), "{name}");
    }
    let overview = &pages(Lang::En, Theme::Auto)[0].1;
    for told in [
        "host h2 is down; it took 3 VMs",
        r#"href="/incidents/incident-7""#,
        r#"href="/modules/shop/web""#,
        "Load of web, last 10 min: max 1.31 at 10:00:21, now 0.61; 4 VMs",
        "unknown 22 s",
        "coverage 96.3 %",
        "load1_per_core 0.98 &gt; 0.80 for 30s",
        "no capacity left on h1",
        "monitor healthy, data 2 s old",
        r#"<time datetime="2026-03-02T09:59:40Z">09:59:40</time>"#,
    ] {
        assert!(overview.contains(told), "{told}");
    }
}

#[test]
fn each_section_that_the_script_exchanges_has_an_id_of_its_own() {
    let fragment = overview_fragment(&made_up::overview(Lang::En, Theme::Auto));
    let ids = ["summary", "headlines", "incidents", "fleet", "modules", "pools", "monitor"];
    for id in ids {
        assert_eq!(fragment.matches(&format!(r#"id="{id}""#)).count(), 1, "{id}");
    }
    let page = overview_page(&made_up::overview(Lang::En, Theme::Auto));
    assert!(page.contains(&fragment), "the page holds the very fragment");
    assert_eq!(page.matches("aria-live").count(), 1, "only the headlines are read out");
    for id in ["main", "live", "as-of"] {
        assert!(page.contains(&format!(r#"id="{id}""#)), "{id}");
        assert!(SCRIPT.contains(&format!("getElementById(\"{id}\")")), "{id}");
    }
    assert!(SCRIPT.lines().count() <= 95);
}

#[test]
fn the_bar_of_each_page_leads_to_all_the_others() {
    for (name, page) in pages(Lang::En, Theme::Auto) {
        let bar = page.split("<nav").nth(1).and_then(|rest| rest.split("</nav>").next());
        let bar = bar.expect("each page has a bar");
        for path in ["/", "/reports", "/explore", "/rules", "/quiet", "/monitor"] {
            assert!(bar.contains(&format!(r#"<a href="{path}""#)), "{path} on {name}");
        }
        let here = ["overview", "company", "monitor", "explore", "rules", "quiet"].contains(&name);
        assert_eq!(bar.contains(r#"aria-current="page""#), here, "{name}");
    }
}

#[test]
fn theme_and_language_are_as_the_reader_chose() {
    for (lang, tag) in [(Lang::En, "en"), (Lang::Zh, "zh-CN")] {
        for (theme, word) in [(Theme::Auto, "auto"), (Theme::Light, "light"), (Theme::Dark, "dark")]
        {
            for (name, page) in pages(lang, theme) {
                let root = format!(r#"<html lang="{tag}" data-theme="{word}">"#);
                assert!(page.contains(&root), "{name} {word} {tag}");
                let button = format!(r#"name="theme" value="{word}" aria-pressed="true""#);
                assert!(page.contains(&button), "{name} {word} {tag}");
            }
        }
    }
}

#[test]
fn times_are_written_in_the_zone_of_the_page_which_is_named() {
    let mut overview = made_up::overview(Lang::En, Theme::Auto);
    overview.zone = "Asia/Shanghai".to_owned();
    let page = overview_page(&overview);
    assert!(page.contains("times in Asia/Shanghai"));
    let outage = r#"<time datetime="2026-03-02T09:59:40Z">17:59:40</time>"#;
    assert!(page.contains(outage) && page.contains("max 1.31 at 18:00:21"));
    assert!(page.contains(">17:56</text>"), "so are the ticks of the chart");
}

#[test]
fn decisions_bear_the_same_number_in_the_chart_and_in_the_list() {
    let overview = made_up::overview(Lang::En, Theme::Auto);
    for page in [overview_page(&overview), module_page(&overview, &overview.modules[0])] {
        for number in [1, 2] {
            let in_chart = format!(r#"<text class="mark" y="4">{number}</text>"#);
            let in_list = format!(r#"<b class="mark">{number}</b>"#);
            assert_eq!(page.matches(&in_chart).count(), 1, "{number}");
            assert_eq!(page.matches(&in_list).count(), 1, "{number}");
        }
    }
}

#[test]
fn the_chinese_page_speaks_chinese() {
    let page = &pages(Lang::Zh, Theme::Auto)[0].1;
    for word in ["故障", "宿主机", "虚拟机", "模块", "资源池", "决策", "可用性", "覆盖率"]
    {
        assert!(page.contains(word), "{word}");
    }
    for word in ["Incidents", "Fleet", "Modules", "Pools", "coverage", "serving"] {
        assert!(!page.contains(word), "{word} is left in English");
    }
}

#[test]
fn the_style_sheet_names_the_load_as_the_table_does() {
    for lang in [Lang::En, Lang::Zh] {
        let word = lang.pick("Load per core", "每核负载");
        assert!(overview_page(&made_up::overview(lang, Theme::Auto)).contains(word));
        assert!(STYLE.contains(&format!("content: \"{word} \"")), "{word}");
    }
}

#[test]
fn three_thousand_vms_are_a_page_of_less_than_400_kilobytes() {
    let page = overview_page(&made_up::many(60, 50));
    assert!(page.len() < 400_000, "{} bytes", page.len());
    assert_eq!(page.matches("vm-2999").count(), 2, "once on the map, once in the table");
}

#[test]
fn with_many_modules_a_table_leads_to_their_pages() {
    let mut overview = made_up::overview(Lang::En, Theme::Auto);
    overview.modules = overview.modules.iter().cycle().take(200).cloned().collect();
    let page = overview_page(&overview);
    assert!(!page.contains("<svg"), "200 figures would be megabytes");
    assert_eq!(page.matches(r#"href="/modules/shop/web""#).count(), 100);
}

#[test]
fn an_empty_fleet_is_said_to_be_empty() {
    let overview = Overview {
        hosts: Vec::new(),
        unplaced: Vec::new(),
        modules: Vec::new(),
        incidents: Vec::new(),
        pools: Vec::new(),
        ..made_up::overview(Lang::En, Theme::Auto)
    };
    let page = overview_page(&overview);
    for told in ["All is quiet", "No host and no VM", "No module", "No pool"] {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn a_monitor_that_sees_nothing_does_not_call_itself_healthy() {
    let mut overview = made_up::overview(Lang::En, Theme::Auto);
    overview.monitor.data_age_s = Some(300.0);
    assert!(overview_page(&overview).contains("monitor sees nothing, data 5 min old"));
    overview.monitor.data_age_s = None;
    assert!(overview_page(&overview).contains("monitor sees nothing, no data yet"));
}

#[test]
fn text_stands_out_from_every_surface_in_light_and_dark() {
    let text = ["ink", "quiet", "link", "up", "starting", "leaving", "down", "unknown"];
    let plain = ["page", "card", "grid"];
    let tints = ["up", "starting", "leaving", "down", "unknown"];
    for theme in [0, 1] {
        for ink in text {
            for surface in plain {
                // The pressed button and the hatch of stale tiles bear ink and quiet text only.
                if surface != "grid" || ink == "ink" || ink == "quiet" {
                    assert_legible(ink, surface, theme);
                }
            }
        }
        for surface in ["up-tint", "heat-1", "heat-2", "heat-3", "steps"] {
            assert_legible("ink", surface, theme);
        }
        assert_legible("card", "down", theme);
        for tint in tints {
            let surface = format!("{tint}-tint");
            assert_legible(tint, &surface, theme);
            assert_legible("ink", &surface, theme);
        }
    }
}

fn assert_legible(ink: &str, surface: &str, theme: usize) {
    let (one, other) = (luminance(ink, theme), luminance(surface, theme));
    let contrast = (one.max(other) + 0.05) / (one.min(other) + 0.05);
    assert!(contrast >= 4.5, "{ink} on {surface}, theme {theme}: {contrast:.2}");
}

/// The relative luminance, as WCAG defines it, of a colour of the style sheet.
fn luminance(name: &str, theme: usize) -> f64 {
    let rule = format!("--{name}: light-dark(");
    let pair = STYLE.split(&rule).nth(1).expect(name).split(')').next().expect(name);
    let color = pair.split(", ").nth(theme).expect(name).trim_start_matches('#');
    let channel = |place: usize| {
        let value = u8::from_str_radix(&color[place..place + 2], 16).expect(color);
        let share = f64::from(value) / 255.0;
        if share <= 0.04045 { share / 12.92 } else { ((share + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * channel(0) + 0.7152 * channel(2) + 0.0722 * channel(4)
}
