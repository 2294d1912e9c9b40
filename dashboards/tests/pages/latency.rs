//! What a report says of how long probes took, as text, as a table and as a page.

use dashboards::report::{csv, text};
use dashboards::report_page;
use dashboards::view::Theme;
use expect_test::expect;
use model::lang::Lang;

use crate::made_up;
use crate::made_up::report::{around, correcting, month};

/// From the line of the latency to the end of its module, as far to the left as can be.
fn told(lang: Lang) -> String {
    let text = text(&month(), lang);
    let name = lang.pick("  latency", "  响应时间");
    let module = text.split("\n\n").find(|part| part.contains(name)).expect("a module");
    let from = module.find(name).expect("it is told of");
    let lines = module[from..].lines().filter_map(|line| line.strip_prefix("  "));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn percentiles_stand_beside_failures_and_each_share_beside_its_counts() {
    expect![[r#"
          latency      p50 84ms, p95 212ms, p99 380ms, slowest 1940ms; 364 of 78240 probes failed
            within 5ms     0.00%  3 of 78240
            within 300ms   98.91%  77390 of 78240; target 99% MISSED
            within 1s      99.10%  39640 of 40000; counted since 2026-02-15 00:00:00"#]]
    .assert_eq(&told(Lang::En));
    expect![[r#"
          响应时间     p50 84ms，p95 212ms，p99 380ms，最慢 1940ms；78240 次探测中失败 364 次
            5ms 内 0.00%  78240 次中 3 次
            300ms 内 98.91%  78240 次中 77390 次；目标 99% 未达标
            1s 内 99.10%  40000 次中 39640 次；自 2026-02-15 00:00:00 起统计"#]]
    .assert_eq(&told(Lang::Zh));
}

#[test]
fn the_table_has_a_row_for_each_figure() {
    let table = csv(&month());
    let columns = table.lines().map(|row| row.split(',').count());
    let quoted = table.lines().filter(|row| row.contains('"') && row.contains(", ")).count();
    assert_eq!((quoted, columns.collect::<std::collections::BTreeSet<_>>()), (0, [15].into()));
    let partial = table.lines().find(|row| row.starts_with("partial,")).unwrap_or_default();
    assert!(partial.contains(",,,,,,\"seen down from beijing only: "), "{partial}");
    let kinds = ["latency", "p50", "p95", "p99", "slowest", "within"];
    let is_ours = |row: &&str| kinds.iter().any(|kind| row.starts_with(&format!("{kind},")));
    let rows: Vec<&str> = table.lines().filter(is_ours).collect();
    expect![[r#"
        latency,shop/web,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00,,,,,,,78240,364,,,
        p50,shop/web,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00,,,,,,,,,,84200,
        p95,shop/web,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00,,,,,,,,,,212000,
        p99,shop/web,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00,,,,,,,,,,380900,
        slowest,shop/web,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00,,,,,,,,,,1940712,
        within,shop/web,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00,,,,,,,78240,,3,5000,
        within,shop/web,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00,,,,,,,78240,,77390,300000,
        within,shop/web,2026-02-15T00:00:00+08:00,2026-03-01T00:00:00+08:00,,,,,,,40000,,39640,1000000,"#]].assert_eq(&rows.join("\n"));
}

#[test]
fn the_page_has_a_table_only_for_modules_that_were_answered() {
    let page =
        report_page(&month(), &around(), &correcting(), &made_up::reader(Lang::En, Theme::Auto));
    assert_eq!(page.matches("<h3>Latency</h3>").count(), 1, "two modules have no answers");
    for told in ["212ms", "364 of 78240", "missed (99%)", "counted since 2026-02-15"] {
        assert!(page.contains(told), "{told}");
    }
}
