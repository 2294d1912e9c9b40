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
    /// Number by number.
    Map(fn(f64) -> f64),
    /// Over a window of samples.
    Over(Over),
    /// A part of the date that a value in seconds means.
    Date(DatePart),
    Absent,
    AbsentOverTime,
    Clamp,
    ClampMax,
    ClampMin,
    HistogramQuantile,
    LabelJoin,
    LabelReplace,
    Pi,
    Round,
    Scalar,
    Sort(Order),
    SortByLabel(Order),
    Time,
    Timestamp,
    Vector,
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

impl Function {
    pub(crate) fn gives(self) -> Kind {
        match self {
            Self::Time | Self::Pi | Self::Scalar => Kind::Scalar,
            Self::Map(_)
            | Self::Over(_)
            | Self::Date(_)
            | Self::Absent
            | Self::AbsentOverTime
            | Self::Clamp
            | Self::ClampMax
            | Self::ClampMin
            | Self::HistogramQuantile
            | Self::LabelJoin
            | Self::LabelReplace
            | Self::Round
            | Self::Sort(_)
            | Self::SortByLabel(_)
            | Self::Timestamp
            | Self::Vector => Kind::Vector,
        }
    }
}

pub(crate) fn find(name: &str) -> Option<&'static Signature> {
    FUNCTIONS.iter().find(|signature| signature.name == name)
}

const MATRIX: &[Kind] = &[Kind::Matrix];
const VECTOR: &[Kind] = &[Kind::Vector];

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
    with(
        "double_exponential_smoothing",
        Function::Over(Over::Smooth),
        &[Kind::Matrix, Kind::Scalar, Kind::Scalar],
    ),
    with("holt_winters", Function::Over(Over::Smooth), &[Kind::Matrix, Kind::Scalar, Kind::Scalar]),
    with("predict_linear", Function::Over(Over::PredictLinear), &[Kind::Matrix, Kind::Scalar]),
    with("quantile_over_time", Function::Over(Over::Quantile), &[Kind::Scalar, Kind::Matrix]),
    date("day_of_month", DatePart::DayOfMonth),
    date("day_of_week", DatePart::DayOfWeek),
    date("day_of_year", DatePart::DayOfYear),
    date("days_in_month", DatePart::DaysInMonth),
    date("hour", DatePart::Hour),
    date("minute", DatePart::Minute),
    date("month", DatePart::Month),
    date("year", DatePart::Year),
    with("absent", Function::Absent, VECTOR),
    with("absent_over_time", Function::AbsentOverTime, MATRIX),
    with("clamp", Function::Clamp, &[Kind::Vector, Kind::Scalar, Kind::Scalar]),
    with("clamp_max", Function::ClampMax, &[Kind::Vector, Kind::Scalar]),
    with("clamp_min", Function::ClampMin, &[Kind::Vector, Kind::Scalar]),
    with("histogram_quantile", Function::HistogramQuantile, &[Kind::Scalar, Kind::Vector]),
    Signature {
        name: "label_join",
        function: Function::LabelJoin,
        takes: &[Kind::Vector, Kind::String, Kind::String, Kind::String],
        optional: 1,
        repeats: true,
    },
    with(
        "label_replace",
        Function::LabelReplace,
        &[Kind::Vector, Kind::String, Kind::String, Kind::String, Kind::String],
    ),
    with("pi", Function::Pi, &[]),
    Signature {
        name: "round",
        function: Function::Round,
        takes: &[Kind::Vector, Kind::Scalar],
        optional: 1,
        repeats: false,
    },
    with("scalar", Function::Scalar, VECTOR),
    with("sort", Function::Sort(Order::Ascending), VECTOR),
    with("sort_desc", Function::Sort(Order::Descending), VECTOR),
    by_label("sort_by_label", Order::Ascending),
    by_label("sort_by_label_desc", Order::Descending),
    with("time", Function::Time, &[]),
    with("timestamp", Function::Timestamp, VECTOR),
    with("vector", Function::Vector, &[Kind::Scalar]),
];

const fn with(name: &'static str, function: Function, takes: &'static [Kind]) -> Signature {
    Signature { name, function, takes, optional: 0, repeats: false }
}

const fn map(name: &'static str, number: fn(f64) -> f64) -> Signature {
    with(name, Function::Map(number), VECTOR)
}

const fn over(name: &'static str, over: Over) -> Signature {
    with(name, Function::Over(over), MATRIX)
}

const fn date(name: &'static str, part: DatePart) -> Signature {
    Signature { name, function: Function::Date(part), takes: VECTOR, optional: 1, repeats: false }
}

const fn by_label(name: &'static str, order: Order) -> Signature {
    Signature {
        name,
        function: Function::SortByLabel(order),
        takes: &[Kind::Vector, Kind::String],
        optional: 1,
        repeats: true,
    }
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
