//! PromQL: expressions over samples, evaluated.
//!
//! Pages, alert rules, scaling policies and Grafana all ask in the one language that monitoring
//! people know. What they may ask is read by [`Expression::parse`]; what it means is worked out by
//! [`Expression::instant`] and [`Expression::range`] over any [`source::Source`]. The meaning is
//! that of Prometheus 3: left-open windows, extrapolated rates, staleness markers.
//!
//! Evaluation goes by columns: each part of an expression yields, per series, its values at all
//! steps at once. So a series is read once however many steps a chart has, a window slides over it
//! instead of being gathered anew, and a sum keeps its groups and no series.
//!
//! What it does not do: it has no clock, file or socket; it knows no native histograms and
//! no experimental function beyond those in `expression/functions.rs`.
//!
//! Invariants: an expression from outside is bounded in length and depth before it is read; an
//! evaluation reads no more than its [`Limits`] and stops when told to; equal input gives equal
//! output, in the same order.

pub mod aggregate;
pub mod api;
mod engine;
mod error;
mod expression;
pub mod source;
mod value;

pub use engine::{instant, range};
pub use error::{Limits, QueryError};
pub use expression::{Expression, Kind, ParseError};
pub use value::{Point, Sample, Series, Value};
