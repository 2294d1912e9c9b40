//! Promises about the reports of all projects: the same on page, text and table; nothing left unsaid.

use dashboards::company_page;
use dashboards::report::{company_csv, company_text};
use dashboards::view::Theme;
use dashboards::view::company::CompanyView;
use expect_test::expect;
use model::lang::Lang;

use crate::made_up;
use crate::made_up::report::{around, company};

fn page(view: &CompanyView, lang: Lang) -> String {
    company_page(view, &around(), &made_up::reader(lang, Theme::Auto))
}

#[test]
fn a_company_is_a_row_for_each_project_and_no_mean() {
    expect![[r#"
        acme  availability  2026-02
        the worst first: missed, undecidable, then by budget used, then by time down

        project   verdict      down     between           unknown  outages         budget                 owners     by
        shop      MISSED       3h1m50s  96.910%..99.547%  17h40m   6 (still down)  overdrawn by 2h21m38s  alice bob  standard@3
        search    UNDECIDABLE  0s       96.527%..100%     16h40m   0               28m48s left            bob        standard@3
        checkout  MET          10m      99.975%           0s       1               30m19s left            alice      standard@3
        batch     -            -        -                 28d      0               -                      -          standard@3

        paper  2026-02 begins on 2026-02-01; nothing is known of it yet

        modules of these are not probed: shop

        nobody owns these: batch
    "#]].assert_eq(&company_text(&company(), Lang::En));
}

#[test]
fn columns_stand_under_each_other_in_chinese_too() {
    expect![[r#"
        acme  可用性  2026-02
        由差到好：未达标、无法判定，其余依次按预算用量、不可用时长排列

        项目      结论      不可用   范围              未知    故障           错误预算       负责人     规则
        shop      未达标    3h1m50s  96.910%..99.547%  17h40m  6（仍未恢复）  超支 2h21m38s  alice bob  standard@3
        search    无法判定  0s       96.527%..100%     16h40m  0              剩余 28m48s    bob        standard@3
        checkout  达标      10m      99.975%           0s      1              剩余 30m19s    alice      standard@3
        batch     -         -        -                 28d     0              -              -          standard@3

        paper  2026-02 begins on 2026-02-01; nothing is known of it yet

        以下项目有未探测的模块：shop

        以下项目没有负责人：batch
    "#]].assert_eq(&company_text(&company(), Lang::Zh));
}

#[test]
fn the_table_for_programs_has_a_row_for_each_project() {
    expect![[r#"
        project,verdict,target,low,high,known,coverage,up_s,down_s,unknown_s,maintenance_s,not_applicable_s,outages,budget_s,budget_used_s,owners,policy,zone,from,until
        shop,missed,99.9%,96.910,99.547,99.535,97.363,2344690,10910,63600,0,0,6,2412,10910,"alice bob","standard@3",Asia/Shanghai,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00
        search,undecidable,99.9%,96.527,100,100,96.527,1668000,0,60000,0,691200,0,1728,0,"bob","standard@3",Asia/Shanghai,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00
        checkout,met,99.9%,99.975,99.975,99.975,100,2418600,600,0,0,0,1,2419,600,"alice","standard@3",Asia/Shanghai,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00
        batch,,,,,,,0,0,2419200,0,0,0,,,"","standard@3",Asia/Shanghai,2026-02-01T00:00:00+08:00,2026-03-01T00:00:00+08:00
    "#]].assert_eq(&company_csv(&company()));
}

#[test]
fn the_page_says_what_the_text_says_and_leads_on() {
    let page = page(&company(), Lang::En);
    for told in [
        "96.910%..99.547%",
        "overdrawn by 2 h 21 min 38 s",
        "3 h 1 min 50 s",
        "still down",
        "alice, bob",
        "not probed: 1",
        "Projects that nobody owns",
        "nothing is known of it yet",
        "href=\"/reports/shop?period=2026-02\"",
        "href=\"/reports?period=2026-01\"",
        "href=\"/api/report?period=2026-02&amp;format=csv\"",
        "<option>bob</option>",
    ] {
        assert!(page.contains(told), "{told}");
    }
    let unknown = page.split("/reports/batch?").nth(1).expect("a row");
    let down = unknown.split("data-label=\"down\">").nth(1).expect("a cell");
    assert!(down.starts_with('\u{2013}'), "where nothing is known no time down is claimed: {down}");
}

#[test]
fn the_page_of_an_owner_keeps_to_that_owner() {
    let mut view = company();
    view.owner = Some("alice".parse().expect("a good name"));
    let page = page(&view, Lang::En);
    for told in [
        "<h1>alice: availability 2026-02</h1>",
        "<option selected>alice</option>",
        "href=\"/reports?owner=alice&amp;period=2026-01\"",
        "href=\"/api/report?owner=alice&amp;period=2026-02&amp;format=json\"",
    ] {
        assert!(page.contains(told), "{told}: {page}");
    }
}

#[test]
fn a_large_company_stays_a_page() {
    let mut view = company();
    view.projects = view.projects.iter().cycle().take(5_000).cloned().collect();
    let page = page(&view, Lang::En);
    assert!(page.len() < 3_000_000, "{} bytes", page.len());
    assert!(page.contains("and 3000 more; the CSV has all"));
}
