//! Runs scripts: samples to load, then questions.
//!
//! A script line is one of
//! - `load 1m`, and below it series, as [`Memory::load`] reads them;
//! - `5m | EXPRESSION`, asked at one moment;
//! - `0..10m/5m | EXPRESSION`, asked from, to, every.
//!
//! The log repeats each question and lists below it what came; `1@60` is a 1 at second 60.

use std::fmt::Write;

use expect_test::Expect;
use model::series::Labels;
use query::api::{api_number, duration_ms};
use query::source::Points;
use query::{Limits, QueryError, Series, Value};

use crate::memory::Memory;

pub(crate) fn check(script: &str, expected: &Expect) {
    let mut memory = Memory::default();
    let mut step_ms = 0;
    let mut log = String::new();
    for line in script.lines().map(str::trim).filter(|line| !line.is_empty()) {
        if let Some(step) = line.strip_prefix("load ") {
            step_ms = duration_ms(step).unwrap();
        } else if let Some((when, expression)) = line.split_once(" | ") {
            writeln!(log, "{line}").unwrap();
            ask(&memory, when, expression, &mut log);
        } else {
            memory.load(line, step_ms);
        }
    }
    expected.assert_eq(&log);
}

fn ask(memory: &Memory, when: &str, expression: &str, log: &mut String) {
    let limits = Limits::default();
    let ms = |text: &str| duration_ms(text).unwrap();
    let outcome = match when.split_once("..") {
        None => query::instant(memory, expression, ms(when), limits),
        Some((start, rest)) => {
            let (end, step) = rest.split_once('/').unwrap();
            query::range(memory, expression, ms(start), ms(end), ms(step), limits)
                .map(Value::Matrix)
        }
    };
    log.push_str(&outcome_text(outcome));
}

fn outcome_text(outcome: Result<Value, QueryError>) -> String {
    match outcome {
        Err(error) => format!("    error: {error}\n"),
        Ok(Value::Scalar(point)) => format!("    scalar {}\n", number(point.value)),
        Ok(Value::String { text, .. }) => format!("    string {text:?}\n"),
        Ok(Value::Vector(samples)) => {
            lines(samples.iter().map(|sample| (&sample.labels, number(sample.value))))
        }
        Ok(Value::Matrix(series)) => {
            lines(series.iter().map(|Series { labels, points }| (labels, stretch(points))))
        }
    }
}

fn lines<'l>(found: impl Iterator<Item = (&'l Labels, String)>) -> String {
    let text: String = found.map(|(labels, values)| format!("    {labels} {values}\n")).collect();
    if text.is_empty() { "    nothing\n".to_owned() } else { text }
}

fn stretch(points: &Points) -> String {
    let pairs = points.times.iter().zip(&points.values);
    let words: Vec<String> =
        pairs.map(|(time, value)| format!("{}@{}", number(*value), time / 1000)).collect();
    words.join(" ")
}

pub(crate) fn number(value: f64) -> String {
    let mut out = Vec::new();
    api_number(value, &mut out);
    String::from_utf8(out).unwrap()
}
