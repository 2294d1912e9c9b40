//! Promises about the page of the monitor: its first line is the answer, and nothing is hidden.

use dashboards::monitor_page;
use dashboards::view::Theme;
use dashboards::view::monitor::{
    Listed, Loss, MonitorView, Refused, SourceDetail, SourceState, TargetFault, Trouble,
};
use model::lang::Lang;

use crate::made_up::{self, monitor};

fn shown(view: &MonitorView) -> String {
    monitor_page(view, &made_up::reader(Lang::En, Theme::Auto))
}

/// The text of the first heading.
fn answer(view: &MonitorView) -> String {
    let page = shown(view);
    let heading = page.split("<h1>").nth(1).and_then(|rest| rest.split("</h1>").next());
    let text = heading.and_then(|heading| heading.split("<span>").nth(1));
    text.expect("the answer is the heading").replace("</span>", "")
}

#[test]
fn the_first_line_is_the_answer() {
    let mut old = monitor::healthy();
    old.newest = monitor::blind().newest;
    let mut unheard = monitor::healthy();
    unheard.newest = None;
    for (view, told) in [
        (monitor::healthy(), "The monitor sees everything: 1,284 of 1,284 targets"),
        (monitor::half_blind(), "The monitor sees 1,279 of 1,284 targets"),
        (
            monitor::blind(),
            "The monitor is blind since 10:00:20, for 2 min 11 s: \
             1,197 of 1,284 targets fell silent at once",
        ),
        (monitor::disk_full(), "The monitor sees all 1,284 targets and cannot record them"),
        (monitor::empty(), "The monitor has nothing to look at"),
        (old, "The monitor has heard nothing new for 2 min 11 s"),
        (unheard, "The monitor has not heard anything yet"),
    ] {
        assert_eq!(answer(&view), told);
    }
}

#[test]
fn the_worst_source_stands_first_with_its_error_and_what_to_do() {
    let page = shown(&monitor::half_blind());
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    let (mysql, zabbix) = (place("orders-db</span>"), place("zabbix-bj</span>"));
    let well = place("sessions</span>");
    assert!(mysql < zabbix && zabbix < well, "silent, in part, well");
    for told in [
        "access denied for user &#39;monitor&#39;",
        "→ GRANT PROCESS, REPLICATION CLIENT",
        "version 6.0.38",
        "API p95 1.84",
        "slow: asked 3 times less often",
        "gaps open in events: 2",
        "61 hosts are missing from the list and kept:",
        "the list shrank by 28 % in one refresh; believed when seen 3 times",
        "web-17, web-18, web-19, web-20, web-21, web-22, 55 more",
        "2 strangers send, and no file knows them:",
    ] {
        let told = told.replace("&#39;", "'");
        assert!(page.contains(&told), "{told}");
    }
}

#[test]
fn a_fault_of_ours_is_told_apart_from_a_target_that_is_down() {
    let page = shown(&monitor::half_blind());
    for told in ["✕ down", "⚙ does not let us look", "not looked at", "209 more", "/api/monitor"]
    {
        assert!(page.contains(told), "{told}");
    }
    let not_seen = page.find("vm/vm-9").expect("it is listed");
    assert!(not_seen < page.find("host/h2").expect("it is listed"), "what is not seen comes first");
}

#[test]
fn long_lists_are_cut_and_counted() {
    let fault = monitor::half_blind().faults.first[0].clone();
    let many: Vec<TargetFault> = std::iter::repeat_n(fault, 5_000).collect();
    let mut view = MonitorView { faults: many.into(), ..monitor::healthy() };
    view.sources = view.sources.iter().cycle().take(900).cloned().collect();
    let page = shown(&view);
    assert!(page.len() < 100_000, "{} bytes", page.len());
    assert!(page.contains("4,970 more"), "of the targets");
    assert!(page.contains("860 more"), "of the sources");
}

#[test]
fn what_is_lost_not_watched_or_doubtful_is_told() {
    let page = shown(&monitor::half_blind());
    for told in [
        "module/shop/batch",
        "its page answers 404: it has no Monitor.X",
        "200 stands inside a longer number: cost=200ms",
        "over the limit of series",
        "a text where a number should be",
        "samples that could not be written",
        "the labels do not end",
        "one each 5 min",
        "Suspects used up their whole time",
    ] {
        assert!(page.contains(told), "{told}");
    }
    let page = shown(&monitor::disk_full());
    assert!(page.contains("The disk is full since 09:55:51"), "since when");
    assert!(page.contains("The limit of series is near"));
}

#[test]
fn whatever_comes_from_outside_is_escaped() {
    let hostile = || "</td><script>alert('x')</script>\"><img src=x>".to_owned();
    let mut view = monitor::blind();
    view.config_error = Some(hostile());
    view.recovery = Some(hostile());
    for source in &mut view.sources {
        source.name = hostile();
        source.state = SourceState::Silent;
        if let Some(error) = &mut source.error {
            error.what = hostile();
            error.remedy = Some(hostile());
        }
        match &mut source.detail {
            SourceDetail::Zabbix(detail) => {
                detail.version = Some(hostile());
                detail.held = vec![hostile()].into();
                detail.held_why = hostile();
            }
            SourceDetail::Active(detail) => detail.strangers = vec![hostile()].into(),
            SourceDetail::None => (),
        }
    }
    for fault in &mut view.faults.first {
        (fault.object, fault.what) = (hostile(), hostile());
        fault.trouble = Trouble::Misconfigured { remedy: hostile() };
    }
    for one in &mut view.unwatched.first {
        (one.object, one.reason) = (hostile(), hostile());
    }
    for one in &mut view.doubts.first {
        (one.object, one.doubt) = (hostile(), hostile());
    }
    view.refused = vec![Refused { why: hostile(), count: 1, names: vec![hostile()] }];
    for rejected in &mut view.rejected.first {
        (rejected.object, rejected.examples) = (hostile(), vec![hostile()]);
    }
    view.losses = vec![Loss { what: hostile(), count: 1, last: None }];
    for spell in &mut view.spells {
        spell.reason = hostile();
    }
    let page = shown(&view);
    assert!(page.matches("&lt;script&gt;alert").count() > 20, "the texts are shown");
    assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
}

#[test]
fn the_chinese_page_speaks_chinese() {
    for view in [monitor::half_blind(), monitor::blind(), monitor::disk_full(), monitor::empty()] {
        let page = monitor_page(&view, &made_up::reader(Lang::Zh, Theme::Auto));
        for word in ["数据来源", "未监控", "采样存储", "调度", "失明"] {
            assert!(page.contains(word), "{word}");
        }
        for word in ["Sources", "The monitor", "Store", "amples refused", " more", " ago"] {
            assert!(!page.contains(word), "{word} is left in English");
        }
    }
}

#[test]
fn a_list_that_was_cut_before_says_how_long_it_was() {
    let mut view = monitor::half_blind();
    view.unwatched = Listed { count: 3_001, ..view.unwatched };
    assert!(shown(&view).contains("2,998 more"));
}
