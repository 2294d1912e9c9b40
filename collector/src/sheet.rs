//! What one agent is asked for: the table of metrics, written out for the parts of its machine.
//!
//! One answer may give several series (the statistics of a disk are one line), and one key may
//! stand in the table twice. So a sheet lists each key once, with the columns that its answer
//! fills. Its columns are those of the rows that the agent's values go into.

use std::collections::BTreeMap;

use model::metric::{Beat, Metric, Of};
use model::series::Labels;

use crate::parts::{Parts, as_parameter};

/// All that one agent can be asked for.
#[derive(Clone, Debug, Default)]
pub struct Sheet {
    /// Those that are asked for most often come first.
    pub items: Vec<Item>,
    /// The series, in the order of the table.
    pub columns: Vec<Labels>,
}

/// One key to ask for.
#[derive(Clone, Debug)]
pub struct Item {
    pub key: String,
    pub beat: Beat,
    pub fills: Vec<Fill>,
}

/// One series that an answer gives.
#[derive(Clone, Copy, Debug)]
pub struct Fill {
    pub metric: &'static Metric,
    /// In [`Sheet::columns`].
    pub column: usize,
}

impl Sheet {
    pub fn of(table: &'static [Metric], parts: &Parts) -> Self {
        let mut sheet = Self::default();
        let mut places: BTreeMap<String, usize> = BTreeMap::new();
        for metric in table {
            match metric.of {
                Of::Machine => sheet.add(metric, "", &mut places),
                Of::Each(kind) => {
                    parts.of(kind).iter().for_each(|part| sheet.add(metric, part, &mut places));
                }
            }
        }
        sheet.items.sort_by_key(|item| item.beat == Beat::Minute); // Keeps their order else.
        sheet
    }

    fn add(&mut self, metric: &'static Metric, part: &str, places: &mut BTreeMap<String, usize>) {
        let key = metric.key_of(&as_parameter(part));
        let fill = Fill { metric, column: self.columns.len() };
        self.columns.push(metric.series(part));
        let place = *places.entry(key.clone()).or_insert(self.items.len());
        match self.items.get_mut(place) {
            Some(item) => {
                item.fills.push(fill);
                if metric.beat == Beat::Poll {
                    item.beat = Beat::Poll;
                }
            }
            None => self.items.push(Item { key, beat: metric.beat, fills: vec![fill] }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use model::metric::{PartKind, TABLE};

    use super::*;

    fn sheet() -> Sheet {
        let mut parts = Parts::default();
        parts.set(PartKind::Mount, vec!["/".to_owned(), "/my, disk".to_owned()]);
        parts.set(PartKind::Device, vec!["vda".to_owned()]);
        parts.set(PartKind::Interface, vec!["eth0".to_owned()]);
        Sheet::of(TABLE, &parts)
    }

    #[test]
    fn each_key_is_asked_once_and_each_column_filled_by_one() {
        let sheet = sheet();
        let keys: BTreeSet<&str> = sheet.items.iter().map(|item| item.key.as_str()).collect();
        assert_eq!(keys.len(), sheet.items.len());
        assert!(keys.contains(r#"vfs.fs.size["/my, disk",pused]"#));
        assert!(keys.contains("vfs.file.contents[/sys/block/vda/stat]"));
        let fills = sheet.items.iter().flat_map(|item| &item.fills);
        let filled: BTreeSet<usize> = fills.map(|fill| fill.column).collect();
        assert_eq!(filled, (0..sheet.columns.len()).collect());
    }

    #[test]
    fn what_is_asked_at_each_poll_comes_first() {
        let sheet = sheet();
        let polled = sheet.items.iter().take_while(|item| item.beat == Beat::Poll).count();
        assert!(sheet.items[polled..].iter().all(|item| item.beat == Beat::Minute));
        let whole = model::metric::whole_machine().count();
        assert_eq!(polled, whole + 3, "one of the disk, and two of the interface");
    }

    #[test]
    fn an_agent_without_parts_is_asked_for_the_machine_alone() {
        let sheet = Sheet::of(TABLE, &Parts::default());
        assert!(sheet.items.iter().all(|item| !item.key.contains("{}")));
    }
}
