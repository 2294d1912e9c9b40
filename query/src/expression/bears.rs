//! Which labels the outcome of an expression may bear, by its form alone.
//!
//! Who names an object by a label of the outcome wants to know before anything is evaluated that
//! `sum by (module) (...)` never bears `vm`. Where the samples decide, the answer is yes.

use model::series::MatchOp;

use super::Expression;
use super::functions::{Function, VectorFunction};
use super::node::{Aggregation, Aggregator, Binary, Call, Cardinality, LabelChoice, Node};
use super::node::{Operator, SetOperator, Windowed};
use crate::expression::Kind;

impl Expression {
    /// Whether a series of the outcome may have this label. No means that none ever has.
    pub fn may_bear(&self, label: &str) -> bool {
        bears(&self.node, label)
    }
}

fn bears(node: &Node, label: &str) -> bool {
    match node {
        Node::Number(_) | Node::Text(_) => false,
        Node::Selector(selector) => !selector.matchers.iter().any(|matcher| {
            matcher.name == label && matcher.op == MatchOp::Equal && matcher.value.is_empty()
        }),
        Node::Window(window) => match &window.of {
            Windowed::Series(_) => true,
            Windowed::Subquery { node, .. } => bears(node, label),
        },
        Node::Negate(inner) => bears(inner, label),
        Node::Binary(binary) => of_binary(binary, label),
        Node::Aggregation(aggregation) => of_aggregation(aggregation, label),
        Node::Call(call) => of_call(call, label),
    }
}

fn of_binary(binary: &Binary, label: &str) -> bool {
    let (left, right) = (bears(&binary.left, label), bears(&binary.right, label));
    let has_scalar = [&binary.left, &binary.right].iter().any(|side| side.kind() == Kind::Scalar);
    match binary.operator {
        Operator::Set(SetOperator::And | SetOperator::Unless) => left,
        Operator::Set(SetOperator::Or) => left || right,
        Operator::Arithmetic(_) | Operator::Compare(_) if has_scalar => left || right,
        Operator::Arithmetic(_) | Operator::Compare(_) => {
            let is_taken_over = binary.matching.include.iter().any(|name| name == label);
            match binary.matching.cardinality {
                Cardinality::OneToOne => chosen(&binary.matching.by, label) && (left || right),
                Cardinality::ManyToOne => left || is_taken_over,
                Cardinality::OneToMany => right || is_taken_over,
            }
        }
    }
}

fn of_aggregation(aggregation: &Aggregation, label: &str) -> bool {
    let of = bears(&aggregation.of, label);
    match aggregation.operator {
        Aggregator::Extremes(_) => of,
        Aggregator::CountValues => {
            let counted = aggregation.parameter.as_ref().and_then(Node::as_text);
            counted == Some(label) || (of && chosen(&aggregation.by, label))
        }
        Aggregator::Fold(_) | Aggregator::Quantile => of && chosen(&aggregation.by, label),
    }
}

fn of_call(call: &Call, label: &str) -> bool {
    let of = call.arguments.iter().any(|argument| bears(argument, label));
    match call.function {
        Function::Scalar(_) | Function::Vector(VectorFunction::Vector) => false,
        Function::Vector(VectorFunction::LabelReplace | VectorFunction::LabelJoin) => {
            of || call.arguments.get(1).and_then(Node::as_text) == Some(label)
        }
        Function::Over(_) | Function::Vector(_) => of,
    }
}

fn chosen(choice: &LabelChoice, label: &str) -> bool {
    match choice {
        LabelChoice::Only(names) => names.iter().any(|name| name == label),
        LabelChoice::AllBut(names) => !names.iter().any(|name| name == label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_the_form_takes_away_is_never_there() {
        let cases = [
            ("up", true),
            ("up{vm=\"\"}", false),
            ("up + 1", true),
            ("1 + 1", false),
            ("vector(1)", false),
            ("time() - up", true),
            ("sum(up)", false),
            ("sum by (vm) (up)", true),
            ("sum by (module) (up)", false),
            ("sum without (vm) (up)", false),
            ("sum without (module) (up)", true),
            ("topk(3, up)", true),
            ("count_values(\"vm\", up)", true),
            ("sum by (vm) (sum by (module) (up))", false),
            ("rate(x_total[5m])", true),
            ("max_over_time(sum(up)[5m:1m])", false),
            ("-sum(up)", false),
            ("up / on (module) load", false),
            ("up / on (vm) load", true),
            ("up / ignoring (vm) load", false),
            ("up * on (module) group_left () sum by (module) (load)", true),
            ("sum by (module) (up) * on (module) group_left (vm) load", true),
            ("sum(up) or up", true),
            ("sum(up) and up", false),
            ("label_replace(sum(up), \"vm\", \"x\", \"\", \"\")", true),
            ("absent(up)", true),
            ("scalar(up) + 1", false),
        ];
        for (text, expected) in cases {
            assert_eq!(Expression::parse(text).unwrap().may_bear("vm"), expected, "{text}");
        }
    }
}
