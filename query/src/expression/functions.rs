//! All functions of the language, in one list.
//!
//! One more function of a kind that is here already costs one line.

use super::Kind;

/// A function, its arguments and what it gives.
#[derive(Debug)]
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) function: Function,
    pub(crate) takes: &'static [Kind],
    /// How many of the last arguments may be left out.
    pub(crate) optional: usize,
    /// Whether the last argument may come more than once.
    pub(crate) repeats: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Function {
    /// Over a window of samples; gives an instant vector.
    Over(Over),
    /// Gives an instant vector.
    Vector(VectorFunction),
    /// Gives a scalar.
    Scalar(ScalarFunction),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum VectorFunction {
    /// Number by number.
    Map(fn(f64) -> f64),
    /// A part of the date that a value in seconds means.
    Date(DatePart),
    Absent,
    AbsentOverTime,
    Clamp(Clamp),
    HistogramQuantile,
    LabelJoin,
    LabelReplace,
    Round,
    Sort(Order),
    SortByLabel(Order),
    Timestamp,
    Vector,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum ScalarFunction {
    /// `scalar`: the value of the only series.
    OnlyValue,
    Pi,
    Time,
}

/// What is made of the samples of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Over {
    Average,
    Changes,
    Count,
    Delta,
    Derivative,
    First,
    IncrementalDelta,
    Increase,
    InstantRate,
    Last,
    MedianDeviation,
    Max,
    Min,
    PredictLinear,
    Present,
    Quantile,
    Rate,
    Resets,
    Smooth,
    StandardDeviation,
    Sum,
    Variance,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DatePart {
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    DaysInMonth,
    Hour,
    Minute,
    Month,
    Year,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Order {
    Ascending,
    Descending,
}

/// Which bounds a clamp takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Clamp {
    Both,
    Lowest,
    Highest,
}

impl Function {
    pub(crate) fn gives(self) -> Kind {
        match self {
            Self::Scalar(_) => Kind::Scalar,
            Self::Over(_) | Self::Vector(_) => Kind::Vector,
        }
    }
}

pub(crate) fn find(name: &str) -> Option<&'static Signature> {
    FUNCTIONS.iter().find(|signature| signature.name == name)
}

const MATRIX: &[Kind] = &[Kind::Matrix];
const VECTOR: &[Kind] = &[Kind::Vector];
const MATRIX_AND_TWO: &[Kind] = &[Kind::Matrix, Kind::Scalar, Kind::Scalar];

const FUNCTIONS: &[Signature] = &[
    map("abs", f64::abs),
    map("acos", f64::acos),
    map("acosh", f64::acosh),
    map("asin", f64::asin),
    map("asinh", f64::asinh),
    map("atan", f64::atan),
    map("atanh", f64::atanh),
    map("ceil", f64::ceil),
    map("cos", f64::cos),
    map("cosh", f64::cosh),
    map("deg", |value| value * 180.0 / std::f64::consts::PI),
    map("exp", f64::exp),
    map("floor", f64::floor),
    map("ln", f64::ln),
    map("log10", f64::log10),
    map("log2", f64::log2),
    map("rad", |value| value * std::f64::consts::PI / 180.0),
    map("sgn", sign),
    map("sin", f64::sin),
    map("sinh", f64::sinh),
    map("sqrt", f64::sqrt),
    map("tan", f64::tan),
    map("tanh", f64::tanh),
    over("avg_over_time", Over::Average),
    over("changes", Over::Changes),
    over("count_over_time", Over::Count),
    over("delta", Over::Delta),
    over("deriv", Over::Derivative),
    over("first_over_time", Over::First),
    over("idelta", Over::IncrementalDelta),
    over("increase", Over::Increase),
    over("irate", Over::InstantRate),
    over("last_over_time", Over::Last),
    over("mad_over_time", Over::MedianDeviation),
    over("max_over_time", Over::Max),
    over("min_over_time", Over::Min),
    over("present_over_time", Over::Present),
    over("rate", Over::Rate),
    over("resets", Over::Resets),
    over("stddev_over_time", Over::StandardDeviation),
    over("stdvar_over_time", Over::Variance),
    over("sum_over_time", Over::Sum),
    over_with("double_exponential_smoothing", Over::Smooth, MATRIX_AND_TWO),
    over_with("holt_winters", Over::Smooth, MATRIX_AND_TWO),
    over_with("predict_linear", Over::PredictLinear, &[Kind::Matrix, Kind::Scalar]),
    over_with("quantile_over_time", Over::Quantile, &[Kind::Scalar, Kind::Matrix]),
    date("day_of_month", DatePart::DayOfMonth),
    date("day_of_week", DatePart::DayOfWeek),
    date("day_of_year", DatePart::DayOfYear),
    date("days_in_month", DatePart::DaysInMonth),
    date("hour", DatePart::Hour),
    date("minute", DatePart::Minute),
    date("month", DatePart::Month),
    date("year", DatePart::Year),
    vector("absent", VectorFunction::Absent, VECTOR),
    vector("absent_over_time", VectorFunction::AbsentOverTime, MATRIX),
    vector(
        "clamp",
        VectorFunction::Clamp(Clamp::Both),
        &[Kind::Vector, Kind::Scalar, Kind::Scalar],
    ),
    vector("clamp_max", VectorFunction::Clamp(Clamp::Highest), &[Kind::Vector, Kind::Scalar]),
    vector("clamp_min", VectorFunction::Clamp(Clamp::Lowest), &[Kind::Vector, Kind::Scalar]),
    vector("histogram_quantile", VectorFunction::HistogramQuantile, &[Kind::Scalar, Kind::Vector]),
    Signature {
        optional: 1,
        repeats: true,
        ..vector(
            "label_join",
            VectorFunction::LabelJoin,
            &[Kind::Vector, Kind::String, Kind::String, Kind::String],
        )
    },
    vector(
        "label_replace",
        VectorFunction::LabelReplace,
        &[Kind::Vector, Kind::String, Kind::String, Kind::String, Kind::String],
    ),
    Signature {
        optional: 1,
        ..vector("round", VectorFunction::Round, &[Kind::Vector, Kind::Scalar])
    },
    vector("sort", VectorFunction::Sort(Order::Ascending), VECTOR),
    vector("sort_desc", VectorFunction::Sort(Order::Descending), VECTOR),
    by_label("sort_by_label", Order::Ascending),
    by_label("sort_by_label_desc", Order::Descending),
    vector("timestamp", VectorFunction::Timestamp, VECTOR),
    vector("vector", VectorFunction::Vector, &[Kind::Scalar]),
    signature("pi", Function::Scalar(ScalarFunction::Pi), &[]),
    signature("scalar", Function::Scalar(ScalarFunction::OnlyValue), VECTOR),
    signature("time", Function::Scalar(ScalarFunction::Time), &[]),
];

const fn signature(name: &'static str, function: Function, takes: &'static [Kind]) -> Signature {
    Signature { name, function, takes, optional: 0, repeats: false }
}

const fn vector(name: &'static str, function: VectorFunction, takes: &'static [Kind]) -> Signature {
    signature(name, Function::Vector(function), takes)
}

const fn map(name: &'static str, number: fn(f64) -> f64) -> Signature {
    vector(name, VectorFunction::Map(number), VECTOR)
}

const fn over(name: &'static str, over: Over) -> Signature {
    signature(name, Function::Over(over), MATRIX)
}

const fn over_with(name: &'static str, over: Over, takes: &'static [Kind]) -> Signature {
    signature(name, Function::Over(over), takes)
}

const fn date(name: &'static str, part: DatePart) -> Signature {
    Signature { optional: 1, ..vector(name, VectorFunction::Date(part), VECTOR) }
}

const fn by_label(name: &'static str, order: Order) -> Signature {
    let function = VectorFunction::SortByLabel(order);
    Signature { repeats: true, ..vector(name, function, &[Kind::Vector, Kind::String]) }
}

/// Unlike [`f64::signum`], zero and NaN stay what they are.
fn sign(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}
