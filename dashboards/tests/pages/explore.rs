//! Promises about the explorer: what is found is drawn and told, what is not is explained.

use dashboards::explore_page;
use dashboards::view::Theme;
use dashboards::view::explore::{ExploreView, FaultKind, Outcome, Range, Wish};
use model::lang::Lang;
use model::series::Labels;

use crate::made_up::{self, explore};

fn shown(view: &ExploreView) -> String {
    explore_page(view, &made_up::reader(Lang::En, Theme::Auto))
}

fn assert_told(page: &str, told: &[&str]) {
    for told in told {
        assert!(page.contains(told), "{told}");
    }
}

#[test]
fn lines_have_a_caption_a_legend_and_a_table_of_their_own() {
    let page = shown(&explore::chart());
    assert_told(
        &page,
        &[
            r#"role="img""#,
            "6 series over 6 h, a point each 1 min; highest",
            r#"<table class="key">"#,
            "load1_per_core{module=&quot;shop/web&quot;",
            "ended ",
            r#"<details id="moments">"#,
        ],
    );
    assert_eq!(page.matches("<path class=\"s").count(), 12, "each in the chart and the legend");
}

#[test]
fn of_many_lines_twenty_are_drawn_and_the_others_counted() {
    let page = shown(&explore::crowd());
    assert_told(&page, &["120 series over", "100 more series with lower peaks are not drawn"]);
    assert!(page.len() < 400_000, "{} bytes", page.len());
}

#[test]
fn the_axis_bears_the_unit_of_the_metric() {
    assert_told(&shown(&explore::bytes()), &[r#"y="13">GiB</text>"#]);
}

#[test]
fn values_stand_in_the_order_of_the_expression() {
    let page = shown(&explore::table());
    let place = |text: &str| page.find(text).unwrap_or_else(|| panic!("{text}"));
    let rows = ["vm-4&quot;}", "vm-1&quot;}", "vm-6&quot;}"].map(place);
    assert!(rows.is_sorted(), "{rows:?}");
    assert_told(&page, &["3 series at", r#"title="0.004""#]);
}

#[test]
fn an_error_marks_its_place_and_says_what_to_do() {
    let page = shown(&explore::error());
    assert_told(
        &page,
        &[
            r#"role="alert""#,
            "unexpected character: '}'",
            "[5m<mark>}</mark>",
            "→ Correct it at the marked place.",
            r#"aria-invalid="true""#,
        ],
    );
    for (kind, remedy) in [
        (FaultKind::Times, "Give two times"),
        (FaultKind::TooMuch, "Ask for a shorter time or fewer series"),
        (FaultKind::TimedOut, "It took too long"),
        (FaultKind::Refused, "cannot be evaluated on these data"),
        (FaultKind::Unavailable, r#"<a href="/monitor">"#),
    ] {
        let mut view = explore::error();
        let Outcome::Fault(fault) = &mut view.outcome else { panic!("it is a fault") };
        fault.kind = kind;
        assert_told(&shown(&view), &[remedy]);
    }
}

#[test]
fn where_nothing_is_found_the_page_says_what_to_try() {
    let page = shown(&explore::nothing());
    let all = r#"href="/explore?q=load1_per_core&amp;range=6h""#;
    let longer = "range=7d";
    assert_told(&page, &["Nothing was found.", all, longer]);
    assert!(!page.contains("<svg"), "there is nothing to draw");
}

#[test]
fn a_label_leads_to_a_narrower_expression_and_a_metric_to_itself() {
    let page = shown(&explore::chart());
    let narrower = "/explore?q=load1_per_core%7Bvm%3D%22vm-3%22%2Cmodule%3D%22shop%2Fweb%22%7D";
    let metric = "/explore?q=redis_memory_used_bytes&amp;range=6h";
    assert_told(&page, &[narrower, metric, "337 more", "113 more"]);
}

#[test]
fn a_new_page_shows_what_can_be_asked() {
    let page = shown(&explore::fresh());
    assert_told(&page, &["Type an expression, or choose a metric", "topk(5, system_memory_usage"]);
    assert!(!page.contains("<svg") && !page.contains("<mark"));
}

#[test]
fn whatever_comes_from_outside_is_escaped() {
    let hostile = || "</td><script>alert('x')</script>\"><img src=x>".to_owned();
    let labels = Labels::of([("__name__", hostile()), ("vm", hostile())]);
    let mut lines = explore::chart();
    if let Outcome::Lines { series, .. } = &mut lines.outcome {
        series[0].labels = labels.clone();
    }
    let mut values = explore::table();
    if let Outcome::Values { rows, .. } = &mut values.outcome {
        rows[0].0 = labels;
    }
    let mut error = explore::error();
    if let Outcome::Fault(fault) = &mut error.outcome {
        fault.what = hostile();
    }
    let text = ExploreView { outcome: Outcome::Text(hostile()), ..explore::chart() };
    for mut view in [lines, values, error, text] {
        let (from, until) = (hostile(), hostile());
        let range = Range::Between { from, until };
        view.wish = Wish { query: hostile(), filter: hostile(), range, ..view.wish };
        view.metrics[0] = hostile();
        let chosen = view.chosen.as_mut().expect("a metric is chosen");
        (chosen.name, chosen.help) = (hostile(), hostile());
        chosen.labels[0].name = hostile();
        chosen.labels[1].values[0] = hostile();
        let page = shown(&view);
        assert!(page.contains("&lt;script&gt;alert"), "the text is shown");
        assert!(!page.contains("<script>alert") && !page.contains("<img"), "{page}");
    }
}

#[test]
fn the_chinese_page_speaks_chinese() {
    let pages = [
        explore::chart(),
        explore::crowd(),
        explore::table(),
        explore::error(),
        explore::nothing(),
        explore::fresh(),
    ];
    for view in pages {
        let page = explore_page(&view, &made_up::reader(Lang::Zh, Theme::Auto));
        assert_told(&page, &["指标", "PromQL 表达式", "查询"]);
        for word in ["series", "Metrics", "Labels of", "Run", " more", "highest", ">mean"] {
            assert!(!page.contains(word), "{word} is left in English");
        }
    }
}
