//! What an expression comes to.
//!
//! The four shapes are Prometheus's, since its HTTP API hands them out under those names. No value
//! here is absent or stale: where there was none, there is no sample.

use model::series::Labels;

use crate::source::Points;

/// The outcome of an instant query.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One sample a series, in the order the expression gives them.
    Vector(Vec<Sample>),
    /// Stretches of samples, in the order of their labels.
    Matrix(Vec<Series>),
    Scalar(Point),
    String {
        at_ms: i64,
        text: String,
    },
}

/// One series at one moment.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub labels: Labels,
    pub at_ms: i64,
    pub value: f64,
}

/// One series over time; at least one point, oldest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    pub labels: Labels,
    pub points: Points,
}

/// A number at a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub at_ms: i64,
    pub value: f64,
}
