//! Promises about the page of the rules: what fires comes first, and each silence has its reason.

use dashboards::rules_page;
use dashboards::view::Theme;
use dashboards::view::rules::RulesView;
use model::lang::Lang;

use crate::made_up::{self, rules};

fn shown(view: &RulesView, lang: Lang) -> String {
    rules_page(view, &made_up::reader(lang, Theme::Auto))
}

#[test]
fn what_fires_comes_first_and_every_silence_has_its_reason() {
    let page = shown(&rules::all_sorts(), Lang::En);
    let place =
        |id: &str| page.find(&format!("<section id=\"{id}\"")).unwrap_or_else(|| panic!("{id}"));
    let order =
        ["fires", "fails", "silent", "doubtful", "quiet", "waits", "idle", "off"].map(place);
    assert!(order.is_sorted(), "{order:?}");
    for told in [
        "Rules that fire: 1",
        "host/h10 2 more",
        "bad &gt; 0.95, good again &lt;= 0.9 · for 2 min",
        "rules/shop.yaml",
        "the query was stopped before it was done",
        "no series matches",
        "switched off in its file",
        "not evaluated since the start",
        "datasource/orders",
        "4 series",
        "on vm, host · every 30 s",
    ] {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn a_fleet_where_nothing_fires_says_so_in_both_languages() {
    let mut view = rules::all_sorts();
    view.rules.retain(|rule| rule.firing.is_empty());
    assert!(shown(&view, Lang::En).contains("No rule fires"));
    assert!(shown(&view, Lang::Zh).contains("没有规则触发"));
}

#[test]
fn what_stands_in_a_file_or_a_series_is_escaped() {
    let hostile = || "<script>alert('x')</script>".to_owned();
    let mut view = rules::all_sorts();
    for rule in &mut view.rules {
        for text in [&mut rule.name, &mut rule.file, &mut rule.on, &mut rule.query] {
            *text = hostile();
        }
        rule.doubts = vec![hostile()];
        rule.firing = vec![hostile()];
    }
    let page = shown(&view, Lang::En);
    assert!(page.contains("&lt;script&gt;alert") && !page.contains("<script>alert"));
}
