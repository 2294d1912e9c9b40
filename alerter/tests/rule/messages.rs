//! What people read of a rule: its own words, in the language of whoever reads.

use std::collections::BTreeMap;

use alerter::rule::{Ground, RuleState, Template, hear};
use alerter::{Action, Bilingual, Event, Settings, State, step, wake_at};
use expect_test::{Expect, expect};
use model::id::PersonId;
use model::lang::Lang;
use model::series::Labels;
use model::time::Time;

use crate::script::{ASKS, rule, topology};

/// The texts of all messages after the rule was heard twice, to one who reads `lang`.
fn check(lang: Lang, labels: &[(&str, &str)], value: f64, expected: &Expect) {
    let mut rule = alerter::rule::Rule { hold: Default::default(), ..rule() };
    rule.text.zh = Some(Template::parse("{object} 已用 {value%}").unwrap());
    rule.runbook = Some(Bilingual { en: "make room".to_owned(), zh: "腾出空间".to_owned() });
    let people = BTreeMap::from([(PersonId::parse("ops").unwrap(), lang)]);
    let settings = Settings { people, ..Settings::default() };
    let (topology, collector) = (topology(), "main".parse().unwrap());
    let ground = Ground { topology: &topology, is_whole: true, collector: &collector };
    let (mut rules, mut state) = (RuleState::default(), State::default());
    let mut texts = String::new();
    let mut tell = |actions: Vec<Action>| {
        for action in actions {
            if let Action::Tell(message) = action {
                texts.push_str(&message.text);
                texts.push('\n');
            }
        }
    };
    let mut now = Time::from_millis(1_772_445_600_000);
    for _ in 0..2 {
        let vector = vec![(Labels::of(labels.iter().copied()), value)];
        for said in hear(&rule, ASKS, &mut rules, ground, now, Ok(vector)).said {
            tell(step(&settings, &topology, &mut state, Event::Rule(Box::new(said)), now));
        }
        now = now + rule.every;
    }
    while let Some(due) = wake_at(&state).filter(|due| due.since(now).as_secs() < 120) {
        tell(step(&settings, &topology, &mut state, Event::Tick, due));
    }
    expected.assert_eq(&texts);
}

#[test]
fn a_problem_is_told_in_the_words_of_the_rule() {
    check(
        Lang::En,
        &[("vm", "web-1")],
        0.95,
        &expect![[r#"
            VM web-1 works badly (rule.usage_high: 95 % of 90 %)
            pool: web-1
            Since 2026-03-02T10:00:00Z, for 1 min
            rule.usage_high of web-1 is bad since 2026-03-02T10:00:00Z, says rule: 95 % of 90 %
            To do: make room
        "#]],
    );
    check(
        Lang::Zh,
        &[("vm", "web-1")],
        0.95,
        &expect![[r#"
            虚拟机 web-1 工作异常（rule.usage_high：web-1 已用 95 %）
            资源池：web-1
            始于 2026-03-02T10:00:00Z，已持续 1 分钟
            rule 报告 web-1 的 rule.usage_high 自 2026-03-02T10:00:00Z 起异常：web-1 已用 95 %
            处理建议：腾出空间
        "#]],
    );
}

#[test]
fn a_rule_that_cannot_be_judged_is_told_to_operations_and_nobody_is_called_blind() {
    check(
        Lang::En,
        &[("rack", "r1")],
        0.95,
        &expect![[r#"
            collector main works badly (rules.usage_high: rule usage_high cannot be judged: none of its series names what it is on, for example {rack="r1"})
            Since 2026-03-02T10:00:10Z, for 30 s
            rules.usage_high of main is bad since 2026-03-02T10:00:10Z, says rule: rule usage_high cannot be judged: none of its series names what it is on, for example {rack="r1"}
        "#]],
    );
    check(
        Lang::Zh,
        &[("vm", "web-1")],
        f64::NAN,
        &expect![[r#"
            采集器 main 工作异常（rules.usage_high：规则 usage_high 无法判断：it gives no number, for example vm/web-1 is NaN）
            始于 2026-03-02T10:00:10Z，已持续 30 秒
            rule 报告 main 的 rules.usage_high 自 2026-03-02T10:00:10Z 起异常：规则 usage_high 无法判断：it gives no number, for example vm/web-1 is NaN
        "#]],
    );
}
