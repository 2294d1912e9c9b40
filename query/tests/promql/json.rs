//! The bytes that Grafana and its like read.

use expect_test::{Expect, expect};
use model::series::Labels;
use query::api::{self, ErrorType};
use query::source::SourceError;
use query::{Limits, QueryError};

use crate::memory::Memory;

fn memory() -> Memory {
    let mut memory = Memory::default();
    memory.load("n{vm=\"a \\\"b\\\\\"} 1 2.5 NaN", 60_123);
    memory.load("n{vm=\"zwölf\\n\"} 1e21 -Inf 1e-7", 60_123);
    memory
}

fn check(write: impl FnOnce(&mut Vec<u8>), expected: &Expect) {
    let mut bytes = Vec::new();
    write(&mut bytes);
    serde_json::from_slice::<serde_json::Value>(&bytes).unwrap();
    expected.assert_eq(&String::from_utf8(bytes).unwrap());
}

fn check_instant(expression: &str, expected: &Expect) {
    let value = query::instant(&memory(), expression, 60_123, Limits::default()).unwrap();
    check(|bytes| api::value(&value, &[], bytes), expected);
}

#[test]
fn each_kind_of_outcome_has_its_form() {
    check_instant(
        "n",
        &expect![[
            r#"{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"n","vm":"a \"b\\"},"value":[60.123,"2.5"]},{"metric":{"__name__":"n","vm":"zwölf\n"},"value":[60.123,"-Inf"]}]}}"#
        ]],
    );
    check_instant(
        "n{vm!~\"a.*\"}[5m]",
        &expect![[
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"n","vm":"zwölf\n"},"values":[[0,"1e+21"],[60.123,"-Inf"]]}]}}"#
        ]],
    );
    check_instant(
        "1 / 3",
        &expect![[
            r#"{"status":"success","data":{"resultType":"scalar","result":[60.123,"0.3333333333333333"]}}"#
        ]],
    );
    check_instant(
        "\"tab\\t\"",
        &expect![[
            r#"{"status":"success","data":{"resultType":"string","result":[60.123,"tab\u0009"]}}"#
        ]],
    );
    check_instant(
        "nothing",
        &expect![[r#"{"status":"success","data":{"resultType":"vector","result":[]}}"#]],
    );
}

#[test]
fn a_range_is_a_matrix_and_may_carry_warnings() {
    let expression = "n{vm=~\"z.*\"} + 1";
    let series = query::range(&memory(), expression, 0, 1000, 500, Limits::default()).unwrap();
    let warnings = ["one target \"x\" did not answer".to_owned()];
    check(
        |bytes| api::series(&series, &warnings, bytes),
        &expect![[
            r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"vm":"zwölf\n"},"values":[[0,"1e+21"],[0.500,"1e+21"],[1,"1e+21"]]}]},"warnings":["one target \"x\" did not answer"]}"#
        ]],
    );
    check(
        |bytes| api::series(&[], &[], bytes),
        &expect![[r#"{"status":"success","data":{"resultType":"matrix","result":[]}}"#]],
    );
}

#[test]
fn lists_of_labels_and_names() {
    check(
        |bytes| api::label_sets(&[Labels::of([("__name__", "up"), ("vm", "a")])], &[], bytes),
        &expect![[r#"{"status":"success","data":[{"__name__":"up","vm":"a"}]}"#]],
    );
    check(
        |bytes| api::names(&["__name__".to_owned(), "vm".to_owned()], &[], bytes),
        &expect![[r#"{"status":"success","data":["__name__","vm"]}"#]],
    );
}

#[test]
fn each_failure_has_its_kind_and_status() {
    let stop = Limits { stop: &|| true, ..Limits::default() };
    for (outcome, kind, status) in [
        (query::instant(&memory(), "n +", 0, Limits::default()), ErrorType::BadData, 400),
        (query::instant(&memory(), "n", i64::MIN, Limits::default()), ErrorType::BadData, 400),
        (
            query::instant(&memory(), "topk(NaN, n)", 0, Limits::default()),
            ErrorType::Execution,
            422,
        ),
        (query::instant(&memory(), "n", 0, stop), ErrorType::Timeout, 503),
    ] {
        let error = outcome.unwrap_err();
        assert_eq!((ErrorType::of(&error), ErrorType::of(&error).status()), (kind, status));
    }
    let broken = QueryError::Source(SourceError::Unreadable("disk".into()));
    assert_eq!(ErrorType::of(&broken).status(), 500);
    let error = query::instant(&memory(), "n +", 0, Limits::default()).unwrap_err();
    check(
        |bytes| api::error(ErrorType::of(&error), &error.to_string(), bytes),
        &expect![[
            r#"{"status":"error","errorType":"bad_data","error":"1:4: parse error: unexpected end of input, expected an expression"}"#
        ]],
    );
}
