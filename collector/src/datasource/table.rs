//! The shape of a line in a table of metrics.
//!
//! Each kind of data source opens with such a table. Where a server names a figure itself, the
//! line says under which key, and that is all the code there is for it; what must be worked out is
//! listed too, so that a table is complete and a test can hold the code to it.

use super::{DataSourceKind, memcached, mysql, postgres, redis};

/// One metric of a data source.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// After the OpenTelemetry conventions in Prometheus spelling; a counter ends in `_total`.
    pub name: &'static str,
    /// What tells it from its siblings of the same name.
    pub label: Option<(&'static str, &'static str)>,
    /// As UCUM writes it.
    pub unit: &'static str,
    pub help: &'static str,
    pub origin: Origin,
}

/// Where a value comes from.
#[derive(Clone, Copy, Debug)]
pub enum Origin {
    /// The server's own figure of this name, times `factor`.
    Field { key: &'static str, factor: f64 },
    /// 1 if the server's field has this value, 0 if it has another.
    Word { key: &'static str, word: &'static str },
    /// 0 if the server's field has this value, 1 if it has another.
    NotWord { key: &'static str, word: &'static str },
    /// Worked out of this; it may have labels of its own.
    Derived { from: &'static str },
}

/// The metrics that only this kind has.
pub(super) fn metrics_of(kind: DataSourceKind) -> &'static [Metric] {
    match kind {
        DataSourceKind::MySql => mysql::METRICS,
        DataSourceKind::Redis => redis::METRICS,
        DataSourceKind::Memcached => memcached::METRICS,
        DataSourceKind::PostgreSql => postgres::METRICS,
    }
}

pub(super) const fn field(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    key: &'static str,
) -> Metric {
    Metric { name, label: None, unit, help, origin: Origin::Field { key, factor: 1.0 } }
}

pub(super) const fn word(
    name: &'static str,
    help: &'static str,
    key: &'static str,
    word: &'static str,
) -> Metric {
    Metric { name, label: None, unit: "1", help, origin: Origin::Word { key, word } }
}

pub(super) const fn not_word(
    name: &'static str,
    help: &'static str,
    key: &'static str,
    word: &'static str,
) -> Metric {
    Metric { name, label: None, unit: "1", help, origin: Origin::NotWord { key, word } }
}

pub(super) const fn derived(
    name: &'static str,
    unit: &'static str,
    help: &'static str,
    from: &'static str,
) -> Metric {
    Metric { name, label: None, unit, help, origin: Origin::Derived { from } }
}

impl Metric {
    pub(super) const fn with(mut self, label: &'static str, value: &'static str) -> Self {
        self.label = Some((label, value));
        self
    }

    /// The server counts in another unit: its figure is multiplied by this.
    pub(super) const fn times(mut self, by: f64) -> Self {
        if let Origin::Field { key, .. } = self.origin {
            self.origin = Origin::Field { key, factor: by };
        }
        self
    }

    /// Under which name the server tells it, if it does.
    pub(super) fn key(&self) -> Option<&'static str> {
        match self.origin {
            Origin::Field { key, .. } | Origin::Word { key, .. } | Origin::NotWord { key, .. } => {
                Some(key)
            }
            Origin::Derived { .. } => None,
        }
    }

    /// What the server's text means; None if it is no number and should be one.
    pub(super) fn value(&self, text: &str) -> Option<f64> {
        match self.origin {
            Origin::Field { factor, .. } => {
                text.trim().parse().ok().map(|value: f64| value * factor)
            }
            Origin::Word { word, .. } => Some(f64::from(u8::from(text == word))),
            Origin::NotWord { word, .. } => Some(f64::from(u8::from(text != word))),
            Origin::Derived { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::metrics;
    use super::*;

    const KINDS: [DataSourceKind; 4] = [
        DataSourceKind::MySql,
        DataSourceKind::Redis,
        DataSourceKind::Memcached,
        DataSourceKind::PostgreSql,
    ];

    #[test]
    fn every_line_has_a_name_of_its_own_and_says_what_it_is() {
        for kind in KINDS {
            let mut seen = BTreeSet::new();
            for metric in metrics(kind) {
                assert!(seen.insert((metric.name, metric.label)), "{metric:?}");
                assert!(
                    metric.name.starts_with(kind.word()) || metric.name.starts_with("datasource_")
                );
                let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
                assert!(metric.name.chars().all(plain), "{metric:?}");
                assert!(!metric.help.is_empty() && !metric.unit.is_empty(), "{metric:?}");
                assert_eq!(kind.word().parse(), Ok(kind));
            }
        }
    }

    #[test]
    fn a_name_ends_with_its_unit_and_siblings_share_it() {
        for metric in KINDS.into_iter().flat_map(metrics) {
            let stem = metric.name.trim_end_matches("_total");
            match metric.unit {
                "s" => assert!(stem.ends_with("_seconds"), "{metric:?}"),
                "By" => assert!(stem.ends_with("_bytes"), "{metric:?}"),
                _ => {
                    assert!(!stem.ends_with("_seconds") && !stem.ends_with("_bytes"), "{metric:?}")
                }
            }
            for other in KINDS.into_iter().flat_map(metrics).filter(|o| o.name == metric.name) {
                assert_eq!(other.unit, metric.unit, "{metric:?} {other:?}");
            }
        }
    }
}
