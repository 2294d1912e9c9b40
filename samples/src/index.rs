//! Which series there are, and which match.
//!
//! A series is found by all its labels; it lives in a frame, which is what its shape had in common
//! when it was seen first, and has a column there. The same labels in another shape are the same
//! series. Labels are kept once as text, and shared.
//!
//! Invariants: a handle means the same series for ever; frames and columns are only added.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::series::{Labels, METRIC_NAME, MatchOp, Matcher};
use query::source::SourceError;
use regex::Regex;

/// A series: the place of its frame, and of its column there.
pub(crate) type Handle = u64;

#[expect(clippy::disallowed_types, reason = "asked once per new series, and never walked through")]
type ByLabels = std::collections::HashMap<Labels, Handle>;

/// All series.
#[derive(Debug, Default)]
pub(crate) struct Index {
    pub(crate) frames: Vec<FrameEntry>,
    by_labels: ByLabels,
    by_common: BTreeMap<Labels, u32>,
    /// By label name and value: the series that have it, in ascending order.
    postings: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Vec<Handle>>>,
    /// By metric: its series in the order of their labels, which is how they are asked for.
    metrics: BTreeMap<Arc<str>, Vec<Handle>>,
}

/// What the series of one frame are.
#[derive(Debug)]
pub(crate) struct FrameEntry {
    pub(crate) common: Labels,
    /// All labels of each column, those in common too.
    pub(crate) columns: Vec<Labels>,
}

pub(crate) fn handle(frame: u32, column: u32) -> Handle {
    u64::from(frame) << 32 | u64::from(column)
}

pub(crate) fn place(handle: Handle) -> (u32, u32) {
    ((handle >> 32) as u32, handle as u32)
}

impl Index {
    pub(crate) fn len(&self) -> usize {
        self.by_labels.len()
    }

    pub(crate) fn find_series(&self, labels: &Labels) -> Option<Handle> {
        self.by_labels.get(labels).copied()
    }

    pub(crate) fn find_frame(&self, common: &Labels) -> Option<u32> {
        self.by_common.get(common).copied()
    }

    pub(crate) fn labels(&self, handle: Handle) -> &Labels {
        let (frame, column) = place(handle);
        &self.frames[frame as usize].columns[column as usize]
    }

    pub(crate) fn add_frame(&mut self, common: &Labels) -> u32 {
        let frame = self.frames.len() as u32;
        let common = self.shared(common);
        self.by_common.insert(common.clone(), frame);
        self.frames.push(FrameEntry { common, columns: Vec::new() });
        frame
    }

    /// Adds the next column of a frame; `labels` are all its labels.
    pub(crate) fn add_column(&mut self, frame: u32, labels: &Labels) -> Handle {
        let labels = self.shared(labels);
        let columns = &mut self.frames[frame as usize].columns;
        let handle = handle(frame, columns.len() as u32);
        columns.push(labels.clone());
        for (name, value) in labels.pairs() {
            let values = self.postings.entry(name.clone()).or_default();
            let handles = values.entry(value.clone()).or_default();
            let at = handles.partition_point(|other| *other < handle);
            handles.insert(at, handle);
        }
        let metric = labels.pairs().iter().find(|(name, _)| &**name == METRIC_NAME);
        if let Some((_, metric)) = metric {
            let before = |other: &Handle| self.labels(*other) < &labels;
            let at = self.metrics.get(metric).map_or(0, |of| of.partition_point(before));
            self.metrics.entry(metric.clone()).or_default().insert(at, handle);
        }
        self.by_labels.insert(labels, handle);
        handle
    }

    /// The same labels, their texts shared with those of others.
    fn shared(&self, labels: &Labels) -> Labels {
        let known = |name: &Arc<str>, value: &Arc<str>| {
            let (known_name, values) = self.postings.get_key_value(name)?;
            let value = values.get_key_value(value).map_or(value, |(value, _)| value);
            Some((known_name.clone(), value.clone()))
        };
        let pairs = labels.pairs().iter();
        Labels::of(pairs.map(|(n, v)| known(n, v).unwrap_or_else(|| (n.clone(), v.clone()))))
    }

    /// The series that match, in the order of their labels.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Result<Vec<Handle>, SourceError> {
        let tests = matchers.iter().map(Test::of).collect::<Result<Vec<_>, _>>()?;
        let metric = tests.iter().find(|test| test.is_metric());
        let Some(metric) = metric else {
            let mut found = self.by_postings(&tests);
            found.sort_by(|one, other| self.labels(*one).cmp(self.labels(*other)));
            return Ok(found);
        };
        let of_metric = self.metrics.get(metric.matcher.value.as_str());
        let of_metric = of_metric.map_or(&[][..], Vec::as_slice);
        let others: Vec<&Test<'_>> = tests.iter().filter(|test| !test.is_metric()).collect();
        let matches = |handle: &&Handle| {
            let labels = self.labels(**handle);
            others.iter().all(|test| test.matches(labels.get(&test.matcher.name)))
        };
        Ok(of_metric.iter().filter(matches).copied().collect())
    }

    fn by_postings(&self, tests: &[Test<'_>]) -> Vec<Handle> {
        let narrow = tests.iter().filter(|test| !test.matches(""));
        let mut lists: Vec<Vec<Handle>> = narrow.map(|test| self.having(test)).collect();
        lists.sort_by_key(Vec::len);
        let mut lists = lists.into_iter();
        let mut found = lists.next().unwrap_or_else(|| self.all());
        for list in lists {
            found.retain(|handle| list.binary_search(handle).is_ok());
        }
        let wide: Vec<&Test<'_>> = tests.iter().filter(|test| test.matches("")).collect();
        found.retain(|handle| {
            let labels = self.labels(*handle);
            wide.iter().all(|test| test.matches(labels.get(&test.matcher.name)))
        });
        found
    }

    fn all(&self) -> Vec<Handle> {
        let frames = self.frames.iter().enumerate();
        let handles = frames.flat_map(|(frame, entry)| {
            (0..entry.columns.len()).map(move |column| handle(frame as u32, column as u32))
        });
        handles.collect()
    }

    fn having(&self, test: &Test<'_>) -> Vec<Handle> {
        let Some(values) = self.postings.get(test.matcher.name.as_str()) else {
            return Vec::new();
        };
        if test.matcher.op == MatchOp::Equal {
            return values.get(test.matcher.value.as_str()).cloned().unwrap_or_default();
        }
        let matching = values.iter().filter(|(value, _)| test.matches(value));
        let mut found: Vec<Handle> = matching.flat_map(|(_, handles)| handles).copied().collect();
        found.sort_unstable();
        found
    }

    pub(crate) fn label_names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.postings.keys()
    }

    pub(crate) fn label_values(&self, name: &str) -> Vec<Arc<str>> {
        self.postings.get(name).into_iter().flat_map(BTreeMap::keys).cloned().collect()
    }
}

/// A matcher, ready to be asked.
struct Test<'a> {
    matcher: &'a Matcher,
    pattern: Option<Regex>,
}

impl<'a> Test<'a> {
    fn of(matcher: &'a Matcher) -> Result<Self, SourceError> {
        let pattern = match matcher.op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => {
                let whole = Regex::new(&format!("^(?s:{})$", matcher.value));
                Some(whole.map_err(|_| SourceError::BadPattern {
                    label: matcher.name.clone(),
                    pattern: matcher.value.clone(),
                })?)
            }
        };
        Ok(Self { matcher, pattern })
    }

    /// Whether it names one metric.
    fn is_metric(&self) -> bool {
        let Matcher { name, op, value } = self.matcher;
        name == METRIC_NAME && *op == MatchOp::Equal && !value.is_empty()
    }

    fn matches(&self, value: &str) -> bool {
        let fits = match &self.pattern {
            Some(pattern) => pattern.is_match(value),
            None => value == self.matcher.value,
        };
        fits == matches!(self.matcher.op, MatchOp::Equal | MatchOp::Regex)
    }
}
