//! What a rule says, story by story.

use std::time::Duration;

use alerter::rule::{Bound, Condition, Kind, On, Rule};
use expect_test::expect;
use model::signal::SignalState;

use crate::script::{check, rule};

#[test]
fn it_must_be_bad_for_long_enough_and_good_for_long_enough() {
    check(
        &rule(),
        "
        0s web-1=0.95
        10s web-1=0.95
        20s web-1=0.95
        30s web-1=0.97
        40s web-1=0.99
        50s web-1=0.75
        60s web-1=0.75
        70s web-1=0.75
        80s web-1=0.95
        ",
        &expect![[r#"
            30s vm/web-1 rule.usage_high average: 97 % of 90 %
            70s vm/web-1 rule.usage_high ok: usage_high of VM web-1 is good again
        "#]],
    );
}

#[test]
fn between_the_lines_nothing_begins_and_nothing_ends() {
    check(
        &rule(),
        "
        0s web-1=0.95
        10s web-1=0.85
        20s web-1=0.95
        30s web-1=0.95
        40s web-1=0.95
        50s web-1=0.95
        60s web-1=0.7
        70s web-1=0.85
        80s web-1=0.7
        90s web-1=0.8
        100s web-1=0.7
        110s web-1=0.7
        120s web-1=0.7
        ",
        &expect![[r#"
            50s vm/web-1 rule.usage_high average: 95 % of 90 %
            120s vm/web-1 rule.usage_high ok: usage_high of VM web-1 is good again
        "#]],
    );
}

#[test]
fn a_gap_stops_the_wait_and_a_failed_or_blind_evaluation_does_too() {
    check(
        &rule(),
        "
        0s web-1=0.95
        10s web-1=0.95
        20s
        30s blind
        40s fault too many samples
        50s web-1=0.95
        60s web-1=0.95
        70s web-1=0.95
        ",
        &expect![[r#"
            70s vm/web-1 rule.usage_high average: 95 % of 90 %
        "#]],
    );
}

#[test]
fn after_a_long_stop_nobody_knows_what_was_in_between() {
    check(
        &rule(),
        "
        0s web-1=0.95
        900s web-1=0.95
        910s web-1=0.95
        930s web-1=0.95
        940s web-1=0.95
        ",
        &expect![[r#"
            930s vm/web-1 rule.usage_high average: 95 % of 90 %
        "#]],
    );
}

#[test]
fn no_number_neither_begins_nor_ends_anything() {
    check(
        &rule(),
        "
        0s web-1=0.95 web-2=NaN
        10s web-1=inf web-2=inf
        20s web-1=0.95 web-2=NaN
        30s web-1=0.95 web-2=NaN
        40s web-1=0.95 web-2=NaN
        50s web-1=0.95
        60s web-1=NaN web-2=0.1
        70s web-1=-inf web-2=0.1
        80s web-1=NaN web-2=0.1
        ",
        &expect![[r#"
            50s vm/web-1 rule.usage_high average: 95 % of 90 %
        "#]],
    );
}

#[test]
fn a_rule_that_divides_by_zero_is_told_once_and_its_end_too() {
    check(
        &rule(),
        "
        0s web-1=NaN
        10s web-1=inf
        20s web-1=NaN
        30s web-1=0.5
        40s web-1=NaN
        50s web-1=0.5
        ",
        &expect![[r#"
            10s collector/main rules.usage_high warning: rule usage_high cannot be judged: it gives no number, for example vm/web-1 is inf
            30s collector/main rules.usage_high ok: rule usage_high can be judged again
        "#]],
    );
}

#[test]
fn an_evaluation_that_fails_keeps_the_trouble_and_is_told_once() {
    check(
        &rule(),
        "
        0s web-1=0.95
        10s web-1=0.95
        20s web-1=0.95
        30s web-1=0.95
        40s fault the query selects more than 20000 series
        50s fault the query selects more than 20000 series
        60s fault the query was stopped
        70s web-1=0.7
        80s web-1=0.7
        90s web-1=0.7
        ",
        &expect![[r#"
            30s vm/web-1 rule.usage_high average: 95 % of 90 %
            50s collector/main rules.usage_high warning: rule usage_high cannot be judged: the query selects more than 20000 series
            70s collector/main rules.usage_high ok: rule usage_high can be judged again
            90s vm/web-1 rule.usage_high ok: usage_high of VM web-1 is good again
        "#]],
    );
}

#[test]
fn all_parts_of_one_object_make_one_signal_that_names_the_worst() {
    let mut at_once = Rule { hold: Duration::ZERO, clear_after: Duration::ZERO, ..rule() };
    at_once.text.en = Some(alerter::rule::Template::parse("{part} at {value%}").unwrap());
    check(
        &at_once,
        "
        0s web-1:/data=0.95 web-1:/var=0.5
        10s web-1:/data=0.95 web-1:/var=0.99 web-1:/home=0.92
        20s web-1:/data=0.96 web-1:/var=0.98 web-1:/home=0.93
        30s web-1:/data=0.5 web-1:/var=0.98 web-1:/home=0.5
        40s web-1:/data=0.5 web-1:/var=0.5 web-1:/home=0.5
        ",
        &expect![[r#"
            0s vm/web-1 rule.usage_high average: /data at 95 %
            10s vm/web-1 rule.usage_high average: /var at 99 % (and 2 more: /data, /home)
            30s vm/web-1 rule.usage_high average: /var at 98 %
            40s vm/web-1 rule.usage_high ok: usage_high of VM web-1 is good again
        "#]],
    );
}

#[test]
fn a_text_that_has_nothing_to_fill_in_gives_way_to_the_usual_one_and_says_so() {
    let mut at_once = Rule { hold: Duration::ZERO, ..rule() };
    at_once.text.en = Some(alerter::rule::Template::parse("disk {part} is full").unwrap());
    check(
        &at_once,
        "0s web-1=0.95",
        &expect![[r#"
            0s vm/web-1 rule.usage_high average: 0.95, above 0.9 (the rule's own text fails: no {part} here)
        "#]],
    );
}

#[test]
fn below_a_line_the_smallest_is_the_worst_and_the_usual_text_says_so() {
    let days = Rule {
        condition: Condition::Number { fires: Bound::Below(4.0), clears: Bound::AtLeast(4.0) },
        text: Default::default(),
        hold: Duration::ZERO,
        ..rule()
    };
    check(
        &days,
        "0s web-1:/data=3.5 web-1:/var=1.25",
        &expect![[r#"
            0s vm/web-1 rule.usage_high average: /var: 1.25, below 4 (and 1 more: /data)
        "#]],
    );
}

/// `every` is 100 s here, so that the grace of ten minutes is short to tell.
fn slow() -> Rule {
    let (every, hold) = (Duration::from_secs(100), Duration::ZERO);
    Rule { every, hold, clear_after: Duration::ZERO, ..rule() }
}

#[test]
fn trouble_of_which_nothing_is_heard_becomes_no_data_and_a_value_decides_again() {
    check(
        &slow(),
        "
        0s web-1=0.95 web-2=0.95
        100s web-2=0.95
        200s web-2=0.95
        300s web-2=0.95
        400s web-2=0.95
        500s web-2=0.95
        600s web-2=0.95
        700s web-2=0.95
        800s web-1=0.95 web-2=0.95
        900s web-1=0.5 web-2=0.5
        ",
        &expect![[r#"
            0s vm/web-1 rule.usage_high average: 95 % of 90 %
            0s vm/web-2 rule.usage_high average: 95 % of 90 %
            700s vm/web-1 rule.usage_high silent: no data of VM web-1 since usage_high was bad
            800s vm/web-1 rule.usage_high average: 95 % of 90 %
            900s vm/web-1 rule.usage_high ok: usage_high of VM web-1 is good again
            900s vm/web-2 rule.usage_high ok: usage_high of VM web-2 is good again
        "#]],
    );
}

#[test]
fn a_part_that_is_no_more_ends_after_the_grace_while_the_others_speak() {
    check(
        &slow(),
        "
        0s web-1:/data=0.95 web-1:/=0.91
        100s web-1:/=0.91
        200s web-1:/=0.91
        300s web-1:/=0.91
        400s web-1:/=0.91
        500s web-1:/=0.91
        600s web-1:/=0.91
        700s web-1:/=0.91
        800s web-1:/=0.5
        ",
        &expect![[r#"
            0s vm/web-1 rule.usage_high average: 95 % of 90 % (and 1 more: /)
            700s vm/web-1 rule.usage_high average: 91 % of 90 %
            800s vm/web-1 rule.usage_high ok: usage_high of VM web-1 is good again
        "#]],
    );
}

#[test]
fn what_is_gone_from_the_topology_ends_at_once() {
    check(
        &slow(),
        "
        0s web-1=0.95 stranger=0.95
        50s gone web-1
        100s web-1=0.95 stranger=0.95
        200s stranger=0.95
        ",
        &expect![[r#"
            0s vm/stranger rule.usage_high average: 95 % of 90 %
            0s vm/web-1 rule.usage_high average: 95 % of 90 %
            100s vm/web-1 rule.usage_high ok: VM web-1 is gone
        "#]],
    );
}

fn no_data() -> Rule {
    let hold = Duration::from_secs(20);
    Rule { condition: Condition::NoData, hold, text: Default::default(), ..rule() }
}

#[test]
fn no_data_is_silence_and_never_down() {
    check(
        &no_data(),
        "
        0s web-1=1 web-2:/data=NaN web-3:/data=0
        10s web-3:/home=0
        20s web-3:/home=0
        30s
        40s web-1=1
        50s web-1=1 web-3:/home=0
        ",
        &expect![[r#"
            30s vm/web-1 rule.usage_high silent: no data for 20 s
            40s vm/web-1 rule.usage_high ok: VM web-1 is silent no longer
        "#]],
    );
}

#[test]
fn while_we_are_blind_nobody_is_silent() {
    check(
        &no_data(),
        "
        0s web-1=1
        10s
        20s blind
        30s blind
        40s blind
        50s
        60s
        70s web-1=1
        ",
        &expect![[""]],
    );
}

#[test]
fn after_our_own_stop_nobody_is_silent() {
    check(
        &no_data(),
        "
        0s web-1=1
        600s
        610s
        620s web-1=1
        ",
        &expect![[""]],
    );
}

#[test]
fn a_presence_is_bad_and_an_absence_good() {
    check(
        &Rule { condition: Condition::Presence, text: Default::default(), ..rule() },
        "
        0s web-1=0
        10s web-1=0 web-2=1
        20s web-1=0 web-2=1
        30s web-1=0
        40s fault no answer
        50s
        60s
        70s
        ",
        &expect![[r#"
            30s vm/web-1 rule.usage_high average: 0 for 30 s
            70s vm/web-1 rule.usage_high ok: usage_high of VM web-1 is good again
        "#]],
    );
}

#[test]
fn a_rule_whose_series_name_nothing_it_is_on_is_told_of() {
    check(
        &Rule { on: On::Kinds(vec![Kind::Host]), ..rule() },
        "
        0s web-1=0.95
        10s web-2=0.95 web-1=0.95
        ",
        &expect![[r#"
            10s collector/main rules.usage_high warning: rule usage_high cannot be judged: none of its series names what it is on, for example usage{vm="web-1"}
        "#]],
    );
}

#[test]
fn a_hostile_label_breaks_no_line_and_no_limit() {
    let at_once = Rule { hold: Duration::ZERO, text: Default::default(), ..rule() };
    let part = "\u{1b}[31m".repeat(200);
    check(
        &at_once,
        &format!("0s web-1:{part}=0.95"),
        &expect![[r#"
            0s vm/web-1 rule.usage_high average:  [31m [31m [31m [31m [31m [31m [31m [31m [31m [31m [31m [31m…: 0.95, above 0.9
        "#]],
    );
}

#[test]
fn each_language_has_its_own_words() {
    use alerter::rule::{Ground, RuleState, Template, hear};
    use model::series::Labels;
    use model::time::Time;

    let mut rule = Rule { hold: Duration::ZERO, ..rule() };
    rule.text.zh = Some(Template::parse("{object} 使用率 {value%}").unwrap());
    let (topology, collector) = (crate::script::topology(), "main".parse().unwrap());
    let ground = Ground { topology: &topology, is_whole: true, collector: &collector };
    let vector = vec![(Labels::of([("vm", "web-1")]), 0.95)];
    let at = Time::from_millis(0);
    let report = hear(&rule, "", &mut RuleState::default(), ground, at, Ok(vector));
    let [said] = &report.said[..] else { panic!("{report:?}") };
    assert_eq!(said.words.text.zh, "web-1 使用率 95 %");
    assert_eq!(said.words.text.en, said.signal.text);
    assert!(matches!(said.signal.state, SignalState::Problem(_)));
}
