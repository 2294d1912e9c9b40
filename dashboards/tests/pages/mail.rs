//! The mail about a period: its verdict in the first line, no more than a screen, and what is known only.

use dashboards::report::mail_text;
use dashboards::view::company::CompanyView;
use expect_test::expect;
use model::lang::Lang;

use crate::made_up::report::{company, month};

/// The month before: better for the worst, and one project was not there yet.
fn january() -> CompanyView {
    let mut view = company();
    view.period = "2026-01".to_owned();
    view.projects[0].whole.known = Some("99.930".to_owned());
    view.projects.remove(2);
    view
}

fn mail(lang: Lang) -> String {
    mail_text(&company(), Some(&january()), Some(&month()), lang).expect("there are projects")
}

#[test]
fn the_first_line_is_the_verdict_and_all_of_it_fits_a_screen() {
    let text = mail(Lang::En);
    assert!(text.lines().count() <= 24, "{text}");
    expect![[r#"
        [missed] shop 99.535% (-0.395), 3h1m50s down, 6 outages; the worst of 4 projects; 2026-02
        2026-02, 2026-02-01 00:00 to 2026-03-01 00:00 (Asia/Shanghai); in brackets the change against 2026-01, in points

        shop  MISSED  96.910%..99.547% (-0.395), target 99.9%, 3h1m50s down in 6 outages, still down, overdrawn by 2h21m38s, 17h40m unknown
        search  UNDECIDABLE  96.527%..100% (0), target 99.9%, no outage, 28m48s left, 16h40m unknown
        checkout  MET  99.975%, target 99.9%, 10m down in one outage, 30m19s left
        batch  nothing is known, 28d unknown

        The longest outages of shop:
        2026-02-17 08:20:00  2h15m  shop/web: status 200 without "200" in its text
        2026-02-04 00:10:00  26m  shop/web: connect: connection refused
        2026-02-28 23:45:00  >15m  shop/web: connect: connection refused
        not probed: shop/batch: no domain leads to it

        The whole of it: cloudbrain report --project shop --period 2026-02, or the page /reports.
        You get this because you own it; `reports: false` at your name in cloudbrain.yaml ends that.
    "#]].assert_eq(&text);
}

#[test]
fn it_is_written_in_the_language_of_its_reader() {
    expect![[r#"
        [未达标] shop 99.535% (-0.395)，不可用 3h1m50s，故障 6 次；4 个项目中最差；2026-02
        2026-02，2026-02-01 00:00 至 2026-03-01 00:00（Asia/Shanghai）；括号内为与 2026-01 相比的变化（百分点）

        shop  未达标  96.910%..99.547% (-0.395)，目标 99.9%，6 次故障，不可用 3h1m50s，仍未恢复，超支 2h21m38s，未知 17h40m
        search  无法判定  96.527%..100% (0)，目标 99.9%，无故障，剩余 28m48s，未知 16h40m
        checkout  达标  99.975%，目标 99.9%，1 次故障，不可用 10m，剩余 30m19s
        batch  没有任何探测结果，未知 28d

        shop 最长的故障：
        2026-02-17 08:20:00  2h15m  shop/web: status 200 without "200" in its text
        2026-02-04 00:10:00  26m  shop/web: connect: connection refused
        2026-02-28 23:45:00  >15m  shop/web: connect: connection refused
        未探测：shop/batch：no domain leads to it

        完整报告：cloudbrain report --project shop --period 2026-02，或页面 /reports。
        您是负责人，因此收到本邮件；在 cloudbrain.yaml 中您的条目下写 `reports: false` 即可停止。
    "#]].assert_eq(&mail(Lang::Zh));
}

#[test]
fn without_a_period_before_no_change_is_made_up() {
    let text = mail_text(&company(), None, None, Lang::En).expect("there are projects");
    assert!(!text.contains("change") && !text.contains("(+") && !text.contains("(-"), "{text}");
}

#[test]
fn who_owns_much_is_told_of_the_worst_and_how_many_there_are() {
    let mut view = company();
    let row = view.projects[1].clone();
    view.projects.extend(std::iter::repeat_n(row, 200));
    let text = mail_text(&view, None, None, Lang::En).expect("there are projects");
    assert!(text.contains("the worst of 204 projects"), "{text}");
    assert!(text.contains("and 196 more") && text.lines().count() <= 24, "{text}");
}

#[test]
fn of_nothing_no_mail_is_made() {
    let mut view = company();
    view.projects.clear();
    assert_eq!(mail_text(&view, None, None, Lang::En), None);
}
