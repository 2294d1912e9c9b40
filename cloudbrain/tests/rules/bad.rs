//! Bad rule files: one clear error with its line and what to write instead.

use std::path::PathBuf;

use cloudbrain::config;
use expect_test::{Expect, expect};

const MAIN: &str = "fleet: t\nchannels: [{inbox: {name: i, path: m}}]\npeople: {ops: {channel: i}}\noperations: [ops]\n";
const HEAD: &str = "apiVersion: cloudbrain/v1\nkind: Rules\n";

/// A folder of files that is gone with its test.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// What is said of a rule file, as `cloudbrain check` says it; the file's name is cut.
fn told(name: &str, text: &str) -> String {
    let folder = Folder(
        std::env::temp_dir().join(format!("cloudbrain-rules-{name}-{}", std::process::id())),
    );
    for inner in ["projects", "policies", "rules"] {
        std::fs::create_dir_all(folder.0.join(inner)).expect("a folder of ours");
    }
    std::fs::write(folder.0.join("cloudbrain.yaml"), MAIN).expect("a folder of ours");
    std::fs::write(folder.0.join("rules/a.yaml"), text).expect("a folder of ours");
    let loaded = config::load(&folder.0.join("cloudbrain.yaml"));
    let mut problems = loaded.problems;
    if let Some(config) = loaded.config {
        problems.extend(config.rules.try_out(false));
    }
    let lines = problems.iter().map(|problem| {
        let line = problem.to_string();
        line.split_once("a.yaml:").map_or(line.clone(), |(_, rest)| rest.trim_start().to_owned())
            + "\n"
    });
    lines.collect()
}

/// Each rule stands in lines from 4 on.
fn check(name: &str, rule: &str, expected: &Expect) {
    expected.assert_eq(&told(name, &format!("{HEAD}rules:\n{rule}")));
}

#[test]
fn what_is_no_rule_file_is_refused() {
    expect![[r#"
        2: error: unknown value "Rule"; did you mean "Rules"?
    "#]]
    .assert_eq(&told("kind", "apiVersion: cloudbrain/v1\nkind: Rule\n"));
    expect![[r#"
         error: empty: the file may be half written
    "#]]
    .assert_eq(&told("empty", ""));
    expect![[r#"
        3: error: unclosed bracket '{'
    "#]]
    .assert_eq(&told("cut", &format!("{HEAD}rules: [{{name: a, thres")));
}

#[test]
fn an_unknown_key_is_named_with_the_nearest_known_one() {
    check(
        "key",
        "  - name: a\n    treshold: {metric: m, above: 1}\n    on: vm\n",
        &expect![[r#"
        5: error: unknown key "treshold"; did you mean "threshold"?
    "#]],
    );
    check(
        "inner",
        "  - name: a\n    threshold: {metric: m, abov: 1}\n    on: vm\n",
        &expect![[r#"
            5: error: unknown key "abov"; did you mean "above"?
        "#]],
    );
    check(
        "name",
        "  - {name: A b, threshold: {metric: m, above: 1}, on: vm}\n",
        &expect![[r#"
        4: error: "A b" is no rule name; write 1 to 64 of a-z, 0-9 and _, a letter first
    "#]],
    );
    check(
        "severity",
        "  - {name: a, threshold: {metric: m, above: 1}, on: vm, severity: bad}\n",
        &expect![[r#"
            4: error: unknown value "bad"; write one of info, warning, average, high, disaster
        "#]],
    );
}

#[test]
fn a_rule_needs_a_name_a_condition_and_an_object() {
    check(
        "noname",
        "  - {threshold: {metric: m, above: 1}, on: vm}\n",
        &expect![[r#"
        4: error: rules.0: a rule without a name; write name: a_name
    "#]],
    );
    check(
        "nocondition",
        "  - name: a\n    on: vm\n",
        &expect![[r#"
        4: error: rules.0.name: a rule without a condition; write one of threshold, rate_of_change, no_data, days_until_full, expression
    "#]],
    );
    check(
        "two",
        "  - name: a\n    threshold: {metric: m, above: 1}\n    no_data: {metric: m}\n    on: vm\n",
        &expect![[r#"
            6: error: rules.0.no_data: a second condition beside threshold; keep one
        "#]],
    );
    check(
        "noon",
        "  - name: a\n    threshold: {metric: m, above: 1}\n",
        &expect![[r#"
        4: error: rules.0.name: of what do its series speak? write for example on: vm
    "#]],
    );
    check(
        "on",
        "  - name: a\n    threshold: {metric: m, above: 1}\n    on: vms\n",
        &expect![[r#"
        6: error: rules.0.on: ["vms"]: write some of switch, host, vm, module, project, datasource, collector, or one object: collector/main
    "#]],
    );
    check(
        "one",
        "  - name: a\n    threshold: {metric: m, above: 1}\n    on: planet/mars\n",
        &expect![[r#"
            6: error: rules.0.on: "planet/mars" is no object; write kind/name with kind one of switch, host, vm, module, project, datasource, collector, channel, pool, vantage
        "#]],
    );
    check(
        "again",
        "  - {name: a, threshold: {metric: m, above: 1}, on: vm}\n  - {name: a, threshold: {metric: m, above: 1}, on: vm}\n",
        &expect![[r#"
            5: error: rules.1.name: a second rule a; keep one
        "#]],
    );
}

#[test]
fn what_is_looked_at_is_a_metric_or_an_expression() {
    check(
        "nothing",
        "  - name: a\n    threshold: {above: 1}\n    on: vm\n",
        &expect![[r#"
        5: error: rules.0.threshold: nothing to look at; write metric: or promql: under it
    "#]],
    );
    check(
        "both",
        "  - name: a\n    threshold:\n      metric: m\n      promql: m\n      above: 1\n    on: vm\n",
        &expect![[r#"
            7: error: rules.0.threshold.promql: metric and promql exclude each other; keep one
        "#]],
    );
    check(
        "metric",
        "  - name: a\n    threshold: {metric: 'rate(m[5m])', above: 1}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.threshold.metric: "rate(m[5m])" is no name of a metric; an expression stands under promql
        "#]],
    );
    check(
        "where",
        "  - name: a\n    threshold: {metric: m, where: ['a=b', 'c=\"d\"} or m{x=\"y\"'], above: 1}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.threshold.where.0: "a=b": 1:5: parse error: unexpected "b", expected a string; write for example 'phase="dns"'
            5: error: rules.0.threshold.where.1: "c=\"d\"} or m{x=\"y\"": 1:10: parse error: unexpected "or", expected an operator; write for example 'phase="dns"'
        "#]],
    );
    check(
        "wherepromql",
        "  - name: a\n    threshold: {promql: m, where: ['a=\"b\"'], above: 1}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.threshold.where: it narrows a metric; write the matchers into the expression
        "#]],
    );
    check(
        "promql",
        "  - name: a\n    threshold:\n      promql: sum by (vm) (rate(m[5m]\n      above: 1\n    on: vm\n",
        &expect![[r#"
            6: error: rules.0.threshold.promql: 1:24: parse error: unexpected end of input, expected "," or ")"
        "#]],
    );
    check(
        "function",
        "  - name: a\n    expression: {promql: frobnicate(m) > 1}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.expression.promql: 1:1: parse error: unknown function "frobnicate"
        "#]],
    );
    check(
        "matrix",
        "  - name: a\n    expression: {promql: 'm[5m]'}\n    on: vm\n",
        &expect![[r#"
        5: error: rules.0.expression.promql: it gives no number at one moment; write for example max_over_time(METRIC[5m])
    "#]],
    );
    check(
        "expressionmetric",
        "  - name: a\n    expression: {metric: m}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.expression.metric: an expression that gives what is bad stands under promql; for a metric and a line write threshold:
        "#]],
    );
}

#[test]
fn lines_must_leave_room_for_good_and_bad() {
    check(
        "noline",
        "  - name: a\n    threshold: {metric: m}\n    on: vm\n",
        &expect![[r#"
        5: error: rules.0.threshold: it has no line; write above: or below: under it
    "#]],
    );
    check(
        "twolines",
        "  - name: a\n    threshold: {metric: m, above: 1, below: 3}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.threshold.below: above and below exclude each other; write two rules
        "#]],
    );
    check(
        "side",
        "  - name: a\n    threshold:\n      metric: m\n      above: 1\n      clear: {above: 2}\n    on: vm\n",
        &expect![[r#"
            8: error: rules.0.threshold.clear.above: it is on the wrong side: what is bad above a line is good below one; write clear: {below: ...}
        "#]],
    );
    check(
        "beyond",
        "  - name: a\n    threshold:\n      metric: m\n      above: 0.9\n      clear:\n        below: 0.95\n    on: vm\n",
        &expect![[r#"
            9: error: rules.0.threshold.clear.below: 0.95 is beyond above: 0.9, so a value could be bad and good at once; write at most 0.9
        "#]],
    );
    check(
        "beyondbelow",
        "  - name: a\n    days_until_full: {metric: m, below: 4, clear: {above: 3}}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.days_until_full.clear.above: 3 is beyond below: 4, so a value could be bad and good at once; write at least 4
        "#]],
    );
    check(
        "infinite",
        "  - name: a\n    threshold: {metric: m, above: .inf}\n    on: vm\n",
        &expect![[r#"
             error: rules.0.threshold.above: a line must be a finite number
        "#]],
    );
    check(
        "silentline",
        "  - name: a\n    no_data: {metric: m, above: 1}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.no_data: it has no line to be above or below; a line belongs to threshold
        "#]],
    );
    check(
        "full",
        "  - name: a\n    threshold: {metric: m, full: 2, above: 1}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.threshold.full: only days_until_full asks for it; remove it
        "#]],
    );
    check(
        "over",
        "  - name: a\n    threshold: {metric: m, over: 5m, above: 1}\n    on: vm\n",
        &expect![[r#"
            5: error: rules.0.threshold.over: only rate_of_change and days_until_full look back; remove it
        "#]],
    );
    check(
        "same",
        "  - name: a\n    threshold: {metric: m, above: 1, clear: {below: 1}}\n    on: vm\n",
        &expect![[""]],
    );
}

#[test]
fn times_have_units_and_bounds() {
    check(
        "unit",
        "  - name: a\n    threshold: {metric: m, above: 1}\n    for: 5\n    on: vm\n",
        &expect![[r#"
            6: error: "5" is no duration; write for example 500ms, 30s, 10m, 1h30m or 7d
        "#]],
    );
    check(
        "every",
        "  - name: a\n    threshold: {metric: m, above: 1}\n    every: 1ms\n    on: vm\n",
        &expect![[r#"
            6: error: rules.0.every: 1ms; write 1s to 1h
        "#]],
    );
}

#[test]
fn a_text_with_a_fault_is_told_with_its_line() {
    let rule = "  - name: a\n    threshold: {metric: m, above: 1}\n    on: vm\n    text:\n      en: fine\n      zh: '{objekt} 坏'\n";
    check(
        "text",
        rule,
        &expect![[r#"
        9: error: rules.0.text.zh: unknown placeholder "{objekt}"; write one of {object} {value} {value%} {threshold} {threshold%} {part} {rule} {for}
    "#]],
    );
    let rule =
        "  - name: a\n    no_data: {metric: m}\n    on: vm\n    text: {en: 'above {threshold}'}\n";
    check(
        "threshold",
        rule,
        &expect![[r#"
        7: error: rules.0.text.en: no_data has no line; remove {threshold}
    "#]],
    );
}

#[test]
fn a_rule_that_reads_itself_is_warned_of() {
    check(
        "loop",
        "  - name: a\n    threshold: {metric: cloudbrain_rules_bad, above: 0}\n    on: collector/main\n",
        &expect![[r#"
            4: warning: rules.0.name: cloudbrain_rules_bad counts what is bad by all rules, a among them: once bad it may never end, or go to and fro; watch what those rules watch
        "#]],
    );
}

#[test]
fn a_rule_that_can_never_tell_of_what_it_is_on_is_warned_of() {
    let rule =
        "  - name: a\n    threshold: {promql: sum by (module) (m), above: 1}\n    on: [vm, host]\n";
    check(
        "never",
        rule,
        &expect![[r#"
        6: warning: rules.0.on: no series of its outcome ever has the label vm or host, so it can never tell of one; keep the label (sum by (vm) ...), or write on: with what it has
    "#]],
    );
    check(
        "scalar",
        "  - name: a\n    threshold: {promql: 1 + 1, above: 1}\n    on: vm\n",
        &expect![[r#"
            6: warning: rules.0.on: no series of its outcome ever has the label vm, so it can never tell of one; keep the label (sum by (vm) ...), or write on: with what it has
        "#]],
    );
    check(
        "fixed",
        "  - name: a\n    threshold: {promql: sum(m), above: 1}\n    on: collector/main\n",
        &expect![[""]],
    );
}

#[test]
fn a_built_in_rule_is_changed_in_part_or_switched_off_by_its_name() {
    check("off", "  - {name: cpu_busy, enabled: false}\n", &expect![[""]]);
    check("part", "  - {name: cpu_busy, threshold: {above: 0.6}, for: 1m}\n", &expect![[""]]);
    check("whole", "  - {name: cpu_busy, expression: {promql: load1 > 3}}\n", &expect![[""]]);
    check(
        "clear",
        "  - {name: cpu_busy, threshold: {clear: {below: 0.95}}}\n",
        &expect![[r#"
        4: error: rules.0.threshold.clear.below: 0.95 is beyond above: 0.9, so a value could be bad and good at once; write at most 0.9
    "#]],
    );
    check(
        "twice",
        "  - {name: cpu_busy, enabled: false}\n  - {name: cpu_busy, for: 1m}\n",
        &expect![[r#"
            5: error: rules.1.name: a second rule cpu_busy; keep one
        "#]],
    );
}

#[test]
fn a_changed_built_in_rule_keeps_what_is_not_changed() {
    let text = format!(
        "{HEAD}rules: [{{name: cpu_busy, threshold: {{above: 0.6}}, for: 1m, severity: high}}]\n\
         tests:\n  - name: t\n    input: [{{series: 'system_cpu_utilization{{vm=\"a\"}}', values: '0.7x9'}}]\n    \
         expect:\n      - {{at: 2m, firing: [{{on: vm/a, text: {{en: 'a uses 70 % of its CPU, above 60 % for 1 min'}}}}]}}\n"
    );
    expect![[""]].assert_eq(&told("kept", &text));
}

/// A rule, and tests in lines from 8 on.
fn tried(name: &str, tests: &str) -> String {
    let rule =
        "rules:\n  - name: long\n    threshold: {metric: queue, above: 10}\n    on: vm\ntests:\n";
    told(name, &format!("{HEAD}{rule}{tests}"))
}

#[test]
fn a_test_that_fails_says_what_was_expected_and_what_was() {
    let input =
        "  - name: grows\n    input: [{series: 'queue{vm=\"a\"}', values: '0+5x9'}]\n    expect:\n";
    expect![[""]]
        .assert_eq(&tried("fine", &format!("{input}      - {{at: 3m, firing: [{{on: vm/a}}]}}\n")));
    expect![[r#"
        11: error: tests.0.expect.0.firing: grows, at 1m: expected firing vm/a, found none
    "#]]
    .assert_eq(&tried("late", &format!("{input}      - {{at: 1m, firing: [{{on: vm/a}}]}}\n")));
    expect![[r#"
        12: error: tests.0.expect.0.firing.0.text.en: grows, at 3m: expected of vm/a "it grows", found "15, above 10"
        13: error: tests.0.expect.0.not_firing: grows, at 3m: expected not firing vm/a, found it firing
        14: error: tests.0.expect.0.no_data: grows, at 3m: expected no data of vm/b, found none
        16: error: tests.0.expect.1.firing: grows, at 9m: expected firing none, found vm/a
    "#]].assert_eq(&tried(
        "several",
        &format!(
            "{input}      - at: 3m\n        firing: [{{on: vm/a, text: {{en: it grows}}}}]\n        \
             not_firing: [vm/a]\n        no_data: [vm/b]\n      - at: 9m\n        firing: []\n"
        ),
    ));
}

#[test]
fn a_test_that_is_written_wrongly_is_told_as_such() {
    let expect = "    expect: [{at: 1m, firing: []}]\n";
    let series = |series: &str, values: &str| {
        format!(
            "  - name: t\n    input:\n      - series: '{series}'\n        values: '{values}'\n{expect}"
        )
    };
    expect![[r#"
        10: error: tests.0.input.0.series: "queue{vm=~\"a\"}" is no series; write for example up{vm="web-1"}
    "#]].assert_eq(&tried("series", &series("queue{vm=~\"a\"}", "1 2")));
    expect![[r#"
        11: error: tests.0.input.0.values: "two" is no value; write numbers, 0+10x100 (from 0 by 10, a hundred times), 5x3, _, _x3 or stale
    "#]].assert_eq(&tried("values", &series("queue", "1 two")));
    expect![[r#"
        11: error: tests.0.input.0.values: more than 100000 values; write fewer, or a longer interval
    "#]].assert_eq(&tried("many", &series("queue", "1x1000000000")));
    let unknown = "  - name: t\n    input: []\n    expect: [{at: 1m, rule: lnog, firing: []}]\n";
    expect![[r#"
        10: error: tests.0.expect.0.rule: no rule lnog is in force
    "#]]
    .assert_eq(&tried("unknown", unknown));
    let far = "  - name: t\n    input: []\n    expect: [{at: 3650d, firing: []}]\n";
    expect![[r#"
        10: error: tests.0.expect.0.at: more than 100000 evaluations; write less
    "#]]
    .assert_eq(&tried("far", far));
    let zero = "  - name: t\n    interval: 0\n    input: []\n    expect: [{at: 1m, firing: []}]\n";
    expect![[r#"
        9: error: tests.0.interval: write at least 1ms; 1m is usual
    "#]]
    .assert_eq(&tried("zero", zero));
}
