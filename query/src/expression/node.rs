//! The parts of an expression, ready to be evaluated.

use model::series::Matcher;

use super::Kind;
use super::functions::{Function, Order};

#[derive(Clone, Debug)]
pub(crate) enum Node {
    Number(f64),
    Text(String),
    Selector(Selector),
    Window(Box<Window>),
    Negate(Box<Node>),
    Binary(Box<Binary>),
    Aggregation(Box<Aggregation>),
    Call(Box<Call>),
}

/// The latest sample of each series that matches.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    pub(crate) matchers: Vec<Matcher>,
    pub(crate) shift: Shift,
}

/// All samples of a stretch of time.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    pub(crate) of: Windowed,
    pub(crate) range_ms: i64,
    pub(crate) shift: Shift,
}

#[derive(Clone, Debug)]
pub(crate) enum Windowed {
    Series(Vec<Matcher>),
    /// An expression evaluated anew every `step_ms`.
    Subquery {
        node: Node,
        step_ms: Option<i64>,
    },
}

/// How the time looked at differs from the time asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Shift {
    /// Into the past where positive.
    pub(crate) offset_ms: i64,
    pub(crate) anchor: Option<Anchor>,
}

/// What `@` names.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Anchor {
    Time(i64),
    Start,
    End,
}

#[derive(Clone, Debug)]
pub(crate) struct Binary {
    pub(crate) operator: Operator,
    pub(crate) left: Node,
    pub(crate) right: Node,
    /// A comparison gives 0 or 1 instead of choosing.
    pub(crate) as_bool: bool,
    pub(crate) matching: Matching,
}

/// Which series of both sides belong together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Matching {
    pub(crate) by: LabelChoice,
    pub(crate) cardinality: Cardinality,
    /// Labels taken over from the "one" side.
    pub(crate) include: Vec<String>,
}

/// `by`, `on`: these labels; `without`, `ignoring`: all others but the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LabelChoice {
    Only(Vec<String>),
    AllBut(Vec<String>),
}

impl Default for LabelChoice {
    fn default() -> Self {
        Self::AllBut(Vec::new())
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Cardinality {
    #[default]
    OneToOne,
    ManyToOne,
    OneToMany,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Arithmetic(Arithmetic),
    Compare(Compare),
    Set(SetOperator),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Modulo,
    Power,
    Atan2,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Compare {
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetOperator {
    And,
    Or,
    Unless,
}

#[derive(Clone, Debug)]
pub(crate) struct Aggregation {
    pub(crate) operator: Aggregator,
    /// The k of `topk`, the quantile of `quantile`, the label of `count_values`.
    pub(crate) parameter: Option<Node>,
    pub(crate) of: Node,
    pub(crate) by: LabelChoice,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregator {
    /// Into one number as values come.
    Fold(Fold),
    /// `bottomk` if ascending, `topk` if descending.
    Extremes(Order),
    Quantile,
    CountValues,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fold {
    Sum,
    Avg,
    Min,
    Max,
    Count,
    Group,
    Stddev,
    Stdvar,
}

#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) function: Function,
    pub(crate) arguments: Vec<Node>,
}

impl Node {
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Number(_) => Kind::Scalar,
            Self::Text(_) => Kind::String,
            Self::Selector(_) | Self::Aggregation(_) => Kind::Vector,
            Self::Window(_) => Kind::Matrix,
            Self::Negate(inner) => inner.kind(),
            Self::Binary(binary) => {
                let both_scalar =
                    binary.left.kind() == Kind::Scalar && binary.right.kind() == Kind::Scalar;
                if both_scalar { Kind::Scalar } else { Kind::Vector }
            }
            Self::Call(call) => call.function.gives(),
        }
    }
}

impl Node {
    pub(crate) fn as_selector(&self) -> Option<&Selector> {
        if let Self::Selector(selector) = self { Some(selector) } else { None }
    }

    pub(crate) fn as_window(&self) -> Option<&Window> {
        if let Self::Window(window) = self { Some(window) } else { None }
    }

    /// What `offset` and `@` change.
    pub(crate) fn shift_mut(&mut self) -> Option<&mut Shift> {
        if let Self::Selector(selector) = self {
            Some(&mut selector.shift)
        } else if let Self::Window(window) = self {
            Some(&mut window.shift)
        } else {
            None
        }
    }

    pub(crate) fn as_text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }
}

impl Windowed {
    /// The matchers, unless it is a subquery.
    pub(crate) fn matchers(&self) -> &[Matcher] {
        match self {
            Self::Series(matchers) => matchers,
            Self::Subquery { .. } => &[],
        }
    }
}

impl Operator {
    pub(crate) fn is_comparison(self) -> bool {
        matches!(self, Self::Compare(_))
    }
}

impl Aggregator {
    /// Every aggregation, by its name in the language.
    pub(crate) const ALL: &[(&str, Self)] = &[
        ("sum", Self::Fold(Fold::Sum)),
        ("avg", Self::Fold(Fold::Avg)),
        ("min", Self::Fold(Fold::Min)),
        ("max", Self::Fold(Fold::Max)),
        ("count", Self::Fold(Fold::Count)),
        ("group", Self::Fold(Fold::Group)),
        ("stddev", Self::Fold(Fold::Stddev)),
        ("stdvar", Self::Fold(Fold::Stdvar)),
        ("topk", Self::Extremes(Order::Descending)),
        ("bottomk", Self::Extremes(Order::Ascending)),
        ("quantile", Self::Quantile),
        ("count_values", Self::CountValues),
    ];

    /// What its first argument must be, if it takes two.
    pub(crate) fn parameter(self) -> Option<Kind> {
        match self {
            Self::Fold(_) => None,
            Self::Extremes(_) | Self::Quantile => Some(Kind::Scalar),
            Self::CountValues => Some(Kind::String),
        }
    }
}
