//! Two policies as one table: each difference has its rule, and what makes none is said.

use dashboards::report::{beside_text, differs};
use dashboards::view::beside::{BesideView, RuleStep};
use dashboards::view::report::{TallyView, VerdictView, WholeView};
use expect_test::expect;
use model::lang::Lang;

use crate::made_up::report::month;

/// Maintenance that counts was down; then a stricter promise; the merge gap in between does nothing.
fn view() -> BesideView {
    let first = month().modules[2].as_whole();
    let tally = TallyView { down_s: 4_200, maintenance_s: 0, ..first.tally };
    let counted = WholeView {
        tally,
        low: Some("99.826".to_owned()),
        high: Some("99.826".to_owned()),
        outages: 2,
        verdict: Some(VerdictView::Missed),
        ..first.clone()
    };
    let strict = WholeView { budget: None, verdict: None, ..counted.clone() };
    let step = |before: &str, after: &str, account: &WholeView| RuleStep {
        before: before.to_owned(),
        after: after.to_owned(),
        accounts: vec![account.clone()],
    };
    BesideView {
        project: "shop".parse().expect("a good name"),
        period: "2026-02".to_owned(),
        policy: "standard@3".to_owned(),
        beside: "strict@1".to_owned(),
        names: vec!["shop/checkout".to_owned()],
        accounts: vec![first],
        steps: vec![
            step("maintenance does not count", "maintenance counts", &counted),
            step(
                "outages less than 2m apart are one",
                "outages less than 1m apart are one",
                &counted,
            ),
            step("99.9% is promised", "nothing is promised", &strict),
        ],
    }
}

#[test]
fn each_difference_stands_beside_the_rule_that_made_it() {
    expect![[r#"
        shop  2026-02  standard@3 beside strict@1

        of             figure       before   after    because of
        shop/checkout  verdict      MET      MISSED   maintenance does not count -> maintenance counts
        shop/checkout  down         10m      1h10m    maintenance does not count -> maintenance counts
        shop/checkout  between      99.975%  99.826%  maintenance does not count -> maintenance counts
        shop/checkout  outages      1        2        maintenance does not count -> maintenance counts
        shop/checkout  verdict      MISSED   -        99.9% is promised -> nothing is promised
        shop/checkout  budget       40m19s   -        99.9% is promised -> nothing is promised
        shop/checkout  budget used  10m      -        99.9% is promised -> nothing is promised

        these rules make no difference here:
          outages less than 2m apart are one -> outages less than 1m apart are one
    "#]].assert_eq(&beside_text(&view(), Lang::En));
    assert!(differs(&view()));
}

#[test]
fn in_chinese_too() {
    expect![[r#"
        shop  2026-02  standard@3 与 strict@1 对比

        对象           指标      变更前   变更后   起因规则
        shop/checkout  结论      达标     未达标   maintenance does not count -> maintenance counts
        shop/checkout  不可用    10m      1h10m    maintenance does not count -> maintenance counts
        shop/checkout  范围      99.975%  99.826%  maintenance does not count -> maintenance counts
        shop/checkout  故障      1        2        maintenance does not count -> maintenance counts
        shop/checkout  结论      未达标   -        99.9% is promised -> nothing is promised
        shop/checkout  错误预算  40m19s   -        99.9% is promised -> nothing is promised
        shop/checkout  已用预算  10m      -        99.9% is promised -> nothing is promised

        以下规则在此没有影响：
          outages less than 2m apart are one -> outages less than 1m apart are one
    "#]]
    .assert_eq(&beside_text(&view(), Lang::Zh));
}

#[test]
fn two_that_say_the_same_are_said_to() {
    let mut view = view();
    view.steps.truncate(1);
    view.steps[0].accounts.clone_from(&view.accounts);
    expect![[r#"
        shop  2026-02  standard@3 beside strict@1

        both say the same

        these rules make no difference here:
          maintenance does not count -> maintenance counts
    "#]]
    .assert_eq(&beside_text(&view, Lang::En));
    assert!(!differs(&view));
}
