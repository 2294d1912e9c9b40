//! The expressions of policies: what is asked, and what the scaler counts of the answers.
//!
//! A policy's expression speaks of the VMs of its module. So each value must say whose it is, by
//! the label `vm`, or there must be exactly one, which then stands for the module. Anything else
//! could be counted for the wrong VM, and has no value instead, with the reason.

use std::collections::BTreeMap;

use model::id::VmId;
use model::time::Time;
use query::Value;
use scaler::facts::{Answer, Values};

use super::asker::Asked;
use crate::config::{Config, Measured};

/// The label that says whose a value is.
const VM: &str = "vm";

/// All that the policies want to know, as often as agents are asked.
pub(super) fn questions(config: &Config) -> impl Iterator<Item = Asked> {
    let every = config.raw.collector.interval.0;
    config.measures.iter().map(move |measured| Asked {
        key: key(measured).into(),
        expression: measured.expression.clone(),
        every,
        lookback: measured.max_age,
    })
}

/// Whose question it is.
pub(super) fn key(measured: &Measured) -> String {
    format!("policy {} {}", measured.module, measured.name)
}

/// What an evaluation at a moment came to.
pub(super) fn answer(at: Time, value: Result<Value, String>) -> Answer {
    Answer { at, values: value.and_then(values) }
}

fn values(value: Value) -> Result<Values, String> {
    let samples = match value {
        Value::Scalar(point) => return Ok(Values::Whole(point.value)),
        Value::Vector(samples) => samples,
        Value::Matrix(_) | Value::String { .. } => {
            return Err("the expression comes to no numbers of one moment".to_owned());
        }
    };
    if let [only] = samples.as_slice()
        && only.labels.get(VM).is_empty()
    {
        return Ok(Values::Whole(only.value));
    }
    let mut each = BTreeMap::new();
    for sample in &samples {
        let name = sample.labels.get(VM);
        let vm = VmId::parse(name).map_err(|_| nobodys(samples.len(), name))?;
        if each.insert(vm, sample.value).is_some() {
            return Err(format!(
                "the expression has two values for vm {name:?}; write for example max by (vm) (...)"
            ));
        }
    }
    Ok(Values::Each(each))
}

fn nobodys(count: usize, name: &str) -> String {
    if name.is_empty() {
        return format!(
            "one of the expression's {count} values has no label `vm`; write for example \
             avg by (vm) (...), or avg(...) for one value"
        );
    }
    format!("{name:?} in the label `vm` is no name of a VM")
}

#[cfg(test)]
mod tests {
    use model::series::Labels;
    use query::{Point, Sample};

    use super::*;

    fn vector(samples: &[(&[(&str, &str)], f64)]) -> Result<Values, String> {
        let sample = |(labels, value): &(&[(&str, &str)], f64)| Sample {
            labels: Labels::of(labels.iter().copied()),
            at_ms: 0,
            value: *value,
        };
        values(Value::Vector(samples.iter().map(sample).collect()))
    }

    #[test]
    fn each_value_is_somebodys_or_there_is_one() {
        let each = vector(&[(&[("vm", "web-1")], 1.0), (&[("vm", "web-2")], 2.0)]);
        let vm = |name| VmId::parse(name).unwrap();
        let expected = BTreeMap::from([(vm("web-1"), 1.0), (vm("web-2"), 2.0)]);
        assert_eq!(each, Ok(Values::Each(expected)));
        assert_eq!(vector(&[(&[], 3.0)]), Ok(Values::Whole(3.0)));
        assert_eq!(vector(&[(&[("module", "shop/web")], 3.0)]), Ok(Values::Whole(3.0)));
        assert_eq!(vector(&[]), Ok(Values::Each(BTreeMap::new())));
        let scalar = values(Value::Scalar(Point { at_ms: 0, value: 4.0 }));
        assert_eq!(scalar, Ok(Values::Whole(4.0)));
    }

    #[test]
    fn what_could_be_counted_for_the_wrong_vm_has_no_value_and_says_why() {
        let why = |samples| vector(samples).unwrap_err();
        let nobodys = why(&[(&[("vm", "web-1")], 1.0), (&[], 2.0)]);
        assert!(nobodys.contains("avg by (vm)"), "{nobodys}");
        let twice =
            why(&[(&[("vm", "a"), ("cpu", "0")], 1.0), (&[("vm", "a"), ("cpu", "1")], 2.0)]);
        assert!(twice.contains("two values for vm \"a\""), "{twice}");
        let odd = why(&[(&[("vm", "no name!")], 1.0)]);
        assert!(odd.contains("no name!"), "{odd}");
        assert!(values(Value::Matrix(Vec::new())).is_err());
    }
}
