//! Prometheus's HTTP API without the HTTP: from parameters to values, from outcomes to bytes.
//!
//! Grafana and all that speaks to Prometheus reads these bytes, so they follow its server to the
//! letter, above all in how numbers and times are written. They are written straight into the
//! answer, since a chart of many series is mostly numbers.

mod number;
mod parameters;

pub use number::{api_number, plain_number};
pub use parameters::{ParameterError, duration_ms, matchers, time_ms};

use model::series::Labels;

use crate::error::QueryError;
use crate::source::SourceError;
use crate::value::{Series, Value};
use number::unsigned;

type Write<'v> = dyn Fn(&mut Vec<u8>) + 'v;

/// The answer to an instant query.
pub fn value(value: &Value, warnings: &[String], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"status\":\"success\",\"data\":{\"resultType\":\"");
    let (kind, write): (&str, &Write<'_>) = match value {
        Value::Vector(samples) => ("vector", &|out| {
            list(samples, out, |sample, out| {
                metric(&sample.labels, out);
                out.extend_from_slice(b",\"value\":");
                point(sample.at_ms, sample.value, out);
                out.push(b'}');
            });
        }),
        Value::Matrix(series) => ("matrix", &|out| matrix(series, out)),
        Value::Scalar(scalar) => ("scalar", &|out| point(scalar.at_ms, scalar.value, out)),
        Value::String { at_ms, text } => ("string", &|out| {
            out.push(b'[');
            time(*at_ms, out);
            out.push(b',');
            string(text, out);
            out.push(b']');
        }),
    };
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"result\":");
    write(out);
    out.push(b'}');
    finish(warnings, out);
}

/// The answer to a range query.
pub fn series(series: &[Series], warnings: &[String], out: &mut Vec<u8>) {
    // Some twenty bytes a point; what is reserved too little grows.
    out.reserve(series.iter().map(|one| one.points.times.len() * 28 + 100).sum());
    out.extend_from_slice(
        b"{\"status\":\"success\",\"data\":{\"resultType\":\"matrix\",\"result\":",
    );
    matrix(series, out);
    out.push(b'}');
    finish(warnings, out);
}

/// The answer to `/series`.
pub fn label_sets(sets: &[Labels], warnings: &[String], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"status\":\"success\",\"data\":");
    list(sets, out, labels);
    finish(warnings, out);
}

/// The answer to `/labels` and `/label/*/values`.
pub fn names(names: &[String], warnings: &[String], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"status\":\"success\",\"data\":");
    list(names, out, |name, out| string(name, out));
    finish(warnings, out);
}

/// What kind of failure the API calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorType {
    BadData,
    Execution,
    Timeout,
    Internal,
}

impl ErrorType {
    pub fn of(error: &QueryError) -> Self {
        match error {
            QueryError::Parse(_) | QueryError::Invalid(_) => Self::BadData,
            QueryError::Source(SourceError::BadPattern { .. }) => Self::BadData,
            QueryError::Stopped => Self::Timeout,
            QueryError::Execution(_) | QueryError::TooManySamples { .. } => Self::Execution,
            QueryError::Source(SourceError::TooManySeries { .. }) => Self::Execution,
            QueryError::Source(SourceError::Unreadable(_)) => Self::Internal,
        }
    }

    /// The status code Prometheus answers with.
    pub fn status(self) -> u16 {
        match self {
            Self::BadData => 400,
            Self::Execution => 422,
            Self::Timeout => 503,
            Self::Internal => 500,
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::BadData => "bad_data",
            Self::Execution => "execution",
            Self::Timeout => "timeout",
            Self::Internal => "internal",
        }
    }
}

/// The answer when there is none.
pub fn error(kind: ErrorType, message: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"status\":\"error\",\"errorType\":\"");
    out.extend_from_slice(kind.name().as_bytes());
    out.extend_from_slice(b"\",\"error\":");
    string(message, out);
    out.push(b'}');
}

fn finish(warnings: &[String], out: &mut Vec<u8>) {
    if !warnings.is_empty() {
        out.extend_from_slice(b",\"warnings\":");
        list(warnings, out, |warning, out| string(warning, out));
    }
    out.push(b'}');
}

fn matrix(series: &[Series], out: &mut Vec<u8>) {
    list(series, out, |one, out| {
        metric(&one.labels, out);
        out.extend_from_slice(b",\"values\":[");
        let points = one.points.times.iter().zip(&one.points.values);
        for (index, (at_ms, value)) in points.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            point(*at_ms, *value, out);
        }
        out.extend_from_slice(b"]}");
    });
}

fn metric(all: &Labels, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"metric\":");
    labels(all, out);
}

fn labels(all: &Labels, out: &mut Vec<u8>) {
    out.push(b'{');
    for (index, (name, value)) in all.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(name, out);
        out.push(b':');
        string(value, out);
    }
    out.push(b'}');
}

fn point(at_ms: i64, value: f64, out: &mut Vec<u8>) {
    out.push(b'[');
    time(at_ms, out);
    out.extend_from_slice(b",\"");
    api_number(value, out);
    out.extend_from_slice(b"\"]");
}

/// Seconds, with three digits behind the point where any is not zero.
fn time(at_ms: i64, out: &mut Vec<u8>) {
    if at_ms < 0 {
        out.push(b'-');
    }
    let ms = at_ms.unsigned_abs();
    unsigned(ms / 1000, out);
    let rest = ms % 1000;
    if rest > 0 {
        let digit = |by: u64| b'0' + (rest / by % 10) as u8;
        out.extend_from_slice(&[b'.', digit(100), digit(10), digit(1)]);
    }
}

fn list<T>(items: &[T], out: &mut Vec<u8>, write: impl Fn(&T, &mut Vec<u8>)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(item, out);
    }
    out.push(b']');
}

fn string(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            0..0x20 => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            _ => out.push(byte),
        }
    }
    out.push(b'"');
}
